"""What a fit of a vibronic coupling model returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core import drawing
from anticrossing._core.checks import FloatArray
from anticrossing._core.variables import Shown, shown
from anticrossing.fits._quality import determine, goodness
from anticrossing.fits._vibronic_model import Form, Problem
from anticrossing.fits._vibronic_search import Found
from anticrossing.fits.fitted import Fitted, FittedParameter
from anticrossing.models import VibronicCoupling
from anticrossing.units import Units

_SINGULAR = 1e-9  # of the largest singular value of the scaled derivatives
_MANY = 24  # parameters that are printed


@dataclass(frozen=True, eq=False)
class VibronicFit(Fitted):
    """A vibronic coupling model from energies of N states at K geometries.

    Attributes
    ----------
    hamiltonian : VibronicCoupling
    parameters : dict of str to FittedParameter
        The P that symmetry leaves: ``energy(1)``, ``kappa(Q1, 1)``, ``lambda(Q1, 1, 2)``,
        ``gamma(Q1, Q2, 1)``, ``gamma(Q1, Q2, 1, 2)``, with names of coordinates and states. Of a
        pair (i, j), gamma is the element of G_ij.
    varied : tuple of str
        Their names.
    covariance : array, shape (P, P)
        Infinite in rows and columns of what the data do not determine.
    positions : array, shape (K, f)
    energies, prediction : array, shape (K, N)
        Ascending; measured and fitted.
    residuals : array, shape (R,)
        Fitted − measured in units of the error, those of derivatives last.
    chi_square : float
    degrees_of_freedom : int
    root_mean_square : float
        Of the energies (energy).
    determined : bool
        Whether the data determine every parameter, but for signs and rotations of states.
    warnings : tuple of str
    evaluations : int
    """

    hamiltonian: VibronicCoupling
    parameters: Mapping[str, FittedParameter]
    varied: tuple[str, ...]
    covariance: FloatArray
    positions: FloatArray
    energies: FloatArray
    prediction: FloatArray
    residuals: FloatArray
    chi_square: float
    degrees_of_freedom: int
    root_mean_square: float
    determined: bool
    warnings: tuple[str, ...]
    evaluations: int
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "parameter": shown("parameter", text="parameter", of="_names"),
        "value": shown("parameter", text="its value", unit="energy", of="_values"),
        "value_error": shown("parameter", text="its deviation", unit="energy", of="_deviations"),
        "covariance": shown("parameter", "parameter_2", text="covariance", unit="energy^2"),
        "positions": shown("geometry", "coordinate", text="dimensionless coordinates"),
        "energy": shown("geometry", "state", text="energy", unit="energy", of="energies"),
        "prediction": shown("geometry", "state", text="fitted energy", unit="energy"),
        "residual": shown("datum", text="fitted less measured, in errors", of="residuals"),
        "root_mean_square": shown(text="root mean square of the residuals", unit="energy"),
        "chi_square": shown(text="sum of squared residuals"),
        "degrees_of_freedom": shown(text="data less parameters"),
    }

    @property
    def _names(self) -> FloatArray:
        return np.array(list(self.parameters))

    @property
    def _values(self) -> FloatArray:
        return np.array([one.value for one in self.parameters.values()])

    @property
    def _deviations(self) -> FloatArray:
        return np.array([one.error for one in self.parameters.values()])

    def plot(self, ax: Any = None) -> Any:
        """Draw fitted against measured energies.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        unit = f" ({self.units.energy})" if self.units.energy else ""
        for state in range(self.energies.shape[1]):
            label = self.hamiltonian.labels[state] if self.hamiltonian.labels else str(state + 1)
            axes.plot(self.energies[:, state], self.prediction[:, state], ".", label=label)
        axes.axline((float(self.energies[0, 0]),) * 2, slope=1, color="0.6", linewidth=1, zorder=0)
        axes.set(xlabel=f"energy{unit}", ylabel=f"fitted energy{unit}")
        axes.legend(title="level")
        return axes

    def __str__(self) -> str:
        count, states = self.energies.shape
        lines = [f"vibronic fit of {states} states to {count} geometries"]
        shown_ = list(self.parameters.values())
        lines += [f"  {one.name}  {one}" for one in shown_[:_MANY]]
        if len(shown_) > _MANY:
            lines.append(f"  and {len(shown_) - _MANY} more")
        unit = f" {self.units.energy}".rstrip()
        lines.append(f"  root mean square {self.root_mean_square:.3g}{unit}")
        return "\n".join([*lines, *(f"note: {text}" for text in self.warnings)])


def report(
    problem: Problem,
    best: Found,
    omega: FloatArray,
    coordinates: Sequence[str],
    *,
    labels: Sequence[str] | None,
    units: Units,
    errors_known: bool,
    notes: list[str],
    doubts: list[str],
) -> VibronicFit:
    """Return the result at a minimum, with uncertainties and notes."""
    form, data = problem.form, problem.data
    freedom = best.residuals.size - best.values.size
    names = _names(form, coordinates, labels)
    unit = 1.0
    if not errors_known:
        unit = float(np.sqrt(best.chi_square / freedom)) if freedom > 0 else np.inf
    columns = np.linalg.norm(best.jacobian, axis=0)
    size = 1 / np.where(columns > 0, columns, 1.0)
    known = np.isfinite(unit)
    found = determine(
        names, best.jacobian * size, np.diag(size), size,
        singular=_SINGULAR, spread=unit if known else 1.0, loosest=np.inf,
    )  # fmt: skip
    covariance = found.covariance if known else np.full_like(found.covariance, np.inf)
    told = [*doubts, *found.notes]
    if freedom == 0 and not errors_known:
        told.append("there are as many parameters as data: errors are not known")
    if not best.converged:
        told.append("the search stopped before it converged")
    fit = goodness(best.chi_square, freedom) if errors_known and freedom > 0 else []
    X = form.matrices(best.values)
    modes = len(omega)
    quadratic = None
    if len(form.powers) > 1 + modes:
        quadratic = np.zeros((modes, modes, form.size, form.size))
        for row, matrix in zip(form.powers[1 + modes :], X[1 + modes :], strict=True):
            i, j = np.repeat(np.arange(modes), row)
            quadratic[i, j] = quadratic[j, i] = matrix
    shift = 0.5 * (data.positions**2 @ omega)[:, None]
    levels = problem.levels(best.values)
    deviations = np.sqrt(np.diag(covariance))
    return VibronicFit(
        hamiltonian=VibronicCoupling(
            energies=X[0],
            frequencies=omega,
            linear=X[1 : 1 + modes],
            quadratic=quadratic,
            coordinates=coordinates,
            labels=labels,
            units=units,
            name="VibronicFit",
            source="a fit to adiabatic energies",
        ),
        parameters={
            name: FittedParameter(name, float(value), float(error), True, units.energy)
            for name, value, error in zip(names, best.values, deviations, strict=True)
        },
        varied=names,
        covariance=covariance,
        positions=data.positions.copy(),
        energies=data.energies + shift,
        prediction=levels + shift,
        residuals=best.residuals,
        chi_square=best.chi_square,
        degrees_of_freedom=freedom,
        root_mean_square=float(np.sqrt(np.mean((levels - data.energies) ** 2))),
        determined=not told,
        warnings=tuple(dict.fromkeys([*notes, *told, *fit])),
        evaluations=best.evaluations,
        units=units,
    )


def _names(form: Form, coordinates: Sequence[str], labels: Sequence[str] | None) -> tuple[str, ...]:
    """Return the name of every parameter."""
    found = []
    for m, a, b in zip(*form.places, strict=True):
        states = [str(n + 1) if labels is None else labels[n] for n in ((a,) if a == b else (a, b))]
        modes = [c for c, n in zip(coordinates, form.powers[m], strict=True) for _ in range(n)]
        kind = (
            "energy"
            if not modes
            else "gamma"
            if len(modes) == 2
            else "kappa"
            if a == b
            else "lambda"
        )
        found.append(f"{kind}({', '.join([*modes, *states])})")
    return tuple(found)
