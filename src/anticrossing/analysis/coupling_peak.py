"""From a derivative coupling to Landau–Zener: the peak at an avoided crossing, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    positive_number,
    real_array,
    two_levels,
)
from anticrossing._core.result import Result
from anticrossing._core.threads import few_threads
from anticrossing._core.variables import Shown, Variable, in_units, shown
from anticrossing.analysis._coupling_path import FIRST_PANELS, SAME, CouplingPath
from anticrossing.formulas.landau_zener import landau_zener
from anticrossing.formulas.result import Prediction
from anticrossing.formulas.time_scales import adiabatic_condition
from anticrossing.hamiltonian import Hamiltonian

if TYPE_CHECKING:  # the geometry package is large, and imported when it is used
    pass

_SHOWN_WIDTHS = 6.0  # of the peak, to either side
_SHOWN_POINTS = 201


@dataclass(frozen=True, eq=False)
class CouplingPeak(Result):
    """The derivative coupling of two levels along a line (see `coupling_peak`).

    Attributes
    ----------
    hamiltonian : Hamiltonian
        Of one coordinate, the one along the line.
    levels : tuple of int
        The two levels i < j.
    window : tuple of float
        Where the line begins and ends.
    closest, gap : float
        Where the levels are closest, and their gap there (in the Hamiltonian's units).
    position, height : float
        Where |d_ij| is largest, and how large (per unit of the coordinate).
    width : float or None
        Full width of the peak at half height; None if the window ends before.
    area : float
        |∫ d_ij| over the window, with a consistent sign: the angle by which the levels turn into
        each other, π/2 for a complete exchange.
    velocity : float or None
        Velocity along the line (units of the coordinate per time).
    """

    hamiltonian: Hamiltonian
    levels: tuple[int, int]
    window: tuple[float, float]
    closest: float
    gap: float
    position: float
    height: float
    width: float | None
    area: float
    velocity: float | None

    _variables: ClassVar[Mapping[str, Shown]] = {
        "gap": shown(text="gap where the levels are closest", unit="energy"),
        "closest": shown(text="place of the smallest gap", unit="coordinate"),
        "position": shown(text="place of the peak", unit="coordinate"),
        "height": shown(text="height of the peak", unit="1/coordinate"),
        "width": shown(text="full width at half height", unit="coordinate"),
        "area": shown(text="angle by which the levels turn into each other", unit="rad"),
        "velocity": shown(text="velocity along the line", unit="coordinate/time"),
        "sweep_rate": shown(text="rate of the energy difference", unit="rad/time²"),
        "massey": shown(text="|v d|/gap at the peak"),
        "jump": shown(text="Landau–Zener probability to jump"),
    }

    def coupling(self, coordinate: npt.ArrayLike) -> FloatArray:
        """Return |d_ij| at places along the line, of any shape (per unit of the coordinate)."""
        from anticrossing.geometry.couplings import derivative_couplings

        i, j = self.levels
        found = derivative_couplings(self.hamiltonian, coordinate)
        return np.asarray(np.abs(found[..., i, j]))

    def variables(self) -> dict[str, Variable]:
        name, units = self.hamiltonian.coordinates[0], self.hamiltonian.units
        low, high = self.window
        reach = _SHOWN_WIDTHS / self.height
        s = np.linspace(
            max(low, self.position - reach), min(high, self.position + reach), _SHOWN_POINTS
        )
        per = in_units("1/coordinate", units)
        return {
            **super().variables(),
            name: Variable((name,), s, name, in_units("coordinate", units)),
            "coupling": Variable((name,), self.coupling(s), "derivative coupling", per),
        }

    def _own_units(self) -> Any:
        return self.hamiltonian.units

    def _attributes(self) -> dict[str, Any]:
        i, j = self.levels
        return {"name": self.hamiltonian.name, "lower_level": i, "upper_level": j}

    @property
    def slope_difference(self) -> float:
        """ΔF of the linear diabats with this gap 2V and this peak ΔF/4V (energy/coordinate)."""
        return 2 * self.gap * self.height

    @property
    def sweep_rate(self) -> float | None:
        """Rate v ΔF of the diabatic energy difference, radians per time squared."""
        if self.velocity is None:
            return None
        return self.slope_difference * self.velocity * self.hamiltonian.units.angular

    @property
    def massey(self) -> Prediction | None:
        """ħ|v·d|/gap at the peak, which is small for an adiabatic passage; with its check."""
        if self.sweep_rate is None:
            return None
        angular = self.gap * self.hamiltonian.units.angular
        return adiabatic_condition(gap=angular, sweep_rate=self.sweep_rate)

    @property
    def jump(self) -> Prediction | None:
        """Landau–Zener probability to jump, ``exp(−π gap/(4 ħ v d))`` for a peak of height d."""
        if self.sweep_rate is None:
            return None
        angular = self.gap * self.hamiltonian.units.angular
        return landau_zener(gap=angular, sweep_rate=self.sweep_rate)

    def __str__(self) -> str:
        i, j = self.levels
        units = self.hamiltonian.units
        s = self.hamiltonian.coordinates[0]
        energy = f" {units.energy}" if units.energy else ""
        low, high = self.window
        closest, position = (
            0.0 if abs(place) < 1e-12 * (high - low) else place
            for place in (self.closest, self.position)
        )
        lines = [
            f"Derivative coupling of levels {i} and {j} of {self.hamiltonian.name} over "
            f"{units.label(s, 'coordinate')} from {low:.6g} to {high:.6g}",
            f"  gap       {self.gap:.6g}{energy} at {s} = {closest:.6g}",
            f"  peak      |d| = {self.height:.6g} at {s} = {position:.6g}",
        ]
        if self.width is None:
            lines.append("  width     not within the window")
        else:
            lines.append(
                f"  width     {self.width:.6g} at half height, {self.width * self.height:.6g} over "
                "1/peak (1 for linear diabats)"
            )
        share = self.area / (0.5 * np.pi)
        lines.append(f"  integral  {self.area:.6g}, {share:.6g} of the pi/2 of a full exchange")
        if self.massey is not None and self.jump is not None:
            limit = self.massey.checks[0].limit
            verdict = "adiabatic" if self.massey.valid else f"not adiabatic (above {limit:g})"
            lines += [
                f"  velocity  {self.velocity:.6g}: |v d|/gap = {float(self.massey):.6g}, {verdict}",
                f"  jump      {float(self.jump):.6g} by Landau-Zener from peak and gap",
            ]
        return "\n".join(lines)


def coupling_peak(
    hamiltonian: Hamiltonian,
    window: npt.ArrayLike,
    *,
    levels: tuple[int, int] = (0, 1),
    origin: npt.ArrayLike | None = None,
    direction: npt.ArrayLike | None = None,
    velocity: float | None = None,
) -> CouplingPeak:
    """Return height, width and integral of a derivative coupling along a line, against the gap.

    For linear diabats of slope difference ΔF with coupling V, ``d₁₂ = VΔF/(ΔF²s² + 4V²)``: a peak
    of height ΔF/4V and width 4V/ΔF, whose integral is π/2. A passage with velocity v is adiabatic
    if ``ħ|v d|`` stays far below the gap, and jumps with ``P = exp(−π gap/(4 ħ v d))`` at the peak.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x) with single parameter values.
    window : pair of float
        Where the line begins and ends, in the units of its coordinate.
    levels : pair of int
        The two levels, counted from 0 by energy.
    origin, direction : array, shape (f,), optional
        With several coordinates, and only then: the line is R₀ + s n, and s the coordinate.
    velocity : float, optional
        Velocity ds/dt, positive, per unit of time of the Hamiltonian.

    Returns
    -------
    CouplingPeak
        Printing it gives a readable summary.

    Raises
    ------
    InputError
        If the levels meet in the window or are not coupled there, for a batch, or a line that is
        missing or not wanted.
    ConvergenceError
        If the coupling is not smooth, as where another level crosses one of the two.

    References
    ----------
    C. Zener, Proc. R. Soc. A 137, 696 (1932); H. S. W. Massey, Rep. Prog. Phys. 12, 248 (1949).

    Examples
    --------
    >>> H = Hamiltonian.from_matrix([["x", 0.5], [0.5, "-x"]])
    >>> print(coupling_peak(H, (-100, 100), velocity=0.05))
    Derivative coupling of levels 0 and 1 of Hamiltonian over x from -100 to 100
      gap       1 at x = 0
      peak      |d| = 1 at x = 0
      width     1 at half height, 1 over 1/peak (1 for linear diabats)
      integral  1.5658, 0.996817 of the pi/2 of a full exchange
      velocity  0.05: |v d|/gap = 0.05, adiabatic
      jump      1.50702e-07 by Landau-Zener from peak and gap
    """
    line, ends, pair, speed = _check(hamiltonian, window, levels, origin, direction, velocity)
    path = CouplingPath(line, *pair)
    with few_threads(line.dimension):
        closest, gap = path.closest(np.linspace(*ends, 4 * FIRST_PANELS + 1))
        edges = np.linspace(*ends, FIRST_PANELS + 1)
        while True:
            edges = np.unique(np.append(edges, closest))
            nodes, values, area = path.resolve(edges)
            # Where the coupling is resolved, minima show that fewer samples do not tell apart.
            place, smaller = path.closest(np.unique(np.concatenate([edges, nodes])))
            if not smaller < gap * (1 - SAME):
                break
            closest, gap = place, smaller
        sizes = np.abs(values)
        if sizes.max() == 0:
            i, j = pair
            raise fail("levels", "be coupled within the window", f"{i} and {j} are not")
        top = int(np.argmax(sizes))
        position = path.summit(nodes, top)
        height = float(np.abs(path.coupling(np.array([position]))[0]))
        left = path.half_height(nodes, sizes, top, -1, height)
        right = path.half_height(nodes, sizes, top, 1, height)
    return CouplingPeak(
        hamiltonian=line,
        levels=pair,
        window=ends,
        closest=closest,
        gap=gap,
        position=position,
        height=height,
        width=None if left is None or right is None else right - left,
        area=area,
        velocity=speed,
    )


def _check(
    hamiltonian: Hamiltonian,
    window: npt.ArrayLike,
    levels: tuple[int, int],
    origin: npt.ArrayLike | None,
    direction: npt.ArrayLike | None,
    velocity: float | None,
) -> tuple[Hamiltonian, tuple[float, float], tuple[int, int], float | None]:
    from anticrossing.geometry._paths import check_single

    check_single(hamiltonian)
    ends = real_array("window", window)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise fail("window", "be a pair (start, stop), start < stop", f"it is {describe(window)}")
    low, high = sorted(two_levels("levels", levels, hamiltonian.dimension))
    speed = None if velocity is None else positive_number("velocity", velocity)
    several = len(hamiltonian.coordinates) > 1
    for name, value in (("origin", origin), ("direction", direction)):
        if several and value is None:
            raise fail(name, "be given for a Hamiltonian of several coordinates", "it is missing")
        if not several and value is not None:
            raise fail(name, "be left out for a Hamiltonian of one coordinate", "it is given")
    if origin is not None and direction is not None:
        hamiltonian = hamiltonian.along_line(origin, direction)
    return hamiltonian, (float(ends[0]), float(ends[1])), (low, high), speed
