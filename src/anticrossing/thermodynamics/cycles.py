"""Cycles of a Fermi level between reservoirs, as Markov chains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, instance, non_negative, of_shape, real_array
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.dissipation import Filling
from anticrossing.thermodynamics.markov import MarkovChain
from anticrossing.thermodynamics.reservoirs import Reservoir

_PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])


def otto_cycle(
    *,
    energies: npt.ArrayLike,
    reservoirs: Sequence[Reservoir],
    rates: npt.ArrayLike,
    durations: npt.ArrayLike,
) -> MarkovChain:
    """Return the Otto cycle of a level: contact at one energy, lift, contact at the other, back.

    Lifts are sudden and do the work; contacts, of rate Γ and duration τ, exchange heat. A cycle
    moves ``n = a_h a_c (f_h − f_c)/(a_h + a_c − a_h a_c)`` particles, ``a = 1 − exp(−Γτ)``, so
    that an engine has the efficiency ``1 − ε_c/ε_h`` at ``μ = 0``, whatever its speed.

    Parameters
    ----------
    energies : array_like, shape (2,)
        Of the level during the first (hot) and the second (cold) contact, ``ε_h`` and ``ε_c``.
    reservoirs : sequence of Reservoir
        The two, in the same order.
    rates, durations : array_like, shape (2,) or ()
        ``Γ`` (1/time) and ``τ`` (time) of the contacts.

    Returns
    -------
    MarkovChain
        Of two steps and the states empty and occupied.

    Raises
    ------
    InputError
        If there are not two of each, or a rate or duration is negative.

    References
    ----------
    H. T. Quan, Y. Liu, C. P. Sun, F. Nori, Phys. Rev. E 76, 031105 (2007).

    Examples
    --------
    >>> engine = otto_cycle(
    ...     energies=[1.0, 0.6], reservoirs=[Reservoir(1.0), Reservoir(0.4)], rates=1.0,
    ...     durations=[2.0, 1.0],
    ... ).cycle(duration=3.0)
    >>> engine.mode, round(engine.efficiency, 12), round(engine.power, 6)
    ('engine', 0.4, 0.006635)
    """
    levels = of_shape("energies", real_array("energies", energies), (2,))
    if len(reservoirs) != 2:
        raise fail("reservoirs", "be two", f"there are {len(reservoirs)}")
    gamma = np.broadcast_to(of_shape("rates", non_negative("rates", rates), (), (2,)), 2)
    strength = np.zeros((2, 2, 2, 2))
    strength[[0, 1], [0, 1]] = gamma[:, None, None] * _PAIR
    closed = levels[[0, 1, 0]]
    return MarkovChain.from_rates(
        energies=np.stack([np.zeros(3), closed], axis=-1),
        particle_numbers=[0, 1],
        reservoirs=reservoirs,
        rates=strength,
        durations=durations,
    )


def level_cycle(strokes: Sequence[LandauZenerChain]) -> MarkovChain:
    """Return the periodic protocol of a level that is driven through reservoirs, stroke by stroke.

    Every crossing is a step: the level keeps its state with the probability ``R_i``, and is redrawn
    from the reservoir level's occupation otherwise. The reservoir levels are in equilibrium again
    when they are met next.

    Parameters
    ----------
    strokes : sequence of LandauZenerChain
        Each begins where the one before stops, the first where the last stops. Strokes with the
        same temperature and chemical potential share a reservoir.

    Returns
    -------
    MarkovChain
        From the first crossing to its return, with the states empty and occupied.

    Raises
    ------
    InputError
        If the strokes do not form a cycle, cross nothing, or have reservoirs out of equilibrium.

    References
    ----------
    F. Barra, M. Esposito, Phys. Rev. E 93, 062118 (2016), for the strokes.

    Examples
    --------
    A level rises through a cold reservoir, nearly empty, and sinks through a hot one, half full:

    >>> up = LandauZenerChain(
    ...     energies=[1.0, 2.0, 3.0], couplings=0.5, speeds=0.5, start=0.0, stop=4.0,
    ...     temperature=0.2, chemical_potential=0.0,
    ... )
    >>> down = LandauZenerChain(
    ...     energies=[3.0, 2.0, 1.0], couplings=0.5, speeds=0.5, start=4.0, stop=0.0,
    ...     temperature=2.0, chemical_potential=0.0,
    ... )
    >>> engine = level_cycle([up, down]).cycle()
    >>> engine.mode, round(engine.efficiency, 4), engine.carnot_efficiency
    ('engine', 0.5122, 0.9)
    """
    if len(strokes) == 0:
        raise fail("strokes", "hold at least one", "it is empty")
    names = [f"strokes[{k}]" for k in range(len(strokes))]
    for name, stroke in zip(names, strokes, strict=True):
        instance(name, stroke, LandauZenerChain)
    for k, stroke in enumerate(strokes):
        before = strokes[k - 1]
        if stroke.start != before.stop:
            raise fail(
                names[k],
                "begin where the stroke before it stops",
                f"it begins at {stroke.start:g} and not at {before.stop:g}",
            )
        thermal = Filling.thermal(stroke.energies, stroke.beta, stroke.chemical_potential)
        if not np.array_equal(stroke.reservoir.occupied, thermal.occupied):
            raise fail(names[k], "have a reservoir in equilibrium", "its occupations are given")
    levels = np.concatenate([stroke.energies for stroke in strokes])
    if not levels.size:
        raise fail("strokes", "cross a reservoir level", "they cross none")
    parameters = [(stroke.temperature, stroke.chemical_potential) for stroke in strokes]
    kinds = list(dict.fromkeys(parameters))
    attempts = np.zeros((levels.size, len(kinds), 2, 2))
    step = 0
    for stroke, kind in zip(strokes, parameters, strict=True):
        for swap in stroke.adiabatic_probabilities:
            attempts[step, kinds.index(kind)] = swap * _PAIR
            step += 1
    closed = np.append(levels, levels[0])
    return MarkovChain.from_attempts(
        energies=np.stack([np.zeros_like(closed), closed], axis=-1),
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(*kind, name=f"T = {kind[0]:g}, μ = {kind[1]:g}") for kind in kinds],
        attempts=attempts,
    )
