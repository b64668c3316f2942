# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Arrays as bare pointers inside compiled code.

A compiled function that is handed an array receives about ten words for it, and counts references.
The kernels pass some thirty arrays on at every step: as pointers they cost one word each, which
makes both the code and its compilation several times faster.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
from numba.core import cgutils, types
from numba.extending import intrinsic

from anticrossing.trajectories._electrons import COMPILED


class ModelPointers(NamedTuple):
    """`_state.Model`, with its sizes."""

    parameters: Any
    entries: Any
    values: Any
    places: Any
    pairs: Any
    masses: Any
    inverse_masses: Any
    box: Any
    states: int
    coordinates: int
    terms: int
    entry_count: int
    slots: int


class One(NamedTuple):
    """The arrays of one trajectory (see `_state.State`)."""

    x: Any
    v: Any
    force: Any
    direction: Any
    coefficients: Any
    slopes: Any
    weights: Any
    elements: Any
    hamiltonian: Any
    vectors: Any
    scratch: Any
    overlap: Any
    energies: Any
    amplitudes: Any
    phases: Any
    before: Any
    forces: Any
    moments_x: Any
    moments_p: Any
    whole: Any
    energy: Any
    stream: Any
    log_numbers: Any
    log_codes: Any
    log_length: int


@intrinsic
def pointer(typing_context, array, offset):
    """Return the address of the element with this flat index in a contiguous array."""

    def generate(context, builder, signature, arguments):
        data = cgutils.create_struct_proxy(array)(context, builder, value=arguments[0]).data
        return builder.gep(data, [arguments[1]])

    number = types.CPointer(array.dtype)  # type: ignore[attr-defined]
    return number(array, types.intp), generate


@numba.njit(**COMPILED)
def model_pointers(model, state):
    """Return the pointers of a `_state.Model`."""
    return ModelPointers(
        pointer(model.parameters, 0), pointer(model.entries, 0), pointer(model.values, 0),
        pointer(model.places, 0), pointer(model.pairs, 0), pointer(model.masses, 0),
        pointer(model.inverse_masses, 0), pointer(model.box, 0),
        state.energies.shape[2], state.motion.shape[2], state.coefficients.shape[1],
        model.values.size, model.places.shape[0],
    )  # fmt: skip


@numba.njit(**COMPILED)
def one_trajectory(state, i):
    """Return the pointers of row i of a `_state.State`."""
    f, n, k = state.motion.shape[2], state.energies.shape[2], state.coefficients.shape[1]
    m, c, d = state.matrices, state.waves, state.moments
    moments = n * d.shape[3]
    return One(
        pointer(state.motion, 4 * i * f), pointer(state.motion, (4 * i + 1) * f),
        pointer(state.motion, (4 * i + 2) * f), pointer(state.motion, (4 * i + 3) * f),
        pointer(state.coefficients, i * k), pointer(state.slopes, i * state.slopes.shape[1]),
        pointer(state.weights, i * k), pointer(state.elements, i * k),
        pointer(m, 4 * i * n * n), pointer(m, (4 * i + 1) * n * n),
        pointer(m, (4 * i + 2) * n * n), pointer(m, (4 * i + 3) * n * n),
        pointer(state.energies, 3 * i * n),
        pointer(c, 3 * i * n), pointer(c, (3 * i + 1) * n), pointer(c, (3 * i + 2) * n),
        pointer(d, 3 * i * moments), pointer(d, (3 * i + 1) * moments),
        pointer(d, (3 * i + 2) * moments),
        pointer(state.whole, 4 * i), pointer(state.energy, 2 * i), pointer(state.stream, 2 * i),
        pointer(state.log_numbers, 2 * i * state.log_numbers.shape[1]),
        pointer(state.log_codes, 3 * i * state.log_numbers.shape[1]),
        state.log_numbers.shape[1],
    )  # fmt: skip
