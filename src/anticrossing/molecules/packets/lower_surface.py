"""A packet on the lowest adiabatic surface alone, with its geometric phase or without."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail, integer, positive_number
from anticrossing._core.result import Result
from anticrossing._core.unchanging import settled
from anticrossing._core.variables import Variable, in_units, shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules._chebyshev import bessel_weights, series
from anticrossing.molecules.packets.grid import Grid
from anticrossing.molecules.packets.limits import MOST_STEPS, check_memory
from anticrossing.molecules.packets.operator import GridHamiltonian
from anticrossing.molecules.packets.packets import WavePacket, initial_state
from anticrossing.molecules.packets.result import places
from anticrossing.molecules.packets.watch import Watch
from anticrossing.units import Units

_TOUCHING = 1e-12  # gap, relative to the largest, at which a grid point sits on an intersection
_LONGEST = 50.0  # largest argument of one Chebyshev series; no packet crosses an edge within it

# On the surface alone χ is not smooth at an intersection: a small part has all momenta.
_FAST = 1e-4


@dataclass(frozen=True, eq=False)
class SurfacePropagation(Result):
    """A packet on one surface at K times (see `propagate_lower_surface`).

    Attributes
    ----------
    times, norm, energy : array, shape (K,)
    positions, momenta : array, shape (K, f)
        Means of x and of the kinetic momentum.
    densities : array, shape (K,) + grid.shape
        ``|χ|²``.
    state : array, shape (N,) + grid.shape or (1,) + grid.shape
        The last wave function: χ times the electronic state, in the diabatic basis, with the
        geometric phase; χ alone without it.
    """

    _variables: ClassVar = {
        "time": shown("time", text="time", unit="time", of="times"),
        "position": shown("time", "coordinate", text="mean", unit="coordinate", of="positions"),
        "momentum": shown("time", "coordinate", text="mean", unit="ħ/coordinate", of="momenta"),
        "norm": shown("time", text="probability"),
        "energy": shown("time", text="expectation value", unit="energy"),
    }

    times: FloatArray
    norm: FloatArray
    energy: FloatArray
    positions: FloatArray
    momenta: FloatArray
    densities: FloatArray
    state: ComplexArray
    grid: Grid
    hamiltonian: Hamiltonian

    @property
    def units(self) -> Units:
        """The units of the Hamiltonian."""
        return self.hamiltonian.units

    def variables(self) -> dict[str, Variable]:
        """Return means, and densities and the last wave function on the points of the grid."""
        points = places(self.grid, self.hamiltonian)
        unit = in_units("/".join(["1", *["coordinate"] * len(points)]), self.units)
        return {
            **super().variables(),
            **points,
            "density": Variable(("time", *points), self.densities, "|χ|²", unit),
            "wave_function": Variable(("component", *points), self.state, "the last wave function"),
        }


def propagate_lower_surface(
    hamiltonian: Hamiltonian,
    grid: Grid,
    masses: npt.ArrayLike,
    initial: WavePacket,
    *,
    stop: float,
    samples: int = 101,
    geometric_phase: bool = True,
    diagonal_correction: bool = True,
) -> SurfacePropagation:
    """Propagate a packet as if only the lowest adiabatic surface existed.

    i ∂χ/∂t = [Σ_a (p_a − A_a)²/2m_a + E₀(x) + D(x)] χ,  A_a = i⟨φ₀|∂_aφ₀⟩,
    D = Σ_a Σ_{j>0} |⟨φ_j|∂_aφ₀⟩|²/2m_a

    A real φ₀ changes sign on the way round a conical intersection, and χ with it; with A the
    motion is the same in every gauge. Propagated is φ₀χ, which is single-valued whatever the
    phases of φ₀: ⟨φ₀|T|φ₀⟩ holds both A and D. Without the geometric phase A = 0 and χ is
    single-valued, as Born and Oppenheimer had it. Chebyshev series advance the time, without a
    step and its error.

    Parameters
    ----------
    hamiltonian, grid, masses
        As for `propagate_packet`; no grid point may lie on an intersection.
    initial : WavePacket
        On the adiabatic state 0.
    stop : float
        The last time, in the unit of time of H.
    samples : int
        How many times, equally spaced from 0 to `stop`, are recorded.
    geometric_phase : bool
        Whether A is there.
    diagonal_correction : bool
        Whether D, the diagonal Born–Oppenheimer correction, is there.

    Returns
    -------
    SurfacePropagation

    Raises
    ------
    InputError, ConvergenceError
        As `propagate_packet`.

    References
    ----------
    C. A. Mead and D. G. Truhlar, J. Chem. Phys. 70, 2284 (1979);
    H. Tal-Ezer and R. Kosloff, J. Chem. Phys. 81, 3967 (1984).

    Examples
    --------
    A packet meets the intersection head-on. The halves that pass it left and right differ by a
    sign, so that behind it there is a node on the axis:

    >>> from anticrossing import models
    >>> H = models.JahnTeller(linear=3.0)
    >>> packet = WavePacket(centre=[-3.0, 0.0], momentum=[4.0, 0.0], width=[1.2, 1.2])
    >>> for phase in (True, False):
    ...     result = propagate_lower_surface(
    ...         H, Grid([-12.0, -12.0], [12.1, 12.1], 96), 1.0, packet, stop=1.4, samples=2,
    ...         geometric_phase=phase,
    ...     )
    ...     behind = result.densities[-1][56:72]          # 2 < x < 6
    ...     print(bool(behind[:, 48].sum() > 0.2 * behind.max(axis=1).sum()))
    False
    True
    """
    if initial.basis != "adiabatic" or initial.state != 0:
        place = f"{initial.basis} state {initial.state}"
        raise fail("initial", "be on the adiabatic state 0", f"it is on the {place}")
    end = positive_number("stop", stop)
    intervals = integer("samples", samples, minimum=2) - 1
    surface = SurfaceHamiltonian(
        hamiltonian,
        grid,
        masses,
        geometric_phase=geometric_phase,
        diagonal_correction=diagonal_correction,
    )
    operator = surface.operator
    check_memory(intervals + 1.0, 8 * operator.size)
    interval = end / intervals
    middle, radius = (operator.angular * energy for energy in surface.range)
    applications = 1.5 * radius * end
    if not applications <= MOST_STEPS:
        raise fail(
            "stop",
            f"take at most {MOST_STEPS} applications of H",
            f"it would take {applications:.2g}",
        )
    chi = surface.begin(initial)
    watch = Watch(operator, allowed_fast=_FAST)
    records = [surface.measure(chi)]
    pieces = max(1, math.ceil(radius * interval / _LONGEST))
    weights = bessel_weights(radius * interval / pieces)
    turn = np.exp(-1j * middle * interval / pieces)
    for k in range(intervals):
        for piece in range(pieces):
            chi = turn * series(surface.apply, chi, surface.range, weights)
            lifted, time = surface.lift(chi), (k + (piece + 1) / pieces) * interval
            watch.places(lifted, time)
            watch.momenta(grid.forward(lifted.copy()), time)
        records.append(surface.measure(chi))
    columns = {key: np.array([record[key] for record in records]) for key in records[0]}
    return SurfacePropagation(
        times=np.asarray(np.arange(intervals + 1) * interval, dtype=np.float64),
        norm=columns["norm"],
        energy=columns["energy"],
        positions=columns["positions"],
        momenta=columns["momenta"],
        densities=settled(columns["densities"]),
        state=surface.lift(chi),
        grid=grid,
        hamiltonian=hamiltonian,
    )


class SurfaceHamiltonian:
    """The Hamiltonian of χ (1, *grid.shape) on the lowest surface."""

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        grid: Grid,
        masses: npt.ArrayLike,
        *,
        geometric_phase: bool,
        diagonal_correction: bool,
    ) -> None:
        self.operator = operator = GridHamiltonian(hamiltonian, grid, masses)
        if operator.states < 2:
            raise fail("hamiltonian", "have at least two levels", "it has one")
        self.grid = grid
        self.phase = bool(geometric_phase)
        frame = np.moveaxis(operator.vectors[:, :, 0], 0, -1)
        self.frame = np.ascontiguousarray(frame).reshape(operator.states, *grid.shape)
        correction = self._correction()
        potential = operator.energies[:, 0].reshape(grid.shape).copy()
        # ⟨φ₀|T|φ₀⟩ has the correction in it; T alone has not.
        if self.phase and not diagonal_correction:
            potential -= correction
        elif diagonal_correction and not self.phase:
            potential += correction
        self.potential: FloatArray = potential
        fastest = sum(float(k.max()) for k in operator.kinetic)
        low, high = float(potential.min()), float(potential.max()) + fastest
        self.bounds = (low, high)
        self.range = (0.5 * (low + high), 0.51 * (high - low))

    def _correction(self) -> FloatArray:
        operator, grid = self.operator, self.grid
        gaps = operator.energies[:, 1:] - operator.energies[:, :1]
        if gaps.min() <= _TOUCHING * max(float(np.ptp(operator.energies)), 1e-300):
            raise fail("grid", "have no point on an intersection", "one lies there: shift it")
        slopes = np.asarray(operator.hamiltonian.gradient(grid.points))
        slopes = slopes.reshape(operator.size, grid.coordinates, operator.states, operator.states)
        lowest, others = operator.vectors[:, :, :1], operator.vectors[:, :, 1:]
        couplings = others.conj().swapaxes(-1, -2)[:, None] @ slopes @ lowest[:, None]
        squares = np.abs(couplings[..., 0] / gaps[:, None, :]) ** 2
        return np.asarray(squares.sum(axis=-1) @ (0.5 / operator.masses)).reshape(grid.shape)

    def begin(self, initial: WavePacket) -> ComplexArray:
        """Return χ of a packet in the gauge of the frame."""
        initial_state(initial, self.operator)  # for its checks
        scalar = initial.envelope(self.operator)
        if not self.phase:
            return scalar[None]
        lifted = initial.lifted(np.moveaxis(self.frame, 0, -1), scalar, self.grid)
        return np.asarray(np.sum(self.frame.conj() * lifted, axis=0)[None])

    def lift(self, chi: ComplexArray) -> ComplexArray:
        """Return φ₀χ (N, *grid.shape) with the geometric phase, χ itself without."""
        return self.frame * chi if self.phase else chi

    def apply(self, chi: ComplexArray) -> ComplexArray:
        """Return the Hamiltonian times χ."""
        moved = self.operator.kinetic_part(self.lift(chi))
        if self.phase:
            moved = np.sum(self.frame.conj() * moved, axis=0)[None]
        return moved + self.potential * chi

    def measure(self, chi: ComplexArray) -> dict[str, FloatArray]:
        """Return the observables of one moment."""
        operator, grid = self.operator, self.grid
        density = np.abs(chi[0]) ** 2
        norm = float(density.sum()) * grid.volume
        lifted = self.lift(chi)
        weights = operator.momentum_weights(lifted)
        places = [np.sum(grid.along(a, x) * density) for a, x in enumerate(grid.axes)]
        return {
            "norm": np.array(norm),
            "energy": np.array(float(np.vdot(chi, self.apply(chi)).real) * grid.volume),
            "positions": np.array(places) * grid.volume / norm,
            "momenta": operator.mean_momenta(lifted, weights) / norm,
            "densities": density,
        }
