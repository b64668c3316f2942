"""Ensembles killed or interrupted at random moments, and what is left in their directory."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from anticrossing import Hamiltonian, models
from anticrossing.molecules.trajectories import Fixed, Gaussian, run_trajectories
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


def chunks(store):
    return sorted(store.glob("trajectories-*.npz"))


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
    "empty": lambda content: b"",
    "text": lambda content: b"mine",
    "cut": lambda content: content[: len(content) // 2],
    "a byte": lambda content: content[:300] + bytes([content[300] ^ 1]) + content[301:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_computed_again(tmp_path, damage):
    first = small(store=tmp_path)
    path = chunks(tmp_path)[1]
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    assert_identical(first, small(store=tmp_path))
    with np.load(path) as again, np.load(chunks(tmp_path)[0]) as other:
        assert again.files == other.files


@pytest.mark.parametrize("foreign", ["array", "archive", "another chunk"])
def test_a_foreign_file_in_place_of_a_chunk_is_replaced(tmp_path, foreign):
    first = small(store=tmp_path)
    path = chunks(tmp_path)[2]
    with path.open("wb") as file:
        if foreign == "array":
            np.save(file, np.arange(3.0))
        elif foreign == "archive":
            np.savez(file, position=np.zeros((22, 1)))
        else:
            file.write(chunks(tmp_path)[0].read_bytes())
    assert_identical(first, small(store=tmp_path))


def test_a_run_killed_before_it_began(tmp_path):
    (tmp_path / ".ensemble.json-123").write_text("{")
    assert_identical(small(store=tmp_path), small())


def test_formulas_that_agree_where_trajectories_start_are_told_apart(tmp_path):
    options = {"masses": 2000.0, "initial": Fixed(-40.0, 20.0), "step": 20.0, "steps": 2,
               "count": 2, "seed": 1, "store": tmp_path}  # fmt: skip

    def wall(slope):
        return Hamiltonian.from_matrix([[f"0.01*tanh({slope}*x)", 0.001], [0.001, 0.02]])

    assert wall(2.0)(-40.0).tobytes() == wall(3.0)(-40.0).tobytes()
    run_trajectories(wall(2.0), **options)
    with pytest.raises(ValueError, match="its `hamiltonian` is"):
        run_trajectories(wall(3.0), **options)


def test_another_version_is_not_mixed_in(tmp_path, monkeypatch):
    from anticrossing.molecules.trajectories import _store

    small(store=tmp_path)
    monkeypatch.setattr(_store, "__version__", "0.0.1")
    with pytest.raises(ValueError, match=r"must hold this ensemble, but its `version` is"):
        small(store=tmp_path)


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
