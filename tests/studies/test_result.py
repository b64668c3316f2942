"""Results: the numbers, the dataset, and what is on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import anticrossing as ac
from anticrossing import propagate, studies
from anticrossing._core.checks import InputError
from tests.result_protocol import check_html

TEXT = """
title = "a test"
source = "nowhere"
[units]
energy = "GHz"
time = "ns"
coordinate = "mT"
[hamiltonian]
model = "LandauZener"
gap = 0.1
[drive]
kind = "linear"
start = -20
stop = 20
rate = 0.05
[question]
samples = 60
[scan]
parameter = "drive.rate"
values = [0.02, 0.05, 0.2]
"""


@pytest.fixture(scope="module")
def result() -> Any:
    return studies.run(studies.parse(TEXT))


def landau_zener(gap: float, rate: float) -> float:
    """E/h in GHz and t in ns: both gap and rate carry 2π."""
    return float(np.exp(-np.pi * (2 * np.pi * gap) ** 2 / (2 * 2 * np.pi * rate)))


def test_numbers_against_the_formula_written_out_here(result: Any) -> None:
    assert result.exact.probabilities[1] == pytest.approx(landau_zener(0.1, 0.05), abs=2e-5)
    assert result.scan is not None
    for row, rate in zip(result.scan["probability"], [0.02, 0.05, 0.2], strict=True):
        assert row[1] == pytest.approx(landau_zener(0.1, rate), abs=5e-5)
        assert row.sum() == pytest.approx(1, abs=1e-11)


def test_scan_equals_the_single_point(result: Any) -> None:
    assert result.scan is not None
    np.testing.assert_allclose(result.scan["probability"][1], result.exact.probabilities, atol=1e-9)
    base = {p.name: p for p in result.passage.predictions}
    assert set(base) <= set(result.predicted)
    for name, prediction in base.items():
        np.testing.assert_allclose(result.predicted[name][1], prediction.probabilities, atol=1e-12)
        assert bool(result.inside[name][1]) == prediction.valid


def test_populations_start_in_the_asked_level_and_end_at_the_exact_answer(result: Any) -> None:
    np.testing.assert_allclose(result.populations[0], [1, 0], atol=1e-10)
    np.testing.assert_allclose(result.populations[-1], result.exact.probabilities, atol=1e-9)
    np.testing.assert_allclose(result.populations.sum(axis=1), 1, atol=1e-11)
    assert np.all(np.diff(result.times) > 0)


def test_progress_reports_every_point() -> None:
    seen: list[tuple[int, int]] = []
    studies.run(studies.parse(TEXT), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_dataset_is_labelled_and_survives_the_disk(result: Any, tmp_path: Path) -> None:
    import xarray

    studies.save(result, tmp_path / "out")
    with xarray.open_dataset(tmp_path / "out" / "result.nc", engine="h5netcdf") as stored:
        assert stored["scan_probability"].dims == ("drive.rate", "final")
        np.testing.assert_array_equal(stored["drive.rate"], [0.02, 0.05, 0.2])
        assert stored["energy"].attrs["units"] == "GHz"
        assert stored["time"].attrs["units"] == "ns"
        assert stored.attrs["experiment_file"] == TEXT
        assert stored.attrs["tolerance"] == 1e-10
        assert "anticrossing_version" in stored.attrs
        u = stored["propagator"].sel(part="real") + 1j * stored["propagator"].sel(part="imaginary")
        np.testing.assert_array_equal(u.values, result.exact.propagator)
        chosen = stored["scan_predicted_probability"].sel(formula="Landau–Zener", final=1)
        np.testing.assert_allclose(
            chosen, [landau_zener(0.1, rate) for rate in (0.02, 0.05, 0.2)], rtol=1e-9
        )
    assert not [p for p in tmp_path.iterdir() if p.name != "out"]


def test_the_dataset_of_every_basis_can_be_made() -> None:
    for basis in ("diabatic", "superadiabatic"):
        text = TEXT.partition("[scan]")[0] + f'basis = "{basis}"\n'
        dataset = studies.run(studies.parse(text)).to_dataset()
        assert dataset["exact_probability"].sum() == pytest.approx(1, abs=1e-11)
        assert dataset.attrs["read_out_basis"] == basis


def test_summary_is_strict_json(result: Any) -> None:
    summary = result.summary()
    again = json.loads(json.dumps(summary, allow_nan=False))
    assert again["exact"]["probabilities"] == list(result.exact.probabilities)
    assert again["crossings"][0]["third_level_distance"] is None
    assert again["crossings"][0]["gap"] == pytest.approx(0.1, rel=1e-9)


def test_a_scan_is_what_propagate_gives(result: Any) -> None:
    study = result.experiment
    drives = ac.drive.Linear(-20, 20, [0.02, 0.05, 0.2])
    direct = propagate(study.hamiltonian, drives, tolerance=1e-10).probabilities
    np.testing.assert_array_equal(direct, result.scan["probability"])


class TestStore:
    def test_an_earlier_result_is_replaced(self, tmp_path: Path) -> None:
        target = tmp_path / "deep" / "out"
        for content in ("one", "two"):

            def write(folder: Path, content: str = content) -> None:
                (folder / "summary.json").write_text('{"anticrossing": "0"}')
                (folder / "experiment.toml").write_text(content)

            studies.replace_directory(target, write)
        assert (target / "experiment.toml").read_text() == "two"
        assert [p.name for p in target.parent.iterdir()] == ["out"]

    def test_a_failing_writer_leaves_nothing(self, tmp_path: Path) -> None:
        def write(folder: Path) -> None:
            (folder / "half").write_text("half")
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            studies.replace_directory(tmp_path / "a" / "b", write)
        assert list(tmp_path.iterdir()) == []

    def test_a_failing_writer_keeps_the_earlier_result(self, tmp_path: Path) -> None:
        target = tmp_path / "out"

        def good(folder: Path) -> None:
            (folder / "summary.json").write_text('{"anticrossing": "0"}')

        def bad(folder: Path) -> None:
            raise OSError("disk full")

        studies.replace_directory(target, good)
        with pytest.raises(OSError, match="disk full"):
            studies.replace_directory(target, bad)
        assert [p.name for p in target.iterdir()] == ["summary.json"]
        assert [p.name for p in tmp_path.iterdir()] == ["out"]

    @pytest.mark.parametrize("name", ["x" * 300, "deep/" + "x" * 300, "/proc/x", "/proc/x/y"])
    def test_what_the_system_refuses_is_one_line(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError, match=r"output directory .* cannot be"):
            studies.replace_directory(tmp_path / name, lambda folder: None)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["notes.txt", "summary.json", "result.nc"])
    def test_somebody_elses_directory_is_refused(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("{}")
        with pytest.raises(InputError, match=name):
            studies.check_target(tmp_path)

    def test_a_result_with_a_foreign_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "summary.json").write_text('{"anticrossing": "0"}')
        (tmp_path / "thesis.tex").write_text("years of work")
        with pytest.raises(InputError, match=r"thesis\.tex"):
            studies.check_target(tmp_path)

    def test_an_empty_directory_is_fine_but_not_the_current_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert studies.check_target(tmp_path) == tmp_path
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match="new one"):
            studies.check_target(".")

    def test_a_path_through_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="is a file"):
            studies.check_target(tmp_path / "file" / "out")


def test_scan_names_the_point_whose_drive_cannot_be_followed() -> None:
    text = """
    hamiltonian = { model = "LandauZener", gap = 1.0 }
    scan = { parameter = "drive.stop_time", values = [3.0, 10.0, 1e6] }
    drive = { kind = "sinusoidal", offset = 0.0, amplitude = 5.0, frequency = 1.0 }
    """
    with pytest.raises(InputError, match=r"At drive\.stop_time = 1e\+06: Argument `drive`"):
        studies.run(studies.parse(text))


def test_a_notebook_shows_the_verdict_and_the_figure(result: Any) -> None:
    check_html(result)
    verdict = result.sentences().verdict
    assert f">{verdict}</p>" in result._repr_html_()
    axes = result.plot()
    assert axes in axes.figure.axes
    assert len(axes.figure.axes) > 1
    assert axes._repr_png_().startswith(b"\x89PNG")
    mine = Figure().subplots()
    assert result.plot(ax=mine) is mine
