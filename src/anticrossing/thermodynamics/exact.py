"""Work, heat and entropy of a driven level from the exact evolution of level and reservoir."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from anticrossing._core.checks import FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.dynamics import FermionEvolution, GaussianState
from anticrossing.thermodynamics.arguments import Thermal
from anticrossing.thermodynamics.equilibrium import binary_entropy


@dataclass(frozen=True, eq=False)
class ExactLedger(Thermal, Result):
    """A driven level and its reservoir along the exact evolution.

    The level begins uncorrelated with a reservoir in equilibrium, or (`coupled`) in the common
    equilibrium of both. Heat is what the reservoir loses, ``Q = −Δ Σ_i (ε_i − μ) n_i``, and work is
    the change of the total energy, the couplings included. With their energy ``⟨V⟩`` the first law
    reads ``Δ(E + ⟨V⟩) = W + Q + W_chem``: what the level alone takes in is not what it is given.

    Attributes
    ----------
    evolution : FermionEvolution
        Mode 0 is the driven level, the others the reservoir levels.
    temperature, chemical_potential : float
        Of the reservoir at the start.
    initial : GaussianState
        The state at the start.
    initial_energy : float
        Its energy.
    reservoir_levels : array, shape (L,)
        ``ε_i``.

    References
    ----------
    M. Esposito, K. Lindenberg, C. Van den Broeck, New J. Phys. 12, 013013 (2010).
    """

    evolution: FermionEvolution
    temperature: float
    chemical_potential: float
    initial: GaussianState
    initial_energy: float
    reservoir_levels: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time"),
        "occupation": shown("time", text="occupation of the driven level"),
        "energy": shown("time", text="energy of the driven level"),
        "coupling_energy": shown("time", text="energy of the couplings"),
        "work": shown("time", text="work done since the start"),
        "chemical_work": shown("time", text="chemical work since the start"),
        "heat": shown("time", text="heat from the reservoir since the start"),
        "entropy": shown("time", text="entropy of the driven level"),
        "entropy_production": shown("time", text="entropy produced since the start"),
        "reservoir_occupation": shown("time", "reservoir_level", text="its occupation"),
        "current": shown("time", "reservoir_level", text="particle current into the level"),
        "reservoir_energy": shown("reservoir_level", text="its energy", of="reservoir_levels"),
        "mutual_information": shown(text="mutual information at the last time"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"error_estimate": float(self.evolution.error_estimate)}

    @property
    def times(self) -> FloatArray:
        """The reported times, shape (K,)."""
        return self.evolution.times

    @property
    def occupations(self) -> FloatArray:
        """``p(t) = ⟨c†c⟩`` of the driven level, shape (K,)."""
        return self.evolution.occupations[:, 0]

    @property
    def reservoir_occupations(self) -> FloatArray:
        """``⟨c_i†c_i⟩`` of the reservoir levels, shape (K, L)."""
        return self.evolution.occupations[:, 1:]

    @property
    def currents(self) -> FloatArray:
        """The particle current into every reservoir level, shape (K, L)."""
        return self.evolution.currents[:, 1:]

    @property
    def energy(self) -> FloatArray:
        """Energy ``ε_t p(t)`` of the driven level, shape (K,)."""
        return self.evolution.mode_energies[:, 0]

    @property
    def coupling_energy(self) -> FloatArray:
        """Energy ``⟨V⟩`` of the couplings, shape (K,); zero without initial correlations."""
        return self.evolution.energy - self.evolution.mode_energies.sum(axis=1)

    @property
    def work(self) -> FloatArray:
        """Work done since the start, the change of the total energy, shape (K,)."""
        return self.evolution.energy - self.initial_energy

    @property
    def heat(self) -> FloatArray:
        """Heat given by the reservoir since the start, shape (K,)."""
        change = self.reservoir_occupations - self.initial.occupations[1:]
        return -change @ (self.reservoir_levels - self.chemical_potential)

    @property
    def chemical_work(self) -> FloatArray:
        """``μ`` times the particles that the level has received since the start, shape (K,)."""
        return self.chemical_potential * (self.occupations - self.initial.occupations[0])

    @property
    def entropy(self) -> FloatArray:
        """Von Neumann entropy of the driven level, shape (K,)."""
        return binary_entropy(self.occupations)

    @property
    def entropy_production(self) -> FloatArray:
        """``Σ = ΔS − Q/T`` of the driven level since the start, shape (K,).

        Without initial correlations it is the mutual information of level and reservoir plus the
        relative entropy of the reservoir to its equilibrium, and so never negative.
        """
        change = self.entropy - binary_entropy(self.initial.occupations[0])
        return change - self.beta * self.heat

    @property
    def mutual_information(self) -> float:
        """``I`` between the driven level and the reservoir at the last time."""
        modes = range(1, self.evolution.state.modes)
        return self.evolution.state.mutual_information([0], list(modes))

    def __str__(self) -> str:
        return "\n".join(
            [
                f"Exact evolution of a driven level and {self.reservoir_levels.size} reservoir "
                "levels",
                f"  time                  {self.times[0]:g} to {self.times[-1]:g}",
                f"  occupation            {self.initial.occupations[0]:.10g} -> "
                f"{self.occupations[-1]:.10g}",
                f"  work                  {self.work[-1]:.10g}",
                f"  heat from reservoir   {self.heat[-1]:.10g}",
                f"  coupling energy       {self.coupling_energy[-1]:.10g}",
                f"  entropy production    {self.entropy_production[-1]:.10g}",
                f"  mutual information    {self.mutual_information:.10g}",
                f"  error estimate        {self.evolution.error_estimate:.1e}",
            ]
        )
