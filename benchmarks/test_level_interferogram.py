"""Interferograms of four levels with T₁ and T₂: 200 × 200 points, against panels and QuTiP."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import level_interferogram, periodic_steady_state

X, Z, ONE = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0]), np.eye(2)
LOWER = np.array([[0.0, 0.0], [1.0, 0.0]])
# Two coupled qubits, one of them driven at ω = 1.
PAIR = ac.Hamiltonian.affine(
    0.25 * np.kron(X, ONE) + 0.3 * np.kron(ONE, X) + 0.65 * np.kron(ONE, Z) + 0.2 * np.kron(Z, Z),
    0.5 * np.kron(Z, ONE),
)
JUMPS = [0.1 * np.kron(LOWER, ONE), 0.07 * np.kron(ONE, LOWER), 0.1 * np.kron(Z, ONE)]
ENVIRONMENTS = {
    "eigenbasis": ac.ThermalRelaxation(temperature=0.3, t1=200.0) + ac.Dephasing(rate=0.02),
    "fixed axes": ac.Lindblad(JUMPS),
}
OFFSETS, AMPLITUDES = (-8.0, 8.0), (0.0, 10.0)
POINTS, SECONDS, CORES = 200, 60.0, 2
SAMPLE = 24  # points along each axis that are timed


def _grid(environment: Any, points: int) -> Any:
    return level_interferogram(
        PAIR,
        environment,
        offset=np.linspace(*OFFSETS, points),
        amplitude=np.linspace(*AMPLITUDES, points)[:, None],
        frequency=1.0,
    )


@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_time_of_a_map(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], kind: str
) -> None:
    environment = ENVIRONMENTS[kind]
    _grid(environment, 2)
    start = time.process_time()
    found = _grid(environment, SAMPLE)
    ours = (time.process_time() - start) / SAMPLE**2
    benchmark.pedantic(_grid, (environment, 8), rounds=1)

    rng = np.random.default_rng(5)
    error, theirs = 0.0, 0.0
    for i, j in rng.integers(0, SAMPLE, (3, 2)):
        offset = float(np.linspace(*OFFSETS, SAMPLE)[j])
        amplitude = float(np.linspace(*AMPLITUDES, SAMPLE)[i])
        drive = ac.drive.Sinusoidal(offset, amplitude, 1.0)
        start = time.process_time()
        exact = periodic_steady_state(PAIR, drive, environment, basis="diabatic", tolerance=1e-6)
        theirs += (time.process_time() - start) / 3
        error = max(error, float(np.max(np.abs(exact.populations - found.populations[i, j]))))
    report(
        f"interferogram of 4 levels, {kind}",
        {
            "processor ms per point": 1e3 * ours,
            f"{POINTS}² points on {CORES} cores (s)": ours * POINTS**2 / CORES,
            "error": error,
            "panels over ours, per point": theirs / ours,
        },
    )
    assert error < 1e-6
    assert ours * POINTS**2 / CORES < SECONDS


def test_against_qutip(report: Callable[[str, dict[str, Any]], None]) -> None:
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    rng = np.random.default_rng(12)
    points = np.stack([rng.uniform(*OFFSETS, 6), rng.uniform(*AMPLITUDES, 6)], axis=1)
    environment = ENVIRONMENTS["fixed axes"]

    def ours() -> Any:
        return level_interferogram(
            PAIR, environment, offset=points[:, 0], amplitude=points[:, 1], frequency=1.0
        )

    found = ours()
    start = time.process_time()
    _grid(environment, SAMPLE)  # a map, whose points share the table of the generator
    per_point = (time.process_time() - start) / SAMPLE**2
    slope, times = PAIR(1.0) - PAIR(0.0), np.linspace(0, 2 * np.pi, 129)
    start = time.process_time()
    error = 0.0
    for (offset, amplitude), populations in zip(points, found.populations, strict=True):
        maps = qutip.propagator(
            qutip.QobjEvo(
                [qutip.Qobj(PAIR(0.0) + offset * slope), [amplitude * qutip.Qobj(slope), "cos(t)"]]
            ),
            times,
            [qutip.Qobj(jump) for jump in JUMPS],
            options={"method": "vern9", "atol": 1e-8, "rtol": 1e-8, "nsteps": 10**7},
        )
        state = qutip.propagator_steadystate(maps[-1]).full().ravel(order="F")
        along = [np.diag((m.full() @ state).reshape(4, 4, order="F")).real for m in maps[:-1]]
        error = max(error, float(np.max(np.abs(np.mean(along, axis=0) - populations))))
    theirs = (time.process_time() - start) / len(points)
    report(
        "interferogram of 4 levels against QuTiP (propagator and its steady state)",
        {"ms per point": 1e3 * per_point, "ratio": theirs / per_point, "difference": error},
    )
    assert error < 1e-6
