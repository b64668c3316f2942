"""The whole analysis in one call: where are the crossings, does it jump, may I trust the formula?

`passage` finds the crossings that a drive meets, applies every closed form that could hold together
with its domain check, computes the exact answer, and states the difference.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing import formulas
from anticrossing._meetings import Meeting, find_meetings, interference_inputs
from anticrossing.checks import ConvergenceError, FloatArray, InputError, fail, integer
from anticrossing.drive import Drive
from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.panels import Lanes
from anticrossing.dynamics.unitary import Propagation, check_kinds, propagate
from anticrossing.formulas import DomainCheck, Prediction
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Crossing, Crossings, find_crossings

_TINY = 1e-10
_LINEAR = 1e-6


@dataclass(frozen=True)
class PassageEvent:
    """One moment at which the drive takes the system through a crossing.

    Energies and rates here are in radians per time (ħ = 1), so that ``sweep_rate`` and ``gap`` go
    straight into the formulas; `crossing` keeps the Hamiltonian's own units.
    """

    time: float
    position: float
    crossing: Crossing
    velocity: float
    gap: float
    sweep_rate: float
    jump: Prediction

    @property
    def levels(self) -> tuple[int, int]:
        """The pair of levels that meet."""
        return self.crossing.levels


@dataclass(frozen=True)
class PassagePrediction:
    """What one closed form says of the final probabilities, and whether it may say so."""

    name: str
    equation: str
    probabilities: FloatArray
    checks: tuple[DomainCheck, ...]
    warnings: tuple[str, ...]
    difference: float

    @property
    def valid(self) -> bool:
        """Whether every domain check holds."""
        return not self.warnings


@dataclass(frozen=True)
class Passage:
    """Everything `passage` found; printing it gives a readable summary.

    Attributes
    ----------
    crossings : Crossings
        All crossings between the extreme positions of the drive.
    events : tuple of PassageEvent
        The moments at which the drive meets them, in order of time.
    predictions : tuple of PassagePrediction
        Every closed form that applies in kind, with its domain check.
    exact : Propagation
        The exact evolution.
    log_jump : LogProbability or None
        For a two-level jump too improbable to be read off the exact evolution: its logarithm.
    verdict : str
        The answer in words.
    warnings : tuple of str
        What the analysis could not take into account.
    """

    hamiltonian: Hamiltonian
    drive: Drive
    initial: int
    crossings: Crossings
    events: tuple[PassageEvent, ...]
    predictions: tuple[PassagePrediction, ...]
    exact: Propagation
    log_jump: LogProbability | None
    verdict: str
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        units = self.hamiltonian.units
        lines = [f"Passage of {self.hamiltonian!r} under {self.drive!r}", ""]
        lines += [str(self.crossings), ""]
        for event in self.events:
            i, j = event.levels
            lines.append(
                f"at {units.label('t', 'time')} = {event.time:.6g} levels {i} and {j} meet: "
                f"sweep rate {event.sweep_rate:.6g}, gap {event.gap:.6g} (rad per time), "
                f"jump probability {float(event.jump):.6g}"
            )
            lines += [f"    {check}" for check in event.jump.checks]
        lines += ["", f"final probabilities from level {self.initial} ({self.exact.basis} basis)"]
        rows = [("exact", self.exact.probabilities, "")]
        rows += [
            (
                p.name,
                p.probabilities,
                f"differs by {p.difference:.2g}" + ("" if p.valid else ", OUTSIDE its domain"),
            )
            for p in self.predictions
        ]
        width = max(len(name) for name, _, _ in rows)
        for name, probabilities, remark in rows:
            numbers = "  ".join(f"{p:10.6g}" for p in probabilities)
            lines.append(f"  {name:<{width}}  {numbers}  {remark}".rstrip())
        if self.log_jump is not None:
            value = self.log_jump.log_probability
            lines.append(f"  ln P of the jump, on a complex contour: {value:.10g}")
        lines += [f"note: {text}" for text in (*self.warnings, *self.exact.warnings)]
        return "\n".join([*lines, "", self.verdict])


def passage(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    initial: int = 0,
    basis: str = "adiabatic",
    tolerance: float = 1e-10,
) -> Passage:
    """Analyse a sweep through level crossings: crossings, closed forms with domain, exact answer.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with single parameter values (no batch).
    drive : Drive
        x(t) and its window (no batch).
    initial : int
        The level occupied at the start; 0 is the lowest.
    basis : {"adiabatic", "superadiabatic", "diabatic"}
        Read-out of the exact answer; see `propagate`.
    tolerance : float
        Accuracy of the exact probabilities.

    Returns
    -------
    Passage

    Raises
    ------
    InputError
        For a batch, or anything `propagate` refuses.

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-100, 100, rate=1.0)
    >>> result = ac.passage(ac.models.LandauZener(gap=1.0), sweep)
    >>> round(result.events[0].sweep_rate, 9), round(float(result.events[0].jump), 6)
    (1.0, 0.20788)
    >>> print(result.verdict)
    Within its domain, Landau–Zener gives 0.20788 for level 1, the exact answer is 0.20788.
    """
    check_kinds(hamiltonian, drive)
    if hamiltonian.batch_shape or drive.batch_shape:
        raise InputError(
            "A passage is analysed for single parameter values, but an array of them was given: "
            "use `propagate` for the batch."
        )
    integer("initial", initial, minimum=0)
    if initial >= hamiltonian.dimension:
        last = hamiltonian.dimension - 1
        raise fail("initial", f"be a level from 0 to {last}", f"it is {initial}")
    meetings, crossings, warnings = _meet(hamiltonian, drive)
    exact = propagate(
        hamiltonian,
        drive,
        initial=initial,
        basis=basis,
        tolerance=tolerance,
        breakpoints=np.array([m.time for m in meetings]) if meetings else None,
    )
    events = tuple(_event(hamiltonian, drive, meetings, k) for k in range(len(meetings)))
    final = np.asarray(exact.probabilities)
    predictions = tuple(_predictions(hamiltonian, drive, events, initial, basis, final))
    log_jump = _log_jump(hamiltonian, drive, events, initial, final, basis)
    return Passage(
        hamiltonian=hamiltonian,
        drive=drive,
        initial=initial,
        crossings=crossings,
        events=events,
        predictions=predictions,
        exact=exact,
        log_jump=log_jump,
        verdict=_verdict(events, predictions, exact, initial, log_jump),
        warnings=tuple(warnings),
    )


def _meet(hamiltonian: Hamiltonian, drive: Drive) -> tuple[list[Meeting], Crossings, list[str]]:
    times = np.linspace(float(drive.start_time), float(drive.stop_time), 4001)
    positions = np.asarray(drive(times), dtype=np.float64)
    low, high = float(positions.min()), float(positions.max())
    if not low < high:
        raise InputError("The drive does not move: there is nothing to pass.")
    crossings = find_crossings(hamiltonian, low, high)
    meetings, warnings = find_meetings(drive, crossings, times, positions)
    return meetings, crossings, warnings


def _event(
    hamiltonian: Hamiltonian, drive: Drive, meetings: list[Meeting], index: int
) -> PassageEvent:
    meeting = meetings[index]
    angular = hamiltonian.units.angular
    crossing = meeting.crossing
    gap = crossing.gap * angular
    sweep_rate = crossing.slope_difference * abs(meeting.velocity) * angular
    start, stop = float(drive.start_time), float(drive.stop_time)
    surroundings: dict[str, float] = {
        "window": min(meeting.time - start, stop - meeting.time),
        "third_level_distance": crossing.third_level_distance * angular,
    }
    others = [
        abs(other.time - meeting.time)
        for k, other in enumerate(meetings)
        if k != index and set(other.crossing.levels) & set(crossing.levels)
    ]
    if others:
        surroundings["next_crossing"] = min(others)
    if gap > 0:
        surroundings["linear_range"] = _linear_range(hamiltonian, drive, meeting, gap, sweep_rate)
    jump = formulas.landau_zener(gap=gap, sweep_rate=sweep_rate, **surroundings)
    return PassageEvent(
        time=meeting.time,
        position=crossing.position,
        crossing=crossing,
        velocity=meeting.velocity,
        gap=gap,
        sweep_rate=sweep_rate,
        jump=jump,
    )


def _linear_range(
    hamiltonian: Hamiltonian, drive: Drive, meeting: Meeting, gap: float, sweep_rate: float
) -> float:
    """Return the time over which curvature of the diabatic detuning √(Z² − g²) would change P.

    A relative departure from α|t| changes the exponent of P by about as much, so an improbable
    jump feels a smaller one.
    """
    duration = max(1 / np.sqrt(sweep_rate), gap / sweep_rate)
    deviation = _nonlinearity(hamiltonian, drive, meeting, gap, sweep_rate, np.array([duration]))
    exponent = np.pi * gap**2 / (2 * sweep_rate)
    return float(duration / max(deviation * max(1.0, exponent), 1e-12))


def _nonlinearity(
    hamiltonian: Hamiltonian,
    drive: Drive,
    meeting: Meeting,
    gap: float,
    sweep_rate: float,
    distances: FloatArray,
) -> float:
    """Return the largest relative departure of the detuning from α|t − t_c| at given distances."""
    offsets = np.concatenate([-distances, distances])
    times = meeting.time + offsets
    inside = (times >= float(drive.start_time)) & (times <= float(drive.stop_time))
    if not inside.any():
        return 1.0
    times, offsets = times[inside], offsets[inside]
    energies = np.linalg.eigvalsh(hamiltonian(drive(times))) * hamiltonian.units.angular
    i, j = meeting.crossing.levels
    separation = energies[:, j] - energies[:, i]
    detuning = np.sqrt(np.maximum(separation**2 - gap**2, 0.0))
    expected = sweep_rate * np.abs(offsets)
    # Where the detuning is small against the gap its relative error is rounding, not curvature.
    return float(np.max(np.abs(detuning - expected) / np.hypot(expected, 1e-3 * gap)))


def _predictions(
    hamiltonian: Hamiltonian,
    drive: Drive,
    events: tuple[PassageEvent, ...],
    initial: int,
    basis: str,
    exact: FloatArray,
) -> list[PassagePrediction]:
    levels = hamiltonian.dimension
    found: list[PassagePrediction] = []

    def add(name: str, prediction: Prediction, probabilities: Any) -> None:
        values = np.asarray(probabilities, dtype=np.float64)
        difference = float(np.max(np.abs(values - exact), initial=0.0))
        found.append(
            PassagePrediction(
                name,
                prediction.equation,
                values,
                prediction.checks,
                prediction.warnings,
                difference,
            )
        )

    def pair(jump: float, event: PassageEvent) -> FloatArray:
        values = np.zeros(levels)
        i, j = event.levels
        values[initial] = 1 - jump
        values[j if initial == i else i] = jump
        return values

    single = len(events) == 1 and initial in events[0].levels
    if single:
        event = events[0]
        add("Landau–Zener", event.jump, pair(float(event.jump), event))
        if event.gap > 0:
            for name, prediction in _single_crossing_forms(hamiltonian, drive, event, basis):
                jump = float(prediction)
                if name.startswith("golden rule"):
                    jump = 1 - jump
                add(name, prediction, pair(jump, event))
    sequence = _formula_crossings(events)
    if len(sequence) > 1:
        averaged = formulas.independent_crossings(sequence, levels=levels)
        add("independent crossings", averaged, averaged.transition_matrix[:, initial])
        inputs = interference_inputs(hamiltonian, drive, events)
        if inputs is not None:
            phases, directions = inputs
            directed = _formula_crossings(events, directions)
            coherent = formulas.independent_crossings(directed, levels=levels, phases=phases)
            add("crossings with phases", coherent, coherent.transition_matrix[:, initial])
    return found


def _single_crossing_forms(
    hamiltonian: Hamiltonian, drive: Drive, event: PassageEvent, basis: str
) -> list[tuple[str, Prediction]]:
    forms: list[tuple[str, Prediction]] = []
    start, stop = float(drive.start_time), float(drive.stop_time)
    two = hamiltonian.dimension == 2
    meeting = Meeting(event.time, event.velocity, event.crossing)
    reach = np.geomspace(1e-3, 1.0, 12) * max(event.time - start, stop - event.time)
    departure = _nonlinearity(hamiltonian, drive, meeting, event.gap, event.sweep_rate, reach)
    # Beyond this adiabaticity the mpmath evaluation takes seconds, and P is below 1e-68.
    moderate = event.gap**2 <= 100 * event.sweep_rate
    if two and departure < _LINEAR and moderate and basis != "superadiabatic":
        forms.append(
            (
                "finite window (Weber)",
                formulas.finite_window(
                    gap=event.gap,
                    sweep_rate=event.sweep_rate,
                    start=start - event.time,
                    stop=stop - event.time,
                    basis=basis,
                ),
            )
        )
    if two and departure >= _LINEAR and not drive.breakpoints.size:
        lanes = Lanes.of(hamiltonian, drive)

        def squared_gap(t: Any) -> Any:
            times = np.asarray(t, dtype=np.complex128)
            h = lanes.matrices(times.reshape(1, -1), np.zeros(1, dtype=np.intp))[0]
            value = (h[:, 0, 0] - h[:, 1, 1]) ** 2 + 4 * h[:, 0, 1] * h[:, 1, 0]
            return value.reshape(times.shape)

        # A gap without a complex zero that the formula could use has no such prediction.
        with contextlib.suppress(InputError, ConvergenceError):
            prediction = formulas.dykhne_davis_pechukas(
                squared_gap, squared=True, near=event.time, window=(start, stop)
            )
            forms.append(("Dykhne–Davis–Pechukas", prediction))
    rule = formulas.golden_rule(gap=event.gap, sweep_rate=event.sweep_rate)
    if rule.valid:
        forms.append(("golden rule (fast limit)", rule))
    return forms


def _formula_crossings(
    events: tuple[PassageEvent, ...], directions: list[int] | None = None
) -> list[formulas.Crossing]:
    return [
        formulas.Crossing.from_gap(
            event.levels,
            gap=event.gap,
            sweep_rate=event.sweep_rate,
            direction=1 if directions is None else directions[k],
            time=event.time,
        )
        for k, event in enumerate(events)
        if event.levels[1] == event.levels[0] + 1
    ]


def _log_jump(
    hamiltonian: Hamiltonian,
    drive: Drive,
    events: tuple[PassageEvent, ...],
    initial: int,
    final: FloatArray,
    basis: str,
) -> LogProbability | None:
    if hamiltonian.dimension != 2 or len(events) != 1 or events[0].gap == 0:
        return None
    if basis == "diabatic" or float(events[0].jump) > _TINY or drive.breakpoints.size:
        return None
    try:
        return log_probability(hamiltonian, drive)
    except (InputError, ConvergenceError):
        return None


def _verdict(
    events: tuple[PassageEvent, ...],
    predictions: tuple[PassagePrediction, ...],
    exact: Propagation,
    initial: int,
    log_jump: LogProbability | None,
) -> str:
    stay = float(exact.probabilities[initial])
    if not events:
        return (
            "The drive meets no crossing: the system stays in its level with probability "
            f"{stay:.6g}."
        )
    if not predictions:
        return f"No closed form applies. Exact: the level is kept with probability {stay:.6g}."
    if log_jump is not None:
        return (
            f"The passage is adiabatic: ln P of a jump is {log_jump.log_probability:.8g} between "
            "superadiabatic states; larger numbers in the adiabatic basis come from the ends of "
            "the window."
        )
    first = predictions[0]
    others = np.where(np.arange(first.probabilities.size) == initial, -1.0, first.probabilities)
    target = int(np.argmax(others))
    numbers = (
        f"{first.name} gives {first.probabilities[target]:.6g} for level {target}, "
        f"the exact answer is {float(exact.probabilities[target]):.6g}"
    )
    if not first.valid:
        return f"Outside its domain ({first.warnings[0]}), {numbers}."
    if first.difference < 0.01:
        return f"Within its domain, {numbers}."
    best = min(predictions, key=lambda p: p.difference)
    better = f"; {best.name} differs by {best.difference:.2g}" if best is not first else ""
    return f"Within its stated domain, and yet off: {numbers}{better}."
