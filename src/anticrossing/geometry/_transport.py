"""Parallel transport of blocks of levels along a path, to a tolerance.

The overlap of two eigenframes at neighbouring points, replaced by its unitary polar factor, is the
transport over one step. Reversing a step inverts it, so a product of n steps deviates from the
exact transport by even powers of 1/n only, and Romberg extrapolation of 1, 2, 4, 8 steps gains two
orders each. A panel of the path that does not converge is halved: corners and near degeneracies
cost a few panels, smooth stretches none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, InputError, fail
from anticrossing._core.linalg import polar
from anticrossing.geometry._paths import (
    CLOSED_GAP,
    describe_point,
    eigenframes,
    gradients,
    smallest_values,
)
from anticrossing.hamiltonian import Hamiltonian, Matrices

BoolArray = npt.NDArray[np.bool_]

_STEPS = 8
_CLEAR = 0.5  # singular values of an overlap below this leave open which vector is meant
_CLOSE = 0.9  # and over the shortest steps they must reach this: a jump never does
_SMALLEST_PANEL = 2.0**-44  # of the path; nothing smooth needs a smaller one
_MOST_PANELS = 50_000
_MOST_DIPS = 64
_ROUNDS = 8
_ROUNDING = 2e-14
_LARGEST_ARRAY = 2_000_000  # numbers in the frames of the panels taken at once
_CROSSING = 1e-8  # relative gap below which the slopes tell the levels of a crossing apart


@dataclass(frozen=True)
class Sample:
    """Eigenframes at n nodes of p panels; `same` marks columns that stay degenerate (tracked)."""

    energies: FloatArray  # (p, n, N)
    vectors: Matrices  # (p, n, N, m)
    same: BoolArray | None = None  # (p, n, m, m)


@dataclass
class Sampler:
    """Evaluates eigenframes along a path R(s), and says which columns belong together.

    `columns` are the levels followed, `mask` (m, m) is true inside the blocks in which they are
    transported, and `borders` are the pairs (i, i + 1) of levels whose gap must stay open.
    """

    hamiltonian: Hamiltonian
    point: Callable[[FloatArray], FloatArray]
    columns: npt.NDArray[np.intp]
    mask: BoolArray
    borders: npt.NDArray[np.intp]
    name: str = "path"
    tracked: bool = False
    scale: float = field(default=0.0, init=False)
    evaluations: int = field(default=0, init=False)

    def __call__(self, s: FloatArray) -> Sample:
        points = self.point(s)
        energies, vectors = eigenframes(self.hamiltonian, points)
        self.evaluations += s.size
        self.scale = max(self.scale, float(np.abs(energies).max()))
        if not self.tracked:
            self.check_gaps(points, energies)
            return Sample(energies, vectors[..., self.columns])
        direction = self.point(s[:, -1]) - self.point(s[:, 0])
        same = np.broadcast_to(np.eye(energies.shape[-1], dtype=np.bool_), vectors.shape).copy()
        close = np.diff(energies, axis=-1) <= _CROSSING * self.scale
        for node in zip(*np.nonzero(close.any(axis=-1)), strict=True):
            slope = self._slope(points[node], direction[node[0]])
            vectors[node], same[node] = _branches(energies[node], vectors[node], slope, self.scale)
        return Sample(energies, vectors, same)

    def gap(self, s: FloatArray) -> FloatArray:
        """Return the smallest gap that must stay open at each s."""
        energies, _ = eigenframes(self.hamiltonian, self.point(s))
        self.evaluations += s.size
        return self.open_gaps(energies)

    def open_gaps(self, energies: FloatArray) -> FloatArray:
        """Return the smallest of the gaps that must stay open (infinite where there is none)."""
        gaps = np.diff(energies, axis=-1)[..., self.borders]
        return np.asarray(gaps.min(axis=-1, initial=np.inf))

    def noise(self, energies: FloatArray) -> FloatArray:
        """Return the accuracy of the eigenvectors of each panel, some ε E/gap."""
        gaps = np.diff(energies, axis=-1)
        gaps = gaps if self.tracked else gaps[..., self.borders]
        if self.tracked:
            gaps = np.where(gaps > _CROSSING * self.scale, gaps, np.inf)
        smallest = gaps.min(axis=(-2, -1), initial=np.inf)
        return np.asarray(4 * np.finfo(np.float64).eps * self.scale / smallest)

    def check_gaps(self, points: FloatArray, energies: FloatArray) -> None:
        """Raise `InputError` where one of the gaps that must stay open is closed."""
        gaps = np.diff(energies, axis=-1)[..., self.borders]
        closed = gaps <= CLOSED_GAP * self.scale
        if closed.any():
            *node, border = (int(axis[0]) for axis in np.nonzero(closed))
            raise self.degenerate(
                points[tuple(node)], float(gaps[(*node, border)]), int(self.borders[border])
            )

    def degenerate(self, point: FloatArray, gap: float, lower: int) -> InputError:
        """Return the error that says where two levels meet."""
        return fail(
            self.name,
            "avoid degeneracies of the levels that it follows"
            + (" (see `blocks` and `order`)" if self.name == "path" else ""),
            f"levels {lower} and {lower + 1} meet at {describe_point(point)} (gap {gap:.3g})",
        )

    def links(self, sample: Sample, stride: int) -> tuple[Matrices, FloatArray]:
        """Return the unitary steps between every `stride`-th node and their least overlap."""
        vectors = sample.vectors[:, ::stride]
        overlaps = vectors[:, :-1].conj().swapaxes(-1, -2) @ vectors[:, 1:]
        same = None if sample.same is None else sample.same[:, ::stride][:, 1:]
        return polar(overlaps, self._allowed(overlaps, same))

    def join(self, last: Matrices, first: Matrices, same: BoolArray | None) -> Matrices:
        """Return the unitary factor between two frames at one point."""
        overlap = last.conj().T @ first
        step, least = polar(overlap, self._allowed(overlap, same))
        if least < _CLEAR:
            raise InputError(
                f"Argument `{self.name}` must not turn where levels cross, but it does: which "
                "level continues which is open there."
            )
        return step

    def _allowed(self, overlaps: Matrices, same: BoolArray | None) -> BoolArray:
        if same is None:
            return self.mask
        # A column goes on as the group of the next node with which it overlaps most.
        weight = np.abs(overlaps) ** 2 @ same
        return np.asarray(weight > 0.5)

    def _slope(self, point: FloatArray, direction: FloatArray) -> Matrices:
        return np.asarray(np.tensordot(direction, gradients(self.hamiltonian, point), axes=1))


def _branches(
    energies: FloatArray, vectors: Matrices, slope: Matrices, scale: float
) -> tuple[Matrices, BoolArray]:
    """Return the vectors with which levels cross at a node, and which of them stay degenerate."""
    # Inside a degenerate space the levels that leave it with different slopes are eigenvectors of
    # the derivative along the path (degenerate perturbation theory, exact as the gap goes to zero).
    result = vectors.astype(np.result_type(vectors, slope))
    same = np.eye(energies.size, dtype=np.bool_)
    group = np.cumsum(np.concatenate(([0], np.diff(energies) > _CROSSING * scale)))
    size = float(np.abs(slope).max())
    for number in np.unique(group):
        inside = np.flatnonzero(group == number)
        if inside.size == 1:
            continue
        part = vectors[:, inside]
        slopes, turn = np.linalg.eigh(part.conj().T @ slope @ part)
        result[:, inside] = part @ turn
        equal = np.abs(slopes[:, np.newaxis] - slopes) <= _CROSSING * size
        same[np.ix_(inside, inside)] = equal
    return result, same


@dataclass(frozen=True)
class Panel:
    """The transport over one panel: `matrix` = V(start)† (transport)⁻¹ V(stop)."""

    start: float
    stop: float
    matrix: Matrices
    first: Matrices
    last: Matrices
    same_first: BoolArray | None
    end_energies: FloatArray  # (2, N)
    nodes: FloatArray
    gaps: FloatArray
    error: float


def transport_panels(sampler: Sampler, edges: FloatArray, tolerance: float) -> list[Panel]:
    """Return converged panels in path order; `edges` are the ends of the first ones."""
    starts, stops = edges[:-1], edges[1:]
    length = float(edges[-1] - edges[0])
    size = sampler.hamiltonian.dimension
    at_once = max(1, _LARGEST_ARRAY // ((_STEPS + 1) * size**2))
    grid = np.linspace(0.0, 1.0, _STEPS + 1)
    done: list[Panel] = []
    while starts.size:
        if starts.size + len(done) > _MOST_PANELS + edges.size:
            raise ConvergenceError(
                f"Parallel transport along the {sampler.name} needs more than {_MOST_PANELS} "
                "panels: give a smoother path or a larger `tolerance`."
            )
        start, stop = starts[:at_once], stops[:at_once]
        s = start[:, np.newaxis] * (1 - grid) + stop[:, np.newaxis] * grid
        sample = sampler(s)
        matrices, errors, resolved = _romberg(sampler, sample)
        wanted = tolerance * (stop - start) / length
        wanted = np.maximum(wanted, _ROUNDING + sampler.noise(sample.energies))
        good = (errors <= wanted) & resolved
        gaps = sampler.open_gaps(sample.energies)
        done += [
            Panel(
                start=float(start[k]),
                stop=float(stop[k]),
                matrix=matrices[k],
                first=sample.vectors[k, 0].copy(),  # a view would keep the whole sample
                last=sample.vectors[k, -1].copy(),
                same_first=None if sample.same is None else sample.same[k, 0].copy(),
                end_energies=sample.energies[k, [0, -1]],
                nodes=s[k],
                gaps=gaps[k],
                error=float(errors[k]),
            )
            for k in np.flatnonzero(good)
        ]
        small = ~good & (stop - start < _SMALLEST_PANEL * length)
        if small.any():
            raise _unresolved(sampler, sampler.point(start[small][:1])[0])
        left, right = start[~good], stop[~good]
        middle = (left + right) / 2
        starts = np.concatenate((left, middle, starts[at_once:]))
        stops = np.concatenate((middle, right, stops[at_once:]))
    return sorted(done, key=lambda panel: panel.start)


def transport_between_dips(
    sampler: Sampler, edges: FloatArray, tolerance: float
) -> tuple[list[Panel], float, float]:
    """Return converged panels, and where on the path the gap is smallest, and that gap.

    The gap is followed to its minima between the nodes. Where it falls to less than half of what
    the nodes showed, the panel is cut there and done again: levels that meet, or vectors that turn
    over twice, between two nodes go unnoticed otherwise.
    """
    panels = transport_panels(sampler, edges, tolerance)
    length = float(edges[-1] - edges[0])
    for _ in range(_ROUNDS):
        places, values, shown = _dips(sampler, panels)
        lowest = int(np.argmin(values))
        where = sampler.point(places[[lowest]])
        if values[lowest] <= CLOSED_GAP * sampler.scale:
            sampler.check_gaps(where, eigenframes(sampler.hamiltonian, where)[0])
        deep = np.sort(places[values < 0.5 * shown])
        if deep.size == 0:
            break
        result = []
        for panel in panels:
            cuts = deep[(deep > panel.start) & (deep < panel.stop)]
            if cuts.size == 0:
                result.append(panel)
                continue
            inner = np.concatenate(([panel.start], cuts, [panel.stop]))
            share = (panel.stop - panel.start) / length
            result += transport_panels(sampler, inner, tolerance * share)
        panels = result
    return panels, float(places[lowest]), float(values[lowest])


def _dips(sampler: Sampler, panels: list[Panel]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return places of the smallest gaps, the gaps there, and at the nearest nodes."""
    nodes = np.concatenate([panel.nodes[:-1] for panel in panels] + [panels[-1].nodes[-1:]])
    gaps = np.concatenate([panel.gaps[:-1] for panel in panels] + [panels[-1].gaps[-1:]])
    padded = np.concatenate(([np.inf], gaps, [np.inf]))
    dip = (gaps <= padded[:-2]) & (gaps <= padded[2:]) & (gaps < 0.5 * gaps.max())
    dip[np.argmin(gaps)] = True
    centres = np.flatnonzero(dip)
    centres = centres[np.argsort(gaps[centres])][:_MOST_DIPS]
    if not np.isfinite(gaps[centres[0]]):
        return nodes[:1], gaps[:1], gaps[:1]
    low = nodes[np.maximum(centres - 1, 0)][:, np.newaxis]
    width = nodes[np.minimum(centres + 1, nodes.size - 1)][:, np.newaxis] - low

    def gap(t: FloatArray) -> FloatArray:
        return sampler.gap(low + width * t[..., 0])

    start = (nodes[centres][:, np.newaxis] - low) / width
    found, values = smallest_values(gap, start, np.full(1, 0.5))
    return (low + width * found)[:, 0], values, gaps[centres]


def _unresolved(sampler: Sampler, point: FloatArray) -> ConvergenceError:
    where = describe_point(point)
    if sampler.tracked:
        return ConvergenceError(
            f"The levels cannot be followed past {where}: there H is not continuous, or more "
            "than their slopes is needed to tell which level goes on as which."
        )
    return ConvergenceError(
        f"The levels cannot be followed past {where}: H is not continuous along the "
        f"{sampler.name} there."
    )


def _romberg(sampler: Sampler, sample: Sample) -> tuple[Matrices, FloatArray, BoolArray]:
    """Return the extrapolated transport over panels, its error, and whether overlaps are clear."""
    rows = []
    resolved = np.ones(sample.vectors.shape[0], dtype=np.bool_)
    for stride in (8, 4, 2, 1):
        steps, overlap = sampler.links(sample, stride)
        resolved &= overlap.min(axis=1) >= (_CLOSE if stride == 1 else _CLEAR)
        product = steps[:, 0]
        for k in range(1, steps.shape[1]):
            product = product @ steps[:, k]
        rows.append(product)
    for order in (1, 2, 3):
        previous = rows[-1]
        rows = [fine + (fine - coarse) / (4**order - 1) for coarse, fine in pairwise(rows)]
    errors = np.abs(rows[0] - previous).max(axis=(-2, -1))
    # The extrapolated matrix is unitary to the error only; so is its nearest unitary one.
    return polar(rows[0])[0], errors, resolved


def chain(sampler: Sampler, panels: list[Panel], gauge: Matrices) -> list[Matrices]:
    """Return, at the end of each panel, the matrix G of the transported frame ``V(stop) G``.

    `gauge` is G at the start of the first panel.
    """
    result = []
    for number, panel in enumerate(panels):
        if number:
            before = panels[number - 1].last
            gauge = sampler.join(before, panel.first, panel.same_first).conj().T @ gauge
        gauge = panel.matrix.conj().T @ gauge
        result.append(gauge)
    return result
