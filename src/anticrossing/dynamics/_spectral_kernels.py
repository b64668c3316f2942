"""The groups of a generator of four coordinates, of two levels, taken apart in compiled code.

What `_spectral.separate` does with stacks of any size: at four coordinates its calls of NumPy would
take most of the time. Couplings between groups come from Sylvester's equation of two blocks, at
most four numbers, which exceptional points within a group do not trouble.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

SIZE = 4


@inner()
def _solve(matrix, vector, size):
    """Solve a small linear system in place; rows that vanish leave infinities."""
    for k in range(size):
        pivot, largest = k, -1.0
        for i in range(k, size):
            length = matrix[i, k].real ** 2 + matrix[i, k].imag ** 2
            if length > largest:
                pivot, largest = i, length
        for j in range(k, size):
            matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        vector[k], vector[pivot] = vector[pivot], vector[k]
        for i in range(k + 1, size):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, size):
                matrix[i, j] -= factor * matrix[k, j]
            vector[i] -= factor * vector[k]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            vector[i] -= matrix[i, j] * vector[j]
        vector[i] /= matrix[i, i]


@inner()
def _between_groups(g, first, s, matrix, vector):
    """Write the s that removes the couplings between groups to first order: gs − sg = −g there."""
    d = first.size
    members = np.empty((2, d), np.int64)
    for i in range(d):
        for j in range(d):
            s[i, j] = 0.0
    for a in range(d):
        for b in range(d):
            if first[a] != a or first[b] != b or a == b:
                continue
            rows, columns = 0, 0
            for i in range(d):
                if first[i] == a:
                    members[0, rows] = i
                    rows += 1
                elif first[i] == b:
                    members[1, columns] = i
                    columns += 1
            for k in range(rows * columns):
                i, j = members[0, k // columns], members[1, k % columns]
                vector[k] = -g[i, j]
                for m in range(rows * columns):
                    i_from, j_from = members[0, m // columns], members[1, m % columns]
                    value = 0.0j
                    if j == j_from:
                        value += g[i, i_from]
                    if i == i_from:
                        value -= g[j_from, j]
                    matrix[k, m] = value
            _solve(matrix, vector, rows * columns)
            for k in range(rows * columns):
                s[members[0, k // columns], members[1, k % columns]] = vector[k]


@inner()
def _definite(block, size):
    """Whether a Hermitian matrix is positive definite: Cholesky's factor, in place."""
    for k in range(size):
        pivot = block[k, k].real
        if not pivot > 0.0:
            return False
        for i in range(k + 1, size):
            factor = block[i, k] / pivot
            for j in range(k + 1, i + 1):
                block[i, j] -= factor * block[j, k].conjugate()
    return True


@inner()
def _gone(g, weights, dead_exponent, gone):
    """Tell which coordinates are certain to decay to nothing on the panel, as `surviving` does."""
    d = gone.size
    n = weights.size
    growth, candidate = np.empty((n, d)), np.empty(d, np.bool_)
    some = False
    for i in range(d):
        total = 0.0
        for k in range(n):
            total += weights[k] * g[k, i, i].real
        candidate[i] = gone[i] = total < -dead_exponent
        some = some or candidate[i]
    if not some:
        return
    for step in range(5):
        for k in range(n):
            for i in range(d):
                growth[k, i] = g[k, i, i].real
                for j in range(d):
                    if gone[j] and j != i:
                        growth[k, i] += abs(g[k, i, j])
        if step == 4:
            break
        for i in range(d):
            total = 0.0
            for k in range(n):
                total += weights[k] * growth[k, i]
            gone[i] = gone[i] and total < -dead_exponent
    total = 0.0
    for k in range(n):
        largest = -1e300
        for i in range(d):
            if gone[i]:
                largest = max(largest, growth[k, i])
        total += weights[k] * largest
    same = True
    for i in range(d):
        gone[i] = gone[i] and total < -dead_exponent
        same = same and gone[i] == candidate[i]
    if same:
        return
    block = np.empty((d, d), np.complex128)
    for k in range(0, n, n // 4):
        size = 0
        for i in range(d):
            if candidate[i]:
                other = 0
                for j in range(d):
                    if candidate[j]:
                        block[size, other] = -(g[k, i, j] + g[k, j, i].conjugate())
                        other += 1
                block[size, size] -= dead_exponent
                size += 1
        if not _definite(block, size):
            return
    for i in range(d):
        gone[i] = candidate[i]


@inner()
def _smoothed(s, to_coefficients, from_coefficients, slope, half, change, coefficients):
    """Write s/2 and s′ at the nodes, of s smoothed as `half_and_slope` does; s is overwritten."""
    d = s.shape[-1]
    # Every shift of the origin, a number of the first column, is smoothed on its own.
    n = s.shape[0]
    flat, wave = s.view(np.float64).reshape(n, 2 * d * d), coefficients
    for k in range(n):
        for e in range(2 * d * d):
            wave[k, e] = 0.0
        for m in range(n):
            for e in range(2 * d * d):
                wave[k, e] += to_coefficients[k, m] * flat[m, e]
    envelope = np.zeros((n, d + 1))
    for k in range(n):
        for e in range(d * d):
            length = np.sqrt(wave[k, 2 * e] ** 2 + wave[k, 2 * e + 1] ** 2)
            envelope[k, d] = max(envelope[k, d], length)
            if e % d == 0:
                envelope[k, e // d] = length
    kept = np.empty(d + 1, np.int64)
    for c in range(d + 1):
        noise = 4 * max(envelope[n - 1, c], envelope[n - 2, c], envelope[n - 3, c])
        kept[c] = 0
        for k in range(n):
            if envelope[k, c] > noise:
                kept[c] = k + 1
    longest = 0
    for c in range(d + 1):
        longest = max(longest, kept[c])
    for e in range(2 * d * d):
        cut = kept[d] if (e // 2) % d else kept[e // (2 * d)]
        for k in range(cut, longest):
            wave[k, e] = 0.0
    half_flat = half.view(np.float64).reshape(n, 2 * d * d)
    change_flat = change.view(np.float64).reshape(n, 2 * d * d)
    for k in range(n):
        for e in range(2 * d * d):
            half_flat[k, e] = change_flat[k, e] = 0.0
        for m in range(longest):
            for e in range(2 * d * d):
                half_flat[k, e] += 0.5 * from_coefficients[k, m] * wave[m, e]
                change_flat[k, e] += slope[k, m] * wave[m, e]


@inner()
def _inverse(matrix, out):
    """Write the inverse of a matrix, which is overwritten, by elimination with row exchanges."""
    d = out.shape[0]
    for i in range(d):
        for j in range(d):
            out[i, j] = 1.0 if i == j else 0.0
    for k in range(d):
        pivot, largest = k, -1.0
        for i in range(k, d):
            length = matrix[i, k].real ** 2 + matrix[i, k].imag ** 2
            if length > largest:
                pivot, largest = i, length
        if pivot != k:
            for j in range(d):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
                out[k, j], out[pivot, j] = out[pivot, j], out[k, j]
        factor = 1.0 / matrix[k, k]
        for j in range(d):
            matrix[k, j] *= factor
            out[k, j] *= factor
        for i in range(d):
            if i != k:
                factor = matrix[i, k]
                for j in range(d):
                    matrix[i, j] -= factor * matrix[k, j]
                    out[i, j] -= factor * out[k, j]


@inner()
def _copy(source, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = source[i, j]


@inner()
def _product(a, b, out):
    d = out.shape[0]
    for i in range(d):
        for j in range(d):
            total = 0.0j
            for k in range(d):
                total += a[i, k] * b[k, j]
            out[i, j] = total


@inner()
def _turned(g, half, slope, work, ends):
    """Overwrite g by q⁻¹gq − q⁻¹q′ at every node, and multiply q⁻¹ at the start, q at the end."""
    # With m = (1 − s/2)⁻¹ and p = (1 + s/2)⁻¹: q = 2m − 1, q⁻¹ = 2p − 1, q⁻¹q′ = p s′ m.
    n, d = g.shape[0], g.shape[-1]
    one, factors = work[0], work[1:7].reshape(2, 3, d, d)
    for k in range(n):
        for side in range(2):
            sign = 2.0 * side - 1.0
            for i in range(d):
                for j in range(d):
                    unit = 1.0 if i == j else 0.0
                    one[i, j] = unit - sign * half[k, i, j]
            _inverse(one, factors[1, 2 * side])
            for i in range(d):
                for j in range(d):
                    unit = 1.0 if i == j else 0.0
                    factors[0, 2 * side, i, j] = 2 * factors[1, 2 * side, i, j] - unit
        for i in range(d):
            for j in range(d):
                factors[0, 1, i, j], factors[1, 1, i, j] = g[k, i, j], slope[k, i, j]
        for part in range(2):
            _product(factors[part, 0], factors[part, 1], one)
            _product(one, factors[part, 2], factors[part, 1])
        for i in range(d):
            for j in range(d):
                g[k, i, j] = factors[0, 1, i, j] - factors[1, 1, i, j] if i else 0.0j
        if k == 0:
            _product(factors[0, 0], ends[0], one)
            _copy(one, ends[0])
        if k == n - 1:
            _product(ends[1], factors[0, 2], one)
            _copy(one, ends[1])


@inner()
def _left(g, s, first, weight, gone):
    """Return the largest coupling between groups that tells, and the size of s but for shifts."""
    d = gone.size
    left, strongest = 0.0, 0.0
    rows, columns = np.empty(d), np.empty(d)
    for k in range(g.shape[0]):
        rows[:] = columns[:] = 0.0
        for i in range(d):
            for j in range(d):
                if first[i] == first[j]:
                    continue
                length = np.sqrt(s[k, i, j].real ** 2 + s[k, i, j].imag ** 2)
                if i and j:
                    rows[i] += length
                    columns[j] += length
                if not (gone[i] and gone[j]):
                    if weight[i, j] < 0:
                        size = -weight[i, j] * length
                    else:
                        size = weight[i, j] * np.sqrt(g[k, i, j].real ** 2 + g[k, i, j].imag ** 2)
                    if size > left or np.isnan(size):
                        left = size
        most = min(np.max(rows), np.max(columns))
        if most > strongest or np.isnan(most):
            strongest = most
    return left, strongest


@entry()
def separate_panels(
    g,
    left_inverse,
    right,
    first,
    weight,
    weights,
    to_coefficients,
    from_coefficients,
    slope,
    dead_exponent,
    strongest,
    orders,
    tolerance,
    best,
):
    """Remove what couples the groups of every panel order by order, and keep the best.

    `g` (P, n, 4, 4) and what the ends are reached by, (P, 4, 4), are overwritten, `best` (P) is
    what still couples. `first` (P, 4) names the first member of everyone's group; `weight`
    (P, 4, 4) weighs couplings of g, or with a minus sign those of s.
    """
    panels, n, d, _ = g.shape
    now = np.empty((n, d, d), np.complex128)
    s, half, change = np.empty_like(now), np.empty_like(now), np.empty_like(now)
    ends, work = np.empty((2, d, d), np.complex128), np.empty((7, d, d), np.complex128)
    coefficients = np.empty((n, 2 * d * d))
    vector, gone = np.empty(d, np.complex128), np.empty(d, np.bool_)
    for p in range(panels):
        for k in range(n):
            _copy(g[p, k], now[k])
        _copy(left_inverse[p], ends[0])
        _copy(right[p], ends[1])
        best[p] = np.inf
        for order in range(orders + 1):
            for k in range(n):
                _between_groups(now[k], first[p], s[k], work[0], vector)
            _gone(now, weights, dead_exponent, gone)
            left, size = _left(now, s, first[p], weight[p], gone)
            enough = left < 0.5 * best[p]
            if left < best[p]:
                best[p] = left
                for k in range(n):
                    _copy(now[k], g[p, k])
                _copy(ends[0], left_inverse[p])
                _copy(ends[1], right[p])
            if not (enough and size < strongest and left > tolerance) or order == orders:
                break
            for k in range(n):
                for j in range(d):
                    s[k, 0, j] = 0.0
            _smoothed(s, to_coefficients, from_coefficients, slope, half, change, coefficients)
            _turned(now, half, change, work, ends)
