"""Every closed form that could describe a passage, with its domain check and its error."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing import formulas
from anticrossing.analysis.families import family
from anticrossing.analysis.meetings import (
    PassageEvent,
    interference_inputs,
    nonlinearity,
    too_many_to_follow,
)
from anticrossing.checks import ConvergenceError, FloatArray, InputError
from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Dephasing, Environment, FixedAxisDephasing
from anticrossing.formulas import DomainCheck, Prediction
from anticrossing.hamiltonian import Hamiltonian

_LINEAR = 1e-6
_DIABATIC_OVERLAP = 0.9
_INTERFERENCE = 0.01
_REAL = 1e-12
# Beyond this g²/α the mpmath evaluation of the Weber solution takes seconds, and P < 1e-68.
_LARGEST_WEBER = 100.0
# Below this one, P is 1 to rounding, and ever more digits would be needed to find that out.
_SMALLEST_WEBER = 1e-20


@dataclass(frozen=True)
class PassagePrediction:
    """What one closed form says of the final probabilities, and whether it may say so.

    Attributes
    ----------
    name, equation : str
        The closed form.
    probabilities : array, shape (N,)
        Final probabilities in the read-out basis of the exact answer.
    checks : tuple of DomainCheck
        Its conditions.
    warnings : tuple of str
        One line for each condition that fails.
    difference : float
        The largest difference from the exact probabilities.
    """

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
class Labels:
    """Which adiabatic level each read-out state is at the two ends of the window."""

    first: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]

    @classmethod
    def of(cls, hamiltonian: Hamiltonian, drive: Drive, basis: str) -> Labels | None:
        """Return the labels; None if the diabatic states are mixed at an end of the window."""
        same = np.arange(hamiltonian.dimension)
        if basis != "diabatic":
            return cls(same, same)
        ends = []
        for position in (float(drive.start), float(drive.stop)):
            _, vectors = np.linalg.eigh(hamiltonian(position))
            weights = np.abs(vectors) ** 2
            if np.any(np.max(weights, axis=1) < _DIABATIC_OVERLAP):
                return None
            ends.append(np.argmax(weights, axis=1))
        return cls(ends[0], ends[1])


def predictions(
    hamiltonian: Hamiltonian,
    drive: Drive,
    events: Sequence[PassageEvent],
    initial: int,
    basis: str,
    exact: FloatArray,
    environment: Environment | None = None,
) -> tuple[tuple[PassagePrediction, ...], tuple[str, ...]]:
    """Return the predictions that apply in kind, and notes on those that could not be made."""
    labels = Labels.of(hamiltonian, drive, basis)
    if labels is None:
        note = (
            "the states H is written in are mixed by the coupling at an end of the window, so no "
            "closed form speaks of them: read out in the adiabatic basis"
        )
        return (), ((note,) if events else ())
    level = int(labels.first[initial])
    if not any(level in event.levels for event in events):
        return (), ()
    found: list[PassagePrediction] = []

    def add(name: str, prediction: Prediction, adiabatic: npt.ArrayLike) -> None:
        values = np.asarray(adiabatic, dtype=np.float64)[labels.last]
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

    known = family(hamiltonian, drive) if environment is None else None
    ends = Labels.of(hamiltonian, drive, "diabatic")
    if known is not None and ends is not None:
        exact_column = np.zeros(hamiltonian.dimension)
        source = int(np.flatnonzero(ends.first == level)[0])
        exact_column[ends.last] = known[1].transition_matrix[:, source]
        add(*known, exact_column)

    if len(events) == 1:
        event = events[0]
        i, j = event.levels
        for name, prediction, jump in _single_crossing(
            hamiltonian, drive, event, basis, coherent=environment is None
        ):
            values = np.zeros(hamiltonian.dimension)
            values[level], values[j if level == i else i] = 1 - jump, jump
            add(name, prediction, values)
        if hamiltonian.dimension == 2 and event.gap > 0:
            for name, prediction, jump in _with_dephasing(drive, event, environment):
                add(name, prediction, [1 - jump, jump] if level == 0 else [jump, 1 - jump])
        return tuple(found), ()

    sequence = _sequence(events)
    if len(sequence) < len(events):
        return tuple(found), (
            "levels that are not neighbours meet: no closed form covers the sequence",
        )
    levels = hamiltonian.dimension
    averaged = formulas.independent_crossings(sequence, levels=levels)
    inputs = interference_inputs(hamiltonian, drive, events)
    if inputs is None:
        add("independent crossings", averaged, averaged.transition_matrix[:, level])
        if too_many_to_follow(hamiltonian, events):
            note = f"the phases between {len(events)} crossings were not followed"
            return tuple(found), (note,)
        return tuple(found), ()
    phases, directions = inputs
    directed = _sequence(events, directions)
    coherent = formulas.independent_crossings(directed, levels=levels, phases=phases)
    with_phases = coherent.transition_matrix[:, level]
    without = averaged.transition_matrix[:, level]
    interference = DomainCheck(
        "change of a probability by interference",
        float(np.max(np.abs(with_phases - without))),
        _INTERFERENCE,
        "the passages interfere, and a single coherent run does not average over their phases",
    )
    averaged = dataclasses.replace(averaged, checks=(*averaged.checks, interference))
    add("independent crossings", averaged, without)
    add("crossings with phases", coherent, with_phases)
    return tuple(found), ()


def _single_crossing(
    hamiltonian: Hamiltonian, drive: Drive, event: PassageEvent, basis: str, *, coherent: bool
) -> list[tuple[str, Prediction, float]]:
    """Return (name, prediction, probability to jump between adiabatic levels)."""
    forms: list[tuple[str, Prediction, float]] = [("Landau–Zener", event.jump, float(event.jump))]
    if event.gap == 0 or not coherent:
        return forms
    start, stop = float(drive.start_time), float(drive.stop_time)
    if hamiltonian.dimension == 2:
        reach = np.geomspace(1e-3, 1.0, 12) * max(event.time - start, stop - event.time)
        linear = nonlinearity(hamiltonian, drive, event, reach) < _LINEAR
        ratio = event.gap**2 / event.sweep_rate
        moderate = _SMALLEST_WEBER <= ratio <= _LARGEST_WEBER
        if linear and moderate and basis != "superadiabatic":
            window = formulas.finite_window(
                gap=event.gap,
                sweep_rate=event.sweep_rate,
                start=start - event.time,
                stop=stop - event.time,
                basis=basis,
            )
            forms.append(("finite window (Weber)", window, float(window)))
        if not linear and not drive.breakpoints.size:
            # A gap without a complex zero that the formula could use has no such prediction.
            with contextlib.suppress(InputError, ConvergenceError):
                slow = formulas.dykhne_davis_pechukas(
                    **_gap_functions(hamiltonian, drive),
                    near=event.time,
                    window=(start, stop),
                )
                forms.append(("Dykhne–Davis–Pechukas", slow, float(slow)))
    fast = formulas.golden_rule(gap=event.gap, sweep_rate=event.sweep_rate)
    if fast.valid:
        fast = dataclasses.replace(fast, checks=(*fast.checks, *event.jump.checks))
        forms.append(("golden rule (fast limit)", fast, 1 - float(fast)))
    return forms


def _with_dephasing(
    drive: Drive, event: PassageEvent, environment: Environment | None
) -> list[tuple[str, Prediction, float]]:
    """Return the closed forms for two levels with one kind of dephasing of constant strength."""
    strength = getattr(environment, "strength", None)
    if strength is None or strength.values is None or strength.values.ndim:
        return []
    local = {"gap": event.gap, "sweep_rate": event.sweep_rate}
    value = float(strength.values)
    if isinstance(environment, Dephasing):
        if environment.form == "gamma":
            prediction: Prediction = formulas.dephasing_landau_zener(**local, gamma=value)
        else:
            prediction = formulas.constant_rate_dephasing_landau_zener(**local, rate=value)
        return [("Landau–Zener with dephasing", prediction, float(prediction))]
    if isinstance(environment, FixedAxisDephasing) and value > 0:
        reach = min(event.time - float(drive.start_time), float(drive.stop_time) - event.time)
        frozen = formulas.fixed_axis_dephasing_landau_zener(**local, rate=value, window=reach)
        # To keep the diabatic state is to jump between adiabatic levels.
        return [("strong dephasing (diabatic axis)", frozen, float(frozen))]
    return []


def _gap_functions(hamiltonian: Hamiltonian, drive: Drive) -> dict[str, Any]:
    """Return detuning and coupling, which fix the signs; the squared gap if the phase turns."""
    lanes = Lanes.of(hamiltonian, drive)

    def entries(t: Any) -> Any:
        times = np.asarray(t, dtype=np.complex128)
        h = lanes.matrices(times.reshape(1, -1), np.zeros(1, dtype=np.intp))[0]
        return h.reshape(*times.shape, 2, 2)

    def squared_gap(t: Any) -> Any:
        h = entries(t)
        return (h[..., 0, 0] - h[..., 1, 1]) ** 2 + 4 * h[..., 0, 1] * h[..., 1, 0]

    def detuning(t: Any) -> Any:
        h = entries(t)
        return h[..., 0, 0] - h[..., 1, 1]

    axis = entries(np.linspace(float(drive.start_time), float(drive.stop_time), 65))[:, 0, 1]
    turn = np.exp(-1j * np.angle(axis[np.argmax(np.abs(axis))]))
    if np.abs((axis * turn).imag).max() > _REAL * np.abs(axis).max():
        return {"gap": squared_gap, "squared": True}
    return {"detuning": detuning, "coupling": lambda t: 2 * turn * entries(t)[..., 0, 1]}


def _sequence(
    events: Sequence[PassageEvent], directions: list[int] | None = None
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
