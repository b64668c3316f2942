"""What a search for crossings finds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

from anticrossing._core import drawing
from anticrossing._core.checks import ComplexArray, FloatArray, fail, level, nearest, of_shape
from anticrossing._core.foreign import own
from anticrossing._core.result import Result
from anticrossing._core.threads import few_threads
from anticrossing._core.variables import Shown, Variable, in_units, shown
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.plot.diagrams import level_diagram
from anticrossing.spectrum._search import BELOW_ROUNDING
from anticrossing.spectrum.levels import levels
from anticrossing.units import Units

_INCOMPLETE = (
    "The levels were not resolved everywhere: narrow crossings may be missing. "
    "Look at a shorter stretch, or at fewer levels with `count`."
)

_LARGEST_MET = 512  # levels of which eigenvectors are looked at
_JUST_BELOW = 1e-6  # of the stretch
_COPIES = 1e-13  # of the largest energy, between copies of a level
_MOST_DRAWN = 32  # more levels are not told apart, and take seconds
_EVEN, _MOST_TURNS = 161, 20
_NEAR = np.linspace(-4.0, 4.0, 17)  # in widths of a crossing


@dataclass(frozen=True)
class Crossing(Result):
    """One place where two levels cross or nearly do.

    Attributes
    ----------
    position : float
        The coordinate x₀ at which the gap is smallest (or zero).
    levels : (int, int)
        The two levels, counted from 0 in order of energy among all levels just below x₀. They are
        neighbours, unless levels of other sectors lie between them or several cross in one point.
    gap : float
        The minimum adiabatic gap g (0 for a true crossing).
    kind : str
        ``"avoided"`` or ``"true"``; of a `MeanField` also ``"cusp"``, where two states of a level
        meet and end.
    reason : str
        Why it is of that kind, in words.
    coupling : float
        The diabatic coupling V = g/2 (0 for a true crossing).
    slope_difference : float
        |F₁ − F₂| of the local diabats, energy per coordinate: near x₀ the gap is
        Z(x) = √(g² + (F₁ − F₂)²(x − x₀)²), that is |F₁ − F₂| = √(g Z″).
    third_level_distance : float
        Distance in energy from the pair to the nearest other level of the same sector(s); infinite
        where there is none. Levels of other sectors cannot take part and are not counted.
    centre_energy : float
        The mean energy of the pair at x₀.
    symmetries : (str, str)
        The symmetries of the two levels, where one was given; else empty.
    """

    position: float
    levels: tuple[int, int]
    gap: float
    kind: str
    reason: str
    coupling: float
    slope_difference: float
    third_level_distance: float
    centre_energy: float
    units: Units = field(default_factory=Units, compare=False)
    symmetries: tuple[str, str] = ("", "")

    _variables: ClassVar[Mapping[str, Shown]] = {
        "position": shown(text="coordinate of the crossing", unit="coordinate"),
        "gap": shown(text="minimum adiabatic gap", unit="energy"),
        "kind": shown(text="avoided, true or cusp"),
        "levels": shown("pair", text="the two levels"),
        "slope_difference": shown(
            text="slope difference of the local diabats", unit="energy/coordinate"
        ),
        "third_level_distance": shown(text="distance to the nearest other level", unit="energy"),
        "centre_energy": shown(text="mean energy of the pair", unit="energy"),
        "coupling": shown(text="diabatic coupling", unit="energy"),
        "reason": shown(text="why it is of that kind"),
        "symmetries": shown("pair", text="symmetries of the two levels"),
    }

    @property
    def width(self) -> float:
        """The extent g/|F₁ − F₂| of the crossing along the coordinate."""
        return self.gap / self.slope_difference if self.slope_difference else math.inf

    @property
    def between_sectors(self) -> bool:
        """Whether the levels belong to different sectors: they pass through each other freely."""
        return self.kind == "true" and not self.reason.endswith(BELOW_ROUNDING)

    def __str__(self) -> str:
        return (
            f"{self.kind} crossing of levels {self.levels[0]} and {self.levels[1]} at "
            f"x = {self.position:.8g}: gap {self.gap:.6g}, slope difference "
            f"{self.slope_difference:.6g} ({self.reason})"
        )


@dataclass(frozen=True)
class Crossings(Result, Sequence[Crossing]):
    """The crossings on a stretch of the coordinate, in order of position; prints as a table.

    `complete` is False where the grid reached its largest size before every level was resolved, as
    happens for large blocks; narrow crossings may then be missing. `hamiltonian` is whose they are.
    """

    found: tuple[Crossing, ...]
    start: float
    stop: float
    coordinate: str = "x"
    complete: bool = True
    units: Units = field(default_factory=Units)
    hamiltonian: Hamiltonian | None = field(default=None, repr=False, compare=False)

    def variables(self) -> dict[str, Variable]:
        """Return the numbers of all crossings by name; none where there is no crossing."""
        if not self.found:
            return {}
        return {
            name: Variable(
                ("crossing", *dims),
                np.array([getattr(c, name) for c in self.found]),
                text,
                in_units(unit, self.units),
            )
            for name, (dims, text, unit, _) in Crossing._variables.items()
        }

    def notes(self) -> tuple[str, ...]:
        """Return what may be missing."""
        return () if self.complete else (_INCOMPLETE,)

    def plot(self, ax: Any = None) -> Any:
        """Draw the levels with the crossings marked; of more than 32, gaps at their positions.

        Where gaps are drawn, true crossings, whose gap is zero, stand as vertical lines.

        Returns
        -------
        matplotlib.axes.Axes
        """
        H = self.hamiltonian
        if H is not None and H.dimension <= _MOST_DRAWN:
            x = self._places()
            with few_threads(H.dimension):
                energies = levels(H, x)
            return level_diagram(
                x,
                energies,
                crossings=self.found,
                name=self.coordinate,
                unit=self.units.coordinate or "",
                energy_unit=self.units.energy or "",
                ax=ax,
            )
        axes = drawing.new_axes() if ax is None else ax
        axes.plot(
            [c.position for c in self.avoided], [c.gap for c in self.avoided], "o", label="avoided"
        )
        for crossing in self.true:
            axes.axvline(crossing.position, color="0.8")
        axes.set(yscale="log", xlabel=self.units.label(self.coordinate, "coordinate"))
        axes.set_ylabel(self.units.label("gap", "energy"))
        return axes

    def _places(self) -> FloatArray:
        """Return where to draw levels: everywhere, and closely where they turn."""
        near = [
            c.position + _NEAR * (c.gap / c.slope_difference if c.slope_difference else 0.0)
            for c in self.found[:_MOST_TURNS]
        ]
        x = np.concatenate([np.linspace(self.start, self.stop, _EVEN), *near])
        return np.unique(x[(x >= self.start) & (x <= self.stop)])

    def _attributes(self) -> dict[str, Any]:
        return {"start": self.start, "stop": self.stop, "coordinate": self.coordinate}

    @overload
    def __getitem__(self, index: int) -> Crossing: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Crossing, ...]: ...
    def __getitem__(self, index: int | slice) -> Crossing | tuple[Crossing, ...]:
        return self.found[index]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Crossing]:
        return iter(self.found)

    @property
    def avoided(self) -> tuple[Crossing, ...]:
        """The avoided crossings."""
        return tuple(c for c in self.found if c.kind == "avoided")

    @property
    def true(self) -> tuple[Crossing, ...]:
        """The true crossings."""
        return tuple(c for c in self.found if c.kind == "true")

    def met_by(self, state: int | str | npt.ArrayLike) -> Crossings:
        """Return the crossings that one state of the basis meets, as `Crossings` of its own.

        It meets a crossing whose two levels hold more than half of it, just below the position:
        there it is one of the two local diabats. Two crossings that overlap may share it, so that
        neither holds half.

        Parameters
        ----------
        state : int, str or array, shape (N,)
            The number or the label of a state of the basis H is written in, or any vector.

        Raises
        ------
        InputError
            For a state that H does not have, or more than 512 levels.

        Examples
        --------
        >>> from anticrossing import find_crossings
        >>> from anticrossing.models import SpinInField
        >>> magnet = SpinInField(spin=2, anisotropy=-1.0, transverse_field=0.1)
        >>> found = find_crossings(magnet, -0.5, 3.5)
        >>> len(found), found.met_by("m=2").positions.round(1).tolist()
        (6, [0.0, 1.0, 2.0, 3.0])
        """
        H = self.hamiltonian
        if H is None or H.dimension > _LARGEST_MET:
            must = f"be asked for of crossings of at most {_LARGEST_MET} levels"
            raise fail("state", must, "there are more" if H else "their Hamiltonian is not known")
        vector = _state_of(H, state)
        kept = tuple(c for c in self.found if self._share(c, H, vector) > 0.5)
        return dataclasses.replace(self, found=kept)

    def _share(self, crossing: Crossing, H: Hamiltonian, vector: ComplexArray) -> float:
        """Return how much of a state the two levels of a crossing hold just below it."""
        before = [c.position for c in self.found if c.position < crossing.position]
        step = _JUST_BELOW * (self.stop - self.start)
        room = crossing.position - max(before, default=self.start)
        step = min(step, room / 3) if room > _JUST_BELOW * step else step
        if 0 < crossing.width < math.inf:
            step = min(step, crossing.width / 100)
        energies, vectors = np.linalg.eigh(H(crossing.position - step))
        weights = np.abs(vectors.conj().T @ vector) ** 2
        # Copies of a level, as of a Kramers pair, share a state at random.
        pair = energies[list(crossing.levels)]
        size = _COPIES * float(np.max(np.abs(energies)))
        alike = np.min(np.abs(energies[:, None] - pair), axis=1) <= size
        return float(np.sum(weights[alike]))

    @property
    def cusps(self) -> tuple[Crossing, ...]:
        """The cusps of levels that act on themselves."""
        return tuple(c for c in self.found if c.kind == "cusp")

    @property
    def positions(self) -> FloatArray:
        """The positions of all crossings."""
        return np.array([c.position for c in self.found], dtype=np.float64)

    @property
    def gaps(self) -> FloatArray:
        """The gaps of all crossings (0 for true ones)."""
        return np.array([c.gap for c in self.found], dtype=np.float64)

    def __str__(self) -> str:
        window = f"{self.coordinate} = {self.start:.6g} … {self.stop:.6g}"
        note = self.notes()
        if not self.found:
            return "\n".join([f"No crossings in {window}.", *note])
        head = (self.coordinate, "levels", "kind", "gap", "slope diff.", "third level", "reason")
        rows = [
            (
                f"{c.position:.8g}",
                f"{c.levels[0]}, {c.levels[1]}",
                c.kind,
                f"{c.gap:.6g}",
                f"{c.slope_difference:.6g}",
                f"{c.third_level_distance:.4g}",
                c.reason,
            )
            for c in self.found
        ]
        widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)
        ]
        plural = "" if len(rows) == 1 else "s"
        return "\n".join([f"{len(rows)} crossing{plural} in {window}", *lines, *note])


def _state_of(H: Hamiltonian, state: Any) -> ComplexArray:
    """Return a state of norm 1 given by number, label or vector, or raise `InputError`."""
    if isinstance(state, str):
        if state not in H.labels:
            must = f"be one of {', '.join(H.labels)}"
            raise fail("state", must, f"it is {state!r}{nearest(state, H.labels)}")
        return np.eye(H.dimension, dtype=np.complex128)[H.labels.index(state)]
    given = np.asarray(own(state))
    if given.ndim == 0:
        return np.eye(H.dimension, dtype=np.complex128)[level("state", state, H.dimension)]
    vector = of_shape("state", given.astype(np.complex128), (H.dimension,))
    norm = float(np.linalg.norm(vector))
    if not 0 < norm < np.inf:
        raise fail("state", "have a norm", f"its norm is {norm:g}")
    return vector / norm
