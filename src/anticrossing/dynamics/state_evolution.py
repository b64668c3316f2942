"""One state of a large sparse Hamiltonian: directly, or within the lowest levels."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    at_most,
    choice,
    fail,
    integer,
    real_array,
)
from anticrossing._core.qutip_objects import Dims
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import features, lowest_levels
from anticrossing.dynamics._followed import NODES
from anticrossing.dynamics._state_series import ROWS_PER_TERM, Motion, TaylorSeries
from anticrossing.dynamics.effort import Effort
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.request import check_initial, check_kinds, check_tolerance
from anticrossing.dynamics.states import WithStates
from anticrossing.hamiltonian import TermHamiltonian
from anticrossing.hamiltonian.sparse import SparseHamiltonian
from anticrossing.spectrum._lanczos import lowest_with_copies
from anticrossing.units import Units

METHODS = ("auto", "direct", "lowest")
BASES = ("adiabatic", "diabatic")

_OF_ALL_LEVELS = ("transition_matrix", "propagator", "amplitudes", "superoperator")
_LEVELS = 4
_MOST_LEVELS = 32
_SECONDS_PER_PRODUCT = 1.5e-9  # times the multiplications in it
_SECONDS_PER_READING = 0.01  # of the lowest levels at one time, and products, as measured
_PRODUCTS_PER_READING, _PRODUCTS_PER_LEVEL = 250, 70
_FOLLOWED_PRODUCTS = 2e5  # that the lowest levels take, whatever the speed
_EXACT = 4.0  # times as long: all levels are worth it
_EIGENPROBLEMS = 400.0  # the same


@dataclass(frozen=True, eq=False, kw_only=True)
class StateEvolution(WithStates):
    """The evolution of one state of a large sparse Hamiltonian.

    Attributes
    ----------
    probabilities : array, shape (k,)
        Final probabilities of the lowest levels (in the diabatic basis: of all N states).
    energies : array, shape (k,)
        The lowest levels at the end.
    times : array, shape (K,)
        The requested times, if any.
    populations : array, shape (K, k)
        Probabilities of the lowest levels at those times.
    state : array, shape (N,)
        The final state, in the basis H is written in. Of method "lowest" it is known up to a phase
        and without what is mixed into it from higher levels.
    states : array, shape (K, N), or None
        The state at the requested times, of method "direct".
    method : str
        ``"direct"`` or ``"lowest"``.
    basis : str
        The read-out basis.
    error_estimate : float
        Bound on the error of `probabilities` and `populations`; it holds `leakage`, and as much of
        it is of first order.
    norm_defect : float
        How far the norm of the final state is from 1.
    leakage : float
        What the levels left out may add to an amplitude or take from it, bounded to first order in
        the speed; 0 for method "direct". Terms of second order are left out: compare with method
        "direct" on a shorter run where it must be certain.
    products : int
        Products of every term with the state; of method "lowest", eigenproblems of H(x).
    followed : int
        The fewest levels that were followed at once; 0 for method "direct".
    warnings : tuple of str
        What a reader of the numbers should know.
    """

    probabilities: FloatArray
    energies: FloatArray
    times: FloatArray
    populations: FloatArray
    state: ComplexArray
    states: ComplexArray | None
    method: str
    basis: str
    error_estimate: float
    norm_defect: float
    leakage: float
    products: int
    followed: int
    warnings: tuple[str, ...]
    description: str
    units: Units
    dims: Dims = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="requested time", unit="time", of="times"),
        "population": shown("time", "level", text="population of the level", of="populations"),
        "probability": shown("level", text="final probability", of="probabilities"),
        "energy": shown("lowest_level", text="level at the end", unit="energy", of="energies"),
        "error_estimate": shown(text="bound on the error of the probabilities"),
        "norm_defect": shown(text="distance of the norm from 1"),
        "leakage": shown(text="amplitude from levels left out, to first order in the speed"),
        "products": shown(text="products with H, or eigenproblems"),
        "followed": shown(text="fewest levels followed at once"),
        "final_state": shown("row", text="state at the end", of="state"),
        "state": shown("time", "row", text="state at the time", of="states"),
    }

    def __getattr__(self, name: str) -> Any:
        if name in _OF_ALL_LEVELS:
            self.refuse(f"`{name}`")
        raise AttributeError(f"a StateEvolution has no {name!r}")

    def refuse(self, what: str) -> NoReturn:
        """Raise `InputError`: what is asked needs all levels."""
        raise fail(
            "hamiltonian",
            f"have fewer levels for {what}",
            f"of {self.state.size} sparse ones a single state was followed: `probabilities`, "
            "`populations` and `state` hold it",
        )

    def variables(self) -> dict[str, Variable]:
        """Return the numbers by name; those along the requested times only if there are any."""
        return {name: v for name, v in super().variables().items() if np.size(v.values)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the populations along the requested times, else the final probabilities as bars.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found, title = self.variables(), f"{self.basis} basis"
        if "time" not in found:
            return drawing.draw(title, {"probability": found["probability"]}, ax=ax)
        return drawing.draw(title, {key: found[key] for key in ("population", "time")}, ax=ax)

    def _attributes(self) -> dict[str, Any]:
        return {"problem": self.description, "basis": self.basis, "method": self.method}


@dataclass(frozen=True)
class Problem:
    """One state of a large H, checked, with the method that it will be followed by."""

    lanes: Lanes
    terms: SparseHamiltonian
    series: TaylorSeries
    path: lowest_levels.Path
    initial: int | ComplexArray
    levels: int
    basis: str
    times: FloatArray
    breakpoints: FloatArray
    accuracy: float
    method: str
    effort: Effort

    def solve(self, tell: Callable[[float], None]) -> StateEvolution:
        """Follow the state, and tell how far it is."""
        return _followed(self, tell) if self.method == "lowest" else _directly(self, tell)


def problem(
    hamiltonian: TermHamiltonian,
    drive: Drive,
    *,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    breakpoints: npt.ArrayLike | None = None,
    levels: int | None = None,
    method: str = "auto",
) -> Problem:
    """Check the arguments of `propagate` for one state, and choose the method; see there."""
    check_kinds(hamiltonian, drive)
    basis = choice("basis", basis, BASES)
    method = choice("method", method, METHODS)
    accuracy = check_tolerance(tolerance)
    count = _LEVELS if levels is None else integer("levels", levels, minimum=1)
    at_most("levels", count, min(_MOST_LEVELS, hamiltonian.dimension // 4))
    state = check_initial(hamiltonian.dimension, initial)
    if isinstance(state, int):
        at_most("initial", state, _MOST_LEVELS - 1)
    lanes = Lanes.of(hamiltonian, drive)
    if lanes.batch_shape:
        raise fail(
            "hamiltonian",
            "be a single parameter point where it is large and sparse",
            f"the batch shape is {lanes.batch_shape}: give the points one by one, or to `sweep`",
        )
    wanted = np.empty(0) if times is None else lanes.check_times(times)[0]
    extra = np.empty(0) if breakpoints is None else np.ravel(real_array("breakpoints", breakpoints))
    terms = SparseHamiltonian(hamiltonian)
    series = TaylorSeries(terms.terms, _Coefficients(terms, drive, hamiltonian.units.angular))
    start, stop = float(drive.start_time), float(drive.stop_time)
    _check_finite(series, start, stop)
    path = lowest_levels.Path(drive)
    phase = series.phase(start, stop)
    if method == "auto":
        slow = series.products(phase) > _EXACT * _FOLLOWED_PRODUCTS and not path.turns
        method = "lowest" if slow and (not isinstance(state, int) or state < count) else "direct"
    if method == "lowest":
        if basis == "diabatic" and wanted.size:
            raise fail(
                "times", "be left out for method='lowest' in the diabatic basis", "some are given"
            )
        if path.turns:
            raise fail("drive", "move one way for method='lowest'", "it turns, or does not move")
    effort = _effort(terms, method, series.products(phase), path.turns, wanted.size, count)
    return Problem(
        lanes, terms, series, path, state, count, basis, wanted, extra, accuracy, method, effort
    )


def _effort(
    terms: SparseHamiltonian, method: str, products: float, turns: bool, times: int, levels: int
) -> Effort:
    """Return what one state takes."""
    real = 8 if terms.is_real else 16
    stored = sum(12 * getattr(m, "nnz", 0) for m in terms.hamiltonian.matrices)
    if method == "direct":
        slower = "" if turns else "method='lowest' takes the same at any speed"
        each = _PRODUCTS_PER_READING + _PRODUCTS_PER_LEVEL * levels
        product = terms.work * _SECONDS_PER_PRODUCT
        reading = (times + 2) * (_SECONDS_PER_READING + each * product)  # both ends too
        return Effort(
            method=method,
            seconds=products * product + reading,
            memory=stored + 16 * terms.size * (len(terms.terms) * ROWS_PER_TERM + times + 8),
            work=products,
            unit="products of H with a state",
            advice=slower or "shorten the window, or ask for fewer `times`",
        )
    return Effort(
        method=method,
        seconds=_FOLLOWED_PRODUCTS * terms.work * _SECONDS_PER_PRODUCT,
        memory=stored + terms.size * (4 * NODES * (levels + 5) * real + 16 * times),
        work=_EIGENPROBLEMS,
        unit="eigenproblems",
        advice="ask for fewer `times` or `levels`",
    )


class _Coefficients:
    """The coefficients of the terms at times, in radians per time."""

    def __init__(self, terms: SparseHamiltonian, drive: Drive, angular: float) -> None:
        self._terms, self._drive, self._angular = terms, drive, angular

    def __call__(self, times: FloatArray) -> FloatArray:
        positions = np.asarray(np.real(self._drive(times)), dtype=np.float64)
        return np.asarray(self._angular * self._terms.coefficients(positions))


def _directly(given: Problem, tell: Callable[[float], None]) -> StateEvolution:
    """Follow the state by its Taylor series."""
    lanes, terms, levels, times = given.lanes, given.terms, given.levels, given.times
    basis, accuracy, path = given.basis, given.accuracy, given.path
    warnings: list[str] = []
    ends = [path.start, path.stop]
    cuts = np.concatenate([ends, times, given.breakpoints, features.edges(lanes)])
    cuts = np.unique(cuts[(cuts >= path.start) & (cuts <= path.stop)])
    whole = cuts[-1] - cuts[0]
    motion = Motion(_initial_state(lanes, terms, given.initial, basis, warnings))
    states = np.empty((times.size, terms.size), dtype=np.complex128)
    for left, right in itertools.pairwise(cuts):
        states[times == left] = motion.state * np.exp(-1j * motion.phase)
        share = (right - left) / whole
        given.series.advance(
            motion,
            float(left),
            float(right),
            0.25 * accuracy * share,
            lambda time: tell((time - cuts[0]) / whole),
        )
    final = motion.state * np.exp(-1j * motion.phase)
    states[times == cuts[-1]] = final
    norm = float(np.linalg.norm(final))
    amplitude = motion.error + abs(norm - 1)
    energies, vectors = _lowest(lanes, terms, float(cuts[-1]), levels, warnings)
    populations = [
        _read(state, _lowest(lanes, terms, float(t), levels, warnings)[1], basis)
        for t, state in zip(times, states, strict=True)
    ]
    probabilities = _read(final, vectors, basis)
    return StateEvolution(
        probabilities=probabilities,
        energies=energies,
        times=times,
        populations=np.array(populations).reshape(times.size, probabilities.size),
        state=final,
        states=states,
        method="direct",
        basis=basis,
        error_estimate=min(2 * amplitude + amplitude**2, 1.0),
        norm_defect=abs(norm - 1),
        leakage=0.0,
        products=motion.products,
        followed=0,
        warnings=_unreached(2 * amplitude, accuracy, tuple(warnings)),
        description=f"{lanes.hamiltonian!r} under {lanes.drive!r}",
        units=lanes.hamiltonian.units,
        dims=lanes.hamiltonian.dims,
    )


def _followed(given: Problem, tell: Callable[[float], None]) -> StateEvolution:
    """Follow the state within the lowest levels."""
    lanes, terms, path, initial = given.lanes, given.terms, given.path, given.initial
    levels, basis, times, accuracy = given.levels, given.basis, given.times, given.accuracy
    if basis == "diabatic" and isinstance(initial, int):
        initial = _unit(terms.size, initial)
    found = lowest_levels.follow(terms, path, initial, levels, times, tell)
    amplitude = found.leakage + found.numerical
    shown_levels = [np.abs(c) ** 2 for c in (found.amplitudes, *found.at_times)]
    errors = [_probability_error(row, amplitude) for row in shown_levels]
    warnings: list[str] = []
    energies, _ = _lowest(lanes, terms, path.stop, levels, warnings)
    if basis == "diabatic":
        shown_levels = [np.abs(found.state) ** 2]
        errors = [2 * amplitude + amplitude**2]
    few = min(row.size for row in shown_levels)
    if basis == "adiabatic" and few < levels:
        warnings.append(
            f"only {few} levels can be told from the others somewhere: the populations of further "
            "ones count as 0, which the bound covers"
        )
        shown_levels = [np.pad(row, (0, max(levels - row.size, 0))) for row in shown_levels]
    shown_levels = [row if basis == "diabatic" else row[:levels] for row in shown_levels]
    return StateEvolution(
        probabilities=shown_levels[0],
        energies=energies,
        times=times,
        populations=np.array(shown_levels[1:]).reshape(times.size, shown_levels[0].size),
        state=found.state,
        states=None,
        method="lowest",
        basis=basis,
        error_estimate=min(max(errors), 1.0),
        norm_defect=abs(float(np.linalg.norm(found.state)) - 1),
        leakage=found.leakage,
        products=found.solved,
        followed=found.levels,
        warnings=_unreached(max(errors), accuracy, tuple(warnings)),
        description=f"{lanes.hamiltonian!r} under {lanes.drive!r}",
        units=lanes.hamiltonian.units,
        dims=lanes.hamiltonian.dims,
    )


def _probability_error(probabilities: FloatArray, amplitude: float) -> float:
    """Return the largest error of probabilities that an error of the state can make."""
    # Either by the amplitude itself or, for a probability near 1, by all the others together.
    total = float(np.sum(probabilities))
    others = np.sqrt(np.maximum(total - probabilities, 0.0))
    direct = 2 * np.sqrt(probabilities) * amplitude
    rest = 2 * others * amplitude + abs(1 - total)
    return float(np.max(np.minimum(direct, rest))) + amplitude**2


def _initial_state(
    lanes: Lanes,
    terms: SparseHamiltonian,
    initial: int | ComplexArray,
    basis: str,
    warnings: list[str],
) -> ComplexArray:
    if not isinstance(initial, int):
        return initial
    if basis == "diabatic":
        return _unit(terms.size, initial)
    start = float(lanes.drive.start_time)
    return _lowest(lanes, terms, start, initial + 1, warnings)[1][:, -1].astype(np.complex128)


def _unit(size: int, index: int) -> ComplexArray:
    state = np.zeros(size, dtype=np.complex128)
    state[index] = 1.0
    return state


def _lowest(
    lanes: Lanes, terms: SparseHamiltonian, time: float, levels: int, warnings: list[str]
) -> tuple[FloatArray, npt.NDArray[Any]]:
    """Return the lowest levels at a time and their states as columns."""
    matrix = terms.at(float(np.real(lanes.drive(time))))
    spread = 1.1 * (matrix.highest - matrix.lowest)
    energies, vectors = lowest_with_copies(matrix.linear_operator(), levels + 1, spread)
    close = np.flatnonzero(np.diff(energies) <= 1e-11 * spread)
    note = "levels are degenerate at a read-out time: their single populations are not unique"
    if close.size and note not in warnings:
        warnings.append(note)
    return energies[:levels], vectors[:, :levels]


def _read(state: ComplexArray, vectors: npt.NDArray[Any], basis: str) -> FloatArray:
    amplitudes = state if basis == "diabatic" else vectors.conj().T @ state
    return np.asarray(np.abs(amplitudes) ** 2)


def _unreached(error: float, accuracy: float, warnings: tuple[str, ...]) -> tuple[str, ...]:
    if error <= 2 * accuracy:
        return warnings
    return (
        f"the wanted accuracy {accuracy:.1g} is not reached: the error may be {error:.1g}",
        *warnings,
    )


def _check_finite(series: TaylorSeries, start: float, stop: float) -> None:
    if not np.isfinite(series.phase(start, stop)):
        raise InputError("H(x(t)) must be finite on the window, but it contains NaN or infinity.")
