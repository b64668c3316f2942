"""Rate constants of a network of first-order steps, from populations against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    describe,
    fail,
    increasing,
    index,
    integer,
    of_shape,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.unchanging import read_only
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import FloatArray

_SLOWEST, _FASTEST = 1e-3, 1e3  # times the window and the spacing of the times, that can be seen
_STARTS = (0.3, 3.0, 30.0)  # rates to begin from, over the window
_MOST_STARTS = 81
_CONFIDENCE = (15.8655254, 84.1344746)  # percentiles, ±σ of a normal distribution
_SUM = 1e-6  # by which populations may miss one


@read_only
@dataclass(frozen=True, eq=False)
class KineticFit(Result):
    """Rate constants with their errors.

    Attributes
    ----------
    steps : tuple of (int, int)
        From which state to which.
    rates : array, shape (s,)
        The rate constant of each step (1/time).
    errors : array, shape (s,)
        Their standard deviations over the resamplings.
    intervals : array, shape (s, 2)
        Between which 68 % of the resamplings lie.
    samples : array, shape (r, s)
        The rates of the resamplings.
    times : array, shape (k,)
    populations, fitted : array, shape (k, m)
        Measured, and of the network.
    seed : int
    states : tuple of str
        Names of the m states.
    warnings : tuple of str
    """

    steps: tuple[tuple[int, int], ...]
    rates: FloatArray
    errors: FloatArray
    intervals: FloatArray
    samples: FloatArray
    times: FloatArray
    populations: FloatArray
    fitted: FloatArray
    seed: int
    states: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time", unit="time", of="times"),
        "population": shown("time", "state", text="measured population", of="populations"),
        "fitted": shown("time", "state", text="population of the network"),
        "rate": shown("step", text="rate constant", unit="1/time", of="rates"),
        "rate_error": shown("step", text="standard deviation", unit="1/time", of="errors"),
    }

    @property
    def names(self) -> tuple[str, ...]:
        """The steps in words, ``A → B``."""
        return tuple(f"{self.states[i]} → {self.states[j]}" for i, j in self.steps)

    @property
    def residual(self) -> float:
        """The root mean square of measured less fitted populations."""
        return float(np.sqrt(np.mean((self.populations - self.fitted) ** 2)))

    @property
    def lifetimes(self) -> FloatArray:
        """How long each state lives, infinite where no step leaves it."""
        leaving = np.zeros(self.populations.shape[1])
        for (source, _), rate in zip(self.steps, self.rates, strict=True):
            leaving[source] += rate
        with np.errstate(divide="ignore"):
            return np.asarray(1 / leaving)

    def __str__(self) -> str:
        lines = [
            f"  {name}: {rate:.4g} ± {error:.2g}"
            for name, rate, error in zip(self.names, self.rates, self.errors, strict=True)
        ]
        notes = [f"note: {note}" for note in self.notes()]
        return "\n".join(
            [
                "KineticFit",
                *lines,
                f"  root mean square of the residuals {self.residual:.2g}",
                *notes,
            ]
        )


def fit_kinetics(
    times: npt.ArrayLike,
    populations: npt.ArrayLike,
    steps: Sequence[tuple[int, int]],
    *,
    initial: npt.ArrayLike | None = None,
    states: Sequence[str] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> KineticFit:
    """Fit the rate constants of first-order steps, with errors by resampling.

    ``p(t) = exp(Kt) p(0)``, ``K_ji = k_ij`` for a step from i to j, ``K_ii = −Σ_j k_ij``, by least
    squares of all populations, in the logarithms of the rates. Populations of single trajectories
    are resampled as whole trajectories (their values at different times belong together); mean
    populations point by point, as if the points were independent.

    Parameters
    ----------
    times : array_like, shape (k,)
        Ascending (time).
    populations : array_like, shape (k, m) or (n, k, m)
        Of m states, mean ones or of each of n trajectories, that sum to one.
    steps : sequence of (int, int)
        From which state to which, counted from 0: ``[(0, 1), (1, 2)]`` for A → B → C.
    initial : array_like, shape (m,), optional
        ``p(0)`` at the first time, by default the populations there.
    states : sequence of str, optional
        Names of the states, for what is printed; by default their numbers.
    resamples : int
        At least 20.
    seed : int
        Of the resampling.

    Returns
    -------
    KineticFit
        With a warning for each rate that the window cannot tell, and for populations that the
        network does not describe.

    Raises
    ------
    InputError
        If shapes do not fit, a population is not between 0 and 1 or they do not sum to one, a step
        is repeated or leads nowhere, or there are fewer points than rates.
    ConvergenceError
        If no start leads to a minimum.

    References
    ----------
    B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 9.

    Examples
    --------
    >>> t = np.linspace(0, 10, 41)
    >>> decay = np.exp(-0.5 * t)
    >>> fit = fit_kinetics(t, np.stack([decay, 1 - decay], axis=1), [(0, 1)], resamples=20)
    >>> fit.rates.round(6), fit.lifetimes.round(6)
    (array([0.5]), array([ 2., inf]))
    """
    t = increasing("times", times)
    given = real_array("populations", populations)
    if given.ndim not in (2, 3) or given.shape[-2] != t.size or given.shape[-1] < 2:
        raise fail(
            "populations",
            f"have shape ({t.size}, m) or (n, {t.size}, m) with at least two states",
            f"the shape is {given.shape}",
        )
    if np.any((given < -_SUM) | (given > 1 + _SUM)):
        raise fail("populations", "lie between 0 and 1", f"one is {describe(given.min())}")
    if np.any(np.abs(given.sum(axis=-1) - 1) > _SUM):
        worst = given.sum(axis=-1).ravel()[np.abs(given.sum(axis=-1) - 1).argmax()]
        raise fail("populations", "sum to one at every time", f"one sum is {worst:g}")
    network = _network(steps, given.shape[-1])
    if len(network) >= (given.shape[-1] - 1) * (t.size - 1):
        raise fail("times", "be more than the rates", f"they are {t.size}")
    named = tuple(map(str, range(given.shape[-1]) if states is None else states))
    if len(named) != given.shape[-1]:
        raise fail("states", f"name {given.shape[-1]} states", f"it names {len(named)}")
    start = None
    if initial is not None:
        start = of_shape("initial", real_array("initial", initial), (given.shape[-1],))
        if np.any(start < 0) or abs(start.sum() - 1) > _SUM:
            raise fail("initial", "be populations that sum to one", f"it is {describe(initial)}")
    integer("resamples", resamples, minimum=20)
    integer("seed", seed, minimum=0)
    model = _Model(t - t[0], network, given.shape[-1], start)
    means = given if given.ndim == 2 else given.mean(axis=0)
    weights: npt.NDArray[Any] = np.ones(t.size)
    best = model.search(means, weights)
    rng = np.random.default_rng(seed)
    samples = np.empty((resamples, len(network)))
    for k in range(resamples):
        if given.ndim == 3:
            chosen = given[rng.integers(len(given), size=len(given))].mean(axis=0)
        else:
            chosen, weights = means, rng.multinomial(t.size, np.full(t.size, 1 / t.size))
        samples[k] = model.fit(chosen, weights, best)
    logarithms = np.percentile(samples, _CONFIDENCE, axis=0).T
    fitted = model(best, means)
    fit = KineticFit(
        network, np.exp(best), np.std(np.exp(samples), axis=0), np.exp(logarithms),
        np.exp(samples), t, means, fitted, seed, named,
    )  # fmt: skip
    object.__setattr__(fit, "warnings", _doubts(fit, given))
    return fit


class _Model:
    """Populations of a network, and its rates from populations."""

    def __init__(
        self,
        times: FloatArray,
        network: tuple[tuple[int, int], ...],
        count: int,
        start: FloatArray | None,
    ) -> None:
        self.times, self.start = times, start
        self.units = np.zeros((len(network), count, count))
        for unit, (source, target) in zip(self.units, network, strict=True):
            unit[target, source], unit[source, source] = 1.0, -1.0
        # equal intervals, up to rounding, share one exponential
        rounded = np.round(np.diff(times) / times[-1], 12)
        self.lengths, self.which = np.unique(rounded, return_inverse=True)
        self.lengths = self.lengths * times[-1]
        span = times[-1]
        closest = float(np.diff(times).min())
        self.bounds = (np.log(_SLOWEST / span / 100), np.log(_FASTEST / closest))

    def __call__(self, logarithms: FloatArray, measured: FloatArray) -> FloatArray:
        """Return the populations of the network, shape (k, m)."""
        from scipy.linalg import expm

        generator = np.tensordot(np.exp(logarithms), self.units, axes=1)
        found = np.empty((self.times.size, len(generator)))
        found[0] = measured[0] if self.start is None else self.start
        passed = expm(generator * self.lengths[:, np.newaxis, np.newaxis])
        for k, which in enumerate(self.which):
            found[k + 1] = passed[which] @ found[k]
        return found

    def fit(self, measured: FloatArray, weights: npt.NDArray[Any], first: FloatArray) -> FloatArray:
        """Return the logarithms of the rates, from a start."""
        from scipy.optimize import least_squares

        root = np.sqrt(weights)[:, np.newaxis]
        found = least_squares(
            lambda x: (root * (self(x, measured) - measured)).ravel(),
            np.clip(first, *self.bounds), bounds=self.bounds, x_scale=1.0, method="trf",
        )  # fmt: skip
        return np.asarray(found.x)

    def search(self, measured: FloatArray, weights: npt.NDArray[Any]) -> FloatArray:
        """Return the best fit from several starts."""
        count = len(self.units)
        if len(_STARTS) ** count <= _MOST_STARTS:
            starts = np.array(list(product(_STARTS, repeat=count)))
        else:
            starts = np.random.default_rng(0).choice(_STARTS, size=(_MOST_STARTS, count))

        def loss(x: FloatArray) -> float:
            return float(np.sum((self(x, measured) - measured) ** 2))

        first = sorted(np.log(starts / self.times[-1]), key=loss)[:4]
        found = [self.fit(measured, weights, start) for start in first]
        best = min(found, key=loss)
        if not np.all(np.isfinite(best)):
            raise ConvergenceError("No start of the kinetic fit leads to a minimum.")
        return best


def _network(steps: Sequence[tuple[int, int]], count: int) -> tuple[tuple[int, int], ...]:
    found = []
    if not len(steps):
        raise fail("steps", "be pairs of states", f"it is {describe(steps)}")
    for k, step in enumerate(steps):
        if len(step) != 2:
            raise fail(f"steps[{k}]", "be a pair of states", f"it is {describe(step)}")
        source, target = (index(f"steps[{k}]", state, count) for state in step)
        if source == target:
            raise fail(f"steps[{k}]", "lead to another state", f"it is {describe(step)}")
        found.append((source, target))
    if len(set(found)) < len(found):
        raise fail("steps", "name each step once", f"it is {describe(steps)}")
    return tuple(found)


def _doubts(fit: KineticFit, given: FloatArray) -> tuple[str, ...]:
    """Return what is to be doubted: rates outside the window, a network that does not fit."""
    span, closest = fit.times[-1] - fit.times[0], np.diff(fit.times).min()
    found = []
    for step, rate, error in zip(fit.names, fit.rates, fit.errors, strict=True):
        name = f"the rate of {step}"
        if rate * span < 0.05 or error > 0.5 * rate:
            found.append(f"{name} is not told by these populations: {rate:.2g} ± {error:.2g}")
        elif rate * closest > 3:
            found.append(f"{name} is faster than the spacing of the times")
    if given.ndim == 3 and len(given) > 1:
        deviation = np.sqrt(np.mean(given.std(axis=0, ddof=1) ** 2) / len(given))
        if fit.residual > 2 * deviation:
            found.append(
                f"the network misses the populations by {fit.residual:.2g}, their statistical "
                f"error is {deviation:.2g}"
            )
    return tuple(found)
