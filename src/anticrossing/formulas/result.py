"""What a closed form returns: a value, the equation it came from, and checks of its domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, describe, fail, numbers
from anticrossing._core.drawing import draw, new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown

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
class DomainCheck(Result):
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

    _variables: ClassVar[Mapping[str, Shown]] = {
        "value": shown(text="value of the ratio"),
        "limit": shown(text="limit of the formula's domain"),
        "satisfied": shown(text="whether the formula is within its domain"),
    }

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

    @property
    def reached(self) -> str:
        """The worst value, with as many digits as tell it from the limit."""
        for digits in range(3, 17):
            text = f"{self.worst:.{digits}g}"
            if float(text) != self.limit or self.worst == self.limit:
                break
        return text

    @property
    def share(self) -> float:
        """How much of the domain the worst value takes up: above one it lies outside."""
        reached, allowed = (self.limit, self.worst) if self.at_least else (self.worst, self.limit)
        if allowed == 0:
            return float("inf") if reached > 0 else 0.0
        return reached / allowed

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
        text = f"{self.quantity} = {self.reached} ({relation} {self.limit:.3g})"
        if np.all(self.satisfied):
            return f"within   {text}"
        return f"OUTSIDE  {text}: {self.message}"

    def notes(self) -> tuple[str, ...]:
        return () if np.all(self.satisfied) else (self.message,)

    def _attributes(self) -> dict[str, Any]:
        condition = ">=" if self.at_least else "<="
        return {"name": self.quantity, "condition": condition, "message": self.message}

    def plot(self, ax: Any = None) -> Any:
        if np.ndim(self.value):
            return super().plot(ax)
        return draw_checks((self,), self.quantity, ax)


def failures(checks: Sequence[DomainCheck]) -> tuple[str, ...]:
    """Return one line for each check that fails."""
    return tuple(
        f"{check.quantity} is {check.reached}, {'below' if check.at_least else 'above'} "
        f"{check.limit:.3g}: {check.message}"
        for check in checks
        if not np.all(check.satisfied)
    )


def check_variables(checks: Sequence[DomainCheck]) -> dict[str, Variable]:
    """Return checks as variables along a dimension ``check``; none for none."""
    if not checks:
        return {}
    along = ("check",)
    return {
        "check": Variable(along, np.array([check.quantity for check in checks]), "condition", ""),
        "worst": Variable(along, np.array([check.worst for check in checks]), "worst value"),
        "limit": Variable(along, np.array([check.limit for check in checks]), "limit"),
        "within": Variable(
            along,
            np.array([bool(np.all(check.satisfied)) for check in checks]),
            "whether the condition holds",
        ),
    }


def draw_checks(checks: Sequence[DomainCheck], title: str, ax: Any = None) -> Any:
    """Draw each check as a bar: how much of the domain it takes up, outside beyond one."""
    ax = new_axes(height=1.6 + 0.4 * len(checks)) if ax is None else ax
    least, most = 1e-3, 1e3
    places = np.arange(len(checks))
    shares = np.clip([check.share for check in checks], 1.1 * least, most)
    colours = ["#0072B2" if np.all(check.satisfied) else "#D55E00" for check in checks]
    ax.barh(places, shares - least, left=least, color=colours)
    ax.axvline(1.0, color="black", linewidth=1.0)
    ax.set(xscale="log", xlim=(least, most))
    ax.set_yticks(places, [check.quantity for check in checks])
    ax.invert_yaxis()
    ax.set(xlabel="share of the domain taken up; beyond 1 outside", title=title)
    return ax


@dataclass(frozen=True, eq=False)
class Prediction(Result):
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

    _variables: ClassVar[Mapping[str, Shown]] = {
        "value": shown(text="value of the closed form"),
        "log_value": shown(text="natural logarithm of the value"),
    }

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
        return not failures(self.checks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check that fails."""
        return failures(self.checks)

    def __float__(self) -> float:
        return float(self.value)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        array = np.asarray(self.value, dtype=dtype)
        return array.copy() if copy else array

    def variables(self) -> dict[str, Variable]:
        return {**super().variables(), **check_variables(self.checks)}

    def _attributes(self) -> dict[str, Any]:
        return {"name": self.name, "equation": self.equation, "valid": str(self.valid)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the checks as bars against their limits; for arrays the value at every point."""
        if np.ndim(self.value) or not self.checks:
            return draw(type(self).__name__, super().variables(), ax=ax)
        return draw_checks(self.checks, self.name, ax)

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

    _variables: ClassVar[Mapping[str, Shown]] = {
        "transition_matrix": shown("final", "initial", text="transition probability")
    }

    def _attributes(self) -> dict[str, Any]:
        return {**super()._attributes(), "basis": self.basis}

    @property
    def transition_matrix(self) -> FloatArray:
        """The matrix of probabilities, ``[..., final, initial]``."""
        return np.asarray(self.value, dtype=np.float64)
