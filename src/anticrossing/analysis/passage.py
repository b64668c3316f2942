"""The whole analysis in one call: where are the crossings, does it jump, may I trust the formula?

`passage` finds the crossings that a drive meets, applies every closed form that could hold together
with its domain check, computes the exact answer, and states the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing._threads import few_threads
from anticrossing.analysis.closed_forms import PassagePrediction, predictions
from anticrossing.analysis.decoherence import DecoherenceRegime
from anticrossing.analysis.meetings import PassageEvent, find_events
from anticrossing.analysis.regimes import regime_of
from anticrossing.checks import ConvergenceError, FloatArray, InputError, fail, integer
from anticrossing.drive import Drive
from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.open_systems import OpenPropagation
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.request import check_kinds
from anticrossing.dynamics.unitary import Propagation
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Crossings

_TINY = 1e-10
_VISIBLE = 1e-8
_AGREEMENT = 0.1
_ROUNDING = 1e-10
_ADIABATIC = 1e-3
_ABRUPT = 0.1


@dataclass(frozen=True)
class Passage:
    """Everything `passage` found; printing it gives a readable summary.

    Attributes
    ----------
    crossings : Crossings
        All crossings between the extreme positions of the drive.
    events : tuple of PassageEvent
        The moments at which the drive meets them, in order of time.
    regimes : tuple of DecoherenceRegime
        With an environment, for every event that is an avoided crossing: coherent, incoherent,
        frozen or relaxed, from numbers.
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
    environment: Environment | None
    initial: int
    crossings: Crossings
    events: tuple[PassageEvent, ...]
    regimes: tuple[DecoherenceRegime, ...]
    predictions: tuple[PassagePrediction, ...]
    exact: Propagation | OpenPropagation
    log_jump: LogProbability | None
    verdict: str
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        units = self.hamiltonian.units
        lines = [f"Passage of {self.hamiltonian!r} under {self.drive!r}"]
        if self.environment is not None:
            lines.append(f"with {self.environment!r}")
        lines.append("")
        lines += [str(self.crossings), ""]
        for event in self.events:
            i, j = event.levels
            lines.append(
                f"at {units.label('t', 'time')} = {event.time:.6g} levels {i} and {j} meet: "
                f"sweep rate {event.sweep_rate:.6g}, gap {event.gap:.6g} (rad per time), "
                f"jump probability {float(event.jump):.6g}"
            )
            lines += [f"    {check}" for check in event.jump.checks]
        for regime in self.regimes:
            lines += ["", str(regime)]
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
    environment: Environment | None = None,
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
    environment : Environment, optional
        What dephases and relaxes the levels; the exact answer then is an `OpenPropagation`.
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
    with few_threads(hamiltonian.dimension):
        crossings, events, warnings = find_events(hamiltonian, drive, environment)
    exact = propagate(
        hamiltonian,
        drive,
        environment=environment,
        initial=initial,
        basis=basis,
        tolerance=tolerance,
        breakpoints=np.array([event.time for event in events]) if events else None,
    )
    final = np.asarray(exact.probabilities)
    # Rates and gaps of any size: what overflows on the way becomes infinite, which checks refuse.
    with few_threads(hamiltonian.dimension), np.errstate(all="ignore"):
        found, notes = predictions(hamiltonian, drive, events, initial, basis, final, environment)
        warnings += [*notes, *_abrupt_ends(hamiltonian, drive)]
        log_jump: LogProbability | None = None
        regimes: tuple[DecoherenceRegime, ...] = ()
        if environment is not None:
            regimes = tuple(
                regime_of(hamiltonian, drive, environment, event)
                for event in events
                if event.gap > 0
            )
        else:
            log_jump = _log_jump(hamiltonian, drive, events, basis)
    if log_jump is not None and 1 - final[initial] > _VISIBLE:
        inner = final
        if basis != "superadiabatic":
            read_out = propagate(
                hamiltonian, drive, initial=initial, basis="superadiabatic", tolerance=tolerance
            )
            inner = np.asarray(read_out.probabilities)
        if 1 - inner[initial] > _VISIBLE:
            value = log_jump.log_probability
            warnings.append(
                f"ln P = {value:.6g} from the complex contour is contradicted by the exact answer, "
                f"whose jump between superadiabatic states is {1 - inner[initial]:.6g}"
            )
            log_jump = None
    return Passage(
        hamiltonian=hamiltonian,
        drive=drive,
        environment=environment,
        initial=initial,
        crossings=crossings,
        events=events,
        regimes=regimes,
        predictions=found,
        exact=exact,
        log_jump=log_jump,
        verdict=_verdict(crossings, events, found, exact, initial, log_jump),
        warnings=tuple(warnings),
    )


def _abrupt_ends(hamiltonian: Hamiltonian, drive: Drive) -> list[str]:
    """Say where the sweep starts or stops while levels are still being mixed."""
    notes = []
    for word, time in (("starts", float(drive.start_time)), ("stops", float(drive.stop_time))):
        position, velocity = float(drive(time)), float(drive.velocity(time))
        energies, vectors = np.linalg.eigh(hamiltonian(position))
        slope = vectors.conj().T @ hamiltonian.derivative(position) @ vectors
        gaps = np.abs(energies[:, None] - energies[None, :]) * hamiltonian.units.angular
        coupled = np.abs(slope * velocity * hamiltonian.units.angular)
        np.fill_diagonal(coupled, 0.0)
        mixing = np.divide(coupled, gaps**2, out=np.zeros_like(coupled), where=gaps > 0)
        if mixing.max() > _ABRUPT:
            i, j = sorted(np.unravel_index(int(np.argmax(mixing)), mixing.shape))
            notes.append(
                f"the sweep {word} abruptly: |⟨{i}|dH/dt|{j}⟩|/gap² = {mixing.max():.2g} there, "
                "which mixes these levels whatever happens at the crossings"
            )
    return notes


def _log_jump(
    hamiltonian: Hamiltonian, drive: Drive, events: tuple[PassageEvent, ...], basis: str
) -> LogProbability | None:
    """Return ln P of a jump that is too improbable to be read off the exact evolution."""
    if hamiltonian.dimension != 2 or len(events) != 1 or events[0].gap == 0:
        return None
    if basis == "diabatic" or float(events[0].jump) > _TINY or drive.breakpoints.size:
        return None
    try:
        return log_probability(hamiltonian, drive)
    except (InputError, ConvergenceError):
        return None


def _verdict(
    crossings: Crossings,
    events: tuple[PassageEvent, ...],
    found: tuple[PassagePrediction, ...],
    exact: Propagation | OpenPropagation,
    initial: int,
    log_jump: LogProbability | None,
) -> str:
    final: FloatArray = np.asarray(exact.probabilities)
    kind = "state" if exact.basis == "diabatic" else "level"
    stay = f"the system is left in {kind} {initial} with probability {final[initial]:.6g}"
    if not events and crossings:
        return f"No closed form describes how the drive meets the crossings; {stay}."
    coherent = isinstance(exact, Propagation) and exact.basis != "diabatic"
    if not events and coherent and final[initial] < 1 - _ADIABATIC:
        return (
            "The drive meets no crossing, yet it is too fast for the levels it passes, or "
            f"starts, turns or stops where they are close; {stay}."
        )
    if not events:
        return f"The drive meets no crossing; {stay}."
    if not found:
        return f"No closed form applies to {kind} {initial}; {stay}."
    if log_jump is not None:
        return (
            f"The passage is adiabatic: ln P of a jump is {log_jump.log_probability:.8g} between "
            "superadiabatic states; larger numbers in the adiabatic basis come from the ends of "
            "the window."
        )
    first = next((prediction for prediction in found if prediction.valid), found[0])
    others = np.where(np.arange(final.size) == initial, -1.0, first.probabilities)
    target = int(np.argmax(others))
    predicted, actual = float(first.probabilities[target]), float(final[target])
    numbers = (
        f"{first.name} gives {predicted:.6g} for {kind} {target}, the exact answer is {actual:.6g}"
    )
    if not first.valid:
        return f"Outside its domain ({first.warnings[0]}), {numbers}."
    if abs(predicted - actual) <= max(_AGREEMENT * min(actual, 1 - actual), _ROUNDING):
        return f"Within its domain, {numbers}."
    best = min(found, key=lambda prediction: prediction.difference)
    better = f"; {best.name} differs by {best.difference:.2g}" if best is not first else ""
    off = f"off by {abs(predicted - actual):.2g}"
    return f"Within its stated domain, and yet {off}: {numbers}{better}."
