"""Figures and report: what is drawn is what was computed, and nothing global changes."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from anticrossing import plot, studies
from anticrossing._core.checks import InputError
from anticrossing.plot import panels
from anticrossing.plot.style import Axes
from anticrossing.studies.page import files

BASE = """
title = "a <b>bold</b> & quoted \\"title\\""
source = "nowhere"
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -60, stop = 60, rate = 1.0 }
question = { samples = 60 }
"""
SCAN = 'scan = { parameter = "drive.rate", values = [0.5, 1.0, 2.0], unit = "1/s" }\n'
LADDER = """
[hamiltonian]
model = "DemkovOsherov"
levels = [0.0, 5.0]
couplings = [0.3, 0.0]
[drive]
kind = "linear"
start = -60
stop = 60
rate = 1.0
"""
PARALLEL = """
hamiltonian = { matrix = [["x", 0], [0, "x + 1"]] }
drive = { kind = "linear", start = 0, stop = 1, rate = 1.0 }
"""


@pytest.fixture(scope="module")
def single() -> Any:
    return studies.run(studies.parse(BASE))


@pytest.fixture(scope="module")
def scanned() -> Any:
    return studies.run(studies.parse(BASE + SCAN))


def axes() -> Axes:
    return Figure().subplots()


def test_panels_return_the_axes_they_are_given(single: Any, scanned: Any) -> None:
    for draw, result in (
        (panels.levels, single),
        (panels.populations, single),
        (plot.comparison, single),
        (plot.differences, single),
        (plot.scan, scanned),
        (plot.scan_differences, scanned),
    ):
        given = axes()
        assert draw(result, ax=given) is given
        assert given.get_title(loc="left") or given.get_title()


def test_levels_shows_the_computed_curves_and_the_crossing(single: Any) -> None:
    drawn = panels.levels(single, ax=axes())
    marker = next(
        line for line in drawn.lines if line.get_marker() == "o" and len(line.get_xdata())
    )
    crossing = single.passage.crossings[0]
    assert marker.get_xdata()[0] == crossing.position
    assert marker.get_ydata()[0] == crossing.centre_energy
    assert any("gap 1" in text.get_text() for text in drawn.get_legend().get_texts())


def test_true_crossings_have_a_marker_of_their_own() -> None:
    result = studies.run(studies.parse(LADDER))
    drawn = panels.levels(result, ax=axes())
    markers = {line.get_marker() for line in drawn.lines}
    assert {"o", "X"} <= markers
    labels = " ".join(text.get_text() for text in drawn.get_legend().get_texts())
    assert "true crossing" in labels


def test_populations_end_at_the_dashed_closed_form(single: Any) -> None:
    drawn = panels.populations(single, ax=axes())
    dashed = [
        line for line in drawn.lines if line.get_linestyle() == "--" and line.get_xdata().size
    ]
    ends = sorted(float(line.get_ydata()[-1]) for line in dashed if len(line.get_xdata()) == 2)
    p = np.exp(-np.pi / 2)
    np.testing.assert_allclose(ends[:2], [p, 1 - p], rtol=1e-9)


def test_scan_points_are_the_exact_answer(scanned: Any) -> None:
    drawn = plot.scan(scanned, ax=axes())
    points = next(line for line in drawn.lines if line.get_label() == "exact")
    assert scanned.scan is not None
    np.testing.assert_array_equal(points.get_ydata(), scanned.scan["probability"][:, 1])
    assert drawn.get_xlabel() == "rate (1/s)"


def test_a_scan_panel_needs_a_scan(single: Any) -> None:
    with pytest.raises(InputError, match="no scan"):
        plot.scan(single, ax=axes())


def test_a_passage_without_crossings_has_no_empty_panel() -> None:
    result = studies.run(studies.parse(PARALLEL))
    drawn = result.figure()
    assert len(drawn.axes) == 2
    assert "meets no crossing" in studies.report(result)


def test_files_and_global_state(scanned: Any, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    for name, content in files(scanned).items():
        (tmp_path / name).write_bytes(content)
    assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "figure.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in (tmp_path / "figure.svg").read_bytes()[:1000]


class _Checker(HTMLParser):
    """Collects what a report refers to, and whether its tags are closed in order."""

    VOID = frozenset({"meta", "img", "br", "hr", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_report_is_self_contained_and_well_formed(scanned: Any) -> None:
    html = studies.report(scanned)
    checker = _Checker()
    checker.feed(html)
    assert checker.open == []
    assert html.startswith("<!DOCTYPE html>")
    assert "script" not in checker.tags
    assert [ref.partition(",")[0] for ref in checker.references] == ["data:image/svg+xml;base64"]
    image = base64.b64decode(checker.references[0].partition(",")[2])
    assert b"<svg" in image
    assert not re.search(r"url\(|@import", html)
    assert "<b>bold</b>" not in html
    assert "a &lt;b&gt;bold&lt;/b&gt; &amp; quoted" in html
    assert "Landau–Zener" in html
    assert "prefers-color-scheme: dark" in html


def test_report_states_checks_in_words_and_numbers() -> None:
    text = BASE.replace("start = -60, stop = 60", "start = -4, stop = 4")
    html = studies.report(studies.run(studies.parse(text)))
    assert "the sweep ends before the passage is over" in html
    assert '<span class="bad">outside</span>' in html
