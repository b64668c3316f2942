"""Find the crossings of H(x) on a stretch of its coordinate, true and avoided."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    fail,
    instance,
    integer,
    non_negative_number,
    number_between,
    one_coordinate,
    positive_number,
    single_point,
)
from anticrossing._core.threads import few_threads, one_thread
from anticrossing.hamiltonian import Hamiltonian, MeanField, TermHamiltonian
from anticrossing.spectrum._blocks import Blocks
from anticrossing.spectrum._grid import Grid, first_grid, resolve
from anticrossing.spectrum._search import (
    BELOW_ROUNDING,
    Candidate,
    avoided_candidates,
    true_candidates,
)
from anticrossing.spectrum.found import Crossing, Crossings
from anticrossing.spectrum.mean_field import self_crossings
from anticrossing.spectrum.named_symmetry import Symmetry
from anticrossing.spectrum.offset import shared_energy, traceless
from anticrossing.spectrum.symmetry import sectors
from anticrossing.sweeps.progress import Progress, check_progress, shares

_FARTHEST = 1e300
_ROUNDING = 1e-15  # of a position, relative to the stretch
_MOST_SAMPLES = 50_000
_MOST_ROUNDS = 20  # until the crossings of large matrices are where their eigenvectors say


def find_crossings(
    H: Hamiltonian | MeanField,
    start: float,
    stop: float,
    *,
    samples: int = 129,
    points: npt.ArrayLike | None = None,
    tolerance: float = 1e-13,
    prominence: float = 0.01,
    count: int | None = None,
    symmetry: Symmetry | None = None,
    progress: bool | Progress = False,
) -> Crossings:
    """Find every crossing of two levels strictly between `start` and `stop`.

    Levels of different symmetry sectors that change order cross truly. Within a sector an avoided
    crossing is a local minimum of the gap Z(x) between neighbouring levels; where that minimum is
    zero to rounding it counts as true. A gap that is smallest at an end of the stretch, or
    constant, is no crossing; neither are levels of different sectors that touch and part again.

    The levels are sampled on a grid that is halved wherever levels and their slopes
    dE/dx = ⟨v|H′|v⟩ do not yet fit together, so a crossing much narrower than a sample interval is
    found through its kink; positions are then polished by Newton iteration on Z Z′ with exact
    second-order perturbation theory.

    A level of a `MeanField` may turn back and cross itself: then the cusps of its loop are found
    too, as crossings of the kind ``"cusp"`` between the two states that meet and end there, and
    between them the ``"true"`` crossing of its swallow tail. The levels are the sheets of
    `spectrum.mean_field_levels`, and only `samples` and `tolerance` are looked at.

    Parameters
    ----------
    H : Hamiltonian or MeanField
        With one coordinate and single parameter values.
    start, stop : float
        The stretch, start < stop (coordinate units).
    samples : int
        Points of the first grid, at least 5. Raise it if H itself has features narrower than
        (stop − start)/samples.
    points : array, shape (k,), optional
        Further points of the first grid, where H has narrow features or is not smooth, such as the
        `breakpoints` of a path.
    tolerance : float
        Accuracy of the positions relative to the stretch.
    prominence : float
        Ripples of the gap are left out: of two minima, the higher one is dropped unless the
        maximum between them exceeds the higher one by this part; a lower gap at an end of the
        stretch competes in the same way. The grid resolves levels to 0.2 % of the gap, so values
        below that need more `samples`.
    count : int, optional
        Look at the lowest `count` levels only; needed for sectors above dimension 512.
    symmetry : Symmetry, optional
        Names for the sectors: each crossing then says the symmetries of its two levels, and why it
        is true or avoided.
    progress : bool or callable
        Of large sparse matrices, which take seconds to minutes: whether to show a bar, on a
        terminal or in a notebook; or a function ``progress(done, 1000)``.

    Returns
    -------
    Crossings
        A sequence of `Crossing`, sorted by position.

    Raises
    ------
    InputError
        For a reversed or empty stretch, a batch of parameters, several coordinates, an H that is
        not finite and Hermitian on the stretch or lacks the symmetry given, or more than 10 000
        crossings (2000 where the levels could not be resolved, as for an H that is not smooth).

    References
    ----------
    J. von Neumann and E. P. Wigner, Phys. Z. 30, 467 (1929); A. K. Belyaev and O. V. Lebedev,
    Phys. Rev. A 84, 014701 (2011) (slopes from the curvature of the gap).

    Examples
    --------
    >>> from anticrossing.models import DemkovOsherov
    >>> ladder = DemkovOsherov(levels=[0.5, 1.0], couplings=[0.01, 0.0])
    >>> for crossing in find_crossings(ladder, -2.0, 2.5):
    ...     print(crossing.kind, round(crossing.position, 4), round(crossing.gap, 6))
    avoided 0.5 0.02
    true 0.9998 0.0
    """
    if isinstance(H, MeanField):
        return self_crossings(H, start, stop, samples=samples, tolerance=tolerance)
    first, last = _check_arguments(H, start, stop, count)
    integer("samples", samples, minimum=5, maximum=_MOST_SAMPLES)
    accuracy = positive_number("tolerance", tolerance)
    ripple = non_negative_number("prominence", prominence)
    inner = traceless(H) if isinstance(H, TermHamiltonian) else H
    even = first_grid(first, last, samples, points)
    told = first_grid(first, last, 17, points)  # which terms vary may show in a narrow place only
    # Vectors of large matrices gain nothing by threads, which others may want.
    threads = one_thread if count is not None else few_threads(H.dimension)
    check_progress(progress)
    with threads, shares(progress, "crossings") as tell:
        parts = sectors(inner, told, symmetry=symmetry)
        blocks = Blocks(inner, parts, count, tell)
        absolute = accuracy * (last - first)
        for _ in range(_MOST_ROUNDS):
            grid = resolve(blocks, even)
            candidates = avoided_candidates(blocks, grid, absolute, ripple)
            candidates += true_candidates(blocks, grid, absolute)
            candidates.sort(key=lambda candidate: candidate.position)
            positions = np.array([candidate.position for candidate in candidates])
            if not blocks.describe(positions, (last - first) / samples):
                break
        else:
            grid.complete = False
        tell(1.0)
        crossings = _describe(blocks, grid, candidates, parts.names)
    crossings = [c for c in crossings if count is None or c.levels[1] < count]
    if inner is not H:
        crossings = [raised(c, H) for c in crossings]
    found = tuple(dataclasses.replace(c, units=H.units) for c in crossings)
    return Crossings(found, first, last, H.coordinates[0], grid.complete, H.units, H)


def raised(crossing: Crossing, H: Hamiltonian) -> Crossing:
    """Return a crossing of H less what all levels share, at the energy that it has in H."""
    shared = shared_energy(H, crossing.position)
    return dataclasses.replace(crossing, centre_energy=crossing.centre_energy + shared)


def _check_arguments(
    H: Hamiltonian, start: float, stop: float, count: int | None
) -> tuple[float, float]:
    instance("H", H, Hamiltonian)
    first = number_between("start", start, -_FARTHEST, _FARTHEST)
    last = number_between("stop", stop, -_FARTHEST, _FARTHEST)
    if first >= last:
        what = "empty" if first == last else "reversed"
        raise fail("stop", "be greater than `start`", f"the stretch {first} … {last} is {what}")
    one_coordinate("H", H)
    single_point("H", H)
    if count is not None:
        integer("count", count, minimum=2)
    return first, last


def _describe(
    blocks: Blocks, grid: Grid, candidates: list[Candidate], sector_names: tuple[str, ...]
) -> list[Crossing]:
    """Add to each candidate its place among all levels."""
    if not candidates:
        return []
    x = np.array([candidate.position for candidate in candidates])
    sampled = [blocks.levels(block, x) for block in grid.blocks]
    energies = np.concatenate([energy for energy, _ in sampled], axis=1)
    slopes = np.concatenate([slope for _, slope in sampled], axis=1)
    sizes = [energy.shape[1] for energy, _ in sampled]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    offset = np.concatenate([[0], np.cumsum(sizes)])
    copies = np.asarray(grid.copies)[owner]
    crossings = []
    for row, candidate in enumerate(candidates):
        pair = [int(offset[block]) + level for block, level in candidate.members]
        energy = energies[row]
        rank = _ranks_just_below(energy, slopes[row], copies, grid.rounding)
        lower, upper = sorted((int(rank[pair[0]]), int(rank[pair[1]])))
        rivals = np.isin(owner, [block for block, _ in candidate.members])
        rivals[pair] = False
        distances = np.abs(energy[rivals, np.newaxis] - energy[pair])
        reason, symmetries = candidate.reason, ("", "")
        if sector_names:
            members = sorted(zip(rank[pair], candidate.members, strict=True))
            kinds = [grid.alike[block] for _, (block, _) in members]
            one, two = (" or ".join(dict.fromkeys(sector_names[s] for s in k)) for k in kinds)
            reason, symmetries = _named_reason(candidate, one, two), (one, two)
        crossings.append(
            Crossing(
                position=_clean(candidate.position, grid.x[-1] - grid.x[0]),
                levels=(lower, upper),
                gap=candidate.gap,
                kind=candidate.kind,
                reason=reason,
                coupling=candidate.gap / 2,
                slope_difference=candidate.slope_difference,
                third_level_distance=float(distances.min(initial=np.inf)),
                centre_energy=float(energy[pair].mean()),
                symmetries=symmetries,
            )
        )
    return crossings


def _named_reason(candidate: Candidate, one: str, two: str) -> str:
    """Return why a crossing is of its kind, with the symmetries of its levels."""
    if candidate.kind == "avoided":
        return f"both {one}, coupled by H(x)"
    if candidate.reason == BELOW_ROUNDING:
        return f"both {one}, {BELOW_ROUNDING}"
    if one != two:
        return f"{one} × {two}: no coupling is allowed by symmetry"
    return f"both {one}, but in different sectors of H(x)"


def _clean(position: float, window: float) -> float:
    """Return the position, or 0 where it is zero to the rounding of the stretch."""
    return 0.0 if abs(position) < _ROUNDING * window else position


def _ranks_just_below(
    energy: FloatArray, slope: FloatArray, copies: FloatArray, rounding: float
) -> FloatArray:
    """Return each level's place among all levels at x₀ − 0."""
    # Where levels coincide to rounding, the steeper one lies lower before the crossing.
    order = np.argsort(energy, kind="stable")
    cluster = np.cumsum(np.concatenate([[0], np.diff(energy[order]) > 4 * rounding]))
    order = order[np.lexsort((-slope[order], cluster))]
    rank = np.empty(energy.size)
    rank[order] = np.cumsum(copies[order]) - copies[order]
    return rank
