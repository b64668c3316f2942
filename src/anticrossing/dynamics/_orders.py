"""One order of the coupling between blocks of levels, compiled.

Columns of 1 + X are solutions but for phases and for what turns within a block,

    (G − i d/dτ)(1 + X) = (1 + X)Λ ,

with Λ inside the blocks and X outside. What an X leaves of this equation is divided by the
distances of the levels, in the eigenbasis of clusters whose levels are too close for that.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry


@entry(fastmath={"contract", "reassoc"})
def next_order(g, x, product, slope, energies, basis, cluster, block, weight, size):
    """Replace X by the X of the next order, (P, n, N, N), at the nodes of panels.

    `product` is GX, `slope` X′; `energies` (P, n, N) and `basis` (P, n, N, N) diagonalise the
    clusters of G; cluster, block (P, N, 2) say where the level's own begin and end. `size` (P)
    becomes the largest element of what is left, times `weight` (P, N, N).
    """
    panels, nodes, levels = energies.shape
    left = np.empty((levels, levels), np.complex128)
    rest = np.empty((levels, levels), np.complex128)
    turned = np.empty((levels, levels), np.complex128)
    for p in range(panels):
        largest = 0.0
        begin, end = block[p, :, 0], block[p, :, 1]
        first, last = cluster[p, :, 0], cluster[p, :, 1]
        alone = True
        for i in range(levels):
            alone = alone and last[i] - first[i] == 1
        for k in range(nodes):
            for i in range(levels):
                for j in range(levels):
                    left[i, j] = g[p, k, i, j] + product[p, k, i, j] - 1j * slope[p, k, i, j]
            for i in range(levels):
                for j in range(levels):
                    rest[i, j] = 0.0
                    if i < begin[j] or i >= end[j]:
                        f = left[i, j]
                        for m in range(begin[j], end[j]):
                            f -= x[p, k, i, m] * left[m, j]
                        rest[i, j] = f
                        w = weight[p, i, j]
                        largest = max(largest, w * w * (f.real * f.real + f.imag * f.imag))
            if alone:
                for i in range(levels):
                    for j in range(levels):
                        if i < begin[j] or i >= end[j]:
                            apart = energies[p, k, i] - energies[p, k, j]
                            x[p, k, i, j] -= rest[i, j] / apart
                continue
            u = basis[p, k]
            for i in range(levels):
                for j in range(levels):
                    f = 0.0j
                    for m in range(first[i], last[i]):
                        f += u[i, m] * rest[m, j]
                    turned[i, j] = f
            for i in range(levels):
                for j in range(levels):
                    rest[i, j] = 0.0
                    if i < begin[j] or i >= end[j]:
                        f = 0.0j
                        for m in range(first[j], last[j]):
                            f += turned[i, m] * u[j, m].conjugate()
                        rest[i, j] = f / (energies[p, k, i] - energies[p, k, j])
            for i in range(levels):
                for j in range(levels):
                    f = 0.0j
                    for m in range(first[i], last[i]):
                        f += u[m, i].conjugate() * rest[m, j]
                    turned[i, j] = f
            for i in range(levels):
                for j in range(levels):
                    for m in range(first[j], last[j]):
                        x[p, k, i, j] -= turned[i, m] * u[m, j]
        size[p] = np.sqrt(largest)
