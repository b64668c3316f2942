"""Decoherence against quadrature and the numbers of another program."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad, solve_ivp

from anticrossing import Hamiltonian
from anticrossing._core.checks import InputError
from anticrossing.environment.spectral_density import Discrete
from anticrossing.models import SpinBoson, TullySimple
from anticrossing.molecules.trajectories import (
    Fixed,
    Gaussian,
    _chunks,
    _kernel,
    _state,
    run_trajectories,
)
from anticrossing.molecules.trajectories.request import Request
from tests.effort import slow

TURN = np.array([[1, -1], [1, 1]]) / np.sqrt(2)  # a diabatic state is half of either level


def pair(side):
    """Two levels ∓½ whose slopes are ∓¼, and `side` between them, written in another basis."""
    slope = np.array([[-0.25, side], [side, 0.25]])
    return Hamiltonian.affine(TURN.T @ np.diag([-0.5, 0.5]) @ TURN, TURN.T @ slope @ TURN)


def loss(velocity, level, *, mass=20.0, stiffness=4.0):
    """Return k from the mean time of the overlap of two packets, by quadrature."""
    momentum, gap = mass * velocity, (1.0, -1.0)[level]
    force = (-0.5, 0.5)[level]  # of the other level, less its own
    left = momentum**2 - 2 * mass * gap
    change = np.sqrt(left) - momentum if left >= 0 else -2 * momentum
    force = force if left >= 0 else 0.0
    b = change * force / stiffness
    a = 0.5 * (stiffness * (change / mass) ** 2 + force**2 / stiffness)

    def moment(n):
        return quad(lambda t: t**n * np.exp(-b * t - a * t * t), 0, np.inf, epsabs=0)[0]

    return 7 / 12 * moment(0) / moment(1)


@pytest.mark.parametrize("velocity", [0.5, 0.32, 0.2, 3.0])
def test_amplitudes_decay_as_packets_lose_their_overlap(velocity):
    """0.2: a hop upwards would be frustrated, and turn the packet around."""
    step, steps = 1e-4, 40
    options = {
        "masses": 20.0, "initial": Fixed(0.0, 20.0 * velocity, basis="diabatic"), "step": step,
        "steps": steps, "count": 64, "seed": 1, "decoherence": "overlap",
        "decoherence_width": np.sqrt(0.5 / 4.0),
    }  # fmt: skip
    found = run_trajectories(pair(1e-7), **options)
    assert set(found.final_levels) == {0, 1}
    for level in (0, 1):
        other = found.final_weights[found.final_levels == level, 1 - level]
        expected = np.exp(-2 * loss(velocity, level) * step * steps) / 2
        assert_allclose(0.5 - other, 0.5 - expected, rtol=2e-3)
    # The Massey parameter is v·⟨0|∂H|1⟩/ΔE² = 1e-7 v: just above the threshold nothing decays.
    for threshold, decays in ((1.05e-7, True), (0.95e-7, False)):
        found = run_trajectories(
            pair(1e-7), **options, decoherence_threshold=threshold * velocity, rescaling="velocity"
        )
        assert np.all((np.abs(found.final_weights - 0.5) > 1e-6) == decays)


def test_levels_that_nothing_couples_decohere_at_once():
    found = run_trajectories(
        pair(0.0), masses=20.0, initial=Fixed(0.0, 10.0, basis="diabatic"), step=1e-3, steps=1,
        count=64, seed=1, decoherence="overlap", decoherence_width=0.3,
    )  # fmt: skip
    assert_allclose(found.final_weights, np.eye(2)[found.final_levels], atol=1e-15)


@pytest.mark.slow
def test_populations_of_another_program():
    """A spin in a bath of 100 modes, against 100 000 trajectories of the author of the method."""
    reference = json.loads(Path(__file__).parents[2].joinpath(
        "reference_data", "overlap_decoherence.json").read_text())  # fmt: skip
    modes, temperature, every = 100, 4.0, 300
    frequencies = np.tan(0.5 * np.pi * (np.arange(1, modes + 1) - 0.5) / modes)
    bath = Discrete(frequencies=frequencies, huang_rhys=0.5 / (modes * frequencies))
    width = np.sqrt(temperature / frequencies)
    found = run_trajectories(
        SpinBoson(coupling=1.0, reaction_free_energy=-2.0, spectral_density=bath),
        initial=Gaussian(0.0, 0.0, width, momentum_width=width, state=0, basis="diabatic"),
        step=0.01, steps=2700, every=every, count=1500, seed=1, frustrated="reflect",
        decoherence="overlap",
    )  # fmt: skip
    assert_allclose(found.times[1:], reference["times"])
    away = found.diabatic_populations.value[1:, 0] - reference["population"]
    assert np.all(np.abs(away) < 4 * np.hypot(found.diabatic_populations.error[1:, 0], 0.0016))


def three_states(i=1.0):
    """A third state, and complex couplings with i = 1j: what only matrices of moments can tell."""
    step, narrow = "0.01*tanh(1.6*x)", "0.005*exp(-x**2)"
    side = np.triu([[0, 1, 0.4 + 0.5 * i], [0, 0, 0.8 * i], [0, 0, 0]])
    side = side + side.conj().T
    return Hamiltonian.from_terms(
        [("1", np.diag([0.0, 0.0, 0.003])), (step, np.diag([1.0, -1.0, 0.2])), (narrow, side)]
    )


@pytest.mark.parametrize(
    "H",
    [TullySimple(), three_states(), slow(three_states(1j))],
    ids=["two states", "three states", "complex couplings"],
)
def test_moments_of_augmented_hopping_solve_their_equations(H):
    """δR and δP of Jain, Alguire and Subotnik (2016), in the diabatic basis by DOP853.

    There they need no derivative couplings: i∂_t δR = [H, δR] + iδP/m, i∂_t δP = [H, δP] +
    ½i{δF, σ}; what is taken from the diagonals is a multiple of 1 and comes off at the end.
    """
    mass, momentum, stop, n = 2000.0, 20.0, 400.0, H.dimension
    request = Request.of(
        H, masses=mass, initial=Fixed(-2.5, momentum, 0, "diabatic"), step=0.125, steps=3200,
        count=64, seed=3, decoherence="augmented",
    )  # fmt: skip
    starts = _chunks.draw_starts(request, 0, 64)
    compiled = _chunks.compiled_form(request, starts[0])
    state, records = _state.allocate(
        compiled.structure, starts[0], starts[1] / mass, starts[2], outputs=request.outputs,
        kept=0, log=0, decoherence=_state.AUGMENTED,
    )  # fmt: skip
    model = _state.model(
        compiled.structure, compiled.parameters, request.masses, request.thermostat,
        request.stiffness, request.box, known=True,
    )  # fmt: skip
    _kernel.run(compiled.fill, state, model, request.options(), records, 0, 64)
    level = 0

    def rates(_, y):
        x, p, c = y[0].real, y[1].real, y[2 : 2 + n]
        r, q = y[2 + n :].reshape(2, n, n)
        h, slope = H(x), H.derivative(x)
        lowest = np.linalg.eigh(h)[1][:, level]
        force = -(lowest.conj() @ slope @ lowest).real
        change, density = -slope - force * np.eye(n), np.outer(c, c.conj())
        dr = -1j * (h @ r - r @ h) + q / mass
        dq = -1j * (h @ q - q @ h) + 0.5 * (change @ density + density @ change)
        return np.concatenate([[p / mass, force], -1j * h @ c, dr.ravel(), dq.ravel()])

    begin = np.zeros(2 + n + 2 * n * n, dtype=complex)
    begin[:3] = -2.5, momentum, 1.0
    end = solve_ivp(rates, (0, stop), begin, method="DOP853", rtol=1e-10, atol=1e-13).y[:, -1]
    vectors = np.linalg.eigh(H(end[0].real))[1]
    expected = vectors.conj().T @ end[2 + n :].reshape(2, n, n) @ vectors
    undisturbed = (state.whole[:, _state.EVENTS] == 0) & (state.whole[:, _state.ACTIVE] == level)
    turns = state.turns[undisturbed][:, np.newaxis]
    packed = state.moments[undisturbed, :, 0]  # imaginary parts below the diagonal
    upper = np.triu(packed, 1) + 1j * np.tril(packed, -1).swapaxes(-1, -2)
    hermitian = upper + upper.conj().swapaxes(-1, -2) + packed * np.eye(n)
    found = turns @ hermitian @ turns.conj().swapaxes(-1, -2)
    expected, found = (
        m - m[..., level, level, np.newaxis, np.newaxis] * np.eye(n) for m in (expected, found)
    )
    assert undisturbed.sum() > 10
    assert_allclose(state.motion[undisturbed, 0, 0], end[0].real, rtol=1e-6)
    for moment, exact in zip(np.median(np.abs(found), axis=0), expected, strict=True):
        assert_allclose(moment, np.abs(exact), rtol=5e-3, atol=1e-6)
        assert np.abs(exact[0, 1]) > 0.05 * np.abs(exact[1, 1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"decoherence": "overlap"}, "`decoherence_width` must be given"),
        ({"decoherence": "overlap", "decoherence_width": [1.0, 1.0]}, "must be one number"),
        ({"decoherence": "overlap", "decoherence_width": 1e-200}, "must be from 1e-100 to 1e"),
        ({"decoherence": "overlap", "decoherence_width": -1.0}, "must be positive"),
        ({"decoherence_width": 1.0}, "must be given for decoherence 'overlap' only"),
        ({"decoherence": "energy", "decoherence_threshold": 0.1}, "decoherence 'overlap' only"),
        ({"friction": 1.0}, "`temperature` must be given with `friction`"),
        ({"temperature": 1.0}, "`friction` must be given with `temperature`"),
        ({"friction": -1.0, "temperature": 1.0}, "must not be negative"),
        ({"friction": 1.0, "temperature": 1.0, "method": "landau-zener"}, "must be left out"),
        ({"friction": [1.0, 2.0], "temperature": 1.0}, "must be one number"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused(options, text):
    with pytest.raises(InputError, match=text):
        run_trajectories(
            TullySimple(), masses=2000.0, initial=Fixed(-4.0, 20.0), step=10.0, steps=1, count=1,
            seed=1, **options,
        )  # fmt: skip
