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

import numba
import numpy as np

MOST_ROTATIONS = 14
MOST_PICARD = 60

ACCEPTED_PHASES = 1
ACCEPTED_PICARD = 2
REFUSED = 0


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _tail_size(tail, f):
    largest = 0.0
    for row in range(tail.shape[0]):
        total = 0.0j
        for j in range(f.size):
            total += tail[row, j] * f[j]
        largest = max(largest, abs(total))
    return largest


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _multiply(matrix, f, out):
    for i in range(f.size):
        total = 0.0j
        for j in range(f.size):
            total += matrix[i, j] * f[j]
        out[i] = total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _rotation(d, c):
    """Return E and (q, s) of the rotation that diagonalises [[d, c], [c*, −d]] to (E, −E)."""
    size = abs(c)
    energy = np.hypot(d, size)
    if energy == 0.0 or size == 0.0:
        if d >= 0.0:
            return energy, 1.0, 0.0j
        return energy, 0.0, 1.0 + 0.0j
    if d >= 0.0:
        q = np.sqrt(0.5 * (energy + d) / energy)
        return energy, q, c / (2.0 * energy * q)
    sine = np.sqrt(0.5 * (energy - d) / energy)
    return energy, size / (2.0 * energy * sine), c / size * sine


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _compose(first, q, s):
    """Return the rotation `first` followed on the right by (q, s), as a full 2×2 matrix."""
    out = np.empty((2, 2), dtype=np.complex128)
    for row in range(2):
        out[row, 0] = first[row, 0] * q + first[row, 1] * np.conj(s)
        out[row, 1] = -first[row, 0] * s + first[row, 1] * q
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _panel(d, c, m, derivative, integral, weights, tail, tolerance, out, info):
    """Solve one panel in place; d, c, m are overwritten. Returns the status."""
    n = d.size
    middle = n // 2
    rounding = 4e-15

    # Constant frame: the eigenvectors at the middle node.
    _, q0, s0 = _rotation(d[middle], c[middle])
    identity = np.eye(2).astype(np.complex128)
    left = _compose(identity, q0, s0)
    right = left.copy()
    largest = 0.0
    for j in range(n):
        d_new = d[j] * (q0 * q0 - abs(s0) ** 2) + 2.0 * q0 * (c[j] * np.conj(s0)).real
        c[j] = -2.0 * d[j] * q0 * s0 + c[j] * q0 * q0 - np.conj(c[j]) * s0 * s0
        d[j] = d_new
        largest = max(largest, abs(d_new), abs(c[j]), abs(m[j]))
    resolved = max(tolerance, rounding * largest)
    d_complex = d.astype(np.complex128)
    if (
        _tail_size(tail, d_complex) > resolved
        or _tail_size(tail, c) > resolved
        or _tail_size(tail, m.astype(np.complex128)) > resolved
    ):
        return REFUSED

    best = 0.0
    for j in range(n):
        best = max(best, abs(c[j]))
    best_d, best_c = d.copy(), c.copy()
    q = np.empty(n, dtype=np.complex128)
    s = np.empty(n, dtype=np.complex128)
    dq = np.empty(n, dtype=np.complex128)
    ds = np.empty(n, dtype=np.complex128)
    energy = np.empty(n)
    best_left, best_right = left, right
    for _ in range(MOST_ROTATIONS):
        if best <= tolerance:
            break
        usable = True
        for j in range(n):
            energy[j], qj, s[j] = _rotation(d[j], c[j])
            q[j] = qj
            # Past 120° on the Bloch sphere from the middle frame, halve rather than rotate.
            if d[j] <= -0.5 * energy[j]:
                usable = False
        if not usable:
            break
        _multiply(derivative, s, ds)
        _multiply(derivative, q, dq)
        # An unresolved rotation angle would make s′ wrong by about n times its last coefficients.
        if n * _tail_size(tail, s) > max(tolerance, n * 2e-15):
            break
        size = 0.0
        for j in range(n):
            d[j] = energy[j] + (s[j] * np.conj(ds[j])).imag
            c[j] = 1j * (q[j] * ds[j] - s[j] * dq[j])
            size = max(size, abs(c[j]))
        left = _compose(left, q[0].real, s[0])
        right = _compose(right, q[n - 1].real, s[n - 1])
        if size < best:
            shrinking = size < 0.5 * best
            best = size
            best_d[:] = d
            best_c[:] = c
            best_left, best_right = left, right
            if not shrinking:
                break
        else:
            break

    mean = 0.0
    phase = 0.0
    for j in range(n):
        mean += weights[j] * m[j]
        phase += weights[j] * best_d[j]
    a = 1.0 + 0.0j
    b = 0.0j
    status = ACCEPTED_PHASES
    error = 2.0 * best
    if best > tolerance:
        # b′ = −i K* a, a′ = −i K b with K = c e^{2iθ}, θ = ∫d.
        theta = np.zeros(n)
        spread = 0.0
        for i in range(n):
            total = 0.0
            for j in range(n):
                total += integral[i, j] * best_d[j]
            theta[i] = total
            spread = max(spread, abs(total))
        if spread > 1.5 * n:
            return REFUSED
        kernel = np.empty(n, dtype=np.complex128)
        for j in range(n):
            kernel[j] = best_c[j] * np.exp(2j * theta[j])
        if _tail_size(tail, kernel) > tolerance:
            return REFUSED
        va = np.ones(n, dtype=np.complex128)
        vb = np.zeros(n, dtype=np.complex128)
        work = np.empty(n, dtype=np.complex128)
        new = np.empty(n, dtype=np.complex128)
        converged = False
        for _ in range(MOST_PICARD):
            for j in range(n):
                work[j] = -1j * np.conj(kernel[j]) * va[j]
            _multiply(integral, work, vb)
            for j in range(n):
                work[j] = -1j * kernel[j] * vb[j]
            _multiply(integral, work, new)
            change = 0.0
            for j in range(n):
                change = max(change, abs(1.0 + new[j] - va[j]))
                va[j] = 1.0 + new[j]
            if change < 0.1 * tolerance:
                converged = True
                break
        if not converged or max(_tail_size(tail, va), _tail_size(tail, vb)) > tolerance:
            return REFUSED
        a, b = va[n - 1], vb[n - 1]
        size = np.sqrt(abs(a) ** 2 + abs(b) ** 2)
        a, b = a / size, b / size
        status = ACCEPTED_PICARD
        error = tolerance

    plus, minus = np.exp(-1j * (mean + phase)), np.exp(-1j * (mean - phase))
    # out = right · diag(plus, minus) · [[a, −b*], [b, a*]] · left†
    y00, y01 = plus * a, -plus * np.conj(b)
    y10, y11 = minus * b, minus * np.conj(a)
    for row in range(2):
        z0 = best_right[row, 0] * y00 + best_right[row, 1] * y10
        z1 = best_right[row, 0] * y01 + best_right[row, 1] * y11
        for column in range(2):
            out[row, column] = z0 * np.conj(best_left[column, 0]) + z1 * np.conj(
                best_left[column, 1]
            )
    info[0] = error
    info[1] = abs(mean) + abs(phase)
    return status


@numba.njit(cache=True, nogil=True, error_model="numpy")
def solve_panels(
    matrices, half_width, derivative, integral, weights, tail, tolerance, out, info, status
):
    """Solve every panel: `matrices` (P, n, 2, 2) complex, `half_width` (P,), results in place."""
    n = matrices.shape[1]
    d = np.empty(n)
    m = np.empty(n)
    c = np.empty(n, dtype=np.complex128)
    for p in range(matrices.shape[0]):
        h = half_width[p]
        for j in range(n):
            d[j] = 0.5 * h * (matrices[p, j, 0, 0].real - matrices[p, j, 1, 1].real)
            m[j] = 0.5 * h * (matrices[p, j, 0, 0].real + matrices[p, j, 1, 1].real)
            c[j] = h * matrices[p, j, 0, 1]
        status[p] = _panel(d, c, m, derivative, integral, weights, tail, tolerance, out[p], info[p])
