"""Vibronic levels, and vibronic states in motion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import shown
from anticrossing.plot.diagrams import level_ladder
from anticrossing.units import Units


@dataclass(frozen=True, eq=False)
class VibronicLevels(Result):
    """The lowest vibronic levels of a Hamiltonian.

    Attributes
    ----------
    energies : array, shape (count,)
        Sorted upwards, degenerate levels repeated. Every one is an upper bound.
    populations : array, shape (count, N)
        The share of each diabatic state in a level (of degenerate levels any mixture).
    basis_sizes : tuple of int
        The number of oscillator functions along each coordinate.
    error_estimate : float
        By how much the last enlargement of the basis lowered any of the levels.
    """

    _variables: ClassVar = {
        "energy": shown("level", text="upper bound on the energy", unit="energy", of="energies"),
        "population": shown(
            "level", "diabatic_state", text="share of the diabatic state", of="populations"
        ),
        "basis_size": shown(
            "coordinate", text="oscillator functions along the coordinate", of="basis_sizes"
        ),
        "error_estimate": shown(text="what the last enlargement changed", unit="energy"),
    }

    energies: FloatArray
    populations: FloatArray
    basis_sizes: tuple[int, ...]
    error_estimate: float
    units: Units

    def plot(self, ax: Any = None) -> Any:
        """Draw the levels as a ladder, degenerate ones side by side."""
        return level_ladder(self.energies, unit=self.units.energy, ax=ax)

    def __str__(self) -> str:
        sizes = " × ".join(map(str, self.basis_sizes))
        lines = [
            f"{len(self.energies)} vibronic levels, basis {sizes}, ± {self.error_estimate:.1g}"
        ]
        lines += [f"  {energy: .10g}" for energy in self.energies]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class VibronicPropagation(Result):
    """Nuclei and electrons at K times, f coordinates, N states (see `propagate_vibronic`).

    Attributes
    ----------
    times : array, shape (K,)
    populations : array, shape (K, N)
        Of the diabatic states.
    positions : array, shape (K, f)
        Mean coordinates.
    autocorrelation_times, autocorrelation : array, shape (K,)
        ⟨Ψ(0)|Ψ(t)⟩. With a real H and a real beginning it is known at twice the times, as
        ⟨Ψ(t)*|Ψ(t)⟩.
    energy : float
        The mean, which is kept.
    basis_sizes : tuple of int
        The largest number of functions along each coordinate.
    functions : int
        The dimension of the basis.
    error_estimate : float
        By how much the last enlargement of the basis changed a population or the autocorrelation.
    edge_population : float
        The largest that the highest tenth of the basis, by Σ n/n_max, had at these times.
    """

    _variables: ClassVar = {
        "time": shown("time", text="time", unit="time", of="times"),
        "population": shown(
            "time", "diabatic_state", text="population of the diabatic state", of="populations"
        ),
        "position": shown("time", "coordinate", text="mean coordinate", of="positions"),
        "autocorrelation_time": shown(
            "autocorrelation_time", text="time", unit="time", of="autocorrelation_times"
        ),
        "autocorrelation": shown("autocorrelation_time", text="overlap with the beginning"),
        "energy": shown(text="mean energy", unit="energy"),
        "basis_size": shown(
            "coordinate", text="oscillator functions along the coordinate", of="basis_sizes"
        ),
        "functions": shown(text="dimension of the basis"),
        "error_estimate": shown(text="what the last enlargement changed"),
        "edge_population": shown(text="largest population of the highest functions"),
    }

    times: FloatArray
    populations: FloatArray
    positions: FloatArray
    autocorrelation_times: FloatArray
    autocorrelation: ComplexArray
    energy: float
    basis_sizes: tuple[int, ...]
    functions: int
    error_estimate: float
    edge_population: float
    units: Units


@dataclass(frozen=True, eq=False)
class RotorLevels(Result):
    """Vibronic levels labelled by their pseudorotation, degenerate partners counted once.

    Attributes
    ----------
    energies : array, shape (count,)
        Sorted upwards.
    angular_momenta : array, shape (count,)
        |j| of each level, half-odd or integer; NaN where j is not conserved.
    degeneracies : array of int, shape (count,)
    symmetries : tuple of str
        The representations of the trigonal group: ``"E"``, ``"A1"``, ``"A2"``, and ``"A1+A2"`` for
        a pair that the full rotation symmetry keeps together.
    error_estimate : float
        By how much the last enlargement of the basis changed any of the levels.
    """

    _variables: ClassVar = {
        "energy": shown("level", text="energy in vibrational quanta", of="energies"),
        "angular_momentum": shown("level", text="|j|", of="angular_momenta"),
        "degeneracy": shown("level", text="degeneracy", of="degeneracies"),
        "symmetry": shown("level", text="trigonal representation", of="symmetries"),
        "error_estimate": shown(text="what the last enlargement changed"),
    }

    energies: FloatArray
    angular_momenta: FloatArray
    degeneracies: npt.NDArray[np.int64]
    symmetries: tuple[str, ...]
    error_estimate: float

    def plot(self, ax: Any = None) -> Any:
        """Draw the levels as a ladder, with their symmetry and angular momentum."""
        names = [
            symmetry if np.isnan(j) else f"{symmetry}, |j| = {j:g}"
            for symmetry, j in zip(self.symmetries, self.angular_momenta, strict=True)
        ]
        return level_ladder(self.energies, names=names, ax=ax)

    def __str__(self) -> str:
        lines = ["       energy   degeneracy   |j|   symmetry"]
        for energy, times, j, symmetry in zip(
            self.energies, self.degeneracies, self.angular_momenta, self.symmetries, strict=True
        ):
            label = "-" if np.isnan(j) else f"{j:g}"
            lines.append(f"{energy:13.8f} {times:12d} {label:>5} {symmetry:>10}")
        return "\n".join(lines)
