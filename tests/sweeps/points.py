"""Functions of one point that other processes import by name, and a server that is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import anticrossing.sweeps as sweeps

GRID = {"gap": np.linspace(0.1, 2.0, 40), "rate": np.geomspace(0.1, 10.0, 50)}  # 2,000 points
SEED = 20
CHUNK = 25


def noisy(gap: float, rate: float, rng: np.random.Generator) -> dict[str, Any]:
    """Two outputs, random numbers, some failures, and enough time to be killed in."""
    time.sleep(2e-4)
    if 1.0 < gap < 1.1 and rate > 5:
        raise ArithmeticError(f"no value at rate {rate:.3g}")
    jump = np.exp(-np.pi * gap**2 / (2 * rate))
    return {"jump": jump + rng.normal(scale=0.01), "amplitudes": [jump**0.5, 1j * gap]}


def sweep_noisy(store: Path | None, **options: Any) -> Any:
    """Run the sweep that is killed."""
    settings = {"chunk_size": CHUNK, "progress": False, **options}
    return sweeps.sweep(noisy, grid=GRID, seed=SEED, store=store, **settings)


def jump(gap: Any, rate: Any) -> Any:
    """The Landau–Zener probability, of numbers or arrays."""
    return np.exp(-np.pi * gap**2 / (2 * rate))


def eigenvalues(gap: float, rate: float) -> Any:
    """Through BLAS, whose results depend on the number of its threads."""
    matrix = np.cos(gap * np.arange(250.0)[:, None] * np.arange(250.0) + rate)
    return (matrix @ matrix.T).sum(axis=0)[:5]


def dies_once(index: int, folder: str) -> int:
    """Kill the process that computes point 7, the first time."""
    mark = Path(folder) / "died"
    if index == 7 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return index**2


def always_dies(index: int) -> int:
    """Kill the process that computes point 7."""
    if index == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def slow_square(index: int) -> int:
    """Give a test the time to kill the worker."""
    time.sleep(0.02)
    return index**2


def sleeper(index: int) -> int:
    """Be busy until interrupted, after the first few points."""
    time.sleep(0.0 if index < 20 else 60.0)
    return index


def serve() -> None:
    """Fork a process for every path on standard input, and tell its number."""
    import xarray  # noqa: F401 - what a child would spend its first second on
    import zarr  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sweep_noisy(Path(line.strip()))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    serve()
