"""The published results must come out, and be written whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anticrossing import reproduce
from anticrossing._core.checks import InputError
from anticrossing.reproduce import Comparison, Number, fe8
from tests.effort import slow
from tests.result_protocol import check

# The longest; the laws behind them have quick tests of their own in dynamics and formulas.
LONG = (
    "tully",
    "marcus-hopping",
    "dephasing-lindbladian",
    "landau-zener-limits",
    "finite-window",
    "stueckelberg",
)
LONG += ("barra-esposito", "geometric-phase", "berry-histories", "brundobler-elser", "retinal")
LONG += ("quantum-annealing-24",)
LONG += ("fe8",)
LONG += ("kibble-zurek", "wubs", "zenesini", "amplitude-spectroscopy", "wu-niu")
LONG += ("akulin-schleich",)
LONG += ("nalbach-thorwart", "albash-lidar")
LONG += ("kibble-zurek", "wubs", "zenesini", "amplitude-spectroscopy", "kayanuma-noise")


@pytest.mark.parametrize("name", [slow(n) if n in LONG else n for n in reproduce.NAMES])
def test_published_result_agrees(name: str, tmp_path: Path) -> None:
    reproduction = reproduce.compute(name, tmp_path / "out")
    assert reproduction.agrees, reproduction.conclusion
    assert all(len(row) == len(reproduction.columns) for row in reproduction.rows)
    assert reproduction.numbers
    for number in reproduction.numbers:
        assert number.agrees, number
        assert number.quantity
        assert number.source
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


def test_all_numbers_stand_in_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "NAMES", ("demkov-osherov",))
    done: list[str] = []
    comparison = reproduce.compute_all(tmp_path / "all", report=lambda name, _: done.append(name))
    assert done == ["demkov-osherov"]
    assert comparison.agrees
    assert comparison.found.shape == (36,)
    assert np.all(np.abs(comparison.difference) <= comparison.allowed)
    assert (tmp_path / "all" / "demkov-osherov" / "figure.png").exists()
    assert "36 of 36 numbers" in str(comparison)
    check(comparison, tmp_path)


def test_a_number_that_is_off_is_named() -> None:
    good = reproduce.compute("demkov-osherov")
    wrong = Number("P", 0.5, 0.6, 1e-3, "a paper")
    comparison = Comparison.of({"x": replace(good, numbers=(wrong,))}, {"x": 0.0})
    assert not comparison.agrees
    assert "OUTSIDE" in str(comparison)


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean `finite-window`"):
        reproduce.compute("finite-windows")


def test_descriptions_cover_every_name() -> None:
    lines = reproduce.descriptions()
    assert tuple(lines) == reproduce.NAMES
    assert all(line.endswith(".") for line in lines.values())


def test_the_tunnel_splitting_of_fe8_to_all_digits() -> None:
    import mpmath

    for field, fourth in ((0.0, 0.0), (0.3, -2.9e-5)):
        matrix = fe8.hamiltonian(field, fourth)[0]
        with mpmath.workdps(40):
            energies = mpmath.eigsy(mpmath.matrix(matrix.tolist()), eigvals_only=True)
            exact = float(energies[1] - energies[0])
        assert abs(fe8.splitting(field, fourth)) == pytest.approx(exact, rel=1e-9)
