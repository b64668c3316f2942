"""Intersections against closed forms, and against sign changes counted on a grid."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry.intersection import CODIMENSIONS
from anticrossing.geometry.intersections import find_intersection, find_intersections
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import find_crossings
from tests.effort import cases, slow

XY = ["x", "y"]
SQUARE = [[-4.0, 4.0], [-4.0, 4.0]]


def jahn_teller(k, g):
    """E⊗e with linear and quadratic coupling, W = k ρ e^{iφ} + g ρ² e^{−2iφ}."""
    return Hamiltonian.from_matrix(
        [
            ["(x**2 + y**2)/2 + k*x + g*(x**2 - y**2)", "k*y - 2*g*x*y"],
            ["k*y - 2*g*x*y", "(x**2 + y**2)/2 - k*x - g*(x**2 - y**2)"],
        ],
        parameters={"k": k, "g": g},
        coordinates=XY,
    )


def weyl(k0):
    return Hamiltonian.from_matrix(
        [
            ["cos(c) - q + 2 - cos(a) - cos(b)", "sin(a) - I*sin(b)"],
            ["sin(a) + I*sin(b)", "-(cos(c) - q + 2 - cos(a) - cos(b))"],
        ],
        parameters={"q": np.cos(k0)},
        coordinates=["a", "b", "c"],
    )


def gamma_matrices():
    """Five anticommuting matrices that commute with an antiunitary T, T² = −1."""
    one, x, z = np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    y = np.array([[0, -1j], [1j, 0]])
    return [np.kron(x, one), np.kron(z, one), np.kron(y, x), np.kron(y, y), np.kron(y, z)]


def matches(found, expected, tolerance=1e-10):
    """Whether the rows of two arrays agree in some order."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    distance = np.linalg.norm(found[:, None] - expected, axis=-1)
    assert distance.min(axis=0).max() < tolerance
    assert distance.min(axis=1).max() < tolerance


# ---- all intersections of models with several -------------------------------------------------


@pytest.mark.parametrize(
    ("k", "g", "seed"), [(1.0, 0.4, 0), slow(0.7, 0.31, 1), slow(-2.0, 0.9, 2)]
)
def test_quadratic_jahn_teller_has_one_central_and_three_outer_intersections(k, g, seed):
    found = find_intersections(jahn_teller(k, g), SQUARE, seed=seed, starts=80)
    # k ρ e^{iφ} + g ρ² e^{−2iφ} = 0: ρ = |k/g| and e^{3iφ} = −sign(kg)
    first = np.pi if k * g > 0 else 0.0
    angles = (first + 2 * np.pi * np.arange(3)) / 3
    outer = abs(k / g) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    matches(found.positions, np.concatenate([[[0.0, 0.0]], outer]))
    assert all(one.kind == "conical" and one.codimension == 2 for one in found)
    assert all(one.symmetry == "real" and one.seam_dimension == 0 for one in found)
    np.testing.assert_allclose(
        [one.energy for one in found], [0.0, *[(k / g) ** 2 / 2] * 3], atol=1e-12
    )
    assert sum(found.hits) <= found.starts
    assert min(found.hits) > 1


def test_graphene_has_two_dirac_points():
    # nearest neighbours at distance 1, cartesian momenta
    root = np.sqrt(3.0)
    H = Hamiltonian.from_matrix(
        [
            [0, "1 + exp(I*(r*x + 3*y)/2) + exp(I*(-r*x + 3*y)/2)"],
            ["1 + exp(-I*(r*x + 3*y)/2) + exp(-I*(-r*x + 3*y)/2)", 0],
        ],
        parameters={"r": root},
        coordinates=XY,
    )
    K = 4 * np.pi / (3 * root)
    found = find_intersections(H, [[-1.4 * K, 1.4 * K], [-0.3 * np.pi, 0.3 * np.pi]])
    matches(found.positions, [[-K, 0.0], [K, 0.0]])
    for one in found:
        assert one.codimension == 2  # symmetry makes the third condition of a complex H hold
        # isotropic with the Fermi velocity 3/2
        np.testing.assert_allclose(np.linalg.norm(one.branching_vectors, axis=1), 1.5, rtol=1e-12)


def test_weyl_points_of_a_complex_hamiltonian():
    k0 = 1.1
    box = [[-2.5, 2.5], [-2.5, 2.5], [-3.0, 3.0]]
    found = find_intersections(weyl(k0), box, starts=100, seed=3)
    matches(found.positions, [[0.0, 0.0, -k0], [0.0, 0.0, k0]])
    for one in found:
        assert one.codimension == CODIMENSIONS["complex"] == 3
        lengths = np.linalg.norm(one.branching_vectors, axis=1)
        np.testing.assert_allclose(lengths, [1.0, 1.0, np.sin(k0)], rtol=1e-12)


def test_kramers_doublets_meet_in_codimension_five():
    names = ["a", "b", "c", "d", "e"]
    target = np.array([0.3, -0.5, 0.2, 0.8, -0.1])
    terms = [
        (
            f"sinh({name} - ({value}))" + (f" + a*{name}/10 - ({value}*3/100)" * (name != "a")),
            matrix,
        )
        for name, value, matrix in zip(names, target, gamma_matrices(), strict=True)
    ]
    terms.append(("a**2 + b", np.eye(4)))
    H = Hamiltonian.from_terms(terms, coordinates=names)
    rng = np.random.default_rng(5)
    for _ in range(3):
        one = find_intersection(H, target + rng.uniform(-0.5, 0.5, 5), levels=(1, 2))
        assert one.kind == "conical"
        assert one.symmetry == "kramers"
        assert one.codimension == CODIMENSIONS["kramers"] == 5
        np.testing.assert_allclose(one.position, target, atol=1e-12)
    with pytest.raises(InputError, match="degenerate everywhere"):
        find_intersection(H, target, levels=(0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_intersections_of_random_four_level_models(seed):
    # Independent count: the lowest states carried around every cell of a grid change sign.
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(5, 4, 4))
    parts = parts + parts.swapaxes(-1, -2)
    H = Hamiltonian.from_terms(
        list(zip([1, "cos(x)", "sin(x)", "cos(y)", "sin(y)"], parts, strict=True)), coordinates=XY
    )
    cells = 90
    line = 0.01 + 2 * np.pi * np.arange(cells + 1) / cells
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    vectors = np.linalg.eigh(H(grid))[1]
    for lower in range(3):
        u = vectors[..., : lower + 1]
        across = np.linalg.det(u[:-1].swapaxes(-1, -2) @ u[1:])
        along = np.linalg.det(u[:, :-1].swapaxes(-1, -2) @ u[:, 1:])
        odd = across[:, :-1] * along[1:] * across[:, 1:] * along[:-1] < 0
        box = [[line[0], line[-1]]] * 2
        found = find_intersections(H, box, levels=(lower, lower + 1), starts=250)
        where = np.floor((found.positions - line[0]) * cells / (2 * np.pi))
        counted = np.zeros_like(odd, dtype=int)
        np.add.at(counted, tuple(where.astype(int).T), 1)
        np.testing.assert_array_equal(counted % 2 == 1, odd)
        assert len(found) % 2 == 0  # on a torus they come in pairs
        energies = np.linalg.eigvalsh(H(found.positions))
        assert np.all(energies[:, lower + 1] - energies[:, lower] < 1e-12)


@pytest.mark.slow
def test_seeds_and_starts_do_not_change_what_is_found():
    H = jahn_teller(1.0, 0.5)
    first = find_intersections(H, SQUARE, starts=60, seed=0)
    generator = find_intersections(H, SQUARE, starts=60, seed=np.random.default_rng(9))
    given_starts = find_intersections(
        H, SQUARE, starts=np.random.default_rng(1).uniform(-4, 4, (60, 2))
    )
    matches(first.positions, generator.positions)
    matches(first.positions, given_starts.positions)
    again = find_intersections(H, SQUARE, starts=60, seed=0)
    np.testing.assert_array_equal(first.positions, again.positions)


# ---- nothing there ----------------------------------------------------------------------------


@pytest.mark.parametrize("mass", [1.0, 1e-3, 1e-9])
def test_a_gapped_model_has_none(mass):
    H = Hamiltonian.from_matrix(
        [["x + 3*y**2/10", "y - I*m"], ["y + I*m", "-x - 3*y**2/10"]],
        parameters={"m": mass},
        coordinates=XY,
    )
    one = find_intersection(H, [0.6, -0.9])
    assert not one
    assert one.kind == "avoided"
    assert one.codimension == 0
    assert one.gap == pytest.approx(2 * mass, rel=1e-6)
    np.testing.assert_allclose(one.position, 0, atol=1e-9)
    found = find_intersections(H, SQUARE, starts=50)
    assert found.positions.shape == (0, 2)
    assert found.avoided[0].gap == pytest.approx(2 * mass, rel=1e-6)
    assert "no intersection" in str(found)


def test_a_real_gapped_model_has_none_and_its_smallest_gap_is_found():
    # ½ gap² = (x² + y² + 1)² + (x − 2)²/4, minimum by its own stationarity condition
    H = Hamiltonian.from_matrix(
        [["x**2 + y**2 + 1", "(x - 2)/2"], ["(x - 2)/2", "-x**2 - y**2 - 1"]], coordinates=XY
    )
    found = find_intersections(H, SQUARE, starts=60)
    assert len(found) == 0
    assert len(found.avoided) == 1
    roots = np.roots([4, 0, 4.5, -1])
    x = roots[np.abs(roots.imag) < 1e-12].real[0]
    np.testing.assert_allclose(found.avoided[0].position, [x, 0.0], atol=1e-10)


def test_a_gap_that_closes_at_infinity_is_not_an_intersection():
    H = Hamiltonian.from_matrix(
        [["1/(1 + x**2)", "y/10"], ["y/10", "-1/(1 + x**2)"]], coordinates=XY
    )
    with pytest.raises(ConvergenceError, match="did not settle"):
        find_intersection(H, [1.0, 0.5])
    assert len(find_intersections(H, [[-3, 3], [-3, 3]], starts=30)) == 0


# ---- single searches --------------------------------------------------------------------------


@cases(50)
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_the_nearest_point_of_a_linear_seam_is_found(seed, count):
    rng = np.random.default_rng(seed)
    g, h = rng.normal(size=(2, count))
    offset = rng.normal(size=2)
    tilt = rng.normal(size=count)
    z, x, one = np.diag([1.0, -1.0]), np.array([[0, 1.0], [1, 0]]), np.eye(2)
    names = [f"q{a}" for a in range(count)]
    terms = [(offset[0], z), (offset[1], x)]
    for a, name in enumerate(names):
        terms.append((name, g[a] * z + h[a] * x + tilt[a] * one))
    H = Hamiltonian.from_terms(terms, coordinates=names)
    start = rng.normal(size=count)
    found = find_intersection(H, start, reach=100.0)
    conditions = np.stack([g, h])
    nearest = start - np.linalg.pinv(conditions) @ (conditions @ start + offset)
    assert found.codimension == 2
    assert found.seam_dimension == count - 2
    scale = np.linalg.cond(conditions) * (1 + np.linalg.norm(nearest))
    np.testing.assert_allclose(found.position, nearest, atol=1e-13 * scale * 10)
    np.testing.assert_allclose(found.mean_slope, tilt, atol=1e-12)
    # B†B of the cone does not depend on the choice of states
    np.testing.assert_allclose(
        found.branching_vectors.T @ found.branching_vectors,
        conditions.T @ conditions,
        atol=1e-12 * np.sum(conditions**2),
    )


def test_a_stationary_start_between_two_intersections_is_left():
    H = Hamiltonian.from_matrix([["x**2 - 1", "y"], ["y", "1 - x**2"]], coordinates=XY)
    one = find_intersection(H, [0.0, 0.0])
    assert one
    np.testing.assert_allclose(np.abs(one.position), [1.0, 0.0], atol=1e-12)


def test_levels_of_different_symmetry_cross_in_codimension_one():
    H = Hamiltonian.from_matrix([["x**3 - x", 0], [0, "x/2"]])
    found = find_intersections(H, [-3.0, 3.0], starts=40)
    expected = find_crossings(H, -3.0, 3.0).positions
    matches(found.positions, np.sort(expected)[:, None])
    assert {one.kind for one in found} == {"crossing"}
    assert all(one.position.shape == (1,) for one in found)


def test_a_seam_gives_its_points_when_asked():
    H = Hamiltonian.from_matrix(
        [["x**2 + y**2 - 1", "z"], ["z", "1 - x**2 - y**2"]], coordinates=["x", "y", "z"]
    )
    box = [[-2, 2]] * 3
    found = find_intersections(H, box, starts=40, seam="points")
    assert len(found) > 20
    np.testing.assert_allclose(np.hypot(*found.positions[:, :2].T), 1.0, atol=1e-13)
    np.testing.assert_allclose(found.positions[:, 2], 0.0, atol=1e-13)


def test_renner_teller_levels_touch_without_a_cone():
    H = Hamiltonian.from_matrix(
        [["x**2 - y**2", "2*x*y"], ["2*x*y", "y**2 - x**2"]], coordinates=XY
    )
    one = find_intersection(H, [0.7, -0.4])
    assert one.kind == "glancing"
    assert one.codimension == 0
    np.testing.assert_allclose(one.position, 0, atol=1e-6)


def test_a_function_with_finite_differences_is_as_accurate():
    def function(q):
        x, y = q
        return np.array([[np.tanh(x - 0.3) + y**2, np.sin(y) + x * y], [np.sin(y) + x * y, 0.0]])

    H = Hamiltonian.from_function(function, coordinates=XY)
    one = find_intersection(H, [0.8, 0.5])
    np.testing.assert_allclose(one.position, [0.3, 0.0], atol=1e-13)
    assert one.codimension == 2


def test_a_third_level_is_seen_and_does_not_disturb():
    # x, y couple the pair; the third level is coupled to it and shifts it away from the origin.
    H = Hamiltonian.from_matrix(
        [["x", "y", "c"], ["y", "-x", "c*x"], ["c", "c*x", 3]],
        parameters={"c": 0.4},
        coordinates=XY,
    )
    found = find_intersections(H, [[-1, 1], [-1, 1]], starts=40)
    assert len(found) == 1
    energies = np.linalg.eigvalsh(H(found[0].position))
    assert energies[1] - energies[0] < 1e-14
    assert found[0].third_level_distance == pytest.approx(energies[2] - energies[0], rel=1e-12)


def test_a_large_common_energy_does_not_blur_the_answer():
    H = Hamiltonian.from_matrix(
        [["x + 10**6", "y - 1/3"], ["y - 1/3", "10**6 - x"]], coordinates=XY
    )
    one = find_intersection(H, [2.0, 1.0])
    assert one
    np.testing.assert_allclose(one.position, [0.0, 1 / 3], atol=1e-9)
    gapped = Hamiltonian.from_matrix(
        [["x + 10**6", "y - I/1000"], ["y + I/1000", "10**6 - x"]], coordinates=XY
    )
    assert find_intersection(gapped, [2.0, 1.0]).gap == pytest.approx(2e-3, rel=1e-6)


@pytest.mark.parametrize(
    ("origin", "size"), [(0.0, 1e-3), (5.0, 1e-6), (1e4, 1.0), (1e3, 1e3), (1.0, 1e-10)]
)
def test_the_scale_and_the_origin_of_the_coordinates_do_not_matter(origin, size):
    u, v = "(x - a)/c", "(y + 2*a)/c"
    coupling = f"{v}*(1 + {u}/4)"
    H = Hamiltonian.from_matrix(
        [[f"sin({u}) + ({v})**2/3", coupling], [coupling, f"-sin({u})"]],
        parameters={"a": origin, "c": size},
        coordinates=XY,
    )
    there = np.array([origin, -2 * origin])
    one = find_intersection(H, there + size * np.array([0.4, 0.3]), reach=size)
    assert one.kind == "conical"
    np.testing.assert_allclose(one.position, there, atol=1e-12 * size, rtol=4e-16)


def test_gap_tolerance_serves_a_hamiltonian_known_roughly():
    def rough(q):
        x, y = np.round(q, 7)
        return np.array([[x, y + 1e-8], [y + 1e-8, -x]])

    H = Hamiltonian.from_function(rough, coordinates=XY)
    assert not find_intersection(H, [0.31, 0.2])
    assert find_intersection(H, [0.31, 0.2], gap_tolerance=1e-6)


# ---- what cannot be used ----------------------------------------------------------------------


@pytest.mark.parametrize("reach", [1e-5, 1e50, 1e100])
def test_a_reach_of_another_scale_still_finds_the_intersection(reach):
    found = find_intersection(jahn_teller(1.0, 0.0), [0.3, 0.2], reach=reach)
    assert found
    np.testing.assert_allclose(found.position, 0.0, atol=1e-12)


def test_wrong_arguments_are_refused():
    H = jahn_teller(1.0, 0.5)
    with pytest.raises(InputError, match=r"`start` must have 2 entries"):
        find_intersection(H, [0.0, 1.0, 2.0])
    with pytest.raises(InputError, match=r"`start` must be finite"):
        find_intersection(H, [0.0, np.nan])
    with pytest.raises(InputError, match="neighbouring"):
        find_intersection(H, [0.0, 1.0], levels=(0, 2))
    with pytest.raises(InputError, match="at most 1"):
        find_intersection(H, [0.0, 1.0], levels=(1, 2))
    with pytest.raises(InputError, match="pair"):
        find_intersection(H, [0.0, 1.0], levels=0)
    with pytest.raises(InputError, match="`reach` must be positive"):
        find_intersection(H, [0.0, 1.0], reach=-1.0)
    for reach in (1e308, 1e-14, 1e-300):
        with pytest.raises(InputError, match=r"`reach` must lie between 1e-13 and 1e\+100 here"):
            find_intersection(H, [0.0, 1.0], reach=reach)
    with pytest.raises(InputError, match="`starts` must be at most 1000000"):
        find_intersections(H, SQUARE, starts=10**30)
    with pytest.raises(InputError, match="gap_tolerance"):
        find_intersection(H, [0.0, 1.0], gap_tolerance=0.0)
    with pytest.raises(InputError, match="Hamiltonian"):
        find_intersection(np.eye(2), [0.0, 1.0])
    with pytest.raises(InputError, match="single parameter values"):
        find_intersection(H.replace(k=[1.0, 2.0]), [0.0, 1.0])
    with pytest.raises(InputError, match=r"`bounds` must have shape \(2, 2\)"):
        find_intersections(H, [-1, 1])
    with pytest.raises(InputError, match="lower value first"):
        find_intersections(H, [[-1, 1], [1, -1]])
    with pytest.raises(InputError, match="`starts`"):
        find_intersections(H, SQUARE, starts=[[0.0, 1.0, 2.0]])
    with pytest.raises(InputError, match="`starts`"):
        find_intersections(H, SQUARE, starts=[[0.0, 1.0], [2.0]])
    with pytest.raises(InputError, match="`seam`"):
        find_intersections(H, SQUARE, seam="all")
    logarithm = Hamiltonian.from_matrix([["log(x)", "y"], ["y", 0]], coordinates=XY)
    with pytest.raises(InputError, match="finite and Hermitian"):
        find_intersection(logarithm, [-1.0, 0.0])
    # but a domain with an edge can be searched
    matches(find_intersections(logarithm, SQUARE, starts=40).positions, [[1.0, 0.0]])
