"""Experiment files with a table [mean_field]."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies

EXAMPLE = Path(__file__).parents[2] / "examples" / "condensate.toml"
FILE = """
[hamiltonian]
model = "LandauZener"
gap = 1.0
[drive]
kind = "linear"
start = -15
stop = 15
rate = 0.5
[mean_field]
interaction = -2.0
samples = 5
"""


@pytest.mark.slow
def test_a_file_is_the_call() -> None:
    outcome: Any = studies.run(studies.parse(FILE))
    model = ac.models.TwoModeCondensate(gap=1.0, interaction=2.0)
    exact = ac.dynamics.evolve_mean_field(model, ac.drive.Linear(-15, 15, rate=0.5))
    assert outcome.evolution.probabilities == pytest.approx(exact.probabilities, abs=1e-9)
    edge = (2 ** (2 / 3) - 1) ** 1.5
    assert outcome.levels.cusps == pytest.approx([-edge, edge], rel=1e-9)
    assert [c.kind for c in outcome.crossings].count("cusp") == 2
    variables = outcome.own_variables()
    assert {"x", "potential", "growth", "population", "probability"} <= set(variables)
    assert outcome.figure() is not None
    assert "turn back" in outcome.own_sentences().verdict


@pytest.mark.slow
def test_the_example_leaves_its_level_beyond_the_critical_interaction() -> None:
    study = studies.load(
        EXAMPLE, settings=["drive.rate=0.1", "scan.points=3", "mean_field.samples=0"]
    )
    outcome: Any = studies.run(study)
    assert outcome.scan["probability"][:, 1] == pytest.approx([0.4989, 0.1955, 0.0], abs=3e-4)


@pytest.mark.slow
def test_scan_and_matrix_and_pairs() -> None:
    scanned = FILE + '[scan]\nparameter = "mean_field.interaction"\nvalues = [-1.5, 0.0]\n'
    outcome: Any = studies.run(studies.parse(scanned))
    found = outcome.scan["probability"]
    assert found.shape == (2, 2)
    assert found[1, 1] == pytest.approx(np.exp(-np.pi), abs=1e-4)
    assert outcome.figure() is not None
    matrix = FILE.replace("-2.0", "[[-1.0, 1.0], [1.0, -1.0]]")
    same: Any = studies.run(studies.parse(matrix))
    exact: Any = studies.run(studies.parse(FILE))
    assert same.evolution.probabilities == pytest.approx(exact.evolution.probabilities, abs=1e-9)
    pairs = """
    [hamiltonian]
    matrix = [[0, 0], [0, "x"]]
    [drive]
    kind = "linear"
    start = 9
    stop = -9
    rate = -0.5
    [mean_field]
    conversions = [[0, 1, 0.5]]
    basis = "diabatic"
    """
    converted: Any = studies.run(studies.parse(pairs))
    assert converted.evolution.probabilities.sum() == pytest.approx(1.0)
    assert converted.levels.cusps == pytest.approx([-1.0, 1.0], abs=1e-7)


def test_outputs_without_labels_are_drawn_along_a_scan() -> None:
    text = FILE.replace("[mean_field]\ninteraction = -2.0\nsamples = 5", "[state]")
    text += '[scan]\nparameter = "drive.rate"\nvalues = [0.5, 1.0]\n'
    outcome: Any = studies.run(studies.parse(text))
    assert outcome.figure() is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("-2.0", '"strong"', "interaction"),
        ("-2.0", "[[0.0, 1.0], [0.0, 0.0]]", "symmetric"),
        ("samples = 5", "samples = -1", "samples"),
        ("samples = 5", "initial = 7", "initial"),
        ("samples = 5", "conversions = [[0, 0, 1.0]]", "conversions"),
        ("samples = 5", 'basis = "superadiabatic"', "basis"),
        ("samples = 5", "tolerance = 0.0", "tolerance"),
        ("samples = 5", "strength = 1.0", "strength"),
    ],
)
def test_refusals(old: str, new: str, said: str) -> None:
    with pytest.raises(ac.InputError, match=said) as error:
        studies.parse(FILE.replace(old, new))
    assert "[mean_field]" in str(error.value)
    assert "\n" not in str(error.value)
