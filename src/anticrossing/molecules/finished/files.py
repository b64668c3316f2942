"""Finished trajectories in files: tables, SHARC's `energy.out`, npz, and shnitsel's NetCDF.

The schema of shnitsel-tools: ``energy`` (time or frame, state), ``e_kin`` and ``astate`` (time or
frame), the coordinates ``time`` and ``state``, the multiplicities ``state_types`` (state), and for
several trajectories in one file a number ``trajid`` (or ``atrajectory``) of every frame; attributes
``units``.
"""

from __future__ import annotations

import itertools
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
from anticrossing.molecules.finished.trajectory import (
    FinishedTrajectory,
    multiplicity,
    numbered,
    place,
    without_components,
)
from anticrossing.units import ENERGIES, TIMES, Units

_TEXTS = (".csv", ".txt", ".dat", ".tsv", ".out")
_SUFFIXES = (*_TEXTS, ".npz", ".nc")
_TIMES = ("t", "time", "times")
_STATE = re.compile(r"(energy|en|e|[SDTQ]|M\d+_)[_ ]*(\d+)", re.IGNORECASE | re.ASCII)
_SPIN = re.compile(r"spin[_ ]*(\d+)", re.IGNORECASE | re.ASCII)
_KINETIC = ("ekin", "e_kin", "kinetic", "kinetic_energy")
_ACTIVE = ("active", "astate", "state", "current")
_POTENTIAL = ("epot", "e_pot", "potential")
_IGNORED, _STRENGTH = ("etot", "e_tot", "total", "step"), "f_osc"
_TRAJECTORY = ("trajid", "atrajectory", "trajectory", "trajid_")
_MOST_STATES = 10**6
_ON_IT = 1e-6  # of the range: how near the potential energy is to that of its state
_ASSUMED = "where no unit is named, hartree and ħ/hartree are taken"
_SCALE = {kind: table[name] for kind, table, name in (
    ("energy", ENERGIES, "hartree"), ("time", TIMES, "atomic"))}  # fmt: skip


def read_trajectories(
    path: str | Path, *, units: Units | None = None
) -> tuple[FinishedTrajectory, ...]:
    """Read finished trajectories.

    Parameters
    ----------
    path : path
        A text (``.csv``, ``.txt``, ``.dat``, ``.tsv``) with columns ``t, E0, E1, …`` or ``S0, S1,
        T1, …`` and, where they are known, ``Ekin`` and ``state`` (its name, or counted as the
        energies are); an ``energy.out`` or ``expec_MCH.out`` of SHARC; an ``.npz`` file with
        ``times``, ``energies``, ``active``, ``kinetic`` and ``states``; a NetCDF file of
        shnitsel-tools. Of the components of a multiplet that have one energy one is kept.
    units : Units, optional
        Of energies and times, where the file names none; atomic units otherwise, with a warning.

    Returns
    -------
    tuple of FinishedTrajectory
        In hartree and ħ/hartree, whatever the units of the file.

    Raises
    ------
    InputError
        Naming file, line and column, for what cannot be read, an unknown unit or column, or units
        that are given twice.

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
    table = read_table(source, named=_sharc_names, words=dict.fromkeys(_ACTIVE, _code))
    return (_of_table(table, units),)


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
        arrays |= {"states": np.array(one.states)} if one.states else {}
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
        if one.states:
            numbers = [place(name)[1] for name in one.states]
            along |= {"state_types": ("state", one.multiplicities),
                      "state_numbers": ("state", numbers)}  # fmt: skip
        write_netcdf(target, xarray.Dataset(found, along))
    else:
        names = one.states or [f"E{k}" for k in range(one.energies.shape[1])]
        heads = ["t [au]", *(f"{name} [hartree]" for name in names)]
        columns = [one.times, *one.energies.T]
        if one.kinetic is not None:
            heads.append("Ekin [hartree]")
            columns.append(one.kinetic)
        rows = [[repr(float(v)) for v in row] for row in zip(*columns, strict=True)]
        if one.active is not None:
            heads.append("state")
            on = one.states or range(one.energies.shape[1])
            rows = [[*row, str(on[k])] for row, k in zip(rows, one.active, strict=True)]
        write_text(target, [",".join(heads), *(",".join(row) for row in rows)])
    return target


def _sharc_names(comments: tuple[str, ...], count: int) -> list[str] | None:
    """Return the columns of SHARC's tables, whose heads are comments, with their units."""
    heads = [[part.strip() for part in line.split("|") if part.strip()] for line in comments]
    for names, units in itertools.pairwise(heads):
        if names[:1] == ["Time"] and len(names) == len(units) == count:  # expec.out
            return [f"{name} {unit}" for name, unit in zip(names, units, strict=True)]
    if not any("=== Energy ===" in line for line in comments) or count < 5:
        return None
    brackets = next((re.findall(r"\[([^\]]*)\]", line) for line in comments if "[" in line), [])
    names = ["t", "Ekin", "Epot", "Etot", *(f"E{k}" for k in range(1, count - 3))]
    units = [*brackets, *brackets[-1:] * count][:count]
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
    found |= {"potential": [], "spin": []}
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
        elif _SPIN.fullmatch(name):
            found["spin"].append(name)
        elif small not in _IGNORED and not small.startswith(_STRENGTH):
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
    column = dict(zip(names, table.values.T, strict=True))
    unit = dict(zip(names, texts, strict=True))
    plain = ("potential", "spin")
    for name in (name for kind, every in found.items() if kind not in plain for name in every):
        rows = np.flatnonzero(~np.isfinite(column[name]))
        if rows.size:
            raise InputError(
                f"{table.path}, line {table.lines[rows[0]]}: `{name}` must be a finite number."
            )
        kind = {"time": "time", "active": ""}.get(next(k for k, v in found.items() if name in v))
        if kind != "":
            where = f"{table.path}: column `{name}`"
            column[name] = column[name] * _factor(kind or "energy", unit[name], units, where)
    silent = [name for name in found["energy"] if not unit[name]]
    if 0 < len(silent) < len(found["energy"]):
        raise InputError(
            f"{table.path}: column `{silent[0]}` must name its unit as other energies do."
        )
    energies = np.stack([column[name] for name in found["energy"]], axis=1)
    states = _states(table, found["energy"], [column[name] for name in found["spin"]])
    active = None
    if found["active"]:
        active = _counted(table, column[found["active"][0]], found["energy"], states)
    elif found["potential"]:
        name = found["potential"][0]
        where = f"{table.path}: column `{name}`"
        active = _nearest(energies, column[name] * _factor("energy", unit[name], units, where))
    assumed = units is None and not all(
        unit[name] for kind in ("time", "energy", "kinetic") for name in found[kind]
    )
    return _made(table.path, column[found["time"][0]], energies, active,
                 column[found["kinetic"][0]] if found["kinetic"] else None,
                 table.path.name, assumed, states)  # fmt: skip


def _states(table: TextTable, names: list[str], spins: list[FloatArray]) -> tuple[str, ...]:
    """Return the names of states: those of the columns, or by the spins 2S of all columns."""
    if spins:
        fixed = [float(spin[0]) for spin in spins if np.all(spin == np.round(spin[0]))]
        # With spin–orbit coupling in them states have no spin of their own.
        return numbered([round(two) + 1 for two in fixed]) if len(fixed) == len(names) else ()
    parts = [_STATE.fullmatch(name) for name in names]
    named = tuple(f"{one[1].upper()}{int(one[2])}" for one in parts if one)
    count = sum(multiplicity(name) > 0 for name in named)
    if 0 < count < len(names):
        raise InputError(
            f"{table.path} must name the multiplicity of all states or of none, but it has "
            f"{', '.join(names)}."
        )
    return named if count else ()


def _code(name: str) -> float:
    """Return a number for a name of a state: of a column of numbers, negative."""
    spin, number = place(name.upper())
    return -float(spin * _MOST_STATES + number + 1)


def _counted(
    table: TextTable, column: FloatArray, names: list[str], states: tuple[str, ...]
) -> npt.NDArray[np.intp]:
    """Return which column of energies each cell of a column `state` means."""
    numbers = [int(_STATE.fullmatch(name)[2]) for name in names]  # type: ignore[index]
    places = dict(zip(map(float, numbers), range(len(names)), strict=True))
    if len(set(map(multiplicity, states))) > 1:  # a number alone says nothing
        places = {}
    places |= {_code(name): k for k, name in enumerate(states)}
    for line, value in zip(table.lines, column, strict=True):
        if value not in places:
            told = "another" if value < 0 else f"{value:g}"
            raise InputError(
                f"{table.path}, line {line}: the state must be one of the columns "
                f"{', '.join(names)}, but it is {told}."
            )
    return np.array([places[value] for value in column], dtype=np.intp)


def _nearest(energies: FloatArray, potential: FloatArray) -> npt.NDArray[np.intp] | None:
    """Return the state whose energy the potential energy is, None if it is none's."""
    away = np.abs(energies - potential[:, None])
    if not np.all(away.min(axis=1) <= _ON_IT * max(float(np.ptp(energies)), 1e-300)):
        return None
    return np.asarray(away.argmin(axis=1))


def _of_npz(source: Path, units: Units | None) -> FinishedTrajectory:
    arrays = read_npz(source)
    named = [str(u) for u in np.ravel(arrays.pop("units", np.array(["", ""])))]
    states = tuple(str(name) for name in np.ravel(arrays.pop("states", np.array([], dtype=str))))
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
                 source.name, units is None and not all(named), states)  # fmt: skip


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
    states = _of_multiplicities(dataset)
    key = next((n for n in _TRAJECTORY if n in dataset.variables), None)
    runs: Mapping[str, Any] = {name: slice(None)}
    if key is not None and dataset[key].dims == (along,):
        number = dataset[key].values
        runs = {f"{name} {key} {one}": number == one for one in np.unique(number)}
    assumed = units is None and not (_unit(energy) and _unit(time))
    return tuple(
        _made(source, times[here], energies[here], None if active is None else active[here],
              None if kinetic is None else kinetic[here], called, assumed, states)
        for called, here in runs.items()
    )  # fmt: skip


def _of_multiplicities(dataset: Any) -> tuple[str, ...]:
    """Return the names of states: counted, as shnitsel does, unless their numbers are there."""
    spins = _whole(dataset, "state_types")
    if spins is None or np.any(spins < 1):
        return ()
    return numbered(spins, _whole(dataset, "state_numbers"))


def _whole(dataset: Any, name: str) -> npt.NDArray[np.intp] | None:
    """Return a variable of whole numbers over the states, None if there is none."""
    if name not in dataset.variables or dataset[name].dims != ("state",):
        return None
    values = np.asarray(dataset[name].values)
    if values.dtype.kind not in "iuf" or not np.array_equal(values, np.round(values)):
        return None
    return np.asarray(values, dtype=np.intp)


def _unit(variable: Any) -> str:
    return str(variable.attrs.get("units", "")).strip('"')  # which version 2 encodes as JSON


def _place(names: npt.NDArray[Any], value: Any, source: Path) -> int:
    found = np.flatnonzero(names == value)
    if found.size != 1:
        raise InputError(f"{source}: `astate` must hold values of `state`, but one is {value}.")
    return int(found[0])


def _made(
    source: Path,
    times: Any,
    energies: Any,
    active: Any,
    kinetic: Any,
    name: str,
    assumed: bool,
    states: tuple[str, ...],
) -> FinishedTrajectory:
    try:
        states, energies, active = without_components(states, energies, active)
        return FinishedTrajectory(
            times,
            energies,
            active,
            kinetic,
            name=name,
            warnings=(_ASSUMED,) if assumed else (),
            states=states,
        )
    except InputError as problem:
        raise InputError(f"{source}: {problem}") from None
