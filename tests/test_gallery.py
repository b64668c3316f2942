"""The gallery: every page runs from top to bottom, and what it claims it asserts itself."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from tests.effort import slow

GALLERY = Path(__file__).parents[1] / "docs/gallery"
QUICK = ("tilted_lattice", "qubit_fringes")
PAGES = sorted(path.stem for path in GALLERY.glob("*.py"))
MOST_LINES = 60


def test_the_gallery_has_eleven_pages_of_one_sitting() -> None:
    assert len(PAGES) == 11
    assert set(QUICK) < set(PAGES)
    for name in PAGES:
        text = (GALLERY / f"{name}.py").read_text(encoding="utf-8")
        assert text.count("\n") <= MOST_LINES, name
        module = ast.parse(text)
        assert any(isinstance(line, ast.Assert) for line in module.body), f"{name} proves nothing"
        said = ast.get_docstring(module) or ""
        assert "?" in said, f"{name} asks no question"


def test_thumbnails_of_wide_figures_are_of_one_panel(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("thumbnails", GALLERY.parent / "thumbnails.py")
    assert spec is not None
    assert spec.loader is not None
    thumbnails = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(thumbnails)
    sizes = [(640, 480), (800, 450), (1000, 400), (1100, 340)]
    assert [thumbnails.panels(*size) for size in sizes] == [1, 1, 2, 3]
    left, right = (Image.new("RGB", (500, 400), colour) for colour in ("red", "blue"))
    both = Image.new("RGB", (1000, 400))
    both.paste(left, (0, 0))
    both.paste(right, (500, 0))
    both.save(tmp_path / "figure.png")
    thumbnails.cut(tmp_path / "figure.png", tmp_path / "thumb.png")
    with Image.open(tmp_path / "thumb.png") as made:
        assert made.size == (400, 280)
        colours = {colour for _, colour in made.getcolors(maxcolors=1000) or []}
    assert (0, 0, 255) not in colours
    assert (255, 0, 0) in colours


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
