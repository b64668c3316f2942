"""The least time between two states of ``H = ½(ε σ_z + g σ_x)``, ε free or between bounds.

On the sphere of Bloch a field B = (g, 0, ε) turns states about itself. The candidates of the
maximum principle are ε at a bound, and ε = 0 on the great circle x = 0, where nothing is gained
from turning about z: bound–zero–bound, bound–bound and bound–bound–bound.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.hamiltonian import Matrices

_ROUNDING = 1e-9
_GRID = 361
_NEARLY = 1 - 1e-9
_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def least_time(
    constant: Matrices,
    slope: Matrices,
    initial: ComplexArray,
    final: ComplexArray,
    bounds: tuple[float, float] | None,
) -> float | None:
    """Return the least time for ``H = constant + x·slope`` in radians per time; infinite if none.

    None within bounds that ε cannot exceed the gap in, both ways: more switches may be needed then.
    """
    along, still = _vector(slope), _vector(constant)
    steepness = float(np.linalg.norm(along))
    if steepness == 0:
        return math.inf
    axis = along / steepness
    across = still - (still @ axis) * axis
    gap = float(np.linalg.norm(across))
    if gap <= 1e-300 * steepness:
        return math.inf
    frame = np.stack([across / gap, np.cross(axis, across / gap), axis])
    one, two = (frame @ _bloch(state) for state in (initial, final))
    if bounds is None:
        return abs(_polar(one) - _polar(two)) / gap
    offset = float(still @ axis)
    energies = tuple(offset + steepness * x for x in bounds)
    fields = [np.array([gap, 0.0, energy]) for energy in energies]
    found = [math.inf]
    if not (energies[0] <= -_NEARLY * gap and energies[1] >= _NEARLY * gap):
        return None
    if np.linalg.norm(one - two) < _ROUNDING:
        return 0.0
    found.append(_by_circle(one, two, fields, gap))
    for first, second in itertools.product(fields, fields):
        found.append(_switched(one, two, first, second))
    for first, second in (fields, fields[::-1]):
        found.append(_twice_switched(one, two, first, second))
    return min(found)


def _vector(matrix: Matrices) -> FloatArray:
    """Return B of ½ B·σ + scalar."""
    return np.asarray(np.einsum("kij,ji->k", _PAULI, matrix).real)


def _bloch(state: ComplexArray) -> FloatArray:
    return np.asarray(np.einsum("i,kij,j->k", state.conj(), _PAULI, state).real)


def _polar(vector: FloatArray) -> float:
    return math.atan2(math.hypot(vector[0], vector[1]), vector[2])


def turned(vector: FloatArray, field: FloatArray, time: float) -> FloatArray:
    """Return a vector after a time in a field: the solution of dr/dt = B × r."""
    speed = float(np.linalg.norm(field))
    axis = field / speed
    cosine, sine = math.cos(speed * time), math.sin(speed * time)
    return np.asarray(
        vector * cosine + np.cross(axis, vector) * sine + axis * (axis @ vector) * (1 - cosine)
    )


def _meetings(
    vector: FloatArray, field: FloatArray, normal: FloatArray, level: float
) -> list[float]:
    """Return the times within a turn at which normal·r(t) = level."""
    speed = float(np.linalg.norm(field))
    axis = field / speed
    constant = float((normal @ axis) * (axis @ vector))
    cosine = float(normal @ vector) - constant
    sine = float(normal @ np.cross(axis, vector))
    size = math.hypot(cosine, sine)
    if size < _ROUNDING:
        return [0.0] if abs(constant - level) < _ROUNDING else []
    share = (level - constant) / size
    if abs(share) > 1 + _ROUNDING:
        return []
    half, middle = math.acos(max(-1.0, min(1.0, share))), math.atan2(sine, cosine)
    return [_turn(middle + sign * half) / speed for sign in (-1.0, 1.0)]


def _turn(angle: float) -> float:
    """Return an angle within [0, 2π), rounding below zero being zero."""
    found = angle % (2 * math.pi)
    return 0.0 if 2 * math.pi - found < _ROUNDING else found


def _by_circle(one: FloatArray, two: FloatArray, fields: list[FloatArray], gap: float) -> float:
    """Return the least time of bound–zero–bound."""
    normal = np.array([1.0, 0.0, 0.0])
    onto = [(t, turned(one, b, t)) for b in fields for t in _meetings(one, b, normal, 0.0)]
    off = [(t, turned(two, -b, t)) for b in fields for t in _meetings(two, -b, normal, 0.0)]
    best = math.inf
    for (before, first), (after, last) in itertools.product(onto, off):
        angle = math.atan2(last[2], last[1]) - math.atan2(first[2], first[1])
        best = min(best, before + _turn(angle) / gap + after)
    return best


def _switched(one: FloatArray, two: FloatArray, first: FloatArray, second: FloatArray) -> float:
    """Return the least time of two fields one after the other."""
    speed = float(np.linalg.norm(second))
    axis = second / speed
    best = math.inf
    for time in _meetings(one, first, axis, float(axis @ two)):
        here = turned(one, first, time)
        flat, goal = here - (axis @ here) * axis, two - (axis @ two) * axis
        angle = math.atan2(float(axis @ np.cross(flat, goal)), float(flat @ goal))
        best = min(best, time + _turn(angle) / speed)
    return best


def _twice_switched(
    one: FloatArray, two: FloatArray, first: FloatArray, second: FloatArray
) -> float:
    """Return the least time of a field, another one, and the first again."""
    from scipy.optimize import minimize_scalar

    period = 2 * math.pi / float(np.linalg.norm(first))

    def total(time: float) -> float:
        found = time + _switched(turned(one, first, time), two, second, first)
        return min(found, 1e6 * period)

    grid = np.linspace(0.0, period, _GRID)
    values = [total(t) for t in grid]
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    finer = minimize_scalar(total, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    found = min(values[best], float(finer.fun))
    return found if found < 1e6 * period else math.inf
