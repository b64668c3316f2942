"""A passage: levels swept through their crossings, closed forms beside the exact answer."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    AnticrossingError,
    ConvergenceError,
    FloatArray,
    InputError,
    fail,
    integer,
    level,
)
from anticrossing._core.provenance import plain
from anticrossing._core.unchanging import record
from anticrossing.analysis import PassagePrediction, passage
from anticrossing.analysis.closed_forms import predictions
from anticrossing.analysis.meetings import find_events, sample_path, where_to_look
from anticrossing.analysis.referee import audit
from anticrossing.analysis.sensitivity import check_sensitivity
from anticrossing.drive import Clock, Drive
from anticrossing.dynamics import Propagation
from anticrossing.dynamics.propagation import estimate, of_all_levels, propagate
from anticrossing.dynamics.request import check_tolerance, environment_coordinates
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Symmetry, find_crossings, levels, sectors
from anticrossing.studies import environments, levels as build, tables
from anticrossing.studies.curves import curve_positions, sample_times
from anticrossing.studies.outcome import Listed, Output, Progress, Scanned
from anticrossing.studies.outcomes.passage import PassageOutcome, crossing_rows, crossings_table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Cost, Heading, Study, at
from anticrossing.sweeps.grid import Grid, Values

_LARGEST_WORK = 400_000  # points times levels squared: about a minute
_MOST_SAMPLES = 5000
_PARTS = ("hamiltonian", "drive", "environment")


class Question(TableOfFile, frozen=True, kw_only=True):
    """What is asked: initial level, basis, accuracy, points of the curves, names of symmetries.

    Attributes
    ----------
    initial
        A level, 0 the lowest; with `basis = "diabatic"` a state of the basis H is written in.
    basis
        Where populations are read: "adiabatic", "superadiabatic" or "diabatic".
    tolerance
        Of the exact probabilities, from 1e-13 to 1e-2.
    samples
        Points of the curves in figure and data.
    symmetry
        A label such as "g" for every state H is written in.
    sensitivity
        Parameters of H, drive and environment by which the probabilities are differentiated:
        their names, or a table of their standard deviations.
    """

    initial: int = 0
    basis: Literal["adiabatic", "superadiabatic", "diabatic"] = "adiabatic"
    tolerance: float = 1e-10
    samples: int = 400
    symmetry: list[str] | None = None
    sensitivity: list[str] | dict[str, float] | None = None


class PassageFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a passage."""

    hamiltonian: dict[str, Any]
    drive: dict[str, Any]
    units: dict[str, Any] = {}
    environment: dict[str, Any] | list[Any] = []
    question: Question = Question()


@record(kw_only=True)
class PassageStudy(Study):
    """A validated file with [hamiltonian] and [drive].

    Attributes
    ----------
    hamiltonian, drive, environment
        The point analysed in detail; the environment is None for unitary evolution.
    question : Question
    """

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None
    question: Question

    structure: ClassVar[type[TableOfFile]] = PassageFile
    varied: ClassVar[tuple[str, ...]] = _PARTS
    outputs: ClassVar[dict[str, Output]] = {
        "probability": Output("exact final probability", ("final",), default=True),
        "panels": Output("accepted panels of the exact evolution"),
        "error_estimate": Output("bound on the neglected amplitude"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "LandauZener", "gap": 1.0},
        "drive": {"kind": "linear", "start": -50.0, "stop": 50.0, "rate": 1.0},
    }

    @classmethod
    def read(cls, given: PassageFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check Hamiltonian, drive and environment."""
        hamiltonian, drive, environment = parts(entries)
        build.check_single(entries, hamiltonian=hamiltonian, drive=drive, environment=environment)
        _check_question(given.question, hamiltonian.dimension)
        environments.check_open(environment, hamiltonian.dimension, environment_coordinates(drive))
        asked = given.question
        with tables.inside("question"):
            check_sensitivity(asked.sensitivity, hamiltonian, drive, environment, asked.basis)
        if given.question.symmetry is not None:
            with tables.inside("question"):
                named = Symmetry.labelled(given.question.symmetry)
                x = np.linspace(float(drive.start), float(drive.stop), 17)
                sectors(hamiltonian, x, symmetry=named)
        return cls(
            **heading._asdict(),
            tables=entries,
            hamiltonian=hamiltonian,
            drive=drive,
            environment=environment,
            question=given.question,
        )

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, drive, environment and question, one line each."""
        units = self.hamiltonian.units
        found = {"hamiltonian": repr(self.hamiltonian), "drive": repr(self.drive)}
        if self.environment is not None:
            found["environment"] = repr(self.environment)
        if units.energy:
            found["units"] = f"energy in {units.energy}, time in {units.time}"
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """What `passage` and `propagate` are called with."""
        question = self.question
        return {
            "environment": self.environment,
            "initial": question.initial,
            "basis": question.basis,
            "tolerance": question.tolerance,
        }

    @property
    def symmetry(self) -> Symmetry | None:
        """The labels of the states that H is written in, if the file gives them."""
        labels = self.question.symmetry
        return None if labels is None else Symmetry.labelled(labels)

    @property
    def states(self) -> list[str]:
        """The names of the states that are read out."""
        if self.question.basis == "diabatic":
            return [str(label) for label in self.hamiltonian.labels]
        return [f"level {k}" for k in range(self.hamiltonian.dimension)]

    # ---- points -------------------------------------------------------------------------------

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """The final states."""
        diabatic = self.question.basis == "diabatic"
        return {"final": self.states if diabatic else range(self.hamiltonian.dimension)}

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return outputs of the exact evolution."""
        found = propagate(self.hamiltonian, self.drive, **self.settings)
        return _outputs(of_all_levels(found), outputs)

    def computes_many(self, grid: Grid) -> bool:
        """Whether all parameters that vary may be arrays."""
        varied = [name.partition(".")[2] for name in grid.names if name.startswith("environment.")]
        listed = environments.tables_of(self.tables)
        if varied and not environments.can_be_batched(listed, varied):
            return False
        two = grid.points(np.array([0, grid.size - 1]))
        shapes = []
        try:
            for name in grid.names:  # each by itself: one array hides that another was ignored
                alone: dict[str, Values] = {key: two[key][:1] for key in grid.names}
                built = parts(self.tables, {**alone, name: two[name]})
                shapes.append(np.broadcast_shapes(*(o.batch_shape for o in built if o is not None)))
        except (InputError, TypeError, ValueError):
            return False
        return all(shape == (2,) for shape in shapes)

    @classmethod
    def compute_many(
        cls, entries: Mapping[str, Any], values: Mapping[str, Values], outputs: Sequence[str]
    ) -> dict[str, Any]:
        """Return outputs of the exact evolution of a batch."""
        middle = {name: float(array[array.size // 2]) for name, array in values.items()}
        settings = {**cls.at_point(entries, middle).settings}
        hamiltonian, drive, settings["environment"] = parts(entries, values)
        return _outputs(of_all_levels(propagate(hamiltonian, drive, **settings)), outputs)

    def point(self, parameter: str, value: float) -> tuple[Hamiltonian, Drive, Environment | None]:
        """Return Hamiltonian, drive and environment with another value of one parameter.

        What the parameter does not touch is the same object: what is known of it stays known.
        """
        entries = tables.with_values(self.tables, {parameter: value})
        hamiltonian, drive, environment = self.hamiltonian, self.drive, self.environment
        where = parameter.partition(".")[0]
        if where == "drive" and not isinstance(drive, Clock):
            drive = build.drive(entries["drive"], hamiltonian.units)
        elif where == "environment":
            environment = environments.environment(
                environments.tables_of(entries), coordinates=environment_coordinates(drive)
            )
        else:
            hamiltonian, drive, environment = parts(entries)
        return hamiltonian, drive, environment

    def check_points(self) -> None:
        """Raise for the first point of the scan that cannot be computed, before any work."""
        assert self.plan is not None
        axis, size = self.plan.axes[0], self.hamiltonian.dimension
        if axis.values.size * size**2 > _LARGEST_WORK:
            must = f"be at most {_LARGEST_WORK // size**2} for {size} levels"
            with tables.inside("scan"):
                raise fail("points", must, f"there are {axis.values.size}")
        for value in axis.values:
            with at(axis, value):
                sample_path(self.point(axis.parameter, float(value))[1])

    @property
    def path(self) -> tuple[Hamiltonian, Drive]:
        """H and its drive."""
        return self.hamiltonian, self.drive

    def cost(self) -> Cost | None:
        """Return what `estimate` expects: one evolution, one for the curves, and the scan."""
        if self.environment is not None:
            return environments.noise_cost(
                self.hamiltonian, self.drive, self.environment, 2 + self.steps
            )
        found = estimate(self.hamiltonian, self.drive, symmetry=self.symmetry)
        return Cost((2 + self.steps) * found.seconds, found.memory, "exact evolution")

    # ---- the result ---------------------------------------------------------------------------

    def crossings(self) -> Listed:
        """Return the crossings between the extreme positions of the drive."""
        _, positions = sample_path(self.drive)
        low, high = float(positions.min()), float(positions.max())
        look = where_to_look(self.hamiltonian, self.drive)
        found = find_crossings(self.hamiltonian, low, high, symmetry=self.symmetry, points=look)
        rows = plain({"crossings": crossing_rows(found)})
        return Listed(
            f"{self.hamiltonian!r}, {self.hamiltonian.coordinates[0]} = {low:g} … {high:g}",
            crossings_table(found, self.hamiltonian.units),
            {"start": low, "stop": high, **rows},
        )

    def run(self, progress: Progress | None = None) -> PassageOutcome:
        """Analyse the passage, sample its curves, and follow the scan."""
        analysed = passage(
            self.hamiltonian,
            self.drive,
            symmetry=self.symmetry,
            sensitivity=self.question.sensitivity,
            **self.settings,
        )
        _check_accuracy(analysed.exact)
        times = sample_times(analysed.events, self.drive, self.question.samples)
        evolution = propagate(self.hamiltonian, self.drive, times=times, **self.settings)
        positions = np.asarray(self.drive(times))
        curve = curve_positions(analysed.crossings, positions, self.question.samples)
        scanned = scan(self, tuple(self.outputs))
        predicted, inside, notes = _predicted(self, scanned, progress)
        return PassageOutcome(
            experiment=self,
            passage=analysed,
            times=times,
            positions=positions,
            populations=evolution.populations,
            curve_positions=curve,
            curve_levels=levels(self.hamiltonian, curve),
            curve_diabats=np.diagonal(self.hamiltonian(curve), axis1=-2, axis2=-1).real.copy(),
            scan=scanned,
            predicted=predicted,
            inside=inside,
            unpredicted=notes,
        )


KIND = PassageStudy


# ---- reading ----------------------------------------------------------------------------------


def parts(
    entries: Mapping[str, Any], values: Mapping[str, Values] | None = None
) -> tuple[Hamiltonian, Drive, Environment | None]:
    """Build Hamiltonian, drive and environment, with arrays for some of their numbers."""
    overrides: dict[str, dict[str, Any]] = {where: {} for where in _PARTS}
    for name, array in (values or {}).items():
        where, _, key = name.partition(".")
        overrides[where][key] = np.asarray(array, dtype=np.float64)
    hamiltonian, drive = build.problem(entries, overrides)
    listed = environments.tables_of(entries)
    names = environment_coordinates(drive)
    built = environments.environment(listed, overrides["environment"], coordinates=names)
    return hamiltonian, drive, built


def _check_question(question: Question, levels: int) -> None:
    with tables.inside("question"):
        check_tolerance(question.tolerance)
        integer("samples", question.samples, minimum=10, maximum=_MOST_SAMPLES)
        level("initial", question.initial, levels)


# ---- computing --------------------------------------------------------------------------------


def _outputs(found: Propagation, outputs: Sequence[str]) -> dict[str, Any]:
    if not np.all(np.abs(found.probabilities.sum(axis=-1) - 1) < 1e-6):
        raise ConvergenceError("The evolution overflowed: choose other units.")
    known = {
        "probability": found.probabilities,
        "panels": found.panels,
        "error_estimate": found.error_estimate,
    }
    return {name: known[name] for name in outputs}


def _check_accuracy(evolution: Propagation) -> None:
    """Refuse an evolution whose numbers left the range of floating point."""
    if not np.all(np.abs(evolution.probabilities.sum(axis=-1) - 1) < 1e-6):
        raise ConvergenceError(
            "The evolution overflowed: its probabilities do not add up to one. Energies and times "
            "in the file are too large or too small; choose other units."
        )


def _predicted(
    study: PassageStudy, scanned: Scanned | None, progress: Progress | None
) -> tuple[dict[str, FloatArray], dict[str, npt.NDArray[np.bool_]], tuple[str, ...]]:
    """Return what every closed form gives along a scan, and whether it is within its domain."""
    predicted: dict[str, FloatArray] = {}
    inside: dict[str, npt.NDArray[np.bool_]] = {}
    if scanned is None:
        return predicted, inside, ()
    notes = []
    axis, exact = scanned.axis, scanned["probability"]
    for done, (index, found, reason) in enumerate(predicted_along(study, scanned), start=1):
        if reason:
            notes.append(reason)
        for one in found:
            row = predicted.setdefault(one.name, np.full(exact.shape, np.nan))
            row[index] = one.probabilities
            size = axis.values.size
            inside.setdefault(one.name, np.zeros(size, dtype=np.bool_))[index] = one.valid
        if progress is not None:
            progress(done, axis.values.size)
    return predicted, inside, tuple(notes)


def predicted_along(
    study: PassageStudy, scanned: Scanned
) -> Iterator[tuple[int, tuple[PassagePrediction, ...], str]]:
    """Yield each point of a scan with what the closed forms give there, or why they give nothing.

    One point at a time, so that a caller may show the first while the last is being computed.
    """
    axis, exact = scanned.axis, scanned["probability"]
    search = functools.cache(find_crossings)  # often of one Hamiltonian on one stretch
    for index, value in enumerate(axis.values):
        error = float(scanned["error_estimate"][index])
        found: tuple[PassagePrediction, ...] = ()
        reason = ""
        if np.isfinite(error):
            try:
                found = _predict(study, axis.parameter, float(value), exact[index], error, search)
            except AnticrossingError as refused:
                reason = f"{axis.name} = {value:.6g}: {refused}"
        yield index, found, reason


def _predict(
    study: PassageStudy, parameter: str, value: float, exact: FloatArray, error: float, search: Any
) -> tuple[PassagePrediction, ...]:
    """Return what `passage` predicts, without computing again the exact answer it is given."""
    hamiltonian, drive, environment = study.point(parameter, value)
    initial, basis = study.question.initial, study.question.basis
    _, events, _ = find_events(hamiltonian, drive, environment, search)
    found, _ = predictions(hamiltonian, drive, events, initial, basis, exact, environment)
    return audit(found, exact, error, initial)
