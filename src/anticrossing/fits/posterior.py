"""The posterior of a fit by an ensemble of walkers (emcee)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core import drawing
from anticrossing._core.checks import FloatArray, choice, integer, require
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.fits._problem import Problem
from anticrossing.fits._quantities import labelled

_ENOUGH = 50  # autocorrelation times that a chain should last
_CLOSE = 0.3  # of the deviations within which walkers begin
_LOOSEST = 1.0


@dataclass(frozen=True, eq=False)
class Posterior(Result):
    """Samples of the posterior of fitted parameters.

    Attributes
    ----------
    names : tuple of str
        The K fitted parameters.
    samples : array, shape (S, K)
        After the burn-in, thinned to about one for each autocorrelation time of a walker.
    log_likelihood : array, shape (S,)
        Up to a constant.
    autocorrelation_time : array, shape (K,)
        In steps of the walkers.
    acceptance : float
        Share of the proposed moves that were accepted.
    seed : int
    units : dict of str to str
        Of the parameters, where they have any.
    warnings : tuple of str
        What stands against trusting the samples, such as a chain that is too short.
    """

    names: tuple[str, ...]
    samples: FloatArray
    log_likelihood: FloatArray
    autocorrelation_time: FloatArray
    acceptance: float
    seed: int
    units: Mapping[str, str]
    warnings: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "names": shown("parameter", text="the fitted parameters"),
        "samples": shown("sample", "parameter", text="samples of the posterior"),
        "log_likelihood": shown("sample", text="logarithm of the likelihood, up to a constant"),
        "autocorrelation_time": shown("parameter", text="in steps of a walker"),
        "acceptance": shown(text="share of the proposed moves that were accepted"),
        "seed": shown(text="seed of the random numbers"),
    }

    @property
    def mean(self) -> FloatArray:
        """Means of the parameters, shape (K,)."""
        return np.asarray(self.samples.mean(axis=0))

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the parameters, shape (K, K)."""
        return np.atleast_2d(np.cov(self.samples, rowvar=False))

    def quantiles(self, name: str, levels: tuple[float, ...] = (0.16, 0.5, 0.84)) -> FloatArray:
        """Return quantiles of one parameter."""
        index = self.names.index(choice("name", name, self.names))
        return np.quantile(self.samples[:, index], levels)

    def plot(self, ax: Any = None) -> Any:
        """Draw the samples of the first two parameters, or of one a histogram.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        axes.set_xlabel(labelled(self.names[0], self.units))
        if len(self.names) == 1:
            axes.hist(self.samples[:, 0], bins=40, density=True)
            axes.set_ylabel("posterior density")
            return axes
        axes.plot(self.samples[:, 0], self.samples[:, 1], ".", alpha=0.3)
        axes.set_ylabel(labelled(self.names[1], self.units))
        return axes

    def __str__(self) -> str:
        width = max(map(len, self.names))
        lines = [f"{len(self.samples)} samples of the posterior, seed {self.seed}"]
        for name in self.names:
            low, middle, high = self.quantiles(name)
            found = f"{middle:.5g} +{high - middle:.2g} −{middle - low:.2g}"
            lines.append(f"  {name:<{width}}  {found} {self.units.get(name, '')}".rstrip())
        longest = float(np.max(self.autocorrelation_time))
        lines.append(
            f"  autocorrelation time {longest:.0f} steps, acceptance {self.acceptance:.2f}"
        )
        return "\n".join(lines + [f"  note: {text}" for text in self.warnings])


def sample(
    problem: Problem,
    values: Mapping[str, float],
    *,
    seed: int,
    walkers: int | None,
    steps: int,
    units: Mapping[str, str],
) -> Posterior:
    """Return samples around the parameters at which the likelihood is largest."""
    emcee = require("emcee", "fit", "Sampling a posterior")
    space = problem.coordinates
    count = len(space.varied)
    many = max(32, 4 * count) if walkers is None else integer("walkers", walkers, minimum=2 * count)
    many += many % 2
    length, random = integer("steps", steps, minimum=20), np.random.default_rng(seed)
    lower, upper = space.bounds()
    middle = np.clip(space.coordinates(values), lower, upper)
    root = problem.residuals(middle)[2]
    unknown = not problem.data.weighed
    points = len(problem.data)

    def log_likelihood(u: FloatArray) -> FloatArray:
        found = np.full(len(u), -np.inf)
        inside = np.all((u >= lower) & (u <= upper), axis=1)
        if np.any(inside):
            squares = problem.deviance(space.parameters(u[inside]))
            # Of errors that are not known their common size is integrated out.
            found[inside] = -0.5 * (points * np.log(squares) if unknown else squares)
        return np.where(np.isfinite(found), found, -np.inf)

    spread = 1.0 if not unknown else float(problem.deviance(values)) / max(points - count, 1)
    loose = np.linalg.inv(root.T @ root / spread + np.eye(count) / _LOOSEST**2)
    steps_of = np.linalg.cholesky(loose) * _CLOSE
    begin = middle + random.standard_normal((many, count)) @ steps_of.T
    # Those beyond a limit are mirrored at it, so that no two begin at the same place.
    begin = np.where(begin > upper, 2 * upper - begin, begin)
    begin = np.clip(np.where(begin < lower, 2 * lower - begin, begin), lower, upper)
    sampler = emcee.EnsembleSampler(many, count, log_likelihood, vectorize=True)
    state = np.random.RandomState(random.integers(2**32)).get_state()
    sampler.run_mcmc(emcee.State(begin, random_state=state), length)
    times = np.maximum(sampler.get_autocorr_time(tol=0), 1.0)
    times = np.where(np.isfinite(times), times, float(length))
    longest = float(times.max())
    burned = min(int(np.ceil(5 * longest)), length // 2)
    kept = {"discard": burned, "thin": max(1, int(longest / 2)), "flat": True}
    chain = sampler.get_chain(**kept)
    every = space.parameters(chain)
    samples = np.concatenate([every[name] for name in space.varied], axis=1)
    notes = []
    if length < _ENOUGH * longest:
        notes.append(
            f"the chain is short: {length} steps are {length / longest:.0f} autocorrelation times, "
            f"and {_ENOUGH} are wanted"
        )
    acceptance = float(np.mean(sampler.acceptance_fraction))
    if not 0.1 < acceptance < 0.9:
        notes.append(f"{acceptance:.0%} of the moves are accepted: the walkers hardly mix")
    logs = np.asarray(sampler.get_log_prob(**kept))
    own = {name: units[name] for name in space.varied if name in units}
    return Posterior(space.varied, samples, logs, times, acceptance, seed, own, tuple(notes))
