"""What the closed forms for a periodic drive share: arguments, Fourier components, conditions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import fail, non_negative, positive, real_array
from anticrossing.formulas.landau_zener import RATIO_LIMIT
from anticrossing.formulas.result import DomainCheck, FloatArray, broadcast, unwrap

MOST_ORDER = 100_000  # Fourier components: beyond it the sum takes many seconds


def drive_arguments(
    gap: npt.ArrayLike, offset: npt.ArrayLike, amplitude: npt.ArrayLike, frequency: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the parameters of the drive, checked."""
    return (
        non_negative("gap", gap),
        real_array("offset", offset),
        non_negative("amplitude", amplitude),
        positive("frequency", frequency),
    )


def decay_times(t1: npt.ArrayLike, t2: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return T₁ and T₂, checked."""
    relax, dephase = positive("t1", t1), positive("t2", t2)
    left, right = broadcast(t1=relax, t2=dephase)
    if np.any(right > 2 * left * (1 + 1e-12)):
        raise fail("t2", "be at most 2 `t1`", "it is longer: relaxation alone dephases faster")
    return relax, dephase


def components(amplitude: FloatArray, frequency: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Yield n and J_n(A/ω) for every n at which it is not zero to rounding.

    The arguments are broadcast already. Along axes on which neither changes, J_n has one entry: in
    a map over offsets and amplitudes the Bessel functions take nearly all of the time otherwise.
    """
    from scipy.special import jv

    varying = tuple(
        slice(None) if one or other else slice(1)
        for one, other in zip(amplitude.strides, frequency.strides, strict=True)
    )
    argument = amplitude[varying] / frequency[varying]
    largest = float(np.max(argument, initial=0.0))
    if largest > MOST_ORDER:
        raise fail(
            "amplitude",
            f"be at most {MOST_ORDER} times `frequency`",
            f"it reaches {largest:.3g} times: there are too many resonances to add",
        )
    # J_n falls faster than exponentially beyond n = z, over a range of z^{1/3}.
    last = int(np.ceil(largest + 12 * largest ** (1 / 3) + 25))
    for n in range(-last, last + 1):
        yield n, np.asarray(jv(n, argument))


def fast_check(gap: FloatArray, amplitude: FloatArray, frequency: FloatArray) -> DomainCheck:
    """Return whether a passage takes little of a period, or does little in it."""
    return DomainCheck(
        "gap^2 / (frequency times the larger of amplitude and frequency)",
        unwrap(np.asarray(gap**2 / (frequency * np.maximum(amplitude, frequency)))),
        RATIO_LIMIT,
        "the passages are not fast: other numbers of quanta mix into each resonance",
    )


def separate_check(half_width: FloatArray, frequency: FloatArray) -> DomainCheck:
    """Return whether the resonances lie apart."""
    return DomainCheck(
        "half-width of the strongest resonance / frequency",
        unwrap(np.asarray(half_width / frequency)),
        RATIO_LIMIT,
        "neighbouring resonances overlap and do not simply add",
    )
