"""A slow, independent solver: SciPy's DOP853 on the Schrödinger equation, step by step."""

from __future__ import annotations

import itertools

import numpy as np

from anticrossing.checks import ComplexArray
from anticrossing.drive import Drive
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
