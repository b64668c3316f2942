"""Tables of a file as text: TOML is read by Python, and written here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def document(entries: Mapping[str, Any]) -> str:
    """Return the text of a file; the tables within tables are written in one line each."""
    lines = [line(key, value) for key, value in entries.items() if not isinstance(value, Mapping)]
    for key, value in entries.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{name(key)}]", *(line(k, v) for k, v in value.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def line(key: str, value: Any) -> str:
    """Return one line, ``key = value``."""
    return f"{name(key)} = {text(value)}"


def name(key: str) -> str:
    """Return a key as it is written, in quotes where it needs them."""
    return key if _BARE.fullmatch(key) else _quoted(key)


def text(value: Any) -> str:
    """Return a value as it is written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        inside = ", ".join(line(key, item) for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(text, value))}]"
    return repr(value)


def _quoted(plain: str) -> str:
    """Return text in quotes: what JSON escapes TOML does as well, but for one character."""
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")
