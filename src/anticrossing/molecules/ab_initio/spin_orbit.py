"""Spin–orbit couplings of singlets and triplets from the output of ORCA."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, InputError
from anticrossing._core.files import path_of
from anticrossing._core.reading import read_text
from anticrossing._core.result import Result
from anticrossing._core.text_table import parse_number
from anticrossing._core.variables import Shown, shown
from anticrossing.units import ENERGIES

_LARGEST = 2**28  # bytes of one output
_MOST_ROOTS = 1000
_HEAD = re.compile(r"CALCULATED SOCME BETWEEN TRIPLETS AND SINGLETS")
_NUMBER = r"\s*([-+]?\d+\.\d+(?:[eE][-+]\d+)?)\s*"
_ROW = re.compile(r"\s*(\d+)\s+(\d+)\s+" + r"\s*".join([rf"\({_NUMBER},{_NUMBER}\)"] * 3) + r"\s*")


@dataclass(frozen=True, eq=False)
class SpinOrbitElements(Result):
    """Spin–orbit couplings of T triplets and S singlets.

    Attributes
    ----------
    triplets, singlets : tuple of int
        The numbers of the roots in the output; the singlet 0 is the ground state.
    elements : array, shape (T, S, 3)
        ⟨T, M|H_SO|S⟩ for M = −1, 0, 1, hartree.
    """

    triplets: tuple[int, ...]
    singlets: tuple[int, ...]
    elements: ComplexArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "triplet": shown("triplet", text="root", of="triplets"),
        "singlet": shown("singlet", text="root", of="singlets"),
        "element": shown(
            *("triplet", "singlet", "component"),
            text="spin-orbit coupling, M = -1, 0, 1",
            unit="hartree",
            of="elements",
        ),
        "strength": shown(
            "triplet", "singlet", text="root of the sum of squares", unit="hartree", of="strengths"
        ),
    }

    @property
    def strengths(self) -> FloatArray:
        """√Σ_M |⟨T, M|H_SO|S⟩|², shape (T, S), hartree: the coupling of rates."""
        return np.asarray(np.linalg.norm(self.elements, axis=-1))


def spin_orbit_of_output(path: str | Path) -> SpinOrbitElements:
    """Read the spin–orbit couplings that ORCA prints with DOSOC, the last table of an output.

    Of Cartesian components, ⟨T, ±1| = ∓(⟨x| ∓ i⟨y|)/√2 and ⟨T, 0| = ⟨z|. cclib 1.8 has no
    spin–orbit elements.

    Parameters
    ----------
    path : path
        An output of ORCA 4 to 6 with "CALCULATED SOCME BETWEEN TRIPLETS AND SINGLETS".

    Returns
    -------
    SpinOrbitElements

    Raises
    ------
    InputError
        For a file without such a table, one that ends early, names a pair twice or lacks one.

    References
    ----------
    F. Neese, WIREs Comput. Mol. Sci. 2, 73 (2012).

    Examples
    --------
    >>> import tempfile
    >>> text = '''CALCULATED SOCME BETWEEN TRIPLETS AND SINGLETS
    ... -----
    ...   Root         <T|HSO|S>  (Re, Im) cm-1
    ...   T  S    MS= 0           -1            +1
    ... -----
    ...   1  0  (0.00 , 3.00)  (2.00 , 2.00)  (2.00 , -2.00)
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.out").write_text(text)
    ...     found = spin_orbit_of_output(Path(folder) / "a.out")
    >>> (found.strengths * 219474.63).round(2)                       # cm⁻¹
    array([[5.]])
    """
    source = path_of("path", path)
    try:
        lines = read_text(source, _LARGEST).splitlines()
    except OSError as error:
        raise InputError(f"The file {source} cannot be read: {error.strerror}.") from None
    heads = [k for k, line in enumerate(lines) if _HEAD.search(line)]
    if not heads:
        raise InputError(f"{source} must hold a table of spin-orbit couplings, but there is none.")
    start = heads[-1] + 1
    rows: dict[tuple[int, int], list[complex]] = {}
    cartesian: bool | None = None
    for number, line in enumerate(lines[start:], start=start + 1):
        row = _ROW.fullmatch(line)
        if row is None:
            if rows:
                break
            if re.search(r"MS\s*=", line):
                cartesian = False
            elif re.search(r"\bZ\b.*\bX\b.*\bY\b", line):
                cartesian = True
            if number > start + 8:
                break
            continue
        pair = int(row[1][:9]), int(row[2][:9])
        if pair in rows or max(pair) > _MOST_ROOTS:
            raise InputError(f"{source}, line {number} must name another pair, but it has {pair}.")
        values = [parse_number(row[k]) for k in range(3, 9)]
        rows[pair] = [complex(a, b) for a, b in zip(values[::2], values[1::2], strict=True)]
    if cartesian is None or not rows:
        raise InputError(
            f"{source}, line {start} must head a table of MS = 0, -1, +1 or of Z, X, Y, but none "
            "follows."
        )
    triplets, singlets = (tuple(sorted({pair[k] for pair in rows})) for k in range(2))
    missing = [(t, s) for t in triplets for s in singlets if (t, s) not in rows]
    if missing:
        raise InputError(f"{source} must hold every pair of roots, but {missing[0]} is missing.")
    found = np.array([[rows[t, s] for s in singlets] for t in triplets])
    first, second, third = np.moveaxis(found, -1, 0)
    minus, plus = second, third
    if cartesian:
        minus, plus = (second + 1j * third) / np.sqrt(2), -(second - 1j * third) / np.sqrt(2)
    stacked = np.stack([minus, first, plus], axis=-1).astype(np.complex128)
    elements: ComplexArray = stacked * (ENERGIES["cm^-1"] / ENERGIES["hartree"])
    if not np.all(np.isfinite(elements)):
        raise InputError(f"{source} must hold finite couplings, but one is not.")
    return SpinOrbitElements(triplets, singlets, elements)
