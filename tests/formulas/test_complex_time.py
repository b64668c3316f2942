import numpy as np
import pytest
import sympy

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.formulas import dykhne_davis_pechukas, landau_zener, rosen_zener, tanh_sweep
from tests.effort import slow


def test_exact_for_the_linear_sweep_in_every_form_of_input():
    g, a = 1.7, 0.6
    expected = landau_zener(gap=g, sweep_rate=a)
    t = sympy.Symbol("t", real=True)
    results = [
        dykhne_davis_pechukas("sqrt(a**2*t**2 + g**2)", parameters={"a": a, "g": g}),
        dykhne_davis_pechukas("a**2*t**2 + g**2", squared=True, parameters={"a": a, "g": g}),
        dykhne_davis_pechukas(sympy.sqrt(a**2 * t**2 + g**2)),
        dykhne_davis_pechukas(lambda t: np.sqrt((a * t) ** 2 + g**2)),
        dykhne_davis_pechukas(lambda t: (a * t) ** 2 + g**2, squared=True),
        dykhne_davis_pechukas(detuning="a*t", coupling="g", parameters={"a": a, "g": g}),
        dykhne_davis_pechukas("sqrt((a*s)**2 + g**2)", variable="s", parameters={"a": a, "g": g}),
    ]
    for result in results:
        assert result.log_value == pytest.approx(expected.log_value, rel=1e-12)
        assert result.zeros == pytest.approx([1j * g / a], abs=1e-10)
        assert result.valid


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_time_scale_is_found_not_assumed(scale):
    parameters = {"a": 1.0 / scale**2, "g": 2.0 / scale, "t0": 3.0 * scale}
    result = dykhne_davis_pechukas(
        "sqrt(a**2*(t - t0)**2 + g**2)", parameters=parameters, near=2.5 * scale
    )
    assert result.log_value == pytest.approx(-2 * np.pi, rel=1e-10)
    assert result.zeros[0] == pytest.approx((3 + 2j) * scale, rel=1e-9)


@pytest.mark.parametrize(("g", "b", "width"), [(1.0, 3.0, 5.0), (0.5, 1.0, 20.0), (2.0, 2.0, 4.0)])
def test_tanh_sweep(g, b, width):
    """Against the exact solution; corrections are of relative order exp(−πBT)."""
    result = dykhne_davis_pechukas(
        detuning="b*tanh(t/width)", coupling="g", parameters={"g": g, "b": b, "width": width}
    )
    exact = tanh_sweep(gap=g, amplitude=b, width=width)
    assert result.value == pytest.approx(exact.value, rel=1e-6)
    assert result.log_value == pytest.approx(-np.pi * width * (np.hypot(b, g) - b), rel=1e-12)


def test_two_zeros_interfere_with_opposite_signs():
    """Rosen-Zener: corrections of relative order exp(−π Δ T)."""
    values = {"d": 1.5, "a": 1.3, "w": 3.0}
    result = dykhne_davis_pechukas(
        detuning="d", coupling="a*sech(t/w)", parameters=values, window=(-15.0, 15.0)
    )
    exact = rosen_zener(detuning=1.5, peak_coupling=1.3, width=3.0)
    assert result.value == pytest.approx(exact.value, rel=3 * np.exp(-np.pi * 1.5 * 3.0))
    assert result.zeros.size == 2
    assert sorted(result.signs) == [-1, 1]


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("coupling", "same"),
    [
        ("1+sech(t)", "1+1/cosh(t)"),
        (1 + sympy.sech(sympy.Symbol("t")), "1+1/cosh(t)"),
        (1 + sympy.csch(sympy.Symbol("t") + 4), "1+1/sinh(t+4)"),
    ],
)
def test_reciprocals_of_hyperbolic_functions_away_from_the_real_axis(coupling, same):
    found, written_out = (
        dykhne_davis_pechukas(detuning="3*t", coupling=g, window=(-2.5, 3.0), height=1.2)
        for g in (coupling, same)
    )
    assert found.value == pytest.approx(written_out.value, rel=1e-12)
    assert found.zeros == pytest.approx(written_out.zeros, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("offset", [slow(1.0), 2.0, slow(3.1)])
def test_parabolic_sweep_against_the_equation_of_motion(offset, two_level, adiabatic_matrix):
    """Two passages: interference of two zeros, with the phase between them."""
    g = 3.5
    result = dykhne_davis_pechukas(
        detuning="t**2 - a", coupling="g", parameters={"a": offset, "g": g}, window=(-6.0, 6.0)
    )
    exact = adiabatic_matrix(two_level(lambda t: t * t - offset, g), -25.0, 25.0, 1e-10)[1, 0]
    # asymptotic in the exponent, 2 Im D = 5 … 7 here; the wrong relative sign is off by order one
    envelope = 4 * np.exp(-2 * result.actions[0].imag)
    assert abs(result.value - exact) < 0.02 * envelope
    assert np.allclose(result.zeros[0].imag, result.zeros[1].imag)


@pytest.mark.parametrize(("offset", "g"), [(2.6, 2.0), slow(1.0, 1.2), slow(3.0, 1.6)])
def test_amplitudes_that_add_are_as_wrong_as_is_said(offset, g, two_level, adiabatic_matrix):
    result = dykhne_davis_pechukas(
        detuning="t**2 - a", coupling="g", parameters={"a": offset, "g": g}, window=(-6.0, 6.0)
    )
    exact = adiabatic_matrix(two_level(lambda t: t * t - offset, g), -25.0, 25.0, 1e-10)[1, 0]
    (check,) = (check for check in result.checks if check.quantity.startswith("error of the sum"))
    assert 0.1 < abs(result.value - exact) / exact < 1.1 * check.value


def test_cubic_sweep_sums_three_zeros(two_level, adiabatic_matrix):
    g = 3.0
    result = dykhne_davis_pechukas(detuning="t**3", coupling="g", parameters={"g": g})
    exact = adiabatic_matrix(two_level(lambda t: t**3, g), -9.0, 9.0, 1e-10)[1, 0]
    nearest_only = 4 * np.exp(-2 * result.actions[0].imag) * np.cos(result.actions[0].real) ** 2
    assert result.zeros.size == 3
    assert result.value == pytest.approx(exact, rel=0.05)
    assert abs(result.value - exact) < abs(nearest_only - exact)


def test_integral_stays_on_the_branch_of_the_real_axis():
    """An independent quadrature: the square root followed by many tiny steps straight up."""
    values = {"a": 2.0, "g": 1.5}
    result = dykhne_davis_pechukas(
        detuning="t**2 - a", coupling="g", parameters=values, window=(-6.0, 6.0)
    )
    for zero, action in zip(result.zeros, result.actions, strict=True):
        y = np.linspace(0, 1, 200_001) ** 2
        t = zero.real + 1j * zero.imag * (1 - y)[::-1]
        square = (t**2 - 2.0) ** 2 + 1.5**2
        root = np.sqrt(square)
        flips = np.cumprod(np.where((root[1:] / root[:-1]).real < 0, -1, 1)[:-1])
        root[1:-1] *= flips
        root[-1] = 0
        up = np.sum(0.5 * (root[1:] + root[:-1]) * np.diff(t))
        assert action.imag == pytest.approx(up.imag, rel=1e-6)


def test_signs_that_the_gap_does_not_determine_are_reported():
    arguments = {"parameters": {"a": 2.0, "g": 3.0}, "window": (-6.0, 6.0)}
    known = dykhne_davis_pechukas(detuning="t**2 - a", coupling="g", **arguments)
    assumed = dykhne_davis_pechukas("sqrt((t**2 - a)**2 + g**2)", **arguments)
    equal = dykhne_davis_pechukas("sqrt((t**2 - a)**2 + g**2)", signs=[1, 1], **arguments)
    assert assumed.value == pytest.approx(known.value, rel=1e-12)
    assert any("signs" in warning for warning in assumed.warnings)
    assert known.valid
    assert equal.valid
    phase = (equal.actions[1] - equal.actions[0]).real / 2
    assert equal.value / known.value == pytest.approx(1 / np.tan(phase) ** 2, rel=1e-9)


def test_fast_sweep_is_outside_the_domain():
    result = dykhne_davis_pechukas("sqrt(t**2 + 0.01)")
    assert not result.valid
    assert "not adiabatic enough" in result.warnings[0]


def test_true_crossing_is_passed_with_certainty_and_reported():
    result = dykhne_davis_pechukas("3*t")
    assert result.value == 1.0
    assert "true crossing" in result.warnings[0]


def test_log_value_survives_underflow():
    result = dykhne_davis_pechukas("sqrt(t**2 + g**2)", parameters={"g": 100.0})
    assert result.value == 0.0
    assert result.log_value == pytest.approx(-np.pi * 1e4 / 2, rel=1e-12)


def test_no_zero_is_an_error():
    with pytest.raises(ConvergenceError, match="No complex zero"):
        dykhne_davis_pechukas("exp(t**2)")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "either `gap`, or"),
        ({"gap": "t", "detuning": "t"}, "either `gap`, or"),
        ({"detuning": "t"}, "given together"),
        ({"detuning": "t", "coupling": "1", "squared": True}, "`squared`"),
        ({"gap": "sqrt(t**2 + q)"}, "unknown name `q`"),
        ({"gap": sympy.Symbol("t") + sympy.Symbol("q")}, "`q`"),
        ({"gap": sympy.Abs(sympy.Symbol("t")) + 1}, "analytic"),
        ({"gap": "2"}, "vary in time"),
        ({"gap": "sqrt(t**2 + 1)", "window": (1.0, -1.0)}, "`window`"),
        ({"gap": "sqrt(t**2 + 1)", "signs": [1, 1]}, "`signs`"),
        ({"gap": "t**2 - 1", "squared": True}, "real on the real axis"),
        ({"gap": "__import__('os')"}, "function"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(InputError, match=text):
        dykhne_davis_pechukas(**arguments)


@pytest.mark.parametrize(("least", "exact"), [(1.0, 0.01012717), (2.0, 4.10655e-05)])
def test_zeros_close_to_each_other_are_outside(least, exact):
    """A parabola above the gap, 1.6 and 1.9 times too little; exact by DOP853, SciPy."""
    found = dykhne_davis_pechukas(detuning=f"0.2*t**2+{least}", coupling="1")
    assert not found.valid
    (error,) = [c.value for c in found.checks if c.quantity.startswith("error of the sum")]
    assert error == pytest.approx(exact / found.value - 1, rel=0.1)
