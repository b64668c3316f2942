"""Panels of one driven level coupled to fixed levels that do not couple to one another.

Their Hamiltonian is an arrowhead matrix, whose eigenvectors and superadiabatic frames take a number
of operations that grows with the square of the levels: see `_arrowhead`. Levels that lie at one
energy act together, and what is not coupled goes on by itself. Panels that are refused, as where a
crossing is too quick for superadiabatic frames, are solved as those of any levels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import dagger, nearer_unitary
from anticrossing.dynamics._blocks import pattern
from anticrossing.dynamics._stacks import LAST_DIGIT, NOISE, diagonals
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import PanelResults, UnitaryKernel, unresolved
from anticrossing.dynamics.lanes import Lanes

_ADIABATIC = 60.0  # −ln of what a crossing leaves in superadiabatic frames
_RADIUS = 3.6  # of the ellipse about a panel outside which crossings lie, in its half width
_FEW, _KNOWN, _MOST_HALVINGS = 5, 1e-2, 12  # nodes that tell how ε moves, and how well
_MOST_PANELS = 2**14
_NEGLIGIBLE = 1e-3  # of the tolerance, over the whole window
_LARGEST_DEFECT = 1e-7
_ROUNDING = 1e-13  # of ε at few nodes, where it rests
_TINY = float(np.finfo(np.float64).tiny)

_Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Crossings:
    """Where two levels of an arrowhead matrix meet.

    Attributes
    ----------
    places : array, shape (C,)
        The complex ε*, of positive imaginary part. There dε/dλ = 1 + Σ V²/(λ − e)² vanishes, of
        ε = λ − Σ V²/(λ − e).
    steepness : array, shape (C,)
        k, where two levels are k |ε − ε*|^½ |ε − ε*̄|^½ apart near by.
    least : float
        The least distance of two fixed levels: what other levels do there shows between those too.
    """

    places: ComplexArray
    steepness: FloatArray
    least: float

    @classmethod
    def of(cls, energies: FloatArray, couplings: FloatArray) -> Crossings:
        """Return the crossings of a level that is driven through fixed `energies`."""
        root = np.sqrt(couplings)
        upper = np.concatenate([np.diag(energies), np.diag(couplings)], axis=1)
        lower = np.concatenate([-np.outer(root, root), np.diag(energies)], axis=1)
        values = np.linalg.eigvals(np.concatenate([upper, lower])).astype(np.complex128)
        values = values[values.imag > 0]
        with np.errstate(all="ignore"):  # of couplings whose squares leave the doubles
            away = 1 / (values[:, None] - energies)
            found = values - away @ couplings**2
            places = found.real + 1j * np.abs(found.imag)
            curvature = np.abs(2 * away**3 @ couplings**2)
            steepness = 2 / np.sqrt(curvature * places.imag)
        return cls(places, steepness, float(np.min(np.diff(energies), initial=np.inf)))

    def are_slow(self, times: FloatArray, epsilon: FloatArray) -> bool:
        """Whether superadiabatic frames follow every level, ε being known at increasing times."""
        fastest = np.max(np.abs(np.diff(epsilon) / np.diff(times)))
        apart = np.abs(self.places - np.clip(self.places.real, epsilon.min(), epsilon.max()))
        with np.errstate(divide="ignore", invalid="ignore"):
            others = 0.25 * np.pi * self.least * apart / fastest
        exponents = np.minimum(self.exponents(apart, fastest), others)
        return bool(np.all(exponents > _ADIABATIC))

    def exponents(self, apart: FloatArray, speed: FloatArray | np.floating) -> FloatArray:
        """Return −ln of the amplitude that crossings leave, passed at distances and a speed."""
        # ∫ of the levels' distance, a hyperbola in ε, from the real axis to where it vanishes.
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(0.25 * np.pi * self.steepness * apart**2 / speed)


class ArrowheadKernel(UnitaryKernel):
    """The Schrödinger equation of an arrowhead matrix, whose level `moving` is driven."""

    first_panels = 1
    effort = 0.1

    def __init__(self, lanes: Lanes, moving: int, tolerance: float) -> None:
        levels = lanes.hamiltonian.dimension
        super().__init__(levels)
        self.moving = moving
        matrix = lanes.window.matrices[0, 0]
        fixed = np.delete(np.arange(levels), moving)
        energies = matrix[fixed, fixed].real
        window = float(np.max(lanes.stop - lanes.start))
        self.basis = np.zeros((levels, levels), dtype=np.complex128)
        self.basis[moving, 0] = 1.0
        inner, self.energies, self.couplings, self.alone = reduced(
            energies - energies.mean(), matrix[fixed, moving], _NEGLIGIBLE * tolerance / window
        )
        self.basis[fixed, 1:] = inner

    @functools.cached_property
    def crossings(self) -> Crossings:
        """Where the driven level meets the others."""
        return Crossings.of(self.energies, self.couplings)

    def _counted(self, matrices: npt.NDArray[np.complex128]) -> tuple[FloatArray, FloatArray]:
        """Return the driven level and the mean of the others, from which it is counted."""
        energies = diagonals(matrices).real
        own = energies[..., self.moving]
        base = (np.sum(energies, axis=-1) - own) / (self.size - 1)
        return own - base, base

    def is_adiabatic(self, lanes: Lanes) -> bool:
        """Whether superadiabatic frames follow every level throughout."""
        epsilon, _ = self._counted(lanes.window.matrices)
        return self.crossings.are_slow(lanes.window.times, epsilon)

    def graded(
        self, lanes: Lanes, lane: _Index, left: FloatArray, right: FloatArray, tolerance: float
    ) -> tuple[_Index, FloatArray, FloatArray]:
        """Return panels as long as the crossings next to them allow."""
        points = grid(_FEW)
        parts: list[tuple[int, FloatArray]] = []
        for halvings in range(_MOST_HALVINGS + 1):
            half = 0.5 * (right - left)
            times = (left + half)[:, None] + half[:, None] * points.nodes
            times[:, 0], times[:, -1] = left, right
            epsilon, _ = self._counted(lanes.traceless(times, lane))
            slope = epsilon @ points.derivative.T / half[:, None]
            allowed = _KNOWN * np.max(np.abs(slope), axis=1) * half
            allowed += _ROUNDING * np.max(np.abs(epsilon), axis=1)
            known = np.max(np.abs(epsilon @ points.tail.T), axis=1) <= allowed
            known |= halvings == _MOST_HALVINGS
            parts += [
                (lane[row], self._cut(times[row], epsilon[row], slope[row]))
                for row in np.flatnonzero(known)
            ]
            if known.all():
                break
            lane, left, right = (np.tile(a[~known], 2) for a in (lane, left, right))
            middle = left + 0.5 * (right - left)
            first = np.arange(lane.size) < lane.size // 2
            left, right = np.where(first, left, middle), np.where(first, middle, right)
        return (
            np.concatenate([np.full(edges.size - 1, own) for own, edges in parts]),
            np.concatenate([edges[:-1] for _, edges in parts]),
            np.concatenate([edges[1:] for _, edges in parts]),
        )

    def _cut(self, times: FloatArray, epsilon: FloatArray, slope: FloatArray) -> FloatArray:
        """Return the edges of panels between times, at which the driven level is known."""
        left, right = times[0], times[-1]
        with np.errstate(all="ignore"):
            away = (self.crossings.places[:, None] - epsilon) / slope
            nearest = np.argmin(np.abs(away), axis=1)
            speed = np.abs(slope[nearest])
            followed = self.crossings.exponents(self.crossings.places.imag, speed) > _ADIABATIC
            there = (times[nearest] + away[np.arange(nearest.size), nearest])[followed]
        there = there[np.isfinite(there)]
        axis = 0.5 * (_RADIUS + 1 / _RADIUS)
        edges = [left]
        while edges[-1] < right and there.size and len(edges) < _MOST_PANELS:
            # The crossing lies on the ellipse about the panel, its ends the foci.
            offset = there - edges[-1]
            longest = 2 * np.min(axis * np.abs(offset) - offset.real) / (axis * axis - 1)
            edges.append(edges[-1] + longest)
        return np.array([*edges[: max(len(edges) - 1, 1)], right])

    def _many_levels(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: _Index,
        matrices: npt.NDArray[np.complex128],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        if self.energies.size == 0:
            return super()._many_levels(lanes, times, lane, matrices, half_width, tolerance)
        solved = self._by_arrowhead(lanes, times, lane, matrices, half_width, tolerance)
        rows = np.flatnonzero(~solved.accepted)
        if rows.size:
            others = super()._many_levels(
                lanes, times[rows], lane[rows], matrices[rows], half_width[rows], tolerance
            )
            solved.put(rows, others)
        return solved

    def _by_arrowhead(
        self,
        lanes: Lanes,
        times: FloatArray,
        lane: _Index,
        matrices: npt.NDArray[np.complex128],
        half_width: FloatArray,
        tolerance: float,
    ) -> PanelResults:
        from anticrossing.dynamics import _arrowhead

        solved = PanelResults.empty(lane.size, self)
        epsilon, base = self._counted(matrices)
        # A bound from below: what a panel knows no better is nowhere less.
        unknown = np.min(np.max(lanes.unknown[lane], axis=(2, 3)), axis=1)
        panels, size = lane.size, self.energies.size + 1
        inner = np.zeros((panels, 2, size, size), dtype=np.complex128)
        phases, left = np.zeros((panels, size)), np.empty(panels)
        status = np.empty(panels, dtype=np.int64)
        _arrowhead.solve_panels(
            np.ascontiguousarray(epsilon),
            self.energies,
            self.couplings,
            half_width,
            np.ascontiguousarray(self.grid.derivative.T),
            self.grid.weights,
            self.grid.tail,
            tolerance,
            np.maximum(tolerance, NOISE * half_width * unknown),
            inner,
            phases,
            left,
            status,
        )
        theta = np.concatenate([phases, 2 * half_width[:, None] * self.alone], axis=1)
        theta += (half_width * (base @ self.grid.weights))[:, None]
        rows = np.flatnonzero(status == _arrowhead.SOLVED)
        found = inner[rows].swapaxes(-1, -2)
        found = found / np.sqrt(np.sum(found.real**2 + found.imag**2, axis=-2, keepdims=True))
        found, defect = nearer_unitary(found)
        frames = np.tile(self.basis, (rows.size, 2, 1, 1))
        frames[..., :size] = self.basis[:, :size] @ found
        solved.phase = np.max(np.abs(theta), axis=1)
        turns = LAST_DIGIT * solved.phase[rows, None] * diagonals(pattern(self.size)).real
        solved.shifted = solved.propagator.copy()
        for into, angles in ((solved.propagator, 0.0), (solved.shifted, turns)):
            turned = frames[:, 1] * np.exp(-1j * (theta[rows] + angles))[:, None, :]
            into[rows] = turned @ dagger(frames[:, 0])
        solved.accepted[rows] = np.max(defect, axis=1) < _LARGEST_DEFECT
        solved.error = 2 * left + unresolved(self.grid, half_width, epsilon, base)
        return solved


def reduced(
    energies: FloatArray, couplings: ComplexArray, negligible: float
) -> tuple[ComplexArray, FloatArray, FloatArray, FloatArray]:
    """Return fixed levels in a basis in which those at one energy have one coupling between them.

    Columns of the basis, the coupled levels first, in order of energy; their energies and
    couplings, which are positive; and the energies of the others. What is `negligible`, as a
    coupling or between two energies, is left out.
    """
    order = np.argsort(energies, kind="stable")
    energies, couplings = energies[order], couplings[order]
    sizes = np.abs(couplings)
    sizes[sizes < _TINY] = 0.0  # of which no quotient is sure
    turns = np.where(sizes > 0, couplings / np.maximum(sizes, _TINY), 1.0)
    basis = np.eye(order.size, dtype=np.complex128)[:, order] * turns
    begin = 0
    for end in range(1, order.size + 1):
        if end < order.size and energies[end] - energies[begin] <= negligible:
            continue
        if end - begin > 1 and np.any(sizes[begin:end] > 0):
            own = sizes[begin:end]
            together = float(own.max() * np.linalg.norm(own / own.max()))
            turned, _ = np.linalg.qr(np.column_stack([own, np.eye(own.size)]))
            turned[:, 0] = own / together
            basis[:, begin:end] = basis[:, begin:end] @ turned
            energies[begin:end] = energies[begin:end].mean()
            own[:] = 0.0
            own[0] = together
        begin = end
    coupled = sizes > negligible
    basis = np.concatenate([basis[:, coupled], basis[:, ~coupled]], axis=1)
    return basis, energies[coupled], sizes[coupled], energies[~coupled]
