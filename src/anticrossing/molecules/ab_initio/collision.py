"""From diabats along a bond to the Landau-Zener probability of a collision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError, fail, instance, positive
from anticrossing._core.result import Result
from anticrossing._core.roots import bracketed
from anticrossing._core.variables import shown
from anticrossing.formulas.landau_zener import landau_zener_from_slopes
from anticrossing.formulas.result import Prediction, unwrap
from anticrossing.geometry.diabatic_basis import DiabaticBasis
from anticrossing.units import Units


@dataclass(frozen=True, eq=False)
class DiabaticCrossing(Result):
    """Where two diabats cross, and what a passage there needs.

    Attributes
    ----------
    position : float
        The coordinate where W₀₀ = W₁₁.
    energy : float
        The energy of the crossing.
    coupling : float
        V = |W₀₁| there; the adiabatic gap there is 2V.
    slopes : (float, float)
        F₀, F₁: the slopes of the two diabats (energy / length).
    linear_range : float
        The distance to the nearer end of the points.
    units : Units
        Of the levels; a velocity is in their units of coordinate and time.
    """

    _variables: ClassVar = {
        "position": shown(text="where the diabats cross", unit="coordinate"),
        "energy": shown(text="energy of the crossing", unit="energy"),
        "coupling": shown(text="coupling there, half the gap", unit="energy"),
        "slopes": shown("diabatic_state", text="slopes of the diabats", unit="energy/coordinate"),
        "linear_range": shown(text="distance to the nearer end", unit="coordinate"),
    }

    position: float
    energy: float
    coupling: float
    slopes: tuple[float, float]
    linear_range: float
    units: Units

    def prediction(self, velocity: npt.ArrayLike) -> Prediction:
        """Return the Landau-Zener probability to stay on the diabat in one passage.

        ``P = exp(−2πV²/(ħ v |F₀ − F₁|))``, with a check of the time to the ends of the points.

        Parameters
        ----------
        velocity : array_like
            Relative velocity at the crossing, positive (length / time).

        Raises
        ------
        InputError
            If it is not positive.
        """
        v = positive("velocity", velocity)
        angular = self.units.angular
        return landau_zener_from_slopes(
            coupling=angular * self.coupling,
            slopes=(angular * self.slopes[0], angular * self.slopes[1]),
            velocity=v,
            window=unwrap(self.linear_range / v),
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the two diabats and the adiabatic levels about the crossing."""
        from anticrossing._core.drawing import new_axes

        ax = new_axes() if ax is None else ax
        x = np.linspace(-self.linear_range, self.linear_range, 201)
        low, high = (self.energy + slope * x for slope in self.slopes)
        gap = np.hypot(low - high, 2 * self.coupling)
        ax.plot(self.position + x, np.stack([low, high], axis=1), ls="--")
        ax.plot(self.position + x, np.stack([low + high - gap, low + high + gap], axis=1) / 2)
        ax.set(xlabel=self.units.label("position", "coordinate"))
        ax.set(ylabel=self.units.label("energy", "energy"))
        return ax

    def __str__(self) -> str:
        return (
            f"diabats cross at {self.position:.6g}: V = {self.coupling:.6g}, "
            f"slopes {self.slopes[0]:.6g} and {self.slopes[1]:.6g}"
        )


def diabatic_crossing(basis: DiabaticBasis) -> DiabaticCrossing:
    """Return the crossing of two diabats along one coordinate.

    The root of ``W₀₀ − W₁₁`` of the interpolated diabatic matrix.

    Parameters
    ----------
    basis : DiabaticBasis
        Of two states, along one coordinate.

    Raises
    ------
    InputError
        For other than two states, and where the diabats do not cross or cross several times.

    References
    ----------
    L. D. Landau, Phys. Z. Sowjetunion 2, 46 (1932); for the ionic and covalent states of LiF:
    C. W. Bauschlicher and S. R. Langhoff, J. Chem. Phys. 89, 4246 (1988).

    Examples
    --------
    >>> from anticrossing.geometry.grid_data import AdiabaticData
    >>> x = np.linspace(-4, 4, 81)
    >>> vectors = np.linalg.eigh(x[:, None, None] * [[1, 0], [0, -1]] + [[0, 0.1], [0.1, 0]])
    >>> ionic = np.einsum("kai,ab,kbj->kij", vectors[1], np.diag([-5.0, 0.0]), vectors[1])
    >>> data = AdiabaticData(x, vectors[0], dipoles=ionic)
    >>> crossing = diabatic_crossing(data.diabatize())
    >>> round(crossing.coupling, 6), round(float(crossing.prediction(0.01).value), 4)
    (0.1, 0.0432)
    """
    instance("basis", basis, DiabaticBasis)
    if basis.mixing.shape[-1] != 2:
        raise fail("basis", "hold two states", f"it holds {basis.mixing.shape[-1]}")
    H = basis.hamiltonian()
    x = np.sort(basis.points)
    W = H(x)
    difference: FloatArray = (W[:, 0, 0] - W[:, 1, 1]).real
    changes = np.flatnonzero(np.sign(difference[:-1]) * np.sign(difference[1:]) < 0)
    exact = np.flatnonzero(difference == 0)
    if changes.size + exact.size != 1:
        raise InputError(
            f"Two diabats must cross once, but these cross {changes.size + exact.size} times "
            f"between {x[0]:g} and {x[-1]:g}."
        )
    position = float(x[exact[0]]) if exact.size else _root(H, x[changes[0]], x[changes[0] + 1])
    at, slope = H(position), H.derivative(position)
    return DiabaticCrossing(
        position=position,
        energy=float((at[0, 0] + at[1, 1]).real / 2),
        coupling=float(abs(at[0, 1])),
        slopes=(float(slope[0, 0].real), float(slope[1, 1].real)),
        linear_range=min(position - float(x[0]), float(x[-1]) - position),
        units=basis.units,
    )


def _root(H: object, start: float, stop: float) -> float:
    assert callable(H)

    def difference(x: float) -> float:
        W = H(x)
        return float((W[0, 0] - W[1, 1]).real)

    return bracketed(difference, start, stop, xtol=1e-13, rtol=1e-14)
