"""`propagate`: exact evolution, with or without an environment."""

from __future__ import annotations

import numpy.typing as npt

from anticrossing.drive import Drive
from anticrossing.dynamics import open_systems, unitary
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian


def propagate(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    environment: Environment | None = None,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    order: int | None = None,
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    breakpoints: npt.ArrayLike | None = None,
    only_initial: bool | None = None,
) -> Propagation:
    """Solve i dψ/dt = H(x(t)) ψ, or the Lindblad equation, at a cost independent of slowness.

    The window is cut into panels on which the state is followed in superadiabatic frames, so slow
    evolution needs no more panels than fast; see the theory page of the documentation.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels. Array parameters make a batch.
    drive : Drive
        x(t) and its window. Its array parameters broadcast against the Hamiltonian's.
    environment : Environment, optional
        What dephases and relaxes the levels; the result then has density matrices and no
        propagator.
    initial : int or array, shape (N,) or (N, N)
        The initial level in the read-out basis (0 is the lowest), or a state vector in the basis H
        is written in; with an environment, also a density matrix.
    basis : {"adiabatic", "superadiabatic", "diabatic"}
        Read-out at both ends: eigenstates of H; eigenstates corrected for the finite sweep rate,
        which converge much faster with the window; or the basis H is written in.
    order : int, optional
        With the superadiabatic basis, how many orders correct the eigenstates, from 0 (none) to 40;
        the same at the ends and at `times`. By default the best: at the ends what couples least,
        at `times` the order whose next term is smallest at the worst of them.
    times : array, shape (K,) or batch shape + (K,), optional
        Increasing times inside the window at which the state is wanted.
    tolerance : float
        Wanted accuracy of the probabilities, between 1e-13 and 1e-2.
    breakpoints : array, optional
        Further times at which the evolution is not smooth; the drive's own are known. Features of
        formulas are found, tried down to a millionth of the window. A Python function is looked at
        in some 10⁵ places of the window if it takes arrays, else in some 4000: give the times of
        anything narrower.
    only_initial : bool, optional
        With an environment, follow the initial state alone: the result has no superoperator, and
        of its transition matrix only the column of the initial level, the others being NaN. A
        window with few oscillations is then solved much sooner, by products of N×N matrices. By
        default only beyond 12 levels, up to 256, where there is no other way and the cost grows
        with the length of the window.

    Returns
    -------
    Propagation

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work, or an H(x) that is not finite.
    ConvergenceError
        If H(x(t)) is not smooth at a time that is not a breakpoint, or one density matrix of many
        levels would run through too many oscillations.

    References
    ----------
    M. V. Berry, Proc. R. Soc. A 429, 61 (1990), for superadiabatic states of any order.

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-1000, 1000, rate=1.0)
    >>> result = ac.propagate(ac.models.LandauZener(gap=1.0), sweep)
    >>> round(float(result.transition_matrix[1, 0]), 8)   # exp(−π/2) = 0.20787958
    0.20787958
    """
    request = Request(
        hamiltonian,
        drive,
        environment=environment,
        initial=initial,
        basis=basis,
        order=order,
        times=times,
        tolerance=tolerance,
        breakpoints=breakpoints,
        only_initial=only_initial,
    )
    if environment is None:
        return unitary.evolve(request)
    return open_systems.evolve(request, environment)
