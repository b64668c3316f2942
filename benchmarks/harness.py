"""What the benchmark table does with a problem: choose settings, and time them in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from benchmarks.solvers import Answer, Solver
from benchmarks.timing import Timing, best_of, timed

ACCURACY = 1e-8
ROUNDS, SECONDS = 30, 1.0  # turns of every solver, and when it sits out the rest of them
TRIALS = 5  # runs of every method, of which the quickest is chosen
CHEAP = 0.05  # seconds of a call, up to which all methods and tolerances are tried
CLOSE = 2.5  # above, methods that much slower than the quickest on the case before are left out
LONGEST = 6.0  # seconds of one call of another package; what takes longer is not run


@dataclass(frozen=True)
class Case:
    """A problem: its answer, our call for it, and who else is asked."""

    name: str
    oscillations: float
    exact: Callable[[], Answer]
    reference: str  # where the exact answer is from
    ours: Callable[[float], Answer]  # tolerance → answer
    rivals: tuple[Solver, ...]
    group: str = ""  # cases of one group differ in slowness alone; they stand from fast to slow
    quick: bool = False  # whether it is one of the few of `--quick`
    targets: tuple[tuple[str, float], ...] = ()  # ratios that must be reached


@dataclass(frozen=True)
class Series:
    """Cases that make one table of the page."""

    name: str
    title: str
    text: str
    cases: Callable[[], Iterable[Case]]


@dataclass(frozen=True)
class Choice:
    """A method and the loosest tolerance at which it is accurate."""

    method: str
    tolerance: float
    error: float
    timing: Timing

    @property
    def seconds(self) -> float:
        """How long it takes, whatever else the machine does."""
        return min(self.timing.wall, self.timing.processor)


@dataclass(frozen=True)
class Refusal:
    """Why a solver is not timed: one of the three."""

    would_take: float | None = None  # seconds, in proportion to a faster case
    not_within: float | None = None  # seconds that a call of every method exceeds
    not_accurate: bool | None = None  # at any tolerance


class Chooser:
    """Finds for every solver the setting that counts, and remembers it for slower cases."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.longest = longest
        self._before: dict[tuple[str, str], tuple[list[Choice], float]] = {}

    def choose(self, case: Case, solver: Solver, exact: Answer, limit: float) -> Choice | Refusal:
        """Return the quickest accurate setting, or why there is none.

        A solver is not run where a faster case of the group shows, in proportion to the
        oscillations, that a call takes longer than the limit.
        """
        exact = exact if solver.exact is None else solver.exact()
        key = (case.group, solver.name)
        known, oscillations = self._before.get(key, ([], 0.0)) if case.group else ([], 0.0)
        loosest: dict[str, float] = {}
        if known:
            expected = min(c.seconds for c in known) * case.oscillations / oscillations
            if expected > limit:
                return Refusal(would_take=expected * solver.times)
            if expected > CHEAP:
                loosest = {c.method: c.tolerance for c in known}
        found: list[Choice] = []
        out_of_time = False
        for method in loosest or dict.fromkeys(solver.methods):
            most = min((CLOSE * c.seconds for c in found), default=limit)
            first = 4 * loosest.get(method, np.inf)
            tolerances = [t for t in solver.tolerances if t <= first]
            choice = self._loosest(solver, method, tolerances, exact, most, warm=bool(loosest))
            if choice.error <= ACCURACY:
                found.append(choice)
            else:
                out_of_time |= choice.seconds > limit
        if not found:
            return Refusal(not_within=limit) if out_of_time else Refusal(not_accurate=True)
        if len(found) > 1:
            runs = [partial(solver.solve, c.method, c.tolerance) for c in found]
            timings = best_of(runs, TRIALS, SECONDS)
            found = [replace(c, timing=t) for c, t in zip(found, timings, strict=True)]
        best = min(found, key=lambda c: c.seconds)
        close = [c for c in found if c.seconds <= CLOSE * best.seconds]
        self._before[key] = (close, case.oscillations)
        return best

    def _loosest(
        self,
        solver: Solver,
        method: str,
        tolerances: Sequence[float],
        exact: Answer,
        most: float,
        warm: bool,
    ) -> Choice:
        """Return the first tolerance that is accurate, or the last one tried.

        Tighter tolerances than one which takes longer than `most` are not tried.
        """
        if solver.compiles and not warm:
            solver.solve(method, tolerances[0])
        for tolerance in tolerances:
            answers: list[Answer] = []
            timing = timed(lambda t=tolerance, a=answers: a.append(solver.solve(method, t)))
            error = float(np.max(np.abs(answers[0] - exact)))
            tried = Choice(method, tolerance, error, timing)
            if error <= ACCURACY or tried.seconds > most:
                break
        return tried


def measure(case: Case, chooser: Chooser) -> dict[str, Any]:
    """Return the row of a case."""
    exact = case.exact()
    own = Solver(
        "anticrossing", "anticrossing", ("",), lambda _, tol: case.ours(tol), compiles=True
    )
    ours = chooser.choose(case, own, exact, np.inf)
    if isinstance(ours, Refusal):
        raise AssertionError(f"{case.name}: no tolerance gives {ACCURACY:g}")
    chosen = [
        (solver, chooser.choose(case, solver, exact, chooser.longest))
        for solver in case.rivals
        if solver.installed
    ]
    running = [(solver, choice) for solver, choice in chosen if isinstance(choice, Choice)]
    calls = [partial(case.ours, ours.tolerance)]
    calls += [partial(solver.solve, c.method, c.tolerance) for solver, c in running]
    if running or ours.seconds < SECONDS:
        first, *others = best_of(calls, ROUNDS, SECONDS)
    else:
        first, others = ours.timing, []
    rivals: dict[str, Any] = {
        solver.name: {name: value for name, value in vars(choice).items() if value is not None}
        for solver, choice in chosen
        if isinstance(choice, Refusal)
    }
    for (solver, choice), timing in zip(running, others, strict=True):
        figures = {"method": choice.method, **_figures(choice, timing, solver.times)}
        figures["ratio"] = _digits(timing.wall * solver.times / first.wall)
        rivals[solver.name] = figures
    return {
        "name": case.name,
        "oscillations": _digits(case.oscillations),
        "reference": case.reference,
        "ours": _figures(ours, first),
        "rivals": {solver.name: rivals[solver.name] for solver, _ in chosen},
    }


def missed(case: Case, row: dict[str, Any]) -> list[str]:
    """Return a line for every target that the row does not reach."""
    ratios = {name: figures.get("ratio", np.inf) for name, figures in row["rivals"].items()}
    return [
        f"{case.name}: {name} takes {ratios[name]:g} times as long, the target is {least:g}"
        for name, least in case.targets
        if ratios.get(name, np.inf) < least
    ]


def _figures(choice: Choice, timing: Timing, times: float = 1.0) -> dict[str, Any]:
    return {
        "tolerance": _digits(choice.tolerance),
        "error": _digits(choice.error),
        "seconds": _digits(timing.wall * times),
        "processor": _digits(timing.processor * times),
    }


def _digits(value: float) -> float:
    """Three digits, as they are stored."""
    return float(f"{value:.3g}")
