"""Running an experiment: the passage analysed, curves for figures, and the scan."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import AnticrossingError, ConvergenceError, FloatArray, InputError
from anticrossing.analysis import Passage, passage
from anticrossing.analysis.meetings import sample_path
from anticrossing.drive import Drive
from anticrossing.dynamics import Propagation, propagate
from anticrossing.spectrum import find_crossings, levels
from anticrossing.studies.outcome import Outcome, Progress, Study
from anticrossing.studies.passage_file import Experiment, Scan
from anticrossing.studies.predict import predict

if TYPE_CHECKING:
    import xarray

_WIDTHS = 6.0  # how far around a passage, in its durations, the curves are drawn finely
_FINE_SHARE = 0.6  # share of the samples that goes there


@dataclass(frozen=True, eq=False)
class ScanResult:
    """Exact and predicted final probabilities along a scan.

    Attributes
    ----------
    scan : Scan
    exact : array, shape (P, N)
        Final probabilities in the read-out basis.
    predictions : dict of str to array, shape (P, N)
        One entry a formula; NaN where it does not apply.
    valid : dict of str to bool array, shape (P,)
        Whether every check of the formula's domain holds.
    panels : int array, shape (P,)
    notes : tuple of str
        Points at which the closed forms could not be evaluated, with the reason.
    """

    scan: Scan
    exact: FloatArray
    predictions: dict[str, FloatArray]
    valid: dict[str, npt.NDArray[np.bool_]]
    panels: npt.NDArray[np.intp]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Result:
    """What came out of an experiment: numbers only, everything a figure or a file needs.

    Attributes
    ----------
    experiment : Experiment
    passage : Passage
        The analysis of the experiment's own point.
    times, positions : array, shape (K,)
        Where the populations were sampled, denser around the passages.
    populations : array, shape (K, N)
        In the adiabatic basis, or the diabatic one if that is the read-out.
    curve_positions : array, shape (M,)
        Coordinates of the level curves.
    curve_levels : array, shape (M, N)
        Adiabatic levels, sorted by energy.
    curve_diabats : array, shape (M, N)
        Diagonal elements of H.
    scan : ScanResult or None
    """

    experiment: Experiment
    passage: Passage
    times: FloatArray
    positions: FloatArray
    populations: FloatArray
    curve_positions: FloatArray
    curve_levels: FloatArray
    curve_diabats: FloatArray
    scan: ScanResult | None

    @property
    def exact(self) -> Propagation:
        """The exact evolution of the experiment's own point."""
        return self.passage.exact

    def to_dataset(self) -> xarray.Dataset:
        """Return everything as a labelled `xarray.Dataset` with units and provenance."""
        from anticrossing.studies.dataset import to_dataset

        return to_dataset(self)


@overload
def run(experiment: Experiment, progress: Progress | None = None) -> Result: ...
@overload
def run(experiment: Study, progress: Progress | None = None) -> Outcome: ...
def run(experiment: Experiment | Study, progress: Progress | None = None) -> Result | Outcome:
    """Compute everything an experiment asks for.

    Parameters
    ----------
    experiment : Experiment or Study
    progress : callable, optional
        ``progress(done, total)`` after each point of the scan.

    Raises
    ------
    ConvergenceError
        If the evolution cannot be resolved to the tolerance, or overflows.

    Examples
    --------
    >>> from anticrossing.studies import parse
    >>> result = run(parse('''
    ... hamiltonian = { model = "LandauZener", gap = 1.0 }
    ... drive = { kind = "linear", start = -100, stop = 100, rate = 1.0 }
    ... '''))
    >>> round(float(result.exact.probabilities[1]), 5)       # exp(−π/2) = 0.20788
    0.20788
    """
    if isinstance(experiment, Study):
        return experiment.run(progress)
    hamiltonian, drive, question = experiment.hamiltonian, experiment.drive, experiment.question
    settings: dict[str, Any] = {
        "environment": experiment.environment,
        "initial": question.initial,
        "basis": question.basis,
        "tolerance": question.tolerance,
    }
    analysed = passage(hamiltonian, drive, **settings)
    _check_accuracy(analysed.exact)
    times = _sample_times(analysed, drive, question.samples)
    evolution = propagate(hamiltonian, drive, times=times, **settings)
    positions = np.asarray(drive(times))
    curve = _curve_positions(analysed, positions, question.samples)
    scan = None
    if experiment.scan is not None:
        scan = _run_scan(experiment, experiment.scan, settings, progress)
    return Result(
        experiment=experiment,
        passage=analysed,
        times=times,
        positions=positions,
        populations=evolution.populations,
        curve_positions=curve,
        curve_levels=levels(hamiltonian, curve),
        curve_diabats=np.diagonal(hamiltonian(curve), axis1=-2, axis2=-1).real.copy(),
        scan=scan,
    )


def _run_scan(
    experiment: Experiment, scan: Scan, settings: dict[str, Any], progress: Progress | None
) -> ScanResult:
    settings = {**settings, "environment": scan.environment}
    points = [experiment.point(float(value)) for value in scan.values]
    for value, (_, drive, _) in zip(scan.values, points, strict=True):
        try:
            sample_path(drive)
        except InputError as error:
            raise InputError(f"At {scan.parameter} = {value:.6g}: {error}") from None
    exact = propagate(scan.hamiltonian, scan.drive, **settings)
    _check_accuracy(exact)
    total = scan.values.size
    shape = exact.probabilities.shape
    predictions: dict[str, FloatArray] = {}
    valid: dict[str, npt.NDArray[np.bool_]] = {}
    notes = []
    initial, basis = experiment.question.initial, experiment.question.basis
    search = functools.cache(find_crossings)  # often of one Hamiltonian on one stretch
    for index, (value, point) in enumerate(zip(scan.values, points, strict=True)):
        hamiltonian, drive, environment = point
        try:
            found = predict(
                hamiltonian,
                drive,
                environment,
                initial,
                basis,
                exact.probabilities[index],
                float(exact.error_estimate[index]),
                search,
            )
        except AnticrossingError as error:
            notes.append(f"{scan.name} = {value:.6g}: {error}")
        else:
            for prediction in found:
                name = prediction.name
                row = predictions.setdefault(name, np.full(shape, np.nan))
                row[index] = prediction.probabilities
                valid.setdefault(name, np.zeros(total, dtype=np.bool_))[index] = prediction.valid
        if progress is not None:
            progress(index + 1, total)
    return ScanResult(scan, exact.probabilities, predictions, valid, exact.panels, tuple(notes))


def _check_accuracy(evolution: Propagation) -> None:
    """Refuse an evolution whose numbers left the range of floating point."""
    total = evolution.probabilities.sum(axis=-1)
    if not np.all(np.abs(total - 1) < 1e-6):
        raise ConvergenceError(
            "The evolution overflowed: its probabilities do not add up to one. Energies and times "
            "in the file are too large or too small; choose other units."
        )


def _sample_times(analysed: Passage, drive: Drive, count: int) -> FloatArray:
    """Return times over the whole window, denser where something happens."""
    start, stop = float(drive.start_time), float(drive.stop_time)
    fine = []
    for event in analysed.events:
        rate = event.sweep_rate
        if rate <= 0 or not np.isfinite(rate):
            continue
        duration = max(rate**-0.5, event.gap / rate)
        fine.append((event.time - _WIDTHS * duration, event.time + _WIDTHS * duration))
    coarse = count if not fine else int(count * (1 - _FINE_SHARE))
    parts = [np.linspace(start, stop, max(coarse, 10))]
    each = max(int(count * _FINE_SHARE / max(len(fine), 1)), 8)
    parts += [np.linspace(max(low, start), min(high, stop), each) for low, high in fine]
    return _distinct(np.concatenate(parts), stop - start)


def _curve_positions(analysed: Passage, positions: FloatArray, count: int) -> FloatArray:
    low, high = float(positions.min()), float(positions.max())
    parts = [np.linspace(low, high, count)]
    for crossing in analysed.crossings:
        if crossing.slope_difference > 0:
            width = max(crossing.gap / crossing.slope_difference, 1e-6 * (high - low))
            near = crossing.position + width * np.linspace(-4, 4, 33)
            parts.append(near[(near > low) & (near < high)])
    return _distinct(np.concatenate(parts), high - low)


def _distinct(values: FloatArray, span: float) -> FloatArray:
    """Sort, and drop points closer than rounding can tell apart."""
    ordered = np.sort(values)
    keep = np.concatenate(([True], np.diff(ordered) > 1e-12 * span))
    return ordered[keep]
