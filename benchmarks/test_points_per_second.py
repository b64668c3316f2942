"""Random two-level passages in one call, accurate to 1e-10, window ±10³, and the bound of a loop.

The bound is what the compiled step for one panel takes alone, on panels of known width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from conftest import best_of

import anticrossing as ac
from anticrossing.dynamics import _two_level, panels
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import TWO_LEVEL_NODES, UnitaryKernel
from anticrossing.dynamics.lanes import Lanes

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


def test_against_a_loop_over_given_panels(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None]
) -> None:
    """Compare with a loop by hand that is told all panels, for one point and for ten thousand."""
    figures: dict[str, Any] = {}
    for points in (1, 10_000):
        rng = np.random.default_rng(20240229)
        gap = rng.uniform(0.1, 2.0, points)
        rate = 10.0 ** rng.uniform(-2.0, 1.0, points)
        hamiltonian = ac.models.LandauZener(gap=gap)
        drive = ac.drive.Linear(-REACH, REACH, rate)

        def run() -> ac.Propagation:
            return ac.propagate(hamiltonian, drive, tolerance=TOLERANCE)  # noqa: B023

        loop = _loop(hamiltonian, drive)
        rounds = 200 if points == 1 else 3
        ours, bound = best_of([run, loop], rounds=rounds)
        name = f"{points} point{'s' if points > 1 else ''}"
        figures |= {
            f"{name}: time": f"{1e3 * ours.wall:.3g} ms",
            f"{name}: points per second of processor time": round(points / ours.processor),
            f"{name}: the loop, of processor time": round(points / bound.processor),
            f"{name}: compiled step in the processor time": bound.processor / ours.processor,
        }
    benchmark.pedantic(run, rounds=1)
    report("beside a loop over given panels", figures)
    assert figures["10000 points: compiled step in the processor time"] >= 0.4


def _loop(hamiltonian: ac.Hamiltonian, drive: ac.drive.Drive) -> Callable[[], None]:
    """Return what solves the accepted panels of every point and nothing else."""
    lanes = Lanes.of(hamiltonian, drive)
    points = grid(TWO_LEVEL_NODES)
    pieces = panels.solve(lanes, UnitaryKernel(2), tolerance=0.02 * TOLERANCE).pieces
    half = 0.5 * (pieces.right - pieces.left)
    times = (pieces.left + half)[:, None] + half[:, None] * points.nodes
    times[:, 0], times[:, -1] = pieces.left, pieces.right
    matrices = lanes.traceless(times, pieces.lane).astype(complex)
    out, info = np.zeros((half.size, 2, 2), complex), np.zeros((half.size, 2))
    status = np.empty(half.size, dtype=np.int64)

    def run() -> None:
        _two_level.solve_panels(
            matrices, np.zeros(half.size), half, points.derivative, points.integral,
            points.weights, points.tail,
            0.02 * TOLERANCE, out, info, status,
        )  # fmt: skip
        assert status.all()

    return run
