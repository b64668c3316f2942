"""Counterdiabatic driving: the term that makes any sweep follow its eigenstates exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    fail,
    real_array,
    single_point,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units
from anticrossing.control._sectors import Block, block_of_level, blocks_of, check_single
from anticrossing.control._variational import Variational
from anticrossing.drive import Drive, Formula, FormulaDrive
from anticrossing.dynamics.propagation import propagate
from anticrossing.dynamics.request import check_kinds
from anticrossing.formulas.result import broadcast, unwrap
from anticrossing.hamiltonian import FunctionHamiltonian, Hamiltonian, Matrices
from anticrossing.spectrum import find_crossings

_SHOWN = 201  # moments of a dataset or a picture
_SAMPLES = 257  # points of the path that tell how far it reaches and which terms are present
_NEARBY = np.array([-0.03, -0.01, 0.0, 0.01, 0.03])  # the same around a single coordinate
_MEETING = 1e-9  # a gap at a crossing, relative to the largest level, too small to be followed


@dataclass(frozen=True, eq=False)
class Counterdiabatic(Result):
    """H(x(t)) with its counterdiabatic term, ready for `propagate`.

    Attributes
    ----------
    hamiltonian : FunctionHamiltonian
        H(x(t)) + H_CD(t), with the time as its coordinate.
    drive : FormulaDrive
        That coordinate, t itself, on the window of the original drive.
    original : Hamiltonian
        H(x), without the term.
    path : Drive
        x(t).
    potential : callable
        A(x), by all of H or by given operators.
    """

    hamiltonian: FunctionHamiltonian
    drive: FormulaDrive
    original: Hamiltonian
    path: Drive
    blocks: tuple[Block, ...]
    potential: _Exact | Variational

    def variables(self) -> dict[str, Variable]:
        """Return the path, and the size and elements of the term along it, by name."""
        times = np.linspace(float(self.drive.start_time), float(self.drive.stop_time), _SHOWN)
        units = self.original.units
        term = self.term(times)
        energy, time = in_units("energy", units), in_units("time", units)
        largest = np.max(np.abs(term), axis=(-2, -1))
        return {
            "time": Variable(("time",), times, "time", time),
            "strength": Variable(("time",), largest, "largest element of the term", energy),
            "position": Variable(
                ("time",), self.path(times), "coordinate", in_units("coordinate", units)
            ),
            "term": Variable(("time", "row", "column"), term, "counterdiabatic term", energy),
        }

    def _attributes(self) -> dict[str, Any]:
        return {"problem": f"{self.original!r} under {self.path!r}"}

    def term(self, t: npt.ArrayLike) -> ComplexArray:
        """Return H_CD(t) in the energy unit of H, shape ``t.shape + (N, N)``."""
        times = real_array("t", t)
        return _term(self.original, self.path, self.potential, times)

    def coefficients(self, t: npt.ArrayLike) -> FloatArray:
        """Return the coefficients of the given operators in the energy unit, ``t.shape + (K,)``.

        Raises
        ------
        InputError
            If none were given.
        """
        if not isinstance(self.potential, Variational):
            raise InputError("This counterdiabatic term is the exact one, without `operators`.")
        times = real_array("t", t)
        velocity = np.asarray(self.path.velocity(times)) / self.original.units.angular
        return velocity[..., None] * self.potential.coefficients(np.asarray(self.path(times)))

    def fidelity(self, *, tolerance: float = 1e-12) -> FloatArray:
        """Return |⟨n(T)|U|n(0)⟩|² of every eigenstate of H, from the exact evolution, shape (N,).

        Eigenstates are numbered by their energy at the start and followed within their symmetry
        sector, through true crossings.
        """
        run = propagate(self.hamiltonian, self.drive, basis="diabatic", tolerance=tolerance)
        first, last = float(self.path.start), float(self.path.stop)
        assert run.propagator is not None
        result = np.empty(self.original.dimension)
        for level in range(result.size):
            block, rank = block_of_level(self.blocks, first, level)
            ends = [block.basis @ block.levels(np.array(x))[1][:, rank] for x in (first, last)]
            result[level] = abs(ends[1].conj() @ run.propagator @ ends[0]) ** 2
        return result


def counterdiabatic(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    operators: Sequence[Any] | None = None,
    temperature: float | None = None,
    levels: int | None = None,
    cutoff: float = 1e-4,
) -> Counterdiabatic:
    """Add the term that suppresses every transition between eigenstates, at any speed.

    ``H_CD = iħ ẋ Σ_n |∂_x n⟩⟨n| = iħ ẋ Σ_{m≠n} |m⟩⟨m|∂_x H|n⟩⟨n| / (E_n − E_m)``; levels of
    different symmetry sectors, which may cross, are not coupled by ∂_x H and need no term.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with single parameter values.
    drive : Drive
        x(t) without kinks (no batch): the term is proportional to the velocity.
    operators : sequence of array, shape (N, N), optional
        Hermitian matrices that an experiment can drive: the term is then the best of their sums, by
        least squares, ``ẋ Σ_k α_k O_k`` with ``Tr ρ (∂_x H + i[A, H])²`` least. It is the exact one
        where they suffice; `fidelity` tells.
    temperature : float, optional
        With `operators`: levels weigh exp(−E/temperature) in ρ (energy), instead of all alike.
    levels : int, optional
        With `operators`: only so many of the lowest levels weigh.
    cutoff : float
        With `operators`: relative singular value below which H does not tell sums of them apart,
        from 1e-10 to 0.1. A larger one keeps coefficients small where few levels weigh.

    Returns
    -------
    Counterdiabatic
        Run it with ``propagate(result.hamiltonian, result.drive)``; `fidelity` does so and reads
        out in the eigenstates of H.

    Raises
    ------
    InputError
        For a batch, a drive with breakpoints, or levels of one sector that meet on the way.

    References
    ----------
    M. Demirplak, S. A. Rice, J. Phys. Chem. A 107, 9937 (2003); M. V. Berry, J. Phys. A 42, 365303
    (2009), eq. (2.9); with operators: D. Sels, A. Polkovnikov, PNAS 114, E3909 (2017).

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-10, 10, rate=1000.0)
    >>> fast = counterdiabatic(ac.models.LandauZener(gap=0.1), sweep)
    >>> print(fast.fidelity().round(10))
    [1. 1.]
    """
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    check_single(hamiltonian)
    single_point("drive", drive)
    if drive.breakpoints.size:
        raise fail(
            "drive",
            "be smooth",
            f"it has a kink at t = {float(drive.breakpoints[0]):.6g}, where the counterdiabatic "
            "term would jump",
        )
    start, stop = float(drive.start_time), float(drive.stop_time)
    positions = np.asarray(drive(np.linspace(start, stop, _SAMPLES)), dtype=np.float64)
    blocks = blocks_of(hamiltonian, positions)
    potential = _chosen(hamiltonian, blocks, operators, temperature, levels, cutoff)
    if isinstance(potential, _Exact):
        low, high = float(positions.min()), float(positions.max())
        crossed = find_crossings(hamiltonian, low, high).true if low < high else ()
        for block in blocks:
            block.check_apart(positions)
            block.check_apart(np.array([crossing.position for crossing in crossed]), _MEETING)

    return Counterdiabatic(
        hamiltonian=FunctionHamiltonian(
            _Total(hamiltonian, drive, potential),
            None,
            True,
            {},
            "t",
            dimension=hamiltonian.dimension,
            name=f"counterdiabatic {hamiltonian.name}",
            units=hamiltonian.units,
            labels=hamiltonian.labels,
            source="M. V. Berry, J. Phys. A 42, 365303 (2009)",
        ),
        drive=Formula("t", start, stop),
        original=hamiltonian,
        path=drive,
        blocks=blocks,
        potential=potential,
    )


def adiabatic_gauge_potential(
    hamiltonian: Hamiltonian,
    x: npt.ArrayLike,
    *,
    operators: Sequence[Any] | None = None,
    temperature: float | None = None,
    levels: int | None = None,
    cutoff: float = 1e-4,
) -> ComplexArray:
    """Return the generator that carries the eigenstates of H(x) along the coordinate.

    ``A(x) = i Σ_n |∂_x n⟩⟨n| = i Σ_{m≠n} |m⟩⟨m|∂_x H|n⟩⟨n| / (E_n − E_m)``, with parallel
    transport; the counterdiabatic term is ħ ẋ A.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with one coordinate and single parameter values.
    x : float or array
        Real coordinates.
    operators, temperature, levels, cutoff
        As for `counterdiabatic`: the best sum of these operators.

    Returns
    -------
    array, shape ``x.shape + (N, N)``
        Hermitian, in 1/coordinate, in the basis H is written in.

    Raises
    ------
    InputError
        If two levels of one symmetry sector meet at one of the points.

    References
    ----------
    M. V. Berry, J. Phys. A 42, 365303 (2009), eq. (2.9).

    Examples
    --------
    >>> from anticrossing.models import LandauZener
    >>> adiabatic_gauge_potential(LandauZener(gap=2.0), 0.0)
    array([[0.+0.j  , 0.+0.25j],
           [0.-0.25j, 0.+0.j  ]])
    """
    check_single(hamiltonian)
    points = real_array("x", x)
    around = points[..., None] + _NEARBY * np.maximum(1.0, np.abs(points[..., None]))
    blocks = blocks_of(hamiltonian, around.ravel())
    potential = _chosen(hamiltonian, blocks, operators, temperature, levels, cutoff)
    if isinstance(potential, _Exact):
        for block in blocks:
            block.check_apart(points)
    return potential(points)


def two_level_counterdiabatic(
    *,
    detuning: npt.ArrayLike,
    detuning_rate: npt.ArrayLike,
    gap: npt.ArrayLike,
    gap_rate: npt.ArrayLike = 0.0,
) -> float | FloatArray:
    """Return the counterdiabatic field of two levels, the coefficient of σ_y.

    ``H = ½ [[ε, g], [g, −ε]]``: ``H_CD = c σ_y``, ``c = (ε ġ − g ε̇) / (2(ε² + g²))``.

    Parameters
    ----------
    detuning, detuning_rate : array_like
        ε (energy) and dε/dt (energy / time).
    gap, gap_rate : array_like
        g (energy) and dg/dt (energy / time).

    Returns
    -------
    float or ndarray
        c, in radians per time.

    Raises
    ------
    InputError
        If both levels are degenerate, or the shapes do not broadcast.

    References
    ----------
    M. V. Berry, J. Phys. A 42, 365303 (2009), section 4.

    Examples
    --------
    >>> two_level_counterdiabatic(detuning=0.0, detuning_rate=1.0, gap=0.5)
    -1.0
    """
    eps, eps_rate, g, g_rate = broadcast(
        detuning=real_array("detuning", detuning),
        detuning_rate=real_array("detuning_rate", detuning_rate),
        gap=real_array("gap", gap),
        gap_rate=real_array("gap_rate", gap_rate),
    )
    size = np.hypot(eps, g)
    if np.any(size == 0):
        raise fail("gap", "differ from zero where `detuning` vanishes", "the levels are degenerate")
    with np.errstate(all="ignore"):
        found = np.asarray((eps / size * g_rate - g / size * eps_rate) / size / 2)
    if not np.all(np.isfinite(found)):
        raise fail("gap", "leave a finite drive", "it is too small or too large")
    return unwrap(found)


@dataclass(frozen=True, eq=False)
class _Exact:
    """A(x) from the eigenstates of every sector."""

    blocks: tuple[Block, ...]

    def __call__(self, x: FloatArray) -> ComplexArray:
        return _potential(self.blocks, x)


def _chosen(
    hamiltonian: Hamiltonian,
    blocks: tuple[Block, ...],
    operators: Any,
    temperature: Any,
    levels: Any,
    cutoff: Any,
) -> _Exact | Variational:
    """Return the exact potential, or the best of given operators."""
    if operators is not None:
        return Variational.make(hamiltonian, operators, temperature, levels, cutoff)
    for name, value in (("temperature", temperature), ("levels", levels)):
        if value is not None:
            raise fail(name, "be left out without `operators`", f"it is {value}")
    return _Exact(blocks)


@dataclass(frozen=True, eq=False)
class _Total:
    """H(x(t)) + H_CD(t), a function that can be sent to another process."""

    hamiltonian: Hamiltonian
    drive: Drive
    potential: _Exact | Variational

    def __call__(self, t: npt.NDArray[Any]) -> Matrices:
        if np.iscomplexobj(t):
            raise InputError("A counterdiabatic term has no continuation to complex times.")
        return self.hamiltonian(self.drive(t)) + _term(
            self.hamiltonian, self.drive, self.potential, t
        )


def _term(
    hamiltonian: Hamiltonian, drive: Drive, potential: _Exact | Variational, times: FloatArray
) -> ComplexArray:
    velocity = np.asarray(drive.velocity(times)) / hamiltonian.units.angular
    return velocity[..., None, None] * potential(np.asarray(drive(times)))


def _potential(blocks: Sequence[Block], x: FloatArray) -> ComplexArray:
    size = blocks[0].basis.shape[0]
    total = np.zeros((*x.shape, size, size), dtype=np.complex128)
    for block in blocks:
        if block.dimension == 1:
            continue
        inside = _two_levels(block, x) if block.dimension == 2 else _many_levels(block, x)
        total += block.basis @ inside @ block.basis.conj().T
    return total


def _many_levels(block: Block, x: FloatArray) -> ComplexArray:
    energies, vectors = block.levels(x)
    slope = dagger(vectors) @ block.slope(x) @ vectors
    difference = energies[..., None, :] - energies[..., :, None]  # E_n − E_m at [m, n]
    same = np.eye(block.dimension, dtype=np.bool_)
    coupling = np.where(same, 0.0, slope / np.where(same, 1.0, difference))
    return np.asarray(1j * (vectors @ coupling @ dagger(vectors)))


def _two_levels(block: Block, x: FloatArray) -> ComplexArray:
    """Return ½ (B × ∂B)·σ / B² for H = ½ B·σ + scalar: no eigenvectors, exact in the gap."""
    field, slope = (_field(matrix) for matrix in (block.value(x), block.slope(x)))
    size = np.max(np.abs(field), axis=-1, keepdims=True)
    unit = field / size  # its square cannot underflow
    turn = np.cross(unit, slope / size) / (2 * np.sum(unit**2, axis=-1, keepdims=True))
    result = np.empty((*x.shape, 2, 2), dtype=np.complex128)
    result[..., 0, 0], result[..., 1, 1] = turn[..., 2], -turn[..., 2]
    result[..., 0, 1] = turn[..., 0] - 1j * turn[..., 1]
    result[..., 1, 0] = turn[..., 0] + 1j * turn[..., 1]
    return result


def _field(matrix: Matrices) -> FloatArray:
    """Return B of ½ B·σ + scalar, shape (..., 3)."""
    off = matrix[..., 0, 1]
    along = (matrix[..., 0, 0] - matrix[..., 1, 1]).real
    return np.stack([2 * np.real(off), -2 * np.imag(off), along], axis=-1)
