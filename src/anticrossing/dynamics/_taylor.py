"""Compiled Taylor series of high order: columns followed across panels on which H is a polynomial.

On a panel H(t) = Σ_k φ_k(t) M_k, with φ_k a power series about the panel's middle. With s the time
since the beginning of a step in units of its length h, the coefficients of y(s) = Σ_m v_m s^m are

    v_{m+1} = −i h/(m+1) Σ_k Σ_j φ_kj M_k v_{m−j} ,

so an order costs one product with every M_k, and one that is diagonal costs next to nothing. The
coefficients do not depend on the step that is taken: a step that was too bold is shortened, never
repeated.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

MOST_ORDERS = 48
COMPLEX, REAL, DIAGONAL = 0, 1, 2  # what a matrix is
_UNIT = 1.1e-16
_SHORTEST = 1e-14  # of a panel
_MOST_GROWN = 2.5  # times what the terms of the longest step add up to


@inner(fastmath={"contract", "reassoc"})
def _multiply(real, imaginary, is_real, x, out):
    """Store a matrix times one column; x and out hold real and imaginary parts, (2, N)."""
    size = x.shape[1]
    if is_real:
        for i in range(size):
            a, b = 0.0, 0.0
            for j in range(size):
                a += real[i, j] * x[0, j]
                b += real[i, j] * x[1, j]
            out[0, i], out[1, i] = a, b
        return
    for i in range(size):
        a, b = 0.0, 0.0
        for j in range(size):
            a += real[i, j] * x[0, j] - imaginary[i, j] * x[1, j]
            b += real[i, j] * x[1, j] + imaginary[i, j] * x[0, j]
        out[0, i], out[1, i] = a, b


@inner(fastmath={"contract", "reassoc"})
def _multiply_columns(real, imaginary, is_real, columns, x, out):
    """Store a matrix times several columns, rows of which lie one after another in (2, N·C)."""
    size = real.shape[0]
    for i in range(size):
        row_real = out[0, i * columns : (i + 1) * columns]
        row_imaginary = out[1, i * columns : (i + 1) * columns]
        for c in range(columns):
            row_real[c], row_imaginary[c] = 0.0, 0.0
        for j in range(size):
            a, b = real[i, j], imaginary[i, j]
            x_real = x[0, j * columns : (j + 1) * columns]
            x_imaginary = x[1, j * columns : (j + 1) * columns]
            if is_real:
                for c in range(columns):
                    row_real[c] += a * x_real[c]
                    row_imaginary[c] += a * x_imaginary[c]
            else:
                for c in range(columns):
                    row_real[c] += a * x_real[c] - b * x_imaginary[c]
                    row_imaginary[c] += a * x_imaginary[c] + b * x_real[c]


@inner(fastmath={"contract", "reassoc"})
def _scale_rows(real, columns, x, out):
    """Store a diagonal matrix times columns."""
    for i in range(real.shape[0]):
        factor = real[i, i]
        for c in range(i * columns, (i + 1) * columns):
            out[0, c] = factor * x[0, c]
            out[1, c] = factor * x[1, c]


@inner(fastmath={"contract", "reassoc"})
def _size(x):
    numbers, total = x.reshape(x.size), 0.0
    for i in range(x.size):
        total += numbers[i] * numbers[i]
    return np.sqrt(total)


@inner()
def _copy(x, out):
    # Element by element: assigning arrays compiles messages about their shapes, for seconds.
    for i in range(x.shape[1]):
        out[0, i], out[1, i] = x[0, i], x[1, i]


@inner(fastmath={"contract", "reassoc"})
def _add(factor, x, out):
    for i in range(x.shape[1]):
        out[0, i] += factor * x[0, i]
        out[1, i] += factor * x[1, i]


@inner()
def _shift(power, degree, start, scale, out):
    """Store the power series about `start` in units of `scale`, of one about 0; both on [−1, 1]."""
    for j in range(degree + 1):
        out[j] = power[j]
    for k in range(degree):
        for j in range(degree - 1, k - 1, -1):
            out[j] += start * out[j + 1]
    factor = 1.0
    for j in range(degree + 1):
        out[j] *= factor
        factor *= scale


@inner()
def _pending(local, degrees, g, m, h):
    """Return what those powers of the functions may add that no order so far has met."""
    total = 0.0
    for k in range(degrees.size):
        coming, largest = 0.0, 0.0
        for j in range(m, degrees[k] + 1):
            coming += abs(local[k, j]) / (j + 1)
        if coming > 0.0:
            for i in range(m):
                largest = max(largest, _size(g[k, i]))
        total += coming * largest
    return h * total


@inner()
def _series(real, imaginary, kinds, local, degrees, h, allowed, columns, v, g, total):
    """Fill v with the coefficients of one step; return how many, and the sizes of the last two."""
    last, before = _size(v[0]), 0.0
    grown = last
    m = 0
    while m < MOST_ORDERS:
        for i in range(total.shape[1]):
            total[0, i], total[1, i] = 0.0, 0.0
        for k in range(kinds.size):
            if kinds[k] == DIAGONAL:
                _scale_rows(real[k], columns, v[m], g[k, m])
            elif columns == 1:
                _multiply(real[k], imaginary[k], kinds[k] == REAL, v[m], g[k, m])
            else:
                _multiply_columns(real[k], imaginary[k], kinds[k] == REAL, columns, v[m], g[k, m])
            for j in range(min(m, degrees[k]) + 1):
                _add(local[k, j], g[k, m - j], total)
        m += 1
        factor = h / m
        for i in range(total.shape[1]):
            v[m, 0, i] = factor * total[1, i]
            v[m, 1, i] = -factor * total[0, i]
        before, last = last, _size(v[m])
        grown += last
        if last + before <= 0.5 * allowed:
            # A pulse that rises within the step shows in high orders alone.
            pending = _pending(local, degrees, g, m, h)
            if pending <= 0.5 * allowed:
                last += pending
                break
    return m, before, last, grown


@inner()
def _grown(v, m, ratio):
    """Return the sum of the sizes of all terms at `ratio` of the step."""
    total = 0.0
    for j in range(m, -1, -1):
        total = total * ratio + _size(v[j])
    return total


@inner(fastmath={"contract", "reassoc"})
def _sum(v, m, ratio, out):
    """Store the series at `ratio` of the step, by four orders at a time."""
    second, third, fourth = ratio**2, ratio**3, ratio**4
    top = m - m % 4
    _copy(v[m], out)
    for j in range(m - 1, top - 1, -1):
        for i in range(out.shape[1]):
            out[0, i] = out[0, i] * ratio + v[j, 0, i]
            out[1, i] = out[1, i] * ratio + v[j, 1, i]
    for j in range(top - 4, -1, -4):
        for k in range(2):
            for i in range(out.shape[1]):
                out[k, i] = (
                    out[k, i] * fourth
                    + v[j + 3, k, i] * third
                    + v[j + 2, k, i] * second
                    + v[j + 1, k, i] * ratio
                    + v[j, k, i]
                )


@inner()
def _share(v, m, before, last, grown, norm, allowed, longest):
    """Return how much of a step can be taken, what is missed then, and how large its terms are."""
    missed, ratio, most = last + before, 1.0, _MOST_GROWN * np.exp(longest)
    if missed > allowed or grown > most:
        ratio = min(0.9, 0.9 * (allowed / max(missed, 1e-300)) ** (1.0 / (m - 1)))
        grown = _grown(v, m, ratio) / norm
        while grown > most:
            ratio *= 0.8
            grown = _grown(v, m, ratio) / norm
        missed = last * ratio**m + before * ratio ** (m - 1)
    return ratio, missed, grown


@inner()
def _next_step(step, h, m, ratio, grown, longest):
    """Return how long the next step is to be, after so much of one of length h."""
    if ratio < 1.0:
        return ratio * h
    if m < MOST_ORDERS - 8 and grown < 0.15 * _MOST_GROWN * np.exp(longest):
        return max(step, h * min(1.5, (MOST_ORDERS - 6) / m))
    return step


@inner()
def _turn(phase, y):
    cosine, sine = np.cos(phase), np.sin(phase)
    for i in range(y.shape[1]):
        a, b = y[0, i], y[1, i]
        y[0, i] = cosine * a + sine * b
        y[1, i] = cosine * b - sine * a


@inner()
def _carry(
    real, imaginary, kinds, power, degrees, width, norms, common, keep, rate, longest, y, kept, info
):
    modes, size = kinds.size, y.shape[1]
    columns = size // real.shape[1]
    v = np.empty((MOST_ORDERS + 1, 2, size))
    g = np.empty((modes, MOST_ORDERS + 1, 2, size))
    total = np.empty((2, size))
    local = np.zeros((modes, power.shape[2]))
    norm = np.sqrt(columns)
    error, steps, step = 0.0, 0, 0.0
    for p in range(width.size):
        half = 0.5 * width[p]
        done, lost = 0.0, 0.0  # the sum of the steps, and what its rounding has left out
        if step == 0.0:
            step = longest / max(norms[p], 1e-300)
        while True:
            left = width[p] - done + lost
            parts = np.ceil(left / step * (1 - 1e-12))
            h = left / max(parts, 1.0)
            for k in range(modes):
                _shift(power[p, k], degrees[p, k], (done - lost) / half - 1.0, h / half, local[k])
            _copy(y, v[0])
            allowed = max(rate * h, 2 * _UNIT)
            m, before, last, grown = _series(
                real, imaginary, kinds, local, degrees[p], h, allowed, columns, v, g, total
            )
            ratio, missed, grown = _share(v, m, before, last, grown / norm, norm, allowed, longest)
            if ratio < 1.0 and not ratio * h > _SHORTEST * width[p]:
                info[0] = np.inf
                return
            step = _next_step(step, h, m, ratio, grown, longest)
            _sum(v, m, ratio, y)
            error += missed + _UNIT * grown
            steps += 1
            info[2] += ratio * h
            if ratio == 1.0 and parts <= 1.0:
                break
            taken = ratio * h - lost
            lost = (done + taken) - done - taken
            done += taken
        _turn(common[p], y)
        if keep[p] >= 0:
            _copy(y, kept[keep[p]])
    info[0], info[1] = error, steps


@entry()
def follow(
    real, imaginary, kinds, power, degrees, width, norms, common, keep, rate, longest, y, kept, info
):
    """Carry C columns across all panels, in place: y (2, N·C), their rows one after another.

    real, imaginary (K, N, N) are the matrices, `kinds` says what each is; power (P, K, J) are the
    functions about the panels' middles on [−1, 1], `degrees` (P, K) theirs; `norms` (P) bounds
    ‖H‖, `common` (P) is the phase that all levels share. Where keep[p] ≥ 0 the columns at the end
    of the panel go to kept[keep[p]], (T, 2, N·C). `rate` is the error of a column allowed per time.
    Steps are at most `longest` radians long: their terms grow to e^z before they fall, and lose as
    many digits. info (3) becomes the error, infinite where no step is short enough, the number of
    steps, and meanwhile the time that is done.
    """
    _carry(
        real,
        imaginary,
        kinds,
        power,
        degrees,
        width,
        norms,
        common,
        keep,
        rate,
        longest,
        y,
        kept,
        info,
    )


@inner()
def _parts(constant, slope):
    """Return the real and imaginary parts of two matrices, and what each is."""
    size = constant.shape[0]
    real, imaginary = np.empty((2, size, size)), np.empty((2, size, size))
    kinds = np.full(2, DIAGONAL)
    for i in range(size):
        for j in range(size):
            real[0, i, j], imaginary[0, i, j] = constant[i, j].real, constant[i, j].imag
            real[1, i, j], imaginary[1, i, j] = slope[i, j].real, slope[i, j].imag
            for k in range(2):
                if imaginary[k, i, j] != 0.0:
                    kinds[k] = COMPLEX
                elif real[k, i, j] != 0.0 and i != j and kinds[k] == DIAGONAL:
                    kinds[k] = REAL
    return real, imaginary, kinds


@entry()
def follow_line(constant, slope, width, norm, rate, longest, columns, found):
    """Carry columns (N, C) along H = constant + s slope, s ∈ [−1, 1], for a time `width`.

    They are stored in `found`; `norm`, `rate` and `longest` are those of `follow`. Return the error
    and the number of steps.
    """
    size, count = columns.shape
    real, imaginary, kinds = _parts(constant, slope)
    power, degrees = np.zeros((1, 2, 2)), np.zeros((1, 2), dtype=np.int64)
    power[0, 0, 0], power[0, 1, 1], degrees[0, 1] = 1.0, 1.0, 1
    y, info = np.empty((2, size * count)), np.zeros(3)
    for i in range(size):
        for c in range(count):
            y[0, i * count + c] = columns[i, c].real
            y[1, i * count + c] = columns[i, c].imag
    one, none, nowhere = np.full(1, width), np.zeros(1), np.full(1, -1)
    norms, kept = np.full(1, norm), np.empty((0, 2, size * count))
    _carry(
        real,
        imaginary,
        kinds,
        power,
        degrees,
        one,
        norms,
        none,
        nowhere,
        rate,
        longest,
        y,
        kept,
        info,
    )
    for i in range(size):
        for c in range(count):
            found[i, c] = complex(y[0, i * count + c], y[1, i * count + c])
    return info[0], int(info[1])


@inner(fastmath={"contract", "reassoc"})
def _add_overlaps(x, weights, gram):
    """Add Σ_q w_q x̄_q x_qᵀ to a Hermitian matrix, above its diagonal; x is (2, D, q)."""
    size, points = x.shape[1], weights.size
    left = np.empty((2, points))
    for i in range(size):
        for q in range(points):
            left[0, q], left[1, q] = weights[q] * x[0, i, q], weights[q] * x[1, i, q]
        for j in range(i, size):
            a, b = 0.0, 0.0
            for q in range(points):
                a += left[0, q] * x[0, j, q] + left[1, q] * x[1, j, q]
                b += left[0, q] * x[1, j, q] - left[1, q] * x[0, j, q]
            gram[0, i, j] += a
            gram[1, i, j] += b


@entry()
def overlaps_on_line(constant, slope, width, norm, rate, longest, places, weights, found, gram):
    """Carry all columns as `follow_line` does, and integrate their overlaps with each other.

    gram (1 or 2, 2, N², N²), of zeros, becomes the real and imaginary parts of ∫ Ū_ai U_bj ds, with
    rows (ai) and columns (bj), and of ∫ Ū_ai U_bj s ds, by Gauss `places` and `weights` of [0, 1].
    """
    size = constant.shape[0]
    real, imaginary, kinds = _parts(constant, slope)
    count, columns = size * size, np.sqrt(size)
    y, v = np.zeros((2, count)), np.empty((MOST_ORDERS + 1, 2, count))
    g, total = np.empty((2, MOST_ORDERS + 1, 2, count)), np.empty((2, count))
    x, w = np.empty((2, count, places.size)), np.empty(places.size)
    local, degrees = np.zeros((2, 2)), np.array([0, 1])
    local[0, 0] = 1.0
    for i in range(size):
        y[0, i * size + i] = 1.0
    error, steps, done, lost, half = 0.0, 0, 0.0, 0.0, 0.5 * width
    step = longest / max(norm, 1e-300)
    while True:
        left = width - done + lost
        parts = np.ceil(left / step * (1 - 1e-12))
        h = left / max(parts, 1.0)
        begin = (done - lost) / half - 1.0
        local[1, 0], local[1, 1] = begin, h / half
        _copy(y, v[0])
        allowed = max(rate * h, 2 * _UNIT)
        m, before, last, grown = _series(
            real, imaginary, kinds, local, degrees, h, allowed, size, v, g, total
        )
        ratio, missed, grown = _share(
            v, m, before, last, grown / columns, columns, allowed, longest
        )
        if ratio < 1.0 and not ratio * h > _SHORTEST * width:
            return np.inf, steps
        step = _next_step(step, h, m, ratio, grown, longest)
        for q in range(places.size):
            _sum(v, m, ratio * places[q], total)
            for i in range(count):
                x[0, i, q], x[1, i, q] = total[0, i], total[1, i]
        for k in range(gram.shape[0]):
            for q in range(places.size):
                w[q] = ratio * h / half * weights[q]
                if k == 1:
                    w[q] *= begin + ratio * h / half * places[q]
            _add_overlaps(x, w, gram[k])
        _sum(v, m, ratio, y)
        error += missed + _UNIT * grown
        steps += 1
        if ratio == 1.0 and parts <= 1.0:
            break
        taken = ratio * h - lost
        lost = (done + taken) - done - taken
        done += taken
    for i in range(size):
        for c in range(size):
            found[i, c] = complex(y[0, i * size + c], y[1, i * size + c])
    for k in range(gram.shape[0]):
        for i in range(count):
            for j in range(i):
                gram[k, 0, i, j], gram[k, 1, i, j] = gram[k, 0, j, i], -gram[k, 1, j, i]
    return error, steps
