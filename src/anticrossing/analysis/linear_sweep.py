"""What is known exactly of any linear sweep of N levels, H(x) = A + xB, solvable or not.

In the diabatic basis (B diagonal, A diagonal among equal slopes) let states be in order of falling
slope. Continued around infinity in complex time, the amplitudes S of the infinite sweep obey

    det S_k = exp(−π Σ_{i ≤ k < j} |A_ij|² / α|b_i − b_j|)

for the corner blocks S_k of the first k states: the hierarchy constraints. The first one is the
Brundobler–Elser formula; among states that share the extremal slope it holds for each, and
transitions against the order of their crossings are forbidden (the no-go rule).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from anticrossing import drive as drives
from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    instance,
    number_between,
    one_coordinate,
    positive_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.dynamics.propagation import propagate
from anticrossing.hamiltonian import Hamiltonian

_PROBES = (-1e3, -3.7, 0.3, 2.9, 1e3)
_STRAIGHT = 1e-10
_SAME = 1e-12  # slopes, energies: against the largest
_REACH = 1e3  # of the window, in lengths over which anything happens
_NAMES = {"survival": "extremal slope", "no-go": "no-go", "hierarchy": "hierarchy"}


class Constraint(NamedTuple):
    """One constraint: see `LinearSweepConstraints`."""

    kind: str
    final: int
    initial: int
    predicted: float
    exact: float

    @property
    def of(self) -> str:
        """What the number is, in words."""
        if self.kind == "hierarchy":
            return f"|det| of the first {self.final}"
        return f"P {self.initial} → {self.final}"


@dataclass(frozen=True, eq=False)
class LinearSweepConstraints(Result):
    """Exact constraints on the amplitudes of a linear sweep (see `linear_sweep_constraints`).

    Attributes
    ----------
    slopes, energies : array, shape (N,)
        Of the diabatic states, in order of falling slope; among equal slopes the first are the
        lower ones.
    basis : array, shape (N, N)
        These states as columns, in the basis H is written in.
    couplings : array, shape (N, N)
        A in this basis.
    kind : array of str, shape (K,)
        "survival" (of a state of extremal slope), "no-go", "hierarchy".
    final, initial : array of int, shape (K,)
        The states of a survival or a forbidden transition, counted from 0; for the hierarchy both
        are the number of states in the corner block.
    predicted : array, shape (K,)
        A probability, or for the hierarchy the size of the determinant.
    exact : array, shape (K,)
        The same from the exact evolution over the window.
    amplitudes : array, shape (N, N)
        ``[final, initial]`` of that evolution between these states, each up to a phase.
    window : float
        The sweep ran from x = −window to window.
    warnings : tuple of str
        What a reader of `exact` should know.
    """

    slopes: FloatArray
    energies: FloatArray
    basis: ComplexArray
    couplings: ComplexArray
    kind: npt.NDArray[np.str_]
    final: npt.NDArray[np.intp]
    initial: npt.NDArray[np.intp]
    predicted: FloatArray
    exact: FloatArray
    amplitudes: ComplexArray
    window: float
    warnings: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "slope": shown("state", text="slope of the diabatic state"),
        "energy": shown("state", text="energy of the diabatic state at x = 0"),
        "kind": shown("constraint", text="kind of constraint"),
        "final": shown("constraint", text="final state, or states in the block"),
        "initial": shown("constraint", text="initial state, or states in the block"),
        "predicted": shown("constraint", text="probability or determinant by the constraint"),
        "exact": shown("constraint", text="the same from the exact evolution"),
        "amplitude": shown("final_state", "initial_state", text="amplitude"),
    }

    @property
    def constraints(self) -> list[Constraint]:
        """The constraints one by one."""
        columns = (self.kind, self.final, self.initial, self.predicted, self.exact)
        return [
            Constraint(str(kind), int(final), int(initial), float(law), float(exact))
            for kind, final, initial, law, exact in zip(*columns, strict=True)
        ]

    @property
    def largest_difference(self) -> float:
        """How far the exact evolution is from the constraints, at most."""
        return float(np.max(np.abs(self.exact - self.predicted)))

    def _attributes(self) -> dict[str, Any]:
        return {"window": self.window}

    def __str__(self) -> str:
        lines = [f"Linear sweep of {self.slopes.size} levels, states in order of falling slope"]
        lines += [
            f"  {_NAMES[row.kind]:<15} {row.of:<20} {row.predicted:<14.8g} "
            f"exact {row.exact:<14.8g} difference {row.exact - row.predicted:.1e}"
            for row in self.constraints
        ]
        lines += [f"  warning: {text}" for text in self.warnings]
        return "\n".join(lines)


def linear_sweep_constraints(
    hamiltonian: Hamiltonian,
    *,
    sweep_rate: float = 1.0,
    window: float | None = None,
    tolerance: float = 1e-11,
) -> LinearSweepConstraints:
    """State what is exactly known of a linear sweep of N levels, beside the exact evolution.

    For ``H = A + xB``, ``x = α t``, with states in order of falling slope ``b`` and A diagonal
    among equal slopes:

    * survival of a state of extremal slope, ``P = exp(−2π Σ_j |A_1j|² / α|b_1 − b_j|)``;
    * ``P = 0`` between states that share an extremal slope, against the order of their crossings;
    * ``|det S_k| = exp(−π Σ_{i ≤ k < j} |A_ij|² / α|b_i − b_j|)`` for k = 1 … N − 1.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Linear in its one coordinate, such as `Hamiltonian.affine`; no batch.
    sweep_rate : float
        ``α = dx/dt`` (coordinate / time), positive.
    window : float, optional
        The exact evolution runs from ``x = −window`` to ``window``; by default a thousand times
        the length on which anything happens.
    tolerance : float
        Of the exact evolution.

    Returns
    -------
    LinearSweepConstraints

    Raises
    ------
    InputError
        If H is not linear in x, has a batch, or all its slopes are equal.

    References
    ----------
    N. A. Sinitsyn, J. Lin, V. Y. Chernyak, Phys. Rev. A 95, 012140 (2017), for the hierarchy;
    S. Brundobler, V. Elser, J. Phys. A 26, 1211 (1993), for the survival; N. A. Sinitsyn, J. Phys.
    A 37, 10691 (2004), and M. V. Volkov, V. N. Ostrovsky, J. Phys. B 38, 907 (2005), for the no-go
    rule.

    Examples
    --------
    >>> import numpy as np
    >>> from anticrossing import Hamiltonian
    >>> A = np.array([[0.0, 0.3, 0.2], [0.3, 0.5, 0.4], [0.2, 0.4, -0.6]])
    >>> H = Hamiltonian.affine(A, np.diag([1.0, 0.2, -1.0]))
    >>> constraints = linear_sweep_constraints(H)
    >>> print(constraints)
    Linear sweep of 3 levels, states in order of falling slope
      extremal slope  P 0 → 0              0.43495093     exact 0.43495093     difference ...
      extremal slope  P 2 → 2              0.38158496     exact 0.38158496     difference ...
      hierarchy       |det| of the first 1 0.6595081      exact 0.6595081      difference ...
      hierarchy       |det| of the first 2 0.61772564     exact 0.61772564     difference ...
    >>> constraints.largest_difference < 1e-11
    True
    """
    instance("hamiltonian", hamiltonian, Hamiltonian)
    rate = positive_number("sweep_rate", sweep_rate)
    number_between("tolerance", tolerance, 1e-13, 1e-2)
    constant, slope = _straight(hamiltonian)
    slopes, energies, basis = _diabatic(constant, slope)
    couplings = basis.conj().T @ constant @ basis
    gaps = np.abs(slopes[:, None] - slopes)
    apart = gaps > _SAME * np.max(np.abs(slopes))
    if not apart.any():
        raise fail("hamiltonian", "have levels of different slopes", "all its slopes are equal")
    angular = hamiltonian.units.angular
    weights = np.where(apart, np.abs(couplings) ** 2 / np.where(apart, gaps, 1.0), 0.0)
    weights *= angular / rate
    reach = window if window is None else positive_number("window", window)
    if reach is None:
        lengths = np.where(apart, np.abs(energies[:, None] - energies), 0.0)
        lengths = np.maximum(lengths, 2 * np.abs(couplings)) / np.where(apart, gaps, 1.0)
        steepest = np.sqrt(rate / (angular * np.max(gaps)))
        reach = _REACH * max(float(np.max(np.where(apart, lengths, 0.0))), float(steepest))
    result = propagate(
        hamiltonian,
        drives.Linear(-reach, reach, rate=rate),
        basis="superadiabatic",
        tolerance=tolerance,
    )
    assert result.amplitudes is not None
    amplitudes = _between_states(result.amplitudes, slopes, energies, weights)
    rows = _constraints(slopes, energies, weights, amplitudes)
    return LinearSweepConstraints(
        slopes=slopes,
        energies=energies,
        basis=basis,
        couplings=couplings,
        kind=np.array([row.kind for row in rows]),
        final=np.array([row.final for row in rows], dtype=np.intp),
        initial=np.array([row.initial for row in rows], dtype=np.intp),
        predicted=np.array([row.predicted for row in rows]),
        exact=np.array([row.exact for row in rows]),
        amplitudes=amplitudes,
        window=reach,
        warnings=result.warnings,
    )


def _straight(hamiltonian: Hamiltonian) -> tuple[ComplexArray, ComplexArray]:
    """Return A and B of H = A + xB."""
    one_coordinate("hamiltonian", hamiltonian)
    if hamiltonian.batch_shape:
        raise fail(
            "hamiltonian",
            "be a single parameter point",
            f"its batch shape is {hamiltonian.batch_shape}",
        )
    parameters = hamiltonian.flat_parameters(())

    def at(x: float) -> ComplexArray:
        # Without the multiple of the identity, whose size must not cost digits.
        values = hamiltonian.evaluate_split(np.full((1, 1), x), parameters)[0]
        return values[0, 0].astype(np.complex128)

    constant, slope = at(0.0), 0.5 * (at(1.0) - at(-1.0))
    for x in _PROBES:
        scale = np.max(np.abs(constant)) + abs(x) * np.max(np.abs(slope))
        if not np.max(np.abs(at(x) - constant - x * slope)) <= _STRAIGHT * scale:
            raise fail("hamiltonian", "be linear in its coordinate, A + xB", f"at {x:g} it is not")
    return constant, slope


def _diabatic(
    constant: ComplexArray, slope: ComplexArray
) -> tuple[FloatArray, FloatArray, ComplexArray]:
    """Return slopes, energies and states: B diagonal, A diagonal among equal slopes."""
    slopes, basis = np.linalg.eigh(slope)
    slopes, basis = slopes[::-1], basis[:, ::-1].astype(np.complex128)
    energies = np.empty_like(slopes)
    largest = max(float(np.max(np.abs(slopes))), np.finfo(float).tiny)
    new = np.flatnonzero(np.append(True, -np.diff(slopes) > _SAME * largest))
    for first, stop in zip(new.tolist(), [*new[1:].tolist(), slopes.size], strict=True):
        band = basis[:, first:stop]
        slopes[first:stop] = slopes[first:stop].mean()
        energies[first:stop], turn = np.linalg.eigh(band.conj().T @ constant @ band)
        basis[:, first:stop] = band @ turn
    # Among equal energies what matters next is the pull of all other levels, Σ |A|²/(b − b_j).
    for first, stop in _equal(slopes, energies, np.max(np.abs(constant))):
        inside = basis[:, first:stop]
        others = np.abs(slopes - slopes[first]) > _SAME * largest
        across = inside.conj().T @ constant @ basis[:, others]
        pull = (across / (slopes[first] - slopes[others])) @ across.conj().T
        basis[:, first:stop] = inside @ np.linalg.eigh(pull)[1]
    return slopes, energies, basis


def _equal(slopes: FloatArray, energies: FloatArray, scale: float) -> list[tuple[int, int]]:
    """Return the ranges of states with the same slope and the same energy."""
    same = (np.diff(slopes) == 0) & (np.abs(np.diff(energies)) <= _SAME * scale)
    new = np.flatnonzero(np.append(True, ~same))
    ranges = zip(new, np.append(new[1:], slopes.size), strict=True)
    return [(int(a), int(b)) for a, b in ranges if b - a > 1]


def _between_states(
    amplitudes: ComplexArray, slopes: FloatArray, energies: FloatArray, weights: FloatArray
) -> ComplexArray:
    """Return amplitudes between diabatic states from those between levels at ∓∞."""
    # Far out E ≈ b x + e + Γ/x with Γ = Σ |A|²/(b − b_j).
    pull = np.sum(weights * np.sign(slopes[:, None] - slopes), axis=1)
    before, after = np.lexsort((-pull, energies, -slopes)), np.lexsort((pull, energies, slopes))
    found = np.empty_like(amplitudes)
    found[np.ix_(after, before)] = amplitudes
    return found


def _constraints(
    slopes: FloatArray, energies: FloatArray, weights: FloatArray, amplitudes: ComplexArray
) -> list[Constraint]:
    """Return every constraint with what the exact evolution says."""
    rows = []
    probabilities = np.abs(amplitudes) ** 2
    bands = [np.flatnonzero(slopes == extreme).tolist() for extreme in (slopes[0], slopes[-1])]
    for state in bands[0] + bands[1]:
        law = float(np.exp(-2 * np.pi * weights[state].sum()))
        rows.append(Constraint("survival", state, state, law, float(probabilities[state, state])))
    for band, sign in zip(bands, (1.0, -1.0), strict=True):
        # On the steepest band the higher state meets all others first, on the lowest the lower.
        for initial, final in itertools.permutations(band, 2):
            if sign * (energies[final] - energies[initial]) >= 0:
                found = float(probabilities[final, initial])
                rows.append(Constraint("no-go", final, initial, 0.0, found))
    for size in range(1, slopes.size):
        law = float(np.exp(-np.pi * weights[:size, size:].sum()))
        found = abs(complex(np.linalg.det(amplitudes[:size, :size])))
        rows.append(Constraint("hierarchy", size, size, law, found))
    return rows
