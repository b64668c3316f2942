"""The work fluctuation theorem as a straight line: ln P(w)/P̃(−w) against w."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, instance, listed, positive_number
from anticrossing._core.result import Result
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.arguments import Thermal
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.enumeration import MOST_MODES
from anticrossing.thermodynamics.work import WorkDistribution

MOST_PAIRS = 200  # values of the work compared one by one; more are smoothed
_EQUAL = 1e-9  # of the largest work
_KNOWN = 1e-10  # probabilities found by a Fourier sum are known to 1e-12
_POINTS = 41
_REACH = 4.0  # standard deviations


@record
class FluctuationRatio(Thermal, Result):
    """What `fluctuation_ratio` returns: points that lie on a line of slope β, zero at ΔΩ.

    Attributes
    ----------
    values : array, shape (K,)
        Work w (energy).
    log_ratios : array, shape (K,)
        ``ln P(w)/P̃(−w)``.
    temperature : float
    free_energy_difference : float
        ΔΩ (energy).
    width : float or None
        Of the smoothing, if the values are too many to be compared one by one.
    description : str
    """

    values: FloatArray
    log_ratios: FloatArray
    temperature: float
    free_energy_difference: float
    width: float | None = None
    description: str = ""

    _variables: ClassVar[Mapping[str, Shown]] = {
        "work": shown("work", text="work", of="values"),
        "log_ratio": shown("work", text="ln P(w)/P̃(−w)"),
        "line": shown("work", text="β(w − ΔΩ)"),
        "deviation": shown(text="largest distance from the line"),
        "temperature": shown(text="temperature"),
        "free_energy_difference": shown(text="free-energy difference"),
        "width": shown(text="standard deviation of the smoothing"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"name": self.description} if self.description else {}

    @property
    def line(self) -> FloatArray:
        """``β(w − ΔΩ)``, shape (K,)."""
        return self.beta * (self.values - self.free_energy_difference)

    @property
    def deviation(self) -> float:
        """The largest distance of a point from the line."""
        return float(np.max(np.abs(self.log_ratios - self.line)))

    def plot(self, ax: Any = None) -> Any:
        """Draw the points and the line."""
        from anticrossing.plot.driven_level import fluctuation_line

        return fluctuation_line([self], ax=ax)


def fluctuation_ratio(
    forward: WorkDistribution,
    backward: WorkDistribution,
    *,
    width: float | None = None,
    values: npt.ArrayLike | None = None,
) -> FluctuationRatio:
    """Return ``ln P(w)/P̃(−w)`` of a drive and its reverse, ``β(w − ΔΩ)`` by Crooks' theorem.

    Distributions of few values are compared value by value. Others are seen with a resolution σ,
    for which the theorem holds as well, if the densities are taken a little to both sides::

        ln [P_σ(w − βσ²/2) / P̃_σ(−w − βσ²/2)] = β(w − ΔΩ)

    Parameters
    ----------
    forward, backward : WorkDistribution
        Each from equilibrium, at the same temperature.
    width : float, optional
        The resolution σ (energy); by default a tenth of the standard deviation where the values
        are more than 200.
    values : array, shape (K,), optional
        The w of the smoothed comparison; by default from four standard deviations below the lower
        of the means ⟨w⟩ and −⟨w̃⟩ to as many above the upper.

    Returns
    -------
    FluctuationRatio

    Raises
    ------
    InputError
        If the temperatures differ, or no value has a positive probability both ways.

    References
    ----------
    G. E. Crooks, Phys. Rev. E 60, 2721 (1999); F. Barra, M. Esposito, Phys. Rev. E 93, 062118
    (2016), figure 4.

    Examples
    --------
    >>> from anticrossing.thermodynamics.driven_level import DrivenLevel
    >>> level = DrivenLevel(
    ...     levels=[1.0, 2.0], couplings=0.2, temperature=1.0, start=0.0, stop=3.0, rate=1.0
    ... )
    >>> both = [
    ...     level.work_distribution(method="landau-zener", direction=way)
    ...     for way in ("forward", "backward")
    ... ]
    >>> ratio = fluctuation_ratio(*both)
    >>> ratio.values, ratio.log_ratios.round(4)
    (array([0., 1., 2., 3.]), array([-0.6446,  0.3554,  1.3554,  2.3554]))
    >>> ratio.deviation < 1e-12
    True
    """
    instance("forward", forward, WorkDistribution)
    instance("backward", backward, WorkDistribution)
    if not math.isclose(forward.temperature, backward.temperature, rel_tol=1e-12):
        raise InputError(
            "Arguments `forward` and `backward` must have one temperature, but they have "
            f"{forward.temperature:g} and {backward.temperature:g}."
        )
    sigma = None if width is None else positive_number("width", width)
    found = _pairs(forward, backward) if sigma is None and values is None else None
    if found is None:
        deviation = math.sqrt(max(forward.variance, backward.variance))
        if sigma is None:
            sigma = 0.1 * deviation if deviation > 0 else 0.1 * forward.temperature
        if values is None:
            means = sorted((forward.mean, -backward.mean))
            reach = _REACH * max(deviation, sigma)
            work = np.linspace(means[0] - reach, means[1] + reach, _POINTS)
        else:
            work = listed("values", values)
        found = work, _smoothed(forward, backward, work, sigma)
    work, ratios = found
    if work.size == 0:
        raise InputError("No value of the work has a positive probability in both directions.")
    return FluctuationRatio(
        work, ratios, forward.temperature, forward.free_energy_difference, sigma,
        forward.description,
    )  # fmt: skip


def _pairs(
    forward: WorkDistribution, backward: WorkDistribution
) -> tuple[FloatArray, FloatArray] | None:
    """Return the values that both have, with their ratios, or None where they are too many."""
    try:
        (w, p), (v, q) = forward.atoms(), backward.atoms()
    except InputError:  # too many to be listed
        return None
    if max(w.size, v.size) > MOST_PAIRS:
        return None
    v, q = -v[::-1], q[::-1]
    place = np.clip(np.searchsorted(v, w), 1, max(v.size - 1, 1))
    place = np.where((place == v.size) | (np.abs(v[place - 1] - w) < np.abs(v[place % v.size] - w)),
                     place - 1, place)  # fmt: skip
    scale = max(float(np.max(np.abs(w))), float(np.max(np.abs(v))))
    floor = 0.0 if _exact(forward) and _exact(backward) else _KNOWN
    same = (np.abs(v[place] - w) <= _EQUAL * scale) & (p > floor) & (q[place] > floor)
    return w[same], np.log(p[same]) - np.log(q[place][same])


def _exact(work: WorkDistribution) -> bool:
    """Whether values can be listed, the least probable as accurately as the others."""
    statistics = work.statistics
    if isinstance(statistics, TwoPointStatistics) and statistics.modes > MOST_MODES:
        return False  # found by a Fourier sum, if at all
    try:
        work.atoms()
    except InputError:  # too many
        return False
    return True


def _smoothed(
    forward: WorkDistribution, backward: WorkDistribution, work: FloatArray, sigma: float
) -> FloatArray:
    shift = 0.5 * sigma**2 / forward.temperature
    return _log_density(forward, work - shift, sigma) - _log_density(backward, -work - shift, sigma)


def _log_density(work: WorkDistribution, values: FloatArray, sigma: float) -> FloatArray:
    """Return the logarithm of the density less a constant that the ratio does not see."""
    if not _exact(work):
        constant = math.log(sigma * math.sqrt(2 * math.pi))
        return np.asarray(work.log_density(values, width=sigma) + constant)
    x, p = work.atoms()
    x, log_p = x[p > 0], np.log(p[p > 0])
    found = np.empty(values.size)
    for k, value in enumerate(values):  # one at a time: there may be a million atoms
        exponents = log_p - 0.5 * ((value - x) / sigma) ** 2
        top = exponents.max()
        found[k] = top + math.log(np.exp(exponents - top).sum())
    return found
