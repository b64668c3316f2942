"""The derivative coupling of two levels along a line, resolved panel by panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray, fail
from anticrossing._core.roots import bracketed
from anticrossing.dynamics.chebyshev import grid
from anticrossing.hamiltonian import Hamiltonian, Matrices

if TYPE_CHECKING:  # the geometry package is large, and imported when it is used
    from anticrossing.geometry._adiabatic import Adiabatic

_NODES = 21
FIRST_PANELS = 64
_MOST_PANELS = 20_000
_MOST_BISECTIONS = 3000
_RESOLVED = 1e-12  # of the integral, or of the largest value in a panel
_RECOGNISED = 0.5  # overlap of a level from node to node; nodes follow every change closely
_GENTLE = 0.1  # of the slope of the gap to the sides of its minimum
SAME = 1e-9  # of a gap: a place no closer than another


@dataclass(frozen=True)
class CouplingPath:
    """Levels i and j along the one coordinate of a Hamiltonian."""

    hamiltonian: Hamiltonian
    i: int
    j: int

    def basis(self, s: FloatArray) -> Adiabatic:
        points, parameters, _ = self.hamiltonian.flat_points(s)
        from anticrossing.geometry._adiabatic import adiabatic

        return adiabatic(self.hamiltonian, points, parameters)

    def coupling(self, s: FloatArray) -> Matrices:
        return np.asarray(self.basis(s).couplings[:, 0, self.i, self.j])

    def opening(self, s: float) -> float:
        """Return the slope of the gap."""
        slopes = self.basis(np.array([s])).slopes[0, 0]
        return float((slopes[self.j, self.j] - slopes[self.i, self.i]).real)

    def rise(self, s: float) -> float:
        """Return the slope of ½|d_ij|²."""
        basis = self.basis(np.array([s]))
        d, slope = basis.couplings[0, 0], basis.coupling_derivatives()[0, 0]
        return float((d[self.i, self.j].conj() * slope[self.i, self.j]).real)

    def closest(self, samples: FloatArray) -> tuple[float, float]:
        """Return where the gap is smallest, and the gap; raise if the levels meet."""
        basis = self.basis(samples)
        gaps = basis.gaps[:, self.i, self.j]
        own = np.einsum("pann->pn", basis.slopes).real
        opening = own[:, self.j] - own[:, self.i]
        # A minimum lies where the gap stops closing, however narrow it is.
        minima = np.flatnonzero((opening[:-1] <= 0) & (opening[1:] > 0))
        places = [samples[np.argmin(gaps)]]
        # Points that rounding separates have other signs alone than among others.
        minima = minima[
            [self.opening(samples[k]) <= 0 < self.opening(samples[k + 1]) for k in minima]
        ]
        places += [_root(self.opening, samples[k], samples[k + 1]) for k in minima]
        basis = self.basis(np.array(places))
        found = basis.gaps[:, self.i, self.j]
        best = int(np.argmin(found))
        met = basis.degenerate[best, self.i, self.j]
        if best > 0:
            # Levels that meet part with the slope that they met with; a gap opens gently.
            k = minima[best - 1]
            met |= abs(self.opening(places[best])) > _GENTLE * np.abs(opening[k : k + 2]).max()
        if met:
            raise fail(
                "window",
                "be one in which the levels stay apart",
                f"levels {self.i} and {self.j} are degenerate at "
                f"{self.hamiltonian.coordinates[0]} = {places[best]:.6g} (gap {found[best]:.3g})",
            )
        return float(places[best]), float(found[best])

    def resolve(self, edges: FloatArray) -> tuple[FloatArray, Matrices, float]:
        """Return nodes that resolve d_ij, its values with consistent phases, and |∫ d_ij|."""
        points = grid(_NODES)
        left, right = edges[:-1], edges[1:]
        kept: list[tuple[FloatArray, FloatArray]] = []
        while left.size:
            half = 0.5 * (right - left)
            nodes = (left + half)[:, np.newaxis] + half[:, np.newaxis] * points.nodes
            values, _ = self.consistent(nodes)
            tail = np.abs(values @ points.tail.T).max(axis=-1)
            good = (tail * half <= _RESOLVED) | (tail <= _RESOLVED * np.abs(values).max(axis=-1))
            kept.append((left[good], right[good]))
            left, right = left[~good], right[~good]
            middle = 0.5 * (left + right)
            stuck = (middle <= left) | (middle >= right)
            if stuck.any() or left.size > _MOST_PANELS:
                raise self.not_smooth(middle[np.argmax(stuck)])
            left, right = np.append(left, middle), np.append(middle, right)
        left, right = (np.concatenate(part) for part in zip(*kept, strict=True))
        order = np.argsort(left)
        half = 0.5 * (right - left)[order]
        nodes = (left[order] + half)[:, np.newaxis] + half[:, np.newaxis] * points.nodes
        (values,), (sizes,) = self.consistent(nodes.ravel()[np.newaxis])
        if sizes.min() < _RECOGNISED:
            raise self.not_smooth(nodes.ravel()[np.argmin(sizes)])
        area = np.sum(half[:, np.newaxis] * points.weights * values.reshape(nodes.shape))
        return nodes.ravel(), values, float(np.abs(area))

    def not_smooth(self, s: float) -> ConvergenceError:
        return ConvergenceError(
            f"The coupling is not smooth near {self.hamiltonian.coordinates[0]} = {s:.9g}: another "
            f"level may cross level {self.i} or {self.j} there; choose a smaller window."
        )

    def consistent(self, s: FloatArray) -> tuple[Matrices, FloatArray]:
        """Return d_ij at nodes (p, n), each level transported along its row, and the overlaps.

        The latter, (p, n − 1), are the smaller ones of the two levels from node to node.
        """
        basis = self.basis(s.ravel())
        vectors = basis.vectors[..., [self.i, self.j]].reshape(*s.shape, -1, 2)
        overlaps = np.sum(vectors[:, :-1].conj() * vectors[:, 1:], axis=-2)
        sizes = np.abs(overlaps)
        phases = np.where(sizes > 0, overlaps, 1.0) / np.where(sizes > 0, sizes, 1.0)
        turn = np.cumprod(phases.conj(), axis=1)
        values = basis.couplings[:, 0, self.i, self.j].reshape(s.shape)
        values[:, 1:] *= turn[..., 0].conj() * turn[..., 1]
        return values, sizes.min(axis=-1)

    def summit(self, nodes: FloatArray, top: int) -> float:
        """Return the position of the maximum of |d_ij| next to the largest value at a node."""
        distinct = np.unique(nodes)
        k = int(np.searchsorted(distinct, nodes[top]))
        low, high = distinct[max(k - 1, 0)], distinct[min(k + 1, distinct.size - 1)]
        if self.rise(low) > 0 > self.rise(high):
            return _root(self.rise, low, high)
        return float(nodes[top])

    def half_height(
        self, nodes: FloatArray, sizes: FloatArray, top: int, step: int, height: float
    ) -> float | None:
        """Return where |d_ij| first falls to half of its peak in one direction."""
        k = top
        while 0 <= k < nodes.size and sizes[k] >= 0.5 * height:
            k += step
        if not 0 <= k < nodes.size:
            return None

        def excess(s: float) -> float:
            return float(np.abs(self.coupling(np.array([s]))[0])) - 0.5 * height

        return _root(excess, *sorted((float(nodes[k - step]), float(nodes[k]))))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    # A change of sign at 0 itself, where levels meet or a derivative jumps, takes all bisections.
    precise = 4 * np.finfo(np.float64).eps
    return bracketed(function, low, high, xtol=1e-300, rtol=precise, maxiter=_MOST_BISECTIONS)
