"""A watch on the ends of a grid and on its largest momenta during a run."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray, ConvergenceError
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.operator import GridHamiltonian

EDGE = 1e-6  # probability that may sit at the edge of a grid, in space or in momentum
FAST = 0.95  # of the largest momentum of a grid: the edge of its momenta


class Watch:
    """The largest probability seen at the ends of "fft" coordinates and at the largest momenta."""

    def __init__(
        self, operator: GridHamiltonian, absorbing: tuple[str, ...] = (), allowed_fast: float = EDGE
    ) -> None:
        from anticrossing.molecules.packets import _kernels

        grid = operator.grid
        self._look = _kernels.look
        self._grid, self._units = grid, operator.units
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
            f"The packet touches the boundary at {self._ends[worst]} at "
            f"t = {self._units.time_text(time)} with probability {self._edges[worst]:.1e}: extend "
            "the grid, stop earlier, or pass an `absorber`."
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
            f"t = {self._units.time_text(time)} with probability {self._fast[worst]:.1e}: take a "
            f"spacing well below {self._grid.spacings[worst]:.3g}."
        )


def _fast_slab(grid: Grid, axis: int) -> tuple[int, int, int, int]:
    size = np.abs(grid.momenta[axis])
    # One stretch: the middle of the order of the Fourier transform, the end of the sines.
    fast = np.flatnonzero(size >= min(FAST * grid.largest_momenta[axis], size.max()))
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
