"""Donor, acceptor and bath as a file describes them once, and what each formula makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.environment.spectral_density import Discrete, SpectralDensity
from anticrossing.formulas import Prediction
from anticrossing.molecules.rates import (
    RovibrationalStates,
    fermi_golden_rule,
    harmonic_partition_ratio,
    intersystem_crossing_rate,
    landau_zener_rate,
    marcus,
    marcus_levich_jortner,
    microcanonical_rate,
    spin_boson_golden_rule,
)
from anticrossing.studies.schema import Table


class VibrationTable(Table, frozen=True, kw_only=True):
    """A vibration beside the bath.

    Attributes
    ----------
    frequency : energy
        ħω.
    huang_rhys
        S, the Huang–Rhys factor.
    thermal
        false: it begins in its ground state.
    """

    frequency: float
    huang_rhys: float
    thermal: bool | None = None

    @property
    def reorganization_energy(self) -> float:
        """Sω."""
        return self.frequency * self.huang_rhys


class CrossingTable(Table, frozen=True, kw_only=True):
    """The lowest crossing point of two surfaces.

    Attributes
    ----------
    slopes : energy/length
        Of the two surfaces.
    reduced_mass : mass
        Of the motion across.
    barrier : energy
        Height of the crossing above the reactant.
    passage
        "landau-zener", "weak coupling" or "zhu-nakamura".
    partition_ratio
        Of the crossing and the reactant; instead of the frequencies.
    reactant_frequencies : energy
        ħω of the reactant.
    crossing_frequencies : energy
        ħω at the crossing.
    classical
        true: the vibrations are classical.
    reactant_rotation : energy
        ħ²/2I of the reactant: three numbers, one where it is linear.
    crossing_rotation : energy
        ħ²/2I at the crossing.
    product_energy : energy
        Lowest energy of the product above the reactant, where something tunnels; zero-point
        energies included for an isolated molecule.
    """

    slopes: tuple[float, float]
    reduced_mass: float
    barrier: float
    passage: Literal["landau-zener", "weak coupling", "zhu-nakamura"] = "landau-zener"
    partition_ratio: float | None = None
    reactant_frequencies: list[float] | None = None
    crossing_frequencies: list[float] | None = None
    classical: bool | None = None
    reactant_rotation: list[float] | None = None
    crossing_rotation: list[float] | None = None
    product_energy: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class System:
    """What is transferred from where to where, in natural units of the file's energy.

    Attributes
    ----------
    coupling, reaction_free_energy, temperature : float
        What no formula asked needs is zero.
    reorganization_energy : float
        Of a classical solvent alone.
    bath : SpectralDensity or None
        A quantum bath beside it.
    vibration : VibrationTable or None
    frequency : float or None
        Typical frequency of the bath as a classical coordinate.
    average : str
        See `landau_zener_rate`.
    energy : float
        Of an isolated molecule, above the zero-point level of the reactant.
    density_of_states, bandwidth : float or None
    crossing : CrossingTable or None
        With its mass in natural units
    """

    coupling: float
    reaction_free_energy: float
    temperature: float
    reorganization_energy: float
    bath: SpectralDensity | None
    vibration: VibrationTable | None
    frequency: float | None
    average: str
    energy: float
    density_of_states: float | None
    bandwidth: float | None
    crossing: CrossingTable | None

    @property
    def classical_reorganization_energy(self) -> float:
        """λ of solvent and bath, without the vibration."""
        return self.reorganization_energy + (
            0.0 if self.bath is None else self.bath.reorganization_energy
        )

    @property
    def total_reorganization_energy(self) -> float:
        """λ of solvent, bath and vibration."""
        quantum = 0.0 if self.vibration is None else self.vibration.reorganization_energy
        return self.classical_reorganization_energy + quantum

    @property
    def spectral_density(self) -> SpectralDensity | None:
        """Bath and vibration as one quantum bath."""
        if self.vibration is None:
            return self.bath
        mode = Discrete(
            frequencies=[self.vibration.frequency], huang_rhys=[self.vibration.huang_rhys]
        )
        return mode if self.bath is None else self.bath + mode

    @property
    def typical_frequency(self) -> float | None:
        """What tells whether everything moves classically: the vibration, if there is one."""
        if self.vibration is not None:
            return self.vibration.frequency
        if self.frequency is None and self.bath is not None:
            return self.bath.characteristic_frequency
        return self.frequency

    @property
    def thermal(self) -> bool:
        """Whether the vibration is thermal."""
        return self.vibration is not None and bool(self.vibration.thermal)

    @property
    def partition_ratio(self) -> float | FloatArray:
        """That of the crossing point, or what its frequencies give at this temperature."""
        point = self.crossing
        assert point is not None
        if point.partition_ratio is not None:
            return point.partition_ratio
        vibrations = harmonic_partition_ratio(
            reactant_frequencies=point.reactant_frequencies or [],
            crossing_frequencies=point.crossing_frequencies or [],
            temperature=self.temperature,
            classical=bool(point.classical),
        )
        turning = [
            RovibrationalStates(frequencies=np.empty(0), rotational_constants=np.array(given or []))
            for given in (point.crossing_rotation, point.reactant_rotation)
        ]
        heat = self.temperature
        return vibrations * (
            turning[0].partition_function(heat) / turning[1].partition_function(heat)
        )

    @property
    def reactant(self) -> RovibrationalStates:
        """The states of the reactant."""
        return self._states("reactant")

    @property
    def at_crossing(self) -> RovibrationalStates:
        """The states of the crossing point."""
        return self._states("crossing")

    def _states(self, which: str) -> RovibrationalStates:
        return RovibrationalStates(
            frequencies=np.array(getattr(self.crossing, f"{which}_frequencies")),
            rotational_constants=np.array(getattr(self.crossing, f"{which}_rotation") or []),
        )


class Formula(NamedTuple):
    """A formula of a file: its name in tables and figures, what it reads and is called with."""

    title: str
    function: Callable[..., Prediction]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    scanned: tuple[str, ...]
    arguments: Mapping[str, str]
    """Of the function, with the attributes of the system that they are."""

    def evaluate(self, system: System) -> Prediction:
        """Return the rate of a system."""
        found = {key: attrgetter(name)(system) for key, name in self.arguments.items()}
        return self.function(**found)


_TRANSFER = ("coupling", "reaction_free_energy", "temperature")
_ENVIRONMENT = ("reorganization_energy", "bath", "vibration")
_STATES = dict(zip(_TRANSFER, _TRANSFER, strict=True))
_SOLVENT = {**_STATES, "reorganization_energy": "classical_reorganization_energy"}
_POINT = ("slopes", "reduced_mass", "barrier", "passage", "product_energy")
FORMULAS = {
    "fermi_golden_rule": Formula(
        "Fermi's golden rule",
        fermi_golden_rule,
        ("coupling", "density_of_states"),
        ("bandwidth",),
        ("coupling", "density_of_states"),
        {key: key for key in ("coupling", "density_of_states", "bandwidth")},
    ),
    "marcus": Formula(
        "Marcus",
        marcus,
        _TRANSFER,
        (*_ENVIRONMENT, "frequency"),
        (*_TRANSFER, "reorganization_energy"),
        {
            **_STATES,
            "reorganization_energy": "total_reorganization_energy",
            "frequency": "typical_frequency",
        },
    ),
    "marcus_levich_jortner": Formula(
        "Marcus–Levich–Jortner",
        marcus_levich_jortner,
        (*_TRANSFER, "vibration"),
        ("reorganization_energy", "bath"),
        (*_TRANSFER, "reorganization_energy"),
        {
            **_SOLVENT,
            "huang_rhys": "vibration.huang_rhys",
            "frequency": "vibration.frequency",
            "thermal_mode": "thermal",
        },
    ),
    "spin_boson_golden_rule": Formula(
        "spin-boson golden rule",
        spin_boson_golden_rule,
        _TRANSFER,
        _ENVIRONMENT,
        (*_TRANSFER, "reorganization_energy"),
        {
            **_STATES,
            "spectral_density": "spectral_density",
            "slow_reorganization_energy": "reorganization_energy",
        },
    ),
    "landau_zener_rate": Formula(
        "Landau–Zener",
        landau_zener_rate,
        (*_TRANSFER, "frequency"),
        ("reorganization_energy", "bath", "average"),
        (*_TRANSFER, "reorganization_energy", "frequency"),
        {**_SOLVENT, "frequency": "frequency", "average": "average"},
    ),
    "intersystem_crossing_rate": Formula(
        "intersystem crossing",
        intersystem_crossing_rate,
        ("coupling", "temperature", "crossing"),
        (),
        ("coupling", "temperature"),
        {
            **{key: key for key in ("coupling", "temperature", "partition_ratio")},
            **{key: f"crossing.{key}" for key in _POINT},
        },
    ),
    "microcanonical_rate": Formula(
        "isolated molecule",
        microcanonical_rate,
        ("coupling", "energy", "crossing"),
        (),
        ("coupling", "energy"),
        {
            "coupling": "coupling",
            "energies": "energy",
            "reactant": "reactant",
            "crossing": "at_crossing",
            **{key: f"crossing.{key}" for key in _POINT},
        },
    ),
}
"""The formulas that a file may ask for, by the names of their functions."""

TITLES = {name: formula.title for name, formula in FORMULAS.items()}
"""Their names in tables, sentences and figures."""
