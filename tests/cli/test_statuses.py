"""The status with which the command ends: one for each way in which it can."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anticrossing import studies
from anticrossing._core.checks import ConvergenceError, MissingExtraError
from anticrossing.cli import app as command_line
from tests.cli.terminals import COMMAND
from tests.effort import slow

ROOT = Path(__file__).parents[2]
GOOD = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -50, stop = 50, rate = 1.0 }
"""


@pytest.fixture
def failing(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the outcome of a run in whose middle an error is raised."""

    def run(error: BaseException) -> Any:
        def stop(*_: Any, **__: Any) -> None:
            raise error

        (tmp_path / "a.toml").write_text(GOOD)
        monkeypatch.setattr(studies, "run", stop)
        return call("run", "a.toml", "--json")

    return run


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConvergenceError("Not reached: take more points."), 3, "a.toml: Not reached"),
        (MissingExtraError("Sampling a posterior needs emcee: pip install"), 4, "needs emcee"),
        (OSError(28, "No space left on device"), 5, "No space left on device"),
        (OSError(5, "Input/output error", "x.nc"), 5, "x.nc: Input/output error"),
        (OSError(13, "Permission denied", "x.nc"), 2, "x.nc: Permission denied"),
        (MemoryError(), 5, "The memory is used up"),
    ],
)
def test_errors(failing: Any, tmp_path: Path, error: Exception, status: int, said: str) -> None:
    outcome = failing(error)
    assert (outcome.status, outcome.out) == (status, "")
    assert outcome.err.startswith("error: ")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


def test_interruption(failing: Any) -> None:
    outcome = failing(KeyboardInterrupt())
    assert (outcome.status, outcome.out, outcome.err) == (130, "", "interrupted\n")


def test_done_and_bad_input(call: Any) -> None:
    assert call("models").status == 0
    assert call("run", "missing.toml").status == 2
    assert call("rum").status == 2


@pytest.mark.slow
def test_a_computation_that_does_not_converge(call: Any, tmp_path: Path) -> None:
    """Not by a stand-in: a packet that reaches the end of its grid."""
    (tmp_path / "a.toml").write_text(
        '[hamiltonian]\nmodel = "TullySimple"\n[packet]\nmasses = 2000.0\ncentre = -5.0\n'
        "momentum = 20.0\nwidth = 1.0\nstop = 1600.0\nstep = 2.0\n"
        "grid = { start = -10.0, stop = 10.0, points = 256 }\n"
    )
    outcome = call("run", "a.toml", "--json")
    assert (outcome.status, outcome.out) == (3, "")


@pytest.mark.parametrize(
    ("package", "arguments"), [slow("rich", "'models'"), ("msgspec", "'run', 'a.toml'")]
)
def test_a_package_that_is_missing(package: str, arguments: str) -> None:
    code = (
        "import sys; sys.modules['{0}'] = None; sys.argv = ['anticrossing', {1}]\n"
        "from anticrossing.cli import main; main()"
    )
    command = [sys.executable, "-c", code.format(package, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert re.fullmatch(r"error: .*pip install 'anticrossing\[\w+\]'.*\n", done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_disk_that_is_full() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "models"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == 5
    assert done.stderr.count(b"\n") == 1


def test_every_status_is_documented(call: Any) -> None:
    """The help and the page list the statuses of the code, and no others."""
    known = {str(status) for status in command_line.STATUSES}
    shown = call("--help").out.partition("Exit status:")[2]
    assert set(re.findall(r"^ +(\d+) ", shown, re.MULTILINE)) == known
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    table = page.partition("## Exit status")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE)) == known
