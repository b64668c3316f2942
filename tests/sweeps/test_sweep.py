"""What a sweep returns, and that nobody who computes it changes a bit."""

from __future__ import annotations

import asyncio
import concurrent.futures
import pickle
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from hypothesis import given, strategies as st

import anticrossing as ac
import anticrossing.sweeps as sweeps
from anticrossing import InputError
from anticrossing.sweeps import SweepError, Zip, executors
from anticrossing.sweeps.grid import Chunks
from tests.sweeps import points

GRID: dict[str, Any] = {"gap": np.linspace(0.1, 2.0, 6), "rate": np.geomspace(0.1, 10.0, 7)}


def run(function: Any, grid: Any = GRID, **options: Any) -> xarray.Dataset:
    return sweeps.sweep(function, grid=grid, **{"progress": False, **options})


# ---- what comes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("vectorised", [False, True])
def test_values_stand_where_their_parameters_are(
    stored: bool, vectorised: bool, tmp_path: Path
) -> None:
    def function(gap: Any, rate: Any) -> dict[str, Any]:
        return {"jump": points.jump(gap, rate), "both": np.stack([gap, 1j * rate], axis=-1)}

    store = tmp_path / "store" if stored else None
    result = run(function, vectorised=vectorised, store=store, chunk_size=5, units={"gap": "GHz"})
    gap, rate = np.meshgrid(GRID["gap"], GRID["rate"], indexing="ij")
    np.testing.assert_allclose(result.jump, np.exp(-np.pi * gap**2 / (2 * rate)), rtol=1e-15)
    np.testing.assert_array_equal(result.both, np.stack([gap, 1j * rate], axis=-1))
    assert result.jump.dims == ("gap", "rate")
    assert result.both.dims == ("gap", "rate", "both_axis_0")
    assert result.both.dtype == np.complex128
    assert result.gap.attrs["units"] == "GHz"
    assert (result.status == 1).all()
    assert (result.message == "").all()


def test_a_store_opens_without_this_package_and_equals_the_result_in_memory(tmp_path: Path) -> None:
    grid = {"kind": ["fast", "slow"], "path": Zip(gap=[2.0, 1.0, 2.0], count=[1, 2, 3])}

    def function(kind: str, gap: float, count: int) -> dict[str, Any]:
        assert (type(kind), type(gap), type(count)) == (str, float, int)
        if kind == "slow" and count == 2:
            raise ValueError("two\nlines at 0x7f0012345678")
        return {"a": gap * count, "b": [[count, gap]]}

    options: dict[str, Any] = {"output_dims": {"b": ("row", "column")}, "units": {"a": "eV"}}
    memory = run(function, grid, **options)
    run(function, grid, store=tmp_path / "store", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = xarray.open_zarr(tmp_path / "store", chunks=None).load()
    assert stored.attrs.pop("outputs") == ["a", "b"]
    xarray.testing.assert_identical(stored, memory)
    assert set(stored.coords) == {"kind", "gap", "count"}
    assert stored["gap"].dims == ("path",)
    assert stored["b"].dims == ("kind", "path", "row", "column")
    assert str(stored.message[1, 1].values) == "ValueError: two lines at 0x…"
    assert np.isnan(stored["a"][1, 1])
    assert np.isnan(stored["b"][1, 1]).all()
    assert stored.status.values.tolist() == [[1, 1, 1], [1, 2, 1]]


@pytest.mark.parametrize(
    "grid", [{"gap": [2.0, 1.0], "rate": [3.0, 4.0]}, Zip(gap=[2.0, 1.0], rate=[3.0, 4.0])]
)
def test_zipped_parameters_vary_together(grid: Any) -> None:
    result = run(points.jump, grid, zipped=isinstance(grid, dict))
    assert result.value.dims == ("point",)
    expected = np.exp(-np.pi * np.array([4.0, 1.0]) / (2 * np.array([3.0, 4.0])))
    np.testing.assert_allclose(result.value, expected, rtol=1e-15)
    assert result.gap.dims == ("point",)


def test_a_grid_is_a_copy_that_does_not_change() -> None:
    flags, names = np.array([True, False]), np.array(["a", "b"])
    zipped = Zip(g=flags, h=names)
    result = run(lambda g, h, k: 1.0, {"p": zipped, "k": [1.0]})
    flags[:], names[:] = True, "c"
    assert result.g.values.tolist() == [True, False]
    assert result.h.values.tolist() == ["a", "b"]
    result.g.values[0] = False  # it belongs to the caller, and to nobody else
    assert zipped.parameters["g"].tolist() == [True, False]
    with pytest.raises(ValueError, match="read-only"):
        zipped.parameters["g"][0] = False
    with pytest.raises(TypeError):
        zipped.parameters["g"] = flags  # type: ignore[index]
    with pytest.raises(AttributeError):
        zipped.more = 1
    assert repr(pickle.loads(pickle.dumps(zipped))) == "Zip(g, h) [2 points]"


def test_attributes_say_where_it_comes_from_but_neither_when_nor_on_which_machine() -> None:
    import os
    import socket

    first, second = run(points.jump), run(points.jump)
    assert first.attrs == second.attrs
    assert first.attrs["function"] == "tests.sweeps.points.jump"
    assert '"numpy"' in first.attrs["versions"]
    assert socket.gethostname() not in str(first.attrs)
    assert os.getcwd() not in str(first.attrs)


# ---- failures ------------------------------------------------------------------------------------


def test_the_first_point_that_succeeds_says_what_the_others_must_be() -> None:
    answers: list[Any] = [
        None, {"a": 1.0, "b": [1, 2]}, {"a": 1.0}, {"a": 1j, "b": [1, 2]},
        {"a": 1.0, "b": [1, 2, 3]}, {"a": 1, "b": [1, 2], "c": 0}, {"b": [3, True], "a": 2},
        {"a": "x", "b": [1, 2]}, {},
    ]  # fmt: skip
    result = run(lambda k: answers[k], {"k": np.arange(9)}, chunk_size=2)
    assert result.status.values.tolist() == [2, 1, 2, 2, 2, 2, 1, 2, 2]
    reasons = [str(m).partition(": ")[2] or str(m) for m in result.message.values]
    assert reasons == [
        "the output `value` must hold numbers, but it is of type NoneType",
        "",
        "the output `b` is missing, which the first point gave",
        "the output `a` is complex, but it was real at the first point",
        "the output `b` has the shape (3,), but (2,) at the first point",
        "the output `c` is none of those of the first point",
        "",
        "the output `a` must hold numbers, but it is of type str",
        "the function returned nothing",
    ]
    assert result.b[6].values.tolist() == [3.0, 1.0]


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Stubborn:
    """Cannot be sent to another process, and says so in its own way."""

    def __call__(self, gap: float, rate: float) -> float:
        return gap

    def __reduce__(self) -> Any:
        raise ValueError("no")


@pytest.mark.parametrize("vectorised", [False, True])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Mute(), "Mute"),
        (ValueError("caf\udce9\0"), r"ValueError: caf\udce9\x00"),
        (SystemExit(3), "SystemExit: 3"),
        (GeneratorExit(), "GeneratorExit"),
        (asyncio.CancelledError(), "CancelledError"),
        (
            np.ma.array([1.0], mask=[True]),
            "ValueError: the output `value` must hold numbers, but some of it is masked",
        ),
        (
            np.ones((1,) * 64),
            "ValueError: the output `value` must have at most 32 axes, but it has 64",
        ),
    ],
)
def test_whatever_ends_a_point_the_others_go_on(
    answer: Any, message: str, vectorised: bool, tmp_path: Path
) -> None:
    def function(k: Any) -> Any:
        if np.any(k == 1):
            if isinstance(answer, BaseException):
                raise answer
            return answer
        return k

    settings: dict[str, Any] = {"store": tmp_path / "store", "vectorised": vectorised}
    result = run(function, {"k": np.arange(3)}, **settings)
    assert result.status.values.tolist() == [1, 2, 1]
    assert str(result.message[1].values) == message


def test_one_bad_point_of_a_vectorised_chunk_fails_alone() -> None:
    def function(gap: Any, rate: Any) -> Any:
        if np.any((gap > 1.9) & (rate > 9)):
            raise FloatingPointError("too fast")
        return points.jump(gap, rate)

    result = run(function, vectorised=True, chunk_size=42)
    assert int((result.status == 2).sum()) == 1
    assert result.status[-1, -1] == 2
    good = run(points.jump, vectorised=True).value.where(result.status == 1)
    np.testing.assert_array_equal(result.value, good)
    wrong = run(lambda gap, rate: np.sum(gap), vectorised=True)
    assert "must have 1 as its first dimension" in str(wrong.message[0, 0].values)


def test_a_sweep_of_failures_only_has_no_outputs(tmp_path: Path) -> None:
    result = run(lambda gap, rate: 1 / 0, store=tmp_path / "store")
    assert set(result) == {"status", "message"}
    assert (result.message == "ZeroDivisionError: division by zero").all()
    assert set(run(lambda gap, rate: 1 / 0)) == {"status", "message"}


def test_failures_are_computed_again_when_asked(tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    calls = []

    def function(gap: float, rate: float) -> float:
        calls.append(gap)
        if gap > 1 and not mended.exists():
            raise OSError("no licence")
        return gap * rate

    store = tmp_path / "store"
    first = run(function, store=store, chunk_size=3).load()
    assert int((first.status == 2).sum()) == 3 * 7
    mended.touch()
    calls.clear()
    xarray.testing.assert_identical(run(function, store=store).load(), first)
    assert not calls
    second = run(function, store=store, retry_failures=True).load()
    assert len(calls) == 3 * 7
    assert (second.status == 1).all()
    assert (second.message == "").all()
    np.testing.assert_array_equal(second.value, np.outer(GRID["gap"], GRID["rate"]))


# ---- random functions ----------------------------------------------------------------------------


def test_random_numbers_depend_on_the_seed_and_the_point_only() -> None:
    def one(gap: float, rate: float, rng: np.random.Generator) -> Any:
        return rng.normal(size=2)

    def many(gap: Any, rate: Any, rng: Any) -> Any:
        return np.array([r.normal(size=2) for r in rng])

    first = run(one, seed=3)
    np.testing.assert_array_equal(first.value, run(one, seed=3, chunk_size=1).value)
    np.testing.assert_array_equal(first.value, run(many, seed=3, vectorised=True).value)
    assert np.unique(first.value).size == first.value.size
    assert not np.any(first.value == run(one, seed=4).value)
    child = np.random.SeedSequence(3).spawn(10)[9]  # what `spawn` gives point 9 of the grid
    np.testing.assert_array_equal(
        first.value.values.reshape(-1, 2)[9], np.random.default_rng(child).normal(size=2)
    )


# ---- who computes it -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.mark.slow
def test_chunk_size_executor_and_threads_change_no_bit(cluster: Any, tmp_path: Path) -> None:
    grid = {"gap": np.linspace(0.1, 1.0, 5), "rate": np.linspace(0.0, 1.0, 6)}
    reference = run(points.eigenvalues, grid, chunk_size=30)
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        others = [
            run(points.eigenvalues, grid, chunk_size=1),
            run(points.eigenvalues, grid, chunk_size=4, executor=threads),
            run(points.eigenvalues, grid, chunk_size=7, executor=2),
            run(points.eigenvalues, grid, chunk_size=5, executor=cluster),
            run(points.eigenvalues, grid, executor=cluster.scheduler.address, store=tmp_path / "s"),
        ]
    import threadpoolctl

    for threads_of_blas in (1, 2):
        with threadpoolctl.threadpool_limits(threads_of_blas):
            others.append(run(points.eigenvalues, grid, chunk_size=3))
    for other in others:
        other.attrs.pop("outputs", None)
        xarray.testing.assert_identical(other.load(), reference)


@pytest.mark.parametrize("executor", [None, 2])
def test_stores_are_the_same_files_whoever_writes_them(executor: Any, tmp_path: Path) -> None:
    from tests.sweeps.test_kill import files

    run(points.jump, store=tmp_path / "a", chunk_size=3)
    run(points.jump, store=tmp_path / "b", chunk_size=3, executor=executor)
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    import os
    import signal

    grid = {"index": np.arange(100)}
    counted: list[int] = []

    def progress(done: int, total: int) -> None:
        counted.append(done)
        if len(counted) in (4, 9):
            victim = next(iter(cluster.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)

    result = sweeps.sweep(
        points.slow_square,
        grid=grid,
        store=tmp_path / "store",
        executor=cluster,
        chunk_size=2,
        progress=progress,
    )
    assert counted[-1] == 100
    np.testing.assert_array_equal(result.value, np.arange(100.0) ** 2)
    assert (result.status == 1).all()


def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    grid = {"index": np.arange(12), "folder": [str(tmp_path)]}
    result = run(points.dies_once, grid, executor=2, chunk_size=1)
    assert (tmp_path / "died").exists()
    np.testing.assert_array_equal(result.value[:, 0], np.arange(12.0) ** 2)


@pytest.mark.slow
def test_a_point_that_kills_every_process_ends_the_sweep(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with pytest.raises(SweepError, match=r"workers were lost 3 times .* what is finished is kept"):
        run(points.always_dies, {"index": np.arange(12)}, executor=1, chunk_size=1, store=store)
    stored = xarray.open_zarr(store, chunks=None)
    assert stored.status[:5].values.tolist() == [1] * 5


def test_progress_counts_points_and_says_nothing_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counted: list[tuple[int, int]] = []
    sweeps.sweep(points.jump, grid=GRID, chunk_size=7, progress=lambda *now: counted.append(now))
    assert counted == [(k, 42) for k in range(7, 43, 7)]
    sweeps.sweep(points.jump, grid=GRID, progress=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_memory_is_bounded_by_the_chunk(tmp_path: Path) -> None:
    """A result of 80 MB passes through a process that never holds a tenth of it."""
    import tracemalloc

    def function(index: Any) -> Any:
        return np.ones((index.size, 10_000)) * index[:, None]

    grid = {"index": np.arange(1000)}
    run(function, {"index": np.arange(20)}, store=tmp_path / "warm", vectorised=True, chunk_size=10)
    tracemalloc.start()
    try:
        result = run(function, grid, store=tmp_path / "s", vectorised=True, chunk_size=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.value.nbytes == 80_000_000
    assert peak < 8e6
    assert float(result.value[999, 0]) == 999.0


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": {}}, "Argument `grid` must map the name"),
        (
            {"grid": {"gap": [1.0], "rate": []}},
            "Argument `rate` must be a list of at least one value",
        ),
        ({"grid": {"gap": [1.0], "rate": [[1.0]]}}, "Argument `rate` must be a list"),
        ({"grid": {"gap": [1.0], "rate": [np.nan]}}, "Argument `rate` must be finite"),
        ({"grid": {"gap": [1.0], "rate": [1j]}}, "Argument `rate` must hold numbers or text"),
        ({"grid": {"gap": [1.0], "rate": [1.0, 1.0]}}, "Argument `rate` must not repeat a value"),
        ({"grid": {"gap": [1.0], "rat": [1.0]}}, "takes no parameter `rat`.*did you mean `rate`"),
        ({"grid": {"gap": [1.0]}}, "needs the parameter `rate`, which is not swept"),
        ({"grid": {"gap": [1.0], "status": [1.0]}}, "must not name a parameter 'status'"),
        ({"grid": {"gap": [1.0], "a/b": [1.0]}}, "names that can be those of files"),
        ({"grid": {"gap": [1.0], "zarr.json": [1.0]}}, "names that can be those of files"),
        ({"grid": {"gap": [1.0], "a\0b": [1.0]}}, "names that can be those of files"),
        ({"grid": {"gap": [1.0], "n" * 300: [1.0]}}, "names that can be those of files"),
        ({"grid": {"gap": [1.0], "rate": np.ma.array([1.0, 2.0], mask=[0, 1])}}, "is masked"),
        (
            {"grid": {"gap": [1.0], "rate": ["a\udc80"]}},
            "`rate` must hold text that can be written",
        ),
        ({"grid": {"gap": [1.0], "rate": [1, "a"]}}, "1 would become '1'"),
        ({"grid": {"gap": [1.0], "rate": ["a\0", "b"]}}, r"'a.x00' would become 'a'"),
        ({"grid": {"gap": [1.0], "rate": [True, 2]}}, "True would become 1"),
        ({"grid": {"gap": [1.0], "rate": [0.5, 2**60 + 1]}}, "1152921504606846977 would become"),
        ({"grid": {f"p{k}": [1.0] for k in range(70)}}, "at most 32 axes, but it has 70"),
        (
            {"grid": {name: np.arange(30_000) for name in ("gap", "rate")}},
            "at most 20000000 points, but it has 900000000",
        ),
        (
            {"grid": {name: np.arange(100_000) for name in ("gap", "rate", "x", "y")}},
            "at most 20000000 points, but it has 1000000",
        ),
        (
            {"grid": {"gap": np.arange(2000), "rate": np.arange(2000)}, "chunk_size": 1},
            "`chunk_size` must cut the grid into at most 1000000 chunks, but 1 makes 4000000",
        ),
        ({"store": ""}, "Argument `store` must be"),
        ({"store": "a\0b"}, "Argument `store` must be"),
        ({"store": "x" * 300}, "Argument `store` must be .* File name too long"),
        ({"grid": {"gap": [1.0, 2.0], "rate": [1.0]}, "zipped": True}, "`gap` has 2, `rate` has 1"),
        ({"grid": {"gap": [1.0], "z": Zip(gap=[1.0], rate=[1.0])}}, "`gap` is named twice"),
        (
            {"grid": Zip(gap=[1.0], rate=[1.0]), "zipped": True},
            "Argument `zipped` must be left out",
        ),
        ({"chunk_size": 0}, "Argument `chunk_size` must be at least 1"),
        ({"vectorised": 1}, "Argument `vectorised` must be True or False"),
        ({"seed": 1}, "Argument `seed` must be left out"),
        ({"executor": 0}, "Argument `executor` must be at least 1"),
        ({"executor": [2]}, "Argument `executor` must be a number of processes"),
        ({"store": 3}, "Argument `store` must be text"),
        (
            {"retry_failures": True, "store": None},
            "Argument `retry_failures` must come with a store",
        ),
        ({"progress": "yes"}, "Argument `progress` must be"),
        ({"units": {"gap": 3}}, r"Argument `units\['gap'\]` must be text"),
        ({"output_dims": {"value": ("x",)}}, "Argument `output_dims` must give `value` 0 axes"),
        ({"output_dims": {"other": ()}}, "there is no output `other`"),
        ({"function": 3}, "Argument `function` must be a function or an experiment"),
        ({"function": lambda gap, rate: {"gap": 1.0}}, "must not be called `gap`"),
        ({"function": lambda gap, rate: {"zarr.json": 1.0}}, "An output must have a name that"),
        ({"function": lambda gap, rate: {" a": 1.0}}, "An output must have a name that"),
        ({"function": lambda gap, rate: {"a\0b": 1.0}}, "An output must have a name that"),
        ({"function": lambda gap, rate: {"n" * 300: 1.0}}, "An output must have a name that"),
        ({"function": lambda gap, rate: np.ones((1,) * 31)}, "at most 32 axes with .* it has 33"),
        ({"function": lambda gap, rate: 1.0, "executor": 2}, "other processes can import by name"),
        (
            {"function": Stubborn(), "executor": 2, "resume": False},
            "other processes can import by name.*: no",
        ),
        ({"function": lambda gap, rate, rng: 1.0}, "Argument `seed` must be given"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with pytest.raises(InputError, match=message) as caught:
        run(**{"function": points.jump, "store": store, **arguments})
    assert "\n" not in str(caught.value)
    late = ("give `value` 0 axes", "no output `other`", "called `gap`", "An output", "axes with")
    assert store.exists() == any(text in message for text in late)  # the outputs tell


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "_PATIENCE", 0.5)
    with pytest.raises(SweepError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9: .*"):
        run(points.jump, executor="tcp://127.0.0.1:9")


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple), st.none() | st.integers(1, 50)
)
def test_chunks_cut_the_grid_into_consecutive_points(
    grid: tuple[int, ...], size: int | None
) -> None:
    chunks = Chunks.of(grid, size)
    indices = [chunks.indices(number) for number in range(chunks.count)]
    assert np.concatenate(indices).tolist() == list(range(int(np.prod(grid))))
    assert max(map(len, indices)) <= (size or np.prod(grid))
    numbers = np.arange(np.prod(grid)).reshape(grid)
    for number, expected in enumerate(indices):
        assert numbers[chunks.region(number)].reshape(-1).tolist() == expected.tolist()


def test_without_a_chunk_size_there_are_about_200_chunks() -> None:
    counts = [Chunks.of(grid, None).count for grid in ((2000,), (500, 500), (3, 40_000), (50,))]
    assert counts == [200, 250, 201, 50]


@pytest.mark.slow
def test_the_cost_of_a_chunk_does_not_grow_with_their_number(tmp_path: Path) -> None:
    def timed(count: int) -> float:
        start = time.perf_counter()
        run(
            points.jump,
            {"gap": np.arange(count), "rate": [1.0]},
            store=tmp_path / str(count),
            chunk_size=1,
        )
        return (time.perf_counter() - start) / count

    timed(10)
    assert timed(1000) < 3 * timed(100)


def test_units_of_what_is_not_there_are_refused() -> None:
    with pytest.raises(InputError, match="there is no `gaap`"):
        sweeps.sweep(abs_gap, grid={"gap": [1.0]}, units={"gaap": "GHz"}, progress=False)
    found = sweeps.sweep(abs_gap, grid={"gap": [1.0]}, units={"value": "GHz"}, progress=False)
    assert found["value"].attrs["units"] == "GHz"


def test_an_executor_that_is_shut_down_is_one_line() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pass
    with pytest.raises(SweepError, match="takes no work"):
        sweeps.sweep(abs_gap, grid={"gap": [1.0]}, executor=pool, progress=False)


def abs_gap(gap: float) -> float:
    return abs(gap)


def test_what_an_object_has_computed_does_not_change_what_it_is():
    from anticrossing.sweeps.provenance import digest

    terms = [("x", [[1, 0], [0, -1]]), ("sin(x)*g", [[0, 1], [1, 0]])]
    hamiltonian = ac.Hamiltonian.from_terms(terms, parameters={"g": 0.1})
    drive = ac.drive.Samples([0, 1, 2, 3], [-2, 1, 2, 1])
    before = digest(hamiltonian), digest(drive)
    ac.find_crossings(hamiltonian, -1, 1)
    ac.propagate(hamiltonian, drive, gradient=["g", "values"])
    assert (digest(hamiltonian), digest(drive)) == before
