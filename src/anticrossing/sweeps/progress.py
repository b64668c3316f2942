"""How far a sweep or an evolution is, and how long it will still take."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from anticrossing._core.checks import describe, fail

Progress = Callable[[int, int], None]
"""Called with (done, total), counted in points of a sweep or thousandths of an evolution."""


SHARES = 1000
"""The total where nothing is counted."""

_BETWEEN = 0.1  # seconds, of two pictures in a notebook


def check_progress(progress: object) -> None:
    """Raise unless `progress` is true, false or a function."""
    if not isinstance(progress, bool) and not callable(progress):
        raise fail("progress", "be true, false or a function", f"it is {describe(progress)}")


@contextlib.contextmanager
def reporting(
    progress: bool | Progress, done: int, total: int, name: str = "sweep"
) -> Iterator[Progress]:
    """Yield the function to call as points finish: a bar on a terminal or in a notebook, or none.

    A bar disappears when everything is done; nothing is written where there is neither.
    """
    if callable(progress):
        yield progress
        return
    if progress and _in_notebook():
        with _notebook_bar(done, total, name) as tell:
            yield tell
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


def shares(
    progress: bool | Progress, name: str
) -> contextlib.AbstractContextManager[Callable[[float], None]]:
    """Yield the function to call with the share that is done, 0 … 1, of what is not counted."""
    if progress is False:
        return contextlib.nullcontext(lambda share: None)
    return _shares(progress, name)


@contextlib.contextmanager
def _shares(progress: bool | Progress, name: str) -> Iterator[Callable[[float], None]]:
    latest = 0
    with reporting(progress, 0, SHARES, name) as report:

        def tell(share: float) -> None:
            nonlocal latest
            done = min(int(share * SHARES), SHARES)
            if done > latest:
                latest = done
                report(done, SHARES)

        yield tell


def _in_notebook() -> bool:
    """Return whether a notebook shows what is displayed; IPython on a terminal does not."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return hasattr(shell, "kernel")


@contextlib.contextmanager
def _notebook_bar(first: int, total: int, name: str) -> Iterator[Progress]:
    """Yield the function that moves a bar of plain HTML, which needs no widgets."""
    page: Any = importlib.import_module("IPython.display")
    began = drawn = time.monotonic()

    def bar(done: int, total: int) -> Any:
        took = time.monotonic() - began
        left = took * (total - done) / (done - first) if done > first else None
        remaining = "" if left is None else f", remaining {_clock(left)}"
        return page.HTML(
            f'<progress value="{done}" max="{total}" style="width:20em"></progress> '
            f"{escape(name)} {done}/{total}, {_clock(took)}{remaining}"
        )

    def tell(done: int, total: int) -> None:
        nonlocal drawn
        if time.monotonic() - drawn >= _BETWEEN:
            drawn = time.monotonic()
            handle.update(bar(done, total))

    handle = page.display(bar(first, total), display_id=True)
    try:
        yield tell
    finally:
        handle.update({"text/plain": ""}, raw=True)


def _clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _terminal() -> Any:
    """Return a terminal to draw a bar on, or None where there is none or Rich is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(stderr=True)
    return console if console.is_terminal else None
