"""What maps of a driven qubit share: their parameters, its equilibrium, and threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, non_negative, parameter
from anticrossing._core.threads import processors

CHUNK = 1024  # points that one thread takes at a time
_ROUNDING = 5e-16  # of the steps: what one radian of phase within T₁ may cost
_FARTHEST = 1e150  # the square of a parameter, and of its inverse, must be a number


def computed(
    rows: list[FloatArray],
    shape: tuple[int, ...],
    kernel: Callable[[FloatArray, FloatArray, FloatArray], None],
    slope_rows: int,
) -> tuple[FloatArray, FloatArray]:
    """Return the populations of all points and their derivatives, by threads."""
    count = int(np.prod(shape))
    population, slopes = np.empty(count), np.empty((slope_rows, count))

    def one(start: int) -> None:
        stop = min(start + CHUNK, count)
        points = np.stack([row.flat[start:stop] for row in rows])
        own = np.empty((slope_rows, stop - start))
        kernel(points, population[start:stop], own)
        slopes[:, start:stop] = own

    starts = range(0, count, CHUNK)
    if len(starts) == 1:
        one(0)
    else:
        with ThreadPoolExecutor(processors()) as pool:
            list(pool.map(one, starts))
    return population, slopes


def equilibrium_slopes(offset: FloatArray, temperature: FloatArray) -> tuple[Any, Any]:
    """Return the derivatives of −tanh(ε₀/2T) by ε₀ and T; zero at T = 0, but for ε₀ = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = offset / (2 * temperature)
        narrow = np.where(temperature > 0, np.cosh(np.minimum(np.abs(ratio), 350.0)) ** -2, 0.0)
        by_offset = np.where(temperature > 0, -narrow / (2 * temperature), 0.0)
        by_heat = np.where(temperature > 0, narrow * ratio / temperature, 0.0)
    return by_offset, by_heat


def equilibrium_of(
    *,
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
