# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled pieces for the electrons: adiabatic states, amplitudes, forces, random numbers.

Eigenvectors are found by Jacobi rotations that start from the vectors of the step before: the
product of the rotations is the overlap of the two bases, and each state continues the one it came
from, in sign and phase too. Arrays are passed as pointers (see `_pointers`), matrices row by row.
"""

from __future__ import annotations

import numpy as np

from anticrossing.molecules.trajectories._pointers import compiled, inlined, size

_MOST_SWEEPS = 60
NOISE = 1e-29
"""Squares of elements and gaps below n² times this, relative to squared energies, are rounding.

Taken seriously it would mix and exchange degenerate levels at random.
"""


@compiled
def square(z):
    """Return |z|²."""
    return z.real * z.real + z.imag * z.imag


@inlined
def element(values, start, index, n):
    """Return values[start + index]; of two by a choice, so that they can stay in registers."""
    if n == 2:
        return values[start] if index == 0 else values[start + 1]
    return values[start + index]


@compiled
def uniform(stream):
    """Return the next number in [0, 1) of the stream (SplitMix64)."""
    stream[1] += np.uint64(1)
    z = stream[0] + stream[1] * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@inlined
def assemble(h, coefficients, model):
    """Fill the Hermitian matrix H from its coefficients."""
    n, entries = size(model.states), model.entries
    if n == 2:
        lower, upper, mixed = 0.0, 0.0, 0.0 * model.pairs[0]
        for k in range(model.terms):
            f = coefficients[k]
            lower += f * model.pairs[3 * k].real
            upper += f * model.pairs[3 * k + 1].real
            mixed += f * model.pairs[3 * k + 2]
        h[0], h[1], h[2], h[3] = lower, mixed, np.conj(mixed), upper
        return
    for a in range(n * n):
        h[a] = 0.0
    for e in range(model.entry_count):
        value = coefficients[entries[3 * e]] * model.values[e]
        h[entries[3 * e + 1] * n + entries[3 * e + 2]] += value
    for a in range(1, n):
        for b in range(a):
            h[a * n + b] = np.conj(h[b * n + a])


@inlined
def orthonormalize(vectors, n):
    """Take from the eigenvectors what rounding has added in many steps."""
    for b in range(n):
        for a in range(b):
            overlap = np.conj(vectors[a]) * vectors[b]
            for c in range(1, n):
                overlap += np.conj(vectors[c * n + a]) * vectors[c * n + b]
            for c in range(n):
                vectors[c * n + b] -= overlap * vectors[c * n + a]
        norm = 0.0
        for c in range(n):
            norm += square(vectors[c * n + b])
        for c in range(n):
            vectors[c * n + b] /= np.sqrt(norm)


@inlined
def diagonalize(h, old, new, overlap, energies, n):
    """Diagonalise H: replace energies and vectors, and set the overlap with the old vectors."""
    if n == 2:
        _diagonalize_two(h, old, overlap, energies)
        return
    for a in range(n):
        for b in range(n):
            total = h[a * n] * old[b]
            for c in range(1, n):
                total += h[a * n + c] * old[c * n + b]
            new[a * n + b] = total
    for a in range(n):
        for b in range(a, n):  # h ← old† h old
            total = np.conj(old[a]) * new[b]
            for c in range(1, n):
                total += np.conj(old[c * n + a]) * new[c * n + b]
            h[a * n + b] = total
            h[b * n + a] = np.conj(total)
            overlap[a * n + b] = 0.0
            overlap[b * n + a] = 0.0
        overlap[a * n + a] = 1.0
    _rotate(h, overlap, n)
    for a in range(n):
        energies[2 * n + a] = energies[n + a]
        energies[n + a] = energies[a]
        energies[a] = h[a * n + a].real
    total = 0.0
    for a in range(n):
        total += energies[a] * energies[a]
    margin = n * np.sqrt(NOISE * total)
    for a in range(1, n):  # sort: almost always already so
        b = a
        while b > 0 and energies[b] < energies[b - 1] - margin:
            energies[b], energies[b - 1] = energies[b - 1], energies[b]
            for c in range(0, n * n, n):
                overlap[c + b], overlap[c + b - 1] = overlap[c + b - 1], overlap[c + b]
            b -= 1
    for a in range(n):
        for b in range(n):
            total = old[a * n] * overlap[b]
            for c in range(1, n):
                total += old[a * n + c] * overlap[c * n + b]
            new[a * n + b] = total
    for a in range(n * n):
        old[a] = new[a]


@inlined
def _diagonalize_two(h, old, overlap, energies):
    """Do the same for two levels: one rotation, in registers."""
    a, b, c, d = old[0], old[1], old[2], old[3]
    one, two = h[0] * a + h[1] * c, h[2] * a + h[3] * c
    lower = (np.conj(a) * one + np.conj(c) * two).real
    mixed = np.conj(b) * one + np.conj(d) * two  # ⟨1|H|0⟩
    upper = (h[0] + h[3]).real - lower
    coupling, half = square(mixed), 0.5 * (upper - lower)
    noise = 4.0 * NOISE * (lower * lower + upper * upper)
    coupled = coupling > noise
    root = np.sqrt(half * half + coupling)
    # The tangent of twice the angle is √coupling/half; the angle is at most 45°.
    cosine, sine, shift = 1.0, 0.0 * mixed, 0.0
    if coupled:
        double = root + abs(half)
        scale = 1.0 / np.sqrt(2.0 * root * double)
        cosine, sine, shift = double * scale, mixed * scale, coupling / double
        if half < 0.0:
            sine = -sine
    energies[4], energies[5] = energies[2], energies[3]
    energies[2], energies[3] = energies[0], energies[1]
    if half >= 0.0 or not (coupled or half * half > noise):
        energies[0], energies[1] = lower - shift, upper + shift
        p, q, r, s = cosine, np.conj(sine), -sine, cosine
    else:
        energies[0], energies[1] = upper - shift, lower + shift
        p, q, r, s = np.conj(sine), cosine, cosine, -sine
    overlap[0], overlap[1], overlap[2], overlap[3] = p, q, r, s
    old[0], old[1] = a * p + b * r, a * q + b * s
    old[2], old[3] = c * p + d * r, c * q + d * s


@compiled
def _rotate(h, overlap, n):
    """Make h diagonal by rotations of at most 45°, collected in `overlap`."""
    for _ in range(_MOST_SWEEPS):
        scale, off = 0.0, 0.0
        for p in range(n):
            scale += h[p * n + p].real * h[p * n + p].real
            for q in range(p + 1, n):
                off += square(h[p * n + q])
        if not off > n * n * NOISE * scale:  # also where NaN has come in
            return
        for p in range(n - 1):
            for q in range(p + 1, n):
                coupling, half = square(h[p * n + q]), 0.5 * (h[q * n + q].real - h[p * n + p].real)
                if not coupling > NOISE * scale:
                    continue
                root = np.sqrt(half * half + coupling)
                double = root + abs(half)
                factor = 1.0 / np.sqrt(2.0 * root * double)
                cosine, sine, shift = double * factor, h[p * n + q] * factor, coupling / double
                if half < 0.0:
                    sine, shift = -sine, -shift
                h[p * n + p] -= shift
                h[q * n + q] += shift
                h[p * n + q] = 0.0
                h[q * n + p] = 0.0
                for r in range(n):
                    if r != p and r != q:
                        one, two = h[r * n + p], h[r * n + q]
                        h[r * n + p] = cosine * one - np.conj(sine) * two
                        h[r * n + q] = sine * one + cosine * two
                        h[p * n + r] = np.conj(h[r * n + p])
                        h[q * n + r] = np.conj(h[r * n + q])
                    one, two = overlap[r * n + p], overlap[r * n + q]
                    overlap[r * n + p] = cosine * one - np.conj(sine) * two
                    overlap[r * n + q] = sine * one + cosine * two


@inlined
def _turn(angle):
    return complex(np.cos(angle), -np.sin(angle))


@inlined
def set_phases(phases, energies, half_step, n):
    """Set exp(−i (E − E₀) dt/2) of the present energies: a phase common to all is nowhere seen."""
    phases[0] = 1.0
    for j in range(1, n):
        phases[j] = _turn((energies[j] - energies[0]) * half_step)


@inlined
def advance_amplitudes(amplitudes, phases, earlier_phases, before, overlap, energies, half_step, n):
    """Apply exp(−i E′ dt/2) ⟨now|before⟩ exp(−i E dt/2).

    The product is unitary and exact where H is constant; where levels pass through each other
    between the two points the overlap exchanges them, however narrow the crossing.
    `earlier_phases` keeps exp(−i E dt/2), `before` this times c.
    """
    if n == 2:
        x, y = amplitudes[0], phases[1] * amplitudes[1]
        before[0], before[1], earlier_phases[1] = x, y, phases[1]
        set_phases(phases, energies, half_step, n)
        amplitudes[0] = np.conj(overlap[0]) * x + np.conj(overlap[2]) * y
        amplitudes[1] = phases[1] * (np.conj(overlap[1]) * x + np.conj(overlap[3]) * y)
        return
    for a in range(n):
        before[a], earlier_phases[a] = phases[a] * amplitudes[a], phases[a]
    set_phases(phases, energies, half_step, n)
    for b in range(n):
        total = np.conj(overlap[b]) * before[0]
        for a in range(1, n):
            total += np.conj(overlap[a * n + b]) * before[a]
        amplitudes[b] = phases[b] * total


@inlined
def adiabatic_force(vectors, level, slopes, model, weights, density, out):
    """Set out = −⟨level|∂H|level⟩; `density` is scratch, as `weights` are."""
    n, entries, places = size(model.states), model.entries, model.places
    if n == 2:
        one, two, pairs = vectors[level], vectors[2 + level], model.pairs
        first, second, mixed = square(one), square(two), 2.0 * np.conj(one) * two
        for a in range(size(model.coordinates)):
            out[a] = 0.0
        for slot in range(model.slots):
            k = 3 * places[2 * slot]
            part = pairs[k].real * first + pairs[k + 1].real * second + (pairs[k + 2] * mixed).real
            out[places[2 * slot + 1]] -= slopes[slot] * part
        return
    for row in range(n):
        one = np.conj(vectors[row * n + level])
        density[row * n + row] = one * vectors[row * n + level]
        for column in range(row + 1, n):
            density[row * n + column] = 2.0 * one * vectors[column * n + level]
    for k in range(model.terms):
        weights[k] = 0.0
    for e in range(model.entry_count):
        part = (density[entries[3 * e + 1] * n + entries[3 * e + 2]] * model.values[e]).real
        weights[entries[3 * e]] += part
    for a in range(size(model.coordinates)):
        out[a] = 0.0
    for slot in range(model.slots):
        out[places[2 * slot + 1]] -= slopes[slot] * weights[places[2 * slot]]


@compiled
def mean_force(vectors, amplitudes, psi, slopes, model, weights, out):
    """Set out = −⟨ψ|∂H|ψ⟩; `psi` is scratch."""
    n, entries, places = size(model.states), model.entries, model.places
    for a in range(n):
        total = vectors[a * n] * amplitudes[0]
        for j in range(1, n):
            total += vectors[a * n + j] * amplitudes[j]
        psi[a] = total
    for k in range(model.terms):
        weights[k] = 0.0
    for e in range(model.entry_count):
        row, column = entries[3 * e + 1], entries[3 * e + 2]
        part = (np.conj(psi[row]) * model.values[e] * psi[column]).real
        weights[entries[3 * e]] += part if row == column else 2.0 * part
    for a in range(size(model.coordinates)):
        out[a] = 0.0
    for slot in range(model.slots):
        out[places[2 * slot + 1]] -= slopes[slot] * weights[places[2 * slot]]


@compiled
def mixed_elements(vectors, one, two, model, elements):
    """Set `elements` to ⟨one|M_k|two⟩."""
    n, entries = size(model.states), model.entries
    for k in range(model.terms):
        elements[k] = 0.0
    for e in range(model.entry_count):
        row, column, value = entries[3 * e + 1], entries[3 * e + 2], model.values[e]
        part = np.conj(vectors[row * n + one]) * value * vectors[column * n + two]
        if row != column:
            part += np.conj(vectors[column * n + one] * value) * vectors[row * n + two]
        elements[entries[3 * e]] += part


@compiled
def coupling_direction(vectors, one, two, slopes, model, elements, out):
    """Set `out` to the real direction of ⟨one|∂H|two⟩, the direction of the derivative coupling.

    Where it is complex, the common phase is chosen such that its real part is longest.
    """
    places = model.places
    mixed_elements(vectors, one, two, model, elements)
    total = 0.0j
    for a in range(size(model.coordinates)):
        z = 0.0j
        for slot in range(model.slots):
            if places[2 * slot + 1] == a:
                z += slopes[slot] * elements[places[2 * slot]]
        total += z * z
        out[a] = 0.0
    length = abs(total)
    phase = np.sqrt(np.conj(total) / length) if length > 0.0 else 1.0 + 0.0j
    for slot in range(model.slots):
        part = (phase * elements[places[2 * slot]]).real
        out[places[2 * slot + 1]] += slopes[slot] * part


@compiled
def population_direction(
    vectors, amplitudes, energies, lower, higher, slopes, model, elements, out
):
    """Set `out` to how d(|c_h|² − |c_l|²)/dt depends on the velocity.

    Σ_k Re(c_h* c_k d_hk − c_l* c_k d_lk): of two states the derivative coupling itself.
    """
    n, places = size(model.states), model.places
    for a in range(size(model.coordinates)):
        out[a] = 0.0
    for k in range(n):
        for end in range(2):
            own = lower if end == 0 else higher
            gap = element(energies, 0, k, n) - element(energies, 0, own, n)
            if k == own or gap == 0.0:
                continue
            mixed_elements(vectors, own, k, model, elements)
            factor = np.conj(amplitudes[own]) * amplitudes[k] / gap
            if end == 0:
                factor = -factor
            for slot in range(model.slots):
                part = (factor * elements[places[2 * slot]]).real
                out[places[2 * slot + 1]] += slopes[slot] * part
