"""Closed forms for one crossing of two levels whose coupling is noise that remembers."""

from __future__ import annotations

import dataclasses

import numpy as np

from anticrossing import formulas
from anticrossing._core.checks import ComplexArray
from anticrossing.analysis.meetings import PassageEvent
from anticrossing.analysis.offers import both_ends
from anticrossing.drive import Drive
from anticrossing.environment import Environment
from anticrossing.environment.base import Combined
from anticrossing.environment.noise import (
    GaussianNoise,
    Noise,
    OrnsteinUhlenbeckNoise,
    PinkNoise,
    QuasiStaticNoise,
    TelegraphNoise,
)
from anticrossing.environment.noise.base import split
from anticrossing.formulas import Prediction
from anticrossing.hamiltonian import Hamiltonian

_ALIGNED = 1e-9  # of an operator, that may point elsewhere


def with_noise(
    hamiltonian: Hamiltonian, drive: Drive, event: PassageEvent, environment: Environment
) -> tuple[list[tuple[str, Prediction, float]], list[str]]:
    """Return (name, prediction, probability to jump), and why there is none."""
    coupling, why = _coupling(hamiltonian, event, environment)
    if coupling is None:
        return [], [f"no closed form is held against this noise: {why}"]
    noise, size, aligned = coupling
    rms = size * float(np.sqrt(noise.variance))
    local = {"noise": rms, "sweep_rate": event.sweep_rate, "gap": event.gap}
    shortest, longest = _times(noise)
    found: list[tuple[str, Prediction, float]] = []
    if np.isfinite(longest):
        side = float(np.min(np.abs(np.array(both_ends(drive)) - event.time)))
        window = {"window": side} if np.isfinite(side) else {}
        fast = formulas.noisy_coupling_landau_zener(
            **local, limit="fast", correlation_time=longest, **window
        )
        found.append(("fast noise of the coupling (Pokrovsky–Sinitsyn)", fast, float(fast)))
    if aligned and not isinstance(noise, TelegraphNoise):  # its average is over Gaussian values
        times = {"correlation_time": shortest} if np.isfinite(shortest) else {}
        slow = formulas.noisy_coupling_landau_zener(**local, limit="slow", **times)
        found.append(("slow noise of the coupling (Kayanuma)", slow, float(slow)))
    others = [c for c in event.jump.checks if not c.quantity.endswith("dephasing time")]
    return [
        (name, dataclasses.replace(form, checks=(*form.checks, *others)), jump)
        for name, form, jump in found
    ], []


def _coupling(
    hamiltonian: Hamiltonian, event: PassageEvent, environment: Environment
) -> tuple[tuple[Noise, float, bool] | None, str]:
    """Return the noise, its coupling for δ = 1, and whether it is along the steady one."""
    noises, rest = split(environment)
    if hamiltonian.dimension != 2:
        return None, "they speak of two levels"
    if len(noises) != 1 or (isinstance(rest, Combined) and rest.parts):
        return None, "they speak of one noise alone"
    noise = noises[0]
    if noise.operator is None:
        return None, "they speak of noise of the coupling"
    if noise.batch_shape != () or np.any(noise.mean != 0):
        return None, "they speak of noise with a mean of 0"
    slope = _vector(hamiltonian.derivative(event.position))
    away = _vector(noise.operator) * hamiltonian.units.angular
    slope = slope / np.linalg.norm(slope)
    along = float(slope @ away)
    size = float(np.linalg.norm(away))
    if size == 0 or abs(along) > _ALIGNED * size:
        return None, "its operator moves the levels that cross, and is no coupling alone"
    steady = _vector(hamiltonian(event.position))
    steady = steady - slope * (slope @ steady)
    off = np.linalg.norm(steady - away * (away @ steady) / size**2)
    aligned = event.gap == 0 or bool(off <= _ALIGNED * np.linalg.norm(steady))
    return (noise, size, aligned), ""


def _vector(matrix: ComplexArray) -> np.ndarray:
    """Return the components along σ_x, σ_y, σ_z of a Hermitian 2 × 2 matrix."""
    z = 0.5 * (matrix[0, 0] - matrix[1, 1]).real
    return np.array([matrix[0, 1].real, -matrix[0, 1].imag, z])


def _times(noise: Noise) -> tuple[float, float]:
    """Return the shortest and the longest time in which a part of the noise forgets."""
    shortest = longest = noise.shortest_time
    if isinstance(noise, GaussianNoise):
        longest = float(np.max(noise.correlation_times))
    elif isinstance(noise, PinkNoise):
        longest = float(1 / np.min(noise.rates))
    elif not isinstance(noise, OrnsteinUhlenbeckNoise | TelegraphNoise | QuasiStaticNoise):
        longest = np.inf
    return shortest, longest
