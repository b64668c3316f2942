"""What an evolution does to a few states as a gate: phases, leakage, fidelity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, fail, of_shape, square_matrix
from anticrossing._core.foreign import own
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown

_ORTHONORMAL = 1e-8
_PAIR = 4  # states of two qubits


@dataclass(frozen=True, eq=False, kw_only=True)
class Gate(Result):
    """The part M = A† U B of a propagator between states before, B, and after it, A.

    Attributes
    ----------
    matrix : array, shape (..., d, d)
        M, ``[final, initial]``. A phase common to all is as in U.
    leakage : array, shape (..., d)
        Of every initial state, what ends outside of the final ones, or has decayed: without decay
        small values keep their digits.
    phases : array, shape (..., d)
        arg M_kk, between −π and π.
    error_estimate, phase_error : array, shape (...)
        Bounds of the evolution: of probabilities, and of phases by rounding.

    References
    ----------
    L. H. Pedersen, N. M. Møller and K. Mølmer, Phys. Lett. A 367, 47 (2007) (fidelity).
    C. J. Wood and J. M. Gambetta, Phys. Rev. A 97, 032306 (2018) (average leakage).
    """

    matrix: ComplexArray
    leakage: FloatArray
    error_estimate: FloatArray
    phase_error: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "conditional_phase": shown(text="phase of the last state beside those of one qubit"),
        "average_leakage": shown(text="mean of what ends outside of the final states"),
        "leakage": shown("initial", text="what ends outside of the final states"),
        "phases": shown("initial", text="phase of every state"),
        "matrix": shown("final", "initial", text="amplitude between the states"),
        "error_estimate": shown(text="bound on the error of the probabilities"),
        "phase_error": shown(text="rounding of the phase", unit="rad"),
    }

    @property
    def phases(self) -> FloatArray:
        """arg M_kk of every state, shape (..., d)."""
        return np.asarray(np.angle(np.einsum("...kk->...k", self.matrix)))

    @property
    def conditional_phase(self) -> FloatArray | None:
        """φ₁₁ − φ₁₀ − φ₀₁ + φ₀₀ of states 00, 01, 10, 11, in (−π, π]; else None.

        It is π for a controlled-Z gate, whatever the phases of the single qubits.
        """
        kept = np.einsum("...kk->...k", self.matrix)
        if kept.shape[-1] != _PAIR:
            return None
        product = kept[..., 3] * kept[..., 0] * (kept[..., 1] * kept[..., 2]).conj()
        return np.asarray(np.angle(product))

    @property
    def average_leakage(self) -> FloatArray:
        """The mean over all initial states in the space of the d given ones, shape (...)."""
        return np.asarray(self.leakage.mean(axis=-1))

    def fidelity(self, target: Any = None) -> FloatArray:
        """Return the mean fidelity F = (|tr T†M|² + tr M†M)/(d(d + 1)) over all initial states.

        Parameters
        ----------
        target : array, shape (d, d), optional
            The unitary T. By default, of four states, a controlled-Z gate after the phases of
            single qubits that M has on 00, 01 and 10; of others the phases of M themselves.

        Returns
        -------
        array, shape (...)

        Raises
        ------
        InputError
            For a matrix of another size, or one that is not unitary.
        """
        d = self.matrix.shape[-1]
        if target is None:
            phases = self.phases
            if d == _PAIR:
                single = phases[..., 1] + phases[..., 2] - phases[..., 0] + np.pi
                phases = np.concatenate([phases[..., :3], single[..., None]], axis=-1)
            overlap = np.sum(np.exp(-1j * phases) * np.einsum("...kk->...k", self.matrix), axis=-1)
        else:
            wanted = of_shape("target", square_matrix("target", target), (d, d))
            if np.max(np.abs(dagger(wanted) @ wanted - np.eye(d))) > _ORTHONORMAL:
                raise fail("target", "be unitary", "its columns are not orthonormal")
            overlap = np.einsum("ij,...ij->...", wanted.conj(), self.matrix)
        size = np.sum(np.abs(self.matrix) ** 2, axis=(-2, -1))
        return np.asarray((np.abs(overlap) ** 2 + size) / (d * (d + 1)))


def gate(
    propagator: ComplexArray,
    states: Any,
    after: Any,
    error_estimate: FloatArray,
    phase_error: FloatArray,
    *,
    decays: bool,
) -> Gate:
    """Return what a propagator (..., N, N) does between states, columns or numbers of a basis.

    It is unitary unless levels decay.
    """
    levels = propagator.shape[-1]
    before = columns_of("states", states, levels)
    ends = before if after is None else columns_of("after", after, levels)
    if ends.shape[-1] != before.shape[-1]:
        must = f"be as many as `states`, {before.shape[-1]}"
        raise fail("after", must, f"they are {ends.shape[-1]}")
    try:
        moved = propagator @ before
        matrix = dagger(ends) @ moved
        lost = moved - ends @ matrix
    except ValueError:
        shapes = f"{before.shape[:-2]}, {ends.shape[:-2]}"
        must = f"fit the batch of shape {propagator.shape[:-2]}"
        raise fail("states", must, f"their batch shapes are {shapes}") from None
    # What lies outside is found as such: 1 − Σ|M|² would lose its digits.
    leakage = np.sum(np.abs(lost) ** 2, axis=-2)
    if decays:
        leakage = leakage + np.maximum(1 - np.sum(np.abs(moved) ** 2, axis=-2), 0.0)
    return Gate(
        matrix=matrix, leakage=leakage, error_estimate=error_estimate, phase_error=phase_error
    )


def columns_of(name: str, given: Any, levels: int) -> ComplexArray:
    """Return orthonormal columns (..., N, d), of the basis where numbers are given."""
    value: Any = np.asarray(own(given))
    if value.dtype.kind in "iu" and value.ndim == 1:
        if value.size == 0 or value.min() < 0 or value.max() >= levels:
            must = f"number states from 0 to {levels - 1}"
            raise fail(name, must, f"they are {value.tolist()}")
        if np.unique(value).size < value.size:
            raise fail(name, "differ", f"they are {value.tolist()}")
        return np.eye(levels, dtype=np.complex128)[:, value]
    if value.dtype.kind not in "iufc" or value.ndim < 2 or value.shape[-2] != levels:
        must = f"be numbers of basis states, or columns of shape ({levels}, d)"
        raise fail(name, must, f"their shape is {value.shape}")
    columns: ComplexArray = value.astype(np.complex128)
    gram = dagger(columns) @ columns
    if not np.max(np.abs(gram - np.eye(columns.shape[-1])), initial=0.0) <= _ORTHONORMAL:
        raise fail(name, "be orthonormal columns", "they are not, or not finite")
    return columns
