"""Compiled step for one panel of a two-level system with an environment.

The Bloch vector obeys the real affine equation r′ = G r + b. After going to the eigenframe of H at
every node (a rotation, as in `_two_level`), z is the population difference and c = x + iy the
coherence: their diagonal rates a and λ are far apart where the level splitting turns the coherence
quickly. Couplings between far pairs, (z, c), (c, c*), (c, 1) and (z, 1), are removed order by order
by y = (1 + S) ỹ + v; near pairs are integrated by Picard iteration in the interaction picture.

Coordinates are (x, y, w) with w = z + 1, twice the population of the upper level: deviations from
the lower eigenstate, so that a transition probability of 10⁻⁷ keeps all its digits. Panels meet in
the frame `_rotation` gives for H at their common edge. Everything is scaled to τ ∈ [−1, 1].
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner
from anticrossing.dynamics._two_level import _compose, _multiply, _rotation, _tail_size

MOST_ROTATIONS = 12
LEAST_ROTATIONS = 2
SLIGHT = 0.05  # a rotation whose second order is worth a look
MOST_PICARD = 80
NEAR_PHASE = 6.0
LARGEST_GROWTH = 30.0
SAME_AXIS = 1e-13
REFUSED, ACCEPTED, TURNING = 0, 1, 2  # refused, as the eigenframe turns between the nodes


@inner()
def _copy(source, target):
    """Write a matrix, element by element: Numba takes long over whole arrays."""
    for i in range(source.shape[0]):
        for k in range(source.shape[1]):
            target[i, k] = source[i, k]


@inner()
def _keep(matrices, vectors, kept_matrices, kept_vectors):
    """Write matrices and vectors, one of each for every node or end."""
    _copy(vectors, kept_vectors)
    for j in range(matrices.shape[0]):
        _copy(matrices[j], kept_matrices[j])


@inner()
def _one(out):
    """Write the identity."""
    for i in range(3):
        for k in range(3):
            out[i, k] = 1.0 if i == k else 0.0


@inner()
def _bloch_rotation(a, b, out):
    """Write the rotation of the Bloch vector that belongs to [[a*, −b], [b*, a]]."""
    alpha = np.conj(a)
    first, second = alpha * alpha - b * b, -1j * (alpha * alpha + b * b)
    third = 2.0 * alpha * b
    out[0, 0], out[1, 0] = first.real, -first.imag
    out[0, 1], out[1, 1] = second.real, -second.imag
    out[0, 2], out[1, 2] = third.real, -third.imag
    out[2, 0] = -2.0 * (np.conj(alpha) * b).real
    out[2, 1] = -2.0 * (alpha * np.conj(b)).imag
    out[2, 2] = abs(alpha) ** 2 - abs(b) ** 2


@inner()
def _sandwich(left, middle, right, out):
    """Write leftᵀ · middle · right for 3×3 matrices."""
    for i in range(3):
        for j in range(3):
            total = 0.0
            for k in range(3):
                inner = 0.0
                for m in range(3):
                    inner += middle[k, m] * right[m, j]
                total += left[k, i] * inner
            out[i, j] = total


@inner()
def _invert(m, out):
    """Write the inverse of a 3×3 matrix."""
    c00 = m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1]
    c01 = m[1, 2] * m[2, 0] - m[1, 0] * m[2, 2]
    c02 = m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0]
    scale = 1.0 / (m[0, 0] * c00 + m[0, 1] * c01 + m[0, 2] * c02)
    out[0, 0], out[1, 0], out[2, 0] = c00 * scale, c01 * scale, c02 * scale
    out[0, 1] = (m[0, 2] * m[2, 1] - m[0, 1] * m[2, 2]) * scale
    out[1, 1] = (m[0, 0] * m[2, 2] - m[0, 2] * m[2, 0]) * scale
    out[2, 1] = (m[0, 1] * m[2, 0] - m[0, 0] * m[2, 1]) * scale
    out[0, 2] = (m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]) * scale
    out[1, 2] = (m[0, 2] * m[1, 0] - m[0, 0] * m[1, 2]) * scale
    out[2, 2] = (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]) * scale


@inner()
def _edge_frame(h, out):
    """Write the Bloch rotation to the eigenframe of H at an edge, a function of H alone."""
    d = 0.5 * (h[0, 0].real - h[1, 1].real)
    _, q, sr, si = _rotation(d, h[0, 1].real, h[0, 1].imag)
    _bloch_rotation(complex(q), complex(sr, si), out)


@inner()
def _turn_to_edge(edge, frame, out):
    """Write the rotation about z that takes coordinates in `frame` to those in `edge`."""
    # False if the two have not the same z: a turned H of 1e-310 has lost its direction.
    along_x, along_y = 0.0, 0.0
    for k in range(3):
        along_x += edge[k, 0] * frame[k, 2]
        along_y += edge[k, 1] * frame[k, 2]
    if max(abs(along_x), abs(along_y)) > SAME_AXIS:
        return False
    cosine, sine = 0.0, 0.0
    for k in range(3):
        cosine += edge[k, 0] * frame[k, 0]
        sine += edge[k, 1] * frame[k, 0]
    size = np.hypot(cosine, sine)
    _one(out)
    out[0, 0] = out[1, 1] = cosine / size
    out[1, 0], out[0, 1] = sine / size, -sine / size
    return True


@inner()
def _add_hamiltonian(g, d, cr, ci):
    """Add the precession r′ = 2 h × r with h = (Re c, −Im c, d)."""
    hx, hy, hz = 2.0 * cr, -2.0 * ci, 2.0 * d
    g[0, 1] -= hz
    g[0, 2] += hy
    g[1, 0] += hz
    g[1, 2] -= hx
    g[2, 0] -= hy
    g[2, 1] += hx


@inner()
def _add_laboratory(g, b, laboratory, rotation):
    """Add a dissipator given in the original basis: (3, 4), the last column inhomogeneous."""
    turned = np.empty((3, 3))
    _sandwich(rotation, laboratory[:, :3], rotation, turned)
    for i in range(3):
        for j in range(3):
            g[i, j] += turned[i, j]
            b[i] += rotation[j, i] * laboratory[j, 3]


@inner()
def _unresolved(g, b, tail, tolerance):
    n = g.shape[0]
    largest = 0.0
    for j in range(n):
        for i in range(3):
            largest = max(largest, abs(b[j, i]))
            for k in range(3):
                largest = max(largest, abs(g[j, i, k]))
    limit = max(tolerance, 4e-15 * largest)
    zero = np.zeros(n)
    for i in range(3):
        if _tail_size(tail, g[:, i, 0], g[:, i, 1]) > limit:
            return True
        if _tail_size(tail, g[:, i, 2], b[:, i]) > limit:
            return True
    return not np.isfinite(_tail_size(tail, g[:, 0, 0], zero))


@inner()
def _parts(g, b):
    """Return λ, a, and the couplings q (z→c), p (c→z), μ (c*→c), r (1→c)."""
    rate = 0.5 * complex(g[0, 0] + g[1, 1], g[1, 0] - g[0, 1])
    mu = 0.5 * complex(g[0, 0] - g[1, 1], g[1, 0] + g[0, 1])
    q = complex(g[0, 2], g[1, 2])
    p = 0.5 * complex(g[2, 0], -g[2, 1])
    return rate, g[2, 2], q, p, mu, complex(b[0], b[1])


@inner()
def _separations(g, b):
    """Return the smallest |λ−a|, |2 Im λ|, |λ| and |a| over the nodes, over the whole panel."""
    out = np.empty(4)
    out[0] = out[1] = out[2] = out[3] = np.inf
    for j in range(g.shape[0]):
        rate, a, _, _, _, _ = _parts(g[j], b[j])
        out[0] = min(out[0], 2.0 * abs(rate - a))
        out[1] = min(out[1], 4.0 * abs(rate.imag))
        out[2] = min(out[2], 2.0 * abs(rate))
        out[3] = min(out[3], 2.0 * abs(a))
    return out


@inner()
def _residual(g, b, weight):
    """Return the largest weighted coupling between far pairs."""
    size = 0.0
    for j in range(g.shape[0]):
        _, _, q, p, mu, r = _parts(g[j], b[j])
        size = max(size, weight[0] * max(abs(q), abs(p)), weight[1] * abs(mu))
        size = max(size, weight[2] * abs(r), weight[3] * abs(b[j, 2]))
    return size


@inner()
def _arrange(source, matrix, vector):
    """Write S (3×3) and v from their independent entries."""
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = source[4], source[5], source[0]
    matrix[1, 0], matrix[1, 1], matrix[1, 2] = source[5], -source[4], source[1]
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = source[2], source[3], 0.0
    vector[0], vector[1], vector[2] = source[6], source[7], source[8]


@inner()
def _particular(derivative, rate, source, out):
    """Write the polynomial with y′ = rate·y + source at all nodes; False if there is none."""
    n = rate.size
    matrix = np.empty((n, n))
    for i in range(n):
        out[i] = source[i]
        for k in range(n):
            matrix[i, k] = derivative[i, k] - (rate[i] if i == k else 0.0)
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if not abs(matrix[pivot, k]) > 0.0:
            return False
        for j in range(k, n):
            matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        out[k], out[pivot] = out[pivot], out[k]
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, n):
                matrix[i, j] -= factor * matrix[k, j]
            out[i] -= factor * out[k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            out[i] -= matrix[i, j] * out[j]
        out[i] /= matrix[i, i]
    return True


@inner()
def _eliminate(g, b, far, derivative, tail, tolerance, s, v, ds, dv):
    """Do one order: overwrite g and b, leave S and v at the nodes in s, v. False if unresolved."""
    n = g.shape[0]
    entries, decay = np.zeros((10, n)), np.empty(n)
    for j in range(n):
        rate, a, q, p, mu, r = _parts(g[j], b[j])
        cz, zc = (-q / (rate - a), -p / (a - rate)) if far[0] else (0j, 0j)
        cc = -mu / (2j * rate.imag) if far[1] else 0j
        shift = -r / rate if far[2] else 0j
        entries[0, j], entries[1, j] = cz.real, cz.imag
        entries[2, j], entries[3, j] = 2.0 * zc.real, -2.0 * zc.imag
        entries[4, j], entries[5, j] = cc.real, cc.imag
        entries[6, j], entries[7, j] = shift.real, shift.imag
        decay[j] = a
    # Decay has no phase that a series in its inverse could rest on: the nodes know the smooth
    # solution at any strength.
    if far[3] and not _particular(derivative, decay, b[:, 2], entries[8]):
        return False
    slopes = np.zeros((10, n))
    for k in range(0, 10, 2):
        if n * _tail_size(tail, entries[k], entries[k + 1]) > max(tolerance, n * 4e-15):
            return False
        _multiply(derivative, entries[k], entries[k + 1], slopes[k], slopes[k + 1])
    inverse = np.empty((3, 3))
    one = np.empty((3, 3))
    work = np.empty((3, 3))
    change = np.empty(3)
    for j in range(n):
        _arrange(entries[:, j], s[j], v[j])
        _arrange(slopes[:, j], ds[j], dv[j])
        for i in range(3):
            for k in range(3):
                one[i, k] = s[j, i, k] + (1.0 if i == k else 0.0)
        _invert(one, inverse)
        # G̃ = G + (1+S)⁻¹([G, S] − S′): the large diagonal of G is never recomputed.
        for i in range(3):
            change[i] = b[j, i] - dv[j, i]
            for k in range(3):
                change[i] += g[j, i, k] * v[j, k]
                total = -ds[j, i, k]
                for m in range(3):
                    total += g[j, i, m] * s[j, m, k] - s[j, i, m] * g[j, m, k]
                work[i, k] = total
        for i in range(3):
            b[j, i] = 0.0
            for k in range(3):
                b[j, i] += inverse[i, k] * change[k]
                for m in range(3):
                    g[j, i, m] += inverse[i, k] * work[k, m]
    return True


@inner()
def _integrate(g, b, integral, tail, tolerance, out, info):
    """Integrate what remains; write the affine map (3, 4). False if the nodes do not resolve it."""
    # What the nodes and the iteration leave out is added to info[0].
    n = g.shape[0]
    ar, rr, ri = np.empty(n), np.empty(n), np.empty(n)
    for j in range(n):
        rate, a, _, _, _, _ = _parts(g[j], b[j])
        ar[j], rr[j], ri[j] = a, rate.real, rate.imag
    growth, unused, lr, li = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    _multiply(integral, ar, ar, growth, unused)
    _multiply(integral, rr, ri, lr, li)

    kernels = np.zeros((5, n), dtype=np.complex128)  # z←c, c←z, c←c*, c←1, z←1
    wr, wi = np.empty(n), np.empty(n)
    small = 1e-3 * tolerance
    coupled, left_out = False, 0.0
    for k in range(5):
        size, largest, turn = 0.0, -np.inf, 0.0
        for j in range(n):
            _, _, q, p, mu, r = _parts(g[j], b[j])
            value = (p, q, mu, r, complex(b[j, 2]))[k]
            phase = complex(lr[j], li[j])
            exponent = (
                phase - growth[j],
                growth[j] - phase,
                np.conj(phase) - phase,
                -phase,
                complex(-growth[j]),
            )[k]
            size = max(size, abs(value))
            largest = max(largest, exponent.real)
            turn = max(turn, abs(exponent.imag))
            kernels[k, j] = value * np.exp(complex(min(exponent.real, 60.0), exponent.imag))
        # What drives deviations is kept however small: probabilities of any size come from it.
        if size <= (small if k < 3 else 0.0):
            left_out += size
            for j in range(n):
                kernels[k, j] = 0.0
            continue
        if largest > LARGEST_GROWTH or turn > 3.0 * n:
            return False
        for j in range(n):
            wr[j], wi[j] = kernels[k, j].real, kernels[k, j].imag
        last = _tail_size(tail, wr, wi)
        if last > tolerance:
            return False
        left_out += last
        coupled = True
    final_z = np.exp(growth[n - 1])
    final_c = np.exp(complex(lr[n - 1], li[n - 1]))

    z, zn, zero = np.empty(n), np.empty(n), np.zeros(n)
    cr, ci, ncr, nci = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    wz = np.empty(n)
    for column in range(4):
        z0 = 1.0 if column == 2 else 0.0
        c0 = 1.0 + 0j if column == 0 else (1j if column == 1 else 0j)
        unit = 1.0 if column == 3 else 0.0
        for j in range(n):
            z[j], cr[j], ci[j] = z0, c0.real, c0.imag
        solved, change = not coupled, 0.0
        for _ in range(MOST_PICARD):
            if solved:
                break
            for j in range(n):
                c = complex(cr[j], ci[j])
                wz[j] = 2.0 * (kernels[0, j] * c).real + unit * kernels[4, j].real
                w = kernels[1, j] * z[j] + kernels[2, j] * np.conj(c) + unit * kernels[3, j]
                wr[j], wi[j] = w.real, w.imag
            _multiply(integral, wz, zero, zn, unused)
            _multiply(integral, wr, wi, ncr, nci)
            change = 0.0
            for j in range(n):
                zn[j] += z0
                ncr[j] += c0.real
                nci[j] += c0.imag
                change = max(change, abs(zn[j] - z[j]), abs(ncr[j] - cr[j]), abs(nci[j] - ci[j]))
                z[j], cr[j], ci[j] = zn[j], ncr[j], nci[j]
            if change < 0.1 * tolerance:
                solved = True
        last = max(_tail_size(tail, z, zero), _tail_size(tail, cr, ci))
        if not solved or last > tolerance:
            return False
        left_out += change + last
        c = final_c * complex(cr[n - 1], ci[n - 1])
        out[0, column], out[1, column], out[2, column] = c.real, c.imag, final_z * z[n - 1]
    info[0] += left_out
    return True


@inner()
def _drop_far(g, b, far):
    for j in range(g.shape[0]):
        if far[0]:
            g[j, 0, 2] = g[j, 1, 2] = g[j, 2, 0] = g[j, 2, 1] = 0.0
        if far[1]:
            mean = 0.5 * (g[j, 0, 0] + g[j, 1, 1])
            turn = 0.5 * (g[j, 1, 0] - g[j, 0, 1])
            g[j, 0, 0] = g[j, 1, 1] = mean
            g[j, 1, 0], g[j, 0, 1] = turn, -turn
        if far[2]:
            b[j, 0] = b[j, 1] = 0.0
        if far[3]:
            b[j, 2] = 0.0


@inner()
def _frame_step(frame, shift, s, v):
    """Follow frame and shift by y = (1 + S) ỹ + v."""
    old = np.empty((3, 3))
    _copy(frame, old)
    for i in range(3):
        for k in range(3):
            shift[i] += old[i, k] * v[k]
            for m in range(3):
                frame[i, m] += old[i, k] * s[k, m]


@inner()
def _panel(d, cr, ci, edges, rates, laboratory, has_laboratory, grid, tolerance, out, info):
    tail = grid[2]
    n = d.size
    middle = n // 2
    _, q0, s0r, s0i = _rotation(d[middle], cr[middle], ci[middle])
    constant = (complex(q0), complex(s0r, s0i))

    # H in the constant frame of the middle node, as in `_two_level`.
    twice, cosine = 2.0 * q0, q0 * q0 - s0r * s0r - s0i * s0i
    ssr, ssi = s0r * s0r - s0i * s0i, 2.0 * s0r * s0i
    fd, fr, fi = np.empty(n), np.empty(n), np.empty(n)
    for j in range(n):
        a, b = cr[j], ci[j]
        fd[j] = d[j] * cosine + twice * (a * s0r + b * s0i)
        fr[j] = -twice * d[j] * s0r + a * q0 * q0 - (a * ssr + b * ssi)
        fi[j] = -twice * d[j] * s0i + b * q0 * q0 - (a * ssi - b * ssr)
    q, sr, si, energy = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    smooth = True
    for j in range(n):
        energy[j], q[j], sr[j], si[j] = _rotation(fd[j], fr[j], fi[j])
        if fd[j] <= -0.5 * energy[j]:
            smooth = False

    largest = np.max(energy)
    info[1] = 2.0 * largest

    setting = (rates, laboratory, has_laboratory, edges, grid, tolerance)
    resolved = smooth and n * _tail_size(tail, sr, si) <= max(tolerance, n * 2e-15)
    if not resolved:
        return TURNING
    solved = _adiabatic(constant, energy, q, sr, si, setting, out, info)
    return ACCEPTED if solved else REFUSED


@inner()
def _split(affine):
    """Return copies of the matrix and the vector of an affine map."""
    matrix, vector = np.empty((3, 3)), np.empty(3)
    for i in range(3):
        vector[i] = affine[i, 3]
        for k in range(3):
            matrix[i, k] = affine[i, k]
    return matrix, vector


@inner()
def _adiabatic(constant, energy, q, sr, si, setting, out, info):
    """Solve in the eigenframe at every node, coupling by coupling."""
    rates, laboratory, has_laboratory, edges, grid, tolerance = setting
    derivative, integral, tail = grid
    n = q.size
    dsr, dsi = np.empty(n), np.empty(n)
    _multiply(derivative, sr, si, dsr, dsi)
    g, b = np.zeros((n, 3, 3)), np.zeros((n, 3))
    total = np.empty((3, 3))
    turns = np.empty((2, 3, 3))
    for j in range(n):
        dq = -(sr[j] * dsr[j] + si[j] * dsi[j]) / q[j]
        _add_hamiltonian(
            g[j],
            energy[j] + (si[j] * dsr[j] - sr[j] * dsi[j]),
            si[j] * dq - q[j] * dsi[j],
            q[j] * dsr[j] - sr[j] * dq,
        )
        if has_laboratory or j == 0 or j == n - 1:
            frame = _compose(constant, q[j], complex(sr[j], si[j]))
            _bloch_rotation(frame[0], frame[1], total)
        if has_laboratory:
            _add_laboratory(g[j], b[j], laboratory[j], total)
        # Deviations from the lower state (0, 0, −1) feel what drives it, −G e_z.
        for i in range(3):
            b[j, i] -= g[j, i, 2]
        kr, ki, down, up = rates[j, 0], rates[j, 1], rates[j, 2], rates[j, 3]
        g[j, 0, 0] -= kr
        g[j, 1, 1] -= kr
        g[j, 0, 1] += ki
        g[j, 1, 0] -= ki
        g[j, 2, 2] -= down + up
        b[j, 2] += 2.0 * up
        if j == 0 and not _turn_to_edge(edges[0], total, turns[0]):
            return False
        if j == n - 1 and not _turn_to_edge(edges[1], total, turns[1]):
            return False
    if _unresolved(g, b, tail, tolerance):
        return False

    far_phase = _separations(g, b)
    far = far_phase >= NEAR_PHASE
    weight = np.zeros(4)
    for k in range(4):
        if far[k]:
            weight[k] = min(1.0, n * n / far_phase[k])
    best = _residual(g, b, weight)
    best_g, best_b = np.empty((n, 3, 3)), np.empty((n, 3))
    _keep(g, b, best_g, best_b)
    here, shift = np.empty((2, 3, 3)), np.zeros((2, 3))
    frames, shifts = np.empty((2, 3, 3)), np.empty((2, 3))
    _one(here[0])
    _one(here[1])
    _keep(here, shift, frames, shifts)
    s, v, ds, dv = np.zeros((n, 3, 3)), np.zeros((n, 3)), np.zeros((n, 3, 3)), np.zeros((n, 3))
    # A transition probability is second order in the couplings: go on below the tolerance while
    # that is cheap, and at least to that order, so that small probabilities keep their digits.
    for order in range(MOST_ROTATIONS):
        if best <= 1e-3 * tolerance and order >= LEAST_ROTATIONS:
            break
        if not _eliminate(g, b, far, derivative, tail, tolerance, s, v, ds, dv):
            break
        _frame_step(here[0], shift[0], s[0], v[0])
        _frame_step(here[1], shift[1], s[n - 1], v[n - 1])
        size = _residual(g, b, weight)
        shrinking = size < 0.5 * best
        if size < best:
            best = size
            _keep(g, b, best_g, best_b)
            _keep(here, shift, frames, shifts)
        # What goes by way of a fast element, as the equilibrium may, shows after the first order.
        if not shrinking and (order + 1 >= LEAST_ROTATIONS or np.max(np.abs(s)) > SLIGHT):
            break
    info[0] = tolerance
    if best <= tolerance:
        info[0] = 2.0 * best
        _drop_far(best_g, best_b, far)
    if not _integrate(best_g, best_b, integral, tail, tolerance, out, info):
        return False
    _finish(out, turns, frames, shifts)
    return True


@inner()
def _finish(out, turns, frames, shifts):
    """Bring the affine map from the frames at both ends to the edge frames."""
    ends, offsets = np.zeros((2, 3, 3)), np.zeros((2, 3))
    for end in range(2):
        for i in range(3):
            for k in range(3):
                offsets[end, i] += turns[end, i, k] * shifts[end, k]
                for m in range(3):
                    ends[end, i, m] += turns[end, i, k] * frames[end, k, m]
    inner, shift = _split(out)
    inverse, moved = np.empty((3, 3)), np.empty((3, 3))
    _invert(ends[0], inverse)
    _sandwich(ends[1].T, inner, inverse, moved)
    for i in range(3):
        out[i, 3] = offsets[1, i]
        for k in range(3):
            out[i, k] = moved[i, k]
            out[i, 3] += ends[1, i, k] * shift[k] - moved[i, k] * offsets[0, k]


@entry()
def solve_panels(
    matrices,
    rates,
    laboratory,
    half_width,
    derivative,
    integral,
    tail,
    tolerance,
    out,
    info,
    status,
):
    """Solve every panel: affine Bloch maps (P, 3, 4) from H, eigenbasis rates and dissipators.

    `rates` (P, n, 4) holds Re κ, Im κ, Γ down, Γ up in the eigenbasis; `laboratory` (P, n, 3, 4),
    or (0, ...) if there is none, a dissipator in the original basis.
    """
    n = matrices.shape[1]
    d, cr, ci = np.empty(n), np.empty(n), np.empty(n)
    here = np.empty((n, 4))
    there = np.zeros((n, 3, 4))
    edges = np.empty((2, 3, 3))
    has_laboratory = laboratory.shape[0] > 0
    grid = (derivative, integral, tail)
    for p in range(matrices.shape[0]):
        h = half_width[p]
        for j in range(n):
            d[j] = 0.5 * h * (matrices[p, j, 0, 0].real - matrices[p, j, 1, 1].real)
            cr[j] = h * matrices[p, j, 0, 1].real
            ci[j] = h * matrices[p, j, 0, 1].imag
            for k in range(4):
                here[j, k] = h * rates[p, j, k]
                for i in range(3 if has_laboratory else 0):
                    there[j, i, k] = h * laboratory[p, j, i, k]
        # Of H as it is: times h, its smallest numbers would be others in the next panel.
        for k in range(2):
            _edge_frame(matrices[p, k * (n - 1)], edges[k])
        status[p] = _panel(
            d, cr, ci, edges, here, there, has_laboratory, grid, tolerance, out[p], info[p]
        )
