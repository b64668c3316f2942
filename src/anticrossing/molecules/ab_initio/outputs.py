"""Energies along a scan from the outputs of electronic-structure programs, read by cclib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    integer,
    real_array,
    require,
)
from anticrossing._core.files import path_of
from anticrossing._core.reading import reading, size_of
from anticrossing.geometry import AdiabaticData
from anticrossing.molecules.ab_initio.casscf import ATOMIC_UNITS

_LARGEST = 2**28  # bytes of one output
_MOST_STATES = 1000
_MULTIPLICITIES = ("singlet", "doublet", "triplet", "quartet", "quintet", "sextet", "septet")


def scan_of_outputs(
    outputs: Sequence[Any],
    coordinate: npt.ArrayLike | tuple[int, int],
    *,
    states: int | None = None,
    multiplicity: str | None = None,
) -> AdiabaticData:
    """Return the energies of a scan from the outputs of a program, one for each geometry.

    The ground state has the best energy that the output holds (coupled cluster, perturbation
    theory, self-consistent field, in this order), excited states the excitation energies above it.

    Parameters
    ----------
    outputs : sequence of path, or of cclib's parsed data
        Outputs that cclib reads (ORCA, OpenMolcas, Gaussian, Turbomole …).
    coordinate : array, shape (k,), or pair of atoms
        The coordinate of each output; or two atoms, counted from 0, whose distance is it (bohr).
    states : int, optional
        How many, the lowest; by default as many as all outputs have.
    multiplicity : {"singlet", "doublet", "triplet", …}, optional
        Which states; needed where the outputs hold excited states of several.

    Returns
    -------
    AdiabaticData
        In hartree, in order of the coordinate. cclib reads no couplings or overlaps: there are
        energies only, for `crossings`.

    Raises
    ------
    MissingExtraError
        Without cclib: ``pip install 'anticrossing[cclib]'``.
    InputError
        Naming the file, for what cclib cannot read, an output without energies, too few states,
        or coordinates that coincide.

    References
    ----------
    N. M. O'Boyle, A. L. Tenderholt and K. M. Langner, J. Comput. Chem. 29, 839 (2008).
    """
    cclib = require("cclib", "cclib", "Reading outputs of programs")
    if isinstance(outputs, (str, Path)) or not isinstance(outputs, Sequence) or not len(outputs):
        raise fail("outputs", "be a list of outputs", f"it is {describe(outputs)}")
    if states is not None:
        integer("states", states, minimum=1, maximum=_MOST_STATES)
    parsed = [parsed_output(cclib, f"outputs[{k}]", one) for k, one in enumerate(outputs)]
    if multiplicity is not None:
        choice("multiplicity", multiplicity, _MULTIPLICITIES)
    levels = [_levels(cclib, name, data, multiplicity) for name, data in parsed]
    fewest = min(range(len(levels)), key=lambda k: levels[k].size)
    count = levels[fewest].size if states is None else states
    if levels[fewest].size < count:
        raise InputError(
            f"{parsed[fewest][0]} must hold {count} states, but it holds {levels[fewest].size}."
        )
    if isinstance(coordinate, tuple) and len(coordinate) == 2 and len(parsed) != 2:
        x = np.array([_distance(cclib, name, data, coordinate) for name, data in parsed])
    else:
        x = real_array("coordinate", coordinate, ndim=1)
        if x.size != len(parsed):
            raise fail("coordinate", f"hold {len(parsed)} numbers", f"it holds {x.size}")
    order = np.argsort(x)
    energies = np.array([np.sort(one)[:count] for one in levels])
    return AdiabaticData(x[order], energies[order], units=ATOMIC_UNITS)


def parsed_output(cclib: Any, name: str, one: Any) -> tuple[str, Any]:
    """Return the name and the data of an output."""
    if hasattr(one, "scfenergies") or hasattr(one, "metadata"):
        return name, one
    path = path_of(name, one)
    try:
        size = size_of(path)
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from None
    if size > _LARGEST:
        raise InputError(f"{path} is larger than the {_LARGEST} bytes that an output may have.")
    with reading(path, "an output"):
        data = cclib.io.ccread(str(path))
    if data is None:
        raise InputError(f"The file {path} cannot be read as an output: cclib does not know it.")
    return str(path), data


def _levels(cclib: Any, name: str, data: Any, multiplicity: str | None) -> FloatArray:
    """Return the energies of the states in hartree, with the factors that cclib has used."""
    convertor = cclib.parser.utils.convertor
    ground = None
    for attribute in ("ccenergies", "mpenergies", "scfenergies"):
        found = np.asarray(getattr(data, attribute, ()), dtype=np.float64)
        if found.size:
            ground = found.reshape(-1)[-1] * convertor(1.0, "eV", "hartree")
            break
    if ground is None:
        raise InputError(f"{name} must hold energies, but cclib finds none.")
    above = np.asarray(getattr(data, "etenergies", ()), dtype=np.float64)
    lowest = np.zeros(1)
    spins = [str(text).split("-")[0].lower() for text in getattr(data, "etsyms", ())]
    own = _MULTIPLICITIES[min(max(int(getattr(data, "mult", 1)), 1), len(_MULTIPLICITIES)) - 1]
    if len(spins) == above.size and all(spin in _MULTIPLICITIES for spin in spins):
        if multiplicity is None and len({own, *spins}) > 1:
            kinds = ", ".join(sorted({own, *spins}))
            raise InputError(
                f"{name} holds states of several multiplicities, {kinds}: choose one with "
                "`multiplicity`."
            )
        if multiplicity is not None:
            above = above[np.array([spin == multiplicity for spin in spins], dtype=bool)]
            lowest = lowest[: int(own == multiplicity)]
    elif multiplicity not in (None, own):
        raise InputError(f"{name} does not say which of its states are of {multiplicity} kind.")
    levels = ground + np.concatenate([lowest, above * convertor(1.0, "wavenumber", "hartree")])
    if not levels.size:
        raise InputError(f"{name} must hold states of {multiplicity} kind, but it holds none.")
    if not np.all(np.isfinite(levels)):
        raise InputError(f"{name} must hold finite energies, but one is not.")
    return np.asarray(levels)


def _distance(cclib: Any, name: str, data: Any, atoms: tuple[int, int]) -> float:
    geometry = np.asarray(getattr(data, "atomcoords", ()), dtype=np.float64)
    if geometry.ndim != 3:
        raise InputError(f"{name} must hold a geometry, but cclib finds none.")
    first, second = (
        integer(f"coordinate[{k}]", atom, minimum=0, maximum=geometry.shape[1] - 1)
        for k, atom in enumerate(atoms)
    )
    factor = cclib.parser.utils.convertor(1.0, "Angstrom", "bohr")
    return float(factor * np.linalg.norm(geometry[-1, first] - geometry[-1, second]))
