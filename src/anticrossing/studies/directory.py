"""Results on disk: a directory that appears complete or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from anticrossing._core.checks import InputError
from anticrossing._core.files import path_of, write_bytes, write_text
from anticrossing._core.reading import read_json
from anticrossing.studies import page
from anticrossing.studies.outcome import Outcome

MARKER = "summary.json"
FILES = (MARKER, "result.nc", "experiment.toml", "figure.png", "figure.svg", "report.html")
"""Every file a result directory may hold; anything else in it belongs to somebody."""

_OLD = "-old"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def check_target(directory: str | Path) -> Path:
    """Return `directory` as a path a result may be written to, or raise before any work.

    It may not exist yet, be empty, or hold an earlier result, which will be replaced.

    Raises
    ------
    InputError
        If it is a file, lies under a file, cannot be written to, or holds anything else.
    """
    named = path_of("directory", directory)
    with _one_line(named):
        target = named.absolute()
    with _one_line(target):
        return _checked(directory, target)


def _checked(directory: str | Path, target: Path) -> Path:
    if target.is_symlink():
        try:
            target = target.resolve()
        except (OSError, RuntimeError):
            raise InputError(f"The output directory {directory} is a link to itself.") from None
    if _is_current(target) or not target.name or target.name == "..":
        raise InputError(f"The output directory {directory} must be a new one, with a name.")
    _recover(target)
    existing = target
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise InputError(f"The output directory {target} cannot be made: {existing} is a file.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"The output directory {target} cannot be written to: no permission.")
    if existing == target:
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise InputError(f"The output directory {target} cannot be replaced: no permission.")
        _check_replaceable(target)
    return target


def _is_current(target: Path) -> bool:
    try:
        return target == Path.cwd()
    except OSError:  # it has been removed
        return False


def replace_directory(directory: str | Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a new directory beside `directory`, then put it in its place.

    Nothing is left behind if `write` fails, and an earlier result stays until the new one is
    complete.

    Parameters
    ----------
    directory : str or Path
        See `check_target`.
    write : callable
        Receives the path of an empty directory.

    Returns
    -------
    Path
        The directory written.
    """
    target = check_target(directory)
    with _one_line(target):
        made = _make_parents(target.parent)
    try:
        temporary = target.with_name(_stem(target) + secrets.token_hex(4))
        with _one_line(target):
            temporary.mkdir()
        try:
            write(temporary)
            with _one_line(target):
                _swap(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except InputError as error:
        _remove(made)
        raise InputError(str(error).replace(str(temporary), str(target))) from None
    except BaseException:
        _remove(made)
        raise
    return target


@contextlib.contextmanager
def _one_line(target: Path) -> Iterator[None]:
    """Say in one line what the system has against a directory."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"The output directory {target} cannot be written: {why}.") from None


def _remove(made: list[Path]) -> None:
    for parent in made:
        parent.rmdir()


def save(result: Outcome, directory: str | Path) -> Path:
    """Write a result: data (NetCDF), numbers (JSON), the file, figure and report.

    Parameters
    ----------
    result : Outcome
    directory : str or Path
        Replaced as a whole if it holds an earlier result; see `check_target`.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    InputError
        If the directory or a file in it cannot be written; see `check_target`.
    """

    def write(folder: Path) -> None:
        result.save(folder / "result.nc")
        write_json(folder / MARKER, result.summary())
        write_bytes(folder / "experiment.toml", result.experiment.text.encode("utf-8"))
        for name, content in page.files(result).items():
            write_bytes(folder / name, content)

    return replace_directory(directory, write)


def write_json(path: Path, content: object) -> None:
    """Write strict JSON (no NaN)."""
    write_text(path, [json.dumps(content, indent=2, allow_nan=False)])


def _check_replaceable(target: Path) -> None:
    entries = {entry.name for entry in target.iterdir()}
    if not entries:
        return
    foreign = sorted(entries - set(FILES))
    if foreign or not _is_result(target / MARKER):
        found = foreign[0] if foreign else sorted(entries)[0]
        raise InputError(
            f"The output directory {target} holds something that is not a result ({found}): "
            "choose another, or empty it."
        )


def _is_result(marker: Path) -> bool:
    try:
        content = read_json(marker)
    except (OSError, InputError):
        return False
    return isinstance(content, dict) and "anticrossing" in content


def _make_parents(parent: Path) -> list[Path]:
    """Make missing parents; return those made, innermost first."""
    missing = []
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    made: list[Path] = []
    try:
        for path in reversed(missing):
            path.mkdir()
            made.insert(0, path)
    except OSError:
        for path in made:
            path.rmdir()
        raise
    return made


def _swap(temporary: Path, target: Path) -> None:
    """Put a complete directory in the place of another, which is removed."""
    if not target.exists():
        temporary.rename(target)
        return
    if _exchange(temporary, target):
        return  # what was there before now has the temporary name
    # Two renames: for an instant the target is missing. What stops the process then leaves the
    # earlier result under a name by which `check_target` finds it again.
    old = temporary.with_name(temporary.name + _OLD)
    try:
        target.rename(old)
        temporary.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two directories in one step, where the system can."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    names = [os.fsencode(path) for path in (one, other)]
    done: int = rename(_HERE, names[0], _HERE, names[1], _EXCHANGE)
    return done == 0


def _stem(target: Path) -> str:
    """Return how the names of what replaces a directory, and of what it replaces, begin."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return f".{target.name[:40]}-{digest}-"


def _recover(target: Path) -> None:
    """Give an earlier result its name again if a process was killed between two renames."""
    if target.exists() or target.is_symlink() or not target.parent.is_dir():
        return
    stem = _stem(target)
    left = [
        path
        for path in target.parent.iterdir()
        if path.name.startswith(stem) and path.name.endswith(_OLD) and _is_result(path / MARKER)
    ]
    if left:
        max(left, key=lambda path: path.stat().st_mtime).rename(target)
