"""Formulas as lists of instructions that compiled code follows at many nodes at once.

Polynomials and harmonic functions of t only: whatever else a formula holds has no tape. To compile
the formulas themselves would take a second for each; a tape is read at once, and one interpreter
serves all.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.plain import Formula, Plain

if TYPE_CHECKING:
    import sympy

PARAMETER, NUMBER, ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, SINE, COSINE, NEGATE = range(10)
_LONGEST = 256  # instructions
_LARGEST_POWER = 64
_BINARY: dict[type[ast.operator], int] = {
    ast.Add: ADD,
    ast.Sub: SUBTRACT,
    ast.Mult: MULTIPLY,
    ast.Div: DIVIDE,
}


@dataclass(frozen=True)
class Tape:
    """Instructions (operation, register, register or index) that fill one register each.

    Register 0 holds t; the instruction in row k fills register k + 1. The first `constant` rows do
    not depend on t.
    """

    code: npt.NDArray[np.int64]
    constant: int
    numbers: npt.NDArray[np.float64]
    outputs: npt.NDArray[np.int64]


class _Writer:
    """Instructions as they are found, equal ones once."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []
        self.moving: list[bool] = [True]
        self.numbers: list[float] = []
        self._known: dict[tuple[int, int, int], int] = {}

    def write(self, operation: int, first: int, second: int = 0, *, moving: bool) -> int:
        """Return the register of an instruction."""
        row = (operation, first, second)
        if row not in self._known:
            self.rows.append(row)
            self.moving.append(moving)
            self._known[row] = len(self.rows)
        return self._known[row]

    def of(self, operation: int, first: int, second: int | None = None) -> int:
        """Return the register of an operation on registers."""
        moving = self.moving[first] or (second is not None and self.moving[second])
        return self.write(operation, first, second or 0, moving=moving)

    def raised(self, base: int, power: int) -> int:
        """Return the register of a power."""
        if power == 1:
            return base
        return self.write(POWER, base, power, moving=self.moving[base])

    def number(self, value: float) -> int:
        """Return the register of a number."""
        if value not in self.numbers:
            self.numbers.append(value)
        return self.write(NUMBER, self.numbers.index(value), moving=False)

    def finished(self, outputs: list[int]) -> Tape:
        """Return the tape with what does not depend on t in front."""
        order = sorted(range(len(self.rows)), key=lambda k: self.moving[k + 1])
        place = {0: 0, **{old + 1: new + 1 for new, old in enumerate(order)}}
        code = []
        for old in order:
            operation, first, second = self.rows[old]
            if operation not in (PARAMETER, NUMBER):
                first = place[first]
                second = second if operation == POWER else place[second]
            code.append((operation, first, second))
        return Tape(
            np.array(code, dtype=np.int64).reshape(-1, 3),
            self.moving[1:].count(False),
            np.array([*self.numbers, 0.0]),
            np.array([place[k] for k in outputs], dtype=np.int64),
        )


@functools.lru_cache(maxsize=1024)
def record(
    position: Formula,
    position_names: tuple[str, ...],
    formulas: tuple[Formula, ...],
    names: tuple[str, ...],
) -> Tape | None:
    """Return the tape of formulas f(x(t)), or None if they hold other functions.

    `position` is x(t), with the parameters `position_names`; the first of `names` is x, the others
    are parameters. Parameters are numbered in this order.
    """
    writer = _Writer()
    count = len(position_names)
    known = {name: ("parameter", k) for k, name in enumerate(position_names)}
    x = _register(writer, position, {**known, "t": ("register", 0)})
    if x is None:
        return None
    known = {name: ("parameter", count + k) for k, name in enumerate(names[1:])}
    known[names[0]] = ("register", x)
    outputs = [_register(writer, formula, known) for formula in formulas]
    if None in outputs or len(writer.rows) > _LONGEST:
        return None
    return writer.finished([k for k in outputs if k is not None])


_Known = Mapping[str, tuple[str, int]]


def _register(writer: _Writer, formula: Formula, known: _Known) -> int | None:
    if isinstance(formula, Plain):
        return _of_text(writer, ast.parse(formula.code, mode="eval").body, known)
    return _of_tree(writer, formula, known)


def _named(writer: _Writer, name: str, known: _Known) -> int:
    kind, place = known[name]
    return place if kind == "register" else writer.write(PARAMETER, place, moving=False)


def _of_text(writer: _Writer, node: ast.expr, known: _Known) -> int | None:
    """Return the register of what `_core.plain` wrote as Python."""
    match node:
        case ast.Constant(value=float() | int() as number):
            return writer.number(float(number))
        case ast.Name(id=name):
            return _named(writer, name, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _of_text(writer, operand, known)
            return None if inner is None else writer.of(NEGATE, inner)
        case ast.BinOp(left=left, op=kind, right=right):
            first, second = (_of_text(writer, side, known) for side in (left, right))
            operation = _BINARY.get(type(kind))
            if first is None or second is None or operation is None:
                return None
            return writer.of(operation, first, second)
    return None


def _of_tree(writer: _Writer, node: sympy.Expr, known: _Known) -> int | None:
    """Return the register of a SymPy expression, or None."""
    import sympy

    if node.is_Symbol:
        return _named(writer, node.name, known)
    if node.is_number:
        return writer.number(float(node)) if node.is_real else None
    if isinstance(node, sympy.Pow):
        inner = _of_tree(writer, node.base, known)
        power = node.exp
        if inner is None or not (power.is_Integer and 0 < abs(power) <= _LARGEST_POWER):
            return None
        if power < 0:  # something else is divided by it, which may have zeros if it moves
            if writer.moving[inner]:
                return None
            return writer.of(DIVIDE, writer.number(1.0), writer.raised(inner, -int(power)))
        return writer.raised(inner, int(power))
    parts: list[int] = []
    for argument in node.args:
        part = _of_tree(writer, argument, known)
        if part is None:
            return None
        parts.append(part)
    if isinstance(node, (sympy.sin, sympy.cos)):
        return writer.of(SINE if isinstance(node, sympy.sin) else COSINE, parts[0])
    if isinstance(node, (sympy.Add, sympy.Mul)):
        operation = ADD if isinstance(node, sympy.Add) else MULTIPLY
        return functools.reduce(lambda a, b: writer.of(operation, a, b), parts)
    return None


def parameters(values: Mapping[str, Any], others: Mapping[str, Any], lanes: int) -> Any:
    """Return the parameters of all lanes in the order in which a tape numbers them."""
    columns = [*values.values(), *others.values()]
    return np.stack(columns, axis=1) if columns else np.zeros((lanes, 1))
