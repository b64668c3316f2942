"""Files with a fit: what is accepted, one clear line for the rest, and what comes out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from anticrossing import InputError, fits, studies
from anticrossing.studies.kinds.fit import FitOutcome, FitStudy
from tests.studies.common import check_outcome, check_tables, refuse

EXAMPLE = Path(__file__).parents[2] / "examples" / "fringes_fit.toml"
DATA = Path(__file__).parents[2] / "examples" / "data" / "interferogram_synthetic.csv"
FRINGES = """
[fit]
kind = "interferogram"
gap = 0.1
t1 = 2000.0
t2 = 1.0
frequency = 7.54
amplitude_scale = 0.2
vary = ["gap", "t2", "amplitude_scale", "offset_shift"]
"""
PASSAGES = '[fit]\nkind = "passages"\n'
TRUE_GAP = 0.8


def write(data: fits.Measurement, path: Path) -> Path:
    """Write a measurement as a table."""
    names = list(data.coordinates)
    columns = [data.coordinate(name) for name in names] + [data.population, data.error]
    header = ",".join([*names, "population", "error"])
    np.savetxt(path, np.column_stack(columns), delimiter=",", header=header, comments="")
    return path


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = fits.synthetic_passages(gap=TRUE_GAP, error=0.01, seed=1)
    return write(data, tmp_path_factory.mktemp("data") / "passages.csv")


def study(text: str) -> FitStudy:
    found = studies.parse(text)
    assert isinstance(found, FitStudy)
    return found


def run(text: str, data: Path) -> FitOutcome:
    found = studies.run(study(text).with_data(data))
    assert isinstance(found, FitOutcome)
    return found


# ---- numbers ----------------------------------------------------------------------------------


def test_the_gap_of_passages_is_within_its_error(passages: Path, tmp_path: Path) -> None:
    found = run(PASSAGES, passages)
    gap = found.fit["gap"]
    assert abs(gap.value - TRUE_GAP) < 3 * gap.error
    assert gap.error < 0.01
    direct = fits.fit_passages(fits.read_measurement(passages))
    assert gap.value == direct["gap"].value
    # χ² by hand, with exp(−π g²/2α).
    data = found.fit.data
    model = np.exp(-np.pi * gap.value**2 / (2 * data.coordinate("sweep_rate")))
    assert data.error is not None
    by_hand = float(np.sum(((data.population - model) / data.error) ** 2))
    assert found.fit.chi_square == pytest.approx(by_hand, rel=1e-9)
    check_outcome(found, tmp_path)
    check_tables(found, ["parameters"])
    assert found.sentences().trusted


@pytest.mark.slow
def test_fringes_give_what_they_were_made_with(tmp_path: Path) -> None:
    found = run(FRINGES, DATA)
    true = {"gap": 0.04, "t2": 2.5, "amplitude_scale": 0.5, "offset_shift": 0.4}
    for name, value in true.items():
        assert abs(found.fit[name].value - value) < 3 * found.fit[name].error, name
    assert found.fit.reduced_chi_square == pytest.approx(1, abs=0.1)
    summary = check_outcome(found, tmp_path)
    assert len(json.dumps(summary)) < 20_000
    assert "point" in found.to_dataset().sizes


@pytest.mark.slow
def test_a_posterior_is_sampled_on_request(passages: Path, tmp_path: Path) -> None:
    found = run(PASSAGES + "posterior_steps = 300\nseed = 4\n", passages)
    assert found.posterior is not None
    assert found.posterior.seed == 4
    check_tables(found, ["parameters", "posterior"])
    check_outcome(found, tmp_path)
    assert found.to_dataset()["samples"].dims == ("sample", "varied")
    low, high = found.posterior.quantiles("gap", (0.001, 0.999))
    assert low < TRUE_GAP < high


@pytest.mark.slow
def test_other_options_reach_the_fit(passages: Path) -> None:
    text = PASSAGES + 'gap = 1.0\nvary = ["gap", "visibility"]\n'
    found = run(text, passages)
    assert set(found.fit.varied) == {"gap", "visibility"}
    exact = run(PASSAGES + 'model = "exact"\nwindow = [-400.0, 400.0]\n', passages)
    assert exact.fit["gap"].value == pytest.approx(TRUE_GAP, abs=0.02)


@pytest.mark.slow
def test_the_command_writes_what_run_writes(passages: Path, tmp_path: Path) -> None:
    (tmp_path / "gap.toml").write_text(PASSAGES, encoding="utf-8")
    command = [sys.executable, "-m", "anticrossing", "fit", str(passages), "gap.toml"]
    done = subprocess.run(
        [*command, "-o", "out", "--json"], capture_output=True, cwd=tmp_path, text=True, check=True
    )
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert "gap = 0.80" in printed["verdict"]


def test_the_example_asks_for_this_fit() -> None:
    assert study(EXAMPLE.read_text(encoding="utf-8")).options == study(FRINGES).options


# ---- one clear line ---------------------------------------------------------------------------

BAD = {
    "no kind": ("[fit]\ngap = 1.0\n", r"\[fit\]: The key `kind` is missing"),
    "kind": ('[fit]\nkind = "passage"\n', "did you mean `passages`"),
    "number": ("[fit]\nkind = 3\n", "`kind` must"),
    "key": (FRINGES.replace("t2 =", "t_2 ="), "did you mean `t2`"),
    "other key": (PASSAGES + "t1 = 3.0\n", "`t1`"),
    "no gap": (FRINGES.replace("gap = 0.1\n", ""), "key `gap` is missing"),
    "list": (FRINGES.replace("= 0.1", "= [0.1]"), "`gap` must be a number or text"),
    "true": (FRINGES.replace("= 0.1", "= true"), "`gap` must be a number"),
    "nan": (FRINGES.replace("= 0.1", "= nan"), "`gap` must be finite"),
    "vary": (FRINGES.replace('["gap", "t2",', '"gap" #'), "`vary` must be a list"),
    "varied": (FRINGES.replace('"t2",', '"t3",'), r"\[fit\]: .*`vary` must be one of"),
    "steps": (PASSAGES + "posterior_steps = 5\n", "`posterior_steps` must"),
    "window": (PASSAGES + "window = [1.0]\n", "`window` must be a list of 2"),
    "table": ("fit = 3\n", "`fit` must be a table"),
    "tables": ("[[fit]]\nkind = 'passages'\n", "`fit` must be a table"),
    "beside": (FRINGES + "[drive]\nkind = 'linear'\n", r"\[drive\] has no meaning beside \[fit\]"),
    "scan": (
        FRINGES + '[scan]\nparameter = "fit.gap"\nvalues = [0.1, 0.2]\n',
        r"\[scan\]: .*a fit is not scanned",
    ),
    "sweep": (
        FRINGES + '[[sweep.parameters]]\nparameter = "fit.gap"\nvalues = [0.1, 0.2]\n',
        r"\[sweep\]: .*a fit is not scanned",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_bad_input(name: str) -> None:
    refuse(*BAD[name])


WITH_DATA = {
    "model": (FRINGES + 'model = "slow"\n', "`model` must be one of"),
    "coherence": (FRINGES.replace("t2 = 1.0", "t2 = 5000.0"), "`t2` must"),
    "text": (FRINGES.replace("= 0.1", '= "wide"'), "`gap` must be a number, perhaps with a unit"),
    "unit": (FRINGES.replace("= 0.1", '= "16 MHz"'), "`data` must have a unit"),
    "negative": (FRINGES.replace("gap = 0.1", "gap = -0.1"), "`gap` must be positive"),
    "coordinate": (PASSAGES, "sweep_rate"),
}


@pytest.mark.parametrize("name", WITH_DATA)
def test_one_line_for_options_that_the_fit_refuses(name: str) -> None:
    text, message = WITH_DATA[name]
    with pytest.raises(InputError, match=message) as caught:
        run(text, DATA)
    assert str(caught.value).startswith("In [fit]: ")
    assert "\n" not in str(caught.value)


def test_data_are_needed_and_only_here(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs data"):
        studies.run(study(FRINGES))
    (tmp_path / "empty.csv").write_text("offset,amplitude\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="population"):
        study(FRINGES).with_data(tmp_path / "empty.csv")
    other = studies.parse(
        "interferogram = { gap = 1.0, offset = [1.0], amplitude = [1.0], "
        "frequency = 1.0, t1 = 9.0, t2 = 9.0 }"
    )
    with pytest.raises(InputError, match=r"Only a file with \[fit\] takes data"):
        other.with_data(DATA)
