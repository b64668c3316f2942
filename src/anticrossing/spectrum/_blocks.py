"""Levels, slopes and curvatures of H(x), sector by sector, at many points at once."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, InputError, fail
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
from anticrossing.hamiltonian.sparse import Combined, SparseTerms
from anticrossing.spectrum.symmetry import Sectors

LARGEST_DENSE = 512
"""Blocks above this dimension are diagonalised by Lanczos iteration, for their lowest levels."""

_COPY = 1e-12  # of the spread: levels closer than this are one


class PairPoint(NamedTuple):
    """Two neighbouring levels of one block at one point."""

    gap: float
    gap_slope: float
    gap_curvature: float  # Z·Z'', finite also where Z'' diverges


class Blocks:
    """The blocks of one Hamiltonian (single parameter values, one coordinate)."""

    def __init__(self, H: Hamiltonian, sectors: Sectors, count: int | None) -> None:
        self.H = H
        self.count = count
        # Values at the latest points, by derivative order: every block asks for the same ones.
        self._latest: dict[int, tuple[Any, npt.NDArray[Any]]] = {}
        self.indices = [sectors.indices(s) for s in range(sectors.count)]
        self.noisy_slopes = isinstance(H, FunctionHamiltonian) and H.derivative_function is None
        if isinstance(H, TermHamiltonian):
            with np.errstate(all="ignore"):  # `norm` tells what overflows
                self._prepare_terms(H, sectors)
        else:
            identity = np.eye(H.dimension)
            basis = identity if sectors.basis is None else sectors.basis
            self._bases = [basis[:, inside] for inside in self.indices]
        for block in range(len(self.indices)):
            if self.size(block) > LARGEST_DENSE and count is None:
                raise fail(
                    "count",
                    f"be given for a sector of more than {LARGEST_DENSE} levels",
                    f"one has {self.size(block)}",
                )

    def size(self, block: int) -> int:
        """Return the dimension of a block."""
        return int(self.indices[block].size)

    def is_partial(self, block: int) -> bool:
        """Whether only the lowest levels of this block are computed."""
        return self.size(block) > LARGEST_DENSE

    def levels(self, block: int, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sorted levels and their slopes at the points x, each (len(x), levels)."""
        if self.size(block) == 1:
            matrices, slopes = self._dense(block, x, 0), self._dense(block, x, 1)
            return matrices[:, :, 0].real.copy(), slopes[:, :, 0].real.copy()
        if self.is_partial(block):
            pairs = [self._lanczos(block, float(point)) for point in x]
            energies = np.array([e for e, _ in pairs])
            slopes = np.array(
                [
                    np.einsum("ik,ik->k", v.conj(), self._sparse(block, float(p), 1) @ v).real
                    for p, (_, v) in zip(x, pairs, strict=True)
                ]
            )
            return energies, slopes
        energies, vectors = np.linalg.eigh(self._dense(block, x, 0))
        if self.count is not None:  # one more than asked for, as a neighbour
            energies, vectors = energies[:, : self.count + 1], vectors[:, :, : self.count + 1]
        slopes = np.sum(vectors.conj() * (self._dense(block, x, 1) @ vectors), axis=1).real
        return np.ascontiguousarray(energies), slopes

    def pair(self, block: int, lower: int, x: float) -> PairPoint:
        """Return gap, slope and Z·Z'' of the levels `lower`, `lower` + 1 of a block, exactly.

        Z' = F₂ − F₁ (Hellmann–Feynman) and second-order perturbation theory for Z''.
        """
        if self.is_partial(block):
            energies, vectors = self._lanczos(block, x)
            first = vectors.conj().T @ (self._sparse(block, x, 1) @ vectors)
            second = vectors.conj().T @ (self._sparse(block, x, 2) @ vectors)
        else:
            point = np.array([x])
            energies, vectors = np.linalg.eigh(self._dense(block, point, 0)[0])
            first = vectors.conj().T @ self._dense(block, point, 1)[0] @ vectors
            second = vectors.conj().T @ self._dense(block, point, 2)[0] @ vectors
        upper = lower + 1
        gap = float(energies[upper] - energies[lower])
        others = np.ones(energies.size, dtype=bool)
        others[[lower, upper]] = False
        bend = [
            float(second[k, k].real)
            + 2 * float(np.sum(np.abs(first[k, others]) ** 2 / (energies[k] - energies[others])))
            for k in (lower, upper)
        ]
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
                if self.is_partial(block):
                    sums = (self._sparse(block, float(p), order) for p in x)
                    rows = [np.abs([s.lowest, s.highest]) for s in sums]
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
        self._sparse_blocks: dict[int, SparseTerms] = {}
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
                self._sparse_blocks[block] = SparseTerms(blocks)
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

    def _sparse(self, block: int, x: float, order: int) -> Combined:
        return self._sparse_blocks[block].combined(self._coefficients(x, order))

    def _lanczos(self, block: int, x: float) -> tuple[FloatArray, Matrices]:
        assert self.count is not None  # refused in __init__
        operator = self._sparse(block, x, 0).linear_operator()
        return lowest_levels(operator, min(self.count + 1, self.size(block) - 2))


def lowest_levels(
    matrix: Any, count: int, start: npt.NDArray[Any] | None = None
) -> tuple[FloatArray, Matrices]:
    """Return the `count` lowest eigenvalues and eigenvectors of a sparse Hermitian matrix.

    `matrix` may be a `LinearOperator`; `start` is a state near the ones that are wanted.
    """
    import scipy.sparse.linalg

    if start is None:
        # Fixed, without symmetry: the same answer at every call, all sectors seen.
        start = np.random.default_rng(0).normal(size=matrix.shape[0])
    size = min(max(2 * count + 8, 20), matrix.shape[0])
    try:
        energies, vectors = scipy.sparse.linalg.eigsh(
            matrix, k=count, which="SA", v0=start, tol=0, ncv=size
        )
    except scipy.sparse.linalg.ArpackNoConvergence:
        raise ConvergenceError(
            f"The lowest {count} of {matrix.shape[0]} levels did not converge: ask for others, so "
            "that the last one is apart from the next."
        ) from None
    order = np.argsort(energies)
    return np.asarray(energies[order]), np.asarray(vectors[:, order])


def lowest_with_copies(
    matrix: Any, count: int, spread: float, start: npt.NDArray[Any] | None = None
) -> tuple[FloatArray, Matrices]:
    """Return what `lowest_levels` does, with every copy of a degenerate level.

    Lanczos iteration from one vector sees a single vector of a degenerate level. The levels found
    are lifted by `spread`, more than the distance of the levels: whatever is still below the last
    of them was missed.
    """
    import scipy.sparse.linalg

    energies, vectors = lowest_levels(matrix, count, start)
    for _ in range(count):
        lifted = scipy.sparse.linalg.LinearOperator(
            matrix.shape,
            matvec=functools.partial(_lifted, matrix, vectors, spread),
            dtype=matrix.dtype,
        )
        missed, vector = lowest_levels(lifted, 1)
        if missed[0] >= energies[count - 1] - _COPY * spread:
            break
        energies = np.append(energies, missed)
        vectors = np.concatenate([vectors, vector], axis=1)
        order = np.argsort(energies, kind="stable")
        energies, vectors = energies[order], vectors[:, order]
    return energies[:count], np.linalg.qr(vectors[:, :count])[0]


def _lifted(matrix: Any, vectors: Matrices, spread: float, v: npt.NDArray[Any]) -> Any:
    v = v.reshape(-1)
    return matrix @ v + spread * (vectors @ (vectors.conj().T @ v))
