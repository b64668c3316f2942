# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled decoherence between hops: by energies, by the overlap of packets, by moments."""

from __future__ import annotations

import math

import numpy as np

from anticrossing.molecules.trajectories._electrons import (
    adiabatic_force,
    coupling_direction,
    element,
    mixed_elements,
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
        adiabatic_force(one.vectors, j, one.slopes, model, one.weights, forces, 0)
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


@compiled
def _carry(one, moments, n, f):
    """Carry a matrix of moments along with the states: R δ R† with c(t + dt) = R c(t)."""
    overlap, now, old, half = one.overlap, one.phases, one.before, one.mixed
    for j in range(n):
        for k in range(n):
            for a in range(f):
                half[(j * n + k) * f + a] = 0.0
            for i in range(n):
                factor = old[j] * np.conj(old[i]) * overlap[i * n + k]
                for a in range(f):
                    half[(j * n + k) * f + a] += factor * moments[(j * n + i) * f + a]
    for j in range(n):
        for k in range(j, n):
            for a in range(f):
                moments[(j * n + k) * f + a] = 0.0
            for i in range(n):
                factor = now[j] * np.conj(overlap[i * n + j]) * np.conj(now[k])
                for a in range(f):
                    moments[(j * n + k) * f + a] += factor * half[(i * n + k) * f + a]
            for a in range(f):
                moments[(k * n + j) * f + a] = np.conj(moments[(j * n + k) * f + a])


@compiled
def _set_mixed_forces(one, model, n, f):
    """Set F_jk − F_λλ δ_jk, F = −⟨j|∂H|k⟩ and λ the active level."""
    level = one.whole[ACTIVE]
    for j in range(n):
        adiabatic_force(one.vectors, j, one.slopes, model, one.weights, one.forces, j * f)
    for j in range(n):
        for a in range(f):
            one.mixed[(j * n + j) * f + a] = one.forces[j * f + a] - one.forces[level * f + a]
        for k in range(j):
            for a in range(f):
                one.mixed[(j * n + k) * f + a] = 0.0
            mixed_elements(one.vectors, j, k, model, one.elements)
            for slot in range(model.slots):
                place = (j * n + k) * f + model.places[2 * slot + 1]
                one.mixed[place] -= one.slopes[slot] * one.elements[model.places[2 * slot]]
            for a in range(f):
                one.mixed[(k * n + j) * f + a] = np.conj(one.mixed[(j * n + k) * f + a])


@compiled
def _move_moments(one, model, n, f, dt):
    """Advance δP by ½(δF σ + σ δF) and δR by δP/m, both relative to the active level."""
    c, dx, dp, level = one.amplitudes, one.moments_x, one.moments_p, one.whole[ACTIVE]
    for j in range(n):
        for a in range(f):
            pushed = 0.0j
            for i in range(n):
                pushed += 0.5 * dt * one.mixed[(j * n + i) * f + a] * c[i]
            for k in range(n):
                dp[(j * n + k) * f + a] += pushed * np.conj(c[k])
                dp[(k * n + j) * f + a] += c[k] * np.conj(pushed)
    for a in range(f):
        own = dp[(level * n + level) * f + a]
        for j in range(n):
            dp[(j * n + j) * f + a] -= own
        for jk in range(n * n):
            dx[jk * f + a] += dt * dp[jk * f + a] * model.inverse_masses[a]
        own = dx[(level * n + level) * f + a]
        for j in range(n):
            dx[(j * n + j) * f + a] -= own


@compiled
def augmented_decoherence(one, model, dt, hopped):
    """Move the moments δR, δP of all states; collapse amplitudes, or reset moments, at random."""
    n, f = size(model.states), size(model.coordinates)
    c, level, dx, dp = one.amplitudes, one.whole[ACTIVE], one.moments_x, one.moments_p
    if hopped:
        for a in range(n * n * f):
            dx[a] = 0.0
            dp[a] = 0.0
        return
    for j in range(n):
        angle = 0.5 * dt * element(one.energies, n, j, n)
        one.before[j] = complex(np.cos(angle), -np.sin(angle))
    _carry(one, dx, n, f)
    _carry(one, dp, n, f)
    _set_mixed_forces(one, model, n, f)
    _move_moments(one, model, n, f, dt)
    for j in range(n):
        if j == level:
            continue
        apart, cross = 0.0, 0.0j
        for a in range(f):
            distance = dx[(j * n + j) * f + a].real
            apart += 0.5 * one.mixed[(j * n + j) * f + a].real * distance
            cross += one.mixed[(level * n + j) * f + a] * distance
        draw = uniform(one.stream)
        if draw < dt * (apart - 2.0 * abs(cross)):
            own = square(c[level])
            joined = np.sqrt(own + square(c[j]))
            c[level] = c[level] * (joined / np.sqrt(own)) if own > 0.0 else joined + 0.0j
            c[j] = 0.0
        elif draw >= -dt * apart:
            continue
        for k in range(n):
            for a in range(f):
                for place in ((j * n + k) * f + a, (k * n + j) * f + a):
                    dx[place] = 0.0
                    dp[place] = 0.0
