"""The errors that are raised on purpose, one line each."""

from __future__ import annotations

import unicodedata
from typing import Any

_LONGEST_LINE = 900


class AnticrossingError(Exception):
    """Base class of every error this package raises on purpose."""


class InputError(AnticrossingError, ValueError):
    """An argument or a file entry that cannot be used, described in one line.

    Attributes
    ----------
    table : str
        The table of a file that it is about, "" where that is not known.
    key : str
        The argument, or the key of the table, that it is about, or "".
    options : tuple of str
        The names of which the value, or the key where that is unknown, must be one.
    reason : str
        "unknown" or "missing" of a key, "type" of a value, else "".
    """

    table: str = ""
    key: str = ""
    options: tuple[str, ...] = ()
    reason: str = ""

    def __init__(self, message: str = "") -> None:
        # Text from a file may stand in the message: it must end no line and steer no terminal.
        steering = {c for c in message if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        for character in steering:
            code = character.encode("unicode_escape").decode("ascii")
            message = message.replace(character, code)
        if len(message) > _LONGEST_LINE:
            half = _LONGEST_LINE // 2
            message = f"{message[:half]} … {message[-half:]}"
        super().__init__(message)

    def about(self, **details: Any) -> InputError:
        """Return the error, with what it is about."""
        vars(self).update(details)
        return self

    def with_text(self, message: str) -> InputError:
        """Return an error with another message that is about the same."""
        return InputError(message).about(**vars(self))


class ConvergenceError(AnticrossingError, RuntimeError):
    """A computation that could not reach the requested tolerance; the message says what to try."""


class MissingExtraError(AnticrossingError, ImportError):
    """An optional dependency that is not installed; the message names the extra."""
