"""Stationary states of modes that act on themselves, at one place.

A real state ψ of N modes, Σ ψ² = 1, is stationary where G(x, ψ) ψ = μ w ψ: μ is its chemical
potential, w what one of each mode is made of. It is stable where small deviations do not grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail
from anticrossing.hamiltonian import MeanField, check_finite_hermitian

_BISECTIONS, _NEWTON = 60, 4
_CALM = 1e-7  # growth, relative to the largest frequency, that is rounding
_AT_END = 1e-9
_SLACK = 1e-15


@dataclass(frozen=True)
class States:
    """Stationary states side by side.

    Attributes
    ----------
    states : array, shape (..., N)
    potentials, energies : array, shape (...)
        The chemical potential μ, and the energy of a particle.
    frequencies : array, shape (..., N − 1)
        Real parts of the frequencies of small deviations.
    growth : array, shape (...)
        The largest rate at which a small deviation grows, 0 where it is stable.
    """

    states: npt.NDArray[Any]
    potentials: FloatArray
    energies: FloatArray
    frequencies: FloatArray
    growth: FloatArray

    def at(self, index: Any) -> States:
        """Return some of the states."""
        return States(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def matrices_of(model: MeanField, x: FloatArray) -> npt.NDArray[Any]:
    """Return H at places (K,), (K, N, N), checked."""
    found = model.hamiltonian(x)
    check_finite_hermitian(found, x)
    return found


def described(model: MeanField, matrices: npt.NDArray[Any], states: npt.NDArray[Any]) -> States:
    """Return what is known of stationary states (..., N) of matrices (..., N, N)."""
    density = np.abs(states) ** 2
    field = density @ model.acting.T
    pairs = np.zeros(states.shape[:-1])
    acting = np.einsum("...ij,...j->...i", matrices, states) + field * states
    for one in model.conversions:
        single, pair = states[..., one.single], states[..., one.pair]
        acting[..., one.single] += one.strength * single.conj() * pair
        acting[..., one.pair] += one.strength * single**2
        pairs += np.real(one.strength * (single**2 * pair.conj()))
    weights = model.weights
    own = np.sum(states.conj() * acting, axis=-1).real
    potentials = own / np.sum(weights * density, axis=-1)
    # A pair counts once for its two particles.
    linear = np.einsum("...i,...ij,...j->...", states.conj() / weights, matrices, states).real
    shared = 0.5 * np.sum(density * (density @ model.interaction), axis=-1)
    energies = linear + shared + pairs
    squares = _squared_frequencies(model, matrices, states, potentials)
    found = np.sqrt(squares.astype(complex))
    largest = np.max(np.abs(found), axis=-1)
    growth = np.max(np.abs(found.imag), axis=-1)
    growth = np.where(growth > _CALM * largest, growth, 0.0)
    return States(states, potentials, energies, np.sort(found.real, axis=-1), growth)


def _squared_frequencies(
    model: MeanField, matrices: npt.NDArray[Any], states: npt.NDArray[Any], potentials: FloatArray
) -> npt.NDArray[Any]:
    """Return the squares of the frequencies of small deviations, (..., N − 1).

    With δψ = a + ib, and phases that make ψ and H real, da/dt = L b and db/dt = −M a; what
    conserves the number of particles, and a phase of all, is left out.
    """
    phases = np.where(np.abs(states) > 0, states, 1.0)
    phases = phases / np.abs(phases)
    psi = np.abs(states)
    turned = (phases.conj()[..., :, None] * matrices * phases[..., None, :]).real
    size, weights = psi.shape[-1], model.weights
    unit = np.eye(size)
    density = psi**2 @ model.acting.T
    common = turned + (density - potentials[..., None] * weights)[..., None] * unit
    real = common + 2 * psi[..., :, None] * model.acting * psi[..., None, :]
    turning = common.copy()
    for one in model.conversions:
        s, p = one.single, one.pair
        kappa = one.strength * (phases[..., s].conj() ** 2 * phases[..., p]).real
        real[..., s, s] += kappa * psi[..., p]
        real[..., s, p] += kappa * psi[..., s]
        real[..., p, s] += 2 * kappa * psi[..., s]
        turning[..., s, s] -= kappa * psi[..., p]
        turning[..., s, p] += kappa * psi[..., s]
        turning[..., p, s] += 2 * kappa * psi[..., s]
    # An orthonormal basis of what is orthogonal to ψ.
    _, _, rows = np.linalg.svd(psi[..., None, :], full_matrices=True)
    across = np.swapaxes(rows[..., 1:, :], -1, -2)
    back = np.swapaxes(across, -1, -2)
    along = weights * psi
    along = along / np.sum(psi * along, axis=-1, keepdims=True)
    off = unit - along[..., :, None] * psi[..., None, :]
    return np.linalg.eigvals((back @ turning @ across) @ (back @ off @ real @ across))


# ---- two modes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two modes that exchange particles one by one, at places (K,).

    With s = |ψ₁|² − |ψ₂|² the field has the diagonal difference u = D + q s, and a level σ = ±1
    the s = σu/√(u² + g²): D = h(u) = u − σq u/√(u² + g²), which turns round twice where σq > g.

    Attributes
    ----------
    offset : array, shape (K,)
        D.
    gap : array, shape (K,)
        g.
    q : float
    phase : array, shape (K,)
        That of H₁₂.
    """

    offset: FloatArray
    gap: FloatArray
    q: float
    phase: FloatArray

    @classmethod
    def of(cls, model: MeanField, matrices: npt.NDArray[Any]) -> Pair:
        """Return the two modes of a model at single parameters."""
        (c11, c12), (_, c22) = model.interaction
        beside = matrices[..., 0, 1]
        offset = (matrices[..., 0, 0] - matrices[..., 1, 1]).real + 0.5 * (c11 - c22)
        return cls(
            offset, 2 * np.abs(beside), float(0.5 * (c11 + c22) - c12), np.asarray(np.angle(beside))
        )

    @property
    def looped(self) -> int:
        """The level that may have a loop, −1 or 1."""
        return -1 if self.q < 0 else 1

    @property
    def edge(self) -> FloatArray:
        """|D| at the cusps, (|q|^⅔ − g^⅔)^{3/2}; NaN where there are none."""
        rest = np.cbrt(abs(self.q)) ** 2 - np.cbrt(self.gap) ** 2
        return np.where(rest > 0, np.maximum(rest, 0.0) ** 1.5, np.nan)

    def fields(self, level: int, sheet: int) -> FloatArray:
        """Return u on a sheet, −1, 0 or 1, of a level, NaN where it does not exist.

        A level without loop has the sheet 0 alone.
        """
        sigma_q = level * self.q
        turns = ~np.isnan(self.edge) & (sigma_q > 0)
        edge = np.where(turns, self.edge, 0.0)
        inner = np.sqrt(np.maximum(np.cbrt(sigma_q * self.gap**2) ** 2 - self.gap**2, 0.0))
        far = np.abs(self.offset) + abs(self.q) + self.gap
        edge = edge + _SLACK * (edge + abs(self.q))  # a cusp is known to rounding
        if sheet == 0:
            exists = np.where(turns, np.abs(self.offset) <= edge, True)
            low, high = np.where(turns, inner, -far), np.where(turns, -inner, far)
        elif sheet < 0:
            exists = turns & (self.offset <= edge)
            low, high = -far, -inner
        else:
            exists = turns & (self.offset >= -edge)
            low, high = inner, far

        def excess(u: FloatArray) -> FloatArray:
            return u - sigma_q * _over(u, np.hypot(u, self.gap)) - self.offset

        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            below = excess(middle) < 0
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        u = 0.5 * (low + high)
        for _ in range(_NEWTON):
            r = np.hypot(u, self.gap)
            slope = 1 - sigma_q * _over(self.gap, r) ** 2 / np.where(r > 0, r, 1.0)
            there = u - excess(u) / np.where(slope != 0, slope, np.inf)
            better = np.abs(excess(there)) < np.abs(excess(u))
            u = np.where(better, there, u)
        return np.where(exists, u, np.nan)

    def states(self, level: int, u: FloatArray) -> npt.NDArray[Any]:
        """Return the states (K, 2) of a level whose field has the diagonal difference u."""
        r = np.hypot(u, self.gap)
        more = 0.5 * (1 + _over(np.abs(u), r))
        less = _over(self.gap, r) ** 2 / (4 * np.where(more > 0, more, 1.0))
        upper = level * u > 0
        first, second = np.where(upper, more, less), np.where(upper, less, more)
        lost = (r == 0) & (self.q != 0)  # uncoupled modes in balance: any spread that makes u = 0
        spread = np.clip(-self.offset / (self.q or 1.0), -1.0, 1.0)
        first = np.where(lost, 0.5 * (1 + spread), first)
        second = np.where(lost, 0.5 * (1 - spread), second)
        turned = level * np.exp(-1j * self.phase) * np.sqrt(second)
        found = np.stack([np.sqrt(first) + 0j, turned], axis=-1)
        return np.where(np.isnan(u)[:, None], np.nan, found)


def _over(value: FloatArray, by: FloatArray) -> FloatArray:
    return np.asarray(value / np.where(by > 0, by, 1.0))


LEVELS = {-1: "lower", 1: "upper"}
PLACES = {-1: ", left", 0: ", middle", 1: ", right"}


def pair_sheets(model: MeanField, x: FloatArray) -> list[tuple[str, States]]:
    """Return every sheet of the levels of two modes at places (K,), NaN where it is not."""
    if model.conversions:
        return _converting_sheets(model, x)
    pair = Pair.of(model, matrices_of(model, x))
    found = []
    for level, name in LEVELS.items():
        several = level == pair.looped and not np.all(np.isnan(pair.edge))
        for sheet in PLACES if several else (0,):
            known = pair_sheet(model, x, (level, sheet))
            if not np.all(np.isnan(known.potentials)):
                found.append((name + PLACES[sheet] * several, known))
    return found


def pair_sheet(model: MeanField, x: FloatArray, key: tuple[int, int]) -> States:
    """Return one sheet of one level of two modes that exchange particles one by one."""
    level, sheet = key
    matrices = matrices_of(model, x)
    pair = Pair.of(model, matrices)
    return with_gaps(model, matrices, pair.states(level, pair.fields(level, sheet)))


def with_gaps(model: MeanField, matrices: npt.NDArray[Any], states: npt.NDArray[Any]) -> States:
    """Return what is known of states (K, N), NaN where they are."""
    there = ~np.isnan(states[:, 0])
    size = states.shape[-1]
    shapes = [(size,), (), (), (size - 1,), ()]
    filled = [np.full((states.shape[0], *shape), np.nan) for shape in shapes]
    filled[0] = filled[0].astype(states.dtype)
    known = described(model, matrices[there], states[there])
    for whole, name in zip(filled, known.__dataclass_fields__, strict=True):
        whole[there] = getattr(known, name)
    return States(*filled)


def _converting_sheets(model: MeanField, x: FloatArray) -> list[tuple[str, States]]:
    """Return the same of one mode of singles and one of pairs: y, the amplitude of pairs, is real.

    h₂y + κ(1 − y²) = 2y(h₁ + κy) with h_i the energies of the modes in the densities of the state.
    """
    matrices = matrices_of(model, x)
    if np.any(np.abs(matrices[:, 0, 1]) > 0):
        raise fail("model", "join modes that convert by nothing else", "H has a coupling too")
    (one,) = model.conversions
    s, p = one.single, one.pair
    c, kappa = model.acting, float(one.strength)
    states = np.full((x.size, 4, 2), np.nan)
    for k, matrix in enumerate(matrices.real):
        single = np.polynomial.Polynomial([matrix[s, s] + c[s, s], kappa, c[s, p] - c[s, s]])
        pair = np.polynomial.Polynomial([matrix[p, p] + c[p, s], 0.0, c[p, p] - c[p, s]])
        y = np.polynomial.Polynomial([0.0, 1.0])
        equation = pair * y + kappa * (1 - y**2) - 2 * y * single
        roots = equation.roots()
        real = np.sort(roots[np.abs(roots.imag) < _AT_END].real)
        real = real[np.abs(real) < 1 - _AT_END]
        for j, root in enumerate(_placed(real, states[k - 1, :3, p] if k else None)):
            if not np.isnan(root):
                states[k, j, s], states[k, j, p] = np.sqrt(1 - root**2), root
        states[k, 3, s], states[k, 3, p] = 0.0, 1.0
    found = []
    for j in range(4):
        if not np.all(np.isnan(states[:, j, 0])):
            name = f"mixed {j}" if j < 3 else "pairs alone"
            found.append((name, with_gaps(model, matrices, states[:, j] + 0j)))
    return found


def _placed(roots: FloatArray, before: FloatArray | None) -> FloatArray:
    """Return three roots at most, each where the nearest one was before, the others NaN."""
    found = np.full(3, np.nan)
    if before is None or np.all(np.isnan(before)):
        found[: roots.size] = roots[:3]
        return found
    left = list(roots)
    order = [j for j in np.argsort(before) if not np.isnan(before[j])]
    distance = sorted((abs(root - before[j]), j, root) for j in order for root in roots)
    for _, j, root in distance:
        if np.isnan(found[j]) and root in left:
            found[j] = root
            left.remove(root)
    for root in left:
        found[int(np.flatnonzero(np.isnan(found))[0])] = root
    return found


# ---- any number of modes -------------------------------------------------------------------------


def grown(model: MeanField, matrix: FloatArray) -> list[FloatArray]:
    """Return the real stationary states that grow out of those without interaction, one by one."""
    found: list[FloatArray] = []
    for vector in np.linalg.eigh(matrix)[1].T:
        psi, strength, step = np.asarray(vector), 0.0, 1.0
        while strength < 1.0 and step > 1e-6:
            wanted = min(1.0, strength + step)
            there = newton(model, matrix, psi, wanted)
            if there is None or abs(there @ psi) < 0.9:
                step /= 4
            else:
                psi, strength, step = there, wanted, 2 * step
        if strength == 1.0 and not any(abs(abs(psi @ other) - 1) < 1e-10 for other in found):
            found.append(psi)
    return found


def newton(
    model: MeanField, matrix: FloatArray, psi: FloatArray, strength: float = 1.0
) -> FloatArray | None:
    """Return the real stationary state near psi with a share of the interaction, or None."""
    weights, size = model.weights, psi.size
    scale = np.max(np.abs(matrix)) + np.max(np.abs(model.interaction))
    acting, _ = residual(model, matrix, psi, strength)
    mu = float(psi @ acting / (psi @ (weights * psi)))
    for _ in range(12):
        acting, jacobian = residual(model, matrix, psi, strength)
        off = acting - mu * weights * psi
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = jacobian - mu * np.diag(weights)
        system[:size, size], system[size, :size] = -weights * psi, psi
        missing = np.append(off, 0.5 * (psi @ psi - 1))
        if np.max(np.abs(missing)) < 1e-14 * max(scale, 1e-300):
            break
        try:
            change = np.linalg.solve(system, -missing)
        except np.linalg.LinAlgError:
            return None
        if not np.max(np.abs(change[:size])) < 0.5:
            return None
        psi, mu = psi + change[:size], mu + float(change[size])
    acting, _ = residual(model, matrix, psi, strength)
    left = np.max(np.abs(acting - mu * weights * psi))
    return psi / np.linalg.norm(psi) if left < 1e-11 * scale else None


def residual(
    model: MeanField, matrix: FloatArray, psi: FloatArray, strength: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Return G(ψ)ψ of a real state, with a share of the interaction, and its derivative."""
    c = strength * model.acting
    density = c @ psi**2
    acting = matrix @ psi + density * psi
    jacobian = matrix + np.diag(density) + 2 * psi[:, None] * c * psi
    for one in model.conversions:
        s, p, kappa = one.single, one.pair, strength * float(one.strength)
        acting[s] += kappa * psi[s] * psi[p]
        acting[p] += kappa * psi[s] ** 2
        jacobian[s, s] += kappa * psi[p]
        jacobian[s, p] += kappa * psi[s]
        jacobian[p, s] += 2 * kappa * psi[s]
    return acting, jacobian
