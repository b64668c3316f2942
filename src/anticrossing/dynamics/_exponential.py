"""Compiled exponentials of small real matrices, by a series of an order for their size."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import inner

_LARGEST_NORM = 2.5  # of what is put into the series of an exponential
_NORM_OF_8, _NORM_OF_12 = 0.32, 0.78  # up to which these orders leave 1e-10
_R = np.sqrt(177.0)
_T8 = np.array(
    [
        (1 + _R) / 132,
        (1 + _R) / 528,
        2 / 3,
        (29 * _R - 271) / 210,
        11 * (_R - 1) / 840,
        11 * (_R - 9) / 3360,
        (89 - _R) / 2240,
        (857 - 58 * _R) / 630,
    ]
)
# Of 1, x, x² and x³, and of x⁶.
_T12 = np.array(
    [
        [9.0198e-16, 0.4693211759541824, -0.20099424927047285, -0.04623946134063072],
        [5.315978957598713, 1.1992679041713223, 0.01179296240992997, 0.01108844528519168],
        [0.18188869982170436, 0.05502798439925399, 0.09351590770535415, 0.006107005288980582],
        [-2.0861320e-13, -0.13181061013830184, -0.02027855540589259, -0.006759518468630863],
    ]
)
_T18 = np.array(
    [
        [0.0, -0.10036558103014462, -0.00802924648241157, -0.00089213849804573, 0.0],
        [0.0, 0.3978497494996451, 1.3678377846041172, 0.49828962252538267, -0.0006378981945947233],
        [
            -10.967639605296206,
            1.680158138789062,
            0.05717798464788655,
            -0.0069821012248805206,
            3.349750170860705e-05,
        ],
        [
            -0.09043168323908106,
            -0.06764045190713819,
            0.06759613017704597,
            0.029555257042931552,
            -1.391802575160607e-05,
        ],
        [0.0, 0.0, -0.09233646193671186, -0.016936493900208172, -1.400867981820361e-05],
    ]
)


@inner()
def copy(values, out):
    for i in range(values.size):
        out[i] = values[i]


@inner()
def _add(first, second, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] = first[i, j] + second[i, j]


@inner(fastmath={"contract"})
def _combine(constant, first, a, second, b, third, c, out):
    """Fill `out` with a sum of multiples of the identity and of three matrices."""
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] = first * a[i, j] + second * b[i, j] + third * c[i, j]
        out[i, i] += constant


@inner()
def exponential(x, work, out):
    """Fill out = e^x, x a matrix that is used up: by its series, of an order for its size."""
    # P. Bader, S. Blanes and F. Casas, Mathematics 7, 1174 (2019): orders 8, 12 and 18 of three,
    # four and five products.
    largest = 0.0
    for i in range(x.shape[0]):
        total = 0.0
        for j in range(x.shape[0]):
            total += abs(x[i, j])
        largest = max(largest, total)
    halvings = 0
    while largest > _LARGEST_NORM:
        largest *= 0.5
        halvings += 1
    share = 0.5**halvings
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            x[i, j] *= share
    square, cube, inner_, left, right, high = work
    np.dot(x, x, square)
    if largest < _NORM_OF_8:
        _combine(0.0, _T8[0], x, _T8[1], square, 0.0, x, left)
        np.dot(square, left, high)
        _combine(0.0, _T8[2], square, 1.0, high, 0.0, x, left)
        _combine(_T8[3], _T8[4], x, _T8[5], square, _T8[6], high, right)
        np.dot(left, right, out)
        _combine(1.0, 1.0, x, _T8[7], square, 1.0, out, out)
        return
    np.dot(square, x, cube)
    if largest < _NORM_OF_12:
        _combine(_T12[3, 0], _T12[3, 1], x, _T12[3, 2], square, _T12[3, 3], cube, left)
        np.dot(left, left, high)
        _combine(_T12[2, 0], _T12[2, 1], x, _T12[2, 2], square, _T12[2, 3], cube, left)
        _add(high, left, high)
        _combine(_T12[1, 0], _T12[1, 1], x, _T12[1, 2], square, _T12[1, 3], cube, left)
        _add(left, high, left)
        np.dot(left, high, out)
        _combine(_T12[0, 0], _T12[0, 1], x, _T12[0, 2], square, _T12[0, 3], cube, left)
        _add(out, left, out)
        return
    np.dot(cube, cube, inner_)
    _combine(0.0, _T18[0, 1], x, _T18[0, 2], square, _T18[0, 3], cube, left)
    _combine(0.0, _T18[4, 2], square, _T18[4, 3], cube, _T18[4, 4], inner_, right)
    np.dot(left, right, high)
    _combine(_T18[3, 0], _T18[3, 1], x, _T18[3, 2], square, _T18[3, 3], cube, left)
    _combine(0.0, 1.0, high, 1.0, left, _T18[3, 4], inner_, high)
    _combine(_T18[2, 0], _T18[2, 1], x, _T18[2, 2], square, _T18[2, 3], cube, left)
    _combine(0.0, 1.0, high, 1.0, left, _T18[2, 4], inner_, left)
    np.dot(left, high, out)
    _combine(_T18[1, 0], _T18[1, 1], x, _T18[1, 2], square, _T18[1, 3], cube, left)
    _combine(0.0, 1.0, out, 1.0, left, _T18[1, 4], inner_, out)
    for _ in range(halvings):
        np.dot(out, out, left)
        for i in range(x.shape[0]):
            copy(left[i], out[i])
