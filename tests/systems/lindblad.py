"""Lindblad equations solved and built apart from the solver, to check the library against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator as liouville_generator
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian


def superoperator(hamiltonian: np.ndarray, jumps: list[np.ndarray]) -> np.ndarray:
    """The generator of one H and its jump operators, applied to every matrix unit in turn."""
    levels = hamiltonian.shape[0]
    columns = []
    for unit in np.eye(levels**2).reshape(-1, levels, levels):
        image = -1j * (hamiltonian @ unit - unit @ hamiltonian)
        for jump in jumps:
            square = jump.conj().T @ jump
            image = image + jump @ unit @ jump.conj().T - 0.5 * (square @ unit + unit @ square)
        columns.append(image.ravel())
    return np.array(columns).T


def bloch_generator(
    gap: float, rate: float, eigenbasis: Callable[..., np.ndarray] | None = None, axis: float = 0.0
) -> Callable[[np.ndarray], np.ndarray]:
    """Bloch equations of ½[[x, g], [g, −x]], x = rate·t, as matrices (n, 3, 3) at times (n,).

    `eigenbasis(x)` is the decay rate of the coherence between instantaneous eigenstates, `axis`
    that between the diabatic states.
    """

    def generator(t: np.ndarray) -> np.ndarray:
        x = rate * t
        matrix = np.zeros((t.size, 3, 3))
        matrix[:, 0, 1], matrix[:, 1, 0] = -x, x
        matrix[:, 1, 2], matrix[:, 2, 1] = -gap, gap
        matrix[:, [0, 1], [0, 1]] -= axis
        if eigenbasis is not None:
            direction = np.stack([np.full(x.size, gap), 0 * x, x], axis=-1)
            direction /= np.hypot(x, gap)[:, None]
            across = np.eye(3) - direction[:, :, None] * direction[:, None, :]
            matrix -= np.asarray(eigenbasis(x))[..., None, None] * across
        return matrix

    return generator


def bloch_ground(gap: float, x: float) -> np.ndarray:
    """The Bloch vector of the ground state at x."""
    return -np.array([gap, 0.0, x]) / np.hypot(gap, x)


def magnus(
    generator: Callable[[np.ndarray], np.ndarray], start: float, stop: float, steps: int
) -> np.ndarray:
    """Solve y′ = A(t) y by fourth-order Magnus steps; returns the map from start to stop."""
    h = (stop - start) / steps
    total = None
    for chunk in np.array_split(np.arange(steps), max(1, steps // 20_000)):
        middle = start + (chunk + 0.5) * h
        a, b = (generator(middle + sign * np.sqrt(3) / 6 * h) for sign in (-1, 1))
        exponent = 0.5 * h * (a + b) - np.sqrt(3) / 12 * h**2 * (a @ b - b @ a)
        norm = np.max(np.sum(np.abs(exponent), axis=-1))
        halvings = max(0, int(np.ceil(np.log2(max(norm, 1e-9) / 0.25))))
        small = exponent / 2**halvings
        step = term = np.broadcast_to(np.eye(small.shape[-1]), small.shape)
        for order in range(1, 13):
            term = term @ small / order
            step = step + term
        for _ in range(halvings):
            step = step @ step
        while step.shape[0] > 1:
            if step.shape[0] % 2:
                step = np.concatenate([step, np.eye(step.shape[-1])[None]])
            step = step[1::2] @ step[::2]
        total = step[0] if total is None else step[0] @ total
    assert total is not None
    return total


def propagator(
    hamiltonian: Hamiltonian, drive: Drive, environment: Environment, tolerance: float = 1e-11
) -> np.ndarray:
    """ρ(start) → ρ(stop) of a drive without breakpoints: `open_propagator` by Magnus steps.

    Twice as many steps until the last digits stand.
    """
    assert not len(drive.breakpoints)
    lanes, steps, before = Lanes.of(hamiltonian, drive), 1024, None
    start, stop = float(drive.start_time), float(drive.stop_time)
    while True:
        change = magnus(
            lambda t: liouville_generator(lanes, environment, t[None])[0], start, stop, steps
        )
        # Of fourth order, the finer answer is 15 times nearer to the truth than to the coarser.
        if before is not None and np.max(np.abs(change - before)) < 14 * tolerance:
            return change
        if steps >= 2**16:
            raise AssertionError(f"the reference does not settle with {steps} steps")
        steps, before = 2 * steps, change
