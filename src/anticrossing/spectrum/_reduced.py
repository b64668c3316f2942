"""The lowest levels of a large H(x) on a stretch, in the space of its lowest states at some places.

H(x) = Σ_k f_k(x) M_k is projected on what those eigenvectors span. How well the space holds the
levels elsewhere their residuals ‖H v − E v‖ say, of which the error of an energy is the square over
the distance to the other levels; where one is too large the eigenvectors there are added. Two
levels that nearly cross are in the space on both sides, so it does not matter how narrowly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import capacity
from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger
from anticrossing.hamiltonian.sparse import Combined, SparseTerms
from anticrossing.spectrum._lanczos import lowest_levels, lowest_with_copies

Array = npt.NDArray[Any]

FIRST_PLACES = 17
"""Places at which the eigenvectors are computed, whatever the levels do."""

_EXPECTED_PLACES = 40  # of which vectors are kept
_SPARE = 2  # levels beyond the ones that must be held
_HELD = 1e-7  # of the spread: the residual of a level that the space holds
_HELD_CLOSELY = 1e-9  # the same where a crossing is described
_SAME = 1e-6  # of the distance of samples: places that are one
_SOLVED = 1e-11  # accuracy of eigenvectors
_NEW = 1e-11  # share of a vector outside the space below which it is rounding
_MISSED = 1e-10  # of the spread: a level this far below those of the space is not in it
_NOISE = 1e-3  # in the start of an iteration, that no sector is missing
_FIRST_SHARE, _COVERED = 0.5, 0.8  # of the work, for whoever waits
_NUMBERS = 2_000_000  # of vectors at a time, which bounds memory


class Reduced:
    """A large H(x) in the space of its lowest states; `places` are where they were computed."""

    def __init__(
        self, terms: SparseTerms, weights: Callable[[FloatArray], FloatArray], levels: int
    ) -> None:
        size = _EXPECTED_PLACES * (levels + _SPARE) + 4 * _NUMBERS / terms.size
        needed = size * terms.size * np.dtype(terms.dtype).itemsize
        capacity.check("count", needed, f"{levels} of {terms.size} levels", "ask for fewer levels")
        self._terms = terms
        self._weights = weights
        self._held = min(levels, terms.size - 2)
        self._count = min(levels + _SPARE, terms.size - 2)
        self._rows: Array = np.empty((0, terms.size), dtype=terms.dtype)
        self._stack: Array = np.empty((len(terms.terms), 0, 0), dtype=terms.dtype)
        self.places: list[float] = []
        self._complete = False

    @property
    def size(self) -> int:
        """The dimension of the space."""
        return self._rows.shape[0]

    @property
    def sizes(self) -> FloatArray:
        """Bounds on the norms of the terms, shape (K,)."""
        return np.array([max(abs(t.lowest), abs(t.highest)) for t in self._terms.terms])

    @property
    def flat_stack(self) -> Array:
        """The terms in the space, shape (K, m²)."""
        return self._stack.reshape(len(self._stack), -1)

    def cover(self, x: FloatArray, tell: Callable[[float], None]) -> None:
        """Make the space hold the lowest levels at all of the increasing points x, and tell."""
        if self._complete:
            return
        if not self.places:
            first = np.linspace(0, x.size - 1, min(FIRST_PLACES, x.size)).round().astype(np.intp)
            for k, place in enumerate(x[first]):
                self._add(float(place), thorough=True)
                tell(_FIRST_SHARE * (k + 1) / first.size)
        open_points = np.ones(x.size, dtype=bool)
        while open_points.any():
            rows = np.flatnonzero(open_points)
            residual = self._residuals(x[rows])
            bad = residual > _HELD
            open_points[rows[~bad]] = False
            for place in _worst(rows[bad], residual[bad]):
                if self._add(float(x[place])):
                    open_points[:] = True
            open_points[np.isin(x, self.places)] = False
            tell(_FIRST_SHARE + (_COVERED - _FIRST_SHARE) * (1 - open_points.mean()))
        self._complete = True

    def describe(self, positions: FloatArray, near: float) -> bool:
        """Make the space hold the levels closely at positions; return whether that changed it.

        Within `near` of each the eigenvectors are computed at least once: residuals do not tell
        that a level is missing.
        """
        changed = False
        for position in positions:
            distance = np.min(np.abs(np.array(self.places) - position))
            if distance <= _SAME * near:
                continue
            if distance > near or self._residuals(position[None])[0] > _HELD_CLOSELY:
                if self._add(float(position)):
                    self._complete = False
                changed = True
        return changed

    def _at(self, place: float) -> tuple[Combined, float]:
        """Return H at a place, and a bound on the spread of its levels."""
        matrix = self._terms.combined(self._weights(np.array([place]))[0])
        return matrix, max(matrix.highest - matrix.lowest, np.finfo(np.float64).tiny)

    def _add(self, place: float, thorough: bool = False) -> bool:
        """Take in the lowest states at a place; return whether the space lacked a level there."""
        matrix, spread = self._at(place)
        operator, margin = matrix.linear_operator(), 1.1 * spread
        known = start = None
        if self._rows.size:
            energies, states = self._lowest(np.array([place]))
            known = energies[0]
            mixed = states[0].sum(axis=1) @ self._rows
            noise = np.random.default_rng(0).normal(size=self._terms.size)
            start = mixed + _NOISE * noise * np.linalg.norm(mixed) / np.linalg.norm(noise)
        if thorough:
            found = lowest_with_copies(operator, self._count, margin, start, _SOLVED)
        else:
            found = lowest_levels(operator, self._count, start, _SOLVED)
            # Levels of a space lie above those of H: lower ones are copies that were not seen.
            if known is not None and np.any(known < found[0][: known.size] - _MISSED * spread):
                found = lowest_with_copies(operator, self._count, margin, start, _SOLVED)
        self.places.append(place)
        self._take_in(np.ascontiguousarray(found[1].T))
        return known is not None and bool(np.any(found[0][: known.size] < known - _HELD * spread))

    def _take_in(self, vectors: Array) -> None:
        """Add what rows hold outside the space, and what the terms are there."""
        new = self._outside(self._outside(vectors))
        _, shares, new = np.linalg.svd(new, full_matrices=False)
        new = self._outside(new[shares > _NEW])
        if not new.size:
            return
        new = np.ascontiguousarray(np.linalg.qr(new.T)[0].T)
        old = self._rows.shape[0]
        self._rows = np.concatenate([self._rows, new])
        size = self._rows.shape[0]
        stack: Array = np.empty((len(self._stack), size, size), dtype=self._terms.dtype)
        stack[:, :old, :old] = self._stack
        for k, unit in enumerate(np.eye(len(stack))):
            column = self._rows.conj() @ self._terms.combined(unit).rows(new).T
            stack[k, :, old:] = column
            stack[k, old:, :old] = dagger(column[:old])
            stack[k, old:, old:] = (column[old:] + dagger(column[old:])) / 2
        self._stack = stack

    def _outside(self, rows: Array) -> Array:
        return rows - (rows @ dagger(self._rows)) @ self._rows

    def _lowest(self, x: FloatArray) -> tuple[FloatArray, Array]:
        """Return the lowest levels (n, k) at points, and their states in the space (n, m, k)."""
        matrices = np.tensordot(self._weights(x), self._stack, 1)
        energies, states = np.linalg.eigh(matrices)
        return energies[:, : self._held], states[:, :, : self._held]

    def _residuals(self, x: FloatArray) -> FloatArray:
        """Return the largest residual of a level at every point, relative to the spread."""
        found = np.empty(x.size)
        step = max(1, _NUMBERS // (self._held * self._terms.size))
        for first in range(0, x.size, step):
            part = x[first : first + step]
            energies, states = self._lowest(part)
            levels = energies.shape[1]
            flat = states.swapaxes(1, 2).reshape(part.size * levels, -1) @ self._rows
            vectors = flat.reshape(part.size, levels, -1)
            for k, place in enumerate(part):
                matrix, spread = self._at(float(place))
                rest = matrix.rows(vectors[k]) - energies[k, :, None] * vectors[k]
                found[first + k] = np.max(np.linalg.norm(rest, axis=1)) / spread
        return found


def _worst(places: npt.NDArray[np.intp], residual: FloatArray) -> npt.NDArray[np.intp]:
    """Return the place of the largest residual in every run of neighbours."""
    runs = np.split(np.arange(places.size), np.flatnonzero(np.diff(places) > 1) + 1)
    return np.array([places[run[np.argmax(residual[run])]] for run in runs if run.size], np.intp)
