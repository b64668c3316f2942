"""Density matrices followed directly, by products of N×N matrices: no generator of N⁴ numbers.

Where the window is not long, one state, or a basis of all of them, is carried from panel to panel:
on the Chebyshev nodes of a panel, in the eigenframe of H at its middle with the phases of the
levels taken out, the Lindblad equation is solved by Picard iteration of its integral. The cost
grows with the phases that the states run through, and with N³ for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing._core.threads import one_thread
from anticrossing.dynamics import between_nodes, features, liouville, steps
from anticrossing.dynamics._stacks import MOST_PICARD, along_nodes
from anticrossing.dynamics.between_nodes import Checks
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.open_kernels import SuperoperatorKernel
from anticrossing.environment import EigenRates, Environment, Nodes

METHOD = "density matrices"
LARGEST_DIMENSION = 256
_LARGEST_SPREAD = 15.0  # phases between levels that the nodes of one panel resolve
_USUAL_SPREAD, _USUAL_DECAY = 12.0, 5.0  # of one panel: they set the width of the next
_MOST_PANELS = 300_000
_SAMPLES = 33  # of the window, for an estimate of the work
_UNIT = 2.3e-16
# Seconds on one core, measured. A panel on which M states are followed: _OVERHEAD + _STATE N³ M;
# one on which the map of all is found: _MAP_OVERHEAD + _MAP N⁶, and a usual window needs
# _MAP_PANELS of these at any slowness. Many parameter points share that overhead.
_OVERHEAD, _STATE = 2.5e-3, 4e-6
_MAP_OVERHEAD, _MAP, _MAP_PANELS, _MOST_SHARING = 5e-3, 4e-6, 33, 8
# Of a map by doubled steps: before they begin, with N⁴, and for the root of the phase, with N².
_DOUBLED, _DOUBLED_SQUARE, _TURN, _TURN_NUMBER = 6e-3, 2e-5, 3e-5, 4.8e-6
# The compiled panels of two levels: a lane, and every time at which one has to end.
_BLOCH, _BLOCH_PANEL = 3e-3, 4e-5
# Of a few levels, by Taylor series: a lane, and a product of the generator's terms with M states.
_LANE, _PRODUCT, _ELEMENT, _ORDERS_PER_RADIAN = 1.5e-3, 5e-8, 3e-10, 5.0
_TERMS, _TERMS_EIGENBASIS, _PANELS_EIGENBASIS = 2, 14, 10
# Rates of the eigenbasis need all elements of the generator on some twenty panels.
_MESH, _MESH_ELEMENTS, _MESH_OF_TWO = 0.03, 320, 8e-3


@dataclass(frozen=True)
class Densities:
    """M matrices of every lane at the requested times and, last, at the end.

    `states` has the shape (lanes, K + 1, M, N, N); `error` bounds what any combination of them with
    coefficients of norm 1 misses, in the Hilbert–Schmidt norm.
    """

    states: ComplexArray
    error: FloatArray
    phase: FloatArray
    panels: npt.NDArray[np.intp]
    evaluated: int
    method: str = METHOD
    warnings: tuple[str, ...] = ()
    by_steps: bool = True


def is_cheaper(
    work: Work, levels: int, states: int, doubles: Callable[[], bool] = lambda: False
) -> bool:
    """Whether so many states are followed sooner than the map of all of them is found.

    `doubles` is asked whether that goes by doubled steps, if it matters.
    """
    lanes, panels = work.panels.size, max(_MAP_PANELS, work.pieces)
    if levels == 2:
        return bool(np.sum(_seconds(work, 2, states)) < lanes * (_BLOCH + _BLOCH_PANEL * panels))
    seconds = np.sum(_seconds(work, levels, states))
    once, each = _DOUBLED + _DOUBLED_SQUARE * levels**4, _TURN + _TURN_NUMBER * levels**2
    # Rates of the eigenbasis are no polynomials that a single panel resolves.
    cuts = work.pieces if work.terms == _TERMS else max(work.pieces, _PANELS_EIGENBASIS)
    doubled = np.sum(once * cuts + each * np.sqrt(work.phase))
    if doubled < seconds and doubles():
        return False
    overhead = _MAP_OVERHEAD / min(lanes * panels / _MAP_PANELS, _MOST_SHARING)
    every = lanes * panels * (overhead + _MAP * levels**6)
    return bool(seconds < every)


@dataclass(frozen=True)
class Work:
    """What following one state takes, about: panels (lanes,), and products for each of its terms.

    Where rates belong to the eigenbasis, the generator is no sum of a few terms. `pieces` are the
    parts into which requested times cut the windows: panels end there, steps do not.
    """

    panels: FloatArray
    terms: int
    pieces: int = 1

    @property
    def phase(self) -> FloatArray:
        """The norm of the generator times the window, nearly."""
        return np.asarray(_USUAL_SPREAD * self.panels)

    @classmethod
    def of(cls, lanes: Lanes, environment: Environment, times: FloatArray | None = None) -> Work:
        """Estimate it from H and the rates at a few places, for requested `times` (lanes, k)."""
        fraction = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        places = lanes.start[:, None] + (lanes.stop - lanes.start)[:, None] * fraction
        _, nodes = liouville.nodes_of(lanes, places, np.arange(lanes.count))
        spread = nodes.angular * (nodes.energies[..., -1] - nodes.energies[..., 0])
        per_time = np.maximum(spread / _USUAL_SPREAD, decay(environment, nodes) / _USUAL_DECAY)
        panels = 1 + (lanes.stop - lanes.start) * np.mean(per_time, axis=1)
        pieces = 1 if times is None else times.shape[1] + 1
        few = environment.eigen_rates(nodes) is None and environment.superoperator(nodes) is None
        return cls(np.asarray(panels), _TERMS if few else _TERMS_EIGENBASIS, pieces)


def decay(environment: Environment, nodes: Nodes) -> FloatArray:
    """Return what an environment does per time at the nodes (...), about."""
    found = np.zeros(nodes.t.shape)
    rates = environment.eigen_rates(nodes)
    if rates is not None:
        found += np.max(np.abs(rates.coherence), axis=(-2, -1))
        found += np.max(np.abs(rates.transfer), axis=(-2, -1))
    for jump in environment.jump_operators(nodes):
        found += np.sum(np.abs(jump) ** 2, axis=(-2, -1))
    rest = environment.superoperator(nodes)
    if rest is not None:
        found += np.max(np.abs(rest), axis=(-2, -1))
    return found


def _seconds(work: Work, levels: int, states: int) -> FloatArray:
    """Return what every lane costs, about."""
    products = _by_products(work, levels, states)
    return np.minimum(products, _by_steps(work, levels, states))


def _by_products(work: Work, levels: int, states: int) -> FloatArray:
    """Return what every lane costs by products of N×N matrices."""
    panels = np.maximum(work.panels, work.pieces)
    return np.asarray(panels * (_OVERHEAD + _STATE * levels**3 * states))


def _by_steps(work: Work, levels: int, states: int) -> FloatArray:
    """Return what every lane costs by Taylor series of the generator."""
    if levels > steps.LARGEST_DIMENSION:
        return np.full(work.panels.size, np.inf)
    order = work.terms * (_PRODUCT + _ELEMENT * levels**4 * states)
    once = _LANE
    if work.terms != _TERMS:
        once = _MESH_OF_TWO if levels == 2 else _MESH * (1 + levels**4 / _MESH_ELEMENTS)
    return np.asarray(once + _ORDERS_PER_RADIAN * order * work.phase)


def follow(
    lanes: Lanes,
    environment: Environment,
    initial: ComplexArray,
    *,
    work: Work,
    tolerance: float,
    breakpoints: FloatArray | None,
    times: FloatArray | None,
) -> Densities:
    """Carry Hermitian matrices `initial` (lanes, M, N, N), in the basis of H, across the windows.

    The environment's parameters are flat, as its kernels have them. `work` is what it takes;
    `tolerance` bounds what one panel neglects; `breakpoints` and `times` (lanes, k) are where
    panels must end and where the state is wanted.
    """
    levels, expected = lanes.hamiltonian.dimension, work.panels
    if not np.all(expected < _MOST_PANELS):
        seconds = np.sum(_seconds(work, levels, initial.shape[1]))
        raise ConvergenceError(
            f"One density matrix of {levels} levels would need some {np.max(expected):.1g} panels "
            f"and {seconds:.1g} s: its phases are followed one by one. Give a shorter window, or "
            "at most 12 levels with `whole=True`, where the cost does not grow with slowness."
        )
    states = initial.shape[1]
    if np.sum(_by_steps(work, levels, states)) < np.sum(_by_products(work, levels, states)):
        few = steps.follow(
            lanes,
            environment,
            initial,
            tolerance=tolerance,
            phase=work.phase,
            breakpoints=breakpoints,
            times=times,
        )
        return Densities(few.states, few.error, work.phase, few.panels, few.evaluated)
    kernel = SuperoperatorKernel(environment, levels)
    wanted = np.empty((lanes.count, 0)) if times is None else times
    given = (lanes.breakpoints, breakpoints, wanted, features.find(lanes, kernel.formulas))
    cuts = np.concatenate([times for times in given if times is not None], axis=1)
    found = Densities(
        np.empty((lanes.count, wanted.shape[1] + 1, *initial.shape[1:]), dtype=np.complex128),
        np.zeros(lanes.count),
        np.zeros(lanes.count),
        np.zeros(lanes.count, dtype=np.intp),
        0,
    )
    evaluated = 0
    with one_thread:
        for k in range(lanes.count):
            one = _Walk(lanes, kernel, k, tolerance)
            inside = cuts[k][(cuts[k] > lanes.start[k]) & (cuts[k] < lanes.stop[k])]
            rho = initial[k]
            found.states[k, :-1][wanted[k] == lanes.start[k]] = rho
            width = float(lanes.stop[k] - lanes.start[k]) / expected[k]
            left = lanes.start[k]
            for right in np.append(np.unique(inside), lanes.stop[k]):
                rho, width = one.to(left, right, rho, width)
                found.states[k, :-1][wanted[k] == right] = rho
                left = right
            found.states[k, -1] = rho
            found.error[k], found.phase[k], found.panels[k] = one.error, one.phase, one.panels
            evaluated += one.evaluated
    rounding = _UNIT * (2 * found.phase + 4 * levels * found.panels)
    return Densities(found.states, found.error + rounding, found.phase, found.panels, evaluated)


class _Walk:
    """The panels of one lane, one after the other."""

    def __init__(
        self, lanes: Lanes, kernel: SuperoperatorKernel, lane: int, tolerance: float
    ) -> None:
        self.lanes, self.kernel, self.tolerance = lanes, kernel, tolerance
        self.lane = np.array([lane])
        left, right = lanes.start[self.lane], lanes.stop[self.lane]
        self.checks = Checks.of(lanes, kernel, self.lane, left, right)
        self.error = self.phase = 0.0
        self.panels = self.evaluated = 0

    def to(
        self, left: float, right: float, rho: ComplexArray, width: float
    ) -> tuple[ComplexArray, float]:
        """Return the state at `right`, and a width for the next panel."""
        while left < right:
            # What is left over is shared: no sliver at the end.
            parts = max(1, int(np.ceil((right - left) / width - 1e-9)))
            stop = right if parts == 1 else left + (right - left) / parts
            self.evaluated += 1
            solved, factor = self._panel(left, stop, rho)
            if solved is None:
                width = 0.5 * (stop - left)
                if not left < left + 0.5 * width < stop or self.evaluated > 10 * _MOST_PANELS:
                    raise ConvergenceError(
                        f"The evolution is not smooth near t = {left:.9g}: give that time as a "
                        "breakpoint, or a larger tolerance."
                    )
                continue
            self.panels += 1
            width, rho, left = factor * (stop - left), solved, stop
        return rho, width

    def _panel(
        self, left: float, right: float, rho: ComplexArray
    ) -> tuple[ComplexArray | None, float]:
        """Return the state at the end of a panel, or None, and how much wider the next may be."""
        grid, lanes, lane = self.kernel.grid, self.lanes, self.lane
        half = np.array([0.5 * (right - left)])
        times = (left + half)[:, None] + half[:, None] * grid.nodes
        times[:, 0], times[:, -1] = left, right
        matrices, nodes = liouville.nodes_of(lanes, times, lane)
        frame = nodes.vectors[0, grid.size // 2]
        h = half[0] * (dagger(frame) @ matrices[0] @ frame)
        energies = np.einsum("nii->ni", h).real
        angles = grid.integral @ energies
        phase = float(np.max(angles[-1]) - np.min(angles[-1]))
        spread = 2 * float(np.max(np.max(energies, axis=1) - np.min(energies, axis=1)))
        noise = self.checks.noise(lanes, self.kernel, times, lane, half)
        allowed = max(self.tolerance, float(noise[0]))
        tail = np.max(np.abs(grid.tail @ h.reshape(grid.size, -1)))
        if spread > _LARGEST_SPREAD or tail > max(allowed, 4e-15 * np.max(np.abs(h))):
            return None, 0.5
        environment = self.kernel.environment
        rates = environment.eigen_rates(nodes)
        jumps = [
            np.sqrt(half[0]) * (dagger(frame) @ jump[0] @ frame)
            for jump in environment.jump_operators(nodes)
        ]
        scaled = None
        if rates is not None:
            scaled = EigenRates(half[0] * rates.coherence[0], half[0] * rates.transfer[0])
        rest = environment.superoperator(nodes)
        if rest is not None:
            rest = half[0] * liouville.in_basis(rest[0], dagger(frame))
        slope = _Slope(h, angles, scaled, dagger(frame) @ nodes.vectors[0], jumps, rest)
        inside, missed = self._iterate(slope, dagger(frame) @ rho @ frame, allowed)
        if inside is None:
            return None, 0.5
        if any(self.checks.probes):
            seen, between = between_nodes.seen(
                lanes, self.kernel, times, lane, half, np.array([allowed]), self.checks.probes
            )
            if not seen[0]:
                return None, 0.5
            missed += float(between[0])
        missed += float(self.kernel.unresolved(lanes, times, lane, half, matrices)[0])
        found = frame @ inside @ dagger(frame)
        clean = hermitian_part(found)
        excess = (clean - rho).trace(axis1=-2, axis2=-1).real / rho.shape[-1]
        clean -= excess[:, None, None] * np.eye(rho.shape[-1])
        self.error += missed + float(np.linalg.norm(found - clean)) + float(noise[0])
        self.phase += phase
        return clean, min(2.0, _USUAL_SPREAD / max(spread, 1e-9))

    def _iterate(
        self, slope: _Slope, start: ComplexArray, allowed: float
    ) -> tuple[ComplexArray | None, float]:
        """Return the solution of the integral equation at the end, and what it may miss."""
        grid = self.kernel.grid
        # Rows of all matrices side by side, (n, N, M, N): one product a node, whatever M.
        first = np.moveaxis(start, 0, 1)
        y = np.broadcast_to(first, (grid.size, *first.shape)).astype(np.complex128)
        before = np.inf
        for _ in range(MOST_PICARD):
            change_rate = slope(y)
            new = first + _along(grid.integral, change_rate)
            change = _largest_norm(new - y)
            y = new
            if change < 0.1 * allowed:
                tail = _largest_norm(_along(grid.tail, y))
                # Of the slope, whose coefficients say more where a rate is not smooth.
                beyond = _largest_norm(_along(grid.tail, change_rate))
                missed = np.sqrt(start.shape[-1]) * (beyond + change)
                end = np.moveaxis(slope.turn[-1].conj() * y[-1], 1, 0)
                return (end, missed) if tail <= allowed else (None, missed)
            # A panel with too much decay or coupling grows first: halves are quicker than that.
            if not change < max(before, 100.0):
                return None, np.inf
            before = change
        return None, np.inf


def _along(matrix: FloatArray, y: ComplexArray) -> ComplexArray:
    """Apply a matrix along the nodes of (n, N, M, N)."""
    flat = along_nodes(matrix, y.reshape(1, y.shape[0], -1, y.shape[-1]))[0]
    return np.asarray(flat.reshape(-1, *y.shape[1:]))


def _largest_norm(y: ComplexArray) -> float:
    """Return the largest norm over the nodes, of all matrices together."""
    return float(np.max(np.linalg.norm(y.reshape(y.shape[0], -1), axis=1)))


class _Slope:
    """dρ/dτ at the nodes, in the middle frame with the phases of the levels taken out.

    The matrices come as (n, N, M, N), a row of each side by side.
    """

    def __init__(
        self,
        h: ComplexArray,
        angles: FloatArray,
        rates: EigenRates | None,
        eigenbasis: ComplexArray,
        jumps: list[ComplexArray],
        rest: ComplexArray | None,
    ) -> None:
        turn = np.exp(1j * angles)
        self.turn = turn[:, :, None, None] * turn[:, None, None, :].conj()
        left = -1j * h
        np.einsum("nii->ni", left)[...] = 0.0
        for jump in jumps:
            left = left - 0.5 * dagger(jump) @ jump
        self.left, self.jumps = left, jumps
        self.rates, self.eigenbasis, self.rest = rates, eigenbasis, rest

    def __call__(self, y: ComplexArray) -> ComplexArray:
        rho = self.turn.conj() * y
        product = _from_left(self.left, rho)
        total = product + product.swapaxes(1, 3).conj()  # ρ is Hermitian
        for jump in self.jumps:
            total += _sandwich(jump, rho)
        if self.rates is not None:
            inside = _sandwich(dagger(self.eigenbasis), rho)
            change = -self.rates.coherence[:, :, None] * inside
            diagonal = np.einsum("nimi->nim", change)
            diagonal += self.rates.transfer @ np.einsum("nimi->nim", inside)
            total += _sandwich(self.eigenbasis, change)
        if self.rest is not None:
            n, levels, states, _ = rho.shape
            flat = rho.swapaxes(2, 3).reshape(n, levels**2, states)
            total += (self.rest @ flat).reshape(n, levels, levels, states).swapaxes(2, 3)
        return np.asarray(self.turn * total)


def _from_left(a: ComplexArray, rho: ComplexArray) -> ComplexArray:
    """Return a ρ for matrices a (n, N, N) and ρ (n, N, M, N)."""
    return np.asarray((a @ rho.reshape(*rho.shape[:2], -1)).reshape(rho.shape))


def _sandwich(a: ComplexArray, rho: ComplexArray) -> ComplexArray:
    """Return a ρ a†."""
    left = _from_left(a, rho)
    right = left.reshape(left.shape[0], -1, left.shape[-1]) @ dagger(a)
    return np.asarray(right.reshape(rho.shape))
