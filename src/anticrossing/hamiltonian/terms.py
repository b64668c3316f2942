"""H = Σ_k f_k(x; p) M_k: symbolic coefficients times constant matrices."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, fail, joint_shape
from anticrossing._core.facts import value_text
from anticrossing._core.foreign import dims_of
from anticrossing._core.plain import (
    Formula,
    Plain,
    compile_formula,
    differentiate,
    is_zero,
    used_names,
)
from anticrossing.hamiltonian._arguments import Matrices, common_offset, coordinate_names
from anticrossing.hamiltonian._derivatives import DerivativeTable
from anticrossing.hamiltonian.base import Hamiltonian
from anticrossing.hamiltonian.curve import Curve, along, formulas_in, name_of_time
from anticrossing.units import NATURAL, Units, in_time

if TYPE_CHECKING:
    import sympy

_LARGEST_DENSE = 4096


class TermHamiltonian(Hamiltonian, kind="terms"):
    """H = Σ_k f_k(x; p) M_k with symbolic f_k and constant Hermitian M_k."""

    _permutations: tuple[npt.NDArray[np.intp], ...] = ()

    def __init__(
        self,
        terms: Sequence[tuple[Any, Any]],
        parameters: Mapping[str, npt.ArrayLike],
        coordinates: str | Sequence[str] = "x",
        *,
        name: str = "Hamiltonian",
        units: Units = NATURAL,
        labels: Sequence[str] | None = None,
        source: str = "",
        dims: Sequence[Sequence[int]] | None = None,
    ) -> None:
        from anticrossing._core import terms as rewriting

        terms = rewriting.check_pairs(terms)
        names = coordinate_names(coordinates)
        self.matrices = rewriting.check_matrices([matrix for _, matrix in terms])
        self.dimension = int(self.matrices[0].shape[0])
        known = dims if dims is not None else dims_of(*(matrix for _, matrix in terms))
        self._set_details(names, parameters, name, units, labels, source, known)
        self.formulas = rewriting.check_coefficients(
            [coefficient for coefficient, _ in terms], names + tuple(self.parameters)
        )
        self._stack: Matrices | None = None
        self._split: tuple[Matrices, FloatArray, FloatArray] | None = None
        self._tables: dict[int, DerivativeTable] = {}  # by order, shared with copies

    @functools.cached_property
    def coefficients(self) -> tuple[sympy.Expr, ...]:
        """The coefficients f_k as SymPy."""
        return tuple(f.symbolic() if isinstance(f, Plain) else f for f in self.formulas)

    @functools.cached_property
    def _symbols(self) -> tuple[sympy.Symbol, ...]:
        return tuple(expression.symbol(n) for n in (*self.coordinates, *self.parameters))

    @property
    def is_sparse(self) -> bool:
        """Whether the constant matrices are SciPy sparse matrices or linear operators."""
        return not isinstance(self.matrices[0], np.ndarray)

    def evaluate(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        return self._combine(self.formulas, x, parameters)

    def evaluate_split(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> tuple[Matrices, npt.NDArray[Any]]:
        return self.combine_split(self._coefficient_values(self.formulas, x, parameters))

    def combine_split(self, factors: npt.NDArray[Any]) -> tuple[Matrices, npt.NDArray[Any]]:
        """Return the same of factors (..., K) that are known."""
        stack, offsets, _ = self._split_stack()
        rows, shape = factors.reshape(-1, len(self.formulas)), factors.shape[:-1]
        with np.errstate(all="ignore"):
            flat, offset = rows @ stack, rows @ offsets
        return flat.reshape(*shape, self.dimension, self.dimension), offset.reshape(shape)

    def evaluate_offset(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        values = self._coefficient_values(self.formulas, x, parameters)
        with np.errstate(all="ignore"):
            return values @ self._split_stack()[1]

    def weights(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Return the size f_k(x)·max|M_k| of every term, less what commutes: (..., K)."""
        return self.factors(x, parameters) * self.weights_of_terms()

    def factors(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Return the factors f_k(x) of the constant matrices, (..., K)."""
        return np.asarray(self._coefficient_values(self.formulas, x, parameters))

    def weights_of_terms(self) -> FloatArray:
        """Return max|M_k| of every term, less what commutes."""
        if self.is_sparse:
            return np.array([_size(matrix) for matrix in self.matrices])
        return self._split_stack()[2]

    def evaluate_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], coordinate: int = 0
    ) -> Matrices:
        return self._combine(self._differentiated(self.coordinates[coordinate]), x, parameters)

    def evaluate_gradient(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        return self._all_derivatives(1, x, parameters)

    def evaluate_second_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        return self._all_derivatives(2, x, parameters)

    def sparse(self, x: float | npt.ArrayLike) -> Any:
        """Return H at one point as a SciPy CSR matrix (single parameter values only).

        Raises
        ------
        InputError
            For several points, or a term that is a `LinearOperator`.
        """
        import scipy.sparse

        self._refuse_operators("be made of matrices to be written out")
        points, parameters = self._outer(x)
        values = self._coefficient_values(self.formulas, points, parameters)
        if values.ndim != 1:
            raise fail("x", "be a single point", f"{values[..., 0].size} points were given")
        total = scipy.sparse.csr_matrix((self.dimension, self.dimension), dtype=self.dtype)
        for value, matrix in zip(values, self.matrices, strict=True):
            total = total + value * scipy.sparse.csr_matrix(matrix)
        return total

    @property
    def dtype(self) -> type:
        """float64 when every constant matrix is real, complex128 otherwise."""
        kinds = (np.dtype(m.dtype or np.complex128).kind for m in self.matrices)
        return np.complex128 if "c" in kinds else np.float64

    @property
    def permutations(self) -> tuple[npt.NDArray[np.intp], ...]:
        """Permutations of the states that commute with all terms and with each other, if known."""
        return self._permutations

    def with_permutations(self, *permutations: npt.ArrayLike) -> TermHamiltonian:
        """Return a copy that knows such permutations: state k is turned into permutation[k].

        They are checked where they are used.
        """
        known = tuple(np.array(turned, dtype=np.intp) for turned in permutations)
        return self._with(_permutations=known)

    def latex(self) -> str:
        """Return H as LaTeX: a matrix up to dimension 8, a sum of terms above."""
        import sympy

        if self.dimension > 8 or self.is_sparse:
            return " + ".join(
                rf"\left({sympy.latex(f)}\right) M_{{{k}}}" for k, f in enumerate(self.coefficients)
            )
        total = sympy.zeros(self.dimension)
        for f, matrix in zip(self.coefficients, self.matrices, strict=True):
            total += f * sympy.Matrix(matrix).applyfunc(sympy.nsimplify)
        return str(sympy.latex(total))

    def _differentiated(self, name: str) -> tuple[Formula, ...]:
        return tuple(differentiate(f, name) for f in self.formulas)

    def evaluate_parameter_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> Matrices:
        return self.evaluate_parameter_derivatives(x, parameters, [parameter])[..., 0, :, :]

    def evaluate_parameter_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], names: Sequence[str]
    ) -> Matrices:
        slopes, of, terms = _slopes(self.formulas, tuple(names))
        values, stack = self._coefficient_values(slopes, x, parameters), self._dense_stack()
        shape = (*values.shape[:-1], len(names), stack.shape[-1])
        found = np.zeros(shape, dtype=np.result_type(values, stack))
        with np.errstate(all="ignore"):  # NaN or infinity passes through, to be refused there
            if len(set(of)) == len(of):
                found[..., of, :] = values[..., np.newaxis] * stack[terms]
            else:  # one that several terms hold
                for j, (name, term) in enumerate(zip(of, terms, strict=True)):
                    found[..., name, :] += values[..., j, np.newaxis] * stack[term]
        return found.reshape(*shape[:-1], self.dimension, self.dimension)

    def _given_as(self) -> str:
        terms = ", ".join(map(str, self.coefficients))
        kind = "sparse matrices" if self.is_sparse else "matrices"
        return value_text(f"{kind} times {terms}")

    def _coefficient_values(
        self, coefficients: tuple[Formula, ...], x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        points = (x,) if len(self.coordinates) == 1 else tuple(np.moveaxis(x, -1, 0))
        arguments = points + tuple(parameters[key] for key in self.parameters)
        shape = joint_shape(*(np.shape(a) for a in arguments))
        dtype = np.complex128 if np.iscomplexobj(x) else np.float64
        values = np.empty((*shape, len(coefficients)), dtype=dtype)
        place = {name: j for j, name in enumerate((*self.coordinates, *self.parameters))}
        # A formula outside its real domain becomes NaN here and is refused by the caller.
        with np.errstate(all="ignore"):
            for k, f in enumerate(coefficients):
                # Compiled for what it depends on: hundreds of coordinates would take seconds each.
                used = used_names(f)
                function = compile_formula(used, f)
                try:
                    value = function(*(arguments[place[name]] for name in used))
                except ArithmeticError:  # of Python's own numbers
                    value = np.nan
                if dtype == np.float64 and np.iscomplexobj(value):  # a constant like (-1)**I
                    real = np.abs(np.imag(value)) <= 1e-12 * np.abs(value)
                    value = np.where(real, np.real(value), np.nan)
                values[..., k] = value
        return values

    def _combine(
        self, coefficients: tuple[Formula, ...], x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        values = self._coefficient_values(coefficients, x, parameters)
        stack = self._dense_stack()
        with np.errstate(all="ignore"):  # NaN or infinity passes through, to be refused there
            flat = values.reshape(-1, len(coefficients)) @ stack
        return flat.reshape(*values.shape[:-1], self.dimension, self.dimension)

    def _all_derivatives(
        self, order: int, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        count = len(self.coordinates)
        if order not in self._tables:
            self._tables[order] = DerivativeTable(
                self.coefficients, self._symbols[:count], self._symbols[count:], order
            )
        points = (x,) if count == 1 else tuple(np.moveaxis(x, -1, 0))
        flat = self._tables[order].evaluate(points, parameters, self._dense_stack())
        return flat.reshape(*flat.shape[:-2], *(count,) * order, self.dimension, self.dimension)

    def _dense_stack(self) -> Matrices:
        """Return the constant matrices as dense rows, one for each term."""
        if self._stack is None:
            if self.dimension > _LARGEST_DENSE:
                raise fail(
                    "hamiltonian",
                    f"have at most {_LARGEST_DENSE} levels for what needs all of H(x)",
                    f"it has {self.dimension}: `propagate`, `levels` and `find_crossings` with "
                    "`count` do with sparse products",
                )
            self._refuse_operators("be made of matrices for what needs all of H(x)")
            dense = [m if isinstance(m, np.ndarray) else m.toarray() for m in self.matrices]
            self._stack = np.concatenate(dense).reshape(len(dense), -1)
        return self._stack

    def _refuse_operators(self, must: str) -> None:
        """Raise `InputError` if a term is known only by its products with vectors."""
        for k, matrix in enumerate(self.matrices):
            if hasattr(matrix, "matvec"):
                raise fail(
                    "hamiltonian",
                    must,
                    f"the matrix of term {k} is a LinearOperator: `propagate`, `levels` and "
                    "`find_crossings` with `count` do with its products",
                )

    def traceless_matrices(self) -> Matrices:
        """Return the constant matrices less the large multiples of the identity in them."""
        stack = self._split_stack()[0]
        return stack.reshape(-1, self.dimension, self.dimension)

    def sizes(self) -> FloatArray:
        """Return their absolute values as rows, one for each."""
        return np.abs(self._split_stack()[0])

    def offsets(self) -> FloatArray:
        """Return the large multiples of the identity in the constant matrices, one for each."""
        if self._split is not None:
            return self._split[1]
        return common_offset(np.array([matrix.diagonal().real for matrix in self.matrices]))

    def _split_stack(self) -> tuple[Matrices, FloatArray, FloatArray]:
        """Return the constant matrices less multiples of the identity, these, and max|M_k|."""
        if self._split is None:
            stack = self._dense_stack()
            diagonals = stack[:, :: self.dimension + 1].real
            offsets = np.zeros(len(stack))
            if not all(min(own) <= 0 <= max(own) for own in diagonals.tolist()):
                offsets = common_offset(diagonals)  # with zero among them there is none
            if offsets.any():
                stack = stack.copy()
                stack[:, :: self.dimension + 1] -= offsets[:, None]
            self._split = stack, offsets, np.abs(stack).max(axis=-1)
        return self._split

    def _restrict(self, origin: FloatArray, direction: FloatArray, name: str) -> TermHamiltonian:
        s = expression.symbol(name)
        replaced = {
            symbol: start + step * s if step else start
            for symbol, start, step in zip(
                self._symbols, origin.tolist(), direction.tolist(), strict=False
            )
        }
        terms = [
            (coefficient.subs(replaced, simultaneous=True), matrix)
            for coefficient, matrix in zip(self.coefficients, self.matrices, strict=True)
        ]
        return TermHamiltonian(terms, self.parameters, name, **self._details())

    def _compose(self, curve: Curve) -> TermHamiltonian:
        time = name_of_time({**self.parameters, **curve.parameters})
        positions = formulas_in(curve, time)
        made = object.__new__(TermHamiltonian)  # matrices and formulas have been checked
        made.matrices, made.dimension = self.matrices, self.dimension
        details = {**self._details(), "units": in_time(self.units)}
        made._set_details((time,), {**self.parameters, **curve.parameters}, **details)
        made.formulas = tuple(along(formula, positions) for formula in self.formulas)
        made._stack, made._split, made._tables = self._stack, self._split, {}
        made._seal()
        return made

    def _copy_with(self, parameters: dict[str, FloatArray]) -> TermHamiltonian:
        return self._with(parameters=parameters)


def _size(matrix: Any) -> float:
    """Return the largest element of a sparse matrix; 1 for an operator, which hides its own."""
    return 1.0 if hasattr(matrix, "matvec") else float(abs(matrix).max() if matrix.nnz else 0.0)


@functools.lru_cache(maxsize=1024)
def _slopes(
    formulas: tuple[Formula, ...], names: tuple[str, ...]
) -> tuple[tuple[Formula, ...], list[int], list[int]]:
    """Return the derivatives that are not zero, and the names and the terms that they belong to."""
    found = {
        (j, k): slope
        for j, name in enumerate(names)
        for k, formula in enumerate(formulas)
        if not is_zero(slope := differentiate(formula, name))
    }
    return tuple(found.values()), [j for j, _ in found], [k for _, k in found]
