"""Generic levels, two to 64, at five speeds against QuTiP's `sesolve`, both accurate to 1e-8."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from conftest import ACCURACY, FloatArray, best_of

import anticrossing as ac

LEVELS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
RATES = (10.0, 1e-1, 1e-2, 1e-4, 1e-8)
MEASURED = (10.0, 1e-1)  # at slower ones QuTiP's time grows with the phase
REACH = 3.0
METHODS = ("adams", "dop853", "vern7", "vern9")
LADDER = (1e-7, 1e-8, 1e-9, 1e-10, 1e-11)
ROUNDS = 3


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


def _best_of_qutip(qutip: Any, problem: _Problem, exact: FloatArray) -> tuple[float, str]:
    """Return the processor time of QuTiP's quickest method that is accurate."""
    best, name = math.inf, ""
    for method in METHODS:
        for tolerance in LADDER:
            found = problem.qutip(qutip, method, tolerance)
            if np.max(np.abs(found - exact)) <= ACCURACY:
                break
        else:
            continue
        (timing,) = best_of([partial(problem.qutip, qutip, method, tolerance)], ROUNDS)
        own = timing.processor
        if own < best:
            best, name = own, f"{method} {tolerance:.0e}"
    return best, name


@pytest.mark.parametrize("whole", [False, True], ids=["one-state", "propagator"])
@pytest.mark.parametrize("levels", LEVELS)
def test_generic_levels_against_qutip(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], levels: int, whole: bool
) -> None:
    from threadpoolctl import threadpool_limits

    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    benchmark.pedantic(_Problem(levels, 1.0, whole).ours, rounds=1, warmup_rounds=1)
    theirs, slowest, before = 0.0, 0.0, 0.0
    for rate in RATES:
        problem = _Problem(levels, rate, whole)
        said = ""
        if rate in MEASURED:
            exact, _ = problem.ours(1e-11)
            with threadpool_limits(1):  # threads of BLAS make QuTiP slower at these sizes
                theirs, said = _best_of_qutip(qutip, problem, exact)
        else:  # not less than in proportion to the phase
            theirs *= before / rate
        before = rate
        _, method = problem.ours()
        (timing,) = best_of([problem.ours], ROUNDS if slowest < 2 else 1)
        own = timing.processor
        slowest = max(slowest, own)
        report(
            f"{levels} levels, rate {rate:g}, {'all' if whole else 'one'}",
            {
                "method": method,
                "wall time": timing.wall,
                "processor time": own,
                "qutip": said or "by the phase",
                "their time": theirs,
                "ratio": own / theirs,
            },
        )
    report(f"{levels} levels, slowest", {"processor time": slowest})
