"""Compiled sizes of stacks [U, ∂U, …] of doubled steps, (n, D, 1 + K, D) as real numbers."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry


@entry(fastmath={"reassoc", "contract"})
def norms(stacks, first):
    """Return bounds on the norms of ∂U and, from row and column `first` on, of U and ∂U.

    They are Frobenius norms. With a first row, which U keeps, they are no more than the root of the
    largest sums of rows and of columns. The last axis holds the real and imaginary parts of complex
    numbers.
    """
    steps, rows, count, columns = stacks.shape
    sums, squares = np.empty((count, columns)), np.empty((count, 2))
    largest = np.empty((count, 2))  # sums of rows: of columns from `first` on, and of all
    slopes = left = left_slopes = 0.0
    for n in range(steps):
        for k in range(count):
            squares[k, 0] = squares[k, 1] = largest[k, 0] = largest[k, 1] = 0.0
            for j in range(columns):
                sums[k, j] = 0.0
        for i in range(first, rows):
            for k in range(count):
                row, own = stacks[n, i, k], sums[k]
                edge = edge_size = total = size = 0.0
                for j in range(first):
                    edge += row[j] * row[j]
                    edge_size += abs(row[j])
                    own[j] += abs(row[j])
                for j in range(first, columns):
                    total += row[j] * row[j]
                    size += abs(row[j])
                    own[j] += abs(row[j])
                squares[k, 0] += total
                squares[k, 1] += edge + total
                largest[k, 0] = max(largest[k, 0], size)
                largest[k, 1] = max(largest[k, 1], edge_size + size)
        for k in range(count):
            if first > 0:
                most = 0.0
                for j in range(first, columns):
                    most = max(most, sums[k, j])
                squares[k, 0] = min(squares[k, 0], most * largest[k, 0])
                for j in range(first):
                    most = max(most, sums[k, j])
                squares[k, 1] = min(squares[k, 1], most * largest[k, 1])
        left = max(left, squares[0, 0])
        for k in range(1, count):
            left_slopes, slopes = max(left_slopes, squares[k, 0]), max(slopes, squares[k, 1])
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
