"""Any jump operators, in the basis H is written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    describe,
    fail,
    of_shape,
    returned,
    square_matrix,
)
from anticrossing._core.facts import value_text
from anticrossing.environment.base import Environment, Function, Nodes
from anticrossing.environment.strength import Formula
from anticrossing.hamiltonian import coordinate_names

_LARGE_OFFSET = 10.0  # of an operator, in units of all else in it


class Lindblad(Environment):
    """Any jump operators, in the basis H is written in, constant or depending on x and t.

    Parameters
    ----------
    operators : sequence
        Each entry is an (N, N) matrix L_k, or a pair (coefficient, matrix) whose coefficient is a
        number, a formula in ``x`` and ``t``, or a function of (x, t); |coefficient|² is a rate.
    coordinates : str or sequence of str
        The names of positions in formulas, as for `Dephasing`.

    Examples
    --------
    >>> Lindblad([("sqrt(0.1)*exp(-x**2)", [[0, 1], [0, 0]])])
    Lindblad(1 operator)
    """

    def __init__(self, operators: Sequence[Any], *, coordinates: str | Sequence[str] = "x") -> None:
        if not isinstance(operators, (list, tuple, np.ndarray)):
            raise fail("operators", "be a list of operators", f"it is {describe(operators)}")
        if len(operators) == 0:
            raise fail("operators", "contain at least one operator", "it is empty")
        names = coordinate_names(coordinates)
        self.terms = [_lindblad_term(k, entry, names) for k, entry in enumerate(operators)]

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        for k, (function, matrix) in enumerate(self.terms):
            of_shape(f"operators[{k}]", matrix, (levels, levels))
            if isinstance(function, Formula):
                function.check(f"operators[{k}]", coordinates)

    @property
    def asks_levels(self) -> bool:
        return False

    def eigen_rates(self, nodes: Nodes) -> None:
        return None

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        found = []
        for k, (function, matrix) in enumerate(self.terms):
            values = returned(
                f"operators[{k}]", function(nodes.x, nodes.t), nodes.t.shape, np.complex128
            )
            if not np.all(np.isfinite(values)):
                raise fail(f"operators[{k}]", "be finite", "its coefficient is NaN or infinite")
            found.append(values[..., None, None] * _without_offset(matrix))
        return found

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        found = {}
        for k, (function, _) in enumerate(self.terms):
            if isinstance(function, _Constant) and function.value.imag == 0:
                found[f"coefficients[{k}]"] = np.asarray(function.value.real)
        return found

    def with_number(self, name: str, value: FloatArray) -> Lindblad:
        k = int(name[len("coefficients[") : -1])
        changed = (_Constant(complex(value)), self.terms[k][1])
        return self._with(terms=[*self.terms[:k], changed, *self.terms[k + 1 :]])

    def alone(self, name: str) -> tuple[Lindblad, str]:
        k = int(name[len("coefficients[") : -1])
        return self._with(terms=[self.terms[k]]), "coefficients[0]"

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        rates = [
            np.abs(returned(f"operators[{k}]", function(x, t), t.shape, np.complex128)) ** 2
            * np.max(np.abs(matrix)) ** 2
            for k, (function, matrix) in enumerate(self.terms)
        ]
        return np.stack(rates, axis=-1)

    @property
    def has_functions(self) -> bool:
        return not all(isinstance(f, (Formula, _Constant)) for f, _ in self.terms)

    def formulas(self) -> tuple[Any, ...]:
        return tuple(f.formula for f, _ in self.terms if isinstance(f, Formula))

    def _facts(self) -> dict[str, str]:
        found = {}
        for k, (function, matrix) in enumerate(self.terms):
            text = value_text(matrix)
            if isinstance(function, Formula):
                text = f"{function.formula} × {text}"
            elif not isinstance(function, _Constant):
                text = f"{getattr(function, '__name__', 'function')} × {text}"
            elif function.value != 1:
                text = value_text(function.value * matrix)
            found[f"operator {k + 1}"] = text
        return found

    def __repr__(self) -> str:
        plural = "" if len(self.terms) == 1 else "s"
        return f"Lindblad({len(self.terms)} operator{plural})"


def _without_offset(matrix: ComplexArray) -> ComplexArray:
    """Return a Hermitian operator without a large multiple of the identity, which does nothing.

    Its square would be rounded: at 10⁶ times the rest, to rates of 10⁻⁴.
    """
    if not np.array_equal(matrix, matrix.conj().T):
        return matrix
    offset = np.trace(matrix).real / len(matrix)
    rest = np.asarray(matrix - offset * np.eye(len(matrix)))
    return rest if abs(offset) > _LARGE_OFFSET * np.max(np.abs(rest)) else matrix


@dataclass(frozen=True)
class _Constant:
    """A number as a function."""

    value: complex

    def __call__(self, x: Any, t: Any) -> complex:
        return self.value


def _lindblad_term(
    index: int, entry: Any, coordinates: tuple[str, ...]
) -> tuple[Function, ComplexArray]:
    """Return coefficient and matrix of a jump operator."""
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
        return Formula.of(coefficient, coordinates, ("t",)), array
    if callable(coefficient):
        return coefficient, array
    value = complex(returned(f"operators[{index}]", coefficient, (), np.complex128))
    return _Constant(value), array
