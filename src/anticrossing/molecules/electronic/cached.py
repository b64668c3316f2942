"""States whose points are kept in a folder, so that a run that was ended goes on from there."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, instance
from anticrossing._core.files import path_of, write_bytes
from anticrossing._core.reading import read_npz
from anticrossing.molecules.electronic.base import ElectronicStates, StatePoint

_SAME = 1e-6  # of energies: programs converge as far
_PARTS = ("position", "energies", "gradients", "couplings", "overlaps")


class CachedStates(ElectronicStates):
    """The same states, every point that was computed kept in a folder.

    A point is found again by its coordinates and those of the point before, to the last bit; so
    trajectories that are run again with the same seed take from the folder what they had, with
    the same result, and go on. A file that is damaged is computed again, and the first point that
    is taken is computed once more and compared: a function or program does not tell its settings.

    Parameters
    ----------
    states : ElectronicStates
        Who computes what is not there. One folder belongs to one source with its settings.
    folder : path
        Made if it does not exist.

    Attributes
    ----------
    computed, reused : int
        How many points were computed and how many taken from the folder.

    Raises
    ------
    InputError
        If the folder belongs to states of another description, or of other energies.

    Examples
    --------
    >>> import tempfile
    >>> from anticrossing.models import TullySimple
    >>> from anticrossing.molecules.electronic import HamiltonianStates
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     states = CachedStates(HamiltonianStates(TullySimple()), folder)
    ...     first, again = states([0.5]), states([0.5])
    >>> states.computed, states.reused
    (1, 1)
    """

    def __init__(self, states: ElectronicStates, folder: str | Path) -> None:
        instance("states", states, ElectronicStates)
        self.states, self.folder = states, path_of("folder", folder)
        self.dimension, self.coordinates = states.dimension, states.coordinates
        self.units, self.provides, self.masses = states.units, states.provides, states.masses
        self.largest_jump, self.least_overlap = states.largest_jump, states.least_overlap
        self.computed = self.reused = 0
        self._compared = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            sign = self.folder / "states.txt"
            text = f"{states!r}\n{' '.join(states.coordinates)}\n".encode()
            if not sign.exists():
                write_bytes(sign, text)
            elif (kept := sign.read_bytes()) != text:
                first = kept.partition(b"\n")[0][:200].decode("utf-8", "replace")
                shown = first if first.isprintable() else repr(first)
                raise InputError(f"{self.folder} keeps other states, {shown}: name another folder.")
        except OSError as error:
            raise InputError(f"{self.folder} cannot be used: {error}") from None

    def _solve(self, position: FloatArray, before: StatePoint | None) -> StatePoint:
        key = position.tobytes() + (b"" if before is None else before.position.tobytes())
        place = self.folder / f"{hashlib.sha256(key).hexdigest()[:32]}.npz"
        kept = _read(place)
        if kept is not None and np.array_equal(kept.position, position):
            if not self._compared:
                self._compare(kept, self.states.at(position, before))
            self.reused += 1
            return kept
        found = self.states.at(position, before)
        self.computed += 1
        content: dict[str, Any] = {name: getattr(found, name) for name in _PARTS}
        content |= {f"wave_{name}": array for name, array in found.wave.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **{k: v for k, v in content.items() if v is not None})
        write_bytes(place, buffer.getvalue())
        return found

    def _compare(self, kept: StatePoint, found: StatePoint) -> None:
        """Raise where a kept point is that of other states."""
        same = kept.energies.shape == found.energies.shape
        apart = float(np.abs(kept.energies - found.energies).max()) if same else np.inf
        if not apart <= _SAME * np.abs(found.energies).max():
            raise InputError(
                f"{self.folder} keeps other states, whose energies differ by {apart:.3g}: name "
                "another folder."
            )
        self._compared = True

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"computed": 0, "reused": 0}  # what was counted is no part of it

    def __repr__(self) -> str:
        return repr(self.states)


def _read(place: Path) -> StatePoint | None:
    """Return a point that was kept, or None where there is none that can be read."""
    try:
        content = read_npz(place)
        parts: dict[str, Any] = {name: content.pop(name, None) for name in _PARTS}
        wave = {name.removeprefix("wave_"): array for name, array in content.items()}
        whole = all(parts[name] is not None for name in _PARTS[:3])
        return StatePoint(**parts, wave=wave) if whole else None
    except (OSError, InputError):
        return None
