"""What every Hamiltonian offers: values, derivatives, batches of parameters."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    instance,
    known_keys,
    named_values,
    parameter,
    real_array,
)
from anticrossing._core.unchanging import Unchanging
from anticrossing.hamiltonian._arguments import (
    Matrices,
    check_broadcast,
    common_offset,
    coordinate_names,
    describe_value,
    points_array,
)
from anticrossing.units import Units

# What the constructors below make, by kind: the classes derive from `Hamiltonian` and tell it.
_KINDS: dict[str, Any] = {}


class Hamiltonian(Unchanging, abc.ABC):
    """A Hermitian matrix H(x; p) that depends on one or several coordinates and on parameters.

    Make one with `Hamiltonian.from_matrix` (text or SymPy entries), `Hamiltonian.from_terms`
    (formulas times constant matrices), `Hamiltonian.affine` (H₀ + x H₁) or
    `Hamiltonian.from_function`; named models are in `anticrossing.models`.

    A parameter may be an array: its shape is the batch shape, and H(x) has shape
    ``batch_shape + x.shape + (N, N)``.

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x/2", "g/2"], ["g/2", "-x/2"]], parameters={"g": 1.0})
    >>> H(0.0)
    array([[0. , 0.5],
           [0.5, 0. ]])
    >>> H.replace(g=[1.0, 2.0])(np.zeros(3)).shape
    (2, 3, 2, 2)
    """

    name: str
    dimension: int
    coordinates: tuple[str, ...]
    parameters: Mapping[str, FloatArray]
    units: Units
    labels: tuple[str, ...]
    source: str

    def __init_subclass__(cls, *, kind: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if kind:
            _KINDS[kind] = cls

    # ---- construction -------------------------------------------------------------------------

    @staticmethod
    def from_terms(
        terms: Sequence[tuple[Any, Any]],
        *,
        parameters: Mapping[str, npt.ArrayLike] | None = None,
        coordinates: str | Sequence[str] = "x",
        **details: Any,
    ) -> Hamiltonian:
        """Build H = Σ_k f_k M_k from pairs (f_k, M_k).

        Parameters
        ----------
        terms : sequence of (coefficient, matrix)
            The coefficient is a number, text in the safe formula language, or a SymPy expression
            in the coordinates and parameters; it must be real. The matrix is a constant Hermitian
            (N, N) array or SciPy sparse matrix.
        parameters : mapping of str to float or array, optional
            Values of every parameter used in the coefficients; arrays make a batch.
        coordinates : str or sequence of str
            The name(s) of the coordinate(s).
        **details
            `name`, `units`, `labels` (of the diabatic states), `source` (the paper).

        Raises
        ------
        InputError
            For a non-Hermitian or non-finite matrix, mismatched shapes, an unknown name.

        Examples
        --------
        >>> H = Hamiltonian.from_terms([("x", [[1, 0], [0, -1]]), (0.1, [[0, 1], [1, 0]])])
        >>> H.dimension
        2
        """
        return _KINDS["terms"](
            terms, named_values("parameters", parameters), coordinates, **details
        )

    @staticmethod
    def from_matrix(
        matrix: Sequence[Sequence[Any]],
        *,
        parameters: Mapping[str, npt.ArrayLike] | None = None,
        coordinates: str | Sequence[str] = "x",
        **details: Any,
    ) -> Hamiltonian:
        """Build H from a matrix of formulas (text, numbers or SymPy; ``I`` is the imaginary unit).

        Raises
        ------
        InputError
            If the matrix is not square or not Hermitian for real coordinates and parameters.

        Examples
        --------
        >>> H = Hamiltonian.from_matrix([["x", "-I*c"], ["I*c", "-x"]], parameters={"c": 0.2})
        >>> H(1.0).imag
        array([[ 0. , -0.2],
               [ 0.2,  0. ]])
        """
        from anticrossing._core import terms as rewriting

        names = coordinate_names(coordinates) + tuple(named_values("parameters", parameters))
        return _KINDS["terms"](
            rewriting.from_matrix(matrix, names),
            named_values("parameters", parameters),
            coordinates,
            **details,
        )

    @staticmethod
    def affine(constant: Any, slope: Any, **details: Any) -> Hamiltonian:
        """Build H(x) = H₀ + x H₁ from two constant Hermitian matrices (dense or sparse).

        Examples
        --------
        >>> Hamiltonian.affine([[0, 1], [1, 0]], [[1, 0], [0, -1]])(2.0)
        array([[ 2.,  1.],
               [ 1., -2.]])
        """
        return _KINDS["terms"]([(1, constant), ("x", slope)], {}, "x", **details)

    @staticmethod
    def from_function(
        function: Callable[..., Any],
        *,
        derivative: Callable[..., Any] | None = None,
        vectorised: bool = False,
        parameters: Mapping[str, npt.ArrayLike] | None = None,
        coordinates: str | Sequence[str] = "x",
        **details: Any,
    ) -> Hamiltonian:
        """Build H from a Python function of one point, ``function(x, **parameters) -> (N, N)``.

        Parameters
        ----------
        function : callable
            Returns a Hermitian (N, N) array. With several coordinates it receives one array of
            shape (number of coordinates,). It is never called with complex coordinates: what needs
            them, such as `dynamics.log_probability`, needs formulas.
        derivative : callable, optional
            dH/dx with the same signature; with several coordinates all derivatives ∂H/∂x_a in
            one array (f, N, N). Otherwise finite differences of fourth order are used, with step
            ``h = ε^{1/5} max(1, |x|)`` in each coordinate: their error is about
            ``h⁴ |H⁽⁵⁾|/30 + 1e-13 |H|``.
        vectorised : bool
            Set it if the function accepts arrays of points and returns (…, N, N).

        Examples
        --------
        >>> H = Hamiltonian.from_function(lambda x: np.array([[x, 1.0], [1.0, -x]]))
        >>> H(0.5)[0, 0]
        np.float64(0.5)
        """
        return _KINDS["function"](
            function,
            derivative,
            vectorised,
            named_values("parameters", parameters),
            coordinates,
            **details,
        )

    # ---- values -------------------------------------------------------------------------------

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
        return self._evaluate_parameter_derivative(points, parameters, parameter)

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
    def _evaluate_parameter_derivative(
        self, x: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> Matrices: ...

    @abc.abstractmethod
    def _restrict(self, origin: FloatArray, direction: FloatArray, name: str) -> Hamiltonian: ...

    @abc.abstractmethod
    def _copy_with(self, parameters: dict[str, FloatArray]) -> Hamiltonian: ...

    # ---- parameters and shape -----------------------------------------------------------------

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The broadcast shape of all parameters: () for a single Hamiltonian."""
        return np.broadcast_shapes(*(value.shape for value in self.parameters.values()), ())

    def replace(self, **parameters: npt.ArrayLike) -> Hamiltonian:
        """Return a copy with some parameters replaced (arrays make a batch).

        Raises
        ------
        InputError
            For an unknown parameter (naming the nearest), NaN, or shapes that do not broadcast.
        """
        known_keys("parameters", parameters, self.parameters)
        new = dict(self.parameters)
        for key, value in parameters.items():
            new[key] = parameter(key, value)
        check_broadcast(new)
        return self._copy_with(new)

    def with_units(self, units: Units) -> Hamiltonian:
        """Return a copy whose numbers are in other units; none of them is converted.

        Raises
        ------
        InputError
            If `units` is not a `Units` object.

        Examples
        --------
        >>> H = Hamiltonian.affine([[0, 1], [1, 0]], [[1, 0], [0, -1]])
        >>> H.with_units(Units("GHz", "ns")).units.energy
        'GHz'
        """
        instance("units", units, Units)
        copy = self.replace()
        copy.__dict__["units"] = units
        return copy

    def along_line(
        self, origin: npt.ArrayLike, direction: npt.ArrayLike, *, coordinate: str = "s"
    ) -> Hamiltonian:
        """Return H along the straight line R₀ + s n, a Hamiltonian of the one coordinate s.

        Parameters
        ----------
        origin, direction : array, shape (f,)
            R₀ and n in the units of the coordinates; n is used as it is, not normalised.
        coordinate : str
            The name of s.

        Raises
        ------
        InputError
            For a wrong number of coordinates, a direction that vanishes, or a name in use.

        Examples
        --------
        >>> cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
        >>> cone.along_line([0.0, 0.1], [1.0, 0.0])(2.0)
        array([[ 2. ,  0.1],
               [ 0.1, -2. ]])
        """
        shape = (len(self.coordinates),)
        start = np.atleast_1d(real_array("origin", origin))
        step = np.atleast_1d(real_array("direction", direction))
        for name, vector in (("origin", start), ("direction", step)):
            if vector.shape != shape:
                raise fail(
                    name,
                    f"hold one number for each of {', '.join(self.coordinates)}",
                    f"its shape is {vector.shape}",
                )
        if not isinstance(coordinate, str):
            raise fail("coordinate", "be a name", f"it is {describe(coordinate)}")
        if not np.any(step):
            raise fail("direction", "not vanish", "all of its components are zero")
        return self._restrict(start, step, expression.check_name(coordinate))

    def flat_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, FloatArray]:
        """Return every parameter broadcast to `batch_shape` and flattened to one axis."""
        return {
            key: np.broadcast_to(value, batch_shape).reshape(-1)
            for key, value in self.parameters.items()
        }

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

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={describe_value(v)}" for key, v in self.parameters.items())
        return f"{self.name}({values}) [{self.dimension} levels]"

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

    def _set_details(
        self,
        coordinates: tuple[str, ...],
        parameters: Mapping[str, npt.ArrayLike],
        name: str,
        units: Units,
        labels: Sequence[str] | None,
        source: str,
    ) -> None:
        if not isinstance(name, str):
            raise fail("name", "be text", f"it is {describe(name)}")
        instance("units", units, Units)
        if labels is not None and (isinstance(labels, str) or not isinstance(labels, Sequence)):
            raise fail("labels", "be a list of names", f"it is {describe(labels)}")
        self.coordinates = coordinates
        self.parameters = {
            expression.check_name(key): parameter(key, value) for key, value in parameters.items()
        }
        clash = set(coordinates) & set(self.parameters)
        if clash:
            raise fail("parameters", "not reuse a coordinate's name", f"it uses `{clash.pop()}`")
        check_broadcast(self.parameters)
        self.name = name
        self.units = units
        self.source = source
        self.labels = tuple(labels) if labels else tuple(str(i) for i in range(self.dimension))
        if len(self.labels) != self.dimension:
            raise fail("labels", f"have {self.dimension} entries", f"it has {len(self.labels)}")

    def _details(self) -> dict[str, Any]:
        """Return what a Hamiltonian made from this one takes over."""
        return {
            "name": self.name,
            "units": self.units,
            "labels": self.labels,
            "source": self.source,
        }
