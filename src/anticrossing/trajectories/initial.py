"""Where trajectories start: fixed, Gaussian (Wigner), or thermal positions and momenta."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing.checks import (
    FloatArray,
    choice,
    fail,
    integer,
    non_negative,
    positive,
    real_array,
    real_number,
)

BASES = ("adiabatic", "diabatic")


class InitialConditions(abc.ABC):
    """Positions, momenta and the electronic state in which trajectories start.

    The state is a level counted from the lowest (`basis` "adiabatic"), or a state of the basis in
    which H is written ("diabatic"): then the amplitudes are those of that state, and the active
    level is drawn with their squares.
    """

    position: FloatArray
    momentum: FloatArray
    state: int
    basis: str

    @abc.abstractmethod
    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the standard deviations of positions and momenta, each (f,)."""

    def draw(
        self, masses: FloatArray, count: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return positions and momenta, each of shape (count, f)."""
        return self.place(masses, generator.standard_normal((count, 2, masses.size)))

    def place(self, masses: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return positions and momenta made from standard normal numbers, (count, 2, f)."""
        width, momentum_width = self.spread(masses)
        shape = (masses.size,)
        return (
            np.broadcast_to(self.position, shape) + width * normal[:, 0],
            np.broadcast_to(self.momentum, shape) + momentum_width * normal[:, 1],
        )

    def check(self, coordinates: int, dimension: int) -> None:
        """Raise `InputError` unless the conditions fit this many coordinates and states."""
        for name in self._vectors():
            size = getattr(self, name).size
            if size not in (1, coordinates):
                raise fail(name, f"hold 1 or {coordinates} numbers", f"it holds {size}")
        if self.state >= dimension:
            raise fail(
                "state", f"be below {dimension}, the number of states", f"it is {self.state}"
            )

    def _vectors(self) -> tuple[str, ...]:
        return ("position", "momentum")

    def _set(
        self, position: npt.ArrayLike, momentum: npt.ArrayLike, state: int, basis: str
    ) -> None:
        for name, value in (("position", position), ("momentum", momentum)):
            object.__setattr__(self, name, _vector(name, value))
        object.__setattr__(self, "state", integer("state", state, minimum=0))
        object.__setattr__(self, "basis", choice("basis", basis, BASES))


def _vector(name: str, value: npt.ArrayLike) -> FloatArray:
    array = np.atleast_1d(real_array(name, value))
    if array.ndim != 1 or array.size == 0:
        raise fail(name, "be a number or a list of them", f"its shape is {array.shape}")
    return array


@dataclass(frozen=True, eq=False)
class Fixed(InitialConditions):
    """Every trajectory starts at the same point.

    Parameters
    ----------
    position, momentum : float or array, shape (f,)
    state : int
    basis : {"adiabatic", "diabatic"}

    Examples
    --------
    >>> start = Fixed(position=-10.0, momentum=20.0)
    >>> start.draw(np.array([2000.0]), 2, np.random.default_rng(0))[1]
    array([[20.],
           [20.]])
    """

    position: FloatArray
    momentum: FloatArray
    state: int = 0
    basis: str = "adiabatic"

    def __post_init__(self) -> None:
        self._set(self.position, self.momentum, self.state, self.basis)

    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.zeros(masses.size), np.zeros(masses.size)


@dataclass(frozen=True, eq=False)
class Gaussian(InitialConditions):
    """Independent Gaussians; by default the Wigner function of a packet of minimal uncertainty.

    For the packet ψ ∝ exp(−(x − x₀)²/σ² + ikx) the width is σ/2, and that of the momentum 1/σ.

    Parameters
    ----------
    position, momentum : float or array, shape (f,)
        The means.
    width : float or array, shape (f,)
        Standard deviation of the position, positive.
    momentum_width : float or array, shape (f,), optional
        Standard deviation of the momentum, ``1/(2 width)`` by default.
    state, basis
        As for `Fixed`.

    Examples
    --------
    >>> packet = Gaussian(position=-12.0, momentum=20.0, width=0.5)
    >>> [float(part[0]) for part in packet.spread(np.array([2000.0]))]
    [0.5, 1.0]
    """

    position: FloatArray
    momentum: FloatArray
    width: FloatArray
    momentum_width: FloatArray | None = None
    state: int = 0
    basis: str = "adiabatic"

    def __post_init__(self) -> None:
        self._set(self.position, self.momentum, self.state, self.basis)
        object.__setattr__(self, "width", _vector("width", positive("width", self.width)))
        other: npt.ArrayLike = 0.5 / self.width
        if self.momentum_width is not None:
            other = non_negative("momentum_width", self.momentum_width)
        object.__setattr__(self, "momentum_width", _vector("momentum_width", other))

    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        shape = (masses.size,)
        assert self.momentum_width is not None
        return np.broadcast_to(self.width, shape), np.broadcast_to(self.momentum_width, shape)

    def _vectors(self) -> tuple[str, ...]:
        return ("position", "momentum", "width", "momentum_width")


@dataclass(frozen=True, eq=False)
class Thermal(InitialConditions):
    """Harmonic oscillators in equilibrium, their Wigner function or their classical distribution.

    ⟨Δx²⟩ = coth(ω/2T)/(2mω) and ⟨Δp²⟩ = m²ω²⟨Δx²⟩; classically T/(mω²) and mT.

    Parameters
    ----------
    position : float or array, shape (f,)
        The minimum of the oscillators.
    frequencies : float or array, shape (f,)
        ω, positive.
    temperature : float
        T, not negative (k_B = 1). T = 0 is the ground state.
    distribution : {"wigner", "classical"}
    momentum : float or array, shape (f,)
        The mean.
    state, basis
        As for `Fixed`.

    Examples
    --------
    >>> bath = Thermal(position=0.0, frequencies=2.0, temperature=0.0)
    >>> [float(part[0]) for part in bath.spread(np.array([1.0]))]
    [0.5, 1.0]
    """

    position: FloatArray
    frequencies: FloatArray
    temperature: float
    distribution: str = "wigner"
    momentum: FloatArray = 0.0  # type: ignore[assignment]
    state: int = 0
    basis: str = "adiabatic"

    def __post_init__(self) -> None:
        self._set(self.position, self.momentum, self.state, self.basis)
        omega = _vector("frequencies", positive("frequencies", self.frequencies))
        object.__setattr__(self, "frequencies", omega)
        non_negative("temperature", real_number("temperature", self.temperature))
        choice("distribution", self.distribution, ("wigner", "classical"))
        if self.distribution == "classical" and self.temperature == 0:
            raise fail("temperature", "be positive for a classical distribution", "it is 0")

    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        omega = np.broadcast_to(self.frequencies, (masses.size,))
        if self.distribution == "classical":
            energy = np.full(masses.size, float(self.temperature))
        elif self.temperature == 0:
            energy = omega / 2
        else:
            energy = omega / 2 / np.tanh(omega / (2 * self.temperature))
        return np.sqrt(energy / masses) / omega, np.sqrt(energy * masses)

    def _vectors(self) -> tuple[str, ...]:
        return ("position", "momentum", "frequencies")
