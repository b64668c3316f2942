"""What `propagate` returns, with or without an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import ComplexArray, FloatArray, InputError, fail
from anticrossing._core.qutip_objects import Dims
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, shown
from anticrossing.dynamics import liouville
from anticrossing.dynamics.gate import Gate, gate
from anticrossing.dynamics.states import WithStates
from anticrossing.spectrum.symmetry import listed_sizes
from anticrossing.units import Units


@dataclass(frozen=True, eq=False)
class Derivative(Result):
    """The derivative of an evolution with respect to one parameter.

    Read-out states move with the parameter; so does the window where the parameter sets it, as the
    rate of `drive.Linear` does: what is held is what the drive was made with.

    Attributes
    ----------
    parameter : str
        Its name.
    transition_matrix : array, shape (..., N, N)
        ∂P[final, initial]/∂p in the read-out basis.
    probabilities : array, shape (..., N)
        The same for the given initial state.
    populations : array, shape (..., K, N)
        The same as `probabilities` at the requested times.
    error_estimate : array, shape (...)
        Bound on the error of ∂P: of the panels, and of the phases' rounding.
    propagator : array, shape (..., N, N), or None
        ∂U(stop, start)/∂p in the basis H is written in.
    amplitudes : array, shape (..., N, N), or None
        The same between the read-out bases at the two ends.
    superoperator : array, shape (..., N², N²), or None
        With an environment: of the map ρ(start) → ρ(stop), with ρ stacked row by row.
    density_matrix : array, shape (..., N, N), or None
        With an environment: of the final state, in the basis H is written in.
    density_matrices : array, shape (..., K, N, N), or None
        The same at the requested times.
    log_probabilities : array, shape (..., N)
        ∂ ln P/∂p of the final probabilities; not a number where P is not known to a percent.
    """

    parameter: str
    transition_matrix: FloatArray
    probabilities: FloatArray
    populations: FloatArray
    error_estimate: FloatArray
    propagator: ComplexArray | None = None
    amplitudes: ComplexArray | None = None
    superoperator: ComplexArray | None = None
    density_matrix: ComplexArray | None = None
    density_matrices: ComplexArray | None = None
    log_probabilities: FloatArray | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "probability": shown("level", text="slope of the final probability", of="probabilities"),
        "transition_probability": shown(
            "final", "initial", text="slope of the transition's probability", of="transition_matrix"
        ),
        "population": shown(
            "time", "level", text="slope of the population at the requested time", of="populations"
        ),
        "propagator": shown("row", "column", text="slope of the propagator"),
        "amplitude": shown(
            "final", "initial", text="slope of the transition's amplitude", of="amplitudes"
        ),
        "density_matrix": shown("row", "column", text="slope of the final density matrix"),
        "error_estimate": shown(text="bound on the error of the slopes of probabilities"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"parameter": self.parameter}

    def plot(self, ax: Any = None) -> Any:
        """Draw the slopes of the final probabilities as bars.

        Returns
        -------
        matplotlib.axes.Axes
        """
        title = f"derivative by {self.parameter}"
        return drawing.draw(title, {"probability": self.variables()["probability"]}, ax=ax)


@dataclass(frozen=True, eq=False, kw_only=True)
class Propagation(WithStates):
    """The exact evolution of one or many parameter points. Batch axes come first everywhere.

    An evolution without environment is unitary and has a propagator; one with an environment has
    density matrices and, unless the initial state alone was followed, a superoperator. What the
    other kind has is None. Levels that decay, and nothing else, leave a propagator that is not
    unitary; states and density matrices then shrink, and probabilities sum to the survival.

    Attributes
    ----------
    transition_matrix : array, shape (..., N, N), or None
        Probability ``[final, initial]`` between states of the read-out basis; like the propagator,
        the amplitudes and the superoperator None where one state alone was asked for.
    probabilities : array, shape (..., N)
        Final probabilities in the read-out basis for the given initial state.
    times : array, shape (..., K)
        The requested times, if any.
    populations : array, shape (..., K, N)
        Probabilities in the read-out basis at those times.
    basis : str
        The read-out basis.
    panels : array of int, shape (...)
        Accepted panels of every parameter point.
    evaluated_panels : int
        Panels that were tried at all points together.
    error_estimate : array, shape (...)
        Bound on the error of the probabilities: the sum of what each panel left coupled, or each
        step left out, the rounding of phases where ways of different phase interfere, and what the
        best superadiabatic states at the ends leave open (`readout_residual`).
    phase : array, shape (...)
        The total dynamical phase Φ in radians.
    sectors : tuple of int
        The dimensions of the symmetry sectors that were followed one by one, where one state alone
        was asked for those it lives in; (N,) where all levels were followed together.
    warnings : tuple of str
        What a reader of the numbers should know.
    method : str
        How it was computed: by superadiabatic panels, at a cost that does not depend on slowness,
        or, where the phase is small, step by step: states by Taylor series of high order or by
        doubled steps, with an environment density matrices.
    steps : array of int, shape (...), or None
        The steps of every parameter point, if there were any.
    final_state : array, shape (..., N), or None
        The final state, in the basis H is written in.
    propagator : array, shape (..., N, N), or None
        U(stop, start) in the basis H is written in.
    amplitudes : array, shape (..., N, N), or None
        The propagator between the read-out bases at the two ends.
    states : array, shape (..., K, N), or None
        The state at the requested times, in the basis H is written in.
    phase_error : array, shape (...), or None
        The absolute error of phases in `propagator`: Φ times the rounding unit, and what the last
        digits of x and H add up to.
    readout_residual : array, shape (...), or None
        For the superadiabatic basis: the first terms that its series leaves out at the ends, or
        what turns the states of other orders that are as good, if that is more.
    readout_order : array of int, shape (...), or None
        The order of the superadiabatic states at the requested times (everywhere if it was given).
    density_matrix : array, shape (..., N, N), or None
        The final state, in the basis H is written in.
    density_matrices : array, shape (..., K, N, N), or None
        The state at the requested times.
    superoperator : array, shape (..., N², N²), or None
        The map ρ(start) → ρ(stop), with ρ stacked row by row.
    survival : array, shape (...), or None
        Where levels decay: the probability that nothing was lost, by the end.
    survivals : array, shape (..., K), or None
        The same at the requested times.
    log_survival : array, shape (...), or None
        The natural logarithm of the survival, also where that underflows.
    log_survival_error : array, shape (...), or None
        Bound on its error: the relative error of the survival.
    surviving_state : array, shape (..., N), or None
        The final state of levels that decay, of norm 1, also where the survival underflows; its
        error is of the size of `log_survival_error`.
    surviving_density_matrix : array, shape (..., N, N), or None
        Beside another environment the final density matrix of trace 1.
    dims : tuple of tuple of int, or None
        The factors of a tensor product, if H has them.
    gradients : mapping of str to Derivative, or None
        Derivatives with respect to the parameters that `gradient` named.
    """

    transition_matrix: Any  # an array, or None
    probabilities: FloatArray
    times: FloatArray
    populations: FloatArray
    basis: str
    panels: npt.NDArray[np.intp]
    evaluated_panels: int
    error_estimate: FloatArray
    phase: FloatArray
    warnings: tuple[str, ...]
    description: str
    units: Units
    sectors: tuple[int, ...] = ()
    method: str = "superadiabatic panels"
    steps: npt.NDArray[np.intp] | None = None
    final_state: ComplexArray | None = None
    propagator: ComplexArray | None = None
    amplitudes: ComplexArray | None = None
    states: ComplexArray | None = None
    phase_error: FloatArray | None = None
    readout_residual: FloatArray | None = None
    readout_order: npt.NDArray[np.intp] | None = None
    density_matrix: ComplexArray | None = None
    density_matrices: ComplexArray | None = None
    superoperator: ComplexArray | None = None
    survival: FloatArray | None = None
    survivals: FloatArray | None = None
    log_survival: FloatArray | None = None
    log_survival_error: FloatArray | None = None
    surviving_state: ComplexArray | None = None
    surviving_density_matrix: ComplexArray | None = None
    dims: Dims = None
    gradients: Mapping[str, Derivative] | None = None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "time": shown("time", text="requested time", unit="time", of="times"),
        "population": shown("time", "level", text="population of the level", of="populations"),
        "probability": shown("level", text="final probability", of="probabilities"),
        "transition_probability": shown(
            "final", "initial", text="probability of the transition", of="transition_matrix"
        ),
        "error_estimate": shown(text="bound on the error of the probabilities"),
        "panels": shown(text="accepted panels"),
        "steps": shown(text="steps"),
        "phase": shown(text="total dynamical phase", unit="rad"),
        "phase_error": shown(text="rounding of the phase", unit="rad"),
        "readout_residual": shown(text="coupling that superadiabatic states keep at the ends"),
        "readout_order": shown(text="order of the superadiabatic states"),
        "survival": shown(text="probability that nothing was lost"),
        "survival_at": shown("time", text="survival at the time", of="survivals"),
        "log_survival": shown(text="natural logarithm of the survival"),
        "log_survival_error": shown(text="bound on the error of the logarithm"),
        "purity": shown(text="trace of the square of the final density matrix"),
        "propagator": shown("row", "column", text="propagator from start to stop"),
        "amplitude": shown("final", "initial", text="amplitude of the transition", of="amplitudes"),
        "state": shown("time", "row", text="state at the time", of="states"),
        "final_state": shown("row", text="final state"),
        "surviving_state": shown("row", text="final state of norm 1"),
        "density_matrix": shown("row", "column", text="final density matrix"),
        "density_matrix_at": shown(
            "time", "row", "column", text="density matrix at the time", of="density_matrices"
        ),
        "surviving_density_matrix": shown("row", "column", text="density matrix of trace 1"),
        "superoperator": shown(
            "entry_after", "entry_before", text="map of density matrices, stacked row by row"
        ),
    }

    @property
    def is_unitary(self) -> bool:
        """Whether there was no environment."""
        return self.density_matrix is None and self.survival is None

    @property
    def purity(self) -> FloatArray | None:
        """tr ρ² of the final density matrix, shape (...)."""
        rho = self.density_matrix
        return None if rho is None else np.asarray(np.einsum("...ij,...ji->...", rho, rho).real)

    def choi_eigenvalues(self) -> FloatArray:
        """Return the eigenvalues of the Choi matrix, (..., N²): none negative for a CP map.

        Raises
        ------
        InputError
            For an evolution without environment, or of one state alone: it has no superoperator.
        """
        if self.superoperator is None:
            raise InputError(
                "An evolution without environment, or of one state alone, has no superoperator."
            )
        return liouville.choi_eigenvalues(self.superoperator)

    def gate(self, states: Any, after: Any = None) -> Gate:
        """Return what the evolution does to a few states as a gate: phases, leakage, fidelity.

        Parameters
        ----------
        states : list of int, or array, shape (N, d) or batch shape + (N, d)
            Numbers of states of the basis H is written in, or orthonormal columns, such as
            `spectrum.dressed_states`. Of two qubits in the order 00, 01, 10, 11.
        after : likewise, optional
            The states at the end; by default the same.

        Returns
        -------
        Gate

        Raises
        ------
        InputError
            For states that are not orthonormal, or without a propagator: with an environment, or of
            one state alone.

        Examples
        --------
        >>> import anticrossing as ac
        >>> pair = ac.models.CoupledTransmons(
        ...     fixed_frequency=5.0, anharmonicities=(-0.3, -0.3), coupling=0.03
        ... ).with_units(ac.Units("GHz", "ns"))
        >>> pulse = ac.drive.FastAdiabatic(
        ...     0.8, 0.0, duration=20.0, gap=0.085, coefficients=[1.0, -0.1], offset=5.3
        ... )
        >>> qubits = ac.spectrum.dressed_states(pair, pulse.start, ["00", "01", "10", "11"])
        >>> gate = ac.propagate(pair, pulse).gate(qubits)
        >>> round(float(gate.conditional_phase / np.pi), 2), bool(gate.average_leakage < 2e-4)
        (-0.97, True)
        """
        if self.propagator is None:
            raise fail("states", "be those of a whole propagator", "there is none")
        assert self.phase_error is not None
        return gate(
            self.propagator,
            states,
            after,
            self.error_estimate,
            self.phase_error,
            decays=self.log_survival is not None,
        )

    def variables(self) -> dict[str, Variable]:
        """Return the numbers by name; those along the requested times only if there are any."""
        return {name: v for name, v in super().variables().items() if np.size(v.values)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the populations along the requested times, else the final probabilities as bars.

        Times that differ between the parameter points have no common axis: bars are drawn.

        Returns
        -------
        matplotlib.axes.Axes
        """
        found, title = self.variables(), f"{self.basis} basis"
        if "time" not in found:
            return drawing.draw(title, {"probability": found["probability"]}, ax=ax)
        along = np.moveaxis(self.populations, -2, 0).reshape(self.times.shape[-1], -1)
        population = found["population"]._replace(dims=("time", "level"), values=along)
        return drawing.draw(title, {"population": population, "time": found["time"]}, ax=ax)

    def _attributes(self) -> dict[str, Any]:
        found = {
            "problem": self.description,
            "basis": self.basis,
            "method": self.method,
            "evaluated_panels": self.evaluated_panels,
        }
        if self.sectors not in ((), self.probabilities.shape[-1:]):
            found["sectors"] = f"{len(self.sectors)}, of size {listed_sizes(self.sectors)}"
        return found
