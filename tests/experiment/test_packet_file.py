"""Files with a wave packet: what is accepted, one clear line for the rest, and what comes out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anticrossing import experiment, models
from anticrossing.checks import InputError
from anticrossing.dynamics.wavepacket import Absorber, Grid, WavePacket, propagate_packet
from anticrossing.experiment import file
from anticrossing.experiment.packet import PacketOutcome, PacketStudy
from anticrossing.plot import figure

TULLY = """
[hamiltonian]
model = "TullySimple"
"""
PACKET = """
[packet]
masses = 2000.0
centre = -8.0
momentum = 20.0
width = 1.0
stop = 1600.0
step = 4.0
divide = 0.0
samples = 21
grid = { start = -14.0, stop = 16.0, points = 384 }
"""
OSCILLATOR = """
[hamiltonian]
coordinates = ["x", "y"]
terms = [{ coefficient = "(x**2 + w**2*y**2)/2", matrix = [[1, 0], [0, 1]] },
         { coefficient = 5.0, matrix = [[0, 0], [0, 1]] }]
parameters = { w = 1.5 }
[packet]
masses = 1.0
centre = [1.0, 0.0]
momentum = [0.0, 0.5]
width = 1.4142135623730951
stop = 6.283185307179586
tolerance = 1e-3
samples = 9
grid = { start = [-6.0, -6.0], stop = 6.0, points = [32, 36] }
"""
OSCILLATOR = OSCILLATOR.replace("stop = 6.0", "stop = [6.0, 6.0]")


def study(text: str) -> PacketStudy:
    found = experiment.parse(text)
    assert isinstance(found, PacketStudy)
    return found


def run(text: str) -> PacketOutcome:
    found = experiment.run(study(text))
    assert isinstance(found, PacketOutcome)
    return found


@pytest.fixture(scope="module")
def result() -> PacketOutcome:
    return run('title = "a test"\n' + TULLY + PACKET)


# ---- what is accepted -------------------------------------------------------------------------


def test_defaults() -> None:
    text = PACKET.replace("step = 4.0\n", "").replace("samples = 21\n", "")
    loaded = study(TULLY + text.replace("divide = 0.0\n", ""))
    assert (loaded.step, loaded.tolerance, loaded.samples) == (None, 1e-4, 101)
    assert (loaded.absorber, loaded.divide, loaded.convergence) == (None, None, False)
    assert (loaded.packet.state, loaded.packet.basis) == (0, "adiabatic")
    assert "time in ħ/hartree" in loaded.setup["units"]
    assert "electron masses" in loaded.setup["units"]


def test_units_of_other_models_are_said() -> None:
    loaded = study(OSCILLATOR)
    assert loaded.setup["units"] == "natural, ħ = 1"
    assert loaded.hamiltonian.coordinates == ("x", "y")


def test_samples_are_bounded_by_what_fits() -> None:
    wide = PACKET.replace("points = 384", "points = 262144").replace("step = 4.0", "step = 40.0")
    loaded = study(TULLY + wide.replace("samples = 21\n", ""))
    assert loaded.samples == 32
    with pytest.raises(InputError, match="`samples` must be at most 32 on this grid"):
        study(TULLY + wide.replace("samples = 21", "samples = 100"))


# ---- one clear line for everything else -------------------------------------------------------

BAD = {
    "mass": (PACKET.replace("masses = 2000.0", "masses = -1"), "`masses` must be positive"),
    "mass missing": (PACKET.replace("masses = 2000.0\n", ""), "key `masses` is missing"),
    "mass text": (PACKET.replace("2000.0", '"heavy"'), "`masses` must be a number"),
    "coarse": (PACKET.replace("points = 384", "points = 64"), r"\[packet\].*`grid`"),
    "touching": (PACKET.replace("centre = -8.0", "centre = -13.9"), "hold the initial packet"),
    "outside": (PACKET.replace("centre = -8.0", "centre = -20"), "lie inside the grid"),
    "nan": (PACKET.replace("momentum = 20.0", "momentum = nan"), "`momentum` must be finite"),
    "width": (PACKET.replace("width = 1.0", "width = 0"), "`width` must be positive"),
    "state": (PACKET + "[packet.more]\n", "`more`"),
    "state large": (PACKET.replace("divide = 0.0", "state = 2"), "`state` must be less than 2"),
    "state float": (PACKET.replace("divide = 0.0", "state = 0.5"), "`state`"),
    "basis": (PACKET.replace("divide = 0.0", 'basis = "adiabatc"'), "did you mean `adiabatic`"),
    "stop": (PACKET.replace("stop = 1600.0", "stop = 0"), "`stop` must be positive"),
    "stop list": (PACKET.replace("stop = 1600.0", "stop = [1, 2]"), "be a single number"),
    "step": (PACKET.replace("step = 4.0", "step = -1"), "`step` must be positive"),
    "both": (PACKET.replace("step = 4.0", "step = 4.0\ntolerance = 1e-3"), "both are given"),
    "slow": (PACKET.replace("step = 4.0", "step = 1e-5"), "times the limit of some minutes"),
    "points": (PACKET.replace("points = 384", "points = 1000000"), "`points`"),
    "points float": (PACKET.replace("points = 384", "points = 9.5"), "be an integer"),
    "reversed": (PACKET.replace("stop = 16.0", "stop = -16.0"), "lie above `start`"),
    "grid basis": (PACKET.replace("points = 384", 'points = 384, basis = "cosine"'), "`basis`"),
    "grid key": (PACKET.replace("points", "ponits"), "did you mean `points`"),
    "no grid": (PACKET[: PACKET.index("grid")], r"table \[grid\] is missing"),
    "divide": (PACKET.replace("divide = 0.0", "divide = 99"), "`divide` must lie on the grid"),
    "absorber": (PACKET.replace("divide = 0.0", "absorber = -1"), "`width`|`absorber`"),
    "layers": (PACKET.replace("divide = 0.0", "absorber = 7.0"), "outside the absorber"),
    "absorbers": (PACKET.replace("divide = 0.0", "absorber = [1, 2]"), "`absorber` must be"),
    "convergence": (PACKET.replace("divide = 0.0", "convergence = 1"), "be true or false"),
    "endless": (
        PACKET.replace("step = 4.0", "tolerance = 1e-3").replace("1600.0", "1e12"),
        "times the limit of some minutes",
    ),
    "basis number": (PACKET.replace("divide = 0.0", "basis = 3"), "`basis` must be"),
    "samples": (PACKET.replace("samples = 21", "samples = 1"), "`samples`"),
    "key": (PACKET + "absorbre = 1\n", "did you mean `absorber`"),
    "drive": ('[drive]\nkind = "linear"\n' + PACKET, r"\[drive\] has no meaning beside \[packet"),
    "units": ('[units]\nenergy = "eV"\n' + PACKET, r"\[units\] has no meaning.*ħ = 1"),
    "scan": (PACKET + "[scan]\n", r"\[scan\] has no meaning beside \[packet\]"),
    "mixed": (PACKET + "[trajectories]\n", r"both \[packet\] and \[trajectories\]"),
    "misspelt": (PACKET.replace("[packet]", "[pakcet]"), "did you mean `packet`"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        experiment.parse(TULLY + text)
    assert "\n" not in str(caught.value)


def test_two_coordinates_cannot_be_divided() -> None:
    with pytest.raises(InputError, match="`divide` must be used with one coordinate"):
        study(OSCILLATOR.replace("samples = 9", "divide = 0.0"))


def test_number_of_coordinates() -> None:
    with pytest.raises(InputError, match=r"at most 2 coordinates.*Q1, Q6a, Q10a"):
        study('[hamiltonian]\nmodel = "Pyrazine"\n' + PACKET)
    with pytest.raises(InputError, match="`grid` must have the 1 coordinate"):
        study(OSCILLATOR.replace('coordinates = ["x", "y"]', "").replace("w**2*y**2", "w"))
    with pytest.raises(InputError, match="one coordinate to be driven"):
        experiment.parse('[hamiltonian]\nmodel = "Pyrazine"\n[drive]\nkind = "linear"\n')


def test_only_motion_knows_names_of_coordinates() -> None:
    with pytest.raises(InputError, match="coordinates"):
        experiment.parse(
            '[hamiltonian]\nmatrix = [["x"]]\ncoordinates = ["x"]\n'
            '[drive]\nkind = "linear"\nstart = 0\nstop = 1\nrate = 1\n'
        )


def test_steps_that_the_tolerance_needs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from anticrossing.experiment.packet import file as packet_file

    monkeypatch.setattr(packet_file, "_LARGEST_WORK", 1e5)
    loaded = study(TULLY + PACKET.replace("step = 4.0", "tolerance = 1e-3"))
    with pytest.raises(InputError, match="a larger tolerance"):
        loaded.run()


def test_sweeps_are_refused() -> None:
    text = (
        TULLY + PACKET + '[sweep]\nparameters = [{ parameter = "packet.momentum", values = [1] }]\n'
    )
    with pytest.raises(InputError):
        experiment.parse_sweep(text)
    with pytest.raises(InputError, match="anticrossing sweep"):
        file.parse(text)


# ---- what comes out ---------------------------------------------------------------------------


def test_channels_are_those_of_the_library_and_published(result: PacketOutcome) -> None:
    direct = propagate_packet(
        models.TullySimple(),
        Grid(-14.0, 16.0, 384),
        2000.0,
        WavePacket(centre=-8.0, momentum=20.0, width=1.0),
        stop=1600.0,
        step=4.0,
        samples=21,
    )
    channels = result.channels
    assert channels is not None
    np.testing.assert_array_equal(channels, direct.channels(0.0))
    np.testing.assert_array_equal(result.motion.populations, direct.populations)
    np.testing.assert_allclose(channels, [[0, 0], [0.50765, 0.49235]], atol=2e-3)
    assert result.motion.states is None


def test_motion_in_two_coordinates_is_that_of_the_oscillator() -> None:
    """Ehrenfest's theorem: the means move as classical oscillators, 1 and 1.5."""
    found = run(OSCILLATOR)
    t = found.motion.times
    expected = np.stack([np.cos(t), 0.5 * np.sin(1.5 * t) / 1.5], axis=-1)
    np.testing.assert_allclose(found.motion.positions, expected, atol=2e-3)
    assert found.snapshots.states is not None
    assert found.snapshots.states.shape == (5, 2, 32, 36)
    assert len(figure(found).axes) >= 4
    data = found.to_dataset()
    assert data["density"].dims == ("snapshot", "state", "grid_x", "grid_y")


def test_absorber_and_convergence() -> None:
    text = PACKET.replace("divide = 0.0", "absorber = 3.5\nconvergence = true\ntolerance = 2e-3")
    found = run(TULLY + text.replace("stop = 1600.0", "stop = 3000.0"))
    lost = found.motion.absorbed[-1].sum()
    assert found.motion.norm[-1] + lost == pytest.approx(1, abs=1e-6)
    assert lost > 0.9
    report = found.convergence
    assert report is not None
    assert set(report.changes) == {"step", "spacing", "box", "absorber"}
    assert report.converged
    said = found.sentences()
    assert said.trusted
    assert "are converged" in said.notes[-1]
    assert [table.title for table in found.tables()] == [
        "populations",
        "absorbed",
        "conserved",
        "converged?",
    ]
    assert found.to_dataset()["absorbed"].sizes["side"] == 2


def test_tables_sentences_and_summary(result: PacketOutcome) -> None:
    tables = result.tables()
    assert [table.title for table in tables] == [
        "populations",
        "channels, divided at 0",
        "conserved",
    ]
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}
    said = result.sentences()
    assert said.verdict.startswith("At t = 1600 ħ/hartree the packet is above 0 with P0 = 0.50")
    assert "was not checked" in said.notes[-1]
    summary = experiment.summarize(result)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["title"] == "a test"
    assert summary["energy"]["initial"] == pytest.approx(0.09025, abs=1e-6)


def test_dataset_keeps_what_it_shows(result: PacketOutcome) -> None:
    data = result.to_dataset()
    assert data["time"].attrs["units"] == "ħ/hartree"
    spacing = 30.0 / 384
    total = data["density"].sum(["state", "grid_x"]) * spacing
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    by_state = data["density"].sum("grid_x") * spacing
    kept = data["population"].sel(time=data["snapshot"].values)
    np.testing.assert_allclose(by_state, kept, atol=1e-9)
    assert data["level"].sel(state=0).min() == pytest.approx(-0.01, abs=1e-6)
    assert data.attrs["experiment_file"] == result.experiment.text


def test_layers_of_the_file_are_those_of_the_library() -> None:
    loaded = study(TULLY + PACKET.replace("divide = 0.0", "absorber = 3.5"))
    assert isinstance(loaded.absorber, Absorber)
    assert float(loaded.absorber.width) == 3.5
