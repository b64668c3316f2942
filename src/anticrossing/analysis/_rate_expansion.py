"""The first-order expansion under pure dephasing: a rate equation from derivative couplings.

It keeps the relative accuracy of small probabilities, and needs no kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail
from anticrossing.analysis._eigenframe import frame
from anticrossing.analysis._kernel import Expansion, projector, trace_norms
from anticrossing.analysis._quadrature import panel_times, refine_gap, resolved_panels
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment


def expand_dephasing(
    lanes: Lanes, environment: Environment, start: int | ComplexArray
) -> Expansion:
    """Expand under pure dephasing: constant weights of P_j, and rates between them."""
    levels = lanes.hamiltonian.dimension
    ends = frame(lanes, environment, np.array([lanes.start[0], lanes.stop[0]]))
    weights = _weights(ends.vectors[0], start)

    def resolved(times: FloatArray) -> list[npt.NDArray[Any]]:
        local = frame(lanes, environment, times)
        # Levels that touch or cross make kinks in the sorted energies, which are found here.
        return [local.rates, np.diff(local.energies, axis=-1)]

    edges, points = resolved_panels(lanes, resolved)
    left, right = edges[:-1], edges[1:]
    times = panel_times(left, right, points)
    local = frame(lanes, environment, times.ravel())
    _check_gap(times.ravel(), np.diff(local.energies, axis=-1).min(axis=-1), lanes, environment)
    rates = local.rates.reshape(left.size, points.size, levels, levels)
    half = 0.5 * (right - left)
    total = np.einsum("p,n,pnij->ij", half, points.weights, rates)
    total = total - np.diag(total.sum(axis=0))

    def lifted(k: int, weight: FloatArray) -> ComplexArray:
        return np.asarray(ends.vectors[k] @ np.diag(weight) @ ends.vectors[k].conj().T)

    def inverse_slope(k: int) -> ComplexArray:
        slope = (weights[None, :] - weights[:, None]) * ends.coupling[k]
        with np.errstate(divide="ignore", invalid="ignore"):
            solved = np.where(slope != 0, -slope / ends.decay[k], 0.0)
        return np.asarray(ends.vectors[k] @ solved @ ends.vectors[k].conj().T)

    transport = sum(
        np.outer(projector(ends.vectors[1], j).ravel(), projector(ends.vectors[0], j).conj())
        for j in range(levels)
    )
    kernel = np.stack([lifted(1, weights), lifted(1, total @ weights)])
    outside = np.stack([np.zeros_like(kernel[0]), inverse_slope(1)])
    terms = kernel + outside
    return Expansion(
        kernel=kernel[:, None],
        range=outside[:, None],
        start=np.stack([lifted(0, weights), inverse_slope(0)]),
        sizes=trace_norms(terms.reshape(2, -1), levels),
        bounds=np.full(2, np.nan),
        transport=np.asarray(transport, dtype=np.complex128),
        kernel_dimension=levels,
        jumps=np.zeros(2),
        marks=terms.reshape(2, 1, -1),
        panels=left.size,
    )


def _weights(vectors: ComplexArray, start: int | ComplexArray) -> FloatArray:
    if isinstance(start, int):
        return np.eye(vectors.shape[-1])[start]
    inside = vectors.conj().T @ start @ vectors
    if np.max(np.abs(inside - np.diag(np.diagonal(inside)))) > 1e-9:
        raise fail(
            "initial",
            "be diagonal in the eigenbasis at the start (stationary)",
            "it has coherences there",
        )
    return np.diagonal(inside).real.copy()


def _check_gap(times: FloatArray, gaps: FloatArray, lanes: Lanes, environment: Environment) -> None:
    def gap(time: float) -> float:
        return float(np.diff(frame(lanes, environment, np.array([time])).energies[0]).min())

    refine_gap(times, gaps, gap)
