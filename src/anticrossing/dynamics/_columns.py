"""Columns followed by the compiled series of `_taylor`, shared between threads if they are many."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.threads import processors
from anticrossing.dynamics import _taylor

_ORDERS_PER_RADIAN = 4.7  # of the longest steps
_PAUSE = 0.2  # seconds between two looks at how far the threads are
_THREAD_WORK = 3e7  # multiplications that make another thread worth starting

Followed = tuple[ComplexArray, ComplexArray, float, int]
"""Columns (N, C) at the end and, (T, N, C), where they are kept; the error, and the steps."""


@dataclass(frozen=True)
class Series:
    """H = Σ_k φ_k(t) M_k on panels one after another, for `_taylor.follow`.

    Attributes
    ----------
    matrices : array, shape (K, N, N)
    power, degrees : array, shape (P, K, J) and (P, K)
        φ_k about the panels' middles on [−1, 1].
    width, common : array, shape (P,)
    keep : array of int, shape (P,)
        The place of what is kept at the end of a panel; none where negative.
    norm : float
        Of H, nearly.
    rate, longest : float
        The error allowed per time; the longest step in radians.
    """

    matrices: npt.NDArray[Any]
    power: FloatArray
    degrees: npt.NDArray[np.int64]
    width: FloatArray
    common: FloatArray
    keep: npt.NDArray[np.int64]
    norm: float
    rate: float
    longest: float

    def follow(self, columns: ComplexArray, tell: Callable[[float], None]) -> Followed:
        """Follow columns, and tell how far they are."""
        levels, count = columns.shape
        total = float(self.width.sum())
        kinds = np.array([kind(matrix) for matrix in self.matrices])
        parts = [np.ascontiguousarray(part) for part in (self.matrices.real, self.matrices.imag)]
        if is_short(self.norm * total, levels, count):
            info = np.zeros(3)
            ended, kept = self._part(kinds, parts, columns, info)
            return ended, kept, float(info[0]), int(info[1])
        workers = min(processors(), count)
        infos = np.zeros((workers, 3))
        with ThreadPoolExecutor(workers) as pool:
            shares = np.array_split(columns, workers, axis=1)
            running = [
                pool.submit(self._part, kinds, parts, share, info)
                for share, info in zip(shares, infos, strict=True)
            ]
            while wait(running, _PAUSE).not_done:
                tell(float(infos[:, 2].mean() / total))
            ends, keeps = zip(*(future.result() for future in running), strict=True)
        tell(1.0)
        ended, kept = np.concatenate(ends, axis=-1), np.concatenate(keeps, axis=-1)
        return ended, kept, float(infos[:, 0].max()), int(infos[:, 1].max())

    def _part(
        self,
        kinds: npt.NDArray[np.int64],
        parts: list[FloatArray],
        columns: ComplexArray,
        info: FloatArray,
    ) -> tuple[ComplexArray, ComplexArray]:
        """Follow some of the columns; what is done stands in info[2] meanwhile."""
        y = np.empty((2, columns.size))
        y[0], y[1] = columns.real.ravel(), columns.imag.ravel()
        kept = np.empty((max(self.keep.tolist()) + 1, *y.shape))
        _taylor.follow(
            *parts,
            kinds,
            self.power,
            self.degrees,
            self.width,
            np.full(self.width.size, self.norm),
            self.common,
            self.keep,
            self.rate,
            self.longest,
            y,
            kept,
            info,
        )
        return _complex(y, columns.shape), _complex(kept, columns.shape)


def is_short(radians: float, levels: int, columns: int) -> bool:
    """Whether columns take so little that no other thread need be started."""
    return _ORDERS_PER_RADIAN * radians * levels**2 * columns < _THREAD_WORK


def eigenvectors_pay(radians: float, levels: int, columns: int) -> bool:
    """Whether the basis in which what varies is diagonal is worth its eigenvectors.

    They cost some twenty products with a matrix, and save every other product.
    """
    return _ORDERS_PER_RADIAN * radians * columns > 20 * levels


def kind(matrix: npt.NDArray[Any]) -> int:
    """Return what a matrix is, for `_taylor.follow`."""
    if not matrix[0, 1:].any() and np.count_nonzero(matrix) == np.count_nonzero(matrix.diagonal()):
        return _taylor.DIAGONAL
    is_complex = matrix.dtype.kind == "c" and (matrix[0].imag.any() or matrix.imag.any())
    return _taylor.COMPLEX if is_complex else _taylor.REAL


def _complex(parts: FloatArray, shape: tuple[int, ...]) -> ComplexArray:
    """Return columns whose real and imaginary parts (…, 2, N·C) are told apart."""
    found = np.empty((*parts.shape[:-2], *shape), dtype=np.complex128)
    if found.size:
        found.real = parts[..., 0, :].reshape(found.shape)
        found.imag = parts[..., 1, :].reshape(found.shape)
    return found
