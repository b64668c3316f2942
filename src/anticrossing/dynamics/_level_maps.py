"""Maps of steady states: one table of the generator for a whole grid of drives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ConvergenceError, FloatArray, fail
from anticrossing._core.threads import one_thread, processors
from anticrossing.dynamics._generator_table import Moved, Table
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

_CHUNK = 32  # points that one thread takes at a time
_TAIL = 0.01  # of the tolerance, that the table of the generator may leave out
_LEAST_TAIL = 1e-12


@dataclass(frozen=True)
class Work:
    """A grid of drives whose steady states share one generator L(x).

    Attributes
    ----------
    points : array, shape (P, 3 + 2n)
        Offset, amplitude and frequency, and weight and phase of every tone.
    """

    hamiltonian: Hamiltonian
    environment: Environment
    points: FloatArray
    harmonics: tuple[int, ...]
    ends: tuple[float, float]
    adiabatic: bool
    accuracy: float

    @property
    def tail(self) -> float:
        """What the table of the generator may leave out."""
        return max(_TAIL * self.accuracy, _LEAST_TAIL)

    def solve(
        self, moved: Moved | None = None, resolution: int = 0
    ) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
        """Return mean populations (P, N), bounds on their errors and the steps of a period (P,)."""
        from anticrossing.dynamics import _level_interferogram

        with one_thread:  # small matrices
            table = Table.of(
                self.hamiltonian,
                self.environment.flat(()),
                self.ends,
                self.adiabatic,
                self.tail,
                moved=moved,
                resolution=resolution,
            )
        populations = np.empty((self.points.shape[0], self.hamiltonian.dimension))
        info = np.empty((self.points.shape[0], 3))

        def one(start: int) -> None:
            own = slice(start, start + _CHUNK)
            _level_interferogram.steady(
                self.points[own],
                np.array(self.harmonics, dtype=np.float64),
                table.edges,
                table.degrees,
                table.series,
                table.read,
                table.numbers,
                table.speed,
                table.scale,
                self.accuracy,
                populations[own],
                info[own],
            )

        with one_thread, ThreadPoolExecutor(processors()) as pool:
            list(pool.map(one, range(0, self.points.shape[0], _CHUNK)))
        _require(self.points, info[:, 2])
        return populations, info[:, 0] + self.tail, info[:, 1].astype(np.intp)


def reach(points: FloatArray) -> tuple[float, float]:
    """Return what x may run through at all points together."""
    with np.errstate(over="ignore", invalid="ignore"):
        swing = np.abs(points[:, 1]) * np.sum(np.abs(points[:, 3::2]), axis=1)
        low, high = np.min(points[:, 0] - swing), np.max(points[:, 0] + swing)
    if not np.isfinite(high - low):
        raise fail("amplitude", "leave x in the range of numbers", f"it reaches {high:g}")
    if high == low:  # nothing moves: a range about the place
        low, high = low - max(1e-3, 1e-3 * abs(low)), high + max(1e-3, 1e-3 * abs(high))
    return float(low), float(high)


def _require(points: FloatArray, reasons: FloatArray) -> None:
    """Refuse a grid with points that have no answer."""
    from anticrossing.dynamics._level_interferogram import NOT_UNIQUE

    failed = np.flatnonzero(reasons)
    if failed.size == 0:
        return
    offset, amplitude, frequency = points[failed[0], :3]
    where = (
        f"at {failed.size} of {reasons.size} points, first at offset={offset:g}, "
        f"amplitude={amplitude:g}, frequency={frequency:g}"
    )
    if reasons[failed[0]] == NOT_UNIQUE:
        raise ConvergenceError(
            f"The periodic steady state is not unique {where}: add what relaxes all levels, such "
            "as `ThermalRelaxation`."
        )
    raise ConvergenceError(
        f"The drive is too slow to follow a period {where}, beside the levels or the rates of "
        "environment and noise: raise `frequency`, lower `amplitude`, allow a larger `tolerance`, "
        "or follow a single point with `periodic_steady_state`."
    )
