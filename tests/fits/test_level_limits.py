"""Many spectra, and spectra at the limits: statistics, and what is done where little is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit

from anticrossing import Hamiltonian, InputError
from anticrossing.fits import Lines, Measurement, fit_levels, synthetic_passages
from anticrossing.models import LandauZener
from tests.fits.level_cases import CONTROL, avoided, fitted, random_case

# ---- many spectra -----------------------------------------------------------------------------


@pytest.mark.slow
def test_two_hundred_random_spectra_are_assigned_or_doubted() -> None:
    """N = 2 … 6, a fifth of the lines missing, 5 % outliers, guesses up to 30 % wrong."""
    good, pulls, silent, noted = 0, [], 0, 0
    for levels in range(2, 7):
        for seed in range(40):
            case = random_case(levels, seed)
            fit = fitted(case)
            right = case.assigned(fit)
            good += right
            silent += not right and not fit.warnings
            noted += bool(right and fit.warnings)
            if right:
                pulls.append(case.pulls(fit))
    every = np.concatenate(pulls)
    assert good >= 190
    assert silent == 0
    assert noted <= 10
    assert abs(np.mean(every)) < 0.15
    assert abs(np.std(every) - 1) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 3])
def test_pulls_of_every_parameter_are_standard_normal(levels: int) -> None:
    """One Hamiltonian, 200 sets of data."""
    true = random_case(levels, 3)
    pulls = []
    rng = np.random.default_rng(11)
    H = true.guess.replace(**true.true)
    x = np.linspace(-2, 2, 31)
    exact = np.linalg.eigvalsh(H(x))
    exact = exact[:, 1:] - exact[:, :1]
    for _ in range(200):
        seen = rng.random(exact.shape) > 0.2
        frequency = exact[seen] + 0.004 * rng.standard_normal(int(np.sum(seen)))
        control = x[np.nonzero(seen)[0]]
        lost = rng.integers(x.size, size=3)
        control = np.concatenate([control, x[lost]])
        frequency = np.concatenate([frequency, rng.uniform(0.1, exact.max(), 3)])
        lines = Lines(control, frequency, np.full(control.size, 0.004))
        fit = fit_levels(true.guess, lines, starts=2)
        pulls.append(true.pulls(fit))
    # Standard errors over 200: 0.07 of the mean, 0.05 of the deviation.
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.15)
    assert np.all(np.abs(np.std(pulls, axis=0) - 1) < 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [3, 4, 5])
def test_too_little_information_is_never_sure_of_wrong_numbers(columns: int) -> None:
    silent = tried = 0
    for levels in range(2, 7):
        for seed in range(12):
            try:
                case = random_case(levels, seed, columns=columns, missing=0.3, outliers=0.1)
                fit = fitted(case)
            except InputError:  # fewer lines than parameters
                continue
            tried += 1
            wrong = np.any(np.abs(case.pulls(fit)) > 5)
            silent += bool(wrong and not fit.warnings)
    assert tried > 5
    assert silent == 0


@pytest.mark.slow
def test_the_covariance_of_a_crossing_is_that_of_repeated_measurements() -> None:
    """Gap, position and slope difference of one avoided crossing among three levels."""
    H = Hamiltonian.from_terms(
        [
            ("x*s", np.diag([1.0, -1.0, 0.0])),
            ("e", np.diag([0.0, 0.0, 1.0])),
            ("g/2", [[0, 1, 0], [1, 0, 0], [0, 0, 0]]),
            ("h/2", [[0, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ],
        parameters={"s": 1.0, "e": 0.8, "g": 0.4, "h": 0.3},
    )
    x = np.linspace(-1, 1, 15)
    exact = np.linalg.eigvalsh(H(x))
    exact = (exact[:, 1:] - exact[:, :1]).ravel()
    random = np.random.default_rng(3)
    found, covariances = [], []
    for _ in range(150):
        frequency = exact + 0.005 * random.standard_normal(exact.size)
        lines = Lines(np.repeat(x, 2), frequency, np.full(exact.size, 0.005))
        fit = fit_levels(H, lines, starts=1)
        first = min(fit.crossings, key=lambda c: c.position.value if c.levels == (0, 1) else 9)
        found.append(first.values)
        covariances.append(first.covariance)
    sampled, told = np.cov(np.array(found).T), np.mean(covariances, axis=0)
    ratio = np.sqrt(np.diag(sampled) / np.diag(told))
    assert np.all(np.abs(ratio - 1) < 0.2)  # 150 samples: 0.06
    size = np.sqrt(np.outer(np.diag(told), np.diag(told)))
    assert np.max(np.abs(sampled - told) / size) < 0.35


@pytest.mark.slow
def test_spectrum_and_passages_are_fitted_together() -> None:
    """Against least squares with the closed form of an infinite sweep, and the sum of both."""
    random = np.random.default_rng(3)
    control = np.linspace(-2, 2, 9)
    frequency = np.sqrt(control**2 + 0.8**2) + 0.02 * random.standard_normal(9)
    lines = Lines(control, frequency, np.full(9, 0.02))
    rates = np.geomspace(0.3, 5, 8)
    data = synthetic_passages(gap=0.8, error=0.01, seed=1, sweep_rates=rates)
    fit = fit_levels(LandauZener(gap=0.6), lines, passages=data, passage_window=(-400, 400))
    alone = fit_levels(LandauZener(gap=0.6), lines)

    def both(_: Any, gap: float) -> Any:
        return np.concatenate([np.sqrt(control**2 + gap**2), np.exp(-np.pi * gap**2 / (2 * rates))])

    value, covariance = curve_fit(
        both,
        np.zeros(17),
        np.concatenate([frequency, data.population]),
        p0=[0.7],
        sigma=np.concatenate([lines.error, data.error]),  # type: ignore[arg-type]
        absolute_sigma=True,
    )
    assert fit["gap"].error < alone["gap"].error
    assert fit["gap"].value == pytest.approx(value[0], abs=2e-5)
    assert fit["gap"].error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-2)
    assert fit.passage_residuals is not None
    assert fit.degrees_of_freedom == 16
    volts = Lines(control / 2, frequency, lines.error)
    swept = Measurement({"sweep_rate": rates / 2}, data.population, data.error)
    calibrated = fit_levels(
        LandauZener(gap=0.6),
        volts,
        passages=swept,
        passage_window=(-200, 200),
        vary=["gap", "control_scale", "visibility"],
        control_scale=1.9,
    )
    assert abs(calibrated["control_scale"].value - 2) < 4 * calibrated["control_scale"].error
    assert abs(calibrated["gap"].value - 0.8) < 4 * calibrated["gap"].error


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("relative", [1e-8, 1e-3])
def test_scale_of_energies_and_errors_does_not_matter(size: float, relative: float) -> None:
    noise = np.random.default_rng(2).standard_normal(CONTROL.size)
    error = relative * size
    frequency = size * np.sqrt(CONTROL**2 + 0.64) + error * noise
    H = Hamiltonian.from_terms(
        [(f"{size}*x/2", np.diag([1.0, -1.0])), ("g/2", [[0, 1], [1, 0]])],
        parameters={"g": 0.6 * size},
    )
    fit = fit_levels(H, Lines(CONTROL, frequency, np.full(CONTROL.size, error)))
    assert abs(fit["g"].value - 0.8 * size) < 4 * fit["g"].error
    assert not fit.warnings
    assert not np.any(fit.outliers)


# ---- at the limits ----------------------------------------------------------------------------


def check(H: Hamiltonian, lines: Lines, true: dict[str, float], **options: Any) -> Any:
    """Fit, and assert that the truth is within 4 σ and nothing is doubted."""
    fit = fit_levels(H, lines, **options)
    for name, value in true.items():
        assert abs(fit[name].value - value) < 4 * fit[name].error, name
    assert not fit.warnings
    return fit


def noisy(frequency: Any, error: Any, seed: int = 5) -> Any:
    """Return frequencies with normal noise."""
    return frequency + error * np.random.default_rng(seed).standard_normal(np.shape(frequency))


@pytest.mark.slow
def test_levels_that_truly_cross() -> None:
    H = Hamiltonian.from_terms(
        [("D", np.diag([1.0, 0, 1.0])), ("g*x", np.diag([1.0, 0, -1.0]))],
        parameters={"D": 1.0, "g": 1.0},
    )
    x = np.linspace(-2, 2, 31)
    energies = np.linalg.eigvalsh(H.replace(D=1.2, g=1.1)(x))
    exact = energies[:, 1:] - energies[:, :1]
    kept = exact > 0.05
    lines = Lines(
        np.repeat(x, 2)[kept.ravel()], noisy(exact[kept], 0.005), np.full(kept.sum(), 0.005)
    )
    fit = check(H, lines, {"D": 1.2, "g": 1.1})
    assert {crossing.kind for crossing in fit.crossings} == {"true"}
    outer = max(fit.crossings, key=lambda crossing: crossing.position.value)
    assert outer.gap.value == outer.gap.error == 0
    ratio = fit["D"].value / fit["g"].value
    assert outer.position.value == pytest.approx(ratio, abs=1e-6)
    slope = np.array([1 / fit["g"].value, -ratio / fit["g"].value])
    assert outer.position.error == pytest.approx(np.sqrt(slope @ fit.covariance @ slope), rel=1e-2)


@pytest.mark.slow
def test_functions_and_formulas_with_a_domain() -> None:
    """The square root of a negative number is no level."""
    x = np.linspace(-2, 2, 31)
    lines = Lines(x, noisy(2 * np.sqrt(x**2 + 0.2), 0.004), np.full(31, 0.004))
    formula = Hamiltonian.from_matrix(
        [["b*x", "b*sqrt(a)"], ["b*sqrt(a)", "-b*x"]], parameters={"a": 0.3, "b": 1.2}
    )

    def values(x: float, a: float, b: float) -> Any:
        with np.errstate(invalid="ignore"):
            return b * np.array([[x, np.sqrt(a)], [np.sqrt(a), -x]])

    function = Hamiltonian.from_function(values, parameters={"a": 0.3, "b": 1.2})
    one = check(formula, lines, {"a": 0.2, "b": 1.0})
    two = check(function, lines, {"a": 0.2, "b": 1.0})
    assert two["a"].value == pytest.approx(one["a"].value, abs=1e-6)
    assert two["a"].error == pytest.approx(one["a"].error, rel=1e-4)
    ended = fit_levels(formula, lines, bounds={"a": (0.25, 2.0)})
    assert any("end of its range" in note for note in ended.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("guess", [0.0, 0.08, 8.0, 80.0])
def test_poor_guesses(guess: float) -> None:
    lines = Lines(CONTROL, noisy(np.sqrt(CONTROL**2 + 0.64), 0.01), np.full(CONTROL.size, 0.01))
    check(LandauZener(gap=guess), lines, {"gap": 0.8}, uncertainty=2.0)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-12, 1e6])
def test_strengths(size: float) -> None:
    frequency = size * np.sqrt(CONTROL**2 + 0.64)
    lines = Lines(size * CONTROL, noisy(frequency, 0.01 * size), np.full(CONTROL.size, 0.01 * size))
    check(LandauZener(gap=0.6 * size), lines, {"gap": 0.8 * size})


@pytest.mark.slow
def test_errors_over_five_decades() -> None:
    error = 10 ** np.random.default_rng(3).uniform(-6, -1, CONTROL.size)
    lines = Lines(CONTROL, noisy(np.sqrt(CONTROL**2 + 0.64), error), error)
    check(LandauZener(gap=0.6), lines, {"gap": 0.8})


@pytest.mark.slow
def test_pairs_of_levels_that_are_one_everywhere() -> None:
    H = Hamiltonian.from_terms(
        [
            ("x/2", np.kron(np.diag([1.0, -1.0]), np.eye(2))),
            ("g/2", np.kron([[0, 1], [1, 0]], np.eye(2))),
        ],
        parameters={"g": 0.6},
    )
    fit = fit_levels(H, avoided())
    assert fit["g"].value == pytest.approx(fit_levels(LandauZener(gap=0.6), avoided())["gap"].value)
    assert any("cannot be told apart" in note for note in fit.warnings)


@pytest.mark.slow
def test_nothing_but_noise_and_one_control() -> None:
    far = Lines(CONTROL, np.full(CONTROL.size, 1e3), np.full(CONTROL.size, 1e-3))
    fit = fit_levels(LandauZener(gap=0.6), far)
    assert fit.warnings
    once = Lines(np.zeros(5), noisy(np.full(5, 0.8), 0.01), np.full(5, 0.01))
    fit = fit_levels(LandauZener(gap=1.0), once)
    assert any("no transition" in note for note in fit.warnings)
    assert fit.crossings == ()


@pytest.mark.slow
def test_the_sign_of_a_control_is_that_of_the_guess() -> None:
    frequency = noisy(np.sqrt(4 * CONTROL**2 + 0.64), 0.01)
    lines = Lines(CONTROL, frequency, np.full(CONTROL.size, 0.01))
    for sign in (1.0, -1.0):
        true = {"gap": 0.8, "control_scale": 2.0 * sign}
        options = {"vary": ["gap", "control_scale"], "control_scale": 1.5 * sign}
        check(LandauZener(gap=0.6), lines, true, **options)
