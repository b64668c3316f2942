"""The conical intersection and E⊗e Jahn–Teller against their closed forms."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize

from anticrossing._core.checks import InputError
from anticrossing.models.conical import ConicalIntersection, JahnTeller

coordinate = st.floats(-3, 3)


@given(coordinate, coordinate, st.floats(0.1, 5), st.floats(0.1, 3), st.floats(-2, 2))
def test_cone(x, y, slope, anisotropy, tilt):
    H = ConicalIntersection(slope=slope, anisotropy=anisotropy, tilt_x=tilt, tilt_y=0.3)
    levels = np.linalg.eigvalsh(H([x, y]))
    middle, half = slope * (tilt * x + 0.3 * y), slope * np.hypot(x, anisotropy * y)
    np.testing.assert_allclose(levels, [middle - half, middle + half], atol=1e-12)


@given(st.floats(0, 4), st.floats(-np.pi, np.pi), st.floats(-3, 3), st.floats(-0.9, 0.9))
def test_jahn_teller_surfaces(radius, angle, k, g):
    H = JahnTeller(linear=k, quadratic=g)
    levels = np.linalg.eigvalsh(H([radius * np.cos(angle), radius * np.sin(angle)]))
    root = k**2 + k * g * radius * np.cos(3 * angle) + g**2 * radius**2 / 4
    half = radius * np.sqrt(max(root, 0.0))
    np.testing.assert_allclose(levels, radius**2 / 2 + np.array([-half, half]), atol=1e-6)


@pytest.mark.parametrize("g", [0.25, -0.25])
def test_stationary_points_and_outer_intersections(g):
    k = 1.5
    H = JahnTeller(linear=k, quadratic=g)

    def lower(x):
        return np.linalg.eigvalsh(H(x))[0]

    first = 0.0 if g > 0 else np.pi
    for third in range(3):
        angle = first + 2 * np.pi * third / 3
        direction = np.array([np.cos(angle), np.sin(angle)])
        found = minimize(lower, 1.9 * direction, tol=1e-12)
        assert found.fun == pytest.approx(-(k**2) / (2 * (1 - abs(g))), abs=1e-10)
        np.testing.assert_allclose(found.x, k / (1 - abs(g)) * direction, atol=1e-5)
        opposite = np.linalg.eigvalsh(H(-2 * abs(k / g) * direction))
        assert opposite[0] == pytest.approx(opposite[1], abs=1e-12)
        saddle = lower(-k / (1 + abs(g)) * direction)
        assert saddle == pytest.approx(-(k**2) / (2 * (1 + abs(g))), abs=1e-12)


def test_linear_trough_is_round():
    angle = np.linspace(0, 2 * np.pi, 50)
    points = 4.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    levels = np.linalg.eigvalsh(JahnTeller(linear=-4.0)(points))
    np.testing.assert_allclose(levels[:, 0], -8.0, atol=1e-12)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: ConicalIntersection(slope=0.0), "slope"),
        (lambda: ConicalIntersection(slope=1.0, anisotropy=-1.0), "anisotropy"),
        (lambda: ConicalIntersection(slope=1.0, tilt_x=np.nan), "tilt_x"),
        (lambda: JahnTeller(linear=1.0, quadratic=1.0), "quadratic"),
        (lambda: JahnTeller(linear=np.inf), "linear"),
    ],
)
def test_bad_arguments(build, name):
    with pytest.raises(InputError, match=f"Argument `{name}` must"):
        build()


def test_points_need_both_coordinates():
    with pytest.raises(InputError, match="last axis of length 2"):
        JahnTeller(linear=1.0)([1.0, 2.0, 3.0])
