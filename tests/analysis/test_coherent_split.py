"""The two parts of a small probability: their digits, and the bounds that are stated."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.analysis import coherent_incoherent_split
from anticrossing.environment import Dephasing
from tests.effort import slow

LANDAU_ZENER = ac.models.LandauZener(gap=1.0)


def split(rate, gamma, **arguments):
    sweep = ac.drive.Linear(-100, 100, rate=rate)
    return coherent_incoherent_split(LANDAU_ZENER, sweep, Dephasing(gamma), **arguments)


def test_a_probability_far_below_its_coherent_part_keeps_its_digits():
    # Strong dephasing: p = (2/3) ε γ/(1+γ²) to first order in 1/γ, where 0.998 would be coherent.
    gamma = 1e9
    found = split(1e3, gamma, tolerance=1e-2)
    reach = 100 / np.hypot(100, 1)  # ∫ du (1 − u²) over the window
    law = 1e3 / 2 / gamma * (2 * reach - 2 * reach**3 / 3)
    assert found.coherent > 0.99
    assert found.probability == pytest.approx(law, rel=1e-6)
    assert found.coherent + found.incoherent == pytest.approx(found.probability, abs=1e-15)


@pytest.mark.parametrize(("rate", "gamma"), [(1e3, 1e-6), (1e3, 1.0), slow(0.1, 1e-3)])
def test_both_forms_agree_within_the_bounds_that_they_state(rate, gamma):
    found = split(rate, gamma)
    assert abs(found.integral - found.incoherent) <= found.incoherent_error + found.error_estimate
    assert "±" in str(found)


def test_where_the_difference_loses_its_digits_the_integral_keeps_them():
    # To first order in γ the incoherent part is proportional to it.
    weak, weaker = split(1e3, 1e-4), split(1e3, 1e-8)
    assert weaker.integral * 1e4 == pytest.approx(weak.integral, rel=2e-3)
    assert weaker.incoherent_error > 1e-3 * abs(weaker.incoherent)
    assert weaker.error_estimate < 1e-8 * abs(weaker.integral)
