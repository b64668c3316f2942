"""How a sweep is laid out as a dataset: dimensions, coordinates, attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from anticrossing._core.checks import InputError, describe, fail
from anticrossing.sweeps import provenance
from anticrossing.sweeps.grid import MOST_AXES, MOST_CHUNKS, RESERVED, Chunks, Grid, Values, is_name
from anticrossing.sweeps.outputs import MEANINGS, Schema
from anticrossing.sweeps.target import Target


class Coordinate(NamedTuple):
    """A coordinate: its name, the dimension it lies along, values and attributes."""

    name: str
    dim: str
    values: Values
    attributes: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything about a sweep but its numbers."""

    grid: Grid
    target: Target
    seed: int | None

    def identity(self) -> dict[str, str]:
        """Return what must agree, besides the values of the parameters, to be the same sweep."""
        axes = [f"{axis.name} ({', '.join(axis.parameters)})" for axis in self.grid.axes]
        return {
            **self.target.identity,
            "the list of axes": " × ".join(axes),
            "the seed": "none" if self.seed is None else str(self.seed),
            **{f"the unit of `{name}`": unit for name, unit in self.grid.units.items()},
            **{f"the list of axes of `{k}`": ", ".join(v) for k, v in self.target.dims.items()},
            **{f"the version of {k}": v for k, v in provenance.versions().items()},
        }

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the whole: the same for every run of the same sweep."""
        return {
            **self.target.attributes,
            **({} if self.seed is None else {"seed": self.seed}),
            "anticrossing_version": provenance.versions()["anticrossing"],
            "versions": json.dumps(provenance.versions()),
            "identity": json.dumps(self.identity(), ensure_ascii=False),
        }

    def coordinates(self) -> Iterator[Coordinate]:
        """Yield the swept parameters."""
        for axis in self.grid.axes:
            for name, values in axis.parameters.items():
                yield Coordinate(name, axis.name, values, self.details(name))

    def details(self, name: str) -> dict[str, Any]:
        """Return the attributes of a parameter or an output."""
        unit = {"units": self.grid.units[name]} if name in self.grid.units else {}
        return {**self.target.details.get(name, {}), **unit}

    def status_details(self) -> dict[str, Any]:
        """Return the attributes of the status of the points."""
        return {
            "long_name": "whether the point is computed",
            "flag_values": list(range(len(MEANINGS))),
            "flag_meanings": " ".join(MEANINGS),
        }

    def dims(self, schema: Schema) -> dict[str, tuple[str, ...]]:
        """Return the dimensions of every output, or raise if names clash."""
        taken = {*RESERVED, *self.grid.names, *self.grid.dims}
        sizes: dict[str, int] = dict(zip(self.grid.dims, self.grid.shape, strict=True))
        sizes.update({name: len(values) for name, values in self.target.labels.items()})
        result = {}
        for name, output in schema.items():
            if not is_name(name):
                raise InputError(
                    f"An output must have a name that can be that of a file, not {describe(name)}."
                )
            if (axes := len(self.grid.dims) + len(output.shape)) > MOST_AXES:
                raise InputError(
                    f"The output `{name}` must have at most {MOST_AXES} axes with those of the "
                    f"grid, but it has {axes}."
                )
            default = [f"{name}_axis_{k}" for k in range(len(output.shape))]
            own = tuple(self.target.dims.get(name, default))
            if name in taken or name in self.target.labels:
                raise InputError(f"An output must not be called `{name}`: that name is taken.")
            if len(own) != len(output.shape) or len({*own, *self.grid.dims}) < len(own) + len(
                self.grid.dims
            ):
                raise fail(
                    "output_dims",
                    f"give `{name}` {len(output.shape)} axes besides those of the grid",
                    f"they are {own}",
                )
            for dim, size in zip(own, output.shape, strict=True):
                if sizes.setdefault(dim, size) != size:
                    raise InputError(
                        f"The axis `{dim}` of the output `{name}` has {size} entries, but "
                        f"{sizes[dim]} elsewhere."
                    )
            result[name] = (*self.grid.dims, *own)
        if unknown := [name for name in self.target.dims if name not in schema]:
            raise fail("output_dims", "name outputs", f"there is no output `{unknown[0]}`")
        known = {*schema, *self.grid.names, *self.target.labels}
        if unknown := [name for name in self.grid.units if name not in known]:
            raise fail("units", "name parameters or outputs", f"there is no `{unknown[0]}`")
        return result

    def labels(self, dims: Mapping[str, tuple[str, ...]]) -> dict[str, list[Any]]:
        """Return the labels along those axes of the outputs that have some."""
        used = {dim for own in dims.values() for dim in own}
        return {name: list(v) for name, v in self.target.labels.items() if name in used}

    def chunks(self, size: int | None) -> Chunks:
        """Return the chunks of the grid, or raise if they are too many."""
        chunks = Chunks.of(self.grid.shape, size, vectorised=self.target.vectorised)
        if chunks.count > MOST_CHUNKS:
            must = f"cut the grid into at most {MOST_CHUNKS} chunks"
            raise fail("chunk_size", must, f"{size} makes {chunks.count}")
        return chunks
