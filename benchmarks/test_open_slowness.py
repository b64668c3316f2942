"""What a slower sweep costs with dephasing in the instantaneous eigenbasis: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from conftest import best_of

import anticrossing as ac

MOST_PANELS = 150
MOST_SPREAD = 5.0
GAMMA = 0.3


def test_open_cost_is_flat(benchmark: Any, report: Callable[[str, dict[str, Any]], None]) -> None:
    H, environment = ac.models.LandauZener(gap=1.0), ac.Dephasing(GAMMA)
    rates = [10.0**-k for k in range(2, 7)]
    drives = [ac.drive.Linear(-1e4, 1e4, rate) for rate in rates]

    def solve(drive: Any) -> Any:
        return ac.propagate(H, drive, environment=environment)

    results = [solve(drive) for drive in drives]
    timings = best_of([lambda drive=drive: solve(drive) for drive in drives], rounds=20)
    benchmark.pedantic(solve, (drives[-1],), rounds=20, warmup_rounds=1)
    for rate, result, timing in zip(rates, results, timings, strict=True):
        theory = np.exp(-np.pi / (2 * rate)) + 2 / 3 * rate * GAMMA / (1 + GAMMA**2)
        remainder = (result.transition_matrix[1, 0] - theory) / (GAMMA * rate**2)
        report(
            f"dephasing, rate {rate:.0e}",
            {
                "panels": int(result.panels),
                "time": f"{1e3 * timing.wall:.2f} ms",
                "p": f"{result.transition_matrix[1, 0]:.9e}",
                "R/γε²": f"{remainder:.5f}",
            },
        )
    spread = max(t.wall for t in timings) / min(t.wall for t in timings)
    most = max(int(result.panels) for result in results)
    report(
        "dephasing, five decades",
        {"slowest / fastest": spread, "most panels": most, "targets": f"5 and {MOST_PANELS}"},
    )
    assert most <= MOST_PANELS
    assert spread <= MOST_SPREAD
