"""Compiled passage of two levels: every lane from start to stop, without a call in between.

H(x(t)) comes as a tape of instructions. A lane's panels are tried in order of time, so that each
tells how wide the next may be: a panel is solved where the complex times at which the gap vanishes
lie outside an ellipse around it, and near the last panel's end the square of the gap is a parabola
in time, whose zeros are known. Refused panels are halved.
"""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import entry, inner
from anticrossing.dynamics._stacks import NOISE
from anticrossing.dynamics._tape import doubt, follow
from anticrossing.dynamics._two_level import REFUSED, WORK, _rotation, solve_panel

MOST_TRIED = 2**20
FEWEST_PARTS = 2  # of a window, or of an interval between two breakpoints
LARGEST_PHASE, LARGEST_KNOWN_PHASE = 1e100, 1e15
MANY_TRIED = 2**12  # after which a phase must be known
DONE, FAILED = 0, 1
# Of the width of panels, measured on linear sweeps of gap²/rate from 10⁻² to 10⁶ at three
# tolerances: too wide a guess costs a refused panel, too narrow a guess one more.
DIRECT_PHASE = 1.9  # half of the phase that 21 nodes follow to 10⁻¹²
LEAST_ACTION = 0.6  # of what it takes to have superadiabatic states, in units of −ln(tolerance)
ACTION_GAIN = 1.4  # by which coupling that is small already lets direct panels be wider
MARGIN = 8.0  # of the last coefficients
ROUNDED = 2.0**-52  # of a term, in the sum
MOST_LOOKS = 200_000  # at the end of a panel from a requested time: more are thinned out
NARROWER, WIDER = 0.8, 1.25  # after a refused panel, after an accepted one


@inner(fastmath={"contract", "reassoc"})
def _entries(h, outputs, parts, registers, d, cr, ci, m):
    """Write G = h H at the nodes from the coefficients of its terms; returns their sum."""
    n = d.size
    for j in range(n):
        d[j], cr[j], ci[j], m[j] = 0.0, 0.0, 0.0, 0.0
    for k in range(outputs.size):
        row = outputs[k]
        for part in range(4):
            factor = h * parts[k, part]
            if factor == 0.0:
                continue
            if part == 0:
                for j in range(n):
                    d[j] += factor * registers[row, j]
            elif part == 1:
                for j in range(n):
                    cr[j] += factor * registers[row, j]
            elif part == 2:
                for j in range(n):
                    ci[j] += factor * registers[row, j]
            else:
                for j in range(n):
                    m[j] += factor * registers[row, j]
    total = 0.0
    for j in range(n):
        total += abs(d[j]) + abs(cr[j]) + abs(ci[j]) + abs(m[j])
    return total


@inner()
def _noise(h, code, registers, outputs, parts, errors, found):
    """Write what rounding leaves unknown of d and c, and of m, where on the panel it is least.

    `found` also takes what is unknown of d and c at the panel's left end, and at its right end.
    """
    n = registers.shape[1]
    found[0], found[1] = np.inf, np.inf
    for node in (0, n // 2, n - 1):
        doubt(code, registers, node, errors)
        along, real, imaginary, common = 0.0, 0.0, 0.0, 0.0
        for k in range(outputs.size):
            own = h * (errors[outputs[k]] + ROUNDED * abs(registers[outputs[k], node]))
            along += abs(parts[k, 0]) * own
            real += abs(parts[k, 1]) * own
            imaginary += abs(parts[k, 2]) * own
            common += abs(parts[k, 3]) * own
        unknown = NOISE * max(along, max(real, imaginary))
        if node == 0:
            found[2] = unknown
        found[0], found[1], found[3] = (
            min(found[0], unknown),
            min(found[1], NOISE * common),
            unknown,
        )


@inner()
def _angle(unknown, square):
    """Return how well eigenvectors are known; without a gap there is nothing to know."""
    return min(unknown / (2.0 * np.sqrt(square)), 1.0) if square > 0.0 else 0.0


@inner()
def _copy_matrix(source, out):
    for i in range(2):
        for k in range(2):
            out[i, k] = source[i, k]


@inner()
def _longer(pieces, ends):
    """Return copies with as many free rows behind them."""
    count = ends.shape[0]
    more_pieces = np.empty((2 * count, 2, 2), dtype=np.complex128)
    more_ends = np.empty((2 * count, ends.shape[1]))
    for i in range(count):
        _copy_matrix(pieces[i], more_pieces[i])
        for k in range(ends.shape[1]):
            more_ends[i, k] = ends[i, k]
    return more_pieces, more_ends


@inner()
def _square(d, cr, ci, square):
    for j in range(d.size):
        square[j] = d[j] * d[j] + cr[j] * cr[j] + ci[j] * ci[j]


@inner(fastmath={"contract", "reassoc"})
def _parabola(square, slopes):
    """Return value, slope and curvature at an end of a panel."""
    first, second = 0.0, 0.0
    for j in range(square.size):
        first += slopes[0, j] * square[j]
        second += slopes[1, j] * square[j]
    return first, second


@inner()
def _width(value, first, second, h, tolerance, n):
    """Return how wide a panel may be whose left edge is where the last one ended.

    `value`, `first`, `second` are the square of half the gap there and its derivatives in units of
    the last half-width h.
    """
    # Where little phase is left up to the complex zeros no state is superadiabatic: the phase
    # of a panel is what its nodes can follow, (E h)ⁿ/n! < tolerance.
    reach = DIRECT_PHASE * (tolerance / 1e-12) ** (1.0 / (n - 1))
    energy = np.sqrt(value)
    direct = 2.0 * reach / energy if energy > 0.0 else np.inf
    for _ in range(2):
        beyond = value + direct * (first + 0.5 * direct * second)
        direct = 4.0 * reach / (energy + np.sqrt(max(beyond, 0.0)))
    determinant = first * first - 2.0 * value * second
    if second > 0.0 and determinant < 0.0:
        ahead, distance = -first / second, np.sqrt(2.0 * value / second)
        side = np.sqrt(-determinant) / second
    elif first != 0.0:
        # The nearer of two real zeros.
        root = np.sqrt(max(determinant, 0.0))
        ahead = -2.0 * value / (first + root if first > 0.0 else first - root)
        distance, side = abs(ahead), 0.0
    else:
        return np.inf
    action = energy * distance
    if action < LEAST_ACTION * -np.log(tolerance):
        return h * direct * np.exp(ACTION_GAIN * action / n)
    # How fast coefficients must fall: those of a direction that turns little are small at once.
    turn = max(min(side / distance, 1.0), 1e-6)
    rho = max((MARGIN * n * turn / max(tolerance, n * 2e-15)) ** (1.0 / (n - 1)), 1.2)
    s = rho + 1.0 / rho
    width = (4.0 * s * distance - 8.0 * ahead) / (s * s - 4.0)
    return h * max(width, direct)


@inner()
def _times_matrix(u, a, b, c, e, out):
    """Write out = u · [[a, b], [c, e]]."""
    for i in range(2):
        x, y = u[i, 0], u[i, 1]
        out[i, 0], out[i, 1] = x * a + y * c, x * b + y * e


@inner()
def _follow_by(u, product):
    """Multiply the product by u from the left."""
    for k in range(2):
        x, y = product[0, k], product[1, k]
        product[0, k] = u[0, 0] * x + u[0, 1] * y
        product[1, k] = u[1, 0] * x + u[1, 1] * y


@inner()
def _nearer_unitary(u):
    """Take one Newton–Schulz step towards the nearest unitary matrix; returns the defect before."""
    a, b, c, e = u[0, 0], u[0, 1], u[1, 0], u[1, 1]
    aa = (np.conj(a) * a + np.conj(c) * c).real
    ee = (np.conj(b) * b + np.conj(e) * e).real
    ab = np.conj(a) * b + np.conj(c) * e
    ba = np.conj(ab)
    u[0, 0] = 1.5 * a - 0.5 * (a * aa + b * ba)
    u[0, 1] = 1.5 * b - 0.5 * (a * ab + b * ee)
    u[1, 0] = 1.5 * c - 0.5 * (c * aa + e * ba)
    u[1, 1] = 1.5 * e - 0.5 * (c * ab + e * ee)
    return max(abs(aa - 1.0), abs(ee - 1.0), abs(ab))


@inner()
def _interference(count, pieces, ends, columns, rows, rounding, after):
    """Return what the rounding of phases may do to |rows† U columns|², as `interference` says."""
    f00, f01, f10, f11 = (
        np.conj(rows[0, 0]), np.conj(rows[1, 0]), np.conj(rows[0, 1]), np.conj(rows[1, 1])
    )  # fmt: skip
    after[count - 1, 0, 0], after[count - 1, 0, 1] = f00, f01
    after[count - 1, 1, 0], after[count - 1, 1, 1] = f10, f11
    for k in range(count - 1, 0, -1):
        u = pieces[k]
        _times_matrix(after[k], u[0, 0], u[0, 1], u[1, 0], u[1, 1], after[k - 1])
    before, most = np.empty((2, 2), dtype=np.complex128), np.zeros((2, 2))
    _copy_matrix(columns, before)
    for k in range(count):
        _follow_by(pieces[k], before)
        # The eigenvectors at the panel's end, upper (a, b) and lower (−b*, a*).
        a, b = complex(ends[k, 2], 0.0), complex(ends[k, 3], ends[k, 4])
        turn = min(rounding * ends[k, 0], 2.0) + min(rounding * ends[k, 1], 2.0)
        for i in range(2):
            upper_in = a * before[0, i] + np.conj(b) * before[1, i]
            lower_in = a * before[1, i] - b * before[0, i]
            for f in range(2):
                upper_out = after[k, f, 0] * a + after[k, f, 1] * b
                lower_out = after[k, f, 1] * a - after[k, f, 0] * np.conj(b)
                upper, lower = upper_out * upper_in, lower_out * lower_in
                most[f, i] += 2.0 * turn * abs((np.conj(lower) * upper).imag)
    return max(most[0, 0], most[0, 1], most[1, 0], most[1, 1])


@entry()
def solve_lanes(
    lanes, start, stop, cuts, wanted, parameters, code, constant, numbers, outputs, parts,
    nodes, derivative, integral, weights, tail, slopes, tolerance, columns, rows, between, limits,
    propagator, snapshots, counts, info, status,
):  # fmt: skip
    """Follow lanes `lanes[0]` to `lanes[1]`; results in place.

    `cuts` (lanes, k) are times at which panels end, sorted, then NaN; `wanted` (lanes, K) those at
    which the propagator is noted, `between` (lanes, K, 2, 2) the states there; `limits` the numbers
    of `interference` and `panels`. `counts` takes panels and tried panels, `info` error, phase, and
    how well the eigenvectors at both ends are known.
    """
    n = nodes.size
    d, cr, ci, m = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    square = np.empty(n)
    work = np.empty((WORK, n))
    registers = np.empty((code.shape[0] + 1, n))
    out = np.empty((2, 2), dtype=np.complex128)
    errors = np.empty(code.shape[0] + 1)
    found, unknown = np.empty(2), np.empty(4)
    space = 64
    pieces = np.empty((space, 2, 2), dtype=np.complex128)
    after = np.empty((space, 2, 2), dtype=np.complex128)
    ends = np.empty((space, 5))
    reached = np.zeros(wanted.shape[1], dtype=np.int64)
    product = np.empty((2, 2), dtype=np.complex128)
    rounding, negligible, per_panel, largest_defect = limits[0], limits[1], limits[2], limits[3]
    for lane in range(lanes[0], lanes[1]):
        status[lane] = FAILED
        own = parameters[lane]
        follow(code, 0, constant, numbers, own, registers)
        count, tried, error, phase, noted, angles = 0, 0, 0.0, 0.0, 0, 0.0
        product[0, 0], product[0, 1], product[1, 0], product[1, 1] = 1.0, 0.0, 0.0, 1.0
        while noted < wanted.shape[1] and wanted[lane, noted] == start[lane]:
            _copy_matrix(product, snapshots[lane, noted])
            reached[noted] = 0
            noted += 1
        left, place, failed = start[lane], 0, False
        scale, known = 1.0, False
        value, first, second, h = 0.0, 0.0, 0.0, 0.0
        while left < stop[lane] and not failed:
            while place < cuts.shape[1] and cuts[lane, place] <= left:
                place += 1
            edge = stop[lane]
            if place < cuts.shape[1] and cuts[lane, place] < edge:
                edge = cuts[lane, place]
            span = edge - left
            width = span / FEWEST_PARTS
            # At the first panel, half of the way is looked at to know the parabola.
            for attempt in range(80):
                if known and attempt == 0:
                    width = scale * _width(value, first, second, h, tolerance, n)
                    # No sliver is left over.
                    if width >= 0.9 * span:
                        width = span
                    elif width > 0.5 * span:
                        width = 0.5 * span
                right = edge if width >= span else left + width
                if not left < right:
                    failed = True
                    break
                half = 0.5 * (right - left)
                middle = left + half
                if not left < middle < right:
                    failed = True
                    break
                for j in range(n):
                    registers[0, j] = middle + half * nodes[j]
                registers[0, 0], registers[0, n - 1] = left, right
                follow(code, constant, code.shape[0], numbers, own, registers)
                total = _entries(half, outputs, parts, registers, d, cr, ci, m)
                if not total < LARGEST_PHASE:
                    failed = True
                    break
                _square(d, cr, ci, square)
                if not known:
                    first, second = _parabola(square, slopes[:2])
                    value, h, known = square[0], half, True
                    width = min(_width(value, first, second, h, tolerance, n), span)
                    if width < 0.9 * (right - left):
                        if width > 0.5 * span:
                            width = 0.5 * span
                        continue
                # Everything that is wanted of the panel's end before it is overwritten.
                top, bottom = 0.0, 0.0
                for j in range(0, n, n // 2):
                    root = np.sqrt(square[j])
                    top = max(top, abs(m[j] + root))
                    bottom = max(bottom, abs(m[j] - root))
                dn, rn, im = d[n - 1], cr[n - 1], ci[n - 1]
                tried += 1
                _noise(half, code, registers, outputs, parts, errors, unknown)
                solved = solve_panel(
                    d, cr, ci, m, unknown[0], unknown[1], derivative, integral, weights, tail,
                    tolerance, work, out, found,
                )  # fmt: skip
                if solved != REFUSED:
                    break
                scale *= NARROWER
                width = half
            else:
                failed = True
            hopeless = tried > MANY_TRIED and phase > LARGEST_KNOWN_PHASE
            if failed or hopeless or tried > MOST_TRIED:
                failed = True
                break
            if count == space:
                space *= 2
                pieces, ends = _longer(pieces, ends)
                after = np.empty((space, 2, 2), dtype=np.complex128)
            _copy_matrix(out, pieces[count])
            _, ends[count, 2], ends[count, 3], ends[count, 4] = _rotation(dn, rn, -im)
            ends[count, 0], ends[count, 1] = 2.0 * top, 2.0 * bottom
            error += found[0]
            phase += found[1]
            count += 1
            if count == 1:
                angles = _angle(unknown[2], square[0])
            if right == stop[lane]:
                angles += _angle(unknown[3], square[n - 1])
            _follow_by(out, product)
            while noted < wanted.shape[1] and wanted[lane, noted] <= right:
                _copy_matrix(product, snapshots[lane, noted])
                reached[noted] = count
                noted += 1
            first, second = _parabola(square, slopes[2:])
            value, h = square[n - 1], half
            left = right
            scale = min(1.0, WIDER * scale)
        if failed:
            continue
        defect = _nearer_unitary(product)
        for k in range(wanted.shape[1]):
            defect = max(defect, _nearer_unitary(snapshots[lane, k]))
        if not defect <= largest_defect:
            continue
        _copy_matrix(product, propagator[lane])
        error += defect + per_panel * count
        bound = min(2.0 * rounding * phase, 1.0)
        if bound > negligible * error:
            most = _interference(count, pieces, ends, columns[lane], rows[lane], rounding, after)
            # What interferes at a requested time may have nothing to interfere with at the end.
            step = 1 + wanted.shape[1] * count // MOST_LOOKS
            for k in range(wanted.shape[1] - 1, -1, -step):
                if reached[k] > 0:
                    here = _interference(
                        reached[k], pieces, ends, columns[lane], between[lane, k], rounding, after
                    )
                    most = max(most, here)
            bound = min(bound, most)
        counts[lane, 0], counts[lane, 1] = count, tried
        info[lane, 0], info[lane, 1], info[lane, 2] = error + bound, phase, angles
        status[lane] = DONE
