"""Kill and interrupt sweeps at random moments: the store must come out the same, to the last bit.

    python -m fuzz.kills --pool 30 --dask 30 --interrupts 100 --parents 10

A pool worker, a Dask worker, or the sweeping process itself is killed, or the latter interrupted as
by Ctrl-C. Then the sweep goes on until it is complete, and its files are compared with those of a
sweep that nobody disturbed. No process may be left after 10 s.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
MARK = "ANTICROSSING_KILLS"
GRACE = 10.0  # seconds until whatever belonged to a sweep must have ended
LIMIT = 180.0  # seconds for one sweep


def point(gap: float, rate: float, rng: Any) -> dict[str, Any]:
    """Random numbers and some failures, slowly enough to be disturbed."""
    time.sleep(1e-3)
    if 1.0 < gap < 1.1 and rate > 5:
        raise ArithmeticError(f"no value at rate {rate:.3g}")
    jump = np.exp(-np.pi * gap**2 / (2 * rate))
    return {"jump": jump + rng.normal(scale=0.01), "amplitudes": [jump**0.5, 1j * gap]}


def sweep(store: Path, executor: Any = None) -> None:
    """Run the sweep, or what is missing of it."""
    from anticrossing.sweeps import sweep as run
    from fuzz import kills

    grid = {"gap": np.linspace(0.1, 2.0, 20), "rate": np.geomspace(0.1, 10.0, 25)}
    run(kills.point, grid=grid, seed=7, store=store, chunk_size=25, executor=executor,
        progress=False)  # fmt: skip


def files(store: Path) -> dict[str, bytes]:
    """Return every file of a store but the lock."""
    found = {str(p.relative_to(store)): p for p in store.rglob("*") if p.is_file()}
    return {name: p.read_bytes() for name, p in found.items() if ".sweep" not in name}


def belonging(mark: str) -> dict[int, str]:
    """Return the processes with a mark in their environment, and their command lines."""
    found = {}
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if (
                place.name.isdigit()
                and f"{MARK}={mark}".encode() in (place / "environ").read_bytes()
            ):
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(place.name)] = command
    return found


def _workers(mark: str, kind: str) -> list[int]:
    """Return the processes that compute."""
    word = {"pool": "spawn_main", "dask": "fuzz.kills --worker"}[kind]
    return [number for number, command in belonging(mark).items() if word in command]


def start(mark: str, *arguments: str, said: Any = None) -> subprocess.Popen[str]:
    """Start this file in a process of its own, in a session of its own.

    What it says goes to a file: orphans would keep a pipe open.
    """
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "fuzz.kills", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=said or subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PYTHONPATH": path, MARK: mark},
    )  # fmt: skip


def _wait_for(what: Callable[[], Any], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return bool(what())


@contextlib.contextmanager
def cluster(folder: Path, mark: str) -> Iterator[str]:
    """Run a Dask scheduler and two workers that are started again when they are killed."""
    place = folder / "scheduler"
    process = start(mark, "--cluster", str(place))
    try:
        if not _wait_for(place.exists, 60):
            raise RuntimeError("no Dask scheduler")
        yield place.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _disturb(kind: str, mark: str, process: subprocess.Popen[str], store: Path, rng: Any) -> bool:
    """Wait for a random moment, then kill or interrupt; return whether there was whom to."""
    wanted = rng.randrange(0, 20)  # chunks, of 20
    status = store / "status" / "c"

    def ripe() -> bool:
        done = process.poll() is not None
        return done or sum(p.is_file() for p in status.rglob("*")) >= wanted

    if wanted:
        _wait_for(ripe, LIMIT)
    time.sleep(rng.uniform(0, 0.05) if wanted else rng.uniform(0, 3.0))
    if kind in ("pool", "dask"):
        victims = _workers(mark, kind)
        if not victims or process.poll() is not None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(victims), signal.SIGKILL)
            return True
        return False
    if process.poll() is not None:
        return False
    if kind == "interrupt":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    else:
        process.kill()
    return True


def trial(kind: str, number: int, folder: Path, whole: dict[str, bytes]) -> tuple[bool, str]:
    """Disturb one sweep and complete it; return whether it was disturbed, and what was wrong."""
    rng, hit = random.Random(f"{kind} {number}"), False
    mark, store = f"{os.getpid()}-{kind}-{number}", folder / f"{kind}-{number}"
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(cluster(folder, mark)) if kind == "dask" else ""
        executor = address or ("" if kind == "interrupt" and number % 2 else "2")
        said = stack.enter_context((folder / "said").open("w+"))
        process = start(mark, "--sweep", str(store), "--executor", executor, said=said)
        try:
            hit = _disturb(kind, mark, process, store, rng)
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return hit, f"not finished after {LIMIT:g} s"
        finally:
            process.kill()
        said.seek(0)
        if kind in ("pool", "dask") and process.returncode:
            return hit, f"the sweep did not survive its worker: {said.read()[-300:]}"
        if kind == "interrupt" and process.returncode in (-signal.SIGSEGV, -signal.SIGABRT):
            return hit, f"ended by signal {-process.returncode}"
    if not _wait_for(lambda: not belonging(mark), GRACE):
        left = belonging(mark)
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return hit, f"left after {GRACE:g} s: {left}"
    sweep(store)
    wrong = "" if files(store) == whole else "the store is another one"
    shutil.rmtree(store)
    (folder / "scheduler").unlink(missing_ok=True)
    return hit, wrong


def campaign(counts: dict[str, int], folder: Path, say: Callable[[str], object]) -> list[str]:
    """Run trials until as many as wanted were disturbed; return what was wrong."""
    sweep(folder / "whole")
    whole, failures = files(folder / "whole"), list[str]()
    for kind, wanted in counts.items():
        hits = number = 0
        begun = time.monotonic()
        while hits < wanted and number < 3 * wanted:
            hit, wrong = trial(kind, number, folder, whole)
            number += 1
            hits += hit
            if wrong:
                failures.append(f"{kind} {number - 1}: {wrong}")
                say(failures[-1])
        if hits < wanted:
            failures.append(f"{kind}: only {hits} of {wanted} were disturbed")
        took = time.monotonic() - begun
        say(f"{kind}: {hits} of {number} sweeps disturbed, {took:.0f} s")
    return failures


def _serve(place: Path) -> None:
    """Run a Dask scheduler here, and two workers, until terminated."""
    import distributed

    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with distributed.LocalCluster(
        n_workers=0, processes=False, dashboard_address=":0", protocol="tcp"
    ) as local:
        workers: list[subprocess.Popen[str]] = []
        try:
            while True:
                workers = [worker for worker in workers if worker.poll() is None]
                while len(workers) < 2:
                    workers.append(start(os.environ[MARK], "--worker", local.scheduler_address))
                if not place.exists() and len(local.scheduler.workers) == 2:
                    partial = place.with_suffix(".partial")
                    partial.write_text(local.scheduler_address)
                    partial.replace(place)
                time.sleep(0.05)
        finally:
            for worker in workers:
                worker.kill()


def _work(address: str) -> None:
    """Be a Dask worker."""
    import asyncio

    import distributed

    async def run() -> None:
        async with distributed.Worker(address, nthreads=1, dashboard=False) as worker:
            await worker.finished()

    asyncio.run(run())


def main() -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.kills", description=__doc__)
    kinds = {"pool": "pool", "dask": "dask", "interrupts": "interrupt", "parents": "parent"}
    for option in kinds:
        parser.add_argument(f"--{option}", type=int, default=0, metavar="N")
    for option in ("--sweep", "--executor", "--cluster", "--worker"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cluster:
        _serve(Path(given.cluster))
        return 0
    if given.worker:
        _work(given.worker)
        return 0
    if given.sweep:
        executor = given.executor or None
        sweep(Path(given.sweep), int(executor) if executor and executor.isdigit() else executor)
        return 0
    counts = {kind: getattr(given, option) for option, kind in kinds.items()}
    with tempfile.TemporaryDirectory() as folder:
        failures = campaign(
            {kind: count for kind, count in counts.items() if count},
            Path(folder),
            lambda line: print(line, flush=True),
        )
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
