"""The verdict of `passage`: closed forms compared with the exact answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.analysis.meetings import PassageEvent
from anticrossing.analysis.offers import PassagePrediction, target_of, tenth
from anticrossing.drive import Drive
from anticrossing.dynamics.contour import LogProbability
from anticrossing.dynamics.propagation import of_all_levels, propagate
from anticrossing.dynamics.result import Propagation
from anticrossing.formulas.result import DomainCheck
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Crossings

_AGREEMENT = 0.1
_ADIABATIC = 1e-3


def known_to(error: float, probability: Any) -> Any:
    """Return how well a probability of the exact answer is known: an amplitude is known to ε."""
    return 2 * error * np.sqrt(np.maximum(probability, 0.0)) + error**2


def in_words(exact: Propagation, probability: float) -> str:
    """Return a probability, or what it is less than where it is not known to be more."""
    error = float(exact.error_estimate)
    if probability < ((10 * error) ** 2 if exact.is_unitary else 0.0):
        return f"< {error:.0e}"
    return f"{probability:.6g}"


def audit(
    found: tuple[PassagePrediction, ...], final: FloatArray, error: float, initial: int
) -> tuple[PassagePrediction, ...]:
    """Return the predictions with one more check: whether the exact answer bears them out."""
    return tuple(_audited(prediction, final, error, initial) for prediction in found)


def _audited(
    prediction: PassagePrediction, final: FloatArray, error: float, initial: int
) -> PassagePrediction:
    allowed = tenth(final, target_of(prediction.probabilities, initial))
    allowed = np.maximum(allowed, 3 * known_to(error, final))
    off = np.abs(prediction.probabilities - final) / allowed
    check = DomainCheck(
        "difference from the exact answer / a tenth of the probability",
        float(np.max(np.where(np.isfinite(off), off, np.inf))),
        1.0,
        f"contradicted by the exact answer, by {prediction.difference:.2g}",
    )
    if check.satisfied:
        return prediction
    return dataclasses.replace(
        prediction,
        checks=(*prediction.checks, check),
        warnings=(*prediction.warnings, check.message),
    )


def adiabatic_answer(
    hamiltonian: Hamiltonian,
    drive: Drive,
    initial: int,
    exact: Propagation,
    log_jump: LogProbability,
    tolerance: float,
) -> tuple[str, bool]:
    """Return ln P beside the exact answer in words, and whether they agree.

    Where the exact answer leaves the level more often than ln P says, the ends of the window are
    named only if the superadiabatic read-out shows that it is them.
    """
    value = f"ln P of a jump is {log_jump.log_probability:.8g}"
    leaving = _leaving(exact, initial)
    predicted = float(np.exp(log_jump.log_probability))
    if leaving <= _bound(exact, leaving, predicted):
        return f"The passage is adiabatic: {value}.", True
    inner = exact
    if exact.basis != "superadiabatic":
        found = propagate(
            hamiltonian, drive, initial=initial, basis="superadiabatic", tolerance=tolerance
        )
        inner = of_all_levels(found)
    between = _leaving(inner, initial)
    residual = 0.0
    if inner.readout_residual is not None:
        residual = float(inner.readout_residual)
    if between <= _bound(inner, between, predicted):
        return (
            f"The passage is adiabatic: {value} between superadiabatic states; the {leaving:.2g} "
            f"in the {exact.basis} basis comes from the ends of the window: between superadiabatic "
            f"states it is {in_words(inner, between)}.",
            True,
        )
    if between <= 4 * residual**2:
        return (
            f"The passage is adiabatic: {value} between superadiabatic states, which at the ends "
            f"of this window are defined to {2 * residual:.1g} only: the exact answer bears it out "
            f"down to {between:.2g} and no further.",
            True,
        )
    return (
        f"{value} from the complex contour, which the exact answer contradicts: the jump between "
        f"superadiabatic states is {between:.6g}",
        False,
    )


def _bound(exact: Propagation, leaving: float, predicted: float) -> float:
    """Return up to where a probability is not more than was predicted."""
    return max(
        3 * float(known_to(float(exact.error_estimate), leaving)), (1 + _AGREEMENT) * predicted
    )


def _leaving(exact: Propagation, initial: int) -> float:
    others = np.arange(np.asarray(exact.probabilities).size) != initial
    return float(np.sum(np.asarray(exact.probabilities)[others]))


def verdict(
    crossings: Crossings,
    events: tuple[PassageEvent, ...],
    found: tuple[PassagePrediction, ...],
    exact: Propagation,
    initial: int,
    adiabatic: str,
    *,
    half: bool,
) -> str:
    """Return the answer in words; `adiabatic` is what was found of ln P, or empty.

    With `half` the window starts or stops exactly where a gap is smallest.
    """
    final: FloatArray = np.asarray(exact.probabilities)
    kind = "state" if exact.basis == "diabatic" else "level"
    stay = f"the system is left in {kind} {initial} with probability {final[initial]:.6g}"
    if not events and crossings:
        return f"No closed form describes how the drive meets the crossings; {stay}."
    solved = any(prediction.name == "half crossing" for prediction in found)
    if not events and half and not solved:
        said = f"The drive starts or stops in the middle of a crossing; {stay}"
        return f"{said}. {_numbers(found, exact, initial)}" if found else f"{said}."
    if not events and not solved:
        coherent = exact.is_unitary and exact.basis != "diabatic"
        said = "The drive meets no crossing"
        if final[initial] < 1 - _ADIABATIC:
            said += ", yet " + (
                "it is too fast for the levels it passes, or starts, turns or stops where they are "
                f"close; {stay}"
                if coherent
                else stay
            )
        else:
            said += f"; {stay}"
        return f"{said}. {_numbers(found, exact, initial)}" if found else f"{said}."
    if not found:
        return f"No closed form applies to {kind} {initial}; {stay}."
    if adiabatic:
        return adiabatic
    return _numbers(found, exact, initial)


def _numbers(found: tuple[PassagePrediction, ...], exact: Propagation, initial: int) -> str:
    """Return what the first closed form within its domain says beside the exact answer."""
    final: FloatArray = np.asarray(exact.probabilities)
    kind = "state" if exact.basis == "diabatic" else "level"
    first = next((prediction for prediction in found if prediction.valid), found[0])
    target = target_of(first.probabilities, initial)
    numbers = (
        f"{first.name} gives {float(first.probabilities[target]):.6g} for {kind} {target}, the "
        f"exact answer is {in_words(exact, float(final[target]))}"
    )
    if first.valid:
        return f"Within its domain, {numbers}."
    best = min(found, key=lambda prediction: prediction.difference)
    better = f"; {best.name} differs by {best.difference:.2g}" if best is not first else ""
    if first.warnings[0].startswith("contradicted"):
        return f"Contradicted by the exact answer, though its own checks hold: {numbers}{better}."
    return f"Outside its domain ({first.warnings[0]}), {numbers}."
