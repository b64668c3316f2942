"""The whole analysis in one call: where are the crossings, does it jump, may I trust the formula?

`passage` finds the crossings that a drive meets, applies every closed form that could hold together
with its domain check, computes the exact answer, and states the difference.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, InputError
from anticrossing._core.result import Result
from anticrossing._core.threads import few_threads
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.analysis import referee
from anticrossing.analysis.arguments import check_sweep
from anticrossing.analysis.closed_forms import predictions
from anticrossing.analysis.decoherence import DecoherenceRegime
from anticrossing.analysis.meetings import PassageEvent, find_events, half_places
from anticrossing.analysis.offers import PassagePrediction, draw_probabilities
from anticrossing.analysis.referee import in_words
from anticrossing.analysis.regimes import held_against, regime_of
from anticrossing.analysis.sensitivity import Sensitivity, check_sensitivity, sensitivity_of
from anticrossing.drive import Drive
from anticrossing.dynamics.contour import LogProbability, log_probability
from anticrossing.dynamics.propagation import of_all_levels, propagate
from anticrossing.dynamics.request import check_noisy
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Crossings, Symmetry, find_crossings
from anticrossing.spectrum._grid import ROUNDING
from anticrossing.spectrum.offset import traceless

_TINY = 1e-10
_ABRUPT = 0.1


@dataclass(frozen=True, eq=False)
class Passage(Result):
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
    sensitivity : Sensitivity or None
        What the exact probabilities depend on, where that was asked for.
    """

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None
    initial: int
    crossings: Crossings
    events: tuple[PassageEvent, ...]
    regimes: tuple[DecoherenceRegime, ...]
    predictions: tuple[PassagePrediction, ...]
    exact: Propagation
    log_jump: LogProbability | None
    verdict: str
    warnings: tuple[str, ...]
    sensitivity: Sensitivity | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "level": shown("level", text="level", of="_levels"),
        "exact": shown("level", text="exact probability of the level", of="_exact"),
        "log_jump": shown(text="ln P of the jump", of="_log_jump"),
    }

    def variables(self) -> dict[str, Variable]:
        found = super().variables()
        if self.predictions:
            form = ("closed_form",)
            offered = self.predictions
            found["closed_form"] = Variable(form, np.array([p.name for p in offered]), "name", "")
            found["predicted"] = Variable(
                (*form, "level"),
                np.array([p.probabilities for p in offered]),
                "probability of the level by the closed form",
            )
            found["difference"] = Variable(
                form, np.array([p.difference for p in offered]), "largest difference from exact"
            )
            found["within"] = Variable(
                form, np.array([p.valid for p in offered]), "whether within its domain"
            )
        for name, (_, _, text, _) in self.events[0].variables().items() if self.events else ():
            values = np.array([float(getattr(event, name)) for event in self.events])
            found[f"event_{name}"] = Variable(("event",), values, text)
        return found

    def notes(self) -> tuple[str, ...]:
        return (*self.warnings, *self.exact.warnings)

    def _attributes(self) -> dict[str, Any]:
        return {
            "hamiltonian": repr(self.hamiltonian),
            "drive": repr(self.drive),
            "environment": repr(self.environment),
            "initial": self.initial,
            "basis": self.exact.basis,
            "verdict": self.verdict,
        }

    def _verdict(self) -> tuple[str, bool | None]:
        good = any(prediction.valid for prediction in self.predictions)
        return self.verdict, good if self.predictions else None

    def plot(self, ax: Any = None) -> Any:
        """Draw the final probabilities: the exact ones beside every closed form."""
        rows = [("exact", self._exact), *((p.name, p.probabilities) for p in self.predictions)]
        return draw_probabilities(rows, f"from level {self.initial}", ax)

    @property
    def _levels(self) -> npt.NDArray[np.intp]:
        return np.arange(self._exact.size)

    @property
    def _exact(self) -> FloatArray:
        return np.asarray(self.exact.probabilities)

    @property
    def _log_jump(self) -> float | None:
        return None if self.log_jump is None else float(self.log_jump.log_probability)

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
        rows = [("exact", [in_words(self.exact, p) for p in self.exact.probabilities], "")]
        rows += [
            (
                p.name,
                [f"{value:.6g}" for value in p.probabilities],
                f"differs by {p.difference:.2g}, {p.verdict}",
            )
            for p in self.predictions
        ]
        width = max(len(name) for name, _, _ in rows)
        word = "state" if self.exact.basis == "diabatic" else "level"
        rows.insert(0, ("", [f"{word} {k}" for k in self._levels], ""))
        for name, probabilities, remark in rows:
            numbers = "  ".join(f"{text:>10}" for text in probabilities)
            lines.append(f"  {name:<{width}}  {numbers}  {remark}".rstrip())
        if self.log_jump is not None:
            value = self.log_jump.log_probability
            lines.append(f"  ln P of the jump, on a complex contour: {value:.10g}")
        if self.sensitivity is not None:
            lines += ["", str(self.sensitivity)]
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
    symmetry: Symmetry | None = None,
    sensitivity: str | Sequence[str] | Mapping[str, float] | None = None,
) -> Passage:
    """Analyse a sweep through level crossings: crossings, closed forms with domain, exact answer.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with single parameter values (no batch).
    drive : Drive
        x(t) and its window (no batch); along a `drive.Path` crossings are found in time.
    environment : Environment, optional
        What dephases and relaxes the levels; the exact answer then has density matrices.
    initial : int
        The level occupied at the start; 0 is the lowest.
    basis : {"adiabatic", "superadiabatic", "diabatic"}
        Read-out of the exact answer; see `propagate`.
    tolerance : float
        Accuracy of the exact probabilities.
    symmetry : Symmetry, optional
        Names for the sectors of H: crossings then say which symmetries meet.
    sensitivity : str, sequence of str or mapping of str to float, optional
        Parameters (as for ``propagate(gradient=…)``) by which the probabilities are
        differentiated; with their standard deviations, errors of the probabilities too.

    Returns
    -------
    Passage

    Raises
    ------
    InputError
        For a batch, a symmetry that H has not, or anything `propagate` refuses.

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-100, 100, rate=1.0)
    >>> result = ac.passage(ac.models.LandauZener(gap=1.0), sweep)
    >>> round(result.events[0].sweep_rate, 9), round(float(result.events[0].jump), 6)
    (1.0, 0.20788)
    >>> print(result.verdict)
    Within its domain, Landau–Zener gives 0.20788 for level 1, the exact answer is 0.20788.
    >>> uncertain = {"gap": 0.02, "rate": 0.05}
    >>> known = ac.passage(ac.models.LandauZener(gap=1.0), sweep, sensitivity=uncertain)
    >>> round(float(known.sensitivity.total[1]), 3)
    0.021
    """
    hamiltonian, drive = check_sweep(hamiltonian, drive, initial)
    if environment is not None:
        check_noisy(hamiltonian, drive, environment)
    moving, deviations = check_sensitivity(sensitivity, hamiltonian, drive, environment, basis)
    with few_threads(hamiltonian.dimension):
        search = functools.partial(find_crossings, symmetry=symmetry)
        crossings, events, warnings = find_events(hamiltonian, drive, environment, search)
    followed = propagate(
        hamiltonian,
        drive,
        environment=environment,
        initial=initial,
        basis=basis,
        tolerance=tolerance,
        breakpoints=np.array([event.time for event in events]) if events else None,
        gradient=moving or None,
    )
    exact = of_all_levels(followed)
    final = np.asarray(exact.probabilities)
    inner = traceless(hamiltonian)
    # Rates and gaps of any size: what overflows on the way becomes infinite, which checks refuse.
    with few_threads(hamiltonian.dimension), np.errstate(all="ignore"):
        found, notes = predictions(inner, drive, events, initial, basis, final, environment)
        warnings += [*notes, *_abrupt_ends(inner, drive)]
        log_jump: LogProbability | None = None
        regimes: tuple[DecoherenceRegime, ...] = ()
        if environment is not None and not environment.noises:
            regimes = tuple(
                regime_of(inner, drive, environment, event, initial)
                for event in events
                if event.gap > 0
            )
            alone = len(events) == len(regimes) == 1 and initial in events[0].levels
            if alone and basis != "diabatic":
                regimes = (held_against(regimes[0], events[0].levels, initial, final),)
        elif environment is None:
            log_jump = _log_jump(inner, drive, events, basis)
    adiabatic = ""
    if log_jump is not None:
        said, agreed = referee.adiabatic_answer(inner, drive, initial, exact, log_jump, tolerance)
        adiabatic = said if agreed else ""
        if not agreed:
            warnings.append(said)
            log_jump = None
    found = referee.audit(found, final, float(exact.error_estimate), initial)
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
        verdict=referee.verdict(
            crossings,
            events,
            found,
            exact,
            initial,
            adiabatic,
            half=bool(half_places(inner, drive)),
        ),
        warnings=tuple(warnings),
        sensitivity=sensitivity_of(exact, deviations),
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
        apart = gaps > ROUNDING * np.abs(energies).max() * hamiltonian.units.angular
        mixing = np.divide(coupled, gaps**2, out=np.zeros_like(coupled), where=apart)
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
