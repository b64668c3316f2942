# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled motion of the nuclei: energies, forces, velocity Verlet, friction."""

from __future__ import annotations

import numpy as np

from anticrossing.molecules.trajectories._division import part
from anticrossing.molecules.trajectories._electrons import (
    adiabatic_force,
    element,
    mean_force,
    square,
    uniform,
)
from anticrossing.molecules.trajectories._pointers import compiled, inlined, size
from anticrossing.molecules.trajectories._state import (
    ACTIVE,
    DRAWN,
    EARLIER_HEAT,
    EHRENFEST,
    HEAT,
    SHARE,
    STAGE,
    TO_CROSSING,
    WHOLE,
)


@compiled
def kinetic_energy(model, velocity):
    total = 0.0
    for a in range(size(model.coordinates)):
        total += 0.5 * model.masses[a] * velocity[a] * velocity[a]
    return total


@compiled
def potential_energy(one, model, method):
    if method != EHRENFEST:
        return element(one.energies, 0, one.whole[ACTIVE], size(model.states))
    total = 0.0
    for j in range(size(model.states)):
        total += square(one.amplitudes[j]) * one.energies[j]
    return total


@inlined
def set_force(one, model, method):
    if method == EHRENFEST:
        mean_force(
            one.vectors, one.amplitudes, one.before, one.slopes, model, one.weights, one.force
        )
    else:
        adiabatic_force(
            one.vectors, one.whole[ACTIVE], one.slopes, model, one.weights, one.scratch, one.force
        )


@inlined
def kick(one, model, half_step):
    for a in range(size(model.coordinates)):
        one.v[a] += half_step * one.force[a] * model.inverse_masses[a]


@inlined
def move(one, model, options):
    """Half a kick, and the positions; with friction, heat in the middle of the whole step."""
    f, stage = size(model.coordinates), one.whole[STAGE]
    left = part(one, options.dt)
    if stage == WHOLE:
        for a in range(f):
            one.earlier_x[a], one.earlier_v[a] = one.x[a], one.v[a]
    kick(one, model, 0.5 * left)
    if options.friction:
        done = one.energy[SHARE] * options.dt if stage > TO_CROSSING else 0.0
        before = 0.5 * options.dt - done
        if 0.0 <= before < left:
            for a in range(f):
                one.x[a] += before * one.v[a]
            _exchange_heat(one, model)
            left -= before
    for a in range(f):
        one.x[a] += left * one.v[a]


@compiled
def _exchange_heat(one, model):
    """Let velocities relax to those of the temperature for one time step, exactly."""
    # A step that is divided takes the random numbers that it took before.
    f, before, drawn = size(model.coordinates), kinetic_energy(model, one.v), one.stream[1]
    if one.whole[STAGE] == WHOLE:
        one.whole[DRAWN], one.energy[EARLIER_HEAT] = np.int64(drawn), one.energy[HEAT]
    else:
        one.stream[1] = np.uint64(one.whole[DRAWN])
    for a in range(f):
        length = np.sqrt(-2.0 * np.log(1.0 - uniform(one.stream)))
        normal = length * np.cos(2.0 * np.pi * uniform(one.stream))
        one.v[a] = model.thermostat[a] * one.v[a] + model.thermostat[f + a] * normal
    if one.whole[STAGE] != WHOLE:
        one.stream[1] = drawn
    one.energy[HEAT] += kinetic_energy(model, one.v) - before
