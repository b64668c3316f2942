"""A slow, independent solver: SciPy's DOP853 on the Schrödinger equation, step by step."""

from __future__ import annotations

import itertools

import numpy as np

from anticrossing._core.checks import ComplexArray
from anticrossing.drive import Drive, compose
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import generator
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian


def propagator(
    hamiltonian: Hamiltonian, drive: Drive, *, rtol: float = 1e-12, atol: float = 1e-13
) -> ComplexArray:
    """Return U(stop, start) by Runge–Kutta integration of i U′ = H U (no batches).

    It resolves every oscillation, so its cost grows with the length of the window; it exists to
    check the panel solver.

    Examples
    --------
    >>> import anticrossing as ac
    >>> U = propagator(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, rate=1.0))
    >>> bool(abs(abs(U[0, 0]) ** 2 + abs(U[1, 0]) ** 2 - 1) < 1e-10)
    True
    """
    from scipy.integrate import solve_ivp

    hamiltonian, drive = compose(hamiltonian, drive)
    levels = hamiltonian.dimension
    factor = hamiltonian.units.angular

    def slope(t: float, y: ComplexArray) -> ComplexArray:
        matrix = factor * hamiltonian(float(drive(t)))
        return np.asarray(-1j * (matrix @ y.reshape(levels, levels)).ravel())

    edges = np.concatenate([[float(drive.start_time)], drive.breakpoints, [float(drive.stop_time)]])
    state = np.eye(levels, dtype=np.complex128).ravel()
    for left, right in itertools.pairwise(edges):
        solution = solve_ivp(slope, (left, right), state, method="DOP853", rtol=rtol, atol=atol)
        state = solution.y[:, -1]
    return state.reshape(levels, levels)


def open_propagator(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    *,
    rtol: float = 1e-11,
    atol: float = 1e-13,
) -> ComplexArray:
    """Return the map ρ(start) → ρ(stop) by Runge–Kutta integration of the Lindblad equation.

    A matrix of shape (N², N²) for ρ stacked row by row (no batches).

    Examples
    --------
    >>> import anticrossing as ac
    >>> from anticrossing.environment import Dephasing
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-3, 3, rate=1.0)
    >>> change = open_propagator(H, sweep, Dephasing(0.2))
    >>> bool(abs(change[0, 0] + change[3, 0] - 1) < 1e-10)     # the trace is kept
    True
    """
    from scipy.integrate import solve_ivp

    lanes = Lanes.of(hamiltonian, drive)
    size = hamiltonian.dimension**2

    def slope(t: float, y: ComplexArray) -> ComplexArray:
        matrix = generator(lanes, environment, np.array([[t]]))[0, 0]
        return np.asarray((matrix @ y.reshape(size, size)).ravel())

    edges = np.concatenate([[float(drive.start_time)], drive.breakpoints, [float(drive.stop_time)]])
    state = np.eye(size, dtype=np.complex128).ravel()
    for left, right in itertools.pairwise(edges):
        solution = solve_ivp(slope, (left, right), state, method="DOP853", rtol=rtol, atol=atol)
        state = solution.y[:, -1]
    return state.reshape(size, size)
