"""The double cone at a conical intersection: its plane, its shape, and the loop test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    InputError,
    fail,
    integer,
    last_axis,
    of_shape,
    positive_number,
    real_array,
)
from anticrossing._core.drawing import new_axes
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.geometry._quasidegenerate import (
    check_neighbours,
    check_several_levels,
    hamiltonian_at,
)
from anticrossing.geometry.intersection import Intersection, check_intersection
from anticrossing.hamiltonian import Hamiltonian

_SYMMETRIC = 1e-9  # asymmetry and tilt below this count as none
_PERPENDICULAR = 1e-6
_MOST_POINTS = 1_000_000


@dataclass(frozen=True, eq=False)
class BranchingPlane(Result):
    """The plane in which the degeneracy of a conical intersection is lifted, and the cone in it.

    With ρ the distance from the intersection, x = ρ·x̂ and y = ρ·ŷ in the plane, the levels are::

        E± = E + s_x x + s_y y ± √(|g|² x² + |h|² y²)
           = E + δ r [σ cos(θ − θ_s) ± √(1 + Δ cos 2θ)]

    Attributes
    ----------
    g, h : array, shape (f,)
        Half the gradient difference ½∇(E₊ − E₋) and the coupling gradient ⟨−|∇H|+⟩ of those
        two degenerate states for which they are orthogonal and |g| ≥ |h| (energy per coordinate).
        Signs are those for which s_x, s_y ≥ 0.
    slope : array, shape (f,)
        s, the gradient of the mean energy, also out of the plane.

    Notes
    -----
    Lengths and angles are measured in the coordinates as they are. For the shape of the cone as the
    nuclei see it, use mass-weighted coordinates.

    References
    ----------
    D. R. Yarkony, J. Phys. Chem. A 105, 6277 (2001), the orthogonal vectors; I. Fdez. Galván,
    M. G. Delcey, T. B. Pedersen, F. Aquilante, R. Lindh, J. Chem. Theory Comput. 12, 3636 (2016),
    the parameters δ, Δ, σ, θ_s, P and B.

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> from anticrossing.geometry.intersections import find_intersection
    >>> H = Hamiltonian.from_matrix([["2*x + y/2", "y"], ["y", "-2*x + y/2"]],
    ...                             coordinates=["x", "y"])
    >>> plane = BranchingPlane.of(find_intersection(H, [1.0, 1.0]))
    >>> plane.g.round(12).tolist(), plane.h.round(12).tolist(), plane.topography
    ([2.0, 0.0], [0.0, 1.0], 'peaked, bifurcating')
    >>> round(plane.asymmetry, 12), round(plane.peakedness, 12)
    (0.6, 0.25)
    """

    g: FloatArray
    h: FloatArray
    slope: FloatArray

    _variables: ClassVar[Mapping[str, Shown]] = {
        "pitch": shown(text="mean steepness δ of the cone"),
        "asymmetry": shown(text="asymmetry Δ"),
        "tilt": shown(text="tilt σ"),
        "tilt_heading": shown(text="direction θ_s of steepest rise", unit="rad"),
        "peakedness": shown(text="P, above one sloped"),
        "bifurcation": shown(text="B, above one a single path"),
        "g": shown("coordinate", text="half the gradient difference"),
        "h": shown("coordinate", text="coupling gradient"),
        "slope": shown("coordinate", text="gradient of the mean energy"),
    }

    def _attributes(self) -> dict[str, Any]:
        return {"topography": self.topography}

    def plot(self, ax: Any = None) -> Any:
        """Draw both levels of the cone on a circle of radius one around the intersection."""
        ax = new_axes() if ax is None else ax
        angle = np.linspace(0.0, 2 * np.pi, 201)
        ring = np.outer(np.cos(angle), self.x) + np.outer(np.sin(angle), self.y)
        ax.plot(angle, self.energies(ring))
        ax.set(xlabel="angle from g (rad)", ylabel="energy at distance one", title=self.topography)
        return ax

    def __post_init__(self) -> None:
        for name in ("g", "h", "slope"):
            object.__setattr__(self, name, real_array(name, getattr(self, name), ndim=1))
        for name in ("h", "slope"):
            of_shape(name, getattr(self, name), self.g.shape)
        long, short = np.linalg.norm(self.g), np.linalg.norm(self.h)
        if short == 0 or short > long * (1 + _SYMMETRIC):
            raise fail("h", "not be zero nor longer than g", f"|g| = {long:.6g}, |h| = {short:.6g}")
        if abs(self.g @ self.h) > _PERPENDICULAR * long * short:
            raise fail("h", "be perpendicular to g", f"g·h = {self.g @ self.h:.3g}")

    @classmethod
    def of(cls, intersection: Intersection) -> BranchingPlane:
        """Return the branching plane of a conical intersection of codimension 2.

        Raises
        ------
        InputError
            If it is no intersection, or its codimension is not 2.
        """
        check_intersection(intersection)
        if intersection.codimension != 2:
            raise fail(
                "intersection",
                "have codimension 2 for its branching space to be a plane",
                f"it has codimension {intersection.codimension}",
            )
        slope = intersection.mean_slope
        scale = np.linalg.norm(intersection.branching_vectors[0])
        vectors = [
            -vector if vector @ slope < -_SYMMETRIC * scale * np.linalg.norm(vector) else vector
            for vector in intersection.branching_vectors
        ]
        return cls(vectors[0], vectors[1], slope)

    # ---- directions -------------------------------------------------------------------------

    @property
    def x(self) -> FloatArray:
        """The unit vector x̂ along g."""
        return np.asarray(self.g / np.linalg.norm(self.g))

    @property
    def y(self) -> FloatArray:
        """The unit vector ŷ along h."""
        return np.asarray(self.h / np.linalg.norm(self.h))

    @property
    def normal(self) -> FloatArray:
        """Orthonormal directions of the seam, shape (f − 2, f)."""
        return np.asarray(np.linalg.svd(np.stack([self.x, self.y]))[2][2:])

    def circle(self, centre: npt.ArrayLike, radius: float, *, points: int = 32) -> FloatArray:
        """Return a circle in this plane as a polygon, shape (points, f), once around.

        Examples
        --------
        >>> plane = BranchingPlane(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.zeros(3))
        >>> plane.circle([0, 0, 5.0], 0.5, points=4).round(12) + 0
        array([[ 0.5,  0. ,  5. ],
               [ 0. ,  0.5,  5. ],
               [-0.5,  0. ,  5. ],
               [ 0. , -0.5,  5. ]])
        """
        middle = of_shape("centre", real_array("centre", centre), self.g.shape)
        size = positive_number("radius", radius)
        angle = 2 * np.pi * np.arange(integer("points", points, minimum=3, maximum=10**7)) / points
        around = np.outer(np.cos(angle), self.x) + np.outer(np.sin(angle), self.y)
        return np.asarray(middle + size * around)

    # ---- the shape of the cone --------------------------------------------------------------

    @property
    def pitch(self) -> float:
        """δ = √((|g|² + |h|²)/2), the mean steepness of the cone (energy per coordinate)."""
        return float(np.sqrt((self.g @ self.g + self.h @ self.h) / 2))

    @property
    def asymmetry(self) -> float:
        """Δ = (|g|² − |h|²)/(|g|² + |h|²): 0 for a circular cone, near 1 for a flat one."""
        g2, h2 = float(self.g @ self.g), float(self.h @ self.h)
        value = (g2 - h2) / (g2 + h2)
        return value if value > _SYMMETRIC else 0.0

    @property
    def tilt_components(self) -> tuple[float, float]:
        """(s·x̂, s·ŷ)/δ."""
        return float(self.slope @ self.x) / self.pitch, float(self.slope @ self.y) / self.pitch

    @property
    def tilt(self) -> float:
        """σ, the length of `tilt_components`."""
        value = float(np.hypot(*self.tilt_components))
        return value if value > _SYMMETRIC else 0.0

    @property
    def tilt_heading(self) -> float:
        """θ_s in [0, π/2], the direction of steepest rise of the mean energy; 0 without tilt."""
        x, y = self.tilt_components
        return float(np.arctan2(abs(y), abs(x))) if self.tilt else 0.0

    @property
    def peakedness(self) -> float:
        """P = σ²(1 − Δ cos 2θ_s)/(1 − Δ²): below 1 peaked, above 1 sloped."""
        delta = self.asymmetry
        return self.tilt**2 * (1 - delta * math.cos(2 * self.tilt_heading)) / (1 - delta**2)

    @property
    def bifurcation(self) -> float:
        """B: below 1 two ways lead down from the intersection, above 1 a single one.

        ``B = ∛(σ²/4Δ²) [∛((1 + Δ) cos²θ_s) + ∛((1 − Δ) sin²θ_s)]``; infinite for a tilted
        circular cone, and NaN for an upright one, where all directions are alike.
        """
        delta, heading = self.asymmetry, self.tilt_heading
        if delta == 0:
            return float("inf") if self.tilt else float("nan")
        along = np.cbrt((1 + delta) * np.cos(heading) ** 2)
        across = np.cbrt((1 - delta) * np.sin(heading) ** 2)
        return float(np.cbrt(self.tilt**2 / (4 * delta**2)) * (along + across))

    @property
    def topography(self) -> str:
        """The shape in words: "peaked" or "sloped", "bifurcating" or "single-path"."""
        first = "peaked" if self.peakedness < 1 else "sloped"
        if self.asymmetry == 0 and self.tilt == 0:
            return f"{first}, all directions alike"
        return f"{first}, " + ("bifurcating" if self.bifurcation < 1 else "single-path")

    def energies(self, displacement: npt.ArrayLike) -> FloatArray:
        """Return the two energies relative to the intersection at ρ, shape (..., f) → (..., 2).

        Linear in the distance: the cone itself, not the surfaces of H.
        """
        rho = last_axis("displacement", real_array("displacement", displacement), self.g.size)
        half = np.hypot(rho @ self.g, rho @ self.h)
        return np.asarray((rho @ self.slope)[..., np.newaxis] + np.stack([-half, half], axis=-1))

    def __str__(self) -> str:
        return "\n".join(
            [
                f"branching plane: |g| = {np.linalg.norm(self.g):.6g}, "
                f"|h| = {np.linalg.norm(self.h):.6g}",
                f"  pitch         {self.pitch:.6g}",
                f"  asymmetry     {self.asymmetry:.6g}",
                f"  tilt          {self.tilt:.6g}, heading {self.tilt_heading:.6g} rad",
                f"  topography    {self.topography} (P = {self.peakedness:.4g}, "
                f"B = {self.bifurcation:.4g})",
            ]
        )


def encloses_intersection(
    hamiltonian: Hamiltonian, loop: npt.ArrayLike, *, levels: tuple[int, int] = (0, 1)
) -> bool:
    """Whether a loop encloses an odd number of conical intersections of two levels.

    Carried around the loop, the real wave function of the lower level changes sign with every
    conical intersection inside. Here the determinant of the overlaps of the levels 0 … i is
    followed, which is blind to intersections among these, so that only intersections of the levels
    i and i + 1 count. The sides of the polygon are divided, eightfold at least, until H changes by
    less than half the gap from each point to the next: where it does so steadily, no overlap can be
    mistaken for its opposite.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Real, with at least two coordinates; single parameter values.
    loop : array_like, shape (k, f)
        The corners of a polygon, k ≥ 3; the last one is joined to the first.
    levels : (int, int)
        Two neighbouring levels (i, i + 1), sorted by energy from 0.

    Returns
    -------
    bool

    Raises
    ------
    InputError
        If H is not real, or the loop is not one or leads through a degeneracy of the two levels.

    References
    ----------
    G. Herzberg, H. C. Longuet-Higgins, Discuss. Faraday Soc. 35, 77 (1963); H. C. Longuet-Higgins,
    Proc. R. Soc. A 344, 147 (1975).

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    >>> square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    >>> encloses_intersection(H, square), encloses_intersection(H, square + [1.5, 0])
    (True, False)
    """
    check_several_levels(hamiltonian)
    upper = check_neighbours(hamiltonian, levels)[1]
    count = len(hamiltonian.coordinates)
    if count < 2:
        raise fail("hamiltonian", "have at least two coordinates for a loop", "it has one")
    corners = real_array("loop", loop)
    if corners.ndim != 2 or corners.shape[1] != count or len(corners) < 3:
        raise fail("loop", f"have shape (k, {count}) with k ≥ 3", f"its shape is {corners.shape}")
    vectors = _resolved(hamiltonian, np.concatenate([corners, corners[:1]]), upper)
    overlap = vectors[:-1].swapaxes(-1, -2) @ vectors[1:]
    signs = np.sign(np.linalg.det(overlap))
    closing = np.sign(np.linalg.det(vectors[-1].T @ vectors[0]))
    return bool(np.prod(signs) * closing < 0)


def _resolved(hamiltonian: Hamiltonian, corners: FloatArray, upper: int) -> FloatArray:
    """Return the lowest eigenvectors (points, N, upper) along a path, finely enough divided."""
    points = corners
    for _ in range(60):
        values = hamiltonian_at(hamiltonian, points)
        if not np.all(np.isfinite(values)):
            raise fail("loop", "stay where H is finite", "it does not")
        if np.iscomplexobj(values):
            if values.imag.any():
                raise fail(
                    "hamiltonian",
                    "be real for a wave function to change sign (see the Berry phase otherwise)",
                    "it is complex",
                )
            values = values.real
        energies, vectors = np.linalg.eigh(values)
        gap = energies[:, upper] - energies[:, upper - 1]
        if np.any(gap <= 1e-12 * np.linalg.norm(energies, axis=-1)):
            raise _through(points[np.argmin(gap)], upper)
        change = np.diff(values, axis=0)
        mean = np.trace(change, axis1=-2, axis2=-1)[:, np.newaxis, np.newaxis]
        change = change - mean / hamiltonian.dimension * np.eye(hamiltonian.dimension)
        size = np.linalg.norm(change, axis=(-2, -1))
        coarse = size > 0.5 * np.minimum(gap[1:], gap[:-1])
        if len(points) >= 8 * len(corners) and not coarse.any():
            return np.asarray(vectors[..., :upper])
        if len(points) < 8 * len(corners):
            coarse[:] = True
        where = np.flatnonzero(coarse)
        middle = (points[where] + points[where + 1]) / 2
        narrowest = where[np.argmin(np.minimum(gap[where], gap[where + 1]))]
        if len(points) > _MOST_POINTS:
            raise _through(points[narrowest], upper)
        points = np.insert(points, where + 1, middle, axis=0)
    raise _through(points[np.argmin(gap)], upper)


def _through(point: FloatArray, upper: int) -> InputError:
    place = ", ".join(f"{value:.6g}" for value in point)
    return fail(
        "loop",
        f"keep away from degeneracies of levels {upper - 1} and {upper}",
        f"it leads through one near ({place})",
    )
