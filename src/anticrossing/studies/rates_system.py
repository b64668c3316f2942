"""Donor, acceptor and bath as a file describes them once, and what each formula makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import read_only
from anticrossing.environment.spectral_density import Discrete, SpectralDensity
from anticrossing.formulas import Prediction
from anticrossing.molecules.rates import (
    fermi_golden_rule,
    harmonic_partition_ratio,
    intersystem_crossing_rate,
    landau_zener_rate,
    marcus,
    marcus_levich_jortner,
    spin_boson_golden_rule,
)


@dataclass(frozen=True)
class Vibration:
    """A vibration beside the bath: its frequency, its Huang–Rhys factor, whether it is thermal."""

    frequency: float
    huang_rhys: float
    thermal: bool

    @property
    def reorganization_energy(self) -> float:
        """Sω."""
        return self.frequency * self.huang_rhys


@read_only
@dataclass(frozen=True, eq=False)
class CrossingPoint:
    """The lowest crossing point of two surfaces, in natural units.

    The partition ratio is a number, or follows from the frequencies at every temperature.
    """

    slopes: tuple[float, float]
    reduced_mass: float
    barrier: float
    passage: str
    partition_ratio: float | None
    reactant_frequencies: FloatArray | None
    crossing_frequencies: FloatArray | None
    classical: bool


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
    vibration : Vibration or None
    frequency : float or None
        Typical frequency of the bath as a classical coordinate.
    average : str
        See `landau_zener_rate`.
    density_of_states, bandwidth : float or None
    crossing : CrossingPoint or None
    """

    coupling: float
    reaction_free_energy: float
    temperature: float
    reorganization_energy: float
    bath: SpectralDensity | None
    vibration: Vibration | None
    frequency: float | None
    average: str
    density_of_states: float | None
    bandwidth: float | None
    crossing: CrossingPoint | None

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


def _fermi(system: System) -> Prediction:
    assert system.density_of_states is not None
    return fermi_golden_rule(
        coupling=system.coupling,
        density_of_states=system.density_of_states,
        bandwidth=system.bandwidth,
    )


def _marcus(system: System) -> Prediction:
    return marcus(
        coupling=system.coupling,
        reorganization_energy=system.total_reorganization_energy,
        reaction_free_energy=system.reaction_free_energy,
        temperature=system.temperature,
        frequency=system.typical_frequency,
    )


def _marcus_levich_jortner(system: System) -> Prediction:
    assert system.vibration is not None
    return marcus_levich_jortner(
        coupling=system.coupling,
        reorganization_energy=system.classical_reorganization_energy,
        reaction_free_energy=system.reaction_free_energy,
        temperature=system.temperature,
        huang_rhys=system.vibration.huang_rhys,
        frequency=system.vibration.frequency,
        thermal_mode=system.vibration.thermal,
    )


def _spin_boson(system: System) -> Prediction:
    assert system.spectral_density is not None
    return spin_boson_golden_rule(
        coupling=system.coupling,
        reaction_free_energy=system.reaction_free_energy,
        temperature=system.temperature,
        spectral_density=system.spectral_density,
        slow_reorganization_energy=system.reorganization_energy,
    )


def _landau_zener(system: System) -> Prediction:
    assert system.frequency is not None
    return landau_zener_rate(
        coupling=system.coupling,
        reorganization_energy=system.classical_reorganization_energy,
        reaction_free_energy=system.reaction_free_energy,
        temperature=system.temperature,
        frequency=system.frequency,
        average=system.average,
    )


def _intersystem_crossing(system: System) -> Prediction:
    point = system.crossing
    assert point is not None
    ratio: float | FloatArray | None = point.partition_ratio
    if ratio is None:
        assert point.reactant_frequencies is not None
        assert point.crossing_frequencies is not None
        ratio = harmonic_partition_ratio(
            reactant_frequencies=point.reactant_frequencies,
            crossing_frequencies=point.crossing_frequencies,
            temperature=system.temperature,
            classical=point.classical,
        )
    return intersystem_crossing_rate(
        coupling=system.coupling,
        slopes=point.slopes,
        reduced_mass=point.reduced_mass,
        barrier=point.barrier,
        temperature=system.temperature,
        partition_ratio=ratio,
        passage=point.passage,
    )


class Formula(NamedTuple):
    """A formula of a file: its name in tables and figures, how it is evaluated, what it reads."""

    title: str
    evaluate: Callable[[System], Prediction]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    scanned: tuple[str, ...]


_TRANSFER = ("coupling", "reaction_free_energy", "temperature")
_ENVIRONMENT = ("reorganization_energy", "bath", "vibration")
FORMULAS = {
    "fermi_golden_rule": Formula(
        "Fermi's golden rule",
        _fermi,
        ("coupling", "density_of_states"),
        ("bandwidth",),
        ("coupling", "density_of_states"),
    ),
    "marcus": Formula(
        "Marcus",
        _marcus,
        _TRANSFER,
        (*_ENVIRONMENT, "frequency"),
        (*_TRANSFER, "reorganization_energy"),
    ),
    "marcus_levich_jortner": Formula(
        "Marcus–Levich–Jortner",
        _marcus_levich_jortner,
        (*_TRANSFER, "vibration"),
        ("reorganization_energy", "bath"),
        (*_TRANSFER, "reorganization_energy"),
    ),
    "spin_boson_golden_rule": Formula(
        "spin-boson golden rule",
        _spin_boson,
        _TRANSFER,
        _ENVIRONMENT,
        (*_TRANSFER, "reorganization_energy"),
    ),
    "landau_zener_rate": Formula(
        "Landau–Zener",
        _landau_zener,
        (*_TRANSFER, "frequency"),
        ("reorganization_energy", "bath", "average"),
        (*_TRANSFER, "reorganization_energy", "frequency"),
    ),
    "intersystem_crossing_rate": Formula(
        "intersystem crossing",
        _intersystem_crossing,
        ("coupling", "temperature", "crossing"),
        (),
        ("coupling", "temperature"),
    ),
}
"""The formulas that a file may ask for, by the names of their functions."""

TITLES = {name: formula.title for name, formula in FORMULAS.items()}
"""Their names in tables, sentences and figures."""
