"""Hamiltonians: how one is made, its parameters and units, a line through its coordinates."""

from __future__ import annotations

import abc
import functools
import inspect
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
from anticrossing._core.facts import Described
from anticrossing.hamiltonian._arguments import (
    check_broadcast,
    check_dims,
    coordinate_names,
    describe_value,
)
from anticrossing.hamiltonian.curve import Curve, check_fits
from anticrossing.hamiltonian.other_packages import OtherPackages
from anticrossing.hamiltonian.values import MatrixFunction
from anticrossing.units import Units

# What the constructors below make, by kind: the classes derive from `Hamiltonian` and tell it.
_KINDS: dict[str, Any] = {}
_OTHERS = ("coordinates", "parameters")


def _kind(kind: str, details: Mapping[str, Any], *others: str) -> Any:
    """Return what makes Hamiltonians of a kind, if it takes these details beside others."""
    made = _KINDS[kind]
    if details:
        known_keys("the arguments", details, [*others, *_named(made)])
    return made


@functools.cache
def _named(made: Any) -> list[str]:
    """Return the names that what makes a Hamiltonian takes by name alone."""
    taken = inspect.signature(made.__init__).parameters.values()
    return [one.name for one in taken if one.kind is one.KEYWORD_ONLY]


class Hamiltonian(MatrixFunction, OtherPackages, Described):
    """A Hermitian matrix H(x; p) that depends on one or several coordinates and on parameters.

    Make one with `Hamiltonian.from_matrix` (text or SymPy entries), `Hamiltonian.from_terms`
    (formulas times constant matrices), `Hamiltonian.affine` (H₀ + x H₁), `Hamiltonian.from_table`
    (points and splines) or `Hamiltonian.from_function`; named models are in `anticrossing.models`.

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
    units: Units
    labels: tuple[str, ...]
    source: str
    warnings: tuple[str, ...] = ()
    """What is not known of H as surely as a formula is; results repeat it."""

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
            (N, N) array, SciPy sparse matrix, or SciPy `LinearOperator` (with a dtype; it is tried
            with two random vectors for being Hermitian).
        parameters : mapping of str to float or array, optional
            Values of every parameter used in the coefficients; arrays make a batch.
        coordinates : str or sequence of str
            The name(s) of the coordinate(s).
        **details
            `name`, `units`, `labels` (of the diabatic states), `source` (the paper), `dims` (the
            factors of a tensor product, ``[[2, 3], [2, 3]]``, which a `Qobj` brings along).

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
        return _kind("terms", details, *_OTHERS)(
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
        return _kind("terms", details, *_OTHERS)(
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
        return _kind("terms", details)([(1, constant), ("x", slope)], {}, "x", **details)

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
        return _kind("function", details, "derivative", "vectorised", *_OTHERS)(
            function,
            derivative,
            vectorised,
            named_values("parameters", parameters),
            coordinates,
            **details,
        )

    @staticmethod
    def from_table(table: Any, *, units: Units | None = None, **details: Any) -> Hamiltonian:
        """Build H from a diabatic table along one coordinate, by splines between its points.

        Parameters
        ----------
        table : path, mapping of arrays, or `xarray.Dataset`
            A text (``.csv``, ``.txt``, ``.dat``, ``.tsv``) with the columns ``R, E1, E2, V``, or
            the coordinate, ``E_i`` and ``V_i_j`` (or ``H_i_j``), and units in its head or in a row
            below; an ``.npz`` or NetCDF file, mapping or dataset with ``x`` (k,) and ``matrices``
            (k, N, N). Adiabatic tables are read by `geometry.read_data`.
        units : Units, optional
            What the numbers are converted to where the table names its units; otherwise all
            energies take the unit of the first, with the time that goes with it.
        **details
            `degree` of the splines (3 or 5), `name`, `labels`, `source`.

        Returns
        -------
        TableHamiltonian
            With `error_estimate`, `scatter` and `warnings` of what lies between the points.

        Raises
        ------
        InputError
            Naming file, line and column, for what cannot be read; for an adiabatic table.

        Examples
        --------
        >>> x = np.linspace(-1, 1, 21)
        >>> matrices = x[:, None, None] * np.diag([1, -1]) + 0.1 * np.array([[0, 1], [1, 0]])
        >>> Hamiltonian.from_table({"x": x, "matrices": matrices})(0.5)
        array([[ 0.5,  0.1],
               [ 0.1, -0.5]])
        """
        return _kind("table", details).read(table, units=units, **details)

    @abc.abstractmethod
    def _restrict(self, origin: FloatArray, direction: FloatArray, name: str) -> Hamiltonian: ...

    @abc.abstractmethod
    def _compose(self, curve: Curve) -> Hamiltonian: ...

    @abc.abstractmethod
    def _copy_with(self, parameters: dict[str, FloatArray]) -> Hamiltonian: ...

    # ---- other Hamiltonians from this one -----------------------------------------------------

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

    def along(self, path: Curve) -> Hamiltonian:
        """Return H(x(t), y(t), …) along a path, a Hamiltonian of the one coordinate t.

        Its derivative is dH/dt = Σ_a ∂H/∂x_a · dx_a/dt. The parameters of the path become
        parameters of H, ``x_rate`` for the `rate` of the drive of x; a coordinate that is a number
        becomes a parameter of its own name.

        Parameters
        ----------
        path : drive.Path
            A drive or a number for every coordinate.

        Raises
        ------
        InputError
            If a coordinate is missing or unknown, a name is used twice, or batches do not fit.

        Examples
        --------
        >>> import anticrossing as ac
        >>> cone = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
        >>> path = ac.drive.Path(x=ac.drive.Linear(-2, 2, rate=0.5), y=0.1)
        >>> passed = cone.along(path)
        >>> passed(2.0), [crossing.gap for crossing in ac.find_crossings(passed, -4, 4)]
        (array([[ 1. ,  0.1],
               [ 0.1, -1. ]]), [0.2])
        """
        instance("path", path, Curve)
        check_fits(path, self.coordinates, self.parameters)
        return self._compose(path)

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={describe_value(v)}" for key, v in self.parameters.items())
        return f"{self.name}({values}) [{self.dimension} levels]"

    def _facts(self) -> Mapping[str, str]:
        from anticrossing.hamiltonian import _shown

        return _shown.rows(self)

    def _sketch(self) -> str:
        from anticrossing.hamiltonian import _shown

        return _shown.sketch(self)

    def _given_as(self) -> str:
        """Return in a few words how H is given."""
        return ""

    def _set_details(
        self,
        coordinates: tuple[str, ...],
        parameters: Mapping[str, npt.ArrayLike],
        name: str,
        units: Units,
        labels: Sequence[str] | None,
        source: str,
        dims: Sequence[Sequence[int]] | None = None,
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
        self.dims = check_dims(dims, self.dimension)
        self.labels = tuple(labels) if labels else _numbers(self.dimension)
        if len(self.labels) != self.dimension:
            raise fail("labels", f"have {self.dimension} entries", f"it has {len(self.labels)}")

    def _details(self) -> dict[str, Any]:
        """Return what a Hamiltonian made from this one takes over."""
        return {
            "name": self.name,
            "units": self.units,
            "labels": self.labels,
            "source": self.source,
            "dims": self.dims,
        }


@functools.cache
def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))
