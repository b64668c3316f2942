"""Derivatives by many values of a drive, most of which act on a few panels alone."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import linear_variation, variation
from anticrossing.dynamics.stacked import acting, in_place
from tests.dynamics.test_gradients import fan


@pytest.mark.parametrize("surroundings", [None, ac.Lindblad([np.diag([0.3, 0.2], 1)])])
def test_values_of_a_drive_count_where_they_act(surroundings, monkeypatch):
    values = np.random.default_rng(3).normal(size=12)
    drive = ac.drive.Piecewise(np.linspace(0, 30, 12), values)
    given = {"environment": surroundings, "gradient": "values", "times": [10.0]}
    found = ac.propagate(fan(3), drive, **given).gradients
    for module in (variation, linear_variation):
        monkeypatch.setattr(module, "LEAST", -1.0)
    wanted = ac.propagate(fan(3), drive, **given).gradients
    assert len(found) == 12
    for name, derivative in found.items():
        for what in ("transition_matrix", "populations"):
            apart = getattr(derivative, what) - getattr(wanted[name], what)
            assert np.abs(apart).max() < 1e-12
    # What comes later than a time does not change what is seen at it.
    assert not found["values[6]"].populations.any()
    assert found["values[3]"].populations.any()


def test_less_of_a_slope_over_a_longer_panel_counts():
    slopes = np.zeros((3, 5, 4, 2, 2))
    slopes[0, 2, 1], slopes[1, 0, 1], slopes[2, 4, 3] = 1.0, 1e-17, 1.0
    few, places = acting(slopes, np.array([1.0, 1e6, 1.0]), 1e-15)
    assert few.shape == (3, 5, 1, 2, 2)
    assert places.ravel().tolist() == [1, 1, 3]
    stacks = np.concatenate([np.ones((3, 1, 2, 2)), few.max(axis=1)], axis=1)
    whole = in_place(stacks, places, 4)
    assert np.array_equal(whole[:, 1:], slopes.max(axis=1))
    assert acting(slopes, np.array([1.0, 1e-6, 1.0]), 1e-15)[1].ravel().tolist() == [1, 0, 3]
    assert acting(np.ones_like(slopes), np.ones(3), 1e-15)[1] is None
