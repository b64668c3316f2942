"""T + H(x) on a grid: its exponentials, its action, and expectation values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    describe,
    fail,
    positive,
    single_point,
)
from anticrossing._core.threads import few_threads
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.molecules.packets.grid import Grid
from anticrossing.units import Units

_REAL = 1e-14  # relative size of imaginary parts that are rounding
_LARGEST = 1e100  # energy; squares and products with times must not overflow


class GridHamiltonian:
    """The whole Hamiltonian Σ_a p_a²/2m_a + H(x) on a grid, wave functions (N, *grid.shape).

    Attributes
    ----------
    potential : array, shape (points, N, N)
    energies : array, shape (points, N)
        Adiabatic levels at every point.
    vectors : array, shape (points, N, N)
        Adiabatic states in columns.
    kinetic : tuple of array
        k²/2m of the basis functions along each coordinate.

    Times are in the unit of H. Energies meet them in `angular`, radians per unit of both.
    """

    def __init__(self, hamiltonian: Hamiltonian, grid: Grid, masses: npt.ArrayLike) -> None:
        single_point("hamiltonian", hamiltonian)
        if len(hamiltonian.coordinates) != grid.coordinates:
            raise fail(
                "grid",
                f"have the {len(hamiltonian.coordinates)} coordinate(s) "
                f"{', '.join(hamiltonian.coordinates)}",
                f"it has {grid.coordinates}",
            )
        self.hamiltonian = hamiltonian
        self.grid = grid
        self.masses = np.atleast_1d(positive("masses", masses))
        if self.masses.shape == (1,):
            self.masses = np.repeat(self.masses, grid.coordinates)
        if self.masses.shape != (grid.coordinates,):
            raise fail(
                "masses",
                f"hold one number for each of {', '.join(hamiltonian.coordinates)}",
                f"its shape is {self.masses.shape}",
            )
        self.states = hamiltonian.dimension
        fastest = grid.largest_momenta / np.sqrt(2 * self.masses)
        if fastest.max() > _LARGEST**0.5:
            raise fail(
                "masses",
                f"give kinetic energies below {_LARGEST:.0e} on the grid",
                f"it is {describe(masses)}",
            )
        values = np.asarray(hamiltonian(grid.points)).reshape(-1, self.states, self.states)
        if not np.all(np.abs(values) < _LARGEST):
            raise fail("grid", "avoid points where H is infinite", "H is not finite on it")
        if np.iscomplexobj(values) and np.abs(values.imag).max() <= _REAL * np.abs(values).max():
            values = values.real
        self.potential = np.ascontiguousarray(values)
        with few_threads(self.states):
            self.energies, self.vectors = np.linalg.eigh(self.potential)
        self.kinetic = tuple(k**2 / (2 * m) for k, m in zip(grid.momenta, self.masses, strict=True))
        for array in (self.masses, self.potential, self.energies, self.vectors, *self.kinetic):
            array.flags.writeable = False
        self._matrix: ComplexArray | None = None
        self._kinetic: FloatArray | None = None

    @property
    def units(self) -> Units:
        """The units of H, and of the times here."""
        return self.hamiltonian.units

    @property
    def angular(self) -> float:
        """Radians per unit of energy and of time."""
        return self.hamiltonian.units.angular

    @property
    def size(self) -> int:
        """The number of points."""
        return int(self.energies.shape[0])

    def flat(self, psi: ComplexArray) -> ComplexArray:
        """Return a view (N, points)."""
        return psi.reshape(len(psi), -1)

    # ---- what a step multiplies with -----------------------------------------------------------

    def potential_factor(self, time: float) -> ComplexArray:
        """Return exp(−iHt) at every point, shape (N, N, points)."""
        phase = self.angular * time
        if self.states == 2:
            return self._two_state_factor(phase)
        phases = np.exp(-1j * phase * self.energies)
        factor = (self.vectors * phases[:, None, :]) @ self.vectors.conj().swapaxes(-1, -2)
        return np.ascontiguousarray(np.moveaxis(factor, 0, -1))

    def _two_state_factor(self, phase: float) -> ComplexArray:
        """Return e^{−im}[cos e − i (sin e/e) (H − mean)], m and e mean and half gap times phase."""
        upper, lower = self.potential[:, 0, 0].real, self.potential[:, 1, 1].real
        coupling = self.potential[:, 0, 1]
        difference = 0.5 * (upper - lower)
        angle = phase * np.sqrt(difference**2 + np.abs(coupling) ** 2)
        common = np.exp(-0.5j * phase * (upper + lower))
        sine = -1j * phase * np.sinc(angle / np.pi) * common
        cosine = np.cos(angle) * common
        factor = np.empty((2, 2, self.size), dtype=np.complex128)
        factor[0, 0] = cosine + sine * difference
        factor[1, 1] = cosine - sine * difference
        factor[0, 1] = sine * coupling
        factor[1, 0] = sine * coupling.conj()
        return factor

    def kinetic_factor(self, time: float) -> tuple[ComplexArray, ...]:
        """Return exp(−iTt) along each coordinate; the first carries the scale of `backward`."""
        phase = self.angular * time
        factors = [np.exp(-1j * phase * energies) for energies in self.kinetic]
        factors[0] = factors[0] * self.grid.scale
        return tuple(factors)

    # ---- action and expectation values ---------------------------------------------------------

    def multiply(self, factor: ComplexArray, psi: ComplexArray) -> ComplexArray:
        """Multiply `psi` in place by matrices (N, N, points)."""
        from anticrossing.molecules.packets import _kernels

        flat = self.flat(psi)
        if self.states == 2:
            # A symmetric factor is read from one array for both couplings: less to load.
            other = factor[0, 1] if self.potential.dtype.kind == "f" else factor[1, 0]
            _kernels.rotate_two(factor[0, 0], factor[0, 1], other, factor[1, 1], flat[0], flat[1])
        elif self.states == 1:
            _kernels.rotate_one(factor, flat)
        else:
            _kernels.rotate_many(factor, flat)
        return psi

    def drift(
        self,
        factors: tuple[ComplexArray, ...],
        psi: ComplexArray,
        workers: int | None = None,
        look: Callable[[ComplexArray], None] | None = None,
    ) -> ComplexArray:
        """Multiply by factors of the momenta; `psi` is overwritten; `look` sees coefficients."""
        from anticrossing.molecules.packets import _kernels

        coefficients = self.grid.forward(psi, workers)
        if look is not None:
            look(coefficients)
        if len(factors) == 1:
            _kernels.scale_line(coefficients, factors[0])
        else:
            _kernels.scale_plane(coefficients, *factors)
        return self.grid.backward(coefficients, workers)

    def apply(self, psi: ComplexArray) -> ComplexArray:
        """Return (T + H)ψ."""
        if self._matrix is None:
            self._matrix = np.ascontiguousarray(
                np.moveaxis(self.potential, 0, -1).astype(np.complex128)
            )
        return self.kinetic_part(psi) + self.multiply(self._matrix, psi.copy())

    def kinetic_part(self, psi: ComplexArray) -> ComplexArray:
        """Return Tψ for any number of components."""
        grid = self.grid
        if self._kinetic is None:
            total = sum(grid.along(axis, values) for axis, values in enumerate(self.kinetic))
            self._kinetic = np.asarray(total * grid.scale)
        return grid.backward(grid.forward(psi.copy()) * self._kinetic)

    def adiabatic_amplitudes(self, psi: ComplexArray) -> ComplexArray:
        """Return ⟨φ_n(x)|ψ(x)⟩, shape (N, points), in whatever phases `vectors` has."""
        columns = np.moveaxis(self.flat(psi), 0, -1)[..., None]
        found = self.vectors.conj().swapaxes(-1, -2) @ columns
        return np.ascontiguousarray(np.moveaxis(found[..., 0], -1, 0))

    def momentum_weights(self, psi: ComplexArray) -> tuple[FloatArray, ...]:
        """Return the probability of each momentum of the basis, along each coordinate."""
        grid = self.grid
        weights = np.sum(np.abs(grid.forward(psi.copy())) ** 2, axis=0) * grid.scale * grid.volume
        return tuple(
            weights.sum(axis=tuple(k for k in range(grid.coordinates) if k != axis))
            for axis in range(grid.coordinates)
        )

    def mean_momenta(self, psi: ComplexArray, weights: tuple[FloatArray, ...]) -> FloatArray:
        """Return ⟨p_a⟩ (not divided by the norm)."""
        means = []
        for axis, name in enumerate(self.grid.bases):
            if name == "sine":
                slope = self.grid.derivative(psi, axis)
                means.append(float(np.vdot(psi, slope).imag) * self.grid.volume)
            else:
                means.append(float(weights[axis] @ self.grid.momenta[axis]))
        return np.array(means)

    def norm(self, psi: Any) -> float:
        """Return ⟨ψ|ψ⟩."""
        return float(np.vdot(psi, psi).real) * self.grid.volume
