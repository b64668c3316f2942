"""The gallery: every page runs from top to bottom, and what it claims it asserts itself."""

from __future__ import annotations

import ast
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
    """Cell by cell, as a notebook does: at the end of a cell its figures are shown and gone."""
    plt.switch_backend("agg")
    path = GALLERY / f"{name}.py"
    namespace: dict[str, object] = {"__name__": "__main__"}
    drawn = 0
    text = path.read_text(encoding="utf-8")
    for cell in text.split("\n# %%\n"):
        exec(compile(cell, path, "exec"), namespace)  # noqa: S102 - our own file
        for number in plt.get_fignums():
            figure = plt.figure(number)
            figure.canvas.draw()
            drawn += 1
            for axes in figure.axes:
                assert axes.has_data(), f"{name} shows empty axes"
                assert axes.get_label() == "<colorbar>" or axes.get_xlabel()
        plt.close("all")
    assert drawn
    assert capsys.readouterr().out
