"""Superadiabatic read-out of a chosen order, and the universal history of the optimal one."""

import math

import mpmath
import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.superadiabatic import superadiabatic_states
from tests.effort import slow

LANDAU_ZENER = ac.models.LandauZener(gap=1.0)


def history(slowness, order, times, environment=None, **arguments):
    """One passage with g = 1 and α = 1/slowness, read out in superadiabatic states."""
    return ac.propagate(
        LANDAU_ZENER,
        ac.drive.Linear(-40, 40, rate=1 / slowness),
        basis="superadiabatic",
        order=order,
        times=times,
        environment=environment,
        tolerance=1e-13,
        **arguments,
    )


def states(hamiltonian, drive, times, orders):
    lanes = Lanes.of(hamiltonian, drive)
    return superadiabatic_states(lanes, np.asarray(times), np.zeros(len(times), np.intp), orders)


def bloch_terms(slowness, time, orders):
    """Terms of the direction of the Bloch vector, order by order, of a Landau–Zener passage.

    n′ = Ω × n with n = Σ n_k: Ω × n_k = n′_{k−1}, and |n|² = 1 gives the part along Ω. In 60
    digits, by Taylor polynomials around `time`.
    """
    with mpmath.workdps(60):
        rate = 1 / mpmath.mpf(slowness)
        length = orders + 2
        omega = [[mpmath.mpf(0)] * length for _ in range(2)]
        omega[0][0], omega[1][0], omega[1][1] = mpmath.mpf(1), rate * time, rate

        def product(a, b):
            return [mpmath.fsum(a[i] * b[m - i] for i in range(m + 1)) for m in range(length)]

        def derivative(a):
            return [(m + 1) * a[m + 1] for m in range(length - 1)] + [mpmath.mpf(0)]

        def power(a, exponent):
            found = [a[0] ** exponent]
            for m in range(1, length):
                total = mpmath.fsum(
                    (exponent * i - (m - i)) * a[i] * found[m - i] for i in range(1, m + 1)
                )
                found.append(total / (m * a[0]))
            return found

        square = [x + y for x, y in zip(*(product(w, w) for w in omega), strict=True)]
        inverse, inverse_square = power(square, mpmath.mpf(-0.5)), power(square, mpmath.mpf(-1))
        e = [product(w, inverse) for w in omega]  # along x and z
        terms = [[e[0], [mpmath.mpf(0)] * length, e[1]]]
        for k in range(1, orders + 1):
            # Perpendicular part: Ω × n_k = n′ gives n_k⊥ = −Ω × n′/Ω².
            d = [derivative(component) for component in terms[-1]]
            cross = [
                [-a for a in product(omega[1], d[1])],
                [
                    a - b
                    for a, b in zip(product(omega[1], d[0]), product(omega[0], d[2]), strict=True)
                ],
                product(omega[0], d[1]),
            ]
            across = [[-a for a in product(c, inverse_square)] for c in cross]
            # 2 n_0·n_k = −Σ n_i·n_{k−i}
            along = [mpmath.mpf(0)] * length
            for i in range(1, k):
                for a, b in zip(terms[i], terms[k - i], strict=True):
                    along = [x - y / 2 for x, y in zip(along, product(a, b), strict=True)]
            direction = [e[0], [mpmath.mpf(0)] * length, e[1]]
            terms.append(
                [
                    [x + y for x, y in zip(a, product(along, n), strict=True)]
                    for a, n in zip(across, direction, strict=True)
                ]
            )
        return [[component[0] for component in term] for term in terms]


@pytest.mark.parametrize(("order", "time"), [(3, 2.0), slow(10, 2.0), slow(20, 0.7)])
def test_states_are_the_formal_solution_of_the_bloch_equation(order, time):
    # Both truncate the same formal series, which differ by the next order.
    slowness = 16.0
    found = states(LANDAU_ZENER, ac.drive.Linear(-40, 40, rate=1 / slowness), [time], order)
    frame = (found.vectors @ found.rotations(np.array([order])))[0]
    upper = frame[:, 1]
    density = np.outer(upper, upper.conj())
    vector = [2 * density[1, 0].real, 2 * density[1, 0].imag, (density[0, 0] - density[1, 1]).real]
    terms = np.array([[float(c) for c in term] for term in bloch_terms(slowness, time, order + 1)])
    total = terms[: order + 1].sum(axis=0)
    next_term = np.linalg.norm(terms[order + 1])
    assert np.linalg.norm(vector - total / np.linalg.norm(total)) < 3 * next_term + 2e-15
    # The terms themselves come out to rounding, as far as they are linear in the angle.
    assert abs(found.sizes[0, 1] - 0.5 * np.linalg.norm(terms[1])) < 1e-15
    assert found.noise[0, order] < 1e-15


def test_late_terms_grow_as_factorials_over_powers_of_the_action():
    # M. V. Berry, Proc. R. Soc. A 429, 61 (1990): (k−1)!/(π F^k) at the crossing, F = πg²/4α.
    slowness = 16.0
    found = states(LANDAU_ZENER, ac.drive.Linear(-40, 40, rate=1 / slowness), [0.0], 40)
    action = math.pi * slowness / 4
    for k, share in ((9, 4e-3), (17, 8e-4), (33, 3e-4), (41, 3e-4)):
        law = math.exp(math.lgamma(k) - k * math.log(action)) / math.pi
        assert found.sizes[0, k] == pytest.approx(law, rel=share)
    # Symmetric in time: every other term vanishes.
    even, odd = found.sizes[0, 2::2], found.sizes[0, 3::2]
    assert np.all(even[: odd.size] < 1e-9 * odd)
    assert found.noise[0, 20] < 1e-16


def test_the_optimal_basis_rises_once_by_the_error_function():
    slowness, times = 10.0, np.linspace(-12, 12, 121)
    universal = ac.formulas.landau_zener_history(time=times, gap=1.0, sweep_rate=1 / slowness)
    action = math.pi * slowness / 4
    best = history(slowness, None, times)
    assert best.readout_order == universal.optimal_order[0] == 7
    deviation = {}
    for order in (0, 2, 4, 7, 14):
        found = history(slowness, order, times)
        amplitudes = np.sqrt(found.populations[:, 1]) * math.exp(action)
        deviation[order] = np.max(np.abs(amplitudes - universal.amplitude.real * math.exp(action)))
    assert deviation[0] > 100 > 4.5 > deviation[2] > 4 > deviation[4] > 0.5
    assert deviation[7] < 0.08
    assert deviation[14] > 1.5
    # Adiabatic states overshoot by (α/2g²)², once the passage is slow.
    excursion = history(slowness, 0, times).populations[:, 1].max()
    assert excursion == pytest.approx((0.5 / slowness) ** 2, rel=0.1)


def test_an_environment_is_read_out_in_the_same_states():
    # First order in γ: the upper superadiabatic level fills by the dephasing rate alone, without
    # the virtual excursion (α/2g²)² of adiabatic states.
    slowness, gamma = 16.0, 1e-3
    times = np.linspace(-10, 10, 21)
    found = {n: history(slowness, n, times, ac.Dephasing(gamma)) for n in (0, 6)}
    none = history(slowness, 6, times, ac.Dephasing(0.0))
    unitary = history(slowness, 6, times)
    assert np.max(np.abs(none.populations - unitary.populations)) < 1e-14
    assert found[0].populations[:, 1].max() > 20 * found[6].populations[:, 1].max()
    assert np.all(np.diff(found[6].populations[:, 1]) > -1e-8)
    # At the ends all bases agree, and the map is the one of the adiabatic levels.
    assert found[6].transition_matrix == pytest.approx(found[0].transition_matrix, abs=2e-8)
    rho, last = (
        found[6].density_matrices[10],
        states(LANDAU_ZENER, ac.drive.Linear(-40, 40, rate=1 / slowness), [times[10]], 6),
    )
    frame = (last.vectors @ last.rotations(np.array([6])))[0]
    by_hand = np.diag(frame.conj().T @ rho @ frame).real
    assert found[6].populations[10] == pytest.approx(by_hand, abs=1e-14)


def coupled(levels):
    generator = np.random.default_rng(levels)
    full = generator.normal(size=(levels, levels)) + 1j * generator.normal(size=(levels, levels))
    start = np.diag(np.arange(levels) * 1.0) + 0.2
    return ac.Hamiltonian.from_terms([(1.0, start), ("tanh(x)", 0.15 * (full + full.conj().T))])


@pytest.mark.parametrize("levels", [slow(2), 3, slow(4)])
def test_each_order_leaves_one_power_of_the_rate_less(levels):
    hamiltonian = coupled(levels)
    for order in (0, 1, 2):
        left = []
        for duration in (60.0, 120.0):
            result = ac.propagate(
                hamiltonian,
                ac.drive.Linear(-20, 20, rate=1 / duration),
                basis="superadiabatic",
                order=order,
                times=np.array([-0.5, 0.3, 0.8]) * duration,
                tolerance=1e-13,
            )
            left.append(result.populations[:, 1:].sum())
        assert math.log2(left[0] / left[1]) == pytest.approx(2 * (order + 1), abs=0.1)


def test_a_function_and_a_bent_drive_are_known_on_the_real_axis_alone():
    times = np.array([-20.0, -3.0, 0.0, 10.0])
    formula = history(10.0, 7, times).populations

    def matrix(x):
        return np.array([[0.5 * x, 0.5], [0.5, -0.5 * x]])

    function = ac.propagate(
        ac.Hamiltonian.from_function(matrix),
        ac.drive.Linear(-40, 40, rate=0.1),
        basis="superadiabatic",
        order=7,
        times=times,
        tolerance=1e-13,
    )
    assert function.populations == pytest.approx(formula, rel=1e-6, abs=1e-16)
    bent = ac.drive.Piecewise([-400.0, -30.0, 30.0, 400.0], [-40.0, -3.0, 3.0, 40.0])
    piecewise = ac.propagate(
        LANDAU_ZENER, bent, basis="superadiabatic", order=7, times=times, tolerance=1e-13
    )
    assert piecewise.populations == pytest.approx(formula, rel=1e-6, abs=1e-16)


def test_high_orders_of_noisy_derivatives_say_how_far_they_are_known():
    def matrix(x):
        bend = 0.5 * np.sin(3 * x) + 1e-11 * np.sin(1e9 * x)
        return np.array([[0.5 * x + bend, 0.5], [0.5, -0.5 * x - bend]])

    with_noise = ac.propagate(
        ac.Hamiltonian.from_function(matrix),
        ac.drive.Linear(-1, 1, rate=0.1),
        basis="superadiabatic",
        order=20,
        times=[1.0],
        tolerance=1e-6,
    )
    assert any("derivatives of H carry" in text for text in with_noise.warnings)


def test_extremes_of_rates_and_units():
    rates = np.array([1e6, 1e-3, 1e-9])
    times = np.array([0.3, 0.5, 0.7]) * (2 * 40 / rates)[:, None] - 40 / rates[:, None]
    found = ac.propagate(
        LANDAU_ZENER, ac.drive.Linear(-40, 40, rate=rates), basis="superadiabatic", times=times
    )
    assert found.readout_order[0] == 0  # so fast that no order helps
    assert np.all(found.populations[1:, :, 1] < 1e-20)
    scaled = ac.propagate(
        ac.models.LandauZener(gap=1e-150),
        ac.drive.Linear(-4e-149, 4e-149, rate=1e-301),
        basis="superadiabatic",
        order=7,
        times=[0.0],
        tolerance=1e-13,
    )
    assert scaled.populations[0, 1] == pytest.approx(
        history(10.0, 7, [0.0]).populations[0, 1], rel=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": 3}, "basis='superadiabatic'"),
        ({"order": -1, "basis": "superadiabatic"}, "at least 0"),
        ({"order": 41, "basis": "superadiabatic"}, "at most 40"),
    ],
)
def test_bad_orders_are_one_clear_line(arguments, message):
    with pytest.raises(ac.InputError, match=message):
        ac.propagate(LANDAU_ZENER, ac.drive.Linear(-1, 1, rate=1.0), **arguments)


def test_degenerate_levels_have_no_superadiabatic_states():
    crossing, sweep = ac.models.LandauZener(gap=0.0), ac.drive.Linear(-40, 40, rate=0.1)
    with pytest.raises(ac.InputError, match="does not exist at t = 0"):
        ac.propagate(crossing, sweep, basis="superadiabatic", order=2, times=[0.0])
    best = ac.propagate(crossing, sweep, basis="superadiabatic", times=[0.0])
    assert best.readout_order == 0
    assert any("populations are adiabatic" in text for text in best.warnings)


@pytest.mark.parametrize(("order", "told"), [(0, False), (2, False), (12, True)])
def test_an_order_whose_next_term_is_large_says_so(order, told):
    # They fall from .1 to .005 at order 2, where the window begins in the crossing, and then grow.
    drive = ac.drive.Linear(-0.5, 8, rate=0.3)
    found = ac.propagate(LANDAU_ZENER, drive, basis="superadiabatic", order=order)
    assert any("not near levels" in warning for warning in found.warnings) == told


@pytest.mark.quick(3)
@pytest.mark.parametrize("gap", [0.3, 1.0])
@pytest.mark.parametrize("reach", [1, 2, 4, 8, 16])
def test_the_error_of_a_short_window_is_told(gap, reach):
    off, stated = [], []
    for end in (0.95 * reach, reach, 1.05 * reach):  # both ends may cancel in one of them
        sweep = ac.drive.Linear(-end, end, rate=1.0)
        found = ac.propagate(ac.models.LandauZener(gap=gap), sweep, basis="superadiabatic")
        off.append(abs(found.transition_matrix[1, 0] - np.exp(-np.pi * gap**2 / 2)))
        stated.append(found.error_estimate)
    assert np.all(np.less(off, stated))
    if reach > 1:  # which ends within the passage
        assert stated[1] < (5e-11 if reach >= 8 else 10 * max(off))


@pytest.mark.quick(1)
@pytest.mark.parametrize("levels", [3, 2, 6])
def test_what_the_last_digit_of_h_moves_is_in_the_estimate(levels):
    rng = np.random.default_rng(levels)
    for reach, rate in ((0.8, 0.1), (2.0, 1.0), (14.0, 20.0)):
        parts = rng.normal(size=(2, levels, levels, 2)) @ [1, 1j]
        constant, slope = parts + parts.conj().swapaxes(-1, -2)
        found = [
            ac.propagate(
                ac.Hamiltonian.affine(constant * (1 + moved), slope * (1 + moved)),
                ac.drive.Linear(-reach, reach, rate=rate),
                basis="superadiabatic",
            )
            for moved in (0.0, 3e-15, -2e-15)
        ]
        for other in found[1:]:
            off = np.max(np.abs(other.transition_matrix - found[0].transition_matrix))
            assert off < other.error_estimate + found[0].error_estimate
