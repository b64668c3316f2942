"""What a slower sweep costs in contact with a bath, by each master equation: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import best_of

import anticrossing as ac
from anticrossing.environment.bath import EQUATIONS
from anticrossing.environment.spectral_density import Debye

MOST_PANELS = 40
MOST_SPREAD = 5.0
OPERATORS = {"fixed": np.diag([0.5, -0.5]), "tilted": np.array([[0.5, 0.1], [0.1, -0.5]])}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_cost_is_flat_over_six_decades(
    equation: str, report: Callable[[str, dict[str, Any]], None]
) -> None:
    H = ac.models.LandauZener(gap=1.0)
    density = Debye(reorganization_energy=0.05, relaxation_rate=2.0)
    for name, operator in OPERATORS.items():
        bath = ac.Bath(operator, density, 1.0, equation=equation)
        drives = [ac.drive.Linear(-20, 20, rate=10.0**-k) for k in range(7)]

        def solve(drive: Any, bath: ac.Bath = bath) -> Any:
            return ac.propagate(H, drive, environment=bath)

        panels = [int(solve(drive).panels) for drive in drives]
        timings = best_of([lambda drive=drive: solve(drive) for drive in drives], rounds=5)
        spread = max(t.wall for t in timings) / min(t.wall for t in timings)
        report(
            f"bath, {equation}, {name}",
            {
                "panels": " ".join(map(str, panels)),
                "slowest / fastest": spread,
                "targets": f"{MOST_PANELS} panels and {MOST_SPREAD:g}",
            },
        )
        assert max(panels) <= MOST_PANELS
        assert spread <= MOST_SPREAD
