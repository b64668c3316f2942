"""A study at many points: what a sweep computes, and the scan beside a study."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.studies.outcome import Outcome, Progress, Scanned
from anticrossing.studies.study import Study, target
from anticrossing.sweeps.layout import Layout
from anticrossing.sweeps.progress import Progress as SweepProgress
from anticrossing.sweeps.run import collect, compute

if TYPE_CHECKING:
    import xarray


def run(study: Study, progress: Progress | None = None) -> Outcome:
    """Compute everything a file asks for.

    Parameters
    ----------
    study : Study
    progress : callable, optional
        ``progress(done, total)`` after each point of the scan.

    Raises
    ------
    InputError
        If several parameters vary: then only `sweep` computes the points.
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
    if study.plan is not None and study.plan.table == "sweep":
        raise InputError("A file with the table [sweep] is run by  anticrossing sweep FILE.toml.")
    return study.run(progress)


def sweep(
    study: Study,
    *,
    store: str | os.PathLike[str] | None = None,
    executor: Any = None,
    resume: bool = True,
    retry_failures: bool = False,
    progress: bool | SweepProgress = True,
) -> xarray.Dataset:
    """Compute all points of the table [sweep] or [scan] of a file.

    The arguments are those of `anticrossing.sweep`.

    Examples
    --------
    >>> from anticrossing.studies import parse
    >>> swept = parse('''
    ... hamiltonian = { model = "LandauZener", gap = 1.0 }
    ... drive = { kind = "linear", start = -100, stop = 100, rate = 1.0 }
    ... [sweep]
    ... parameters = [{ parameter = "drive.rate", from = 1, to = 4, points = 4 }]
    ... ''')
    >>> sweep(swept).probability.sel(final=1).round(3).values
    array([0.208, 0.456, 0.592, 0.675])
    """
    if study.plan is None:
        raise InputError("The table [sweep] is missing, or [scan].")
    return compute(
        Layout(study.plan.grid, target(study, study.plan.grid), seed=None),
        store=store,
        executor=executor,
        chunk_size=study.plan.chunk_size,
        resume=resume,
        retry_failures=retry_failures,
        progress=progress,
    )


def scan(study: Study, outputs: Sequence[str], progress: Progress | None = None) -> Scanned | None:
    """Return outputs of a study along its one parameter that varies, if there is one.

    Raises
    ------
    ConvergenceError
        If no point can be computed.
    """
    if study.plan is None:
        return None
    (axis,) = study.plan.axes
    found = collect(
        Layout(study.plan.grid, target(study, study.plan.grid, outputs), seed=None),
        progress=progress,
    )
    failures = tuple(
        f"{axis.name} = {axis.values[k]:.6g}: {text.partition(': ')[2] or text}"
        for k, text in enumerate(found.messages)
        if text
    )
    if len(failures) == axis.values.size:
        raise ConvergenceError(failures[0])
    known = {**study.outputs, **study.extras(outputs)}
    return Scanned(axis, known, found.values, study.labels, failures)
