"""Rings of spins, sector by sector: at any rate, and what the search for sectors costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import best_of

import anticrossing as ac
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics.lanes import Lanes

Report = Callable[[str, dict[str, Any]], None]

RATES = (1e-1, 1e-2, 1e-4, 1e-6)
TARGETS = {6: 0.5, 8: 2.0}  # seconds


def _drive(rate: float) -> ac.drive.Drive:
    return ac.drive.Linear(3.0, 0.2, rate=-rate)


def _exact(sites: int, rate: float) -> float:
    """The survival of the ground state by independent fermion modes."""
    modes = ac.models.TransverseIsingMode(momentum=ac.models.ising_momenta(sites))
    return float(
        np.prod(ac.propagate(modes, _drive(rate), tolerance=1e-12).transition_matrix[:, 0, 0])
    )


@pytest.mark.parametrize("sites", [6, 8])
def test_rings(benchmark: Any, report: Report, sites: int) -> None:
    ring = ac.models.TransverseIsing(sites=sites)

    def run(rate: float) -> ac.Propagation:
        return ac.propagate(ring, _drive(rate))

    def search() -> object:
        return Sectored.of(Lanes.of(ring, _drive(1.0)))

    *timings, searched = best_of([*(lambda rate=rate: run(rate) for rate in RATES), search], 3)
    for rate, timing in zip(RATES, timings, strict=True):
        result = run(rate)
        error = abs(float(result.transition_matrix[0, 0]) - _exact(sites, rate))
        report(
            f"ring of {sites}, rate {rate:.0e}",
            {
                "time": f"{timing.wall:.2f} s",
                "processor": f"{timing.processor:.2f} s",
                "search": f"{searched.processor / timing.processor:.0%}",
                "panels": int(result.panels),
                "error": error,
            },
        )
        assert error < 1e-10
    times = [timing.processor for timing in timings]
    figures = {"slowest / fastest": max(times) / min(times), "target": f"{TARGETS[sites]} s"}
    report(f"ring of {sites}, five decades", figures)
    benchmark.pedantic(run, (RATES[-1],), rounds=1)
    assert max(times) <= TARGETS[sites]
