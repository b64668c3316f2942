"""The adiabatic expansion at any order: slopes, remainder, optimum, accuracy, gauge."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.analysis import adiabatic_expansion, adiabatic_remainder, gauge_transform
from anticrossing.environment import Dephasing, FixedAxisDephasing, Lindblad, ThermalRelaxation
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.lindblad import superoperator

TWO = ac.models.LandauZener(gap=1.0)
THREE = ac.Hamiltonian.affine(
    2 * np.array([[0, 0.3, 0.1], [0.3, 0, 0.4j], [0.1, -0.4j, 0]]), np.diag([-1.0, 0.2, 1.0])
)
FOUR = ac.Hamiltonian.affine(
    np.diag([-2.2, -0.8, 0.7, 2.3]) + 0.4 * random_hermitian(np.random.default_rng(3), 4),
    np.diag([-1.0, 0.3, -0.2, 1.0]),
)
FOUR_THERMAL = Dephasing(rate=0.3) + ThermalRelaxation(temperature=1.0, t1=1.0)
DEPHASING = Dephasing(functions=[lambda energy: 0.4 * energy])
FIXED = FixedAxisDephasing(0.5) + ThermalRelaxation(temperature=0.5, spectral_density=0.5)
THERMAL = Dephasing(rate=0.3) + ThermalRelaxation(
    temperature=1.0, spectral_density=lambda omega: 0.3 * omega
)


def trace_norm(matrix):
    return np.linalg.svd(matrix, compute_uv=False).sum()


def exact_map(hamiltonian, drive, environment):
    return ac.propagate(hamiltonian, drive, environment=environment, tolerance=1e-13).superoperator


def left_out(expansion, order, evolution):
    """The exact state less the expansion to an order, the former from the start it asks for."""
    part = expansion.truncated(order)
    exact = (evolution @ part.start_state.ravel()).reshape(part.zeroth.shape)
    return part.remainder(exact)


# ---- the remainder ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hamiltonian", "environment", "start", "rates"),
    [
        (TWO, Dephasing(0.5), -3, (0.016, 0.008)),
        slow(TWO, Dephasing("0.5/(1 + x**2)"), -3, (0.016, 0.008)),
        slow(TWO, FIXED, -3, (0.012, 0.006)),
        slow(THREE, DEPHASING, -3, (0.012, 0.006)),
        slow(THREE, THERMAL, -3, (0.012, 0.006)),
        slow(FOUR, Dephasing(rate=1.0), -2, (0.02, 0.01)),
        slow(FOUR, FOUR_THERMAL, -2, (0.02, 0.01)),
    ],
)
def test_order_k_leaves_out_a_remainder_of_order_k_plus_one(hamiltonian, environment, start, rates):
    sizes = []
    for rate in rates:
        drive = ac.drive.Linear(start, 0.3, rate)  # ends where every order is large
        expansion = adiabatic_expansion(hamiltonian, drive, environment, order=5)
        evolution = exact_map(hamiltonian, drive, environment)
        rest = [trace_norm(left_out(expansion, k, evolution)) for k in range(1, 6)]
        assert np.all(rest <= expansion.remainder_bounds[1:])
        sizes.append(rest)
    slopes = np.log(np.array(sizes[0]) / sizes[1]) / np.log(rates[0] / rates[1])
    assert np.allclose(slopes, np.arange(2, 7), atol=0.15)


@pytest.mark.slow
def test_against_another_integrator():
    """Fixed axis and decay, L from H and jump operators by hand, DOP853."""
    jumps = [np.sqrt(0.25) * np.diag([1.0, -1.0]), 0.6 * np.array([[0, 1], [0, 0]])]
    environment = Lindblad(jumps)
    sizes = []
    for rate in (0.04, 0.02):
        drive = ac.drive.Linear(-2, 0.3, rate)
        expansion = adiabatic_expansion(TWO, drive, environment, order=4)
        constant = superoperator(0.5 * np.array([[0, 1.0], [1.0, 0]]), jumps)
        moving = superoperator(0.5 * np.diag([1.0, -1.0]), [])
        found = solve_ivp(
            lambda t, rho, a=constant, b=moving, v=rate: (a + v * t * b) @ rho,
            (float(drive.start_time), float(drive.stop_time)),
            expansion.start_state.ravel(),
            method="DOP853",
            rtol=1e-13,
            atol=1e-15,
        )
        sizes.append(trace_norm(expansion.remainder(found.y[:, -1].reshape(2, 2))))
    assert sizes[1] < 1e-6
    assert np.log2(sizes[0] / sizes[1]) == pytest.approx(5, abs=0.3)


@pytest.mark.parametrize(
    ("hamiltonian", "environment", "order"),
    [
        (TWO, FIXED, 1),
        slow(TWO, Dephasing(0.3), 3),
        slow(THREE, DEPHASING, 2),
        slow(FOUR, FOUR_THERMAL, 4),
    ],
)
def test_equation_2_15_is_what_the_expansion_leaves_out(hamiltonian, environment, order):
    drive = ac.drive.Linear(-2, 0.3, 0.05)
    rest = adiabatic_remainder(hamiltonian, drive, environment, order=order)
    expansion = adiabatic_expansion(hamiltonian, drive, environment, order=order)
    by_hand = left_out(expansion, order, exact_map(hamiltonian, drive, environment))
    assert np.allclose(rest.remainder, by_hand, atol=2e-13)
    assert np.allclose(rest.direct, by_hand, atol=2e-13)
    assert 1e-11 < rest.trace_norm <= rest.bound
    assert rest.bound == pytest.approx(expansion.remainder_bounds[order])
    assert np.allclose(rest.coefficient, rest.remainder / 0.05 ** (order + 1))
    assert abs(np.trace(rest.remainder)) < 1e-13


@pytest.mark.slow
def test_remainder_keeps_relative_accuracy_where_differences_have_none():
    """ρ − Σ to order 5 is of 1e-13 here: the sixth order, and what it starts from."""
    drive = ac.drive.Linear(-2, 0.3, 0.003)
    rest = adiabatic_remainder(TWO, drive, Dephasing(2.0), order=5)
    further = adiabatic_expansion(TWO, drive, Dephasing(2.0), order=8)
    terms = further.kernel_terms + further.range_terms
    # The start's own sixth order is a coherence, gone long before the end.
    assert rest.trace_norm < 1e-13
    assert np.allclose(rest.remainder, terms[6:].sum(axis=0), rtol=0, atol=1e-5 * rest.trace_norm)


# ---- the optimum ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hamiltonian", "environment", "rate"),
    [slow(TWO, Dephasing(0.3), 0.15), slow(TWO, FIXED, 0.12), slow(THREE, DEPHASING, 0.06)],
)
def test_the_error_is_least_near_the_optimal_order(hamiltonian, environment, rate):
    drive = ac.drive.Linear(-3, 0.3, rate)
    whole = adiabatic_expansion(hamiltonian, drive, environment, order=20)
    best = whole.optimal_order
    assert 2 < best < 12
    evolution = exact_map(hamiltonian, drive, environment)
    errors = np.array([trace_norm(left_out(whole, k, evolution)) for k in range(1, 21)])
    assert abs(int(np.argmin(errors)) + 1 - best) <= 2
    assert errors[best - 1] < 3 * errors.min()
    assert errors[-1] > 100 * errors.min()
    assert any("grow again" in text for text in whole.warnings)


@pytest.mark.slow
def test_optimal_truncation_is_found():
    drive = ac.drive.Linear(-3, 0.3, 0.2)
    best = adiabatic_expansion(TWO, drive, Dephasing(0.3), order="optimal")
    assert best.order == best.optimal_order == np.argmin(best.term_sizes[1:]) + 1
    assert best.term_sizes.shape == (21,)
    assert best.kernel_terms.shape == (best.order + 1, 2, 2)
    evolution = exact_map(TWO, drive, Dephasing(0.3))
    errors = [trace_norm(left_out(best, k, evolution)) for k in range(1, best.order + 1)]
    assert np.all(np.diff(errors) < 0)
    assert not any("grow" in text for text in best.warnings)


@pytest.mark.slow
def test_terms_that_still_fall_have_no_optimum_yet():
    found = adiabatic_expansion(TWO, ac.drive.Linear(-2, 2, 0.01), Dephasing(0.5), order=3)
    assert found.optimal_order is None
    assert "beyond those computed" in str(found)


# ---- accuracy ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_errors_tell_how_far_functions_are_off():
    """Real times only: digits are lost with each order, and the estimate says how many."""
    function = ac.Hamiltonian.from_function(lambda x: 0.5 * np.array([[x, 1.0], [1.0, -x]]))
    drive = ac.drive.Linear(-3, 3, 0.1)
    known = adiabatic_expansion(TWO, drive, Dephasing(0.3), order=7)
    found = adiabatic_expansion(function, drive, Dephasing(0.3), order=7)
    off = np.abs(found.kernel_terms + found.range_terms - known.kernel_terms - known.range_terms)
    off = off.max(axis=(1, 2))
    assert np.all(known.error_estimates[1:] < 1e-11 * known.term_sizes[1:])
    assert np.all(off <= found.error_estimates + 1e-15)
    assert off[3] < 1e-8 * known.term_sizes[3]
    assert any("rounding" in text for text in found.warnings)
    assert not any("rounding" in text for text in known.warnings)


@pytest.mark.slow
def test_rates_that_only_look_continuable():
    """|x + 5| takes complex numbers, but is no analytic function of them."""
    drive = ac.drive.Linear(-3, 1, 0.05)
    bath = ThermalRelaxation(temperature=0.5, spectral_density=0.5)
    known = adiabatic_expansion(TWO, drive, bath + FixedAxisDephasing("x + 5"), order=3)
    found = adiabatic_expansion(
        TWO, drive, bath + FixedAxisDephasing(lambda x: np.abs(x + 5)), order=3
    )
    off = np.abs(found.kernel_terms + found.range_terms - known.kernel_terms - known.range_terms)
    assert np.all(off.max(axis=(1, 2)) <= found.error_estimates + 1e-15)
    assert np.all(off.max(axis=(1, 2)) < 1e-7 * known.term_sizes)


@pytest.mark.parametrize(
    "drive",
    [slow(ac.drive.Piecewise([0, 20, 60], [-3, -1, 3])), slow(ac.drive.Formula("0.1*t", -30, 30))],
)
def test_the_same_motion_written_otherwise(drive):
    line = ac.drive.Linear(-3, 3, 0.1)
    one, other = (adiabatic_expansion(TWO, d, Dephasing(0.3), order=3) for d in (line, drive))
    assert np.allclose(one.kernel_terms, other.kernel_terms, atol=1e-15)
    assert np.allclose(one.range_terms, other.range_terms, atol=1e-15)


@pytest.mark.slow
def test_a_large_energy_changes_nothing():
    drive = ac.drive.Linear(-3, 3, 0.1)
    far = ac.Hamiltonian.affine(np.array([[1e12, 0.5], [0.5, 1e12]]), np.diag([0.5, -0.5]))
    shifted, near = (adiabatic_expansion(h, drive, Dephasing(0.3), order=2) for h in (far, TWO))
    assert np.allclose(shifted.density_matrix, near.density_matrix, atol=1e-15)


@pytest.mark.slow
def test_units():
    """In GHz and ns a unit of energy is 2π radians per time: 2π times as fast is the same."""
    units = ac.Units("GHz", "ns")
    drives = (ac.drive.Linear(-3, 3, 0.1), ac.drive.Linear(-3, 3, 0.1 * 2 * np.pi))
    natural, giga = (
        adiabatic_expansion(h, drive, Dephasing(0.3), order=4)
        for h, drive in zip((TWO, TWO.with_units(units)), drives, strict=True)
    )
    assert np.allclose(giga.density_matrix, natural.density_matrix, atol=1e-13)


# ---- on the way -------------------------------------------------------------------------------


@pytest.mark.slow
def test_terms_on_the_way_are_those_of_windows_that_end_there():
    """The first one lies at the start: nothing but P and b_n."""
    times = [-40.0, 6.0]
    drive = ac.drive.Linear(-2, 0.5, 0.05)
    found = adiabatic_expansion(TWO, drive, FIXED, order=3, times=times)
    assert found.density_matrices.shape == (2, 2, 2)
    assert np.allclose(found.density_matrices[0], found.start_state, atol=1e-14)
    for k, time in enumerate(times[1:], 1):
        window = ac.drive.Linear(-2, 0.05 * time, 0.05)
        ends = adiabatic_expansion(TWO, window, FIXED, order=3)
        assert np.allclose(found.kernel_path[:, k], ends.kernel_terms, atol=1e-13)
        assert np.allclose(found.range_path[:, k], ends.range_terms, atol=1e-13)


# ---- what must not matter ---------------------------------------------------------------------


@pytest.mark.slow
def test_gauge_transformations_leave_the_expansion_alone():
    rng = np.random.default_rng(5)
    jumps = [0.4 * (random_hermitian(rng, 2) + 1j * random_hermitian(rng, 2)) for _ in range(2)]
    shifts = rng.normal(size=2) + 1j * rng.normal(size=2)
    mixing = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
    constant, slope = 0.5 * np.array([[0, 1.0], [1.0, 0]]), 0.5 * np.diag([1.0, -1.0])
    moved, other = gauge_transform(constant, jumps, shifts=shifts, unitary=mixing, energy=0.7)
    drive = ac.drive.Linear(-2, 1, 0.05)
    one, two = (
        adiabatic_expansion(ac.Hamiltonian.affine(h, slope), drive, Lindblad(list(g)), order=4)
        for h, g in ((constant, jumps), (moved, other))
    )
    assert np.allclose(one.kernel_terms, two.kernel_terms, atol=1e-13)
    assert np.allclose(one.range_terms, two.range_terms, atol=1e-13)
    assert np.abs(one.range_terms[4]).max() > 1e-7


@pytest.mark.slow
def test_kernel_and_range_are_what_they_say():
    """L a = 0 and tr b = 0 for every order; a_n of the last order starts from zero."""
    drive = ac.drive.Linear(-2, 0.3, 0.05)
    found = adiabatic_expansion(THREE, drive, THERMAL, order=3, times=[-40.0])
    energies, _ = np.linalg.eigh(THREE(0.3))
    assert np.allclose(np.einsum("nii->n", found.range_terms), 0, atol=1e-14)
    assert np.allclose(found.kernel_path[1:, 0], 0, atol=1e-15)
    # One stationary state alone: every a_n is a multiple of it, with trace zero.
    assert found.kernel_dimension == 1
    assert energies.size == 3
    assert np.allclose(found.kernel_terms[1:], 0, atol=1e-14)
    assert np.allclose(found.kernel_coefficients[0], found.zeroth)
    assert np.allclose(found.range_coefficients[2] * 0.05**2, found.range_terms[2])


# ---- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "at least 1"),
        ({"order": 21}, "at most 20"),
        ({"order": 1.5}, "integer"),
        ({"order": True}, "integer"),
        ({"order": "best"}, "optimal"),
        ({"order": 2, "times": [-61.0]}, "window"),
        ({"order": 2, "times": [3.0, 1.0]}, "increase"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        adiabatic_expansion(TWO, ac.drive.Linear(-3, 3, 0.05), Dephasing(0.3), **options)


def test_a_kink_ends_at_the_first_order():
    bent = ac.drive.Piecewise([0, 20, 60], [-3, 0.2, 3])
    assert adiabatic_expansion(TWO, bent, Dephasing(0.3)).order == 1
    with pytest.raises(InputError, match="kink near t = 20"):
        adiabatic_expansion(TWO, bent, Dephasing(0.3), order=2)


def test_remainder_refuses():
    drive = ac.drive.Linear(-3, 3, 1e-6)
    with pytest.raises(InputError, match="remainder_bounds"):
        adiabatic_remainder(TWO, drive, Dephasing(0.3))
    with pytest.raises(InputError, match="at most 19"):
        adiabatic_remainder(TWO, drive, Dephasing(0.3), order=20)
    found = adiabatic_expansion(TWO, ac.drive.Linear(-3, 3, 0.05), Dephasing(0.3))
    with pytest.raises(InputError, match="at most 1"):
        found.truncated(2)
