"""Least times between two states: what the spread of energies, and bounds on a drive, allow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from anticrossing._core import drawing
from anticrossing._core.checks import ComplexArray, FloatArray, fail, instance, real_number
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.threads import one_thread
from anticrossing._core.variables import Shown, shown
from anticrossing.control._problem import Ensemble
from anticrossing.control._sectors import check_single
from anticrossing.control._steps import Stepper, nodes
from anticrossing.control._two_level_time import least_time
from anticrossing.control.targets import StateTarget
from anticrossing.drive import Drive
from anticrossing.dynamics.request import check_kinds
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import Units

_GRID = 257
_PIECES = 64
_FINEST = 2**12
_SETTLED = 1e-6
_AFFINE = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class SpeedLimit(Result):
    """Lower bounds on the time from one state to another; None where one does not apply.

    Attributes
    ----------
    angle : float
        L = arccos |⟨final|initial⟩|.
    spread : float or None
        ``2ħL / max_x (E_max − E_min)``: no drive within the bounds is faster.
    unbounded : float or None
        For ``H = H₀ + x H₁``: the same with the angle between the states after all that H₁ alone
        can do, and the least spread; no drive is faster, however far x moves.
    two_level : float or None
        The least time itself for two levels, within the bounds if there are some, where these let
        ε exceed the gap both ways; of narrower ones more switches may be needed.
    mandelstam_tamm, margolus_levitin : float or None
        Along a given drive, from the state it starts in to the one it reaches:
        ``L/⟨ΔE⟩`` and ``(1 − cos L)/⟨|⟨ψ(0)|H − E₀|ψ(t)⟩|⟩``, averages over its time.
    reached : float or None
        The angle between the states at both ends of that drive.
    """

    angle: float
    spread: float | None
    unbounded: float | None
    two_level: float | None
    mandelstam_tamm: float | None
    margolus_levitin: float | None
    reached: float | None
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "least": shown(text="no drive within the bounds is faster", unit="time"),
        "angle": shown(text="angle between the states", unit="rad"),
        "spread": shown(text="by the spread of the levels", unit="time"),
        "unbounded": shown(text="by what the coordinate does not drive", unit="time"),
        "two_level": shown(text="least time of two levels", unit="time"),
        "mandelstam_tamm": shown(text="by the uncertainty of energy along the drive", unit="time"),
        "margolus_levitin": shown(text="by the energy along the drive", unit="time"),
        "reached": shown(text="angle that the drive reaches", unit="rad"),
    }

    @property
    def least(self) -> float:
        """The largest of the bounds that hold for every drive."""
        return max(v for v in (self.spread, self.unbounded, self.two_level, 0.0) if v is not None)

    def plot(self, ax: Any = None) -> Any:
        """Draw the bounds as bars.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = drawing.new_axes() if ax is None else ax
        named = {
            name: value
            for name in ("spread", "unbounded", "two_level", "mandelstam_tamm", "margolus_levitin")
            if (value := getattr(self, name)) is not None
        }
        axes.barh([name.replace("_", " ") for name in named], list(named.values()))
        axes.set_xlabel("time")
        return axes


def speed_limit(
    hamiltonian: Hamiltonian,
    target: StateTarget,
    *,
    start: float,
    stop: float,
    lower: float | None = None,
    upper: float | None = None,
    drive: Drive | None = None,
) -> SpeedLimit:
    """Return lower bounds on the time in which one state can become another.

    They are quantum speed limits, by angle and spread of energy, and of two levels the least time.

    Two levels, ``H = ½(ε σ_z + g σ_x)``: without bounds on ε the least time is the difference of
    the polar angles of both states, divided by g; within bounds, the shortest of drives that stay
    at a bound, at ε = 0, and at a bound again, or switch between the bounds.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with one coordinate and single parameters.
    target : StateTarget
        The states.
    start, stop : float
        Where levels of the target are counted.
    lower, upper : float, optional
        Bounds of x, both or none.
    drive : Drive, optional
        Bounds along this drive too.

    Raises
    ------
    InputError
        If only one bound is given, or they are reversed.

    References
    ----------
    G. C. Hegerfeldt, Phys. Rev. Lett. 111, 260501 (2013) (two levels); U. Boscain, P. Mason, J.
    Math. Phys. 47, 062101 (2006) (bounded); S. Deffner, S. Campbell, J. Phys. A 50, 453001 (2017)
    (along a drive).

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=1.0)
    >>> flip = ac.control.StateTarget([1, 0], [0, 1])
    >>> round(ac.control.speed_limit(H, flip, start=0.0, stop=0.0).two_level, 6)      # π/g
    3.141593
    """
    check_single(hamiltonian)
    instance("target", target, StateTarget)
    ends = real_number("start", start), real_number("stop", stop)
    if (lower is None) != (upper is None):
        raise fail("lower and upper", "be given together", "one is missing")
    bounds: tuple[float, float] | None = None
    if lower is not None:
        bounds = real_number("lower", lower), real_number("upper", upper)
        if not bounds[0] < bounds[1]:
            raise fail("upper", "be above `lower`", f"they are {bounds[0]:g} and {bounds[1]:g}")
    asked = Ensemble(hamiltonian, np.zeros(1), np.ones(1), target, ends).asked()
    initial, final = asked.columns[0, :, 0], asked.wanted[0, :, 0]
    overlap = np.vdot(final, initial)
    angle = float(np.arctan2(np.linalg.norm(initial - overlap * final), abs(overlap)))
    unbounded, exact = _of_affine(hamiltonian, initial, final, bounds)
    along: tuple[float | None, float | None, float | None] = (None, None, None)
    if drive is not None:
        _, drive = check_kinds(hamiltonian, drive)
        if drive.batch_shape:
            raise fail("drive", "be a single one", f"its batch shape is {drive.batch_shape}")
        with one_thread:
            along = _along(hamiltonian, drive, initial)
    return SpeedLimit(
        angle=angle,
        spread=None if bounds is None else _by_spread(hamiltonian, angle, bounds),
        unbounded=unbounded,
        two_level=exact,
        mandelstam_tamm=along[0],
        margolus_levitin=along[1],
        reached=along[2],
        units=hamiltonian.units,
    )


def _angle(overlap: float) -> float:
    return float(np.arccos(min(overlap, 1.0)))


def _spreads(hamiltonian: Hamiltonian, x: FloatArray) -> FloatArray:
    levels = np.linalg.eigvalsh(hamiltonian(x))
    return np.asarray(hamiltonian.units.angular * (levels[..., -1] - levels[..., 0]))


def _by_spread(hamiltonian: Hamiltonian, angle: float, bounds: tuple[float, float]) -> float:
    """Return the time at the largest spread, which is at an end where H is affine."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(*bounds, _GRID)
    found = _spreads(hamiltonian, grid)
    best = int(np.argmax(found))
    near = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    finer = minimize_scalar(
        lambda x: -float(_spreads(hamiltonian, np.asarray(x))), bounds=near, method="bounded"
    )
    return 2 * angle / max(float(found[best]), -float(finer.fun))


def _of_affine(
    hamiltonian: Hamiltonian,
    initial: ComplexArray,
    final: ComplexArray,
    bounds: tuple[float, float] | None,
) -> tuple[float | None, float | None]:
    """Return the bound without bounds on x, and the least time of two levels."""
    from scipy.optimize import minimize_scalar

    probes = np.array([-1.0, 0.0, 1.0, 2.0])
    slopes = hamiltonian.derivative(probes)
    slope, constant = slopes[1], np.asarray(hamiltonian(0.0))
    size = max(float(np.max(np.abs(slope))), np.finfo(np.float64).tiny)
    if np.max(np.abs(slopes - slope)) > _AFFINE * size:
        return None, None
    values, vectors = np.linalg.eigh(slope)
    if not np.ptp(values) > 0:
        raise fail("hamiltonian", "depend on its coordinate", "it does not")
    kept = np.cumsum(np.diff(values, prepend=values[0]) > 1e-10 * size * values.size)
    parts = [dagger(vectors[:, kept == k]) for k in range(int(kept[-1]) + 1)]
    sizes: FloatArray = np.array([[np.linalg.norm(p @ s) for p in parts] for s in (initial, final)])
    apart = 2 * math.asin(min(0.5 * float(np.linalg.norm(sizes[0] - sizes[1])), 1.0))
    # Any H(x) may take the place of H₀: the one that spreads least bounds the time best.
    reach = (np.ptp(np.linalg.eigvalsh(constant)) + size) / max(float(np.ptp(values)), size * 1e-3)
    least = minimize_scalar(
        lambda x: float(_spreads(hamiltonian, np.asarray(x))),
        bounds=(-reach, reach),
        method="bounded",
        options={"xatol": 1e-12 * reach},
    )
    spread = float(least.fun)
    still = spread <= _AFFINE * float(_spreads(hamiltonian, np.asarray(reach)))
    unbounded = np.inf if still and apart > 0 else 2 * apart / spread if apart > 0 else 0.0
    if hamiltonian.dimension > 2:
        return unbounded, None
    angular = hamiltonian.units.angular
    return unbounded, least_time(angular * constant, angular * slope, initial, final, bounds)


def _along(
    hamiltonian: Hamiltonian, drive: Drive, initial: ComplexArray
) -> tuple[float, float, float]:
    """Return both bounds along a drive, and the angle it reaches."""
    start, stop = float(drive.start_time), float(drive.stop_time)
    edges = np.unique(np.concatenate([np.linspace(start, stop, _PIECES + 1), drive.breakpoints]))
    before = None
    per_piece = 4
    while True:
        times, lengths = nodes(edges, np.full(edges.size - 1, per_piece))
        parameters = hamiltonian.flat_parameters(())
        stepper = Stepper(hamiltonian, parameters, np.zeros(1), lengths)
        found = _averages(stepper, np.asarray(drive(times)), initial)
        if before is not None and np.max(np.abs(found - before)) < _SETTLED * np.max(found):
            break
        if lengths.size > _FINEST:
            break
        before, per_piece = found, 2 * per_piece
    uncertainty, energy, angle = found.tolist()
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            float(np.divide(angle, uncertainty)),
            float(np.divide(1 - np.cos(angle), energy)),
            angle,
        )


def _averages(stepper: Stepper, x: FloatArray, initial: ComplexArray) -> FloatArray:
    """Return ⟨ΔE⟩, ⟨|⟨ψ(0)|H − E₀|ψ(t)⟩|⟩ and the angle at the end."""
    states, values = stepper.history(x, initial[None, :, None])
    # At the middle of every step the states are those before it, halfway on.
    middle = values.mean(axis=1)
    lowest = np.linalg.eigvalsh(middle)[:, 0]
    moved = middle @ states[:-1, :, None]
    moved_after = middle @ states[1:, :, None]
    uncertainty, energy = np.zeros(stepper.lengths.size), np.zeros(stepper.lengths.size)
    for psi, h_psi in ((states[:-1], moved[..., 0]), (states[1:], moved_after[..., 0])):
        mean = np.sum(psi.conj() * h_psi, axis=-1).real
        square = np.sum(np.abs(h_psi - mean[:, None] * psi) ** 2, axis=-1)
        uncertainty += 0.5 * np.sqrt(square)
        energy += 0.5 * np.abs((h_psi - lowest[:, None] * psi) @ initial.conj())
    weights = stepper.lengths / stepper.lengths.sum()
    angle = _angle(abs(np.vdot(initial, states[-1])))
    return np.array([weights @ uncertainty, weights @ energy, angle])
