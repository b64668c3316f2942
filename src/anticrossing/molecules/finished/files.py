"""Finished trajectories in files: tables, SHARC's `energy.out`, npz, and shnitsel's NetCDF.

The schema of shnitsel-tools: ``energy`` (time or frame, state), ``e_kin`` and ``astate`` (time or
frame), the coordinates ``time`` and ``state``, and for several trajectories in one file a number
``trajid`` (or ``atrajectory``) of every frame; attributes ``units``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, instance, require
from anticrossing._core.files import path_of, write_netcdf, write_npz, write_text
from anticrossing._core.reading import groups_with, open_netcdf, read_npz
from anticrossing._core.text_table import TextTable, read_table
from anticrossing._core.unit_names import known_unit
from anticrossing.molecules.finished.trajectory import FinishedTrajectory
from anticrossing.units import ENERGIES, TIMES, Units

_TEXTS = (".csv", ".txt", ".dat", ".tsv", ".out")
_SUFFIXES = (*_TEXTS, ".npz", ".nc")
_TIMES = ("t", "time", "times")
_STATE = re.compile(r"(?:energy|en|e|S|D|T|Q)_?(\d+)", re.IGNORECASE | re.ASCII)
_SPIN = re.compile(r"([SDTQ])_?\d+", re.ASCII)
_KINETIC = ("ekin", "e_kin", "kinetic", "kinetic_energy")
_ACTIVE = ("active", "astate", "state", "current")
_POTENTIAL = ("epot", "e_pot", "potential")
_IGNORED = ("etot", "e_tot", "total", "step")
_TRAJECTORY = ("trajid", "atrajectory", "trajectory", "trajid_")
_ON_IT = 1e-6  # of the range: how near the potential energy is to that of its state
_ASSUMED = "no units are named: hartree and ħ/hartree are taken"
_SCALE = {kind: table[name] for kind, table, name in (
    ("energy", ENERGIES, "hartree"), ("time", TIMES, "atomic"))}  # fmt: skip


def read_trajectories(
    path: str | Path, *, units: Units | None = None
) -> tuple[FinishedTrajectory, ...]:
    """Read finished trajectories.

    Parameters
    ----------
    path : path
        A text (``.csv``, ``.txt``, ``.dat``, ``.tsv``) with columns ``t, E0, E1, …`` (or ``S0,
        S1, …``) and, where they are known, ``Ekin`` and ``state`` (counted as the energies are);
        an ``energy.out`` of SHARC; an ``.npz`` file with ``times``, ``energies``, ``active`` and
        ``kinetic``; a NetCDF file of shnitsel-tools.
    units : Units, optional
        Of energies and times, where the file names none; atomic units otherwise, with a warning.

    Returns
    -------
    tuple of FinishedTrajectory
        In hartree and ħ/hartree, whatever the units of the file.

    Raises
    ------
    InputError
        Naming file, line and column, for what cannot be read, an unknown unit or column, states of
        several multiplicities, or units that are given twice.

    References
    ----------
    The SHARC manual, data extractor; C. Müller et al., shnitsel-tools (github.com/SHNITSEL).

    Examples
    --------
    >>> import tempfile
    >>> text = "t [fs],E0 [eV],E1 [eV]\\n"
    >>> text += "".join(f"{k},0,{abs(k - 5) + 1}\\n" for k in range(11))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "run.csv").write_text(text)
    ...     (run,) = read_trajectories(Path(folder) / "run.csv")
    >>> run.energies.shape, round(run.times[-1], 3)
    ((11, 2), np.float64(413.414))
    """
    source = path_of("path", path)
    if units is not None:
        instance("units", units, Units)
        if not units.energy:
            raise fail("units", "name an energy and a time", "these are natural ones")
    suffix = source.suffix.lower()
    if suffix not in _SUFFIXES:
        raise fail("path", f"end in {', '.join(_SUFFIXES)}", f"it is {source.name!r}")
    if not source.is_file():
        raise fail("path", "name a file", f"{source} is none")
    if suffix == ".npz":
        return (_of_npz(source, units),)
    if suffix == ".nc":
        found: list[FinishedTrajectory] = []
        for group in groups_with(source, "energy"):
            with open_netcdf(source, group) as dataset:
                found += _of_dataset(source, dataset, units, f"{source.name}{group}")
        if not found:
            raise InputError(f"{source} must hold `energy` and `time`, but it holds neither.")
        return tuple(found)
    return (_of_table(read_table(source, named=_sharc_names), units),)


def write_trajectory(trajectory: FinishedTrajectory, path: str | Path) -> Path:
    """Write a trajectory as ``.csv``, ``.npz``, or ``.nc`` in the schema of shnitsel-tools.

    Raises
    ------
    InputError
        For another ending, or what is no trajectory.

    Examples
    --------
    >>> import tempfile
    >>> one = FinishedTrajectory(np.arange(5.0), np.ones((5, 2)), active=np.zeros(5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_trajectories(write_trajectory(one, Path(folder) / "a.nc"))[0].active
    array([0, 0, 0, 0, 0])
    """
    instance("trajectory", trajectory, FinishedTrajectory)
    target = path_of("path", path)
    if target.suffix not in (".csv", ".npz", ".nc"):
        raise fail("path", "end in .csv, .npz or .nc", f"it is {target.name!r}")
    one = trajectory
    if target.suffix == ".npz":
        arrays: dict[str, Any] = {"times": one.times, "energies": one.energies}
        arrays |= {n: v for n in ("active", "kinetic") if (v := getattr(one, n)) is not None}
        write_npz(target, {"units": np.array(["hartree", "atomic"]), **arrays}, compress=False)
    elif target.suffix == ".nc":
        xarray = require("xarray", "files", "A NetCDF file")
        states = np.arange(1, one.energies.shape[1] + 1)
        hartree = {"units": "hartree", "unitdim": "energy"}
        found: dict[str, Any] = {"energy": (("time", "state"), one.energies, hartree)}
        if one.kinetic is not None:
            found["e_kin"] = (("time",), one.kinetic, hartree)
        if one.active is not None:
            found["astate"] = (("time",), (one.active + 1).astype(np.int16), {})
        along = {"time": ("time", one.times, {"units": "au", "unitdim": "time"}), "state": states}
        write_netcdf(target, xarray.Dataset(found, along))
    else:
        heads = ["t [au]", *(f"E{k} [hartree]" for k in range(one.energies.shape[1]))]
        columns = [one.times, *one.energies.T]
        if one.kinetic is not None:
            heads.append("Ekin [hartree]")
            columns.append(one.kinetic)
        rows = [[repr(float(v)) for v in row] for row in zip(*columns, strict=True)]
        if one.active is not None:
            heads.append("state")
            rows = [[*row, str(k)] for row, k in zip(rows, one.active, strict=True)]
        write_text(target, [",".join(heads), *(",".join(row) for row in rows)])
    return target


def _sharc_names(comments: tuple[str, ...], count: int) -> list[str] | None:
    """Return the columns of `energy.out`, whose heads are comments, with their units."""
    if not any("=== Energy ===" in line for line in comments) or count < 5:
        return None
    units = next((re.findall(r"\[([^\]]*)\]", line) for line in comments if "[" in line), [])
    names = ["t", "Ekin", "Epot", "Etot", *(f"E{k}" for k in range(1, count - 3))]
    units = [*units, *units[-1:] * count][:count]
    return [f"{name} [{unit}]" for name, unit in zip(names, units, strict=False)]


def _factor(kind: str, unit: str, units: Units | None, where: str) -> float:
    """Return what a number is multiplied by for atomic units."""
    if not unit:
        if units is None:
            return 1.0
        unit = units.energy if kind == "energy" else units.time
    elif units is not None:
        raise InputError(f"{where} names its unit, {unit}: leave `units` out.")
    name, factor = known_unit(kind, unit, where)
    table = ENERGIES if kind == "energy" else TIMES
    if (kind, name) in (("energy", "hartree"), ("time", "atomic")):
        return factor
    return factor * table[name] / _SCALE[kind]


def _of_table(table: TextTable, units: Units | None) -> FinishedTrajectory:
    names, texts = table.named()
    found: dict[str, list[str]] = {"time": [], "energy": [], "kinetic": [], "active": []}
    found["potential"] = []
    for name in names:
        small = name.lower()
        if small in _TIMES:
            found["time"].append(name)
        elif small in _KINETIC:
            found["kinetic"].append(name)
        elif small in _ACTIVE:
            found["active"].append(name)
        elif small in _POTENTIAL:
            found["potential"].append(name)
        elif _STATE.fullmatch(name):
            found["energy"].append(name)
        elif small not in _IGNORED:
            raise InputError(
                f"{table.path} must have columns t, E0, E1, …, Ekin, state, but one is {name!r}."
            )
    if len(found["time"]) != 1 or not found["energy"]:
        lacks = "t" if len(found["time"]) != 1 else "E0"
        raise InputError(
            f"{table.path} must have one column {lacks}, but it has {len(names)} others."
        )
    if any(len(found[kind]) > 1 for kind in ("kinetic", "active", "potential")):
        raise InputError(f"{table.path} must name kinetic energy and state once, but one is twice.")
    spins = {one[1] for name in found["energy"] if (one := _SPIN.fullmatch(name))}
    if len(spins) > 1:
        raise InputError(
            f"{table.path} must hold states of one multiplicity, but it holds "
            f"{', '.join(sorted(spins))}: hops between them follow from spin–orbit coupling."
        )
    column = dict(zip(names, table.values.T, strict=True))
    unit = dict(zip(names, texts, strict=True))
    for name in (name for kind, every in found.items() if kind != "potential" for name in every):
        rows = np.flatnonzero(~np.isfinite(column[name]))
        if rows.size:
            raise InputError(
                f"{table.path}, line {table.lines[rows[0]]}: `{name}` must be a finite number."
            )
        kind = {"time": "time", "active": ""}.get(next(k for k, v in found.items() if name in v))
        if kind != "":
            where = f"{table.path}: column `{name}`"
            column[name] = column[name] * _factor(kind or "energy", unit[name], units, where)
    energies = np.stack([column[name] for name in found["energy"]], axis=1)
    active = None
    if found["active"]:
        first = int(_STATE.fullmatch(found["energy"][0])[1])  # type: ignore[index]
        active = column[found["active"][0]] - first
    elif found["potential"]:
        name = found["potential"][0]
        where = f"{table.path}: column `{name}`"
        active = _nearest(energies, column[name] * _factor("energy", unit[name], units, where))
    assumed = units is None and not any(texts)
    return _made(table.path, column[found["time"][0]], energies, active,
                 column[found["kinetic"][0]] if found["kinetic"] else None,
                 table.path.name, assumed)  # fmt: skip


def _nearest(energies: FloatArray, potential: FloatArray) -> npt.NDArray[np.intp] | None:
    """Return the state whose energy the potential energy is, None if it is none's."""
    away = np.abs(energies - potential[:, None])
    if not np.all(away.min(axis=1) <= _ON_IT * max(float(np.ptp(energies)), 1e-300)):
        return None
    return np.asarray(away.argmin(axis=1))


def _of_npz(source: Path, units: Units | None) -> FinishedTrajectory:
    arrays = read_npz(source)
    named = [str(u) for u in np.ravel(arrays.pop("units", np.array(["", ""])))]
    unknown = set(arrays) - {"times", "energies", "active", "kinetic"}
    missing = {"times", "energies"} - set(arrays)
    if unknown or missing or len(named) != 2:
        what = f"lacks {min(missing)}" if missing else f"holds {min(unknown | {'units'})}"
        raise InputError(f"{source} must hold times, energies, active and kinetic, but it {what}.")
    factors = [
        _factor(kind, unit, units, str(source))
        for kind, unit in zip(("energy", "time"), named, strict=True)
    ]
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise InputError(f"{source}: {name} must hold real numbers.")
    kinetic = arrays.get("kinetic")
    return _made(source, factors[1] * arrays["times"], factors[0] * arrays["energies"],
                 arrays.get("active"), None if kinetic is None else factors[0] * kinetic,
                 source.name, units is None and not any(named))  # fmt: skip


def _of_dataset(
    source: Path, dataset: Any, units: Units | None, name: str
) -> tuple[FinishedTrajectory, ...]:
    """Return the trajectories of a dataset of shnitsel-tools."""
    if "energy" not in dataset or "time" not in dataset.variables:
        raise InputError(f"{source} must hold `energy` and `time` together, but one is alone.")
    energy = dataset["energy"]
    along = next((dim for dim in ("frame", "time") if dim in energy.dims), None)
    if along is None or set(energy.dims) != {along, "state"}:
        raise InputError(
            f"{source}: `energy` must run over (time, state) or (frame, state), but it runs over "
            f"{', '.join(map(str, energy.dims))}."
        )
    energies = np.asarray(energy.transpose(along, "state").values, dtype=np.float64)
    energies = energies * _factor("energy", _unit(energy), units, f"{source}: `energy`")
    time = dataset["time"]
    times = np.asarray(time.values)
    if times.dtype.kind == "m":
        raise InputError(f"{source}: `time` must hold numbers.")
    times = times * _factor("time", _unit(time), units, f"{source}: `time`")
    kinetic, active = None, None
    if "e_kin" in dataset and dataset["e_kin"].dims == (along,):
        one = dataset["e_kin"]
        kinetic = one.values * _factor("energy", _unit(one), units, f"{source}: `e_kin`")
        kinetic = None if np.any(np.isnan(kinetic)) else kinetic
    if "astate" in dataset.variables and dataset["astate"].dims == (along,):
        names = (
            dataset["state"].values if "state" in dataset.variables
            else np.arange(1, energies.shape[1] + 1)
        )  # fmt: skip
        active = np.array([_place(names, value, source) for value in dataset["astate"].values])
    key = next((n for n in _TRAJECTORY if n in dataset.variables), None)
    runs: Mapping[str, Any] = {name: slice(None)}
    if key is not None and dataset[key].dims == (along,):
        number = dataset[key].values
        runs = {f"{name} {key} {one}": number == one for one in np.unique(number)}
    assumed = units is None and not (_unit(energy) and _unit(time))
    return tuple(
        _made(source, times[here], energies[here], None if active is None else active[here],
              None if kinetic is None else kinetic[here], called, assumed)
        for called, here in runs.items()
    )  # fmt: skip


def _unit(variable: Any) -> str:
    return str(variable.attrs.get("units", "")).strip('"')  # which version 2 encodes as JSON


def _place(names: npt.NDArray[Any], value: Any, source: Path) -> int:
    found = np.flatnonzero(names == value)
    if found.size != 1:
        raise InputError(f"{source}: `astate` must hold values of `state`, but one is {value}.")
    return int(found[0])


def _made(
    source: Path, times: Any, energies: Any, active: Any, kinetic: Any, name: str, assumed: bool
) -> FinishedTrajectory:
    try:
        return FinishedTrajectory(
            times, energies, active, kinetic, name=name, warnings=(_ASSUMED,) if assumed else ()
        )
    except InputError as problem:
        raise InputError(f"{source}: {problem}") from None
