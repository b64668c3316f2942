"""The branching plane against cones looked at in all directions; loops against winding numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.geometry.branching import BranchingPlane, encloses_intersection
from anticrossing.geometry.intersections import find_intersection, find_intersections
from anticrossing.hamiltonian import Hamiltonian
from tests.effort import cases

Z, X, ONE = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)


def cone(g, h, slope, rotation=0.0):
    """A linear cone at the origin, in diabatic states rotated by an angle."""
    c, s = np.cos(rotation), np.sin(rotation)
    turn = np.array([[c, -s], [s, c]])
    names = [f"q{a}" for a in range(len(g))]
    terms = [
        (name, turn.T @ (g[a] * Z + h[a] * X + slope[a] * ONE) @ turn)
        for a, name in enumerate(names)
    ]
    return Hamiltonian.from_terms(terms, coordinates=names)


def plane_of(H):
    return BranchingPlane.of(find_intersection(H, 0.3 + 0.1 * np.arange(len(H.coordinates))))


def steepest_ways_down(plane, samples=40_001):
    """Count the minima over the angle of the slope of the lower level."""
    angle = 2 * np.pi * np.arange(samples) / samples
    direction = np.outer(np.cos(angle), plane.x) + np.outer(np.sin(angle), plane.y)
    lower = plane.energies(direction)[:, 0]
    minimum = (lower < np.roll(lower, 1)) & (lower <= np.roll(lower, -1))
    return int(minimum.sum()), bool(np.all(lower < 0))


@cases(40)
@given(st.integers(0, 10**6))
def test_the_topography_is_that_seen_from_all_directions(seed):
    rng = np.random.default_rng(seed)
    g, h = rng.normal(size=(2, 2))
    plane = plane_of(cone(g, h, rng.normal(size=2) * rng.uniform(0, 1.5)))
    if min(abs(plane.peakedness - 1), abs(plane.bifurcation - 1)) < 1e-2:
        return
    ways, everywhere_down = steepest_ways_down(plane)
    assert plane.topography.startswith("peaked" if everywhere_down else "sloped")
    assert plane.topography.endswith("bifurcating" if ways == 2 else "single-path")
    assert (plane.peakedness < 1) == everywhere_down
    assert (plane.bifurcation < 1) == (ways == 2)


@cases(25)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_plane_and_shape_depend_neither_on_states_nor_on_axes(seed, count):
    rng = np.random.default_rng(seed)
    g, h, slope = rng.normal(size=(3, count))
    first = plane_of(cone(g, h, slope))
    second = plane_of(cone(g, h, slope, rotation=rng.uniform(0, 2 * np.pi)))
    # orthogonal vectors, the longest and shortest ways to lift the degeneracy
    lengths = np.linalg.svd(np.stack([g, h]))[1]
    assert np.linalg.norm(first.g) == pytest.approx(lengths[0], rel=1e-11)
    assert np.linalg.norm(first.h) == pytest.approx(lengths[1], rel=1e-9)
    assert first.g @ first.h == pytest.approx(0.0, abs=1e-11 * lengths[0] ** 2)
    np.testing.assert_allclose(first.g, second.g, atol=1e-9)
    np.testing.assert_allclose(first.h, second.h, atol=1e-9)
    np.testing.assert_allclose(first.slope, slope, atol=1e-11)
    assert min(first.tilt_components) > -1e-8
    np.testing.assert_allclose(first.normal @ np.stack([g, h]).T, 0, atol=1e-11)
    turn = np.linalg.qr(rng.normal(size=(count, count)))[0]
    turned = plane_of(cone(turn @ g, turn @ h, turn @ slope))
    for name in ("pitch", "asymmetry", "tilt", "peakedness"):
        assert getattr(turned, name) == pytest.approx(getattr(first, name), rel=1e-8, abs=1e-9)
    np.testing.assert_allclose(turned.g, turn @ first.g, atol=1e-8)


def test_parameters_of_a_known_cone():
    plane = plane_of(cone([2.0, 0.0], [0.0, 1.0], [0.6, 0.8], rotation=0.4))
    delta = np.sqrt(5 / 2)
    assert plane.pitch == pytest.approx(delta)
    assert plane.asymmetry == pytest.approx(0.6)
    assert plane.tilt_components == pytest.approx((0.6 / delta, 0.8 / delta))
    assert plane.tilt == pytest.approx(1 / delta)
    assert plane.tilt_heading == pytest.approx(np.arctan2(0.8, 0.6))
    # (s_x/|g|)² + (s_y/|h|)²
    assert plane.peakedness == pytest.approx(0.3**2 + 0.8**2)
    # two ways down where (|g|² s_x²)^⅓ + (|h|² s_y²)^⅓ < (|g|² − |h|²)^⅔
    expected = (np.cbrt(4 * 0.36) + np.cbrt(0.64)) / 3 ** (2 / 3)
    assert plane.bifurcation == pytest.approx(expected)
    assert "pitch" in str(plane)


def test_circular_cones():
    upright = plane_of(cone([1.5, 0.0], [0.0, 1.5], [0.0, 0.0], rotation=0.7))
    assert upright.topography == "peaked, all directions alike"
    assert np.isnan(upright.bifurcation)
    np.testing.assert_allclose(upright.g, [1.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(upright.h, [0.0, 1.5], atol=1e-12)
    tilted = plane_of(cone([1.5, 0.0], [0.0, 1.5], [0.0, 2.0], rotation=0.7))
    assert tilted.topography == "sloped, single-path"
    assert tilted.bifurcation == np.inf


def test_energies_of_the_plane_are_those_of_h_to_second_order():
    H = Hamiltonian.from_matrix(
        [["sin(x) + y/3 + z**2", "x*z + tan(y) + z"], ["x*z + tan(y) + z", "-x*exp(z)"]],
        coordinates=["x", "y", "z"],
    )
    one = find_intersection(H, [0.2, 0.1, -0.1])
    plane = BranchingPlane.of(one)
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-4):
        shift = size * rng.normal(size=(20, 3))
        exact = np.linalg.eigvalsh(H(one.position + shift)) - one.energy
        assert np.max(np.abs(exact - plane.energies(shift))) < 20 * size**2


# ---- loops ------------------------------------------------------------------------------------


@cases(30)
@given(st.integers(0, 10**6))
def test_random_polygons_against_the_winding_number(seed):
    # W = k z + g z̄² with z = x + iy: the sign changes by the parity of its winding around zero
    rng = np.random.default_rng(seed)
    H = Hamiltonian.from_matrix(
        [["x + g*(x**2 - y**2)", "y - 2*g*x*y"], ["y - 2*g*x*y", "-x - g*(x**2 - y**2)"]],
        parameters={"g": 0.5},
        coordinates=["x", "y"],
    )
    corners = rng.normal(size=(rng.integers(3, 7), 2)) * 2
    closed = np.concatenate([corners, corners[:1]])
    fine = np.concatenate(
        [a + (b - a) * np.linspace(0, 1, 20_000)[:, None] for a, b in itertools.pairwise(closed)]
    )
    z = fine[:, 0] + 1j * fine[:, 1]
    w = z + 0.5 * z.conj() ** 2
    winding = np.rint(np.sum(np.angle(w[1:] / w[:-1])) / (2 * np.pi))
    assert encloses_intersection(H, corners) == bool(winding % 2)


def test_the_circle_in_the_branching_plane_encloses_its_intersection():
    rng = np.random.default_rng(3)
    parts = rng.normal(size=(6, 3, 3))
    parts = parts + parts.swapaxes(-1, -2)
    names = ["a", "b", "c", "d", "e"]
    H = Hamiltonian.from_terms(
        [(1, np.diag([0.0, 0.3, 2.0])), *zip([f"sin({n})" for n in names], parts, strict=False)],
        coordinates=names,
    )
    one = find_intersection(H, np.zeros(5))
    plane = BranchingPlane.of(one)
    radius = 1e-3
    assert encloses_intersection(H, plane.circle(one.position, radius))
    beside = one.position + 2 * radius * plane.y
    assert not encloses_intersection(H, plane.circle(beside, radius))
    # pulled along the seam the circle still goes around it
    along = one.position + 5 * radius * plane.normal[0]
    assert encloses_intersection(H, plane.circle(along, radius))


@pytest.mark.slow
def test_only_the_intersections_of_the_two_levels_count():
    rng = np.random.default_rng(2)
    parts = rng.normal(size=(5, 4, 4))
    parts = parts + parts.swapaxes(-1, -2)
    H = Hamiltonian.from_terms(
        list(zip([1, "cos(x)", "sin(x)", "cos(y)", "sin(y)"], parts, strict=True)),
        coordinates=["x", "y"],
    )
    box = np.array([[0.0, 2.0], [0.5, 4.0]])
    corners = np.array([[0.0, 0.5], [2.0, 0.5], [2.0, 4.0], [0.0, 4.0]])
    counts = []
    for lower in range(3):
        levels = (lower, lower + 1)
        found = find_intersections(H, box, levels=levels, starts=150)
        counts.append(len(found))
        assert encloses_intersection(H, corners, levels=levels) == bool(len(found) % 2)
    assert any(counts)


def test_loops_that_cannot_be_used():
    H = cone([1.0, 0.0], [0.0, 1.0], [0.0, 0.0])
    with pytest.raises(InputError, match="keep away from degeneracies"):
        encloses_intersection(H, [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(InputError, match="keep away from degeneracies"):
        encloses_intersection(H, [[-0.9, 0.0], [1.3, 0.0], [0.0, 1.0]])
    with pytest.raises(InputError, match=r"shape \(k, 2\)"):
        encloses_intersection(H, [[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(InputError, match=r"shape \(k, 2\)"):
        encloses_intersection(H, [[0.0, 1.0, 2.0]] * 4)
    twisted = Hamiltonian.from_matrix([["x", "y + I"], ["y - I", "-x"]], coordinates=["x", "y"])
    with pytest.raises(InputError, match="be real"):
        encloses_intersection(twisted, [[1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])
    with pytest.raises(InputError, match="two coordinates"):
        encloses_intersection(Hamiltonian.affine(X, Z), [[1.0], [2.0], [3.0]])


def test_a_branching_plane_needs_a_conical_intersection():
    gapped = Hamiltonian.from_matrix(
        [["x", "1 + y**2"], ["1 + y**2", "-x"]], coordinates=["x", "y"]
    )
    with pytest.raises(InputError, match="gap stays at 2"):
        BranchingPlane.of(find_intersection(gapped, [0.1, 0.1]))
    crossing = Hamiltonian.from_matrix([["x", 0], [0, "y"]], coordinates=["x", "y"])
    with pytest.raises(InputError, match="codimension 1"):
        BranchingPlane.of(find_intersection(crossing, [0.1, 0.3]))
    with pytest.raises(InputError, match="be an Intersection"):
        BranchingPlane.of([0.0, 0.0])
    plane = plane_of(cone([1.0, 0.0], [0.0, 1.0], [0.0, 0.0]))
    with pytest.raises(InputError, match="`centre`"):
        plane.circle([0.0], 1.0)
    with pytest.raises(InputError, match="`radius`"):
        plane.circle([0.0, 0.0], 0.0)
    with pytest.raises(InputError, match="last axis"):
        plane.energies([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (([1.0, 0.0], [0.0, 0.0], [0.0, 0.0]), "`h` must not be zero"),
        (([1.0, 0.0], [0.0, 2.0], [0.0, 0.0]), "`h` must not be zero nor longer than g"),
        (([1.0, 0.0], [0.5, 0.5], [0.0, 0.0]), "`h` must be perpendicular to g"),
        (([1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0]), r"`h` must have shape \(2,\)"),
        (([1.0, 0.0], [0.0, 1.0], 0.0), r"`slope` must have 1 dimension"),
        (([1.0, np.nan], [0.0, 1.0], [0.0, 0.0]), "`g` must be finite"),
    ],
)
def test_vectors_that_are_no_plane_are_refused(vectors, message):
    with pytest.raises(InputError, match=message):
        BranchingPlane(*vectors)


def test_vectors_may_be_lists():
    assert BranchingPlane([1.0, 0.0], [0.0, 1.0], [0.0, 0.0]).pitch == 1.0
