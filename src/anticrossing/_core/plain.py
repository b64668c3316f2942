"""Formulas so plain that they need no SymPy, whose import takes longer than many a computation.

Plain are sums, differences and products of numbers and names, and quotients by numbers, in which
every name occurs once: nothing can cancel, and a derivative is free of its variable. Whatever else
a formula holds, and all that is wrong with one, is left to `anticrossing._core.expression`.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, is_numeric

if TYPE_CHECKING:
    import sympy

_LONGEST_TEXT, _DEEPEST_TREE = 200, 20
_SMALLEST, _LARGEST = 1e-100, 1e100  # of a number, so that no product leaves the double range
_OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}


@dataclass(frozen=True)
class Plain:
    """A plain formula: its text, and the same in Python with the names it uses."""

    text: str | int | float
    code: str
    names: tuple[str, ...]

    def symbolic(self) -> sympy.Expr:
        """Return the formula as SymPy."""
        return expression.parse(self.text, self.names)


Formula = Any
"""A `Plain` or a SymPy expression."""


def read(value: Any, names: Sequence[str]) -> Plain | None:
    """Return text or a number as a plain formula in `names`, or None if it is not one."""
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if not isinstance(value, str) and not (is_numeric(value) and math.isfinite(value)):
        return None
    text = value.strip() if isinstance(value, str) else repr(value)
    if len(text) > _LONGEST_TEXT:
        return None
    found = _read(text, tuple(names))
    return None if found is None else Plain(value, *found)


@functools.lru_cache(maxsize=4096)
def _read(text: str, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Return Python code of a plain formula and the names in it."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    if len(set(used)) < len(used) or not set(used) <= set(names):
        return None
    code = _code(tree, 0)
    return None if code is None else (code, tuple(used))


@functools.lru_cache(maxsize=4096)
def differentiate(formula: Formula, name: str) -> Formula:
    """Return ∂f/∂name."""
    if not isinstance(formula, Plain):
        return formula.diff(expression.symbol(name))
    if name not in formula.names:
        return Plain(0, "0.0", ())
    code = _derivative(ast.parse(formula.code, mode="eval").body, name)
    assert code is not None
    used = [node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    return Plain(code, code, tuple(used))


def is_zero(formula: Formula) -> bool:
    """Whether a formula is identically zero, as far as can be seen."""
    return formula.code == "0.0" if isinstance(formula, Plain) else bool(formula == 0)


def depends_on(formula: Formula, name: str) -> bool:
    """Whether a formula holds a name."""
    if isinstance(formula, Plain):
        return name in formula.names
    return expression.symbol(name) in formula.free_symbols


def used_names(formula: Formula) -> list[str]:
    """Return the names a formula holds, sorted."""
    if isinstance(formula, Plain):
        return sorted(formula.names)
    return sorted(symbol.name for symbol in formula.free_symbols)


def compile_formula(names: Sequence[str], formula: Formula) -> Callable[..., Any]:
    """Return a NumPy function of `names` for a formula (real or complex arrays)."""
    if isinstance(formula, Plain):
        return _compile(tuple(names), formula.code)
    return expression.compile_function([expression.symbol(name) for name in names], formula)


def of_one_number(
    formula: Plain, name: str, parameters: Mapping[str, FloatArray]
) -> Callable[[float], float]:
    """Return a plain formula as a function of one number, with the first value of the others."""
    names = used_names(formula)
    compute = compile_formula(names, formula)
    if names == [name]:
        return compute
    values = [0.0 if own == name else float(parameters[own][0]) for own in names]
    if name not in names:
        constant = float(compute(*values))
        return lambda x: constant
    place = names.index(name)

    def at(x: float) -> float:
        values[place] = x
        return float(compute(*values))

    return at


@functools.lru_cache(maxsize=4096)
def _compile(names: tuple[str, ...], code: str) -> Callable[..., Any]:
    compute = _computation(ast.parse(code, mode="eval").body, names)
    return lambda *values: compute(values)


def _computation(node: ast.expr, names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Return what computes a plain formula from the values of `names`."""
    match node:
        case ast.Constant(value=number):
            return lambda values: number
        case ast.Name(id=name):
            place = names.index(name)
            return lambda values: values[place]
        case ast.UnaryOp(operand=operand):
            inner = _computation(operand, names)
            return lambda values: -inner(values)
        case ast.BinOp(left=left, op=kind, right=right):
            _, apply = _OPERATORS[type(kind)]
            first, second = _computation(left, names), _computation(right, names)
            return lambda values: apply(first(values), second(values))
    raise AssertionError(node)


def _code(node: ast.expr, depth: int) -> str | None:
    """Return a plain formula as Python, or None for what is not plain."""
    if depth > _DEEPEST_TREE:
        return None
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as number):
            return repr(float(number)) if _SMALLEST < number < _LARGEST else None
        case ast.Name(id=name):
            return expression.check_name(name)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _code(operand, depth + 1)
            if inner is None or isinstance(sign, ast.UAdd):
                return inner
            return f"(-{inner})"
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _OPERATORS:
            if isinstance(kind, ast.Div) and not isinstance(right, ast.Constant):
                return None
            first, second = _code(left, depth + 1), _code(right, depth + 1)
            numbers = isinstance(left, ast.Constant) and isinstance(right, ast.Constant)
            if first is None or second is None or (numbers and isinstance(kind, ast.Sub)):
                return None
            return f"({first}{_OPERATORS[type(kind)][0]}{second})"
        case _:
            return None


def _derivative(node: ast.expr, name: str) -> str | None:
    """Return the derivative of what `_code` wrote as Python, or None for zero."""
    match node:
        case ast.Name(id=found):
            return "1.0" if found == name else None
        case ast.UnaryOp(operand=operand):
            inner = _derivative(operand, name)
            return None if inner is None else f"(-{inner})"
        case ast.BinOp(left=left, op=kind, right=right):
            sign = _OPERATORS[type(kind)][0]
            first, second = _derivative(left, name), _derivative(right, name)
            if sign in "+-":  # the name is in one of both
                return f"(-{second})" if second and sign == "-" else first or second
            if first is not None:
                return f"({first}{sign}({ast.unparse(right)}))"
            return None if second is None else f"(({ast.unparse(left)}){sign}{second})"
        case _:
            return None
