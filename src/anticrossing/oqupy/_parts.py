"""The system and the bath as OQuPy takes them. OQuPy is imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from oqupy.correlations import BaseCorrelations
from oqupy.system import BaseSystem

import oqupy
from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.linalg import kron


class _Correlations(BaseCorrelations):  # type: ignore[misc]  # OQuPy is not typed
    """Correlations known by their double integral from 0 to t = 0, h, 2h, …"""

    def __init__(self, step: float, twice: ComplexArray) -> None:
        self._step, self._twice = step, twice
        super().__init__()

    def correlation_2d_integral(self, delta: float, time_1: float, **options: Any) -> complex:
        """Return the integral over two steps `time_1` apart, or over half of one step."""
        g, k = self._twice, round(time_1 / self._step)
        return complex(g[1] if k == 0 else g[k + 1] - 2 * g[k] + g[k - 1])


class _Driven(oqupy.TimeDependentSystem):  # type: ignore[misc]
    """Levels known by what every half step does, (2 × steps, N, N)."""

    def __init__(self, halves: ComplexArray) -> None:
        # Not that of the class above, whose check of a function H(t) fails with NumPy 2.
        BaseSystem.__init__(self, halves.shape[-1])
        self._maps = kron(halves, halves.conj())

    def get_propagators(self, *options: Any) -> Callable[[int], tuple[Any, Any]]:
        return lambda step: (self._maps[2 * step], self._maps[2 * step + 1])


def process_tensor(
    places: FloatArray, step: float, twice: ComplexArray, steps: int, memory: int, cut: float
) -> Any:
    """Return the tensor of a bath on an operator with the eigenvalues `places`."""
    return oqupy.pt_tempo_compute(
        oqupy.Bath(np.diag(places), _Correlations(step, twice)),
        0.0,
        (steps + 0.5) * step,  # rounded down to whole steps
        parameters=oqupy.TempoParameters(dt=step, dkmax=memory, epsrel=cut),
        progress_type="silent",
    )


def follow(tensor: Any, halves: ComplexArray, rho: ComplexArray) -> ComplexArray:
    """Return ρ before and after every step, (steps + 1, N, N)."""
    found = oqupy.compute_dynamics(
        _Driven(halves),
        initial_state=rho,
        num_steps=halves.shape[0] // 2,
        process_tensor=tensor,
        progress_type="silent",
    )
    return np.asarray(found.states)
