"""Files with a table [level_interferogram]: the map is that of the library; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing.dynamics import level_interferogram
from tests.studies.common import check_outcome

MATRIX = [["x", 0.2, 0], [0.2, "1 - x", 0.1], [0, 0.1, "2.5 + x/2"]]
TEXT = """
title = "Fringes of three levels"
[hamiltonian]
matrix = [["x", 0.2, 0], [0.2, "1 - x", 0.1], [0, 0.1, "2.5 + x/2"]]
[environment]
kind = "thermal"
temperature = 0.3
t1 = 200.0
[level_interferogram]
offset = { from = -1, to = 1, points = 3 }
amplitude = [0.5, 1.0]
frequency = 1.0
tones = [[1, 1.0, 0.0], [2, 0.3, 0.5]]
readout = "adiabatic"
tolerance = 1e-4
"""


def test_the_map_of_a_file(tmp_path: Path) -> None:
    found = studies.run(studies.parse(TEXT))
    expected = level_interferogram(
        ac.Hamiltonian.from_matrix(MATRIX),
        ac.ThermalRelaxation(temperature=0.3, t1=200.0),
        offset=np.linspace(-1, 1, 3)[:, None],
        amplitude=[0.5, 1.0],
        frequency=1.0,
        tones=[(1, 1.0, 0.0), (2, 0.3, 0.5)],
        readout="adiabatic",
        tolerance=1e-4,
    )
    data = found.to_dataset()
    assert data["population"].dims == ("offset", "amplitude", "level")
    np.testing.assert_array_equal(data["population"], expected.populations)
    (table,) = found.own_tables()
    assert [row[0] for row in table.rows] == [0, 1, 2]
    check_outcome(found, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("points = 3", "points = 1", "points"),
        ("[0.5, 1.0]", "[1.0, 0.5]", "amplitude"),
        ("frequency = 1.0", "frequency = -1.0", "frequency"),
        ("[[1, 1.0, 0.0]", "[[0, 1.0, 0.0]", "harmonic"),
        ("[[1, 1.0, 0.0]", "[[1, 1.0]", "tones"),
        ('"adiabatic"', '"upper"', "readout"),
        ("tolerance", "level = 3\\ntolerance", "level"),
    ],
)
def test_what_cannot_be_used_is_refused(old: str, new: str, match: str) -> None:
    assert old in TEXT
    with pytest.raises(ac.InputError, match=match):
        studies.parse(TEXT.replace(old, new.replace("\\n", "\n")))
