"""The gallery: every page runs from top to bottom, and what it claims it asserts itself."""

from __future__ import annotations

import ast
import runpy
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from tests.effort import slow

GALLERY = Path(__file__).parents[1] / "docs/gallery"
QUICK = ("tilted_lattice", "qubit_fringes")
PAGES = sorted(path.stem for path in GALLERY.glob("*.py"))
MOST_LINES = 60


def test_the_gallery_has_ten_pages_of_one_sitting() -> None:
    assert len(PAGES) == 10
    assert set(QUICK) < set(PAGES)
    for name in PAGES:
        text = (GALLERY / f"{name}.py").read_text(encoding="utf-8")
        assert text.count("\n") <= MOST_LINES, name
        module = ast.parse(text)
        assert any(isinstance(line, ast.Assert) for line in module.body), f"{name} proves nothing"
        said = ast.get_docstring(module) or ""
        assert "?" in said, f"{name} asks no question"


@pytest.mark.parametrize("name", [n if n in QUICK else slow(n) for n in PAGES])
def test_a_page_runs_from_scratch(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    plt.switch_backend("agg")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*", category=DeprecationWarning)
        runpy.run_path(str(GALLERY / f"{name}.py"))
    try:
        (number,) = plt.get_fignums()
        figure = plt.figure(number)
        figure.canvas.draw()
        assert all(axes.has_data() for axes in figure.axes)
        assert all(axes.get_xlabel() or axes.get_label() == "<colorbar>" for axes in figure.axes)
    finally:
        plt.close("all")
    assert capsys.readouterr().out
