"""Compiled passes over a wave function (N, points): one read and one write of every value."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing._core.jit import entry

# A decorator of an untyped package would make these functions untyped.
_compiled: Any = entry(fastmath={"contract"})


def _rotate_one(factor: Any, psi: Any) -> None:
    for p in range(psi.shape[1]):
        psi[0, p] *= factor[0, 0, p]


def _rotate_two(u00: Any, u01: Any, u10: Any, u11: Any, first: Any, second: Any) -> None:
    for p in range(first.size):
        a, b = first[p], second[p]
        first[p] = u00[p] * a + u01[p] * b
        second[p] = u10[p] * a + u11[p] * b


def _rotate_many(factor: Any, psi: Any) -> None:
    states = psi.shape[0]
    column = np.empty(states, dtype=np.complex128)
    for p in range(psi.shape[1]):
        for j in range(states):
            column[j] = psi[j, p]
        for i in range(states):
            total = 0.0j
            for j in range(states):
                total += factor[i, j, p] * column[j]
            psi[i, p] = total


def _scale_line(psi: Any, factor: Any) -> None:
    for s in range(psi.shape[0]):
        for i in range(psi.shape[1]):
            psi[s, i] *= factor[i]


def _scale_plane(psi: Any, rows: Any, columns: Any) -> None:
    for s in range(psi.shape[0]):
        for i in range(psi.shape[1]):
            row = rows[i]
            for j in range(psi.shape[2]):
                psi[s, i, j] *= row * columns[j]


def _absorb(psi: Any, index: Any, mask: Any, frames: Any, lost: Any) -> None:
    """Damp the points `index` and add what each adiabatic state loses; frames are (R, N, N)."""
    states = psi.shape[0]
    for r in range(index.size):
        p = index[r]
        share = 1.0 - mask[r] * mask[r]
        for n in range(states):
            amplitude = 0.0j
            for i in range(states):
                amplitude += frames[r, n, i] * psi[i, p]
            lost[n] += share * (amplitude.real**2 + amplitude.imag**2)
        for i in range(states):
            psi[i, p] *= mask[r]


def _look(values: Any, slabs: Any, unit: Any, peaks: Any) -> Any:
    """Raise `peaks` to Σ|ψ|² over each slab (row, row, column, column); return the largest."""
    largest = 0.0
    for k in range(slabs.shape[0]):
        total = 0.0
        for s in range(values.shape[0]):
            for i in range(slabs[k, 0], slabs[k, 1]):
                for j in range(slabs[k, 2], slabs[k, 3]):
                    total += values[s, i, j].real ** 2 + values[s, i, j].imag ** 2
        peaks[k] = max(peaks[k], unit * total)
        largest = max(largest, peaks[k])
    return largest


rotate_one = _compiled(_rotate_one)
rotate_two = _compiled(_rotate_two)
rotate_many = _compiled(_rotate_many)
scale_line = _compiled(_scale_line)
scale_plane = _compiled(_scale_plane)
absorb = _compiled(_absorb)
look = _compiled(_look)
