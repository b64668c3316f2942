"""What a closed form offers for a passage, held against the exact answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.drive import Drive
from anticrossing.formulas import DomainCheck, Prediction
from anticrossing.formulas.result import check_variables, draw_checks
from anticrossing.hamiltonian import Hamiltonian

_DIABATIC_OVERLAP = 0.9
_AGREEMENT = 0.1
_UNSEEN = 1e-3  # of a level that is not the one in question
_NEGLECTED = 0.01


@dataclass(frozen=True, eq=False)
class PassagePrediction(Result):
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

    _variables: ClassVar[Mapping[str, Shown]] = {
        "difference": shown(text="largest difference from the exact probabilities"),
        "probability": shown("level", text="probability of the level"),
    }

    @property
    def valid(self) -> bool:
        """Whether every domain check holds."""
        return not self.warnings

    @property
    def verdict(self) -> str:
        """Whether the closed form holds here, in a few words."""
        return "within its domain" if self.valid else "OUTSIDE its domain"

    def variables(self) -> dict[str, Variable]:
        return {**super().variables(), **check_variables(self.checks)}

    def _attributes(self) -> dict[str, Any]:
        return {"name": self.name, "equation": self.equation, "valid": str(self.valid)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the checks as bars against their limits; without checks the probabilities."""
        if not self.checks:
            return super().plot(ax)
        return draw_checks(self.checks, self.name, ax)

    def __str__(self) -> str:
        values = "  ".join(f"{p:.6g}" for p in self.probabilities)
        return "\n".join(
            [
                f"{self.name}: {values}",
                f"  {self.equation}",
                f"  {self.verdict}, differs from the exact probabilities by {self.difference:.2g}",
                *(f"  {check}" for check in self.checks),
            ]
        )


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


def tenth(probabilities: FloatArray, spoken_of: int) -> FloatArray:
    """Return a tenth of each probability to be there or not, the accuracy of a formula.

    For all levels but the one in question the tenth is at least a thousandth.
    """
    part = _AGREEMENT * np.minimum(probabilities, 1 - probabilities)
    least = np.where(np.arange(probabilities.size) == spoken_of, 1e-10, _UNSEEN)
    return np.asarray(np.maximum(part, least))


def target_of(probabilities: FloatArray, initial: int) -> int:
    """Return the level, other than the first, that a closed form sends most to."""
    others = np.arange(probabilities.size) != initial
    return int(np.argmax(np.where(others, probabilities, -1.0)))


class Offers:
    """The predictions made so far, in the order in which they are to be believed."""

    def __init__(self, initial: int, exact: FloatArray) -> None:
        self.found: list[PassagePrediction] = []
        self.initial = initial
        self.exact = exact

    def add(self, name: str, prediction: Prediction, values: FloatArray) -> None:
        difference = float(np.max(np.abs(values - self.exact), initial=0.0))
        self.found.append(
            PassagePrediction(
                name,
                prediction.equation,
                values,
                prediction.checks,
                prediction.warnings,
                difference,
            )
        )

    def effect(self, of: str, values: FloatArray, changed: FloatArray, message: str) -> DomainCheck:
        """Return the check that a change of the probabilities leaves them good.

        It is allowed a tenth of each, as the formula itself, and not more than a hundredth.
        """
        allowed = np.minimum(tenth(values, target_of(values, self.initial)), _NEGLECTED)
        size = float(np.max(np.abs(changed - values) / allowed))
        quantity = f"change of a probability by {of} / what is allowed"
        return DomainCheck(quantity, size, 1.0, message)

    def ends(self, values: FloatArray, amplitude: float) -> DomainCheck:
        """Return the check of the largest amplitude that the ends of the window may add."""
        message = "the window is too short for the formula of an endless sweep"
        return self.added("the ends of the window", values, amplitude, message)

    def added(self, by: str, values: FloatArray, amplitude: float, message: str) -> DomainCheck:
        """Return the check of an amplitude of unknown phase that something adds to states."""
        size = np.float64(amplitude)  # of any size: what overflows is refused
        spread = 2 * size * np.sqrt(np.maximum(values * (1 - values), 0)) + size**2
        return self.effect(by, values, values + spread, message)


def draw_probabilities(
    rows: Sequence[tuple[str, npt.ArrayLike]], title: str, ax: Any = None
) -> Any:
    """Draw named rows of final probabilities as bars beside each other at every level."""
    ax = new_axes() if ax is None else ax
    width = 0.8 / len(rows)
    for k, (name, values) in enumerate(rows):
        array = np.asarray(values)
        places = np.arange(array.size)
        ax.bar(places + (k + 0.5) * width - 0.4, array, width, label=name)
    ax.set_xticks(places)
    ax.set(xlabel="level", ylabel="final probability", title=title)
    ax.legend()
    return ax


def with_checks(prediction: Prediction, *checks: DomainCheck) -> Prediction:
    """Return the prediction with further checks."""
    return dataclasses.replace(prediction, checks=(*prediction.checks, *checks))


def both_ends(drive: Drive) -> tuple[float, ...]:
    """Return the first and the last time of the window."""
    return float(drive.start_time), float(drive.stop_time)


def end_amplitude(
    hamiltonian: Hamiltonian,
    drive: Drive,
    basis: str,
    times: tuple[float, ...],
    occupied: Sequence[npt.NDArray[np.bool_]] | None = None,
) -> float:
    """Return the largest amplitude by which states at these ends are not those at infinity.

    Adiabatic states are mixed by the motion, |⟨j|dH/dt|i⟩|/gap²; states that H is written in by
    their coupling over their distance or the rate at which it vanishes. With `occupied`, for each
    end, only what mixes one of these states with another counts.
    """
    total = 0.0
    for end, time in enumerate(times):
        x, velocity = float(drive(time)), float(drive.velocity(time))
        h = hamiltonian(x)
        motion = hamiltonian.derivative(x) * velocity / hamiltonian.units.angular
        if basis == "diabatic":
            energies, mixing, power = np.diagonal(h).real, np.abs(h), 1
        else:
            energies, vectors = np.linalg.eigh(h)
            mixing, power = np.abs(vectors.conj().T @ motion @ vectors), 2
        apart = np.abs(energies[:, None] - energies)
        with np.errstate(all="ignore"):
            if basis == "diabatic":  # a coupling that vanishes mixes for as long as it lasts
                apart = np.hypot(apart, np.where(mixing > 0, np.abs(motion) / mixing, 0.0))
            ratio = np.where(mixing > 0, mixing / apart**power, 0.0)
        np.fill_diagonal(ratio, 0.0)
        if occupied is not None:
            ratio = ratio[occupied[end]]
        total += float(ratio.max(initial=0.0))
    return total


def kink_amplitude(hamiltonian: Hamiltonian, drive: Drive, reached: npt.NDArray[np.bool_]) -> float:
    """Return the amplitude that kinks of a drive add to levels, |⟨j|ΔdH/dt|i⟩|/gap² for each.

    Only what mixes a level that is reached with another counts. Phases of different kinks are
    taken to be independent.
    """
    start, stop = both_ends(drive)
    times = drive.breakpoints[(drive.breakpoints > start) & (drive.breakpoints < stop)]
    if not times.size:
        return 0.0
    beside = 1e-9 * (stop - start)
    change = np.asarray(drive.velocity(times + beside)) - np.asarray(drive.velocity(times - beside))
    positions = np.asarray(drive(times))
    energies, vectors = np.linalg.eigh(hamiltonian(positions))
    slope = vectors.conj().swapaxes(-1, -2) @ hamiltonian.derivative(positions) @ vectors
    turned = np.abs(slope * change[:, None, None]) / hamiltonian.units.angular
    apart = np.abs(energies[:, :, None] - energies[:, None, :])
    with np.errstate(all="ignore"):
        ratio = np.where(turned > 0, turned / apart**2, 0.0)
    ratio[:, np.eye(energies.shape[-1], dtype=np.bool_)] = 0.0
    return float(np.linalg.norm(ratio[:, reached].max(axis=(1, 2), initial=0.0)))
