"""Exactly solvable passages that every solver is run against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import anticrossing as ac


@dataclass(frozen=True)
class ExactPassage:
    """A Hamiltonian, a drive, and the adiabatic transition matrix known from theory."""

    hamiltonian: ac.Hamiltonian
    drive: Any
    transition_matrix: np.ndarray


def landau_zener(gap: float, rate: Any, reach: float) -> ExactPassage:
    """Landau (1932), Zener (1932): P = exp(−πg²/2α)."""
    jump = np.exp(-np.pi * gap**2 / (2 * np.asarray(rate)))
    matrix = np.moveaxis(np.array([[1 - jump, jump], [jump, 1 - jump]]), (0, 1), (-2, -1))
    return ExactPassage(
        ac.models.LandauZener(gap=gap), ac.drive.Linear(-reach, reach, rate), matrix
    )


def demkov_osherov(
    levels: np.ndarray, couplings: np.ndarray, rate: float, reach: float
) -> ExactPassage:
    """Demkov and Osherov (1968): products of two-level probabilities in causal order.

    In adiabatic labels the sloped level starts lowest and ends highest, so parallel level j
    (counted from 1) starts as level j and ends as level j − 1.
    """
    count = levels.size
    keep = np.exp(-2 * np.pi * couplings**2 / rate)
    evolution = np.eye(count + 1)
    for j in np.argsort(levels) + 1:
        meeting = np.eye(count + 1)
        meeting[0, 0] = meeting[j, j] = keep[j - 1]
        meeting[0, j] = meeting[j, 0] = 1 - keep[j - 1]
        evolution = meeting @ evolution
    order = np.argsort(levels) + 1
    first = np.concatenate([[0], order])
    last = np.concatenate([order, [0]])
    return ExactPassage(
        ac.models.DemkovOsherov(levels=levels, couplings=couplings),
        ac.drive.Linear(-reach, reach, rate),
        evolution[np.ix_(last, first)],
    )


def random_hermitian(rng: np.random.Generator, size: int, *, real: bool = False) -> np.ndarray:
    """A Hermitian matrix with independent normal entries."""
    matrix = rng.normal(size=(size, size))
    if not real:
        matrix = matrix + 1j * rng.normal(size=(size, size))
    return (matrix + matrix.conj().T) / 2


def random_unitary(rng: np.random.Generator, size: int) -> np.ndarray:
    """A unitary matrix from the QR decomposition of a random one."""
    return np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))[0]
