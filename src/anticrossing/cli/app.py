"""The command line itself: arguments that commands share, one run, and what its status says."""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from anticrossing._core.checks import AnticrossingError, ConvergenceError, MissingExtraError
from anticrossing._version import __version__
from anticrossing.cli import terminal

DISAGREES, BAD_INPUT, NOT_CONVERGED, MISSING_EXTRA, NO_ROOM = 1, 2, 3, 4, 5
INTERRUPTED, NOT_READ = 130, 141
STATUSES = {
    0: "done",
    DISAGREES: "`reproduce` found a disagreement, or some points of a sweep failed",
    BAD_INPUT: "the input cannot be used, or a file cannot be read or written",
    NOT_CONVERGED: "the computation did not reach its accuracy; the line says what to try",
    MISSING_EXTRA: "an optional package is missing; the line says how to install it",
    NO_ROOM: "the disk is full or failing, or the memory is used up",
    INTERRUPTED: "interrupted",
    NOT_READ: "nobody reads the output any more, as after `| head`",
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOMEM)
_RARELY = 100_000  # new objects between two searches for cycles, a tenth of a run otherwise


class Name(click.Path):
    """The path of a file or a directory, which an empty text is not."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the path, or fail."""
        if not str(value):
            self.fail("it is empty.", param, ctx)
        return super().convert(value, param, ctx)


PATH = Name(path_type=Path)
file = click.argument("file", metavar="FILE.toml", type=PATH)
json_flag = click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON alone.")
output = click.option("-o", "--output", metavar="DIR", type=PATH, help="Where results go.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Print only the path.")


class Setting(click.ParamType[str]):
    """A value in place of one of the file; its key is completed from the file that is named."""

    name = "setting"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the keys of the file that begin as what is typed."""
        from anticrossing.studies.settings import keys_of

        # An option without its value ends the parsing: what stood before is left over.
        named = [Path(word) for word in ctx.args if word.endswith(".toml")]
        found = keys_of(named[0]) if named else []
        return [CompletionItem(f"{key}=") for key in found if key.startswith(incomplete)]


settings = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    type=Setting(),
    multiple=True,
    help="Use another value than the file's, such as drive.rate=2e-3; may be repeated.",
)


def _epilogue() -> str:
    lines = "\n".join(f"  {status:<4} {text.replace('`', '')}" for status, text in STATUSES.items())
    return f"\b\nExit status:\n{lines}"


@click.group(
    no_args_is_help=False,
    epilog=_epilogue(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="anticrossing %(version)s")
def app() -> None:
    """Avoided level crossings: find them, predict the passage, compute it exactly."""


def run() -> None:
    """Run the command line; what goes wrong is one line on standard error and a status."""
    try:
        gc.set_threshold(_RARELY)
        atexit.register(gc.freeze)  # nor at the end, where all that was loaded is searched
        # Overflow on the way is caught by the checks of what comes out; the user gets one line.
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        terminal.accept_any_text()
        with app.make_context("anticrossing", sys.argv[1:]) as context:
            status = app.invoke(context)
        terminal.finish()
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        hint = " Try  anticrossing --help." if isinstance(error, click.UsageError) else ""
        _fail(error.format_message() + hint, BAD_INPUT)
    except BrokenPipeError:
        status = NOT_READ
        with contextlib.suppress(OSError):
            terminal.finish()
    except (AnticrossingError, OSError) as error:
        _fail(_describe(error), _status(error))
    except MemoryError:
        _fail("The memory is used up: ask for fewer points, samples or levels.", NO_ROOM)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:
        terminal.complain("interrupted")
    sys.exit(status if isinstance(status, int) else 0)


def _status(error: BaseException) -> int:
    """Return the status of an error: what the system refused matters more than who says so."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return NO_ROOM
    if isinstance(error, ConvergenceError):
        return NOT_CONVERGED
    return MISSING_EXTRA if isinstance(error, MissingExtraError) else BAD_INPUT


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors it was raised for."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return str(error)


def _fail(message: str, status: int) -> NoReturn:
    terminal.complain("error: " + terminal.plain_line(message))
    with contextlib.suppress(OSError):
        terminal.finish()
    sys.exit(status)
