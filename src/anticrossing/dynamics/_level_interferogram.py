"""Compiled steady states of a periodically driven open system of few levels, point by point.

The state r that comes back after a period is found as a boundary value. Gauss's collocation of
order ten follows r′ = L(x(t)) r, with L from a table, through the period, and adds up what is read
out; by what r then misses itself it is mended with (1 − M)⁻¹, M a rougher map of the period: the
product of sixth-order Magnus steps. Steps are shortened until the averages stand still, and M is
kept for as long as it mends.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre

from anticrossing._core.checks import FloatArray
from anticrossing._core.jit import entry, inner
from anticrossing._core.quadrature import gauss_legendre
from anticrossing.dynamics._exponential import copy, exponential

MOST_STEPS = 2**14
SLOW, NOT_UNIQUE = 1, 2  # why a point has no answer
_PHASE = 3.0  # radians of phase and damping in a first step
_TURN = 2.0  # radians of the quickest tone
_SHARE = 4.0  # pieces of the table that a step may pass
_LARGEST_INVERSE = 1e11
_MOST_ROUNDS = 80
_MOST_PASSES = 6
_MENDS = 0.2  # what may be left of a miss
_ORDER = 10
_RATIO = 1.25  # of the numbers of steps of two grids


def _gauss(count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1], and the integrals up to each node of each node's part."""
    x, w = gauss_legendre(count)
    values = legendre.legvander(x, count)
    upto = np.empty((count, count))  # of P_k from −1 to x_i, times 2k + 1
    upto[:, 0] = x + 1.0
    upto[:, 1:] = values[:, 2:] - values[:, : count - 1]
    return 0.5 * (x + 1.0), 0.5 * w, 0.25 * (upto @ values[:, :count].T) * w


_NODES, _WEIGHTS, _STAGES = _gauss(_ORDER // 2)
# What gives h L at the middle, and its two next Taylor terms, of the parabola nearest to L.
_Y = 2.0 * _NODES - 1.0
_TERMS = np.array(
    [
        _WEIGHTS * (1.0 - 1.25 * (3.0 * _Y**2 - 1.0)),
        6.0 * _WEIGHTS * _Y,
        15.0 * _WEIGHTS * (3.0 * _Y**2 - 1.0),
    ]
)


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
            copy(times, longer)
            times = longer
        times[count] = period if t + h >= period * (1.0 - 1e-12) else t + h
        count += 1
    return times[:count]


@inner()
def _step(matrices, h, work, out):
    """Fill `out` with the map of a step, nearly, from the generators at Gauss's nodes."""
    one, two, three, c1, c2, x = work[0], work[1], work[2], work[3], work[4], work[5]
    size = out.shape[0]
    for i in range(size):
        for j in range(size):
            a, b, c = 0.0, 0.0, 0.0
            for k in range(_WEIGHTS.size):
                value = h * matrices[k, i, j]
                a += _TERMS[0, k] * value
                b += _TERMS[1, k] * value
                c += _TERMS[2, k] * value
            one[i, j], two[i, j], three[i, j] = a, b, c
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
    exponential(x, (one, two, three, c1, c2, work[6]), out)


@inner()
def _invert(period, numbers, inverse):
    """Fill `inverse` with (1 − M)⁻¹, the trace left out; return whether there is one."""
    size = numbers - 1
    matrix = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            matrix[i, j] = (1.0 if i == j else 0.0) - period[i + 1, j + 1]
            inverse[i, j] = 1.0 if i == j else 0.0
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if matrix[pivot, k] == 0.0:
            return False
        share = 1.0 / matrix[pivot, k]
        for j in range(size):
            a, b = matrix[pivot, j], inverse[pivot, j]
            matrix[pivot, j], inverse[pivot, j] = matrix[k, j], inverse[k, j]
            matrix[k, j], inverse[k, j] = share * a, share * b
        for i in range(size):
            if i != k:
                factor = matrix[i, k]
                for j in range(size):
                    matrix[i, j] -= factor * matrix[k, j]
                    inverse[i, j] -= factor * inverse[k, j]
    return True


@inner(fastmath={"contract", "reassoc"})
def _apply(matrix, vector, out):
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(vector.size):
            total += matrix[i, j] * vector[j]
        out[i] = total


@inner(fastmath={"contract"})
def _collocate(matrices, h, tolerance, state, stages, slopes):
    """Mend the states at Gauss's nodes, and move the state to the end of the step."""
    size, count = state.size, stages.shape[0]
    for i in range(count):
        _apply(matrices[i], stages[i], slopes[i])
    for _ in range(_MOST_ROUNDS):
        change = 0.0
        for i in range(count):
            for j in range(size):
                new = 0.0
                for k in range(count):
                    new += _STAGES[i, k] * slopes[k, j]
                new = state[j] + h * new
                change = max(change, abs(new - stages[i, j]))
                stages[i, j] = new
            _apply(matrices[i], stages[i], slopes[i])
        if change <= tolerance:
            break
    for j in range(size):
        for i in range(count):
            state[j] += h * _WEIGHTS[i] * slopes[i, j]


@inner()
def _generators(point, tones, times, edges, degrees, series, matrices):
    """Fill `matrices` with L at Gauss's nodes of all steps."""
    for k in range(times.size - 1):
        h = times[k + 1] - times[k]
        for i in range(_NODES.size):
            x = _position(point, tones, times[k] + _NODES[i] * h)
            _evaluate(edges, degrees, series, x, matrices[k, i])


@inner()
def _rough_period(times, matrices, out):
    """Fill `out` with the product of the Magnus steps of a period."""
    size = out.shape[0]
    work, step = np.empty((7, size, size)), np.empty((size, size))
    period, product = np.zeros((size, size)), np.empty((size, size))
    for i in range(size):
        period[i, i] = 1.0
    for k in range(times.size - 1):
        _step(matrices[k], times[k + 1] - times[k], work, step)
        np.dot(step, period, product)
        period, product = product, period
    for i in range(size):
        copy(period[i], out[i])


@inner()
def _largest_sum(matrix):
    """Return the largest sum of absolute values of a row."""
    largest = 0.0
    for row in matrix:
        total = 0.0
        for value in row:
            total += abs(value)
        largest = max(largest, total)
    return largest


@inner()
def _rounding(times, inverse):
    """Return what rounding leaves of a state that comes back."""
    return 3e-16 * (times.size + 30.0) * _largest_sum(inverse)


@inner()
def _mended(times, matrices, inverse, tolerance, state, stages):
    """Mend a state until it comes back within the tolerance; return whether it does."""
    size = state.size
    start, miss, slopes = np.empty(size), np.empty(inverse.shape[0]), np.empty(stages.shape[1:])
    within = max(0.02 * tolerance / max(1.0, _largest_sum(inverse)), 4e-16)
    enough = max(0.05 * tolerance, _rounding(times, inverse))
    before = np.inf
    for turn in range(_MOST_PASSES):
        copy(state, start)
        for k in range(times.size - 1):
            if turn == 0:
                for i in range(stages.shape[1]):
                    copy(state, stages[k, i])
            _collocate(matrices[k], times[k + 1] - times[k], within, state, stages[k], slopes)
        for i in range(miss.size):
            miss[i] = state[i + 1] - start[i + 1]
        copy(start, state)
        largest = 0.0
        for i in range(miss.size):
            change = 0.0
            for j in range(miss.size):
                change += inverse[i, j] * miss[j]
            state[i + 1] += change
            largest = max(largest, abs(change))
        if largest <= enough:
            return True
        if largest > _MENDS * before:
            return False
        before = largest
    return False


@inner()
def _averages(point, tones, times, edges, degrees, read, stages, out):
    """Fill `out` with the populations averaged over a period."""
    levels, size = out.size, stages.shape[2]
    rows, found = np.empty((levels, size)), np.empty(levels)
    for j in range(levels):
        out[j] = 0.0
    for k in range(times.size - 1):
        h = times[k + 1] - times[k]
        for i in range(_NODES.size):
            x = _position(point, tones, times[k] + _NODES[i] * h)
            _evaluate(edges, degrees, read, x, rows)
            _apply(rows, stages[k, i], found)
            for j in range(levels):
                out[j] += _WEIGHTS[i] * h * found[j]
    for j in range(levels):
        out[j] /= times[times.size - 1]


@inner()
def _finer(times, ratio):
    """Return a grid of so many times as many steps, as dense where `times` are."""
    count = times.size - 1
    steps = int(np.ceil(ratio * count))
    out = np.empty(steps + 1)
    for k in range(steps):
        place = k * count / steps
        i = int(place)
        out[k] = times[i] + (place - i) * (times[i + 1] - times[i])
    out[steps] = times[count]
    return out


@entry()
def steady(
    points, tones, edges, degrees, series, read, numbers, speed, scale, tolerance, out, info
):
    """Fill `out` (P, N) with averages, `info` (P, 3) with error, steps, and why there is none.

    Rows of `points` are offset, amplitude and frequency, and the weight and phase of each tone.
    What is followed are so many `numbers`, filled up with zeros.
    """
    levels, size = out.shape[1], series.shape[2]
    before, now = np.empty(levels), np.empty(levels)
    state, period = np.empty(size), np.empty((size, size))
    inverse = np.empty((numbers - 1, numbers - 1))
    matrices = np.empty((64, _NODES.size, size, size))
    stages = np.empty((64, _NODES.size, size))
    for point in range(out.shape[0]):
        times = _first_grid(points[point], tones, edges, speed, scale)
        info[point, 0], info[point, 1], info[point, 2] = np.inf, 0.0, SLOW
        for j in range(levels):
            out[point, j] = np.nan
        known, compared = False, False
        while 1 < times.size <= MOST_STEPS:
            if times.size > matrices.shape[0]:
                room = times.size + times.size // 2  # for the next grid, or two
                matrices = np.empty((room, _NODES.size, size, size))
                stages = np.empty((room, _NODES.size, size))
            _generators(points[point], tones, times, edges, degrees, series, matrices)
            if not known:
                _rough_period(times, matrices, period)
                known = _invert(period, numbers, inverse)
                if not (known and _largest_sum(inverse) < _LARGEST_INVERSE):
                    info[point, 2] = NOT_UNIQUE
                    break
                for i in range(size):
                    state[i] = 0.0
                state[0] = 1.0 / np.sqrt(levels)
                for i in range(numbers - 1):
                    for j in range(numbers - 1):
                        state[i + 1] += inverse[i, j] * period[j + 1, 0] * state[0]
            if not _mended(times, matrices, inverse, tolerance, state, stages):
                known, compared = False, False
                times = _finer(times, 2.0)
                continue
            _averages(points[point], tones, times, edges, degrees, read, stages, now)
            ratio = _RATIO + 6.0 / times.size  # grids of few steps may agree by chance
            if compared:
                change = 0.0
                for j in range(levels):
                    change = max(change, abs(now[j] - before[j]))
                rounding = _rounding(times, inverse)
                if change <= max(tolerance, rounding):
                    copy(now, out[point])
                    # Order 10 leaves a ninth of the change; but two grids may agree by chance.
                    info[point, 0] = max(change, 0.5 * tolerance) + rounding
                    info[point, 1], info[point, 2] = times.size - 1.0, 0.0
                    break
                ratio = min(max((change / tolerance) ** (1.0 / _ORDER), ratio), 2.0)
            compared = True
            copy(now, before)
            times = _finer(times, ratio)
