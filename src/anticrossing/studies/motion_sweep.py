"""What a sweep computes of moving nuclei: a packet or an ensemble of trajectories at each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anticrossing._core.checks import InputError, fail
from anticrossing.molecules.trajectories import REASONS, Mean
from anticrossing.molecules.trajectories.ensemble import follow
from anticrossing.studies import motion, tables
from anticrossing.studies.packet import PacketStudy, read as read_packet
from anticrossing.studies.packet.result import run as run_packet
from anticrossing.studies.parameters import HEADING, Tables, with_values
from anticrossing.studies.tables import thawed
from anticrossing.studies.trajectories import TrajectoriesStudy, read as read_trajectories
from anticrossing.studies.trajectories.report import SIDES
from anticrossing.sweeps.target import Target

PACKET = {
    "channel": "probability by side and adiabatic state",
    "channel_change": "largest change of a channel in the last tenth of the run",
    "population": "final probability by adiabatic state, on the grid or absorbed",
    "diabatic_population": "final probability by diabatic state, on the grid",
    "norm": "probability on the grid or absorbed",
    "energy_drift": "largest change of the energy while nothing was absorbed",
    "step": "time step",
}
TRAJECTORIES = {
    "channel": "probability by side of the box and adiabatic level",
    "population": "final probability by adiabatic level",
    "electronic_population": "final mean |c|² by adiabatic level",
    "diabatic_population": "final probability by diabatic state",
    "hops": "hops per trajectory by reason",
    "energy_drift": "largest change of a trajectory's energy",
}
_DIMS = {
    "channel": ("side", "state"),
    "population": ("state",),
    "electronic_population": ("state",),
    "diabatic_population": ("diabatic_state",),
    "hops": ("reason",),
}
_SEED = "trajectories.seed"


def kind(study: motion.MotionStudy) -> str:
    """Return the table that tells the kind of a study."""
    return "packet" if isinstance(study, PacketStudy) else "trajectories"


def defaults(study: motion.MotionStudy) -> tuple[str, ...]:
    """Return what is computed unless a file names outputs: channels, where there are some."""
    return ("channel",) if _has_channels(study) else ("population",)


def target(
    study: motion.MotionStudy,
    outputs: Sequence[str],
    identity: Mapping[str, str],
    attributes: Mapping[str, str],
) -> Target:
    """Return what is computed at every point.

    Raises
    ------
    InputError
        For an output that the study does not have, or an option that a sweep would ignore.
    """
    name = kind(study)
    of_channels = [key for key in ("channel", "channel_change") if key in outputs]
    if of_channels and not _has_channels(study):
        needed = "divide" if name == "packet" else "box"
        raise InputError(f"The output `{of_channels[0]}` needs `{needed}` in [{name}].")
    dims = {key: _DIMS[key] for key in outputs if key in _DIMS}
    labels: dict[str, Sequence[Any]] = {
        "state": range(study.hamiltonian.dimension),
        "diabatic_state": [str(label) for label in study.hamiltonian.labels],
    }
    function: PacketPoint | TrajectoriesPoint
    if isinstance(study, TrajectoriesStudy):
        if "diabatic_population" in outputs and study.request.method == "mash":
            raise InputError("The output `diabatic_population` is not there for the method 'mash'.")
        if study.store is not None:
            raise fail("store", "be left out of a sweep, which has its own", "it is given")
        long_names = {key: TRAJECTORIES[key] for key in outputs}
        labels |= {"side": SIDES, "reason": REASONS}
        if "channel" in dims and len(study.hamiltonian.coordinates) > 1:
            dims["channel"] = ("coordinate", *dims["channel"])
            labels["coordinate"] = study.hamiltonian.coordinates
        means = [key for key in outputs if key not in ("hops", "energy_drift")]
        dims |= {f"{key}_error": dims[key] for key in means}
        long_names |= {f"{key}_error": f"standard error of {key}" for key in means}
        long_names["seed"] = "seed of the point"
        function = TrajectoriesPoint(study.entries, outputs)
    else:
        assert isinstance(study, PacketStudy)
        if study.convergence:
            raise fail("convergence", "be left out of a sweep", "it is true")
        long_names = {key: PACKET[key] for key in outputs}
        labels["side"] = motion.SIDES
        function = PacketPoint(study.entries, outputs)
    return Target(
        function=function,
        identity=identity,
        dims=dims,
        labels=labels,
        details={key: {"long_name": text} for key, text in long_names.items()},
        attributes=attributes,
    )


def point_seed(seed: int, values: Mapping[str, float]) -> int:
    """Return the seed of a point, from that of the file and from the values of the point alone.

    It is below 2⁵³, so that a dataset of floating-point numbers keeps it as it is.
    """
    if _SEED in values:
        return int(values[_SEED])
    words = [seed]
    for name in sorted(values):
        words += [int.from_bytes(name.encode(), "little"), int(np.float64(values[name]).view("u8"))]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(11))


class PacketPoint:
    """A packet at one point, with the numbers that a file with these values gives."""

    def __init__(self, tables: Tables, outputs: Sequence[str]) -> None:
        self.tables, self.outputs = thawed(tables), tuple(outputs)

    def __call__(self, **values: float) -> dict[str, Any]:
        study = read_packet(with_values(self.tables, values), HEADING)
        result = run_packet(study)
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
        return {name: found[name] for name in self.outputs}


class TrajectoriesPoint:
    """An ensemble at one point, with the numbers of a file with these values and its seed."""

    def __init__(self, tables: Tables, outputs: Sequence[str]) -> None:
        self.tables, self.outputs = thawed(tables), tuple(outputs)

    def __call__(self, **values: float) -> dict[str, Any]:
        given = self.tables["trajectories"]["seed"]
        seed = point_seed(given, values)
        entries = with_values(self.tables, values)
        entries["trajectories"]["seed"] = seed
        entries["trajectories"]["keep"] = 0  # no trajectory is an output
        study = read_trajectories(entries, HEADING)
        with tables.inside("trajectories"):
            ensemble = follow(study.request)
        found: dict[str, Any] = {"seed": float(seed)}
        for name in self.outputs:
            if name == "energy_drift":
                found[name] = float(ensemble.energy_drift.max())
            elif name == "hops":
                count = ensemble.request.count
                found[name] = np.array([ensemble.hops.count(r) for r in REASONS]) / count
            else:
                mean = _mean(ensemble, name)
                found[name], found[f"{name}_error"] = mean.value, mean.error
        return found


def _mean(ensemble: Any, name: str) -> Mean:
    """Return the final mean under the name of an output."""
    if name == "channel":
        axes = range(len(ensemble.request.hamiltonian.coordinates))
        along = [ensemble.channels(axis) for axis in axes]
        if len(along) == 1:
            return along[0]
        return Mean(np.array([m.value for m in along]), np.array([m.error for m in along]))
    mean = getattr(ensemble, f"{name}s")
    return Mean(mean.value[-1], mean.error[-1])


def _has_channels(study: motion.MotionStudy) -> bool:
    if isinstance(study, TrajectoriesStudy):
        return study.bounded
    return isinstance(study, PacketStudy) and study.divide is not None
