"""Sweeps of experiments, from Python and from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

import anticrossing as ac
import anticrossing.sweeps as sweeps
from anticrossing import InputError, cli, studies
from anticrossing.studies.kinds.driven_level import DrivenLevelStudy
from anticrossing.studies.kinds.passage import PassageStudy
from anticrossing.thermodynamics import DrivenLevel
from tests.effort import slow
from tests.sweeps.test_kill import files

PASSAGE = """
title = "Two parameters"
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -200, stop = 200, rate = 1.0 }
"""
SWEEP = """
[sweep]
parameters = [
  { parameter = "hamiltonian.gap", values = [0.5, 1.0, 1.5] },
  { parameter = "drive.rate", from = 1, to = 4, points = 4, label = "sweep rate", unit = "1/s" },
]
"""
LEVEL = """
[driven_level]
levels = { from = 1, to = 3, count = 3 }
couplings = 0.2
beta = 1.2
start = 0.0
stop = 4.0
rate = 1.0
"""


def swept(text: str, **options: Any) -> xarray.Dataset:
    return studies.sweep(studies.parse(text), progress=False, **options).load()


def test_a_sweep_file_does_not_change() -> None:
    loaded = studies.parse(PASSAGE + SWEEP)
    assert loaded.plan is not None
    with pytest.raises(TypeError):
        loaded.plan.grid.units["gap"] = "GHz"  # type: ignore[index]
    with pytest.raises(AttributeError):
        loaded.plan.grid.units = {}


def test_probabilities_follow_the_landau_zener_formula() -> None:
    result = swept(PASSAGE + SWEEP)
    gap, rate = np.meshgrid([0.5, 1.0, 1.5], [1, 2, 3, 4], indexing="ij")
    jump = np.exp(-np.pi * gap**2 / (2 * rate))
    assert result.probability.dims == ("hamiltonian.gap", "drive.rate", "final")
    # The corrections of a finite window, read out in adiabatic states, are of second order in
    # rate gap / window³, times an oscillation of first order.
    np.testing.assert_allclose(result.probability.sel(final=1), jump, atol=3e-4)
    assert result["drive.rate"].attrs == {"long_name": "sweep rate", "units": "1/s"}
    assert result.attrs["title"] == "Two parameters"
    assert PASSAGE.strip() in result.attrs["experiment_file"]


def test_every_point_is_what_propagate_gives_alone() -> None:
    result = swept(PASSAGE + SWEEP)
    for gap in (0.5, 1.5):
        alone = ac.propagate(ac.models.LandauZener(gap=gap), ac.drive.Linear(-200, 200, rate=3.0))
        found = result.probability.sel({"hamiltonian.gap": gap, "drive.rate": 3.0})
        np.testing.assert_array_equal(found, alone.probabilities)


MATRIX = """
[hamiltonian]
matrix = [["x", "g", "0.1"], ["g", "0", "g"], ["0.1", "g", "-x"]]
parameters = { g = 0.2 }
[drive]
kind = "sinusoidal"
offset = 0.1
amplitude = 3.0
frequency = 1.0
stop_time = 12.0
"""
DEPHASED = PASSAGE + 'environment = { kind = "dephasing", gamma = 0.1 }\n'
QUBIT = PASSAGE + 'environment = { kind = "qubit", t1 = 50.0, t2 = 30.0, temperature = 0.5 }\n'


def axes(*ranges: tuple[str, float, float]) -> str:
    listed = [f'{{ parameter = "{p}", from = {a}, to = {b}, points = 5 }}' for p, a, b in ranges]
    return f"[sweep]\nparameters = [{', '.join(listed)}]\n"


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("text", "batched"),
    [
        (PASSAGE + axes(("hamiltonian.gap", 0.2, 2), ("drive.rate", 0.1, 3)), True),
        slow(MATRIX + axes(("hamiltonian.g", 0.1, 0.9), ("drive.amplitude", 1, 4)), True),
        (DEPHASED + axes(("environment.gamma", 0.01, 0.3), ("drive.rate", 1, 3)), True),
        (QUBIT + axes(("environment.t1", 20, 60)), False),
        (MATRIX + axes(("drive.stop_time", 5.0, 9.0)), True),
    ],
)
def test_the_chunk_size_changes_no_bit(text: str, batched: bool) -> None:
    loaded = studies.parse(text)
    assert loaded.plan is not None
    assert loaded.computes_many(loaded.plan.grid) == batched
    results = [swept(f"{text}\nchunk_size = {size}\n") for size in (1, 3, 25)]
    assert (results[0].status == 1).all()
    for result in results[1:]:
        np.testing.assert_array_equal(result.probability, results[0].probability)


def test_points_one_by_one_agree_with_the_solver() -> None:
    result = swept(QUBIT + axes(("environment.t1", 20, 60)))
    table = 'environment = { kind = "qubit", t1 = 40.0, t2 = 30.0, temperature = 0.5 }'
    alone = studies.run(studies.parse(PASSAGE + table))
    found = result.probability.sel({"environment.t1": 40.0})
    np.testing.assert_allclose(found, alone.exact.probabilities, atol=1e-12)


def test_a_point_that_cannot_be_is_a_failure_with_its_reason() -> None:
    text = PASSAGE + axes(("drive.rate", -1.0, 3.0))
    result = swept(text)
    assert result.status.values.tolist() == [2, 2, 1, 1, 1]
    assert "Argument `rate` must" in str(result.message[1].values)
    good = swept(PASSAGE + axes(("drive.rate", 1.0, 5.0)))
    np.testing.assert_array_equal(result.probability[2], good.probability[0])


def test_zipped_parameters_keep_their_order() -> None:
    text = PASSAGE + (
        "[sweep]\nzipped = true\nparameters = [\n"
        '  { parameter = "hamiltonian.gap", from = 1.5, to = 0.5, points = 3 },\n'
        '  { parameter = "drive.rate", values = [1.0, 2.0, 4.0] },\n]\n'
    )
    result = swept(text)
    assert result["hamiltonian.gap"].values.tolist() == [1.5, 1.0, 0.5]
    full = swept(PASSAGE + SWEEP).probability
    for k, (gap, rate) in enumerate([(1.5, 1.0), (1.0, 2.0), (0.5, 4.0)]):
        point = full.sel({"hamiltonian.gap": gap, "drive.rate": rate})
        np.testing.assert_array_equal(result.probability[k], point)


def test_a_driven_level_gives_occupation_and_entropy() -> None:
    loaded = studies.parse(LEVEL)
    assert isinstance(loaded, DrivenLevelStudy)
    names = list(loaded.outputs)
    text = f"{LEVEL}{axes(('driven_level.rate', 0.5, 2.5))}output = {names}".replace("'", '"')
    result = swept(text)
    for k, rate in enumerate(np.linspace(0.5, 2.5, 5)):
        level = DrivenLevel(
            levels=[1.0, 2.0, 3.0], couplings=0.2, temperature=1 / 1.2, chemical_potential=0.0,
            start=0.0, stop=4.0, rate=rate,
        )  # fmt: skip
        exact, chain = level.evolve(), level.run()
        assert float(result.occupation[k]) == exact.occupations[-1]
        assert float(result.entropy_production[k]) == exact.entropy_production[-1]
        assert float(result.chain_occupation[k]) == chain.occupations[-1]
        assert float(result.chain_entropy_production[k]) == chain.totals.entropy_production


def test_an_experiment_is_swept_from_python(tmp_path: Path) -> None:
    loaded = studies.parse(PASSAGE)
    grid = {"hamiltonian.gap": [0.5, 1.0, 1.5], "drive.rate": [1.0, 2.0, 3.0, 4.0]}
    store = tmp_path / "store"
    result = sweeps.sweep(loaded, grid=grid, store=store, progress=False)
    np.testing.assert_array_equal(result.probability, swept(PASSAGE + SWEEP).probability)
    other = studies.parse(PASSAGE.replace("-200", "-100"))
    with pytest.raises(InputError, match=r"`drive.start` is -200 there and -100 here"):
        sweeps.sweep(other, grid=grid, store=store, progress=False)
    with pytest.raises(InputError, match=r"Argument `vectorised` must be left out"):
        sweeps.sweep(loaded, grid=grid, vectorised=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PASSAGE + "[sweep]\nparameters = []\n",
            "In .sweep.: Argument `parameters` must be a list",
        ),
        (PASSAGE + "[sweep]\nparameter = 1\n", r"Unknown key `parameter` in \[sweep\]"),
        (PASSAGE + axes(("drive.rat", 1, 2)), "rat"),
        (
            PASSAGE + axes(("question.samples", 10, 20)),
            "must be `hamiltonian.NAME` or `drive.NAME`",
        ),
        (PASSAGE + axes(("hamiltonian.model", 1, 2)), "`hamiltonian.model` is 'LandauZener'"),
        (
            PASSAGE + axes(("drive.rate", 1, 2)) + 'output = ["work"]',
            "must be one of 'probability'",
        ),
        (PASSAGE + axes(("drive.rate", 1, 2)) + "output = []", "at least one"),
        (PASSAGE + axes(("drive.rate", 1, 2), ("drive.rate", 1, 3)), "named twice"),
        (PASSAGE + SWEEP + '[scan]\nparameter = "drive.rate"\nvalues = [1]', "leave .scan. or"),
        (PASSAGE + SWEEP + "[", "Not valid TOML"),
        (SWEEP, "hamiltonian"),
    ],
)
def test_mistakes_in_a_file_are_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        studies.parse(text)
    assert "\n" not in str(caught.value)


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Any:
    """Call `main` in-process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["anticrossing", "sweep", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return (caught.value.code, *capsys.readouterr())

    return run


@pytest.mark.slow
def test_the_command_writes_a_store(call: Any, tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(PASSAGE + SWEEP)
    status, out, err = call("two.toml")
    assert (status, err) == (0, "")
    assert "12 points: hamiltonian.gap (3), drive.rate (4)" in out
    assert "quantities: probability (final)" in out
    assert "store: two-sweep.zarr" in out
    stored = xarray.open_zarr(tmp_path / "two-sweep.zarr", chunks=None)
    np.testing.assert_array_equal(stored.probability, swept(PASSAGE + SWEEP).probability)
    status, out, err = call("two.toml")
    assert status == 2
    assert err.count("\n") == 1
    assert "exists already: resume it" in err
    assert call("two.toml", "--resume", "-q") == (0, "two-sweep.zarr\n", "")
    assert call("two.toml", "--workers", "2", "-o", "other", "-q") == (0, "other\n", "")
    assert files(tmp_path / "other") == files(tmp_path / "two-sweep.zarr")


def test_the_command_tells_failures(call: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(PASSAGE + axes(("drive.rate", -1.0, 3.0)))
    status, out, _ = call("bad.toml")
    assert status == 1
    assert "2 of them failed, the first: InputError: " in out


@pytest.mark.slow
def test_the_command_uses_a_dask_cluster(call: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    (tmp_path / "two.toml").write_text(PASSAGE + SWEEP)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as local:
        assert call("two.toml", "--dask", local.scheduler_address, "-q")[0] == 0
    stored = xarray.open_zarr(tmp_path / "two-sweep.zarr", chunks=None)
    np.testing.assert_array_equal(stored.probability, swept(PASSAGE + SWEEP).probability)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "2", "--dask", "tcp://x"), "Choose one of --workers and --dask"),
        (("--retry-failures",), "--retry-failures needs --resume"),
        (("--workers", "0"), "Argument `executor` must be at least 1"),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    options: tuple[str, ...], message: str, call: Any, tmp_path: Path
) -> None:
    (tmp_path / "two.toml").write_text(PASSAGE + SWEEP)
    status, out, err = call("two.toml", *options)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "two-sweep.zarr").exists()


def test_an_interrupt_says_how_to_go_on(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two.toml").write_text(PASSAGE + SWEEP + "chunk_size = 2\n")
    calls: list[int] = []
    original = PassageStudy.compute_many.__func__  # type: ignore[attr-defined]

    def interrupted(cls: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(cls, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PassageStudy, "compute_many", classmethod(interrupted))
        status, out, err = call("two.toml")
    assert (status, out) == (130, "")
    assert err == "interrupted: 6 of 12 points are finished in two-sweep.zarr; resume it\n"
    assert call("two.toml", "--resume", "-q")[0] == 0
