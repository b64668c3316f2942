"""The manual from the command line: with and without a browser, and without a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pytest

from anticrossing.cli.names import ADDRESS, PAGES, TOLD

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_of_the_manual_is_known() -> None:
    assert set(PAGES) == {path.stem for path in DOCS.glob("*.md")} - {"index"}


def test_a_name_is_described_from_the_package_itself(call: Any) -> None:
    outcome = call("docs", "--print", "LandauZener")
    lines = outcome.out.splitlines()
    assert lines[0] == "models.LandauZener(*, gap=1.0)" or lines[0].startswith(
        "models.LandauZener("
    )
    assert lines[2] == "Two levels that cross linearly, with a constant coupling."
    assert "Parameters" in lines
    assert lines[-1] == f"{ADDRESS}search.html?q=LandauZener"
    for asked in ("ac.models.LandauZener", "models.LandauZener", "anticrossing.models.LandauZener"):
        assert call("docs", "--print", asked).out == outcome.out


def test_a_class_is_shown_with_its_arguments(call: Any) -> None:
    for asked in ("GateTarget", "TelegraphNoise", "drive.Linear"):
        first = call("docs", "--print", asked).out.partition("\n")[0]
        assert "(" in first, asked
        assert "*args" not in first, asked


def test_pages(call: Any) -> None:
    listed = call("docs").out
    assert all(f" {page} " in listed for page in PAGES)
    for asked in ("sharp_edges", "sharp-edges", "Sharp_Edges.md"):
        assert call("docs", "--print", asked).out.splitlines() == [
            PAGES["sharp_edges"],
            f"{ADDRESS}sharp_edges.html",
        ]


def test_where_an_equation_is(call: Any) -> None:
    lines = call("docs", "--print", "Zener", "1932", "(5)").out.splitlines()
    assert lines[:-1] == ["models.LandauZener: C. Zener, Proc. R. Soc. A 137, 696 (1932), eq. (5)"]


@pytest.mark.parametrize(
    ("asked", "page", "name"),
    [
        ("telegraph noise", "open_systems", "environment.noise.TelegraphNoise"),
        ("1/f noise", "open_systems", "environment.noise.PinkNoise"),
        ("Redfield", "open_systems", "environment.Bath"),
        ("Lamb shift", "open_systems", ""),
        ("polaron", "open_systems", ""),
        ("quantum jumps", "open_systems", "dynamics.quantum_jumps"),
        ("exceptional point", "open_systems", "spectrum.ExceptionalPoints"),
        ("mean field", "mean_field", "hamiltonian.MeanField"),
        ("swallow tail", "mean_field", "spectrum.mean_field_levels"),
        ("Wu–Niu", "mean_field", "models.TwoModeCondensate"),
        ("Kayanuma 1985", "", "formulas.noisy_coupling_landau_zener"),
        ("derivative", "theory", "dynamics.Derivative"),
        ("gradient", "theory", ""),
        ("sensitivity", "files", "analysis.Sensitivity"),
        ("spectroscopy fit", "fits", ""),
        ("optimal control", "recipes", "control.optimal_drive"),
        ("minimum time", "", "control.minimum_time"),
        ("quantum speed limit", "", "control.speed_limit"),
        ("table", "diabatization", ""),
        ("operator file", "vibronic", "models.read_operator"),
        ("hops", "molecules", ""),
        ("SPAM", "fits", ""),
        ("interval", "fits", ""),
        ("spin orbit", "rates", ""),
        ("binomial", "fits", "fits.Measurement"),
        ("posterior", "fits", "fits.Posterior"),
        ("Fisher information", "fits", "fits.FitResult"),
    ],
)
def test_subjects(call: Any, asked: str, page: str, name: str) -> None:
    outcome = call("docs", "--print", asked)
    assert outcome.status == 0
    found = [line.partition(":")[0] for line in outcome.out.splitlines()]
    assert {page, name} - {""} <= set(found)


def test_pages_tell_of_what_is_said_of_them() -> None:
    for page, told in TOLD.items():
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8").lower()
        assert [words for words in told if words.lower() not in text] == []


def test_what_nothing_is_called(call: Any) -> None:
    outcome = call("docs", "--print", "proagate")
    assert (outcome.status, outcome.out) == (2, "")
    assert "did you mean `propagate`?" in outcome.err
    for far in ("nonsense", "qwertz"):
        assert "did you mean" not in call("docs", "--print", far).err


@pytest.mark.parametrize(("opened", "more"), [(True, False), (False, True)])
def test_a_browser_is_opened_on_a_terminal_alone(
    call: Any, monkeypatch: pytest.MonkeyPatch, opened: bool, more: bool
) -> None:
    asked: list[str] = []

    def launch(address: str) -> int:
        asked.append(address)
        return 0 if opened else 1

    monkeypatch.setattr(click, "launch", launch)
    address = f"{ADDRESS}theory.html"
    assert call("docs", "theory").out.splitlines() == [PAGES["theory"], address]
    assert asked == []  # at a pipe
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    printed = call("docs", "theory").out.splitlines()
    assert asked == [address]
    assert printed == ([PAGES["theory"]] if more else []) + [address]
    call("docs", "theory", "--print")
    assert asked == [address]
