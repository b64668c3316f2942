"""Levels, derivative couplings and decay rates in the eigenbasis of a dephasing generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.analysis._quadrature import gapless
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.liouville import nodes_of
from anticrossing.environment import Combined, Dephasing, Environment
from anticrossing.formulas import DomainCheck


@dataclass(frozen=True)
class Frame:
    """Energies (radians per time), couplings and decay rates at times, in the eigenbasis.

    ``coupling[i, j] = ⟨i|Ḣ|j⟩/(E_j − E_i)`` is the derivative coupling ⟨i|∂_t j⟩, and
    ``decay[i, j] = i(E_i − E_j) + Λ_ij`` the rate at which ρ_ij turns and decays.
    """

    energies: FloatArray
    vectors: ComplexArray
    coupling: ComplexArray
    decay: ComplexArray

    @property
    def rates(self) -> FloatArray:
        """Rates ``k_ij = 2 |coupling_ij|² Re 1/decay_ij`` between populations, to first order."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = 2 * np.abs(self.coupling) ** 2 * (1 / self.decay).real
        levels = self.energies.shape[-1]
        return np.asarray(np.where(np.eye(levels, dtype=np.bool_), 0.0, rates))


def is_dephasing(environment: Environment) -> bool:
    """Return whether the environment only dephases the eigenbasis: populations stay."""
    parts = environment.parts if isinstance(environment, Combined) else (environment,)
    return all(isinstance(part, Dephasing) for part in parts)


def frame(lanes: Lanes, environment: Environment, times: FloatArray) -> Frame:
    """Return the eigenframe of a dephasing generator at `times`, shape (n,)."""
    lane = np.zeros(1, dtype=np.intp)
    _, nodes = nodes_of(lanes, times[None], lane)
    angular = nodes.angular
    energies, vectors = angular * nodes.energies[0], nodes.vectors[0]
    slope = lanes.hamiltonian.derivative(lanes.positions(times[None], lane)[0])
    velocity = np.asarray(lanes.drive.velocity(times))
    slope = angular * velocity[:, None, None] * slope
    slope = vectors.conj().swapaxes(-1, -2) @ slope @ vectors
    difference = energies[:, None, :] - energies[:, :, None]
    same = np.eye(energies.shape[-1], dtype=np.bool_)
    gaps = np.where(same, 1.0, difference)
    scale = np.max(np.abs(difference), axis=(-2, -1), keepdims=True)
    closed = (np.abs(gaps) <= 1e-13 * scale).any(axis=(-2, -1))
    if closed.any():
        raise gapless(float(times[np.argmax(closed)]))
    coupling = np.where(same, 0.0, slope / gaps)
    rates = environment.eigen_rates(nodes)
    assert rates is not None
    decay = -1j * difference + rates.coherence[0]
    return Frame(energies, vectors, coupling, decay)


def first_order_check(size: float) -> DomainCheck:
    """Return the condition that a first-order term is small against one."""
    return DomainCheck(
        "size of the first-order term",
        abs(size),
        0.1,
        "the drive is too fast for an expansion in its slowness",
    )
