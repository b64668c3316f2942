"""The coherent and the incoherent part of a transition probability, which add exactly.

Splitting the generator into −i[H, ·] and the environment's part 𝒟, Duhamel's formula gives

    p = |⟨f|U₀|i⟩|² + ∫ tr( (𝒰₀*(T, τ) P_f) 𝒟_τ 𝒰(τ, −T) P_i ) dτ,

in physical time; with a slow time s = ε t the integral carries 1/ε. The formula also holds with
𝒰 and 𝒰₀ exchanged; this order needs no evolution backwards in time with the environment.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, number_between, two_levels
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis._eigenframe import first_order_check, frame, is_dephasing
from anticrossing.analysis._quadrature import panel_times, resolved_panels
from anticrossing.drive import Drive
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import commutator, generator
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.request import check_single_open
from anticrossing.environment import Environment
from anticrossing.formulas import DomainCheck
from anticrossing.formulas.result import failures
from anticrossing.hamiltonian import Hamiltonian

_NODES = 17
_FIRST_PANELS = 12
_MOST_NODES = 20_000  # two levels; the cost of a node grows like the fourth power of the levels
_EXACT = 1e-12
_SMALLEST = 1e-6  # probabilities below this are not asked for relative accuracy


@dataclass(frozen=True, eq=False)
class CoherentIncoherentSplit(Result):
    """A transition probability in two parts (see `coherent_incoherent_split`).

    Attributes
    ----------
    levels : tuple of int
        (initial, final) adiabatic levels.
    probability : float
        The whole transition probability; it keeps its digits where the two parts cancel.
    coherent : float
        The probability without the environment.
    incoherent : float
        What the environment adds, exactly (it may be negative): the difference of two propagations.
    incoherent_error : float
        Bound on the error of `incoherent`: where it is no longer small against it, `integral` is
        the better number.
    integral : float
        The same number as the integral over `density`; equal to `incoherent` within
        `error_estimate`.
    first_order : float or None
        Its first order in the slowness, ``∫ γ/(1+γ²) |⟨f|∂_t i⟩|²/e dt`` with e half the gap of the
        two levels; None unless the environment is pure dephasing.
    times : array, shape (K,)
        The quadrature nodes.
    density : array, shape (K,)
        The integrand there: where the incoherent transition happens.
    error_estimate : float
        Of the quadrature.
    """

    levels: tuple[int, int]
    probability: float
    coherent: float
    incoherent: float
    incoherent_error: float
    integral: float
    first_order: float | None
    times: FloatArray
    density: FloatArray
    error_estimate: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "probability": shown(text="transition probability"),
        "coherent": shown(text="without the environment"),
        "incoherent": shown(text="what the environment adds"),
        "incoherent_error": shown(text="bound on the error of the incoherent part"),
        "first_order": shown(text="incoherent part to first order in the slowness"),
        "time": shown("time", text="time"),
        "density": shown("time", text="incoherent transitions per time"),
        "integral": shown(text="integral of the density"),
        "error_estimate": shown(text="error of the quadrature"),
    }

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether `first_order` is small enough to be the first term of an expansion."""
        if self.first_order is None:
            return ()
        return (first_order_check(self.first_order),)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each condition that fails."""
        return failures(self.checks)

    @property
    def remainder(self) -> float | None:
        """``incoherent − first_order``, of second order in the slowness."""
        return None if self.first_order is None else self.incoherent - self.first_order

    def _attributes(self) -> dict[str, Any]:
        return {"initial": self.levels[0], "final": self.levels[1]}

    def __str__(self) -> str:
        lines = [
            f"Transition from level {self.levels[0]} to level {self.levels[1]}",
            f"  probability        {self.probability:.8g}",
            f"  coherent part      {self.coherent:.8g}",
            f"  incoherent part    {self.incoherent:.8g} ± {self.incoherent_error:.1g}",
        ]
        if self.first_order is not None:
            lines.append(f"  to first order     {self.first_order:.8g}")
        lines += [f"  warning: {text}" for text in self.warnings]
        return "\n".join(lines)


def coherent_incoherent_split(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    levels: tuple[int, int] = (0, 1),
    tolerance: float = 1e-4,
) -> CoherentIncoherentSplit:
    """Split the transition probability between two levels into a coherent and an incoherent part.

    ``p = |⟨f|U₀|i⟩|² + ∫ tr((𝒰₀*(T, τ) P_f) 𝒟_τ 𝒰(τ, −T) P_i) dτ``

    Exact for any environment and any number of levels. 𝒟 is the environment's part of the
    generator, 𝒰 the evolution with it and 𝒰₀ the one without.

    Parameters
    ----------
    hamiltonian, drive, environment
        A single parameter point each.
    levels : pair of int
        Initial and final adiabatic level.
    tolerance : float
        Wanted accuracy of `integral`, relative to the probability. A small one, or a short window,
        makes the quadrature resolve every oscillation, up to a fixed number of nodes: compare
        `error_estimate`. `incoherent` does not depend on it.

    Returns
    -------
    CoherentIncoherentSplit

    Raises
    ------
    InputError
        For arguments that cannot be used.
    ConvergenceError
        If the generator is not smooth at a time that is not a breakpoint.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equations (3.14) to (3.16),
    with the two evolutions exchanged, and section 4.

    Examples
    --------
    >>> import anticrossing as ac
    >>> from anticrossing.environment import Dephasing
    >>> sweep = ac.drive.Linear(-20, 20, rate=0.2)
    >>> split = coherent_incoherent_split(ac.models.LandauZener(gap=1.0), sweep, Dephasing(0.3))
    >>> print(f"{split.coherent:.5f} {split.incoherent:.5f} {split.first_order:.5f}")
    0.00039 0.03710 0.03670
    """
    hamiltonian, drive = check_single_open(hamiltonian, drive, environment)
    initial, final = two_levels("levels", levels, hamiltonian.dimension)
    accuracy = number_between("tolerance", tolerance, 1e-11, 0.1)
    lanes = Lanes.of(hamiltonian, drive)
    first_order = None
    start, stop = float(lanes.start[0]), float(lanes.stop[0])
    cuts = [c for c in drive.breakpoints if start < c < stop]
    edges = np.unique(np.concatenate([np.linspace(start, stop, _FIRST_PANELS + 1), cuts]))
    if is_dephasing(environment):
        first_order, edges = _first_order(lanes, environment, initial, final)

    points, coarse = grid(_NODES), grid(_NODES // 2 + 1)
    most = max(_MOST_NODES * (2 / hamiltonian.dimension) ** 4, 500)
    while True:
        left, right = edges[:-1], edges[1:]
        half = 0.5 * (right - left)
        times = panel_times(left, right, points)
        parts = _integrand(lanes, environment, times, initial, final)
        coherent, probability, error, density = parts
        total = float(np.einsum("p,n,pn->", half, points.weights, density))
        # Every other node is a Chebyshev grid too: the difference of the two rules is the error.
        doubt = half * np.abs(density @ points.weights - density[:, ::2] @ coarse.weights)
        bound = accuracy * max(abs(total), coherent, _SMALLEST)
        worst = doubt > 0.5 * bound / left.size
        count = (left.size + np.count_nonzero(worst)) * points.size
        if doubt.sum() <= bound or count > most:
            break
        edges = np.sort(np.concatenate([edges, 0.5 * (left + right)[worst]]))
    return CoherentIncoherentSplit(
        levels=(initial, final),
        probability=probability,
        coherent=coherent,
        incoherent=probability - coherent,
        incoherent_error=error,
        integral=total,
        first_order=first_order,
        times=times.ravel(),
        density=density.ravel(),
        error_estimate=float(doubt.sum()),
    )


def _integrand(
    lanes: Lanes, environment: Environment, times: FloatArray, initial: int, final: int
) -> tuple[float, float, float, FloatArray]:
    """Return both probabilities, without and with the environment, the error, and the integrand."""
    panels, nodes = times.shape
    levels = lanes.hamiltonian.dimension
    # Neighbouring panels share an edge, so every moment is visited once.
    moments = np.concatenate([times[:, :-1].ravel(), times[-1:, -1]])
    # Rounding must not put the outermost nodes outside the window.
    moments[[0, -1]] = lanes.start[0], lanes.stop[0]
    ends = lanes.matrices(moments[None, [0, -1]], np.zeros(1, dtype=np.intp))[0]
    source, target = np.linalg.eigh(ends)[1].astype(np.complex128)
    # U₀(τ) |j⟩ for every j of the final frame gives U₀(T, τ)† |f⟩ without running backwards.
    free = propagate(lanes.hamiltonian, lanes.drive, times=moments, tolerance=_EXACT)
    columns = [
        propagate(
            lanes.hamiltonian, lanes.drive, initial=state, times=moments, tolerance=_EXACT
        ).states
        for state in np.eye(levels)
    ]
    assert free.propagator is not None
    snapshots = np.stack([states for states in columns if states is not None], axis=-1)
    backward = snapshots @ (free.propagator.conj().T @ target[:, final])
    full = propagate(
        lanes.hamiltonian,
        lanes.drive,
        environment=environment,
        initial=source[:, initial],
        times=moments,
        tolerance=_EXACT,
    )
    assert full.density_matrices is not None
    matrices = lanes.matrices(moments[None], np.zeros(1, dtype=np.intp))[0]
    environment_part = generator(lanes, environment, moments[None])[0] - commutator(matrices)
    states = full.density_matrices.reshape(moments.size, -1, 1)
    change = (environment_part @ states).reshape(moments.size, levels, levels)
    density = np.einsum("ki,kij,kj->k", backward.conj(), change, backward).real
    shaped = np.empty((panels, nodes))
    shaped[:, :-1] = density[:-1].reshape(panels, nodes - 1)
    shaped[:, -1] = density[nodes - 1 :: nodes - 1]
    coherent = float(np.abs(target[:, final].conj() @ free.propagator @ source[:, initial]) ** 2)
    error = float(free.error_estimate + full.error_estimate)
    return coherent, float(full.probabilities[final]), error, shaped


def _first_order(
    lanes: Lanes, environment: Environment, initial: int, final: int
) -> tuple[float, FloatArray]:
    """Return the integral of the first-order rate, and the panels that resolve it."""

    def rates(times: FloatArray) -> list[npt.NDArray[Any]]:
        return [frame(lanes, environment, times).rates[:, final, initial]]

    edges, points = resolved_panels(lanes, rates)
    total = 0.0
    for a, b in itertools.pairwise(edges.tolist()):
        times = panel_times(np.array([a]), np.array([b]), points)[0]
        total += 0.5 * (b - a) * float(points.weights @ rates(times)[0])
    return total, edges
