"""What control returns shows itself, becomes a dataset and a file, and is drawn."""

import pytest

import anticrossing as ac
from anticrossing.control import counterdiabatic, least_dissipation_protocol, optimal_rate
from tests.result_protocol import check

SWEEP = ac.drive.Linear(-5, 5, rate=1.0)
JUMP = ac.control.StateTarget(0, 1)
ENDS = {"start": -5.0, "stop": 5.0, "coefficients": 4, "goal": 0.3, "starts": 1}

RESULTS = {
    "counterdiabatic": lambda: counterdiabatic(ac.models.LandauZener(gap=1.0), SWEEP),
    "optimal rate": lambda: optimal_rate(gap=1.0, error=1e-2),
    "optimal rate on a window": lambda: optimal_rate(gap=1.0, error=1e-2, start=-20, stop=20),
    "least dissipation": lambda: least_dissipation_protocol(
        start=-2.0,
        stop=2.0,
        duration=5.0,
        rate=1.0,
        temperature=1.0,
        chemical_potential=0.0,
        cells=20,
    ),
    "optimal drive": lambda: ac.control.optimal_drive(
        ac.models.LandauZener(gap=[1.0, 1.1]), JUMP, duration=1.0, **ENDS
    ),
    "minimum time": lambda: ac.control.minimum_time(
        ac.models.LandauZener(gap=1.0), JUMP, longest=1.0, precision=0.5, **ENDS
    ),
    "speed limit": lambda: ac.control.speed_limit(
        ac.models.LandauZener(gap=1.0), JUMP, start=-5.0, stop=5.0, lower=-5.0, upper=5.0
    ),
    "composite passage": lambda: ac.control.composite_passage(
        ac.models.LandauZener(gap=[1.0, 1.2]), SWEEP, 3
    ),
    "double passage": lambda: ac.control.double_passage(ac.models.LandauZener(gap=1.0), SWEEP, 0.5),
}


@pytest.mark.quick(5)
@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_result_shows_itself(make, tmp_path):
    check(make(), tmp_path)
