"""A spin of any length in a swept magnetic field, with single-ion anisotropy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, fail, positive, real_array, real_number
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import MAGNETON, NATURAL, Units

_LABORATORY = Units("K", "s", "T")
_MOST_LEVELS = 4096  # a matrix larger than this does not fit


def SpinInField(
    *,
    spin: float,
    transverse_field: npt.ArrayLike,
    anisotropy: npt.ArrayLike = 0.0,
    rhombic: npt.ArrayLike = 0.0,
    g_factor: npt.ArrayLike | None = None,
    units: Units | None = None,
) -> Hamiltonian:
    """A spin S in a longitudinal field x and a transverse field b.

    H(x) = x S_z + b S_x + D S_z² + E (S_x² − S_y²); both fields are Zeeman energies (gμ_B times the
    field). With a `g_factor` both are in tesla, and H(x) = gμ_B (x S_z + b S_x) + D S_z² + ….

    Without anisotropy the levels are m√(x² + b²) and all of them avoid at x = 0 (the Majorana
    problem; spin ½ is `LandauZener` with gap b). With D < 0 this is a single-molecule magnet: the
    diabats m and m′ cross at x = −D(m + m′), with gaps of order b^{|m−m′|}. Rhombic anisotropy
    couples m and m ± 2; with E > 0 the field b is along the hard axis, and the gap of ±S at x = 0
    vanishes at fields 2√(2E(E − D)) apart.

    Parameters
    ----------
    spin : float
        S, a positive integer or half-integer. The dimension is 2S + 1, with m = S … −S.
    transverse_field : float or array
        b (energy; in tesla with a `g_factor`).
    anisotropy : float or array
        D (energy); negative for an easy axis.
    rhombic : float or array
        E (energy).
    g_factor : float or array, optional
        g > 0: fields are in tesla.
    units : Units, optional
        Of energies and times; with a `g_factor` kelvin and seconds by default, so that a `Linear`
        drive goes from field to field at a rate in tesla per second.

    Returns
    -------
    Hamiltonian
        With parameters `transverse_field` and `anisotropy`, `rhombic` unless it is zero, and
        `g_factor` if it is given.

    Raises
    ------
    InputError
        If 2S is not a positive integer, or for a `g_factor` with natural units.

    References
    ----------
    E. Majorana, Nuovo Cimento 9, 43 (1932); D. Gatteschi and R. Sessoli, Angew. Chem. Int. Ed.
    42, 268 (2003), section 3 (molecular magnets); A. Garg, Europhys. Lett. 22, 205 (1993) (the
    zeros of the gap).

    Examples
    --------
    >>> SpinInField(spin=0.5, transverse_field=0.2)(1.0)
    array([[ 0.5,  0.1],
           [ 0.1, -0.5]])
    >>> SpinInField(spin=1, transverse_field=0.0, anisotropy=-1.0).labels
    ('m=1', 'm=0', 'm=-1')

    Mn₁₂ meets the next step after 0.45 T:

    >>> from anticrossing import find_crossings
    >>> magnet = SpinInField(spin=10, anisotropy=-0.6, transverse_field=0.5, g_factor=2.0)
    >>> find_crossings(magnet, 0.2, 0.6, count=4).met_by("m=10").positions.round(3)
    array([0.447])
    """
    s_x, s_z = spin_matrices(spin)
    parameters = {
        "transverse_field": real_array("transverse_field", transverse_field),
        "anisotropy": real_array("anisotropy", anisotropy),
    }
    energy, chosen = "", NATURAL if units is None else units
    if g_factor is not None:
        parameters["g_factor"] = positive("g_factor", g_factor)
        chosen = _LABORATORY if units is None else units
        if not chosen.energy:
            raise fail("units", "have names where there is a `g_factor`", "they are natural ones")
        energy = f"{MAGNETON[chosen.energy]!r}*g_factor*"
    terms = [(f"{energy}x", s_z), (f"{energy}transverse_field", s_x), ("anisotropy", s_z @ s_z)]
    # A term of zero would hide symmetries from those who look for them.
    if np.any(real_array("rhombic", rhombic)):
        raising = np.triu(s_x)
        terms.append(("rhombic", 2 * (raising @ raising + (raising @ raising).T)))
        parameters["rhombic"] = real_array("rhombic", rhombic)
    return Hamiltonian.from_terms(
        terms,
        parameters=parameters,
        name="SpinInField",
        units=chosen,
        labels=tuple(f"m={Fraction(m).limit_denominator(2)}" for m in np.diag(s_z)),
        source="E. Majorana, Nuovo Cimento 9, 43 (1932)",
    )


def spin_matrices(spin: float) -> tuple[FloatArray, FloatArray]:
    """Return (S_x, S_z) of a spin, in the basis m = S … −S.

    Examples
    --------
    >>> s_x, s_z = spin_matrices(1)
    >>> s_z.diagonal()
    array([ 1.,  0., -1.])
    """
    length = real_number("spin", spin)
    doubled = round(2 * length)
    if doubled < 1 or doubled != 2 * length:
        raise fail("spin", "be a positive integer or half-integer", f"it is {spin!r}")
    if doubled >= _MOST_LEVELS:
        raise fail("spin", f"be below {_MOST_LEVELS / 2:g}", f"it is {spin!r}")
    m = doubled / 2 - np.arange(doubled + 1)
    # ⟨m+1|S_+|m⟩ = √(S(S+1) − m(m+1)), and S_x = (S_+ + S_-)/2.
    raising = np.sqrt(length * (length + 1) - m[1:] * (m[1:] + 1)) / 2
    return np.diag(raising, 1) + np.diag(raising, -1), np.diag(m)
