"""The table [packet] beside [hamiltonian], checked before any propagation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anticrossing.checks import InputError, describe, fail, integer, known_keys, positive
from anticrossing.dynamics.wavepacket.absorber import Absorber
from anticrossing.dynamics.wavepacket.grid import MOST_COORDINATES, Grid
from anticrossing.dynamics.wavepacket.operator import GridHamiltonian
from anticrossing.dynamics.wavepacket.packets import WavePacket, initial_state
from anticrossing.dynamics.wavepacket.propagation import check_layers, make_layers
from anticrossing.experiment import motion, tables
from anticrossing.experiment.outcome import Progress, Study
from anticrossing.hamiltonian import Hamiltonian

if TYPE_CHECKING:
    from anticrossing.experiment.packet.result import PacketOutcome

LARGEST_GRID = 1 << 19  # points times states
_KEPT = 1 << 24  # complex amplitudes held at once, 256 MB
_LARGEST_WORK = 2e9  # steps times points times states: a few minutes
_CONVERGENCE = {1: 7.0, 2: 10.0}  # the price of the check, in runs
_DEFAULT_TOLERANCE = 1e-4

_KEYS = (
    "masses",
    "centre",
    "momentum",
    "width",
    "state",
    "basis",
    "stop",
    "step",
    "tolerance",
    "absorber",
    "divide",
    "samples",
    "convergence",
    "grid",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class PacketStudy(Study):
    """A validated file with the table [packet].

    Attributes
    ----------
    hamiltonian : Hamiltonian
        Of one or two coordinates.
    grid : Grid
    masses : float or list of float
    packet : WavePacket
    stop : float
    step : float or None
        None: chosen for `tolerance`.
    tolerance : float
        Bound on the error of ψ by the time step; of the convergence check, on probabilities.
    absorber : Absorber or None
    divide : float or None
    samples : int
    convergence : bool
        Whether the run is repeated with everything refined.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    masses: Any
    packet: WavePacket
    stop: float
    step: float | None
    tolerance: float
    absorber: Absorber | None
    divide: float | None
    samples: int
    convergence: bool

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, packet, grid and units, one line each."""
        packet = self.packet
        found = {
            "hamiltonian": repr(self.hamiltonian),
            "packet": f"centre {motion.shown(packet.centre)}, "
            f"momentum {motion.shown(packet.momentum)}, width {motion.shown(packet.width)}, "
            f"on {packet.basis} state {packet.state}, mass {motion.shown(self.masses)}",
            "grid": str(self.grid).removeprefix("Grid: "),
        }
        if self.absorber is not None:
            found["absorber"] = f"layers of {motion.shown(self.absorber.width)}"
        return {**found, "units": motion.describe_units(self.hamiltonian.units)}

    @property
    def size(self) -> int:
        """Points of the grid times states."""
        return math.prod(self.grid.shape) * self.hamiltonian.dimension

    def check_effort(self, step: float) -> None:
        """Refuse what would take far longer than some minutes."""
        runs = _CONVERGENCE[self.grid.coordinates] if self.convergence else 1.0
        work = max(self.stop / step, self.samples) * self.size * runs
        if work > _LARGEST_WORK:
            raise InputError(
                f"The propagation would take about {self.stop / step:.2g} steps, "
                f"{work / _LARGEST_WORK:.2g} times the limit of some minutes: take a larger step, "
                "a larger tolerance, a coarser or smaller grid, or no check of the convergence."
            )

    def run(self, progress: Progress | None = None) -> PacketOutcome:
        """Propagate the packet, and repeat it with everything refined if that is asked."""
        from anticrossing.experiment.packet.result import run

        return run(self)


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> PacketStudy:
    """Validate the tables of a wave packet."""
    given = tables.table(entries, "packet", required=True)
    hamiltonian = motion.hamiltonian(entries, MOST_COORDINATES)
    with tables.inside("packet"):
        known_keys("[packet]", given, _KEYS)
        grid = _grid(given)
        size = math.prod(grid.shape) * hamiltonian.dimension
        if size > LARGEST_GRID:
            raise fail(
                "points", f"make at most {LARGEST_GRID} with all states", f"there are {size}"
            )
        if "step" in given and "tolerance" in given and given.get("convergence") is not True:
            raise fail("tolerance", "be left out where `step` is given", "both are given")
        tolerance = motion.number(given, "tolerance", _DEFAULT_TOLERANCE)
        study = PacketStudy(
            **{key: heading[key] for key in ("name", "title", "source", "description", "text")},
            hamiltonian=hamiltonian,
            grid=grid,
            masses=motion.numbers(given, "masses"),
            packet=_packet(given),
            stop=_positive("stop", motion.number(given, "stop")),
            step=_positive("step", motion.number(given, "step")) if "step" in given else None,
            tolerance=_positive("tolerance", tolerance),
            absorber=_absorber(given, grid.coordinates),
            divide=_divide(given, grid),
            samples=_samples(given, size),
            convergence=_flag("convergence", given.get("convergence", False)),
        )
        if study.step is not None:
            study.check_effort(study.step)
        _check_start(study)
    return study


def _grid(given: Mapping[str, Any]) -> Grid:
    entries = tables.table(given, "grid", required=True)
    with tables.inside("packet.grid"):
        known_keys("[packet.grid]", entries, ("start", "stop", "points", "basis"))
        points = motion.numbers(entries, "points")
        for count in points if isinstance(points, list) else [points]:
            integer("points", count, minimum=4)
            if count > LARGEST_GRID:
                raise fail("points", f"be at most {LARGEST_GRID}", f"it is {count}")
        basis = entries.get("basis", "fft")
        for name in basis if isinstance(basis, list) else [basis]:
            tables.text("basis", name)
        return Grid(
            motion.numbers(entries, "start"), motion.numbers(entries, "stop"), points, basis=basis
        )


def _packet(given: Mapping[str, Any]) -> WavePacket:
    return WavePacket(
        **{key: motion.numbers(given, key) for key in ("centre", "momentum", "width")},
        state=given.get("state", 0),
        basis=given.get("basis", "adiabatic"),
    )


def _absorber(given: Mapping[str, Any], coordinates: int) -> Absorber | None:
    if "absorber" not in given:
        return None
    width = motion.numbers(given, "absorber")
    if isinstance(width, list) and len(width) != coordinates:
        raise fail(
            "absorber", f"be a number or a list of {coordinates}", f"its length is {len(width)}"
        )
    return Absorber(width)


def _divide(given: Mapping[str, Any], grid: Grid) -> float | None:
    if "divide" not in given:
        return None
    x = motion.number(given, "divide")
    if grid.coordinates != 1:
        raise fail("divide", "be used with one coordinate", "the grid has two")
    if not grid.start[0] < x < grid.stop[0]:
        raise fail("divide", "lie on the grid", f"it is {x:g}")
    return x


def _samples(given: Mapping[str, Any], size: int) -> int:
    most = min(1000, _KEPT // size)
    samples = integer("samples", given.get("samples", min(101, most)), minimum=5)
    if samples > most:
        raise fail("samples", f"be at most {most} on this grid", f"it is {samples}")
    return samples


def _check_start(study: PacketStudy) -> None:
    """Refuse masses, grids and layers that do not suit the packet."""
    operator = GridHamiltonian(study.hamiltonian, study.grid, study.masses)
    psi = initial_state(study.packet, operator)
    check_layers(psi, operator, make_layers(study.absorber, operator))
    if study.step is None:
        # No step is chosen that lets the mean kinetic phase turn by more than half a turn.
        weights = operator.momentum_weights(psi)
        kinetic = sum(float(w @ k) for w, k in zip(weights, operator.kinetic, strict=True))
        study.check_effort(math.pi / (kinetic + math.pi / study.stop))


def _positive(name: str, value: float) -> float:
    return float(positive(name, value))


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise fail(name, "be true or false", f"it is {describe(value)}")
    return value
