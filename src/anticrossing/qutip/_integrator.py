"""`propagate` as an integrator of QuTiP's solvers. QuTiP is imported here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from qutip.solver.integrator import Integrator, IntegratorException

import qutip
from anticrossing._core.checks import ComplexArray, FloatArray, fail
from anticrossing._core.qutip_objects import column_stacked
from anticrossing.dynamics import propagate
from anticrossing.dynamics.request import check_tolerance
from anticrossing.qutip import _generator

_EMPTY = 1e-300
_PANELS = 25  # whose neglected parts together stay within the tolerance
_SMALLEST = 1e-13  # tolerance of `propagate`
_ROUNDING = 1e-15  # weights that are none


class PanelIntegrator(Integrator):  # type: ignore[misc]  # QuTiP is not typed
    """Evolves states by superadiabatic panels, all requested times in one call."""

    integrator_options: ClassVar[dict[str, Any]] = {"tolerance": 1e-8}
    support_time_dependant = True
    supports_blackbox = False
    method = "anticrossing"

    def _prepare(self) -> None:
        self.name = "anticrossing"
        if type(self.system) is not qutip.QobjEvo:
            raise fail("options", "leave `matrix_form` out", "this method takes superoperators")

    def set_state(self, t: float, state0: Any) -> None:
        self._t, self._state = float(t), np.asarray(state0.to_array(), dtype=np.complex128)
        self._is_set = True

    def get_state(self, copy: bool = True) -> tuple[float, Any]:
        return self._t, qutip.core.data.Dense(self._state, copy=copy)

    def integrate(self, t: float, copy: bool = True) -> tuple[float, Any]:
        if t < self._t:
            raise IntegratorException(f"`t` must not be before {self._t}, but it is {t}.")
        if t > self._t:
            self._follow(np.array([self._t, float(t)]))
        return self.get_state(copy)

    def run(self, tlist: Any) -> Iterator[tuple[float, Any]]:
        times = np.concatenate([[self._t], np.asarray(tlist[1:], dtype=np.float64)])
        if times.size > 1:
            yield from ((float(t), state) for t, state in self._along(times))

    @property
    def options(self) -> dict[str, Any]:
        """
        Supported options by the method anticrossing:

        tolerance : float, default: 1e-8
            Wanted accuracy of the probabilities, between 1e-13 and 1e-2; a bound on the
            error that is larger is told in a warning.
        """
        return dict(self._options)

    @options.setter
    def options(self, new_options: dict[str, Any]) -> None:
        Integrator.options.fset(self, new_options)

    def _along(self, times: FloatArray) -> Iterator[tuple[float, Any]]:
        for t, state in zip(times[1:], self._follow(times), strict=True):
            yield t, qutip.core.data.Dense(state)

    def _follow(self, times: FloatArray) -> ComplexArray:
        """Return the states (K, D, m) at the times after the first, and go to the last of them."""
        check_tolerance(self._options["tolerance"])
        of = _generator.of_densities if self.system.issuper else _generator.of_states
        problem = of(self.system, times)
        if self._state.shape[1] > 1:
            found = self._maps(problem, times)
        elif problem.environment is None and not self.system.issuper:
            found = self._ket(problem, times)
        else:
            found = self._density(problem, times)
        self._t, self._state = float(times[-1]), found[-1]
        return found

    def _ket(self, problem: _generator.Problem, times: FloatArray) -> ComplexArray:
        norm = float(np.linalg.norm(self._state))
        if norm < _EMPTY:
            return np.zeros((times.size - 1, *self._state.shape), dtype=np.complex128)
        result = self._propagate(problem, times, self._state[:, 0] / norm)
        states = np.concatenate([result.states[1:], result.final_state[None]])
        return np.asarray(norm * states[..., None])

    def _density(self, problem: _generator.Problem, times: FloatArray) -> ComplexArray:
        """Follow a matrix as a sum of density matrices: one, if it is one."""
        levels = problem.hamiltonian.dimension
        matrix = self._state.reshape(levels, levels).T  # QuTiP stacks columns
        total = np.zeros((times.size - 1, levels, levels), dtype=np.complex128)
        for phase, part in _hermitian_parts(matrix):
            if problem.environment is None:
                for weight, ket in _kets(part):
                    result = self._propagate(problem, times, ket)
                    kets = np.concatenate([result.states[1:], result.final_state[None]])
                    total += phase * weight * kets[:, :, None] * kets[:, None, :].conj()
            else:
                for weight, rho in _densities(part):
                    result = self._propagate(problem, times, rho)
                    last = result.density_matrix[None]
                    matrices = np.concatenate([result.density_matrices[1:], last])
                    total += phase * weight * matrices
        return total.swapaxes(-1, -2).reshape(times.size - 1, levels**2, 1)

    def _maps(self, problem: _generator.Problem, times: FloatArray) -> ComplexArray:
        """Follow a matrix of several columns from one time to the next."""
        state, found = self._state, []
        of = _generator.of_densities if self.system.issuper else _generator.of_states
        for k in range(times.size - 1):
            part = problem if times.size == 2 else of(self.system, times[k : k + 2])
            state = self._map(part) @ state
            found.append(state)
        return np.array(found)

    def _map(self, problem: _generator.Problem) -> ComplexArray:
        """Return the propagator of a whole window, of density matrices with columns stacked."""
        result = self._propagate(problem, None, 0)
        if not self.system.issuper:
            return np.asarray(result.propagator)
        if result.superoperator is None:
            rows = np.kron(result.propagator, result.propagator.conj())
        else:
            rows = result.superoperator
        levels = problem.hamiltonian.dimension
        return np.asarray(column_stacked(rows, levels))

    def _propagate(
        self, problem: _generator.Problem, times: FloatArray | None, initial: Any
    ) -> Any:
        """Return the evolution of one state, with a warning where it is not accurate."""
        # Every requested time ends a panel, and the neglected parts of all panels add up.
        tolerance = float(self._options["tolerance"])
        pieces = 1 if times is None else max(1.0, times.size / _PANELS)
        result = propagate(
            problem.hamiltonian,
            problem.drive,
            environment=problem.environment,
            initial=initial,
            basis="diabatic",
            times=None if times is None else times[:-1],
            whole=times is None,
            tolerance=max(0.01 * tolerance / pieces, _SMALLEST),
        )
        error = float(np.max(result.error_estimate))
        if error > tolerance:
            warnings.warn(
                f"anticrossing: the error of probabilities may be {error:.1g}, more than the "
                f"tolerance {tolerance:.1g}: H changes so fast, or a phase is so long, that "
                "doubles do not hold them",
                stacklevel=2,
            )
        return result


def _hermitian_parts(matrix: ComplexArray) -> list[tuple[complex, ComplexArray]]:
    """Return a matrix as A + iB with Hermitian A and B, without what vanishes."""
    mirror = matrix.conj().T
    parts = [(1.0 + 0.0j, (matrix + mirror) / 2), (1.0j, (matrix - mirror) / 2j)]
    return [(phase, part) for phase, part in parts if np.any(part)]


def _kets(part: ComplexArray) -> list[tuple[float, ComplexArray]]:
    """Return a Hermitian matrix as Σ w |v⟩⟨v|."""
    weights, vectors = np.linalg.eigh(part)
    keep = np.abs(weights) > _ROUNDING * np.max(np.abs(weights))
    return list(zip(weights[keep].tolist(), vectors.T[keep], strict=True))


def _densities(part: ComplexArray) -> list[tuple[float, ComplexArray]]:
    """Return a Hermitian matrix as Σ w ρ of density matrices."""
    levels, size = part.shape[0], float(np.max(np.abs(part)))
    lowest = float(np.linalg.eigvalsh(part)[0])
    shift = 0.0 if lowest > -_ROUNDING * size else size - lowest
    lifted = part + shift * np.eye(levels)
    trace = float(np.trace(lifted).real)
    found = [(trace, lifted / trace)]
    if shift:
        found.append((-shift * levels, np.eye(levels, dtype=np.complex128) / levels))
    return found
