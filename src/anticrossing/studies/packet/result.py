"""Running a wave packet: populations, channels, densities, and the check of convergence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.unchanging import read_only
from anticrossing.molecules.packets.convergence import ConvergenceReport, check_convergence
from anticrossing.molecules.packets.limits import reach
from anticrossing.molecules.packets.propagation import propagate_packet
from anticrossing.molecules.packets.result import WavePacketPropagation
from anticrossing.molecules.packets.step import choose_step
from anticrossing.studies import tables
from anticrossing.studies.outcome import Outcome, Progress
from anticrossing.studies.packet.file import PacketStudy

SNAPSHOTS = 5
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


@read_only
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
    time_before : float
        The recorded time at or before the last tenth of the run.
    channels_before : array, shape (2, N), or None
        `channels` at that time.
    """

    experiment: PacketStudy
    motion: WavePacketPropagation
    snapshots: WavePacketPropagation
    convergence: ConvergenceReport | None
    time_before: float
    channels_before: FloatArray | None

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


def run(study: PacketStudy, progress: Progress | None = None) -> PacketOutcome:
    """Propagate a packet, and repeat it with everything refined if that is asked."""
    with tables.inside("packet"):
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
    motion, before = replace(found, states=None), _before_the_last_tenth(found)
    return PacketOutcome(
        study,
        motion,
        _snapshots(found),
        report,
        time_before=float(before.times[-1]),
        channels_before=None if study.divide is None else before.channels(study.divide),
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
