"""Files with a fit to a spectrum: what is accepted, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import InputError, fits, studies
from anticrossing.models import LandauZener
from anticrossing.studies.kinds.level_fit import LevelFitOutcome, LevelFitStudy
from tests.studies.common import check_outcome, check_tables, refuse

TEXT = """
[hamiltonian]
model = "LandauZener"
gap = 0.6
[level_fit]
vary = ["gap", "control_shift"]
priors.control_shift = [0.0, 0.5]
"""
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    control = np.linspace(-2, 2, 15)
    noise = 0.01 * np.random.default_rng(1).standard_normal(15)
    frequency = np.sqrt((control - 0.1) ** 2 + 0.8**2) + noise
    lines = fits.Lines(control, frequency, np.full(15, 0.01))
    return lines.to_csv(tmp_path_factory.mktemp("data") / "lines.csv")


def study(text: str) -> LevelFitStudy:
    found = studies.parse(text)
    assert isinstance(found, LevelFitStudy)
    return found


def test_a_file_gives_what_the_function_gives(data: Path, tmp_path: Path) -> None:
    found = studies.run(study(TEXT).with_data(data))
    assert isinstance(found, LevelFitOutcome)
    direct = fits.fit_levels(
        LandauZener(gap=0.6),
        fits.read_lines(data),
        vary=["gap", "control_shift"],
        priors={"control_shift": (0.0, 0.5)},
    )
    assert found.fit["gap"].value == direct["gap"].value
    assert abs(found.fit["control_shift"].value + 0.1) < 4 * found.fit["control_shift"].error
    check_tables(found, ["parameters", "correlations", "crossings", "lines"])
    assert found.sentences().trusted
    check_outcome(found, tmp_path)


@pytest.mark.slow
def test_the_example_finds_what_its_data_were_made_with() -> None:
    lines = EXAMPLES / "data" / "two_qubits_synthetic.csv"
    found = studies.run(studies.load(EXAMPLES / "two_qubits_fit.toml").with_data(lines))
    assert isinstance(found, LevelFitOutcome)
    true = {"gap_a": 4.0, "gap_b": 5.2, "coupling": 0.15, "control_scale": 2.0}
    for name, value in true.items():
        assert abs(found.fit[name].value - value) < 4 * found.fit[name].error, name
    assert found.sentences().trusted


BAD = {
    "levels": (TEXT.replace('"gap", ', '"gab", '), r"\[level_fit\]: .*did you mean `gap`"),
    "key": (TEXT + "photon = 2\n", "did you mean `photons`"),
    "prior": (TEXT.replace("[0.0, 0.5]", "[0.0]"), "list of 2"),
    "bounds": (TEXT + "bounds.gab = [0.0, 1.0]\n", "did you mean `gap`"),
    "several": (
        TEXT.replace('model = "LandauZener"\ngap = 0.6', 'model = "JahnTeller"\nlinear = 1.0'),
        "coordinate",
    ),
    "array": (TEXT.replace("gap = 0.6", "gap = [0.6, 0.7]"), "single parameter point"),
    "scan": (
        TEXT + '[scan]\nparameter = "hamiltonian.gap"\nvalues = [0.1, 0.2]\n',
        "a fit is not scanned",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_bad_input(name: str) -> None:
    refuse(*BAD[name])


def test_one_line_for_options_that_the_fit_refuses(data: Path) -> None:
    with pytest.raises(InputError, match="`photons` must") as caught:
        study(TEXT + "photons = 99\n").with_data(data).result()
    assert str(caught.value).startswith("In [level_fit]: ")
    with pytest.raises(InputError, match="needs data"):
        studies.run(study(TEXT))
