"""Transmission of levels between two leads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    hermitian,
    increasing,
    of_shape,
    real_array,
)


def transmission(
    energies: npt.ArrayLike,
    *,
    hamiltonian: npt.ArrayLike,
    rates: npt.ArrayLike,
    band: tuple[float, float] | None = None,
) -> FloatArray:
    """Return the transmission of levels between two leads with flat bands.

    ``T = eigenvalues of Γ_L^½ G Γ_R G† Γ_L^½`` with ``G = [E − h − Λ(E) + i(Γ_L + Γ_R)/2]⁻¹``. In a
    wide band Λ = 0, and a single level ε has the Breit–Wigner form ``Γ_L Γ_R/[(E − ε)² + (Γ_L +
    Γ_R)²/4]``. Between the edges of a band it is ``Λ = (Γ_L + Γ_R)/2π ln[(E − low)/(high − E)]``,
    and beyond them T = 0.

    Parameters
    ----------
    energies : array, shape (...)
        ``E`` (energy).
    hamiltonian : float or array, shape (m, m)
        The level ε, or the matrix h of m levels (energy).
    rates : array, shape (2,) or (2, m, m)
        ``Γ_ν = 2π Σ_i γ_i γ_i† δ(E − ε_i)`` of the left and the right lead (energy): numbers that
        are not negative, or Hermitian matrices with no negative eigenvalue.
    band : (float, float), optional
        The edges of both bands (energy); infinitely far by default.

    Returns
    -------
    array, shape (...) or (..., m)
        Numbers between 0 and 1; for a matrix one for each of m channels, ascending.

    Raises
    ------
    InputError
        If shapes do not fit, or a rate is negative.

    References
    ----------
    Y. Meir, N. S. Wingreen, Phys. Rev. Lett. 68, 2512 (1992); for the channels M. Büttiker, Phys.
    Rev. B 46, 12485 (1992).

    Examples
    --------
    >>> transmission([0.0, 0.5], hamiltonian=0.0, rates=[0.5, 0.5]).round(6)
    array([1. , 0.5])
    """
    e = real_array("energies", energies)
    matrix = hermitian("hamiltonian", np.atleast_2d(hamiltonian), single=True)
    levels, single = matrix.shape[0], np.ndim(hamiltonian) == 0
    left, right = _rates(rates, levels)
    inside = np.ones(e.shape, dtype=bool)
    shift = np.zeros(e.shape)
    if band is not None:
        low, high = increasing("band", band)
        inside = (e > low) & (e < high)
        safe = np.where(inside, e, 0.5 * (low + high))
        shift = np.log((safe - low) / (high - safe)) / (2 * np.pi)
    total = left + right
    scale = np.eye(levels) * e[..., None, None] - matrix
    inverse = scale - total * shift[..., None, None] + 0.5j * total
    if single:
        weight = float((left * right).real[0, 0])
        size = np.abs(inverse[..., 0, 0])
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(weight > 0, np.sqrt(weight) / size, 0.0) ** 2
        return np.where(inside, np.minimum(found, 1.0), 0.0)
    root_left, root_right = _root(left), _root(right)
    # A level that no lead reaches has a pole on the real axis, and transmits nothing there.
    amplitude = root_left @ _solve(inverse, root_right, total)
    found = np.linalg.svd(amplitude, compute_uv=False)[..., ::-1] ** 2
    return np.where(inside[..., None], np.minimum(found, 1.0), 0.0)


def _rates(rates: npt.ArrayLike, levels: int) -> tuple[ComplexArray, ComplexArray]:
    """Return the rates of both leads as matrices, or raise `InputError`."""
    array = np.asarray(rates)
    of_shape("rates", array, *([(2,)] if levels == 1 else []), (2, levels, levels))
    both = hermitian("rates", array.reshape(2, levels, levels))
    lowest = float(np.linalg.eigvalsh(both).min())
    if lowest < -1e-12 * float(np.abs(both).max()):
        raise fail("rates", "have no negative eigenvalue", f"one is {lowest:.3g}")
    return both[0], both[1]


def _root(matrix: ComplexArray) -> ComplexArray:
    values, vectors = np.linalg.eigh(matrix)
    root: ComplexArray = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.conj().T
    return root


def _solve(matrix: ComplexArray, right: ComplexArray, total: ComplexArray) -> ComplexArray:
    """Return ``matrix⁻¹ right`` with a pole on the real axis moved off by rounding."""
    size = float(np.abs(total).max()) + float(np.abs(matrix).max(initial=0.0))
    shifted = matrix + 1j * np.finfo(np.float64).eps * size * np.eye(matrix.shape[-1])
    solved = np.linalg.solve(shifted, np.broadcast_to(right, matrix.shape))
    return np.asarray(solved, dtype=np.complex128)
