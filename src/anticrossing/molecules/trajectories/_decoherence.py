# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled decoherence between hops: by energies, by the overlap of packets, by moments."""

from __future__ import annotations

import math

import numpy as np

from anticrossing.molecules.trajectories._electrons import (
    adiabatic_force,
    coupling_direction,
    element,
    square,
    uniform,
)
from anticrossing.molecules.trajectories._pointers import compiled, inlined, size
from anticrossing.molecules.trajectories._state import ACTIVE

_FRACTION = 12  # terms of the continued fraction below
_NOTHING = 1e-30  # a population that is rounding
_ROUNDING = 1e-15  # an overlap of two different levels that says nothing of its direction


@compiled
def _keep_norm(amplitudes, level, n):
    """Give what the other amplitudes have lost to the active one, whose phase stays."""
    others = 0.0
    for j in range(n):
        if j != level:
            others += square(amplitudes[j])
    own, left = square(amplitudes[level]), max(0.0, 1.0 - others)
    amplitudes[level] = amplitudes[level] * np.sqrt(left / own) if own > 0.0 else np.sqrt(left)


@compiled
def energy_based_decoherence(amplitudes, energies, level, kinetic, dt, constant, n):
    """Damp every amplitude but the active one with τ = (1 + C/E_kin)/|ΔE|."""
    for j in range(n):
        if j != level:
            gap = abs(energies[j] - element(energies, 0, level, n))
            amplitudes[j] *= np.exp(-dt * gap * kinetic / (kinetic + constant))
    _keep_norm(amplitudes, level, n)


@compiled
def overlap_rate(a, b):
    """Return the k for which e^(−2kt)(2 − e^(−2kt)) lasts as long as e^(−bt − at²) on average.

    That is 7/(12⟨t⟩) with ⟨t⟩ = [e^(−y²)/(√π erfc y) − y]/√a, y = b/2√a.
    """
    if not a > 0.0:
        return 0.0
    root = np.sqrt(a)
    y = 0.5 * b / root
    if y < 2.0:
        mean = np.exp(-y * y) / (np.sqrt(np.pi) * math.erfc(y)) - y
    else:  # the same without cancellation
        mean = y
        for k in range(_FRACTION, 1, -1):
            mean = y + 0.5 * k / mean
        mean = 0.5 / mean
    return 7.0 * root / (12.0 * mean)


@inlined
def _along(one, model, f):
    """Return v·d and Σ d²/2m of the direction d."""
    along, across = 0.0, 0.0
    for i in range(f):
        along += one.v[i] * one.direction[i]
        across += 0.5 * one.direction[i] * one.direction[i] * model.inverse_masses[i]
    return along, across


@compiled
def overlap_decoherence(one, model, options, dt):
    """Damp amplitudes as the packets lose their overlap that a hop would send apart.

    Levels whose Massey parameter |ẋ·⟨i|∂j⟩/ΔE| exceeds the threshold are coupled: there the
    amplitudes are left alone.
    """
    n, f, level = size(model.states), size(model.coordinates), one.whole[ACTIVE]
    direction, forces = one.direction, one.forces
    for j in range(n):
        if square(one.amplitudes[j]) < _NOTHING or j == level:
            continue
        gap = element(one.energies, 0, j, n) - element(one.energies, 0, level, n)
        coupling_direction(one.vectors, level, j, one.slopes, model, one.elements, direction)
        along, across = _along(one, model, f)
        turn = abs(along / gap)
        if turn > abs(gap) * options.decoherence_threshold:
            continue
        if options.along_velocity:
            for i in range(f):
                direction[i] = model.masses[i] * one.v[i]
            along, across = _along(one, model, f)
        elif turn * dt < _ROUNDING:  # nothing couples them, or will join them again
            one.amplitudes[j] = 0.0
            continue
        if not across > 0.0:  # at rest
            continue
        left = 1.0 - 4.0 * across * gap / (along * along) if along != 0.0 else -gap
        adiabatic_force(one.vectors, j, one.slopes, model, one.weights, one.scratch, forces)
        change = -along / across
        if left >= 0.0:
            change = 0.5 * along / across * (np.sqrt(left) - 1.0)
        a, b = 0.0, 0.0
        for i in range(f):
            force = forces[i] - one.force[i] if left >= 0.0 else 0.0
            momentum, stiffness = change * direction[i], model.stiffness[i]
            a += 0.5 * stiffness * (momentum * model.inverse_masses[i]) ** 2
            a += 0.5 * force * force / stiffness
            b += momentum * force / stiffness
        one.amplitudes[j] *= np.exp(-dt * overlap_rate(a, b))
    _keep_norm(one.amplitudes, level, n)


@inlined
def _carry_two(moments, place, overlap, old, now):
    """Return δ₀₀ − δ₁₁ and δ₀₁ of R δ R† for two states, c(t + dt) = R c(t)."""
    apart, mixed = moments[place].real - moments[place + 3].real, moments[place + 1]
    r00, r01 = np.conj(overlap[0]), np.conj(overlap[2]) * old
    r10, r11 = np.conj(overlap[1]) * now, np.conj(overlap[3]) * old * now
    gained = r00 * np.conj(r11) * mixed + r01 * np.conj(r10) * np.conj(mixed)
    turned = (square(r00) - square(r10)) * apart + 4.0 * (r00 * np.conj(r01) * mixed).real
    return turned, apart * (r00 * np.conj(r10)) + gained


@inlined
def _set_two(matrices, place, level, apart, mixed):
    """Store the matrix of two states with 0 for the active level."""
    matrices[place], matrices[place + 3] = (0.0, -apart) if level == 0 else (apart, 0.0)
    matrices[place + 1], matrices[place + 2] = mixed, np.conj(mixed)


@compiled
def _move_two(one, model, dt, f):
    """Advance the moments of two states, which need no matrices; their past turns along."""
    c, level, forces = one.amplitudes, one.whole[ACTIVE], one.mixed
    vectors, pairs, places = one.vectors, model.pairs, model.places
    for i in range(4 * f):
        forces[i] = 0.0
    polar = square(vectors[0]) - square(vectors[1])
    along, across = 4.0 * np.conj(vectors[0]) * vectors[2], np.conj(vectors[0]) * vectors[1]
    up, down = np.conj(vectors[0]) * vectors[3], np.conj(vectors[2]) * vectors[1]
    for slot in range(model.slots):
        k, place, slope = 3 * places[2 * slot], 4 * places[2 * slot + 1], one.slopes[slot]
        gap, mixed = pairs[k].real - pairs[k + 1].real, pairs[k + 2]
        forces[place] -= slope * (polar * gap + (along * mixed).real)
        forces[place + 1] -= slope * (across * gap + up * mixed + down * np.conj(mixed))
    other, sign = (square(c[1]), -1.0) if level == 0 else (square(c[0]), 1.0)
    coherence, norm = sign * c[0] * np.conj(c[1]), square(c[0]) + square(c[1])
    old, now = one.earlier_phases[1], one.phases[1]
    for a in range(f):
        apart, mixed = forces[4 * a].real, forces[4 * a + 1]
        _set_two(forces, 4 * a, level, apart, mixed)
        gap_p, mixed_p = _carry_two(one.moments_p, 4 * a, one.overlap, old, now)
        gap_p += dt * apart * other
        mixed_p += 0.5 * dt * (apart * coherence + mixed * norm)
        _set_two(one.moments_p, 4 * a, level, gap_p, mixed_p)
        gap_x, mixed_x = _carry_two(one.moments_x, 4 * a, one.overlap, old, now)
        share = dt * model.inverse_masses[a]
        _set_two(one.moments_x, 4 * a, level, gap_x + share * gap_p, mixed_x + share * mixed_p)


@inlined
def _turn(one, n):
    """Set U ← R U; then `half` to V U, and `before` to U† c."""
    turn, half, c = one.turn, one.half, one.amplitudes
    for j in range(n):
        for k in range(n):
            total = 0.0j
            for i in range(n):
                total += np.conj(one.overlap[i * n + j]) * (one.earlier_phases[i] * turn[i * n + k])
            half[j * n + k] = one.phases[j] * total
    for i in range(n * n):
        turn[i] = half[i]
    for k in range(n):
        one.before[k] = 0.0
        for j in range(n):
            one.before[k] += np.conj(turn[j * n + k]) * c[j]
        for row in range(n):
            half[row * n + k] = one.vectors[row * n] * turn[k]
            for j in range(1, n):
                half[row * n + k] += one.vectors[row * n + j] * turn[j * n + k]


@inlined
def _set_slopes(one, model, n, f):
    """Set `mixed` to ∂H."""
    entries = model.entries
    for i in range(f * n * n):
        one.mixed[i] = 0.0
    for slot in range(model.slots):
        term, a = model.places[2 * slot], model.places[2 * slot + 1]
        for e in range(model.first[term], model.first[term + 1]):
            row, column = entries[3 * e + 1], entries[3 * e + 2]
            one.mixed[(a * n + row) * n + column] += one.slopes[slot] * model.values[e]
    for place in range(0, f * n * n, n * n):
        for row in range(1, n):
            for column in range(row):
                one.mixed[place + row * n + column] = np.conj(one.mixed[place + column * n + row])


@compiled
def _move_many(one, model, dt, n, f):
    """Add to δP, then δP/m to δR, for a time step: ½(δF σ + σ δF), δF = F − F_λλ, F = −∂H.

    The moments are kept as U† δ U with all propagation U since they were last reset, so that
    nothing else moves them; a multiple of 1 is nowhere seen.
    """
    _turn(one, n)
    _set_slopes(one, model, n, f)
    half, c, psi, bent, pushed = one.half, one.before, n * n, n * n + n, n * n + 2 * n
    for row in range(n):
        half[psi + row] = half[row * n] * c[0]
        for k in range(1, n):
            half[psi + row] += half[row * n + k] * c[k]
    for a in range(f):
        place = a * n * n
        for row in range(n):
            total = one.mixed[place + row * n] * half[psi]
            for column in range(1, n):
                total += one.mixed[place + row * n + column] * half[psi + column]
            half[bent + row] = total
        for k in range(n):
            total = one.force[a] * c[k]
            for row in range(n):
                total += np.conj(half[row * n + k]) * half[bent + row]
            half[pushed + k] = -0.5 * dt * total
        for j in range(n):
            for k in range(n):
                jk, other = place + j * n + k, np.conj(half[pushed + k])
                one.moments_p[jk] += half[pushed + j] * np.conj(c[k]) + c[j] * other
        for jk in range(place, place + n * n):
            one.moments_x[jk] += dt * model.inverse_masses[a] * one.moments_p[jk]


@compiled
def _apart(one, n, f, level, j):
    """Return ½(F_jj − F_λλ)·δR and |F_λj·δR|, δR = δR_jj − δR_λλ and λ the active level."""
    apart, cross = 0.0, 0.0j
    if n == 2:
        for a in range(f):
            distance = one.moments_x[4 * a + 3 * j].real
            apart += 0.5 * one.mixed[4 * a + 3 * j].real * distance
            cross += one.mixed[4 * a + 1] * distance
        return apart, abs(cross)
    turn, vectors, weights, force = one.turn, one.vectors, one.half, n * n
    for i in range(n):
        for k in range(n):
            weight = turn[j * n + i] * np.conj(turn[j * n + k])
            weights[i * n + k] = weight - turn[level * n + i] * np.conj(turn[level * n + k])
            weights[force + i * n + k] = 0.0
    for place in range(0, f * n * n, n * n):
        distance = 0.0
        for ik in range(n * n):
            distance += (weights[ik] * one.moments_x[place + ik]).real
        for ik in range(n * n):
            slope = one.mixed[place + ik]
            weights[force + ik] -= complex(distance * slope.real, distance * slope.imag)
    for i in range(n):
        own, other = np.conj(vectors[i * n + level]), np.conj(vectors[i * n + j])
        for k in range(n):
            pull = weights[force + i * n + k]
            change = other * vectors[k * n + j] - own * vectors[k * n + level]
            apart += 0.5 * (change * pull).real
            cross += own * vectors[k * n + j] * pull
    return apart, abs(cross)


@compiled
def _reset(one, n, f, level, j):
    """Set row and column j of the moments to zero, relative to the active level; U becomes 1."""
    turn, half = one.turn, one.half
    for matrices in (one.moments_x, one.moments_p):
        for place in range(0, f * n * n, n * n):
            for r in range(n):
                for k in range(n):
                    half[r * n + k] = 0.0
                    for i in range(n):
                        half[r * n + k] += matrices[place + r * n + i] * np.conj(turn[k * n + i])
            for r in range(n):
                for k in range(n):
                    matrices[place + r * n + k] = 0.0
                    for i in range(n):
                        matrices[place + r * n + k] += turn[r * n + i] * half[i * n + k]
            own = matrices[place + level * n + level]
            for k in range(n):
                matrices[place + k * n + k] -= own
            for k in range(n):
                matrices[place + j * n + k] = 0.0
                matrices[place + k * n + j] = 0.0
    for i in range(n * n):
        turn[i] = 1.0 if i % (n + 1) == 0 else 0.0


@compiled
def _forget(one, n, f):
    """Set all moments to zero."""
    for i in range(f * n * n):
        one.moments_x[i] = 0.0
        one.moments_p[i] = 0.0
    for i in range(n * n):
        one.turn[i] = 1.0 if i % (n + 1) == 0 else 0.0


@compiled
def augmented_decoherence(one, model, dt, hopped):
    """Move the moments δR, δP of all states; collapse amplitudes, or reset moments, at random."""
    n, f, c, level = size(model.states), size(model.coordinates), one.amplitudes, one.whole[ACTIVE]
    if hopped:
        _forget(one, n, f)
        return
    if n == 2:
        _move_two(one, model, dt, f)
    else:
        _move_many(one, model, dt, n, f)
    for j in range(n):
        if j == level:
            continue
        apart, cross = _apart(one, n, f, level, j)
        draw = uniform(one.stream)
        if draw < dt * (apart - 2.0 * cross):
            own = square(c[level])
            joined = np.sqrt(own + square(c[j]))
            c[level] = c[level] * (joined / np.sqrt(own)) if own > 0.0 else joined + 0.0j
            c[j] = 0.0
        elif draw >= -dt * apart:
            continue
        if n == 2:
            _forget(one, n, f)
        else:
            _reset(one, n, f, level, j)
