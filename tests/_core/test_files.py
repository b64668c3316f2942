"""A disk that is full, a process that is stopped: what was there before stays."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from anticrossing import InputError, studies
from anticrossing._core import files
from anticrossing.cli import terminal
from anticrossing.fits.measurement import Measurement
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.geometry.grid_files import write_data
from anticrossing.plot import save_figure
from anticrossing.studies import directory as store
from tests.effort import slow

PASSAGE = """
title = "Größe ħω — Übergang"
[hamiltonian]
model = "LandauZener"
gap = 1.0
[drive]
kind = "linear"
start = -10.0
stop = 10.0
rate = 1.0
"""


def _figure() -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(1, 1))


def _data() -> AdiabaticData:
    x = np.linspace(0, 1, 4)
    return AdiabaticData(x, np.stack([-1 - x, 1 + x], axis=1))


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda path: write_data(_data(), path),
    "a.npz": lambda path: write_data(_data(), path),
    "a.nc": lambda path: write_data(_data(), path),
    "a.svg": lambda path: save_figure(_figure(), path),
    "a.png": lambda path: save_figure(_figure(), path),
    "measured.csv": lambda path: Measurement({"x": np.arange(3.0)}, np.full(3, 0.5)).to_csv(path),
    "summary.json": lambda path: store.write_json(path, {"anticrossing": "0"}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_keeps_the_earlier_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("earlier")

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(InputError, match="No space left") as caught:
            WRITERS[name](path)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert path.read_text() == "earlier"
    WRITERS[name](path)
    assert path.read_bytes() != b"earlier"


def test_what_is_encoded_in_memory_is_read_back(tmp_path: Path) -> None:
    data = xarray.Dataset({"a": ("x", [1.0, 2.0]), "s": ("x", ["ä", "b"])}, attrs={"unit": "µs"})
    files.write_netcdf(tmp_path / "a.nc", data)
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as found:
        xarray.testing.assert_identical(found.load(), data)


def test_links_are_followed_and_devices_stay(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("earlier")
    (tmp_path / "link").symlink_to("real")
    files.write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_bytes(tmp_path / "pipe", b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def _run_with(size: int, file: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run the command where the system refuses files above a size, as a full disk refuses them."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "from anticrossing.cli import main\n"
        f"sys.argv = ['anticrossing', 'run', {str(file)!r}, '-q', '-o', {str(target)!r}]; main()"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [1000, 20_000])
def test_a_run_that_finds_no_room_is_one_line(size: int, tmp_path: Path) -> None:
    file, target = tmp_path / "a.toml", tmp_path / "out"
    file.write_text(PASSAGE)
    target.mkdir()
    (target / "summary.json").write_text('{"anticrossing": "0"}')
    # Machine code is kept in files as well: it is made before, where there is room for it.
    studies.run(studies.parse(PASSAGE))
    done = _run_with(size, file, target)
    assert done.returncode == 5, done.stderr
    assert done.stderr.startswith("error: ")
    assert str(target) in done.stderr
    assert done.stderr.count("\n") == 1
    assert [p.name for p in target.iterdir()] == ["summary.json"]
    assert {p.name for p in tmp_path.iterdir()} == {"a.toml", "out"}


# ---- stopped between two renames ---------------------------------------------------------------


def _write(content: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "summary.json").write_text('{"anticrossing": "0"}')
        (folder / "experiment.toml").write_text(content)

    return write


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("stop", range(4))
def test_ctrl_c_at_any_rename_leaves_a_result(
    stop: int, exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, rename, calls = tmp_path / "out", Path.rename, 0
    studies.replace_directory(target, _write("one"))

    def interrupted(self: Path, other: Path) -> Path:
        nonlocal calls
        calls += 1
        if stop == 2 * (calls - 1):
            raise KeyboardInterrupt
        found = rename(self, other)
        if stop == 2 * (calls - 1) + 1:
            raise KeyboardInterrupt
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        if not exchange:
            patch.setattr(store, "_exchange", lambda one, other: False)
        try:
            studies.replace_directory(target, _write("two"))
        except KeyboardInterrupt:
            assert not exchange
    assert (target / "experiment.toml").read_text() in ("one", "two")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_kill_between_the_renames_is_mended_at_the_next_run(tmp_path: Path) -> None:
    target = tmp_path / "out"
    studies.replace_directory(target, _write("one"))
    target.rename(tmp_path / f"{store._stem(target)}0123abcd{store._OLD}")
    studies.check_target(target)
    assert (target / "experiment.toml").read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


# ---- terminals of any encoding -----------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["ascii", "cp1252", slow("latin-1"), slow("cp437"), slow("koi8-r"), "utf-8"]
)
def test_any_text_can_be_printed(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.accept_any_text()
    everything = "".join(chr(k) for k in [*range(32, 0x3000), 0x1F600, 0xDC80, 0xDCFF])
    print("a ≥ 1 " + everything, file=stream, flush=True)
    shown = raw.getvalue().decode(encoding, errors="replace")
    assert "a >= 1" in shown or "a ≥ 1" in shown
    assert raw.getvalue().endswith(b"\x80\xff" + os.linesep.encode())


COMMANDS = [
    ["--help"], ["run", "--help"], ["models"], ["models", "--json"], ["reproduce"],
    ["crossings", "a.toml"], ["run", "Größe–ħ.toml"], ["run", "a.toml"],
    ["sweep", "s.toml", "-o", "ħ.zarr"], ["run", "a.toml", "--json"],
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", slow("latin-1"), slow("cp1252")])
@pytest.mark.slow
def test_every_command_prints_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PASSAGE, encoding="utf-8")
    (tmp_path / "s.toml").write_text(
        PASSAGE + '[sweep]\nparameters = [{ parameter = "drive.rate", values = [1.0, 2.0] }]\n',
        encoding="utf-8",
    )
    commands = COMMANDS if encoding == "ascii" else COMMANDS[:7]  # what computes is slow
    code = (
        "import sys; from anticrossing.cli import main\n"
        f"for command in {commands!r}:\n"
        "    sys.argv = ['anticrossing', *command]\n"
        "    try: main()\n"
        "    except SystemExit as end: print('@', end.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=200,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = [line for line in done.stdout.decode(encoding).splitlines() if line.startswith("@")]
    wanted = ["@ 0"] * len(commands)
    wanted[6] = "@ 2"  # there is no such file: its name is in the message
    assert codes == wanted, done.stderr
