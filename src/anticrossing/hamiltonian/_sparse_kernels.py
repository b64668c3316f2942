# mypy: allow-untyped-calls, allow-untyped-defs
"""Compiled products of a sparse matrix and vectors, without the matrix where it is not needed."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

_BLOCK = 128  # numbers that are worked on at a time: they stay in the fastest cache


@entry(fastmath={"contract"})
def flips(v, out, diagonal, masks, weights, is_complex):
    """Set out[r] = diagonal[r] v[r] + Σ_m weights[m] v[r ^ masks[m]] for every row of (m, N).

    Arrays are real: of complex vectors, real and imaginary parts alternate. The masks increase, and
    N is a power of two, 8 at least.
    """
    for k in range(v.shape[0]):
        if is_complex:
            _flips(v[k], out[k], diagonal, masks, weights, 2)
        else:
            _flips(v[k], out[k], diagonal, masks, weights, 1)


@entry(fastmath={"contract"})
def scale(v, out, diagonal, is_complex):
    """Set out[r] = diagonal[r] v[r] for every row of (m, N), real as in `flips`."""
    for k in range(v.shape[0]):
        source, target = v[k], out[k]
        if is_complex:
            for r in range(diagonal.size):
                target[2 * r] = diagonal[r] * source[2 * r]
                target[2 * r + 1] = diagonal[r] * source[2 * r + 1]
        else:
            for r in range(diagonal.size):
                target[r] = diagonal[r] * source[r]


@inner(fastmath={"contract"}, inline="always")
def _flips(v, out, diagonal, masks, weights, width):
    """Set one row of `flips`, of N states with `width` numbers each."""
    size = v.size
    block = min(_BLOCK, size)
    done = 0
    low = np.zeros(3)
    while done < masks.size and (masks[done] == 1 or masks[done] == 2 or masks[done] == 4):
        low[masks[done] >> 1] = weights[done]
        done += 1
    first, second, third = low
    for start in range(0, size, block):
        # The three lowest bits at once.
        for q in range(start, start + block, 8 * width):
            source, target = v[q : q + 8 * width], out[q : q + 8 * width]
            d = diagonal[q // width : q // width + 8]
            for c in range(8):
                for p in range(width):
                    target[width * c + p] = (
                        d[c] * source[width * c + p]
                        + first * source[width * (c ^ 1) + p]
                        + second * source[width * (c ^ 2) + p]
                        + third * source[width * (c ^ 4) + p]
                    )
        k = done
        while k < masks.size and masks[k] * width < block:
            step, w = masks[k] * width, weights[k]
            if masks[k] & (masks[k] - 1) == 0:
                for c in range(start, start + block, 2 * step):
                    for j in range(c, c + step):
                        out[j] += w * v[j + step]
                        out[j + step] += w * v[j]
            else:
                for j in range(start, start + block):
                    out[j] += w * v[j ^ step]
            k += 1
        target = out[start : start + block]
        while k < masks.size:
            if k + 3 < masks.size and _aligned(masks, k, block // width):
                w1, w2, w3, w4 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
                one, two = v[start ^ (masks[k] * width) :], v[start ^ (masks[k + 1] * width) :]
                three = v[start ^ (masks[k + 2] * width) :]
                four = v[start ^ (masks[k + 3] * width) :]
                for j in range(block):
                    target[j] += (w1 * one[j] + w2 * two[j]) + (w3 * three[j] + w4 * four[j])
                k += 4
            else:
                step, w = masks[k] * width, weights[k]
                inside = step & (block - 1)
                one = v[start ^ (step - inside) :]
                if inside:
                    for j in range(block):
                        target[j] += w * one[j ^ inside]
                else:
                    for j in range(block):
                        target[j] += w * one[j]
                k += 1


@inner()
def _aligned(masks, k, rows):
    """Whether the next four masks flip whole blocks."""
    return (masks[k] | masks[k + 1] | masks[k + 2] | masks[k + 3]) & (rows - 1) == 0


@entry(fastmath={"contract"})
def add_rows(v, out, pointers, columns, values, weight):
    """Add weight · M v to every row of `out` (m, N) for a matrix M in compressed rows."""
    for k in range(v.shape[0]):
        for row in range(pointers.size - 1):
            total = out[k, row]
            for place in range(pointers[row], pointers[row + 1]):
                total += weight * values[place] * v[k, columns[place]]
            out[k, row] = total
