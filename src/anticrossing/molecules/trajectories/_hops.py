# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled pieces for hops: where to, and with what momentum."""

from __future__ import annotations

import numpy as np

from anticrossing.molecules.trajectories._electrons import (
    NOISE,
    adiabatic_force,
    element,
    square,
    uniform,
)
from anticrossing.molecules.trajectories._pointers import compiled, inlined, size
from anticrossing.molecules.trajectories._state import ACTIVE, SMOOTH

_HALVINGS = 50  # of a time step, to find where a polynomial is lowest
_OWN = 0.5  # least share of the mixing that makes a minimum of the gap one of two levels
_RESOLVED = 0.1  # |⟨j now|i before⟩|² of levels that do not simply pass through each other


@compiled
def continuation(overlap, level, n):
    """Return the level now that continues `level` of the step before."""
    best = level
    if 2.0 * square(overlap[level * n + level]) < 1.0:
        for j in range(n):
            if square(overlap[level * n + j]) > square(overlap[level * n + best]):
                best = j
    return best


@compiled
def fewest_switches(amplitudes, phases, before, overlap, level, now, draw, n):
    """Return the level after this step for one that was at `level` and is continued by `now`.

    The second is the share of the step before the hop, if there is one.

    With the propagator R of the step, c(t+dt) = R c(t), the population that s loses to j is
    b_sj = Re[c_j(t+dt) R_js* c_s(t)*] − Re[c_s(t+dt) R_sj* c_j(t)*]: antisymmetric, adding up to
    the whole loss of s, and 2 dt Re[c_s* c_j ẋ·d_sj] for a short step. The probability is the
    positive part of b_sj/|c_s(t)|², finite for crossings of any width. Where levels have changed
    places, so do their names after the step: what is only passed through gains and loses nothing.
    """
    population = square(before[level])
    if n == 2:
        lost = population - square(amplitudes[now])
        hops = draw * population < lost
        return (1 - now, draw * population / lost) if hops else (now, 1.0)
    total = 0.0
    own = amplitudes[now] * np.conj(phases[now])
    for j in range(n):
        if j != level:
            new = level if j == now else j
            other = amplitudes[new] * np.conj(phases[new])
            out = (overlap[level * n + new] * other * np.conj(before[level])).real
            back = (overlap[j * n + now] * own * np.conj(before[j])).real
            chance = max(0.0, out - back)
            total += chance
            if draw * population < total:
                return new, 1.0 - (total - draw * population) / chance
    return now, 1.0


@inlined
def set_rates(one, model):
    """Set dE/dt of all levels at this point."""
    n, f = size(model.states), size(model.coordinates)
    for j in range(n):
        adiabatic_force(one.vectors, j, one.slopes, model, one.weights, one.scratch, one.direction)
        total = 0.0
        for a in range(f):
            total -= one.direction[a] * one.v[a]
        one.rates[j] = total


@compiled
def follow_levels(one, n):
    """Move the past of all levels to the places that continue them; set the active level so too.

    From then on a row of `energies` and `rates` is one state, now and before, whatever levels
    have passed through each other in a step that does not resolve it.
    """
    energies, rates = one.energies, one.rates
    passed = False
    for a in range(n):
        rates[2 * n + a] = rates[n + a]
        rates[n + a] = rates[a]
        passed |= 2.0 * square(one.overlap[a * n + a]) < 1.0
    if not passed:
        return
    middle, first = one.phases, one.before  # Landau–Zener hopping has no other use for them
    for a in range(n):
        middle[a] = complex(energies[n + a], rates[n + a])
        first[a] = complex(energies[2 * n + a], rates[2 * n + a])
        for b in range(n):
            one.scratch[a * n + b] = square(one.overlap[a * n + b])
    active = one.whole[ACTIVE]
    for _ in range(n):  # the largest overlaps first, each level once
        best, old, new = -1.0, 0, 0
        for a in range(n):
            for b in range(n):
                if one.scratch[a * n + b].real > best:
                    best, old, new = one.scratch[a * n + b].real, a, b
        for a in range(n):
            one.scratch[old * n + a] = -2.0
            one.scratch[a * n + new] = -2.0
        energies[n + new], rates[n + new] = middle[old].real, middle[old].imag
        energies[2 * n + new], rates[2 * n + new] = first[old].real, first[old].imag
        if old == active:
            one.whole[ACTIVE] = new


@inlined
def landau_zener_target(one, model, dt, before):
    """Draw the level after the gaps to other levels had minima; return also if there was a choice.

    The state begins on the level that continues its own, `before` of one step ago. A level that
    it has passed through it keeps clear of with the probability of Belyaev and Lebedev, one that
    came near without that it changes to with this probability.
    """
    n, level = size(model.states), one.whole[ACTIVE]
    set_rates(one, model)
    one.whole[SMOOTH] += 1
    draw, done, last = 2.0, -0.5, -1
    while True:
        first, target, diabatic, passed = 2.0, -1, 0.0, False
        for other in range(n):
            if other != level:
                time, chance, crossed = _encounter(one, before, level, other, dt, n)
                later = time > done or (time == done and other > last)
                if later and time < first:
                    first, target, diabatic, passed = time, other, chance, crossed
        if target < 0:
            return level, draw <= 1.0
        done, last = first, target
        if passed and diabatic == 1.0:
            continue
        if draw > 1.0:
            draw = uniform(one.stream)
        if passed:
            if draw >= diabatic:
                return target, True
            draw /= diabatic
        else:
            if draw < diabatic:
                return target, True
            draw = (draw - diabatic) / (1.0 - diabatic)


@inlined
def _encounter(one, before, level, other, dt, n):
    """Return when in this step the gap was smallest, exp(−π/2 √(gap³/gap″)), if levels crossed."""
    # The time is −1 where there is nothing to decide. The formula is for a gap that the coupling of
    # the two levels keeps open, which also mixes them, by a known angle. Where third levels or a
    # turning point do so there is less mixing than that. Levels that cross count with their share
    # of the mixing, others only if it is at least one half. So a level meets the one state of a
    # degenerate group that it is coupled with, wherever the others lie, and no level that just
    # comes near.
    energies = one.energies
    behind = element(energies, n, other, n) < element(energies, n, level, n)
    crossed = behind != (element(energies, 0, other, n) < element(energies, 0, level, n))
    time, lowest, curvature = _lowest_gap(one, level, other, dt, n)
    if time < 0.0:
        # A turn of the states by more than 45° in a step that resolves it is no crossing yet.
        turned = crossed and square(one.overlap[before * n + other]) > _RESOLVED
        return (0.5 if turned and level != before else -1.0), 0.0, True
    mixed = square(one.overlap[before * n + other])
    gap, change = np.sqrt(lowest), np.sqrt(0.5 * curvature)
    angle = 0.5 * (np.arctan2(change * (1.0 - time), gap) + np.arctan2(change * time, gap))
    expected = np.cos(angle) ** 2 if crossed else np.sin(angle) ** 2
    share = mixed / expected if mixed < expected else 1.0
    if not (crossed or share >= _OWN):
        return -1.0, 0.0, False
    # gap³/gap″ = 2 gap⁴/(gap²)″
    exponent = lowest * dt * np.sqrt(2.0 / curvature) if lowest > 0.0 else 0.0
    return time, np.exp(-0.5 * np.pi * exponent * (share if crossed else 1.0)), crossed


@inlined
def _squared_gap(one, start, level, other, n):
    """Return gap² and its derivative, of the point that begins at `start` in the arrays."""
    high, low = element(one.energies, start, other, n), element(one.energies, start, level, n)
    gap = high - low
    if not gap * gap > n * n * NOISE * (high * high + low * low):
        gap = 0.0
    rate = element(one.rates, start, other, n) - element(one.rates, start, level, n)
    return gap * gap, 2.0 * gap * rate


@inlined
def _lowest_gap(one, level, other, dt, n):
    """Return t at the minimum of gap² in this step (−1: none), gap² there, its second derivative.

    With t in steps from the point before, gap² is p₃(t) + t²(t − 1)²[a + b(t + 1)]: p₃ takes
    values and derivatives of the last two points, a and b add the point before them
    unless the velocity jumped since. For linear diabats it is a parabola, for any step.
    """
    three = one.whole[SMOOTH] >= 3
    first, first_slope = _squared_gap(one, 2 * n, level, other, n)
    middle, slope = _squared_gap(one, n, level, other, n)
    last, last_slope = _squared_gap(one, 0, level, other, n)
    falls = slope < 0.0 or (slope == 0.0 and three and first_slope < 0.0)
    if one.whole[SMOOTH] < 2 or not falls or not last_slope > 0.0:
        return -1.0, 0.0, 1.0
    s0, s1, s2 = dt * first_slope, dt * slope, dt * last_slope
    c2 = 3.0 * (last - middle) - 2.0 * s1 - s2
    c3 = s1 + s2 - 2.0 * (last - middle)
    a, b = 0.0, 0.0
    if three:
        a = 0.25 * (first - (middle - s1 + c2 - c3))
        b = 0.25 * (s0 - (s1 - 2.0 * c2 + 3.0 * c3)) + 3.0 * a
    low, high, t = 0.0, 1.0, 1.0
    for _ in range(_HALVINGS):
        t = 0.5 * (low + high)
        u, du, w = (t * (t - 1.0)) ** 2, 2.0 * t * (t - 1.0) * (2.0 * t - 1.0), a + b * (t + 1.0)
        if s1 + t * (2.0 * c2 + 3.0 * c3 * t) + du * w + u * b < 0.0:
            low = t
        else:
            high = t
    u, du, w = (t * (t - 1.0)) ** 2, 2.0 * t * (t - 1.0) * (2.0 * t - 1.0), a + b * (t + 1.0)
    lowest = middle + t * (s1 + t * (c2 + t * c3)) + u * w
    curvature = 2.0 * c2 + 6.0 * c3 * t + (12.0 * t * (t - 1.0) + 2.0) * w + 2.0 * du * b
    lowest = max(0.0, lowest)
    low, high = element(one.energies, 0, level, n), element(one.energies, 0, other, n)
    noise = n * np.sqrt(NOISE * (low * low + high * high))
    if np.sqrt(max(middle, last)) - np.sqrt(lowest) <= noise:  # levels that are parallel
        return -1.0, 0.0, 1.0
    return t, lowest, curvature if curvature > 0.0 else s2 - s1


@compiled
def rescale(velocity, direction, model, needed, reflect):
    """Change the momentum along `direction` such that the kinetic energy falls by `needed`.

    Of the two changes that do so the smaller is made. Where none does, the momentum along the
    direction is turned around if `reflect`, and False returned.
    """
    masses = model.masses
    along, across = 0.0, 0.0
    for a in range(size(model.coordinates)):
        along += velocity[a] * direction[a]
        across += 0.5 * direction[a] * direction[a] / masses[a]
    root = along * along - 4.0 * across * needed
    allowed = across > 0.0 and root >= 0.0 and (along != 0.0 or root > 0.0)
    gamma = 0.0
    if allowed:
        length = np.sqrt(root)
        gamma = -2.0 * needed / (along + (length if along >= 0.0 else -length))
    elif reflect and across > 0.0:
        gamma = -along / across
    for a in range(size(model.coordinates)):
        velocity[a] += gamma * direction[a] / masses[a]
    return allowed
