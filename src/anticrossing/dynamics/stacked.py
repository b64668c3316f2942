"""Propagators beside their derivatives, [U, ∂₁U, ∂₂U, …], and their products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.dynamics import grading
from anticrossing.dynamics.kernels import Kernel
from anticrossing.dynamics.lanes import Lanes

LEAST = 1e-3  # tolerances of the largest ∂G: what is less is left out


def product(later: npt.NDArray[Any], earlier: npt.NDArray[Any]) -> ComplexArray:
    """Return [U, ∂U, …] of one time after another, (…, 1 + K, D, D)."""
    found = later @ earlier[..., :1, :, :]
    found[..., 1:, :, :] += later[..., :1, :, :] @ earlier[..., 1:, :, :]
    return np.asarray(found)


def acting(
    slopes: npt.NDArray[Any], half_width: FloatArray, least: float
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp] | None]:
    """Return those of ∂G (P, n, K, D, D) that act on a panel, and their places (P, L).

    Less than `least` of the largest does not count: most values of a drive matter near them alone.
    None stands for all places.
    """
    size = half_width[:, None] * np.max(np.abs(slopes), axis=(1, 3, 4))
    acts = size > least * np.max(size, axis=0, initial=0.0)
    most = max(1, int(np.max(np.sum(acts, axis=1), initial=0)))
    if 2 * most > slopes.shape[2]:
        return slopes, None
    places = np.argsort(~acts, axis=1, kind="stable")[:, :most]
    return np.take_along_axis(slopes, places[:, None, :, None, None], axis=2), places


def in_place(
    stacks: npt.NDArray[Any], places: npt.NDArray[np.intp] | None, count: int
) -> npt.NDArray[Any]:
    """Return stacks (P, 1 + L, D, D) with zeros in all other of `count` places."""
    if places is None:
        return stacks
    found = np.zeros((len(stacks), 1 + count, *stacks.shape[2:]), dtype=stacks.dtype)
    found[:, 0] = stacks[:, 0]
    np.put_along_axis(found, 1 + places[:, :, None, None], stacks[:, 1:], axis=1)
    return found


class StackedKernel(Kernel):
    """A kernel whose propagators are such stacks.

    Attributes
    ----------
    count : int
        K, the number of derivatives.
    followed : float
        Radians of a panel from which the eigenframe of two levels is followed.
    """

    count: int
    followed: float

    @property
    def shape(self) -> tuple[int, ...]:
        return (1 + self.count, self.size, self.size)

    def identity(self) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = np.zeros(self.shape, dtype=self.dtype)
        found[0] = np.eye(self.size)
        return found

    def multiply(self, later: npt.NDArray[Any], earlier: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return product(later, earlier)

    def graded(
        self,
        lanes: Lanes,
        lane: npt.NDArray[np.intp],
        left: FloatArray,
        right: FloatArray,
        tolerance: float,
    ) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        if lanes.hamiltonian.dimension != 2:
            return lane, left, right
        chosen = grading.turning(self.followed)
        return grading.graded(lanes, lane, left, right, self.grid.size, tolerance, chosen)
