"""Steady states of a driven qubit beside noise that changes while they are reached."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ConvergenceError, FloatArray
from anticrossing.dynamics import noisy_interferogram
from anticrossing.dynamics._level_maps import Work, reach
from anticrossing.environment import Environment, Lindblad
from anticrossing.hamiltonian import Hamiltonian

_FINEST = 1e-9  # accuracy of a table of generators
_HALF_Z = 0.5 * np.diag([1.0, -1.0])
_HALF_X = 0.5 * np.array([[0.0, 1.0], [1.0, 0.0]])
_FALL = np.array([[0.0, 0.0], [1.0, 0.0]])  # from σ_z = 1


def averaged(
    points: FloatArray, noise: Environment, accuracy: float
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return mean populations (P,) of σ_z = 1, and what is said of the noise.

    Rows of `points` are gap, offset, amplitude, frequency, T₁, T₂, and the equilibrium of σ_z.
    """
    gap, offset, amplitude, frequency, t1, t2, equilibrium = points[:7]
    one = np.ones(gap.size)
    drives = np.stack([offset, amplitude, frequency, one, 0 * one], axis=1)
    qubits, owner = np.unique(np.stack([gap, t1, t2]), axis=1, return_inverse=True)
    cold = np.empty(gap.size)
    notes: tuple[str, ...] = ()
    for k, (g, relaxing, coherent) in enumerate(qubits.T):
        own = owner == k
        lost = max(1 / coherent - 0.5 / relaxing, 0.0)
        surroundings = Lindblad([np.sqrt(1 / relaxing) * _FALL, np.sqrt(2 * lost) * _HALF_Z])
        work = Work(
            Hamiltonian.affine(g * _HALF_X, _HALF_Z),
            surroundings + noise,
            drives[own],
            (1,),
            reach(drives[own]),
            adiabatic=False,
            accuracy=max(0.5 * accuracy, _FINEST),
        )
        populations, error, _, notes = noisy_interferogram.averaged(work)
        if np.max(error) > accuracy:
            raise ConvergenceError(
                f"The average over the noise does not settle: it still changes by "
                f"{np.max(error):.1g}. Allow a larger `tolerance`, or follow single points with "
                "`periodic_steady_state`."
            )
        cold[own] = populations[:, 0]
    # The equation is linear in the equilibrium, which for these is that of the lower state.
    return 0.5 * (1 + equilibrium * (1 - 2 * cold)), notes
