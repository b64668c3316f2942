"""Interferograms with T₁ and T₂: 500 × 500 points, time, memory, QuTiP at equal accuracy."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics.interferogram import interferogram
from anticrossing.dynamics.periodic import periodic_steady_state

QUBIT = {"gap": 0.5, "frequency": 1.0, "t1": 100.0, "t2": 50.0, "equilibrium": 0.1}
OFFSETS, AMPLITUDES = (-20.0, 20.0), (0.0, 20.0)
ACCURACY = 1e-6
POINTS = {"diabatic": 500, "adiabatic": 200}  # along each axis
SECONDS = 20.0  # for 500 × 500 points on two cores
TARGET = 300.0
MEMORY = 0.5  # GiB, most of which is the interpreter with its libraries
LADDER = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)


def _grid(points: int, basis: str = "diabatic") -> np.ndarray:
    return interferogram(
        **QUBIT,
        offset=np.linspace(*OFFSETS, points),
        amplitude=np.linspace(*AMPLITUDES, points)[:, None],
        basis=basis,
        tolerance=ACCURACY,
    )


@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
def test_time_memory_and_linear_cost(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], basis: str
) -> None:
    done = benchmark.pedantic(
        subprocess.run,
        ([sys.executable, __file__, basis],),
        {"capture_output": True, "text": True, "check": True},
        rounds=1,
    )
    found = json.loads(done.stdout)
    report(f"interferogram of {POINTS[basis]}² points, {basis}", found)
    assert found["processor µs per point"] < 2 * 1e6 * SECONDS / 500**2
    assert 3.0 < found["ratio to a quarter"] < 6.0
    assert found["memory (GiB)"] < MEMORY


def test_against_qutip(benchmark: Any, report: Callable[[str, dict[str, Any]], None]) -> None:
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    rng = np.random.default_rng(12)
    offsets, amplitudes = rng.uniform(*OFFSETS, 24), rng.uniform(*AMPLITUDES, 24)
    exact = np.array([_panels(*point) for point in zip(offsets, amplitudes, strict=True)])

    def ours(tolerance: float) -> np.ndarray:
        return interferogram(**QUBIT, offset=offsets, amplitude=amplitudes, tolerance=tolerance)

    def theirs(method: str, tolerance: float, samples: int) -> np.ndarray:
        return np.array(
            [
                _qutip(qutip, offset, amplitude, method, tolerance, samples)
                for offset, amplitude in zip(offsets, amplitudes, strict=True)
            ]
        )

    error = np.max(np.abs(ours(ACCURACY) - exact))
    assert error < ACCURACY
    found = {}
    for method in ("adams", "vern9"):
        for tolerance in LADDER:
            start = time.perf_counter()
            values = theirs(method, tolerance, 128)
            elapsed = (time.perf_counter() - start) / offsets.size
            their_error = np.max(np.abs(values - exact))
            if their_error <= ACCURACY:
                found[method] = elapsed
                report(
                    f"QuTiP {method}",
                    {
                        "tolerance": f"{tolerance:.0e}",
                        "error": float(their_error),
                        "ms per point": 1e3 * elapsed,
                    },
                )
                break
    benchmark.pedantic(_grid, (500,), rounds=3, warmup_rounds=1)
    start = time.perf_counter()
    _grid(500)
    per_point = (time.perf_counter() - start) / 500**2
    ratio = min(found.values()) / per_point
    report(
        "against propagator + steady state",
        {"µs per point": 1e6 * per_point, "error": float(error), "ratio": ratio, "target": TARGET},
    )
    assert ratio >= TARGET


def _jumps() -> list[np.ndarray]:
    up, t1 = QUBIT["equilibrium"], QUBIT["t1"]
    dephasing = 1 / QUBIT["t2"] - 0.5 / t1
    raise_, z = np.array([[0.0, 1.0], [0.0, 0.0]]), np.diag([1.0, -1.0])
    return [
        np.sqrt(up / t1) * raise_,
        np.sqrt((1 - up) / t1) * raise_.T,
        np.sqrt(dephasing / 2) * z,
    ]


def _panels(offset: float, amplitude: float) -> float:
    state = periodic_steady_state(
        ac.models.LandauZener(gap=QUBIT["gap"]),
        ac.drive.Sinusoidal(offset, amplitude, QUBIT["frequency"]),
        ac.Lindblad(_jumps()),
        basis="diabatic",
    )
    return float(state.populations[0])


def _qutip(
    qutip: Any, offset: float, amplitude: float, method: str, tolerance: float, samples: int
) -> float:
    """Average a period of the fixed point; the samples resolve every harmonic of s_z."""
    frequency = QUBIT["frequency"]
    static = 0.5 * (offset * qutip.sigmaz() + QUBIT["gap"] * qutip.sigmax())
    bias = [0.5 * qutip.sigmaz(), f"{amplitude!r}*cos({frequency!r}*t)"]
    times = np.linspace(0.0, 2 * np.pi / frequency, samples + 1)
    maps = qutip.propagator(
        qutip.QobjEvo([static, bias]),
        times,
        [qutip.Qobj(jump) for jump in _jumps()],
        options={"method": method, "atol": tolerance, "rtol": tolerance, "nsteps": 10**7},
    )
    state = qutip.propagator_steadystate(maps[-1]).full().ravel(order="F")
    return float(np.mean([(m.full()[0] @ state).real for m in maps[:-1]]))


def measure(basis: str) -> dict[str, float]:
    """Time two grids in this process, and tell its memory."""
    _grid(20, basis)
    wall, processor = [time.perf_counter()], [time.process_time()]
    for points in (POINTS[basis] // 2, POINTS[basis]):
        _grid(points, basis)
        wall.append(time.perf_counter())
        processor.append(time.process_time())
    # Processor time counts all threads, and little of what else the machine is doing.
    small, large = np.diff(processor)
    elapsed = wall[2] - wall[1]
    return {
        "time (s)": elapsed,
        "µs per point": 1e6 * elapsed / POINTS[basis] ** 2,
        "processor µs per point": 1e6 * float(large) / POINTS[basis] ** 2,
        "ratio to a quarter": float(large / small),
        "memory (GiB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
