"""Tables of levels along one coordinate: what their columns mean, in one set of units.

Diabatic tables hold the matrix, ``R, E1, E2, V`` or ``x, H_0_0, H_0_1 …``; adiabatic ones hold
energies and, where known, derivative couplings, overlaps and dipoles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, describe, fail, instance
from anticrossing._core.files import path_of
from anticrossing._core.reading import open_netcdf, read_npz
from anticrossing._core.text_table import TextTable, read_table
from anticrossing._core.unit_names import TIME_BESIDE, find_unit, known_unit
from anticrossing.units import ENERGIES, LENGTHS, Units

TEXTS = (".csv", ".txt", ".dat", ".tsv")
SUFFIXES = (*TEXTS, ".npz", ".nc")
OPTIONAL = ("couplings", "overlaps", "dipoles")
_ARRAYS = ("x", "energies", "matrices", *OPTIONAL)
_LARGEST = 10**7  # numbers that the columns of a text may fill, most of them zero
_PATTERNS = {
    "energy": re.compile(r"(?:energy|en|e)_?(\d+)", re.IGNORECASE | re.ASCII),
    "dipole": re.compile(r"(?:dipole|mu)_(\d+)_(\d+)_(\d+)", re.IGNORECASE | re.ASCII),
    "coupling": re.compile(r"(?:coupling|nac|d)_?(\d+)_(\d+)|d(\d)(\d)", re.ASCII),
    "overlap": re.compile(r"(?:overlap|s|S)_(\d+)_(\d+)|[sS](\d)(\d)", re.ASCII),
    "matrix": re.compile(r"[VWH]_?(\d+)_(\d+)|[VWH](\d)(\d)", re.ASCII),
}
_ALONE = ("V", "v", "W", "H12", "coupling")  # of two levels
_COLUMNS = (
    "columns x, energy_i, coupling_i_j, overlap_i_j and dipole_c_i_j, or R, E1, E2, V (or V_i_j)"
)


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Levels along one coordinate as a table holds them.

    Attributes
    ----------
    x : array, shape (k,)
    arrays : mapping
        ``matrices`` (k, N, N) of a diabatic table, else ``energies`` (k, m) and, where they are
        there, ``couplings``, ``overlaps`` and ``dipoles``.
    units : Units
    coordinate : str
        What the table calls the coordinate.
    source : str
    notes : tuple of str
        What the table leaves open.
    """

    x: FloatArray
    arrays: Mapping[str, FloatArray]
    units: Units
    coordinate: str
    source: str
    notes: tuple[str, ...] = ()


def read_levels(table: Any, units: Units | None = None) -> LevelTable:
    """Read a table of levels from a file, a mapping of arrays, or an `xarray.Dataset`.

    Numbers whose units are named are converted to `units`, otherwise all energies to the unit of
    the first.

    Raises
    ------
    InputError
        For an unknown ending, column or unit, a column that is missing or contradicts another.
    """
    if units is not None:
        instance("units", units, Units)
    if hasattr(table, "variables") and hasattr(table, "attrs"):
        arrays, named = _of_dataset(table)
        return _of_arrays(arrays, named, units, "The dataset")
    if isinstance(table, Mapping):
        return _of_arrays(dict(table), ("", "", ""), units, "The table")
    source = path_of("path", table)
    if source.suffix.lower() not in SUFFIXES:
        raise fail("path", f"end in {', '.join(SUFFIXES)}", f"it is {source.name!r}")
    if not source.is_file():
        raise fail("path", "name a file", f"{source} is none")
    where = f"The file {source}"
    if source.suffix.lower() == ".npz":
        arrays = read_npz(source)
        named = tuple(str(u) for u in np.ravel(arrays.pop("units", np.array(["", "", ""]))))
        return _of_arrays(arrays, named, units, where)
    if source.suffix.lower() == ".nc":
        with open_netcdf(source) as dataset:
            arrays, named = _of_dataset(dataset)
        return _of_arrays(arrays, named, units, where)
    return _of_text(read_table(source), units)


def _of_dataset(dataset: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    arrays = {str(name): dataset[name].values for name in dataset.variables}
    return arrays, tuple(str(dataset.attrs.get(k, "")) for k in ("energy", "time", "coordinate"))


def _of_arrays(
    arrays: dict[str, Any], named: tuple[str, ...], units: Units | None, where: str
) -> LevelTable:
    missing = {"x"} - set(arrays)
    if not {"energies", "matrices"} & set(arrays):
        missing.add("energies")
    unknown = set(arrays) - set(_ARRAYS)
    if {"energies", "matrices"} <= set(arrays):
        unknown.add("energies and matrices")
    if missing or unknown:
        what = f"lacks {min(missing)}" if missing else f"holds {describe(min(map(str, unknown)))}"
        raise InputError(f"{where} must hold levels along x, but it {what}.")
    if len(named) != 3:
        raise InputError(f"{where} must name three units, but it names {len(named)}.")
    own = Units(*named)
    if units is not None and own.energy and units != own:
        raise fail("units", f"be those of the table, {own.energy} and {own.time}", "they differ")
    x = arrays.pop("x")
    return LevelTable(x, arrays, units or own, "x", where.removeprefix("The file "))


# ---- texts ------------------------------------------------------------------------------------


def _of_text(table: TextTable, units: Units | None) -> LevelTable:
    names, texts = table.named()
    first = names.index("x") if "x" in names else 0
    if any(pattern.fullmatch(names[first]) for pattern in _PATTERNS.values()):
        raise InputError(
            f"The file {table.path} must have {_COLUMNS}, but a coordinate is missing."
        )
    columns = dict(zip(names, table.values.T, strict=True))
    units, factors = _conversion(table, names, texts, first, units)
    columns = {name: factors[name] * column for name, column in columns.items()}
    x = columns.pop(names[first])
    try:
        arrays, notes = _sorted_columns(columns, x.size)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"The file {table.path} must have {_COLUMNS}, but one is not understood or missing: "
            f"{error}."
        ) from None
    if "overlaps" in arrays:
        if not np.isnan(arrays["overlaps"][-1]).all():
            raise InputError(
                f"The file {table.path} must leave overlaps empty in its last row, which has no "
                "next point."
            )
        arrays["overlaps"] = arrays["overlaps"][:-1]
    _check_cells(table, arrays)
    return LevelTable(x, arrays, units, names[first], str(table.path), notes)


def _check_cells(table: TextTable, arrays: Mapping[str, FloatArray]) -> None:
    """Raise where a cell is empty that needs a number."""
    for name, array in arrays.items():
        rows = np.flatnonzero(np.isnan(array.reshape(len(array), -1)).any(axis=1))
        if rows.size and name != "overlaps":
            line = table.lines[rows[0]]
            raise InputError(f"{table.path}, line {line}: every cell of {name} needs a number.")


def _conversion(
    table: TextTable,
    names: tuple[str, ...],
    texts: tuple[str, ...],
    first: int,
    wanted: Units | None,
) -> tuple[Units, dict[str, float]]:
    """Return the units of the result, and what each column is multiplied by for them."""
    own = next((c.partition("units:")[2] for c in table.comments if "units:" in c), "")
    if own:
        parts = [part.strip() for part in own.split(",")]
        if len(parts) != 3:
            raise InputError(f"{table.path} must name three units, but it names {len(parts)}.")
        units = Units(*parts)
        if any(texts):
            raise InputError(f"{table.path} must name its units once, but it does so twice.")
        if wanted is not None and units.energy and wanted != units:
            raise fail("units", f"be those of the table, {units.energy}", "they differ")
        return wanted or units, dict.fromkeys(names, 1.0)
    if not any(texts):
        return wanted or Units(), dict.fromkeys(names, 1.0)
    where = {name: f"{table.path}: column `{name}`" for name in names}
    kinds = {name: _kind(name) for name in names}
    kinds[names[first]] = "coordinate"
    energies = [
        (name, known_unit("energy", text, where[name]))
        for name, text in zip(names, texts, strict=True)
        if kinds[name] == "energy" and text
    ]
    silent = [n for n, text in zip(names, texts, strict=True) if kinds[n] == "energy" and not text]
    if energies and silent:
        raise InputError(f"{where[silent[0]]} must name its unit as other energies do.")
    target = wanted.energy if wanted is not None else (energies[0][1][0] if energies else "")
    factors = dict.fromkeys(names, 1.0)
    for name, (unit, factor) in energies:
        if not target:
            raise fail("units", "name an energy", f"the table is in {unit}")
        factors[name] = factor if unit == target else factor * ENERGIES[unit] / ENERGIES[target]
    along = texts[first]
    length = find_unit("length", along) if along else None
    coordinate = length[0] if length else along
    if length:
        factors[names[first]] = length[1]
        if wanted is not None and wanted.coordinate:
            if wanted.coordinate not in LENGTHS:
                raise fail("units", f"have a length as {along}", f"it has {wanted.coordinate}")
            factors[names[first]] *= LENGTHS[coordinate] / LENGTHS[wanted.coordinate]
            coordinate = wanted.coordinate
    elif wanted is not None and wanted.coordinate and along and wanted.coordinate != along:
        raise fail("units", f"have the coordinate in {along}", f"it is {wanted.coordinate}")
    for name, text in zip(names, texts, strict=True):
        if kinds[name] == "coupling" and text:
            base = re.fullmatch(r"1/(.+)|(.+?)(?:\^-1|\*\*-1|-1|⁻¹)|(a\.?u\.?)", text)
            inverse = next((g for g in base.groups() if g), "") if base else ""
            per = find_unit("length", inverse)
            if length is None or per is None:
                if inverse != along or not along:
                    raise InputError(
                        f"{where[name]} must be per unit of the coordinate, but it is in {text!r}."
                    )
                continue
            factors[name] = LENGTHS[coordinate] / LENGTHS[per[0]] / per[1]
    time = wanted.time if wanted is not None else TIME_BESIDE.get(target, "")
    return Units(target, time, coordinate), factors


def _kind(name: str) -> str:
    for kind, pattern in _PATTERNS.items():
        if pattern.fullmatch(name):
            return "energy" if kind == "matrix" else kind
    return "energy" if name in _ALONE else ""


def _sorted_columns(
    columns: dict[str, FloatArray], k: int
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Return the arrays that columns make up and what they leave open.

    Raises `ValueError`, `KeyError` or `IndexError`.
    """
    parsed: list[tuple[str, tuple[int, ...], FloatArray, str]] = []
    for name, values in columns.items():
        for kind, pattern in _PATTERNS.items():
            if found := pattern.fullmatch(name):
                indices = tuple(int(g) for g in found.groups() if g is not None)
                parsed.append((kind, indices, values, name))
                break
        else:
            if name not in _ALONE:
                raise ValueError(name)
            parsed.append(("alone", (), values, name))
    kinds = {kind for kind, *_ in parsed}
    diabatic = bool(kinds & {"matrix", "alone"})
    if diabatic and kinds & {"coupling", "overlap", "dipole"}:
        raise ValueError("diabatic and adiabatic columns stand together")
    levels = {indices[0] for kind, indices, *_ in parsed if kind == "energy"}
    if diabatic:
        levels |= {i for kind, indices, *_ in parsed if kind == "matrix" for i in indices}
    base = min(levels, default=0)
    m = len(levels)
    if base > 1 or levels != set(range(base, base + m)) or not m:
        missing = next((i for i in range(base, base + m) if i not in levels), base)
        raise KeyError(f"energy_{missing}")
    components = 1 + max((ind[0] for kind, ind, *_ in parsed if kind == "dipole"), default=-1)
    used = kinds - {"energy", "alone", "matrix"} | ({"matrix"} if diabatic else set())
    if len(used) * k * max(components, 1) * m * m > _LARGEST or m * k > _LARGEST:
        raise ValueError("there are too many states")
    arrays = {
        kind: np.zeros((k, components, m, m) if kind == "dipole" else (k, m, m)) for kind in used
    }
    energies = np.full((k, m), np.nan)
    given = set[tuple[Any, ...]]()
    for kind, indices, values, name in parsed:
        if kind == "energy" and not diabatic:
            energies[:, indices[0] - base] = values
            if ("energy", indices[0]) in given:
                raise ValueError(f"{name} stands twice")
            given.add(("energy", indices[0]))
            continue
        if kind == "alone" and m != 2:
            raise ValueError(f"{name} says which levels it couples only if there are two")
        *c, i, j = {"energy": 2 * indices, "alone": (base, base + 1)}.get(kind, indices)
        i, j = i - base, j - base
        if min(i, j) < 0:
            raise ValueError(name)
        key = "matrix" if kind in ("energy", "alone") else kind
        target = arrays[key][:, c[0]] if c else arrays[key]
        places = {(i, j): 1.0}
        if key != "overlap":
            places = {(j, i): -1.0 if key == "coupling" else 1.0} | places
        for place, sign in places.items():
            if (key, *c, *place) in given and not np.array_equal(
                target[:, place[0], place[1]], sign * values, equal_nan=True
            ):
                raise ValueError(f"{name} contradicts another column")
            given.add((key, *c, *place))
            target[:, place[0], place[1]] = sign * values
    if "overlap" in used and sum(kind == "overlap" for kind, *_ in given) < m * m:
        raise ValueError(f"all {m * m} columns overlap_i_j are needed")
    if diabatic:
        absent = next((i for i in range(m) if ("matrix", i, i) not in given), None)
        if absent is not None:
            raise KeyError(f"E{absent + base}")
        return {"matrices": arrays["matrix"]}, _uncoupled("matrix", given, m, base)
    plural = {"coupling": "couplings", "overlap": "overlaps", "dipole": "dipoles"}
    named = {plural[kind]: array for kind, array in arrays.items()}
    return {"energies": energies} | named, ()


def _uncoupled(key: str, given: set[tuple[Any, ...]], m: int, base: int) -> tuple[str, ...]:
    """Return a note of the pairs of levels that no column couples."""
    pairs = [(i, j) for i in range(m) for j in range(i + 1, m) if (key, i, j) not in given]
    if not pairs:
        return ()
    shown = ", ".join(f"{i + base} and {j + base}" for i, j in pairs[:3])
    more = f" and {len(pairs) - 3} pairs more" if len(pairs) > 3 else ""
    return (f"no column couples the levels {shown}{more}: their coupling is taken as 0",)
