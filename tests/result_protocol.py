"""What every result must offer, checked on one of each class."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import xarray
from matplotlib.axes import Axes

from anticrossing._core.checks import InputError
from anticrossing._core.result import Result

TAGS = {"div", "p", "pre", "span", "table", "caption", "thead", "tbody", "tr", "th", "td"}


def check_html(result: Any) -> None:
    """Check that the HTML is well formed, and says what the text says, all of it escaped."""
    html, text = result._repr_html_(), str(result)
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in TAGS
            assert {name for name, _ in attrs} <= {"style", "scope"}
            opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

        def handle_data(self, data: str) -> None:
            seen.append(data)

    opened: list[str] = []
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert opened == []
    # Spaces, and the brackets of matrices, are what tables stand for.
    bare = [re.sub(r"[\s\[\]]", "", said) for said in ("".join(seen), text)]
    assert bare[0].startswith(bare[1])
    if type(result).__str__ is not Result.__str__:
        assert bare[0] == bare[1]


def check(result: Any, folder: Path, *, drawable: bool = True) -> None:
    """Check line, table, HTML, dataset, file and picture of a result."""
    assert isinstance(result, Result)
    line = repr(result)
    assert "\n" not in line
    assert len(line) < 200
    assert type(result).__name__ in line
    text = str(result)
    assert text != line
    assert "array(" not in text
    check_html(result)
    expected = result.to_dataset()
    assert expected.data_vars
    with xarray.open_dataset(result.save(folder / "x.nc")) as stored:
        xarray.testing.assert_identical(stored.load(), expected)
    assert result.save(folder / "x.json").stat().st_size > 0
    if drawable:
        assert isinstance(result.plot(), Axes)
    else:
        with pytest.raises(InputError):
            result.plot()
