"""Chunks of an ensemble on disk: a file is complete or not there, so that a run can go on."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields
from pathlib import Path

import numpy as np

from anticrossing.checks import InputError
from anticrossing.trajectories._chunks import Chunk
from anticrossing.trajectories.request import Request

_ENSEMBLE = "ensemble.json"
_FREE = ("threads", "hamiltonian")  # what may differ, or is compared by its values


class Store:
    """A directory with the finished chunks of one ensemble."""

    def __init__(self, directory: str | Path, request: Request) -> None:
        self.directory = Path(directory)
        description = _describe(request)
        marker = self.directory / _ENSEMBLE
        if self.directory.exists() and not self.directory.is_dir():
            raise InputError(f"The store {directory} must be a directory, but it is a file.")
        if marker.exists():
            found = json.loads(marker.read_text(encoding="utf-8"))
            for key, value in description.items():
                if found.get(key) != value:
                    raise InputError(
                        f"The store {directory} must hold this ensemble, but its `{key}` is "
                        f"{found.get(key)}, not {value}: choose another directory."
                    )
            return
        if self.directory.exists() and any(self.directory.iterdir()):
            raise InputError(
                f"The store {directory} must be new, empty or one of this ensemble, but it holds "
                "other files."
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        self._replace(marker, json.dumps(description, indent=2).encode())

    def load(self, first: int) -> Chunk | None:
        """Return the chunk that begins with trajectory `first` if it is there."""
        path = self._path(first)
        if not path.exists():
            return None
        with np.load(path) as data:
            return {key: data[key] for key in data.files}

    def save(self, first: int, chunk: Chunk) -> None:
        """Write a chunk under a temporary name, then give it its own."""
        path = self._path(first)
        temporary = path.with_name(f".{path.stem}-{os.getpid()}.npz")
        with temporary.open("wb") as file:
            np.savez_compressed(file, **chunk)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def _path(self, first: int) -> Path:
        return self.directory / f"trajectories-{first:09d}.npz"

    @staticmethod
    def _replace(path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{path.name}-{os.getpid()}")
        temporary.write_bytes(content)
        os.replace(temporary, path)


def _describe(request: Request) -> dict[str, str]:
    """Return everything the results depend on, H by its values where trajectories may start."""
    H = request.hamiltonian
    points, _ = request.initial.draw(request.masses, 16, np.random.default_rng(0))
    where = points if len(H.coordinates) > 1 else points[:, 0]
    digest = hashlib.sha256()
    for values in (H(where), H.gradient(where)):
        digest.update(np.ascontiguousarray(values).tobytes())
    description = {"hamiltonian": f"{H!r} {digest.hexdigest()[:16]}"}
    for field in fields(request):
        if field.name in _FREE:
            continue
        value = getattr(request, field.name)
        if field.name == "initial":
            parts = {f.name: np.asarray(getattr(value, f.name)).tolist() for f in fields(value)}
            value = f"{type(value).__name__} {parts}"
        elif isinstance(value, np.ndarray):
            value = value.tolist()
        description[field.name] = str(value)
    return description
