"""Vibronic levels of E⊗e Jahn–Teller, in sectors of the vibronic angular momentum."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    describe,
    fail,
    integer,
    positive_number,
    real_number,
)
from anticrossing.molecules.vibronic._lanczos import lowest
from anticrossing.molecules.vibronic.result import RotorLevels

_LARGEST_CHAIN = 20_000
_LARGEST_SHELL = 600
_RITZ = 1e-10  # residual of the Lanczos vectors; the error of a level is its square

Sector = tuple[FloatArray, float, int, str]
"""Energies of a sector, its |j| (NaN), the degeneracy of each, and their symmetry."""


def jahn_teller_levels(
    linear: float, quadratic: float = 0.0, *, count: int = 6, tolerance: float = 1e-10
) -> RotorLevels:
    """Return the lowest vibronic levels of the E⊗e problem, exactly by symmetry.

    H = ½(p_x² + p_y²) + ½(x² + y²) + k (x σ_z + y σ_x) + ½ g [(x² − y²) σ_z − 2xy σ_x]

    For g = 0 the vibronic angular momentum j = l ± ½, l of the vibration, is conserved. It is
    half-odd, because the electronic state changes sign when the molecule is led round the
    intersection; every level is double (±j) and so is the ground level, |j| = ½. In a sector H is
    tridiagonal: with |j| + ½ + n on the diagonal, n = 0, 1, 2 …, and beside it
    k √(|j| + ½), k √1, k √(|j| + 3/2), k √2, …

    For g ≠ 0 only j modulo 3 is left: levels of E (j = ±½ modulo 3) stay double, the pairs A₁ + A₂
    (j = 3/2 modulo 3) split. E stays lowest as long as the pseudorotation encloses the central
    intersection alone. Where g is strong and k weak it encloses the three further ones as well,
    four sign changes cancel, and the single level A₂ (A₁ for g < 0) becomes the lowest: at k = 0.3
    between g = 0.90 and 0.93.

    Parameters
    ----------
    linear, quadratic : float
        k and g, |g| < 1, in units of the vibrational quantum.
    count : int
        How many levels, degenerate partners counted once.
    tolerance : float
        By how much enlarging the basis may still change a level.

    Returns
    -------
    RotorLevels

    Raises
    ------
    InputError
        If |g| ≥ 1, where the lower surface has no bottom, or `count` is not positive.
    ConvergenceError
        If the levels do not settle in the largest basis tried.

    References
    ----------
    H. C. Longuet-Higgins, U. Öpik, M. H. L. Pryce and R. A. Sack, Proc. R. Soc. A 244, 1 (1958);
    H. Koizumi and I. B. Bersuker, Phys. Rev. Lett. 83, 3009 (1999) (the crossover with g).

    Examples
    --------
    >>> print(jahn_teller_levels(2.0, count=3))
           energy   degeneracy   |j|   symmetry
      -1.44574261            2   0.5          E
      -1.15966014            2   1.5      A1+A2
      -0.74089648            2   2.5          E
    """
    k = real_number("linear", linear)
    g = real_number("quadratic", quadratic)
    if abs(g) >= 1:
        raise fail("quadratic", "lie between −1 and 1", f"it is {describe(quadratic)}")
    number = integer("count", count, minimum=1, maximum=10**5)
    allowed = positive_number("tolerance", tolerance)
    # The minima lie at ρ = k/(1 − |g|), where a wave packet holds about ½ρ² quanta.
    radius = min(abs(k) / (1 - abs(g)), _LARGEST_CHAIN)
    size = int(20 + radius**2 + 2 * number)
    limit = _LARGEST_CHAIN if g == 0 else _LARGEST_SHELL
    previous: RotorLevels | None = None
    while size <= limit:
        sectors = _chains(k, number, size) if g == 0 else _trigonal(k, g, number, size)
        change = np.inf
        found = _sorted(sectors, number, change)
        if previous is not None:
            change = float(np.max(np.abs(found.energies - previous.energies)))
            if change <= allowed:
                return _sorted(sectors, number, change)
        previous = found
        size = int(1.25 * size) + 4
    raise ConvergenceError(
        f"The levels at k = {k:g}, g = {g:g} do not settle to {allowed:.2g}: ask for fewer levels "
        "or a larger `tolerance`."
    )


def _chains(k: float, count: int, size: int) -> list[Sector]:
    import scipy.linalg

    n = np.arange(size)
    sectors: list[Sector] = []
    for m in range(count):  # levels of one rank rise with |j|: the lowest `count` are among these
        diagonal = m + 1.0 + np.arange(2 * size)
        side = np.empty(2 * size - 1)
        side[0::2] = k * np.sqrt(m + 1.0 + n)
        side[1::2] = k * np.sqrt(n[1:])
        energies = scipy.linalg.eigh_tridiagonal(
            diagonal, side, eigvals_only=True, select="i", select_range=(0, count - 1)
        )
        sectors.append((energies, m + 0.5, 2, "A1+A2" if m % 3 == 1 else "E"))
    return sectors


def _trigonal(k: float, g: float, count: int, shell: int) -> list[Sector]:
    """Sectors of j modulo 3, in circular quanta (n₊, n₋) with n₊ + n₋ ≤ shell."""
    # With z = x + iy and the electronic states rotated to σ_z → σ_x, σ_x → σ_y, H = n₊ + n₋ + 1 +
    # [k z̄ + ½ g z²] S₊ + h.c. and z = a₊† + a₋.
    E = _quanta(shell, 0)
    # No level lies below the lower surface.
    bottom = -(k**2) / (2 * (1 - abs(g)))
    energies, _ = lowest(_matrix(E, k, g), count, _RITZ, near=bottom)
    sectors: list[Sector] = [(energies, np.nan, 2, "E")]
    A = _quanta(shell, 1)
    matrix = _matrix(A, k, g)
    # The reflection y → −y exchanges n₊ with n₋ and the two electronic states.
    place = {tuple(row): i for i, row in enumerate(A.tolist())}
    partner = np.array([place[(b, a, 1 - s)] for a, b, s in A.tolist()])
    for parity, symmetry in ((1.0, "A1"), (-1.0, "A2")):
        fold = _fold(partner, parity)
        energies, _ = lowest((fold.T @ matrix @ fold).tocsr(), count, _RITZ, near=bottom)
        sectors.append((energies, np.nan, 1, symmetry))
    return sectors


def _quanta(shell: int, sector: int) -> npt.NDArray[np.int64]:
    """Rows (n₊, n₋, s) with s = 1 for σ = +½: j − ½ = n₊ − n₋ + s − 1 is `sector` modulo 3."""
    plus, minus, spin = np.meshgrid(
        np.arange(shell + 1), np.arange(shell + 1), [0, 1], indexing="ij"
    )
    rows = np.stack([plus.ravel(), minus.ravel(), spin.ravel()], axis=1)
    inside = rows[:, 0] + rows[:, 1] <= shell
    momentum = rows[:, 0] - rows[:, 1] + rows[:, 2] - 1
    return np.asarray(rows[inside & (momentum % 3 == sector)])


def _matrix(rows: npt.NDArray[np.int64], k: float, g: float) -> Any:
    import scipy.sparse

    shell = int(rows[:, 0].max()) + int(rows[:, 1].max()) + 3
    index = np.full((shell, shell, 2), -1)
    index[rows[:, 0], rows[:, 1], rows[:, 2]] = np.arange(len(rows))
    down = rows[rows[:, 2] == 0]
    a, b = down[:, 0].astype(float), down[:, 1].astype(float)
    # z̄ = a₊ + a₋†,  z² = a₊†² + 2 a₊† a₋ + a₋², from σ = −½ to σ = +½.
    steps = [
        (-1, 0, k * np.sqrt(a)),
        (0, 1, k * np.sqrt(b + 1)),
        (2, 0, g / 2 * np.sqrt((a + 1) * (a + 2))),
        (1, -1, g * np.sqrt((a + 1) * b)),
        (0, -2, g / 2 * np.sqrt(b * np.maximum(b - 1, 0))),
    ]
    source = index[down[:, 0], down[:, 1], 0]
    matrix = scipy.sparse.diags([rows[:, 0] + rows[:, 1] + 1.0], [0], format="csr")
    for da, db, value in steps:
        target = index[down[:, 0] + da, down[:, 1] + db, 1]
        there = (target >= 0) & (value != 0)
        block = scipy.sparse.csr_matrix(
            (value[there], (target[there], source[there])), shape=matrix.shape
        )
        matrix = matrix + block + block.T
    return matrix


def _fold(partner: npt.NDArray[np.int64], parity: float) -> Any:
    """Columns (|i⟩ ± |partner of i⟩)/√2; no function is its own partner."""
    import scipy.sparse

    first = np.flatnonzero(np.arange(len(partner)) < partner)
    columns = np.arange(len(first))
    values = np.full(len(first), np.sqrt(0.5))
    return scipy.sparse.csr_matrix(
        (
            np.concatenate([values, parity * values]),
            (np.concatenate([first, partner[first]]), np.concatenate([columns, columns])),
        ),
        shape=(len(partner), len(first)),
    )


def _sorted(sectors: list[Sector], count: int, error: float) -> RotorLevels:
    rows = [
        (energy, j, degeneracy, symmetry)
        for energies, j, degeneracy, symmetry in sectors
        for energy in energies
    ]
    rows.sort(key=lambda row: row[0])
    energies, momenta, degeneracies, symmetries = zip(*rows[:count], strict=True)
    return RotorLevels(
        np.array(energies), np.array(momenta), np.array(degeneracies), tuple(symmetries), error
    )
