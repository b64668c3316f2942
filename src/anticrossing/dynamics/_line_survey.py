"""Compiled look at H along a straight line: how large it is, and how well its ends tell levels."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry


@entry()
def survey(h, energies, vectors):
    """Look at H at the start, the middle and the stop of a window, (3, N, N), without its trace.

    energies (2, N) are those of both ends, vectors (N, N) those of the start. Return the mean norm
    of H, from above; the size of the largest energy at both ends; the least distance of levels at
    both; and the weakest link of the lowest level at the start to another, by H at the stop, over
    the largest element of this, nearly.
    """
    size = h.shape[1]
    first = max(energies[0, size - 1], -energies[0, 0])
    last = max(energies[1, size - 1], -energies[1, 0])
    apart = np.full(2, np.inf)
    for end in range(2):
        for k in range(size - 1):
            apart[end] = min(apart[end], energies[end, k + 1] - energies[end, k])
    square, largest, scale = 0.0, 0.0, first + last
    column = np.zeros(size, dtype=np.complex128)
    for i in range(size):
        for j in range(size):
            square += (h[1, i, j].real / scale) ** 2 + (h[1, i, j].imag / scale) ** 2
            largest = max(largest, abs(h[2, i, j].real) + abs(h[2, i, j].imag))
            column[i] += h[2, i, j] * vectors[j, 0]
    weakest = np.inf
    for k in range(1, size):
        link = 0.0j
        for i in range(size):
            link += column[i].conjugate() * vectors[i, k]
        weakest = min(weakest, abs(link))
    ends = 0.5 * scale
    norm = 0.5 * (ends + min(ends, scale * np.sqrt(square)))
    return norm, first, last, apart[0], apart[1], weakest / largest
