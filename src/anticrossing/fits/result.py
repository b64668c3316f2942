"""What a fit returns: parameters with uncertainties, and how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import FloatArray, choice, integer, positive_number
from anticrossing._core.variables import Variable
from anticrossing.fits import information, posterior
from anticrossing.fits._curvature import CURVED
from anticrossing.fits._problem import Problem
from anticrossing.fits._profile import Profile
from anticrossing.fits.fitted import Fitted, FittedParameter
from anticrossing.fits.information import NextMeasurement
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.posterior import Posterior

_NEUTRAL = {"temperature": 0.0, "offset_noise": 0.0, "visibility": 1.0, "background": 0.0} | {
    "false_positive": 0.0,
    "false_negative": 0.0,
}
"""What changes nothing where it is held fixed, and is not printed."""


@dataclass(frozen=True, eq=False)
class FitResult(Fitted):
    """A fit of maximum likelihood: least squares for normal errors.

    Attributes
    ----------
    model : str
        What was fitted, in words.
    data : Measurement
    parameters : dict of str to FittedParameter
        All of them, those held fixed too.
    varied : tuple of str
        The K fitted parameters, in the order of `covariance`.
    covariance : array, shape (K, K)
        Of the fitted parameters; infinite in rows and columns of parameters that the data do not
        determine. From the errors of the data; without them scaled so that the reduced χ² is one.
    prediction : array, shape (N,)
        The fitted model at every point.
    residuals : array, shape (N,)
        Measured − fitted, in units of the error where errors are known; of counts the signed roots
        of the deviance.
    chi_square : float
        Σ residuals²: of counts the deviance.
    degrees_of_freedom : int
        N − K.
    evaluations : int
        How often the model was computed over all data.
    determined : bool
        Whether every parameter is determined by the data and none ran to the end of its range.
    warnings : tuple of str
        What stands against trusting the numbers.
    expected_pulls : array, shape (K,)
        Means that (fitted − true)/error would have if the measurement were repeated, from the
        second derivatives of the model; 0 for a linear one. Beyond ±0.15 there is a warning.
    problem : Problem
        What was solved, for `sample` and `fisher_information`.
    """

    model: str
    data: Measurement
    parameters: Mapping[str, FittedParameter]
    varied: tuple[str, ...]
    covariance: FloatArray
    prediction: FloatArray
    residuals: FloatArray
    chi_square: float
    degrees_of_freedom: int
    evaluations: int
    determined: bool
    warnings: tuple[str, ...]
    expected_pulls: FloatArray
    problem: Problem

    @property
    def curved(self) -> tuple[str, ...]:
        """The parameters whose errors say too little, so that `interval` is to be taken."""
        every = zip(self.varied, self.expected_pulls, strict=True)
        return tuple(name for name, pull in every if self.determined and abs(pull) > CURVED)

    def interval(self, name: str, *, deviations: float = 1.0) -> tuple[float, float]:
        """Return an interval of a parameter that does not rest on a linear model.

        Its ends are where the likelihood, the other parameters fitted anew, has fallen to
        ``exp(−deviations²/2)`` of its maximum: 68 % of such intervals hold the truth, also where
        `FittedParameter.error` is a poor description and `warnings` say that the model is curved.

        Parameters
        ----------
        name : str
            Of a fitted parameter.
        deviations : float
            1 for 68 %, 2 for 95 %.

        Returns
        -------
        (float, float)
            0 or infinity where the data set no limit.

        Raises
        ------
        ConvergenceError
            If a lower χ² is met on the way: the fit had not found the lowest.

        References
        ----------
        D. J. Venzon, S. H. Moolgavkar, Appl. Stat. 37, 87 (1988).

        Examples
        --------
        >>> from anticrossing.fits import fit_passages, synthetic_passages
        >>> result = fit_passages(synthetic_passages(gap=0.8, error=0.1, seed=1))
        >>> print(result["gap"], [round(end, 3) for end in result.interval("gap")])
        0.804 ± 0.035 [0.769, 0.842]
        """
        choice("name", name, self.varied)
        wanted = positive_number("deviations", deviations)
        spread = float(np.sqrt(information.variance(self.problem, self._values())))
        if spread == 0:  # the model goes through all points, whose errors are not known
            return (self[name].value,) * 2
        profile = Profile(self.problem, self._values(), name, self[name].error, spread)
        return profile.end(wanted, -1), profile.end(wanted, 1)

    def sample(self, *, seed: int, walkers: int | None = None, steps: int = 2000) -> Posterior:
        """Sample the posterior with emcee, from a prior that is flat in the fitted coordinates.

        These are the logarithms of positive parameters, ln(T₂/2T₁), and the others themselves.
        Where the errors of the data are not known, their common size is integrated out.

        Parameters
        ----------
        seed : int
            Of the random numbers; it is kept in the result.
        walkers : int, optional
            At least 2K; by default 32 or 4K.
        steps : int
            Of every walker. The first part is left out.

        Returns
        -------
        Posterior
            With the autocorrelation time, and a warning where the chain is too short for it.

        Raises
        ------
        MissingExtraError
            If emcee is not installed: ``pip install 'anticrossing[fit]'``.

        References
        ----------
        D. Foreman-Mackey, D. W. Hogg, D. Lang, J. Goodman, PASP 125, 306 (2013).
        """
        whole = integer("seed", seed, minimum=0)
        return posterior.sample(
            self.problem,
            self._values(),
            seed=whole,
            walkers=walkers,
            steps=steps,
            units=self._units(),
        )

    def fisher_information(self) -> FloatArray:
        """Return the expected information of the data on the fitted parameters, shape (K, K).

        ``F = Σ ∂q ∂qᵀ/σ²``, or with ``σ² = q(1 − q)/n`` for counts: the inverse of
        `covariance` where the data determine all parameters.
        """
        return information.fisher_information(self.problem, self._values())

    def next_measurement(
        self,
        candidates: Mapping[str, npt.ArrayLike],
        *,
        target: str | None = None,
        error: float | None = None,
        shots: int | None = None,
    ) -> NextMeasurement:
        """Return what one more point would tell, and where it would tell most.

        Parameters
        ----------
        candidates : dict of str to array
            Points that could be measured, by the coordinates of the data and in their units; they
            broadcast. What was the same in all data may be left out.
        target : str, optional
            The parameter whose error shall become small (c-optimal); by default the volume of all
            parameters (D-optimal).
        error, shots : float or int, optional
            How well the point would be measured; by default as the data are in the median.

        Returns
        -------
        NextMeasurement

        References
        ----------
        V. V. Fedorov, Theory of Optimal Experiments (Academic Press, 1972).

        Examples
        --------
        >>> from anticrossing.fits import fit_passages, synthetic_passages
        >>> result = fit_passages(synthetic_passages(gap=0.8, seed=1))
        >>> print(result.next_measurement({"sweep_rate": [0.1, 0.5, 1.0, 5.0]}))
        measure next, for all parameters: sweep_rate 1; expected gap ±0.0034
        """
        return information.next_measurement(
            self.problem,
            self._values(),
            candidates,
            target=target,
            error=error,
            shots=shots,
            units={**self.problem.data.units, **self._units()},
        )

    def _values(self) -> dict[str, float]:
        return {name: one.value for name, one in self.parameters.items()}

    def _units(self) -> dict[str, str]:
        return {name: one.unit for name, one in self.parameters.items() if one.unit}

    def variables(self) -> dict[str, Variable]:
        """Return the data, the fit and the parameters by name."""
        return {
            **self.data.variables(),
            "fitted_population": Variable(("point",), self.prediction, "fitted population"),
            "residual": Variable(("point",), self.residuals, "measured less fitted"),
            **self._table(),
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the data, and the fit along the coordinate; of several, the residuals.

        Returns
        -------
        matplotlib.axes.Axes
        """
        if len(self.data.coordinates) > 1:
            return drawing.draw(self.model, {"residual": self.variables()["residual"]}, ax=ax)
        axes = self.data.plot(ax)
        (values,) = self.data.coordinates.values()
        order = np.argsort(values)
        axes.plot(values[order], self.prediction[order])
        return axes

    def _attributes(self) -> dict[str, Any]:
        return {**self.data._attributes(), "model": self.model, **self._goodness()}

    def __str__(self) -> str:
        shown = {
            name: p
            for name, p in self.parameters.items()
            if p.varied or p.value != _NEUTRAL.get(name)
        }
        width = max(map(len, shown))
        lines = [f"fit of {self.model} to {len(self.data)} populations"]
        lines += [f"  {name:<{width}}  {p}" for name, p in shown.items()]
        lines.append(self._quality_line(self.data.weighed, "reduced χ² = 1"))
        correlated = self._strongest()
        if correlated:
            lines.append(f"  correlations: {correlated}")
        lines += [f"  note: {text}" for text in self.warnings]
        return "\n".join(lines)

    def _strongest(self) -> str:
        matrix = self.correlations
        pairs = [
            (abs(matrix[i, j]), f"{self.varied[i]}–{self.varied[j]} {matrix[i, j]:+.2f}")
            for i in range(len(self.varied))
            for j in range(i)
            if abs(matrix[i, j]) >= 0.3
        ]
        return ", ".join(text for _, text in sorted(pairs, reverse=True)[:4])
