"""Completion in a shell: its script, and what stands behind the TAB key."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from anticrossing.cli.app import app

_PROGRAM, _VARIABLE = "anticrossing", "_ANTICROSSING_COMPLETE"
_SHELLS = {
    "bash": 'eval "$(anticrossing completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(anticrossing completion zsh)"    # in ~/.zshrc, after compinit',
    "fish": "anticrossing completion fish | source    # in ~/.config/fish/config.fish",
}


class Known(click.ParamType[str]):
    """A name of a list that is made when it is needed; the command refuses others."""

    name = "name"

    def __init__(self, source: str) -> None:
        self.source = source

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin as what is typed."""
        return [CompletionItem(n) for n in names(self.source) if n.startswith(incomplete)]


def names(source: str) -> Iterable[str]:
    """Return the names of published results, of kinds of files, or of topics of the manual."""
    if source == "kinds":
        from anticrossing.studies import file

        return file.names()
    if source == "results":
        from anticrossing import reproduce

        return reproduce.NAMES
    from anticrossing.cli import topics

    return topics.names()


def answer_a_shell() -> None:
    """If a shell asks, by a variable of the environment, print what it asks for and end."""
    if instruction := os.environ.get(_VARIABLE):
        sys.exit(shell_complete(app, {}, _PROGRAM, _VARIABLE, instruction))


@app.command("completion", epilog="\b\nTo keep it:\n  " + "\n  ".join(_SHELLS.values()))
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion_command(shell: str) -> None:
    """Print the script by which bash, zsh or fish complete commands, options and names."""
    made: Any = get_completion_class(shell)
    print(made(app, {}, _PROGRAM, _VARIABLE).source())
