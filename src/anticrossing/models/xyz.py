"""Geometries of models whose coordinates are atoms, as extended XYZ files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anticrossing.checks import describe, fail, real_array
from anticrossing.models.sharc import SharcModel
from anticrossing.units import LENGTHS

_ANGSTROM = LENGTHS["bohr"] / LENGTHS["angstrom"]


def write_xyz(
    path: str | os.PathLike[str],
    model: SharcModel,
    coordinates: npt.ArrayLike,
    *,
    times: npt.ArrayLike | None = None,
) -> Path:
    """Write geometries as extended XYZ, which ``ase.io.read(path, ":")`` and viewers read.

    One frame for each set of normal coordinates Q: element, position r(Q) in Å and mass in u of
    every atom; the comment line holds the time.

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

    Returns
    -------
    Path

    Raises
    ------
    InputError
        For shapes that do not fit the model or each other, or values that are not finite.

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
    if not isinstance(model, SharcModel):
        raise fail("model", "be a SharcModel", f"it is {describe(model)}")
    Q = np.atleast_2d(real_array("coordinates", coordinates))
    if Q.ndim != 2 or not len(Q):
        raise fail("coordinates", "hold at least one row", f"its shape is {Q.shape}")
    geometries = _ANGSTROM * model.cartesian(Q)
    stamps = [""] * len(Q)
    if times is not None:
        given = np.atleast_1d(real_array("times", times))
        if given.shape != (len(Q),):
            raise fail("times", f"hold {len(Q)} number(s)", f"its shape is {given.shape}")
        stamps = [f" time={time:.10g}" for time in given.tolist()]
    lines: list[str] = []
    for stamp, atoms in zip(stamps, geometries, strict=True):
        lines += [
            str(len(model.elements)),
            f'Properties=species:S:1:pos:R:3:masses:R:1 pbc="F F F"{stamp}',
        ]
        lines += [
            f"{element:<3} {x:16.10f} {y:16.10f} {z:16.10f} {mass:13.8f}"
            for element, (x, y, z), mass in zip(model.elements, atoms, model.masses, strict=True)
        ]
    target = Path(path)
    temporary = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
