"""The first-order adiabatic expansion of a slowly driven open system.

For ``dρ/dt = L_t ρ`` with a generator whose eigenvalue zero stays isolated there is a solution

    ρ(t) = P_t + ε a_t + ε² r,      ε a_t = L⁻¹ Ṗ_t + ∫ T(t, τ) 𝒫̇_τ L_τ⁻¹ Ṗ_τ dτ,

where 𝒫 projects on the stationary states, T is the parallel transport of ker L and P_t the
transported initial state. Dots are derivatives in physical time; with a slow time s = ε t they
carry the factor ε, so that the product ε a does not depend on which slow time is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, hermitian, level
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis._eigenframe import first_order_check, frame, is_dephasing
from anticrossing.analysis._kernel import Expansion, expand, projector
from anticrossing.analysis._quadrature import panel_times, refine_gap, resolved_panels
from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import nodes_of
from anticrossing.dynamics.request import check_single_open
from anticrossing.environment import Environment
from anticrossing.formulas import DomainCheck
from anticrossing.formulas.result import failures
from anticrossing.hamiltonian import Hamiltonian


@dataclass(frozen=True, eq=False)
class AdiabaticExpansion(Result):
    """The first two terms of the expansion at the end of the window.

    Attributes
    ----------
    zeroth : array, shape (N, N)
        P: the initial stationary state, parallel transported, in the basis H is written in.
    first_order : array, shape (N, N)
        ε a, the first-order correction.
    epsilon : float
        ε of the slow time: |rate| for a linear drive (slow time x), else 1/duration.
    probabilities : array, shape (N,)
        Diagonal of ``zeroth + first_order`` in the eigenbasis of the final H.
    start_state : array, shape (N, N)
        ``P + L⁻¹Ṗ`` at the start: the exact solution that begins here stays within O(ε²). One
        that begins in P itself differs by the propagated ``L⁻¹Ṗ``, a coherence for a dephasing
        generator, whose effect on the probabilities is O(ε²) too.
    transport : array, shape (N², N²)
        The map T(stop, start) 𝒫(start), completely positive and trace preserving, for ρ stacked
        row by row.
    kernel_dimension : int
        The dimension of ker L.
    panels : int
        Panels of the quadrature.
    description : str
        What was expanded.
    """

    zeroth: ComplexArray
    first_order: ComplexArray
    epsilon: float
    probabilities: FloatArray
    start_state: ComplexArray
    transport: ComplexArray
    kernel_dimension: int
    panels: int
    description: str

    _variables: ClassVar[Mapping[str, Shown]] = {
        "epsilon": shown(text="slowness ε"),
        "probabilities": shown("level", text="probability of the final level"),
        "zeroth": shown("row", "column", text="transported stationary state"),
        "first_order": shown("row", "column", text="first-order correction"),
        "start_state": shown("row", "column", text="state whose solution stays within O(ε²)"),
        "transport": shown("row_squared", "column_squared", text="transport of stacked states"),
        "kernel_dimension": shown(text="number of stationary states"),
        "panels": shown(text="panels of the quadrature"),
    }

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether the first-order term is small, as an expansion needs."""
        return (first_order_check(float(np.linalg.norm(self.first_order, 2))),)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each condition that fails."""
        return failures(self.checks)

    @property
    def coefficient(self) -> ComplexArray:
        """The matrix a of the theorem, ``first_order / epsilon``."""
        return np.asarray(self.first_order / self.epsilon)

    @property
    def density_matrix(self) -> ComplexArray:
        """``zeroth + first_order``, which has trace one but need not be positive."""
        return np.asarray(self.zeroth + self.first_order)

    def remainder(self, exact: npt.ArrayLike) -> ComplexArray:
        """Return ``exact − zeroth − first_order``, ε² r, for an exact final density matrix."""
        array = np.asarray(exact, dtype=np.complex128)
        if array.shape[-2:] != self.zeroth.shape:
            raise fail("exact", f"have shape {self.zeroth.shape}", f"its shape is {array.shape}")
        return np.asarray(array - self.density_matrix)

    def _attributes(self) -> dict[str, Any]:
        return {"description": self.description}

    def __str__(self) -> str:
        values = "  ".join(f"{p:.6g}" for p in self.probabilities)
        return "\n".join(
            [
                f"First-order adiabatic expansion of {self.description}",
                f"  slowness           {self.epsilon:.6g}",
                f"  stationary states  {self.kernel_dimension}",
                f"  probabilities      {values}",
                f"  first order        {float(np.max(np.abs(self.first_order))):.3g} at most",
                f"  panels             {self.panels}",
                *(f"  warning: {text}" for text in self.warnings),
            ]
        )


def adiabatic_expansion(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    initial: int | npt.ArrayLike = 0,
) -> AdiabaticExpansion:
    """Return the first-order adiabatic expansion of ρ at the end of a slow drive.

    ``ρ = P + ε a + O(ε²)``, ``ε a = L⁻¹Ṗ + ∫ T(t, τ) 𝒫̇_τ L_τ⁻¹ Ṗ_τ dτ``

    Any number of levels and any environment whose generator keeps its zero eigenvalue isolated.
    Pure dephasing in the eigenbasis is summed as a rate equation from derivative couplings; other
    generators through the numerical projection on their kernel.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels, a single parameter point.
    drive : Drive
        x(t) and its window, a single parameter point.
    environment : Environment
        What dephases or relaxes the levels.
    initial : int or array, shape (N, N)
        The initial level, or a density matrix that is stationary at the start. Where only one
        stationary state exists the expansion starts from it, whatever is given.

    Returns
    -------
    AdiabaticExpansion

    Raises
    ------
    InputError
        For arguments that cannot be used, an initial state that is not stationary, or a generator
        whose zero eigenvalue is not isolated on the window (to 1e-9 of its largest rate).
    ConvergenceError
        If the generator is not smooth at a time that is not a breakpoint.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), Theorem 2; J. E. Avron, M. Fraas,
    G. M. Graf, P. Grech, Commun. Math. Phys. 314, 163 (2012), Theorem 6.

    Examples
    --------
    >>> import anticrossing as ac
    >>> from anticrossing.environment import Dephasing
    >>> sweep = ac.drive.Linear(-1000, 1000, rate=0.01)
    >>> slow = adiabatic_expansion(ac.models.LandauZener(gap=1.0), sweep, Dephasing(0.3))
    >>> print(f"{slow.probabilities[1]:.6e}")               # (2/3) 0.01 · 0.3/(1 + 0.3²)
    1.834862e-03
    """
    check_single_open(hamiltonian, drive, environment)
    start = _initial_state(hamiltonian.dimension, initial)
    lanes = Lanes.of(hamiltonian, drive)
    dephasing = is_dephasing(environment)
    found = (_dephasing if dephasing else expand)(lanes, environment, start)
    _, last = nodes_of(lanes, lanes.stop[:, None], np.zeros(1, dtype=np.intp))
    final = last.vectors[0, 0].conj().T @ (found.zeroth + found.first) @ last.vectors[0, 0]
    return AdiabaticExpansion(
        zeroth=found.zeroth,
        first_order=found.first,
        epsilon=_slowness(drive),
        probabilities=np.diagonal(final).real.copy(),
        start_state=found.start_state,
        transport=found.transport,
        kernel_dimension=found.kernel_dimension,
        panels=found.panels,
        description=f"{hamiltonian!r} under {drive!r} with {environment!r}",
    )


def _dephasing(lanes: Lanes, environment: Environment, start: int | ComplexArray) -> Expansion:
    """Expand under pure dephasing: constant weights of P_j, and rates between them."""
    levels = lanes.hamiltonian.dimension
    ends = frame(lanes, environment, np.array([lanes.start[0], lanes.stop[0]]))
    weights = _weights(ends.vectors[0], start)

    def resolved(times: FloatArray) -> list[npt.NDArray[Any]]:
        local = frame(lanes, environment, times)
        # Levels that touch or cross make kinks in the sorted energies, which are found here.
        return [local.rates, np.diff(local.energies, axis=-1)]

    edges, points = resolved_panels(lanes, resolved)
    left, right = edges[:-1], edges[1:]
    times = panel_times(left, right, points)
    local = frame(lanes, environment, times.ravel())
    _check_gap(times.ravel(), np.diff(local.energies, axis=-1).min(axis=-1), lanes, environment)
    rates = local.rates.reshape(left.size, points.size, levels, levels)
    half = 0.5 * (right - left)
    total = np.einsum("p,n,pnij->ij", half, points.weights, rates)
    total = total - np.diag(total.sum(axis=0))

    def lifted(k: int, weight: FloatArray) -> ComplexArray:
        return np.asarray(ends.vectors[k] @ np.diag(weight) @ ends.vectors[k].conj().T)

    def inverse_slope(k: int) -> ComplexArray:
        slope = (weights[None, :] - weights[:, None]) * ends.coupling[k]
        with np.errstate(divide="ignore", invalid="ignore"):
            solved = np.where(slope != 0, -slope / ends.decay[k], 0.0)
        return np.asarray(ends.vectors[k] @ solved @ ends.vectors[k].conj().T)

    transport = sum(
        np.outer(projector(ends.vectors[1], j).ravel(), projector(ends.vectors[0], j).conj())
        for j in range(levels)
    )
    return Expansion(
        zeroth=lifted(1, weights),
        first=lifted(1, total @ weights) + inverse_slope(1),
        start_state=lifted(0, weights) + inverse_slope(0),
        transport=np.asarray(transport, dtype=np.complex128),
        kernel_dimension=levels,
        panels=left.size,
    )


def _weights(vectors: ComplexArray, start: int | ComplexArray) -> FloatArray:
    if isinstance(start, int):
        return np.eye(vectors.shape[-1])[start]
    inside = vectors.conj().T @ start @ vectors
    if np.max(np.abs(inside - np.diag(np.diagonal(inside)))) > 1e-9:
        raise fail(
            "initial",
            "be diagonal in the eigenbasis at the start (stationary)",
            "it has coherences there",
        )
    return np.diagonal(inside).real.copy()


def _initial_state(levels: int, initial: Any) -> int | ComplexArray:
    if isinstance(initial, (int, np.integer)) and not isinstance(initial, bool):
        return level("initial", initial, levels)
    state = hermitian("initial", initial)
    if state.shape != (levels, levels):
        raise fail(
            "initial",
            f"be a level or have shape ({levels}, {levels})",
            f"its shape is {state.shape}",
        )
    if abs(np.trace(state).real - 1) > 1e-8 or np.linalg.eigvalsh(state)[0] < -1e-8:
        raise fail("initial", "be a density matrix", "it is not positive with trace 1")
    return state


def _slowness(drive: Drive) -> float:
    if drive.name == "Linear":
        return float(np.abs(drive.parameters["rate"]))
    return float(1 / (drive.stop_time - drive.start_time))


def _check_gap(times: FloatArray, gaps: FloatArray, lanes: Lanes, environment: Environment) -> None:
    def gap(time: float) -> float:
        return float(np.diff(frame(lanes, environment, np.array([time])).energies[0]).min())

    refine_gap(times, gaps, gap)
