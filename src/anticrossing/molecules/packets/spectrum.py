"""Spectra from the overlap of a packet with its beginning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, describe, fail, positive_number, real_array
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable, in_units
from anticrossing.molecules.packets.result import WavePacketPropagation
from anticrossing.molecules.vibronic.result import VibronicPropagation
from anticrossing.units import Units

_LEAST = 0.6  # e^{−½} of a Gaussian spectrum whose deviation times the step is 1


@dataclass(frozen=True, eq=False)
class PacketSpectrum(Result):
    """The spectrum of an initial state (see `autocorrelation_spectrum`).

    Attributes
    ----------
    energies : array, shape (...)
    density : array, shape (...)
        σ(E), per unit of energy.
    broadening : float
        The standard deviation of every level.
    """

    energies: FloatArray
    density: FloatArray
    broadening: float
    units: Units

    def variables(self) -> dict[str, Variable]:
        """Return the density along the energies."""
        unit = in_units("energy", self.units)
        return {
            "energy": Variable(("energy",), self.energies.ravel(), "energy", unit),
            "density": Variable(
                ("energy",),
                self.density.ravel(),
                "spectrum of the initial state",
                in_units("1/energy", self.units),
            ),
            "broadening": Variable((), self.broadening, "standard deviation of a level", unit),
        }


def autocorrelation_spectrum(
    result: WavePacketPropagation | VibronicPropagation,
    energies: npt.ArrayLike,
    *,
    broadening: float,
) -> PacketSpectrum:
    """Return the spectrum of the initial state, every level a Gaussian.

    σ(E) = π⁻¹ Re ∫₀^∞ C(t) e^{−γ²t²/2} e^{iEt} dt = Σ_n |⟨n|ψ₀⟩|² g(E − E_n),

    C(t) = ⟨ψ₀|ψ(t)⟩, and g a Gaussian of standard deviation γ and area 1. With ψ₀ a vibrational
    state lifted to excited surfaces this is the absorption spectrum but for the factor of the
    photon energy.

    Parameters
    ----------
    result : WavePacketPropagation or VibronicPropagation
        The first made with ``autocorrelation=True``, the second at equal steps from 0.
    energies : array, shape (...)
        E, in the units of H.
    broadening : float
        γ > 0 (energy), at least 4ħ/stop: the overlap must be damped away when it ends.

    Returns
    -------
    PacketSpectrum

    Raises
    ------
    InputError
        For a result without autocorrelation, a broadening that its length does not support, a time
        step in which the overlap falls so far that energies outside of the range fold into it, or
        energies that its time step cannot tell from others.

    References
    ----------
    E. J. Heller, J. Chem. Phys. 68, 3891 (1978).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
    >>> oscillator = Hamiltonian.from_terms([("x**2/2", [[1.0]])])
    >>> result = propagate_packet(
    ...     oscillator, Grid(-10.0, 10.0, 64), 1.0,
    ...     WavePacket(centre=1.0, momentum=0.0, width=2**0.5), stop=120.0, step=0.01,
    ...     autocorrelation=True,
    ... )
    >>> spectrum = autocorrelation_spectrum(result, [0.5, 1.5], broadening=0.05)
    >>> (spectrum.density * 0.05 * (2 * np.pi)**0.5).round(3)        # e^{−½} and ½ e^{−½}
    array([0.607, 0.303])
    """
    if result.autocorrelation_times is None or result.autocorrelation is None:
        raise fail("result", "be made with autocorrelation=True", "it was not")
    # Phases per unit of energy: ħ = 1 from here on.
    times, overlap = result.units.angular * result.autocorrelation_times, result.autocorrelation
    steps = np.diff(times)
    if times.size < 2 or times[0] != 0 or np.ptp(steps) > 1e-9 * times[-1]:
        raise fail("result", "have times at equal steps from 0", f"it has {times.size} others")
    wanted = real_array("energies", energies)
    width = positive_number("broadening", broadening)
    if width * times[-1] < 4.0 * (1 - 1e-12):
        raise fail("broadening", f"be at least {4 / times[-1]:.3g}", f"it is {width:g}")
    if abs(overlap[1]) < _LEAST * abs(overlap[0]):
        raise fail(
            "result",
            "have steps in which the packet hardly leaves its beginning",
            f"their overlap falls to {abs(overlap[1]) / abs(overlap[0]):.2g} in the first",
        )
    mean = float(np.ravel(result.energy)[0])
    reach = np.pi / (times[1] - times[0])
    if np.any(np.abs(wanted - mean) > reach):
        raise fail(
            "energies",
            f"be within {reach:.3g}, half a turn in a time step, of the mean energy {mean:.6g}",
            f"they are {describe(energies)}",
        )
    weights = np.full(times.size, times[1] - times[0])
    weights[[0, -1]] *= 0.5
    damped = overlap * np.exp(-0.5 * (width * times) ** 2) * weights
    density = np.array([(damped @ np.exp(1j * E * times)).real / np.pi for E in wanted.ravel()])
    return PacketSpectrum(wanted, density.reshape(wanted.shape), width, result.units)
