"""Surface hopping written a second time: one trajectory, plain Python, the textbook equations.

Amplitudes in the adiabatic basis by Runge–Kutta with ċ_j = −i E_j c_j − Σ_k v·d_jk c_k, hop
probabilities −dt·2 Re(c_s* c_j v·d_sj)/|c_s|² from the instantaneous coupling; two real states and
one coordinate. It shares nothing with the package but H and its derivative.
"""

from __future__ import annotations

import math

import numpy as np


def adiabatic(H, x, previous=None):
    value, slope = H(x), H.derivative(x)
    energies, vectors = np.linalg.eigh(value)
    if previous is not None:
        vectors = vectors * np.sign(np.sum(previous * vectors, axis=0))
    elements = vectors.T @ slope @ vectors
    coupling = elements[0, 1] / (energies[1] - energies[0])
    return energies, vectors, -np.diag(elements), coupling


def rate(c, s, energies, couplings):
    """Return dc/dt, and v·d₀₁, a fraction s through the step."""
    e0, e1 = ((1 - s) * energies[0][j] + s * energies[1][j] for j in (0, 1))
    w = (1 - s) * couplings[0] + s * couplings[1]
    return -1j * e0 * c[0] - w * c[1], -1j * e1 * c[1] + w * c[0], w


def hopping_trajectory(H, mass, x, p, state, dt, steps, box, rng, substeps=5):
    """Return the final position and level of one trajectory."""
    v = p / mass
    c = [0j, 0j]
    c[state] = 1 + 0j
    energies, vectors, forces, d = adiabatic(H, x)
    for _ in range(steps):
        half = v + 0.5 * dt * forces[state] / mass
        x += dt * half
        new = adiabatic(H, x, vectors)
        v_new = half + 0.5 * dt * new[2][state] / mass
        h = dt / substeps
        probability = 0.0
        along = (energies, new[0]), (v * d, v_new * new[3])
        for k in range(substeps):
            s = k / substeps
            k1 = rate(c, s, *along)
            k2 = rate([c[j] + 0.5 * h * k1[j] for j in (0, 1)], s + 0.5 / substeps, *along)
            k3 = rate([c[j] + 0.5 * h * k2[j] for j in (0, 1)], s + 0.5 / substeps, *along)
            k4 = rate([c[j] + h * k3[j] for j in (0, 1)], s + 1 / substeps, *along)
            flow = 2 * (c[1 - state].conjugate() * c[state]).real * k1[2]
            flow *= 1 if state == 0 else -1
            # d|c_0|²/dt = −2 w Re(c_0* c_1), d|c_1|²/dt = +2 w Re(c_0* c_1)
            probability += max(0.0, flow * h / abs(c[state]) ** 2)
            c = [c[j] + h / 6 * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]) for j in (0, 1)]
        energies, vectors, forces, d = new
        v = v_new
        if rng.random() < probability:
            needed = energies[1 - state] - energies[state]
            if 0.5 * mass * v * v >= needed:
                v = math.copysign(math.sqrt(v * v - 2 * needed / mass), v)
                state = 1 - state
        if x < box[0] or x > box[1]:
            break
    return x, state
