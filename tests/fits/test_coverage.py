"""Pulls of every fitted parameter: mean 0 and deviation 1, for each map kind and likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anticrossing.fits import fit_interferogram, synthetic_interferogram
from anticrossing.fits.fitted import FittedParameter
from tests.fits.coverage import (
    OMEGA,
    SEARCHED,
    SETS,
    Case,
    Pulls,
    about_populations,
    cases,
    noisy,
    pulls,
)

CASES = cases()
FEWER = 50  # sets: chance is taken off by a linear model
# Errors that few residuals set are a chance that no linear model shares.
EVERY = ("levels; unknown errors",)


def check(case: Case, sets: int = FEWER) -> None:
    for name, one in pulls(case, sets).items():
        assert one.good, f"{name}: {one}"
        assert one.foretold, f"{name}: {one}"


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_pulls_are_standard_normal(name: str) -> None:
    check(CASES[name](), SETS if name in EVERY else FEWER)


@pytest.mark.slow
def test_pulls_with_the_whole_search() -> None:
    true = {"gap": 0.04, "t2": 2.5, "amplitude_scale": 0.5, "offset_shift": 0.4}
    exact = synthetic_interferogram(seed=0, error=1e-12, offsets=31, amplitudes=15)

    def fit(seed: int, poor: bool) -> Any:
        guess = {"gap": 0.1, "t1": 2000.0, "t2": 1.0, "amplitude_scale": 0.2}
        return fit_interferogram(noisy(exact, seed, error=0.005), frequency=OMEGA, **guess)

    check(Case(fit, true, about_populations(true, 0.005)))


@pytest.mark.parametrize(
    ("factor", "shift", "good"), [(1, 0, True), (1.15, 0, False), (0.88, 0, False), (1, 0.2, False)]
)
def test_a_wrong_error_bar_is_told(factor: float, shift: float, good: bool) -> None:
    """A straight line through twenty points by least squares, its errors and values spoilt."""
    design, error = np.vander(np.linspace(0, 1, 20), 2), 0.1
    true = {"slope": 2.0, "height": 1.0}
    covariance = error**2 * np.linalg.inv(design.T @ design)
    deviations = np.sqrt(np.diag(covariance))

    def noise(seed: int) -> Any:
        return error * np.random.default_rng(seed).standard_normal(20)

    def fit(seed: int, poor: bool) -> Any:
        values = np.linalg.lstsq(design, design @ list(true.values()) + noise(seed))[0]
        every = zip(true, values + shift * deviations, factor * deviations, strict=True)
        return Line({name: FittedParameter(name, *one, True) for name, *one in every})

    found = pulls(Case(fit, true, lambda seed, _: (design / error, noise(seed) / error)), 50)
    for one in found.values():
        assert one.good is good
        assert one.foretold is (shift == 0)
        assert one.mean * factor == pytest.approx(shift + (1 - factor) * one.linear.mean())


class Line(dict[str, FittedParameter]):
    varied = ("slope", "height")
    expected_pulls = np.zeros(2)


def test_limits_and_chance_are_told_apart() -> None:
    random = np.random.default_rng(1)
    chance = random.standard_normal(200) + 0.2  # as far off as two hundred may be by chance
    good = Pulls(chance, chance, 0.0)
    assert (good.mean, good.deviation) == (0.0, pytest.approx(1.0))
    for wrong in (chance + 0.16, 1.2 * chance, chance / 1.2):
        assert not Pulls(wrong, chance, 0.0).good


@pytest.mark.slow
def test_starts_whose_average_over_noise_is_out_of_reach_are_left():
    case = CASES["still noise; normal"]()
    result = case.fit(SEARCHED, True)
    for name, true in case.true.items():
        assert abs(result[name].value - true) < 5 * result[name].error
