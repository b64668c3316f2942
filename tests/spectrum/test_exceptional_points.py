"""Exceptional points against closed forms and the discriminant in many digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.environment import Decay
from anticrossing.spectrum import find_exceptional_points
from tests.result_protocol import check

LZ = ac.models.LandauZener(gap=0.6)
CONE = ac.Hamiltonian.from_matrix([["x/2", "y/2"], ["y/2", "-x/2"]], coordinates=("x", "y"))


def test_two_levels_have_one_where_the_width_is_twice_the_gap() -> None:
    plane = {"x": (-2.0, 2.5), "width": (0.0, 3.0)}
    found = find_exceptional_points(LZ, Decay([0.0, 1.0]), plane)
    assert len(found) == 1
    np.testing.assert_allclose(found.positions, [[0.0, 1.2]], atol=1e-9)
    np.testing.assert_allclose(found.energies, [-0.3j], atol=1e-9)
    assert found.separations[0] < 1e-6
    # The phase of (x + iγ/2)² + g² near x = 0, γ = 2g: first order in iδx·g − gδγ/2.
    assert found.turns[0] == 1 or found.turns[0] == -1
    swapped = find_exceptional_points(
        LZ, Decay([0.0, 1.0]), {"width": (0.0, 3.0), "x": (-2.0, 2.5)}
    )
    np.testing.assert_allclose(swapped.positions, [[1.2, 0.0]], atol=1e-9)
    assert swapped.turns[0] == -found.turns[0]


def test_units_and_a_rate() -> None:
    """Widths are per time, levels in the Hamiltonian's unit."""
    units = ac.Units(energy="GHz", time="ns")
    found = find_exceptional_points(
        LZ.with_units(units), Decay([0.0, 1.0]), {"x": (-2.0, 2.5), "width": (0.0, 30.0)}
    )
    np.testing.assert_allclose(found.positions, [[0.0, 1.2 * 2 * np.pi]], atol=1e-8)


def test_a_cone_opens_into_two() -> None:
    """(x + iγ/2)² + y² = 0 at x = 0, y = ±γ/2, with turns of both signs."""
    plane = {"x": (-1.0, 1.3), "y": (-1.0, 1.1)}
    found = find_exceptional_points(CONE, Decay([0.0, 0.5], coordinates=("x", "y")), plane)
    order = np.argsort(found.positions[:, 1])
    np.testing.assert_allclose(found.positions[order], [[0, -0.25], [0, 0.25]], atol=1e-9)
    assert sorted(found.turns) == [-1, 1]
    np.testing.assert_allclose(found.energies, [-0.125j, -0.125j], atol=1e-9)


def test_levels_that_meet_without_their_states_are_none() -> None:
    alike = find_exceptional_points(
        CONE, Decay([0.5, 0.5], coordinates=("x", "y")), {"x": (-1.0, 1.3), "y": (-1.0, 1.1)}
    )
    assert len(alike) == 0


@pytest.mark.slow
def test_four_levels_against_the_discriminant() -> None:
    rng = np.random.default_rng(4)
    a = 0.1 * rng.normal(size=(4, 4))
    a, b = a + a.T, np.diag([0.0, 1.0, -0.7, 2.2])
    widths = np.array([0.0, 0.4, 1.0, 1.7])
    hamiltonian = ac.Hamiltonian.affine(a, b)
    found = find_exceptional_points(
        hamiltonian, Decay(widths), {"x": (-2.0, 2.0), "width": (0.0, 4.0)}, points=81
    )
    assert len(found) == 6
    with mpmath.workdps(40):
        for (x, width), energy in zip(found.positions, found.energies, strict=True):

            def squared(x: Any, width: Any, energy: complex = energy) -> list[Any]:
                m = mpmath.matrix(a.tolist()) + x * mpmath.matrix(b.tolist())
                m = m - 0.5j * width * mpmath.diag(widths.tolist())
                values, _ = mpmath.eig(m)
                near = sorted(values, key=lambda v: abs(v - energy))[:2]
                f = (near[0] - near[1]) ** 2
                return [mpmath.re(f), mpmath.im(f)]

            solved = mpmath.findroot(squared, (x, width), tol=1e-25)
            assert abs(float(solved[0]) - x) < 1e-8
            assert abs(float(solved[1]) - width) < 1e-8
            m = hamiltonian(x) - 0.5j * width * np.diag(widths)
            vectors = np.linalg.eig(m)[1]
            assert np.linalg.cond(vectors) > 1e3


def test_shown_and_saved(tmp_path: Path) -> None:
    found = find_exceptional_points(LZ, Decay([0, 1]), {"x": (-2, 2.5), "width": (0, 3)})
    assert "exceptional point" in str(found)
    assert found.to_dataset()["position"].shape == (1, 2)
    check(found, tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"plane": {"x": (0, 1)}}, "intervals of width and x"),
        ({"plane": {"x": (0, 1), "y": (0, 1)}}, "intervals of width and x"),
        ({"plane": {"x": (1, 0), "width": (0, 1)}}, "interval"),
        ({"plane": {"x": (0, 1), "width": (-1, 1)}}, "not be negative"),
        ({"plane": {"x": (0, 1, 2), "width": (0, 1)}}, "pairs"),
        ({"decay": Decay([0.1])}, "2 levels"),
        ({"decay": Decay([0.1, [0.1, 0.2]])}, "single parameter point"),
        ({"points": 1}, "points"),
    ],
)
def test_bad_input_is_one_line(change: dict[str, Any], text: str) -> None:
    given: dict[str, Any] = {
        "hamiltonian": LZ,
        "decay": Decay([0.0, 1.0]),
        "plane": {"x": (-1, 1), "width": (0, 3)},
    }
    with pytest.raises(InputError, match=text) as caught:
        find_exceptional_points(**(given | change))
    assert "\n" not in str(caught.value)
