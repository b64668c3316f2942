"""What data tell: covariance, what they leave open, and whether the model describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import FloatArray

_UNDETERMINED = 1.0  # a deviation of one natural unit: anything goes
_MOVED = 1e-3  # of its natural unit: a parameter that an open direction moves
_NAMED = 0.15  # of the largest part of a direction: what a note names
_IMPROBABLE = 1e-3


@dataclass(frozen=True)
class Determination:
    """The covariance of K parameters, and notes on combinations that the data do not determine.

    `root` is one of the covariance without what is open, `inner` the same of the fitted
    coordinates; both have shape (K, K). The covariance is infinite where `unknown` is.
    """

    covariance: FloatArray
    root: FloatArray
    inner: FloatArray
    unknown: FloatArray
    notes: list[str]


def determine(
    names: tuple[str, ...],
    information: FloatArray,
    change: FloatArray,
    sizes: FloatArray,
    *,
    singular: float,
    spread: float = 1.0,
    loosest: float = _UNDETERMINED,
) -> Determination:
    """Return what a root of the information (N, K) on coordinates tells of the parameters.

    `change` is ∂parameters/∂coordinates, `sizes` the natural units of the parameters, `singular`
    the relative singular value below which all is noise, `spread` how much larger than stated the
    errors of the data are, `loosest` a deviation of a coordinate beyond which there is a note.
    """
    short = max(information.shape[1] - information.shape[0], 0)
    padded = np.pad(information, ((0, short), (0, 0)))
    found, directions = np.linalg.svd(padded, full_matrices=False)[1:]
    known = found > singular * max(float(found[0]), spread)
    inverse = np.where(known, spread / np.where(known, found, 1.0), 0.0)
    inner = directions.T * inverse
    root = change @ inner
    covariance = root @ root.T
    # An infinite deviation along one direction leaves every parameter that it moves unknown.
    moved = np.abs(change @ directions[~known].T).max(axis=1, initial=0.0)
    unknown = moved > _MOVED * np.abs(change).max(axis=1)
    covariance[unknown, :] = covariance[:, unknown] = np.inf
    loose = directions[~known | (inverse > loosest)]
    notes = [undetermined(names, (change @ one) / sizes) for one in loose]
    return Determination(covariance, root, inner, unknown, notes)


def undetermined(names: Sequence[str], direction: FloatArray) -> str:
    """Return the note on relative changes of the parameters that leave the model as it is."""
    share = np.abs(direction) / np.abs(direction).max()
    told = [f"`{n}`" for n, s in zip(names, share, strict=True) if s > _NAMED]
    if len(told) == 1:
        return f"the data do not determine {told[0]}"
    every = ", ".join(told[:-1]) + " and " + told[-1]
    return f"the data do not determine {every} separately, only a combination: hold one fixed"


def ran_out(
    names: tuple[str, ...], at: FloatArray, lower: FloatArray, upper: FloatArray, room: FloatArray
) -> list[str]:
    """Return notes on what is at an end of its range."""
    ends = (at <= lower + room) | (at >= upper - room)
    return [f"`{n}` ran to the end of its range" for n, end in zip(names, ends, strict=True) if end]


def goodness(chi_square: float, freedom: float) -> list[str]:
    """Return notes on a χ² that is too large or too small."""
    from scipy.special import gammainc, gammaincc

    half = 0.5 * max(chi_square, 0.0)
    if gammaincc(0.5 * freedom, half) < _IMPROBABLE:
        return ["χ² is too large: the model or the stated errors do not describe the data"]
    if gammainc(0.5 * freedom, half) < _IMPROBABLE:
        return ["χ² is too small: the stated errors look too large"]
    return []


def far_off(scaled: FloatArray, freedom: int, known: bool) -> list[str]:
    """Return the note on residuals, in errors, that are too large for the noise of so many points.

    Errors that are not `known` come from the residuals r themselves, with ν degrees of freedom:
    r √((ν − 1)/(ν − r²)) has Student's distribution of ν − 1.
    """
    from scipy.stats import norm, t

    size = np.abs(scaled)
    if known:
        chance = 2 * norm.sf(size)
    elif freedom > 1:
        left = np.maximum(freedom - size**2, 1e-300)
        chance = 2 * t.sf(size * np.sqrt((freedom - 1) / left), freedom - 1)
    else:
        return []
    odd = np.flatnonzero(chance < _IMPROBABLE / scaled.size)
    if not odd.size:
        return []
    worst = int(np.argmin(chance))
    lie = "point lies" if odd.size == 1 else "points lie"
    return [f"{odd.size} {lie} too far from the model for noise, most of all number {worst}"]


def together(scaled: FloatArray, coordinates: Mapping[str, FloatArray]) -> list[str]:
    """Return notes on coordinates along which neighbours deviate together: noise does not.

    Σ r r′ over n pairs of neighbours has the variance n ⟨r²⟩² for independent noise.
    """
    from scipy.stats import norm

    moving = [name for name, values in coordinates.items() if np.ptp(values) > 0]
    mean = float(np.mean(scaled**2))
    notes = []
    for name in moving:
        others = [coordinates[other] for other in moving if other != name]
        order = np.lexsort([coordinates[name], *others])
        near = np.ones(scaled.size - 1, dtype=np.bool_)
        for values in others:
            near &= np.diff(values[order]) == 0
        pairs = (scaled[order][1:] * scaled[order][:-1])[near]
        if pairs.size and np.sum(pairs) > mean * np.sqrt(pairs.size) * norm.isf(
            _IMPROBABLE / len(moving)
        ):
            notes.append(
                f"neighbours along `{name}` deviate together: the model does not describe the data"
            )
    return notes
