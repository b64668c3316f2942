"""Compiled steady states of a periodically driven qubit with T₁ and T₂, one point at a time.

The Bloch vector s of H = ½[ε(t) σ_z + Δ σ_x], ε = ε₀ + A cos ωt, obeys s′ = Ω × s − R(s − s_eq)
with Ω = (Δ, 0, ε). Two methods share nothing but this equation.

`fourier`, for relaxation along fixed axes. With u = x + iy and v = u*, the harmonics w_n of (u, v)
form a tridiagonal system of 2 × 2 blocks,

    {i diag(ε₀, −ε₀) − inω − 1/T₂ − k_n [[1, −1], [−1, 1]]} w_n + ½iA σ_z (w_{n−1} + w_{n+1}) = 0

but for a source at n = 0, with k_n = ½Δ²/(1/T₁ + inω). It is eliminated from the highest harmonic
down. The harmonics above (√(ε₀² + Δ²) + A)/ω fall off at least like the product of
e^{−arccosh x_n}, x_n = (nω − √(ε₀² + Δ²))/A, because the numerical range of the damped rotation
lies within √(ε₀² + Δ²) of the real axis; what cutting at N changes is bounded by the square of
that product.

`steps`, for relaxation or read-out in the instantaneous eigenbasis: affine fourth-order Magnus
steps over half a period. The drive is even in time, and reflecting y transposes the generator:
the steps of the second half are the first ones, transposed and in reverse order. All steps are
halved until the extrapolated average stands still.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

MOST_STEPS = 2**18  # in half a period
MOST_HARMONICS = 10**7
_FIRST_STEP = 2.5  # radians of phase, damping and rotation of the eigenbasis together
_GRADED = 3.0  # by how much the splitting may change over the first steps
_NARROWEST = 1e-15  # of the largest bias: narrower, a crossing is shorter than the rounding of time


@inner()
def harmonics(gap, offset, amplitude, frequency, t1, tolerance):
    """Return the harmonics to keep so that the rest changes s_z by less than `tolerance`."""
    if amplitude == 0.0:
        return 0
    energy = np.sqrt(offset * offset + gap * gap)
    first = (energy + amplitude) / frequency
    if first > MOST_HARMONICS:
        return MOST_HARMONICS + 1
    # The cut couples what the source sends up with what the read-out would receive from there.
    wanted = np.sqrt(tolerance / (4.0 * max(1.0, amplitude * t1)))
    n = int(first) + 1
    left = 1.0
    while left > wanted:
        x = max((n * frequency - energy) / amplitude, 1.0)
        left /= x + np.sqrt(x * x - 1.0)
        n += 1
    return n


@inner()
def _fourier(gap, offset, amplitude, frequency, t1, t2, tolerance):
    """Return the mean of s_z over the equilibrium towards which it relaxes."""
    highest = harmonics(gap, offset, amplitude, frequency, t1, tolerance)
    if highest > MOST_HARMONICS:
        return np.nan
    decay, quarter = 1.0 / t2, 0.25 * amplitude * amplitude
    half_square = 0.5 * gap * gap
    g11, g12, g22 = 0j, 0j, 0j
    for n in range(highest, 0, -1):
        k = half_square / complex(1.0 / t1, n * frequency)
        diagonal = complex(-decay, -n * frequency) - k
        p = diagonal + complex(0.0, offset) + quarter * g11
        r = diagonal - complex(0.0, offset) + quarter * g22
        q = k - quarter * g12
        inverse = 1.0 / (p * r - q * q)
        g11, g12, g22 = r * inverse, -q * inverse, p * inverse
    # At n = 0, v = u*: the diabatic states exchange population at `rate`, so that the mean of s_z
    # solves (z_eq − z)/T₁ = rate · z.
    p = complex(-decay, offset) + quarter * (g11 + np.conj(g22))
    q0 = -2.0 * quarter * g12.real
    loss = p.real + q0
    rate = -gap * gap * loss / (p.imag * p.imag + loss * (p.real - q0))
    return 1.0 / (1.0 + t1 * rate)


@entry()
def fourier(points, tolerance, out):
    """Fill `out` with the mean upper population; rows of `points` as in `steps`.

    NaN marks a point that would need more than `MOST_HARMONICS`.
    """
    for j in range(out.size):
        gap, offset, amplitude, frequency, t1, t2, equilibrium, _ = points[:, j]
        z = _fourier(gap, offset, amplitude, frequency, t1, t2, tolerance) * equilibrium
        out[j] = 0.5 * (1.0 + z)


@inner()
def _axis(gap, offset, amplitude, frequency, t, eigenbasis):
    """Return x and z of the axis of levels (upper minus lower) at t, and their derivatives."""
    if not eigenbasis:
        return 0.0, 1.0, 0.0, 0.0
    bias = offset + amplitude * np.cos(frequency * t)
    energy = np.sqrt(bias * bias + gap * gap)
    turn = -amplitude * frequency * np.sin(frequency * t) * gap / (energy * energy)
    x, z = gap / energy, bias / energy
    return x, z, -turn * z, turn * x


@inner()
def _generator(point, t, relax_eigen, matrix, source):
    """Fill s′ = matrix · s + source at time t."""
    gap, offset, amplitude, frequency, t1, t2, equilibrium, temperature = point
    bias = offset + amplitude * np.cos(frequency * t)
    x, z, _, _ = _axis(gap, offset, amplitude, frequency, t, relax_eigen)
    if temperature >= 0.0:
        equilibrium = -1.0
        if temperature > 0.0:
            equilibrium = -np.tanh(0.5 * np.sqrt(bias * bias + gap * gap) / temperature)
    extra = 1.0 / t2 - 1.0 / t1
    matrix[0, 0] = -1.0 / t2 + extra * x * x
    matrix[1, 1] = -1.0 / t2
    matrix[2, 2] = -1.0 / t2 + extra * z * z
    matrix[0, 2] = matrix[2, 0] = extra * x * z
    matrix[0, 1], matrix[1, 0] = -bias, bias
    matrix[1, 2], matrix[2, 1] = -gap, gap
    source[0], source[1], source[2] = x * equilibrium / t1, 0.0, z * equilibrium / t1


@inner()
def _multiply(a, b, out):
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@inner()
def _step(point, t, h, relax_eigen, read_eigen, work, step):
    """Fill one step from t to t + h."""
    # Rows 0–2 of `step` are the map e^X, row 3 the source of the step, row 4 the source of the
    # mirrored step in the second half of the period, where the two nodes change places; rows 5 and
    # 6, where there are such, are these for the read-out as the source.
    first, second, x, square, one, two = work[0], work[1], work[2], work[3], work[4], work[5]
    reach = np.sqrt(3.0) / 6.0
    sources = (step.shape[0] - 3) // 2
    early, late = t + (0.5 - reach) * h, t + (0.5 + reach) * h
    _generator(point, early, relax_eigen, first, one[0])
    _generator(point, late, relax_eigen, second, two[0])
    if sources == 2:
        one[2, 0], one[2, 2], _, _ = _axis(
            point[0], point[1], point[2], point[3], early, read_eigen
        )
        two[2, 0], two[2, 2], _, _ = _axis(point[0], point[1], point[2], point[3], late, read_eigen)
        one[2, 1] = two[2, 1] = 0.0
    _multiply(first, second, x)
    _multiply(second, first, square)
    weight = 0.5 * reach * h * h
    for i in range(3):
        for j in range(3):
            x[i, j] = 0.5 * h * (first[i, j] + second[i, j]) - weight * (x[i, j] - square[i, j])
    for k in range(sources):
        for i in range(3):
            crossed = 0.0
            for j in range(3):
                crossed += first[i, j] * two[2 * k, j] - second[i, j] * one[2 * k, j]
            even = 0.5 * h * (one[2 * k, i] + two[2 * k, i])
            one[2 * k + 1, i], two[2 * k + 1, i] = even - weight * crossed, even + weight * crossed
    _multiply(x, x, square)
    # By Cayley and Hamilton (eˣ − 1)/X = a + bX + cX²; powers follow from the invariants of X.
    trace = x[0, 0] + x[1, 1] + x[2, 2]
    minors = 0.5 * (trace * trace - square[0, 0] - square[1, 1] - square[2, 2])
    determinant = (
        x[0, 0] * (x[1, 1] * x[2, 2] - x[1, 2] * x[2, 1])
        - x[0, 1] * (x[1, 0] * x[2, 2] - x[1, 2] * x[2, 0])
        + x[0, 2] * (x[1, 0] * x[2, 1] - x[1, 1] * x[2, 0])
    )
    a, b, c = 1.0, 0.0, 0.0
    pa, pb, pc, factorial = 1.0, 0.0, 0.0, 1.0
    for k in range(2, 40):
        pa, pb, pc = pc * determinant, pa - pc * minors, pb + pc * trace
        factorial /= k
        a, b, c = a + factorial * pa, b + factorial * pb, c + factorial * pc
        if factorial * (abs(pa) + abs(pb) + abs(pc)) < 1e-17:
            break
    for i in range(3):
        for j in range(3):
            step[i, j] = (a - c * minors) * x[i, j] + (b + c * trace) * square[i, j]
            first[i, j] = b * x[i, j] + c * square[i, j]
        step[i, i] += 1.0 + c * determinant
        first[i, i] += a
    for k in range(sources):
        for i in range(3):
            step[3 + 2 * k, i] = 0.0
            step[4 + 2 * k, i] = 0.0
            for j in range(3):
                sign = -1.0 if (i == 1) != (j == 1) else 1.0
                step[3 + 2 * k, i] += first[i, j] * one[2 * k + 1, j]
                step[4 + 2 * k, i] += sign * first[j, i] * two[2 * k + 1, j]


@inner()
def _advance(step, row, s, out):
    """Apply a step with the source in a row to a Bloch vector; even rows are mirrored steps."""
    for i in range(3):
        total = step[row, i]
        for j in range(3):
            if row % 2 == 0:
                sign = -1.0 if (i == 1) != (j == 1) else 1.0
                total += sign * step[j, i] * s[j]
            else:
                total += step[i, j] * s[j]
        out[i] = total


@inner()
def _first_grid(point):
    """Return times from 0 to half a period, dense where phase, damping or eigenbasis change."""
    gap, offset, amplitude, frequency, t1, t2, _, _ = point
    half = np.pi / frequency
    damping = 1.0 / t1 + 1.0 / t2 + frequency
    times = np.empty(64)
    times[0] = 0.0
    count = 1
    h = half
    bias = offset + amplitude
    while times[count - 1] < half:
        t = times[count - 1]
        h = min(2.0 * h, half - t)
        while True:
            # The bias falls all the way, so that the largest splitting is at one of the ends.
            later = offset + amplitude * np.cos(frequency * (t + h))
            size = max(abs(bias), abs(later)) + gap
            turned = np.arctan2(bias, gap) - np.arctan2(later, gap)
            # A long step that ends beside a narrow crossing turns little, yet is not resolved
            # before it is as short as the crossing: steps grow with the distance from it.
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
        times[count] = half if t + h >= half * (1.0 - 1e-12) else t + h
        bias = later
        count += 1
    return times[:count]


@inner()
def _solve(matrix, vector, out):
    """Solve matrix · out = vector by elimination with the largest pivot; both are used up."""
    for k in range(3):
        pivot = k
        for i in range(k + 1, 3):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        for j in range(3):
            matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        vector[k], vector[pivot] = vector[pivot], vector[k]
        for i in range(k + 1, 3):
            factor = matrix[i, k] / matrix[k, k]
            vector[i] -= factor * vector[k]
            for j in range(k, 3):
                matrix[i, j] -= factor * matrix[k, j]
    for k in range(2, -1, -1):
        out[k] = vector[k]
        for j in range(k + 1, 3):
            out[k] -= matrix[k, j] * out[j]
        out[k] /= matrix[k, k]


@inner()
def _periodic(step, row, states):
    """Fill the states of the periodic solution: those of half a period, then those after it.

    Row `row` of the steps is the source in the first half, the one behind it in the second.
    """
    count = step.shape[0]
    prefix, product = np.zeros((3, 3)), np.empty((3, 3))
    prefix[0, 0] = prefix[1, 1] = prefix[2, 2] = 1.0
    source, mirrored_source, s = np.zeros(3), np.zeros(3), np.empty(3)
    for k in range(count):
        for i in range(3):
            for j in range(3):
                sign = -1.0 if (i == 1) != (j == 1) else 1.0
                mirrored_source[i] += sign * prefix[j, i] * step[k, row + 1, j]
        _multiply(step[k, :3], prefix, product)
        _advance(step[k], row, source, s)
        for i in range(3):
            source[i] = s[i]
            for j in range(3):
                prefix[i, j] = product[i, j]
    # One period: s → M′(M s + source) + mirrored source, M′ the mirrored transpose of M.
    mirror = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            mirror[i, j] = -prefix[j, i] if (i == 1) != (j == 1) else prefix[j, i]
    _multiply(mirror, prefix, product)
    for i in range(3):
        for j in range(3):
            mirrored_source[i] += mirror[i, j] * source[j]
            product[i, j] = -product[i, j]
        product[i, i] += 1.0
    _solve(product, mirrored_source, states[0])
    for k in range(count):
        _advance(step[k], row, states[k], states[k + 1])
    for k in range(count):
        _advance(step[count - 1 - k], row + 1, states[count + k], states[count + k + 1])


@inner()
def _average(point, times, relax_eigen, read_eigen, step, states, work):
    """Return the mean of s along the read-out axis in the periodic state, on one grid."""
    gap, offset, amplitude, frequency = point[0], point[1], point[2], point[3]
    count = times.size - 1
    for k in range(count):
        h = times[k + 1] - times[k]
        _step(point, times[k], h, relax_eigen, read_eigen, work, step[k])
    _periodic(step, 3, states)

    # The read-out f = r·s and its slope give the integral of every step to fourth order.
    read, axis = np.empty((count + 1, 6)), np.empty((count + 1, 2))
    matrix, force = work[0], work[1, 0]
    for k in range(count + 1):
        _generator(point, times[k], relax_eigen, matrix, force)
        x, z, x_slope, z_slope = _axis(gap, offset, amplitude, frequency, times[k], read_eigen)
        for j in range(3):
            read[k, j] = x * matrix[0, j] + z * matrix[2, j]
        read[k, 3] = x * force[0] + z * force[2]
        read[k, 4], read[k, 5] = x_slope, z_slope
        axis[k, 0], axis[k, 1] = x, z
    total, value, slope, h = 0.0, 0.0, 0.0, 0.0
    for half in range(2):
        sign = 1.0 if half == 0 else -1.0
        for m in range(count + 1):
            k = m if half == 0 else count - m
            s = states[m + half * count]
            new_value = axis[k, 0] * s[0] + axis[k, 1] * s[2]
            new_slope = read[k, 3] + sign * (read[k, 4] * s[0] + read[k, 5] * s[2])
            new_slope += read[k, 0] * s[0] + read[k, 1] * s[1] + read[k, 2] * s[2]
            if m > 0:
                h = abs(times[k] - times[k - 1 if half == 0 else k + 1])
                total += 0.5 * h * (value + new_value) + h * h / 12.0 * (slope - new_slope)
            value, slope = new_value, new_slope
    return total * frequency / (2.0 * np.pi)


@inner()
def halved(times):
    finer = np.empty(2 * times.size - 1)
    for k in range(times.size):
        finer[2 * k] = times[k]
    for k in range(times.size - 1):
        finer[2 * k + 1] = 0.5 * (times[k] + times[k + 1])
    return finer


@entry()
def steps(points, relax_eigen, read_eigen, tolerance, out):
    """Fill `out` with the mean upper population.

    Rows of `points` are gap, offset, amplitude ≥ 0, frequency, t1, t2, the equilibrium of s along
    the relaxing axis, and the temperature that sets it instead where it is not NaN. NaN marks a
    point that would need more than `MOST_STEPS`.
    """
    work, point = np.empty((6, 4, 3)), np.empty(8)
    for j in range(out.size):
        for k in range(point.size):
            point[k] = points[k, j]
        # What this changes is of the order of gap² T₁T₂, less than any tolerance that T₁ allows.
        point[0] = max(point[0], _NARROWEST * (abs(point[1]) + point[2]))
        times = _first_grid(point)
        out[j] = np.nan
        average, better, level = 0.0, 0.0, 0
        while times.size <= MOST_STEPS:
            step = np.empty((times.size - 1, 5, 3))
            states = np.empty((2 * times.size - 1, 3))
            finer = _average(point, times, relax_eigen, read_eigen, step, states, work)
            extrapolated = finer + (finer - average) / 15.0
            change = extrapolated - better
            # The error of a symmetric method of order 4 is even in the step: 4, 6, …
            if level > 1 and abs(change) <= 0.2 * tolerance:
                out[j] = 0.5 * (1.0 + extrapolated + change / 63.0)
                break
            average, better = finer, extrapolated
            times = halved(times)
            level += 1
