"""Fits of interferograms: recovery from bad guesses, uncertainties, and what is not determined."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import jv

from anticrossing._core.checks import InputError
from anticrossing.fits import (
    FitResult,
    Measurement,
    fit_interferogram,
    fit_passages,
    synthetic_interferogram,
)
from tests.effort import slow

OMEGA = 7.54
TRUE = {"gap": 0.04, "t2": 2.5, "amplitude_scale": 0.5, "offset_shift": 0.4}
GUESS = {"gap": 0.1, "t1": 2000.0, "t2": 1.0, "amplitude_scale": 0.2}
ALL = ("gap", "t1", "t2", "amplitude_scale", "offset_shift")


@pytest.fixture(scope="module")
def small() -> Measurement:
    return synthetic_interferogram(seed=0, offsets=21, amplitudes=15, error=0.02)


def formula(data: Measurement, gap: float, t2: float, scale: float, shift: float) -> np.ndarray:
    """The fast-passage formula with T₁ = 2000, written out."""
    offset, amplitude = data.coordinate("offset") + shift, scale * data.coordinate("amplitude")
    total = np.zeros(len(data))
    for n in range(-60, 61):
        coupling = (gap * jv(n, amplitude / OMEGA)) ** 2
        detuning = (offset - n * OMEGA) ** 2
        total += 0.5 * coupling / (coupling + detuning * t2 / 2000.0 + 1 / (2000.0 * t2))
    return total


def within(result: FitResult, true: dict[str, float], deviations: float) -> bool:
    return all(abs(result[k].value - v) < deviations * result[k].error for k, v in true.items())


@pytest.mark.slow
def test_values_and_covariance_are_those_of_an_independent_fit(small: Measurement) -> None:
    result = fit_interferogram(small, frequency=OMEGA, **GUESS, model="fast-passage")
    value, covariance = curve_fit(
        lambda _, *p: formula(small, *p),
        np.arange(len(small)),
        small.population,
        p0=list(TRUE.values()),
        sigma=small.error,
        absolute_sigma=True,
        x_scale=[0.01, 1.0, 0.1, 0.1],
        method="trf",
        xtol=1e-12,
        ftol=1e-12,
    )
    assert result.varied == tuple(TRUE)
    deviations = np.sqrt(np.diag(covariance))
    found = np.array([result[name].value for name in TRUE])
    assert np.max(np.abs(found - value) / deviations) < 1e-3
    np.testing.assert_allclose(
        result.covariance / np.outer(deviations, deviations),
        covariance / np.outer(deviations, deviations),
        atol=2e-3,
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", [3, slow(1)])
def test_any_guess_within_a_factor_of_three_leads_to_the_same_fit(
    small: Measurement, step: int
) -> None:
    results = []
    for factors in list(itertools.product((1 / 3, 3.0), repeat=3))[::step]:
        guess = dict(zip(("gap", "t2", "amplitude_scale"), factors, strict=True))
        start = {name: TRUE[name] * factor for name, factor in guess.items()}
        results.append(fit_interferogram(small, frequency=OMEGA, t1=2000.0, **start))
    best = results[0]
    for result in results:
        assert within(result, TRUE, 4.0)
        for name in TRUE:
            difference = abs(result[name].value - best[name].value)
            assert difference < 1e-3 * best[name].error, name


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, slow(8)])
def test_pulls_are_standard_normal(seeds: int) -> None:
    pulls = []
    for seed in range(1, seeds + 1):
        data = synthetic_interferogram(seed=seed, offsets=21, amplitudes=15, error=0.02)
        result = fit_interferogram(data, frequency=OMEGA, **GUESS)
        pulls += [(result[name].value - value) / result[name].error for name, value in TRUE.items()]
        assert result.determined
        assert 0.7 < result.reduced_chi_square < 1.3
    # Of 32 nearly independent numbers the mean of the squares has a standard error of 0.25.
    assert 0.3 < np.mean(np.square(pulls)) < 1.9
    assert np.max(np.abs(pulls)) < 4


@pytest.mark.slow
def test_a_shift_by_a_whole_quantum_is_found() -> None:
    data = synthetic_interferogram(seed=2, offsets=41, amplitudes=15, offset_shift=-0.9 * OMEGA)
    result = fit_interferogram(data, frequency=OMEGA, **GUESS)
    assert within(result, TRUE | {"offset_shift": -0.9 * OMEGA}, 4.0)


@pytest.mark.slow
def test_gap_and_t1_of_fast_passages_are_not_determined_separately(small: Measurement) -> None:
    for model in ("exact", "fast-passage"):
        result = fit_interferogram(small, frequency=OMEGA, **GUESS, vary=ALL, model=model)
        assert not result.determined
        assert any("`gap` and `t1` separately" in note for note in result.warnings)
        assert result["gap"].error > result["gap"].value
        assert within(result, {k: TRUE[k] for k in ("t2", "amplitude_scale", "offset_shift")}, 4.0)
        strength = result["gap"].value ** 2 * result["t1"].value
        assert strength == pytest.approx(0.04**2 * 2000, rel=0.1)


@pytest.mark.slow
def test_all_five_are_determined_where_the_gap_is_not_small() -> None:
    data = synthetic_interferogram(seed=1, gap=4.0, t1=20.0, t2=8.0, offsets=41, amplitudes=21)
    guess = {"gap": 2.0, "t1": 50.0, "t2": 20.0, "amplitude_scale": 0.2}
    result = fit_interferogram(data, frequency=OMEGA, **guess, vary=ALL)
    assert result.determined
    true = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5, "offset_shift": 0.4}
    assert within(result, true, 4.0)
    assert result["t1"].error < 3


def test_no_pure_dephasing_ends_at_the_limit() -> None:
    data = synthetic_interferogram(seed=3, gap=4.0, t1=4.0, t2=8.0, offsets=41, amplitudes=21)
    held = {"gap": 4.0, "amplitude_scale": 0.5, "offset_shift": 0.4, "vary": ("t2",)}
    result = fit_interferogram(data, frequency=OMEGA, t1=4.0, t2=3.0, **held)
    assert result["t2"].value <= 8.0
    assert abs(result["t2"].value - 8.0) < 4 * result["t2"].error
    assert any("limit 2·`t1`" in note for note in result.warnings)
    # With a wrong T₁ the fit stops where relaxation alone would dephase faster.
    wrong = fit_interferogram(data, frequency=OMEGA, t1=5.0, t2=3.0, **held)
    assert wrong["t2"].value == pytest.approx(10.0, rel=1e-4)
    assert wrong["t2"].value <= 10.0
    assert any("limit 2·`t1`" in note for note in wrong.warnings)
    # With one that is too short it stays clear of the limit, and χ² tells.
    short = fit_interferogram(data, frequency=OMEGA, t1=2.0, t2=2.0, **held)
    assert not any("limit" in note for note in short.warnings)
    assert any("χ² is too large" in note for note in short.warnings)


def test_held_t2_bounds_t1(small: Measurement) -> None:
    result = fit_interferogram(
        small,
        frequency=OMEGA,
        gap=0.04,
        t1=5000.0,
        t2=2.5,
        amplitude_scale=0.5,
        vary=("t1",),
        offset_shift=0.4,
    )
    assert result["t2"].value == 2.5
    assert within(result, {"t1": 2000.0}, 4.0)


@pytest.mark.slow
def test_frequency_from_the_data() -> None:
    data = synthetic_interferogram(seed=6, offsets=21, amplitudes=11)
    columns = {**data.coordinates, "frequency": np.full(len(data), OMEGA)}
    own = Measurement(columns, data.population, data.error)
    one = fit_interferogram(own, **GUESS)
    other = fit_interferogram(data, frequency=OMEGA, **GUESS)
    assert one["gap"] == other["gap"]
    with pytest.raises(InputError, match="`frequency` must be left out"):
        fit_interferogram(own, frequency=OMEGA, **GUESS)


def test_arguments_are_refused_in_words(small: Measurement) -> None:
    for options, message in (
        ({"frequency": None}, "`frequency` must be given"),
        ({"frequency": -1.0}, "`frequency` must be positive"),
        ({"t2": 5000.0}, "`t2` must be at most"),
        ({"gap": 0.0}, "`gap` must be positive"),
        ({"model": "floquet"}, "`model` must be one of"),
        ({"vary": ("t3",)}, "did you mean"),
        ({"amplitude_scale": np.nan}, "`amplitude_scale` must be finite"),
    ):
        with pytest.raises(InputError, match=message):
            fit_interferogram(small, **{"frequency": OMEGA, **GUESS, **options})
    bare = Measurement({"offset": np.zeros(9)}, np.zeros(9))
    with pytest.raises(InputError, match="coordinate `amplitude`"):
        fit_interferogram(bare, frequency=OMEGA, **GUESS)


def test_synthetic_data_are_reproducible_and_say_what_they_are() -> None:
    one, other = (synthetic_interferogram(seed=7, offsets=5, amplitudes=[1.0, 2.0]) for _ in "ab")
    np.testing.assert_array_equal(one.population, other.population)
    assert "synthetic" in one.source
    assert len(one) == 10
    with pytest.raises(InputError, match="`error` must be positive"):
        synthetic_interferogram(seed=1, error=0.0)


@pytest.mark.parametrize("vary", [3, ("gap", "gap")])
def test_what_varies_is_named_once(vary: Any) -> None:
    data = synthetic_interferogram(seed=1, offsets=5, amplitudes=3)
    with pytest.raises(InputError, match="Argument `vary` must"):
        fit_interferogram(data, frequency=7.54, gap=0.05, t1=2000.0, t2=3.0, vary=vary)


def test_data_are_a_measurement() -> None:
    data: Any = [0.1, 0.2]
    with pytest.raises(InputError, match="Argument `data` must be a Measurement"):
        fit_interferogram(data, frequency=7.54, gap=0.05, t1=2000.0, t2=3.0)
    with pytest.raises(InputError, match="Argument `data` must be a Measurement"):
        fit_passages(data)
