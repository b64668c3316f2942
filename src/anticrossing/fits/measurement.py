"""Measured populations: coordinates, values, errors, and the files they come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    listed,
    nearest,
    real_array,
    shaped_like,
)
from anticrossing._core.files import write_text
from anticrossing._core.reading import open_netcdf
from anticrossing._core.result import Result
from anticrossing._core.text_table import read_table
from anticrossing._core.variables import Variable
from anticrossing.fits._quantities import is_unit, labelled, split_name

POPULATION, ERROR, COUNTS, SHOTS = "population", "error", "counts", "shots"
_OWN = {POPULATION, ERROR, COUNTS, SHOTS}
_FARTHEST = 0.25  # beyond [0, 1] without errors
_WHOLE = 1e-9  # of the shots: how far counts may be from whole numbers after a division
_MOST_ERRORS = 6.0  # beyond [0, 1] in units of the error


@dataclass(frozen=True, eq=False)
class Measurement(Result):
    """Populations measured at N points of named coordinates.

    Attributes
    ----------
    coordinates : dict of str to array, shape (N,)
        What was set, by name: ``offset`` and ``amplitude``, or ``sweep_rate``.
    population : array, shape (N,)
        The measured populations. Noise may carry them slightly beyond [0, 1].
    error : array, shape (N,), or None
        Standard deviations, positive; None if they are not known.
    source : str
        Where the numbers come from.
    shots : array, shape (N,), or None
        How often it was measured where the populations are counts/shots: a fit then uses the
        binomial distribution, and there are no errors. See `from_counts`.
    units : dict of str to str
        Units of coordinates by name, such as ``{"offset": "GHz"}``; empty for numbers with ħ = 1.

    Raises
    ------
    InputError
        If lengths differ, a number is not finite, an error is not positive, or a population lies
        outside [0, 1] by more than 6 errors (0.25 without errors); if counts are not whole numbers
        between 0 and the shots.

    Examples
    --------
    >>> data = Measurement({"sweep_rate": [0.5, 1.0]}, [0.1, 0.3], [0.01, 0.01])
    >>> len(data)
    2
    """

    coordinates: Mapping[str, FloatArray]
    population: FloatArray
    error: FloatArray | None = None
    source: str = ""
    shots: FloatArray | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_counts(
        cls,
        coordinates: Mapping[str, npt.ArrayLike],
        counts: npt.ArrayLike,
        shots: npt.ArrayLike,
        *,
        source: str = "",
        units: Mapping[str, str] | None = None,
    ) -> Self:
        """Return populations that are `counts` of `shots`, for fits with the binomial distribution.

        Parameters
        ----------
        coordinates : dict of str to array, shape (N,)
        counts : array, shape (N,)
            How often the level was seen.
        shots : int or array, shape (N,)
            How often was looked.
        source, units
            As for `Measurement`.

        Examples
        --------
        >>> print(Measurement.from_counts({"sweep_rate": [0.5, 1.0]}, [3, 11], 40))
        2 populations: sweep_rate 0.5 … 1; counts of 40 shots
        """
        seen = listed(COUNTS, counts)
        looked = real_array(SHOTS, shots)
        if looked.size == 1:
            looked = np.broadcast_to(looked.ravel(), seen.shape)
        looked = shaped_like(SHOTS, looked, COUNTS, seen.shape)
        _check_counts(seen, looked)
        columns = {name: real_array(name, value) for name, value in coordinates.items()}
        return cls(columns, seen / looked, None, source, looked, dict(units or {}))

    def __post_init__(self) -> None:
        if not self.coordinates:
            raise fail("coordinates", "hold at least one coordinate", "it is empty")
        columns = {name: real_array(name, value) for name, value in self.coordinates.items()}
        population = listed(POPULATION, self.population)
        error = None if self.error is None else real_array(ERROR, self.error)
        for name, values in ({**columns, ERROR: error}).items():
            if values is not None:
                shaped_like(name, values, POPULATION, population.shape)
        if error is not None and np.any(error <= 0):
            worst = int(np.argmin(error))
            raise fail(ERROR, "be positive", f"number {worst} is {error[worst]:g}")
        _check_range(population, error)
        if self.shots is not None:
            shots = shaped_like(SHOTS, real_array(SHOTS, self.shots), POPULATION, population.shape)
            if error is not None:
                raise fail(ERROR, "be left out where `shots` are given", "both are")
            _check_counts(population * shots, shots)
            object.__setattr__(self, SHOTS, shots)
        unknown = [name for name in self.units if name not in columns]
        if unknown:
            raise fail("units", "name coordinates", f"{unknown[0]!r} is none of {list(columns)}")
        object.__setattr__(self, "units", dict(self.units))
        object.__setattr__(self, "coordinates", columns)
        object.__setattr__(self, POPULATION, population)
        object.__setattr__(self, ERROR, error)

    def __len__(self) -> int:
        return self.population.size

    def __str__(self) -> str:
        ranges = ", ".join(
            f"{name} {values.min():g} … {values.max():g} {self.units.get(name, '')}".rstrip()
            for name, values in self.coordinates.items()
        )
        if self.shots is not None:
            low, high = self.shots.min(), self.shots.max()
            shots = f"{low:g}" if low == high else f"{low:g} … {high:g}"
            return f"{len(self)} populations: {ranges}; counts of {shots} shots"
        typical = "unknown" if self.error is None else f"about {np.median(self.error):.2g}"
        return f"{len(self)} populations: {ranges}; errors {typical}"

    @property
    def weighed(self) -> bool:
        """Whether errors are known, or follow from counts."""
        return self.error is not None or self.shots is not None

    def coordinate(self, name: str) -> FloatArray:
        """Return the values of one coordinate, or raise `InputError` naming the nearest."""
        if name not in self.coordinates:
            known = ", ".join(f"`{known}`" for known in self.coordinates)
            raise fail(
                "data",
                f"have a coordinate `{name}`",
                f"it has {known}{nearest(name, self.coordinates)}",
            )
        return self.coordinates[name]

    def to_csv(self, path: str | Path, *, comment: str = "") -> Path:
        """Write the numbers as `read_measurement` reads them, with 9 significant digits.

        Parameters
        ----------
        path : str or Path
        comment : str
            Written before the header, each line behind a ``#``.
        """
        columns: dict[str, FloatArray] = {
            f"{name}_{self.units[name]}" if self.units.get(name) else name: values
            for name, values in self.coordinates.items()
        }
        if self.shots is not None:
            columns |= {COUNTS: np.rint(self.population * self.shots), SHOTS: self.shots}
        else:
            columns[POPULATION] = self.population
        if self.error is not None:
            columns[ERROR] = self.error
        lines = [f"# {line}".rstrip() for line in comment.splitlines()]
        lines.append(",".join(columns))
        lines += [
            ",".join(f"{value:.9g}" for value in row) for row in zip(*columns.values(), strict=True)
        ]
        file = Path(path)
        write_text(file, lines)
        return file

    def variables(self) -> dict[str, Variable]:
        """Return coordinates, populations and errors by name, along the dimension ``point``."""
        columns = {
            **self.coordinates,
            POPULATION: self.population,
            ERROR: self.error,
            SHOTS: self.shots,
        }
        texts = {
            POPULATION: "measured population",
            ERROR: "standard deviation",
            SHOTS: "how often it was measured",
        }
        return {
            name: Variable(("point",), values, texts.get(name, name), self.units.get(name, "1"))
            for name, values in columns.items()
            if values is not None
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the populations along the coordinate, or colours over the first two of several.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        first, *others = self.coordinates.items()
        axes.set_xlabel(self.label(first[0]))
        if others:
            place = first[1], others[0][1]
            drawing.colours_over_two(axes, *place, self.population, "measured population")
            axes.set_ylabel(self.label(others[0][0]))
        else:
            axes.errorbar(first[1], self.population, self.deviations(), fmt="o")
            axes.set_ylabel("measured population")
        return axes

    def deviations(self) -> FloatArray | None:
        """Return standard deviations: the errors, or what counts suggest; None if not known."""
        if self.shots is None:
            return self.error
        # Agresti and Coull: a count of 0 or of all shots is no certainty.
        smooth = (self.population * self.shots + 2) / (self.shots + 4)
        return np.sqrt(smooth * (1 - smooth) / (self.shots + 4))

    def label(self, name: str) -> str:
        """Return the name of a coordinate with its unit."""
        return labelled(name, self.units)

    def _attributes(self) -> dict[str, Any]:
        return {"source": self.source}


def read_measurement(path: str | Path) -> Measurement:
    """Read measured populations from a CSV or NetCDF file.

    A CSV file has a header that names its columns, then numbers, separated by commas, semicolons
    (then with decimal points or commas), tabs or blanks; lines that begin with ``#`` are comments.
    A NetCDF file has a variable ``population`` whose dimensions carry coordinates. A column or
    variable ``error`` holds standard deviations and may be absent; instead of a population there
    may be ``counts`` and ``shots``. Every other column (coordinate) is what was set. A unit may
    stand behind its name, ``offset_GHz`` or ``offset (GHz)``, or in a line of units below the
    header.

    Parameters
    ----------
    path : str or Path
        Ends in ``.csv``, ``.txt``, ``.nc`` or ``.netcdf``.

    Returns
    -------
    Measurement

    Raises
    ------
    InputError
        For an unknown ending, a missing column, a line that is not numbers (naming the line), or
        numbers that `Measurement` refuses.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "run.csv"
    ...     _ = file.write_text("sweep_rate,population,error\\n0.5,0.04,0.01\\n1.0,0.21,0.01\\n")
    ...     print(read_measurement(file))
    2 populations: sweep_rate 0.5 … 1; errors about 0.01
    """
    file = Path(path)
    suffix = file.suffix.lower()
    below: dict[str, str] = {}
    if suffix in (".csv", ".txt"):
        columns, below = _read_csv(file)
    elif suffix in (".nc", ".netcdf"):
        columns, below = _read_netcdf(file)
    else:
        raise fail("path", "end in .csv, .txt, .nc or .netcdf", f"it is {str(file)!r}")
    units = {}
    for name in list(columns):
        stem, unit = split_name(name)
        if unit and stem not in columns:
            columns = {stem if key == name else key: value for key, value in columns.items()}
            units[stem] = unit
    units |= {name: unit for name, unit in below.items() if name not in _OWN and unit}
    if COUNTS in columns and SHOTS in columns and POPULATION not in columns:
        if not set(columns) - _OWN:
            raise InputError(f"{file}: a column with a coordinate is needed, but there is none.")
        counts, shots = columns.pop(COUNTS), columns.pop(SHOTS)
        if ERROR in columns:
            raise InputError(f"{file}: `{COUNTS}` bring their own errors: leave out `{ERROR}`.")
        try:
            return Measurement.from_counts(columns, counts, shots, source=str(file), units=units)
        except InputError as problem:
            raise InputError(f"{file}: {problem}") from None
    if POPULATION not in columns:
        found = ", ".join(f"`{name}`" for name in columns)
        raise InputError(
            f"{file}: a column `{POPULATION}` is needed, but there are only {found}"
            f"{nearest(POPULATION, columns)}."
        )
    if not set(columns) - _OWN:
        raise InputError(f"{file}: a column with a coordinate is needed, but there is none.")
    if COUNTS in columns:
        raise InputError(f"{file}: `{COUNTS}` of `{SHOTS}` are populations: leave out one of both.")
    population, error = columns.pop(POPULATION), columns.pop(ERROR, None)
    try:
        return Measurement(columns, population, error, str(file), columns.pop(SHOTS, None), units)
    except InputError as problem:
        raise InputError(f"{file}: {problem}") from None


def _check_range(population: FloatArray, error: FloatArray | None) -> None:
    beyond = np.maximum(-population, population - 1)
    allowed = _FARTHEST if error is None else _MOST_ERRORS * np.minimum(error, 0.5 / _MOST_ERRORS)
    outside = beyond > np.maximum(allowed, 1e-9)
    if np.any(outside):
        worst = int(np.argmax(np.where(outside, beyond, -np.inf)))
        value = population[worst]
        percent = " (are these percent?)" if 2 < population.max() <= 101 else ""
        raise fail(
            POPULATION,
            "lie between 0 and 1 within its error",
            f"number {worst} is {value:g}{percent}",
        )


def _check_counts(counts: FloatArray, shots: FloatArray) -> None:
    if np.any(shots < 1) or np.any(shots != np.rint(shots)):
        worst = int(np.argmax((shots < 1) | (shots != np.rint(shots))))
        raise fail(SHOTS, "be whole numbers of at least 1", f"number {worst} is {shots[worst]:g}")
    for wrong, must in (
        (counts < -_WHOLE * shots, "not be negative"),
        (np.abs(counts - np.rint(counts)) > _WHOLE * shots, "be whole numbers"),
        (counts > shots * (1 + _WHOLE), "be at most `shots`"),
    ):
        if np.any(wrong):
            worst = int(np.argmax(wrong))
            raise fail(COUNTS, must, f"number {worst} is {counts[worst]:.9g} of {shots[worst]:g}")


def _read_csv(file: Path) -> tuple[dict[str, FloatArray], dict[str, str]]:
    table = read_table(file, empty=False, units=True)
    below = {n: unit for n, unit in zip(table.header, table.row_units, strict=True) if unit}
    return dict(zip(table.header, table.values.T, strict=True)), below


def _read_netcdf(file: Path) -> tuple[dict[str, FloatArray], dict[str, str]]:
    with open_netcdf(file) as dataset:
        measured = COUNTS if POPULATION not in dataset.data_vars else POPULATION
        if measured not in dataset.data_vars:
            return {str(name): np.empty(0) for name in dataset.variables}, {}
        dims = dataset[measured].dims
        units = {}
        wanted: dict[str, npt.NDArray[Any]] = {}
        for name, variable in {**dataset.coords, **dataset.data_vars}.items():
            if set(variable.dims) <= set(dims) and (
                not dataset.coords or name in dataset.coords or name in _OWN
            ):
                full = variable.broadcast_like(dataset[measured]).transpose(*dims)
                wanted[str(name)] = np.asarray(full.values).reshape(-1)
                unit = variable.attrs.get("units", "")
                units[str(name)] = unit if is_unit(str(name), unit) else ""
        return wanted, units
