"""Stores of an earlier version: a sweep is resumed, an ensemble refused with what to do."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.sweeps import provenance

xarray = pytest.importorskip("xarray", reason="reads the stores: extra `files`")
pytest.importorskip("zarr", reason="reads the stores: extra `files`")

KEPT = Path(__file__).parents[1] / "reference_data" / "earlier_stores.tar.xz"
SWEEP = """
title = "Two levels"

[hamiltonian]
model = "LandauZener"
gap = 0.5

[drive]
kind = "linear"
start = -20.0
stop = 20.0
rate = 1.0

[[sweep.parameters]]
parameter = "drive.rate"
from = 0.5
to = 2.0
points = 4
"""
ENSEMBLE = """
[hamiltonian]
model = "TullySimple"

[trajectories]
method = "fssh"
masses = 2000.0
step = 10.0
stop = 2000.0
count = 20
samples = 20
seed = 1
box = [-10.0, 10.0]
store = "ensemble"

[trajectories.initial]
kind = "packet"
centre = -5.0
momentum = 20.0
width = 1.0
"""


@pytest.fixture
def as_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries have the versions with which the store was begun: others are refused."""
    kept = {"anticrossing": "0.1.0", "python": "3.11.7"}
    kept |= {"numpy": "2.4.6", "scipy": "1.17.1", "numba": "0.68.1"}
    monkeypatch.setattr(provenance, "versions", lambda: kept)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with tarfile.open(KEPT) as kept:
        # Python 3.11.2 and older have no filters.
        kept.extraction_filter = getattr(tarfile, "data_filter", None)  # type: ignore[assignment]
        kept.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("as_then")
@pytest.mark.parametrize("lost", [(), (2, 3)])
def test_an_earlier_sweep_is_resumed(folder: Path, lost: tuple[int, ...]) -> None:
    """Finished points are read, those that an interruption left out are computed."""
    store = folder / "old.zarr"
    before = xarray.open_zarr(store)["probability"].values.copy()
    for point in lost:
        shutil.rmtree(store / "probability" / "c" / str(point))
        (store / "status" / "c" / str(point)).unlink()
    after = studies.sweep(studies.parse(SWEEP), store=store, progress=False)
    np.testing.assert_allclose(after["probability"], before, rtol=0, atol=1e-12)
    H = ac.models.LandauZener(gap=0.5)
    for rate, found in zip(after["drive.rate"].values, after["probability"].values, strict=True):
        drive = ac.drive.Linear(-20.0, 20.0, rate=float(rate))
        exact = ac.propagate(H, drive).probabilities
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9)


def test_an_earlier_sweep_of_something_else_is_refused(folder: Path) -> None:
    other = studies.parse(SWEEP.replace("gap = 0.5", "gap = 0.7"))
    said = r"`hamiltonian\.gap` is 0\.5 there and 0\.7 here; choose another"
    with pytest.raises(InputError, match=said):
        studies.sweep(other, store=folder / "old.zarr", progress=False)


def test_an_earlier_ensemble_is_refused_and_kept(folder: Path) -> None:
    (folder / "ensemble.toml").write_text(ENSEMBLE)
    before = {path: path.read_bytes() for path in sorted((folder / "ensemble").iterdir())}
    with pytest.raises(InputError, match=r"holds something else .*: choose another"):
        studies.run(studies.load(folder / "ensemble.toml"))
    assert {path: path.read_bytes() for path in sorted((folder / "ensemble").iterdir())} == before


def test_an_earlier_key_is_named(folder: Path) -> None:
    (folder / "ensemble.toml").write_text(ENSEMBLE.replace("step =", "dt ="))
    with pytest.raises(InputError, match="time step is called `step`: write it in place of `dt`"):
        studies.load(folder / "ensemble.toml")
