"""Gaussian states of free fermions: everything follows from one matrix of correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    fraction,
    hermitian,
    listed,
    of_shape,
    positive_number,
    real_number,
    square_matrix,
)
from anticrossing._core.unchanging import Unchanging

_ROUNDING = 1e-9  # how far an occupation may lie outside [0, 1]
_UNITARITY = 1e-6  # how far W†W may be from the unit matrix


class GaussianState(Unchanging):
    """A Gaussian state of N fermion modes that conserves the particle number.

    It is determined by ``G[i, j] = ⟨c_j† c_i⟩``, which evolves like a density matrix,
    ``G → W G W†`` with the single-particle propagator W.

    Parameters
    ----------
    correlation_matrix : array, shape (N, N)
        Hermitian, eigenvalues in [0, 1].

    Raises
    ------
    InputError
        If the matrix is not Hermitian or an occupation lies outside [0, 1].

    References
    ----------
    I. Peschel, J. Phys. A 36, L205 (2003).

    Examples
    --------
    >>> pair = GaussianState([[0.5, 0.5], [0.5, 0.5]])     # one particle shared by two modes
    >>> pair.occupations
    array([0.5, 0.5])
    >>> pair.entropy().round(12), pair.mutual_information([0], [1]).round(6)
    (np.float64(0.0), np.float64(1.386294))
    """

    def __init__(self, correlation_matrix: npt.ArrayLike) -> None:
        matrix = hermitian("correlation_matrix", correlation_matrix, single=True)
        values, vectors = np.linalg.eigh(matrix)
        if values[0] < -_ROUNDING or values[-1] > 1 + _ROUNDING:
            worst = values[0] if values[0] < -_ROUNDING else values[-1]
            raise fail(
                "correlation_matrix",
                "have eigenvalues in [0, 1] (they are occupations)",
                f"one is {worst:.6g}",
            )
        self._set(vectors * np.sqrt(np.clip(values, 0.0, 1.0)), matrix.copy())

    @classmethod
    def _of(
        cls, factor: npt.NDArray[np.float64 | np.complex128], matrix: ComplexArray
    ) -> GaussianState:
        """Return the state of a correlation matrix ``F F†`` whose factor is known."""
        state = object.__new__(cls)
        state._set(factor, matrix)
        state._seal()
        return state

    def _set(self, factor: npt.NDArray[np.float64 | np.complex128], matrix: ComplexArray) -> None:
        self._factor, self.correlation_matrix = factor, matrix

    @classmethod
    def thermal(
        cls, hamiltonian: npt.ArrayLike, *, temperature: float, chemical_potential: float = 0.0
    ) -> GaussianState:
        """Return the Gibbs state ``G = 1/(exp((H−μ)/T) + 1)`` of a matrix H (N, N), k_B = 1.

        Examples
        --------
        >>> GaussianState.thermal([[0.0, 0.0], [0.0, 1.0]], temperature=0.5).occupations.round(6)
        array([0.5     , 0.119203])
        """
        from scipy.special import expit

        matrix = hermitian("hamiltonian", hamiltonian, single=True)
        kelvin = positive_number("temperature", temperature)
        energies, vectors = np.linalg.eigh(matrix)
        occupied = expit(
            -(energies - real_number("chemical_potential", chemical_potential)) / kelvin
        )
        return cls._of(vectors * np.sqrt(occupied), (vectors * occupied) @ vectors.conj().T)

    @classmethod
    def product(cls, occupations: npt.ArrayLike) -> GaussianState:
        """Return the state with independent modes, occupied with the given probabilities (N,).

        Examples
        --------
        >>> GaussianState.product([1.0, 0.25]).particle_number
        1.25
        """
        occupied = fraction("occupations", listed("occupations", occupations))
        return cls._of(np.diagflat(np.sqrt(occupied)), np.diagflat(occupied).astype(np.complex128))

    @property
    def modes(self) -> int:
        """The number N of modes."""
        return int(self.correlation_matrix.shape[0])

    @property
    def factor(self) -> npt.NDArray[np.float64 | np.complex128]:
        """A matrix F with ``G = F F†``, (N, N): the occupied amplitudes."""
        return self._factor

    @property
    def occupations(self) -> FloatArray:
        """The probability that each mode is occupied, (N,)."""
        return np.diag(self.correlation_matrix).real.copy()

    @property
    def particle_number(self) -> float:
        """The mean number of particles."""
        return float(self.occupations.sum())

    def energy(self, hamiltonian: npt.ArrayLike) -> float:
        """Return ``⟨H⟩ = Tr(H G)`` for a single-particle matrix H, (N, N)."""
        matrix = hermitian("hamiltonian", hamiltonian)
        of_shape("hamiltonian", matrix, self.correlation_matrix.shape)
        return float(np.sum(matrix * self.correlation_matrix.T).real)

    def evolved(self, propagator: npt.ArrayLike) -> GaussianState:
        """Return the state ``W G W†`` after a single-particle propagator W, (N, N).

        Raises
        ------
        InputError
            If the propagator has another size, or is not unitary to 1e-6.
        """
        matrix = square_matrix("propagator", propagator)
        of_shape("propagator", matrix, self.correlation_matrix.shape)
        defect = float(np.abs(matrix.conj().T @ matrix - np.eye(self.modes)).max())
        if defect > _UNITARITY:
            raise fail(
                "propagator", "be unitary", f"its W†W differs from the unit matrix by {defect:.3g}"
            )
        return propagated(self, matrix)

    def entropy(self, modes: Sequence[int] | None = None) -> float:
        """Return the von Neumann entropy (in nats) of all modes, or of a part of them.

        ``S = −Σ_k [n_k ln n_k + (1−n_k) ln(1−n_k)]`` over the eigenvalues of the part of G that
        belongs to those modes; for a part it measures entanglement and ignorance together.
        """
        from scipy.special import entr

        matrix = self.correlation_matrix
        if modes is not None:
            chosen = _check_modes("modes", modes, self.modes)
            matrix = matrix[np.ix_(chosen, chosen)]
        occupied = np.clip(np.linalg.eigvalsh(matrix), 0.0, 1.0)
        return np.sum(entr(occupied) + entr(1 - occupied))

    def mutual_information(self, first: Sequence[int], second: Sequence[int]) -> float:
        """Return ``I = S(A) + S(B) − S(AB)`` between two sets of modes (in nats).

        Raises
        ------
        InputError
            If the sets overlap or name a mode that does not exist.
        """
        a = _check_modes("first", first, self.modes)
        b = _check_modes("second", second, self.modes)
        shared = set(a) & set(b)
        if shared:
            raise InputError(
                f"Arguments `first` and `second` must not share modes, but both hold {min(shared)}."
            )
        return self.entropy(a) + self.entropy(b) - self.entropy([*a, *b])

    def __repr__(self) -> str:
        return f"GaussianState({self.modes} modes, {self.particle_number:.6g} particles)"


def propagated(state: GaussianState, propagator: ComplexArray) -> GaussianState:
    """Return the state after a propagator that a solver found, however accurate that was."""
    factor = propagator @ state.factor
    return GaussianState._of(factor, factor @ factor.conj().T)


def _check_modes(name: str, modes: Sequence[int], count: int) -> list[int]:
    try:
        chosen = np.asarray(modes)
    except ValueError:  # ragged lists
        raise fail(name, "be a list of mode numbers", f"it is {describe(modes)}") from None
    if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
        raise fail(name, "be a list of mode numbers", f"it is {describe(modes)}")
    if chosen.size == 0:
        raise fail(name, "name at least one mode", "it is empty")
    if np.any((chosen < 0) | (chosen >= count)):
        raise fail(name, f"hold numbers from 0 to {count - 1}", f"it is {describe(modes)}")
    if len(set(chosen.tolist())) < chosen.size:
        raise fail(name, "name each mode once", f"it is {describe(modes)}")
    return [int(i) for i in chosen]
