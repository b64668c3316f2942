"""Equilibrium of Fermi levels: occupations, grand potential, entropies (k_B = 1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr, expit, log_expit, rel_entr

from anticrossing.checks import FloatArray


def fermi(energies: npt.ArrayLike, *, beta: float, chemical_potential: float) -> FloatArray:
    """Return the Fermi occupation ``f(ε) = 1/(exp(β(ε−μ)) + 1)``, shape of `energies`.

    Examples
    --------
    >>> fermi([2.0, 3.0, 4.0], beta=1.2, chemical_potential=3.0).round(4)
    array([0.7685, 0.5   , 0.2315])
    """
    return expit(-beta * (np.asarray(energies, dtype=np.float64) - chemical_potential))


def grand_potential(energies: npt.ArrayLike, *, beta: float, chemical_potential: float) -> float:
    """Return ``Ω = −T Σ ln(1 + exp(−β(ε−μ)))`` of independent Fermi levels (energy).

    Examples
    --------
    >>> round(grand_potential([0.0], beta=1.2, chemical_potential=3.0), 6)
    -3.022464
    """
    shifted = beta * (np.asarray(energies, dtype=np.float64) - chemical_potential)
    return float(np.sum(log_expit(shifted))) / beta


def binary_entropy(occupation: npt.ArrayLike) -> FloatArray:
    """Return ``S = −p ln p − (1−p) ln(1−p)`` of a level occupied with probability p.

    Examples
    --------
    >>> binary_entropy([0.0, 0.5]).round(6)
    array([0.      , 0.693147])
    """
    p = np.asarray(occupation, dtype=np.float64)
    return entr(p) + entr(1 - p)


def binary_relative_entropy(occupation: npt.ArrayLike, reference: npt.ArrayLike) -> FloatArray:
    """Return ``D(p|q) = p ln(p/q) + (1−p) ln((1−p)/(1−q)) ≥ 0``, infinite where q excludes p.

    Examples
    --------
    >>> binary_relative_entropy(1.0, [0.5, 1.0]).round(6)
    array([0.693147, 0.      ])
    """
    p = np.asarray(occupation, dtype=np.float64)
    q = np.asarray(reference, dtype=np.float64)
    return np.maximum(rel_entr(p, q) + rel_entr(1 - p, 1 - q), 0.0)
