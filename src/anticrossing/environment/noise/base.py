"""What every classical noise with a memory answers, and processes side by side."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    InputError,
    fail,
    hermitian,
    of_shape,
    parameter,
    positive,
    real_array,
)
from anticrossing.environment.base import Combined, Environment, Nodes


@dataclass(frozen=True)
class Process:
    """A reversible Markov process of K states, or a sum over its functions up to an order.

    With the probabilities p_s of states at rest that have values x_s, and the generator M of their
    evolution, `position` is diagonal, `rates` is p_s^(−1/2) M_sr p_r^(1/2), which is symmetric, and
    `root` is √p_s; or all three are the same in another orthonormal basis. What is averaged over
    the process is Σ_s root_s y_s, where y starts as root_s times the beginning.

    Attributes
    ----------
    position : array, shape (L, K, K)
        Of the noise, at L parameter points (or one for all).
    rates : array, shape (L, K, K)
        Per time; no eigenvalue is positive, rates · root = 0.
    root : array, shape (L, K)
    """

    position: FloatArray
    rates: FloatArray
    root: FloatArray

    @property
    def states(self) -> int:
        """K."""
        return int(self.root.shape[-1])

    def in_values(self) -> Process:
        """Return the process in the basis in which its position is diagonal."""
        values, basis = np.linalg.eigh(self.position)
        back = basis.swapaxes(-1, -2)
        return Process(
            values[..., None] * np.eye(self.states),
            back @ self.rates @ basis,
            (back @ self.root[..., None])[..., 0],
        )


class Noise(Environment):
    """Base of classical noise with a memory, on the coordinate of H or times an operator.

    Attributes
    ----------
    operator : array, shape (N, N), or None
        A in H(x) + δ(t) A; with None the coordinate fluctuates, H(x + δ(t)).
    notes : tuple of str
        What a reader of averages over this noise should know.
    """

    operator: ComplexArray | None
    parameters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def noises(self) -> tuple[Environment, ...]:
        return (self,)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(getattr(self, name).shape for name in self.parameters))

    def flat(self, batch_shape: tuple[int, ...]) -> Self:
        values = {}
        for name in self.parameters:
            given = getattr(self, name)
            try:
                values[name] = np.broadcast_to(given, batch_shape).reshape(-1)
            except ValueError:
                must = f"fit the batch of shape {batch_shape}"
                raise fail(name, must, f"its shape is {given.shape}") from None
        return self._with(**values)

    def check(self, levels: int, coordinates: tuple[str, ...] = ("x",)) -> None:
        if self.operator is not None:
            of_shape("operator", self.operator, (levels, levels))
        elif coordinates != ("x",):
            raise fail(
                "operator",
                "be given along a path of several coordinates",
                f"noise of none of {', '.join(coordinates)} is meant",
            )

    @property
    def mean(self) -> FloatArray:
        """⟨δ⟩, shape (...): what H is moved by."""
        return np.zeros(self.batch_shape)

    @property
    @abc.abstractmethod
    def variance(self) -> FloatArray:
        """⟨δ²⟩ − ⟨δ⟩², shape (...)."""

    @property
    @abc.abstractmethod
    def shortest_time(self) -> float:
        """The shortest time in which a part of the noise forgets."""

    @abc.abstractmethod
    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        """Return S(ω) at angular frequencies (F,), shape (..., F).

        Parameters
        ----------
        frequency : array, shape (F,)
            ω, radians per time.
        """

    @abc.abstractmethod
    def correlation(self, time: npt.ArrayLike) -> FloatArray:
        """Return ⟨δ(t)δ(0)⟩ − ⟨δ⟩² at times (K,), shape (..., K).

        Parameters
        ----------
        time : array, shape (K,)
        """

    @abc.abstractmethod
    def means(
        self, random: np.random.Generator, paths: int, steps: FloatArray
    ) -> Iterator[FloatArray]:
        """Draw realisations at rest: yield the mean of δ over every step, (paths,).

        Parameters
        ----------
        random : numpy.random.Generator
        paths : int
        steps : array, shape (K,)
            The lengths of the steps.
        """

    def eigen_rates(self, nodes: Nodes) -> NoReturn:
        raise self._remembers()

    def jump_operators(self, nodes: Nodes) -> NoReturn:
        raise self._remembers()

    def _remembers(self) -> InputError:
        return InputError(
            f"{type(self).__name__} remembers: `propagate`, `dynamics.sample_paths` and periodic "
            "steady states follow it, nothing else does (`WhiteNoise` forgets at once and goes "
            "everywhere)."
        )

    def _on(self) -> str:
        return "" if self.operator is None else ", operator"


class MarkovNoise(Noise):
    """Base of noise that is a Markov process, or the limit of some with more and more states."""

    is_exact: bool = False
    """Whether the process is the noise itself, at any resolution."""

    @abc.abstractmethod
    def process(self, resolution: int) -> Process:
        """Return the process; a higher resolution, from 0, has more states.

        Parameters
        ----------
        resolution : int
        """

    def states(self, resolution: int) -> int:
        """Return how many states the process has.

        Parameters
        ----------
        resolution : int
        """
        return self.process(resolution).states


class LorentzianNoise(MarkovNoise):
    """Base of noise that forgets exponentially, in one time."""

    correlation_time: FloatArray

    @property
    def shortest_time(self) -> float:
        return float(self.correlation_time.min())

    def spectrum(self, frequency: npt.ArrayLike) -> FloatArray:
        return lorentzian(self.variance, self.correlation_time, points("frequency", frequency))

    def correlation(self, time: npt.ArrayLike) -> FloatArray:
        decay = np.exp(-np.abs(points("time", time)) / self.correlation_time[..., None])
        return np.asarray(self.variance[..., None] * decay)


def split(environment: Environment) -> tuple[tuple[Noise, ...], Combined]:
    """Return the noises with a memory in an environment, and the sum of all else."""
    parts = environment.parts if isinstance(environment, Combined) else (environment,)
    noises = tuple(part for part in parts if isinstance(part, Noise))
    return noises, Combined([part for part in parts if not isinstance(part, Noise)])


def joint(processes: Sequence[Process]) -> tuple[Process, list[FloatArray]]:
    """Return independent processes as one, whose position is their sum, and the position of each.

    Each is (L, K, K), as there.
    """
    lanes = max((p.root.shape[0] for p in processes), default=1)
    rates, root = np.zeros((lanes, 1, 1)), np.ones((lanes, 1))
    positions: list[Any] = []
    for process in processes:
        one, other = np.eye(root.shape[-1]), np.eye(process.states)
        positions = [np.kron(position, other) for position in positions]
        positions.append(np.kron(one, np.broadcast_to(process.position, (lanes, *other.shape))))
        rates = np.kron(rates, other) + np.kron(one, process.rates)
        root = (root[:, :, None] * process.root[:, None, :]).reshape(lanes, -1)
    return Process(np.sum(positions, axis=0), rates, root), positions


def checked_operator(operator: npt.ArrayLike | None) -> ComplexArray | None:
    """Return the Hermitian operator of a noise, or None for its coordinate."""
    return None if operator is None else hermitian("operator", operator, single=True)


def strength(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return a parameter ≥ 0, one number or a batch."""
    array = parameter(name, value)
    if np.any(array < 0):
        raise fail(name, "not be negative", f"it is {float(array.min()):.6g}")
    return array


def duration(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return a parameter > 0, one number or a batch."""
    return parameter(name, positive(name, value))


def batch(**parameters: FloatArray) -> None:
    """Raise `InputError` unless parameters broadcast."""
    for (first, a), (second, b) in itertools.combinations(parameters.items(), 2):
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            must = f"fit the shape of `{second}`, {b.shape}"
            raise fail(first, must, f"its shape is {a.shape}") from None


def points(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return frequencies or times on one axis."""
    return np.atleast_1d(real_array(name, value))


def lorentzian(variance: FloatArray, time: FloatArray, frequency: FloatArray) -> FloatArray:
    """Return 2σ²τ/(1 + ω²τ²) at frequencies (F,), shape (..., F)."""
    variance, time = variance[..., None], time[..., None]
    return np.asarray(2 * variance * time / (1 + (frequency * time) ** 2))
