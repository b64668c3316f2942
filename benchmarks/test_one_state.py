"""One state of a ring of spins, which lives in few of its sectors, against QuTiP's `sesolve`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from benchmarks.many_levels import rings
from benchmarks.solvers import Solver
from conftest import ACCURACY, FloatArray, best_of

SITES = (4, 6, 8)
ROUNDS = 5
MOST = 1.2  # of the time of QuTiP
CASES = {case.name: case for case in rings() if case.name in {f"{n} spins" for n in SITES}}


def _best_of_solver(solver: Solver, exact: FloatArray) -> tuple[float, partial[FloatArray], str]:
    """Return the processor time and the call of the quickest method that is accurate."""
    best, quickest, said = math.inf, partial(solver.solve, "", 0.0), ""
    for method in solver.methods:
        for tolerance in solver.tolerances:
            call = partial(solver.solve, method, tolerance)
            if np.max(np.abs(call() - exact)) <= ACCURACY:
                (timing,) = best_of([call], 2)
                if timing.processor < best:
                    best, quickest, said = timing.processor, call, f"{method} {tolerance:.0e}"
                break
    return best, quickest, said


@pytest.mark.parametrize("name", CASES)
def test_one_state_of_a_ring(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], name: str
) -> None:
    from threadpoolctl import threadpool_limits

    pytest.importorskip("qutip", reason="needs the extra `qutip`")
    case = CASES[name]
    exact, ours = case.exact(), partial(case.ours, ACCURACY)
    found = benchmark.pedantic(ours, rounds=1, warmup_rounds=1)
    assert np.max(np.abs(found - exact)) <= ACCURACY
    with threadpool_limits(1):  # threads of BLAS make QuTiP slower at these sizes
        _, theirs, said = _best_of_solver(case.rivals[0], exact)
        own, other = best_of([ours, theirs], ROUNDS)
    report(
        name,
        {
            "processor time": own.processor,
            "QuTiP": said,
            "their time": other.processor,
            "ratio": own.processor / other.processor,
        },
    )
    assert own.processor <= MOST * other.processor
