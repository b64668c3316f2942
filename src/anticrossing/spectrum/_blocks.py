"""Levels, slopes and curvatures of H(x), sector by sector, at many points at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail
from anticrossing._core.plain import (
    Formula,
    Plain,
    compile_formula,
    depends_on,
    differentiate,
    is_zero,
)
from anticrossing.hamiltonian import (
    FunctionHamiltonian,
    Hamiltonian,
    Matrices,
    TermHamiltonian,
    check_finite_hermitian,
)
from anticrossing.hamiltonian.sparse import SparseTerms
from anticrossing.spectrum._reduced import Reduced
from anticrossing.spectrum.symmetry import Sectors

LARGEST_DENSE = 512
"""Blocks above this dimension are followed in the space of their lowest states."""

_DEGENERATE = 64 * float(np.finfo(np.float64).eps)  # of the largest energy


class PairPoint(NamedTuple):
    """Two neighbouring levels of one block at one point."""

    gap: float
    gap_slope: float
    gap_curvature: float  # Z·Z'', finite also where Z'' diverges


class Blocks:
    """The blocks of one Hamiltonian (single parameter values, one coordinate)."""

    def __init__(
        self,
        H: Hamiltonian,
        sectors: Sectors,
        count: int | None,
        tell: Callable[[float], None] = lambda share: None,
    ) -> None:
        self._tell = tell
        self.H = H
        self.count = count
        # Values at the latest points, by derivative order: every block asks for the same ones.
        self._latest: dict[int, tuple[Any, npt.NDArray[Any]]] = {}
        self.indices = [sectors.indices(s) for s in range(sectors.count)]
        for inside in self.indices:
            if inside.size > LARGEST_DENSE and count is None:
                raise fail(
                    "count",
                    f"be given for a sector of more than {LARGEST_DENSE} levels",
                    f"one has {inside.size}",
                )
        self._reduced: dict[int, Reduced] = {}
        self.noisy_slopes = isinstance(H, FunctionHamiltonian) and H.derivative_function is None
        if isinstance(H, TermHamiltonian):
            with np.errstate(all="ignore"):  # `norm` tells what overflows
                self._prepare_terms(H, sectors)
        else:
            identity = np.eye(H.dimension)
            basis = identity if sectors.basis is None else sectors.basis
            self._bases = [basis[:, inside] for inside in self.indices]

    def size(self, block: int) -> int:
        """Return the dimension of a block, of a large one that of its lowest states."""
        reduced = self._reduced.get(block)
        return int(self.indices[block].size) if reduced is None else reduced.size

    def cover(self, x: FloatArray) -> None:
        """Prepare large blocks for the stretch on which the points x lie."""
        for number, (block, reduced) in enumerate(self._reduced.items()):
            reduced.cover(x, functools.partial(self._tell_part, number))
            self._stacks[block] = reduced.flat_stack

    def _tell_part(self, number: int, share: float) -> None:
        self._tell((number + share) / len(self._reduced))

    def describe(self, positions: FloatArray, near: float) -> bool:
        """Make large blocks exact at positions of crossings; return whether that changed them."""
        changed = [reduced.describe(positions, near) for reduced in self._reduced.values()]
        return any(changed)

    def levels(self, block: int, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sorted levels and their slopes at the points x, each (len(x), levels)."""
        if self.size(block) == 1:
            matrices, slopes = self._dense(block, x, 0), self._dense(block, x, 1)
            return matrices[:, :, 0].real.copy(), slopes[:, :, 0].real.copy()
        energies, vectors = np.linalg.eigh(self._dense(block, x, 0))
        if self.count is not None:  # one more than asked for, as a neighbour
            energies, vectors = energies[:, : self.count + 1], vectors[:, :, : self.count + 1]
        slopes = np.sum(vectors.conj() * (self._dense(block, x, 1) @ vectors), axis=1).real
        return np.ascontiguousarray(energies), slopes

    def pair(self, block: int, lower: int, x: float) -> PairPoint:
        """Return gap, slope and Z·Z'' of the levels `lower`, `lower` + 1 of a block, exactly.

        Z' = F₂ − F₁ (Hellmann–Feynman) and second-order perturbation theory for Z''.
        """
        point = np.array([x])
        energies, vectors = np.linalg.eigh(self._dense(block, point, 0)[0])
        first = vectors.conj().T @ self._dense(block, point, 1)[0] @ vectors
        second = vectors.conj().T @ self._dense(block, point, 2)[0] @ vectors
        upper = lower + 1
        gap = float(energies[upper] - energies[lower])
        rounding = _DEGENERATE * float(np.abs(energies).max())
        bend = []
        for k in (lower, upper):
            # A copy of the level, as of Kramers pairs, is not coupled to it by H′.
            others = np.abs(energies - energies[k]) > rounding
            others[[lower, upper]] = False
            shifts = np.abs(first[k, others]) ** 2 / (energies[k] - energies[others])
            bend.append(float(second[k, k].real) + 2 * float(np.sum(shifts)))
        return PairPoint(
            gap,
            float((first[upper, upper] - first[lower, lower]).real),
            4 * abs(complex(first[lower, upper])) ** 2 + gap * (bend[1] - bend[0]),
        )

    def norm(self, x: FloatArray, order: int) -> float:
        """Return a bound on ‖H‖ or ‖H′‖ at the points x (largest sum of moduli along a row)."""
        norms = []
        with np.errstate(all="ignore"):
            for block in range(len(self.indices)):
                if block in self._reduced:
                    bounds = np.abs(self._coefficients(x, order)) @ self._reduced[block].sizes
                    rows = [bounds]
                else:
                    rows = [np.abs(self._dense(block, x, order)).sum(axis=-1)]
                norms += [row.max() for row in rows]
        return float(np.max(norms))

    # ---- matrices -----------------------------------------------------------------------------

    def _prepare_terms(self, H: TermHamiltonian, sectors: Sectors) -> None:
        names = (*H.coordinates, *H.parameters)
        self._values = tuple(float(value) for value in H.parameters.values())
        matrices, formulas = self._fold_constants(H, names)
        orders: list[list[Formula]] = [formulas]
        for _ in range(2):
            orders.append([differentiate(f, names[0]) for f in orders[-1]])
        self._functions = [
            [None if is_zero(f) else compile_formula(names, f) for f in order] for order in orders
        ]
        self._stacks: dict[int, npt.NDArray[Any]] = {}
        for block, inside in enumerate(self.indices):
            if sectors.basis is not None:
                part = sectors.basis[:, inside]
                blocks = [part.conj().T @ matrix @ part for matrix in matrices]
            elif inside.size == H.dimension:
                blocks = matrices
            else:
                blocks = [matrix[inside][:, inside] for matrix in matrices]
            if inside.size > LARGEST_DENSE:
                assert self.count is not None  # refused in __init__
                self._reduced[block] = Reduced(
                    SparseTerms(blocks), lambda x: self._coefficients(x, 0), self.count + 1
                )
            else:
                dense = [m if isinstance(m, np.ndarray) else m.toarray() for m in blocks]
                self._stacks[block] = np.stack(dense).reshape(len(dense), -1)

    def _fold_constants(
        self, H: TermHamiltonian, names: tuple[str, ...]
    ) -> tuple[list[Any], list[Formula]]:
        """Add up the terms that do not depend on the coordinate into one matrix."""
        matrices: list[Any] = []
        formulas: list[Formula] = []
        constant = None
        for f, matrix in zip(H.formulas, H.matrices, strict=True):
            if depends_on(f, names[0]):
                matrices.append(matrix)
                formulas.append(f)
                continue
            value = float(compile_formula(names, f)(0.0, *self._values))
            constant = value * matrix if constant is None else constant + value * matrix
        if constant is not None:
            matrices.append(constant)
            formulas.append(Plain(1, "1.0", ()))
        return matrices, formulas

    def _coefficients(self, x: Any, order: int) -> npt.NDArray[np.float64]:
        latest = self._latest.get(order)
        if latest is not None and latest[0] is x:
            return latest[1]
        functions = self._functions[order]
        table = np.zeros((*np.shape(x), len(functions)))
        with np.errstate(all="ignore"):
            for k, function in enumerate(functions):
                if function is not None:
                    table[..., k] = function(x, *self._values)
        if not np.isfinite(table).all():
            bad = np.broadcast_to(x, table.shape[:-1])[~np.isfinite(table).all(axis=-1)].ravel()[0]
            raise InputError(
                f"H(x) must be finite, but it contains NaN or infinity at x = {bad:.6g}."
            )
        self._latest[order] = (x, table)
        return table

    def _dense(self, block: int, x: FloatArray, order: int) -> Matrices:
        size = self.size(block)
        if isinstance(self.H, TermHamiltonian):
            flat = self._coefficients(x, order) @ self._stacks[block]
            return np.asarray(flat.reshape(x.size, size, size))
        basis = self._bases[block]
        return np.asarray(basis.conj().T @ self._function_values(x, order) @ basis)

    def _function_values(self, x: FloatArray, order: int) -> Matrices:
        latest = self._latest.get(order)
        if latest is not None and latest[0] is x:
            return latest[1]
        if order == 0:
            values = self.H(x)
            check_finite_hermitian(values, x)
        elif order == 1:
            values = self.H.derivative(x)
        else:
            step = np.finfo(np.float64).eps ** 0.25 * max(1.0, float(np.abs(x).max()))
            values = (self.H.derivative(x + step) - self.H.derivative(x - step)) / (2 * step)
        self._latest[order] = (x, values)
        return values
