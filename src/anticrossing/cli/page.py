"""The command `page`: a local page on which an experiment is moved."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import click

from anticrossing._core.checks import require


@click.command("page")
@click.argument("file", metavar="[FILE.toml]", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=int, metavar="N", help="Where it listens on this machine.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def page_command(file: Path | None, port: int | None, no_browser: bool) -> None:
    """Open a local page: move the numbers of an experiment and see what comes out.

    It starts from FILE, if one is given, and ends with Ctrl-C. Nothing leaves this machine.
    """
    require("starlette", "page", "The command `anticrossing page`")
    require("uvicorn", "page", "The command `anticrossing page`")
    from anticrossing.page import serve

    serve(file, port=port, browser=not no_browser)
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        sys.stdout.flush()
        os._exit(0)  # nobody waits for an answer that is still being computed
