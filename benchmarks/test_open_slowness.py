"""What a slower sweep costs with dephasing in the instantaneous eigenbasis: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
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


STRENGTHS = (1e-3, 1.0, 3.0, 10.0, 30.0, 1e3, 1e6)
MOST_RATIO = 3.0
MOST_GROWTH = 300.0  # doubled steps grow with the root of slowness


def test_strong_operators_cost_the_same(report: Callable[[str, dict[str, Any]], None]) -> None:
    """Decay between the diabatic levels of any strength, rates from 1 to 1e-6, and also 10."""
    H, lowering = ac.models.LandauZener(gap=1.0), np.array([[0.0, 1.0], [0.0, 0.0]])
    rates = [10.0**-k for k in range(-1, 7)]
    for strength in STRENGTHS:
        environment = ac.Lindblad([np.sqrt(strength) * lowering])

        def solve(rate: float, environment: Any = environment) -> Any:
            return ac.propagate(H, ac.drive.Linear(-20, 20, rate), environment=environment)

        panels = [int(solve(rate).panels) for rate in rates]
        timings = best_of([lambda rate=rate: solve(rate) for rate in rates], rounds=7)
        times = [timing.processor for timing in timings]
        report(
            f"decay {strength:g} times the gap, seven decades",
            {
                "panels": " ".join(str(p) for p in panels),
                "times": " ".join(f"{1e3 * time:.1f}" for time in times) + " ms",
                "most / least, panels": max(panels) / min(panels),
                "most / least, time": max(times) / min(times),
                "from rate 1": max(times[1:]) / min(times[1:]),
                "target": MOST_RATIO,
            },
        )
        assert max(panels) <= MOST_RATIO * min(panels)
        assert max(times[1:]) <= MOST_RATIO * min(times[1:])


def test_fast_sweeps_against_runge_kutta(report: Callable[[str, dict[str, Any]], None]) -> None:
    """Six levels with dephasing in the eigenbasis, fast: one state and the map against DOP853."""
    from scipy.integrate import solve_ivp

    rng = np.random.default_rng(6)
    a, b = (m + m.T.conj() for m in rng.normal(size=(2, 6, 6)) + 1j * rng.normal(size=(2, 6, 6)))
    H, sweep = ac.Hamiltonian.affine(a, b), ac.drive.Linear(-3, 3, 1.0)
    environment, rate = ac.Dephasing(rate=0.2), 0.2
    vector = np.linalg.eigh(a - 3 * b)[1][:, 0]
    start = np.outer(vector, vector.conj())

    def slope(t: float, y: Any) -> Any:
        rho, h = y.reshape(-1, 6, 6), a + t * b
        vectors = np.linalg.eigh(h)[1]
        inside = vectors.conj().T @ rho @ vectors
        inside[:, range(6), range(6)] = 0.0
        change = -1j * (h @ rho - rho @ h) - rate * vectors @ inside @ vectors.conj().T
        return change.ravel()

    def runge_kutta(rho: Any) -> Any:
        y = rho.ravel().astype(complex)
        return solve_ivp(slope, (-3, 3), y, method="DOP853", rtol=1e-9, atol=1e-11).y[:, -1]

    def ours(whole: bool) -> Any:
        return ac.propagate(H, sweep, environment=environment, whole=whole)

    # Units of the map come one after another: it stacks them as columns.
    units = np.eye(36)
    one, every = ours(False), ours(True)
    errors = (
        np.max(np.abs(one.density_matrix - runge_kutta(start).reshape(6, 6))),
        np.max(np.abs(every.superoperator - runge_kutta(units).reshape(36, 36).T)),
    )
    timings = best_of(
        [
            lambda: ours(False),
            lambda: ours(True),
            lambda: runge_kutta(start),
            lambda: runge_kutta(units),
        ],
        rounds=1,
    )
    single, whole, theirs, all_theirs = (timing.processor for timing in timings)
    report(
        "six levels, fast sweep",
        {
            "methods": f"{one.method}, {every.method}",
            "DOP853 / one state": theirs / single,
            "DOP853 / whole map, of 36 states": all_theirs / whole,
            "of one": theirs / whole,
            "differences": " and ".join(f"{error:.1e}" for error in errors),
            "estimates": f"{float(one.error_estimate):.1e} and {float(every.error_estimate):.1e}",
            "target": "not slower than DOP853",
        },
    )
    assert max(errors) < 1e-7
    assert single <= theirs
    assert whole <= all_theirs


@pytest.mark.parametrize("levels", [3, 4])
def test_several_levels_at_any_slowness(
    levels: int, report: Callable[[str, dict[str, Any]], None]
) -> None:
    """Decay from level to level beside random couplings, rates from 1 to 1e-6."""
    rng = np.random.default_rng(0)
    coupling = rng.normal(size=(levels, levels))
    H = ac.Hamiltonian.affine(coupling + coupling.T, np.diag(np.arange(levels) - 1.0))
    environment = ac.Lindblad([np.diag(np.full(levels - 1, 0.1), 1)])
    drives = [ac.drive.Linear(-10, 10, 10.0**-k) for k in range(7)]
    calls = [
        lambda drive=drive: ac.propagate(H, drive, environment=environment) for drive in drives
    ]
    methods = [call().method for call in calls]
    times = [timing.processor for timing in best_of(calls, rounds=2)]
    report(
        f"{levels} levels with decay, six decades",
        {
            "times": " ".join(f"{1e3 * time:.1f}" for time in times) + " ms",
            "methods": ", ".join(dict.fromkeys(methods)),
            "slowest / fastest": max(times) / min(times),
            "target": MOST_GROWTH,
        },
    )
    assert max(times) <= MOST_GROWTH * min(times)
