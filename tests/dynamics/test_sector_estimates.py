"""Estimates of evolutions by sectors against exact diagonalisation in many digits.

H(x) = x M commutes with itself: its evolution is exact, and all that rounding does to close levels
of different sectors shows in it.
"""

import itertools

import mpmath
import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import _own_sectors
from tests.effort import slow

FROM, TO = 1.0, 1.5


def hermitian(rng, size):
    a = rng.normal(size=(size, size))
    return (a + a.T) / 2


def twins(rng, size, apart, *, turned):
    """Return two equal blocks that a small matrix couples, beside a third, in a turned basis."""
    block = hermitian(rng, size)
    matrix = np.zeros((2 * size + 2,) * 2)
    matrix[:size, :size] = matrix[size : 2 * size, size : 2 * size] = block
    matrix[2 * size :, 2 * size :] = hermitian(rng, 2)
    between = apart * hermitian(rng, size)
    matrix[:size, size : 2 * size] = matrix[size : 2 * size, :size] = between
    basis = np.eye(matrix.shape[0])
    if turned:
        basis = np.linalg.qr(rng.normal(size=matrix.shape))[0]
    matrix = basis @ matrix @ basis.T
    state = basis[:, :size] @ rng.normal(size=size)
    return (matrix + matrix.T) / 2, state / np.linalg.norm(state)


def exact(matrix, state, length, basis):
    """Return the probabilities and, in the diabatic basis, the transition matrix."""
    with mpmath.workdps(40):
        energies, vectors = mpmath.eigsy(mpmath.matrix(matrix.tolist()))
        angle = mpmath.mpf(length) * (FROM + TO) / 2
        turn = mpmath.diag([mpmath.expj(-e * angle) for e in energies])
        left = mpmath.eye(len(state)) if basis == "diabatic" else vectors.T
        final = left * vectors * turn * vectors.T
        found = final * mpmath.matrix(state.tolist())
        whole = final if basis == "diabatic" else final * vectors
        return tuple(np.abs(np.array(m.tolist(), dtype=complex)) ** 2 for m in (found, whole))


@pytest.mark.parametrize("whole", [slow(False), True])
@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
@pytest.mark.parametrize("turned", [slow(False), True])
def test_close_levels_of_different_sectors_are_in_the_estimate(basis, turned, whole):
    rng = np.random.default_rng(5)
    for size, apart, length in [(1, 1e-11, 1e4), (2, 1e-10, 1e5), (2, 3e-14, 1e7), (2, 3e-9, 1e9)]:
        matrix, state = twins(rng, size, apart, turned=turned)
        result = ac.propagate(
            ac.Hamiltonian.from_terms([("x", matrix)]),
            ac.drive.Linear(FROM, TO, rate=(TO - FROM) / length),
            initial=state, basis=basis, whole=whole,
        )  # fmt: skip
        if any("degenerate" in warning for warning in result.warnings):
            continue  # the adiabatic basis is not unique
        probabilities, transition = exact(matrix, state, length, basis)
        error = np.max(np.abs(result.probabilities - probabilities[:, 0]))
        if whole:
            error = max(error, np.max(np.abs(result.transition_matrix - transition)))
        assert error <= result.error_estimate + 1e-13


def test_a_coupling_lost_beside_large_elements_is_in_the_estimate():
    # The levels ±c of the sectors are lost beside 10⁷, and at a probability of 1 the phase shows in
    # second order only.
    coupling, length = 5e-9, 1e8
    matrix = np.diag([1e7, 0.0, 0.0])
    matrix[1, 2] = matrix[2, 1] = coupling
    result = ac.propagate(
        ac.Hamiltonian.from_terms([(1, matrix), ("x", np.diag([1e-3, 0, 0]))]),
        ac.drive.Linear(0, 1, rate=1 / length),
        basis="diabatic", whole=True,
    )  # fmt: skip
    error = abs(result.transition_matrix[2, 1] - np.sin(coupling * length) ** 2)
    assert error <= result.error_estimate
    assert "accuracy" in result.warnings[0]


def test_a_search_for_a_better_edge_ends_where_steps_are_rounding(monkeypatch):
    # Slopes of rounding may turn round, and what they make up together vanishes.
    slopes = itertools.cycle([1e-26, -1e-26])
    monkeypatch.setattr(
        _own_sectors, "_led", lambda terms, inside, basis, left: np.full(basis.shape, next(slopes))
    )
    basis = np.eye(12)[:, :1]
    basis[1] = 1e-11
    found = _own_sectors._sharpened([np.diag(np.arange(12.0, 0, -1))], basis)
    assert np.max(np.abs(found - basis)) < 1e-10


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("beside", [0, 12])
def test_which_level_of_two_sectors_is_lower_may_hang_on_the_last_digit_of_x(beside, whole):
    far, levels = 1e6, 3 + beside
    slope, constant = np.zeros((2, levels, levels))
    slope[:3, :3], constant[2, 2] = np.diag([1.0, -0.7, 0.2]), 3.0
    constant[0, 2] = constant[2, 0] = 0.5
    for k in range(3, levels):  # coupled to one another alone
        constant[k, k], slope[k, k] = 5.0 + k, 0.1 * k
        constant[k, k - 1] = constant[k - 1, k] = 0.3 if k > 3 else 0.0
    # Two levels that nothing couples meet where 0.6 x + 1.5 − √((1.5 − 0.4 x)² + ¼) = −0.7 x.
    (crossing,) = (x for x in np.roots([1.53, 5.1, -0.25]).real if x > 0)
    hamiltonian, found = ac.Hamiltonian.affine(constant - far * slope, slope), []
    for digit in range(-6, 7):
        stop = far + crossing + digit * np.spacing(far)
        sweep = ac.drive.Linear(far - 1, stop, rate=1e4)
        found.append(ac.propagate(hamiltonian, sweep, tolerance=1e-6, whole=whole))
    assert len(found[0].sectors) > 1 or not whole
    moved = [abs(b.probabilities[0] - a.probabilities[0]) for a, b in itertools.pairwise(found)]
    assert max(moved) > 0.5 or len(found[0].sectors) == 1  # of a state's own sector
    assert max(result.error_estimate for result in found) > 0.9
    for jump, before, after in zip(moved, found, found[1:], strict=False):
        assert jump < min(before.error_estimate, after.error_estimate)
        assert jump < 0.5 or before.warnings
