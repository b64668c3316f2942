"""The adiabatic-impulse model against the exact propagator, phases included."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.analysis.impulse import adiabatic_impulse


def worst_amplitude(result):
    return np.max(np.abs(result.propagator - result.exact.propagator))


def test_one_period_of_a_cosine():
    result = adiabatic_impulse(ac.models.LandauZener(gap=0.2), ac.drive.Sinusoidal(0.5, 5.0, 0.3))
    assert result.exact.probabilities[1] == pytest.approx(0.076019, abs=1e-6)
    assert result.probabilities[1] == pytest.approx(0.074821, abs=5e-7)
    assert float(result.two_passages) == pytest.approx(result.probabilities[1], rel=1e-9)
    first, second = result.passages
    rate = 0.3 * np.sqrt(25 - 0.25)
    assert first.time == pytest.approx(np.arccos(-0.1) / 0.3, rel=1e-10)
    assert first.sweep_rate == pytest.approx(rate, rel=1e-6)
    assert first.jump_probability == pytest.approx(np.exp(-np.pi * 0.04 / 2 / rate), rel=1e-6)
    zeta = quad(
        lambda t: 0.5 * np.hypot(0.5 + 5 * np.cos(0.3 * t), 0.2),
        first.time,
        second.time,
        epsabs=1e-12,
    )[0]
    assert first.phase_to_next == pytest.approx(zeta, abs=1e-7)
    assert second.phase_to_next is None
    assert abs(first.jump_phase - second.jump_phase) == pytest.approx(np.pi)
    assert worst_amplitude(result) < 3e-3


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [0.0, 0.5 * np.pi])
def test_constructive_and_destructive_interference(wanted):
    """The amplitude of the drive is tuned until ζ + φ_S is a multiple of π, or half of one more."""
    gap, omega = 1.0, 0.2
    model = ac.models.LandauZener(gap=gap)

    def angle(amplitude):
        run = adiabatic_impulse(
            model, ac.drive.Sinusoidal(0.0, amplitude, omega, phase=0.0), compare=False
        )
        first = run.passages[0]
        return first.phase_to_next + first.stokes_phase

    low, high = 10.0, 11.5
    target = np.ceil((angle(low) - wanted) / np.pi) * np.pi + wanted
    assert angle(high) > target
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if angle(middle) < target else (low, middle)
    result = adiabatic_impulse(model, ac.drive.Sinusoidal(0.0, low, omega))
    p = result.passages[0].jump_probability
    full = 4 * p * (1 - p)
    assert full > 0.5
    expected = full * np.sin(wanted) ** 2
    assert result.probabilities[1] == pytest.approx(expected, abs=1e-6)
    assert result.exact.probabilities[1] == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize("gap", [1e-4, 1e-2])
def test_almost_certain_jumps_keep_their_relative_accuracy(gap):
    """P → 1: what is left, 1 − P ∝ g², interferes as it should."""
    result = adiabatic_impulse(ac.models.LandauZener(gap=gap), ac.drive.Sinusoidal(0.5, 5.0, 0.3))
    assert result.passages[0].jump_probability > 0.999
    assert result.probabilities[1] == pytest.approx(result.exact.probabilities[1], rel=0.02)


def test_three_passages_in_changing_directions():
    drive = ac.drive.Formula("t**3 - 9*t", -9, 9)
    result = adiabatic_impulse(ac.models.LandauZener(gap=1.0), drive)
    phases = [passage.jump_phase for passage in result.passages]
    assert abs(phases[0] - phases[1]) == pytest.approx(np.pi)
    assert phases[0] == pytest.approx(phases[2])
    assert worst_amplitude(result) < 3e-3
    assert result.difference < 1e-3
    assert np.max(np.abs(result.averaged - result.exact.transition_matrix)) > 0.3


def test_error_of_the_model_falls_with_the_amplitude():
    """At fixed P, larger and slower drives separate the passages and straighten them."""
    errors = []
    for amplitude in (10.0, 40.0, 160.0):
        drive = ac.drive.Sinusoidal(1.0, amplitude, 2.0 / amplitude)
        errors.append(worst_amplitude(adiabatic_impulse(ac.models.LandauZener(gap=1.0), drive)))
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3


def test_complex_hamiltonian_with_a_turning_coupling():
    """Two crossings at x = ±5 whose couplings differ in phase by π/2: interference shifts by it."""
    matrix = [
        ["(x**2 - 25)/2", "(cos(k*x) - I*sin(k*x))*g/2"],
        ["(cos(k*x) + I*sin(k*x))*g/2", "-(x**2 - 25)/2"],
    ]
    drive = ac.drive.Linear(-30, 30, rate=1.0)
    for k in (0.0, np.pi / 20, np.pi / 10):
        h = ac.Hamiltonian.from_matrix(matrix, parameters={"g": 1.5, "k": k})
        result = adiabatic_impulse(h, drive)
        assert worst_amplitude(result) < 0.02, k
    straight = adiabatic_impulse(
        ac.Hamiltonian.from_matrix(matrix, parameters={"g": 1.5, "k": 0.0}), drive
    )
    assert np.max(np.abs(straight.transition_matrix - result.transition_matrix)) > 0.1


def test_to_and_fro_through_a_level_that_is_only_crossed():
    """Level 2 of three is not coupled: it is crossed truly four times on the way."""
    h = ac.models.DemkovOsherov(levels=[-8.0, 0.0, 8.0], couplings=[0.5, 0.0, 0.6])
    drive = ac.drive.Sinusoidal(0.0, 30.0, 0.1, phase=np.pi)
    result = adiabatic_impulse(h, drive)
    assert [p.jump_probability == 1.0 for p in result.passages].count(True) == 2
    assert len(result.passages) == 6
    assert worst_amplitude(result) < 0.02
    assert np.max(np.abs(result.averaged - result.exact.transition_matrix)) > 0.1
    assert result.two_passages is None


def test_two_pairs_that_cross_at_the_same_time():
    zero = np.zeros((2, 2))
    slope = np.diag([0.5, -0.5])
    first, second = np.array([[0, 0.3], [0.3, 0]]), np.array([[0, 0.5], [0.5, 0]])
    constant = np.block([[first, zero], [zero, second + 200 * np.eye(2)]])
    # the blocks are coupled weakly, which makes them one sector: no true crossings
    constant[0, 2] = constant[2, 0] = 1e-3
    h = ac.Hamiltonian.affine(constant, np.block([[slope, zero], [zero, slope]]))
    result = adiabatic_impulse(h, ac.drive.Linear(-60, 60, rate=1.0))
    assert {p.levels for p in result.passages} == {(0, 1), (2, 3)}
    assert result.difference < 1e-3
    assert worst_amplitude(result) < 0.02


def test_kinks_of_the_drive_are_integrated_exactly():
    drive = ac.drive.Piecewise([0, 20, 45, 60], [-15, 15, -15, 15])
    result = adiabatic_impulse(ac.models.LandauZener(gap=0.6), drive)
    assert len(result.passages) == 3
    turn = quad(lambda x: 0.5 * np.hypot(x, 0.6), 0, 15, epsabs=1e-12)[0]
    expected = turn * (20 / 30 + 25 / 30)
    assert result.passages[0].phase_to_next == pytest.approx(expected, rel=1e-9)
    assert result.difference < 0.01


def test_units_enter_once():
    natural = adiabatic_impulse(
        ac.models.LandauZener(gap=0.2 * 2 * np.pi), ac.drive.Sinusoidal(0.5, 10.0, 0.3)
    )
    h = ac.Hamiltonian.from_matrix(
        [["x/4/pi", "g/2"], ["g/2", "-x/4/pi"]], parameters={"g": 0.2}, units=ac.Units("GHz", "ns")
    )
    result = adiabatic_impulse(h, ac.drive.Sinusoidal(0.5, 10.0, 0.3))
    assert np.allclose(result.transition_matrix, natural.transition_matrix, atol=1e-7)
    assert result.passages[0].gap == pytest.approx(0.2 * 2 * np.pi)


def test_no_crossing_is_free_evolution():
    result = adiabatic_impulse(ac.models.LandauZener(gap=1.0), ac.drive.Linear(20, 60, rate=0.1))
    assert result.passages == ()
    assert np.allclose(result.transition_matrix, np.eye(2), atol=1e-14)
    assert worst_amplitude(result) < 1e-3
    assert "meets no crossing" in str(result)


@pytest.mark.slow
@given(gap=st.floats(0.01, 3.0), offset=st.floats(-3.0, 3.0), phase=st.floats(0.0, 6.28))
def test_the_model_is_unitary(gap, offset, phase):
    drive = ac.drive.Sinusoidal(offset, 5.0, 0.5, phase=phase, stop_time=30.0)
    result = adiabatic_impulse(ac.models.LandauZener(gap=gap), drive, compare=False)
    assert result.exact is None
    assert result.difference is None
    assert np.allclose(result.propagator @ result.propagator.conj().T, np.eye(2), atol=1e-12)
    assert np.allclose(result.averaged.sum(axis=0), 1.0)


def test_passages_that_overlap_are_reported():
    result = adiabatic_impulse(ac.models.LandauZener(gap=1.0), ac.drive.Sinusoidal(0.0, 2.0, 1.0))
    assert not result.valid
    assert any("comes before this one is over" in line for line in result.warnings)


def test_turning_inside_a_crossing_is_reported():
    drive = ac.drive.Sinusoidal(5.0, 5.5, 0.5)
    result = adiabatic_impulse(ac.models.LandauZener(gap=1.0), drive)
    assert any("turns inside the crossing" in line for line in result.warnings)
    assert result.difference > 0.1


def test_improbable_jumps_are_reported():
    drive = ac.drive.Sinusoidal(0.0, 20.0, 0.002)
    result = adiabatic_impulse(ac.models.LandauZener(gap=1.0), drive, compare=False)
    assert any("improbable" in line for line in result.warnings)


def test_domain_holds_for_well_separated_passages():
    drive = ac.drive.Sinusoidal(0.0, 200.0, 0.01)
    result = adiabatic_impulse(ac.models.LandauZener(gap=1.0), drive, initial=1)
    assert result.valid, result.warnings
    assert result.difference < 1e-3
    text = str(result)
    for words in ("sweep rate", "with phases", "averaged", "exact", "two passages"):
        assert words in text
    assert "OUTSIDE" not in text


def test_bad_arguments():
    model, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, rate=1.0)
    with pytest.raises(ac.InputError, match="single parameter values"):
        adiabatic_impulse(ac.models.LandauZener(gap=[1.0, 2.0]), drive)
    with pytest.raises(ac.InputError, match="single parameter values"):
        adiabatic_impulse(model, ac.drive.Linear(-5, 5, rate=[1.0, 2.0]))
    with pytest.raises(ac.InputError, match="level from 0 to 1"):
        adiabatic_impulse(model, drive, initial=2)
    with pytest.raises(ac.InputError, match="hamiltonian"):
        adiabatic_impulse(np.eye(2), drive)
    with pytest.raises(ac.InputError, match="`compare` must be True or False"):
        adiabatic_impulse(model, drive, compare="no")
    with pytest.raises(ac.InputError, match="`tolerance`"):
        adiabatic_impulse(model, drive, compare=False, tolerance=5.0)
    with pytest.raises(ac.InputError, match="More than two levels"):
        adiabatic_impulse(
            ac.models.SpinInField(spin=1, transverse_field=0.0), ac.drive.Linear(-5, 5, rate=1.0)
        )
    twofold = ac.Hamiltonian.from_matrix(
        [["x", 1, 0, 0], [1, "-x", 0, 0], [0, 0, "x", 1], [0, 0, 1, "-x"]]
    )
    with pytest.raises(ac.InputError, match="degenerate"):
        adiabatic_impulse(twofold, drive)
