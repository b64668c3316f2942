"""Reflection and transmission at every energy, from one packet that passes two lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing.checks import (
    ComplexArray,
    ConvergenceError,
    FloatArray,
    describe,
    fail,
    integer,
    positive,
    real_array,
    real_number,
)
from anticrossing.dynamics.wavepacket.absorber import Absorber
from anticrossing.dynamics.wavepacket.grid import Grid
from anticrossing.dynamics.wavepacket.operator import GridHamiltonian
from anticrossing.dynamics.wavepacket.packets import WavePacket, initial_state
from anticrossing.dynamics.wavepacket.propagation import check_layers, make_layers
from anticrossing.dynamics.wavepacket.stepper import SCHEMES, Stepper
from anticrossing.hamiltonian import Hamiltonian

_FEWEST = 1e-6  # of the largest energy density: below, the packet says nothing about the energy
_ROOM = 3.7  # widths: the amplitude of the incoming packet on the line behind it is 1e-6
_CHUNK = 20_000  # recorded steps that are transformed at a time


@dataclass(frozen=True, eq=False)
class ScatteringProbabilities:
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
    """

    energies: FloatArray
    reflected: FloatArray
    transmitted: FloatArray
    incoming_density: FloatArray
    norm_left: float


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
        The last time and the time step; every step is recorded.
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
        As `propagate_packet`; for energies outside the packet's distribution, and for energies
        below the threshold of an asked channel.
    ConvergenceError
        If more than 1e-2 of the packet is left at the last time.

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
    operator = GridHamiltonian(hamiltonian, grid, mass)
    if grid.coordinates != 1:
        raise fail("grid", "have one coordinate", "it has two")
    if not isinstance(initial, WavePacket) or initial.basis != "adiabatic":
        raise fail("initial", "be an adiabatic WavePacket", f"it is {describe(initial)}")
    wanted = np.atleast_1d(real_array("energies", energies))
    if wanted.ndim != 1 or wanted.size == 0:
        raise fail("energies", "list at least one number", f"its shape is {wanted.shape}")
    places = real_array("lines", lines)
    if places.shape != (2,) or not grid.start[0] < places[0] < places[1] < grid.stop[0]:
        raise fail("lines", "be two rising positions on the grid", f"they are {describe(lines)}")
    end, h = float(positive("stop", stop)), float(positive("step", step))
    if order not in SCHEMES:
        raise fail("order", "be 2 or 4", f"it is {describe(order)}")
    enough = float(positive("stop_norm", real_number("stop_norm", stop_norm)))
    layers = make_layers(absorber, operator)
    near = 0 if initial.momentum[0] > 0 else 1
    thresholds, frames = np.linalg.eigh(np.asarray(hamiltonian(places)))
    _check_channels(channels, operator.states, thresholds[1 - near], wanted, mass)
    psi = initial_state(initial, operator)
    check_layers(psi, operator, layers)
    density = _incoming(operator, initial, wanted)
    inside = [layer.index for layer in layers]
    for line in places:
        if any(np.argmin(np.abs(grid.axes[0] - line)) in index for index in inside):
            raise fail("lines", "lie outside the absorber", f"one is {line:g}")

    room = (initial.centre[0] - places[near]) * (1 - 2 * near)
    if room < _ROOM * initial.width[0]:
        raise fail(
            "lines",
            f"leave the initial packet {_ROOM} widths of room",
            f"the nearer one is {room:.3g} behind its centre",
        )

    readings = [np.stack(grid.reading(float(line))) for line in places]
    stepper = Stepper(operator, h, order, layers)
    total = np.zeros((2, 2, wanted.size, operator.states), dtype=np.complex128)
    records: list[ComplexArray] = []
    begin, steps = 0, int(np.ceil(end / h))
    for k in range(steps + 1):
        records.append(np.stack([reading @ psi.T for reading in readings]))
        finished = k == steps or (k % 100 == 0 and operator.norm(psi) < enough)
        if finished or len(records) == _CHUNK:
            times = h * np.arange(begin, begin + len(records))
            waves = np.exp(1j * np.outer(wanted, times))
            total += np.einsum("et,tlds->ldes", waves, np.array(records))
            begin, records = k + 1, []
        if finished:
            break
        psi = stepper.advance(psi, 1)
    left = operator.norm(psi)
    if left > 1e-2:
        raise ConvergenceError(
            f"Probability {left:.2g} is still on the grid at the last time: raise `stop`."
        )
    total *= h / np.sqrt(2 * np.pi)
    flux = np.empty((2, wanted.size, operator.states))
    for k in range(2):
        value, slope = total[k] @ frames[k].conj()
        open_channel = wanted[:, None] > thresholds[k]
        flux[k] = np.where(open_channel, (value.conj() * slope).imag / operator.masses[0], 0.0)
    outward = flux * np.array([-1.0, 1.0])[:, None, None] / density[:, None]
    return ScatteringProbabilities(wanted, outward[near], outward[1 - near], density, left)


def _check_channels(
    channels: Sequence[int] | None,
    states: int,
    thresholds: FloatArray,
    energies: FloatArray,
    mass: float,
) -> None:
    for channel in channels or ():
        if integer("channels", channel, minimum=0) >= states:
            raise fail("channels", f"be less than {states}", f"one is {channel}")
        if energies.min() <= thresholds[channel]:
            raise fail(
                "energies",
                f"exceed the threshold {thresholds[channel]:.6g} of channel {channel}",
                f"the lowest is {energies.min():.6g}",
            )


def _incoming(operator: GridHamiltonian, packet: WavePacket, energies: FloatArray) -> FloatArray:
    """Return (m/k) |ψ̃(k)|² at the momenta of the packet's state."""
    mass, k0, width = operator.masses[0], abs(packet.momentum[0]), packet.width[0]
    if k0 * width < 4.5:  # four and a half deviations: 7e-6 of it moves backwards
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
    return np.asarray(mass / k * width / np.sqrt(2 * np.pi) * weight)
