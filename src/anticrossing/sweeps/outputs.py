"""What the points of a sweep give: the first that succeeds says which outputs of which shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.sweeps.evaluate import Block, Group

PENDING, DONE, FAILED = 0, 1, 2
MEANINGS = ("pending", "done", "failed")


@dataclass(frozen=True)
class Output:
    """Shape and type of one output at one point."""

    shape: tuple[int, ...]
    is_complex: bool

    @property
    def dtype(self) -> type[Any]:
        """The type it is kept in."""
        return np.complex128 if self.is_complex else np.float64

    @property
    def missing(self) -> complex | float:
        """The value at points that failed."""
        return complex(np.nan, np.nan) if self.is_complex else np.nan


Schema = Mapping[str, Output]


@dataclass(eq=False)
class ChunkData:
    """All points of one chunk, in order: `status` (n,), `messages` (n,) and `values` (n, …)."""

    status: npt.NDArray[np.uint8]
    messages: npt.NDArray[Any]
    values: dict[str, npt.NDArray[Any]]

    @classmethod
    def pending(cls, size: int, schema: Schema | None) -> ChunkData:
        """Return a chunk nothing is known about yet."""
        values = {
            name: np.full((size, *output.shape), output.missing, dtype=output.dtype)
            for name, output in (schema or {}).items()
        }
        messages = np.full(size, "", dtype=object)
        return cls(np.full(size, PENDING, dtype=np.uint8), messages, values)

    def enter(self, block: Block, positions: npt.NDArray[Any], schema: Schema | None) -> None:
        """Enter the points of a block that stand at `positions` of the chunk."""
        for k, text in block.failures.items():
            self._fail(positions[k], text)
        for group in block.groups:
            where = positions[group.positions]
            refused = "no point gave outputs" if schema is None else _mismatch(group, schema)
            if refused:
                self._fail(where, refused)
                continue
            for name, values in group.values.items():
                self.values[name][where] = values
            self.status[where], self.messages[where] = DONE, ""

    def _fail(self, where: Any, text: str) -> None:
        self.status[where], self.messages[where] = FAILED, text


def schema_of(block: Block) -> Schema | None:
    """Return the outputs of the first point of a block that succeeded, None if none did."""
    if not block.groups:
        return None
    first = min(block.groups, key=lambda group: int(group.positions[0]))
    return {
        name: Output(array.shape[1:], array.dtype.kind == "c")
        for name, array in first.values.items()
    }


def _mismatch(group: Group, schema: Schema) -> str:
    """Say why outputs are not those of the first point, or return an empty text."""
    for name in schema:
        if name not in group.values:
            return f"the output `{name}` is missing, which the first point gave"
    for name, array in group.values.items():
        if name not in schema:
            return f"the output `{name}` is none of those of the first point"
        if array.shape[1:] != schema[name].shape:
            return (
                f"the output `{name}` has the shape {array.shape[1:]}, "
                f"but {schema[name].shape} at the first point"
            )
        if array.dtype.kind == "c" and not schema[name].is_complex:
            return f"the output `{name}` is complex, but it was real at the first point"
    return ""
