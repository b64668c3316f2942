"""Errors where the model is curved within them: what is announced, and intervals by profiles."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binom, norm

from anticrossing import ConvergenceError, InputError
from anticrossing.fits import (
    Lines,
    Measurement,
    fit_interferogram,
    fit_levels,
    fit_passages,
    synthetic_interferogram,
    synthetic_passages,
)
from anticrossing.models import LandauZener
from tests.fits.coverage import MAPS, MEAN, OMEGA, SMALL, noisy

RATES = np.array([0.3, 0.7, 1.1, 3.0])


def jump(gap: Any) -> Any:
    return np.exp(-np.pi * gap**2 / (2 * RATES))


@pytest.mark.parametrize("shots", [None, 25])
def test_the_mean_of_pulls_is_that_of_expansions_by_hand(shots: int | None) -> None:
    data = synthetic_passages(gap=0.8, seed=4, error=0.1, sweep_rates=RATES, shots=shots)
    result = fit_passages(data)
    gap = result["gap"].value
    # P = exp(−c g²): P′ = −2cg P, P″ = (4c²g² − 2c) P; weights w with w′ = dw/dg.
    c = np.pi / (2 * RATES)
    p = np.exp(-c * gap**2)
    first, second = -2 * c * gap * p, (4 * c**2 * gap**2 - 2 * c) * p
    if shots is None:
        w, changed = np.full(4, 100.0), np.zeros(4)
    else:
        w = shots / (p * (1 - p))
        changed = -w * (1 - 2 * p) / (p * (1 - p)) * first
    information = np.sum(w * first**2)
    bias = -0.5 * np.sum(w * first * second) / information**2
    # The error is I^−½, which moves with the estimate: its covariance with it is −½ I′ I^−5/2.
    moved = 0.5 * np.sum(2 * w * first * second + changed * first**2) / information**1.5
    assert result.expected_pulls[0] == pytest.approx(bias * information**0.5 + moved, rel=0.1)


@pytest.mark.parametrize("told", [True, False])
def test_the_mean_of_pulls_of_levels_is_that_of_expansions_by_hand(told: bool) -> None:
    control, error = np.linspace(-1, 1, 9), 0.1
    noise = error * np.random.default_rng(2).standard_normal(control.size)
    lines = Lines(
        control, np.hypot(control, 0.5) + noise, np.full(control.size, error) if told else None
    )
    result = fit_levels(LandauZener(gap=0.5), lines)
    # f = √(x² + g²): f′ = g/f, f″ = x²/f³; bias and moved error add up to ½ Σ f′ f″/σ² I^−3/2.
    gap = result["gap"].value
    f = np.hypot(control, gap)
    scale = result["gap"].error * np.sqrt(np.sum((gap / f) ** 2))  # σ, stated or found
    assert not told or scale == pytest.approx(error, rel=1e-6)
    expected = 0.5 * np.sum(gap * control**2 / f**4) * scale / np.sum((gap / f) ** 2) ** 1.5
    assert result.expected_pulls == pytest.approx([expected], rel=0.1)
    assert expected > 1e-3


def test_a_linear_model_is_not_curved_and_its_interval_is_its_error() -> None:
    data = synthetic_passages(gap=0.8, seed=1, visibility=0.7, background=0.1)
    result = fit_passages(data, gap=0.8, vary=("visibility", "background"))
    one = result["background"]
    # The visibility is fitted by its logarithm, and is linear itself.
    np.testing.assert_allclose(result.expected_pulls, 0, atol=1e-6)
    for name, deviations in (("background", 1.0), ("visibility", 2.0)):
        one = result[name]
        ends = np.array(result.interval(name, deviations=deviations))
        np.testing.assert_allclose((ends - one.value) / one.error, [-deviations, deviations], 1e-2)


def test_an_interval_is_where_the_likelihood_falls() -> None:
    shots = 25
    data = synthetic_passages(gap=0.8, seed=4, sweep_rates=RATES, shots=shots)
    counts = np.rint(data.population * shots)

    def negative(gap: float) -> float:
        return -float(np.sum(binom.logpmf(counts, shots, jump(gap))))

    best = minimize_scalar(negative, bounds=(0.3, 1.5), options={"xatol": 1e-9}, method="bounded")
    for deviations in (1.0, 2.0):
        ends = fit_passages(data).interval("gap", deviations=deviations)
        height = best.fun + 0.5 * deviations**2
        low, high = (
            brentq(lambda g, h=height: negative(g) - h, *side)
            for side in ((0.2, best.x), (best.x, 2))
        )
        assert ends == pytest.approx((low, high), abs=1e-4)


def test_the_profile_follows_the_other_parameters() -> None:
    data = synthetic_passages(gap=0.8, seed=3, error=0.06, visibility=0.8, background=0.1)
    result = fit_passages(data, vary=("gap", "visibility", "background"))
    rates = data.coordinate("sweep_rate")

    def chi_square(gap: float) -> float:  # contrast and background enter linearly
        design = np.stack([np.exp(-np.pi * gap**2 / (2 * rates)), np.ones(rates.size)], axis=1)
        left = np.linalg.lstsq(design, data.population, rcond=None)[0]
        return float(np.sum((data.population - design @ left) ** 2)) / 0.06**2

    gap = result["gap"].value
    height = chi_square(gap) + 4
    low, high = (
        brentq(lambda g: chi_square(g) - height, *side) for side in ((0.3, gap), (gap, 2.0))
    )
    assert result.interval("gap", deviations=2.0) == pytest.approx((low, high), abs=1e-3)
    with pytest.raises(InputError, match="`name` must"):
        result.interval("t1")
    with pytest.raises(InputError, match="`deviations` must"):
        result.interval("gap", deviations=0.0)


def test_an_interval_without_end() -> None:
    # Passages so fast that the gap may be zero.
    rates = np.array([50.0, 100.0, 200.0])
    data = Measurement({"sweep_rate": rates}, [1.0, 0.995, 1.004], [0.01] * 3)
    result = fit_passages(data, gap=0.3)
    low, high = result.interval("gap", deviations=2.0)
    assert low == 0

    def chi_square(gap: float) -> float:
        p = np.exp(-np.pi * gap**2 / (2 * rates))
        return float(np.sum((data.population - p) ** 2)) / 0.01**2

    least = min(chi_square(g) for g in np.linspace(0, 1, 2001))
    assert high == pytest.approx(brentq(lambda g: chi_square(g) - least - 4, 0.2, 5), rel=2e-3)


def test_a_fit_that_missed_the_minimum_says_so() -> None:
    true = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5, "offset_shift": 0.4}
    data = synthetic_interferogram(seed=63, error=0.004, **true, offsets=31, amplitudes=15)
    poor = {**true, "amplitude_scale": 0.483}
    vary = ("gap", "amplitude_scale")
    result = fit_interferogram(data, frequency=OMEGA, **poor, vary=vary, search=False)
    assert any("χ² is too large" in note for note in result.warnings)
    with pytest.raises(ConvergenceError, match="did not find the lowest"):
        result.interval("amplitude_scale", deviations=60.0)


@pytest.mark.slow
def test_times_that_are_told_as_a_ratio_are_said_to_be() -> None:
    # Eigenstates that relax slowly beside the drive: their map tells mainly T₂/T₁.
    qubit, varied, options, _ = MAPS["eigenbasis"]
    true: dict[str, Any] = {**qubit, "t1": 20.0, "t2": 8.0}
    more = {**options, "frequency": OMEGA}
    exact = synthetic_interferogram(seed=0, error=1e-12, **true, **more, **SMALL)
    sets, inside, told = 60, 0, 0
    for seed in range(sets):
        data = noisy(exact, seed, error=0.004)
        result = fit_interferogram(data, **true, **more, vary=varied, search=False)
        notes = [note for note in result.warnings if "curved" in note or "determine" in note]
        told += any(re.search("`t[12]`", note) for note in notes)
        low, high = result.interval("t1")
        inside += low < true["t1"] < high
    assert told == sets
    assert np.max(np.abs(result.expected_pulls)) > MEAN
    # 68.3 % of the intervals hold the truth, to three standard errors.
    share = norm.cdf(1) - norm.cdf(-1)
    assert abs(inside / sets - share) < 3 * np.sqrt(share * (1 - share) / sets)


@pytest.mark.filterwarnings("error")
def test_data_without_errors_that_are_the_model_leave_no_interval() -> None:
    result = fit_passages(Measurement({"sweep_rate": RATES}, jump(0.8)))
    gap = result["gap"].value
    assert result.interval("gap") == pytest.approx((gap, gap), abs=1e-7)
    assert gap == pytest.approx(0.8, abs=1e-7)
    assert not result.curved
