"""Levels of many modes that act on themselves, followed along x through the places they turn back.

A branch is a curve z(s) = (ψ, μ, x) of stationary states. Steps go along its tangent and back to it
by Newton's method across the tangent, so that a place where the curve turns back in x, a cusp of
the level, is a place like others. A step that lands on another branch, beyond a narrow gap, is
told by the number of directions in which the energy falls: it may only change where x turns back.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.hamiltonian import MeanField
from anticrossing.spectrum._stationary import grown, newton, residual

_FIRST, _LONGEST, _SHORTEST = 1e-2, 5e-2, 1e-10  # steps along the scaled curve
_STRAIGHT = 0.98  # the least cosine between two tangents
_MOST_POINTS = 20_000
_HALVINGS = 60


@dataclass(frozen=True)
class Sheet:
    """A piece of a branch between two cusps, or ends: x (k,) rises, states (k, N)."""

    x: FloatArray
    states: FloatArray
    branch: int


@dataclass(frozen=True)
class Cusp:
    """Where the two sheets of a branch meet and end."""

    x: float
    sheets: tuple[int, int]


class _Curve:
    """The equations of a branch in scaled variables."""

    def __init__(self, model: MeanField, start: float, stop: float) -> None:
        self.model, self.start, self.width = model, start, stop - start
        matrices = model.hamiltonian(np.array([start, stop]))
        size = np.max(np.abs(matrices)) + np.max(np.abs(model.acting))
        self.scale = float(size + sum(abs(float(c.strength)) for c in model.conversions))

    def position(self, z: FloatArray) -> float:
        return float(self.start + self.width * z[-1])

    def point(self, psi: FloatArray, x: float) -> FloatArray:
        """Return z of a stationary state."""
        acting, _ = residual(self.model, self._matrix(x), psi)
        mu = psi @ acting / (psi @ (self.model.weights * psi))
        return np.concatenate([psi, [mu / self.scale, (x - self.start) / self.width]])

    def _matrix(self, x: float) -> FloatArray:
        return np.asarray(self.model.hamiltonian(x).real, dtype=np.float64)

    def equations(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return F(z), (N + 1,), and its derivatives, (N + 1, N + 2), in units of the scale."""
        psi, mu, weights = z[:-2], z[-2], self.model.weights
        x, size = self.position(z), psi.size
        acting, jacobian = residual(self.model, self._matrix(x), psi)
        moved = self.model.hamiltonian.derivative(x).real @ psi
        F = np.append(acting / self.scale - mu * weights * psi, 0.5 * (psi @ psi - 1))
        J = np.zeros((size + 1, size + 2))
        J[:size, :size] = jacobian / self.scale - mu * np.diag(weights)
        J[:size, size], J[:size, size + 1] = -weights * psi, self.width * moved / self.scale
        J[size, :size] = psi
        return F, J

    def tangent(self, z: FloatArray, along: FloatArray) -> FloatArray:
        """Return the unit tangent that points along a vector."""
        found = np.linalg.svd(self.equations(z)[1])[2][-1]
        return np.asarray(found if found @ along >= 0 else -found)

    def stepped(self, z: FloatArray, tangent: FloatArray, step: float) -> FloatArray | None:
        """Return the point of the curve at a distance along the tangent, or None."""
        there = z + step * tangent
        for _ in range(8):
            F, J = self.equations(there)
            off = tangent @ (there - z) - step
            change = np.linalg.lstsq(np.vstack([J, tangent]), -np.append(F, off), rcond=None)[0]
            there = there + change
            size = float(np.max(np.abs(change)))
            if not size < 0.5 * step:
                return None
            if size < 1e-13:
                break
        return there if np.max(np.abs(self.equations(there)[0])) < 1e-12 else None

    def falling(self, z: FloatArray) -> int:
        """Return in how many directions the energy falls from a stationary state."""
        psi, weights = z[:-2], self.model.weights
        _, jacobian = residual(self.model, self._matrix(self.position(z)), psi)
        root = np.sqrt(weights)
        curved = (jacobian / self.scale - z[-2] * np.diag(weights)) / weights[:, None]
        curved = root[:, None] * curved / root
        _, _, rows = np.linalg.svd((root * psi)[None, :])
        across = rows[1:].T
        return int(np.sum(np.linalg.eigvalsh(across.T @ (0.5 * (curved + curved.T)) @ across) < 0))


def continued(model: MeanField, start: float, stop: float) -> tuple[list[Sheet], list[Cusp], bool]:
    """Return the sheets and cusps of all levels that reach an end, and whether all were followed.

    Levels that close in themselves within the stretch are not found.
    """
    curve = _Curve(model, start, stop)
    sheets: list[Sheet] = []
    cusps: list[Cusp] = []
    ends: list[FloatArray] = []
    complete, branch = True, 0
    for x, ahead in ((start, 1.0), (stop, -1.0)):
        first = grown(model, np.asarray(model.hamiltonian(x).real, dtype=np.float64))
        complete &= len(first) == model.dimension
        for psi in first:
            z = curve.point(psi, x)
            if any(_same(z, other) for other in ends):
                continue
            points, turns, whole = _follow(curve, z, ahead)
            complete &= whole
            ends += [points[0], points[-1]]
            _cut(curve, points, turns, branch, sheets, cusps)
            branch += 1
    return sheets, cusps, complete


def _same(one: FloatArray, other: FloatArray) -> bool:
    apart = min(np.max(np.abs(one[:-2] - other[:-2])), np.max(np.abs(one[:-2] + other[:-2])))
    return bool(apart < 1e-6 and abs(one[-1] - other[-1]) < 1e-6)


def _follow(curve: _Curve, z: FloatArray, ahead: float) -> tuple[list[FloatArray], list[int], bool]:
    """Return points along a branch, which of them are cusps, and whether it reached an end."""
    direction = np.zeros(z.size)
    direction[-1] = ahead
    tangent = curve.tangent(z, direction)
    falling, step = curve.falling(z), _FIRST
    points, turns = [z], list[int]()
    while len(points) < _MOST_POINTS:
        there = curve.stepped(z, tangent, step)
        if there is not None:
            onward = curve.tangent(there, tangent)
            turned = bool(onward[-1] * tangent[-1] < 0)
            number = curve.falling(there)
            bent = onward @ tangent < _STRAIGHT
            strayed = number != falling and not turned and step > 100 * _SHORTEST
            if bent or strayed:
                there = None
        if there is None:
            step /= 2
            if step < _SHORTEST:
                return points, turns, False
            continue
        if turned:
            cusp = _cusp(curve, z, tangent, step)
            turns.append(len(points))
            points.append(cusp)
        z, tangent, falling = there, onward, number
        if not -1e-12 <= z[-1] <= 1 + 1e-12:
            points.append(_at_edge(curve, points[-1], z))
            return points, turns, True
        points.append(z)
        step = min(1.5 * step, _LONGEST)
    return points, turns, False


def _cusp(curve: _Curve, z: FloatArray, tangent: FloatArray, step: float) -> FloatArray:
    """Return the point where x turns back, between none and a step along the tangent."""
    low, high, found = 0.0, step, z
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        there = curve.stepped(z, tangent, middle)
        if there is None:
            break
        found = there
        if curve.tangent(there, tangent)[-1] * tangent[-1] > 0:
            low = middle
        else:
            high = middle
    return found


def _at_edge(curve: _Curve, inside: FloatArray, outside: FloatArray) -> FloatArray:
    edge = 0.0 if outside[-1] < 0.5 else 1.0
    share = (edge - inside[-1]) / (outside[-1] - inside[-1])
    guess = inside + share * (outside - inside)
    x = curve.start + edge * curve.width
    psi = newton(curve.model, curve._matrix(x), guess[:-2] / np.linalg.norm(guess[:-2]))
    return guess if psi is None else curve.point(psi, x)


def _cut(
    curve: _Curve,
    points: list[FloatArray],
    turns: list[int],
    branch: int,
    sheets: list[Sheet],
    cusps: list[Cusp],
) -> None:
    """Add the pieces of a branch between its cusps."""
    edges = [0, *turns, len(points) - 1]
    for k, (first, last) in enumerate(itertools.pairwise(edges)):
        piece = np.array(points[first : last + 1])
        order = np.argsort(piece[:, -1], kind="stable")
        if k:
            x = curve.position(points[first])
            cusps.append(Cusp(x, (len(sheets) - 1, len(sheets))))
        at = curve.start + curve.width * piece[order, -1]
        sheets.append(Sheet(at, piece[order, :-2], branch))
