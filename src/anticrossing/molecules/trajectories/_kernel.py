# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Compiled trajectories: velocity Verlet, the electronic step, hops, and what is recorded.

A step is a half kick and a drift, then H at the new point (from compiled formulas, or evaluated
for all trajectories at once by the caller), then everything else. The caller's threads share out
whole blocks of trajectories.
"""

from __future__ import annotations

import numpy as np

from anticrossing.molecules.trajectories._decoherence import (
    augmented_decoherence,
    energy_based_decoherence,
    forget,
    overlap_decoherence,
)
from anticrossing.molecules.trajectories._division import divide, go_on, part
from anticrossing.molecules.trajectories._electrons import (
    advance_amplitudes,
    assemble,
    coupling_direction,
    diagonalize,
    element,
    orthonormalize,
    population_direction,
    set_phases,
    square,
    uniform,
)
from anticrossing.molecules.trajectories._hops import (
    continuation,
    fewest_switches,
    follow_levels,
    landau_zener_target,
    rescale,
    set_rates,
)
from anticrossing.molecules.trajectories._motion import (
    kick,
    kinetic_energy,
    move,
    potential_energy,
    set_force,
)
from anticrossing.molecules.trajectories._pointers import (
    called_from_python,
    compiled,
    inlined,
    model_pointers,
    on_stack,
    one_trajectory,
    pointer,
    size,
    write_back,
)
from anticrossing.molecules.trajectories._state import (
    ACCEPTED,
    ACTIVE,
    AFTER_CROSSING,
    AUGMENTED,
    BLOCK,
    DRIFT,
    EHRENFEST,
    ENDED,
    ENERGY_BASED,
    EVENTS,
    FOLLOWED,
    FRUSTRATED,
    FSSH,
    HEAT,
    LANDAU_ZENER,
    MASH,
    MULTI_STATE_MASH,
    NO_DECOHERENCE,
    OTHER,
    OVERLAP_BASED,
    REFLECTED,
    SHARE,
    SMOOTH,
    STAGE,
    START_ENERGY,
    STEPS,
    TO_CROSSING,
    TO_HOP,
    WHOLE,
)

_TIDY = 32  # steps between orthonormalisations


@compiled
def _occupy(one, n, level):
    one.whole[ACTIVE] = level
    for j in range(n):
        one.amplitudes[j] = 1.0 if j == level else 0.0


@compiled
def _largest(amplitudes, n):
    """Return the state of the largest |c|², the first of equal ones."""
    best = 0
    for j in range(1, n):
        if square(amplitudes[j]) > square(amplitudes[best]):
            best = j
    return best


@compiled
def _draw_on_sphere(one, n, first, diabatic):
    """Draw c uniformly on the sphere where |c|² of the first state is largest."""
    c, drawn = one.amplitudes, one.before
    total = 0.0
    for j in range(n):
        weight = -np.log(1.0 - uniform(one.stream))
        angle = 2.0 * np.pi * uniform(one.stream)
        drawn[j] = np.sqrt(weight) * complex(np.cos(angle), np.sin(angle))
        total += weight
    best = _largest(drawn, n)
    drawn[first], drawn[best] = drawn[best], drawn[first]
    for j in range(n):
        drawn[j] /= np.sqrt(total)
        c[j] = drawn[j]
    if diabatic:
        for j in range(n):
            amplitude = 0.0j
            for a in range(n):
                amplitude += np.conj(one.vectors[a * n + j]) * drawn[a]
            c[j] = amplitude
    one.whole[ACTIVE] = _largest(c, n)


@compiled
def _first_amplitudes(one, model, options):
    n, c, first = size(model.states), one.amplitudes, options.state
    if options.method == MULTI_STATE_MASH:
        _draw_on_sphere(one, n, first, options.diabatic)
        return
    _occupy(one, n, first)
    if options.diabatic:
        draw, total = uniform(one.stream), 0.0
        one.whole[ACTIVE] = -1
        for j in range(n):
            c[j] = np.conj(one.vectors[first * n + j])
            total += square(c[j])
            if one.whole[ACTIVE] < 0 and (draw < total or j == n - 1):
                one.whole[ACTIVE] = j
        if options.method == LANDAU_ZENER:
            _occupy(one, n, one.whole[ACTIVE])
    elif options.method == MASH:
        # The z component of the spin with density 2 S_z, in the hemisphere of the state.
        own = 0.5 * (1.0 + np.sqrt(uniform(one.stream)))
        angle = 2.0 * np.pi * uniform(one.stream)
        c[first] = np.sqrt(own)
        c[1 - first] = np.sqrt(max(0.0, 1.0 - own)) * complex(np.cos(angle), np.sin(angle))


@compiled
def _log(one, old, target, reason, energy):
    place = one.whole[EVENTS]
    if place < one.log_length:
        early = TO_HOP <= one.whole[STAGE] <= TO_CROSSING
        time = one.whole[STEPS] - (1.0 - one.energy[SHARE] if early else 0.0)
        for k, value in enumerate((time, energy, 1.0 * old, 1.0 * target, 1.0 * reason)):
            one.log[5 * place + k] = value
    one.whole[EVENTS] = place + 1


@compiled
def _hop(one, model, options, before, target):
    """Take the active state to `target` at constant energy if the momentum allows it."""
    # It was at level `before` one step ago.
    level = one.whole[ACTIVE]
    n = size(model.states)
    start, end = element(one.energies, 0, level, n), element(one.energies, 0, target, n)
    total = kinetic_energy(model, one.v) + start
    if options.method == MULTI_STATE_MASH:
        population_direction(
            one.vectors, one.amplitudes, one.energies, level, target, one.slopes, model,
            one.elements, one.direction,
        )  # fmt: skip
    elif options.along_velocity:
        for a in range(size(model.coordinates)):
            one.direction[a] = model.masses[a] * one.v[a]
    else:
        coupling_direction(
            one.vectors, level, target, one.slopes, model, one.elements, one.direction
        )
    allowed = rescale(one.v, one.direction, model, end - start, options.reflect)
    # To remain on a level that has taken over another state is no hop between levels.
    remains = allowed and target == before and options.method == LANDAU_ZENER
    if level != before and not remains:
        _log(one, before, level, FOLLOWED, total)
    if allowed:
        one.whole[ACTIVE] = target
        if not remains:
            _log(one, level, target, ACCEPTED, total)
    else:
        reason = REFLECTED if options.reflect else FRUSTRATED
        _log(one, level, target, reason, total)
        if options.method == MASH:
            # The spin turns back into the hemisphere of the active state with the momentum.
            c = one.amplitudes
            if square(c[target]) > square(c[level]):
                c[0], c[1] = np.conj(c[1]), np.conj(c[0])
        elif options.method == MULTI_STATE_MASH:
            # Likewise: the two populations change places, every phase stays.
            c = one.amplitudes
            own, other = abs(c[level]), abs(c[target])
            if other > own:
                c[target] = c[target] * (own / other)
                c[level] = c[level] * (other / own) if own > 0.0 else other + 0.0j
    if options.method == LANDAU_ZENER:
        set_rates(one, model)
        one.whole[SMOOTH] = 1
    return allowed


@inlined
def _electronic_step(one, model, options, dt):
    """Advance the amplitudes; return the level that is wanted, the active one set to go on."""
    n, method, level = size(model.states), options.method, one.whole[ACTIVE]
    c = one.amplitudes
    advance_amplitudes(
        c, one.phases, one.earlier_phases, one.before, one.overlap, one.energies, 0.5 * dt, n
    )
    if method == EHRENFEST:
        return level
    # Through a crossing that the step does not resolve the state goes on as it is.
    now, stage = continuation(one.overlap, level, n), one.whole[STAGE]
    if stage in (TO_CROSSING, AFTER_CROSSING) and now == one.whole[OTHER]:
        now = level
    one.whole[ACTIVE] = now
    if stage == TO_HOP:
        return continuation(one.overlap, one.whole[OTHER], n)
    if stage in (TO_CROSSING, AFTER_CROSSING):
        return now
    if method == FSSH:
        draw = uniform(one.stream)
        target, share = fewest_switches(c, one.phases, one.before, one.overlap, level, now, draw, n)
        if stage == WHOLE:
            one.energy[SHARE] = share
        return target
    if method == MASH:
        return 0 if square(c[0]) >= square(c[1]) else 1
    return _largest(c, n)


@inlined
def _at_point(one, model, options, step):
    """Finish step `step` (0: begin), H at the new point being at hand."""
    before, dt, stage = one.whole[ACTIVE], part(one, options.dt), one.whole[STAGE]
    one.whole[STEPS] = step
    if step == 0:
        for a in range(size(model.states)):
            one.vectors[a * size(model.states) + a] = 1.0
    elif step % _TIDY == 0:
        orthonormalize(one.vectors, size(model.states))
    assemble(one.hamiltonian, one.coefficients, model)
    diagonalize(
        one.hamiltonian, one.vectors, one.scratch, one.overlap, one.energies, size(model.states)
    )
    target = before
    if step == 0:
        set_phases(one.phases, one.energies, 0.5 * options.dt, size(model.states))
        _first_amplitudes(one, model, options)
        if options.decoherence == AUGMENTED:
            forget(one, size(model.states), size(model.coordinates))
    elif options.method == LANDAU_ZENER:
        follow_levels(one, size(model.states))
    else:
        target = _electronic_step(one, model, options, dt)
        if target != one.whole[ACTIVE] and stage == WHOLE:
            divide(one, model, options, before, target)
            return
    set_force(one, model, options.method)
    if step == 0:
        if options.method == LANDAU_ZENER:
            set_rates(one, model)
            one.whole[SMOOTH] = 1
        potential = potential_energy(one, model, options.method)
        one.energy[START_ENERGY] = kinetic_energy(model, one.v) + potential
        return
    kick(one, model, 0.5 * dt)
    level, hopped, chosen = one.whole[ACTIVE], False, False
    if options.method == LANDAU_ZENER:
        target, chosen = landau_zener_target(one, model, options.dt, before)
    if target != level and options.method != EHRENFEST:
        hopped = _hop(one, model, options, before, target)
        if hopped:
            set_force(one, model, options.method)
    elif level != before:
        total = kinetic_energy(model, one.v) + element(one.energies, 0, level, size(model.states))
        _log(one, before, level, ACCEPTED if chosen else FOLLOWED, total)
    if options.method == LANDAU_ZENER and one.whole[ACTIVE] != before:
        _occupy(one, size(model.states), one.whole[ACTIVE])
    if options.decoherence != NO_DECOHERENCE:
        _decohere(one, model, options, dt, hopped)
    if stage != WHOLE:
        go_on(one, model, options.dt)
    _check(one, model, options)


@compiled
def _decohere(one, model, options, dt, hopped):
    n = size(model.states)
    if options.decoherence == ENERGY_BASED:
        kinetic, level = kinetic_energy(model, one.v), one.whole[ACTIVE]
        energy_based_decoherence(
            one.amplitudes, one.energies, level, kinetic, dt, options.decoherence_energy, n
        )
    elif options.decoherence == OVERLAP_BASED:
        overlap_decoherence(one, model, options, dt)
    elif options.decoherence == AUGMENTED:
        augmented_decoherence(one, model, dt, hopped)


@inlined
def _check(one, model, options):
    """Follow the drift of the energy, and end the trajectory where it leaves the box."""
    total = kinetic_energy(model, one.v) + potential_energy(one, model, options.method)
    drift = abs(total - one.energy[HEAT] - one.energy[START_ENERGY])
    if not drift <= one.energy[DRIFT]:  # NaN stays
        one.energy[DRIFT] = drift
    for a in range(size(model.coordinates)):
        outside = one.x[a] < model.box[a] or one.x[a] > model.box[size(model.coordinates) + a]
        if outside and one.whole[STAGE] == WHOLE:
            one.whole[ENDED] = 1


@compiled
def _add(sums, squares, place, value):
    sums[place] += value
    squares[place] += value * value


@compiled
def _record(one, model, method, sums, squares):
    n, f = size(model.states), size(model.coordinates)
    level, vectors, c = one.whole[ACTIVE], one.vectors, one.amplitudes
    scale = 0.0  # of multi-state MASH: (N − 1)/(½ + … + 1/N)
    for j in range(1, n):
        scale += 1.0 / (j + 1.0)
    scale = (n - 1.0) / scale if n > 1 else 1.0
    for j in range(n):
        own = 1.0 if j == level else 0.0
        if method == MULTI_STATE_MASH:
            own = 1.0 / n + scale * (square(c[j]) - 1.0 / n)
        _add(sums, squares, j, own)
        _add(sums, squares, n + j, square(c[j]))
        # ⟨j|ρ|j⟩ with the coherences of the amplitudes and the populations of the active state.
        amplitude, diagonal = 0.0j, 0.0
        for k in range(n):
            amplitude += vectors[j * n + k] * c[k]
            diagonal += square(vectors[j * n + k]) * square(c[k])
        own = square(vectors[j * n + level])
        diabatic = square(amplitude)
        if method == FSSH:
            diabatic += own - diagonal
        elif method == LANDAU_ZENER:
            diabatic = own
        elif method == MULTI_STATE_MASH:
            diabatic = 1.0 / n + scale * (diabatic - 1.0 / n)
        _add(sums, squares, 2 * n + j, diabatic)
    kinetic = kinetic_energy(model, one.v)
    _add(sums, squares, 3 * n, kinetic)
    _add(sums, squares, 3 * n + 1, kinetic + potential_energy(one, model, method))
    for a in range(f):
        _add(sums, squares, 3 * n + 2 + a, one.x[a])
        _add(sums, squares, 3 * n + 2 + f + a, model.masses[a] * one.v[a])


@compiled
def _keep(one, model, method, row):
    n, f = size(model.states), size(model.coordinates)
    for a in range(f):
        row[a] = one.x[a]
        row[f + a] = model.masses[a] * one.v[a]
    for j in range(n):
        row[2 * f + j] = square(one.amplitudes[j])
    row[2 * f + n] = one.whole[ACTIVE]
    row[2 * f + n + 1] = kinetic_energy(model, one.v)
    row[2 * f + n + 2] = potential_energy(one, model, method)


@compiled
def _output(one, model, options, records, i, output):
    outputs = records.sums.shape[1]
    place = (i // BLOCK * outputs + output) * records.sums.shape[2]
    sums, squares = pointer(records.sums, place), pointer(records.squares, place)
    _record(one, model, options.method, sums, squares)
    if i < records.kept.shape[0]:
        place = (i * outputs + output) * records.kept.shape[2]
        _keep(one, model, options.method, pointer(records.kept, place))


@called_from_python
def run(fill, state, model, options, records, first, last):
    """Follow trajectories `first` to `last` − 1, whole blocks, to their end; H is compiled."""
    m = model_pointers(model, state)
    for i in range(first, last):
        place = one_trajectory(state, i)
        one = on_stack(place, m)
        step = output = wait = np.int64(0)  # a bare 0 is a type of its own, compiled for once more
        # The caller ends all trajectories in `state` to be rid of them.
        while step <= options.steps and not (one.whole[ENDED] or place.whole[ENDED]):
            if step > 0:
                move(one, m, options)
            fill(one.x, m.parameters, one.coefficients, one.slopes)
            _at_point(one, m, options, step)
            if one.whole[STAGE] != WHOLE:
                continue
            if wait == 0:
                one.whole[ENDED] |= place.whole[ENDED]
                write_back(one, place, m)
                _output(place, m, options, records, i, output)
                output, wait = output + 1, options.every
            step, wait = step + 1, wait - 1
        write_back(one, place, m)
        while output < records.sums.shape[1]:  # a trajectory that has ended keeps its last values
            _output(place, m, options, records, i, output)
            output += 1


@called_from_python
def drift(state, model, options, again, first, last):
    """Move trajectories to the points where H is wanted next; `again`: in a step that goes on."""
    m = model_pointers(model, state)
    for i in range(first, last):
        one = one_trajectory(state, i)
        if not one.whole[ENDED] and again == (one.whole[STAGE] != WHOLE):
            move(one, m, options)


@called_from_python
def complete(state, model, options, records, step, again, first, last):
    """Finish step `step` (0: begin) or its part, H being in `coefficients` and `slopes`."""
    m = model_pointers(model, state)
    for i in range(first, last):
        one = one_trajectory(state, i)
        if again and one.whole[STAGE] == WHOLE:
            continue
        if one.whole[ENDED]:
            one.whole[STAGE] = WHOLE
        else:
            _at_point(one, m, options, step)
        if step % options.every == 0 and one.whole[STAGE] == WHOLE:
            _output(one, m, options, records, i, step // options.every)
