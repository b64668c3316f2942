"""Spectra: parameters of a Hamiltonian from lines that need no labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    describe,
    fail,
    instance,
    integer,
    known_keys,
    named_values,
    number_between,
    positive_number,
    real_array,
    real_number,
    single_point,
)
from anticrossing.fits import _level_report
from anticrossing.fits._assignment import Question
from anticrossing.fits._level_passages import READ_OUT, check_passages
from anticrossing.fits._transitions import CALIBRATION, SCALE, Transition, Transitions
from anticrossing.fits.levels_result import LevelFit
from anticrossing.fits.lines import Lines
from anticrossing.fits.measurement import Measurement
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.units import ENERGIES

_UNKNOWN_ERROR = 1e-4  # of the measured range, to begin with
_ROOM = 0.02  # of the range of the lines, beyond them
_SMALL = 0.1  # of the range: how far a parameter with the guess zero may move the levels
_MOST_LEVELS = 512


def fit_levels(
    H: Hamiltonian,
    lines: Lines,
    *,
    vary: Collection[str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
    uncertainty: float = 0.3,
    initial_levels: int = 1,
    highest_level: int | None = None,
    photons: int = 1,
    outliers: float = 0.05,
    band: npt.ArrayLike | None = None,
    control_scale: float = 1.0,
    control_shift: float = 0.0,
    frequency_offset: float = 0.0,
    passages: Measurement | None = None,
    passage_window: npt.ArrayLike | None = None,
    passage_levels: tuple[int, int] = (0, 1),
    visibility: float = 1.0,
    background: float = 0.0,
    starts: int = 16,
    seed: int = 0,
) -> LevelFit:
    """Fit the parameters of H to lines of its spectrum, and find out which transition each one is.

    ``f = (E_j(x; p) − E_i(x; p))/m + frequency_offset`` with ``x = control_shift + control_scale ·
    control``: from any of the lowest `initial_levels` levels i to a higher one j, by m photons. At
    a control each transition is seen once or not at all, and lines may be outliers. Labels that
    `lines` carry are kept. Assignments are found by expectation–maximisation with a width that
    shrinks, from many starts; the warnings of the result say when they could not be.

    Parameters
    ----------
    H : Hamiltonian
        With one coordinate and single parameter values: the guess. Its units say what a frequency
        of `lines` is; H without units takes the numbers as energies.
    lines : Lines
    vary : collection of str, optional
        What is fitted: parameters of H, ``control_scale``, ``control_shift``,
        ``frequency_offset``; with passages also ``visibility``, ``background``. By default all
        parameters of H.
    bounds : mapping of str to (float, float), optional
        Limits, within which starts are drawn evenly.
    priors : mapping of str to (float, float), optional
        Values with standard deviations known from elsewhere; they count as data.
    uncertainty : float
        Of the guess, relative: starts of what has neither bounds nor a prior are normal about it.
    initial_levels : int
        How many of the lowest levels transitions start from.
    highest_level : int, optional
        The highest level they end in; by default the highest there is.
    photons : int
        The most photons of a transition.
    outliers : float
        The share of lines that are expected to belong to no transition.
    band : (float, float), optional
        The measured range of frequencies; by default that of the lines.
    control_scale, control_shift, frequency_offset : float
        Starting values, or what they are held at: coordinate per control, coordinate, frequency.
    passages : Measurement, optional
        Populations of a level after single sweeps of the control over `passage_window`, with the
        coordinate ``sweep_rate`` (control / time) and errors, to be fitted together with the lines:
        ``background + visibility · P``, P exact by `dynamics.propagate`.
    passage_window : (float, float), optional
        The control at the start and at the end of every sweep.
    passage_levels : (int, int)
        The adiabatic level before the sweep, and the one whose population was measured.
    visibility, background : float
        Contrast and offset of that read-out: starting values, or what they are held at.
    starts : int
        How many of 400 drawn guesses are followed.
    seed : int
        Of the starts.

    Returns
    -------
    LevelFit

    Raises
    ------
    InputError
        For an H of several coordinates or with arrays of parameters, an unknown parameter, labels
        beyond the transitions asked for, units that do not fit, fewer lines than parameters, or
        options without meaning.

    References
    ----------
    R. P. Feynman, Phys. Rev. 56, 340 (1939) (derivatives of energies); N. Ueda and R. Nakano,
    Neural Netw. 11, 271 (1998) (assignments with a shrinking width).

    Examples
    --------
    >>> import anticrossing as ac
    >>> H = ac.models.LandauZener(gap=1.0)
    >>> control = np.linspace(-2, 2, 21)
    >>> noise = 0.01 * np.random.default_rng(1).standard_normal(21)
    >>> lines = Lines(control, np.sqrt(control**2 + 0.8**2) + noise, np.full(21, 0.01))
    >>> print(fit_levels(H, lines))
    fit of LandauZener to 21 lines, 0 of them outliers
      gap  0.8007 ± 0.0032
      χ² = 6.644 for 20 degrees of freedom, reduced 0.332
      avoided crossing of levels 0 and 1: gap 0.8007 ± 0.0032, position 0, slope difference 1
    """
    check_hamiltonian(H)
    instance("lines", lines, Lines)
    transitions = _transitions(H, initial_levels, highest_level, photons)
    first = {
        **{name: float(value) for name, value in H.parameters.items()},
        "control_scale": real_number("control_scale", control_scale),
        "control_shift": real_number("control_shift", control_shift),
        "frequency_offset": real_number("frequency_offset", frequency_offset),
        "visibility": real_number("visibility", visibility),
        "background": real_number("background", background),
    }
    if first[SCALE] == 0:
        raise fail("control_scale", "not be zero", "it is")
    varied = check_names(H, vary, passages is not None)
    swept = check_passages(passages, passage_window, passage_levels, H, varied)
    factor = _factor(H, lines)
    control, column = np.unique(lines.control, return_inverse=True)
    of_levels = tuple(name for name in varied if name not in READ_OUT)
    fixed = {name: value for name, value in first.items() if name not in READ_OUT}
    model = Transitions(H, control, transitions, factor, fixed, of_levels)
    range_ = _band(lines, band)
    lower, upper, spread, guess, known = _limits(
        model, first, bounds, priors, positive_number("uncertainty", uncertainty), range_
    )
    wide = range_[1] - range_[0]
    error = np.full(len(lines), _UNKNOWN_ERROR * wide) if lines.error is None else lines.error
    question = Question(
        transitions=model,
        column=np.asarray(column).reshape(-1),
        frequency=lines.frequency,
        error=error,
        allowed=_allowed(lines, transitions),
        band=range_,
        outliers=number_between("outliers", outliers, 1e-6, 0.9),
        guess=guess,
        spread=spread,
        lower=lower,
        upper=upper,
        known=known,
    )
    data = len(lines) + (0 if passages is None else len(passages)) + int(np.count_nonzero(known))
    if data <= len(varied):
        must = f"hold more than {len(varied)} lines to fit as many parameters"
        raise fail("lines", must, f"there are {len(lines)}")
    random = np.random.default_rng(integer("seed", seed, minimum=0))
    count = integer("starts", starts, minimum=1, maximum=400)
    return _level_report.fit(question, lines, swept, first, varied, random, count)


def check_hamiltonian(H: Hamiltonian) -> None:
    """Raise `InputError` unless H has one coordinate, single parameters and few levels."""
    instance("H", H, Hamiltonian)
    if len(H.coordinates) != 1:
        raise fail("H", "have one coordinate", f"it has {', '.join(H.coordinates)}")
    single_point("H", H)
    if H.dimension < 2 or H.dimension > _MOST_LEVELS:
        raise fail("H", f"have 2 to {_MOST_LEVELS} levels", f"it has {H.dimension}")
    clash = set(H.parameters) & {*CALIBRATION, *READ_OUT}
    if clash:
        raise fail("H", "leave the names of the calibration free", f"it uses `{clash.pop()}`")


def _transitions(
    H: Hamiltonian, initial: Any, highest: Any, photons: Any
) -> tuple[Transition, ...]:
    last = H.dimension - 1
    begun = integer("initial_levels", initial, minimum=1, maximum=last)
    end = last if highest is None else integer("highest_level", highest, minimum=1, maximum=last)
    most = integer("photons", photons, minimum=1, maximum=9)
    return tuple(
        Transition(low, high, count)
        for count in range(1, most + 1)
        for low in range(begun)
        for high in range(low + 1, end + 1)
    )


def check_names(H: Hamiltonian, vary: Any, swept: bool) -> tuple[str, ...]:
    """Return the parameters to vary in the order in which H and calibration have them."""
    known = [*H.parameters, *CALIBRATION, *(READ_OUT if swept else ())]
    if vary is None:
        vary = tuple(H.parameters)
    if isinstance(vary, str) or not isinstance(vary, Collection) or not vary:
        raise fail("vary", "be a collection of parameter names", f"it is {describe(vary)}")
    known_keys("vary", vary, known)
    if len(set(vary)) < len(vary):
        raise fail("vary", "name every parameter once", f"it is {describe(vary)}")
    return tuple(name for name in known if name in vary)


def _factor(H: Hamiltonian, lines: Lines) -> float:
    """Return the frequency in the unit of the lines that one unit of energy of H is."""
    energy = H.units.energy
    if bool(energy) != bool(lines.unit):
        has = f"lines are in {lines.unit!r}" if lines.unit else f"H is in {energy!r}"
        lacks = "H has no units" if lines.unit else "the lines have no unit"
        raise fail("lines", "have a unit where H has units, and only there", f"{has}, {lacks}")
    return ENERGIES[energy] / ENERGIES[lines.unit] if energy else 1.0


def _band(lines: Lines, band: Any) -> tuple[float, float]:
    low, high = float(lines.frequency.min()), float(lines.frequency.max())
    if band is None:
        room = _ROOM * (high - low) or _ROOM * high
        return low - room, high + room
    ends = real_array("band", band)
    if ends.shape != (2,) or ends[0] >= ends[1]:
        raise fail("band", "be two frequencies, the lower one first", f"it is {describe(band)}")
    if ends[0] > low or ends[1] < high:
        raise fail("band", f"hold all lines, {low:g} to {high:g}", f"it is {describe(band)}")
    return float(ends[0]), float(ends[1])


def _limits(
    model: Transitions,
    first: Mapping[str, float],
    bounds: Any,
    priors: Any,
    uncertainty: float,
    band: tuple[float, float],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Return lower and upper limits, spread and middle of the starts, and what has a prior."""
    names = model.varied
    limits, measured = named_values("bounds", bounds), named_values("priors", priors)
    for name, given in (("bounds", limits), ("priors", measured)):
        known_keys(name, given, names)
    count = len(names)
    lower, upper = np.full(count, -np.inf), np.full(count, np.inf)
    guess = np.array([first[name] for name in names])
    spread, known = uncertainty * np.abs(guess), np.zeros(count, dtype=np.bool_)
    for k, name in enumerate(names):
        if spread[k] == 0:
            spread[k] = _scale(model, first, name, _SMALL * (band[1] - band[0]))
        if name in limits:
            lower[k], upper[k] = _pair("bounds", name, limits[name])
            if lower[k] >= upper[k]:
                raise fail("bounds", "hold pairs (low, high)", f"{name} has {limits[name]}")
            if not lower[k] <= guess[k] <= upper[k]:
                must = f"hold the guess, {guess[k]:g}, of `{name}`"
                raise fail("bounds", must, f"they are {describe(limits[name])}")
            spread[k] = (upper[k] - lower[k]) / np.sqrt(12)
        if name in measured:
            guess[k], spread[k] = _pair("priors", name, measured[name])
            known[k] = True
            if spread[k] <= 0:
                raise fail("priors", "have positive errors", f"{name} has {measured[name]}")
            if not lower[k] <= guess[k] <= upper[k]:
                raise fail("priors", f"lie within the bounds of `{name}`", f"it is {guess[k]:g}")
    return lower, upper, spread, guess, known


def _pair(where: str, name: str, given: Any) -> tuple[float, float]:
    pair = real_array(where, given)
    if pair.shape != (2,):
        raise fail(where, "hold pairs of numbers", f"`{name}` has {describe(given)}")
    return float(pair[0]), float(pair[1])


def _scale(model: Transitions, first: Mapping[str, float], name: str, size: float) -> float:
    """Return by how much a parameter with the guess zero has to move to move levels by `size`."""
    energy = size / model.factor
    if name == "frequency_offset":
        return size
    x = first["control_shift"] + first[SCALE] * model.control
    own = {key: np.array(first[key]) for key in model.hamiltonian.parameters}
    if name == "control_shift":
        moved = model.hamiltonian.evaluate_derivative(x, own)
    else:
        moved = model.hamiltonian.evaluate_parameter_derivative(x, own, name)
    slope = float(np.max(np.linalg.norm(np.asarray(moved), 2, axis=(-2, -1)), initial=0.0))
    return energy / slope if slope > 0 and np.isfinite(slope) else 1.0


def _allowed(lines: Lines, transitions: tuple[Transition, ...]) -> npt.NDArray[np.bool_]:
    """Return which transitions each line may be, shape (n, T)."""
    allowed = np.ones((len(lines), len(transitions)), dtype=np.bool_)
    pairs = [(t.lower, t.upper) for t in transitions]
    for number, label in enumerate(lines.labels or ()):
        if label is None:
            continue
        if label not in pairs:
            must = "be of transitions that are asked for (`initial_levels`, `highest_level`)"
            raise fail("labels", must, f"number {number} is {label}")
        allowed[number] = [pair == label for pair in pairs]
    return allowed
