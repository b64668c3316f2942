"""Energies, forces and Hessians of adiabatic surfaces against closed forms and mpmath."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

import anticrossing as ac
from anticrossing import Hamiltonian
from anticrossing.geometry.couplings import (
    derivative_couplings,
    diagonal_correction,
    second_order_couplings,
)
from anticrossing.geometry.surfaces import forces, hessians, surfaces
from tests.systems import random_hermitian

CONE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


def random_model(seed, levels, coordinates, *, real=True):
    """A quadratic model whose every term is a random matrix."""
    rng = np.random.default_rng(seed)
    names = [f"q{a}" for a in range(coordinates)]
    formulas = ["1", *names, *(f"{a}*{b}" for k, a in enumerate(names) for b in names[k:])]
    scale = [1.0] + [0.5] * coordinates + [0.2] * len(formulas)
    terms = [
        (f, s * random_hermitian(rng, levels, real=real))
        for f, s in zip(formulas, scale, strict=False)
    ]
    return Hamiltonian.from_terms(terms, coordinates=names)


def precise_levels(H, point):
    """Eigenvalues with 40 digits, of a matrix built term by term in mpmath."""
    names = dict(zip(H.coordinates, point, strict=True))
    with mpmath.workdps(40):
        total = mpmath.zeros(H.dimension)
        for coefficient, matrix in zip(H.coefficients, H.matrices, strict=True):
            value = mpmath.mpf(1)
            for symbol, power in coefficient.as_powers_dict().items():
                value *= names.get(str(symbol), 1) ** int(power)
            total += value * mpmath.matrix(matrix.tolist())
        return sorted(mpmath.eighe(total, eigvals_only=True))


@pytest.mark.parametrize("real", [True, False])
def test_forces_and_hessians_are_derivatives_of_the_levels(real):
    H = random_model(3, 4, 2, real=real)
    point = np.array([0.4, -0.3])
    found = surfaces(H, point)
    hessian = hessians(H, point)
    h = mpmath.mpf("1e-12")

    def at(a, b):
        with mpmath.workdps(40):
            return np.array(precise_levels(H, [point[0] + a * h, point[1] + b * h]))

    with mpmath.workdps(40):
        middle = at(0, 0)
        assert_allclose(found.energies, middle.astype(float), atol=1e-14)
        slopes = np.array([(at(1, 0) - at(-1, 0)) / (2 * h), (at(0, 1) - at(0, -1)) / (2 * h)])
        assert_allclose(found.forces, -slopes.T.astype(float), atol=1e-13)
        own = [
            (at(1, 0) - 2 * middle + at(-1, 0)) / h**2,
            (at(0, 1) - 2 * middle + at(0, -1)) / h**2,
        ]
        mixed = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h**2)
        expected = np.array([[own[0], mixed], [mixed, own[1]]]).astype(float)
    assert_allclose(hessian, expected.transpose(2, 0, 1), atol=1e-12)
    assert hessian.dtype == np.float64


def test_closed_forms_at_a_cone_and_in_one_coordinate():
    point = np.array([0.3, -0.4])
    radius = 0.5
    assert_allclose(surfaces(CONE, point).energies, [-radius, radius], rtol=1e-15)
    assert_allclose(forces(CONE, point), [point / radius, -point / radius], rtol=1e-14)
    curved = (np.eye(2) - np.outer(point, point) / radius**2) / radius
    assert_allclose(hessians(CONE, point), [-curved, curved], atol=1e-14)
    # One coordinate: E = x/4 ± √(x² + V²)
    H = Hamiltonian.from_matrix([["1.25*x", "V"], ["V", "-0.75*x"]], parameters={"V": 0.2})
    x = np.linspace(-1, 1, 7)
    root = np.sqrt(x**2 + 0.04)
    found = surfaces(H, x)
    assert found.forces.shape == (7, 2)
    assert found.couplings.shape == (7, 2, 2)
    assert_allclose(found.forces[:, 1], -0.25 - x / root, atol=1e-14)
    assert_allclose(hessians(H, x)[:, 1], 0.04 / root**3, rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), real=st.booleans())
def test_forces_and_hessians_add_up_to_the_trace(seed, real):
    # Σ E_n = tr H: couplings drop out of the sums.
    H = random_model(seed, 3, 3, real=real)
    point = np.random.default_rng(seed).normal(size=3)
    trace = np.trace(H.gradient(point), axis1=-2, axis2=-1).real
    assert_allclose(-forces(H, point).sum(axis=0), trace, atol=1e-12)
    curvature = np.trace(H.second_derivatives(point), axis1=-2, axis2=-1).real
    large = np.abs(hessians(H, point)).max()
    assert_allclose(hessians(H, point).sum(axis=0), curvature, atol=1e-12 * max(1.0, large))


def test_batches_and_shapes():
    H = Hamiltonian.from_matrix(
        [["k*x", "k*y"], ["k*y", "-k*x"]], parameters={"k": [1.0, 2.0, 3.0]}, coordinates=("x", "y")
    )
    points = np.random.default_rng(0).normal(size=(4, 5, 2))
    found = surfaces(H, points)
    assert found.energies.shape == (3, 4, 5, 2)
    assert found.forces.shape == (3, 4, 5, 2, 2)
    assert found.couplings.shape == (3, 4, 5, 2, 2, 2)
    assert hessians(H, points).shape == (3, 4, 5, 2, 2, 2)
    assert_allclose(found.energies, ac.spectrum.levels(H, points), atol=1e-14)
    assert_allclose(forces(H, points), found.forces, atol=0)
    single = surfaces(H.replace(k=2.0), points[1, 2])
    assert_allclose(single.forces, found.forces[1, 1, 2], atol=1e-14)
    assert surfaces(H.replace(k=1.0), np.empty((0, 2))).forces.shape == (0, 2, 2)
    vectors = found.vectors[1, 1, 2]
    rebuilt = vectors @ np.diag(found.energies[1, 1, 2]) @ vectors.T
    assert_allclose(rebuilt, H.replace(k=2.0)(points[1, 2]), atol=1e-14)


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_threads():
    H = random_model(1, 5, 24)
    points = np.random.default_rng(2).normal(size=(3000, 24))
    alone = surfaces(H, points, threads=1)
    for threads in (2, 3, None):
        other = surfaces(H, points, threads=threads)
        for name in ("energies", "forces", "couplings", "vectors"):
            assert np.array_equal(getattr(alone, name), getattr(other, name))
    # Chunks show nowhere: every point agrees with the same point on its own.
    for index in (0, 415, 416, 417, 2999):
        one = surfaces(H, points[index])
        assert_allclose(one.energies, alone.energies[index], atol=1e-13)
        assert_allclose(one.forces, alone.forces[index], atol=1e-12)


def test_a_common_energy_does_not_cost_accuracy():
    shifted = Hamiltonian.from_matrix([["x + E", 1e-3], [1e-3, "-x + E"]], parameters={"E": 512.0})
    plain = Hamiltonian.from_matrix([["x", 1e-3], [1e-3, "-x"]])
    # 512 + 1e-3 rounds to 1e-13, which is all that may be lost.
    x = 2.0**-10
    assert_allclose(hessians(shifted, x), hessians(plain, x), rtol=1e-12)


def test_levels_that_meet_have_no_force_where_surfaces_form_an_angle():
    message = "levels 0 and 1 are degenerate at x = 0, y = 0"
    for function in (surfaces, forces, hessians):
        with pytest.raises(ac.InputError, match=message):
            function(CONE, [[1.0, 1.0], [0.0, 0.0]])
    found = surfaces(CONE, [[1.0, 1.0], [0.0, 0.0]], degenerate="nan")
    assert_allclose(found.energies[1], 0.0, atol=0)
    assert np.isnan(found.forces[1]).all()
    assert np.isfinite(found.forces[0]).all()
    assert np.isnan(found.couplings[1, :, 0, 1]).all()
    assert not found.couplings[1, :, 0, 0].any()
    assert np.isnan(hessians(CONE, [0.0, 0.0], degenerate="nan")).all()


def test_only_the_levels_that_meet_are_lost():
    H = Hamiltonian.from_terms(
        [
            ("x", np.diag([1.0, -1.0, 0.0])),
            ("y", [[0, 1, 0.3], [1, 0, 0], [0.3, 0, 0]]),
            (1, np.diag([0.0, 0.0, 2.0])),
        ],
        coordinates=("x", "y"),
    )
    found = surfaces(H, [0.0, 0.0], degenerate="nan")
    assert np.isnan(found.forces[:2]).all()
    assert_allclose(found.forces[2], 0.0, atol=1e-15)
    assert np.isfinite(found.couplings[:, :2, 2]).all()
    assert_allclose(np.linalg.norm(found.couplings[1, :2, 2]), 0.15, atol=1e-14)
    hessian = hessians(H, [0.0, 0.0], degenerate="nan")
    assert np.isnan(hessian[:2]).all()
    assert_allclose(hessian[2], [[0, 0], [0, 2 * 0.3**2 / 2]], atol=1e-14)


def test_pairs_that_stay_degenerate_have_one_force():
    # Kramers pairs: H(x) ⊗ 1, mixed by a constant unitary.
    rng = np.random.default_rng(4)
    turn = np.linalg.qr(random_hermitian(rng, 4))[0]
    single = [random_hermitian(rng, 2) for _ in range(3)]
    terms = [
        (f, turn @ np.kron(m, np.eye(2)) @ turn.conj().T)
        for f, m in zip(("1", "x", "y"), single, strict=True)
    ]
    pairs = Hamiltonian.from_terms(terms, coordinates=("x", "y"))
    plain = Hamiltonian.from_terms(
        list(zip(("1", "x", "y"), single, strict=True)), coordinates=("x", "y")
    )
    point = [0.2, 0.5]
    assert_allclose(forces(pairs, point), np.repeat(forces(plain, point), 2, axis=0), atol=1e-13)
    with pytest.raises(ac.InputError, match="levels 0 and 1 are degenerate"):
        surfaces(pairs, point)


def test_functions_of_a_point_are_as_good_as_formulas():
    formulas = random_model(7, 3, 2)
    H = Hamiltonian.from_function(
        lambda q: np.array(formulas(q)), coordinates=("q0", "q1"), dimension=3
    )
    points = np.random.default_rng(1).normal(size=(6, 2))
    assert_allclose(forces(H, points), forces(formulas, points), atol=1e-11)
    assert_allclose(hessians(H, points), hessians(formulas, points), atol=1e-8)


def test_bad_input_is_one_clear_line():
    root = Hamiltonian.from_matrix([["sqrt(x)", 1], [1, 0]])
    function = Hamiltonian.from_function(lambda x: np.diag([x, -x]))
    cases = [
        (lambda: surfaces(CONE, [1.0, 2.0, 3.0]), "last axis of length 2"),
        (lambda: surfaces(CONE, 1.0), "last axis of length 2"),
        (lambda: surfaces(CONE, [np.nan, 1.0]), "`x` must be finite"),
        (lambda: surfaces(CONE, [1j, 1.0]), "`x` must be real"),
        (lambda: surfaces("H", [1.0, 1.0]), "`hamiltonian` must be a Hamiltonian"),
        (lambda: surfaces(CONE, [1.0, 1.0], degenerate="zero"), "`degenerate` must be one of"),
        (lambda: surfaces(CONE, [1.0, 1.0], threads=0), "`threads` must be at least 1"),
        (lambda: surfaces(function, 1.0, threads=2), "`threads` must be 1 for"),
        (lambda: forces(root, [1.0, 0.0]), "derivative of H must be finite.*at x = 0"),
        (lambda: forces(root, [1.0, -1.0]), "NaN or infinity at x = -1"),
    ]
    for call, message in cases:
        with pytest.raises(ac.InputError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_function_that_turns_complex_on_the_way_is_refused():
    def matrix(x):
        unit = 1j if x[0] > 70_000 else 1.0
        found = np.zeros((x.size, 2, 2), dtype=type(unit))
        found[:, 0, 1], found[:, 1, 0] = unit, np.conj(unit)
        return found

    H = Hamiltonian.from_function(matrix, vectorised=True, dimension=2)
    with pytest.raises(ac.InputError, match="real everywhere or complex everywhere"):
        surfaces(H, np.linspace(0.0, 80_000.0, 70_000))


def test_levels_that_are_not_asked_for_may_be_degenerate():
    # two singlets, and a triplet whose three components are the same
    singlets = random_model(8, 2, 2)
    matrices = [np.zeros((5, 5)) for _ in singlets.matrices]
    for matrix, block in zip(matrices, singlets.matrices, strict=True):
        matrix[:2, :2] = block
    terms = [*zip(map(str, singlets.coefficients), matrices, strict=True)]
    H = Hamiltonian.from_terms(
        [*terms, ("q0/3 + 9", np.diag([0, 0, 1, 1, 1]))], coordinates=["q0", "q1"]
    )
    points = np.random.default_rng(2).normal(size=(4, 2)) / 4
    pair = {"levels": (0, 1)}
    found, expected = surfaces(H, points, **pair), surfaces(singlets, points)
    assert_allclose(found.energies, expected.energies, atol=1e-13)
    assert_allclose(found.forces, expected.forces, atol=1e-13)
    assert_allclose(np.abs(found.couplings), np.abs(expected.couplings), atol=1e-13)
    assert found.vectors.shape == (4, 5, 2)
    assert_allclose(forces(H, points, levels=[2, 0]), forces(H, points)[:, [2, 0]])
    assert_allclose(hessians(H, points, **pair), hessians(singlets, points), atol=1e-12)
    for function in (derivative_couplings, second_order_couplings):
        assert_allclose(
            np.abs(function(H, points, **pair)), np.abs(function(singlets, points)), atol=1e-12
        )
    correction = diagonal_correction(H, points, 3.0, levels=[1])
    assert_allclose(correction, diagonal_correction(singlets, points, 3.0)[:, [1]], atol=1e-13)
    one_component = surfaces(H, points, levels=(0, 3))  # its couplings to singlets are defined
    assert_allclose(one_component.couplings, 0, atol=1e-13)
    for function in (surfaces, hessians, derivative_couplings):
        with pytest.raises(ac.InputError, match="levels 2 and 3 are degenerate"):
            function(H, points, levels=(1, 2, 3))
    with pytest.raises(ac.InputError, match="levels 4 and 2 are degenerate"):
        hessians(H, points, levels=(4,))
    for levels in ((5,), (-1,), (), "01", 1):
        with pytest.raises(ac.InputError, match="`levels`"):
            hessians(H, points, levels=levels)
