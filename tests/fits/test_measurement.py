"""Measured populations: what is read, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.fits import Measurement, read_measurement


def write(folder: Path, text: str, name: str = "run.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_csv_with_comments_spaces_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = (
        "\ufeff# cooled to 20 mK\nsweep_rate, population , error\n\n0.5, 0.04,0.01\n1, 0.21, .02\n"
    )
    data = read_measurement(write(tmp_path, text))
    np.testing.assert_array_equal(data.coordinate("sweep_rate"), [0.5, 1.0])
    np.testing.assert_array_equal(data.population, [0.04, 0.21])
    assert data.error is not None
    np.testing.assert_array_equal(data.error, [0.01, 0.02])
    assert data.source.endswith("run.csv")


def test_errors_may_be_absent(tmp_path: Path) -> None:
    data = read_measurement(write(tmp_path, "x,population\n1,0.5\n2,0.6\n"))
    assert data.error is None
    assert "errors unknown" in str(data)


@given(values=st.lists(st.floats(-0.2, 1.2), min_size=1, max_size=6), scale=st.floats(1e-6, 1e6))
def test_what_is_written_is_read(values: list[float], scale: float, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    population = np.array(values)
    data = Measurement({"x": scale * np.arange(population.size)}, population)
    file = tmp_path_factory.mktemp("m") / "a.csv"
    again = read_measurement(data.to_csv(file, comment="two\nlines"))
    np.testing.assert_allclose(again.population, population, rtol=1e-8, atol=1e-300)
    np.testing.assert_allclose(again.coordinates["x"], data.coordinates["x"], rtol=1e-8)


def test_netcdf_on_a_grid_is_flattened_with_its_coordinates(tmp_path: Path) -> None:
    population = np.arange(6.0).reshape(2, 3) / 10
    dataset = xarray.Dataset(
        {
            "population": (("offset", "amplitude"), population),
            "error": (("amplitude",), [0.01, 0.02, 0.03]),
            "temperature_log": (("time",), [1.0, 2.0]),
        },
        {"offset": [-1.0, 1.0], "amplitude": [0.0, 5.0, 10.0], "frequency": 7.5},
    )
    dataset.to_netcdf(tmp_path / "grid.nc", engine="h5netcdf")
    data = read_measurement(tmp_path / "grid.nc")
    assert set(data.coordinates) == {"offset", "amplitude", "frequency"}
    np.testing.assert_array_equal(data.population, population.reshape(-1))
    np.testing.assert_array_equal(data.coordinate("offset"), [-1, -1, -1, 1, 1, 1])
    np.testing.assert_array_equal(data.coordinate("amplitude"), [0, 5, 10, 0, 5, 10])
    np.testing.assert_array_equal(data.coordinate("frequency"), np.full(6, 7.5))
    assert data.error is not None
    np.testing.assert_array_equal(data.error, [0.01, 0.02, 0.03, 0.01, 0.02, 0.03])


def test_dataset_of_a_measurement_reads_back(tmp_path: Path) -> None:
    data = Measurement({"sweep_rate": [1.0, 2.0]}, [0.2, 0.4], [0.01, 0.02])
    data.to_dataset().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    for file in (tmp_path / "a.nc", data.save(tmp_path / "b.nc")):
        again = read_measurement(file)
        np.testing.assert_array_equal(again.coordinate("sweep_rate"), [1.0, 2.0])
        np.testing.assert_array_equal(again.population, data.population)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,populatoin\n1,0.5\n", "column `population` is needed.*did you mean `populatoin`"),
        ("population,error\n0.5,0.1\n", "column with a coordinate is needed"),
        ("x,population,error\n1,0.5,-0.1\n", "`error` must be positive, but number 0 is -0.1"),
        ("x,population,error\n1,0.5,0\n", "`error` must be positive"),
        ("x,population\n1,nan\n", "`population` must be finite"),
        ("x,population\n1,0.2\n2,35\n", "between 0 and 1.*are these percent"),
        ("x,population,error\n1,1.2,0.01\n", "number 0 is 1.2"),
        ("x,population\n1,0.5\n2,oops\n", "line 3: `population` must be a number.*'oops'"),
        ("x,population\n1,0.5,7\n", "line 2: 2 numbers are needed, but there are 3"),
        ("1,0.5\n2,0.6\n", "line 1: a header"),
        ("x,x,population\n1,1,0.5\n", "different"),
        ("x,population\n", "lines of numbers"),
        ("", "lines of numbers"),
    ],
)
def test_bad_files_are_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_measurement(write(tmp_path, text))
    assert "run.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_ending_missing_file_and_netcdf_without_population(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"end in \.csv"):
        read_measurement(tmp_path / "run.xlsx")
    with pytest.raises(FileNotFoundError):
        read_measurement(tmp_path / "none.csv")
    xarray.Dataset({"p": ("x", [0.5])}, {"x": [1.0]}).to_netcdf(
        tmp_path / "a.nc", engine="h5netcdf"
    )
    with pytest.raises(InputError, match="`population` is needed"):
        read_measurement(tmp_path / "a.nc")


def test_arrays_must_fit() -> None:
    with pytest.raises(InputError, match="`x` must have the shape"):
        Measurement({"x": [1.0]}, [0.5, 0.6])
    with pytest.raises(InputError, match="`error` must have the shape"):
        Measurement({"x": [1.0, 2.0]}, [0.5, 0.6], [0.1])
    with pytest.raises(InputError, match="at least one coordinate"):
        Measurement({}, [0.5])
    with pytest.raises(InputError, match="did you mean `sweep_rate`"):
        Measurement({"sweep_rate": [1.0]}, [0.5]).coordinate("sweeprate")


def test_noise_may_leave_the_unit_interval() -> None:
    assert len(Measurement({"x": [1.0, 2.0]}, [-0.04, 1.05], [0.01, 0.01])) == 2


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(b"\xff\xfe\x00sweep_rate")
    with pytest.raises(InputError, match=r"run\.csv is not a text file"):
        read_measurement(path)


def test_counts_bring_their_shots(tmp_path: Path) -> None:
    data = Measurement.from_counts({"sweep_rate": [0.5, 1.0, 2.0]}, [0, 17, 50], [50, 50, 50])
    np.testing.assert_array_equal(data.population, [0.0, 0.34, 1.0])
    assert "counts of 50 shots" in str(data)
    deviations = data.deviations()
    assert deviations is not None
    assert np.all(deviations > 0)
    again = read_measurement(data.to_csv(tmp_path / "counts.csv"))
    np.testing.assert_array_equal(again.population, data.population)
    np.testing.assert_array_equal(again.shots, data.shots)


@pytest.mark.parametrize(
    ("counts", "shots", "message"),
    [
        ([1, 51], 50, "`counts` must be at most `shots`"),
        ([1, 2.5], 50, "`counts` must be whole numbers"),
        ([-1, 2], 50, "`counts` must not be negative"),
        ([1, 2], 0, "`shots` must be whole numbers"),
        ([1, 2], 2.5, "`shots` must be whole numbers"),
        ([1, 2], [50, 50, 50], "`shots` must have the shape of `counts`"),
    ],
)
def test_counts_that_are_none(counts: list[float], shots: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Measurement.from_counts({"sweep_rate": [0.5, 1.0]}, counts, shots)


def test_counts_have_no_other_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`error` must be left out"):
        Measurement({"sweep_rate": [1.0]}, [0.5], [0.1], shots=np.array([10.0]))
    with pytest.raises(InputError, match="`counts` must be whole numbers"):
        Measurement({"sweep_rate": [1.0]}, [0.55], shots=np.array([10.0]))
    file = tmp_path / "both.csv"
    file.write_text("sweep_rate,counts,shots,error\n1,2,3,0.1\n", encoding="utf-8")
    with pytest.raises(InputError, match="leave out `error`"):
        read_measurement(file)


@pytest.mark.parametrize(
    "text",
    [
        "offset_GHz,amplitude_mV,population\n1,2,0.5\n3,4,0.5\n",
        "offset (GHz), amplitude [mV], population\n1,2,0.5\n3,4,0.5\n",
        "offset,amplitude,population\nGHz,mV,\n1,2,0.5\n3,4,0.5\n",
    ],
)
def test_units_of_columns(text: str, tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text(text, encoding="utf-8")
    data = read_measurement(file)
    assert data.units == {"offset": "GHz", "amplitude": "mV"}
    assert list(data.coordinates) == ["offset", "amplitude"]
    assert "offset 1 … 3 GHz" in str(data)
    assert read_measurement(data.to_csv(tmp_path / "again.csv")).units == data.units
    assert data.to_dataset()["offset"].attrs["units"] == "GHz"


def test_counts_beside_populations_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "both.csv"
    file.write_text("sweep_rate,counts,shots,population\n1,3,10,0.9\n2,4,10,0.4\n")
    with pytest.raises(InputError, match="leave out one of both"):
        read_measurement(file)
