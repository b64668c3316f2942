"""One period of a periodic drive: its length, exact propagators within it, and averages over it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import ConvergenceError, FloatArray, fail, positive, real_array
from anticrossing.drive import Drive, FormulaDrive
from anticrossing.dynamics import panels
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution
from anticrossing.hamiltonian import Hamiltonian

_NODES = 16  # Gauss–Legendre nodes of one piece of an average
_MOST_NODES = 2**16


@dataclasses.dataclass(frozen=True)
class Period:
    """H(x(t)) of every parameter point over one period from the start of the drive's window.

    Attributes
    ----------
    lanes : Lanes
        Their windows are one period long.
    breakpoints : array, shape (k,)
        Times within the period at which the drive is not smooth.
    """

    lanes: Lanes
    breakpoints: FloatArray

    @classmethod
    def of(
        cls,
        hamiltonian: Hamiltonian,
        drive: Drive,
        period: npt.ArrayLike | None,
        batch_shape: tuple[int, ...] = (),
    ) -> Period:
        """Find the period of checked arguments, or raise `InputError`."""
        length = _length(drive, period)
        try:
            batch = np.broadcast_shapes(batch_shape, length.shape)
            lanes = Lanes.of(hamiltonian, drive, batch)
        except ValueError:
            raise fail(
                "period",
                "broadcast against the Hamiltonian and the drive",
                f"its shape is {length.shape}",
            ) from None
        start = lanes.start
        stop = start + np.broadcast_to(length, lanes.batch_shape).reshape(-1)
        lanes = dataclasses.replace(lanes, stop=stop)
        if period is not None:
            _check_repeats(drive, lanes)
        return cls(lanes, drive.breakpoints)

    @property
    def length(self) -> FloatArray:
        """The period of every lane."""
        return self.lanes.stop - self.lanes.start

    @property
    def frequency(self) -> FloatArray:
        """ω = 2π over the period, of every lane."""
        return 2 * np.pi / self.length

    def solve(self, kernel: Kernel, tolerance: float, times: FloatArray | None = None) -> Evolution:
        """Propagate over the period, with snapshots at `times` (lanes, K)."""
        return panels.solve(
            self.lanes,
            kernel,
            tolerance=max(0.02 * tolerance, panels.SMALLEST_TOLERANCE),
            times=times,
        )

    def average(
        self, values: Callable[[FloatArray], npt.NDArray[Any]], tolerance: float
    ) -> npt.NDArray[Any]:
        """Return the mean over the period of `values(times)`, (lanes, K) → (lanes, K, ...).

        Gauss's rule on pieces between breakpoints, halved until the mean stands still and no jump,
        such as eigenstates make at a narrow crossing, hides between the nodes.
        """
        pieces = 1
        before: npt.NDArray[Any] | None = None
        while True:
            times, weights = self._rule(pieces)
            found = values(times)
            mean = np.einsum("pk,pk...->p...", weights, found)
            scale = max(1.0, float(np.max(np.abs(found))))
            settled = before is not None and np.max(np.abs(mean - before)) <= tolerance * scale
            if settled and _hidden(found, weights, pieces) <= tolerance * scale:
                return np.asarray(mean)
            before = mean
            pieces *= 2
            if times.shape[1] * 2 > _MOST_NODES:
                raise ConvergenceError(
                    f"The average over a period does not settle with {times.shape[1]} points: the "
                    "drive is very slow against the splittings, passes a crossing far narrower "
                    "than its amplitude, or is not smooth at a time that is not a breakpoint."
                )

    def _rule(self, pieces: int) -> tuple[FloatArray, FloatArray]:
        """Return times (lanes, K) and weights that add up to 1 for each lane."""
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        start, stop = self.lanes.start[:, None], self.lanes.stop[:, None]
        inner = np.broadcast_to(self.breakpoints, (self.lanes.count, self.breakpoints.size))
        edges = np.concatenate([start, np.clip(inner, start, stop), stop], axis=1)
        fine = np.arange(pieces) / pieces
        left = (edges[:, :-1, None] + np.diff(edges)[..., None] * fine).reshape(start.shape[0], -1)
        width = np.repeat(np.diff(edges) / pieces, pieces, axis=1)
        times = left[..., None] + 0.5 * width[..., None] * (1 + nodes)
        share = 0.5 * width[..., None] * weights / (stop - start)[..., None]
        # A breakpoint at or beyond the end of the period leaves an empty piece, whose nodes
        # coincide and weigh nothing.
        filled = np.any(width > 0, axis=0)
        shape = (start.shape[0], -1)
        return times[:, filled].reshape(shape), share[:, filled].reshape(shape)


def _hidden(values: npt.NDArray[Any], weights: FloatArray, pieces: int) -> float:
    """Return how much of a mean a jump of `values` between neighbouring pieces may take away.

    The polynomials of both pieces are continued to their common edge; what they differ by there
    may belong to either side as far as the next node.
    """
    degrees = _NODES - 1
    nodes = np.polynomial.legendre.leggauss(_NODES)[0]
    to_edges = np.polynomial.legendre.legvander(np.array([-1.0, 1.0]), degrees) @ np.linalg.inv(
        np.polynomial.legendre.legvander(nodes, degrees)
    )
    lanes = values.shape[0]
    # The values may jump at breakpoints, which separate the groups of pieces.
    parts = values.reshape(lanes, -1, pieces, _NODES, int(np.prod(values.shape[2:])))
    left, right = np.moveaxis(np.einsum("en,pgkni->pgkei", to_edges, parts), 3, 0)
    share = weights.reshape(lanes, -1, pieces, _NODES)[..., 0]
    apart = np.abs(left[:, :, 1:] - right[:, :, :-1]).max(axis=-1, initial=0.0)
    return float(np.max(np.sum(share[:, :, 1:] * apart, axis=(1, 2)), initial=0.0))


def _length(drive: Drive, period: npt.ArrayLike | None) -> FloatArray:
    sinusoidal = isinstance(drive, FormulaDrive) and drive.name == "Sinusoidal"
    if period is None:
        if not sinusoidal:
            raise fail("period", "be given for this drive", f"only Sinusoidal states it: {drive!r}")
        return np.asarray(2 * np.pi / drive.parameters["frequency"])
    if sinusoidal:
        raise fail("period", "not be given for a sinusoidal drive", "its frequency sets it")
    return positive("period", period)


def _check_repeats(drive: Drive, lanes: Lanes) -> None:
    """Raise `InputError` unless the window holds a period after which H starts again."""
    window = np.broadcast_to(drive.stop_time, lanes.batch_shape).reshape(-1)
    slack = 1e-9 * (lanes.stop - lanes.start)
    if np.any(lanes.stop > window + slack):
        raise fail(
            "period",
            "fit into the window of the drive",
            f"the window is {(window - lanes.start).min():.6g} long",
        )
    ends = np.stack([lanes.start, lanes.stop], axis=1)
    first, last = np.moveaxis(lanes.matrices(ends, np.arange(lanes.count)), 1, 0)
    apart = np.max(np.abs(last - first), axis=(-2, -1))
    if np.any(apart > 1e-9 * np.max(np.abs(first), axis=(-2, -1))):
        raise fail(
            "period",
            "bring H(x(t)) back to where it started",
            f"it ends {apart.max():.3g} away",
        )


def fold(q: FloatArray, omega: FloatArray) -> FloatArray:
    """Return q modulo ω in (−ω/2, ω/2]."""
    return np.asarray(q - omega * np.ceil(q / omega - 0.5))


def check_times(period: Period, times: npt.ArrayLike) -> FloatArray:
    """Return times (lanes, K) within the first period, or raise `InputError`."""
    wanted = np.atleast_1d(real_array("times", times))
    lanes = period.lanes
    try:
        wanted = np.broadcast_to(wanted, (*lanes.batch_shape, wanted.shape[-1]))
    except ValueError:
        raise fail(
            "times",
            f"have shape (K,) or {lanes.batch_shape} + (K,)",
            f"its shape is {wanted.shape}",
        ) from None
    flat = wanted.reshape(lanes.count, -1)
    if np.any(np.diff(flat, axis=-1) <= 0):
        raise fail("times", "increase strictly", "they do not")
    if np.any(flat < lanes.start[:, None]) or np.any(flat > lanes.stop[:, None]):
        raise fail(
            "times",
            f"lie within one period, [{lanes.start.max():.6g}, {lanes.stop.min():.6g}]",
            f"they run from {flat.min():.6g} to {flat.max():.6g}",
        )
    return flat
