"""Stationary states on a grid by a filter that does what imaginary time does, sooner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    fail,
    integer,
    positive_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.result import places
from anticrossing.molecules.packets.watch import Watch
from anticrossing.plot.diagrams import level_ladder
from anticrossing.units import Units

Apply = Callable[[ComplexArray], ComplexArray]

_TERMS = 60  # degree of the filter between two diagonalisations
_MOST_ROUNDS = 60
_MARGIN = 1.02  # of the estimated spectral range


@dataclass(frozen=True, eq=False)
class StationaryStates(Result):
    """The lowest eigenstates of T + H(x).

    Attributes
    ----------
    energies : array, shape (count,)
    states : array, shape (count, N) + grid.shape
        Normalised, in the diabatic basis: each can be the `initial` of `propagate_packet`.
    residuals : array, shape (count,)
        ``‖(T + H − E)ψ‖``: an eigenvalue lies within it of each energy.
    """

    _variables: ClassVar = {
        "energy": shown("level", text="energy", unit="energy", of="energies"),
        "residual": shown(
            "level", text="bound on the error of the energy", unit="energy", of="residuals"
        ),
    }

    energies: FloatArray
    states: ComplexArray
    residuals: FloatArray
    grid: Grid
    hamiltonian: Hamiltonian

    @property
    def units(self) -> Units:
        """The units of the Hamiltonian."""
        return self.hamiltonian.units

    def plot(self, ax: Any = None) -> Any:
        """Draw the levels as a ladder, degenerate ones side by side."""
        return level_ladder(self.energies, unit=self.units.energy, ax=ax)

    def variables(self) -> dict[str, Variable]:
        """Return energies, residuals and wave functions."""
        points = places(self.grid, self.hamiltonian)
        dims = ("level", "diabatic_state", *points)
        waves = Variable(dims, self.states, "eigenstates of unit norm")
        return {**super().variables(), **points, "wave_function": waves}


def stationary_states(
    hamiltonian: Hamiltonian,
    grid: Grid,
    masses: npt.ArrayLike,
    *,
    count: int = 1,
    tolerance: float = 1e-8,
    seed: int = 0,
) -> StationaryStates:
    """Return the lowest eigenstates of the whole Hamiltonian on a grid.

    ψ ← T_m[(2(T + H) − b − a)/(b − a)] ψ

    for a set of functions at once: the Chebyshev polynomial of degree m is at most 1 on [a, b],
    the unwanted part of the spectrum, and below it grows faster than imaginary time, e^{−(T+H)τ},
    of the same work; there is no error of a time step. Between the rounds T + H is diagonalised in
    the space the functions span.

    Parameters
    ----------
    hamiltonian, grid, masses
        As for `propagate_packet`.
    count : int
        How many states, degenerate ones counted separately.
    tolerance : float
        The largest residual allowed, in the units of H; energies are much better.
    seed : int
        Of the random functions it begins with.

    Returns
    -------
    StationaryStates

    Raises
    ------
    InputError
        As `propagate_packet`.
    ConvergenceError
        If the residuals do not fall to the tolerance: the levels lie too close for it; or if a
        state touches the boundary or the largest momenta of the grid.

    References
    ----------
    R. Kosloff and H. Tal-Ezer, Chem. Phys. Lett. 127, 223 (1986), imaginary time; Y. Zhou, Y. Saad,
    M. L. Tiago and J. R. Chelikowsky, J. Comput. Phys. 219, 172 (2006), the filter.

    Examples
    --------
    >>> oscillator = Hamiltonian.from_terms([("x**2/2", [[1.0]])])
    >>> found = stationary_states(oscillator, Grid(-10.0, 10.0, 64), 1.0, count=3)
    >>> found.energies.round(10)
    array([0.5, 1.5, 2.5])
    """
    operator = GridHamiltonian(hamiltonian, grid, masses)
    number = integer("count", count, minimum=1)
    allowed = positive_number("tolerance", tolerance)
    generator = np.random.default_rng(integer("seed", seed, minimum=0))
    block = number + 4 + number // 4
    if block > operator.size * operator.states:
        raise fail("count", "be small against the number of points", f"it is {number}")
    shape = (operator.states, *grid.shape)
    lowest = operator.energies[:, 0].reshape(grid.shape)
    spread = np.ptp(lowest)
    start = generator.normal(size=(block, *shape)) * np.exp(
        -10 * (lowest - lowest.min()) / (spread if spread > 0 else 1.0)
    )
    bounds = (float(lowest.min()), operator_top(operator))
    energies, states, residuals = relax(
        operator.apply, start.astype(np.complex128), bounds, number, allowed
    )
    states /= np.sqrt(grid.volume)
    for n, state in enumerate(states):
        _check_edges(operator, n, state)
    return StationaryStates(energies, states, residuals, grid, hamiltonian)


def _check_edges(operator: GridHamiltonian, n: int, state: ComplexArray) -> None:
    watch = Watch(operator)
    try:
        watch.places(state, 0.0)
        watch.momenta(operator.grid.forward(state.copy()), 0.0)
    except ConvergenceError:
        place, momentum = max(watch.edges.values(), default=0.0), max(watch.fast.values())
        raise ConvergenceError(
            f"State {n} touches the boundary of the grid with probability {place:.1e} or its "
            f"largest momenta with {momentum:.1e}: extend the grid or take more points (a state "
            "that is not bound touches every boundary)."
        ) from None


def operator_top(operator: GridHamiltonian) -> float:
    """Return an upper bound on the spectrum of T + H."""
    return float(operator.energies.max()) + sum(float(k.max()) for k in operator.kinetic)


def relax(
    apply: Apply, block: ComplexArray, bounds: tuple[float, float], count: int, allowed: float
) -> tuple[FloatArray, ComplexArray, FloatArray]:
    """Return the lowest eigenpairs of an operator with spectrum inside `bounds`, and residuals."""
    shape = block.shape[1:]
    low, high = bounds
    high = low + _MARGIN * (high - low)
    residual = np.array([np.inf])
    for _ in range(_MOST_ROUNDS):
        vectors, _ = np.linalg.qr(block.reshape(len(block), -1).T)
        functions = np.ascontiguousarray(vectors.T).reshape(-1, *shape)
        images = np.stack([apply(f) for f in functions])
        matrix = functions.reshape(len(block), -1).conj() @ images.reshape(len(block), -1).T
        energies, mix = np.linalg.eigh(0.5 * (matrix + matrix.conj().T))
        functions = np.tensordot(mix.T, functions, 1)
        images = np.tensordot(mix.T, images, 1)
        wide = (-1,) + (1,) * len(shape)
        difference = (images - energies.reshape(wide) * functions).reshape(len(block), -1)
        residual = np.linalg.norm(difference, axis=1)[:count]
        if residual.max() <= allowed:
            return energies[:count], functions[:count], residual
        # Damp everything above the block; below it the filter grows fastest.
        cut = min(float(energies[-1]), high - 1e-3 * (high - low))
        block = np.stack([_filtered(apply, f, cut, high) for f in functions])
        block /= np.linalg.norm(block.reshape(len(block), -1), axis=1).reshape(wide)
    raise ConvergenceError(
        f"The residuals only fell to {residual.max():.2g} (asked: {allowed:.2g}): raise "
        "`tolerance`, ask for more states, or take a smaller grid."
    )


def _filtered(apply: Apply, f: ComplexArray, cut: float, high: float) -> ComplexArray:
    """Apply the Chebyshev polynomial of the interval [cut, high]."""
    half, middle = 0.5 * (high - cut), 0.5 * (high + cut)
    previous, current = f, (apply(f) - middle * f) / half
    for _ in range(_TERMS - 1):
        following = 2 * (apply(current) - middle * current) / half - previous
        size = float(np.abs(following).max())
        scale = 1 / size if size > 1e100 else 1.0
        previous, current = current * scale, following * scale
    return current
