"""The command line: commands that parse, call and print, and what a terminal shows.

Nothing is computed here, and no kind of study is told from another.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

_COMMANDS = ("commands", "files", "hops", "topics", "completion")
"""The modules that hold commands."""


def main() -> None:
    """Run the command line; Ctrl-C while its modules are loaded is one line, as it is later."""
    try:
        from anticrossing._core.checks import MissingExtraError, require

        for package in ("click", "rich"):
            require(package, "cli", "The command `anticrossing`")
        from anticrossing.cli.app import run

        defined()
        from anticrossing.cli.completion import answer_a_shell

        answer_a_shell()
    except KeyboardInterrupt:
        _stop("interrupted", 130)
    except MissingExtraError as error:
        _stop(f"error: {error}", 4)
    run()


def defined() -> set[str]:
    """Define the commands, and return their names."""
    from anticrossing.cli.app import app

    for name in _COMMANDS:
        importlib.import_module(f"{__name__}.{name}")
    return set(app.commands)


def _stop(line: str, status: int) -> NoReturn:
    if sys.stderr is not None:
        print(line, file=sys.stderr)
    sys.exit(status)
