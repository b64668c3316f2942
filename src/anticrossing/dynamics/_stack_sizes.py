"""Compiled sizes of stacks [U, ∂U, …] of doubled steps, (n, D, 1 + K, D) as real numbers."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry


@entry(fastmath={"reassoc", "contract"})
def norms(stacks, first):
    """Return the largest Frobenius norms of ∂U and, from row and column `first` on, of U and ∂U.

    The last axis holds the real and imaginary parts of complex numbers.
    """
    steps, rows, count, columns = stacks.shape
    whole, inside = np.zeros(count), np.zeros(count)
    slopes = left = left_slopes = 0.0
    for n in range(steps):
        for k in range(count):
            whole[k] = inside[k] = 0.0
        for i in range(rows):
            for k in range(count):
                row = stacks[n, i, k]
                edge = total = 0.0
                for j in range(first):
                    edge += row[j] * row[j]
                for j in range(first, columns):
                    total += row[j] * row[j]
                whole[k] += edge + total
                if i >= first:
                    inside[k] += total
        left = max(left, inside[0])
        for k in range(1, count):
            slopes, left_slopes = max(slopes, whole[k]), max(left_slopes, inside[k])
    return np.sqrt(slopes), np.sqrt(left), np.sqrt(left_slopes)


@entry(fastmath={"reassoc", "nnan"})
def largest(stacks):
    """Return the largest absolute numbers of every U and ∂U, (n, 1 + K)."""
    steps, rows, count, columns = stacks.shape
    found = np.zeros((steps, count))
    for n in range(steps):
        for i in range(rows):
            for k in range(count):
                row = stacks[n, i, k]
                most = 0.0
                for j in range(columns):
                    most = max(most, abs(row[j]))
                found[n, k] = max(found[n, k], most)
    return found
