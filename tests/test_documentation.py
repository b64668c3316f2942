"""The documentation is complete, builds without warnings, and its links lead somewhere.

That its examples run is tested page by page: see `conftest.py` at the root.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import anticrossing as ac

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/api/*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def documented(page: str) -> set[str]:
    """Names with an autodoc directive on a page of the API reference."""
    return set(re.findall(r"auto(?:function|class|data|exception):: (\w+)", text(page)))


def test_readme_opens_with_the_two_commands_a_figure_and_ten_lines() -> None:
    readme = text("README.md")
    opening = readme[: readme.index("## ")]
    order = [opening.index(part) for part in ("make run", "make test", "![", "```python")]
    assert order == sorted(order)
    (example,) = re.findall(r"```python\n(.*?)```", opening, re.DOTALL)
    assert example.count("\n") <= 10


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/api/models.md", ac.models.__all__),
        ("docs/api/formulas.md", ac.formulas.__all__),
        ("docs/api/rates.md", ac.molecules.rates.__all__),
        ("docs/api/spectrum.md", ac.spectrum.__all__),
        ("docs/api/drives.md", ["Linear", "Tanh", "Sinusoidal", "Piecewise", "Formula", "Drive"]),
        ("docs/api/dynamics.md", ac.dynamics.__all__),
        ("docs/api/wavepackets.md", ac.molecules.packets.__all__),
        ("docs/api/trajectories.md", ac.molecules.trajectories.__all__),
        ("docs/api/trajectories.md", ac.molecules.finished.__all__),
        ("docs/api/rates.md", ac.environment.spectral_density.__all__),
        ("docs/api/control.md", ac.control.__all__),
        ("docs/api/sweeps.md", [*ac.fits.__all__, "sweep", "Zip", "SweepError"]),
        ("docs/api/thermodynamics.md", ac.thermodynamics.__all__),
        (
            "docs/api/geometry.md",
            [
                *ac.geometry.__all__,
                *("coupling_peak", "CouplingPeak", "intersection_passage", "IntersectionPassage"),
            ],
        ),
        ("docs/api/environments.md", ac.environment.noise.__all__),
        ("docs/api/vibronic.md", ac.molecules.vibronic.__all__),
        ("docs/api/studies.md", ac.studies.__all__),
        ("docs/api/ab_initio.md", ac.molecules.ab_initio.__all__),
        ("docs/api/electronic.md", ac.molecules.electronic.__all__),
        ("docs/api/plot.md", [name for name in ac.plot.__all__ if name != "style"]),
    ],
)
def test_every_public_name_is_in_the_reference(page: str, names: list[str]) -> None:
    assert set(names) - documented(page) == set()


def test_what_the_reference_calls_a_function_is_none_of_our_modules() -> None:
    """A submodule of the same name takes the place of a function of its room."""
    rooms = {name: getattr(ac, name) for name in ac.__all__}
    rooms = {
        name: room
        for name, room in rooms.items()
        if isinstance(room, ModuleType) and hasattr(room, "__all__")
    }
    found = {
        f"{name}.{thing}"
        for name, room in rooms.items()
        for thing in room.__all__
        if name != "molecules" and isinstance(getattr(room, thing), ModuleType)
    }
    known = {"environment.noise", "environment.spectral_density", "plot.style"}
    assert found - known == set()


def test_every_top_level_name_is_in_the_reference() -> None:
    found = set().union(*(documented(f"docs/api/{p.name}") for p in ROOT.glob("docs/api/*.md")))
    modules = {name for name in ac.__all__ if isinstance(getattr(ac, name), ModuleType)}
    assert set(ac.__all__) - found - modules == {"__version__"}


def test_every_model_is_named_among_the_experiment_files() -> None:
    page = text("docs/files.md")
    assert [name for name in ac.models.MODELS if f"`{name}`" not in page] == []


def test_a_file_with_a_model_of_several_coordinates_stops_with_the_line_shown() -> None:
    from anticrossing import studies

    file = """
        hamiltonian = { model = "JahnTeller", linear = 2.0 }
        drive = { kind = "linear", start = -2.0, stop = 2.0, rate = 1.0 }
    """
    with pytest.raises(ac.InputError) as error:
        studies.parse(file)
    line = str(error.value).removeprefix("In [hamiltonian]: ").rstrip(".")
    assert line in " ".join(text("docs/files.md").split())


def test_every_unit_is_named_among_the_experiment_files() -> None:
    page = text("docs/files.md")
    known = [*ac.units.ENERGIES, *ac.units.TIMES, *ac.units.LENGTHS, *ac.units.MASSES]
    assert [name for name in known if f"`{name}`" not in page] == []


def test_every_table_and_key_is_named_among_the_experiment_files() -> None:
    from anticrossing.studies.json_schema import schema

    page = text("docs/files.md") + text("docs/rates.md")
    defined = schema()["$defs"]
    own = [name for name in defined if name.endswith(("File", "Table"))]
    keys = {key for name in own for key in defined[name]["properties"]} - {"dt"}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files(page: Path) -> None:
    content = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", content)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_commands_shown_exist() -> None:
    from anticrossing.cli import defined
    from anticrossing.reproduce import NAMES

    shown = "\n".join(page.read_text(encoding="utf-8") for page in PAGES) + text("Makefile")
    assert set(re.findall(r"^\$ anticrossing (\w+)", shown, re.MULTILINE)) == defined()
    files = set(re.findall(r"anticrossing \w+ (?:\S+ )?(examples/\w+\.toml)", shown))
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert set(re.findall(r"anticrossing reproduce ([a-z][\w-]+)", shown)) <= set(NAMES)
    assert [name for name in NAMES if f"`{name}`" not in text("docs/command_line.md")] == []


@pytest.mark.slow
def test_command_output_shown_is_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"```console\n\$ (.*)\n((?:[^$`].*\n)+)```", text("docs/command_line.md"))
    assert len(blocks) == 6
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    compare = doctest.OutputChecker().check_output
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for command, expected in blocks:
        arguments = command.removeprefix("anticrossing ").split()
        done = subprocess.run(
            [sys.executable, "-m", "anticrossing", *arguments],
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "1"},
            text=True,
            encoding="utf-8",
            check=False,
        )
        printed = done.stdout.lstrip("\n") + done.stderr
        assert compare(expected, printed, flags), f"{command} printed\n{printed}"


@pytest.mark.slow
def test_documentation_builds_without_warnings(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-d", str(tmp_path / "doctrees")]
    build = subprocess.run(
        [*command, "-b", "html", str(ROOT / "docs"), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    assert (tmp_path / "html" / "api" / "models.html").exists()


@pytest.mark.slow
def test_figures_can_be_redrawn(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "docs/figures.py"), str(tmp_path)], check=True)
    drawn = {path.name for path in tmp_path.glob("*.png")}
    photographed = {"page.png"}  # by docs/page_figure.py, which needs a browser
    kept = {path.name for path in (ROOT / "docs/images").glob("*.png")}
    assert drawn | photographed == kept
