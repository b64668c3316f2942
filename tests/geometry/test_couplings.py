"""Derivative couplings against closed forms, eigenvector overlaps, and mpmath."""

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
    trajectory_couplings,
)
from anticrossing.geometry.surfaces import surfaces
from tests.effort import slow
from tests.geometry.test_surfaces import random_model
from tests.systems import random_unitary

# Diabats H11, H22 and coupling V as formulas, with the range in which they are compared.
DIABATS = {
    "linear": ("0.3*x", "-0.5*x", "0.04", (-5, 5)),
    "exponential": ("exp(-x)", "0.4*exp(-0.3*x) + 0.1", "0.05*exp(-0.2*x**2)", (-1, 6)),
    "Morse": (
        "0.2*(1 - exp(-1.1*(x - 1.5)))**2",
        "0.15*(1 - exp(-0.8*(x - 2.4)))**2 + 0.03",
        "0.01*(1 + tanh(x - 2))",
        (1, 6),
    ),
}


def mixing_angle(name):
    """½ arctan(2V/(H22 − H11)) in mpmath, continuous through the crossing."""
    functions = {k: getattr(mpmath, k) for k in ("exp", "tanh")}
    first, second, coupling, _ = DIABATS[name]

    def angle(x):
        one, two, v = (
            eval(text, {"x": x, **functions})  # noqa: S307
            for text in (first, second, coupling)
        )
        return mpmath.atan2(2 * v, two - one) / 2

    return angle


@pytest.mark.parametrize("name", [n if n == "linear" else slow(n) for n in DIABATS])
def test_two_states_against_the_derivative_of_the_mixing_angle(name):
    first, second, coupling, window = DIABATS[name]
    H = Hamiltonian.from_matrix([[first, coupling], [coupling, second]])
    x = np.linspace(*window, 41)
    with mpmath.workdps(30):
        expected = [float(mpmath.diff(mixing_angle(name), mpmath.mpf(value))) for value in x]
    found = trajectory_couplings(H, np.linspace(*window, 4001)).couplings[::100, 0, 1]
    sign = np.sign(found[20] * expected[20])
    assert_allclose(sign * found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert_allclose(
        np.abs(derivative_couplings(H, x)[:, 0, 1]),
        np.abs(expected),
        atol=1e-10 * np.abs(expected).max(),
    )


def test_the_linear_crossing_in_closed_form():
    slope, v = 0.8, 0.04
    H = Hamiltonian.from_matrix([["0.3*x", v], [v, "-0.5*x"]])
    x = np.linspace(-3, 3, 61)
    expected = v * slope / (slope**2 * x**2 + 4 * v**2)
    found = np.abs(derivative_couplings(H, x)[:, 0, 1])
    assert_allclose(found, expected, rtol=1e-10)
    assert found.max() == pytest.approx(slope / (4 * v), rel=1e-14)


@given(seed=st.integers(0, 2**32 - 1), real=st.booleans())
def test_couplings_are_antisymmetric_and_satisfy_the_commutator(seed, real):
    H = random_model(seed, 4, 3, real=real)
    point = np.random.default_rng(seed).normal(size=3)
    d = derivative_couplings(H, point)
    assert d.shape == (3, 4, 4)
    assert np.iscomplexobj(d) is not real
    assert_allclose(d, -d.conj().swapaxes(-1, -2), atol=1e-13 * np.abs(d).max())
    # ∂H in the adiabatic basis: ∂E on the diagonal, and [E, d] off it.
    energies, vectors = np.linalg.eigh(H(point))
    slopes = vectors.conj().T @ H.gradient(point) @ vectors
    off = d * (energies[None, :] - energies[:, None])
    size = np.abs(slopes) * (1 - np.eye(4))
    assert_allclose(np.abs(off), size, atol=1e-12 * np.abs(slopes).max())


@given(seed=st.integers(0, 2**32 - 1))
def test_sizes_do_not_depend_on_the_gauge_or_the_diabatic_basis(seed):
    rng = np.random.default_rng(seed)
    H = random_model(seed, 3, 2, real=False)
    turn = random_unitary(rng, 3)
    turned = Hamiltonian.from_terms(
        [(f, turn @ m @ turn.conj().T) for f, m in zip(H.coefficients, H.matrices, strict=True)],
        coordinates=H.coordinates,
    )
    point = rng.normal(size=2)
    d = derivative_couplings(H, point)
    tolerance = 1e-9 * max(1.0, np.abs(d).max())
    assert_allclose(np.abs(derivative_couplings(turned, point)), np.abs(d), atol=tolerance)
    # The overlaps themselves, of eigenvectors whose phases vary at random with the point.
    constants, slopes = rng.uniform(0, 2 * np.pi, 3), rng.normal(size=(2, 3))

    def vectors(x):
        return np.linalg.eigh(H(x))[1]

    middle = vectors(point)

    def smooth(x):
        phases = np.sum(middle.conj() * vectors(x), axis=0)
        aligned = vectors(x) * (phases.conj() / np.abs(phases))
        return aligned * np.exp(1j * (constants + (x - point) @ slopes))

    gaps = np.diff(np.linalg.eigvalsh(H(point))).min()
    for a in range(2):

        def difference(h, a=a):
            step = h * np.eye(2)[a]
            return (smooth(point + step) - smooth(point - step)) / (2 * h)

        h = 0.02 * min(gaps, 1.0) / max(1.0, np.abs(H.gradient(point)).max())
        once, twice, four = difference(h), difference(h / 2), difference(h / 4)
        one, two = (4 * twice - once) / 3, (4 * four - twice) / 3
        slope = (16 * two - one) / 15
        found = smooth(point).conj().T @ slope
        off = ~np.eye(3, dtype=bool)
        assert_allclose(np.abs(found)[off], np.abs(d[a])[off], atol=1e-7 * max(1, np.abs(d).max()))
        # The diagonal, which is the connection, does depend on it.
        assert_allclose(found.diagonal(), 1j * slopes[a], atol=1e-7 * max(1, np.abs(d).max()))


def test_signs_agree_with_overlaps_of_eigenvectors():
    H = random_model(11, 5, 3)
    direction = np.array([0.3, -0.5, 0.8])
    s = np.linspace(0, 0.2, 201)
    path = trajectory_couplings(H, s[:, None] * direction)
    along = np.einsum("a,kaij->kij", direction, path.couplings)
    middle, h = path.vectors[100], s[1]
    before, after = path.vectors[80:100], path.vectors[101:121]

    def difference(k):
        return middle.T @ (after[k - 1] - before[-k]) / (2 * k * h)

    one, two = ((4 * difference(k) - difference(2 * k)) / 3 for k in (1, 2))
    slope = (16 * one - two) / 15
    assert_allclose(slope, along[100], atol=1e-8 * np.abs(along[100]).max())


def test_the_coupling_grows_as_one_over_the_distance_to_an_intersection():
    cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for radius in (1e-9, 1e-4, 1.0, 1e5):
        around = np.stack([-np.sin(angle), np.cos(angle)], axis=-1)
        points = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        d = derivative_couplings(cone, points)[..., 0, 1]
        assert_allclose(np.abs(np.sum(d * around, axis=-1)), 0.5 / radius, rtol=1e-12)
        assert_allclose(np.sum(d * points, axis=-1), 0.0, atol=1e-13)


def precise_vectors(H, point):
    with mpmath.workdps(50):
        total = mpmath.zeros(H.dimension)
        names = dict(zip(H.coordinates, point, strict=True))
        for coefficient, matrix in zip(H.coefficients, H.matrices, strict=True):
            value = mpmath.mpf(1)
            for symbol, power in coefficient.as_powers_dict().items():
                value *= names.get(str(symbol), 1) ** int(power)
            total += value * mpmath.matrix(matrix.tolist())
        energies, vectors = mpmath.eighe(total)
        order = sorted(range(H.dimension), key=lambda k: energies[k])
        return np.array([[vectors[i, k] for k in order] for i in range(H.dimension)], dtype=object)


@pytest.mark.parametrize("real", [True, False])
def test_second_order_couplings_are_second_derivatives_of_eigenvectors(real):
    H = random_model(5, 3, 2, real=real)
    point = np.array([0.25, -0.6])
    found = second_order_couplings(H, point)
    assert found.shape == (2, 3, 3)
    own = surfaces(H, point).vectors
    h = mpmath.mpf("1e-12")
    with mpmath.workdps(50):
        middle = precise_vectors(H, [mpmath.mpf(v) for v in point])
        # The phases of the double-precision vectors, so that the results can be compared.
        phases = np.sum(middle.astype(complex).conj() * own, axis=0)
        phases = [mpmath.mpmathify(phase) for phase in phases.tolist()]
        middle = middle * np.array([phase / abs(phase) for phase in phases])
        for a in range(2):

            def aligned(sign, a=a):
                shifted = [v + sign * h * (a == b) for b, v in enumerate(point)]
                vectors = precise_vectors(H, shifted)
                overlaps = [
                    mpmath.fsum(
                        mpmath.conj(m) * v for m, v in zip(middle[:, k], vectors[:, k], strict=True)
                    )
                    for k in range(3)
                ]
                return vectors * np.array([mpmath.conj(o) / abs(o) for o in overlaps])

            second = (aligned(1) - 2 * middle + aligned(-1)) / h**2
            conjugate = np.array([[mpmath.conj(v) for v in row] for row in middle])
            expected = (conjugate.T @ second).astype(complex)
            first = (conjugate.T @ ((aligned(1) - aligned(-1)) / (2 * h))).astype(complex)
            scale = np.abs(expected).max()
            assert_allclose(found[a], expected, atol=1e-12 * scale)
            assert_allclose(derivative_couplings(H, point)[a], first, atol=1e-13 * scale)


def test_second_order_couplings_of_the_linear_crossing():
    # ⟨1|2''⟩ = d', ⟨1|1''⟩ = −d²
    H = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])
    x = np.linspace(-2, 2, 9)
    found = second_order_couplings(H, x)
    d = 1 / (4 * x**2 + 1)
    assert found.shape == (9, 2, 2)
    assert_allclose(found[:, 0, 0], -(d**2), atol=1e-14)
    assert_allclose(np.abs(found[:, 0, 1]), np.abs(8 * x * d**2), atol=1e-13)
    assert_allclose(found[:, 1, 0], -found[:, 0, 1], atol=1e-14)


def test_the_diagonal_correction():
    masses = np.array([1.5, 20.0, 300.0])
    H = random_model(8, 4, 3, real=False)
    points = np.random.default_rng(3).normal(size=(5, 3))
    found = diagonal_correction(H, points, masses)
    assert found.shape == (5, 4)
    second = np.einsum("naii->nia", second_order_couplings(H, points))
    assert_allclose(found, -(second / (2 * masses)).sum(axis=-1).real, rtol=1e-12)
    linear = Hamiltonian.from_matrix([["0.3*x", 0.04], [0.04, "-0.5*x"]])
    assert_allclose(diagonal_correction(linear, 0.0, 7.0), (0.8 / 0.16) ** 2 / 14, rtol=1e-13)


@pytest.mark.slow
def test_signs_along_a_trajectory_are_continuous():
    H = random_model(2, 4, 2)
    s = np.linspace(0, 2 * np.pi, 2001)
    loop = np.stack([1.3 * np.cos(s), np.sin(2 * s) + 0.2], axis=-1)
    path = trajectory_couplings(H, loop)
    d = path.couplings
    steps = np.abs(np.diff(d, axis=0)).max(axis=(1, 2, 3))
    assert steps.max() < 0.1 * np.abs(d).max()
    gaps = path.energies[:, None, :] - path.energies[:, :, None] + np.eye(4)
    slopes = np.einsum("kmi,kamn,knj->kaij", path.vectors, H.gradient(loop), path.vectors)
    own = slopes / gaps[:, None] * (1 - np.eye(4))
    assert_allclose(d, own, atol=1e-9 * np.abs(d).max())
    assert_allclose(np.abs(d), np.abs(derivative_couplings(H, loop)), atol=1e-9 * np.abs(d).max())
    overlaps = np.einsum("kin,kin->kn", path.vectors[:-1], path.vectors[1:])
    assert overlaps.min() > 0.9


def test_a_loop_around_an_intersection_turns_both_vectors_over():
    cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    s = np.linspace(0, 2 * np.pi, 101)
    path = trajectory_couplings(cone, np.stack([np.cos(s), np.sin(s)], axis=-1))
    assert_allclose(path.vectors[-1], -path.vectors[0], atol=1e-14)
    velocity = np.stack([-np.sin(s), np.cos(s)], axis=-1)
    along = np.einsum("ka,kaij->kij", velocity, path.couplings)[:, 0, 1]
    assert_allclose(along, along[0], rtol=1e-12)
    assert abs(along[0]) == pytest.approx(0.5, rel=1e-12)


def crossing_pairs(seed=None):
    """Two avoided crossings at x = ±1 in two blocks that pass through each other, turned or not."""
    constant = np.array([[0, 0.3, 0, 0], [0.3, 0, 0, 0], [0, 0, 0, 0.2], [0, 0, 0.2, 0]])
    constant += np.diag([1.0, 1.0, -1.0, -1.0]) * 0.5
    slope = np.diag([1.0, -1.0, 0.6, -0.6])
    if seed is None:
        return Hamiltonian.affine(constant, slope)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    return Hamiltonian.affine(turn @ constant @ turn.T, turn @ slope @ turn.T)


@pytest.mark.parametrize("seed", [None, slow(1), slow(2)])
def test_levels_that_pass_through_each_other(seed):
    H = crossing_pairs(seed)
    x = np.linspace(-3, 3, 601)
    sorted_path = trajectory_couplings(H, x)
    path = trajectory_couplings(H, x, order="character")
    swapped = (path.levels != path.levels[0]).any(axis=-1)
    assert 0 < swapped.sum() < 601
    # The states by character are those of the two blocks, each with its own coupling.
    peaks = np.abs(path.couplings[300])
    pairs = np.argwhere(np.triu(np.abs(path.couplings).max(axis=0) > 1e-6))
    assert len(pairs) == 2
    for slope, v in ((2.0, 0.3), (1.2, 0.2)):
        i, j = min(pairs, key=lambda pair: abs(peaks[tuple(pair)] - slope / (4 * v)))
        found = path.couplings[:, i, j]
        expected = v * slope / (slope**2 * x**2 + 4 * v**2)
        assert_allclose(found * np.sign(found[300]), expected, atol=1e-9)
    assert (np.diff(sorted_path.energies, axis=-1) >= 0).all()
    rows = np.arange(601)[:, None]
    assert_allclose(sorted_path.energies[rows, path.levels], path.energies, atol=0)
    assert_allclose(
        sorted_path.couplings[rows[..., None], path.levels[:, :, None], path.levels[:, None]],
        path.couplings,
        atol=1e-12,
    )


@pytest.mark.parametrize("seed", [None, 3])
def test_a_trajectory_that_hits_a_crossing_of_uncoupled_levels(seed):
    turn = np.eye(3)
    if seed is not None:
        turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    # Level 2 has another symmetry and crosses both of the others, one of them at x = 0.
    constant = np.array([[0, 0.4, 0], [0.4, 0, 0], [0, 0, -0.4]])
    slope = np.diag([1.0, -1.0, 3.0])
    H = Hamiltonian.affine(turn @ constant @ turn.T, turn @ slope @ turn.T)
    for x in (np.linspace(-1, 1, 201), np.linspace(0, 1, 101), np.linspace(-1, 0, 101)):
        path = trajectory_couplings(H, x, order="character")
        expected = 0.8 / (4 * x**2 + 4 * 0.16)
        sizes = np.sort(np.abs(path.couplings).max(axis=0)[np.triu_indices(3, 1)])
        assert_allclose(sizes, [0, 0, expected.max()], atol=1e-8)
        i, j = np.argwhere(np.abs(path.couplings).max(axis=0) > 0.1)[0]
        d = path.couplings[:, i, j]
        assert_allclose(d * np.sign(d[0]), expected, atol=1e-8)


def test_pairs_that_stay_degenerate_are_transported():
    single = Hamiltonian.affine([[0.0, 0.5], [0.5, 0.0]], [[1.0, 0.0], [0.0, -1.0]])
    turn = random_unitary(np.random.default_rng(0), 4)
    H = Hamiltonian.affine(*(turn @ np.kron(m, np.eye(2)) @ turn.conj().T for m in single.matrices))
    path = trajectory_couplings(H, np.linspace(-1, 1, 101))
    assert_allclose(path.couplings[:, :2, :2], 0, atol=1e-12)
    sizes = np.linalg.norm(path.couplings[:, :2, 2:], ord=2, axis=(1, 2))
    assert_allclose(sizes, 1 / (4 * np.linspace(-1, 1, 101) ** 2 + 1), rtol=1e-11)
    # Not a jump in any of the entries.
    assert np.abs(np.diff(path.couplings, axis=0)).max() < 0.05


CONE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: derivative_couplings(CONE, [[1, 0], [0, 0]]),
            r"`x` must avoid degenerate levels where derivative couplings are asked for, but "
            r"levels 0 and 1 are degenerate at x = 0, y = 0 \(gap 0\)",
        ),
        (lambda: derivative_couplings(CONE, [1e-310, 0]), "levels 0 and 1 are degenerate"),
        (lambda: second_order_couplings(CONE, [1e-200, 0]), "levels 0 and 1 are degenerate"),
        (lambda: second_order_couplings(CONE, [0, 0]), "levels 0 and 1 are degenerate"),
        (lambda: diagonal_correction(CONE, [0, 0], 1.0), "levels 0 and 1 are degenerate"),
        (
            lambda: trajectory_couplings(CONE, [[-1, 0], [-0.5, 0], [0, 0], [0.5, 0]]),
            "levels 0 and 1 are degenerate at x = 0, y = 0",
        ),
        (lambda: derivative_couplings(CONE, [1.0]), "last axis of length 2"),
        (lambda: derivative_couplings(CONE, [1.0, np.inf]), "`x` must be finite"),
        (lambda: derivative_couplings(3, [1.0, 0.0]), "must be a Hamiltonian"),
        (lambda: derivative_couplings(CONE, [1, 0], degenerate="zero"), "`degenerate` must be"),
        (lambda: diagonal_correction(CONE, [1, 0], -1.0), "`masses` must be positive"),
        (lambda: diagonal_correction(CONE, [1, 0], 1e-320), "`masses` must have a finite inverse"),
        (
            lambda: diagonal_correction(CONE, [1, 0], [1.0, 2.0, 3.0]),
            r"one number or have shape \(2,\)",
        ),
        (lambda: trajectory_couplings(CONE, [1.0, 0.0]), "`x` must have 2 dimension"),
        (lambda: trajectory_couplings(CONE, np.empty((0, 2))), "at least one point"),
        (lambda: trajectory_couplings(CONE, [[1, 0]], order="sign"), "`order` must be one of"),
        (
            lambda: trajectory_couplings(
                ac.models.LandauZener(gap=[1.0, 2.0]), np.linspace(0, 1, 3)
            ),
            "single parameter values",
        ),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(ac.InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_points_too_far_apart_to_recognize_the_states():
    H = random_model(6, 12, 1)
    with pytest.raises(ac.InputError, match=r"in smaller steps, but level .* beyond recognition"):
        trajectory_couplings(H, [-40.0, 0.0, 40.0])


def test_only_the_pair_that_meets_is_lost():
    H = Hamiltonian.from_terms(
        [
            ("x", np.diag([1.0, -1.0, 0.0])),
            ("y", [[0, 1, 0.3], [1, 0, 0], [0.3, 0, 0]]),
            (1, np.diag([0.0, 0.0, 2.0])),
        ],
        coordinates=("x", "y"),
    )
    d = derivative_couplings(H, [[0.0, 0.0], [1.0, 0.0]], degenerate="nan")
    assert np.isnan(d[0, :, 0, 1]).all()
    assert np.isfinite(d[0, :, :2, 2]).all()
    assert np.isfinite(d[1]).all()
    second = second_order_couplings(H, [0.0, 0.0], degenerate="nan")
    assert np.isnan(second[:, :2]).all()
    assert_allclose(second[:, 2, 2], [0.0, -(0.15**2)], atol=1e-14)
    correction = diagonal_correction(H, [0.0, 0.0], 1.0, degenerate="nan")
    assert np.isnan(correction[:2]).all()
    assert correction[2] == pytest.approx(0.15**2 / 2, rel=1e-12)
