"""How fast an environment dephases and relaxes two levels at a given moment of a drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anticrossing.drive import Drive
from anticrossing.dynamics import liouville
from anticrossing.dynamics.lanes import Lanes
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian


@dataclass(frozen=True)
class DecayRates:
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

    With `diabatic` they are those of the local diabatic states of the pair, the eigenstates of
    dH/dx between the two levels, and only general jump operators count.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-5, 5, rate=1.0)
    >>> rates = decay_rates(H, sweep, ac.Dephasing(0.3), 0.0, (0, 1))
    >>> round(rates.dephasing, 12)                                      # γ times the gap
    0.3
    """
    lanes = Lanes.of(hamiltonian, drive)
    lane = np.zeros(1, dtype=np.intp)
    _, nodes = liouville.nodes_of(lanes, np.array([[time]]), lane)
    size = hamiltonian.dimension
    total = np.zeros((size**2, size**2), dtype=np.complex128)
    rates = environment.flat(()).eigen_rates(nodes)
    if rates is not None and not diabatic:
        total += liouville.eigen_generator(rates)[0, 0]
    vectors = nodes.vectors[0, 0].copy()
    if diabatic:
        pair = vectors[:, list(levels)]
        slope = pair.conj().T @ hamiltonian.derivative(float(nodes.x[0, 0])) @ pair
        vectors[:, list(levels)] = pair @ np.linalg.eigh(slope)[1]
    for jump in environment.jump_operators(nodes):
        total += liouville.dissipator(vectors.conj().T @ jump[0, 0] @ vectors)
    i, j = levels
    coherence = -float(total[i * size + j, i * size + j].real)
    lower, upper = i * (size + 1), j * (size + 1)
    relaxation = float((total[lower, upper] + total[upper, lower]).real)
    return DecayRates(coherence, relaxation, max(coherence - relaxation / 2, 0.0))
