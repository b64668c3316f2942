"""What all kinds of studies share: scans, sweeps, and how a kind is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray

from anticrossing import InputError, studies
from anticrossing.studies import file, kinds
from anticrossing.studies.json_schema import schema
from tests.effort import slow
from tests.studies.common import TULLY, check_outcome

PACKET = (
    TULLY
    + """
[packet]
masses = 2000.0
centre = -8.0
momentum = 20.0
width = 1.0
stop = 1400.0
step = 4.0
divide = 0.0
samples = 5
grid = { start = -14.0, stop = 16.0, points = 384 }
"""
)
HOPPING = (
    TULLY
    + """
[trajectories]
masses = 2000.0
count = 40
seed = 3
step = 20.0
stop = 3000.0
box = [-15.0, 15.0]
initial = { kind = "fixed", centre = -8.0, momentum = 20.0 }
"""
)
SCANS = {
    "packet": (PACKET, "packet.momentum", [18.0, 20.0]),
    "trajectories": (HOPPING, "trajectories.initial.momentum", [18.0, 20.0]),
}
FRINGES = """
[interferogram]
gap = 0.2
offset = [1.0, 2.0]
amplitude = [1.0, 2.0, 3.0]
frequency = 1.0
t1 = 100.0
t2 = 20.0
[scan]
parameter = "interferogram.t2"
values = [10.0, 20.0, 40.0]
label = "coherence time"
unit = "ns"
"""


def scanned(name: str) -> str:
    text, parameter, values = SCANS[name]
    return f'{text}[scan]\nparameter = "{parameter}"\nvalues = {values}\nunit = "1/bohr"\n'


@pytest.mark.parametrize(
    "name", [slow(name) if name in ("packet", "trajectories") else name for name in SCANS]
)
def test_a_scan_is_run_and_its_points_are_studies_of_their_own(name: str, tmp_path: Path) -> None:
    text, parameter, values = SCANS[name]
    found = studies.run(studies.parse(scanned(name)))
    assert found.scan is not None
    channel = found.scan["channel"]
    assert len(channel) == len(values)
    np.testing.assert_allclose(channel.reshape(2, -1).sum(axis=1), 1.0, atol=1e-3)
    data = found.to_dataset()
    assert data["scan_channel"].dims[0] == parameter
    assert data[parameter].attrs["units"] == "1/bohr"
    np.testing.assert_array_equal(data[parameter], values)
    assert [table.title for table in found.tables()][-1] == "scan"
    check_outcome(found, tmp_path)
    text = text.replace("momentum = 20.0", "momentum = 18.0")
    if name == "trajectories":  # every point draws from a seed of its own
        text = text.replace("seed = 3", f"seed = {int(found.scan['seed'][0])}")
    alone = studies.parse(text)
    np.testing.assert_array_equal(alone.compute(["channel"])["channel"], channel[0])


def test_a_scan_is_the_sweep_of_the_same_points() -> None:
    study = studies.parse(FRINGES)
    found = studies.run(study)
    assert found.scan is not None
    swept = studies.sweep(study, progress=False)
    for name in ("mean_population", "largest_population"):
        np.testing.assert_array_equal(swept[name], found.scan[name])
    axis = found.scan.variables()["interferogram.t2"]
    assert (axis.text, axis.unit) == ("coherence time (scanned)", "ns")
    assert swept["interferogram.t2"].attrs["long_name"] == "coherence time"


@pytest.mark.slow
def test_the_command_sweeps_a_file_with_a_scan(tmp_path: Path) -> None:
    (tmp_path / "fringes.toml").write_text(FRINGES, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "anticrossing",
        "sweep",
        "fringes.toml",
        "-o",
        "out.zarr",
        "-q",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with xarray.open_zarr(tmp_path / "out.zarr", consolidated=False) as stored:
        direct = studies.sweep(studies.parse(FRINGES), progress=False)
        np.testing.assert_array_equal(stored.mean_population, direct.mean_population)
    again = subprocess.run(
        [*command, "--resume"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr


def test_a_study_that_is_swept_is_not_run() -> None:
    swept = FRINGES.replace("[scan]", "[[sweep.parameters]]")
    with pytest.raises(InputError, match="anticrossing sweep FILE"):
        studies.run(studies.parse(swept))
    assert studies.sweep(studies.parse(swept), progress=False).mean_population.shape == (3,)


def test_several_parameters_of_any_table() -> None:
    text = (
        FRINGES[: FRINGES.index("[scan]")]
        + """
    [sweep]
    output = ["largest_population"]
    [[sweep.parameters]]
    parameter = "interferogram.t1"
    values = [50.0, 100.0]
    [[sweep.parameters]]
    parameter = "interferogram.gap"
    values = [0.1, 0.2, 0.3]
    """
    )
    swept = studies.sweep(studies.parse(text), progress=False)
    assert swept.largest_population.dims == ("interferogram.t1", "interferogram.gap")
    assert "mean_population" not in swept


# ---- a kind is one module ---------------------------------------------------------------------

OSCILLATOR = '''
"""An oscillator: the energies of its lowest levels."""

from dataclasses import dataclass

import numpy as np

from anticrossing._core.checks import positive_number
from anticrossing._core.unchanging import read_only
from anticrossing._core.variables import Variable
from anticrossing.studies import Outcome, Output, Sentences, Study, Table, tables
from anticrossing.studies.points import scan
from anticrossing.studies.schema import Table as TableOfFile
from anticrossing.studies.study import chosen_outputs


class OscillatorTable(TableOfFile, frozen=True, kw_only=True):
    frequency: float
    levels: int = 3


class OscillatorFile(TableOfFile, frozen=True, kw_only=True):
    oscillator: OscillatorTable


@read_only
@dataclass(frozen=True, eq=False, kw_only=True)
class OscillatorStudy(Study):
    asked: OscillatorTable
    structure = OscillatorFile
    varied = ("oscillator",)

    @classmethod
    def read(cls, given, entries, heading):
        with tables.inside("oscillator"):
            positive_number("frequency", given.oscillator.frequency)
        return cls(**heading._asdict(), tables=entries, asked=given.oscillator)

    @property
    def setup(self):
        return {"oscillator": f"frequency {self.asked.frequency:g}"}

    @property
    def outputs(self):
        return {"energy": Output("energy", ("level",), default=True)}

    @property
    def labels(self):
        return {"level": range(self.asked.levels)}

    def compute(self, outputs):
        return {"energy": self.asked.frequency * (np.arange(self.asked.levels) + 0.5)}

    def run(self, progress=None):
        return OscillatorOutcome(self, scan(self, chosen_outputs(self, None), progress))


@read_only
@dataclass(frozen=True, eq=False)
class OscillatorOutcome(Outcome):
    experiment: OscillatorStudy
    scan: object
    caption = "Levels"

    def own_variables(self):
        return {"energy": Variable(("level",), self.experiment.compute(())["energy"], "energy")}

    def own_tables(self):
        rows = tuple(enumerate(map(float, self.experiment.compute(())["energy"])))
        return [Table("levels", ("level", "energy"), rows)]

    def own_sentences(self):
        return Sentences(f"The lowest level is at {0.5 * self.experiment.asked.frequency:g}.", True)

    def figure(self):
        from anticrossing.plot.figure import panels_of

        drawn, axes = panels_of("Levels", 1)
        axes[0][0].plot(self.experiment.compute(())["energy"], "o")
        return drawn


KIND = OscillatorStudy
'''


@pytest.fixture
def with_oscillator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more module among the kinds, and nothing else."""
    (tmp_path / "oscillator.py").write_text(OSCILLATOR, encoding="utf-8")
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    name = f"{kinds.__name__}.oscillator"
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for found in (file.names, file.kind):
        found.cache_clear()
    yield
    for found in (file.names, file.kind):
        found.cache_clear()
    sys.modules.pop(name, None)
    if hasattr(kinds, "oscillator"):
        del kinds.oscillator


@pytest.mark.usefixtures("with_oscillator")
def test_a_new_kind_is_one_module(tmp_path: Path) -> None:
    text = 'title = "A spring"\noscillator = { frequency = 2.0 }\n'
    found = studies.run(studies.parse(text))
    assert found.to_dataset().energy.values.tolist() == [1.0, 3.0, 5.0]
    check_outcome(found, tmp_path)
    scan = '[scan]\nparameter = "oscillator.frequency"\nvalues = [1.0, 2.0]\n'
    along = studies.run(studies.parse(text + scan))
    assert along.to_dataset()["scan_energy"].dims == ("oscillator.frequency", "level")
    swept = studies.sweep(studies.parse(text + scan), progress=False)
    assert swept.energy.values.tolist() == [[0.5, 1.5, 2.5], [1.0, 3.0, 5.0]]
    assert "oscillator" in schema()["$defs"]["OscillatorFile"]["properties"]
    for bad, message in {
        "oscillator = { frequency = -1.0 }": r"In \[oscillator\]: .* must be positive",
        "oscillator = { freqency = 1.0 }": "did you mean `frequency`",
        "oscilator = { frequency = 1.0 }": "did you mean `oscillator`",
        text + scan.replace("1.0,", "-1.0,"): r"In \[scan\]: At oscillator.frequency = -1",
    }.items():
        with pytest.raises(InputError, match=message):
            studies.parse(bad)
