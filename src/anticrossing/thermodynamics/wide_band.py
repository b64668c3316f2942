"""A level between wide bands, exactly: what the golden rule leaves out at any coupling."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    fail,
    increasing,
    last_axis,
    non_negative,
    number_between,
)
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.thermodynamics.equilibrium import fermi
from anticrossing.thermodynamics.golden_rule import evaluate
from anticrossing.thermodynamics.reservoirs import Reservoir

_NODES = 16
_TOLERANCE = 1e-11  # of occupations and fillings; halving stops when both agree to this
_FORGOTTEN = 42.0  # exponent of the memory beyond which nothing is left, exp(−42) = 6e-19
_MOST_POINTS = 10**8  # of the memory kernel: ten seconds
_HALVINGS = 8  # of panels that begin no longer than what they must resolve


@dataclass(frozen=True, eq=False)
class WideBandSolution(Result):
    """What `wide_band_occupations` returns, for K times and R reservoirs.

    Attributes
    ----------
    times, positions : array, shape (K,)
        As given, and the energies of the level.
    rates : array, shape (R,)
        ``Γ_ν`` (1/time).
    occupations : array, shape (K,)
        ``p(t)``.
    fillings : array, shape (K, R)
        ``F_ν(t)``, which stand where the golden rule has the Fermi functions ``f_ν(ε_t)``.
    temperatures, chemical_potentials : array, shape (R,)
    """

    times: FloatArray
    positions: FloatArray
    rates: FloatArray
    occupations: FloatArray
    fillings: FloatArray
    temperatures: FloatArray
    chemical_potentials: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="time"),
        "occupation": shown("time", text="occupation of the level"),
        "position": shown("time", text="energy of the level"),
        "current": shown("time", "reservoir", text="particles from the reservoir per time"),
        "filling": shown("time", "reservoir", text="filling that the reservoir works towards"),
        "golden_rule_filling": shown("time", "reservoir", text="the same by the golden rule"),
        "rate": shown("reservoir", text="rate of the reservoir"),
        "temperature": shown("reservoir", text="its temperature"),
        "chemical_potential": shown("reservoir", text="its chemical potential"),
    }

    @property
    def currents(self) -> FloatArray:
        """``J_ν = Γ_ν (F_ν − p)``, the particles from each reservoir per time, shape (K, R)."""
        return self.rates * (self.fillings - self.occupations[:, None])

    @property
    def golden_rule_fillings(self) -> FloatArray:
        """``f_ν(ε_t)``, shape (K, R)."""
        return np.stack(
            [
                fermi(self.positions, temperature=t, chemical_potential=mu)
                for t, mu in zip(self.temperatures, self.chemical_potentials, strict=True)
            ],
            axis=1,
        )


def wide_band_occupations(
    times: npt.ArrayLike,
    *,
    position: Callable[[FloatArray], Any],
    rates: npt.ArrayLike,
    reservoirs: Sequence[Reservoir] | Reservoir,
    initial_occupation: float | None = None,
) -> WideBandSolution:
    """Follow a driven level between wide bands exactly, at any coupling.

    Coupled at the first time, the level obeys ``dp/dt = Σ_ν Γ_ν [F_ν(t) − p]`` with::

        F_ν(t) = 1/2 − T_ν ∫₀^{t−t₀} dτ e^{−Γτ/2} sin φ_ν(t, τ)/sinh(π T_ν τ),   Γ = Σ_ν Γ_ν
        φ_ν(t, τ) = ∫_{t−τ}^t (ε_s − μ_ν) ds

    The golden rule has ``f_ν(ε_t)`` in place of ``F_ν``: it leaves out the width Γ of the level,
    and that the reservoirs answer after a time ``1/πT_ν``, however dense they are.

    Parameters
    ----------
    times : array_like, shape (K,)
        Increasing times; at the first one the coupling is switched on.
    position : callable
        ``ε_t`` for an array of times (energy), smooth between the given times; a `Drive` without
        batch axes is one, with its breakpoints.
    rates : float or array, shape (R,)
        ``Γ_ν``, not negative (1/time).
    reservoirs : Reservoir or sequence of R
        With one temperature and one chemical potential each.
    initial_occupation : float, optional
        At the first time; by default the golden rule's, ``Σ_ν Γ_ν f_ν/Γ``.

    Returns
    -------
    WideBandSolution

    Raises
    ------
    InputError
        For times that do not increase, functions of the wrong shape, or numbers out of range.
    ConvergenceError
        If the memory integrals do not settle, or there are too many of them.

    References
    ----------
    A.-P. Jauho, N. S. Wingreen, Y. Meir, Phys. Rev. B 50, 5528 (1994), section IV, the
    integral over energies done.

    Examples
    --------
    A level at rest keeps the width that the golden rule denies it:

    >>> solution = wide_band_occupations(
    ...     [0.0, 40.0], position=lambda t: 0.5 + 0 * t, rates=0.5,
    ...     reservoirs=Reservoir(0.1), initial_occupation=0.0,
    ... )
    >>> round(float(solution.occupations[-1]), 6), round(float(fermi(0.5, temperature=0.1,
    ...     chemical_potential=0.0)), 6)
    (0.163417, 0.006693)
    >>> from anticrossing.thermodynamics import resting_level
    >>> round(float(resting_level(0.5, rate=0.5, temperature=0.1).occupation), 6)
    0.163417
    """
    points = increasing("times", times)
    baths = [reservoirs] if isinstance(reservoirs, Reservoir) else list(reservoirs)
    if not baths:
        raise fail("reservoirs", "list at least one Reservoir", "it is empty")
    for k, bath in enumerate(baths):
        if np.ndim(bath.temperature) or np.ndim(bath.chemical_potential):
            raise fail(f"reservoirs[{k}]", "have one temperature and one μ", "it has one per step")
    gamma = last_axis("rates", np.atleast_1d(non_negative("rates", rates)), len(baths))
    if gamma.ndim != 1:
        raise fail("rates", f"have shape ({len(baths)},)", f"its shape is {gamma.shape}")
    warmth = np.array([bath.temperature for bath in baths], dtype=np.float64)
    potentials = np.array([bath.chemical_potential for bath in baths], dtype=np.float64)
    memory = _Memory(position, gamma, warmth, potentials)
    positions = memory.evaluate(points)
    solution = WideBandSolution(
        points, positions, gamma, np.zeros(points.size), np.zeros((points.size, gamma.size)),
        warmth, potentials,
    )  # fmt: skip
    if initial_occupation is None:
        weights = gamma / gamma.sum() if gamma.sum() > 0 else np.full(gamma.size, 1 / gamma.size)
        start = float(solution.golden_rule_fillings[0] @ weights)
    else:
        start = number_between("initial_occupation", initial_occupation, 0, 1)
    breaks = np.ravel(np.asarray(getattr(position, "breakpoints", ()), dtype=np.float64))
    inside = breaks[(breaks > points[0]) & (breaks < points[-1])]
    edges = np.union1d(points, inside)
    finest = memory.length(edges)
    previous: tuple[FloatArray, FloatArray] | None = None
    memory.affordable(edges, finest / 2)
    for _ in range(_HALVINGS):
        if not memory.points(edges, finest) <= _MOST_POINTS:
            break
        found = memory.follow(_subdivided(edges, finest), start)
        kept = np.searchsorted(found[0], points)
        occupations, fillings = found[1][kept], found[2][kept]
        if previous is not None:
            change = max(
                float(np.max(np.abs(occupations - previous[0]))),
                float(np.max(np.abs(fillings - previous[1]))),
            )
            if change <= _TOLERANCE:
                return WideBandSolution(
                    points, positions, gamma, occupations, fillings, warmth, potentials
                )
        previous = occupations, fillings
        finest /= 2
    raise ConvergenceError(
        "The memory of the bands does not settle: give the times at which `position` jumps or "
        "bends as entries of `times`."
    )


@dataclass(frozen=True)
class _Memory:
    """The memory integrals of a level between bands, on panels of Gauss points."""

    position: Callable[[FloatArray], Any]
    rates: FloatArray
    temperatures: FloatArray
    potentials: FloatArray

    def evaluate(self, t: FloatArray) -> FloatArray:
        """Return the energies of the level, or raise `InputError`."""
        return evaluate("position", self.position, t)

    def length(self, edges: FloatArray) -> float:
        """Return a length of panels to begin with, from phases, temperatures and rates."""
        when = np.linspace(edges[0], edges[-1], 257)
        away = np.abs(self.evaluate(when)[:, None] - self.potentials).max()
        fastest = max(away / 4, self.temperatures.max(), self.rates.sum() / 4)
        return (
            float(min(2.0 / fastest, edges[-1] - edges[0]))
            if fastest > 0
            else float(edges[-1] - edges[0])
        )

    @property
    def reach(self) -> FloatArray:
        """The time after which each reservoir has forgotten, shape (R,)."""
        return _FORGOTTEN / (0.5 * self.rates.sum() + np.pi * self.temperatures)

    def affordable(self, edges: FloatArray, length: float) -> None:
        """Raise `ConvergenceError` if panels of a length between the edges are too many."""
        needed = self.points(edges, length)
        if not needed <= _MOST_POINTS:
            raise ConvergenceError(
                f"The memory of the bands takes too many points, {needed:.1e}: ask for a shorter "
                "time, or use `golden_rule_occupations`."
            )

    def points(self, edges: FloatArray, length: float) -> float:
        """Return how many points of the memory panels of a length need."""
        count = float(np.sum(np.ceil(np.diff(edges) / length)))
        mean = float(edges[-1] - edges[0]) / count
        before = min(count, float(np.max(self.reach)) / mean + 2)
        return count * before * (_NODES + 1) * _NODES * self.rates.size

    def follow(self, edges: FloatArray, start: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the edges of the panels, p there, and the fillings there."""
        x, weights, integrals, inner = _tables()
        begin, length = edges[:-1], np.diff(edges)
        count = begin.size
        reference = self.potentials[0]
        nodes = begin[:, None] + length[:, None] * x
        height = self.evaluate(nodes.reshape(-1)).reshape(nodes.shape) - reference
        # ∫(ε − μ_0) from the start of its panel to every node, and over whole panels
        within = length[:, None] * (height @ integrals)
        whole = np.concatenate([[0.0], np.cumsum(length * (height @ weights))])
        action = whole[:-1, None] + within
        # at the points of every node's own part of its panel: (panels, nodes, points)
        part = length[:, None, None] * np.einsum("pk,nmk->pnm", height, inner)
        fillings = np.empty((count, _NODES + 1, self.rates.size))
        for r, (warmth, mu) in enumerate(zip(self.temperatures, self.potentials, strict=True)):
            shift = reference - mu
            own = length[:, None, None] * (x[:, None] * (1 - x))  # τ from node to point
            phase = within[:, :, None] - part + shift * own
            near = self._kernel(own, phase, warmth) @ weights * (length[:, None] * x)
            fillings[:, :-1, r] = 0.5 - near
            fillings[:, -1, r] = 0.5
            ends = np.concatenate([nodes, edges[1:, None]], axis=1)
            actions = np.concatenate([action, whole[1:, None]], axis=1)
            for back in range(count):
                # panel k − back for all k at once; the ends of panels count their own panel, too
                late = slice(back, None)
                early = slice(0, count - back)
                which = slice(0, None) if back else slice(_NODES, None)
                tau = ends[late, which, None] - nodes[early, None, :]
                if back and float(tau.min()) > self.reach[r]:
                    break
                turned = actions[late, which, None] - action[early, None, :] + shift * tau
                fillings[late, which, r] -= (
                    self._kernel(tau, turned, warmth) @ weights * length[early, None]
                )
        return self._occupations(edges, fillings, start)

    def _kernel(self, tau: FloatArray, phase: FloatArray, warmth: float) -> FloatArray:
        """Return ``T e^{−Γτ/2} sin φ/sinh(πTτ)``."""
        y = np.pi * warmth * tau
        decay = np.exp(-0.5 * self.rates.sum() * tau - y)
        return np.asarray(2 * warmth * decay * np.sin(phase) / -np.expm1(-2 * y))

    def _occupations(
        self, edges: FloatArray, fillings: FloatArray, start: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        x, weights, _, _ = _tables()
        length, total = np.diff(edges), self.rates.sum()
        gain = fillings[:, :-1] @ self.rates
        later = np.exp(-total * length[:, None] * (1 - x))
        fills = (gain * later) @ weights * length
        decays = np.exp(-total * length)
        occupations = np.empty(edges.size)
        occupations[0] = current = start
        for k, (decay, fill) in enumerate(zip(decays, fills, strict=True)):
            occupations[k + 1] = current = decay * current + fill
        first = np.full((1, self.rates.size), 0.5)  # a sudden contact sees all energies
        return edges, occupations, np.concatenate([first, fillings[:, -1]])


def _subdivided(edges: FloatArray, longest: float) -> FloatArray:
    """Return the edges with every stretch cut into equal panels no longer than `longest`."""
    counts = np.maximum(1, np.ceil(np.diff(edges) / longest * (1 - 1e-12))).astype(np.intp)
    parts = [
        np.linspace(a, b, count, endpoint=False)
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return np.concatenate([*parts, edges[-1:]])


@functools.cache
def _tables() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return Gauss points and weights on [0, 1], and integrals from 0 of what is known there.

    The integrals go to each point, (k, n), and to the points of the part [0, x_n], (n, m, k).
    """
    legendre = np.polynomial.legendre
    x, weights = gauss_legendre(_NODES)
    inverse = np.linalg.inv(legendre.legvander(x, _NODES - 1))
    primitive = legendre.legint(np.eye(_NODES), lbnd=-1)

    def to(places: FloatArray) -> FloatArray:
        values = np.moveaxis(legendre.legval(places, primitive), 0, -1)
        return np.asarray(0.5 * values @ inverse)

    unit = 0.5 * (x + 1)
    inner = to(2 * unit[:, None] * unit - 1)
    return unit, 0.5 * weights, to(x).T, inner
