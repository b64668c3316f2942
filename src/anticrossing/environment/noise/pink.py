"""1/f noise: a sum of Lorentzians whose rates are spread evenly over the decades."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, check_flag, fail, number_between, real_number
from anticrossing.environment.noise.base import (
    MarkovNoise,
    Process,
    checked_operator,
    joint,
    points,
)
from anticrossing.environment.noise.gaussian import GaussianNoise
from anticrossing.environment.noise.telegraph import TelegraphNoise

_MOST_DECADES, _MOST_PARTS = 15.0, 60


class PinkNoise(MarkovNoise):
    """Noise with a spectrum ``S(ω) = A/|ω|`` between two frequencies.

    A sum of parts that forget at rates γ_k from the lowest to the highest frequency, a fixed ratio
    r apart, each with the variance A ln r / π: Ornstein–Uhlenbeck processes, or fluctuators that
    jump between two values. Below the lowest frequency the spectrum is flat, above the highest it
    falls as 1/ω².

    Parameters
    ----------
    density : float
        A > 0: energy² with `operator`, else the square of the unit of x.
    lowest, highest : float
        Angular frequencies, radians per time; 0 < lowest < highest.
    operator : array, shape (N, N), optional
        Hermitian A in H(x) + δ(t) A; without it the coordinate fluctuates, H(x + δ(t)).
    per_decade : float
        How many parts a decade has.
    fluctuators : bool
        Whether the parts jump between two values; they are Gaussian by default.

    Attributes
    ----------
    rates : array, shape (F,)
        γ_k.
    misfit : float
        The largest share by which the spectrum differs from ``A/|ω|`` more than a decade inside of
        both ends, or half as far in if they are nearer.

    Raises
    ------
    InputError
        For a lowest frequency of 0, where the variance diverges, and numbers that are not positive.

    References
    ----------
    E. Paladino, Y. M. Galperin, G. Falci, B. L. Altshuler, Rev. Mod. Phys. 86, 361 (2014), section
    II, for 1/f noise from fluctuators.

    Examples
    --------
    >>> noise = PinkNoise(1e-4, lowest=0.01, highest=100.0)
    >>> noise.spectrum([0.1, 1.0, 10.0]).round(8)
    array([1.03933e-03, 1.05250e-04, 1.03900e-05])
    >>> round(noise.misfit, 3)
    0.06
    """

    def __init__(
        self,
        density: float,
        lowest: float,
        highest: float,
        operator: npt.ArrayLike | None = None,
        *,
        per_decade: float = 1.0,
        fluctuators: bool = False,
    ) -> None:
        self.density = real_number("density", density)
        self.lowest, self.highest = real_number("lowest", lowest), real_number("highest", highest)
        if not self.density > 0:
            raise fail("density", "be positive", f"it is {self.density:g}")
        if not self.lowest > 0:
            raise fail("lowest", "be positive", f"it is {self.lowest:g}: the variance diverges")
        if not self.highest > self.lowest:
            raise fail("highest", f"lie above {self.lowest:g}", f"it is {self.highest:g}")
        decades = np.log10(self.highest / self.lowest)
        if decades > _MOST_DECADES:
            must = f"lie at most {_MOST_DECADES:g} decades above `lowest`"
            raise fail("highest", must, f"it is {decades:.3g} decades above")
        count = 1 + round(decades * number_between("per_decade", per_decade, 0.1, 10.0))
        if not 2 <= count <= _MOST_PARTS:
            must = f"give 2 to {_MOST_PARTS} parts over {decades:.3g} decades"
            raise fail("per_decade", must, f"it gives {count}")
        self.rates = np.geomspace(self.lowest, self.highest, count)
        self.operator = checked_operator(operator)
        self.is_exact = check_flag("fluctuators", fluctuators)
        ratio = np.log(self.highest / self.lowest) / (count - 1)
        rms = np.full(count, np.sqrt(self.density * ratio / np.pi))
        parts: tuple[MarkovNoise, ...] = (GaussianNoise(rms, 1 / self.rates),)
        if fluctuators:
            parts = tuple(map(TelegraphNoise, rms, 1 / self.rates))
        self.parts = parts

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def misfit(self) -> float:
        """The largest share by which the spectrum differs from ``A/|ω|`` well inside its ends."""
        inside = min(1.0, 0.25 * np.log10(self.highest / self.lowest))
        low, high = self.lowest * 10**inside, self.highest / 10**inside
        omega = np.geomspace(low, high, 400)
        return float(np.max(np.abs(self.spectrum(omega) * omega / self.density - 1)))

    @property
    def variance(self) -> FloatArray:
        return np.asarray(sum(part.variance for part in self.parts))

    @property
    def shortest_time(self) -> float:
        return 1 / self.highest

    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        omega = points("frequency", frequency)
        return np.asarray(sum(part.spectrum(omega) for part in self.parts))

    def correlation(self, time: npt.ArrayLike) -> FloatArray:
        when = points("time", time)
        return np.asarray(sum(part.correlation(when) for part in self.parts))

    def process(self, resolution: int) -> Process:
        return joint([part.process(resolution) for part in self.parts])[0]

    def states(self, resolution: int) -> int:
        return math.prod(part.states(resolution) for part in self.parts)

    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        parts = [part.means(random, paths, steps) for part in self.parts]
        for means in zip(*parts, strict=True):
            yield np.sum(means, axis=0)

    def __repr__(self) -> str:
        kind = ", fluctuators" if self.is_exact else ""
        return (
            f"PinkNoise(density={self.density:g}, lowest={self.lowest:g}, "
            f"highest={self.highest:g}{self._on()}{kind})"
        )
