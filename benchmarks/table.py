"""The public table of benchmarks:  python -m benchmarks.table [--quick | --only SERIES … | --page].

Every row is a problem with an answer known by another route. Every solver, this package included,
gets the loosest tolerance at which its answer is within 1e-8; of the methods of a package the
quickest counts. Then all of them take turns, and the best time of each is kept.
`docs/benchmarks.json` holds the figures; the tables of `docs/benchmarks.md` and the summary in
`README.md` are made from them.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from benchmarks.harness import ACCURACY, LONGEST, Case, Chooser, Series, measure, missed
from benchmarks.page import RESULTS, read, write, write_pages
from benchmarks.timing import keep_to_two_cores

PACKAGES = ("anticrossing", "numpy", "scipy", "numba", "qutip", "dynamiqs", "jax", "riccati")


def machine(longest: float) -> dict[str, Any]:
    """Return what the figures depend on; a load above one is that of other work."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ImportError:
            found[package] = "missing"
    return {
        "date": datetime.date.today().isoformat(),
        "cores": cores,
        "memory": memory,
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": found,
        "load": round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 1,
        "longest": longest,
    }


def line(row: dict[str, Any]) -> str:
    """Return one line of progress."""
    parts = [f"{row['name']:<34} {1e3 * row['ours']['seconds']:10.2f} ms"]
    for name, own in row["rivals"].items():
        if "ratio" in own:
            parts.append(f"{name} {own['method']} {own['tolerance']:.0e} ×{own['ratio']:.3g}")
        elif "would_take" in own:
            parts.append(f"{name} ~{own['would_take']:.2g} s")
        else:
            parts.append(f"{name} {own}")
    return "  ".join(parts)


def run(series: Series, chooser: Chooser, quick: bool) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Measure a series row by row, printing as it goes."""
    begun = time.perf_counter()
    print(f"\n{series.title}", flush=True)
    for case in series.cases():
        if case.quick or not quick:
            row = measure(case, chooser)
            print(line(row), flush=True)
            yield case, row
    print(f"({time.perf_counter() - begun:.0f} s)", flush=True)


def keep(stored: dict[str, Any], name: str, part: dict[str, Any]) -> dict[str, Any]:
    """Write what there is of a series so far; of others, what was known."""
    from benchmarks.cases import SERIES

    known = stored["series"] | {name: part}
    in_order = {series.name: known[series.name] for series in SERIES if series.name in known}
    stored = {"accuracy": ACCURACY, "series": in_order}
    write(stored)
    return stored


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write after every row, and say which targets were missed."""
    from benchmarks.cases import SERIES
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rows, printed and not kept")
    parser.add_argument("--only", nargs="+", choices=[s.name for s in SERIES], metavar="SERIES")
    parser.add_argument("--longest", type=float, metavar="SECONDS", help="that another call takes")
    parser.add_argument("--page", action="store_true", help="write the pages, measure nothing")
    asked = parser.parse_args(arguments)
    failures: list[str] = []
    stored = read() if RESULTS.exists() else {"series": {}}
    if not asked.page:
        keep_to_two_cores()
        chooser = Chooser(asked.longest or (1.0 if asked.quick else LONGEST))
        for series in SERIES:
            if asked.only and series.name not in asked.only:
                continue
            part: dict[str, Any] = {"machine": machine(chooser.longest), "rows": []}
            with threadpool_limits(1, user_api="blas"):  # more make every solver slower here
                for case, row in run(series, chooser, asked.quick):
                    part["rows"].append(row)
                    failures += missed(case, row)
                    if not asked.quick:
                        stored = keep(stored, series.name, part)
    if not asked.quick:
        write_pages(stored)
    for message in failures:
        print(message, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
