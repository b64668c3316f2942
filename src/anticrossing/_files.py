"""Names of files as arguments, and files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anticrossing.checks import InputError, describe, fail


def path_of(name: str, value: Any) -> Path:
    """Return an argument that names a file or a directory as a path, or raise `InputError`."""
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise fail(name, "be the name of a file", f"it is {describe(value)}")
    if not os.fspath(value) or "\0" in os.fspath(value):
        raise fail(name, "be the name of a file", f"it is {os.fspath(value)!r}")
    return Path(value)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file under a temporary name, which then takes the place of `path`."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"The file {path} cannot be written: {error}.") from None
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)


def write_text(path: Path, lines: list[str]) -> None:
    """Write lines of text, the whole file or nothing."""
    write_whole(path, lambda file: file.write_text("\n".join(lines) + "\n", encoding="utf-8"))
