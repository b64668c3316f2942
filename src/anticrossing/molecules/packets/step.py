"""The time step that a tolerance needs, from a pilot run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, fail, one_of, positive_number
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.absorber import Absorber, Layers, check_layers, make_layers
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.limits import MOST_STEPS
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.stepper import SCHEMES, Stepper

_PILOT_ERROR = 0.1  # of the amplitude: coarse enough to be cheap, small enough to extrapolate


def choose_step(
    hamiltonian: Hamiltonian,
    grid: Grid,
    masses: npt.ArrayLike,
    initial: WavePacket | npt.ArrayLike,
    *,
    stop: float,
    tolerance: float = 1e-5,
    order: int = 2,
    absorber: Absorber | None = None,
) -> float:
    """Return the time step at which the errors of all steps add up to the tolerance.

    A pilot run with large steps compares, all along the motion, two steps with one of twice the
    size; the differences, which grow like h³ (h⁵), bound the error and are extrapolated.

    Parameters
    ----------
    hamiltonian, grid, masses, initial, stop, order, absorber
        As for `propagate_packet`.
    tolerance : float
        The wanted bound on the norm of the error of ψ.

    Returns
    -------
    float
        h, in the unit of time of H.

    Raises
    ------
    InputError
        As `propagate_packet`.

    Examples
    --------
    >>> from anticrossing import models
    >>> packet = WavePacket(centre=-12.0, momentum=20.0, width=1.0)
    >>> h = choose_step(models.TullySimple(), Grid(-24.0, 24.0, 768), 2000.0, packet, stop=2400.0)
    >>> 0.05 < h < 1.0
    True
    """
    operator = GridHamiltonian(hamiltonian, grid, masses)
    end, wanted = positive_number("stop", stop), positive_number("tolerance", tolerance)
    order = check_order(order)
    layers = make_layers(absorber, operator)
    psi = initial_state(initial, operator)
    check_layers(psi, operator, layers)
    return search_step(operator, psi, end, wanted, order, layers, 0.0, None)


def search_step(
    operator: GridHamiltonian,
    psi: ComplexArray,
    end: float,
    wanted: float,
    order: int,
    layers: Layers,
    enough: float,
    workers: int | None,
) -> float:
    """Return the step for a tolerance; the arguments are checked."""
    # Half a turn of the mean kinetic phase is the coarsest start.
    fastest = operator.angular * sum(
        float(weight @ values)
        for weight, values in zip(operator.momentum_weights(psi), operator.kinetic, strict=True)
    )
    h = min(end / 4, np.pi / (fastest + 1 / end))
    while True:
        steps_within("stop", end, h)
        total = _pilot(operator, psi.copy(), h, end, order, layers, enough, workers)
        if total <= _PILOT_ERROR:
            break
        h /= 2
    error = max(total / (2**order - 1), np.finfo(float).tiny)
    chosen = float(h * min((wanted / error) ** (1 / order), 1.0))
    steps_within("tolerance", end, chosen)
    return chosen


def steps_within(name: str, interval: float, step: float, intervals: int = 1) -> int:
    """Return how many steps an interval takes, and refuse too many; `name` is to blame."""
    most = MOST_STEPS / intervals
    if not interval / step <= most or intervals > MOST_STEPS:
        count = interval / step * intervals
        raise fail(name, f"take at most {MOST_STEPS} steps", f"it would take {count:.3g}")
    return max(1, math.ceil(interval / step * (1 - 1e-12)))


def check_order(order: Any) -> int:
    """Return the order of a splitting, or raise `InputError`."""
    return one_of("order", order, SCHEMES)


def _pilot(
    operator: GridHamiltonian,
    psi: ComplexArray,
    h: float,
    end: float,
    order: int,
    layers: Layers,
    enough: float,
    workers: int | None,
) -> float:
    """Return the summed difference between pairs of steps and double steps, cut when too large."""
    fine = Stepper(operator, h, order, layers, workers)
    coarse = Stepper(operator, 2 * h, order, layers, workers)
    total = 0.0
    for _ in range(math.ceil(end / (2 * h))):
        other = coarse.advance(psi.copy(), 1)
        psi = fine.advance(psi, 2)
        total += math.sqrt(operator.norm(other - psi))
        if total > _PILOT_ERROR or operator.norm(psi) < enough:
            break
    return total
