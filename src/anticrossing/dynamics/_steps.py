"""Compiled Taylor series for real linear equations: density matrices as vectors of real numbers.

As `_taylor`, for y′ = Σ_k φ_k(t) R_k y with real matrices R_k, which may be dense or have few
elements, and power series φ_k about a panel's middle.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner
from anticrossing.dynamics._taylor import MOST_ORDERS, _next_step, _pending, _share, _shift, _size

_UNIT = 1.1e-16
_SHORTEST = 1e-14  # of a panel
_NEGLIGIBLE = 1e-18  # of a function


@inner(fastmath={"contract", "reassoc"})
def _multiply(matrix, columns, x, out):
    """Store a dense matrix times columns, whose rows lie one after another in (D·C)."""
    size = matrix.shape[0]
    if columns == 1:
        for i in range(size):
            a = 0.0
            for j in range(size):
                a += matrix[i, j] * x[j]
            out[i] = a
        return
    for i in range(size):
        row = out[i * columns : (i + 1) * columns]
        for c in range(columns):
            row[c] = 0.0
        for j in range(size):
            a = matrix[i, j]
            other = x[j * columns : (j + 1) * columns]
            for c in range(columns):
                row[c] += a * other[c]


@inner(fastmath={"contract", "reassoc"})
def _multiply_few(elements, places, rows, columns, x, out):
    """Store a matrix with few elements times columns."""
    for i in range(rows.size - 1):
        row = out[i * columns : (i + 1) * columns]
        for c in range(columns):
            row[c] = 0.0
        for k in range(rows[i], rows[i + 1]):
            a = elements[k]
            other = x[places[k] * columns : (places[k] + 1) * columns]
            for c in range(columns):
                row[c] += a * other[c]


@inner(fastmath={"contract", "reassoc"})
def _add(factor, x, out):
    for i in range(x.size):
        out[i] += factor * x[i]


@inner()
def _copy(x, out):
    # Element by element: assigning arrays compiles messages about their shapes, for seconds.
    for i in range(x.size):
        out[i] = x[i]


@inner()
def _series(generator, local, degrees, h, allowed, columns, v, g, total):
    """Fill v with the coefficients of one step; return how many, and the sizes of the last two."""
    matrices, is_dense, elements, places, rows = generator
    last, before = _size(v[0]), 0.0
    grown = last
    m = 0
    while m < MOST_ORDERS:
        for i in range(total.size):
            total[i] = 0.0
        for k in range(is_dense.size):
            if is_dense[k]:
                _multiply(matrices[k], columns, v[m], g[k, m])
            else:
                _multiply_few(elements, places, rows[k], columns, v[m], g[k, m])
            for j in range(min(m, degrees[k]) + 1):
                _add(local[k, j], g[k, m - j], total)
        m += 1
        for i in range(total.size):
            v[m, i] = h / m * total[i]
        before, last = last, _size(v[m])
        grown += last
        if last + before <= 0.5 * allowed:
            # A pulse that rises within the step shows in high orders alone.
            pending = _pending(local, degrees, g, m, h)
            if pending <= 0.5 * allowed:
                last += pending
                break
    return m, before, last, grown


@inner(fastmath={"contract", "reassoc"})
def _sum(v, m, ratio, out):
    """Store the series at `ratio` of the step."""
    _copy(v[m], out)
    for j in range(m - 1, -1, -1):
        for i in range(out.size):
            out[i] = out[i] * ratio + v[j, i]


@inner()
def walk(generator, power, degrees, width, norm, rate, longest, step, places, y, kept, work):
    """Carry C columns across a panel, in place; return the error, the steps and the next one.

    What they are at `places`, times since the panel began in order, goes to `kept`. `step` is the
    length to begin with, 0 if none is known. An error of infinity: no step is short enough.
    """
    v, g, total, local, few = work
    modes = degrees.size
    columns = y.size // (generator[4].shape[1] - 1)
    root = np.sqrt(columns)
    error, steps, done, half, seen = 0.0, 0, 0.0, 0.5 * width, 0
    if step == 0.0:
        step = longest / max(norm, 1e-300)
    while True:
        left = width - done
        parts = np.ceil(left / step * (1 - 1e-12))
        h = left / max(parts, 1.0)
        for k in range(modes):
            _shift(power[k], degrees[k], done / half - 1.0, h / half, local[k])
            few[k] = degrees[k]
            while few[k] > 0 and abs(local[k, few[k]]) < _NEGLIGIBLE:
                few[k] -= 1
        _copy(y, v[0])
        allowed = max(rate * h, 2 * _UNIT)
        m, before, last, grown = _series(generator, local, few, h, allowed, columns, v, g, total)
        ratio, missed, grown = _share(v, m, before, last, grown / root, root, allowed, longest)
        if ratio < 1.0 and not ratio * h > _SHORTEST * width:
            return np.inf, steps, step
        step = _next_step(step, h, m, ratio, grown, longest)
        ends = ratio == 1.0 and parts <= 1.0
        while seen < places.size and (ends or places[seen] <= done + ratio * h):
            _sum(v, m, (places[seen] - done) / h, kept[seen])
            seen += 1
        _sum(v, m, ratio, y)
        error += missed + _UNIT * grown
        steps += 1
        if ends:
            return error, steps, step
        done += ratio * h


@inner()
def workspace(modes, series, size):
    """Return what `walk` writes to: for so many modes, their series, and numbers."""
    return (
        np.empty((MOST_ORDERS + 1, size)),
        np.empty((modes, MOST_ORDERS + 1, size)),
        np.empty(size),
        np.zeros((modes, series)),
        np.zeros(modes, dtype=np.int64),
    )


@entry()
def follow(
    matrices,
    is_dense,
    elements,
    places,
    rows,
    power,
    degrees,
    width,
    norm,
    when,
    first,
    rate,
    longest,
    y,
    kept,
    info,
):
    """Carry C columns across all panels, in place: y (D·C), their rows one after another.

    matrices (K, D, D) are used where is_dense[k]; else the elements and their places (columns) in
    rows[k] (D + 1) are. power (P, K, J) are the functions about the panels' middles on [−1, 1],
    `degrees` (P, K) theirs; `norm` is the generator's, about. Of the wanted times those from
    first[p] to first[p + 1] (P + 1) lie on panel p, `when` (T) after it began: the columns there go
    to kept (T, D·C). `rate` is the error of a column allowed per time, `longest` the length of a
    step times the norm. info (2) becomes the error, infinite where no step is short enough, and the
    number of steps.
    """
    generator = (matrices, is_dense, elements, places, rows)
    work = workspace(is_dense.size, power.shape[2], y.size)
    step = 0.0
    for p in range(width.size):
        a, b = first[p], first[p + 1]
        error, steps, step = walk(
            generator,
            power[p],
            degrees[p],
            width[p],
            norm,
            rate,
            longest,
            step,
            when[a:b],
            y,
            kept[a:b],
            work,
        )
        info[0] += error
        info[1] += steps
        if not np.isfinite(error):
            return
