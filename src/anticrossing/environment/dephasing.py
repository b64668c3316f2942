"""Dephasing: in the instantaneous eigenbasis, or along a fixed axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    hermitian,
    of_shape,
    returned,
)
from anticrossing._core.facts import value_text
from anticrossing.environment.base import EigenRates, Environment, Function, Nodes
from anticrossing.environment.strength import Strength


class Dephasing(Environment):
    """Dephasing in the instantaneous eigenbasis: populations stay, coherences decay.

    Exactly one of three forms is given::

        gamma      −(γ/2) [√H, [√H, ρ]],  √H = sgn(H)√|H| of the traceless H
        rate       ρ_ij′ = −λ ρ_ij for every pair of levels
        functions  L_α = f_α(H), any functions of the instantaneous Hamiltonian

    For two levels every dephasing generator has the first form, with coherences that decay at γ
    times the gap.

    Parameters
    ----------
    gamma : float, array, text or callable
        Dimensionless strength γ ≥ 0, a number (an array makes a batch), a formula in ``x``, or a
        function of x.
    rate : float, array, text or callable
        Coherence decay rate λ ≥ 0 per time, likewise.
    functions : sequence of callables
        f_α(E), vectorised, E in the Hamiltonian's unit; |f|² is a rate per time.
    coordinates : str or sequence of str
        The names in the formula: those of the Hamiltonian along a `drive.Path`, in its order; a
        function then gets positions of shape (..., f).

    Raises
    ------
    InputError
        For a negative rate, none or several of the forms.

    References
    ----------
    J. E. Avron, M. Fraas, G. M. Graf, P. Grech, Commun. Math. Phys. 305, 633 (2011).

    Examples
    --------
    >>> Dephasing(0.3)
    Dephasing(gamma=0.3)
    """

    def __init__(
        self,
        gamma: Any = None,
        *,
        rate: Any = None,
        functions: Sequence[Function] | None = None,
        coordinates: str | Sequence[str] = "x",
    ) -> None:
        given = [
            n
            for n, v in (("gamma", gamma), ("rate", rate), ("functions", functions))
            if v is not None
        ]
        if len(given) != 1:
            raise InputError(
                "Dephasing takes exactly one of `gamma`, `rate` and `functions`, but "
                + (f"{' and '.join(given)} were given." if given else "none was given.")
            )
        self.form = given[0]
        for function in functions or ():
            if not callable(function):
                raise fail(
                    "functions",
                    "contain functions of the energy, f(E)",
                    f"it contains {describe(function)}; an operator that is not a function "
                    "of H does not dephase: use `Lindblad`",
                )
        self.functions: tuple[Function, ...] = tuple(functions or ())
        strength = gamma if gamma is not None else rate
        self.strength = (
            None if functions is not None else Strength.of(self.form, strength, coordinates)
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return () if self.strength is None else self.strength.batch_shape

    def flat(self, batch_shape: tuple[int, ...]) -> Dephasing:
        if self.strength is None:
            return self
        return self._with(strength=self.strength.flat(batch_shape))

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        if self.strength is not None:
            self.strength.check(coordinates)

    def eigen_rates(self, nodes: Nodes) -> EigenRates:
        energies = nodes.energies
        coherence: npt.NDArray[Any]
        if self.functions:
            coherence = self._from_functions(energies + nodes.offset[..., None])
        else:
            assert self.strength is not None
            strength = self.strength(nodes)[..., None, None]
            if self.form == "rate":
                coherence = strength * (1 - np.eye(energies.shape[-1]))
            else:
                centred = energies - energies.mean(axis=-1, keepdims=True)
                sign = np.sign(centred.real)  # complex energies lie near real ones
                root = sign * np.sqrt(sign * centred)
                difference = root[..., :, None] - root[..., None, :]
                coherence = 0.5 * nodes.angular * strength * difference**2
        return EigenRates(coherence.astype(np.complex128), np.zeros(coherence.shape))

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        return []

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        return {} if self.strength is None else self.strength.numbers

    def with_number(self, name: str, value: FloatArray) -> Dephasing:
        assert self.strength is not None
        return self._with(strength=self.strength.with_values(value))

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        return None if self.strength is None else self.strength.scalars(x, t)

    @property
    def has_functions(self) -> bool:
        return self.strength is not None and self.strength.is_opaque

    def formulas(self) -> tuple[Any, ...]:
        return () if self.strength is None else self.strength.formulas

    def _from_functions(self, energies: FloatArray) -> ComplexArray:
        total = np.zeros((*energies.shape, energies.shape[-1]), dtype=np.complex128)
        for function in self.functions:
            f = returned("functions", function(energies), energies.shape, np.complex128)
            if not np.all(np.isfinite(f)):
                raise fail(
                    "functions",
                    "return one finite value for every energy",
                    f"one returned {describe(f)}",
                )
            other = f.conj()
            if np.iscomplexobj(energies):  # what f̄ is on the real axis, continued
                other = returned("functions", function(energies.conj()), f.shape, f.dtype).conj()
            size = f * other
            total += 0.5 * (size[..., :, None] + size[..., None, :])
            total -= f[..., :, None] * other[..., None, :]
        return total

    def _facts(self) -> dict[str, str]:
        if self.strength is not None:
            return {self.form: str(self.strength)}
        names = (getattr(function, "__name__", "function") for function in self.functions)
        return {"functions of the energy": ", ".join(names)}

    def __repr__(self) -> str:
        what = self.strength if self.strength is not None else f"{len(self.functions)} functions"
        return f"Dephasing({self.form}={what})"


class FixedAxisDephasing(Environment):
    """Dephasing along a fixed axis: D[ρ] = (Γ/2)(AρA − ½{A², ρ}).

    Coherences between eigenstates of A decay at Γ(a_i − a_j)²/4: at Γ for A = σ_z, the default for
    two levels, that is between the diabatic states.

    Parameters
    ----------
    rate : float, array, text or callable
        Γ ≥ 0 per time; a formula in ``x``, or a function of x.
    axis : array, shape (N, N), optional
        Hermitian A.
    coordinates : str or sequence of str
        As for `Dephasing`.

    Examples
    --------
    >>> FixedAxisDephasing(0.1)
    FixedAxisDephasing(rate=0.1)
    """

    def __init__(
        self,
        rate: Any,
        axis: npt.ArrayLike | None = None,
        *,
        coordinates: str | Sequence[str] = "x",
    ) -> None:
        self.strength = Strength.of("rate", rate, coordinates)
        matrix = np.diag([1.0, -1.0]) if axis is None else axis
        self.axis = hermitian("axis", matrix)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.strength.batch_shape

    def flat(self, batch_shape: tuple[int, ...]) -> FixedAxisDephasing:
        return self._with(strength=self.strength.flat(batch_shape))

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        self.strength.check(coordinates)
        of_shape("axis", self.axis, (levels, levels))

    @property
    def asks_levels(self) -> bool:
        return False

    def eigen_rates(self, nodes: Nodes) -> None:
        return None

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        size = np.sqrt(self.strength(nodes) / 2)
        return [size[..., None, None] * self.axis]

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        return self.strength.numbers

    def with_number(self, name: str, value: FloatArray) -> FixedAxisDephasing:
        return self._with(strength=self.strength.with_values(value))

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        rates = self.strength.scalars(x, t)
        return None if rates is None else 0.5 * np.max(np.abs(self.axis)) ** 2 * rates

    @property
    def has_functions(self) -> bool:
        return self.strength.is_opaque

    def formulas(self) -> tuple[Any, ...]:
        return self.strength.formulas

    def _facts(self) -> dict[str, str]:
        return {"rate": str(self.strength), "axis": value_text(self.axis)}

    def __repr__(self) -> str:
        return f"FixedAxisDephasing(rate={self.strength})"
