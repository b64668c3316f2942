"""What every result must offer, checked on one of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xarray
from matplotlib.axes import Axes

from anticrossing._core.checks import InputError
from anticrossing._core.result import Result


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
    assert result._repr_html_().startswith(("<table>", "<pre>"))
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
