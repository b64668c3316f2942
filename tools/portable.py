"""Run the computing part of the tests as other processors, libraries and Pythons would.

    python tools/portable.py            # everything; makes environments below build/portable
    python tools/portable.py --quick    # two processors, a few files, within a minute

A processor is imitated by what it is denied: Numba compiles for the oldest one, OpenBLAS takes its
kernels for another one, NumPy leaves out instructions. Sums are then formed in another order, and a
test whose tolerance was luck fails.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "portable"
COMPUTING = [
    "tests/dynamics",
    "tests/formulas",
    "tests/spectrum",
    "tests/analysis",
    "tests/control",
    "tests/geometry",
    "tests/thermodynamics",
]
RUNNING = ("files", "plot", "cli", "fit", "dask", "page")  # extras that the tests need
QUICK = [
    "tests/formulas/test_landau_zener.py",
    "tests/spectrum/test_levels.py",
    "tests/analysis/test_coupling_peak.py",
    "tests/thermodynamics/test_chain_golden_rule.py",
]


@dataclass(frozen=True)
class Place:
    """Where the tests run: a Python, and what is set in its environment."""

    name: str
    python: Path = Path(sys.executable)
    variables: dict[str, str] = field(default_factory=dict)


def processors() -> list[Place]:
    """Return this machine as other processors, and with one and two threads."""
    import numpy as np

    dispatched = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    bare = {"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)} if dispatched else {}
    old = {"NUMBA_CPU_NAME": "generic", "OPENBLAS_CORETYPE": "Prescott", **bare}
    return [
        Place("oldest processor, one thread", variables={**old, **threads(1)}),
        Place("OpenBLAS for Haswell, two threads", variables={
            "OPENBLAS_CORETYPE": "Haswell", **threads(2)
        }),
        Place("Numba for any processor", variables={"NUMBA_CPU_NAME": "generic"}),
        Place("OpenBLAS for Prescott", variables={"OPENBLAS_CORETYPE": "Prescott"}),
        Place("NumPy without vector units", variables=bare),
        Place("one thread", variables=threads(1)),
        Place("two threads", variables=threads(2)),
    ]  # fmt: skip


def threads(count: int) -> dict[str, str]:
    names = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys(names, str(count))


def pythons(others: list[str]) -> Iterator[tuple[str, str]]:
    """Yield name and version of every Python on the path that works and is new enough, and others.

    A name may be there and not run, as the shims of pyenv for versions that are not chosen.
    """
    for name in [*(f"python3.{minor}" for minor in range(11, 30)), *others]:
        try:
            done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            yield name, done.stdout.split()[-1]
        else:
            print(f"{name} is on the path and does not run: left out")


def oldest() -> str:
    """Return pip constraints: of every dependency the oldest minor version that is allowed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *(r for extra in RUNNING for r in extras[extra])]
    bounds = (re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", requirement) for requirement in needed)
    return "".join(f"{bound[1]}=={bound[2]}.*\n" for bound in bounds if bound)


def environments(others: list[str]) -> Iterator[Place]:
    """Install and yield: each Python with the newest dependencies, the first with the oldest."""
    for number, (python, version) in enumerate(pythons(others)):
        for age in ("newest", "oldest")[: 2 if number == 0 else 1]:
            home = PLACE / f"python{version}-{age}"
            constraints = PLACE / f"{age}.txt"
            PLACE.mkdir(parents=True, exist_ok=True)
            constraints.write_text(oldest() if age == "oldest" else "")
            inside = home / "bin" / "python"
            install = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            for command in (
                [python, "-m", "venv", home],
                [*install, "--upgrade", "--constraint", constraints, "-e", f"{ROOT}[test]"],
            ):
                subprocess.run(command, check=True)
            yield Place(f"Python {version}, {age} dependencies", inside)


def run(place: Place, tests: list[str]) -> tuple[bool, str]:
    """Run the tests in one place; return whether they passed, and a line for the table."""
    cache = PLACE / re.sub(r"\W+", "-", place.name)
    cache.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    done = subprocess.run(
        [place.python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env={**os.environ, **place.variables, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    (cache / "pytest.txt").write_text(done.stdout + done.stderr)
    counts = dict.fromkeys(("passed", "failed", "errors"), 0)
    for number, word in re.findall(r"(\d+) (passed|failed|errors?)\b", done.stdout[-300:]):
        counts[{"error": "errors"}.get(word, word)] = int(number)
    passed = done.returncode == 0
    if not passed:
        print(*re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE), sep="\n")
        print(done.stderr[-2000:], f"  (all of it: {cache / 'pytest.txt'})")
    failed = counts["failed"] + counts["errors"]
    verdict = "passed" if passed else "FAILED"
    return passed, f"{place.name:45} {counts['passed']:6} {failed:6} {took:7.0f} s  {verdict}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two processors, a few files")
    parser.add_argument("--here", action="store_true", help="this Python and its libraries only")
    parser.add_argument("--python", action="append", default=[], help="another Python to run in")
    parser.add_argument("tests", nargs="*", help="what to run instead of the computing part")
    parser.add_argument("--constraints", action="store_true", help="print the oldest versions only")
    given = parser.parse_args()
    if given.constraints:
        print(oldest(), end="")
        return 0
    tests = given.tests or (QUICK if given.quick else COMPUTING)
    places: Iterator[Place] = iter(processors()[:2] if given.quick else processors())
    if not (given.quick or given.here):
        places = itertools.chain(places, environments(given.python))
    lines, good = [], True
    for place in places:
        passed, line = run(place, tests)
        good &= passed
        lines.append(line)
        print(line, flush=True)
    print(f"\n{'where':45} {'passed':>6} {'failed':>6} {'time':>9}", *lines, sep="\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
