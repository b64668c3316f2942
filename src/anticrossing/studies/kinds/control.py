"""A drive that is looked for: from one level to another, for one value of a parameter or several.

.. code-block:: toml

    [hamiltonian]
    model = "LandauZener"
    gap = 1.0
    [control]
    initial = 0
    final = 0
    duration = 12.0
    start = -10.0
    stop = 10.0
    lower = -10.0
    upper = 10.0
    slope = 40.0
    vary = "gap"                 # optional: one drive for all of these
    values = [0.9, 0.95, 1.0, 1.05, 1.1]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, choice, fail, increasing
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.control import OptimalDrive, StateTarget, optimal_drive
from anticrossing.control._arguments import make_ensemble, make_limits, make_shape
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.studies import levels, tables
from anticrossing.studies.outcome import Outcome, Output, Progress, Scanned, Sentences, Table
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, Study, chosen_outputs

_LARGEST_WORK = 2e5  # points × levels² × evaluations of all starts: some minutes
_SHOWN = 401
_BETWEEN = 41  # values of the parameter at which the answer is looked at
_LISTED = 21  # moments of the drive in a table


class ControlTable(TableOfFile, frozen=True, kw_only=True):
    """What is wanted, and what the drive may do; see `anticrossing.control.optimal_drive`.

    Attributes
    ----------
    duration : time
        Of the drive.
    start, stop : coordinate
        Where it begins and ends.
    initial, final
        Levels there, from the lowest.
    lower, upper : coordinate
        Bounds of the drive.
    slope : coordinate/time
        Bound of its slope.
    bandwidth : 1/time
        See `optimal_drive`.
    shape
        "splines", "sines", "filtered" or "steps".
    coefficients
        How many.
    flat_ends
        true: splines begin and end with zero velocity.
    vary, values
        A parameter of the Hamiltonian, and its values that the drive has to serve all.
    over
        "worst" or "mean" of these.
    offset_noise : coordinate
        Standard deviation of a still Gaussian offset.
    goal
        The infidelity at which the search ends.
    starts, evaluations, seed
        Of the search.
    """

    duration: float
    start: float
    stop: float
    initial: int = 0
    final: int = 0
    lower: float | None = None
    upper: float | None = None
    slope: float | None = None
    bandwidth: float | None = None
    shape: Literal["splines", "sines", "filtered", "steps"] = "splines"
    coefficients: int | None = None
    flat_ends: bool = False
    vary: str | None = None
    values: list[float] = []
    over: Literal["worst", "mean"] = "worst"
    offset_noise: float = 0.0
    goal: float = 1e-4
    starts: int = 4
    evaluations: int = 400
    seed: int = 0


class ControlFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a drive that is looked for."""

    hamiltonian: dict[str, Any]
    control: ControlTable
    units: dict[str, Any] = {}


@record(kw_only=True)
class ControlStudy(Study):
    """A validated file with the table [control].

    Attributes
    ----------
    hamiltonian : Hamiltonian
        With all values of the parameter that varies.
    asked : ControlTable
    """

    hamiltonian: Hamiltonian
    asked: ControlTable

    structure: ClassVar[type[TableOfFile]] = ControlFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "control")
    outputs: ClassVar[dict[str, Output]] = {
        "figure": Output("infidelity that counts", default=True),
        "largest_slope": Output("largest slope of the drive"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "LandauZener", "gap": 1.0},
        "control": {
            "duration": 4.0,
            "start": -5.0,
            "stop": 5.0,
            "final": 1,
            "lower": -5.0,
            "upper": 5.0,
            "coefficients": 8,
        },
    }

    @classmethod
    def read(cls, given: ControlFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build the Hamiltonian and check everything that is asked."""
        single = levels.hamiltonian(entries["hamiltonian"], levels.units(given.units))
        levels.check_single(entries, hamiltonian=single)
        asked = given.control
        with tables.inside("control"):
            hamiltonian = _varied(single, asked)
            target = StateTarget(asked.initial, asked.final)
            ensemble = make_ensemble(
                hamiltonian, target, asked.start, asked.stop, asked.offset_noise
            )
            if not asked.duration > 0:
                raise fail("duration", "be positive", f"it is {asked.duration:g}")
            make_shape(
                asked.shape,
                asked.duration,
                ensemble.ends,
                coefficients=asked.coefficients,
                bandwidth=asked.bandwidth,
                flat_ends=asked.flat_ends,
            )
            make_limits(
                asked.lower, asked.upper, asked.slope, ensemble.ends, asked.duration, asked.shape
            )
            for name in ("starts", "evaluations"):
                if getattr(asked, name) < 1:
                    raise fail(name, "be at least 1", f"it is {getattr(asked, name)}")
            if not 1e-10 <= asked.goal <= 0.5:
                raise fail("goal", "lie between 1e-10 and 0.5", f"it is {asked.goal:g}")
            if asked.seed < 0:
                raise fail("seed", "not be negative", f"it is {asked.seed}")
        return cls(**heading._asdict(), tables=entries, hamiltonian=hamiltonian, asked=asked)

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian and wanted levels, one line each."""
        asked = self.asked
        return {
            "hamiltonian": repr(self.hamiltonian),
            "wanted": f"level {asked.initial} at {asked.start:g} to level {asked.final} "
            f"at {asked.stop:g} in {asked.duration:g}",
        }

    def found(self) -> OptimalDrive:
        """Look for the drive."""
        asked = self.asked
        return optimal_drive(
            self.hamiltonian,
            StateTarget(asked.initial, asked.final),
            duration=asked.duration,
            start=asked.start,
            stop=asked.stop,
            shape=asked.shape,
            coefficients=asked.coefficients,
            lower=asked.lower,
            upper=asked.upper,
            slope=asked.slope,
            bandwidth=asked.bandwidth,
            flat_ends=asked.flat_ends,
            over=asked.over,
            offset_noise=asked.offset_noise,
            goal=asked.goal,
            starts=asked.starts,
            evaluations=asked.evaluations,
            rng=asked.seed,
        )

    @property
    def effort(self) -> float:
        """Points, levels and evaluations, over what takes some minutes."""
        asked, points = self.asked, int(np.prod(self.hamiltonian.batch_shape))
        work = points * self.hamiltonian.dimension**2 * asked.starts * asked.evaluations
        return work * (7 if asked.offset_noise else 1) / _LARGEST_WORK

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Return the infidelity that counts, and the slope."""
        found = self.found()
        times = np.linspace(0.0, found.duration, _SHOWN)
        values = {
            "figure": found.figure,
            "largest_slope": float(np.max(np.abs(found.drive.velocity(times)))),
        }
        return {name: values[name] for name in outputs}

    def run(self, progress: Progress | None = None) -> ControlOutcome:
        """Look for the drive, and look at it between the values that it was made for."""
        found, asked = self.found(), self.asked
        between: FloatArray = np.empty(0)
        lost: FloatArray = np.empty(0)
        if asked.vary is not None and len(asked.values) > 1:
            between = np.linspace(asked.values[0], asked.values[-1], _BETWEEN)
            lost = found.check(self.hamiltonian.replace(**{asked.vary: between}))
        scanned = scan(self, chosen_outputs(self, None), progress)
        return ControlOutcome(self, found, between, lost, scanned)


def _varied(hamiltonian: Hamiltonian, asked: ControlTable) -> Hamiltonian:
    """Return H with all values of the parameter that varies."""
    if asked.vary is None:
        if asked.values:
            raise InputError("`values` need `vary`, the name of a parameter of the Hamiltonian.")
        return hamiltonian
    choice("vary", asked.vary, tuple(hamiltonian.parameters))
    return hamiltonian.replace(**{asked.vary: increasing("values", asked.values)})


@record
class ControlOutcome(Outcome):
    """What came out of a search for a drive.

    Attributes
    ----------
    experiment : ControlStudy
    found : OptimalDrive
    between, lost : array
        Values of the parameter that varies, also between those of the file, and infidelities there.
    scan : Scanned or None
    """

    experiment: ControlStudy
    found: OptimalDrive
    between: FloatArray
    lost: FloatArray
    scan: Scanned | None

    caption: ClassVar[str] = "The drive, and the infidelity along what varies"

    def own_variables(self) -> dict[str, Variable]:
        """Return the drive and its infidelities, for the dataset."""
        found = dict(self.found.variables())
        if self.between.size:
            name = str(self.experiment.asked.vary)
            found["between"] = Variable(("between",), self.between, name)
            found["infidelity_between"] = Variable(
                ("between",), self.lost, "infidelity at values between those of the file"
            )
        return found

    def own_tables(self) -> list[Table]:
        """Return the drive, and the infidelity at every value."""
        study, found = self.experiment, self.found
        label = study.hamiltonian.units.label
        times = np.linspace(0.0, found.duration, _LISTED)
        rows = tuple((float(t), float(x)) for t, x in zip(times, found.drive(times), strict=True))
        columns = (label("time", "time"), label("x", "coordinate"))
        listed = [Table("drive", columns, rows, "The dataset holds more moments.")]
        if study.asked.vary is not None:
            pairs = zip(study.asked.values, found.infidelity, strict=True)
            values = tuple((float(v), float(e)) for v, e in pairs)
            listed.append(Table("infidelity", (study.asked.vary, "infidelity"), values))
        return listed

    def own_sentences(self) -> Sentences:
        """Return what was reached."""
        found, asked = self.found, self.experiment.asked
        verdict = f"The drive has an infidelity of {found.figure:.3g}"
        if asked.vary is not None:
            verdict += f", the {asked.over} over {len(asked.values)} values of {asked.vary}"
            if self.lost.size:
                verdict += f"; between them it is at most {self.lost.max():.3g}"
        return Sentences(f"{verdict}.", not found.warnings, tuple(found.warnings))

    def draw(self, ax: Any) -> None:
        """Draw the drive."""
        from anticrossing.plot import style

        units = self.experiment.hamiltonian.units
        times = np.linspace(0.0, self.found.duration, 4 * _SHOWN)
        ax.plot(times, self.found.drive(times), color=style.EXACT_COLOR)
        ax.set_xlabel(style.label("time", units.shown_time))
        ax.set(ylabel=style.label("x", units.coordinate), title="The drive")

    def draw_beside(self, ax: Any) -> None:
        """Draw the infidelity along what varies, or over the starts of the search."""
        from anticrossing.plot import style

        found, asked = self.found, self.experiment.asked
        if self.between.size:
            ax.semilogy(self.between, self.lost, color=style.EXACT_COLOR)
            ax.semilogy(asked.values, found.infidelity, "o", color=style.formula_color(0))
            ax.set(xlabel=str(asked.vary), title="Values it was made for, and between")
        else:
            ax.semilogy(np.arange(1, found.starts.size + 1), found.starts, "o")
            ax.set_xticks(range(1, found.starts.size + 1))
            ax.set(xlabel="start of the search", title="Starts of the search")
        ax.axhline(found.goal, color=style.MUTED, ls="--", lw=1)
        ax.set_ylabel("infidelity")


KIND = ControlStudy
