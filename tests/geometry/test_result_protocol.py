"""Every result of the geometry of levels shows, stores and draws itself."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from anticrossing import Hamiltonian, geometry
from tests.result_protocol import check

CONE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
SPACE = Hamiltonian.from_matrix([["x", "y"], ["y", "-x+z"]], coordinates=["x", "y", "z"])
SPIN = Hamiltonian.from_matrix(
    [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z")
)
LINE = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])
X = np.linspace(-2, 2, 9)
ANGLES = np.linspace(0, 2 * np.pi, 13)
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)


@functools.cache
def intersection() -> geometry.Intersection:
    return geometry.find_intersection(CONE, [0.3, 0.2])


def data() -> geometry.AdiabaticData:
    energy, coupling = np.sqrt(X**2 + 0.25), 0.25 / (X**2 + 0.25)
    return geometry.AdiabaticData(
        X,
        np.stack([-energy, energy], axis=-1),
        couplings=coupling[:, None, None] * np.array([[0, 1], [-1, 0]]),
    )


RESULTS = {
    "loop": lambda: geometry.wilson_loop(CONE, RING, levels=0),
    "plane": lambda: geometry.BranchingPlane.of(intersection()),
    "trajectory": lambda: geometry.trajectory_couplings(LINE, X),
    "trajectory in a plane": lambda: geometry.trajectory_couplings(CONE, RING),
    "basis": lambda: geometry.diabatize(LINE, X),
    "basis of data": lambda: data().diabatize(),
    "grid": lambda: geometry.diabatize_grid(SPACE, [X[:4] + 3, X[:3] + 3, X[:2] + 9]),
    "frames": lambda: geometry.transport(LINE, X),
    "frames in a plane": lambda: geometry.transport(CONE, RING),
    "data": data,
    "intersection": intersection,
    "intersections": lambda: geometry.find_intersections(
        CONE, [(-1, 1), (-1, 1)], starts=4, seed=1
    ),
    "seam": lambda: geometry.trace_seam(
        SPACE, geometry.find_intersection(SPACE, [0.1, 0.1, 0.3]), length=1.0, step=0.1
    ),
    "minimum": lambda: geometry.minimum_energy_crossing(
        Hamiltonian.from_matrix(
            [["x**2 + y**2", 0.1], [0.1, "(x-1)**2 + y**2 + 0.3"]], coordinates=["x", "y"]
        ),
        [0.3, 0.2], states=([0], [1]),
    ),
    "surfaces": lambda: geometry.surfaces(LINE, X),
    "surfaces in a plane": lambda: geometry.surfaces(CONE, RING),
}  # fmt: skip


@pytest.mark.quick(8)
@pytest.mark.parametrize("name", RESULTS)
def test_result_protocol(name, tmp_path):
    check(RESULTS[name](), tmp_path)


def test_chern_number_is_not_drawn(tmp_path):
    number = geometry.chern_number(SPIN, levels=0, surface=geometry.Sphere())
    check(number, tmp_path, drawable=False)
