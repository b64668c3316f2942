"""Pictures that many results share, the axes they are drawn into, and what they may import."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import anticrossing as ac
from anticrossing import plot
from anticrossing._core.checks import InputError
from anticrossing._core.drawing import new_axes
from anticrossing._core.style import style
from anticrossing.thermodynamics import MarkovChain, Reservoir


@pytest.fixture(scope="module")
def passage() -> Any:
    hamiltonian, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-10, 10, rate=1.0)
    return ac.propagate(hamiltonian, sweep, times=np.linspace(-10, 10, 41))


@pytest.fixture(scope="module")
def run() -> Any:
    pair = [[0.0, 0.1], [0.1, 0.0]]
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 0.2 * step] for step in range(4)],
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(1.0, 0.5, name="left"), Reservoir(1.0, -0.5, name="right")],
        attempts=[pair, pair],
    )
    return chain.run([1.0, 0.0])


def labels(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_plot_imports_nothing_of_what_it_draws() -> None:
    for path in Path(plot.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        types = {
            node
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
            for node in ast.walk(block)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node not in types:
                parts = (node.module or "").split(".")
                assert parts[0] != "anticrossing" or parts[1] in ("_core", "units", "plot"), path


def test_dir_is_complete_and_every_name_is_there() -> None:
    assert set(plot.__all__) <= set(dir(plot))
    assert {"fringes", "populations", "level_diagram", "style"} <= set(plot.__all__)
    modules = [name for name in plot.__all__ if isinstance(getattr(plot, name), ModuleType)]
    assert modules == ["style"]


def test_a_new_figure_has_the_style_and_given_axes_keep_theirs(passage: Any) -> None:
    before = dict(matplotlib.rcParams)
    own = plot.populations(passage)
    assert own.get_title() == "Populations"
    assert not own.spines["top"].get_visible()
    assert own.figure._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    given = Figure().subplots()
    assert plot.populations(passage, ax=given) is given
    assert given.get_title() == "Populations"
    assert given.spines["top"].get_visible()
    assert dict(matplotlib.rcParams) == before


def test_ticks_keep_the_style_when_the_figure_is_drawn_later() -> None:
    axes = new_axes()
    with style():
        inside = axes.figure.subplots()
        inside.figure.canvas.draw()
    outside = axes.xaxis.get_ticklabels()[0]
    within = inside.xaxis.get_ticklabels()[0]
    assert outside.get_size() == within.get_size()
    assert outside.get_color() == within.get_color()


def test_wrong_axes_are_refused_in_words(passage: Any) -> None:
    with pytest.raises(InputError, match="`ax` must be an Axes, but it is 3"):
        plot.populations(passage, ax=3)


def test_populations_show_every_level_and_bands_of_means(passage: Any) -> None:
    drawn = plot.populations(passage, names=["ground", "excited"], unit="ns")
    for index, line in enumerate(drawn.lines[:2]):
        np.testing.assert_array_equal(line.get_ydata(), passage.populations[:, index])
    assert labels(drawn) == ["ground", "excited"]
    assert drawn.get_xlabel() == "time (ns)"
    mean = SimpleNamespace(value=np.full((3, 2), 0.5), error=np.full((3, 2), 0.1))
    drawn = plot.populations(SimpleNamespace(times=np.arange(3.0), populations=mean))
    assert len(drawn.collections) == 2
    low = drawn.collections[0].get_paths()[0].vertices[:, 1].min()
    assert low == pytest.approx(0.4)


def test_what_has_no_populations_in_time_is_refused(passage: Any) -> None:
    for wrong in (
        3,
        SimpleNamespace(times=np.arange(3.0), populations=np.zeros((4, 2))),
        SimpleNamespace(times=None, populations=np.zeros((2, 3, 2))),
    ):
        with pytest.raises(InputError, match="`result` must hold populations of one parameter"):
            plot.populations(wrong)
    with pytest.raises(InputError, match="`names` must name 2 levels"):
        plot.populations(passage, names=["a"])


def test_final_probabilities_and_predictions_upon_them(passage: Any) -> None:
    outside = SimpleNamespace(probabilities=np.array([0.7, 0.3]), valid=False)
    drawn = plot.final_probabilities(passage, predictions={"a $": [0.8, 0.2], "b": outside})
    assert [bar.get_height() for bar in drawn.patches] == passage.probabilities.tolist()
    assert [line.get_ydata().tolist() for line in drawn.lines] == [[0.8, 0.2], [0.7, 0.3]]
    assert labels(drawn) == ["a \\$", "b (outside)", "exact"]
    with pytest.raises(InputError, match="`predictions` must have shape"):
        plot.final_probabilities(passage, predictions={"a": [1.0]})
    with pytest.raises(InputError, match="`result` must hold probabilities of shape"):
        plot.final_probabilities(np.eye(2))


def test_conditions_reach_beyond_the_limit_where_they_fail() -> None:
    found = ac.formulas.landau_zener(gap=1.0, sweep_rate=1.0, window=3.0, dephasing_time=1e4)
    drawn = plot.checks(found)
    bars = dict(zip(found.checks, drawn.patches, strict=False))
    for check, bar in bars.items():
        assert (bar.get_width() > 1) == (not check.satisfied)
        assert bar.get_width() == pytest.approx(max(check.worst / check.limit, 1e-3))
    assert len({bar.get_facecolor() for bar in bars.values()}) == 2
    assert all(
        check.quantity in text.get_text() for check, text in zip(bars, drawn.texts, strict=True)
    )
    large = ac.formulas.DomainCheck("number", 5.0, 10.0, "too small", at_least=True)
    drawn = plot.checks(SimpleNamespace(checks=(large,)))
    assert drawn.patches[0].get_width() == 2.0
    with pytest.raises(InputError, match="`prediction` must have conditions"):
        plot.checks(SimpleNamespace(checks=()))


def test_matrix_shows_final_upon_initial(passage: Any) -> None:
    drawn = plot.transition_matrix(passage)
    np.testing.assert_array_equal(drawn.images[0].get_array(), passage.transition_matrix)
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("initial", "final")
    assert len(plot.transition_matrix(np.eye(20)).texts) == 0
    with pytest.raises(InputError, match=r"`result` must hold a matrix of shape \(N, N\)"):
        plot.transition_matrix(np.zeros((2, 3)))


def test_levels_with_their_crossings() -> None:
    ladder = ac.models.DemkovOsherov(levels=[-1.0, 0.0, 1.0], couplings=[0.1, 0.0, 0.2])
    x = np.linspace(-3, 3, 61)
    found = ac.find_crossings(ladder, -3, 3)
    energies = ac.spectrum.levels(ladder, x)
    drawn = plot.level_diagram(x, energies, crossings=found, name="ε", unit="GHz")
    for index in range(4):
        np.testing.assert_array_equal(drawn.lines[index].get_ydata(), energies[:, index])
    assert drawn.get_xlabel() == "ε (GHz)"
    marked = [line.get_xdata() for line in drawn.lines[4:]]
    assert sorted(np.concatenate(marked)) == found.positions.tolist()
    assert [text.get_text() for text in drawn.texts] == ["1", "2", "3"]
    assert "true crossing" in labels(drawn)
    assert plot.level_diagram(x, energies, diabats=energies).get_title() == "Levels"
    with pytest.raises(InputError, match=r"`energies` must have shape \(61, N\)"):
        plot.level_diagram(x, energies.T)


def test_degenerate_levels_stand_side_by_side() -> None:
    drawn = plot.level_ladder([0.0, 1.0, 1.0], names=["a", "b", "c"], unit="eV")
    first, second, third = (line.get_xdata() for line in drawn.lines)
    assert first[0] == second[0] < second[1] < third[0] < third[1]
    assert [text.get_text() for text in drawn.texts] == ["a", "b, c"]
    with pytest.raises(InputError, match="sorted upwards"):
        plot.level_ladder([1.0, 0.0])
    with pytest.raises(InputError, match="`names` must name 1 levels"):
        plot.level_ladder([1.0], names=[])


def test_ledger_is_summed_step_by_step(run: Any) -> None:
    drawn = plot.ledger(run, unit="eV")
    steps = {patch.get_label(): patch.get_data().values for patch in drawn.patches}
    np.testing.assert_allclose(steps["mechanical work"], np.cumsum(run.mechanical_work))
    np.testing.assert_allclose(steps["heat, right"], np.cumsum(run.heat[:, 1]))
    assert drawn.get_ylabel() == "sum since the start (eV)"
    law = plot.ledger(run, ("entropy_change", "entropy_flow", "entropy_production"))
    ends = {patch.get_label(): patch.get_data().values[-1] for patch in law.patches}
    flows = ends["entropy flow, left"] + ends["entropy flow, right"]
    assert ends["entropy change"] == pytest.approx(flows + ends["entropy production"])


def test_a_ledger_of_something_else_is_refused(run: Any) -> None:
    with pytest.raises(InputError, match="`quantities` must name attributes"):
        plot.ledger(run, ["weight"])
    with pytest.raises(InputError, match="`quantities` must name at least one"):
        plot.ledger(run, [])
    with pytest.raises(InputError, match="`result` must be a ChainLedger or a MarkovLedger"):
        plot.ledger(3)
