"""Whether a propagation is converged: the same once more with everything refined in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    InputError,
    at_most,
    positive_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.absorber import Absorber, make_layers
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.limits import reach
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.propagation import propagate_packet
from anticrossing.molecules.packets.result import WavePacketPropagation, dividing_position

_SAMPLES = 21
_LARGEST_FRACTION = 10.0
REFINEMENTS = {
    "step": "half the time step",
    "spacing": "half the spacing",
    "box": "a larger box",
    "absorber": "wider absorbing layers",
}
"""What is refined, in words."""


@dataclass(frozen=True, eq=False)
class ConvergenceReport(Result):
    """How much the probabilities change (see `check_convergence`).

    Attributes
    ----------
    changes : dict of str to float
        The largest change by each refinement: "step", "spacing", "box" (where the box can be
        extended), "absorber".
    failures : dict of str to str
        The refinements with which the run ended with an error, and its text: nothing is known
        about these.
    tolerance : float
    probabilities : array
        Of the unrefined run: of each adiabatic state, on the grid or absorbed; with a dividing
        position on each side.
    """

    _variables: ClassVar = {
        "converged": shown(text="whether no change exceeds the tolerance"),
        "tolerance": shown(text="what counts as converged"),
        "largest_change": shown(text="largest change of a probability"),
    }

    changes: Mapping[str, float]
    failures: Mapping[str, str]
    tolerance: float
    probabilities: FloatArray

    @property
    def converged(self) -> bool:
        """Whether every repeat could be run and no change exceeds the tolerance."""
        return not self.failures and self.largest_change <= self.tolerance

    @property
    def largest_change(self) -> float:
        """The largest change of a probability by any refinement that could be run."""
        return max(self.changes.values(), default=math.nan)

    def variables(self) -> dict[str, Variable]:
        """Return the verdict, and the change by each refinement (NaN where it failed)."""
        names = [*self.changes, *self.failures]
        changes = np.array([self.changes.get(name, np.nan) for name in names])
        dims = ("side", "state")[-self.probabilities.ndim :]
        return {
            **super().variables(),
            "refinement": Variable(("refinement",), np.array(names, dtype=np.str_), "what changed"),
            "change": Variable(("refinement",), changes, "largest change of a probability"),
            "probability": Variable(dims, self.probabilities, "of the run that is not refined"),
        }

    def notes(self) -> tuple[str, ...]:
        """Return the refinements that failed, and why."""
        return tuple(f"{REFINEMENTS[key]}: {text}" for key, text in self.failures.items())

    def __str__(self) -> str:
        verdict = "converged" if self.converged else "not converged"
        lines = [f"Wave packet {verdict} to {self.tolerance:.1g}"]
        lines += [f"  {REFINEMENTS[key]:<24} {value:.1e}" for key, value in self.changes.items()]
        lines += [f"  {REFINEMENTS[key]:<24} failed: {text}" for key, text in self.failures.items()]
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
    progress: Callable[[int, int], None] | None = None,
) -> ConvergenceReport:
    """Repeat a propagation with half the step, half the spacing, a larger box, a wider absorber.

    The repeats cost about six times the run in one coordinate, eight times in two. What the box
    cuts off shows only if the packet can come back from there; what it must not touch is an error
    anyway. A repeat that ends with an error is reported as failed, and the others still count.

    Parameters
    ----------
    hamiltonian, grid, masses, initial, stop, step, order, absorber
        As for `propagate_packet`.
    divide : float, optional
        In one coordinate: compare the probabilities on either side of this position, reflected and
        transmitted.
    fraction : float
        By how much of its length the box is extended at each end of an "fft" coordinate, and each
        absorbing layer widened (outwards, its end of the box with it). The box is extended only as
        far as no level leaves the range of those on the grid by more than the kinetic energy to
        expect: a packet does not come back from behind a wall, and no time step follows it there.
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
        As `propagate_packet`, for the run that is not refined.

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
    more = positive_number("fraction", fraction)
    at_most("fraction", more, _LARGEST_FRACTION)
    allowed = positive_number("tolerance", tolerance)
    h = positive_number("step", step)
    if divide is not None:
        dividing_position(grid, divide)

    operator = GridHamiltonian(hamiltonian, grid, masses)
    make_layers(absorber, operator)
    psi = initial_state(initial, operator)
    boxes = {"spacing": (grid.refined(2), absorber)}
    if "fft" in grid.bases:
        lines = _larger_box(operator, more, reach(operator, psi).kinetic)
        if lines.any():
            boxes["box"] = (grid.extended(lines), absorber)
    if absorber is not None:
        # Outwards and at the ends with a layer only: the room between them stays as it is.
        width = absorber.widths(grid.coordinates)
        lines = np.ceil(more * width / grid.spacings[:, None]).astype(np.intp)
        boxes["absorber"] = (grid.extended(lines), Absorber((1 + more) * width))
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
    refined = {"step": (grid, absorber, h / 2)}
    refined |= {key: (box, layers, h) for key, (box, layers) in boxes.items()}
    changes: dict[str, float] = {}
    failures: dict[str, str] = {}
    for place, (key, arguments) in enumerate(refined.items(), start=2):
        try:
            changes[key] = float(np.abs(run(*arguments)[0] - reference).max())
        except (InputError, ConvergenceError) as error:
            failures[key] = str(error)
            finished = place * intervals
            if progress is not None:
                progress(finished, total)
    return ConvergenceReport(changes, failures, allowed, reference)


def _larger_box(operator: GridHamiltonian, fraction: float, kinetic: float) -> npt.NDArray[np.intp]:
    """Return by how many lines of points each end can be extended, shape (f, 2)."""
    grid = operator.grid
    low, high = operator.energies.min() - kinetic, operator.energies.max() + kinetic
    found = np.zeros((grid.coordinates, 2), dtype=np.intp)
    for axis, name in enumerate(grid.bases):
        wanted = math.ceil(fraction * grid.shape[axis]) if name == "fft" else 0
        for side in range(2):
            # Halved while H has no values or none in range somewhere: half of what is possible is
            # enough to see the end of the box.
            count = wanted
            while count:
                more = np.zeros_like(found)
                more[axis, side] = count
                levels = _levels(operator, grid.extended(more))
                if levels is not None and levels.min() >= low and levels.max() <= high:
                    break
                count //= 2
            found[axis, side] = count
    return found


def _levels(operator: GridHamiltonian, grid: Grid) -> FloatArray | None:
    """Return the levels on a grid, None where H(x) has none."""
    try:
        with np.errstate(all="ignore"):
            return GridHamiltonian(operator.hamiltonian, grid, operator.masses).energies
    except (InputError, ValueError, ArithmeticError):
        return None


def _probabilities(result: WavePacketPropagation, divide: float | None) -> FloatArray:
    if divide is not None:
        return result.channels(divide)
    return np.asarray(result.populations[-1] + result.absorbed[-1].sum(axis=0))
