"""Vibronic levels of any polynomial Hamiltonian, in a product basis that grows until they stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    fail,
    instance,
    integer,
    of_shape,
    positive,
    positive_number,
)
from anticrossing.hamiltonian import TermHamiltonian, check_entries
from anticrossing.models.vibronic_coupling import VibronicCoupling
from anticrossing.molecules.vibronic._lanczos import lowest
from anticrossing.molecules.vibronic._oscillator import build, dimension, monomials, product
from anticrossing.molecules.vibronic.result import VibronicLevels

_START = 12
_GROWTH = 1.35
_TAIL = 4  # functions at the top of each basis whose weight decides where to enlarge


def vibronic_levels(
    hamiltonian: TermHamiltonian,
    *,
    count: int,
    frequencies: npt.ArrayLike | None = None,
    basis_sizes: Sequence[int] | None = None,
    tolerance: float = 1e-8,
    largest_basis: int = 200_000,
) -> VibronicLevels:
    """Return the lowest levels of nuclei and electrons together, [T + H(Q)] Ψ = E Ψ.

    T = ½ Σ_i ω_i P_i²,  P_i = −i ∂/∂Q_i

    in a product of harmonic-oscillator functions of Q_i with exact matrix elements, so that the
    levels are upper bounds; the lowest are found by Lanczos iteration. The basis is enlarged along
    the coordinates on which the levels reach its edge until no level changes by more than the
    tolerance.

    Parameters
    ----------
    hamiltonian : TermHamiltonian
        H(Q), a polynomial in its coordinates, without the kinetic energy.
    count : int
        How many levels, degenerate ones counted separately.
    frequencies : array, shape (f,), optional
        ω_i > 0; a `VibronicCoupling` knows its own. For a coordinate with a mass this is 1/m.
    basis_sizes : sequence of int, optional
        The basis sizes to begin with.
    tolerance : float
        By how much a level may still change, in the Hamiltonian's units.
    largest_basis : int
        The largest dimension tried.

    Returns
    -------
    VibronicLevels

    Raises
    ------
    InputError
        If the Hamiltonian is not a polynomial, or frequencies are missing or given twice.
    ConvergenceError
        If the tolerance needs more than `largest_basis` functions, or H has no lowest level.

    References
    ----------
    H. Köppel, W. Domcke and L. S. Cederbaum, Adv. Chem. Phys. 57, 59 (1984).

    Examples
    --------
    >>> from anticrossing.models.conical import JahnTeller
    >>> result = vibronic_levels(JahnTeller(linear=2.0), count=3, frequencies=[1.0, 1.0])
    >>> [round(float(energy), 6) for energy in result.energies]      # the ground level is double
    [-1.445743, -1.445743, -1.15966]
    """
    instance("hamiltonian", hamiltonian, TermHamiltonian)
    number = integer("count", count, minimum=1, maximum=10**5)
    omega = frequencies_of(hamiltonian, frequencies)
    allowed = positive_number("tolerance", tolerance)
    limit = integer("largest_basis", largest_basis, minimum=1)
    if 2 * number > limit:
        raise fail("largest_basis", f"be at least {2 * number}, twice `count`", f"it is {limit}")
    terms = monomials(hamiltonian)
    states = hamiltonian.dimension
    sizes = _start(basis_sizes, len(omega), number, states)
    if dimension(sizes, states) > limit:
        raise fail("largest_basis", f"be at least {dimension(sizes, states)}", f"it is {limit}")
    previous: FloatArray | None = None
    while True:
        matrix = build(terms, omega, product(sizes))
        # In one or two coordinates the matrix can be factorised; the levels of the smaller basis
        # tell where to invert it.
        near = None
        if len(sizes) <= 2:
            near = float(matrix.diagonal().min().real if previous is None else previous[0])
        energies, vectors = lowest(matrix, number, allowed, near=near)
        change = np.inf if previous is None else float(np.max(np.abs(previous - energies)))
        if change <= allowed:
            break
        larger = _enlarge(vectors, sizes, states, everywhere=previous is None)
        if dimension(larger, states) > limit:
            raise ConvergenceError(
                f"The levels still change by {change:.2g} with basis sizes {sizes}: allow a larger "
                "`largest_basis` or tolerance, ask for fewer levels, and check that the lower "
                "surface has a bottom."
            )
        previous, sizes = energies, larger
    density = (np.abs(vectors) ** 2).reshape(-1, states, number)
    populations = density.sum(axis=0).T.copy()
    return VibronicLevels(energies, populations, sizes, change, hamiltonian.units)


def frequencies_of(hamiltonian: TermHamiltonian, frequencies: npt.ArrayLike | None) -> FloatArray:
    """Return ω (f,), which a `VibronicCoupling` has and another Hamiltonian is given with."""
    modes = len(hamiltonian.coordinates)
    if isinstance(hamiltonian, VibronicCoupling):
        if frequencies is not None:
            raise fail("frequencies", "be left out for a VibronicCoupling", "it is given")
        return hamiltonian.frequencies
    if frequencies is None:
        raise fail("frequencies", "be given: the kinetic energy needs them", "it is missing")
    return of_shape("frequencies", positive("frequencies", frequencies), (modes,))


def _start(
    basis_sizes: Sequence[int] | None, modes: int, count: int, states: int
) -> tuple[int, ...]:
    if basis_sizes is None:
        size = {1: 2 * _START, 2: _START + 4}.get(modes, max(4, _START - modes))
        sizes = (size,) * modes
        while dimension(sizes, states) < 2 * count:
            sizes = tuple(size + 2 for size in sizes)
        return sizes
    sizes = given_sizes(basis_sizes, modes)
    if dimension(sizes, states) < count:
        raise fail("basis_sizes", f"make at least {count} functions", f"they are {sizes}")
    return sizes


def given_sizes(basis_sizes: Sequence[int], modes: int) -> tuple[int, ...]:
    """Return basis sizes that a user gave, one for each mode."""
    given = check_entries("basis_sizes", basis_sizes, modes, f"hold {modes} number(s)")
    return tuple(integer("basis_sizes", size, minimum=2) for size in given)


def _enlarge(
    vectors: npt.NDArray[Any], sizes: tuple[int, ...], states: int, *, everywhere: bool
) -> tuple[int, ...]:
    """Return larger sizes where the levels reach the edge (of all coordinates if `everywhere`)."""
    density = (np.abs(vectors) ** 2).reshape(*sizes, states, -1)
    tails = []
    for axis, size in enumerate(sizes):
        profile = np.moveaxis(density, axis, 0).reshape(size, -1, density.shape[-1]).sum(axis=1)
        tails.append(float(profile[-min(_TAIL, size // 2) :].max()))
    threshold = 0.0 if everywhere else 1e-3 * max(tails)
    return tuple(
        max(size + 2, int(size * _GROWTH)) if tail >= threshold else size
        for size, tail in zip(sizes, tails, strict=True)
    )
