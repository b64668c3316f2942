"""Eigenstates by the states of the basis that they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, integer, nearest, real_array
from anticrossing.hamiltonian import Hamiltonian, check_finite_hermitian


def dressed_states(
    H: Hamiltonian, x: npt.ArrayLike, states: Sequence[int | str] | None = None
) -> ComplexArray:
    """Return eigenstates of H(x), each named by the state of the basis that it holds most of.

    All eigenstates are matched with the basis states at once, so that the product of the overlaps
    is largest and none is taken twice. The overlap with its own basis state is real and positive.

    Parameters
    ----------
    H : Hamiltonian
        Parameters may be a batch.
    x : float or array
        Real coordinates (with several coordinates the last axis runs over them); with a batch a
        single number, or an array of the batch's shape, as the `start` of a drive.
    states : sequence of int or str, optional
        Numbers or labels of states of the basis that H is written in; all of them by default.

    Returns
    -------
    array, shape ``batch_shape + x.shape + (N, d)``
        Orthonormal columns, in the order of `states`.

    Raises
    ------
    InputError
        For an unknown state; where levels cross truly or are mixed half and half, so that an
        eigenstate holds less than half of its basis state.

    Examples
    --------
    >>> from anticrossing.models import LandauZener
    >>> dressed_states(LandauZener(gap=1.0), -5.0, ["up"]).round(3).ravel().real
    array([ 0.995, -0.099])
    """
    from scipy.optimize import linear_sum_assignment

    wanted = _numbers(H, states)
    points = real_array("x", x)
    axes = 1 if len(H.coordinates) > 1 else 0
    if H.batch_shape and points.shape[: points.ndim - axes] == H.batch_shape:
        values = H.evaluate(points, H.parameters)
    else:
        values = H(points)
    check_finite_hermitian(values, points)
    vectors = np.linalg.eigh(values)[1].astype(np.complex128)
    flat = vectors.reshape(-1, H.dimension, H.dimension)
    found = np.empty((flat.shape[0], H.dimension, wanted.size), dtype=np.complex128)
    for row, one in enumerate(flat):
        weight: FloatArray = np.abs(one) ** 2
        _, column = linear_sum_assignment(-np.log(np.maximum(weight, 1e-300)))
        chosen = column[wanted]
        part = one[wanted, chosen]
        if np.any(np.abs(part) ** 2 < 0.5):
            worst = int(np.argmin(np.abs(part)))
            raise fail(
                "x",
                "lie where every eigenstate holds at least half of its state of the basis",
                f"of {H.labels[wanted[worst]]!r} one holds {np.abs(part[worst]) ** 2:.3g}",
            )
        found[row] = one[:, chosen] * (part.conj() / np.abs(part))
    return found.reshape(*vectors.shape[:-2], *found.shape[1:])


def _numbers(H: Hamiltonian, states: Any) -> npt.NDArray[np.intp]:
    """Return the numbers of states given by number or label, or raise `InputError`."""
    if states is None:
        return np.arange(H.dimension)
    numbers = []
    for k, state in enumerate(states):
        if isinstance(state, str):
            if state not in H.labels:
                must = f"be one of {', '.join(H.labels)}"
                raise fail(f"states[{k}]", must, f"it is {state!r}{nearest(state, H.labels)}")
            numbers.append(H.labels.index(state))
        else:
            numbers.append(integer(f"states[{k}]", state, minimum=0, maximum=H.dimension - 1))
    if len(set(numbers)) < len(numbers) or not numbers:
        raise fail("states", "name one or more states, each once", f"they are {list(states)}")
    return np.array(numbers)
