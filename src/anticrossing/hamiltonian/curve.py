"""Curves through several coordinates, and H along one: a Hamiltonian of the one coordinate time.

With the formulas of the curve put into the formulas of H, everything that looks into formulas sees
what every coordinate does, and dH/dt = Σ ∂H/∂x_a ẋ_a comes out of one differentiation.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, nearest
from anticrossing._core.plain import Plain

if TYPE_CHECKING:
    import sympy


class Curve(abc.ABC):
    """Positions in several coordinates as functions of time.

    Attributes
    ----------
    coordinates : tuple of str
        The names of the coordinates.
    parameters : mapping of str to array
        What the positions depend on beside time.
    """

    coordinates: tuple[str, ...]
    parameters: Mapping[str, FloatArray]

    @property
    @abc.abstractmethod
    def formulas(self) -> Mapping[str, sympy.Expr]:
        """The positions that move as SymPy, in `t` and the parameters.

        A coordinate that stays where it is has no formula: it is a parameter of its own name.
        """

    @abc.abstractmethod
    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Return the positions (..., f) for times and parameters that run along the same axes."""

    @abc.abstractmethod
    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        """Return the derivatives of the positions with the conventions of `evaluate`."""


def check_fits(
    curve: Curve, coordinates: tuple[str, ...], parameters: Mapping[str, FloatArray]
) -> None:
    """Raise `InputError` unless a curve has the coordinates of H, and no other name of H."""
    whole = ", ".join(coordinates)
    for name in curve.coordinates:
        if name not in coordinates:
            raise fail(
                "path",
                f"move the coordinates of the Hamiltonian ({whole})",
                f"it holds `{name}`{nearest(name, coordinates)}",
            )
    for name in coordinates:
        if name not in curve.coordinates:
            raise fail(
                "path",
                f"hold every coordinate of the Hamiltonian ({whole})",
                f"`{name}` is missing: give a drive or a number",
            )
    for name in curve.parameters:
        if name in parameters:
            raise fail(
                "path",
                "give its parameters names that are not the Hamiltonian's",
                f"both have `{name}`",
            )
    try:
        shapes = [np.shape(value) for value in (*curve.parameters.values(), *parameters.values())]
        np.broadcast_shapes(*shapes)
    except ValueError:
        ours, theirs = (
            np.broadcast_shapes(*map(np.shape, values.values()))
            for values in (parameters, curve.parameters)
        )
        raise InputError(
            f"The batch shapes of Hamiltonian {ours} and path {theirs} must broadcast, but they do "
            "not."
        ) from None


def name_of_time(parameters: Mapping[str, FloatArray]) -> str:
    """Return what time is called along a curve."""
    return "t" if "t" not in parameters else "time"


def formulas_in(curve: Curve, time: str) -> dict[str, sympy.Expr]:
    """Return the positions that move as SymPy, with time called `time`."""
    from anticrossing._core import expression

    renamed = {expression.symbol("t"): expression.symbol(time)}
    return {name: formula.xreplace(renamed) for name, formula in curve.formulas.items()}


def along(formula: Any, positions: Mapping[str, sympy.Expr]) -> Any:
    """Return a formula with the positions in place of the coordinates."""
    return _along(formula, tuple(positions.items()))


@functools.lru_cache(maxsize=4096)
def _along(formula: Any, positions: tuple[tuple[str, sympy.Expr], ...]) -> Any:
    from anticrossing._core import expression

    if isinstance(formula, Plain) and not set(formula.names) & {name for name, _ in positions}:
        return formula
    tree = formula.symbolic() if isinstance(formula, Plain) else formula
    return tree.xreplace({expression.symbol(name): value for name, value in positions})
