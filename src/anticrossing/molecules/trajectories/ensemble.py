"""Ensembles of trajectories on coupled levels: the entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.electronic.base import ElectronicStates
from anticrossing.molecules.trajectories import _chunks
from anticrossing.molecules.trajectories._batches import Batches
from anticrossing.molecules.trajectories._collector import Collector
from anticrossing.molecules.trajectories.initial import InitialConditions
from anticrossing.molecules.trajectories.request import Request
from anticrossing.molecules.trajectories.result import EnsembleResult
from anticrossing.sweeps.outputs import ChunkData
from anticrossing.sweeps.progress import Progress, check_progress, reporting
from anticrossing.sweeps.run import stream


def run_trajectories(
    hamiltonian: Hamiltonian | ElectronicStates,
    *,
    masses: npt.ArrayLike | None = None,
    initial: InitialConditions,
    step: float,
    steps: int,
    count: int,
    seed: int,
    method: str = "fssh",
    box: npt.ArrayLike | None = None,
    friction: npt.ArrayLike | None = None,
    temperature: float | None = None,
    every: int | None = None,
    rescaling: str | None = None,
    frustrated: str | None = None,
    decoherence: str | None = None,
    decoherence_energy: float | None = None,
    decoherence_width: npt.ArrayLike | None = None,
    decoherence_threshold: float | None = None,
    keep: int = 0,
    log: int | None = None,
    batch: int | None = None,
    threads: int | None = None,
    store: str | Path | None = None,
    executor: Any = None,
    progress: bool | Progress | None = None,
) -> EnsembleResult:
    """Follow an ensemble of classical trajectories on the levels of H(x).

    The coordinates move by velocity Verlet, ``m_a ẍ_a = −⟨∂H/∂x_a⟩``, the expectation value taken
    in the active level (hopping, MASH) or in ψ (Ehrenfest); ψ obeys ``i ψ̇ = H(x(t)) ψ``. A step of
    ψ is ``exp(−iH(x′)h/2) exp(−iH(x)h/2)``, unitary for any h; the active level is followed
    through crossings that the step does not resolve, so that none is lost to a trivial crossing.
    A step with a hop is undone and made in two parts, before the hop and after it, which two more
    values of H cost: errors are of second order in `step`. Landau–Zener hops come at its end.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N states, f coordinates, single parameter values. Formulas, and functions written
        with NumPy's functions of one argument, run as machine code; others are evaluated for all
        trajectories together, step by step. Or the states that a function or a program gives
        point by point, `anticrossing.molecules.electronic`: with overlaps or couplings all
        methods run that need no more than they have; from energies and gradients alone the states
        turn as the curvature of the gaps tells (Baeck and An), exact for linear crossings.
        Where an energy jumps or a state is lost the trajectory ends, which `warnings` says.
    masses : float or array, shape (f,)
        Positive, in ħ²/(energy × coordinate²), so that p²/2m is an energy of H with p in
        ħ/coordinate: electron masses for H in hartree and x in bohr. A VibronicCoupling and the
        states of a molecule know their own, which are the default.
    initial : Fixed, Gaussian or Thermal
        Positions, momenta and electronic state at the start; `vertical_excitation` makes them.
    step : float
        Time step, in the unit of time of H (`units.time`; without units ħ = 1).
    steps, count : int
        Number of steps and of trajectories.
    seed : int
        Results depend on it and not on `batch` or `threads`: every trajectory has its own stream.
    method : {"fssh", "landau-zener", "ehrenfest", "mash", "multi-state-mash"}
        Fewest-switches surface hopping; hops at minima of the gap with the probability of Belyaev
        and Lebedev; the mean field; the mapping approach to surface hopping (two states), and the
        one of any number of states, which is another method for two.
        "landau-zener" counts a minimum of the gap if the two levels mix there as the formula
        supposes; a level and a degenerate group have one crossing. It takes the second derivative
        of the gap from three points: for linear diabats any `step` is exact, otherwise the
        error falls with its fourth power, or with its first where a derivative of H jumps at the
        crossing (the first problem of Tully).
    box : array, shape (2, f), optional
        Lower and upper bounds, which hold all starting points; a trajectory ends where it leaves.
    friction, temperature : float or array, shape (f,), and float; optional
        Langevin motion: ``m_a v̇_a = F_a − m_a γ_a v_a + √(2 m_a γ_a T) ξ(t)`` with γ in 1/time and
        T in the unit of energy of H, k_B = 1, by a step that is exact for free motion. What this
        gives and takes is no drift of the energy. Not for "landau-zener".
    every : int, optional
        Steps between outputs; by default a hundredth of `steps`. The last output is at the last
        multiple of it, final values are those after `steps`.
    rescaling : {"coupling", "velocity"}
        The direction in which a hop changes the momentum: the derivative coupling (default of
        "fssh", but for states without couplings) or the velocity (default of "landau-zener").
        MASH always uses the coupling.
    frustrated : {"ignore", "reflect"}
        What a hop without the energy for it does to the momentum in that direction.
    decoherence : {"none", "energy", "overlap", "augmented"}
        For "fssh": nothing; the energy-based correction of Granucci and Persico; the rate at which
        Gaussian packets that a hop would send apart lose their overlap, where the levels are not
        coupled (Runeson); or augmented hopping, whose moments δR_ij and δP_ij are set to zero
        at hops. Use ``frustrated="reflect"`` with it: else a trajectory without the energy to hop,
        decohered, has passed the crossing for good. "energy" does not spare a crossing, which
        makes rates too large where couplings are far below the temperature; there "overlap" is
        better, then "augmented".
    decoherence_energy : float, optional
        The constant C of the energy-based correction, in the unit of energy of H; by default
        0.1 hartree, and 0.1 where `hamiltonian.units` has no unit of energy.
    decoherence_width : float or array, shape (f,), optional
        Of "overlap": the standard deviation of a packet along each coordinate; for a
        VibronicCoupling by default that of the ground state of each mode, √½.
    decoherence_threshold : float, optional
        Of "overlap": levels decohere where their Massey parameter, ``|⟨i|∂_t j⟩/(E_j − E_i)|``, is
        at most this, by default 0.01.
    keep : int
        Number of trajectories whose points are kept, the first ones.
    log : int, optional
        Hops that the log has room for, per trajectory; by default as many as there are. What has
        more than 16 is then followed a second time; on the fly there is room for 1024.
    batch : int, optional
        Trajectories in memory at once, rounded up to multiples of 64.
    threads : int, optional
        For a batch: all processors by default, one where an `executor` has several batches at once.
    store : path, optional
        A directory for finished batches, as `anticrossing.sweep` keeps points. A run that was
        killed or interrupted goes on from there, with the same result to the last bit; a damaged
        file is computed again. An ensemble that differs in anything is refused.
    executor : int, executor, Dask client or str, optional
        Who computes the batches, as in `anticrossing.sweep`; this process by default.
    progress : bool or callable, optional
        Whether to show a bar, on a terminal or in a notebook; or a function that is called after
        every batch that is computed as ``progress(done, count)``.

    Returns
    -------
    EnsembleResult

    Raises
    ------
    InputError
        For arguments that cannot be used or would be ignored, before any work; for a store of
        another ensemble, with the difference.
    SweepError
        If the store cannot be written or is in use, or the workers are lost.
    ConvergenceError
        If a trajectory runs into a point where H is not finite.

    References
    ----------
    J. C. Tully, J. Chem. Phys. 93, 1061 (1990); G. Granucci, M. Persico and A. Toniolo,
    J. Chem. Phys. 114, 10608 (2001); G. Granucci and M. Persico, J. Chem. Phys. 126, 134114
    (2007); J. E. Runeson, arXiv:2507.18381 (2025); A. K. Belyaev and O. V. Lebedev, Phys. Rev. A
    84, 014701 (2011); A. Jain, E. Alguire and J. E. Subotnik, J. Chem. Theory Comput. 12, 5256
    (2016); J. R. Mannouch and J. O. Richardson, J. Chem. Phys. 158, 104111 (2023);
    J. E. Runeson and D. E. Manolopoulos, J. Chem. Phys. 159, 094115 (2023); K. K. Baeck and
    H. An, J. Chem. Phys. 146, 064107 (2017), couplings from the curvature of the gap;
    B. Leimkuhler and C. Matthews, Appl. Math. Res. Express 2013, 34 (2013), the step with
    friction.

    Examples
    --------
    >>> from anticrossing.models import TullySimple
    >>> from anticrossing.molecules.trajectories import Fixed, run_trajectories
    >>> found = run_trajectories(
    ...     TullySimple(), masses=2000.0, initial=Fixed(position=-5.0, momentum=20.0),
    ...     step=20.0, steps=60, count=1000, seed=1, box=[-6.0, 5.0],
    ... )
    >>> print(found)
    1000 trajectories, fssh, rescaling coupling, frustrated ignore, decoherence none, seed 1
      time         0 to 1200 ħ/hartree, step 20 ħ/hartree
      populations  0.5... ± 0.0158, 0.4... ± 0.0158
      hops         7... accepted, 0 frustrated, 0 reflected, 0 followed
      energy drift 2.5e-04 at most
    """
    request = Request.of(
        hamiltonian,
        masses=masses,
        initial=initial,
        box=box,
        friction=friction,
        temperature=temperature,
        step=step,
        steps=steps,
        every=every,
        count=count,
        seed=seed,
        method=method,
        rescaling=rescaling,
        frustrated=frustrated,
        decoherence=decoherence,
        decoherence_energy=decoherence_energy,
        decoherence_width=decoherence_width,
        decoherence_threshold=decoherence_threshold,
        keep=keep,
        log=log,
        batch=batch,
        threads=1 if threads is None and executor is not None else threads,
    )
    return follow(request, store=store, executor=executor, progress=progress)


def follow(
    request: Request,
    *,
    store: str | Path | None = None,
    executor: Any = None,
    progress: bool | Progress | None = None,
) -> EnsembleResult:
    """Follow the trajectories of a request (see `run_trajectories`)."""
    check_progress(progress or False)
    _chunks.check_starts(request)
    batches, ensemble = Batches(request), Collector(request)

    def take(data: ChunkData) -> None:
        values = {name: array[0] for name, array in data.values.items()}
        ensemble.add(batches.chunk(ensemble.taken, values))

    with reporting(progress or False, 0, request.count, "trajectories") as tell:

        def told(done: int, _: int) -> None:
            tell(batches.range(done - 1)[1], request.count)

        layout = batches.layout(stored=store is not None)
        stream(layout, take, store=store, executor=executor, progress=told)
    return ensemble.result(batches.compiled is not None)
