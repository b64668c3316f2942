"""Files that move several coordinates: the numbers of the library, one clear line for mistakes."""

from __future__ import annotations

from pathlib import Path as File

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import studies
from anticrossing.drive import Formula, Linear, Path, Sinusoidal
from anticrossing.dynamics import floquet, periodic_steady_state
from anticrossing.studies.kinds.floquet import FloquetOutcome
from anticrossing.studies.outcomes.passage import PassageOutcome
from tests.studies.common import check_outcome, refuse

CONE = """
[hamiltonian]
matrix = [["k*x", "k*y"], ["k*y", "-k*x"]]
coordinates = ["x", "y"]
parameters = { k = 0.5 }
"""
SWEEP = """
[drive.x]
kind = "linear"
start = -20.0
stop = 20.0
rate = 1.0
"""
LINE = '[drive]\nkind = "path"\ny = 0.3\n' + SWEEP
NOISE = '[environment]\nkind = "dephasing"\nrate = "0.01*(1 + y**2)"\n'
SCAN = '[scan]\nparameter = "drive.{}"\nvalues = [0.2, 0.5, 0.8]\n'
H = ac.Hamiltonian.from_matrix(
    [["k*x", "k*y"], ["k*y", "-k*x"]], parameters={"k": 0.5}, coordinates=("x", "y")
)


def run(text: str) -> PassageOutcome:
    found = studies.run(studies.parse(text))
    assert isinstance(found, PassageOutcome)
    return found


def test_the_numbers_are_those_of_the_library() -> None:
    found = run(CONE + LINE + NOISE + SCAN.format("y"))
    noise = ac.Dephasing(rate="0.01*(1 + y**2)", coordinates=("x", "y"))
    path = Path(y=0.3, x=Linear(-20, 20, rate=1.0))
    direct = ac.passage(H, path, environment=noise)
    assert np.array_equal(found.passage.exact.probabilities, direct.exact.probabilities)
    assert str(found.passage) == str(direct)
    batch = ac.propagate(H, path.replace(y=[0.2, 0.5, 0.8]), environment=noise)
    assert found.scan is not None
    assert np.max(np.abs(found.scan["probability"] - batch.probabilities)) < 1e-12


@pytest.mark.slow
def test_the_report_has_everything(tmp_path: File) -> None:
    check_outcome(run(CONE + LINE + NOISE + SCAN.format("y")), tmp_path)


def test_a_scan_of_a_drive_of_one_coordinate() -> None:
    found = run(CONE + LINE + SCAN.format("x.rate"))
    assert found.scan is not None
    for rate, probability in zip((0.2, 0.5, 0.8), found.scan["probability"], strict=True):
        alone = ac.propagate(H, Path(x=Linear(-20, 20, rate=rate), y=0.3))
        assert np.max(np.abs(probability - alone.probabilities)) < 1e-9


def test_crossings_are_told_along_time() -> None:
    text = CONE + LINE + '\n[drive.y]\nkind = "formula"\nformula = "0.3 + 0.1*t"\n'
    text = text.replace("y = 0.3\n", "") + "start_time = -20.0\nstop_time = 20.0\n"
    listed = studies.parse(text).crossings()
    assert ", t = -20 … 20" in listed.heading
    (row,) = listed.numbers["crossings"]
    assert row["position"] == pytest.approx(-0.03 / 1.01, abs=1e-12)
    assert row["gap"] == pytest.approx(0.3 / np.sqrt(1.01), abs=1e-12)


def test_a_model_of_two_coordinates() -> None:
    found = run(
        '[hamiltonian]\nmodel = "JahnTeller"\nlinear = 0.5\n' + LINE + "[question]\nsamples = 20\n"
    )
    h = ac.models.JahnTeller(linear=0.5)
    direct = ac.propagate(h, Path(x=Linear(-20, 20, rate=1.0), y=0.3))
    assert np.max(np.abs(found.passage.exact.probabilities - direct.probabilities)) < 1e-9


@pytest.mark.slow
def test_a_periodic_path() -> None:
    text = CONE + '[drive]\nkind = "path"\n[drive.x]\nkind = "sinusoidal"\noffset = 0.8\n'
    text += 'amplitude = 1.5\nfrequency = 1.0\n[drive.y]\nkind = "formula"\nformula = "cos(2*t)"\n'
    text += 'start_time = 0.0\nstop_time = "2*pi"\n[floquet]\nperiod = 6.283185307179586\n'
    text += '[environment]\nkind = "qubit"\nt1 = 30.0\nt2 = 20.0\ntemperature = 0.5\n'
    found = studies.run(studies.parse(text))
    assert isinstance(found, FloquetOutcome)
    path = Path(x=Sinusoidal(0.8, 1.5, 1.0), y=Formula("cos(2*t)", 0, 2 * np.pi))
    period = 2 * np.pi
    modes = floquet(H, path, period=period)
    assert np.max(np.abs(found.modes.quasi_energies - modes.quasi_energies)) < 1e-10
    bath = ac.ThermalRelaxation(temperature=0.5, t1=30.0) + ac.Dephasing(rate=1 / 20 - 1 / 60)
    steady = periodic_steady_state(H, path, bath, period=period)
    assert found.steady is not None
    assert np.max(np.abs(found.steady.populations - steady.populations)) < 1e-9


BAD = {
    "missing": (CONE + LINE.replace("y = 0.3", ""), r"In \[drive\]: .*`y` is missing"),
    "unknown": (CONE + LINE.replace("y = 0.3", "y = 0.3\nz = 1"), r"In \[drive\]: .*holds `z`"),
    "text": (CONE + LINE.replace("0.3", '"0.3"'), r"In \[drive\]: .*`y` must be a number or"),
    "a list": (CONE + LINE.replace("0.3", "[0.3, 0.4]"), r"In \[drive\]: .*`y` must be a number"),
    "no drive": (CONE + '[drive]\nkind = "path"\nx = 1\ny = 0.3\n', r"In \[drive\]: .*one drive"),
    "a wrong key": (
        CONE + LINE.replace("rate", "rat"),
        r"In \[drive.x\]: Unknown key `rat`",
    ),
    "a wrong kind": (CONE + LINE.replace('"linear"', '"path"'), r"In \[drive.x\]: .*`kind` must"),
    "windows": (
        CONE + LINE.replace("y = 0.3\n", "") + '[drive.y]\nkind = "linear"\nstart = 0\nstop = 1\n'
        "rate = 1\n",
        r"In \[drive\]: .*one window in time",
    ),
    "no path": (CONE + LINE.replace('kind = "path"\ny = 0.3\n', SWEEP[10:]).split("[drive.x]")[0],
                "left out"),
    "a model without a path": (
        '[hamiltonian]\nmodel = "JahnTeller"\nlinear = 0.5\n' + SWEEP.replace("drive.x", "drive"),
        'have one coordinate to be driven, or a .drive. of kind "path"',
    ),
    "an environment of a stranger": (
        CONE + LINE + NOISE.replace("y**2", "z**2"), r"In \[environment\]: .*unknown name `z`"
    ),
    "a scan of nothing": (CONE + LINE + SCAN.format("z.rate"), r"must be the table \[drive.z"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_one_line_with_their_place(name: str) -> None:
    refuse(*BAD[name])
