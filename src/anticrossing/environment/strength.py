"""Strengths of environments: numbers, batches of them, formulas and functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, fail, non_negative, parameter, returned
from anticrossing._core.unchanging import Unchanging
from anticrossing.environment.base import Function, Nodes


@dataclass(frozen=True)
class Formula:
    """A formula as a function, one that can be sent to another process."""

    formula: Any
    names: tuple[str, ...]

    def __call__(self, *arguments: Any) -> Any:
        symbols = [expression.symbol(name) for name in self.names]
        return expression.compile_function(symbols, self.formula)(*arguments)


class Strength(Unchanging):
    """A non-negative strength: a number, an array (batch), a formula in x, or a function of x."""

    def __init__(
        self,
        name: str,
        values: FloatArray | None,
        function: Function | None,
        text: str,
        formula: Any = None,
    ) -> None:
        self.name = name
        self.formulas = () if formula is None else (formula,)
        self.values = values
        self.function = function
        self.text = text

    @classmethod
    def of(cls, name: str, value: Any) -> Strength:
        if isinstance(value, str):
            formula = expression.parse(value, ["x"])
            return cls(name, None, Formula(formula, ("x",)), repr(value), formula)
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
        return Strength(self.name, values, None, self.text)

    @property
    def is_opaque(self) -> bool:
        """Whether it is a Python function, known only at points."""
        return self.function is not None and not self.formulas

    def scalars(self, x: FloatArray) -> FloatArray | None:
        """Return a strength that is a function of x, (..., 1), or None."""
        if self.function is None:
            return None
        return returned(self.name, self.function(x), x.shape, np.float64)[..., None]

    def __call__(self, nodes: Nodes) -> FloatArray:
        if self.values is not None:
            if self.values.ndim == 0:
                return np.full(nodes.x.shape, float(self.values))
            return self.values[nodes.lane]
        assert self.function is not None
        if np.iscomplexobj(nodes.x):
            return returned(self.name, self.function(nodes.x), nodes.x.shape, np.complex128)
        values = returned(self.name, self.function(nodes.x), nodes.x.shape, np.float64)
        if not np.all(np.isfinite(values)) or np.any(values < 0):
            bad = nodes.x[~(np.isfinite(values) & (values >= 0))].ravel()[0]
            raise fail(self.name, "be finite and not negative", f"it is not at x = {bad:.6g}")
        return values

    def __repr__(self) -> str:
        return self.text
