"""Berry phases of closed loops, and Wilson loops of several levels.

Signs: the phase of a loop is ``γ = ∮ A·dR`` with ``A = i⟨n|∇n⟩``; after a slow cycle the state has
gained ``e^{iγ}`` beside its dynamic phase. For ``H = B·S`` the state of spin component m along the
field gains ``−mΩ`` on a loop that spans the solid angle Ω.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    check_flag,
    fail,
    integer,
    positive_number,
    real_array,
    single_point,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.linalg import polar
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Path
from anticrossing.geometry._paths import (
    borders,
    check_levels,
    check_points,
    check_single,
    describe_point,
    matrices,
    own_shape,
    polyline,
    same_matrix,
)
from anticrossing.geometry._transport import Sampler, chain, transport_between_dips
from anticrossing.hamiltonian import Hamiltonian, Matrices, check_fits, number_array

Loop = Path | Callable[[float], npt.ArrayLike] | npt.ArrayLike

_FIRST_PANELS = 8  # of a loop that is a function
_ORTHOGONAL = 1e-8  # overlap below which no phase relates two vectors


@dataclass(frozen=True, eq=False)
class WilsonLoop(Result):
    """The unitary matrix that levels gain on a closed loop.

    Attributes
    ----------
    levels : tuple of int
        The levels followed, counted by energy.
    matrix : array, shape (m, m)
        ``W``: the transport takes ``vectors`` to ``vectors @ W``.
    vectors : array, shape (N, m)
        The eigenvectors at the start of the loop in which `matrix` is written.
    phases : array, shape (m,)
        Eigenphases of W in (−π, π], sorted: independent of all gauges.
    total_phase : float
        Phase of det W in (−π, π].
    smallest_gap : float
        The smallest gap between these levels and the others on the loop (infinite without others).
    smallest_gap_at : array, shape (f,), or float for one coordinate
        Where that is.
    error : float
        Estimated error of `matrix`.
    evaluations : int
        How many points were diagonalised.
    """

    levels: tuple[int, ...]
    matrix: Matrices
    vectors: Matrices
    phases: FloatArray
    total_phase: float
    smallest_gap: float
    smallest_gap_at: FloatArray
    error: float
    evaluations: int

    _variables: ClassVar[Mapping[str, Shown]] = {
        "phases": shown("phase", text="eigenphase of the loop", unit="rad"),
        "total_phase": shown(text="phase of the determinant", unit="rad"),
        "smallest_gap": shown(text="smallest gap to other levels on the loop"),
        "error": shown(text="error of the matrix"),
        "evaluations": shown(text="points that were diagonalised"),
        "level": shown("level", text="level that is followed"),
        "matrix": shown("row", "column", text="unitary matrix of the loop"),
        "vectors": shown("component", "level", text="eigenvectors at the start"),
        "smallest_gap_at": shown("coordinate", text="place of the smallest gap", of="_gap_at"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the eigenvalues of the loop on the unit circle."""
        ax = new_axes(4.0, 4.0) if ax is None else ax
        around = np.linspace(0.0, 2 * np.pi, 201)
        ax.plot(np.cos(around), np.sin(around), color="0.7", linewidth=0.8)
        ax.plot(np.cos(self.phases), np.sin(self.phases), "o")
        ax.set(aspect="equal", title="eigenvalues of the Wilson loop")
        return ax

    @property
    def _gap_at(self) -> FloatArray:
        return np.atleast_1d(self.smallest_gap_at)

    def __str__(self) -> str:
        phases = ", ".join(f"{phase:.10g}" for phase in self.phases)
        return (
            f"Wilson loop of level(s) {', '.join(map(str, self.levels))}: phases {phases} "
            f"(error {self.error:.1g}; smallest gap {self.smallest_gap:.4g} at "
            f"{describe_point(self.smallest_gap_at)})"
        )


def berry_phase(
    hamiltonian: Hamiltonian,
    loop: Loop,
    *,
    level: int,
    closed: bool = False,
    tolerance: float = 1e-10,
) -> float:
    """Return the Berry phase ``γ = i∮⟨n|∇n⟩·dR`` of one level on a closed loop, in (−π, π].

    It is the limit of ``−arg Π_k ⟨n_k|n_{k+1}⟩``, which no choice of phases changes. A real H gives
    exactly 0 or π: π if the loop encloses an odd number of conical intersections of the level.

    Parameters
    ----------
    hamiltonian, loop, closed, tolerance
        As for `wilson_loop`, which also tells the error, the smallest gap and more.
    level : int
        Counted by energy from 0.

    Returns
    -------
    float
        γ (radians).

    Raises
    ------
    InputError, ConvergenceError
        As for `wilson_loop`.

    References
    ----------
    M. V. Berry, Proc. R. Soc. A 392, 45 (1984), equations (6) and (21).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
    >>> square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    >>> berry_phase(H, square, level=0, closed=True)
    3.141592653589793
    >>> berry_phase(H, square + [3, 0], level=0, closed=True)
    0.0
    """
    number = integer("level", level, minimum=0)
    check_single(hamiltonian)
    check_levels("level", number, hamiltonian.dimension)
    return wilson_loop(
        hamiltonian, loop, levels=[number], closed=closed, tolerance=tolerance
    ).total_phase


def wilson_loop(
    hamiltonian: Hamiltonian,
    loop: Loop,
    *,
    levels: int | Sequence[int],
    closed: bool = False,
    tolerance: float = 1e-10,
) -> WilsonLoop:
    """Return the unitary matrix, and its eigenphases, that a set of levels gains on a closed loop.

    ``W = P exp(i∮ A·dR)`` with the matrix connection ``A_ab = i⟨a|∇b⟩`` inside the set, whose
    levels may be degenerate or cross each other; only the others must stay apart. Computed from
    overlaps, which needs no smooth gauge, and extrapolated panel by panel until it has converged.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        With any number f of coordinates and single parameter values.
    loop : callable, drive.Path or array, shape (k, f), or (k,) for one coordinate
        A function of s in [0, 1] that returns the point R(s), looked at in 65 places first: a
        detour between two of them is not seen. Or at least three corners, joined by straight lines
        (exactly: more points on the same lines change nothing). Or a `drive.Path`, from the start
        to the end of its window. It is closed where H is the same at both ends, so an angle may run
        from 0 to 2π.
    levels : int or sequence of int
        The levels, counted by energy from 0.
    closed : bool
        Join the last corner of an array to the first.
    tolerance : float
        Wanted error of the matrix.

    Returns
    -------
    WilsonLoop

    Raises
    ------
    InputError
        For arguments that cannot be used; a loop that is not closed; a loop on which one of the
        levels meets one outside the set (the message says where).
    ConvergenceError
        If H is not continuous on the loop, or passes a degeneracy too closely for the tolerance.

    References
    ----------
    F. Wilczek, A. Zee, Phys. Rev. Lett. 52, 2111 (1984); R. D. King-Smith, D. Vanderbilt, Phys.
    Rev. B 47, 1651 (1993), the discrete form.

    Examples
    --------
    The field of a spin 1/2 turns at 60° from the axis: the solid angle is π.

    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(
    ...     [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z"))
    >>> def loop(s):
    ...     angle = 2 * np.pi * s
    ...     return np.array([np.cos(angle), np.sin(angle), 1 / np.sqrt(3)]) * np.sqrt(3) / 2
    >>> print(wilson_loop(H, loop, levels=1))    # doctest: +ELLIPSIS
    Wilson loop of level(s) 1: phases -1.570796327 (error ...; smallest gap 1 at ...)
    """
    check_single(hamiltonian)
    chosen = check_levels("levels", levels, hamiltonian.dimension)
    wanted = positive_number("tolerance", tolerance)
    point, edges = _check_loop(hamiltonian, loop, closed)
    size = len(chosen)
    sampler = Sampler(
        hamiltonian,
        point,
        np.asarray(chosen),
        np.ones((size, size), dtype=np.bool_),
        borders(chosen, hamiltonian.dimension),
        name="loop",
    )
    panels, place, gap = transport_between_dips(sampler, edges, wanted)
    where = point(np.array([place]))[0]
    start = panels[0].first
    unclosed = chain(sampler, panels, np.eye(size))[-1]
    matrix = sampler.join(panels[-1].last, start, None).conj().T @ unclosed
    error = float(sum(panel.error for panel in panels))
    if error > wanted:
        raise ConvergenceError(
            f"Rounding limits the accuracy of the loop to {error:.2g}, not {wanted:.2g} (smallest "
            f"gap {gap:.3g} at {describe_point(where)}): pass a larger `tolerance`, or keep the "
            "loop away from there."
        )
    return WilsonLoop(
        levels=chosen,
        matrix=matrix,
        vectors=start,
        phases=np.sort(_phases(np.linalg.eigvals(matrix))),
        total_phase=float(_phases(np.linalg.det(matrix))),
        smallest_gap=gap,
        smallest_gap_at=own_shape(hamiltonian, where),
        error=error,
        evaluations=sampler.evaluations,
    )


def _phases(values: npt.NDArray[Any] | complex) -> FloatArray:
    """Return phases in (−π, π]; −π to rounding is π."""
    phases = np.angle(np.asarray(values))
    return np.asarray(np.where(phases <= -np.pi + 1e-12, np.pi, phases))


def _check_loop(
    hamiltonian: Hamiltonian, loop: Any, closed: bool
) -> tuple[Callable[[FloatArray], FloatArray], FloatArray]:
    """Return s → R(s) for arrays, and the edges of the first panels, of a loop that is closed."""
    kinks = np.empty(0)
    if isinstance(loop, Path):
        loop, kinks = _around(loop, hamiltonian)
    if callable(loop):
        if check_flag("closed", closed):
            raise fail("closed", "not be given for a loop that is a function", "it is True")
        point = _vectorised(hamiltonian, loop)
        edges = np.union1d(np.linspace(0.0, 1.0, _FIRST_PANELS + 1), kinks)
    else:
        points = check_points("loop", hamiltonian, loop)
        if points.shape[0] < 3:
            raise fail("loop", "have at least three points", f"it has {points.shape[0]}")
        if check_flag("closed", closed):
            points = np.concatenate((points, points[:1]))
        # A point given twice is no segment.
        moved = np.any(np.diff(points, axis=0) != 0, axis=1)
        points = points[np.concatenate(([True], moved))]
        if points.shape[0] < 3:
            raise fail("loop", "have at least three different points", "it has fewer")
        point = polyline(points)
        edges = np.arange(points.shape[0], dtype=np.float64)
    ends = point(edges[[0, -1]])
    values = matrices(hamiltonian, ends)
    if not same_matrix(values[0], values[1]):
        raise fail(
            "loop",
            "be closed" + ("" if callable(loop) else " (`closed=True` joins its ends)"),
            f"it runs from {describe_point(ends[0])} to {describe_point(ends[1])}, "
            "where H is different",
        )
    return point, edges


def _around(
    path: Path, hamiltonian: Hamiltonian
) -> tuple[Callable[[float], npt.ArrayLike], FloatArray]:
    """Return a path as a function of the part s of its window, and where it is not smooth."""
    check_fits(path, hamiltonian.coordinates, hamiltonian.parameters)
    single_point("loop", path)
    ordered = path.ordered(hamiltonian.coordinates)
    start, stop = float(path.start_time), float(path.stop_time)

    def point(s: float) -> npt.ArrayLike:
        return ordered(start + (stop - start) * s if s < 1 else stop)

    return point, (path.breakpoints - start) / (stop - start)


def _vectorised(
    hamiltonian: Hamiltonian, loop: Callable[[float], npt.ArrayLike]
) -> Callable[[FloatArray], FloatArray]:
    count = len(hamiltonian.coordinates)

    def point(s: FloatArray) -> FloatArray:
        flat = [np.atleast_1d(real_array("loop", loop(float(value)))) for value in s.ravel()]
        for result in flat:
            if result.shape != (count,):
                raise fail(
                    "loop",
                    f"return {count} coordinate(s) ({', '.join(hamiltonian.coordinates)})",
                    f"it returned shape {result.shape}",
                )
        return np.stack(flat).reshape(*s.shape, count)

    return point


def discrete_wilson_loop(vectors: npt.ArrayLike) -> Matrices:
    """Return the Wilson loop matrix of eigenvectors given at the points of a loop.

    ``W† = U_01 U_12 … U_{k−1,0}`` with U the unitary polar factors of the overlaps ``V_a†V_b``: all
    that can be said where the vectors are known at these points only. Its eigenphases do not
    depend on the phases of the vectors, nor on the basis within the set.

    Parameters
    ----------
    vectors : array, shape (k, N, m)
        Orthonormal vectors (columns) at k ≥ 3 points; the first is not repeated at the end.

    Returns
    -------
    array, shape (m, m)

    Raises
    ------
    InputError
        For fewer than three points, or where neighbouring spaces are orthogonal.

    Examples
    --------
    >>> angles = np.arange(3) * 2 * np.pi / 3
    >>> states = np.stack([np.cos(angles / 2), np.sin(angles / 2)], axis=1)
    >>> discrete_wilson_loop(states[:, :, np.newaxis])
    array([[-1.]])
    """
    array = _frames("vectors", vectors)
    if array.shape[0] < 3:
        raise fail("vectors", "be given at three points at least", f"there are {array.shape[0]}")
    links = array.conj().swapaxes(-1, -2) @ np.roll(array, -1, axis=0)
    steps, least = polar(links)
    if least.min() < _ORTHOGONAL:
        raise fail(
            "vectors",
            "overlap from each point to the next",
            f"they are orthogonal after point {int(np.argmin(least))}",
        )
    product = steps[0]
    for step in steps[1:]:
        product = product @ step
    return product.conj().T


def link_phases(vectors: npt.ArrayLike) -> FloatArray:
    """Return the Berry connection integrated from each point of a path to the next.

    ``∫ A_j·dR ≈ −arg⟨φ_j(k)|φ_j(k+1)⟩``, to the third order in the step, in whatever smooth gauge
    the vectors are; zero for transported ones.

    Parameters
    ----------
    vectors : array, shape (k, N, m)
        Vectors (columns) at k points of a path.

    Returns
    -------
    array, shape (k − 1, m)
        Radians.

    Raises
    ------
    InputError
        For other shapes, or where neighbouring vectors are orthogonal.

    Examples
    --------
    >>> turn = np.exp(1j * np.array([0.0, 0.2, 0.5]))[:, np.newaxis, np.newaxis]
    >>> link_phases(turn * np.array([[1.0], [0.0]])).round(12)      # A becomes A − ∇θ
    array([[-0.2],
           [-0.3]])
    """
    array = _frames("vectors", vectors)
    overlaps = np.sum(array[:-1].conj() * array[1:], axis=1)
    sizes = np.linalg.norm(array, axis=1)
    if np.any(np.abs(overlaps) <= _ORTHOGONAL * sizes[:-1] * sizes[1:]):
        raise fail("vectors", "overlap from each point to the next", "some are orthogonal or zero")
    return np.asarray(-np.angle(overlaps))


def _frames(name: str, vectors: npt.ArrayLike) -> Matrices:
    array = number_array(name, vectors)
    if array.ndim != 3 or 0 in array.shape:
        raise fail(name, "have shape (points, N, m)", f"its shape is {array.shape}")
    return array
