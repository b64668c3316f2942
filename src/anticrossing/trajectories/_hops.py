# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled pieces for hops: where to, with what momentum, and the decoherence between them."""

from __future__ import annotations

import numba
import numpy as np

from anticrossing.trajectories._electrons import (
    COMPILED,
    adiabatic_force,
    mixed_elements,
    square,
    uniform,
)


@numba.njit(**COMPILED)
def kinetic_energy(model, velocity):
    total = 0.0
    for a in range(model.coordinates):
        total += 0.5 * model.masses[a] * velocity[a] * velocity[a]
    return total


@numba.njit(**COMPILED)
def continuation(overlap, level, n):
    """Return the level now that continues `level` of the step before."""
    best = level
    if 2.0 * square(overlap[level * n + level]) < 1.0:
        for j in range(n):
            if square(overlap[level * n + j]) > square(overlap[level * n + best]):
                best = j
    return best


@numba.njit(**COMPILED)
def fewest_switches(amplitudes, phases, before, overlap, level, draw, n):
    """Return the level after this step for one that was at `level` before it.

    With the propagator R of the step, c(t+dt) = R c(t), the population that s loses to j is
    b_sj = Re[c_j(t+dt) R_js* c_s(t)*] − Re[c_s(t+dt) R_sj* c_j(t)*]: antisymmetric, adding up to
    the whole loss of s, and 2 dt Re[c_s* c_j ẋ·d_sj] for a short step. The probability is the
    positive part of b_sj/|c_s(t)|², finite for crossings of any width.
    """
    population = square(before[level])
    if n == 2:
        lost = population - square(amplitudes[level])
        return 1 - level if draw * population < lost else level
    total = 0.0
    own = amplitudes[level] * np.conj(phases[level])
    for j in range(n):
        if j != level:
            other = amplitudes[j] * np.conj(phases[j])
            out = (overlap[level * n + j] * other * np.conj(before[level])).real
            back = (overlap[j * n + level] * own * np.conj(before[j])).real
            total += max(0.0, out - back)
            if draw * population < total:
                return j
    return level


@numba.njit(**COMPILED)
def landau_zener_target(energies, level, dt, stream, n):
    """Draw the level after a minimum of the gap to a neighbour, exp(−π/2 √(gap³/gap″)).

    The minimum is that of the parabola through gap² at the last three points: for linear diabats
    gap² is a parabola, and the probability exact for any step.
    """
    draw, total = 2.0, 0.0
    for other in (level - 1, level + 1):
        if other < 0 or other >= n:
            continue
        now = (energies[other] - energies[level]) ** 2
        middle = (energies[n + other] - energies[n + level]) ** 2
        first = (energies[2 * n + other] - energies[2 * n + level]) ** 2
        curvature = now - 2.0 * middle + first
        if not (middle < first and middle <= now and curvature > 0.0):
            continue
        lowest = max(0.0, middle - (now - first) ** 2 / (8.0 * curvature))
        if draw > 1.0:
            draw = uniform(stream)
        # gap³/gap″ = 2 gap⁴/(gap²)″
        total += np.exp(-0.5 * np.pi * lowest * dt * np.sqrt(2.0 / curvature))
        if draw < total:
            return other
    return level


@numba.njit(**COMPILED)
def rescale(velocity, direction, model, needed, reflect):
    """Change the momentum along `direction` such that the kinetic energy falls by `needed`.

    Of the two changes that do so the smaller is made. Where none does, the momentum along the
    direction is turned around if `reflect`, and False returned.
    """
    masses = model.masses
    along, across = 0.0, 0.0
    for a in range(model.coordinates):
        along += velocity[a] * direction[a]
        across += 0.5 * direction[a] * direction[a] / masses[a]
    root = along * along - 4.0 * across * needed
    allowed = across > 0.0 and root >= 0.0 and (along != 0.0 or root > 0.0)
    gamma = 0.0
    if allowed:
        size = np.sqrt(root)
        gamma = -2.0 * needed / (along + (size if along >= 0.0 else -size))
    elif reflect and across > 0.0:
        gamma = -along / across
    for a in range(model.coordinates):
        velocity[a] += gamma * direction[a] / masses[a]
    return allowed


@numba.njit(**COMPILED)
def energy_based_decoherence(amplitudes, energies, level, kinetic, dt, constant, n):
    """Damp every amplitude but the active one with τ = (1 + C/E_kin)/|ΔE|."""
    others = 0.0
    for j in range(n):
        if j != level:
            gap = abs(energies[j] - energies[level])
            amplitudes[j] *= np.exp(-dt * gap * kinetic / (kinetic + constant))
            others += square(amplitudes[j])
    own = square(amplitudes[level])
    if own > 0.0:
        amplitudes[level] *= np.sqrt(max(0.0, 1.0 - others) / own)


@numba.njit(**COMPILED)
def augmented_decoherence(one, model, dt):
    """Move the moments δR, δP of every state; collapse its amplitude or reset them at random."""
    n, f, c, level = model.states, model.coordinates, one.amplitudes, one.whole[0]
    forces, dx, dp = one.forces, one.moments_x, one.moments_p
    for moments in (dx, dp):  # to the basis of now: diagonal elements only
        for a in range(n * f):
            forces[a] = moments[a]
            moments[a] = 0.0
        for j in range(n):
            for k in range(n):
                share = square(one.overlap[k * n + j])
                for a in range(f):
                    moments[j * f + a] += share * forces[k * f + a]
    for j in range(n):
        adiabatic_force(one.vectors, j, one.slopes, model, one.weights, forces, j * f)
    for j in range(n):
        for a in range(f):
            dp[j * f + a] += dt * square(c[j]) * (forces[j * f + a] - forces[level * f + a])
            dx[j * f + a] += dt * dp[j * f + a] / model.masses[a]
    for j in range(n):
        if j == level:
            continue
        mixed_elements(one.vectors, j, level, model, one.elements)
        apart, cross = 0.0, 0.0j
        for a in range(f):
            distance = dx[j * f + a] - dx[level * f + a]
            apart += 0.5 * (forces[j * f + a] - forces[level * f + a]) * distance
        for slot in range(model.slots):
            a = model.places[2 * slot + 1]
            force = one.slopes[slot] * one.elements[model.places[2 * slot]]
            cross += force * (dx[j * f + a] - dx[level * f + a])
        draw = uniform(one.stream)
        if draw < dt * (apart - 2.0 * abs(cross)):
            own = square(c[level])
            joined = np.sqrt(own + square(c[j]))
            c[level] = c[level] * (joined / np.sqrt(own)) if own > 0.0 else joined + 0.0j
            c[j] = 0.0
        elif draw >= -dt * apart:
            continue
        for a in range(f):
            dx[j * f + a] = 0.0
            dp[j * f + a] = 0.0
