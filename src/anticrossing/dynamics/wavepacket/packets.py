"""Initial wave functions: Gaussian packets on one state, and arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import (
    ComplexArray,
    FloatArray,
    choice,
    describe,
    fail,
    integer,
    positive,
    real_array,
)
from anticrossing.dynamics.wavepacket.operator import GridHamiltonian

EDGE = 1e-6  # probability that may sit at the edge of a grid, in space or in momentum
_ALIGNED = 0.5  # overlap of an adiabatic state with its neighbour on a grid that resolves it
_CARRIED = 1e-4  # of the density, below which the phase of an adiabatic state does not matter
_DEVIATIONS = 3.0  # standard deviations of energy that the grid must be able to hold


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
        if place.ndim != 1:
            raise fail("centre", "hold one number for each coordinate", f"it is {describe(centre)}")
        for name, value in (
            ("momentum", real_array("momentum", momentum)),
            ("width", positive("width", width)),
        ):
            if value.shape not in ((), place.shape):
                raise fail(name, f"have the shape {place.shape}", f"its shape is {value.shape}")
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
        total: Any = 0.0
        for axis, x in enumerate(grid.axes):
            away = x - self.centre[axis]
            total = total + grid.along(
                axis, -((away / self.width[axis]) ** 2) + 1j * self.momentum[axis] * away
            )
        psi = np.exp(total)
        return psi / np.sqrt(operator.norm(psi))

    def on_grid(self, operator: GridHamiltonian) -> ComplexArray:
        """Return ψ, shape (N, *grid.shape), of unit norm."""
        grid = operator.grid
        if self.state >= operator.states:
            raise fail("state", f"be less than {operator.states}", f"it is {self.state}")
        scalar = self.envelope(operator)
        if self.basis == "diabatic":
            psi = np.zeros((operator.states, *grid.shape), dtype=np.complex128)
            psi[self.state] = scalar
            return psi
        frames = operator.vectors[:, :, self.state].reshape(*grid.shape, operator.states)
        centre = [
            int(np.argmin(np.abs(x - c))) for x, c in zip(grid.axes, self.centre, strict=True)
        ]
        state = transported(frames, centre, np.abs(scalar) ** 2)
        return np.ascontiguousarray(np.moveaxis(state * scalar[..., None], -1, 0))


def transported(frames: npt.NDArray[Any], centre: list[int], density: FloatArray) -> ComplexArray:
    """Return one state with phases parallel from `centre` outwards, first axis first.

    In two coordinates the phase is not unique where paths enclose an intersection; a packet that
    reaches around one is refused.
    """
    state = frames.astype(np.complex128)
    if state.ndim == 3:
        state[:, centre[1]] = _along_first(state[:, centre[1]], centre[0])
        state = np.swapaxes(_along_first(np.swapaxes(state, 0, 1), centre[1]), 0, 1)
    else:
        state = _along_first(state, centre[0])
    matters = density > _CARRIED * density.max()
    for axis in range(state.ndim - 1):
        ahead, behind = _neighbours(state, axis)
        both = np.logical_and(*_neighbours(matters, axis))
        overlap = np.sum(behind.conj() * ahead, axis=-1).real
        if np.any(overlap[both] < _ALIGNED):
            raise fail(
                "initial",
                "be a diabatic packet where its adiabatic state is not continuous",
                "it covers an intersection or a crossing narrower than the grid",
            )
    return state


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
    """Return a normalized ψ (N, *grid.shape) from a packet or an array, or raise `InputError`."""
    grid = operator.grid
    if isinstance(initial, WavePacket):
        if initial.momentum.size == grid.coordinates:
            check_given_momentum(initial, operator)
        psi = initial.on_grid(operator)
    else:
        try:
            psi = np.array(initial, dtype=np.complex128, order="C")
        except (TypeError, ValueError):
            raise fail("initial", "be a WavePacket or an array", describe(initial)) from None
        shape = (operator.states, *grid.shape)
        if psi.shape != shape:
            raise fail("initial", f"have the shape {shape}", f"its shape is {psi.shape}")
        if not np.all(np.isfinite(psi)):
            raise fail("initial", "be finite", "it contains NaN or infinity")
        size = operator.norm(psi)
        if size == 0:
            raise fail("initial", "not vanish", "all of its values are zero")
        psi /= np.sqrt(size)
    check_room(operator, psi)
    return psi


def check_room(operator: GridHamiltonian, psi: ComplexArray) -> None:
    """Refuse a grid that is too coarse or too small for this initial state."""
    grid = operator.grid
    for end, touching in edge_weights(operator, psi).items():
        if touching > EDGE:
            raise fail(
                "grid",
                "hold the initial packet",
                f"it touches the boundary at {end} with probability {touching:.1e}",
            )
    weights = operator.momentum_weights(psi)
    highest = highest_potential(operator, psi)
    for axis, (weight, k) in enumerate(zip(weights, grid.momenta, strict=True)):
        # At the edge itself an aliased packet sits, so its own moments are not enough.
        beyond = float(weight[np.abs(k) > 0.9 * grid.largest_momenta[axis]].sum())
        mean = float(weight @ k)
        spread = np.sqrt(max(float(weight @ k**2) - mean**2, 0.0))
        needed = abs(mean) + _DEVIATIONS * spread
        if beyond > EDGE:
            raise too_coarse(operator, axis, max(needed, 1.25 * grid.largest_momenta[axis]))
        highest += needed**2 / (2 * float(operator.masses[axis]))
    # The lowest potential that can be reached with that energy is where momenta are largest.
    from scipy.ndimage import label

    lowest = operator.energies[:, 0].reshape(grid.shape)
    regions, _ = label(lowest <= highest)
    density = np.sum(np.abs(psi) ** 2, axis=0)
    home = regions[np.unravel_index(int(np.argmax(density)), grid.shape)]
    if home == 0:
        return
    depth = highest - float(lowest[regions == home].min())
    for axis in range(grid.coordinates):
        momentum = np.sqrt(2 * operator.masses[axis] * depth)
        if momentum > grid.largest_momenta[axis]:
            raise too_coarse(operator, axis, momentum)


def check_given_momentum(packet: WavePacket, operator: GridHamiltonian) -> None:
    """Refuse a Gaussian whose momentum the grid would fold back, before it is put there."""
    for axis, largest in enumerate(operator.grid.largest_momenta):
        momentum = abs(packet.momentum[axis]) + _DEVIATIONS / packet.width[axis]
        if momentum > largest:
            raise too_coarse(operator, axis, momentum)


def too_coarse(operator: GridHamiltonian, axis: int, momentum: float) -> Exception:
    """Return the error that says what spacing a momentum needs."""
    return fail(
        "grid",
        f"have a spacing of at most {np.pi / momentum:.3g} along "
        f"{operator.hamiltonian.coordinates[axis]} for the momentum {momentum:.3g} to expect",
        f"it is {operator.grid.spacings[axis]:.3g}",
    )


def highest_potential(operator: GridHamiltonian, psi: ComplexArray) -> float:
    """Return the mean potential energy plus its standard deviations of a normalized state."""
    weights = np.abs(operator.adiabatic_amplitudes(psi)) ** 2 * operator.grid.volume
    levels = operator.energies.T
    mean = float(np.sum(weights * levels))
    return mean + _DEVIATIONS * np.sqrt(max(float(np.sum(weights * levels**2)) - mean**2, 0.0))


def edge_weights(operator: GridHamiltonian, psi: ComplexArray) -> dict[str, float]:
    """Return the probability in the outermost points at every end of an "fft" coordinate."""
    grid = operator.grid
    density = np.sum(np.abs(psi) ** 2, axis=0) * grid.volume
    found = {}
    for axis, name in enumerate(operator.hamiltonian.coordinates):
        if grid.bases[axis] == "fft":
            layer = max(2, grid.shape[axis] // 100)
            ends = np.moveaxis(density, axis, 0)
            found[f"{name} start"] = float(ends[:layer].sum())
            found[f"{name} stop"] = float(ends[-layer:].sum())
    return found
