"""H given by a Python function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing.checks import (
    ComplexArray,
    FloatArray,
    describe,
    fail,
    integer,
)
from anticrossing.hamiltonian.base import Hamiltonian, Matrices, coordinate_names
from anticrossing.units import NATURAL, Units


class FunctionHamiltonian(Hamiltonian):
    """H given by a Python function; derivatives given too, or by finite differences."""

    def __init__(
        self,
        function: Callable[..., Any],
        derivative: Callable[..., Any] | None,
        vectorized: bool,
        parameters: Mapping[str, npt.ArrayLike],
        coordinates: str | Sequence[str] = "x",
        *,
        dimension: int | None = None,
        name: str = "Hamiltonian",
        units: Units = NATURAL,
        labels: Sequence[str] | None = None,
        source: str = "",
    ) -> None:
        if not callable(function):
            raise fail("function", "be callable", f"it is {describe(function)}")
        self.function = function
        self.derivative_function = derivative
        self.vectorized = bool(vectorized)
        names = coordinate_names(coordinates)
        if dimension is None:
            dimension = self._probe_dimension(names, parameters)
        self.dimension = integer("dimension", dimension, minimum=1)
        self._set_details(names, parameters, name, units, labels, source)

    def evaluate(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        return self._apply(self.function, x, parameters)

    def evaluate_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], coordinate: int = 0
    ) -> Matrices:
        if self.derivative_function is not None and len(self.coordinates) == 1:
            return self._apply(self.derivative_function, x, parameters)
        direction = np.ones(1)
        if len(self.coordinates) > 1:
            direction = np.eye(len(self.coordinates))[coordinate]
        step = _finite_difference_step(x)

        def at(shift: float) -> Matrices:
            return self.evaluate(np.asarray(x + shift * step * direction), parameters)

        if len(self.coordinates) == 1:

            def at(shift: float) -> Matrices:
                return self.evaluate(np.asarray(x + shift * step), parameters)

        return _five_point(at, step)

    def _evaluate_parameter_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> Matrices:
        step = _finite_difference_step(np.asarray(parameters[parameter]))

        def at(shift: float) -> Matrices:
            shifted = {**parameters, parameter: parameters[parameter] + shift * step}
            return self.evaluate(x, shifted)

        return _five_point(at, step)

    def _apply(
        self, function: Callable[..., Any], x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        several = len(self.coordinates) > 1
        shape = x.shape[:-1] if several else x.shape
        shape = np.broadcast_shapes(shape, *(np.shape(parameters[k]) for k in self.parameters))
        expected = (*shape, self.dimension, self.dimension)
        if self.vectorized:
            result = np.asarray(function(x, **{k: parameters[k] for k in self.parameters}))
            if result.shape != expected:
                raise fail(
                    "function", f"return shape {expected}", f"it returned shape {result.shape}"
                )
            return result if np.iscomplexobj(result) else result.astype(np.float64)
        points = np.broadcast_to(x, shape + x.shape[-1:]) if several else np.broadcast_to(x, shape)
        values = {k: np.broadcast_to(parameters[k], shape) for k in self.parameters}
        results = [
            np.asarray(function(points[index], **{k: v[index] for k, v in values.items()}))
            for index in np.ndindex(shape)
        ]
        for result in results:
            if result.shape != expected[-2:]:
                raise fail(
                    "function",
                    f"return a matrix of shape {expected[-2:]}",
                    f"it returned shape {result.shape}",
                )
        stacked = np.asarray(results)
        if not np.iscomplexobj(stacked):
            stacked = stacked.astype(np.float64)
        return stacked.reshape(expected)

    def _probe_dimension(
        self, names: tuple[str, ...], parameters: Mapping[str, npt.ArrayLike]
    ) -> int:
        first = {key: float(np.ravel(np.asarray(v))[0]) for key, v in parameters.items()}
        point: Any = np.zeros(len(names)) if len(names) > 1 else np.float64(0.0)
        with np.errstate(all="ignore"):  # 0 need not lie on anybody's path: NaN will do there
            try:
                result = np.asarray(self.function(point, **first))
            except (ArithmeticError, ValueError) as error:
                raise fail(
                    "function",
                    "return a square matrix at 0, unless `dimension` says how large it is",
                    f"it fails there: {error}",
                ) from error
        if result.ndim < 2 or result.shape[-1] != result.shape[-2]:
            raise fail(
                "function", "return a square matrix", f"at 0 it returned shape {result.shape}"
            )
        if not np.issubdtype(result.dtype, np.number):
            raise fail("function", "return numbers", f"at 0 it returned {describe(result)}")
        return int(result.shape[-1])

    def _copy_with(self, parameters: dict[str, FloatArray]) -> FunctionHamiltonian:
        copy = object.__new__(FunctionHamiltonian)
        copy.__dict__.update(self.__dict__)
        copy.parameters = parameters
        return copy


def _finite_difference_step(x: npt.NDArray[Any]) -> float:
    # ε^{1/5} balances the h⁴ truncation of the five-point formula against rounding ε/h.
    scale = float(np.max(np.abs(x), initial=1.0))
    return float(np.finfo(np.float64).eps ** 0.2 * max(scale, 1.0))


def _five_point(at: Callable[[float], Matrices], step: float) -> Matrices:
    slope: ComplexArray = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    return slope
