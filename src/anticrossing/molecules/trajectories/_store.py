"""Chunks of an ensemble on disk: a file is complete or not there, so that a run can go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from anticrossing._core.checks import InputError
from anticrossing._core.files import path_of, write_npz, write_text
from anticrossing._core.reading import read_json, read_npz
from anticrossing._version import __version__
from anticrossing.hamiltonian import TermHamiltonian
from anticrossing.molecules.trajectories._chunks import Chunk
from anticrossing.molecules.trajectories.request import Request

_ENSEMBLE = "ensemble.json"
_FREE = ("threads", "hamiltonian")  # what may differ, or is compared by its values


class Store:
    """A directory with the finished chunks of one ensemble."""

    def __init__(self, directory: str | Path, request: Request) -> None:
        self.directory = path_of("store", directory)
        marker = self.directory / _ENSEMBLE
        try:
            if self.directory.exists() and not self.directory.is_dir():
                raise InputError(f"The store {directory} must be a directory, but it is a file.")
            known = marker.exists()
            if not known and self.directory.exists():
                # A run killed while it wrote the marker leaves a file of another name.
                left = [path.name for path in self.directory.iterdir()]
                if any(not name.startswith(f".{_ENSEMBLE}-") for name in left):
                    raise InputError(
                        f"The store {directory} must be new, empty or one of this ensemble, but "
                        "it holds other files."
                    )
            description = _describe(request)
            if known:
                _compare(marker, description)
                return
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The store {directory} cannot be used: {error}.") from None
        write_text(marker, [json.dumps(description, indent=2)])

    def load(self, first: int, count: int) -> Chunk | None:
        """Return the chunk of `count` trajectories from `first` on; None if absent or damaged."""
        path = self._path(first)
        if not path.exists():
            return None
        try:
            chunk: Chunk = read_npz(path)
            return chunk if len(chunk["position"]) == len(chunk["seeds"]) == count else None
        except (InputError, OSError, KeyError, TypeError):
            return None

    def save(self, first: int, chunk: Chunk) -> None:
        """Write a chunk, whole."""
        write_npz(self._path(first), chunk, compress=True)

    def _path(self, first: int) -> Path:
        return self.directory / f"trajectories-{first:09d}.npz"


def _compare(marker: Path, description: dict[str, str]) -> None:
    """Raise `InputError` unless the store was made for the same ensemble."""
    try:
        found = read_json(marker)
        _, same = found["version"], found.keys() == description.keys()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"The file {marker} must describe an ensemble, but it is damaged: choose another "
            "directory."
        ) from None
    if not same:
        raise InputError(
            f"The store {marker.parent} was written by another version of anticrossing: choose "
            "another directory."
        )
    for key, value in description.items():
        if found[key] != value:
            raise InputError(
                f"The store {marker.parent} must hold this ensemble, but its `{key}` is "
                f"{found[key]}, not {value}: choose another directory."
            )


def _describe(request: Request) -> dict[str, str]:
    """Return everything the results depend on, a function H by its values at possible starts."""
    H = request.hamiltonian
    points, _ = request.initial.draw(request.masses, 16, np.random.default_rng(0))
    where = points if len(H.coordinates) > 1 else points[:, 0]
    digest = hashlib.sha256()
    values = [H(where), H.gradient(where)]
    if isinstance(H, TermHamiltonian):
        # Where trajectories start far out, different formulas may have the same values.
        digest.update(repr(H.coefficients).encode())
        dense = [m if isinstance(m, np.ndarray) else m.toarray() for m in H.matrices]
        values += [*dense, *H.parameters.values()]
    for array in values:
        digest.update(np.ascontiguousarray(array).tobytes())
    description = {
        "version": __version__,
        "hamiltonian": f"{H!r} {digest.hexdigest()[:16]}",
        "units": str(H.units),
    }
    for field in fields(request):
        if field.name in _FREE:
            continue
        value = getattr(request, field.name)
        if field.name == "initial":
            parts = {name: np.asarray(part).tolist() for name, part in vars(value).items()}
            value = f"{type(value).__name__} {parts}"
        elif isinstance(value, np.ndarray):
            value = value.tolist()
        description[field.name] = str(value)
    return description
