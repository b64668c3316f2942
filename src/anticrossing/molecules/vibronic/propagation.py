"""Nuclei of several coordinates and electrons in motion, in a basis that grows until they stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    fail,
    increasing,
    instance,
    integer,
    of_shape,
    positive_number,
    real_array,
)
from anticrossing._core.threads import few_threads
from anticrossing.hamiltonian import TermHamiltonian, number_array
from anticrossing.molecules._chebyshev import bessel_weights, series
from anticrossing.molecules.vibronic._oscillator import Monomials, build, monomials, truncated
from anticrossing.molecules.vibronic.levels import frequencies_of, given_sizes
from anticrossing.molecules.vibronic.result import VibronicPropagation

_GROWTH = 1.2  # of every basis, between a run and the one that it is compared with
_QUANTA = 1.0  # functions along a coordinate for each quantum that the energy can reach
_MORE = 6
_TOGETHER = 8  # requested times in one series
_LONGEST = 60.0  # largest argument of a series for several times
_STEPS = 30  # of the Lanczos iteration that bounds the spectrum
_KEPT = 1e-8  # by which the norm may change
_EDGE = 0.9  # of Σ n/n_max: functions above it are the edge of the basis


def propagate_vibronic(
    hamiltonian: TermHamiltonian,
    times: npt.ArrayLike,
    *,
    state: int | npt.ArrayLike,
    centre: npt.ArrayLike = 0.0,
    momentum: npt.ArrayLike = 0.0,
    frequencies: npt.ArrayLike | None = None,
    basis_sizes: Sequence[int] | None = None,
    tolerance: float = 1e-3,
    largest_basis: int = 500_000,
) -> VibronicPropagation:
    """Follow nuclei and electrons together, i ∂Ψ/∂t = [½ Σ_i ω_i P_i² + H(Q)] Ψ, exactly.

    In products of oscillator functions n_i of Q_i with Σ_i n_i/n_i^max ≤ 1: of four modes they take
    a sixth of the time of all products of the same accuracy. Two runs, the second with a fifth more
    functions along every coordinate, tell how well they have converged; larger ones follow until
    that and the population of the highest functions are within the tolerance. The evolution is a
    Chebyshev series, exact to 1e-8.

    The vibrations begin in their ground state of frequencies ω_i, displaced, as light leaves them.

    Parameters
    ----------
    hamiltonian : TermHamiltonian
        H(Q), a polynomial in its coordinates, without the kinetic energy.
    times : array, shape (K,)
        Ascending, not negative; in the unit of time of H. The first need not be 0.
    state : int or array, shape (N,)
        The electronic state at the beginning: the number of a diabatic state, from 0, or
        amplitudes, which are normalised.
    centre, momentum : array, shape () or (f,)
        Mean Q_i and P_i at the beginning.
    frequencies : array, shape (f,), optional
        ω_i > 0; a `VibronicCoupling` knows its own. For a coordinate with a mass this is 1/m.
    basis_sizes : sequence of int, optional
        The numbers of functions n_i^max + 1 to begin with, at least 2.
    tolerance : float
        Of populations and autocorrelation.
    largest_basis : int
        The largest number of functions, all electronic states together.

    Returns
    -------
    VibronicPropagation

    Raises
    ------
    InputError
        If the Hamiltonian is not a polynomial, frequencies are missing or given twice, or an
        argument does not fit.
    ConvergenceError
        If the tolerance needs more than `largest_basis` functions.

    References
    ----------
    H. Köppel, W. Domcke and L. S. Cederbaum, Adv. Chem. Phys. 57, 59 (1984); H. Tal-Ezer and R.
    Kosloff, J. Chem. Phys. 81, 3967 (1984).

    Examples
    --------
    The S₂ state of pyrazine has given most of its population to S₁ after 30 fs:

    >>> from anticrossing.models import Pyrazine
    >>> result = propagate_vibronic(Pyrazine(), [0.0, 10.0, 30.0], state=1)
    >>> result.populations[:, 1].round(2)
    array([1.  , 0.66, 0.31])
    >>> result.error_estimate < 1e-3
    True
    """
    instance("hamiltonian", hamiltonian, TermHamiltonian)
    omega = frequencies_of(hamiltonian, frequencies)
    modes, states = omega.size, hamiltonian.dimension
    when = increasing("times", times, 1)
    if when[0] < 0:
        raise fail("times", "not be negative", f"the first is {when[0]:g}")
    electronic = _electronic(state, states)
    place = _along("centre", centre, modes)
    push = _along("momentum", momentum, modes)
    allowed = positive_number("tolerance", tolerance)
    limit = integer("largest_basis", largest_basis, minimum=2 * states)
    terms = monomials(hamiltonian)
    coherent = (place + 1j * push) / np.sqrt(2)
    if basis_sizes is None:
        sizes = _first_sizes(terms, omega, coherent)
    else:
        sizes = given_sizes(basis_sizes, modes)
    angular = hamiltonian.units.angular
    previous: VibronicPropagation | None = None
    while True:
        numbers = truncated(sizes)
        if len(numbers) * states > limit:
            change = (
                "" if previous is None else f" still change by {previous.error_estimate:.2g} and"
            )
            raise ConvergenceError(
                f"The populations{change} need more than {limit} functions, of sizes {sizes}: "
                "allow a larger `largest_basis` or tolerance, or a shorter time."
            )
        psi = _initial(numbers, coherent, electronic)
        missing = 1 - float(np.vdot(psi, psi).real)
        if missing <= 0.1 * allowed:
            found = _run(build(terms, omega, numbers), psi, when, angular, numbers, states)
            error = np.inf
            if previous is not None:
                error = max(
                    float(np.abs(found["populations"] - previous.populations).max()),
                    float(np.abs(found["autocorrelation"] - previous.autocorrelation).max()),
                )
            previous = VibronicPropagation(
                times=when,
                **found,
                basis_sizes=sizes,
                functions=len(numbers) * states,
                error_estimate=error,
                units=hamiltonian.units,
            )
            if max(error, previous.edge_population) <= allowed:
                return previous
        sizes = tuple(max(size + 1, round(_GROWTH * size)) for size in sizes)


def _electronic(state: Any, states: int) -> ComplexArray:
    if np.ndim(state) == 0:
        found = np.zeros(states, dtype=np.complex128)
        found[integer("state", state, minimum=0, maximum=states - 1)] = 1.0
        return found
    given = number_array("state", state).astype(np.complex128)
    norm = float(np.linalg.norm(given)) if given.shape == (states,) else 0.0
    if norm == 0 or not np.isfinite(norm):
        must = f"be the number of a state or {states} amplitudes, not all zero"
        raise fail("state", must, f"it is {state}")
    return given / norm


def _along(name: str, value: npt.ArrayLike, modes: int) -> FloatArray:
    given = real_array(name, value)
    return np.full(modes, given) if given.ndim == 0 else of_shape(name, given, (modes,))


def _first_sizes(terms: Monomials, omega: FloatArray, coherent: ComplexArray) -> tuple[int, ...]:
    """Return numbers of functions that hold the energy of the beginning, about."""
    states = len(terms[0][1])
    constant, linear = np.zeros(states), np.zeros((omega.size, states, states), dtype=np.complex128)
    for powers, matrix in terms:
        if sum(powers) == 0:
            constant += np.diag(matrix).real
        elif sum(powers) == 1:
            linear[powers.index(1)] += matrix
    depth = np.abs(linear).sum(axis=2).max(axis=1) ** 2 / (2 * omega)
    reach = float(np.ptp(constant) + depth.sum() + omega @ np.abs(coherent) ** 2)
    quanta = (np.abs(coherent) + np.sqrt(depth / omega)) ** 2 + reach / omega
    return tuple(int(n) for n in np.clip(_MORE + _QUANTA * quanta, 4, 200))


def _initial(numbers: Any, coherent: ComplexArray, electronic: ComplexArray) -> ComplexArray:
    """Return Π_i e^{−|α_i|²/2} α_i^n/√n! times the electronic amplitudes."""
    from scipy.special import gammaln

    vibrations = np.ones(len(numbers), dtype=np.complex128)
    for n, alpha in zip(numbers.T, coherent, strict=True):
        if alpha == 0:
            vibrations *= n == 0
        else:
            vibrations *= np.exp(n * np.log(alpha) - gammaln(n + 1) / 2 - abs(alpha) ** 2 / 2)
    return np.asarray(np.multiply.outer(vibrations, electronic).reshape(-1))


def _run(
    matrix: Any, psi: ComplexArray, times: FloatArray, angular: float, numbers: Any, states: int
) -> dict[str, Any]:
    """Return what is known at the times, in one basis."""
    real = not np.iscomplexobj(matrix)

    def apply(vector: ComplexArray) -> ComplexArray:
        if not real:
            return np.asarray(matrix @ vector)
        pair = np.ascontiguousarray(vector).view(np.float64).reshape(-1, 2)
        return np.asarray((matrix @ pair).reshape(-1).view(np.complex128))

    first, begun = psi, float(np.linalg.norm(psi))
    mirrored = real and not np.any(psi.imag)
    one_each = np.eye(numbers.shape[1], dtype=int)
    still = np.zeros(len(one_each))
    outer = (numbers / np.maximum(numbers.max(axis=0), 1)).sum(axis=1) > _EDGE
    edge = 0.0
    Q = [build([(tuple(row), np.eye(states))], still, numbers) for row in one_each]
    populations = np.empty((times.size, states))
    overlap = np.empty(times.size, dtype=np.complex128)
    positions = np.empty((times.size, len(Q)))
    with few_threads(1):
        low, high = _bounds(apply, len(psi))
        extent = (high + low) / 2, 1.01 * (high - low) / 2 or 1.0
        rate = angular * extent[1]
        place, now = 0, 0.0
        while place < times.size:
            phases = rate * (times[place : place + _TOGETHER] - now)
            phases = phases[phases <= _LONGEST]
            if not phases.size:
                psi, now = _at(apply, psi, extent, np.array([_LONGEST]))[0], now + _LONGEST / rate
                continue
            for one in _at(apply, psi, extent, phases):
                psi = one
                density = np.abs(psi.reshape(-1, states)) ** 2
                populations[place] = density.sum(axis=0)
                edge = max(edge, float(density[outer].sum()))
                positions[place] = [np.vdot(psi, x @ psi).real for x in Q]
                overlap[place] = np.dot(psi, psi) if mirrored else np.vdot(first, psi)
                place += 1
            now = float(times[place - 1])
    if not abs(float(np.linalg.norm(psi)) - begun) <= _KEPT:
        raise ConvergenceError(
            "The norm is not kept: H has levels beyond the bound that a Lanczos iteration gave."
        )
    return {
        "populations": populations,
        "positions": positions,
        "autocorrelation_times": 2 * times if mirrored else times,
        "autocorrelation": overlap,
        "edge_population": edge,
        "energy": float(np.vdot(first, apply(first)).real / begun**2),
    }


def _at(apply: Any, psi: ComplexArray, extent: tuple[float, float], phases: FloatArray) -> Any:
    """Return the states (T, …) after r t of `phases`."""
    columns = [bessel_weights(float(phase)) for phase in phases]
    weights = np.zeros((max(map(len, columns)), len(columns)), dtype=np.complex128)
    for k, column in enumerate(columns):
        weights[: column.size, k] = column
    turn = np.exp(-1j * extent[0] / extent[1] * phases)
    return turn[:, None] * series(apply, psi, extent, weights)


def _bounds(apply: Any, size: int) -> tuple[float, float]:
    """Return bounds on the spectrum, from a Lanczos iteration and its residual."""
    rng = np.random.default_rng(0)
    vector = rng.standard_normal(size).astype(np.complex128)
    vector /= np.linalg.norm(vector)
    before, beta = np.zeros_like(vector), 0.0
    diagonal, side = list[float](), list[float]()
    for _ in range(min(_STEPS, size)):
        following = apply(vector) - beta * before
        diagonal.append(float(np.vdot(vector, following).real))
        following -= diagonal[-1] * vector
        beta = float(np.linalg.norm(following))
        side.append(beta)
        if beta <= 1e-12 * max(abs(diagonal[0]), 1e-300):
            break
        before, vector = vector, following / beta
    ritz = np.linalg.eigvalsh(np.diag(diagonal) + np.diag(side[:-1], 1) + np.diag(side[:-1], -1))
    return float(ritz[0] - side[-1]), float(ritz[-1] + side[-1])
