"""Driven levels that meet a reservoir: the exact propagator of a star of levels.

A star is a small centre with Hamiltonian h(t), coupled to many fixed levels ε_i that do not couple
to one another (one driven level and a reservoir: an "arrow" matrix). The fixed amplitudes can be
integrated away exactly, which leaves the centre with a memory::

    i u′ = h(t) u + Γ† a(t)
    a_i(t) = e^{−iε_i(t−t₀)} [a_i(t₀) − i ∫ e^{iε_i(s−t₀)} Γ_i u(s) ds]

On a panel, u at the Chebyshev nodes solves one small linear system, and the propagator of all
levels is a diagonal matrix plus a product of two thin ones. A panel may be as long as twenty
oscillations between the lowest and the highest level, and nothing is ever diagonalised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.threads import few_threads
from anticrossing.dynamics.chebyshev import Grid, grid

_PHASE = 120.0  # spread of the levels times the length of a panel, aimed at
_MARGIN = 36  # nodes beyond that phase, which resolve to the rounding error
_RESOLVED = 1e-12  # largest last Chebyshev coefficient of an amplitude
_MAX_HALVINGS = 40
_MOST_PANELS = 1_000_000  # about a quarter of an hour with few levels
_SMALL = 500  # one thread of BLAS is faster below


@dataclass(frozen=True)
class Star:
    """A centre of m levels, h(t), coupled to n fixed levels.

    Attributes
    ----------
    centre : callable
        h at an array of times (k,), in radians per time: shape (k, m, m).
    energies : array, shape (n,)
        The fixed levels ε_i in radians per time.
    couplings : array, shape (n, m)
        ``Γ[i, c] = ⟨i|H|c⟩`` in radians per time.
    """

    centre: Callable[[FloatArray], ComplexArray]
    energies: FloatArray
    couplings: ComplexArray

    @property
    def size(self) -> int:
        """The number of levels; the centre comes first."""
        return int(sum(self.couplings.shape))

    def apply(self, time: float, amplitudes: ComplexArray) -> ComplexArray:
        """Return H(t) times the columns of `amplitudes` (size, k)."""
        m = self.couplings.shape[1]
        centre, fixed = amplitudes[:m], amplitudes[m:]
        block = self.centre(np.array([time]))[0]
        return np.concatenate(
            [
                block @ centre + self.couplings.conj().T @ fixed,
                self.energies[:, None] * fixed + self.couplings @ centre,
            ]
        )


@dataclass(frozen=True)
class _Shared:
    """What panels of one length have in common, energies counted from `middle`."""

    oscillation: ComplexArray  # (nodes, n): e^{−iε_i (t − t₀)}
    drive: ComplexArray  # (nodes, n): −i times its integral from t₀
    memory: ComplexArray  # (nodes, m, nodes, m): the centre's memory of itself
    weights: ComplexArray  # (n, nodes·m): from u to the fixed amplitudes at the end


@dataclass
class Piece:
    """The propagator from the start to `time`, and what it took."""

    time: float
    propagator: ComplexArray
    panels: int = 0
    error: float = 0.0  # what the nodes may have left out
    _shared: dict[tuple[float, int, float], _Shared] = field(default_factory=dict, repr=False)


def evolve(star: Star, start: float, times: FloatArray, breakpoints: FloatArray) -> Iterator[Piece]:
    """Yield the propagator from `start` to each of the increasing times in turn.

    The array that is yielded is overwritten by the next step: copy what must be kept.

    Raises
    ------
    ConvergenceError
        If h(t) is not smooth at a time that is not a breakpoint, or the drive is too slow.
    """
    state = Piece(start, np.eye(star.size, dtype=np.complex128))
    for stop in times:
        inside = breakpoints[(breakpoints > state.time) & (breakpoints < stop)]
        with few_threads(star.size, small=_SMALL):
            for end in [*inside, stop]:
                _advance(star, state, float(end))
        yield state


def _advance(star: Star, state: Piece, stop: float) -> None:
    """Take panels of equal length, so that they share their matrices."""
    start = state.time
    if stop <= start:
        return
    lowest, highest = _range(star, start, stop)
    panels = max(1.0, float(np.ceil((highest - lowest) * (stop - start) / _PHASE)))
    if not panels <= _MOST_PANELS:
        raise ConvergenceError(
            f"The drive is too slow for the solver of stars, which would take {panels:.1e} panels: "
            "`evolve_fermions` with method 'panels' has a cost that slowness does not raise."
        )
    count = int(panels)
    for left in np.linspace(start, stop, count, endpoint=False):
        _panel(star, state, float(left), (stop - start) / count, 0)
    state.time = stop


def _range(star: Star, start: float, stop: float) -> tuple[float, float]:
    """The lowest and the highest level met in a stretch of time."""
    levels = np.linalg.eigvalsh(star.centre(np.linspace(start, stop, 9)))
    everything = np.concatenate([levels.ravel(), star.energies])
    return float(everything.min()), float(everything.max())


def _panel(star: Star, state: Piece, start: float, length: float, halvings: int) -> None:
    """Multiply the propagator of one panel into `state`, halving the panel while unresolved."""
    lowest, highest = _range(star, start, start + length)
    # Sizes in steps of eight, so that panels with nearly the same range share their matrices.
    size = 8 * int(np.ceil(((highest - lowest) * length + _MARGIN) / 8)) + 1
    mesh = grid(size)
    middle = 0.5 * (lowest + highest)
    shared = _share(star, state, mesh, length, middle)
    h = star.centre(start + 0.5 * length * (mesh.nodes + 1))
    solved = _centre(star, state.propagator, mesh, shared, h - middle * np.eye(h.shape[-1]), length)

    tail = np.abs(np.tensordot(mesh.tail, solved, axes=1)).max()
    if not tail < _RESOLVED:
        if halvings == _MAX_HALVINGS:
            raise ConvergenceError(
                f"The driven levels are not smooth near t = {start:.6g}: "
                "give that time as a breakpoint."
            )
        _panel(star, state, start, length / 2, halvings + 1)
        _panel(star, state, start + length / 2, length / 2, halvings + 1)
        return
    m = star.couplings.shape[1]
    turn = np.exp(-1j * middle * length)
    state.propagator[m:] *= (turn * shared.oscillation[-1])[:, None]
    state.propagator[m:] += turn * (shared.weights @ solved.reshape(size * m, -1))
    state.propagator[:m] = turn * solved[-1]
    state.panels += 1
    unresolved = 0.5 * length * np.abs(np.tensordot(mesh.tail, h, axes=1)).max()
    state.error += size * float(tail) + float(unresolved)


def _centre(
    star: Star,
    propagator: ComplexArray,
    mesh: Grid,
    shared: _Shared,
    local: ComplexArray,
    length: float,
) -> ComplexArray:
    """Return the centre's amplitudes u at the nodes, (nodes, m, size), for every initial level."""
    # `local` is h at the nodes, counted from the middle of the levels.
    import scipy.linalg

    n, m = star.couplings.shape
    size = mesh.size
    system = shared.memory.copy()
    integral = 0.5j * length * mesh.integral
    system += integral[:, None, :, None] * local.transpose(1, 0, 2)[None]
    matrix = system.reshape(size * m, size * m)
    matrix[np.diag_indices_from(matrix)] += 1

    # Without the centre's memory: its initial amplitude, and the push of the freely moving rest.
    fixed = star.couplings.conj()[:, :, None] * propagator[m:, None, :]
    free = (shared.drive @ fixed.reshape(n, -1)).reshape(size, m, -1)
    free += propagator[:m]
    factors = scipy.linalg.lu_factor(matrix, check_finite=False, overwrite_a=True)
    solution: ComplexArray = scipy.linalg.lu_solve(
        factors, free.reshape(size * m, -1), check_finite=False, overwrite_b=True
    )
    return solution.reshape(size, m, -1)


def _share(star: Star, state: Piece, mesh: Grid, length: float, middle: float) -> _Shared:
    """Return what panels of this length share, from the last panel if that was like this one."""
    key = (length, mesh.size, middle)
    if key in state._shared:
        return state._shared[key]
    n, m = star.couplings.shape
    times = 0.5 * length * (mesh.nodes + 1)
    integral = 0.5 * length * mesh.integral
    oscillation = np.exp(-1j * np.outer(times, star.energies - middle))
    strength = star.couplings.conj()[:, :, None] * star.couplings[:, None, :]
    # Memory: u goes out to level i, turns there, and comes back; both steps are integrals.
    kernel = np.einsum("ti,iab,si->tasb", oscillation, strength, oscillation.conj(), optimize=True)
    memory = np.tensordot(integral, integral[:, None, :, None] * kernel, axes=1)
    arrival = oscillation[-1][:, None] * oscillation.conj().T * mesh.weights * (0.5 * length)
    weights = -1j * arrival[:, :, None] * star.couplings[:, None, :]
    shared = _Shared(
        oscillation, -1j * (integral @ oscillation), memory, weights.reshape(n, mesh.size * m)
    )
    state._shared.clear()  # the matrices of one length are large; keep one set
    state._shared[key] = shared
    return shared
