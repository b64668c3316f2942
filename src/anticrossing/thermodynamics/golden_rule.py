"""The golden-rule limit of a Landau-Zener chain: a master equation with rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    describe,
    fail,
    fraction,
    increasing,
    non_negative,
    positive,
    real_array,
    real_number,
)
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import broadcast
from anticrossing.thermodynamics.arguments import Thermal, equilibrium_parameters
from anticrossing.thermodynamics.dissipation import Filling
from anticrossing.thermodynamics.equilibrium import fermi

NODES = 16  # Gauss points of one panel
TOLERANCE = 1e-14  # of one panel; halving stops when both ways agree to this
MAXIMUM_PANELS = 1 << 18
RESOLVED = 8.0  # ∫Γ over a panel above which its Gauss points can miss the memory of its end
FORGOTTEN = 40.0  # ∫Γ after which nothing is left of what was before, exp(−40) = 4e-18


@dataclass(frozen=True, eq=False)
class GoldenRuleRates(Result):
    """Rates at which the level is filled and emptied (1/time), and their sum ``Γ``."""

    filling: FloatArray
    emptying: FloatArray
    total: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "total": shown(text="sum of the rates"),
        "filling": shown(text="rate at which the level is filled"),
        "emptying": shown(text="rate at which the level is emptied"),
    }


def golden_rule_rates(
    *,
    energies: npt.ArrayLike,
    couplings: npt.ArrayLike,
    density_of_states: npt.ArrayLike,
    temperature: float,
    chemical_potential: float,
) -> GoldenRuleRates:
    """Golden-rule rates between a level and a dense reservoir.

    ``w⁺ = Γ f(ε)``, ``w⁻ = Γ [1 − f(ε)]``, ``Γ = 2πγ² d = πδ² d / 2``, with ``δ = 2γ`` and the
    density of reservoir levels ``d = 1/Δε``. A chain of crossings at speed ``ε̇`` has
    ``R = exp(−2πγ²/ε̇) = exp(−Γ Δt)`` with ``Δt = Δε/ε̇``: it is the exact solution of the master
    equation with f frozen at ``f_i`` from crossing i to i+1.

    Parameters
    ----------
    energies : array_like
        Energies ``ε`` of the level.
    couplings : array_like
        ``γ`` to the reservoir levels near that energy (energy).
    density_of_states : array_like
        ``d`` (1/energy), positive.
    temperature : float
        Temperature (energy, k_B = 1), positive.
    chemical_potential : float
        ``μ`` (energy).

    Returns
    -------
    GoldenRuleRates

    Raises
    ------
    InputError
        If the density or `temperature` is not positive, or the shapes do not broadcast.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), equations (8) and (9).

    Examples
    --------
    >>> rates = golden_rule_rates(
    ...     energies=3.0, couplings=0.2, density_of_states=1.0,
    ...     temperature=1 / 1.2, chemical_potential=3.0,
    ... )
    >>> rates.total.round(4), rates.filling.round(4)
    (np.float64(0.2513), np.float64(0.1257))
    """
    energy, gamma, density = broadcast(
        energies=real_array("energies", energies),
        couplings=real_array("couplings", couplings),
        density_of_states=positive("density_of_states", density_of_states),
    )
    warmth, mu = equilibrium_parameters(temperature, chemical_potential)
    with np.errstate(over="ignore"):
        total = 2 * np.pi * gamma**2 * density
    if not np.all(np.isfinite(total)):
        raise fail("couplings", "give finite rates", f"the largest is {np.max(np.abs(gamma)):.3g}")
    thermal = Filling.thermal(energy, 1 / warmth, mu)
    return GoldenRuleRates(total * thermal.occupied, total * thermal.vacant, total)


@dataclass(frozen=True, eq=False)
class GoldenRuleSolution(Thermal, Result):
    """What `golden_rule_occupations` returns; all arrays have the shape of `times`.

    Attributes
    ----------
    times : array, shape (K,)
        As given.
    positions : array, shape (K,)
        Energies of the level.
    rates : array, shape (K,)
        ``Γ`` (1/time).
    occupations : array, shape (K,)
        ``p`` of the level.
    temperature, chemical_potential : float
        Of the reservoir.
    """

    times: FloatArray
    positions: FloatArray
    rates: FloatArray
    occupations: FloatArray
    temperature: float
    chemical_potential: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time"),
        "occupation": shown("time", text="occupation of the level"),
        "position": shown("time", text="energy of the level"),
        "rate": shown("time", text="exchange rate"),
        "particle_current": shown("time", text="particle current into the level"),
        "heat_current": shown("time", text="heat current into the level"),
        "entropy_production_rate": shown("time", text="entropy produced per time"),
        "temperature": shown(text="temperature of the reservoir"),
        "chemical_potential": shown(text="chemical potential of the reservoir"),
    }

    @property
    def particle_current(self) -> FloatArray:
        """``Γ(f − p)`` from the reservoir into the level (1/time)."""
        equilibrium = fermi(
            self.positions, temperature=self.temperature, chemical_potential=self.chemical_potential
        )
        return self.rates * (equilibrium - self.occupations)

    @property
    def heat_current(self) -> FloatArray:
        """``(ε − μ) Γ(f − p)`` into the level (energy/time)."""
        return (self.positions - self.chemical_potential) * self.particle_current

    @property
    def entropy_production_rate(self) -> FloatArray:
        """``Γ(f − p) ln[f(1−p)/((1−f)p)] ≥ 0`` (1/time); infinite for p = 0 or 1 and ``Γ > 0``."""
        current = self.particle_current
        odds = -self.beta * (self.positions - self.chemical_potential)
        with np.errstate(divide="ignore"):
            force = odds - np.log(self.occupations) + np.log1p(-self.occupations)
        return np.where(current == 0, 0.0, current) * np.where(current == 0, 0.0, force)


def golden_rule_occupations(
    times: npt.ArrayLike,
    *,
    position: Callable[[FloatArray], npt.ArrayLike],
    rate: float | Callable[[FloatArray], npt.ArrayLike],
    temperature: float,
    chemical_potential: float,
    initial_occupation: float | None = None,
) -> GoldenRuleSolution:
    """Solve the golden-rule master equation of a driven level by quadrature.

    ``dp/dt = Γ(t) [f(ε_t) − p]``, that is ``dp/dt = w⁺(1−p) − w⁻p``, whose solution is::

        p(t) = p(t₀) e^{−G(t₀,t)} + ∫ Γ(s) f(ε_s) e^{−G(s,t)} ds        G(s,t) = ∫_s^t Γ

    Both integrals are Gauss sums on panels that are halved until they agree to rounding.

    Parameters
    ----------
    times : array_like, shape (K,)
        Increasing times; the first one is the start.
    position : callable
        ``ε_t`` for an array of times (energy); a `Drive` without batch axes is one.
    rate : float or callable
        ``Γ``, or Γ(t) for an array of times, not negative (1/time).
    temperature : float
        Temperature (energy, k_B = 1), positive.
    chemical_potential : float
        ``μ`` (energy).
    initial_occupation : float, optional
        Occupation at the first time; by default equilibrium there.

    Returns
    -------
    GoldenRuleSolution

    Raises
    ------
    InputError
        For times that do not increase, functions of the wrong shape, or numbers out of range.
    ConvergenceError
        If the functions are too rough for the panels.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), section VI.

    Examples
    --------
    >>> solution = golden_rule_occupations(
    ...     [0.0, 5.0, 10.0], position=lambda t: t, rate=0.25,
    ...     temperature=1 / 1.2, chemical_potential=3.0,
    ... )
    >>> solution.occupations.round(4)
    array([0.9734, 0.6228, 0.185 ])
    """
    points = increasing("times", times)
    warmth, mu = equilibrium_parameters(temperature, chemical_potential)
    if not callable(position):
        raise fail("position", "be a function of time", f"it is {describe(position)}")
    drift = rate if callable(rate) else _constant(non_negative("rate", real_number("rate", rate)))
    positions = evaluate("position", position, points)
    if initial_occupation is None:
        start = float(fermi(positions[0], temperature=warmth, chemical_potential=mu))
    else:
        start = float(
            fraction("initial_occupation", real_number("initial_occupation", initial_occupation))
        )

    def panel(begin: FloatArray, length: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ∫Γ over each panel and what the reservoir has filled in at its end."""
        t = begin[:, None] + length[:, None] * _GAUSS
        with np.errstate(over="ignore"):
            gamma = non_negative("rate", evaluate("rate", drift, t)) * length[:, None]
        if not np.all(np.isfinite(gamma)):
            raise fail("rate", "have a finite integral over the times", "it has none")
        filled = fermi(evaluate("position", position, t), temperature=warmth, chemical_potential=mu)
        whole = gamma @ _WEIGHTS
        later = np.maximum(whole[:, None] - gamma @ _INTEGRALS, 0.0)
        return whole, (gamma * filled * np.exp(-later)) @ _WEIGHTS

    occupations = np.empty_like(points)
    occupations[0] = start
    begins, exponents, fills = _halve(panel, points)
    decays = np.exp(-exponents)
    last = np.searchsorted(begins, points[1:])  # panels that end at or before each time
    current, done = start, 0
    for k, stop in enumerate(last):
        for decay, fill in zip(decays[done:stop], fills[done:stop], strict=True):
            current = decay * current + fill
        occupations[k + 1], done = current, stop
    rates = evaluate("rate", drift, points)
    return GoldenRuleSolution(points, positions, rates, occupations, warmth, mu)


def _halve(
    panel: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]], points: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return beginnings, ∫Γ and fillings of panels on which halving changes nothing."""
    begin, length = points[:-1], np.diff(points)
    accepted: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    exponent, fill = panel(begin, length)
    while begin.size <= MAXIMUM_PANELS:
        half = np.repeat(0.5 * length, 2)
        parts = np.repeat(begin, 2)
        parts[1::2] += half[1::2]
        exponents, fills = panel(parts, half)
        left, right = exponents[::2], exponents[1::2]
        sudden = (parts[1::2] == begin) & (right > RESOLVED)
        if np.any(sudden):
            raise fail(
                "rate",
                "leave a time of relaxation above the rounding of `times`",
                f"near t = {begin[sudden][0]:g} it reaches {(2 * right / length)[sudden][0]:.3g}",
            )
        joined = fills[::2] * np.exp(-right) + fills[1::2]
        error = np.abs(joined - fill) + np.abs(np.exp(-left - right) - np.exp(-exponent))
        settled = (error <= TOLERANCE) & (np.maximum(left, right) <= RESOLVED)
        good = np.repeat(settled, 2)
        good[::2] |= right > FORGOTTEN  # whatever happens there leaves no trace
        accepted.append((parts[good], exponents[good], fills[good]))
        begin, length, exponent, fill = (x[~good] for x in (parts, half, exponents, fills))
        if not begin.size:
            begins, exponents, fills = (np.concatenate(x) for x in zip(*accepted, strict=True))
            order = np.argsort(begins)
            return begins[order], exponents[order], fills[order]
    raise ConvergenceError(
        f"The golden-rule integrals do not settle near t = {begin[0]:g}: give the times at which "
        "`position` or `rate` jumps as entries of `times`."
    )


def evaluate(name: str, function: Callable[[FloatArray], Any], t: FloatArray) -> FloatArray:
    """Return what a function gives at times, or raise `InputError`."""
    values = real_array(name, function(t))
    if values.shape not in ((), t.shape):
        raise fail(
            name,
            "return one number for every time",
            f"its shape is {values.shape} for times of shape {t.shape}",
        )
    return np.broadcast_to(values, t.shape)


def _constant(value: FloatArray) -> Callable[[FloatArray], FloatArray]:
    return lambda t: np.broadcast_to(value, t.shape)


def _gauss(nodes: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Gauss points and weights on [0, 1], and the integrals from 0 to each point."""
    legendre = np.polynomial.legendre
    x, weights = gauss_legendre(nodes)
    identity = np.eye(nodes)
    integrals = legendre.legval(x, legendre.legint(identity, lbnd=-1)).T
    matrix = integrals @ np.linalg.inv(legendre.legvander(x, nodes - 1))
    return 0.5 * (x + 1), 0.5 * weights, 0.5 * matrix.T


_GAUSS, _WEIGHTS, _INTEGRALS = _gauss(NODES)
