"""The slow limit of a driven level: friction, and the thermodynamic length of the way."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    describe,
    fail,
    positive,
    real_array,
    real_number,
)
from anticrossing.thermodynamics.arguments import equilibrium_parameters

_FAR = 150.0  # temperatures from the chemical potential, where exp(−75) of the length is left
_MOST_PANELS = 1000
_ACCURACY = 1e-13
_ACCEPTED = 1e-9


def thermodynamic_length(
    start: float,
    stop: float,
    *,
    rate: float | Callable[[FloatArray], npt.ArrayLike],
    temperature: float,
    chemical_potential: float,
) -> float:
    """Return the thermodynamic length of the way of a level through a dense reservoir.

    In the slow limit the dissipated work is ``∫ ζ ε̇² dt`` with the friction
    ``ζ = β f(1 − f)/Γ(ε)``, so that ``W^diss ≥ L²/τ`` with ``L = ∫ √ζ |dε|``, reached at constant
    ``√ζ ε̇``. For constant Γ the length is ``√(T/Γ)`` times the angle between the states,
    ``2 |arccos √f_stop − arccos √f_start|``.

    Parameters
    ----------
    start, stop : float
        Energies of the level at the two ends.
    rate : float or callable
        ``Γ``, or Γ(ε) for an array of energies, positive (1/time).
    temperature, chemical_potential : float
        Of the reservoir (energy, k_B = 1).

    Returns
    -------
    float
        ``L`` in √(energy · time).

    Raises
    ------
    InputError
        For numbers out of range.
    ConvergenceError
        If Γ(ε) is too rough for the quadrature.

    References
    ----------
    P. Salamon, R. S. Berry, Phys. Rev. Lett. 51, 1127 (1983); D. A. Sivak, G. E. Crooks, Phys. Rev.
    Lett. 108, 190602 (2012).

    Examples
    --------
    From far below the chemical potential to far above, π √(T/Γ):

    >>> length = thermodynamic_length(
    ...     -100.0, 100.0, rate=1.0, temperature=1.0, chemical_potential=0.0
    ... )
    >>> round(length, 10)
    3.1415926536
    """
    warmth, mu = equilibrium_parameters(temperature, chemical_potential)
    scaled = [(real_number(n, x) - mu) / warmth for n, x in (("start", start), ("stop", stop))]
    # The angle, with which the length grows evenly where Γ is constant.
    first, last = (2 * float(np.arctan(np.tanh(x / 4))) for x in sorted(scaled))
    if not callable(rate):
        gamma = float(positive("rate", real_number("rate", rate)))
        return float(np.sqrt(warmth / gamma)) * (last - first)
    from scipy.integrate import quad

    def density(x: float) -> float:
        gamma = positive("rate", real_array("rate", rate(np.array([mu + warmth * x]))))
        if gamma.size != 1:
            raise fail("rate", "return one number for every energy", f"it is {describe(gamma)}")
        return 0.5 / (math.cosh(0.5 * x) * math.sqrt(float(gamma.reshape(()) / warmth)))

    ends = np.clip(np.sort(scaled), -_FAR, _FAR)
    inner = np.clip([-8.0, 0.0, 8.0], *ends)
    found, error, *trouble = quad(
        density, *ends, points=inner, epsabs=0.0, epsrel=_ACCURACY, limit=_MOST_PANELS,
        full_output=True,
    )  # fmt: skip
    if len(trouble) > 1 and error > _ACCEPTED * abs(found):
        raise ConvergenceError("The thermodynamic length does not settle: Γ(ε) is too rough.")
    return float(found)
