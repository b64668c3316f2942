"""A fit to measured populations: of single passages, or of the fringes of a driven qubit.

.. code-block:: toml

    [fit]                        # anticrossing fit DATA FILE.toml
    kind = "interferogram"       # or "passages"
    gap = 0.1                    # starting values, or what is held fixed; "16 MHz" where the
    t1 = 2000.0                  # columns of the data have units
    t2 = 1.0
    frequency = 7.54
    vary = ["gap", "t2", "amplitude_scale", "offset_shift"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from anticrossing._core.checks import choice, integer
from anticrossing._core.unchanging import read_only
from anticrossing._core.variables import Variable
from anticrossing.fits import (
    FitResult,
    Measurement,
    Posterior,
    fit_interferogram,
    fit_passages,
    interferogram,
    passages,
    read_measurement,
)
from anticrossing.studies import tables
from anticrossing.studies.fitting import (
    Fitting,
    correlation_tables,
    options_of,
    parameter_table,
    verdict,
)
from anticrossing.studies.outcome import Outcome, Progress, Scanned, Sentences, Table
from anticrossing.studies.schema import Table as TableOfFile, decode
from anticrossing.studies.study import Heading

Quantity = float | str
"""A number, or a number with its unit, such as "40 MHz"."""
_POSTERIOR = ("posterior_steps", "seed")


class PassagesFit(TableOfFile, frozen=True, kw_only=True):
    """The gap from populations after single passages; see `anticrossing.fits.fit_passages`.

    Attributes
    ----------
    kind
        The kind of the fit.
    model
        "landau-zener" or "exact".
    measured
        "jump" or "stay": which probability the data are.
    window : energy
        First and last energy difference of the sweeps, for the model "exact".
    basis
        Of the model "exact": "adiabatic" or "diabatic".
    gap : energy
        Where the search starts; found from the data by default.
    visibility
        Where it starts.
    background
        Where it starts.
    false_positive
        Chance to see the level where it is empty, instead of a visibility: where it starts.
    false_negative
        Chance to miss it where it is occupied: where it starts.
    vary
        The names of the parameters that are fitted.
    posterior_steps
        Of every walker of a sampled posterior (emcee); 0 for none.
    seed
        Of the random numbers for it.
    """

    kind: Literal["passages"]
    model: str = "landau-zener"
    measured: str = "jump"
    window: tuple[Quantity, Quantity] | None = None
    basis: str | None = None
    gap: Quantity | None = None
    visibility: float = 1.0
    background: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    vary: list[str] | None = None
    posterior_steps: int = 0
    seed: int = 0


class InterferogramFit(TableOfFile, frozen=True, kw_only=True):
    """A driven qubit from its fringes; see `anticrossing.fits.fit_interferogram`.

    Attributes
    ----------
    kind
        The kind of the fit.
    gap : energy
        Where the search starts.
    t1 : time
        Where it starts.
    t2 : time
        Where it starts.
    amplitude_scale : energy per unit of the data
        Where it starts.
    offset_shift : energy
        Where it starts.
    temperature : energy
        Where it starts.
    offset_noise : energy
        Standard deviation of noise that is still: where it starts.
    visibility
        Where it starts.
    background
        Where it starts.
    false_positive
        Chance to see the level where it is empty, instead of a visibility: where it starts.
    false_negative
        Chance to miss it where it is occupied: where it starts.
    frequency : angular
        ω of the drive, unless the data say it.
    model
        "exact" or "fast-passage".
    basis
        "diabatic" or "adiabatic": where T1 and T2 act.
    readout
        "diabatic" or "adiabatic": whose population it is.
    measured
        "excited" or "upper": a folded map, or one with the step of the qubit.
    phase
        Of the drive at the start, where data have a duration.
    initial
        Population of the measured level at the start, where data have a duration.
    search
        Whether other minima are tried than the nearest.
    vary
        The names of the parameters that are fitted.
    posterior_steps
        Of every walker of a sampled posterior (emcee); 0 for none.
    seed
        Of the random numbers for it.
    """

    kind: Literal["interferogram"]
    gap: Quantity
    t1: Quantity
    t2: Quantity
    amplitude_scale: Quantity = 1.0
    offset_shift: Quantity = 0.0
    temperature: Quantity = 0.0
    offset_noise: Quantity = 0.0
    visibility: float = 1.0
    background: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    frequency: Quantity | None = None
    model: str = "exact"
    basis: str = "diabatic"
    readout: str | None = None
    measured: str = "excited"
    phase: float = 0.0
    initial: float = 0.0
    search: bool = True
    vary: list[str] | None = None
    posterior_steps: int = 0
    seed: int = 0


FITS: dict[str, tuple[type[TableOfFile], Any, tuple[str, ...]]] = {
    "passages": (PassagesFit, fit_passages, passages.PARAMETERS),
    "interferogram": (InterferogramFit, fit_interferogram, interferogram.PARAMETERS),
}


class FitFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a fit."""

    fit: dict[str, Any]


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class FitStudy(Fitting):
    """A validated file with the table [fit].

    Attributes
    ----------
    kind : str
        "passages" or "interferogram".
    options : dict
        The arguments of the fit.
    posterior_steps, seed : int
        Of a posterior that is sampled.
    data : Measurement or None
        What is fitted, once it is given: see `with_data`.
    """

    kind: str
    options: dict[str, Any]
    posterior_steps: int = 0
    seed: int = 0
    data: Measurement | None = None

    structure: ClassVar[type[TableOfFile]] = FitFile
    varied: ClassVar[tuple[str, ...]] = ("fit",)
    example: ClassVar[Mapping[str, Any]] = {
        "fit": {
            "kind": "interferogram",
            "gap": 0.1,
            "t1": 2000.0,
            "t2": 1.0,
            "amplitude_scale": 0.2,
            "frequency": 7.54,
            "vary": ["gap", "t2", "amplitude_scale", "offset_shift"],
        }
    }
    expects: ClassVar[str] = "DATA"
    choices: ClassVar[Mapping[str, tuple[type[TableOfFile], ...]]] = {
        "fit": (PassagesFit, InterferogramFit)
    }

    @classmethod
    def read(cls, given: FitFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Check the options of the fit."""
        with tables.inside("fit"):
            kind = choice("kind", tables.required(given.fit, "kind"), FITS)
            table: Any = decode(given.fit, FITS[kind][0], "fit")
            if table.vary is not None:
                passages.check_names(table.vary, FITS[kind][2])
            steps, seed = (getattr(table, key) for key in _POSTERIOR)
            if steps != 0:
                integer("posterior_steps", steps, minimum=20)
            integer("seed", seed, minimum=0)
        options = options_of(table, ("kind", *_POSTERIOR))
        return cls(
            **heading._asdict(),
            tables=entries,
            kind=kind,
            options=options,
            posterior_steps=steps,
            seed=seed,
        )

    def with_data(self, path: Path) -> Self:
        """Return the study with measured populations from a file."""
        return dataclasses.replace(self, data=read_measurement(path))

    def fitted(self, data: Measurement) -> FitResult:
        """Return the fit."""
        found: FitResult = FITS[self.kind][1](data, **self.options)
        return found

    @property
    def setup(self) -> dict[str, str]:
        """The data, and what is held or begun with."""
        given = ", ".join(f"{key} {value}" for key, value in self.options.items())
        return {"data": "none" if self.data is None else str(self.data), "options": given}

    def run(self, progress: Progress | None = None) -> FitOutcome:
        """Fit, and sample the posterior where that is asked for."""
        found, posterior = self.result(), None
        if self.posterior_steps:
            posterior = found.sample(seed=self.seed, steps=self.posterior_steps)
        intervals = {name: found.interval(name) for name in found.curved}
        return FitOutcome(self, found, None, posterior, intervals)


@read_only
@dataclass(frozen=True, eq=False)
class FitOutcome(Outcome):
    """What came out of a fit.

    Attributes
    ----------
    experiment : FitStudy
    fit : FitResult
    scan : None
    posterior : Posterior or None
    intervals : dict of str to (float, float)
        Of parameters whose errors are not symmetric.
    """

    experiment: FitStudy
    fit: FitResult
    scan: Scanned | None
    posterior: Posterior | None = None
    intervals: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)

    curves: ClassVar[tuple[str, ...]] = ("point",)

    @property
    def caption(self) -> str:
        """What the figure shows."""
        return (
            "The measured populations, the fit, what is left between them in units of the errors, "
            "and the correlations of the parameters"
        )

    def own_variables(self) -> dict[str, Variable]:
        """Return data, fit and parameters, for the dataset."""
        found = dict(self.fit.variables())
        if self.posterior is not None:
            own = self.posterior.variables()
            found["samples"] = own["samples"]._replace(dims=("sample", "varied"))
            found["log_likelihood"] = own["log_likelihood"]
        return found

    def own_tables(self) -> list[Table]:
        """Return the parameters with their errors, and the correlations of these."""
        found = [parameter_table(self.fit), *correlation_tables(self.fit)]
        if self.intervals:
            ends = tuple((name, *pair) for name, pair in self.intervals.items())
            note = "68 %, by the profile of the likelihood, where errors are not symmetric."
            found.append(Table("intervals", ("parameter", "from", "to"), ends, note))
        if self.posterior is not None:
            found.append(_quantiles(self.posterior))
        return found

    def own_sentences(self) -> Sentences:
        """Return the varied parameters, and how good the fit is."""
        fit = self.fit
        notes = fit.warnings + (() if self.posterior is None else self.posterior.warnings)
        return Sentences(verdict(fit), fit.determined and not notes, notes)

    def figure(self) -> Any:
        """Draw data, fit, residuals and the correlations of the parameters."""
        from anticrossing.plot import style
        from anticrossing.plot.figure import panels_of
        from anticrossing.plot.fits import (
            correlation_matrix,
            fit_residuals,
            fitted_population,
            measured_population,
        )

        with style.style():
            drawn, axes = panels_of(self.experiment.title, 2)
            measured_population(self.fit, axes[0, 0])
            fitted_population(self.fit, ax=axes[0, 1])
            fit_residuals(self.fit, ax=axes[1, 0])
            correlation_matrix(self.fit, ax=axes[1, 1])
            several = len(self.fit.data.coordinates) > 1
            first = "Data" if several else "Data and fit"
            titles = (first, "Fit", "Residuals", "Correlations of the errors")
            for one, title in zip(axes.flat, titles, strict=True):
                one.set_title(title)
        return drawn


def _quantiles(posterior: Posterior) -> Table:
    """Return quantiles of the samples."""
    levels = (0.025, 0.16, 0.5, 0.84, 0.975)
    every = zip(posterior.names, posterior.autocorrelation_time, strict=True)
    rows = tuple(
        (str(name), *posterior.quantiles(name, levels).tolist(), float(time))
        for name, time in every
    )
    columns = ("parameter", *(f"{100 * level:g} %" for level in levels), "steps apart")
    note = (
        f"Quantiles of {len(posterior.samples)} samples, seed {posterior.seed}; the last column is "
        "the autocorrelation time of a walker."
    )
    return Table("posterior", columns, rows, note)


KIND = FitStudy
