"""Work of driven free fermions by a two-point measurement, in one of three schemes."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray, choice, fail
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.thermodynamics.atoms import AtomicStatistics
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.enumeration import MOST_MODES, enumerate_transitions
from anticrossing.thermodynamics.equilibrium import fermi, grand_potential
from anticrossing.thermodynamics.work import WorkDistribution

METHODS = ("exact", "landau-zener")
SCHEMES = ("coupled", "decoupled", "product")
DIRECTIONS = ("forward", "backward")


def checked_scheme(method: str, scheme: str | None, levels: int, systems: int = 1) -> str:
    """Return the scheme of the exact method, or raise `InputError` for one that cannot be."""
    if choice("method", method, METHODS) == "landau-zener":
        if scheme is not None:
            raise fail("scheme", "not be given with method 'landau-zener'", "it would be ignored")
        return ""
    scheme = choice("scheme", "coupled" if scheme is None else scheme, SCHEMES)
    if scheme == "product" and levels + systems > MOST_MODES:
        raise fail(
            "scheme",
            "be 'coupled' or 'decoupled' for this many levels",
            f"'product' is no Gaussian measurement, so that it has to be enumerated: at "
            f"most {MOST_MODES - systems} reservoir levels, not {levels}",
        )
    return scheme


def exact_work(
    propagator: ComplexArray,
    matrices: tuple[FloatArray, FloatArray],
    *,
    scheme: str,
    temperature: float,
    chemical_potential: float,
    description: str,
) -> WorkDistribution:
    """Return the work between the single-particle matrices (N, N) at the two ends."""
    # Only ε − μ matters: energies far from zero keep the digits of their differences.
    middle = _middle(matrices[0])
    one = middle * np.eye(len(matrices[0]))
    matrices = matrices[0] - one, matrices[1] - one
    chemical_potential = chemical_potential - middle
    bath = {"temperature": temperature, "chemical_potential": chemical_potential}
    if scheme == "decoupled":
        first, last = (np.diag(matrix) for matrix in matrices)
    else:
        (first, before), (last, after) = (np.linalg.eigh(matrix) for matrix in matrices)
        amplitudes = after.T @ propagator @ before
    change = grand_potential(last, **bath) - grand_potential(first, **bath)
    statistics: AtomicStatistics | TwoPointStatistics
    if scheme == "product":
        # The measurement destroys coherences, and what is left is not Gaussian.
        occupied = fermi(np.diag(matrices[0]), **bath)
        found = enumerate_transitions(amplitudes, correlation=before.T @ np.diag(occupied) @ before)
        statistics = AtomicStatistics(found.values(first, last), found.probabilities)
    else:
        statistics = TwoPointStatistics(
            propagator=propagator if scheme == "decoupled" else amplitudes,
            initial_values=first,
            final_values=last,
            log_odds=-(first - chemical_potential) / temperature,
        )
    return WorkDistribution(
        statistics, temperature=temperature, free_energy_difference=change, description=description
    )


def gibbs_state(
    matrix: FloatArray, *, temperature: float, chemical_potential: float
) -> GaussianState:
    """Return the Gibbs state of a single-particle matrix, however far its energies from zero."""
    middle = _middle(matrix)
    return GaussianState.thermal(
        matrix - middle * np.eye(len(matrix)),
        temperature=temperature,
        chemical_potential=chemical_potential - middle,
    )


def _middle(matrix: FloatArray) -> float:
    levels = np.diag(matrix)
    return 0.5 * float(levels.min() + levels.max())


def joint_counting(
    propagator: ComplexArray,
    ends: FloatArray,
    levels: FloatArray,
    *,
    temperature: float,
    chemical_potential: float,
) -> TwoPointStatistics:
    """Return work, heat and particles of driven levels, at `ends` (2, S), decoupled."""
    driven, fixed = np.ones(ends.shape[1]), np.zeros(levels.size)
    before, after = (np.concatenate([end, levels]) for end in ends)
    heat = np.concatenate([0 * driven, chemical_potential - levels])
    particles = np.concatenate([driven, fixed])
    return TwoPointStatistics(
        propagator=propagator,
        initial_values=np.stack([before, heat, particles]),
        final_values=np.stack([after, heat, particles]),
        log_odds=-(before - chemical_potential) / temperature,
    )
