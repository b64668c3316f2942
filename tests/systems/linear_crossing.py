"""Exact scattering by the crossing of two straight lines, twice: by momenta and by positions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve
from scipy.special import airy, airye


def in_momentum(a, b2, one_direction, *, step=0.03):
    """Return P for arrays a and b2 of one shape: ``∓i c' = ((t² − b²) σ_z + X) c/2a``.

    X is σ_x for slopes of one direction and iσ_y for opposite ones (norm |c₁|² − |c₂|²). Magnus'
    expansion to fourth order, begun and ended in the first superadiabatic states.
    """
    a, b2 = np.broadcast_arrays(np.asarray(a, float), np.asarray(b2, float))
    sign = 1.0 if one_direction else -1.0
    end = np.sqrt(np.abs(b2).max()) * 1.5 + 6 + 4 * np.cbrt(a.max())
    # steps of so many radians: the phase is t³/3a
    times = [0.0]
    while times[-1] < end:
        times.append(times[-1] + step * np.sqrt(a.min()) / (np.sqrt(a.min()) + times[-1] / 4))
    times = np.array(times) * end / times[-1]
    times = np.concatenate([-times[:0:-1], times])
    before, after = (_states(a, b2, sign, t) for t in times[[0, -1]])
    c = before[:, 0].copy()
    for left, right in pairwise(times):
        h, middle = right - left, (left + right) / 2
        one, two = ((middle + s * h / np.sqrt(12)) ** 2 - b2 for s in (-1, 1))
        x, z = h / (2 * a), h * (one + two) / (4 * a)
        k = -np.sqrt(3) / 24 * (h / a) ** 2 * (two - one)
        # Ω = i z σ_z + i x X + k [σ_z, X]/2 with [σ_z, X]/2 = iσ_y or σ_x
        up, down = (1j * x + k, 1j * x - k) if one_direction else (1j * x + k, -1j * x + k)
        root = np.sqrt((up * down - z * z).astype(complex))
        cosine, sine = np.cosh(root), np.sinh(root) / np.where(root == 0, 1, root)
        c = np.array(
            [
                (cosine + 1j * z * sine) * c[0] + sine * up * c[1],
                sine * down * c[0] + (cosine - 1j * z * sine) * c[1],
            ]
        )
    determinant = after[0, 0] * after[1, 1] - after[0, 1] * after[1, 0]
    stayed = np.abs((after[1, 1] * c[0] - after[0, 1] * c[1]) / determinant) ** 2
    left = np.abs((after[0, 0] * c[1] - after[1, 0] * c[0]) / determinant) ** 2
    return left if one_direction else left / stayed


def _states(a, b2, sign, t):
    """Return the first superadiabatic states at the time t, as columns."""
    z = t * t - b2
    if sign > 0:
        angle, turn = np.arctan2(1, z) / 2, -t / (z * z + 1)
        adiabatic = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    else:
        angle, turn = np.arctanh(1 / z) / 2, -t / (z * z - 1)
        adiabatic = [[np.cosh(angle), -np.sinh(angle)], [-np.sinh(angle), np.cosh(angle)]]
    small = 1j * a * turn / np.sqrt(z * z + sign)
    mixing = [[np.ones_like(small), small], [sign * small, np.ones_like(small)]]
    return np.einsum("ij...,jk...->ik...", np.array(adiabatic, complex), np.array(mixing))


def in_position(a, b2, one_direction, *, ratio=2.0, reach=30.0, count=24000):
    """Return P for numbers a and b2, by Numerov's method on the lines ``x`` and ``±ratio x``.

    The coupling is switched off smoothly towards both ends, where the waves are Airy functions.
    """
    force, difference = np.sqrt(ratio), abs(1 - ratio if one_direction else 1 + ratio)
    mass, energy = force * difference / (16 * a * a), 2 * b2 * force / difference  # V = 1
    slopes = np.array([1.0, ratio if one_direction else -ratio])
    scales = np.cbrt(2 * mass * np.abs(slopes))
    edge = (0.6, 4) if one_direction else (0.8, 12)  # two waves that run together beat slowly
    x, h = np.linspace(-reach, reach, count, retstep=True)
    coupling = np.exp(-((x / (edge[0] * reach)) ** edge[1]))
    q = (
        2
        * mass
        * np.array([[slopes[0] * x - energy, coupling], [coupling, slopes[1] * x - energy]])
    )
    factor = h * h / 12 * q  # ψ'' = Q ψ: (1 − F₊)ψ₊ − (2 + 10F)ψ + (1 − F₋)ψ₋ = 0
    unit = np.eye(2)[:, :, np.newaxis]
    rows, columns, values = [], [], []
    inside = np.arange(1, count - 1)
    for shift, block in ((-1, unit - factor), (0, -2 * unit - 10 * factor), (1, unit - factor)):
        for i in range(2):
            for j in range(2):
                rows.append(2 * (inside - 1) + i)
                columns.append(2 * (inside + shift) + j)
                values.append(block[i, j, inside + shift])
    # At the two nodes of each end: ψ = incoming + S outgoing, or what decays. The unknown is S.
    given = np.zeros(2 * count + 4, complex)
    row = 2 * (count - 2)
    for channel in range(2):
        for side, nodes in ((-1, (0, 1)), (1, (count - 1, count - 2))):
            argument = scales[channel] * np.sign(slopes[channel]) * (
                x[list(nodes)] - energy / slopes[channel]
            )  # fmt: skip
            is_open = side * slopes[channel] < 0
            if is_open:
                ai, _, bi, _ = airy(argument)
                wave, source = ai + 1j * bi, (ai - 1j * bi) * (channel == 0)
            else:
                decay = (argument[0] ** 1.5 - argument**1.5) * 2 / 3
                wave, source = airye(argument)[0] * np.exp(decay), np.zeros(2)
            unknown = 2 * count + 2 * channel + (side > 0)
            for node, out, incoming in zip(nodes, wave, source, strict=True):
                rows += [np.array([row, row])]
                columns += [np.array([2 * node + channel, unknown])]
                values += [np.array([1.0, -out])]
                given[row] = incoming
                row += 1
    matrix = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    ).tocsc()
    found = spsolve(matrix, given)[-4:].reshape(2, 2)
    left = found[1, 0 if slopes[1] > 0 else 1]
    return float(abs(left) ** 2 * scales[1] / scales[0])  # Ai ± iBi carries a flux of its scale
