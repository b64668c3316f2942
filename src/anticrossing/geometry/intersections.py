"""Where two levels meet: intersections found from one start, or all of them in a box."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    choice,
    describe,
    fail,
    integer,
    positive_number,
    real_array,
)
from anticrossing.geometry._descent import descend
from anticrossing.geometry._quasidegenerate import (
    Group,
    check_neighbours,
    check_point,
    check_reach,
    check_several_levels,
)
from anticrossing.geometry._seam_minimum import DegenerateLevels, minimise
from anticrossing.geometry.intersection import (
    Intersection,
    Intersections,
    characterise,
    same_around,
)
from anticrossing.hamiltonian import Hamiltonian

_SAME_POINT = 1e-8  # of the size of the box
_MOST_STARTS = 1_000_000
_SHARP = ("conical", "crossing")
_SAME_SOFT_POINT = 1e-4  # positions at which the gap has no slope are known less well


def find_intersection(
    hamiltonian: Hamiltonian,
    start: npt.ArrayLike,
    *,
    levels: tuple[int, int] = (0, 1),
    reach: float = 1.0,
    gap_tolerance: float | None = None,
) -> Intersection:
    """Find the intersection of two levels that a start leads to, or the smallest gap there.

    The traceless part of the effective Hamiltonian of the two levels, ``U†HU`` in the plane of
    their eigenvectors U, and its exact derivatives ``U†∂HU`` are made zero by Gauss-Newton steps:
    the shortest ones, so that the nearest point of a seam is found. Where a step does not help, a
    Newton step lowers ``Σ(E_k − Ē)²`` instead, which ends at a minimum of the gap if there is
    nothing to be found. No choice of eigenvector phases enters.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Any number f of coordinates; single parameter values.
    start : array_like, shape (f,)
        Where to begin.
    levels : (int, int)
        Two neighbouring levels, sorted by energy from 0. For Kramers doublets the upper level of
        the lower doublet and the lower level of the upper one, as (1, 2).
    reach : float
        The distance within which to look at first (coordinate units).
    gap_tolerance : float, optional
        The largest gap (energy) that counts as zero; by default what rounding can make. Needed
        where H itself is known with less accuracy.

    Returns
    -------
    Intersection
        True as a condition if the levels meet.

    Raises
    ------
    InputError
        For a start of the wrong length, levels that are no neighbours or never differ.
    ConvergenceError
        If the search does not settle, as where the gap closes only at infinity, or where it ends
        the levels are the same in a whole region.

    References
    ----------
    J. von Neumann, E. P. Wigner, Phys. Z. 30, 467 (1929), the codimensions; M. J. Bearpark,
    M. A. Robb, H. B. Schlegel, Chem. Phys. Lett. 223, 269 (1994), searches along g and h.

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    >>> print(find_intersection(H, [0.7, -0.4]))
    conical intersection of levels 0 and 1 at (0, 0), energy 0: codimension 2, real, seam ...
    >>> gapped = Hamiltonian.from_matrix([["x", "y - I/4"], ["y + I/4", "-x"]],
    ...                                  coordinates=["x", "y"])
    >>> print(find_intersection(gapped, [0.7, -0.4]))
    no intersection: levels 0 and 1 come closest at (0, 0), gap 0.5
    """
    check_several_levels(hamiltonian)
    point = check_point("start", hamiltonian, start)
    check_neighbours(hamiltonian, levels)
    distance = check_reach(reach, point)
    threshold = _threshold(gap_tolerance)
    group = Group.of(hamiltonian, levels, point[np.newaxis], distance)
    points, converged = descend(hamiltonian, group, point[np.newaxis], distance)
    if not converged[0]:
        raise ConvergenceError(
            f"The search for an intersection of levels {levels[0]} and {levels[1]} from "
            f"{describe(start)} did not settle: try another start, or a smaller `reach`."
        )
    found = characterise(hamiltonian, group, points[0], distance, threshold)
    return refuse_region(hamiltonian, found, distance, start)


def refuse_region(
    hamiltonian: Hamiltonian, found: Intersection, reach: float, start: npt.ArrayLike
) -> Intersection:
    """Raise where two levels are the same all around the point that a search led to."""
    if found and same_around(hamiltonian, found, reach):
        lower, upper = found.levels
        raise ConvergenceError(
            f"From {describe(start)} levels {lower} and {upper} lead to a region in which they are "
            "the same, as components of a multiplet are, which is no intersection: try another "
            "start or other levels, or `minimum_energy_crossing` between the multiplets."
        )
    return found


def find_intersections(
    hamiltonian: Hamiltonian,
    bounds: npt.ArrayLike,
    *,
    levels: tuple[int, int] = (0, 1),
    starts: int | npt.ArrayLike = 200,
    seed: int | np.random.Generator = 0,
    seam: str = "minimum",
    gap_tolerance: float | None = None,
) -> Intersections:
    """Find all intersections of two levels in a box, from many starts at once.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        Any number f of coordinates; single parameter values.
    bounds : array_like, shape (f, 2)
        Lowest and highest value of every coordinate. What is found outside is left out.
    levels : (int, int)
        Two neighbouring levels, see `find_intersection`.
    starts : int or array_like, shape (S, f)
        How many random starts, uniform in the box, or the starts themselves.
    seed : int or numpy.random.Generator
        For the random starts.
    seam : {"minimum", "points"}
        What to return of a seam of dimension > 0: the local minima of the energy along it (those
        inside the box, not at its border), or the points that the starts led to.
    gap_tolerance : float, optional
        See `find_intersection`.

    Returns
    -------
    Intersections
        Each different intersection once, in order of energy.

    Raises
    ------
    InputError
        For bounds that are no box, levels that are no neighbours or never differ.

    Examples
    --------
    >>> from anticrossing import Hamiltonian
    >>> H = Hamiltonian.from_matrix(                       # graphene, in units of the hopping
    ...     [[0, "1 + exp(I*a) + exp(I*b)"], ["1 + exp(-I*a) + exp(-I*b)", 0]],
    ...     coordinates=["a", "b"])
    >>> points = find_intersections(H, [[-3.2, 3.2], [-3.2, 3.2]])
    >>> len(points), points[0].kind, points[0].codimension
    (2, 'conical', 2)
    >>> np.sort(points.positions[:, 0]) / np.pi
    array([-0.66666667,  0.66666667])
    """
    check_several_levels(hamiltonian)
    box = _check_bounds(hamiltonian, bounds)
    check_neighbours(hamiltonian, levels)
    choice("seam", seam, ("minimum", "points"))
    threshold = _threshold(gap_tolerance)
    begin = _starts(box, starts, seed)
    size = float(np.min(box[:, 1] - box[:, 0]))
    group = Group.of(hamiltonian, levels, begin, 0.1 * size)
    points, converged = descend(hamiltonian, group, begin, 0.1 * size, box)
    margin = _SAME_POINT * (box[:, 1] - box[:, 0])

    def inside(point: FloatArray) -> bool:
        return bool(np.all(point >= box[:, 0] - margin) and np.all(point <= box[:, 1] + margin))

    def described(ends: Iterable[FloatArray | None]) -> list[Intersection]:
        return [
            characterise(hamiltonian, group, end, size, threshold)
            for end in ends
            if end is not None
        ]

    ends = described(points[converged])
    led = [end for end in ends if end.found and not same_around(hamiltonian, end, 0.1 * size)]
    met, on_seam = led, [end for end in led if end.seam_dimension and end.codimension]
    if seam == "minimum" and on_seam:
        meeting = DegenerateLevels(hamiltonian, group, threshold)
        met = described(minimise(meeting, end.position, 0.1 * size, box) for end in met)
    met = [
        end for end in met if inside(end.position) and not same_around(hamiltonian, end, 0.1 * size)
    ]
    found, hits = _different(met, size)
    order = sorted(range(len(found)), key=lambda k: (found[k].energy, *found[k].position))
    avoided, _ = _different([end for end in ends if not end.found and inside(end.position)], size)
    return Intersections(
        found=tuple(found[k] for k in order),
        hits=tuple(hits[k] for k in order),
        avoided=tuple(sorted(avoided, key=lambda end: end.gap)),
        starts=len(begin),
        coordinates=hamiltonian.coordinates,
        warnings=_missed(on_seam, sum(end.found for end in ends) - len(led)) if not found else (),
    )


def _missed(on_seam: list[Intersection], same: int) -> tuple[str, ...]:
    """Say what starts led to where nothing is returned."""
    hints = []
    if on_seam:
        hints.append(
            f"{len(on_seam)} starts led to a seam of dimension {on_seam[0].seam_dimension} whose "
            'energy has no minimum in the box: `seam="points"` returns its points, '
            "`minimum_energy_intersection` looks outside the box too"
        )
    if same:
        hints.append(f"{same} starts led to a region in which the levels are the same")
    return tuple(hints)


def _different(ends: list[Intersection], size: float) -> tuple[list[Intersection], list[int]]:
    """Return each place once, its best representative, with the number of searches it ended."""
    found: list[Intersection] = []
    hits: list[int] = []
    for end in sorted(ends, key=lambda end: end.gap):
        tolerance = size * (_SAME_POINT if end.kind in _SHARP else _SAME_SOFT_POINT)
        if end.codimension:  # where rounding of a large H moves the point
            tolerance += 2 * end.rounding / float(np.linalg.norm(end.branching_vectors[-1]))
        for k, known in enumerate(found):
            if np.linalg.norm(known.position - end.position) <= tolerance:
                hits[k] += 1
                break
        else:
            found.append(end)
            hits.append(1)
    return found, hits


def _threshold(gap_tolerance: float | None) -> float | None:
    if gap_tolerance is None:
        return None
    return positive_number("gap_tolerance", gap_tolerance)


def _check_bounds(hamiltonian: Hamiltonian, bounds: npt.ArrayLike) -> FloatArray:
    box = real_array("bounds", bounds)
    count = len(hamiltonian.coordinates)
    if count == 1 and box.shape == (2,):
        box = box[np.newaxis]
    if box.shape != (count, 2):
        raise fail(
            "bounds",
            f"have shape ({count}, 2), lowest and highest of {', '.join(hamiltonian.coordinates)}",
            f"its shape is {box.shape}",
        )
    if np.any(box[:, 1] <= box[:, 0]):
        raise fail("bounds", "hold the lower value first", f"it is {describe(bounds)}")
    return box


def _starts(
    box: FloatArray, starts: int | npt.ArrayLike, seed: int | np.random.Generator
) -> FloatArray:
    if isinstance(starts, (int, float, np.number)):
        count = integer("starts", starts, minimum=1, maximum=_MOST_STARTS)
        if not isinstance(seed, np.random.Generator):
            seed = np.random.default_rng(integer("seed", seed, minimum=0))
        return seed.uniform(box[:, 0], box[:, 1], (count, len(box)))
    given = real_array("starts", starts)
    if given.ndim != 2 or given.shape[1] != len(box) or len(given) == 0:
        raise fail(
            "starts", f"be a number or have shape (S, {len(box)})", f"its shape is {given.shape}"
        )
    return given
