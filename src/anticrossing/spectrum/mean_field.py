"""Levels of modes that act on themselves: their stationary states, loops and stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ComplexArray,
    FloatArray,
    fail,
    instance,
    integer,
    positive_number,
    real_number,
    single_point,
)
from anticrossing._core.result import Result
from anticrossing._core.variables import Shown, shown
from anticrossing.hamiltonian import MeanField
from anticrossing.plot.mean_field import loop_diagram
from anticrossing.spectrum._loops import crossings_of
from anticrossing.spectrum._sheets import Sheets, sheets_of
from anticrossing.spectrum._stationary import described, grown, matrices_of, pair_sheets
from anticrossing.spectrum.found import Crossings
from anticrossing.units import Units

_MOST_SAMPLES = 20_000
_INCOMPLETE = (
    "A level could not be followed to an end of the stretch: levels, loops or cusps may be missing."
)
_ONLY_CONNECTED = (
    "Levels of three or more modes that close in themselves within the stretch are not looked for."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class StationaryStates(Result):
    """The stationary states at one place, in the order of their chemical potentials.

    Attributes
    ----------
    states : array, shape (M, N)
        ψ, with norm 1.
    potentials : array, shape (M,)
        μ: the state turns as exp(−iμt), that of pairs twice as fast.
    energies : array, shape (M,)
        The energy of a particle.
    frequencies : array, shape (M, N − 1)
        Of small deviations (Bogoliubov), as energies; 0 where they grow without turning.
    growth : array, shape (M,)
        The largest rate at which a small deviation grows, as an energy; 0 where ψ is stable.
    """

    states: ComplexArray
    potentials: FloatArray
    energies: FloatArray
    frequencies: FloatArray
    growth: FloatArray
    units: Units = field(default_factory=Units)

    _variables: ClassVar[Mapping[str, Shown]] = {
        "potential": shown("state", text="chemical potential", unit="energy"),
        "energy": shown("state", text="energy of a particle", unit="energy"),
        "growth": shown("state", text="growth of small deviations", unit="energy"),
        "frequency": shown("state", "deviation", text="of small deviations", unit="energy"),
        "amplitude": shown("state", "mode", text="amplitude of the mode", of="states"),
    }

    @property
    def stable(self) -> npt.NDArray[np.bool_]:
        """Whether small deviations stay small, shape (M,)."""
        return np.asarray(self.growth == 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class MeanFieldLevels(Result):
    """Levels that act on themselves, along x, in sheets: where a level turns back there are three.

    Attributes
    ----------
    x : array, shape (K,)
    names : tuple of str
        Of the M sheets.
    potentials, energies, growth : array, shape (K, M)
        As in `StationaryStates`; NaN where a sheet does not exist.
    states : array, shape (K, M, N)
    cusps : array, shape (C,)
        Where two sheets meet and end.
    complete : bool
        Whether every level was followed to the ends of the stretch.
    """

    x: FloatArray
    names: tuple[str, ...]
    potentials: FloatArray
    energies: FloatArray
    growth: FloatArray
    states: ComplexArray
    cusps: FloatArray
    complete: bool = True
    coordinate: str = "x"
    warnings: tuple[str, ...] = ()
    units: Units = field(default_factory=Units)

    _variables: ClassVar[Mapping[str, Shown]] = {
        "x": shown("x", text="coordinate", unit="coordinate"),
        "potential": shown("x", "sheet", text="chemical potential", unit="energy"),
        "energy": shown("x", "sheet", text="energy of a particle", unit="energy"),
        "growth": shown("x", "sheet", text="growth of small deviations", unit="energy"),
        "amplitude": shown("x", "sheet", "mode", text="amplitude of the mode", of="states"),
        "cusp": shown("cusp", text="place of the cusp", unit="coordinate"),
    }

    def plot(self, ax: Any = None) -> Any:
        """Draw the chemical potentials, unstable states dashed, and the cusps.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return loop_diagram(
            self.x,
            self.potentials,
            self.growth,
            cusps=self.cusps,
            name=self.coordinate,
            unit=self.units.coordinate,
            energy_unit=self.units.energy,
            ax=ax,
        )

    def _attributes(self) -> dict[str, Any]:
        return {"sheets": ", ".join(self.names), "complete": str(self.complete)}


def stationary_states(model: MeanField, x: float) -> StationaryStates:
    """Return the stationary states of modes that act on themselves, and their stability.

    With two modes all of them are found: real roots of an equation of fourth degree, bracketed
    between its turning points. With three or more, those that grow out of the N eigenvectors of
    H(x) as the interaction is turned on.

    Parameters
    ----------
    model : MeanField
        With single parameter values; H must be real with three or more modes.
    x : float

    Returns
    -------
    StationaryStates

    Raises
    ------
    InputError
        For a batch, a complex H of three or more modes, or two modes that convert and are coupled
        beside.

    References
    ----------
    B. Wu and Q. Niu, Phys. Rev. A 61, 023402 (2000); J. Liu, B. Wu, and Q. Niu, Phys.
    Rev. Lett. 90, 170404 (2003) (frequencies).

    Examples
    --------
    >>> from anticrossing.models import TwoModeCondensate
    >>> found = stationary_states(TwoModeCondensate(gap=1.0, interaction=2.0), 0.0)
    >>> found.potentials, found.stable
    (array([-1. , -1. , -0.5,  0.5]), array([ True,  True, False,  True]))
    """
    place = real_number("x", x)
    _check(model)
    here = np.array([place])
    if model.dimension == 2:
        listed = [known.at(0) for _, known in pair_sheets(model, here)]
        states = np.array([one.states for one in listed if not np.isnan(one.potentials)])
    else:
        matrix = matrices_of(model, here)[0]
        states = np.array(grown(model, np.asarray(matrix.real, dtype=np.float64)), dtype=complex)
    matrix = np.broadcast_to(matrices_of(model, here)[0], (len(states), *(model.dimension,) * 2))
    known = described(model, matrix, states)
    known = known.at(np.argsort(known.potentials, kind="stable"))
    return StationaryStates(
        states=known.states,
        potentials=known.potentials,
        energies=known.energies,
        frequencies=known.frequencies,
        growth=known.growth,
        units=model.units,
    )


def mean_field_levels(
    model: MeanField, start: float, stop: float, *, samples: int = 401
) -> MeanFieldLevels:
    """Return the levels of modes that act on themselves, with their loops and their stability.

    With two modes every stationary state is found at every place. With three or more, levels are
    followed from both ends, through the cusps at which they turn back.

    Parameters
    ----------
    model : MeanField
        With single parameter values; H must be real with three or more modes.
    start, stop : float
        The stretch, start < stop (coordinate units).
    samples : int
        Places of an even grid, to which the cusps are added.

    Returns
    -------
    MeanFieldLevels

    Raises
    ------
    InputError
        For an empty stretch, or as `stationary_states`.

    References
    ----------
    B. Wu and Q. Niu, Phys. Rev. A 61, 023402 (2000); D. Diakonov, L. M. Jensen, C. J.
    Pethick, and H. Smith, Phys. Rev. A 66, 013604 (2002) (swallow tails).

    Examples
    --------
    >>> from anticrossing.models import TwoModeCondensate
    >>> found = mean_field_levels(TwoModeCondensate(gap=1.0, interaction=2.0), -2, 2)
    >>> found.cusps.round(6)                    # ±(2^⅔ − 1)^{3/2}
    array([-0.450196,  0.450196])
    """
    found = sheets_of(*check_stretch(model, start, stop), samples)
    return levels_of(found, integer("samples", samples, minimum=5, maximum=_MOST_SAMPLES))


@dataclass(frozen=True)
class SelfCrossings(Crossings):
    """The crossings of levels that act on themselves; `notes` and `plot` know of their sheets."""

    drawn: MeanFieldLevels | None = field(default=None, repr=False, compare=False)

    def notes(self) -> tuple[str, ...]:
        """Return what may be missing."""
        return () if self.drawn is None else self.drawn.warnings

    def plot(self, ax: Any = None) -> Any:
        """Draw the levels, unstable states dashed, with their cusps.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return super().plot(ax) if self.drawn is None else self.drawn.plot(ax)


def self_crossings(
    model: MeanField, start: float, stop: float, *, samples: int, tolerance: float
) -> Crossings:
    """Return the crossings and cusps of levels that act on themselves; see `find_crossings`."""
    accuracy = positive_number("tolerance", tolerance)
    many = integer("samples", samples, minimum=5, maximum=_MOST_SAMPLES)
    sheets = sheets_of(*check_stretch(model, start, stop, "H"), many)
    return SelfCrossings(
        found=crossings_of(sheets, many, accuracy),
        start=sheets.start,
        stop=sheets.stop,
        coordinate=model.hamiltonian.coordinates[0],
        complete=sheets.complete,
        units=model.units,
        drawn=levels_of(sheets, many),
    )


def check_stretch(
    model: MeanField, start: float, stop: float, name: str = "model"
) -> tuple[MeanField, float, float]:
    """Return a model and a stretch that can be looked at, or raise `InputError`."""
    first, last = real_number("start", start), real_number("stop", stop)
    if first >= last:
        what = "empty" if first == last else "reversed"
        raise fail("stop", "be greater than `start`", f"the stretch {first} … {last} is {what}")
    _check(model, name)
    return model, first, last


def levels_of(sheets: Sheets, samples: int) -> MeanFieldLevels:
    """Return sheets on an even grid and at their cusps."""
    cusps = np.unique([cusp.x for cusp in sheets.cusps])
    x = np.unique(np.concatenate([np.linspace(sheets.start, sheets.stop, samples), cusps]))
    known = [sheets.at(x, sheet) for sheet in range(len(sheets.names))]
    warnings: tuple[str, ...] = () if sheets.complete else (_INCOMPLETE,)
    if sheets.model.dimension > 2:
        warnings += (_ONLY_CONNECTED,)
    return MeanFieldLevels(
        x=x,
        names=sheets.names,
        potentials=np.stack([one.potentials for one in known], axis=1),
        energies=np.stack([one.energies for one in known], axis=1),
        growth=np.stack([one.growth for one in known], axis=1),
        states=np.stack([one.states for one in known], axis=1).astype(np.complex128),
        cusps=cusps,
        complete=sheets.complete,
        coordinate=sheets.model.hamiltonian.coordinates[0],
        warnings=warnings,
        units=sheets.model.units,
    )


def _check(model: MeanField, name: str = "model") -> None:
    instance(name, model, MeanField)
    single_point(name, model)
    if model.dimension > 2 and np.iscomplexobj(model.hamiltonian(0.0)):
        raise fail(name, "have a real H with three or more modes", "it is complex")
