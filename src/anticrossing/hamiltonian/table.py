"""H given by a table: matrices on points of one coordinate, and splines between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, hermitian, increasing, one_of
from anticrossing._core.sampled import scatter
from anticrossing.hamiltonian._arguments import Matrices
from anticrossing.hamiltonian.functions import FunctionHamiltonian
from anticrossing.hamiltonian.level_table import read_levels
from anticrossing.units import NATURAL, Units

_SLACK = 1e-12  # of the stretch: a drive that ends at the last point may round beyond it
_LARGEST_RATIO = 1e6  # of two spacings


class TableHamiltonian(FunctionHamiltonian, kind="table"):
    """H by splines through Hermitian matrices on points of one coordinate.

    Derivatives are those of the splines, exactly. Complex coordinates are allowed as far from the
    axis as the points are apart, where the continuation of the spline's nearest piece is as good
    as the spline itself.

    Parameters
    ----------
    x : array, shape (k,)
        Ascending; at least four points, six for degree 5.
    matrices : array, shape (k, N, N)
        Hermitian.
    degree : {3, 5}
        Of the splines, whose error is about h⁴ or h⁶ times a derivative of that order.
    name, units, labels, source
        As in `Hamiltonian.from_terms`.
    warnings : sequence of str
        What is known to be doubtful of the matrices.

    Attributes
    ----------
    points, matrices : arrays
        As given, read-only.
    error_estimate : float
        Of an element between the points (energy): what splines through every second point miss
        at the others, by what the order of the spline promises; NaN for too few points.
    scatter : float
        By how much the elements scatter about smooth curves (energy), NaN below seven points.
    warnings : tuple of str
        What was given, and where scatter or distance of the points leave the gap between levels
        open. Results of `propagate` repeat them.

    Raises
    ------
    InputError
        For points that do not ascend, are too few or of very different spacing, or matrices that
        are not Hermitian.
    """

    def __init__(
        self,
        x: npt.ArrayLike,
        matrices: npt.ArrayLike,
        *,
        degree: int = 3,
        name: str = "Table",
        units: Units = NATURAL,
        labels: Sequence[str] | None = None,
        source: str = "",
        warnings: Sequence[str] = (),
    ) -> None:
        points = increasing("x", x, one_of("degree", degree, (3, 5)) + 1)
        steps = np.diff(points)
        if not steps.min() * _LARGEST_RATIO > steps.max():
            raise fail("x", "have comparable spacings", f"they run up to {steps.max():g}")
        values = hermitian("matrices", matrices)
        if values.ndim != 3 or len(values) != points.size:
            must = f"have the shape ({points.size}, N, N)"
            raise fail("matrices", must, f"its shape is {values.shape}")
        if not np.any(values.imag):
            values = np.array(values.real)
        spline = _Spline(points, values, degree)
        super().__init__(
            spline.value,
            spline.slope,
            True,
            {},
            "x",
            dimension=values.shape[-1],
            name=name,
            units=units,
            labels=labels,
            source=source,
        )
        self.points: FloatArray = points
        self.matrices: Matrices = values
        self.degree = degree
        self.scatter = scatter(points, np.stack([values.real, values.imag]).swapaxes(0, 1))
        self.error_estimate = _missed(points, values, degree)
        self.warnings = (*warnings, *_doubts(values, self.error_estimate, self.scatter))
        self._spline = spline
        for array in (self.points, self.matrices):
            array.setflags(write=False)

    @classmethod
    def read(cls, table: Any, *, units: Units | None = None, **details: Any) -> TableHamiltonian:
        """Do what `Hamiltonian.from_table` says."""
        found = read_levels(table, units)
        if "matrices" not in found.arrays:
            known = ", ".join(name for name in found.arrays if name != "energies") or "nothing more"
            advice = (
                "`geometry.read_data(…).crossings()` tells what energies tell"
                if known == "nothing more"
                else "`geometry.read_data(…).diabatize().hamiltonian()` makes it one"
            )
            raise InputError(
                f"{found.source} must hold a diabatic matrix, such as R, E1, E2, V, but it holds "
                f"adiabatic energies and {known}: {advice}."
            )
        details["warnings"] = (*details.get("warnings", ()), *found.notes)
        details.setdefault("source", found.source if isinstance(table, (str, Path)) else "")
        try:
            return cls(found.x, found.arrays["matrices"], units=found.units, **details)
        except InputError as problem:
            raise InputError(f"{found.source}: {problem}") from None

    def evaluate(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        return self._spline.value(x)

    def evaluate_gradient(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        return self._spline.slope(x)[..., np.newaxis, :, :]

    def evaluate_second_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        return self._spline.derivative(x, 2)[..., np.newaxis, np.newaxis, :, :]

    def _given_as(self) -> str:
        return f"table of {self.points.size} points, splines of degree {self.degree}"


class _Spline:
    """Splines through matrices and their derivatives; can be sent to another process."""

    def __init__(self, x: FloatArray, matrices: Matrices, degree: int) -> None:
        from scipy.interpolate import make_interp_spline

        self.first, self.last, self.degree = float(x[0]), float(x[-1]), degree
        self.points = x
        spline = make_interp_spline(x, matrices, k=degree)
        self.splines = [spline, *(spline.derivative(n) for n in range(1, degree + 1))]

    def value(self, x: npt.NDArray[Any]) -> Matrices:
        return self.derivative(x, 0)

    def slope(self, x: npt.NDArray[Any]) -> Matrices:
        return self.derivative(x, 1)

    def derivative(self, x: npt.NDArray[Any], order: int) -> Matrices:
        x = np.asarray(x)
        along = self._inside(x.real)
        if not np.iscomplexobj(x):
            return np.asarray(self.splines[order](along))
        away = x.imag[..., np.newaxis, np.newaxis]
        piece = np.clip(np.searchsorted(self.points, along) - 1, 0, self.points.size - 2)
        reach = np.diff(self.points)[piece]
        if np.any(np.abs(x.imag) > reach):
            worst = np.unravel_index(np.argmax(np.abs(x.imag) - reach), reach.shape)
            raise fail(
                "x", "lie as near to the real axis as the points of the table are apart",
                f"it is {x[worst]:g}, and they are {reach[worst]:g} apart",
            )  # fmt: skip
        return sum(
            self.splines[order + n](along) * (1j * away) ** n / math.factorial(n)
            for n in range(self.degree + 1 - order)
        )

    def _inside(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        slack = _SLACK * (self.last - self.first)
        if np.any((x < self.first - slack) | (x > self.last + slack)):
            reach = f"it runs from {np.min(x):g} to {np.max(x):g}"
            raise fail("x", f"lie within the points, {self.first:g} … {self.last:g}", reach)
        return np.clip(x, self.first, self.last)


def _missed(x: FloatArray, values: Matrices, degree: int) -> float:
    if x[::2].size < degree + 1:
        return float("nan")
    coarse = _Spline(x[::2], values[::2], degree)
    between = x[1::2] if x.size % 2 else x[1:-1:2]
    missed = np.abs(coarse.value(between) - values[1::2][: between.size]).max()
    return float(missed) / 2**degree


def _doubts(values: Matrices, error: float, scattered: float) -> tuple[str, ...]:
    gap = np.diff(np.linalg.eigvalsh(values), axis=-1).min(initial=np.inf)
    found = []
    if scattered > 0.1 * gap:
        found.append(
            f"the elements scatter by about {scattered:.2g}, the levels come as near as {gap:.2g}"
        )
    if error > 0.1 * gap:
        found.append(
            f"between the points the elements are known to about {error:.2g}, the levels come as "
            f"near as {gap:.2g}"
        )
    return tuple(found)
