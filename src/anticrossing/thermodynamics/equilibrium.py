"""Equilibrium of Fermi levels: occupations, grand potential, entropies (k_B = 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import entr, expit, log_expit, rel_entr

from anticrossing._core.checks import FloatArray, describe, fail, real_array
from anticrossing.formulas.result import broadcast
from anticrossing.thermodynamics.arguments import equilibrium_parameters

_ROUNDING = 1e-9  # by which a computed occupation may lie outside [0, 1]


def fermi(energies: npt.ArrayLike, *, temperature: float, chemical_potential: float) -> FloatArray:
    """Return the Fermi occupation ``f(ε) = 1/(exp(β(ε−μ)) + 1)``.

    Parameters
    ----------
    energies : array_like, shape (...)
        Energies ``ε`` of the levels.
    temperature : float
        Temperature ``T = 1/β`` (energy, k_B = 1), positive.
    chemical_potential : float
        ``μ`` (energy).

    Returns
    -------
    array, shape (...)

    Raises
    ------
    InputError
        If a number is not finite, or `temperature` not positive.

    Examples
    --------
    >>> fermi([2.0, 3.0, 4.0], temperature=1 / 1.2, chemical_potential=3.0).round(4)
    array([0.7685, 0.5   , 0.2315])
    """
    return expit(-_scaled(energies, temperature, chemical_potential))


def grand_potential(
    energies: npt.ArrayLike, *, temperature: float, chemical_potential: float
) -> float:
    """Return ``Ω = −T Σ ln(1 + exp(−β(ε−μ)))`` of independent Fermi levels (energy).

    Parameters
    ----------
    energies, temperature, chemical_potential
        As for `fermi`; the sum is over all levels.

    Raises
    ------
    InputError
        As for `fermi`.

    Examples
    --------
    >>> round(grand_potential([0.0], temperature=1 / 1.2, chemical_potential=3.0), 6)
    -3.022464
    """
    return float(np.sum(log_expit(_scaled(energies, temperature, chemical_potential)))) * float(
        temperature
    )


def binary_entropy(occupation: npt.ArrayLike) -> FloatArray:
    """Return ``S = −p ln p − (1−p) ln(1−p)`` of a level occupied with probability p.

    Parameters
    ----------
    occupation : array_like, shape (...)
        ``p``, between 0 and 1 up to rounding.

    Returns
    -------
    array, shape (...)
        In nats.

    Raises
    ------
    InputError
        If an occupation is not a probability.

    Examples
    --------
    >>> binary_entropy([0.0, 0.5]).round(6)
    array([0.      , 0.693147])
    """
    p = _computed("occupation", occupation)
    return entr(p) + entr(1 - p)


def binary_relative_entropy(occupation: npt.ArrayLike, reference: npt.ArrayLike) -> FloatArray:
    """Return ``D(p|q) = p ln(p/q) + (1−p) ln((1−p)/(1−q)) ≥ 0``, infinite where q excludes p.

    Parameters
    ----------
    occupation, reference : array_like
        ``p`` and ``q``, between 0 and 1 up to rounding; they broadcast.

    Returns
    -------
    array
        In nats.

    Raises
    ------
    InputError
        If an argument is not a probability, or the shapes do not broadcast.

    Examples
    --------
    >>> binary_relative_entropy(1.0, [0.5, 1.0]).round(6)
    array([0.693147, 0.      ])
    """
    p, q = broadcast(
        occupation=_computed("occupation", occupation), reference=_computed("reference", reference)
    )
    return np.maximum(rel_entr(p, q) + rel_entr(1 - p, 1 - q), 0.0)


def _computed(name: str, value: Any) -> FloatArray:
    """Return probabilities, forgiving what rounding has left outside [0, 1]."""
    array = real_array(name, value)
    if np.any((array < -_ROUNDING) | (array > 1 + _ROUNDING)):
        raise fail(name, "lie between 0 and 1", f"it is {describe(value)}")
    return np.clip(array, 0.0, 1.0)


def _scaled(energies: npt.ArrayLike, temperature: float, chemical_potential: float) -> FloatArray:
    """Return ``β(ε−μ)``."""
    checked, potential = equilibrium_parameters(temperature, chemical_potential)
    return (real_array("energies", energies) - potential) / checked
