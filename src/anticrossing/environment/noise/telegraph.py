"""Telegraph noise: fluctuators that jump between two values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, integer
from anticrossing.environment.noise.base import (
    MarkovNoise,
    Process,
    batch,
    checked_operator,
    duration,
    lorentzian,
    points,
    strength,
)

_MOST_FLUCTUATORS = 300


class TelegraphNoise(MarkovNoise):
    """Noise that jumps between two values ±a, or the sum of several such fluctuators.

    ⟨δ(t)δ(0)⟩ = F a² exp(−|t|/τ): each of F fluctuators flips at the rate 1/2τ. Followed exactly:
    equal fluctuators have F + 1 states, those that differ are added with ``+``.

    Parameters
    ----------
    amplitude : float or array
        a ≥ 0 of one fluctuator: an energy with `operator`, else in the unit of x. An array makes a
        batch.
    correlation_time : float or array
        τ > 0.
    operator : array, shape (N, N), optional
        Hermitian A in H(x) + δ(t) A; without it the coordinate fluctuates, H(x + δ(t)).
    fluctuators : int
        F equal ones.

    Raises
    ------
    InputError
        For a negative amplitude, a time that is not positive, an operator that is not Hermitian.

    References
    ----------
    A. Brissaud, U. Frisch, J. Math. Phys. 15, 524 (1974), for the equation of the averages.

    Examples
    --------
    >>> TelegraphNoise(0.1, 5.0, [[1, 0], [0, -1]])
    TelegraphNoise(amplitude=0.1, correlation_time=5, operator)
    """

    parameters = ("amplitude", "correlation_time")
    is_exact = True

    def __init__(
        self,
        amplitude: npt.ArrayLike,
        correlation_time: npt.ArrayLike,
        operator: npt.ArrayLike | None = None,
        *,
        fluctuators: int = 1,
    ) -> None:
        self.amplitude = strength("amplitude", amplitude)
        self.correlation_time = duration("correlation_time", correlation_time)
        batch(amplitude=self.amplitude, correlation_time=self.correlation_time)
        self.operator = checked_operator(operator)
        self.fluctuators = integer("fluctuators", fluctuators, minimum=1, maximum=_MOST_FLUCTUATORS)

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.fluctuators * self.amplitude**2)

    @property
    def shortest_time(self) -> float:
        return float(self.correlation_time.min())

    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        return lorentzian(self.variance, self.correlation_time, points("frequency", frequency))

    def correlation(self, time: npt.ArrayLike) -> FloatArray:
        decay = np.exp(-np.abs(points("time", time)) / self.correlation_time[..., None])
        return np.asarray(self.variance[..., None] * decay)

    def process(self, resolution: int) -> Process:
        up = np.arange(self.fluctuators + 1.0)  # how many of them
        flips = 0.5 / np.atleast_1d(self.correlation_time)
        beside = np.sqrt((self.fluctuators - up[:-1]) * up[1:])
        rates = np.diag(beside, 1) + np.diag(beside, -1) - self.fluctuators * np.eye(up.size)
        values = np.atleast_1d(self.amplitude)[:, None] * (2 * up - self.fluctuators)
        lanes = max(values.shape[0], flips.size)
        shape = (lanes, up.size)
        counts = np.cumsum(np.log(np.maximum(up, 1.0)))  # log n!
        counts = counts[-1] - counts - counts[::-1] - self.fluctuators * np.log(2)
        return Process(
            np.broadcast_to(values[..., None] * np.eye(up.size), (lanes, up.size, up.size)),
            np.broadcast_to(flips[:, None, None] * rates, (lanes, up.size, up.size)),
            np.broadcast_to(np.exp(0.5 * counts), shape),
        )

    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        amplitude, time = float(self.amplitude), float(self.correlation_time)
        state = random.choice([-1.0, 1.0], size=(self.fluctuators, paths))
        for step in steps:
            flips = random.poisson(0.5 * step / time, size=state.shape)
            mean = state.copy()
            some = np.nonzero(flips)
            if some[0].size:
                mean[some] *= _share(random, flips[some])
                state[some] *= 1.0 - 2.0 * (flips[some] % 2)
            yield amplitude * mean.sum(axis=0)

    def __repr__(self) -> str:
        several = "" if self.fluctuators == 1 else f", fluctuators={self.fluctuators}"
        return (
            f"TelegraphNoise(amplitude={said(self.amplitude)}, "
            f"correlation_time={said(self.correlation_time)}{self._on()}{several})"
        )


def _share(random: np.random.Generator, flips: npt.NDArray[np.int64]) -> FloatArray:
    """Return the mean of ±1 over a step that begins as +1 and has so many flips in it."""
    mean = np.zeros(flips.size)
    for count in np.unique(flips):
        rows = np.flatnonzero(flips == count)
        cuts = np.sort(random.random((rows.size, count)), axis=1)
        edges = np.concatenate([np.zeros((rows.size, 1)), cuts, np.ones((rows.size, 1))], axis=1)
        mean[rows] = np.diff(edges, axis=1) @ (-1.0) ** np.arange(count + 1)
    return mean


def said(value: FloatArray) -> str:
    """Return a parameter in words."""
    return f"{float(value):g}" if value.ndim == 0 else f"<{value.size} values>"
