"""What a closed form returns: a value, the equation it came from, and checks of its domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, describe, fail, numbers

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
BoolArray = npt.NDArray[np.bool_]


def unwrap(array: npt.NDArray[Any]) -> Any:
    """Return a zero-dimensional array as the Python scalar it holds, others unchanged."""
    return array.item() if array.ndim == 0 else array


def broadcast(**arguments: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Broadcast named arguments together, or raise `InputError` naming their shapes."""
    try:
        return list(np.broadcast_arrays(*arguments.values()))
    except ValueError:
        shapes = ", ".join(f"`{name}` {value.shape}" for name, value in arguments.items())
        raise InputError(
            f"Arguments must broadcast together, but their shapes are {shapes}."
        ) from None


def context(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return a positive scale to compare with; unlike `positive`, infinity is allowed."""
    array = numbers(name, value)
    if np.any(np.isnan(array)) or np.any(array <= 0):
        raise fail(name, "be positive (infinity is allowed)", f"it is {describe(value)}")
    return array


@dataclass(frozen=True, eq=False)
class DomainCheck:
    """One condition under which a formula holds, as a number against a limit.

    The condition is ``value <= limit`` unless `at_least` is set, then ``value >= limit``.

    Attributes
    ----------
    quantity : str
        The ratio that was formed, in words.
    value : float or ndarray
        Its value, dimensionless.
    limit : float
        The value up to which (or, with `at_least`, from which) the formula is trusted.
    message : str
        What goes wrong when the condition fails.
    at_least : bool
        Direction of the condition.
    """

    quantity: str
    value: float | FloatArray
    limit: float
    message: str
    at_least: bool = False

    @property
    def satisfied(self) -> bool | BoolArray:
        """Whether the condition holds, elementwise for arrays."""
        value = np.asarray(self.value)
        met = value >= self.limit if self.at_least else value <= self.limit
        return unwrap(met)

    @property
    def worst(self) -> float:
        """The value furthest outside (or nearest to leaving) the domain."""
        value = np.asarray(self.value)
        if value.size == 0:
            return self.limit
        return float(np.min(value) if self.at_least else np.max(value))

    def summary(self) -> dict[str, Any]:
        """Return the condition as plain numbers and words, for JSON."""
        return {
            "quantity": self.quantity,
            "value": self.worst,
            "limit": self.limit,
            "condition": ">=" if self.at_least else "<=",
            "satisfied": bool(np.all(self.satisfied)),
            "message": self.message,
        }

    def __str__(self) -> str:
        relation = ">=" if self.at_least else "<="
        text = f"{self.quantity} = {self.worst:.3g} ({relation} {self.limit:.3g})"
        if np.all(self.satisfied):
            return f"within   {text}"
        return f"OUTSIDE  {text}: {self.message}"


@dataclass(frozen=True, eq=False)
class Prediction:
    """The value of a closed form together with the checks of its domain.

    Attributes
    ----------
    value : float or ndarray
        The number the formula gives, also where a check fails.
    name : str
        The formula's name.
    checks : tuple of DomainCheck
        The conditions that could be tested with what was supplied.
    equation : str
        The equation, in plain text.
    log_value : float or ndarray, optional
        Natural logarithm of `value`, where the formula gives it without underflow.
    exact : bool
        Whether the value is exact for the Hamiltonian that the formula names.
    """

    value: float | FloatArray
    name: str
    checks: tuple[DomainCheck, ...] = ()
    equation: str = ""
    log_value: float | FloatArray | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.value)):
            raise InputError(
                f"{self.name}: the arguments must leave a number, but the formula overflows or "
                "vanishes on the way to one; use other units or less extreme values."
            )

    @property
    def probability(self) -> float | FloatArray:
        """The value under the name it has for nearly every formula here."""
        return self.value

    @property
    def valid(self) -> bool:
        """Whether every check holds, for every element."""
        return all(bool(np.all(check.satisfied)) for check in self.checks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check that fails."""
        return tuple(
            f"{check.quantity} is {check.worst:.3g}, {_beyond(check)} {check.limit:.3g}: "
            f"{check.message}"
            for check in self.checks
            if not np.all(check.satisfied)
        )

    def __float__(self) -> float:
        return float(self.value)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        array = np.asarray(self.value, dtype=dtype)
        return array.copy() if copy else array

    def __str__(self) -> str:
        value = np.asarray(self.value)
        shown = f"{float(value):.10g}" if value.ndim == 0 else np.array2string(value, precision=6)
        lines = [f"{self.name}: {shown}" if value.ndim < 2 else f"{self.name}:\n{shown}"]
        if self.equation:
            lines.append(f"  {self.equation}")
        if self.exact:
            lines.append("  exact for the Hamiltonian stated")
        elif not self.checks:
            lines.append("  domain not checked: nothing to compare with was supplied")
        lines.extend(f"  {check}" for check in self.checks)
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class MatrixPrediction(Prediction):
    """A prediction whose value is a matrix of probabilities ``[..., final, initial]``.

    Attributes
    ----------
    basis : str
        ``"diabatic"`` or ``"adiabatic"`` (levels sorted by energy, index 0 lowest).
    """

    basis: str = "diabatic"

    @property
    def transition_matrix(self) -> FloatArray:
        """The matrix of probabilities, ``[..., final, initial]``."""
        return np.asarray(self.value, dtype=np.float64)


def _beyond(check: DomainCheck) -> str:
    return "below" if check.at_least else "above"
