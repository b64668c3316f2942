"""Trajectories through panels and halves of panels: where a norm falls to a number, a jump.

Every trajectory is at the beginning of a node: a panel (depth 0), or one of the 2^depth parts that
it is halved into. It crosses the node if the norm stays above its number; else it tries the first
half, and on a leaf, on which little turns, the place is found along the nodes. All trajectories
take their steps together, and propagators of halves are kept for whoever comes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import liouville
from anticrossing.dynamics._channels import Channels
from anticrossing.dynamics.chebyshev import interpolation
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.no_jump import LosingKernel
from anticrossing.dynamics.panels import Pieces

IntArray = npt.NDArray[np.intp]
Node = tuple[int, int, int]

_LEAF = 0.5  # half a width times the norm of the generator
_MOST_DEPTH, _MOST_SPLITS = 60, 6
_ITERATIONS, _HALVINGS = 40, 52
_KEPT_BYTES = 2e8
_SHALLOW = 3
_CHUNK_NUMBERS = 1_000_000


@dataclass
class Tree:
    """Propagators of panels and of their parts, of one lane."""

    lanes: Lanes
    kernel: LosingKernel
    pieces: Pieces
    tolerance: float
    kept: dict[Node, ComplexArray] = field(default_factory=dict)
    leaves: dict[Node, bool] = field(default_factory=dict)
    solved: int = 0

    def __post_init__(self) -> None:
        shift = self.kernel.shifts(self.pieces.lane, self.pieces.left, self.pieces.right)
        self.propagators = self.pieces.propagator * np.exp(shift)[:, None, None]

    @property
    def count(self) -> int:
        """The number of panels."""
        return len(self.propagators)

    def ends(self, node: Node) -> tuple[float, float]:
        """Return where a node begins and ends; neighbours share their ends to the last digit."""
        panel, depth, index = node
        left, right = float(self.pieces.left[panel]), float(self.pieces.right[panel])
        return _within(left, right, index, depth), _within(left, right, index + 1, depth)

    def propagators_of(self, nodes: Sequence[Node]) -> dict[Node, ComplexArray]:
        """Return the propagators of some nodes, solving all that are not known at once."""
        missing = [node for node in nodes if node[1] > 0 and node not in self.kept]
        if missing:
            if (len(self.kept) + len(missing)) * 16 * self.kernel.size**2 > _KEPT_BYTES:
                self.kept = {n: u for n, u in self.kept.items() if n[1] <= _SHALLOW}
                self.leaves = {}
                missing = [node for node in nodes if node[1] > 0 and node not in self.kept]
            ends = np.array([self.ends(node) for node in missing])
            for node, u in zip(missing, self._solved(ends[:, 0], ends[:, 1], 0), strict=True):
                self.kept[node] = u
        return {n: self.kept[n] if n[1] else self.propagators[n[0]] for n in nodes}

    def _solved(self, left: FloatArray, right: FloatArray, splits: int) -> ComplexArray:
        """Solve parts of panels; what is refused is halved again."""
        half = 0.5 * (right - left)
        times = (left + half)[:, None] + half[:, None] * self.kernel.grid.nodes
        times[:, 0], times[:, -1] = left, right
        lane = np.zeros(left.size, dtype=np.intp)
        found = np.empty((left.size, self.kernel.size, self.kernel.size), dtype=np.complex128)
        good = np.zeros(left.size, dtype=np.bool_)
        step = max(1, _CHUNK_NUMBERS // (self.kernel.grid.size * self.kernel.size**2))
        for first in range(0, left.size, step):
            part = slice(first, first + step)
            with one_thread:
                made = self.kernel.solve(
                    self.lanes, times[part], lane[part], half[part], self.tolerance
                )
            good[part] = made.accepted
            shift = self.kernel.shifts(lane[part], left[part], right[part])
            found[part] = made.propagator * np.exp(shift)[:, None, None]
            self.kernel.forget()
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

    def are_leaves(self, nodes: Sequence[Node]) -> dict[Node, bool]:
        """Return on which nodes so little turns that they are followed along their points."""
        new = [node for node in set(nodes) if node not in self.leaves]
        if new:
            ends = np.array([self.ends(node) for node in new])
            few = np.stack([ends[:, 0], ends.mean(axis=1), ends[:, 1]], axis=1)
            g = self.kernel.whole_generators(self.lanes, few, np.zeros(len(new), dtype=np.intp))
            norm = np.max(np.sum(np.abs(g), axis=-1), axis=(1, 2))
            small = 0.5 * (ends[:, 1] - ends[:, 0]) * norm <= _LEAF
            deep = np.array([node[1] >= _MOST_DEPTH for node in new])
            self.leaves.update(zip(new, (small | deep).tolist(), strict=True))
        return {node: self.leaves[node] for node in nodes}


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
    at : list of Node or None
        Where each is; None at the end.
    jumps : list of lists
        (time, kind) of every jump.
    """

    states: ComplexArray
    numbers: FloatArray
    streams: list[np.random.Generator]
    at: list[Node | None]
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
    tree: Tree, walkers: Walkers, arrive: dict[int, int], seen: npt.NDArray[np.complex128]
) -> None:
    """Take all trajectories to the end.

    `arrive` tells which requested time the end of a panel is; normalised states there are put into
    `seen` (T, K, N), zero for what is lost.
    """
    while True:
        nodes = {node for node in walkers.at if node is not None}
        if not nodes:
            return
        groups: dict[Node, list[int]] = {node: [] for node in nodes}
        for k, node in enumerate(walkers.at):
            if node is not None:
                groups[node].append(k)
        propagators = tree.propagators_of(list(groups))
        falling: dict[Node, IntArray] = {}
        for node, members in groups.items():
            who = np.array(members)
            after = walkers.states[who] @ propagators[node].T
            crosses = np.sum(np.abs(after) ** 2, axis=-1) > walkers.numbers[who]
            walkers.states[who[crosses]] = after[crosses]
            _advance(tree, walkers, who[crosses], node, arrive, seen)
            if not crosses.all():
                falling[node] = who[~crosses]
        leaves = tree.are_leaves(list(falling))
        for node, who in falling.items():
            if leaves[node]:
                _cross_leaf(tree, walkers, who, node)
                _advance(tree, walkers, who, node, arrive, seen)
            else:
                panel, depth, index = node
                for k in who:
                    walkers.at[k] = (panel, depth + 1, 2 * index)


def _advance(
    tree: Tree,
    walkers: Walkers,
    who: IntArray,
    node: Node,
    arrive: dict[int, int],
    seen: npt.NDArray[np.complex128],
) -> None:
    """Let those who reached the end of a node go on to the next."""
    if who.size == 0:
        return
    panel, depth, index = node
    while depth and index % 2:
        depth, index = depth - 1, index // 2
    if depth:
        following: Node | None = (panel, depth, index + 1)
    else:
        if panel in arrive:
            states = walkers.states[who]
            norm = np.linalg.norm(states, axis=-1, keepdims=True)
            found = states / np.where(norm > 0, norm, 1.0)
            seen[who, arrive[panel]] = np.where(walkers.lost[who, None], 0.0, found)
        following = (panel + 1, 0, 0) if panel + 1 < tree.count else None
    for k in who:
        walkers.at[k] = None if walkers.lost[k] else following


def _cross_leaf(tree: Tree, walkers: Walkers, who: IntArray, node: Node) -> None:
    """Take trajectories across a leaf, with all the jumps that come."""
    left, right = tree.ends(node)
    start = np.full(who.size, left)
    grid, kernel = tree.kernel.grid, tree.kernel
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
        who, start = who[falls], start[falls] + half[falls] * (1.0 + place)
        start = np.minimum(start, right)
        zeros = np.zeros(who.size, dtype=np.intp)
        _, nodes = liouville.nodes_of(tree.lanes, start[:, None], zeros)
        channels = Channels(kernel.environment, nodes).at(0)
        walkers.jump(who, start, channels)
        kept = ~walkers.lost[who]
        who, start = who[kept], start[kept]


def _picard(g: ComplexArray, states: ComplexArray, integral: FloatArray) -> ComplexArray:
    """Return y at the nodes of y′ = G y, (T, n, N)."""
    y = np.broadcast_to(states[:, None], (*g.shape[:2], states.shape[-1])).copy()
    for _ in range(_ITERATIONS):
        slope = (g @ y[..., None])[..., 0]
        new = states[:, None] + np.einsum("mn,tni->tmi", integral, slope)
        change = float(np.max(np.abs(new - y)))
        y = new
        if change < 1e-15:
            break
    return y


def _where(norms: FloatArray, numbers: FloatArray, size: int) -> FloatArray:
    """Return where in [−1, 1] norms (T, n) at the nodes fall to numbers (T,)."""
    low, high = np.full(numbers.size, -1.0), np.full(numbers.size, 1.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = np.sum(interpolation(size, middle) * norms, axis=-1) > numbers
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return 0.5 * (low + high)
