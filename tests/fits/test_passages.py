"""Fits of single passages against an independent fit, exact solutions, and statistics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from anticrossing import formulas
from anticrossing._core.checks import InputError
from anticrossing.fits import Measurement, fit_passages, synthetic_passages


def landau_zener(rate: np.ndarray, gap: float) -> np.ndarray:
    return np.exp(-np.pi * gap**2 / (2 * rate))


def test_gap_and_error_are_those_of_an_independent_fit() -> None:
    data = synthetic_passages(gap=0.8, error=0.02, seed=3)
    result = fit_passages(data)
    value, covariance = curve_fit(
        landau_zener,
        data.coordinate("sweep_rate"),
        data.population,
        p0=[0.8],
        sigma=data.error,
        absolute_sigma=True,
    )
    assert result["gap"].value == pytest.approx(value[0], rel=1e-6)
    assert result["gap"].error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-4)
    assert result.determined
    assert result.chi_square == pytest.approx(np.sum(result.residuals**2))
    assert result.degrees_of_freedom == 24


def test_covariance_of_three_parameters_is_that_of_an_independent_fit() -> None:
    data = synthetic_passages(gap=1.3, error=0.02, seed=4)
    result = fit_passages(data, vary=("background", "gap", "visibility"))
    value, covariance = curve_fit(
        lambda rate, gap, visibility, background: background + visibility * landau_zener(rate, gap),
        data.coordinate("sweep_rate"),
        data.population,
        p0=[1.0, 1.0, 0.0],
        sigma=data.error,
        absolute_sigma=True,
    )
    assert result.varied == ("gap", "visibility", "background")
    np.testing.assert_allclose([result[n].value for n in result.varied], value, rtol=1e-4)
    np.testing.assert_allclose(result.covariance, covariance, rtol=2e-3)
    assert np.diag(result.correlations) == pytest.approx(1.0)


def test_unknown_errors_are_estimated_from_the_scatter() -> None:
    data = synthetic_passages(gap=0.8, error=0.02, seed=3)
    bare = fit_passages(Measurement(data.coordinates, data.population))
    value, covariance = curve_fit(
        landau_zener, data.coordinate("sweep_rate"), data.population, p0=[0.8]
    )
    assert bare["gap"].value == pytest.approx(value[0], rel=1e-6)
    assert bare["gap"].error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-4)
    assert "errors unknown" in str(bare)


def test_pulls_are_standard_normal() -> None:
    pulls = []
    for seed in range(60):
        gap = fit_passages(synthetic_passages(gap=0.8, error=0.01, seed=seed))["gap"]
        pulls.append((gap.value - 0.8) / gap.error)
    # Standard errors of mean and variance over 60 are 0.13 and 0.18.
    assert abs(np.mean(pulls)) < 0.4
    assert 0.5 < np.mean(np.square(pulls)) < 1.6
    assert np.max(np.abs(pulls)) < 4


@pytest.mark.parametrize("guess", [0.8 / 3, 2.4, None])
@pytest.mark.parametrize("measured", ["jump", "stay"])
def test_guess_and_kind_of_population_do_not_matter(guess: float | None, measured: str) -> None:
    data = synthetic_passages(gap=0.8, error=0.01, seed=5)
    if measured == "stay":
        data = Measurement(data.coordinates, 1 - data.population, data.error)
    result = fit_passages(data, gap=guess, measured=measured)
    reference = fit_passages(synthetic_passages(gap=0.8, error=0.01, seed=5))
    assert result["gap"].value == pytest.approx(reference["gap"].value, rel=1e-6)


@pytest.mark.quick(1)
@pytest.mark.parametrize("basis", ["adiabatic", "diabatic"])
def test_exact_model_recovers_the_gap_of_weber_functions(basis: str) -> None:
    rates = np.geomspace(0.3, 5.0, 8)
    exact = formulas.finite_window(
        gap=0.9, sweep_rate=rates, start=-12.0 / rates, stop=9.0 / rates, basis=basis
    )
    jump = np.asarray(exact.value)
    data = Measurement({"sweep_rate": rates}, jump, np.full(8, 1e-6))
    result = fit_passages(data, model="exact", window=(-12.0, 9.0), basis=basis, gap=0.5)
    assert result["gap"].value == pytest.approx(0.9, abs=1e-7)
    assert result.reduced_chi_square < 1e-3
    if basis == "diabatic":
        # The formula for an infinite sweep misses by far more than a careful measurement would.
        formula = fit_passages(data)
        assert abs(formula["gap"].value - 0.9) > 1e-3
        assert any("χ² is too large" in note for note in formula.warnings)


def test_saturated_populations_do_not_determine_the_gap() -> None:
    data = Measurement({"sweep_rate": [0.01, 0.02, 0.03]}, [0.0, 0.01, -0.005], [0.01] * 3)
    result = fit_passages(data, gap=2.0)
    assert not result.determined
    assert any("do not determine `gap`" in note for note in result.warnings)
    assert result["gap"].error == np.inf
    assert "not determined" in str(result)


def test_equal_populations_without_errors_tell_a_limit_at_most() -> None:
    data = Measurement({"sweep_rate": [0.1, 1.0, 5.0]}, [0.0, 0.0, 0.0])
    result = fit_passages(data)
    assert not result.determined
    assert any("a limit at most" in note for note in result.warnings)
    with pytest.raises(InputError, match="hold at least one point"):
        result.next_measurement({"sweep_rate": []})


def test_overstated_errors_are_noted() -> None:
    data = synthetic_passages(gap=0.8, error=0.01, seed=1)
    assert data.error is not None
    large = Measurement(data.coordinates, data.population, 20 * data.error)
    assert any("too small" in note for note in fit_passages(large).warnings)


def test_dataset_is_complete(tmp_path) -> None:  # type: ignore[no-untyped-def]
    import xarray

    result = fit_passages(synthetic_passages(gap=0.8, seed=1), vary=("gap", "visibility"))
    result.to_dataset().to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "fit.nc", engine="h5netcdf") as dataset:
        assert float(dataset.value.sel(parameter="gap")) == result["gap"].value
        assert float(dataset.value_error.sel(parameter="background")) == 0.0
        np.testing.assert_array_equal(dataset.covariance, result.covariance)
        np.testing.assert_array_equal(dataset.residual, result.residuals)


def test_arguments_are_refused_in_words() -> None:
    data = synthetic_passages(gap=0.8, seed=1)
    for options, message in (
        ({"window": (-1, 1)}, "`window` must be left out with model='landau-zener'"),
        ({"basis": "diabatic"}, "`basis` must be left out"),
        ({"model": "exact"}, "`window` must be given"),
        ({"model": "exact", "window": (1, 2)}, "opposite sign"),
        ({"model": "lz"}, "`model` must be one of"),
        ({"vary": ()}, "`vary` must be a collection"),
        ({"vary": "gap"}, "`vary` must be a list"),
        ({"vary": ("gaps",)}, "did you mean `gap`"),
        ({"vary": ("background",)}, "`gap` must be given if it is held fixed"),
        ({"gap": -1.0}, "`gap` must be positive"),
        ({"visibility": 0.0}, "`visibility` must be positive"),
        ({"measured": "up"}, "`measured` must be one of"),
    ):
        with pytest.raises(InputError, match=message):
            fit_passages(data, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="coordinate `sweep_rate`"):
        fit_passages(Measurement({"rate": [1.0, 2.0]}, [0.1, 0.2]))
    with pytest.raises(InputError, match="positive sweep rates"):
        fit_passages(Measurement({"sweep_rate": [0.0, 2.0]}, [0.1, 0.2]))
    with pytest.raises(InputError, match="hold more than 1 points"):
        fit_passages(Measurement({"sweep_rate": [2.0]}, [0.1]))
    with pytest.raises(InputError, match="did you mean `gap`"):
        fit_passages(data)["gab"]
