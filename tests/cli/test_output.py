"""What every command prints at a pipe, on a terminal of 80 columns, and in old encodings."""

from __future__ import annotations

import functools
import math
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.console import Console

from anticrossing.cli.layout import Column, tables
from anticrossing.cli.terminal import _plain
from tests.cli.terminals import COMMAND, on_terminal, piped, without_controls
from tests.effort import cases, slow

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DATA = EXAMPLES / "data" / "interferogram_synthetic.csv"
WRONG = '[hamiltonian]\nmodel = "LandauZenr"\nħ = 1\n[drive]\nkind = "linear"\n'
SWEPT = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -50, stop = 50, rate = 1.0 }
sweep = { parameters = [{ parameter = "drive.rate", values = [1.0, 2.0, 3.0] }] }
"""
LEVEL = """
[driven_level]
levels = { from = 1, to = 5, count = 5 }
couplings = 0.2
beta = 1.2
chemical_potential = 3.0
start = 0.0
stop = 6.0
rate = 1.0
"""
CALLS: dict[str, tuple[str, ...]] = {
    "run": ("run", "level.toml"),
    "fit": ("fit", str(DATA), str(EXAMPLES / "fringes_fit.toml")),
    "crossings": ("crossings", str(EXAMPLES / "sodium_iodide.toml")),
    "reproduce": ("reproduce", "demkov-osherov"),
    "sweep": ("sweep", "swept.toml"),
    "schema": ("schema",),
    "models": ("models",),
    "completion": ("completion", "fish"),
    "new": ("new",),
    "check": ("check", "wrong.toml", str(EXAMPLES / "flux_qubit.toml")),
    "docs": ("docs", "Hamiltonian", "--print"),
    "hops": ("hops", "finished.csv", "--initial", "1", "--energy", "eV", "--time", "fs"),
}
QUICK = ("models",)
ENDS = {"check": 2}
WHOLE = ("schema", "completion", "check", "docs")  # text for programs, or lines that stay whole
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


def write_files(place: Path) -> None:
    (place / "wrong.toml").write_text(WRONG, encoding="utf-8")
    (place / "swept.toml").write_text(SWEPT)
    (place / "level.toml").write_text(LEVEL)
    times = [0.5 * k for k in range(81)]
    gaps = [math.hypot(0.05 * (t - 20.0), 0.1) for t in times]
    rows = [f"{t},{-0.5 * gap:.9f},{0.5 * gap:.9f}" for t, gap in zip(times, gaps, strict=True)]
    (place / "finished.csv").write_text("\n".join(["t,E0,E1", *rows]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path)
    return tmp_path


@functools.cache
def plainly(name: str) -> str:
    """Return what a command prints at a pipe, in UTF-8; it is the same every time."""
    with tempfile.TemporaryDirectory() as place:
        write_files(Path(place))
        done = piped(*CALLS[name], folder=Path(place), PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (ENDS.get(name, 0), b"")
    return done.stdout.decode()


def calls() -> list[object]:
    return [name if name in QUICK else slow(name) for name in CALLS]


def test_every_command_is_called_here(call: Any) -> None:
    listed = call("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    found = set(re.findall(r"^  (\w+)  ", listed, re.MULTILINE))
    assert {*CALLS, "page"} >= found >= set(CALLS)


@pytest.mark.parametrize("name", calls())
def test_at_a_pipe(name: str) -> None:
    """No colour, no control codes, no bar, no blanks that only fill a line; and all of it."""
    out = plainly(name)
    assert "\x1b" not in out
    assert "\r" not in out
    if name not in WHOLE:
        assert not re.search(r" $", out, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_in_an_old_encoding(name: str, encoding: str, folder: Path) -> None:
    """Every letter the encoding has not is spelled out: none is lost, and nothing stops."""
    done = piped(*CALLS[name], folder=folder, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (ENDS.get(name, 0), b"")
    told = done.stdout.decode(encoding)
    assert told.count("?") == plainly(name).count("?")


@pytest.mark.parametrize("name", calls())
def test_on_a_terminal_of_80_columns(name: str, folder: Path) -> None:
    """Lines fit, and every number and word of the wide output is there in one piece."""
    status, shown = on_terminal(*CALLS[name], folder=folder)
    assert status == ENDS.get(name, 0)
    text = without_controls(shown)
    words = {word for word in plainly(name).split() if set(word) != {"─"}}
    assert words <= set(text.split())
    if name not in WHOLE:
        long = [line for line in text.splitlines() if len(line) > 80]
        assert [line for line in long if not re.match(r"(report|store|figure): ", line)] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_without_colour(name: str, folder: Path) -> None:
    _, plain = on_terminal(*CALLS[name], folder=folder, NO_COLOR="1")
    assert not COLOUR.search(plain)
    if name == "run":
        assert COLOUR.search(on_terminal(*CALLS[name], folder=folder)[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_a_reader_who_has_enough(name: str, folder: Path) -> None:
    """As ``| head -1``: no complaint, whether all was written before or not."""
    command = [*COMMAND, *CALLS[name]]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(300) in (141, ENDS.get(name, 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_help_fits_80_columns(name: str, folder: Path) -> None:
    status, shown = on_terminal(name, "--help", folder=folder)
    assert status == 0
    text = without_controls(shown)
    assert text.startswith(f"Usage: anticrossing {name}")
    assert max(map(len, text.splitlines())) <= 80


# ---- tables of any width ----------------------------------------------------------------------

CELLS = st.text(st.characters(categories=["L", "N"], max_codepoint=0x3FF), min_size=1, max_size=24)
COLUMNS = st.lists(
    st.tuples(
        st.lists(CELLS, min_size=1, max_size=3).map(" ".join),
        st.lists(st.lists(CELLS, min_size=1, max_size=4).map(" ".join), min_size=2, max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


@given(COLUMNS, st.integers(60, 140))
@cases(60)
def test_no_table_breaks_a_word_or_a_number(
    given_columns: list[tuple[str, list[str], bool]], width: int
) -> None:
    columns = [
        Column(head, cells if words else [cell[:40].replace(" ", "") for cell in cells], words)
        for head, cells, words in given_columns
    ]
    console = Console(width=width, markup=False, emoji=False, highlight=False, color_system=None)
    with console.capture() as held:
        for table in tables(columns, width):
            console.print(table)
    shown = held.get()
    parts = [word for column in columns for word in column.heading.split()]
    parts += [word for column in columns for cell in column.cells for word in str(cell).split()]
    assert set(parts) <= set(shown.split())
    assert all(len(line) <= width for line in shown.splitlines())


def test_letters_of_physics_in_ascii() -> None:
    plain = ["hbar", "alpha", "sqrt", "Delta", "beta", "Omega", "1/2", "e", "2", "<=", ">", "-"]
    for character, expected in zip("ħα√ΔβΩ½é₂≤⟩−", plain, strict=True):
        assert _plain(UnicodeEncodeError("ascii", character, 0, 1, "")) == (expected, 1)


def test_every_letter_that_the_package_prints_has_a_plain_form() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    letters = {letter for text in sources for letter in text if not letter.isascii()}
    lost = [x for x in letters if "?" in str(_plain(UnicodeEncodeError("ascii", x, 0, 1, ""))[0])]
    assert sorted(lost) == []
