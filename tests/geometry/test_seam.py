"""Seams against the curves they must be."""

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.geometry.intersections import find_intersection
from anticrossing.geometry.seam import trace_seam
from anticrossing.hamiltonian import Hamiltonian

XYZ = ["x", "y", "z"]


def ellipse(tilt=0.0):
    """The seam x²/4 + y² = 1, z = x y / 5, in three coordinates."""
    return Hamiltonian.from_matrix(
        [["x**2/4 + y**2 - 1 + t*x", "z - x*y/5"], ["z - x*y/5", "1 - x**2/4 - y**2 + t*x"]],
        parameters={"t": tilt},
        coordinates=XYZ,
    )


@pytest.mark.slow
def test_a_closed_seam_is_followed_once_around():
    H = ellipse(tilt=0.7)
    seam = trace_seam(H, find_intersection(H, [1.9, 0.3, 0.1]), length=50.0, step=0.02)
    x, y, z = seam.points.T
    assert seam.closed
    np.testing.assert_array_equal(seam.points[0], seam.points[-1])
    np.testing.assert_allclose(x**2 / 4 + y**2, 1.0, atol=1e-13)
    np.testing.assert_allclose(z, x * y / 5, atol=1e-13)
    np.testing.assert_allclose(seam.energies, 0.7 * x, atol=1e-13)
    assert np.all(np.linalg.norm(np.diff(seam.points, axis=0), axis=1) < 0.0201)
    angle = np.unwrap(np.arctan2(y, x / 2))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2 * np.pi, abs=1e-12)
    assert np.all(np.diff(angle) * np.sign(angle[-1] - angle[0]) > 0)
    fine = 2 * np.pi * np.arange(20001) / 20000
    curve = np.stack([2 * np.cos(fine), np.sin(fine), np.sin(2 * fine) / 5], axis=1)
    exact = np.linalg.norm(np.diff(curve, axis=0), axis=1).sum()
    assert seam.length == pytest.approx(exact, rel=2e-4)  # an inscribed polygon of steps 0.02
    assert seam.length < exact
    np.testing.assert_allclose(seam.lowest[0], -2.0, atol=1e-3)
    gaps = np.diff(np.linalg.eigvalsh(H(seam.points)), axis=-1)
    assert np.max(gaps) < 1e-13


@pytest.mark.slow
def test_the_side_and_the_length_can_be_chosen():
    H = ellipse()
    start = find_intersection(H, [2.0, 0.05, 0.0])
    up = trace_seam(H, start, length=1.0, step=0.3, direction=[0, 1, 0])
    down = trace_seam(H, start, length=1.0, step=0.3, direction=[0, -1, 0])
    assert up.points[-1, 1] > 0.5 > -0.5 > down.points[-1, 1]
    for seam in (up, down):
        assert not seam.closed
        assert 0.9 < seam.length < 1.02
    # coarse steps are shortened where the seam bends
    coarse = trace_seam(H, start, length=50.0, step=3.0)
    assert coarse.closed
    assert len(coarse.points) > 8


def test_a_straight_seam_of_a_linear_model():
    rng = np.random.default_rng(1)
    g, h, slope = rng.normal(size=(3, 3))
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    H = Hamiltonian.from_terms(
        [(n, g[a] * z + h[a] * x + slope[a] * np.eye(2)) for a, n in enumerate(XYZ)],
        coordinates=XYZ,
    )
    tangent = np.cross(g, h) / np.linalg.norm(np.cross(g, h))
    seam = trace_seam(
        H, find_intersection(H, [0.0, 0.0, 0.0]), length=2.0, step=0.5, direction=tangent
    )
    np.testing.assert_allclose(seam.points, seam.arc_length[:, None] * tangent, atol=1e-12)
    np.testing.assert_allclose(seam.energies, seam.arc_length * (tangent @ slope), atol=1e-12)
    assert seam.length == pytest.approx(2.0, rel=1e-12)


def test_a_seam_of_two_dimensions_along_a_direction():
    # a sphere in four coordinates, followed towards its top
    H = Hamiltonian.from_matrix(
        [["a**2 + b**2 + c**2 - 1", "d"], ["d", "1 - a**2 - b**2 - c**2"]],
        coordinates=["a", "b", "c", "d"],
    )
    start = find_intersection(H, [1.1, 0.0, 0.0, 0.2])
    assert start.seam_dimension == 2
    with pytest.raises(InputError, match="seam of dimension 2"):
        trace_seam(H, start, length=1.0, step=0.1)
    seam = trace_seam(H, start, length=1.4, step=0.05, direction=[0, 0, 1, 0])
    a, b, c, d = seam.points.T
    np.testing.assert_allclose(a**2 + c**2, 1.0, atol=1e-12)
    np.testing.assert_allclose(b, 0.0, atol=1e-12)
    np.testing.assert_allclose(d, 0.0, atol=1e-12)
    angles = np.arctan2(c, a)
    np.testing.assert_allclose(angles, seam.arc_length, rtol=2e-3, atol=1e-12)


@pytest.mark.slow
def test_a_crossing_of_uncoupled_levels_has_a_seam_too():
    H = Hamiltonian.from_matrix([["x**2 + y**2", 0], [0, 1]], coordinates=["x", "y"])
    start = find_intersection(H, [0.9, 0.1])
    assert start.codimension == 1
    seam = trace_seam(H, start, length=20.0, step=0.1)
    assert seam.closed
    np.testing.assert_allclose(np.hypot(*seam.points.T), 1.0, atol=1e-13)


def test_seams_that_cannot_be_traced():
    H = ellipse()
    start = find_intersection(H, [2.0, 0.05, 0.0])
    with pytest.raises(InputError, match="not exceed `length`"):
        trace_seam(H, start, length=0.1, step=0.2)
    with pytest.raises(InputError, match="`direction` must have 3 entries"):
        trace_seam(H, start, length=1.0, step=0.2, direction=[1.0])
    with pytest.raises(InputError, match="perpendicular or zero"):
        trace_seam(H, start, length=1.0, step=0.2, direction=[0.0, 0.0, 0.0])
    with pytest.raises(InputError, match="be an Intersection"):
        trace_seam(H, start.position, length=1.0, step=0.2)
    point = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    with pytest.raises(InputError, match="isolated"):
        trace_seam(point, find_intersection(point, [0.1, 0.2]), length=1.0, step=0.2)
    with pytest.raises(InputError, match="`step` must be at least 1e-12 of `length`"):
        trace_seam(H, start, length=1.0, step=1e-320)
    with pytest.raises(InputError, match=r"but that has 2 coordinate\(s\), not 3"):
        trace_seam(point, start, length=1.0, step=0.2)
    one = Hamiltonian.from_matrix([["x"]], coordinates=["x", "y", "z"])
    with pytest.raises(InputError, match="at least two levels"):
        trace_seam(one, start, length=1.0, step=0.2)
