"""Straight passages of cones: the Landau-Zener formula against the Schrödinger equation."""

import numpy as np
import pytest
import scipy.integrate

from anticrossing._core.checks import InputError
from anticrossing.analysis.intersection_passage import intersection_passage
from anticrossing.geometry.intersections import find_intersection
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import Units
from tests.effort import slow

Z, X, ONE = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
Y = np.array([[0, -1j], [1j, 0]])


def linear_model(matrices, shift=0.0):
    names = [f"q{a}" for a in range(len(matrices))]
    terms = [(f"{name} - ({shift})", m) for name, m in zip(names, matrices, strict=True)]
    return Hamiltonian.from_terms(terms, coordinates=names)


def test_the_circular_cone_of_the_textbook():
    kappa, b, speed = 0.8, np.array([0.0, 0.3, 1.0, -1.0]), np.array([[0.5], [2.0]])
    H = linear_model([kappa * Z, kappa * X], shift=0.25)
    found = find_intersection(H, [1.0, 0.0])
    for direction in ([1, 0], [0.6, -0.8]):
        passage = intersection_passage(
            H, found, direction=direction, impact_parameter=b, speed=speed, length=2000.0
        )
        expected = np.exp(-np.pi * kappa * b**2 / speed)
        np.testing.assert_allclose(passage.prediction.value, expected, rtol=1e-12)
        np.testing.assert_allclose(passage.probability, expected, atol=1e-8)
        np.testing.assert_allclose(passage.difference, 0, atol=1e-8)
        np.testing.assert_allclose(
            passage.gap, np.broadcast_to(2 * kappa * np.abs(b), (2, 4)), atol=1e-12
        )
        np.testing.assert_allclose(
            passage.sweep_rate, np.broadcast_to(2 * kappa * speed, (2, 4)), rtol=1e-12
        )
        assert passage.prediction.valid
        assert passage.closest.shape == (2, 4, 2)


@pytest.mark.parametrize(("seed", "count"), [(0, 2), slow(1, 2), slow(2, 3), (3, 5)])
def test_elliptic_and_tilted_cones_in_several_coordinates(seed, count):
    rng = np.random.default_rng(seed)
    g, h, slope = rng.normal(size=(3, count))
    H = linear_model([g[a] * Z + h[a] * X + slope[a] * ONE for a in range(count)])
    found = find_intersection(H, rng.normal(size=count))
    direction = rng.normal(size=count)
    passage = intersection_passage(
        H, found, direction=direction, impact_parameter=0.4, speed=1.3, length=1500.0
    )
    # the two conditions along the line, by hand: V is the distance of the line w(t) from zero
    u = direction / np.linalg.norm(direction)
    w0 = np.array([g, h]) @ (passage.closest - found.position)
    w1 = np.array([g, h]) @ u
    distance = abs(w0[0] * w1[1] - w0[1] * w1[0]) / np.linalg.norm(w1)
    assert w0 @ w1 == pytest.approx(0.0, abs=1e-12)  # closest in energy
    assert float(passage.gap) == pytest.approx(2 * distance, rel=1e-10)
    assert float(passage.sweep_rate) == pytest.approx(2 * 1.3 * np.linalg.norm(w1), rel=1e-12)
    assert float(passage.probability) == pytest.approx(
        float(np.exp(-np.pi * float(passage.gap) ** 2 / (2 * float(passage.sweep_rate)))), abs=1e-7
    )
    # and the impact parameter is the distance of the line from the intersection in the plane
    plane = np.linalg.qr(np.stack([g, h]).T)[0]
    normal = plane @ np.array([-(plane.T @ u)[1], (plane.T @ u)[0]])
    normal /= np.linalg.norm(normal)
    assert abs((passage.closest - found.position) @ normal) == pytest.approx(0.4, rel=1e-10)


def test_a_weyl_point():
    H = linear_model([0.7 * X, 1.1 * Y, 0.9 * Z + 0.3 * ONE])
    found = find_intersection(H, [0.3, 0.4, 0.5])
    with pytest.raises(InputError, match="codimension 3"):
        intersection_passage(
            H, found, direction=[0, 0, 1], impact_parameter=0.5, speed=1.0, length=100.0
        )
    passage = intersection_passage(
        H,
        found,
        direction=[0, 0, 1],
        side=[1, 1, 5],
        impact_parameter=0.5,
        speed=1.0,
        length=2000.0,
    )
    coupling = 0.5 * np.hypot(0.7, 1.1) / np.sqrt(2)
    assert float(passage.gap) == pytest.approx(2 * coupling, rel=1e-12)
    expected = np.exp(-np.pi * coupling**2 / 0.9)
    assert float(passage.probability) == pytest.approx(expected, abs=1e-7)


@pytest.mark.slow
def test_the_exact_probability_of_a_curved_model_by_another_integrator():
    H = Hamiltonian.from_matrix(
        [["x + x**2/20 + y**2/5", "y + x*y/10"], ["y + x*y/10", "-x + y/4"]], coordinates=["x", "y"]
    )
    found = find_intersection(H, [0.2, 0.1])
    passage = intersection_passage(
        H, found, direction=[1, 0.2], impact_parameter=0.5, speed=1.5, length=14.0
    )
    u = np.array([1, 0.2]) / np.hypot(1, 0.2)

    def rhs(t, psi):
        return -1j * (H(passage.closest + u * 1.5 * t) @ psi)

    stop = 7.0 / 1.5
    columns = []
    for start_vector in np.eye(2):
        solution = scipy.integrate.solve_ivp(
            rhs,
            (-stop, stop),
            start_vector.astype(complex),
            method="DOP853",
            rtol=1e-11,
            atol=1e-12,
        )
        columns.append(solution.y[:, -1])
    np.testing.assert_allclose(passage.propagation.propagator, np.stack(columns, axis=1), atol=1e-8)
    # the formula still holds roughly, and says what it neglects
    assert abs(float(passage.difference)) < 0.1
    names = [check.quantity for check in passage.prediction.checks]
    assert "departure of the gap from the cone / gap" in names
    assert "Landau-Zener past a conical intersection" in str(passage)


def test_the_checks_see_a_curved_surface_and_a_short_line():
    H = Hamiltonian.from_matrix([["x + 2*x**3", "y"], ["y", "-x - 2*x**3"]], coordinates=["x", "y"])
    found = find_intersection(H, [0.2, 0.1])
    options = {"direction": [1.0, 0.0], "speed": 1.0}
    curved = intersection_passage(H, found, impact_parameter=0.7, length=20.0, **options)
    assert any("not linear" in text for text in curved.prediction.warnings)
    assert abs(float(curved.difference)) > 0.02
    straight = linear_model([Z, X])
    found = find_intersection(straight, [0.2, 0.1])
    short = intersection_passage(straight, found, impact_parameter=0.7, length=4.0, **options)
    assert any("before the passage is over" in text for text in short.prediction.warnings)


def test_a_third_level_is_checked():
    H = Hamiltonian.from_terms(
        [
            ("x", np.diag([1.0, -1, 0])),
            ("y", np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 0]])),
            (1, np.array([[0, 0, 0.2], [0, 0, 0.1], [0.2, 0.1, 1.5]])),
        ],
        coordinates=["x", "y"],
    )
    found = find_intersection(H, [0.2, 0.1])
    passage = intersection_passage(
        H, found, direction=[1, 0], impact_parameter=0.2, speed=1.0, length=4.0
    )
    assert any("third level" in text for text in passage.prediction.warnings)


def test_units_enter_the_exponent():
    H = Hamiltonian.from_matrix(
        [["x", "y"], ["y", "-x"]], coordinates=["x", "y"], units=Units("GHz", "ns")
    )
    passage = intersection_passage(
        H,
        find_intersection(H, [0.2, 0.1]),
        direction=[1, 0],
        impact_parameter=0.3,
        speed=2.0,
        length=600.0,
    )
    expected = np.exp(-np.pi * 2 * np.pi * 0.09 / 2.0)
    assert float(passage.prediction) == pytest.approx(expected, rel=1e-12)
    assert float(passage.probability) == pytest.approx(expected, abs=1e-7)


def test_wrong_paths_are_refused():
    H = linear_model([Z, X, ONE])
    found = find_intersection(H, [0.2, 0.1, 0.0])
    good = {"direction": [1, 0, 0], "impact_parameter": 0.1, "speed": 1.0, "length": 10.0}

    def refused(match, intersection=found, hamiltonian=H, **changes):
        with pytest.raises(InputError, match=match):
            intersection_passage(hamiltonian, intersection, **{**good, **changes})

    refused("along the seam", direction=[0, 0, 1])
    refused("`direction` must not be zero", direction=[0, 0, 0])
    refused("`direction` must have 3 entries", direction=[1, 0])
    refused("parallel", side=[2, 0, 0])
    refused("`speed` must be positive", speed=0.0)
    refused("`length` must be positive", length=-1.0)
    refused("`speed` must hold at least one number", speed=[])
    refused("`length` must hold at least one number", length=[])
    refused("broadcast", speed=[1.0, 2.0], impact_parameter=[1.0, 2.0, 3.0])
    refused("be an Intersection", intersection=[0, 0, 0])
    plane = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    other = find_intersection(plane, [0.1, 0.2])
    refused(r"one of Hamiltonian, but that has 3 coordinate\(s\), not 2", intersection=other)
    shifted = Hamiltonian.from_matrix(
        [["x - 1", "y"], ["y", "1 - x"]], coordinates=["x", "y", "z"], name="Shifted"
    )
    refused("one of Shifted, but there its levels are 2 apart", hamiltonian=shifted)
    gapped = Hamiltonian.from_matrix([["x", "1"], ["1", "-x"]], coordinates=["x", "y"])
    refused("gap stays", hamiltonian=gapped, intersection=find_intersection(gapped, [0.1, 0.2]))
    crossing = Hamiltonian.from_matrix([["x", 0], [0, "-x"]], coordinates=["x", "y"])
    refused("conical", hamiltonian=crossing, intersection=find_intersection(crossing, [0.1, 0.2]))
