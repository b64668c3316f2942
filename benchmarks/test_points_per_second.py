"""1000 random two-level passages in one call, accurate to 1e-10, window ±10³, two cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from conftest import best_of

import anticrossing as ac

POINTS = 1000
REACH = 1e3
TOLERANCE = 1e-10
TARGET = 2.0  # seconds


def test_thousand_points(benchmark: Any, report: Callable[[str, dict[str, Any]], None]) -> None:
    rng = np.random.default_rng(20240229)
    gap = rng.uniform(0.1, 2.0, POINTS)
    rate = 10.0 ** rng.uniform(-2.0, 1.0, POINTS)
    hamiltonian = ac.models.LandauZener(gap=gap)
    drive = ac.drive.Linear(-REACH, REACH, rate)

    def run(basis: str = "adiabatic") -> ac.Propagation:
        return ac.propagate(hamiltonian, drive, tolerance=TOLERANCE, basis=basis)

    # All points against the formula, which superadiabatic read-out meets at this window; a few
    # against parabolic cylinder functions, which know about the window.
    formula = np.asarray(ac.formulas.landau_zener(gap=gap, sweep_rate=rate).value)
    error = np.max(np.abs(run("superadiabatic").transition_matrix[:, 1, 0] - formula))
    few = np.flatnonzero(gap**2 / rate < 20.0)[:20]
    window = ac.formulas.finite_window(
        gap=gap[few], sweep_rate=rate[few], start=-REACH / rate[few], stop=REACH / rate[few]
    )
    result = run()
    window_error = np.max(np.abs(result.transition_matrix[few, 1, 0] - np.asarray(window.value)))

    (ours,) = best_of([run], rounds=7)
    benchmark.pedantic(run, rounds=3, warmup_rounds=1)
    report(
        "1000 points at 1e-10",
        {
            "time": f"{ours.wall:.3f} s",
            "processor time": f"{ours.processor:.3f} s",
            "points per second": round(POINTS / ours.wall),
            "panels per point": float(np.mean(result.panels)),
            "error, all against the formula": float(error),
            "error, 20 against the exact window": float(window_error),
            "target": f"{TARGET} s",
        },
    )
    assert error <= TOLERANCE
    assert window_error <= TOLERANCE
    assert ours.wall <= TARGET
