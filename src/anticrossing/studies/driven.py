"""What files of driven levels share: reservoirs, and the work in every way it can be had."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from anticrossing._core.checks import FloatArray, InputError, fail, integer, positive_number
from anticrossing.studies.outcomes.work import Work, WorkTable, ratios_of
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.thermodynamics.work import WorkDistribution

LARGEST_RESERVOIR = 2000  # levels
METHODS = ("landau-zener", "exact")
LARGEST_EFFORT = 1e8  # of the exact evolution: about a minute
MOST_SAMPLES = 5000
_LARGEST_INVERSION = 5e8  # range over width times levels cubed: about a minute
_POINTS = 601
_DEVIATIONS = 5.0  # how far from their means the distributions are followed
_MOST_BINS = 60  # more, or many that stay empty, are no picture of the distribution


class LevelRange(TableOfFile, frozen=True, kw_only=True):
    """Levels at equal distances.

    Attributes
    ----------
    from : energy
        The lowest level.
    to : energy
        The highest level.
    count
        How many levels.
    """

    start: float = msgspec.field(name="from")
    stop: float = msgspec.field(name="to")
    count: int


class QuestionTable(TableOfFile, frozen=True, kw_only=True):
    """Points of the exact curves.

    Attributes
    ----------
    samples
        Points of the exact curves; 400 by default, fewer for many levels.
    """

    samples: int | None = None


def bath_temperature(temperature: float | None, beta: float | None) -> float:
    """Return the temperature, of which a file gives itself or the inverse."""
    if (beta is None) == (temperature is None):
        found = "neither is" if beta is None else "both are given"
        raise InputError(f"Exactly one of `beta` and `temperature` is needed, but {found}.")
    return 1 / positive_number("beta", beta) if temperature is None else temperature


def reservoir_levels(given: LevelRange | list[float]) -> Any:
    """Return the levels of a list or of a range."""
    if isinstance(given, list):
        return given
    integer("count", given.count, minimum=2, maximum=LARGEST_RESERVOIR)
    if given.start >= given.stop:
        raise fail("to", "be above `from`", f"they are {given.stop:g} and {given.start:g}")
    return np.linspace(given.start, given.stop, given.count)


def samples_of(given: int | None, levels: int) -> int:
    """Return the number of points of the exact curve."""
    default = min(400, max(20, int(3e7 / (levels + 50) ** 2)))
    return integer("samples", default if given is None else given, minimum=10, maximum=MOST_SAMPLES)


def check_effort(effort: float) -> None:
    """Refuse what would take far longer than a minute."""
    if not effort <= LARGEST_EFFORT:
        raise InputError(
            f"The exact evolution would take about {effort / LARGEST_EFFORT:.2g} minutes, and one "
            "is the limit: drive faster, or ask for fewer levels, samples or points of the scan."
        )


def asked_work(given: WorkTable | bool, finest: float, coarse: float, levels: int) -> WorkTable:
    """Return what is asked of the work, with a width: `coarse` unless that is costly."""
    asked = WorkTable() if given is True or given is False else given
    listed = asked.directions
    if not listed or len(set(listed)) < len(listed):
        raise fail("directions", "name one or both directions once", f"it is {list(listed)}")
    if asked.width is None:
        width = max(coarse, finest)
    elif positive_number("width", asked.width) < finest:
        must = f"be at least {finest:.3g} for {levels} levels"
        raise fail("width", must, f"it is {asked.width:g}")
    else:
        width = asked.width
    return msgspec.structs.replace(asked, width=width)


def finest_width(reach: float, levels: int) -> float:
    """Return the finest resolution that does not take longer than a minute."""
    return reach * (levels + 1) ** 3 / _LARGEST_INVERSION


# ---- computing --------------------------------------------------------------------------------


def work_of(system: Any, question: WorkTable, lifts: FloatArray) -> Work:
    """Return the work of levels in every way asked for; the chain moves them by `lifts`."""
    distributions: dict[tuple[str, str], WorkDistribution] = {
        (method, direction): system.work_distribution(
            method=method,
            scheme=question.scheme if method == "exact" else None,
            direction=direction,
        )
        for direction in question.directions
        for method in METHODS
    }
    assert question.width is not None
    ends = []
    for (_, direction), found in distributions.items():
        reach = _DEVIATIONS * float(np.sqrt(max(found.variance, 0.0))) + 3 * question.width
        mean = _sign(direction) * found.mean
        ends += [mean - reach, mean + reach]
    values = np.linspace(min(ends), max(ends), _POINTS)
    densities = {
        key: found.density(_sign(key[1]) * values, width=question.width)
        for key, found in distributions.items()
    }
    edges, probabilities = _bins(lifts, distributions, min(ends), max(ends))
    ratios = ratios_of(distributions, question.width)
    return Work(question, distributions, values, densities, edges, probabilities, ratios)


def _bins(
    lifts: FloatArray,
    distributions: dict[tuple[str, str], WorkDistribution],
    low: float,
    high: float,
) -> tuple[FloatArray | None, dict[tuple[str, str], FloatArray]]:
    """Return bins centred on the lattice of the chain's work, and their probabilities."""
    steps = lifts[lifts != 0]
    if steps.size == 0:
        return None, {}
    step = float(np.abs(steps).min())
    ratios = steps / step
    on_lattice = bool(np.all(np.abs(ratios - np.round(ratios)) < 1e-9 * np.abs(ratios)))
    on_lattice = on_lattice and float(np.median(np.abs(ratios))) < 2
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))
    if not on_lattice or last - first > _MOST_BINS:
        return None, {}
    edges: FloatArray = (np.arange(first, last + 2, dtype=np.float64) - 0.5) * step
    try:
        # The edges of −w, mirrored: the bins come in reverse order.
        probabilities = {
            key: found.probabilities(edges)
            if key[1] == "forward"
            else found.probabilities(-edges[::-1])[::-1]
            for key, found in distributions.items()
        }
    except InputError:  # the only thing refused here is a work with too many values
        return None, {}
    return edges, probabilities


def _sign(direction: str) -> float:
    return 1.0 if direction == "forward" else -1.0


def counted(count: int) -> str:
    return "one level" if count == 1 else f"{count} levels"


def span(values: FloatArray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:g} … {high:g}"
