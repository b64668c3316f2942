"""Generic levels, two to 64, at eight speeds against QuTiP's `sesolve`, both accurate to 1e-8."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from conftest import ACCURACY, FloatArray, best_of, timed

import anticrossing as ac

LEVELS = (3, 6, 12, 24, 48)
MORE = (2, 4, 8, 16, 32, 64)  # marked slow: `-m "not slow"` is the quick form
RATES = (10.0, 1.0, 1e-1, 1e-2, 1e-3)
SLOWER = (1e-4, 1e-6, 1e-8)  # at which nobody who follows the phase is timed
REACH = 3.0
METHODS = ("adams", "dop853", "vern7", "vern9")
LADDER = (1e-7, 1e-8, 1e-9, 1e-10, 1e-11)
CLOSE = 2.0  # methods that much slower than the best at one rate are left out at the next
LONGEST = 2.0  # seconds of processor time: what would take longer is told by the phase
ROUNDS, MORE_ROUNDS, SHORT = 3, 400, 0.005  # the more where a call takes so many seconds at most


def _matrix(levels: int, seed: int) -> np.ndarray[Any, Any]:
    """A matrix of the Gaussian unitary ensemble with a spectrum of width four."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(levels, levels)) + 1j * rng.normal(size=(levels, levels))
    return np.asarray((matrix + matrix.conj().T) / np.sqrt(4 * levels))


class _Problem:
    """H = A + x B swept over |x| ≤ 3: probabilities from the lowest level, or from all."""

    def __init__(self, levels: int, rate: float, whole: bool) -> None:
        self.constant, self.slope = _matrix(levels, 1), _matrix(levels, 2)
        self.rate, self.whole = rate, whole

    def ours(self, tolerance: float = ACCURACY) -> tuple[FloatArray, str]:
        hamiltonian = ac.Hamiltonian.affine(self.constant, self.slope)
        sweep = ac.drive.Linear(-REACH, REACH, rate=self.rate)
        result = ac.propagate(hamiltonian, sweep, tolerance=tolerance, whole=self.whole)
        found = result.transition_matrix if self.whole else result.probabilities[:, None]
        return found, result.method

    def qutip(self, qutip: Any, method: str, tolerance: float) -> FloatArray:
        ends = np.array([-REACH, REACH]) / self.rate
        position = qutip.coefficient(ends * self.rate, tlist=ends, order=1)
        dense = [qutip.Qobj(m).to("dense") for m in (self.constant, self.slope)]
        driven = qutip.QobjEvo([dense[0], [dense[1], position]])
        first = np.linalg.eigh(self.constant - REACH * self.slope)[1]
        last = np.linalg.eigh(self.constant + REACH * self.slope)[1]
        start = qutip.Qobj(first if self.whole else first[:, :1]).to("dense")
        options = {
            "method": method,
            "atol": tolerance,
            "rtol": tolerance,
            "nsteps": 10**9,
            "progress_bar": "",
            "store_states": False,
            "store_final_state": True,
        }
        solved = qutip.sesolve(driven, start, ends, options=options)
        return np.asarray(np.abs(last.conj().T @ solved.final_state.full()) ** 2)


class _Rival:
    """QuTiP's methods from rate to rate: which are still worth trying, and at which tolerance."""

    def __init__(self, qutip: Any) -> None:
        self.qutip = qutip
        self.tolerances = dict.fromkeys(METHODS, 0)
        self.seconds, self.rate = 0.0, math.inf

    def best(self, problem: _Problem, exact: FloatArray) -> dict[str, Callable[[], FloatArray]]:
        """Return calls of the quickest methods that are accurate, the best first; none if none."""
        found: dict[str, float] = {}
        for method, first in list(self.tolerances.items()):
            for step in range(first, len(LADDER)):
                call = partial(problem.qutip, self.qutip, method, LADDER[step])
                if np.max(np.abs(call() - exact)) <= ACCURACY:
                    found[method] = timed(call).processor
                    self.tolerances[method] = step
                    break
        if not found:
            return {}
        in_order = sorted(found, key=found.__getitem__)
        kept = [m for m in in_order if found[m] <= CLOSE * found[in_order[0]]]
        self.tolerances = {method: self.tolerances[method] for method in kept}
        self.seconds, self.rate = found[kept[0]], problem.rate
        named = {m: LADDER[self.tolerances[m]] for m in kept}
        return {f"{m} {t:.0e}": partial(problem.qutip, self.qutip, m, t) for m, t in named.items()}

    def expected(self, rate: float) -> float:
        """Return what the best takes at a slower rate: not less than in proportion to the phase."""
        return self.seconds * self.rate / rate


@pytest.mark.parametrize("whole", [False, True], ids=["one-state", "propagator"])
@pytest.mark.parametrize(
    "levels", [*LEVELS, *(pytest.param(n, marks=pytest.mark.slow) for n in MORE)]
)
def test_generic_levels_against_qutip(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], levels: int, whole: bool
) -> None:
    from threadpoolctl import threadpool_limits

    rival = _Rival(pytest.importorskip("qutip", reason="needs the extra `qutip`"))
    benchmark.pedantic(_Problem(levels, 1.0, whole).ours, rounds=1, warmup_rounds=1)
    taken, ratios = {}, {}
    for rate in RATES + SLOWER:
        problem = _Problem(levels, rate, whole)
        _, method = problem.ours()
        found: dict[str, Callable[[], FloatArray]] = {}
        if rival.expected(rate) < LONGEST or rate == RATES[0]:
            exact, _ = problem.ours(1e-11)
            with threadpool_limits(1):  # threads of BLAS make QuTiP slower at these sizes
                found = rival.best(problem, exact)
                # Which is the best of several quick methods one call does not tell.
                count, rounds = (None, MORE_ROUNDS) if rival.seconds < SHORT else (1, ROUNDS)
                own, *theirs = best_of([problem.ours, *[*found.values()][:count]], rounds)
        if found:
            said, taking = min(zip(found, theirs, strict=False), key=lambda one: one[1].processor)
            rival.seconds = seconds = taking.processor
        else:
            (own,) = best_of([problem.ours], ROUNDS, seconds=LONGEST)
            seconds, said = rival.expected(rate), "by the phase"
        taken[rate], ratios[rate] = own.processor, own.processor / seconds
        report(
            f"{levels} levels, rate {rate:g}, {'all' if whole else 'one'}",
            {
                "method": method,
                "wall time": own.wall,
                "processor time": own.processor,
                "qutip": said,
                "their time": seconds,
                "ratio": ratios[rate],
            },
        )
    report(
        f"{levels} levels, {'all' if whole else 'one'}",
        {
            "largest ratio": max(ratios.values()),
            "slowest": max(taken.values()),
            "slowest / that at 1e-8": max(taken.values()) / taken[SLOWER[-1]],
        },
    )
