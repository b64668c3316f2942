# mypy: allow-untyped-calls, allow-untyped-defs
"""Compiled step for panels of one driven level coupled to levels that do not couple to one another.

H = [[ε(t), Vᵀ], [V, diag(e)]] with e₁ < e₂ < …, V > 0: its eigenvalues λ lie between the poles of

    λ − ε − Σ_k V_k²/(λ − e_k) = 0,

one in each gap and one beyond either end; its eigenvectors are (1, V_k/(λ − e_k)) but for their
norm, positive in the first place at all times, so that no phase of them is left to be chosen.
Level j is sought as v_j + Σ_k i^k ψ_k, ψ_k real and orthogonal to v_j. With times in units of the
panel, H times its half width, and R the inverse of H − λ_j beside v_j,

    ψ_k = R w_k ,   w_1 = v_j′ = −ε′ v_j0 R e_0 ,   w_{k+1} = ψ_k′ + Σ_{l=2}^{k} m_l ψ_{k+1−l} ,

    m_l = w_1·ψ_{l−1} ;

w_k beside v_j is what order k − 1 still couples to other levels, and ∫(λ_j + Σ_l (−1)^{l/2} m_l)dt
over even l the phase. R takes a number of operations that grows with that of the levels alone.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner

MOST_ORDERS = 16
SOLVED, UNRESOLVED, COUPLED = 1, 0, -1
_MOST_STEPS = 40
_CONVERGED = 1e-9  # of a root: the next step squares it
_FALLING = 0.7  # of one order to the next
_ROUNDING = 4e-15  # of values at the nodes
# NaN may be lost in a largest value: no comparison holds of what is made from it.
_VECTOR = {"contract", "reassoc", "nnan", "nsz"}


@inner()
def _root(c, e, squares, pole, sign, limit, mu):
    """Return the distance to a pole of the root on one side of it, from a guess or 0.

    `c` is e_pole − ε; beyond `limit` another pole is nearer.
    """
    own = squares[pole]
    for _ in range(_MOST_STEPS):
        # The other terms as a straight line through their value: a quadratic equation is left.
        rest, slope = c, 1.0
        for k in range(e.size):
            if k != pole:
                inverse = 1.0 / (mu - (e[k] - e[pole]))
                rest -= squares[k] * inverse
                slope += squares[k] * inverse * inverse
        a = sign * (rest - (slope - 1.0) * mu)
        root = np.sqrt(a * a + 4.0 * slope * own)
        size = 2.0 * own / (a + root) if a > 0.0 else 0.5 * (root - a) / slope
        new = sign * min(size, limit)
        moved = abs(new - mu)
        mu = new
        if moved <= _CONVERGED * abs(mu):
            break
    return mu


@inner()
def _levels(epsilon, e, v, squares, at, energy, inverse, vectors, poles, guess, gaps):
    """Write eigenvalues and eigenvectors at a node `at`, 1/(λ_j − e_k), and least gaps.

    `poles` and `guess` are those of a node nearby, or pole −1.
    """
    m = e.size
    for j in range(m + 1):
        if j == 0:
            pole, sign, limit = 0, -1.0, np.inf
        elif j == m:
            pole, sign, limit = m - 1, 1.0, np.inf
        else:
            limit = 0.5 * (e[j] - e[j - 1])
            value = e[j - 1] - epsilon + limit
            for k in range(m):
                value -= squares[k] / (limit - (e[k] - e[j - 1]))
            pole, sign = (j - 1, 1.0) if value >= 0.0 else (j, -1.0)
        start = guess[j] if poles[j] == pole else 0.0
        mu = _root(e[pole] - epsilon, e, squares, pole, sign, limit, start)
        poles[j], guess[j] = pole, mu
        energy[j, at] = e[pole] + mu
        norm = 1.0
        for k in range(m):
            one = 1.0 / (mu - (e[k] - e[pole]))
            inverse[j, k, at] = one
            x = v[k] * one
            vectors[j, k + 1, at] = x
            norm += x * x
        norm = 1.0 / np.sqrt(norm)
        vectors[j, 0, at] = norm
        for k in range(m):
            vectors[j, k + 1, at] *= norm
        if j > 0:
            # On either side of a pole: a sum of positive distances.
            gap = 1.0 / inverse[j, j - 1, at] - 1.0 / inverse[j - 1, j - 1, at]
            gaps[j] = min(gaps[j], gap)
            gaps[j - 1] = min(gaps[j - 1], gap)


# Below, arrays run over the elements of one level's state, then over the nodes: (N, n). Loops over
# the nodes become vector code.
@inner(fastmath=_VECTOR)
def _pivot(vectors):
    """Return the element that is largest where it is least."""
    best, found = 0.0, 0
    for i in range(vectors.shape[0]):
        least = np.inf
        for k in range(vectors.shape[1]):
            size = abs(vectors[i, k])
            least = size if size < least else least
        if least > best:
            best, found = least, i
    return found


@inner(fastmath={"contract", "reassoc"})
def _beside(vectors, w, overlap):
    """Take the share of the eigenvectors out of w."""
    overlap[:] = 0.0
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            overlap[k] += vectors[i, k] * w[i, k]
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            w[i, k] -= overlap[k] * vectors[i, k]


@inner(fastmath={"contract", "reassoc"})
def _solve(v, inverse, vectors, pivot, factor, w, y, work):
    """Write y = factor · (H − λ)⁻¹ w beside the eigenvectors, to which w is orthogonal."""
    # One of the equations follows from the others: that of a large element, where y may be 0.
    m, n = inverse.shape
    first = y[0]
    first[:] = 0.0
    if pivot > 0:
        for i in range(m):
            if i + 1 != pivot:
                for k in range(n):
                    first[k] += v[i] * inverse[i, k] * w[i + 1, k]
        for k in range(n):
            own = v[pivot - 1]
            first[k] = -(w[0, k] + first[k]) / (own * own * inverse[pivot - 1, k])
    for i in range(m):
        for k in range(n):
            y[i + 1, k] = (v[i] * first[k] - w[i + 1, k]) * inverse[i, k]
    if pivot > 0:
        y[pivot, :] = 0.0
    _beside(vectors, y, work)
    for i in range(m + 1):
        for k in range(n):
            y[i, k] *= factor


@inner(fastmath={"contract", "reassoc"})
def _differentiate(transposed, y, slope):
    for i in range(y.shape[0]):
        row = slope[i]
        row[:] = 0.0
        for other in range(y.shape[1]):
            value = y[i, other]
            for k in range(y.shape[1]):
                row[k] += value * transposed[other, k]


@inner(fastmath=_VECTOR)
def _largest_tail(tail, values):
    largest = 0.0
    for row in range(tail.shape[0]):
        total = 0.0
        for k in range(values.size):
            total += tail[row, k] * values[k]
        largest = max(largest, abs(total))
    return largest


@inner(fastmath=_VECTOR)
def _largest(values):
    largest = 0.0
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            size = abs(values[i, k])
            largest = size if size > largest else largest
    return largest


@inner(fastmath={"contract", "reassoc"})
def _norm(w, work):
    """Return the largest norm of w at a node."""
    work[:] = 0.0
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            work[k] += w[i, k] * w[i, k]
    largest, total = 0.0, 0.0
    for k in range(w.shape[1]):
        largest = max(largest, work[k])
        total += work[k]
    return np.sqrt(largest) if total < np.inf else np.inf


@inner(fastmath={"contract", "reassoc"})
def _add(factor, y, w):
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            w[i, k] += factor[k] * y[i, k]


@inner(fastmath={"contract", "reassoc"})
def _overlap(x, y, total):
    total[:] = 0.0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            total[k] += x[i, k] * y[i, k]


@inner()
def _orders(
    slope, h, v, inverse, vectors, weight, transposed, tail, weights, tolerance, psi, w, start,
    mean, work, ends,
):  # fmt: skip
    """Follow one level order by order; write its state at both `ends` (2, N).

    Returns a status, the largest coupling that is left, and what the orders add to the phase.
    """
    size, n = vectors.shape
    pivot = _pivot(vectors)
    before, added = np.inf, 0.0
    for order in range(1, MOST_ORDERS + 1):
        if order == 1:
            w[:] = 0.0
            for k in range(n):
                w[0, k] = slope[k] * vectors[0, k]
            _beside(vectors, w, work)
            _solve(v, inverse, vectors, pivot, -1.0, w, start, work)
            for i in range(size):
                for k in range(n):
                    w[i, k] = start[i, k]
        else:
            previous = psi[order - 1]
            missed = 0.0
            for i in range(size):
                missed = max(missed, _largest_tail(tail, previous[i]))
            known = n * _ROUNDING * _largest(previous)
            if not weight * n * missed <= max(tolerance, known):
                return UNRESOLVED, before, 0.0
            _differentiate(transposed, previous, w)
            for part in range(2, order):
                _add(mean[part], psi[order - part], w)
            _beside(vectors, w, work)
        left = weight * _norm(w, work)
        if left <= tolerance:
            for end in range(2):
                k = 0 if end == 0 else n - 1
                for i in range(size):
                    total, factor = complex(vectors[i, k]), 1.0 + 0.0j
                    for part in range(1, order):
                        factor *= 1.0j
                        total += factor * psi[part, i, k]
                    ends[end, i] = total
            return SOLVED, left, added
        if not (left < np.inf and (order < 3 or left < _FALLING * before)):
            break
        before = left
        _solve(v, inverse, vectors, pivot, 1.0 / h, w, psi[order], work)
        _overlap(start, psi[order], mean[order + 1])
        if order % 2 == 1:
            sign = 1.0 if order % 4 == 3 else -1.0
            for k in range(n):
                added += sign * weights[k] * mean[order + 1, k]
    return COUPLED, before, 0.0


@entry()
def solve_panels(
    epsilon, e, v, half_width, transposed, weights, tail, tolerance, allowed,
    frames, theta, error, status,
):  # fmt: skip
    """Solve panels with ε (P, n) at the nodes, fixed levels `e` (m,) and couplings `v` (m,).

    Written are the levels' states (P, 2, N, N) at both ends of every panel in rows, orthogonal but
    not of norm 1; the phases (P, N); what is left coupled; and a status. `transposed` is the matrix
    that differentiates, and ε is `allowed` (P,) to be known no better.
    """
    panels, n = epsilon.shape
    m = e.size
    size = m + 1
    squares = v * v
    energy, inverse = np.empty((size, n)), np.empty((size, m, n))
    vectors, slopes = np.empty((size, size, n)), np.empty((1, n))
    poles, guess, gaps = np.empty(size, np.int64), np.empty(size), np.empty(size)
    psi, mean = np.empty((MOST_ORDERS + 1, size, n)), np.empty((MOST_ORDERS + 2, n))
    w, start, work = np.empty((size, n)), np.empty((size, n)), np.empty(n)
    for p in range(panels):
        h = half_width[p]
        status[p], error[p] = UNRESOLVED, np.inf
        own = epsilon[p : p + 1]
        _differentiate(transposed, own, slopes)
        largest = _largest(own)
        if not h * _largest_tail(tail, epsilon[p]) <= max(allowed[p], _ROUNDING * h * largest):
            continue
        poles[:] = -1
        gaps[:] = np.inf
        for k in range(n):
            _levels(epsilon[p, k], e, v, squares, k, energy, inverse, vectors, poles, guess, gaps)
        largest = max(_largest(energy[:1]), _largest(energy[m:]))
        found, worst = SOLVED, 0.0
        for j in range(size):
            if not h * _largest_tail(tail, energy[j]) <= max(tolerance, _ROUNDING * h * largest):
                found = UNRESOLVED
                break
            # Smooth coupling between levels that turn by Φ acts as its size over Φ.
            weight = min(1.0, n * n / max(2.0 * h * gaps[j], 1.0))
            found, left, added = _orders(
                slopes[0], h, v, inverse[j], vectors[j], weight, transposed, tail, weights,
                tolerance, psi, w, start, mean, work, frames[p, :, j],
            )  # fmt: skip
            if found != SOLVED:
                break
            worst = max(worst, left)
            for k in range(n):
                added += h * weights[k] * energy[j, k]
            theta[p, j] = added
        status[p] = found
        if found == SOLVED:
            error[p] = worst
