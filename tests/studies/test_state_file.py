"""Files with [state]: one state alone, of few levels and of thousands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing.studies.kinds.state import StateOutcome
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "quenched_chain.toml"
FEW = """
[hamiltonian]
model = "TransverseIsing"
sites = 4
[drive]
kind = "linear"
start = 3.0
stop = 0.2
rate = -0.5
[state]
"""
MANY = FEW.replace("sites = 4", "sites = 10")
BATH = '[environment]\nkind = "thermal"\ntemperature = 0.5\nt1 = 100.0\n'


def run(text: str) -> StateOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, StateOutcome)
    return found


def modes(sites: int) -> float:
    """Return the probability of the ground state by the independent modes of the chain."""
    momentum = ac.models.ising_momenta(sites)
    drive = ac.drive.Linear(3.0, 0.2, rate=-0.5)
    found = ac.propagate(ac.models.TransverseIsingMode(momentum=momentum), drive)
    return float(np.prod(found.transition_matrix[:, 0, 0]))


def method(outcome: StateOutcome) -> dict[str, object]:
    """Return the rows of the table that says how the numbers were found."""
    return {str(row[0]): row[1] for row in outcome.tables()[1].rows}


@pytest.mark.slow
def test_few_levels_agree_with_independent_modes(tmp_path: Path) -> None:
    found = run(FEW + "samples = 5\n")
    assert found.probabilities[0] == pytest.approx(modes(4), abs=1e-10)
    check_tables(found, ["final probabilities", "method"])
    summary = check_outcome(found, tmp_path)
    assert summary["probability"][0] == found.probabilities[0]
    assert found.evolution.populations.shape == (5, 16)
    said = method(found)
    assert said["method"] == found.evolution.method
    assert said["sectors"] == ", ".join(map(str, found.evolution.sectors))
    assert "level 0 with P = " in found.sentences().verdict


@pytest.mark.slow
def test_thousands_of_levels_agree_with_independent_modes(tmp_path: Path) -> None:
    found = run(MANY + "levels = 2\nsamples = 3\n")
    assert found.probabilities[0] == pytest.approx(modes(10), abs=1e-10)
    assert found.evolution.populations.shape == (3, 2)
    assert method(found)["method"] == "direct"
    assert int(str(method(found)["products with H"])) > 0
    check_outcome(found, tmp_path)


@pytest.mark.slow
def test_the_method_is_the_one_of_the_file() -> None:
    found = run(MANY.replace("rate = -0.5", "rate = -0.001") + 'levels = 2\nmethod = "lowest"\n')
    said = method(found)
    assert said["method"] == "lowest"
    assert {"eigenproblems", "levels followed", "leakage"} <= set(said)


def test_whole_gives_the_map_too_and_the_same_probabilities() -> None:
    one, whole = run(FEW), run(FEW + "whole = true\n")
    np.testing.assert_allclose(one.probabilities, whole.probabilities, atol=1e-9)
    assert "transition_probability" in whole.own_variables()


def test_an_environment_is_followed_too() -> None:
    found = run(FEW + BATH)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-9)
    assert found.experiment.expected is None


def test_a_scan_follows_the_state_at_every_point() -> None:
    found = run(FEW + '[scan]\nparameter = "drive.rate"\nvalues = [-0.5, -1.0]\n')
    assert found.scan is not None
    assert found.scan["probability"][0, 0] == pytest.approx(modes(4), abs=1e-10)
    assert found.scan["probability"][1, 0] < found.scan["probability"][0, 0]


def test_progress_is_that_of_the_evolution() -> None:
    told: list[tuple[int, int]] = []
    studies.run(studies.parse(MANY), progress=lambda *at: told.append(at))
    assert told[-1] == (1000, 1000)


def test_the_example_runs() -> None:
    found = studies.load(EXAMPLE)
    assert found.setup["hamiltonian"].startswith("TransverseIsing")


SLOW = MANY.replace("rate = -0.5", "rate = -1e-11")
BAD = {
    "key": (FEW + "level = 2\n", "did you mean `levels`"),
    "method": (MANY + 'method = "quick"\n', "`method` must be one of"),
    "levels of few": (FEW + "levels = 2\n", r"\[state\]: Argument `levels` must be given for a"),
    "method of few": (FEW + 'method = "direct"\n', r"\[state\]: Argument `method` must be given"),
    "no levels": (MANY + "levels = 0\n", r"\[state\]: Argument `levels` must"),
    "too many": (MANY + "levels = 300\n", r"\[state\]: Argument `levels` must be at most"),
    "text": (MANY + 'levels = "two"\n', "`levels` must be an integer"),
    "whole": (MANY + "whole = true\n", r"\[state\]: Argument `whole` must be false for 1024"),
    "whole as text": (FEW + 'whole = "yes"\n', "`whole` must be true or false"),
    "initial": (FEW + "initial = 16\n", "`initial` must be a level from 0 to 15"),
    "samples": (FEW + "samples = -1\n", "`samples` must"),
    "tolerance": (FEW + "tolerance = 1.0\n", r"\[state\]: Argument `tolerance` must"),
    "hours": (FEW + "most_hours = -1.0\n", "`most_hours` must"),
    "work": (SLOW + 'method = "direct"\n', r"\[state\]: .* hours: method='lowest'"),
    "turning": (
        MANY.replace('"linear"', '"sinusoidal"')
        .replace("start = 3.0", "offset = 0.0")
        .replace("stop = 0.2", "amplitude = 1.0")
        .replace("rate = -0.5", "frequency = 1.0")
        + 'method = "lowest"\n',
        r"\[state\]: Argument `drive` must move one way",
    ),
    "environment": (MANY + BATH, "`environment` must be left out for a large"),
    "sites": (MANY.replace("10", "17"), "`sites` must be at most 16 in a file"),
    "passage": (MANY.replace("[state]", ""), "`sites` must be at most 6 in a file"),
    "question": (FEW + "[question]\ninitial = 1\n", r"\[question\] has no meaning beside"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_bad_input(name: str) -> None:
    refuse(*BAD[name])
