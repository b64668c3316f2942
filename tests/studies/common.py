"""What the tests of several kinds of experiment files share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import xarray

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


def check_outcome(result: Outcome, folder: Path) -> dict[str, Any]:
    """Assert that an outcome can be kept, drawn and reported; return its summary."""
    expected = result.to_dataset()
    path = result.save(folder / "outcome.nc")
    with xarray.open_dataset(path) as stored:
        xarray.testing.assert_identical(stored.load(), expected)
    assert len(result.figure().axes) >= 2
    written = studies.save(result, folder / "kept")
    html = (folder / "kept" / "report.html").read_text(encoding="utf-8")
    assert result.sentences().verdict.split(" ")[0] in html
    assert "<svg" in html or "data:image" in html
    names = {"report.html", "figure.png", "figure.svg", "result.nc", "summary.json"}
    assert names <= {file.name for file in (folder / "kept").iterdir()}, written
    summary = check_summary(result)
    assert json.loads((folder / "kept" / "summary.json").read_text(encoding="utf-8")) == summary
    return summary
