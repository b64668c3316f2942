"""The command line: commands that parse, call and print, and what a terminal shows.

Nothing is computed here, and no kind of study is told from another.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C while its modules are loaded is one line, as it is later."""
    try:
        from anticrossing.cli.commands import run
    except KeyboardInterrupt:
        if sys.stderr is not None:
            print("interrupted", file=sys.stderr)
        sys.exit(130)
    run()
