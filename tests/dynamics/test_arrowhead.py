"""One driven level among fixed ones: frames against LAPACK, evolution against other solvers."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import GaussianState, _arrowhead, evolve_fermions, panels
from anticrossing.dynamics.arrowhead import ArrowheadKernel, Crossings, reduced
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.reference import propagator as reference_propagator
from anticrossing.thermodynamics import DrivenLevel
from tests.effort import slow

TOLERANCE = 2e-12


def arrow(levels, couplings, place=0):
    """Return the constant matrix, and the slope of the driven level at a place."""
    couplings = np.asarray(couplings)
    others = np.delete(np.arange(len(levels) + 1), place)
    constant = np.zeros((others.size + 1,) * 2, dtype=couplings.dtype)
    constant[others, others] = levels
    constant[others, place] = couplings
    constant[place, others] = couplings.conj()
    slope = np.zeros(constant.shape)
    slope[place, place] = 1.0
    return ac.Hamiltonian.affine(constant, slope)


def solved(levels, couplings, left, right, half_width):
    """Return frames (2, N, N), phases (N,) and the status of one panel of a straight sweep."""
    points, size = grid(25), len(levels) + 1
    epsilon = 0.5 * (left + right) + 0.5 * (right - left) * points.nodes
    frames, theta = np.zeros((1, 2, size, size), dtype=complex), np.zeros((1, size))
    error, status = np.zeros(1), np.zeros(1, dtype=np.int64)
    _arrowhead.solve_panels(
        epsilon[None],
        np.asarray(levels),
        np.asarray(couplings),
        np.array([half_width]),
        np.ascontiguousarray(points.derivative.T),
        points.weights,
        points.tail,
        TOLERANCE,
        np.array([TOLERANCE]),
        frames,
        theta,
        error,
        status,
    )
    return frames[0].swapaxes(-1, -2), theta[0], int(status[0])


@pytest.mark.parametrize(
    ("levels", "couplings", "left", "right"),
    [
        ([1.0, 2.0, 3.0], [0.2, 0.3, 0.1], 1.9, 2.1),
        ([-1.0, 1e-3, 1.5e-3, 2.0], [0.5, 0.4, 0.3, 0.6], -0.2, 0.2),  # nearly one level
        ([-1.0, 0.0, 1.0], [1e-7, 0.3, 1e-5], -0.1, 0.1),
        ([0.0, 1.0], [20.0, 30.0], -5.0, 5.0),
        ([0.0], [0.25], 3.0, 4.0),
        (np.linspace(-3, 3, 40), np.full(40, 0.2), -0.05, 0.05),
    ],
)
def test_the_slowest_frames_are_the_eigenvectors(levels, couplings, left, right):
    frames, theta, status = solved(levels, couplings, left, right, 1e15)
    assert status == _arrowhead.SOLVED
    size = len(levels) + 1
    for frame, epsilon in zip(frames, (left, right), strict=True):
        h = np.diag([epsilon, *levels])
        h[0, 1:] = h[1:, 0] = couplings
        energies, vectors = np.linalg.eigh(h)
        assert np.max(np.abs(frame.T @ frame - np.eye(size))) < 1e-12
        near = np.abs(np.diag(frame.T @ h @ frame) - energies)
        assert np.max(near) < 1e-13 * np.max(np.abs(h))
        apart = np.min(np.diff(energies))
        aligned = vectors * np.sign(vectors[0] * frame[0].real)
        assert np.max(np.abs(frame - aligned)) < 1e-14 / apart * np.max(np.abs(h))
    # Phases: Gauss–Legendre quadrature of LAPACK's eigenvalues.
    nodes, weights = np.polynomial.legendre.leggauss(30)
    places = 0.5 * (left + right) + 0.5 * (right - left) * nodes
    matrices = np.tile(h, (30, 1, 1))
    matrices[:, 0, 0] = places
    expected = weights @ np.linalg.eigvalsh(matrices)
    assert np.max(np.abs(theta / 1e15 - expected)) < 1e-13 * np.max(np.abs(h))


@pytest.mark.parametrize(
    ("levels", "couplings", "place"),
    [
        ([1.0, 3.0, 3.0, 3.0], [0.9, 0.7 + 0.4j, 0.6j, -0.1], 2),  # three that act as one
        slow([0.5, 2.5, 3.6], [0.9, -0.95, 1.0], 0),
        slow([1.0, 1.5, 3.0, 3.4], [0.9, 0.0, 1.0, 0.0], 4),  # two that do nothing
    ],
)
def test_propagator_agrees_with_what_is_not_adiabatic(levels, couplings, place):
    """The star's equation with a memory knows no eigenvectors."""
    hamiltonian = arrow(levels, couplings, place)
    sweep = ac.drive.Linear(0.0, 4.0, rate=2e-2)
    lanes = Lanes.of(hamiltonian, sweep)
    kernel = ArrowheadKernel(lanes, place, TOLERANCE)
    assert kernel.is_adiabatic(lanes)
    found = panels.solve(lanes, kernel, tolerance=TOLERANCE)
    assert found.evaluated == found.panels[0] < 20  # none of them is refused
    state = GaussianState.product(np.full(len(levels) + 1, 0.5))
    exact = evolve_fermions(hamiltonian, sweep, state=state, method="star")
    assert np.max(np.abs(found.propagator[0] - exact.propagator)) < 1e-10


@pytest.mark.slow
def test_propagator_agrees_with_runge_kutta():
    hamiltonian, sweep = arrow([0.5, 2.5, 3.6], [0.9, -0.95, 1.0]), ac.drive.Linear(0, 4, rate=2e-2)
    found = panels.solve(
        Lanes.of(hamiltonian, sweep),
        ArrowheadKernel(Lanes.of(hamiltonian, sweep), 0, TOLERANCE),
        tolerance=TOLERANCE,
    )
    exact = reference_propagator(hamiltonian, sweep, rtol=1e-13)
    assert np.max(np.abs(found.propagator[0] - exact)) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize(
    "sweep",
    [
        ac.drive.Sinusoidal(offset=2.0, amplitude=2.0, frequency=1e-4, stop_time=7e3),
        ac.drive.Piecewise([0, 1e4, 2e4, 5e4], [0.0, 4.0, 4.0, 1.2]),
    ],
)
def test_levels_that_return_and_quick_crossings_agree_with_the_panels_of_any_levels(sweep):
    """Of the couplings one is passed slowly, one at once, and one neither way."""
    hamiltonian = arrow([1.0, 2.0, 3.0, 3.4], [0.3, 1e-7, 4e-3, 0.2])
    state = GaussianState.product([0.2, 0.9, 0.6, 0.4, 0.1])
    found = evolve_fermions(hamiltonian, sweep, state=state, method="panels")
    lanes = Lanes.of(hamiltonian, sweep)
    general = panels.solve(lanes, UnitaryKernel(5), tolerance=TOLERANCE)
    squares = np.abs(general.propagator[0]) ** 2
    assert np.max(np.abs(np.abs(found.propagator) ** 2 - squares)) < 1e-10
    assert found.error_estimate < 1e-9


@pytest.mark.parametrize("couplings", [np.zeros(4), [0.3, 1e-200, 0.2, 0.3]])
def test_couplings_that_are_none(couplings):
    hamiltonian = arrow([1.0, 2.0, 3.0, 3.4], couplings)
    state = GaussianState.product([0.2, 0.9, 0.6, 0.4, 0.1])
    sweep = ac.drive.Linear(0, 4, rate=1e-4)
    found = evolve_fermions(hamiltonian, sweep, state=state, method="panels")
    expected = arrow([1.0, 2.0, 3.0, 3.4], np.where(np.array(couplings) > 1e-100, couplings, 0.0))
    general = panels.solve(Lanes.of(expected, sweep), UnitaryKernel(5), tolerance=TOLERANCE)
    assert abs(abs(found.propagator[2, 2]) - 1) < 1e-13
    squares = np.abs(general.propagator[0]) ** 2
    assert np.max(np.abs(np.abs(found.propagator) ** 2 - squares)) < 1e-10


def published(rate):
    return DrivenLevel(
        levels=np.arange(1.0, 9.0),
        couplings=0.2,
        temperature=1 / 1.2,
        chemical_potential=3.0,
        start=0.0,
        stop=9.0,
        rate=rate,
    )


def test_the_estimate_knows_what_long_phases_lose():
    """At a rate of 1e-7 levels turn by 1e8 rad, which show where a level is not an eigenstate."""
    level = published(1e-7)
    hamiltonian = arrow(level.levels - 4.5, level.couplings)
    lanes = Lanes.of(hamiltonian, ac.drive.Linear(-4.5, 4.5, rate=1e-7))
    general = panels.solve(lanes, UnitaryKernel(9), tolerance=TOLERANCE)
    squares = np.abs(general.propagator[0]) ** 2
    apart = np.max(np.abs(np.abs(level.propagator) ** 2 - squares))
    assert 1e-12 < apart < level.propagator_error < 1e-8


@pytest.mark.slow
def test_many_levels_that_are_passed_slowly_are_not_left_to_the_star():
    """Which would take a hundred thousand panels."""
    level = DrivenLevel(
        levels=np.arange(1.0, 31.0), couplings=0.2, temperature=1.0, start=0.0, stop=31.0, rate=1e-4
    )
    assert level._whole.method == "panels"
    assert level._whole.panels < 80
    # Adiabatic: the level that is driven ends as the highest eigenstate, and each other one moves
    # up by one but for what couples at the ends.
    assert level.propagator_error < 1e-9
    ends = (level.start, level.stop)
    before, after = (np.linalg.eigh(level.hamiltonian(end))[1] for end in ends)
    between = np.abs(after.T @ level.propagator @ before) ** 2
    assert np.max(np.abs(between - np.eye(31))) < 1e-6


@pytest.mark.parametrize("coupling", [1e-9, 0.2, 30.0])
def test_two_levels_meet_where_their_gap_vanishes(coupling):
    crossings = Crossings.of(np.array([0.5]), np.array([coupling]))
    np.testing.assert_allclose(crossings.places, [0.5 + 2j * coupling], rtol=1e-12)
    np.testing.assert_allclose(crossings.steepness, [1.0], rtol=1e-7)


def test_at_crossings_two_eigenvalues_are_one():
    levels, couplings = np.array([-1.0, 0.2, 0.3, 2.0]), np.array([0.3, 0.5, 0.1, 1.0])
    crossings = Crossings.of(levels, couplings)
    assert crossings.places.size == 4
    for place, steepness in zip(crossings.places, crossings.steepness, strict=True):
        distances = []
        for step in (0.0, 1e-6):
            h = np.diag([place + step, *levels])
            h[0, 1:] = h[1:, 0] = couplings
            values = np.linalg.eigvals(h)
            apart = np.abs(values[:, None] - values)[np.triu_indices(5, 1)]
            distances.append(np.min(apart))
        assert distances[0] < 1e-6
        assert distances[1] == pytest.approx(steepness * np.sqrt(2 * place.imag * 1e-6), rel=1e-3)


def test_reduced_levels_are_the_same_levels():
    levels = np.array([2.0, 1.0, 2.0, 3.0, 2.0, 1.0])
    couplings = np.array([0.1 + 0.2j, 0.3, -0.4, 0.0, 0.5j, 0.0])
    basis, energies, sizes, alone = reduced(levels, couplings, 0.0)
    assert energies.tolist() == [1.0, 2.0]
    np.testing.assert_allclose(basis.conj().T @ basis, np.eye(6), atol=1e-15)
    inside = basis.conj().T @ np.diag(levels) @ basis
    np.testing.assert_allclose(inside, np.diag([*energies, *alone]), atol=1e-15)
    np.testing.assert_allclose(basis.conj().T @ couplings, [*sizes, 0, 0, 0, 0], atol=1e-15)


def test_couplings_whose_squares_or_quotients_leave_the_doubles_turn_nothing():
    for coupling in (1e-200, 1e-310):
        basis, _, sizes, _ = reduced(np.array([1.0, 1.0, 2.0]), np.array([1, 1j, 1]) * coupling, 0)
        np.testing.assert_allclose(basis.conj().T @ basis, np.eye(3), atol=1e-15)
        assert np.sum(sizes) <= 3 * coupling
