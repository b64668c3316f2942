"""Spectra: derivatives, assignments, errors and doubts against other routes and known truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

import anticrossing as ac
from anticrossing import Hamiltonian, InputError, Units
from anticrossing.fits import Lines, Measurement, fit_levels, synthetic_passages
from anticrossing.fits._transitions import CALIBRATION, Transition, Transitions
from anticrossing.models import LandauZener
from tests.fits.level_cases import CONTROL, avoided, fitted, random_case

# ---- derivatives ------------------------------------------------------------------------------


def test_derivatives_are_those_of_finite_differences() -> None:
    H = Hamiltonian.from_matrix(
        [["x", "a", "I*b"], ["a", "c*x**2", "a*b"], ["-I*b", "a*b", "-x + c"]],
        parameters={"a": 0.3, "b": 0.2, "c": 0.7},
    )
    names = ("a", "b", "c", "control_shift", "control_scale", "frequency_offset")
    first = {**CALIBRATION, "a": 0.3, "b": 0.2, "c": 0.7}
    transitions = (Transition(0, 1), Transition(0, 2, 2), Transition(1, 2))
    model = Transitions(H, np.linspace(-1, 1, 5), transitions, 1e3, first, names)
    at = np.array([[0.3, 0.2, 0.7, 0.1, 1.3, 4.0], [0.5, -0.1, 0.4, 0.0, 0.8, 0.0]])
    value, derived = model.with_derivatives(at)
    np.testing.assert_allclose(value, model.frequencies(at), rtol=1e-12)
    energies = np.linalg.eigvalsh(H.replace(a=0.5, b=-0.1, c=0.4)(0.8 * model.control))
    np.testing.assert_allclose(value[1, :, 1], 1e3 * (energies[:, 2] - energies[:, 0]) / 2)
    for k in range(len(names)):
        step = np.zeros_like(at)
        step[:, k] = 1e-5
        numerical = (model.frequencies(at + step) - model.frequencies(at - step)) / 2e-5
        np.testing.assert_allclose(derived[..., k], numerical, atol=2e-5)


def test_levels_that_coincide_share_their_derivatives() -> None:
    """tr(∂H)/d of the block, whatever its eigenvectors are."""
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    slope = np.diag([1.0, 3.0, 10.0])
    H = Hamiltonian.from_terms(
        [(1, rotation @ np.diag([1.0, 1.0, 2.0]) @ rotation.T), ("p", slope)], parameters={"p": 0.0}
    )
    model = Transitions(H, np.zeros(1), (Transition(0, 2),), 1.0, {**CALIBRATION, "p": 0.0}, ("p",))
    along = rotation.T @ slope @ rotation
    expected = along[2, 2] - (along[0, 0] + along[1, 1]) / 2
    assert model.with_derivatives(np.zeros((1, 1)))[1].item() == pytest.approx(expected)


# ---- numbers ----------------------------------------------------------------------------------


def test_two_levels_agree_with_an_independent_fit() -> None:
    lines = avoided()
    fit = fit_levels(LandauZener(gap=0.6), lines)
    value, covariance = curve_fit(
        lambda x, gap: np.sqrt(x**2 + gap**2),
        lines.control,
        lines.frequency,
        p0=[0.6],
        sigma=lines.error,
        absolute_sigma=True,
    )
    assert fit["gap"].value == pytest.approx(value[0], rel=1e-7)
    assert fit["gap"].error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-5)
    assert fit.chi_square == pytest.approx(np.sum(fit.residuals**2))
    assert not fit.warnings
    (crossing,) = fit.crossings
    assert crossing.kind == "avoided"
    assert crossing.gap.value == pytest.approx(fit["gap"].value)
    assert crossing.gap.error == pytest.approx(fit["gap"].error)
    assert crossing.slope_difference.value == pytest.approx(1.0)


@pytest.mark.slow
def test_unknown_errors_are_taken_from_the_scatter() -> None:
    lines = avoided(error=0.02)
    fit = fit_levels(LandauZener(gap=0.6), Lines(lines.control, lines.frequency))
    value, covariance = curve_fit(
        lambda x, gap: np.sqrt(x**2 + gap**2), lines.control, lines.frequency, p0=[0.6]
    )
    assert fit["gap"].value == pytest.approx(value[0], rel=1e-6)
    assert fit["gap"].error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-4)
    assert fit.reduced_chi_square == pytest.approx(1.0, rel=1e-4)
    assert "errors unknown" in str(fit)


def test_calibration_and_its_effect_on_the_crossing() -> None:
    """x = x₀ + s V: position −x₀/s, slopes per control; errors by hand from the covariance."""
    volts = (CONTROL - 0.3) / 2.0
    truth = np.sqrt(CONTROL**2 + 0.8**2)
    noise = 0.002 * np.random.default_rng(5).standard_normal(CONTROL.size)
    lines = Lines(volts, truth + noise, np.full(CONTROL.size, 0.002))
    fit = fit_levels(
        LandauZener(gap=0.6),
        lines,
        vary=["gap", "control_scale", "control_shift"],
        control_scale=1.5,
    )
    for name, value in {"gap": 0.8, "control_scale": 2.0, "control_shift": 0.3}.items():
        assert abs(fit[name].value - value) < 4 * fit[name].error, name
    (crossing,) = fit.crossings
    shift, scale = fit["control_shift"].value, fit["control_scale"].value
    assert crossing.position.value == pytest.approx(-shift / scale, abs=1e-9)
    places = [fit.varied.index(name) for name in ("control_shift", "control_scale")]
    block = fit.covariance[np.ix_(places, places)]
    slope = np.array([-1 / scale, shift / scale**2])
    assert crossing.position.error == pytest.approx(np.sqrt(slope @ block @ slope), rel=1e-3)
    assert crossing.slope_difference.value == pytest.approx(abs(scale), rel=1e-6)
    assert crossing.slope_difference.error == pytest.approx(fit["control_scale"].error, rel=1e-3)


def test_lines_with_units_meet_a_hamiltonian_with_others() -> None:
    lines = avoided(gap=0.8)
    assert lines.error is not None
    megahertz = Lines(lines.control, 1e3 * lines.frequency, 1e3 * lines.error, unit="MHz")
    H = LandauZener(gap=0.6).with_units(Units("GHz", "ns"))
    fit = fit_levels(H, megahertz)
    assert fit["gap"].value == pytest.approx(fit_levels(LandauZener(gap=0.6), lines)["gap"].value)
    with pytest.raises(InputError, match="H has no units"):
        fit_levels(LandauZener(gap=0.6), megahertz)
    with pytest.raises(InputError, match="the lines have no unit"):
        fit_levels(H, lines)


def test_missing_lines_and_outliers_are_sorted_out() -> None:
    case = random_case(3, 4, columns=25)
    fit = fitted(case)
    assert case.assigned(fit)
    assert not fit.warnings
    assert np.all(fit.outlier_probability[case.labels >= 0] < 0.5)
    assert np.all(np.isnan(fit.residuals) == fit.outliers)
    assert fit.labels[0] == (0, 1 + case.labels[0])


def test_photons_and_higher_starts_are_found() -> None:
    H = Hamiltonian.affine(np.diag([0.0, 5.0, 9.6]), np.diag([0.0, 1.0, 1.9]))
    H = Hamiltonian.from_terms(
        [("f + x", np.diag([0.0, 1.0, 2.0])), ("a", np.diag([0.0, 0.0, 1.0]))],
        parameters={"f": 4.7, "a": -0.3},
    )
    x = np.linspace(-0.5, 0.5, 11)
    f01, f12, two = 5.0 + x, 4.6 + x, 4.8 + x
    random = np.random.default_rng(2)
    frequency = np.concatenate([f01, f12, two]) + 0.003 * random.standard_normal(33)
    lines = Lines(np.tile(x, 3), frequency, np.full(33, 0.003))
    fit = fit_levels(H, lines, initial_levels=2, photons=2, starts=4)
    assert abs(fit["f"].value - 5.0) < 4 * fit["f"].error
    assert abs(fit["a"].value + 0.4) < 4 * fit["a"].error
    told = [str(fit.transitions[k]) for k in fit.assigned]
    assert told == ["0→1"] * 11 + ["1→2"] * 11 + ["0→2 (2 photons)"] * 11


# ---- doubts -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_signs_that_the_spectrum_does_not_tell_are_those_of_the_guess() -> None:
    for sign in (1.0, -1.0):
        fit = fit_levels(LandauZener(gap=sign * 0.5), avoided(), uncertainty=2.0)
        assert np.sign(fit["gap"].value) == sign
        assert not fit.alternatives


def test_what_the_lines_do_not_determine_is_said() -> None:
    H = Hamiltonian.from_terms(
        [("x/2", np.diag([1.0, -1.0])), ("(g + h)/2", [[0, 1], [1, 0]])],
        parameters={"g": 0.3, "h": 0.3},
    )
    fit = fit_levels(H, avoided(), starts=2)
    assert not fit.determined
    assert any("`g` and `h`" in note for note in fit.warnings)
    assert fit["g"].error == np.inf
    held = fit_levels(H, avoided(), vary=["g"], starts=2)
    assert held["g"].value == pytest.approx(0.8 - 0.3, abs=0.03)
    known = fit_levels(H, avoided(), priors={"h": (0.3, 0.01)}, starts=2)
    assert known["h"].error == pytest.approx(0.01, rel=1e-6)
    assert known.determined


def test_another_assignment_that_fits_is_given() -> None:
    """Two uncoupled levels: which of two straight lines is which, nothing tells."""
    H = Hamiltonian.from_terms(
        [("a", np.diag([0.0, 1.0, 0.0])), ("b", np.diag([0.0, 0.0, 1.0]))],
        parameters={"a": 1.5, "b": 1.5},
    )
    x = np.linspace(0, 1, 9)
    random = np.random.default_rng(1)
    frequency = np.concatenate([np.full(9, 1.2), np.full(9, 1.8)]) + 0.01 * random.normal(size=18)
    fit = fit_levels(H, Lines(np.tile(x, 2), frequency, np.full(18, 0.01)))
    assert any("same spectrum" in note for note in fit.warnings)
    (other,) = fit.alternatives
    assert {round(value, 1) for value in other.values.values()} == {1.2, 1.8}
    assert other.values["a"] == pytest.approx(fit["b"].value, abs=1e-3)


@pytest.mark.slow
def test_a_wrong_model_and_wrong_errors_are_noted() -> None:
    lines = avoided()
    assert lines.error is not None
    small = Lines(lines.control, lines.frequency, lines.error / 5)
    assert any("too large" in note for note in fit_levels(LandauZener(gap=0.6), small).warnings)
    large = Lines(lines.control, lines.frequency, lines.error * 20)
    assert any("too small" in note for note in fit_levels(LandauZener(gap=0.6), large).warnings)
    random = np.random.default_rng(1)
    nonsense = Lines(CONTROL, random.uniform(1, 3, CONTROL.size), np.full(CONTROL.size, 0.01))
    assert fit_levels(LandauZener(gap=0.6), nonsense).warnings


def test_few_lines_are_no_proof() -> None:
    """Four lines, five parameters less a prior: anything fits."""
    case = random_case(3, 1, columns=3, missing=0.0, outliers=0.0)
    few = Lines(case.lines.control[:5], case.lines.frequency[:5], np.full(5, 0.004))
    fit = fit_levels(case.guess, few, vary=["e1", "e2", "g0", "g1"], starts=2)
    assert any("too few" in note for note in fit.warnings)
    with pytest.raises(InputError, match="hold more than 5 lines"):
        fit_levels(case.guess, few)


def test_labels_are_kept() -> None:
    case = random_case(3, 7, columns=9)
    labels = [(0, 1 + int(k)) if k >= 0 else None for k in case.labels]
    lines = Lines(case.lines.control, case.lines.frequency, case.lines.error, labels)
    fit = fit_levels(case.guess, lines, starts=2)
    told = [(mine, true) for mine, true in zip(fit.labels, labels, strict=True) if mine and true]
    assert all(mine == true for mine, true in told)
    with pytest.raises(InputError, match="transitions that are asked for"):
        fit_levels(case.guess, lines, highest_level=1)


def test_arguments_are_refused_in_words() -> None:
    H, lines = LandauZener(gap=0.6), avoided()
    data = synthetic_passages(gap=0.8, seed=1)
    bare = Measurement(data.coordinates, data.population)
    for options, message in (
        ({"vary": ["gab"]}, "did you mean `gap`"),
        ({"vary": []}, "`vary` must be a collection"),
        ({"vary": ["visibility"]}, "visibility"),
        ({"bounds": {"gap": (1.0, 2.0)}}, "hold the guess"),
        ({"bounds": {"gap": (0.9, 0.1)}}, "pairs"),
        ({"bounds": {"gap": 0.9}}, "pair"),
        ({"priors": {"gap": (0.6, 0.0)}}, "positive errors"),
        ({"initial_levels": 2}, "`initial_levels` must be at most 1"),
        ({"photons": 0}, "`photons` must be at least 1"),
        ({"outliers": 1.0}, "`outliers` must lie between"),
        ({"band": (1.0, 1.5)}, "hold all lines"),
        ({"control_scale": 0.0}, "`control_scale` must not be zero"),
        ({"passage_window": (-1, 1)}, "left out without passages"),
        ({"passages": data}, "`passage_window` must be given"),
        ({"passages": bare, "passage_window": (-1, 1)}, "have errors"),
        ({"passages": data, "passage_window": (1, 1)}, "be two controls"),
        ({"passages": data, "passage_window": (-1, 1), "passage_levels": (0, 2)}, "level from 0"),
        ({"starts": 0}, "`starts` must be at least 1"),
    ):
        with pytest.raises(InputError, match=message):
            fit_levels(H, lines, **options)  # type: ignore[arg-type]
    cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    with pytest.raises(InputError, match="one coordinate"):
        fit_levels(cone, lines)
    with pytest.raises(InputError, match="single parameter point"):
        fit_levels(LandauZener(gap=[0.6, 0.7]), lines)


@pytest.mark.slow
def test_an_energy_offset_of_the_levels_is_harmless() -> None:
    H = Hamiltonian.from_terms(
        [("1e6", np.eye(2)), ("x/2", np.diag([1.0, -1.0])), ("g/2", [[0, 1], [1, 0]])],
        parameters={"g": 0.6},
    )
    reference = fit_levels(LandauZener(gap=0.6), avoided())
    fit = fit_levels(H, avoided())
    assert fit["g"].value == pytest.approx(reference["gap"].value, abs=1e-6)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits() -> None:
    case = random_case(3, 2, columns=9)
    one, two = fitted(case, seed=5), fitted(case, seed=5)
    assert one.covariance.tobytes() == two.covariance.tobytes()
    assert isinstance(ac.find_crossings(one.hamiltonian, -1, 1), ac.spectrum.Crossings)


def test_one_line_of_two_that_it_may_be() -> None:
    """A ladder 0, e, 2e of which one line is seen: e = 2, or e = 1 with the lower line unseen."""
    H = Hamiltonian.from_terms([("e", np.diag([0.0, 1.0, 2.0]))], parameters={"e": 1.4})
    x = np.linspace(0, 1, 9)
    frequency = 2.0 + 0.01 * np.random.default_rng(1).standard_normal(9)
    fit = fit_levels(H, Lines(x, frequency, np.full(9, 0.01)))
    assert any("another assignment" in note for note in fit.warnings)
    both = {round(fit["e"].value), round(fit.alternatives[0].values["e"])}
    assert both == {1, 2}
    assert fit.alternatives[0].moved == 9
    told = fit_levels(H, Lines(x, frequency, np.full(9, 0.01), [(0, 2)] * 9))
    assert round(told["e"].value) == 1
    assert not told.warnings
