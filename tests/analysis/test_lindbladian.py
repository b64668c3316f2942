"""Lindblad generators by their operators: gauge, canonical form, structure, transport."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import expm

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.analysis import (
    adiabatic_expansion,
    canonical_gauge,
    gauge_transform,
    lindblad_operators,
    lindblad_structure,
    lindblad_structure_at,
    lindbladian,
    parallel_transport,
)
from anticrossing.environment import Dephasing, FixedAxisDephasing, Lindblad, ThermalRelaxation
from anticrossing.formulas import canonical_dephasing
from tests.effort import slow
from tests.systems import random_hermitian
from tests.systems.lindblad import superoperator

TWO = ac.models.LandauZener(gap=1.0)
THREE = ac.Hamiltonian.affine(
    2 * np.array([[0, 0.3, 0.1], [0.3, 0, 0.4j], [0.1, -0.4j, 0]]), np.diag([-1.0, 0.2, 1.0])
)
DEPHASING = Dephasing(functions=[lambda energy: 0.4 * energy])
THERMAL = Dephasing(rate=0.3) + ThermalRelaxation(temperature=1.0, t1=2.0)


def operators(levels, count, seed=0):
    rng = np.random.default_rng(seed)
    jumps = [random_hermitian(rng, levels) + 1j * random_hermitian(rng, levels)
             for _ in range(count)]  # fmt: skip
    return random_hermitian(rng, levels), jumps


def functions_of(hamiltonian, functions):
    energies, vectors = np.linalg.eigh(hamiltonian)
    return [vectors @ np.diag(f(energies)) @ vectors.conj().T for f in functions]


FUNCTIONS = [lambda e: e**2 + 0.3j * e, lambda e: np.exp(1j * e), lambda e: 0.5 + 0 * e]


# ---- gauge ------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_lindbladian_is_what_it_does_to_every_matrix_unit(levels):
    hamiltonian, jumps = operators(levels, 3)
    assert np.allclose(lindbladian(hamiltonian, jumps), superoperator(hamiltonian, jumps))
    assert np.allclose(lindbladian(hamiltonian), superoperator(hamiltonian, []))


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_gauge_transformations_leave_the_generator_alone(levels):
    hamiltonian, jumps = operators(levels, 3)
    rng = np.random.default_rng(7)
    c = rng.normal(size=4) + 1j * rng.normal(size=4)
    mixing = np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))[0][:, :3]
    reference = superoperator(hamiltonian, jumps)
    scale = np.abs(reference).max()
    moved = gauge_transform(hamiltonian, jumps, shifts=c, energy=1.7, unitary=mixing)
    assert moved[1].shape == (4, levels, levels)
    assert np.abs(superoperator(*moved) - reference).max() < 1e-14 * scale
    assert np.abs(np.trace(moved[0]) - np.trace(hamiltonian)) > 1
    canonical = canonical_gauge(*moved)
    assert np.abs(superoperator(*canonical) - reference).max() < 1e-14 * scale
    again = lindblad_operators(reference)
    assert np.abs(superoperator(*again) - reference).max() < 1e-14 * scale
    for h, g in (canonical, again):
        gram = np.einsum("aij,bij->ab", g.conj(), g)
        assert abs(np.trace(h)) < 1e-13
        assert np.allclose(np.trace(g, axis1=1, axis2=2), 0, atol=1e-13)
        assert np.allclose(gram, np.diag(np.diagonal(gram)), atol=1e-12)
        assert np.all(np.diff(np.diagonal(gram).real) < 0)
        # The Hamiltonian in canonical gauge is unique.
        assert np.allclose(h, canonical[0], atol=1e-13)


def test_the_printed_shift_is_twice_too_large():
    """Equation (2.3) as printed changes the generator; with half the shift it does not."""
    hamiltonian, jumps = operators(2, 1)
    c = 0.3 + 0.2j
    shift = -1j * (np.conj(c) * jumps[0] - c * jumps[0].conj().T)
    reference = superoperator(hamiltonian, jumps)
    moved = [jumps[0] + c * np.eye(2)]
    assert np.abs(superoperator(hamiltonian + shift, moved) - reference).max() > 0.1
    assert np.abs(superoperator(hamiltonian + shift / 2, moved) - reference).max() < 1e-14
    found, _ = gauge_transform(hamiltonian, jumps, shifts=[c])
    assert np.allclose(found, hamiltonian + shift / 2)


def test_kernel_and_structure_do_not_depend_on_the_gauge():
    for hamiltonian, jumps in (
        operators(3, 2),
        (h := operators(3, 1)[0], functions_of(h, FUNCTIONS)),
    ):
        shifts = np.array([1.0 + 2j, -0.5j, 0.3])[: len(jumps)]
        one = lindblad_structure(hamiltonian, jumps)
        other = lindblad_structure(*gauge_transform(hamiltonian, jumps, shifts=shifts, energy=2.0))
        assert one.is_dephasing == other.is_dephasing
        assert np.allclose(one.superoperator, other.superoperator, atol=1e-13)
        assert np.allclose(one.projection, other.projection, atol=1e-13)
        assert np.allclose(one.inverse, other.inverse, atol=1e-13)
        assert one.gap == pytest.approx(other.gap, rel=1e-10)


# ---- structure --------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_functions_of_the_hamiltonian_dephase(levels):
    hamiltonian, _ = operators(levels, 0)
    jumps = functions_of(hamiltonian, FUNCTIONS)
    found = lindblad_structure(hamiltonian, jumps)
    energies, vectors = np.linalg.eigh(hamiltonian)
    assert found.is_dephasing
    assert found.is_minimally_degenerate
    assert found.kernel_dimension == levels
    assert max(found.function_distance, found.stationarity_distance) < 1e-13
    # (2.5) on any matrix, and the eigenvalues (3.4) of every pair of levels.
    anything = operators(levels, 1, seed=3)[1][0]
    inside = vectors.conj().T @ anything @ vectors
    kept = vectors @ np.diag(np.diagonal(inside)) @ vectors.conj().T
    assert np.allclose((found.projection @ anything.ravel()).reshape(levels, levels), kept)
    f = np.array([function(energies) for function in FUNCTIONS])
    apart = energies[:, None] - energies
    pairs = np.einsum("ai,aj->ij", f, f.conj())
    own = np.diagonal(pairs).real
    values = -1j * apart + pairs - 0.5 * (own[:, None] + own)
    assert np.abs(values).min() == pytest.approx(0)
    assert found.gap == pytest.approx(np.sort(np.abs(values), axis=None)[levels])
    assert found.relaxation_gap == pytest.approx(np.sort(-values.real, axis=None)[levels])


@pytest.mark.parametrize("levels", [2, 3])
def test_general_projection_is_the_long_time_limit(levels):
    hamiltonian, jumps = operators(levels, 2)
    found = lindblad_structure(hamiltonian, jumps)
    assert not found.is_dephasing
    assert found.function_distance > 0.1
    assert found.stationarity_distance > 0.1
    assert found.kernel_dimension == 1
    limit = expm(60 / found.relaxation_gap * superoperator(hamiltonian, jumps))
    assert np.allclose(found.projection, limit, atol=1e-12)
    assert np.allclose(found.superoperator @ found.inverse, found.complement, atol=1e-12)
    assert np.allclose(found.inverse @ found.projection, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("hamiltonian", "jumps", "dephasing", "kernel", "minimal"),
    [
        (np.eye(2), [], True, 4, False),  # nothing happens at all
        (np.eye(2), [3j * np.eye(2)], True, 4, False),
        (np.diag([0, 1.0]), [], True, 2, True),  # no rates: turning alone
        (np.diag([0, 1.0, 2.0]), [], True, 3, False),  # two pairs turn alike
        (np.diag([0, 1.0, 1.0]), [np.diag([1.0, 2, 2])], True, 5, False),  # H is degenerate
        (np.diag([0, 1.0, 1.0]), [np.diag([1.0, 2, 3])], False, 3, False),  # Γ tells them apart
        (np.zeros((2, 2)), [np.diag([1.0, -1.0])], False, 2, False),
        (np.diag([0, 1e-9, 1.0]), [np.diag([0, 0.1, 0.2])], True, 3, True),
        (np.diag([0, 1.0]), [1e3 * np.array([[0, 1], [0, 0]])], False, 1, True),
        (1e12 * np.eye(2) + np.diag([0, 1.0]), [np.diag([0, 0.1])], True, 2, True),
        (np.zeros((1, 1)), [np.ones((1, 1))], True, 1, True),
    ],
)
def test_degenerate_and_extreme_generators(hamiltonian, jumps, dephasing, kernel, minimal):
    found = lindblad_structure(hamiltonian, jumps)
    assert found.is_dephasing == dephasing
    assert found.kernel_dimension == kernel
    assert found.is_minimally_degenerate == minimal
    rank = np.linalg.matrix_rank(superoperator(hamiltonian - hamiltonian[0, 0] * np.eye(
        len(hamiltonian)), jumps))  # fmt: skip
    assert rank == len(hamiltonian) ** 2 - kernel
    assert np.trace(found.projection).real == pytest.approx(kernel)
    assert not found.warnings


@pytest.mark.parametrize("size", [1e-9, 1e-160])
def test_rates_lost_in_rounding_are_told(size):
    found = lindblad_structure(np.diag([0, 1.0]), [size * np.array([[0, 1], [0, 0]])])
    assert "lost" in found.warnings[0]


def test_lemma_one_from_operators():
    """The canonical form is the same generator, and (κ, γ) those of functions and energies."""
    hamiltonian, _ = operators(2, 0, seed=4)
    jumps = functions_of(hamiltonian, FUNCTIONS)
    found = lindblad_structure(hamiltonian, jumps)
    canonical = found.canonical_hamiltonian
    energies, vectors = np.linalg.eigh(canonical)
    root = vectors @ np.diag(np.sign(energies) * np.sqrt(np.abs(energies))) @ vectors.conj().T
    again = superoperator(canonical, [np.sqrt(found.canonical.gamma) * root])
    assert np.abs(np.trace(canonical)) < 1e-14
    assert np.allclose(again, superoperator(hamiltonian, jumps), atol=1e-12)
    low, high = np.linalg.eigvalsh(hamiltonian)
    kappa, gamma = canonical_dephasing(energies=(low, high), functions=FUNCTIONS)
    assert found.canonical.kappa == pytest.approx(kappa, rel=1e-12)
    assert found.canonical.gamma == pytest.approx(gamma, rel=1e-12)


def test_structure_at_a_moment():
    drive = ac.drive.Linear(-3, 3, 0.1)
    found = lindblad_structure_at(TWO, drive, Dephasing("0.3 + 0.1*x"), 12.0)
    assert found.canonical.gamma == pytest.approx(0.3 + 0.1 * 1.2, rel=1e-12)
    assert found.canonical.kappa == pytest.approx(0.5 * np.hypot(1.2, 1.0), rel=1e-12)
    three = lindblad_structure_at(THREE, drive, DEPHASING, -7.0)
    jump = 0.4 * THREE(-0.7)
    assert three.is_dephasing
    assert np.allclose(three.superoperator, superoperator(THREE(-0.7), [jump]), atol=1e-13)
    fixed = lindblad_structure_at(TWO, drive, FixedAxisDephasing(0.3), 12.0)
    assert not fixed.is_dephasing
    assert fixed.kernel_dimension == 1
    assert np.allclose(fixed.hamiltonian, TWO(1.2))
    thermal = lindblad_structure_at(TWO, drive, ThermalRelaxation(temperature=0.5, t1=4.0), 0.0)
    state = (thermal.projection @ np.diag([1.0, 0]).ravel()).reshape(2, 2)
    weights = np.exp(-np.linalg.eigvalsh(TWO(0.0)) / 0.5)
    assert np.linalg.eigvalsh(state)[::-1] == pytest.approx(weights / weights.sum())


# ---- parallel transport -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hamiltonian", "environment"),
    [
        (TWO, Dephasing(0.3)),
        slow(THREE, THERMAL),
        slow(THREE, DEPHASING),
        slow(TWO, FixedAxisDephasing(0.3) + ThermalRelaxation(temperature=0.5, t1=3.0)),
    ],
)
def test_proposition_one(hamiltonian, environment):
    """Intertwining, CPTP and isometric on stationary states, dual, composition, both orders."""
    drive = ac.drive.Linear(-3, 2, 0.1)
    levels = hamiltonian.dimension
    there = parallel_transport(hamiltonian, drive, environment, start=-30.0, stop=15.0)
    back = parallel_transport(hamiltonian, drive, environment, start=15.0, stop=-30.0)
    dual = parallel_transport(hamiltonian, drive, environment, start=15.0, stop=-30.0, dual=True)
    assert there.intertwining_error < 1e-13
    assert there.error_estimate < 1e-13
    assert np.allclose(there.matrix @ back.matrix, np.eye(levels**2), atol=1e-13)
    assert np.allclose(there.dual, dual.matrix, atol=1e-13)
    assert dual.intertwining_error < 1e-13
    half, rest = (
        parallel_transport(hamiltonian, drive, environment, start=a, stop=b)
        for a, b in ((-30.0, 2.0), (2.0, 15.0))
    )
    assert np.allclose(rest.matrix @ half.matrix, there.matrix, atol=1e-13)
    assert there.choi_eigenvalues[0] > -1e-13
    tensor = there.stationary.reshape(4 * (levels,))
    assert np.allclose(np.einsum("iikl->kl", tensor), np.eye(levels), atol=1e-13)
    # Trace norms of any stationary matrix, operator norms of what is stationary for the dual.
    anything = random_hermitian(np.random.default_rng(1), levels).ravel()
    for transport, norm in ((there, "nuc"), (dual, 2)):
        before = transport.start_projection @ anything
        after = transport.matrix @ before
        sizes = [np.linalg.norm(v.reshape(levels, levels), norm) for v in (before, after)]
        assert sizes[1] == pytest.approx(sizes[0], rel=1e-12)


@pytest.mark.slow
def test_product_of_projections_tends_to_the_transport():
    """Equation (2.11): T = lim Π(𝒫𝒫′ + 𝒬𝒬′), with an error that falls like the step."""
    drive = ac.drive.Linear(-1, 1, 0.1)
    exact = parallel_transport(THREE, drive, DEPHASING).matrix

    def projection(x):  # (2.5), from eigenvectors alone
        states = [np.outer(v, v.conj()) for v in np.linalg.eigh(THREE(x))[1].T]
        return sum(np.kron(p, p.conj()) for p in states)

    one, errors = np.eye(9), []
    for count in (200, 400):
        found = [projection(x) for x in np.linspace(-1, 1, count + 1)]
        product = one
        for before, after in itertools.pairwise(found):
            product = (after @ before + (one - after) @ (one - before)) @ product
        errors.append(np.abs(product - exact).max())
    assert errors[1] < 3e-3
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.05)


@pytest.mark.slow
def test_transport_does_not_depend_on_speed_and_is_that_of_the_expansion():
    fast, slowly = ac.drive.Linear(-2, 1, 1.0), ac.drive.Linear(-2, 1, 1e-6)
    one, other = (parallel_transport(THREE, d, THERMAL).matrix for d in (fast, slowly))
    assert np.allclose(one, other, atol=1e-13)
    expansion = adiabatic_expansion(THREE, slowly, THERMAL, initial=np.eye(3) / 3)
    stationary = parallel_transport(THREE, slowly, THERMAL).stationary
    assert np.allclose(expansion.transport, stationary, atol=1e-13)


def test_transport_over_no_time():
    drive = ac.drive.Linear(-2, 1, 0.1)
    nothing = parallel_transport(TWO, drive, Dephasing(0.3), start=1.0, stop=1.0)
    assert np.array_equal(nothing.matrix, np.eye(4))
    assert nothing.panels == 0


# ---- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lindbladian([[0, 1], [0, 0]]), "Hermitian"),
        (lambda: lindbladian(np.eye(2), [np.eye(3)]), r"`jumps\[0\]` must have shape"),
        (lambda: lindbladian(np.eye(64)), "at most 12 levels"),
        (lambda: lindbladian(np.eye(2), [1e200 * np.eye(2)]), "finite"),
        (lambda: lindbladian(np.eye(2), 3), "list"),
        (lambda: gauge_transform(np.eye(2), [np.eye(2)], shifts=[1, 2]), "`shifts`"),
        (lambda: gauge_transform(np.eye(2), [np.eye(2)], unitary=[[2.0]]), "orthonormal"),
        (lambda: gauge_transform(np.eye(2), [np.eye(2)], unitary=np.eye(2)), "shape"),
        (lambda: lindblad_operators(np.eye(3)), "N²"),
        (lambda: lindblad_operators(np.eye(4)), "trace"),
        (lambda: lindblad_operators(-lindbladian(np.eye(2), [np.diag([0, 1.0])])), "positive"),
        (lambda: lindblad_structure(np.eye(2), [[[np.nan, 0], [0, 0]]]), "finite"),
        (lambda: lindblad_structure(np.eye(2), [1e200 * np.eye(2)]), "squares"),
        (lambda: lindblad_structure(*operators(2, 1)).canonical, "does not dephase"),
        (lambda: lindblad_structure(np.diag([0, 1, 2.0]), []).canonical, "two levels"),
        (
            lambda: lindblad_structure_at(TWO, ac.drive.Linear(-1, 1, 1.0), Dephasing(0.1), 1.5),
            "window",
        ),
        (
            lambda: parallel_transport(
                TWO, ac.drive.Linear(-1, 1, 1.0), Dephasing(0.1), start=-2.0
            ),
            "`start` must lie in the window",
        ),
        (
            lambda: parallel_transport(
                ac.models.LandauZener(gap=0.0), ac.drive.Linear(-1, 1, 1.0), Lindblad([np.eye(2)])
            ),
            "no gap",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
