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

from anticrossing.cli.layout import Column, tables

if TYPE_CHECKING:
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
    **{"ħ": "hbar", "µ": "u", "μ": "u", "√": "sqrt", "∛": "cbrt", "∞": "inf", "°": "deg"},
    **{"⟨": "<", "⟩": ">", "‖": "||", "†": "^+", "∂": "d", "∇": "grad ", "⊗": "(x)", "⊕": "(+)"},
    **{
        "∫": "integral ",
        "∮": "loop integral ",
        "∈": "in",
        "∋": "has",
        "∉": "not in",
        "∝": "~",
        "≲": "<~",
    },
    **{"←": "<-", "↔": "<->", "≫": ">>", "≪": "<<", "∓": "-+", "⊥": "_|_", "∘": "o", "⁄": "/"},
    **{"⌊": "floor(", "⌋": ")", "∋": "has"},
    **{"ø": "o", "Ł": "L", "ł": "l", "ß": "ss", "÷": "/", "─": "-"},
    **{"\u0303": "~", "\u0304": "_", "\u0307": "'", "\u0308": "''", "\u0302": "^"},
}


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
    return "".join(map(_plainer, _PLAINER.get(character) or _decomposed(character))) or "?", (
        error.start + 1
    )


def _decomposed(character: str) -> str:
    """Return a character without accents and small positions: "e" of "é", "2" of "₂"."""
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _plainer(character: str) -> str:
    """Return a character in ASCII, of a Greek letter its name, "?" of what has none."""
    if character.isascii():
        return character
    alphabet, _, name = unicodedata.name(character, "").partition(" LETTER ")
    greek = name.capitalize() if alphabet.endswith("CAPITAL") else name.lower()
    known = greek if alphabet.startswith("GREEK") and name.isalpha() else "?"
    return _PLAINER.get(character, known)


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
    rows = [[_mark(c) if isinstance(c, bool) else _cell(c) for c in row] for row in content.rows]
    more = len(rows) - _MOST_ROWS
    columns = [
        Column(heading, [row[index] for row in rows[:_MOST_ROWS]], content.holds_words(index))
        for index, heading in enumerate(content.columns)
    ]
    _show(content.title, columns, f"and {more} more (--json prints all)" if more > 0 else None)


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
    print_line(f"store: {store}  (xarray.open_zarr reads it)")
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
    rows = [[_cell(value) for value in row] for row in reproduction.rows]
    headings = enumerate(reproduction.columns)
    _show("", [Column(heading, [row[k] for row in rows], False) for k, heading in headings])
    out.print(reproduction.conclusion)
    if directory is not None:
        print_line(f"figure: {directory / 'figure.png'}")


def print_line(line: str) -> None:
    """Print one line, which is never cut in two: it holds the name of a file."""
    _console().print(line, soft_wrap=True)


def print_names(title: str, lines: dict[str, str]) -> None:
    """Print names, each with a line that says what it is."""
    columns = [Column("name", [*lines], True), Column("what it is", [*lines.values()], True)]
    _show(title, columns)


def _show(title: str, columns: list[Column], caption: str | None = None) -> None:
    """Print columns as tables that fit, without what only fills the line where it is a file."""
    out = _console()
    for number, table in enumerate(tables(columns, out.width)):
        table.caption, table.caption_justify = caption, "left"
        head = [f"{title}, more columns" if number else title] if title else []
        if out.is_terminal:
            out.print(*head, table, sep="\n")
            continue
        with out.capture() as held:
            out.print(*head, table, sep="\n", soft_wrap=False)
        print("\n".join(line.rstrip() for line in held.get().splitlines()))


def _console() -> Any:
    from rich.console import Console

    class Heard(Console):
        def on_broken_pipe(self) -> None:
            raise  # as with any other file; Rich would end with status 1

    # Redirected output has no width of its own; 80 columns would fold every table.
    # There sentences are lines, as other programs search them; on a terminal they are wrapped.
    shown = Console().is_terminal
    # Text from files is shown as it is: no markup, no emoji, no colouring of numbers.
    return Heard(
        width=None if shown else 140,
        soft_wrap=not shown,
        markup=False,
        emoji=False,
        highlight=False,
    )


def _mark(good: bool) -> Text:
    from rich.text import Text

    return Text("within", style="green") if good else Text("OUTSIDE", style="red")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
