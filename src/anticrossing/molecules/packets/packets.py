"""Initial wave functions: Gaussian packets on one state, and arrays."""

from __future__ import annotations

import math
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
    index,
    integer,
    of_shape,
    positive,
    real_array,
)
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.limits import CARRIED, check_given_momentum, check_room, touches
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.watch import EDGE

_ALIGNED = 0.5  # overlap of an adiabatic state with its neighbour on a grid that resolves it


@dataclass(frozen=True, eq=False)
class WavePacket:
    """A Gaussian packet on one adiabatic or diabatic state.

    ψ(x) ∝ exp[−Σ_a (x_a − x₀_a)²/σ_a² + i Σ_a k_a x_a] φ

    The probability density has the standard deviation σ/2, the momentum distribution 1/σ.

    Parameters
    ----------
    centre, momentum, width : float or array, shape (f,)
        x₀, k and σ > 0 in the units of the coordinates, ħ = 1.
    state : int
        The state φ, from 0: adiabatic states are sorted by energy.
    basis : {"adiabatic", "diabatic"}
        Which states. An adiabatic state is transported without a phase of its own from the centre
        outwards.

    Raises
    ------
    InputError
        For shapes that differ, a width that is not positive, or an unknown basis.

    Examples
    --------
    >>> WavePacket(centre=-12.0, momentum=10.0, width=2.0).width
    array([2.])
    """

    centre: FloatArray
    momentum: FloatArray
    width: FloatArray
    state: int
    basis: str

    def __init__(
        self,
        *,
        centre: npt.ArrayLike,
        momentum: npt.ArrayLike,
        width: npt.ArrayLike,
        state: int = 0,
        basis: str = "adiabatic",
    ) -> None:
        place = np.atleast_1d(real_array("centre", centre))
        if place.ndim != 1 or not place.size:
            raise fail("centre", "hold one number for each coordinate", f"it is {describe(centre)}")
        for name, value in (
            ("momentum", real_array("momentum", momentum)),
            ("width", positive("width", width)),
        ):
            of_shape(name, value, (), place.shape)
            object.__setattr__(self, name, np.broadcast_to(value, place.shape).copy())
        object.__setattr__(self, "centre", place)
        object.__setattr__(self, "state", integer("state", state, minimum=0))
        object.__setattr__(self, "basis", choice("basis", basis, ("adiabatic", "diabatic")))

    def envelope(self, operator: GridHamiltonian) -> ComplexArray:
        """Return the scalar Gaussian on the grid, shape (*grid.shape), of unit norm."""
        grid = operator.grid
        if self.centre.size != grid.coordinates:
            raise fail(
                "initial", f"have {grid.coordinates} coordinate(s)", f"it has {self.centre.size}"
            )
        if np.any(self.centre <= grid.start) or np.any(self.centre >= grid.stop):
            raise fail("initial", "lie inside the grid", f"its centre is {describe(self.centre)}")
        check_given_momentum(operator, self.momentum, self.width)
        total: Any = 0.0
        for axis, x in enumerate(grid.axes):
            self._check_tails(operator, axis)
            away = x - self.centre[axis]
            if grid.bases[axis] == "periodic":
                length = grid.stop[axis] - grid.start[axis]
                away = away - length * np.round(away / length)
            total = total + grid.along(
                axis, -((away / self.width[axis]) ** 2) + 1j * self.momentum[axis] * away
            )
        psi = np.exp(total)
        return np.asarray(psi / np.sqrt(operator.norm(psi)))

    def _check_tails(self, operator: GridHamiltonian, axis: int) -> None:
        """Refuse a Gaussian of which the ends of the grid would cut something off."""
        grid, name = operator.grid, operator.hamiltonian.coordinates[axis]
        centre, length = self.centre[axis], grid.stop[axis] - grid.start[axis]
        room = {"start": centre - grid.start[axis], "stop": grid.stop[axis] - centre}
        if grid.bases[axis] == "periodic":
            room = {"start": 0.5 * length, "stop": 0.5 * length}
        for end, distance in room.items():
            beyond = 0.5 * math.erfc(math.sqrt(2) * distance / self.width[axis])
            if beyond > EDGE:
                raise touches(f"{name} {end}", beyond)

    def on_grid(self, operator: GridHamiltonian) -> ComplexArray:
        """Return ψ, shape (N, *grid.shape), of unit norm."""
        grid = operator.grid
        index("state", self.state, operator.states)
        scalar = self.envelope(operator)
        if self.basis == "diabatic":
            psi = np.zeros((operator.states, *grid.shape), dtype=np.complex128)
            psi[self.state] = scalar
            return psi
        frames = operator.vectors[:, :, self.state].reshape(*grid.shape, operator.states)
        return self.lifted(frames, scalar, grid)

    def lifted(self, frames: npt.NDArray[Any], scalar: ComplexArray, grid: Grid) -> ComplexArray:
        """Return the scalar packet times one adiabatic state (*grid.shape, N), continuous."""
        state = transported(frames, self.centre, np.abs(scalar) ** 2, grid)
        return np.ascontiguousarray(np.moveaxis(state * scalar[..., None], -1, 0))


def transported(
    frames: npt.NDArray[Any], centre: FloatArray, density: FloatArray, grid: Grid
) -> ComplexArray:
    """Return one state with phases parallel from `centre` outwards, first axis first.

    In two coordinates the phase is not unique where paths enclose an intersection; a packet that
    reaches around one is refused. Along a periodic coordinate the seam is opposite to the centre.
    """
    start = [int(np.argmin(np.abs(x - c))) for x, c in zip(grid.axes, centre, strict=True)]
    shift = [
        size // 2 - index if name == "periodic" else 0
        for size, index, name in zip(grid.shape, start, grid.bases, strict=True)
    ]
    start = [index + moved for index, moved in zip(start, shift, strict=True)]
    axes = tuple(range(grid.coordinates))
    state = np.roll(frames, shift, axes).astype(np.complex128)
    if grid.coordinates == 2:
        state[:, start[1]] = _along_first(state[:, start[1]], start[0])
        state = np.swapaxes(_along_first(np.swapaxes(state, 0, 1), start[1]), 0, 1)
    else:
        state = _along_first(state, start[0])
    matters = np.roll(density, shift, axes) > CARRIED * density.max()
    for axis in axes:
        ahead, behind = _neighbours(state, axis)
        both = np.logical_and(*_neighbours(matters, axis))
        overlap = np.sum(behind.conj() * ahead, axis=-1).real
        if np.any(overlap[both] < _ALIGNED):
            raise fail(
                "initial",
                "be a diabatic packet where its adiabatic state is not continuous",
                "it covers an intersection or a crossing narrower than the grid",
            )
    return np.asarray(np.roll(state, [-moved for moved in shift], axes))


def _along_first(state: ComplexArray, centre: int) -> ComplexArray:
    """Make neighbours along the first axis parallel, starting from index `centre`."""
    overlap = np.sum(state[:-1].conj() * state[1:], axis=-1)
    size = np.abs(overlap)
    turn = np.where(size > 0, overlap / np.where(size > 0, size, 1.0), 1.0)
    phase = np.concatenate([np.ones((1, *turn.shape[1:])), np.cumprod(turn, axis=0)])
    return state * (phase[centre] * phase.conj())[..., None]


def _neighbours(values: npt.NDArray[Any], axis: int) -> tuple[Any, Any]:
    moved = np.moveaxis(values, axis, 0)
    return moved[1:], moved[:-1]


def initial_state(initial: Any, operator: GridHamiltonian) -> ComplexArray:
    """Return a normalised ψ (N, *grid.shape) from a packet or an array, or raise `InputError`."""
    if isinstance(initial, WavePacket):
        psi = initial.on_grid(operator)
    else:
        psi = _from_array(initial, operator)
    check_room(operator, psi)
    return psi


def _from_array(initial: Any, operator: GridHamiltonian) -> ComplexArray:
    try:
        psi = np.array(initial, dtype=np.complex128, order="C")
    except (TypeError, ValueError):
        psi = np.array(0j)
    if psi.ndim == 0:
        raise fail("initial", "be a WavePacket or an array", f"it is {describe(initial)}")
    shape = (operator.states, *operator.grid.shape)
    of_shape("initial", psi, shape)
    finite("initial", psi)
    largest = max(np.abs(psi.real).max(), np.abs(psi.imag).max())
    if largest == 0:
        raise fail("initial", "not vanish", "all of its values are zero")
    psi /= largest  # squares of very large or small values would overflow or vanish
    return np.asarray(psi / np.sqrt(operator.norm(psi)))
