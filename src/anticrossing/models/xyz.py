"""Geometries of models whose coordinates are atoms, as extended XYZ files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail, instance, of_shape, real_array
from anticrossing._core.files import path_of, write_text
from anticrossing.models.sharc import SharcModel
from anticrossing.units import ENERGIES, LENGTHS, MASSES

_ANGSTROM = LENGTHS["bohr"] / LENGTHS["angstrom"]
# ħ/bohr = √(m_e hartree) in the unit of momentum of ASE, √(u eV).
_ASE_MOMENTUM = np.sqrt(MASSES["electron"] / MASSES["amu"] * ENERGIES["hartree"] / ENERGIES["eV"])
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN = ("properties", "pbc", "lattice", "time")


def write_xyz(
    path: str | os.PathLike[str],
    model: SharcModel,
    coordinates: npt.ArrayLike,
    *,
    times: npt.ArrayLike | None = None,
    momenta: npt.ArrayLike | None = None,
    info: Mapping[str, npt.ArrayLike] | None = None,
) -> Path:
    """Write geometries as extended XYZ, which ``ase.io.read(path, ":")`` and viewers read.

    One frame for each set of normal coordinates Q: element, position r(Q) in Å and mass in u of
    every atom; the comment line holds the time and what else is given. An ensemble writes its
    trajectories with `EnsembleResult.write_xyz`.

    Parameters
    ----------
    path : path
        The file to write, whole or not at all.
    model : SharcModel
        What `read_sharc` returns.
    coordinates : array, shape (f,) or (K, f)
        Dimensionless normal coordinates, one frame a row; the positions of one kept trajectory.
    times : array, shape (K,), optional
        The time of each frame, in any unit.
    momenta : array, shape (f,) or (K, f), optional
        The dimensionless momenta P. The column ``momenta`` of the file holds the atoms' momenta in
        the unit of ASE, √(u eV), from which ``Atoms.get_velocities`` and ``get_kinetic_energy``
        follow.
    info : mapping of names to arrays of shape (K,), optional
        More numbers for the comment lines. ASE takes ``energy``, in eV, for the potential energy.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        For shapes that do not fit the model or each other, values that are not finite, or a file
        that cannot be written.

    Examples
    --------
    A diatomic molecule whose bond is stretched:

    >>> import tempfile
    >>> from anticrossing.models import SharcModel, VibronicCoupling
    >>> H = VibronicCoupling(energies=[0.0], frequencies=[0.02], linear=[[[0.0]]])
    >>> modes = np.zeros((6, 6))
    >>> modes[2, 5], modes[5, 5] = -np.sqrt(0.5), np.sqrt(0.5)
    >>> hydrogen = SharcModel(
    ...     hamiltonian=H, states=(1,), elements=("H", "H"), charges=np.ones(2),
    ...     masses=np.full(2, 1.00782503), geometry=np.array([[0, 0, -0.7], [0, 0, 0.7]]),
    ...     frequencies=np.array([0, 0, 0, 0, 0, 0.02]), modes=modes, dipoles=None,
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_xyz(f"{folder}/h2.xyz", hydrogen, [[0.0], [1.0]]).read_text(), end="")
    2
    Properties=species:S:1:pos:R:3:masses:R:1 pbc="F F F"
    H       0.0000000000     0.0000000000    -0.3704240...    1.00782503
    H       0.0000000000     0.0000000000     0.3704240...    1.00782503
    2
    Properties=species:S:1:pos:R:3:masses:R:1 pbc="F F F"
    H       0.0000000000     0.0000000000    -0.432154...    1.00782503
    H       0.0000000000     0.0000000000     0.432154...    1.00782503
    """
    instance("model", model, SharcModel)
    target = path_of("path", path)
    Q = _rows("coordinates", coordinates)
    frames, columns = len(Q), _ANGSTROM * model.cartesian(Q)
    properties = "species:S:1:pos:R:3"
    if momenta is not None:
        P = of_shape("momenta", _rows("momenta", momenta), Q.shape)
        columns = np.concatenate([columns, _ASE_MOMENTUM * model.cartesian_momenta(P)], axis=-1)
        properties += ":momenta:R:3"
    comments = [f'Properties={properties}:masses:R:1 pbc="F F F"'] * frames
    for key, texts in _entries(times, info, frames).items():
        comments = [f"{line} {key}={text}" for line, text in zip(comments, texts, strict=True)]
    lines: list[str] = []
    for comment, atoms in zip(comments, columns, strict=True):
        lines += [str(len(model.elements)), comment]
        lines += [
            f"{element:<3} {' '.join(f'{number:16.10f}' for number in row)} {mass:13.8f}"
            for element, row, mass in zip(model.elements, atoms, model.masses, strict=True)
        ]
    write_text(target, lines)
    return target


def _rows(name: str, value: npt.ArrayLike) -> FloatArray:
    array = np.atleast_2d(real_array(name, value))
    if array.ndim != 2 or not len(array):
        raise fail(name, "hold at least one row", f"its shape is {array.shape}")
    return array


def _entries(
    times: npt.ArrayLike | None, info: Mapping[str, npt.ArrayLike] | None, frames: int
) -> dict[str, list[str]]:
    """Return what goes into the comment lines: for each key one text a frame."""
    if info is not None and not isinstance(info, Mapping):
        raise fail("info", "map names to arrays", f"it is {describe(info)}")
    entries: dict[str, list[str]] = {}
    if times is not None:
        entries["time"] = [f"{time:.10g}" for time in _column("times", times, frames)]
    for key, values in (info or {}).items():
        if not isinstance(key, str) or not _KEY.fullmatch(key) or key.lower() in _TAKEN:
            raise fail("info", "have keys that are free names", f"one is {describe(key)}")
        entries[key] = [f"{value:.10g}" for value in _column(f"info[{key}]", values, frames)]
    return entries


def _column(name: str, values: npt.ArrayLike, frames: int) -> list[float]:
    array = np.atleast_1d(real_array(name, values))
    return [float(value) for value in of_shape(name, array, (frames,))]
