"""Measurements and fits show themselves, become datasets and files, and are drawn."""

import pytest

from anticrossing.fits import fit_passages, synthetic_interferogram, synthetic_passages
from tests.result_protocol import check

DATA = synthetic_passages(gap=1.0, seed=1)
RESULTS = {
    "passages": lambda: DATA,
    "interferogram": lambda: synthetic_interferogram(seed=1, offsets=3, amplitudes=2),
    "fit": lambda: fit_passages(DATA),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_result_shows_itself(make, tmp_path):
    check(make(), tmp_path)


def test_a_parameter_shows_itself(tmp_path):
    check(fit_passages(DATA)["gap"], tmp_path, drawable=False)
