"""A fit to the lines of a spectrum: parameters of H, with unassigned, missing and false lines.

.. code-block:: toml

    [hamiltonian]                # the guess
    model = "FluxQubit"
    gap = 1.0
    persistent_current = 300.0
    [units]
    energy = "GHz"
    time = "ns"
    [level_fit]                  # anticrossing fit LINES.csv FILE.toml
    vary = ["gap", "persistent_current", "control_shift"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from anticrossing._core.checks import known_keys
from anticrossing._core.unchanging import read_only
from anticrossing._core.variables import Variable
from anticrossing.fits import LevelFit, Lines, fit_levels, read_lines
from anticrossing.fits.levels import check_hamiltonian, check_names
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import levels, tables
from anticrossing.studies.fitting import (
    Fitting,
    correlation_tables,
    options_of,
    parameter_table,
    verdict,
)
from anticrossing.studies.outcome import Outcome, Progress, Scanned, Sentences, Table
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading


class LevelFitTable(TableOfFile, frozen=True, kw_only=True):
    """How lines are fitted; see `anticrossing.fits.fit_levels`.

    Attributes
    ----------
    vary
        The names of the parameters that are fitted; all of the Hamiltonian by default.
    bounds
        NAME = [low, high]: limits, within which the search begins anywhere.
    priors
        NAME = [value, error]: what is known from elsewhere.
    uncertainty
        Of the guess, relative.
    initial_levels
        How many of the lowest levels transitions start from.
    highest_level
        Where they end at most.
    photons
        The most photons of a transition.
    outliers
        The share of lines that is expected to belong to no transition.
    control_scale : coordinate
        Per unit of the control: where the search starts, or what is held.
    control_shift : coordinate
        Where it starts.
    frequency_offset
        Where it starts, in the unit of the lines.
    starts
        How many starts are followed.
    seed
        Of the starts.
    """

    vary: list[str] | None = None
    bounds: dict[str, tuple[float, float]] = {}
    priors: dict[str, tuple[float, float]] = {}
    uncertainty: float = 0.3
    initial_levels: int = 1
    highest_level: int | None = None
    photons: int = 1
    outliers: float = 0.05
    control_scale: float = 1.0
    control_shift: float = 0.0
    frequency_offset: float = 0.0
    starts: int = 16
    seed: int = 0


class LevelFitFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a fit to a spectrum."""

    level_fit: LevelFitTable
    hamiltonian: dict[str, Any]
    units: dict[str, Any] = {}


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class LevelFitStudy(Fitting):
    """A validated file with the table [level_fit].

    Attributes
    ----------
    hamiltonian : Hamiltonian
        The guess.
    options : dict
        The arguments of the fit.
    data : Lines or None
        What is fitted, once it is given: see `with_data`.
    """

    hamiltonian: Hamiltonian
    options: dict[str, Any]
    data: Lines | None = None

    structure: ClassVar[type[TableOfFile]] = LevelFitFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "level_fit")
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "LandauZener", "gap": 1.0},
        "level_fit": {"vary": ["gap", "control_shift"]},
    }
    expects: ClassVar[str] = "LINES.csv"

    @classmethod
    def read(cls, given: LevelFitFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build the Hamiltonian, and check the options of the fit as far as data do not matter."""
        in_units = levels.units(given.units)
        built = levels.hamiltonian(given.hamiltonian, in_units)
        with tables.inside("hamiltonian"):
            check_hamiltonian(built)
        asked = given.level_fit
        with tables.inside("level_fit"):
            varied = check_names(built, asked.vary, swept=False)
            known_keys("bounds", asked.bounds, varied)
            known_keys("priors", asked.priors, varied)
        options = options_of(asked)
        return cls(**heading._asdict(), tables=entries, hamiltonian=built, options=options)

    def with_data(self, path: Path) -> Self:
        """Return the study with measured lines from a file."""
        return dataclasses.replace(self, data=read_lines(path))

    def fitted(self, data: Lines) -> LevelFit:
        """Return the fit."""
        return fit_levels(self.hamiltonian, data, **self.options)

    @property
    def setup(self) -> dict[str, str]:
        """The guess, the lines, and the options."""
        given = ", ".join(f"{key} {value}" for key, value in self.options.items() if value != {})
        return {
            "guess": repr(self.hamiltonian),
            "data": "none" if self.data is None else str(self.data),
            "options": given,
        }

    def run(self, progress: Progress | None = None) -> LevelFitOutcome:
        """Fit."""
        return LevelFitOutcome(self, self.result(), None)


@read_only
@dataclass(frozen=True, eq=False)
class LevelFitOutcome(Outcome):
    """What came out of a fit to a spectrum.

    Attributes
    ----------
    experiment : LevelFitStudy
    fit : LevelFit
    scan : None
    """

    experiment: LevelFitStudy
    fit: LevelFit
    scan: Scanned | None

    curves: ClassVar[tuple[str, ...]] = ("line",)

    @property
    def caption(self) -> str:
        """What the figure shows."""
        return (
            "The measured lines over the fitted transitions, what is left between them, and the "
            "correlations of the parameters"
        )

    def own_variables(self) -> dict[str, Variable]:
        """Return lines, fit and parameters, for the dataset."""
        return dict(self.fit.variables())

    def own_tables(self) -> list[Table]:
        """Return parameters, correlations, crossings, and the lines of each transition."""
        fit = self.fit
        found = [parameter_table(fit), *correlation_tables(fit)]
        if fit.crossings:
            columns = ("levels", "kind", "gap", "±", "control", "±", "slope difference", "±")
            crossings = tuple(
                (
                    f"{one.levels[0]}, {one.levels[1]}",
                    one.kind,
                    *(one.gap.value, one.gap.error),
                    *(one.position.value, one.position.error),
                    *(one.slope_difference.value, one.slope_difference.error),
                )
                for one in fit.crossings
            )
            note = "Slopes per unit of the control: times its rate they are the sweep rate."
            found.append(Table("crossings", columns, crossings, note))
        counts = tuple(
            (str(transition), int((fit.assigned == number).sum()))
            for number, transition in enumerate(fit.transitions)
        )
        counts += (("none: outliers", int(fit.outliers.sum())),)
        found.append(Table("lines", ("transition", "lines"), counts))
        return found

    def own_sentences(self) -> Sentences:
        """Return the varied parameters, and how good the fit is."""
        return Sentences(verdict(self.fit), not self.fit.warnings, self.fit.warnings)

    def figure(self) -> Any:
        """Draw lines and transitions, residuals, and the correlations of the parameters."""
        from anticrossing.plot import style
        from anticrossing.plot.figure import panels_of
        from anticrossing.plot.fits import correlation_matrix

        with style.style():
            drawn, axes = panels_of(self.experiment.title, 2)
            top = drawn.add_subplot(axes[0, 0].get_gridspec()[0, :])
            for half in axes[0]:
                half.remove()
            self.fit.plot(top)
            self.fit.plot_residuals(axes[1, 0])
            correlation_matrix(self.fit, ax=axes[1, 1])
            titles = ("Lines and transitions", "Residuals", "Correlations of the errors")
            for one, title in zip((top, *axes[1]), titles, strict=True):
                one.set_title(title)
        return drawn


KIND = LevelFitStudy
