"""One quick straight line in time, that a Taylor series follows at once.

There what is asked beforehand takes longer than the evolution. All of it is looked at together, in
compiled code, and what is not plain is left to others: several sectors, degenerate ends, requested
times, phases that another method follows at less cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing.dynamics import direct, interference, plan, readout
from anticrossing.dynamics._line_survey import survey
from anticrossing.dynamics._matrix_series import StraightPanel
from anticrossing.dynamics._outcome import Outcome
from anticrossing.dynamics._straight import Straight
from anticrossing.dynamics.request import Request
from anticrossing.hamiltonian import TermHamiltonian
from anticrossing.spectrum._algebra import APART, ZERO_ROTATED

_LEVELS = range(2, 65)
_FIRST = np.zeros(1, dtype=np.intp)


def follow(request: Request) -> Outcome | None:
    """Return the evolution of all levels or of one state, or None where it is none of this."""
    line = _QuickLine.of(request)
    return None if line is None else line.followed(request)


def work(request: Request) -> dict[str, Any] | None:
    """Return the method, the work and its unit as of `Effort`, or None where it is none of this."""
    line, lanes = _QuickLine.of(request), request.lanes
    if line is None:
        return None
    phase = line.norm * (lanes.stop - lanes.start)
    taken = plan.by_series(phase, lanes.hamiltonian.dimension if request.whole else 1)
    return {"method": direct.METHOD, "work": taken, "unit": plan.PRODUCTS}


@dataclass(frozen=True)
class _QuickLine:
    """A line that is quick.

    Attributes
    ----------
    matrices : array, shape (3, N, N)
        H at the start, the middle and the stop, without a multiple of the identity.
    first, last : array, shape (N, N)
        The states in which the evolution is read, as columns.
    norm, largest : float
        ‖H‖ in the mean and at the most.
    doubt : float
        A wide bound on what rounding of H does to what is read.
    """

    matrices: ComplexArray
    first: ComplexArray
    last: ComplexArray
    norm: float
    largest: float
    doubt: float

    @classmethod
    def of(cls, request: Request) -> _QuickLine | None:
        """Return the line of a request, or None."""
        lanes = request.lanes
        levels = lanes.hamiltonian.dimension
        cut = request.times is not None or request.breakpoints is not None
        if lanes.count > 1 or levels not in _LEVELS or cut or request.symmetry is not None:
            return None
        bent = not lanes.is_straight or lanes.drive.breakpoints.size
        if bent or request.basis == "superadiabatic":
            return None
        seen = lanes.window.matrices[0].astype(np.complex128)
        energies, vectors = lanes.ends.energies[0], lanes.ends.vectors[0].astype(np.complex128)
        norm, start, stop, at_start, at_stop, link = survey(seen, energies, vectors[0])
        one_sector = at_start > APART * start and link > ZERO_ROTATED
        phase = norm * float(lanes.stop[0] - lanes.start[0])
        if not (one_sector and plan.takes_steps(levels, levels if request.whole else 1, phase)):
            return None
        doubt = 0.0
        if request.basis == "diabatic":
            vectors = np.broadcast_to(np.eye(levels, dtype=np.complex128), vectors.shape)
        else:
            unknown = lanes.most_unknown[0].tolist()
            doubt = readout.doubt_of_norms(
                levels, (start, stop), (at_start, at_stop), (unknown[0], unknown[-1])
            )
        if doubt == math.inf:
            return None
        return cls(seen, vectors[0], vectors[1], norm, max(start, stop), doubt)

    def followed(self, request: Request) -> Outcome | None:
        """Return the evolution; None if no step is short enough."""
        lanes, state, first, last = request.lanes, request.initial, self.first, self.last
        levels, window = len(first), float(lanes.stop[0] - lanes.start[0])
        phase = self.norm * window
        vector = first[:, state, None] if isinstance(state, int) else state[:, None]
        given = np.identity(levels, dtype=np.complex128) if request.whole else vector
        slope = 0.5 * (self.matrices[2] - self.matrices[0])
        limits = direct.budget(window, request.panel_tolerance, phase)
        panel = StraightPanel(self.matrices[1], slope, window, self.norm, self.largest, *limits)
        final, missed, steps = panel.follow(given, lanes.tell)
        if not math.isfinite(missed):
            return None
        assert isinstance(lanes.hamiltonian, TermHamiltonian)
        turns = float(interference.turns(phase, float(lanes.unknown_phase[0])))
        straight = Straight.of(lanes) if lanes.hamiltonian.offsets().any() else None
        if straight is not None:
            turned, common = straight.turned(_FIRST, lanes.start, lanes.stop)
            final, phase = turned[0] * final, phase + float(common[0])
        propagator = amplitudes = None
        if request.whole:
            propagator, off = nearer_unitary(final)
            amplitudes = dagger(last) @ (propagator @ first)
            final, defect = propagator @ vector, float(off)
        else:
            square = float(np.vdot(final, final).real)
            final, defect = final * (1.5 - 0.5 * square), abs(square - 1)
        read = dagger(last) @ final
        seen = [] if amplitudes is None else [amplitudes]
        if amplitudes is None or not isinstance(state, int):
            seen.append(read)
        return Outcome(
            propagator,
            amplitudes,
            np.abs(read[:, 0]) ** 2,
            final[:, 0],
            np.empty((0, levels), dtype=np.complex128),
            np.empty((0, levels)),
            np.array([defect + 2 * missed + turns + self._doubt(request, *seen)]),
            np.array([phase]),
            np.array([1]),
            1,
            direct.METHOD,
            np.array([steps]),
            None,
            None,
            (levels,),
        )

    def _doubt(self, request: Request, *amplitudes: ComplexArray) -> float:
        """Return a bound on what rounding of H does to squares, as narrow as it has to be."""
        enough = readout.CLOSE * request.accuracy
        if self.doubt <= enough:
            return self.doubt
        lanes, stop = request.lanes, request.lanes.stop[:, None]
        level = request.initial if isinstance(request.initial, int) else None
        sizes = (np.abs(part)[None, None] for part in amplitudes)
        return max(
            float(readout.doubt(lanes, request.basis, stop, size, level, enough)[0])
            for size in sizes
        )
