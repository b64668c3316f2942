"""First panels graded by how far the crossings of two levels are, before any is tried.

The eigenframe of two levels turns about complex times t* at which their distance vanishes. A panel
of n nodes resolves it if t* lies outside an ellipse about the panel, on which the last Chebyshev
coefficients sink below the tolerance. Near a node H is nearly linear in time: with the vector d of
H = d·σ,

    t* = t − |d|²/(d·d′ + i|d × d′|) .

Only the cost depends on t*: what is wrongly cut takes some panels more, what is wrongly kept is
refused when it is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes

_NODES = 5
_KNOWN = 1e-2  # of H, what its last coefficients at these nodes may be
_SCALE, _LARGEST_RADIUS = 300.0, 4.3  # of the ellipses, found by trying panels of many shapes
_MOST_HALVINGS = 30

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Panels:
    """Panels of lanes, and the crossing next to every one: its time, and the speed of d there."""

    lane: IndexArray
    left: FloatArray
    right: FloatArray
    crossing: npt.NDArray[np.complex128]
    speed: FloatArray

    @property
    def largest(self) -> FloatArray:
        """The largest distance of the two levels on each panel."""
        ends = np.stack([self.left, self.right])
        return np.asarray(2 * self.speed * np.max(np.abs(ends - self.crossing), axis=0))

    @property
    def radius(self) -> FloatArray:
        """The sum of the half axes of the ellipse about the panel that the crossing lies on."""
        # From the distances to both ends: they add up to twice the longer half axis.
        away = np.abs(self.crossing - self.left) + np.abs(self.crossing - self.right)
        axis = np.maximum(away / (self.right - self.left), 1.0)
        return np.asarray(axis + np.sqrt((axis - 1) * (axis + 1)))

    def halved(self, rows: IndexArray) -> Panels:
        """Return the halves of some panels."""
        left, right = self.left[rows], self.right[rows]
        middle = left + 0.5 * (right - left)
        both = (np.concatenate([a, a]) for a in (self.crossing[rows], self.speed[rows]))
        return Panels(
            np.tile(self.lane[rows], 2),
            np.concatenate([left, middle]),
            np.concatenate([middle, right]),
            *both,
        )


def graded(
    lanes: Lanes,
    lane: IndexArray,
    left: FloatArray,
    right: FloatArray,
    nodes: int,
    tolerance: float,
    followed: Callable[[Panels], npt.NDArray[np.bool_]],
) -> tuple[IndexArray, FloatArray, FloatArray]:
    """Return panels whose nodes resolve the eigenframe, where it is `followed` on a panel."""
    found = _crossings(lanes, lane, left, right)
    least = min((_SCALE / tolerance) ** (1 / (nodes - 1)), _LARGEST_RADIUS)
    done: list[Panels] = []
    for _ in range(_MOST_HALVINGS):
        cut = found.radius < least
        cut[cut] = followed(_at(found, np.flatnonzero(cut)))
        if not cut.any():
            break
        done.append(_at(found, np.flatnonzero(~cut)))
        found = found.halved(np.flatnonzero(cut))
    if not done:
        return lane, left, right
    parts = [vars(part) for part in (*done, found)]
    lane, left, right = (
        np.concatenate([part[name] for part in parts]) for name in ("lane", "left", "right")
    )
    return lane, left, right


def cut(
    lane: IndexArray, left: FloatArray, right: FloatArray, parts: int, whole: npt.NDArray[np.bool_]
) -> tuple[IndexArray, FloatArray, FloatArray]:
    """Return panels cut into equal parts, but for some that stay whole and come first."""
    first, last = left[~whole, None], right[~whole, None]
    edges = first + (last - first) * (np.arange(parts + 1) / parts)
    edges[:, -1] = right[~whole]
    return (
        np.concatenate([lane[whole], np.repeat(lane[~whole], parts)]),
        np.concatenate([left[whole], edges[:, :-1].ravel()]),
        np.concatenate([right[whole], edges[:, 1:].ravel()]),
    )


def turning(radians: float) -> Callable[[Panels], npt.NDArray[np.bool_]]:
    """Return which panels run through more phase than so: their eigenframe is followed."""
    return lambda panels: (panels.right - panels.left) * panels.largest > radians


def _at(panels: Panels, rows: IndexArray) -> Panels:
    return Panels(*(values[rows] for values in vars(panels).values()))


def _crossings(lanes: Lanes, lane: IndexArray, left: FloatArray, right: FloatArray) -> Panels:
    """Find the crossing next to every panel; none, at infinity, where few nodes do not know H."""
    points = grid(_NODES)
    half = 0.5 * (right - left)
    times = (left + half)[:, None] + half[:, None] * points.nodes
    times[:, 0], times[:, -1] = left, right
    h = lanes.traceless(times, lane)
    d = np.stack([h[..., 0, 1].real, -h[..., 0, 1].imag, 0.5 * (h[..., 0, 0] - h[..., 1, 1]).real])
    largest = np.max(np.abs(d), axis=(0, 2))
    known = np.max(np.abs(d @ points.tail.T), axis=(0, 2)) <= _KNOWN * largest
    with np.errstate(all="ignore"):
        slope = d @ points.derivative.T / half[:, None]
        length, speed = np.sum(d * d, axis=0), np.sqrt(np.sum(slope * slope, axis=0))
        along = np.sum(d * slope, axis=0)
        across = np.sqrt(np.maximum(length * speed**2 - along**2, 0.0))
        offset = -length / (along + 1j * across)
    nearest = np.argmin(np.where(np.isfinite(offset), np.abs(offset), np.inf), axis=1)
    row = np.arange(lane.size)
    crossing = times[row, nearest] + offset[row, nearest]
    known &= np.isfinite(crossing)
    return Panels(lane, left, right, np.where(known, crossing, np.inf), speed[row, nearest])
