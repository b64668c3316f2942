"""Interferograms: gap, T₁, T₂ and the calibration of the drive from time-averaged populations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import (
    FloatArray,
    choice,
    fail,
    integer,
    positive,
    positive_number,
    real_array,
    real_number,
    require,
)
from anticrossing.dynamics.interferogram import interferogram
from anticrossing.fits._least_squares import Coordinates, Model, minimise, report
from anticrossing.fits.measurement import Measurement
from anticrossing.fits.passages import check_data, check_varied
from anticrossing.fits.result import FitResult
from anticrossing.formulas.periodic import fast_passage_population

MODELS = ("exact", "fast-passage")
PARAMETERS = ("gap", "t1", "t2", "amplitude_scale", "offset_shift")
_ACCURACY = 1e-9  # of the exact model: its noise enters the numerical derivatives
_COARSE = 1e-4  # of the exact model while starting values are searched
_SEARCH_POINTS = 400
_SEARCH_RANGE = 4.0  # farther than a guess that is three times off
_SCALES = 41
_CANDIDATES = 6
_FINALISTS = 2
_MOST_STEPS, _FEW_STEPS = 80, 15


def fit_interferogram(
    data: Measurement,
    *,
    gap: float,
    t1: float,
    t2: float,
    amplitude_scale: float = 1.0,
    offset_shift: float = 0.0,
    frequency: float | None = None,
    vary: Collection[str] = ("gap", "t2", "amplitude_scale", "offset_shift"),
    model: str = "exact",
) -> FitResult:
    """Fit a driven qubit with T₁ and T₂ to its time-averaged population of the upper state.

    ``H = ½ [(ε₀ + A cos ωt) σ_z + g σ_x]`` with ``ε₀ = offset + offset_shift`` and
    ``A = amplitude_scale · amplitude``, where offset and amplitude are what was set. The exact
    model is the periodic steady state, `anticrossing.dynamics.interferogram.interferogram`, the
    other the fast-passage formula. Both relax to a diabatic state, at zero temperature; the
    population belongs to the other one, which relaxation empties, on both sides of ε₀ = 0.

    Starting values are searched in a factor of four around those that are given and in one quantum
    ω around the given shift, so that a guess may be three times off.

    Parameters
    ----------
    data : Measurement
        With the coordinates ``offset`` (energy), ``amplitude`` (any unit; `amplitude_scale` makes
        it an energy), and optionally ``frequency``. ħ = 1: for offsets in GHz (E/h) and times in
        ns, multiply offsets by 2π first.
    gap : float
        Minimum gap g (energy): starting value, or what it is held at. So for the others.
    t1, t2 : float
        Relaxation time and decay time of coherences, T₂ ≤ 2T₁.
    amplitude_scale : float
        Energy per unit of the set amplitude.
    offset_shift : float
        Added to the set offset (energy).
    frequency : float, optional
        Angular frequency ω of the drive; needed where the data do not bring it.
    vary : collection of str
        Which of the five are fitted. T₁ is held by default: where passages are fast, gap and T₁
        enter only as gap²·T₁.
    model : {"exact", "fast-passage"}

    Returns
    -------
    FitResult
        With a note for every parameter that the data do not determine.

    Raises
    ------
    InputError
        For a missing coordinate, an option that the model would ignore, T₂ > 2T₁, nothing to vary,
        or fewer data than parameters.
    MissingExtraError
        If lmfit is not installed: ``pip install 'anticrossing[fit]'``.

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
    >>> print(result)
    fit of exact steady states to 315 populations
      gap              0.03978 ± 0.00025
      t1               2000 (fixed)
      t2               2.545 ± 0.048
      amplitude_scale  0.4993 ± 0.0015
      offset_shift     0.3939 ± 0.0065
      χ² = 262.6 for 311 degrees of freedom, reduced 0.845
    """
    choice("model", model, MODELS)
    omega = _frequency(check_data(data), frequency)
    given = {"gap": gap, "t1": t1, "t2": t2, "amplitude_scale": amplitude_scale}
    first = {name: positive_number(name, value) for name, value in given.items()}
    if first["t2"] > 2 * first["t1"]:
        raise fail("t2", "be at most 2·`t1`", f"they are {t2:g} and {t1:g}")
    first["offset_shift"] = real_number("offset_shift", offset_shift)
    varied = check_varied(vary, PARAMETERS, len(data))
    require("lmfit", "fit", "A fit")
    quantum = float(np.mean(omega))
    scales = {"offset_shift": quantum}
    offset, amplitude = data.coordinate("offset"), data.coordinate("amplitude")

    def predictor(points: Any, tolerance: float, model: str) -> Model:
        where = (offset[points], amplitude[points], omega[points])
        return lambda values: _population(values, *where, tolerance, model)

    few = _subset(data.population)
    reduced = Measurement(
        {"offset": offset[few], "amplitude": amplitude[few]},
        data.population[few],
        None if data.error is None else data.error[few],
    )
    shifts = _shifts(data, omega, first["offset_shift"])
    # Exact steady states are cheaper than the sum of the formula: the search always uses them.
    starts = _search(predictor(few, _COARSE, "exact"), reduced, first, varied, quantum, shifts)
    quick = predictor(few, _ACCURACY, "exact")
    full = predictor(slice(None), _ACCURACY, model)
    spaces = [_nearest(quick, reduced, Coordinates(s, varied, scales)) for s in starts]
    spaces.sort(key=lambda space: _chi_square(full(space.initial), data))
    fits = [(minimise(full, data, space, _MOST_STEPS), space) for space in spaces[:_FINALISTS]]
    minimum, space = min(fits, key=lambda fit: fit[0].chi_square)
    name = "exact steady states" if model == "exact" else "the fast-passage formula"
    return report(name, full, data, space, minimum)


def synthetic_interferogram(
    *,
    seed: int,
    error: float = 0.01,
    offsets: int | npt.ArrayLike = 61,
    amplitudes: int | npt.ArrayLike = 31,
    frequency: float = 7.54,
    gap: float = 0.04,
    t1: float = 2000.0,
    t2: float = 2.5,
    amplitude_scale: float = 0.5,
    offset_shift: float = 0.4,
) -> Measurement:
    """Return the interferogram of a driven qubit with normal noise, as if measured.

    The exact populations of `fit_interferogram` for a qubit that relaxes in its diabatic states.
    The numbers are illustrative, of the order of a flux qubit driven at 1.2 GHz: energies in
    rad/ns, times in ns, set amplitudes in mV.

    Parameters
    ----------
    seed : int
        Of the noise.
    error : float
        Standard deviation of the noise, > 0.
    offsets, amplitudes : int or array_like, shape (n,)
        What is set; a number of points stands for offsets within ±3.5 ω and amplitudes up to those
        that reach 4.5 ω.
    frequency, gap, t1, t2, amplitude_scale, offset_shift : float
        As for `fit_interferogram`.

    Returns
    -------
    Measurement
        All pairs of offset and amplitude, one after another.

    Examples
    --------
    >>> print(synthetic_interferogram(seed=1, offsets=3, amplitudes=2))
    6 populations: offset -26.39 … 26.39, amplitude 0 … 68; errors about 0.01
    """
    omega, noise = positive_number("frequency", frequency), positive_number("error", error)
    scale = positive_number("amplitude_scale", amplitude_scale)
    set_offset = _axis("offsets", offsets, -3.5 * omega, 3.5 * omega)
    top = float(f"{4.5 * omega / scale:.2g}")
    set_amplitude = _axis("amplitudes", amplitudes, 0.0, top)
    grid = np.meshgrid(set_offset, set_amplitude, indexing="ij")
    offset, amplitude = (part.reshape(-1) for part in grid)
    values = {
        "gap": positive_number("gap", gap),
        "t1": positive_number("t1", t1),
        "t2": positive_number("t2", t2),
        "amplitude_scale": scale,
        "offset_shift": real_number("offset_shift", offset_shift),
    }
    exact = _population(values, offset, amplitude, np.asarray(omega), _ACCURACY, "exact")
    random = np.random.default_rng(integer("seed", seed, minimum=0))
    return Measurement(
        {"offset": offset, "amplitude": amplitude},
        exact + noise * random.standard_normal(exact.size),
        np.full(exact.size, noise),
        source=f"synthetic: exact steady states and normal noise, seed {seed}",
    )


# ---- helpers ----------------------------------------------------------------------------------


def _population(
    values: Mapping[str, Any],
    offset: FloatArray,
    amplitude: FloatArray,
    frequency: FloatArray,
    tolerance: float,
    model: str,
) -> FloatArray:
    """Return the model; parameters may carry axes in front of the axes of the points."""
    arguments = {
        "gap": values["gap"],
        "offset": offset + values["offset_shift"],
        "amplitude": amplitude * values["amplitude_scale"],
        "frequency": frequency,
        "t1": values["t1"],
        "t2": values["t2"],
    }
    if model == "fast-passage":
        return np.asarray(fast_passage_population(**arguments).value)
    return interferogram(**arguments, equilibrium=0.0, tolerance=tolerance).population


def _search(
    model: Model,
    data: Measurement,
    guess: Mapping[str, float],
    varied: tuple[str, ...],
    quantum: float,
    shifts: FloatArray,
) -> list[dict[str, float]]:
    """Return the guess and those starting values of a grid around it that fit best."""
    # The landscape has many minima along amplitude and offset only (one for every fringe that can
    # be mistaken for another); the strength of the resonances, gap²·T₁, and their width need a few
    # values each. One width equals the spacing of the grid, so that no narrow resonance falls
    # between.
    strength = next((name for name in ("gap", "t1") if name in varied), None)
    grids: dict[str, FloatArray] = {}
    for name in varied:
        if name == "amplitude_scale":
            grids[name] = guess[name] * np.geomspace(1 / _SEARCH_RANGE, _SEARCH_RANGE, _SCALES)
        elif name == "offset_shift":
            grids[name] = shifts
        elif name == "t2":
            grids[name] = np.array([guess[name], min(guess[name], 8 / quantum)])
        elif name == strength:
            grids[name] = guess[name] * np.array([1 / 3, 1.0, 3.0])
    mesh = np.meshgrid(*grids.values(), indexing="ij")
    columns = {name: part.reshape(-1) for name, part in zip(grids, mesh, strict=True)}
    count = mesh[0].size
    values = {n: columns.get(n, np.full(count, value)) for n, value in guess.items()}
    if "t2" in varied:
        values["t2"] = np.minimum(values["t2"], 2 * values["t1"])
    else:
        values["t1"] = np.maximum(values["t1"], 0.5 * values["t2"])
    stacked: Mapping[str, Any] = {name: value[:, None] for name, value in values.items()}
    found: list[dict[str, float]] = [dict(guess)]
    for index in np.argsort(_chi_square(model(stacked), data), kind="stable"):
        candidate = {name: float(value[index]) for name, value in values.items()}
        if all(_apart(candidate, other, quantum) for other in found[1:]):
            found.append(candidate)
        if len(found) > _CANDIDATES:
            break
    return found


def _shifts(data: Measurement, omega: FloatArray, guess: float) -> FloatArray:
    """Return shifts to try: the population, folded with ω, then lies on the resonances."""
    quantum = float(np.mean(omega))
    tried = guess + quantum * np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
    if np.ptp(omega) > 1e-6 * quantum:
        return tried
    wave = np.exp(2j * np.pi * data.coordinate("offset") / quantum)
    # The mean over what was set, populated or not, must not look like a shift.
    signal = np.sum((data.population - np.mean(data.population)) * wave)
    folded = -quantum * np.angle(signal) / (2 * np.pi)
    nearest = folded + quantum * np.round((guess - folded) / quantum)
    return np.concatenate([nearest + quantum * np.array([-1.0, 0.0, 1.0]), tried])


def _nearest(model: Model, data: Measurement, space: Coordinates) -> Coordinates:
    """Return the space with its starting values moved to the nearest minimum."""
    return replace(space, initial=space.parameters(minimise(model, data, space, _FEW_STEPS).u))


def _chi_square(prediction: FloatArray, data: Measurement) -> FloatArray:
    weight = 1.0 if data.error is None else 1 / data.error
    return np.asarray(np.sum(((prediction - data.population) * weight) ** 2, axis=-1))


def _apart(one: Mapping[str, float], other: Mapping[str, float], quantum: float) -> bool:
    """Whether two starting values may lead to different minima."""
    step = 1.5 * np.log(_SEARCH_RANGE) * 2 / (_SCALES - 1)
    return bool(
        abs(np.log(one["amplitude_scale"] / other["amplitude_scale"])) > step
        or abs(one["offset_shift"] - other["offset_shift"]) > 0.4 * quantum
    )


def _subset(population: FloatArray) -> npt.NDArray[np.intp]:
    """Return some of the points: half of them the most populated, which narrow resonances need."""
    # The others are spread irregularly, so that no grid line is preferred.
    order = np.argsort(-population, kind="stable")
    high, low = order[: _SEARCH_POINTS // 2], order[_SEARCH_POINTS // 2 :]
    others = np.random.default_rng(0).permutation(low)[: _SEARCH_POINTS // 2]
    return np.sort(np.concatenate([high, others]))


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
