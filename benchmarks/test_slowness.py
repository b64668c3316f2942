"""Slow sweeps cost no more than fast ones: panels and time over six decades of the rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import best_of

import anticrossing as ac

Report = Callable[[str, dict[str, Any]], None]


def test_two_levels(benchmark: Any, report: Report) -> None:
    rates = 10.0 ** np.arange(0, -7, -1)
    hamiltonian = ac.models.LandauZener(gap=1.0)

    def run(rate: float, basis: str = "adiabatic") -> ac.Propagation:
        return ac.propagate(hamiltonian, ac.drive.Linear(-1e3, 1e3, rate), basis=basis)

    timings = best_of([lambda rate=rate: run(rate) for rate in rates], rounds=30)
    panels = []
    for rate, timing in zip(rates, timings, strict=True):
        result = run(rate, "superadiabatic")
        exact = ac.formulas.landau_zener(gap=1.0, sweep_rate=rate).value
        error = float(abs(result.transition_matrix[1, 0] - exact))
        panels.append(int(result.panels))
        report(
            f"two levels, rate {rate:.0e}",
            {"panels": panels[-1], "time": f"{1e3 * timing.wall:.2f} ms", "error": error},
        )
        assert error <= 1e-10
    benchmark.pedantic(run, (rates[-1],), rounds=10, warmup_rounds=1)
    walls = [timing.wall for timing in timings]
    ratio = max(walls) / min(walls)
    report("two levels, six decades", {"slowest / fastest": ratio, "target": 5.0})
    assert ratio <= 5.0
    assert max(panels) <= 120


def ladder(levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Random energies and couplings of the parallel levels of a Demkov–Osherov model."""
    rng = np.random.default_rng(levels)
    return np.sort(rng.uniform(-10.0, 10.0, levels - 1)), rng.uniform(0.1, 0.5, levels - 1)


@pytest.mark.parametrize(("levels", "rounds"), [(6, 3), (20, 1)])
def test_demkov_osherov(benchmark: Any, report: Report, levels: int, rounds: int) -> None:
    energies, couplings = ladder(levels)
    hamiltonian = ac.models.DemkovOsherov(levels=energies, couplings=couplings)

    def run(rate: float) -> ac.Propagation:
        drive = ac.drive.Linear(-100.0, 100.0, rate)
        return ac.propagate(hamiltonian, drive, basis="superadiabatic")

    panels = []
    for rate in 10.0 ** np.arange(-1, -7, -1):
        results = []
        (timing,) = best_of([lambda rate=rate, results=results: results.append(run(rate))], rounds)
        exact = ac.formulas.demkov_osherov(
            levels=energies, couplings=couplings, sweep_rate=rate, basis="adiabatic"
        )
        error = float(np.max(np.abs(results[-1].transition_matrix - exact.transition_matrix)))
        panels.append(int(results[-1].panels))
        report(
            f"{levels} levels, rate {rate:.0e}",
            {"panels": panels[-1], "time": f"{timing.wall:.3f} s", "error": error},
        )
        assert error <= 1e-10
    benchmark.pedantic(run, (1e-6,), rounds=1, warmup_rounds=0)
    report(f"{levels} levels, six decades", {"most panels": max(panels), "target": 300})
    assert max(panels) <= 300
