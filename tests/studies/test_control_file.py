"""Files that look for a drive: what is accepted, one clear line for the rest, what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import studies
from anticrossing.control import StateTarget, optimal_drive
from anticrossing.models import LandauZener
from anticrossing.studies.kinds.control import ControlOutcome
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "robust_transfer.toml"
JUMP = """
[hamiltonian]
model = "LandauZener"
gap = 1.0
[control]
final = 1
duration = 4.0
start = -5.0
stop = 5.0
lower = -5.0
upper = 5.0
coefficients = 6
starts = 1
"""
BOTH = 'vary = "gap"\nvalues = [0.9, 1.1]\n'


@pytest.mark.slow
def test_the_numbers_are_those_of_the_function(tmp_path: Path) -> None:
    found = studies.run(studies.parse(JUMP + BOTH))
    assert isinstance(found, ControlOutcome)
    same = optimal_drive(
        LandauZener(gap=[0.9, 1.1]),
        StateTarget(0, 1),
        duration=4.0,
        start=-5.0,
        stop=5.0,
        lower=-5.0,
        upper=5.0,
        coefficients=6,
        starts=1,
    )
    np.testing.assert_array_equal(found.found.coefficients, same.coefficients)
    assert found.found.figure == same.figure
    assert found.lost[[0, -1]] == pytest.approx(same.infidelity, abs=1e-9)
    check_tables(found, ["drive", "infidelity"])
    check_outcome(found, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("duration = -1.0", "duration"),
        ("final = 2", "final"),
        ("lower = -1.0", "start"),
        ('shape = "spline"', "shape"),
        ("goal = 0", "goal"),
        ("starts = 0", "starts"),
        ("slope = 0.1", "slope"),
        ("seed = -1", "seed"),
    ],
)
def test_what_makes_no_sense_is_refused(change: str, message: str) -> None:
    key = change.split(" ")[0]
    kept = [line for line in JUMP.splitlines() if line.split(" ")[0] != key]
    refuse("\n".join([*kept, change]), message)


def test_values_need_a_parameter_of_the_hamiltonian() -> None:
    refuse(JUMP + "values = [0.9, 1.1]\n", "vary")
    refuse(JUMP + 'vary = "width"\nvalues = [0.9, 1.1]\n', "`vary` must be one of 'gap'")
    refuse(JUMP + 'vary = "gap"\nvalues = [1.1, 0.9]\n', "values")


@pytest.mark.slow
def test_the_example_is_robust(tmp_path: Path) -> None:
    found = studies.run(studies.load(EXAMPLE))
    assert isinstance(found, ControlOutcome)
    assert found.found.reached
    assert found.lost.max() <= 1e-4
    check_outcome(found, tmp_path)


@pytest.mark.slow
def test_a_scan_over_durations_runs() -> None:
    text = JUMP + '[scan]\nparameter = "control.duration"\nvalues = [1.0, 4.0]\n'
    found = studies.run(studies.parse(text))
    assert isinstance(found, ControlOutcome)
    assert found.scan is not None
    assert found.scan["figure"][0] > found.scan["figure"][1] - 1e-4
