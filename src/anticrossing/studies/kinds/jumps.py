"""Quantum jumps: state vectors that jump, in place of the density matrix of many levels.

.. code-block:: toml

    [hamiltonian]
    model = "TransverseIsing"
    sites = 4
    [drive]
    kind = "linear"
    start = 3.0
    stop = 0.2
    rate = -0.4
    [environment]
    kind = "thermal"
    temperature = 0.3
    t1 = 20.0
    [jumps]
    trajectories = 500
    seed = 1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, fail, integer, level
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.drive import Drive
from anticrossing.dynamics import QuantumJumps, quantum_jumps
from anticrossing.dynamics._channels import refuse_shifts
from anticrossing.dynamics.request import check_tolerance, environment_coordinates, refuse_noise
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import environments, levels, tables
from anticrossing.studies.curves import draw_populations
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

_MOST_TRAJECTORIES = 100_000
_MOST_SAMPLES = 1000
_MOST_JUMPS = 1e6  # in a file: some minutes
_MOST_SHOWN = 16  # states in a table and in the figure
_LARGEST_WORK = 1e9  # trajectories times levels cubed


class JumpsTable(TableOfFile, frozen=True, kw_only=True):
    """Trajectories and how they are read out; see `anticrossing.dynamics.quantum_jumps`.

    Attributes
    ----------
    trajectories
        How many.
    seed
        Of the random numbers: the same one gives the same trajectories.
    initial
        The state at the start, by its number from the lowest.
    basis
        Where probabilities are read: "adiabatic" or "diabatic".
    tolerance
        Of the evolution between jumps.
    samples
        Equal times at which populations are recorded.
    """

    trajectories: int = 500
    seed: int = 0
    initial: int = 0
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"
    tolerance: float = 1e-8
    samples: int = 0


class JumpsFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of trajectories that jump."""

    hamiltonian: dict[str, Any]
    drive: dict[str, Any]
    environment: dict[str, Any] | list[Any] = []
    jumps: JumpsTable = JumpsTable()
    units: dict[str, Any] = {}


@record(kw_only=True)
class JumpsStudy(Study):
    """A validated file with the table [jumps].

    Attributes
    ----------
    hamiltonian, drive, environment
    asked : JumpsTable
    """

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment
    asked: JumpsTable

    structure: ClassVar[type[TableOfFile]] = JumpsFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "drive", "environment", "jumps")
    outputs: ClassVar[dict[str, Output]] = {
        "probability": Output("final probability", ("final",), default=True),
        "probability_error": Output("standard error of the probability", ("final",)),
        "survival": Output("share of trajectories that were not lost"),
        "jumps": Output("jumps of a trajectory, on average"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "TransverseIsing", "sites": 3},
        "drive": {"kind": "linear", "start": 3.0, "stop": 0.2, "rate": -0.5},
        "environment": {"kind": "dephasing", "rate": 0.1},
        "jumps": {"trajectories": 100, "seed": 1},
    }

    @classmethod
    def read(cls, given: JumpsFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check everything."""
        hamiltonian, drive = levels.problem(entries)
        names = environment_coordinates(drive)
        environment = environments.environment(environments.tables_of(entries), coordinates=names)
        if environment is None:
            raise InputError("A file with [jumps] must have an [environment], but it has none.")
        levels.check_single(entries, hamiltonian=hamiltonian, drive=drive, environment=environment)
        with tables.inside("environment"):
            environment.check(hamiltonian.dimension, names)
            refuse_noise(environment)
            refuse_shifts(environment)
        asked, dimension = given.jumps, hamiltonian.dimension
        with tables.inside("jumps"):
            check_tolerance(asked.tolerance)
            integer("trajectories", asked.trajectories, minimum=2, maximum=_MOST_TRAJECTORIES)
            integer("seed", asked.seed, minimum=0)
            integer("samples", asked.samples, minimum=0, maximum=_MOST_SAMPLES)
            level("initial", asked.initial, dimension)
            if asked.trajectories * dimension**3 > _LARGEST_WORK:
                must = f"be at most {int(_LARGEST_WORK / dimension**3)} with {dimension} levels"
                raise fail("trajectories", must, f"it is {asked.trajectories}")
        return cls(
            **heading._asdict(),
            tables=entries,
            hamiltonian=hamiltonian,
            drive=drive,
            environment=environment,
            asked=asked,
        )

    def followed(self, samples: int, progress: Progress | None) -> QuantumJumps:
        """Follow the trajectories, with populations at so many times."""
        asked = self.asked
        start, stop = float(self.drive.start_time), float(self.drive.stop_time)
        return quantum_jumps(
            self.hamiltonian,
            self.drive,
            self.environment,
            trajectories=asked.trajectories,
            seed=asked.seed,
            initial=asked.initial,
            basis=asked.basis,
            tolerance=asked.tolerance,
            times=np.linspace(start, stop, max(samples, 2)) if samples else None,
            most_jumps=_MOST_JUMPS,
            progress=progress or False,
        )

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, drive and environment, one line each."""
        return {
            "hamiltonian": repr(self.hamiltonian),
            "drive": repr(self.drive),
            "environment": str(self.environment),
        }

    @property
    def effort(self) -> float:
        """The share that one point takes of the work of a whole scan."""
        return self.asked.trajectories * self.hamiltonian.dimension**3 / _LARGEST_WORK

    @property
    def path(self) -> tuple[Hamiltonian, Drive]:
        """H and its drive."""
        return self.hamiltonian, self.drive

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return final probabilities with their standard errors, what survives, and jumps."""
        found = self.followed(0, None)
        known = {
            "probability": found.probabilities,
            "probability_error": found.probability_errors,
            "survival": found.survival,
            "jumps": float(found.jumps.mean()),
        }
        return {name: known[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> JumpsOutcome:
        """Follow the trajectories, and the scan."""
        alone = None if self.plan is not None else progress
        found = self.followed(self.asked.samples, alone)
        return JumpsOutcome(self, found, scan(self, chosen_outputs(self, None), progress))


@record
class JumpsOutcome(Outcome):
    """What came out of trajectories that jump.

    Attributes
    ----------
    experiment : JumpsStudy
    found : QuantumJumps
    scan : Scanned or None
    """

    experiment: JumpsStudy
    found: QuantumJumps
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("time", "row")

    caption: ClassVar[str] = (
        "Populations along the drive and at its end, with their standard errors"
    )

    @property
    def _states(self) -> list[str]:
        """The names of the states that are read out."""
        if self.experiment.asked.basis == "diabatic":
            return [str(label) for label in self.experiment.hamiltonian.labels]
        return [f"level {k}" for k in range(self.found.probabilities.size)]

    @property
    def _shown(self) -> FloatArray:
        """The numbers of the most probable states."""
        return np.sort(np.argsort(-self.found.probabilities, kind="stable")[:_MOST_SHOWN])

    def own_variables(self) -> dict[str, Variable]:
        """Return everything that the trajectories give, for the dataset."""
        return dict(self.found.variables())

    def own_tables(self) -> list[Table]:
        """Return final probabilities, jumps by their kinds, and what it took."""
        found, names = self.found, self._states
        rows = tuple(
            (names[k], float(found.probabilities[k]), float(found.probability_errors[k]))
            for k in self._shown
        )
        counts = np.bincount(found.jump_kinds, minlength=len(found.kinds))
        kinds = tuple((name, int(n)) for name, n in zip(found.kinds, counts, strict=True))
        said = (
            ("trajectories", found.trajectories),
            ("seed", found.seed),
            ("survival", found.survival),
            ("probability of no jump", found.no_jump_probability),
            ("panels", found.panels),
            ("error estimate between jumps", found.error_estimate),
        )
        return [
            Table("final probabilities", ("state", "probability", "standard error"), rows),
            Table("jumps", ("kind", "of all trajectories"), kinds),
            Table("method", ("", "value"), said),
        ]

    def own_sentences(self) -> Sentences:
        """Return the most probable state, and how well that is known."""
        found = self.found
        best = int(np.argmax(found.probabilities))
        verdict = (
            f"The most probable state is {self._states[best]} with P = "
            f"{found.probabilities[best]:.5g} ± {found.probability_errors[best]:.2g}, from "
            f"{found.trajectories} trajectories with {found.jumps.mean():.3g} jumps each."
        )
        if found.survival < 1:
            verdict += f" What decays is lost: {found.survival:.3g} of them survive."
        return Sentences(verdict, not found.warnings, tuple(found.warnings))

    def draw(self, ax: Any) -> None:
        """Draw populations along the drive, or how often trajectories jump."""
        found, shown = self.found, self._shown
        if found.times.size:
            values, errors = found.populations[:, shown], found.population_errors[:, shown]
            names = [self._states[k] for k in shown]
            units = self.experiment.hamiltonian.units
            draw_populations(ax, found.times, values, names, units, errors)
        else:
            counts = np.bincount(found.jumps)
            ax.bar(np.arange(counts.size), counts)
            ax.locator_params(axis="x", integer=True)
            ax.set(xlabel="jumps of a trajectory", ylabel="trajectories")

    def draw_beside(self, ax: Any) -> None:
        """Draw the final probabilities."""
        found, shown = self.found, self._shown
        places, errors = np.arange(shown.size), found.probability_errors[shown]
        ax.bar(places, found.probabilities[shown], yerr=errors, capsize=3)
        ax.set_xticks(places, [self._states[k] for k in shown])
        ax.set_ylabel("final probability")


KIND = JumpsStudy
