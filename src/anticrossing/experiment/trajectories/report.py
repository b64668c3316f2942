"""The result of an ensemble of trajectories as numbers, tables and sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from anticrossing.experiment.motion import time_unit
from anticrossing.experiment.outcome import Cell, Sentences, Table
from anticrossing.experiment.trajectories.result import TrajectoriesOutcome
from anticrossing.trajectories import REASONS, Mean

SIDES = ("below", "above", "inside")
_CONSISTENT = 5.0  # standard errors between two ways to count populations that are still noise
_MEANINGS = {
    "accepted": "made",
    "frustrated": "refused for want of energy, the momentum kept",
    "reflected": "refused for want of energy, the momentum turned around",
    "followed": "no hop: a crossing that the time step does not resolve",
}


def numbers(result: TrajectoriesOutcome) -> dict[str, Any]:
    """Return everything but the curves as nested dicts."""
    ensemble = result.ensemble
    request, hops = ensemble.request, ensemble.hops
    found: dict[str, Any] = {
        "trajectories": {
            "method": request.method,
            "rescaling": request.rescaling,
            "frustrated": request.frustrated,
            "decoherence": request.decoherence,
            "decoherence_energy": request.decoherence_energy,
            "count": request.count,
            "seed": request.seed,
            "dt": request.dt,
            "steps": request.steps,
        },
        "populations": _last(ensemble.populations),
        "electronic_populations": _last(ensemble.electronic_populations),
        "channels": {
            name: {
                side: {"value": mean.value[k], "error": mean.error[k]}
                for k, side in enumerate(SIDES)
            }
            for name, mean in result.channels.items()
        },
        "hops": {**{reason: hops.count(reason) for reason in REASONS}, "not_logged": hops.lost},
        "energy": {
            "initial": ensemble.energy.value[0],
            "largest_drift": ensemble.energy_drift.max(),
            "mean_drift": ensemble.energy_drift.mean(),
        },
    }
    if ensemble.diabatic_populations is not None:
        found["diabatic_populations"] = _last(ensemble.diabatic_populations)
    return found


def _last(mean: Mean) -> dict[str, Any]:
    return {"value": mean.value[-1], "error": mean.error[-1]}


# ---- tables -----------------------------------------------------------------------------------


def result_tables(result: TrajectoriesOutcome) -> tuple[Table, ...]:
    """Return all tables."""
    found = [_populations_table(result)]
    found += [_channels_table(name, mean) for name, mean in result.channels.items()]
    found += [_hops_table(result), _energy_table(result)]
    return tuple(found)


def _populations_table(result: TrajectoriesOutcome) -> Table:
    ensemble = result.ensemble
    means = [ensemble.populations, ensemble.electronic_populations]
    columns = ["level", "population", "standard error", "mean |c|²", "its error"]
    if ensemble.diabatic_populations is not None:
        means.append(ensemble.diabatic_populations)
        columns += ["diabatic", "its error "]
    parts = [part for mean in means for part in (mean.value[-1].tolist(), mean.error[-1].tolist())]
    rows = tuple(zip(range(len(parts[0])), *parts, strict=True))
    return Table(
        "populations at the end",
        tuple(columns),
        rows,
        "Of adiabatic levels, the lowest first, but for the diabatic ones. The mean |c|² of the "
        "amplitudes agrees with the population where hopping is consistent.",
    )


def _channels_table(name: str, mean: Mean) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (side, level, float(mean.value[k, level]), float(mean.error[k, level]))
        for k, side in enumerate(SIDES)
        for level in range(mean.value.shape[1])
    ]
    return Table(
        f"channels along {name}",
        ("side of the box", "level", "probability", "standard error"),
        tuple(rows),
        "Of a packet that came from below, what is below was reflected, what is above transmitted.",
    )


def _hops_table(result: TrajectoriesOutcome) -> Table:
    hops, count = result.ensemble.hops, result.ensemble.request.count
    rows: list[tuple[Cell, ...]] = [
        (reason, hops.count(reason), hops.count(reason) / count, _MEANINGS[reason])
        for reason in REASONS
    ]
    if hops.lost:
        rows.append(("not logged", hops.lost, hops.lost / count, "beyond the room of the log"))
    return Table("hops", ("reason", "count", "per trajectory", "meaning"), tuple(rows))


def _energy_table(result: TrajectoriesOutcome) -> Table:
    ensemble = result.ensemble
    drift = ensemble.energy_drift
    return Table(
        "energy",
        ("", "value"),
        (
            ("mean at the start", float(ensemble.energy.value[0])),
            ("mean at the end", float(ensemble.energy.value[-1])),
            ("largest drift of a trajectory", float(drift.max())),
            ("mean drift", float(drift.mean())),
        ),
        "Drift: the largest change of a trajectory's energy over all steps.",
    )


# ---- sentences --------------------------------------------------------------------------------


def sentences(result: TrajectoriesOutcome) -> Sentences:
    """Return verdict and notes."""
    ensemble = result.ensemble
    request = ensemble.request
    unit = time_unit(request.hamiltonian.units)
    when = f"At t = {ensemble.times[-1]:g}{' ' + unit if unit else ''}"
    pairs = zip(ensemble.populations.value[-1], ensemble.populations.error[-1], strict=True)
    shown = ", ".join(f"P{n} = {value:.4f} ± {error:.4f}" for n, (value, error) in enumerate(pairs))
    notes = [
        "trajectories are an approximation whose error the standard errors do not hold: judge "
        "them against a wave packet ([packet])"
    ]
    apart = _inconsistency(result)
    if apart is not None:
        notes.append(
            f"populations and mean |c|² differ by up to {apart:.3f} on the way: the ensemble is "
            "not consistent with its amplitudes (`decoherence` may help)"
        )
    unfinished = int(np.sum(ensemble.stop_times >= request.times[-1])) if result.channels else 0
    if unfinished:
        notes.append(f"{unfinished} of {request.count} trajectories are still inside the box")
    return Sentences(f"{when} {request.method} gives {shown}.", True, tuple(notes))


def _inconsistency(result: TrajectoriesOutcome) -> float | None:
    """Return how far active levels and amplitudes are apart, None if that may be noise."""
    ensemble = result.ensemble
    if ensemble.request.method != "fssh" or ensemble.request.count < 2:
        return None
    count = ensemble.request.count
    active, electronic = ensemble.populations.value, ensemble.electronic_populations.value
    # Where the two agree, the trajectories on a level are binomial about the mean |c|².
    noise = np.sqrt(np.clip(electronic * (1 - electronic), 0.0, None) / count)
    apart = np.abs(active - electronic)
    beyond = apart > _CONSISTENT * (noise + 1 / count)
    return float(apart[beyond].max()) if beyond.any() else None
