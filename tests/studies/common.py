"""What the tests of several kinds of experiment files share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from anticrossing import studies
from anticrossing._core.checks import InputError
from anticrossing.studies import Outcome

TULLY = """
[hamiltonian]
model = "TullySimple"
"""


def refuse(text: str, message: str) -> None:
    """Assert that a file is refused in one line before any work."""
    with pytest.raises(InputError, match=message) as caught:
        studies.parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def check_tables(result: Outcome, titles: Sequence[str]) -> None:
    """Assert that the tables have these titles, and rows as wide as their headings."""
    tables = result.tables()
    assert [table.title for table in tables] == list(titles)
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def check_summary(result: Outcome) -> dict[str, Any]:
    """Assert that the numbers are strict JSON; return them."""
    summary = result.summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    return summary
