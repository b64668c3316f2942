"""Figures and report of a driven level: what is drawn is what was computed."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from anticrossing import plot, studies
from anticrossing._core.checks import InputError
from anticrossing.plot import driven_level as panels
from anticrossing.plot.style import Axes
from anticrossing.studies.kinds.driven_level import DrivenLevelOutcome
from anticrossing.studies.page import files
from anticrossing.thermodynamics import entropy_production

TEXT = """
title = "a <b>bold</b> & $title"
[driven_level]
levels = [1.0, 2.0, 3.0, 4.0]
couplings = 0.2
beta = 1.2
chemical_potential = 2.0
start = 0.0
stop = 5.0
rate = 1.0
initial_occupation = 1.0
[question]
samples = 40
"""
SCAN = '[scan]\nparameter = "driven_level.couplings"\nvalues = [0.05, 0.2, 0.8]\nunit = "E"\n'


def outcome(text: str) -> DrivenLevelOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, DrivenLevelOutcome)
    return found


@pytest.fixture(scope="module")
def result() -> DrivenLevelOutcome:
    return outcome(TEXT + SCAN)


@pytest.fixture(scope="module")
def bare() -> DrivenLevelOutcome:
    return outcome("work = false\n" + TEXT)


def axes() -> Axes:
    return Figure().subplots()


def test_panels_return_the_axes_they_are_given(result: DrivenLevelOutcome) -> None:
    for draw in (
        plot.staircase,
        plot.entropy_steps,
        plot.work_distributions,
        panels.scan_occupation,
        panels.scan_entropy,
    ):
        given = axes()
        assert draw(result, ax=given) is given
        assert given.get_title(loc="left") or given.get_title()
    given = axes()
    grid = np.linspace(0, 1, 21)
    produced = entropy_production(grid[None, :], grid[:, None], 0.75)
    drawn = plot.entropy_production_surface(
        grid, grid, produced, reservoir_occupation=0.75, ax=given
    )
    assert drawn is given


def test_staircase_shows_chain_and_exact_curve(result: DrivenLevelOutcome) -> None:
    drawn = plot.staircase(result, ax=axes())
    exact = next(line for line in drawn.lines if line.get_label() == "exact")
    np.testing.assert_array_equal(exact.get_ydata(), result.exact.occupations)
    np.testing.assert_array_equal(exact.get_xdata(), result.positions)
    (steps,) = drawn.patches
    np.testing.assert_array_equal(steps.get_data().values, result.chain.occupations)
    np.testing.assert_array_equal(steps.get_data().edges, result.chain.positions)


def test_a_sinking_level_runs_from_left_to_right() -> None:
    text = "work = false\n" + TEXT.replace("start = 0.0\nstop = 5.0", "start = 5.0\nstop = 0.0")
    sinking = outcome(text.replace("rate = 1.0", "rate = -1.0"))
    for draw in (plot.staircase, plot.entropy_steps):
        assert draw(sinking, ax=axes()).get_xlim() == (5.0, 0.0)
    sinking.figure()


def test_bars_are_the_entropy_production_of_the_crossings(result: DrivenLevelOutcome) -> None:
    drawn = plot.entropy_steps(result, ax=axes())
    (bars,) = drawn.containers
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_array_equal(heights, result.chain.entropy_production[1:])


def test_work_bins_and_the_free_energy_difference(result: DrivenLevelOutcome) -> None:
    work = result.work
    assert work is not None
    drawn = plot.work_distributions(result, ax=axes())
    points = next(line for line in drawn.lines if line.get_label() == "P(w), forward, chain")
    np.testing.assert_array_equal(
        np.nan_to_num(points.get_ydata()), work.probabilities["landau-zener", "forward"]
    )
    vertical = next(line for line in drawn.lines if line.get_label().startswith("ΔΩ"))
    assert vertical.get_xdata()[0] == work.free_energy_difference
    assert plot.work_distributions(result, ax=axes(), log=True).get_yscale() == "log"


def test_the_fluctuation_theorem_is_a_line(result: DrivenLevelOutcome) -> None:
    assert result.work is not None
    ratios = [result.work.ratios[name] for name in ("exact", "landau-zener")]
    drawn = plot.fluctuation_line(ratios, ax=axes())
    lines = {line.get_label(): line for line in drawn.lines}
    chain = lines["Landau-Zener chain"]
    change = result.experiment.system.chain.grand_potential_change
    np.testing.assert_allclose(chain.get_ydata(), 1.2 * (chain.get_xdata() - change), atol=1e-10)
    plot.fluctuation_differences(ratios, ax=axes())
    with pytest.raises(InputError, match="one to 4"):
        plot.fluctuation_line([], ax=axes())


def test_work_without_a_lattice_is_a_density() -> None:
    text = TEXT.replace("2.0, 3.0", "2.1, 3.3333") + '[work]\ndirections = ["backward"]\n'
    uneven = outcome(text)
    assert uneven.work is not None
    assert uneven.work.edges is None
    drawn = plot.work_distributions(uneven, ax=axes())
    assert drawn.get_ylabel() == "probability density"
    lines = {line.get_label(): line for line in drawn.lines}
    curve = np.asarray(lines["P̃(−w), backward, exact"].get_ydata())
    expected = uneven.work.densities["exact", "backward"]
    shown = np.isfinite(curve)
    np.testing.assert_array_equal(curve[shown], expected[shown])
    forward = outcome(text.replace("backward", "forward")).work
    assert forward is not None
    assert uneven.work.free_energy_difference == pytest.approx(
        forward.free_energy_difference, abs=1e-13
    )


def test_scan_points_are_the_exact_answer(result: DrivenLevelOutcome) -> None:
    assert result.scan is not None
    drawn = panels.scan_occupation(result, ax=axes())
    points = next(line for line in drawn.lines if line.get_label() == "exact")
    np.testing.assert_array_equal(points.get_ydata(), result.scan["occupation"])
    assert drawn.get_xlabel() == "couplings (E)"


def test_a_surface_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"have the shape \(2, 3\)"):
        plot.entropy_production_surface(
            [0, 0.5, 1], [0, 1], [[0, 1], [1, 0]], reservoir_occupation=0.5
        )


def test_panels_without_data_are_refused(bare: DrivenLevelOutcome) -> None:
    with pytest.raises(InputError, match="no distribution"):
        plot.work_distributions(bare, ax=axes())
    with pytest.raises(InputError, match="no scan"):
        panels.scan_occupation(bare, ax=axes())


def test_the_figure_has_what_was_asked_for(
    result: DrivenLevelOutcome, bare: DrivenLevelOutcome
) -> None:
    assert len(result.figure().axes) == 8
    assert len(bare.figure().axes) == 2


@pytest.mark.slow
def test_many_levels_and_none_at_all() -> None:
    many = TEXT.replace("[1.0, 2.0, 3.0, 4.0]", "{ from = 0.1, to = 4.9, count = 80 }")
    outcome("work = false\n" + many).figure()
    none = outcome(TEXT.replace("stop = 5.0", "stop = 0.5"))
    assert len(none.figure().axes) == 6
    assert "no reservoir level is met" in studies.report(none)


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.slow
def test_files_report_and_global_state(result: DrivenLevelOutcome, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    for name, content in files(result).items():
        (tmp_path / name).write_bytes(content)
    assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "figure.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    checker = _Checker()
    checker.feed(page)
    assert checker.open == []
    assert [ref.partition(",")[0] for ref in checker.references] == ["data:image/svg+xml;base64"]
    assert "<b>bold</b>" not in page
    for words in ("The whole drive", "natural, ħ = k_B = 1", "Jarzynski", "driven_level.couplings"):
        assert words in page
    assert '<span class="good">within</span>' in page


@pytest.mark.slow
def test_long_tables_of_a_report_are_thinned() -> None:
    values = [round(0.05 + 0.01 * k, 2) for k in range(70)]
    text = "work = false\n" + TEXT + SCAN.replace("[0.05, 0.2, 0.8]", str(values))
    page = studies.report(outcome(text))
    assert "One row in 2 of 70" in page
