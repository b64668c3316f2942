"""Whether a propagation is converged: the same once more with everything refined in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray, describe, fail, positive, real_number
from anticrossing.dynamics.wavepacket.absorber import Absorber
from anticrossing.dynamics.wavepacket.grid import Grid
from anticrossing.dynamics.wavepacket.packets import WavePacket
from anticrossing.dynamics.wavepacket.propagation import Progress, check_progress, propagate_packet
from anticrossing.dynamics.wavepacket.result import WavePacketPropagation, dividing_position
from anticrossing.hamiltonian import Hamiltonian

_SAMPLES = 21
_LARGEST_FRACTION = 10.0


@dataclass(frozen=True, eq=False)
class ConvergenceReport:
    """How much the probabilities change (see `check_convergence`).

    Attributes
    ----------
    changes : dict of str to float
        The largest change by each refinement: "step", "spacing", "box", "absorber".
    tolerance : float
    probabilities : array
        Those of the unrefined run: of each adiabatic state, on the grid or absorbed; with a
        dividing position on each side of it.
    """

    changes: dict[str, float]
    tolerance: float
    probabilities: FloatArray

    @property
    def converged(self) -> bool:
        """Whether no change exceeds the tolerance."""
        return max(self.changes.values()) <= self.tolerance

    def __str__(self) -> str:
        verdict = "converged" if self.converged else "not converged"
        lines = [f"Wave packet {verdict} to {self.tolerance:.1g}"]
        texts = {
            "step": "half the time step",
            "spacing": "half the spacing",
            "box": "a larger box",
            "absorber": "wider absorbing layers",
        }
        lines += [f"  {texts[key]:<24} {value:.1e}" for key, value in self.changes.items()]
        return "\n".join(lines)


def check_convergence(
    hamiltonian: Hamiltonian,
    grid: Grid,
    masses: npt.ArrayLike,
    initial: WavePacket,
    *,
    stop: float,
    step: float,
    order: int = 2,
    absorber: Absorber | None = None,
    divide: float | None = None,
    fraction: float = 0.25,
    tolerance: float = 1e-4,
    progress: Progress | None = None,
) -> ConvergenceReport:
    """Repeat a propagation with half the step, half the spacing, a larger box, a wider absorber.

    The price is about six times that of the run in one coordinate, eight in two. What the box cuts
    off shows only if the packet can come back from there; what it must not touch is an error
    anyway.

    Parameters
    ----------
    hamiltonian, grid, masses, initial, stop, step, order, absorber
        As for `propagate_packet`.
    divide : float, optional
        In one coordinate: compare the probabilities on either side of this position, reflected and
        transmitted.
    fraction : float
        By how much of its length the box is extended at each end of an "fft" coordinate, and the
        absorber widened (the box with it).
    tolerance : float
        What counts as converged.
    progress : callable, optional
        Called as ``progress(done, all)`` with the recorded times of all runs.

    Returns
    -------
    ConvergenceReport

    Raises
    ------
    InputError, ConvergenceError
        As `propagate_packet`.

    Examples
    --------
    >>> from anticrossing import models
    >>> report = check_convergence(
    ...     models.TullySimple(), Grid(-20.0, 22.0, 512), 2000.0,
    ...     WavePacket(centre=-12.0, momentum=20.0, width=1.0), stop=2400.0, step=2.0, divide=0.0,
    ... )
    >>> report.converged, list(report.changes)
    (True, ['step', 'spacing', 'box'])
    """
    if not isinstance(initial, WavePacket):
        raise fail(
            "initial", "be a WavePacket, which can be put on any grid", f"it is {describe(initial)}"
        )
    if not isinstance(grid, Grid):
        raise fail("grid", "be a Grid", f"it is {describe(grid)}")
    if absorber is not None and not isinstance(absorber, Absorber):
        raise fail("absorber", "be an Absorber", f"it is {describe(absorber)}")
    more = float(positive("fraction", real_number("fraction", fraction)))
    if more > _LARGEST_FRACTION:
        raise fail("fraction", f"be at most {_LARGEST_FRACTION:g}", f"it is {more:g}")
    allowed = float(positive("tolerance", real_number("tolerance", tolerance)))
    h = float(positive("step", real_number("step", step)))
    if divide is not None:
        dividing_position(grid, divide)

    check_progress(progress)
    boxes = {"spacing": (grid.refined(2), absorber)}
    if "fft" in grid.bases:
        boxes["box"] = (grid.extended(more), absorber)
    if absorber is not None:
        # The room between the layers must not shrink.
        share = float(np.max(absorber.width) / np.min(grid.stop - grid.start))
        boxes["absorber"] = (grid.extended(more * share), Absorber((1 + more) * absorber.width))
    intervals, finished = _SAMPLES - 1, 0
    total = (2 + len(boxes)) * intervals

    def run(box: Grid, layers: Absorber | None, step: float) -> tuple[FloatArray, float]:
        nonlocal finished
        before = finished
        result = propagate_packet(
            hamiltonian,
            box,
            masses,
            initial,
            stop=stop,
            step=step,
            order=order,
            samples=_SAMPLES,
            absorber=layers,
            progress=None if progress is None else lambda k, _: progress(before + k, total),
        )
        finished += intervals
        return _probabilities(result, divide), result.step

    reference, h = run(grid, absorber, h)  # with the step that it really took
    runs = {"step": run(grid, absorber, h / 2)}
    runs |= {key: run(box, layers, h) for key, (box, layers) in boxes.items()}
    changes = {key: float(np.abs(found - reference).max()) for key, (found, _) in runs.items()}
    return ConvergenceReport(changes, allowed, reference)


def _probabilities(result: WavePacketPropagation, divide: float | None) -> FloatArray:
    if divide is not None:
        return result.channels(divide)
    return np.asarray(result.populations[-1] + result.absorbed[-1].sum(axis=0))
