import mpmath
import numpy as np
import pytest
from scipy.special import fresnel

from anticrossing._core.checks import InputError
from anticrossing.formulas import _weber, finite_window, finite_window_propagator
from tests import effort


@pytest.mark.quick(5)
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


def kummer(gap, rate, start, stop):
    """``U(t₁, 0) U(t₀, 0)†`` with mpmath's confluent hypergeometric function."""
    v, half = gap / (2 * mpmath.sqrt(rate)), mpmath.mpf(1) / 2

    def from_the_crossing(time):
        square = rate * time * time
        phase, argument = mpmath.expj(-square / 4), mpmath.mpc(0, square / 2)
        order = mpmath.mpc(0, v * v / 2)
        even = phase * mpmath.hyp1f1(order, half, argument)
        odd = -1j * v * mpmath.sqrt(rate) * time * phase
        odd *= mpmath.hyp1f1(1 + order, 3 * half, argument)
        return mpmath.matrix([[even, -mpmath.conj(odd)], [odd, mpmath.conj(even)]])

    return from_the_crossing(stop) * from_the_crossing(start).H


def taylor(gap, rate, start, stop):
    """``U`` by Taylor series of the equation of motion, radian by radian."""
    root = mpmath.sqrt(rate)
    z, end, v = root * start, root * stop, gap / (2 * root)
    one, two = mpmath.mpc(1), mpmath.mpc(0)
    while z < end:
        step = min(end - z, 1 / (1 + abs(z) / 2 + v))
        a, b, power, n = [one], [two], step, 0
        while n < 5 or abs(a[-1]) + abs(b[-1]) > 1e-45 * step**-n:
            before = (a[n - 1], b[n - 1]) if n else (0, 0)
            a.append(-1j * ((z * a[n] + before[0]) / 2 + v * b[n]) / (n + 1))
            b.append(-1j * (v * a[n] - (z * b[n] + before[1]) / 2) / (n + 1))
            one, two, power, n = one + a[-1] * power, two + b[-1] * power, power * step, n + 1
        z += step
    return matrix(one, two)


def matrix(a, b):
    """The unitary matrix with this first column."""
    return mpmath.matrix([[a, -mpmath.conj(b)], [b, mpmath.conj(a)]])


def in_levels(u, gap, rate, start, stop):
    """The same in the levels at both ends, lower first."""

    def levels(time):
        angle = mpmath.atan2(gap, rate * time) / 2
        c, s = mpmath.cos(angle), mpmath.sin(angle)
        return mpmath.matrix([[-s, c], [c, s]])

    return levels(stop).T * u * levels(start)


def squares(entries):
    return np.array([float(abs(x) ** 2) for x in entries]).reshape(2, 2)


@pytest.mark.parametrize("other", [weber, kummer], ids=["Weber", "Kummer"])
@pytest.mark.parametrize(
    ("ratio", "start", "stop"),
    [(0.01, -3, 5), (1, -12, 12), (20, -6, 1), (3, 2, 9), (5, -40, 30), (3, 25, 30), (1, -30, -28)],
)
def test_against_other_solutions_in_many_digits(other, ratio, start, stop):
    with mpmath.workprec(240):
        point = mpmath.sqrt(ratio), 1, start, stop
        u, levels, _ = _weber.evolution(float(point[0]), *point[1:], 40)
        other_u = other(mpmath.mpf(float(point[0])), *map(mpmath.mpf, point[1:]))
        assert mpmath.mnorm(matrix(*u) - other_u) < 1e-40
        rotated = in_levels(other_u, mpmath.mpf(float(point[0])), *point[1:])
        stay, jump = (abs(x) for x in levels)
        for size, row in ((stay, 0), (jump, 1)):
            assert abs(size / abs(rotated[row, 0]) - 1) < 1e-34
            assert abs(size / abs(rotated[1 - row, 1]) - 1) < 1e-34


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("gap", "start", "stop"),
    [
        *((gap, -1000.0, 1000.0) for gap in (10.0, 31.0, 70.0)),
        (1.3, -1e60, 3e75),
        (20.0, 7e40, 1e50),
        (0.1, -1e50, -0.5),
    ],
)
def test_from_far_away(gap, start, stop):
    """With all phases; mpmath's D is quick and right far beyond the passage."""
    with mpmath.workdps(260):
        point = [mpmath.mpf(x) for x in (gap, 1, start, stop)]
        expected = weber(*point)
        table = squares(in_levels(expected, *point))
        entries = [complex(x) for x in expected]
    window = finite_window(gap=gap, sweep_rate=1.0, start=start, stop=stop)
    assert window.propagator.ravel() == pytest.approx(entries, abs=1e-15)
    assert window.transition_matrix == pytest.approx(table, rel=1e-14)


@pytest.mark.parametrize(
    ("gap", "start", "stop"),
    [
        (30.0, -1.5, 2.0),
        effort.slow(60.0, -4.0, 3.0),
        effort.slow(17.0, -20.0, 14.0),
        effort.slow(200.0, -2.0, -0.5),
    ],
)
def test_large_gaps_against_the_equation_of_motion(gap, start, stop):
    with mpmath.workdps(50):
        expected = taylor(mpmath.mpf(gap), mpmath.mpf(1), mpmath.mpf(start), mpmath.mpf(stop))
        u, _, _ = _weber.evolution(gap, 1.0, start, stop, 40)
        assert mpmath.mnorm(matrix(*u) - expected) < 1e-38


@pytest.mark.parametrize(("seed", "count"), [(5, 30), effort.slow(6, 150)])
def test_every_probability_to_rounding(seed, count):
    """Relatively, however small: four sorts of windows, gaps and rates over thirty decades."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(count):
        ratio, rate = 10 ** rng.uniform(-30, 1.7), 10 ** rng.uniform(-5, 5)
        z = np.sort(10 ** rng.uniform(-3, [1.4, 6.0]) * rng.choice([-1, 1], 2))
        if rng.random() < 0.25:
            z[1] = z[0] + abs(z[0]) * 10 ** rng.uniform(-14, -1)
        start, stop = (float(x) for x in z / np.sqrt(rate))
        gap = float(np.sqrt(ratio * rate))
        with mpmath.workdps(160 + int(2 * ratio)):
            point = [mpmath.mpf(x) for x in (gap, rate, start, stop)]
            u = kummer(*point)
            expected = {"diabatic": squares(u), "adiabatic": squares(in_levels(u, *point))}
        for basis, table in expected.items():
            window = finite_window(gap=gap, sweep_rate=rate, start=start, stop=stop, basis=basis)
            worst = max(worst, np.max(np.abs(window.transition_matrix / table - 1)))
            assert window.propagator.ravel() == pytest.approx([complex(x) for x in u], abs=1e-15)
    assert worst < 1e-14


def test_an_exponentially_small_jump_keeps_all_digits():
    # e^{−πg²/2} = 1e-96, with ends so far that they add 1e-90 of it
    far = finite_window(gap=11.87, sweep_rate=1.0, start=-1e60, stop=1e70)
    assert far.value == pytest.approx(np.exp(-np.pi * 11.87**2 / 2), rel=5e-14)


@pytest.mark.parametrize(("size", "tolerance"), [(1.0, 1e-10), (1e20, 1e-13), (1e60, 1e-13)])
def test_a_large_gap_jumps_at_its_ends(size, tolerance):
    """To first order in the rate: the difference of αg/2E³ at the ends, with the phase between."""
    gap, rate, start, stop = 3e6 * size, 2.0, -4e5 * size, 7e5 * size
    with mpmath.workdps(220):
        g, a = mpmath.mpf(gap), mpmath.mpf(rate)

        def end(time):
            E = mpmath.sqrt((a * time) ** 2 + g * g)
            angle = (time * E + g * g / a * mpmath.asinh(a * time / g)) / 2
            return a * g / (2 * E**3) * mpmath.expj(angle)

        expected = float(abs(end(mpmath.mpf(stop)) - end(mpmath.mpf(start))) ** 2)
    window = finite_window(gap=gap, sweep_rate=rate, start=start, stop=stop)
    assert window.value == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize(("gap", "start"), [(3.0, 5.0), (1e-9, 2.0), (1e6, -3e5), (2.0, -4e7)])
def test_neighbouring_times(gap, start):
    """|g h/2|² and |αgh/2E²|²: to first order in the width h of the window."""
    stop = float(np.nextafter(start, np.inf))
    h, square = stop - start, gap**2 + 0.25 * start**2
    arguments = {"gap": gap, "sweep_rate": 0.5, "start": start, "stop": stop}
    jump = finite_window(**arguments).value
    moved = finite_window(**arguments, basis="diabatic").transition_matrix[1, 0]
    turned = 0.5 * h * np.sqrt(square)
    tolerance = 1e-12 + turned**2
    assert jump == pytest.approx((0.25 * gap * h / square) ** 2, rel=tolerance)
    assert moved == pytest.approx((0.5 * gap * h) ** 2, rel=tolerance)


@pytest.mark.parametrize(
    ("gap", "rate", "start", "stop", "jump"),
    [
        (1e300, 1.0, -1.0, 1.0, 0.0),
        (1e-300, 1e-300, -1e300, 1e300, 1.0),
        (1e300, 1e300, -1e300, 1e300, 0.0),
        (1.7e308, 5e-324, -5e-324, 1.7e308, 0.0),
        (5e-324, 1.7e308, -1.7e308, 1.7e308, 1.0),
        (5e-324, 5e-324, 0.0, 5e-324, 0.0),
    ],
)
def test_the_ends_of_double_precision(gap, rate, start, stop, jump):
    window = finite_window(gap=gap, sweep_rate=rate, start=start, stop=stop)
    assert window.value == jump
    assert np.max(np.abs(window.propagator @ window.propagator.conj().T - np.eye(2))) < 1e-15


@pytest.mark.parametrize("ratio", [1e-30, 1e-3, 30.0, 1e8, 1e30])
def test_every_window_has_an_answer(ratio):
    """From 1e-300 to 1e300 in scaled time; two parts make the whole, with all phases."""
    gap = float(np.sqrt(ratio))
    times = [-1e300, -1e20, -40.0, -1.0, -1e-300, 0.0, 1e-300, 0.7, 16.0, 1e9, 1e150, 1e300]
    for first, middle, last in zip(times, times[2:], times[5:], strict=False):
        whole, one, two = (
            finite_window_propagator(gap=gap, sweep_rate=1.0, start=start, stop=stop)
            for start, stop in ((first, last), (first, middle), (middle, last))
        )
        assert np.max(np.abs(two @ one - whole)) < 2e-15


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
        ({"gap": -1.0}, "`gap` must not be negative"),
        ({"basis": "adiabtic"}, "did you mean `adiabatic`"),
    ],
)
def test_bad_arguments(changes, text):
    arguments = {"gap": 1.0, "sweep_rate": 1.0, "start": -5.0, "stop": 5.0, **changes}
    with pytest.raises(InputError, match=text):
        finite_window(**arguments)
