"""Linear and quadratic vibronic coupling in dimensionless normal coordinates, and pyrazine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    check_flag,
    fail,
    listed,
    of_shape,
    one_of,
    positive,
    real_array,
)
from anticrossing.hamiltonian import Matrices, TermHamiltonian, check_entries, number_array
from anticrossing.units import NATURAL, Units

_ROUNDING = 1e-10  # what `hermitian` allows, relative to the largest entry


class VibronicCoupling(TermHamiltonian):
    """The vibronic coupling model of N diabatic states and f normal coordinates.

    W(Q) = ½ Σ_i ω_i Q_i² 𝟙 + C + Σ_i Q_i L_i + ½ Σ_ij Q_i Q_j G_ij

    with constant Hermitian (N, N) matrices: C holds the vertical energies and constant couplings
    (spin–orbit coupling is one), L_i the gradients κ_i^(n) on its diagonal and the couplings
    λ_i^(nm) off it, G_ij = G_ji the changes γ_ij of the force constants. The coordinates are
    dimensionless, Q_i = √(m ω_i/ħ) times the displacement, so the kinetic energy that belongs to
    this model is ½ Σ_i ω_i P_i² with P_i = −i ∂/∂Q_i.

    Parameters
    ----------
    energies : array, shape (N,) or (N, N)
        The vertical energies, or the whole Hermitian matrix C.
    frequencies : array, shape (f,)
        ω_i > 0, of the reference state, in units of energy (ħ = 1).
    linear : array, shape (f, N, N)
        L_i, energy: ∂W/∂Q_i at Q = 0.
    quadratic : array, shape (f, f, N, N), optional
        G_ij, energy: ∂²W/∂Q_i∂Q_j without the reference oscillators.
    coordinates : sequence of str, optional
        Names of the coordinates, ``Q1`` … ``Qf`` otherwise.
    name, units, labels, source
        As in `Hamiltonian.from_terms`.

    Attributes
    ----------
    frequencies, constant, linear, quadratic : arrays
        As given, read-only; `quadratic` is zero where it was not given.
    masses : array, shape (f,)
        1/ω_i, with which P_i²/2m_i is the kinetic energy (ħ = 1).

    Raises
    ------
    InputError
        For shapes that do not fit each other, a matrix that is not Hermitian, G_ij ≠ G_ji, or a
        frequency that is not positive.

    References
    ----------
    H. Köppel, W. Domcke and L. S. Cederbaum, Adv. Chem. Phys. 57, 59 (1984).

    Examples
    --------
    A tuning mode and a coupling mode: the intersection lies where the tuning mode has closed the
    gap.

    >>> W = VibronicCoupling(
    ...     energies=[0.0, 1.0],
    ...     frequencies=[0.1, 0.2],
    ...     linear=[[[0.1, 0.0], [0.0, -0.1]], [[0.0, 0.3], [0.3, 0.0]]],
    ... )
    >>> W([5.0, 0.0])
    array([[1.75, 0.  ],
           [0.  , 1.75]])
    """

    def __init__(
        self,
        *,
        energies: npt.ArrayLike,
        frequencies: npt.ArrayLike,
        linear: npt.ArrayLike,
        quadratic: npt.ArrayLike | None = None,
        coordinates: Sequence[str] | None = None,
        name: str = "VibronicCoupling",
        units: Units = NATURAL,
        labels: Sequence[str] | None = None,
        source: str = "H. Köppel, W. Domcke and L. S. Cederbaum, Adv. Chem. Phys. 57, 59 (1984)",
    ) -> None:
        import sympy

        from anticrossing._core import expression

        omega = positive("frequencies", listed("frequencies", frequencies))
        modes = omega.size
        constant = _constant(energies)
        states = len(constant)
        slopes = _matrices("linear", linear, (modes, states, states))
        curvatures = np.zeros((modes, modes, states, states))
        if quadratic is not None:
            curvatures = _matrices("quadratic", quadratic, (modes, modes, states, states))
            difference = np.abs(curvatures - curvatures.swapaxes(0, 1)).max()
            if difference > _ROUNDING * np.abs(curvatures).max():
                raise fail(
                    "quadratic",
                    "be symmetric in the two coordinates (its first two axes)",
                    f"it differs from its exchange by {difference:.3g}",
                )
        names = [f"Q{i}" for i in range(1, modes + 1)]
        if coordinates is not None:
            names = check_entries("coordinates", coordinates, modes, f"hold {modes} name(s)")
        # The pairs i ≤ j that are coupled; most models have none or few.
        pairs = np.zeros((0, 2), dtype=np.intp)
        if quadratic is not None:
            pairs = np.argwhere(np.triu(np.any(curvatures, axis=(-2, -1))))
        Q = [expression.symbol(name) for name in names]
        oscillators = sympy.Add(*(float(w) / 2 * q**2 for w, q in zip(omega, Q, strict=True)))
        terms: list[tuple[Any, Any]] = [(1, constant), (oscillators, np.eye(states))]
        terms += [(q, matrix) for q, matrix in zip(Q, slopes, strict=True) if np.any(matrix)]
        terms += [(Q[i] ** 2 / 2 if i == j else Q[i] * Q[j], curvatures[i, j]) for i, j in pairs]
        super().__init__(
            terms, {}, tuple(names), name=name, units=units, labels=labels, source=source
        )
        self.frequencies: FloatArray = omega.copy()
        self.constant = constant
        self.linear = slopes
        self.quadratic = curvatures
        for array in (self.frequencies, self.constant, self.linear, self.quadratic):
            array.setflags(write=False)
        self._pairs = pairs

    @property
    def masses(self) -> FloatArray:
        """1/ω_i, shape (f,): the masses of the dimensionless coordinates."""
        return np.asarray(1 / self.frequencies)

    # The matrices as they are: formulas in hundreds of coordinates would be slow to compile.

    def evaluate(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        Q = self._columns(x)
        with np.errstate(all="ignore"):  # NaN or infinity passes through, to be refused there
            found = self.constant + np.tensordot(Q, self.linear, 1)
            found = found + self._isotropic(Q**2 @ self.frequencies / 2)
            if self._pairs.size:
                i, j = self._pairs.T
                products = np.where(i == j, 0.5, 1.0) * Q[..., i] * Q[..., j]
                found = found + np.tensordot(products, self.quadratic[i, j], 1)
        return np.asarray(found)

    def evaluate_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], coordinate: int = 0
    ) -> Matrices:
        Q = self._columns(x)
        with np.errstate(all="ignore"):
            found = self._isotropic(self.frequencies[coordinate] * Q[..., coordinate])
            found = found + self.linear[coordinate]
            if self._pairs.size:
                found = found + np.tensordot(Q, self.quadratic[coordinate], 1)
        return np.asarray(found)

    def evaluate_gradient(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        Q = self._columns(x)
        with np.errstate(all="ignore"):
            found = self._isotropic(self.frequencies * Q) + self.linear
            if self._pairs.size:
                found = found + np.tensordot(Q, self.quadratic, 1)
        return np.asarray(found)

    def evaluate_second_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        found = self._isotropic(np.diag(self.frequencies)) + self.quadratic
        return np.broadcast_to(found, self._columns(x).shape[:-1] + found.shape).copy()

    def _columns(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return points with an axis over the coordinates, which one coordinate does not have."""
        return x if len(self.coordinates) > 1 else x[..., np.newaxis]

    def _isotropic(self, energy: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what all states have in common as multiples of the unit matrix."""
        return np.asarray(np.asarray(energy)[..., np.newaxis, np.newaxis] * np.eye(self.dimension))


def Pyrazine(*, modes: int = 3, bilinear: bool = False) -> VibronicCoupling:
    """The S₁(nπ*) and S₂(ππ*) states of pyrazine, which intersect: the standard test case.

    Parameters
    ----------
    modes : {3, 4}
        3: the model of Schneider, Domcke and Köppel, tuning modes ν₁ and ν₆ₐ and the coupling mode
        ν₁₀ₐ; zero of energy is the ground state at its minimum without its zero-point energy.
        4: frequencies, linear couplings and the quadratic term of ν₁₀ₐ of Raab et al., modes ν₁₀ₐ,
        ν₆ₐ, ν₁ and ν₉ₐ; zero of energy is halfway between the two states at Q = 0.
    bilinear : bool
        Whether the four modes have the bilinear terms of Raab et al. too, G_ij of at most 0.02 eV.

    Returns
    -------
    VibronicCoupling
        States (S1, S2), in eV with times in fs.

    References
    ----------
    R. Schneider, W. Domcke and H. Köppel, J. Chem. Phys. 92, 1045 (1990); A. Raab, G. A. Worth,
    H.-D. Meyer and L. S. Cederbaum, J. Chem. Phys. 110, 936 (1999).

    Examples
    --------
    >>> Pyrazine()([0.0, 0.0, 0.0])        # vertical excitation energies, eV
    array([[3.94, 0.  ],
           [0.  , 4.84]])
    """
    check_flag("bilinear", bilinear)
    if one_of("modes", modes, (3, 4)) == 3:
        if bilinear:
            raise fail("bilinear", "be left out with three modes", "it is True")
        return VibronicCoupling(
            energies=[3.94, 4.84],
            frequencies=[0.126, 0.074, 0.118],
            linear=[
                np.diag([0.037, -0.254]),
                np.diag([-0.105, 0.149]),
                0.262 * (np.ones((2, 2)) - np.eye(2)),
            ],
            coordinates=("Q1", "Q6a", "Q10a"),
            name="Pyrazine",
            units=Units("eV", "fs"),
            labels=("S1", "S2"),
            source="R. Schneider, W. Domcke and H. Köppel, J. Chem. Phys. 92, 1045 (1990)",
        )
    quadratic = np.zeros((4, 4, 2, 2))
    # Published as a coefficient of Q², not of ½Q².
    quadratic[0, 0] = 2 * -0.01159 * np.eye(2)
    if bilinear:  # published as coefficients of Q_i Q_j and of Q_j Q_i
        swap = np.ones((2, 2)) - np.eye(2)
        pairs = {(0, 1): 0.01 * swap, (0, 2): 0.00553 * swap, (0, 3): 0.00126 * swap}
        pairs |= {(1, 2): np.diag([0.00108, -0.00298]), (1, 3): np.diag([0.00204, 0.00189])}
        pairs[2, 3] = np.diag([-0.00474, -0.00155])
        for (i, j), matrix in pairs.items():
            quadratic[i, j] = quadratic[j, i] = 2 * matrix
    return VibronicCoupling(
        energies=[-0.423, 0.423],
        frequencies=[0.1139, 0.0739, 0.1258, 0.1525],
        linear=[
            0.20804 * (np.ones((2, 2)) - np.eye(2)),
            np.diag([0.09806, -0.13545]),
            np.diag([0.05033, 0.17100]),
            np.diag([0.14521, 0.03746]),
        ],
        quadratic=quadratic,
        coordinates=("Q10a", "Q6a", "Q1", "Q9a"),
        name="Pyrazine",
        units=Units("eV", "fs"),
        labels=("S1", "S2"),
        source="A. Raab et al., J. Chem. Phys. 110, 936 (1999)",
    )


def _constant(energies: npt.ArrayLike) -> Matrices:
    raw = number_array("energies", energies)
    if raw.ndim == 1 and raw.size:
        return np.diag(real_array("energies", energies))
    if raw.ndim != 2 or raw.shape[0] != raw.shape[1] or raw.size == 0:
        raise fail("energies", "have the shape (N,) or (N, N), N ≥ 1", f"its shape is {raw.shape}")
    return _matrices("energies", energies, raw.shape)


def _matrices(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> Matrices:
    """Return Hermitian matrices of the wanted shape, real where all of them are."""
    array = of_shape(name, number_array(name, value), shape)
    difference = np.abs(array - array.conj().swapaxes(-1, -2)).max()
    if difference > _ROUNDING * np.abs(array).max():
        raise fail(
            name,
            "hold Hermitian matrices",
            f"it differs from its conjugate transpose by {difference:.3g}",
        )
    return array if np.any(array.imag) else np.array(array.real)
