"""The drive of a given duration that does best what is wanted, at every point of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    FloatArray,
    choice,
    instance,
    integer,
    number_between,
    of_shape,
    positive_number,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.threads import one_thread
from anticrossing._core.variables import Variable, in_units
from anticrossing.control._arguments import (
    make_ensemble,
    make_limits,
    make_shape,
    mean_weights,
    natural_scale,
    trials_about,
)
from anticrossing.control._problem import Ensemble, Problem, resolved
from anticrossing.control._search import Best, figure_of, search
from anticrossing.control._shapes import Limits, Shape
from anticrossing.control.targets import Target
from anticrossing.drive import Drive
from anticrossing.hamiltonian import Hamiltonian

OVER = ("worst", "mean")
_SHOWN = 401  # times of a dataset or a picture
_VERIFIED = 1e-2  # of the wanted infidelity, to which the answer is checked
_BETWEEN = 4001  # times at which the bounds are looked at
_UNIT = 0.3  # of the range of x: a coefficient of one, for the search
_SLACK = 1e-6  # by which a bound may be exceeded, of the range


@dataclass(frozen=True, eq=False, kw_only=True)
class OptimalDrive(Result):
    """A drive of `optimal_drive`, and how well it does.

    Attributes
    ----------
    drive : Drive
        x(t) on [0, duration].
    infidelity : array, shape of the batch of H
        1 − F at every point of the ensemble by `propagate`.
    stepped : array, of the same shape
        The same by the steps of the search, another way.
    figure : float
        What counts of `infidelity`: the worst, or the mean.
    goal, duration : float
    over : str
        Whether the worst point or the mean counts.
    phases : array
        The free phases of a gate.
    coefficients : array
        Of the drive.
    shape : str
    evaluations : int
        How often all points were followed, with derivatives.
    starts : array
        The figure that each start of the search reached.
    warnings : tuple of str
    hamiltonian : Hamiltonian
    target : Target
    """

    drive: Drive
    infidelity: FloatArray
    stepped: FloatArray
    figure: float
    goal: float
    duration: float
    over: str
    phases: FloatArray
    coefficients: FloatArray
    shape: str
    evaluations: int
    starts: FloatArray
    warnings: tuple[str, ...]
    hamiltonian: Hamiltonian
    target: Target
    family: Shape
    ensemble: Ensemble

    @property
    def reached(self) -> bool:
        """Whether the infidelity that counts is at most the goal."""
        return self.figure <= self.goal

    def check(self, hamiltonian: Hamiltonian | None = None, *, tolerance: float = 1e-10) -> Any:
        """Return the infidelities for other parameters, such as a dense grid, by `propagate`.

        Parameters
        ----------
        hamiltonian : Hamiltonian, optional
            Like the one the drive is made for, with other parameters.
        tolerance : float
            Of the evolution.

        Returns
        -------
        array, shape of the batch of H
        """
        chosen = self.hamiltonian if hamiltonian is None else hamiltonian
        instance("hamiltonian", chosen, Hamiltonian)
        of_shape("hamiltonian", np.empty(chosen.dimension), (self.hamiltonian.dimension,))
        held = self.ensemble
        other = Ensemble(chosen, held.offsets, held.shares, held.target, held.ends)
        found, _ = other.exact(self._shifted, self.phases, tolerance)
        return found.reshape(chosen.batch_shape)

    def _shifted(self, offset: float) -> Drive:
        return self.family.drive(self.coefficients, offset)

    def variables(self) -> dict[str, Variable]:
        """Return the drive along time, and infidelities at the points, by name."""
        times = np.linspace(0.0, self.duration, _SHOWN)
        units = self.hamiltonian.units
        axes = tuple(f"parameter_{k}" for k in range(self.infidelity.ndim))
        return {
            "time": Variable(("time",), times, "time", in_units("time", units)),
            "position": Variable(
                ("time",), self.drive(times), "coordinate", in_units("coordinate", units)
            ),
            "figure": Variable((), self.figure, f"infidelity, {self.over} over the points"),
            "goal": Variable((), self.goal, "infidelity that was wanted"),
            "infidelity": Variable(axes, self.infidelity, "infidelity at every point"),
            "evaluations": Variable((), self.evaluations, "evaluations with derivatives"),
            "starts": Variable(("start",), self.starts, "what every start of the search reached"),
        }

    def _attributes(self) -> dict[str, Any]:
        return {
            "problem": f"{self.target!r} by {self.hamiltonian!r}",
            "duration": f"{self.duration:.6g}",
            "shape": f"{self.shape}, {self.coefficients.size} coefficients",
        }

    def _verdict(self) -> tuple[str, bool | None]:
        return "reached" if self.reached else "not reached", self.reached

    def plot(self, ax: Any = None) -> Any:
        """Draw the drive.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        times = np.linspace(0.0, self.duration, 4 * _SHOWN)
        axes.plot(times, self.drive(times))
        axes.set(xlabel="time", ylabel="coordinate")
        axes.set_title(f"infidelity {self.figure:.2g} ({self.over})")
        return axes


def optimal_drive(
    hamiltonian: Hamiltonian,
    target: Target,
    *,
    duration: float,
    start: float,
    stop: float,
    shape: str = "splines",
    coefficients: int | None = None,
    lower: float | None = None,
    upper: float | None = None,
    slope: float | None = None,
    bandwidth: float | None = None,
    flat_ends: bool = False,
    over: str = "worst",
    weights: npt.ArrayLike | None = None,
    offset_noise: float = 0.0,
    goal: float = 1e-4,
    starts: int = 4,
    evaluations: int = 400,
    rng: int = 0,
    guess: npt.ArrayLike | None = None,
) -> OptimalDrive:
    """Find the drive of a given duration that does best what is wanted.

    Minimises the worst, or the mean, infidelity over an ensemble, the batch of H:
    ``x(t) = base(t) + Σ_k c_k φ_k(t)`` within bounds that are linear in the c_k, by sequential
    quadratic programming with exact derivatives from several starts. The answer is computed again
    by `propagate`, which shares nothing with the steps of the search.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with one coordinate and up to 64 levels. Array parameters are the ensemble: gaps,
        offsets, anharmonicities that the one drive has to serve all.
    target : Target
        `StateTarget`, `PopulationTarget` or `GateTarget`.
    duration : float
        T (time).
    start, stop : float
        x before and after (coordinate): the drive begins and ends there, but for `shape` "steps",
        and levels of the target are counted there.
    shape : {"splines", "sines", "filtered", "steps"}
        Cubic B-splines (`drive.Spline`); a straight line and sines; constants behind a Gaussian
        filter; constants.
    coefficients : int, optional
        How many, from 2 to 512; by default 16, or as many as the bandwidth allows.
    lower, upper : float, optional
        Bounds of x(t) (coordinate).
    slope : float, optional
        Bound of |dx/dt| (coordinate/time).
    bandwidth : float, optional
        f in cycles per time: sines up to f; knots of splines 1/2f apart; the frequency of which the
        filter passes 1/√2, needed by "filtered".
    flat_ends : bool
        Whether splines begin and end with zero velocity.
    over : {"worst", "mean"}
        Over the points of the ensemble.
    weights : array, optional
        Of the points in the mean, of the shape of the batch.
    offset_noise : float
        Standard deviation of a still Gaussian offset of x (coordinate), over which the infidelity
        of every point is averaged.
    goal : float
        The infidelity at which the search ends, from 1e-10 to 0.5.
    starts, evaluations : int
        How many starts, the first a straight line or `guess`, and how many evaluations each.
    rng : int
        Seed of the other starts.
    guess : array, optional
        Coefficients to begin with, such as those of another result.

    Returns
    -------
    OptimalDrive
        Also where the goal is not reached: `reached` and `warnings` tell.

    Raises
    ------
    InputError
        For bounds that the ends do not obey, or that leave no drive.
    ConvergenceError
        Where more steps would be needed than the search affords.

    References
    ----------
    N. Khaneja et al., J. Magn. Reson. 172, 296 (2005) (derivatives); S. Machnes et al., Phys. Rev.
    Lett. 120, 150401 (2018) (smooth families); D. Kraft, DFVLR-FB 88-28 (1988) (the search).

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=1.0)
    >>> turn = ac.control.StateTarget(0, 1)       # a fast passage to the upper level
    >>> found = ac.control.optimal_drive(
    ...     H, turn, duration=4.0, start=-5.0, stop=5.0, lower=-5.0, upper=5.0, coefficients=8
    ... )
    >>> found.reached, bool(found.infidelity < 1e-4)
    (True, True)
    """
    ensemble = make_ensemble(hamiltonian, target, start, stop, offset_noise)
    time = positive_number("duration", duration)
    family = make_shape(
        shape,
        time,
        ensemble.ends,
        coefficients=coefficients,
        bandwidth=bandwidth,
        flat_ends=flat_ends,
    )
    limits = make_limits(lower, upper, slope, ensemble.ends, time, shape)
    wanted = number_between("goal", goal, 1e-10, 0.5)
    choice("over", over, OVER)
    shares = mean_weights(weights, over, ensemble)
    tries = integer("starts", starts, minimum=1, maximum=1000)
    most = integer("evaluations", evaluations, minimum=1, maximum=100_000)
    seed = integer("rng", rng, minimum=0)
    first = family.start() if guess is None else real_array("guess", guess, ndim=1)
    of_shape("guess", first, (family.count,))
    with one_thread:
        scale = natural_scale(ensemble, limits)
        trials = trials_about(family, limits, first, scale, tries, np.random.default_rng(seed))
        problem = resolved(ensemble, family, trials[:2], wanted)
        unit = _UNIT * scale
        best = search(problem, limits, trials, shares, scale=unit, goal=wanted, evaluations=most)
    return told(problem, best, limits, shares, shape=shape, over=over, goal=wanted)


def told(
    problem: Problem,
    best: Best,
    limits: Limits,
    weights: FloatArray | None,
    *,
    shape: str,
    over: str,
    goal: float,
) -> OptimalDrive:
    """Return the result of a search: computed again, its bounds looked at, with warnings."""
    ensemble, family = problem.ensemble, best.problem.shape
    tolerance = float(np.clip(_VERIFIED * goal, 1e-12, 1e-9))
    values, notes = ensemble.exact(
        lambda offset: family.drive(best.coefficients, offset), best.phases, tolerance
    )
    figure = figure_of(values, weights)
    drive = family.drive(best.coefficients)
    warnings = list(notes)
    if figure > goal:
        warnings.append(f"not reached: the infidelity is {figure:.3g}, not {goal:.3g}")
    apart = float(np.max(np.abs(values - best.values)))
    if apart > 0.2 * max(goal, figure):
        warnings.append(f"the steps of the search differ from the exact evolution by {apart:.1e}")
    warnings += _exceeded(drive, limits, family)
    batch = ensemble.hamiltonian.batch_shape
    return OptimalDrive(
        drive=drive,
        infidelity=values.reshape(batch),
        stepped=best.values.reshape(batch),
        figure=figure,
        goal=goal,
        duration=family.duration,
        over=over,
        phases=best.phases,
        coefficients=best.coefficients,
        shape=shape,
        evaluations=best.evaluations,
        starts=np.array(best.starts),
        warnings=tuple(warnings),
        hamiltonian=ensemble.hamiltonian,
        target=ensemble.target,
        family=family,
        ensemble=ensemble,
    )


def _exceeded(drive: Drive, limits: Limits, family: Shape) -> list[str]:
    """Return a sentence for every bound that the drive does not obey."""
    times = np.linspace(0.0, family.duration, _BETWEEN)
    x, velocity = drive(times), np.abs(drive.velocity(times))
    bounds = [b for b in (limits.lower, limits.upper) if b is not None]
    range_ = float(np.ptp([*x, *bounds]))
    found = []
    if limits.upper is not None and x.max() > limits.upper + _SLACK * range_:
        found.append(f"x reaches {x.max():.6g}, above {limits.upper:g}")
    if limits.lower is not None and x.min() < limits.lower - _SLACK * range_:
        found.append(f"x reaches {x.min():.6g}, below {limits.lower:g}")
    if limits.slope is not None and velocity.max() > limits.slope * (1 + _SLACK):
        found.append(f"the slope reaches {velocity.max():.6g}, above {limits.slope:g}")
    return found
