"""Hops that the energies of a finished trajectory predict, crossing by crossing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, choice, fail, instance, level
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas import zhu_nakamura
from anticrossing.molecules.finished.trajectory import ATOMIC, FinishedTrajectory
from anticrossing.spectrum import SampledCrossings, sampled_crossings

_METHODS = ("belyaev-lebedev", "zhu-nakamura")
_MOST_TOLD = 5
_SURE = 1e-3  # a probability so near to 0 or 1 decides nothing


@dataclass(frozen=True, eq=False)
class PredictedHops(Result):
    """Hops that the energies of a finished trajectory predict.

    Attributes
    ----------
    crossings : SampledCrossings
        Where neighbouring levels come nearest, in order of time.
    probabilities, errors : array, shape (n,)
        Of a jump between the two adiabatic levels at each crossing; the errors are those of the
        points, not of the formula.
    populations, population_errors : array, shape (n + 1, m)
        Of the adiabatic levels before the first crossing and after each one.
    observed : array of int, shape (n,)
        1 where the trajectory itself changed between the two levels near the crossing, 0 where it
        was on one of them and stayed, −1 where it was on neither, or it is not known.
    method : str
    name : str
        Of the trajectory.
    warnings : tuple of str
    level_names : tuple of str
        One multiplicity after the other: ``S0``, ``S1``, ``T1``; numbers where none are known.
    spin_times, spin_rates : array, shape (s,)
        When levels of different multiplicity cross, and |d(E_b − E_a)/dt| there
        (hartree per ħ/hartree). Spin–orbit coupling V makes this a hop with the probability
        ``1 − exp(−2π V²/rate)``; without it the levels are passed, as in `populations`.
    spin_levels : array of int, shape (s, 2)
        The two levels, the one that is lower before first.
    spin_observed : array of int, shape (s,)
        As `observed`.
    """

    crossings: SampledCrossings
    probabilities: FloatArray
    errors: FloatArray
    populations: FloatArray
    population_errors: FloatArray
    observed: npt.NDArray[np.intp]
    method: str
    name: str
    warnings: tuple[str, ...] = ()
    level_names: tuple[str, ...] = ()
    spin_times: FloatArray = field(default_factory=lambda: np.zeros(0))
    spin_levels: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros((0, 2), np.intp))
    spin_rates: FloatArray = field(default_factory=lambda: np.zeros(0))
    spin_observed: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("crossing", text="time of the crossing", unit="ħ/hartree", of="times"),
        "lower_level": shown("crossing", text="lower level", of="lower_levels"),
        "gap": shown("crossing", text="smallest gap", unit="hartree", of="gaps"),
        "gap_error": shown("crossing", text="its error", unit="hartree", of="gap_errors"),
        "probability": shown("crossing", text="probability of a jump", of="probabilities"),
        "error": shown("crossing", text="its error", of="errors"),
        "trivial": shown("crossing", text="whether the gap may vanish", of="trivial"),
        "observed": shown("crossing", text="whether it hopped: 1, 0, unknown -1"),
        "population": shown("passed", "level", text="populations", of="populations"),
        "population_error": shown("passed", "level", text="error", of="population_errors"),
        "level_name": shown("level", text="levels"),
        "spin_time": shown("spin_crossing", text="levels of two multiplicities cross",
                           unit="ħ/hartree"),
        "spin_level": shown("spin_crossing", "pair", text="the level below, and above, before it"),
        "spin_rate": shown("spin_crossing", text="rate of their difference", unit="hartree²/ħ"),
        "spin_observed": shown("spin_crossing", text="whether it hopped: 1, 0, unknown -1",
                               of="spin_observed"),
    }  # fmt: skip

    @property
    def times(self) -> FloatArray:
        """When the gaps are smallest (ħ/hartree)."""
        return self.crossings.positions

    @property
    def lower_levels(self) -> npt.NDArray[np.intp]:
        """The lower of the two levels at each crossing."""
        return self.crossings.lower_levels

    @property
    def gaps(self) -> FloatArray:
        """The smallest gaps (hartree)."""
        return self.crossings.gaps

    @property
    def gap_errors(self) -> FloatArray:
        """Their errors (hartree)."""
        return self.crossings.gap_errors

    @property
    def trivial(self) -> npt.NDArray[np.bool_]:
        """Whether the gap may vanish within its error."""
        return self.crossings.trivial

    def plot(self, ax: Any = None) -> Any:
        """Draw the populations over time, with their errors as bands.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = new_axes() if ax is None else ax
        first = self.times[:1] - 1 if self.times.size else np.zeros(1)
        edges = np.concatenate([first, self.times])
        for k in range(self.populations.shape[1]):
            one, error = self.populations[:, k], self.population_errors[:, k]
            axes.step(edges, one, where="post", label=f"level {self.level_names[k]}")
            axes.fill_between(edges, one - error, one + error, step="post", alpha=0.3)
        axes.set_xlabel(ATOMIC.label("time", "coordinate"))
        axes.set_ylabel("population")
        axes.legend()
        return axes

    def notes(self) -> tuple[str, ...]:
        """Return what the formula or the points leave open."""
        return self.warnings


def predict_hops(
    trajectory: FinishedTrajectory,
    *,
    method: str = "belyaev-lebedev",
    initial: int | str | None = None,
    error: float | None = None,
) -> PredictedHops:
    """Predict the hops of a finished trajectory from its energies.

    At every time when two neighbouring levels of one multiplicity come nearest they exchange their
    populations with the probability of a jump; phases between crossings are left out, and so is
    spin–orbit coupling: where levels of two multiplicities cross stands in `spin_times`.

    Parameters
    ----------
    trajectory : FinishedTrajectory
    method : {"belyaev-lebedev", "zhu-nakamura"}
        The first needs the energies alone, ``P = exp(−(π/2ħ) √(Z³/Z̈))``. The second needs the
        kinetic energy too, all of which is taken to be along the direction that matters.
    initial : int or str, optional
        The populated level, by its number or name in `level_names`; by default the one that the
        trajectory starts on.
    error : float, optional
        Standard deviation of the energies (hartree); by default their scatter.

    Returns
    -------
    PredictedHops
        Its `warnings` tell of discontinuities, of crossings that overlap, and of gaps that an
        upward hop has not the energy for.

    Raises
    ------
    InputError
        If the level at the start or the kinetic energy is needed and not known.

    References
    ----------
    A. K. Belyaev and O. V. Lebedev, Phys. Rev. A 84, 014701 (2011); C. Zhu and H. Nakamura,
    J. Chem. Phys. 101, 10630 (1994).

    Examples
    --------
    >>> t = np.linspace(-40, 40, 81)
    >>> gap = np.hypot(0.01, 4e-4 * t)
    >>> run = FinishedTrajectory(t, np.stack([-gap / 2, gap / 2], axis=1))
    >>> predicted = predict_hops(run, initial=1)
    >>> predicted.probabilities.round(4), predicted.populations[-1].round(4)
    (array([0.6752]), array([0.6752, 0.3248]))
    """
    instance("trajectory", trajectory, FinishedTrajectory)
    choice("method", method, _METHODS)
    count = trajectory.energies.shape[1]
    active = trajectory.active_level
    if isinstance(initial, str) and trajectory.states:
        start = trajectory.level_names.index(
            choice("initial", initial, trajectory.level_names)
        )  # fmt: skip
    elif initial is not None:
        start = level("initial", initial, count)
    elif active is not None:
        start = int(active[0])
    else:
        raise fail("initial", "name the populated level", "the trajectory does not say its own")
    crossings = sampled_crossings(
        trajectory.times, trajectory.energies, error=error, units=ATOMIC,
        groups=trajectory.multiplicities,
    )  # fmt: skip
    p, uncertain = crossings.probabilities()
    warnings = [*trajectory.warnings, *crossings.warnings]
    if method == "zhu-nakamura":
        p, uncertain = _zhu_nakamura(trajectory, crossings, uncertain, warnings)
    populations, errors = _populations(crossings.lower_levels, p, uncertain, start, count)
    lower = crossings.lower_levels
    observed = _observed(trajectory, crossings.positions, np.stack([lower, lower + 1], axis=1))
    spin_times, spin_levels, spin_rates = _spin_crossings(trajectory)
    warnings += _changes_of_spin(trajectory)
    warnings += _overlaps(crossings, p)
    warnings += _frustrated(trajectory, crossings, populations, p)
    return PredictedHops(
        crossings, p, uncertain, populations, errors, observed, method, trajectory.name,
        tuple(warnings), trajectory.level_names, spin_times, spin_levels, spin_rates,
        _observed(trajectory, spin_times, spin_levels),
    )  # fmt: skip


def _zhu_nakamura(
    trajectory: FinishedTrajectory,
    crossings: SampledCrossings,
    uncertain: FloatArray,
    warnings: list[str],
) -> tuple[FloatArray, FloatArray]:
    if trajectory.kinetic is None:
        raise InputError(
            "The method zhu-nakamura needs the kinetic energy, but the trajectory holds none."
        )
    kinetic = np.interp(crossings.positions, trajectory.times, trajectory.kinetic)
    if trajectory.active is not None:
        # The kinetic energy at the crossing of the diabats, not on the level that it is on.
        on = np.take_along_axis(trajectory.energies, trajectory.active[:, None], axis=1)[:, 0]
        total = np.interp(crossings.positions, trajectory.times, trajectory.kinetic + on)
        kinetic = total - crossings.energies
    value, error = crossings.probabilities()
    for n in range(len(crossings)):
        alpha, mean = crossings.slope_differences[n], crossings.mean_slopes[n]
        known = crossings.gaps[n] > 0 and kinetic[n] > 0 and alpha > 0
        if not known:
            continue  # a true crossing is passed; without energy nothing is known
        found = zhu_nakamura(
            gap=float(crossings.gaps[n]),
            powers=(mean + alpha / 2, mean - alpha / 2),
            kinetic_energy=float(kinetic[n]),
        )
        # What the points leave open changes the exponent of both formulas alike.
        ratio = float(found.value) / value[n] if value[n] > 0 else 1.0
        value[n] = float(found.value)
        error[n] = min(error[n] * max(ratio, 1.0), 1.0)
        if found.warnings:
            warnings.append(f"at {crossings.positions[n]:.6g}: {found.warnings[0]}")
    if np.any(kinetic <= 0):
        warnings.append("at a crossing no kinetic energy is left: Belyaev and Lebedev's is taken")
    return value, error


def _populations(
    lower: npt.NDArray[np.intp], p: FloatArray, uncertain: FloatArray, start: int, count: int
) -> tuple[FloatArray, FloatArray]:
    populations, errors = np.zeros((p.size + 1, count)), np.zeros((p.size + 1, count))
    populations[0, start] = 1.0
    for n, (i, jump, open_) in enumerate(zip(lower, p, uncertain, strict=True)):
        exchange = np.array([[1 - jump, jump], [jump, 1 - jump]])
        pair = slice(i, i + 2)
        populations[n + 1], errors[n + 1] = populations[n], errors[n]
        populations[n + 1, pair] = exchange @ populations[n, pair]
        moved = open_ * abs(populations[n, i + 1] - populations[n, i])
        errors[n + 1, pair] = np.minimum(exchange @ errors[n, pair] + moved, 1.0)
    return populations, errors


def _observed(
    trajectory: FinishedTrajectory, positions: FloatArray, pairs: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return whether the trajectory hopped between its points around each crossing."""
    active = trajectory.active_level
    found = np.full(positions.size, -1, dtype=np.intp)
    if active is None:
        return found
    edges = np.concatenate([[-np.inf], (positions[1:] + positions[:-1]) / 2, [np.inf]])
    for n, pair in enumerate(pairs):
        here = (trajectory.times > edges[n]) & (trajectory.times <= edges[n + 1])
        on = active[here]
        if on.size and on[0] in pair:
            found[n] = int(on[-1] != on[0] and on[-1] in pair)
    return found


def _spin_crossings(
    trajectory: FinishedTrajectory,
) -> tuple[FloatArray, npt.NDArray[np.intp], FloatArray]:
    """Return when levels of different multiplicity cross, which, and how fast they part."""
    times = trajectory.times
    levels = np.take_along_axis(trajectory.energies, trajectory.level_order, axis=1)
    spin = np.sort(trajectory.multiplicities)
    pairs = np.argwhere(np.triu(spin[:, None] != spin))
    above = levels[:, pairs[:, 1]] - levels[:, pairs[:, 0]]
    k, n = np.nonzero((above[1:] >= 0) != (above[:-1] >= 0))
    slopes = (above[k + 1, n] - above[k, n]) / (times[k + 1] - times[k])
    at = times[k] - above[k, n] / slopes
    order = np.argsort(at)
    below_first = np.where(slopes[:, None] > 0, pairs[n, ::-1], pairs[n])
    return at[order], below_first[order], np.abs(slopes[order])


def _changes_of_spin(trajectory: FinishedTrajectory) -> list[str]:
    """Return a line if the trajectory itself goes from one multiplicity to another."""
    active = trajectory.active
    if active is None:
        return []
    spin, names = trajectory.multiplicities[active], trajectory.states
    hops = [
        f"{names[active[k]]} to {names[active[k + 1]]} at {trajectory.times[k + 1]:.6g}"
        for k in np.flatnonzero(spin[1:] != spin[:-1])
    ]
    if not hops:
        return []
    return [
        f"the trajectory itself changes its multiplicity {len(hops)} time(s), what the populations "
        f"leave out: {', '.join(hops[:_MOST_TOLD])}{', …' if len(hops) > _MOST_TOLD else ''}"
    ]


def _overlaps(crossings: SampledCrossings, p: FloatArray) -> list[str]:
    """Return a line if crossings that decide something are not over before the next one."""
    with np.errstate(all="ignore"):
        long = np.maximum(
            1 / np.sqrt(crossings.slope_differences), crossings.gaps / crossings.slope_differences
        )
    undecided = (p > _SURE) & (p < 1 - _SURE)
    lower, at = crossings.lower_levels, crossings.positions
    for n in np.flatnonzero(undecided):
        # Levels far away, or of another multiplicity, may have theirs in between.
        near = undecided[n + 1 :] & (np.abs(lower[n + 1 :] - lower[n]) <= 1)
        near &= at[n + 1 :] - at[n] < long[n] + long[n + 1 :]
        if np.any(near):
            return [
                f"the crossings at {at[n]:.6g} and {at[n + 1 :][near][0]:.6g} overlap: their "
                "probabilities are not independent"
            ]
    return []


def _frustrated(
    trajectory: FinishedTrajectory,
    crossings: SampledCrossings,
    populations: FloatArray,
    p: FloatArray,
) -> list[str]:
    """Return a line if there is no energy for an upward hop that is predicted."""
    if trajectory.kinetic is None:
        return []
    kinetic = np.interp(crossings.positions, trajectory.times, trajectory.kinetic)
    before = populations[np.arange(len(crossings)), crossings.lower_levels]
    lacking = (kinetic < crossings.gaps) & (before * p > _SURE)
    if not np.any(lacking):
        return []
    return [
        f"at {crossings.positions[lacking][0]:.6g} an upward hop has not the energy for the gap"
    ]
