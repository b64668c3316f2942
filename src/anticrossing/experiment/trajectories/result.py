"""Running an ensemble of trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from anticrossing.experiment.outcome import Outcome, Sentences, Table

if TYPE_CHECKING:
    import xarray

    from anticrossing.experiment.trajectories.file import TrajectoriesStudy
    from anticrossing.trajectories import EnsembleResult, Mean


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
        request = self.ensemble.request
        if not np.all(np.isfinite(request.box)):
            return {}
        names = request.hamiltonian.coordinates
        return {name: self.ensemble.channels(k) for k, name in enumerate(names)}

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = "the populations of the levels against time with their standard errors"
        kept = "; trajectories that were kept, coloured by their level"
        return shown + (kept if self.ensemble.request.keep else "")

    def numbers(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        from anticrossing.experiment.trajectories.report import numbers

        return numbers(self)

    def tables(self) -> tuple[Table, ...]:
        """Return populations, channels, hops and the drift of the energy."""
        from anticrossing.experiment.trajectories.report import result_tables

        return result_tables(self)

    def sentences(self) -> Sentences:
        """Return verdict and notes."""
        from anticrossing.experiment.trajectories.report import sentences

        return sentences(self)

    def to_dataset(self) -> xarray.Dataset:
        """Return everything as a labelled dataset."""
        from anticrossing.experiment.trajectories.dataset import to_dataset

        return to_dataset(self)


def run(study: TrajectoriesStudy) -> TrajectoriesOutcome:
    """Follow an ensemble of trajectories."""
    from anticrossing.trajectories import run_trajectories

    return TrajectoriesOutcome(study, run_trajectories(**study.arguments))
