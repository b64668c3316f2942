"""200 sweeps of two levels against QuTiP's `sesolve`, both accurate to 1e-8."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from conftest import HALF_WINDOW, FloatArray, Sweeps, best_of, loosest, solve_sweeps

TARGET = 100.0
OUR_LADDER = (1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
LADDER = (1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8, 1e-9, 1e-10, 1e-11)


def _options(tolerance: float) -> dict[str, Any]:
    return {
        "method": "vern9",
        "atol": tolerance,
        "rtol": tolerance,
        "nsteps": 10**9,
        "progress_bar": "",
        "store_states": False,
        "store_final_state": True,
    }


def _solve_with_qutip(qutip: Any, sweeps: Sweeps, tolerance: float, coefficient: str) -> FloatArray:
    """Loop `sesolve` over the rates, storing nothing but the final state.

    H(t) = ½σ_x + t·(½α σ_z). The coefficient t is a Python function, or a straight line that QuTiP
    interpolates in compiled code, the cheapest coefficient it has.
    """
    ends = np.array([-HALF_WINDOW, HALF_WINDOW])
    if coefficient == "interpolated":
        time = qutip.coefficient(ends, tlist=ends, order=1)
    else:
        time = qutip.coefficient(lambda t: t)
    constant, slope = 0.5 * qutip.sigmax(), 0.5 * qutip.sigmaz()
    states = np.empty((sweeps.rates.size, 2), dtype=np.complex128)
    for k, (rate, first) in enumerate(zip(sweeps.rates, sweeps.first_states, strict=True)):
        hamiltonian = qutip.QobjEvo([constant, [float(rate) * slope, time]])
        solved = qutip.sesolve(hamiltonian, qutip.Qobj(first), ends, options=_options(tolerance))
        states[k] = solved.final_state.full()[:, 0]
    return sweeps.probabilities(states)


def _solve_as_one(qutip: Any, sweeps: Sweeps, tolerance: float) -> FloatArray:
    """Solve all sweeps as one block-diagonal problem: not what users write, but quicker."""
    count = sweeps.rates.size
    ends = np.array([-HALF_WINDOW, HALF_WINDOW])
    constant = scipy.sparse.kron(scipy.sparse.eye(count), [[0.0, 0.5], [0.5, 0.0]], "csr")
    slope = scipy.sparse.diags(np.outer(sweeps.rates, [0.5, -0.5]).ravel(), format="csr")
    time = qutip.coefficient(ends, tlist=ends, order=1)
    hamiltonian = qutip.QobjEvo([qutip.Qobj(constant), [qutip.Qobj(slope), time]])
    first = qutip.Qobj(sweeps.first_states.reshape(-1, 1) / np.sqrt(count))
    solved = qutip.sesolve(hamiltonian, first, ends, options=_options(tolerance))
    return sweeps.probabilities(solved.final_state.full().reshape(count, 2))


def test_sweeps_against_qutip(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], sweeps: Sweeps
) -> None:
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    our_tolerance, our_error = loosest(solve_sweeps, sweeps, OUR_LADDER)
    tolerance, error = loosest(
        lambda some, tol: _solve_with_qutip(qutip, some, tol, "interpolated"), sweeps, LADDER
    )
    # Whichever coefficient is quicker counts.
    kinds = ("interpolated", "function")
    ours, *theirs = best_of(
        [
            lambda: [solve_sweeps(sweeps, our_tolerance) for _ in range(5)],
            *(
                lambda kind=kind: _solve_with_qutip(qutip, sweeps, tolerance, kind)
                for kind in kinds
            ),
        ],
        rounds=3,
    )
    benchmark.pedantic(solve_sweeps, (sweeps, our_tolerance), rounds=10, warmup_rounds=1)
    wall, kind = min((timing.wall, kind) for timing, kind in zip(theirs, kinds, strict=True))
    ratio = wall / (ours.wall / 5)
    report(
        f"QuTiP, {sweeps.title}",
        {
            "qutip": f"{qutip.__version__} vern9",
            "coefficient": kind,
            "tolerance": f"{our_tolerance:.0e} / {tolerance:.0e}",
            "error": f"{our_error:.1e} / {error:.1e}",
            "time": f"{ours.wall / 5:.4f} / {wall:.3f} s",
            "processor-time ratio": min(t.processor for t in theirs) / (ours.processor / 5),
            "ratio": ratio,
            "target": TARGET if sweeps.bound else "none",
        },
    )
    tolerance, error = loosest(partial(_solve_as_one, qutip), sweeps, LADDER)
    (one,) = best_of([lambda: _solve_as_one(qutip, sweeps, tolerance)], rounds=3)
    report(
        f"QuTiP, {sweeps.title}, as one block",
        {
            "tolerance": f"{tolerance:.0e}",
            "error": f"{error:.1e}",
            "time": f"{one.wall:.3f} s",
            "ratio": one.wall / (ours.wall / 5),
            "target": "none",
        },
    )
    if sweeps.bound:
        assert ratio >= TARGET
