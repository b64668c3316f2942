"""Crossings and sectors show themselves, become datasets and files, and are drawn."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.models import DemkovOsherov, SpinInField
from anticrossing.spectrum import sectors
from tests.result_protocol import check

LADDER = DemkovOsherov(levels=[0.5, 1.0], couplings=[0.01, 0.0]).with_units(ac.Units("GHz", "ns"))
FOUND = ac.find_crossings(LADDER, -2.0, 2.5)
RESULTS = {
    "crossings": (FOUND, True),
    "a crossing": (FOUND[0], True),
    "sectors": (sectors(SpinInField(spin=1, transverse_field=0.0)), True),
    "sectors of a rotated basis": (sectors(SpinInField(spin=1, transverse_field=0.3)), True),
}


@pytest.mark.parametrize(("result", "drawable"), RESULTS.values(), ids=RESULTS)
def test_a_result_shows_itself(result, drawable, tmp_path):
    check(result, tmp_path, drawable=drawable)


def test_crossings_as_a_dataset():
    dataset = FOUND.to_dataset()
    np.testing.assert_array_equal(dataset.gap, FOUND.gaps)
    assert list(dataset.kind.values) == ["avoided", "true"]
    assert dataset.gap.units == "GHz"
    assert ac.find_crossings(LADDER, 2.0, 2.5).to_dataset().sizes == {}
