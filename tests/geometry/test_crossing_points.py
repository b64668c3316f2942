"""Lowest crossings from energies and gradients: against exact derivatives, SLSQP, closed forms."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry.crossing_points import find_crossing_point
from anticrossing.geometry.minimum_energy import (
    minimum_energy_crossing,
    minimum_energy_intersection,
)
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.molecules.electronic import HamiltonianStates
from tests.effort import slow


def model(seed, modes, states):
    rng = np.random.default_rng(seed)
    linear = rng.normal(size=(modes, states, states)) * 0.008 * np.sqrt(4 / modes)
    return VibronicCoupling(
        energies=np.array([0.0, 0.21, 0.17, 0.19])[:states],
        frequencies=rng.uniform(0.003, 0.016, modes),
        linear=(linear + linear.transpose(0, 2, 1)) / 2,
    ), rng


def blocks(H):
    """The lowest levels of the states 0, 1 and of 2, 3, without what couples them."""

    def surfaces(q):
        value, slope = H(q), H.gradient(q)
        found = []
        for own in (slice(0, 2), slice(2, 4)):
            energies, vectors = np.linalg.eigh(value[own, own])
            v = vectors[:, 0]
            found.append((energies[0], np.einsum("n,anm,m->a", v, slope[:, own, own], v)))
        return [e for e, _ in found], [s for _, s in found]

    return surfaces


def slsqp(surfaces, start):
    found = scipy.optimize.minimize(
        lambda q: np.mean(surfaces(q)[0]),
        start,
        jac=lambda q: np.mean(surfaces(q)[1], axis=0),
        method="SLSQP",
        constraints={
            "type": "eq",
            "fun": lambda q: np.diff(surfaces(q)[0])[0],
            "jac": lambda q: np.diff(surfaces(q)[1], axis=0)[0],
        },
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found.success
    return found


@pytest.mark.parametrize("method", [None, slow("penalty")])
@pytest.mark.parametrize("seed", [300, slow(301), slow(401), slow(600), slow(601)])
def test_conical_intersections_without_couplings(seed, method):
    H, rng = model(seed, seed // 100, 3)
    starts = [np.zeros(seed // 100), *rng.normal(scale=3, size=(1, seed // 100))]
    for start in starts:
        found = find_crossing_point(
            HamiltonianStates(H), start, method=method, longest_step=1.0, gradient_tolerance=1e-6,
            gap_tolerance=1e-7, steps=400,
        )  # fmt: skip
        exact = minimum_energy_intersection(H, found.position)
        assert found.energy == pytest.approx(exact.energy, abs=1e-6)
        assert abs(found.energy - exact.energy) <= max(5 * found.error_estimate, 1e-8)
        assert np.linalg.norm(found.position - exact.position) < 0.1


@pytest.mark.parametrize("seed", [600, slow(301), slow(401), slow(601), slow(1200)])
def test_crossings_of_uncoupled_levels_against_another_optimiser(seed):
    modes = seed // 100
    H, rng = model(seed, modes, 4)
    surfaces = blocks(H)
    for start in (np.zeros(modes), *rng.normal(scale=3, size=(1, modes))):
        found = find_crossing_point(
            surfaces, start, kind="crossing", longest_step=1.0, gap_tolerance=1e-7,
            gradient_tolerance=1e-6,
        )  # fmt: skip
        assert found.energy == pytest.approx(slsqp(surfaces, found.position).fun, abs=1e-6)
        exact = minimum_energy_crossing(H, found.position, states=([0, 1], [2, 3]))
        assert found.energy == pytest.approx(exact.energy, abs=1e-6)


def test_one_and_two_coordinates_have_a_point_and_no_seam():
    def line(q):
        return [q[0] ** 2, (q[0] - 2) ** 2 + 1], [[2 * q[0]], [2 * q[0] - 4]]

    found = find_crossing_point(line, [0.0], kind="crossing")
    assert found.position[0] == pytest.approx(1.25, abs=1e-6)
    cone = HamiltonianStates(
        VibronicCoupling(
            energies=[0.0, 0.1],
            frequencies=[0.01, 0.01],
            linear=[[[0.01, 0], [0, -0.01]], [[0, 0.004], [0.004, 0]]],
        )
    )
    found = find_crossing_point(cone, [0.3, 1.0])
    assert_allclose(found.position, [5.0, 0.0], atol=1e-3)
    assert found.gap < 1e-6


def test_levels_that_are_not_coupled_are_no_cone():
    def surfaces(q):
        one = (q @ q) / 2, q
        two = ((q - [2, 1, 0]) @ (q - [2, 1, 0])) / 2 + 0.5, q - [2, 1, 0]
        order = sorted((one, two), key=lambda pair: pair[0])
        return [e for e, _ in order], [s for _, s in order]

    with pytest.raises(ConvergenceError):
        find_crossing_point(surfaces, [0.1, 0.2, 0.4])


def test_levels_that_do_not_meet_say_how_near_they_came():
    def surfaces(q):
        return [q[0] ** 2, q[0] ** 2 + 1 + q[1] ** 2], [[2 * q[0], 0], [2 * q[0], 2 * q[1]]]

    with pytest.raises(ConvergenceError, match="apart"):
        find_crossing_point(surfaces, [0.5, 0.3], kind="crossing", steps=30)


def test_bad_arguments():
    def surfaces(q):
        return [0.0, 1.0], np.zeros((2, q.size))

    for bad in (
        {"start": [[0.0]]},
        {"start": []},
        {"levels": (0, 2)},
        {"kind": "avoided"},
        {"method": "newton"},
        {"method": "branching-plane", "kind": "crossing"},
        {"longest_step": 0.0},
        {"steps": 0},
        {"surfaces": 3},
        {"surfaces": lambda q: 1.0},
        {"surfaces": lambda q: ([0.0, 1.0], np.zeros((2, 5)))},
    ):
        options = {"surfaces": surfaces, "start": [0.0, 0.0]} | bad
        with pytest.raises(InputError):
            find_crossing_point(options.pop("surfaces"), options.pop("start"), **options)
