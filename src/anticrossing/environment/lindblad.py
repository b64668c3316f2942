"""Any jump operators, in the basis H is written in."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from anticrossing._core import expression
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    describe,
    fail,
    of_shape,
    returned,
    square_matrix,
)
from anticrossing.environment.base import Environment, Function, Nodes
from anticrossing.environment.strength import Formula


class Lindblad(Environment):
    """Any jump operators, in the basis H is written in, constant or depending on x and t.

    Parameters
    ----------
    operators : sequence
        Each entry is an (N, N) matrix L_k, or a pair (coefficient, matrix) whose coefficient is a
        number, a formula in ``x`` and ``t``, or a function of (x, t); |coefficient|² is a rate.

    Examples
    --------
    >>> Lindblad([("sqrt(0.1)*exp(-x**2)", [[0, 1], [0, 0]])])
    Lindblad(1 operator)
    """

    def __init__(self, operators: Sequence[Any]) -> None:
        if not isinstance(operators, (list, tuple, np.ndarray)):
            raise fail("operators", "be a list of operators", f"it is {describe(operators)}")
        if len(operators) == 0:
            raise fail("operators", "contain at least one operator", "it is empty")
        terms = [_lindblad_term(k, entry) for k, entry in enumerate(operators)]
        self.terms = [(function, matrix) for function, matrix, _ in terms]
        found = [formula for _, _, formula in terms]
        self._formulas = tuple(formula for formula in found if formula not in (None, False))
        self._has_functions = any(formula is False for formula in found)

    def check(self, levels: int) -> None:
        for k, (_, matrix) in enumerate(self.terms):
            of_shape(f"operators[{k}]", matrix, (levels, levels))

    def eigen_rates(self, nodes: Nodes) -> None:
        return None

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        found = []
        for k, (function, matrix) in enumerate(self.terms):
            values = returned(
                f"operators[{k}]", function(nodes.x, nodes.t), nodes.x.shape, np.complex128
            )
            if not np.all(np.isfinite(values)):
                raise fail(f"operators[{k}]", "be finite", "its coefficient is NaN or infinite")
            found.append(values[..., None, None] * matrix)
        return found

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        rates = [
            np.abs(returned(f"operators[{k}]", function(x, t), x.shape, np.complex128)) ** 2
            * np.max(np.abs(matrix)) ** 2
            for k, (function, matrix) in enumerate(self.terms)
        ]
        return np.stack(rates, axis=-1)

    @property
    def has_functions(self) -> bool:
        return self._has_functions

    def formulas(self) -> tuple[Any, ...]:
        return self._formulas

    def __repr__(self) -> str:
        plural = "" if len(self.terms) == 1 else "s"
        return f"Lindblad({len(self.terms)} operator{plural})"


def _constant(value: complex, x: Any, t: Any) -> complex:
    return value


def _lindblad_term(index: int, entry: Any) -> tuple[Function, ComplexArray, Any]:
    """Return coefficient and matrix of a jump operator, and the coefficient as a formula."""
    # The last is None for a number and False for a Python function.
    coefficient: Any = 1.0
    matrix = entry
    if isinstance(entry, (tuple, list)) and len(entry) == 2:
        if any(isinstance(part, tuple) for part in entry):
            raise fail(
                f"operators[{index}]",
                "be one matrix, or one pair (coefficient, matrix)",
                "it holds several; a sum is written as one matrix of one coefficient",
            )
        if not isinstance(entry[0], (tuple, list, np.ndarray)) or np.ndim(entry[0]) == 0:
            coefficient, matrix = entry
    array = square_matrix(f"operators[{index}]", matrix, single=True)
    if isinstance(coefficient, str):
        formula = expression.parse(coefficient, ["x", "t"])
        return Formula(formula, ("x", "t")), array, formula
    if callable(coefficient):
        return coefficient, array, False
    value = complex(returned(f"operators[{index}]", coefficient, (), np.complex128))
    return functools.partial(_constant, value), array, None
