"""Environments: what dephases and relaxes the levels, in Lindblad form.

dρ/dt = −i[H, ρ] + Σ_k (L_k ρ L_k† − ½{L_k†L_k, ρ}). An environment knows neither the drive nor the
solver; it answers one question: at these positions, times and energies, what are its rates in the
instantaneous eigenbasis of H, and what are its jump operators in the basis H is written in?
Environments add up: ``Dephasing(...) + ThermalRelaxation(...)``.

Rates are inverse times in the drive's unit; temperatures, and the energies handed to functions, are
in the Hamiltonian's own unit.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing import expression
from anticrossing._public import guard
from anticrossing._unchanging import Unchanging
from anticrossing.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    describe,
    fail,
    hermitian,
    is_numeric,
    non_negative,
    non_negative_number,
    parameter,
    positive_number,
    returned,
)

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Where an environment is asked for its rates.

    Attributes
    ----------
    x, t : array, shape (...)
        Positions and times.
    energies : array, shape (..., N)
        Eigenvalues of H there less `offset`, in the Hamiltonian's unit, ascending.
    vectors : array, shape (..., N, N)
        Eigenvectors (columns).
    angular : float
        Radians per unit of energy and of time.
    lane : array of int, shape (...)
        The flat index of the parameter point, for environments with array parameters.
    offset : array, shape (...)
        The multiple of the identity that `energies` leave out, in the Hamiltonian's unit.
    """

    x: FloatArray
    t: FloatArray
    energies: FloatArray
    vectors: ComplexArray
    angular: float
    lane: npt.NDArray[np.intp]
    offset: FloatArray


@dataclass(frozen=True, eq=False)
class EigenRates:
    """A generator that is simple in the instantaneous eigenbasis.

    Coherences obey ρ_ij′ = −coherence_ij ρ_ij (complex: the imaginary part is a shift); populations
    obey p_i′ = Σ_j transfer_ij p_j, with columns that sum to zero.
    """

    coherence: ComplexArray
    transfer: FloatArray

    def __add__(self, other: EigenRates) -> EigenRates:
        return EigenRates(self.coherence + other.coherence, self.transfer + other.transfer)


class Environment(Unchanging, abc.ABC):
    """Base of all environments."""

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of array parameters; () for one environment."""
        return ()

    def flat(self, batch_shape: tuple[int, ...]) -> Environment:
        """Return a copy whose array parameters are broadcast and flattened to one axis."""
        return self

    def check(self, levels: int) -> None:
        """Raise `InputError` if the environment does not fit a system of `levels` levels."""

    @abc.abstractmethod
    def eigen_rates(self, nodes: Nodes) -> EigenRates | None:
        """Return the rates in the instantaneous eigenbasis, if there are any."""

    @abc.abstractmethod
    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        """Return jump operators in the basis H is written in, each of shape (..., N, N)."""

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        """Return all rates at positions and times (...), shape (..., K), if any may vary."""
        return None

    @property
    def has_functions(self) -> bool:
        """Whether some of them are Python functions, known at points alone."""
        return False

    def formulas(self) -> tuple[Any, ...]:
        """Return those of them that are formulas in x and t, as SymPy expressions."""
        return ()

    def __add__(self, other: Environment) -> Environment:
        if not isinstance(other, Environment):
            return NotImplemented
        return Combined((*_parts(self), *_parts(other)))


class Combined(Environment):
    """The sum of several environments acting at once."""

    def __init__(self, parts: Sequence[Environment]) -> None:
        self.parts = tuple(parts)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(part.batch_shape for part in self.parts))

    def flat(self, batch_shape: tuple[int, ...]) -> Combined:
        return Combined([part.flat(batch_shape) for part in self.parts])

    def check(self, levels: int) -> None:
        for part in self.parts:
            part.check(levels)

    def eigen_rates(self, nodes: Nodes) -> EigenRates | None:
        total: EigenRates | None = None
        for part in self.parts:
            rates = part.eigen_rates(nodes)
            if rates is not None:
                total = rates if total is None else total + rates
        return total

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        return [operator for part in self.parts for operator in part.jump_operators(nodes)]

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        found = [values for part in self.parts if (values := part.scalars(x, t)) is not None]
        return np.concatenate(found, axis=-1) if found else None

    @property
    def has_functions(self) -> bool:
        return any(part.has_functions for part in self.parts)

    def formulas(self) -> tuple[Any, ...]:
        return tuple(formula for part in self.parts for formula in part.formulas())

    def __repr__(self) -> str:
        return " + ".join(repr(part) for part in self.parts)


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

    Raises
    ------
    InputError
        For a negative rate, none or several of the forms.

    References
    ----------
    J. E. Avron, M. Fraas, G. M. Graf, P. Grech, "Landau–Zener tunneling for dephasing Lindblad
    evolutions", Commun. Math. Phys. 305, 633 (2011).

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
        self.strength = None if functions is not None else Strength.of(self.form, strength)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return () if self.strength is None else self.strength.batch_shape

    def flat(self, batch_shape: tuple[int, ...]) -> Dephasing:
        if self.strength is None:
            return self
        return self._with(strength=self.strength.flat(batch_shape))

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
                root = np.sign(centred) * np.sqrt(np.abs(centred))
                difference = root[..., :, None] - root[..., None, :]
                coherence = 0.5 * nodes.angular * strength * difference**2
        return EigenRates(coherence.astype(np.complex128), np.zeros(coherence.shape))

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        return []

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        return None if self.strength is None else self.strength.scalars(x)

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
            size = np.abs(f) ** 2
            total += 0.5 * (size[..., :, None] + size[..., None, :])
            total -= f[..., :, None] * f[..., None, :].conj()
        return total

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

    Examples
    --------
    >>> FixedAxisDephasing(0.1)
    FixedAxisDephasing(rate=0.1)
    """

    def __init__(self, rate: Any, axis: npt.ArrayLike | None = None) -> None:
        self.strength = Strength.of("rate", rate)
        matrix = np.diag([1.0, -1.0]) if axis is None else axis
        self.axis = hermitian("axis", matrix)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.strength.batch_shape

    def flat(self, batch_shape: tuple[int, ...]) -> FixedAxisDephasing:
        return self._with(strength=self.strength.flat(batch_shape))

    def check(self, levels: int) -> None:
        if self.axis.shape != (levels, levels):
            raise fail(
                "axis", f"have shape ({levels}, {levels})", f"its shape is {self.axis.shape}"
            )

    def eigen_rates(self, nodes: Nodes) -> None:
        return None

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        size = np.sqrt(self.strength(nodes) / 2)
        return [size[..., None, None] * self.axis]

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        rates = self.strength.scalars(x)
        return None if rates is None else 0.5 * np.max(np.abs(self.axis)) ** 2 * rates

    @property
    def has_functions(self) -> bool:
        return self.strength.is_opaque

    def formulas(self) -> tuple[Any, ...]:
        return self.strength.formulas

    def __repr__(self) -> str:
        return f"FixedAxisDephasing(rate={self.strength})"


class ThermalRelaxation(Environment):
    """Relaxation and thermal excitation between instantaneous eigenstates, in detailed balance.

    For ω = E_i − E_j > 0 the rates are Γ(i→j) = J(ω)(n(ω) + 1) and Γ(j→i) = J(ω) n(ω), with the
    Bose occupation n(ω) = 1/(e^{ω/T} − 1), each times |⟨j|A|i⟩|² if a coupling operator is given.
    With `t1` instead of J, Γ(i→j) + Γ(j→i) = 1/T₁ in the same ratio. Coherences decay at half the
    total rates out of their two levels.

    Parameters
    ----------
    temperature : float
        T > 0 in the Hamiltonian's energy unit (k_B = 1).
    spectral_density : float or callable
        J(ω) ≥ 0 per time; ω in the Hamiltonian's unit, vectorised.
    t1 : float
        T₁ > 0, instead of `spectral_density`.
    operator : array, shape (N, N), optional
        Hermitian coupling operator A; by default every pair of levels is coupled equally.

    Examples
    --------
    >>> ThermalRelaxation(temperature=0.5, t1=1000.0)
    ThermalRelaxation(temperature=0.5, t1=1000)
    """

    def __init__(
        self,
        *,
        temperature: float,
        spectral_density: float | Function | None = None,
        t1: float | None = None,
        operator: npt.ArrayLike | None = None,
    ) -> None:
        self.temperature = positive_number("temperature", temperature)
        if (spectral_density is None) == (t1 is None):
            raise InputError(
                "ThermalRelaxation takes either `spectral_density` or `t1`, but "
                + ("both were given." if t1 is not None else "neither was given.")
            )
        self.t1 = None if t1 is None else positive_number("t1", t1)
        number = spectral_density is not None and not callable(spectral_density)
        self.spectral_density = (
            non_negative_number("spectral_density", spectral_density)
            if number
            else spectral_density
        )
        self.operator = None if operator is None else hermitian("operator", operator)

    def check(self, levels: int) -> None:
        if self.operator is not None and self.operator.shape != (levels, levels):
            raise fail(
                "operator",
                f"have shape ({levels}, {levels})",
                f"its shape is {self.operator.shape}",
            )

    def eigen_rates(self, nodes: Nodes) -> EigenRates:
        energies = nodes.energies
        levels = energies.shape[-1]
        # omega[i, j] = E_j − E_i > 0: the transition j → i goes down.
        omega = energies[..., None, :] - energies[..., :, None]
        size = np.abs(omega)
        ratio = size / self.temperature
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if self.t1 is not None:
                down, up = 1 / (1 + np.exp(-ratio)), 1 / (1 + np.exp(ratio))
                strength = np.full(size.shape, 1 / self.t1)
            else:
                occupation = 1 / np.expm1(ratio)
                down, up = occupation + 1, occupation
                strength = self._density(size)
            rates = strength * np.where(omega > 0, down, up)
        if self.operator is not None:
            matrix = nodes.vectors.conj().swapaxes(-1, -2) @ self.operator @ nodes.vectors
            rates = rates * np.abs(matrix) ** 2
        rates = np.where(np.eye(levels, dtype=np.bool_), 0.0, rates)
        if not np.all(np.isfinite(rates)):
            raise InputError(
                "ThermalRelaxation: the rates diverge where two levels meet; use a spectral "
                "density that vanishes at zero frequency, or `t1`."
            )
        out = rates.sum(axis=-2)
        transfer = rates - out[..., None, :] * np.eye(levels)
        coherence = 0.5 * (out[..., :, None] + out[..., None, :]) * (1 - np.eye(levels))
        return EigenRates(coherence.astype(np.complex128), transfer)

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        return []

    def _density(self, omega: FloatArray) -> FloatArray:
        if not callable(self.spectral_density):
            return np.full(omega.shape, self.spectral_density)
        values = returned("spectral_density", self.spectral_density(omega), omega.shape, np.float64)
        if np.any(values[omega > 0] < 0):
            raise fail(
                "spectral_density",
                "return a rate ≥ 0 for every frequency",
                f"it returned {describe(values)}",
            )
        return values

    def __repr__(self) -> str:
        rate = (
            f"t1={self.t1:g}"
            if self.t1 is not None
            else f"spectral_density={self.spectral_density}"
        )
        return f"ThermalRelaxation(temperature={self.temperature:g}, {rate})"


class Lindblad(Environment):
    """Any jump operators, in the basis H is written in, constant or depending on x and t.

    Parameters
    ----------
    operators : sequence
        Each entry is an (N, N) matrix L_k, or a pair (coefficient, matrix) whose coefficient is a
        number, a formula in ``x`` and ``t``, or a function of (x, t); |coefficient|² is a rate.

    Examples
    --------
    >>> Lindblad([("sqrt(0.1)*exp(-x**2)", [[0, 1], [0, 0]])])
    Lindblad(1 operator)
    """

    def __init__(self, operators: Sequence[Any]) -> None:
        if not isinstance(operators, (list, tuple, np.ndarray)):
            raise fail("operators", "be a list of operators", f"it is {describe(operators)}")
        if len(operators) == 0:
            raise fail("operators", "contain at least one operator", "it is empty")
        terms = [_lindblad_term(k, entry) for k, entry in enumerate(operators)]
        self.terms = [(function, matrix) for function, matrix, _ in terms]
        found = [formula for _, _, formula in terms]
        self._formulas = tuple(formula for formula in found if formula not in (None, False))
        self._has_functions = any(formula is False for formula in found)

    def check(self, levels: int) -> None:
        for k, (_, matrix) in enumerate(self.terms):
            if matrix.shape != (levels, levels):
                raise fail(
                    f"operators[{k}]",
                    f"have shape ({levels}, {levels})",
                    f"its shape is {matrix.shape}",
                )

    def eigen_rates(self, nodes: Nodes) -> None:
        return None

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        found = []
        for k, (function, matrix) in enumerate(self.terms):
            values = returned(
                f"operators[{k}]", function(nodes.x, nodes.t), nodes.x.shape, np.complex128
            )
            if not np.all(np.isfinite(values)):
                raise fail(f"operators[{k}]", "be finite", "its coefficient is NaN or infinite")
            found.append(values[..., None, None] * matrix)
        return found

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        rates = [
            np.abs(returned(f"operators[{k}]", function(x, t), x.shape, np.complex128)) ** 2
            * np.max(np.abs(matrix)) ** 2
            for k, (function, matrix) in enumerate(self.terms)
        ]
        return np.stack(rates, axis=-1)

    @property
    def has_functions(self) -> bool:
        return self._has_functions

    def formulas(self) -> tuple[Any, ...]:
        return self._formulas

    def __repr__(self) -> str:
        plural = "" if len(self.terms) == 1 else "s"
        return f"Lindblad({len(self.terms)} operator{plural})"


class Strength(Unchanging):
    """A non-negative strength: a number, an array (batch), a formula in x, or a function of x."""

    def __init__(
        self,
        name: str,
        values: FloatArray | None,
        function: Function | None,
        text: str,
        formula: Any = None,
    ) -> None:
        self.name = name
        self.formulas = () if formula is None else (formula,)
        self.values = values
        self.function = function
        self.text = text

    @classmethod
    def of(cls, name: str, value: Any) -> Strength:
        if isinstance(value, str):
            formula = expression.parse(value, ["x"])
            return cls(name, None, _Formula(formula, ("x",)), repr(value), formula)
        if callable(value):
            return cls(name, None, value, getattr(value, "__name__", "function"))
        array = parameter(name, non_negative(name, value))
        text = f"{float(array):g}" if array.ndim == 0 else f"<{array.size} values>"
        return cls(name, array, None, text)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return () if self.values is None else self.values.shape

    def flat(self, batch_shape: tuple[int, ...]) -> Strength:
        if self.values is None:
            return self
        try:
            values = np.broadcast_to(self.values, batch_shape).reshape(-1)
        except ValueError:
            must = f"fit the batch of shape {batch_shape}" if batch_shape else "be a single number"
            raise fail(self.name, must, f"its shape is {self.values.shape}") from None
        return Strength(self.name, values, None, self.text)

    @property
    def is_opaque(self) -> bool:
        """Whether it is a Python function, known at points alone."""
        return self.function is not None and not self.formulas

    def scalars(self, x: FloatArray) -> FloatArray | None:
        """Return a strength that is a function of x, (..., 1), or None."""
        if self.function is None:
            return None
        return returned(self.name, self.function(x), x.shape, np.float64)[..., None]

    def __call__(self, nodes: Nodes) -> FloatArray:
        if self.values is not None:
            if self.values.ndim == 0:
                return np.full(nodes.x.shape, float(self.values))
            return self.values[nodes.lane]
        assert self.function is not None
        values = returned(self.name, self.function(nodes.x), nodes.x.shape, np.float64)
        if not np.all(np.isfinite(values)) or np.any(values < 0):
            bad = nodes.x[~(np.isfinite(values) & (values >= 0))].ravel()[0]
            raise fail(self.name, "be finite and not negative", f"it is not at x = {bad:.6g}")
        return values

    def __repr__(self) -> str:
        return self.text


def _parts(environment: Environment) -> tuple[Environment, ...]:
    return environment.parts if isinstance(environment, Combined) else (environment,)


@dataclass(frozen=True)
class _Formula:
    """A formula as a function, one that can be sent to another process."""

    formula: Any
    names: tuple[str, ...]

    def __call__(self, *arguments: Any) -> Any:
        symbols = [expression.symbol(name) for name in self.names]
        return expression.compile_function(symbols, self.formula)(*arguments)


def _constant(value: complex, x: Any, t: Any) -> complex:
    return value


def _lindblad_term(index: int, entry: Any) -> tuple[Function, ComplexArray, Any]:
    """Return coefficient and matrix of a jump operator, and the coefficient as a formula.

    The last is None for a number and False for a Python function.
    """
    coefficient: Any = 1.0
    matrix = entry
    if isinstance(entry, (tuple, list)) and len(entry) == 2:
        if any(isinstance(part, tuple) for part in entry):
            raise fail(
                f"operators[{index}]",
                "be one matrix, or one pair (coefficient, matrix)",
                "it holds several; a sum is written as one matrix of one coefficient",
            )
        if not isinstance(entry[0], (tuple, list, np.ndarray)) or np.ndim(entry[0]) == 0:
            coefficient, matrix = entry
    if not is_numeric(matrix):
        raise fail(f"operators[{index}]", "be a matrix of numbers", f"it is {describe(matrix)}")
    array = np.asarray(matrix, dtype=np.complex128)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not np.all(np.isfinite(array)):
        raise fail(
            f"operators[{index}]", "be a finite square matrix", f"its shape is {array.shape}"
        )
    if isinstance(coefficient, str):
        formula = expression.parse(coefficient, ["x", "t"])
        return _Formula(formula, ("x", "t")), array, formula
    if callable(coefficient):
        return coefficient, array, False
    value = complex(returned(f"operators[{index}]", coefficient, (), np.complex128))
    return functools.partial(_constant, value), array, None


guard(__name__)
