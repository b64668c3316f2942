"""H given by a Python function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    describe,
    fail,
    integer,
    is_numeric,
    parameter,
)
from anticrossing.hamiltonian._arguments import Matrices, coordinate_names
from anticrossing.hamiltonian.base import Hamiltonian
from anticrossing.hamiltonian.curve import Curve, name_of_time
from anticrossing.units import NATURAL, Units, in_time

_EPSILON = float(np.finfo(np.float64).eps)


class FunctionHamiltonian(Hamiltonian, kind="function"):
    """H given by a Python function; derivatives given too, or by finite differences."""

    def __init__(
        self,
        function: Callable[..., Any],
        derivative: Callable[..., Any] | None,
        vectorised: bool,
        parameters: Mapping[str, npt.ArrayLike],
        coordinates: str | Sequence[str] = "x",
        *,
        dimension: int | None = None,
        name: str = "Hamiltonian",
        units: Units = NATURAL,
        labels: Sequence[str] | None = None,
        source: str = "",
        dims: Sequence[Sequence[int]] | None = None,
    ) -> None:
        if not callable(function):
            raise fail("function", "be callable", f"it is {describe(function)}")
        self.function = function
        self.derivative_function = derivative
        self.vectorised = bool(vectorised)
        names = coordinate_names(coordinates)
        if dimension is None:
            dimension = self._probe_dimension(names, parameters)
        self.dimension = integer("dimension", dimension, minimum=1)
        self._set_details(names, parameters, name, units, labels, source, dims)

    def evaluate(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        return self._apply(self.function, x, parameters)

    def evaluate_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], coordinate: int = 0
    ) -> Matrices:
        if self.derivative_function is not None:
            return self.evaluate_gradient(x, parameters)[..., coordinate, :, :]
        return self._difference(self.evaluate, x, parameters, coordinate)

    def evaluate_gradient(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        count = len(self.coordinates)
        if self.derivative_function is not None:
            axes = (count,) if count > 1 else ()
            slopes = self._apply(self.derivative_function, x, parameters, "derivative", axes)
            return slopes if count > 1 else slopes[..., np.newaxis, :, :]
        columns = [self._difference(self.evaluate, x, parameters, a) for a in range(count)]
        return np.stack(columns, axis=-3)

    def evaluate_second_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        axes = range(len(self.coordinates))
        if self.derivative_function is not None:
            rows = [self._difference(self.evaluate_gradient, x, parameters, a, 3) for a in axes]
            found = np.stack(rows, axis=-4)
            return 0.5 * (found + found.swapaxes(-4, -3))
        middle = self.evaluate(x, parameters)
        found = np.empty(
            (*middle.shape[:-2], len(axes), len(axes), *middle.shape[-2:]), dtype=middle.dtype
        )
        step = _second_difference_step(x)
        for a in axes:
            for b in range(a + 1):
                found[..., a, b, :, :] = self._second_difference(x, parameters, step, a, b, middle)
                found[..., b, a, :, :] = found[..., a, b, :, :]
        return found

    def _difference(
        self,
        function: Callable[[npt.NDArray[Any], Mapping[str, Any]], Matrices],
        x: npt.NDArray[Any],
        parameters: Mapping[str, Any],
        coordinate: int,
        axes: int = 2,
    ) -> Matrices:
        """Return the derivative in one coordinate of a `function` with `axes` axes of values."""
        step = _finite_difference_step(x)
        shift = self._along(step, coordinate)
        own = step[..., coordinate] if len(self.coordinates) > 1 else step
        own = own.reshape(own.shape + (1,) * axes)
        return _five_point(lambda k: function(np.asarray(x + k * shift), parameters), own)

    def _second_difference(
        self,
        x: npt.NDArray[Any],
        parameters: Mapping[str, Any],
        step: FloatArray,
        a: int,
        b: int,
        middle: Matrices,
    ) -> Matrices:
        """Return ∂²H/∂x_a∂x_b by fourth-order second differences along straight lines."""
        several = len(self.coordinates) > 1

        def size(c: int) -> FloatArray:
            return (step[..., c] if several else step)[..., np.newaxis, np.newaxis]

        def along(shift: npt.NDArray[Any]) -> Matrices:
            def pair(k: int) -> Matrices:
                up = self.evaluate(np.asarray(x + k * shift), parameters)
                return up + self.evaluate(np.asarray(x - k * shift), parameters)

            return (16 * pair(1) - pair(2) - 30 * middle) / 12

        if a == b:
            return along(self._along(step, a)) / size(a) ** 2
        # (∂_a + ∂_b)² − (∂_a − ∂_b)² = 4 ∂_a ∂_b in units of the steps.
        one, other = self._along(step, a), self._along(step, b)
        return (along(one + other) - along(one - other)) / (4 * size(a) * size(b))

    def _along(self, step: FloatArray, coordinate: int) -> FloatArray:
        """Return the displacement by one step in one coordinate."""
        if len(self.coordinates) == 1:
            return step
        return step * np.eye(len(self.coordinates))[coordinate]

    def evaluate_parameter_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> Matrices:
        value = np.asarray(parameters[parameter])
        step = _finite_difference_step(value)

        def at(shift: float) -> Matrices:
            return self.evaluate(x, {**parameters, parameter: value + shift * step})

        return _five_point(at, step[..., np.newaxis, np.newaxis])

    def _apply(
        self,
        function: Callable[..., Any],
        x: npt.NDArray[Any],
        parameters: Mapping[str, Any],
        name: str = "function",
        axes: tuple[int, ...] = (),
    ) -> Matrices:
        """Call `function` at all points; `axes` stand before the axes of the matrix."""
        if np.iscomplexobj(x):
            raise InputError(
                "A Hamiltonian given by a Python function has no continuation to complex "
                "coordinates: give it as formulas."
            )
        several = len(self.coordinates) > 1
        shape = x.shape[:-1] if several else x.shape
        shape = np.broadcast_shapes(shape, *(np.shape(parameters[k]) for k in self.parameters))
        single = (*axes, self.dimension, self.dimension)
        expected = (*shape, *single)
        if self.vectorised:
            result = _own(name, function(x, **{k: parameters[k] for k in self.parameters}))
            if result.shape != expected:
                raise fail(name, f"return shape {expected}", f"it returned shape {result.shape}")
            return result
        points = np.broadcast_to(x, shape + x.shape[-1:]) if several else np.broadcast_to(x, shape)
        values = {k: np.broadcast_to(parameters[k], shape) for k in self.parameters}
        results = []
        for index in np.ndindex(shape):
            result = _own(name, function(points[index], **{k: v[index] for k, v in values.items()}))
            if result.shape != single:
                raise fail(
                    name, f"return an array of shape {single}", f"it returned shape {result.shape}"
                )
            results.append(result)
        return np.asarray(results, dtype=None if results else np.float64).reshape(expected)

    def _probe_dimension(
        self, names: tuple[str, ...], parameters: Mapping[str, npt.ArrayLike]
    ) -> int:
        first = {key: float(parameter(key, v).flat[0]) for key, v in parameters.items()}
        point: Any = np.zeros(len(names)) if len(names) > 1 else np.float64(0.0)
        with np.errstate(all="ignore"):  # 0 need not lie on anybody's path: NaN will do there
            try:
                value = self.function(point, **first)
                result = np.asarray(value)
            except (ArithmeticError, TypeError, ValueError) as error:
                raise fail(
                    "function",
                    "return a square matrix at 0, unless `dimension` says how large it is",
                    f"it fails there: {error}",
                ) from error
        if result.ndim < 2 or result.shape[-1] != result.shape[-2]:
            raise fail(
                "function", "return a square matrix", f"at 0 it returned shape {result.shape}"
            )
        if not np.issubdtype(result.dtype, np.number) or np.ma.is_masked(value):
            raise fail("function", "return numbers", f"at 0 it returned {describe(value)}")
        return int(result.shape[-1])

    def _restrict(
        self, origin: FloatArray, direction: FloatArray, name: str
    ) -> FunctionHamiltonian:
        function, derivative = self.function, self.derivative_function
        several = len(self.coordinates) > 1

        def point(s: npt.NDArray[Any]) -> npt.NDArray[Any]:
            if several:
                return np.asarray(origin + np.asarray(s)[..., np.newaxis] * direction)
            return np.asarray(origin[0] + s * direction[0])

        def value(s: npt.NDArray[Any], **parameters: Any) -> Any:
            return function(point(s), **parameters)

        def slope(s: npt.NDArray[Any], **parameters: Any) -> Any:
            assert derivative is not None
            found = _own("derivative", derivative(point(s), **parameters))
            if several:
                return np.einsum("a,...aij->...ij", direction, found)
            return direction[0] * found

        return FunctionHamiltonian(
            value,
            None if derivative is None else slope,
            self.vectorised,
            self.parameters,
            name,
            dimension=self.dimension,
            **self._details(),
        )

    def _compose(self, curve: Curve) -> FunctionHamiltonian:
        composed = _Along(self, curve)
        return FunctionHamiltonian(
            composed.value,
            composed.slope,
            True,
            {**self.parameters, **curve.parameters},
            name_of_time({**self.parameters, **curve.parameters}),
            dimension=self.dimension,
            **{**self._details(), "units": in_time(self.units)},
        )

    def _copy_with(self, parameters: dict[str, FloatArray]) -> FunctionHamiltonian:
        return self._with(parameters=parameters)


@dataclass(frozen=True, eq=False)
class _Along:
    """A Hamiltonian along a curve, as functions that can be sent to another process."""

    hamiltonian: FunctionHamiltonian
    curve: Curve

    def value(self, t: npt.NDArray[Any], **parameters: Any) -> Matrices:
        return self.hamiltonian.evaluate(self._positions(t, parameters), parameters)

    def slope(self, t: npt.NDArray[Any], **parameters: Any) -> Matrices:
        gradient = self.hamiltonian.evaluate_gradient(self._positions(t, parameters), parameters)
        velocity = self._ordered(self.curve.evaluate_velocity(t, parameters))
        return np.asarray(np.einsum("...a,...aij->...ij", velocity, gradient))

    def _positions(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        found = self._ordered(self.curve.evaluate(t, parameters))
        return found if len(self.hamiltonian.coordinates) > 1 else found[..., 0]

    def _ordered(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        order = [self.curve.coordinates.index(name) for name in self.hamiltonian.coordinates]
        return values[..., order]


def _own(name: str, value: Any) -> Matrices:
    """Return a copy of a function's value: the function may fill the same array again."""
    if not is_numeric(value):
        raise fail(name, "return a matrix of numbers", f"it returned {describe(value)}")
    real = np.asarray(value).dtype.kind in "biuf"
    return np.array(value, dtype=np.float64 if real else np.complex128)


def _finite_difference_step(x: npt.NDArray[Any]) -> FloatArray:
    # ε^{1/5} balances the h⁴ truncation of the five-point formula against rounding ε/h.
    return np.asarray(_EPSILON**0.2 * np.maximum(np.abs(x), 1.0))


def _second_difference_step(x: npt.NDArray[Any]) -> FloatArray:
    # ε^{1/6} does so for second differences, where rounding grows as ε/h².
    return np.asarray(_EPSILON ** (1 / 6) * np.maximum(np.abs(x), 1.0))


def _five_point(at: Callable[[float], Matrices], step: FloatArray) -> Matrices:
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
