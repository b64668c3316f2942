"""A matrix H(x; p): values, derivatives, batches of parameters."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, flattened, joint_shape, known_keys
from anticrossing._core.public import guard
from anticrossing._core.unchanging import Unchanging
from anticrossing.hamiltonian._arguments import Matrices, common_offset, points_array

__all__ = ["MatrixFunction"]


class MatrixFunction(Unchanging, abc.ABC):
    """What a `Hamiltonian` gives at its coordinates: the matrix and its derivatives."""

    coordinates: tuple[str, ...]
    parameters: Mapping[str, FloatArray]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The broadcast shape of all parameters: () for a single Hamiltonian."""
        return joint_shape(*(value.shape for value in self.parameters.values()))

    def __call__(self, x: npt.ArrayLike) -> Matrices:
        """Return H(x), shape ``batch_shape + x.shape + (N, N)``.

        With several coordinates the last axis of `x` runs over them and is dropped.
        """
        points, parameters = self._outer(x)
        return self.evaluate(points, parameters)

    def derivative(self, x: npt.ArrayLike, *, coordinate: str | None = None) -> Matrices:
        """Return ∂H/∂x at `x` (with several coordinates: the named one)."""
        points, parameters = self._outer(x)
        return self.evaluate_derivative(points, parameters, self._coordinate_index(coordinate))

    def gradient(self, x: npt.ArrayLike) -> Matrices:
        """Return the derivatives ∂H/∂x_a in all coordinates at once.

        Parameters
        ----------
        x : float or array
            One coordinate: any shape (…). Several coordinates: (…, f), the last axis runs over
            them.

        Returns
        -------
        array, shape ``batch_shape + (…, f, N, N)``, for one coordinate ``batch_shape + (…, N, N)``
            Exact for a `TermHamiltonian`; see `from_function` for the accuracy of finite
            differences.

        Raises
        ------
        InputError
            If `x` has the wrong number of coordinates.

        Examples
        --------
        >>> from anticrossing import Hamiltonian
        >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
        >>> H.gradient([0.3, 0.1])[1]               # ∂H/∂y
        array([[0., 1.],
               [1., 0.]])
        """
        points, parameters = self._outer(x)
        found = self.evaluate_gradient(points, parameters)
        return found if len(self.coordinates) > 1 else found[..., 0, :, :]

    def second_derivatives(self, x: npt.ArrayLike) -> Matrices:
        """Return the derivatives ∂²H/∂x_a∂x_b in all pairs of coordinates at once.

        Parameters
        ----------
        x : float or array
            As for `gradient`.

        Returns
        -------
        array, shape ``batch_shape + (…, f, f, N, N)``, for one coordinate without the axes f
            Exact for a `TermHamiltonian`. For a `FunctionHamiltonian`: finite differences of
            fourth order, of the given derivative (relative error about 1e-12 where H varies over
            distances of order one), or of H itself (about 1e-10).

        Raises
        ------
        InputError
            If `x` has the wrong number of coordinates.

        Examples
        --------
        >>> from anticrossing import Hamiltonian
        >>> H = Hamiltonian.from_matrix([["x**2", "x*y"], ["x*y", 0]], coordinates=("x", "y"))
        >>> H.second_derivatives([0.3, 0.1])[0, 1]  # ∂²H/∂x∂y
        array([[0., 1.],
               [1., 0.]])
        """
        points, parameters = self._outer(x)
        found = self.evaluate_second_derivatives(points, parameters)
        return found if len(self.coordinates) > 1 else found[..., 0, 0, :, :]

    def parameter_derivative(self, parameter: str, x: npt.ArrayLike) -> Matrices:
        """Return ∂H/∂p at `x` for the parameter called `parameter`."""
        known_keys("parameters", [parameter], self.parameters)
        points, parameters = self._outer(x)
        return self.evaluate_parameter_derivative(points, parameters, parameter)

    @abc.abstractmethod
    def evaluate(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        """Return H at points `x` for parameter arrays that broadcast against the points.

        This is what solvers call: points and parameters run along the same axes. Complex points
        give the analytic continuation.
        """

    def evaluate_split(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> tuple[Matrices, npt.NDArray[Any]]:
        """Return H without a multiple of the identity, and the multiple, shaped as by `evaluate`.

        The multiple is taken out, or not, of all points along the last axis of `x` alike.
        """
        values = np.array(self.evaluate(x, parameters))
        diagonal = np.einsum("...ii->...i", values)
        offset = common_offset(diagonal.real)
        if offset.ndim:
            offset = np.where(np.all(offset != 0, axis=-1, keepdims=True), offset, 0.0)
        diagonal -= offset[..., None]
        return values, offset

    def evaluate_offset(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        """Return the multiple of the identity that `evaluate_split` takes out."""
        return self.evaluate_split(x, parameters)[1]

    @abc.abstractmethod
    def evaluate_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], coordinate: int = 0
    ) -> Matrices:
        """Return ∂H/∂x_coordinate with the conventions of `evaluate`."""

    @abc.abstractmethod
    def evaluate_gradient(self, x: npt.NDArray[Any], parameters: Mapping[str, Any]) -> Matrices:
        """Return all ∂H/∂x_a, shape (…, f, N, N), with the conventions of `evaluate`.

        The axis f is there for one coordinate too.
        """

    @abc.abstractmethod
    def evaluate_second_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> Matrices:
        """Return all ∂²H/∂x_a∂x_b, shape (…, f, f, N, N), with the conventions of `evaluate`."""

    @abc.abstractmethod
    def evaluate_parameter_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> Matrices:
        """Return ∂H/∂p of the parameter called `parameter`, with the conventions of `evaluate`."""

    def evaluate_parameter_derivatives(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], names: Sequence[str]
    ) -> Matrices:
        """Return the same of several parameters, shape (…, K, N, N)."""
        each = [self.evaluate_parameter_derivative(x, parameters, name) for name in names]
        return np.stack(each, axis=-3)

    def flat_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, FloatArray]:
        """Return every parameter broadcast to `batch_shape` and flattened to one axis."""
        return {key: flattened(value, batch_shape) for key, value in self.parameters.items()}

    def flat_points(
        self, x: npt.ArrayLike
    ) -> tuple[npt.NDArray[Any], dict[str, FloatArray], tuple[int, ...]]:
        """Return points and parameters on one axis, as `evaluate` takes them, and their shape.

        Parameters
        ----------
        x : float or array
            As for `gradient`.

        Returns
        -------
        points : array, shape (n,), with several coordinates (n, f)
        parameters : dict of array
            Of shape (n,), or (1,) without a batch.
        shape : tuple of int
            ``batch_shape + (…)``; its product is n.

        Examples
        --------
        >>> from anticrossing import Hamiltonian
        >>> H = Hamiltonian.affine([[0, 1], [1, 0]], [[1, 0], [0, -1]])
        >>> H.flat_points([[0.0, 0.5], [1.0, 1.5]])
        (array([0. , 0.5, 1. , 1.5]), {}, (2, 2))
        """
        points, parameters = self._outer(x)
        several = len(self.coordinates) > 1
        shape = points.shape[:-1] if several else points.shape
        flat = points.reshape(-1, points.shape[-1]) if several else points.reshape(-1)
        if not self.batch_shape:
            return flat, {key: value.reshape(1) for key, value in parameters.items()}, shape
        spread = {k: np.broadcast_to(v, shape).reshape(-1) for k, v in parameters.items()}
        return flat, spread, shape

    def _outer(self, x: npt.ArrayLike) -> tuple[npt.NDArray[Any], dict[str, FloatArray]]:
        points = points_array(x)
        trailing = points.ndim
        if len(self.coordinates) > 1:
            if points.ndim == 0 or points.shape[-1] != len(self.coordinates):
                raise fail(
                    "x",
                    f"have a last axis of length {len(self.coordinates)} "
                    f"(coordinates {', '.join(self.coordinates)})",
                    f"its shape is {points.shape}",
                )
            trailing -= 1
        batch = self.batch_shape
        parameters = {
            key: np.broadcast_to(value, batch).reshape(batch + (1,) * trailing)
            for key, value in self.parameters.items()
        }
        return np.broadcast_to(points, batch + points.shape), parameters

    def _coordinate_index(self, coordinate: str | None) -> int:
        if coordinate is None:
            if len(self.coordinates) > 1:
                raise fail(
                    "coordinate", f"name one of {', '.join(self.coordinates)}", "it is missing"
                )
            return 0
        known_keys("coordinates", [coordinate], self.coordinates)
        return self.coordinates.index(coordinate)


guard(__name__)
