"""Evolution of modes that act on themselves: one state, step by step.

There is no propagator of a nonlinear equation: every initial state is followed on its own. Steps
resolve every oscillation, so the cost grows with the phase, and with slowness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    choice,
    fail,
    finite,
    instance,
    is_numeric,
    level,
    number_between,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import _mean_field, panels
from anticrossing.dynamics.chebyshev import grid, powers, transform
from anticrossing.dynamics.direct import Mesh
from anticrossing.dynamics.kernels import MANY_LEVEL_NODES
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.readout import unreached
from anticrossing.dynamics.request import check_kinds
from anticrossing.hamiltonian import MeanField
from anticrossing.spectrum import stationary_states
from anticrossing.units import Units

BASES = ("adiabatic", "diabatic")
_ORDER = 24
_ROUGH = 100.0  # how much more the second run may leave out
_BUDGET = 0.1  # of the accuracy: what steps may leave out
_FLOOR = 2.2e-16  # of one step
_MOST_PHASE = 3e10  # radians: some hours
_TRIM = 4e-15  # of the largest coefficient


@dataclass(frozen=True, eq=False, kw_only=True)
class MeanFieldEvolution(Result):
    """Modes that act on themselves, along a drive. Batch axes come first everywhere.

    Attributes
    ----------
    probabilities : array, shape (..., N)
        Final fractions in the read-out basis.
    times : array, shape (..., K)
        The requested times, if any.
    populations : array, shape (..., K, N)
        Fractions in the read-out basis at those times.
    final_state : array, shape (..., N)
        ψ at the end, in the basis H is written in, with norm 1.
    states : array, shape (..., K, N)
        ψ at the requested times.
    basis : str
        The read-out basis.
    error_estimate : array, shape (...)
        Of the probabilities: the difference from a second evolution that leaves out more, and
        what the norm has lost.
    steps : array of int, shape (...)
        The steps of both evolutions.
    warnings : tuple of str
        What a reader of the numbers should know.
    """

    probabilities: FloatArray
    times: FloatArray
    populations: FloatArray
    final_state: ComplexArray
    states: ComplexArray
    basis: str
    error_estimate: FloatArray
    steps: npt.NDArray[np.intp]
    warnings: tuple[str, ...]
    description: str
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="requested time", unit="time", of="times"),
        "population": shown("time", "level", text="fraction in the level", of="populations"),
        "probability": shown("level", text="final fraction", of="probabilities"),
        "error_estimate": shown(text="estimated error of the fractions"),
        "steps": shown(text="steps"),
        "state": shown("time", "row", text="state at the time", of="states"),
        "final_state": shown("row", text="final state"),
    }

    def variables(self) -> dict[str, Variable]:
        """Return the numbers by name; those along the requested times only if there are any."""
        return {name: v for name, v in super().variables().items() if np.size(v.values)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the fractions along the requested times, else the final ones as bars.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found, title = self.variables(), f"{self.basis} basis"
        if "time" not in found:
            return drawing.draw(title, {"probability": found["probability"]}, ax=ax)
        along = np.moveaxis(self.populations, -2, 0).reshape(self.times.shape[-1], -1)
        population = found["population"]._replace(dims=("time", "level"), values=along)
        return drawing.draw(title, {"population": population, "time": found["time"]}, ax=ax)

    def _attributes(self) -> dict[str, Any]:
        return {"problem": self.description, "basis": self.basis}


def evolve_mean_field(
    model: MeanField,
    drive: Drive,
    *,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-8,
) -> MeanFieldEvolution:
    """Follow a state of modes that act on themselves.

    The equation is that of `MeanField`, with radians per time for its energies. It is solved by
    Taylor series of order 24 whose steps resolve every oscillation: the cost grows with the phase,
    about a second for 10⁷ radians in two modes, and so with the slowness of a sweep.

    Parameters
    ----------
    model : MeanField
        Its parameters may be a batch.
    drive : Drive
        x(t) and its window.
    initial : int or array, shape (N,)
        The stationary state of that number at the start, in the order of `stationary_states`; or ψ
        in the basis H is written in.
    basis : {"adiabatic", "diabatic"}
        The eigenvectors of the field G(x, ψ) that the state itself makes, lowest first, or the
        modes. Of a pair of modes of different weight the frame turns with the state. With a
        constant interaction the adiabatic read-out converges with the window as
        c g²/x³, the diabatic one as g/x.
    times : array, shape (K,), optional
        Increasing times inside the window.
    tolerance : float
        Wanted accuracy of the fractions.

    Returns
    -------
    MeanFieldEvolution

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.
    ConvergenceError
        If the phase is longer than 3·10¹⁰ radians, or the state cannot be followed.

    References
    ----------
    B. Wu and Q. Niu, Phys. Rev. A 61, 023402 (2000); À. Jorba and M. Zou, Exp. Math. 14, 99 (2005)
    (Taylor series with such steps).

    Examples
    --------
    >>> import anticrossing as ac
    >>> model = ac.models.TwoModeCondensate(gap=1.0, interaction=[0.0, 2.0])
    >>> swept = evolve_mean_field(model, ac.drive.Linear(-40, 40, rate=0.5))
    >>> swept.probabilities[:, 1].round(4)        # the first is exp(−π)
    array([0.0432, 0.4019])
    """
    instance("model", model, MeanField)
    check_kinds(model.hamiltonian, drive, model.batch_shape)
    chosen = choice("basis", basis, BASES)
    accuracy = number_between("tolerance", tolerance, 1e-12, 1e-2)
    lanes = Lanes.of(model.hamiltonian, drive, model.batch_shape)
    wanted = None if times is None else lanes.check_times(times)
    asked = _check_initial(model, initial)
    points = [model.point(k, lanes.batch_shape) for k in range(lanes.count)]
    places = _positions(lanes, np.stack([lanes.start, lanes.stop], axis=1))
    starts = [
        stationary_states(one, float(x[0])).states[_check_level(one, asked, float(x[0]))]
        if isinstance(asked, int)
        else asked
        for one, x in zip(points, places, strict=True)
    ]
    _check_phase(points, lanes)
    mesh = panels.solve(lanes, Mesh(), tolerance=panels.SMALLEST_TOLERANCE, times=wanted)
    ends = np.searchsorted(mesh.pieces.lane, np.arange(lanes.count + 1))
    count, size = 0 if wanted is None else wanted.shape[1], model.dimension
    finals = np.empty((lanes.count, size), dtype=np.complex128)
    states = np.empty((lanes.count, count, size), dtype=np.complex128)
    error, steps = np.zeros(lanes.count), np.zeros(lanes.count, dtype=np.intp)
    final = np.empty((lanes.count, size))
    populations = np.empty((lanes.count, count, size))
    for lane, (one, start) in enumerate(zip(points, starts, strict=True)):
        rows = slice(ends[lane], ends[lane + 1])
        own = np.empty(0) if wanted is None else wanted[lane]
        path = _Path.of(one, lanes, lane, mesh.pieces.left[rows], mesh.pieces.right[rows], own)
        x = np.append(_positions(lanes, own[None, :], lane)[0], places[lane, 1])
        runs = []
        for rough in (1.0, _ROUGH):
            found, taken = path.follow(start, rough * accuracy, rough * _FLOOR)
            steps[lane] += taken
            lost = np.max(np.abs(np.sum(np.abs(found) ** 2, axis=1) - 1))
            found /= np.linalg.norm(found, axis=1)[:, None]
            runs.append((found, _read(one, x, found, chosen), lost))
        states[lane], finals[lane] = runs[0][0][:-1], runs[0][0][-1]
        populations[lane], final[lane] = runs[0][1][:-1], runs[0][1][-1]
        error[lane] = np.max(np.abs(runs[0][1] - runs[1][1])) + runs[0][2]
    batch = lanes.batch_shape
    return MeanFieldEvolution(
        probabilities=final.reshape(*batch, size),
        times=np.empty((*batch, 0)) if wanted is None else wanted.reshape(*batch, count),
        populations=populations.reshape(*batch, count, size),
        final_state=finals.reshape(*batch, size),
        states=states.reshape(*batch, count, size),
        basis=chosen,
        error_estimate=error.reshape(batch),
        steps=steps.reshape(batch),
        warnings=(*unreached(error, accuracy), *_unseeded(model, starts)),
        description=f"{model!r} under {drive!r}",
        units=model.units,
    )


def _unseeded(model: MeanField, starts: list[ComplexArray]) -> tuple[str, ...]:
    """Return a warning where there are pairs, but none of the particles that they break into."""
    for one in model.conversions:
        if any(abs(psi[one.single]) == 0 and abs(psi[one.pair]) > 0 for psi in starts):
            return (
                f"mode {one.single} is empty at the start: in the mean field no pair breaks into "
                "it then, even where pairs are unstable",
            )
    return ()


def _check_initial(model: MeanField, initial: Any) -> int | ComplexArray:
    if np.ndim(initial) == 0 and not is_numeric([initial]):
        raise fail("initial", "be a level or a state", f"it is {initial!r}")
    if np.ndim(initial) == 0:
        return level("initial", initial, 4 * model.dimension)
    state = finite("initial", np.array(initial, dtype=np.complex128))
    if state.shape != (model.dimension,):
        raise fail("initial", f"have shape ({model.dimension},)", f"its shape is {state.shape}")
    norm = float(np.linalg.norm(state))
    if abs(norm - 1) > 1e-8:
        raise fail("initial", "have norm 1", f"its norm is {norm:.6g}")
    return np.asarray(state / norm)


def _check_level(model: MeanField, number: int, x: float) -> int:
    count = stationary_states(model, x).states.shape[0]
    if number >= count:
        must = f"be one of the {count} stationary states at x = {x:.6g}"
        raise fail("initial", must, f"it is {number}")
    return number


def _positions(lanes: Lanes, times: FloatArray, lane: int | None = None) -> FloatArray:
    own = np.arange(lanes.count) if lane is None else np.array([lane])
    return np.asarray(lanes.positions(times, own).real)


def _check_phase(points: list[MeanField], lanes: Lanes) -> None:
    times = np.concatenate([lanes.start[:, None], lanes.samples, lanes.stop[:, None]], axis=1)
    sizes = np.linalg.norm(lanes.traceless(times, np.arange(lanes.count)), ord=2, axis=(-2, -1))
    phase = sizes.mean(axis=1) * (lanes.stop - lanes.start)
    acting = [
        np.max(np.abs(p.acting)) + sum(abs(float(c[2])) for c in p.conversions) for p in points
    ]
    phase += np.array(acting) * lanes.hamiltonian.units.angular * (lanes.stop - lanes.start)
    if np.max(phase, initial=0.0) > _MOST_PHASE:
        raise ConvergenceError(
            f"The state would run through {np.max(phase):.1g} radians, and steps resolve every "
            f"one: at most {_MOST_PHASE:.0g} are followed. Give a shorter window or a faster "
            "sweep; `formulas.mean_field_landau_zener` has the slow limit."
        )


def _read(model: MeanField, x: FloatArray, states: ComplexArray, basis: str) -> FloatArray:
    """Return the fractions (K, N) of states (K, N) at places (K,)."""
    if basis == "diabatic":
        return np.asarray(np.abs(states) ** 2)
    found = np.empty(states.shape)
    weights = model.weights
    for k, (place, psi) in enumerate(zip(x, states, strict=True)):
        field = model.field(float(place), psi)
        potential = np.vdot(psi, field @ psi).real / (weights @ np.abs(psi) ** 2)
        own = np.linalg.eigh(field - potential * np.diag(weights - 1))[1]
        found[k] = np.abs(own.conj().T @ psi) ** 2
    return found


@dataclass(frozen=True)
class _Path:
    """H of one lane as polynomials on its panels, and what acts beside it, in radians per time."""

    power: ComplexArray
    elements: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    degrees: npt.NDArray[np.int64]
    width: FloatArray
    keep: npt.NDArray[np.int64]
    at_start: bool
    acting: FloatArray
    pairs: npt.NDArray[np.int64]
    strengths: FloatArray
    first: float
    phase: FloatArray
    weights: FloatArray

    @classmethod
    def of(
        cls,
        model: MeanField,
        lanes: Lanes,
        lane: int,
        left: FloatArray,
        right: FloatArray,
        wanted: FloatArray,
    ) -> _Path:
        """Return the path of a lane on panels that end at `left` and `right` (P,)."""
        half = 0.5 * (right - left)
        times = (left + half)[:, None] + half[:, None] * grid(MANY_LEVEL_NODES).nodes
        times[:, 0], times[:, -1] = left, right
        matrices, shared = _without_shared(lanes, times, lane, model.weights)
        rows, columns = np.nonzero(np.any(matrices != 0, axis=(0, 1)))
        values = matrices[:, :, rows, columns]
        series = np.einsum("kn,pne->pke", transform(MANY_LEVEL_NODES)[1], values)
        sizes = np.abs(series)
        seen = sizes > _TRIM * np.max(sizes, axis=(1, 2), initial=0.0, keepdims=True)
        last = series.shape[1] - 1
        degrees = np.where(seen.any(axis=1), last - np.argmax(seen[:, ::-1], axis=1), 0)
        series[np.arange(last + 1)[:, None] > degrees[:, None, :]] = 0.0
        most = int(degrees.max(initial=0)) + 1
        power = np.einsum("kj,pke->pej", powers(MANY_LEVEL_NODES), series)[..., :most]
        angular = lanes.hamiltonian.units.angular
        acting = angular * model.acting
        strengths = angular * np.array([float(one.strength) for one in model.conversions])
        size = np.max(np.abs(matrices)) + np.max(np.abs(acting)) + np.sum(np.abs(strengths))
        ends = np.isin(right, wanted)
        at_start = bool(wanted.size) and bool(wanted[0] == left[0])
        return cls(
            power,
            (rows, columns),
            degrees.astype(np.int64),
            right - left,
            np.where(ends, np.cumsum(ends) - 1 + at_start, -1).astype(np.int64),
            at_start,
            acting,
            np.array([one[:2] for one in model.conversions], dtype=np.int64).reshape(-1, 2),
            strengths.astype(np.float64),
            float(1 / max(size, 1e-300)),
            np.cumsum(half * (_integral() @ transform(MANY_LEVEL_NODES)[1] @ shared.T)),
            model.weights,
        )

    def follow(
        self, start: ComplexArray, accuracy: float, floor: float
    ) -> tuple[ComplexArray, int]:
        """Return the state at the wanted times and, last, at the end; and the steps."""
        y, info = np.stack([start.real, start.imag]), np.zeros(2)
        count = int(max(self.keep.max(initial=-1) + 1, self.at_start))
        kept = np.zeros((count + 1, *y.shape))
        if self.at_start:
            kept[0] = y
        window = float(self.width.sum())
        _mean_field.follow(
            np.ascontiguousarray(self.power.real),
            np.ascontiguousarray(self.power.imag),
            *self.elements,
            self.degrees,
            self.width,
            self.acting,
            self.pairs,
            self.strengths,
            self.keep,
            _BUDGET * accuracy / window,
            floor,
            _ORDER,
            min(self.first, window),
            y,
            kept,
            info,
        )
        if not np.isfinite(info[0]):
            raise ConvergenceError(
                "The state cannot be followed step by step: give breakpoints of the drive where "
                "H(x(t)) changes abruptly."
            )
        kept[-1] = y
        phase = np.append(self.phase[self.keep >= 0], self.phase[-1])
        phase = np.append(0.0, phase) if self.at_start else phase
        turned = np.exp(-1j * phase[:, None] * self.weights)
        return turned * (kept[:, 0] + 1j * kept[:, 1]), int(info[1])


def _without_shared(
    lanes: Lanes, times: FloatArray, lane: int, weights: FloatArray
) -> tuple[ComplexArray, FloatArray]:
    """Return H at times (P, n) without an energy that all particles share, and that energy."""
    values, shared = lanes.split(times, np.full(times.shape[0], lane))
    values = values.astype(np.complex128)
    if np.any(weights != 1):
        diagonal = np.einsum("...ii->...i", values)
        diagonal += shared[..., None]
        shared = np.asarray((diagonal.real @ weights) / (weights @ weights))
        diagonal -= shared[..., None] * weights
    return values, np.asarray(shared.real)


def _integral() -> FloatArray:
    """Return what takes Chebyshev coefficients to an integral over [−1, 1]."""
    k = np.arange(0, MANY_LEVEL_NODES, 2)
    found = np.zeros(MANY_LEVEL_NODES)
    found[::2] = 2 / (1.0 - k**2)
    return found
