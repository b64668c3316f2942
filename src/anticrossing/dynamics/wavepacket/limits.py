"""What a grid, a time step and the memory can hold; what goes beyond is refused or stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing.checks import ComplexArray, ConvergenceError, FloatArray, InputError, fail
from anticrossing.dynamics.wavepacket.grid import Grid
from anticrossing.dynamics.wavepacket.operator import GridHamiltonian

EDGE = 1e-6  # probability that may sit at the edge of a grid, in space or in momentum
MOST_STEPS = 50_000_000
_MOST_BYTES = 8 * 2**30
_DEVIATIONS = 3.0  # standard deviations of energy and momentum that must be held
CARRIED = 1e-4  # of the density, below which a point does not matter
_FAST = 0.95  # of the largest momentum of a grid: the edge of its momenta
_TURN = 2 * np.pi  # of the fastest phase in one time step


@dataclass(frozen=True)
class Reach:
    """How far the energies of a state go: the fastest it can get, the widest gap it can meet."""

    kinetic: float
    potential: float


def reach(operator: GridHamiltonian, psi: ComplexArray) -> Reach:
    """Return the energies to expect of a normalized state, with three standard deviations.

    It is fastest at the lowest potential among the points that it can reach with that energy.
    """
    from scipy.ndimage import label

    grid = operator.grid
    kinetic = 0.0
    for axis, weight in enumerate(operator.momentum_weights(psi)):
        kinetic += usual_momentum(operator, axis, weight) ** 2 / (2 * float(operator.masses[axis]))
    weights = np.abs(operator.adiabatic_amplitudes(psi)) ** 2 * grid.volume
    mean, spread = _moments(weights, operator.energies.T)
    highest = kinetic + mean + _DEVIATIONS * spread
    lowest = operator.energies[:, 0].reshape(grid.shape)
    regions, _ = label(lowest <= highest)
    density = np.sum(np.abs(psi) ** 2, axis=0)
    home = regions[np.unravel_index(int(np.argmax(density)), grid.shape)]
    # A state that begins inside a wall narrower than itself has no region.
    inside = ((regions == home) if home else (density > CARRIED * density.max())).ravel()
    bottom = float(operator.energies[inside, 0].min())
    return Reach(
        max(kinetic, highest - bottom), float(operator.energies[inside, -1].max()) - bottom
    )


def usual_momentum(operator: GridHamiltonian, axis: int, weight: FloatArray) -> float:
    """Return mean and three standard deviations of the momentum along a coordinate."""
    mean, spread = _moments(weight, operator.grid.momenta[axis])
    return abs(mean) + _DEVIATIONS * spread


def _moments(weights: FloatArray, values: FloatArray) -> tuple[float, float]:
    mean = float(np.sum(weights * values))
    return mean, float(np.sqrt(max(float(np.sum(weights * values**2)) - mean**2, 0.0)))


# ---- before the work -----------------------------------------------------------------------------


def check_room(operator: GridHamiltonian, psi: ComplexArray) -> None:
    """Refuse a grid that is too coarse or too small for this initial state."""
    grid = operator.grid
    for end, touching in edge_weights(operator, psi).items():
        if touching > EDGE:
            raise touches(end, touching)
    for axis, weight in enumerate(operator.momentum_weights(psi)):
        # At the edge itself an aliased packet sits, so its own moments are not enough.
        largest = float(grid.largest_momenta[axis])
        if float(weight[np.abs(grid.momenta[axis]) > 0.9 * largest].sum()) > EDGE:
            needed = usual_momentum(operator, axis, weight)
            raise too_coarse(operator, axis, max(needed, 1.25 * largest))
    fastest = reach(operator, psi).kinetic
    for axis in range(grid.coordinates):
        momentum = float(np.sqrt(2 * operator.masses[axis] * fastest))
        if momentum > grid.largest_momenta[axis]:
            raise too_coarse(operator, axis, momentum)


def check_given_momentum(operator: GridHamiltonian, momenta: FloatArray, width: FloatArray) -> None:
    """Refuse a Gaussian whose momentum the grid would fold back, before it is put there."""
    for axis, largest in enumerate(operator.grid.largest_momenta):
        momentum = abs(momenta[axis]) + _DEVIATIONS / width[axis]
        if momentum > largest:
            raise too_coarse(operator, axis, momentum)


def check_step(operator: GridHamiltonian, psi: ComplexArray, step: float) -> None:
    """Refuse a time step in which the phases to expect turn by more than once."""
    found = reach(operator, psi)
    for name, energy in (("kinetic", found.kinetic), ("potential", found.potential)):
        if step * energy > _TURN:
            raise fail(
                "step",
                f"be at most {_TURN / energy:.3g} for the range {energy:.3g} of the {name} energy "
                "to expect",
                f"it is {step:.3g}",
            )


def check_memory(values: float, size: int) -> None:
    """Refuse to keep more than the memory of an ordinary machine."""
    if values * size > _MOST_BYTES:
        raise fail(
            "samples",
            f"keep at most {_MOST_BYTES / 2**30:.0f} GiB",
            f"they take {values * size / 2**30:.3g} GiB",
        )


def too_coarse(operator: GridHamiltonian, axis: int, momentum: float) -> InputError:
    """Return the error that says what spacing a momentum needs."""
    return fail(
        "grid",
        f"have a spacing of at most {np.pi / momentum:.3g} along "
        f"{operator.hamiltonian.coordinates[axis]} for the momentum {momentum:.3g} to expect",
        f"it is {operator.grid.spacings[axis]:.3g}",
    )


def touches(end: str, probability: float) -> InputError:
    """Return the error of an initial packet at the boundary."""
    return fail(
        "grid",
        "hold the initial packet",
        f"it touches the boundary at {end} with probability {probability:.1e}",
    )


# ---- on the way ----------------------------------------------------------------------------------


class Watch:
    """The largest probability seen at the ends of "fft" coordinates and at the largest momenta."""

    def __init__(
        self,
        operator: GridHamiltonian,
        absorbing: tuple[str, ...] = (),
        allowed_fast: float = EDGE,
    ) -> None:
        from anticrossing.dynamics.wavepacket import _kernels

        grid = operator.grid
        self._look = _kernels.look
        self._grid = grid
        self._shape = (*grid.shape, 1)[:2]
        self._allowed_fast = allowed_fast
        ends = {end: slab for end, slab in _ends(operator).items() if end not in absorbing}
        self._ends, self._names = list(ends), operator.hamiltonian.coordinates
        self._slabs = np.array(list(ends.values()), dtype=np.intp).reshape(-1, 4)
        self._fast_slabs = np.array([_fast_slab(grid, axis) for axis in range(grid.coordinates)])
        self._edges = np.zeros(len(ends))
        self._fast = np.zeros(grid.coordinates)

    @property
    def edges(self) -> dict[str, float]:
        """By the end of the coordinate, "x start" or "x stop"."""
        return dict(zip(self._ends, self._edges.tolist(), strict=True))

    @property
    def fast(self) -> dict[str, float]:
        """By the coordinate."""
        return dict(zip(self._names, self._fast.tolist(), strict=True))

    def places(self, psi: ComplexArray, time: float) -> None:
        """Look at ψ (components, *grid.shape); raise `ConvergenceError` if it touches an end."""
        values = psi.reshape(-1, *self._shape)
        if self._look(values, self._slabs, self._grid.volume, self._edges) <= EDGE:
            return
        worst = int(np.argmax(self._edges))
        raise ConvergenceError(
            f"The packet touches the boundary at {self._ends[worst]} at t = {time:.6g} with "
            f"probability {self._edges[worst]:.1e}: extend the grid, stop earlier, or pass an "
            "`absorber`."
        )

    def momenta(self, coefficients: ComplexArray, time: float) -> None:
        """Look at the coefficients of `Grid.forward`; raise if they reach the largest momenta."""
        values = coefficients.reshape(-1, *self._shape)
        unit = self._grid.scale * self._grid.volume
        if self._look(values, self._fast_slabs, unit, self._fast) <= self._allowed_fast:
            return
        worst = int(np.argmax(self._fast))
        raise ConvergenceError(
            f"The packet reaches the largest momentum of the grid along {self._names[worst]} at "
            f"t = {time:.6g} with probability {self._fast[worst]:.1e}: take a spacing well below "
            f"{self._grid.spacings[worst]:.3g}."
        )


def _fast_slab(grid: Grid, axis: int) -> tuple[int, int, int, int]:
    size = np.abs(grid.momenta[axis])
    # One stretch: the middle of the order of the Fourier transform, the end of the sines.
    fast = np.flatnonzero(size >= min(_FAST * grid.largest_momenta[axis], size.max()))
    return _bounds(grid.shape, axis, int(fast[0]), int(fast[-1]) + 1)


def edge_weights(operator: GridHamiltonian, psi: ComplexArray) -> dict[str, float]:
    """Return the probability in the outermost points at every end of an "fft" coordinate."""
    density = np.sum(np.abs(psi) ** 2, axis=0).reshape((*operator.grid.shape, 1)[:2])
    return {
        end: float(density[a:b, c:d].sum()) * operator.grid.volume
        for end, (a, b, c, d) in _ends(operator).items()
    }


def _ends(operator: GridHamiltonian) -> dict[str, tuple[int, int, int, int]]:
    """Return first and last row and column of the outermost points, by end."""
    grid = operator.grid
    found = {}
    for axis, name in enumerate(operator.hamiltonian.coordinates):
        if grid.bases[axis] == "fft":
            size = grid.shape[axis]
            layer = max(2, size // 100)
            found[f"{name} start"] = _bounds(grid.shape, axis, 0, layer)
            found[f"{name} stop"] = _bounds(grid.shape, axis, size - layer, size)
    return found


def _bounds(shape: tuple[int, ...], axis: int, first: int, last: int) -> tuple[int, int, int, int]:
    rows, columns = (*shape, 1)[:2]
    return (first, last, 0, columns) if axis == 0 else (0, rows, first, last)
