"""Files a user gives: whatever is wrong with one ends in one line that names it."""

from __future__ import annotations

import codecs
import json
import math
import mmap
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anticrossing._core.checks import AnticrossingError, InputError, fail, require

if TYPE_CHECKING:
    import h5py
    import numpy.typing as npt
    import xarray

LARGEST_TEXT = 2**24  # bytes
# What a file may claim to hold: packed numbers can exceed the size of the file, within limits.
_PACKED, _FREE = 8, 2**27  # times its size, and bytes
_MOST_GROUPS, _DEEPEST = 10_000, 16
_MARKS = {  # the four bytes of UTF-32 begin with the two of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a library says about a damaged file into an `InputError` that names it."""
    try:
        yield
    except AnticrossingError:
        raise
    except Exception as error:  # noqa: BLE001 - libraries raise everything where bytes are wrong
        said = "".join(c if c.isprintable() else " " for c in str(error).strip("'\""))
        reason = " ".join(said.split())[:150] or type(error).__name__
        raise InputError(f"The file {path} cannot be read as {what}: {reason}.") from None


def size_of(path: Path) -> int:
    """Return the size of a regular file; opening a pipe would wait for somebody to write.

    Raises
    ------
    InputError
        If it is a directory, a device or a pipe.
    OSError
        If it is not there.
    """
    if "\0" in str(path):
        raise fail("path", "be the name of a file", f"it is {str(path)!r}")
    size = path.stat().st_size
    if not path.is_file():
        raise InputError(f"{path} is not a regular file.")
    return size


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """Return a text in UTF-8, or in UTF-16 or UTF-32 if it says so, with simple line ends.

    Raises
    ------
    InputError
        If it is larger than `largest` bytes, no text, or holds control characters.
    OSError
        If the file cannot be read.
    """
    size_of(path)
    with path.open("rb") as stream:
        raw = stream.read(largest + 1)
    if len(raw) > largest:
        raise InputError(f"{path} is larger than the {largest} bytes that such a text may have.")
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        name = encoding.removesuffix("-sig").upper()
        raise InputError(f"{path} is not a text file ({name}).") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Escape sequences must not reach a terminal, and nothing but a line end may end a line.
    for character in set(text):
        if unicodedata.category(character) in ("Cc", "Zl", "Zp") and character not in "\n\t":
            code = f"U+{ord(character):04X}"
            raise InputError(f"{path} is not a text file: it holds the control character {code}.")
    return text


def read_json(path: Path) -> Any:
    """Return the content of a JSON file, or raise `InputError` or `OSError`."""
    text = read_text(path)
    with reading(path, "JSON"):
        return json.loads(text)


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an npz file; what it declares is checked before anything is allocated.

    Raises
    ------
    InputError
        If the file is damaged, or does not hold what it declares.
    OSError
        If it is not there.
    """
    from numpy.lib import format as npy

    size, arrays = size_of(path), {}
    with reading(path, "npz"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_declared(path, size, sum(member.file_size for member in members))
        for member in members:
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("it is packed in a way that NumPy does not use")
            with archive.open(member) as stream:
                read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
                shape, _, dtype = read[npy.read_magic(stream)](stream)
                if math.prod(shape) * dtype.itemsize != member.file_size - stream.tell():
                    raise ValueError("an array is not as long as its header says")
                stream.seek(0)
                name = _checked_name(member.filename.removesuffix(".npy"))
                arrays[name] = npy.read_array(stream, allow_pickle=False)
    return arrays


@contextmanager
def open_netcdf(path: Path, group: str = "") -> Iterator[xarray.Dataset]:
    """Open a NetCDF file of numbers, or a group of it: variables of text are left out.

    What it declares is checked before anything is allocated, and errors within the context are
    turned into one line.

    Raises
    ------
    InputError
        If the file is damaged, or does not hold what it declares.
    OSError
        If it is not there.
    """
    size = size_of(path)
    xarray = require("xarray", "files", "A NetCDF file")
    for package in ("h5py", "h5netcdf"):
        require(package, "files", "A NetCDF file")
    with reading(path, "NetCDF"):
        _check_heaps(path)
        left_out = _check_hdf5(path, size, group)
        with xarray.open_dataset(
            path, engine="h5netcdf", drop_variables=left_out, group=group or None
        ) as dataset:
            yield dataset


def groups_with(path: Path, name: str) -> list[str]:
    """Return the groups of a NetCDF file that hold a variable, the root as ``""``.

    Raises
    ------
    InputError
        If the file is damaged, or its groups are too many or too deep.
    """
    size_of(path)
    require("h5py", "files", "A NetCDF file")
    with reading(path, "NetCDF"):
        _check_heaps(path)
        import h5py

        found, waiting = [], [("", 0)]
        with h5py.File(path, "r") as file:
            for seen, (place, depth) in enumerate(waiting):
                if seen > _MOST_GROUPS or depth > _DEEPEST:
                    raise ValueError("its groups are too many or too deep")
                here = file[place] if place else file
                for key in here:
                    if not isinstance(here.get(_checked_name(key), getlink=True), h5py.HardLink):
                        raise ValueError("it refers to another place")
                    if isinstance(here[key], h5py.Group):
                        waiting.append((f"{place}/{key}", depth + 1))
                    elif key == name:
                        found.append(place)
    return found


def _check_heaps(path: Path) -> None:
    """Raise for a heap of HDF5 in which a size leads backwards: the library would never return."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        start = max(raw.find(b"\x89HDF\r\n\x1a\n"), 0)
        width = raw[start + (14 if raw[start + 8] < 2 else 10)]  # of a size
        head, at = 8 + width, -1
        while (at := raw.find(b"GCOL\1", at + 1)) >= 0:
            place, end = at + head, at + int.from_bytes(raw[at + 8 : at + head], "little")
            end = min(end, len(raw))
            while place + head <= end:
                size = int.from_bytes(raw[place + 8 : place + head], "little")
                free = raw[place : place + 2] == b"\0\0"  # its size includes its head
                step = size if free else head + -(-size // 8) * 8
                if not head <= step <= end - place:
                    raise ValueError("a size in a heap is wrong")
                place += step


def _check_hdf5(path: Path, size: int, group: str = "") -> list[str]:
    """Read what a group of an HDF5 file says of itself, and return the names of its texts."""
    # The libraries above this one leave a traceback on the terminal if they stop half-way.
    import h5py

    texts, declared = [], 0
    with h5py.File(path, "r") as whole:
        file = whole[group] if group else whole
        _check_attributes(file, size)
        for name in file:
            if not isinstance(file.get(_checked_name(name), getlink=True), h5py.HardLink):
                raise ValueError("it refers to another place")
            item = file[name]
            if not isinstance(item, h5py.Dataset):
                continue
            _check_attributes(item, size)
            if item.is_virtual or item.external:
                raise ValueError("it refers to another file")
            count = math.prod(item.shape or ())
            declared += count * max(item.dtype.itemsize, 8)
            if item.dtype.kind in "OSU":
                texts.append(name)
            elif item.chunks:
                declared += math.prod(item.chunks) * item.dtype.itemsize
            elif item.id.get_storage_size() not in (0, count * item.dtype.itemsize):
                raise ValueError("an array is not as long as its header says")
        _check_declared(path, size, declared)
    return texts


def _check_attributes(item: h5py.Group | h5py.Dataset, size: int) -> None:
    for name in item.attrs:
        if item.attrs.get_id(name).get_storage_size() > size:
            raise ValueError("an attribute is larger than the file")
        _ = item.attrs[name]


def _check_declared(path: Path, size: int, declared: int) -> None:
    if declared > _FREE + _PACKED * size:
        raise InputError(
            f"The file {path} of {size} bytes must hold what it declares, but it declares "
            f"{declared:.3g} bytes."
        )


def _checked_name(name: str) -> str:
    """Return a name that can stand in a message of one line, or raise `ValueError`."""
    if not name.isprintable() or len(name) > 200:
        raise ValueError("a name in it is not text")
    return name
