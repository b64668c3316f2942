"""Adiabatic data on disk: CSV for reading by eye, npz and NetCDF for everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    hermitian,
    real_array,
    require,
)
from anticrossing._core.files import path_of, write_netcdf, write_npz, write_text
from anticrossing.geometry.grid_data import AdiabaticData
from anticrossing.hamiltonian.level_table import OPTIONAL, read_levels
from anticrossing.units import Units

_SUFFIXES = (".csv", ".npz", ".nc")


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
    arrays |= {n: v for n in OPTIONAL if (v := getattr(data, n)) is not None}
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


def read_data(path: str | Path, *, units: Units | None = None) -> AdiabaticData:
    """Read adiabatic data written by `write_data`, or any table of levels along one coordinate.

    A text (``.csv``, ``.txt``, ``.dat``, ``.tsv``) has columns separated by commas, semicolons
    (then with decimal points or commas), tabs or blanks, exponents of C or Fortran, units in its
    heads (``E1 [eV]``) or in a row below them. The coordinate is ``x`` or the first column; levels
    are ``energy_i`` or ``Ei``, counted from 0 or 1. Of couplings and dipoles the other half follows
    from the symmetry, and columns that are not there are zero. Overlaps are all there or none. A
    diabatic table (``R, E1, E2, V``) is diagonalised, and the overlaps of its states are kept.
    Energies alone may be in any order: they are sorted at every point.

    Parameters
    ----------
    path : path
    units : Units, optional
        What the numbers are converted to where the table names its units; otherwise all energies
        take the unit of the first.

    Raises
    ------
    InputError
        Naming the file, and line and column where it can, if the file is not there, has another
        ending, lacks or does not understand a column, or if two columns contradict each other.

    Examples
    --------
    >>> import tempfile
    >>> text = "R;E1;E2;V\\nbohr;eV;eV;eV\\n"
    >>> text += "".join(f"{k},0;{k - 2},0;{2 - k},0;1,0D-01\\n" for k in range(5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "levels.csv").write_text(text)
    ...     data = read_data(Path(folder) / "levels.csv")
    >>> data.energies[2], data.units.energy
    (array([-0.1,  0.1]), 'eV')
    """
    found = read_levels(path, units)
    arrays = dict(found.arrays)
    try:
        if "matrices" in arrays:
            matrices = hermitian("matrices", arrays.pop("matrices"))
            energies, states = np.linalg.eigh(matrices)
            arrays |= {"energies": energies, "overlaps": real_overlaps(states)}
        elif set(arrays) == {"energies"}:  # in any order: nothing else refers to it
            levels = real_array("energies", arrays["energies"], ndim=2)
            arrays["energies"] = np.sort(levels, axis=1)
        return AdiabaticData(x=found.x, units=found.units, **arrays)
    except InputError as problem:
        raise InputError(f"{found.source}: {problem}") from None


def real_overlaps(states: npt.NDArray[Any]) -> FloatArray:
    """Return ⟨φ_i(x_k)|φ_j(x_{k+1})⟩ of real states, columns of (k, N, N)."""
    if np.any(states.imag):
        raise InputError("Adiabatic data hold real states, but the matrices are complex.")
    return np.asarray(states[:-1].real.swapaxes(-1, -2) @ states[1:].real)


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
