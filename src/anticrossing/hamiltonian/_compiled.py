"""H = Σ_k f_k(x; p) M_k as machine code: all f_k and ∂f_k/∂x_a in one scalar function.

Only the coefficients become code; the constant matrices stay data, so that the size of the code
grows with the number of terms and not with the number of states or of their derivatives. The
function is called through a pointer: whatever calls it is compiled once, for all Hamiltonians.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray
from anticrossing.hamiltonian._arguments import Matrices
from anticrossing.hamiltonian.terms import TermHamiltonian

if TYPE_CHECKING:
    import sympy

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Structure:
    """The constant part of H and of its derivatives: which entry takes which coefficient.

    ``H[row, column] += f[term] · value`` over the upper triangle, entries sorted by term, and
    ``∂H/∂x_coordinate`` contains ``∂f[slot] · M[slope_term]``.

    Attributes
    ----------
    first : array of int, shape (K + 1,)
        Entries ``first[k]`` to ``first[k + 1] - 1`` belong to term k.
    rows, columns, values : arrays, shape (entries,)
    slope_terms, slope_coordinates : arrays of int, shape (slots,)
        Term and coordinate of each derivative that does not vanish.
    """

    dimension: int
    first: IndexArray
    rows: IndexArray
    columns: IndexArray
    values: Matrices
    slope_terms: IndexArray
    slope_coordinates: IndexArray

    @property
    def terms(self) -> int:
        """The number K of coefficients."""
        return self.first.size - 1


@dataclass(frozen=True, eq=False)
class CompiledHamiltonian:
    """H as a compiled function of its coefficients and the constant matrices.

    Attributes
    ----------
    fill : compiled function
        ``fill(x, p, f, df)`` with pointers to float64: coordinates (f,), parameters, coefficients
        (K,), and the derivatives that do not vanish (slots,).
    parameters : array
        The values p that `fill` takes.
    structure : Structure
    """

    fill: Any
    parameters: FloatArray
    structure: Structure

    def coefficients(self, x: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients (…, K) and their derivatives (…, slots) at points (…, f)."""
        import ctypes

        points = np.ascontiguousarray(x, dtype=np.float64)
        flat = points.reshape(-1, points.shape[-1])
        values = np.empty((flat.shape[0], self.structure.terms))
        slopes = np.empty((flat.shape[0], self.structure.slope_terms.size))
        call = ctypes.CFUNCTYPE(None, *4 * [ctypes.c_void_p])(self.fill.address)
        parameters = self.parameters.ctypes.data
        places = [(array.ctypes.data, array.strides[0]) for array in (flat, values, slopes)]
        for k in range(len(flat)):
            point, value, slope = (start + k * step for start, step in places)
            call(point, parameters, value, slope)
        shape = points.shape[:-1]
        return values.reshape(*shape, -1), slopes.reshape(*shape, -1)

    def matrices(self, x: npt.ArrayLike) -> tuple[Matrices, Matrices]:
        """Return H (…, N, N) and ∂H/∂x_a (…, f, N, N) at points (…, f)."""
        s = self.structure
        points = np.asarray(x, dtype=np.float64)
        values, slopes = self.coefficients(points)
        stack = np.zeros((s.terms, s.dimension, s.dimension), dtype=s.values.dtype)
        term = np.repeat(np.arange(s.terms), np.diff(s.first))
        stack[term, s.rows, s.columns] = s.values
        stack[term, s.columns, s.rows] = s.values.conj()
        gradient = np.zeros((*points.shape, s.dimension, s.dimension), dtype=s.values.dtype)
        for slot, (k, a) in enumerate(zip(s.slope_terms, s.slope_coordinates, strict=True)):
            gradient[..., a, :, :] += slopes[..., slot, np.newaxis, np.newaxis] * stack[k]
        return np.tensordot(values, stack, 1), gradient


def compile_terms(hamiltonian: TermHamiltonian) -> CompiledHamiltonian:
    """Compile a Hamiltonian of formulas with single parameter values.

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix([["x", "g"], ["g", "-x"]], parameters={"g": 0.5})
    >>> value, slope = compile_terms(H).matrices([2.0])
    >>> value
    array([[ 2. ,  0.5],
           [ 0.5, -2. ]])
    """
    names = (*hamiltonian.coordinates, *hamiltonian.parameters)
    symbols = [expression.symbol(name) for name in names]
    count = len(hamiltonian.coordinates)
    return compile_coefficients(
        hamiltonian.coefficients,
        hamiltonian.matrices,
        symbols[:count],
        symbols[count:],
        np.array([float(value) for value in hamiltonian.parameters.values()]),
    )


def compile_coefficients(
    coefficients: Sequence[sympy.Expr],
    matrices: Sequence[Any],
    coordinates: Sequence[sympy.Symbol],
    parameters: Sequence[sympy.Symbol],
    values: FloatArray,
) -> CompiledHamiltonian:
    """Compile Σ_k f_k M_k; the formulas may contain sign and |·|, whose kinks are ignored."""
    formulas = tuple(_plain(f) for f in coefficients)
    slopes: list[sympy.Expr] = []
    places: list[tuple[int, int]] = []
    for k, formula in enumerate(formulas):
        present = formula.free_symbols
        for a, symbol in enumerate(coordinates):
            slope = _plain(formula.diff(symbol)) if symbol in present else 0
            if slope != 0:
                slopes.append(slope)
                places.append((k, a))
    text = _source(formulas, tuple(slopes), tuple(coordinates), tuple(parameters))
    place = np.array(places, dtype=np.int64).reshape(-1, 2)
    return CompiledHamiltonian(
        _compile(text),
        np.append(values, 0.0),  # never empty: its address is taken
        structure(matrices, place[:, 0], place[:, 1]),
    )


def structure(
    matrices: Sequence[Any], slope_terms: IndexArray, slope_coordinates: IndexArray
) -> Structure:
    """Return the entries of dense or sparse Hermitian matrices, real where all of them are."""
    rows, columns, values, first = [], [], [], [0]
    for matrix in matrices:
        if isinstance(matrix, np.ndarray):
            i, j = np.nonzero(np.triu(matrix))
            entries = matrix[i, j]
        else:
            upper = matrix.tocoo()
            keep = (upper.row <= upper.col) & (upper.data != 0)
            i, j, entries = upper.row[keep], upper.col[keep], upper.data[keep]
        rows.append(i)
        columns.append(j)
        values.append(entries)
        first.append(first[-1] + len(i))
    return Structure(
        int(matrices[0].shape[0]),
        np.array(first, dtype=np.int64),
        np.concatenate(rows).astype(np.int64),
        np.concatenate(columns).astype(np.int64),
        np.concatenate(values),
        np.ascontiguousarray(slope_terms),
        np.ascontiguousarray(slope_coordinates),
    )


def _plain(formula: sympy.Expr) -> sympy.Expr:
    """Write functions that `math` lacks through those it has; leave out δ(x) from sign′."""
    import sympy

    if not formula.has(sympy.Function):
        return formula
    inverse = {
        sympy.sech: sympy.cosh, sympy.csch: sympy.sinh, sympy.coth: sympy.tanh,
        sympy.sec: sympy.cos, sympy.csc: sympy.sin, sympy.cot: sympy.tan,
    }  # fmt: skip
    for function, other in inverse.items():
        formula = formula.replace(function, lambda argument, other=other: 1 / other(argument))
    return formula.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))


@functools.lru_cache(maxsize=256)
def _source(
    formulas: tuple[sympy.Expr, ...],
    slopes: tuple[sympy.Expr, ...],
    coordinates: tuple[sympy.Symbol, ...],
    parameters: tuple[sympy.Symbol, ...],
) -> str:
    """Return the function as text; it depends on the formulas alone, not on names or values."""
    import sympy
    from sympy.codegen.cfunctions import expm1
    from sympy.printing.pycode import PythonCodePrinter

    class ExponentialLessOne(sympy.Function):  # type: ignore[misc]  # SymPy is not typed
        """exp(a) − 1 of a and exp(a), where that is needed anyhow."""

    class Printer(PythonCodePrinter):  # type: ignore[misc]
        def _print_ExponentialLessOne(self, expr: sympy.Expr) -> str:
            argument, power = (self._print(part) for part in expr.args)
            # Where little cancels the difference is as good, and spares a slow function.
            return f"({power} - 1.0 if abs({argument}) > 0.5 else math.expm1({argument}))"

        def _print_sign(self, expr: sympy.Expr) -> str:
            argument = self._print(expr.args[0])
            return f"(0.0 if {argument} == 0 else math.copysign(1.0, {argument}))"

        def _print_Rational(self, expr: sympy.Rational) -> str:
            return f"({expr.p}.0/{expr.q}.0)"

    renamed = {s: sympy.Symbol(f"x{k}", real=True) for k, s in enumerate(coordinates)}
    renamed |= {s: sympy.Symbol(f"p{k}", real=True) for k, s in enumerate(parameters)}
    every = [f.xreplace(renamed) for f in (*formulas, *slopes)]
    powers = {a for f in every for a in f.atoms(sympy.exp)}
    every = [
        f.replace(
            lambda part: isinstance(part, expm1) and sympy.exp(part.args[0]) in powers,
            lambda part: ExponentialLessOne(part.args[0], sympy.exp(part.args[0])),
        )
        if f.has(expm1)
        else f
        for f in every
    ]
    shared, reduced = sympy.cse(every, symbols=sympy.numbered_symbols("t", real=True))
    used = set().union(*(f.free_symbols for f in every)) if every else set()
    lines = ["def fill(x, p, f, df):"]
    for letter, symbols in (("x", coordinates), ("p", parameters)):
        lines += [
            f"    {letter}{k} = {letter}[{k}]"
            for k, symbol in enumerate(symbols)
            if renamed[symbol] in used
        ]
    printer = Printer({"fully_qualified_modules": True, "allow_unknown_functions": False})
    lines += [f"    {name} = {printer.doprint(value)}" for name, value in shared]
    targets = [f"f[{k}]" for k in range(len(formulas))] + [f"df[{k}]" for k in range(len(slopes))]
    lines += [
        f"    {target} = float({printer.doprint(value)})"
        for target, value in zip(targets, reduced, strict=True)
    ]
    return "\n".join(lines) + "\n"


@functools.lru_cache(maxsize=256)
def _compile(text: str) -> Any:
    """Return machine code; kept while the process lives, by the text of the function."""
    import numba

    namespace: dict[str, Any] = {"math": math}
    exec(text, namespace)  # noqa: S102  printed above from SymPy, names and all
    number = numba.types.CPointer(numba.types.float64)
    signature = numba.types.void(number, number, number, number)
    return numba.cfunc(signature, error_model="numpy")(namespace["fill"])
