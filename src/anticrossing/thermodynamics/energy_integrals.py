"""Integrals over the energies at which Fermi seas differ or fluctuate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.quadrature import gauss_legendre

_NODES = 16
_TOLERANCE = 1e-13  # of one panel, relative to the whole integral
_NOTHING = 47.0  # exp(−47) is left out at either end
_MOST_PANELS = 1 << 15
_STEPS = np.array([1.0, 4.0, 12.0, 24.0])  # edges around a chemical potential, in temperatures


@dataclass(frozen=True)
class Nodes:
    """Energies, with what of them is accurate next to any of R chemical potentials.

    Attributes
    ----------
    energies : array, shape (n,)
    scaled : array, shape (R, n)
        ``x_ν = (E − μ_ν)/T_ν``.
    drops : array, shape (R, R, n)
        ``x_b − x_a`` at [a, b], without cancellation.
    """

    energies: FloatArray
    scaled: FloatArray
    drops: FloatArray


Density = Callable[[Nodes], tuple[npt.NDArray[Any], FloatArray]]


@dataclass(frozen=True)
class Window:
    """Panels in energy, each counted from the chemical potential or feature next to it.

    Attributes
    ----------
    anchors : array, shape (P,)
        The energies that the panels are counted from.
    lows, highs : array, shape (P,)
        The panels, from their anchors.
    """

    anchors: FloatArray
    lows: FloatArray
    highs: FloatArray
    temperatures: FloatArray
    potentials: FloatArray

    @staticmethod
    def of(
        temperatures: FloatArray,
        potentials: FloatArray,
        *,
        tilts: npt.ArrayLike,
        energy_tilts: npt.ArrayLike,
        band: tuple[float, float] | None,
        features: FloatArray,
    ) -> Window:
        """Return the energies at which any ``f_a (1 − f_b)`` counts, tilted or not.

        What leaves a is weighed with ``exp(−tilt_a − energy_tilt_a · E)``, what enters with the
        inverse.
        """
        shift, slope = np.asarray(tilts, np.float64), np.asarray(energy_tilts, np.float64)
        tops, bottoms = _reach(temperatures, potentials, shift, slope)
        points = np.unique(np.concatenate([potentials, features]))
        middles = 0.5 * np.diff(points)
        anchors, lows, highs = [], [], []
        for place, anchor in enumerate(points):
            away = potentials - anchor
            low, high = float(np.min(away - bottoms)), float(np.max(away + tops))
            if place:
                low = max(low, -middles[place - 1])
            if place < middles.size:
                high = min(high, middles[place])
            if band is not None:
                low, high = max(low, band[0] - anchor), min(high, band[1] - anchor)
            if high <= low:
                continue
            marks = [
                mu + sign * warmth * _STEPS
                for mu, warmth in zip(away, temperatures, strict=True)
                for sign in (-1, 1)
            ]
            inside = np.concatenate([*marks, away, [0.0]])
            inside = inside[(inside > low) & (inside < high)]
            edges = np.unique(np.concatenate([[low, high], inside]))
            anchors.append(np.full(edges.size - 1, anchor))
            lows.append(edges[:-1])
            highs.append(edges[1:])
        if not anchors:  # the band lies where nothing moves
            nothing = np.zeros(1)
            return Window(nothing, nothing, nothing, temperatures, potentials)
        return Window(
            np.concatenate(anchors),
            np.concatenate(lows),
            np.concatenate(highs),
            temperatures,
            potentials,
        )

    def part(self, chosen: npt.NDArray[np.bool_]) -> Window:
        return Window(
            self.anchors[chosen],
            self.lows[chosen],
            self.highs[chosen],
            self.temperatures,
            self.potentials,
        )

    def halved(self) -> Window:
        middles = 0.5 * (self.lows + self.highs)
        return Window(
            np.repeat(self.anchors, 2),
            np.stack([self.lows, middles], axis=1).reshape(-1),
            np.stack([middles, self.highs], axis=1).reshape(-1),
            self.temperatures,
            self.potentials,
        )

    def sums(self, density: Density) -> tuple[npt.NDArray[Any], FloatArray]:
        """Return Gauss sums of k densities and of their sizes over every panel, (k, P) each."""
        x, weights = gauss_legendre(_NODES)
        half = 0.5 * (self.highs - self.lows)
        offsets = (0.5 * (self.lows + self.highs))[:, None] + half[:, None] * x
        base = self.anchors[:, None]
        warmth, mu = self.temperatures[:, None, None], self.potentials[:, None, None]
        start = (base - mu) / warmth
        scaled = start + offsets / warmth
        turn = (warmth[:, None] - warmth) / warmth[:, None] / warmth  # 1/T_b − 1/T_a at [a, b]
        drops = (start - start[:, None]) + offsets * turn
        count = self.temperatures.size
        at = Nodes(
            (base + offsets).reshape(-1), scaled.reshape(count, -1), drops.reshape(count, count, -1)
        )
        values, sizes = (v.reshape(v.shape[0], -1, _NODES) @ weights * half for v in density(at))
        return values, sizes


def integrate(density: Density, window: Window) -> npt.NDArray[Any]:
    """Return the integrals of k densities, the panels halved until they settle.

    A density returns its values (k, n) and the sizes of what it adds up to them, to which the
    accuracy refers.

    Raises
    ------
    ConvergenceError
        If the densities are too rough.
    """
    coarse, _ = window.sums(density)
    total = np.zeros(coarse.shape[0], dtype=coarse.dtype)
    size = np.zeros(coarse.shape[0])
    used = 0
    while window.anchors.size:
        used += window.anchors.size
        if used > _MOST_PANELS:
            place = float(window.anchors[0] + window.lows[0])
            raise ConvergenceError(
                f"The integral over energies does not settle near E = {place:.6g}: give the "
                "energies at which the transmission jumps or peaks as `features`, and count "
                "energies from near a peak as narrow as their rounding."
            )
        parts = window.halved()
        fine, sizes = parts.sums(density)
        joined = fine[:, ::2] + fine[:, 1::2]
        scale = size + sizes.sum(axis=1)
        width = window.highs - window.lows
        # Below the spacing of floats nothing is left to resolve.
        finest = width <= 8 * np.spacing(np.maximum(np.abs(window.lows), np.abs(window.highs)))
        error = np.abs(joined - coarse)
        settled = np.all(error <= _TOLERANCE * scale[:, None], axis=0) | finest
        total = total + joined[:, settled].sum(axis=1)
        size = size + (sizes[:, ::2] + sizes[:, 1::2])[:, settled].sum(axis=1)
        again = np.repeat(~settled, 2)
        window, coarse = parts.part(again), fine[:, again]
    return total


def _reach(
    temperatures: FloatArray, potentials: FloatArray, tilts: FloatArray, slopes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return how far above and below each μ some ``f_a (1 − f_b)``, tilted, is not yet nothing."""
    betas = 1 / temperatures
    tilt = tilts[:, None] - tilts
    slope = slopes[:, None] - slopes
    with np.errstate(over="ignore"):
        # f_a falls off upwards, 1 − f_b downwards
        above = np.maximum(-tilt - slope * potentials[:, None], 0.0)
        below = np.maximum(-tilt - slope * potentials, 0.0)
        tops = (_NOTHING + above) / (betas[:, None] + slope)
        bottoms = (_NOTHING + below) / (betas - slope)
    return tops.max(axis=1), bottoms.max(axis=0)
