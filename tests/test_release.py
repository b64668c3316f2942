"""What is published: its metadata agree, its files can be read, its wheel works by itself."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

import anticrossing as ac
from anticrossing._core.checks import MissingExtraError, require

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
YAML = sorted(
    path
    for pattern in ("*.cff", "*.y*ml", ".*.yaml", ".github/**/*.yml")
    for path in ROOT.glob(pattern)
)


def load_yaml(path: Path) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(path.read_text("utf-8"))


# ---- metadata ---------------------------------------------------------------------------------


def declared(extra: str | None = None) -> set[str]:
    """Return the packages of an extra and of the extras that it names, or those of the core."""
    extras = PROJECT["optional-dependencies"]
    listed = PROJECT["dependencies"] if extra is None else extras[extra]
    found = set()
    for entry in listed:
        name, inner = re.match(r"([\w-]+)(?:\[([\w,]+)\])?", entry).groups()  # type: ignore[union-attr]
        found |= {name} if name != "anticrossing" else set()
        for other in (inner or "").split(",") if name == "anticrossing" else ():
            found |= declared(other)
        if inner and name != "anticrossing":
            found.add(inner)
    return found


def test_every_package_that_is_imported_is_declared() -> None:
    known = declared() | declared("all") | set(sys.stdlib_module_names) | {"anticrossing"}
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        # Whatever looks like an import; only what is unknown or asked for has to be understood.
        named = set(re.findall(r"(?:^|[;:])\s*(?:import|from)\s+(\w+)", text, re.MULTILINE))
        if named <= known and "require(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "require":
                package, extra = (getattr(a, "value", None) for a in node.args[:2])
                if package is not None and extra is not None:
                    assert package in declared(extra), f"{path}: {package} is not in [{extra}]"
            unknown = {name.partition(".")[0] for name in names} - known
            assert not unknown, f"{path} imports {unknown}"


def test_versions_agree() -> None:
    assert load_yaml(ROOT / "CITATION.cff")["version"] == ac.__version__
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == ac.__version__


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_files_for_services_can_be_read(path: Path) -> None:
    assert isinstance(load_yaml(path), dict)


def test_citation_has_what_the_format_asks_for() -> None:
    citation = load_yaml(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


def test_pythons_of_the_workflow_are_those_of_the_metadata() -> None:
    workflow = load_yaml(ROOT / ".github" / "workflows" / "tests.yml")
    tested = workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]
    start = "Programming Language :: Python :: 3."
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith(start)]
    assert tested == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_every_job_of_the_workflow_calls_a_target_that_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    called = set(re.findall(r"run: make ([\w-]+)", workflow))
    assert called >= {"test-core", "lint", "docs", "dist"}
    assert [name for name in called if f"\n{name}:" not in makefile] == []


def test_the_readme_holds_no_relative_links() -> None:
    """It is shown on the package index too, where they lead nowhere."""
    readme = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)", readme) + re.findall(r"^\[.*\]: (\S+)", readme, re.M)
    assert targets
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    named = set(re.findall(r"^\[([\w-]+)\]: ", readme, re.MULTILINE))
    assert set(re.findall(r"\]\[([\w-]+)\]", readme)) == named
    pages = re.findall(r"readthedocs\.io/en/stable/(\w+)\.html", readme)
    files = re.findall(r"anticrossing/(?:blob/)?main/(\S+?)[)\s]", readme)
    assert [page for page in pages if not (ROOT / "docs" / f"{page}.md").exists()] == []
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_data_of_tests_and_examples_name_their_source() -> None:
    for folder in (ROOT / "tests" / "reference_data", ROOT / "examples" / "data"):
        said = (folder / "README.md").read_text("utf-8")
        assert [path.name for path in folder.iterdir() if path.name not in said] == ["README.md"]


# ---- extras -----------------------------------------------------------------------------------


def test_extras_that_errors_name_exist() -> None:
    calls = re.compile(r"require\(\s*f?\"[\w.{}]+\", \"(\w+)\"")
    sources = (ROOT / "src").rglob("*.py")
    named = {extra for path in sources for extra in calls.findall(path.read_text("utf-8"))}
    assert named >= {"files", "plot", "fit", "dask", "pyscf"}
    assert named <= set(PROJECT["optional-dependencies"])


def test_a_package_that_is_missing_or_broken_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingExtraError) as absent:
        require("no_such_package.part", "files", "A dataset")
    install = "install it with  pip install 'anticrossing[files]'"
    assert str(absent.value) == f"A dataset needs the package no_such_package: {install}"
    (tmp_path / "broken_package.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match=r"cannot be imported .*no_such_package"):
        require("broken_package", "files", "A dataset")


@pytest.mark.slow
def test_the_library_works_without_extras() -> None:
    """`make test-core` runs the same where they are really absent."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "smoke.py"), "--hide"],
        capture_output=True, text=True, check=False, timeout=600,
        env={**os.environ, "PYTHONPATH": str(Path(ac.__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# ---- the wheel --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_wheel_installs_into_an_empty_environment_and_runs(tmp_path: Path) -> None:
    """The libraries are lent by this environment, the package comes from the wheel alone."""
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    folder = ROOT / "src"
    stubs = {path.relative_to(folder).as_posix() for path in folder.rglob("*.pyi")}
    stubs |= {path.relative_to(folder).as_posix() for path in folder.rglob("page/static/*")}
    assert stubs | {"anticrossing/py.typed"} <= set(held)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)

    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    ours = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=ours))
    lent = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    (site / "lent.pth").write_text("\n".join(lent) + "\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    for command in (
        [scripts / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel],
        [scripts / "anticrossing", "models"],
    ):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True,
            encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "LandauZener" in done.stdout
    where = subprocess.run(
        [scripts / "python", "-c", "import anticrossing; print(anticrossing.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert Path(where.strip()).is_relative_to(home.resolve())
