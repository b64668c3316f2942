"""Exact samples of the many-body transitions of free fermions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from anticrossing._core.checks import ComplexArray, FloatArray, fail, integer
from anticrossing._core.threads import few_threads, processors
from anticrossing.thermodynamics.arguments import MOST_SAMPLES, generator
from anticrossing.thermodynamics.modes import (
    BoolArray,
    Transitions,
    checked_correlation,
    checked_log_odds,
    nearest_unitary,
)

_BLOCK = 48  # modes decided between two matrix products


def sample_transitions(
    propagator: npt.ArrayLike,
    n: int,
    rng: np.random.Generator,
    *,
    occupations: npt.ArrayLike | None = None,
    log_odds: npt.ArrayLike | None = None,
    correlation: npt.ArrayLike | None = None,
) -> Transitions:
    """Return n independent transitions ``S → S'``, drawn from their exact distribution.

    The initial set S of occupied modes is drawn first. Given it, the final set is a determinantal
    process: ``P(S'|S) = |det W[S', S]|²``, with the kernel ``K = W[:, S] W[:, S]†``. The final
    modes are decided one after another, each with its conditional probability, which is on the
    diagonal of the Schur complement of K after the decisions before. Holes are counted instead of
    particles where more than half of the modes are filled.

    Parameters
    ----------
    propagator : array, shape (N, N)
        ``W[final mode, initial mode]``, unitary.
    n : int
        How many samples.
    rng : numpy.random.Generator
        The source of randomness; the result does not depend on the number of threads.
    occupations, log_odds : array, shape (N,), optional
        Independent initial modes, as for `TwoPointStatistics`.
    correlation : array, shape (N, N), optional
        Instead of them, the correlation matrix ``G_ij = ⟨c_j† c_i⟩`` of a Gaussian state (see
        `GaussianState`), measured in the initial modes.

    Returns
    -------
    Transitions
        Samples of equal weight: each of the `probabilities` is 1/n.

    Raises
    ------
    InputError
        If an argument does not fit.

    References
    ----------
    J. B. Hough, M. Krishnapur, Y. Peres, B. Virág, Probab. Surveys 3, 206 (2006); J. Poulson, Phil.
    Trans. R. Soc. A 378, 20190166 (2020), the factorisation.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> found = sample_transitions([[0.8, -0.6], [0.6, 0.8]], 5000, rng, occupations=[1.0, 0.0])
    >>> abs(float(found.final[:, 0].mean()) - 0.64) < 0.02
    True
    """
    unitary = nearest_unitary("propagator", propagator)
    modes = unitary.shape[0]
    count = integer("n", n, minimum=1, maximum=MOST_SAMPLES)
    generator("rng", rng)
    if correlation is None:
        odds = checked_log_odds(modes, occupations=occupations, log_odds=log_odds)
        initial = rng.random((count, modes)) < expit(odds)
    elif occupations is not None or log_odds is not None:
        raise fail("correlation", "be the only initial state given", "another is given too")
    else:
        # The determinantal process of G is a mixture of projections onto its eigenvectors, each
        # taken with its eigenvalue as probability.
        occupied, natural = np.linalg.eigh(checked_correlation(modes, correlation))
        initial = _project(natural, rng.random((count, modes)) < occupied, rng)
    final = _project(unitary, initial, rng)
    return Transitions(initial, final, np.full(count, 1 / count))


def _project(unitary: ComplexArray, columns: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Draw, for each set of columns of a unitary, a set of rows with weight |minor|²."""
    uniforms = rng.random(columns.shape)
    decide = _compiled_decisions()

    def draw(number: int) -> BoolArray:
        holes = 2 * np.count_nonzero(columns[number]) > unitary.shape[0]
        chosen = unitary[:, columns[number] ^ holes]
        return _draw(chosen, uniforms[number], decide) ^ holes

    # one thread for BLAS: the samples are what runs side by side
    with few_threads(0), ThreadPoolExecutor(processors()) as pool:
        rows = list(pool.map(draw, range(columns.shape[0]), chunksize=1))
    return np.array(rows)


def _draw(
    columns: ComplexArray,
    uniforms: FloatArray,
    decide: Callable[[ComplexArray, FloatArray], BoolArray],
) -> BoolArray:
    """Draw the rows of the projection process onto orthonormal `columns` (N, n)."""
    # The conditional kernel after the decisions on a block B is ``K − K_:B (K_BB − 1_empty)⁻¹
    # K_B:``; the factors of all the blocks so far are kept in `left` and `right`.
    modes, particles = columns.shape
    taken = np.zeros(modes, dtype=bool)
    if particles == 0:
        return taken
    left = np.empty((modes, modes), dtype=np.complex128)
    right = np.empty((modes, modes), dtype=np.complex128)
    for start in range(0, modes, _BLOCK):
        stop = min(start + _BLOCK, modes)
        kernel = columns[start:] @ columns[start:stop].conj().T
        if start:
            kernel -= left[start:, :start] @ right[start:stop, :start].conj().T
        own = kernel[: stop - start]
        taken[start:stop] = decide(own.copy(), uniforms[start:stop])
        if stop < modes:
            decided = own - np.diag((~taken[start:stop]).astype(np.float64))
            below = kernel[stop - start :]
            left[stop:, start:stop] = np.linalg.solve(decided.T, below.T).T
            right[stop:, start:stop] = below
    return taken


def _decide(kernel: ComplexArray, uniforms: FloatArray) -> BoolArray:
    """Decide the modes of one block in turn; `kernel` is overwritten by its Schur complements."""
    size = kernel.shape[0]
    taken = np.zeros(size, dtype=np.bool_)
    for m in range(size):
        pivot = kernel[m, m].real
        taken[m] = uniforms[m] < pivot
        if not taken[m]:
            pivot -= 1.0
        for i in range(m + 1, size):
            factor = kernel[i, m] / pivot
            for j in range(m + 1, size):
                kernel[i, j] -= factor * kernel[m, j]
    return taken


@functools.cache
def _compiled_decisions() -> Callable[[ComplexArray, FloatArray], BoolArray]:
    from anticrossing._core.jit import entry

    return entry()(_decide)
