"""A nuclear wave packet on coupled surfaces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    positive_number,
)
from anticrossing._core.unchanging import record
from anticrossing.molecules.packets.absorber import Absorber, check_layers, make_layers
from anticrossing.molecules.packets.convergence import check_convergence
from anticrossing.molecules.packets.grid import MOST_COORDINATES, Grid
from anticrossing.molecules.packets.limits import check_step
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.propagation import propagate_packet
from anticrossing.molecules.packets.result import WavePacketPropagation
from anticrossing.molecules.packets.step import choose_step, steps_within
from anticrossing.studies import motion, tables
from anticrossing.studies.motion import SIDES
from anticrossing.studies.motion_tables import GridTable, PacketTable
from anticrossing.studies.outcome import Output, Progress
from anticrossing.studies.outcomes.packet import PacketOutcome
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import Heading, chosen_outputs

LARGEST_GRID = 1 << 19  # points times states
SNAPSHOTS = 5
_KEPT = 1 << 24  # complex amplitudes held at once, 256 MB
_LARGEST_WORK = 2e9  # steps times points times states: a few minutes
_CONVERGENCE = {1: 7.0, 2: 10.0}  # the price of a run and of the check, in runs
_DEFAULT_TOLERANCE = 1e-4
_FARTHEST = 1e100  # positions whose squares can be had
_LATE = 0.9 * (1 + 1e-12)  # of the run: at its end nothing should change any more
_AT_TIMES = (
    "times",
    "populations",
    "diabatic_populations",
    "norm",
    "energy",
    "positions",
    "momenta",
    "absorbed",
    "states",
)


class PacketFile(TableOfFile, frozen=True, kw_only=True):
    """The tables of a wave packet."""

    hamiltonian: dict[str, Any]
    packet: PacketTable
    units: dict[str, Any] = {}


@record(kw_only=True)
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
    asked : PacketTable
    longest_step : float
        The step, or what it is at most where it is chosen.
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
    asked: PacketTable
    longest_step: float

    structure: ClassVar[type[TableOfFile]] = PacketFile
    varied: ClassVar[tuple[str, ...]] = ("hamiltonian", "packet")
    example: ClassVar[Mapping[str, Any]] = {
        "hamiltonian": {"model": "TullySimple"},
        "packet": {
            "grid": {"start": -24.0, "stop": 24.0, "points": 768},
            "centre": -12.0,
            "momentum": 20.0,
            "width": 1.0,
            "stop": 2400.0,
            "masses": 2000.0,
            "step": 1.0,
            "divide": 0.0,
        },
    }

    @classmethod
    def read(cls, given: PacketFile, entries: Mapping[str, Any], heading: Heading) -> Self:
        """Build and check the grid and the packet."""
        asked = given.packet
        hamiltonian = motion.hamiltonian(entries, MOST_COORDINATES)
        coordinates = len(hamiltonian.coordinates)
        grid = _grid(asked.grid, coordinates)
        with tables.inside("packet"):
            size = math.prod(grid.shape) * hamiltonian.dimension
            if size > LARGEST_GRID:
                must = f"make at most {LARGEST_GRID} with all states"
                raise fail("points", must, f"there are {size}")
            if asked.step is not None and asked.tolerance is not None and not asked.convergence:
                raise fail("tolerance", "be left out where `step` is given", "both are given")
            study = cls(
                **heading._asdict(),
                tables=entries,
                hamiltonian=hamiltonian,
                grid=grid,
                masses=motion.masses(asked.masses, asked.mass_unit, hamiltonian),
                packet=_packet(asked, coordinates),
                stop=positive_number("stop", asked.stop),
                step=None if asked.step is None else positive_number("step", asked.step),
                tolerance=_tolerance(asked.tolerance),
                absorber=_absorber(asked.absorber, coordinates),
                divide=_divide(asked.divide, grid),
                samples=_samples(asked.samples, size),
                convergence=asked.convergence,
                asked=asked,
                longest_step=asked.stop if asked.step is None else asked.step,
            )
            study.check_effort(study.longest_step)
            study = replace(study, longest_step=_longest_step(study))
            study.check_effort(study.longest_step)
        return study

    @property
    def setup(self) -> dict[str, str]:
        """Hamiltonian, packet, grid and units, one line each."""
        packet, given = self.packet, self.asked
        found = {
            "hamiltonian": repr(self.hamiltonian),
            "packet": f"centre {motion.shown(packet.centre)}, "
            f"momentum {motion.shown(packet.momentum)}, width {motion.shown(packet.width)}, "
            f"on {packet.basis} state {packet.state}, {motion.shown_masses(given.masses)}",
            "grid": str(self.grid).removeprefix("Grid: "),
        }
        if self.absorber is not None:
            found["absorber"] = f"layers of {motion.shown(self.absorber.width)}"
        units = motion.describe_units(self.hamiltonian.units, given.mass_unit)
        return {**found, "units": units}

    @property
    def size(self) -> int:
        """Points of the grid times states."""
        return math.prod(self.grid.shape) * self.hamiltonian.dimension

    @property
    def runs(self) -> float:
        """The price of everything, in propagations."""
        return _CONVERGENCE[self.grid.coordinates] if self.convergence else 1.0

    @property
    def effort(self) -> float:
        """Steps times amplitudes, over what takes some minutes: at least, for a step not given."""
        return self._effort(self.longest_step)

    def _effort(self, step: float) -> float:
        return max(self.stop / step, self.samples) * self.size * self.runs / _LARGEST_WORK

    def check_effort(self, step: float) -> None:
        """Refuse what would take far longer than some minutes."""
        if (effort := self._effort(step)) > 1:
            raise InputError(
                f"The propagation would take about {self.stop / step:.2g} steps, "
                f"{effort:.2g} times the limit of some minutes: take a larger step, "
                "a larger tolerance, a coarser or smaller grid, or no check of the convergence."
            )

    # ---- points -------------------------------------------------------------------------------

    @property
    def outputs(self) -> dict[str, Output]:
        """What can be had at every point of a sweep: channels, where there are some."""
        if self.divide is None:
            return {**_OUTPUTS, "population": _OUTPUTS["population"]._replace(default=True)}
        channel = {"channel": _CHANNEL, "channel_change": _CHANNEL_CHANGE}
        return {**channel, **_OUTPUTS}

    @property
    def labels(self) -> dict[str, Sequence[Any]]:
        """Sides and states."""
        return {
            "side": SIDES,
            "state": range(self.hamiltonian.dimension),
            "diabatic_state": [str(label) for label in self.hamiltonian.labels],
        }

    def compute(self, outputs: Sequence[str]) -> dict[str, Any]:
        """Propagate the packet, and return outputs at its end."""
        with tables.inside("packet"):
            result = _run(self, None)
        last = result.motion
        lost = last.absorbed[-1].sum(axis=0)
        found = {
            "channel": result.channels,
            "channel_change": result.channel_change,
            "population": last.populations[-1] + lost,
            "diabatic_population": last.diabatic_populations[-1],
            "norm": float(last.norm[-1] + lost.sum()),
            "energy_drift": last.energy_drift,
            "step": last.step,
        }
        return {name: found[name] for name in outputs}

    def check_varied(self, parameter: str) -> None:
        """Raise unless a parameter can vary, in a study that a sweep can repeat."""
        if self.convergence:
            raise fail("convergence", "be left out of a sweep", "it is true")
        super().check_varied(parameter)

    # ---- the result ---------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> PacketOutcome:
        """Propagate a packet, and repeat it with everything refined if that is asked."""
        with tables.inside("packet"):
            found = _run(self, progress)
        return replace(found, scan=scan(self, chosen_outputs(self, None), progress))


_CHANNEL = Output("probability by side and adiabatic state", ("side", "state"), default=True)
_CHANNEL_CHANGE = Output("largest change of a channel in the last tenth of the run")
_OUTPUTS = {
    "population": Output(
        "final probability by adiabatic state, on the grid or absorbed", ("state",)
    ),
    "diabatic_population": Output(
        "final probability by diabatic state, on the grid", ("diabatic_state",)
    ),
    "norm": Output("probability on the grid or absorbed"),
    "energy_drift": Output("largest change of the energy while nothing was absorbed"),
    "step": Output("time step"),
}


KIND = PacketStudy


# ---- reading ----------------------------------------------------------------------------------


def _grid(given: GridTable, coordinates: int) -> Grid:
    with tables.inside("packet.grid"):
        points = _each(given.points, coordinates)
        for count in points:
            integer("points", count, minimum=4, maximum=LARGEST_GRID)
        start = motion.vector("start", given.start, coordinates)
        stop = motion.vector("stop", given.stop, coordinates)
        if max(np.abs(start).max(), np.abs(stop).max()) > _FARTHEST:
            raise fail("start", f"lie within {_FARTHEST:g}, as `stop`", "one of them does not")
        return Grid(start, stop, points, basis=_each(given.basis, coordinates))


def _each(value: Any, coordinates: int) -> list[Any]:
    """Return a list as it is, a single value once for each coordinate."""
    return value if isinstance(value, list) else [value] * coordinates


def _packet(given: PacketTable, coordinates: int) -> WavePacket:
    keys = ("centre", "momentum", "width")
    parts = {key: motion.vector(key, getattr(given, key), coordinates) for key in keys}
    return WavePacket(**parts, state=given.state, basis=given.basis)


def _tolerance(given: float | None) -> float:
    tolerance = positive_number("tolerance", _DEFAULT_TOLERANCE if given is None else given)
    if tolerance >= 1:
        raise fail("tolerance", "be below 1, the whole probability", f"it is {tolerance:g}")
    return tolerance


def _absorber(given: float | list[Any] | None, coordinates: int) -> Absorber | None:
    if given is None:
        return None
    rows = given if isinstance(given, list) else [given]
    if isinstance(given, list) and (len(rows) != coordinates or not all(map(_is_side, rows))):
        must = f"be a width or a list of {coordinates}, each a width or [lower, upper]"
        raise fail("absorber", must, f"it is {describe(given)}")
    pairs = np.array([np.broadcast_to(row, (2,)) for row in rows], dtype=np.float64)
    if pairs.min() < 0 or pairs.max() == 0:
        must = "not be negative, and positive somewhere"
        raise fail("absorber", must, f"it is {describe(given)}")
    return Absorber(pairs if isinstance(given, list) else given)


def _is_side(row: Any) -> bool:
    """Whether this is a width, or one for each end of a coordinate."""
    return not isinstance(row, list) or len(row) == 2


def _divide(given: float | None, grid: Grid) -> float | None:
    if given is not None and grid.coordinates != 1:
        raise fail("divide", "be used with one coordinate", "the grid has two")
    if given is not None and not grid.start[0] < given < grid.stop[0]:
        raise fail("divide", "lie on the grid", f"it is {given:g}")
    return given


def _samples(given: int | None, size: int) -> int:
    most = min(1000, _KEPT // size)
    samples = integer("samples", min(101, most) if given is None else given, minimum=5)
    if samples > most:
        raise fail("samples", f"be at most {most} on this grid", f"it is {describe(samples)}")
    return samples


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused by name
def _longest_step(study: PacketStudy) -> float:
    """Refuse masses, grids and layers that do not suit the packet; return the step at most."""
    operator = GridHamiltonian(study.hamiltonian, study.grid, study.masses)
    psi = initial_state(study.packet, operator)
    check_layers(psi, operator, make_layers(study.absorber, operator))
    if study.step is not None:
        interval = study.stop / (study.samples - 1)
        count = steps_within("step", interval, study.step, study.samples - 1)
        check_step(operator, psi, interval / count)
        return study.step
    # No step is chosen that lets the mean kinetic phase turn by more than half a turn.
    weights = operator.momentum_weights(psi)
    turn = operator.angular * sum(
        float(w @ k) for w, k in zip(weights, operator.kinetic, strict=True)
    )
    return float(1 / (turn / np.pi + np.float64(1) / study.stop))


# ---- computing --------------------------------------------------------------------------------


def _run(study: PacketStudy, progress: Progress | None) -> PacketOutcome:
    where = (study.hamiltonian, study.grid, study.masses, study.packet)
    step = study.step
    if step is None:
        step = choose_step(
            *where, stop=study.stop, tolerance=study.tolerance, absorber=study.absorber
        )
        study.check_effort(step)
    # The check counts by its price: a bar that moves as the time does.
    intervals = study.samples - 1
    total = round(intervals * study.runs)

    def first(done: int, _: int) -> None:
        if progress is not None:
            progress(done, total)

    def check(done: int, count: int) -> None:
        first(intervals + round(done / count * (total - intervals)), count)

    found = propagate_packet(
        *where,
        stop=study.stop,
        step=step,
        samples=study.samples,
        absorber=study.absorber,
        keep_states=True,
        progress=first,
    )
    report = None
    if study.convergence:
        report = check_convergence(
            *where,
            stop=study.stop,
            step=found.step,
            absorber=study.absorber,
            divide=study.divide,
            tolerance=study.tolerance,
            progress=check,
        )
    motion, before = replace(found, states=None), _before_the_last_tenth(found)
    return PacketOutcome(
        study,
        motion,
        _snapshots(found),
        report,
        time_before=float(before.times[-1]),
        channels_before=None if study.divide is None else before.channels(study.divide),
        scan=None,
    )


def _before_the_last_tenth(found: WavePacketPropagation) -> WavePacketPropagation:
    """Return the run up to there."""
    assert found.states is not None
    last = int(np.flatnonzero(found.times <= _LATE * found.times[-1])[-1])
    rows = {key: getattr(found, key)[: last + 1] for key in _AT_TIMES}
    return replace(found, **rows, state=found.states[last])


def _snapshots(found: WavePacketPropagation) -> WavePacketPropagation:
    last = found.times.size - 1
    chosen = np.unique(np.linspace(0, last, SNAPSHOTS).round().astype(np.intp))
    return replace(found, **{key: getattr(found, key)[chosen] for key in _AT_TIMES})
