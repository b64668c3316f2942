"""The statistics of the work of a driven level, and what is shown of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from anticrossing._core.checks import FloatArray, InputError
from anticrossing._core.unchanging import record
from anticrossing._core.variables import Variable
from anticrossing.studies.outcome import Table
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.thermodynamics.fluctuation_ratio import (
    MOST_PAIRS,
    FluctuationRatio,
    fluctuation_ratio,
)
from anticrossing.thermodynamics.work import WorkDistribution

METHOD_NAMES = {"landau-zener": "chain", "exact": "exact"}
_METHODS = tuple(METHOD_NAMES)


class WorkTable(TableOfFile, frozen=True, kw_only=True):
    """Which distributions of the work are asked for, and how finely they are resolved.

    The scheme is that of the exact two-point measurement, the width the standard deviation of the
    smoothing (energy).

    Attributes
    ----------
    scheme
        "coupled", or "decoupled": the coupling is switched on after the first measurement and
        off before the last.
    directions
        "forward" and "backward".
    width : energy
        Standard deviation by which densities are smoothed; half the spacing by default.
    """

    scheme: Literal["coupled", "decoupled"] = "coupled"
    directions: tuple[Literal["forward", "backward"], ...] = ("forward", "backward")
    width: float | None = None


@record
class Work:
    """The statistics of the work, by chain and exactly, in each direction that is asked for.

    All curves share one axis: w of the forward drive and −w of the backward one, so that the two
    densities cross where the fluctuation theorem says, at ΔΩ.

    Attributes
    ----------
    question : WorkTable
    distributions : dict of (method, direction) to WorkDistribution
    values : array, shape (K,)
        w, and −w of the backward drive.
    densities : dict of (method, direction) to array, shape (K,)
        Smoothed with the width of the question (1 / energy).
    edges : array, shape (B+1,), or None
        Bins around the values that the work of the chain can take, if these lie on a lattice, are
        few, and all work values can be listed.
    probabilities : dict of (method, direction) to array, shape (B,)
        Of the bins; empty without them.
    ratios : dict of method to FluctuationRatio
        ``ln P(w)/P̃(−w)``, if both directions are asked for.
    """

    question: WorkTable
    distributions: dict[tuple[str, str], WorkDistribution]
    values: FloatArray
    densities: dict[tuple[str, str], FloatArray]
    edges: FloatArray | None
    probabilities: dict[tuple[str, str], FloatArray]
    ratios: dict[str, FluctuationRatio]

    @property
    def width(self) -> float:
        """The standard deviation of the smoothing (energy)."""
        assert self.question.width is not None
        return self.question.width

    @property
    def free_energy_difference(self) -> float:
        """ΔΩ of the exact forward drive (energy)."""
        direction = self.question.directions[0]
        found = self.distributions["exact", direction].free_energy_difference
        return found if direction == "forward" else -found

    def variables(self) -> dict[str, Variable]:
        """Return everything, for the dataset."""
        directions = self.question.directions
        found: dict[str, Variable] = {}
        # Not "method": `Dataset.sel` has an argument of that name.
        found["solution"] = Variable(("solution",), list(_METHODS), "", "")
        found["direction"] = Variable(("direction",), list(directions), "", "")
        found["work_value"] = Variable(
            ("work_value",), self.values, "work w; −w of the backward drive"
        )
        both = ("solution", "direction")

        def stacked(laws: dict[tuple[str, str], Any]) -> Any:
            return np.array([[laws[m, d] for d in directions] for m in _METHODS])

        found["work_density"] = Variable(
            (*both, "work_value"),
            stacked(self.densities),
            f"density of the work, smoothed with width {self.width:.6g}",
        )
        laws = self.distributions
        for name, text in (
            ("mean", "mean work"),
            ("variance", "variance of the work"),
            ("skewness", "skewness of the work"),
            ("free_energy_difference", "difference of the grand potentials"),
            ("jarzynski_ratio", "⟨exp(−βw)⟩ exp(βΔΩ)"),
        ):
            values = {key: getattr(law, name) for key, law in laws.items()}
            found[f"work_{name}"] = Variable(both, stacked(values), text)
        if self.edges is not None:
            found["work_bin"] = Variable(
                ("work_bin",), 0.5 * (self.edges[1:] + self.edges[:-1]), "centre of the bin"
            )
            found["work_probability"] = Variable(
                (*both, "work_bin"), stacked(self.probabilities), "probability of the bin"
            )
        for method, ratio in self.ratios.items():
            name = METHOD_NAMES[method]
            found[f"{name}_ratio_work"] = Variable(
                (f"{name}_ratio_work",), ratio.values, f"work w, {name}"
            )
            found[f"{name}_log_ratio"] = Variable(
                (f"{name}_ratio_work",), ratio.log_ratios, f"ln P(w)/P̃(−w), {name}"
            )
        return found

    def numbers(self) -> dict[str, Any]:
        """Return means, variances and bins, for JSON."""
        found: dict[str, Any] = {
            "scheme": self.question.scheme,
            "width": self.width,
            "distributions": [
                {
                    "direction": direction,
                    "method": method,
                    "mean": law.mean,
                    "variance": law.variance,
                    "skewness": law.skewness,
                    "free_energy_difference": law.free_energy_difference,
                    "dissipated_work": law.dissipated_work,
                    "jarzynski_ratio": law.jarzynski_ratio,
                }
                for (method, direction), law in self.distributions.items()
            ],
        }
        if self.edges is not None:
            found["bins"] = {
                "edges": self.edges,
                "probabilities": [
                    {"direction": direction, "method": method, "values": values}
                    for (method, direction), values in self.probabilities.items()
                ],
            }
        if self.ratios:
            found["fluctuation_theorem"] = [
                {
                    "method": method,
                    "work": ratio.values,
                    "log_ratio": ratio.log_ratios,
                    "deviation": ratio.deviation,
                }
                for method, ratio in self.ratios.items()
            ]
        return found

    def table(self) -> Table:
        """Return what is known of each distribution."""
        rows = tuple(
            (
                direction,
                METHOD_NAMES[method],
                law.mean,
                float(np.sqrt(max(law.variance, 0.0))),
                law.skewness if np.isfinite(law.skewness) else None,
                law.free_energy_difference,
                law.dissipated_work,
                law.jarzynski_ratio,
            )
            for (method, direction), law in self.distributions.items()
        )
        return Table(
            "work",
            (
                "direction",
                "method",
                "mean",
                "standard deviation",
                "skewness",
                "ΔΩ",
                "mean − ΔΩ",
                "Jarzynski ratio",
            ),
            rows,
            "Beginning in equilibrium, whatever the occupation above; exact: "
            f"{self.question.scheme} scheme. The Jarzynski ratio ⟨exp(−βw)⟩ exp(βΔΩ) must be one.",
        )

    def in_words(self) -> str:
        """Return how well Jarzynski's relation holds."""
        worst = max(abs(law.jarzynski_ratio - 1) for law in self.distributions.values())
        text = f"Jarzynski's relation holds to {worst:.1e} in all {len(self.distributions)} cases"
        if self.ratios:
            apart = max(ratio.deviation for ratio in self.ratios.values())
            text += f"; ln P(w)/P̃(−w) is within {apart:.1e} of β(w − ΔΩ)"
        return text


def ratios_of(
    distributions: dict[tuple[str, str], WorkDistribution], width: float
) -> dict[str, FluctuationRatio]:
    """Return ln P(w)/P̃(−w) by either method, where both directions are known."""
    found = {}
    for method in _METHODS:
        pair = [distributions.get((method, way)) for way in ("forward", "backward")]
        if pair[0] is None or pair[1] is None:
            continue
        few = method == "landau-zener" and _few(pair[0]) and _few(pair[1])
        found[method] = fluctuation_ratio(pair[0], pair[1], width=None if few else width)
    return found


def _few(work: WorkDistribution) -> bool:
    """Whether the values of the work can be compared one by one."""
    try:
        return work.atoms()[0].size <= MOST_PAIRS
    except InputError:  # too many to be listed
        return False
