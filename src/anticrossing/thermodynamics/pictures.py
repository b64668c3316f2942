"""Pictures of ledgers: totals as bars, and what goes on along a coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result

_MOST_LINES = 20


class Totals(Result):
    """Base of sums over a run, each a number or an array of the batch shape."""

    def plot(self, ax: Any = None) -> Any:
        """Draw the totals as bars, for a batch the mean over it."""
        ax = new_axes() if ax is None else ax
        named = {name: float(np.mean(v.values)) for name, v in self.variables().items()}
        ax.barh([*named], [*named.values()])
        ax.axvline(0.0, color="black", linewidth=0.8)
        ax.invert_yaxis()
        return ax


def draw_along(x: npt.ArrayLike, occupations: npt.ArrayLike, label: str, ax: Any = None) -> Any:
    """Draw occupations (..., K) against x (K,), one line for each entry of the batch."""
    ax = new_axes() if ax is None else ax
    array = np.asarray(occupations)
    lines = array.reshape(-1, array.shape[-1])[:_MOST_LINES]
    ax.plot(x, lines.T, marker=".")
    ax.set(xlabel=label, ylabel="occupation")
    return ax
