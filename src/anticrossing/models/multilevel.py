"""Exactly solvable crossings of several levels: Demkov–Osherov and bow-tie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, last_axis, real_array
from anticrossing.hamiltonian import Hamiltonian


def DemkovOsherov(*, levels: npt.ArrayLike, couplings: npt.ArrayLike) -> Hamiltonian:
    """One sloped level through a band of parallel levels.

    H(x) = x|0⟩⟨0| + Σ_j ε_j|j⟩⟨j| + Σ_j γ_j(|0⟩⟨j| + |j⟩⟨0|), j = 1 … n.

    Parameters
    ----------
    levels : array, shape (..., n)
        The energies ε_j of the parallel levels, in any order; leading axes are the batch.
    couplings : array, shape (..., n)
        The couplings γ_j (energy). The gap at crossing j is about 2|γ_j|.

    Returns
    -------
    Hamiltonian
        Dimension n + 1, with parameters `level_1` … `level_n`, `coupling_1` … `coupling_n`.

    Raises
    ------
    InputError
        If the last axes differ in length or are empty.

    References
    ----------
    Yu. N. Demkov and V. I. Osherov, Sov. Phys. JETP 26, 916 (1968).

    Examples
    --------
    >>> DemkovOsherov(levels=[1.0, 2.0], couplings=[0.1, 0.2])(0.0)
    array([[0. , 0.1, 0.2],
           [0.1, 1. , 0. ],
           [0.2, 0. , 2. ]])
    """
    energies, strengths = _paired("levels", levels, "couplings", couplings)
    size = energies.shape[-1]
    terms: list[tuple[str, Any]] = [("x", _projector(size + 1, 0))]
    parameters: dict[str, FloatArray] = {}
    for j in range(1, size + 1):
        parameters[f"level_{j}"] = energies[..., j - 1]
        terms.append((f"level_{j}", _projector(size + 1, j)))
    for j in range(1, size + 1):
        parameters[f"coupling_{j}"] = strengths[..., j - 1]
        terms.append((f"coupling_{j}", _exchange(size + 1, 0, j)))
    return Hamiltonian.from_terms(
        terms,
        parameters=parameters,
        name="DemkovOsherov",
        labels=("sloped", *(f"level {j}" for j in range(1, size + 1))),
        source="Yu. N. Demkov and V. I. Osherov, Sov. Phys. JETP 26, 916 (1968)",
    )


def BowTie(
    *, slopes: npt.ArrayLike, couplings: npt.ArrayLike, offset: npt.ArrayLike | None = None
) -> Hamiltonian:
    """Levels of different slopes through one point, each coupled to one flat level.

    H(x) = Σ_j β_j x|j⟩⟨j| + Σ_j γ_j(|0⟩⟨j| + |j⟩⟨0|), j = 1 … n; the flat level is |0⟩.

    With `offset` the flat level is replaced by two, |+⟩ and |−⟩, at the energies ±offset/2, each
    coupled to level j by γ_j/√2 (the generalised bow-tie); as offset → 0 their symmetric
    combination becomes |0⟩ and the other one decouples.

    Parameters
    ----------
    slopes : array, shape (..., n)
        The slopes β_j (energy per coordinate), all different and none zero for exact solvability.
    couplings : array, shape (..., n)
        The couplings γ_j to the flat level (energy).
    offset : float or array, optional
        The energy difference of the two flat levels of the generalised model.

    Returns
    -------
    Hamiltonian
        Dimension n + 1 (n + 2 with an offset), with parameters `slope_1` … `slope_n`,
        `coupling_1` … `coupling_n` and `offset` where given.

    Raises
    ------
    InputError
        If the last axes differ in length or are empty.

    References
    ----------
    V. N. Ostrovsky and H. Nakamura, J. Phys. A 30, 6939 (1997); Yu. N. Demkov and
    V. N. Ostrovsky, J. Phys. B 34, 2419 (2001) (generalised).

    Examples
    --------
    >>> BowTie(slopes=[1.0, -1.0], couplings=[0.1, 0.2])(3.0)
    array([[ 0. ,  0.1,  0.2],
           [ 0.1,  3. ,  0. ],
           [ 0.2,  0. , -3. ]])
    """
    rates, strengths = _paired("slopes", slopes, "couplings", couplings)
    size = rates.shape[-1]
    flat = 1 if offset is None else 2
    total = size + flat
    parameters: dict[str, FloatArray] = {}
    terms: list[tuple[str, Any]] = []
    for j in range(1, size + 1):
        parameters[f"slope_{j}"] = rates[..., j - 1]
        terms.append((f"slope_{j}*x", _projector(total, flat + j - 1)))
    for j in range(1, size + 1):
        parameters[f"coupling_{j}"] = strengths[..., j - 1]
        link = sum(_exchange(total, f, flat + j - 1) for f in range(flat)) / np.sqrt(flat)
        terms.append((f"coupling_{j}", link))
    labels: tuple[str, ...] = ("flat",)
    if offset is not None:
        parameters["offset"] = real_array("offset", offset)
        terms.append(("offset/2", _projector(total, 0) - _projector(total, 1)))
        labels = ("flat +", "flat -")
    return Hamiltonian.from_terms(
        terms,
        parameters=parameters,
        name="BowTie",
        labels=(*labels, *(f"level {j}" for j in range(1, size + 1))),
        source="V. N. Ostrovsky and H. Nakamura, J. Phys. A 30, 6939 (1997)",
    )


def _paired(
    first_name: str, first: npt.ArrayLike, second_name: str, second: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    one, two = real_array(first_name, first), real_array(second_name, second)
    if one.ndim == 0 or one.shape[-1] == 0:
        raise fail(first_name, "list at least one number", f"its shape is {one.shape}")
    last_axis(second_name, two, one.shape[-1])
    return one, two


def _projector(size: int, index: int) -> FloatArray:
    matrix = np.zeros((size, size))
    matrix[index, index] = 1.0
    return matrix


def _exchange(size: int, i: int, j: int) -> FloatArray:
    matrix = np.zeros((size, size))
    matrix[i, j] = matrix[j, i] = 1.0
    return matrix
