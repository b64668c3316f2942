"""Strengths of environments: numbers, batches of them, formulas and functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, fail, non_negative, parameter, returned
from anticrossing._core.unchanging import Unchanging
from anticrossing.environment.base import Function, Nodes
from anticrossing.hamiltonian import coordinate_names


@dataclass(frozen=True)
class Formula:
    """A formula in coordinates, and more, as a function that can be sent to another process."""

    formula: Any
    coordinates: tuple[str, ...]
    more: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, coordinates: tuple[str, ...], more: tuple[str, ...] = ()) -> Formula:
        """Return a formula given as text."""
        for name in set(coordinates) & set(more):
            raise fail("coordinates", f"not be called `{name}` here", "that is the time")
        return cls(expression.parse(text, (*coordinates, *more)), coordinates, more)

    def __call__(self, x: Any, *arguments: Any) -> Any:
        names = (*self.coordinates, *self.more)
        positions = (x,) if len(self.coordinates) == 1 else tuple(np.moveaxis(x, -1, 0))
        symbols = [expression.symbol(name) for name in names]
        return expression.compile_function(symbols, self.formula)(*positions, *arguments)

    def check(self, name: str, coordinates: tuple[str, ...]) -> None:
        """Raise `InputError` unless the formula is one in these coordinates."""
        if self.coordinates != coordinates:
            ours, theirs = (", ".join(names) for names in (self.coordinates, coordinates))
            raise fail(
                name,
                f"be a formula in what is driven, coordinates=({theirs})",
                f"it is one in ({ours})",
            )


class Strength(Unchanging):
    """A non-negative strength: a number, an array (batch), a formula or a function of position."""

    def __init__(
        self, name: str, values: FloatArray | None, function: Function | None, text: str
    ) -> None:
        self.name = name
        self.formulas = (function.formula,) if isinstance(function, Formula) else ()
        self.values = values
        self.function = function
        self.text = text

    @classmethod
    def of(cls, name: str, value: Any, coordinates: str | Sequence[str] = "x") -> Strength:
        names = coordinate_names(coordinates)
        if value is None:
            raise fail(name, "be a number, a formula or a function", "it is None")
        if isinstance(value, str):
            return cls(name, None, Formula.of(value, names), repr(value))
        if callable(value):
            return cls(name, None, value, getattr(value, "__name__", "function"))
        array = parameter(name, non_negative(name, value))
        text = f"{float(array):g}" if array.ndim == 0 else f"<{array.size} values>"
        return cls(name, array, None, text)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return () if self.values is None else self.values.shape

    def flat(self, batch_shape: tuple[int, ...]) -> Strength:
        if self.values is None:
            return self
        try:
            values = np.broadcast_to(self.values, batch_shape).reshape(-1)
        except ValueError:
            must = f"fit the batch of shape {batch_shape}" if batch_shape else "be a single number"
            raise fail(self.name, must, f"its shape is {self.values.shape}") from None
        return self.with_values(values)

    @property
    def numbers(self) -> dict[str, FloatArray]:
        """Its values by its name, unless it is a formula or a function."""
        return {} if self.values is None else {self.name: self.values}

    def with_values(self, values: FloatArray) -> Strength:
        """Return other numbers, unchecked, in its place."""
        return Strength(self.name, values, None, self.text)

    @property
    def is_opaque(self) -> bool:
        """Whether it is a Python function, known only at points."""
        return self.function is not None and not self.formulas

    def check(self, coordinates: tuple[str, ...]) -> None:
        """Raise `InputError` for a formula in other coordinates."""
        if isinstance(self.function, Formula):
            self.function.check(self.name, coordinates)

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        """Return a strength that is a function of position at times (...), (..., 1), or None."""
        if self.function is None:
            return None
        return returned(self.name, self.function(x), t.shape, np.float64)[..., None]

    def __call__(self, nodes: Nodes) -> FloatArray:
        if self.values is not None:
            if self.values.ndim == 0:
                return np.full(nodes.t.shape, float(self.values))
            return self.values[nodes.lane]
        assert self.function is not None
        if np.iscomplexobj(nodes.x):
            return returned(self.name, self.function(nodes.x), nodes.t.shape, np.complex128)
        values = returned(self.name, self.function(nodes.x), nodes.t.shape, np.float64)
        if not np.all(np.isfinite(values)) or np.any(values < 0):
            bad = nodes.x[~(np.isfinite(values) & (values >= 0))][0]
            where = ", ".join(f"{value:.6g}" for value in np.atleast_1d(bad))
            where = f"({where})" if np.ndim(bad) else where
            raise fail(self.name, "be finite and not negative", f"it is not at x = {where}")
        return values

    def __repr__(self) -> str:
        return self.text
