# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled decoherence between hops: by energies, by the overlap of packets, by moments."""

from __future__ import annotations

import math

import numpy as np

from anticrossing.molecules.trajectories._electrons import (
    adiabatic_force,
    assemble,
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
def _set_weights(one, n, level, j):
    """Set the weights with which δ_jj − δ_λλ, λ the active level, is a sum over a moment."""
    turn, weights = one.turn, one.shares
    for a in range(n):
        for b in range(a, n):
            z = turn[j * n + a] * np.conj(turn[j * n + b])
            if j != level:
                z -= turn[level * n + a] * np.conj(turn[level * n + b])
            if a == b:
                weights[a * n + a] = z.real
            else:
                weights[a * n + b], weights[b * n + a] = 2.0 * z.real, -2.0 * z.imag


@inlined
def _sum(weights, moments, place, count):
    total = weights[0] * moments[place]
    for i in range(1, count):
        total += weights[i] * moments[place + i]
    return total


@inlined
def _set_frame(c, frame, n):
    """Set a unitary matrix whose first column is c, by Householder."""
    size_0 = abs(c[0])
    phase = c[0] / size_0 if size_0 > 0.0 else 1.0 + 0.0j
    for k in range(n):
        for j in range(n):
            one, two = c[j], c[k]
            if j == 0:
                one += phase
            unit = 1.0 if j == k else 0.0
            frame[j * n + k] = c[j] if k == 0 else unit - one * np.conj(two) / (1.0 + size_0)


@inlined
def _turn(one, n):
    """Set U ← R U, its first column c; then `half` to V U."""
    turn, half, vectors = one.turn, one.half, one.vectors
    for k in range(1, n):
        half[k] = turn[k]
        for i in range(1, n):
            half[i * n + k] = one.earlier_phases[i] * turn[i * n + k]
        for j in range(n):
            total = np.conj(one.overlap[j]) * half[k]
            for i in range(1, n):
                total += np.conj(one.overlap[i * n + j]) * half[i * n + k]
            turn[j * n + k] = one.phases[j] * total if j > 0 else total
    for j in range(n):
        turn[j * n] = one.amplitudes[j]
    for row in range(n):
        for k in range(n):
            total = vectors[row * n] * turn[k]
            for j in range(1, n):
                total += vectors[row * n + j] * turn[j * n + k]
            half[row * n + k] = total


@inlined
def _move_moments(one, model, dt, n, f):
    """Add ½(δF σ + σ δF), δF = F − F_λλ and F = −∂H, times dt to δP, and δP/m to δR.

    A moment δ is kept as U† δ U with all propagation U since it was last reset, in a frame that
    begins with c: σ has one element there, so that only the first row and column of δP change.
    Real parts are kept from the diagonal on, imaginary parts of the same elements below it.
    """
    half, bent, entries = one.half, n * n, model.entries
    _turn(one, n)
    for i in range(bent, bent + f * n):
        half[i] = 0.0
    for slot in range(model.slots):
        term, place = model.places[2 * slot], bent + n * model.places[2 * slot + 1]
        if n == 2:
            k, slope = 3 * term, one.slopes[slot]
            mixed, pairs = slope * model.pairs[k + 2], model.pairs
            half[place] -= slope * pairs[k].real * half[0] + mixed * half[2]
            half[place + 1] -= np.conj(mixed) * half[0] + slope * pairs[k + 1].real * half[2]
            continue
        for e in range(model.first[term], model.first[term + 1]):
            row, column = entries[3 * e + 1], entries[3 * e + 2]
            slope = one.slopes[slot] * model.values[e]
            half[place + row] -= slope * half[column * n]
            if row != column:
                half[place + column] -= np.conj(slope) * half[row * n]
    for a in range(f):
        place, force = a * n * n, bent + a * n
        for k in range(n):
            total = np.conj(half[k]) * half[force]
            for row in range(1, n):
                total += np.conj(half[row * n + k]) * half[force + row]
            if k == 0:
                one.moments_p[place] += dt * (total.real - one.force[a])
            else:
                one.moments_p[place + k] += 0.5 * dt * total.real
                one.moments_p[place + k * n] -= 0.5 * dt * total.imag
        share = dt * model.inverse_masses[a]
        for i in range(place, place + n * n):
            one.moments_x[i] += share * one.moments_p[i]


@inlined
def _apart(one, model, n, f, level, j):
    """Return ½(F_jj − F_λλ)·δR and |F_λj·δR|, δR = δR_jj − δR_λλ and λ the active level."""
    weights, vectors, entries = one.weights, one.vectors, model.entries
    _set_weights(one, n, level, j)
    for a in range(f):
        one.direction[a] = _sum(one.shares, one.moments_x, a * n * n, n * n)
    for k in range(model.terms):
        weights[k] = 0.0
    for slot in range(model.slots):
        distance = one.direction[model.places[2 * slot + 1]]
        weights[model.places[2 * slot]] -= one.slopes[slot] * distance
    apart, cross = 0.0, 0.0j
    if n == 2:
        h = one.scratch
        assemble(h, weights, model)
        x, y, z, w = vectors[level], vectors[2 + level], vectors[j], vectors[2 + j]
        apart = (square(z) - square(x)) * (h[0] - h[3]).real
        apart += 2.0 * ((np.conj(z) * w - np.conj(x) * y) * h[1]).real
        cross = np.conj(x) * (h[0] * z + h[1] * w) + np.conj(y) * (h[2] * z + h[3] * w)
        return 0.5 * apart, abs(cross)
    for e in range(model.entry_count):
        row, column = n * entries[3 * e + 1], n * entries[3 * e + 2]
        pull = weights[entries[3 * e]] * model.values[e]
        own, other = np.conj(vectors[row + level]), np.conj(vectors[row + j])
        change = other * vectors[column + j] - own * vectors[column + level]
        cross += own * pull * vectors[column + j]
        if row == column:
            apart += 0.5 * (change * pull).real
        else:
            apart += (change * pull).real
            cross += np.conj(vectors[column + level] * pull) * vectors[row + j]
    return apart, abs(cross)


@compiled
def _reset(one, n, f, level, j):
    """Set row and column j of the moments to zero, relative to the active level; U begins anew.

    δ becomes Q(δ − δ_λλ)Q with Q = 1 − |j⟩⟨j|, up to a multiple of 1, which is nowhere seen.
    """
    turn, half, across = one.turn, one.half, n * n
    _set_weights(one, n, level, level)
    _set_frame(one.amplitudes, half, n)
    for r in range(n):
        for k in range(n):
            half[across + r * n + k] = 0.0
            for i in range(n):
                if i != j:
                    half[across + r * n + k] += np.conj(half[i * n + r]) * turn[i * n + k]
    for i in range(n * n):
        turn[i] = half[i]
    for matrices in (one.moments_x, one.moments_p):
        for place in range(0, f * n * n, n * n):
            own = _sum(one.shares, matrices, place, n * n)
            for r in range(n):
                for k in range(n):
                    total = half[across + r * n + k] * matrices[place + k * n + k]
                    for i in range(k):
                        upper, lower = matrices[place + i * n + k], matrices[place + k * n + i]
                        total += half[across + r * n + i] * complex(upper, lower)
                    for i in range(k + 1, n):
                        upper, lower = matrices[place + k * n + i], matrices[place + i * n + k]
                        total += half[across + r * n + i] * complex(upper, -lower)
                    half[r * n + k] = total
            for r in range(n):
                for k in range(r, n):
                    total = own * np.conj(turn[j * n + r]) * turn[j * n + k]
                    for i in range(n):
                        total += half[r * n + i] * np.conj(half[across + k * n + i])
                    matrices[place + r * n + k] = total.real
                    if k > r:
                        matrices[place + k * n + r] = total.imag


@compiled
def forget(one, n, f):
    """Set all moments to zero; U begins anew."""
    for i in range(f * n * n):
        one.moments_x[i] = 0.0
        one.moments_p[i] = 0.0
    _set_frame(one.amplitudes, one.turn, n)


@compiled
def augmented_decoherence(one, model, dt, hopped):
    """Move the moments δR, δP of all states; collapse amplitudes, or reset moments, at random."""
    n, f, c, level = size(model.states), size(model.coordinates), one.amplitudes, one.whole[ACTIVE]
    if hopped:
        forget(one, n, f)
        return
    _move_moments(one, model, dt, n, f)
    for j in range(n):
        if j == level:
            continue
        apart, cross = _apart(one, model, n, f, level, j)
        draw = uniform(one.stream)
        if draw < dt * (apart - 2.0 * cross):
            own = square(c[level])
            joined = np.sqrt(own + square(c[j]))
            c[level] = c[level] * (joined / np.sqrt(own)) if own > 0.0 else joined + 0.0j
            c[j] = 0.0
        elif draw >= -dt * apart:
            continue
        _reset(one, n, f, level, j)
