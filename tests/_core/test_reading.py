"""Files a user gives: every encoding that says what it is, and claims that are not true."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from anticrossing import InputError, studies
from anticrossing._core import reading
from anticrossing.fits import read_measurement
from anticrossing.geometry import read_data
from anticrossing.models import read_sharc
from anticrossing.sweeps import sweep

SHARC = Path(__file__).parents[1] / "reference_data" / "sharc_lvc"
MEASURED = "offset,population\n0.0,0.1\n0.5,0.4\n"
LEVELS = "x,energy_0,energy_1\n" + "".join(f"{k},{-1 - k},{1 + k}\n" for k in range(5))
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_that_say_what_they_are(encoding: str, end: str, tmp_path: Path) -> None:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_bytes(text.replace("\n", end).encode(encoding))
        return path

    assert list(read_measurement(write("m.csv", "# ħω\n" + MEASURED)).population) == [0.1, 0.4]
    assert np.array_equal(read_data(write("g.csv", LEVELS)).x, range(5))
    template = write("LVC.template", (SHARC / "LVC.template").read_text())
    reference = write("V0.txt", (SHARC / "V0.txt").read_text())
    plain = read_sharc(SHARC / "LVC.template", SHARC / "V0.txt")
    assert np.array_equal(read_sharc(template, reference).modes, plain.modes)
    text = 'title = "ħω"\n[hamiltonian]\nmodel = "LandauZener"\ngap = 1.0\n'
    text += '[drive]\nkind = "linear"\nstart = -9\nstop = 9\nrate = 1\n'
    assert studies.load(write("e.toml", text)).title == "ħω"


@pytest.mark.parametrize(
    "data",
    [
        MEASURED.encode("latin-1") + "# é".encode("latin-1"),
        MEASURED.encode("utf-16-le"),
        MEASURED.encode("utf-16")[:-1],
        MEASURED.encode() + b"\0",
        MEASURED.encode() + b"# \x1b[31m",
        b'"' + b"a" * 140_000,
    ],
    ids=range(6),
)
def test_what_is_no_text_is_one_line(data: bytes, tmp_path: Path) -> None:
    for name in ("m.csv", "g.csv", "e.toml", "LVC.template"):
        path = tmp_path / name
        path.write_bytes(data)
        read = {"m.csv": read_measurement, "g.csv": read_data, "e.toml": studies.load}
        with pytest.raises(InputError, match=name) as caught:
            read.get(name, read_sharc)(path)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


def test_a_text_is_read_to_a_size_only(tmp_path: Path) -> None:
    with (tmp_path / "m.csv").open("wb") as file:
        file.truncate(2**40)  # takes no room
    with pytest.raises(InputError, match="larger"):
        read_measurement(tmp_path / "m.csv")
    with pytest.raises(InputError, match="regular file"):
        reading.read_text(tmp_path)
    with pytest.raises(FileNotFoundError):
        reading.read_text(tmp_path / "none")


def test_packed_numbers_may_be_many_times_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = {"x": np.arange(50.0), "couplings": np.zeros((50, 60, 60))}
    levels = np.tile(np.arange(60.0), (50, 1))
    np.savez_compressed(tmp_path / "g.npz", energies=levels, **zeros)
    assert (tmp_path / "g.npz").stat().st_size < zeros["couplings"].nbytes / 100
    assert read_data(tmp_path / "g.npz").count == 60
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        member = io.BytesIO()
        np.lib.format.write_array(member, np.zeros(0))
        head = member.getvalue().replace(b"(0,), }     ", b"(500000,), }")
        archive.writestr("x.npy", head + bytes(4_000_000))
    monkeypatch.setattr(reading, "_FREE", 2**20)
    (tmp_path / "g.npz").write_bytes(bomb.getvalue())
    with pytest.raises(InputError, match="declare"):
        read_data(tmp_path / "g.npz")


def test_columns_for_more_numbers_than_fit_are_refused(tmp_path: Path) -> None:
    names = ["x", *(f"energy_{k}" for k in range(4000)), "coupling_0_1"]
    row = ",".join(["1"] * len(names))
    (tmp_path / "g.csv").write_text(",".join(names) + f"\n{row}\n")
    with pytest.raises(InputError, match="too many"):
        read_data(tmp_path / "g.csv")
    (tmp_path / "g.csv").write_text(LEVELS.replace("energy_1", "energy_0"))
    with pytest.raises(InputError, match="twice"):
        read_data(tmp_path / "g.csv")


def test_text_beside_the_numbers_is_passed_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.nc", "w") as file:
        file["offset"] = [0.0, 1.0]
        file["offset"].make_scale("offset")
        file["population"] = [0.1, 0.4]
        file["population"].dims[0].attach_scale(file["offset"])
        file["label"] = np.array(["a", "b"], dtype=object)
    assert list(read_measurement(tmp_path / "m.nc").coordinates) == ["offset"]


def test_a_damaged_store_names_itself(tmp_path: Path) -> None:
    def double(x: float) -> dict[str, float]:
        return {"y": 2 * x}

    def run() -> None:
        sweep(double, grid={"x": [1.0, 2.0]}, store=tmp_path / "s.zarr", progress=False)

    run()
    for name in ("status/c/0", "x/c/0", "zarr.json"):
        path = tmp_path / "s.zarr" / name
        whole = path.read_bytes()
        for damaged in (b"", b"\0" * 20, whole[: len(whole) // 2], b"{"):
            path.write_bytes(damaged)
            with pytest.raises(InputError, match=r"s\.zarr"):
                run()
        path.write_bytes(whole)
    run()
