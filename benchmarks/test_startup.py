"""How long a user waits: for `import anticrossing`, for the first run ever, and for later ones."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import timed

Report = Callable[[str, dict[str, Any]], None]

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "flux_qubit.toml"
IMPORT_TARGET, FIRST_TARGET, LATER_TARGET = 0.8, 30.0, 4.0  # seconds
TIMED_IMPORT = (
    "import time; t = time.perf_counter(); import anticrossing; print(time.perf_counter() - t)"
)
HEAVY = ("sympy", "scipy", "matplotlib", "xarray", "mpmath", "numba")


def _python(*arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return finished.stdout


def test_import(benchmark: Any, report: Report) -> None:
    _python("-c", TIMED_IMPORT)  # compiles the bytecode, which happens once per installation
    seconds = [float(_python("-c", TIMED_IMPORT)) for _ in range(5)]
    loaded = _python(
        "-c", f"import sys, anticrossing; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    )
    benchmark.pedantic(_python, ("-c", "import anticrossing"), rounds=3)
    report(
        "import anticrossing",
        {
            "best": f"{min(seconds):.3f} s",
            "median": f"{statistics.median(seconds):.3f} s",
            "heavy modules loaded": loaded.split() or "none",
            "target": f"{IMPORT_TARGET} s",
        },
    )
    assert statistics.median(seconds) <= IMPORT_TARGET


def test_command_line(benchmark: Any, report: Report, tmp_path: Path) -> None:
    command = shutil.which("anticrossing", path=str(Path(sys.executable).parent))
    if command is None or not (ROOT / "src" / "anticrossing" / "cli.py").is_file():
        pytest.skip("the command `anticrossing` is not installed")
    # As on the first day: no bytecode, no compiled kernels, no list of fonts.
    caches = {
        name: str(tmp_path / name)
        for name in ("NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX", "MPLCONFIGDIR")
    }
    environment = {**os.environ, **caches}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run() -> None:
        finished = subprocess.run(
            [command, "run", str(EXAMPLE), "-o", str(tmp_path / "results")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert finished.returncode == 0, finished.stderr

    first = timed(run).wall
    later = [timed(run).wall for _ in range(5)]
    benchmark.pedantic(run, rounds=1)
    report(
        "anticrossing run",
        {
            "first ever": f"{first:.2f} s (target {FIRST_TARGET:g})",
            "later, best": f"{min(later):.2f} s",
            "later, median": f"{statistics.median(later):.2f} s (target {LATER_TARGET:g})",
        },
    )
    assert first <= FIRST_TARGET
    assert statistics.median(later) <= LATER_TARGET
