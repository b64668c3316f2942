"""Hostile experiment files: what does not belong there in every place of the examples.

``python -m fuzz.files --count 10000 --seed 0`` damages tables, the text of files, and formulas. It
fails if reading one ends in anything but a study or one clear line, or takes too much time or
memory (see `fuzz._workers`).
"""

from __future__ import annotations

import copy
import datetime
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import anticrossing as ac
from anticrossing.studies import parse
from anticrossing.studies.file import read_tables
from fuzz import _workers

EXAMPLES = Path(__file__).parent.parent / "examples"
LEAVES = ["x", "x", "1", "0", "2", "-1", "0.5", "pi", "I", "1e3", "1e300", "1e-300", "710", "gap"]
LEAVES += ["99", "900", "10**3", "1/3", "5e-324", "123456789012345678901234567890", "x", "k"]
FUNCTIONS = [
    "exp",
    "log",
    "sqrt",
    "sin",
    "tan",
    "asin",
    "atan",
    "acosh",
    "atanh",
    "cosh",
    "sech",
    "tanh",
]
SWEEP = """
[sweep]
zipped = false
output = ["probability"]
chunk_size = 2
[[sweep.parameters]]
parameter = "drive.rate"
from = 1
to = 4
points = 4
scale = "log"
label = "rate"
unit = "1"
[[sweep.parameters]]
parameter = "hamiltonian.gap"
values = [0.5, 1.0]
"""
MORE = [
    """
    [interferogram]
    gap = 0.2
    offset = { from = -6, to = 6, points = 13 }
    amplitude = [1.0, 2.0]
    frequency = 1.0
    t1 = 1000.0
    t2 = 50.0
    temperature = 0.1
    readout = "diabatic"
    [scan]
    parameter = "interferogram.t2"
    values = [50.0, 20.0]
    """,
    """
    [hamiltonian]
    model = "LandauZener"
    gap = 0.2
    [drive]
    kind = "sinusoidal"
    offset = 2.0
    amplitude = 3.0
    frequency = 1.0
    [environment]
    kind = "thermal"
    temperature = 0.3
    t1 = 1000.0
    [floquet]
    period = 6.283185307179586
    basis = "diabatic"
    [scan]
    parameter = "drive.amplitude"
    from = 1
    to = 3
    points = 3
    """,
    """
    [hamiltonian]
    model = "LandauZener"
    gap = 1.0
    [control]
    duration = 4.0
    start = -5.0
    stop = 5.0
    final = 1
    lower = -5.0
    upper = 5.0
    coefficients = 6
    starts = 1
    evaluations = 20
    vary = "gap"
    values = [0.9, 1.1]
    """,
    """
    [hamiltonian]
    model = "JahnTeller"
    linear = 1.0
    quadratic = 0.1
    [geometry]
    bounds = [[-12, 12], [-12, 12]]
    levels = [0, 1]
    starts = 10
    radius = 0.1
    points = [[1.0, 0.0]]
    [scan]
    parameter = "hamiltonian.quadratic"
    values = [0.1, 0.2]
    """,
    """
    [fit]
    kind = "interferogram"
    gap = 0.1
    t1 = 2000.0
    t2 = 1.0
    frequency = 7.54
    vary = ["gap", "t2", "amplitude_scale", "offset_shift"]
    """,
    """
    [fit]
    kind = "passages"
    model = "landau-zener"
    window = [-10, 10]
    gap = 0.1
    vary = ["gap"]
    """,
    """
    [rates]
    formulas = ["intersystem_crossing_rate"]
    coupling = 50.0
    temperature = 300.0
    [rates.crossing]
    slopes = [0.1, -0.1]
    reduced_mass = 10.0
    barrier = 0.01
    reactant_frequencies = [0.1, 0.2]
    crossing_frequencies = [0.1]
    [scan]
    parameter = "rates.temperature"
    values = [200.0, 300.0]
    """,
    """
    [rates]
    formulas = ["marcus", "spin_boson_golden_rule"]
    coupling = 0.1
    temperature = 1.0
    reaction_free_energy = -1.0
    bath = [{ kind = "debye", reorganization_energy = 1.0, relaxation_rate = 1.0 }]
    [sweep]
    output = ["rate"]
    [[sweep.parameters]]
    parameter = "rates.temperature"
    values = [1.0, 2.0]
    [[sweep.parameters]]
    parameter = "rates.coupling"
    values = [0.1, 0.2]
    """,
    """
    [hamiltonian]
    matrix = [["k*x", "v"], ["v", "-k*x"]]
    parameters = { k = 0.1, v = 0.05 }
    [packet]
    centre = -5.0
    momentum = 10.0
    width = 1.0
    masses = 20.0
    stop = 5.0
    divide = 0.0
    absorber = [[2.0, 2.0]]
    [packet.grid]
    start = -15.0
    stop = 15.0
    points = 256
    basis = ["fft"]
    [scan]
    parameter = "hamiltonian.v"
    values = [0.1, 0.05]
    label = "coupling"
    unit = ""
    """,
    """
    [hamiltonian]
    terms = [{ coefficient = "tanh(x)", matrix = [[1, 0], [0, -1]] },
             { coefficient = "v", matrix = [[0, 1], [1, 0]] }]
    parameters = { v = 0.05 }
    labels = ["a", "b"]
    [trajectories]
    count = 10
    seed = 1
    step = 0.5
    stop = 50.0
    masses = 20.0
    box = [-10.0, 10.0]
    decoherence = "energy"
    decoherence_energy = 0.1
    keep = 2
    [trajectories.initial]
    kind = "packet"
    centre = -5.0
    momentum = 10.0
    width = 1.0
    [scan]
    parameter = "trajectories.initial.momentum"
    from = 10
    to = 12
    points = 3
    """,
    """
    [driven_level]
    levels = { from = -1, to = 1, count = 5 }
    couplings = 0.1
    temperature = 1.0
    start = -2
    stop = 2
    rate = 1.0
    initial_occupation = 0.5
    [work]
    directions = ["forward"]
    width = 0.5
    [sweep]
    zipped = true
    output = ["occupation", "inside_domain"]
    parameters = [{ parameter = "driven_level.rate", values = [1, 2] },
                  { parameter = "driven_level.temperature", values = [2, 1] }]
    """,
]
"""Files of the kinds, and with the tables, that no example has."""


def formula(rng: np.random.Generator, depth: int = 0) -> str:
    """Return a formula that may be anything."""
    kind = rng.random()
    if depth > 5 or kind < 0.2:
        return str(rng.choice(LEAVES))
    inside = formula(rng, depth + 1)
    if kind < 0.4:
        return f"{rng.choice(FUNCTIONS)}({inside})"
    if kind < 0.55:
        return f"({inside})**{rng.choice([*LEAVES, inside[:50]])}"
    if kind < 0.6:
        return f"-({inside})"
    other = formula(rng, depth + 1)
    return f"({inside}){rng.choice(['+', '-', '*', '/', '**', '*'])}({other})"


def hostile() -> list[Any]:
    """Return values that belong nowhere."""
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    formulas = [
        "sin(" * 95 + "x" + ")" * 95,
        "exp(exp(exp(exp(100))))",
        "exp(710)*exp(-710)",
        "x**x**x**x",
        "(x+1)**900",
        "I*(x+1)**300",
        "(x+I)**200",
        "sqrt(7777777777777777777777777)",
        "9**9**9**9",
        "1/0",
        "__import__('os')",
        "x" * 5000,
        "x+" * 300 + "x",
        "((((",
        "(" * 80 + "x" + ")" * 80,
        "*".join(["(x+1)"] * 300),
        "*".join(f"(x+{k}*I)" for k in range(60)),
        "\0",
        "ｘ+１",
        "x\n+1",
        "\u202ex",
        "a" * 200,
    ]
    numbers: list[Any] = [float("nan"), float("inf"), -1, 0, 0.0, 1e308, 5e-324, 10**400, -(2**70)]
    numbers += [1, 2, 3, 0.5, -0.5, 1e-200, 1e200, 1e9, 2**31, 10**7, -0.0]
    numbers += [datetime.date(2020, 1, 1), datetime.time(1, 2), datetime.datetime(2020, 1, 1)]
    lists: list[Any] = [[20e3, 10e3], [], [[1, 2], [3]], [[[1]]], [None], ["a", 1], {}, {"a": {}}]
    lists += [[0.0] * 600, [[0.0] * 40] * 40, [["x+1"] * 3] * 3, [[1, "I*x"], ["-I*x", 2]], [0, 1]]
    return [*formulas, *numbers, *lists, deep, True, False, "", "é", b"bytes"]


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
        if what < 0.2 and isinstance(inside[last], str):
            inside[last] = formula(rng)
        elif what < 0.3 and isinstance(inside[last], (int, float)) and abs(inside[last]) < 1e99:
            inside[last] *= float(rng.choice([-1, 0, 2, 1e-3, 1e3, 1e-12, 1e12, 1e-300, 1e300]))
        elif what < 0.8:
            inside[last] = copy.deepcopy(values[int(rng.integers(len(values)))])
        elif what < 0.9:
            del inside[last]
        elif isinstance(inside, dict):
            inside[f"{last}_"] = inside[last]
        else:
            inside.append(inside[last])
    return damaged


WORDS = [
    "\0",
    "\ufeff",
    "\u2028",
    "\x85",
    "é",
    "\U0001f600",
    "\x1b[31m",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
]
WORDS += ["=", ".", ",", "'", '"', '"""', "#", "\\", "\n", "\r", "\r\n", "\t", "\\u0000", "\\ud800"]
WORDS += [
    "[" * 3000,
    "a=[" * 500,
    "{a=" * 2000,
    "a." * 5000,
    "[a]\n" * 3,
    "9" * 5000,
    "1e999999999",
]
WORDS += [
    "nan",
    "-inf",
    "0x" + "f" * 400,
    "1_0",
    "true",
    "2020-02-30",
    "25:61:00",
    "1e-400",
    "x**x**x**x",
]


def mangled(text: str, rng: np.random.Generator) -> str:
    """Return the text of a file, damaged: what is no TOML any more, and what just still is."""
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(text) + 1)), int(2 ** rng.integers(0, 8))
        kind = rng.random()
        word = WORDS[int(rng.integers(len(WORDS)))]
        if kind < 0.15:
            text = text[:at]
        elif kind < 0.35:
            text = text[:at] + word + text[at:]
        elif kind < 0.45:
            text = text[:at] + text[at + length :]
        elif kind < 0.5:
            text = (
                text[:at] + text[at : at + length] * int(rng.integers(2, 200)) + text[at + length :]
            )
        elif kind < 0.8:  # a value
            values = list(re.finditer(r"= *([^\n]+)", text))
            if values:
                start, stop = values[int(rng.integers(len(values)))].span(1)
                new = [word, f'"{formula(rng)}"', "1e999", "[[1,2],[3]]", '["x","y"]', f'"{word}"']
                text = text[:start] + new[int(rng.integers(len(new)))] + text[stop:]
        else:  # a line to another place
            lines = text.split("\n")
            lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
            text = "\n".join(lines)
    return text


def make(seed: int) -> tuple[Callable[[int], object], Callable[[int], str]]:
    """Return the cases of a seed by number, and what describes one."""
    texts = [path.read_text("utf-8") for path in sorted(EXAMPLES.glob("*.toml"))]
    texts += [textwrap.dedent(text) for text in MORE]
    tables, values = [tomllib.loads(text) for text in texts], hostile()

    def draw(index: int) -> tuple[str, Any]:
        rng = np.random.default_rng([seed, index])
        kind = str(rng.choice(["tables", "text", "sweep", "formula"], p=[0.5, 0.3, 0.05, 0.15]))
        number = int(rng.integers(len(texts)))
        if kind == "tables":
            return kind, damage(tables[number], rng, values)
        if kind == "formula":
            return kind, [[formula(rng), formula(rng)], [formula(rng), formula(rng)]]
        return kind, mangled(texts[number] + (SWEEP if kind == "sweep" else ""), rng)

    def case(index: int) -> object:
        kind, what = draw(index)
        if kind == "tables":
            return read_tables(what, "", "fuzzed")
        if kind == "formula":
            off = what[0][1]
            matrix = [[what[0][0], off], [off, what[1][1]]]
            return ac.Hamiltonian.from_matrix(matrix, parameters={"gap": 1.0, "k": 2.0})(0.3)
        return parse(what)

    def show(index: int) -> str:
        kind, what = draw(index)
        return f"{kind}: {str(what)[:400]!r}"

    return case, show


if __name__ == "__main__":
    sys.exit(_workers.main("files", __doc__, make, 10_000))
