"""Reflection and transmission at every energy, from one packet that passes two lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    at_most,
    describe,
    fail,
    index,
    positive,
    positive_number,
    real_array,
    real_number,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.absorber import Absorber, Layer, check_layers, make_layers
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.limits import check_step
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.propagation import check_momenta
from anticrossing.molecules.packets.step import check_order, steps_within
from anticrossing.molecules.packets.stepper import Stepper
from anticrossing.molecules.packets.watch import Watch
from anticrossing.units import Units

_FEWEST = 1e-6  # of the largest energy density: below, the packet says nothing about the energy
_ROOM = 3.7  # widths: the amplitude of the incoming packet on the line behind it is 1e-6
_CHUNK = 20_000  # recorded steps that are transformed at a time
_MOST_WAVES = 1 << 24  # recorded steps times energies that are held
_EVERY = 100  # steps between looks at what is left
_MOST_LEFT = 1e-2
_MOST_DEFICIT = 5e-2
_CONSTANT = 1e-3  # of the kinetic energy, by which H(x) may change where it should be constant


@dataclass(frozen=True, eq=False)
class ScatteringProbabilities(Result):
    """Probabilities at each energy, by outgoing channel.

    Attributes
    ----------
    energies : array, shape (E,)
    reflected, transmitted : array, shape (E, N)
        By adiabatic state on the side of the packet and on the other side; zero in closed
        channels.
    incoming_density : array, shape (E,)
        The energy distribution of the packet, by which the flux was divided.
    norm_left : float
        Probability still on the grid at the end, which no line has counted.
    deficit : array, shape (E,)
        ``1 − Σ_n (R_n + T_n)``, zero but for the errors of grid, step, absorber and what is left.
    """

    _variables: ClassVar = {
        "energy": shown("energy", text="total energy", unit="energy", of="energies"),
        "transmitted": shown("energy", "state", text="probability of transmission"),
        "reflected": shown("energy", "state", text="probability of reflection"),
        "incoming_density": shown("energy", text="energy distribution", unit="1/energy"),
        "deficit": shown("energy", text="what the probabilities lack of 1"),
        "norm_left": shown(text="probability still on the grid"),
    }

    energies: FloatArray
    reflected: FloatArray
    transmitted: FloatArray
    incoming_density: FloatArray
    norm_left: float
    units: Units

    @property
    def deficit(self) -> FloatArray:
        """What the probabilities lack of 1 at each energy."""
        return np.asarray(1.0 - self.reflected.sum(axis=1) - self.transmitted.sum(axis=1))


def scatter(
    hamiltonian: Hamiltonian,
    grid: Grid,
    mass: float,
    initial: WavePacket,
    *,
    energies: npt.ArrayLike,
    lines: Sequence[float],
    absorber: Absorber,
    stop: float,
    step: float,
    order: int = 2,
    channels: Sequence[int] | None = None,
    stop_norm: float = 1e-8,
) -> ScatteringProbabilities:
    """Return energy-resolved reflection and transmission in one coordinate.

    P_n(E) = Im[A_n* A_n′]/m ÷ (m/k) |ψ̃(k)|²,  A_n(x, E) = (2π)^{−½} ∫ ψ_n(x, t) e^{iEt} dt

    the flux of the part of energy E through a line, over the energy distribution of the packet,
    k = √(2m(E − E_i)).

    Parameters
    ----------
    hamiltonian, grid, mass, absorber, order
        As for `propagate_packet`, one coordinate of basis "fft".
    initial : WavePacket
        On one adiabatic state where H(x) is constant. The momenta of one sign only.
    energies : array, shape (E,)
        Total energies, in the units of H.
    lines : (float, float)
        Positions below and above the interaction, where H(x) is constant and no absorber acts. The
        packet has to begin between its nearer line and the interaction.
    stop, step : float
        The last time and the time step, in the unit of time of H; every step is recorded.
    channels : sequence of int, optional
        Adiabatic states that must be open at all energies, on the transmission side.
    stop_norm : float
        End as soon as less than this is left.

    Returns
    -------
    ScatteringProbabilities

    Raises
    ------
    InputError
        As `propagate_packet`; for energies outside the packet's distribution or below the threshold
        of an asked channel, for lines where H(x) is not constant, and for layers that would reflect
        the slowest wave of an open channel.
    ConvergenceError
        As `propagate_packet`; if more than 1e-2 of the packet is left at the last time, or the
        probabilities do not add up to 1 within 5e-2.

    References
    ----------
    D. H. Zhang and J. Z. H. Zhang, J. Chem. Phys. 101, 3671 (1994), the flux at a line.

    Examples
    --------
    >>> from anticrossing import models
    >>> found = scatter(
    ...     models.TullySimple(), Grid(-34.0, 24.0, 512), 2000.0,
    ...     WavePacket(centre=-12.0, momentum=20.0, width=1.0), energies=[0.09],
    ...     lines=(-19.0, 9.0), absorber=Absorber(12.0), stop=6000.0, step=2.0,
    ... )
    >>> found.transmitted.round(3)
    array([[0.507, 0.493]])
    """
    operator = GridHamiltonian(hamiltonian, grid, positive("mass", real_number("mass", mass)))
    if grid.coordinates != 1:
        raise fail("grid", "have one coordinate", "it has two")
    if initial.basis != "adiabatic":
        raise fail("initial", "be on an adiabatic state", "its basis is diabatic")
    wanted = np.atleast_1d(real_array("energies", energies))
    if wanted.ndim != 1 or wanted.size == 0:
        raise fail("energies", "list at least one number", f"its shape is {wanted.shape}")
    places = real_array("lines", lines)
    if places.shape != (2,) or not grid.start[0] < places[0] < places[1] < grid.stop[0]:
        raise fail("lines", "be two rising positions on the grid", f"they are {describe(lines)}")
    end = positive_number("stop", stop)
    h = positive_number("step", step)
    order = check_order(order)
    enough = positive_number("stop_norm", stop_norm)
    at_most("stop_norm", enough, _MOST_LEFT)
    layers = make_layers(absorber, operator)
    near = 0 if initial.momentum[0] > 0 else 1
    thresholds, frames = np.linalg.eigh(np.asarray(hamiltonian(places)))
    psi = initial_state(initial, operator)
    check_layers(psi, operator, layers)
    momenta, density = _incoming(operator, initial, wanted)
    check_channels(operator, channels, thresholds[1 - near], wanted, momenta)
    check_lines(operator, initial, places, near, layers)
    check_slow(operator, layers, thresholds, wanted)
    steps = steps_within("step", end, h)
    check_step(operator, psi, h)

    readings = [np.stack(grid.reading(float(line))) for line in places]
    watch = Watch(operator, tuple(layer.side for layer in layers))
    stepper = Stepper(operator, h, order, layers, watch=watch)
    total = np.zeros((2, 2, wanted.size, operator.states), dtype=np.complex128)
    records: list[ComplexArray] = []
    chunk = max(1, min(_CHUNK, _MOST_WAVES // wanted.size))
    begin = 0
    for k in range(steps + 1):
        records.append(np.stack([reading @ psi.T for reading in readings]))
        if k % _EVERY == 0:
            check_momenta(watch, operator, psi, k * h, layers)
        finished = k == steps or (k % _EVERY == 0 and operator.norm(psi) < enough)
        if finished or len(records) == chunk:
            times = h * np.arange(begin, begin + len(records))
            waves = np.exp(1j * operator.angular * np.outer(wanted, times))
            total += np.einsum("et,tlds->ldes", waves, np.array(records))
            begin, records = k + 1, []
        if finished:
            break
        psi = stepper.advance(psi, 1)
    left = operator.norm(psi)
    if left > _MOST_LEFT:
        raise ConvergenceError(
            f"Probability {left:.2g} is still on the grid at the last time: raise `stop`."
        )
    total *= operator.angular * h / np.sqrt(2 * np.pi)
    flux = np.empty((2, wanted.size, operator.states))
    for k in range(2):
        value, slope = total[k] @ frames[k].conj()
        open_channel = wanted[:, None] > thresholds[k]
        flux[k] = np.where(open_channel, (value.conj() * slope).imag / operator.masses[0], 0.0)
    outward = flux * np.array([-1.0, 1.0])[:, None, None] / density[:, None]
    found = ScatteringProbabilities(
        wanted, outward[near], outward[1 - near], density, left, operator.units
    )
    worst = int(np.argmax(np.abs(found.deficit)))
    if not abs(found.deficit[worst]) <= _MOST_DEFICIT:
        raise ConvergenceError(
            f"The probabilities at the energy {wanted[worst]:.6g} add up to "
            f"{1 - found.deficit[worst]:.4g}: take a shorter step, a finer grid, a wider absorber "
            "or a later `stop`."
        )
    return found


def check_channels(
    operator: GridHamiltonian,
    channels: Any,
    thresholds: FloatArray,
    energies: FloatArray,
    momenta: FloatArray,
) -> None:
    """Refuse channels that are closed at any of the energies."""
    for channel in channels or ():
        index("channels", channel, operator.states)
        lowest = int(np.argmin(energies))
        if energies[lowest] <= thresholds[channel]:
            initial = energies[lowest] - momenta[lowest] ** 2 / (2 * operator.masses[0])
            needed = np.sqrt(2 * operator.masses[0] * (thresholds[channel] - initial))
            raise fail(
                "energies",
                f"exceed the threshold {thresholds[channel]:.6g} of channel {channel} (momentum "
                f"{needed:.4g} of the packet)",
                f"the lowest is {energies[lowest]:.6g} (momentum {momenta[lowest]:.4g})",
            )


def check_lines(
    operator: GridHamiltonian,
    packet: WavePacket,
    places: FloatArray,
    near: int,
    layers: tuple[Layer, ...],
) -> None:
    """Refuse lines in a layer, in the interaction, or too close to the packet."""
    x = operator.grid.axes[0]
    for line in places:
        if any(np.argmin(np.abs(x - line)) in layer.index for layer in layers):
            raise fail("lines", "lie outside the absorber", f"one is {line:g}")
    centre, width, towards = packet.centre[0], packet.width[0], 1 - 2 * near
    room = (centre - places[near]) * towards
    if room < _ROOM * width:
        raise fail(
            "lines",
            f"leave the initial packet {_ROOM} widths of room",
            f"the nearer one is {room:.3g} behind its centre",
        )
    # The nearer side is free up to the front of the packet.
    front = centre + width * towards
    outside = [x <= places[0], x >= places[1]]
    outside[near] = x <= front if near == 0 else x >= front
    allowed = _CONSTANT * packet.momentum[0] ** 2 / (2 * operator.masses[0])
    for k, where in enumerate(outside):
        values = operator.potential[where]
        if not len(values):
            continue
        at = np.asarray(operator.hamiltonian(places[k]))
        change = np.abs(values - at).max(axis=(1, 2))
        if change.max() > allowed:
            raise fail(
                "lines",
                "lie where H(x) has become constant",
                f"it changes by {change.max():.1e} between {places[k]:g} and "
                f"{x[where][np.argmax(change)]:g}, by more than {allowed:.1e}, "
                f"{_CONSTANT:g} of the kinetic energy",
            )


def check_slow(
    operator: GridHamiltonian,
    layers: tuple[Layer, ...],
    thresholds: FloatArray,
    energies: FloatArray,
) -> None:
    """Refuse layers that would reflect the slowest wave of an open channel."""
    for layer in layers:
        levels = thresholds[int(layer.side.endswith("stop"))]
        kinetic = energies[:, None] - levels
        energy, channel = np.unravel_index(
            np.argmin(np.where(kinetic > 0, kinetic, np.inf)), kinetic.shape
        )
        if kinetic[energy, channel] > 0:
            momentum = float(np.sqrt(2 * operator.masses[0] * kinetic[energy, channel]))
            layer.check_momentum(
                momentum, f"momentum of channel {channel} at the energy {energies[energy]:.6g}"
            )


def _incoming(
    operator: GridHamiltonian, packet: WavePacket, energies: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the momenta k of the packet's state at the energies, and (m/k) |ψ̃(k)|²."""
    mass, k0, width = operator.masses[0], abs(packet.momentum[0]), packet.width[0]
    if k0 * width < 4.5:  # four and a half deviations: 7e-6 moves backwards
        raise fail("initial", "move in one direction", f"momentum × width is only {k0 * width:.3g}")
    levels = np.linalg.eigvalsh(np.asarray(operator.hamiltonian(packet.centre[0])))
    above = energies - levels[packet.state]
    if np.any(above <= 0):
        raise fail(
            "energies",
            f"exceed the energy {levels[packet.state]:.6g} of the initial state",
            f"the lowest is {energies.min():.6g}",
        )
    k = np.sqrt(2 * mass * above)
    weight = np.exp(-0.5 * ((k - k0) * width) ** 2)
    if np.any(weight < _FEWEST):
        at = float(energies[np.argmin(weight)])
        raise fail("energies", "be contained in the initial packet", f"{at:.6g} is not")
    return k, np.asarray(mass / k * width / np.sqrt(2 * np.pi) * weight)
