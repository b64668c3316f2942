"""Periodic drives with an environment: the state that repeats itself, and its averages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray, choice
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import densities, interference, liouville, panels
from anticrossing.dynamics._period import GAUSS_POINTS, Period
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics.densities import Work
from anticrossing.dynamics.kernels import FIRST_PANELS
from anticrossing.dynamics.open_kernels import OpenKernel, open_kernel
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
_MANY = 4 * FIRST_PANELS  # pieces of an average, where times cost little
_LEAST_CONTRACTION = 1e-11  # below it rounding decides which state repeats itself


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
    over, kernel, accuracy = _check_open(hamiltonian, drive, environment, period, tolerance)
    maps, error, rounding = _maps(over, kernel, accuracy, over.lanes.stop[:, None])
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
        If it depends on time, it must have the same period.
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
    over, kernel, accuracy = _check_open(hamiltonian, drive, environment, period, tolerance)
    wanted = np.empty((over.lanes.count, 0))
    if times is not None:
        wanted = over.lanes.check_times(times, where="within one period,")
    levels = hamiltonian.dimension
    end = over.lanes.stop[:, None]
    maps, error, rounding = _maps(over, kernel, accuracy, end)
    contraction = _contraction(maps[:, 0])
    worst = int(np.argmin(contraction))
    if contraction[worst] < _LEAST_CONTRACTION:
        raise ConvergenceError(
            f"The periodic steady state is not unique (parameter point {worst}): a period takes "
            f"only {contraction[worst]:.1e} off some deviation from it. Add what relaxes all "
            "levels, such as `ThermalRelaxation`."
        )
    least = max(float(np.min(rounding)), panels.SMALLEST_TOLERANCE)
    finer = min(max(accuracy * float(contraction[worst]), least), accuracy)
    if finer < accuracy:
        maps, error, _ = _maps(over, kernel, finer, end)
    rho = _fixed_point(maps[:, 0], levels)

    def states(at: FloatArray) -> ComplexArray:
        work = Work.of(over.lanes, kernel.environment, at)
        if densities.is_cheaper(work, levels, 1):  # steps need not end at the times
            followed = densities.follow(
                over.lanes,
                kernel.environment,
                rho[:, None],
                work=work,
                tolerance=max(0.02 * finer, panels.SMALLEST_TOLERANCE),
                breakpoints=None,
                times=at,
            )
            return followed.states[:, :-1, 0]
        inside, *_ = _maps(over, kernel, finer, at)
        moved = inside @ rho.reshape(-1, 1, levels**2, 1)
        return np.asarray(moved.reshape(*at.shape, levels, levels))

    def populations(at: FloatArray) -> FloatArray:
        found = states(at)
        if basis == "adiabatic":
            frames = np.linalg.eigh(over.lanes.traceless(at, np.arange(over.lanes.count)))[1]
            found = dagger(frames) @ found @ frames
        return np.asarray(np.einsum("pkii->pki", found).real)

    batch = over.lanes.batch_shape
    error = (error + rounding) / contraction
    many = replace(Work.of(over.lanes, kernel.environment), pieces=_MANY * GAUSS_POINTS)
    first = _MANY if densities.is_cheaper(many, levels, 1) else FIRST_PANELS
    mean = over.average(populations, 0.1 * np.maximum(accuracy, error), first)
    with np.errstate(divide="ignore"):
        relaxation = over.length / -np.log1p(-np.minimum(contraction, 1.0))
    return PeriodicSteadyState(
        populations=mean.reshape(*batch, levels),
        density_matrix=rho.reshape(*batch, levels, levels),
        times=wanted.reshape(*batch, -1),
        density_matrices=(
            states(wanted)
            if wanted.size
            else np.empty((over.lanes.count, 0, levels, levels), complex)
        ).reshape(*batch, -1, levels, levels),
        contraction=contraction.reshape(batch),
        relaxation_time=relaxation.reshape(batch),
        error_estimate=error.reshape(batch),
        basis=basis,
        warnings=unreached(error, accuracy),
        units=hamiltonian.units,
    )


def _check_open(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    period: npt.ArrayLike | None,
    tolerance: float,
) -> tuple[Period, OpenKernel, float]:
    hamiltonian, drive = check_open(hamiltonian, drive, environment)
    refuse_noise(environment)
    accuracy = check_tolerance(tolerance)
    over = Period.of(hamiltonian, drive, period, environment.batch_shape)
    return over, open_kernel(over.lanes, environment), accuracy


def _maps(
    over: Period, kernel: OpenKernel, tolerance: float, times: FloatArray
) -> tuple[ComplexArray, FloatArray, FloatArray]:
    """Return the maps of ρ from the start to `times` (lanes, K), and two errors of one period."""
    # They are what the solver neglected, and the rounding of phases, which no tolerance makes less.
    evolution = over.solve(kernel, tolerance, times)
    eigen, first, last = kernel.eigen_maps(over.lanes, evolution.snapshots, times)
    before = liouville.kron(first, first.conj())[:, None]
    after = liouville.kron(last, last.conj())
    maps = np.asarray(after @ eigen @ dagger(before))
    return maps, evolution.error, interference.of_phases(evolution)


def _contraction(maps: ComplexArray) -> FloatArray:
    """Return 1 − |λ| for the second-largest eigenvalue of every map."""
    sizes = np.sort(np.abs(np.linalg.eigvals(maps)), axis=-1)
    return np.asarray(1 - sizes[..., -2], np.float64)


def _fixed_point(maps: ComplexArray, levels: int) -> ComplexArray:
    """Return ρ = M ρ with trace 1, (lanes, N, N)."""
    system = np.eye(levels**2) - maps
    # The rows of 1 − M for populations add up to zero: one gives way to the trace.
    system[:, 0] = np.eye(levels).ravel()
    right = np.zeros((maps.shape[0], levels**2, 1), dtype=np.complex128)
    right[:, 0] = 1.0
    rho = np.linalg.solve(system, right).reshape(-1, levels, levels)
    return np.asarray(hermitian_part(rho))
