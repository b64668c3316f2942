"""Files with a fit of rate constants: what is accepted, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import InputError, fits, studies
from anticrossing.studies.kinds.kinetic_fit import KineticFitOutcome, KineticFitStudy
from tests.studies.common import check_outcome, check_tables, refuse

TEXT = """
[kinetic_fit]
steps = ["S1 -> T1", "T1 -> S0"]
initial = { S1 = 1.0 }
resamples = 20
"""
TIMES = np.linspace(0, 10, 41)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    first, second = 0.5, 0.2
    one = np.exp(-first * TIMES)
    two = first / (second - first) * (one - np.exp(-second * TIMES))
    rows = np.stack([TIMES, one, two, 1 - one - two], axis=1)
    path = tmp_path_factory.mktemp("data") / "populations.csv"
    np.savetxt(path, rows, delimiter=",", header="time (ps),S1,T1,S0", comments="")
    return path


def study(text: str) -> KineticFitStudy:
    found = studies.parse(text)
    assert isinstance(found, KineticFitStudy)
    return found


def test_a_file_gives_the_rates_with_names_and_units(data: Path, tmp_path: Path) -> None:
    found = studies.run(study(TEXT).with_data(data))
    assert isinstance(found, KineticFitOutcome)
    np.testing.assert_allclose(found.fit.rates, [0.5, 0.2], rtol=1e-6)
    assert isinstance(found.fit, fits.KineticFit)
    check_tables(found, ["rates", "lifetimes"])
    assert "S1 → T1: 0.5" in found.sentences().verdict
    assert found.own_variables()["rate"].unit == "1/ps"
    assert found.sentences().trusted
    check_outcome(found, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("S1 -> T1", "S1, T1"), r"\[kinetic_fit\]: .*two states"),
        (TEXT.replace("T1 -> S0", "S1 -> T1"), "each step once"),
        (TEXT.replace("resamples = 20", "resamples = 2"), "`resamples`"),
        (TEXT + "step = 3\n", "did you mean `steps`"),
        (TEXT + '[scan]\nparameter = "kinetic_fit.initial.S1"\nvalues = [0.5, 1]\n', "not scanned"),
    ],
)
def test_one_line_for_bad_input(text: str, message: str) -> None:
    refuse(text, message)


def test_one_line_where_data_and_steps_do_not_fit(data: Path) -> None:
    with pytest.raises(InputError, match=r"no state `S2`.* they have `S1`, `T1`, `S0`"):
        study(TEXT.replace("T1 -> S0", "T1 -> S2")).with_data(data).result()
    with pytest.raises(InputError, match="needs data"):
        studies.run(study(TEXT))
