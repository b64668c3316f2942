"""Running a wave packet: populations, channels, densities, and the check of convergence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anticrossing.checks import FloatArray
from anticrossing.dynamics.wavepacket.convergence import ConvergenceReport, check_convergence
from anticrossing.dynamics.wavepacket.propagation import propagate_packet
from anticrossing.dynamics.wavepacket.result import WavePacketPropagation
from anticrossing.dynamics.wavepacket.step import choose_step
from anticrossing.experiment.outcome import Outcome, Progress
from anticrossing.experiment.packet.file import PacketStudy

SNAPSHOTS = 5
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


@dataclass(frozen=True, eq=False)
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
    """

    experiment: PacketStudy
    motion: WavePacketPropagation
    snapshots: WavePacketPropagation
    convergence: ConvergenceReport | None

    @property
    def channels(self) -> FloatArray | None:
        """Probability below and above the dividing position, (2, N), if there is one."""
        divide = self.experiment.divide
        return None if divide is None else self.motion.channels(divide)

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = "the adiabatic levels and the density of the packet at a few times"
        return f"the populations of the states against time; {shown}"


def run(study: PacketStudy, progress: Progress | None = None) -> PacketOutcome:
    """Propagate a packet, and repeat it with everything refined if that is asked."""
    with study.errors_of("packet"):
        return _run(study, progress)


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
    return PacketOutcome(study, replace(found, states=None), _snapshots(found), report)


def _snapshots(found: WavePacketPropagation) -> WavePacketPropagation:
    last = found.times.size - 1
    chosen = np.unique(np.linspace(0, last, SNAPSHOTS).round().astype(np.intp))
    return replace(found, **{key: getattr(found, key)[chosen] for key in _AT_TIMES})
