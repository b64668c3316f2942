"""Hostile experiment files: every value of the examples replaced by what does not belong there.

``python -m fuzz.files --count 10000 --seed 0`` prints one line; it fails if reading a file ends in
anything but an experiment or one clear line, or takes longer than ten seconds.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import anticrossing as ac
from anticrossing.experiment.file import read_tables

EXAMPLES = Path(__file__).parent.parent / "examples"
LONGEST = 10.0  # seconds


def hostile() -> list[Any]:
    """Return values that belong nowhere."""
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    formulas = [
        "sin(" * 95 + "x" + ")" * 95,
        "exp(exp(exp(exp(100))))",
        "sqrt(7777777777777777777777777)",
        "9**9**9**9",
        "1/0",
        "__import__('os')",
        "x" * 5000,
        "x+" * 300 + "x",
        "((((",
        "\0",
    ]
    numbers: list[Any] = [float("nan"), float("inf"), -1, 0, 0.0, 1e308, 5e-324, 10**400, -(2**70)]
    lists: list[Any] = [[20e3, 10e3], [], [[1, 2], [3]], [[[1]]], [None], ["a", 1], {}, {"a": {}}]
    return [*formulas, *numbers, *lists, deep, True, "", "é", b"bytes"]


def places(tables: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where values stand in nested tables and lists."""
    items = tables.items() if isinstance(tables, dict) else enumerate(tables)
    for key, value in items:
        yield (*at, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*at, key))


def damage(tables: dict[str, Any], rng: np.random.Generator, values: list[Any]) -> dict[str, Any]:
    """Return a copy with one to three places replaced, removed, doubled or renamed."""
    damaged = copy.deepcopy(tables)
    for _ in range(int(rng.integers(1, 4))):
        all_places = list(places(damaged))
        if not all_places:
            return damaged
        *path, last = all_places[int(rng.integers(len(all_places)))]
        inside: Any = damaged
        for key in path:
            inside = inside[key]
        what = rng.random()
        if what < 0.8:
            inside[last] = copy.deepcopy(values[int(rng.integers(len(values)))])
        elif what < 0.9:
            del inside[last]
        elif isinstance(inside, dict):
            inside[f"{last}_"] = inside[last]
        else:
            inside.append(inside[last])
    return damaged


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    examples = [tomllib.loads(path.read_text("utf-8")) for path in sorted(EXAMPLES.glob("*.toml"))]
    values = hostile()
    tally: Counter[str] = Counter()
    bad: dict[str, str] = {}
    for _ in range(options.count):
        tables = damage(examples[int(rng.integers(len(examples)))], rng, values)
        began = time.monotonic()
        try:
            read_tables(tables, "", "fuzzed")
            tally["accepted"] += 1
        except ac.AnticrossingError as error:
            tally["refused"] += 1
            if "\n" in str(error):
                bad.setdefault("more than one line", str(error))
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            tally["tracebacks"] += 1
            place = f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}"
            bad.setdefault(place, f"{error}; {str(tables)[:300]}")
        if time.monotonic() - began > LONGEST:
            tally["slow"] += 1
            bad.setdefault("slow", str(tables)[:300])
    for place, text in bad.items():
        print(f"{place}: {text}")
    counts = ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
    print(f"files: {options.count} experiments, {counts or 'none'}, {len(bad)} kinds of failure")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
