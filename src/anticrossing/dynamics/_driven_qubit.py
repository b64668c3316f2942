"""Compiled populations of a periodically driven qubit after a time, with their derivatives.

The steps of `_interferogram` are affine maps of the Bloch vector, s → M s + m. Those of a period
are multiplied once, and powers follow by squaring. Over two steps of equal length, from t₀ over t₁
to t₂, Simpson's rule gives what a parameter changes,

    δU = ∫ U(t₂, t) δG(t) U(t, t₀) dt,

to the order of the steps, and all products are carried on with their derivatives.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner
from anticrossing.dynamics._interferogram import MOST_STEPS, _axis, _step, halved

COUNT = 7  # derivatives: by gap, offset, amplitude, t1, t2, equilibrium and temperature
_FIRST_STEP = 2.5  # radians of phase, damping and rotation of the eigenbasis together
_GRADED = 3.0  # by how much the splitting may change over the first steps
_WHOLE = 1e-12  # of a period: what is less is none
_SLIVER = 1e-12  # of a stretch: shorter steps are rounding


@inner()
def _grid(point, start, stop):
    """Return times from start to stop, dense where phase, damping or eigenbasis change."""
    gap, offset, amplitude, frequency = point[0], point[1], point[2], point[3]
    t1, t2 = point[4], point[5]
    half = np.pi / frequency
    damping = 1.0 / t1 + 1.0 / t2 + frequency
    times = np.empty(64)
    times[0] = start
    count = 1
    h = half
    bias = offset + amplitude * np.cos(frequency * start)
    least_step = _SLIVER * (stop - start)
    while times[count - 1] < stop:
        t = times[count - 1]
        turning = half * (np.floor(t / half + 1e-9) + 1.0)
        end = min(stop, turning)
        h = min(2.0 * h, end - t)
        while h > least_step:
            # The bias rises or falls all the way, so that its extremes are at the ends.
            later = offset + amplitude * np.cos(frequency * (t + h))
            size = max(abs(bias), abs(later)) + gap
            turned = abs(np.arctan2(bias, gap) - np.arctan2(later, gap))
            least = gap + (min(abs(bias), abs(later)) if bias * later > 0.0 else 0.0)
            if h * (size + damping) + 3.0 * turned <= _FIRST_STEP and size <= _GRADED * least:
                break
            h *= 0.5
        if count == times.size:
            if count > MOST_STEPS:
                break
            longer = np.empty(2 * count)
            for k in range(count):
                longer[k] = times[k]
            times = longer
        later_time = end if t + h >= end - least_step else t + h
        times[count] = later_time
        bias = offset + amplitude * np.cos(frequency * later_time)
        count += 1
    return times[:count]


@inner()
def _generator_slopes(point, t, relax_eigen, out):
    """Fill the derivatives of (matrix | source) at time t, shape (7, 3, 4)."""
    gap, offset, amplitude, frequency, t1, t2, equilibrium, temperature = point
    cosine = np.cos(frequency * t)
    bias = offset + amplitude * cosine
    energy = np.sqrt(bias * bias + gap * gap)
    relax, dephase = 1.0 / t1, 1.0 / t2
    extra = dephase - relax
    x, z = 0.0, 1.0
    by = np.zeros((2, 3))  # of x, z and the equilibrium, by bias and gap
    level, level_heat = equilibrium, 0.0
    if temperature >= 0.0:
        level = -1.0
        if temperature > 0.0:
            level = -np.tanh(0.5 * energy / temperature)
            narrow = (1.0 - level * level) / (2.0 * temperature)
            by[0, 2], by[1, 2] = -narrow * bias / energy, -narrow * gap / energy
            level_heat = narrow * energy / temperature
    if relax_eigen:
        x, z = gap / energy, bias / energy
        by[0, 0], by[0, 1] = -x * z / energy, x * x / energy
        by[1, 0], by[1, 1] = z * z / energy, -x * z / energy
    for m in range(COUNT):
        for i in range(3):
            for j in range(4):
                out[m, i, j] = 0.0
    for k in range(2):
        dx, dz, dl = by[k, 0], by[k, 1], by[k, 2]
        own = out[1 - k]  # the gap comes before the bias
        own[0, 0] = 2.0 * extra * x * dx
        own[2, 2] = 2.0 * extra * z * dz
        own[0, 2] = own[2, 0] = extra * (x * dz + z * dx)
        own[0, 3] = relax * (dx * level + x * dl)
        own[2, 3] = relax * (dz * level + z * dl)
    out[0, 1, 2] -= 1.0
    out[0, 2, 1] += 1.0
    out[1, 0, 1] -= 1.0
    out[1, 1, 0] += 1.0
    for i in range(3):
        for j in range(4):
            out[2, i, j] = cosine * out[1, i, j]
    # By the rates, then by the times: −γ² each. The parts across and along the axis.
    for i in range(3):
        n_i = x if i == 0 else (z if i == 2 else 0.0)
        for j in range(3):
            n_j = x if j == 0 else (z if j == 2 else 0.0)
            along = n_i * n_j
            out[3, i, j] = relax * relax * along
            out[4, i, j] = dephase * dephase * ((1.0 if i == j else 0.0) - along)
        out[3, i, 3] = -relax * relax * level * n_i
        out[5, i, 3] = relax * n_i
        out[6, i, 3] = relax * n_i * level_heat


@inner()
def _set_unity(matrix, slopes):
    """Make an affine map the identity, and its derivatives zero."""
    for i in range(3):
        for j in range(4):
            matrix[i, j] = 1.0 if i == j else 0.0
            for m in range(len(slopes)):
                slopes[m, i, j] = 0.0


@inner()
def _copy(matrix, slopes, other, other_slopes):
    """Fill an affine map and its derivatives with another one."""
    for i in range(3):
        for j in range(4):
            matrix[i, j] = other[i, j]
            for m in range(len(slopes)):
                slopes[m, i, j] = other_slopes[m, i, j]


@inner()
def _after(a, b, out):
    """Fill the affine map `a` after `b`; rows are (matrix | source), and `a` may be a slope."""
    for i in range(3):
        for j in range(4):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@inner()
def _product(a, a_slopes, b, b_slopes, out, slopes, work):
    """Fill the affine map a∘b and its derivatives."""
    for m in range(len(slopes)):
        _after(a_slopes[m], b, slopes[m])
        _after(a, b_slopes[m], work)
        for i in range(3):
            slopes[m, i, 3] += a_slopes[m, i, 3]
            for j in range(4):
                slopes[m, i, j] += work[i, j]
    _after(a, b, out)
    for i in range(3):
        out[i, 3] += a[i, 3]


@inner()
def _stretch(point, times, relax_eigen, work, whole, whole_slopes):
    """Fill the map over a grid whose steps are equal in pairs, and its derivatives."""
    count = len(whole_slopes)
    step = np.empty((5, 3))
    first, second = np.empty((3, 4)), np.empty((3, 4))
    both, product = np.empty((3, 4)), np.empty((3, 4))
    at = np.empty((3, count, 3, 4))
    pair, more = np.empty((count, 3, 4)), np.empty((count, 3, 4))
    spare = np.empty((3, 4))
    _set_unity(whole, whole_slopes)
    if count > 0:
        _generator_slopes(point, times[0], relax_eigen, at[0])
    for k in range(0, times.size - 1, 2):
        for part in range(2):
            t, h = times[k + part], times[k + part + 1] - times[k + part]
            _step(point, t, h, relax_eigen, False, work, step)
            target = first if part == 0 else second
            for i in range(3):
                for j in range(3):
                    target[i, j] = step[i, j]
                target[i, 3] = step[3, i]
            if count > 0:
                _generator_slopes(point, t + h, relax_eigen, at[part + 1])
        _after(second, first, both)
        for i in range(3):
            both[i, 3] += second[i, 3]
        sixth = (times[k + 2] - times[k]) / 6.0
        for m in range(count):
            # Both ends, and four times the middle: U δG U with δG between them.
            _after(both, at[0, m], pair[m])
            _after(at[2, m], both, spare)
            for i in range(3):
                spare[i, 3] += at[2, m, i, 3]
                for j in range(4):
                    pair[m, i, j] += spare[i, j]
            _after(at[1, m], first, product)
            for i in range(3):
                product[i, 3] += at[1, m, i, 3]
            _after(second, product, spare)
            for i in range(3):
                for j in range(4):
                    pair[m, i, j] = sixth * (pair[m, i, j] + 4.0 * spare[i, j])
        _product(both, pair, whole, whole_slopes, product, more, spare)
        _copy(whole, whole_slopes, product, more)
        for m in range(count):
            for i in range(3):
                for j in range(4):
                    at[0, m, i, j] = at[2, m, i, j]


@inner()
def _power(base, base_slopes, exponent, out, slopes):
    """Fill a power of an affine map and its derivatives; `base` is used up."""
    spare, work = np.empty((3, 4)), np.empty((3, 4))
    more = np.empty((len(slopes), 3, 4))
    _set_unity(out, slopes)
    while exponent > 0:
        if exponent % 2 == 1:
            _product(base, base_slopes, out, slopes, spare, more, work)
            _copy(out, slopes, spare, more)
        exponent //= 2
        if exponent > 0:
            _product(base, base_slopes, base, base_slopes, spare, more, work)
            _copy(base, base_slopes, spare, more)


@inner()
def _seen(point, t, eigen, axis, slopes):
    """Fill the axis of levels at a time, and its derivatives by gap, offset and amplitude."""
    gap, offset, amplitude, frequency = point[0], point[1], point[2], point[3]
    x, z, _, _ = _axis(gap, offset, amplitude, frequency, t, eigen)
    axis[0], axis[1], axis[2] = x, 0.0, z
    for k in range(3):
        for i in range(3):
            slopes[k, i] = 0.0
    if eigen:
        cosine = np.cos(frequency * t)
        energy = np.sqrt(gap * gap + (offset + amplitude * cosine) ** 2)
        slopes[0, 0], slopes[0, 2] = z * z / energy, -x * z / energy
        slopes[1, 0], slopes[1, 2] = -x * z / energy, x * x / energy
        slopes[2, 0], slopes[2, 2] = cosine * slopes[1, 0], cosine * slopes[1, 2]


@inner()
def _population(point, start, periods, rest, initial, whole_grid, rest_grid, options, work, out):
    """Fill population and derivatives, shape (8,), or (1,) for none, on one grid."""
    count = out.size - 1
    relax_eigen, read_eigen = options
    period, period_slopes = np.empty((3, 4)), np.empty((count, 3, 4))
    total, total_slopes = np.empty((3, 4)), np.empty((count, 3, 4))
    if periods > 0:
        _stretch(point, whole_grid, relax_eigen, work, period, period_slopes)
    _power(period, period_slopes, periods, total, total_slopes)
    if rest > 0.0:
        _stretch(point, rest_grid, relax_eigen, work, period, period_slopes)
        last, last_slopes = np.empty((3, 4)), np.empty((count, 3, 4))
        spare = np.empty((3, 4))
        _product(period, period_slopes, total, total_slopes, last, last_slopes, spare)
        _copy(total, total_slopes, last, last_slopes)
    before, before_slopes = np.empty(3), np.empty((3, 3))
    after, after_slopes = np.empty(3), np.empty((3, 3))
    _seen(point, start, read_eigen, before, before_slopes)
    _seen(point, start + rest, read_eigen, after, after_slopes)
    size = 2.0 * initial - 1.0
    for k in range(1 + count):
        out[k] = 0.0
    for i in range(3):
        s = total[i, 3]
        for j in range(3):
            s += total[i, j] * size * before[j]
        out[0] += after[i] * s
        for m in range(count):
            slope = total_slopes[m, i, 3]
            for j in range(3):
                slope += total_slopes[m, i, j] * size * before[j]
                if m < 3:
                    slope += total[i, j] * size * before_slopes[m, j]
            out[1 + m] += after[i] * slope
            if m < 3:
                out[1 + m] += after_slopes[m, i] * s
    out[0] = 0.5 * (1.0 + out[0])
    for m in range(count):
        out[1 + m] *= 0.5


@entry()
def populations(points, relax_eigen, read_eigen, tolerance, out, slopes):
    """Fill `out` with upper populations after a time, and `slopes`, shape (7, N), or (0, N).

    Rows of `points` are those of `_interferogram.steps`, then the phase of the drive at the start,
    the duration, and the initial population. NaN marks a point that would need too many steps.
    """
    work, point = np.empty((6, 4, 3)), np.empty(8)
    size = 1 + len(slopes)
    new, old, best, unit = np.empty(size), np.empty(size), np.empty(size), np.ones(8)
    options = (relax_eigen, read_eigen)
    for j in range(out.size):
        for k in range(8):
            point[k] = points[k, j]
        phase, duration, initial = points[8, j], points[9, j], points[10, j]
        length = 2.0 * np.pi / point[3]
        periods = int(np.floor(duration / length + _WHOLE))
        rest = duration - periods * length
        if rest < _WHOLE * length:
            rest = 0.0
        start = phase / point[3]
        narrow = min(1.0 / point[5], point[3])
        unit[1], unit[2], unit[3] = point[0], narrow, narrow
        unit[4], unit[5] = point[4], point[5]
        unit[7] = point[7] if point[7] > 0.0 else 0.0
        whole = halved(_grid(point, start, start + length)) if periods > 0 else np.zeros(1)
        part = halved(_grid(point, start, start + rest)) if rest > 0.0 else np.zeros(1)
        out[j] = np.nan
        old[:] = 0.0
        best[:] = 0.0
        level = 0
        while max(whole.size, part.size) <= MOST_STEPS:
            _population(point, start, periods, rest, initial, whole, part, options, work, new)
            largest = 0.0
            for k in range(size):
                finer = new[k] + (new[k] - old[k]) / 15.0
                moved = finer - best[k]
                scale = unit[k] / (1.0 + abs(best[k]) * unit[k]) if k > 0 else 1.0
                largest = max(largest, abs(moved) * scale)
                best[k], old[k] = finer, new[k]
                if k > 0:
                    slopes[k - 1, j] = finer + moved / 63.0
                else:
                    change = moved
            if level > 1 and largest <= 0.2 * tolerance:
                out[j] = best[0] + change / 63.0
                break
            whole, part = halved(whole), halved(part)
            level += 1
