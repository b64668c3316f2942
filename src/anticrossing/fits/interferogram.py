"""Interferograms: gap, T₁, T₂ and the calibration of the drive from time-averaged populations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    ConvergenceError,
    FloatArray,
    check_flag,
    choice,
    fail,
    integer,
    known_keys,
    non_negative_number,
    number_between,
    positive,
    positive_number,
    real_array,
    real_number,
)
from anticrossing.dynamics.qubit_maps import BASES
from anticrossing.fits import _readout, _units
from anticrossing.fits._least_squares import Minimum, minimise
from anticrossing.fits._map_search import starts
from anticrossing.fits._maps import MapModel
from anticrossing.fits._parameters import Coordinates
from anticrossing.fits._problem import Problem
from anticrossing.fits._report import report
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.passages import as_measured, check_data, check_varied
from anticrossing.fits.result import FitResult

MODELS = ("exact", "fast-passage")
MEASURED = ("excited", "upper")
QUBIT = ("gap", "t1", "t2", "amplitude_scale", "offset_shift", "temperature", "offset_noise")
PARAMETERS = (*QUBIT, *_readout.READOUT)
_ACCURACY = {"diabatic": 1e-9, "adiabatic": 1e-6}  # of the exact model
COORDINATES = ("offset", "amplitude", "frequency", "duration")
_FINALISTS = 2
_MOST_STEPS = 80


def fit_interferogram(
    data: Measurement,
    *,
    gap: float | str,
    t1: float | str,
    t2: float | str,
    amplitude_scale: float | str = 1.0,
    offset_shift: float | str = 0.0,
    temperature: float | str = 0.0,
    offset_noise: float | str = 0.0,
    visibility: float = 1.0,
    background: float = 0.0,
    false_positive: float = 0.0,
    false_negative: float = 0.0,
    frequency: float | str | None = None,
    vary: Collection[str] = ("gap", "t2", "amplitude_scale", "offset_shift"),
    model: str = "exact",
    basis: str = "diabatic",
    readout: str | None = None,
    measured: str = "excited",
    phase: float = 0.0,
    initial: float = 0.0,
    search: bool = True,
) -> FitResult:
    """Fit a driven qubit with T₁ and T₂ to its time-averaged population of the upper state.

    ``H = ½ [(ε₀ + A cos ωt) σ_z + g σ_x]`` with ``ε₀ = offset + offset_shift`` and
    ``A = amplitude_scale · amplitude``, where offset and amplitude are what was set. The exact
    model is the periodic steady state, `anticrossing.dynamics.interferogram.interferogram`, the
    other the fast-passage formula. What is read of a population p is
    ``background + visibility·p``, or ``p`` with the chances of an error in a single shot,
    ``false_positive·(1 − p) + (1 − false_negative)·p``.

    Starting values are searched in a factor of four around those that are given and in one quantum
    ω around the given shift, so that a guess may be three times off. Derivatives are exact. Data
    with errors are fitted by least squares, counts (`Measurement.from_counts`) by the maximum of
    their binomial likelihood.

    Parameters
    ----------
    data : Measurement
        With the coordinates ``offset`` (energy), ``amplitude`` (any linear unit; `amplitude_scale`
        makes it an energy), and optionally ``frequency``. With ``duration`` (time) the populations
        are those after the drive lasted so long, not averaged over time. Numbers without units have
        ħ = k_B = 1. Where columns have units, the arguments need them: ``gap="40 MHz"``,
        ``t1="2 us"``, ``frequency="1.2 GHz"`` (h times it is the quantum),
        ``amplitude_scale="80 MHz/mV"``; T₂ is given in the unit of T₁.
    gap : float or str
        Minimum gap g (energy): starting value, or what it is held at. So for the others.
    t1, t2 : float or str
        Relaxation time and decay time of coherences, T₂ ≤ 2T₁.
    amplitude_scale : float or str
        Energy per unit of the set amplitude.
    offset_shift : float or str
        Added to the set offset (energy).
    temperature : float or str
        Towards which the populations relax (energy, or "15 mK"), at least 0.
    offset_noise : float or str
        Standard deviation of normal noise of ε₀ that is still during a measurement (energy): the
        populations are averaged over it. T₂ is then what is left without it.
    visibility, background : float
        Contrast and offset of the read-out.
    false_positive, false_negative : float
        The chances to read the upper state where it is the lower, and the lower where it is the
        upper; each below ½. Not with a visibility or background.
    frequency : float or str, optional
        Angular frequency ω of the drive; needed where the data do not bring it.
    vary : collection of str
        Which are fitted. T₁ is held by default: where passages are fast, gap and T₁ enter only as
        gap²·T₁.
    model : {"exact", "fast-passage"}
    basis : {"diabatic", "adiabatic"}
        Where T₁ and T₂ act: on the eigenstates of σ_z or on those of H(t).
    readout : {"diabatic", "adiabatic"}, optional
        Whose population it is. Default: `basis`.
    measured : {"excited", "upper"}
        Of a diabatic read-out: the level that lies above at the set offset, so that the map is
        folded; or the same level, σ_z = +1, at all offsets, with the qubit step at ε₀ = 0. At zero
        temperature relaxation in the diabatic basis empties the excited level at every offset.
    phase : float
        Of populations after a time: φ at the start of the drive A cos(ωt + φ), in radians. With
        φ = π and a duration of one period they are those of double passages.
    initial : float
        And the population of the measured level at the start.
    search : bool
        Whether other minima are tried than the one nearest to the starting values; not for
        populations after a time.

    Returns
    -------
    FitResult
        With a note for every parameter that the data do not determine.

    Raises
    ------
    InputError
        For a missing coordinate or unit, an option that the model would ignore, T₂ > 2T₁, nothing
        to vary, or fewer data than parameters.
    ConvergenceError
        If the drive is too slow to follow, or the noise too wide to be averaged over.

    References
    ----------
    S. N. Shevchenko, S. Ashhab, F. Nori, Phys. Rep. 492, 1 (2010); W. D. Oliver et al.,
    Science 310, 1653 (2005), for the measurement.

    Examples
    --------
    >>> data = synthetic_interferogram(seed=1, offsets=21, amplitudes=15)
    >>> result = fit_interferogram(
    ...     data, frequency=7.54, gap=0.05, t1=2000.0, t2=3.0, amplitude_scale=0.2
    ... )
    >>> print(result["gap"], "and", result["t2"])
    0.03978 ± 0.00025 and 2.545 ± 0.048
    """
    varied = check_varied(vary, PARAMETERS, len(check_data(data)))
    timed = "duration" in data.coordinates
    space = _model(model, basis, readout, measured, timed, phase, initial)
    given = {
        "gap": gap,
        "t1": t1,
        "t2": t2,
        "amplitude_scale": amplitude_scale,
        "offset_shift": offset_shift,
        "temperature": temperature,
        "offset_noise": offset_noise,
        "frequency": frequency,
    }
    for name in ("offset", "amplitude"):
        data.coordinate(name)
    written, inside = _units.read(data, COORDINATES, given)
    plain = written.inside(data)
    omega = _frequency(plain, inside.pop("frequency"))
    first = _first(inside, varied, space)
    first |= _readout.checked(
        {
            "visibility": visibility,
            "background": background,
            "false_positive": false_positive,
            "false_negative": false_negative,
        },
        varied,
    )
    whole = replace(plain, coordinates={**plain.coordinates, "frequency": omega}, units={})
    quantum = float(np.mean(omega))
    problem = Problem(space, whole, Coordinates(first, varied, {"offset_shift": quantum}))
    wide = check_flag("search", search) and not timed
    found = starts(problem, quantum) if wide else [problem]
    found.sort(key=_distance)
    minimum, best = _best(found[:_FINALISTS])
    if "frequency" not in data.coordinates:
        written, shown = _with_frequency(data, omega, written)
    else:
        shown = data
    solved, minimum = written.outside(best, minimum, shown)
    return replace(report(solved, minimum, written.units), data=data)


def _distance(start: Problem) -> float:
    """Return how far a start is from the data; none is farther than what cannot be computed."""
    try:
        return float(start.deviance(start.coordinates.initial))
    except ConvergenceError:
        return np.inf


def _best(starts: Sequence[Problem]) -> tuple[Minimum, Problem]:
    """Return the lowest minimum, from the starts that lead to one."""
    fits, failed = [], None
    for start in starts:
        try:
            fits.append((minimise(start, _MOST_STEPS), start))
        except ConvergenceError as error:
            failed = error
    if failed is not None and not fits:
        raise failed
    return min(fits, key=lambda fit: fit[0].chi_square)


def synthetic_interferogram(
    *,
    seed: int,
    error: float = 0.01,
    shots: int | None = None,
    offsets: int | npt.ArrayLike = 61,
    amplitudes: int | npt.ArrayLike = 31,
    frequency: float = 7.54,
    gap: float = 0.04,
    t1: float = 2000.0,
    t2: float = 2.5,
    amplitude_scale: float = 0.5,
    offset_shift: float = 0.4,
    model: str = "exact",
    basis: str = "diabatic",
    readout: str | None = None,
    measured: str = "excited",
    durations: npt.ArrayLike | None = None,
    phase: float = 0.0,
    initial: float = 0.0,
    **others: float,
) -> Measurement:
    """Return the interferogram of a driven qubit with normal noise or counts, as if measured.

    The populations of `fit_interferogram`. The numbers are illustrative, of the order of a flux
    qubit driven at 1.2 GHz: energies in rad/ns, times in ns, set amplitudes in mV.

    Parameters
    ----------
    seed : int
        Of the noise.
    error : float
        Standard deviation of the noise, > 0.
    shots : int, optional
        How often every point is measured: counts of a binomial distribution, without other noise.
    offsets, amplitudes : int or array_like, shape (n,)
        What is set; a number of points stands for offsets within ±3.5 ω and amplitudes up to those
        that reach 4.5 ω.
    frequency, gap, t1, t2, amplitude_scale, offset_shift : float
        As for `fit_interferogram`.
    model, basis, readout, measured : str
        As for `fit_interferogram`.
    durations : array_like, shape (n,), optional
        For populations after a time; `phase` and `initial` are as for `fit_interferogram`.
    **others : float
        ``temperature``, ``offset_noise``, ``visibility``, ``background``, ``false_positive`` and
        ``false_negative``, as for `fit_interferogram`; none by default.

    Returns
    -------
    Measurement
        All pairs of offset and amplitude, one after another.

    Examples
    --------
    >>> print(synthetic_interferogram(seed=1, offsets=3, amplitudes=2))
    6 populations: offset -26.39 … 26.39, amplitude 0 … 68; errors about 0.01
    """
    omega = positive_number("frequency", frequency)
    scale = positive_number("amplitude_scale", amplitude_scale)
    set_offset = _axis("offsets", offsets, -3.5 * omega, 3.5 * omega)
    top = float(f"{4.5 * omega / scale:.2g}")
    set_amplitude = _axis("amplitudes", amplitudes, 0.0, top)
    axes = {"offset": set_offset, "amplitude": set_amplitude}
    if durations is not None:
        axes["duration"] = real_array("durations", durations, ndim=1)
    grid = np.meshgrid(*axes.values(), indexing="ij")
    place = {name: part.reshape(-1) for name, part in zip(axes, grid, strict=True)}
    known_keys("synthetic_interferogram", others, PARAMETERS)
    space = _model(model, basis, readout, measured, durations is not None, phase, initial)
    given = {"temperature": 0.0, "offset_noise": 0.0, **_readout.PERFECT, **others}
    given |= {"gap": gap, "t1": t1, "t2": t2}
    given |= {"amplitude_scale": scale, "offset_shift": offset_shift}
    values = _first(given, (), space) | _readout.checked(given, ())
    where = {**place, "frequency": np.full(place["offset"].shape, omega)}
    what = f"synthetic: {space.name}"
    return as_measured(place, space(values, where)[0], seed, error, shots, what)


# ---- helpers ----------------------------------------------------------------------------------


def _model(
    model: str,
    basis: str,
    readout: str | None,
    measured: str,
    timed: bool,
    phase: float,
    initial: float,
) -> MapModel:
    """Return the checked model."""
    choice("model", model, MODELS)
    choice("basis", basis, BASES)
    seen = basis if readout is None else choice("readout", readout, BASES)
    choice("measured", measured, MEASURED)
    if model == "fast-passage" and "adiabatic" in (basis, seen):
        name = "basis" if basis == "adiabatic" else "readout"
        raise fail(name, "be 'diabatic' with model='fast-passage'", "it is 'adiabatic'")
    if seen == "adiabatic" and measured == "upper":
        raise fail("measured", "be left out with an adiabatic read-out", "it would be ignored")
    begun = number_between("initial", initial, 0.0, 1.0)
    turned = real_number("phase", phase)
    if timed and model == "fast-passage":
        raise fail("model", "be 'exact' for populations after a time", f"it is {model!r}")
    for name, value in (("phase", turned), ("initial", begun)):
        if value != 0 and not timed:
            raise fail(name, "be left out where data have no `duration`", "it would be ignored")
    exact = "diabatic" if basis == seen == "diabatic" and not timed else "adiabatic"
    return MapModel(model, basis, seen, measured, _ACCURACY[exact], timed, turned, begun)


def _first(given: Mapping[str, Any], varied: tuple[str, ...], model: MapModel) -> dict[str, float]:
    """Return checked starting values."""
    first = {
        name: positive_number(name, given[name]) for name in ("gap", "t1", "t2", "amplitude_scale")
    }
    if first["t2"] > 2 * first["t1"] * (1 + 1e-12):
        raise fail("t2", "be at most 2·`t1`", f"they are {first['t2']:g} and {first['t1']:g}")
    first["offset_shift"] = real_number("offset_shift", given["offset_shift"])
    for name in ("temperature", "offset_noise"):
        first[name] = non_negative_number(name, given[name])
        if name in varied and first[name] == 0:
            raise fail(name, "be positive where it is fitted", "it is 0")
    if model.measured == "upper" and first["offset_noise"] > 0 and first["temperature"] == 0:
        raise fail("temperature", "be positive where noise smears the step of a map", "it is 0")
    return first


def _with_frequency(
    data: Measurement, omega: FloatArray, written: _units.Written
) -> tuple[_units.Written, Measurement]:
    """Return data with the frequency of the drive as a coordinate, in the unit of the call."""
    factor = written.factors.get("frequency", 1.0)
    places = {**written.coordinates, "frequency": factor}
    columns = {**data.coordinates, "frequency": omega / factor}
    units = {**data.units, **{n: u for n, u in written.units.items() if n == "frequency"}}
    data = replace(data, coordinates=columns, units=units)
    return replace(written, coordinates=places), data


def _frequency(data: Measurement, frequency: float | None) -> FloatArray:
    if "frequency" in data.coordinates:
        if frequency is not None:
            raise fail("frequency", "be left out", "the data bring their own")
        omega = data.coordinate("frequency")
    elif frequency is None:
        raise fail("frequency", "be given", "neither argument nor data say it")
    else:
        omega = np.full(len(data), real_number("frequency", frequency))
    return positive("frequency", omega)


def _axis(name: str, value: int | npt.ArrayLike, low: float, high: float) -> FloatArray:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return np.linspace(low, high, integer(name, value, minimum=2, maximum=10**4))
    return real_array(name, value, ndim=1)
