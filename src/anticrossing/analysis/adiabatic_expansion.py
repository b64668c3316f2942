"""The adiabatic expansion of a slowly driven open system, to any order.

For ``dρ/dt = L_t ρ`` with a generator whose eigenvalue zero stays isolated there is a solution

    ρ(t) = P_t + Σ_n εⁿ (a_n + b_n) + ε^{k+1} r,      n = 1 … k,

    b_n = L⁻¹ d/dt (a_{n−1} + b_{n−1}),      a_n = ∫ T(t, τ) 𝒫̇_τ b_n dτ,

where 𝒫 projects on the stationary states, T is the parallel transport of ker L, P_t = a_0 the
transported initial state, a_n lies in the kernel of L and b_n in its range. Dots are derivatives in
physical time; with a slow time s = ε t they carry the factor ε, so that the products εⁿ a_n and
εⁿ b_n do not depend on which slow time is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    describe,
    fail,
    hermitian,
    integer,
    level,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis._eigenframe import first_order_check, is_dephasing
from anticrossing.analysis._kernel import Expansion, expand
from anticrossing.analysis._rate_expansion import expand_dephasing
from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import nodes_of
from anticrossing.dynamics.request import check_single_open
from anticrossing.environment import Environment
from anticrossing.formulas import DomainCheck
from anticrossing.formulas.result import failures
from anticrossing.hamiltonian import Hamiltonian

_ROUNDING = 1e-14  # terms below it are too small to matter
HIGHEST_ORDER = 20  # Taylor coefficients on circles are good to rounding up to here, and further


@dataclass(frozen=True, eq=False)
class AdiabaticExpansion(Result):
    """The terms of the expansion at the end of the window, and at other times on request.

    Attributes
    ----------
    kernel_terms, range_terms : array, shape (order + 1, N, N)
        εⁿ a_n and εⁿ b_n: what of every order is stationary, and what is not. Their sum over n is
        `density_matrix`.
    order : int
        k, the highest order.
    epsilon : float
        ε of the slow time: |rate| for a linear drive (slow time x), else 1/duration.
    probability_terms : array, shape (order + 1, N)
        Diagonal of every order in the eigenbasis of the final H.
    start_terms : array, shape (order + 1, N, N)
        Every order at the start: P, then εⁿ b_n.
    transport : array, shape (N², N²)
        The map T(stop, start) 𝒫(start), completely positive and trace preserving, for ρ stacked
        row by row.
    kernel_dimension : int
        The dimension of ker L.
    panels : int
        Panels of the quadrature.
    description : str
        What was expanded.
    term_sizes : array, shape (M,)
        The largest trace norm of every order along the window, M ≥ order + 1: with
        ``order="optimal"`` of the orders beyond, too.
    remainder_bounds : array, shape (M,), or None
        Bounds of the trace norm of what is left out after each order: |b_{n+1}| at both ends and
        the integral of |ḃ_{n+1}|. None for the first order of pure dephasing.
    error_estimates : array, shape (M,), or None
        Numerical error of every order: the largest difference, along the window, from a
        computation with other panels and other Taylor series. None where `remainder_bounds` is.
    times : array, shape (K,), or None
        The times asked for.
    kernel_path, range_path : array, shape (order + 1, K, N, N), or None
        `kernel_terms` and `range_terms` there.
    """

    epsilon: float
    probability_terms: FloatArray
    start_terms: ComplexArray
    transport: ComplexArray
    kernel_dimension: int
    panels: int
    description: str
    order: int
    kernel_terms: ComplexArray
    range_terms: ComplexArray
    term_sizes: FloatArray
    remainder_bounds: FloatArray | None
    error_estimates: FloatArray | None
    times: FloatArray | None
    kernel_path: ComplexArray | None
    range_path: ComplexArray | None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "epsilon": shown(text="slowness ε"),
        "probabilities": shown("level", text="probability of the final level"),
        "zeroth": shown("row", "column", text="transported stationary state"),
        "first_order": shown("row", "column", text="first-order correction"),
        "kernel_terms": shown("order", "row", "column", text="stationary part of every order"),
        "range_terms": shown("order", "row", "column", text="other part of every order"),
        "term_sizes": shown("all_orders", text="largest trace norm of every order"),
        "remainder_bounds": shown("all_orders", text="bound of what each order leaves out"),
        "error_estimates": shown("all_orders", text="numerical error of every order"),
        "start_state": shown("row", "column", text="state whose solution stays near"),
        "transport": shown("row_squared", "column_squared", text="transport of stacked states"),
        "kernel_dimension": shown(text="number of stationary states"),
        "panels": shown(text="panels of the quadrature"),
        "time": shown("time", text="time", unit="time"),
        "kernel_path": shown("order", "time", "row", "column", text="stationary part on the way"),
        "range_path": shown("order", "time", "row", "column", text="other part on the way"),
    }

    @property
    def zeroth(self) -> ComplexArray:
        """P: the initial stationary state, parallel transported, in the basis H is written in."""
        return np.asarray(self.kernel_terms[0])

    @property
    def first_order(self) -> ComplexArray:
        """ε a, the first-order correction."""
        return np.asarray(self.kernel_terms[1] + self.range_terms[1])

    @property
    def probabilities(self) -> FloatArray:
        """Diagonal of `density_matrix` in the eigenbasis of the final H, shape (N,)."""
        return np.asarray(self.probability_terms.sum(axis=0))

    @property
    def start_state(self) -> ComplexArray:
        """``P + Σ εⁿ b_n`` at the start: the exact solution from here stays within O(ε^{k+1}).

        One that begins in P itself differs by the propagated ``Σ εⁿ b_n``, for a dephasing
        generator a coherence at first, whose effect on the probabilities is O(ε²).
        """
        return np.asarray(self.start_terms.sum(axis=0))

    def truncated(self, order: int) -> AdiabaticExpansion:
        """Return the same expansion up to a lower order.

        Raises
        ------
        InputError
            If `order` is not an integer from 1 to the order of the expansion.
        """
        n = integer("order", order, minimum=1, maximum=self.order) + 1
        return replace(
            self,
            order=n - 1,
            kernel_terms=self.kernel_terms[:n],
            range_terms=self.range_terms[:n],
            probability_terms=self.probability_terms[:n],
            start_terms=self.start_terms[:n],
            kernel_path=None if self.kernel_path is None else self.kernel_path[:n],
            range_path=None if self.range_path is None else self.range_path[:n],
        )

    @property
    def optimal_order(self) -> int | None:
        """The order with the smallest term, n ≥ 1; None if the terms still fall at the last."""
        falling = self.term_sizes[1:]
        smallest = int(np.argmin(falling)) + 1
        return None if smallest == falling.size else smallest

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether the terms fall, as an expansion needs, and are more than rounding."""
        found = [first_order_check(float(np.linalg.norm(self.first_order, 2)))]
        if self.order > 1:
            kept = self.term_sizes[1 : self.order + 1]
            best = int(np.argmin(kept)) + 1
            with np.errstate(divide="ignore", invalid="ignore"):
                growth = float(np.nan_to_num(kept[-1] / kept.min(), nan=1.0))
            text = f"the terms grow again: order {best} is the best"
            found.append(DomainCheck("last term / smallest term", growth, 1.0, text))
        if self.error_estimates is not None:
            n = slice(1, self.order + 1)
            wrong = self.error_estimates[n] / np.maximum(self.term_sizes[n], _ROUNDING)
            text = "that order is mostly rounding"
            worst = float(wrong.max())
            found.append(DomainCheck("numerical error of an order / its size", worst, 0.1, text))
        return tuple(found)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each condition that fails."""
        return failures(self.checks)

    @property
    def coefficient(self) -> ComplexArray:
        """The matrix a of the theorem, ``first_order / epsilon``."""
        return np.asarray(self.first_order / self.epsilon)

    @property
    def kernel_coefficients(self) -> ComplexArray:
        """The matrices a_n, ``kernel_terms / epsilonⁿ``."""
        return np.asarray(self.kernel_terms / self._powers)

    @property
    def range_coefficients(self) -> ComplexArray:
        """The matrices b_n, ``range_terms / epsilonⁿ``."""
        return np.asarray(self.range_terms / self._powers)

    @property
    def density_matrix(self) -> ComplexArray:
        """The sum of all terms, which has trace one but need not be positive."""
        return np.asarray((self.kernel_terms + self.range_terms).sum(axis=0))

    @property
    def density_matrices(self) -> ComplexArray | None:
        """The sums of all terms at `times`, shape (K, N, N)."""
        if self.kernel_path is None or self.range_path is None:
            return None
        return np.asarray((self.kernel_path + self.range_path).sum(axis=0))

    def remainder(self, exact: npt.ArrayLike) -> ComplexArray:
        """Return ``exact − density_matrix``, ε^{k+1} r, for an exact final density matrix."""
        array = np.asarray(exact, dtype=np.complex128)
        if array.shape[-2:] != self.zeroth.shape:
            raise fail("exact", f"have shape {self.zeroth.shape}", f"its shape is {array.shape}")
        return np.asarray(array - self.density_matrix)

    @property
    def _powers(self) -> FloatArray:
        return np.asarray(self.epsilon ** np.arange(self.order + 1.0))[:, None, None]

    def _attributes(self) -> dict[str, Any]:
        return {"description": self.description, "order": self.order}

    def __str__(self) -> str:
        values = "  ".join(f"{p:.6g}" for p in self.probabilities)
        name = "First-order adiabatic" if self.order == 1 else f"Adiabatic (order {self.order})"
        lines = [
            f"{name} expansion of {self.description}",
            f"  slowness           {self.epsilon:.6g}",
            f"  stationary states  {self.kernel_dimension}",
            f"  probabilities      {values}",
            f"  first order        {float(np.max(np.abs(self.first_order))):.3g} at most",
        ]
        if self.remainder_bounds is not None and self.error_estimates is not None:
            best = self.optimal_order
            said = "beyond those computed" if best is None else str(best)
            wrong = float(self.error_estimates[: self.order + 1].max())
            lines += [
                f"  last term          {self.term_sizes[self.order]:.3g} at most",
                f"  left out           {self.remainder_bounds[self.order]:.3g} at most",
                f"  optimal order      {said}",
                f"  numerical error    {wrong:.1g}",
            ]
        lines.append(f"  panels             {self.panels}")
        return "\n".join([*lines, *(f"  warning: {text}" for text in self.warnings)])


def adiabatic_expansion(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    initial: int | npt.ArrayLike = 0,
    order: int | str = 1,
    times: npt.ArrayLike | None = None,
) -> AdiabaticExpansion:
    """Return the adiabatic expansion of ρ at the end of a slow drive, to first or any order.

    ``ρ = P + Σ εⁿ (a_n + b_n) + O(ε^{k+1})``, ``b_n = L⁻¹ d/dt (a_{n−1} + b_{n−1})``,
    ``a_n = ∫ T(t, τ) 𝒫̇_τ b_n dτ``; to first order
    ``ρ = P + ε a``, ``ε a = L⁻¹Ṗ + ∫ T(t, τ) 𝒫̇_τ L_τ⁻¹ Ṗ_τ dτ``

    Any number of levels and any environment whose generator keeps its zero eigenvalue isolated. To
    first order, pure dephasing in the eigenbasis is summed as a rate equation from derivative
    couplings. Everything else goes through the numerical projection on the kernel, with the
    Taylor series of L at every node: from values at complex times where H, the drive and the rates
    are formulas, which costs no digits at any order; from values at real times for Python
    functions that take no complex numbers, which costs two to three digits with each order.

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
    order : int or "optimal"
        k, from 1 to 20; the series diverges for most drives, and "optimal" stops at its smallest
        term, or at the last one that is more than rounding.
    times : array, shape (K,), optional
        Increasing times in the window at which all terms are wanted, too.

    Returns
    -------
    AdiabaticExpansion

    Raises
    ------
    InputError
        For arguments that cannot be used, an initial state that is not stationary, a generator
        whose zero eigenvalue is not isolated on the window (to 1e-9 of its largest rate), or one
        with a kink at orders above the first.
    ConvergenceError
        If the generator is not smooth at a time that is not a breakpoint.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), Theorem 2, equations (2.13),
    (2.14), (2.17) and (3.6); J. E. Avron, M. Fraas, G. M. Graf, P. Grech, Commun. Math. Phys.
    314, 163 (2012), Theorem 6.

    Examples
    --------
    >>> import anticrossing as ac
    >>> from anticrossing.environment import Dephasing
    >>> sweep = ac.drive.Linear(-1000, 1000, rate=0.01)
    >>> slow = adiabatic_expansion(ac.models.LandauZener(gap=1.0), sweep, Dephasing(0.3))
    >>> print(f"{slow.probabilities[1]:.6e}")               # (2/3) 0.01 · 0.3/(1 + 0.3²)
    1.834862e-03
    >>> third = adiabatic_expansion(
    ...     ac.models.LandauZener(gap=1.0), sweep, Dephasing(0.3), order=3
    ... )
    >>> print(f"{third.probabilities[1]:.6e}")              # exact: 1.831722e-03
    1.831722e-03
    """
    hamiltonian, drive = check_single_open(hamiltonian, drive, environment)
    wanted = _order(order)
    start = initial_state(hamiltonian.dimension, initial)
    lanes = Lanes.of(hamiltonian, drive)
    moments = None if times is None else lanes.check_times(times)[0]
    rates = is_dephasing(environment) and moments is None
    errors: FloatArray | None = None
    if rates and wanted == 1:
        found = expand_dephasing(lanes, environment, start)
    else:
        most = HIGHEST_ORDER if wanted is None else wanted
        cuts = 1 if most == 1 else 2
        found = expand(lanes, environment, start, most, moments, pieces=cuts)
        other = expand(lanes, environment, start, most, moments, pieces=cuts + 1, scale=0.7)
        errors = _largest(found, other)
        errors = np.maximum(errors, np.abs(found.marks - other.marks).max(axis=(1, 2)))
        errors = np.maximum(errors, found.jumps)
        if rates:  # which keeps the relative accuracy of small probabilities
            exact = expand_dephasing(lanes, environment, start)
            errors[:2] = np.maximum(errors[:2], _largest(found.truncated(1), exact))
            found = found.with_lowest(exact)
    kept = wanted if wanted is not None else _best(found.sizes, errors)
    terms = found.truncated(kept)
    _, last = nodes_of(lanes, lanes.stop[:, None], np.zeros(1, dtype=np.intp))
    kernel, outside = terms.kernel[:, -1], terms.range[:, -1]
    final = last.vectors[0, 0].conj().T @ (kernel + outside) @ last.vectors[0, 0]
    return AdiabaticExpansion(
        epsilon=slowness(drive),
        probability_terms=np.diagonal(final, axis1=-2, axis2=-1).real.copy(),
        start_terms=terms.start,
        transport=terms.transport,
        kernel_dimension=terms.kernel_dimension,
        panels=terms.panels,
        description=f"{hamiltonian!r} under {drive!r} with {environment!r}",
        order=kept,
        kernel_terms=kernel,
        range_terms=outside,
        term_sizes=found.sizes,
        remainder_bounds=None if errors is None else found.bounds,
        error_estimates=errors,
        times=moments,
        kernel_path=None if moments is None else terms.kernel[:, :-1],
        range_path=None if moments is None else terms.range[:, :-1],
    )


def _order(order: Any) -> int | None:
    if isinstance(order, str):
        if order != "optimal":
            raise fail("order", 'be an integer or "optimal"', f"it is {describe(order)}")
        return None
    return integer("order", order, minimum=1, maximum=HIGHEST_ORDER)


def _largest(one: Expansion, other: Expansion) -> FloatArray:
    """Return the largest difference of every order, at the end and on the way."""
    parts = (one.kernel - other.kernel, one.range - other.range)
    return np.asarray(np.maximum(*(np.abs(part).max(axis=(1, 2, 3)) for part in parts)))


def _best(sizes: FloatArray, errors: FloatArray | None) -> int:
    """Return the order with the smallest term, among the first that are more than rounding."""
    assert errors is not None
    rounded = np.flatnonzero(errors[1:] > 0.1 * sizes[1:])
    count = int(rounded[0]) if rounded.size else sizes.size - 1
    return int(np.argmin(sizes[1 : max(count, 1) + 1])) + 1


def initial_state(levels: int, initial: Any) -> int | ComplexArray:
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


def slowness(drive: Drive) -> float:
    if drive.name == "Linear":
        return float(np.abs(drive.parameters["rate"]))
    return float(1 / (drive.stop_time - drive.start_time))
