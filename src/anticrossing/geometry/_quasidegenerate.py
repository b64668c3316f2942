"""The levels that meet, as one group: their effective Hamiltonian, its derivatives, its zeros.

Around a point x the group of m levels has the effective Hamiltonian (quasi-degenerate perturbation
theory, in a frame U transported from x, to second order in δ)::

    W(x + δ) = U†HU + Σ_a δ_a U†∂_aH U + ½ Σ_ab δ_a δ_b K_ab

    K_ab = U†∂_a∂_bH U + Σ_o ½ [1/(E_k − E_o) + 1/(E_l − E_o)] (A_ko B_ol + B_ko A_ol)

over the levels o outside the group, A = ∂_aH, B = ∂_bH. Its traceless part vanishes where the
levels meet; the length of that part, Σ(E_k − Ē)², depends on no choice of frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    positive_number,
    real_array,
)
from anticrossing.geometry._paths import check_single
from anticrossing.hamiltonian import Hamiltonian, Matrices, check_finite_hermitian

EPSILON = float(np.finfo(np.float64).eps)
_NOISE = 64 * EPSILON  # of a gap, relative to the size of H and of its variation with x
_SMALLEST_PLACE = 1e-6  # of the reach: coordinates are not looked at more closely around zero
_LARGEST_SAMPLE = 1e150  # its square must not overflow
_LARGEST_REACH = 1e100
_SMALLEST_REACH = 1e-13  # of the coordinates: rounding would pass for a minimum
_RANK = 1e-8  # singular values below this part of the largest are zero at an intersection
_SEARCH_RANK = 1e-10  # and during a search


@dataclass(frozen=True)
class Group:
    """Which levels meet: two neighbouring multiplets, each degenerate everywhere.

    Attributes
    ----------
    first, split, last : int
        The lower multiplet is ``first … split − 1``, the upper one ``split … last − 1``.
    symmetry : str
        ``"real"``, ``"complex"``, or ``"kramers"`` where both multiplets are doublets.
    reach : float
        The length over which the coordinates are looked at.
    """

    first: int
    split: int
    last: int
    symmetry: str
    reach: float

    @property
    def size(self) -> int:
        """The number m of levels."""
        return self.last - self.first

    @classmethod
    def of(
        cls, hamiltonian: Hamiltonian, levels: tuple[int, int], points: FloatArray, reach: float
    ) -> Group:
        """Find the group of a pair of levels from the spectrum near `points`, shape (S, f)."""
        lower, upper = check_neighbours(hamiltonian, levels)
        rng = np.random.default_rng(0)
        shifts = reach * rng.uniform(-1, 1, (4, points.shape[-1]))
        samples = (points[:4, np.newaxis] + shifts).reshape(-1, points.shape[-1])
        samples = np.concatenate([points[:4], samples, points[0] + 1e-3 * shifts])
        values = hamiltonian_at(hamiltonian, samples)
        usable = np.abs(values).max(axis=(-2, -1)) < _LARGEST_SAMPLE
        values = values[usable] if usable.any() else hamiltonian_at(hamiltonian, points[:1])
        energies = np.linalg.eigvalsh(values)
        size = np.linalg.norm(energies, axis=-1, keepdims=True)
        joined = np.all(np.diff(energies, axis=-1) <= 10 * _NOISE * size, axis=0)
        if joined[lower]:
            raise fail(
                "levels",
                "be two levels that differ somewhere",
                f"levels {lower} and {upper} are degenerate everywhere",
            )
        first, last = lower, upper + 1
        while first > 0 and joined[first - 1]:
            first -= 1
        while last < hamiltonian.dimension and joined[last - 1]:
            last += 1
        symmetry = "real" if not np.iscomplexobj(values) or not values.imag.any() else "complex"
        if upper - first == 2 and last - upper == 2:
            symmetry = "kramers"
        return cls(first, upper, last, symmetry, reach)


@dataclass(frozen=True)
class Expansion:
    """The group to first order around S points.

    Attributes
    ----------
    energies : array, shape (S, N)
    vectors : array, shape (S, N, N)
    slopes : array, shape (S, f, N, N)
        ∂H/∂x_a in the eigenbasis.
    mean : array, shape (S,)
        The mean energy Ē of the group.
    mean_slope : array, shape (S, f)
    residual : array, shape (S, c)
        The traceless part of W as a real vector of length √Σ(E_k − Ē)².
    jacobian : array, shape (S, c, f)
    gap : array, shape (S,)
        Between the two multiplets.
    noise : array, shape (S,)
        The gap that rounding alone can make.
    """

    energies: FloatArray
    vectors: Matrices
    slopes: Matrices
    mean: FloatArray
    mean_slope: FloatArray
    residual: FloatArray
    jacobian: FloatArray
    gap: FloatArray
    noise: FloatArray


def expand(hamiltonian: Hamiltonian, group: Group, points: FloatArray) -> Expansion:
    """Expand the group around `points`, shape (S, f)."""
    energies, vectors = np.linalg.eigh(hamiltonian_at(hamiltonian, points))
    derivative = hamiltonian.evaluate_gradient(_native(hamiltonian, points), hamiltonian.parameters)
    dagger = vectors.conj().swapaxes(-1, -2)[:, np.newaxis]
    slopes = dagger @ derivative @ vectors[:, np.newaxis]
    inside = slice(group.first, group.last)
    mine = energies[:, inside]
    mean = mine.mean(axis=-1)
    block = slopes[..., inside, inside]
    mean_slope = np.trace(block, axis1=-2, axis2=-1).real / group.size
    diagonal = np.zeros((len(points), group.size, group.size))
    np.einsum("skk->sk", diagonal)[...] = mine
    place = np.maximum(np.abs(points), _SMALLEST_PLACE * group.reach)
    variation = np.linalg.norm(derivative, axis=(-2, -1)) * place
    return Expansion(
        energies=energies,
        vectors=vectors,
        slopes=slopes,
        mean=mean,
        mean_slope=mean_slope,
        residual=_as_vector(diagonal.astype(block.dtype)),
        jacobian=_as_vector(block).swapaxes(-1, -2),
        gap=energies[:, group.split] - energies[:, group.split - 1],
        noise=_NOISE * (np.linalg.norm(energies, axis=-1) + variation.sum(axis=-1)),
    )


def half_square(hamiltonian: Hamiltonian, group: Group, points: FloatArray) -> FloatArray:
    """Return ½ Σ(E_k − Ē)² at `points`, infinite where H is not finite."""
    values = hamiltonian_at(hamiltonian, points)
    usable = np.isfinite(values).all(axis=(-2, -1))
    result = np.full(len(points), np.inf)
    if usable.any():
        mine = np.linalg.eigvalsh(values[usable])[:, group.first : group.last]
        result[usable] = 0.5 * np.sum((mine - mine.mean(axis=-1, keepdims=True)) ** 2, axis=-1)
    return result


def curvature(
    hamiltonian: Hamiltonian, group: Group, points: FloatArray, expansion: Expansion
) -> Matrices:
    """Return K_ab at `points`, shape (S, f, f, m, m)."""
    second = hamiltonian.evaluate_second_derivatives(
        _native(hamiltonian, points), hamiltonian.parameters
    )
    inside = slice(group.first, group.last)
    mine = expansion.vectors[..., inside][:, np.newaxis, np.newaxis]
    total = mine.conj().swapaxes(-1, -2) @ second @ mine
    outside = np.r_[0 : group.first, group.last : hamiltonian.dimension]
    if outside.size:
        distance = (
            expansion.energies[:, inside, np.newaxis] - expansion.energies[:, np.newaxis, outside]
        )
        floor = expansion.noise[:, np.newaxis, np.newaxis]
        inverse = np.where(np.abs(distance) > floor, 1 / np.where(distance, distance, 1.0), 0.0)
        reach = expansion.slopes[..., inside, :][..., outside]  # A_ko
        weighted = reach * inverse[:, np.newaxis]
        back = reach.conj().swapaxes(-1, -2)
        product = weighted[:, :, np.newaxis] @ back[:, np.newaxis]  # A_ko B_ol / (E_k − E_o)
        product = product + product.swapaxes(1, 2)
        total = total + 0.5 * (product + product.conj().swapaxes(-1, -2))
    return total


def constraint_hessian(bend: Matrices, weights: FloatArray) -> FloatArray:
    """Return Σ_i weights_i ∂²residual_i, shape (S, f, f), from the curvature K."""
    return np.einsum("sabi,si->sab", _as_vector(bend), weights)


def mean_hessian(bend: Matrices) -> FloatArray:
    """Return the second derivatives of the mean energy from the curvature K."""
    return np.trace(bend, axis1=-2, axis2=-1).real / bend.shape[-1]


def energy_derivatives(
    hamiltonian: Hamiltonian, point: FloatArray, states: list[int], level: int
) -> tuple[float, FloatArray, FloatArray]:
    """Return energy, gradient (f,) and Hessian (f, f) of a level of one block of H at a point."""
    block: Any = (..., *np.ix_(states, states))
    native = _native(hamiltonian, point)
    energies, vectors = np.linalg.eigh(hamiltonian.evaluate(native, hamiltonian.parameters)[block])
    first = hamiltonian.evaluate_gradient(native, hamiltonian.parameters)[block]
    second = hamiltonian.evaluate_second_derivatives(native, hamiltonian.parameters)[block]
    mine = vectors[:, level]
    pull = mine.conj() @ first @ vectors  # (f, states)
    distance = energies[level] - energies
    distance[level] = np.inf
    bend = (mine.conj() @ second @ mine).real
    # where levels of the block meet, one that does not couple to this one does not bend it either
    mixing = np.divide(pull, distance, out=np.zeros_like(pull), where=(distance != 0) & (pull != 0))
    bend = bend + 2 * (mixing @ pull.conj().T).real
    return float(energies[level]), pull[:, level].real, bend


def mean_curvature(hamiltonian: Hamiltonian, point: FloatArray, states: list[int]) -> FloatArray:
    """Return the second derivatives (f, f) of the mean of some diagonal elements of H."""
    second = hamiltonian.evaluate_second_derivatives(
        _native(hamiltonian, point), hamiltonian.parameters
    )
    return np.asarray(second[..., states, states].real.mean(axis=-1))


def splitting_scale(
    hamiltonian: Hamiltonian, expansion: Expansion, point: FloatArray, reach: float
) -> float:
    """Return how much the traceless part of H varies per coordinate over `reach` of a point."""
    second = hamiltonian.evaluate_second_derivatives(
        _native(hamiltonian, point[np.newaxis]), hamiltonian.parameters
    )[0]
    total = 0.0
    for derivative, length in ((expansion.slopes[0], 1.0), (second, reach)):
        mean = np.trace(derivative, axis1=-2, axis2=-1)[..., np.newaxis, np.newaxis]
        uneven = derivative - mean / hamiltonian.dimension * np.eye(hamiltonian.dimension)
        total += length * float(np.linalg.norm(uneven))
    return total


# ---- directions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Directions:
    """The coordinates split by the Jacobian of the conditions, at one point.

    Attributes
    ----------
    lengths : array, shape (c,)
        The singular values that are not zero; c is the codimension.
    left : array, shape (conditions, c)
    branching : array, shape (c, f)
        Orthonormal directions in which the degeneracy is lifted linearly.
    seam : array, shape (f − c, f)
        Orthonormal directions in which it is not.
    """

    lengths: FloatArray
    left: FloatArray
    branching: FloatArray
    seam: FloatArray

    @property
    def codimension(self) -> int:
        """How many conditions are independent here."""
        return len(self.lengths)


def directions(jacobian: FloatArray, smallest: float = 0.0) -> Directions:
    """Split the directions at one point; singular values up to `smallest` count as zero."""
    left, lengths, right = np.linalg.svd(jacobian, full_matrices=True)
    largest = lengths[0] if lengths.size else 0.0
    rank = int(np.sum(lengths > max(_RANK * largest, smallest)))
    return Directions(lengths[:rank], left[:, :rank], right[:rank], right[rank:])


def gauss_newton(expansion: Expansion) -> FloatArray:
    """Return the shortest step to where the linearised conditions hold best, shape (S, f)."""
    left, lengths, right = np.linalg.svd(expansion.jacobian, full_matrices=False)
    kept = lengths > _SEARCH_RANK * lengths[:, :1]
    inverse = np.where(kept, 1 / np.where(kept, lengths, 1.0), 0.0)
    weights = inverse * np.einsum("sic,si->sc", left, expansion.residual)
    return -np.einsum("sca,sc->sa", right, weights)


# ---- arguments --------------------------------------------------------------------------------


def check_several_levels(hamiltonian: Any) -> Hamiltonian:
    """Return a Hamiltonian with at least two levels at one parameter point, or raise."""
    single = check_single(hamiltonian)
    if single.dimension < 2:
        raise fail("hamiltonian", "have at least two levels", "it has one")
    return single


def check_vector(name: str, hamiltonian: Hamiltonian, value: Any) -> FloatArray:
    """Return a vector of one entry per coordinate, shape (f,)."""
    vector = np.atleast_1d(real_array(name, value))
    count = len(hamiltonian.coordinates)
    if vector.shape != (count,):
        raise fail(
            name,
            f"have {count} entries (coordinates {', '.join(hamiltonian.coordinates)})",
            f"its shape is {np.shape(value)}",
        )
    return vector


def check_point(name: str, hamiltonian: Hamiltonian, value: Any) -> FloatArray:
    """Return a point at which H is finite and Hermitian, shape (f,)."""
    point = check_vector(name, hamiltonian, value)
    try:
        check_finite_hermitian(hamiltonian_at(hamiltonian, point[np.newaxis]), np.zeros(1))
    except InputError:
        raise fail(
            name, "be a point where H is finite and Hermitian", f"H is not at {describe(value)}"
        ) from None
    return point


def check_reach(value: Any, start: FloatArray) -> float:
    """Return a distance within which to search around a start."""
    reach = positive_number("reach", value)
    smallest = max(1 / _LARGEST_REACH, _SMALLEST_REACH * float(np.abs(start).max()))
    if not smallest <= reach <= _LARGEST_REACH:
        raise fail(
            "reach", f"lie between {smallest:.3g} and {_LARGEST_REACH:g} here", f"it is {reach:g}"
        )
    return reach


def check_neighbours(hamiltonian: Hamiltonian, levels: Any) -> tuple[int, int]:
    """Return two neighbouring levels (i, i + 1)."""
    if not isinstance(levels, (tuple, list)) or len(levels) != 2:
        raise fail("levels", "be two neighbouring levels (i, i + 1)", f"it is {describe(levels)}")
    lower, upper = (integer("levels", level, minimum=0) for level in levels)
    if upper != lower + 1:
        raise fail("levels", "be two neighbouring levels (i, i + 1)", f"it is {describe(levels)}")
    if upper >= hamiltonian.dimension:
        raise fail("levels", f"be at most {hamiltonian.dimension - 1}", f"it is {describe(levels)}")
    return lower, upper


# ---- evaluation -------------------------------------------------------------------------------


def hamiltonian_at(hamiltonian: Hamiltonian, points: FloatArray) -> Matrices:
    """Return H at `points`, shape (S, f), for any number of coordinates."""
    return hamiltonian.evaluate(_native(hamiltonian, points), hamiltonian.parameters)


def _native(hamiltonian: Hamiltonian, points: FloatArray) -> npt.NDArray[Any]:
    return points if len(hamiltonian.coordinates) > 1 else points[..., 0]


def _as_vector(block: Matrices) -> FloatArray:
    """Return the traceless part of Hermitian (…, m, m) as real vectors of the same length."""
    size = block.shape[-1]
    diagonal = np.einsum("...kk->...k", block).real
    diagonal = diagonal - diagonal.mean(axis=-1, keepdims=True)
    upper = block[(..., *np.triu_indices(size, 1))] * np.sqrt(2)
    parts = [diagonal, upper.real]
    if np.iscomplexobj(block):
        parts.append(upper.imag)
    return np.concatenate(parts, axis=-1)
