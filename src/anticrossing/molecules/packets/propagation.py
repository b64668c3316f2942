"""`propagate_packet`: exact nuclear motion on coupled surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, integer, positive_number
from anticrossing._core.unchanging import settled
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.absorber import Absorber, Layers, check_layers, make_layers
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.limits import check_memory, check_step
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.result import WavePacketPropagation
from anticrossing.molecules.packets.step import check_order, search_step, steps_within
from anticrossing.molecules.packets.stepper import Stepper
from anticrossing.molecules.packets.watch import Watch
from anticrossing.sweeps.progress import Progress, check_progress, reporting


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
    progress: bool | Progress | None = None,
) -> WavePacketPropagation:
    """Solve i ∂ψ/∂t = [Σ_a p_a²/2m_a + H(x)] ψ on a grid by the split-operator method.

    exp(−iHh/2) exp(−iTh) exp(−iHh/2) in the diabatic basis, exact in T by fast transforms and in
    H(x) by diagonalisation at every point.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) of one or two coordinates, N states.
    grid : Grid
    masses : float or array, shape (f,)
        m_a > 0 in units of ħ²/(energy × coordinate²), so that p²/2m is an energy of H with p in
        ħ/coordinate: 1/ω for a dimensionless normal coordinate of frequency ω.
    initial : WavePacket or array, shape (N,) + grid.shape
        An array is in the diabatic basis and is normalised.
    stop : float
        The last time, in the unit of time of H (`units.time`; without units ħ = 1).
    step : float, optional
        The largest time step; otherwise `choose_step` chooses it for `tolerance`. Refused is one
        over whose distance H(x) is far from straight, or in which the phase of levels that mix
        turns by more than 3π/2. That does not make a shorter one exact: see `check_convergence`.
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
    progress : bool or callable, optional
        Whether to show a bar, on a terminal or in a notebook; or a function that is called after
        every recorded time but the first as ``progress(done, samples - 1)``.

    Returns
    -------
    WavePacketPropagation

    Raises
    ------
    InputError
        Before any work: for masses that are not positive, a grid too coarse for the momentum to
        expect (the message says the spacing needed) or too small for the packet, a time step too
        long for its energies, an absorber too thin for its momenta.
    ConvergenceError
        If at any step the packet touches a boundary without absorber, or (with an absorber: at any
        recorded time) its momentum the largest of the grid.

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

    Two modes of pyrazine, dimensionless and in eV, so that the masses are 1/ω. The packet is the
    vibrational ground state lifted to S2, which empties through the intersection:

    >>> pyrazine = models.Pyrazine()
    >>> W = models.VibronicCoupling(
    ...     energies=pyrazine.constant, frequencies=pyrazine.frequencies[1:],
    ...     linear=pyrazine.linear[1:], units=pyrazine.units,
    ... )
    >>> ground = WavePacket(centre=[0, 0], momentum=0, width=2**0.5, state=1, basis="diabatic")
    >>> result = propagate_packet(
    ...     W, Grid([-10, -10], [10, 10], 60), 1 / W.frequencies, ground,
    ...     stop=60.0, step=0.3, samples=4,
    ... )
    >>> result.times                                                     # fs
    array([ 0., 20., 40., 60.])
    >>> result.diabatic_populations[:, 1].round(3)
    array([1.   , 0.62 , 0.309, 0.226])
    """
    operator = GridHamiltonian(hamiltonian, grid, masses)
    end = positive_number("stop", stop)
    order = check_order(order)
    intervals = integer("samples", samples, minimum=2) - 1
    enough = 0.0 if stop_norm is None else positive_number("stop_norm", stop_norm)
    if stop_norm is not None and absorber is None:
        raise fail("stop_norm", "be left out without an absorber", "it is given")
    if enough >= 1:
        raise fail("stop_norm", "be less than 1", f"it is {enough:g}")
    if workers is not None:
        integer("workers", workers, minimum=1)
    check_progress(progress or False)
    if step is not None and tolerance is not None:
        raise fail("tolerance", "be left out where `step` is given", "both are given")
    largest = None if step is None else positive_number("step", step)
    wanted = positive_number("tolerance", 1e-5 if tolerance is None else tolerance)
    check_memory(intervals + 1.0, 16 * operator.states * operator.size if keep_states else 64)
    layers = make_layers(absorber, operator)
    psi = initial_state(initial, operator)
    check_layers(psi, operator, layers)
    if largest is None:
        largest = search_step(operator, psi, end, wanted, order, layers, enough, workers)
    per_sample = steps_within("step", end / intervals, largest, intervals)
    h = end / (intervals * per_sample)
    if step is not None:
        check_step(operator, psi, h)

    watch = Watch(operator, tuple(layer.side for layer in layers))
    stepper = Stepper(operator, h, order, layers, workers, watch)
    rows = [measure(operator, psi, operator.momentum_weights(psi), stepper.absorbed)]
    states: ComplexArray = np.empty(
        (intervals + 1 if keep_states else 1, *psi.shape), dtype=np.complex128
    )
    states[0] = psi
    overlaps = np.ones(intervals * per_sample + 1 if autocorrelation else 1, dtype=np.complex128)
    with reporting(progress or False, 0, intervals, "packet") as tell:
        for k in range(1, intervals + 1):
            if autocorrelation:
                for _ in range(per_sample):
                    psi = stepper.advance(psi, 1)
                    overlaps[stepper.steps] = np.vdot(states[0], psi) * grid.volume
            else:
                psi = stepper.advance(psi, per_sample)
            check_momenta(watch, operator, psi, k * end / intervals, layers)
            rows.append(measure(operator, psi, operator.momentum_weights(psi), stepper.absorbed))
            if keep_states:
                states[k] = psi
            tell(k, intervals)
            if rows[-1]["norm"] < enough:
                break
    instants: FloatArray = np.arange(stepper.steps + 1) * np.float64(h)
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return WavePacketPropagation(
        times=np.asarray(np.arange(len(rows)) * (end / intervals), dtype=np.float64),
        **columns,
        sides=tuple(layer.side for layer in layers),
        state=psi,
        states=settled(states)[: len(rows)] if keep_states else None,
        autocorrelation_times=instants if autocorrelation else None,
        autocorrelation=overlaps[: instants.size] if autocorrelation else None,
        step=h,
        order=order,
        grid=grid,
        operator=operator,
        edge_weights=watch.edges,
        fast_weights=watch.fast,
    )


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


def check_momenta(
    watch: Watch, operator: GridHamiltonian, psi: ComplexArray, time: float, layers: Layers
) -> None:
    """Look at the momenta of what is outside the layers; raise if they reach the largest."""
    inside = psi.copy()
    for layer in layers:
        operator.flat(inside)[:, layer.index] *= layer.window
    watch.momenta(operator.grid.forward(inside), time)
