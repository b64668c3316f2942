"""How often fits cover the truth: pulls of every parameter, map kind and likelihood.

``python -m tests.fits.coverage [SETS] [PART OF A NAME]`` prints the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.constants import hbar, k as boltzmann

from anticrossing.drive import Linear
from anticrossing.dynamics import propagate
from anticrossing.fits import (
    Lines,
    Measurement,
    fit_interferogram,
    fit_levels,
    fit_passages,
    synthetic_interferogram,
    synthetic_passages,
)
from anticrossing.models import LandauZener
from tests.fits.level_cases import random_case

SETS = 200
MEAN, DEVIATION = 0.15, 0.1
SEARCHED = 20  # every twentieth data set is fitted from a poor guess, with the whole search
POOR, FAIR = 0.25, 0.1  # standard deviations of the logarithms of guesses
FRINGE = 0.05  # and of what tells fringes apart in a fair one: beyond 3 % only the search helps
OMEGA = 7.54
WINDOW = (-15.0, 20.0)
QUBIT = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5, "offset_shift": 0.4}
WARM = {**QUBIT, "temperature": 6.0}
ALL = tuple(QUBIT)
CONTRAST = {"visibility": 0.75, "background": 0.08}
SPAM = {"false_positive": 0.06, "false_negative": 0.12}
GRID = {"offsets": 31, "amplitudes": 15}
NOISY = {"offsets": 21, "amplitudes": 7}
SMALL = {"offsets": np.linspace(-20, 20, 9), "amplitudes": np.linspace(6, 60, 7)}
TIMED = {"offsets": 7, "amplitudes": 4, "durations": [3.0, 10.0]}

Kind = tuple[dict[str, float], tuple[str, ...], dict[str, Any], dict[str, Any]]
MAPS: dict[str, Kind] = {
    "steady": (QUBIT, ALL, {}, GRID),
    "warm": (WARM, (*ALL, "temperature"), {}, GRID),
    "unfolded": (WARM, (*ALL, "temperature"), {"measured": "upper"}, GRID),
    "unfolded, cold": (QUBIT, ALL, {"measured": "upper"}, GRID),
    "still noise": ({**QUBIT, "t2": 3.0, "offset_noise": 0.8}, (*ALL, "offset_noise"), {}, NOISY),
    "eigenbasis": (
        {**WARM, "t1": 1.5, "t2": 1.2},  # of longer times such a map tells the ratio only
        (*ALL, "temperature"),
        {"basis": "adiabatic", "readout": "diabatic", "measured": "upper"},
        SMALL,
    ),
    "eigenstates read": ({**WARM, "t1": 1.5, "t2": 1.2}, ALL, {"basis": "adiabatic"}, SMALL),
    "fast passage": (
        {**QUBIT, "gap": 0.8, "t1": 200.0, "t2": 4.0},
        ("gap", "t2", "amplitude_scale", "offset_shift"),
        {"model": "fast-passage"},
        GRID,
    ),
    "after a time": (QUBIT, ALL, {}, TIMED),
    "as written": (WARM, (*ALL, "temperature"), {}, GRID),
}
LIKELIHOODS: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "normal": (CONTRAST, {"error": 0.004}),
    "unknown errors": (CONTRAST, {"error": 0.004, "told": False}),
    "counts": (CONTRAST, {"shots": 10000}),
    "few counts": ({}, {"shots": 2000}),
    "read-out errors": (SPAM, {"shots": 10000}),
}
CHEAP = (*(name for name, kind in MAPS.items() if kind[3] is GRID), "passages")
AGAIN = ("unknown errors", "few counts")  # likelihoods of the others, tried where fits are cheap
GHZ, MK = 2 * np.pi, 1e-3 * boltzmann / hbar * 1e-9  # of rad/ns
WRITTEN = {
    "gap": (GHZ, "GHz"),
    "t1": (1.0, "ns"),
    "t2": (1.0, "ns"),
    "amplitude_scale": (GHZ * 1e-3, "MHz/mV"),
    "offset_shift": (GHZ * 1e-3, "MHz"),
    "temperature": (MK, "mK"),
}


@dataclass(frozen=True)
class Case:
    """What fits the data set of a seed, from a poor guess or a fair one, and the truth.

    `true` has the order of the fitted parameters; `about` returns the derivatives of the model at
    the truth and the noise of a seed, both over the errors: (N, K) and (N,).
    """

    fit: Callable[[int, bool], Any]
    true: Mapping[str, float]
    about: Callable[[int, Any], tuple[np.ndarray, np.ndarray]]

    def linear(self, seed: int, result: Any) -> np.ndarray:
        """Return the pulls of a model that is linear about the truth.

        z = C ∂qᵀ (p − q)/σ² over its deviations, C = (∂qᵀ ∂q/σ²)⁻¹: its mean is exactly 0, its
        deviation exactly 1, for any noise with the variances σ².
        """
        slopes, noise = self.about(seed, result)
        covariance = np.linalg.inv(slopes.T @ slopes)
        return np.asarray(covariance @ slopes.T @ noise / np.sqrt(np.diag(covariance)))


def about_populations(
    true: Mapping[str, float], error: float = 1.0
) -> Callable[[int, Any], tuple[np.ndarray, np.ndarray]]:
    """Return what a case needs, for populations; an error counts where there are no shots."""

    def about(_: int, result: Any) -> tuple[np.ndarray, np.ndarray]:
        problem = result.problem
        values = {n: one.value for n, one in result.parameters.items()} | true
        q, found = problem.model(values, problem.data.coordinates, problem.coordinates.varied)
        shots = problem.data.shots
        size = error if shots is None else np.sqrt(q * (1 - q) / shots)
        slopes = np.stack([found[name] for name in true], axis=-1)
        return slopes / np.reshape(size, (-1, 1)), (problem.data.population - q) / size

    return about


def differences(model: Callable[..., np.ndarray], true: Mapping[str, float]) -> np.ndarray:
    """Return derivatives (N, K) at the truth by central differences."""
    columns = []
    for name, value in true.items():
        step = 1e-4 * abs(value) or 1e-4
        ends = [model(**{**true, name: value + side * step}) for side in (-1, 1)]
        columns.append((ends[1] - ends[0]) / (2 * step))
    return np.stack(columns, axis=-1)


def guess(true: Mapping[str, float], seed: int, width: float, cycle: float) -> dict[str, float]:
    """Return a guess that is off by that width, of a shift by as much of a cycle."""
    random = np.random.default_rng([seed, 1])
    off = {name: width * float(random.standard_normal()) for name in true}
    if width < POOR:
        off |= {n: FRINGE * off[n] for n in ("amplitude_scale", "offset_shift") if n in off}
    found = {name: float(value * np.exp(off[name])) for name, value in true.items()}
    if "offset_shift" in true:
        found["offset_shift"] = true["offset_shift"] + cycle * off["offset_shift"]
    if "t2" in true:
        found["t2"] = min(found["t2"], 1.9 * found["t1"])
    return found


def map_case(kind: str, likelihood: str) -> Case:
    """Return the fit of a map."""
    qubit, varied, options, grid = MAPS[kind]
    readout, noise = LIKELIHOODS[likelihood]
    true: dict[str, Any] = {**qubit, **readout}
    names = (*varied, *readout)
    written = WRITTEN if kind == "as written" else {}
    cycle = OMEGA / written.get("offset_shift", (1.0, ""))[0]
    shown = {name: value / written.get(name, (1.0, ""))[0] for name, value in true.items()}
    frequency: Any = f"{OMEGA / GHZ!r} GHz" if written else OMEGA
    exact: list[Measurement] = []

    def fit(seed: int, poor: bool) -> Any:
        if not exact:  # the populations once, and the noise of every seed
            exact.append(
                synthetic_interferogram(
                    seed=0, error=1e-12, frequency=OMEGA, **true, **options, **grid
                )
            )
        data = noisy(exact[0], seed, **noise)
        if written:
            columns = {**data.coordinates, "offset": data.coordinates["offset"] / GHZ}
            units = {"offset": "GHz", "amplitude": "mV"}
            data = Measurement(columns, data.population, data.error, "", data.shots, units)
        search = poor and "durations" not in grid  # which has no search
        first: dict[str, Any] = guess(shown, seed, POOR if search else FAIR, cycle)
        first = {name: first[name] if name in names else shown[name] for name in shown}
        for name, (_, unit) in written.items():
            first[name] = f"{first[name]!r} {unit}"
        return fit_interferogram(
            data, frequency=frequency, **first, vary=names, **options, search=search
        )

    told = {name: shown[name] for name in names}
    return Case(fit, told, about_populations(told, noise.get("error", 1.0)))


def noisy(
    data: Measurement,
    seed: int,
    error: float | None = None,
    shots: int | None = None,
    told: bool = True,
) -> Measurement:
    """Return populations with the noise of a seed."""
    random, p = np.random.default_rng(seed), data.population
    if shots is not None:
        counts = random.binomial(shots, np.clip(p, 0, 1))
        return Measurement.from_counts(data.coordinates, counts, shots)
    assert error is not None
    noise = error * random.standard_normal(p.size)
    return Measurement(data.coordinates, p + noise, np.full(p.size, error) if told else None)


def swept(true: Mapping[str, float], rates: np.ndarray, basis: str = "adiabatic") -> Measurement:
    """Return what is read after exact passages, to the other level."""
    run = propagate(LandauZener(gap=true["gap"]), Linear(*WINDOW, rate=rates), basis=basis)
    jump = run.transition_matrix[:, 1 if basis == "adiabatic" else 0, 0]
    read = {**dict.fromkeys((*CONTRAST, *SPAM), 0.0), "visibility": 1.0, **true}
    seen = read["false_positive"] + (1 - read["false_positive"] - read["false_negative"]) * jump
    seen = read["background"] + read["visibility"] * seen
    return Measurement({"sweep_rate": rates}, seen)


def passage_case(likelihood: str, basis: str = "") -> Case:
    """Return the fit of single passages by the formula, or exactly where a basis is given."""
    readout, noise = LIKELIHOODS[likelihood]
    true = {"gap": 0.8, **readout}
    rates = 0.5 * np.pi * 0.8**2 * np.geomspace(0.1, 10.0, 10 if basis else 40)
    options: dict[str, Any] = {}
    if basis:
        exact = swept(true, rates, basis)
        options = {"model": "exact", "window": WINDOW, "basis": basis}
    else:
        exact = synthetic_passages(gap=0.8, seed=0, error=1e-12, sweep_rates=rates, **readout)

    def fit(seed: int, poor: bool) -> Any:
        first = guess(true, seed, POOR if poor else FAIR, 1.0)
        return fit_passages(noisy(exact, seed, **noise), **options, vary=tuple(true), **first)

    return Case(fit, true, about_populations(true, noise.get("error", 1.0)))


def level_case(told: bool, outliers: float) -> Case:
    """Return the fit of the lines of three levels, one spectrum with the noise of every seed."""
    exact = random_case(3, 5, error=1e-9, outliers=0.0)
    H, true = exact.guess.replace(**exact.true), exact.true
    control, error, count = exact.lines.control, 0.004, len(exact.lines)

    def model(**values: float) -> np.ndarray:
        levels = np.linalg.eigvalsh(H.replace(**values)(control))
        return np.asarray(levels[np.arange(count), exact.labels + 1] - levels[:, 0])

    at_truth, slopes = model(**true), differences(model, true) / error

    def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        frequency = at_truth + error * random.standard_normal(count)
        lost = random.permutation(count)[: round(outliers * count)]
        frequency[lost] = random.uniform(0.1, 1.02 * at_truth.max(), lost.size)
        return frequency, np.delete(np.arange(count), lost)

    def fit(seed: int, poor: bool) -> Any:
        first = guess(true, seed, POOR if poor else FAIR, 1.0)
        errors = np.full(count, error) if told else None
        return fit_levels(H.replace(**first), Lines(control, drawn(seed)[0], errors))

    def about(seed: int, _: Any) -> tuple[np.ndarray, np.ndarray]:
        frequency, real = drawn(seed)
        return slopes[real], (frequency - at_truth)[real] / error

    return Case(fit, true, about)


def together_case() -> Case:
    """Return the fit of lines and passages together, with the contrast of the passages."""
    true = {"gap": 0.8, "visibility": 0.75, "background": 0.08}
    control, rates = np.linspace(-2, 2, 21), np.geomspace(0.1, 10.0, 8)
    errors = np.repeat([0.01, 0.004], [control.size, rates.size])

    def model(**values: float) -> np.ndarray:
        lines = np.sqrt(control**2 + values["gap"] ** 2)
        return np.concatenate([lines, swept(values, rates).population])

    at_truth = model(**true)
    slopes = differences(model, true) / errors[:, None]

    def drawn(seed: int) -> np.ndarray:
        return at_truth + errors * np.random.default_rng(seed).standard_normal(errors.size)

    def fit(seed: int, poor: bool) -> Any:
        seen, count = drawn(seed), control.size
        lines = Lines(control, seen[:count], errors[:count])
        passages = Measurement({"sweep_rate": rates}, seen[count:], errors[count:])
        first = guess(true, seed, POOR if poor else FAIR, 1.0)
        H = LandauZener(gap=first.pop("gap"))
        options: dict[str, Any] = {"passages": passages, "passage_window": WINDOW, **first}
        return fit_levels(H, lines, vary=tuple(true), **options)

    return Case(fit, true, lambda seed, _: (slopes, (drawn(seed) - at_truth) / errors))


def cases() -> dict[str, Callable[[], Case]]:
    """Return every model with every likelihood, to be made when it is wanted."""
    found: dict[str, Callable[[], Case]] = {}
    for likelihood in LIKELIHOODS:
        own = {kind: partial(map_case, kind, likelihood) for kind in MAPS}
        own["passages"] = partial(passage_case, likelihood)
        own["exact passages"] = partial(passage_case, likelihood, "adiabatic")
        for kind, case in own.items():
            if kind in CHEAP or likelihood not in AGAIN:
                found[f"{kind}; {likelihood}"] = case
    found["diabatic passages; counts"] = partial(passage_case, "counts", "diabatic")
    found["levels; normal"] = partial(level_case, told=True, outliers=0.0)
    found["levels; unknown errors"] = partial(level_case, told=False, outliers=0.0)
    found["levels; outliers"] = partial(level_case, told=True, outliers=0.05)
    found["levels and passages; normal"] = together_case
    return found


@dataclass(frozen=True)
class Pulls:
    """(fitted − true)/error of one parameter, and the mean that the curvature announces.

    Beside each stands the pull that a linear model would have with the same noise: its mean is 0
    and its deviation 1, so what 200 of them have differently is chance.
    """

    values: np.ndarray
    linear: np.ndarray
    expected: float

    @property
    def mean(self) -> float:
        """Of the pulls, without the chance that a linear model shares."""
        return float(np.mean(self.values - self.linear))

    @property
    def deviation(self) -> float:
        """Of the pulls, likewise."""
        chance = self.linear.var(ddof=1) - 1
        return float(np.sqrt(max(self.values.var(ddof=1) - chance, 0.0)))

    @property
    def errors(self) -> tuple[float, float]:
        """Standard errors of mean and deviation."""
        count = self.values.size
        squares = (self.values - self.values.mean()) ** 2 - (self.linear - self.linear.mean()) ** 2
        own = np.std(self.values - self.linear), 0.5 * np.std(squares)
        return float(own[0] / np.sqrt(count)), float(own[1] / np.sqrt(count))

    @property
    def good(self) -> bool:
        """Whether mean and deviation are within the limits."""
        return abs(self.mean) < MEAN and abs(self.deviation - 1) < DEVIATION

    @property
    def foretold(self) -> bool:
        """Whether the mean is what second derivatives say, from as many fits."""
        return abs(self.mean - self.expected) < 5 * self.errors[0] + 0.02

    def __str__(self) -> str:
        raw, chance = (f"{x.mean():+.3f} {x.std(ddof=1):.3f}" for x in (self.values, self.linear))
        mean, deviation = self.errors
        found = "within" if self.good else "BEYOND"
        found += "" if self.foretold else ", mean NOT FORETOLD"
        return (
            f"{raw}   {chance}   {self.mean:+.3f} ± {mean:.3f}   "
            f"{self.deviation:.3f} ± {deviation:.3f}   {self.expected:+.3f}   {found}"
        )


def pulls(case: Case, sets: int = SETS) -> dict[str, Pulls]:
    """Return the pulls of every parameter."""
    rows = []
    for seed in range(1, sets + 1):
        result = case.fit(seed, seed % SEARCHED == 0)
        assert result.varied == tuple(case.true)
        own = [(result[n].value - true) / result[n].error for n, true in case.true.items()]
        rows.append((own, case.linear(seed, result), result.expected_pulls))
    columns = np.array(rows).transpose(2, 1, 0)
    return {
        name: Pulls(own[0], own[1], float(own[2].mean()))
        for name, own in zip(case.true, columns, strict=True)
    }


def table(wanted: str, sets: int) -> Iterator[str]:
    """Yield the lines of the table."""
    begun = time.process_time()
    every: list[dict[str, Pulls]] = []
    yield (
        "pulls               of the fit     of a linear model  difference of means, deviation "
        + ("without chance   mean from curvature")
    )
    for name, case in cases().items():
        if wanted not in name:
            continue
        started = time.process_time()
        found = pulls(case(), sets)
        yield f"{name}: {sets} sets, {time.process_time() - started:.0f} s"
        for key, one in found.items():
            yield f"  {key:<16} {one}"
        every.append(found)
    ones = [one for found in every for one in found.values()]
    cases_within = sum(all(one.good for one in found.values()) for found in every)
    mean = max(abs(one.mean) for one in ones)
    deviation = max(abs(one.deviation - 1) for one in ones)
    yield (
        f"{cases_within} of {len(every)} cases and {sum(one.good for one in ones)} of {len(ones)} "
        f"parameters within ±{MEAN} and 1 ± {DEVIATION}, the means of "
        f"{sum(one.foretold for one in ones)} as foretold; means within {mean:.3f}, deviations "
        f"within {deviation:.3f} of 1; {time.process_time() - begun:.0f} s"
    )


def main() -> None:
    """Print the table."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else SETS
    for line in table(sys.argv[2] if len(sys.argv) > 2 else "", sets):
        print(line, flush=True)


if __name__ == "__main__":
    main()
