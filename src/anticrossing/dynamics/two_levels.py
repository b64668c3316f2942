"""Two levels under formulas of polynomials and harmonic functions: all lanes in compiled code.

Nothing of such formulas is narrow or noisy, so that there is nothing to look for between the nodes,
and a lane can be followed from its start to its end without a call back. What is anything else goes
to `panels`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import tape
from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.threads import processors
from anticrossing.drive import FormulaDrive
from anticrossing.dynamics import cancellation, features, interference, panels
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import TWO_LEVEL_NODES
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import TermHamiltonian

_FEWEST_LANES = 64  # that make another thread worth starting
_MOST_LANES = 4096  # of one call, so that threads finish together


@dataclass(frozen=True)
class Passages:
    """Propagators of all lanes, to the end and to every requested time, and their errors.

    `angles` is what the eigenvectors at both ends together are known to.
    """

    propagator: ComplexArray
    snapshots: ComplexArray
    panels: npt.NDArray[np.intp]
    evaluated: int
    error: FloatArray
    phase: FloatArray
    angles: FloatArray
    method: str = "superadiabatic panels"
    steps: None = None


def follow(
    lanes: Lanes,
    first: ComplexArray,
    last: ComplexArray,
    *,
    tolerance: float,
    breakpoints: FloatArray | None = None,
    times: FloatArray | None = None,
    between: ComplexArray | None = None,
) -> Passages | None:
    """Propagate every lane across its window, or return None for `panels` to do it.

    Parameters
    ----------
    lanes : Lanes
        What to propagate.
    first, last : array, shape (lanes, 2, 2)
        Between these states probabilities are wanted: where their phases interfere, rounding adds
        to the error.
    tolerance, breakpoints, times
        As for `panels.solve`.
    between : array, shape (lanes, K, 2, 2)
        The states in which it is read at the K times; without them only the end counts.
    """
    found = _tape(lanes)
    if found is None:
        return None
    hamiltonian = lanes.hamiltonian
    from anticrossing.dynamics import _two_level_lanes

    points, count = grid(TWO_LEVEL_NODES), lanes.count
    wanted = np.empty((count, 0)) if times is None else np.array(times, order="C")
    propagator = np.empty((count, 2, 2), dtype=np.complex128)
    snapshots = np.empty((*wanted.shape, 2, 2), dtype=np.complex128)
    counts = np.zeros((count, 2), dtype=np.int64)
    info = np.empty((count, 3))
    status = np.empty(count, dtype=np.int64)
    limits = np.array(
        [interference.ROUNDING, interference.NEGLIGIBLE, panels.ROUNDING * 2, panels.LARGEST_DEFECT]
    )
    # Copies where another call may hand over what is read-only: Numba compiles for every kind.
    arguments = (
        np.array(lanes.start),
        np.array(lanes.stop),
        _cuts(lanes, breakpoints, wanted),
        wanted,
        tape.parameters(lanes.d_parameters, lanes.h_parameters, count),
        found.code,
        found.constant,
        found.numbers,
        found.outputs,
        _parts(hamiltonian),
        points.nodes,
        points.derivative,
        points.integral,
        points.weights,
        points.tail,
        points.slopes_at_ends,
        tolerance,
        np.array(first, dtype=np.complex128, order="C"),
        np.array(last, dtype=np.complex128, order="C"),
        np.array(
            np.zeros_like(snapshots) if between is None else between, dtype=np.complex128, order="C"
        ),
        limits,
        propagator,
        snapshots,
        counts,
        info,
        status,
    )

    def one(part: npt.NDArray[np.int64]) -> None:
        _two_level_lanes.solve_lanes(part, *arguments)

    workers = min(processors(), count // _FEWEST_LANES)
    if workers <= 1:
        one(np.array([0, count]))
    else:
        edges = np.linspace(0, count, max(4 * workers, -(-count // _MOST_LANES)) + 1)
        edges = edges.astype(np.int64)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(one, np.stack([edges[:-1], edges[1:]], axis=1)))
    if status.any():
        return None
    return Passages(
        propagator,
        snapshots,
        counts[:, 0].astype(np.intp),
        int(counts[:, 1].sum()),
        info[:, 0],
        info[:, 1],
        info[:, 2],
    )


def _tape(lanes: Lanes) -> tape.Tape | None:
    """Return the instructions for H(x(t)), or None where nodes may not see all of it."""
    hamiltonian, drive = lanes.hamiltonian, lanes.drive
    if not (isinstance(hamiltonian, TermHamiltonian) and isinstance(drive, FormulaDrive)):
        return None
    if hamiltonian.dimension != 2 or np.any(hamiltonian.offsets()):
        return None
    found = tape.record(
        drive._formula,
        tuple(drive.parameters),
        hamiltonian.formulas,
        (*hamiltonian.coordinates, *hamiltonian.parameters),
    )
    if found is None or not features.is_plain(lanes):
        return None
    if cancellation.may_matter(lanes):
        times = lanes.start[:, None] + (lanes.stop - lanes.start)[:, None] * _SAMPLES
        if cancellation.find(lanes, times, np.arange(lanes.count)) is not None:
            return None
    return found


_SAMPLES = np.arange(9) / 8.0


def _cuts(lanes: Lanes, breakpoints: FloatArray | None, times: FloatArray) -> FloatArray:
    """Return the times at which panels must end, in order."""
    given = [cuts for cuts in (lanes.breakpoints, times, breakpoints) if cuts is not None]
    return np.sort(np.concatenate(given, axis=1), axis=1)


def _parts(hamiltonian: Any) -> FloatArray:
    """Return half the difference, the coupling and the mean of every constant matrix, (K, 4)."""
    matrices = hamiltonian.traceless_matrices() * hamiltonian.units.angular
    upper, lower = matrices[:, 0, 0].real, matrices[:, 1, 1].real
    coupling = matrices[:, 0, 1]
    parts = [0.5 * (upper - lower), coupling.real, coupling.imag, 0.5 * (upper + lower)]
    return np.stack(parts, axis=1)
