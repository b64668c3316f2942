"""The table [sweep] of an experiment file: which parameters vary, and what is computed.

.. code-block:: toml

    [sweep]                      # beside the tables of any experiment, in place of [scan]
    zipped = false               # true: the parameters vary together
    output = ["probability"]     # for a driven level "occupation", "entropy_production", …
    chunk_size = 100             # points, optional

    [[sweep.parameters]]         # one or several, each as in [scan]
    parameter = "drive.rate"
    from = 1e-4
    to = 1e-2
    points = 25
    scale = "log"
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anticrossing._core.checks import FloatArray, InputError, describe, fail, known_keys
from anticrossing._core.reading import read_text
from anticrossing.studies import tables
from anticrossing.studies.file import LARGEST_FILE, read_tables, read_toml
from anticrossing.studies.outcome import Study
from anticrossing.studies.parameters import is_given, with_values
from anticrossing.studies.passage_file import Experiment
from anticrossing.studies.scan import read_scan
from anticrossing.studies.sweep import experiment_target
from anticrossing.sweeps.grid import Grid, read_chunk_size, read_grid
from anticrossing.sweeps.layout import Layout
from anticrossing.sweeps.progress import Progress
from anticrossing.sweeps.run import compute
from anticrossing.sweeps.target import Target

if TYPE_CHECKING:
    import xarray

_KEYS = ("parameters", "zipped", "output", "chunk_size")


@dataclass(frozen=True, eq=False)
class SweepFile:
    """An experiment file with the table [sweep].

    Attributes
    ----------
    experiment : Experiment or Study
        The experiment itself, at the middle of what is swept and not given in the file.
    grid : Grid
    target : Target
        What is computed at every point.
    chunk_size : int or None
    """

    experiment: Experiment | Study
    grid: Grid
    target: Target
    chunk_size: int | None

    def run(
        self,
        *,
        store: str | os.PathLike[str] | None = None,
        executor: Any = None,
        resume: bool = True,
        retry_failures: bool = False,
        progress: bool | Progress = True,
    ) -> xarray.Dataset:
        """Compute all points; the arguments are those of `anticrossing.sweeps.sweep`."""
        return compute(
            Layout(self.grid, self.target, seed=None),
            store=store,
            executor=executor,
            chunk_size=self.chunk_size,
            resume=resume,
            retry_failures=retry_failures,
            progress=progress,
        )


def load_sweep(path: str | Path) -> SweepFile:
    """Read and validate an experiment file with the table [sweep].

    Raises
    ------
    InputError
        For anything in the file that cannot be used, in one line.
    OSError
        If the file cannot be read.
    """
    text = read_text(Path(path), LARGEST_FILE)
    try:
        return parse_sweep(text, name=Path(path).stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse_sweep(text: str, *, name: str = "experiment") -> SweepFile:
    """Validate the text of an experiment file with the table [sweep].

    Examples
    --------
    >>> swept = parse_sweep('''
    ... hamiltonian = { model = "LandauZener", gap = 1.0 }
    ... drive = { kind = "linear", start = -100, stop = 100, rate = 1.0 }
    ... [sweep]
    ... parameters = [{ parameter = "drive.rate", from = 1, to = 4, points = 4 }]
    ... ''')
    >>> swept.run().probability.sel(final=1).round(3).values
    array([0.208, 0.456, 0.592, 0.675])
    """
    entries = read_toml(text)
    if "sweep" not in entries:
        raise InputError("The table [sweep] is missing.")
    if "scan" in entries:
        raise InputError("A file is scanned or swept: leave [scan] or [sweep] out.")
    given = tables.table(entries, "sweep")
    rest = {key: value for key, value in entries.items() if key != "sweep"}
    with tables.inside("sweep"):
        known_keys("[sweep]", given, _KEYS)
        grid, details = _grid(given)
        size = read_chunk_size(given.get("chunk_size"))
        outputs = given.get("output")
        if outputs is not None and not isinstance(outputs, list):
            raise fail("output", "be a list of names", f"it is {describe(outputs)}")
    experiment = read_tables(_completed(rest, grid), text, name)
    with tables.inside("sweep"):
        target = experiment_target(experiment, grid, outputs)
    merged = {**target.details, **details}
    return SweepFile(experiment, grid, dataclasses.replace(target, details=merged), size)


def _completed(entries: Mapping[str, Any], grid: Grid) -> dict[str, Any]:
    """Give swept keys that the file leaves out the middle of their values."""
    missing = {}
    for axis in grid.axes:
        for parameter, values in axis.parameters.items():
            where = parameter.partition(".")[0]
            if isinstance(entries.get(where), dict) and not is_given(entries, parameter):
                missing[parameter] = float(values[values.size // 2])
    return with_values(entries, missing)


def _grid(entries: Mapping[str, Any]) -> tuple[Grid, dict[str, dict[str, str]]]:
    """Return the grid, and what the parameters are called in full."""
    listed = tables.required(entries, "parameters")
    zipped = entries.get("zipped", False)
    if not isinstance(zipped, bool):
        raise fail("zipped", "be true or false", f"it is {describe(zipped)}")
    if not isinstance(listed, list) or not listed:
        raise fail("parameters", "be a list of at least one table", f"it is {describe(listed)}")
    values: dict[str, FloatArray] = {}
    units, details = {}, {}
    for number, given in enumerate(listed):
        with tables.inside(f"parameters {number + 1}"):
            if not isinstance(given, dict):
                raise InputError(f"It must be a table, but it is {describe(given)}.")
            backwards = _runs_backwards(given)
            if backwards and "values" in given:
                given = {**given, "values": given["values"][::-1]}
            scan = read_scan(given)
            if scan.parameter in values:
                raise fail("parameter", "be named once", f"{scan.parameter!r} is named twice")
            values[scan.parameter] = scan.values[::-1] if backwards else scan.values
            details[scan.parameter] = {"long_name": scan.label}
            if scan.unit:
                units[scan.parameter] = scan.unit
    return read_grid(values, zipped=zipped, units=units), details


def _runs_backwards(given: Mapping[str, Any]) -> bool:
    """Whether the values of a parameter decrease, as may be wanted beside another one's."""
    ends: list[Any] = [given.get("from"), given.get("to")]
    listed = given.get("values")
    if isinstance(listed, list) and listed:
        ends = [listed[0], listed[-1]]
    numbers = all(isinstance(end, int | float) for end in ends)
    return numbers and bool(ends[0] > ends[1])
