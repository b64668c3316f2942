"""Compiled step for one panel of a two-level system.

On a panel, in the scaled time τ ∈ [−1, 1], i y′ = (m + G) y with G = [[d, c], [c*, −d]] given at
the Chebyshev nodes. A rotation Q(τ) = [[q, −s], [s*, q]] that diagonalises G at every node turns
it into diag(±E) − i Q†Q′, whose off-diagonal part is smaller by the adiabaticity of the panel:
repeating this is the superadiabatic iteration. When the off-diagonal part is below the tolerance
the evolution is two phases. When the iteration stops shrinking above the tolerance, the remainder
is solved exactly by Picard iteration in the interaction picture, provided the nodes resolve it;
otherwise the panel is refused and the caller halves it.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

MOST_ROTATIONS = 14
MOST_PICARD = 60
MOST_PHASE = 1e100
WORK = 20  # rows of numbers at the nodes

ROUNDING = 4e-15  # of values at the nodes
ROUGHEST = 1e-6  # rotations between close levels carry noise; beyond, the nodes miss something

ACCEPTED_PHASES = 1
ACCEPTED_PICARD = 2
REFUSED = 0

# NaN may be lost in a largest value: what is not finite is refused by whoever gives or takes it.
_VECTOR = {"contract", "reassoc", "nnan", "nsz"}


@inner(fastmath={"contract", "reassoc"})
def _tail_size(tail, real, imaginary):
    largest = 0.0
    for row in range(tail.shape[0]):
        a, b = 0.0, 0.0
        for j in range(real.size):
            a += tail[row, j] * real[j]
            b += tail[row, j] * imaginary[j]
        largest = max(largest, a * a + b * b)
    return np.sqrt(largest)


@inner(fastmath={"contract", "reassoc"})
def _multiply(matrix, real, imaginary, out_real, out_imaginary):
    for i in range(real.size):
        a, b = 0.0, 0.0
        for j in range(real.size):
            a += matrix[i, j] * real[j]
            b += matrix[i, j] * imaginary[j]
        out_real[i], out_imaginary[i] = a, b


@inner()
def _rotation(d, c_real, c_imaginary):
    """Return E, q, Re s, Im s of the rotation that diagonalises [[d, c], [c*, −d]] to (E, −E)."""
    # Only ratios are squared: the square of a coupling below 1e-154 has lost its digits, and a
    # rotation made from it would not be unitary.
    largest = max(abs(c_real), abs(c_imaginary))
    if largest == 0.0:
        if d >= 0.0:
            return d, 1.0, 0.0, 0.0
        return -d, 0.0, 1.0, 0.0
    cosine, sine = c_real / largest, c_imaginary / largest
    length = np.sqrt(cosine * cosine + sine * sine)
    cosine, sine = cosine / length, sine / length
    scale = max(abs(d), largest)
    along, across = d / scale, largest / scale * length
    energy = np.sqrt(along * along + across * across)
    if d >= 0.0:
        q = np.sqrt(0.5 * (energy + along) / energy)
        s = 0.5 * across / (energy * q)
    else:
        s = np.sqrt(0.5 * (energy - along) / energy)
        q = 0.5 * across / (energy * s)
    return scale * energy, q, cosine * s, sine * s


@inner()
def _compose(frame, q, s):
    """Follow the rotation `frame`, held as (q, s) with complex q, by the rotation (q, s)."""
    return frame[0] * q - np.conj(frame[1]) * s, frame[1] * q + np.conj(frame[0]) * s


@inner(fastmath={"contract", "reassoc"})
def _product(matrix, values, out):
    for i in range(values.size):
        total = 0.0
        for j in range(values.size):
            total += matrix[i, j] * values[j]
        out[i] = total


# Loops over the nodes are short and hold few arrays each, so that they become vector code.
@inner(fastmath=_VECTOR)
def _largest(values):
    largest = 0.0
    for j in range(values.size):
        size = abs(values[j])
        largest = size if size > largest else largest
    return largest


@inner(fastmath=_VECTOR)
def _least(values):
    least = values[0]
    for j in range(values.size):
        least = values[j] if values[j] < least else least
    return least


@inner(fastmath=_VECTOR)
def _largest_pair(real, imaginary):
    largest = 0.0
    for j in range(real.size):
        square = real[j] * real[j] + imaginary[j] * imaginary[j]
        largest = square if square > largest else largest
    return np.sqrt(largest)


@inner(fastmath={"contract", "reassoc"})
def _turn(d, cr, ci, q, sr, si):
    """Write G in the frame that the rotation (q, s) makes, the same at all nodes."""
    twice, square, ssr, ssi = 2.0 * q, q * q, sr * sr - si * si, 2.0 * sr * si
    cosine, a, b = square - sr * sr - si * si, twice * sr, twice * si
    for j in range(d.size):
        x, y, z = d[j], cr[j], ci[j]
        d[j] = x * cosine + y * a + z * b
        cr[j] = y * (square - ssr) - x * a - z * ssi
        ci[j] = z * (square + ssr) - x * b - y * ssi


@inner(fastmath={"contract", "reassoc"})
def _copy(d, cr, ci, to_d, to_cr, to_ci):
    for j in range(d.size):
        to_d[j] = d[j]
    for j in range(d.size):
        to_cr[j] = cr[j]
    for j in range(d.size):
        to_ci[j] = ci[j]


@inner(fastmath={"contract", "reassoc"})
def _energies(d, cr, ci, energy):
    for j in range(d.size):
        energy[j] = np.sqrt(d[j] * d[j] + cr[j] * cr[j] + ci[j] * ci[j])


@inner(fastmath=_VECTOR)
def _is_near(d, energy):
    """Whether all nodes are within 120° on the Bloch sphere of the middle frame."""
    # Where squares overflow the phase is far too large for a panel.
    least, largest = 1.0, 0.0
    for j in range(d.size):
        beyond = d[j] + 0.5 * energy[j]
        least = beyond if beyond < least else least
        largest = energy[j] if energy[j] > largest else largest
    return least > 0.0 and largest < 1e150


@inner(fastmath={"contract", "reassoc"})
def _rotations(d, cr, ci, energy, q, sr, si, factor):
    """Write the rotations that diagonalise G at nodes near the middle frame."""
    for j in range(d.size):
        half = np.sqrt(0.5 + 0.5 * d[j] / energy[j])
        q[j] = half
        factor[j] = 0.5 / (energy[j] * half)
    for j in range(d.size):
        sr[j] = cr[j] * factor[j]
    for j in range(d.size):
        si[j] = ci[j] * factor[j]


@inner(fastmath={"contract", "reassoc"})
def _along_one_axis(q, s, slope, c):
    """Write the coupling that a rotation about one axis leaves; `slope` is overwritten."""
    # q² + s² = 1 gives q′.
    for j in range(q.size):
        c[j] = -s[j] * slope[j] / q[j]
    for j in range(q.size):
        c[j] = q[j] * slope[j] - s[j] * c[j]


@inner(fastmath={"contract", "reassoc"})
def _about_all(q, sr, si, dsr, dsi, energy, d, cr, ci):
    """Write G after a rotation about axes that differ from node to node."""
    for j in range(q.size):
        dq = -(sr[j] * dsr[j] + si[j] * dsi[j]) / q[j]
        d[j] = energy[j] + (si[j] * dsr[j] - sr[j] * dsi[j])
        cr[j] = si[j] * dq - q[j] * dsi[j]
        ci[j] = q[j] * dsr[j] - sr[j] * dq


@inner(fastmath={"contract", "reassoc"})
def solve_panel(
    d, cr, ci, m, noise, common_noise, derivative, integral, weights, tail, tolerance,
    work, out, info,
):  # fmt: skip
    """Solve one panel; d, c = cr + i ci and m are overwritten. Returns the status.

    `noise` and `common_noise` are what rounding of the times and of what d and c, and m, are made
    of leaves unknown wherever it is least: no half of the panel knows more. `info` takes the error
    and the phase.
    """
    # Frames are unitary matrices [[a*, −b], [b*, a]] held as (a, b).
    n = d.size
    middle = n // 2
    sr, si, dsr, dsi, q = work[0], work[1], work[2], work[3], work[4]
    energy, factor, best_d, best_cr, best_ci = work[5], work[6], work[7], work[8], work[9]

    # Constant frame: the eigenvectors at the middle node.
    _, q0, s0r, s0i = _rotation(d[middle], cr[middle], ci[middle])
    left = (complex(q0), complex(s0r, s0i))
    right = left
    _turn(d, cr, ci, q0, s0r, s0i)
    best = _largest_pair(cr, ci)
    rounding = ROUNDING * max(max(_largest(d), _largest(m)), best) + max(noise, common_noise)
    last = max(_tail_size(tail, d, m), _tail_size(tail, cr, ci))
    if not last <= max(tolerance, rounding):
        return REFUSED
    # The last coefficients tell what follows them, of which a quadrature sees one part in n.
    unseen = 2.0 * max(last - rounding, 0.0) / n

    _copy(d, cr, ci, best_d, best_cr, best_ci)
    best_left, best_right = left, right
    # A real G is turned about one axis, then the coupling is imaginary, then real again: half of
    # the work.
    plane, real = _largest(ci) == 0.0, True
    bound = max(tolerance, n * 2e-15)
    weight = 1.0
    for _ in range(MOST_ROTATIONS):
        if best <= tolerance:
            break
        _energies(d, cr, ci, energy)
        # A smooth coupling between levels that turn by Φ acts as its size over Φ: rounding of size
        # u·Φ, unavoidable there, is harmless.
        weight = min(1.0, 0.5 * n * n / max(_least(energy), 1.0))
        if weight * best <= tolerance:
            break
        # Otherwise halve rather than rotate.
        if not _is_near(d, energy):
            break
        _rotations(d, cr, ci, energy, q, sr, si, factor)
        # An unresolved rotation angle would make s′ wrong by about n times its last coefficients.
        last = n * _tail_size(tail, sr, si)
        if not (weight * last <= bound and last <= ROUGHEST):
            break
        if plane:
            if real:
                _product(derivative, sr, dsr)
                _along_one_axis(q, sr, dsr, ci)
                for j in range(n):
                    d[j], cr[j] = energy[j], 0.0
            else:
                _product(derivative, si, dsr)
                _along_one_axis(q, si, dsr, cr)
                for j in range(n):
                    d[j], cr[j], ci[j] = energy[j], -cr[j], 0.0
            real = not real
        else:
            _multiply(derivative, sr, si, dsr, dsi)
            _about_all(q, sr, si, dsr, dsi, energy, d, cr, ci)
        size = _largest_pair(cr, ci)
        left = _compose(left, q[0], complex(sr[0], si[0]))
        right = _compose(right, q[n - 1], complex(sr[n - 1], si[n - 1]))
        if size >= best:
            break
        shrinking = size < 0.5 * best
        best = size
        _copy(d, cr, ci, best_d, best_cr, best_ci)
        best_left, best_right = left, right
        if not shrinking:
            break

    mean, phase = 0.0, 0.0
    for j in range(n):
        mean += weights[j] * m[j]
        phase += weights[j] * best_d[j]
    a, b = 1.0 + 0.0j, 0.0j
    status = ACCEPTED_PHASES
    error = 2.0 * weight * best
    if weight * best > max(tolerance, weight * noise):
        known = max(tolerance, noise)
        a, b, solved = _remainder(best_d, best_cr, best_ci, integral, tail, known, work)
        if not solved:
            return REFUSED
        status = ACCEPTED_PICARD
        error = known

    plus = complex(np.cos(mean + phase), -np.sin(mean + phase))
    minus = complex(np.cos(mean - phase), -np.sin(mean - phase))
    # out = right · diag(plus, minus) · [[a, −b*], [b, a*]] · left†
    y = ((plus * a, -plus * np.conj(b)), (minus * b, minus * np.conj(a)))
    r = ((np.conj(best_right[0]), -best_right[1]), (np.conj(best_right[1]), best_right[0]))
    f = ((np.conj(best_left[0]), -best_left[1]), (np.conj(best_left[1]), best_left[0]))
    for row in range(2):
        z0 = r[row][0] * y[0][0] + r[row][1] * y[1][0]
        z1 = r[row][0] * y[0][1] + r[row][1] * y[1][1]
        for column in range(2):
            out[row, column] = z0 * np.conj(f[column][0]) + z1 * np.conj(f[column][1])
    info[0] = error + unseen
    info[1] = abs(mean) + abs(phase)
    return status


@inner(fastmath={"contract", "reassoc"})
def _remainder(d, cr, ci, integral, tail, tolerance, work):
    """Solve b′ = −i K* a, a′ = −i K b with K = c e^{2iθ}, θ = ∫d, from (1, 0) by iteration."""
    n = d.size
    kr, ki, ar, ai, br = work[10], work[11], work[12], work[13], work[14]
    bi, wr, wi, theta, next_i = work[15], work[16], work[17], work[18], work[19]
    spread = 0.0
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += integral[i, j] * d[j]
        theta[i] = total
        spread = max(spread, abs(total))
    if spread > 1.5 * n:
        return 1.0 + 0.0j, 0.0j, False
    for j in range(n):
        cosine, sine = np.cos(2.0 * theta[j]), np.sin(2.0 * theta[j])
        kr[j] = cr[j] * cosine - ci[j] * sine
        ki[j] = cr[j] * sine + ci[j] * cosine
    if _tail_size(tail, kr, ki) > tolerance:
        return 1.0 + 0.0j, 0.0j, False
    for j in range(n):
        ar[j], ai[j] = 1.0, 0.0
    solved = False
    for _ in range(MOST_PICARD):
        for j in range(n):
            wr[j] = kr[j] * ai[j] - ki[j] * ar[j]
            wi[j] = -(kr[j] * ar[j] + ki[j] * ai[j])
        _multiply(integral, wr, wi, br, bi)
        for j in range(n):
            wr[j] = kr[j] * bi[j] + ki[j] * br[j]
            wi[j] = -(kr[j] * br[j] - ki[j] * bi[j])
        # θ is not needed any more: its space holds the next iterate.
        _multiply(integral, wr, wi, theta, next_i)
        change = 0.0
        for j in range(n):
            new_r, new_i = 1.0 + theta[j], next_i[j]
            change = max(change, abs(new_r - ar[j]), abs(new_i - ai[j]))
            ar[j], ai[j] = new_r, new_i
        if change < 0.1 * tolerance:
            solved = True
            break
    if not solved or max(_tail_size(tail, ar, ai), _tail_size(tail, br, bi)) > tolerance:
        return 1.0 + 0.0j, 0.0j, False
    a, b = complex(ar[n - 1], ai[n - 1]), complex(br[n - 1], bi[n - 1])
    size = np.sqrt(abs(a) ** 2 + abs(b) ** 2)
    return a / size, b / size, True


@entry()
def solve_panels(
    matrices, noise, half_width, derivative, integral, weights, tail, tolerance, out, info, status
):
    """Solve every panel: `matrices` (P, n, 2, 2) complex, `half_width` (P,), results in place.

    `noise` (P,) is what is not known of the matrices' elements.
    """
    n = matrices.shape[1]
    d, cr, ci, m = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    work = np.empty((WORK, n))
    for p in range(matrices.shape[0]):
        h = half_width[p]
        for j in range(n):
            d[j] = 0.5 * h * (matrices[p, j, 0, 0].real - matrices[p, j, 1, 1].real)
            m[j] = 0.5 * h * (matrices[p, j, 0, 0].real + matrices[p, j, 1, 1].real)
            cr[j] = h * matrices[p, j, 0, 1].real
            ci[j] = h * matrices[p, j, 0, 1].imag
        # Nothing is known of such phases, and all that couples is gone long before: squares must
        # not leave the doubles.
        largest = max(max(_largest(d), _largest(m)), max(_largest(cr), _largest(ci)))
        beyond = largest / MOST_PHASE if largest > MOST_PHASE else 1.0
        if beyond > 1.0:
            for j in range(n):
                d[j], m[j] = d[j] / beyond, m[j] / beyond
                cr[j], ci[j] = cr[j] / beyond, ci[j] / beyond
        unknown = h * noise[p] / beyond
        status[p] = solve_panel(
            d,
            cr,
            ci,
            m,
            unknown,
            unknown,
            derivative,
            integral,
            weights,
            tail,
            tolerance,
            work,
            out[p],
            info[p],
        )
        info[p, 1] *= beyond
