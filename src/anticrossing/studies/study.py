"""What every kind of study is: a file that is checked, and what comes out of it.

A kind is one module of `anticrossing.studies.kinds`, called as the table that tells it. It holds
the structure of its tables (`anticrossing.studies.schema`), a `Study` that is read from them and
run, and an `Outcome` with tables, variables, sentences and a figure. Reading, scans, sweeps, the
terminal, the report and the files on disk are the same for all.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from anticrossing._core.checks import InputError, choice, describe, fail, nearest
from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import tables
from anticrossing.studies.outcome import Listed, Outcome, Output, Progress
from anticrossing.studies.plan import Axis, Plan
from anticrossing.studies.schema import Table, decode
from anticrossing.sweeps.grid import Grid, Values
from anticrossing.sweeps.target import Target

_SOME_MINUTES = 100.0  # seconds of the longest run allowed, as measured within a factor of four


class Heading(NamedTuple):
    """What a file says of itself: its name and text, and the title, source and description."""

    name: str = "point"
    title: str = ""
    source: str = ""
    description: str = ""
    text: str = ""


class Cost(NamedTuple):
    """About what takes how many seconds of one processor, and bytes, perhaps unknown."""

    seconds: float
    memory: float | None = None
    what: str = "a run"


@dataclass(frozen=True, eq=False, kw_only=True)
class Study(abc.ABC):
    """A validated file.

    Attributes
    ----------
    name : str
        The file's name without its suffix.
    title, source, description : str
        As in the file.
    text : str
        The file itself, for the record.
    tables : mapping
        The tables of the file that matter for the numbers.
    plan : Plan or None
        What varies.
    changes : tuple of str
        Values in place of the file's, ``KEY=VALUE``.
    """

    name: str
    title: str
    source: str
    description: str
    text: str
    tables: Mapping[str, Any]
    plan: Plan | None = None
    changes: tuple[str, ...] = ()

    structure: ClassVar[type[Table]]
    """The tables of a file of this kind."""
    varied: ClassVar[tuple[str, ...]]
    """The tables whose numbers can vary."""
    example: ClassVar[Mapping[str, Any]]
    """The tables of a file to begin with."""
    takes_data: ClassVar[bool] = False
    """Whether it is about measured data, which a file does not hold: there is no scan."""
    choices: ClassVar[Mapping[str, tuple[type[Table], ...]]] = {}
    """Tables that are one of several structures, told by a word within them."""

    @classmethod
    @abc.abstractmethod
    def read(cls, given: Any, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Make the study of a file: its tables as their structure, and as they are."""

    @property
    @abc.abstractmethod
    def setup(self) -> dict[str, str]:
        """What was set up, one line under each heading."""

    @abc.abstractmethod
    def run(self, progress: Progress | None = None) -> Outcome:
        """Compute everything that is asked."""

    # ---- points -------------------------------------------------------------------------------

    @property
    @abc.abstractmethod
    def outputs(self) -> dict[str, Output]:
        """What can be had at every point of a sweep, by name."""

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """Coordinates along the dimensions of the outputs."""
        return {}

    @abc.abstractmethod
    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return these outputs of the study itself."""

    def extras(self, outputs: Sequence[str]) -> dict[str, Output]:
        """Return what `compute` gives beside outputs, unasked."""
        return {}

    def computes_many(self, grid: Grid) -> bool:
        """Whether all points of a grid can be computed at once, by `compute_many`."""
        return False

    @classmethod
    def compute_many(
        cls, entries: Mapping[str, Any], values: Mapping[str, Values], outputs: Sequence[str]
    ) -> dict[str, Any]:
        """Return outputs (n, …) at points given by arrays (n,)."""
        raise NotImplementedError

    @classmethod
    def at_point(cls, entries: Mapping[str, Any], values: Mapping[str, float]) -> Self:
        """Return the study of the same tables with other values of some parameters."""
        complete = tables.with_values(entries, values)
        return cls.read(decode(complete, cls.structure, ""), complete, Heading())

    def check_varied(self, parameter: str) -> None:
        """Raise unless a parameter is a number of the study that can vary."""
        where = parameter.partition(".")[0]
        known = [name for name in self.varied if name in self.tables]
        if where not in known:
            named = " or ".join(f"`{name}.NAME`" for name in known)
            fields = [f"{name}.{key}" for name in known for key in _numbers(self.tables[name])]
            hint = nearest(parameter, fields)
            raise fail("parameter", f"be {named}", f"it is {describe(parameter)}{hint}")
        value = tables.given(self.tables, parameter)
        if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
            raise fail("parameter", "name a single number", f"`{parameter}` is {describe(value)}")

    @property
    def effort(self) -> float:
        """About how long one point takes, in units of the longest run allowed: some minutes."""
        return 0.0

    @property
    def path(self) -> tuple[Hamiltonian, Drive] | None:
        """The H that a drive moves, and the drive, where they can be looked at before a run."""
        return None

    def cost(self) -> Cost | None:
        """Return about what a run takes, None where that cannot be told."""
        points = 1 + self.steps
        return Cost(points * self.effort * _SOME_MINUTES) if self.effort else None

    def check_points(self) -> None:
        """Raise for the first point of the scan that cannot be used, before any work."""
        assert self.plan is not None
        axis, effort = self.plan.axes[0], self.effort
        for count, value in enumerate(axis.values, start=1):
            with at(axis, value):
                effort += self.at_point(self.tables, {axis.parameter: float(value)}).effort
            if effort > 1:
                must = "take some minutes at most, all together (those of [sweep] may take longer)"
                with tables.inside("scan"):
                    raise fail("points", must, f"{count} of {axis.values.size} do already")

    def sweep_target(self, grid: Grid) -> Target:
        """Return what `anticrossing.sweep` computes at every point of a grid."""
        return target(self, grid)

    def provenance(self) -> dict[str, str]:
        """Return where the numbers come from, for the dataset."""
        known = {"source": self.source, "experiment_file": self.text}
        return {**known, "changes": "\n".join(self.changes)} if self.changes else known

    # ---- the command line ---------------------------------------------------------------------

    def with_data(self, path: Path) -> Self:
        """Return the study with measured data, if it takes some."""
        raise InputError(f"Only a file with [fit] takes data, such as {path}.")

    def crossings(self) -> Listed:
        """Return the crossings on the way of a drive, if the study has one."""
        raise InputError(
            "Only a file with [hamiltonian] and [drive] has levels that cross on a path."
        )

    @property
    def steps(self) -> int:
        """The number of points of the scan, 0 without one."""
        return 0 if self.plan is None else self.plan.grid.size

    @property
    def store(self) -> Path | None:
        """The directory of unfinished work that the file names, if there is one."""
        return None

    def check_target(self, directory: Path) -> None:
        """Refuse a directory for the results that holds the store, or lies in it."""
        if self.store is None:
            return
        store, target = self.store.resolve(), directory.resolve()
        if store.is_relative_to(target) or target.is_relative_to(store):
            raise fail("store", f"lie apart from the results in {directory}", f"it is {store}")


def _numbers(entries: Any) -> list[str]:
    """Return the keys of a table that hold a number."""
    found = entries.items() if isinstance(entries, Mapping) else ()
    return [key for key, value in found if isinstance(value, (int, float))]


class at:
    """Say of an error at which point of a scan it is."""

    def __init__(self, axis: Axis, value: float) -> None:
        self.text = f"In [scan]: At {axis.parameter} = {value:.6g}: "

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, InputError):
            raise InputError(self.text + str(error)) from None


# ---- points of a sweep -------------------------------------------------------------------------


def target(study: Study, grid: Grid, outputs: Sequence[str] | None = None) -> Target:
    """Return what is computed at every point of a grid of a study's parameters.

    Parameters
    ----------
    study : Study
    grid : Grid
        Its parameters are named ``TABLE.KEY``.
    outputs : sequence of str, optional
        See `Study.outputs`; those of the file, or its defaults.

    Raises
    ------
    InputError
        If a parameter is none of the study's numbers, or an output is unknown.
    """
    if outputs is None:
        outputs = None if study.plan is None else study.plan.outputs
    chosen, known = chosen_outputs(study, outputs), study.outputs
    for axis in grid.axes:
        for name, values in axis.parameters.items():
            if values.dtype.kind not in "if":
                raise fail(name, "hold numbers", f"its values are {values.dtype}")
            study.check_varied(name)
    flat = {key.replace(".parameters.", "."): text for key, text in _flat(study.tables).items()}
    identity = {
        "the list of outputs": ", ".join(chosen),
        **{f"`{key}`": text for key, text in flat.items() if key not in grid.names},
    }
    given = {**{name: known[name] for name in chosen}, **study.extras(chosen)}
    dims = {name: output.dims for name, output in given.items() if output.dims}
    details = {name: {"long_name": output.text} for name, output in given.items()}
    return Target(
        function=Points(type(study), study.tables, chosen),
        identity=identity,
        vectorised=study.computes_many(grid),
        dims=dims,
        labels={k: v for k, v in study.labels.items() if any(k in own for own in dims.values())},
        details={**details, **({} if study.plan is None else study.plan.details())},
        attributes={"title": study.title, **study.provenance()},
    )


def chosen_outputs(study: Study, outputs: Sequence[str] | None) -> tuple[str, ...]:
    """Return the outputs that are asked, or those that are computed unless others are."""
    known = study.outputs
    if outputs is None:
        return tuple(name for name, output in known.items() if output.default)
    for output in outputs:
        choice("output", output, known)
    if not outputs or len(set(outputs)) < len(outputs):
        raise fail("output", "name each output once, and at least one", f"it is {list(outputs)}")
    return tuple(outputs)


class Points:
    """A study at one point of a sweep, or at many as one batch; it can be sent to other processes.

    Alone and in a batch a point gives the same bits.
    """

    def __init__(
        self, kind: type[Study], entries: Mapping[str, Any], outputs: Sequence[str]
    ) -> None:
        self.kind, self.tables, self.outputs = kind, tables.thawed(entries), tuple(outputs)

    def __call__(self, **values: Any) -> dict[str, Any]:
        if any(np.ndim(value) for value in values.values()):
            return self.kind.compute_many(self.tables, values, self.outputs)
        return self.kind.at_point(self.tables, values).compute(self.outputs)


def _flat(entries: Any, prefix: str = "") -> dict[str, str]:
    """Return nested tables as one level of text under dotted names."""
    if not isinstance(entries, Mapping):
        return {prefix: repr(tables.thawed(entries))}
    found: dict[str, str] = {}
    for key, value in entries.items():
        found.update(_flat(value, f"{prefix}.{key}" if prefix else key))
    return found
