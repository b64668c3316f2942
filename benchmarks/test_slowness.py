"""Slow sweeps cost no more than fast ones: panels and time over six decades of the rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import best_of

import anticrossing as ac
from anticrossing.models.spin import spin_matrices

Report = Callable[[str, dict[str, Any]], None]


def test_two_levels(benchmark: Any, report: Report) -> None:
    rates = 10.0 ** np.arange(0, -7, -1)
    hamiltonian = ac.models.LandauZener(gap=1.0)

    def run(rate: float, basis: str = "adiabatic") -> ac.Propagation:
        return ac.propagate(hamiltonian, ac.drive.Linear(-1e3, 1e3, rate), basis=basis)

    timings = best_of([lambda rate=rate: run(rate) for rate in rates], rounds=30)
    panels, errors = [], []
    for rate, timing in zip(rates, timings, strict=True):
        result = run(rate, "superadiabatic")
        exact = ac.formulas.landau_zener(gap=1.0, sweep_rate=rate).value
        errors.append(float(abs(result.transition_matrix[1, 0] - exact)))
        panels.append(int(result.panels))
        report(
            f"two levels, rate {rate:.0e}",
            {"panels": panels[-1], "time": f"{1e3 * timing.wall:.2f} ms", "error": errors[-1]},
        )
    benchmark.pedantic(run, (rates[-1],), rounds=10, warmup_rounds=1)
    walls = [timing.wall for timing in timings]
    ratio = max(walls) / min(walls)
    report("two levels, six decades", {"slowest / fastest": ratio, "target": 5.0})
    assert max(errors) <= 1e-10
    assert ratio <= 5.0
    assert max(panels) <= 120


FAST_TO_SLOW = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@pytest.mark.parametrize(("levels", "rates"), [(6, FAST_TO_SLOW), (20, FAST_TO_SLOW[::2])])
def test_demkov_osherov(
    benchmark: Any, report: Report, levels: int, rates: tuple[float, ...]
) -> None:
    # Random energies, but no two so close that the window ends before their transitions do.
    rng = np.random.default_rng(levels)
    spacing = 20.0 / (levels - 1)
    energies = spacing * (np.arange(levels - 1) + rng.uniform(-0.3, 0.3, levels - 1)) - 10.0
    couplings = rng.uniform(0.1, 0.5, levels - 1)
    hamiltonian = ac.models.DemkovOsherov(levels=energies, couplings=couplings)

    def run(rate: float) -> ac.Propagation:
        drive = ac.drive.Linear(-100.0, 100.0, rate)
        return ac.propagate(hamiltonian, drive, basis="superadiabatic")

    panels, errors = [], []
    for rate in rates:
        results: list[ac.Propagation] = []
        (timing,) = best_of(
            [lambda rate=rate, results=results: results.append(run(rate))],
            rounds=3 if levels == 6 else 1,
        )
        exact = ac.formulas.demkov_osherov(
            levels=energies, couplings=couplings, sweep_rate=rate, basis="adiabatic"
        )
        difference = results[-1].transition_matrix - exact.transition_matrix
        errors.append(float(np.max(np.abs(difference))))
        panels.append(int(results[-1].panels))
        report(
            f"{levels} levels, rate {rate:.0e}",
            {"panels": panels[-1], "time": f"{timing.wall:.3f} s", "error": errors[-1]},
        )
    benchmark.pedantic(run, (rates[-1],), rounds=1)
    report(f"{levels} levels, all rates", {"most panels": max(panels), "target": 300})
    assert max(errors) <= 1e-10
    assert max(panels) <= 300


def _doublets() -> tuple[ac.Hamiltonian, float, tuple[float, ...]]:
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    split = 1e-7 * np.diag([0.5, -0.5])
    constant = np.block([[split, 0.3 * turn], [0.3 * turn.T, 0.7 * split]])
    slope = np.diag([0.5, 0.5, -0.5, -0.5])
    return ac.Hamiltonian.affine(constant, slope), 20.0, tuple(10.0 ** np.arange(-3, -11, -1))


def _spin_ten() -> tuple[ac.Hamiltonian, float, tuple[float, ...]]:
    s_x, s_z = spin_matrices(10)
    two = np.linalg.matrix_power(2 * np.triu(s_x), 2)
    constant = -0.275 * s_z @ s_z + 0.023 * (two + two.T)
    hamiltonian = ac.Hamiltonian.affine(constant, 1.3434 * s_z, units=ac.Units("K", "us"))
    return hamiltonian, 0.02, tuple(10.0 ** np.arange(-3, -10, -1))


@pytest.mark.parametrize("case", [_doublets, _spin_ten])
def test_close_levels(
    benchmark: Any, report: Report, case: Callable[[], tuple[Any, float, tuple[float, ...]]]
) -> None:
    name = case.__name__.strip("_")
    hamiltonian, reach, rates = case()

    def run(rate: float) -> ac.Propagation:
        return ac.propagate(hamiltonian, ac.drive.Linear(-reach, reach, rate))

    timings = best_of([lambda rate=rate: run(rate) for rate in rates], rounds=3)
    for rate, timing in zip(rates, timings, strict=True):
        result = run(rate)
        numbers = {"panels": int(result.panels), "time": f"{1e3 * timing.wall:.0f} ms"}
        report(f"{name}, rate {rate:.0e}", {**numbers, "error": float(result.error_estimate)})
    benchmark.pedantic(run, (rates[-1],), rounds=1)
    walls = [timing.wall for timing in timings]
    ratio = max(walls) / min(walls)
    report(f"{name}, all rates", {"slowest / fastest": ratio, "target": 3.0})
    assert ratio <= 3.0
    assert max(walls) <= 5.0


def test_sixty_four_generic_levels(benchmark: Any, report: Report) -> None:
    rng, levels = np.random.default_rng(64), 64
    draw = rng.normal(size=(2, levels, levels)) + 1j * rng.normal(size=(2, levels, levels))
    matrices = (draw + draw.conj().swapaxes(1, 2)) / np.sqrt(4 * levels)
    hamiltonian = ac.Hamiltonian.affine(*matrices)
    taken = {}

    def run(rate: float) -> ac.Propagation:
        return ac.propagate(hamiltonian, ac.drive.Linear(-3.0, 3.0, rate), tolerance=1e-8)

    for power in range(2, 9):
        rate = 10.0**-power
        result = run(rate)
        (taken[rate],) = best_of([lambda rate=rate: run(rate)], rounds=2, seconds=1.0)
        report(
            f"64 generic levels, rate {rate:.0e}",
            {
                "method": result.method,
                "wall time": taken[rate].wall,
                "processor time": taken[rate].processor,
                "error estimate": float(result.error_estimate),
            },
        )
    benchmark.pedantic(run, (1e-3,), rounds=3)
    slowest = max(timing.processor for timing in taken.values())
    report("64 generic levels, slowest", {"processor time": slowest, "target": 10.0})
    assert slowest <= 10.0
