"""What is seen of H in a window before any work: at its ends, and at a few times between."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing._core.plain import Plain, of_one_number

ROUNDED = 2.0**-52  # of a term
_SMALLEST = 1e-300  # energy


@dataclass(frozen=True)
class Window:
    """H without a multiple of the identity at the start, a few times between, and the stop.

    Attributes
    ----------
    times : array, shape (lanes, K)
    shares : array, shape (K,)
        Of the window, for averages over it: from above of what is convex along a straight line.
    matrices : array, shape (lanes, K, N, N)
    factors, digits : array, shape (lanes, K, terms), or None
        Of the constant matrices, if H has any, and what rounding leaves unknown of the factors.
    """

    times: FloatArray
    shares: FloatArray
    matrices: npt.NDArray[Any]
    factors: npt.NDArray[Any] | None
    digits: FloatArray | None


@dataclass(frozen=True)
class Ends:
    """H without a multiple of the identity at both ends of every window, and its eigenbasis.

    Attributes
    ----------
    matrices, vectors : array, shape (lanes, 2, N, N)
    energies : array, shape (lanes, 2, N)
    """

    matrices: npt.NDArray[Any]
    energies: FloatArray
    vectors: npt.NDArray[Any]

    @functools.cached_property
    def gaps(self) -> FloatArray:
        """The least distance of levels at both ends, over the size of the largest, (lanes, 2)."""
        energies, largest = self.energies, self.largest
        apart = (energies[..., 1:] - energies[..., :-1]).min(axis=-1, initial=np.inf)
        return np.asarray(apart / np.maximum(largest, _SMALLEST))

    @functools.cached_property
    def largest(self) -> FloatArray:
        """The size of the largest energy at both ends, (lanes, 2)."""
        return np.maximum(self.energies[..., -1], -self.energies[..., 0])


def seen_on_line(
    start: float,
    stop: float,
    drive: Plain,
    d_parameters: Mapping[str, FloatArray],
    shift: FloatArray | None,
    formulas: Sequence[Plain],
    coordinate: str,
    h_parameters: Mapping[str, FloatArray],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return three times of one straight lane, (1, 3); x there, factors, and their last digits.

    In Python's numbers: arrays of three take far longer.
    """
    position = of_one_number(drive, "t", d_parameters)
    moved_by = 0.0 if shift is None else float(shift[0])
    when = [start, 0.5 * (start + stop), stop]
    places = [position(t) + moved_by for t in when]
    factors, digits = [], []
    for formula in formulas:
        value = of_one_number(formula, coordinate, h_parameters)
        values = [value(x) for x in places]
        moved = abs(values[2] - values[0])
        slope, steep = moved / (stop - start), moved and moved / abs(places[2] - places[0])
        factors.append(values)
        digits.append(
            [
                slope * math.ulp(t) + steep * math.ulp(x) + ROUNDED * abs(f)
                for t, x, f in zip(when, places, values, strict=True)
            ]
        )
    both = np.array([factors, digits], dtype=np.float64).swapaxes(1, 2)[:, None]
    return np.array([when]), np.array([places]), both[0], both[1]
