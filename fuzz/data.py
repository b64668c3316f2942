"""Damaged data files of every kind that is read: adiabatic data, measurements, SHARC, results.

``python -m fuzz.data --count 5000 --seed 1`` writes good files, damages them, and reads them. It
fails if that ends in anything but data or one clear line. With ``--seed -1`` it reads what failed
once, the files of `fuzz/corpus`.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray

from anticrossing.environment.spectral_density import Measured
from anticrossing.fits import read_lines, read_measurement
from anticrossing.geometry import read_data
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import TullySimple, read_operator, read_sharc
from anticrossing.molecules.ab_initio import spin_orbit_of_output, surfaces_of_outputs
from anticrossing.molecules.electronic import CachedStates, HamiltonianStates
from anticrossing.molecules.finished import predict_hops, read_trajectories
from anticrossing.studies import load, parse
from anticrossing.studies.directory import check_target
from anticrossing.sweeps import sweep
from fuzz import _workers
from fuzz._texts import FIXED

EXAMPLES, CORPUS = Path(__file__).parents[1] / "examples", Path(__file__).parent / "corpus"
NUMBERS = (
    "nan inf -inf 1e999 1e308 -1e308 1e-320 -1 0 99999999999999999999 1,5 0x1F 1_0 1d3 true "
    "'' \"a\" ² ٣ 1e 9223372036854775808 100000 " + "7" * 5000
).split(" ")  # fmt: skip


def double(x: float) -> dict[str, float]:
    """Be what a sweep computes."""
    return {"y": 2 * x}


def _sweep(folder: Path) -> object:
    store = folder / "s.zarr"
    return sweep(double, grid={"x": [1.0, 2.0]}, store=store, progress=False)


def _model(folder: Path) -> object:
    return read_sharc(folder / "LVC.template", folder / "V0.txt")


def _surfaces(folder: Path) -> object:
    one = [folder / "s.hess", folder / "s.engrad"]
    return surfaces_of_outputs(one, one)


def _populations(folder: Path) -> object:
    study = parse('[kinetic_fit]\nsteps = ["S1 -> T1"]\nresamples = 20\n')
    return study.with_data(folder / "k.csv").run()  # type: ignore[attr-defined]


def _kept(folder: Path) -> object:
    """Take a point from a folder that keeps points of another run."""
    states = CachedStates(HamiltonianStates(TullySimple()), folder / "points")
    return states([0.5])


def _hops(path: Path) -> object:
    return [predict_hops(one, initial=0) for one in read_trajectories(path)]


READERS: dict[str, Callable[[Path], object]] = {
    "g.csv": lambda folder: read_data(folder / "g.csv"),
    "g.npz": lambda folder: read_data(folder / "g.npz"),
    "g.nc": lambda folder: read_data(folder / "g.nc"),
    "m.csv": lambda folder: read_measurement(folder / "m.csv"),
    "m.nc": lambda folder: read_measurement(folder / "m.nc"),
    "LVC.template": _model,
    "V0.txt": _model,
    "o.op": lambda folder: read_operator(folder / "o.op"),
    "energy.out": lambda folder: _hops(folder / "energy.out"),
    "s.hess": _surfaces,
    "s.engrad": _surfaces,
    "l.csv": lambda folder: read_lines(folder / "l.csv"),
    "b.dat": lambda folder: Measured.from_file(folder / "b.dat"),
    "k.csv": _populations,
    "points": _kept,
    "orca.out": lambda folder: spin_orbit_of_output(folder / "orca.out"),
    "t.csv": lambda folder: _hops(folder / "t.csv"),
    "t.npz": lambda folder: _hops(folder / "t.npz"),
    "t.nc": lambda folder: _hops(folder / "t.nc"),
    "h.csv": lambda folder: (read_data(folder / "h.csv"), Hamiltonian.from_table(folder / "h.csv")),
    "e.toml": lambda folder: load(folder / "e.toml"),
    "summary.json": lambda folder: check_target(folder),
    "s.zarr": _sweep,
}
"""What reads a folder that holds a file of this name."""
FOLDERS = ("s.zarr", "points")


# ---- good files ------------------------------------------------------------------------------


def _encoded(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        write(path)
        return path.read_bytes()


def netcdf(arrays: dict[str, Any], rng: np.random.Generator) -> bytes:
    """Encode as some program might: dimensions by name, packed or not, old layout or new."""
    dims = {"x": ("x",), "energies": ("x", "i"), "couplings": ("x", "i", "j")}
    dims |= {"population": ("x",), "error": ("x",), "offset": ("x",)}
    dims |= {"energy": ("time", "state"), "time": ("time",), "astate": ("time",)}
    dims |= {"e_kin": ("time",)}
    kind = rng.integers(3)
    if kind == 0:  # without what makes NetCDF of HDF5
        return _encoded(lambda path: _hdf5(path, arrays, rng))
    data = xarray.Dataset()
    for name, value in arrays.items():
        named = dims.get(name, ())[: np.ndim(value)]
        rest = tuple(f"{name}_{k}" for k in range(np.ndim(value) - len(named)))
        try:
            data[name] = (named + rest, value)
        except ValueError:
            with contextlib.suppress(ValueError):  # a number that is the name of a dimension
                data[name] = (tuple(f"{name}{k}" for k in range(np.ndim(value))), value)
    packing = {n: {"zlib": True} for n, v in data.variables.items() if v.ndim and v.dtype != object}
    encoding: Any = packing if kind == 1 else {}
    return _encoded(lambda path: data.to_netcdf(path, engine="h5netcdf", encoding=encoding))


def _hdf5(path: Path, arrays: dict[str, Any], rng: np.random.Generator) -> None:
    with h5py.File(path, "w", libver=["earliest", "latest"][int(rng.integers(2))]) as file:
        for name, value in arrays.items():
            array = np.asarray(value)
            file[name] = array.astype(h5py.string_dtype()) if array.dtype.kind == "U" else array
            if np.ndim(value) == 1 and rng.random() < 0.7:
                file[name].make_scale(name)
        if rng.random() < 0.3:  # never written, and so of any size
            shape = tuple(int(n) for n in 10 ** rng.integers(1, 7, size=int(rng.integers(1, 4))))
            name = str(rng.choice(["couplings", "error", "population", "energies"]))
            if name in file:
                del file[name]
            file.create_dataset(name, shape, chunks=bool(rng.random() < 0.5) or None)
        if rng.random() < 0.1:
            file["link"] = [h5py.SoftLink("/x"), h5py.ExternalLink("/dev/zero", "/x")][
                int(rng.integers(2))
            ]


def npz(arrays: dict[str, Any], rng: np.random.Generator) -> bytes:
    """Encode, at times with a header that claims something else."""
    raw = io.BytesIO()
    packing = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA][int(rng.integers(3))]
    lies = rng.random() < 0.4
    with zipfile.ZipFile(raw, "w", packing) as archive:
        for name, value in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(value))
            data = member.getvalue()
            if lies:
                shape = str(np.shape(value)).encode()
                other = [
                    b"(8000000000,)",
                    b"(-1,)",
                    b"(1" + b",1" * 40 + b")",
                    b"(99,9)",
                    b"(3.5,)",
                ]
                wrong = other[int(rng.integers(len(other)))]
                room = data.index(b"\n") - len(data[: data.index(b"\n")].rstrip())
                if len(wrong) - len(shape) <= room:
                    line = data[: data.index(b"\n")].rstrip().replace(shape, wrong)
                    data = line.ljust(data.index(b"\n")) + data[data.index(b"\n") :]
            archive.writestr(f"{name}.npy", data)
    return raw.getvalue()


def table(arrays: dict[str, Any]) -> bytes:
    """Write the arrays as columns."""
    names, columns = list[str](), list[Any]()
    for name, value in arrays.items():
        flat = (
            np.atleast_2d(value)
            if np.ndim(value) < 2
            else np.reshape(value, (len(value), int(np.prod(np.shape(value)[1:])))).T
        )
        stem = {"energies": "energy", "couplings": "coupling", "dipoles": "dipole_0"}.get(
            name, {"times": "t", "active": "state"}.get(name, name)
        )
        for k, column in enumerate(flat):
            at = {"energy": f"_{k}", "coupling": f"_{k // 2}_{k % 2}"}.get(stem.split("_")[0], "")
            names.append(stem + at)
            columns.append(column)
    longest = max((len(column) for column in columns), default=0)
    rows = [[str(c[k]) if k < len(c) else "" for c in columns] for k in range(longest)]
    return "\n".join([",".join(names), *(",".join(row) for row in rows), ""]).encode()


def arrays_for(name: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return what a file of this kind may hold."""
    x = np.linspace(0, 1, 6)
    if name.startswith("t"):
        found = {"energies": np.stack([-1 - x, 1 + abs(x - 0.5), 3 - x], axis=1)}
        found |= {"times": x, "active": np.zeros(6, int)}
        if name == "t.nc":
            found = {"energy": found["energies"], "time": x, "astate": np.ones(6, int), "e_kin": x}
    elif name.startswith("m"):
        found = {"offset": x, "population": x**2, "error": 0 * x + 0.01}
    else:
        d = x[:, None, None] * np.array([[0, 1], [-1, 0]])
        found = {"x": x, "energies": np.stack([-1 - x, 1 + x], axis=1), "couplings": d}
    return {key: found[key] for key in found if rng.random() < 0.97}


@np.errstate(over="ignore")
def odd(value: Any, rng: np.random.Generator) -> Any:
    """Return something of another type or shape, or with a wrong number in it."""
    if not (np.ndim(value) and np.size(value) and np.isrealobj(value)):
        return value
    if np.asarray(value).dtype.kind == "U":
        return value
    one = np.array(value, dtype=float)
    one.flat[int(rng.integers(one.size))] = rng.choice([np.nan, np.inf, -np.inf, 1e308, -1e308, 0])
    choices: list[Any] = [
        one, one, one, one + 1j, one > 0, one[..., None], one[:1], one[:0], one.ravel(),
        one.astype("f4"), one.astype(">f8"), np.zeros((3,) * 3), 5.0, "text", np.array(["a", "b"]),
        value[::-1], np.tile(value, (2,) * np.ndim(value)), np.arange(len(one)),
        np.zeros((len(one), 300)), np.empty((0, 2)), np.zeros(len(one), "i1"),
    ]  # fmt: skip
    return choices[int(rng.integers(len(choices)))]


def good(name: str, rng: np.random.Generator) -> bytes:
    """Return the bytes of a file that is whole, if perhaps of odd content."""
    if name == "e.toml":
        examples = sorted(EXAMPLES.glob("*.toml"))
        return examples[int(rng.integers(len(examples)))].read_bytes()
    if name.partition(".")[0] not in ("g", "m", "t"):
        return FIXED[name]
    arrays = arrays_for(name, rng)
    while arrays and rng.random() < 0.3:
        key = str(rng.choice(list(arrays)))
        arrays[key] = odd(arrays[key], rng)
    if name.endswith(".csv"):
        return table(arrays) if arrays else b""
    return npz(arrays, rng) if name.endswith(".npz") else netcdf(arrays, rng)


# ---- damage ----------------------------------------------------------------------------------


def _flips(data: bytes, rng: np.random.Generator) -> bytes:
    found = bytearray(data)
    for at in rng.integers(len(found), size=int(2 ** rng.integers(0, 6))):
        found[at] ^= 1 << int(rng.integers(8))
    return bytes(found)


def _run(data: bytes, rng: np.random.Generator) -> bytes:
    at, length = int(rng.integers(len(data))), int(2 ** rng.integers(0, 9))
    byte = [b"\0", b"\xff", None][int(rng.integers(3))]
    new = rng.bytes(length) if byte is None else byte * length
    keep = int(rng.integers(3))  # replaced, inserted, removed
    return data[:at] + (b"" if keep == 2 else new) + data[at + (0 if keep == 1 else length) :]


def _size(data: bytes, rng: np.random.Generator) -> bytes:
    """Put a large number where a header may have a size."""
    form = ["<I", "<Q", "<H", ">I"][int(rng.integers(4))]
    most = 256 ** struct.calcsize(form) - 1
    value = int(rng.choice([0, 1, 255, 65536, 2**31 - 1, 2**31, 2**36, 2**63 - 1])) % (most + 1)
    small = [
        k for k in range(0, len(data) - 8, 2) if data[k] > 0 and data[k + 1 : k + 4] == b"\0" * 3
    ]
    at = small[int(rng.integers(len(small)))] if small else int(rng.integers(len(data)))
    return data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :]


def _recoded(data: bytes, rng: np.random.Generator) -> bytes:
    text = data.decode("utf-8", "replace")
    into = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "utf-7", "cp037"]
    marks = ["", "\ufeff", "é", "\0", "\x1b[31m", "\u2028", "\x85", "\ud800", "\x1a", "\x0c", "ﬁ"]
    at = int(rng.integers(len(text) + 1))
    text = text[:at] + marks[int(rng.integers(len(marks)))] + text[at:]
    text = text.replace("\n", ["\n", "\n", "\r\n", "\r", "\n\n"][int(rng.integers(5))])
    name = into[int(rng.integers(len(into)))]
    return text.encode(name, "surrogatepass" if name.startswith("utf-") else "replace")


def _token(data: bytes, rng: np.random.Generator) -> bytes:
    """Replace, remove or repeat a word of a text."""
    words = re.split(r"([\s,=:]+)", data.decode("utf-8", "replace"))
    at = int(rng.integers(len(words)))
    kind = rng.random()
    if kind < 0.6:
        words[at] = NUMBERS[int(rng.integers(len(NUMBERS)))]
    elif kind < 0.8:
        del words[at]
    else:
        words[at] = (words[at] * int(2 ** rng.integers(1, 12)))[: 10**6]
    return "".join(words).encode()


def _line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data[:100_000].split(b"\n")
    at, other = (int(k) for k in rng.integers(len(lines), size=2))
    kind = rng.integers(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[other])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] *= 500
    return b"\n".join(lines)


def _whole(data: bytes, rng: np.random.Generator) -> bytes:
    deep = [
        b"[" * 10**5,
        b'{"a":' * 10**5,
        b"(" * 10**4,
        b"\0" * 10**4,
        b"1," * 10**5,
        b'"' + b"a" * 10**6,
    ]
    other = [
        b"",
        b"\n",
        rng.bytes(int(rng.integers(1, 2000))),
        data[: int(rng.integers(len(data)))],
    ]
    other += [data * 2, data[::-1], b"PK\x03\x04" + data, b"\x89HDF\r\n\x1a\n" + data, *deep]
    return other[int(rng.integers(len(other)))]


BINARY = (_flips, _flips, _run, _size, _size, _whole)
TEXT = (_token, _token, _token, _line, _recoded, _recoded, _flips, _run, _whole)


def damaged(data: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return damaged bytes; one in ten stays as it is."""
    binary = name.endswith((".nc", ".npz", "/0"))
    kinds = BINARY if binary else TEXT
    for _ in range(int(rng.choice([0, 1, 1, 1, 1, 1, 2, 3, 1, 1]))):
        data = kinds[int(rng.integers(len(kinds)))](data or b"\n", rng)
    return data


# ---- cases -----------------------------------------------------------------------------------


def make(seed: int) -> tuple[Callable[[int], object], Callable[[int], str]]:
    """Return the cases of a seed by number (of the corpus, if negative), and what describes one."""
    place = tempfile.TemporaryDirectory()
    root = Path(place.name)
    whole = root / "whole"
    whole.mkdir()
    _sweep(whole)
    _kept(whole)
    stored = {
        str(path.relative_to(whole)): path.read_bytes()
        for path in sorted(whole.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
    names = list(READERS)
    parts = {kind: [path for path in stored if path.startswith(kind)] for kind in FOLDERS}

    corpus = sorted(CORPUS.iterdir())

    def past(index: int) -> tuple[str, str, bytes]:
        """Return what failed once: ``label.name``, for a store its status."""
        name = corpus[index % len(corpus)].name.partition(".")[2]
        path = {"s.zarr": "s.zarr/status/c/0", "points": parts["points"][-1]}.get(name, name)
        return name, path, corpus[index % len(corpus)].read_bytes()

    def draw(index: int) -> tuple[str, str, bytes]:
        """Return the kind of file, the file damaged, and its bytes."""
        rng = np.random.default_rng([seed, index])
        weights = np.array([4 if name.endswith((".nc", ".npz")) else 2 for name in names])
        name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        path = str(rng.choice(parts[name])) if name in FOLDERS else name
        data = stored[path] if name in FOLDERS else good(name, rng)
        return name, path, damaged(data, path, rng)

    def case(index: int) -> object:
        _ = place  # which lives as long as this
        name, path, data = draw(index) if seed >= 0 else past(index)
        folder = root / "case"
        shutil.rmtree(folder, ignore_errors=True)
        if name in FOLDERS:
            shutil.copytree(whole, folder)
        else:
            folder.mkdir()
        for pair in (("LVC.template", "V0.txt"), ("s.hess", "s.engrad")):
            for other in pair if name in pair else ():
                (folder / other).write_bytes(FIXED[other])
        (folder / path).write_bytes(data)
        return READERS[name](folder)

    def show(index: int) -> str:
        _, path, data = draw(index) if seed >= 0 else past(index)
        return f"{path}, {len(data)} bytes: {data[:200]!r}"

    return case, show


if __name__ == "__main__":
    sys.exit(_workers.main("data", __doc__, make, 5000))
