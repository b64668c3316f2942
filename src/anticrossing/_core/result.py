"""What everything that is computed offers: a line, a table, HTML, a dataset, a picture, a file.

A class names its arrays once, in `_variables`; the rest follows from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from anticrossing._core.checks import fail
from anticrossing._core.files import path_of, write_text
from anticrossing._core.variables import Shown, Variable, in_units, points, real, rows, value_text

if TYPE_CHECKING:
    import os

    import xarray

_MOST_SCALARS = 5  # in a line
_MOST_DIMS = 5


class Printed:
    """Base of what prints as several lines: a notebook shows them as HTML."""

    def _repr_html_(self) -> str:
        from anticrossing._core import html

        return html.render(str(self), {})


class Result(Printed):
    """Base of everything that is computed."""

    _variables: ClassVar[Mapping[str, Shown]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" not in vars(cls):  # or a dataclass would write one with all its arrays
            cls.__repr__ = Result.__repr__  # type: ignore[method-assign]

    def variables(self) -> dict[str, Variable]:
        """Return the numbers of the result by name, with dimensions, meaning and unit."""
        found = {}
        for name, (dims, text, unit, of) in self._variables.items():
            values = getattr(self, of or self._attribute(name))
            if values is not None:
                array = np.asarray(values)
                if dims == (name,) and array.ndim > 1:  # a coordinate at parameter points
                    first = array[(0,) * (array.ndim - 1)] if array.size else array
                    if np.all(array == first):
                        array = first
                    else:
                        name = f"{name}_at_point"
                axes = (*points(array.ndim - len(dims)), *dims)
                found[name] = Variable(axes, array, text, in_units(unit, self._own_units()))
        return found

    def _attribute(self, name: str) -> str:
        """Return the attribute of a variable that names none: of the same name, or its plural."""
        known = name in vars(self) or hasattr(type(self), name)
        return name if known else f"{re.sub('y$', 'ie', name)}s"

    def notes(self) -> tuple[str, ...]:
        """Return what a user must know before using the result, one sentence each."""
        return tuple(getattr(self, "warnings", ()))

    def _own_units(self) -> Any:
        """Return the units of the result; None for natural ones."""
        return getattr(self, "units", None)

    def _attributes(self) -> dict[str, Any]:
        """Return what its dataset says besides the variables: settings, a verdict."""
        return {}

    def _rows(self) -> list[tuple[str, str, str]]:
        """Return name, value and meaning of everything, settings first."""
        settings = [(name, str(value), "") for name, value in self._attributes().items()]
        return [*settings, *rows(self.variables())]

    def __repr__(self) -> str:
        variables = self.variables()
        said = [f"{name}={value_text(v)}" for name, v in variables.items() if not v.dims]
        sizes: dict[str, int] = {}
        for variable in variables.values():
            sizes.update(zip(variable.dims, np.shape(variable.values), strict=True))
        extents = [f"{size} × {dim}" for dim, size in sizes.items()]
        if len(extents) > _MOST_DIMS:
            extents = [*extents[:_MOST_DIMS], "…"]
        said = [*said[:_MOST_SCALARS], *extents]
        name = self._attributes().get("name")
        said = said if name is None else [repr(name), *said]
        return f"{type(self).__name__}({', '.join(said)})"

    def __str__(self) -> str:
        listed = self._rows()
        wide = [
            max((len(cells[k]) for cells in listed if cells[2] or k == 0), default=0)
            for k in range(2)
        ]
        lines = [
            f"  {name:<{wide[0]}}  {extent:<{wide[1]}}  {text}".rstrip()
            for name, extent, text in listed
        ]
        return "\n".join([type(self).__name__, *lines, *(f"note: {n}" for n in self.notes())])

    def _verdict(self) -> tuple[str, bool | None]:
        """Return the line of the text that is the answer, and whether it is a good one."""
        return "", None

    def _repr_html_(self) -> str:
        from anticrossing._core import html

        plain = type(self).__str__ is Result.__str__  # else the text shows what matters
        return html.render(str(self), self.variables() if plain else {}, *self._verdict())

    def to_dataset(self) -> xarray.Dataset:
        """Return the variables as a labelled `xarray.Dataset` with units and provenance.

        Complex arrays are split along a dimension ``part`` (real, imaginary), which files can hold.
        """
        from anticrossing._core import dataset

        return dataset.make(self.variables(), self._all_attributes())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result: NetCDF if the name ends in ``.nc``, JSON if it ends in ``.json``.

        Raises
        ------
        InputError
            For another ending, or if the file cannot be written.
        """
        target = path_of("path", path)
        if target.suffix == ".nc":
            from anticrossing._core import netcdf

            netcdf.write(self.variables(), self._all_attributes(), target)
        elif target.suffix == ".json":
            write_text(target, [json.dumps(self._as_json(), indent=2, allow_nan=False)])
        else:
            raise fail("path", "end in .nc or .json", f"it is {str(path)!r}")
        return target

    def plot(self, ax: Any = None) -> Any:
        """Draw the first variable along a coordinate into `ax`, or into axes of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from anticrossing._core import drawing

        return drawing.draw(type(self).__name__, self.variables(), ax=ax)

    def _all_attributes(self) -> dict[str, Any]:
        from anticrossing._core.provenance import attributes

        return {"result": type(self).__name__, **attributes(), **self._attributes()}

    def _as_json(self) -> dict[str, Any]:
        from anticrossing._core.provenance import plain

        found = {
            name: {"dims": v.dims, "values": v.values, "unit": v.unit, "meaning": v.text}
            for name, v in real(self.variables()).items()
        }
        return {**plain(self._all_attributes()), "notes": list(self.notes()), **plain(found)}
