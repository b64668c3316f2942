"""The result of a wave packet as numbers, tables and sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing.experiment.motion import time_unit
from anticrossing.experiment.outcome import Cell, Sentences, Table
from anticrossing.experiment.packet.result import PacketOutcome

SIDES = ("below", "above")
_CONSERVED = 1e-6  # of the probability
_REFINED = {
    "step": "half the time step",
    "spacing": "half the spacing",
    "box": "a larger box",
    "absorber": "wider absorbing layers",
}


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
            "masses": motion.operator.masses,
        },
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
    return tuple(found)


def _states_table(result: PacketOutcome) -> Table:
    motion = result.motion
    columns = zip(
        range(motion.populations.shape[1]),
        motion.populations[0].tolist(),
        motion.populations[-1].tolist(),
        motion.absorbed[-1].sum(axis=0).tolist(),
        motion.diabatic_populations[-1].tolist(),
        strict=True,
    )
    return Table(
        "populations",
        ("state", "at the start", "at the end", "absorbed", "diabatic, at the end"),
        tuple(columns),
        "Of adiabatic states, the lowest first, but for the last column; at the end: on the grid.",
    )


def _channels_table(result: PacketOutcome, channels: Any) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (side, *values.tolist(), float(values.sum()))
        for side, values in zip(SIDES, channels, strict=True)
    ]
    states = (f"state {n}" for n in range(channels.shape[1]))
    return Table(
        f"channels, divided at {result.experiment.divide:g}",
        ("side", *states, "sum"),
        tuple(rows),
        "On the grid or absorbed, by adiabatic state. Of a packet that came from below, what is "
        "below was reflected and what is above transmitted.",
    )


def _absorbed_table(result: PacketOutcome) -> Table:
    motion = result.motion
    rows: list[tuple[Cell, ...]] = [
        (side, *lost.tolist(), float(lost.sum()))
        for side, lost in zip(motion.sides, motion.absorbed[-1], strict=True)
    ]
    states = (f"state {n}" for n in range(motion.populations.shape[1]))
    return Table("absorbed", ("layer", *states, "sum"), tuple(rows))


def _conserved_table(result: PacketOutcome) -> Table:
    motion = result.motion
    whole, tolerance = _whole(result), result.experiment.tolerance
    lost, drift = abs(whole - 1), motion.energy_drift / _scale(result)
    return Table(
        "conserved",
        ("quantity", "value", "relative error", "allowed", ""),
        (
            ("probability, absorbed or not", whole, lost, _CONSERVED, bool(lost <= _CONSERVED)),
            ("energy", float(motion.energy[0]), drift, tolerance, bool(drift <= tolerance)),
        ),
        "The energy: its largest change while nothing has been absorbed, relative to its size. "
        f"Time step {motion.step:.4g}, order {motion.order}.",
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
        (_REFINED[key], change, report.tolerance, bool(change <= report.tolerance))
        for key, change in report.changes.items()
    ]
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
    unit = time_unit(study.hamiltonian.units)
    when = f"At t = {motion.times[-1]:g}{' ' + unit if unit else ''}"
    channels = result.channels
    if channels is not None:
        below, above = (_listed(values) for values in channels)
        verdict = f"{when} the packet is above {study.divide:g} with {above}, below with {below}."
    else:
        total = motion.populations[-1] + motion.absorbed[-1].sum(axis=0)
        verdict = f"{when} the packet is on the adiabatic states with {_listed(total)}."
    table = _conserved_table(result)
    trusted = all(row[-1] is True for row in table.rows)
    notes = []
    if not trusted:
        notes.append("probability or energy is not conserved: take a smaller step")
    if result.convergence is None:
        notes.append(
            "whether grid and step are fine enough was not checked (`convergence = true` does)"
        )
    else:
        largest = max(result.convergence.changes.values())
        held = "converged" if result.convergence.converged else "NOT converged"
        notes.append(
            f"the probabilities are {held}: refined in turn, they change by at most {largest:.1e}"
        )
        trusted = trusted and result.convergence.converged
    return Sentences(verdict, trusted, tuple(notes))


def _listed(values: Any) -> str:
    return ", ".join(f"P{n} = {p:.5f}" for n, p in enumerate(values))
