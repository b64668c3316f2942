"""Whatever stops a sweep, what it has finished stays, and the rest comes out the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import xarray

import anticrossing.sweeps as sweeps
from anticrossing import Dephasing, InputError, models, propagate
from anticrossing.drive import Linear
from anticrossing.sweeps import SweepError, zarr_store
from tests.sweeps import points

ROOT = Path(__file__).parents[2]


def files(store: Path) -> dict[str, bytes]:
    """Every file of a store but the lock."""
    found = {str(p.relative_to(store)): p for p in store.rglob("*") if p.is_file()}
    return {name: p.read_bytes() for name, p in found.items() if ".sweep" not in name}


def chunks(store: Path) -> int:
    """How many chunks are finished."""
    return sum(1 for p in (store / "status" / "c").rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the sweep that nobody interrupted."""
    store = tmp_path_factory.mktemp("whole") / "store.zarr"
    points.sweep_noisy(store)
    return store


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A process that forks one that sweeps into the store it is told."""
    command = [sys.executable, "-c", "from tests.sweeps import points; points.serve()"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def start(store: Path) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        print(store, file=process.stdin, flush=True)
        return int(process.stdout.readline())

    yield start
    with process:
        assert process.stdin is not None
        process.stdin.close()


def kill_at_random(start: Any, store: Path, rng: np.random.Generator) -> int:
    """Kill a sweep after a random number of chunks and a random time."""
    wanted, delay = rng.integers(0, 79), rng.uniform(0, 0.012)
    child = start(store)
    deadline = time.monotonic() + 60
    while wanted and chunks(store) < wanted and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    return chunks(store)


@pytest.mark.parametrize(
    "case", [1, *(pytest.param(k, marks=pytest.mark.slow) for k in (0, *range(2, 20)))]
)
def test_a_killed_sweep_resumes_to_the_same_bits(
    case: int, server: Any, whole: Path, tmp_path: Path
) -> None:
    store, rng = tmp_path / "store.zarr", np.random.default_rng([20, case])
    left = kill_at_random(server, store, rng)
    assert left < 80
    if case % 3 == 0:  # killed again while it resumes
        left = max(left, kill_at_random(server, store, rng))
    counted: list[int] = []
    result = points.sweep_noisy(store, progress=lambda done, total: counted.append(done))
    if case % 3:
        assert counted[0] == points.CHUNK * (left + 1)  # nothing finished is computed again
    assert files(store) == files(whole)
    xarray.testing.assert_identical(result.load(), xarray.open_zarr(whole, chunks=None).load())


@pytest.mark.slow
def test_every_prefix_of_the_writes_is_a_store_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop after each single write, without a process to kill."""
    grid = {"gap": [0.5, -1.0, 1.0, 2.0]}

    def function(gap: float) -> dict[str, Any]:
        if gap < 0:
            raise ValueError("negative")
        return {"a": gap, "b": [gap, 1j]}

    def run(store: Path) -> Any:
        return sweeps.sweep(function, grid=grid, store=store, chunk_size=1, progress=False)

    class Killed(BaseException):
        pass

    run(tmp_path / "whole")
    original = zarr_store.ZarrStore._replace
    for stop in range(100):
        store, count = tmp_path / f"store-{stop}", 0

        def replace(self: Any, key: str, name: str = "", stop: int = stop) -> None:
            nonlocal count
            if count == stop:
                (self.path / "status" / ".sweep" / "partial").write_bytes(b"half")
                raise Killed
            count += 1
            original(self, key, name)

        monkeypatch.setattr(zarr_store.ZarrStore, "_replace", replace)
        try:
            run(store)
        except Killed:
            monkeypatch.setattr(zarr_store.ZarrStore, "_replace", original)
            run(store)
            assert files(store) == files(tmp_path / "whole"), stop
        else:
            break
        shutil.rmtree(store)
    assert stop > 15


# ---- one store, one sweep ------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_on_one_store_are_refused(server: Any, whole: Path, tmp_path: Path) -> None:
    store = tmp_path / "store.zarr"
    child = server(store)
    while not chunks(store):
        time.sleep(0.001)
    with pytest.raises(SweepError, match="in use: another process is writing it"):
        points.sweep_noisy(store)
    os.kill(child, signal.SIGKILL)  # leaves no lock behind
    while Path(f"/proc/{child}").exists():
        time.sleep(0.001)
    points.sweep_noisy(store)
    assert files(store) == files(whole)


def small(store: Path, function: Any = points.jump, **options: Any) -> Any:
    settings: dict[str, Any] = {"grid": {"gap": [0.5, 1.0], "rate": [1.0, 2.0, 3.0]}}
    return sweeps.sweep(function, store=store, progress=False, **{**settings, **options})


def other_jump(gap: float, rate: float) -> float:
    return gap * rate


def power(gap: float, rate: float, exponent: int = 2) -> float:
    return gap**exponent * rate


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        (
            {"grid": {"gap": [0.5, 1.0], "rate": [1.0, 2.5, 3.0]}},
            r"`rate`\[1\] is 2.0 there and 2.5 here",
        ),
        ({"grid": {"gap": [0.5], "rate": [1.0, 2.0, 3.0]}}, "`gap` has 2 values there and 1 here"),
        ({"grid": {"rate": [1.0, 2.0, 3.0], "gap": [0.5, 1.0]}}, "list of axes is gap"),
        (
            {"grid": {"gap": [0.5, 1.0], "rate": [1, 2, 3]}},
            "`rate` is of type float64 there and int64",
        ),
        (
            {"function": other_jump},
            "function is tests.sweeps.points.jump there and tests.*other_jump",
        ),
        ({"units": {"gap": "GHz"}}, "unit of `gap` is not given there and GHz here"),
    ],
)
def test_the_store_of_another_sweep_is_refused(
    changes: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    small(tmp_path / "store")
    before = files(tmp_path / "store")
    with pytest.raises(InputError, match=f"belongs to another sweep: .*{difference}"):
        small(tmp_path / "store", **changes)
    assert files(tmp_path / "store") == before


def test_a_function_that_was_changed_is_noticed(tmp_path: Path) -> None:
    def scaled(factor: float) -> Any:
        return lambda gap, rate: factor * gap * rate

    small(tmp_path / "store", scaled(1.0))
    small(tmp_path / "store", scaled(1.0))
    with pytest.raises(InputError, match="the code of the function"):
        small(tmp_path / "store", scaled(2.0))


def carrying(thing: Any) -> Any:
    """Return a function of a point that carries something in its closure."""
    return lambda gap, rate: gap if thing is None else rate


def scaling(factor: float) -> Any:
    return lambda x: factor * x


def object_with(number: float) -> Any:
    """Return an object of a local class, which refers to itself."""

    class Own:
        scale = number

    made: Any = Own()
    made.parts = [made]
    return made


@pytest.mark.quick(4)
@pytest.mark.parametrize(
    ("make", "values"),
    [
        (Dephasing, (0.1, 3.0)),
        (lambda x: pandas.DataFrame({"a": [1.0, x], "b": ["x", "y"]}), (1.0, 2.0)),
        (scaling, (1.0, 3.0)),
        (object_with, (1.0, 3.0)),
        (lambda hidden: np.ma.array([1.0, 2.0], mask=[False, hidden]), (False, True)),
        (lambda x: np.array([x, None], dtype=object), (1.0, 2.0)),
        (lambda x: [[].append, x, 10**5000], (1, 2)),
    ],
)
def test_what_a_function_carries_belongs_to_the_sweep(
    make: Any, values: tuple[Any, Any], tmp_path: Path
) -> None:
    small(tmp_path / "store", carrying(make(values[0])))
    small(tmp_path / "store", carrying(make(values[0])))
    with pytest.raises(InputError, match="belongs to another sweep: the code of the function"):
        small(tmp_path / "store", carrying(make(values[1])))


def test_an_object_that_was_used_is_the_same(tmp_path: Path) -> None:
    hamiltonian, drive = models.LandauZener(gap=1.0), Linear(-5, 5, rate=1.0)
    small(tmp_path / "store", carrying([hamiltonian, drive]))
    propagate(hamiltonian, drive)
    small(tmp_path / "store", carrying([hamiltonian, drive]))


def test_what_cannot_be_compared_is_refused_before_any_work(tmp_path: Path) -> None:
    function = carrying(number for number in range(3))
    with pytest.raises(InputError, match=r"`function` must carry only what .* builtins\.generator"):
        small(tmp_path / "store", function)
    assert not (tmp_path / "store").exists()
    small(tmp_path / "store", function, resume=False)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InputError, match="nested too deeply"):
        small(tmp_path / "deep", carrying(deep))


def test_another_seed_or_chunk_size_is_refused(tmp_path: Path) -> None:
    def noise(gap: float, rng: np.random.Generator) -> float:
        return rng.normal()

    settings: dict[str, Any] = {"grid": {"gap": np.arange(10)}, "store": tmp_path / "store"}
    sweeps.sweep(noise, seed=1, chunk_size=2, progress=False, **settings)
    with pytest.raises(InputError, match="the seed is 1 there and 2 here"):
        sweeps.sweep(noise, seed=2, progress=False, **settings)
    with pytest.raises(InputError, match=r"Argument `chunk_size` must be that of the store"):
        sweeps.sweep(noise, seed=1, chunk_size=3, progress=False, **settings)
    sweeps.sweep(noise, seed=1, chunk_size=2, progress=False, **settings)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path / "store")
    versions = {**sweeps.provenance.versions(), "numpy": "1.0"}
    monkeypatch.setattr(sweeps.provenance, "versions", lambda: versions)
    with pytest.raises(
        InputError, match=f"version of numpy is {np.__version__} there and 1.0 here"
    ):
        small(tmp_path / "store")


@pytest.mark.parametrize("content", ["notes.txt", "zarr.json", "status/notes.txt"])
def test_a_directory_that_holds_something_else_is_left_alone(content: str, tmp_path: Path) -> None:
    (tmp_path / "store" / content).parent.mkdir(parents=True)
    (tmp_path / "store" / content).write_text("{}")
    with pytest.raises(InputError, match="but it holds something else"):
        small(tmp_path / "store")
    assert [p for p in (tmp_path / "store").rglob("*") if p.is_file()] == [
        tmp_path / "store" / content
    ]


def test_a_file_is_no_store_and_a_store_is_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"Argument `store` must be the path of a directory"):
        small(tmp_path / "file")
    small(tmp_path / "store")
    with pytest.raises(InputError, match="exists already: resume it, or choose another"):
        small(tmp_path / "store", resume=False)


# ---- a disk that refuses -------------------------------------------------------------------------


def test_a_full_disk_is_one_line_and_an_intact_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses files above a size: what `write` does is what it does on a full disk."""
    import resource

    def grows(index: int) -> Any:
        size = 100_000
        rng = np.random.default_rng(index)
        return np.zeros(size) if index < 5 else rng.normal(size=size)

    def run(store: Path) -> Any:
        grid = {"index": np.arange(8)}
        return sweeps.sweep(grows, grid=grid, store=store, chunk_size=1, progress=False)

    run(tmp_path / "whole")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(SweepError) as caught:
            run(tmp_path / "store")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    message = str(caught.value)
    assert "cannot be written: File too large; what is finished is kept." in message
    assert "\n" not in message
    stored = xarray.open_zarr(tmp_path / "store", chunks=None)
    assert stored.status.values.tolist() == [1] * 5 + [0] * 3
    run(tmp_path / "store")
    assert files(tmp_path / "store") == files(tmp_path / "whole")


def test_no_space_left_at_any_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path / "whole", chunk_size=2)
    count = 0

    def fsync(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count % 4 == 0:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    message = "cannot be written: No space left on device"
    for _ in range(5):  # each time a few files further
        with pytest.raises(SweepError, match=message):
            small(tmp_path / "store", chunk_size=2)
        assert not list((tmp_path / "store" / "status" / ".sweep").glob("partial*"))
    monkeypatch.undo()
    small(tmp_path / "store", chunk_size=2)
    assert files(tmp_path / "store") == files(tmp_path / "whole")


def test_an_alarm_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Alarm(Exception):
        pass

    def ring(*_: Any, **__: Any) -> None:
        raise Alarm

    small(tmp_path / "store")
    monkeypatch.setattr(zarr_store, "_array", ring)
    with pytest.raises(Alarm):
        small(tmp_path / "store")


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        target = tmp_path / "store"
    else:  # nothing is forbidden to root, but /proc takes no files from anybody
        target = Path("/proc/store")
    with pytest.raises(SweepError, match=r"The store .*store cannot be written: [A-Z].*\.$"):
        small(target)


# ---- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("executor", [None, 2])
def test_ctrl_c_leaves_a_store_to_resume(executor: int | None, tmp_path: Path) -> None:
    store = tmp_path / "store"
    code = (
        "import numpy, anticrossing.sweeps as s; from tests.sweeps import points\n"
        "if __name__ == '__main__':\n"
        "  try:\n"
        "    s.sweep(points.sleeper, grid={'index': numpy.arange(40)}, chunk_size=5,\n"
        f"      store={str(store)!r}, executor={executor}, progress=False)\n"
        "  except KeyboardInterrupt as stop: print(stop)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while chunks(store) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    try:
        out, err = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert out == f"interrupted: 20 of 40 points are finished in {store}; resume it\n"
    assert err == ""
