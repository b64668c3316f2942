"""Vibronic coupling matrices as linear functions of their parameters, beside adiabatic data."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray

IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]
_CLOSE = 1e-9  # of the range of the energies: levels whose states are any mixture


@dataclass(frozen=True, eq=False)
class Form:
    """Which monomials of the coordinates stand in which elements of the matrix.

    `powers` (M, f) are the exponents of the monomials, 1 first; squares are halved. `free`
    (M, N, N) tells in which elements each may stand; parameters run over the free elements on and
    above the diagonal. `mixable` (N, N) tells which states are of one symmetry.
    """

    powers: IntArray
    free: BoolArray
    mixable: BoolArray

    @property
    def size(self) -> int:
        """N, the number of states."""
        return self.free.shape[1]

    @functools.cached_property
    def places(self) -> tuple[IntArray, IntArray, IntArray]:
        """Monomial, row and column of every parameter."""
        m, a, b = np.nonzero(self.free & np.triu(np.ones(self.free.shape[1:], dtype=bool)))
        return m, a, b

    def matrices(self, values: FloatArray) -> FloatArray:
        """Return the symmetric matrices (..., M, N, N) of parameters (..., P)."""
        m, a, b = self.places
        found = np.zeros((*values.shape[:-1], *self.free.shape))
        found[..., m, a, b] = values
        found[..., m, b, a] = values
        return found

    def values(self, matrices: FloatArray) -> FloatArray:
        """Return the parameters (..., P) of matrices (..., M, N, N)."""
        m, a, b = self.places
        return np.asarray(matrices[..., m, a, b])

    @property
    def first(self) -> BoolArray:
        """Which monomials are of first degree."""
        return np.asarray(self.powers.sum(axis=1) == 1)

    @functools.cached_property
    def _factors(self) -> FloatArray:
        return np.where(self.powers.max(axis=1) == 2, 0.5, 1.0)

    def design(self, Q: FloatArray) -> FloatArray:
        """Return the monomials (K, M) at positions (K, f)."""
        return np.asarray(self._factors * np.prod(Q[:, None, :] ** self.powers, axis=-1))

    def slopes(self, Q: FloatArray) -> FloatArray:
        """Return the derivatives (K, f, M) of the monomials."""
        modes = Q.shape[1]
        found = np.zeros((len(Q), modes, len(self.powers)))
        for i in range(modes):
            lower = self.powers - (np.arange(modes) == i)
            rest = np.prod(Q[:, None, :] ** np.maximum(lower, 0), axis=-1)
            found[:, i] = self._factors * self.powers[:, i] * rest
        return found


def monomials(modes: int, order: int) -> IntArray:
    """Return the exponents of 1, of every Q_i, and for order 2 of every Q_i Q_j."""
    rows = [np.zeros(modes, dtype=np.intp), *np.eye(modes, dtype=np.intp)]
    if order == 2:
        one = np.eye(modes, dtype=np.intp)
        pairs = itertools.combinations_with_replacement(range(modes), 2)
        rows += [one[i] + one[j] for i, j in pairs]
    return np.array(rows)


@dataclass(frozen=True, eq=False)
class Data:
    """Adiabatic energies without the reference oscillators, and their derivatives.

    `forces` (K, f, N, N) are ⟨n|∂_i W|m⟩ of the adiabatic states, known up to their signs, with
    weights of 0 where they are not known; None without any.
    """

    positions: FloatArray
    energies: FloatArray
    weights: FloatArray
    forces: FloatArray | None = None
    force_weights: FloatArray | None = None

    @property
    def count(self) -> int:
        """The number of data."""
        total = self.energies.size
        if self.force_weights is not None:
            upper = np.triu(np.ones(self.force_weights.shape[-2:], dtype=bool))
            total += int(np.count_nonzero(self.force_weights[..., upper]))
        return total

    def pseudo_points(self) -> tuple[FloatArray, FloatArray]:
        """Return positions and energies, with points a little way along known gradients."""
        if self.forces is None or self.force_weights is None:
            return self.positions, self.energies
        positions, energies = [self.positions], [self.energies]
        step = 0.05 * max(float(np.abs(self.positions).max()), 1e-3)
        gradients = np.einsum("kinn->kin", self.forces)
        known = np.einsum("kinn->kin", self.force_weights).all(axis=-1)
        for i in range(self.positions.shape[1]):
            for sign in (-1, 1):
                moved = self.positions[known[:, i]].copy()
                moved[:, i] += sign * step
                positions.append(moved)
                energies.append((self.energies + sign * step * gradients[:, i])[known[:, i]])
        return np.concatenate(positions), np.sort(np.concatenate(energies), axis=1)


@dataclass(frozen=True, eq=False)
class Problem:
    """A form of the matrix, and the data that it should describe."""

    form: Form
    data: Data

    @functools.cached_property
    def _designs(self) -> tuple[FloatArray, FloatArray]:
        Q = self.data.positions
        slopes = np.zeros((0, 0, 0)) if self.data.forces is None else self.form.slopes(Q)
        return self.form.design(Q), slopes

    def levels(self, values: FloatArray) -> FloatArray:
        """Return the energies (..., K, N) of parameters (..., P)."""
        W = np.einsum("km,...mab->...kab", self._designs[0], self.form.matrices(values))
        return np.asarray(np.linalg.eigvalsh(W))

    def chi_squares(self, values: FloatArray) -> FloatArray:
        """Return Σ residuals² (...) of parameters (..., P)."""
        flat = values.reshape(-1, values.shape[-1])
        return np.array([np.sum(self.evaluate(one)[0] ** 2) for one in flat]).reshape(
            values.shape[:-1]
        )

    def evaluate(
        self, values: FloatArray, *, derivatives: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return residuals (model − data in errors) and, if wanted, their derivatives."""
        data, X = self.data, self.form.matrices(values)
        design, slopes = self._designs
        energies, U = np.linalg.eigh(np.einsum("km,mab->kab", design, X))
        residuals = [((energies - data.energies) * data.weights).ravel()]
        jacobians = []
        m, a, b = self.form.places
        # ⟨n|∂_p W|l⟩ = monomial · (U_an U_bl + U_bn U_al), half of that on the diagonal
        half = np.where(a == b, 0.5, 1.0)
        if derivatives:
            change = (2 * half * design[:, m])[:, None, :] * (U[:, a] * U[:, b]).swapaxes(1, 2)
            jacobians.append((change * data.weights[..., None]).reshape(-1, m.size))
        if data.forces is not None and data.force_weights is not None:
            forces = np.einsum("kan,kiab,kbl->kinl", U, np.einsum("kim,mab->kiab", slopes, X), U)
            wanted = _aligned(data.forces, forces, data.force_weights)
            upper = np.triu_indices(self.form.size)
            keep = data.force_weights[..., upper[0], upper[1]]
            known = keep > 0
            apart = (forces - wanted)[..., upper[0], upper[1]] * keep
            residuals.append(apart[known])
            if derivatives:
                pairs = np.einsum("kpn,kpl->kpnl", U[:, a], U[:, b])
                pairs = half[:, None, None] * (pairs + pairs.swapaxes(-1, -2))
                gap = energies[:, None, :] - energies[:, :, None]
                close = np.abs(gap) <= _CLOSE * np.ptp(energies)
                turn = np.where(close, 0.0, 1 / np.where(close, 1.0, gap))
                turned = pairs * (design[:, m, None, None] * turn[:, None])
                moved = np.einsum("kinj,kpjl->kipnl", forces, turned)
                moved = moved + moved.swapaxes(-1, -2)  # turned is antisymmetric
                moved += slopes[:, :, m, None, None] * pairs[:, None]
                rows = np.moveaxis(moved[..., upper[0], upper[1]], 2, -1) * keep[..., None]
                jacobians.append(rows[known])
        return np.concatenate(residuals), np.concatenate(jacobians) if jacobians else np.empty(0)


def _aligned(data: FloatArray, model: FloatArray, weights: FloatArray) -> FloatArray:
    """Return forces with the signs of states, point by point, that fit the model best."""
    size = data.shape[-1]
    if not np.any(weights[..., ~np.eye(size, dtype=bool)]):
        return data
    signs = np.array([(1, *rest) for rest in itertools.product((1, -1), repeat=size - 1)])
    products = signs[:, :, None] * signs[:, None, :]
    overlap = np.einsum("kinl,kinl,snl->ks", data * weights, model * weights, products)
    return data * products[np.argmax(overlap, axis=1)][:, None]
