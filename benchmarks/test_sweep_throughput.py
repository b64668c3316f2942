"""A million passages through a crossing: one batch here, two processes, a Dask cluster, and a kill.

Each way runs in a process of its own, which tells its times and its peak memory:

    python benchmarks/test_sweep_throughput.py WAY POINTS STORE
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anticrossing import studies

POINTS = 1_000_000
CORES = 2
FRACTION = 0.8  # of the speed of one batch, for the same processor time
MEMORY = 400.0  # MB, of the process that hands out the work; one batch takes several GB
FILE = """
hamiltonian = {{ model = "LandauZener", gap = 1.0 }}
drive = {{ kind = "linear", start = -20, stop = 20, rate = 1.0 }}
question = {{ tolerance = 1e-6 }}

[sweep]
parameters = [
  {{ parameter = "hamiltonian.gap", from = 0.1, to = 1.0, points = {gaps} }},
  {{ parameter = "drive.rate", from = 1.0, to = 10.0, points = {rates} }},
]
"""


def study(points: int, chunk_size: int | None = None) -> studies.Study:
    """Return the sweep over gaps and rates."""
    gaps = round(points**0.5)
    text = FILE.format(gaps=gaps, rates=points // gaps)
    if chunk_size is not None:
        text = text.replace("[sweep]", f"[sweep]\nchunk_size = {chunk_size}")
    return studies.parse(text)


def compute(way: str, points: int, store: Path) -> dict[str, Any]:
    """Sweep one way; return points per second of time and of processors, memory, and a digest."""
    studies.sweep(study(100), progress=False)  # kernels are compiled, or loaded
    told: list[int] = []
    begun, processor = time.perf_counter(), time.process_time()

    def sweep(**options: Any) -> Any:
        return studies.sweep(
            study(points, options.pop("chunk_size", None)),
            progress=lambda done, total: told.append(done),
            **options,
        )

    if way == "one batch":
        result = sweep(chunk_size=points)
    elif way == "processes":
        result = sweep(store=store, executor=CORES)
    else:
        import distributed

        with (
            distributed.LocalCluster(CORES, threads_per_worker=1, dashboard_address=":0") as local,
            distributed.Client(local) as client,
        ):
            client.wait_for_workers(CORES)  # a cluster is there before it is given work
            begun = time.perf_counter()
            result = sweep(store=store, executor=client)
    wall = time.perf_counter() - begun
    own = time.process_time() - processor
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3  # MB, before the result is read
    return {
        "points": int(result.status.size),
        "first told": told[0],
        "wall": wall,
        "own processor time": own,
        "processor time": own + children.ru_utime + children.ru_stime,
        "memory": peak,
        "failed": int((result.status != 1).sum()),
        "digest": hashlib.sha256(result.probability.values.tobytes()).hexdigest(),
    }


def start(way: str, points: int, store: Path) -> subprocess.Popen[str]:
    """Sweep one way in another process."""
    command = [sys.executable, __file__, way, str(points), str(store)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a process told."""
    output, _ = process.communicate()
    assert process.returncode == 0
    return dict(json.loads(output))


def chunks(store: Path) -> dict[Path, int]:
    """Return the finished chunks of a store, and when each was written."""
    found = (path for path in (store / "status" / "c").rglob("*") if path.is_file())
    return {path: os.stat(path).st_mtime_ns for path in found}


def killed_half_way(points: int, store: Path) -> tuple[int, dict[Path, int]]:
    """Kill a sweep on processes; return the points that are finished, and their chunks."""
    import xarray

    process = start("processes", points, store)
    while process.poll() is None and len(chunks(store)) < 100:  # of about 200
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with xarray.open_zarr(store, chunks=None) as left:
        return int((left.status == 1).sum()), chunks(store)


def test_a_million_points(
    benchmark: Any, report: Callable[[str, dict[str, Any]], None], tmp_path: Path
) -> None:
    def measure() -> dict[str, dict[str, Any]]:
        ways = ("one batch", "processes", "dask")
        return {way: finished(start(way, POINTS, tmp_path / way)) for way in ways}

    found = benchmark.pedantic(measure, rounds=1)
    done, before = killed_half_way(POINTS, tmp_path / "killed")
    found["resumed"] = finished(start("processes", POINTS, tmp_path / "killed"))
    after = chunks(tmp_path / "killed")
    one = found["one batch"]
    for way, figures in found.items():
        computed = figures["points"] - (done if way == "resumed" else 0)
        figures["speed"] = computed / figures["wall"]
        figures["efficiency"] = (computed / figures["processor time"]) / (
            one["points"] / one["processor time"]
        )
        report(
            f"{computed} points, {way}",
            {
                "points per second": round(figures["speed"]),
                "of one batch": figures["speed"] / (one["points"] / one["wall"]),
                "per processor time": figures["efficiency"],
                "handing out": f"{figures['own processor time']:.1f} s",
                "peak memory": f"{figures['memory']:.0f} MB",
            },
        )
    assert len({figures["digest"] for figures in found.values()}) == 1
    assert not any(figures["failed"] for figures in found.values())
    assert 0 < done < POINTS
    assert found["resumed"]["first told"] > done
    assert {path: after[path] for path in before} == before  # nothing is computed again
    for way in ("processes", "dask", "resumed"):
        assert found[way]["efficiency"] >= FRACTION
        assert found[way]["memory"] <= MEMORY
    assert found["processes"]["speed"] > one["points"] / one["wall"]


if __name__ == "__main__":
    print(json.dumps(compute(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
