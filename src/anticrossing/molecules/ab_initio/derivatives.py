"""Gradients and Hessians of two surfaces from outputs of programs, for their crossing point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray, InputError, describe, fail, require
from anticrossing._core.files import path_of
from anticrossing._core.reading import read_text
from anticrossing._core.text_table import parse_number
from anticrossing.molecules.ab_initio.outputs import parsed_output
from anticrossing.molecules.rates.crossing_modes import RIGID, rigid_defects
from anticrossing.units import LENGTHS, MASSES

_BOHR = LENGTHS["angstrom"] / LENGTHS["bohr"]
_ELECTRONS = MASSES["amu"] / MASSES["electron"]
_ATOMS = 2000
_SAME = 1e-3  # bohr, and of masses
_NEEDED = ("positions", "masses", "gradient", "hessian")


def surfaces_of_outputs(first: Any, second: Any) -> dict[str, FloatArray]:
    """Return gradients and Hessians of two surfaces at one geometry, for `crossing_modes`.

    ORCA's `.hess` and `.engrad` are read here, other outputs by cclib (the extra ``cclib``), whose
    Hessians are Cartesian for checkpoint files of Gaussian (`.fchk`) and for Q-Chem, and weighted
    by masses for others. A Hessian must be that of a free molecule: it gives no force when all
    atoms are shifted, ``Hs = 0``, and turns the gradient with the molecule, ``H(ω×r) = ω×g``. That
    finds other units, weights, and files in different orientations.

    Parameters
    ----------
    first, second : path, or sequence of path
        The files of each surface, which together hold positions, masses, gradient and Hessian: what
        several hold is taken from the first. cclib's parsed data may stand for a path.

    Returns
    -------
    dict
        gradients (2, 3n), hessians (2, 3n, 3n), masses (n,), positions (n, 3), atomic units.

    Raises
    ------
    MissingExtraError
        Without cclib, for files that it reads.
    InputError
        Naming the file, for a block that is missing or ends early, files of different geometries,
        orientations or atoms, or a Hessian that is not that of a free molecule.

    References
    ----------
    N. M. O'Boyle, A. L. Tenderholt and K. M. Langner, J. Comput. Chem. 29, 839 (2008).

    Examples
    --------
    >>> from anticrossing.molecules.rates import crossing_modes
    >>> def modes(singlet, triplet):
    ...     return crossing_modes(**surfaces_of_outputs(singlet, triplet))
    """
    one, other = _surface("first", first), _surface("second", second)
    _agree(one, other, "The files of both surfaces")
    return {
        "gradients": np.array([one["gradient"], other["gradient"]]),
        "hessians": np.array([one["hessian"], other["hessian"]]),
        "masses": one["masses"],
        "positions": one["positions"],
    }


def _surface(name: str, files: Any) -> dict[str, FloatArray]:
    listed = (
        files if isinstance(files, Sequence) and not isinstance(files, (str, Path)) else [files]
    )
    if not listed:
        raise fail(name, "be a file or a list of files", f"it is {describe(files)}")
    found: dict[str, FloatArray] = {}
    names = []
    for k, one in enumerate(listed):
        label, held = _held(f"{name}[{k}]", one)
        names.append(label)
        _agree(found, held, label)
        found = held | found
    label = ", ".join(names)
    for key in _NEEDED:
        if key not in found:
            raise InputError(f"{label} must hold the {key}, but none is found.")
    shift, turn = rigid_defects(found["positions"], found["gradient"], found["hessian"])
    if not shift < RIGID:
        raise InputError(
            f"{label} must hold a Cartesian Hessian, hartree/bohr², but when all atoms are shifted "
            f"alike {shift:.2g} of its norm is left."
        )
    if not turn < RIGID:
        raise InputError(
            f"{label} must hold positions, gradient and Hessian in one orientation, in bohr and "
            "hartree, but the Hessian does not turn the gradient with the molecule: "
            f"{turn:.2g} of its norm is left."
        )
    return found


def _agree(one: dict[str, FloatArray], other: dict[str, FloatArray], label: str) -> None:
    """Refuse files of different molecules or geometries."""
    for key in one.keys() & other.keys():
        if one[key].shape != other[key].shape:
            raise InputError(f"{label} must be of one molecule, but the atoms are not the same.")
        if key in ("positions", "masses"):
            scale = 1.0 if key == "positions" else np.abs(one[key]).max()
            apart = float(np.abs(one[key] - other[key]).max())
            if not apart <= _SAME * scale:
                raise InputError(
                    f"{label} must have the same {key}, but they differ by {apart:.3g}."
                )


def _held(name: str, one: Any) -> tuple[str, dict[str, FloatArray]]:
    """Return the name of a file and what it holds."""
    if isinstance(one, (str, Path)):
        path = path_of(name, one)
        if path.suffix in (".hess", ".engrad"):
            try:
                lines = [line.split("#")[0].split() for line in read_text(path).splitlines()]
            except OSError as error:
                raise InputError(f"The file {path} cannot be read: {error.strerror}.") from None
            numbers = _Numbers(path, [line for line in lines if line])
            return str(path), _hess(numbers) if path.suffix == ".hess" else _engrad(numbers)
    label, data = parsed_output(require("cclib", "cclib", "Reading outputs"), name, one)
    found: dict[str, FloatArray] = {}
    for key, attribute, factor in (
        ("positions", "atomcoords", _BOHR),
        ("masses", "atommasses", _ELECTRONS),
        ("gradient", "grads", 1.0),
        ("hessian", "hessian", 1.0),
    ):
        if np.size(values := getattr(data, attribute, ())):
            found[key] = factor * np.asarray(values, dtype=np.float64)
    atoms = np.size(getattr(data, "atomnos", ()))
    shapes = {
        "positions": (-1, atoms, 3), "gradient": (-1, 3 * atoms),
        "masses": (1, atoms), "hessian": (1, 3 * atoms, 3 * atoms),
    }  # fmt: skip
    for key, values in found.items():
        try:
            found[key] = values.reshape(shapes[key])[-1]  # of several geometries the last
        except ValueError:
            found[key] = np.array([np.nan])
        if not (atoms and np.all(np.isfinite(found[key]))):
            raise InputError(f"{label} must hold the {key} of {atoms} atoms, but it does not.")
    if "gradient" in found and getattr(data, "metadata", {}).get("package") == "Gaussian":
        found["gradient"] = -found["gradient"]  # cclib hands on the forces that are printed
    return label, found


class _Numbers:
    """The words of a file of ORCA, line by line."""

    def __init__(self, path: Path, lines: list[list[str]]) -> None:
        self.path, self.lines, self.at = path, lines, 0

    def seek(self, head: str) -> None:
        for at, words in enumerate(self.lines):
            if words[0].lower() == head:
                self.at = at + 1
                return
        raise InputError(f"{self.path} must have a block {head}, but there is none.")

    def row(self, count: int, first: int = 0) -> FloatArray:
        """Return the next line's numbers from the word `first` on, `count` of them."""
        words = self.lines[self.at] if self.at < len(self.lines) else []
        self.at += 1
        try:
            values = np.array([parse_number(word) for word in words[first:]])
        except ValueError:
            values = np.empty(0)
        if values.size != count or not np.all(np.isfinite(values)):
            raise InputError(
                f"{self.path} must have {count} numbers in a line, but one is "
                f"{' '.join(words)[:60]!r}."
            )
        return values

    def count(self) -> int:
        value = self.row(1)[0]
        if not (0 < value <= _ATOMS and value == int(value)):
            raise InputError(f"{self.path} must have up to {_ATOMS} atoms, but it has {value:g}.")
        return int(value)


def _hess(file: _Numbers) -> dict[str, FloatArray]:
    file.seek("$atoms")
    atoms = np.array([file.row(4, first=1) for _ in range(file.count())])
    file.seek("$hessian")
    size = int(file.row(1)[0])
    if size != 3 * len(atoms):
        raise InputError(
            f"{file.path} must have 3n rows in its Hessian, but it has {size}, and {len(atoms)} "
            "atoms."
        )
    hessian = np.zeros((size, size))
    done = 0
    while done < size:
        width = len(file.lines[file.at]) if file.at < len(file.lines) else 0
        fits = 0 < width <= size - done
        numbered = fits and np.array_equal(file.row(width), np.arange(done, done + width))
        for row in range(size if numbered else 0):
            numbers = file.row(width + 1)
            numbered &= bool(numbers[0] == row)
            hessian[row, done : done + width] = numbers[1:]
        if not numbered:
            raise InputError(
                f"{file.path} must number rows and columns of its Hessian, but it does not."
            )
        done += width
    return {
        "positions": atoms[:, 1:], "masses": _ELECTRONS * atoms[:, 0], "hessian": hessian,
    }  # fmt: skip


def _engrad(file: _Numbers) -> dict[str, FloatArray]:
    atoms = file.count()
    file.row(1)  # the energy
    gradient = np.array([file.row(1)[0] for _ in range(3 * atoms)])
    positions = np.array([file.row(3, first=1) for _ in range(atoms)])
    return {"gradient": gradient, "positions": positions}
