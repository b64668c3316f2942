"""One period of a periodic drive: its length, exact propagators within it, and averages over it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, fail, positive
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.threads import one_thread
from anticrossing.drive import Drive
from anticrossing.drive.repetition import repetition
from anticrossing.dynamics import features, panels
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics._solved_sectors import Solved
from anticrossing.dynamics.kernels import FIRST_PANELS, Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution
from anticrossing.hamiltonian import Hamiltonian

GAUSS_POINTS = 16  # of one piece of an average
_NODES, _WEIGHTS = gauss_legendre(GAUSS_POINTS)
_OUTERMOST = 0.5 * (1 - _NODES[-1])  # of a piece lies beyond its last node
_MOST_NODES = 2**16
_PARTS = 4  # that a piece is split into
_LARGEST_PHASE = 1e14  # rad in one period, of which rounding is some hundredths
_LEAST_SHARE = 0.01  # of the tolerance, that a piece may use up however short it is


@dataclasses.dataclass(frozen=True)
class Period:
    """H(x(t)) of every parameter point over one period from the start of the drive's window.

    Attributes
    ----------
    lanes : Lanes
        Their windows are one period long.
    breakpoints : array, shape (k,)
        Times within the period at which the drive is not smooth.
    """

    lanes: Lanes
    breakpoints: FloatArray

    @classmethod
    def of(
        cls,
        hamiltonian: Hamiltonian,
        drive: Drive,
        period: npt.ArrayLike | None,
        batch_shape: tuple[int, ...] = (),
    ) -> Period:
        """Find the period of checked arguments, or raise `InputError`."""
        length = _length(drive, period)
        try:
            batch = np.broadcast_shapes(batch_shape, length.shape)
            lanes = Lanes.of(hamiltonian, drive, batch)
        except ValueError:
            raise fail(
                "period",
                "broadcast against the Hamiltonian and the drive",
                f"its shape is {length.shape}",
            ) from None
        start = lanes.start
        stop = start + np.broadcast_to(length, lanes.batch_shape).reshape(-1)
        lanes = dataclasses.replace(lanes, stop=stop)
        if period is not None:
            _check_repeats(drive, lanes)
        _check_phases(lanes)
        return cls(lanes, drive.breakpoints)

    @property
    def length(self) -> FloatArray:
        """The period of every lane."""
        return self.lanes.stop - self.lanes.start

    @property
    def frequency(self) -> FloatArray:
        """ω = 2π over the period, of every lane."""
        return 2 * np.pi / self.length

    def eigenframes(self, times: FloatArray) -> npt.NDArray[Any]:
        """Return the eigenvectors of H at `times` (lanes, K), columns (lanes, K, N, N)."""
        with one_thread:
            return np.linalg.eigh(self.lanes.traceless(times, np.arange(self.lanes.count)))[1]

    def solve(self, kernel: Kernel, tolerance: float, times: FloatArray | None = None) -> Evolution:
        """Propagate over the period, with snapshots at `times` (lanes, K)."""
        return panels.solve(
            self.lanes,
            kernel,
            tolerance=max(0.02 * tolerance, panels.SMALLEST_TOLERANCE),
            times=times,
        )

    def closed(
        self, sectored: Sectored, tolerance: float, times: FloatArray | None = None
    ) -> Solved:
        """Propagate over the period without environment, sector by sector."""
        return sectored.solve(max(0.02 * tolerance, panels.SMALLEST_TOLERANCE), times=times)

    def average(
        self,
        values: Callable[[FloatArray], npt.NDArray[Any]],
        tolerance: float | FloatArray,
        first: int = FIRST_PANELS,
    ) -> npt.NDArray[Any]:
        """Return the mean over the period of `values(times)`, (lanes, K) → (lanes, K, ...).

        Gauss's rule on pieces between breakpoints and features. Pieces are split until Legendre
        polynomials hold the values, and until these run on smoothly from piece to piece: a jump,
        such as eigenstates make at a narrow crossing, may hide between the outermost nodes. There
        are `first` pieces to begin with: many where more values at once cost little.
        """
        edges, smooth = self._edges()
        allowed = np.broadcast_to(tolerance, self.length.shape)[:, None]
        parts = max(1, first // (edges.shape[1] - 1))
        group = np.repeat(np.arange(edges.shape[1] - 1), parts)
        left = np.tile(np.arange(parts) / parts, edges.shape[1] - 1)
        right = left + 1 / parts
        start, width = edges[:, :-1], np.diff(edges, axis=1)
        share_of_group = width / self.length[:, None]
        fresh = np.ones(group.size, dtype=np.bool_)
        found: npt.NDArray[Any] | None = None
        while True:
            middle, half = 0.5 * (left + right)[fresh], 0.5 * (right - left)[fresh]
            inner = middle[:, None] + half[:, None] * _NODES
            times = start[:, group[fresh], None] + width[:, group[fresh], None] * inner
            new = values(times.reshape(times.shape[0], -1))
            shape = new.shape[2:]
            new = new.reshape(times.shape[0], -1, _NODES.size, int(np.prod(shape)))
            if found is None:
                found = new
            else:
                found[:, fresh] = new
            share = share_of_group[:, group] * (right - left)
            joined = (group[1:] == group[:-1]) | smooth[:, group[1:]]
            split = _unsettled(found, share, joined, allowed)
            if not split.any():
                mean = np.einsum("n,pk,pkni->pi", 0.5 * _WEIGHTS, share, found)
                return np.asarray(mean.reshape(-1, *shape))
            count = np.where(split, _PARTS, 1)
            if count.sum() * _NODES.size > _MOST_NODES:
                raise ConvergenceError(
                    f"The average over a period does not settle with {group.size * _NODES.size} "
                    "points: the drive is very slow against the splittings, passes many crossings "
                    "far narrower than its amplitude, or is not smooth at a time that is not a "
                    "breakpoint."
                )
            fresh, found = np.repeat(split, count), np.repeat(found, count, axis=1)
            group = np.repeat(group, count)
            left, right = _divided(left, right, count)

    def _edges(self) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return the ends of the pieces of every lane, and where the values run on smoothly."""
        start, stop = self.lanes.start[:, None], self.lanes.stop[:, None]
        breaks = np.broadcast_to(self.breakpoints, (self.lanes.count, self.breakpoints.size))
        located = features.find(self.lanes)
        cuts = breaks if located is None else np.concatenate([breaks, located], axis=1)
        cuts = np.clip(np.where(np.isnan(cuts), stop, cuts), start, stop)
        edges = np.sort(np.concatenate([start, cuts, stop], axis=1), axis=1)
        # An edge at or beyond the end of the period in every lane leaves an empty piece.
        edges = edges[:, np.append(True, np.any(np.diff(edges, axis=1) > 0, axis=0))]
        return edges, ~np.isin(edges, self.breakpoints)


def _check_phases(lanes: Lanes) -> None:
    """Refuse periods whose phases are lost to rounding."""
    times = np.linspace(lanes.start, lanes.stop, 65, axis=-1)
    largest = np.max(panels.phases(lanes, np.arange(lanes.count), times), initial=0.0)
    if not largest < _LARGEST_PHASE:
        raise ConvergenceError(
            f"A period holds phases of {largest:.1g} rad, and a double hardly knows them to a "
            "tenth of one: give a smaller amplitude or a shorter period."
        )


def _unsettled(
    found: npt.NDArray[Any], share: FloatArray, joined: npt.NDArray[np.bool_], tolerance: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether a piece, with values `found` (lanes, pieces, nodes, ...), must be split."""
    to_ends, to_tail = _legendre()
    scale = max(1.0, float(np.max(np.abs(found))))
    allowed = tolerance * scale * np.maximum(share, _LEAST_SHARE)
    tail = np.max(np.abs(np.einsum("en,pkni->pkei", to_tail, found)), axis=(2, 3))
    split = np.any(share * tail > allowed, axis=0)
    ends = np.einsum("en,pkni->pkei", to_ends, found)
    apart = np.max(np.abs(ends[:, 1:, 0] - ends[:, :-1, 1]), axis=-1, initial=0.0)
    for side in (slice(None, -1), slice(1, None)):
        hidden = _OUTERMOST * share[:, side] * np.where(joined, apart, 0.0)
        split[side] |= np.any(hidden > tolerance * scale * _LEAST_SHARE, axis=0)
    return np.asarray(split)


def _divided(
    left: FloatArray, right: FloatArray, count: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of `count` equal parts of every piece."""
    part = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    first, last = np.repeat(left, count), np.repeat(right, count)
    parts = np.repeat(count, count)
    step = (last - first) / parts
    return first + part * step, np.where(part == parts - 1, last, first + (part + 1) * step)


@functools.cache
def _legendre() -> tuple[FloatArray, FloatArray]:
    """Return the maps from values at the nodes to both ends, and to the last coefficients."""
    polynomials = np.polynomial.legendre
    to_coefficients = np.linalg.inv(polynomials.legvander(_NODES, _NODES.size - 1))
    to_ends = polynomials.legvander(np.array([-1.0, 1.0]), _NODES.size - 1) @ to_coefficients
    return np.asarray(to_ends), np.asarray(to_coefficients[-2:])


def _length(drive: Drive, period: npt.ArrayLike | None) -> FloatArray:
    if period is not None and drive.name != "Sinusoidal":
        return positive("period", period)
    found = repetition(drive)
    if found is None:
        raise fail("period", "be given for this drive", f"its formula shows none: {drive!r}")
    if period is not None:
        raise fail("period", "not be given for a sinusoidal drive", "its frequency sets it")
    return found.period


def _check_repeats(drive: Drive, lanes: Lanes) -> None:
    """Raise `InputError` unless the window holds a period after which H starts again."""
    window = np.broadcast_to(drive.stop_time, lanes.batch_shape).reshape(-1)
    slack = 1e-9 * (lanes.stop - lanes.start)
    if np.any(lanes.stop > window + slack):
        raise fail(
            "period",
            "fit into the window of the drive",
            f"the window is {(window - lanes.start).min():.6g} long",
        )
    ends = np.stack([lanes.start, lanes.stop], axis=1)
    first, last = np.moveaxis(lanes.matrices(ends, np.arange(lanes.count)), 1, 0)
    apart = np.max(np.abs(last - first), axis=(-2, -1))
    if np.any(apart > 1e-9 * np.max(np.abs(first), axis=(-2, -1))):
        raise fail(
            "period", "bring H(x(t)) back to where it started", f"it ends {apart.max():.3g} away"
        )


def fold(q: FloatArray, omega: FloatArray) -> FloatArray:
    """Return q modulo ω in (−ω/2, ω/2]."""
    return np.asarray(q - omega * np.ceil(q / omega - 0.5))
