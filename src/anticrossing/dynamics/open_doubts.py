"""What speaks against the answer of a master equation: its domain, and negative probabilities."""

from __future__ import annotations

import itertools

import numpy as np

from anticrossing._core.checks import ComplexArray, InputError
from anticrossing._core.linalg import dagger
from anticrossing.dynamics import liouville
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.panels import Evolution
from anticrossing.environment import Environment
from anticrossing.environment.base import RATES_DIVERGE

_PLACES = 33  # of a window, where no panels tell what matters
_MOST_PLACES = 2000
_COUPLED = 1e-12  # of an operator's elements: below it is rounding


def of_equation(
    lanes: Lanes, environment: Environment, evolution: Evolution | None
) -> tuple[str, ...]:
    """Return where an environment's equation leaves its domain; its parameters are flat."""
    if not environment.is_approximate:
        return ()
    if evolution is not None:  # panels are short where much happens
        times, lane = evolution.pieces.left, evolution.pieces.lane
        times = np.concatenate([times, lanes.stop])
        lane = np.concatenate([lane, np.arange(lanes.count)])
    else:
        share = np.linspace(0.0, 1.0, _PLACES)
        times = (lanes.start[:, None] + (lanes.stop - lanes.start)[:, None] * share).ravel()
        lane = np.repeat(np.arange(lanes.count), _PLACES)
    few = slice(None, None, -(-times.size // _MOST_PLACES))
    _, nodes = liouville.nodes_of(lanes, times[few, None], lane[few])
    return environment.doubts(nodes)


def refuse_meeting(lanes: Lanes, environment: Environment) -> None:
    """Raise `InputError` where levels of two sectors meet that a diverging rate couples."""
    operators = environment.diverging(lanes.hamiltonian.dimension)
    sectored = Sectored.of(lanes) if operators else None
    if sectored is None:
        return
    times = np.concatenate([lanes.start[:, None], lanes.samples, lanes.stop[:, None]], axis=1)
    every = np.arange(lanes.count)
    blocks = [np.linalg.eigvalsh(block.matrices(times, every)) for block in sectored.blocks]
    levels = sectored.joined(blocks)
    apart = levels[..., :, None] - levels[..., None, :]
    met = np.any(apart[:, :-1] * apart[:, 1:] <= 0, axis=(0, 1))
    for operator in operators:
        inside = sectored.from_given(dagger(sectored.from_given(operator)))
        for a, b in itertools.combinations(sectored.slices, 2):
            if np.any(met[a, b]) and np.max(np.abs(inside[a, b])) > _COUPLED * np.max(
                np.abs(operator)
            ):
                raise InputError(RATES_DIVERGE)


def of_states(
    environment: Environment,
    states: ComplexArray,
    superoperator: ComplexArray | None,
    accuracy: float,
) -> tuple[str, ...]:
    """Return by how much density matrices (…, N, N), and the map of all, fail to be positive."""
    if environment.keeps_positivity:
        return ()
    found = []
    least = float(np.min(np.linalg.eigvalsh(states), initial=0.0))
    if least < -accuracy:
        found.append(
            f"A density matrix is not positive: its least eigenvalue is {least:.2g}. Redfield's "
            'equation is outside its domain there; equation="universal" stays positive.'
        )
    if superoperator is not None:
        least = float(np.min(liouville.choi_eigenvalues(superoperator), initial=0.0))
        if least < -accuracy:
            found.append(
                "The map of all density matrices is not completely positive: the least eigenvalue "
                f"of its Choi matrix is {least:.2g}."
            )
    return tuple(found)
