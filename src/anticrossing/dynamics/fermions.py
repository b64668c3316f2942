"""Exact evolution of free fermions under any quadratic Hamiltonian Σ H_ij(t) c_i† c_j."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    instance,
    real_array,
    single_point,
)
from anticrossing._core.plain import used_names
from anticrossing._core.result import Result
from anticrossing._core.threads import one_thread
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import features, interference, panels, plan, star
from anticrossing.dynamics.arrowhead import ArrowheadKernel
from anticrossing.dynamics.gaussian import GaussianState, propagated
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import check_kinds, check_tolerance
from anticrossing.dynamics.star import Star
from anticrossing.hamiltonian import Hamiltonian, TermHamiltonian
from anticrossing.units import NATURAL, Units

METHODS = ("auto", "star", "panels")
_ACCURACY, _SHARE = 1e-10, 0.02  # by default, and what of it a panel may neglect
_SAMPLES = 257  # of a driven level, beside its features
# Measured costs: of a panel of either solver, and of superadiabatic panels for each level.
_STAR_PHASE = 120.0  # radians that a panel of the star covers
_PANELS_PER_LEVEL = 10
_PER_MICROSECOND = 3.0  # units of these costs: what steps take is known in microseconds
_ARROWHEAD, _ARROWHEAD_EACH = 1e4, 0.25  # of one driven level that passes all others slowly
_PIECE = 4e3  # what the general solver takes beside, for each time asked for


@dataclass(frozen=True, eq=False)
class FermionEvolution(Result):
    """Free fermions along a drive, as `evolve_fermions` returns them.

    Attributes
    ----------
    times : array, shape (K,)
    occupations : array, shape (K, N)
        ``⟨c_i† c_i⟩`` of every mode.
    currents : array, shape (K, N)
        The particle current into every mode, ``d⟨c_i† c_i⟩/dt``.
    energy : array, shape (K,)
        The mean total energy ``⟨H(t)⟩``, in the units of H.
    mode_energies : array, shape (K, N)
        ``H_ii(t) ⟨c_i† c_i⟩``; what is missing to `energy` sits in the couplings.
    propagator : array, shape (N, N)
        The single-particle propagator from the start of the window to the last time.
    state : GaussianState
        The state at the last time.
    method : str
        "star" or "panels".
    panels : int
        Panels that were needed, each of many steps where these were cheaper.
    error_estimate : float
        Bound on the error of `propagator`, phases aside: what the general solver left coupled, or
        the largest element of ``W†W − 1``, of which the solver of stars makes no use.
    """

    times: FloatArray
    occupations: FloatArray
    currents: FloatArray
    energy: FloatArray
    mode_energies: FloatArray
    propagator: ComplexArray
    state: GaussianState
    method: str
    panels: int
    error_estimate: float
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time", unit="time", of="times"),
        "occupation": shown("time", "mode", text="occupation of the mode", of="occupations"),
        "current": shown(
            "time", "mode", text="particle current into the mode", unit="1/time", of="currents"
        ),
        "energy": shown("time", text="mean total energy", unit="energy"),
        "mode_energy": shown(
            "time", "mode", text="energy of the mode", unit="energy", of="mode_energies"
        ),
        "panels": shown(text="panels that were needed"),
        "error_estimate": shown(text="bound on the error of the propagator, phases aside"),
        "propagator": shown("row", "column", text="single-particle propagator to the last time"),
        "correlation": shown("row", "column", text="correlation matrix at the last time"),
    }

    @property
    def correlation(self) -> ComplexArray:
        """The correlation matrix at the last time, shape (N, N)."""
        return self.state.correlation_matrix

    def _attributes(self) -> dict[str, Any]:
        return {"method": self.method}


def evolve_fermions(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    state: GaussianState,
    times: npt.ArrayLike | None = None,
    tolerance: float = _ACCURACY,
    method: str = "auto",
) -> FermionEvolution:
    """Follow a Gaussian state of free fermions, ``G(t) = W(t) G(0) W(t)†``.

    The many-body Hamiltonian is ``Σ_ij H_ij(x(t)) c_i† c_j``; the single-particle propagator W is
    exact.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        The single-particle matrix H(x), N modes.
    drive : Drive
        x(t) and its window.
    state : GaussianState
        The state at the start of the window, in the basis H is written in.
    times : array, shape (K,), optional
        Increasing times inside the window at which to report; start and end by default.
    tolerance : float
        Accuracy wanted of the general solver; the one for stars always works to rounding error.
    method : {"auto", "star", "panels"}
        "star" integrates fixed levels away that do not couple to one another (any number of them);
        "panels" is the general solver, on superadiabatic panels at a cost independent of slowness,
        or in steps where these take less; those of a star with one driven level take least. "auto"
        takes the cheaper one, where H has the form of a star.

    Returns
    -------
    FermionEvolution

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.DemkovOsherov(levels=[1.0, 2.0], couplings=[0.2, 0.2])
    >>> sweep = ac.drive.Linear(0, 3, rate=1.0)
    >>> start = GaussianState.product([1.0, 0.9, 0.8])
    >>> evolution = evolve_fermions(H, sweep, state=start, times=[0, 1.5, 3])
    >>> evolution.occupations[:, 0].round(4)
    array([1.    , 0.9792, 0.9333])
    """
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    lanes = Lanes.of(hamiltonian, drive)
    single_point("hamiltonian and drive", lanes)
    instance("state", state, GaussianState)
    if state.modes != hamiltonian.dimension:
        raise fail("state", f"have {hamiltonian.dimension} modes", f"it has {state.modes}")
    accuracy = check_tolerance(tolerance)
    wanted = check_times(times, float(lanes.start[0]), float(lanes.stop[0]))

    split = _split(hamiltonian) if choice("method", method, METHODS) != "panels" else None
    if method == "star" and split is None:
        raise fail(
            "method",
            "be 'panels' or 'auto' for this Hamiltonian",
            "only a few driven levels among fixed, mutually uncoupled ones make a star",
        )
    if split is not None and method == "auto":
        moved = float(plan.turning(lanes)[0]) ** 2

        def slow() -> bool:
            return _kernel(lanes, split, accuracy).is_adiabatic(lanes)

        if prefers_panels(
            hamiltonian.dimension, _phase(lanes), wanted.size, moved=moved, adiabatic=slow
        ):
            split = None
    if split is None:
        return _by_panels(lanes, state, wanted, accuracy)
    arms, order, common = _star(lanes, split)
    return follow_star(
        arms,
        state,
        float(lanes.start[0]),
        wanted,
        features.edges(lanes),
        order=order,
        units=hamiltonian.units,
        common=common,
    )


def follow_star(
    arms: Star,
    state: GaussianState,
    start: float,
    times: FloatArray,
    breakpoints: FloatArray,
    *,
    order: npt.NDArray[np.intp] | None = None,
    units: Units = NATURAL,
    common: float = 0.0,
) -> FermionEvolution:
    """Follow a Gaussian state with the propagator of a star; `order[k]` is the place of level k.

    `common` is an energy that all levels share, beside the energies of the star.
    """
    back = np.arange(arms.size) if order is None else np.argsort(order)
    place = np.arange(arms.size) if order is None else order
    factor = state.factor
    diagonal = np.diag(np.diag(factor))
    product = np.array_equal(diagonal, factor)
    records: list[star.Piece] = []

    def snapshots() -> Iterator[tuple[ComplexArray, ComplexArray, FloatArray]]:
        for piece in star.evolve(arms, start, times, breakpoints):
            propagator = piece.propagator
            amplitudes = propagator[np.ix_(back, back)]
            amplitudes = amplitudes * np.diag(factor) if product else amplitudes @ factor
            moved = arms.apply(piece.time, amplitudes[place])[back]
            block = arms.centre(np.array([piece.time]))[0]
            levels = np.concatenate([np.diag(block).real, arms.energies])[back]
            records.append(piece)
            yield amplitudes, moved, levels

    observed = _observe(snapshots(), np.full(times.size, common), units.angular)
    last = records[-1]
    propagator = last.propagator[np.ix_(back, back)]
    defect = np.abs(propagator.conj().T @ propagator - np.eye(propagator.shape[0])).max()
    defect += last.error
    # What is known of the driven levels, given times to rounding.
    when = np.union1d(np.linspace(start, times[-1], _SAMPLES), breakpoints)
    moved = float(np.sum(np.max(np.abs(np.diff(arms.centre(when), axis=0)), axis=(1, 2))))
    defect += np.finfo(np.float64).eps * float(np.max(np.abs(when))) * moved
    propagator = propagator * np.exp(-1j * common * (times[-1] - start))
    return _result(times, observed, propagator, state, "star", last.panels, float(defect), units)


def _by_panels(
    lanes: Lanes, state: GaussianState, times: FloatArray, accuracy: float
) -> FermionEvolution:
    levels = lanes.hamiltonian.dimension
    tolerance = max(_SHARE * accuracy, panels.SMALLEST_TOLERANCE)
    with one_thread:
        kernel = _kernel(lanes, _split(lanes.hamiltonian), tolerance)
        evolution = plan.solve(lanes, kernel, tolerance=tolerance, times=times[None])
        one = np.eye(levels, dtype=np.complex128)[None]
        error = evolution.error + interference.of_states(lanes, evolution, one, one)
    matrices, common = (part[0] for part in lanes.split(times[None], np.zeros(1, dtype=np.intp)))

    def snapshots() -> Iterator[tuple[ComplexArray, ComplexArray, FloatArray]]:
        for matrix, propagator in zip(matrices, evolution.snapshots[0], strict=True):
            amplitudes = propagator @ state.factor
            yield amplitudes, matrix @ amplitudes, np.diag(matrix).real

    observed = _observe(snapshots(), common, lanes.hamiltonian.units.angular)
    final, count = evolution.snapshots[0, -1], int(evolution.panels[0])
    units = lanes.hamiltonian.units
    return _result(times, observed, final, state, "panels", count, float(error[0]), units)


def _observe(
    snapshots: Iterator[tuple[ComplexArray, ComplexArray, FloatArray]],
    common: FloatArray,
    unit: float,
) -> list[FloatArray]:
    """Return occupations, currents, energy and mode energies from amplitudes Y and H Y."""
    # With ``G = Y Y†``: dG/dt = −i[H, G] has the diagonal 2 Im (H G)_ii. The energy `common` to all
    # levels at every time is not part of H.
    rows = []
    for (amplitudes, moved, levels), shift in zip(snapshots, common, strict=True):
        occupied = np.sum(np.abs(amplitudes) ** 2, axis=1)
        overlap = np.sum(moved * amplitudes.conj(), axis=1)
        energy = overlap.real.sum() + shift * occupied.sum()
        rows.append((occupied, 2 * overlap.imag, energy / unit, (levels + shift) * occupied / unit))
    return [np.array(column) for column in zip(*rows, strict=True)]


def _result(
    times: FloatArray,
    observed: list[FloatArray],
    propagator: ComplexArray,
    state: GaussianState,
    method: str,
    count: int,
    error: float,
    units: Units,
) -> FermionEvolution:
    occupations, currents, energy, mode_energies = observed
    return FermionEvolution(
        times,
        occupations,
        currents,
        energy,
        mode_energies,
        propagator,
        propagated(state, propagator),
        method,
        count,
        error,
        units,
    )


def _kernel(lanes: Lanes, centre: npt.NDArray[np.intp] | None, tolerance: float) -> UnitaryKernel:
    """Return what solves the panels of a Hamiltonian whose levels `centre` are driven."""
    if centre is None or centre.size != 1:
        return UnitaryKernel(lanes.hamiltonian.dimension)
    return ArrowheadKernel(lanes, int(centre[0]), tolerance)


def check_times(times: npt.ArrayLike | None, start: float, stop: float) -> FloatArray:
    """Return increasing times inside a window (its ends by default), or raise `InputError`."""
    if times is None:
        return np.array([start, stop])
    wanted = np.atleast_1d(real_array("times", times))
    if wanted.ndim != 1 or wanted.size == 0:
        raise fail("times", "have shape (K,)", f"its shape is {wanted.shape}")
    if np.any(np.diff(wanted) <= 0):
        raise fail("times", "increase", f"it is {describe(times)}")
    slack = 1e-12 * max(abs(start), abs(stop))
    if wanted[0] < start - slack or wanted[-1] > stop + slack:
        raise InputError(
            f"Argument `times` must lie in the window [{start:g}, {stop:g}], but it runs from "
            f"{wanted[0]:g} to {wanted[-1]:g}."
        )
    return np.clip(wanted, start, stop)


def _split(hamiltonian: Hamiltonian) -> npt.NDArray[np.intp] | None:
    """Return the levels of the centre if H is a star (centre small), otherwise None."""
    if not isinstance(hamiltonian, TermHamiltonian) or hamiltonian.is_sparse:
        return None
    coordinate = hamiltonian.coordinates[0]
    moving = np.zeros(hamiltonian.dimension, dtype=bool)
    fixed = np.zeros((hamiltonian.dimension,) * 2)
    for formula, matrix in zip(hamiltonian.formulas, hamiltonian.matrices, strict=True):
        if coordinate in used_names(formula):
            moving |= np.any(matrix != 0, axis=0)
        else:
            fixed += np.abs(matrix)
    rest = fixed[np.ix_(~moving, ~moving)]
    if np.any(rest != np.diag(np.diag(rest))) or 4 * moving.sum() > hamiltonian.dimension:
        return None
    return np.flatnonzero(moving)


def efforts(
    levels: int, phase: float, reports: int, *, centre: int = 1, moved: float | None = None
) -> tuple[float, float]:
    """Return about what the star and the general solver cost; 1e8 is about a minute.

    `phase` is the spread of the levels times the window, which only the star has to resolve;
    `reports` is the number of times asked for, each of which ends a panel. `moved` is how far
    levels move times the window, `phase` unless they turn back.
    """
    whole = (phase / _STAR_PHASE + reports) * (levels - centre + 50.0 * centre) ** 2
    adiabatic = (_PANELS_PER_LEVEL * levels + reports) * (3.0 * levels**3 + 3000.0)
    turning = (phase if moved is None else moved) ** 0.5
    steps = plan.stepped(levels, phase, turning, _SHARE * _ACCURACY, pieces=reports)
    return whole, min(adiabatic, _PER_MICROSECOND * steps + _PIECE * reports)


def prefers_panels(
    levels: int,
    phase: float,
    reports: int,
    *,
    centre: int = 1,
    moved: float | None = None,
    adiabatic: Callable[[], bool] | None = None,
) -> bool:
    """Whether the general solver is cheaper than a star.

    `adiabatic` is asked whether superadiabatic frames follow a single driven level throughout.
    """
    whole, general = efforts(levels, phase, reports, centre=centre, moved=moved)
    if general < whole or adiabatic is None:
        return general < whole
    return _ARROWHEAD + _ARROWHEAD_EACH * levels**4 < whole and adiabatic()


def _phase(lanes: Lanes) -> float:
    """Return the spread of all levels times the length of the window."""
    when = np.linspace(lanes.start[0], lanes.stop[0], 65)
    matrices = lanes.matrices(when[None], np.zeros(1, dtype=np.intp))[0]
    energies = np.linalg.eigvalsh(matrices)
    return float((energies.max() - energies.min()) * (when[-1] - when[0]))


def _star(lanes: Lanes, centre: npt.NDArray[np.intp]) -> tuple[Star, npt.NDArray[np.intp], float]:
    """Return the star of a Hamiltonian, the order of its levels, centre first, and their energy."""
    # An energy common to all levels, where it is large, must not cost the others their digits.
    hamiltonian = lanes.hamiltonian
    assert isinstance(hamiltonian, TermHamiltonian)
    fixed = np.setdiff1d(np.arange(hamiltonian.dimension), centre)
    lane = np.zeros(1, dtype=np.intp)
    values, offset = lanes.split(lanes.start[None], lane)
    whole, common = values[0, 0], float(offset[0, 0])
    matrices = hamiltonian.traceless_matrices()
    block = Hamiltonian.from_terms(
        [
            (coefficient, matrix[np.ix_(centre, centre)])
            for coefficient, matrix in zip(hamiltonian.coefficients, matrices, strict=True)
        ],
        parameters=hamiltonian.parameters,
        coordinates=hamiltonian.coordinates,
        units=hamiltonian.units,
    )
    inner = Lanes.of(block, lanes.drive)

    def middle(times: FloatArray) -> ComplexArray:
        return inner.matrices(times[None], lane)[0].astype(np.complex128)

    arms = Star(
        middle, np.diag(whole)[fixed].real, whole[np.ix_(fixed, centre)].astype(np.complex128)
    )
    return arms, np.concatenate([centre, fixed]), common
