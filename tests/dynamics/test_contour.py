"""Exponentially small probabilities: log P against closed forms and against the real axis."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import contour, log_probability
from tests.effort import slow


@pytest.mark.parametrize("adiabaticity", [slow(1e3), 1e6])
@pytest.mark.slow
def test_landau_zener_logarithm(adiabaticity):
    result = log_probability(
        ac.models.LandauZener(gap=1.0), ac.drive.Linear(-100, 100, 1 / adiabaticity)
    )
    assert result.log_probability == pytest.approx(-np.pi * adiabaticity / 2, rel=1e-8)
    assert result.branch_point == pytest.approx(1j * adiabaticity, rel=1e-9)
    assert result.exponent == pytest.approx(np.pi * adiabaticity / 2, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "gap"),
    [
        *[slow("t + 0.3*t**3", 1.0), ("3*tanh(t/3)", 2.0), slow("5*sinh(t/5)", 3.0)],
        *[slow("t + 0.3*t**3", 2.0), slow("3*tanh(t/3)", 3.0), slow("5*sinh(t/5)", 1.0)],
        *[slow("t + 0.3*t**3", 3.0), slow("3*tanh(t/3)", 1.0), slow("5*sinh(t/5)", 2.0)],
    ],
)
def test_contour_agrees_with_the_real_axis_where_both_work(formula, gap):
    H = ac.models.LandauZener(gap=gap)
    drive = ac.drive.Formula(formula, -40, 40)
    contour = log_probability(H, drive).log_probability
    real = ac.propagate(H, drive, basis="superadiabatic", tolerance=1e-13)
    assert contour == pytest.approx(np.log(real.transition_matrix[1, 0]), abs=1e-9)


@pytest.mark.slow
def test_tanh_ramp_far_below_rounding_against_demkov_and_kunike():
    amplitude, rate, gap = 3.0, 0.01, 1.0
    result = log_probability(
        ac.models.LandauZener(gap=gap),
        ac.drive.Tanh(-amplitude, amplitude, rate=rate, duration=6000.0),
    )
    exact = ac.formulas.tanh_sweep(gap=gap, amplitude=amplitude, width=amplitude / rate)
    assert exact.log_value < -100
    assert result.log_probability == pytest.approx(exact.log_value, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("at", "start", "width"), [slow(2.0, 1.0, 1e-4), (3e-5, -1.0, 3e-6)])
def test_a_crossing_far_narrower_than_the_window_is_found(at, start, width):
    # In units of the ramp's width the problem is always the same.
    gap, amplitude = 2 / width, 3 / width
    result = log_probability(
        ac.models.LandauZener(gap=gap),
        ac.drive.Formula(f"{amplitude}*tanh((t-{at})/{width})", start, start + 2),
    )
    exact = ac.formulas.tanh_sweep(gap=gap, amplitude=amplitude, width=width)
    assert result.log_probability == pytest.approx(exact.log_value, rel=1e-9)


def test_dykhne_davis_pechukas_holds_for_a_slow_tanh_sweep():
    # The exact answer is the propagator's, from the real axis, not a closed form.
    H = ac.models.LandauZener(gap=2.0)
    drive = ac.drive.Tanh(-3.0, 3.0, rate=1.0, duration=200.0)
    real = ac.propagate(H, drive, basis="superadiabatic", tolerance=1e-13)
    formula = ac.formulas.dykhne_davis_pechukas(
        detuning="3*tanh(t/3)", coupling="2.0", window=(-100.0, 100.0)
    )
    assert formula.valid
    assert float(formula) == pytest.approx(real.transition_matrix[1, 0], rel=1e-6)


def test_unsuitable_problems_are_refused():
    H = ac.models.LandauZener(gap=1.0)
    with pytest.raises(ac.InputError, match="two levels"):
        log_probability(
            ac.models.DemkovOsherov(levels=[0.0, 1.0], couplings=[0.1, 0.1]),
            ac.drive.Linear(-5, 5, 1.0),
        )
    with pytest.raises(ac.InputError, match="batch"):
        log_probability(H, ac.drive.Linear(-5, 5, [1.0, 2.0]))
    with pytest.raises(ac.InputError, match="breakpoint"):
        log_probability(H, ac.drive.Piecewise([0, 1, 2], [-1, 0.5, 1]))
    with pytest.raises(ac.InputError, match="no minimum"):
        log_probability(H, ac.drive.Linear(2, 50, 1.0))


@pytest.mark.slow
def test_a_pole_below_the_branch_point_is_detected():
    drive = ac.drive.Formula("t + 0.3*t**2/(1 + t**2)", -200, 200)
    with pytest.raises(ac.ConvergenceError, match="singularity"):
        log_probability(ac.models.LandauZener(gap=2.0), drive)


def test_a_root_stays_continuous_over_many_turns():
    angle = np.linspace(0, 12 * np.pi, 200)
    assert contour._continuous_root(np.exp(1j * angle)) == pytest.approx(np.exp(0.5j * angle))


@pytest.mark.slow
def test_decades_are_printed():
    result = log_probability(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-40, 40, rate=0.01))
    assert f"P = 10^{-np.pi / 0.02 / np.log(10):.6g}" in str(result)[:60]


def test_the_slowest_sweeps_have_the_exponent_alone():
    result = log_probability(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, rate=1e-20))
    assert (result.log_probability, result.exponent) == pytest.approx((-np.pi * 5e19, np.pi * 5e19))
