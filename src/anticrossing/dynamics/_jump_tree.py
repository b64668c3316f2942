"""Trajectories through panels and halves of panels: where a norm falls to a number, a jump.

Every trajectory is at the beginning of a node: a panel (depth 0), or one of the 2^depth parts that
it is halved into. It crosses the node if the norm stays above its number; else it tries the first
half, and on a leaf, on which little turns, the place is found along the nodes. All trajectories
take their steps together, and propagators of halves are kept for whoever comes next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import liouville
from anticrossing.dynamics._channels import Channels
from anticrossing.dynamics.chebyshev import interpolation, transform
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.no_jump import LosingKernel
from anticrossing.dynamics.panels import Pieces

IntArray = npt.NDArray[np.intp]
Node = tuple[int, int, int]

_LEAF = 2.0  # half a width times the norm of the generator
_MOST_DEPTH, _MOST_SPLITS = 60, 6
_ITERATIONS, _HALVINGS = 40, 52
_KEPT_BYTES = 2e8
_SHALLOW = 3
_CHUNK_NUMBERS = 1_000_000


@dataclass
class Tree:
    """Propagators of panels and of their parts, of one lane, each in a row of `bank`.

    The kernel solves the parts, and is not scaled; `panels` are the propagators of the pieces.
    """

    lanes: Lanes
    kernel: LosingKernel
    pieces: Pieces
    panels: ComplexArray
    tolerance: float
    solved: int = 0
    crossed: int = 0  # parts, by all trajectories

    def __post_init__(self) -> None:
        panels = self.panels
        self.count = len(panels)
        ends = np.stack([self.pieces.left, self.pieces.right], axis=1)
        self.bank, self.ends, self.leaf = panels, ends, self._little(ends)
        self.used = self.count
        self.rows: dict[Node, int] = {(p, 0, 0): p for p in range(self.count)}

    def rows_of(self, nodes: Sequence[Node]) -> IntArray:
        """Return the rows of some nodes, solving all that are not known at once."""
        missing = list({node for node in nodes if node not in self.rows})
        if missing:
            if (self.used + len(missing)) * 16 * self.kernel.size**2 > _KEPT_BYTES:
                self._forget_deep()
                missing = list({node for node in nodes if node not in self.rows})
            ends = np.array([self._ends(node) for node in missing])
            found = self._solved(ends[:, 0], ends[:, 1], 0)
            leaf = self._little(ends) | np.array([node[1] >= _MOST_DEPTH for node in missing])
            self.rows.update(zip(missing, range(self.used, self.used + len(missing)), strict=True))
            self._room(self.used + len(missing))
            new = slice(self.used, self.used + len(missing))
            self.bank[new], self.ends[new], self.leaf[new] = found, ends, leaf
            self.used += len(missing)
        return np.array([self.rows[node] for node in nodes], dtype=np.intp)

    def _room(self, wanted: int) -> None:
        if wanted > len(self.bank):
            size = max(wanted, 2 * len(self.bank))
            for name in ("bank", "ends", "leaf"):
                old = getattr(self, name)
                new = np.empty((size, *old.shape[1:]), dtype=old.dtype)
                new[: self.used] = old[: self.used]
                setattr(self, name, new)

    def _forget_deep(self) -> None:
        """Keep panels and their first halves alone."""
        kept = [node for node in self.rows if node[1] <= _SHALLOW]
        if len(kept) * 32 * self.kernel.size**2 > _KEPT_BYTES:
            kept = [node for node in kept if node[1] == 0]
        rows = np.array([self.rows[node] for node in kept])
        self.bank, self.ends, self.leaf = self.bank[rows], self.ends[rows], self.leaf[rows]
        self.used = len(kept)
        self.rows = {node: k for k, node in enumerate(kept)}

    def _ends(self, node: Node) -> tuple[float, float]:
        """Return where a node begins and ends; neighbours share their ends to the last digit."""
        panel, depth, index = node
        left, right = float(self.pieces.left[panel]), float(self.pieces.right[panel])
        return _within(left, right, index, depth), _within(left, right, index + 1, depth)

    def _little(self, ends: FloatArray) -> npt.NDArray[np.bool_]:
        """Return on which intervals (…, 2) so little turns that they are followed along nodes."""
        few = np.stack([ends[:, 0], ends.mean(axis=1), ends[:, 1]], axis=1)
        g = self.kernel.whole_generators(self.lanes, few, np.zeros(len(ends), dtype=np.intp))
        norm = np.max(np.sum(np.abs(g), axis=-1), axis=(1, 2))
        return np.asarray(0.5 * (ends[:, 1] - ends[:, 0]) * norm <= _LEAF)

    def _solved(self, left: FloatArray, right: FloatArray, splits: int) -> ComplexArray:
        """Solve parts of panels; what is refused is halved again."""
        half = 0.5 * (right - left)
        times = (left + half)[:, None] + half[:, None] * self.kernel.grid.nodes
        times[:, 0], times[:, -1] = left, right
        lane = np.zeros(left.size, dtype=np.intp)
        found = np.empty((left.size, self.kernel.size, self.kernel.size), dtype=np.complex128)
        good = np.zeros(left.size, dtype=np.bool_)
        for part in _chunks(left.size, self.kernel.grid.size * self.kernel.size**2):
            with one_thread:
                made = self.kernel.solve(
                    self.lanes, times[part], lane[part], half[part], self.tolerance
                )
            good[part] = made.accepted
            found[part] = made.propagator
        self.solved += left.size
        bad = np.flatnonzero(~good)
        if bad.size:
            middle = left[bad] + half[bad]
            if splits == _MOST_SPLITS or np.any((middle <= left[bad]) | (middle >= right[bad])):
                where = float(left[bad][0])
                raise ConvergenceError(
                    f"The evolution between jumps cannot be resolved near t = {where:.6g}: give "
                    "that time as a breakpoint, or a larger tolerance."
                )
            both = self._solved(
                np.concatenate([left[bad], middle]),
                np.concatenate([middle, right[bad]]),
                splits + 1,
            )
            found[bad] = both[bad.size :] @ both[: bad.size]
        return found


def _within(left: float, right: float, index: int, depth: int) -> float:
    if index == 0:
        return left
    if index == 2**depth:
        return right
    return left + (right - left) * (index / 2**depth)


@dataclass
class Walkers:
    """Trajectories on their way.

    Attributes
    ----------
    states : array, shape (T, N)
        Not normalised since the last jump.
    numbers : array, shape (T,)
        The squared norm at which the next jump comes.
    streams : list of Generator
        One for each.
    at : list of Node
        Where each is.
    jumps : list of lists
        (time, kind) of every jump.
    lost : array of bool, shape (T,)
    """

    states: ComplexArray
    numbers: FloatArray
    streams: list[np.random.Generator]
    at: list[Node]
    jumps: list[list[tuple[float, int]]]
    lost: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, states: ComplexArray, streams: list[np.random.Generator]) -> Walkers:
        count = len(states)
        return cls(
            states.copy(),
            np.array([1.0 - stream.random() for stream in streams]),
            streams,
            [(0, 0, 0)] * count,
            [[] for _ in range(count)],
            np.zeros(count, dtype=np.bool_),
        )

    def jump(self, who: IntArray, times: FloatArray, channels: Channels) -> None:
        """Let some jump at these times, and draw their next numbers."""
        share = np.array([self.streams[k].random() for k in who])
        after, kinds, lost = channels.jumped(self.states[who], share)
        self.states[who] = after
        self.lost[who] = lost
        for k, time, kind in zip(who.tolist(), times.tolist(), kinds.tolist(), strict=True):
            self.jumps[k].append((time, kind))
            self.numbers[k] = 1.0 - self.streams[k].random()


def walk(
    tree: Tree, walkers: Walkers, arrive: dict[int, IntArray], seen: npt.NDArray[np.complex128]
) -> None:
    """Take all trajectories to the end.

    `arrive` tells which requested times the end of a panel is; normalised states there are put into
    `seen` (T, K, N), zero for what is lost.
    """
    active = np.arange(len(walkers.at))
    rows = tree.rows_of([walkers.at[k] for k in active])
    while active.size:
        after = np.empty((active.size, tree.kernel.size), dtype=np.complex128)
        for part in _chunks(active.size, tree.kernel.size**2):
            moved = tree.bank[rows[part]] @ walkers.states[active[part]][..., None]
            after[part] = moved[..., 0]
        crosses = np.sum(np.abs(after) ** 2, axis=-1) > walkers.numbers[active]
        walkers.states[active[crosses]] = after[crosses]
        along = ~crosses & tree.leaf[rows]
        if along.any():
            who, ends = active[along], tree.ends[rows[along]]
            for part in _chunks(who.size, tree.kernel.grid.size * tree.kernel.size**2):
                _cross_leaves(tree, walkers, who[part], ends[part])
        going = np.ones(active.size, dtype=np.bool_)
        done = crosses | along
        tree.crossed += int(np.sum(done & (rows >= tree.count)))
        for place, (k, arrived) in enumerate(zip(active.tolist(), done.tolist(), strict=True)):
            panel, depth, index = walkers.at[k]
            if not arrived:
                walkers.at[k] = (panel, depth + 1, 2 * index)
                continue
            while depth and index % 2:
                depth, index = depth - 1, index // 2
            if walkers.lost[k]:
                going[place] = False
            elif depth:
                walkers.at[k] = (panel, depth, index + 1)
            else:
                if panel in arrive:
                    state = walkers.states[k]
                    seen[k, arrive[panel]] = state / np.linalg.norm(state)
                going[place] = panel + 1 < tree.count
                walkers.at[k] = (panel + 1, 0, 0)
        active = active[going]
        rows = tree.rows_of([walkers.at[k] for k in active])


def _chunks(count: int, numbers: int) -> Iterator[slice]:
    """Yield parts of `count` things of so many numbers each, which bounds memory."""
    step = max(1, _CHUNK_NUMBERS // numbers)
    for first in range(0, count, step):
        yield slice(first, first + step)


def _cross_leaves(tree: Tree, walkers: Walkers, who: IntArray, ends: FloatArray) -> None:
    """Take trajectories across leaves (…, 2), with all the jumps that come."""
    grid, kernel = tree.kernel.grid, tree.kernel
    start, right = ends[:, 0], ends[:, 1]
    while who.size:
        half = 0.5 * (right - start)
        times = (start + half)[:, None] + half[:, None] * grid.nodes
        times[:, 0], times[:, -1] = start, right
        g = kernel.whole_generators(tree.lanes, times, np.zeros(who.size, dtype=np.intp))
        g = g * half[:, None, None, None]
        along = _picard(g, walkers.states[who], grid.integral)
        norms = np.sum(np.abs(along) ** 2, axis=-1)
        numbers = walkers.numbers[who]
        falls = norms[:, -1] <= numbers
        walkers.states[who[~falls]] = along[~falls, -1]
        if not falls.any():
            return
        place = _where(norms[falls], numbers[falls], grid.size)
        rows = interpolation(grid.size, place)
        walkers.states[who[falls]] = np.einsum("tn,tni->ti", rows, along[falls])
        who, right = who[falls], right[falls]
        start = np.minimum(start[falls] + half[falls] * (1.0 + place), right)
        zeros = np.zeros(who.size, dtype=np.intp)
        _, nodes = liouville.nodes_of(tree.lanes, start[:, None], zeros)
        walkers.jump(who, start, Channels(kernel.environment, nodes).at(0))
        kept = ~walkers.lost[who]
        who, start, right = who[kept], start[kept], right[kept]


def _picard(g: ComplexArray, states: ComplexArray, integral: FloatArray) -> ComplexArray:
    """Return y at the nodes of y′ = G y, (T, n, N)."""
    y = np.broadcast_to(states[:, None], (*g.shape[:2], states.shape[-1])).copy()
    for _ in range(_ITERATIONS):
        slope = (g @ y[..., None])[..., 0]
        new = states[:, None] + integral @ slope
        change = float(np.max(np.abs(new - y)))
        y = new
        if change < 1e-14:
            break
    return y


def _where(norms: FloatArray, numbers: FloatArray, size: int) -> FloatArray:
    """Return where in [−1, 1] norms (T, n) at the nodes fall to numbers (T,)."""
    coefficients = transform(size)[1] @ norms.T
    low, high = np.full(numbers.size, -1.0), np.full(numbers.size, 1.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = chebyshev.chebval(middle, coefficients, tensor=False) > numbers
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)
