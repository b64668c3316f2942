"""What the benchmarks share: timing two things against each other, and reporting the figures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import anticrossing as ac

FloatArray = NDArray[np.float64]

GAP = 1.0
HALF_WINDOW = 50.0  # the sweeps run over times −50 … 50
ACCURACY = 1e-8  # wanted of every final probability


@dataclass(frozen=True)
class Sweeps:
    """Two levels of gap 1 swept at 200 rates over |t| ≤ 50, and their exact jump probabilities."""

    rates: FloatArray
    exact: FloatArray
    bound: bool  # whether the targets of the comparisons hold for these rates

    @property
    def title(self) -> str:
        """The number of sweeps and their range of rates."""
        return f"{self.rates.size} rates {self.rates[0]:g}–{self.rates[-1]:g}"

    @property
    def first_states(self) -> FloatArray:
        """The lower adiabatic states at the start, shape (rates, 2)."""
        return adiabatic_states(-HALF_WINDOW * self.rates)[..., 0]

    def probabilities(self, states: NDArray[Any]) -> FloatArray:
        """Return the probability of the upper adiabatic level in final states (rates, 2)."""
        upper = adiabatic_states(HALF_WINDOW * self.rates)[..., 1]
        overlap = np.abs(np.sum(upper * states, axis=-1)) ** 2
        return np.asarray(overlap / np.sum(np.abs(states) ** 2, axis=-1))

    def every(self, step: int) -> Sweeps:
        """Return a thinned-out set of the same sweeps."""
        return Sweeps(self.rates[::step], self.exact[::step], self.bound)

    def error(self, probabilities: FloatArray) -> float:
        """Return the largest error of jump probabilities."""
        return float(np.max(np.abs(probabilities - self.exact)))


@dataclass(frozen=True)
class Timing:
    """The best of several runs, in seconds; processor time counts all threads."""

    wall: float
    processor: float


def adiabatic_states(x: FloatArray) -> FloatArray:
    """Eigenvectors (columns) of ½ [[x, g], [g, −x]], lower level first."""
    matrices = 0.5 * np.array([[x, np.full_like(x, GAP)], [np.full_like(x, GAP), -x]])
    return np.asarray(np.linalg.eigh(np.moveaxis(matrices, -1, 0))[1])


def solve_sweeps(sweeps: Sweeps, tolerance: float) -> FloatArray:
    """Return the jump probabilities by the one batched call this package offers for them."""
    reach = HALF_WINDOW * sweeps.rates
    drive = ac.drive.Linear(-reach, reach, sweeps.rates)
    result = ac.propagate(ac.models.LandauZener(gap=GAP), drive, tolerance=tolerance)
    return result.transition_matrix[:, 1, 0]


def loosest(
    solve: Callable[[Sweeps, float], FloatArray], sweeps: Sweeps, tolerances: Sequence[float]
) -> tuple[float, float]:
    """Return the first tolerance of the ladder at which `solve` is accurate, and its error.

    A tenth of the sweeps rules out most of the ladder; all of them decide.
    """
    few = sweeps.every(10)
    error = np.inf
    for tolerance in tolerances:
        error = few.error(solve(few, tolerance))
        if error <= ACCURACY:
            error = sweeps.error(solve(sweeps, tolerance))
        if error <= ACCURACY:
            return tolerance, error
    raise AssertionError(f"no tolerance of the ladder reaches {ACCURACY:g}: the last gave {error}")


def timed(call: Callable[[], object]) -> Timing:
    """Time one call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Timing(time.perf_counter() - wall, time.process_time() - processor)


def best_of(calls: Sequence[Callable[[], object]], rounds: int) -> list[Timing]:
    """Time the calls in turn, `rounds` times, and return the best of each.

    Taking turns exposes all of them to the same disturbances by other work on the machine.
    """
    timings: list[list[Timing]] = [[] for _ in calls]
    for _ in range(rounds):
        for own, call in zip(timings, calls, strict=True):
            own.append(timed(call))
    return [Timing(min(t.wall for t in own), min(t.processor for t in own)) for own in timings]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let warnings of other packages pass here; in the tests of this one they are errors."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session", params=[(0.1, 10.0), (0.05, 2.0)], ids=["around-g2", "slower"])
def sweeps(request: pytest.FixtureRequest) -> Sweeps:
    """200 rates: two decades around α = g², where P runs from 1.5e-7 to 0.85, or slower ones.

    A step-by-step solver pays for the phase ½αT² of the longest sweep, so the ratios depend on the
    range. The targets are for the first; the second shows where the advantage is smaller.
    """
    first, last = request.param
    rates = np.geomspace(first, last, 200)
    exact = ac.formulas.finite_window(
        gap=GAP, sweep_rate=rates, start=-HALF_WINDOW, stop=HALF_WINDOW
    )
    return Sweeps(rates, np.asarray(exact.value), bound=first == 0.1)


@pytest.fixture(autouse=True)
def _two_cores() -> Iterator[None]:
    """Keep every benchmark on at most two processor cores, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:2]))
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def report(
    benchmark: Any, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, dict[str, Any]], None]:
    """Print one line of figures, whatever the capture mode, and keep them with the benchmark."""

    def line(title: str, figures: dict[str, Any]) -> None:
        values = "  ".join(f"{name} {_text(value)}" for name, value in figures.items())
        with capsys.disabled():
            print(f"\n{title:<36} {values}", flush=True)
        benchmark.extra_info.setdefault("figures", {})[title] = {
            name: float(value) if isinstance(value, (float, np.floating)) else value
            for name, value in figures.items()
        }

    return line


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)
