"""What a drive is to do: lead one state to another, set populations, or make a gate."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    choice,
    describe,
    fail,
    finite,
    is_numeric,
    level as check_level,
    of_shape,
    real_array,
    square_matrix,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.unchanging import Unchanging
from anticrossing.dynamics.gate import columns_of

PHASES = ("none", "single_qubit", "each")
BASES = ("adiabatic", "diabatic")
_ROUNDING = 1e-8
_NO_POPULATION = 1e-12  # whose root has no slope


@dataclass(frozen=True)
class Asked:
    """A target at M points: the states to follow (M, N, d), and what their ends are compared with.

    Attributes
    ----------
    columns : array, shape (M, N, d)
    wanted : array, shape (M, N, …)
        Final states to compare with.
    """

    columns: ComplexArray
    wanted: ComplexArray


class Target(Unchanging, abc.ABC):
    """What a drive is to do; made as `StateTarget`, `PopulationTarget` or `GateTarget`."""

    phases: int = 0  # free ones, which belong to what is optimised

    def counted(self, end: int) -> tuple[int, ...]:
        """Return the levels that are told by their number, at the start (0) or the end (1)."""
        return ()

    @abc.abstractmethod
    def ask(self, first: ComplexArray, last: ComplexArray) -> Asked:
        """Return what is asked, for eigenvectors (M, N, N) at the first and the last position."""

    @abc.abstractmethod
    def infidelity(
        self, asked: Asked, final: ComplexArray, phases: FloatArray
    ) -> tuple[FloatArray, ComplexArray, FloatArray]:
        """Return 1 − F (M,), its derivatives by conj(final) (M, N, d), and by the phases (M, m)."""

    def first_phases(self, asked: Asked, final: ComplexArray) -> FloatArray:
        """Return free phases to begin with, from the final states of the first point."""
        return np.zeros(0)


class StateTarget(Target):
    """Lead one state to another: F = |⟨final|U|initial⟩|².

    Parameters
    ----------
    initial, final : int or array, shape (N,)
        A level, 0 the lowest, of H at the start and at the end of the drive, at every point of an
        ensemble its own; or a state in the basis H is written in, which is normalised.

    Examples
    --------
    >>> StateTarget(0, 1)
    StateTarget(0, 1)
    """

    def __init__(self, initial: int | npt.ArrayLike, final: int | npt.ArrayLike) -> None:
        self.initial = _state("initial", initial)
        self.final = _state("final", final)

    def __repr__(self) -> str:
        said = ["…" if isinstance(s, np.ndarray) else str(s) for s in (self.initial, self.final)]
        return f"StateTarget({said[0]}, {said[1]})"

    def counted(self, end: int) -> tuple[int, ...]:
        state = (self.initial, self.final)[end]
        return (state,) if isinstance(state, int) else ()

    def ask(self, first: ComplexArray, last: ComplexArray) -> Asked:
        return Asked(_of("initial", self.initial, first), _of("final", self.final, last))

    def infidelity(
        self, asked: Asked, final: ComplexArray, phases: FloatArray
    ) -> tuple[FloatArray, ComplexArray, FloatArray]:
        amplitude = np.sum(asked.wanted.conj() * final, axis=(-2, -1))
        # What is left beside the wanted state keeps its digits where 1 − |amplitude|² loses them.
        rest = final - asked.wanted * amplitude[:, None, None]
        found = np.sum(np.abs(rest) ** 2, axis=(-2, -1))
        return found, -asked.wanted * amplitude[:, None, None], np.zeros((found.size, 0))


class PopulationTarget(Target):
    """Set final populations: F is the mean over the initial levels of (Σ_f √(P_fi T_fi))².

    Parameters
    ----------
    matrix : array, shape (N, k)
        T, ``[final, initial]``: of each of the k lowest initial states the wanted populations,
        which add to one.
    basis : {"adiabatic", "diabatic"}
        Levels of H at both ends, or states of the basis H is written in.

    Examples
    --------
    >>> PopulationTarget([[0.5, 0.5], [0.5, 0.5]])
    PopulationTarget(2 × 2, adiabatic)
    """

    def __init__(self, matrix: npt.ArrayLike, *, basis: str = "adiabatic") -> None:
        table = real_array("matrix", matrix)
        if table.ndim != 2 or not 0 < table.shape[1] <= table.shape[0]:
            raise fail("matrix", "have shape (N, k), k ≤ N", f"its shape is {table.shape}")
        if np.any(table < 0) or np.max(np.abs(table.sum(axis=0) - 1)) > _ROUNDING:
            raise fail("matrix", "have columns of populations that add to 1", "they do not")
        self.matrix = table
        self.basis = choice("basis", basis, BASES)

    def __repr__(self) -> str:
        rows, columns = self.matrix.shape
        return f"PopulationTarget({rows} × {columns}, {self.basis})"

    def counted(self, end: int) -> tuple[int, ...]:
        return tuple(range(self.matrix.shape[1 - end])) if self.basis == "adiabatic" else ()

    def ask(self, first: ComplexArray, last: ComplexArray) -> Asked:
        levels, count = self.matrix.shape
        of_shape("matrix", self.matrix, (first.shape[-1], count))
        if self.basis == "diabatic":
            first = last = np.broadcast_to(np.eye(levels, dtype=np.complex128), first.shape)
        return Asked(np.array(first[:, :, :count]), last)

    def infidelity(
        self, asked: Asked, final: ComplexArray, phases: FloatArray
    ) -> tuple[FloatArray, ComplexArray, FloatArray]:
        amplitudes = dagger(asked.wanted) @ final
        populations = np.abs(amplitudes) ** 2
        roots = np.sqrt(populations + _NO_POPULATION)
        weights = np.sqrt(self.matrix)
        overlap = np.sum(weights * np.sqrt(populations), axis=-2, keepdims=True)
        # 1 − o² = Σ(√P − √T)²(1 + o)/2 where both add to one: small values keep their digits.
        apart = np.sum((np.sqrt(populations) - weights) ** 2, axis=-2)
        found = np.mean(0.5 * apart * (1 + overlap[:, 0]), axis=-1)
        slope = -(overlap * weights / roots) * amplitudes / self.matrix.shape[1]
        return found, asked.wanted @ slope, np.zeros((found.size, 0))


class GateTarget(Target):
    """Make a gate: F = (|tr T†M|² + tr M†M)/(d(d + 1)), M the part of U between d states.

    Parameters
    ----------
    matrix : array, shape (d, d)
        T, unitary, ``[final, initial]``; a phase common to all never counts.
    states : array, shape (d,), (N, d) or (points, N, d)
        The numbers of states of the basis H is written in; or orthonormal columns, such as
        `spectrum.dressed_states` returns, for all points of an ensemble or for each.
    after : array, optional
        The same after the gate; by default as before it.
    phases : {"none", "single_qubit", "each"}
        Phases that later gates in software can undo, and that are free here: those of two qubits,
        ``diag(1, e^{iβ}, e^{iα}, e^{i(α+β)})`` for the states 00, 01, 10, 11; or of every state.
        They are the same at all points of an ensemble.

    References
    ----------
    L. H. Pedersen, N. M. Møller, K. Mølmer, Phys. Lett. A 367, 47 (2007).

    Examples
    --------
    >>> GateTarget(np.diag([1, 1, 1, -1]), states=[0, 1, 3, 4], phases="single_qubit")
    GateTarget(4 × 4, phases='single_qubit')
    """

    def __init__(
        self,
        matrix: npt.ArrayLike,
        *,
        states: npt.ArrayLike,
        after: npt.ArrayLike | None = None,
        phases: str = "none",
    ) -> None:
        wanted = square_matrix("matrix", matrix, single=True)
        d = wanted.shape[0]
        if np.max(np.abs(dagger(wanted) @ wanted - np.eye(d))) > _ROUNDING:
            raise fail("matrix", "be unitary", "its columns are not orthonormal")
        self.matrix = wanted
        self.states = np.asarray(states)
        self.after = None if after is None else np.asarray(after)
        self.free = choice("phases", phases, PHASES)
        if phases == "single_qubit" and d != 4:
            raise fail("phases", "be of single qubits for four states only", f"there are {d}")
        generators = {
            "none": np.zeros((d, 0)),
            "each": np.eye(d)[:, 1:],
            "single_qubit": np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]).T,
        }
        self._generators = generators[phases]
        self.phases = self._generators.shape[1]

    def __repr__(self) -> str:
        d = self.matrix.shape[0]
        return f"GateTarget({d} × {d}, phases={self.free!r})"

    def ask(self, first: ComplexArray, last: ComplexArray) -> Asked:
        points, levels = first.shape[:2]
        d = self.matrix.shape[0]
        before = self._columns("states", self.states, points, levels)
        after = before if self.after is None else self._columns("after", self.after, points, levels)
        for name, columns in (("states", before), ("after", after)):
            if columns.shape[-1] != d:
                raise fail(name, f"be {d}, as the gate has", f"they are {columns.shape[-1]}")
        return Asked(before, after)

    def infidelity(
        self, asked: Asked, final: ComplexArray, phases: FloatArray
    ) -> tuple[FloatArray, ComplexArray, FloatArray]:
        d = self.matrix.shape[0]
        part = dagger(asked.wanted) @ final
        turned = np.exp(1j * self._generators @ phases)[:, None] * self.matrix
        rows = np.sum(turned.conj() * part, axis=-1)
        overlap = np.sum(rows, axis=-1)
        # d² + d − |o|² − tr M†M from differences, which keep the digits of small values.
        phase = overlap / np.maximum(np.abs(overlap), _NO_POPULATION)
        missed = np.sum(np.abs(part - phase[:, None, None] * turned) ** 2, axis=(-2, -1))
        lost = np.sum(np.abs(final - asked.wanted @ part) ** 2, axis=(-2, -1))
        short = 0.5 * (missed + lost)  # d − |o|, as tr M†M + lost = d
        found = (short * (d + np.abs(overlap)) + lost) / (d * (d + 1))
        slope = -(overlap[:, None, None] * turned + part) / (d * (d + 1))
        by_phases = -2 * np.imag(overlap.conj()[:, None] * (rows @ self._generators))
        return found, asked.wanted @ slope, by_phases / (d * (d + 1))

    def first_phases(self, asked: Asked, final: ComplexArray) -> FloatArray:
        part = (dagger(asked.wanted) @ final)[0]
        rows = np.angle(np.sum(self.matrix.conj() * part, axis=-1))
        rows = rows - rows[0]
        if self.free == "single_qubit":
            return np.asarray(rows[[2, 1]])
        return np.asarray(rows[1:] if self.free == "each" else rows[:0])

    def _columns(self, name: str, given: Any, points: int, levels: int) -> ComplexArray:
        columns = columns_of(name, given, levels)
        if columns.ndim > 3 or (columns.ndim == 3 and columns.shape[0] not in (1, points)):
            # Points of a batch on several axes are on one here.
            if int(np.prod(columns.shape[:-2])) != points:
                must = f"be for {points} points"
                raise fail(name, must, f"their batch shape is {columns.shape[:-2]}")
            columns = columns.reshape(points, *columns.shape[-2:])
        return np.array(np.broadcast_to(columns, (points, *columns.shape[-2:])))


def _state(name: str, given: Any) -> int | npt.NDArray[Any]:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return int(given)
    if not is_numeric(given) or np.ndim(given) != 1 or np.size(given) == 0:
        raise fail(name, "be a level or a state of shape (N,)", f"it is {describe(given)}")
    value = finite(name, np.array(given, dtype=np.complex128))
    largest = np.max(np.abs(value))
    if largest == 0:
        raise fail(name, "not vanish", "it does")
    return np.asarray(value / largest / np.linalg.norm(value / largest))


def _of(name: str, state: int | npt.NDArray[Any], vectors: ComplexArray) -> ComplexArray:
    """Return a level or a state as columns (M, N, 1)."""
    points, levels = vectors.shape[:2]
    if isinstance(state, np.ndarray):
        of_shape(name, state, (levels,))
        return np.broadcast_to(state[None, :, None], (points, levels, 1)).astype(np.complex128)
    return np.array(vectors[:, :, [check_level(name, state, levels)]])
