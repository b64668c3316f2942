"""What the command line shows on a terminal: tables, sentences, and a bar while it computes."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from anticrossing.reproduce import Reproduction
    from anticrossing.studies import Outcome, Study, Table as ResultTable

_MOST_ROWS = 40
_PLAIN = "anticrossing.plain"
_PLAINER = {
    **dict.fromkeys("–—−‐‑‒", "-"),
    **dict.fromkeys("’‘′", "'"),
    **dict.fromkeys("“”″", '"'),
    **{"≥": ">=", "≤": "<=", "≈": "~", "≠": "!=", "×": "x", "·": "*", "→": "->", "±": "+-"},
    **{"ħ": "hbar", "µ": "u", "μ": "u", "π": "pi", "√": "sqrt", "∞": "inf", "°": "deg", "ß": "ss"},
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "Delta", "ε": "eps"},
    **{"θ": "theta", "λ": "lambda", "σ": "sigma", "φ": "phi", "ω": "omega", "Ω": "Omega"},
}
_WORDS = frozenset(  # headings of columns that hold text
    ("", "formula", "condition", "meaning", "reason", "kind", "name", "what it is", "domain")
)


def accept_any_text() -> None:
    """Let standard output and error show what their encoding has not in characters it has."""
    codecs.register_error(_PLAIN, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAIN)


def finish() -> None:
    """Write what is left of standard output, or raise `OSError` and leave it."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):  # or Python would try again, and fail, at the very end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def complain(line: str) -> None:
    """Write a line to standard error, or nowhere if there is none."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def plain_line(text: str) -> str:
    """Return text as one line that cannot steer a terminal, whatever keys or paths it quotes."""
    line = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name
        return bytes([ord(character) - 0xDC00]), error.start + 1
    known = _PLAINER.get(character) or unicodedata.normalize("NFKD", character)
    return "".join(
        c if c.isascii() else "?" for c in known if not unicodedata.combining(c)
    ) or "?", (error.start + 1)


def compute(loaded: Study, *, show: bool) -> Outcome:
    """Run a study, with a bar on a terminal where `show` asks for one."""
    from anticrossing import studies

    if not show:
        return studies.run(loaded)
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    # Before anything can be counted there is a bar that moves, and the time.
    counted = loaded.steps > 0
    share = MofNCompleteColumn() if counted else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), share, TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(
            "scan" if counted else "computing", total=loaded.steps if counted else None
        )
        return studies.run(
            loaded, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


def print_result(result: Outcome) -> None:
    """Print what came out of a study of any kind."""
    out = _console()
    out.print(result.experiment.title, style="bold")
    setup = result.experiment.setup
    out.print("\n".join(f"{name}: {line}" for name, line in setup.items()), style="dim")
    for content in result.tables():
        if not content.detail:
            print_table(content)
    said = result.sentences()
    for note in said.notes:
        out.print(f"note: {note}")
    out.print(said.verdict)


def print_table(content: ResultTable) -> None:
    """Print one table of a result, or what there is to say where it has no rows."""
    out = _console()
    if not content.rows:
        out.print(content.empty or f"no {content.title}")
        return
    table = _table([], title=content.title)
    for index, column in enumerate(content.columns):
        words = content.holds_words(index)
        table.add_column(column, justify="left" if words else "right", overflow="fold")
    for row in content.rows[:_MOST_ROWS]:
        table.add_row(*(_mark(c) if isinstance(c, bool) else _cell(c) for c in row))
    if len(content.rows) > _MOST_ROWS:
        table.caption = f"and {len(content.rows) - _MOST_ROWS} more (--json prints all)"
        table.caption_justify = "left"
    out.print(table)


def print_sweep(loaded: Study, dataset: Any, store: Path, *, quiet: bool) -> int:
    """Say what a sweep computed; return how many of its points failed."""
    import numpy as np

    from anticrossing.sweeps.outputs import FAILED

    status = dataset["status"].values
    where = np.flatnonzero(status == FAILED)
    if quiet:
        print(store)
        return where.size
    out = _console()
    out.print(loaded.title, style="bold")
    axes = () if loaded.plan is None else loaded.plan.grid.axes
    sizes = ", ".join(f"{axis.name} ({axis.size})" for axis in axes)
    out.print(f"{status.size} points: {sizes}")
    if where.size:
        first = np.unravel_index(where[0], status.shape)
        reason = str(dataset["message"][first].values)
        out.print(f"{where.size} of them failed, the first: {reason}")
    found = (name for name in dataset.data_vars if name not in ("status", "message"))
    out.print(f"quantities: {', '.join(_with_axes(dataset[name], status.ndim) for name in found)}")
    out.print(f"store: {store}  (xarray.open_zarr reads it)")
    return where.size


def _with_axes(variable: Any, swept: int) -> str:
    """Return the name of a quantity, with what it runs over besides the swept parameters."""
    own = variable.dims[swept:]
    return f"{variable.name} ({', '.join(own)})" if own else str(variable.name)


def print_reproduction(reproduction: Reproduction, directory: Path | None) -> None:
    """Print a published result as recomputed, and where its figure is."""
    out = _console()
    out.print(reproduction.title, style="bold")
    out.print(reproduction.source, style="dim")
    table = _table(reproduction.columns, words=frozenset())
    for row in reproduction.rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)
    out.print(reproduction.conclusion)
    if directory is not None:
        out.print(f"figure: {directory / 'figure.png'}")


def print_line(line: str) -> None:
    """Print one line, folded where the terminal ends."""
    _console().print(line)


def print_names(title: str, lines: dict[str, str]) -> None:
    """Print names, each with a line that says what it is."""
    table = _table(["name", "what it is"], title=title)
    for name, line in lines.items():
        table.add_row(name, line)
    _console().print(table)


def _console() -> Any:
    from rich.console import Console

    class Heard(Console):
        def on_broken_pipe(self) -> None:
            raise  # as with any other file; Rich would end with status 1

    # Redirected output has no width of its own; 80 columns would fold every table.
    width = None if Console().is_terminal else 140
    # Text from files is shown as it is: no markup, no emoji, no colouring of numbers.
    return Heard(width=width, markup=False, emoji=False, highlight=False)


def _table(
    columns: list[str], *, title: str | None = None, words: frozenset[str] = _WORDS
) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in words else "right", overflow="fold")
    return table


def _mark(good: bool) -> Text:
    from rich.text import Text

    return Text("within", style="green") if good else Text("OUTSIDE", style="red")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
