"""Gauss–Legendre nodes and weights, one place for all integrals."""

from __future__ import annotations

import functools

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import frozen


@functools.cache
def gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """Return the nodes in [−1, 1] and weights that integrate degree 2·`count` − 1 exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return frozen(nodes), frozen(weights)
