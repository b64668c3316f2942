"""Levels that decay to what is not followed: ionised, dissociated, absorbed, out of the trap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    choice,
    describe,
    fail,
    hermitian,
    of_shape,
    square_matrix,
)
from anticrossing._core.linalg import dagger
from anticrossing.environment.base import Environment, Nodes
from anticrossing.environment.strength import Strength
from anticrossing.units import NATURAL, Units

BASES = ("diabatic", "adiabatic")
_NEGATIVE = 1e-12  # of the largest width: rounding


class Decay(Environment):
    """Levels that decay: i dψ/dt = (H − iΓ/2) ψ, and ρ′ = … − ½{Γ, ρ}.

    What decays is lost: the norm of ψ, or the trace of ρ, is the probability to survive. Exactly
    one of two forms is given::

        widths     Γ = Σ_k Γ_k |k⟩⟨k|, in the basis H is written in or in its eigenbasis
        operator   Γ = rate · M, any positive semidefinite M in the basis H is written in

    A population decays at its width Γ_k, its amplitude at half of that.

    Parameters
    ----------
    widths : sequence of float, array, text or callable
        One Γ_k ≥ 0 per time for each level: a number (an array makes a batch), a formula in ``x``,
        or a function of x.
    operator : array, shape (N, N)
        Hermitian, positive semidefinite M.
    rate : float, array, text or callable
        Of the operator, likewise; 1 by default.
    basis : {"diabatic", "adiabatic"}
        Whose states the widths belong to.
    coordinates : str or sequence of str
        The names in formulas: those of the Hamiltonian along a `drive.Path`, in its order; a
        function then gets positions of shape (..., f).

    Raises
    ------
    InputError
        For negative widths, a matrix that is not positive semidefinite, none or both of the forms.

    References
    ----------
    V. F. Weisskopf, E. P. Wigner, Z. Phys. 63, 54 (1930); V. M. Akulin, W. P. Schleich, Phys. Rev.
    A 46, 4110 (1992), for a passage.

    Examples
    --------
    >>> import anticrossing as ac
    >>> swept = ac.propagate(
    ...     ac.models.LandauZener(gap=0.6), ac.drive.Linear(-200, 200, rate=1.0),
    ...     environment=Decay([0.0, 0.3]), basis="diabatic",
    ... )
    >>> round(float(swept.survival), 3)   # of the diabatic state 0, exp(−2πV²/α) = 0.568
    0.568
    """

    def __init__(
        self,
        widths: Sequence[Any] | npt.ArrayLike | None = None,
        *,
        operator: npt.ArrayLike | None = None,
        rate: Any = None,
        basis: str = "diabatic",
        coordinates: str | Sequence[str] = "x",
    ) -> None:
        if (widths is None) == (operator is None):
            given = "none" if widths is None else "both"
            raise InputError(
                f"Decay takes exactly one of `widths` and `operator`, but {given} was given."
            )
        self.basis = choice("basis", basis, BASES)
        if operator is None:
            if rate is not None:
                raise fail("rate", "be given with an operator", "there are widths")
            if isinstance(widths, np.ndarray):
                widths = list(widths)
            if not isinstance(widths, (list, tuple)) or not widths:
                must = "be a list of one width for each level"
                raise fail("widths", must, f"it is {describe(widths)}")
            strengths = [Strength.of(f"widths[{k}]", w, coordinates) for k, w in enumerate(widths)]
        else:
            if self.basis != "diabatic":
                raise fail("basis", "be 'diabatic' for an operator", f"it is {basis!r}")
            matrix = _positive("operator", operator)
            strengths = [Strength.of("rate", 1.0 if rate is None else rate, coordinates)]
        self.operator: ComplexArray | None = None if operator is None else matrix
        self.strengths = tuple(strengths)

    @classmethod
    def from_hamiltonian(cls, matrix: npt.ArrayLike, units: Units = NATURAL) -> Decay:
        """Return the decay in a non-Hermitian matrix M = H − iΓ/2, Γ = i(M − M†).

        Parameters
        ----------
        matrix : array, shape (N, N)
            M, an energy.
        units : Units
            Those of the Hamiltonian, which is (M + M†)/2.

        Raises
        ------
        InputError
            If M gains somewhere: Γ has a negative eigenvalue.

        Examples
        --------
        >>> Decay.from_hamiltonian([[0, 0.3], [0.3, 1 - 0.05j]]).operator.real
        array([[0. , 0. ],
               [0. , 0.1]])
        """
        given = square_matrix("matrix", matrix, single=True)
        return cls(operator=_positive("matrix", 1j * (given - dagger(given)) * units.angular))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(strength.batch_shape for strength in self.strengths))

    def flat(self, batch_shape: tuple[int, ...]) -> Decay:
        return self._with(strengths=tuple(s.flat(batch_shape) for s in self.strengths))

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        for strength in self.strengths:
            strength.check(coordinates)
        if self.operator is not None:
            of_shape("operator", self.operator, (levels, levels))
        elif len(self.strengths) != levels:
            must = f"be one width for each of the {levels} levels"
            raise fail("widths", must, f"there are {len(self.strengths)}")

    @property
    def asks_levels(self) -> bool:
        return self.basis == "adiabatic"

    @property
    def decays(self) -> bool:
        return True

    @property
    def without_decay(self) -> None:
        return None

    def loss(self, nodes: Nodes) -> ComplexArray:
        values = np.stack([strength(nodes) for strength in self.strengths], axis=-1)
        if self.operator is not None:
            return np.asarray(values[..., None] * self.operator, dtype=np.complex128)
        if self.basis == "diabatic":
            found = values[..., None] * np.eye(values.shape[-1])
            return found.astype(np.complex128)
        return np.asarray((nodes.vectors * values[..., None, :]) @ nodes.dual)

    def eigen_rates(self, nodes: Nodes) -> NoReturn:
        raise _unknown()

    def jump_operators(self, nodes: Nodes) -> NoReturn:
        raise _unknown()

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        return {k: v for strength in self.strengths for k, v in strength.numbers.items()}

    def with_number(self, name: str, value: FloatArray) -> Decay:
        changed = [s.with_values(value) if s.name == name else s for s in self.strengths]
        return self._with(strengths=tuple(changed))

    def alone(self, name: str) -> tuple[Decay, str]:
        none = np.zeros(())
        kept = [s if s.name == name else s.with_values(none) for s in self.strengths]
        return self._with(strengths=tuple(kept)), name

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        size = 1.0 if self.operator is None else float(np.max(np.abs(self.operator)))
        found = [values for s in self.strengths if (values := s.scalars(x, t)) is not None]
        return size * np.concatenate(found, axis=-1) if found else None

    @property
    def has_functions(self) -> bool:
        return any(strength.is_opaque for strength in self.strengths)

    def formulas(self) -> tuple[Any, ...]:
        return tuple(formula for strength in self.strengths for formula in strength.formulas)

    def __repr__(self) -> str:
        if self.operator is not None:
            levels = len(self.operator)
            return f"Decay(rate={self.strengths[0]}, {levels} × {levels} operator)"
        listed = ", ".join(map(repr, self.strengths))
        return f"Decay([{listed}]{', adiabatic' if self.basis == 'adiabatic' else ''})"


def _positive(name: str, matrix: npt.ArrayLike) -> ComplexArray:
    """Return a positive semidefinite matrix, or raise `InputError`."""
    found = hermitian(name, matrix, single=True)
    values = np.linalg.eigvalsh(found)
    if values[0] < -_NEGATIVE * max(values[-1], -values[0]):
        must = "be positive semidefinite" if name == "operator" else "decay, not gain"
        raise fail(name, must, f"Γ has the eigenvalue {values[0]:.3g}")
    return found


def _unknown() -> InputError:
    return InputError(
        "Levels that decay are followed by `propagate` and `quantum_jumps`: nothing else knows of "
        "a norm that is lost. Use `Lindblad` with a level more that they decay to."
    )
