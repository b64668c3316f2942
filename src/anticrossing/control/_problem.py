"""An ensemble of points that one drive is to serve, and how well a drive serves each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray, fail
from anticrossing.control._shapes import Shape
from anticrossing.control._steps import Stepper, nodes
from anticrossing.control.targets import Asked, Target
from anticrossing.drive import Drive
from anticrossing.dynamics.propagation import propagate
from anticrossing.hamiltonian import Hamiltonian, check_finite_hermitian

NOISE_NODES = 7  # of the Gauss–Hermite rule for a still Gaussian offset
_PHASE = 1.5  # that the first steps may turn by
_MOST_STEPS = 2**15
_DEGENERATE = 1e-12  # of the largest energy
_DOUBT = 10.0  # times the tolerance, from which on the exact evolution's own warnings count
_STATES = 0.05  # error of the final states, in roots of the wanted infidelity


@dataclass(frozen=True)
class Ensemble:
    """P points of H, each with Q still offsets of the coordinate, whose probabilities add to one.

    Attributes
    ----------
    hamiltonian : Hamiltonian
        Its batch are the P points.
    offsets, shares : array, shape (Q,)
        Offsets and their probabilities.
    target : Target
    ends : tuple of float
        Where levels are counted before and after.
    """

    hamiltonian: Hamiltonian
    offsets: FloatArray
    shares: FloatArray
    target: Target
    ends: tuple[float, float]

    @property
    def count(self) -> int:
        """P."""
        return int(np.prod(self.hamiltonian.batch_shape))

    def asked(self) -> Asked:
        """Return what is asked at all P·Q points."""
        frames = []
        for number, end in enumerate(self.ends):
            values = self.hamiltonian(end + self.offsets)
            check_finite_hermitian(values, end + self.offsets)
            size = self.hamiltonian.dimension
            energies, vectors = np.linalg.eigh(values.reshape(-1, size, size))
            self._check_apart(energies, number)
            frames.append(vectors.astype(np.complex128))
        return self.target.ask(frames[0], frames[1])

    def _check_apart(self, energies: FloatArray, end: int) -> None:
        """Raise `InputError` where a level that the target counts is degenerate."""
        largest = np.max(np.abs(energies), axis=-1)
        for level in self.target.counted(end):
            if level >= energies.shape[-1]:
                continue  # refused where the target is asked
            others = np.delete(energies, level, axis=-1)
            gap = np.min(np.abs(others - energies[:, [level]]), axis=-1, initial=np.inf)
            if np.any(gap <= _DEGENERATE * largest):
                where = f"{self.ends[end]:g}"
                raise fail(
                    "target", "count levels that stand alone", f"level {level} does not at {where}"
                )

    def parameters(self) -> tuple[dict[str, FloatArray], FloatArray]:
        """Return the parameters of H and the offsets at all P·Q points."""
        flat = self.hamiltonian.flat_parameters(self.hamiltonian.batch_shape)
        repeated = {key: np.repeat(value, self.offsets.size) for key, value in flat.items()}
        return repeated, np.tile(self.offsets, self.count)

    def mean(self, values: FloatArray) -> FloatArray:
        """Return averages over the offsets, (P, …), of values (P·Q, …)."""
        table = values.reshape(self.count, self.offsets.size, *values.shape[1:])
        return np.asarray(np.einsum("pq...,q->p...", table, self.shares))

    def exact(
        self, drive_at: Callable[[float], Drive], phases: FloatArray, tolerance: float
    ) -> tuple[FloatArray, tuple[str, ...]]:
        """Return the infidelities (P,) by `propagate`, of the drive for each offset."""
        asked = self.asked()
        found: list[FloatArray] = []
        notes: list[str] = []
        every = np.arange(self.count) * self.offsets.size
        for q, offset in enumerate(self.offsets.tolist()):
            own = Asked(asked.columns[every + q], asked.wanted[every + q])
            drive = drive_at(offset)
            run = propagate(self.hamiltonian, drive, basis="diabatic", tolerance=tolerance)
            size = self.hamiltonian.dimension
            assert run.propagator is not None
            final = run.propagator.reshape(-1, size, size) @ own.columns
            found.append(self.target.infidelity(own, final, phases)[0])
            if np.max(run.error_estimate) > _DOUBT * tolerance:
                notes += run.warnings
        return np.asarray(np.stack(found, axis=1) @ self.shares), tuple(dict.fromkeys(notes))


@dataclass(frozen=True)
class Problem:
    """A family of drives for an ensemble, followed in given steps.

    `value` takes coefficients and free phases; it returns infidelities (P,) and their derivatives
    (P, n + m).
    """

    ensemble: Ensemble
    shape: Shape
    asked: Asked
    stepper: Stepper
    base: FloatArray
    basis: FloatArray

    @classmethod
    def make(cls, ensemble: Ensemble, shape: Shape, per_piece: int) -> Problem:
        """Return the problem with so many steps on every smooth piece."""
        times, lengths = nodes(shape.edges, np.full(shape.edges.size - 1, per_piece))
        parameters, offsets = ensemble.parameters()
        flat = times.ravel()
        return cls(
            ensemble,
            shape,
            ensemble.asked(),
            Stepper(ensemble.hamiltonian, parameters, offsets, lengths),
            shape.base(flat).reshape(times.shape),
            shape.basis(flat).reshape(*times.shape, -1),
        )

    @property
    def per_piece(self) -> int:
        """Steps on every piece."""
        return self.stepper.lengths.size // (self.shape.edges.size - 1)

    def finer(self) -> Problem:
        """Return the problem with steps of half the length."""
        return Problem.make(self.ensemble, self.shape, 2 * self.per_piece)

    def positions(self, coefficients: FloatArray) -> FloatArray:
        """Return x at the nodes, (S, 2)."""
        return np.asarray(self.base + self.basis @ coefficients)

    def final(self, coefficients: FloatArray) -> ComplexArray:
        """Return the final states of all points."""
        return self.stepper.final(self.positions(coefficients), self.asked.columns)

    def value(self, coefficients: FloatArray, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return infidelities and their derivatives."""
        kept: list[FloatArray] = []

        def figure(final: ComplexArray) -> tuple[FloatArray, ComplexArray]:
            found, slope, by_phases = self.ensemble.target.infidelity(self.asked, final, phases)
            kept.append(by_phases)
            return found, slope

        x = self.positions(coefficients)
        found, by_nodes = self.stepper.derivative(x, self.asked.columns, figure)
        slopes = by_nodes.reshape(found.size, -1) @ self.basis.reshape(-1, self.shape.count)
        whole = np.concatenate([slopes, kept[0]], axis=1)
        return self.ensemble.mean(found), self.ensemble.mean(whole)


def resolved(ensemble: Ensemble, shape: Shape, trials: FloatArray, goal: float) -> Problem:
    """Return the problem with steps that give the final states of trial drives well enough."""
    problem = Problem.make(ensemble, shape, _first_steps(ensemble, shape, trials))
    finals = [problem.final(trial) for trial in trials]
    while problem.stepper.lengths.size <= _MOST_STEPS:
        finer = problem.finer()
        found = [finer.final(trial) for trial in trials]
        # Of a fourth-order method the finer steps are sixteen times better than the difference.
        apart = max(_apart(a, b) for a, b in zip(finals, found, strict=True))
        if apart < _STATES * np.sqrt(goal):
            return problem
        if apart < 8 * _STATES * np.sqrt(goal):
            return finer
        problem, finals = finer, found
    raise ConvergenceError(
        f"The drives need more than {_MOST_STEPS} steps to be followed: choose a shorter duration."
    )


def _apart(one: ComplexArray, other: ComplexArray) -> float:
    """Return the largest distance of states that differ by no phase."""
    overlap = np.sum(one.conj() * other, axis=-2, keepdims=True)
    phase = overlap / np.maximum(np.abs(overlap), 1e-300)
    return float(np.max(np.linalg.norm(one * phase - other, axis=-2)))


def _first_steps(ensemble: Ensemble, shape: Shape, trials: FloatArray) -> int:
    """Return steps per piece within which H turns its states by little more than a radian."""
    times = np.linspace(0.0, shape.duration, 65)
    x = shape.base(times) + shape.basis(times) @ trials[0]
    low, high = float(x.min()), float(x.max())
    levels = np.linalg.eigvalsh(ensemble.hamiltonian(np.linspace(low, high, 9)))
    spread = float(np.max(levels[..., -1] - levels[..., 0])) * ensemble.hamiltonian.units.angular
    longest = float(np.diff(shape.edges).max())
    return int(np.clip(np.ceil(spread * longest / _PHASE / 4), 1, _MOST_STEPS))
