"""What the rounding of long phases does to probabilities.

A phase Φ is known to Φ times the rounding unit. It shows where ways of different phase lead to one
final state, such as those between two passages; the levels' phases beside a single passage do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing._core.threads import one_thread
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.open_kernels import OpenKernel
from anticrossing.dynamics.panels import SUPERADIABATIC, Evolution, Pieces

# Of a phase: its own rounding, and as much again for the rounding of t, x and H.
ROUNDING = 2 * float(np.finfo(np.float64).eps)
# The difference between two equations that rounding does not tell apart is what it does, within
# these factors: it is one draw.
_SHIFTS, _MOST_SHIFTS = 2.0, 20.0
_MOST_SHIFTS_PER_LEVEL = 1.1  # two of many levels may turn nearly alike in it
NEGLIGIBLE = 0.05  # of the error estimate
_MOST_NUMBERS = 2_000_000  # handled at once, which bounds memory
_MOST_AT_TIMES = 3e7  # products
_MOST_PRODUCTS = 1e9  # beyond that the bound for any phases has to do

_Maps = npt.NDArray[np.complex128]


def of_phases(evolution: Evolution) -> FloatArray:
    """Return a bound on what the rounding of its phases does to any element of U or to |U|²."""
    unknown = 0.0 if evolution.unknown is None else evolution.unknown
    bound = turns(evolution.phase - evolution.common, unknown)
    if evolution.shifted is not None:
        found = np.max(np.abs(evolution.shifted - evolution.propagator), axis=(1, 2))
        bound = np.minimum(np.maximum(bound, _SHIFTS * found), 1.0)
    return bound


def turns(phase: FloatArray | float, unknown: FloatArray | float = 0.0) -> FloatArray:
    """Return the same bound for phases of so many radians, `unknown` ones of them."""
    return np.asarray(np.minimum(2 * np.maximum(ROUNDING * phase, unknown), 1.0))


def of_superposition(turns: FloatArray, first: _Maps, vector: _Maps) -> FloatArray:
    """Return a bound on what `turns` do to probabilities from a sum (lanes, N) of columns `first`.

    Ways from different columns interfere, Σ_{i≠j} |c_i c_j| of them, beside what each does alone.
    """
    sizes = np.abs((dagger(first) @ vector[..., None])[..., 0])
    apart = np.sum(sizes, axis=-1) ** 2 - np.sum(sizes**2, axis=-1)
    return np.asarray(np.minimum(turns * apart, 1.0))


def of_states(lanes: Lanes, evolution: Evolution, columns: _Maps, rows: _Maps) -> FloatArray:
    """Return a bound on the error of |rows† U columns|² of every lane through its phases.

    `columns` (lanes, N, i) are initial states, `rows` (lanes, N, f) final ones. With U = S P cut at
    the end of a panel, a phase δ of level j between them changes the probability by
    2 δ Im(U*_fi S_fj P_ji). Where panels were solved a second time for an equation that may be
    meant as well, the answers are compared: of close levels only the distance matters.
    """
    bound = of_phases(evolution)
    if evolution.method != SUPERADIABATIC:
        return bound
    telling = np.flatnonzero(bound > NEGLIGIBLE * evolution.error)
    for lane, pieces in _groups(telling, evolution):
        phases, frames = _levels(lanes, lane, pieces)
        most = _turned(pieces, phases, frames, columns[lane], rows[lane], 0.0)
        bound[lane] = np.minimum(bound[lane], np.max(most, axis=(1, 2)))
    if evolution.shifted is not None:
        both = (evolution.propagator, evolution.shifted)
        found, other = (np.abs(dagger(rows) @ _applied(evolution, u, columns)) ** 2 for u in both)
        moved = np.max(np.abs(found - other), axis=(1, 2))
        limit = max(_MOST_SHIFTS, _MOST_SHIFTS_PER_LEVEL * rows.shape[-2])
        bound = np.clip(bound, _SHIFTS * moved, limit * moved)
    return bound


def on_the_way(
    parts: Sequence[tuple[Lanes, Evolution, _Maps, _Maps]],
    times: FloatArray,
    bound: FloatArray | None = None,
) -> FloatArray:
    """Return the same of what is read at requested `times` (lanes, K); `rows` are (lanes, K, N, f).

    What interferes there may have nothing to interfere with at the end. Several sectors are given
    with a `bound` for any phases. Of very many times an even choice is looked at.
    """
    evolutions = [evolution for _, evolution, _, _ in parts]
    if not times.size or any(evolution.method != SUPERADIABATIC for evolution in evolutions):
        return np.zeros(times.shape[0])
    together = bound is not None
    bound = of_phases(evolutions[0]) if bound is None else bound
    telling = np.flatnonzero(bound > NEGLIGIBLE * np.max([e.error for e in evolutions], axis=0))
    work = sum(
        np.max(e.panels) * rows.shape[-1] * columns.shape[-1] * rows.shape[-2] ** 2
        for _, e, columns, rows in parts
    )
    step = 1 + int(times.shape[1] * work // _MOST_AT_TIMES)
    chosen = slice((times.shape[1] - 1) % step, None, step)
    amplitudes = [
        dagger(rows[:, chosen]) @ _applied(e, e.snapshots[:, chosen], columns[:, None])
        for _, e, columns, rows in parts
    ]
    total = np.sum(amplitudes, axis=0)
    found = np.zeros_like(bound)
    most = np.zeros(total.shape)
    for lanes, evolution, columns, rows in parts:
        for lane, pieces in _groups(telling, evolution):
            phases, frames = _levels(lanes, lane, pieces, offset=together)
            angles = np.minimum(ROUNDING * phases, 2.0)
            into = [columns[lane]]
            for k in range(phases.shape[1]):
                into.append(pieces.propagator[:, k] @ into[-1])
            wanted = dagger(rows[lane, chosen])
            after = np.zeros_like(wanted)
            turned = _Turns(total[lane], sides=2 if len(parts) > 1 else 1)
            for k in range(phases.shape[1] - 1, -1, -1):
                here = times[lane, chosen] == pieces.right[:, k, None]
                after[here] = wanted[here]
                made = dagger(frames[:, k]) @ into[k + 1]
                turned.add(after @ frames[:, None, k], made[:, None], angles[:, None, k])
                after = after @ pieces.propagator[:, None, k]
            most[lane] += turned.bound
    found[telling] = np.minimum(bound[telling], np.max(most[telling], axis=(1, 2, 3), initial=0.0))
    return found


def of_sectors(
    parts: Sequence[tuple[Lanes, Evolution, _Maps, _Maps]], amplitudes: _Maps, bound: FloatArray
) -> FloatArray:
    """Return the same where several sectors add to every amplitude (lanes, f, i).

    Each is given with what `of_states` takes; `bound` holds for any phases.
    """
    if any(evolution.method != SUPERADIABATIC for _, evolution, _, _ in parts):
        return bound
    size = amplitudes.shape[-1] * amplitudes.shape[-2]
    panels = max(int(np.max(evolution.panels)) for _, evolution, _, _ in parts)
    if size * panels * max(columns.shape[1] for *_, columns, _ in parts) > _MOST_NUMBERS:
        return bound
    error = np.max([evolution.error for _, evolution, _, _ in parts], axis=0)
    telling = np.flatnonzero(bound > NEGLIGIBLE * error)
    total = np.zeros(amplitudes.shape)
    for lanes, evolution, columns, rows in parts:
        rest = amplitudes - dagger(rows) @ _applied(evolution, evolution.propagator, columns)
        for lane, pieces in _groups(telling, evolution):
            phases, frames = _levels(lanes, lane, pieces, offset=True)
            total[lane] += _turned(pieces, phases, frames, columns[lane], rows[lane], rest[lane])
    found = bound.copy()
    found[telling] = np.minimum(bound[telling], np.max(total[telling], axis=(1, 2)))
    other = sum(
        dagger(rows) @ _applied(u, u.propagator if u.shifted is None else u.shifted, columns)
        for _, u, columns, rows in parts
    )
    moved = np.max(np.abs(np.abs(other) ** 2 - np.abs(amplitudes) ** 2), axis=(1, 2))
    # The second equations do not turn the phases that all levels of a sector share.
    return np.minimum(np.maximum(found, _SHIFTS * moved), bound)


def _applied(evolution: Evolution, propagator: _Maps, columns: _Maps) -> _Maps:
    """Return a propagator times columns, as some evolutions are from the start."""
    return propagator if evolution.applied else propagator @ columns


def _turned(
    pieces: Pieces,
    phases: FloatArray,
    frames: _Maps,
    columns: _Maps,
    rows: _Maps,
    rest: _Maps | float,
) -> FloatArray:
    """Return the bound of every |rows† U columns + rest|², (lanes, f, i)."""
    before, after = _parts(pieces.propagator, columns, dagger(rows))
    into, out = dagger(frames) @ before, after @ frames  # (l, panels, j, i), (l, panels, f, j)
    own = out[:, :1] @ into[:, :1]
    angles = np.minimum(ROUNDING * phases, 2.0)  # whatever its phase, a way adds no more
    # The rest turns too.
    turned = _Turns(own) if isinstance(rest, float) else _Turns(own + rest[:, None], sides=2)
    step = max(1, _MOST_NUMBERS // (own.size * phases.shape[-1]))
    for first in range(0, phases.shape[1], step):
        some = slice(first, first + step)
        turned.add(out[:, some], into[:, some], angles[:, some], panels=1)
    return turned.bound[:, 0]


class _Turns:
    """What turns of the levels' phases, panel by panel, do to squares of amplitudes (…, f, i)."""

    def __init__(self, total: _Maps, sides: int = 1) -> None:
        self.total, self.sides = total[..., None].conj(), sides
        self.first: FloatArray = np.zeros(total.shape)
        self.second: FloatArray = np.zeros(total.shape)

    def add(self, out: _Maps, into: _Maps, angles: FloatArray, panels: int | None = None) -> None:
        """Add the ways through the levels (…, f, j) and (…, j, i) that turn by angles (…, j).

        Along the axis `panels` are several panels.
        """
        ways = out[..., :, None, :] * into.swapaxes(-1, -2)[..., None, :, :]
        turn = angles[..., None, None, :]
        # The other ways are the total less this one, of which the product is real.
        product, size = self.total * ways, np.abs(ways) * turn
        first = np.sum(np.abs(product.imag) * turn, axis=-1)
        # Where the total is largest or least, only the squares of the angles show.
        alone = np.abs(product.real * turn**2 - size**2)
        pairs = np.sum(size, axis=-1) ** 2 - np.sum(size**2, axis=-1)
        second = np.sqrt(np.sum(alone, axis=-1) + np.maximum(pairs, 0.0))
        for total, part in ((self.first, first), (self.second, second)):
            total += part if panels is None else np.sum(part, axis=panels, keepdims=True)

    @property
    def bound(self) -> FloatArray:
        """The bound, of first and of second order."""
        return np.asarray(2 * self.first + self.sides * self.second**2)


def of_densities(
    lanes: Lanes,
    kernel: OpenKernel,
    evolution: Evolution,
    columns: _Maps,
    rows: _Maps,
    times: FloatArray,
) -> FloatArray:
    """Return the same for the Lindblad equation: rows M columns, in eigenbases at both ends.

    Phases turn the coherences between levels, which must be made before and read after that.
    `rows` (lanes, K, f, D) belong to `times` (lanes, K), which are ends of panels: what shows
    between may have relaxed at the end.
    """
    bound = of_phases(evolution)
    levels = lanes.hamiltonian.dimension
    apart = ~np.eye(levels, dtype=np.bool_).ravel()
    telling = np.flatnonzero(bound > NEGLIGIBLE * evolution.error)
    most_panels = np.max(evolution.panels[telling], initial=0)
    if telling.size * most_panels * rows[0].size * columns.shape[-1] > _MOST_PRODUCTS:
        return bound
    for lane, pieces in _groups(telling, evolution):
        phases, _ = _levels(lanes, lane, pieces)
        ends = np.concatenate([lanes.start[lane, None], pieces.right], axis=1)
        frames = kernel.frames(lanes, ends, lane)
        leaving = kernel.leaving(frames[:, 1:])
        steps = leaving @ pieces.propagator @ kernel.entering(frames[:, :-1])
        angles = np.minimum(2 * ROUNDING * phases.max(axis=-1), 2.0)
        into = [columns[lane]]
        for k in range(steps.shape[1]):
            into.append(steps[:, k] @ into[-1])
        after = np.zeros((lane.size, *rows.shape[1:]), dtype=np.complex128)
        most: FloatArray = np.zeros((*after.shape[:-1], columns.shape[-1]))
        for k in range(steps.shape[1] - 1, -1, -1):
            here = times[lane] == pieces.right[:, k, None]
            after[here] = rows[lane][here]
            made, read = np.abs(into[k + 1][:, apart]), np.abs(after[..., apart])
            most += (angles[:, k, None, None, None] * read) @ made[:, None]
            after = after @ steps[:, k, None]
        bound[lane] = np.minimum(bound[lane], np.max(most, axis=(1, 2, 3)))
    return bound


def _groups(
    telling: npt.NDArray[np.intp], evolution: Evolution
) -> Iterator[tuple[npt.NDArray[np.intp], Pieces]]:
    """Yield the lanes in which the phases' rounding may be seen beside the other errors."""
    # Lanes of equally many panels come together, with their pieces in arrays (lanes, panels, …).
    pieces = evolution.pieces
    first = np.searchsorted(pieces.lane, telling)
    panels = np.searchsorted(pieces.lane, telling, side="right") - first
    for count in np.unique(panels):
        own = np.flatnonzero(panels == count)
        size = int(count) * pieces.propagator.shape[-1] ** 3
        for part in np.array_split(own, min(own.size, -(-own.size * size // _MOST_NUMBERS))):
            yield telling[part], pieces.at(first[part, None] + np.arange(count))


def _levels(
    lanes: Lanes, lane: npt.NDArray[np.intp], pieces: Pieces, offset: bool = False
) -> tuple[FloatArray, _Maps]:
    """Return the levels' phases over every panel, and the eigenvectors at its end."""
    # The offset turns all levels alike: it is seen only beside other sectors.
    # Every panel begins where the one before ends.
    count = pieces.left.shape[1]
    middles = 0.5 * (pieces.left + pieces.right)
    times = np.concatenate([pieces.left[:, :1], pieces.right, middles], axis=1)
    h = (lanes.matrices if offset else lanes.traceless)(times, lane)
    with one_thread:
        energies, frames = np.linalg.eigh(h)
    unknown = np.max(lanes.last_digits(times, lane), axis=(2, 3))[..., None]
    size = np.maximum(np.abs(energies), unknown / ROUNDING)
    ends = np.maximum(size[:, :count], size[:, 1 : count + 1])
    largest = np.maximum(ends, size[:, count + 1 :])
    last = frames[:, 1 : count + 1].astype(np.complex128)
    return (pieces.right - pieces.left)[..., None] * largest, last


def _parts(pieces: npt.NDArray[Any], columns: _Maps, rows: _Maps) -> tuple[_Maps, _Maps]:
    """Return the products up to the end of every panel, and from there on."""
    before, after = [], [rows]
    for k in range(pieces.shape[1]):
        columns = pieces[:, k] @ columns
        before.append(columns)
    for k in range(pieces.shape[1] - 1, 0, -1):
        after.append(after[-1] @ pieces[:, k])
    return np.stack(before, axis=1), np.stack(after[::-1], axis=1)
