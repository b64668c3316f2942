"""The right-hand side that a solver of QuTiP holds, as a Hamiltonian, a drive, an environment.

Of dρ/dt = S ρ the matrix C of the map, C_(ik)(jl) = ∂ρ'_ij/∂ρ_kl, tells Hamiltonian and jumps
apart: where both sides of C are orthogonal to the identity it is Σ_ab K_ab |F_a⟩⟩⟨⟨F_b|, with the
traceless jumps F, and its column along the identity holds −iH − ½ Σ_ab K_ab F_b† F_a.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core import expression
from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail
from anticrossing._core.foreign import dims_of, own
from anticrossing.drive import Drive
from anticrossing.drive.foreign import moved
from anticrossing.environment import Environment, Lindblad
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.hamiltonian._qutip import Terms, check_vanishing, elements, hermitian_pairs
from anticrossing.hamiltonian._qutip_coefficients import Book, names_in, symbolic

LARGEST = 32  # levels whose jumps are read off a superoperator
_SAME = 1e-9  # what rounding leaves, of the largest element
_LOOKS = 17  # times at which a function's jumps are compared


@dataclass(frozen=True)
class Problem:
    """What `propagate` takes."""

    hamiltonian: Hamiltonian
    drive: Drive
    environment: Environment | None


def of_states(system: Any, times: FloatArray) -> Problem:
    """Return dψ/dt = −iH(t) ψ as a problem on a window of time."""
    entries = elements(system, {}, times)
    if entries is None:
        return _of_function(lambda t: 1j * system(t).full(), times, dims_of(system), None)
    book = Book({}, times)
    factors = [(_factor(book, c), 1j * own(matrix, sparse=True)) for c, matrix in entries]
    return _problem(hermitian_pairs(factors, book), book, times, dims_of(system), ())


def of_densities(system: Any, times: FloatArray) -> Problem:
    """Return dρ/dt = S(t) ρ as a problem on a window of time, or raise `InputError`."""
    levels = round(system.shape[0] ** 0.5)
    if levels > LARGEST:
        raise fail(
            "H",
            f"have at most {LARGEST} levels for jumps to be read off a superoperator",
            f"it has {levels}: `anticrossing.propagate` takes the operators themselves",
        )
    inner = system.dims[0][0]
    dims = (tuple(inner), tuple(inner)) if isinstance(inner, list) else None
    entries = elements(system, {}, times)
    if entries is None:
        return _of_map(lambda t: _aligned(system(t).full(), levels), times, dims, levels)
    book = Book({}, times)
    factors = [(_factor(book, c), _aligned(own(matrix), levels)) for c, matrix in entries]
    hamiltonians: list[tuple[Any, Any]] = []
    jumps: list[tuple[Any, ComplexArray]] = []
    lost = {}
    pairs = hermitian_pairs(factors, book)
    for factor, aligned in pairs:
        hamiltonian, found, lost[factor] = _split(aligned, levels)
        if found and np.min(rates := book.values([factor]).real) < -_SAME * np.max(np.abs(rates)):
            raise fail("c_ops", "make rates that are not negative", f"one is ∝ {rates.min():.3g}")
        # A factor of jumps alone stays beside a zero: the path has to hold what it is made of.
        if np.any(hamiltonian) or (found and set(names_in(factor)) & book.sampled.keys()):
            hamiltonians.append((factor, hamiltonian))
        jumps += [(factor, jump) for jump in found]
    beside = [aligned for _, aligned in pairs]
    check_vanishing(lost, book, "H", "keep the trace of a density matrix", beside)
    hamiltonians = hamiltonians or [(1, np.zeros((levels, levels)))]
    return _problem(hamiltonians, book, times, dims, jumps)


def _problem(
    pairs: list[tuple[Any, Any]],
    book: Book,
    times: FloatArray,
    dims: Any,
    jumps: Sequence[tuple[Any, ComplexArray]],
) -> Problem:
    terms = Terms.of(pairs, book, dims)
    if len(terms.coordinates) > 1:
        # Environments call time `t` already, beside the coordinates.
        name = "time"
        while name in terms.parameters:
            name += "_"
        terms = terms.with_time_called(name)
    hamiltonian, drive = moved(terms, float(times[0]), float(times[-1]))
    if not jumps:
        return Problem(hamiltonian, drive, None)
    names = terms.coordinates if len(terms.coordinates) > 1 else ("x",)
    called = dict(zip(terms.sampled, names if names == ("x",) else terms.sampled, strict=False))
    operators = [(_root(factor, book, called), jump) for factor, jump in jumps]
    return Problem(hamiltonian, drive, Lindblad(operators, coordinates=names))


def _of_function(
    at: Callable[[float], Any], times: FloatArray, dims: Any, environment: Environment | None
) -> Problem:
    from anticrossing.drive import Formula

    levels = at(float(times[0])).shape[0]
    made = Hamiltonian.from_function(at, coordinates="t", dimension=levels, dims=dims)
    return Problem(made, Formula("t", float(times[0]), float(times[-1])), environment)


def _of_map(
    at: Callable[[float], ComplexArray], times: FloatArray, dims: Any, levels: int
) -> Problem:
    """Return the problem of a superoperator that is one function of time, with constant jumps."""
    looks = np.linspace(times[0], times[-1], _LOOKS)
    project = _off_identity(levels)
    parts = np.array([project @ at(float(t)) @ project for t in looks])
    if np.max(np.abs(parts - parts[0])) > _SAME * np.max(np.abs(parts), initial=1e-300):
        raise InputError(
            "Collapse operators beside an H(t) that is one function must be constant, but they "
            "change: write them as [operator, coefficient]."
        )
    hamiltonian, jumps, lost = _split(at(float(times[0])), levels)
    if np.max(np.abs(lost)) > _SAME * max(np.max(np.abs(hamiltonian)), np.max(np.abs(parts))):
        raise fail("H", "keep the trace of a density matrix", "its generator does not")
    environment = Lindblad(jumps) if jumps else None
    return _of_function(lambda t: _split(at(t), levels)[0], times, dims, environment)


def _factor(book: Book, coefficient: Any) -> Any:
    return 1 if coefficient is None else book.factor(coefficient)


def _aligned(superoperator: ComplexArray, levels: int) -> ComplexArray:
    """Return C_(ik)(jl) of a map of matrices that are stacked column by column."""
    tensor = superoperator.reshape(4 * (levels,))  # [j, i, l, k]
    return np.asarray(tensor.transpose(1, 3, 0, 2).reshape(levels**2, levels**2))


def _off_identity(levels: int) -> FloatArray:
    one = np.eye(levels).ravel() / np.sqrt(levels)
    return np.asarray(np.eye(levels**2) - np.outer(one, one))


def _split(
    aligned: ComplexArray, levels: int
) -> tuple[ComplexArray, list[ComplexArray], ComplexArray]:
    """Return the Hamiltonian, the traceless jumps, and what a generator takes from the trace."""
    one = np.eye(levels).ravel()
    scale = max(float(np.max(np.abs(aligned))), 1e-300)
    column = aligned @ one / levels
    drift = (column - one * (one @ column) / (2 * levels)).reshape(levels, levels)
    project = _off_identity(levels)
    rates, vectors = np.linalg.eigh(project @ aligned @ project)
    noise = 4 * levels * np.finfo(np.float64).eps * scale
    if rates[0] < -max(_SAME * rates[-1], noise):
        raise fail("c_ops", "make rates that are not negative", f"one is {rates[0]:.3g}")
    keep = rates > noise
    jumps = [
        np.sqrt(rate) * vector.reshape(levels, levels)
        for rate, vector in zip(rates[keep], vectors.T[keep], strict=True)
    ]
    lost = drift + drift.conj().T + sum(jump.conj().T @ jump for jump in jumps)
    return 0.5j * (drift - drift.conj().T), jumps, np.asarray(lost)


def _root(factor: Any, book: Book, called: Mapping[str, str]) -> Any:
    """Return √f of a factor, of either sign, as a number or as text in time and positions."""
    import sympy

    replaced: dict[Any, Any] = {
        expression.symbol(name): float(book.args[name])
        for name in names_in(factor)
        if name in book.args
    }
    replaced |= {expression.symbol(name): expression.symbol(new) for name, new in called.items()}
    # |c|² counts: √(f²) is f, which is smooth where |f| is not.
    root = sympy.sqrt(symbolic(factor).subs(replaced)).replace(sympy.Abs, lambda inner: inner)
    if not root.is_number:
        return str(root)
    if root.has(sympy.I):
        raise fail("c_ops", "make rates that are not negative", f"one has the factor {factor}")
    return float(root)
