# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Arrays as bare pointers inside compiled code.

A compiled function that is handed an array receives about ten words for it, and counts references.
The kernels pass some thirty arrays on at every step: as pointers they cost one word each, which
makes both the code and its compilation several times faster.

For two states and one coordinate a trajectory moves in a copy on the stack of a size known to the
compiler, which can then keep most values in registers: the same functions, compiled once more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.core import cgutils, types
from numba.extending import intrinsic

from anticrossing._core.jit import entry, inner

_ARITHMETIC = {"fastmath": {"contract"}}
called_from_python = entry(**_ARITHMETIC)
compiled = inner(**_ARITHMETIC)
inlined = inner(**_ARITHMETIC, forceinline=True)  # a call costs as much as the work, on every step


class ModelPointers(NamedTuple):
    """`_state.Model`, with its sizes."""

    parameters: Any
    first: Any
    entries: Any
    values: Any
    places: Any
    pairs: Any
    masses: Any
    inverse_masses: Any
    thermostat: Any
    stiffness: Any
    box: Any
    states: Any
    coordinates: Any
    terms: int
    entry_count: int
    slots: int


class One(NamedTuple):
    """The arrays of one trajectory (see `_state.State`)."""

    x: Any
    v: Any
    force: Any
    direction: Any
    earlier_x: Any
    earlier_v: Any
    coefficients: Any
    slopes: Any
    weights: Any
    elements: Any
    hamiltonian: Any
    vectors: Any
    scratch: Any
    overlap: Any
    energies: Any
    rates: Any
    amplitudes: Any
    phases: Any
    earlier_phases: Any
    before: Any
    forces: Any
    moments_x: Any
    moments_p: Any
    turn: Any
    half: Any
    shares: Any
    whole: Any
    energy: Any
    stream: Any
    log: Any
    log_length: int


@intrinsic
def pointer(typing_context, array, offset):
    """Return the address of the element with this flat index in a contiguous array."""

    def generate(context, builder, signature, arguments):
        data = cgutils.create_struct_proxy(array)(context, builder, value=arguments[0]).data
        return builder.gep(data, [arguments[1]])

    number = types.CPointer(array.dtype)  # type: ignore[attr-defined]
    return number(array, types.intp), generate


@intrinsic
def size(typing_context, value):
    """Return the number that a `_state.Size` stands for."""

    def generate(context, builder, signature, arguments):
        if isinstance(value, types.BaseTuple):  # type: ignore[attr-defined]
            return context.get_constant(types.intp, len(value))
        return arguments[0]

    return types.intp(value), generate


_COUNTS = {
    "x": "f", "v": "f", "force": "f", "direction": "f", "earlier_x": "f", "earlier_v": "f",
    "hamiltonian": "nn", "vectors": "nn", "overlap": "nn", "energies": "3n", "rates": "3n",
    "amplitudes": "n", "phases": "n", "earlier_phases": "n", "before": "n",
    "whole": "8", "energy": "5", "stream": "2",
}  # fmt: skip


def _on_stack(one, model):
    """Return place and length of the fields of `One` that are copied: none for variable sizes."""
    sizes = dict(zip(model.fields, model.types, strict=True))
    if not isinstance(sizes["states"], types.BaseTuple):  # type: ignore[attr-defined]
        return []
    n, f = len(sizes["states"]), len(sizes["coordinates"])
    counts = {"f": f, "n": n, "nn": n * n, "3n": 3 * n, "8": 8, "5": 5, "2": 2}
    return [(one.fields.index(name), counts[text]) for name, text in _COUNTS.items()]


def _copy(context, builder, source, target, count):
    for k in range(count):
        index = [context.get_constant(types.intp, k)]
        builder.store(builder.load(builder.gep(source, index)), builder.gep(target, index))


@intrinsic
def on_stack(typing_context, one, model):
    """Return `one` with a copy of its arrays on the stack, or itself if sizes are variable."""

    def generate(context, builder, signature, arguments):
        result = arguments[0]
        for place, count in _on_stack(one, model):
            kind = context.get_data_type(one.types[place].dtype)
            local = cgutils.alloca_once(builder, kind, size=count)
            _copy(context, builder, builder.extract_value(result, place), local, count)
            result = builder.insert_value(result, local, place)
        return result

    return one(one, model), generate


@intrinsic
def write_back(typing_context, local, one, model):
    """Copy what `on_stack` returned to the arrays of `one`."""

    def generate(context, builder, signature, arguments):
        for place, count in _on_stack(one, model):
            source, target = (builder.extract_value(a, place) for a in arguments[:2])
            _copy(context, builder, source, target, count)
        return context.get_dummy_value()

    return types.void(local, one, model), generate


@compiled
def model_pointers(model, state):
    """Return the pointers of a `_state.Model`."""
    return ModelPointers(
        pointer(model.parameters, 0), pointer(model.first, 0), pointer(model.entries, 0),
        pointer(model.values, 0),
        pointer(model.places, 0), pointer(model.pairs, 0), pointer(model.masses, 0),
        pointer(model.inverse_masses, 0), pointer(model.thermostat, 0),
        pointer(model.stiffness, 0), pointer(model.box, 0),
        model.states, model.coordinates, state.coefficients.shape[1],
        model.values.size, model.places.shape[0],
    )  # fmt: skip


@compiled
def one_trajectory(state, i):
    """Return the pointers of row i of a `_state.State`."""
    f, n, k = state.motion.shape[2], state.energies.shape[2], state.coefficients.shape[1]
    m, c, d = state.matrices, state.waves, state.moments
    moments = n * n * d.shape[2]
    return One(
        pointer(state.motion, 6 * i * f), pointer(state.motion, (6 * i + 1) * f),
        pointer(state.motion, (6 * i + 2) * f), pointer(state.motion, (6 * i + 3) * f),
        pointer(state.motion, (6 * i + 4) * f), pointer(state.motion, (6 * i + 5) * f),
        pointer(state.coefficients, i * k), pointer(state.slopes, i * state.slopes.shape[1]),
        pointer(state.weights, i * k), pointer(state.elements, i * k),
        pointer(m, 4 * i * n * n), pointer(m, (4 * i + 1) * n * n),
        pointer(m, (4 * i + 2) * n * n), pointer(m, (4 * i + 3) * n * n),
        pointer(state.energies, 3 * i * n), pointer(state.rates, 3 * i * n),
        pointer(c, 4 * i * n), pointer(c, (4 * i + 1) * n), pointer(c, (4 * i + 2) * n),
        pointer(c, (4 * i + 3) * n), pointer(state.forces, i * state.forces.shape[1]),
        pointer(d, 2 * i * moments), pointer(d, (2 * i + 1) * moments),
        pointer(state.turns, i * n * n), pointer(state.half, i * state.half.shape[1]),
        pointer(state.shares, i * n * n),
        pointer(state.whole, 8 * i), pointer(state.energy, 5 * i), pointer(state.stream, 2 * i),
        pointer(state.log, 5 * i * state.log.shape[1]), state.log.shape[1],
    )  # fmt: skip
