"""The published results must come out, and be written whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anticrossing import reproduce
from anticrossing._core.checks import InputError
from tests.effort import slow
from tests.result_protocol import check

# The longest; the laws behind them have quick tests of their own in dynamics and formulas.
LONG = ("tully", "dephasing-lindbladian", "landau-zener-limits", "finite-window", "stueckelberg")
LONG += ("barra-esposito", "geometric-phase", "retinal")


@pytest.mark.parametrize("name", [slow(n) if n in LONG else n for n in reproduce.NAMES])
def test_published_result_agrees(name: str, tmp_path: Path) -> None:
    reproduction = reproduce.compute(name, tmp_path / "out")
    assert reproduction.agrees, reproduction.conclusion
    assert all(len(row) == len(reproduction.columns) for row in reproduction.rows)
    stored = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert stored == reproduction.summary()
    assert (tmp_path / "out" / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_finite_window_numbers_of_the_theory_page() -> None:
    rows = {(row[0], row[1]): row for row in reproduce.compute("finite-window").rows}
    infinite = 0.20787957635076193  # exp(-π/2)
    assert abs(rows[1.0, 50.0][2] / infinite - 1) == pytest.approx(0.063, abs=0.001)
    assert abs(rows[1.0, 50.0][5] / infinite - 1) == pytest.approx(2e-5, abs=1e-5)


def test_result_protocol(tmp_path: Path) -> None:
    check(reproduce.compute("demkov-osherov"), tmp_path)


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean `finite-window`"):
        reproduce.compute("finite-windows")


def test_descriptions_cover_every_name() -> None:
    lines = reproduce.descriptions()
    assert tuple(lines) == reproduce.NAMES
    assert all(line.endswith(".") for line in lines.values())
