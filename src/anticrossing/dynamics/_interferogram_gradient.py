"""Compiled derivatives of the steady states of `_interferogram` by every parameter at once.

`fourier`: the read-out is a function of G₁, and G_n = (D_n + ¼A² σ_z G_{n+1} σ_z)⁻¹. From n = 1
upwards the derivative by G_n, a symmetric matrix a_n with δp = Re tr(a_n δG_n), goes on as

    w_n = −G_n a_n G_n,    δp ∋ Re tr(w_n δD_n),    a_{n+1} = ¼A² σ_z w_n σ_z,

so that all derivatives cost about as much as the population.

`steps`: with s′ = M(t) s + b(t) and the mean of r·s, the derivative is the mean of
λ·(∂M s + ∂b) + ∂r·s, where λ′ = −Mᵀλ − r is periodic. M is even in time and reflecting y transposes
it: λ(t) is the reflected solution of the equation of s at −t with r for b, and one more solution on
the same steps gives all derivatives.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner
from anticrossing.dynamics._interferogram import (
    _NARROWEST,
    MOST_HARMONICS,
    MOST_STEPS,
    _average,
    _first_grid,
    _generator,
    _periodic,
    halved,
    harmonics,
)

COUNT = 8  # derivatives: by the rows of `points`
MOST_KEPT = 10**6  # harmonics whose matrices are kept for the way back


@inner()
def _fourier(gap, offset, amplitude, frequency, t1, t2, tolerance, kept, slopes):
    """Return the mean of s_z over its equilibrium, and fill its derivatives; `kept` holds G_n."""
    highest = kept.shape[0] - 2
    decay, quarter = 1.0 / t2, 0.25 * amplitude * amplitude
    relax, half_square = 1.0 / t1, 0.5 * gap * gap
    kept[highest + 1] = 0.0
    for n in range(highest, 0, -1):
        along = n * frequency
        inverse = 1.0 / (relax * relax + along * along)
        k = half_square * complex(relax * inverse, -along * inverse)
        diagonal = complex(-decay, -along) - k
        p = diagonal + complex(0.0, offset) + quarter * kept[n + 1, 0]
        r = diagonal - complex(0.0, offset) + quarter * kept[n + 1, 2]
        q = k - quarter * kept[n + 1, 1]
        scale = 1.0 / (p * r - q * q)
        kept[n, 0], kept[n, 1], kept[n, 2] = r * scale, -q * scale, p * scale
    g11, g12, g22 = kept[1]
    across = offset + quarter * (g11.imag - g22.imag)
    own = -decay + quarter * (g11.real + g22.real)
    mixed = -2.0 * quarter * g12.real
    loss, other = own + mixed, own - mixed
    below = 1.0 / (across * across + loss * other)
    rate = -gap * gap * loss * below
    mean = 1.0 / (1.0 + t1 * rate)
    # The derivatives of the rate: by `own`, `mixed` and `across` first, then down to D_n.
    squared = gap * gap * below * below
    by_loss, by_other = -across * across * squared, loss * loss * squared
    by_across = 2.0 * loss * across * squared
    by_own, by_mixed = by_loss + by_other, by_loss - by_other
    a11 = quarter * complex(by_own, -by_across)
    a22 = quarter * complex(by_own, by_across)
    a12 = complex(-quarter * by_mixed, 0.0)  # half of it: a is symmetric
    by_quarter = by_own * (g11.real + g22.real) + by_across * (g11.imag - g22.imag)
    by_quarter -= 2.0 * by_mixed * g12.real
    by_offset, by_decay, by_relax, by_frequency, by_square = by_across, -by_own, 0.0, 0.0, 0.0
    for n in range(1, highest + 1):
        along = n * frequency
        inverse = 1.0 / (relax * relax + along * along)
        share = complex(relax * inverse, -along * inverse)
        g11, g12, g22 = kept[n]
        u11, u12 = a11 * g11 + a12 * g12, a11 * g12 + a12 * g22
        u21, u22 = a12 * g11 + a22 * g12, a12 * g12 + a22 * g22
        w11, w12, w22 = -(g11 * u11 + g12 * u21), -(g11 * u12 + g12 * u22), -(g12 * u12 + g22 * u22)
        both = w11 + w22
        by_share = (2.0 * w12 - both) * share
        turned = by_share * share
        by_square += by_share.real
        by_relax -= half_square * turned.real
        by_frequency += n * (both.imag + half_square * turned.imag)
        by_decay -= both.real
        by_offset -= w11.imag - w22.imag
        next_ = kept[n + 1]
        by_quarter += (w11 * next_[0] + w22 * next_[2] - 2.0 * w12 * next_[1]).real
        a11, a12, a22 = quarter * w11, -quarter * w12, quarter * w22
    outer = -mean * mean * t1
    slopes[0] = outer * (gap * by_square + 2.0 * rate / gap)
    slopes[1] = outer * by_offset
    slopes[2] = outer * by_quarter * 0.5 * amplitude
    slopes[3] = outer * by_frequency
    slopes[4] = -mean * mean * rate - outer * by_relax * relax * relax
    slopes[5] = -outer * by_decay * decay * decay
    return mean


@entry()
def fourier(points, tolerance, out, slopes):
    """Fill `out` and `slopes`, the derivatives of `out` by the rows of `points`, as in `steps`.

    NaN marks a point that would need more than `MOST_KEPT` harmonics.
    """
    store = np.empty((64, 3), dtype=np.complex128)
    found = np.empty(COUNT)
    for j in range(out.size):
        gap, offset, amplitude, frequency, t1, t2, equilibrium, _ = points[:, j]
        highest = harmonics(gap, offset, amplitude, frequency, t1, tolerance)
        if highest > min(MOST_KEPT, MOST_HARMONICS):
            out[j] = np.nan
            continue
        if highest + 2 > store.shape[0]:
            store = np.empty((2 * (highest + 2), 3), dtype=np.complex128)
        kept = store[: highest + 2]
        if highest == 0:
            kept[1] = 0.0
        z = _fourier(gap, offset, amplitude, frequency, t1, t2, tolerance, kept, found)
        out[j] = 0.5 * (1.0 + z * equilibrium)
        for k in range(6):
            slopes[k, j] = 0.5 * equilibrium * found[k]
        slopes[6, j] = 0.5 * z
        slopes[7, j] = 0.0


@inner()
def _share(point, t, relax_eigen, read_eigen, s, back, work, out):
    """Add to `out` what one time adds to the derivatives of the mean of r·s; `back` is λ."""
    gap, offset, amplitude, frequency, t1, t2, equilibrium, temperature = point
    cosine = np.cos(frequency * t)
    bias = offset + amplitude * cosine
    energy = np.sqrt(bias * bias + gap * gap)
    relax, extra = 1.0 / t1, 1.0 / t2 - 1.0 / t1
    x, z = 0.0, 1.0
    x_bias, z_bias, x_gap, z_gap = 0.0, 0.0, 0.0, 0.0
    if relax_eigen:
        x, z = gap / energy, bias / energy
        x_bias, z_bias, x_gap, z_gap = (
            -x * z / energy,
            x * x / energy,
            z * z / energy,
            -x * z / energy,
        )
    along, back_along = x * s[0] + z * s[2], x * back[0] + z * back[2]
    level = equilibrium
    level_bias, level_gap, level_heat = 0.0, 0.0, 0.0
    if temperature >= 0.0:
        level = -1.0
        if temperature > 0.0:
            level = -np.tanh(0.5 * energy / temperature)
            narrow = (1.0 - level * level) / (2.0 * temperature)
            level_bias, level_gap = -narrow * bias / energy, -narrow * gap / energy
            level_heat = narrow * energy / temperature
    by_bias = back[1] * s[0] - back[0] * s[1]
    by_bias += extra * (
        (x_bias * back[0] + z_bias * back[2]) * along + back_along * (x_bias * s[0] + z_bias * s[2])
    )
    by_bias += relax * (level * (x_bias * back[0] + z_bias * back[2]) + level_bias * back_along)
    by_gap = back[2] * s[1] - back[1] * s[2]
    by_gap += extra * (
        (x_gap * back[0] + z_gap * back[2]) * along + back_along * (x_gap * s[0] + z_gap * s[2])
    )
    by_gap += relax * (level * (x_gap * back[0] + z_gap * back[2]) + level_gap * back_along)
    if read_eigen:
        cube = gap / (energy * energy * energy)
        by_bias += cube * (gap * s[2] - bias * s[0])
        by_gap += bias / (energy * energy * energy) * (bias * s[0] - gap * s[2])
    inner_product = back[0] * s[0] + back[1] * s[1] + back[2] * s[2]
    matrix, force = work[0], work[1, 0]
    _generator(point, t, relax_eigen, matrix, force)
    moved = 0.0
    for i in range(3):
        total = force[i]
        for j in range(3):
            total += matrix[i, j] * s[j]
        moved += back[i] * total
    out[0] += by_gap
    out[1] += by_bias
    out[2] += by_bias * cosine
    out[3] -= moved / frequency
    out[4] += (along - level) * back_along * relax * relax
    out[5] += (inner_product - along * back_along) / (t2 * t2)
    out[6] += relax * back_along
    out[7] += relax * back_along * level_heat


@inner()
def _average_slopes(point, times, relax_eigen, read_eigen, step, states, work, slopes):
    """Fill the derivatives of the mean of r·s by Simpson's rule; steps are equal in pairs."""
    count = times.size - 1
    behind = np.empty((2 * count + 1, 3))
    _periodic(step, 5, behind)
    back, one = np.empty(3), np.empty(COUNT)
    slopes[:] = 0.0
    for k in range(count + 1):
        one[:] = 0.0
        for half in range(2):
            here, there = (k, 2 * count - k) if half == 0 else (2 * count - k, k)
            for i in range(3):
                back[i] = -behind[there, i] if i == 1 else behind[there, i]
            _share(point, times[k], relax_eigen, read_eigen, states[here], back, work, one)
        if k % 2 == 1:
            weight = 4.0 * (times[k + 1] - times[k - 1]) / 6.0
        else:
            weight = (times[min(k + 2, count)] - times[max(k - 2, 0)]) / 6.0
        for m in range(COUNT):
            slopes[m] += weight * one[m]
    for m in range(COUNT):
        slopes[m] *= point[3] / (2.0 * np.pi)


@entry()
def steps(points, relax_eigen, read_eigen, tolerance, out, slopes):
    """Fill `out` with the mean upper population, `slopes` with its derivatives by `points`."""
    work, point = np.empty((6, 4, 3)), np.empty(COUNT)
    new, old, best, unit = np.empty(COUNT), np.empty(COUNT), np.empty(COUNT), np.empty(COUNT)
    for j in range(out.size):
        for k in range(COUNT):
            point[k] = points[k, j]
        point[0] = max(point[0], _NARROWEST * (abs(point[1]) + point[2]))
        narrow = min(1.0 / point[5], point[3])  # how far from a resonance the next is, at least
        unit[0], unit[4], unit[5], unit[6] = point[0], point[4], point[5], 1.0
        unit[1] = unit[2] = unit[3] = narrow
        unit[7] = point[7] if point[7] > 0.0 else 0.0
        times = halved(_first_grid(point))
        out[j] = np.nan
        average, better, level = 0.0, 0.0, 0
        old[:] = 0.0
        best[:] = 0.0
        while times.size <= MOST_STEPS:
            step = np.empty((times.size - 1, 7, 3))
            states = np.empty((2 * times.size - 1, 3))
            finer = _average(point, times, relax_eigen, read_eigen, step, states, work)
            _average_slopes(point, times, relax_eigen, read_eigen, step, states, work, new)
            extrapolated = finer + (finer - average) / 15.0
            change = extrapolated - better
            largest = abs(change)
            for k in range(COUNT):
                old[k] = new[k] + (new[k] - old[k]) / 15.0
                moved = old[k] - best[k]
                largest = max(largest, abs(moved) * unit[k] / (1.0 + abs(best[k]) * unit[k]))
                slopes[k, j] = 0.5 * (old[k] + moved / 63.0)
                best[k], old[k] = old[k], new[k]
            if level > 1 and largest <= 0.2 * tolerance:
                out[j] = 0.5 * (1.0 + extrapolated + change / 63.0)
                break
            average, better = finer, extrapolated
            times = halved(times)
            level += 1
