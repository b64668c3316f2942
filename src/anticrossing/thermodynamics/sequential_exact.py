"""Exact evolution of several driven levels, or of levels that return, through one reservoir."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing import drive as drives
from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.dynamics import FermionEvolution, GaussianState
from anticrossing.dynamics.arrowhead import Crossings, reduced
from anticrossing.dynamics.fermions import evolve_fermions, follow_star, prefers_panels
from anticrossing.dynamics.star import Star
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.thermodynamics.arguments import Thermal
from anticrossing.thermodynamics.pictures import draw_along


@dataclass(frozen=True, eq=False)
class SequentialExact(Thermal, Result):
    """Driven levels and their reservoir along the exact evolution, all interference included.

    Heat is what the reservoir loses, ``Q = −Δ Σ_i (ε_i − μ) n_i``, and work is the change of the
    total energy, the couplings included.

    Attributes
    ----------
    evolution : FermionEvolution
        The driven levels are the first S modes.
    temperature, chemical_potential : float
        Of the reservoir at the start.
    initial : GaussianState
        The state at the start.
    initial_energy : float
        Its energy.
    reservoir_energies : array, shape (M,)
    """

    evolution: FermionEvolution
    temperature: float
    chemical_potential: float
    initial: GaussianState
    initial_energy: float
    reservoir_energies: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time"),
        "occupation": shown("time", "level", text="occupation of the level"),
        "reservoir_occupation": shown("time", "reservoir_level", text="its occupation"),
        "work": shown("time", text="work done since the start"),
        "heat": shown("time", text="heat from the reservoir since the start"),
        "reservoir_energy": shown("reservoir_level", text="energy of the reservoir level"),
        "entropy_production": shown(text="entropy produced in all"),
        "mutual_information": shown(text="of levels and reservoir at the last time"),
        "error_estimate": shown(text="bound on the error of the evolution"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the occupations of the driven levels in time."""
        return draw_along(self.times, self.occupations.T, "time", ax)

    @property
    def levels(self) -> int:
        """The number S of driven levels."""
        return self.initial.modes - self.reservoir_energies.size

    @property
    def times(self) -> FloatArray:
        """The reported times, shape (K,)."""
        return self.evolution.times

    @property
    def occupations(self) -> FloatArray:
        """Occupations of the driven levels, shape (K, S)."""
        return self.evolution.occupations[:, : self.levels]

    @property
    def reservoir_occupations(self) -> FloatArray:
        """Occupations of the reservoir levels, shape (K, M)."""
        return self.evolution.occupations[:, self.levels :]

    @property
    def work(self) -> FloatArray:
        """Work done since the start, the change of the total energy, shape (K,)."""
        return self.evolution.energy - self.initial_energy

    @property
    def heat(self) -> FloatArray:
        """Heat given by the reservoir since the start, shape (K,)."""
        change = self.reservoir_occupations - self.initial.occupations[self.levels :]
        return -change @ (self.reservoir_energies - self.chemical_potential)

    @property
    def entropy_production(self) -> float:
        """``Σ = ΔS − Q/T``, S the von Neumann entropy of the driven levels together.

        Without initial correlations it is the mutual information of levels and reservoir plus the
        relative entropy of the reservoir to its equilibrium, and so never negative.
        """
        own = range(self.levels)
        change = self.evolution.state.entropy(own) - self.initial.entropy(own)
        return float(change - self.beta * self.heat[-1])

    @property
    def mutual_information(self) -> float:
        """``I`` between driven levels and reservoir at the last time."""
        own, rest = range(self.levels), range(self.levels, self.initial.modes)
        return float(self.evolution.state.mutual_information(list(own), list(rest)))

    @property
    def error_estimate(self) -> float:
        """Bound on the error of the propagator, phases aside."""
        return float(self.evolution.error_estimate)

    def __str__(self) -> str:
        first, last = (
            "  ".join(f"{p:.6g}" for p in row)
            for row in (self.initial.occupations[: self.levels], self.occupations[-1])
        )
        return "\n".join(
            [
                f"Exact evolution of {self.levels} driven level(s) and "
                f"{self.reservoir_energies.size} reservoir levels",
                f"  time                  {self.times[0]:g} to {self.times[-1]:g}",
                f"  occupations           {first} -> {last}",
                f"  work                  {self.work[-1]:.10g}",
                f"  heat from reservoir   {self.heat[-1]:.10g}",
                f"  entropy production    {self.entropy_production:.10g}",
                f"  mutual information    {self.mutual_information:.10g}",
                f"  error estimate        {self.error_estimate:.1e}",
            ]
        )


@dataclass(frozen=True, eq=False)
class Paths:
    """Driven levels on piecewise linear paths, coupled to fixed levels.

    Attributes
    ----------
    corners : array, shape (n,)
    energies : array, shape (S, n)
        Of the driven levels at the corners.
    levels : array, shape (M,)
    couplings : array, shape (S, M)
    """

    corners: FloatArray
    energies: FloatArray
    levels: FloatArray
    couplings: FloatArray

    def matrix(self, driven: FloatArray) -> FloatArray:
        """Return the single-particle matrix with the driven levels, first, at energies (S,)."""
        systems = driven.size
        matrix = np.diag(np.concatenate([driven, self.levels]))
        matrix[:systems, systems:] = self.couplings
        matrix[systems:, :systems] = self.couplings.T
        return matrix

    def at(self, time: float) -> FloatArray:
        """Return the single-particle matrix at a time."""
        return self.matrix(np.array([np.interp(time, self.corners, e) for e in self.energies]))

    def follow(self, state: GaussianState, times: FloatArray) -> FermionEvolution:
        """Follow a state exactly, by the cheaper of two solvers."""
        systems = self.energies.shape[0]
        every = np.concatenate([self.levels, self.energies.ravel()])
        window = float(self.corners[-1] - self.corners[0])
        phase = float(np.ptp(every)) * window
        moved = float(np.max(np.sum(np.abs(np.diff(self.energies, axis=1)), axis=1))) * window
        reports = times.size + self.corners.size
        # Energies far from zero keep their digits when counted from the reservoir.
        middle = 0.5 * float(self.levels.min() + self.levels.max())
        near = Paths(self.corners, self.energies - middle, self.levels - middle, self.couplings)
        size = systems + self.levels.size
        slow = self._is_slow if systems == 1 else None
        if prefers_panels(size, phase, reports, centre=systems, moved=moved, adiabatic=slow):
            found = near._by_pieces(state, times)
        else:
            found = near._by_star(state, times)
        return _lifted(found, middle, float(times[-1] - self.corners[0]))

    def _is_slow(self) -> bool:
        """Whether superadiabatic frames follow a single driven level throughout."""
        _, energies, couplings, _ = reduced(self.levels, self.couplings[0], 0.0)
        return Crossings.of(energies, couplings).are_slow(self.corners, self.energies[0])

    def _by_star(self, state: GaussianState, times: FloatArray) -> FermionEvolution:
        star = Star(self._centre, self.levels, self.couplings.T.astype(np.complex128))
        return follow_star(star, state, float(self.corners[0]), times, self.corners[1:-1])

    def _centre(self, times: FloatArray) -> ComplexArray:
        rows = np.stack([np.interp(times, self.corners, path) for path in self.energies], axis=-1)
        return np.asarray(rows[..., None] * np.eye(rows.shape[-1]), dtype=np.complex128)

    def _by_pieces(self, state: GaussianState, times: FloatArray) -> FermionEvolution:
        """Follow the straight pieces one after the other, each in superadiabatic frames."""
        whole: FermionEvolution | None = None
        for k, (left, right) in enumerate(zip(self.corners[:-1], self.corners[1:], strict=True)):
            if left >= times[-1] and whole is not None:
                break
            span = float(right - left)
            rise = np.diag(np.append(np.diff(self.energies, axis=1)[:, k], 0 * self.levels))
            matrix = Hamiltonian.from_terms(
                [("x", rise / span), ("1", self.matrix(self.energies[:, k]))]
            )
            inside = times[(times > left) & (times <= right)] - left
            if k == 0 and times[0] <= left:
                inside = np.append(0.0, inside)
            stop = span if right < times[-1] else float(times[-1] - left)
            asked = np.union1d(inside, [stop])
            piece = evolve_fermions(
                matrix, drives.Linear(0.0, span, rate=1.0), state=state, times=asked,
                method="panels",
            )  # fmt: skip
            reported = np.isin(asked, inside)
            whole = _joined(whole, piece, left, reported)
            state = piece.state
        assert whole is not None
        return dataclasses.replace(whole, times=times)


def _lifted(piece: FermionEvolution, energy: float, duration: float) -> FermionEvolution:
    """Return a piece with an energy added to every level."""
    return dataclasses.replace(
        piece,
        energy=piece.energy + energy * piece.occupations.sum(axis=1),
        mode_energies=piece.mode_energies + energy * piece.occupations,
        propagator=piece.propagator * np.exp(-1j * energy * duration),
    )


def _joined(
    before: FermionEvolution | None, piece: FermionEvolution, start: float, reported: Any
) -> FermionEvolution:
    """Append a piece that begins at `start`, at the times that were asked for."""
    if before is None and start == 0.0 and np.all(reported):
        return piece
    series = ("times", "occupations", "currents", "energy", "mode_energies")
    found: dict[str, Any] = {name: getattr(piece, name)[reported] for name in series}
    found["times"] = found["times"] + start
    if before is not None:
        for name in series:
            found[name] = np.concatenate([getattr(before, name), found[name]])
        found["propagator"] = piece.propagator @ before.propagator
        found["panels"] = before.panels + piece.panels
        found["error_estimate"] = before.error_estimate + piece.error_estimate
    return dataclasses.replace(piece, **found)
