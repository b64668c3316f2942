"""The shortest duration in which a wanted infidelity is reached, by continuation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core import drawing
from anticrossing._core.checks import FloatArray, fail, known_keys, number_between, positive_number
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units
from anticrossing.control._arguments import make_shape
from anticrossing.control.optimal_drive import OptimalDrive, optimal_drive
from anticrossing.control.targets import Target
from anticrossing.hamiltonian import Hamiltonian

_SHORTER = 0.7
_LEAST = 1e-3  # of the longest duration
_FITTED = 401


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimumTime(Result):
    """The shortest duration found for a goal.

    Attributes
    ----------
    duration : float
        The shortest at which the goal is reached; `longest` where not even that is enough.
    missed : float
        The longest tried below it at which the search did not reach the goal; 0 if there is none.
        That is no proof: a better search may reach it.
    best : OptimalDrive
        The drive of that duration.
    durations, figures : array
        All that were tried, and the infidelities that count.
    warnings : tuple of str
    """

    duration: float
    missed: float
    best: OptimalDrive
    durations: FloatArray
    figures: FloatArray
    warnings: tuple[str, ...]

    def variables(self) -> dict[str, Variable]:
        """Return durations and infidelities by name."""
        order = np.argsort(self.durations)
        time = in_units("time", self.best.hamiltonian.units)
        return {
            "duration": Variable(
                (), self.duration, "shortest that reaches the goal, or longest of all", time
            ),
            "missed": Variable((), self.missed, "longest below it that does not", time),
            "goal": Variable((), self.best.goal, "infidelity that was wanted"),
            "tried": Variable(("tried",), self.durations[order], "durations", time),
            "figure": Variable(("tried",), self.figures[order], "infidelity that counts"),
        }

    def _attributes(self) -> dict[str, Any]:
        return {"problem": f"{self.best.target!r} by {self.best.hamiltonian!r}"}

    def _verdict(self) -> tuple[str, bool | None]:
        return "reached" if self.best.reached else "not reached", self.best.reached

    def plot(self, ax: Any = None) -> Any:
        """Draw the infidelity against the duration.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        order = np.argsort(self.durations)
        axes.semilogy(self.durations[order], self.figures[order], "o-")
        axes.axhline(self.best.goal, color="grey", ls="--", lw=1)
        axes.axvline(self.duration, color="grey", lw=1)
        axes.set(xlabel="duration", ylabel="infidelity")
        return axes


def minimum_time(
    hamiltonian: Hamiltonian,
    target: Target,
    *,
    longest: float,
    precision: float = 0.02,
    **options: Any,
) -> MinimumTime:
    """Find the shortest duration in which a drive reaches a goal.

    The duration is lowered, then halved between the last that reached the goal and the first that
    did not; every search begins with the drive found before, stretched.

    Parameters
    ----------
    hamiltonian, target
        As for `optimal_drive`.
    longest : float
        A duration (time) that is long enough.
    precision : float
        Of the duration, relative, from 1e-4 to 0.5.
    **options
        Everything else that `optimal_drive` takes: `start` and `stop` at least.

    Returns
    -------
    MinimumTime
        Where not even the longest duration is enough, with a warning.

    Raises
    ------
    InputError
        As `optimal_drive`.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=1.0)
    >>> found = ac.control.minimum_time(
    ...     H, ac.control.StateTarget([1, 0], [0, 1]), longest=5.0, start=0.0, stop=0.0,
    ...     shape="steps", coefficients=4, lower=-3.0, upper=3.0, goal=1e-3, precision=0.01,
    ... )                                                      # the least is π/g, less by the goal
    >>> bool(0.97 * np.pi < found.duration < 1.01 * np.pi)
    True
    """
    time = positive_number("longest", longest)
    near = number_between("precision", precision, 1e-4, 0.5)
    allowed = inspect.signature(optimal_drive).parameters.keys()
    known_keys("options", options, allowed - {"hamiltonian", "target", "duration"})
    for name in ("start", "stop"):
        if name not in options:
            raise fail(name, "be given", "it is missing")

    best = optimal_drive(hamiltonian, target, duration=time, **options)
    tried = [(time, best.figure)]
    missed = 0.0
    while best.reached and missed < best.duration / (1 + near) and best.duration > _LEAST * time:
        shorter = _SHORTER * best.duration if missed == 0 else np.sqrt(missed * best.duration)
        found = _continued(hamiltonian, target, float(shorter), best, options)
        tried.append((float(shorter), found.figure))
        if found.reached:
            best = found
        else:
            missed = float(shorter)
    durations, figures = np.array(tried).T
    warnings = best.warnings
    if best.reached and missed == 0:
        warnings += (f"every duration tried is enough, down to {best.duration:.3g}",)
    return MinimumTime(
        duration=best.duration,
        missed=missed,
        best=best,
        durations=durations,
        figures=figures,
        warnings=warnings,
    )


def _continued(
    hamiltonian: Hamiltonian,
    target: Target,
    duration: float,
    before: OptimalDrive,
    options: dict[str, Any],
) -> OptimalDrive:
    """Search at another duration from the drive found before, stretched onto the new family."""
    family = make_shape(
        options.get("shape", "splines"),
        duration,
        (before.family.first, before.family.last),
        coefficients=options.get("coefficients"),
        bandwidth=options.get("bandwidth"),
        flat_ends=options.get("flat_ends", False),
    )
    shares = (np.arange(_FITTED) + 0.5) / _FITTED
    held = before.family
    wanted = held.base(shares * held.duration) + held.basis(shares * held.duration) @ (
        before.coefficients
    )
    times = shares * duration
    guess = np.linalg.lstsq(family.basis(times), wanted - family.base(times), rcond=None)[0]
    return optimal_drive(hamiltonian, target, duration=duration, **{**options, "guess": guess})
