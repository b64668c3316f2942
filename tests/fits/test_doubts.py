"""What stands against a fit is said: outliers, wrong models, also where errors are not known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from anticrossing.fits import (
    FitResult,
    Measurement,
    fit_interferogram,
    fit_passages,
    synthetic_interferogram,
    synthetic_passages,
)
from tests.fits.coverage import OMEGA, QUBIT

VARY = ("gap", "t2", "amplitude_scale", "offset_shift")


@pytest.fixture(scope="module")
def clean() -> Measurement:
    return synthetic_interferogram(seed=1, error=0.01, **QUBIT, offsets=31, amplitudes=15)


def fitted(data: Measurement, known: bool, **options: float) -> FitResult:
    bare = Measurement(data.coordinates, data.population, data.error if known else None)
    given = {**QUBIT, "frequency": OMEGA, **options}
    return fit_interferogram(bare, **given, vary=VARY, search=False)


@pytest.mark.parametrize("known", [True, False])
def test_one_point_that_is_off_is_named(clean: Measurement, known: bool) -> None:
    assert fitted(clean, known).warnings == ()
    population = clean.population.copy()
    population[100] += 0.08
    # Eight errors among 465 points do not make χ² improbable.
    result = fitted(Measurement(clean.coordinates, population, clean.error), known)
    (note,) = result.warnings
    assert "number 100" in note


@pytest.mark.parametrize(
    ("wrong", "contrast"),
    [({}, 0.75), ({"temperature": 6.0}, 1.0), ({"frequency": OMEGA / (2 * np.pi)}, 1.0)],
)
def test_a_wrong_model_is_noted_without_errors_too(
    clean: Measurement, wrong: dict[str, float], contrast: float
) -> None:
    data = Measurement(clean.coordinates, contrast * clean.population, clean.error)
    notes = fitted(data, False, **wrong).warnings
    assert sum("deviate together" in note for note in notes) == 2


def test_passages_without_contrast_and_other_orders_of_points() -> None:
    data = synthetic_passages(gap=0.8, seed=1)
    order = np.random.default_rng(0).permutation(len(data))
    rates = data.coordinate("sweep_rate")[order]
    wrong = fit_passages(Measurement({"sweep_rate": rates}, 0.7 * data.population[order]))
    assert any("along `sweep_rate` deviate together" in note for note in wrong.warnings)
    right = fit_passages(Measurement({"sweep_rate": rates}, data.population[order]))
    assert right.warnings == ()


@pytest.mark.slow
def test_notes_on_good_fits_are_as_rare_as_they_should_be() -> None:
    # A χ² on either side, a point and a neighbourhood: 1e-3 each, of 2000 fits about eight.
    noted, chances = 0, []
    for seed in range(2000):
        result = fit_passages(synthetic_passages(gap=0.8, seed=seed))
        noted += bool(result.warnings)
        chances.append((result["gap"].value - 0.8) / result["gap"].error)
    assert noted <= 20
    assert kstest(chances, "norm").pvalue > 1e-3
