"""How often fits cover the truth: pulls of every parameter, map kind and likelihood.

``python -m tests.fits.coverage [SETS]`` prints the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from anticrossing.fits import (
    FitResult,
    Measurement,
    fit_interferogram,
    fit_passages,
    synthetic_interferogram,
    synthetic_passages,
)

SETS = 200
OMEGA = 7.54
QUBIT = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5, "offset_shift": 0.4}
WARM = {**QUBIT, "temperature": 6.0}
ALL = tuple(QUBIT)
CONTRAST = {"visibility": 0.75, "background": 0.08}
SPAM = {"false_positive": 0.06, "false_negative": 0.12}
GRID = {"offsets": 31, "amplitudes": 15}
NOISY = {"offsets": 25, "amplitudes": 9}
SMALL = {"offsets": np.linspace(-20, 20, 9), "amplitudes": np.linspace(6, 60, 7)}

MAPS: dict[str, tuple[dict[str, float], tuple[str, ...], dict[str, Any], dict[str, Any]]] = {
    "steady": (QUBIT, ALL, {}, GRID),
    "steady, warm": (WARM, (*ALL, "temperature"), {}, GRID),
    "unfolded": (WARM, (*ALL, "temperature"), {"measured": "upper"}, GRID),
    "still noise": ({**QUBIT, "t2": 3.0, "offset_noise": 0.8}, (*ALL, "offset_noise"), {}, NOISY),
    "eigenbasis": (
        {**WARM, "t1": 1.5, "t2": 1.2},  # of longer times such a map tells the ratio only
        ("gap", "t1", "t2", "amplitude_scale", "offset_shift", "temperature"),
        {"basis": "adiabatic", "readout": "diabatic", "measured": "upper"},
        SMALL,
    ),
    "fast passage": (
        {**QUBIT, "gap": 0.8, "t1": 200.0, "t2": 4.0},
        ("gap", "t2", "amplitude_scale", "offset_shift"),
        {"model": "fast-passage"},
        GRID,
    ),
}
LIKELIHOODS: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "normal": (CONTRAST, {"error": 0.004}),
    "counts": (CONTRAST, {"shots": 10000}),
    "read-out errors": (SPAM, {"shots": 10000}),
}
Fit = Callable[[int], FitResult]


def map_fit(kind: str, likelihood: str) -> tuple[Fit, dict[str, float]]:
    """Return what fits one data set of a seed, and the truth."""
    qubit, varied, options, grid = MAPS[kind]
    readout, noise = LIKELIHOODS[likelihood]
    true: dict[str, Any] = {**qubit, **readout}
    names = (*varied, *readout)
    start: dict[str, Any] = {
        name: value * (1.02 if name in names else 1.0) for name, value in true.items()
    }
    exact: dict[int, Measurement] = {}

    def fit(seed: int) -> FitResult:
        if not exact:  # the populations once, and the noise of every seed
            exact[0] = synthetic_interferogram(
                seed=0, error=1e-12, frequency=OMEGA, **true, **options, **grid
            )
        data = noisy(exact[0], seed, **noise)
        return fit_interferogram(
            data, frequency=OMEGA, **start, vary=names, **options, search=False
        )

    return fit, {name: true[name] for name in names}


def noisy(
    data: Measurement, seed: int, error: float | None = None, shots: int | None = None
) -> Measurement:
    """Return populations with the noise of a seed."""
    random, p = np.random.default_rng(seed), data.population
    if shots is not None:
        counts = random.binomial(shots, np.clip(p, 0, 1))
        return Measurement.from_counts(data.coordinates, counts, shots)
    assert error is not None
    noise = error * random.standard_normal(p.size)
    return Measurement(data.coordinates, p + noise, np.full(p.size, error))


def passage_fit(
    likelihood: str, window: tuple[float, float] | None
) -> tuple[Fit, dict[str, float]]:
    """Return what fits one data set of a seed, and the truth."""
    noise: dict[str, Any]
    readout: dict[str, Any]
    readout, noise = LIKELIHOODS[likelihood]
    true = {"gap": 0.8, **readout}
    rates = 0.5 * np.pi * 0.8**2 * np.geomspace(0.1, 10.0, 40 if window is None else 10)
    options: dict[str, Any] = {} if window is None else {"model": "exact", "window": window}
    exact = synthetic_passages(gap=0.8, seed=0, error=1e-12, sweep_rates=rates, **readout)
    if window is not None:
        # A fit without freedom but a background that nothing asks for gives the exact populations.
        held = fit_passages(exact, gap=0.8, **options, **readout, vary=(next(iter(readout)),))
        q = held.problem.population(
            true | {n: held[n].value for n in held.parameters if n not in true}
        )
        exact = Measurement(exact.coordinates, q)

    def fit(seed: int) -> FitResult:
        return fit_passages(
            noisy(exact, seed, **noise), **options, vary=tuple(true), gap=0.8, **readout
        )

    return fit, true


def cases() -> dict[str, tuple[Fit, dict[str, float]]]:
    """Return every model with every likelihood."""
    found = {}
    for likelihood in LIKELIHOODS:
        for kind in MAPS:
            found[f"{kind}, {likelihood}"] = map_fit(kind, likelihood)
        found[f"passages, {likelihood}"] = passage_fit(likelihood, None)
        found[f"exact passages, {likelihood}"] = passage_fit(likelihood, (-15.0, 20.0))
    return found


def pulls(fit: Fit, true: Mapping[str, float], sets: int, first: int = 1) -> dict[str, np.ndarray]:
    """Return (fitted − true)/error of every parameter over data sets."""
    found: dict[str, list[float]] = {name: [] for name in true}
    for seed in range(first, first + sets):
        result = fit(seed)
        for name, value in true.items():
            found[name].append((result[name].value - value) / result[name].error)
    return {name: np.array(values) for name, values in found.items()}


def main() -> None:
    """Print means and deviations of pulls."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else SETS
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    for name, (fit, true) in cases().items():
        if wanted not in name:
            continue
        begun = time.perf_counter()
        found = pulls(fit, true, sets)
        print(f"{name} ({time.perf_counter() - begun:.0f} s)")
        for key, values in found.items():
            worse = abs(values.mean()) > 0.15 or abs(values.std(ddof=1) - 1) > 0.1
            mark = "  <--" if worse else ""
            print(f"  {key:<16} {values.mean():+.3f} {values.std(ddof=1):.3f}{mark}", flush=True)


if __name__ == "__main__":
    main()
