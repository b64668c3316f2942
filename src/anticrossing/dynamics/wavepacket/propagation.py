"""`propagate_packet`: exact nuclear motion on coupled surfaces; and the step that it needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    describe,
    fail,
    integer,
    real_number,
)
from anticrossing.dynamics.wavepacket.absorber import Absorber, Layer
from anticrossing.dynamics.wavepacket.grid import Grid
from anticrossing.dynamics.wavepacket.operator import GridHamiltonian
from anticrossing.dynamics.wavepacket.packets import EDGE, WavePacket, edge_weights, initial_state
from anticrossing.dynamics.wavepacket.result import WavePacketPropagation
from anticrossing.dynamics.wavepacket.stepper import SCHEMES, Stepper
from anticrossing.hamiltonian import Hamiltonian

_PILOT_ERROR = 0.1  # of the amplitude: coarse enough to be cheap, small enough to extrapolate
_MOST_STEPS = 50_000_000


def propagate_packet(
    hamiltonian: Hamiltonian,
    grid: Grid,
    masses: npt.ArrayLike,
    initial: WavePacket | npt.ArrayLike,
    *,
    stop: float,
    step: float | None = None,
    tolerance: float | None = None,
    order: int = 2,
    samples: int = 101,
    absorber: Absorber | None = None,
    stop_norm: float | None = None,
    keep_states: bool = False,
    autocorrelation: bool = False,
    workers: int | None = None,
) -> WavePacketPropagation:
    """Solve i ∂ψ/∂t = [Σ_a p_a²/2m_a + H(x)] ψ on a grid by the split-operator method.

    exp(−iHh/2) exp(−iTh) exp(−iHh/2) in the diabatic basis, exact in T by fast transforms and in
    H(x) by diagonalization at every point.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) of one or two coordinates, N states.
    grid : Grid
    masses : float or array, shape (f,)
        m_a > 0 with ħ = 1, so that p²/2m has the units of H; 1/ω for a dimensionless normal
        coordinate of frequency ω.
    initial : WavePacket or array, shape (N,) + grid.shape
        An array is in the diabatic basis and is normalized.
    stop : float
        The last time, in units of 1/energy.
    step : float, optional
        The largest time step; otherwise `choose_step` chooses it for `tolerance`.
    tolerance : float, optional
        The wanted bound on the error of the wave function by the time step, 1e-5 by default.
    order : {2, 4}
        Order of the splitting; a step of the fourth takes six times the work.
    samples : int
        How many times, equally spaced from 0 to `stop`, are recorded.
    absorber : Absorber, optional
        Without it the packet must not reach the ends of "fft" coordinates.
    stop_norm : float, optional
        End as soon as less than this is left on the grid.
    keep_states, autocorrelation : bool
        Keep the wave function at the recorded times; keep the overlap with the initial one after
        every step.
    workers : int, optional
        Threads of the transforms; results do not depend on it.

    Returns
    -------
    WavePacketPropagation

    Raises
    ------
    InputError
        Before any work: for masses that are not positive, a grid too coarse for the momentum to
        expect (the message says the spacing needed) or too small for the packet.
    ConvergenceError
        If the packet touches the boundary, or its momentum the largest of the grid, on the way.

    References
    ----------
    M. D. Feit, J. A. Fleck and A. Steiger, J. Comput. Phys. 47, 412 (1982);
    D. Kosloff and R. Kosloff, J. Comput. Phys. 52, 35 (1983).

    Examples
    --------
    Tully's first problem at k = 20, transmitted on the lower and the upper state:

    >>> from anticrossing import models
    >>> result = propagate_packet(
    ...     models.TullySimple(), Grid(-24.0, 24.0, 768), 2000.0,
    ...     WavePacket(centre=-12.0, momentum=20.0, width=1.0), stop=2400.0, step=1.0,
    ... )
    >>> result.channels(0.0)[1].round(4)
    array([0.5077, 0.4923])
    """
    operator = GridHamiltonian(hamiltonian, grid, masses)
    end = _positive("stop", stop)
    if order not in SCHEMES:
        raise fail("order", "be 2 or 4", f"it is {describe(order)}")
    intervals = integer("samples", samples, minimum=2) - 1
    enough = 0.0 if stop_norm is None else _positive("stop_norm", stop_norm)
    if stop_norm is not None and absorber is None:
        raise fail("stop_norm", "be left out without an absorber", "it is given")
    for name, flag in (("keep_states", keep_states), ("autocorrelation", autocorrelation)):
        if not isinstance(flag, (bool, np.bool_)):
            raise fail(name, "be True or False", f"it is {describe(flag)}")
    if workers is not None:
        integer("workers", workers, minimum=1)
    if step is not None and tolerance is not None:
        raise fail("tolerance", "be left out where `step` is given", "both are given")
    largest = None if step is None else _positive("step", step)
    wanted = _positive("tolerance", 1e-5 if tolerance is None else tolerance)
    layers = make_layers(absorber, operator)
    psi = initial_state(initial, operator)
    check_layers(psi, operator, layers)
    if largest is None:
        largest = _search(operator, psi, end, wanted, order, layers, enough, workers)
    per_sample = max(1, math.ceil(end / intervals / largest * (1 - 1e-12)))
    if per_sample * intervals > _MOST_STEPS:
        raise fail("step", f"make at most {_MOST_STEPS} steps", f"it is {largest:.3g}")

    stepper = Stepper(operator, end / (intervals * per_sample), order, layers, workers)
    rows = [measure(operator, psi, operator.momentum_weights(psi), stepper.absorbed)]
    states = [psi.copy()]
    first, overlaps = psi.copy(), [1.0 + 0.0j]
    for k in range(1, intervals + 1):
        if autocorrelation:
            for _ in range(per_sample):
                psi = stepper.advance(psi, 1)
                overlaps.append(complex(np.vdot(first, psi)) * grid.volume)
        else:
            psi = stepper.advance(psi, per_sample)
        weights = operator.momentum_weights(psi)
        check_edges(operator, psi, weights, k * end / intervals, layers)
        rows.append(measure(operator, psi, weights, stepper.absorbed))
        if keep_states:
            states.append(psi.copy())
        if rows[-1]["norm"] < enough:
            break
    instants: FloatArray = np.arange(len(overlaps)) * np.float64(stepper.step)
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return WavePacketPropagation(
        times=np.asarray(np.arange(len(rows)) * (end / intervals), dtype=np.float64),
        **columns,
        sides=tuple(layer.side for layer in layers),
        state=psi,
        states=np.array(states) if keep_states else None,
        autocorrelation_times=instants if autocorrelation else None,
        autocorrelation=np.array(overlaps) if autocorrelation else None,
        step=stepper.step,
        order=order,
        grid=grid,
        operator=operator,
    )


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
        h, in units of 1/energy.

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
    end, wanted = _positive("stop", stop), _positive("tolerance", tolerance)
    if order not in SCHEMES:
        raise fail("order", "be 2 or 4", f"it is {describe(order)}")
    layers = make_layers(absorber, operator)
    psi = initial_state(initial, operator)
    check_layers(psi, operator, layers)
    return _search(operator, psi, end, wanted, order, layers, 0.0, None)


def _search(
    operator: GridHamiltonian,
    psi: ComplexArray,
    end: float,
    wanted: float,
    order: int,
    layers: tuple[Layer, ...],
    enough: float,
    workers: int | None,
) -> float:
    # Half a turn of the mean kinetic phase is the coarsest start.
    fastest = sum(
        float(weight @ values)
        for weight, values in zip(operator.momentum_weights(psi), operator.kinetic, strict=True)
    )
    h = min(end / 4, np.pi / (fastest + 1 / end))
    while True:
        total = _pilot(operator, psi.copy(), h, end, order, layers, enough, workers)
        if total <= _PILOT_ERROR:
            break
        h /= 2
    error = max(total / (2**order - 1), np.finfo(float).tiny)
    return float(h * min((wanted / error) ** (1 / order), 1.0))


def _pilot(
    operator: GridHamiltonian,
    psi: ComplexArray,
    h: float,
    end: float,
    order: int,
    layers: tuple[Layer, ...],
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


def measure(
    operator: GridHamiltonian,
    psi: ComplexArray,
    weights: tuple[FloatArray, ...],
    absorbed: FloatArray,
) -> dict[str, Any]:
    """Return the observables of one moment under the names of the result."""
    grid = operator.grid
    density = np.abs(psi) ** 2 * grid.volume
    adiabatic = np.abs(operator.adiabatic_amplitudes(psi)) ** 2 * grid.volume
    total = density.sum(axis=0)
    norm = float(total.sum())
    kinetic = sum(float(w @ values) for w, values in zip(weights, operator.kinetic, strict=True))
    places = [float(np.sum(grid.along(a, x) * total)) for a, x in enumerate(grid.axes)]
    return {
        "populations": adiabatic.sum(axis=1),
        "diabatic_populations": density.reshape(operator.states, -1).sum(axis=1),
        "norm": norm,
        "energy": kinetic + float(np.sum(adiabatic * operator.energies.T)),
        "positions": np.array(places) / max(norm, np.finfo(float).tiny),
        "momenta": operator.mean_momenta(psi, weights) / max(norm, np.finfo(float).tiny),
        "absorbed": absorbed.copy(),
    }


def check_edges(
    operator: GridHamiltonian,
    psi: ComplexArray,
    weights: tuple[FloatArray, ...],
    time: float,
    layers: tuple[Layer, ...],
) -> None:
    """Raise `ConvergenceError` if a packet has come to the edge of the grid or of its momenta."""
    absorbing = {layer.side for layer in layers}
    for end, weight in edge_weights(operator, psi).items():
        if weight > EDGE and end not in absorbing:
            raise ConvergenceError(
                f"The packet touches the boundary at {end} at t = {time:.6g} with probability "
                f"{weight:.1e}: extend the grid, stop earlier, or pass an `absorber`."
            )
    grid = operator.grid
    if layers:
        inside = psi.copy()
        for layer in layers:
            operator.flat(inside)[:, layer.index] *= layer.window
        weights = operator.momentum_weights(inside)
    for axis, name in enumerate(operator.hamiltonian.coordinates):
        edge = 0.95 * grid.largest_momenta[axis]
        fast = float(weights[axis][np.abs(grid.momenta[axis]) > edge].sum())
        if fast > EDGE:
            raise ConvergenceError(
                f"The packet reaches the largest momentum of the grid along {name} at "
                f"t = {time:.6g} with probability {fast:.1e}: take a spacing well below "
                f"{grid.spacings[axis]:.3g}."
            )


def make_layers(absorber: Absorber | None, operator: GridHamiltonian) -> tuple[Layer, ...]:
    """Return the layers of an optional absorber."""
    if absorber is None:
        return ()
    if not isinstance(absorber, Absorber):
        raise fail("absorber", "be an Absorber", f"it is {describe(absorber)}")
    return absorber.layers(operator)


def check_layers(psi: ComplexArray, operator: GridHamiltonian, layers: tuple[Layer, ...]) -> None:
    """Refuse a packet that begins inside an absorbing layer."""
    density = np.sum(np.abs(operator.flat(psi)) ** 2, axis=0) * operator.grid.volume
    for layer in layers:
        inside = float(density[layer.index].sum())
        if inside > EDGE:
            raise fail(
                "initial",
                "lie outside the absorber",
                f"probability {inside:.1e} is in the layer at {layer.side}",
            )


def _positive(name: str, value: Any) -> float:
    number = real_number(name, value)
    if number <= 0:
        raise fail(name, "be positive", f"it is {number:g}")
    return number
