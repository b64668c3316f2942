"""Formulas of a Python function of one coordinate vector, found by calling it with symbols.

A function that is written with NumPy ufuncs runs on symbols as well as on numbers. What branches
on the value of its argument does not, and is left to the caller.

`anticrossing._core.expression` compiles the formulas that are found here, but cannot find them: it
reads text, and a function has none. NumPy's ufuncs refuse bare symbols of SymPy, hence the class
below. Numba could compile the function itself, but would not give its derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core import expression
from anticrossing.hamiltonian._compiled import CompiledHamiltonian, compile_coefficients
from anticrossing.hamiltonian.functions import FunctionHamiltonian

if TYPE_CHECKING:
    import sympy

_AGREEMENT = 1e-12  # of the formulas with the function, relative to the largest entry


class _Symbolic:
    """A SymPy expression that NumPy's functions accept."""

    def __init__(self, value: Any) -> None:
        import sympy

        self.value: sympy.Expr = sympy.sympify(value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method != "__call__" or keywords:
            return NotImplemented
        if any(isinstance(a, np.ndarray) and a.ndim for a in inputs):
            boxed = [_boxed(a) if isinstance(a, _Symbolic) else a for a in inputs]
            return np.frompyfunc(lambda *a: _apply(ufunc, a), ufunc.nin, 1)(*boxed)
        return _apply(ufunc, inputs)

    def __bool__(self) -> bool:
        raise TypeError("the function branches on its argument")

    def __float__(self) -> float:
        raise TypeError("the function needs a number")


def _boxed(value: _Symbolic) -> np.ndarray[Any, Any]:
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def _apply(ufunc: Any, inputs: tuple[Any, ...]) -> _Symbolic:
    values = [a.value if isinstance(a, _Symbolic) else _number(a) for a in inputs]
    rule = _rules().get(ufunc.__name__)
    if rule is None:
        raise TypeError(f"no formula for {ufunc.__name__}")
    return _Symbolic(rule(*values))


def _number(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.item()
    return value.value if isinstance(value, _Symbolic) else value


def _rules() -> dict[str, Callable[..., Any]]:
    import operator

    import sympy
    from sympy.codegen.cfunctions import expm1, log1p

    def real_power(base: Any, exponent: Any) -> Any:
        # x**2.0 is written by hand where x**2 is meant; only that has a derivative at x < 0.
        if isinstance(exponent, float) and exponent.is_integer():
            exponent = int(exponent)
        return sympy.sympify(base) ** exponent

    rules: dict[str, Callable[..., Any]] = {
        "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
        "divide": operator.truediv, "power": real_power, "negative": operator.neg,
        "positive": operator.pos, "square": lambda v: v**2, "reciprocal": lambda v: 1 / v,
        "absolute": sympy.Abs, "fabs": sympy.Abs, "sign": sympy.sign, "sqrt": sympy.sqrt,
        "expm1": expm1, "log1p": log1p, "log": sympy.log, "exp": sympy.exp, "tanh": sympy.tanh,
        "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "sinh": sympy.sinh,
        "cosh": sympy.cosh, "arctan": sympy.atan, "arcsin": sympy.asin, "arccos": sympy.acos,
        "arcsinh": sympy.asinh, "arccosh": sympy.acosh, "arctanh": sympy.atanh,
    }  # fmt: skip
    return rules


def _install_operators() -> None:
    """Let operators of Python, which object arrays use, act like the ufuncs."""
    pairs = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
        "pow": np.power,
    }  # fmt: skip
    for name, ufunc in pairs.items():
        setattr(_Symbolic, f"__{name}__", lambda self, other, u=ufunc: u(self, other))
        setattr(_Symbolic, f"__r{name}__", lambda self, other, u=ufunc: u(other, self))
    for name, single in (("neg", np.negative), ("pos", np.positive), ("abs", np.absolute)):
        setattr(_Symbolic, f"__{name}__", lambda self, u=single: u(self))
    for called in (np.exp, np.expm1, np.log, np.log1p, np.sqrt, np.sin, np.cos, np.tan, np.tanh,
                   np.sinh, np.cosh, np.arctan, np.sign):  # fmt: skip
        # The loops of ufuncs over object arrays call a method of this name.
        setattr(_Symbolic, called.__name__, lambda self, u=called: u(self))


_install_operators()


def compile_function(
    hamiltonian: FunctionHamiltonian, points: np.ndarray[Any, Any]
) -> CompiledHamiltonian | None:
    """Return a compiled form of `hamiltonian`, or None where its function has no formula.

    The form is kept only if H and its gradient agree at `points`, shape (n, f).
    """
    terms = _trace(hamiltonian)
    if terms is None:
        return None
    count = len(hamiltonian.coordinates)
    symbols = [expression.symbol(n) for n in (*hamiltonian.coordinates, *hamiltonian.parameters)]
    compiled = compile_coefficients(
        [formula for formula, _ in terms],
        [matrix for _, matrix in terms],
        symbols[:count],
        symbols[count:],
        np.array([float(value) for value in hamiltonian.parameters.values()]),
    )
    found, slopes = compiled.matrices(points)
    where = points if count > 1 else points[:, 0]
    expected = hamiltonian(where)
    gradient = hamiltonian.gradient(where).reshape(slopes.shape)
    exact = hamiltonian.derivative_function is not None
    same = np.abs(found - expected).max() <= _AGREEMENT * np.abs(expected).max()
    bound = (_AGREEMENT if exact else 1e-8) * max(np.abs(gradient).max(), np.abs(expected).max())
    return compiled if same and np.abs(slopes - gradient).max() <= bound else None


def _trace(hamiltonian: FunctionHamiltonian) -> list[tuple[Any, Any]] | None:
    """Return the entries of H as terms (formula, matrix of one pair of entries)."""
    import sympy

    names = hamiltonian.coordinates
    single = [_Symbolic(expression.symbol(name)) for name in names]
    point: Any = single[0]
    if len(names) > 1:
        point = np.empty(len(names), dtype=object)
        point[:] = single
    parameters = {name: _Symbolic(expression.symbol(name)) for name in hamiltonian.parameters}
    try:
        matrix = np.asarray(hamiltonian.function(point, **parameters), dtype=object)
        if matrix.shape != (hamiltonian.dimension, hamiltonian.dimension):
            return None
        entries = [[sympy.sympify(_number(value)) for value in row] for row in matrix]
    except (TypeError, ValueError, AttributeError, IndexError, sympy.SympifyError):
        return None
    collected: dict[Any, Any] = {}
    size = hamiltonian.dimension
    for i in range(size):
        for j in range(i, size):
            real, imaginary = entries[i][j].as_real_imag()
            for formula, unit in ((real, 1.0), (imaginary, 1.0j)):
                if formula == 0:
                    continue
                factor, rest = formula.as_coeff_Mul()
                target = collected.setdefault(rest, np.zeros((size, size), dtype=np.complex128))
                target[i, j] += complex(factor) * unit
                if i != j:
                    target[j, i] += complex(factor) * unit.conjugate()
    terms = [(f, m if np.any(m.imag) else m.real.copy()) for f, m in collected.items()]
    return terms or None
