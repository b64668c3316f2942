"""Drives that are no formulas as SymPy functions of time, so that they stand in formulas of H."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing.drive.base import Drive

if TYPE_CHECKING:
    import sympy

_NUMBERS = itertools.count()  # SymPy tells functions apart by their names
_STEP = float(np.finfo(np.float64).eps) ** 0.25  # of the window, for the derivative of a velocity


@functools.lru_cache(maxsize=1024)
def position_function(drive: Drive) -> Callable[..., sympy.Expr]:
    """Return x(t, p₁, p₂, …) of a drive as a SymPy function, with its derivatives in time."""

    def position(t: Any, *parameters: Any) -> npt.NDArray[Any]:
        return drive.evaluate(np.asarray(t), dict(zip(drive.parameters, parameters, strict=True)))

    def velocity(t: Any, *parameters: Any) -> npt.NDArray[Any]:
        given = dict(zip(drive.parameters, parameters, strict=True))
        return drive.evaluate_velocity(np.asarray(t), given)

    def acceleration(t: Any, *parameters: Any) -> npt.NDArray[Any]:
        step = _STEP * float(np.min(drive.stop_time - drive.start_time))
        times = np.asarray(t)
        change = velocity(times + step, *parameters) - velocity(times - step, *parameters)
        return np.asarray(change / (2 * step))

    return _function([position, velocity, acceleration])


def is_drive(function: sympy.Expr) -> bool:
    """Whether a SymPy function is a drive."""
    return getattr(type(function), "is_drive", False)


def _function(values: Sequence[Callable[..., Any]]) -> Callable[..., sympy.Expr]:
    """Return a real SymPy function of time computed by the first of these, with its derivatives."""
    import sympy
    from sympy.core.function import ArgumentIndexError

    following = _function(values[1:]) if len(values) > 1 else None

    def fdiff(self: sympy.Expr, argindex: int = 1) -> sympy.Expr:
        if argindex != 1 or following is None:
            raise ArgumentIndexError(self, argindex)
        return following(*self.args)

    made: Any = type(
        f"drive_{next(_NUMBERS)}",
        (sympy.Function,),
        {
            "_imp_": staticmethod(values[0]),
            "fdiff": fdiff,
            "_eval_is_extended_real": lambda self: True,
            "_eval_is_finite": lambda self: True,
            "is_drive": True,
        },
    )
    return made
