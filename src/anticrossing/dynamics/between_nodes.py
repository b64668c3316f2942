"""How well the nodes of a panel know H: what lies between them, and what rounding leaves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import cancellation, features
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import FunctionHamiltonian, TermHamiltonian

# Rounding of a function's values against its offset, and of a double.
_NOISE, _UNIT = 8e-16, 1.1e-16
_LARGEST_NOISE = 1e-3
# Points of an accepted panel, off its nodes, at which H is compared with the interpolation from the
# nodes: few for formulas, whose features are located; for Python functions as many as they are
# quick. Requested times may cut a window into many panels, each of which has its nodes: functions
# are asked no more often for that.
_FEWEST_PROBES, _MOST_PROBES = 64, 2**13
_FEWEST_ONE_BY_ONE = 8
_PANELS = 16  # of an ordinary window
_PROBES_VECTORISED, _PROBES_ONE_BY_ONE = 2**17, 2**12  # of an ordinary window
_PROBE_ROUNDING = 2e-14  # of interpolation between nodes

_Values = Callable[[FloatArray, npt.NDArray[np.intp]], npt.NDArray[Any] | None]


@dataclass(frozen=True)
class Checks:
    """What is looked at beside the nodes: points between them, and what cancels in formulas."""

    probes: tuple[int, int]
    cancellation: cancellation.Cancellation | None

    @classmethod
    def of(
        cls,
        lanes: Lanes,
        kernel: Kernel,
        lane: npt.NDArray[np.intp],
        left: FloatArray,
        right: FloatArray,
    ) -> Checks:
        times = np.stack([left, 0.5 * (left + right), right], axis=1)
        counts = _probe_counts(lanes, kernel, max(_PANELS, lane.size // lanes.count))
        return cls(counts, cancellation.find(lanes, times, lane))

    def noise(
        self,
        lanes: Lanes,
        kernel: Kernel,
        times: FloatArray,
        lane: npt.NDArray[np.intp],
        half: FloatArray,
    ) -> FloatArray:
        """Return how well H is known on every panel, integrated over it."""
        noise = _noise(lanes, kernel, times, lane, half)
        if self.cancellation is not None:
            noise += half * (self.cancellation.error(times, lane) @ kernel.grid.integral[-1])
        return np.minimum(noise, _LARGEST_NOISE)


def seen(
    lanes: Lanes,
    kernel: Kernel,
    times: FloatArray,
    lane: npt.NDArray[np.intp],
    half: FloatArray,
    tolerance: FloatArray,
    probes: tuple[int, int],
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Whether H and the other driving terms are, off the nodes, what the nodes say.

    A pulse between the nodes of a panel leaves no trace in any number taken at the nodes. Also
    return what is missed between them, integrated over the panel.
    """
    good = np.ones(lane.size, dtype=np.bool_)
    total = np.zeros(lane.size)
    sources: tuple[_Values, _Values] = (
        functools.partial(driving, lanes),
        functools.partial(kernel.scalars, lanes),
    )
    for values, count in zip(sources, probes, strict=True):
        if not count:
            continue
        between, interpolate = probe(kernel.grid.size, count)
        inside = (times[:, :1] + half[:, None]) + half[:, None] * between
        nodes = values(times, lane)
        if nodes is None:
            continue
        found = values(inside, lane)
        assert found is not None
        missed = np.abs(found - interpolate @ nodes)
        largest = np.maximum(np.max(np.abs(nodes), axis=1), np.max(np.abs(found), axis=1))
        allowed = np.maximum(1e2 * tolerance[:, None], 1e-12 * half[:, None] * largest)
        good &= np.all(half[:, None] * np.max(missed, axis=1) <= allowed, axis=-1)
        above = np.maximum(missed - _PROBE_ROUNDING * largest[:, None], 0.0)
        total += 2 * half * np.sum(np.mean(above, axis=1), axis=-1)
    return good, total


def _probe_counts(lanes: Lanes, kernel: Kernel, panels: int) -> tuple[int, int]:
    """Return how many points of a panel to look at, for H and for what else drives the equation.

    A window has so many `panels` to begin with.
    """
    in_h = in_rest = 0
    comb = features.comb_samples(lanes, kernel.formulas) // _PANELS
    if isinstance(lanes.hamiltonian, FunctionHamiltonian):
        per_window, fewest = _PROBES_VECTORISED, _FEWEST_PROBES
        if not lanes.hamiltonian.vectorised:
            per_window = _PROBES_ONE_BY_ONE
            fewest = max(_FEWEST_PROBES * _PANELS // panels, _FEWEST_ONE_BY_ONE)
        in_h = max(per_window // (panels * lanes.count), fewest)
    elif not features.is_plain(lanes):
        in_h = max(_FEWEST_PROBES, comb)
    if kernel.has_functions:
        in_rest = max(_PROBES_VECTORISED // (panels * lanes.count), _FEWEST_PROBES)
    elif kernel.formulas:
        in_rest = max(_FEWEST_PROBES, comb)
    return min(in_h, _MOST_PROBES), min(in_rest, _MOST_PROBES)


def _noise(
    lanes: Lanes, kernel: Kernel, times: FloatArray, lane: npt.NDArray[np.intp], half: FloatArray
) -> FloatArray:
    """Return how well H is known on every panel, given times and positions to rounding."""
    # Near t = 10⁶ a double tells times apart by 10⁻¹⁰: a pulse of width 1 there is known no better,
    # nor what a function returns beside its offset.
    if features.is_plain(lanes) and lanes.breakpoints.shape[1] == 0:
        return np.zeros(lane.size)
    x = lanes.positions(times, lane)
    span = 0.5 * np.max(np.abs(np.diff(x, axis=1)), axis=1) * kernel.grid.size
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shift = np.where(half > 0, np.max(np.abs(times), axis=1) / half, 0.0)
        moved = np.where(span > 0, np.max(np.abs(x), axis=1) / span, 0.0)
    shift = _UNIT * np.minimum(np.maximum(shift, moved), 1 / _UNIT)
    values = driving(lanes, times, lane)
    change = np.max(np.abs(np.diff(values, axis=1)), axis=1).max(axis=-1)
    noise = kernel.grid.size * shift * half * change
    if lanes.is_function:
        offset = np.max(np.abs(lanes.offset(times, lane)), axis=1)
        noise = np.maximum(noise, _NOISE * half * offset)
    return np.asarray(np.where(np.isfinite(noise), noise, 0.0))


def driving(lanes: Lanes, times: FloatArray, lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Return what varies in H, (P, n, K): the coefficients of its terms, or all of its elements."""
    if isinstance(lanes.hamiltonian, TermHamiltonian):
        return lanes.coefficients(times, lane)
    values = lanes.traceless(times, lane)
    return values.reshape(*values.shape[:2], -1)


@functools.cache
def probe(nodes: int, count: int) -> tuple[FloatArray, FloatArray]:
    """Return points between the nodes, evenly spread but in no step, and what interpolates there.

    Points in step with a periodic function would see a single phase.
    """
    shift = (np.arange(count) * 0.6180339887498949) % 1.0
    points = -1 + 2 * (np.arange(count) + 0.1 + 0.8 * shift) / count
    chebyshev = np.polynomial.chebyshev.chebvander(points, nodes - 1)
    return points, chebyshev @ grid(nodes).to_coefficients
