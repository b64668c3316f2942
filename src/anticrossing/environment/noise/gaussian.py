"""Gaussian noise: quasi-static, Ornstein–Uhlenbeck, and sums of Ornstein–Uhlenbeck processes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail
from anticrossing.environment.noise.base import (
    LorentzianNoise,
    MarkovNoise,
    Noise,
    Process,
    batch,
    checked_operator,
    duration,
    lorentzian,
    points,
    strength,
)
from anticrossing.environment.noise.telegraph import said

# Numbers of states turn even and odd: with and without one at 0.
_ORDERS = (3, 6, 9, 14, 19, 28, 39, 56, 79, 110, 155, 220, 309)
_SUM_ORDERS, _ALWAYS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27), 2
_MOST_STATES = 5000
_SHORT = 1e-2  # of a step, in correlation times: its series


class QuasiStaticNoise(Noise):
    """Gaussian noise that keeps its value during one evolution, and has another in the next.

    The average over exact evolutions at many values, which are added until it settles.

    Parameters
    ----------
    rms : float or array
        σ ≥ 0, root mean square of δ: an energy with `operator`, else in the unit of x. An array
        makes a batch.
    operator : array, shape (N, N), optional
        Hermitian A in H(x) + δ A; without it the coordinate fluctuates, H(x + δ).

    Raises
    ------
    InputError
        For a negative σ, or an operator that is not Hermitian.

    Examples
    --------
    >>> QuasiStaticNoise(0.02)
    QuasiStaticNoise(rms=0.02)
    """

    parameters = ("rms",)

    def __init__(self, rms: npt.ArrayLike, operator: npt.ArrayLike | None = None) -> None:
        self.rms = strength("rms", rms)
        self.operator = checked_operator(operator)

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.rms**2)

    @property
    def shortest_time(self) -> float:
        return float(np.inf)

    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        """Return S(ω) = 2πσ² δ(ω): 0 at angular frequencies (F,) that are not 0.

        Parameters
        ----------
        frequency : array, shape (F,)
        """
        omega = points("frequency", frequency)
        if np.any(omega == 0):
            raise fail("frequency", "not be 0", "all of quasi-static noise is there")
        return np.zeros((*self.rms.shape, omega.size))

    def correlation(self, time: npt.ArrayLike) -> FloatArray:
        return np.repeat(self.variance[..., None], points("time", time).size, axis=-1)

    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        value = float(self.rms) * random.standard_normal(paths)
        return itertools.repeat(value, steps.size)

    def __repr__(self) -> str:
        return f"QuasiStaticNoise(rms={said(self.rms)}{self._on()})"


class OrnsteinUhlenbeckNoise(LorentzianNoise):
    """Gaussian noise with ⟨δ(t)δ(0)⟩ = σ² exp(−|t|/τ), the Ornstein–Uhlenbeck process.

    Its Fokker–Planck equation, in the basis of Hermite functions cut off at an order, is a Markov
    process of as many states, at the nodes of Gauss–Hermite quadrature: where H is linear in δ the
    same as the usual hierarchy of auxiliary density matrices. The order is raised until the
    averages settle, and what is left is part of the estimated error.

    Parameters
    ----------
    rms : float or array
        σ ≥ 0: an energy with `operator`, else in the unit of x. An array makes a batch.
    correlation_time : float or array
        τ > 0.
    operator : array, shape (N, N), optional
        Hermitian A in H(x) + δ(t) A; without it the coordinate fluctuates, H(x + δ(t)).

    Raises
    ------
    InputError
        For a negative σ, a time that is not positive, an operator that is not Hermitian.

    References
    ----------
    G. E. Uhlenbeck, L. S. Ornstein, Phys. Rev. 36, 823 (1930). Y. Tanimura, J. Phys. Soc. Jpn. 75,
    082001 (2006), section 2, for the hierarchy.

    Examples
    --------
    >>> noise = OrnsteinUhlenbeckNoise(0.1, 5.0, [[1, 0], [0, -1]])
    >>> noise
    OrnsteinUhlenbeckNoise(rms=0.1, correlation_time=5, operator)
    >>> noise.spectrum([0.0, 0.2]).round(3)   # 2σ²τ/(1 + ω²τ²)
    array([0.1 , 0.05])
    """

    parameters = ("rms", "correlation_time")

    def __init__(
        self,
        rms: npt.ArrayLike,
        correlation_time: npt.ArrayLike,
        operator: npt.ArrayLike | None = None,
    ) -> None:
        self.rms = strength("rms", rms)
        self.correlation_time = duration("correlation_time", correlation_time)
        batch(rms=self.rms, correlation_time=self.correlation_time)
        self.operator = checked_operator(operator)

    @property
    def variance(self) -> FloatArray:
        return np.asarray(self.rms**2)

    def process(self, resolution: int) -> Process:
        order = _ORDERS[min(resolution, len(_ORDERS) - 1)]
        rms, time = np.broadcast_arrays(
            np.atleast_1d(self.rms), np.atleast_1d(self.correlation_time)
        )
        steps = np.sqrt(np.arange(1.0, order + 1))
        x, decay = np.diag(steps, 1) + np.diag(steps, -1), np.diag(np.arange(order + 1.0))
        return Process(
            rms[:, None, None] * x,
            -decay / time[:, None, None],
            np.broadcast_to(np.eye(1, order + 1), (rms.size, order + 1)),
        )

    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        return _means(random, paths, steps, float(self.rms), float(self.correlation_time))

    def __repr__(self) -> str:
        return (
            f"OrnsteinUhlenbeckNoise(rms={said(self.rms)}, "
            f"correlation_time={said(self.correlation_time)}{self._on()})"
        )


class GaussianNoise(MarkovNoise):
    """A sum of Ornstein–Uhlenbeck processes: Gaussian noise whose spectrum is one of Lorentzians.

    ⟨δ(t)δ(0)⟩ = Σ_k σ_k² exp(−|t|/τ_k). All together are one Markov process, whose states are the
    products of Hermite functions up to one order of them all, which is raised until the averages
    settle.

    Parameters
    ----------
    rms : sequence of float
        σ_k > 0: energies with `operator`, else in the unit of x.
    correlation_times : sequence of float
        τ_k > 0.
    operator : array, shape (N, N), optional
        Hermitian A in H(x) + δ(t) A; without it the coordinate fluctuates, H(x + δ(t)).

    Raises
    ------
    InputError
        For lists of different lengths, σ or times that are not positive.

    Examples
    --------
    >>> noise = GaussianNoise([0.1, 0.2], [1.0, 10.0])
    >>> float(noise.variance.round(3)), noise.correlation(10.0).round(4)
    (0.05, array([0.0147]))
    """

    def __init__(
        self,
        rms: Sequence[float] | FloatArray,
        correlation_times: Sequence[float] | FloatArray,
        operator: npt.ArrayLike | None = None,
    ) -> None:
        self.rms = _several("rms", rms)
        self.correlation_times = _several("correlation_times", correlation_times)
        if self.rms.size != self.correlation_times.size:
            must = f"have as many entries as `rms`, {self.rms.size}"
            raise fail("correlation_times", must, f"there are {self.correlation_times.size}")
        self.operator = checked_operator(operator)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def variance(self) -> FloatArray:
        return np.asarray(np.sum(self.rms**2))

    @property
    def shortest_time(self) -> float:
        return float(self.correlation_times.min())

    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        omega = points("frequency", frequency)
        return np.asarray(lorentzian(self.rms**2, self.correlation_times, omega).sum(axis=0))

    def correlation(self, time: npt.ArrayLike) -> FloatArray:
        decay = np.exp(-np.abs(points("time", time)) / self.correlation_times[:, None])
        return np.asarray(self.rms**2 @ decay)

    def _indices(self, resolution: int) -> tuple[tuple[int, ...], ...]:
        orders = _ORDERS if self.rms.size == 1 else _SUM_ORDERS
        order = orders[min(resolution, len(orders) - 1)]
        # What forgets fast against its own strength acts nearly as white noise: a few orders do.
        fast = 1 / (self.rms * self.correlation_times)
        weights = 0.5 + 0.5 * np.log2(1 + fast / np.min(fast))
        return _indices(tuple(weights.tolist()), order)

    def process(self, resolution: int) -> Process:
        indices = self._indices(resolution)
        position = {index: k for k, index in enumerate(indices)}
        x = np.zeros((len(indices), len(indices)))
        for index, k in position.items():
            for part, sigma in enumerate(self.rms):
                raised = (*index[:part], index[part] + 1, *index[part + 1 :])
                if (other := position.get(raised)) is not None:
                    x[k, other] = x[other, k] = sigma * np.sqrt(raised[part])
        decay = np.array(indices) @ (1 / self.correlation_times)
        return Process(x[None], -np.diag(decay)[None], np.eye(1, decay.size))

    def states(self, resolution: int) -> int:
        return len(self._indices(resolution))

    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        parts = [
            _means(random, paths, steps, float(sigma), float(time))
            for sigma, time in zip(self.rms, self.correlation_times, strict=True)
        ]
        for means in zip(*parts, strict=True):
            yield np.sum(means, axis=0)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.rms.size} Lorentzians, rms="
            f"{float(np.sqrt(self.variance)):g}{self._on()})"
        )


def _several(name: str, value: npt.ArrayLike) -> FloatArray:
    array = np.atleast_1d(duration(name, value))
    if array.ndim != 1:
        raise fail(name, "be a list of numbers", f"it is {describe(value)}")
    return array


@functools.cache
def _indices(weights: tuple[float, ...], order: int) -> tuple[tuple[int, ...], ...]:
    """Return products of Hermite functions, one for each weight, up to a weighted order.

    All up to an order that does not ask for weights are among them.
    """
    found: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for weight in weights:
        found = [
            ((*index, n), total + n * weight)
            for index, total in found
            for n in range(order + 1)
            if total + n * weight <= order or sum(index) + n <= _ALWAYS
        ]
        if len(found) > _MOST_STATES:
            break
    return tuple(index for index, _ in found)


def _means(
    random: np.random.Generator, paths: int, steps: FloatArray, rms: float, time: float
) -> Iterator[FloatArray]:
    """Yield exact means over steps of an Ornstein–Uhlenbeck process, which are Gaussian."""
    value = random.standard_normal(paths)
    for step in steps / time:
        kept = np.exp(-step)
        lost = -np.expm1(-step)
        spread = np.sqrt(-np.expm1(-2 * step))
        # Covariance with the integral, and what the integral has of its own.
        common = lost**2 / spread
        if step < _SHORT:
            own = step**3 / 6 - step**5 / 60
        else:
            own = 2 * step - 3 + 4 * kept - kept**2 - common**2
        first = random.standard_normal(paths)
        integral = value * lost + common * first
        integral += np.sqrt(max(own, 0.0)) * random.standard_normal(paths)
        value = kept * value + spread * first
        yield rms * integral / step
