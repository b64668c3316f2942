"""Integrals over the energies at which two Fermi seas differ or fluctuate."""

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
    """Energies, with what of them is accurate next to either chemical potential.

    Attributes
    ----------
    energies : array, shape (n,)
    scaled : (array, array), shape (n,)
        ``x_ν = (E − μ_ν)/T_ν`` of both reservoirs.
    drop : array, shape (n,)
        ``x_R − x_L``, without cancellation.
    """

    energies: FloatArray
    scaled: tuple[FloatArray, FloatArray]
    drop: FloatArray


Density = Callable[[Nodes], tuple[npt.NDArray[Any], FloatArray]]


@dataclass(frozen=True)
class Window:
    """Panels in energy, each counted from the chemical potential next to it.

    Attributes
    ----------
    anchors : array of int, shape (P,)
        Which chemical potential.
    lows, highs : array, shape (P,)
        The panels, from their anchors.
    """

    anchors: npt.NDArray[np.intp]
    lows: FloatArray
    highs: FloatArray
    temperatures: FloatArray
    potentials: FloatArray

    @staticmethod
    def of(
        temperatures: FloatArray,
        potentials: FloatArray,
        *,
        tilt: float,
        energy_tilt: float,
        band: tuple[float, float] | None,
        features: FloatArray,
    ) -> Window:
        """Return the energies at which ``f_L (1 − f_R)`` and its reverse count, tilted or not.

        The tilts multiply the two by ``exp(∓(tilt + energy_tilt · E))``.
        """
        betas = 1 / temperatures
        order = np.argsort(potentials, kind="stable")
        middle = 0.5 * (potentials[order[1]] - potentials[order[0]])
        # Falling off upwards and downwards, in either direction of transport: slope and height.
        slopes = np.array([betas[0] + energy_tilt, betas[1] - energy_tilt])
        with np.errstate(over="ignore"):
            at_zero = np.array(
                [
                    -tilt - energy_tilt * potentials[0],
                    tilt + energy_tilt * potentials[1],
                    tilt + energy_tilt * potentials[0],
                    -tilt - energy_tilt * potentials[1],
                ]
            )
        tops = (_NOTHING + np.maximum(at_zero[:2], 0.0)) / slopes
        bottoms = (_NOTHING + np.maximum(at_zero[2:], 0.0)) / slopes
        anchors, lows, highs = [], [], []
        for place, anchor in enumerate(order):
            shift = potentials - potentials[anchor]
            high = float(np.max(shift + tops)) if place else middle
            low = -middle if place else float(np.min(shift - bottoms))
            if band is not None:
                low = max(low, band[0] - potentials[anchor])
                high = min(high, band[1] - potentials[anchor])
            marks = [shift[k] + s * temperatures[k] * _STEPS for k in (0, 1) for s in (-1, 1)]
            inside = np.concatenate([*marks, shift, features - potentials[anchor]])
            inside = inside[(inside > low) & (inside < high)]
            if high <= low:
                continue
            edges = np.unique(np.concatenate([[low, high], inside]))
            anchors.append(np.full(edges.size - 1, anchor))
            lows.append(edges[:-1])
            highs.append(edges[1:])
        if not anchors:  # the band lies where nothing moves
            nothing = np.zeros(1)
            return Window(nothing.astype(np.intp), nothing, nothing, temperatures, potentials)
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
        base = self.potentials[self.anchors][:, None]
        (t_left, t_right), (mu_left, mu_right) = self.temperatures, self.potentials
        left, right = (base - mu_left) / t_left, (base - mu_right) / t_right
        slope = (t_left - t_right) / t_left / t_right
        at = Nodes(
            (base + offsets).reshape(-1),
            ((left + offsets / t_left).reshape(-1), (right + offsets / t_right).reshape(-1)),
            ((right - left) + offsets * slope).reshape(-1),
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
            place = float(window.potentials[window.anchors[0]] + window.lows[0])
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
