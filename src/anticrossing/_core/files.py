"""Names of files as arguments, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anticrossing._core.checks import InputError, describe, fail, require

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray


def path_of(name: str, value: Any) -> Path:
    """Return an argument that names a file or a directory as a path, or raise `InputError`."""
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise fail(name, "be the name of a file", f"it is {describe(value)}")
    if not os.fspath(value) or "\0" in os.fspath(value):
        raise fail(name, "be the name of a file", f"it is {os.fspath(value)!r}")
    return Path(value)


def replace(path: Path, data: bytes, temporary: Path | None = None) -> None:
    """Write a file under a temporary name, force it to the disk, and put it in place of `path`.

    Raises
    ------
    OSError
        If the system refuses; nothing is left behind, and what was there before stays.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():  # a device, a pipe: nothing may take its place
        path.write_bytes(data)
        return
    partial = temporary or path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all, or raise `InputError`."""
    try:
        replace(path, data)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"The file {path} cannot be written: {why}.") from None


def write_text(path: Path, lines: list[str]) -> None:
    """Write lines of text, the whole file or nothing."""
    write_bytes(path, ("\n".join(lines) + "\n").encode("utf-8"))


def write_netcdf(path: Path, dataset: xarray.Dataset) -> None:
    """Write NetCDF, encoded in memory first: the encoding library fails badly on a full disk."""
    require("h5netcdf", "files", "A NetCDF file")
    encoded = io.BytesIO()
    dataset.to_netcdf(encoded, engine="h5netcdf")
    write_bytes(path, encoded.getvalue())


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]], *, compress: bool) -> None:
    """Write arrays as an npz file, encoded in memory first."""
    import numpy as np

    encoded = io.BytesIO()
    save: Callable[..., None] = np.savez_compressed if compress else np.savez
    save(encoded, **arrays)
    write_bytes(path, encoded.getvalue())
