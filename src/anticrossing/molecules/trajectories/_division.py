# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled division of a step at the hop within it, which is what makes hops of second order.

A step that is found to hold a hop is undone, and made in two parts: up to the hop, and from there.
Where the levels pass through each other between two points, the crossing is where it is divided.
"""

from __future__ import annotations

import numpy as np

from anticrossing.molecules.trajectories._electrons import set_phases, square
from anticrossing.molecules.trajectories._pointers import compiled, inlined, size
from anticrossing.molecules.trajectories._state import (
    ACTIVE,
    AFTER_CROSSING,
    AFTER_HOP,
    EARLIER_HEAT,
    FSSH,
    HEAT,
    OTHER,
    SHARE,
    STAGE,
    TO_CROSSING,
    TO_HOP,
    WHOLE,
)


@inlined
def part(one, dt):
    """Return the length of the step, or of its part."""
    stage = one.whole[STAGE]
    if stage == WHOLE:
        return dt
    return dt * (one.energy[SHARE] if stage <= TO_CROSSING else 1.0 - one.energy[SHARE])


@compiled
def divide(one, model, options, before, target):
    """Undo a step from level `before` that ends with a hop to `target`, and divide it there."""
    n, now, other, c = size(model.states), one.whole[ACTIVE], 0, one.amplitudes
    for a in range(1, n):  # the level before that `target` continues
        if square(one.overlap[a * n + target]) > square(one.overlap[other * n + target]):
            other = a
    one.whole[STAGE] = TO_HOP
    if target == before and other == now:  # the two pass through each other
        gap = abs(one.energies[n + now] - one.energies[n + before])
        after = abs(one.energies[now] - one.energies[before])
        one.energy[SHARE] = gap / (gap + after) if gap + after > 0.0 else 0.5
        one.whole[STAGE] = TO_CROSSING
    elif options.method != FSSH:  # the level of the largest |c|² changes
        first = square(one.before[before]) - square(one.before[other])
        last = square(c[target]) - square(c[now])
        one.energy[SHARE] = first / (first + last) if first > 0.0 else 0.0
    one.whole[OTHER], one.whole[ACTIVE] = other, before
    _undo(one, model, options.dt, n)


@inlined
def _undo(one, model, dt, n):
    """Take everything back to the beginning of the step; the force has not been changed yet."""
    for a in range(size(model.coordinates)):
        one.x[a], one.v[a] = one.earlier_x[a], one.earlier_v[a]
    one.energy[HEAT] = one.energy[EARLIER_HEAT]
    vectors, overlap, row = one.vectors, one.overlap, one.scratch
    for c in range(n):
        for a in range(n):
            row[a] = vectors[c * n] * np.conj(overlap[a * n])
            for b in range(1, n):
                row[a] += vectors[c * n + b] * np.conj(overlap[a * n + b])
        for a in range(n):
            vectors[c * n + a] = row[a]
    for j in range(n):
        one.energies[j] = one.energies[n + j]
        one.energies[n + j] = one.energies[2 * n + j]
    set_phases(one.phases, one.energies, 0.5 * dt, n)
    for j in range(n):
        one.amplitudes[j] = np.conj(one.phases[j]) * one.before[j]
    set_phases(one.phases, one.energies, 0.5 * part(one, dt), n)


@compiled
def go_on(one, model, dt):
    """Pass from one part of a divided step to the next, or to the next step."""
    stage = one.whole[STAGE]
    after = AFTER_HOP if stage == TO_HOP else AFTER_CROSSING
    one.whole[STAGE] = after if stage <= TO_CROSSING else WHOLE
    set_phases(one.phases, one.energies, 0.5 * part(one, dt), size(model.states))
