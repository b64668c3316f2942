"""A wave packet as variables, numbers, tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.variables import Variable
from anticrossing.molecules.packets.convergence import REFINEMENTS, ConvergenceReport
from anticrossing.studies.motion import SIDES, in_words, probability, rough
from anticrossing.studies.outcome import Cell, Sentences, Table

if TYPE_CHECKING:
    from anticrossing.studies.kinds.packet import PacketOutcome

_CONSERVED = 1e-6  # of the probability
_SETTLED = 1e-3  # of the probability: changes that a channel may still show


def variables(result: PacketOutcome) -> dict[str, Variable]:
    """Return everything, for the dataset."""
    study, motion, snapshots = result.experiment, result.motion, result.snapshots
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
            ("time", "state"), motion.populations, "probability of the adiabatic state on the grid"
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
            _density(result),
            "probability density by state",
            _per(length, len(names)),
        ),
    }
    if motion.sides:
        found["side"] = Variable(("side",), list(motion.sides), "", "")
        found["absorbed"] = Variable(
            ("time", "side", "state"), motion.absorbed, "probability absorbed so far"
        )
    channels = result.channels
    if channels is not None:
        found["channel"] = Variable(("channel",), list(SIDES), "", "")
        found["channel_probability"] = Variable(
            ("channel", "state"), channels, f"on this side of {study.divide:g}, absorbed or not"
        )
    if result.scan is not None:
        found |= result.scan.variables()
    return found


def _per(length: str, coordinates: int) -> str:
    """Return the unit of a density."""
    if not length:
        return "1"
    return f"1/{length}" if coordinates == 1 else f"1/{length}^{coordinates}"


def _density(result: PacketOutcome) -> FloatArray:
    snapshots = result.snapshots
    assert snapshots.states is not None
    states, shape = snapshots.operator.states, snapshots.grid.shape
    amplitudes = [snapshots.operator.adiabatic_amplitudes(psi) for psi in snapshots.states]
    return np.asarray(np.abs(np.array(amplitudes)) ** 2).reshape(-1, states, *shape)


def numbers(result: PacketOutcome) -> dict[str, Any]:
    """Return everything but the curves as nested dicts."""
    study, motion = result.experiment, result.motion
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
        "norm": {"on_grid": motion.norm[-1], "with_absorbed": _whole(result)},
        "energy": {"initial": motion.energy[0], "drift": motion.energy_drift},
        "absorbed": dict(zip(motion.sides, motion.absorbed[-1], strict=True)),
    }
    channels = result.channels
    if channels is not None:
        found["channels"] = {
            "divide": study.divide,
            **dict(zip(SIDES, channels, strict=True)),
        }
    if result.convergence is not None:
        found["convergence"] = {
            "changes": result.convergence.changes,
            "failures": result.convergence.failures,
            "tolerance": result.convergence.tolerance,
            "converged": result.convergence.converged,
        }
    return found


def _whole(result: PacketOutcome) -> float:
    """Return the probability on the grid and absorbed together."""
    return float(result.motion.norm[-1] + result.motion.absorbed[-1].sum())


# ---- tables -----------------------------------------------------------------------------------


def result_tables(result: PacketOutcome) -> tuple[Table, ...]:
    """Return all tables."""
    found = [_states_table(result)]
    if result.channels is not None:
        found.append(_channels_table(result, result.channels))
    elif result.motion.sides:
        found.append(_absorbed_table(result))
    found.append(_conserved_table(result))
    if result.convergence is not None:
        found.append(_convergence_table(result))
    if result.scan is not None:
        found.append(result.scan.table())
    return tuple(found)


def _states_table(result: PacketOutcome) -> Table:
    motion = result.motion
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
    labels = ", ".join(map(str, result.experiment.hamiltonian.labels))
    return Table(
        "populations",
        ("state", "at the start", "at the end", "absorbed", "diabatic, at the end"),
        rows,
        "Of adiabatic states, the lowest first, but for the last column, which is of the diabatic "
        f"states {labels}; at the end: on the grid.",
    )


def _channels_table(result: PacketOutcome, channels: Any) -> Table:
    name, divide = result.experiment.hamiltonian.coordinates[0], result.experiment.divide
    return Table(
        f"channels, divided at {name} = {divide:g}",
        ("side", *(f"state {n}" for n in range(channels.shape[1])), "sum"),
        _with_sums(SIDES, channels),
        "On the grid or absorbed, by adiabatic state. Of a packet that came from below, what is "
        "below was reflected and what is above transmitted, once the channels no longer change.",
    )


def _absorbed_table(result: PacketOutcome) -> Table:
    motion = result.motion
    states = (f"state {n}" for n in range(motion.populations.shape[1]))
    return Table(
        "absorbed", ("layer", *states, "sum"), _with_sums(motion.sides, motion.absorbed[-1])
    )


def _with_sums(names: Iterable[str], values: Any) -> tuple[tuple[Cell, ...], ...]:
    """Return a row for each name, its probabilities by state and their sum."""
    return tuple(
        (name, *(probability(p) for p in row), probability(float(row.sum())))
        for name, row in zip(names, values, strict=True)
    )


def _conserved_table(result: PacketOutcome) -> Table:
    motion = result.motion
    whole, tolerance = _whole(result), result.experiment.tolerance
    lost, drift = abs(whole - 1), motion.energy_drift / _scale(result)
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
        f"Time step {result.experiment.shown_time(motion.step)}, order {motion.order}.",
    )


def _scale(result: PacketOutcome) -> float:
    """Return the size of the energy: of kinetic energy and levels, so that no zero matters."""
    motion = result.motion
    kinetic = 0.5 * motion.momenta[0] ** 2 / motion.operator.masses
    return float(max(abs(motion.energy[0]), kinetic.sum(), np.abs(motion.operator.energies).max()))


def _convergence_table(result: PacketOutcome) -> Table:
    report = result.convergence
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


# ---- sentences --------------------------------------------------------------------------------


def sentences(result: PacketOutcome) -> Sentences:
    """Return verdict and notes."""
    motion, study = result.motion, result.experiment
    when = f"At t = {study.shown_time(motion.times[-1])}"
    channels = result.channels
    if channels is not None:
        below, above = (in_words(values) for values in channels)
        where = f"{study.hamiltonian.coordinates[0]} = {study.divide:g}"
        verdict = f"{when} the packet is above {where} with {above}, below with {below}."
    else:
        total = motion.populations[-1] + motion.absorbed[-1].sum(axis=0)
        absorbed = " (absorbed or not)" if motion.sides else ""
        verdict = f"{when} the packet is on the adiabatic states with {in_words(total)}{absorbed}."
    table = _conserved_table(result)
    trusted = all(row[-1] is True for row in table.rows)
    notes = []
    if not trusted:
        notes.append("probability or energy is not conserved: take a smaller step")
    unsettled = _unsettled(result)
    notes += unsettled
    trusted = trusted and not unsettled
    if result.convergence is None:
        notes.append(
            "whether grid and step are fine enough was not checked (`convergence = true` does)"
        )
    else:
        notes += _convergence_notes(result.convergence)
        trusted = trusted and result.convergence.converged
    if result.scan is not None:
        notes += [str(result.scan.axis), *result.scan.failures[:5]]
    return Sentences(verdict, trusted, tuple(notes))


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


def _unsettled(result: PacketOutcome) -> list[str]:
    """Return why the channels of the last time are not the final ones, if they are not."""
    channels = result.channels
    notes: list[str] = []
    change = result.channel_change
    if channels is None or change is None:
        return notes
    if change > _SETTLED:
        notes.append(
            f"the channels still change, by {change:.1e} in the last "
            f"{result.experiment.shown_time(result.motion.times[-1] - result.time_before)}: "
            "what is above or below is not yet transmitted or reflected; take a longer stop"
        )
    caught = result.closed & (channels > _SETTLED)
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
