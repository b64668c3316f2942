"""Tully's three one-dimensional test problems for trajectories on coupled surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import positive, real_array
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X, SIGMA_Z
from anticrossing.units import Units

TULLY_MASS = 2000.0
"""The mass of the particle in Tully's problems, in electron masses."""

_SOURCE = "J. C. Tully, J. Chem. Phys. 93, 1061 (1990)"
_ATOMIC = Units("hartree", "atomic", "bohr")


def TullySimple(
    *,
    depth: npt.ArrayLike = 0.01,
    steepness: npt.ArrayLike = 1.6,
    coupling: npt.ArrayLike = 0.005,
    narrowness: npt.ArrayLike = 1.0,
) -> Hamiltonian:
    """Tully's first problem: a simple avoided crossing.

    H(x) = A sgn(x) [1 − exp(−B|x|)] σ_z + C exp(−D x²) σ_x

    The diabats cross once, at x = 0, with slope difference 2AB and coupling C there: the
    derivative coupling peaks at AB/2C. The second derivative of H jumps at x = 0.

    Parameters
    ----------
    depth, steepness, coupling, narrowness : float or array
        A (hartree), B (1/bohr), C (hartree), D (1/bohr²), all positive.

    Returns
    -------
    Hamiltonian
        In atomic units, with exact first derivatives; the mass is `TULLY_MASS`.

    References
    ----------
    J. C. Tully, J. Chem. Phys. 93, 1061 (1990).

    Examples
    --------
    >>> TullySimple()(0.0)
    array([[0.   , 0.005],
           [0.005, 0.   ]])
    """
    return _piecewise(
        "TullySimple",
        _simple,
        _simple_slope,
        depth=positive("depth", depth),
        steepness=positive("steepness", steepness),
        coupling=positive("coupling", coupling),
        narrowness=positive("narrowness", narrowness),
    )


def TullyDual(
    *,
    depth: npt.ArrayLike = 0.1,
    narrowness: npt.ArrayLike = 0.28,
    offset: npt.ArrayLike = 0.05,
    coupling: npt.ArrayLike = 0.015,
    coupling_narrowness: npt.ArrayLike = 0.06,
) -> Hamiltonian:
    """Tully's second problem: a dual avoided crossing, whose two passages interfere.

    V₁₁ = 0,  V₂₂ = −A exp(−B x²) + E₀,  V₁₂ = C exp(−D x²)

    The diabats cross at x = ±√(ln(A/E₀)/B).

    Parameters
    ----------
    depth, narrowness, offset, coupling, coupling_narrowness : float or array
        A (hartree), B (1/bohr²), E₀ (hartree), C (hartree), D (1/bohr²), all positive.

    Returns
    -------
    Hamiltonian
        In atomic units; the mass is `TULLY_MASS`.

    References
    ----------
    J. C. Tully, J. Chem. Phys. 93, 1061 (1990).

    Examples
    --------
    >>> TullyDual()(0.0)
    array([[ 0.   ,  0.015],
           [ 0.015, -0.05 ]])
    """
    return Hamiltonian.from_terms(
        [
            ("offset - depth*exp(-narrowness*x**2)", np.diag([0.0, 1.0])),
            ("coupling*exp(-coupling_narrowness*x**2)", SIGMA_X),
        ],
        parameters={
            "depth": positive("depth", depth),
            "narrowness": positive("narrowness", narrowness),
            "offset": positive("offset", offset),
            "coupling": positive("coupling", coupling),
            "coupling_narrowness": positive("coupling_narrowness", coupling_narrowness),
        },
        name="TullyDual",
        units=_ATOMIC,
        source=_SOURCE,
    )


def TullyExtended(
    *, gap: npt.ArrayLike = 6e-4, coupling: npt.ArrayLike = 0.1, steepness: npt.ArrayLike = 0.9
) -> Hamiltonian:
    """Tully's third problem: an extended coupling that reflects the upper state.

    V₁₁ = A,  V₂₂ = −A,  V₁₂ = B exp(Cx) for x < 0,  B [2 − exp(−Cx)] for x > 0

    The diabats never cross; the coupling grows from 0 to 2B. The second derivative of V₁₂ jumps
    at x = 0.

    Parameters
    ----------
    gap, coupling, steepness : float or array
        A (hartree, of either sign), B (hartree) and C (1/bohr), both positive.

    Returns
    -------
    Hamiltonian
        In atomic units, with exact first derivatives; the mass is `TULLY_MASS`.

    References
    ----------
    J. C. Tully, J. Chem. Phys. 93, 1061 (1990).

    Examples
    --------
    >>> TullyExtended()(0.0)
    array([[ 0.0006,  0.1   ],
           [ 0.1   , -0.0006]])
    """
    return _piecewise(
        "TullyExtended",
        _extended,
        _extended_slope,
        gap=real_array("gap", gap),
        coupling=positive("coupling", coupling),
        steepness=positive("steepness", steepness),
    )


def _piecewise(name: str, value: Any, slope: Any, **parameters: Any) -> Hamiltonian:
    return Hamiltonian.from_function(
        value,
        derivative=slope,
        vectorised=True,
        dimension=2,
        parameters=parameters,
        name=name,
        units=_ATOMIC,
        source=_SOURCE,
    )


def _simple(x: Any, depth: Any, steepness: Any, coupling: Any, narrowness: Any) -> Any:
    difference = -depth * np.sign(x) * np.expm1(-steepness * np.abs(x))
    return _combine(difference, coupling * np.exp(-narrowness * x**2))


def _simple_slope(x: Any, depth: Any, steepness: Any, coupling: Any, narrowness: Any) -> Any:
    difference = depth * steepness * np.exp(-steepness * np.abs(x))
    return _combine(difference, -2 * narrowness * x * coupling * np.exp(-narrowness * x**2))


def _extended(x: Any, gap: Any, coupling: Any, steepness: Any) -> Any:
    # B(1 + sgn(x)[1 − exp(−C|x|)]) is both branches in one.
    rise = 1 - np.sign(x) * np.expm1(-steepness * np.abs(x))
    return _combine(gap + 0 * x, coupling * rise)


def _extended_slope(x: Any, gap: Any, coupling: Any, steepness: Any) -> Any:
    return _combine(0 * gap * x, coupling * steepness * np.exp(-steepness * np.abs(x)))


def _combine(difference: Any, coupling: Any) -> Any:
    return (
        np.asarray(difference)[..., np.newaxis, np.newaxis] * SIGMA_Z
        + np.asarray(coupling)[..., np.newaxis, np.newaxis] * SIGMA_X
    )
