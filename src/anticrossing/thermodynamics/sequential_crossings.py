"""Several driven levels, or drives that turn around: crossings in the order of time.

The system levels move through the levels of one reservoir and may meet each of them more than
once. Occupations are then mixed pair by pair, which is all that the theory of independent
crossings can say: coherence between a system level and a reservoir level is ignored. That is
exact for occupations as long as no two paths lead from one level to another.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    choice,
    fail,
    fraction,
    last_axis,
    number_between,
    of_shape,
    real_array,
)
from anticrossing._core.unchanging import Unchanging
from anticrossing.dynamics.fermions import check_times
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.formulas.result import DomainCheck
from anticrossing.thermodynamics.arguments import Thermal, equilibrium_parameters
from anticrossing.thermodynamics.chain import crossing_probabilities
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.crossing_events import CrossingEvents, IntArray, crossing_sequence
from anticrossing.thermodynamics.dissipation import Filling
from anticrossing.thermodynamics.equilibrium import grand_potential
from anticrossing.thermodynamics.exact_work import (
    DIRECTIONS,
    checked_scheme,
    exact_work,
    gibbs_state,
    joint_counting,
)
from anticrossing.thermodynamics.sequential_exact import Paths, SequentialExact
from anticrossing.thermodynamics.sequential_ledger import SequentialLedger, mixed
from anticrossing.thermodynamics.sequential_statistics import SequentialStatistics
from anticrossing.thermodynamics.sequential_trajectories import (
    SequentialTrajectories,
    draw_trajectories,
    every_history,
)
from anticrossing.thermodynamics.work import WorkDistribution

MANY_PATHS = 1e9  # path counts stop here: they double with every second crossing


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
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), section VII.

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
        corners = np.array(times, dtype=np.float64)
        systems = np.array(system_energies, dtype=np.float64)
        self.reservoir_energies = np.array(reservoir_energies, dtype=np.float64)
        shape = (systems.shape[0], self.reservoir_energies.size)
        gamma = real_array("couplings", couplings)
        of_shape("couplings", gamma, (), shape[1:], shape)
        self.couplings = np.array(np.broadcast_to(gamma, shape))
        self.temperature, self.chemical_potential = equilibrium_parameters(
            temperature, chemical_potential
        )

        self._window = float(corners[0]), float(corners[-1])
        self._paths = Paths(corners, systems, self.reservoir_energies, self.couplings)
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
        start, stop = self._window
        margins = np.minimum(self.events.times - start, stop - self.events.times)
        return (
            DomainCheck(
                "duration of a crossing / time to the next of the same level",
                durations / self.events.waits,
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
        system = self._filling(self.positions[0])
        if initial_occupations is not None:
            given = fraction("initial_occupations", initial_occupations)
            system = Filling.of(last_axis("initial_occupations", given, systems))
        reservoir = self._filling(self.reservoir_energies)
        if reservoir_occupations is not None:
            given = fraction("reservoir_occupations", reservoir_occupations)
            reservoir = Filling.of(of_shape("reservoir_occupations", given, (levels,)))

        occupied, vacant = (
            mixed(self.events, *self._probabilities, *pair)
            for pair in ((system.occupied, reservoir.occupied), (system.vacant, reservoir.vacant))
        )
        return SequentialLedger(
            events=self.events,
            system_occupations=occupied[..., :systems],
            reservoir_occupations=occupied[..., systems:],
            system_vacancies=vacant[..., :systems],
            reservoir_vacancies=vacant[..., systems:],
            positions=self.positions,
            reservoir_energies=self.reservoir_energies,
            temperature=self.temperature,
            chemical_potential=self.chemical_potential,
        )

    # ---- statistics of the crossings ------------------------------------------------------------

    @property
    def grand_potential_change(self) -> float:
        """``ΔΩ^eq`` of the uncoupled driven levels between their ends."""
        first, last = (grand_potential(self.positions[k], **self._bath) for k in (0, -1))
        return last - first

    def work_statistics(
        self,
        initial_occupations: npt.ArrayLike | None = None,
        *,
        reservoir_occupations: npt.ArrayLike | None = None,
    ) -> SequentialStatistics:
        """Return the exact statistics of work, heat, particles and entropy of the crossings.

        Parameters
        ----------
        initial_occupations : array_like, shape (S,), optional
            As for `run`; in equilibrium the work fluctuation theorem holds.
        reservoir_occupations : array_like, shape (M,), optional
            As for `run`.
        """
        ledger = self._single(initial_occupations, reservoir_occupations)
        starts, bath = self._filling(self.positions[0]), self._filling(self.reservoir_energies)
        if initial_occupations is not None:
            starts = Filling.of(ledger.system_occupations[0])
        if reservoir_occupations is not None:
            bath = Filling.of(ledger.reservoir_occupations[0])
        levels = self.reservoir_energies[self.events.reservoir_levels]
        return SequentialStatistics(
            lifts=np.diff(self.positions, axis=0),
            system_levels=self.events.system_levels,
            reservoir_levels=self.events.reservoir_levels,
            excess_energies=levels - self.chemical_potential,
            diabatic_probabilities=self.diabatic_probabilities,
            adiabatic_probabilities=self.adiabatic_probabilities,
            initial=starts,
            final=ledger.filling(-1),
            reservoir=bath,
            temperature=self.temperature,
        )

    def trajectories(
        self, n: int, rng: np.random.Generator, initial_occupations: npt.ArrayLike | None = None
    ) -> SequentialTrajectories:
        """Draw n independent trajectories, with work, heat and entropy of every crossing.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        initial_occupations : array_like, shape (S,), optional
            As for `run`.
        """
        ledger = self._single(initial_occupations)
        return draw_trajectories(ledger, *self._probabilities, n, rng)

    def every_trajectory(
        self, initial_occupations: npt.ArrayLike | None = None
    ) -> SequentialTrajectories:
        """Return all trajectories that are possible, with their probabilities as weights.

        Raises
        ------
        InputError
            If there are more than a million.
        """
        return every_history(self._single(initial_occupations), *self._probabilities)

    def backward(self) -> SequentialCrossings:
        """Return the reversed protocol: the same crossings, in reverse order."""
        middle, events, paths = sum(self._window), self.events, self._paths
        return self._with(
            events=CrossingEvents(
                middle - events.times[::-1],
                events.system_levels[::-1],
                events.reservoir_levels[::-1],
                events.speeds[::-1],
            ),
            positions=self.positions[::-1],
            diabatic_probabilities=self.diabatic_probabilities[::-1],
            adiabatic_probabilities=self.adiabatic_probabilities[::-1],
            _met_couplings=self._met_couplings[::-1],
            _paths=Paths(
                middle - paths.corners[::-1], paths.energies[:, ::-1], paths.levels, paths.couplings
            ),
        )

    # ---- the exact twin -------------------------------------------------------------------------

    def hamiltonian(self, time: float) -> FloatArray:
        """Return the single-particle matrix at a time, the driven levels first."""
        return self._paths.at(number_between("time", time, *self._window))

    def evolve(
        self,
        initial_occupations: npt.ArrayLike | None = None,
        *,
        coupled: bool = False,
        times: npt.ArrayLike | None = None,
    ) -> SequentialExact:
        """Solve levels and reservoir exactly, with all interference between paths.

        Parameters
        ----------
        initial_occupations : array_like, shape (S,), optional
            Of the driven levels at the start, uncorrelated with each other and the reservoir; by
            default their equilibrium there.
        coupled : bool
            Begin in the common equilibrium of all coupled levels instead.
        times : array, shape (K,), optional
            Increasing times inside the window; its ends by default.
        """
        wanted = check_times(times, *self._window)
        before = self.hamiltonian(self._window[0])
        if not coupled:
            ledger = self._single(initial_occupations)
            occupied = (ledger.system_occupations[0], ledger.reservoir_occupations[0])
            state = GaussianState.product(np.concatenate(occupied))
        elif initial_occupations is None:
            state = gibbs_state(before, **self._bath)
        else:
            must = "not be given with `coupled`"
            raise fail("initial_occupations", must, "they would be ignored")
        return SequentialExact(
            self._paths.follow(state, wanted),
            self.temperature,
            self.chemical_potential,
            state,
            state.energy(before),
            self.reservoir_energies,
        )

    @functools.cached_property
    def propagator(self) -> ComplexArray:
        """The exact single-particle propagator over the whole window, driven levels first."""
        modes = self.positions.shape[1] + self.reservoir_energies.size
        empty = GaussianState.product(np.zeros(modes))
        return self._paths.follow(empty, np.array(self._window[1:])).propagator

    def work_distribution(
        self, *, method: str = "exact", scheme: str | None = None, direction: str = "forward"
    ) -> WorkDistribution:
        """Return the statistics of the mechanical work, with the options of a `DrivenLevel`.

        Parameters
        ----------
        method : {"exact", "landau-zener"}
        scheme : {"coupled", "decoupled", "product"}, optional
        direction : {"forward", "backward"}
        """
        systems, levels = self.positions.shape[1], self.reservoir_energies.size
        scheme = checked_scheme(method, scheme, levels, systems)
        forward = choice("direction", direction, DIRECTIONS) == "forward"
        if method == "landau-zener":
            model = self if forward else self.backward()
            statistics = model.work_statistics()
            statistics.check_active()
            return WorkDistribution(
                statistics,
                temperature=self.temperature,
                free_energy_difference=model.grand_potential_change,
                description=f"Landau-Zener crossings, {direction}",
            )
        start, stop = (self.hamiltonian(time) for time in self._window)
        return exact_work(
            self.propagator if forward else self.propagator.T,
            (start, stop) if forward else (stop, start),
            scheme=scheme,
            description=f"exact, {scheme} scheme, {direction}",
            **self._bath,
        )

    def full_counting(self, *, direction: str = "forward") -> TwoPointStatistics:
        """Return the exact joint statistics of work, heat and particles, as for a `DrivenLevel`.

        Parameters
        ----------
        direction : {"forward", "backward"}
        """
        forward = choice("direction", direction, DIRECTIONS) == "forward"
        ends = self.positions[[0, -1] if forward else [-1, 0]]
        propagator = self.propagator if forward else self.propagator.T
        return joint_counting(propagator, ends, self.reservoir_energies, **self._bath)

    def _single(self, systems: Any, reservoir: Any = None) -> SequentialLedger:
        """Return the ledger of one set of initial occupations."""
        ledger = self.run(systems, reservoir_occupations=reservoir)
        if ledger.system_occupations.ndim > 2:
            must = f"have shape ({self.positions.shape[1]},)"
            raise fail("initial_occupations", must, f"its shape is {np.shape(systems)}")
        return ledger

    @property
    def _probabilities(self) -> tuple[FloatArray, FloatArray]:
        return self.diabatic_probabilities, self.adiabatic_probabilities

    @property
    def _bath(self) -> dict[str, float]:
        return {"temperature": self.temperature, "chemical_potential": self.chemical_potential}

    def _filling(self, energies: FloatArray) -> Filling:
        return Filling.thermal(energies, self.beta, self.chemical_potential)
