"""Telegraph noise: fluctuators that jump between two values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, integer, parameter
from anticrossing.environment.noise.base import (
    LorentzianNoise,
    Process,
    batch,
    checked_operator,
    duration,
    strength,
)

_MOST_FLUCTUATORS = 300


class TelegraphNoise(LorentzianNoise):
    """Noise that jumps between two values ±a, or the sum of several such fluctuators.

    Each of F fluctuators is at +a for a share p of the time: it jumps up at the rate p/τ and down
    at (1 − p)/τ. About the mean F a (2p − 1), which moves H and is not taken off, δ has the
    correlation 4p(1 − p) F a² exp(−|t|/τ). Followed exactly: equal fluctuators have F + 1 states,
    those that differ are added with ``+``.

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
    occupation : float or array
        p, between 0 and 1; ½ for equal rates.

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
    >>> float(TelegraphNoise(0.1, 5.0, occupation=0.25).mean)
    -0.05
    """

    parameters = ("amplitude", "correlation_time", "occupation")
    is_exact = True

    def __init__(
        self,
        amplitude: npt.ArrayLike,
        correlation_time: npt.ArrayLike,
        operator: npt.ArrayLike | None = None,
        *,
        fluctuators: int = 1,
        occupation: npt.ArrayLike = 0.5,
    ) -> None:
        self.amplitude = strength("amplitude", amplitude)
        self.correlation_time = duration("correlation_time", correlation_time)
        self.occupation = parameter("occupation", occupation)
        if np.any((self.occupation <= 0) | (self.occupation >= 1)):
            found = f"it runs from {self.occupation.min():g} to {self.occupation.max():g}"
            raise fail("occupation", "lie between 0 and 1", found)
        batch(**{name: getattr(self, name) for name in self.parameters})
        self.operator = checked_operator(operator)
        self.fluctuators = integer("fluctuators", fluctuators, minimum=1, maximum=_MOST_FLUCTUATORS)
        if np.any(self.mean != 0):
            least, most = float(np.min(self.mean)), float(np.max(self.mean))
            found = f"{least:.6g}" if least == most else f"from {least:.6g} to {most:.6g}"
            self.notes = (f"the telegraph noise has a mean, {found}, which moves H as well",)

    @property
    def variance(self) -> FloatArray:
        p = self.occupation
        return np.asarray(4 * p * (1 - p) * self.fluctuators * self.amplitude**2)

    @property
    def mean(self) -> FloatArray:
        return np.asarray(self.fluctuators * self.amplitude * (2 * self.occupation - 1))

    def process(self, resolution: int) -> Process:
        count = self.fluctuators
        up = np.arange(count + 1.0)  # how many of them
        amplitude, time, p = np.broadcast_arrays(
            *(np.atleast_1d(getattr(self, name)) for name in self.parameters)
        )
        whole = np.sqrt(p * (1 - p))[:, None]
        beside = whole * np.sqrt((count - up[:-1]) * up[1:])
        leaving = p[:, None] * (count - up) + (1 - p)[:, None] * up
        rates = np.zeros((p.size, up.size, up.size))
        k = np.arange(count)
        rates[:, k, k + 1] = rates[:, k + 1, k] = beside
        rates -= leaving[:, :, None] * np.eye(up.size)
        values = amplitude[:, None] * (2 * up - count)
        factorials = np.cumsum(np.log(np.maximum(up, 1.0)))
        ways = factorials[-1] - factorials - factorials[::-1]
        chances = ways + up * np.log(p)[:, None] + (count - up) * np.log1p(-p)[:, None]
        return Process(
            values[..., None] * np.eye(up.size), rates / time[:, None, None], np.exp(0.5 * chances)
        )

    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        amplitude, time, p = (float(getattr(self, name)) for name in self.parameters)
        up = random.random((self.fluctuators, paths)) < p
        left = random.standard_exponential(up.shape) * np.where(up, time / (1 - p), time / p)
        for step in steps:
            mean = np.zeros(up.shape)
            gone = np.zeros(up.shape)
            jumps = np.nonzero(left < step)
            while jumps[0].size:
                sign = np.where(up[jumps], 1.0, -1.0)
                mean[jumps] += sign * (left[jumps] - gone[jumps])
                gone[jumps] = left[jumps]
                up[jumps] = ~up[jumps]
                waits = np.where(up[jumps], time / (1 - p), time / p)
                left[jumps] += random.standard_exponential(jumps[0].size) * waits
                again = left[jumps] < step
                jumps = (jumps[0][again], jumps[1][again])
            mean += np.where(up, 1.0, -1.0) * (step - gone)
            left -= step
            yield amplitude * mean.sum(axis=0) / step

    def __repr__(self) -> str:
        several = "" if self.fluctuators == 1 else f", fluctuators={self.fluctuators}"
        if np.any(self.occupation != 0.5):
            several += f", occupation={said(self.occupation)}"
        return (
            f"TelegraphNoise(amplitude={said(self.amplitude)}, "
            f"correlation_time={said(self.correlation_time)}{self._on()}{several})"
        )


def said(value: FloatArray) -> str:
    """Return a parameter in words."""
    return f"{float(value):g}" if value.ndim == 0 else f"<{value.size} values>"
