"""Completion in a shell: its script, and what stands behind the TAB key."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from click.shell_completion import get_completion_class, shell_complete

from anticrossing.cli.app import app

_PROGRAM, _VARIABLE = "anticrossing", "_ANTICROSSING_COMPLETE"
_SHELLS = {
    "bash": 'eval "$(anticrossing completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(anticrossing completion zsh)"    # in ~/.zshrc, after compinit',
    "fish": "anticrossing completion fish | source    # in ~/.config/fish/config.fish",
}


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
