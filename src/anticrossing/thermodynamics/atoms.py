"""Distributions that consist of discrete values: merging, and statistics from the list itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    integer,
    listed,
    real_array,
    shaped_like,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import MOST_SAMPLES, counting_field, generator

_CHUNK = 1 << 21  # exponentials held at a time


def merge_atoms(
    values: npt.ArrayLike, probabilities: npt.ArrayLike, *, relative: float = 1e-9
) -> tuple[FloatArray, FloatArray]:
    """Return the values sorted, those within `relative` of the largest size merged.

    Merged probabilities add up; the merged value is their mean.

    Examples
    --------
    >>> merge_atoms([1.0, 0.0, 1.0 + 1e-12], [0.25, 0.5, 0.25])
    (array([0., 1.]), array([0.5, 0.5]))
    """
    x, p = real_array("values", values, ndim=1), real_array("probabilities", probabilities, ndim=1)
    order = np.argsort(x, kind="stable")
    x, p = x[order], p[order]
    tolerance = relative * np.max(np.abs(x), initial=0.0)
    first = np.flatnonzero(np.concatenate(([True], np.diff(x) > tolerance)))
    total = np.add.reduceat(p, first)
    # shifts against the first member: the mean must not lose digits
    shift = x - np.repeat(x[first], np.diff(np.append(first, x.size)))
    moved = np.add.reduceat(p * shift, first)
    return x[first] + np.divide(moved, total, out=np.zeros_like(total), where=total > 0), total


def draw_atoms(
    values: npt.ArrayLike, probabilities: npt.ArrayLike, ax: Any = None, *, label: str = "value"
) -> Any:
    """Draw the probability of every value as a line from zero."""
    ax = new_axes() if ax is None else ax
    ax.vlines(values, 0.0, probabilities)
    ax.set_ylim(bottom=0.0)
    ax.set(xlabel=label, ylabel="probability")
    return ax


@dataclass(frozen=True, eq=False, init=False)
class AtomicStatistics(Result):
    """Statistics of a quantity given by its values and their probabilities.

    Parameters
    ----------
    values : array, shape (n,)
        The values.
    probabilities : array, shape (n,)
        Their probabilities, which must add up to one within 1e-9.

    Raises
    ------
    InputError
        If the shapes differ or the numbers are no probabilities.

    Examples
    --------
    >>> coin = AtomicStatistics([0.0, 1.0], [0.5, 0.5])
    >>> coin.mean, coin.variance, coin.skewness
    (0.5, 0.25, 0.0)
    """

    values: FloatArray
    probabilities: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "mean": shown(text="mean"),
        "variance": shown(text="variance"),
        "skewness": shown(text="skewness"),
        "value": shown("value", text="value"),
        "probability": shown("value", text="probability of the value"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the probability of every value."""
        return draw_atoms(self.values, self.probabilities, ax)

    def __init__(self, values: npt.ArrayLike, probabilities: npt.ArrayLike) -> None:
        x = listed("values", values)
        p = shaped_like(
            "probabilities", real_array("probabilities", probabilities), "values", x.shape
        )
        if np.any(p < 0) or abs(p.sum() - 1) > 1e-9:
            raise fail(
                "probabilities",
                "be at least zero and add up to one",
                f"the least is {p.min():.3g} and the sum {p.sum():.12g}",
            )
        x, p = merge_atoms(x, p)
        for name, array in (("values", x), ("probabilities", p)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def mean(self) -> float:
        """The mean."""
        return float(self.probabilities @ self.values)

    @property
    def variance(self) -> float:
        """The variance."""
        return self._central(2)

    @property
    def skewness(self) -> float:
        """The skewness, NaN if there is a single value."""
        variance = self.variance
        return self._central(3) / variance**1.5 if variance > 0 else float("nan")

    def log_characteristic_function(self, u: npt.ArrayLike) -> ComplexArray:
        """Return ``ln ⟨exp(iuw)⟩`` for complex u of any shape, the phase in (−π, π]."""
        fields = counting_field("u", u)
        flat = fields.reshape(-1)
        present = self.probabilities > 0
        x, log_p = self.values[present], np.log(self.probabilities[present])
        result = np.empty(flat.size, dtype=np.complex128)
        chunk = max(1, _CHUNK // x.size)
        for start in range(0, flat.size, chunk):
            part = slice(start, start + chunk)
            exponent = log_p + 1j * flat[part, None] * x
            largest = exponent.real.max(axis=1)
            with np.errstate(divide="ignore"):
                result[part] = largest + np.log(np.exp(exponent - largest[:, None]).sum(axis=1))
        return result.reshape(fields.shape)

    def atoms(self) -> tuple[FloatArray, FloatArray]:
        """Return the values, sorted, and their probabilities."""
        return self.values, self.probabilities

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent values."""
        count = integer("n", n, minimum=1, maximum=MOST_SAMPLES)
        weights = self.probabilities / self.probabilities.sum()
        return generator("rng", rng).choice(self.values, size=count, p=weights)

    def _central(self, power: int) -> float:
        return float(self.probabilities @ (self.values - self.mean) ** power)
