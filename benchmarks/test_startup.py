"""How long a user waits: for `import anticrossing`, for the first run ever, and for later ones.

Processor time, as a multiple of that of `import numpy` in runs that alternate with it: a slow or
busy machine slows both.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Report = Callable[[str, dict[str, Any]], None]

ROOT = Path(__file__).resolve().parents[1]
IMPORT_TARGET, FIRST_TARGET, LATER_TARGET = 0.5, 80.0, 15.0  # times `import numpy`
ROUNDS, FIRST_ROUNDS = 7, 3
NUMPY = ("-c", "import numpy")
HEAVY = ("sympy", "scipy", "matplotlib", "xarray", "mpmath", "numba")


class Copy:
    """A copy of the package in which nothing has been run yet, with a home that is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src" / "anticrossing", folder / "anticrossing", ignore=skip)
        (folder / "home").mkdir()
        example = ROOT / "examples" / "flux_qubit.toml"
        self.run = ("-m", "anticrossing", "run", str(example), "-o", str(folder / "results"))

    def seconds(self, arguments: Sequence[str]) -> float:
        """Run Python and return the processor time it took."""
        unset = (
            "PYTHONDONTWRITEBYTECODE",
            "PYTHONPYCACHEPREFIX",
            "NUMBA_CACHE_DIR",
            "MPLCONFIGDIR",
        )
        unset += ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        own = {"PYTHONPATH": str(self.folder), "HOME": str(self.folder / "home")}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments],
            env={**kept, **own},
            cwd=self.folder,
            capture_output=True,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def ratio(self, arguments: Sequence[str]) -> tuple[float, float]:
        """Return the median time as a multiple of NumPy's, measured in turns, and in seconds."""
        self.seconds(NUMPY)
        pairs = [(self.seconds(NUMPY), self.seconds(arguments)) for _ in range(ROUNDS)]
        numpy, own = (statistics.median(times) for times in zip(*pairs, strict=True))
        return own / numpy, own


def test_import(report: Report, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    code = f"import sys, anticrossing; assert not set({HEAVY!r}) & set(sys.modules)"
    copy.seconds(("-c", code))  # compiles the bytecode, which happens once per installation
    ratio, seconds = copy.ratio(("-c", "import anticrossing"))
    report(
        "import anticrossing",
        {"median": f"{ratio:.2f} times NumPy, {seconds:.2f} s", "target": f"{IMPORT_TARGET}"},
    )
    assert ratio <= IMPORT_TARGET


def test_first_run_ever(report: Report, tmp_path: Path) -> None:
    # No bytecode of the package, no compiled kernels, no list of fonts.
    firsts, numpys = [], []
    for index in range(FIRST_ROUNDS):
        copy = Copy(tmp_path / f"copy{index}")
        numpys.append(copy.seconds(NUMPY))
        firsts.append(copy.seconds(copy.run))
    seconds = statistics.median(firsts)
    ratio = seconds / statistics.median(numpys)
    report(
        "anticrossing run, the first time ever",
        {"median": f"{ratio:.1f} times NumPy, {seconds:.2f} s", "target": f"{FIRST_TARGET:g}"},
    )
    assert ratio <= FIRST_TARGET


def test_later_runs(report: Report, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    copy.seconds(copy.run)  # fills the caches
    ratio, seconds = copy.ratio(copy.run)
    report(
        "anticrossing run, later",
        {"median": f"{ratio:.1f} times NumPy, {seconds:.2f} s", "target": f"{LATER_TARGET:g}"},
    )
    assert ratio <= LATER_TARGET
