"""The table [packet] beside [hamiltonian], checked before any propagation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    known_keys,
    positive_number,
)
from anticrossing._core.unchanging import read_only
from anticrossing.molecules.packets.absorber import Absorber, check_layers, make_layers
from anticrossing.molecules.packets.grid import MOST_COORDINATES, Grid
from anticrossing.molecules.packets.limits import check_step
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.step import steps_within
from anticrossing.studies import motion, tables

LARGEST_GRID = 1 << 19  # points times states
_KEPT = 1 << 24  # complex amplitudes held at once, 256 MB
_LARGEST_WORK = 2e9  # steps times points times states: a few minutes
_CONVERGENCE = {1: 7.0, 2: 10.0}  # the price of a run and of the check, in runs
_DEFAULT_TOLERANCE = 1e-4
_FARTHEST = 1e100  # positions whose squares can be had

_KEYS = (
    "masses",
    "mass_unit",
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


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class PacketStudy(motion.MotionStudy):
    """A validated file with the table [packet].

    Attributes
    ----------
    grid : Grid
    masses : array, shape (f,)
        With ħ = 1.
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

    grid: Grid
    masses: FloatArray
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
        packet, given = self.packet, self.entries["packet"]
        found = {
            "hamiltonian": repr(self.hamiltonian),
            "packet": f"centre {motion.shown(packet.centre)}, "
            f"momentum {motion.shown(packet.momentum)}, width {motion.shown(packet.width)}, "
            f"on {packet.basis} state {packet.state}, {motion.shown_masses(given)}",
            "grid": str(self.grid).removeprefix("Grid: "),
        }
        if self.absorber is not None:
            found["absorber"] = f"layers of {motion.shown(self.absorber.width)}"
        units = motion.describe_units(self.hamiltonian.units, given.get("mass_unit"))
        return {**found, "units": units}

    @property
    def size(self) -> int:
        """Points of the grid times states."""
        return math.prod(self.grid.shape) * self.hamiltonian.dimension

    @property
    def runs(self) -> float:
        """The price of everything, in propagations."""
        return _CONVERGENCE[self.grid.coordinates] if self.convergence else 1.0

    def check_effort(self, step: float) -> None:
        """Refuse what would take far longer than some minutes."""
        work = max(self.stop / step, self.samples) * self.size * self.runs
        if work > _LARGEST_WORK:
            raise InputError(
                f"The propagation would take about {self.stop / step:.2g} steps, "
                f"{work / _LARGEST_WORK:.2g} times the limit of some minutes: take a larger step, "
                "a larger tolerance, a coarser or smaller grid, or no check of the convergence."
            )


def read(entries: Mapping[str, Any], heading: Mapping[str, str]) -> PacketStudy:
    """Validate the tables of a wave packet."""
    given = tables.table(entries, "packet", required=True)
    hamiltonian = motion.hamiltonian(entries, MOST_COORDINATES)
    coordinates = len(hamiltonian.coordinates)
    with tables.inside("packet"):
        known_keys("[packet]", given, _KEYS)
        mesh = tables.table(given, "grid", required=True)
    grid = _grid(mesh, coordinates)
    with tables.inside("packet"):
        size = math.prod(grid.shape) * hamiltonian.dimension
        if size > LARGEST_GRID:
            raise fail(
                "points", f"make at most {LARGEST_GRID} with all states", f"there are {size}"
            )
        convergence = motion.flag(given, "convergence")
        if "step" in given and "tolerance" in given and not convergence:
            raise fail("tolerance", "be left out where `step` is given", "both are given")
        study = PacketStudy(
            **heading,
            entries=motion.entries_of(entries, "packet"),
            hamiltonian=hamiltonian,
            grid=grid,
            masses=motion.masses(given, hamiltonian),
            packet=_packet(given, coordinates),
            stop=motion.duration(given, "stop"),
            step=motion.duration(given, "step") if "step" in given else None,
            tolerance=_tolerance(given),
            absorber=_absorber(given, coordinates),
            divide=_divide(given, grid),
            samples=_samples(given, size),
            convergence=convergence,
        )
        if study.step is not None:
            study.check_effort(study.step)
    with tables.inside("packet"):
        _check_start(study)
    return study


def _grid(entries: Mapping[str, Any], coordinates: int) -> Grid:
    with tables.inside("packet.grid"):
        known_keys("[packet.grid]", entries, ("start", "stop", "points", "basis"))
        points = _each(tables.required(entries, "points"), coordinates)
        for count in points:
            if integer("points", count, minimum=4) > LARGEST_GRID:
                raise fail("points", f"be at most {LARGEST_GRID}", f"it is {describe(count)}")
        basis = [
            tables.text("basis", name) for name in _each(entries.get("basis", "fft"), coordinates)
        ]
        start, stop = (motion.vector(entries, key, coordinates) for key in ("start", "stop"))
        if max(np.abs(start).max(), np.abs(stop).max()) > _FARTHEST:
            raise fail("start", f"lie within {_FARTHEST:g}, as `stop`", "one of them does not")
        return Grid(start, stop, points, basis=basis)


def _each(value: Any, coordinates: int) -> list[Any]:
    """Return a list as it is, a single value once for each coordinate."""
    return value if isinstance(value, list) else [value] * coordinates


def _packet(given: Mapping[str, Any], coordinates: int) -> WavePacket:
    parts = {key: motion.vector(given, key, coordinates) for key in ("centre", "momentum", "width")}
    return WavePacket(**parts, state=given.get("state", 0), basis=given.get("basis", "adiabatic"))


def _tolerance(given: Mapping[str, Any]) -> float:
    tolerance = positive_number("tolerance", motion.number(given, "tolerance", _DEFAULT_TOLERANCE))
    if tolerance >= 1:
        raise fail("tolerance", "be below 1, the whole probability", f"it is {tolerance:g}")
    return tolerance


def _absorber(given: Mapping[str, Any], coordinates: int) -> Absorber | None:
    if "absorber" not in given:
        return None
    width = motion.numbers(given, "absorber")
    rows = width if isinstance(width, list) else [width]
    fits = isinstance(width, float | int) or len(rows) == coordinates
    if not fits or any(not _is_side(row) for row in rows):
        raise fail(
            "absorber",
            f"be a width or a list of {coordinates}, each a width or [lower, upper]",
            f"it is {describe(width)}",
        )
    pairs = np.array([np.broadcast_to(row, (2,)) for row in rows], dtype=np.float64)
    if pairs.min() < 0 or pairs.max() == 0:
        raise fail(
            "absorber", "not be negative, and positive somewhere", f"it is {describe(width)}"
        )
    return Absorber(width if isinstance(width, float | int) else pairs)


def _is_side(row: Any) -> bool:
    """Whether this is a width, or one for each end of a coordinate."""
    if not isinstance(row, list):
        return True
    return len(row) == 2 and not any(isinstance(entry, list) for entry in row)


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
        raise fail("samples", f"be at most {most} on this grid", f"it is {describe(samples)}")
    return samples


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused by name
def _check_start(study: PacketStudy) -> None:
    """Refuse masses, grids and layers that do not suit the packet."""
    operator = GridHamiltonian(study.hamiltonian, study.grid, study.masses)
    psi = initial_state(study.packet, operator)
    check_layers(psi, operator, make_layers(study.absorber, operator))
    if study.step is not None:
        interval = study.stop / (study.samples - 1)
        count = steps_within("step", interval, study.step, study.samples - 1)
        check_step(operator, psi, interval / count)
    else:
        # No step is chosen that lets the mean kinetic phase turn by more than half a turn.
        weights = operator.momentum_weights(psi)
        turn = operator.angular * sum(
            float(w @ k) for w, k in zip(weights, operator.kinetic, strict=True)
        )
        study.check_effort(math.pi / (turn + math.pi / study.stop))
