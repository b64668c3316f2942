"""Superconducting circuits of scqubits as H(x) in a basis that does not move with x.

scqubits writes a circuit in the bare eigenstates at one value of a parameter, another basis at
every value. A path through such matrices is no evolution. Here every subsystem is written in the
span of its lowest states at all values, and H in the product of these.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    describe,
    fail,
    hermitian,
    increasing,
    is_numeric,
    nearest,
)
from anticrossing._core.foreign import package

_FIRST_NODES, _MOST_NODES = 9, 129
_MARGIN = 0.02  # of the range, beyond its ends: derivatives of cos(n acos u) are lost at u = ±1
_LARGEST = 512  # states of the product


@dataclass(frozen=True)
class Circuit:
    """H(x) = Σ_k f_k(x) M_k of a circuit."""

    pairs: list[tuple[str, npt.NDArray[Any]]]
    dims: tuple[tuple[int, ...], tuple[int, ...]]
    energy: str


def read(given: Any, parameter: str, values: Any, coordinate: str, tolerance: float) -> Circuit:
    """Return a `HilbertSpace` or `ParameterSweep` as terms, and leave it as it was found."""
    if package(given) != "scqubits":
        must = "be a HilbertSpace or a ParameterSweep of scqubits"
        raise fail("given", must, f"it is {describe(given)}")
    space = getattr(given, "hilbertspace", given)
    if not hasattr(space, "interaction_list"):
        raise fail("given", "be a HilbertSpace or a ParameterSweep", f"it is {describe(given)}")
    moved, known, before = _knob(given, space, parameter)
    ends = increasing("values", known if values is None else values)
    low, high = float(ends[0]), float(ends[-1])
    try:
        return _read(space, moved, (low, high), coordinate, tolerance)
    finally:
        moved(before)


def _knob(given: Any, space: Any, parameter: str) -> tuple[Callable[[float], None], Any, float]:
    """Return what sets a parameter, the values a sweep has for it, and its present value."""
    if given is not space:
        info = given.param_info
        if parameter not in info:
            raise fail("parameter", f"be one of {', '.join(info)}", f"it is {describe(parameter)}")
        others = {name: values[0] for name, values in info.items()}

        def update(value: float) -> None:
            given._update_hilbertspace(given, *{**others, parameter: value}.values())

        return update, np.unique(info[parameter]), float(info[parameter][0])
    subsystems = {system.id_str: system for system in space.subsystem_list}
    name, _, attribute = str(parameter).rpartition(".")
    if name not in subsystems:
        must = f"be SUBSYSTEM.PARAMETER with a subsystem of {', '.join(subsystems)}"
        raise fail("parameter", must, f"it is {describe(parameter)}")
    system = subsystems[name]
    before: Any = getattr(system, attribute, None)
    if not is_numeric(before) or np.ndim(before):
        numbers = [key for key, value in _parameters(system).items() if is_numeric(value)]
        listed = f", one of {', '.join(numbers)}" if numbers else ""
        raise fail(
            "parameter",
            f"name a number of {name}{listed}",
            f"`{attribute}` is none{nearest(attribute, numbers)}",
        )
    return lambda value: setattr(system, attribute, value), [], float(before)


def _parameters(system: Any) -> dict[str, Any]:
    """Return the parameters that scqubits knows of a subsystem, and their values by default."""
    known: Any = getattr(system, "default_params", dict)()
    return known if isinstance(known, dict) else {}


def _read(
    space: Any,
    moved: Callable[[float], None],
    ends: tuple[float, float],
    coordinate: str,
    tolerance: float,
) -> Circuit:
    middle, half = (ends[0] + ends[1]) / 2, (0.5 + _MARGIN) * (ends[1] - ends[0])
    count = _FIRST_NODES
    while True:
        nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
        places = middle + half * nodes
        bases = _bases(space, moved, places, tolerance)
        dims = tuple(basis.shape[1] for basis in bases)
        if int(np.prod(dims)) > _LARGEST:
            raise fail(
                "given",
                f"need at most {_LARGEST} states in all",
                f"the lowest states of the subsystems span {' × '.join(map(str, dims))}: choose a "
                "smaller `truncated_dim`, range or accuracy",
            )
        matrices = np.array([_matrix(space, moved, x, bases) for x in places])
        series = _series(matrices)
        size = np.max(np.abs(matrices))
        if np.max(np.abs(series[-2:])) <= tolerance * size and _spans(
            space, moved, places, bases, tolerance * size
        ):
            break
        count = 2 * count - 1
        if count > _MOST_NODES:
            raise ConvergenceError(
                f"H must be smooth in {coordinate} between {ends[0]:g} and {ends[1]:g}, but "
                f"{_MOST_NODES} values do not resolve it: choose a shorter range, or a larger "
                "tolerance."
            )
    pairs = _terms(series, tolerance * size, coordinate, middle, half)
    energy = getattr(sys.modules["scqubits"], "get_units", lambda: "GHz")()
    return Circuit(pairs, (dims, dims), energy)


def _bases(
    space: Any, moved: Callable[[float], None], places: FloatArray, tolerance: float
) -> list[npt.NDArray[Any]]:
    """Return for every subsystem what its lowest states span at all places, as columns."""
    found: list[list[npt.NDArray[Any]]] = [[] for _ in space.subsystem_list]
    for place in places:
        moved(float(place))
        for k, system in enumerate(space.subsystem_list):
            found[k].append(_lowest(system)[1])
    bases = []
    for states in found:
        if all(np.array_equal(one, states[0]) for one in states):
            bases.append(states[0])
            continue
        left, sizes, _ = np.linalg.svd(np.concatenate(states, axis=1), full_matrices=False)
        # An error δ of a state changes its energy by δ².
        bases.append(left[:, sizes > np.sqrt(tolerance) * sizes[0] * 0.1])
    return bases


def _lowest(system: Any) -> tuple[FloatArray, npt.NDArray[Any]]:
    """Return the lowest energies of a subsystem and its states in a basis that stays."""
    count = int(system.truncated_dim)
    if not hasattr(system, "hamiltonian"):  # an oscillator, in its own states
        return np.asarray(system.eigenvals(evals_count=count)), np.eye(count)
    energies, states = system.eigensys(evals_count=count)
    return np.asarray(energies), np.asarray(states)


def _own_matrix(system: Any, basis: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not hasattr(system, "hamiltonian"):
        return np.diag(_lowest(system)[0])
    return _within(system.hamiltonian(), basis)


def _within(operator: Any, basis: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if hasattr(operator, "full"):
        operator = operator.full()
    if operator.shape[0] != basis.shape[0]:
        raise fail(
            "given",
            "have interactions written in the subsystems' own bases",
            f"one has shape {operator.shape}, its subsystem {basis.shape[0]} states",
        )
    return np.asarray(basis.conj().T @ (operator @ basis))


def _matrix(
    space: Any, moved: Callable[[float], None], place: float, bases: Sequence[npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Return the whole Hamiltonian at one value in the product of the bases."""
    moved(float(place))
    systems = list(space.subsystem_list)
    total: Any = 0
    for k, system in enumerate(systems):
        total = total + _product({k: _own_matrix(system, bases[k])}, bases)
    for term in space.interaction_list:
        if not hasattr(term, "g_strength"):
            must = "couple its subsystems by products of operators"
            raise fail("given", must, "an interaction is text that Python runs")
        whole: Any = np.eye(total.shape[0])
        for index, operator in term.operator_list:
            k = int(index) if isinstance(index, (int, np.integer)) else systems.index(index)
            own = operator() if callable(operator) else operator
            whole = whole @ _product({k: _within(own, bases[k])}, bases)
        strength = term.g_strength() if callable(term.g_strength) else term.g_strength
        whole = strength * whole
        total = total + (whole + whole.conj().T if term.add_hc else whole)
    return hermitian("given", total)


def _product(
    operators: dict[int, npt.NDArray[Any]], bases: Sequence[npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    whole: Any = np.eye(1)
    for k, basis in enumerate(bases):
        whole = np.kron(whole, operators.get(k, np.eye(basis.shape[1])))
    return np.asarray(whole)


def _spans(
    space: Any,
    moved: Callable[[float], None],
    places: FloatArray,
    bases: Sequence[npt.NDArray[Any]],
    allowed: float,
) -> bool:
    """Whether the bases hold the lowest states between the places too, by their energies."""
    for place in (places[1:] + places[:-1]) / 2:
        moved(float(place))
        for system, basis in zip(space.subsystem_list, bases, strict=True):
            energies = _lowest(system)[0]
            inside = np.linalg.eigvalsh(_own_matrix(system, basis))[: energies.size]
            if np.max(np.abs(inside - energies)) > max(allowed, 1e-13 * np.max(np.abs(energies))):
                return False
    return True


def _series(matrices: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return Chebyshev coefficients of matrices at the nodes cos(π (k + ½)/n)."""
    count = matrices.shape[0]
    angles = np.pi * (np.arange(count) + 0.5) / count
    weights = 2 / count * np.cos(np.outer(np.arange(count), angles))
    weights[0] /= 2
    return np.asarray(np.tensordot(weights, matrices, axes=1))


def _terms(
    series: npt.NDArray[Any], allowed: float, coordinate: str, middle: float, half: float
) -> list[tuple[str, npt.NDArray[Any]]]:
    """Return Σ_n T_n(u) C_n as few terms: factors of the matrices that the C_n span."""
    size = series.shape[1]
    constant = series[0]
    rest = series[1:].reshape(series.shape[0] - 1, -1)
    flat = np.concatenate([rest.real, rest.imag], axis=1)
    left, sizes, right = np.linalg.svd(flat, full_matrices=False)
    pairs: list[tuple[str, npt.NDArray[Any]]] = [("1", constant)]
    u = f"(({coordinate} - ({middle!r}))/{half!r})"
    for k in np.flatnonzero(sizes > 0.01 * allowed):
        parts = [
            f"({float(weight)!r})*cos({n + 1}*acos({u}))"
            for n, weight in enumerate(left[:, k] * sizes[k])
            if abs(weight) > 1e-3 * allowed
        ]
        matrix = (right[k, : size**2] + 1j * right[k, size**2 :]).reshape(size, size)
        pairs.append((" + ".join(parts), (matrix + matrix.conj().T) / 2))
    return pairs
