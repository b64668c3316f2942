"""What a file of any kind may not hold: one line, with the table and the key, before any work."""

from __future__ import annotations

import time

import pytest

from anticrossing import InputError
from anticrossing.studies import parse

LINEAR = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -10, stop = 10, rate = 1.0 }
"""
MATRIX = """
drive = { kind = "linear", start = -10, stop = 10, rate = 1.0 }
[hamiltonian]
matrix = [["x", "v"], ["v", "-x"]]
parameters = { v = 0.5 }
"""
FLOQUET = """
hamiltonian = { model = "LandauZener", gap = 0.2 }
drive = { kind = "sinusoidal", offset = 2.0, amplitude = 3.0, frequency = 1.0 }
[floquet]
basis = "diabatic"
"""
GEOMETRY = """
hamiltonian = { model = "JahnTeller", linear = 1.0, quadratic = 0.1 }
[geometry]
bounds = [[-12, 12], [-12, 12]]
"""
TRAJECTORIES = """
[hamiltonian]
matrix = [["x", "v"], ["v", "-x"]]
parameters = { v = 0.5 }
[trajectories]
initial = { kind = "fixed", centre = 0.0, momentum = 0.0 }
masses = 1.0
count = 10000
seed = 1
step = 0.1
stop = 100.0
"""
DRIVEN_LEVEL = """
[driven_level]
levels = { from = -1, to = 1, count = 5 }
couplings = 0.1
temperature = 1.0
start = -2
stop = 2
rate = 1.0
"""
INTERFEROGRAM = """
[interferogram]
gap = 0.2
offset = { from = -6, to = 6, points = 2000 }
amplitude = { from = 0, to = 10, points = 2000 }
frequency = 1.0
t1 = 1000.0
t2 = 50.0
"""


def scan(parameter: str, low: float = 1.0, high: float = 2.0, points: int = 3) -> str:
    """Return the table [scan]."""
    return f'[scan]\nparameter = "{parameter}"\nfrom = {low}\nto = {high}\npoints = {points}\n'


BAD = {
    "a wrong value among parameters": (
        MATRIX.replace("v = 0.5", 'v = 0.5, w = "a"'),
        "hamiltonian.parameters",
        "w",
    ),
    "a parameter with the name of a number": (
        MATRIX.replace("v = 0.5", 'v = 0.5, "0" = "a"'),
        "hamiltonian.parameters",
        "0",
    ),
    "a parameter that no formula uses": (
        MATRIX.replace("v = 0.5", "v = 0.5, w = 1.0"),
        "hamiltonian",
        "w",
    ),
    "a scanned name that no formula uses": (MATRIX + scan("hamiltonian.w"), "hamiltonian", "w"),
    "a scanned name of an empty table": (LINEAR + scan("hamiltonian..gap"), "scan", "parameter"),
    "a scanned name without a table": (LINEAR + scan(".gap"), "scan", "parameter"),
    "a scanned parameter below a number": (
        LINEAR + scan("hamiltonian.gap.x"),
        "scan",
        "hamiltonian.gap.x",
    ),
    "a range that overflows": (LINEAR + scan("drive.rate", -1e308, 1e308), "scan", "to"),
    "several values of a periodic drive": (
        FLOQUET.replace("offset = 2.0", "offset = [1.0, 2.0]"),
        "drive",
        "offset",
    ),
    "a period that overflows": (
        FLOQUET.replace("frequency = 1.0", "frequency = 1e-320"),
        "drive",
        "stop_time",
    ),
    "a start of a driven level beyond all": (
        DRIVEN_LEVEL.replace("rate = 1.0", "rate = 1e-320"),
        "driven_level",
        "start_time",
    ),
    "a seed that is no integer": (TRAJECTORIES + scan("trajectories.seed", 0.5), "scan", "seed"),
    "trajectories at too many points": (
        TRAJECTORIES + scan("trajectories.initial.momentum", 0.0, 1.0, 2000),
        "scan",
        "points",
    ),
    "too many maps": (INTERFEROGRAM + scan("interferogram.t2", 40.0, 50.0, 2000), "scan", "points"),
    "too many searches": (
        GEOMETRY.replace("[geometry]", "[geometry]\nstarts = 10000")
        + scan("hamiltonian.quadratic", 0.1, 0.2, 100),
        "scan",
        "points",
    ),
    "too large a search": (
        GEOMETRY.replace(
            'model = "JahnTeller", linear = 1.0, quadratic = 0.1',
            'matrix = [["x*y", "y"], ["y", "z*w"]], coordinates = ["x", "y", "z", "w"]',
        ).replace("bounds = [", "starts = 100000000\nbounds = [[0, 1], [0, 1], "),
        "geometry",
        "starts",
    ),
    "an offset that decreases": (
        INTERFEROGRAM.replace("from = -6, to = 6", "from = 6, to = -6"),
        "interferogram",
        "offset",
    ),
}


@pytest.mark.parametrize(("text", "table", "key"), BAD.values(), ids=BAD)
def test_a_refusal_is_quick_and_names_table_and_key(text: str, table: str, key: str) -> None:
    """Not after seconds, and not in words of what lies below."""
    began = time.process_time()
    with pytest.raises(InputError) as caught:
        parse(text)
    assert time.process_time() - began < 2.0
    said = str(caught.value)
    assert f"In [{table}]" in said
    assert f"`{key}`" in said
    assert said.isprintable()


def test_a_floquet_study_of_many_open_levels_is_refused() -> None:
    """The generator of 16 levels is not computed: nor are the modes before it is refused."""
    rows = [["x" if i == j == 0 else float(i == j) for j in range(16)] for i in range(16)]
    text = FLOQUET.replace('model = "LandauZener", gap = 0.2', f"matrix = {rows}".replace("'", '"'))
    environment = '[environment]\nkind = "dephasing"\nrate = 0.1\n'
    assert parse(text).steps == 0
    with pytest.raises(InputError, match=r"In \[environment\].*12"):
        parse(text + environment)


def test_a_packet_that_lasts_no_time_is_refused() -> None:
    """Its time step vanishes."""
    packet = """
    hamiltonian = { matrix = [["x", 0.1], [0.1, "-x"]] }
    [packet]
    centre = 0.0
    momentum = 0.0
    width = 1.0
    masses = 1.0
    stop = 1e-320
    grid = { start = -10.0, stop = 10.0, points = 128 }
    """
    with pytest.raises(InputError, match=r"In \[packet\]"):
        parse(packet)
