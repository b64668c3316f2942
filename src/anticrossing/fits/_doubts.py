"""What stands against trusting a fit, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammainc, gammaincc

from anticrossing._core.checks import FloatArray

_IMPROBABLE = 1e-3


def undetermined(varied: Sequence[str], direction: FloatArray) -> str:
    """Return the note on changes of the parameters that leave the model as it is."""
    share = np.abs(direction) / np.abs(direction).max()
    names = [f"`{n}`" for n, s in zip(varied, share, strict=True) if s > 0.15]
    if len(names) == 1:
        return f"the data do not determine {names[0]}"
    together = ", ".join(names[:-1]) + " and " + names[-1]
    return f"the data do not determine {together} separately, only a combination: hold one fixed"


def goodness(chi_square: float, freedom: int) -> list[str]:
    """Return the note on a χ² that is improbable for its degrees of freedom."""
    if gammaincc(0.5 * freedom, 0.5 * max(chi_square, 0.0)) < _IMPROBABLE:
        return ["χ² is too large: the model or the stated errors do not describe the data"]
    if gammainc(0.5 * freedom, 0.5 * max(chi_square, 0.0)) < _IMPROBABLE:
        return ["χ² is too small: the stated errors look too large"]
    return []
