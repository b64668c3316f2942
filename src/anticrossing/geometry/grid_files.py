"""Adiabatic data on disk: CSV for reading by eye, npz and NetCDF for everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, describe, fail, require
from anticrossing._core.files import path_of, write_netcdf, write_npz, write_text
from anticrossing._core.reading import open_netcdf, read_npz, read_text
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.units import Units

_SUFFIXES = (".csv", ".npz", ".nc")
_OPTIONAL = ("couplings", "overlaps", "dipoles")
_KINDS = {"coupling", "overlap", "dipole"}
_LARGEST = 10**7  # numbers that the columns of a CSV file may fill, most of them zero


def write_data(data: AdiabaticData, path: str | Path) -> Path:
    """Write adiabatic data as ``.csv``, ``.npz`` or ``.nc`` (NetCDF), by the ending of the name.

    The columns of a CSV file are ``x``, ``energy_i``, ``coupling_i_j`` (i < j), ``overlap_i_j``
    (with the next point; empty at the last) and ``dipole_c_i_j`` (i ≤ j), after one comment line
    with the units. Numbers are written to the last digit.

    Raises
    ------
    InputError
        For another ending.

    Examples
    --------
    >>> import tempfile
    >>> x = np.linspace(0, 1, 4)
    >>> data = AdiabaticData(x, np.stack([-1 - x, 1 + x], axis=1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_data(write_data(data, Path(folder) / "levels.csv")).energies.shape
    (4, 2)
    """
    if not isinstance(data, AdiabaticData):
        raise fail("data", "be `AdiabaticData`", f"it is {describe(data)}")
    target = _checked(path)
    arrays = {"x": data.x, "energies": data.energies}
    arrays |= {n: v for n in _OPTIONAL if (v := getattr(data, n)) is not None}
    units = (data.units.energy, data.units.time, data.units.coordinate)
    if target.suffix == ".npz":
        write_npz(target, {"units": np.array(units), **arrays}, compress=False)
    elif target.suffix == ".nc":
        xarray = require("xarray", "files", "A NetCDF file")
        dataset = xarray.Dataset({name: (_dimensions(name), a) for name, a in arrays.items()})
        dataset.attrs.update(zip(("energy", "time", "coordinate"), units, strict=True))
        write_netcdf(target, dataset)
    else:
        columns = _columns(data)
        lines = ["# units: " + ", ".join(units), ",".join(columns)]
        rows = zip(*columns.values(), strict=True)
        lines += [",".join("" if np.isnan(v) else repr(float(v)) for v in row) for row in rows]
        write_text(target, lines)
    return target


def read_data(path: str | Path) -> AdiabaticData:
    """Read adiabatic data written by `write_data`, or any CSV with the columns it names.

    Only ``x`` and ``energy_i`` are required; of couplings and dipoles the other half follows from
    the symmetry, and columns that are not there are zero. Overlaps are all there or none.

    Raises
    ------
    InputError
        If the file is not there, has another ending, lacks or does not understand a column, or if
        two columns contradict each other.
    """
    source = _checked(path)
    if not source.is_file():
        raise fail("path", "name a file", f"{source} is none")
    if source.suffix == ".npz":
        arrays = read_npz(source)
        units = tuple(str(u) for u in np.ravel(arrays.pop("units", ("", "", ""))))
    elif source.suffix == ".nc":
        with open_netcdf(source) as dataset:
            arrays = {str(name): dataset[name].values for name in dataset.variables}
            units = tuple(str(dataset.attrs.get(k, "")) for k in ("energy", "time", "coordinate"))
    else:
        arrays, units = _read_csv(source)
    missing = {"x", "energies"} - set(arrays)
    unknown = set(arrays) - {"x", "energies", *_OPTIONAL}
    if missing or unknown:
        what = f"lacks {sorted(missing)[0]}" if missing else f"holds {sorted(unknown)[0]}"
        raise InputError(f"The file {source} must hold adiabatic data, but it {what}.")
    if len(units) != 3:
        raise InputError(f"The file {source} must name three units, but it names {len(units)}.")
    try:
        return AdiabaticData(units=Units(*units), **arrays)
    except InputError as problem:
        raise InputError(f"{source}: {problem}") from None


def _checked(path: str | Path) -> Path:
    target = path_of("path", path)
    if target.suffix not in _SUFFIXES:
        raise fail("path", f"end in {', '.join(_SUFFIXES)}", f"it is {target.name!r}")
    return target


def _dimensions(name: str) -> tuple[str, ...]:
    return {
        "x": ("x",),
        "energies": ("x", "state"),
        "couplings": ("x", "state", "state2"),
        "overlaps": ("interval", "state", "state2"),
        "dipoles": ("x", "component", "state", "state2"),
    }[name]


def _columns(data: AdiabaticData) -> dict[str, FloatArray]:
    m = data.count
    columns: dict[str, FloatArray] = {"x": data.x}
    columns |= {f"energy_{i}": data.energies[:, i] for i in range(m)}
    if data.couplings is not None:
        d = data.couplings
        columns |= {f"coupling_{i}_{j}": d[:, i, j] for i in range(m) for j in range(i + 1, m)}
    if data.overlaps is not None:
        padded = np.concatenate([data.overlaps, np.full((1, m, m), np.nan)])
        columns |= {f"overlap_{i}_{j}": padded[:, i, j] for i in range(m) for j in range(m)}
    if data.dipoles is not None:
        mu = data.dipoles
        columns |= {
            f"dipole_{c}_{i}_{j}": mu[:, c, i, j]
            for c in range(mu.shape[1])
            for i in range(m)
            for j in range(i, m)
        }
    return columns


def _read_csv(source: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    lines = read_text(source).splitlines()
    units: tuple[str, ...] = ("", "", "")
    if lines and lines[0].startswith("#"):
        head = lines.pop(0).partition("units:")[2]
        units = tuple(part.strip() for part in head.split(",")) if head else units
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise InputError(f"The file {source} is empty.")
    names = [name.strip() for name in lines[0].split(",")]
    try:
        table = np.array(
            [[float(v) if v.strip() else np.nan for v in line.split(",")] for line in lines[1:]]
        )
    except ValueError as error:
        raise InputError(f"The file {source} must hold numbers: {error}.") from None
    if table.ndim != 2 or table.shape[1] != len(names):
        raise InputError(f"The file {source} must have {len(names)} columns in every row.")
    column = dict(zip(names, table.T, strict=True))
    m = sum(name.startswith("energy_") for name in names)
    try:
        if len(column) < len(names):
            raise ValueError("a name stands twice")
        arrays = {"x": column.pop("x")}
        arrays["energies"] = np.stack([column.pop(f"energy_{i}") for i in range(m)], axis=1)
        k, used = table.shape[0], {name.split("_")[0] for name in column}
        components = 1 + max(
            (int(n.split("_")[1]) for n in column if n.startswith("dipole_")), default=-1
        )
        if len(used) * k * max(components, 1) * m * m > _LARGEST:
            raise ValueError("there are too many states")
        empty = {
            kind: np.zeros((k, components, m, m) if kind == "dipole" else (k, m, m))
            for kind in used & _KINDS
        }
        given = set[tuple[Any, ...]]()
        for name, values in column.items():
            kind, *indices = name.split("_")
            *c, i, j = (int(index) for index in indices)
            if min(*c, i, j) < 0 or len(c) != (kind == "dipole"):
                raise ValueError(name)
            target = empty[kind][:, c[0]] if c else empty[kind]
            places = {(i, j): 1.0}
            if kind != "overlap":
                places = {(j, i): -1.0 if kind == "coupling" else 1.0} | places
            for place, sign in places.items():
                if (kind, *c, *place) in given and not np.array_equal(
                    target[:, place[0], place[1]], sign * values, equal_nan=True
                ):
                    raise ValueError(f"{name} contradicts another column")
                given.add((kind, *c, *place))
                target[:, place[0], place[1]] = sign * values
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"The file {source} must have columns x, energy_i, coupling_i_j, overlap_i_j and "
            f"dipole_c_i_j, but one is not understood or missing: {error}."
        ) from None
    if "overlap" in used:
        if sum(kind == "overlap" for kind, *_ in given) < m * m:
            raise InputError(f"The file {source} must hold all {m * m} columns overlap_i_j.")
        if not np.isnan(empty["overlap"][-1]).all():
            raise InputError(
                f"The file {source} must leave overlaps empty in its last row, which has no next "
                "point."
            )
        empty["overlap"] = empty["overlap"][:-1]
    return arrays | {kind + "s": empty[kind] for kind in used}, units
