"""Where a fit of an interferogram begins: fringes can be mistaken for one another.

The landscape has many minima along amplitude and offset only (one for every fringe that can be
mistaken for another); the strength of the resonances, gap²·T₁, and their width need a few values
each. Contrast and background enter linearly and are solved for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray
from anticrossing.fits._least_squares import nearest
from anticrossing.fits._maps import MapModel
from anticrossing.fits._parameters import MOST_ERROR, Coordinates
from anticrossing.fits._problem import Problem
from anticrossing.fits._readout import PERFECT
from anticrossing.fits.measurement import Measurement

_COARSE = 1e-4  # of the exact model while starting values are searched
_SEARCH_POINTS = 400
_SEARCH_RANGE = 4.0  # farther than a guess that is three times off
_SCALES = 41
_EVERY, _FEWEST = 4, 100  # points that most of the grid is compared with, and starts that are left
_CANDIDATES = 6
_FEW_STEPS, _ROUGH = 15, 1e-3
_LEAST_CONTRAST = 0.05


def starts(problem: Problem, quantum: float) -> list[Problem]:
    """Return the problem with starting values in the minima that may be the deepest."""
    data, model = problem.data, problem.model
    assert isinstance(model, MapModel)
    reduced = _some(data, _subset(data.population))
    shifts = _shifts(data, data.coordinates["frequency"], problem.coordinates.initial)
    small = replace(problem, data=reduced)
    found = _search(small, quantum, shifts)
    return [_moved(replace(small, coordinates=start), data) for start in found]


def _moved(problem: Problem, data: Measurement) -> Problem:
    """Return the problem of all data, with its starting values in the nearest minimum."""
    space = problem.coordinates
    noise = space.initial["offset_noise"]
    if noise == 0:
        return replace(nearest(problem, _FEW_STEPS, _ROUGH), data=data)
    # Averages over noise cost a hundred times as much: the coherence time stands for it.
    width = 1 / space.initial["t2"]
    plain = {**space.initial, "offset_noise": 0.0, "t2": 1 / (width + noise)}
    varied = tuple(name for name in space.varied if name != "offset_noise")
    simple = replace(space, initial=plain, varied=varied)
    found = nearest(replace(problem, coordinates=simple), _FEW_STEPS, _ROUGH).coordinates.initial
    if "t2" in varied:
        share = width / (width + noise)
        found = {**found, "t2": min(found["t2"] / share, 2 * found["t1"])}
    else:
        found = {**found, "t2": space.initial["t2"]}
    start = replace(space, initial={**found, "offset_noise": noise})
    return replace(problem, data=data, coordinates=start)


def _some(data: Measurement, points: npt.NDArray[np.intp]) -> Measurement:
    """Return some of the points."""
    return Measurement(
        {name: values[points] for name, values in data.coordinates.items()},
        data.population[points],
        None if data.error is None else data.error[points],
        shots=None if data.shots is None else data.shots[points],
    )


def _search(problem: Problem, quantum: float, shifts: FloatArray) -> list[Coordinates]:
    """Return the guess and those starting values of a grid around it that fit best."""
    # One width equals the spacing of the grid, so that no narrow resonance falls between.
    guess, varied = problem.coordinates.initial, problem.coordinates.varied
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
    # Most of the grid is far off, which a few of the points tell.
    points = np.flatnonzero(np.arange(len(problem.data)) % _EVERY == 0)
    sampled = replace(problem, data=_some(problem.data, points))
    kept = np.argsort(_fitness(sampled, stacked)[0], kind="stable")[: max(count // _EVERY, _FEWEST)]
    values = {name: value[kept] for name, value in values.items()}
    fitness, read = _fitness(problem, {name: value[kept] for name, value in stacked.items()})
    found: list[dict[str, float]] = [dict(guess)]
    for index in np.argsort(fitness, kind="stable"):
        candidate = {name: float(value[index]) for name, value in values.items()}
        candidate |= {name: float(value[index]) for name, value in read.items()}
        if all(_apart(candidate, other, quantum) for other in found[1:]):
            found.append(candidate)
        if len(found) > _CANDIDATES:
            break
    return [replace(problem.coordinates, initial=one) for one in found]


def _fitness(
    problem: Problem, values: Mapping[str, Any]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return χ² of many starting values, and the read-out at which each is the smallest."""
    data, varied = problem.data, problem.coordinates.varied
    model = problem.model
    assert isinstance(model, MapModel)
    # Steady states of relaxing diabatic states are cheaper than the sum of the formula, and a
    # hundred times cheaper than eigenstates that relax: the search always uses them. Noise that is
    # still widens the resonances as a shorter T₂ does.
    quick = replace(model, kind="exact", basis="diabatic", readout="diabatic", tolerance=_COARSE)
    width = 1 / values["t2"] + values["offset_noise"]
    plain = {**values, "t2": 1 / width, "offset_noise": 0.0}
    deviations = data.deviations()
    weight = np.ones(len(data)) if deviations is None else 1 / deviations
    linear = [name for name in PERFECT if name in varied]
    if not linear:
        q = quick(plain, data.coordinates)[0]
        return np.asarray(np.sum(((q - data.population) * weight) ** 2, axis=-1)), {}
    p = quick({**plain, **PERFECT}, data.coordinates)[0]
    low = values["background"][:, 0] + values["false_positive"][:, 0]
    contrast = values["visibility"][:, 0] * (
        1 - values["false_positive"][:, 0] - values["false_negative"][:, 0]
    )
    total = np.sum(weight**2)
    mean_p, mean_d = (np.sum(x * weight**2, axis=-1) / total for x in (p, data.population))
    offset_free = "background" in varied or "false_positive" in varied
    contrast_free = "visibility" in varied or "false_negative" in varied
    if contrast_free:
        own = p - mean_p[:, None] if offset_free else p
        other = data.population - (mean_d if offset_free else low[:, None])
        squared = np.sum((own * weight) ** 2, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.sum(own * other * weight**2, axis=-1) / squared
        contrast = np.clip(np.where(squared > 0, best, contrast), _LEAST_CONTRAST, 2.0)
    if offset_free:
        low = mean_d - contrast * mean_p
    q = low[:, None] + contrast[:, None] * p
    fitness = np.asarray(np.sum(((q - data.population) * weight) ** 2, axis=-1))
    if "false_positive" in varied or "false_negative" in varied:
        first = np.clip(low, 1e-3, MOST_ERROR - 1e-3)
        second = np.clip(1 - contrast - first, 1e-3, MOST_ERROR - 1e-3)
        found = {"false_positive": first, "false_negative": second}
    else:
        found = {"visibility": contrast, "background": low}
    return fitness, {name: value for name, value in found.items() if name in varied}


def _shifts(data: Measurement, omega: FloatArray, initial: Mapping[str, float]) -> FloatArray:
    """Return shifts to try: the population, folded with ω, then lies on the resonances."""
    quantum, guess = float(np.mean(omega)), initial["offset_shift"]
    tried = guess + quantum * np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
    if np.ptp(omega) > 1e-6 * quantum:
        return tried
    wave = np.exp(2j * np.pi * data.coordinate("offset") / quantum)
    # The mean over what was set, populated or not, must not look like a shift.
    signal = np.sum((data.population - np.mean(data.population)) * wave)
    folded = -quantum * np.angle(signal) / (2 * np.pi)
    nearest = folded + quantum * np.round((guess - folded) / quantum)
    return np.concatenate([nearest + quantum * np.array([-1.0, 0.0, 1.0]), tried])


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
