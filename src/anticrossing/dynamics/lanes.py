"""Parameter points side by side: H(x(t)) for every lane of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import FloatArray
from anticrossing.drive import Drive
from anticrossing.hamiltonian import FunctionHamiltonian, Hamiltonian, check_finite_hermitian


@dataclass(frozen=True)
class Lanes:
    """H(x(t)) for every parameter point, flattened to one axis."""

    hamiltonian: Hamiltonian
    drive: Drive
    batch_shape: tuple[int, ...]
    h_parameters: Mapping[str, FloatArray]
    d_parameters: Mapping[str, FloatArray]
    start: FloatArray
    stop: FloatArray

    @classmethod
    def of(cls, hamiltonian: Hamiltonian, drive: Drive, batch_shape: tuple[int, ...] = ()) -> Lanes:
        """Return the lanes of a Hamiltonian and a drive, and of anything else of `batch_shape`."""
        batch = np.broadcast_shapes(hamiltonian.batch_shape, drive.batch_shape, batch_shape)
        return cls(
            hamiltonian,
            drive,
            batch,
            hamiltonian.flat_parameters(batch),
            drive.flat_parameters(batch),
            np.broadcast_to(drive.start_time, batch).reshape(-1),
            np.broadcast_to(drive.stop_time, batch).reshape(-1),
        )

    @property
    def count(self) -> int:
        """The number of lanes."""
        return int(self.start.size)

    def matrices(self, times: npt.NDArray[Any], lane: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return H in radians per time at `times` (P, n) of lanes `lane` (P,): (P, n, N, N)."""
        x = self.drive.evaluate(times, {k: v[lane][:, None] for k, v in self.d_parameters.items()})
        values = self.hamiltonian.evaluate(
            x, {k: v[lane][:, None] for k, v in self.h_parameters.items()}
        )
        if isinstance(self.hamiltonian, FunctionHamiltonian) or not np.isfinite(values.sum()):
            check_finite_hermitian(values, x)
        factor = self.hamiltonian.units.angular
        return values if factor == 1.0 else factor * values
