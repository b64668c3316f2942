"""What the evolutions in all sectors of H give together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.dynamics import interference
from anticrossing.dynamics.panels import Evolution


@dataclass(frozen=True)
class Solved:
    """The evolution in every different block, without the phase that all levels share."""

    blocks: tuple[Evolution, ...]
    common: Evolution | None
    dropped: FloatArray

    @property
    def error(self) -> FloatArray:
        """What the worst block leaves open, and what is left out between blocks, of every lane."""
        return np.max([evolution.error for evolution in self.blocks], axis=0) + self.dropped

    @property
    def phase(self) -> FloatArray:
        """The largest phase of any block with the common one, of every lane."""
        largest = np.max([evolution.phase for evolution in self.blocks], axis=0)
        return largest if self.common is None else largest + self.common.phase

    @property
    def panels(self) -> npt.NDArray[np.intp]:
        """The panels of all blocks together, of every lane."""
        return np.sum([evolution.panels for evolution in self.blocks], axis=0)

    @property
    def evaluated(self) -> int:
        """The panels that were tried."""
        return sum(evolution.evaluated for evolution in self.blocks)

    @property
    def turns(self) -> FloatArray:
        """A bound on what the rounding of all phases does to a probability, of every lane."""
        blocks = [interference.of_phases(evolution) for evolution in self.blocks]
        return np.max([interference.turns(self.phase), *blocks], axis=0)

    @property
    def method(self) -> str:
        """How the blocks were solved."""
        return " and ".join(sorted({evolution.method for evolution in self.blocks}))

    @property
    def steps(self) -> npt.NDArray[np.intp] | None:
        """The steps of all blocks together, of every lane, if there were any."""
        steps = [evolution.steps for evolution in self.blocks if evolution.steps is not None]
        return np.sum(steps, axis=0) if steps else None

    def shared(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what ends the window, (lanes, …), with the phase that all levels share."""
        if self.common is None:
            return values
        phase = self.common.propagator[:, 0, 0]
        return values * phase.reshape(-1, *(1,) * (values.ndim - 1))

    def shared_between(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the same of what belongs to the requested times, (lanes, K, …)."""
        if self.common is None:
            return values
        phase = self.common.snapshots[:, :, 0, 0]
        return values * phase.reshape(*phase.shape, *(1,) * (values.ndim - 2))
