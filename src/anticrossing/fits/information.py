"""Fisher's information of a fit, and the measurement that would tell most next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    FloatArray,
    InputError,
    choice,
    fail,
    integer,
    positive_number,
    real_array,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Variable
from anticrossing.fits import _likelihood
from anticrossing.fits._parameters import FARTHEST
from anticrossing.fits._problem import Problem
from anticrossing.fits._quantities import labelled


@dataclass(frozen=True, eq=False)
class NextMeasurement(Result):
    """What one more point would tell, at every candidate.

    Attributes
    ----------
    candidates : dict of str to array, shape (M,)
        Coordinates of the points.
    varied : tuple of str
        The K fitted parameters.
    target : str or None
        The parameter whose error is to become small; None for the volume of all together.
    gain : array, shape (M,)
        Information that a point would bring, in nats: ``½ ln(det F′/det F)``, or the logarithm of
        the ratio of the errors of the target.
    expected_error : array, shape (M, K)
        Standard deviations after it.
    units : dict of str to str
        Of coordinates and parameters, where they have any.
    """

    candidates: Mapping[str, FloatArray]
    varied: tuple[str, ...]
    target: str | None
    gain: FloatArray
    expected_error: FloatArray
    units: Mapping[str, str]

    @property
    def best(self) -> dict[str, float]:
        """Coordinates of the point that tells most."""
        index = int(np.argmax(self.gain))
        return {name: float(values[index]) for name, values in self.candidates.items()}

    @property
    def best_error(self) -> dict[str, float]:
        """Standard deviations after a measurement there, by name."""
        row = self.expected_error[int(np.argmax(self.gain))]
        return dict(zip(self.varied, map(float, row), strict=True))

    def variables(self) -> dict[str, Variable]:
        """Return the candidates with gain and expected errors by name."""
        columns = {
            name: Variable(("point",), values, name, self.units.get(name) or "1")
            for name, values in self.candidates.items()
        }
        return {
            **columns,
            "gain": Variable(("point",), self.gain, "information that a point would bring (nats)"),
            "varied": Variable(("varied",), np.array(self.varied), "fitted parameter"),
            "expected_error": Variable(
                ("point", "varied"), self.expected_error, "standard deviation after it"
            ),
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the gain along the first coordinate, or as colours over the first two.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        moving = [(n, v) for n, v in self.candidates.items() if np.ptp(v) > 0]
        first, *others = moving or list(self.candidates.items())
        axes.set_xlabel(labelled(first[0], self.units))
        if others:
            drawing.colours_over_two(axes, first[1], others[0][1], self.gain, "gain (nats)")
            axes.set_ylabel(labelled(others[0][0], self.units))
        else:
            order = np.argsort(first[1])
            axes.plot(first[1][order], self.gain[order])
            axes.set_ylabel("gain (nats)")
        return axes

    def __str__(self) -> str:
        where = ", ".join(self._with_unit(f"{n} {value:g}", n) for n, value in self.best.items())
        errors = ", ".join(
            self._with_unit(f"{n} ±{error:.2g}", n) for n, error in self.best_error.items()
        )
        aim = "all parameters" if self.target is None else f"`{self.target}`"
        return f"measure next, for {aim}: {where}; expected {errors}"

    def _with_unit(self, text: str, name: str) -> str:
        return f"{text} {self.units.get(name, '')}".rstrip()


def fisher_information(problem: Problem, values: Mapping[str, float]) -> FloatArray:
    """Return the expected information of the data on the fitted parameters, shape (K, K)."""
    space = problem.coordinates
    root = problem.residuals(space.coordinates(values))[2]
    by_parameter = root @ np.linalg.inv(space.jacobian(values))
    return np.asarray(by_parameter.T @ by_parameter) / variance(problem, values)


def next_measurement(
    problem: Problem,
    values: Mapping[str, float],
    candidates: Mapping[str, npt.ArrayLike],
    *,
    target: str | None,
    error: float | None,
    shots: int | None,
    units: Mapping[str, str],
) -> NextMeasurement:
    """Return what every candidate would add to the information of the data."""
    space = problem.coordinates
    if target is not None:
        choice("target", target, space.varied)
    where = _places(problem, candidates)
    q, slopes = problem.slopes(values, where)
    weight = _weight(problem, values, q, error, shots)
    root = problem.residuals(space.coordinates(values))[2]
    # What the data leave open is known to the range of the search.
    known = root.T @ root / variance(problem, values) + np.eye(slopes.shape[1]) / FARTHEST**2
    covariance = np.linalg.inv(known)
    change = space.jacobian(values)
    through = slopes @ covariance  # (M, K)
    told = 1 + weight**2 * np.sum(through * slopes, axis=-1)
    inside = through @ change.T
    before = np.diag(change @ covariance @ change.T)
    after = np.sqrt(np.maximum(before - (weight**2 / told)[:, None] * inside**2, 0.0))
    gain = 0.5 * np.log(told)
    if target is not None:
        index = space.varied.index(target)
        with np.errstate(divide="ignore"):
            gain = np.log(np.sqrt(before[index]) / after[:, index])
    return NextMeasurement(where, space.varied, target, gain, after, units)


def _places(problem: Problem, candidates: Mapping[str, npt.ArrayLike]) -> dict[str, FloatArray]:
    """Return the coordinates of the candidates; what never changed in the data stays there."""
    given = {name: real_array(name, value) for name, value in candidates.items()}
    own = problem.data.coordinates
    for name, values in given.items():
        choice("candidates", name, own)
        if values.size == 0:
            raise fail("candidates", "hold at least one point", f"`{name}` is empty")
    for name, measured in own.items():
        if name not in given:
            if np.ptp(measured) > 0:
                raise fail("candidates", f"say `{name}`", "it differs between the data")
            given[name] = measured[:1]
    try:
        spread = np.broadcast_arrays(*given.values())
    except ValueError:
        shapes = ", ".join(f"`{name}` {value.shape}" for name, value in given.items())
        raise InputError(f"The candidates must broadcast, but they are {shapes}.") from None
    return {name: np.array(part).reshape(-1) for name, part in zip(given, spread, strict=True)}


def _weight(
    problem: Problem,
    values: Mapping[str, float],
    q: FloatArray,
    error: float | None,
    shots: int | None,
) -> FloatArray:
    """Return the root of the information of a new point on its probability."""
    data = problem.data
    if error is not None and shots is not None:
        raise fail("error", "be left out where `shots` are given", "both are")
    if error is not None:
        return np.full(q.shape, 1 / positive_number("error", error))
    if shots is not None or data.shots is not None:
        usual = 1 if data.shots is None else int(np.median(data.shots))
        count = usual if shots is None else integer("shots", shots, minimum=1)
        return _likelihood.root_information(q, np.asarray(float(count)))
    if data.error is not None:
        return np.full(q.shape, 1 / float(np.median(data.error)))
    return np.full(q.shape, 1 / np.sqrt(variance(problem, values)))


def variance(problem: Problem, values: Mapping[str, float]) -> float:
    """Return the variance of the data where no errors are given, else 1."""
    data = problem.data
    if data.weighed:
        return 1.0
    freedom = len(data) - len(problem.coordinates.varied)
    return float(problem.deviance(values)) / freedom
