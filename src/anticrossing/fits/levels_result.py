"""What a fit to a spectrum returns: parameters, assignments, crossings, and doubts about them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core import drawing, style
from anticrossing._core.checks import FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.fits._level_crossings import FittedCrossing, crossings_of
from anticrossing.fits._transitions import Transition, Transitions
from anticrossing.fits.fitted import Fitted, FittedParameter
from anticrossing.fits.lines import Lines, label_axes
from anticrossing.fits.measurement import Measurement
from anticrossing.hamiltonian import Hamiltonian

_POINTS = 241  # of a curve
_MOST_TOLD = 6  # crossings


@dataclass(frozen=True, eq=False)
class OtherAssignment(Result):
    """Another answer to the same spectrum.

    Attributes
    ----------
    log_odds : float
        ln of how much less probable it is than the answer that was taken; about zero or below it:
        as good.
    values : dict of str to float
        Its parameters.
    moved : int
        How many lines it assigns otherwise.
    chi_square : float
    assigned : array of int, shape (N,)
        The transition of every line, −1 for an outlier.
    """

    log_odds: float
    values: Mapping[str, float]
    moved: int
    chi_square: float
    assigned: Any

    _variables: ClassVar[Mapping[str, Shown]] = {
        "log_odds": shown(text="ln of how much less probable it is"),
        "moved": shown(text="lines that it assigns otherwise"),
        "chi_square": shown(text="sum of its squared residuals"),
        "assigned": shown("line", text="transition of every line, -1 for an outlier"),
    }

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {value:.6g}" for name, value in self.values.items())
        return (
            f"{values}; {self.moved} lines assigned otherwise, χ² = {self.chi_square:.4g}, "
            f"ln odds {self.log_odds:.3g}"
        )


@dataclass(frozen=True, eq=False)
class LevelFit(Fitted):
    """Parameters of a Hamiltonian from N lines of its spectrum.

    Attributes
    ----------
    hamiltonian : Hamiltonian
        H with the fitted parameters.
    lines : Lines
    parameters : dict of str to FittedParameter
        All of them, those held fixed too: of H, the calibration, and the read-out of passages.
    varied : tuple of str
        The K fitted parameters, in the order of `covariance`.
    covariance : array, shape (K, K)
        Infinite in rows and columns of what the lines do not determine. From the errors of the
        lines; without them scaled so that the reduced χ² is one.
    transitions : tuple of Transition
        The T transitions that lines were assigned to: `lower`, `upper`, `photons`.
    assigned : array of int, shape (N,)
        The number of the transition of every line, −1 for an outlier.
    outlier_probability : array, shape (N,)
        Of every line, at the fitted parameters.
    prediction : array, shape (N,)
        Fitted frequencies in the unit of the lines; NaN for an outlier.
    residuals : array, shape (N,)
        Measured − fitted in units of the error (fitted errors where none are known); NaN for an
        outlier.
    chi_square : float
        Σ residuals² of the assigned lines, and of priors and passages.
    degrees_of_freedom : int
    alternatives : tuple of OtherAssignment
        Answers that are nearly as good.
    determined : bool
        Whether the lines determine every parameter, and none ran to the end of its range.
    expected_pulls : array, shape (K,)
        Means that (fitted − true)/error would have if the same lines were measured again, from the
        second derivatives of their frequencies. Beyond ±0.15 there is a warning.
    warnings : tuple of str
        What stands against trusting the numbers; empty for a fit that can be trusted.
    model : Transitions
        The frequencies as functions of the fitted parameters; not part of the public interface.
    passages : Measurement or None
        Fitted together with the lines.
    passage_residuals : array, shape (M,), or None
    """

    hamiltonian: Hamiltonian
    lines: Lines
    parameters: Mapping[str, FittedParameter]
    varied: tuple[str, ...]
    covariance: FloatArray
    transitions: tuple[Transition, ...]
    assigned: Any
    outlier_probability: FloatArray
    prediction: FloatArray
    residuals: FloatArray
    chi_square: float
    degrees_of_freedom: int
    alternatives: tuple[OtherAssignment, ...]
    determined: bool
    expected_pulls: FloatArray
    warnings: tuple[str, ...]
    model: Transitions
    passages: Measurement | None = None
    passage_residuals: FloatArray | None = None

    @property
    def outliers(self) -> Any:
        """Which lines belong to no transition, shape (N,)."""
        return np.asarray(self.assigned) < 0

    @property
    def labels(self) -> tuple[tuple[int, int] | None, ...]:
        """The levels (lower, upper) of every line; None for an outlier."""
        pairs = [(t.lower, t.upper) for t in self.transitions]
        return tuple(pairs[k] if k >= 0 else None for k in self.assigned)

    @functools.cached_property
    def crossings(self) -> tuple[FittedCrossing, ...]:
        """The crossings between the outermost controls, with errors, of levels that lines reach."""
        return crossings_of(self.model, self._values, self.covariance, self.lines)

    @property
    def _values(self) -> FloatArray:
        return np.array([self.parameters[name].value for name in self.model.varied])

    def variables(self) -> dict[str, Variable]:
        """Return lines, assignments and parameters by name."""
        along, unit = ("line",), self.lines.unit or "1"
        return {
            **self.lines.variables(),
            "assigned": Variable(along, self.assigned, "transition of the line, -1: outlier"),
            "outlier_probability": Variable(
                along, self.outlier_probability, "probability that it is an outlier"
            ),
            "prediction": Variable(along, self.prediction, "fitted frequency", unit),
            "residual": Variable(along, self.residuals, "measured less fitted, in errors"),
            "transition": Variable(
                ("transition",), np.array([str(t) for t in self.transitions]), "transition"
            ),
            **self._table(),
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the lines over the fitted transitions, outliers as crosses.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        control = self.lines.control
        wide = 0.02 * float(np.ptp(control) or 1.0)
        along = np.linspace(control.min() - wide, control.max() + wide, _POINTS)
        curves = self.model.at(along).frequencies(self._values[None])[0]
        every = np.unique(self.assigned[self.assigned >= 0])
        for number, curve in enumerate(curves.T):
            seen = number in every
            color = style.level_color(number, len(self.transitions)) if seen else style.MUTED
            name = f"{self.transitions[number]}" if seen else None
            axes.plot(along, curve, color=color, lw=1.2, ls="-" if seen else ":", label=name)
            own = self.assigned == number
            error = None if self.lines.error is None else self.lines.error[own]
            axes.errorbar(
                control[own], self.lines.frequency[own], error, fmt="o", color=color, ms=3, lw=0.8
            )
        lost = self.outliers
        if np.any(lost):
            axes.plot(
                control[lost], self.lines.frequency[lost], "x", color="k", ms=5, label="outlier"
            )
        low, high = self.lines.frequency.min(), self.lines.frequency.max()
        room = 0.06 * (high - low)
        axes.set_ylim(low - room, high + room)
        label_axes(axes, self.lines)
        style.grid(axes)
        axes.legend(loc="best", ncols=2)
        return axes

    def plot_residuals(self, ax: Any = None) -> Any:
        """Draw (measured − fitted)/error of the assigned lines over the control.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes(height=2.4) if ax is None else ax
        axes.axhspan(-1, 1, color=style.GRID, zorder=0)
        for number in range(len(self.transitions)):
            own = self.assigned == number
            color = style.level_color(number, len(self.transitions))
            axes.plot(self.lines.control[own], self.residuals[own], "o", ms=3, color=color)
        axes.set_xlabel(style.label("control", self.lines.control_unit))
        axes.set_ylabel("residual / error")
        style.grid(axes)
        return axes

    def _attributes(self) -> dict[str, Any]:
        return {**self.lines._attributes(), **self._goodness()}

    def _verdict(self) -> tuple[str, bool | None]:
        return "", not self.warnings

    def __str__(self) -> str:
        width = max(map(len, self.parameters))
        lost = int(np.count_nonzero(self.outliers))
        lines = [
            f"fit of {self.hamiltonian.name} to {len(self.lines)} lines, {lost} of them outliers"
        ]
        if self.passages is not None:
            lines[0] += f", and {len(self.passages)} populations"
        lines += [f"  {name:<{width}}  {p}" for name, p in self.parameters.items()]
        lines.append(self._quality_line(self.lines.error is not None, "one"))
        lines += [f"  {crossing}" for crossing in self.crossings[:_MOST_TOLD]]
        more = len(self.crossings) - _MOST_TOLD
        lines += [f"  and {more} more: see `crossings`"] if more > 0 else []
        lines += [f"  note: {text}" for text in self.warnings]
        return "\n".join(lines)
