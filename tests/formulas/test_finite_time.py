import mpmath
import numpy as np
import pytest
from scipy.special import fresnel

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.formulas import finite_time, finite_window, finite_window_propagator


@pytest.mark.parametrize(
    ("ratio", "reach"),
    [
        (0.01, 1.0),
        (0.01, 30.0),
        (1.0, 1.0),
        (1.0, 10.0),
        (5.0, 2.2),
        (20.0, 4.47),  # ends in the turning region √α t = 2√δ
        (20.0, 20.0),
    ],
)
def test_against_dop853(ratio, reach, two_level, propagator):
    rate = 2.0
    gap, stop = np.sqrt(ratio * rate), reach / np.sqrt(rate)
    numeric = propagator(two_level(lambda t: rate * t, gap), -stop, stop, 3e-14)
    u = finite_window_propagator(gap=gap, sweep_rate=rate, start=-stop, stop=stop)
    assert np.max(np.abs(u - numeric)) < 2e-11
    assert np.max(np.abs(u.conj().T @ u - np.eye(2))) < 1e-14


def weber(gap, rate, start, stop):
    """``F(z₁) F(z₀)⁻¹`` with columns of parabolic cylinder functions, as the textbooks have it."""
    delta = gap**2 / (4 * rate)
    a = mpmath.expjpi(mpmath.mpf(-1) / 4)

    def fundamental(time):
        z, factor = a * mpmath.sqrt(rate) * time, -1j * a / mpmath.sqrt(delta)
        return mpmath.matrix(
            [
                [mpmath.pcfd(1j * delta - 1, z), mpmath.pcfd(1j * delta - 1, -z)],
                [factor * mpmath.pcfd(1j * delta, z), -factor * mpmath.pcfd(1j * delta, -z)],
            ]
        )

    return fundamental(stop) * fundamental(start) ** -1


@pytest.mark.parametrize("other", [weber, finite_time._taylor], ids=["Weber", "Taylor series"])
@pytest.mark.parametrize(
    ("ratio", "start", "stop"), [(0.01, -3, 5), (1.0, -12, 12), (20.0, -6, 1), (3.0, 2, 9)]
)
def test_against_other_solutions_in_many_digits(other, ratio, start, stop):
    with mpmath.workprec(140):
        point = [mpmath.sqrt(ratio), mpmath.mpf(1), mpmath.mpf(start), mpmath.mpf(stop)]
        difference = finite_time._kummer(*point) - other(*point)
        assert mpmath.mnorm(difference) < 1e-30


def test_windows_compose():
    """U(t2, t0) = U(t2, t1) U(t1, t0), out to √α T = 100 on either side."""
    for ratio in (0.01, 1.0, 20.0):
        g = np.sqrt(ratio)
        whole = finite_window_propagator(gap=g, sweep_rate=1.0, start=-100.0, stop=100.0)
        first = finite_window_propagator(gap=g, sweep_rate=1.0, start=-100.0, stop=3.7)
        second = finite_window_propagator(gap=g, sweep_rate=1.0, start=3.7, stop=100.0)
        assert np.max(np.abs(second @ first - whole)) < 1e-14


@pytest.mark.parametrize(
    ("gap", "stop", "diabatic", "adiabatic", "tolerance"),
    [
        # deviations measured independently: 6.3 % and 2e-5; 500 times and 0.6 %
        (1.0, 50.0, 0.063, 2e-5, 0.15),
        (3.0, 100.0, 499.0, 6e-3, 0.1),
    ],
)
def test_known_deviations_from_the_infinite_time_formula(gap, stop, diabatic, adiabatic, tolerance):
    formula = np.exp(-np.pi * gap**2 / 2)
    for basis, expected in (("diabatic", diabatic), ("adiabatic", adiabatic)):
        exact = finite_window(gap=gap, sweep_rate=1.0, start=-stop, stop=stop, basis=basis)
        assert abs(exact.value / formula - 1) == pytest.approx(expected, rel=tolerance)


def test_tends_to_the_infinite_time_formula():
    deviation = []
    for stop in (10.0, 100.0, 1000.0):
        exact = finite_window(gap=1.0, sweep_rate=1.0, start=-stop, stop=stop).value
        deviation.append(abs(exact - np.exp(-np.pi / 2)))
    assert deviation[1] < deviation[0] / 100
    assert deviation[2] < deviation[1] / 100


def test_tiny_probability_keeps_relative_accuracy():
    # P = e^{-10π}; at √α T = 10⁴ the edges contribute below it
    exact = finite_window(gap=np.sqrt(20.0), sweep_rate=1.0, start=-1e6, stop=1e6)
    assert exact.value == pytest.approx(np.exp(-10 * np.pi), rel=1e-3)


def test_window_without_the_crossing(two_level, propagator):
    numeric = propagator(two_level(lambda t: 0.5 * t, 1.5), 2.0, 9.0, 1e-13)
    exact = finite_window(gap=1.5, sweep_rate=0.5, start=2.0, stop=9.0)
    assert np.max(np.abs(exact.propagator - numeric)) < 1e-11
    assert not exact.valid  # it says nothing about a passage


def test_no_coupling_gives_pure_phases():
    exact = finite_window(gap=0.0, sweep_rate=2.0, start=-1.0, stop=3.0, basis="diabatic")
    assert exact.value == 1.0
    assert exact.propagator[0, 0] == pytest.approx(np.exp(-1j * 2.0 * (9 - 1) / 4), rel=1e-14)


def test_adiabatic_matrix_is_the_rotated_propagator(two_level):
    h = two_level(lambda t: t, 0.7)
    exact = finite_window(gap=0.7, sweep_rate=1.0, start=-2.0, stop=4.0)
    first, last = np.linalg.eigh(h(-2.0))[1], np.linalg.eigh(h(4.0))[1]
    expected = np.abs(last.T @ exact.propagator @ first) ** 2
    assert np.allclose(exact.transition_matrix, expected, atol=1e-14)
    assert exact.value == exact.transition_matrix[1, 0]


def test_arrays_broadcast():
    result = finite_window(gap=[[0.5], [1.0]], sweep_rate=1.0, start=-5.0, stop=[4.0, 5.0, 6.0])
    assert result.value.shape == (2, 3)
    assert result.propagator.shape == (2, 3, 2, 2)
    single = finite_window(gap=1.0, sweep_rate=1.0, start=-5.0, stop=6.0)
    assert result.value[1, 2] == single.value


def test_fallback_when_the_special_functions_fail(monkeypatch):
    expected = finite_window(gap=1.0, sweep_rate=1.0, start=-2.0, stop=2.0).value

    def fail(*arguments):
        raise mpmath.libmp.NoConvergence("turning region")

    monkeypatch.setattr(mpmath, "hyp1f1", fail)
    value = finite_window(gap=1.0, sweep_rate=1.0, start=-2.0, stop=2.0).value
    assert value == pytest.approx(expected, rel=1e-15)


def test_no_agreement_is_an_error_not_a_number(monkeypatch):
    calls = []

    def drifting(*arguments):
        calls.append(1)
        return mpmath.eye(2) * len(calls)

    monkeypatch.setattr(finite_time, "_kummer", drifting)
    with pytest.raises(ConvergenceError, match="did not settle"):
        finite_window(gap=1.0, sweep_rate=1.0, start=-2.0, stop=2.0)


def test_phases_at_a_far_end_are_exact():
    # Without a gap the phase is αT²/4: three doubles, multiplied exactly
    rate, stop = 0.3, 1e150
    u = finite_window_propagator(gap=0.0, sweep_rate=rate, start=0.0, stop=stop)
    with mpmath.workprec(3000):
        exact = complex(mpmath.expj(-mpmath.mpf(rate) * mpmath.mpf(stop) ** 2 / 4))
    assert abs(u[0, 0] - exact) < 1e-14
    assert abs(u[1, 1] - exact.conjugate()) < 1e-14


def test_a_vanishing_gap_is_first_order():
    # 1F1 of a vanishing order: amplitude −i (g/2) ∫exp(−iαt²/2) dt
    u = finite_window_propagator(gap=1e-150, sweep_rate=1.0, start=-100.0, stop=100.0)
    integral = 2 * np.sqrt(np.pi) * abs(complex(*fresnel(100 / np.sqrt(np.pi))))
    assert abs(abs(u[1, 0]) / (0.5e-150 * integral) - 1) < 1e-12


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"start": 2.0, "stop": 1.0}, "`stop` must be later"),
        ({"stop": -5.0}, "`stop` must be later"),
        ({"sweep_rate": -1.0}, "`sweep_rate` must be positive"),
        ({"gap": 40.0}, "use `propagate`"),
        ({"basis": "adiabtic"}, "did you mean `adiabatic`"),
    ],
)
def test_bad_arguments(changes, text):
    arguments = {"gap": 1.0, "sweep_rate": 1.0, "start": -5.0, "stop": 5.0, **changes}
    with pytest.raises(InputError, match=text):
        finite_window(**arguments)
