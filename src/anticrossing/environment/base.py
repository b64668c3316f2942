"""What every environment answers, and sums of environments."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing._core.facts import Described, value_text
from anticrossing._core.linalg import dagger
from anticrossing._core.unchanging import Unchanging

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Where an environment is asked for its rates.

    Attributes
    ----------
    x : array, shape (...)
        Positions; along a path of several coordinates of shape (..., f).
    t : array, shape (...)
        Times.
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
    left : array, shape (..., N, N), optional
        Left eigenvectors (rows), where positions, times and energies are complex: rates are
        then continued analytically from the real ones nearby.
    """

    x: FloatArray
    t: FloatArray
    energies: FloatArray
    vectors: ComplexArray
    angular: float
    lane: npt.NDArray[np.intp]
    offset: FloatArray
    left: ComplexArray | None = None

    @property
    def dual(self) -> ComplexArray:
        """The rows that are dual to `vectors`."""
        return np.asarray(dagger(self.vectors)) if self.left is None else self.left


RATES_DIVERGE = (
    "ThermalRelaxation: the rates diverge where two levels meet; use a spectral density that "
    "vanishes at zero frequency, or `t1`."
)


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


class Environment(Described, Unchanging, abc.ABC):
    """Base of all environments."""

    def _facts(self) -> dict[str, str]:
        given = {name: value for name, value in vars(self).items() if name[0] != "_"}
        return {
            name.replace("_", " "): value_text(value)
            for name, value in given.items()
            if value is not None
        }

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of array parameters; () for one environment."""
        return ()

    def flat(self, batch_shape: tuple[int, ...]) -> Environment:
        """Return a copy whose array parameters are broadcast and flattened to one axis."""
        return self

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        """Raise `InputError` if the environment does not fit these levels and coordinates."""

    @abc.abstractmethod
    def eigen_rates(self, nodes: Nodes) -> EigenRates | None:
        """Return the rates in the instantaneous eigenbasis, if there are any."""

    @abc.abstractmethod
    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        """Return jump operators in the basis H is written in, each of shape (..., N, N)."""

    @property
    def asks_levels(self) -> bool:
        """Whether the eigenbasis of H is asked for; else nodes may come without it."""
        return True

    @property
    def decays(self) -> bool:
        """Whether levels decay to what is not followed, so that norm is lost."""
        return False

    @property
    def without_decay(self) -> Environment | None:
        """The same without levels that decay, if anything is left."""
        return self

    def loss(self, nodes: Nodes) -> ComplexArray | None:
        """Return Γ of what levels lose, (..., N, N), in the basis H is written in, if any does."""
        return None

    def superoperator(self, nodes: Nodes) -> ComplexArray | None:
        """Return what is in no Lindblad form, (..., N², N²), of ρ row by row in the basis of H.

        It keeps the trace and Hermiticity, and is added to the rates and the jump operators.
        """
        return None

    @property
    def keeps_positivity(self) -> bool:
        """Whether density matrices stay positive whatever the drive, as in Lindblad form."""
        return True

    @property
    def is_approximate(self) -> bool:
        """Whether the equation is derived for a domain, and `doubts` tells where it leaves it."""
        return False

    def doubts(self, nodes: Nodes) -> tuple[str, ...]:
        """Return what speaks against the equation at these nodes, a sentence each."""
        return ()

    def diverging(self, levels: int) -> list[ComplexArray]:
        """Return operators (N, N): where levels meet that they couple, rates diverge."""
        return []

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        """The numbers that an evolution can be differentiated by, shape `batch_shape` or ()."""
        return {}

    def with_number(self, name: str, value: FloatArray) -> Environment:
        """Return the same with another value, unchecked, of one of `numbers`."""
        raise NotImplementedError

    def alone(self, name: str) -> tuple[Environment, str]:
        """Return the part of it that one of `numbers` acts in, and the name of the number there."""
        return self, name

    def those(self, wanted: Callable[[Environment], bool]) -> Environment | None:
        """Return the sum of its parts that are wanted, if any is."""
        return self if wanted(self) else None

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        """Return all rates at positions and times `t` (...), shape (..., K), if any may vary."""
        return None

    @property
    def has_functions(self) -> bool:
        """Whether some rates are Python functions, known only at points."""
        return False

    @property
    def noises(self) -> tuple[Environment, ...]:
        """Its parts that remember: classical noise, which has neither rates nor jump operators."""
        return ()

    def formulas(self) -> tuple[Any, ...]:
        """Return the rates that are formulas in the coordinates and t, as SymPy expressions."""
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

    def _facts(self) -> dict[str, str]:
        several = [part._facts() for part in self.parts]
        return {
            f"{k + 1}: {name}": text
            for k, part in enumerate(several)
            for name, text in part.items()
        }

    def flat(self, batch_shape: tuple[int, ...]) -> Combined:
        return Combined([part.flat(batch_shape) for part in self.parts])

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        for part in self.parts:
            part.check(levels, coordinates)

    def eigen_rates(self, nodes: Nodes) -> EigenRates | None:
        total: EigenRates | None = None
        for part in self.parts:
            rates = part.eigen_rates(nodes)
            if rates is not None:
                total = rates if total is None else total + rates
        return total

    def jump_operators(self, nodes: Nodes) -> list[ComplexArray]:
        return [operator for part in self.parts for operator in part.jump_operators(nodes)]

    @property
    def asks_levels(self) -> bool:
        return any(part.asks_levels for part in self.parts)

    @property
    def decays(self) -> bool:
        return any(part.decays for part in self.parts)

    @property
    def without_decay(self) -> Environment | None:
        kept = [rest for part in self.parts if (rest := part.without_decay) is not None]
        if len(kept) == len(self.parts):
            return self
        return Combined(kept) if kept else None

    def loss(self, nodes: Nodes) -> ComplexArray | None:
        found = [values for part in self.parts if (values := part.loss(nodes)) is not None]
        return np.sum(found, axis=0) if found else None

    def superoperator(self, nodes: Nodes) -> ComplexArray | None:
        found = [part.superoperator(nodes) for part in self.parts]
        given = [superoperator for superoperator in found if superoperator is not None]
        return np.sum(given, axis=0) if given else None

    @property
    def keeps_positivity(self) -> bool:
        return all(part.keeps_positivity for part in self.parts)

    @property
    def is_approximate(self) -> bool:
        return any(part.is_approximate for part in self.parts)

    def doubts(self, nodes: Nodes) -> tuple[str, ...]:
        return tuple(doubt for part in self.parts for doubt in part.doubts(nodes))

    def diverging(self, levels: int) -> list[ComplexArray]:
        return [operator for part in self.parts for operator in part.diverging(levels)]

    @property
    def numbers(self) -> Mapping[str, FloatArray]:
        return {name: self.parts[k].numbers[own] for name, (k, own) in self._owners.items()}

    def with_number(self, name: str, value: FloatArray) -> Combined:
        k, own = self._owners[name]
        changed = self.parts[k].with_number(own, value)
        return Combined([*self.parts[:k], changed, *self.parts[k + 1 :]])

    def alone(self, name: str) -> tuple[Environment, str]:
        k, own = self._owners[name]
        return self.parts[k].alone(own)

    def those(self, wanted: Callable[[Environment], bool]) -> Environment | None:
        kept = [part for part in self.parts if wanted(part)]
        return self if len(kept) == len(self.parts) else Combined(kept) if kept else None

    @property
    def _owners(self) -> dict[str, tuple[int, str]]:
        """Parts and their names by names that are one part's alone, others as ``2.rate``."""
        every = [(k, name) for k, part in enumerate(self.parts) for name in part.numbers]
        names = [name for _, name in every]
        return {
            name if names.count(name) == 1 else f"{k + 1}.{name}": (k, name) for k, name in every
        }

    def scalars(self, x: FloatArray, t: FloatArray) -> FloatArray | None:
        found = [values for part in self.parts if (values := part.scalars(x, t)) is not None]
        return np.concatenate(found, axis=-1) if found else None

    @property
    def has_functions(self) -> bool:
        return any(part.has_functions for part in self.parts)

    @property
    def noises(self) -> tuple[Environment, ...]:
        return tuple(noise for part in self.parts for noise in part.noises)

    def formulas(self) -> tuple[Any, ...]:
        return tuple(formula for part in self.parts for formula in part.formulas())

    def __repr__(self) -> str:
        return " + ".join(repr(part) for part in self.parts)


def _parts(environment: Environment) -> tuple[Environment, ...]:
    return environment.parts if isinstance(environment, Combined) else (environment,)
