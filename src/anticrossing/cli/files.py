"""Commands for experiment files themselves: one to begin with, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from anticrossing._core.checks import InputError
from anticrossing.cli import terminal
from anticrossing.cli.app import BAD_INPUT, PATH, app, settings as settings_option
from anticrossing.cli.names import Known

if TYPE_CHECKING:
    from anticrossing.studies.study import Cost, Study

_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
_MEGABYTE = 1e6


@app.command("new")
@click.argument("kind", required=False, type=Known("kinds"))
@click.option(
    "-o", "--output", metavar="FILE", type=PATH, help="Where to; KIND.toml by default, - to print."
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new_command(kind: str | None, output: Path | None, force: bool) -> None:
    """Write a commented experiment file to begin with.

    It runs as it is, and names every key that a file of this kind may hold, with its meaning,
    unit and default. Without a KIND the kinds are listed.
    """
    from anticrossing.studies import file
    from anticrossing.studies.meanings import summary
    from anticrossing.studies.template import template

    if kind is None:
        if output is not None or force:
            raise InputError("Choose a kind: -o and --force need one.")
        terminal.print_names("kinds", {name: summary(file.module(name)) for name in file.names()})
        return
    text = template(kind)
    if str(output) == "-":
        print(text, end="")
        return
    target = output or Path(f"{kind}.toml")
    try:
        with target.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(
            f"{target} is there already: choose another with -o, or --force."
        ) from None
    terminal.print_line(f"{target}: run it with  anticrossing {_use(kind)} {target}")


def _use(kind: str) -> str:
    from anticrossing.studies import file

    return "fit DATA" if file.kind(kind).takes_data else "run"


@app.command("check")
@click.argument("files", metavar="FILE.toml...", nargs=-1, required=True, type=PATH)
@settings_option
def check_command(files: tuple[Path, ...], settings: tuple[str, ...]) -> None:
    """Say what is wrong with experiment files, all of it, without running them.

    One line for each problem, FILE:LINE: first; of a file that is fine the kind, and about how
    long its run takes, where that can be told. The status is 2 if a file has a problem.
    """
    from anticrossing.studies.settings import name_of

    for setting in settings:
        name_of(setting)
    bad = [file for file in files if not _is_fine(file, settings)]
    if bad:
        raise click.exceptions.Exit(BAD_INPUT)


def _is_fine(file: Path, settings: tuple[str, ...]) -> bool:
    from anticrossing._core.reading import read_text
    from anticrossing.studies.file import LARGEST_FILE
    from anticrossing.studies.problems import check

    try:
        text = read_text(file, LARGEST_FILE)
    except (InputError, OSError) as error:
        print(terminal.plain_line(f"{file}: {getattr(error, 'strerror', None) or error}"))
        return False
    found = check(text, name=file.stem, settings=settings, folder=file.parent)
    for problem in found.problems:
        place = file if problem.line is None else f"{file}:{problem.line}"
        print(terminal.plain_line(f"{place}: {problem.text}"))
    if not found.complete:
        print(terminal.plain_line(f"{file}: more may show once this is corrected"))
    if found.study is not None:
        print(terminal.plain_line(f"{file}: fine: {_described(found.study)}"))
    return found.study is not None


def _described(study: Study) -> str:
    """Return the kind of a study, its points, and what its run takes."""
    from anticrossing.studies import file

    plan, cost = study.plan, study.cost()
    parts = [file.name_of(study).replace("_", " ")]
    if plan is not None:
        parts.append(f"{plan.grid.size} points of [{plan.table}]")
    if cost is not None:
        parts.append(_taken(cost))
    return ", ".join(parts)


def _taken(cost: Cost) -> str:
    """Return seconds and bytes as somebody would say them, as they are known within a factor."""
    unit = next(((size, name) for size, name in _UNITS if cost.seconds >= size), None)
    time = "under 1 s" if unit is None else f"about {cost.seconds / unit[0]:.2g} {unit[1]}"
    if cost.memory is None:
        return f"{cost.what} {time}"
    much = cost.memory / _MEGABYTE
    return f"{cost.what} {time} and " + ("under 1 MB" if much < 1 else f"about {much:.2g} MB")
