"""What studies of measured data share: fits, which have no points to scan."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from anticrossing._core.checks import InputError, fail
from anticrossing.fits import FitResult, LevelFit
from anticrossing.studies import tables
from anticrossing.studies.outcome import Output, Table
from anticrossing.studies.study import Study


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitting(Study):
    """Base of the fits of data that come beside the file: see `with_data`."""

    data: Any = None

    takes_data: ClassVar[bool] = True
    varied: ClassVar[tuple[str, ...]]
    """Tables of the file; the last one has the arguments of the fit."""
    expects: ClassVar[str]
    """The file of data, as a command line names it."""
    output: ClassVar[Output] = Output("χ² per degree of freedom", default=True)
    told: ClassVar[str] = "reduced_chi_square"
    """The attribute of a fit that says how good it is, in words `output`."""

    @abc.abstractmethod
    def fitted(self, data: Any) -> Any:
        """Return the fit of the data."""

    def result(self) -> Any:
        """Return the fit, or raise `InputError` where there are no data."""
        if self.data is None:
            raise InputError(f"A fit needs data: anticrossing fit {self.expects} FILE.toml.")
        with tables.inside(self.varied[-1]):
            return self.fitted(self.data)

    @property
    def outputs(self) -> dict[str, Output]:
        """How good the fit is."""
        return {self.told: self.output}

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return the quality of the fit."""
        found = self.result()
        return {name: float(getattr(found, name)) for name in outputs}

    def check_varied(self, parameter: str) -> None:
        """Refuse scans and sweeps: their points would have no data."""
        raise fail("parameter", "be left out: a fit is not scanned", f"it is {parameter!r}")


def options_of(table: Any, without: Sequence[str] = ()) -> dict[str, Any]:
    """Return the arguments of a fit that a table gives."""
    keys = [key for key in table.__struct_fields__ if key not in without]
    return {key: value for key in keys if (value := getattr(table, key)) is not None}


def parameter_table(fit: FitResult | LevelFit) -> Table:
    """Return the parameters with their errors, and units where there are any."""
    units = any(one.unit for one in fit.parameters.values())
    rows = tuple(
        (name, float(one.value), float(one.error) if one.varied else None, one.unit)[: 3 + units]
        for name, one in fit.parameters.items()
    )
    columns = ("parameter", "value", "±", "unit")[: 3 + units]
    return Table("parameters", columns, rows, "Without an error: held fixed.")


def correlation_tables(fit: FitResult | LevelFit) -> list[Table]:
    """Return the correlations of the errors, where there are two and more."""
    if len(fit.varied) < 2:
        return []
    rows = tuple(
        (name, *(None if math.isnan(value) else float(value) for value in row))
        for name, row in zip(fit.varied, fit.correlations, strict=True)
    )
    note = "Of the errors of the fitted parameters."
    return [Table("correlations", ("parameter", *fit.varied), rows, note)]


def verdict(fit: FitResult | LevelFit) -> str:
    """Return the varied parameters, and how good the fit is."""
    named = ", ".join(f"{name} = {fit[name]}" for name in fit.varied)
    return f"{named}; χ² = {fit.chi_square:.4g} for {fit.degrees_of_freedom} degrees of freedom."
