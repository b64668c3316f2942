"""The nuclear problem on the lower Jahn–Teller surface, with its geometric phase or without."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    check_flag,
    fail,
    integer,
    positive_number,
    real_number,
)
from anticrossing._core.threads import few_threads
from anticrossing.molecules.vibronic.result import RotorLevels

_LARGEST_BASIS = 2000


def lower_surface_levels(
    linear: float,
    *,
    geometric_phase: bool = True,
    diagonal_correction: bool = False,
    count: int = 6,
    tolerance: float = 1e-9,
) -> RotorLevels:
    """Return the lowest levels of one surface of linear E⊗e, the electrons having been left out.

    [−½(∂_ρ² + ρ⁻¹∂_ρ) + m²/2ρ² + ½ρ² − |k|ρ (+ 1/8ρ²)] χ(ρ) = E χ(ρ),  ψ = χ(ρ) e^{imφ}

    The real electronic state of the lower surface changes sign on the way round the intersection.
    The total wave function is single-valued, so ψ has to change sign too: m = ±½, ±3/2, … and the
    ground level is double. The same follows from a single-valued ψ and the vector potential
    A = 1/2ρ along φ, which turns m into m + ½. Without either, m = 0, ±1, ±2, …: the ground level
    is single and the pseudorotation a ladder of integers, m²/2k² for strong coupling. That is what
    Born and Oppenheimer's nuclei would do without the geometric phase, and not what the molecule
    does.

    Parameters
    ----------
    linear : float
        k, in units of the vibrational quantum.
    geometric_phase : bool
        Whether ψ changes sign round the intersection.
    diagonal_correction : bool
        Adds ½|d₁₂|² = 1/8ρ², the diagonal Born–Oppenheimer correction.
    count : int
        How many levels, degenerate partners ±m counted once.
    tolerance : float
        By how much doubling the basis may still change a level.

    Returns
    -------
    RotorLevels
        `angular_momenta` holds |m|. With the phase they compare with |j| of `jahn_teller_levels`;
        corrected levels agree to O(k⁻⁶) for strong coupling.

    Raises
    ------
    InputError
        If k = 0, where there is no intersection but a degenerate plane.
    ConvergenceError
        If the levels do not settle in the largest basis tried.

    References
    ----------
    H. C. Longuet-Higgins, U. Öpik, M. H. L. Pryce and R. A. Sack, Proc. R. Soc. A 244, 1 (1958);
    C. A. Mead and D. G. Truhlar, J. Chem. Phys. 70, 2284 (1979).

    Examples
    --------
    >>> with_phase = lower_surface_levels(4.0, count=3)
    >>> without = lower_surface_levels(4.0, geometric_phase=False, count=3)
    >>> with_phase.angular_momenta, with_phase.degeneracies
    (array([0.5, 1.5, 2.5]), array([2, 2, 2]))
    >>> without.angular_momenta, without.degeneracies
    (array([0., 1., 2.]), array([1, 2, 2]))
    """
    k = abs(real_number("linear", linear))
    if k == 0:
        raise fail("linear", "not be zero", f"it is {linear}")
    for name, value in (
        ("geometric_phase", geometric_phase),
        ("diagonal_correction", diagonal_correction),
    ):
        check_flag(name, value)
    number = integer("count", count, minimum=1, maximum=10**5)
    allowed = positive_number("tolerance", tolerance)
    shift = 0.5 if geometric_phase else 0.0
    rows: list[tuple[float, float]] = []
    error = 0.0
    for index in range(number):  # levels of one rank rise with |m|: no larger m is needed
        m = index + shift
        order = np.sqrt(m**2 + 0.25) if diagonal_correction else m
        energies, change = _converged(k, order, number, allowed)
        error = max(error, change)
        rows += [(float(energy), m) for energy in energies]
        rows = sorted(rows)[:number]
        if len(rows) == number and energies[0] > rows[-1][0]:
            break
    energies, momenta = (np.array(column) for column in zip(*rows, strict=True))
    return RotorLevels(
        energies, momenta, np.where(momenta == 0, 1, 2), tuple(_symmetry(m) for m in momenta), error
    )


def _symmetry(m: float) -> str:
    """The trigonal representation: half-odd m is vibronic, integer m belongs to e^{imφ} alone."""
    if m == 0:
        return "A1"
    return "A1+A2" if round(2 * m) % 3 == 0 else "E"


def _converged(k: float, order: float, count: int, allowed: float) -> tuple[FloatArray, float]:
    size = 30 + round(min(k, _LARGEST_BASIS) ** 2) + 2 * count
    previous: FloatArray | None = None
    while size <= _LARGEST_BASIS:
        with few_threads(1):  # more gain nothing, and wait for one another where cores are shared
            energies = _radial(k, order, size)[:count]
        if previous is not None:
            change = float(np.max(np.abs(previous - energies)))
            if change <= allowed:
                return energies, change
        previous = energies
        size *= 2
    raise ConvergenceError(
        f"The levels at k = {k:g} do not settle to {allowed:.2g}: ask for fewer levels or a larger "
        "`tolerance`."
    )


def _radial(k: float, order: float, size: int) -> FloatArray:
    """Levels in the oscillator functions R_n ∝ ρ^μ L_n^(μ)(ρ²) e^{−ρ²/2}, μ the order."""
    # They diagonalise everything but −kρ. With L_n^(μ) = Σ_i c_{n−i} L_i^(μ+½), c_r = (−½)_r/r!,
    # the matrix of ρ is a sum over i of exact products: no quadrature, and no cancellation.
    from scipy.special import gammaln

    n = np.arange(size)
    c = np.cumprod(np.concatenate([[1.0], (n[1:] - 1.5) / n[1:]]))
    difference = n[:, None] - n[None, :]
    weights = (
        gammaln(n + order + 1.5)
        - gammaln(n + 1)
        - (gammaln(n + order + 1) - gammaln(n + 1))[:, None]
    )
    half = np.where(difference >= 0, c[np.abs(difference)] * np.exp(weights / 2), 0.0)
    matrix = np.diag(2 * n + order + 1.0) - k * (half @ half.T)
    return np.asarray(np.linalg.eigvalsh(matrix))
