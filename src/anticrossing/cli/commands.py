"""The commands: parse, call, print. What is heavy is imported by the command that needs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anticrossing._core.checks import AnticrossingError, InputError
from anticrossing._version import __version__
from anticrossing.cli import terminal
from anticrossing.cli.app import (
    DISAGREES,
    INTERRUPTED,
    PATH,
    app,
    file,
    json_flag,
    output,
    quiet as quiet_flag,
    settings as settings_option,
)
from anticrossing.cli.names import Known
from anticrossing.cli.page import page_command

if TYPE_CHECKING:
    from anticrossing.studies import Study


@app.command("run")
@file
@output
@settings_option
@json_flag
@quiet_flag
def run_command(
    file: Path, output: Path | None, settings: tuple[str, ...], as_json: bool, quiet: bool
) -> None:
    """Compute what an experiment file describes, and write data, figure and report.

    The results go to DIR, by default NAME-result in the current directory. With --json they are
    written only where -o says so.
    """
    from anticrossing import studies

    _run(studies.load(file, settings=settings), file, output, as_json, quiet)


@app.command("fit")
@click.argument("data", metavar="DATA", type=PATH)
@file
@output
@settings_option
@json_flag
@quiet_flag
def fit_command(
    data: Path,
    file: Path,
    output: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Fit the model of an experiment file to measured data.

    DATA is a CSV or NetCDF file of populations for the table [fit], a CSV file of lines for
    [level_fit] or of populations against time for [kinetic_fit]. The results go to DIR, as those of
    `run`.
    """
    from anticrossing import studies

    _run(studies.load(file, settings=settings).with_data(data), file, output, as_json, quiet)


def _run(loaded: Study, file: Path, output: Path | None, as_json: bool, quiet: bool) -> None:
    """Run a study, write its results and print them."""
    from anticrossing import studies
    from anticrossing.plot import style

    target = output
    if target is None and not as_json:
        target = Path(f"{loaded.name}-result")
    if target is not None:
        studies.check_target(target)
        style.load()
    try:
        if target is not None:
            loaded.check_target(target)
        result = terminal.compute(loaded, show=not quiet and not as_json)
    except AnticrossingError as error:
        raise type(error)(f"{file}: {error}") from None
    if target is not None:
        studies.save(result, target)
    if as_json:
        print(json.dumps(result.summary(), indent=2, allow_nan=False))
    elif quiet:
        print(target)
    else:
        terminal.print_result(result)
        terminal.print_line(f"report: {target / 'report.html'}" if target else "")


@app.command("crossings")
@file
@settings_option
@json_flag
def crossings_command(file: Path, settings: tuple[str, ...], as_json: bool) -> None:
    """Find the crossings between the extreme positions of an experiment's drive."""
    from anticrossing import studies

    try:
        found = studies.load(file, settings=settings).crossings()
    except AnticrossingError as error:
        text = str(error)
        raise type(error)(text if text.startswith(f"{file}: ") else f"{file}: {text}") from None
    if as_json:
        print(json.dumps({"anticrossing": __version__, **found.numbers}, indent=2, allow_nan=False))
        return
    terminal.print_line(found.heading)
    terminal.print_table(found.table)


@app.command("reproduce")
@click.argument("name", required=False, type=Known("results"))
@click.option("--all", "everything", is_flag=True, help="Recompute all: one table, some minutes.")
@output
@json_flag
def reproduce_command(
    name: str | None, everything: bool, output: Path | None, as_json: bool
) -> None:
    """Recompute a published result and compare; with -o also write its figure and numbers."""
    from anticrossing import reproduce

    if everything:
        if name is not None:
            raise InputError("Choose a name or --all, but not both.")
        _reproduce_all(output, as_json)
        return
    if name is None:
        if output is not None:
            raise InputError("Choose what to reproduce: -o needs a name.")
        bare = sys.flags.optimize > 1  # Python -OO leaves no descriptions
        lines = dict.fromkeys(reproduce.NAMES, "") if bare else reproduce.descriptions()
        if as_json:
            print(json.dumps(lines, indent=2))
            return
        terminal.print_names("published results", lines)
        return
    if output is not None:
        from anticrossing.plot import style

        style.load()
    reproduction = reproduce.compute(name, directory=output)
    if as_json:
        print(json.dumps(reproduction.summary(), indent=2, allow_nan=False))
        return
    terminal.print_reproduction(reproduction, output)
    if not reproduction.agrees:
        raise click.exceptions.Exit(DISAGREES)


def _reproduce_all(output: Path | None, as_json: bool) -> None:
    """Recompute everything; what is done is told on stderr, as it takes minutes."""
    from anticrossing import reproduce

    if output is not None:
        from anticrossing.plot import style

        style.load()

    def report(name: str, seconds: float) -> None:
        print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)

    comparison = reproduce.compute_all(output, report=report)
    print(json.dumps(comparison.summary(), indent=2, allow_nan=False) if as_json else comparison)
    if not comparison.agrees:
        raise click.exceptions.Exit(DISAGREES)


@app.command("sweep")
@file
@click.option(
    "-o", "--output", "store", metavar="STORE", type=PATH, help="The Zarr store to write."
)
@settings_option
@click.option("--resume", is_flag=True, help="Go on where an interrupted sweep stopped.")
@click.option("--retry-failures", is_flag=True, help="Compute again the points that failed.")
@click.option("--workers", type=int, metavar="N", help="Use N processes.")
@click.option("--dask", metavar="ADDRESS", help="Use the Dask scheduler at this address.")
@quiet_flag
def sweep_command(
    file: Path,
    store: Path | None,
    settings: tuple[str, ...],
    resume: bool,
    retry_failures: bool,
    workers: int | None,
    dask: str | None,
    quiet: bool,
) -> None:
    """Compute every point of the table [sweep] or [scan] of an experiment file, and lose none.

    The points go to STORE, by default NAME-sweep.zarr in the current directory, as they finish.
    """
    from anticrossing import studies

    if workers is not None and dask is not None:
        raise InputError("Choose one of --workers and --dask.")
    if retry_failures and not resume:
        raise InputError("--retry-failures needs --resume.")
    loaded = studies.load(file, settings=settings)
    target = store or Path(f"{loaded.name}-sweep.zarr")
    try:
        dataset = studies.sweep(
            loaded,
            store=target,
            executor=workers if dask is None else dask,
            resume=resume,
            retry_failures=retry_failures,
            progress=not quiet,
        )
    except KeyboardInterrupt as error:
        terminal.complain(str(error) or "interrupted")
        sys.exit(INTERRUPTED)
    failed = terminal.print_sweep(loaded, dataset, target, quiet=quiet)
    if failed:
        raise click.exceptions.Exit(DISAGREES)


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of experiment files, by which editors complete and check them."""
    from anticrossing.studies.json_schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))


@app.command("models")
@json_flag
def models_command(as_json: bool) -> None:
    """List the named models an experiment file may use."""
    from anticrossing.models import MODELS

    lines = {name: _first_line(make) for name, make in MODELS.items()}
    if as_json:
        print(json.dumps(lines, indent=2))
        return
    terminal.print_names("models", lines)


app.add_command(page_command)


def _first_line(thing: Any) -> str:
    """Return the first line of a docstring, if there is one."""
    return (thing.__doc__ or "").strip().partition("\n")[0]
