"""Singlets and a triplet that cross: intersystem crossing next to internal conversion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, of_shape, positive, real_array
from anticrossing.hamiltonian import Hamiltonian

_STATES = ("S1", "S2", "T-1", "T0", "T+1")


def SingletTripletCrossing(
    *,
    spin_orbit: npt.ArrayLike,
    internal_coupling: npt.ArrayLike,
    singlet_slope: npt.ArrayLike = 1.0,
    triplet_slope: npt.ArrayLike = 0.5,
    triplet_position: npt.ArrayLike = 10.0,
    spin_orbit_range: npt.ArrayLike | None = None,
) -> Hamiltonian:
    """A singlet that crosses another singlet at x = 0 and a triplet at x = x_T.

    In the order (S₁, S₂, T₋₁, T₀, T₊₁), with F and F_T the slopes of S₂ and of the triplet,

    E(S₁) = 0,  E(S₂) = F x,  E(T_m) = F_T (x_T − x),
    ⟨S₁|H|S₂⟩ = V,
    ⟨T_m|H|S₁⟩ = i s_m c(x),  s₀ = s_z,  s_{±1} = (∓s_x + i s_y)/√2.

    V couples states of one multiplicity: passing x = 0 is internal conversion. The spin–orbit
    coupling s connects multiplicities: passing x_T is intersystem crossing. In the diabatic basis
    the two are alike, constant off-diagonal elements which do not depend on the velocity. In the
    basis of spin-free adiabatic states they differ: V has become a derivative coupling, which acts
    in proportion to the velocity, and s stays where it is. Only one combination of the three
    triplet components couples to S₁, with strength |s| c(x) whatever the direction of s; the other
    two are spectators. So a passage of x_T at velocity v makes the triplet with
    1 − exp(−2π|s|²/(v F_T)), and one of x = 0 makes S₂ with 1 − exp(−2πV²/(v F)). S₂ and the
    triplet are not coupled.

    Parameters
    ----------
    spin_orbit : array, shape (3,)
        s = (s_x, s_y, s_z), energy; real for real orbitals.
    internal_coupling : float or array
        V, energy.
    singlet_slope, triplet_slope : float or array
        F and F_T > 0, energy per coordinate.
    triplet_position : float or array
        x_T, where S₁ and the triplet cross.
    spin_orbit_range : float or array, optional
        ℓ > 0: the spin–orbit coupling depends on the coordinate, c(x) = exp(−(x − x_T)²/2ℓ²);
        without it c = 1.

    Returns
    -------
    Hamiltonian
        Five levels, complex where s_x, s_y or s_z do not vanish.

    References
    ----------
    C. M. Marian, WIREs Comput. Mol. Sci. 2, 187 (2012) (spin–orbit coupling of a singlet and the
    components of a triplet).

    Examples
    --------
    One sweep over both crossings; internal conversion and intersystem crossing follow the same
    law, each with its own coupling:

    >>> import anticrossing as ac
    >>> import numpy as np
    >>> H = SingletTripletCrossing(
    ...     spin_orbit=[0.06, 0.0, 0.08], internal_coupling=0.2, triplet_position=400.0
    ... )
    >>> sweep = ac.drive.Linear(-400.0, 800.0, rate=1.0)
    >>> final = ac.propagate(H, sweep, initial=[1, 0, 0, 0, 0], basis="diabatic").probabilities
    >>> converted = 1 - np.exp(-2 * np.pi * 0.2**2)                    # V = 0.2, slope 1
    >>> crossed = (1 - converted) * (1 - np.exp(-2 * np.pi * 0.1**2 / 0.5))    # |s| = 0.1
    >>> bool(abs(final[1] - converted) < 1e-3), bool(abs(final[2:].sum() - crossed) < 1e-3)
    (True, True)
    """
    vector = of_shape("spin_orbit", real_array("spin_orbit", spin_orbit), (3,))
    parameters: dict[str, FloatArray] = {
        "internal_coupling": real_array("internal_coupling", internal_coupling),
        "singlet_slope": positive("singlet_slope", singlet_slope),
        "triplet_slope": positive("triplet_slope", triplet_slope),
        "triplet_position": real_array("triplet_position", triplet_position),
    }
    shape = "1"
    if spin_orbit_range is not None:
        parameters["spin_orbit_range"] = positive("spin_orbit_range", spin_orbit_range)
        shape = "exp(-(x - triplet_position)**2/(2*spin_orbit_range**2))"
    exchange = np.zeros((5, 5))
    exchange[0, 1] = exchange[1, 0] = 1.0
    terms: list[tuple[str, Any]] = [
        ("singlet_slope*x", np.diag([0.0, 1.0, 0.0, 0.0, 0.0])),
        ("triplet_slope*(triplet_position - x)", np.diag([0.0, 0.0, 1.0, 1.0, 1.0])),
        ("internal_coupling", exchange),
        (shape, _spin_orbit_matrix(vector)),
    ]
    return Hamiltonian.from_terms(
        terms,
        parameters=parameters,
        name="SingletTripletCrossing",
        labels=_STATES,
        source="C. M. Marian, WIREs Comput. Mol. Sci. 2, 187 (2012)",
    )


def _spin_orbit_matrix(vector: FloatArray) -> ComplexArray:
    x, y, z = vector
    column = 1j * np.array([(x + 1j * y) / np.sqrt(2), z, (-x + 1j * y) / np.sqrt(2)])
    matrix = np.zeros((5, 5), dtype=np.complex128)
    matrix[2:, 0] = column
    matrix[0, 2:] = column.conj()
    return matrix
