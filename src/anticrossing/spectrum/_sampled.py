"""Minima of gaps that are known on points: polynomials through the squares, and their errors."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.sampled import polynomial

_STENCILS = (3, 5, 7)  # points of the polynomials
_RIPPLE = 6.0  # standard deviations of a difference that are no depth
_SMOOTH = 0.15  # by which more points change less than fewer did


def nearest(
    x: FloatArray,
    gap: FloatArray,
    middle: FloatArray,
    j: int,
    noise: float,
    random: bool,
    broken: set[int],
) -> tuple[float, ...]:
    """Return position, gap and slopes with errors of the minimum near point j."""
    best, last, used, stride, noisy = None, np.inf, _STENCILS[0], 1, True
    while noisy and (stride == 1 or random):  # wider as long as it is scatter that counts
        found = _best(x, gap, j, stride, noise)
        if found is None:
            break
        noisy = found[3]
        if (open_ := _open(*found[:2])) < last:
            best, last, used = found[:2], open_, found[2]
        stride *= 2
    if best is None:  # a parabola at most: nothing tells how good it is
        least = float(gap[j])
        slope = float(np.sqrt(max(gap[j - 1], gap[j + 1]) ** 2 - least**2)) / (x[j + 1] - x[j - 1])
        best = (np.array([0.0, least**2, slope**2]), np.array([np.inf, np.inf, np.inf]))
    (at, square, slope_square), (at_error, square_error, slope_error) = best
    value, slope = np.sqrt(max(square, 0.0)), np.sqrt(max(slope_square, 0.0))
    value_error = np.sqrt(max(square, 0.0) + square_error) - value
    value_error = max(value_error, value - np.sqrt(max(square - square_error, 0.0)))
    if slope > 0:
        slope_error = slope_error / (2 * slope)
    first = min(max(j - 2, 0), x.size - 5)
    means = polynomial(x[first : first + 5] - x[j], middle[first : first + 5])
    powers = at ** np.arange(5)
    mean_slope = float(np.arange(1, 5) * means[1:] @ powers[:4])
    reach = used // 2 + 1
    jumped = any(j - reach <= k < j + reach for k in broken)
    return (
        x[j] + at, at_error, value, value_error, slope, slope_error, mean_slope,
        float(means @ powers), float(jumped),
    )  # fmt: skip


def _open(found: FloatArray, error: FloatArray) -> float:
    """Return the relative errors of g² and of the slope, from 0 to 1 each."""
    values = np.maximum(found[1:], 0.0)
    shares = error[1:] / np.where(values + error[1:] > 0, values + error[1:], 1.0)
    return float(shares.sum())


def minima(gap: FloatArray, noise: float) -> tuple[list[int], int]:
    """Return the minima of a gap, and how many ripples no deeper than its scatter there are."""
    inner = (gap[1:-1] < gap[:-2]) & (gap[1:-1] <= gap[2:])
    found = [int(j) for j in np.flatnonzero(inner) + 1]
    count, depth = len(found), _RIPPLE * np.sqrt(2.0) * noise
    kept = list[int]()
    for j in found:
        while kept and gap[kept[-1] : j + 1].max() - gap[[kept[-1], j]].max() < depth:
            if gap[kept[-1]] <= gap[j]:
                break
            kept.pop()
        else:
            kept.append(j)
    # One beside an end counts only if the gap rises on that side too.
    kept = [
        j for j in kept if min(gap[: j + 1].max(), gap[j:].max()) - gap[j] >= depth or depth == 0
    ]
    return kept, count - len(kept)


def _best(
    x: FloatArray, gap: FloatArray, j: int, stride: int, noise: float
) -> tuple[FloatArray, FloatArray, int, bool] | None:
    """Return what polynomials through every `stride`-th point agree on, its errors, their reach,
    and whether it is the scatter that counts in the errors.
    """
    best, before, last, changes = None, None, np.inf, list[FloatArray]()
    used, noisy = 0, False
    for count in _STENCILS:
        new = _through(x, gap, j, count, stride, noise)
        if new is None:
            break
        if before is not None:
            changes.append(np.abs(new[0] - before))
            size = changes[-1][1] + new[1][1]
            if best is None or size < last:
                best, last = (new[0], np.hypot(changes[-1], new[1])), size
                used, noisy = count, bool(new[1][1] > changes[-1][1])
        before = new[0]
    if best is None:
        return None
    reach = used * stride
    if len(changes) < 2 or np.any(changes[1] > _SMOOTH * changes[0]):
        # More points do not help as they do where Z² is smooth: what would half of them tell?
        other = _through(x, gap, j, used, 2 * stride, noise)
        apart = 2 * sum(changes) if other is None else np.abs(other[0] - best[0])
        best, reach = (best[0], np.maximum(best[1], apart)), 2 * reach
    return (*best, reach, noisy)


def _through(
    x: FloatArray, gap: FloatArray, j: int, count: int, stride: int, noise: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return what `_minimum` does for `count` points about j, every one or every second."""
    reach = (count - 1) * stride
    first = min(max(j - reach // 2, 0), x.size - 1 - reach)
    if first < 0:
        return None
    here = np.arange(first, first + reach + 1, stride)
    low, high = max(j - stride, 0), min(j + stride, x.size - 1)
    return _minimum(x[here] - x[j], gap[here], (x[low] - x[j], x[high] - x[j]), noise)


def _minimum(
    x: FloatArray, gap: FloatArray, between: tuple[float, float], noise: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return (x₀, Z², (Z²)″/2) of the polynomial through Z², and what the noise does to them."""
    scale = float(np.abs(x).max())
    u = x / scale
    inverse = np.linalg.inv(u[:, None] ** np.arange(u.size))
    size = float((gap**2).max())
    if not 0 < size < np.inf:
        return None
    c = inverse @ (gap**2 / size)
    slope, bend = _slope(c), _slope(_slope(c))
    low, high = between[0] / scale, between[1] / scale
    roots = np.roots(slope[::-1]) if np.any(slope[1:]) else np.empty(0)
    real = roots.real[np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real))]
    inside = [r for r in real if low <= r <= high and np.polyval(bend[::-1], r) > 0]
    if not inside:
        return None
    at = min(inside, key=lambda r: float(np.polyval(c[::-1], r)))
    value = float(np.polyval(c[::-1], at))
    half_bend = float(np.polyval(bend[::-1], at)) / 2
    spread = 2 * gap * np.sqrt(2.0) * noise / size + 2 * noise**2 / size  # of Z²
    powers = at ** np.arange(u.size)
    order = np.arange(u.size)
    bends = np.concatenate([[0.0, 0.0], (order * (order - 1))[2:] * powers[:-2]]) / 2
    slopes = np.concatenate([[0.0], order[1:] * powers[:-1]])
    errors = [np.linalg.norm((weights @ inverse) * spread) for weights in (slopes, powers, bends)]
    found = np.array([at * scale, value * size, half_bend * size / scale**2])
    uncertain = np.array(
        [errors[0] / (2 * half_bend) * scale, errors[1] * size, errors[2] * size / scale**2]
    )
    return found, uncertain


def _slope(c: FloatArray) -> FloatArray:
    """Return the coefficients of the derivative of a polynomial."""
    return np.asarray(np.arange(1, c.size) * c[1:])
