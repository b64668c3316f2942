"""Exponentially small transition probabilities of two levels, as log P, along a complex contour.

Far below 1e-20 a transition probability cannot be read off a state computed on the real time axis:
rounding is larger. But H(t) is analytic, so the evolution may be computed along any path. The path
used here climbs from the real axis to the level line Im ∫gap = const through the complex time t_c
where the gap vanishes, follows it past t_c, and comes down again:

    log P = 2 Re [ −i∫(first climb) + log(amplitude along the level line) − i∫(descent) ].

On the climb and the descent the two adiabatic states are infinitely far from each other in the
superadiabatic sense, so only their phases (imaginary now) matter. Along the level line both states
keep the same size, so the full equation is integrated without loss. Nothing is assumed to be small
there: at moderate adiabaticity the result agrees with `propagate`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, ConvergenceError, FloatArray, InputError, fail
from anticrossing._core.quadrature import gauss_legendre
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.drive import Drive, WaveformDrive, compose
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes
from anticrossing.hamiltonian import Hamiltonian

_NODES = 25
_LEVEL_LINE_PHASE = 45.0  # e^{−45} of coupling is left where the climb meets the level line
_COUPLING_LEFT = 1e-10
# Beyond it the leading order is exact to less than one part in 10⁷ of log P, and the region around
# the branch point is too narrow against its distance for a path through it.
_LARGEST_EXPONENT = 1e7


@dataclass(frozen=True)
class LogProbability(Result):
    """The logarithm of a transition probability between the two superadiabatic levels.

    Attributes
    ----------
    log_probability : float
        ln P.
    branch_point : complex
        The complex time t_c at which the gap vanishes.
    exponent : float
        2 Im ∫₀^{t_c} gap dt: the Dykhne–Davis–Pechukas estimate is ln P = −exponent.
    warnings : tuple of str
        Other branch points that contribute comparably, if any.
    """

    log_probability: float
    branch_point: complex
    exponent: float
    warnings: tuple[str, ...]

    _variables: ClassVar[Mapping[str, Shown]] = {
        "log_probability": shown(text="ln P between superadiabatic levels"),
        "branch_point": shown(text="complex time at which the gap vanishes"),
        "exponent": shown(text="the Dykhne–Davis–Pechukas estimate is ln P = −exponent"),
    }

    def __str__(self) -> str:
        decades = self.log_probability / np.log(10)
        lines = [
            f"ln P = {self.log_probability:.12g}   (P = 10^{decades:.6g})",
            f"  gap vanishes at t = {self.branch_point:.9g}",
            f"  Dykhne–Davis–Pechukas ln P = {-self.exponent:.12g}",
        ]
        return "\n".join(lines + [f"  note: {text}" for text in self.warnings])


Entries = tuple[ComplexArray, ComplexArray, ComplexArray]
"""(d, b, c) of the traceless part [[d, b], [c, −d]]."""


def log_probability(hamiltonian: Hamiltonian, drive: Drive) -> LogProbability:
    """Return ln P of the jump between two levels, however small P is, for analytic H(x(t)).

    The probability is the one between superadiabatic states, the limit of a long window.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Two levels, analytic in x (formulas are), no batch.
    drive : Drive
        Analytic in t (formulas are), without breakpoints.

    Returns
    -------
    LogProbability

    Raises
    ------
    InputError
        For more than two levels, a batch, a drive with breakpoints, or a gap without a minimum
        inside the window.
    ConvergenceError
        If the contour leaves the region where H is analytic.

    References
    ----------
    The contour argument is due to A. M. Dykhne, Sov. Phys. JETP 14, 941 (1962), and J.-T. Hwang
    and P. Pechukas, J. Chem. Phys. 67, 4640 (1977), carried out
    exactly instead of to leading order.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-100, 100, rate=1e-3)
    >>> round(log_probability(H, sweep).log_probability, 6)    # −1000π/2
    -1570.796327
    """
    hamiltonian, drive = compose(hamiltonian, drive)
    if hamiltonian.dimension != 2:
        raise fail("hamiltonian", "have two levels", f"it has {hamiltonian.dimension}")
    lanes = Lanes.of(hamiltonian, drive)
    if lanes.count != 1:
        raise fail("hamiltonian", "have single parameter values here", f"a batch of {lanes.count}")
    if drive.breakpoints.size:
        raise fail("drive", "be analytic", f"it has {drive.breakpoints.size} breakpoint(s)")
    if isinstance(drive, WaveformDrive):  # its series hold near real times alone
        raise fail("drive", "be a formula, known at complex times", f"it is {drive!r}")

    def entries(t: npt.NDArray[Any]) -> Entries:
        matrix = lanes.matrices(t.reshape(1, -1), np.zeros(1, dtype=np.intp))[0]
        d = 0.5 * (matrix[:, 0, 0] - matrix[:, 1, 1]).astype(np.complex128)
        return (
            d.reshape(t.shape),
            matrix[:, 0, 1].astype(np.complex128).reshape(t.shape),
            matrix[:, 1, 0].astype(np.complex128).reshape(t.shape),
        )

    start, stop = float(lanes.start[0]), float(lanes.stop[0])
    points = _branch_points(entries, start, stop)
    exponents = [_exponent(entries, point) for point in points]
    order = np.argsort(exponents)
    centre, exponent = points[order[0]], exponents[order[0]]
    warnings = tuple(
        f"the branch point {points[k]:.6g} (exponent {exponents[k]:.6g}) contributes as well: "
        "their amplitudes interfere, which a single contour does not include"
        for k in order[1:]
        if exponents[k] - exponent < 2 * _LEVEL_LINE_PHASE
    )
    if exponent > _LARGEST_EXPONENT:
        return LogProbability(-float(exponent), complex(centre), float(exponent), warnings)
    ends, pieces = zip(
        *(_follow_level_line(entries, centre, side, start, stop) for side in (-1, 1)), strict=True
    )
    _check_region(entries, centre, ends)
    along = pieces[1] @ np.linalg.inv(pieces[0])
    # At the left end the lower level arrives; at the right end the upper one is read out.
    left_frame, left_log = _climb(entries, centre, ends[0], level=1)
    right_frame, right_log = _climb(entries, centre, ends[1], level=0)
    amplitude = (np.linalg.inv(right_frame) @ along @ left_frame)[0, 1]
    total = 2 * (np.log(np.abs(amplitude)) + left_log.real - right_log.real)
    return LogProbability(float(total), complex(centre), float(exponent), warnings)


def _energy_squared(entries: Callable[[Any], Entries], t: Any) -> Any:
    d, b, c = entries(np.asarray(t))
    return d * d + b * c


def _branch_points(entries: Callable[[Any], Entries], start: float, stop: float) -> list[complex]:
    """Return the zeros of gap² above the minima of the gap on the real axis."""
    from scipy.optimize import minimize_scalar

    samples = np.linspace(start, stop, 4001)
    # Cubic clustering towards the middle finds a crossing that is narrow against the window.
    centred = 0.5 * (start + stop) + 0.5 * (stop - start) * np.linspace(-1, 1, 2001) ** 5
    times = np.unique(np.concatenate([samples, centred]))
    values = _energy_squared(entries, times).real
    minima = np.flatnonzero((values[1:-1] < values[:-2]) & (values[1:-1] <= values[2:])) + 1
    found: list[complex] = []
    for k in minima:
        low, high = times[k - 1], times[k + 1]
        best = minimize_scalar(
            lambda t: float(_energy_squared(entries, float(t)).real),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-9 * (high - low)},
        )
        # Widen the step until the rise of gap² stands clear of rounding.
        step = 0.05 * (high - low)
        while step < stop - start:
            near = _energy_squared(entries, best.x + step * np.array([-1.0, 0.0, 1.0])).real
            if max(near[0], near[2]) > 1.5 * near[1]:
                break
            step *= 2
        curvature = (near[0] + near[2] - 2 * near[1]) / step**2
        if curvature <= 0 or near[1] <= 0:
            continue
        guess = best.x + 1j * np.sqrt(2 * near[1] / curvature)
        point = _newton(entries, guess)
        if point is not None and all(abs(point - p) > 1e-6 * abs(guess.imag) for p in found):
            found.append(point)
    if not found:
        raise InputError(
            "The gap has no minimum inside the window, so there is no crossing whose probability "
            "could be computed."
        )
    return found


def _newton(entries: Callable[[Any], Entries], guess: complex) -> complex | None:
    point = guess
    for _ in range(60):
        step = 1e-5 * abs(point.imag)
        around = _energy_squared(entries, point + step * np.array([-1, 0, 1, -1j, 1j]))
        slope = ((around[2] - around[0]) + (around[4] - around[3]) / 1j) / (4 * step)
        if not np.isfinite(slope) or slope == 0:
            return None
        change = complex(around[1] / slope)
        limit = 0.5 * abs(point.imag)
        point -= change if abs(change) < limit else change / abs(change) * limit
        if abs(change) < 1e-14 * abs(point):
            break
    if point.imag <= 0 or abs(change) > 1e-9 * abs(point):
        return None
    return point


def _exponent(entries: Callable[[Any], Entries], point: complex) -> float:
    """Return 2 Im ∫gap dt from the real axis to the branch point, along the vertical."""
    # t = Re t_c + i Im t_c (1 − v²) removes the square-root end point: Gauss–Legendre converges.
    v, w = _quadrature()
    t = point.real + 1j * point.imag * (1 - v**2)
    gap = 2 * _continuous_root(_energy_squared(entries, t[::-1]))[::-1]
    if gap[-1].real < 0:
        gap = -gap
    return float(2 * abs(np.sum(w * gap * point.imag * 2 * v)))


def _quadrature() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1]: Gauss–Legendre with 16 nodes on each of 24 pieces."""
    nodes, weights = gauss_legendre(16)
    pieces = 24
    v = (np.arange(pieces)[:, None] + 0.5 * (nodes + 1)) / pieces
    return v.ravel(), np.tile(0.5 * weights / pieces, pieces)


def _continuous_root(values: ComplexArray) -> ComplexArray:
    """Return a square root that does not jump along the array, with Re ≥ 0 at its start."""
    root = np.sqrt(values)
    turned = np.real(root[1:] * root[:-1].conj()) < 0
    sign = np.concatenate([[1.0], np.where(np.cumsum(turned) % 2, -1.0, 1.0)])
    return np.asarray(root * sign)


def _follow_level_line(
    entries: Callable[[Any], Entries], centre: complex, side: int, start: float, stop: float
) -> tuple[complex, ComplexArray]:
    """Integrate from the branch point along the level line; return where it ends and U there."""
    from scipy.integrate import solve_ivp

    def generator(s: complex) -> ComplexArray:
        d, b, c = entries(np.array([s]))
        return -1j * np.array([[d[0], b[0]], [c[0], -d[0]]])

    # Near t_c, u = ∫gap ≈ (4/3) √w′ (s − t_c)^{3/2} is real along three directions.
    step = 1e-4 * abs(centre.imag)
    around = _energy_squared(entries, centre + step * np.array([-1, 1, -1j, 1j]))
    slope = ((around[1] - around[0]) + (around[3] - around[2]) / 1j) / (4 * step)
    directions = np.exp(1j * (-np.angle(slope) / 3 + 2 * np.pi / 3 * np.arange(3)))
    direction = complex(directions[np.argmax(side * directions.real)])
    # Start where the phase is still far below one, but the direction is already the line's.
    first = 1e-3 * min(abs(centre.imag), (0.75 / np.sqrt(abs(slope))) ** (2 / 3))
    begin = centre + first * direction

    def straight(v: float, y: ComplexArray) -> ComplexArray:
        s = centre + v * (begin - centre)
        return ((begin - centre) * (generator(s) @ y.reshape(2, 2))).ravel()

    accuracy = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14}
    y = solve_ivp(straight, (0, 1), np.eye(2, dtype=complex).ravel(), **accuracy).y[:, -1]

    def along(u: float, y: ComplexArray) -> ComplexArray:
        gap = 2 * np.sqrt(complex(_energy_squared(entries, y[0])))
        tangent = 1 / gap
        # ±1/gap is the tangent; keep the sign that leads away from the branch point.
        if np.real(tangent * np.conj(y[0] - centre)) < 0:
            tangent = -tangent
        return np.concatenate(
            [[tangent], (tangent * (generator(y[0]) @ y[1:].reshape(2, 2))).ravel()]
        )

    # Leave room in the window for the climb, which starts further out than it ends.
    low, high = (0.5 * (centre.real + edge) for edge in (start, stop))

    def leaves_window(u: float, y: ComplexArray) -> float:
        return float(min(y[0].real - low, high - y[0].real))

    leaves_window.terminal = True  # type: ignore[attr-defined]
    result = solve_ivp(
        along,
        (0.0, _LEVEL_LINE_PHASE),
        np.concatenate([[begin], y]),
        events=leaves_window,
        **accuracy,
    )
    if result.status < 0 or not np.all(np.isfinite(result.y[:, -1])):
        raise ConvergenceError(
            "The contour meets a point where H is not analytic: log P cannot be followed there."
        )
    return complex(result.y[0, -1]), result.y[1:, -1].reshape(2, 2)


def _check_region(
    entries: Callable[[Any], Entries], centre: complex, ends: tuple[complex, ...]
) -> None:
    """Refuse a contour that cannot be shrunk to the real axis: singularities or zeros below it."""
    below = centre - 0.02j * centre.imag
    outer = [2 * end.real - centre.real + 0j for end in ends]
    corners = [outer[0], ends[0], below, ends[1], outer[1], outer[0]]
    nodes, weights = _quadrature()
    total = np.zeros((3, 3), dtype=np.complex128)
    scale = np.zeros((3, 3))
    turns = 0.0
    length = abs(outer[1] - outer[0])
    for a, b in itertools.pairwise(corners):
        t = a + (b - a) * nodes
        for row, values in enumerate(entries(t)):
            for power in range(3):
                piece = (b - a) * weights * values * ((t - centre) / length) ** power
                total[row, power] += piece.sum()
                scale[row, power] += np.abs(piece).sum()
        w = _energy_squared(entries, np.concatenate([[a], t, [b]]))
        turns += float(np.sum(np.angle(w[1:] / w[:-1]))) / (2 * np.pi)
    if np.any(np.abs(total) > 1e-6 * scale.max()) or abs(turns) > 0.5:
        raise ConvergenceError(
            "Below the branch point the gap has another zero or H a singularity: log P cannot be "
            "computed from one contour there."
        )


def _climb(
    entries: Callable[[Any], Entries], centre: complex, end: complex, level: int
) -> tuple[ComplexArray, complex]:
    """Go up from the real axis to `end` in one superadiabatic state."""
    # The way up is slanted, so that it is long enough for the states to be defined even where the
    # level line ends close to the axis.
    # Returns the superadiabatic frame at `end` (columns: upper, lower) in the gauge that is real on
    # the axis, and log of the factor that `level` (0 upper, 1 lower) acquires on the way up.
    base = 2 * end.real - centre.real
    parts = [(0.0, 1.0)]
    factor = 0.0j
    frame: ComplexArray | None = None
    while parts:
        low, high = parts.pop()
        solved = _climb_panel(entries, base, end, low, high)
        if solved is None:
            if high - low < 1e-6:
                raise ConvergenceError(
                    "The superadiabatic states do not converge at the ends of the contour: the "
                    "window is too short for log P to be meaningful."
                )
            middle = 0.5 * (low + high)
            parts += [(middle, high), (low, middle)]
            continue
        left, right, phase = solved
        factor += -1j * phase if level == 0 else 1j * phase
        if frame is not None:
            # Frames of neighbouring panels may differ by a scale of each state.
            factor += np.log((np.linalg.inv(left) @ frame)[level, level])
        frame = right
    assert frame is not None
    return frame, complex(factor)


def _climb_panel(
    entries: Callable[[Any], Entries], base: float, end: complex, low: float, high: float
) -> tuple[ComplexArray, ComplexArray, complex] | None:
    """Superadiabatic iteration on one piece of the climb: frames at its ends and ∫E."""
    points = grid(_NODES)
    t = base + (end - base) * (low + 0.5 * (high - low) * (points.nodes + 1))
    scale = 0.5 * (end - base) * (high - low)
    d, b, c = (scale * value for value in entries(t))
    d0, b0, c0 = (complex(value[0]) for value in entries(np.array([base + 0j])))
    _, vectors = np.linalg.eigh(np.array([[d0, b0], [c0, -d0]]))
    frame = vectors[:, ::-1]
    g = np.moveaxis(np.array([[d, b], [c, -d]]), -1, 0)
    g = frame.conj().T @ g @ frame
    d, b, c = g[:, 0, 0], g[:, 0, 1], g[:, 1, 0]
    left = right = frame
    best: tuple[float, ComplexArray, ComplexArray, complex] | None = None
    for _ in range(20):
        # In units of the path's direction the upper level has E/scale > 0 at the real axis.
        energy = scale * _continuous_root((d * d + b * c) / scale**2)
        if np.any(np.abs(energy + d) < 0.2 * np.abs(energy)):
            return None
        q = np.sqrt((energy + d) / (2 * energy))
        s, r = b / (2 * energy * q), c / (2 * energy * q)
        resolution = np.max(np.abs(points.tail @ np.stack([q, s, r], axis=-1)))
        if resolution * points.size > 1e-9:
            return None
        dq, ds, dr = (points.derivative @ value for value in (q, s, r))
        d = energy - 1j * (q * dq + s * dr)
        b = 1j * (q * ds - s * dq)
        c = -1j * (q * dr - r * dq)
        left = left @ np.array([[q[0], -s[0]], [r[0], q[0]]])
        right = right @ np.array([[q[-1], -s[-1]], [r[-1], q[-1]]])
        size = float(np.sqrt(np.max(np.abs(b * c))) / max(1.0, np.min(np.abs(energy)) / 100))
        if best is None or size < best[0]:
            best = (size, left, right, complex(points.weights @ d))
        else:
            break
        if size < 1e-15:
            break
    if best is None or best[0] > _COUPLING_LEFT:
        return None
    return best[1], best[2], best[3]
