"""A wave packet as variables, numbers, tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.molecules.packets.convergence import REFINEMENTS, ConvergenceReport
from anticrossing.molecules.packets.limits import reach
from anticrossing.molecules.packets.result import WavePacketPropagation
from anticrossing.studies.motion import SIDES, in_words, probability, rough
from anticrossing.studies.outcome import Cell, Outcome, Scanned, Sentences, Table

_CONSERVED = 1e-6  # of the probability
_SETTLED = 1e-3  # of the probability: changes that a channel may still show


@record
class PacketOutcome(Outcome):
    """What came out of a wave packet.

    Attributes
    ----------
    experiment : PacketStudy
    motion : WavePacketPropagation
        At all times, without the wave functions but the last.
    snapshots : WavePacketPropagation
        The same at a few times, with the wave functions.
    convergence : ConvergenceReport or None
    time_before : float
        The recorded time at or before the last tenth of the run.
    channels_before : array, shape (2, N), or None
        `channels` at that time.
    scan : Scanned or None
    """

    experiment: Any
    motion: WavePacketPropagation
    snapshots: WavePacketPropagation
    convergence: ConvergenceReport | None
    time_before: float
    channels_before: FloatArray | None
    scan: Scanned | None

    @property
    def channels(self) -> FloatArray | None:
        """Probability below and above the dividing position, (2, N), if there is one."""
        divide = self.experiment.divide
        return None if divide is None else self.motion.channels(divide)

    @property
    def channel_change(self) -> float | None:
        """The largest change of a channel since `time_before`."""
        if self.channels is None or self.channels_before is None:
            return None
        return float(np.abs(self.channels - self.channels_before).max())

    @property
    def closed(self) -> npt.NDArray[np.bool_]:
        """Whether a level is above the energies of the packet at an end of the grid, (2, N).

        At an end where all are it is a wall, and False is returned: a packet may be bound there.
        """
        operator = self.motion.operator
        initial = self.snapshots.states
        assert initial is not None
        found = reach(operator, initial[0])
        highest = found.kinetic + operator.energies[found.inside, 0].min()
        above = operator.energies[[0, -1]] > highest
        return np.asarray(above & ~above.all(axis=1, keepdims=True))

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = "the adiabatic levels and the density of the packet at a few times"
        return f"the populations of the states against time; {shown}"

    def _attributes(self) -> dict[str, Any]:
        found = {**super()._attributes(), "step": self.motion.step}
        if self.convergence is not None:
            found |= {f"convergence_{k}": v for k, v in self.convergence.changes.items()}
            failures = self.convergence.failures.items()
            found |= {f"convergence_{key}": f"failed: {text}" for key, text in failures}
        return found

    def figure(self) -> Any:
        """Draw populations and densities."""
        from anticrossing.plot.motion import packet_figure

        return packet_figure(self)

    def own_variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        study, motion, snapshots = self.experiment, self.motion, self.snapshots
        units, names = study.hamiltonian.units, study.hamiltonian.coordinates
        time, energy = study.time_unit or "1", units.energy or "1"
        length, states = units.coordinate, motion.populations.shape[1]
        found: dict[str, Variable] = {
            "time": Variable(("time",), motion.times, "time", time),
            "state": Variable(("state",), np.arange(states), "adiabatic state, the lowest first"),
            "diabatic_state": Variable(
                ("diabatic_state",), [str(label) for label in study.hamiltonian.labels], "", ""
            ),
            "coordinate": Variable(("coordinate",), list(names), "", ""),
            "snapshot": Variable(("snapshot",), snapshots.times, "time of the densities", time),
        }
        places = tuple(f"grid_{name}" for name in names)
        for place, axis in zip(places, motion.grid.axes, strict=True):
            found[place] = Variable((place,), axis, "points of the grid", length or "1")
        found |= {
            "population": Variable(
                ("time", "state"),
                motion.populations,
                "probability of the adiabatic state on the grid",
            ),
            "diabatic_population": Variable(
                ("time", "diabatic_state"), motion.diabatic_populations, "probability on the grid"
            ),
            "norm": Variable(("time",), motion.norm, "probability on the grid"),
            "energy": Variable(("time",), motion.energy, "expectation value on the grid", energy),
            "position": Variable(
                ("time", "coordinate"), motion.positions, "mean on the grid", length or "1"
            ),
            "momentum": Variable(
                ("time", "coordinate"),
                motion.momenta,
                "mean on the grid",
                f"ħ/{length}" if length else "1",
            ),
            "level": Variable(
                (*places, "state"),
                motion.operator.energies.reshape(*motion.grid.shape, states),
                "adiabatic level",
                energy,
            ),
            "density": Variable(
                ("snapshot", "state", *places),
                self._density(),
                "probability density by state",
                _per(length, len(names)),
            ),
        }
        if motion.sides:
            found["side"] = Variable(("side",), list(motion.sides), "", "")
            found["absorbed"] = Variable(
                ("time", "side", "state"), motion.absorbed, "probability absorbed so far"
            )
        channels = self.channels
        if channels is not None:
            found["channel"] = Variable(("channel",), list(SIDES), "", "")
            found["channel_probability"] = Variable(
                ("channel", "state"), channels, f"on this side of {study.divide:g}, absorbed or not"
            )
        return found

    def _density(self) -> FloatArray:
        snapshots = self.snapshots
        assert snapshots.states is not None
        states, shape = snapshots.operator.states, snapshots.grid.shape
        amplitudes = [snapshots.operator.adiabatic_amplitudes(psi) for psi in snapshots.states]
        return np.asarray(np.abs(np.array(amplitudes)) ** 2).reshape(-1, states, *shape)

    def numbers(self) -> dict[str, Any]:
        """Return everything but the curves as nested dicts."""
        study, motion = self.experiment, self.motion
        found: dict[str, Any] = {
            "packet": {
                "centre": study.packet.centre,
                "momentum": study.packet.momentum,
                "width": study.packet.width,
                "state": study.packet.state,
                "basis": study.packet.basis,
                "masses": study.masses if study.asked.masses is None else study.asked.masses,
            },
            "time_unit": study.time_unit,
            "stop": study.stop,
            "step": motion.step,
            "populations": {
                "adiabatic": motion.populations[-1],
                "diabatic": motion.diabatic_populations[-1],
                "absorbed": motion.absorbed[-1].sum(axis=0),
            },
            "norm": {"on_grid": motion.norm[-1], "with_absorbed": self._whole()},
            "energy": {"initial": motion.energy[0], "drift": motion.energy_drift},
            "absorbed": dict(zip(motion.sides, motion.absorbed[-1], strict=True)),
        }
        channels = self.channels
        if channels is not None:
            found["channels"] = {"divide": study.divide, **dict(zip(SIDES, channels, strict=True))}
        if self.convergence is not None:
            found["convergence"] = {
                "changes": self.convergence.changes,
                "failures": self.convergence.failures,
                "tolerance": self.convergence.tolerance,
                "converged": self.convergence.converged,
            }
        return found

    def _whole(self) -> float:
        """Return the probability on the grid and absorbed together."""
        return float(self.motion.norm[-1] + self.motion.absorbed[-1].sum())

    def own_tables(self) -> list[Table]:
        """Return all tables."""
        found = [self._states_table()]
        if self.channels is not None:
            found.append(self._channels_table(self.channels))
        elif self.motion.sides:
            found.append(self._absorbed_table())
        found.append(self._conserved_table())
        if self.convergence is not None:
            found.append(self._convergence_table())
        return found

    def _states_table(self) -> Table:
        motion = self.motion
        columns = [
            motion.populations[0],
            motion.populations[-1],
            motion.absorbed[-1].sum(axis=0),
            motion.diabatic_populations[-1],
        ]
        rows = tuple(
            (n, *(probability(p) for p in values))
            for n, values in enumerate(zip(*columns, strict=True))
        )
        labels = ", ".join(map(str, self.experiment.hamiltonian.labels))
        return Table(
            "populations",
            ("state", "at the start", "at the end", "absorbed", "diabatic, at the end"),
            rows,
            "Of adiabatic states, the lowest first, but for the last column, which is of the "
            f"diabatic states {labels}; at the end: on the grid.",
        )

    def _channels_table(self, channels: Any) -> Table:
        name, divide = self.experiment.hamiltonian.coordinates[0], self.experiment.divide
        return Table(
            f"channels, divided at {name} = {divide:g}",
            ("side", *(f"state {n}" for n in range(channels.shape[1])), "sum"),
            _with_sums(SIDES, channels),
            "On the grid or absorbed, by adiabatic state. Of a packet that came from below, what "
            "is below was reflected and what is above transmitted, once the channels no longer "
            "change.",
        )

    def _absorbed_table(self) -> Table:
        motion = self.motion
        states = (f"state {n}" for n in range(motion.populations.shape[1]))
        return Table(
            "absorbed", ("layer", *states, "sum"), _with_sums(motion.sides, motion.absorbed[-1])
        )

    def _conserved_table(self) -> Table:
        motion = self.motion
        whole, tolerance = self._whole(), self.experiment.tolerance
        lost, drift = abs(whole - 1), motion.energy_drift / self._scale()
        return Table(
            "conserved",
            ("quantity", "value", "relative error", "allowed", ""),
            (
                (
                    "probability, absorbed or not",
                    probability(whole),
                    rough(lost),
                    _CONSERVED,
                    bool(lost <= _CONSERVED),
                ),
                (
                    "energy",
                    float(motion.energy[0]),
                    rough(drift),
                    tolerance,
                    bool(drift <= tolerance),
                ),
            ),
            "The energy: its largest change while nothing has been absorbed, relative to its size. "
            f"Time step {self.experiment.shown_time(motion.step)}, order {motion.order}.",
        )

    def _scale(self) -> float:
        """Return the size of the energy: of kinetic energy and levels, so that no zero matters."""
        motion = self.motion
        kinetic = 0.5 * motion.momenta[0] ** 2 / motion.operator.masses
        return float(
            max(abs(motion.energy[0]), kinetic.sum(), np.abs(motion.operator.energies).max())
        )

    def _convergence_table(self) -> Table:
        report = self.convergence
        assert report is not None
        rows: list[tuple[Cell, ...]] = [
            (REFINEMENTS[key], rough(change), report.tolerance, bool(change <= report.tolerance))
            for key, change in report.changes.items()
        ]
        rows += [(REFINEMENTS[key], None, report.tolerance, None) for key in report.failures]
        return Table(
            "converged?",
            ("repeated with", "largest change", "allowed", ""),
            tuple(rows),
            "Changes of the probabilities above.",
        )

    def own_sentences(self) -> Sentences:
        """Return verdict and notes."""
        motion, study = self.motion, self.experiment
        when = f"At t = {study.shown_time(motion.times[-1])}"
        channels = self.channels
        if channels is not None:
            below, above = (in_words(values) for values in channels)
            where = f"{study.hamiltonian.coordinates[0]} = {study.divide:g}"
            verdict = f"{when} the packet is above {where} with {above}, below with {below}."
        else:
            total = motion.populations[-1] + motion.absorbed[-1].sum(axis=0)
            absorbed = " (absorbed or not)" if motion.sides else ""
            verdict = (
                f"{when} the packet is on the adiabatic states with {in_words(total)}{absorbed}."
            )
        table = self._conserved_table()
        trusted = all(row[-1] is True for row in table.rows)
        notes = []
        if not trusted:
            notes.append("probability or energy is not conserved: take a smaller step")
        unsettled = self._unsettled()
        notes += unsettled
        trusted = trusted and not unsettled
        if self.convergence is None:
            notes.append(
                "whether grid and step are fine enough was not checked (`convergence = true` does)"
            )
        else:
            notes += _convergence_notes(self.convergence)
            trusted = trusted and self.convergence.converged
        return Sentences(verdict, trusted, tuple(notes))

    def _unsettled(self) -> list[str]:
        """Return why the channels of the last time are not the final ones, if they are not."""
        channels = self.channels
        notes: list[str] = []
        change = self.channel_change
        if channels is None or change is None:
            return notes
        if change > _SETTLED:
            notes.append(
                f"the channels still change, by {change:.1e} in the last "
                f"{self.experiment.shown_time(self.motion.times[-1] - self.time_before)}: "
                "what is above or below is not yet transmitted or reflected; take a longer stop"
            )
        caught = self.closed & (channels > _SETTLED)
        if caught.any():
            shown = ", ".join(
                f"P{state} = {channels[side, state]:.5f} {SIDES[side]}"
                for side, state in zip(*np.nonzero(caught), strict=True)
            )
            notes.append(
                f"the packet has {shown} on a level that is closed at that end of the grid while "
                "another is open: it is still caught where the levels mix; take a longer stop"
            )
        return notes


def _per(length: str, coordinates: int) -> str:
    """Return the unit of a density."""
    if not length:
        return "1"
    return f"1/{length}" if coordinates == 1 else f"1/{length}^{coordinates}"


def _with_sums(names: Iterable[str], values: Any) -> tuple[tuple[Cell, ...], ...]:
    """Return a row for each name, its probabilities by state and their sum."""
    return tuple(
        (name, *(probability(p) for p in row), probability(float(row.sum())))
        for name, row in zip(names, values, strict=True)
    )


def _convergence_notes(report: ConvergenceReport) -> list[str]:
    notes: list[str] = []
    if report.changes:
        largest = max(report.changes.values())
        held = "converged" if largest <= report.tolerance else "NOT converged"
        notes.append(
            f"the probabilities are {held}: refined in turn, they change by at most {largest:.1e}"
        )
    for key, text in report.failures.items():
        notes.append(
            f"with {REFINEMENTS[key]} the run cannot be repeated, so that this is NOT checked: "
            f"{text.removesuffix('.')}"
        )
    return notes
