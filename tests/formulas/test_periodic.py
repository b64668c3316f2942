"""Periodic drives: closed forms against the integrated Bloch equation and Floquet matrices."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from anticrossing._core.checks import InputError
from anticrossing.formulas._periodic import fast_check
from anticrossing.formulas.multiphoton import bloch_siegert_shift, multiphoton_resonances
from anticrossing.formulas.periodic import (
    classical_transition_rate,
    fast_passage_population,
    rate_population,
    transition_rate,
)
from tests.effort import slow


def periodic_average(gap, offset, amplitude, frequency, t1, t2):
    """Mean population of the upper diabatic state in the periodic state of the Bloch equation."""

    def rhs(t, y):
        eps = offset + amplitude * np.cos(frequency * t)
        m = np.zeros((5, 5))  # three components, the constant 1, and the integral of the third
        m[0, 1], m[1, 0], m[1, 2], m[2, 1] = -eps, eps, -gap, gap
        m[0, 0] = m[1, 1] = -1 / t2
        m[2, 2] = m[2, 3] = -1 / t1
        m[4, 2] = 1.0
        return (m @ y.reshape(5, 5)).ravel()

    period = 2 * np.pi / frequency
    run = solve_ivp(rhs, (0, period), np.eye(5).ravel(), method="DOP853", rtol=1e-10, atol=1e-11)
    u = run.y[:, -1].reshape(5, 5)
    state = np.linalg.solve(np.eye(3) - u[:3, :3], u[:3, 3])
    return (1 + (u @ [*state, 1, 0])[4] / period) / 2


def quasienergy(gap, offset, amplitude, frequency):
    def rhs(t, y):
        eps = offset + amplitude * np.cos(frequency * t)
        return (-0.5j * np.array([[eps, gap], [gap, -eps]]) @ y.reshape(2, 2)).ravel()

    period = 2 * np.pi / frequency
    start = np.eye(2, dtype=complex).ravel()
    run = solve_ivp(rhs, (0, period), start, method="DOP853", rtol=1e-12, atol=1e-13)
    trace = np.trace(run.y[:, -1].reshape(2, 2)).real
    return 2 * np.arccos(np.clip(trace / 2, -1, 1)) / period


def test_sum_against_many_digits():
    place = {"gap": 0.3, "offset": 1.7, "amplitude": 7.3, "frequency": 0.9, "t1": 40.0, "t2": 25.0}
    with mpmath.workdps(30):
        z = mpmath.mpf(place["amplitude"]) / mpmath.mpf(place["frequency"])

        def term(n):
            g2 = (place["gap"] * mpmath.besselj(n, z)) ** 2
            far = (place["offset"] - n * mpmath.mpf(place["frequency"])) ** 2
            return g2 / (g2 + far * place["t2"] / place["t1"] + 1 / (place["t1"] * place["t2"]))

        exact = mpmath.fsum(term(n) for n in range(-120, 121)) / 2
    assert fast_passage_population(**place).value == pytest.approx(float(exact), rel=1e-13)


def test_maps_are_their_points():
    offsets, amplitudes = np.linspace(-3, 3, 5)[::-1, None], np.linspace(0, 6, 4)
    frequencies = np.array([[[0.8]], [[1.3]]])
    drive = {"offset": offsets, "amplitude": amplitudes, "frequency": frequencies}
    for formula, more in ((transition_rate, {}), (fast_passage_population, {"t1": 30.0})):
        found = formula(gap=0.2, **drive, t2=12.0, **more).value
        assert found.shape == (2, 5, 4)
        for point in np.ndindex(found.shape):
            own = {name: np.broadcast_to(v, found.shape)[point] for name, v in drive.items()}
            one = formula(gap=0.2, **own, t2=12.0, **more).value
            assert found[point] == pytest.approx(one, rel=1e-13)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_population_tends_to_the_bloch_equation_as_the_gap_closes(scale):
    """Corrections are of second order in the gap: shift of the resonance and mixing of orders."""
    for offset in (2.0, 1.02, 0.0):
        place = {"gap": 0.04 * scale, "offset": offset, "amplitude": 4.0, "frequency": 1.0}
        times = {"t1": 100.0 / scale**2, "t2": 200.0}
        result = fast_passage_population(**place, **times)
        exact = periodic_average(**place, **times)
        assert result.valid
        assert result.value == pytest.approx(exact, rel=0.02 * scale**2)


def test_error_inside_the_stated_domain():
    rng = np.random.default_rng(0)
    tried = 0
    while tried < 12:
        t1 = 10 ** rng.uniform(1, 2)
        place = {
            "gap": 10 ** rng.uniform(-2, -0.2),
            "offset": rng.uniform(-4, 4),
            "amplitude": rng.uniform(0.5, 8),
            "frequency": 1.0,
            "t1": t1,
            "t2": t1 * rng.uniform(0.1, 2),
        }
        result = fast_passage_population(**place)
        if result.valid:
            tried += 1
            assert result.value == pytest.approx(periodic_average(**place), abs=0.02), place


def test_overlapping_resonances_need_the_sum_of_rates():
    place = {"gap": 0.02, "offset": 1.3, "amplitude": 5.0, "frequency": 1.0}
    exact = periodic_average(**place, t1=1000.0, t2=1.0)
    separate = fast_passage_population(**place, t1=1000.0, t2=1.0)
    assert not separate.valid
    assert abs(separate.value / exact - 1) > 0.03
    rate = transition_rate(**place, t2=1.0)
    assert rate.valid
    assert rate_population(rate=rate, t1=1000.0).value == pytest.approx(exact, rel=2e-4)


def test_a_single_resonance_is_the_rate_equation():
    """With one term, ½ g²/(g² + Δ²T₂/T₁ + 1/T₁T₂) equals W/(2W + 1/T₁) identically."""
    place = {"gap": 0.2, "offset": 0.3, "amplitude": 0.0, "frequency": 50.0}
    direct = fast_passage_population(**place, t1=7.0, t2=3.0).value
    rate = transition_rate(**place, t2=3.0)
    assert rate_population(rate=rate, t1=7.0).value == pytest.approx(direct, rel=1e-13)


def test_strong_dephasing_leaves_the_classical_sum():
    """T₂ long against a passage (1/√α = 0.022), short against the period: fringes are gone."""
    place = {"gap": 0.01, "offset": 0.4, "amplitude": 2000.0, "frequency": 1.0}
    classical = classical_transition_rate(**place)
    assert classical.valid
    quantum = transition_rate(**place, t2=0.5)
    assert quantum.value == pytest.approx(classical.value, rel=5e-3)
    alpha = np.sqrt(2000.0**2 - 0.4**2)
    leave = -np.expm1(-np.pi * 0.01**2 / (2 * alpha))
    assert classical.value == pytest.approx(leave / np.pi, rel=1e-10)


def test_no_passages_no_rate():
    values = classical_transition_rate(
        gap=0.1, offset=[3.0, 0.0], amplitude=[2.0, 0.0], frequency=1
    )
    assert np.array_equal(values.value, [0.0, 0.0])


@pytest.mark.parametrize("order", [1, slow(2), slow(3)])
def test_resonances_against_the_quasienergies(order):
    """The quasi-energies come closest at the resonance, to a distance |g_n|."""
    sign = 1 if order % 2 == 0 else -1
    errors = []
    for gap in (0.1, 0.05):
        place = {"gap": gap, "amplitude": 2.0, "frequency": 1.0}
        found = multiphoton_resonances(**place, orders=order)
        assert all(np.all(check.satisfied) for check in found.checks[:1])
        near = float(found.positions[0])
        best = minimize_scalar(
            lambda e, place=place: sign * quasienergy(offset=e, **place),
            bracket=(near - 0.3 * gap, near, near + 0.3 * gap),
            tol=1e-8,
        )
        epsilon = quasienergy(offset=best.x, **place)
        distance = epsilon if sign > 0 else 1.0 - epsilon
        assert distance == pytest.approx(found.half_widths[0], rel=0.12 * gap**2)
        errors.append(abs(best.x - near))
    shift = abs(float(found.positions[0]) - order)
    assert errors[1] < 0.01 * shift
    assert errors[1] < errors[0] / 8  # fourth order in the gap


def test_widths_and_rates_with_relaxation():
    """Half maximum of the closed-form line itself, and the rate on resonance."""
    place = {"gap": 0.05, "amplitude": 3.0, "frequency": 1.0}
    found = multiphoton_resonances(**place, orders=[2], t1=400.0, t2=100.0)
    g, width = float(found.couplings[0]), float(found.half_widths[0])
    peak = g**2 / (g**2 + 1 / (400.0 * 100.0))
    half = g**2 / (g**2 + width**2 * 100.0 / 400.0 + 1 / (400.0 * 100.0))
    assert half == pytest.approx(peak / 2, rel=1e-12)
    assert found.rates[0] == pytest.approx(g**2 * 100.0 / 2)
    assert found.valid
    assert not multiphoton_resonances(**place, orders=[2], t1=4.0, t2=1.0).valid


def test_resonances_broadcast_with_orders_last():
    found = multiphoton_resonances(
        gap=[[0.1], [0.2]], amplitude=[1.0, 2.0, 3.0], frequency=1.0, orders=[-1, 0, 1, 2]
    )
    assert found.positions.shape == found.half_widths.shape == (2, 3, 4)
    assert found.rates is None
    assert np.allclose(found.couplings[..., 0], -found.couplings[..., 2])
    assert np.allclose(found.positions[..., 1], 0.0, atol=1e-15)
    assert np.allclose(found.positions[..., 0], -found.positions[..., 2])
    one = multiphoton_resonances(gap=0.2, amplitude=3.0, frequency=1.0, orders=2)
    assert one.positions[0] == pytest.approx(found.positions[1, 2, 3], rel=1e-13)


@pytest.mark.parametrize("b", [slow("0.01"), slow("0.04"), "0.1"])
@pytest.mark.slow
def test_bloch_siegert_series_against_the_floquet_matrix(b):
    """Resonance of the infinite Floquet matrix (truncated): ∂q/∂g = 0, in forty digits."""
    with mpmath.workdps(40):
        rotating, reach = mpmath.mpf(b), 7

        def slope(omega):
            size = 2 * reach + 1
            matrix = mpmath.matrix(size)
            signs = [-1 if (k - reach) % 2 == 0 else 1 for k in range(size)]
            for k in range(size):
                matrix[k, k] = mpmath.mpf(signs[k]) / 2 + (k - reach) * omega
                if k:
                    matrix[k, k - 1] = matrix[k - 1, k] = rotating
            _, vectors = mpmath.eigsy(matrix)
            weight = [vectors[reach, j] ** 2 + vectors[reach - 1, j] ** 2 for j in range(size)]
            j = max(range(size), key=lambda k: weight[k])
            return mpmath.fsum(s * vectors[k, j] ** 2 for k, s in enumerate(signs))

        near = 1 + rotating**2
        exact = mpmath.findroot(slope, (near, near + rotating**4), tol=1e-60) - 1
        error = float(bloch_siegert_shift(gap=1.0, amplitude=4 * float(b)).value - exact)
    assert abs(error) < 0.9 * float(b) ** 8 + 1e-17


def test_bloch_siegert_scales_and_knows_its_domain():
    weak = bloch_siegert_shift(gap=[1.0, 2.0], amplitude=[0.4, 0.8])
    assert weak.value[1] == pytest.approx(2 * weak.value[0], rel=1e-14)
    assert weak.valid
    assert not bloch_siegert_shift(gap=1.0, amplitude=2.0).valid


def test_slow_passages_are_out_of_domain():
    place = {"offset": 0.0, "amplitude": 2.0, "frequency": 0.1}
    slow = fast_passage_population(gap=0.5, **place, t1=100.0, t2=50.0)
    assert any("not fast" in line for line in slow.warnings)
    assert not classical_transition_rate(gap=0.5, **place).valid
    with_memory = transition_rate(gap=0.01, **place, t2=1e5)
    assert any("coherently" in line for line in with_memory.warnings)


def test_arguments_broadcast_and_scalars_give_floats():
    place = {"gap": 0.1, "amplitude": 5.0, "frequency": 1.0}
    grid = fast_passage_population(
        offset=np.linspace(-3, 3, 7)[:, None], t1=[10.0, 20.0, 30.0], t2=5.0, **place
    )
    assert grid.value.shape == (7, 3)
    single = fast_passage_population(offset=-2.0, t1=20.0, t2=5.0, **place).value
    assert isinstance(single, float)
    assert grid.value[1, 1] == pytest.approx(single, rel=1e-14)
    assert grid.value[1, 1] == pytest.approx(grid.value[5, 1], rel=1e-13)  # even in the offset


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"gap": -0.1}, "`gap` must not be negative"),
        ({"offset": np.nan}, "`offset` must be finite"),
        ({"amplitude": -1.0}, "`amplitude` must not be negative"),
        ({"frequency": 0.0}, "`frequency` must be positive"),
        ({"t1": 0.0}, "`t1` must be positive"),
        ({"t2": 21.0}, "`t2` must be at most 2 `t1`"),
        ({"amplitude": 1e9}, "too many resonances"),
        ({"gap": [0.1, 0.2], "offset": [0.0, 1.0, 2.0]}, "broadcast"),
    ],
)
def test_bad_arguments(changes, text):
    place = {"gap": 0.1, "offset": 0.0, "amplitude": 5.0, "frequency": 1.0, "t1": 10.0, "t2": 5.0}
    with pytest.raises(InputError, match=text):
        fast_passage_population(**{**place, **changes})


def test_bad_orders_and_rates():
    place = {"gap": 0.1, "amplitude": 1.0, "frequency": 1.0}
    for orders in (0.5, [], [[1, 2]]):
        with pytest.raises(InputError, match="orders"):
            multiphoton_resonances(**place, orders=orders)
    with pytest.raises(InputError, match="together"):
        multiphoton_resonances(**place, orders=1, t1=3.0)
    with pytest.raises(InputError, match="rate"):
        rate_population(rate=-1.0, t1=1.0)


@pytest.mark.parametrize(("amplitude", "larger"), [(10.0, 10.0), (0.1, 0.5)])
def test_passages_are_fast_against_the_larger_of_amplitude_and_frequency(amplitude, larger):
    check = fast_check(np.array(0.2), np.array(amplitude), np.array(0.5))
    assert check.value == pytest.approx(0.2**2 / (0.5 * larger))
