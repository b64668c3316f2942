"""Ten thousand passages as batches: the same bits whoever computes them, also after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anticrossing import studies
from tests.sweeps.test_kill import ROOT, chunks

FILE = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -20, stop = 20, rate = 1.0 }
question = { tolerance = 1e-6 }
[sweep]
parameters = [
  { parameter = "hamiltonian.gap", from = 0.1, to = 1.0, points = 100 },
  { parameter = "drive.rate", from = 1.0, to = 10.0, points = 100 },
]
"""
CHUNKS = 20


def sweep(chunk_size: int | None = None, **options: Any) -> Any:
    text = FILE if chunk_size is None else FILE + f"chunk_size = {chunk_size}"
    return studies.sweep(studies.parse(text), **{"progress": False, **options})


@pytest.fixture(scope="module")
def probabilities() -> Any:
    """All points as one batch, in this process."""
    result = sweep(chunk_size=10_000)
    assert np.all(result.status == 1)
    return result.probability.values


@pytest.mark.slow
def test_processes_give_the_bits_of_one_batch(probabilities: Any, tmp_path: Path) -> None:
    result = sweep(executor=2, store=tmp_path / "store")
    assert chunks(tmp_path / "store") == CHUNKS
    np.testing.assert_array_equal(result.probability.values, probabilities)


def test_dask_gives_the_bits_of_one_batch(probabilities: Any) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        result = sweep(executor=client)
    np.testing.assert_array_equal(result.probability.values, probabilities)


@pytest.mark.slow
def test_nothing_that_is_finished_is_computed_again(probabilities: Any, tmp_path: Path) -> None:
    store = tmp_path / "store"
    code = f"from tests.sweeps.test_throughput import sweep; sweep(store={str(store)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    deadline = time.monotonic() + 60
    while chunks(store) < CHUNKS // 4 and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [path for path in (store / "status" / "c").rglob("*") if path.is_file()]
    assert CHUNKS // 4 <= len(left) < CHUNKS
    written = {path: os.stat(path).st_mtime_ns for path in left}
    told: list[int] = []
    result = sweep(store=store, progress=lambda done, total: told.append(done))
    assert told[0] == (len(left) + 1) * 500
    assert {path: os.stat(path).st_mtime_ns for path in left} == written
    np.testing.assert_array_equal(result.probability.values, probabilities)
