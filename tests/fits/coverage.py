"""How often fits cover the truth: pulls of every parameter, map kind and likelihood.

``python -m tests.fits.coverage [SETS] [PART OF A NAME]`` prints the table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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

    `true` has the order of the fitted parameters; `error` is the one of populations that do not
    tell it, and None for fits of other things.
    """

    fit: Callable[[int, bool], Any]
    true: Mapping[str, float]
    error: float | None = None

    def linear(self, result: Any) -> np.ndarray:
        """Return the pulls of a model that is linear about the truth, zeros where it is not known.

        z = C ∂qᵀ (p − q)/σ² over its deviations, C = (∂qᵀ ∂q/σ²)⁻¹: its mean is exactly 0, its
        deviation exactly 1, for any noise with the variances σ².
        """
        if self.error is None:
            return np.zeros(len(self.true))
        problem = result.problem
        assert tuple(self.true) == problem.coordinates.varied
        values = {n: one.value for n, one in result.parameters.items()} | self.true
        q, found = problem.model(values, problem.data.coordinates, problem.coordinates.varied)
        shots = problem.data.shots
        error = self.error if shots is None else np.sqrt(q * (1 - q) / shots)
        slopes = np.stack([found[name] for name in self.true], axis=-1) / np.reshape(error, (-1, 1))
        covariance = np.linalg.inv(slopes.T @ slopes)
        moved = covariance @ slopes.T @ ((problem.data.population - q) / error)
        return np.asarray(moved / np.sqrt(np.diag(covariance)))


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

    return Case(fit, {name: shown[name] for name in names}, noise.get("error", 1.0))


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

    return Case(fit, true, noise.get("error", 1.0))


def level_case(told: bool, outliers: float) -> Case:
    """Return the fit of the lines of three levels, one spectrum with the noise of every seed."""
    exact = random_case(3, 5, error=1e-9, outliers=0.0)
    H, true = exact.guess.replace(**exact.true), exact.true
    error = 0.004

    def fit(seed: int, poor: bool) -> Any:
        random = np.random.default_rng(seed)
        frequency = exact.lines.frequency + error * random.standard_normal(len(exact.lines))
        for number in random.permutation(len(exact.lines))[: round(outliers * len(exact.lines))]:
            frequency[number] = random.uniform(0.1, 1.02 * exact.lines.frequency.max())
        first = guess(true, seed, POOR if poor else FAIR, 1.0)
        errors = np.full(frequency.size, error) if told else None
        return fit_levels(H.replace(**first), Lines(exact.lines.control, frequency, errors))

    return Case(fit, true)


def together_case() -> Case:
    """Return the fit of lines and passages together, with the contrast of the passages."""
    true = {"gap": 0.8, "visibility": 0.75, "background": 0.08}
    control = np.linspace(-2, 2, 21)
    exact = swept(true, np.geomspace(0.1, 10.0, 8))

    def fit(seed: int, poor: bool) -> Any:
        random = np.random.default_rng(seed)
        frequency = np.sqrt(control**2 + 0.8**2) + 0.01 * random.standard_normal(control.size)
        lines = Lines(control, frequency, np.full(control.size, 0.01))
        passages = noisy(exact, 10**6 + seed, error=0.004)
        first = guess(true, seed, POOR if poor else FAIR, 1.0)
        H = LandauZener(gap=first.pop("gap"))
        options: dict[str, Any] = {"passages": passages, "passage_window": WINDOW, **first}
        return fit_levels(H, lines, vary=tuple(true), **options)

    return Case(fit, true)


def cases() -> dict[str, Case]:
    """Return every model with every likelihood."""
    found = {}
    for likelihood in LIKELIHOODS:
        own = {kind: map_case(kind, likelihood) for kind in MAPS}
        own["passages"] = passage_case(likelihood)
        own["exact passages"] = passage_case(likelihood, "adiabatic")
        for kind, case in own.items():
            if kind in CHEAP or likelihood not in AGAIN:
                found[f"{kind}; {likelihood}"] = case
    found["diabatic passages; counts"] = passage_case("counts", "diabatic")
    found["levels; normal"] = level_case(told=True, outliers=0.0)
    found["levels; unknown errors"] = level_case(told=False, outliers=0.0)
    found["levels; outliers"] = level_case(told=True, outliers=0.05)
    found["levels and passages; normal"] = together_case()
    return found


@dataclass(frozen=True)
class Pulls:
    """(fitted − true)/error of one parameter, and the mean that the curvature announces.

    Beside each stands the pull that a linear model would have with the same noise, where it is
    known: its mean is 0 and its deviation 1, so what 200 of them have differently is chance.
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
        chance = self.linear.var(ddof=1) - 1 if np.any(self.linear) else 0.0
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

    def __str__(self) -> str:
        raw = f"{self.values.mean():+.3f} {self.values.std(ddof=1):.3f}"
        mean, deviation = self.errors
        return (
            f"{raw}   {self.mean:+.3f} ± {mean:.3f}   {self.deviation:.3f} ± {deviation:.3f}   "
            f"{self.expected:+.3f}"
        )


def pulls(case: Case, sets: int = SETS) -> dict[str, Pulls]:
    """Return the pulls of every parameter.

    Without their linear part the mean of 200 pulls has a standard error of 0.07, the deviation one
    of 0.05, and of a hundred parameters a few lie beyond the limits by chance: then four times as
    many tell chance from a fault.
    """
    rows: list[list[tuple[float, float, float]]] = []
    found: dict[str, Pulls] = {}
    for most in (sets, 4 * sets):
        for seed in range(len(rows) + 1, most + 1):
            result = case.fit(seed, seed % SEARCHED == 0)
            linear = case.linear(result)
            told = getattr(result, "expected_pulls", np.full(len(linear), np.nan))
            own = zip(case.true.items(), linear, told, strict=True)
            rows.append(
                [((result[n].value - true) / result[n].error, z, e) for (n, true), z, e in own]
            )
        columns = np.array(rows).transpose(1, 2, 0)
        found = {
            name: Pulls(own[0], own[1], float(own[2].mean()))
            for name, own in zip(case.true, columns, strict=True)
        }
        if np.any(columns[:, 1]) or all(one.good for one in found.values()):
            break
    return found


def table(wanted: str, sets: int) -> Iterator[str]:
    """Yield the lines of the table."""
    begun, every = time.process_time(), []
    yield "pulls of              mean  deviation; the same without chance     mean from curvature"
    for name, case in cases().items():
        if wanted not in name:
            continue
        started = time.process_time()
        found = pulls(case, sets)
        count = next(iter(found.values())).values.size
        yield f"{name}: {count} sets, {time.process_time() - started:.0f} s"
        for key, one in found.items():
            yield f"  {key:<16} {one}{'' if one.good else '  <--'}"
        every += found.values()
    beyond = sum(not one.good for one in every)
    mean = max(abs(one.mean) for one in every)
    deviation = max(abs(one.deviation - 1) for one in every)
    yield (
        f"{len(every)} parameters, {beyond} beyond ±{MEAN} or 1 ± {DEVIATION}; means within "
        f"{mean:.3f}, deviations within {deviation:.3f} of 1; {time.process_time() - begun:.0f} s"
    )


def main() -> None:
    """Print the table."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else SETS
    for line in table(sys.argv[2] if len(sys.argv) > 2 else "", sets):
        print(line, flush=True)


if __name__ == "__main__":
    main()
