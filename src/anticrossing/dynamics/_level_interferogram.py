"""Compiled steady states of a periodically driven open system of few levels, point by point.

The map of one period is the product of sixth-order Magnus steps of r′ = L(x(t)) r, with L from a
table; r is the state that comes back. Gauss's collocation of the same order follows r through the
period and adds up what is read out. All steps are halved until the averages stand still.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner
from anticrossing.dynamics._interferogram import halved

MOST_STEPS = 2**15
SLOW, NOT_UNIQUE = 1, 2  # why a point has no answer
_LARGEST_NORM = 2.5  # of what is put into the series of an exponential
_PHASE = 2.0  # radians of phase and damping in a first step
_TURN = 1.3  # radians of the quickest tone
_SHARE = 3.0  # of the length over which L changes: measured, 2 and 4 take longer
_LARGEST_INVERSE = 1e11
_MOST_ROUNDS = 80
_SETTLED = 4.0  # tolerances: halved steps of order 6 leave a 63rd of a change, seldom a 15th
_ROOT = np.sqrt(15.0)
_NODES = np.array([0.5 - _ROOT / 10, 0.5, 0.5 + _ROOT / 10])
_WEIGHTS = np.array([5 / 18, 4 / 9, 5 / 18])
_STAGES = np.array(
    [
        [5 / 36, 2 / 9 - _ROOT / 15, 5 / 36 - _ROOT / 30],
        [5 / 36 + _ROOT / 24, 2 / 9, 5 / 36 - _ROOT / 24],
        [5 / 36 + _ROOT / 30, 2 / 9 + _ROOT / 15, 5 / 36],
    ]
)
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
def _copy(values, out):
    for i in range(values.size):
        out[i] = values[i]


@inner()
def _add(first, second, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] = first[i, j] + second[i, j]


@inner()
def _commutator(a, b, work, out):
    np.dot(a, b, out)
    np.dot(b, a, work)
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] -= work[i, j]


@inner()
def _position(point, tones, t):
    """Return x(t)."""
    total = 0.0
    for k in range(tones.shape[0]):
        total += point[3 + 2 * k] * np.cos(tones[k] * point[2] * t + point[4 + 2 * k])
    return point[0] + point[1] * total


@inner()
def _piece(edges, x):
    """Return the piece that holds x."""
    return min(max(np.searchsorted(edges, x, side="right") - 1, 0), edges.size - 2)


@inner(fastmath={"contract"})
def _evaluate(edges, degrees, series, x, out):
    """Fill `out` with the series at x."""
    piece = _piece(edges, x)
    u = (2.0 * x - edges[piece] - edges[piece + 1]) / (edges[piece + 1] - edges[piece])
    before, now = 1.0, u
    rows, columns = out.shape
    for i in range(rows):
        for j in range(columns):
            out[i, j] = series[piece, 0, i, j]
    for k in range(1, degrees[piece] + 1):
        for i in range(rows):
            for j in range(columns):
                out[i, j] += now * series[piece, k, i, j]
        before, now = now, 2.0 * u * now - before


@inner()
def _short(point, tones, quickest, edges, speed, scale, t, h):
    """Whether a first step may be as long as h."""
    if quickest * point[2] * h > _TURN:
        return False
    a, b, c = (
        _position(point, tones, t),
        _position(point, tones, t + 0.5 * h),
        _position(point, tones, t + h),
    )
    mean = speed[_piece(edges, a)] + 4.0 * speed[_piece(edges, b)] + speed[_piece(edges, c)]
    if h * mean > 6.0 * _PHASE:
        return False
    low, high = min(a, b, c), max(a, b, c)
    for piece in range(_piece(edges, low), _piece(edges, high) + 1):
        if high - low > _SHARE * scale[piece]:
            return False
    return True


@inner()
def _first_grid(point, tones, edges, speed, scale):
    """Return times over a period, dense where phases turn or L changes."""
    period = 2.0 * np.pi / point[2]
    quickest = 0.0
    for tone in tones:
        quickest = max(quickest, abs(tone))
    times = np.empty(64)
    times[0] = 0.0
    count = 1
    h = period
    while times[count - 1] < period:
        t = times[count - 1]
        h = min(2.0 * h, period - t)
        while not _short(point, tones, quickest, edges, speed, scale, t, h):
            h *= 0.5
        if count > MOST_STEPS or t + h <= t:
            return times[:1]
        if count == times.size:
            longer = np.empty(2 * count)
            _copy(times, longer)
            times = longer
        times[count] = period if t + h >= period * (1.0 - 1e-12) else t + h
        count += 1
    return times[:count]


@inner(fastmath={"contract"})
def _combine(constant, first, a, second, b, third, c, out):
    """Fill `out` with a sum of multiples of the identity and of three matrices."""
    for i in range(out.shape[0]):
        for j in range(out.shape[0]):
            out[i, j] = first * a[i, j] + second * b[i, j] + third * c[i, j]
        out[i, i] += constant


@inner()
def _exponential(x, work, out):
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
            _copy(left[i], out[i])


@inner()
def _step(matrices, h, work, out):
    """Fill `out` with the map of a step from the generators at Gauss's nodes."""
    first, middle, last = matrices[0], matrices[1], matrices[2]
    one, two, three, c1, c2, x = work[0], work[1], work[2], work[3], work[4], work[5]
    size = out.shape[0]
    for i in range(size):
        for j in range(size):
            a, b, c = first[i, j], middle[i, j], last[i, j]
            one[i, j] = h * b
            two[i, j] = _ROOT * h / 3.0 * (c - a)
            three[i, j] = 10.0 * h / 3.0 * (c - 2.0 * b + a)
    _commutator(one, two, work[6], c1)
    for i in range(size):
        for j in range(size):
            x[i, j] = 2.0 * three[i, j] + c1[i, j]
    _commutator(one, x, work[6], c2)
    for i in range(size):
        for j in range(size):
            x[i, j] = c1[i, j] - 20.0 * one[i, j] - three[i, j]
            two[i, j] -= c2[i, j] / 60.0
            one[i, j] += three[i, j] / 12.0
    _commutator(x, two, work[6], c2)
    for i in range(size):
        for j in range(size):
            x[i, j] = one[i, j] + c2[i, j] / 240.0
    _exponential(x, (one, two, three, c1, c2, work[6]), out)


@inner()
def _fixed_point(period, levels, numbers, state):
    """Fill `state` with what a period gives back; return the size of (1 − M)⁻¹, nearly."""
    size = numbers - 1
    matrix, right = np.empty((size, size)), np.empty((size, 2))
    for i in range(size):
        for j in range(size):
            matrix[i, j] = (1.0 if i == j else 0.0) - period[i + 1, j + 1]
        right[i, 0] = period[i + 1, 0] / np.sqrt(levels)
        right[i, 1] = 1.0 if (i * i + i) % 3 == 0 else -1.0
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if matrix[pivot, k] == 0.0:
            return np.inf
        for j in range(size):
            matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        for j in range(2):
            right[k, j], right[pivot, j] = right[pivot, j], right[k, j]
        for i in range(k + 1, size):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k, size):
                matrix[i, j] -= factor * matrix[k, j]
            for j in range(2):
                right[i, j] -= factor * right[k, j]
    for k in range(size - 1, -1, -1):
        for j in range(2):
            for i in range(k + 1, size):
                right[k, j] -= matrix[k, i] * right[i, j]
            right[k, j] /= matrix[k, k]
    state[0] = 1.0 / np.sqrt(levels)
    for i in range(numbers, state.size):
        state[i] = 0.0
    largest = 0.0
    for i in range(size):
        state[i + 1] = right[i, 0]
        largest = max(largest, abs(right[i, 1]))
    return largest


@inner(fastmath={"contract", "reassoc"})
def _apply(matrix, vector, out):
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(vector.size):
            total += matrix[i, j] * vector[j]
        out[i] = total


@inner()
def _collocate(matrices, h, tolerance, state, stages, slopes):
    """Solve for the states at Gauss's nodes, and move the state to the end of the step."""
    size = state.size
    for i in range(3):
        _copy(state, stages[i])
    for _ in range(_MOST_ROUNDS):
        for i in range(3):
            _apply(matrices[i], stages[i], slopes[i])
        change = 0.0
        for i in range(3):
            for j in range(size):
                new = state[j] + h * (
                    _STAGES[i, 0] * slopes[0, j]
                    + _STAGES[i, 1] * slopes[1, j]
                    + _STAGES[i, 2] * slopes[2, j]
                )
                change = max(change, abs(new - stages[i, j]))
                stages[i, j] = new
        if change <= tolerance:
            break
    for i in range(3):
        _apply(matrices[i], stages[i], slopes[i])
    for j in range(size):
        for i in range(3):
            state[j] += h * _WEIGHTS[i] * slopes[i, j]


@inner()
def _averages(point, tones, times, edges, degrees, series, read, numbers, tolerance, out):
    """Fill `out` with the populations averaged over a period, on one grid of times."""
    size, levels, count = series.shape[2], out.size, times.size - 1
    matrices = np.empty((count, 3, size, size))
    work = np.empty((7, size, size))
    step, period, product = np.empty((size, size)), np.zeros((size, size)), np.empty((size, size))
    for i in range(size):
        period[i, i] = 1.0
    for k in range(count):
        h = times[k + 1] - times[k]
        for i in range(3):
            x = _position(point, tones, times[k] + _NODES[i] * h)
            _evaluate(edges, degrees, series, x, matrices[k, i])
        _step(matrices[k], h, work, step)
        np.dot(step, period, product)
        period, product = product, period
    state, stages, slopes = np.empty(size), np.empty((3, size)), np.empty((3, size))
    inverse = _fixed_point(period, levels, numbers, state)
    if not inverse < _LARGEST_INVERSE:
        return np.inf
    rows, found = np.empty((levels, size)), np.empty(levels)
    for j in range(levels):
        out[j] = 0.0
    for k in range(count):
        h = times[k + 1] - times[k]
        _collocate(matrices[k], h, 0.02 * tolerance, state, stages, slopes)
        for i in range(3):
            x = _position(point, tones, times[k] + _NODES[i] * h)
            _evaluate(edges, degrees, read, x, rows)
            _apply(rows, stages[i], found)
            for j in range(levels):
                out[j] += _WEIGHTS[i] * h * found[j]
    for j in range(levels):
        out[j] /= times[count]
    return inverse


@entry()
def steady(
    points, tones, edges, degrees, series, read, numbers, speed, scale, tolerance, out, info
):
    """Fill `out` (P, N) with averages, `info` (P, 3) with error, steps, and why there is none.

    Rows of `points` are offset, amplitude and frequency, and the weight and phase of each tone.
    What is followed are so many `numbers`, filled up with zeros.
    """
    levels = out.shape[1]
    before, now = np.empty(levels), np.empty(levels)
    for point in range(out.shape[0]):
        times = _first_grid(points[point], tones, edges, speed, scale)
        info[point, 0], info[point, 1], info[point, 2] = np.inf, 0.0, SLOW
        for j in range(levels):
            out[point, j] = np.nan
        level = 0
        while 1 < times.size <= MOST_STEPS:
            inverse = _averages(
                points[point], tones, times, edges, degrees, series, read, numbers, tolerance, now
            )
            if inverse == np.inf:
                info[point, 2] = NOT_UNIQUE
                break
            change = 0.0
            for j in range(levels):
                change = max(change, abs(now[j] - before[j]))
            if level > 0 and change <= _SETTLED * tolerance:
                for j in range(levels):
                    out[point, j] = now[j] + (now[j] - before[j]) / 63.0
                rounding = 3e-16 * (times.size + 30.0) * inverse
                # Two grids may agree by chance: a point claims half of the tolerance at least.
                info[point, 0] = max(change / _SETTLED, 0.5 * tolerance) + rounding
                info[point, 1], info[point, 2] = times.size - 1.0, 0.0
                break
            _copy(now, before)
            times = halved(times)
            level += 1
