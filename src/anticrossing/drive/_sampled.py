"""Drives that are no formulas as SymPy functions of time, so that they stand in formulas of H."""

from __future__ import annotations

import copyreg
import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing.drive.base import Drive

if TYPE_CHECKING:
    import sympy

_NUMBERS = itertools.count()  # SymPy tells functions apart by their names
_STEP = float(np.finfo(np.float64).eps) ** 0.25  # of the window, for the derivative of a velocity


def is_drive(function: sympy.Expr) -> bool:
    """Whether a SymPy function is a drive."""
    return getattr(function, "is_drive", False)


def position_function(drive: Drive) -> Any:
    """Return x(t, p₁, p₂, …) of a drive as a real SymPy function that knows its derivatives."""
    return _function(drive, 0)


@functools.lru_cache(maxsize=1024)
def _function(drive: Drive, order: int) -> Any:
    """Return a time derivative of x as a SymPy function of time and the parameters."""
    import sympy
    from sympy.core.function import ArgumentIndexError

    def value(t: Any, *parameters: Any) -> npt.NDArray[Any]:
        return _derivative(drive, order, np.asarray(t), parameters)

    def fdiff(self: sympy.Expr, argindex: int = 1) -> sympy.Expr:
        if argindex != 1 or order == 2:
            raise ArgumentIndexError(self, argindex)
        return _function(drive, order + 1)(*self.args)

    details = {
        "_imp_": staticmethod(value),
        "_drive": (drive, order),
        "is_drive": True,
        "_eval_is_extended_real": lambda self: True,
        "_eval_is_finite": lambda self: True,
        "fdiff": fdiff,
    }
    return _kind()(f"drive_{next(_NUMBERS)}", (sympy.Function,), details)


def _derivative(
    drive: Drive, order: int, t: npt.NDArray[Any], values: tuple[Any, ...]
) -> npt.NDArray[Any]:
    parameters = dict(zip(drive.parameters, values, strict=True))
    if order < 2:
        return (drive.evaluate, drive.evaluate_velocity)[order](t, parameters)
    step = _STEP * float(np.min(drive.stop_time - drive.start_time))
    after, before = (drive.evaluate_velocity(t + side * step, parameters) for side in (1, -1))
    return np.asarray((after - before) / (2 * step))


@functools.cache
def _kind() -> Any:
    """Return the class of these functions, which can be sent to another process with the drive."""
    from sympy.core.function import FunctionClass

    class DriveFunction(FunctionClass):  # type: ignore[misc]  # SymPy is not typed
        """What makes SymPy functions of drives."""

    copyreg.pickle(DriveFunction, lambda made: (_function, made._drive))
    return DriveFunction
