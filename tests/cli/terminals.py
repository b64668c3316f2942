"""The command line in processes of their own: at a pipe, in a shell, on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

COMMAND = [sys.executable, "-m", "anticrossing"]
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07|[^\n]*\r(?!\n)")


def piped(
    *arguments: str | Path, folder: Path, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose output goes to a pipe."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        timeout=300,
        check=False,
    )


def on_terminal(
    *arguments: str | Path, folder: Path, columns: int = 80, **variables: str
) -> tuple[int, str]:
    """Run a command on a terminal so wide; return its status and all that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**kept, "TERM": "xterm-256color", **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()
    with contextlib.suppress(OSError):  # raised when the other end is closed
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    return process.wait(300), written.decode().replace("\r\n", "\n")


def without_controls(text: str) -> str:
    """Return what remains to be read: no styles, no lines that were written over."""
    return _CONTROL.sub("", text)
