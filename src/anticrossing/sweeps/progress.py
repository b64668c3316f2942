"""How far a sweep or an evolution is, and how long it will still take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from anticrossing._core.checks import describe, fail

Progress = Callable[[int, int], None]
"""Called with (done, total), counted in points of a sweep or thousandths of an evolution."""


SHARES = 1000
"""The total where nothing is counted."""


def check_progress(progress: object) -> None:
    """Raise unless `progress` is true, false or a function."""
    if not isinstance(progress, bool) and not callable(progress):
        raise fail("progress", "be true, false or a function", f"it is {describe(progress)}")


@contextlib.contextmanager
def reporting(
    progress: bool | Progress, done: int, total: int, name: str = "sweep"
) -> Iterator[Progress]:
    """Yield the function to call as points finish: a bar on a terminal, else nothing is shown."""
    if callable(progress):
        yield progress
        return
    console = _terminal() if progress else None
    if console is None:
        yield lambda done, total: None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("remaining"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as bar:
        # Points that are known from an earlier run say nothing about the speed of this one.
        task = bar.add_task(name, total=total, completed=done)
        yield lambda done, total: bar.update(task, completed=done)


@contextlib.contextmanager
def shares(progress: bool | Progress, name: str) -> Iterator[Callable[[float], None]]:
    """Yield the function to call with the share that is done, 0 … 1, of what is not counted."""
    latest = 0
    with reporting(progress, 0, SHARES, name) as report:

        def tell(share: float) -> None:
            nonlocal latest
            done = min(int(share * SHARES), SHARES)
            if done > latest:
                latest = done
                report(done, SHARES)

        yield tell


def _terminal() -> Any:
    """Return a terminal to draw a bar on, or None where there is none or Rich is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(stderr=True)
    return console if console.is_terminal else None
