"""200 sweeps of two levels against one batched call of dynamiqs, both accurate to 1e-8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import (
    ACCURACY,
    HALF_WINDOW,
    FloatArray,
    Sweeps,
    best_of,
    loosest,
    solve_sweeps,
    timed,
)

TARGET = 20.0
OUR_LADDER = (1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
LADDER = (1e-6, 3e-7, 1e-7, 3e-8, 1e-8, 1e-9, 1e-10)
METHODS = ("Dopri8", "Tsit5")


def _compile(
    dynamiqs: Any, sweeps: Sweeps, layout: str, method: str, tolerance: float
) -> Callable[[], FloatArray]:
    """Return a compiled batched `sesolve` (double precision, processor, no step limit in reach)."""
    import jax
    import jax.numpy as jnp

    kind = getattr(dynamiqs, layout)
    sigma_x = dynamiqs.sigmax(layout=kind)
    sigma_z = dynamiqs.sigmaz(layout=kind)
    solver = getattr(dynamiqs.method, method)(rtol=tolerance, atol=tolerance, max_steps=10**7)

    @jax.jit
    def final_states(rates: Any, first: Any) -> Any:
        hamiltonian = 0.5 * sigma_x + dynamiqs.modulated(lambda t: rates * t, 0.5 * sigma_z)
        solved = dynamiqs.sesolve(
            hamiltonian,
            first,
            jnp.array([-HALF_WINDOW, HALF_WINDOW]),
            method=solver,
            save_states=False,
            cartesian_batching=False,
            progress_meter=False,
        )
        return solved.final_state.to_jax()

    rates = jnp.asarray(sweeps.rates)
    first = jnp.asarray(sweeps.first_states[..., None], dtype=jnp.complex128)

    def solve() -> FloatArray:
        return sweeps.probabilities(np.asarray(final_states(rates, first))[..., 0])

    return solve


def test_sweeps_against_dynamiqs(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], sweeps: Sweeps
) -> None:
    dynamiqs = pytest.importorskip("dynamiqs", reason="needs the extra `benchmark`")
    dynamiqs.set_precision("double")
    dynamiqs.set_device("cpu")
    our_tolerance, our_error = loosest(solve_sweeps, sweeps, OUR_LADDER)

    # Its quickest way: every method with the sparse layout, which is quicker than `dense` here.
    candidates = []
    for method in METHODS:
        solvers = {}

        def at(
            some: Sweeps,
            tolerance: float,
            method: str = method,
            solvers: dict[float, Callable[[], FloatArray]] = solvers,
        ) -> FloatArray:
            solvers[tolerance] = _compile(dynamiqs, some, "dia", method, tolerance)
            return solvers[tolerance]()

        tolerance, error = loosest(at, sweeps, LADDER)
        candidates.append((timed(solvers[tolerance]).wall, method, tolerance, error))
    _, method, tolerance, error = min(candidates)

    solve = _compile(dynamiqs, sweeps, "dia", method, tolerance)
    compiling = timed(solve).wall
    ours, theirs = best_of(
        [lambda: [solve_sweeps(sweeps, our_tolerance) for _ in range(5)], solve], rounds=6
    )
    assert sweeps.error(solve()) <= ACCURACY
    benchmark.pedantic(solve_sweeps, (sweeps, our_tolerance), rounds=10, warmup_rounds=1)
    ratio = theirs.wall / (ours.wall / 5)
    report(
        f"dynamiqs, {sweeps.title}",
        {
            "dynamiqs": f"{dynamiqs.__version__} {method}",
            "tolerance": f"{our_tolerance:.0e} / {tolerance:.0e}",
            "error": f"{our_error:.1e} / {error:.1e}",
            "time": f"{ours.wall / 5:.4f} / {theirs.wall:.3f} s",
            "first call (compiles)": f"{compiling:.1f} s",
            "processor-time ratio": theirs.processor / (ours.processor / 5),
            "ratio": ratio,
            "target": TARGET if sweeps.bound else "none",
        },
    )
    if sweeps.bound:
        assert ratio >= TARGET
