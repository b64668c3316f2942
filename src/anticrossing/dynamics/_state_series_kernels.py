# mypy: allow-untyped-calls, allow-untyped-defs
"""Compiled part of the Taylor series of a state."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry

_BLOCK = 512


@entry(fastmath={"contract"})
def next_order(products, places, weights, factor, state, total):
    """Set state = −i factor Σ_a weights[a] products[places[a]], add it to `total`; its norm.

    Real and imaginary parts alternate in every array.
    """
    square = 0.0
    sums = np.empty(_BLOCK)
    for start in range(0, state.size, _BLOCK):
        length = min(_BLOCK, state.size - start)
        sums[:] = 0.0
        for a in range(places.size):
            w, row = weights[a], products[places[a], start : start + length]
            for r in range(length):
                sums[r] += w * row[r]
        new, added = state[start : start + length], total[start : start + length]
        for r in range(0, length, 2):
            real, imaginary = factor * sums[r + 1], -factor * sums[r]
            new[r] = real
            new[r + 1] = imaginary
            added[r] += real
            added[r + 1] += imaginary
            square += real * real + imaginary * imaginary
    return np.sqrt(square)
