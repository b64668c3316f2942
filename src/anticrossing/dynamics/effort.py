"""What an evolution will take: the method, its work, seconds and memory, before any of it is done.

The seconds are those of the cost model that chooses the method, and of one core; they hold within a
factor of three or so on processors of the last ten years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from anticrossing._core import capacity, drawing
from anticrossing._core.checks import fail, number_between
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.dynamics import direct, many_periods, panels, plan
from anticrossing.dynamics.lanes import Lanes

MOST_HOURS = 24.0
"""What `propagate` does without being told to."""

SHORT = 1.0
"""Hours that nothing takes which `is_quick`."""

_TWO_LEVELS = 2e-4  # seconds of a sweep through one crossing
_CALL = 5e-3  # seconds that any call takes
_FEW_PANELS = 24.0  # of it
_QUICK = 1e6  # parameter points times levels cubed, below which nothing takes long
_NODE_MATRICES = 400  # of panels that are solved at once
_FAMILIES = 500  # matrices that doubled steps keep
_SERIES = 100  # vectors of a Taylor series, for every term of H


@dataclass(frozen=True, eq=False, kw_only=True)
class Effort(Result):
    """What an evolution will take, about.

    Attributes
    ----------
    method : str
        How it will be carried out, as in the result.
    seconds : float
        Computing time, within a factor of three or so.
    memory : float
        Bytes, of everything that is kept at one time.
    work : float
        Panels that are tried, steps' products with H, or eigenproblems; `unit` says which.
    unit : str
        What `work` counts.
    """

    method: str
    seconds: float
    memory: float
    work: float
    unit: str
    advice: str = ""

    _variables: ClassVar[Mapping[str, Shown]] = {
        "seconds": shown(text="computing time, within a factor of three or so, in seconds"),
        "memory": shown(text="bytes kept at one time"),
        "work": shown(text="panels, products with H, or eigenproblems"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"method": self.method, "unit": self.unit}

    def plot(self, ax: Any = None) -> Any:
        """Draw the seconds as a bar.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return drawing.draw(self.method, {"seconds": self.variables()["seconds"]}, ax=ax)

    def check(self, most_hours: float) -> None:
        """Raise `InputError` with the numbers if it takes longer, or more memory than there is."""
        hours, advice = self.seconds / 3600, f": {self.advice}" if self.advice else ""
        if hours > most_hours:
            raise fail(
                "most_hours",
                f"be at least {hours:.3g} for this evolution",
                f"it is {most_hours:g}: {self.method} would take about {self.work:.2g} "
                f"{self.unit} and {hours:.2g} hours{advice}",
            )
        capacity.check("hamiltonian", self.memory, self.method, self.advice)


def check_hours(most_hours: Any) -> float:
    """Return how long an evolution may take, or raise `InputError`."""
    return number_between("most_hours", most_hours, 0.0, 1e300)


def is_quick(lanes: Lanes) -> bool:
    """Whether no estimate is needed to know that an evolution does not take long."""
    return lanes.count * lanes.hamiltonian.dimension**3 <= _QUICK


def of_blocks(blocks: Sequence[Lanes], times: int, whole: bool, tolerance: float) -> Effort:
    """Return what the evolution of independent blocks takes, one after the other."""
    levels = sum(b.hamiltonian.dimension for b in blocks)
    found = [
        _of_block(b, times, b.hamiltonian.dimension if whole else 1, tolerance) for b in blocks
    ]
    longest = max(found, key=lambda effort: effort.seconds)
    seconds = _CALL + sum(effort.seconds for effort in found)
    advice = []
    if whole and levels > 2:
        one = sum(_of_block(b, times, 1, tolerance).seconds for b in blocks)
        if one < 0.5 * seconds:
            advice.append(f"`whole=False` follows one state in about {one / 3600:.2g} hours")
        advice.append("a `symmetry=` of H cuts it into smaller problems")
    return Effort(
        method=" and ".join(sorted({effort.method for effort in found})),
        seconds=seconds,
        memory=sum(effort.memory for effort in found),
        work=sum(effort.work for effort in found if effort.unit == longest.unit),
        unit=longest.unit,
        advice=", ".join(advice),
    )


def _of_block(lanes: Lanes, times: int, columns: int, tolerance: float) -> Effort:
    """Return what one block takes."""
    levels = lanes.hamiltonian.dimension
    periods = many_periods.Periods.of(lanes)
    if periods is not None and periods.pay(columns):
        one = _of_block(periods.first, times, levels, tolerance)
        return replace(one, method=f"{one.method}, {many_periods.METHOD}")
    matrix = 16.0 * levels**2
    if levels <= 2:
        return Effort(
            method=panels.SUPERADIABATIC,
            seconds=_TWO_LEVELS * lanes.count,
            memory=matrix * lanes.count * (times + 4),
            work=_FEW_PANELS * lanes.count,
            unit="panels",
        )
    expected = plan.expected(lanes, columns, tolerance, times + 1)
    if expected.method == direct.METHOD:
        terms = len(getattr(lanes.hamiltonian, "matrices", (None,)))
        kept = 16.0 * levels * columns * (_SERIES * (terms + 1) + times * lanes.count)
    elif expected.by_steps:
        kept = matrix * _FAMILIES + 16.0 * levels * columns * times * lanes.count
    else:
        at_once = _NODE_MATRICES * max(1.0, 60.0 / levels)
        kept = matrix * (expected.work + at_once + times * lanes.count)
    return Effort(
        method=expected.method,
        seconds=expected.seconds,
        memory=kept,
        work=expected.work,
        unit=expected.unit,
    )
