"""Products of a sparse or matrix-free H(x) with vectors, term by term or at one x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.hamiltonian import _sparse_kernels as kernels
from anticrossing.hamiltonian.terms import TermHamiltonian

_FEWEST_ROWS = 8  # of the kernel for bit flips
_MOST_MASKS = 256  # tried: a matrix with more kinds of elements is no sum of bit flips
_LANCZOS_STEPS = 40
_LANCZOS_MARGIN = 0.05  # of the spread, beyond the extreme values that Lanczos finds

Vectors = npt.NDArray[Any]


class SparseTerm:
    """One constant matrix, split into what is cheap to apply: diagonal, bit flips, the rest.

    A bit flip is an element M[r, r ^ mask] that is the same for every r, as of σ^x: it is applied
    without the matrix.

    Attributes
    ----------
    lowest, highest : float
        Bounds on the eigenvalues (of a `LinearOperator`: estimates with a margin).
    work : float
        Multiplications in one product.
    """

    def __init__(self, matrix: Any) -> None:
        self.size = int(matrix.shape[0])
        self.diagonal: FloatArray = np.zeros(self.size)
        self.masks: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.weights: FloatArray = np.zeros(0)
        self.rest: Any = None
        self.operator: Any = None
        if hasattr(matrix, "tocsr"):
            self._split(matrix.tocsr())
            self.lowest, self.highest = self._row_bounds()
        else:
            self.operator = matrix
            self.lowest, self.highest = _lanczos_bounds(matrix)
        self.is_real = not np.iscomplexobj(self.rest.data if self.rest is not None else 0.0)
        if self.operator is not None:
            self.is_real = np.dtype(self.operator.dtype).kind != "c"
        stored = 0 if self.rest is None else self.rest.nnz
        # A user's operator says nothing of its work: as much as 64 elements in each row.
        own = 64 * self.size if self.operator is not None else 0
        self.work = float(self.size * (1 + self.masks.size) + 4 * stored + own)

    def apply(self, v: Vectors, out: Vectors) -> None:
        """Set `out` to the product with each row of `v`, both (m, N) and contiguous."""
        combine(v, out, self.diagonal, self.masks, self.weights)
        self.add_rest(v, out, 1.0)

    def add_rest(self, v: Vectors, out: Vectors, weight: float) -> None:
        """Add what is neither diagonal nor a bit flip, times a weight."""
        if self.rest is not None:
            r = self.rest
            kernels.add_rows(v, out, r.indptr, r.indices, r.data, weight)
        if self.operator is not None:
            out += weight * (self.operator @ v.T).T

    def _split(self, csr: Any) -> None:
        import scipy.sparse

        self.diagonal = np.ascontiguousarray(csr.diagonal().real)
        rest = (csr - scipy.sparse.diags_array(csr.diagonal())).tocoo()
        # What is stored as zero must not stay, whatever the matrix is made of.
        keep = rest.data != 0
        row, column, data = rest.row[keep], rest.col[keep], rest.data[keep]
        power = self.size >= _FEWEST_ROWS and self.size & (self.size - 1) == 0
        if power and data.size and not np.iscomplexobj(data):
            mask = np.asarray(row, dtype=np.int64) ^ np.asarray(column, dtype=np.int64)
            kinds, first, place, count = np.unique(
                mask, return_index=True, return_inverse=True, return_counts=True
            )
            if kinds.size <= _MOST_MASKS:
                unlike = np.bincount(place, data != data[first][place]) > 0
                constant = (count == self.size) & ~unlike
                self.masks, self.weights = kinds[constant], data[first][constant]
                left = ~constant[place]
                row, column, data = row[left], column[left], data[left]
        if data.size:
            shape = (self.size, self.size)
            self.rest = scipy.sparse.csr_array((data, (row, column)), shape=shape)

    def _row_bounds(self) -> tuple[float, float]:
        """Return Gershgorin's bounds on the eigenvalues."""
        radius = np.full(self.size, np.abs(self.weights).sum())
        if self.rest is not None:
            radius += np.abs(self.rest).sum(axis=1)
        return float(np.min(self.diagonal - radius)), float(np.max(self.diagonal + radius))


class SparseTerms:
    """Constant matrices M_k ready for products with vectors, and for sums of them."""

    def __init__(self, matrices: Sequence[Any]) -> None:
        self.terms = tuple(SparseTerm(matrix) for matrix in matrices)
        self.size = self.terms[0].size
        self.is_real = all(term.is_real for term in self.terms)
        self.dtype: type = np.float64 if self.is_real else np.complex128
        self._masks = np.unique(np.concatenate([term.masks for term in self.terms]))
        self._places = [np.searchsorted(self._masks, term.masks) for term in self.terms]

    @property
    def work(self) -> float:
        """Multiplications in one product of every term with a vector."""
        return sum(term.work for term in self.terms)

    def combined(self, weights: FloatArray) -> Combined:
        """Return Σ_k weights[k] M_k."""
        return Combined(self, np.asarray(weights, dtype=np.float64))


class SparseHamiltonian(SparseTerms):
    """The terms of a Hamiltonian of single parameter values, with their coefficients."""

    def __init__(self, hamiltonian: TermHamiltonian) -> None:
        super().__init__(hamiltonian.matrices)
        self.hamiltonian = hamiltonian
        self._parameters: Mapping[str, Any] = hamiltonian.parameters

    def coefficients(self, x: FloatArray) -> FloatArray:
        """Return the coefficients of the terms at points x: (…, K)."""
        found = self.hamiltonian._coefficient_values(self.hamiltonian.formulas, x, self._parameters)
        return np.asarray(found, dtype=np.float64)

    def at(self, x: float | FloatArray) -> Combined:
        """Return H(x)."""
        return self.combined(self.coefficients(np.asarray(x, dtype=np.float64)))


class Combined:
    """A fixed combination of the terms, applied in one pass.

    Attributes
    ----------
    lowest, highest : float
        Bounds on the eigenvalues.
    """

    def __init__(self, terms: SparseTerms, weights: FloatArray) -> None:
        self._terms = terms
        self._weights = weights
        self._diagonal = np.zeros(terms.size)
        self._flips = np.zeros(terms._masks.size)
        self.lowest = self.highest = 0.0
        for weight, term, places in zip(weights, terms.terms, terms._places, strict=True):
            self._diagonal += weight * term.diagonal
            self._flips[places] += weight * term.weights
            ends = sorted((weight * term.lowest, weight * term.highest))
            self.lowest += ends[0]
            self.highest += ends[1]

    def __matmul__(self, v: Vectors) -> Vectors:
        """Return the product with a vector (N,) or with vectors as columns (N, m)."""
        rows = np.ascontiguousarray(v.T).reshape(-1, self._terms.size)
        return self.rows(rows).T.reshape(v.shape)

    def rows(self, v: Vectors) -> Vectors:
        """Return the product with every row of v (m, N)."""
        dtype = np.result_type(self._terms.dtype, v.dtype)
        v = np.ascontiguousarray(v, dtype=dtype)
        out = np.empty_like(v)
        combine(v, out, self._diagonal, self._terms._masks, self._flips)
        for weight, term in zip(self._weights, self._terms.terms, strict=True):
            if weight:
                term.add_rest(v, out, float(weight))
        return out

    def linear_operator(self) -> Any:
        """Return this as a SciPy `LinearOperator`."""
        import scipy.sparse.linalg

        size = self._terms.size
        return scipy.sparse.linalg.LinearOperator(
            (size, size), matvec=self.__matmul__, matmat=self.__matmul__, dtype=self._terms.dtype
        )


def combine(
    v: Vectors,
    out: Vectors,
    diagonal: FloatArray,
    masks: npt.NDArray[np.int64],
    weights: FloatArray,
) -> None:
    """Set `out` to a diagonal with bit flips times every row of `v`."""
    numbers = v.view(np.float64), out.view(np.float64)
    if masks.size:
        kernels.flips(*numbers, diagonal, masks, weights, np.iscomplexobj(v))
    else:
        kernels.scale(*numbers, diagonal, np.iscomplexobj(v))


def _lanczos_bounds(operator: Any) -> tuple[float, float]:
    """Return estimates of the extreme eigenvalues of a Hermitian operator, with a margin."""
    rng = np.random.default_rng(0)
    size = operator.shape[0]
    v: ComplexArray = rng.normal(size=size).astype(np.result_type(operator.dtype, np.float64))
    v /= np.linalg.norm(v)
    before, beta = np.zeros_like(v), 0.0
    diagonal, beside = [], []
    for _ in range(min(_LANCZOS_STEPS, size)):
        w = operator @ v - beta * before
        diagonal.append(float(np.vdot(v, w).real))
        w = w - diagonal[-1] * v
        beta = float(np.linalg.norm(w))
        beside.append(beta)
        if beta == 0:
            break
        before, v = v, w / beta
    import scipy.linalg

    values = scipy.linalg.eigvalsh_tridiagonal(diagonal, beside[:-1])
    # An extreme eigenvalue lies within the last coupling of the value that Lanczos has for it.
    margin = min(_LANCZOS_MARGIN * (values[-1] - values[0]), beside[-1])
    return float(values[0] - margin), float(values[-1] + margin)
