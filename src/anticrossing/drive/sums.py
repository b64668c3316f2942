"""Sums of drives: trains of pulses, a pulse on a ramp, several tones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, describe, fail
from anticrossing.drive.base import WINDOW, Drive, shape_clash
from anticrossing.drive.formula import FormulaDrive
from anticrossing.drive.piecewise import PiecewiseDrive
from anticrossing.drive.waveform import SteppedDrive


def Sum(*drives: Drive) -> Drive:
    """Drive along a sum: x(t) = x₁(t) + x₂(t) + …, on a window that holds all of theirs.

    Outside of its own window a pulse, or samples, keep the value they have at the end, and a
    formula goes on as it is written. The parameters of the n-th drive get the ending ``_n``.

    Parameters
    ----------
    *drives : Drive
        Formulas (also Gaussian, sech and chirped pulses) among themselves, or pulses with edges,
        samples, functions and straight segments among themselves.

    Raises
    ------
    InputError
        For a formula beside what is none: turn the formula into a `Function`.

    Examples
    --------
    >>> from anticrossing.drive import Gaussian
    >>> train = Sum(Gaussian(1.0, 0.1, centre=-3.0), Gaussian(0.5, 0.1, centre=[3.0, 4.0]))
    >>> train(-3.0), train.batch_shape
    (array([1., 1.]), (2,))
    """
    if len(drives) < 2:
        raise fail("drives", "be two or more", f"there is {len(drives)}")
    for drive in drives:
        if not isinstance(drive, (FormulaDrive, SteppedDrive, PiecewiseDrive)):
            raise fail("drives", "be drives of one coordinate", f"one is {describe(drive)}")
    formulas = [drive for drive in drives if isinstance(drive, FormulaDrive)]
    if formulas and len(formulas) < len(drives):
        other = next(drive for drive in drives if not isinstance(drive, FormulaDrive))
        raise fail(
            "drives",
            "all be formulas, or none of them (a formula can be made a `Function`)",
            f"{formulas[0].name} is one and {other.name} is not",
        )
    parameters = {
        f"{k}_{n}": v for n, drive in _numbered(drives) for k, v in drive.parameters.items()
    }
    try:
        start = np.minimum.reduce(np.broadcast_arrays(*(drive.start_time for drive in drives)))
        stop = np.maximum.reduce(np.broadcast_arrays(*(drive.stop_time for drive in drives)))
    except ValueError:
        raise shape_clash({f"start_time_{n}": d.start_time for n, d in _numbered(drives)}) from None
    if not formulas:
        return SumDrive(drives, parameters, start, stop)
    total: Any = 0
    for n, drive in _numbered(formulas):
        new = {k: expression.symbol(f"{k}_{n}") for k in drive.parameters}
        total += drive.formula.xreplace({expression.symbol(k): s for k, s in new.items()})
    cuts = np.unique(np.concatenate([drive.breakpoints for drive in drives])).tolist()
    return FormulaDrive(total, start, stop, parameters=parameters, breakpoints=cuts, name="Sum")


class SumDrive(SteppedDrive):
    """A sum of drives that are smooth between times they know; made by `Sum`."""

    def __init__(
        self,
        drives: Sequence[Drive],
        parameters: Mapping[str, npt.ArrayLike],
        start_time: npt.ArrayLike,
        stop_time: npt.ArrayLike,
    ) -> None:
        self.drives = tuple(drives)
        super().__init__("Sum", parameters, start_time, stop_time)

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        return np.asarray(sum(d.evaluate(t, own) for d, own in self._parts(parameters)))

    def continued(
        self, centres: npt.NDArray[Any], t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        return np.asarray(sum(d.continued(centres, t, own) for d, own in self._parts(parameters)))

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        return np.asarray(sum(d.evaluate_velocity(t, own) for d, own in self._parts(parameters)))

    @property
    def differentiable(self) -> tuple[str, ...]:
        parts = [(n, drive.differentiable) for n, drive in _numbered(self.drives)]
        return (*(f"{k}_{n}" for n, names in parts for k in names if k not in WINDOW), *WINDOW)

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        total = np.zeros(np.shape(t))
        for n, (drive, own) in enumerate(self._parts(parameters), start=1):
            name = parameter.removesuffix(f"_{n}")
            if name != parameter and name in drive.differentiable:
                total = total + drive.evaluate_parameter_derivative(t, own, name)
        return np.asarray(total)

    def _parts(self, parameters: Mapping[str, Any]) -> list[tuple[Drive, dict[str, Any]]]:
        """Return every drive with its own parameters."""
        return [
            (drive, {key: parameters[f"{key}_{n}"] for key in drive.parameters})
            for n, drive in _numbered(self.drives)
        ]

    def _knots(self, parameters: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        count = max([1, *(np.size(value) for value in parameters.values())])
        found = []
        for drive, own in self._parts(parameters):
            if isinstance(drive, SteppedDrive):
                found.append(drive._knots(own))
            else:
                assert isinstance(drive, PiecewiseDrive)
                found.append((drive.times[None], np.zeros((1, drive.times.size))))
        knots, sides = (
            np.concatenate([np.broadcast_to(a, (count, a.shape[1])) for a in arrays], axis=1)
            for arrays in zip(*found, strict=True)
        )
        return knots, sides


def _numbered(drives: Sequence[Any]) -> list[tuple[int, Any]]:
    return list(enumerate(drives, start=1))
