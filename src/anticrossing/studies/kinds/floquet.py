"""A periodically driven system: quasi-energies and modes, and the state that repeats itself.

.. code-block:: toml

    [hamiltonian]
    model = "LandauZener"
    gap = 0.2
    [drive]
    kind = "sinusoidal"
    offset = 2.0
    amplitude = 3.0
    frequency = 1.0
    [environment]                # optional: gives the steady state too
    kind = "thermal"
    temperature = 0.3
    t1 = 1000.0
    [floquet]
    basis = "diabatic"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.drive import Drive
from anticrossing.dynamics import Floquet, PeriodicSteadyState, floquet, periodic_steady_state
from anticrossing.dynamics.request import check_tolerance, environment_coordinates
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import environments, levels, tables
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

_LARGEST_WORK = 2e4  # levels squared, at all points: some minutes
_OUTPUTS = {
    "quasi_energy": Output("quasi-energy", ("mode",), default=True, quantity="quasi-energy"),
    "mean_energy": Output("energy of a mode averaged over a period", ("mode",)),
}
_STEADY = {
    "population": Output(
        "population averaged over a period", ("level",), default=True, quantity="population"
    ),
    "relaxation_time": Output("time in which deviations from the steady state fall by e"),
}


class FloquetTable(TableOfFile, frozen=True, kw_only=True):
    """The period of a drive that is not sinusoidal, and where populations are read.

    Attributes
    ----------
    period : time
        Of a drive that repeats itself, but whose formula does not show it; else the period of
        the drive.
    basis
        Where populations are read: "adiabatic" or "diabatic".
    tolerance
        Of the evolution over a period.
    """

    period: float | None = None
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"
    tolerance: float = 1e-10


class FloquetFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a periodically driven system."""

    hamiltonian: dict[str, Any]
    drive: dict[str, Any]
    floquet: FloquetTable = FloquetTable()
    units: dict[str, Any] = {}
    environment: dict[str, Any] | list[Any] = []


@record(kw_only=True)
class FloquetStudy(Study):
    """A validated file with the table [floquet].

    Attributes
    ----------
    hamiltonian, drive, environment
        The environment is None for unitary evolution.
    asked : FloquetTable
    """

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None
    asked: FloquetTable

    structure: ClassVar[type[TableOfFile]] = FloquetFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "drive", "environment", "floquet")
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "LandauZener", "gap": 0.2},
        "drive": {"kind": "sinusoidal", "offset": 2.0, "amplitude": 3.0, "frequency": 1.0},
        "floquet": {},
    }

    @classmethod
    def read(cls, given: FloquetFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check Hamiltonian, drive and environment."""
        hamiltonian, drive = levels.problem(entries)
        names = environment_coordinates(drive)
        listed = environments.tables_of(entries)
        environment = environments.environment(listed, coordinates=names)
        levels.check_single(entries, hamiltonian=hamiltonian, drive=drive, environment=environment)
        environments.check_open(environment, hamiltonian.dimension, names)
        with tables.inside("floquet"):
            check_tolerance(given.floquet.tolerance)
        return cls(
            **heading._asdict(),
            tables=entries,
            hamiltonian=hamiltonian,
            drive=drive,
            environment=environment,
            asked=given.floquet,
        )

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, drive and environment, one line each."""
        found = {"hamiltonian": repr(self.hamiltonian), "drive": repr(self.drive)}
        return (
            found if self.environment is None else {**found, "environment": f"{self.environment}"}
        )

    def modes(self) -> Floquet:
        """Return quasi-energies and modes."""
        asked = self.asked
        return floquet(self.hamiltonian, self.drive, period=asked.period, tolerance=asked.tolerance)

    def steady(self) -> PeriodicSteadyState | None:
        """Return the state that repeats itself, if there is an environment."""
        if self.environment is None:
            return None
        asked = self.asked
        return periodic_steady_state(
            self.hamiltonian,
            self.drive,
            self.environment,
            period=asked.period,
            basis=asked.basis,
            tolerance=max(asked.tolerance, 1e-9),
        )

    @property
    def effort(self) -> float:
        """Elements of propagators and superoperators, over what takes some minutes."""
        size = self.hamiltonian.dimension
        return (size**2 + (0 if self.environment is None else 0.1 * size**4)) / _LARGEST_WORK

    @property
    def outputs(self) -> dict[str, Output]:
        """What can be had at every point of a sweep."""
        return _OUTPUTS if self.environment is None else {**_OUTPUTS, **_STEADY}

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """Modes and levels, by number."""
        numbers = range(self.hamiltonian.dimension)
        return {"mode": numbers, "level": numbers}

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return quasi-energies, and populations of the steady state."""
        found: dict[str, Any] = {}
        if any(name in _OUTPUTS for name in outputs):
            modes = self.modes()
            found |= {"quasi_energy": modes.quasi_energies, "mean_energy": modes.mean_energies}
        if any(name in _STEADY for name in outputs):
            steady = self.steady()
            assert steady is not None
            found["population"] = steady.populations
            found["relaxation_time"] = float(steady.relaxation_time)
        return {name: found[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> FloquetOutcome:
        """Compute modes and steady state, and follow them along the scan."""
        modes = self.modes()
        return FloquetOutcome(
            self,
            modes,
            modes.mean_energies,
            modes.populations(self.asked.basis),
            self.steady(),
            scan(self, chosen_outputs(self, None), progress),
        )


@record
class FloquetOutcome(Outcome):
    """What came out of a periodically driven system.

    Attributes
    ----------
    experiment : FloquetStudy
    modes : Floquet
    mean_energies : array, shape (N,)
        Energies of the modes averaged over a period.
    populations : array, shape (N, N)
        Of every mode (columns), averaged over a period.
    steady : PeriodicSteadyState or None
    scan : Scanned or None
    """

    experiment: FloquetStudy
    modes: Floquet
    mean_energies: FloatArray
    populations: FloatArray
    steady: PeriodicSteadyState | None
    scan: Scanned | None

    caption: ClassVar[str] = "Populations of the steady state and of the modes; quasi-energies"

    def own_variables(self) -> dict[str, Variable]:
        """Return modes, steady state and scan, for the dataset."""
        energy = self.experiment.hamiltonian.units.energy or "1"
        found = dict(self.modes.variables())
        found["mean_energy"] = Variable(
            ("mode",), self.mean_energies, "energy averaged over a period", energy
        )
        found["mode_population"] = Variable(
            ("level", "mode"), self.populations, "population of the level in the mode"
        )
        if self.steady is not None:
            found |= {f"steady_{name}": v for name, v in self.steady.variables().items()}
        return found

    def own_tables(self) -> list[Table]:
        """Return modes, steady state and scan."""
        study = self.experiment
        energy = study.hamiltonian.units.label
        numbers = range(study.hamiltonian.dimension)
        rows = tuple(
            (n, float(q), float(e), *(float(p) for p in self.populations[:, n]))
            for n, (q, e) in enumerate(
                zip(self.modes.quasi_energies, self.mean_energies, strict=True)
            )
        )
        columns = (
            "mode",
            energy("quasi-energy", "energy"),
            energy("mean energy", "energy"),
            *(f"level {n}" for n in numbers),
        )
        note = f"Populations of {study.asked.basis} levels, averaged over a period."
        found = [Table("Floquet modes", columns, rows, note)]
        if self.steady is not None:
            levels_ = tuple((n, float(self.steady.populations[n])) for n in numbers)
            found.append(Table("steady state", ("level", "population"), levels_, note))
        return found

    def own_sentences(self) -> Sentences:
        """Return quasi-energies, or the steady state where there is one."""
        shown = ", ".join(f"{q:.6g}" for q in self.modes.quasi_energies)
        units = self.experiment.hamiltonian.units
        verdict = f"The quasi-energies are {shown} {units.energy}".rstrip() + "."
        notes = [*self.modes.warnings]
        if self.steady is not None:
            held = ", ".join(f"P{n} = {p:.5f}" for n, p in enumerate(self.steady.populations))
            verdict += (
                f" The state that repeats itself has {held}; deviations from it fall by e in "
                f"{units.time_text(float(f'{self.steady.relaxation_time:.4g}'))}."
            )
            notes += self.steady.warnings
        trusted = not notes
        return Sentences(verdict, trusted, tuple(notes))

    def draw(self, ax: Any) -> None:
        """Draw populations."""
        from anticrossing.plot import style

        count = self.populations.shape[0]
        for n in range(count):
            color = style.level_color(n, count)
            places = np.arange(count) + 0.8 * (n + 0.5) / count - 0.4
            ax.bar(places, self.populations[:, n], 0.8 / count, color=color, label=f"mode {n}")
        if self.steady is not None:
            held = self.steady.populations
            ax.plot(range(count), held, "D", color=style.EXACT_COLOR, label="steady state")
        ax.set_xticks(range(count), [f"level {n}" for n in range(count)])
        ax.set(ylabel="population", title="Averages over a period")
        style.strip_legend(ax)

    def draw_beside(self, ax: Any) -> None:
        """Draw quasi-energies."""
        from anticrossing.plot import level_ladder, style

        level_ladder(self.modes.quasi_energies, ax=ax)
        ax.set_ylabel(style.label("quasi-energy", self.experiment.hamiltonian.units.energy))
        ax.set_title("Quasi-energies")


KIND = FloquetStudy
