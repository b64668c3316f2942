"""Grids of one or two coordinates, each with its basis: plane waves or sines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    choice,
    describe,
    fail,
    integer,
    real_array,
)
from anticrossing._core.unchanging import Unchanging

BASES = ("fft", "periodic", "sine")
MOST_COORDINATES = 2
_FEWEST_POINTS = 4
_MOST_POINTS = 1 << 24
_LARGEST = 1e100
_RESOLVED = 1e-12  # spacing relative to the ends, below which neighbours would be one number


class Grid(Unchanging):
    """Equally spaced points between two ends, in one or two coordinates.

    ``fft`` and ``periodic``: x_j = a + jh, h = (b − a)/n, plane waves of momenta 2πm/(b − a).
    ``sine``: x_j = a + (j + 1)h, h = (b − a)/(n + 1), functions sin[πm(x − a)/(b − a)].

    Parameters
    ----------
    start, stop : float or array, shape (f,)
        The ends a < b in the units of the coordinates, f = 1 or 2.
    points : int or sequence of int
        n for each coordinate; products of small primes make fast transforms (with sines: n + 1).
    basis : str or sequence of str
        "fft" for a coordinate without bounds, whose ends a packet must not touch; "periodic" for
        an angle; "sine" for hard walls at the ends.

    Attributes
    ----------
    shape : tuple of int
    spacings : array, shape (f,)
    axes : tuple of array
        The points along each coordinate.
    momenta : tuple of array
        The momenta of the basis functions along each coordinate (of sines: positive), ħ = 1.

    Raises
    ------
    InputError
        For ends in the wrong order, fewer than 4 or more than 2²⁴ points, more than two
        coordinates, or an unknown basis.

    Examples
    --------
    >>> grid = Grid(-1.0, 1.0, 4)
    >>> grid.axes[0]
    array([-1. , -0.5,  0. ,  0.5])
    >>> Grid(-1.0, 1.0, 3 + 4, basis="sine").axes[0][0]
    np.float64(-0.75)
    """

    def __init__(
        self,
        start: npt.ArrayLike,
        stop: npt.ArrayLike,
        points: int | Sequence[int],
        *,
        basis: str | Sequence[str] = "fft",
    ) -> None:
        self.start = np.atleast_1d(real_array("start", start))
        self.stop = np.atleast_1d(real_array("stop", stop))
        if self.start.ndim != 1 or not 1 <= self.start.size <= MOST_COORDINATES:
            raise fail("start", "hold one or two numbers", f"its shape is {self.start.shape}")
        count = self.start.size
        if self.stop.shape != (count,):
            raise fail("stop", f"hold {count} number(s)", f"its shape is {self.stop.shape}")
        if np.any(self.stop <= self.start):
            raise fail("stop", "lie above `start`", f"it is {describe(stop)}")
        self.shape = tuple(
            integer("points", size, minimum=_FEWEST_POINTS)
            for size in _for_each("points", points, count)
        )
        if math.prod(self.shape) > _MOST_POINTS:
            raise fail(
                "points", f"make at most {_MOST_POINTS}", f"there are {math.prod(self.shape)}"
            )
        self.bases = tuple(
            choice("basis", name, BASES) for name in _for_each("basis", basis, count)
        )
        cells = [n + (name == "sine") for n, name in zip(self.shape, self.bases, strict=True)]
        # Halves, because a difference of very large numbers is infinite.
        half = 0.5 * self.stop - 0.5 * self.start
        ends = np.maximum(np.abs(self.start), np.abs(self.stop))
        if np.any(half / cells <= _RESOLVED * ends) or np.any(half > _LARGEST):
            raise fail(
                "stop",
                f"leave a spacing that floating-point numbers below {_LARGEST:.0e} resolve",
                f"it is {describe(stop)}",
            )
        length = self.stop - self.start
        self.spacings: FloatArray = length / np.array(cells)
        self.axes = tuple(
            a + h * (np.arange(n) + (name == "sine"))
            for a, h, n, name in zip(self.start, self.spacings, self.shape, self.bases, strict=True)
        )
        self.momenta = tuple(
            np.pi * np.arange(1, n + 1) / span
            if name == "sine"
            else 2 * np.pi * fft_order(n) / span
            for n, span, name in zip(self.shape, length, self.bases, strict=True)
        )
        self.volume = float(np.prod(self.spacings))
        # Σ|ψ|² over the points = scale · Σ|c|² over the coefficients of `forward`.
        self.scale = math.prod(
            1 / (2 * (n + 1)) if name == "sine" else 1 / n
            for n, name in zip(self.shape, self.bases, strict=True)
        )

    def __repr__(self) -> str:
        parts = [
            f"{n} points from {a:g} to {b:g} ({name})"
            for n, a, b, name in zip(self.shape, self.start, self.stop, self.bases, strict=True)
        ]
        return "Grid: " + " × ".join(parts)

    @property
    def coordinates(self) -> int:
        """The number f of coordinates."""
        return len(self.shape)

    @property
    def points(self) -> FloatArray:
        """All points as a Hamiltonian takes them, shape (n,) or (n₁, n₂, 2)."""
        if self.coordinates == 1:
            return self.axes[0]
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1)

    @property
    def largest_momenta(self) -> FloatArray:
        """π/h along each coordinate, the largest momentum the grid can hold."""
        return np.pi / self.spacings

    def along(self, axis: int, values: FloatArray) -> FloatArray:
        """Return values of one coordinate with the shape that broadcasts against the grid."""
        return values.reshape([-1 if k == axis else 1 for k in range(self.coordinates)])

    def forward(self, psi: ComplexArray, workers: int | None = None) -> ComplexArray:
        """Return unnormalised coefficients of (..., *shape); `psi` may be overwritten."""
        from scipy import fft

        options = {"overwrite_x": True, "workers": workers}
        if "sine" not in self.bases:
            axes = tuple(range(-self.coordinates, 0))
            return fft.fftn(psi, axes=axes, norm="backward", **options)
        for k, name in enumerate(self.bases):
            axis = k - self.coordinates
            if name == "sine":
                psi = fft.dst(psi, type=1, axis=axis, **options)
            else:
                psi = fft.fft(psi, axis=axis, **options)
        return psi

    def backward(self, coefficients: ComplexArray, workers: int | None = None) -> ComplexArray:
        """Return the function of `scale` times these coefficients, which may be overwritten.

        The factor is left to the caller, who multiplies by something anyway.
        """
        from scipy import fft

        options = {"overwrite_x": True, "workers": workers}
        if "sine" not in self.bases:
            axes = tuple(range(-self.coordinates, 0))
            return fft.ifftn(coefficients, axes=axes, norm="forward", **options)
        for k, name in enumerate(self.bases):
            axis = k - self.coordinates
            if name == "sine":
                coefficients = fft.dst(coefficients, type=1, axis=axis, **options)
            else:
                coefficients = fft.ifft(coefficients, axis=axis, norm="forward", **options)
        return coefficients

    def derivative(self, psi: ComplexArray, axis: int) -> ComplexArray:
        """Return ∂ψ/∂x along one coordinate, exact for the functions of the basis."""
        from scipy import fft

        n, k = self.shape[axis], self.momenta[axis]
        last = np.moveaxis(psi, axis - self.coordinates, -1)
        if self.bases[axis] == "sine":
            cosines = np.zeros((*last.shape[:-1], n + 2), dtype=np.complex128)
            cosines[..., 1:-1] = k * fft.dst(last, type=1) / (n + 1)
            slope = 0.5 * fft.dct(cosines, type=1)[..., 1:-1]
        else:
            slope = fft.ifft(1j * without_nyquist(k, n) * fft.fft(last))
        return np.ascontiguousarray(np.moveaxis(slope, -1, axis - self.coordinates))

    def reading(self, x: float) -> tuple[ComplexArray, ComplexArray]:
        """Return row vectors that give ψ(x) and ψ′(x) anywhere on a grid of one coordinate."""
        n, k, a = self.shape[0], self.momenta[0], self.start[0]
        if self.bases[0] == "sine":
            modes = np.sin(np.outer(k, self.axes[0] - a)) * (2 / (n + 1))
            value, slope = np.sin(k * (x - a)) @ modes, (k * np.cos(k * (x - a))) @ modes
            return value.astype(np.complex128), slope.astype(np.complex128)
        waves = np.exp(1j * np.outer(k, x - self.axes[0])) / n
        odd = 1j * without_nyquist(k, n)
        return waves.sum(axis=0), odd @ waves

    def refined(self, factor: int) -> Grid:
        """Return the same box with `factor` times as many points."""
        sizes = [
            factor * (n + 1) - 1 if name == "sine" else factor * n
            for n, name in zip(self.shape, self.bases, strict=True)
        ]
        return Grid(self.start, self.stop, sizes, basis=self.bases)

    def extended(self, more: npt.NDArray[np.intp]) -> Grid:
        """Return a grid with the same points and `more`, shape (f, 2), below and above them."""
        start = self.start - more[:, 0] * self.spacings
        stop = self.stop + more[:, 1] * self.spacings
        sizes = [n + int(added) for n, added in zip(self.shape, more.sum(axis=1), strict=True)]
        return Grid(start, stop, sizes, basis=self.bases)


def _for_each(name: str, value: Any, count: int) -> list[Any]:
    """Return one value for each coordinate, repeated where a single one is given."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise fail(name, f"hold {count} value(s)", f"it has {len(value)}")
    return list(value)


def fft_order(size: int) -> FloatArray:
    """Return 0, 1, …, −2, −1 in the order of the Fourier transform."""
    return np.asarray(np.fft.fftfreq(size, 1 / size))


def without_nyquist(momenta: FloatArray, size: int) -> FloatArray:
    """Return the momenta with the one of undetermined sign set to zero."""
    if size % 2:
        return momenta
    kept = momenta.copy()
    kept[size // 2] = 0.0
    return kept
