"""A fit of the rate constants of first-order steps to populations against time.

.. code-block:: toml

    [kinetic_fit]                # anticrossing fit POPULATIONS.csv FILE.toml
    steps = ["S1 -> T1", "T1 -> S0"]

The first column of the data is the time, the others are the populations of the states they name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, fail, integer, nearest
from anticrossing._core.text_table import read_table
from anticrossing._core.unchanging import read_only
from anticrossing._core.variables import Variable
from anticrossing.fits import KineticFit, fit_kinetics
from anticrossing.studies import tables
from anticrossing.studies.fitting import Fitting
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading

_ARROW = "->"


class KineticFitTable(TableOfFile, frozen=True, kw_only=True):
    """The steps that are fitted; see `anticrossing.fits.fit_kinetics`.

    Attributes
    ----------
    steps
        "A -> B", with the names of the columns.
    initial
        NAME = population at the first time, by default what is measured there.
    resamples
        For the errors, at least 20.
    seed
        Of the resampling.
    """

    steps: list[str]
    initial: dict[str, float] = {}
    resamples: int = 200
    seed: int = 0


class KineticFitFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a fit of rate constants."""

    kinetic_fit: KineticFitTable


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class KineticFitStudy(Fitting):
    """A validated file with the table [kinetic_fit].

    Attributes
    ----------
    network : tuple of (str, str)
    options : KineticFitTable
    states : tuple of str
        The columns of the data, once they are given: see `with_data`.
    unit : str
        Of the times.
    data : array or None
        Time and populations, one row for each time.
    """

    network: tuple[tuple[str, str], ...]
    options: KineticFitTable
    states: tuple[str, ...] = ()
    unit: str = ""
    data: FloatArray | None = None

    structure: ClassVar[type[TableOfFile]] = KineticFitFile
    varied: ClassVar[tuple[str, ...]] = ("kinetic_fit",)
    example: ClassVar[Mapping[str, Any]] = {"kinetic_fit": {"steps": ["S1 -> T1", "T1 -> S0"]}}
    expects: ClassVar[str] = "POPULATIONS.csv"
    output: ClassVar[Output] = Output("root mean square of the residuals", default=True)
    told: ClassVar[str] = "residual"

    @classmethod
    def read(cls, given: KineticFitFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Check the steps and options as far as data do not matter."""
        asked = given.kinetic_fit
        with tables.inside("kinetic_fit"):
            steps = tuple(_step(k, text) for k, text in enumerate(asked.steps))
            if not steps or len(set(steps)) < len(steps):
                raise fail("steps", "name each step once", f"it is {asked.steps}")
            integer("resamples", asked.resamples, minimum=20)
            integer("seed", asked.seed, minimum=0)
        return cls(**heading._asdict(), tables=entries, network=steps, options=asked)

    def with_data(self, path: Path) -> Self:
        """Return the study with populations from a file."""
        table = read_table(Path(path))
        names, units = table.named()
        return dataclasses.replace(self, states=names[1:], unit=units[0], data=table.values)

    def fitted(self, data: FloatArray) -> KineticFit:
        """Return the fit."""
        named = {name: k for k, name in enumerate(self.states)}
        for name in (*(state for step in self.network for state in step), *self.options.initial):
            if name not in named:
                known = ", ".join(f"`{state}`" for state in self.states)
                raise InputError(
                    f"The data have no state `{name}`{nearest(name, named)}; they have {known}."
                )
        start = [self.options.initial.get(name, 0.0) for name in self.states]
        return fit_kinetics(
            data[:, 0],
            data[:, 1:],
            [(named[source], named[target]) for source, target in self.network],
            initial=start if self.options.initial else None,
            states=self.states,
            resamples=self.options.resamples,
            seed=self.options.seed,
        )

    @property
    def setup(self) -> dict[str, str]:
        """The steps and the data."""
        count = 0 if self.data is None else len(self.data)
        return {
            "steps": ", ".join(f"{source} → {target}" for source, target in self.network),
            "data": f"{count} times of {', '.join(self.states)}" if count else "none",
        }

    def run(self, progress: Progress | None = None) -> KineticFitOutcome:
        """Fit."""
        return KineticFitOutcome(self, self.result(), None)


@read_only
@dataclass(frozen=True, eq=False)
class KineticFitOutcome(Outcome):
    """What came out of a fit of rate constants.

    Attributes
    ----------
    experiment : KineticFitStudy
    fit : KineticFit
    scan : None
    """

    experiment: KineticFitStudy
    fit: KineticFit
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("time",)

    @property
    def caption(self) -> str:
        """What the figure shows."""
        return "Measured populations over those of the fitted steps; the resampled rates"

    def own_variables(self) -> dict[str, Variable]:
        """Return populations and rates, for the dataset."""
        study, unit = self.experiment, self.experiment.unit
        found = dict(self.fit.variables())
        if unit:
            found["time"] = found["time"]._replace(unit=unit)
            for name in ("rate", "rate_error"):
                found[name] = found[name]._replace(unit=f"1/{unit}")
        found["state"] = Variable(("state",), np.array(study.states, dtype=str), "state", "")
        found["step"] = Variable(("step",), np.array(self.fit.names, dtype=str), "step", "")
        return found

    def own_tables(self) -> list[Table]:
        """Return the rates with their errors, and the lifetimes."""
        study, fit = self.experiment, self.fit
        unit = f" (1/{study.unit})" if study.unit else ""
        rows = tuple(
            (name, float(rate), float(error), float(low), float(high))
            for name, rate, error, (low, high) in zip(
                fit.names, fit.rates, fit.errors, fit.intervals, strict=True
            )
        )
        note = "From and to: between which 68 % of the resamplings lie."
        columns = ("step", f"rate{unit}", "±", "from", "to")
        lives = tuple(
            (name, float(life) if np.isfinite(life) else None)
            for name, life in zip(study.states, fit.lifetimes, strict=True)
        )
        lifetime = f"lifetime ({study.unit})" if study.unit else "lifetime"
        return [
            Table("rates", columns, rows, note),
            Table("lifetimes", ("state", lifetime), lives, "Empty: no step leaves the state."),
        ]

    def own_sentences(self) -> Sentences:
        """Return the rates, and what is to be doubted."""
        study, fit = self.experiment, self.fit
        unit = f" 1/{study.unit}" if study.unit else ""
        said = ", ".join(
            f"{name}: {rate:.4g} ± {error:.2g}{unit}"
            for name, rate, error in zip(fit.names, fit.rates, fit.errors, strict=True)
        )
        return Sentences(f"{said}.", not fit.warnings, fit.warnings)

    def figure(self) -> Any:
        """Draw populations, and the resampled rates."""
        from anticrossing.plot import style
        from anticrossing.plot.figure import panels_of

        study, fit = self.experiment, self.fit
        unit = f" ({study.unit})" if study.unit else ""
        with style.style():
            drawn, axes = panels_of(study.title, 1)
            left, right = axes[0]
            for k, name in enumerate(study.states):
                (line,) = left.plot(fit.times, fit.fitted[:, k], label=name)
                left.plot(fit.times, fit.populations[:, k], ".", color=line.get_color())
            left.set(xlabel=f"time{unit}", ylabel="population", title="Populations")
            left.legend()
            for name, samples in zip(fit.names, fit.samples.T, strict=True):
                right.hist(samples, bins="auto", alpha=0.6, label=name)
            per = f" (1/{study.unit})" if study.unit else ""
            right.set(xlabel=f"rate{per}", ylabel="resamplings", title="Rates")
            right.legend()
        return drawn


def _step(k: int, text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(_ARROW)]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise fail(f"steps[{k}]", 'be two states, "A -> B"', f"it is {text!r}")
    return names[0], names[1]


KIND = KineticFitStudy
