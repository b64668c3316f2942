"""The command line: parse, call, print. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anticrossing._version import __version__
from anticrossing.checks import AnticrossingError, InputError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from anticrossing.experiment import Experiment, Outcome, Result, Study
    from anticrossing.experiment.sweep_file import SweepFile

# The base classes of usage errors, wherever this version of Typer keeps them.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_CommandError: type[Exception] = _UsageError.__bases__[0]

_INTERRUPTED = 130
_BAD_INPUT = 2
_MOST_ROWS = 40
_WORDS = frozenset(  # headings of columns that hold text
    ("", "formula", "condition", "meaning", "reason", "kind", "name", "what it is", "domain")
)

app = typer.Typer(
    name="anticrossing",
    help="Avoided level crossings: find them, predict the passage, compute it exactly.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_File = Annotated[Path, typer.Argument(metavar="FILE.toml", help="The experiment file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, nothing else.")]
_Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Where the results go."),
]


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit status 2."""
    # Overflow on the way is caught by the checks of what comes out; the user gets their one line.
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    try:
        status = app(standalone_mode=False)
    except _CommandError as error:
        hint = " Try  anticrossing --help." if isinstance(error, _UsageError) else ""
        _fail(error.format_message() + hint)  # type: ignore[attr-defined]
    except (AnticrossingError, OSError) as error:
        _fail(_describe(error))
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    if status == _INTERRUPTED:
        print("interrupted", file=sys.stderr)
    sys.exit(status if isinstance(status, int) else 0)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"anticrossing {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Avoided level crossings: find them, predict the passage, compute it exactly."""


@app.command("run")
def run_command(
    file: _File,
    output: _Output = None,
    as_json: _Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the path.")] = False,
) -> None:
    """Compute what an experiment file describes, and write data, figure and report.

    The results go to DIR, by default NAME-result in the current directory. With --json they are
    written only where -o says so.
    """
    from anticrossing import experiment

    loaded = experiment.load(file)
    target = output
    if target is None and not as_json:
        target = Path(f"{loaded.name}-result")
    if target is not None:
        experiment.check_target(target)
    try:
        if target is not None and isinstance(loaded, experiment.Study):
            loaded.check_target(target)
        result = _run(loaded, show=not quiet and not as_json)
    except AnticrossingError as error:
        raise type(error)(f"{file}: {error}") from None
    if target is not None:
        from anticrossing import plot

        experiment.save(result, target, also=(plot.write,))
    if as_json:
        print(json.dumps(experiment.summarize(result), indent=2, allow_nan=False))
    elif quiet:
        print(target)
    else:
        _print_result(result)
        _console().print(f"report: {target / 'report.html'}" if target else "")


@app.command("crossings")
def crossings_command(file: _File, as_json: _Json = False) -> None:
    """Find the crossings between the extreme positions of an experiment's drive."""
    from anticrossing import experiment
    from anticrossing.analysis.meetings import sample_path
    from anticrossing.experiment.summary import crossing_rows
    from anticrossing.spectrum import find_crossings

    loaded = experiment.load(file)
    if isinstance(loaded, experiment.Study):
        raise InputError(
            f"{file}: Only a file with [hamiltonian] and [drive] has levels that cross on a path."
        )
    hamiltonian = loaded.hamiltonian
    _, positions = sample_path(loaded.drive)
    low, high = float(positions.min()), float(positions.max())
    found = find_crossings(hamiltonian, low, high)
    if as_json:
        content = {"anticrossing": __version__, "start": low, "stop": high}
        rows = crossing_rows(found)
        print(json.dumps({**content, "crossings": rows}, indent=2, allow_nan=False))
        return
    console = _console()
    console.print(f"{hamiltonian!r}, x = {low:g} … {high:g}")
    console.print(_crossings_table(crossing_rows(found), hamiltonian.units))


@app.command("reproduce")
def reproduce_command(
    name: Annotated[
        str | None, typer.Argument(help="Which one; without it, all are listed.")
    ] = None,
    output: _Output = None,
    as_json: _Json = False,
) -> None:
    """Recompute a published result and compare; with -o also write its figure and numbers."""
    from anticrossing import reproduce

    if name is None:
        if as_json:
            print(json.dumps(reproduce.descriptions(), indent=2))
            return
        _print_names("published results", reproduce.descriptions())
        return
    reproduction = reproduce.compute(name, directory=output)
    if as_json:
        print(json.dumps(reproduction.summary(), indent=2, allow_nan=False))
        return
    console = _console()
    console.print(reproduction.title, style="bold")
    console.print(reproduction.source, style="dim")
    table = _table(reproduction.columns, words=frozenset())
    for row in reproduction.rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    console.print(reproduction.conclusion)
    if output is not None:
        console.print(f"figure: {output / 'figure.png'}")
    if not reproduction.agrees:
        raise typer.Exit(1)


@app.command("sweep")
def sweep_command(
    file: _File,
    store: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="STORE", help="The Zarr store to write."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted sweep stopped.")
    ] = False,
    retry_failures: Annotated[
        bool, typer.Option("--retry-failures", help="Compute again the points that failed.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Use N processes.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Use the Dask scheduler at this address."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the path.")] = False,
) -> None:
    """Compute every point of the table [sweep] of an experiment file, and lose none.

    The points go to STORE, by default NAME-sweep.zarr in the current directory, as they finish.
    """
    from anticrossing.experiment.sweep_file import load_sweep

    if workers is not None and dask is not None:
        raise InputError("Choose one of --workers and --dask.")
    if retry_failures and not resume:
        raise InputError("--retry-failures needs --resume.")
    loaded = load_sweep(file)
    target = store or Path(f"{loaded.experiment.name}-sweep.zarr")
    try:
        dataset = loaded.run(
            store=target,
            executor=workers if dask is None else dask,
            resume=resume,
            retry_failures=retry_failures,
            progress=not quiet,
        )
    except KeyboardInterrupt as error:
        print(str(error) or "interrupted", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    failed = _print_sweep(loaded, dataset, target, quiet=quiet)
    if failed:
        raise typer.Exit(1)


@app.command("models")
def models_command(as_json: _Json = False) -> None:
    """List the named models an experiment file may use."""
    from anticrossing.models import MODELS

    lines = {name: (make.__doc__ or "").strip().splitlines()[0] for name, make in MODELS.items()}
    if as_json:
        print(json.dumps(lines, indent=2))
        return
    _print_names("models", lines)


# ---- printing ---------------------------------------------------------------------------------


def _run(loaded: Experiment | Study, *, show: bool) -> Result | Outcome:
    from anticrossing import experiment

    if not show:
        return experiment.run(loaded)
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
        return experiment.run(
            loaded, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


def _print_result(result: Result | Outcome) -> None:
    from anticrossing.experiment import Outcome, summarize

    if isinstance(result, Outcome):
        _print_outcome(result)
        return

    summary = summarize(result)
    console = _console()
    console.print(summary["title"], style="bold")
    lines = [f"{summary['hamiltonian']}", f"under {summary['drive']}"]
    console.print("\n".join(lines), style="dim")
    console.print(_crossings_table(summary["crossings"], result.experiment.hamiltonian.units))
    console.print(_predictions_table(summary, result))
    checks = _checks_table(summary)
    if checks is not None:
        console.print(checks)
    if summary["log_jump"] is not None:
        console.print(f"ln P of the jump, on a complex contour: {summary['log_jump']:.10g}")
    for note in [*summary["warnings"], *summary["exact"]["warnings"]]:
        console.print(f"note: {note}")
    if "scan" in summary:
        scan = summary["scan"]
        values = scan["values"]
        console.print(
            f"scan: {scan['parameter']} from {values[0]:g} to {values[-1]:g}, "
            f"{len(values)} points; " + _scan_sentence(result),
        )
    console.print(summary["verdict"])


def _print_sweep(loaded: SweepFile, dataset: Any, store: Path, *, quiet: bool) -> int:
    """Say what a sweep computed; return how many of its points failed."""
    import numpy as np

    from anticrossing.sweeps.outputs import FAILED

    status = dataset["status"].values
    where = np.flatnonzero(status == FAILED)
    if quiet:
        print(store)
        return where.size
    console = _console()
    console.print(loaded.experiment.title, style="bold")
    sizes = ", ".join(f"{axis.name} ({axis.size})" for axis in loaded.grid.axes)
    console.print(f"{status.size} points: {sizes}")
    if where.size:
        first = np.unravel_index(where[0], status.shape)
        reason = str(dataset["message"][first].values)
        console.print(f"{where.size} of them failed, the first: {reason}")
    console.print(f"store: {store}")
    return where.size


def _print_outcome(result: Outcome) -> None:
    console = _console()
    console.print(result.experiment.title, style="bold")
    setup = result.experiment.setup
    console.print("\n".join(f"{name}: {line}" for name, line in setup.items()), style="dim")
    for content in result.tables():
        if content.detail:
            continue
        table = _table([], title=content.title)
        for index, column in enumerate(content.columns):
            words = content.holds_words(index)
            table.add_column(column, justify="left" if words else "right", overflow="fold")
        for row in content.rows[:_MOST_ROWS]:
            table.add_row(*(_mark(c) if isinstance(c, bool) else _cell(c) for c in row))
        _caption(table, len(content.rows))
        console.print(table)
    said = result.sentences()
    for note in said.notes:
        console.print(f"note: {note}")
    console.print(said.verdict)


def _crossings_table(rows: list[dict[str, Any]], units: Any) -> Any:
    if not rows:
        return "no crossings"
    table = _table(
        [
            units.label("position", "coordinate"),
            "levels",
            "kind",
            units.label("gap", "energy"),
            "slope difference",
            "third level",
            "reason",
        ],
        title="crossings",
    )
    for row in rows[:_MOST_ROWS]:
        third = row["third_level_distance"]
        table.add_row(
            _cell(row["position"]),
            f"{row['levels'][0]}, {row['levels'][1]}",
            row["kind"],
            _cell(row["gap"]),
            _cell(row["slope_difference"]),
            "none" if third is None else _cell(third),
            row["reason"],
        )
    _caption(table, len(rows))
    return table


def _predictions_table(summary: dict[str, Any], result: Result) -> Table:
    hamiltonian, question = result.experiment.hamiltonian, result.experiment.question
    probabilities = summary["exact"]["probabilities"]
    order = sorted(range(len(probabilities)), key=lambda i: -probabilities[i])[:6]
    shown = sorted(order)
    diabatic = question.basis == "diabatic"
    heads = [str(hamiltonian.labels[i]) if diabatic else f"level {i}" for i in shown]
    start = str(hamiltonian.labels[question.initial]) if diabatic else f"level {question.initial}"
    title = f"final probabilities from {start} ({question.basis} read-out)"
    table = _table(["", *heads, "difference", "domain"], title=title)
    table.add_row("exact", *(_cell(probabilities[i]) for i in shown), "", "", style="bold")
    for row in summary["predictions"]:
        table.add_row(
            row["name"],
            *(_cell(row["probabilities"][i]) for i in shown),
            f"{row['difference']:.1e}",
            _mark(row["valid"]),
        )
    return table


def _checks_table(summary: dict[str, Any]) -> Table | None:
    rows = [(p["name"], c) for p in summary["predictions"] for c in p["checks"]]
    if not rows:
        return None
    table = _table(["formula", "condition", "value", "limit", "", "meaning"], title="domain checks")
    for name, check in rows:
        relation = "≥" if check["condition"] == ">=" else "≤"
        table.add_row(
            name,
            check["quantity"],
            "–" if check["value"] is None else f"{check['value']:.3g}",
            f"{relation} {check['limit']:.3g}",
            _mark(check["satisfied"]),
            "" if check["satisfied"] else check["message"],
        )
    return table


def _scan_sentence(result: Result) -> str:
    import numpy as np

    scan = result.scan
    if scan is None or not scan.predictions:
        return "no closed form applies."
    parts = []
    for name, predicted in scan.predictions.items():
        applies = np.isfinite(predicted).all(axis=1)
        inside = applies & scan.valid[name]
        if not inside.any():
            parts.append(f"{name} is nowhere within its domain")
            continue
        worst = float(np.abs(predicted - scan.exact)[inside].max())
        where = "everywhere" if inside.all() else f"at {int(inside.sum())} points"
        parts.append(
            f"{name} is within its domain {where} and differs there by at most {worst:.1e}"
        )
    return "; ".join(parts) + "."


def _print_names(title: str, lines: dict[str, str]) -> None:
    table = _table(["name", "what it is"], title=title)
    for name, line in lines.items():
        table.add_row(name, line)
    _console().print(table)


def _console() -> Any:
    from rich.console import Console

    # Redirected output has no width of its own; 80 columns would fold every table.
    width = None if Console().is_terminal else 140
    # Text from files is shown as it is: no markup, no emoji, no colouring of numbers.
    return Console(width=width, markup=False, emoji=False, highlight=False)


def _table(
    columns: list[str], *, title: str | None = None, words: frozenset[str] = _WORDS
) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in words else "right", overflow="fold")
    return table


def _caption(table: Table, rows: int) -> None:
    """Say below a table how many of its rows are not shown."""
    if rows > _MOST_ROWS:
        table.caption = f"and {rows - _MOST_ROWS} more (--json prints all)"
        table.caption_justify = "left"


def _mark(good: bool) -> Text:
    from rich.text import Text

    return Text("within", style="green") if good else Text("OUTSIDE", style="red")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return str(error)


def _fail(message: str) -> None:
    line = " ".join(str(message).split())
    # A key or a path may hold escape sequences, which must not reach the terminal.
    plain = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    print("error: " + "".join(plain), file=sys.stderr)
    sys.exit(_BAD_INPUT)


if __name__ == "__main__":
    main()
