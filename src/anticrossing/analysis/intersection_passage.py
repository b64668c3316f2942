"""A straight path past a conical intersection: its Landau-Zener formula, and the exact answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing import drive
from anticrossing._core.checks import FloatArray, InputError, fail, parameter, positive
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.dynamics import Propagation
from anticrossing.dynamics.propagation import of_all_levels, propagate
from anticrossing.formulas import DomainCheck, Prediction, landau_zener
from anticrossing.hamiltonian import Hamiltonian, Matrices

if TYPE_CHECKING:  # the geometry package is large, and imported when it is used
    from anticrossing.geometry.intersection import Intersection

_LINEAR = 0.1  # largest departure of the gap from the cone's gap, in gaps
_SAMPLES = 41


@dataclass(frozen=True, eq=False)
class IntersectionPassage(Result):
    """One passage of an intersection on a straight line; batch axes come first everywhere.

    Attributes
    ----------
    impact_parameter : array, shape (...)
        b, the distance of the line from the intersection (coordinate units).
    closest : array, shape (..., f)
        The point of the line at which the gap of the cone is smallest.
    gap : array, shape (...)
        That gap, 2V (energy).
    sweep_rate : array, shape (...)
        α, the rate of the diabatic energy difference on this line (energy / time).
    prediction : Prediction
        ``P = exp(−π gap²/2α)`` to jump between the levels, with its domain checks.
    probability : array, shape (...)
        The same from the Schrödinger equation with the full H along the line.
    propagation : Propagation
        The exact evolution, read out in the superadiabatic basis.
    """

    impact_parameter: FloatArray
    closest: FloatArray
    gap: FloatArray
    sweep_rate: FloatArray
    prediction: Prediction
    probability: FloatArray
    propagation: Propagation

    _variables: ClassVar[Mapping[str, Shown]] = {
        "probability": shown(text="exact probability to jump"),
        "predicted": shown(text="Landau–Zener probability to jump", of="prediction"),
        "difference": shown(text="exact minus predicted probability"),
        "impact_parameter": shown(text="distance of the line from the intersection"),
        "gap": shown(text="smallest gap of the cone on the line"),
        "sweep_rate": shown(text="rate of the diabatic energy difference"),
        "closest": shown("coordinate", text="point of the smallest gap"),
    }

    @property
    def difference(self) -> FloatArray:
        """Exact minus predicted probability, shape (...)."""
        return np.asarray(self.probability - np.asarray(self.prediction.value))

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each check that fails."""
        return self.prediction.warnings

    def plot(self, ax: Any = None) -> Any:
        """Draw exact and predicted probabilities against the impact parameter."""
        ax = new_axes() if ax is None else ax
        b, exact = np.ravel(self.impact_parameter), np.ravel(self.probability)
        order = np.argsort(b, kind="stable")
        predicted = np.broadcast_to(self.prediction.value, np.shape(self.probability)).ravel()
        if b.size == exact.size:
            ax.plot(b[order], exact[order], "o", label="exact")
            ax.plot(b[order], predicted[order], "--", label=self.prediction.name)
            ax.set_xlabel("impact parameter")
        else:
            ax.plot(exact, "o", label="exact")
            ax.plot(predicted, "--", label=self.prediction.name)
            ax.set_xlabel("point")
        ax.set_ylabel("probability to jump")
        ax.legend()
        return ax

    def __str__(self) -> str:
        return "\n".join(
            [
                str(self.prediction),
                f"  largest difference from the exact passage: "
                f"{float(np.max(np.abs(self.difference))):.3g}",
            ]
        )


def intersection_passage(
    hamiltonian: Hamiltonian,
    intersection: Intersection,
    *,
    direction: npt.ArrayLike,
    impact_parameter: npt.ArrayLike,
    speed: npt.ArrayLike,
    length: npt.ArrayLike,
    side: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
) -> IntersectionPassage:
    """Pass a conical intersection on a straight line, in the Landau-Zener picture and exactly.

    On the line ``R(t) = R₀ + b·n + u (s₀ + v t)`` the cone ``E ± |B·ρ|`` is the avoided crossing

    ``V = b |B·n|⊥``, ``α = 2 v |B·u|``, ``P = exp(−2πV²/α)``,

    where B holds the branching vectors and ⊥ is the part of ``B·n`` perpendicular to ``B·u``. For
    ``H = κ[[x, y], [y, −x]]`` that is ``P = exp(−πκb²/v)``. The tilt of the cone, common to both
    levels, does not enter.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        The one whose intersection is given; single parameter values.
    intersection : Intersection
        Conical, of two levels (not of Kramers doublets).
    direction : array_like, shape (f,)
        The direction of the line; only its direction u counts.
    impact_parameter : float or array
        b (coordinate units), of either sign.
    speed : float or array
        v > 0 (coordinate / time).
    length : float or array
        The length of the line, one half on either side of `closest`.
    side : array_like, shape (f,), optional
        The direction of the displacement b·n; its part along u is taken out. By default, for
        codimension 2, n lies in the branching plane perpendicular to u.
    tolerance : float
        Wanted accuracy of the exact probability, see `propagate`.

    Returns
    -------
    IntersectionPassage
        With `prediction` and `probability` to jump, broadcast over the arrays.

    Raises
    ------
    InputError
        If it is no conical intersection, the direction runs along the seam, or `side` is missing
        where it cannot be guessed.

    References
    ----------
    E. Teller, J. Phys. Chem. 41, 109 (1937).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> from anticrossing.geometry.intersections import find_intersection
    >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    >>> passage = intersection_passage(H, find_intersection(H, [0.1, 0.2]), direction=[1, 0],
    ...                                impact_parameter=[0.0, 0.5], speed=2.0, length=400)
    >>> passage.prediction.value.round(8), passage.probability.round(8)   # exp(−πκb²/v)
    (array([1.        , 0.67523191]), array([1.        , 0.67523191]))
    """
    from anticrossing.geometry._quasidegenerate import check_several_levels, check_vector
    from anticrossing.geometry.intersection import check_intersection

    check_several_levels(hamiltonian)
    check_intersection(intersection, hamiltonian)
    if intersection.codimension < 2:
        raise fail("intersection", "be conical", f"it is {intersection.kind}")
    if intersection.symmetry == "kramers":
        raise fail("intersection", "be one of two single levels", "they are Kramers doublets")
    along = check_vector("direction", hamiltonian, direction)
    if not along.any():
        raise fail("direction", "not be zero", "it is zero")
    along = along / np.abs(along).max()  # so that squares do not overflow
    along = along / np.linalg.norm(along)
    branching = intersection.branching_vectors
    rate_vector = branching @ along
    if np.linalg.norm(rate_vector) <= 1e-8 * np.linalg.norm(branching[0]):
        raise fail("direction", "have a part in the branching space", "it runs along the seam")
    across = _side(hamiltonian, intersection, along, side)
    offset = parameter("impact_parameter", impact_parameter)
    velocity = positive("speed", parameter("speed", speed))
    extent = positive("length", parameter("length", length))
    try:
        offset, velocity, extent = np.broadcast_arrays(offset, velocity, extent)
    except ValueError:
        raise InputError(
            "Arguments `impact_parameter`, `speed` and `length` must broadcast together, but their "
            f"shapes are {offset.shape}, {velocity.shape} and {extent.shape}."
        ) from None

    steepness = float(np.linalg.norm(rate_vector))
    apart = branching @ across
    advance = float(apart @ rate_vector) / steepness**2
    lateral = float(np.linalg.norm(apart - advance * rate_vector))
    # the line, written from the point closest in energy: s = 0 where the gap is smallest
    shift = across - advance * along
    units = hamiltonian.units.angular
    gap = 2 * lateral * np.abs(offset)
    rate = 2 * steepness * velocity
    line = _on_line(hamiltonian, intersection.position, shift, along, offset)
    checks = [_linearity(line, intersection, gap * units, rate * units, steepness, velocity)]
    prediction = landau_zener(
        gap=gap * units,
        sweep_rate=rate * units,
        window=extent / (2 * velocity),
        third_level_distance=(
            intersection.third_level_distance * units if hamiltonian.dimension > 2 else None
        ),
    )
    prediction = dataclasses.replace(
        prediction,
        name="Landau-Zener past a conical intersection",
        checks=(*prediction.checks, *checks),
    )
    sweep = drive.Linear(-extent / 2, extent / 2, rate=velocity)
    lower, upper = intersection.levels
    exact = of_all_levels(
        propagate(line, sweep, initial=lower, basis="superadiabatic", tolerance=tolerance)
    )
    return IntersectionPassage(
        impact_parameter=np.abs(offset),
        closest=intersection.position + offset[..., np.newaxis] * shift,
        gap=gap,
        sweep_rate=rate,
        prediction=prediction,
        probability=exact.transition_matrix[..., upper, lower],
        propagation=exact,
    )


def _side(
    hamiltonian: Hamiltonian, intersection: Intersection, along: FloatArray, side: Any
) -> FloatArray:
    """Return the unit vector n of the displacement, perpendicular to the line."""
    if side is not None:
        from anticrossing.geometry._quasidegenerate import check_vector

        across = check_vector("side", hamiltonian, side)
        size = np.abs(across).max()
        across = across / (size if size else 1.0)
        across = across - (across @ along) * along
        if np.linalg.norm(across) <= 1e-8:
            raise fail("side", "not be parallel to `direction` or zero", "it is")
        return np.asarray(across / np.linalg.norm(across))
    if intersection.codimension != 2:
        raise fail(
            "side",
            f"be given for an intersection of codimension {intersection.codimension}",
            "it is missing",
        )
    plane = np.linalg.qr(intersection.branching_vectors.T)[0]
    inside = plane.T @ along
    across = plane @ np.array([-inside[1], inside[0]])
    return np.asarray(across / np.linalg.norm(across))


def _on_line(
    hamiltonian: Hamiltonian,
    origin: FloatArray,
    shift: FloatArray,
    along: FloatArray,
    offset: FloatArray,
) -> Hamiltonian:
    """Return H along the line as a function of the distance s, with the parameter b."""

    def points(s: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return origin + b[..., np.newaxis] * shift + s[..., np.newaxis] * along

    def value(s: Any, b: Any) -> Matrices:
        return hamiltonian.evaluate(points(np.asarray(s), np.asarray(b)), hamiltonian.parameters)

    def slope(s: Any, b: Any) -> Matrices:
        gradient = hamiltonian.evaluate_gradient(
            points(np.asarray(s), np.asarray(b)), hamiltonian.parameters
        )
        return np.asarray(np.einsum("a,...aij->...ij", along, gradient))

    return Hamiltonian.from_function(
        value,
        derivative=slope,
        vectorised=True,
        parameters={"b": offset},
        coordinates="s",
        dimension=hamiltonian.dimension,
        name=f"{hamiltonian.name} on a line",
        units=hamiltonian.units,
        labels=hamiltonian.labels,
    )


def _linearity(
    line: Hamiltonian,
    intersection: Intersection,
    gap: FloatArray,
    rate: FloatArray,
    steepness: float,
    velocity: FloatArray,
) -> DomainCheck:
    """Return how far the gap departs from the cone's gap while the passage lasts."""
    duration = np.maximum(1 / np.sqrt(rate), gap / rate)
    reach = (velocity * duration)[..., np.newaxis] * np.linspace(-1, 1, _SAMPLES)
    b = line.parameters["b"][..., np.newaxis]
    energies = np.linalg.eigvalsh(line.evaluate(reach, {"b": b}))
    lower, upper = intersection.levels
    there = energies[..., upper] - energies[..., lower]
    units = line.units.angular
    cone = np.hypot(gap[..., np.newaxis] / units, 2 * steepness * reach)
    scale = np.max(cone, axis=-1)
    worst = np.max(np.abs(there - cone), axis=-1) / scale
    return DomainCheck(
        "departure of the gap from the cone / gap",
        worst.item() if worst.ndim == 0 else worst,
        _LINEAR,
        "H is not linear over the passage",
    )
