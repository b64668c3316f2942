"""Many periods of a drive: flat in their number, against every period in turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import many_periods

OMEGA = 1.1
QUBIT = ac.models.LandauZener(gap=0.7)
LEVELS = ac.Hamiltonian.affine(
    [[0, 0.3, 0.1, 0], [0.3, 1, 0.2, 0.1], [0.1, 0.2, 2, 0.3], [0, 0.1, 0.3, 3]],
    np.diag([1.0, -1.0, 2.0, 0.5]),
)
WARM = ac.ThermalRelaxation(temperature=0.5, t1=50.0) + ac.Dephasing(rate=0.05)
CASES = {
    "qubit": (QUBIT, {}),
    "4 levels": (LEVELS, {}),
    "qubit with an environment": (QUBIT, {"environment": WARM}),
}
PERIODS = (10, 10**3, 10**5, 10**7)
FLATNESS = 3.0
UNSPLIT = {"qubit": 3000}  # periods that are followed one by one too; others a hundred


def _run(case: str, periods: float) -> float:
    hamiltonian, details = CASES[case]
    drive = ac.drive.Sinusoidal(0.3, 3.0, OMEGA, stop_time=periods * 2 * np.pi / OMEGA)
    start = time.process_time()
    ac.propagate(hamiltonian, drive, **details)
    return time.process_time() - start


@pytest.mark.parametrize("case", CASES)
def test_flat_in_the_number_of_periods(
    benchmark: Any,
    report: Callable[[str, dict[str, Any]], None],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    for periods in PERIODS:
        _run(case, periods)
    rounds = [[_run(case, periods) for periods in PERIODS] for _ in range(7)]
    cost = np.min(rounds, axis=0)
    benchmark.pedantic(_run, (case, PERIODS[-1]), rounds=3)
    some = UNSPLIT.get(case, 100)
    split = min(_run(case, some) for _ in range(3))
    monkeypatch.setattr(many_periods, "FEWEST", np.inf)
    _run(case, 9)
    unsplit = _run(case, some)
    report(
        f"many periods, {case}",
        {
            **{
                f"{periods:.0e} periods (ms)": 1e3 * c
                for periods, c in zip(PERIODS, cost, strict=True)
            },
            "slowest over fastest": float(cost.max() / cost.min()),
            f"{some} periods one by one, over powers": unsplit / split,
        },
    )
    assert cost.max() / cost.min() < FLATNESS
    assert unsplit > 2 * split
