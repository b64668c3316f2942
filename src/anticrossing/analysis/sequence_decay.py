"""What an environment does between passages: the density matrix followed step by step.

Between passages populations relax and coherences decay in the eigenbasis; at a passage two levels
mix as Landau–Zener says. The walk is never offered as a closed form: it tells how far closed forms
that leave surroundings out, or interference, can be trusted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import FloatArray
from anticrossing._core.quadrature import gauss_legendre
from anticrossing.analysis.decay import rate_matrices
from anticrossing.analysis.meetings import PassageEvent, keeps_state
from anticrossing.drive import Drive
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

_NODES = gauss_legendre(8)
_GRADED = 0.5 ** np.arange(12, 0, -1)
_EDGES = np.concatenate([[0], _GRADED, 1 - _GRADED[-2::-1], [1]])  # finer near the passages


class Walk:
    """The losses of populations and coherences before, between and after the passages."""

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        drive: Drive,
        environment: Environment,
        events: Sequence[PassageEvent],
    ) -> None:
        import scipy.linalg

        ends = [float(drive.start_time), *(e.time for e in events), float(drive.stop_time)]
        self.losses: list[tuple[FloatArray, FloatArray]] = []
        for k, (start, stop) in enumerate(itertools.pairwise(ends)):
            edges = start + (stop - start) * _EDGES
            times = edges[:-1, None] + np.diff(edges)[:, None] * (_NODES[0] + 1) / 2
            weights = np.diff(edges)[:, None] * _NODES[1] / 2
            before, after = events[max(k - 1, 0)], events[min(k, len(events) - 1)]
            transfer = np.zeros((hamiltonian.dimension,) * 2)
            coherence = np.zeros_like(transfer)
            nearer_first = times.ravel() < (before.time + after.time) / 2
            for event, chosen in ((before, nearer_first), (after, ~nearer_first)):
                # What passes fast keeps its diabatic state: only that can be lost on the way.
                pair = event.levels if keeps_state(event) else None
                at, weight = times.ravel()[chosen], weights.ravel()[chosen]
                if at.size:
                    rates = rate_matrices(hamiltonian, drive, environment, at, diabatic=pair)
                    transfer += np.tensordot(weight, rates[0], axes=1)
                    coherence += np.tensordot(weight, rates[1], axes=1)
            self.losses.append((scipy.linalg.expm(transfer), np.exp(-np.maximum(coherence, 0))))

    def probabilities(
        self,
        level: int,
        crossings: Sequence[formulas.CrossingStep],
        phases: FloatArray | None = None,
    ) -> FloatArray:
        """Return the final populations of the adiabatic levels; incoherent without phases."""
        size = self.losses[0][0].shape[0]
        state = np.zeros((size, size), dtype=np.complex128)
        state[level, level] = 1.0
        for k, (transfer, coherence) in enumerate(self.losses):
            if k:
                nothing = np.zeros((0, size))
                mix = formulas.transfer_matrices([crossings[k - 1]], nothing, levels=size)
                state = mix @ state @ mix.conj().T
            populations = transfer @ np.diagonal(state).real
            state = state * coherence if phases is not None else np.zeros_like(state)
            if phases is not None and 0 < k < len(crossings):
                turn = np.exp(-1j * phases[k - 1])
                state = turn[:, None] * state * turn.conj()
            np.fill_diagonal(state, populations)
        return np.asarray(np.diagonal(state).real)
