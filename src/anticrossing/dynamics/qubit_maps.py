"""What maps of a driven qubit share: parameters, equilibrium, derivatives, threads and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    InputError,
    choice,
    fail,
    non_negative,
    parameter,
    positive,
)
from anticrossing._core.result import Result
from anticrossing._core.threads import processors
from anticrossing._core.variables import Variable

BASES = ("diabatic", "adiabatic")
CHUNK = 1024  # points that one thread takes at a time
_ROUNDING = 5e-16  # of the steps: what one radian of phase within T₁ may cost
_FARTHEST = 1e150  # the square of a parameter, and of its inverse, must be a number

Kernel = Callable[[FloatArray, FloatArray, FloatArray], None]
"""Fills populations (P,) and derivatives (S, P) at points, columns (R, P) of parameters."""


@dataclass(frozen=True, eq=False)
class QubitMap(Result):
    """Base of upper populations of a periodically driven qubit, and of their derivatives."""

    population: FloatArray
    parameters: Mapping[str, FloatArray]
    readout: str
    gradients: Mapping[str, FloatArray] = field(default_factory=dict)

    _seen: ClassVar[str] = "population"

    def variables(self) -> dict[str, Variable]:
        """Return the populations by name, along axes that are parameters where only one varies."""
        dims, found = axes_of(self.parameters, self.population.shape)
        text = f"{self._seen} of the upper {self.readout} level"
        slopes = {
            f"population_by_{name}": Variable(dims, values, f"its derivative by {name}")
            for name, values in self.gradients.items()
        }
        return {"population": Variable(dims, self.population, text), **slopes, **found}

    def plot(self, ax: Any = None) -> Any:
        """Draw the population over two axes as colours, or along one.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found = self.variables()
        return super().plot(ax) if self.population.ndim != 2 else draw_map(found, ax)

    def _attributes(self) -> dict[str, Any]:
        return {"readout": self.readout}


def axes_of(
    parameters: Mapping[str, FloatArray], shape: tuple[int, ...]
) -> tuple[tuple[str, ...], dict[str, Variable]]:
    """Return names for the axes of a grid, those of what alone varies there, and the parameters."""
    dims = [f"axis_{k}" for k in range(len(shape))]
    found: dict[str, Variable] = {}
    for name, values in parameters.items():
        varies = [k for k, size in enumerate(values.shape[::-1]) if size > 1]
        axis = len(shape) - 1 - varies[0] if len(varies) == 1 else -1
        if axis >= 0 and dims[axis] == f"axis_{axis}":
            dims[axis] = name
            found[name] = Variable((name,), values.ravel(), name)
    for name, values in parameters.items():
        if name not in found:
            own = [k for k, size in enumerate(values.shape, len(shape) - values.ndim) if size > 1]
            kept = values.reshape([shape[k] for k in own])
            found[name] = Variable(tuple(dims[k] for k in own), kept, name)
    return tuple(dims), found


def draw_map(variables: Mapping[str, Variable], ax: Any = None) -> Any:
    """Draw the variable `population` over its two axes as colours."""
    shown = variables["population"]
    axes = drawing.new_axes() if ax is None else ax
    y, x = (
        variables[dim].values if dim in variables else np.arange(size)
        for dim, size in zip(shown.dims, np.shape(shown.values), strict=True)
    )
    image = axes.pcolormesh(x, y, shown.values, shading="nearest")
    axes.figure.colorbar(image, ax=axes, label=shown.text)
    axes.set_xlabel(shown.dims[1])
    axes.set_ylabel(shown.dims[0])
    return axes


def parameters_of(
    *,
    gap: npt.ArrayLike,
    offset: npt.ArrayLike,
    amplitude: npt.ArrayLike,
    frequency: npt.ArrayLike,
    t1: npt.ArrayLike,
    t2: npt.ArrayLike,
    relax_eigen: bool,
    temperature: npt.ArrayLike | None,
    equilibrium: npt.ArrayLike | None,
) -> dict[str, FloatArray]:
    """Return checked parameters, as kernels take them: the equilibrium is the one of σ_z."""
    bias = parameter("offset", offset)
    return {
        "gap": positive("gap", gap),
        "offset": bias,
        "amplitude": parameter("amplitude", amplitude),
        "frequency": positive("frequency", frequency),
        "t1": positive("t1", t1),
        "t2": positive("t2", t2),
        **_equilibrium(bias, relax_eigen, temperature, equilibrium),
    }


def shown(given: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return parameters as they were given."""
    found = {name: values for name, values in given.items() if not np.all(np.isnan(values))}
    if "equilibrium" in found:
        found["equilibrium"] = 0.5 * (1 + found["equilibrium"])
    return found


def named(gradient: str | Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the parameters to differentiate by, or raise `InputError`."""
    names = (gradient,) if isinstance(gradient, str) else tuple(gradient)
    for name in names:
        choice("gradient", name, known)
    if len(set(names)) < len(names):
        raise fail("gradient", "name every parameter once", f"it is {names}")
    return names


def computed(
    rows: Sequence[FloatArray], kernel: Kernel, instead: str, slopes: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return the populations (P,) of all points and so many derivatives (S, P), by threads.

    `rows` are the parameters, in the order of `parameters_of`; `instead` is what follows single
    points that cannot be followed here.
    """
    count = rows[0].size
    population, derived = np.empty(count), np.empty((slopes, count))

    def one(start: int) -> None:
        stop = min(start + CHUNK, count)
        points = np.stack([row.flat[start:stop] for row in rows])
        own = np.empty((slopes, stop - start))
        kernel(points, population[start:stop], own)
        derived[:, start:stop] = own

    starts = range(0, count, CHUNK)
    if len(starts) == 1:
        one(0)
    else:
        with ThreadPoolExecutor(processors()) as pool:
            list(pool.map(one, starts))
    failed = np.isnan(population)
    if failed.any():
        where = int(np.argmax(failed))
        names = ("gap", "offset", "amplitude", "frequency", "t1", "t2")
        each = zip(names, rows, strict=False)
        values = ", ".join(f"{name}={row.flat[where]:g}" for name, row in each)
        raise ConvergenceError(
            f"The drive is too slow to follow a period at {failed.sum()} of {failed.size} points, "
            f"first at {values}: raise `frequency` or lower `amplitude`, or follow a single point "
            f"with `{instead}`."
        )
    return population, derived


def slopes_of(
    found: dict[str, FloatArray],
    names: Sequence[str],
    given: Mapping[str, FloatArray],
    amplitude: npt.ArrayLike,
    temperature: npt.ArrayLike | None,
) -> dict[str, FloatArray]:
    """Return derivatives by parameters as they are given, from those by what kernels take.

    These take |A|, and the equilibrium of σ_z, which in the diabatic basis is the one of the offset
    at a temperature; None where it was given itself.
    """
    found["amplitude"] = found["amplitude"] * np.where(np.signbit(amplitude), -1.0, 1.0)
    if temperature is not None:
        by_offset, by_heat = _equilibrium_slopes(
            given["offset"], parameter("temperature", temperature)
        )
        found["offset"] = found["offset"] + found["equilibrium"] * by_offset
        found["temperature"] = found["equilibrium"] * by_heat
    found["equilibrium"] = 2 * found["equilibrium"]
    return {name: np.ascontiguousarray(found[name]) for name in names}


def _equilibrium_slopes(offset: FloatArray, temperature: FloatArray) -> tuple[Any, Any]:
    """Return the derivatives of −tanh(ε₀/2T) by ε₀ and T; zero at T = 0, but for ε₀ = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = offset / (2 * temperature)
        narrow = np.where(temperature > 0, np.cosh(np.minimum(np.abs(ratio), 350.0)) ** -2, 0.0)
        by_offset = np.where(temperature > 0, -narrow / (2 * temperature), 0.0)
        by_heat = np.where(temperature > 0, narrow * ratio / temperature, 0.0)
    return by_offset, by_heat


def _equilibrium(
    offset: FloatArray,
    relax_eigen: bool,
    temperature: npt.ArrayLike | None,
    equilibrium: npt.ArrayLike | None,
) -> dict[str, FloatArray]:
    """Return the equilibrium of 2p − 1, or the temperature that sets it; NaN for the other."""
    if temperature is not None and equilibrium is not None:
        raise InputError(
            "Only one of the arguments `temperature` and `equilibrium` must be given, but both are."
        )
    nan = np.array(np.nan)
    if equilibrium is not None:
        population = parameter("equilibrium", equilibrium)
        if np.any((population < 0) | (population > 1)):
            raise fail(
                "equilibrium",
                "be a population, from 0 to 1",
                f"it runs from {population.min():g} to {population.max():g}",
            )
        return {"equilibrium": 2 * population - 1, "temperature": nan}
    kelvin = non_negative("temperature", 0.0 if temperature is None else temperature)
    if relax_eigen:
        return {"equilibrium": nan, "temperature": kelvin}
    try:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(offset == 0, 0.0, offset / (2 * kelvin))
    except ValueError:
        raise fail(
            "temperature",
            f"broadcast against `offset` {offset.shape}",
            f"its shape is {kelvin.shape}",
        ) from None
    return {"equilibrium": -np.tanh(ratio), "temperature": nan}


def check_rounding(given: Mapping[str, FloatArray], accuracy: float) -> None:
    """Refuse a tolerance that the phase within T₁ does not allow."""
    energy = given["gap"].max() + np.abs(given["offset"]).max() + given["amplitude"].max()
    reached = _ROUNDING * float(given["t1"].max() * (energy + given["frequency"].max()))
    if reached > accuracy:
        raise fail(
            "tolerance",
            f"be at least {reached:.1g} for these energies and T₁ in the adiabatic basis",
            f"it is {accuracy:g}",
        )


def broadcast_of(given: dict[str, FloatArray]) -> tuple[list[FloatArray], tuple[int, ...]]:
    """Return the parameters broadcast to one shape, after the checks that need several of them."""
    for name, value in given.items():
        if value.size == 0:
            raise fail(name, "hold at least one number", f"its shape is {value.shape}")
        size = np.abs(value[np.isfinite(value) & (value != 0)])
        if np.any((size > _FARTHEST) | (size < 1 / _FARTHEST)) and name != "equilibrium":
            raise fail(
                name,
                f"lie between {1 / _FARTHEST:g} and {_FARTHEST:g} in size",
                f"it reaches {size.min():g} … {size.max():g}: choose other units",
            )
    try:
        rows = np.broadcast_arrays(*given.values())
    except ValueError:
        shapes = ", ".join(f"{k} {value.shape}" for k, value in given.items() if value.ndim)
        raise InputError(
            f"The parameters must broadcast, but they are {shapes}; of a map one axis is "
            "`offset[:, None]`."
        ) from None
    t1, t2 = np.broadcast_arrays(given["t1"], given["t2"])
    if np.any(t2 > 2 * t1 * (1 + 1e-12)):
        worst = int(np.argmax(t2 / t1))
        raise fail(
            "t2", "be at most 2·`t1`", f"it is {t2.flat[worst]:g} where `t1` is {t1.flat[worst]:g}"
        )
    return list(rows), rows[0].shape
