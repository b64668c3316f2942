"""Where trajectories start: fixed, Gaussian (Wigner), or thermal positions and momenta."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    describe,
    fail,
    instance,
    integer,
    non_negative,
    non_negative_number,
    positive,
    real_array,
)
from anticrossing.models.vibronic_coupling import VibronicCoupling

BASES = ("adiabatic", "diabatic")
_SMALLEST_WIDTH = 1e-150  # the square of its inverse must not overflow


class InitialConditions(abc.ABC):
    """Positions, momenta and the electronic state in which trajectories start.

    The state is a level counted from the lowest (`basis` "adiabatic"), or a state of the basis in
    which H is written ("diabatic"): then the amplitudes belong to that state, and the active
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
        members = integer("count", count, minimum=1, maximum=10**7)
        return self.place(masses, generator.standard_normal((members, 2, np.size(masses))))

    def place(self, masses: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return positions and momenta made from standard normal numbers, (count, 2, f)."""
        shape = (np.size(masses),)
        width, momentum_width = self.spread(masses)
        return (
            np.broadcast_to(self.position, shape) + width * normal[:, 0],
            np.broadcast_to(self.momentum, shape) + momentum_width * normal[:, 1],
        )

    def check(self, coordinates: int, dimension: int) -> None:
        """Raise `InputError` unless the conditions fit this many coordinates and states."""
        for name in self._vectors():
            size = getattr(self, name).size
            if size not in (1, coordinates):
                count = "1 number" if coordinates == 1 else f"1 or {coordinates} numbers"
                raise fail(name, f"hold {count}", f"it holds {size}")
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
    array = np.atleast_1d(real_array(name, value)).copy()
    if array.ndim != 1 or array.size == 0:
        raise fail(name, "be a number or a list of them", f"its shape is {array.shape}")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Fixed(InitialConditions):
    """Every trajectory starts at the same point.

    Parameters
    ----------
    position, momentum : float or array, shape (f,)
        In the units of the coordinates, ħ = 1; one number stands for all of them.
    state : int
        From 0.
    basis : {"adiabatic", "diabatic"}
        Which states: levels sorted by energy, or the basis in which H is written.

    Raises
    ------
    InputError
        For values that are not finite numbers, or an unknown basis.

    Examples
    --------
    >>> start = Fixed(position=-10.0, momentum=20.0)
    >>> start.draw(np.array([2000.0]), 2, np.random.default_rng(0))[1]
    array([[20.],
           [20.]])
    """

    position: FloatArray
    momentum: FloatArray
    state: int
    basis: str

    def __init__(
        self,
        position: npt.ArrayLike,
        momentum: npt.ArrayLike,
        state: int = 0,
        basis: str = "adiabatic",
    ) -> None:
        self._set(position, momentum, state, basis)

    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        self.check(np.size(masses), self.state + 1)
        return np.zeros(np.size(masses)), np.zeros(np.size(masses))


@dataclass(frozen=True, eq=False)
class Gaussian(InitialConditions):
    """Independent Gaussians; by default the Wigner function of a packet of minimal uncertainty.

    For the packet ψ ∝ exp(−(x − x₀)²/σ² + ikx) the width is σ/2, and the momentum has the width
    1/σ.

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

    Raises
    ------
    InputError
        As for `Fixed`, and for widths that are not positive.

    Examples
    --------
    >>> packet = Gaussian(position=-12.0, momentum=20.0, width=0.5)
    >>> [float(part[0]) for part in packet.spread(np.array([2000.0]))]
    [0.5, 1.0]
    """

    position: FloatArray
    momentum: FloatArray
    width: FloatArray
    momentum_width: FloatArray
    state: int
    basis: str

    def __init__(
        self,
        position: npt.ArrayLike,
        momentum: npt.ArrayLike,
        width: npt.ArrayLike,
        momentum_width: npt.ArrayLike | None = None,
        state: int = 0,
        basis: str = "adiabatic",
    ) -> None:
        self._set(position, momentum, state, basis)
        object.__setattr__(self, "width", _vector("width", positive("width", width)))
        if momentum_width is None:
            if self.width.min() < _SMALLEST_WIDTH:
                raise fail("width", f"be at least {_SMALLEST_WIDTH:g}", f"it is {describe(width)}")
            momentum_width = 0.5 / self.width
        spread = _vector("momentum_width", non_negative("momentum_width", momentum_width))
        object.__setattr__(self, "momentum_width", spread)

    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        self.check(np.size(masses), self.state + 1)
        shape = (np.size(masses),)
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
        ω, positive, in units of energy.
    temperature : float
        T in units of energy (k_B = 1), not negative. T = 0 is the ground state.
    distribution : {"wigner", "classical"}
    momentum : float or array, shape (f,)
        The mean.
    state, basis
        As for `Fixed`.

    Raises
    ------
    InputError
        As for `Fixed`, for frequencies that are not positive, a negative temperature, or a
        classical distribution at T = 0.

    Examples
    --------
    >>> bath = Thermal(position=0.0, frequencies=2.0, temperature=0.0)
    >>> [float(part[0]) for part in bath.spread(np.array([1.0]))]
    [0.5, 1.0]
    """

    position: FloatArray
    frequencies: FloatArray
    temperature: float
    distribution: str
    momentum: FloatArray
    state: int
    basis: str

    def __init__(
        self,
        position: npt.ArrayLike,
        frequencies: npt.ArrayLike,
        temperature: float,
        distribution: str = "wigner",
        momentum: npt.ArrayLike = 0.0,
        state: int = 0,
        basis: str = "adiabatic",
    ) -> None:
        self._set(position, momentum, state, basis)
        omega = _vector("frequencies", positive("frequencies", frequencies))
        energy = non_negative_number("temperature", temperature)
        choice("distribution", distribution, ("wigner", "classical"))
        if distribution == "classical" and energy == 0:
            raise fail("temperature", "be positive for a classical distribution", "it is 0")
        object.__setattr__(self, "frequencies", omega)
        object.__setattr__(self, "temperature", energy)
        object.__setattr__(self, "distribution", distribution)

    def spread(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        masses = np.ravel(masses)
        self.check(masses.size, self.state + 1)
        omega = np.broadcast_to(self.frequencies, masses.shape)
        if self.distribution == "classical":
            energy = np.full(masses.size, self.temperature)
        else:
            with np.errstate(divide="ignore", over="ignore"):  # ω/2T → ∞ is the ground state
                energy = omega / 2 / np.tanh(omega / 2 / self.temperature)
        return np.sqrt(energy / masses) / omega, np.sqrt(energy * masses)

    def _vectors(self) -> tuple[str, ...]:
        return ("position", "momentum", "frequencies")


def vertical_excitation(
    hamiltonian: VibronicCoupling, *, state: int, temperature: float = 0.0, basis: str = "diabatic"
) -> Thermal:
    """Return the vibrations of the reference state, lifted to an electronic state at once.

    The Wigner function of the oscillators ½ Σ_i ω_i (P_i² + Q_i²) at temperature T:
    ⟨Q_i²⟩ = ⟨P_i²⟩ = ½ coth(ω_i/2T), with the mean Q = P = 0.

    Parameters
    ----------
    hamiltonian : VibronicCoupling
        As ``read_sharc(...).hamiltonian``; `run_trajectories` takes its `masses` by default.
    state : int
        The electronic state, from 0.
    temperature : float
        In the units of energy of the Hamiltonian (k_B = 1).
    basis : {"diabatic", "adiabatic"}

    Returns
    -------
    Thermal

    Raises
    ------
    InputError
        If `hamiltonian` is no VibronicCoupling, and as for `Thermal`.

    Examples
    --------
    >>> from anticrossing.models import Pyrazine
    >>> start = vertical_excitation(Pyrazine(), state=1)
    >>> start.spread(Pyrazine().masses)[0]
    array([0.70710678, 0.70710678, 0.70710678])
    """
    instance("hamiltonian", hamiltonian, VibronicCoupling)
    return Thermal(0.0, hamiltonian.frequencies, temperature, state=state, basis=basis)
