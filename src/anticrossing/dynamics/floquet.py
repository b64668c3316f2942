"""Floquet theory of closed systems: quasi-energies, modes, and averages over all time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, choice
from anticrossing._core.linalg import dagger, hermitian_part
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics._period import Period, fold
from anticrossing.dynamics._sectors import Sectored
from anticrossing.dynamics.periodic import BASES
from anticrossing.dynamics.readout import unreached
from anticrossing.dynamics.request import (
    check_initial,
    check_kinds,
    check_symmetry,
    check_tolerance,
)
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Symmetry
from anticrossing.units import Units

_TOLD = 1e-3  # larger errors of modes are told
_DEGENERATE = 1e-10  # of ω: quasi-energies this close beat slower than rounding can tell


@dataclass(frozen=True, eq=False)
class Floquet(Result):
    """Quasi-energies and modes of a periodically driven system. Batch axes come first everywhere.

    The solutions are ψ_α(t) = e^{−i q_α (t − t₀)} u_α(t) with periodic modes u_α; t₀ is the start
    of the drive's window.

    Attributes
    ----------
    quasi_energies : array, shape (..., N)
        q_α in (−ω/2, ω/2], ascending, in the Hamiltonian's energy unit.
    modes : array, shape (..., N, N)
        ``modes[..., α]`` is u_α(t₀) in the basis H is written in, its largest component positive.
    frequency : array, shape (...)
        The energy of one photon, ω, in the Hamiltonian's unit.
    error_estimate : array, shape (...)
        Of a quasi-energy: what the solver neglected in one period, and the rounding of the phases
        in it, over the period. The error of a mode is as much over the distance to the next one.
    warnings : tuple of str
    """

    quasi_energies: FloatArray
    modes: ComplexArray
    frequency: FloatArray
    error_estimate: FloatArray
    warnings: tuple[str, ...]
    _period: Period
    _sectored: Sectored
    _tolerance: float

    _variables: ClassVar[Mapping[str, Shown]] = {
        "quasi_energy": shown("mode", text="quasi-energy", unit="energy", of="quasi_energies"),
        "frequency": shown(text="energy of one photon", unit="energy"),
        "error_estimate": shown(text="error of a quasi-energy", unit="energy"),
        "mode_state": shown("state", "mode", text="mode at the start of a period", of="modes"),
    }

    def _own_units(self) -> Units:
        return self._period.lanes.hamiltonian.units

    def _attributes(self) -> dict[str, Any]:
        lanes = self._period.lanes
        return {"problem": f"{lanes.hamiltonian!r} under {lanes.drive!r}"}

    def modes_at(self, times: npt.ArrayLike) -> ComplexArray:
        """Return u_α(t), shape (..., K, N, N), at increasing times (K,) within the first period."""
        wanted = self._period.lanes.check_times(times, where="within one period,")
        return self._modes(wanted).reshape(
            *self.frequency.shape, wanted.shape[1], *self.modes.shape[-2:]
        )

    @cached_property
    def mean_energies(self) -> FloatArray:
        """The mean of ⟨u_α|H|u_α⟩ over a period, shape (..., N), in the Hamiltonian's unit."""
        lanes = self._period.lanes

        def energies(times: FloatArray) -> FloatArray:
            modes = self._modes(times)
            matrices = lanes.matrices(times, np.arange(lanes.count))
            return np.asarray(np.sum((modes.conj() * (matrices @ modes)).real, axis=-2))

        # The accuracy of the average is relative to the largest energy.
        mean = self._period.average(energies, self._tolerance) / lanes.hamiltonian.units.angular
        return np.asarray(mean.reshape(self.quasi_energies.shape))

    def mean_energy_matrix(self, first: int, second: int) -> ComplexArray:
        """Return the mean of ⟨u_α|H|u_β⟩ over a period for two modes, shape (..., 2, 2).

        The second mode is taken with the quasi-energy, modulo ω, that is nearest to the first: at
        a resonance the two eigenvalues lie as far apart as the uncoupled levels do, nω.
        """
        lanes = self._period.lanes
        levels = lanes.hamiltonian.dimension
        q = self.quasi_energies.reshape(-1, levels)
        photons = np.round((q[:, second] - q[:, first]) / self.frequency.reshape(-1))

        def energies(times: FloatArray) -> ComplexArray:
            pair = self._modes(times)[..., [first, second]]
            angle = (photons * self._period.frequency)[:, None] * (times - lanes.start[:, None])
            pair[..., 1] *= np.exp(-1j * angle)[..., None]
            return np.asarray(dagger(pair) @ lanes.matrices(times, np.arange(lanes.count)) @ pair)

        mean = self._period.average(energies, self._tolerance) / lanes.hamiltonian.units.angular
        return np.asarray(mean.reshape(*self.frequency.shape, 2, 2), np.complex128)

    def populations(self, basis: str = "adiabatic") -> FloatArray:
        """Return the mean populations of every mode over a period, shape (..., level, α)."""
        means = np.einsum("...iaa->...ia", self._mean_projectors(basis)).real
        return means.reshape(self.modes.shape)

    def time_averaged_populations(
        self, initial: int | npt.ArrayLike = 0, basis: str = "adiabatic"
    ) -> FloatArray:
        """Return populations averaged over all time, shape (..., N), from a state at t₀.

        Σ_α |⟨u_α(t₀)|ψ⟩|² times the mean populations of u_α; modes of equal quasi-energy keep their
        coherence.

        Parameters
        ----------
        initial : int or array, shape (N,)
            The initial level in that basis (0 is the lowest), or a state vector.
        basis : {"adiabatic", "diabatic"}
            Of the initial level and of the populations.
        """
        choice("basis", basis, BASES)
        lanes = self._period.lanes
        levels = lanes.hamiltonian.dimension
        state = check_initial(levels, initial)
        if not isinstance(state, int):
            vectors = np.broadcast_to(state, (lanes.count, levels))
        elif basis == "diabatic":
            vectors = np.broadcast_to(np.eye(levels)[state], (lanes.count, levels))
        else:
            matrices = lanes.matrices(lanes.start[:, None], np.arange(lanes.count))[:, 0]
            vectors = np.linalg.eigh(matrices)[1][..., state]
        modes = self.modes.reshape(-1, levels, levels)
        amplitudes = (dagger(modes) @ vectors[..., None])[..., 0]
        omega = self.frequency.reshape(-1, 1, 1)
        q = self.quasi_energies.reshape(-1, levels)
        apart = fold(q[:, :, None] - q[:, None, :], omega)
        together = np.abs(apart) <= _DEGENERATE * omega
        density = amplitudes[:, :, None].conj() * amplitudes[:, None, :] * together
        found = np.einsum("pab,piab->pi", density, self._mean_projectors(basis)).real
        return np.asarray(found.reshape(self.quasi_energies.shape))

    def _mean_projectors(self, basis: str) -> ComplexArray:
        """Return the mean of ⟨u_α|i⟩⟨i|u_β⟩ over a period, shape (lanes, i, α, β)."""
        choice("basis", basis, BASES)
        lanes = self._period.lanes

        def projectors(times: FloatArray) -> ComplexArray:
            modes = self._modes(times)
            if basis == "adiabatic":
                frames = np.linalg.eigh(lanes.matrices(times, np.arange(lanes.count)))[1]
                modes = dagger(frames) @ modes
            return np.asarray(modes.conj()[..., :, None] * modes[..., None, :])

        return np.asarray(self._period.average(projectors, self._tolerance))

    def _modes(self, times: FloatArray) -> ComplexArray:
        """Return the modes at `times` (lanes, K): (lanes, K, N, N)."""
        lanes, sectored = self._period.lanes, self._sectored
        levels = lanes.hamiltonian.dimension
        solved = self._period.closed(sectored, self._tolerance, times)
        moved = sectored.matrix([evolution.snapshots for evolution in solved.blocks])
        q = self.quasi_energies.reshape(-1, levels) * lanes.hamiltonian.units.angular
        phases = np.exp(1j * (times - lanes.start[:, None])[..., None] * q[:, None, :])
        first = self.modes.reshape(-1, 1, levels, levels)
        return np.asarray(solved.shared_between(moved) @ first * phases[..., None, :])


def floquet(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    period: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    symmetry: Symmetry | None = None,
) -> Floquet:
    """Return the quasi-energies and Floquet modes of a periodic drive, U u_α = e^{−2πi q_α/ω} u_α.

    U is the exact propagator over one period.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels. Array parameters make a batch.
    drive : Drive
        x(t); the period starts with its window.
    period : float or array, optional
        The period of a drive whose formula shows none: tones with a common divisor do;
        the window must hold one.
    tolerance : float
        Wanted accuracy of probabilities, between 1e-13 and 1e-2.
    symmetry : Symmetry, optional
        Labels or operators that H(x) keeps, as for `propagate`. Every mode belongs to one sector,
        those of equal quasi-energies too.

    Returns
    -------
    Floquet

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.

    References
    ----------
    J. H. Shirley, Phys. Rev. 138, B979 (1965).

    Examples
    --------
    At a resonance n = 1 the quasi-energies repel by about g J₁(A/ω) = 0.0576:

    >>> import anticrossing as ac
    >>> found = floquet(ac.models.LandauZener(gap=0.1), ac.drive.Sinusoidal(1.0, 2.0, 1.0))
    >>> q = found.quasi_energies
    >>> round(float(found.frequency - (q[1] - q[0])), 4)
    0.0577
    """
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    accuracy = check_tolerance(tolerance)
    check_symmetry(hamiltonian, symmetry)
    over = Period.of(hamiltonian, drive, period)
    levels = hamiltonian.dimension
    sectored = Sectored.of(over.lanes, symmetry) or Sectored.whole(over.lanes)
    solved = over.closed(sectored, accuracy)
    error = solved.error + sectored.turns(solved)
    own = [_unitary_eigen(solved.shared(evolution.propagator)) for evolution in solved.blocks]
    phases = sectored.joined([phase for phase, _ in own])
    columns = sectored.diagonal([vectors for _, vectors in own]).swapaxes(-1, -2)
    modes = sectored.to_given(columns).swapaxes(-1, -2)
    omega = over.frequency[:, None]
    q = fold(phases / over.length[:, None], omega)
    order = np.argsort(q, axis=-1)
    q = np.take_along_axis(q, order, axis=-1)
    modes = np.take_along_axis(modes, order[:, None, :], axis=-1)
    largest = np.take_along_axis(modes, np.abs(modes).argmax(axis=-2)[:, None, :], axis=-2)
    modes = modes * (np.abs(largest) / largest)
    batch, angular = over.lanes.batch_shape, hamiltonian.units.angular
    return Floquet(
        (q / angular).reshape(*batch, levels),
        modes.reshape(*batch, levels, levels),
        (over.frequency / angular).reshape(batch),
        (error / over.length / angular).reshape(batch),
        unreached(error, accuracy) + _near(q, omega, error / over.length),
        over,
        sectored,
        accuracy,
    )


def _near(q: FloatArray, omega: FloatArray, error: FloatArray) -> tuple[str, ...]:
    """Return a warning where quasi-energies (lanes, N) lie so close that modes are hardly known."""
    apart = np.diff(q, axis=-1, append=q[:, :1] + omega).min(axis=-1)
    worst = float(np.max(error / np.maximum(apart, error), initial=0.0))
    if worst <= _TOLD:
        return ()
    return (f"quasi-energies lie so close that their modes are known to {worst:.1g} only",)


def _unitary_eigen(unitary: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """Return φ and orthonormal u of U u = e^{−iφ} u, for (lanes, N, N)."""
    # The Cayley transform of U is Hermitian, so that degenerate modes come out orthogonal; U is
    # turned so that −1 falls in the middle of its largest spectral gap.
    rough = np.sort(-np.angle(np.linalg.eigvals(unitary)), axis=-1)
    gaps = np.diff(rough, axis=-1, append=rough[:, :1] + 2 * np.pi)
    widest = np.argmax(gaps, axis=-1)[:, None]
    middle = np.take_along_axis(rough + 0.5 * gaps, widest, axis=-1)
    turn = middle - np.pi
    turned = unitary * np.exp(1j * turn)[..., None]
    identity = np.eye(unitary.shape[-1])
    cayley = -1j * np.linalg.solve(identity + turned, identity - turned)
    tangents, modes = np.linalg.eigh(hermitian_part(cayley))
    return np.asarray(2 * np.arctan(tangents) + turn), modes
