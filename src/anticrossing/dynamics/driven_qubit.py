"""`driven_qubit`: populations of a driven, relaxing qubit after a time, not averaged over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    choice,
    fail,
    fraction,
    non_negative,
    number_between,
    parameter,
    positive,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.dynamics.interferogram import BASES, axes_of, draw_map
from anticrossing.dynamics.qubit_maps import (
    broadcast_of,
    check_rounding,
    computed,
    equilibrium_of,
    equilibrium_slopes,
)

_MOST_PERIODS = 1e9
_ROWS = ("gap", "offset", "amplitude", "t1", "t2", "equilibrium", "temperature")


@dataclass(frozen=True, eq=False)
class DrivenQubit(Result):
    """Upper populations of a periodically driven qubit after a time, as `driven_qubit` returns.

    Attributes
    ----------
    population : array
        Of the broadcast shape of the parameters.
    parameters : dict of str to array
        What was given, each as it broadcasts against the others.
    readout : str
        Whose upper level is meant.
    gradients : dict of str to array
        Derivatives of the population by the parameters that were named, each of its shape.
    """

    population: FloatArray
    parameters: Mapping[str, FloatArray]
    readout: str
    gradients: Mapping[str, FloatArray] = field(default_factory=dict)

    def variables(self) -> dict[str, Variable]:
        """Return the populations by name, along axes that are parameters where only one varies."""
        dims, found = axes_of(self.parameters, self.population.shape)
        text = f"population of the upper {self.readout} level"
        slopes = {
            f"population_by_{name}": Variable(dims, values, f"its derivative by {name}")
            for name, values in self.gradients.items()
        }
        return {"population": Variable(dims, self.population, text), **slopes, **found}

    def plot(self, ax: Any = None) -> Any:
        """Draw the population over two axes as colours, or along one.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found = self.variables()
        return super().plot(ax) if self.population.ndim != 2 else draw_map(found, ax)

    def _attributes(self) -> dict[str, Any]:
        return {"readout": self.readout}


def driven_qubit(
    *,
    gap: npt.ArrayLike,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    t1: npt.ArrayLike,
    t2: npt.ArrayLike,
    duration: npt.ArrayLike,
    phase: npt.ArrayLike = 0.0,
    initial: npt.ArrayLike = 0.0,
    temperature: npt.ArrayLike | None = None,
    equilibrium: npt.ArrayLike | None = None,
    basis: str = "diabatic",
    readout: str | None = None,
    tolerance: float = 1e-6,
    gradient: str | Sequence[str] = (),
) -> DrivenQubit:
    """Return the upper population of a driven qubit with T₁ and T₂ after a time.

    H(t) = ½[ε(t) σ_z + Δ σ_x], ε(t) = ε₀ + A cos(ωt + φ), from t = 0. Of `interferogram` this is
    what is not averaged over time: the population after some periods, or, with φ = π and one
    period, after a double passage. Whole periods cost the logarithm of their number.

    Parameters
    ----------
    gap, offset, amplitude, frequency, t1, t2, temperature, equilibrium, basis, tolerance
        As for `interferogram`.
    duration : float or array
        How long the drive lasts, time ≥ 0.
    phase : float or array
        φ, radians.
    initial : float or array
        Population of the upper level of the read-out at t = 0, without coherence.
    readout : {"diabatic", "adiabatic"}, optional
        In which levels it begins and is read: σ_z, or the eigenstates of H at that moment. Default:
        `basis`.
    gradient : str or sequence of str
        Parameters by which to differentiate, from products of steps with their derivatives; of
        gap, offset, amplitude, t1, t2, and the temperature or equilibrium.

    Returns
    -------
    DrivenQubit

    Raises
    ------
    InputError
        For parameters that cannot be used, before any work.
    ConvergenceError
        Where a period would need more steps than allowed.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010), sections 2 and 3.

    Examples
    --------
    A double passage, whose two paths interfere:

    >>> found = driven_qubit(
    ...     gap=0.5, offset=[0.0, 0.4], amplitude=8.0, frequency=0.5, phase=3.141592653589793,
    ...     duration=4 * 3.141592653589793, t1=1e6, t2=1e6,
    ... )
    >>> found.population.round(3)
    array([0.275, 0.172])
    """
    relax_eigen = choice("basis", basis, BASES) == "adiabatic"
    read_eigen = relax_eigen if readout is None else choice("readout", readout, BASES) == BASES[1]
    accuracy = number_between("tolerance", tolerance, 1e-10, 1e-2)
    names = (gradient,) if isinstance(gradient, str) else tuple(gradient)
    known = [*_ROWS[:5], "temperature" if equilibrium is None else "equilibrium"]
    for name in names:
        choice("gradient", name, known)
    if len(set(names)) < len(names):
        raise fail("gradient", "name every parameter once", f"it is {names}")
    given = {
        "gap": positive("gap", gap),
        "offset": parameter("offset", offset),
        "amplitude": parameter("amplitude", amplitude),
        "frequency": positive("frequency", frequency),
        "t1": positive("t1", t1),
        "t2": positive("t2", t2),
        **equilibrium_of(
            offset=parameter("offset", offset),
            relax_eigen=relax_eigen,
            temperature=temperature,
            equilibrium=equilibrium,
        ),
        "phase": np.mod(parameter("phase", phase), 2 * np.pi),
        "duration": non_negative("duration", duration),
        "initial": fraction("initial", initial),
    }
    rows, shape = broadcast_of(given)
    most = float(np.max(given["duration"]) * np.max(given["frequency"]) / (2 * np.pi))
    if most > _MOST_PERIODS:
        raise fail("duration", f"be at most {_MOST_PERIODS:g} periods", f"it is up to {most:.3g}")
    # Phases are forgotten after T₁, and after the drive.
    check_rounding(
        {**given, "t1": np.minimum(given["t1"].max(), given["duration"].max())}, accuracy
    )

    def kernel(points: FloatArray, out: FloatArray, slopes: FloatArray) -> None:
        from anticrossing.dynamics import _driven_qubit

        points = points.copy()
        # −A is A half a period later.
        points[8] += np.where(points[2] < 0, np.pi, 0.0)
        points[2] = np.abs(points[2])
        _driven_qubit.populations(points, relax_eigen, read_eigen, accuracy, out, slopes)

    population, slopes = computed(rows, shape, kernel, len(_ROWS))
    failed = np.isnan(population)
    if failed.any():
        where = int(np.argmax(failed))
        values = ", ".join(
            f"{name}={row.flat[where]:g}" for name, row in zip(list(given)[:6], rows, strict=False)
        )
        raise ConvergenceError(
            f"The drive is too slow to follow at {failed.sum()} of {failed.size} points, first at "
            f"{values}: raise `frequency` or lower `amplitude`, or follow a single point with "
            "`propagate`."
        )
    found = dict(zip(_ROWS, (part.reshape(shape) for part in slopes), strict=True))
    found["amplitude"] = found["amplitude"] * np.where(np.signbit(given["amplitude"]), -1.0, 1.0)
    if equilibrium is None and not relax_eigen:
        heat = parameter("temperature", 0.0 if temperature is None else temperature)
        by_offset, by_heat = equilibrium_slopes(given["offset"], heat)
        found["offset"] = found["offset"] + found["equilibrium"] * by_offset
        found["temperature"] = found["equilibrium"] * by_heat
    found["equilibrium"] = 2 * found["equilibrium"]
    gradients = {name: np.ascontiguousarray(found[name]) for name in names}
    shown = {name: values for name, values in given.items() if not np.all(np.isnan(values))}
    if "equilibrium" in shown:
        shown["equilibrium"] = 0.5 * (1 + shown["equilibrium"])
    return DrivenQubit(population.reshape(shape), shown, BASES[read_eigen], gradients)
