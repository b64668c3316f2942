"""Several coordinates at once: a drive or a number for each of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import FloatArray, InputError, describe, fail, known_keys, parameter
from anticrossing.drive._sampled import position_function
from anticrossing.drive.base import Drive
from anticrossing.drive.formula import FormulaDrive
from anticrossing.hamiltonian import Curve, Hamiltonian, describe_value

if TYPE_CHECKING:
    import sympy

_SAME = 1e-12  # of the window: ends that differ by rounding are one


class Path(Drive, Curve):
    """Move through several coordinates: ``Path(x=Linear(-5, 5, rate=1.0), y=0.2)``.

    Everything that takes a drive takes a path, for a Hamiltonian of the same coordinates. It is
    followed as H(x(t), y(t), …), a Hamiltonian of the one coordinate t (`Hamiltonian.along`), so
    that rates come from the chain rule, and breakpoints and narrow features of every coordinate
    are seen. ``path(t)`` has shape ``batch_shape + t.shape + (f,)``, coordinates in the order
    given; for a single coordinate the path is its drive, and the last axis is left out.

    Parameters
    ----------
    **coordinates : Drive, float or array
        For each coordinate of H, by name, a drive, or a number for one that stays where it is. All
        drives have one window; the batch shapes of all broadcast.

    Raises
    ------
    InputError
        For windows that differ, shapes that do not broadcast, no drive at all, or what is neither
        a drive nor a number.

    Examples
    --------
    >>> from anticrossing.drive import Linear, Path
    >>> path = Path(x=Linear(-4, 4, rate=2.0), y=0.5)
    >>> path
    Path(x=Linear(rate=2), y=0.5)
    >>> path(1.5), path.velocity(1.5)
    (array([3. , 0.5]), array([2., 0.]))
    """

    def __init__(self, **coordinates: Drive | npt.ArrayLike) -> None:
        self.name = "Path"
        self.coordinates = tuple(expression.check_name(name) for name in coordinates)
        self.drives: Mapping[str, Drive] = {
            name: _drive(name, given)
            for name, given in coordinates.items()
            if isinstance(given, Drive)
        }
        self.constants: Mapping[str, FloatArray] = {
            name: parameter(name, given)
            for name, given in coordinates.items()
            if name not in self.drives
        }
        if not self.drives:
            raise fail("path", "hold at least one drive", f"it holds {describe(coordinates)}")
        self.parameters = self._named()
        self.start_time, self.stop_time = self._window()
        found = np.unique(np.concatenate([d.breakpoints for d in self.drives.values()]))
        inside = (found > self.start_time.min()) & (found < self.stop_time.max())
        self._breakpoints = found[inside]

    def __call__(self, t: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the positions, shape ``batch_shape + t.shape + (f,)``."""
        found = super().__call__(t)
        return found if len(self.coordinates) > 1 else found[..., 0]

    def velocity(self, t: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return dx/dt of every coordinate, shaped as the positions."""
        found = super().velocity(t)
        return found if len(self.coordinates) > 1 else found[..., 0]

    def evaluate(self, t: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
        return self._stacked(t, parameters, velocity=False)

    def evaluate_velocity(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any]
    ) -> npt.NDArray[Any]:
        return self._stacked(t, parameters, velocity=True)

    def evaluate_parameter_derivative(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], parameter: str
    ) -> npt.NDArray[Any]:
        found = np.zeros((*np.shape(t), len(self.coordinates)))
        for k, name in enumerate(self.coordinates):
            if name in self.constants:
                found[..., k] = float(parameter == name)
                continue
            drive, own = self.drives[name], parameter.removeprefix(f"{name}_")
            if own != parameter and own in drive.parameters:
                values = {key: parameters[f"{name}_{key}"] for key in drive.parameters}
                found[..., k] = drive.evaluate_parameter_derivative(t, values, own)
        return found

    @property
    def breakpoints(self) -> FloatArray:
        return self._breakpoints

    @functools.cached_property
    def formulas(self) -> Mapping[str, sympy.Expr]:
        """x(t), y(t), … of what moves as SymPy, in `t` and the parameters of the path."""
        found = {}
        for name, drive in self.drives.items():
            symbols = {key: expression.symbol(f"{name}_{key}") for key in drive.parameters}
            if isinstance(drive, FormulaDrive):
                renamed = {expression.symbol(key): symbol for key, symbol in symbols.items()}
                found[name] = drive.formula.xreplace(renamed)
            else:
                found[name] = position_function(drive)(expression.symbol("t"), *symbols.values())
        return found

    @functools.cached_property
    def clock(self) -> Clock:
        """The drive of the one coordinate t along the path."""
        return Clock(self)

    def ordered(self, coordinates: tuple[str, ...]) -> Path:
        """Return the path with its coordinates in this order."""
        if coordinates == self.coordinates:
            return self
        parts: dict[str, Any] = {**self.drives, **self.constants}
        return Path(**{name: parts[name] for name in coordinates})

    def replace(self, **parameters: npt.ArrayLike) -> Path:
        """Return a copy with some parameters replaced: ``path.replace(x_rate=2.0, y=[0.1, 0.2])``.

        The parameter `rate` of the drive of x is called ``x_rate``; a number goes by the name of
        its coordinate. Windows stay.
        """
        known_keys("parameters", parameters, self.parameters)
        parts: dict[str, Any] = {**self.drives, **self.constants}
        parts |= {name: parameters[name] for name in self.constants.keys() & parameters.keys()}
        for name, drive in self.drives.items():
            own = {
                key: parameters[f"{name}_{key}"]
                for key in drive.parameters
                if f"{name}_{key}" in parameters
            }
            if not own:
                continue
            if not isinstance(drive, FormulaDrive):
                raise fail(
                    f"{name}_{next(iter(own))}", "belong to a formula", f"`{name}` is {drive!r}"
                )
            parts[name] = drive.replace(**own)
        return Path(**{name: parts[name] for name in self.coordinates})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Path):
            return NotImplemented
        ours, theirs = ({**p.drives, **p.constants} for p in (self, other))
        return ours.keys() == theirs.keys() and all(
            _equal(value, theirs[name]) for name, value in ours.items()
        )

    def __hash__(self) -> int:
        return hash(frozenset(self.coordinates))

    def _facts(self) -> dict[str, str]:
        found = super()._facts()
        positions = {name: repr(drive) for name, drive in self.drives.items()}
        positions |= {name: describe_value(value) for name, value in self.constants.items()}
        return {"times": found["times"], **{name: positions[name] for name in self.coordinates}}

    def __repr__(self) -> str:
        parts = [
            f"{name}={self.drives[name]!r}"
            if name in self.drives
            else f"{name}={describe_value(self.constants[name])}"
            for name in self.coordinates
        ]
        return f"Path({', '.join(parts)})"

    def _named(self) -> dict[str, FloatArray]:
        """Return the parameters of all coordinates, each under a name of its own."""
        named = dict(self.constants)
        for name, drive in self.drives.items():
            for key, value in drive.parameters.items():
                own = f"{name}_{key}"
                if own in named:
                    raise fail(
                        "path",
                        "give all parameters different names",
                        f"both the coordinate `{own}` and `{key}` of `{name}` are called `{own}`",
                    )
                named[own] = value
        return named

    def _window(self) -> tuple[FloatArray, FloatArray]:
        """Return the window that all drives share, in the shape of the batch."""
        shapes = {name: drive.batch_shape for name, drive in self.drives.items()}
        shapes |= {name: value.shape for name, value in self.constants.items()}
        try:
            batch = np.broadcast_shapes(*shapes.values())
        except ValueError:
            told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise InputError(
                f"The batch shapes of all coordinates must broadcast, but they are {told}."
            ) from None
        (first, leading), *others = self.drives.items()
        start, stop = (
            np.broadcast_to(end, batch) for end in (leading.start_time, leading.stop_time)
        )
        for name, drive in others:
            apart = np.maximum(np.abs(drive.start_time - start), np.abs(drive.stop_time - stop))
            if np.any(apart > _SAME * np.maximum(stop - start, np.maximum(abs(start), abs(stop)))):
                raise fail(
                    "path",
                    "have one window in time for all coordinates",
                    f"`{first}` runs over {_interval(leading)} and `{name}` over "
                    f"{_interval(drive)}",
                )
        return start, stop

    def _stacked(
        self, t: npt.NDArray[Any], parameters: Mapping[str, Any], *, velocity: bool
    ) -> npt.NDArray[Any]:
        columns = []
        for name in self.coordinates:
            if name in self.constants:
                columns.append(np.zeros(()) if velocity else np.asarray(parameters[name]))
                continue
            drive = self.drives[name]
            own = {key: parameters[f"{name}_{key}"] for key in drive.parameters}
            columns.append((drive.evaluate_velocity if velocity else drive.evaluate)(t, own))
        shape = np.broadcast_shapes(np.shape(t), *(column.shape for column in columns))
        return np.stack([np.broadcast_to(column, shape) for column in columns], axis=-1)


class Clock(FormulaDrive):
    """The drive of the one coordinate time that H has along a path."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "t", path.start_time, path.stop_time, breakpoints=path.breakpoints.tolist(), name="Path"
        )
        self.path = path

    def __repr__(self) -> str:
        return repr(self.path)


def compose(hamiltonian: Hamiltonian, drive: Drive) -> tuple[Hamiltonian, Drive]:
    """Return H along a path, with time for its drive, and anything else as it is.

    Raises
    ------
    InputError
        If a path does not fit the Hamiltonian.
    """
    if not isinstance(drive, Path):
        return hamiltonian, drive
    names = hamiltonian.coordinates
    if len(names) == 1 and drive.coordinates == names:
        return hamiltonian, drive.drives[names[0]]
    along = hamiltonian.along(drive)
    return along, drive.ordered(names).clock


def _drive(name: str, given: Drive) -> Drive:
    if isinstance(given, (Path, Clock)):
        raise fail(name, "be a drive of one coordinate or a number", f"it is {describe(given)}")
    return given


def _interval(drive: Drive) -> str:
    ends = np.broadcast_arrays(drive.start_time, drive.stop_time)
    start, stop = (float(end.flat[0]) for end in ends)
    return f"[{start:.6g}, {stop:.6g}]" + (" (first of a batch)" if ends[0].ndim else "")


def _equal(one: Any, other: Any) -> bool:
    """Whether two drives, or two numbers, are the same in value."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return one is other or _state(one) == _state(other)


def _state(drive: Drive) -> dict[str, Any]:
    """Return what a drive was made of, in a form that can be compared."""
    kept = {}
    for key, value in vars(drive).items():
        if key == "_arguments" or isinstance(vars(type(drive)).get(key), functools.cached_property):
            continue  # both follow from the rest
        if isinstance(value, np.ndarray):
            value = (value.shape, value.tobytes())
        elif isinstance(value, Mapping):
            value = {k: (np.shape(v), np.asarray(v).tobytes()) for k, v in value.items()}
        kept[key] = value
    return kept
