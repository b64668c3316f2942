import mpmath
import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    dykhne_davis_pechukas,
    landau_zener,
    parabolic_sweep,
    power_law_sweep,
    stueckelberg_two_passages,
)
from tests.effort import slow


def jump(formula, gap, window, **parameters):
    """The exact jump between adiabatic levels of ½ [[x, g], [g, −x]]."""
    h = ac.Hamiltonian.from_matrix([["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": gap})
    drive = ac.drive.Formula(formula, -window, window, **parameters)
    result = ac.propagate(h, drive, basis="superadiabatic", tolerance=1e-11)
    return float(result.probabilities[1])


def envelope(gap, depth):
    """What the fringes of a parabolic sweep swing up to, 4p(1 − p), by mpmath."""
    zero = mpmath.sqrt(mpmath.mpc(depth, gap))
    action = mpmath.quad(lambda t: mpmath.sqrt(gap**2 + (t * t - depth) ** 2), [0, zero])
    p = np.exp(-2 * abs(float(action.imag)))
    return 4 * p * (1 - p)


PARABOLAS = [
    (0.3, 2.0),
    (1.0, 3.0),
    (0.05, 0.0),
    (2.0, -2.0),
    (0.2, -1.0),
    slow(0.05, 8.0),
    slow(0.3, 0.0),
    slow(0.5, -0.5),
    slow(1.0, 1.5),
    slow(2.0, 4.0),
    slow(0.1, -4.0),
    slow(3.0, 3.0),
]


@pytest.mark.parametrize(("gap", "depth"), PARABOLAS)
def test_parabolic_sweep_is_as_good_as_its_check_says(gap, depth):
    exact = jump("t**2 - b", gap, 60.0, b=depth)
    found = parabolic_sweep(gap=gap, coefficient=1.0, depth=depth)
    assert found.valid
    share = max(float(found.checks[0].value), 2e-3)
    assert abs(found.value - exact) < share * max(exact, envelope(gap, depth))
    assert found.log_value == pytest.approx(np.log(found.value), rel=1e-12)


def test_parabolic_sweep_says_where_it_fails():
    """The levels nearly touch at a gap of the order of a^{1/3}: a tenth is left open, or more."""
    found = parabolic_sweep(gap=1.0, coefficient=1.0, depth=0.3)
    assert not found.valid
    assert abs(found.value / jump("t**2 - b", 1.0, 60.0, b=0.3) - 1) > 0.1


def test_parabolic_sweep_far_from_touching_is_two_passages_or_one_action():
    gap, depth = 1.0, 400.0
    single = landau_zener(gap=gap, sweep_rate=2 * np.sqrt(depth)).value
    zero = mpmath.sqrt(mpmath.mpc(depth, gap))
    pieces = [0, 15, 19, 19.8, 20, zero]
    action = mpmath.quad(lambda t: mpmath.sqrt(gap**2 + (t * t - depth) ** 2), pieces)
    expected = stueckelberg_two_passages(single, float(action.real))
    found = parabolic_sweep(gap=gap, coefficient=1.0, depth=depth)
    assert found.value == pytest.approx(float(expected), rel=2e-4)
    slow_sweep = parabolic_sweep(gap=12.0, coefficient=1.0, depth=1.0)
    pechukas = dykhne_davis_pechukas("sqrt(144 + (t**2 - 1)**2)", window=(-5, 5))
    assert slow_sweep.log_value == pytest.approx(pechukas.log_value, rel=2e-3)


def test_parabolic_sweep_of_a_small_gap_is_first_order():
    depth = np.array([-3.0, -0.2, 0.0, 0.4, 3.0, 30.0])
    airy = np.array([float(mpmath.airyai(-b / 2 ** (1 / 3))) for b in depth])
    found = parabolic_sweep(gap=1e-4, coefficient=2.0, depth=depth)
    first = (np.pi * 1e-4 * airy) ** 2 * 2.0 ** (-2 / 3)
    assert np.allclose(found.value, first, rtol=1e-5)
    turned = parabolic_sweep(gap=1e-4, coefficient=-2.0, depth=-depth)
    assert np.allclose(turned.value, found.value, rtol=1e-13)


def test_nonlinear_sweeps_end_somewhere():
    gaps = [0.0, 1e-160, 1e-3, 1.0, 1e6]
    for depth in (-1e12, -1e3, 0.0, 1e-160, 1e12):
        found = parabolic_sweep(gap=gaps, coefficient=1.0, depth=depth)
        assert np.all((found.value >= 0) & (found.value <= 1))
        assert found.value[0] == 0
        assert not np.any(np.isnan(found.log_value))
    for power in (1, 2, 7, 1000):
        found = power_law_sweep(gap=gaps, coefficient=1e-3, power=power)
        assert np.all(found.value >= 0)
        assert not np.any(np.isnan(found.log_value))
    with pytest.raises(InputError, match="power"):
        power_law_sweep(gap=1.0, coefficient=1.0, power=1.5)
    with pytest.raises(InputError, match="coefficient"):
        parabolic_sweep(gap=1.0, coefficient=0.0, depth=1.0)


@pytest.mark.parametrize(
    ("power", "gap", "window"),
    [(2, 2.0, 60.0), (3, 3.0, 20.0), slow(4, 4.0, 12.0), slow(6, 4.0, 6.0)],
)
def test_power_laws_against_exact_evolution(power, gap, window):
    found = power_law_sweep(gap=gap, coefficient=1.0, power=power)
    assert found.valid
    assert found.value == pytest.approx(jump(f"t**{power}", gap, window), rel=0.05)
    fast = power_law_sweep(gap=gap / 4, coefficient=1.0, power=power)
    assert not fast.valid
    assert abs(fast.value / jump(f"t**{power}", gap / 4, window) - 1) > 0.1


def test_power_laws_are_the_sum_over_complex_zeros():
    for power in (1, 2, 3, 4):
        general = dykhne_davis_pechukas(
            detuning=f"t**{power}", coupling="2", window=(-3, 3), height=3.0
        )
        found = power_law_sweep(gap=2.0, coefficient=1.0, power=power)
        assert found.log_value == pytest.approx(general.log_value, rel=1e-6)
    linear = power_law_sweep(gap=[0.1, 3.0], coefficient=0.7, power=1)
    assert linear.valid
    assert np.allclose(linear.value, landau_zener(gap=[0.1, 3.0], sweep_rate=0.7).value, rtol=1e-13)
