"""How fast an environment dephases and relaxes two levels at a given moment of a drive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import liouville
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian


@dataclass(frozen=True)
class DecayRates(Result):
    """Rates of a pair of instantaneous eigenstates, per time.

    Attributes
    ----------
    coherence : float
        The decay rate of the coherence between them.
    relaxation : float
        The sum of the rates of transitions between them.
    dephasing : float
        What of `coherence` is pure dephasing: coherence − relaxation/2.
    """

    coherence: float
    relaxation: float
    dephasing: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "coherence": shown(text="decay rate of the coherence"),
        "relaxation": shown(text="sum of the transition rates"),
        "dephasing": shown(text="rate of pure dephasing"),
    }


def decay_rates(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    time: float,
    levels: tuple[int, int],
    *,
    diabatic: bool = False,
) -> DecayRates:
    """Return the decay rates of the levels (i, j) at one time (single parameter values).

    With `diabatic` they belong to the local diabatic states of the pair, the eigenstates of
    dH/dx between the two levels, and only general jump operators count.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, rate=1.0)
    >>> rates = decay_rates(H, sweep, ac.Dephasing(0.3), 0.0, (0, 1))
    >>> round(rates.dephasing, 12)                                      # γ times the gap
    0.3
    """
    transfer, coherences = rate_matrices(
        hamiltonian,
        drive,
        environment,
        np.array([time]),
        diabatic=levels if diabatic else None,
        eigenbasis=not diabatic,
    )
    i, j = levels
    coherence = float(coherences[0, i, j])
    relaxation = float(transfer[0, i, j] + transfer[0, j, i])
    return DecayRates(coherence, relaxation, max(coherence - relaxation / 2, 0.0))


def rate_matrices(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment,
    times: FloatArray,
    *,
    diabatic: tuple[int, int] | None = None,
    eigenbasis: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Return, at times (n,), p_i′ = Σ_j transfer_ij p_j and the decay of coherences, (n, N, N).

    They belong to the eigenstates. With `diabatic` general jump operators act on the local
    diabatic states of that pair of levels, each in the place of the level it is most alike; rates
    given in the eigenbasis are left out without `eigenbasis`.
    """
    lanes, lane = Lanes.of(hamiltonian, drive), np.zeros(1, dtype=np.intp)
    _, nodes = liouville.nodes_of(lanes, times[None, :], lane)
    vectors = nodes.vectors[0].copy()
    transfer, coherence = np.zeros(vectors.shape), np.zeros(vectors.shape)
    flat = environment.flat(())
    rates = flat.eigen_rates(nodes)
    if rates is not None and eigenbasis:
        transfer += np.broadcast_to(rates.transfer, nodes.vectors.shape)[0]
        coherence += np.broadcast_to(rates.coherence.real, nodes.vectors.shape)[0]
    if diabatic is not None:
        pair = vectors[:, :, list(diabatic)]
        slope = lanes.hamiltonian.derivative(lanes.positions(times[None, :], lane)[0])
        turn = np.linalg.eigh(pair.conj().swapaxes(-1, -2) @ slope @ pair)[1]
        swapped = np.abs(turn[:, 0, 0]) < np.abs(turn[:, 0, 1])
        turn[swapped] = turn[swapped][:, :, ::-1]
        vectors[:, :, list(diabatic)] = pair @ turn
    for operator in flat.jump_operators(nodes):
        jump = vectors.conj().swapaxes(-1, -2) @ operator[0] @ vectors
        chance = np.abs(jump) ** 2
        loss = chance.sum(axis=-2)
        own = np.diagonal(jump, axis1=-2, axis2=-1)
        transfer += chance - loss[:, None, :] * np.eye(loss.shape[-1])
        coherence += (loss[:, :, None] + loss[:, None, :]) / 2
        coherence -= (own[:, :, None] * own[:, None, :].conj()).real
    return transfer, coherence
