"""Ensembles killed or interrupted at random moments, and what is left in their directory."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from anticrossing import Hamiltonian, models
from anticrossing.molecules.trajectories import Fixed, Gaussian, run_trajectories
from anticrossing.sweeps import provenance
from tests.effort import slow
from tests.molecules.trajectories import common
from tests.molecules.trajectories.common import assert_identical, ensemble

CHUNKS = 10
ROOT = Path(__file__).parents[3]


def child(script):
    return subprocess.Popen(
        [sys.executable, "-c", f"from {common.__name__} import ensemble\n{script}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def chunks(store, name="status"):
    """The files of finished batches, in their order."""
    found = [path for path in (store / name / "c").rglob("*") if path.is_file()]
    return sorted(found, key=lambda path: [int(n) for n in path.relative_to(store).parts[2:]])


def wait_for(process, store, count):
    """Return when so many chunks are there; the process must not have ended before."""
    end = time.monotonic() + 60
    while len(chunks(store)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.slow
def test_killed_and_interrupted_at_random_moments(tmp_path):
    store, rng = tmp_path / "run", np.random.default_rng(7)
    contents = {}
    for done, sign in ((2, signal.SIGKILL), (6, signal.SIGINT)):
        process = child(f"ensemble(store={str(store)!r})")
        wait_for(process, store, done)
        time.sleep(rng.uniform(0.0, 0.05))
        process.send_signal(sign)
        _, message = process.communicate(timeout=20)
        assert process.returncode == -sign, message
        left = chunks(store)
        assert done <= len(left) < CHUNKS
        # What was finished before has not been touched.
        for path, content in contents.items():
            assert path.read_bytes() == content
        contents = {path: path.read_bytes() for path in left}
    times = {path: os.stat(path).st_mtime_ns for path in contents}
    resumed = ensemble(store=store)
    assert len(chunks(store)) == CHUNKS
    assert {path: os.stat(path).st_mtime_ns for path in contents} == times
    assert_identical(ensemble(), resumed)


def small(**options):
    return run_trajectories(
        models.TullySimple(), masses=2000.0, initial=Gaussian(-4.0, 20.0, 0.3), step=20.0, steps=20,
        count=150, batch=64, seed=2, **options,
    )  # fmt: skip


DAMAGES = {
    "lost": lambda content: None,
    "empty": lambda content: b"",
    "text": lambda content: b"mine",
    "cut": lambda content: content[: len(content) // 2],
    "a byte": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
}


@pytest.mark.quick(4)
@pytest.mark.parametrize("damage", [d if d in ("cut", "a byte") else slow(d) for d in DAMAGES])
def test_a_damaged_chunk_is_computed_again(tmp_path, damage):
    first = small(store=tmp_path)
    path = chunks(tmp_path, "position")[1]
    content = path.read_bytes()
    damaged = DAMAGES[damage](content)
    path.unlink() if damaged is None else path.write_bytes(damaged)
    assert_identical(first, small(store=tmp_path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("executor", [slow(2), "threads"])
def test_whoever_computes_the_batches_the_result_is_the_same(tmp_path, executor):
    if executor == "threads":
        with ThreadPoolExecutor(2) as pool:
            assert_identical(small(), small(executor=pool))
            return
    assert_identical(small(), small(executor=executor))
    assert_identical(small(), small(executor=executor, store=tmp_path / "run"))
    assert_identical(small(), small(store=tmp_path / "run"))


def test_dask_computes_batches_too():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        assert_identical(small(), small(executor=client))


def test_a_function_without_a_name_cannot_be_sent_to_processes():
    H = Hamiltonian.from_function(lambda x: np.array([[x, 0.1], [0.1, -x]]))
    with pytest.raises(ValueError, match="Argument `hamiltonian` must be one that other processes"):
        run_trajectories(H, masses=1.0, initial=Fixed(0.0, 1.0), step=0.1, steps=1, count=1, seed=1,
                         executor=2)  # fmt: skip


def test_a_run_killed_before_it_began(tmp_path):
    (tmp_path / "status" / ".sweep").mkdir(parents=True)
    (tmp_path / "status" / ".sweep" / "partial").write_text("{")
    assert_identical(small(store=tmp_path), small())


def test_formulas_that_agree_where_trajectories_start_are_told_apart(tmp_path):
    options = {"masses": 2000.0, "initial": Fixed(-40.0, 20.0), "step": 20.0, "steps": 2,
               "count": 2, "seed": 1, "store": tmp_path}  # fmt: skip

    def wall(slope):
        return Hamiltonian.from_matrix([[f"0.01*tanh({slope}*x)", 0.001], [0.001, 0.02]])

    assert wall(2.0)(-40.0).tobytes() == wall(3.0)(-40.0).tobytes()
    run_trajectories(wall(2.0), **options)
    with pytest.raises(ValueError, match=r"belongs to another sweep: `?.*hamiltonian` is"):
        run_trajectories(wall(3.0), **options)


def test_another_version_is_not_mixed_in(tmp_path, monkeypatch):
    small(store=tmp_path)
    versions = {**provenance.versions(), "anticrossing": "0.0.1"}
    monkeypatch.setattr(provenance, "versions", lambda: versions)
    with pytest.raises(ValueError, match=r"version of anticrossing is .* there and 0.0.1 here"):
        small(store=tmp_path)


@pytest.mark.slow
def test_ctrl_c_ends_a_long_batch_at_once():
    process = child(
        "import os, signal, threading, time\n"
        "ensemble()\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "start = time.monotonic()\n"
        "try:\n"
        "    ensemble(steps=10**11)\n"
        "except KeyboardInterrupt:\n"
        "    print(time.monotonic() - start)\n"
    )
    try:
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()
    assert float(out or "inf") < 5.0, err
