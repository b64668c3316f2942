"""Filter functions: which frequencies of a weak noise a passage, or a drive, feels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    hermitian,
    increasing,
    of_shape,
    two_levels,
)
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.threads import one_thread
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive
from anticrossing.dynamics import panels
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.readout import readout
from anticrossing.dynamics.request import Request
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import Units

_NODES, _RADIANS = 12, 5.0  # of one part of the window
_SAMPLES = 129  # of the window, for the distances of its levels
_MOST_NODES = 200_000
_CHUNK = 4_000_000  # numbers handled at once
_INCOMPLETE = 0.02


@dataclass(frozen=True, eq=False)
class FilterFunction(Result):
    """F(ω) of a passage or a drive, as `filter_function` returns it.

    Attributes
    ----------
    frequency : array, shape (F,)
        Angular frequencies, radians per time.
    filter : array, shape (F,)
        F(ω), in 1/energy² (with a coordinate that fluctuates, in the inverse square of its unit)
        and radians.
    completeness : float
        ∫F dω/2π over these frequencies, as a share of the integral over all.
    kind : str
        "passage" or "drive".
    """

    frequency: FloatArray
    filter: FloatArray
    completeness: float
    kind: str
    description: str
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "frequency": shown("frequency", text="angular frequency", unit="rad/time"),
        "filter": shown("frequency", text="filter function"),
        "completeness": shown(text="share of the filter function at these frequencies"),
    }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the numbers should know."""
        if abs(self.completeness - 1) <= _INCOMPLETE:
            return ()
        return (
            f"the frequencies hold {self.completeness:.3g} of the filter function: give more of "
            "them, or others",
        )

    def loss(self, noise: Environment) -> float:
        """Return χ = ∫S(ω)F(ω) dω/2π, by the trapezoidal rule over the frequencies.

        Of a passage the probability that weak noise takes from its final state, 1 − χ + O(S²); of a
        drive the exponent of the coherence, exp(−χ), exact for Gaussian noise of levels that are
        followed adiabatically.

        Parameters
        ----------
        noise : Environment
            One with a spectrum, of `anticrossing.environment.noise`, at one parameter point.
        """
        spectrum = getattr(noise, "spectrum", None)
        if spectrum is None:
            raise fail("noise", "have a spectrum", f"it is {noise!r}")
        density = np.asarray(spectrum(self.frequency))
        if density.ndim != 1:
            raise fail("noise", "be a single parameter point", f"it is {noise!r}")
        mean = float(getattr(noise, "mean", 0.0))
        if mean != 0:
            must = "have a mean of 0, which would be part of H"
            raise fail("noise", must, f"it is {mean:.6g} of {noise!r}")
        return float(np.trapezoid(density * self.filter, self.frequency) / (2 * np.pi))

    def _attributes(self) -> dict[str, Any]:
        return {"problem": self.description, "kind": self.kind}


def filter_function(
    hamiltonian: Hamiltonian,
    drive: Drive,
    frequencies: npt.ArrayLike,
    operator: npt.ArrayLike | None = None,
    *,
    initial: int | npt.ArrayLike = 0,
    basis: str = "adiabatic",
    levels: Sequence[int] | None = None,
) -> FilterFunction:
    """Return the filter function of a passage, or with `levels` that of a drive.

    Noise δ(t) A changes the final state of a passage by −i∫δ(t) U†(t)AU(t)ψ dt, seen from its
    start; what that has beside ψ itself gives

        F(ω) = ‖(1 − ψψ†) ∫ exp(iωt) U†(t) A U(t) ψ dt‖².

    Levels i and j that are followed adiabatically lose their coherence by the phase of
    A_ii(t) − A_jj(t) in the instantaneous eigenbasis,

        F(ω) = ½ |∫ exp(iωt) (A_ii − A_jj) dt|².

    Parameters
    ----------
    hamiltonian, drive
        As of `propagate`, one parameter point.
    frequencies : array, shape (F,)
        Angular frequencies that increase, negative ones too: F(ω) of a passage has no symmetry.
        Steps well below 2π over the window, and as far as F reaches, make `loss` accurate.
    operator : array, shape (N, N), optional
        A; without it the coordinate fluctuates, A = dH/dx.
    initial, basis
        As of `propagate`; ψ is the initial state of a passage.
    levels : pair of int, optional
        i and j of a drive.

    Returns
    -------
    FilterFunction

    Raises
    ------
    InputError
        For frequencies or a window so large that more than 2·10⁵ times would be needed.

    References
    ----------
    Ł. Cywiński, R. M. Lutchyn, C. P. Nave, S. Das Sarma, Phys. Rev. B 77, 174509 (2008), eqs.
    (15)–(20), for free evolution and echoes.

    Examples
    --------
    >>> import anticrossing as ac
    >>> omega = np.linspace(-40.0, 40.0, 2001)
    >>> x = [[0, 1], [1, 0]]
    >>> problem = ac.models.LandauZener(gap=0.5), ac.drive.Linear(-15, 15, rate=1.0)
    >>> found = ac.dynamics.filter_function(*problem, omega, x, basis="diabatic")
    >>> weak = ac.environment.noise.OrnsteinUhlenbeckNoise(0.01, 1.0, x)
    >>> round(found.loss(weak), 6)
    0.000521
    """
    omega = increasing("frequencies", frequencies)
    request = Request(hamiltonian, drive, initial=initial, basis=basis)
    lanes = request.lanes
    if lanes.count > 1:
        must = "be a single parameter point, as the drive"
        raise fail("hamiltonian", must, f"there are {lanes.count}")
    size = lanes.hamiltonian.dimension
    given = None if operator is None else hermitian("operator", operator, single=True)
    if given is not None:
        of_shape("operator", given, (size, size))
    elif lanes.path is not None:
        raise fail("operator", "be given along a path of several coordinates", "it is not")
    pair = None if levels is None else two_levels("levels", tuple(levels), size)
    times, weights = _nodes(lanes, omega)
    with one_thread:
        coupled = _operators(lanes, times, given)
        if pair is None:
            vectors = _of_passage(request, times, coupled)
        else:
            vectors = np.sqrt(0.5) * _of_levels(lanes, times, coupled, pair)
        found = _transformed(times, weights, vectors, omega)
    whole = float(weights @ np.sum(np.abs(vectors) ** 2, axis=1))
    seen = float(np.trapezoid(found, omega) / (2 * np.pi))
    return FilterFunction(
        omega,
        found,
        seen / whole if whole > 0 else 1.0,
        "passage" if pair is None else "drive",
        f"{lanes.hamiltonian!r} under {lanes.drive!r}",
        lanes.hamiltonian.units,
    )


def _nodes(lanes: Lanes, omega: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Gauss nodes of so many parts of the window that phases turn little on each."""
    start, stop = float(lanes.start[0]), float(lanes.stop[0])
    places = np.linspace(start, stop, _SAMPLES)
    levels = np.linalg.eigvalsh(lanes.traceless(places[None], np.zeros(1, dtype=np.intp)))[0]
    spread = levels[:, -1] - levels[:, 0]
    rate = float(np.max(spread)) + float(np.max(np.abs(omega)))
    cuts = lanes.breakpoints[0]
    inside = cuts[np.isfinite(cuts) & (cuts > start) & (cuts < stop)]
    edges = np.unique(np.concatenate([[start], inside, [stop]]))
    counts = np.maximum(4, np.ceil(np.diff(edges) * rate / _RADIANS))
    if np.sum(counts) * _NODES > _MOST_NODES:
        raise fail(
            "frequencies",
            f"need at most {_MOST_NODES} times, with the levels and the window",
            f"they need {int(np.sum(counts)) * _NODES}: give lower ones, or a shorter window",
        )
    parts = [
        np.linspace(left, right, int(n) + 1)[:-1]
        for left, right, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    cut = np.append(np.concatenate(parts), stop)
    x, w = np.polynomial.legendre.leggauss(_NODES)
    half = 0.5 * np.diff(cut)[:, None]
    return (cut[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def _operators(lanes: Lanes, times: FloatArray, given: ComplexArray | None) -> ComplexArray:
    """Return A in radians per time and unit of the noise, (N, N), or at every time (K, N, N)."""
    angular = lanes.hamiltonian.units.angular
    if given is not None:
        return np.asarray(angular * given)
    x = lanes.positions(times[None], np.zeros(1, dtype=np.intp))[0]
    return np.asarray(angular * lanes.hamiltonian.gradient(x))


def _of_passage(request: Request, times: FloatArray, coupled: ComplexArray) -> ComplexArray:
    """Return what noise adds beside the initial state, at every time (K, N)."""
    lanes = request.lanes
    found = panels.solve(
        lanes,
        UnitaryKernel(lanes.hamiltonian.dimension),
        tolerance=request.panel_tolerance,
        times=times[None],
    )
    u = found.snapshots[0]
    first = request.initial
    start = readout(request, []).first[0][:, first] if isinstance(first, int) else first
    moved = (dagger(u) @ coupled @ u @ start[:, None])[..., 0]
    return np.asarray(moved - (moved @ start.conj())[:, None] * start)


def _of_levels(
    lanes: Lanes, times: FloatArray, coupled: ComplexArray, pair: tuple[int, int]
) -> ComplexArray:
    """Return A_ii − A_jj in the eigenbasis at every time, (K, 1)."""
    _, vectors = np.linalg.eigh(lanes.traceless(times[None], np.zeros(1, dtype=np.intp))[0])
    diagonal = np.einsum("...ia,...ij,...ja->...a", vectors.conj(), coupled, vectors)
    i, j = pair
    return np.asarray(diagonal[:, i] - diagonal[:, j])[:, None]


def _transformed(
    times: FloatArray, weights: FloatArray, vectors: ComplexArray, omega: FloatArray
) -> FloatArray:
    """Return ‖∫ exp(iωt) v(t) dt‖² at every frequency."""
    weighted = weights[:, None] * vectors
    step = max(1, _CHUNK // times.size)
    found = np.empty(omega.size)
    for first in range(0, omega.size, step):
        turned = np.exp(1j * omega[first : first + step, None] * times) @ weighted
        found[first : first + step] = np.sum(np.abs(turned) ** 2, axis=1)
    return found
