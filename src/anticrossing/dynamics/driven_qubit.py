"""`driven_qubit`: populations of a driven, relaxing qubit after a time, not averaged over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    fail,
    fraction,
    non_negative,
    number_between,
    parameter,
)
from anticrossing.dynamics.qubit_maps import (
    BASES,
    QubitMap,
    broadcast_of,
    check_rounding,
    computed,
    named,
    parameters_of,
    shown,
    slopes_of,
)

_MOST_PERIODS = 1e9
_ROWS = ("gap", "offset", "amplitude", "t1", "t2", "equilibrium", "temperature")


@dataclass(frozen=True, eq=False)
class DrivenQubit(QubitMap):
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
    names = named(gradient, [*_ROWS[:5], "temperature" if equilibrium is None else "equilibrium"])
    heat = 0.0 if temperature is None and equilibrium is None else temperature
    given = {
        **parameters_of(
            gap=gap,
            offset=offset,
            amplitude=amplitude,
            frequency=frequency,
            t1=t1,
            t2=t2,
            relax_eigen=relax_eigen,
            temperature=heat,
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

    population, slopes = computed(rows, kernel, "propagate", len(_ROWS) if names else 0)
    gradients: dict[str, FloatArray] = {}
    if names:
        found = dict(zip(_ROWS, (part.reshape(shape) for part in slopes), strict=True))
        gradients = slopes_of(found, names, given, amplitude, None if relax_eigen else heat)
    return DrivenQubit(population.reshape(shape), shown(given), BASES[read_eigen], gradients)
