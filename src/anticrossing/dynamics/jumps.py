"""`quantum_jumps`: trajectories of state vectors in place of a density matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail, instance, integer
from anticrossing._core.linalg import dagger
from anticrossing._core.qutip_objects import Dims
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.drive import Drive
from anticrossing.drive.foreign import timed
from anticrossing.dynamics import liouville, panels
from anticrossing.dynamics._channels import Channels, kinds
from anticrossing.dynamics._jump_tree import Tree, Walkers, walk
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.no_jump import amplitude_kernel, carry
from anticrossing.dynamics.readout import readout, unreached
from anticrossing.dynamics.request import Request, check_initial, check_single_open, check_tolerance
from anticrossing.dynamics.states import WithStates
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.sweeps.progress import Progress, check_progress, shares
from anticrossing.units import Units

LARGEST_DIMENSION = 256
MOST_JUMPS = 1e7
_BATCH = 1024  # trajectories that take their steps together
_MOST_TRAJECTORIES = 10**7
_LOOKS = 16  # parts of the window in which rates are looked at
_MOST_BYTES = 4e9


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantumJumps(WithStates):
    """Averages over trajectories with their standard errors, and the jumps of each.

    Attributes
    ----------
    probabilities, probability_errors : array, shape (N,)
        Final probabilities in the read-out basis, and their standard errors, which tell nothing of
        what is so rare that no trajectory did it. A lost trajectory counts with zero.
    times : array, shape (K,)
        The requested times, if any.
    populations, population_errors : array, shape (K, N)
        The same at those times.
    density_matrix : array, shape (N, N)
        The average of |ψ⟩⟨ψ| at the end, in the basis H is written in.
    density_matrices : array, shape (K, N, N)
        At the requested times.
    final_states : array, shape (T, N)
        ψ of every trajectory at the end, normalised, in the basis H is written in; zero where it
        was lost.
    jumps : array of int, shape (T,)
        How often each trajectory jumped.
    jump_times, jump_trajectories, jump_kinds : array, shape (J,)
        When, which trajectory, and which of `kinds`, trajectory by trajectory.
    kinds : tuple of str
        "operator k" counts the jump operators of the environment; "between levels" and "dephasing"
        are jumps in the instantaneous eigenbasis; "lost" ends a trajectory.
    no_jump_probability : float
        The probability that nothing happens, from the evolution between jumps alone.
    log_no_jump_probability : float
        Its natural logarithm.
    survival, survival_error : float
        The share of trajectories that were not lost by the end, and its standard error.
    trajectories, seed : int
    basis : str
        The read-out basis.
    panels, parts : int
        Panels that all trajectories share, and parts of panels that were solved to find jumps.
    error_estimate : float
        Bound on the error of probabilities between jumps, beside the statistical ones.
    """

    probabilities: FloatArray
    probability_errors: FloatArray
    times: FloatArray
    populations: FloatArray
    population_errors: FloatArray
    density_matrix: ComplexArray
    density_matrices: ComplexArray
    final_states: ComplexArray
    jumps: npt.NDArray[np.intp]
    jump_times: FloatArray
    jump_trajectories: npt.NDArray[np.intp]
    jump_kinds: npt.NDArray[np.intp]
    kinds: tuple[str, ...]
    no_jump_probability: float
    log_no_jump_probability: float
    survival: float
    survival_error: float
    trajectories: int
    seed: int
    basis: str
    panels: int
    parts: int
    error_estimate: float
    warnings: tuple[str, ...]
    description: str
    units: Units
    dims: Dims = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="requested time", unit="time", of="times"),
        "population": shown("time", "level", text="population of the level", of="populations"),
        "population_error": shown(
            "time", "level", text="standard error of the population", of="population_errors"
        ),
        "probability": shown("level", text="final probability", of="probabilities"),
        "probability_error": shown(
            "level", text="standard error of the probability", of="probability_errors"
        ),
        "survival": shown(text="share of trajectories that were not lost"),
        "survival_error": shown(text="standard error of the share"),
        "no_jump_probability": shown(text="probability that nothing happens"),
        "log_no_jump_probability": shown(text="its natural logarithm"),
        "error_estimate": shown(text="bound on the error between jumps"),
        "jumps": shown("trajectory", text="jumps of the trajectory"),
        "density_matrix": shown("row", "column", text="average final density matrix"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the populations along the requested times, else the final probabilities as bars.

        Bands, and lines on the bars, are standard errors.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found, title = self.variables(), f"{self.basis} basis, {self.trajectories} trajectories"
        names = ("population", "time") if self.times.size else ("probability",)
        shown = {name: found[name] for name in names}
        return drawing.draw(title, shown, error=found[f"{names[0]}_error"], ax=ax)

    def variables(self) -> dict[str, Variable]:
        """Return the numbers by name; those along the requested times only if there are any."""
        return {name: v for name, v in super().variables().items() if np.size(v.values)}

    def _attributes(self) -> dict[str, Any]:
        return {
            "problem": self.description,
            "basis": self.basis,
            "trajectories": self.trajectories,
            "seed": self.seed,
            "panels": self.panels,
            "parts": self.parts,
        }


def quantum_jumps(
    hamiltonian: Hamiltonian | Any,
    drive: Drive | npt.ArrayLike,
    environment: Environment,
    *,
    trajectories: int,
    seed: int,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    order: int | None = None,
    times: npt.ArrayLike | None = None,
    tolerance: float = 1e-8,
    breakpoints: npt.ArrayLike | None = None,
    most_jumps: float = MOST_JUMPS,
    progress: bool | Progress = False,
) -> QuantumJumps:
    """Follow state vectors that jump: the Lindblad equation for many levels, N numbers in place N².

    Between jumps i dψ/dt = (H − ½i Σ_k L_k†L_k − ½iΓ) ψ on panels, whose propagators are found
    once for all trajectories: their number does not grow with slowness. A trajectory jumps to
    L_k ψ/‖L_k ψ‖, with a probability in proportion to ‖L_k ψ‖², when ‖ψ‖² has fallen to a number
    drawn between 0 and 1; halves of the panel find that time. Rates in the instantaneous eigenbasis
    are written as jumps there. Averages over trajectories are those of the density matrix.

    Parameters
    ----------
    hamiltonian, drive, basis, order, times, breakpoints
        As of `propagate`, a single parameter point of up to 256 levels.
    environment : Environment
        Of Lindblad form. Where a `Decay` acts a trajectory is lost and ends.
    trajectories : int
        How many, T; standard errors fall as 1/√T.
    seed : int
        Every trajectory has its own stream, which follows from it: the first of more trajectories
        are the same.
    initial : int or array, shape (N,) or (N, N)
        A level, a state vector, or a density matrix to draw from.
    tolerance : float
        Wanted accuracy of probabilities between jumps, 1e-13 to 1e-2.
    most_jumps : float
        More jumps than these of all trajectories are refused before they are followed.
    progress : bool or callable
        As of `propagate`.

    Returns
    -------
    QuantumJumps

    Raises
    ------
    InputError
        For arguments that cannot be used, an environment that is not of Lindblad form, more levels,
        memory or jumps than these, with the numbers.
    ConvergenceError
        If H(x(t)) is not smooth at a time that is not a breakpoint.

    References
    ----------
    J. Dalibard, Y. Castin, K. Mølmer, Phys. Rev. Lett. 68, 580 (1992); R. Dum, P. Zoller,
    H. Ritsch, Phys. Rev. A 45, 4879 (1992).

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-20, 20, rate=0.5)
    >>> bath = ac.ThermalRelaxation(temperature=0.5, t1=30.0)
    >>> found = quantum_jumps(H, sweep, bath, trajectories=400, seed=1)
    >>> exact = ac.propagate(H, sweep, environment=bath).probabilities
    >>> bool(abs(found.probabilities[1] - exact[1]) < 3 * found.probability_errors[1])
    True
    """
    hamiltonian, drive, times = timed(hamiltonian, drive, times)
    check_progress(progress)
    count = integer("trajectories", trajectories, minimum=2, maximum=_MOST_TRAJECTORIES)
    seed = integer("seed", seed, minimum=0)
    instance("environment", environment, Environment)
    hamiltonian, drive = check_single_open(hamiltonian, drive, environment, decays=True)
    levels = hamiltonian.dimension
    if levels > LARGEST_DIMENSION:
        must = f"have at most {LARGEST_DIMENSION} levels for quantum jumps"
        why = "a panel is a dense problem of all levels at each of its nodes"
        raise fail("hamiltonian", must, f"it has {levels}: {why}")
    start = check_initial(levels, initial, True)
    request = Request(
        hamiltonian,
        drive,
        basis=basis,
        order=order,
        times=times,
        tolerance=max(0.1 * check_tolerance(tolerance), 1e-13),
        breakpoints=breakpoints,
        whole=False,
    )
    _check_memory(count, request.shaped_times().shape[-1], levels)
    with shares(progress, "quantum jumps") as tell:
        return _Run(request, environment.flat(()), start, count, seed, most_jumps).result(tell)


def _check_memory(count: int, times: int, levels: int) -> None:
    needed = 16.0 * levels * (count + min(count, _BATCH) * (times + 1))
    needed += 16.0 * (times + 1) * levels**2
    if needed > _MOST_BYTES:
        must = f"be fewer, or less `times`: {_MOST_BYTES / 1e9:g} GB of states are kept at most"
        raise fail("trajectories", must, f"they take {needed / 1e9:.3g} GB")


class _Run:
    """A checked call."""

    def __init__(
        self,
        request: Request,
        environment: Environment,
        start: int | ComplexArray,
        count: int,
        seed: int,
        most_jumps: float,
    ) -> None:
        self.request, self.environment = request, environment
        self.start, self.count, self.seed = start, count, seed
        self.most_jumps = most_jumps

    def result(self, tell: Any) -> QuantumJumps:
        request, lanes = self.request, self.request.lanes
        levels, warnings = lanes.hamiltonian.dimension, list[str]()
        read = readout(request, warnings)
        kernel = amplitude_kernel(self.environment, levels)
        edges = np.linspace(lanes.start[0], lanes.stop[0], _LOOKS + 1)
        self._check_jumps(lanes, edges[:-1], edges[1:])  # before any work
        evolution = panels.solve(
            lanes,
            kernel,
            tolerance=request.panel_tolerance,
            breakpoints=request.breakpoints,
            times=request.times,
        )
        wanted = request.shaped_times()
        ends = np.append(wanted, lanes.stop)
        weights, vectors = self._mixture(read.first[0])
        self._check_jumps(lanes, evolution.pieces.left, evolution.pieces.right)
        logs = carry(lanes, kernel, evolution, vectors.T[None], ends[None]).logs[0, -1]
        log_nothing = float(_log_mean(2 * logs, weights))
        pieces = evolution.pieces
        factors = np.exp(kernel.shifts(pieces.lane, pieces.left, pieces.right))
        between = amplitude_kernel(self.environment, levels, scaled=False)
        whole = pieces.propagator * factors[:, None, None]
        tree = Tree(lanes, between, pieces, whole, request.panel_tolerance)
        here = pieces.right[:, None] == ends  # the last requested time may be the end
        arrive = {int(panel): np.flatnonzero(here[panel]) for panel in np.flatnonzero(here.any(1))}

        rows = dagger(np.concatenate([read.between[0], read.last], axis=0))
        total = np.zeros((ends.size, levels))
        square = np.zeros((ends.size, levels))
        rho = np.zeros((ends.size, levels, levels), dtype=np.complex128)
        final = np.empty((self.count, levels), dtype=np.complex128)
        jumps: list[list[tuple[float, int]]] = []
        lost = 0
        for first in range(0, self.count, _BATCH):
            members = range(first, min(first + _BATCH, self.count))
            streams = [
                np.random.Generator(
                    np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(k,)))
                )
                for k in members
            ]
            chosen = [int(np.searchsorted(np.cumsum(weights), s.random())) for s in streams]
            walkers = Walkers.of(vectors[np.minimum(chosen, len(weights) - 1)], streams)
            seen = np.zeros((len(streams), ends.size, levels), dtype=np.complex128)
            if ends[0] == lanes.start[0]:
                seen[:, 0] = walkers.states
            walk(tree, walkers, arrive, seen)
            found = np.abs(np.einsum("kai,tki->tka", rows, seen)) ** 2
            total += found.sum(axis=0)
            square += (found**2).sum(axis=0)
            rho += np.einsum("tki,tkj->kij", seen, seen.conj())
            final[first : first + len(streams)] = seen[:, -1]
            jumps += walkers.jumps
            lost += int(walkers.lost.sum())
            tell((first + len(streams)) / self.count)
        mean = total / self.count
        spread = np.maximum(square / self.count - mean**2, 0.0)
        errors = np.sqrt(spread / (self.count - 1))
        many = np.array([len(own) for own in jumps], dtype=np.intp)
        if not many.any():
            warnings.append(
                "no trajectory jumped: standard errors know nothing of jumps, whose probability is "
                f"{-np.expm1(log_nothing):.3g}"
            )
        parts = tree.crossed / self.count * request.panel_tolerance
        error = float(2 * (evolution.error[0] + parts))
        survival = 1 - lost / self.count
        when = [time for own in jumps for time, _ in own]
        which = [kind for own in jumps for _, kind in own]
        return QuantumJumps(
            probabilities=mean[-1],
            probability_errors=errors[-1],
            times=wanted,
            populations=mean[:-1],
            population_errors=errors[:-1],
            density_matrix=rho[-1] / self.count,
            density_matrices=rho[:-1] / self.count,
            final_states=final,
            jumps=many,
            jump_times=np.array(when, dtype=np.float64),
            jump_trajectories=np.repeat(np.arange(self.count), many),
            jump_kinds=np.array(which, dtype=np.intp),
            kinds=self._kinds(lanes),
            no_jump_probability=float(np.exp(log_nothing)),
            log_no_jump_probability=log_nothing,
            survival=survival,
            survival_error=float(np.sqrt(survival * (1 - survival) / (self.count - 1))),
            trajectories=self.count,
            seed=self.seed,
            basis=request.basis,
            panels=int(evolution.panels[0]),
            parts=tree.solved,
            error_estimate=min(error, 1.0),
            warnings=(*unreached(np.array([error]), 10 * request.accuracy), *warnings),
            description=f"{request.description} with {self.environment!r}",
            units=lanes.hamiltonian.units,
            dims=lanes.hamiltonian.dims,
        )

    def _mixture(self, first: ComplexArray) -> tuple[FloatArray, ComplexArray]:
        """Return probabilities and states (…, N) that trajectories start in."""
        start = self.start
        if isinstance(start, int):
            return np.ones(1), first[:, start][None]
        if start.ndim == 1:
            return np.ones(1), start[None]
        weights, vectors = np.linalg.eigh(start)
        weights = np.maximum(weights, 0.0)
        return weights / weights.sum(), vectors.T.astype(np.complex128)

    def _check_jumps(self, lanes: Lanes, left: FloatArray, right: FloatArray) -> None:
        """Refuse more jumps than are followed: no state jumps faster than the largest rate."""
        points = left[:, None] + (right - left)[:, None] * ((np.arange(3) + 0.5) / 3)
        _, nodes = liouville.nodes_of(lanes, points, np.zeros(left.size, dtype=np.intp))
        channels = Channels(self.environment, nodes)
        if channels.rates is not None:
            channels.dephasing_roots()  # or it is not of Lindblad form
        loss = channels.loss()
        fastest = np.linalg.eigvalsh(0.5 * (loss + dagger(loss)))[..., -1].mean(axis=-1)
        expected = float(np.sum(fastest * (right - left))) * self.count
        if not expected <= self.most_jumps:
            raise InputError(
                f"Up to {expected:.3g} jumps of {self.count} trajectories would be followed, but "
                f"`most_jumps` is {self.most_jumps:.3g}: give fewer trajectories, a shorter "
                "window, or use `propagate`, whose cost does not grow with them."
            )

    def _kinds(self, lanes: Lanes) -> tuple[str, ...]:
        start = lanes.start[:, None]
        return kinds(self.environment, liouville.nodes_of(lanes, start, np.arange(1))[1])


def _log_mean(logs: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the logarithm of Σ w exp(log)."""
    largest = np.max(logs)
    if not np.isfinite(largest):
        return np.asarray(largest)
    return np.asarray(largest + np.log(np.sum(weights * np.exp(logs - largest))))
