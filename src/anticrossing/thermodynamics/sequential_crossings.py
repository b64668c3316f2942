"""Several driven levels, or drives that turn around: crossings in the order of time.

The system levels move through the levels of one reservoir and may meet each of them more than
once. Occupations are then mixed pair by pair, which is all that the theory of independent
crossings can say: coherence between a system level and a reservoir level is ignored. That is
exact for occupations as long as no two paths lead from one level to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fraction, last_axis, of_shape, real_array
from anticrossing._core.result import Result
from anticrossing._core.unchanging import Unchanging
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import DomainCheck
from anticrossing.thermodynamics.arguments import Thermal, equilibrium_parameters
from anticrossing.thermodynamics.chain import crossing_probabilities
from anticrossing.thermodynamics.crossing_events import CrossingEvents, IntArray, crossing_sequence
from anticrossing.thermodynamics.equilibrium import binary_entropy, fermi
from anticrossing.thermodynamics.pictures import draw_along

MANY_PATHS = 1e9  # path counts stop here: they double with every second crossing


@dataclass(frozen=True, eq=False)
class SequentialLedger(Thermal, Result):
    """What `SequentialCrossings.run` returns, for K crossings; batch axes first.

    Attributes
    ----------
    events : CrossingEvents
        The crossings.
    system_occupations : array, shape (..., K+1, S)
        Occupations of the system levels before the first and after each crossing.
    reservoir_occupations : array, shape (..., K+1, M)
        Occupations of the reservoir levels.
    positions : array, shape (K+2, S)
        Energies of the system levels at the start, at each crossing and at the end.
    reservoir_energies : array, shape (M,)
    temperature, chemical_potential : float
        Of the reservoir.
    """

    events: CrossingEvents
    system_occupations: FloatArray
    reservoir_occupations: FloatArray
    positions: FloatArray
    reservoir_energies: FloatArray
    temperature: float
    chemical_potential: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "occupation": shown(
            "moment", "level", text="occupation of the level", of="system_occupations"
        ),
        "reservoir_occupation": shown(
            "moment", "reservoir_level", text="its occupation", of="reservoir_occupations"
        ),
        "position": shown("place", "level", text="energy of the level", of="positions"),
        "mechanical_work": shown("moment", "level", text="mechanical work"),
        "particles_received": shown("crossing", text="particles from the reservoir"),
        "heat": shown("crossing", text="heat from the reservoir"),
        "chemical_work": shown("crossing", text="chemical work"),
        "entropy_production": shown("moment", text="entropy produced since the start"),
        "energy_change": shown(text="change of energy"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the entropy produced since the start after each crossing."""
        ax = draw_along(
            np.arange(self.entropy_production.shape[-1]), self.entropy_production, "crossing", ax
        )
        ax.set_ylabel("entropy production")
        return ax

    @property
    def particles_received(self) -> FloatArray:
        """Particles that the system takes from the reservoir at each crossing, shape (..., K)."""
        changes = np.diff(self.system_occupations, axis=-2)
        return np.asarray(np.sum(changes, axis=-1))  # only one level changes at a crossing

    @property
    def heat(self) -> FloatArray:
        """``Q = (ε − μ) Δp`` into the system at each crossing, shape (..., K)."""
        levels = self.reservoir_energies[self.events.reservoir_levels]
        return (levels - self.chemical_potential) * self.particles_received

    @property
    def chemical_work(self) -> FloatArray:
        """``W^c = μ Δp`` at each crossing, shape (..., K)."""
        return self.chemical_potential * self.particles_received

    @property
    def mechanical_work(self) -> FloatArray:
        """``W^m`` done on each system level before, between, after crossings; (..., K+1, S)."""
        return np.diff(self.positions, axis=0) * self.system_occupations

    @property
    def energy_change(self) -> FloatArray:
        """Energy of the system at the end less that at the start, shape (...)."""
        last = self.positions[-1] * self.system_occupations[..., -1, :]
        first = self.positions[0] * self.system_occupations[..., 0, :]
        return np.asarray(np.sum(last - first, axis=-1))

    @property
    def entropy_production(self) -> FloatArray:
        """Entropy produced since the start, ``ΔS − Q/T``, after each crossing; (..., K+1).

        S is the sum over the system levels. The total is never negative if the reservoir begins
        in equilibrium, but where a reservoir level is met again it may fall from one crossing to
        the next: the reservoir gives back what it took.
        """
        entropy = np.sum(binary_entropy(self.system_occupations), axis=-1)
        flow = self.beta * np.cumsum(self.heat, axis=-1)
        flow = np.concatenate((np.zeros((*flow.shape[:-1], 1)), flow), axis=-1)
        return entropy - entropy[..., :1] - flow

    def __str__(self) -> str:
        crossings, systems = self.events.times.size, self.positions.shape[1]
        lines = [f"Sequential crossings, {crossings} of {systems} system level(s)"]
        if self.system_occupations.ndim > 2:
            batch = self.system_occupations.shape[:-2]
            lines.append(f"  batch of initial occupations, shape {batch}")
            return "\n".join(lines)
        last = "  ".join(f"{p:.6g}" for p in self.system_occupations[-1])
        lines += [
            f"  final occupations     {last}",
            f"  mechanical work       {self.mechanical_work.sum():.10g}",
            f"  chemical work         {self.chemical_work.sum():.10g}",
            f"  heat from reservoir   {self.heat.sum():.10g}",
            f"  energy change         {self.energy_change:.10g}",
            f"  entropy production    {self.entropy_production[-1]:.10g}",
        ]
        return "\n".join(lines)


class SequentialCrossings(Thermal, Unchanging):
    """System levels on piecewise linear paths through the levels of one reservoir.

    At each crossing the two occupations mix, with ``R = exp(−2πγ²/|ε̇|)``::

        p′ = R p + (1−R) n          n′ = R n + (1−R) p

    For one level that moves one way this is `LandauZenerChain`. A reservoir level that is met
    again, by another system level or by the same one on its way back, enters with the occupation
    that it was left with. `checks` tells whether paths interfere, which is beyond this theory.

    Parameters
    ----------
    times, system_energies, reservoir_energies : array_like
        As for `crossing_sequence`: shapes (n,), (S, n) and (M,).
    couplings : array_like, shape (), (M,) or (S, M)
        ``γ`` of each system level with each reservoir level (energy).
    temperature : float
        Temperature of the reservoir (energy, k_B = 1), positive.
    chemical_potential : float
        ``μ`` of the reservoir (energy).

    Raises
    ------
    InputError
        For the reasons given with `crossing_sequence`, or couplings of the wrong shape.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), conclusions.

    Examples
    --------
    >>> model = SequentialCrossings(
    ...     times=[0.0, 10.0], system_energies=[[0.0, 10.0], [-3.0, 7.0]],
    ...     reservoir_energies=[5.0], couplings=0.2, temperature=1 / 1.2, chemical_potential=3.0,
    ... )
    >>> model.run([1.0, 0.0]).system_occupations.round(4)
    array([[1.    , 0.    ],
           [0.7963, 0.    ],
           [0.7963, 0.0638]])
    """

    def __init__(
        self,
        *,
        times: npt.ArrayLike,
        system_energies: npt.ArrayLike,
        reservoir_energies: npt.ArrayLike,
        couplings: npt.ArrayLike,
        temperature: float,
        chemical_potential: float,
    ) -> None:
        self.events = crossing_sequence(
            times=times, system_energies=system_energies, reservoir_energies=reservoir_energies
        )
        corners = np.asarray(times, dtype=np.float64)
        systems = np.asarray(system_energies, dtype=np.float64)
        self.reservoir_energies = np.array(reservoir_energies, dtype=np.float64)
        shape = (systems.shape[0], self.reservoir_energies.size)
        gamma = real_array("couplings", couplings)
        of_shape("couplings", gamma, (), shape[1:], shape)
        self.couplings = np.array(np.broadcast_to(gamma, shape))
        self.temperature, self.chemical_potential = equilibrium_parameters(
            temperature, chemical_potential
        )

        self._window = float(corners[0]), float(corners[-1])
        stops = np.concatenate(([corners[0]], self.events.times, [corners[-1]]))
        self.positions = np.stack([np.interp(stops, corners, path) for path in systems], axis=-1)
        met = self.couplings[self.events.system_levels, self.events.reservoir_levels]
        self._met_couplings = met
        self.diabatic_probabilities, self.adiabatic_probabilities = crossing_probabilities(
            met, self.events.speeds
        )

    @property
    def meetings(self) -> IntArray:
        """How often each reservoir level is met, shape (M,)."""
        return np.bincount(self.events.reservoir_levels, minlength=self.reservoir_energies.size)

    @property
    def paths(self) -> FloatArray:
        """Number of paths ``[final, initial]`` between levels, system first; shape (S+M, S+M).

        Occupations are exact for independent crossings where no number is above one.
        """
        systems = self.positions.shape[1]
        counts = np.eye(systems + self.reservoir_energies.size)
        coupled = self._met_couplings != 0
        pairs = zip(self.events.system_levels, self.events.reservoir_levels, strict=True)
        for (system, reservoir), mixes in zip(pairs, coupled, strict=True):
            if mixes:
                pair = [system, systems + reservoir]
                counts[pair] = np.minimum(counts[pair].sum(axis=0), MANY_PATHS)
        return counts

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether crossings are separate in time and paths do not interfere."""
        durations = np.maximum(
            1 / np.sqrt(self.events.speeds), 2 * np.abs(self._met_couplings) / self.events.speeds
        )
        waits = np.full(durations.shape, np.inf)
        for levels in (self.events.system_levels, self.events.reservoir_levels):
            for level in np.unique(levels):
                own = np.flatnonzero(levels == level)
                gaps = np.diff(self.events.times[own])
                waits[own[1:]] = np.minimum(waits[own[1:]], gaps)
                waits[own[:-1]] = np.minimum(waits[own[:-1]], gaps)
        start, stop = self._window
        margins = np.minimum(self.events.times - start, stop - self.events.times)
        return (
            DomainCheck(
                "duration of a crossing / time to the next of the same level",
                durations / waits,
                1.0,
                "a level is met again before the crossing is over",
            ),
            DomainCheck(
                "duration of a crossing / time from the ends",
                durations / margins,
                1.0,
                "the drive begins or ends inside a crossing",
            ),
            DomainCheck(
                "meetings of one reservoir level",
                self.meetings.astype(np.float64),
                1.0,
                "a level met again remembers the first crossing; coherence between is ignored",
            ),
            DomainCheck(
                "paths between two levels",
                self.paths,
                1.0,
                "paths interfere, and their phases are ignored",
            ),
        )

    def run(
        self,
        initial_occupations: npt.ArrayLike | None = None,
        *,
        reservoir_occupations: npt.ArrayLike | None = None,
    ) -> SequentialLedger:
        """Follow all occupations through the crossings.

        Parameters
        ----------
        initial_occupations : array_like, shape (..., S), optional
            Of the system levels; by default their equilibrium at the start.
        reservoir_occupations : array_like, shape (M,), optional
            Of the reservoir levels; by default Fermi occupations.

        Returns
        -------
        SequentialLedger

        Raises
        ------
        InputError
            If an occupation is not between 0 and 1, or a shape does not fit.
        """
        systems, levels = self.positions.shape[1], self.reservoir_energies.size
        if initial_occupations is None:
            system = self._equilibrium(self.positions[0])
        else:
            system = fraction("initial_occupations", initial_occupations)
            last_axis("initial_occupations", system, systems)
        if reservoir_occupations is None:
            reservoir = self._equilibrium(self.reservoir_energies)
        else:
            reservoir = fraction("reservoir_occupations", reservoir_occupations)
            of_shape("reservoir_occupations", reservoir, (levels,))

        events = self.events
        batch = system.shape[:-1]
        occupations = np.empty((*batch, events.times.size + 1, systems + levels))
        occupations[..., 0, :systems] = system
        occupations[..., 0, systems:] = reservoir
        pairs = np.stack((events.system_levels, systems + events.reservoir_levels), axis=-1)
        for k, pair in enumerate(pairs):
            keep, swap = self.diabatic_probabilities[k], self.adiabatic_probabilities[k]
            occupations[..., k + 1, :] = occupations[..., k, :]
            before = occupations[..., k, pair]
            occupations[..., k + 1, pair] = keep * before + swap * before[..., ::-1]
        return SequentialLedger(
            events=events,
            system_occupations=occupations[..., :systems],
            reservoir_occupations=occupations[..., systems:],
            positions=self.positions,
            reservoir_energies=self.reservoir_energies,
            temperature=self.temperature,
            chemical_potential=self.chemical_potential,
        )

    def _equilibrium(self, energies: FloatArray) -> FloatArray:
        return fermi(
            energies, temperature=self.temperature, chemical_potential=self.chemical_potential
        )
