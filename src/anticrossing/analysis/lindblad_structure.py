"""What a Lindblad generator is: dephasing or not, its stationary states, gap and degeneracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail, real_number
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.analysis._kernel import Kernel
from anticrossing.analysis.lindbladian import (
    check_size,
    checked_operators,
    generator_of,
    lindblad_operators,
)
from anticrossing.drive import Drive
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import commutator, generator, kron
from anticrossing.dynamics.request import check_single_open
from anticrossing.environment import Environment
from anticrossing.formulas import CanonicalDephasing, DomainCheck, canonical_dephasing
from anticrossing.formulas.result import failures
from anticrossing.hamiltonian import Hamiltonian

_SAME = 1e-12  # energies nearer than this, relative to their spread, are one level
_STATIONARY = 1e-10  # what is off by less, but for rounding of eigenvectors, is stationary
_ZERO = 1e-13  # singular values below this, relative to the largest, are zero
_ONE_VALUE = 1e-10  # eigenvalues nearer than this, relative to the largest, are one


@dataclass(frozen=True, eq=False)
class LindbladStructure(Result):
    """The structure of a Lindblad generator (see `lindblad_structure`).

    Attributes
    ----------
    hamiltonian : array, shape (N, N)
        H, radians per time.
    jumps : array, shape (K, N, N)
        Γ_α.
    superoperator : array, shape (N², N²)
        L, for ρ stacked row by row.
    eigenvalues : array, shape (N²,)
        Of L, by their size: zeros first.
    kernel_dimension : int
        How many stationary states there are.
    projection : array, shape (N², N²)
        𝒫, on the kernel of L along its range: ``Σ P_j ρ P_j`` for a dephasing generator.
    inverse : array, shape (N², N²)
        L⁻¹ on the range of L, zero on its kernel.
    function_distance : float
        How far the Γ_α are from functions of H, relative to the largest (less its trace).
    stationarity_distance : float
        How far the eigenprojections of H are from stationary: ``max ‖L P_j‖/‖L‖``.
    distance_tolerance : float
        The largest distances that rounding explains.
    eigenprojections : array, shape (M, N, N)
        P_j of the M different levels of H, from the lowest.
    """

    hamiltonian: ComplexArray
    jumps: ComplexArray
    superoperator: ComplexArray
    eigenvalues: ComplexArray
    kernel_dimension: int
    projection: ComplexArray
    inverse: ComplexArray
    function_distance: float
    stationarity_distance: float
    distance_tolerance: float
    eigenprojections: ComplexArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "is_dephasing": shown(text="whether the jump operators are functions of H"),
        "kernel_dimension": shown(text="number of stationary states"),
        "gap": shown(text="distance of the other eigenvalues from zero"),
        "relaxation_gap": shown(text="slowest decay"),
        "is_minimally_degenerate": shown(text="whether no eigenvalue is needlessly degenerate"),
        "function_distance": shown(text="distance of the jump operators from functions of H"),
        "stationarity_distance": shown(text="distance of eigenprojections from stationary states"),
        "distance_tolerance": shown(text="distance that rounding explains"),
        "decay_rates": shown("eigenvalue", text="decay rate of each eigenvalue"),
        "eigenvalues": shown("eigenvalue", text="eigenvalues of the generator"),
        "hamiltonian": shown("row", "column", text="Hamiltonian"),
        "jumps": shown("jump", "row", "column", text="jump operators"),
        "superoperator": shown("row_squared", "column_squared", text="generator, stacked by rows"),
        "projection": shown("row_squared", "column_squared", text="projection on its kernel"),
        "inverse": shown("row_squared", "column_squared", text="its inverse on its range"),
        "eigenprojections": shown("level", "row", "column", text="eigenprojections of H"),
    }

    @property
    def complement(self) -> ComplexArray:
        """𝒬 = 1 − 𝒫, the projection on the range of L."""
        return np.asarray(np.eye(self.projection.shape[0]) - self.projection)

    @property
    def checks(self) -> tuple[DomainCheck, ...]:
        """Whether the smallest jump operators are more than rounding of the generator."""
        rates = np.sum(np.abs(self.jumps) ** 2, axis=(-2, -1))
        present = rates[np.any(self.jumps != 0, axis=(-2, -1))]
        lost = _ZERO * np.max(np.abs(self.superoperator), initial=0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(np.nan_to_num(lost / present.min(initial=np.inf), nan=np.inf))
        text = "jump operators with so small a rate are lost in it: the kernel does not know them"
        return (DomainCheck("rounding of the generator / smallest rate", value, 1.0, text),)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each condition that fails."""
        return failures(self.checks)

    @property
    def is_dephasing(self) -> bool:
        """Whether all Γ_α are functions of H, so that its eigenprojections are stationary."""
        farthest = max(self.function_distance, self.stationarity_distance)
        return farthest <= self.distance_tolerance

    @property
    def gap(self) -> float:
        """The least distance from zero of the other eigenvalues; infinite if L = 0."""
        others = self.eigenvalues[self.kernel_dimension :]
        return float(np.abs(others).min(initial=np.inf))

    @property
    def decay_rates(self) -> FloatArray:
        """Minus the real part of every eigenvalue."""
        return np.asarray(-self.eigenvalues.real)

    @property
    def relaxation_gap(self) -> float:
        """The slowest decay rate among the other eigenvalues: zero if one only turns."""
        others = self.eigenvalues[self.kernel_dimension :]
        return max(float((-others.real).min(initial=np.inf)), 0.0)

    @property
    def is_minimally_degenerate(self) -> bool:
        """Whether each eigenvalue is as little degenerate as it can be.

        Zero must be N-fold for a dephasing generator and simple for others; the rest is simple.
        """
        levels = self.hamiltonian.shape[-1]
        if self.kernel_dimension != (levels if self.is_dephasing else 1):
            return False
        others = self.eigenvalues[self.kernel_dimension :]
        apart = np.abs(others[:, None] - others) + np.diag(np.full(others.size, np.inf))
        return bool(np.all(apart > _ONE_VALUE * np.abs(others).max(initial=0.0)))

    @property
    def canonical(self) -> CanonicalDephasing:
        """(κ, γ) of a dephasing generator of two levels, as by `formulas.canonical_dephasing`.

        Raises
        ------
        InputError
            For more than two levels, a generator that does not dephase, or coherences that do not
            rotate.
        """
        if self.hamiltonian.shape[-1] != 2 or self.eigenprojections.shape[0] != 2:
            raise InputError("The canonical dephasing form needs two levels that differ in energy.")
        if not self.is_dephasing:
            raise InputError(
                "The generator does not dephase: its jump operators are no functions of H, by "
                f"{max(self.function_distance, self.stationarity_distance):.3g}."
            )
        energies = self._diagonals(self.hamiltonian[None])[0].real
        pairs = [(f[0], f[1]) for f in self._diagonals(self.jumps)]
        return canonical_dephasing(energies=(energies[0], energies[1]), functions=pairs)

    @property
    def canonical_hamiltonian(self) -> ComplexArray:
        """The traceless H′ = κ(P₊ − P₋) of the canonical form, shape (2, 2)."""
        kappa = float(self.canonical.kappa)
        lower, upper = self.eigenprojections
        return np.asarray(kappa * (upper - lower))

    def _diagonals(self, operators: ComplexArray) -> ComplexArray:
        """Return tr(P_j A)/tr P_j of operators (K, N, N): (K, M)."""
        weights = np.einsum("jaa->j", self.eigenprojections)
        return np.asarray(np.einsum("jab,kba->kj", self.eigenprojections, operators) / weights)


def lindblad_structure(
    hamiltonian: npt.ArrayLike, jumps: Sequence[npt.ArrayLike]
) -> LindbladStructure:
    """Return what a Lindblad generator is, from its operators.

    ``𝒫ρ = Σ_j P_j ρ P_j`` if the generator dephases, ``Γ_α = f_α(H)``; the spectral projection on
    the kernel of L otherwise.

    Parameters
    ----------
    hamiltonian : array, shape (N, N)
        Hermitian H, radians per time.
    jumps : sequence of arrays, shape (N, N)
        Γ_α; their squares are rates per time.

    Returns
    -------
    LindbladStructure

    Raises
    ------
    InputError
        If H is not Hermitian, a shape does not fit, or N is above 12.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), equations (2.4) and (2.5), Lemma 1.

    Examples
    --------
    >>> found = lindblad_structure(np.diag([-0.5, 0.5]), [np.diag([0.0, 0.2])])
    >>> found.is_dephasing, found.kernel_dimension, round(found.gap, 6)
    (True, 2, 1.0002)
    >>> found.canonical.kappa, round(found.canonical.gamma, 12)
    (0.5, 0.02)
    """
    matrix, operators = checked_operators(hamiltonian, jumps)
    check_size(matrix.shape[-1])
    return _structure(matrix, operators, matrix)


def lindblad_structure_at(
    hamiltonian: Hamiltonian, drive: Drive, environment: Environment, time: float
) -> LindbladStructure:
    """Return what the generator of a driven open system is at one moment.

    The environment's part is taken apart into jump operators in canonical gauge; whether they are
    functions of H is asked of H(x(t)) itself.

    Parameters
    ----------
    hamiltonian, drive, environment
        A single parameter point each.
    time : float
        A time in the window of the drive.

    Returns
    -------
    LindbladStructure

    Raises
    ------
    InputError
        For arguments that cannot be used, or a time outside the window.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), section 2.1.1.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-2, 2, rate=0.1)
    >>> found = lindblad_structure_at(H, sweep, ac.Dephasing(0.3), 0.0)
    >>> found.is_dephasing, round(found.canonical.gamma, 12)
    (True, 0.3)
    >>> lindblad_structure_at(H, sweep, ac.FixedAxisDephasing(0.3), 0.0).is_dephasing
    False
    """
    hamiltonian, drive = check_single_open(hamiltonian, drive, environment)
    check_size(hamiltonian.dimension)
    lanes = Lanes.of(hamiltonian, drive)
    moment = lanes.check_times(real_number("time", time))
    matrix = lanes.traceless(moment, np.zeros(1, dtype=np.intp))[0, 0].astype(np.complex128)
    whole = generator(lanes, environment, moment)[0, 0]
    added, jumps = lindblad_operators(whole - commutator(matrix))
    return _structure(matrix + added, jumps, matrix)


def _structure(
    hamiltonian: ComplexArray, jumps: ComplexArray, reference: ComplexArray
) -> LindbladStructure:
    """Return the structure; dephasing is asked of the eigenprojections of `reference`."""
    levels = hamiltonian.shape[-1]
    with np.errstate(over="ignore", invalid="ignore"):
        superoperator = generator_of(hamiltonian, jumps)
    if not np.all(np.isfinite(superoperator)):
        raise fail("jumps", "have squares that a double holds", "these leave the double range")
    scale = float(np.linalg.norm(superoperator, 2))
    energies, vectors = np.linalg.eigh(reference - reference[0, 0].real * np.eye(levels))
    spread = energies[-1] - energies[0]
    size = float(np.abs(energies).max())
    starts = np.flatnonzero(np.diff(energies, prepend=-np.inf) > _SAME * max(spread, size))
    groups = np.split(np.arange(levels), starts[1:])
    projections = np.array([vectors[:, group] @ dagger(vectors[:, group]) for group in groups])
    nearest = np.diff(energies[starts]).min(initial=np.inf)
    # Eigenvectors of close levels are mixed by rounding.
    tolerance = max(_STATIONARY, 1e2 * np.finfo(float).eps * size / nearest)
    traceless = jumps - np.einsum("kii->k", jumps)[:, None, None] / levels * np.eye(levels)
    weights = np.einsum("jaa->j", projections).real
    means = np.einsum("jab,kba->kj", projections, jumps) / weights
    off = np.linalg.norm(jumps - np.einsum("kj,jab->kab", means, projections), axis=(-2, -1))
    largest = np.linalg.norm(traceless, axis=(-2, -1)).max(initial=0.0)
    function_distance = float(off.max(initial=0.0) / largest) if largest > 0 else 0.0
    moved = superoperator @ projections.reshape(len(groups), -1).T
    moved_size = float(np.linalg.norm(moved, axis=0).max())
    stationarity = moved_size / scale if scale > 0 else 0.0
    if max(function_distance, stationarity) <= tolerance:
        projection = np.asarray(sum(kron(p, p.conj()) for p in projections))
        dimension = sum(group.size**2 for group in groups)
    else:
        kernel = Kernel.of(superoperator[None], np.zeros(1), _ZERO)
        projection, dimension = kernel.projection[0], kernel.right.shape[-1]
    shift = scale if scale > 0 else 1.0
    values = np.linalg.eigvals(superoperator).astype(np.complex128)
    inverse = np.linalg.inv(superoperator + shift * projection) - projection / shift
    return LindbladStructure(
        hamiltonian=hamiltonian,
        jumps=jumps,
        superoperator=superoperator,
        eigenvalues=values[np.argsort(np.abs(values))],
        kernel_dimension=dimension,
        projection=projection,
        inverse=np.asarray(inverse, dtype=np.complex128),
        function_distance=function_distance,
        stationarity_distance=stationarity,
        distance_tolerance=float(tolerance),
        eigenprojections=projections,
    )
