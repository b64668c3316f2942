"""Quasi-energies along a parameter, and their avoided crossings: multiphoton resonances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import ComplexArray, FloatArray, describe, fail, nearest, real_array
from anticrossing._core.linalg import dagger
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, Variable, in_units, shown
from anticrossing.drive import Drive, FormulaDrive
from anticrossing.dynamics._period import fold
from anticrossing.dynamics.floquet import Floquet, floquet
from anticrossing.dynamics.request import check_kinds, check_symmetry
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.spectrum import Symmetry
from anticrossing.units import Units

_REACH = 3.0  # widths from a resonance at which its slope is read
_MOST_STEPS = 5  # each with a tenth of the distance or less
_FINEST = 1e-3  # of the step of the grid: the least distance for that


@dataclass(frozen=True)
class Resonance(Result):
    """An avoided crossing of two quasi-energies modulo ω along a parameter p.

    Near it their distance is √(gap² + slope²(p − position)²), and the time-averaged transition
    probability of a long drive is half the Lorentzian of half width `width`.

    Attributes
    ----------
    position : float
        p where the distance is least.
    gap : float
        That distance, in the Hamiltonian's energy unit; zero for a true crossing.
    slope : float
        The rate at which the uncoupled quasi-energies cross, energy per unit of p.
    width : float
        gap/slope: the half width at half maximum in p.
    photons : int
        The number of quanta ω that separate the two uncoupled levels.
    branches : tuple of int
        The two columns of `QuasiEnergies.branches`.
    """

    position: float
    gap: float
    slope: float
    width: float
    photons: int
    branches: tuple[int, int]
    units: Units

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown(text="parameter at which the quasi-energies are nearest"),
        "gap": shown(text="their distance there", unit="energy"),
        "slope": shown(text="rate at which they would cross", unit="energy"),
        "width": shown(text="half width at half maximum in the parameter"),
        "photons": shown(text="quanta between the uncoupled levels"),
        "branches": shown("pair", text="columns of the two branches"),
    }


@dataclass(frozen=True, eq=False)
class QuasiEnergies(Result):
    """Quasi-energies followed along a parameter.

    Attributes
    ----------
    parameter : str
    values : array, shape (K,)
        The values of the parameter.
    branches : array, shape (K, N)
        Quasi-energies, each followed by the overlap of its mode with the one before and freed of
        jumps by ω; at the first value they are folded and ascending.
    resonances : tuple of Resonance
        In order of position. A resonance is found however narrow it is, as long as its neighbours
        along the parameter are several steps away; a gap below the error estimate is not known.
    error_estimate : array, shape (K,)
        Of the quasi-energies, as in `Floquet`.
    warnings : tuple of str
    """

    parameter: str
    values: FloatArray
    branches: FloatArray
    resonances: tuple[Resonance, ...]
    error_estimate: FloatArray
    warnings: tuple[str, ...]
    units: Units

    def variables(self) -> dict[str, Variable]:
        """Return the branches along the parameter, and the resonances, by name."""
        energy, along = in_units("energy", self.units), (self.parameter,)
        found = {
            self.parameter: Variable(along, self.values, self.parameter),
            "quasi_energy": Variable((*along, "branch"), self.branches, "quasi-energy", energy),
            "error_estimate": Variable(
                along, self.error_estimate, "error of the quasi-energies", energy
            ),
        }
        for name, shown_as in Resonance._variables.items():
            values = np.array([getattr(r, name) for r in self.resonances])
            if values.size:
                found[f"resonance_{name}"] = Variable(
                    ("resonance", *shown_as.dims),
                    values,
                    shown_as.text,
                    in_units(shown_as.unit, self.units),
                )
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw the branches along the parameter, with its resonances marked.

        Returns
        -------
        matplotlib.axes.Axes
        """
        axes = super().plot(ax)
        for resonance in self.resonances:
            axes.axvline(resonance.position, color="0.8", zorder=0)
        return axes

    def __str__(self) -> str:
        lines = [
            f"{self.branches.shape[1]} quasi-energies along {self.parameter} = "
            f"{self.values[0]:g} … {self.values[-1]:g}, {len(self.resonances)} resonance(s)"
        ]
        lines += [
            f"  {self.parameter} = {r.position:.9g}: {r.photons} photon(s), gap {r.gap:.6g}, "
            f"width {r.width:.6g}"
            for r in self.resonances
        ]
        lines += [f"  note: {text}" for text in self.warnings]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Family:
    """The Floquet problem as a function of one parameter."""

    hamiltonian: Hamiltonian
    drive: Drive
    parameter: str
    period: float | None
    tolerance: float
    symmetry: Symmetry | None

    def at(self, values: npt.ArrayLike) -> Floquet:
        hamiltonian, drive = self.hamiltonian, self.drive
        if self.parameter in hamiltonian.parameters:
            hamiltonian = hamiltonian.replace(**{self.parameter: values})
        else:
            assert isinstance(drive, FormulaDrive)
            drive = drive.replace(**{self.parameter: values})
        return floquet(
            hamiltonian, drive, period=self.period, tolerance=self.tolerance, symmetry=self.symmetry
        )

    def pair(self, value: float, subspace: ComplexArray) -> tuple[Floquet, int, int, float]:
        """Return the modes at a value, the two nearest to a subspace, and their distance mod ω."""
        found = self.at(value)
        weight = np.sum(np.abs(dagger(subspace) @ found.modes) ** 2, axis=0)
        i, j = sorted(np.argsort(weight)[-2:].tolist())
        q = found.quasi_energies
        return found, i, j, abs(float(fold(q[j] - q[i], found.frequency)))


def quasi_energies(
    hamiltonian: Hamiltonian,
    drive: Drive,
    parameter: str,
    values: npt.ArrayLike,
    *,
    period: float | None = None,
    tolerance: float = 1e-12,
    symmetry: Symmetry | None = None,
) -> QuasiEnergies:
    """Follow the quasi-energies of a periodic drive along a parameter and find their resonances.

    For ε(t) = ε₀ + A cos ωt and coupling Δ along the offset, resonances lie at ε₀ ≈ nω with
    gap ≈ Δ|J_n(A/ω)|.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        H(x), N levels, one parameter point.
    drive : Drive
        x(t); the period starts with its window.
    parameter : str
        The parameter that is varied: one of the drive (``offset``, ``amplitude``, ``frequency``,
        along a path ``x_offset`` and so on) or of the Hamiltonian.
    values : array, shape (K,)
        Increasing values, K ≥ 3.
    period : float, optional
        The period of a drive whose formula shows none: tones with a common divisor do;
        the window must hold one.
    tolerance : float
        Wanted accuracy of probabilities, between 1e-13 and 1e-2.
    symmetry : Symmetry, optional
        Labels or operators that H(x) keeps, as for `propagate`.

    Returns
    -------
    QuasiEnergies

    Raises
    ------
    InputError
        For arguments that cannot be used, before any work.

    References
    ----------
    J. H. Shirley, Phys. Rev. 138, B979 (1965); S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep.
    492, 1 (2010).

    Examples
    --------
    >>> import anticrossing as ac
    >>> qubit, drive = ac.models.LandauZener(gap=0.1), ac.drive.Sinusoidal(0.0, 2.0, 1.0)
    >>> found = quasi_energies(qubit, drive, "offset", np.linspace(0.55, 2.45, 20))
    >>> for r in found.resonances:
    ...     print(r.photons, round(r.position, 4), round(r.gap, 4))
    1 0.9994 0.0576
    2 1.9976 0.0353
    """
    hamiltonian, drive = check_kinds(hamiltonian, drive)
    points = real_array("values", values, ndim=1)
    if points.size < 3 or np.any(np.diff(points) <= 0):
        raise fail("values", "be at least three numbers that increase", f"it is {describe(values)}")
    _check_parameter(hamiltonian, drive, parameter)
    check_symmetry(hamiltonian, symmetry)
    family = _Family(hamiltonian, drive, parameter, period, tolerance, symmetry)
    if (hamiltonian.batch_shape, drive.batch_shape) != ((), ()):
        raise fail(
            "hamiltonian and drive",
            "be a single parameter point",
            f"their batch shapes are {hamiltonian.batch_shape} and {drive.batch_shape}",
        )
    found = family.at(points)
    order = _follow(found.modes)
    folded = np.take_along_axis(found.quasi_energies, order, axis=-1)
    modes = np.take_along_axis(found.modes, order[:, None, :], axis=-1)
    omega = np.broadcast_to(found.frequency, points.shape)
    branches = folded.copy()
    for k in range(1, points.size):
        branches[k] = branches[k - 1] + fold(folded[k] - branches[k - 1], omega[k])

    resonances = []
    levels = folded.shape[1]
    for a in range(levels):
        for b in range(a + 1, levels):
            distance = np.abs(fold(folded[:, a] - folded[:, b], omega))
            inner = distance[1:-1]
            lowest = (inner <= distance[:-2]) & (inner < distance[2:])
            for k in (np.flatnonzero(lowest) + 1).tolist():
                # By symmetry two points may lie exactly as near: then it is between them.
                even = distance[k] == distance[k - 1]
                middle = 0.5 * (points[k - 1] + points[k]) if even else points[k]
                where = (points[k - 1], middle, points[k + 1])
                resonances.append(_resonance(family, where, modes[k][:, [a, b]], (a, b)))
    resonances.sort(key=lambda resonance: resonance.position)
    error = float(np.max(found.error_estimate))
    warnings = found.warnings + tuple(
        f"the gap at {parameter} = {r.position:.6g} is below the error estimate {error:.1g}"
        for r in resonances
        if r.gap < error
    )
    return QuasiEnergies(
        parameter,
        points,
        branches,
        tuple(resonances),
        found.error_estimate,
        warnings,
        hamiltonian.units,
    )


def _resonance(
    family: _Family,
    where: tuple[float, float, float],
    subspace: ComplexArray,
    branches: tuple[int, int],
) -> Resonance:
    """Find the least distance between two neighbours of a grid point that is lower than both."""
    from scipy.optimize import minimize_scalar

    left, middle, right = where
    unit = float(family.at(middle).frequency)

    def apart(value: float) -> float:
        return family.pair(float(value), subspace)[3] / unit

    # The square of the distance is a parabola even where the gap is nothing against the step.
    found = minimize_scalar(
        lambda value: apart(value) ** 2,
        bracket=(left, middle, right),
        method="brent",
        options={"xtol": 1e-13, "maxiter": 200},
    )
    position = float(found.x)
    gap = float(np.sqrt(found.fun))
    outer = apart(left)
    slope = np.sqrt(max(outer**2 - gap**2, 0.0)) / (position - left)
    position, gap = _lowest(apart, position, gap, slope)
    step = min(position - left, right - position)
    reach = min(max(_REACH * gap / slope, _FINEST * step), step)
    sides = [apart(position + side * reach) for side in (-1, 1)]
    slope = float(np.mean(np.sqrt(np.maximum(np.square(sides) - gap**2, 0.0)))) / reach
    at, i, j, _ = family.pair(position, subspace)
    # In its eigenbasis the mean of H over the two modes equals its mean over the uncoupled levels.
    photons = round(float(np.ptp(np.linalg.eigvalsh(at.mean_energy_matrix(i, j))) / at.frequency))
    width, units = gap / slope, family.hamiltonian.units
    return Resonance(position, gap * unit, slope * unit, width, photons, branches, units)


def _lowest(
    apart: Callable[[float], float], position: float, gap: float, slope: float
) -> tuple[float, float]:
    """Go on to where the square of a distance is least, a parabola, as closely as it is known."""
    # The search before this stops some 1e-11 away, where a narrower gap is not seen yet.
    for _ in range(_MOST_STEPS):
        reach = max(_REACH * gap / slope, float(np.spacing(position)))
        before, after = apart(position - reach) ** 2, apart(position + reach) ** 2
        bend = before + after - 2 * gap**2
        if bend <= 0:
            break
        nearer = float(position + 0.5 * reach * (before - after) / bend)
        found = apart(nearer)
        if found >= gap:
            break
        position, gap = nearer, found
    return position, gap


def _follow(modes: ComplexArray) -> npt.NDArray[np.intp]:
    """Return columns (K, N) such that each mode goes on in the one it overlaps most with."""
    from scipy.optimize import linear_sum_assignment

    points, levels = modes.shape[0], modes.shape[-1]
    order = np.tile(np.arange(levels), (points, 1))
    for k in range(1, points):
        overlap = np.abs(dagger(modes[k - 1][:, order[k - 1]]) @ modes[k]) ** 2
        order[k] = linear_sum_assignment(-overlap)[1]
    return order


def _check_parameter(hamiltonian: Hamiltonian, drive: Drive, parameter: str) -> None:
    own = list(drive.parameters) if isinstance(drive, FormulaDrive) else []
    known = [*hamiltonian.parameters, *own]
    if known.count(parameter) == 1:
        return
    raise fail(
        "parameter",
        "name a parameter of the Hamiltonian or of the drive",
        f"both have one called `{parameter}`"
        if parameter in known
        else f"it is {parameter!r}{nearest(str(parameter), known)}"
        if nearest(str(parameter), known)
        else f"it is {parameter!r} (known: {', '.join(known)})",
    )
