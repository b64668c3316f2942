"""Running a driven level: chain against exact evolution, work, and a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import FloatArray, InputError
from anticrossing._core.unchanging import read_only
from anticrossing.studies.driven_level.file import DrivenLevelStudy, WorkQuestion
from anticrossing.studies.outcome import Outcome, Progress
from anticrossing.studies.scan import ScanValues
from anticrossing.thermodynamics.chain_ledger import ChainLedger
from anticrossing.thermodynamics.driven_level import DrivenLevel
from anticrossing.thermodynamics.exact import ExactLedger
from anticrossing.thermodynamics.work import WorkDistribution

METHODS = ("landau-zener", "exact")
FLOOR = 1e-7
"""Densities are computed to this absolute accuracy; what is smaller is not to be trusted."""
_POINTS = 601
_DEVIATIONS = 5.0  # how far from their means the distributions are followed
_MOST_BINS = 60  # more, or many that stay empty, are no picture of the distribution


@read_only
@dataclass(frozen=True, eq=False)
class Work:
    """The statistics of the work, by chain and exactly, in each direction that is asked for.

    All curves share one axis: w of the forward drive and −w of the backward one, so that the two
    densities cross where the fluctuation theorem says, at ΔΩ.

    Attributes
    ----------
    question : WorkQuestion
    distributions : dict of (method, direction) to WorkDistribution
    values : array, shape (K,)
        w, and −w of the backward drive.
    densities : dict of (method, direction) to array, shape (K,)
        Smoothed with the width of the question (1 / energy).
    edges : array, shape (B+1,), or None
        Bins around the values that the work of the chain can take, if these lie on a lattice, are
        few, and all work values can be listed.
    probabilities : dict of (method, direction) to array, shape (B,)
        Of the bins; empty without them.
    """

    question: WorkQuestion
    distributions: dict[tuple[str, str], WorkDistribution]
    values: FloatArray
    densities: dict[tuple[str, str], FloatArray]
    edges: FloatArray | None
    probabilities: dict[tuple[str, str], FloatArray]

    @property
    def free_energy_difference(self) -> float:
        """ΔΩ of the exact forward drive (energy)."""
        direction = self.question.directions[0]
        found = self.distributions["exact", direction].free_energy_difference
        return found if direction == "forward" else -found


@read_only
@dataclass(frozen=True, eq=False)
class DrivenLevelScan:
    """Final occupation and total entropy production along a scan, arrays of shape (P,).

    `trusted` says at which points every condition of the chain holds.
    """

    scan: ScanValues
    chain_occupation: FloatArray
    exact_occupation: FloatArray
    chain_entropy_production: FloatArray
    exact_entropy_production: FloatArray
    trusted: npt.NDArray[np.bool_]


@read_only
@dataclass(frozen=True, eq=False)
class DrivenLevelOutcome(Outcome):
    """What came out of a driven level.

    Attributes
    ----------
    experiment : DrivenLevelStudy
    chain : ChainLedger
        The Landau-Zener chain.
    exact : ExactLedger
        The exact evolution at `positions`.
    positions : array, shape (K,)
        Energies of the level at the sampled times.
    work : Work or None
    scan : DrivenLevelScan or None
    """

    experiment: DrivenLevelStudy
    chain: ChainLedger
    exact: ExactLedger
    positions: FloatArray
    work: Work | None
    scan: DrivenLevelScan | None

    @property
    def caption(self) -> str:
        """What the figure shows."""
        shown = ["the occupation of the level and the entropy production, chain and exact"]
        if self.work is not None:
            shown.append("the distribution of the work")
        if self.scan is not None:
            shown.append(f"occupation and entropy production against the {self.scan.scan.label}")
        return "; ".join(shown)


def run(study: DrivenLevelStudy, progress: Progress | None = None) -> DrivenLevelOutcome:
    """Compute everything a driven level is asked for."""
    system = study.system
    start, stop = float(system.drive.start_time), float(system.drive.stop_time)
    times = np.linspace(start, stop, study.samples)
    return DrivenLevelOutcome(
        experiment=study,
        chain=system.run(study.initial_occupation),
        exact=system.evolve(study.initial_occupation, times=times),
        positions=np.asarray(system.drive(times), dtype=np.float64),
        work=None if study.work is None else _work(system, study.work),
        scan=None if study.scan is None else _scan(study, study.scan, progress),
    )


def _work(system: DrivenLevel, question: WorkQuestion) -> Work:
    distributions = {
        (method, direction): system.work_distribution(
            method=method,
            scheme=question.scheme if method == "exact" else None,
            direction=direction,
        )
        for direction in question.directions
        for method in METHODS
    }
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
    edges, probabilities = _bins(system, distributions, min(ends), max(ends))
    return Work(question, distributions, values, densities, edges, probabilities)


def _bins(
    system: DrivenLevel,
    distributions: dict[tuple[str, str], WorkDistribution],
    low: float,
    high: float,
) -> tuple[FloatArray | None, dict[tuple[str, str], FloatArray]]:
    """Return bins centred on the lattice of the chain's work, and their probabilities."""
    steps = np.diff(system.chain.positions)
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


def _scan(study: DrivenLevelStudy, scan: ScanValues, progress: Progress | None) -> DrivenLevelScan:
    total = scan.values.size
    chain, exact = np.empty((2, total)), np.empty((2, total))
    trusted = np.zeros(total, dtype=np.bool_)
    for index, value in enumerate(scan.values):
        system, occupation = study.point(float(value))
        ledger, evolved = system.run(occupation), system.evolve(occupation)
        chain[:, index] = ledger.occupations[-1], ledger.totals.entropy_production
        exact[:, index] = evolved.occupations[-1], evolved.entropy_production[-1]
        trusted[index] = all(np.all(check.satisfied) for check in system.checks)
        if progress is not None:
            progress(index + 1, total)
    return DrivenLevelScan(scan, chain[0], exact[0], chain[1], exact[1], trusted)
