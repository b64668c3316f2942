"""The Fourier integral of the golden rule with a bath of oscillators, on a line through a saddle.

With the Huang–Rhys density S(ω) = J(ω)/(πω²), n(ω) = 1/(e^{ω/T} − 1) and a classical solvent λ_s,

k/V² = ∫ dt exp(−iΔG t − Q(t)),
−Q(t) = ∫ dω S [(n + 1)(e^{−iωt} − 1) + n (e^{iωt} − 1)] − λ_s (T t² + it).

Q is analytic for −1/T < Im t < 0. On t = s − iτ the integrand is largest at s = 0, where its
logarithm is the convex function f(τ); the minimum of f is the saddle. There nothing oscillates near
the maximum, and even very small rates keep their digits. A continuum confines τ to the strip, so
that in the inverted region some digits are lost to cancellation; how many is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing._core.roots import bracketed
from anticrossing.environment.spectral_density import SpectralDensity
from anticrossing.environment.spectral_density.integration import (
    adaptive_panels,
    finer_panels,
    integrate,
    oscillating_sum,
    panel_nodes,
)

_EDGE = 0.04  # the contour keeps this share of 1/T away from the edges of the strip
_GONE = 40.0  # logarithm at which the integrand is called zero
_MOST_NODES = 400_000
_MOST_TIMES = 4_000_000
_MOST_HALVINGS = 6
_WORST = 1e-6  # relative error that is still returned


@dataclass(frozen=True)
class Weights:
    """A bath as sums over frequencies: S(ω)dω, and the integral of S beyond the last of them."""

    omega: FloatArray
    strength: FloatArray
    beyond: float


@dataclass(frozen=True)
class Integral:
    """ln(k/V²) at one point, its relative error, and the variance of the gap on the contour."""

    log_value: float
    error: float
    variance: float


class BathIntegral:
    """The golden-rule integral of one bath at one temperature, for any driving force."""

    def __init__(self, bath: SpectralDensity, temperature: float, slow: float) -> None:
        self.bath, self.temperature, self.slow = bath, temperature, slow
        self.continuous = bool(bath.scales)
        if not self.continuous and slow == 0:
            raise ConvergenceError(
                "Single modes alone give lines, not a rate: add a continuum or a "
                "`slow_reorganization_energy`."
            )
        self._panels: FloatArray | None = None
        self._beyond = 0.0
        if self.continuous:
            # Above this frequency the factors e^{−ωτ} and e^{−ω(1/T − τ)} are both negligible.
            stop = _GONE * temperature / _EDGE
            edges = [0.0, *(scale for scale in bath.scales if scale < stop)]
            last = edges[-1] if edges[-1] > 0 else stop
            while 2 * last < stop:
                last *= 2
                edges.append(last)
            if edges[-1] < stop:
                edges.append(stop)
            scale = np.pi * bath.reorganization_energy
            panels = adaptive_panels(lambda w: bath.continuum(w) / w, edges, scale)
            nodes, weights = panel_nodes(panels)
            share = weights * bath.continuum(nodes.ravel()).reshape(nodes.shape) / nodes
            self._panels = panels[share.sum(axis=1) > 1e-18 * scale]
            beyond = integrate(lambda w: bath.continuum(w) / w**2, bath.scales, stop)
            self._beyond = (beyond or 0.0) / np.pi
        self._coarse = self._weights(1 / temperature)

    def _weights(self, time: float) -> Weights:
        """Return frequencies dense enough for times up to `time`."""
        omega, strength = self.bath.frequencies, self.bath.huang_rhys
        if self._panels is None:
            return Weights(omega, strength, 0.0)
        widest = min(16 / time, 4 * self.temperature)
        panels = finer_panels(self._panels, widest, _MOST_NODES)
        if panels is None:
            raise ConvergenceError(
                "The bath broadens the transition too little for a rate: its correlations last "
                f"beyond {time:.3g} (inverse energy). Add a `slow_reorganization_energy`."
            )
        nodes, weights = panel_nodes(panels)
        smooth = weights.ravel() * self.bath.continuum(nodes.ravel()) / (np.pi * nodes.ravel() ** 2)
        return Weights(
            np.concatenate((omega, nodes.ravel())), np.concatenate((strength, smooth)), self._beyond
        )

    def __call__(self, energy: float) -> Integral:
        """Return the integral for the reaction free energy ΔG."""
        tau = self._saddle(energy)
        height = -energy * tau + self._height(tau)
        both, _ = _quanta(self._coarse, self.temperature, tau)
        omega = self._coarse.omega
        variance = float(omega**2 @ both) + 2 * self.slow * self.temperature
        weights, last = self._decay(tau, variance)
        both, net = _quanta(weights, self.temperature, tau)
        kept = both > 1e-13 / both.size
        omega, both, net = weights.omega[kept], both[kept], net[kept]
        frequency = energy + self.slow * (1 - 2 * self.temperature * tau)
        centre = abs(frequency + float(omega @ net))
        step = 2 * np.pi / (2 * centre + 12 * np.sqrt(variance))
        step = last / max(int(np.ceil(last / step)), 32)
        integral = rounding = 0.0
        previous = change = np.inf
        for _ in range(_MOST_HALVINGS):
            count = round(last / step)
            if count > _MOST_TIMES:
                break
            times = step * np.arange(count + 1)
            exponent = oscillating_sum(omega, both, net, step, count + 1)
            exponent -= self.slow * self.temperature * times**2 + 1j * frequency * times
            values = np.exp(exponent)
            values[0] /= 2
            integral = 2 * step * float(np.sum(values.real))
            rounding = 1e-15 * 2 * step * float(np.sum(np.abs(values)))
            earlier, change = change, abs(integral - previous)
            settled = change >= earlier / 2 and change <= _WORST * abs(integral)
            if settled or change <= max(1e-9 * abs(integral), 10 * rounding):
                break
            previous, step = integral, step / 2
        error = (change + rounding) / abs(integral) if integral > 0 else np.inf
        if error > _WORST:
            raise ConvergenceError(
                f"The golden-rule integral at reaction_free_energy={energy:.6g} and "
                f"temperature={self.temperature:.6g} cannot be resolved: it is "
                f"{max(integral, 0.0):.3g} with an error of {change + rounding:.3g} "
                f"(times exp({height:.3g})). Far in the inverted region of a bath whose "
                "high frequencies are weak, use marcus_levich_jortner."
            )
        return Integral(height + float(np.log(integral)), error, variance)

    def _height(self, tau: float) -> float:
        """Return f(τ) + ΔGτ, the logarithm of the integrand at s = 0 without the energy."""
        omega, beta = self._coarse.omega, 1 / self.temperature
        product = np.expm1(-omega * tau) * np.expm1(-omega * (beta - tau))
        static = float(self._coarse.strength @ (product / np.expm1(-omega * beta)))
        return static - self._coarse.beyond - self.slow * tau * (1 - self.temperature * tau)

    def _slope(self, tau: float, energy: float) -> float:
        """Return f′(τ), which grows with τ."""
        linear = self.slow * (1 - 2 * self.temperature * tau)
        with np.errstate(over="ignore"):  # far from the saddle, while it is being enclosed
            _, net = _quanta(self._coarse, self.temperature, tau)
            slope = -energy - linear - float(self._coarse.omega @ net)
        return float(np.clip(slope, -1e300, 1e300))

    def _saddle(self, energy: float) -> float:
        beta = 1 / self.temperature
        low, high = _EDGE * beta, (1 - _EDGE) * beta
        if not self.continuous:
            # Single modes allow any τ: widen the strip until it holds the saddle.
            for _ in range(_MOST_HALVINGS * 4):
                if self._slope(low, energy) < 0 < self._slope(high, energy):
                    break
                low, high = low - (high - low) / 2, high + (high - low) / 2
        if self._slope(low, energy) >= 0:
            return low
        if self._slope(high, energy) <= 0:
            return high
        return bracketed(lambda tau: self._slope(tau, energy), low, high, xtol=1e-12 * beta)

    def _decay(self, tau: float, variance: float) -> tuple[Weights, float]:
        """Return a time after which the integrand is gone, and frequencies dense enough for it."""
        last = np.sqrt(2 * _GONE / variance)
        gaussian = np.inf
        if self.slow > 0:
            gaussian = np.sqrt(_GONE / (self.slow * self.temperature))
        while True:
            if last >= gaussian:
                return self._weights(gaussian), float(gaussian)
            weights = self._weights(2 * last)
            if not self.continuous:
                return weights, float(gaussian)  # single modes never stop to beat
            both, _ = _quanta(weights, self.temperature, tau)
            kept = both > 1e-6 / both.size
            times = np.linspace(last, 2 * last, 64)
            lost = 2 * np.sin(np.outer(times, weights.omega[kept]) / 2) ** 2 @ both[kept]
            if np.min(lost + self.slow * self.temperature * times**2) >= _GONE:
                return weights, float(last)
            last *= 2


def _quanta(weights: Weights, temperature: float, tau: float) -> tuple[FloatArray, FloatArray]:
    """Return sum and difference of S(n + 1)e^{−ωτ} and S n e^{ωτ}: quanta given to and taken."""
    # Where ω is small both are very large, and nearly the same.
    omega, later = weights.omega, 1 / temperature - tau
    share = weights.strength / -np.expm1(-omega / temperature)
    given, taken = share * np.exp(-omega * tau), share * np.exp(-omega * later)
    if later >= tau:
        return given + taken, -given * np.expm1(-omega * (later - tau))
    return given + taken, taken * np.expm1(-omega * (tau - later))
