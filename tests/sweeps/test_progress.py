"""Bars of progress: on a terminal, in a notebook, and nothing where there is neither."""

from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import anticrossing as ac
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from anticrossing.molecules.trajectories import Fixed, run_trajectories
from anticrossing.sweeps import progress as bars

TULLY = ac.models.TullySimple()


class Notebook:
    """Stands for IPython with a kernel: remembers what is displayed in the one output."""

    def __init__(self, *, kernel: bool = True) -> None:
        self.shown: list[Any] = []
        shell = SimpleNamespace(kernel=object()) if kernel else SimpleNamespace()
        self.module, self.page = ModuleType("IPython"), ModuleType("IPython.display")
        self.module.get_ipython = lambda: shell  # type: ignore[attr-defined]
        self.page.HTML = str  # type: ignore[attr-defined]
        self.page.display = self.display  # type: ignore[attr-defined]

    def display(self, html: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        self.shown.append(html)
        return SimpleNamespace(update=lambda html, raw=False: self.shown.append(html))


def enter(monkeypatch: pytest.MonkeyPatch, *, kernel: bool = True) -> Notebook:
    notebook = Notebook(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", notebook.module)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook.page)
    monkeypatch.setattr(bars, "_BETWEEN", 0.0)
    return notebook


def test_a_notebook_shows_a_bar_that_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = enter(monkeypatch)
    with bars.reporting(True, 2, 8, "<sweep>") as tell:
        tell(4, 8)
        tell(8, 8)
    *pictures, last = notebook.shown
    values = [re.search(r'value="(\d+)" max="8"', html)[1] for html in pictures]  # type: ignore[index]
    assert values == ["2", "4", "8"]
    assert "&lt;sweep&gt; 2/8, 0:00:00" in pictures[0]
    assert pictures[-1].endswith("remaining 0:00:00")
    assert last == {"text/plain": ""}
    assert capsys.readouterr() == ("", "")


def test_a_bar_goes_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = enter(monkeypatch)
    with pytest.raises(ZeroDivisionError), bars.reporting(True, 0, 8):
        raise ZeroDivisionError
    assert notebook.shown[-1] == {"text/plain": ""}


def test_quick_steps_are_not_all_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = enter(monkeypatch)
    monkeypatch.setattr(bars, "_BETWEEN", 3600.0)
    with bars.shares(True, "propagate") as tell:
        for k in range(1000):
            tell(k / 1000)
    assert len(notebook.shown) == 2


def test_ipython_on_a_pipe_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = enter(monkeypatch, kernel=False)
    with bars.reporting(True, 0, 8) as tell:
        tell(8, 8)
    assert notebook.shown == []
    assert capsys.readouterr() == ("", "")


def follow_packet(progress: Any) -> Any:
    return propagate_packet(
        TULLY, Grid(-24.0, 24.0, 256), 2000.0, WavePacket(centre=-12.0, momentum=10.0, width=1.0),
        stop=20.0, step=4.0, samples=3, progress=progress,
    )  # fmt: skip


def follow_trajectories(progress: Any) -> Any:
    return run_trajectories(
        TULLY, masses=2000.0, initial=Fixed(-5.0, 20.0), step=10.0, steps=3, count=4, seed=1,
        batch=2, progress=progress,
    )  # fmt: skip


@pytest.mark.parametrize(("follow", "total"), [(follow_packet, 2), (follow_trajectories, 4)])
def test_molecules_show_a_bar_too(follow: Any, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = enter(monkeypatch)
    follow(True)
    assert f'value="0" max="{total}"' in notebook.shown[0]
    assert f'value="{total}" max="{total}"' in notebook.shown[-2]
    counted: list[tuple[int, int]] = []
    follow(lambda *now: counted.append(now))
    assert counted[-1] == (total, total)
    with pytest.raises(ac.InputError, match="Argument `progress` must be"):
        follow("yes")
