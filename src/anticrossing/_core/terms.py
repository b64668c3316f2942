"""Checks and rewriting for the terms f_k M_k of a Hamiltonian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core import expression, plain
from anticrossing._core.checks import ComplexArray, FloatArray, describe, fail, finite, hermitian
from anticrossing._core.foreign import own
from anticrossing._core.plain import Formula

if TYPE_CHECKING:
    import sympy

_LARGEST_WRITTEN = 512  # dimension up to which a `LinearOperator` is written out as a matrix
_DECAYING = "levels that decay are an environment, `Decay.from_hamiltonian`"
_SAME = 1e-10  # what rounding may leave of the difference of two formulas, of its terms


def check_pairs(terms: Any) -> list[tuple[Any, Any]]:
    """Return the terms as a list of pairs (coefficient, matrix)."""
    if not isinstance(terms, (list, tuple)):
        raise fail("terms", "be a list of pairs (coefficient, matrix)", f"it is {describe(terms)}")
    if not terms:
        raise fail("terms", "contain at least one term", "it is empty")
    for index, term in enumerate(terms):
        if not isinstance(term, (list, tuple)) or len(term) != 2:
            raise fail(
                f"terms[{index}]", "be a pair (coefficient, matrix)", f"it is {describe(term)}"
            )
    return [(coefficient, matrix) for coefficient, matrix in terms]


def check_matrices(matrices: Sequence[Any]) -> tuple[Any, ...]:
    """Return the constant matrices of one kind, each Hermitian: all dense, or CSR and operators."""
    matrices = [own(matrix, sparse=True) for matrix in matrices]
    sparse = any(hasattr(m, "tocsr") or hasattr(m, "matvec") for m in matrices)
    checked = [_sparse(k, m) if sparse else _dense(k, m) for k, m in enumerate(matrices)]
    shapes = {matrix.shape for matrix in checked}
    if len(shapes) > 1:
        raise fail("terms", "use matrices of one shape", f"they have shapes {sorted(shapes)}")
    return tuple(checked)


def _dense(index: int, matrix: Any) -> np.ndarray[Any, Any]:
    array = hermitian(f"terms[{index}] matrix", matrix, single=True, decaying=_DECAYING)
    return array if array.imag.any() else np.ascontiguousarray(array.real)


def _sparse(index: int, matrix: Any) -> Any:
    import scipy.sparse

    name = f"terms[{index}] matrix"
    if hasattr(matrix, "matvec"):
        matrix = _operator(name, matrix)
        if hasattr(matrix, "matvec"):
            return matrix
    csr = scipy.sparse.csr_matrix(matrix)
    if csr.shape[0] != csr.shape[1]:
        raise fail(name, "be square", f"its shape is {csr.shape}")
    finite(name, csr.data)
    difference = abs(csr - csr.conj().T).max() if csr.nnz else 0.0
    if difference > 1e-10 * abs(csr).max():
        raise fail(
            name, "be Hermitian", f"it differs from its conjugate transpose by {difference:.3g}"
        )
    real = not np.iscomplexobj(csr.data) or not np.any(csr.data.imag)
    return csr.real.astype(np.float64) if real else csr.astype(np.complex128)


def _operator(name: str, operator: Any) -> Any:
    """Return a `LinearOperator` that looks Hermitian; the matrix of a small one."""
    shape, kind = np.shape(operator), np.dtype(getattr(operator, "dtype", None) or np.complex128)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise fail(name, "be square", f"its shape is {shape}")
    if shape[0] <= _LARGEST_WRITTEN:
        return finite(name, np.asarray(operator @ np.eye(shape[0], dtype=kind)))
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, shape[0])).astype(kind)
    if kind.kind == "c":
        one, two = np.exp(2j * np.pi * rng.uniform(size=(2, shape[0])))
    left, right = (finite(name, np.ravel(operator @ v)) for v in (one, two))
    difference = abs(np.vdot(left, two) - np.vdot(one, right))
    if difference > 1e-10 * np.linalg.norm(left) * np.linalg.norm(two):
        raise fail(name, "be Hermitian", f"⟨Mu|v⟩ and ⟨u|Mv⟩ differ by {difference:.3g}")
    return operator


def check_coefficients(coefficients: Sequence[Any], names: Sequence[str]) -> tuple[Formula, ...]:
    """Return the coefficients as real formulas in `names`, as SymPy where they are not plain."""
    checked: list[Formula] = []
    for index, coefficient in enumerate(coefficients):
        simple = plain.read(coefficient, names)
        if simple is not None:
            checked.append(simple)
            continue
        import sympy

        formula = as_expression(coefficient, names, f"terms[{index}] coefficient")
        if formula.has(sympy.I) and sympy.im(formula) != 0:
            raise fail(
                f"terms[{index}] coefficient",
                "be real",
                f"it is {formula} (put the imaginary unit into the matrix)",
            )
        checked.append(formula)
    return tuple(checked)


def as_expression(value: Any, names: Sequence[str], where: str) -> sympy.Expr:
    """Return text, a number or a SymPy expression as SymPy with this package's real symbols."""
    import sympy

    if isinstance(value, sympy.Expr):
        formula = value.subs({s: expression.symbol(s.name) for s in value.free_symbols})
        unknown = {s.name for s in formula.free_symbols} - set(names)
        if unknown:
            raise fail(where, f"use only {', '.join(names)}", f"it uses `{sorted(unknown)[0]}`")
        expression.check_analytic(formula, formula)
        return formula
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return expression.parse(value, names)
    raise fail(where, "be a number, text or a SymPy expression", f"it is {describe(value)}")


@expression.calculable("The matrix")
def from_matrix(
    matrix: Sequence[Sequence[Any]], names: Sequence[str]
) -> list[tuple[sympy.Expr, Any]]:
    """Split a matrix of formulas into terms, merging entries that share a formula."""
    import sympy

    if not isinstance(matrix, (list, tuple, np.ndarray)) or len(matrix) == 0:
        raise fail("matrix", "be square, a list of rows", f"it is {describe(matrix)}")
    size = len(matrix)
    if any(not isinstance(row, (list, tuple, np.ndarray)) or len(row) != size for row in matrix):
        raise fail("matrix", "be square", f"it has {size} rows, not all of them {size} long")
    stand_ins: dict[sympy.Expr, sympy.Dummy] = {}
    entries = [
        [
            _real_atoms(_entry(value, names, f"matrix[{i}][{j}]"), stand_ins)
            for j, value in enumerate(row)
        ]
        for i, row in enumerate(matrix)
    ]
    originals = _originals(stand_ins)
    collected: dict[sympy.Expr, Any] = {}

    def add(formula: sympy.Expr, i: int, j: int, unit: complex) -> None:
        for part in sympy.Add.make_args(sympy.expand_mul(formula, deep=False)):
            factor, rest = part.as_coeff_Mul()
            if factor == 0:
                continue
            target = collected.setdefault(rest, np.zeros((size, size), dtype=np.complex128))
            target[i, j] += complex(factor) * unit
            if i != j:
                target[j, i] += complex(factor) * unit.conjugate()

    for i in range(size):
        for j in range(i, size):
            mirror = sympy.conjugate(entries[j][i])
            if entries[i][j] != mirror and _differ(entries[i][j], mirror):
                raise fail(
                    "matrix",
                    "be Hermitian",
                    f"entry [{i}][{j}] is {entries[i][j].xreplace(originals)} and "
                    f"[{j}][{i}] is {entries[j][i].xreplace(originals)}"
                    if i != j
                    else f"the diagonal entry [{i}][{i}] is {entries[i][i].xreplace(originals)}",
                )
            # Real entries as they are: expanding (x − c)²/w² would cost digits near x = c.
            is_real = entries[i][j].is_extended_real
            shown = entries[i][j].xreplace(originals)
            real, imaginary = (entries[i][j], 0) if is_real else _real_imag(entries[i][j], shown)
            add(real, i, j, 1.0)
            if imaginary != 0 and i != j:
                add(imaginary, i, j, 1.0j)
    if not collected:
        collected[sympy.Integer(1)] = np.zeros((size, size))
    return [(rest.xreplace(originals), target) for rest, target in collected.items()]


def _differ(one: sympy.Expr, other: sympy.Expr) -> bool:
    """Whether two formulas are not the same, by numbers: algebra might take minutes."""
    import sympy

    terms = sympy.Add.make_args(one - other)  # what they have in common has gone
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    rng = np.random.default_rng(0)
    places = rng.uniform(0.2, 1.8, (len(symbols), 12)) * ([1, -1, 0.05, 3] * 3)
    with np.errstate(all="ignore"):
        values = np.array([_values(term, symbols, places) for term in terms])
        apart, scale = np.abs(values.sum(axis=0)), np.abs(values).sum(axis=0)
    known = np.isfinite(scale)
    return not np.any(known) or bool(np.any(apart[known] > _SAME * scale[known]))


def _values(formula: sympy.Expr, symbols: list[sympy.Symbol], places: FloatArray) -> ComplexArray:
    """Return a formula at the places, NaN where it has no value."""
    try:
        value = expression.compile_function(symbols, formula)(*places)
    except (ArithmeticError, TypeError, NameError):  # of Python's own numbers; not in NumPy
        value = np.nan
    return np.broadcast_to(np.asarray(value, dtype=np.complex128), places.shape[1:])


def _real_imag(formula: sympy.Expr, shown: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Return real and imaginary part; what is real within is not taken apart."""
    import sympy

    stand_ins: dict[sympy.Expr, sympy.Dummy] = {}

    def opaque(part: sympy.Expr) -> sympy.Expr:
        if not part.args:
            return part
        if not part.has(sympy.I) and part.is_extended_real:
            return stand_ins.setdefault(part, sympy.Dummy("real", real=True))
        return part.func(*(opaque(argument) for argument in part.args))

    parts = opaque(formula).as_real_imag()
    for part in parts:
        expression.check_analytic(part, shown)
    originals = _originals(stand_ins)
    return parts[0].xreplace(originals), parts[1].xreplace(originals)


def _originals(stand_ins: dict[sympy.Expr, sympy.Dummy]) -> dict[sympy.Basic, sympy.Basic]:
    """Return what symbols stand for."""
    originals: dict[sympy.Basic, sympy.Basic] = {}
    for atom, dummy in stand_ins.items():  # one may hold an earlier one
        originals[dummy] = atom.xreplace(originals)
    return originals


def _real_atoms(formula: sympy.Expr, stand_ins: dict[sympy.Expr, sympy.Dummy]) -> sympy.Expr:
    """Replace what is real on a part of the axis only, as √x or asin x, by a real symbol."""
    # Such a formula is used where it is real; elsewhere it evaluates to NaN, which is refused
    # there.
    import sympy

    def stand_in(atom: sympy.Expr) -> sympy.Expr:
        if atom.has(sympy.I) or atom.is_extended_real is not None:  # quick questions first
            return atom
        return stand_ins.setdefault(atom, sympy.Dummy("real", real=True))

    # Outermost first would hide an imaginary unit inside; an atom that holds one is left alone.
    return formula.replace(lambda part: isinstance(part, (sympy.Function, sympy.Pow)), stand_in)


def _entry(value: Any, names: Sequence[str], where: str) -> sympy.Expr:
    import sympy

    if isinstance(value, complex):
        return sympy.Float(value.real) + sympy.I * sympy.Float(value.imag)
    return as_expression(value, names, where)
