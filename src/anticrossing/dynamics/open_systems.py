"""Exact evolution with an environment: its result, and how it is put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, fail
from anticrossing.dynamics import interference, liouville, panels
from anticrossing.dynamics.open_kernels import BlochKernel, OpenKernel, SuperoperatorKernel
from anticrossing.dynamics.request import Request, dagger, readout_frames, unreached
from anticrossing.environment import Environment

LARGEST_DIMENSION = 12


@dataclass(frozen=True, eq=False)
class OpenPropagation:
    """The result of `propagate` with an environment. Batch axes come first everywhere.

    Attributes
    ----------
    transition_matrix : array, shape (..., N, N)
        Probability ``[final, initial]`` between states of the read-out basis.
    probabilities : array, shape (..., N)
        Final probabilities in the read-out basis for the given initial state.
    density_matrix : array, shape (..., N, N)
        The final state, in the basis H is written in.
    superoperator : array, shape (..., N², N²)
        The map ρ(start) → ρ(stop), with ρ stacked row by row.
    times : array, shape (..., K)
        The requested times, if any.
    density_matrices : array, shape (..., K, N, N)
        The state at those times.
    populations : array, shape (..., K, N)
        Its populations in the adiabatic basis at those times (diabatic on that read-out).
    basis : str
        The read-out basis.
    panels : array of int, shape (...)
        Accepted panels of every parameter point.
    error_estimate : array, shape (...)
        Bound on the error of `transition_matrix`: the sum of what each panel left coupled, and
        the rounding of phases where ways of different phase interfere.
    phase : array, shape (...)
        The total dynamical phase in radians.
    warnings : tuple of str
        What a reader of the numbers should know.
    """

    transition_matrix: FloatArray
    probabilities: FloatArray
    density_matrix: ComplexArray
    superoperator: ComplexArray
    times: FloatArray
    density_matrices: ComplexArray
    populations: FloatArray
    basis: str
    panels: npt.NDArray[np.intp]
    evaluated_panels: int
    error_estimate: FloatArray
    phase: FloatArray
    warnings: tuple[str, ...]
    description: str

    @property
    def purity(self) -> FloatArray:
        """tr ρ² of the final state, shape (...)."""
        rho = self.density_matrix
        return np.asarray(np.einsum("...ij,...ji->...", rho, rho).real)

    def choi_eigenvalues(self) -> FloatArray:
        """Return the eigenvalues of the Choi matrix, (..., N²): none negative for a CP map."""
        levels = self.density_matrix.shape[-1]
        batch = self.superoperator.shape[:-2]
        tensor = self.superoperator.reshape(*batch, levels, levels, levels, levels)
        # S[(i,j),(k,l)] → C[(k,i),(l,j)]
        choi = np.moveaxis(tensor, (-4, -3, -2, -1), (-3, -1, -4, -2))
        return np.asarray(
            np.linalg.eigvalsh(choi.reshape(*batch, levels**2, levels**2)), np.float64
        )

    def __str__(self) -> str:
        lines = [
            f"Exact open evolution of {self.description}",
            f"  read-out           {self.basis} basis",
            f"  parameter points   {self.panels.size}",
            f"  panels             {int(np.max(self.panels))} at most per point, "
            f"{self.evaluated_panels} tried",
            f"  error estimate     {float(np.max(self.error_estimate)):.1e}",
        ]
        if self.probabilities.ndim == 1:
            values = "  ".join(f"{p:.6g}" for p in self.probabilities)
            lines.append(f"  probabilities      {values}")
        lines += [f"  note               {text}" for text in self.warnings]
        return "\n".join(lines)


def evolve(request: Request, environment: Environment) -> OpenPropagation:
    """Carry out a checked request with an environment."""
    lanes, basis = request.lanes, request.basis
    levels = lanes.hamiltonian.dimension
    if basis == "superadiabatic":
        raise fail(
            "basis",
            "be 'adiabatic' or 'diabatic' with an environment",
            "the superadiabatic basis is defined for unitary evolution",
        )
    if levels > LARGEST_DIMENSION:
        raise fail(
            "hamiltonian",
            f"have at most {LARGEST_DIMENSION} levels with an environment",
            f"it has {levels}: the generator would be a dense {levels**2} × {levels**2} matrix at "
            "every node; larger systems need quantum trajectories",
        )
    environment.check(levels)
    flat = environment.flat(lanes.batch_shape)
    kernel: OpenKernel = BlochKernel(flat) if levels == 2 else SuperoperatorKernel(flat, levels)
    evolution = panels.solve(
        lanes,
        kernel,
        tolerance=request.panel_tolerance,
        breakpoints=request.breakpoints,
        times=request.times,
    )
    # The end of the window joins the requested times as the last of them.
    ends = lanes.stop[:, None]
    times = ends if request.times is None else np.concatenate([request.times, ends], axis=1)
    product = np.concatenate([evolution.snapshots, evolution.propagator[:, None]], axis=1)
    maps, first, last = kernel.eigen_maps(lanes, product, times)
    before = liouville.kron(first, first.conj())[:, None]
    after = liouville.kron(last, last.conj())
    superoperators = after @ maps @ before.conj().swapaxes(-1, -2)

    levels_at = np.arange(levels) * (levels + 1)
    adiabatic = basis == "adiabatic"
    columns = rows = np.eye(levels**2, dtype=np.complex128)
    if not adiabatic:
        columns, rows = before[:, 0].conj().swapaxes(-1, -2), after[:, -1]
    columns = np.broadcast_to(columns[..., levels_at], (lanes.count, levels**2, levels))
    rows = np.broadcast_to(rows[..., levels_at, :], (lanes.count, levels, levels**2))
    error = evolution.error + interference.of_densities(lanes, kernel, evolution, columns, rows)
    warnings = list(unreached(error, request.accuracy))
    readout_frames(lanes, "adiabatic", request.accuracy, warnings)  # notes degenerate ends
    whole = maps[:, -1] if adiabatic else superoperators[:, -1]
    transition = whole[:, levels_at[:, None], levels_at].real

    start = _initial_density(request.initial, first if adiabatic else None, lanes.count, levels)
    start_eigen = dagger(first) @ start @ first
    if isinstance(request.initial, int) and adiabatic:
        start_eigen = np.zeros_like(start)
        start_eigen[:, request.initial, request.initial] = 1.0
    eigen = (maps @ start_eigen.reshape(-1, 1, levels**2, 1)).reshape(*times.shape, levels, levels)
    states = last @ eigen @ dagger(last)
    populations = np.einsum("pkii->pki", eigen if adiabatic else states).real
    final, probabilities = states[:, -1], populations[:, -1]

    batch = lanes.batch_shape
    return OpenPropagation(
        transition_matrix=transition.reshape(*batch, levels, levels),
        probabilities=probabilities.reshape(*batch, levels),
        density_matrix=final.reshape(*batch, levels, levels),
        superoperator=superoperators[:, -1].reshape(*batch, levels**2, levels**2),
        times=request.shaped_times(),
        density_matrices=states[:, :-1].reshape(*batch, -1, levels, levels),
        populations=populations[:, :-1].reshape(*batch, -1, levels),
        basis=basis,
        panels=evolution.panels.reshape(batch),
        evaluated_panels=evolution.evaluated,
        error_estimate=error.reshape(batch),
        phase=evolution.phase.reshape(batch),
        warnings=tuple(warnings),
        description=f"{request.description} with {environment!r}",
    )


def _initial_density(
    initial: int | ComplexArray, frame: ComplexArray | None, lanes: int, levels: int
) -> ComplexArray:
    """Return ρ(start) of every lane in the basis H is written in; levels are those of `frame`."""
    if isinstance(initial, int):
        basis = np.eye(levels, dtype=np.complex128)[None] if frame is None else frame
        vector = np.broadcast_to(basis[..., initial], (lanes, levels))
        return np.asarray(vector[..., :, None] * vector[..., None, :].conj())
    rho = initial if initial.ndim == 2 else np.outer(initial, initial.conj())
    return np.array(np.broadcast_to(rho, (lanes, levels, levels)), dtype=np.complex128)
