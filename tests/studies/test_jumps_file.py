"""Files with [jumps], and levels that decay in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing.studies.kinds.jumps import JumpsOutcome
from anticrossing.studies.kinds.state import StateOutcome
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = """
hamiltonian = { model = "LandauZener", gap = 0.6 }
drive = { kind = "linear", start = -6, stop = 6, rate = 1.0 }
"""
BATH = 'environment = { kind = "dephasing", rate = 0.1 }\n'
DECAY = 'environment = { kind = "decay", widths = [0.0, "0.3 + 0*x"] }\n'
LZ, SWEEP = ac.models.LandauZener(gap=0.6), ac.drive.Linear(-6, 6, rate=1.0)


def test_trajectories_of_a_file(tmp_path: Path) -> None:
    text = HEAD + BATH + "[jumps]\ntrajectories = 60\nseed = 4\nsamples = 3\n"
    found = studies.run(studies.parse(text))
    assert isinstance(found, JumpsOutcome)
    bath = ac.Dephasing(rate=0.1)
    expected = ac.dynamics.quantum_jumps(
        LZ, SWEEP, bath, trajectories=60, seed=4, times=[-6.0, 0.0, 6.0]
    )
    np.testing.assert_array_equal(found.found.probabilities, expected.probabilities)
    np.testing.assert_array_equal(found.found.populations, expected.populations)
    check_tables(found, ["final probabilities", "jumps", "method"])
    check_outcome(found, tmp_path)
    assert "60 trajectories" in found.sentences().verdict


def test_a_scan_of_trajectories() -> None:
    text = HEAD + BATH + "[jumps]\ntrajectories = 20\n"
    text += '[scan]\nparameter = "environment.rate"\nvalues = [0.1, 0.2]\n'
    found = studies.run(studies.parse(text))
    assert found.scan is not None
    assert found.scan["probability"].shape == (2, 2)


@pytest.mark.slow
def test_a_state_of_levels_that_decay(tmp_path: Path) -> None:
    found = studies.run(studies.parse(HEAD + DECAY + "[state]\nsamples = 3\n"))
    assert isinstance(found, StateOutcome)
    exact = ac.propagate(LZ, SWEEP, environment=ac.environment.Decay([0.0, 0.3]))
    np.testing.assert_allclose(found.probabilities, exact.probabilities, atol=1e-9)
    said = {str(row[0]): row[1] for row in found.tables()[1].rows}
    assert said["survival"] == pytest.approx(float(exact.survival), rel=1e-9)
    check_outcome(found, tmp_path)


@pytest.mark.slow
def test_example_of_a_decaying_level() -> None:
    found = studies.run(studies.load(EXAMPLES / "decaying_level.toml"))
    assert isinstance(found, StateOutcome)
    assert found.scan is not None
    widths = np.array([0.1, 1.0, 10.0, 100.0, 1000.0])
    law = ac.formulas.decaying_window(gap=0.6, sweep_rate=1.0, width=widths, window=200.0)
    np.testing.assert_allclose(found.scan["survival"], np.asarray(law.value), atol=2e-5)


@pytest.mark.slow
def test_example_of_a_chain() -> None:
    found = studies.run(studies.load(EXAMPLES / "jumping_chain.toml"))
    assert isinstance(found, JumpsOutcome)
    exact = ac.propagate(
        ac.models.TransverseIsing(sites=4),
        ac.drive.Linear(3.0, 0.2, rate=-0.5),
        environment=ac.Dephasing(rate=0.05),
    )
    differences = np.abs(found.found.probabilities - exact.probabilities)
    assert np.max(differences / (found.found.probability_errors + 1e-3)) < 3.0


def test_a_scan_of_widths() -> None:
    text = (
        HEAD + '[environment]\nkind = "decay"\noperator = [[0, 0], [0, 1]]\nrate = 0.1\n[state]\n'
    )
    text += '[scan]\nparameter = "environment.rate"\nvalues = [0.1, 0.3]\n'
    found = studies.run(studies.parse(text))
    assert found.scan is not None
    exact = ac.propagate(LZ, SWEEP, environment=ac.environment.Decay([0.0, 0.3]))
    assert found.scan["survival"][1] == pytest.approx(float(exact.survival), rel=1e-9)


NOISE = 'environment = [{{ kind = "telegraph", amplitude = 0.1, correlation_time = 1 }}, {}]\n'
REFUSED = {
    "no environment": (HEAD + "[jumps]\n", "must have an \\[environment\\]"),
    "shifts": (
        HEAD
        + """
        [environment]
        kind = "bath"
        operator = [[0.5, 0], [0, -0.5]]
        temperature = 1.0
        equation = "universal"
        spectral_density = { kind = "ohmic", reorganization_energy = 0.1, cutoff = 5.0 }
        [jumps]
        """,
        "Lindblad form",
    ),
    "one": (HEAD + BATH + "[jumps]\ntrajectories = 1\n", "`trajectories`"),
    "many": (HEAD + BATH + "[jumps]\ntrajectories = 1000000\n", "`trajectories`"),
    "seed": (HEAD + BATH + "[jumps]\nseed = -1\n", "`seed`"),
    "level": (HEAD + BATH + "[jumps]\ninitial = 2\n", "from 0 to 1"),
    "a passage": (HEAD + DECAY, "\\[state\\] or \\[jumps\\]"),
    "widths": (HEAD + DECAY.replace("0.0, ", "") + "[state]\n", "2 levels"),
    "negative": (HEAD + DECAY.replace("0.0", "-0.1") + "[state]\n", "not be negative"),
    "both": (
        HEAD + DECAY.replace(" }\n", ", operator = [[1, 0], [0, 1]] }\n") + "[state]\n",
        "exactly one",
    ),
    "noise that remembers": (HEAD + NOISE.format("") + "[jumps]\n", "forget at once here"),
    "noise beside decay": (
        HEAD + NOISE.format('{ kind = "decay", widths = [0, 0.1] }') + "[state]\n",
        "forget at once where levels decay",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str) -> None:
    text, message = REFUSED[name]
    refuse(text, message)
