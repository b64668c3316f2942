"""Lowest crossings from energies and gradients: against exact derivatives, SLSQP, closed forms."""

import numpy as np
import pytest
import scipy.linalg
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


@pytest.mark.parametrize("method", [None, "penalty"])
@pytest.mark.parametrize("seed", [300, 301, 401, 600, 601])
@pytest.mark.slow
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


@pytest.mark.parametrize("seed", [400, slow(300), slow(401), slow(601)])
def test_conical_intersections_against_another_optimiser(seed):
    """SLSQP knows what the search does not: W, of which W₀₀ − W₁₁ and W₀₁ are to vanish."""
    H, _ = model(seed, seed // 100, 2)
    start = np.zeros(seed // 100)
    found = find_crossing_point(
        HamiltonianStates(H), start, longest_step=1.0, gap_tolerance=1e-9, gradient_tolerance=1e-9
    )
    reference = scipy.optimize.minimize(
        lambda q: np.trace(H(q)) / 2, start,
        jac=lambda q: np.trace(H.gradient(q), axis1=1, axis2=2) / 2,
        method="SLSQP", options={"ftol": 1e-16, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda q: np.array([H(q)[0, 0] - H(q)[1, 1], H(q)[0, 1]]),
                     "jac": lambda q: np.stack([H.gradient(q)[:, 0, 0] - H.gradient(q)[:, 1, 1],
                                                H.gradient(q)[:, 0, 1]])},
    )  # fmt: skip
    assert reference.success
    assert found.method == "branching-plane"
    assert found.energy == pytest.approx(reference.fun, rel=0, abs=1e-10)
    assert_allclose(found.position, reference.x, rtol=0, atol=1e-6)


# Seed 301 is none of these: there the lowest point is a cusp, where a third level joins the two.
@pytest.mark.parametrize("seed", [600, slow(302), slow(401), slow(601), slow(1200)])
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


@pytest.mark.parametrize("seed", [600, slow(601)])
@pytest.mark.parametrize("kind", ["conical", "crossing"])
def test_the_distance_that_is_left_is_what_a_flat_seam_allows(kind, seed):
    """Within the seam g = k δx and δE = g²/2k, with k its lowest curvature, from SLSQP's point."""
    H, rng = model(seed, 6, 2 if kind == "conical" else 4)
    surfaces = HamiltonianStates(H) if kind == "conical" else blocks(H)

    def slopes(q):
        """Gradients of the mean, and of what vanishes on the seam."""
        if kind == "conical":
            W = H.gradient(q)
            return W.trace(axis1=1, axis2=2) / 2, [W[:, 0, 0] - W[:, 1, 1], W[:, 0, 1]]
        one, two = np.array(surfaces(q)[1])
        return (one + two) / 2, [two - one]

    def values(q):
        if kind == "conical":
            return np.array([H(q)[0, 0] - H(q)[1, 1], H(q)[0, 1]])
        return np.diff(surfaces(q)[0])

    options = {"kind": kind, "longest_step": 1.0}
    loose = find_crossing_point(surfaces, np.zeros(6), **options)
    tight = find_crossing_point(
        surfaces, np.zeros(6), **options, gap_tolerance=1e-11, gradient_tolerance=1e-9
    )
    reference = scipy.optimize.minimize(
        lambda q: np.mean(surfaces(q)[0]), loose.position + 0.01 * rng.normal(size=6),
        jac=lambda q: slopes(q)[0], method="SLSQP", options={"ftol": 1e-16, "maxiter": 500},
        constraints={"type": "eq", "fun": values, "jac": lambda q: np.array(slopes(q)[1])},
    )  # fmt: skip
    mean, normals = slopes(reference.x)
    multipliers = np.linalg.lstsq(np.transpose(normals), -mean, rcond=None)[0]
    lagrangian = [
        sum((m * c for m, c in zip(multipliers, n, strict=True)), start=g)
        for g, n in (slopes(reference.x + sign * 1e-4 * e) for e in np.eye(6) for sign in (1, -1))
    ]
    bends = (np.array(lagrangian[::2]) - np.array(lagrangian[1::2])) / 2e-4
    axes = scipy.linalg.null_space(np.array(normals))
    k = np.linalg.eigvalsh(axes.T @ (bends + bends.T) / 2 @ axes)[0]
    for found in (loose, tight):
        away = np.linalg.norm(found.position - reference.x)
        across = found.gap / np.linalg.norm(np.diff(found.gradients, axis=0))
        assert away <= 1.2 * found.seam_gradient / k + 2 * across + 3e-6
        above = found.energy - reference.fun
        assert abs(above) <= 1.2 * found.seam_gradient**2 / (2 * k) + found.gap + 1e-12
    assert 1e-6 < loose.seam_gradient < 1e-5
    assert_allclose(tight.position, reference.x, rtol=0, atol=5e-6)
    assert tight.energy == pytest.approx(reference.fun, rel=0, abs=1e-11)


def test_the_penalty_keeps_what_its_stages_learned():
    """The inverse Hessian of one is where the next begins: else this takes 240 calls."""
    found = find_crossing_point(
        blocks(model(601, 6, 4)[0]), np.zeros(6), kind="crossing", method="penalty",
        longest_step=1.0, gradient_tolerance=1e-6, gap_tolerance=1e-7, steps=400,
    )  # fmt: skip
    assert found.evaluations < 200


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


def leaning(offset=0.0, energy=1.0, length=1.0, tilt=0.0, width=1.0):
    """Cones on x = (z + 1)/2, y = 0 in units of `length`; lowest at (0.4, 0, -0.2) without tilt."""

    def surfaces(q):
        q = q / length
        d, y = q[0] - (q[2] + 1) / 2, width * q[1]
        r = np.hypot(d, y)
        mean, slope = (q @ q) / 2 + tilt * q[0], q + np.array([tilt, 0, 0])
        part = np.array([d, width * y, -d / 2]) / max(r, 1e-300)
        return (
            energy * np.array([mean - r, mean + r]) + offset,
            energy / length * np.array([slope - part, slope + part]),
        )

    return surfaces


@pytest.mark.parametrize("method", [None, "penalty"])
@pytest.mark.parametrize(
    ("model", "start", "scale"),
    [
        ({}, [0.3, 0.4, 1.0], (1.0, 1.0)),
        ({"offset": -1e4}, [0.3, 0.4, 1.0], (1.0, 1.0)),
        ({"energy": 2e5}, [0.3, 0.4, 1.0], (2e5, 1.0)),
        ({"length": 1e-3}, [0.3e-3, 0.4e-3, 1e-3], (1.0, 1e-3)),
        ({"width": 0.01}, [0.3, 0.4, 1.0], (1.0, 1.0)),
        ({"width": 100.0}, [0.3, 0.4, 1.0], (1.0, 1.0)),
        ({}, [300.0, 40.0, -100.0], (1.0, 1.0)),
        ({}, [0.5, 0.0, 0.0], (1.0, 1.0)),  # on the seam
        ({}, [0.4, 0.0, -0.2], (1.0, 1.0)),  # at the answer
    ],
    ids=str,
)
def test_cones_in_other_units_and_shapes_and_from_the_seam_itself(model, start, scale, method):
    energy, length = scale
    found = find_crossing_point(
        leaning(**model), start, method=method, gap_tolerance=1e-6 * energy,
        gradient_tolerance=1e-5 * energy / length, longest_step=0.3 * length,
    )  # fmt: skip
    expected = 0.1 * energy + model.get("offset", 0.0)
    assert found.energy == pytest.approx(expected, abs=2e-6 * energy)
    assert abs(found.energy - expected) <= 5 * found.error_estimate + 1e-9 * energy
    assert_allclose(found.position / length, [0.4, 0.0, -0.2], atol=2e-3)


@pytest.mark.parametrize("method", [None, "branching-plane", "penalty"])
def test_what_is_no_cone_raises(method):
    for energies in ([1.0, 1.0], [0.0, 1.0], [np.nan, 1.0]):
        with pytest.raises(ConvergenceError):
            find_crossing_point(
                lambda q, e=energies: (e, np.zeros((2, 3))), [3.0, 4.0, -1.0], method=method
            )


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
