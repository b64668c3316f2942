"""Absorbing boundaries that count, by side and adiabatic state, what they take away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, describe, fail, non_negative
from anticrossing.molecules.packets.limits import above, reach
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.watch import EDGE

_C = 2.622057554292119  # K(1/√2)·√2, the length of the layer in its own unit
_A = 1 - 16 / _C**3
_B = (1 - 17 / _C**3) / _C**2
_DELTA = 0.2  # the published setting
_RAMP = 5  # power of the ramp for fast waves
_RAMP_EXPONENT = 12.0  # of the probability it leaves of the fastest
_FASTEST = 1 / 1.4  # of the largest momentum of the grid
_LARGEST_EXPONENT = 700.0
_FEWEST_POINTS = 4  # of a layer


@dataclass(frozen=True, eq=False)
class Absorber:
    """Absorbing layers at the ends of the grid, −iW(x).

    W = E_min [a u − b u³ + 4/(c − u)² − 4/(c + u)²] + (36 K/mL) s⁵,  s = depth/L,  u = c s

    with c = 2.622, a = 1 − 16/c³, b = (1 − 17/c³)/c², E_min = k_min²/2m, k_min = c/(0.4 L), and K
    the largest momentum of the grid over 1.4. The first term absorbs slow waves without
    transmission and reflects less than 1 % above k_min; the second leaves e⁻¹² of the fastest, for
    which the first is too steep at its end. Measured for a layer of 10 with K = 22: the
    probability 2e-3 comes back at the momentum 1, 3e-5 at 2, 5e-8 at 4, 3e-10 or less from 10 to
    20; half the layer does it for twice the momenta. What comes back interferes: a probability of
    1e-8 can change another by 2e-4.

    Parameters
    ----------
    width : float or array, shape (f,) or (f, 2)
        L at the ends of each coordinate, in its units; with two columns at its start and at its
        stop. Zero means none.

    Raises
    ------
    InputError
        For a negative width; on use, for layers that fill the grid, are thinner than 4 points or
        than the fastest waves to expect need, or lie at the ends of a coordinate that is not "fft".

    References
    ----------
    D. E. Manolopoulos, J. Chem. Phys. 117, 9552 (2002).

    Examples
    --------
    >>> round(float(Absorber(10.0).slowest()), 3)    # k_min of a layer of 10
    0.656
    """

    width: FloatArray

    def __init__(self, width: npt.ArrayLike) -> None:
        value = non_negative("width", width)
        if value.ndim > 2 or (value.ndim == 2 and value.shape[1] != 2):
            raise fail("width", "have the shape (f,) or (f, 2)", f"its shape is {value.shape}")
        if not np.any(value > 0):
            raise fail("width", "be positive somewhere", f"it is {describe(width)}")
        object.__setattr__(self, "width", value)

    def slowest(self) -> FloatArray:
        """Return k_min, below which much is reflected (∞ without layer)."""
        with np.errstate(divide="ignore"):
            return np.asarray(_C / (2 * _DELTA * self.width))

    def widths(self, count: int) -> FloatArray:
        """Return the widths at the two ends of each of `count` coordinates, shape (count, 2)."""
        width = (
            self.width
            if self.width.ndim == 2
            else np.broadcast_to(self.width[..., None], (*self.width.shape, 2))
        )
        if width.ndim == 1:
            width = np.broadcast_to(width, (count, 2))
        if width.shape != (count, 2):
            raise fail("absorber", f"have widths for {count} coordinate(s)", f"it has {len(width)}")
        return width

    def layers(self, operator: GridHamiltonian) -> tuple[Layer, ...]:
        """Return the layers on a grid, in the order start, stop of each coordinate."""
        grid = operator.grid
        width = self.widths(grid.coordinates)
        found = []
        for axis, (name, x) in enumerate(
            zip(operator.hamiltonian.coordinates, grid.axes, strict=True)
        ):
            if grid.bases[axis] != "fft" and np.any(width[axis] > 0):
                raise fail(
                    "absorber",
                    f"have no width along {name}",
                    f"that coordinate has the basis {grid.bases[axis]!r}",
                )
            room = grid.stop[axis] - grid.start[axis]
            if np.any(width[axis] >= room) or width[axis].sum() >= room:
                raise fail("absorber", f"leave room along {name}", f"its widths are {width[axis]}")
            spacing = grid.spacings[axis]
            if np.any((width[axis] > 0) & (width[axis] < _FEWEST_POINTS * spacing)):
                raise fail(
                    "absorber",
                    f"be zero or at least {above(_FEWEST_POINTS * spacing)} along {name}, "
                    f"{_FEWEST_POINTS} points",
                    f"its widths are {width[axis]}",
                )
            depths = (grid.start[axis] + width[axis, 0] - x, x - (grid.stop[axis] - width[axis, 1]))
            for side, depth, size in zip(("start", "stop"), depths, width[axis], strict=True):
                if size > 0:
                    fraction = np.clip(depth / size, 0.0, 1.0)
                    deep = np.broadcast_to(grid.along(axis, fraction), grid.shape).ravel()
                    index = np.flatnonzero(deep)
                    frames = operator.vectors[index].conj().swapaxes(-1, -2)
                    found.append(
                        Layer(
                            f"{name} {side}",
                            axis,
                            float(size),
                            index,
                            _strength(deep[index], float(size), operator, axis),
                            np.ascontiguousarray(frames.astype(np.complex128)),
                            np.cos(0.5 * np.pi * deep[index]) ** 2,
                        )
                    )
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Layer:
    """One side: its width, the flat indices of its points, W there, the frames, and a window.

    The window falls smoothly to zero through the layer: what the layer itself breaks up into high
    momenta does not count as too fast for the grid.
    """

    side: str
    axis: int
    width: float
    index: npt.NDArray[np.intp]
    strength: FloatArray
    frames: ComplexArray
    window: FloatArray

    @property
    def slowest(self) -> float:
        """k_min, below which much is reflected."""
        return _C / (2 * _DELTA * self.width)

    def check_momentum(self, momentum: float, name: str) -> None:
        """Refuse a layer that would reflect a wave of this momentum, which the message names."""
        if momentum < self.slowest:
            needed = above(_C / (2 * _DELTA * momentum))
            raise fail(
                "absorber",
                f"have a width of at least {needed} at {self.side} for the {name}, {momentum:.3g}",
                f"it is {self.width:.3g}",
            )

    def mask(self, phase: float) -> FloatArray:
        """Return the factor of the amplitude over one step, in radians per unit of energy."""
        return np.exp(-np.minimum(self.strength * phase, _LARGEST_EXPONENT))


Layers = tuple[Layer, ...]


def make_layers(absorber: Absorber | None, operator: GridHamiltonian) -> Layers:
    """Return the layers of an optional absorber."""
    return () if absorber is None else absorber.layers(operator)


def check_layers(psi: ComplexArray, operator: GridHamiltonian, layers: Layers) -> None:
    """Refuse a packet that begins inside an absorbing layer, and layers too thin for it."""
    if not layers:
        return
    density = np.sum(np.abs(operator.flat(psi)) ** 2, axis=0) * operator.grid.volume
    fastest = reach(operator, psi).kinetic
    for layer in layers:
        layer.check_momentum(
            float(np.sqrt(2 * operator.masses[layer.axis] * fastest)), "largest momentum to expect"
        )
        inside = float(density[layer.index].sum())
        if inside > EDGE:
            raise fail(
                "initial",
                "lie outside the absorber",
                f"probability {inside:.1e} is in the layer at {layer.side}",
            )


def _strength(
    fraction: FloatArray, width: float, operator: GridHamiltonian, axis: int
) -> FloatArray:
    slowest = _C / (2 * _DELTA * width)
    u = _C * fraction
    rest = np.maximum(_C - u, 1e-12)  # the very end, where W is infinite
    shape = _A * u - _B * u**3 + 4 / rest**2 - 4 / (_C + u) ** 2
    mass = operator.masses[axis]
    fastest = _FASTEST * operator.grid.largest_momenta[axis]
    ramp = 0.5 * _RAMP_EXPONENT * (_RAMP + 1) * fastest / (mass * width) * fraction**_RAMP
    return np.asarray(slowest**2 / (2 * mass) * np.maximum(shape, 0.0) + ramp)
