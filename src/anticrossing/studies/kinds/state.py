"""One state alone, of few levels or of thousands: its probabilities along a drive and at its end.

.. code-block:: toml

    [hamiltonian]
    model = "TransverseIsing"
    sites = 10
    [drive]
    kind = "linear"
    start = 3.0
    stop = 0.2
    rate = -0.4
    [state]
    levels = 2                   # of more than 512 levels: how many of the lowest are read out
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from anticrossing._core.checks import FloatArray, fail, integer, level
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.drive import Drive
from anticrossing.dynamics import Effort, Propagation, StateEvolution, estimate, propagate
from anticrossing.dynamics.lanes import is_large
from anticrossing.dynamics.request import check_tolerance, environment_coordinates, refuse_noise
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import environments, levels, tables
from anticrossing.studies.curves import draw_populations
from anticrossing.studies.outcome import Cell, Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Cost, Heading, Study, chosen_outputs

_MOST_SAMPLES = 5000
_MOST_SECONDS = 600.0  # of all points of a scan
_MOST_SHOWN = 16  # states in a table and in the figure
_OUTPUTS = {
    "probability": Output("final probability", ("final",), default=True),
    "error_estimate": Output("bound on the error of the probabilities"),
}
_SURVIVAL = {
    "survival": Output("probability that nothing was lost", default=True),
    "log_survival": Output("natural logarithm of the survival"),
}


class StateTable(TableOfFile, frozen=True, kw_only=True):
    """The state, how it is read out, and how it is followed; see `anticrossing.propagate`.

    Attributes
    ----------
    initial
        The state at the start, by its number from the lowest.
    basis
        Where probabilities are read: "adiabatic" or "diabatic".
    tolerance
        Of the probabilities.
    samples
        Equal times at which populations are recorded.
    whole
        true: follow all states, and give the map between them; up to 512 levels.
    levels
        Of more than 512 levels: how many of the lowest are read out, 4 by default.
    method
        Of more than 512 levels: "direct", or "lowest", whose cost does not grow with slowness.
    most_hours : hours
        What is expected to take longer is refused before any work.
    """

    initial: int = 0
    basis: Literal["adiabatic", "diabatic"] = "adiabatic"
    tolerance: float = 1e-10
    samples: int = 0
    whole: bool = False
    levels: int | None = None
    method: Literal["auto", "direct", "lowest"] = "auto"
    most_hours: float = 24.0


class StateFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a state that is followed alone."""

    hamiltonian: dict[str, Any]
    drive: dict[str, Any]
    state: StateTable = StateTable()
    units: dict[str, Any] = {}
    environment: dict[str, Any] | list[Any] = []


@record(kw_only=True)
class StateStudy(Study):
    """A validated file with the table [state].

    Attributes
    ----------
    hamiltonian, drive, environment
        The environment is None for unitary evolution.
    asked : StateTable
    expected : Effort or None
        What it will take; with an environment that is not estimated.
    """

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None
    asked: StateTable
    expected: Effort | None

    structure: ClassVar[type[TableOfFile]] = StateFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "drive", "environment")
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "TransverseIsing", "sites": 6},
        "drive": {"kind": "linear", "start": 3.0, "stop": 0.2, "rate": -0.5},
        "state": {"samples": 20},
    }

    @classmethod
    def read(cls, given: StateFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check everything, and refuse what takes too long."""
        hamiltonian, drive = levels.problem(entries, qubits=levels.MOST_FOLLOWED)
        names = environment_coordinates(drive)
        listed = environments.tables_of(entries)
        environment = environments.environment(listed, coordinates=names)
        levels.check_single(entries, hamiltonian=hamiltonian, drive=drive, environment=environment)
        if environment is not None and environment.decays:
            with tables.inside("environment"):
                refuse_noise(environment)
        asked, expected = given.state, None
        with tables.inside("state"):
            check_tolerance(asked.tolerance)
            integer("samples", asked.samples, minimum=0, maximum=_MOST_SAMPLES)
            level("initial", asked.initial, hamiltonian.dimension)
            if asked.whole and is_large(hamiltonian):
                must = f"be false for {hamiltonian.dimension} levels of sparse matrices"
                raise fail("whole", must, "it is true")
            times = _times(drive, asked.samples)
            if environment is None:
                whole = None if is_large(hamiltonian) else asked.whole
                expected = estimate(
                    hamiltonian,
                    drive,
                    times=times,
                    whole=whole,
                    levels=asked.levels,
                    method=asked.method,
                )
                expected.check(asked.most_hours)
            elif is_large(hamiltonian):
                raise fail(
                    "environment",
                    "be left out for a large sparse Hamiltonian",
                    f"this one has {hamiltonian.dimension} levels",
                )
        if environment is not None:
            with tables.inside("environment"):
                environment.check(hamiltonian.dimension, names)
        return cls(
            **heading._asdict(),
            tables=entries,
            hamiltonian=hamiltonian,
            drive=drive,
            environment=environment,
            asked=asked,
            expected=expected,
        )

    def followed(self, samples: int, progress: Progress | None) -> Propagation | StateEvolution:
        """Follow the state, with its populations at so many times."""
        asked = self.asked
        large = is_large(self.hamiltonian)
        return propagate(
            self.hamiltonian,
            self.drive,
            environment=self.environment,
            initial=asked.initial,
            basis=asked.basis,
            tolerance=asked.tolerance,
            times=_times(self.drive, samples),
            whole=None if large else asked.whole,
            levels=asked.levels,
            method=asked.method,
            most_hours=asked.most_hours,
            progress=progress or False,
        )

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, drive and environment, one line each."""
        found = {"hamiltonian": repr(self.hamiltonian), "drive": repr(self.drive)}
        if self.environment is not None:
            found["environment"] = str(self.environment)
        return found

    @property
    def effort(self) -> float:
        """Seconds of one point over those of a whole scan."""
        return 0.0 if self.expected is None else self.expected.seconds / _MOST_SECONDS

    @property
    def path(self) -> tuple[Hamiltonian, Drive] | None:
        """H and its drive, unless the levels of H take long."""
        return None if is_large(self.hamiltonian) else (self.hamiltonian, self.drive)

    def cost(self) -> Cost | None:
        """Return what `estimate` expects, at every point."""
        found = self.expected
        if self.environment is not None:
            return environments.noise_cost(
                self.hamiltonian,
                self.drive,
                self.environment,
                1 + self.steps,
                whole=self.asked.whole,
            )
        return (
            None
            if found is None
            else Cost((1 + self.steps) * found.seconds, found.memory, "exact evolution")
        )

    @property
    def outputs(self) -> dict[str, Output]:
        """What can be had at every point of a sweep."""
        decays = self.environment is not None and self.environment.decays
        return _OUTPUTS | _SURVIVAL if decays else _OUTPUTS

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return final probabilities and their error."""
        found = self.followed(0, None)
        known: dict[str, Any] = {
            "probability": np.asarray(found.probabilities),
            "error_estimate": float(found.error_estimate),
        }
        if isinstance(found, Propagation) and found.survival is not None:
            known["survival"] = float(found.survival)
            known["log_survival"] = float(np.asarray(found.log_survival))
        return {name: known[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> StateOutcome:
        """Follow the state, and the scan."""
        alone = None if self.plan is not None else progress
        found = self.followed(self.asked.samples, alone)
        return StateOutcome(self, found, scan(self, chosen_outputs(self, None), progress))


@record
class StateOutcome(Outcome):
    """What came out of a state that was followed alone.

    Attributes
    ----------
    experiment : StateStudy
    evolution : Propagation or StateEvolution
    scan : Scanned or None
    """

    experiment: StateStudy
    evolution: Propagation | StateEvolution
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("time", "row")

    caption: ClassVar[str] = "Populations along the drive, and the final probabilities"

    @property
    def _states(self) -> list[str]:
        """The names of the states that are read out."""
        count = self.probabilities.size
        if self.experiment.asked.basis == "diabatic":
            return [str(label) for label in self.experiment.hamiltonian.labels[:count]]
        return [f"level {k}" for k in range(count)]

    @property
    def probabilities(self) -> FloatArray:
        """The final probabilities of the states that are read out."""
        return np.asarray(self.evolution.probabilities)

    def own_variables(self) -> dict[str, Variable]:
        """Return everything that the evolution holds, for the dataset."""
        return dict(self.evolution.variables())

    def own_tables(self) -> list[Table]:
        """Return final probabilities, and how they were found."""
        order = np.argsort(-self.probabilities, kind="stable")[:_MOST_SHOWN]
        order = np.sort(order) if self.experiment.asked.basis == "adiabatic" else order
        names = self._states
        rows = tuple((names[k], float(self.probabilities[k])) for k in order)
        left = self.probabilities.size - len(rows)
        note = f"The {len(rows)} most probable; {left} more in the dataset." if left else ""
        found = [Table("final probabilities", ("state", "probability"), rows, note)]
        return [*found, Table("method", ("", "value"), tuple(self._method()))]

    def _method(self) -> list[tuple[str, Cell]]:
        """Return which method ran, and what it took."""
        done = self.evolution
        said: list[tuple[str, Cell]] = [("method", done.method)]
        if isinstance(done, StateEvolution):
            what = "products with H" if done.method == "direct" else "eigenproblems"
            said += [(what, done.products)]
            if done.method == "lowest":
                said += [("levels followed", done.followed), ("leakage", done.leakage)]
        else:
            said += [("panels", int(done.panels))]
            said += [] if done.steps is None else [("steps", int(done.steps))]
            said += [("sectors", ", ".join(map(str, done.sectors)) or "one")]
            if done.survival is not None and done.log_survival is not None:
                said += [("survival", float(done.survival))]
                said += [("its logarithm", float(done.log_survival))]
        expected = self.experiment.expected
        if expected is not None:
            said += [("estimated seconds", float(f"{expected.seconds:.2g}"))]
        return [*said, ("error estimate", float(done.error_estimate))]

    def own_sentences(self) -> Sentences:
        """Return the most probable state, and how well that is known."""
        best = int(np.argmax(self.probabilities))
        error = float(self.evolution.error_estimate)
        notes = tuple(self.evolution.warnings)
        verdict = (
            f"The most probable state is {self._states[best]} with P = "
            f"{self.probabilities[best]:.10g}, to {error:.1g}; method: {self.evolution.method}."
        )
        done = self.evolution
        if isinstance(done, Propagation) and done.survival is not None:
            verdict += f" What decays is lost: {float(done.survival):.3g} survives."
        return Sentences(verdict, not notes, notes)

    def draw(self, ax: Any) -> None:
        """Draw populations along the drive."""
        done = self.evolution
        if done.times.size:
            names = self._states[:_MOST_SHOWN]
            units = self.experiment.hamiltonian.units
            draw_populations(ax, done.times, done.populations, names, units)
        else:
            ax.remove()

    def draw_beside(self, ax: Any) -> None:
        """Draw the final probabilities."""
        shown = self.probabilities[:_MOST_SHOWN]
        ax.bar(range(shown.size), shown)
        ax.set_xticks(range(shown.size), self._states[:_MOST_SHOWN])
        ax.set_ylabel("final probability")


KIND = StateStudy


def _times(drive: Drive, samples: int) -> FloatArray | None:
    """Return equal times over the window, None for none."""
    if samples == 0:
        return None
    start, stop = float(drive.start_time), float(drive.stop_time)
    times = np.linspace(start, stop, max(samples, 2))
    times[-1] = stop
    return times
