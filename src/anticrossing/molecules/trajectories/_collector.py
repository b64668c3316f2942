"""Chunks of an ensemble put together, the sums of the blocks added in their order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.molecules.electronic.base import ElectronicStates
from anticrossing.molecules.trajectories._chunks import Chunk
from anticrossing.molecules.trajectories._on_the_fly import STOPPED
from anticrossing.molecules.trajectories._state import observables
from anticrossing.molecules.trajectories.request import Request
from anticrossing.molecules.trajectories.result import EnsembleResult, HopLog, Mean

_COLD = 0.1  # largest drift of the energy per temperature that nothing is said of
_COARSE = 0.05  # the same per mean kinetic energy, at its largest
_FEW = 0.01  # share of trajectories that may drift more


class Collector:
    """Takes the chunks of an ensemble one after the other, and makes its result."""

    def __init__(self, request: Request) -> None:
        n, f = request.hamiltonian.dimension, len(request.hamiltonian.coordinates)
        shape = (request.outputs, observables(n, f))
        self._request = request
        self._total, self._squares = np.zeros(shape), np.zeros(shape)
        self._rows: list[Chunk] = []

    def add(self, chunk: Chunk) -> None:
        """Add the next chunk; of its sums only the totals are kept."""
        for sums, squares in zip(chunk["sums"], chunk["squares"], strict=True):
            self._total += sums
            self._squares += squares
        self._rows.append({k: v for k, v in chunk.items() if k not in ("sums", "squares")})

    @property
    def taken(self) -> int:
        """The number of chunks so far."""
        return len(self._rows)

    def result(self, compiled: bool) -> EnsembleResult:
        """Return the result of all chunks."""
        data = {key: np.concatenate([rows[key] for rows in self._rows]) for key in self._rows[0]}
        means = Mean.of_sums(self._total, self._squares, self._request.count)
        return _result(self._request, data, means, compiled)


def _warnings(stopped: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Say of how many trajectories the end came before its time, and why."""
    return tuple(
        f"{count} of {stopped.size} trajectories ended early and count with their last values: "
        f"{why} (the first is number {np.flatnonzero(stopped == code)[0]})"
        for code, why in STOPPED.items()
        if (count := int(np.sum(stopped == code)))
    )


def _drifting(request: Request, data: Chunk, kinetic: FloatArray) -> tuple[str, ...]:
    """Say so where the time step is too long for the motion, of which friction leaves no trace."""
    temperature = request.temperature
    if temperature is None:
        largest = float(np.max(kinetic))
        count = int(np.sum(data["drift"] > _COARSE * largest))
        if count <= _FEW * data["drift"].size:
            return ()
        return (
            f"the energy of {count} of {data['drift'].size} trajectories drifts by more than "
            f"{_COARSE:g} times the mean kinetic energy, {largest:.2g}: shorten `step`",
        )
    drift = float(np.max(data["drift"]))
    if drift <= _COLD * temperature:
        return ()
    return (
        f"the energy drifts by up to {drift:.2g}, which is {drift / temperature:.2g} times the "
        "temperature: narrow crossings, and with them rates, need a shorter `step`",
    )


def _result(request: Request, data: Chunk, means: Mean, compiled: bool) -> EnsembleResult:
    n, f = data["weights"].shape[1], data["position"].shape[1]

    def part(start: int, size: int) -> Mean:
        where = slice(start, start + size)
        return Mean(means.value[:, where], means.error[:, where])

    def one(place: int) -> Mean:
        return Mean(means.value[:, place], means.error[:, place])

    on_the_fly = isinstance(request.hamiltonian, ElectronicStates)
    active, electronic = part(0, n), part(n, n)
    codes = data["log_codes"]
    return EnsembleResult(
        times=request.times,
        populations=electronic if request.method == "ehrenfest" else active,
        electronic_populations=active if request.method == "landau-zener" else electronic,
        diabatic_populations=None if request.method == "mash" or on_the_fly else part(2 * n, n),
        kinetic_energy=one(3 * n),
        energy=one(3 * n + 1),
        position=part(3 * n + 2, f),
        momentum=part(3 * n + 2 + f, f),
        final_positions=data["position"],
        final_momenta=data["momentum"],
        final_levels=data["level"],
        final_weights=data["weights"],
        stop_times=data["steps"] * request.step,
        energy_drift=data["drift"],
        hops=HopLog(
            trajectory=data["log_trajectory"],
            time=data["log_numbers"][:, 0] * request.step,
            source=codes[:, 0],
            target=codes[:, 1],
            energy=data["log_numbers"][:, 1],
            reason=codes[:, 2],
            lost=int(data["events"].sum() - len(codes)),
            units=request.hamiltonian.units,
        ),
        seeds=data["seeds"],
        request=request,
        compiled=compiled,
        _kept=data["kept"],
        warnings=(_warnings(data["stopped"]) if on_the_fly else ())
        + _drifting(request, data, means.value[:, 3 * n]),
    )
