"""`propagate`: exact evolution, with or without an environment, or of one state of a large H."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy.typing as npt

from anticrossing._core.checks import fail
from anticrossing._core.public import with_words_of_others
from anticrossing.drive import Drive
from anticrossing.drive.foreign import timed
from anticrossing.dynamics import decaying, gradients, open_systems, state_evolution, unitary
from anticrossing.dynamics.effort import MOST_HOURS, Effort, check_hours
from anticrossing.dynamics.lanes import is_large
from anticrossing.dynamics.request import Request
from anticrossing.dynamics.result import Propagation
from anticrossing.dynamics.state_evolution import StateEvolution
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Symmetry
from anticrossing.sweeps.progress import Progress, check_progress, shares

_Result = TypeVar("_Result")
_STATE = "the state or density matrix to begin with is `initial`"
_OF_QUTIP = {
    "": "after H and its drive, or its list of times, " + _STATE,
    "psi0": _STATE,
    "rho0": _STATE,
    "tlist": "the list of times is the second argument, after an H(t) of QuTiP, or `times`",
    "c_ops": "write environment=Lindblad(c_ops)",
    "e_ops": "the result's expect(operator) gives expectation values at `times`",
    "args": "drive.from_qutip(H, times, args=…) returns H with parameters, and its drive",
    "options": "`tolerance` is the one option, the wanted accuracy of probabilities",
}


@with_words_of_others(_OF_QUTIP)
def propagate(
    hamiltonian: Hamiltonian | Any,
    drive: Drive | npt.ArrayLike,
    *,
    environment: Environment | None = None,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    order: int | None = None,
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    breakpoints: npt.ArrayLike | None = None,
    symmetry: Symmetry | None = None,
    whole: bool | None = None,
    gradient: str | Sequence[str] | None = None,
    levels: int | None = None,
    method: str = "auto",
    most_hours: float = MOST_HOURS,
    progress: bool | Progress = False,
) -> Propagation | StateEvolution:
    """Solve i dψ/dt = H(x(t)) ψ, or the Lindblad equation, at a cost independent of slowness.

    The window is cut into panels on which the state is followed in superadiabatic frames, so slow
    evolution needs no more panels than fast; see the theory page of the documentation. Where the
    phase is so small that steps cost less, it is followed step by step; `method` of the result says
    what ran.

    Of a Hamiltonian of sparse matrices or linear operators with more than 512 levels one state is
    followed, and a `StateEvolution` returned; with a `symmetry` all states, sector by sector.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels. Array parameters make a batch. Or H(t) as QuTiP takes it: `Qobj`, `QobjEvo`,
        list or function (see `drive.from_qutip`).
    drive : Drive
        x(t) and its window, a `drive.Path` for several coordinates. Its array parameters broadcast
        against the Hamiltonian's. With an H(t) of QuTiP its list of times: the window, and if they
        are more than two `times` too.
    environment : Environment, optional
        What dephases and relaxes the levels; the result then has density matrices and no
        propagator. With `Decay` alone it has a propagator that is not unitary, up to 128 levels.
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
    symmetry : Symmetry, optional
        Labels or operators that H(x) keeps, instead of a search for its sectors. Sectors are
        followed one by one, without an environment: the search finds all of up to 256 states, and
        of more those the given basis shows. Within every label it goes on.
    whole : bool, optional
        Whether all initial states are wanted, as by default. With False the given one alone is
        followed, which costs much less where the evolution is not slow: a state of N numbers in
        place of N², a density matrix of N² in place of N⁴; and, without an environment, in the
        sectors that it lives in alone. `transition_matrix`, `propagator`,
        `amplitudes` and `superoperator` of the result are then None. With an environment and more
        than 12 levels, up to 256, there is no other way, and it is the default.
    gradient : str or sequence of str, optional
        Names of parameters of H, arguments of the drive (``"values"`` are all of a drive's), and
        numbers of the environment: `gradients` of the result then has a `Derivative` for each, at
        a cost that does not grow with slowness. A name that two have is told apart:
        ``"drive.rate"``, ``"environment.rate"``. In the adiabatic or the diabatic basis, without
        noise that remembers.
    levels : int, optional
        Of a large sparse Hamiltonian: how many of the lowest levels are read out (4 by default),
        and followed at least by method "lowest".
    method : {"auto", "direct", "lowest"}
        Of a large sparse Hamiltonian: "direct" takes products of its terms with the state, in
        number proportional to the duration; "lowest" follows the lowest levels along a drive that
        moves one way, at a cost that does not depend on the duration, and bounds what the other
        levels do (`leakage`) to first order in the speed. By default what takes less work.
    most_hours : float
        What `dynamics.estimate` says takes longer is refused before any work. With an environment
        it is not estimated.
    progress : bool or callable
        Whether to show a bar with the remaining time, on a terminal or in a notebook; or a function
        ``progress(done, 1000)``.

    Returns
    -------
    Propagation, of a large sparse Hamiltonian StateEvolution

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work, an H(x) that is not finite, or one
        that couples states of different labels of a symmetry; for what would take more than
        `most_hours`, or more memory than there is, with the numbers.
    ConvergenceError
        If H(x(t)) is not smooth at a time that is not a breakpoint, or one density matrix of many
        levels would run through too many oscillations.

    References
    ----------
    M. V. Berry, Proc. R. Soc. A 429, 61 (1990), for superadiabatic states of any order.
    S. Jansen, M.-B. Ruskai and R. Seiler, J. Math. Phys. 48, 102111 (2007), for bounds on what
    leaves the lowest levels.

    Examples
    --------
    >>> import anticrossing as ac
    >>> sweep = ac.drive.Linear(-1000, 1000, rate=1.0)
    >>> result = ac.propagate(ac.models.LandauZener(gap=1.0), sweep)
    >>> round(float(result.transition_matrix[1, 0]), 8)   # exp(−π/2) = 0.20787958
    0.20787958
    >>> result = ac.propagate(ac.models.LandauZener(gap=1.0), sweep, gradient="gap")
    >>> round(float(result.gradients["gap"].transition_matrix[1, 0]), 5)   # −π exp(−π/2)
    -0.65307
    """
    given, moved, when = timed(hamiltonian, drive, times)
    check_progress(progress)
    hours = check_hours(most_hours)
    with shares(progress, "propagate") as tell:
        if is_large(given) and symmetry is None:
            _refuse_whole(environment, order, gradient)
            problem = state_evolution.problem(
                given,
                moved,
                initial=initial,
                basis=basis,
                times=when,
                tolerance=tolerance,
                breakpoints=breakpoints,
                levels=levels,
                method=method,
            )
            problem.effort.check(hours)
            return _told(problem.solve(tell), tell)
        _refuse_lowest(levels, method)
        request = Request(
            given,
            moved,
            environment=environment,
            initial=initial,
            basis=basis,
            order=order,
            times=when,
            tolerance=tolerance,
            breakpoints=breakpoints,
            symmetry=symmetry,
            whole=whole,
            tell=tell,
        )
        asked = None if gradient is None else gradients.check(request, gradient)
        tried = None
        if environment is None:
            found, tried = unitary.evolve(request, hours)
        else:
            follow = decaying.evolve if environment.decays else open_systems.evolve
            found = follow(request, environment)
        if asked is not None:
            found = gradients.added(found, request, asked, tried)
        if given.warnings:  # of a table, between whose points H is not known as surely
            found = replace(found, warnings=(*found.warnings, *given.warnings))
        return _told(found, tell)


def estimate(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    times: npt.ArrayLike | None = None,
    symmetry: Symmetry | None = None,
    whole: bool | None = None,
    levels: int | None = None,
    method: str = "auto",
) -> Effort:
    """Say what `propagate` without environment will take: method, work, seconds and memory.

    The seconds are n c(N), with n panels, products or eigenproblems and the measured cost c of one;
    they hold within a factor of three or so, of one core that is free.

    Parameters
    ----------
    hamiltonian, drive, times, symmetry, whole, levels, method
        As of `propagate`.

    Returns
    -------
    Effort

    Raises
    ------
    InputError
        For arguments that `propagate` refuses.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.TransverseIsing(sites=6)
    >>> effort = ac.dynamics.estimate(H, ac.drive.Linear(2.0, 0.0, rate=-1e-6))
    >>> effort.method, effort.seconds < 10
    ('superadiabatic panels', True)
    """
    if is_large(hamiltonian) and symmetry is None:
        return state_evolution.problem(
            hamiltonian,  # type: ignore[arg-type]
            drive,
            times=times,
            levels=levels,
            method=method,
        ).effort
    _refuse_lowest(levels, method)
    request = Request(hamiltonian, drive, times=times, symmetry=symmetry, whole=whole)
    return unitary.expected(request)


def of_all_levels(found: Propagation | StateEvolution) -> Propagation:
    """Return an evolution of all levels, or raise `InputError` for one state of a large H."""
    if isinstance(found, StateEvolution):
        found.refuse("an analysis of all levels")
    return found


def _told(result: _Result, tell: Callable[[float], None]) -> _Result:
    """Return a result, and tell that all is done: compiled methods tell nothing in between."""
    tell(1.0)
    return result


def _refuse_lowest(levels: int | None, method: str) -> None:
    """Refuse what only one state of a large sparse Hamiltonian has."""
    if levels is not None or method != "auto":
        name = "method" if levels is None else "levels"
        raise fail(
            name,
            "be given for a large sparse Hamiltonian only",
            "this one is followed with all of its levels",
        )


def _refuse_whole(
    environment: Environment | None, order: int | None, gradient: str | Sequence[str] | None
) -> None:
    """Refuse what needs all levels of a large sparse Hamiltonian."""
    if environment is not None:
        raise fail(
            "environment",
            "be left out for a large sparse Hamiltonian",
            "one was given: density matrices of as many levels do not fit",
        )
    if order is not None:
        raise fail(
            "order", "be left out for a large sparse Hamiltonian", "it reads out adiabatic levels"
        )
    if gradient is not None:
        raise fail(
            "gradient",
            "be left out for a large sparse Hamiltonian",
            "one was asked for: derivatives need all levels",
        )
