"""Integrals over all frequencies: Gauss-Legendre panels that refine themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.roots import bracketed

_ORDER = 16  # Gauss-Legendre points of one panel
_ACCURACY = 1e-13  # of the integral over one panel, relative to the whole integral
_MOST_HALVINGS = 900  # towards zero, where J/ω may be singular
_LEFT_OVER = 1e-9  # of the integral, that may be missing after so many
_MOST_PANELS = 1 << 14
_MOST_DOUBLINGS = 200
_SLOPE_DECADES = (10, 13)  # below the lowest scale, where a power at zero is looked at
_NO_POWER = 1e-3
_CHUNK = 4096  # frequencies of an oscillating sum at once

Function = Callable[[FloatArray], FloatArray]
_NODES, _WEIGHTS = gauss_legendre(_ORDER)


def panel_nodes(panels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre nodes and weights of panels (n, 2), both of shape (n, 16)."""
    half = (panels[:, 1:] - panels[:, :1]) / 2
    return panels[:, :1] + half * (1 + _NODES), half * _WEIGHTS


def finer_panels(panels: FloatArray, widest: float, most_nodes: float) -> FloatArray | None:
    """Return panels cut into equal parts no wider than `widest`; None if these were too many."""
    width = panels[:, 1] - panels[:, 0]
    counts = np.ceil(width / widest)
    if not _ORDER * counts.sum() <= most_nodes:
        return None
    pieces = counts.astype(int)
    part = np.repeat(width / pieces, pieces)
    index = np.arange(part.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    low = np.repeat(panels[:, 0], pieces) + index * part
    return np.stack((low, low + part), axis=1)


def adaptive_panels(function: Function, edges: Any, scale: float | None = None) -> FloatArray:
    """Return panels (n, 2) between the first and the last edge on which a function is smooth.

    Panels are halved until halving changes the integral by less than 1e-13 of `scale`, by default
    the integral itself.
    """
    points = np.asarray(edges, dtype=np.float64)
    panels = np.stack((points[:-1], points[1:]), axis=1)
    done = []
    missing = 0.0
    for _ in range(_MOST_HALVINGS):
        whole = _integrals(function, panels)
        middle = panels.mean(axis=1)
        halves = np.stack((panels[:, 0], middle, middle, panels[:, 1]), axis=1).reshape(-1, 2)
        parts = _integrals(function, halves).reshape(-1, 2).sum(axis=1)
        if scale is None:
            scale = float(np.sum(np.abs(parts)))
        coarse = np.abs(whole - parts) > _ACCURACY * scale
        missing = float(np.sum(np.abs(whole - parts)[coarse]))
        done.append(panels[~coarse])
        panels = halves.reshape(-1, 2, 2)[coarse].reshape(-1, 2)
        if not len(panels):
            break
        if len(panels) > _MOST_PANELS:
            raise ConvergenceError(
                "The spectral density is too ragged to be integrated: make it smooth, or name the "
                "frequencies at which it is not."
            )
    if missing > _LEFT_OVER * (scale or 0.0):
        raise ConvergenceError(
            "The spectral density over the frequency is too singular to be integrated: it must "
            "begin with a higher power of the frequency."
        )
    found = np.concatenate([*done, panels])
    return np.asarray(found[np.argsort(found[:, 0])])


def integrate(function: Function, scales: tuple[float, ...], start: float = 0.0) -> float | None:
    """Return the integral of a function from `start` to ∞, or None where it does not converge."""
    inner = [start, *(scale for scale in scales if scale > start)]
    if len(inner) == 1:
        inner.append(2 * start)
    total = float(np.sum(_integrals(function, adaptive_panels(function, inner))))
    low, high = inner[-1], 2 * inner[-1]
    previous = np.inf
    for _ in range(_MOST_DOUBLINGS):
        panels = adaptive_panels(function, (low, high), scale=total or None)
        part = float(np.sum(_integrals(function, panels)))
        total += part
        # A power law leaves a geometric series, whose rest is known.
        if abs(part) <= 1e-17 * abs(total):
            return total
        if abs(part) <= 1e-4 * abs(total) and abs(part / previous) < 0.99:
            ratio = part / previous
            rest = part * ratio / (1 - ratio)
            if abs(rest) <= 1e-16 * abs(total):
                return total + rest
        previous = part
        low, high = high, 2 * high
    return None


def slope_at_zero(function: Function, scale: float) -> float:
    """Return the limit of f(ω)/ω for ω → 0, infinite if it diverges, far below `scale`."""
    low, lower = (scale * 10.0**-decades for decades in _SLOPE_DECADES)
    before, last = (float(function(np.array([w]))[0]) / w for w in (low, lower))
    if last == 0 or before == 0:
        return last
    power = np.log(before / last) / np.log(low / lower)
    if abs(power) < _NO_POWER:
        return last
    return 0.0 if power > 0 else np.inf


def _integrals(function: Function, panels: FloatArray) -> FloatArray:
    nodes, weights = panel_nodes(panels)
    return np.asarray(np.sum(weights * function(nodes.ravel()).reshape(nodes.shape), axis=1))


def invert_cumulative(
    function: Function, scales: tuple[float, ...], targets: FloatArray
) -> FloatArray:
    """Return the upper limits at which the integral of a function from 0 reaches the targets."""
    edges = [0.0, *scales]
    panels = adaptive_panels(function, edges, scale=float(targets[-1]))
    parts = _integrals(function, panels)
    # as far as rounding lets the integral grow
    while parts.sum() < targets[-1] and panels[-1, 1] < 1e100 * scales[-1]:
        edges = [panels[-1, 1], 2 * panels[-1, 1]]
        panels = np.concatenate((panels, adaptive_panels(function, edges, float(targets[-1]))))
        parts = _integrals(function, panels)
    below = np.concatenate(([0.0], np.cumsum(parts)))
    found = np.empty_like(targets)
    for index, target in enumerate(targets):
        place = min(int(np.searchsorted(below, target)) - 1, len(panels) - 1)
        low, high = panels[place]

        def missing(x: float, place: int = place, low: float = low, goal: float = target) -> float:
            part = _integrals(function, np.array([[low, x]]))[0] if x > low else 0.0
            return float(below[place] + part - goal)

        found[index] = (
            high
            if missing(high) <= 0
            else bracketed(missing, low, high, xtol=1e-15 * high, rtol=1e-14)
        )
    return found


def oscillating_sum(
    omega: FloatArray, both: FloatArray, net: FloatArray, step: float, count: int
) -> ComplexArray:
    """Return Σ both (cos ωt − 1) − i net sin ωt at t = 0, step, …, (count,)."""
    # Times are a coarse and a fine multiple of the step, and with ε = e^{−iωt} − 1 the sum of two
    # times has ε₁ + ε₂ + ε₁ε₂: products of matrices, and no digits are lost where ω is small.
    fine = int(np.ceil(np.sqrt(count)))
    coarse = -(-count // fine)
    total = np.zeros((coarse, fine), dtype=np.complex128)
    for start in range(0, omega.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        short = np.expm1(-1j * np.outer(omega[part], step * np.arange(fine)))
        long = np.expm1(-1j * np.outer(step * fine * np.arange(coarse), omega[part]))
        for weight, unit in ((both[part], 1.0), (net[part], 1j)):
            weighted = long * weight
            found = weighted @ short + weighted.sum(axis=1)[:, np.newaxis] + weight @ short
            total += unit * (found.real if unit == 1.0 else found.imag)
    return np.asarray(total.ravel()[:count])
