"""Running an ensemble of trajectories."""

from __future__ import annotations

from dataclasses import dataclass

from anticrossing.molecules.trajectories import EnsembleResult, Mean
from anticrossing.molecules.trajectories.ensemble import follow
from anticrossing.studies import tables
from anticrossing.studies.outcome import Outcome, Progress
from anticrossing.studies.trajectories.file import TrajectoriesStudy


@dataclass(frozen=True, eq=False)
class TrajectoriesOutcome(Outcome):
    """What came out of an ensemble of trajectories.

    Attributes
    ----------
    experiment : TrajectoriesStudy
    ensemble : EnsembleResult
    """

    experiment: TrajectoriesStudy
    ensemble: EnsembleResult

    @property
    def channels(self) -> dict[str, Mean]:
        """For each coordinate with a box: probabilities below, above and inside it, (3, N)."""
        if not self.experiment.bounded:
            return {}
        names = self.experiment.hamiltonian.coordinates
        return {name: self.ensemble.channels(k) for k, name in enumerate(names)}

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = "the populations of the levels against time with their standard errors"
        kept = "trajectories that were kept, coloured by their level"
        ends = "where the trajectories end"
        return f"{shown}; {kept if self.ensemble.request.keep else ends}"


def run(study: TrajectoriesStudy, progress: Progress | None = None) -> TrajectoriesOutcome:
    """Follow an ensemble of trajectories."""
    with tables.inside("trajectories"):
        ensemble = follow(study.request, store=study.store, progress=progress)
        return TrajectoriesOutcome(study, ensemble)
