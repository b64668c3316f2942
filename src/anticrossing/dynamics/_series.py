"""Compiled recursion for the terms of superadiabatic states: see `superadiabatic`."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry


@entry()
def expand(energies, series, radius, terms):
    """Fill `terms` (P, L, N, N) from the Taylor series (P, L, N, N) of H in units of `radius`."""
    count, length, levels, _ = series.shape
    phi = np.zeros((length, length, levels, levels), np.complex128)
    lam = np.zeros((length, length, levels), np.complex128)
    for p in range(count):
        phi[:] = 0.0
        lam[:] = 0.0
        for j in range(levels):
            phi[0, 0, j, j] = 1.0
            lam[0, 0, j] = energies[p, j]
        for k in range(length):
            for m in range(length - k):
                if k == 0 and m == 0:
                    continue
                for j in range(levels):
                    shift = 0.0j
                    for step in range(1, m + 1):
                        for b in range(levels):
                            shift += series[p, step, j, b] * phi[k, m - step, b, j]
                    lam[k, m, j] = shift
                    for a in range(levels):
                        if a == j:
                            continue
                        right = 0.0j
                        for step in range(1, m + 1):
                            for b in range(levels):
                                right -= series[p, step, a, b] * phi[k, m - step, b, j]
                        for order in range(k + 1):
                            for power in range(m + 1):
                                if order or power:
                                    right += lam[order, power, j] * phi[k - order, m - power, a, j]
                        if k:
                            right += 1j * (m + 1) / radius[p] * phi[k - 1, m + 1, a, j]
                        phi[k, m, a, j] = right / (energies[p, a] - energies[p, j])
            terms[p, k] = phi[k, 0]
