"""Posteriors against integrals, information against covariances, and what is measured next."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom

from anticrossing import InputError, MissingExtraError
from anticrossing.fits import Measurement, fit_interferogram, fit_passages, synthetic_passages
from anticrossing.fits.interferogram import synthetic_interferogram


def jump(gap: float, rates: np.ndarray) -> np.ndarray:
    return np.exp(-np.pi * gap**2 / (2 * rates))


@pytest.mark.slow
def test_posterior_of_counts_is_that_of_an_integral() -> None:
    rates = np.array([0.2, 0.5, 1.0])
    counts, shots = np.array([1, 4, 9]), 20
    result = fit_passages(Measurement.from_counts({"sweep_rate": rates}, counts, shots))
    posterior = result.sample(seed=3, steps=3000)
    assert posterior.warnings == ()

    def density(log_gap: float) -> float:
        return float(np.prod(binom.pmf(counts, shots, jump(np.exp(log_gap), rates))))

    def mean(function) -> float:  # type: ignore[no-untyped-def]
        return quad(lambda x: function(np.exp(x)) * density(x), -3, 2)[0] / quad(density, -3, 2)[0]

    first = mean(lambda g: g)
    deviation = np.sqrt(mean(lambda g: g * g) - first**2)
    error = deviation / np.sqrt(len(posterior.samples))
    assert posterior.mean[0] == pytest.approx(first, abs=5 * error)
    assert np.sqrt(posterior.covariance[0, 0]) == pytest.approx(deviation, rel=0.05)
    assert abs(result["gap"].value - first) < deviation


def test_sampling_repeats_and_says_when_it_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    result = fit_passages(synthetic_passages(gap=0.8, seed=1))
    one, other = (result.sample(seed=7, walkers=8, steps=60) for _ in "ab")
    np.testing.assert_array_equal(one.samples, other.samples)
    assert one.seed == 7
    assert any("the chain is short" in note for note in one.warnings)
    low, high = one.quantiles("gap", (0.01, 0.99))
    assert low < result["gap"].value < high
    with pytest.raises(InputError, match="`walkers` must"):
        result.sample(seed=1, walkers=1)
    with pytest.raises(InputError, match="`seed` must"):
        result.sample(seed=-1)
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(MissingExtraError, match=r"anticrossing\[fit\]"):
        result.sample(seed=1)


@pytest.mark.slow
def test_samples_of_a_map_have_the_covariance_of_its_fit() -> None:
    data = synthetic_interferogram(seed=1, gap=4.0, t1=20.0, t2=8.0, offsets=21, amplitudes=11)
    guess: dict[str, Any] = {
        "gap": 4.0,
        "t1": 20.0,
        "t2": 8.0,
        "amplitude_scale": 0.5,
        "offset_shift": 0.4,
    }
    result = fit_interferogram(data, frequency=7.54, **guess, vary=("gap", "t2", "visibility"))
    posterior = result.sample(seed=2, steps=1200)
    deviations = np.sqrt(np.diag(result.covariance))
    scale = np.outer(deviations, deviations)
    np.testing.assert_allclose(posterior.covariance / scale, result.covariance / scale, atol=0.15)
    best = np.array([result[name].value for name in result.varied])
    assert np.max(np.abs(posterior.mean - best) / deviations) < 0.25


@pytest.mark.parametrize("shots", [None, 50])
def test_information_is_the_inverse_of_the_covariance(shots: int | None) -> None:
    data = synthetic_passages(gap=0.8, seed=1, shots=shots, visibility=0.8, background=0.1)
    result = fit_passages(data, vary=("gap", "visibility", "background"))
    identity = result.fisher_information() @ result.covariance
    np.testing.assert_allclose(identity, np.eye(3), atol=1e-8)
    bare = fit_passages(Measurement(data.coordinates, data.population), vary=("gap", "background"))
    np.testing.assert_allclose(bare.fisher_information() @ bare.covariance, np.eye(2), atol=1e-8)


def test_the_next_sweep_is_the_one_that_halves_the_error_most() -> None:
    data = synthetic_passages(gap=0.8, seed=1, shots=200)
    result = fit_passages(data)
    rates = np.geomspace(0.05, 20, 400)
    found = result.next_measurement({"sweep_rate": rates})
    # By hand: (∂P)² n/(P(1 − P)) is largest where x = πg²/2α solves x = 2(1 − exp(−x)).
    x = np.pi * result["gap"].value ** 2 / (2 * found.best["sweep_rate"])
    assert x == pytest.approx(2 * (1 - np.exp(-x)), rel=0.02)
    # Adding that point to the data brings the error that was announced.
    rate = found.best["sweep_rate"]
    where = {"sweep_rate": np.append(data.coordinate("sweep_rate"), rate)}
    shots = 200
    expected = np.round(shots * jump(result["gap"].value, np.array([rate])))
    counts = np.append(np.rint(data.population * shots), expected)
    more = fit_passages(Measurement.from_counts(where, counts, shots))
    assert more["gap"].error == pytest.approx(found.best_error["gap"], rel=2e-3)
    assert found.gain.max() == pytest.approx(
        np.log(result["gap"].error / more["gap"].error), rel=0.05
    )


def test_a_target_asks_for_another_point() -> None:
    data = synthetic_passages(gap=0.8, seed=1)
    result = fit_passages(data, vary=("gap", "visibility", "background"))
    rates = {"sweep_rate": np.geomspace(0.05, 20, 50)}
    floor = result.next_measurement(rates, target="background", error=0.01)
    assert floor.best["sweep_rate"] == pytest.approx(0.05)
    every = result.next_measurement(rates, error=0.01)
    assert np.all(every.expected_error <= np.sqrt(np.diag(result.covariance)) * (1 + 1e-6))
    for options, message in (
        ({"target": "t1"}, "`target` must"),
        ({"error": 0.1, "shots": 3}, "`error` must be left out"),
        ({"error": 0.0}, "`error` must be positive"),
    ):
        with pytest.raises(InputError, match=message):
            result.next_measurement(rates, **options)
    with pytest.raises(InputError, match="`candidates` must"):
        result.next_measurement({"rate": [1.0]})
    with pytest.raises(InputError, match="say `sweep_rate`"):
        result.next_measurement({})
