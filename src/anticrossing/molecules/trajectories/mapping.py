"""What the amplitudes of mapping approaches say of populations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, real_array


def mash_population(weights: npt.ArrayLike) -> FloatArray:
    """Return the populations that |c|² stands for in multi-state MASH.

    ``1/N + α_N (|c_j|² − 1/N)`` with ``α_N = (N − 1)/(1/2 + … + 1/N)``: the mean over the part of
    the sphere where |c_n|² is largest is one for state n and zero for the others. Of one trajectory
    it may lie outside of 0 and 1.

    Parameters
    ----------
    weights : array_like, shape (..., N)
        |c_j|², of which the sum is one.

    Returns
    -------
    array, shape (..., N)

    Raises
    ------
    InputError
        If there are fewer than two states.

    References
    ----------
    J. E. Runeson, D. E. Manolopoulos, J. Chem. Phys. 159, 094115 (2023).

    Examples
    --------
    >>> mash_population([0.75, 0.25])
    array([1., 0.])
    """
    values = real_array("weights", weights)
    n = values.shape[-1] if values.ndim else 0
    if n < 2:
        raise fail("weights", "have at least two states", f"its shape is {values.shape}")
    scale = (n - 1) / np.sum(1.0 / np.arange(2, n + 1))
    return np.asarray(1 / n + scale * (values - 1 / n))
