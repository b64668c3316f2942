"""Periodic drives with an environment: the state that repeats itself, and its averages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray, choice
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import noisy_periods
from anticrossing.dynamics._period import Period
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics._steady import LindbladEquation, steady
from anticrossing.dynamics.open_maps import open_kernel
from anticrossing.dynamics.readout import unreached
from anticrossing.dynamics.request import (
    check_kinds,
    check_open,
    check_symmetry,
    check_tolerance,
    refuse_noise,
)
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Symmetry
from anticrossing.units import Units

BASES = ("adiabatic", "diabatic")


def one_period_propagator(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    environment: Environment | None = None,
    period: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    symmetry: Symmetry | None = None,
) -> ComplexArray:
    """Return the exact map over one period of a periodic drive, U(t₀ + 2π/ω, t₀).

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels.
    drive : Drive
        x(t); the period starts with its window.
    environment : Environment, optional
        If it depends on time, it must have the same period.
    period : float or array, optional
        The period of a drive whose formula shows none: tones with a common divisor do;
        the window must hold one.
    tolerance : float
        Wanted accuracy of probabilities, between 1e-13 and 1e-2.
    symmetry : Symmetry, optional
        Labels or operators that H(x) keeps, as for `propagate`.

    Returns
    -------
    array, shape (..., N, N) or (..., N², N²)
        U in the basis H is written in; with an environment the map of ρ, stacked row by row.

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.
    ConvergenceError
        If the tolerance is not reached, as where a period holds phases so long that a double does
        not hold them.

    Examples
    --------
    >>> import anticrossing as ac
    >>> drive = ac.drive.Sinusoidal(0.0, 2.0, 1.0)
    >>> U = one_period_propagator(ac.models.LandauZener(gap=0.5), drive)
    >>> abs(complex(np.linalg.det(U)).real - 1) < 1e-12
    True
    """
    if environment is None:
        hamiltonian, drive = check_kinds(hamiltonian, drive)
        accuracy = check_tolerance(tolerance)
        check_symmetry(hamiltonian, symmetry)
        over = Period.of(hamiltonian, drive, period)
        levels = hamiltonian.dimension
        sectored = Sectored.of(over.lanes, symmetry) or Sectored.whole(over.lanes)
        solved = over.closed(sectored, accuracy)
        _require(solved.error + sectored.turns(solved), accuracy)
        product = solved.shared(sectored.matrix([own.propagator for own in solved.blocks]))
        return np.asarray(product.reshape(*over.lanes.batch_shape, levels, levels))
    check_symmetry(hamiltonian, symmetry, open_system=True)
    hamiltonian, drive = check_open(hamiltonian, drive, environment)
    refuse_noise(environment)
    accuracy = check_tolerance(tolerance)
    over = Period.of(hamiltonian, drive, period, environment.batch_shape)
    equation = LindbladEquation(over, open_kernel(over.lanes, environment))
    maps, error, rounding = equation.maps(accuracy, over.lanes.stop[:, None])
    _require(error + rounding, accuracy)
    return maps[:, 0].reshape(*over.lanes.batch_shape, *maps.shape[-2:])


def _require(error: FloatArray, accuracy: float) -> None:
    """Refuse a map that is not known to the accuracy: an array carries no warnings."""
    notes = unreached(error, accuracy)
    if notes:
        raise ConvergenceError(
            f"One period: {notes[0]}. Allow a larger tolerance, or a smaller amplitude."
        )


@dataclass(frozen=True, eq=False)
class PeriodicSteadyState(Result):
    """The periodic state of a driven open system. Batch axes come first everywhere.

    Attributes
    ----------
    populations : array, shape (..., N)
        Averages over a period, in `basis`; levels in order of energy in the adiabatic one.
    density_matrix : array, shape (..., N, N)
        The state at the start of a period, in the basis H is written in.
    times : array, shape (..., K)
        The requested times, if any.
    density_matrices : array, shape (..., K, N, N)
        The state at those times.
    contraction : array, shape (...)
        1 − |λ|, λ the eigenvalue of the one-period map next to 1: what a period takes off the
        slowest deviation from the steady state.
    relaxation_time : array, shape (...)
        The time in which that deviation falls by e.
    error_estimate : array, shape (...)
        What the solver neglected in one period, and the rounding of the phases in it, over the
        contraction.
    basis : str
    warnings : tuple of str
    """

    populations: FloatArray
    density_matrix: ComplexArray
    times: FloatArray
    density_matrices: ComplexArray
    contraction: FloatArray
    relaxation_time: FloatArray
    error_estimate: FloatArray
    basis: str
    warnings: tuple[str, ...]
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="requested time", unit="time", of="times"),
        "population": shown("level", text="population averaged over a period", of="populations"),
        "relaxation_time": shown(text="time in which deviations fall by e", unit="time"),
        "contraction": shown(text="part of a deviation that one period takes away"),
        "error_estimate": shown(text="bound on the error of the populations"),
        "density_matrix": shown("row", "column", text="state at the start of a period"),
        "density_matrix_at": shown(
            "time", "row", "column", text="state at the time", of="density_matrices"
        ),
    }

    def variables(self) -> dict[str, Variable]:
        """Return the numbers by name; those along the requested times only if there are any."""
        return {name: v for name, v in super().variables().items() if np.size(v.values)}

    def _attributes(self) -> dict[str, Any]:
        return {"basis": self.basis}


def periodic_steady_state(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    period: npt.ArrayLike | None = None,
    times: npt.ArrayLike | None = None,
    basis: str = "adiabatic",
    tolerance: float = 1e-9,
) -> PeriodicSteadyState:
    """Return the state that repeats itself under a periodic drive, ρ = M ρ, and its mean levels.

    M is the exact map of the Lindblad equation over one period. The populations are averaged over
    the period.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N ≤ 12 levels. Array parameters make a batch.
    drive : Drive
        x(t); the period starts with its window.
    environment : Environment
        If it depends on time, it must have the same period. With noise that remembers the state is
        the average, as for `propagate`: of steady states at the values of noise that stands still,
        and beside a process the steady state of both. What is read out does not see the noise.
    period : float or array, optional
        The period of a drive whose formula shows none: tones with a common divisor do;
        the window must hold one.
    times : array, shape (K,) or batch shape + (K,), optional
        Increasing times within the first period at which the state is wanted.
    basis : {"adiabatic", "diabatic"}
        Of the averaged populations.
    tolerance : float
        Wanted accuracy of the populations, between 1e-13 and 1e-2. Errors of one period are
        magnified by the number of periods that relaxation takes, so that a few digits fewer than
        of one passage can be had; see `PeriodicSteadyState.error_estimate`.

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.
    ConvergenceError
        If more than one state repeats itself, because nothing relaxes the others.

    Examples
    --------
    >>> import anticrossing as ac
    >>> qubit, drive = ac.models.LandauZener(gap=0.2), ac.drive.Sinusoidal(2.0, 3.0, 1.0)
    >>> bath = ac.ThermalRelaxation(temperature=0.3, t1=1000.0) + ac.Dephasing(rate=0.01)
    >>> state = periodic_steady_state(qubit, drive, bath, basis="diabatic")
    >>> state.populations.round(6)
    array([0.499563, 0.500437])
    """
    choice("basis", basis, BASES)
    hamiltonian, drive = check_open(hamiltonian, drive, environment)
    accuracy = check_tolerance(tolerance)
    over = Period.of(hamiltonian, drive, period, environment.batch_shape)
    wanted = np.empty((over.lanes.count, 0))
    if times is not None:
        wanted = over.lanes.check_times(times, where="within one period,")
    frames = over.eigenframes if basis == "adiabatic" else None
    notes: tuple[str, ...] = ()
    if environment.noises:
        found, notes = noisy_periods.steady(over, environment, wanted, frames, accuracy)
    else:
        equation = LindbladEquation(over, open_kernel(over.lanes, environment))
        found = steady(equation, wanted, frames, accuracy)
    batch, levels = over.lanes.batch_shape, hamiltonian.dimension
    with np.errstate(divide="ignore"):
        relaxation = over.length / -np.log1p(-np.minimum(found.contraction, 1.0))
    return PeriodicSteadyState(
        populations=found.populations.reshape(*batch, levels),
        density_matrix=found.start.reshape(*batch, levels, levels),
        times=wanted.reshape(*batch, -1),
        density_matrices=found.inside.reshape(*batch, -1, levels, levels),
        contraction=found.contraction.reshape(batch),
        relaxation_time=relaxation.reshape(batch),
        error_estimate=found.error.reshape(batch),
        basis=basis,
        warnings=(*unreached(found.error, accuracy), *notes),
        units=hamiltonian.units,
    )
