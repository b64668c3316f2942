"""Spectra from the overlap of a packet with its beginning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    positive_number,
    real_array,
    real_number,
)
from anticrossing.molecules.packets.result import WavePacketPropagation


def autocorrelation_spectrum(
    result: WavePacketPropagation, energies: npt.ArrayLike, *, broadening: float
) -> FloatArray:
    """Return the spectrum of the initial state, every level a Gaussian.

    σ(E) = π⁻¹ Re ∫₀^∞ C(t) e^{−γ²t²/2} e^{iEt} dt = Σ_n |⟨n|ψ₀⟩|² g(E − E_n),

    C(t) = ⟨ψ₀|ψ(t)⟩, and g a Gaussian of standard deviation γ and area 1. With ψ₀ a vibrational
    state lifted to excited surfaces this is the absorption spectrum but for the factor of the
    photon energy.

    Parameters
    ----------
    result : WavePacketPropagation
        Made with ``autocorrelation=True``.
    energies : array, shape (...)
        E, in the units of H.
    broadening : float
        γ > 0, at least 4/stop: the overlap must have been damped away when it ends.

    Returns
    -------
    array, shape (...)
        σ(E), per unit of energy.

    Raises
    ------
    InputError
        For a result without autocorrelation, a broadening that its length does not support, or
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
    >>> peaks = autocorrelation_spectrum(result, [0.5, 1.5], broadening=0.05)
    >>> (peaks * 0.05 * (2 * np.pi)**0.5).round(3)        # e^{−½} and ½ e^{−½}
    array([0.607, 0.303])
    """
    if not isinstance(result, WavePacketPropagation):
        raise fail("result", "be a WavePacketPropagation", f"it is {describe(result)}")
    times, overlap = result.autocorrelation_times, result.autocorrelation
    if times is None or overlap is None:
        raise fail("result", "be made with autocorrelation=True", "it was not")
    wanted = real_array("energies", energies)
    width = positive_number("broadening", real_number("broadening", broadening))
    if width * times[-1] < 4.0 * (1 - 1e-12):
        raise fail("broadening", f"be at least {4 / times[-1]:.3g}", f"it is {width:g}")
    reach = np.pi / (times[1] - times[0])
    if np.any(np.abs(wanted - result.energy[0]) > reach):
        raise fail(
            "energies",
            f"be within {reach:.3g}, half a turn in a time step, of the mean energy "
            f"{result.energy[0]:.6g}",
            f"they are {describe(energies)}",
        )
    weights = np.full(times.size, times[1] - times[0])
    weights[[0, -1]] *= 0.5
    damped = overlap * np.exp(-0.5 * (width * times) ** 2) * weights
    return np.array(
        [(damped @ np.exp(1j * E * times)).real / np.pi for E in wanted.ravel()]
    ).reshape(wanted.shape)
