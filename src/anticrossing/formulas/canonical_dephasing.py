"""The canonical form of a two-level dephasing generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import InputError, describe, fail, is_numeric, real_array, returned
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.formulas.result import ComplexArray, FloatArray, broadcast, unwrap


@dataclass(frozen=True, eq=False)
class CanonicalDephasing(Result):
    """The canonical form of a two-level dephasing generator (see `canonical_dephasing`).

    Attributes
    ----------
    kappa : float or ndarray
        ``κ``: the Hamiltonian is ``κ(P₊ − P₋)``; coherences rotate at ``2κ``.
    gamma : float or ndarray
        ``γ ≥ 0``, dimensionless; coherences decay at ``2γ|κ|``.
    """

    kappa: float | FloatArray
    gamma: float | FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "kappa": shown(text="half the splitting κ"),
        "gamma": shown(text="dephasing γ, decay of coherences over 2|κ|"),
    }

    def __iter__(self) -> Iterator[float | FloatArray]:
        return iter((self.kappa, self.gamma))


def canonical_dephasing(
    *,
    energies: tuple[npt.ArrayLike, npt.ArrayLike],
    functions: Sequence[Callable[..., Any] | tuple[npt.ArrayLike, npt.ArrayLike]],
) -> CanonicalDephasing:
    """Canonical Hamiltonian and strength of any two-level dephasing generator.

    ``κ = ½(e₊ − e₋ − Σ_α Im f_α⁺ f̄_α⁻)``, ``γ = Σ_α |f_α⁺ − f_α⁻|² / 4|κ|``

    A generator with jump operators ``f_α(H)`` equals ``−i[H′, ·] − (γ/2)[√H′, [√H′, ·]]`` with
    ``H′ = κ(P₊ − P₋)`` and ``√H′ = sgn(H′)√|H′|``.

    Parameters
    ----------
    energies : pair of array_like
        ``(e₋, e₊)``, the two energies (radians per time); arrays broadcast.
    functions : sequence
        One entry for each ``f_α``: a vectorised function of the energy, or the pair of its values
        ``(f_α⁻, f_α⁺)``; ``|f_α|²`` is a rate per time.

    Returns
    -------
    CanonicalDephasing
        ``(kappa, gamma)``.

    Raises
    ------
    InputError
        If a function does not return one finite value for each energy, or if ``κ = 0``: the
        coherences then do not rotate and the canonical form does not exist.

    References
    ----------
    M. Fraas, L. Hänggli, Ann. Henri Poincaré 18, 2447 (2017), Lemma 1, equations (3.1) to
    (3.4).

    Examples
    --------
    >>> kappa, gamma = canonical_dephasing(energies=(-0.5, 0.5), functions=[(0.0, 0.2)])
    >>> kappa, round(gamma, 12)
    (0.5, 0.02)
    """
    if len(energies) != 2:
        raise fail("energies", "be a pair (e_minus, e_plus)", f"it has {len(energies)} entries")
    lower, upper = broadcast(
        **{
            "energies[0]": real_array("energies", energies[0]),
            "energies[1]": real_array("energies", energies[1]),
        }
    )
    shift = np.zeros(lower.shape)
    distance = np.zeros(lower.shape)
    with np.errstate(all="ignore"):
        for k, function in enumerate(functions):
            minus, plus = _values(k, function, lower, upper)
            shift = shift + (plus * minus.conj()).imag
            distance = distance + np.abs(plus - minus) ** 2
        kappa = np.asarray(0.5 * (upper - lower - shift))
        gamma = np.asarray(distance / (4 * np.abs(kappa)))
    if np.any(kappa == 0):
        raise InputError(
            "The coherences do not rotate (kappa = 0): a degenerate generator has no canonical "
            "dephasing form."
        )
    if not (np.all(np.isfinite(kappa)) and np.all(np.isfinite(gamma))):
        raise fail("functions", "give finite kappa and gamma", "these leave the double range")
    return CanonicalDephasing(unwrap(kappa), unwrap(gamma))


def _values(
    index: int, function: Any, lower: FloatArray, upper: FloatArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return (f(e₋), f(e₊)) of one jump operator, from a function or a pair of values."""
    name = f"functions[{index}]"
    if callable(function):
        values = [returned(name, function(e), e.shape, np.complex128) for e in (lower, upper)]
    elif isinstance(function, (tuple, list, np.ndarray)) and len(function) == 2:
        for value in function:
            if not is_numeric(value):
                raise fail(name, "give numbers", f"it gives {describe(value)}")
        values = [np.asarray(value, dtype=np.complex128) for value in function]
    else:
        raise fail(
            name,
            "be a function of the energy or a pair of values (f_minus, f_plus)",
            f"it is {describe(function)}",
        )
    for value in values:
        if not np.all(np.isfinite(value)):
            raise fail(name, "give finite values", f"it gives {describe(value)}")
    minus, plus, _ = broadcast(
        **{f"{name}[0]": values[0], f"{name}[1]": values[1], "energies": lower}
    )
    return minus, plus
