"""Compiled Taylor series of modes that act on themselves, step by step.

On a panel H(t) is a polynomial. With s the time since the beginning of a step in units of its
length h, ψ(s) = Σ_m v_m s^m, and the series of densities and of products of two amplitudes are sums
over pairs of coefficients (Cauchy products): an order m costs some 4 m N multiplications.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

_UNIT = 1.1e-16
_SHORTEST = 1e-15  # of a panel
_MARGIN = 0.9


@inner()
def _shift(power, degrees, start, scale, out):
    """Store the power series about `start` in units of `scale`, of ones about 0; both on [−1, 1].

    power (E, J) holds the elements of H that do not vanish.
    """
    for e in range(degrees.size):
        degree = degrees[e]
        for j in range(degree + 1):
            out[e, j] = power[e, j]
        for first in range(degree):
            for j in range(degree - 1, first - 1, -1):
                out[e, j] += start * out[e, j + 1]
        factor = 1.0
        for j in range(degree + 1):
            out[e, j] *= factor
            factor *= scale


@inner()
def _series(
    real,
    imaginary,
    rows,
    columns,
    degrees,
    acting,
    pairs,
    strengths,
    h,
    order,
    a,
    b,
    density,
    field,
):
    """Fill a + ib (N, order + 1) with the coefficients of one step of length h."""
    size = a.shape[0]
    for m in range(order):
        for i in range(size):
            total = 0.0
            for k in range((m + 1) // 2):
                total += a[i, k] * a[i, m - k] + b[i, k] * b[i, m - k]
            total *= 2.0
            if m % 2 == 0:
                total += a[i, m // 2] ** 2 + b[i, m // 2] ** 2
            density[i, m] = total
        for i in range(size):
            total = 0.0
            for j in range(size):
                total += acting[i, j] * density[j, m]
            field[i, m] = total
            # The coefficients of Gψ; its order comes last.
            x, y = 0.0, 0.0
            for k in range(m + 1):
                x += field[i, k] * a[i, m - k]
                y += field[i, k] * b[i, m - k]
            a[i, m + 1], b[i, m + 1] = x, y
        for e in range(rows.size):
            i, j = rows[e], columns[e]
            x, y = 0.0, 0.0
            for k in range(min(m, degrees[e]) + 1):
                x += real[e, k] * a[j, m - k] - imaginary[e, k] * b[j, m - k]
                y += real[e, k] * b[j, m - k] + imaginary[e, k] * a[j, m - k]
            a[i, m + 1] += x
            b[i, m + 1] += y
        for c in range(strengths.size):
            s, p, kappa = pairs[c, 0], pairs[c, 1], strengths[c]
            x, y, u, w = 0.0, 0.0, 0.0, 0.0
            for k in range(m + 1):
                x += a[s, k] * a[p, m - k] + b[s, k] * b[p, m - k]
                y += a[s, k] * b[p, m - k] - b[s, k] * a[p, m - k]
                u += a[s, k] * a[s, m - k] - b[s, k] * b[s, m - k]
                w += a[s, k] * b[s, m - k] + b[s, k] * a[s, m - k]
            a[s, m + 1] += kappa * x
            b[s, m + 1] += kappa * y
            a[p, m + 1] += kappa * u
            b[p, m + 1] += kappa * w
        factor = h / (m + 1)
        for i in range(size):
            x, y = a[i, m + 1], b[i, m + 1]
            a[i, m + 1], b[i, m + 1] = factor * y, -factor * x


@inner()
def _size(a, b, m):
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i, m] ** 2 + b[i, m] ** 2
    return np.sqrt(total)


@entry()
def follow(
    real,
    imaginary,
    rows,
    columns,
    degrees,
    width,
    acting,
    pairs,
    strengths,
    keep,
    rate,
    floor,
    order,
    step,
    y,
    kept,
    info,
):
    """Carry one state across all panels, in place: y (2, N), real and imaginary parts.

    real and imaginary (P, E, J) are the elements rows[e], columns[e] of H that do not vanish, as
    power series about the panels' middles on [−1, 1], `degrees` (P, E) their degrees; `acting`
    (N, N), `pairs` (C, 2) and `strengths` (C) are the rest of the field. Where keep[p] ≥ 0 the
    state at the end of the panel goes to kept[keep[p]], (T, 2, N). `rate` is the error allowed per
    time, `floor` that of one step at least; `step` is the first. info (2) becomes the sum of what
    the series leave out, infinite where no step is short enough, and the number of steps.
    """
    size = y.shape[1]
    a, b = np.empty((size, order + 1)), np.empty((size, order + 1))
    density, field = np.empty((size, order + 1)), np.empty((size, order + 1))
    local_real = np.empty((rows.size, real.shape[2]))
    local_imaginary = np.empty((rows.size, real.shape[2]))
    missed, steps = 0.0, 0
    for p in range(width.size):
        half = 0.5 * width[p]
        done, lost = 0.0, 0.0  # the sum of the steps, and what its rounding has left out
        while True:
            left = width[p] - done + lost
            h = min(step, left)
            start = (done - lost) / half - 1.0
            _shift(real[p], degrees[p], start, h / half, local_real)
            _shift(imaginary[p], degrees[p], start, h / half, local_imaginary)
            for i in range(size):
                a[i, 0], b[i, 0] = y[0, i], y[1, i]
            _series(
                local_real,
                local_imaginary,
                rows,
                columns,
                degrees[p],
                acting,
                pairs,
                strengths,
                h,
                order,
                a,
                b,
                density,
                field,
            )
            allowed = 0.5 * max(rate * h, floor)
            last, before = _size(a, b, order), _size(a, b, order - 1)
            bold = max(last / allowed, (before / allowed) ** (order / (order - 1.0)), 1e-30)
            grow = _MARGIN * bold ** (-1.0 / order)
            ratio = 1.0
            if not grow >= _MARGIN:
                ratio = grow
                if not ratio * h > _SHORTEST * width[p]:
                    info[0] = np.inf
                    return
            for i in range(size):
                x, z = a[i, order], b[i, order]
                for m in range(order - 1, -1, -1):
                    x = x * ratio + a[i, m]
                    z = z * ratio + b[i, m]
                y[0, i], y[1, i] = x, z
            missed += last * ratio**order + before * ratio ** (order - 1) + _UNIT
            steps += 1
            if ratio == 1.0 and h == left:
                step = max(step, h * min(grow, 4.0))
                break
            taken = ratio * h - lost
            lost = (done + taken) - done - taken
            done += taken
            step = h * min(grow, 4.0)
        if keep[p] >= 0:
            for i in range(size):
                kept[keep[p], 0, i], kept[keep[p], 1, i] = y[0, i], y[1, i]
    info[0], info[1] = missed, steps
