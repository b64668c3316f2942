"""What the adiabatic-impulse model found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis.offers import draw_probabilities
from anticrossing.drive import Drive
from anticrossing.dynamics.result import Propagation
from anticrossing.formulas import MatrixPrediction, Prediction
from anticrossing.hamiltonian import Hamiltonian


@dataclass(frozen=True)
class ImpulsePassage(Result):
    """One row of the model: a crossing as the drive passes it (ħ = 1: radians per time).

    Attributes
    ----------
    time, position : float
        When and where.
    levels : (int, int)
        The pair of adiabatic levels, lower first.
    gap, sweep_rate : float
        g and α, the rate of the diabatic energy difference.
    jump_probability : float
        P = exp(−πg²/2α); 1 at a true crossing.
    stokes_phase : float
        φ_S of the passage.
    jump_phase : float
        Phase of the jump from the lower to the upper level between eigenvectors transported along
        the path: for real H zero or π, and different by π between a passage to and one fro.
    phase_to_next : float or None
        ζ = ½∫(E_j − E_i) dt of this pair until the next row; None in the last one.
    """

    time: float
    position: float
    levels: tuple[int, int]
    gap: float
    sweep_rate: float
    jump_probability: float
    stokes_phase: float
    jump_phase: float
    phase_to_next: float | None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown(text="time"),
        "position": shown(text="position"),
        "gap": shown(text="gap, radians per time"),
        "sweep_rate": shown(text="rate of the energy difference, radians per time²"),
        "jump_probability": shown(text="probability to jump"),
        "stokes_phase": shown(text="Stokes phase", unit="rad"),
        "jump_phase": shown(text="phase of the jump upwards", unit="rad"),
        "phase_to_next": shown(text="phase gathered until the next crossing", unit="rad"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"lower_level": self.levels[0], "upper_level": self.levels[1]}


@dataclass(frozen=True, eq=False)
class AdiabaticImpulse(Result):
    """What `adiabatic_impulse` found; printing it gives a readable summary.

    Attributes
    ----------
    passages : tuple of ImpulsePassage
        The crossings in order of time.
    prediction : MatrixPrediction
        Probabilities ``[final, initial]`` between adiabatic levels, with the checks of the domain.
    propagator : array, shape (N, N)
        The model's U(stop, start) in the basis H is written in.
    averaged : array, shape (N, N)
        Probabilities ``[final, initial]`` if all phases average out.
    two_passages : Prediction or None
        4P(1 − P) sin²(ζ + φ_S), where two levels pass once to and once fro, equally fast.
    exact : Propagation or None
        The exact evolution, unless it was not wanted.
    initial : int
        The level occupied at the start.
    left_out : tuple of str
        What the model could not take into account.
    """

    hamiltonian: Hamiltonian
    drive: Drive
    passages: tuple[ImpulsePassage, ...]
    prediction: MatrixPrediction
    propagator: ComplexArray
    averaged: FloatArray
    two_passages: Prediction | None
    exact: Propagation | None
    initial: int
    left_out: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "transition_matrix": shown("final", "initial", text="probability in the model"),
        "averaged": shown("final", "initial", text="probability, all phases averaged"),
        "exact": shown("final", "initial", text="exact probability", of="_exact_matrix"),
        "difference": shown(text="largest difference from the exact probabilities"),
        "time": shown("passage", text="time of the passage", of="_times"),
        "two_passages": shown(text="4P(1 − P) sin²(ζ + φ_S)"),
        "propagator": shown("row", "column", text="propagator of the model"),
    }

    @property
    def transition_matrix(self) -> FloatArray:
        """Probabilities ``[final, initial]`` between adiabatic levels, with interference."""
        return self.prediction.transition_matrix

    @property
    def probabilities(self) -> FloatArray:
        """Final probabilities of the adiabatic levels from `initial`, shape (N,)."""
        return np.asarray(self.transition_matrix[:, self.initial])

    @property
    def difference(self) -> float | None:
        """Largest difference of a probability from the exact one; None without `exact`."""
        if self.exact is None:
            return None
        return float(np.max(np.abs(self.transition_matrix - self.exact.transition_matrix)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check that fails, and what was left out."""
        return (*self.prediction.warnings, *self.left_out)

    @property
    def valid(self) -> bool:
        """Whether the drive lies in the domain of the model."""
        return not self.warnings

    def __str__(self) -> str:
        lines = [f"Adiabatic-impulse model of {self.hamiltonian!r} under {self.drive!r}", ""]
        lines += _table(self.passages)
        lines += ["", f"final probabilities from level {self.initial} (adiabatic basis)"]
        rows = [("with phases", self.probabilities), ("averaged", self.averaged[:, self.initial])]
        if self.exact is not None:
            rows.insert(0, ("exact", self.exact.probabilities))
        for name, values in rows:
            lines.append(f"  {name:<12}" + "  ".join(f"{p:10.6g}" for p in values))
        if self.difference is not None:
            lines.append(f"  largest difference of a transition probability: {self.difference:.2g}")
        if self.two_passages is not None:
            lines.append(f"  two passages, 4P(1 − P) sin²(ζ + φ_S): {float(self.two_passages):.6g}")
        lines += ["", *(str(check) for check in self.prediction.checks)]
        lines += [f"note: {text}" for text in self.left_out]
        return "\n".join(lines).rstrip()

    def plot(self, ax: Any = None) -> Any:
        """Draw the final probabilities of the levels: exact, with phases and averaged."""
        rows = [("with phases", self.probabilities), ("averaged", self.averaged[:, self.initial])]
        if self.exact is not None:
            rows.insert(0, ("exact", self.exact.probabilities))
        return draw_probabilities(rows, "adiabatic-impulse model", ax)

    def _attributes(self) -> dict[str, Any]:
        return {"hamiltonian": repr(self.hamiltonian), "drive": repr(self.drive)}

    @property
    def _exact_matrix(self) -> FloatArray | None:
        return None if self.exact is None else self.exact.transition_matrix

    @property
    def _times(self) -> FloatArray:
        return np.array([passage.time for passage in self.passages])


def _table(passages: Sequence[ImpulsePassage]) -> list[str]:
    if not passages:
        return ["The drive meets no crossing: every level only gathers its phase."]
    head = ("time", "levels", "gap", "sweep rate", "P jump", "Stokes", "jump phase", "to next")
    rows = [
        (
            f"{p.time:.6g}",
            f"{p.levels[0]}, {p.levels[1]}",
            f"{p.gap:.6g}",
            f"{p.sweep_rate:.6g}",
            f"{p.jump_probability:.6g}",
            f"{p.stokes_phase:.5f}",
            f"{p.jump_phase:.5f}",
            "" if p.phase_to_next is None else f"{p.phase_to_next:.6g}",
        )
        for p in passages
    ]
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
