"""What every fit returns: parameters by name with their errors, and χ²."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core.checks import FloatArray, fail, nearest
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown

_MANY = 24  # names in a message


@dataclass(frozen=True)
class FittedParameter(Result):
    """One parameter of a model.

    Attributes
    ----------
    name : str
    value : float
    error : float
        Standard deviation; 0 for a parameter that was held fixed, infinite for one that the data do
        not determine at all.
    varied : bool
        Whether it was fitted.
    unit : str
        As it was written; empty for numbers with ħ = 1 or without a dimension.
    """

    name: str
    value: float
    error: float
    varied: bool
    unit: str = ""

    _variables: ClassVar[Mapping[str, Shown]] = {
        "name": shown(text="parameter"),
        "value": shown(text="its value"),
        "error": shown(text="its standard deviation"),
        "varied": shown(text="whether it was fitted"),
        "unit": shown(text="its unit"),
    }

    def __str__(self) -> str:
        return f"{self._numbers()} {self.unit}".rstrip()

    def _numbers(self) -> str:
        if not self.varied:
            return f"{self.value:.6g} (fixed)"
        if not math.isfinite(self.error):
            return f"{self.value:.3g} (not determined)"
        if self.error == 0:
            return f"{self.value:.9g}"
        # Two digits of the error, and the value to the same place.
        place = 1 - math.floor(math.log10(self.error))
        if -2 < place < 12:
            digits = max(place, 0)
            return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"
        return f"{self.value:.6e} ± {self.error:.1e}"


class Fitted(Result):
    """Base of the results of fits."""

    parameters: Mapping[str, FittedParameter]
    varied: tuple[str, ...]
    covariance: FloatArray
    chi_square: float
    degrees_of_freedom: int
    warnings: tuple[str, ...]

    def __getitem__(self, name: str) -> FittedParameter:
        if name not in self.parameters:
            known = ", ".join(f"`{known}`" for known in list(self.parameters)[:_MANY])
            raise fail(
                "name", f"be one of {known}", f"it is {name!r}{nearest(name, self.parameters)}"
            )
        return self.parameters[name]

    @property
    def reduced_chi_square(self) -> float:
        """χ² per degree of freedom: near one for a good model and honest errors."""
        return self.chi_square / max(self.degrees_of_freedom, 1)

    @property
    def correlations(self) -> FloatArray:
        """Correlation matrix of the fitted parameters, shape (K, K); NaN where not determined."""
        deviations = np.sqrt(np.diag(self.covariance))
        with np.errstate(invalid="ignore"):
            return np.asarray(self.covariance / np.outer(deviations, deviations))

    def _table(self) -> dict[str, Variable]:
        """Return parameters, errors and covariance by name."""
        every, names = self.parameters.values(), list(self.parameters)
        labels = np.array(self.varied)
        return {
            "parameter": Variable(("parameter",), np.array(names), "parameter"),
            "value": Variable(("parameter",), np.array([p.value for p in every]), "its value"),
            "value_error": Variable(
                ("parameter",), np.array([p.error for p in every]), "its standard deviation"
            ),
            "varied": Variable(("varied",), labels, "fitted parameter"),
            "varied_2": Variable(("varied_2",), labels, "fitted parameter"),
            "covariance": Variable(
                ("varied", "varied_2"), self.covariance, "covariance of the fitted parameters"
            ),
        }

    def _goodness(self) -> dict[str, Any]:
        """Return χ² and the warnings as attributes of a file."""
        return {
            "chi_square": self.chi_square,
            "degrees_of_freedom": self.degrees_of_freedom,
            "warnings": json.dumps(self.warnings, ensure_ascii=False),
        }

    def _quality_line(self, weighed: bool, scaled_to: str) -> str:
        known = "" if weighed else f" (errors unknown: scaled to {scaled_to})"
        return (
            f"  χ² = {self.chi_square:.4g} for {self.degrees_of_freedom} degrees of freedom, "
            f"reduced {self.reduced_chi_square:.3g}{known}"
        )
