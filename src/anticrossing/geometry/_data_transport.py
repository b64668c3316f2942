"""Diabatic mixing from data on points of one coordinate: couplings, overlaps or dipoles."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing._core.linalg import dagger, polar
from anticrossing.geometry._sign_alignment import aligned_signs, exchanged, swapped_intervals
from anticrossing.geometry._unitary import MAGNUS_NODES, magnus_exponent, unitary_exponential
from anticrossing.geometry.diabatic_states import boys_localization, property_mixing

_STEPS = 8  # Magnus steps in each interval; for two states one would be exact
_FEWEST = 4
_ALONE = 5.0  # gaps, over which other levels do not mix in
_SCALE = 0.7, 1.4  # of the angle by which two levels turn
_LOST = 0.5


def from_couplings(
    x: FloatArray, energies: FloatArray, couplings: FloatArray, origin: int
) -> tuple[FloatArray, float, tuple[str, ...]]:
    """Return T with dT/dx = −d T, an estimate of its error, and warnings."""
    mixing, warnings = _by_couplings(x, energies, couplings, origin)
    warnings = (*warnings, *_scale_doubts(x, energies, np.abs(couplings)))
    every = slice(origin % 2, None, 2)
    if x[every].size < _FEWEST:
        return mixing, np.nan, warnings
    coarse, _ = _by_couplings(x[every], energies[every], couplings[every], origin // 2)
    error = float(np.abs(np.abs(coarse) - np.abs(mixing[every])).max())
    return mixing, error, warnings


def _scale_doubts(x: FloatArray, energies: FloatArray, sizes: FloatArray) -> tuple[str, ...]:
    """Return a note where couplings do not turn two levels as their energies say.

    From a gap to twice as much on both sides, two straight diabatic levels turn by π/3. No coupling
    at all is that of levels of different symmetry.
    """
    notes = []
    for lower in range(energies.shape[1] - 1):
        gap = energies[:, lower + 1] - energies[:, lower]
        for at in range(1, x.size - 1):
            wide = gap >= 2 * gap[at]
            left, right = np.flatnonzero(wide[:at]), np.flatnonzero(wide[at:])
            if not (left.size and right.size and gap[at] > 0):
                continue
            inside = slice(left[-1], at + right[0] + 1)
            others = np.delete(np.diff(energies[inside], axis=1), lower, axis=1)
            others = others[:, max(lower - 1, 0) : lower + 1]  # to the levels beside the two
            alone = others.min(initial=np.inf) > _ALONE * gap[at]
            if x[inside].size < _FEWEST + 2 or gap[inside].min() < gap[at] or not alone:
                continue
            fine = np.linspace(x[inside][0], x[inside][-1], 500)
            near = np.interp(fine, x, gap) <= 2 * gap[at]
            turn = np.trapezoid(np.interp(fine, x, sizes[:, lower, lower + 1]) * near, fine)
            if turn > 0.02 and not _SCALE[0] < turn / (np.pi / 3) < _SCALE[1]:
                notes.append(
                    f"at {x[at]:.4g} the couplings turn levels {lower} and {lower + 1} by "
                    f"{turn:.3g} where the energies of two levels alone tell {np.pi / 3:.3g}: "
                    "other units, a factor, or diabatic levels that are not straight"
                )
    return tuple(dict.fromkeys(notes))[:3]


def from_overlaps(overlaps: FloatArray, origin: int) -> tuple[FloatArray, tuple[str, ...]]:
    """Return T with T_{k+1} = (unitary part of S_k)† T_k, and warnings."""
    k, m = overlaps.shape[0] + 1, overlaps.shape[-1]
    steps, least = polar(overlaps)
    mixing = np.tile(np.eye(m), (k, 1, 1))
    for index in range(origin, k - 1):
        mixing[index + 1] = dagger(steps[index]) @ mixing[index]
    for index in range(origin - 1, -1, -1):
        mixing[index] = steps[index] @ mixing[index + 1]
    lost = least < _LOST
    warnings: tuple[str, ...] = ()
    if lost.any():
        warnings = (
            f"after point {int(lost.argmax())} the states overlap less than {_LOST} with all those "
            "before: the points lie too far apart, or a state has left the set",
        )
    return _continuous_rows(mixing, origin), warnings


def from_dipoles(
    x: FloatArray, energies: FloatArray, dipoles: FloatArray
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return T of the states of extreme dipole, signs such that W continues, and warnings."""
    one = dipoles.shape[1] == 1
    mixing = property_mixing(dipoles[:, 0]) if one else boys_localization(dipoles)
    matrices = dagger(mixing) @ (energies[:, :, np.newaxis] * mixing)
    off = matrices * ~np.eye(matrices.shape[-1], dtype=bool)
    signs, undecided = aligned_signs(x, off[:, np.newaxis])
    return _continuous_rows(mixing * signs[:, np.newaxis, :], 0), _undecided(x, undecided)


def signs_from_overlaps(overlaps: FloatArray) -> FloatArray:
    """Return signs (k, m) of the states with which each continues the one it overlaps most with."""
    from scipy.optimize import linear_sum_assignment

    signs = np.ones((overlaps.shape[0] + 1, overlaps.shape[-1]))
    for k, overlap in enumerate(overlaps):
        old, new = linear_sum_assignment(-np.abs(overlap))
        signs[k + 1, new] = signs[k, old] * np.where(overlap[old, new] < 0, -1.0, 1.0)
    return signs


def _by_couplings(
    x: FloatArray, energies: FloatArray, couplings: FloatArray, origin: int
) -> tuple[FloatArray, tuple[str, ...]]:
    """Integrate the couplings of the states followed through the crossings they do not feel."""
    swaps = swapped_intervals(x, energies, couplings, None)
    places = np.tile(np.arange(energies.shape[1]), (x.size, 1))
    for interval, lower in swaps:
        places[interval + 1 :] = exchanged(places[interval + 1], lower)
    rows, columns = places[:, :, np.newaxis], places[:, np.newaxis, :]
    at = np.arange(x.size)[:, np.newaxis, np.newaxis]
    followed = couplings[at, rows, columns]
    signs, undecided = aligned_signs(x, followed[:, np.newaxis])
    followed = signs[:, :, np.newaxis] * followed * signs[:, np.newaxis, :]
    steps = _interval_steps(x, followed)
    mixing = np.tile(np.eye(energies.shape[1]), (x.size, 1, 1))
    for index in range(origin, x.size - 1):
        mixing[index + 1] = steps[index] @ mixing[index]
    for index in range(origin - 1, -1, -1):
        mixing[index] = dagger(steps[index]) @ mixing[index + 1]
    sorted_rows = np.argsort(places, axis=1)
    mixing = np.take_along_axis(mixing, sorted_rows[:, :, np.newaxis], axis=1)
    # The diabatic states are numbered like the adiabatic ones at the origin.
    mixing = mixing[:, :, sorted_rows[origin]]
    warnings = _undecided(x, undecided)
    if swaps:
        where = ", ".join(f"{(x[k] + x[k + 1]) / 2:.6g}" for k, _ in swaps)
        warnings += (f"levels cross near {where} without a coupling that the points resolve",)
    return mixing, warnings


def _interval_steps(x: FloatArray, couplings: FloatArray) -> FloatArray:
    """Return the orthogonal matrices exp(−∫ d) of every interval, d a cubic spline."""
    from scipy.interpolate import CubicSpline

    m = couplings.shape[-1]
    count = 1 if m == 2 else _STEPS
    spline = CubicSpline(x, couplings)
    widths = np.diff(x) / count
    total = np.tile(np.eye(m), (widths.size, 1, 1))
    for step in range(count):
        nodes = x[:-1] + (step + MAGNUS_NODES[:, np.newaxis]) * widths
        a = -widths[:, np.newaxis, np.newaxis] * spline(nodes)
        if m == 2:  # plane rotations commute: Gauss quadrature is exact for a cubic
            omega = (5 * a[0] + 8 * a[1] + 5 * a[2]) / 18
        else:
            omega = magnus_exponent(a)
        total = unitary_exponential(omega) @ total
    return total


def _continuous_rows(mixing: FloatArray, origin: int) -> FloatArray:
    """Return T with the sign of each row, an adiabatic state, that continues from the origin."""
    inner = np.sum(mixing[:-1] * mixing[1:], axis=-1)
    relative = np.where(inner < 0, -1.0, 1.0)
    signs = np.concatenate([np.ones((1, mixing.shape[-1])), np.cumprod(relative, axis=0)])
    return (signs * signs[origin])[:, :, np.newaxis] * mixing


def _undecided(x: FloatArray, points: tuple[int, ...]) -> tuple[str, ...]:
    if not points:
        return ()
    where = ", ".join(f"{x[k]:.6g}" for k in points[:4]) + (", …" if len(points) > 4 else "")
    return (f"the signs of the states stay open at {where}: finer points, or overlaps, decide",)
