"""Files with a wave packet: what is accepted, one clear line for the rest, and what comes out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import expm_multiply

from anticrossing import models, studies
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.molecules.packets import Absorber, Grid, WavePacket, propagate_packet
from anticrossing.studies.kinds.packet import PacketOutcome, PacketStudy
from tests.studies.common import TULLY, check_summary, check_tables, refuse

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
    found = studies.parse(text)
    assert isinstance(found, PacketStudy)
    return found


def run(text: str) -> PacketOutcome:
    found = studies.run(study(text))
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
    assert loaded.stop == 1600.0
    assert "electron masses" in loaded.setup["units"]


def test_units_of_other_models_are_said() -> None:
    loaded = study(OSCILLATOR)
    assert loaded.setup["units"] == "natural, ħ = 1"
    assert loaded.hamiltonian.coordinates == ("x", "y")


@pytest.mark.slow
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
    "state large": (PACKET.replace("divide = 0.0", "state = 2"), "`state` must be at most 1"),
    "state float": (PACKET.replace("divide = 0.0", "state = 0.5"), "`state`"),
    "basis": (PACKET.replace("divide = 0.0", 'basis = "adiabatc"'), "did you mean `adiabatic`"),
    "stop": (PACKET.replace("stop = 1600.0", "stop = 0"), "`stop` must be positive"),
    "stop list": (PACKET.replace("stop = 1600.0", "stop = [1, 2]"), "`stop` must be a number"),
    "step": (PACKET.replace("step = 4.0", "step = -1"), "`step` must be positive"),
    "both": (PACKET.replace("step = 4.0", "step = 4.0\ntolerance = 1e-3"), "both are given"),
    "slow": (PACKET.replace("step = 4.0", "step = 1e-5"), "times the limit of some minutes"),
    "points": (PACKET.replace("points = 384", "points = 1000000"), "`points`"),
    "points float": (PACKET.replace("points = 384", "points = 9.5"), "be an integer"),
    "reversed": (PACKET.replace("stop = 16.0", "stop = -16.0"), "lie above `start`"),
    "grid basis": (PACKET.replace("points = 384", 'points = 384, basis = "cosine"'), "`basis`"),
    "grid key": (PACKET.replace("points", "ponits"), "did you mean `points`"),
    "no grid": (PACKET[: PACKET.index("grid")], "key `grid` is missing"),
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
    "units": ('[units]\nenergy = "eV"\n' + PACKET, r"In \[units\]: .*both an energy and a time"),
    "unit of mass": (PACKET.replace("masses", 'mass_unit = "stone"\nmasses'), "one of 'kg', 'amu'"),
    "mass list": (PACKET.replace("2000.0", "[2000.0, 1.0]"), "must be a single number"),
    "mass nested": (PACKET.replace("2000.0", "[[2000.0]]"), "`masses` must be a number"),
    "start empty": (
        PACKET.replace("start = -14.0", "start = []"),
        r"In \[packet.grid\]: .*`start`",
    ),
    "far": (PACKET.replace("start = -14.0", "start = -1e300"), "`start` must lie within 1e\\+100"),
    "tolerance": (PACKET.replace("step = 4.0", "tolerance = 1e300"), "`tolerance` must be below 1"),
    "no layers": (
        PACKET.replace("divide = 0.0", "absorber = 0"),
        "`absorber` must not be negative",
    ),
    "ragged layers": (PACKET.replace("divide = 0.0", "absorber = [[1], 2]"), "`absorber` must be"),
    "layer of three": (PACKET.replace("divide = 0.0", "absorber = [[1, 2, 3]]"), "each a width or"),
    "scan": (PACKET + "[scan]\n", "key `parameter` is missing"),
    "mixed": (PACKET + "[trajectories]\n", r"both \[packet\] and \[trajectories\]"),
    "misspelt": (PACKET.replace("[packet]", "[pakcet]"), "did you mean `packet`"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    text, message = BAD[name]
    refuse(TULLY + text, message)


def test_two_coordinates_cannot_be_divided() -> None:
    with pytest.raises(InputError, match="`divide` must be used with one coordinate"):
        study(OSCILLATOR.replace("samples = 9", "divide = 0.0"))


def test_number_of_coordinates() -> None:
    with pytest.raises(InputError, match=r"at most 2 coordinates.*Q1, Q6a, Q10a"):
        study('[hamiltonian]\nmodel = "Pyrazine"\n' + PACKET)
    with pytest.raises(InputError, match="`start` must be a single number"):
        study(OSCILLATOR.replace('coordinates = ["x", "y"]', "").replace("w**2*y**2", "w"))
    with pytest.raises(InputError, match="one coordinate to be driven"):
        studies.parse('[hamiltonian]\nmodel = "Pyrazine"\n[drive]\nkind = "linear"\n')


def test_only_motion_knows_names_of_coordinates() -> None:
    with pytest.raises(InputError, match="coordinates"):
        studies.parse(
            '[hamiltonian]\nmatrix = [["x"]]\ncoordinates = ["x"]\n'
            '[drive]\nkind = "linear"\nstart = 0\nstop = 1\nrate = 1\n'
        )


def test_steps_that_the_tolerance_needs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from anticrossing.studies.kinds import packet as packet_file

    monkeypatch.setattr(packet_file, "_LARGEST_WORK", 1e5)
    loaded = study(TULLY + PACKET.replace("step = 4.0", "tolerance = 1e-3"))
    with pytest.raises(InputError, match="a larger tolerance"):
        loaded.run()


def test_levels_beyond_what_can_be_squared_are_refused() -> None:
    refuse('[hamiltonian]\nmatrix = [["1e300*x"]]\n' + PACKET, "`grid` must")


def test_a_file_with_a_sweep_is_run_by_its_command() -> None:
    table = '[[sweep.parameters]]\nparameter = "packet.momentum"\nvalues = [19.0, 20.0]\n'
    loaded = studies.parse(TULLY + PACKET.replace("convergence = true", "") + table)
    with pytest.raises(InputError, match="anticrossing sweep"):
        studies.run(loaded)


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
    assert len(found.figure().axes) >= 4
    data = found.to_dataset()
    assert data["density"].dims == ("snapshot", "state", "grid_x", "grid_y")


@pytest.mark.slow
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
    check_tables(found, ["populations", "absorbed", "conserved", "converged?"])
    assert found.to_dataset()["absorbed"].sizes["side"] == 2


@pytest.mark.parametrize("convergence", [False, True])
def test_progress_is_counted_to_the_end(convergence: bool) -> None:
    text = PACKET.replace("divide = 0.0", f"convergence = {str(convergence).lower()}")
    told: list[tuple[int, int]] = []
    studies.run(study(TULLY + text), progress=lambda *counts: told.append(counts))
    done, totals = zip(*told, strict=True)
    # The check takes six times the run of 20 intervals, and tells of four runs.
    assert set(totals) == {140 if convergence else 20}
    assert list(done[:20]) == list(range(1, 21))
    assert list(done) == sorted(done)
    assert done[-1] == totals[0]
    assert len(told) == (100 if convergence else 20)


def test_tables_sentences_and_summary(result: PacketOutcome) -> None:
    check_tables(result, ["populations", "channels, divided at x = 0", "conserved"])
    said = result.sentences()
    assert said.verdict.startswith("At t = 1600 ħ/hartree the packet is above x = 0 with P0 = 0.50")
    assert "was not checked" in said.notes[-1]
    summary = check_summary(result)
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


@pytest.mark.slow
def test_pyrazine_follows_its_expansion_in_oscillator_states() -> None:
    """The example, on a coarser grid, against exp(−iHt) in a basis of products of oscillators."""
    text = (Path(__file__).parents[2] / "examples" / "pyrazine.toml").read_text(encoding="utf-8")
    for key, value in {
        "stop = 60.0": "stop = 30.0",
        "step = 0.1": "step = 0.05",
        "samples = 121": "samples = 7",
        "points = 108": "points = 64",
    }.items():
        assert key in text
        text = text.replace(key, value)
    found = run(text)
    assert found.sentences().verdict.startswith("At t = 30 fs the packet is on the adiabatic")
    assert found.to_dataset()["time"].attrs["units"] == "fs"
    np.testing.assert_allclose(found.to_dataset()["time"], np.arange(7) * 5.0, atol=1e-12)

    n, m = 44, 36
    position = [sparse.diags([np.sqrt(np.arange(1, k) / 2)] * 2, [-1, 1]) for k in (n, m)]
    number = [sparse.diags([np.arange(k) + 0.5], [0]) for k in (n, m)]
    q6, w6 = (sparse.kron(part, sparse.eye(m)) for part in (position[0], 0.074 * number[0]))
    q10, w10 = (sparse.kron(sparse.eye(n), part) for part in (position[1], 0.118 * number[1]))
    oscillators, unity = w6 + w10, sparse.eye(n * m)
    coupling = 0.262 * q10
    matrix = sparse.bmat(
        [
            [oscillators + 3.94 * unity - 0.105 * q6, coupling],
            [coupling, oscillators + 4.84 * unity + 0.149 * q6],
        ],
        format="csc",
    )
    start = np.zeros(2 * n * m, dtype=complex)
    start[n * m] = 1  # the vibrational ground state, on S2
    times = 5e-15 * 1.602176634e-19 / 1.054571817e-34  # 5 fs in ħ/eV
    states = expm_multiply(-1j * times * matrix, start, start=0, stop=6, num=7)
    expected = np.sum(np.abs(states.reshape(7, 2, -1)) ** 2, axis=-1)
    np.testing.assert_allclose(found.motion.diabatic_populations, expected, atol=1e-5)


def test_masses_in_amu_and_times_in_fs_are_converted() -> None:
    """Half a period of an oscillator, m x″ = −k x: x goes to −x."""
    k, mass = 2.0, 3.0  # eV/Å², amu
    joule, angstrom = 1.602176634e-19, 1e-10
    half = math.pi * math.sqrt(mass * 1.66053906660e-27 / (k * joule / angstrom**2)) / 1e-15
    text = f"""
    [units]
    energy = "eV"
    time = "fs"
    coordinate = "angstrom"
    [hamiltonian]
    matrix = [["{k}*x**2/2"]]
    [packet]
    masses = {mass}
    mass_unit = "amu"
    centre = 0.5
    momentum = 0.0
    width = 0.15
    stop = {half!r}
    tolerance = 1e-4
    samples = 5
    grid = {{ start = -2.0, stop = 2.0, points = 128 }}
    """
    found = run(text)
    np.testing.assert_allclose(found.motion.positions[[0, -1], 0], [0.5, -0.5], atol=1e-5)
    assert "mass in amu" in found.experiment.setup["units"]
    assert found.experiment.time_unit == "fs"
    assert found.experiment.stop == half


def test_errors_within_say_the_unit_of_times() -> None:
    text = (Path(__file__).parents[2] / "examples" / "pyrazine.toml").read_text(encoding="utf-8")
    refuse(
        text.replace("step = 0.1", "step = 5.0").replace("samples = 121", "samples = 5"),
        r"In \[packet\]: .*`step` must be at most .* fs .* but it is 5 fs",
    )


def sodium_iodide() -> str:
    """The file of docs/molecules.md, on fewer points and for a shorter time."""
    page = (Path(__file__).parents[2] / "docs" / "molecules.md").read_text(encoding="utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    assert "points = 2400" in text
    assert "stop = 1000.0" in text
    return text.replace("points = 2400", "points = 1920").replace("stop = 1000.0", "stop = 300.0")


@pytest.mark.slow
def test_sodium_iodide_is_converged() -> None:
    text = sodium_iodide()
    text = text.replace("[packet]", "[packet]\nconvergence = true\nsamples = 11")
    found = run(text)
    assert found.convergence is not None
    assert set(found.convergence.changes) == {"step", "spacing", "box", "absorber"}
    assert found.convergence.converged
    said = found.sentences()
    assert said.trusted
    assert "are converged" in said.notes[-1]
    data = found.to_dataset()
    assert {name: data[name].attrs["units"] for name in data.variables if data[name].attrs} == {
        "time": "fs",
        "snapshot": "fs",
        "grid_x": "angstrom",
        "state": "1",
        "population": "1",
        "diabatic_population": "1",
        "norm": "1",
        "energy": "eV",
        "level": "eV",
        "position": "angstrom",
        "momentum": "ħ/angstrom",
        "density": "1/angstrom",
        "absorbed": "1",
    }
    # ∫ p dt = m Δx, in the units that the dataset names: ħ/Å, fs, amu, Å.
    hbar = 1.054571817e-34 / (1.66053906660e-27 * 1e-20) * 1e-15  # amu Å²/fs
    motion = run(text.replace("convergence = true\nsamples = 11", "samples = 301")).to_dataset()
    path = motion["momentum"].integrate("time") * hbar / 19.4644
    way = motion["position"][-1, 0] - motion["position"][0, 0]
    assert float(path[0]) == pytest.approx(float(way), rel=1e-4)


def test_errors_name_times_in_the_unit_of_the_file() -> None:
    """The packet comes to the end of a short grid; its mean is at 8.6 Å after 250 fs."""
    text = sodium_iodide().replace("absorber = [[0.0, 6.0]]", "").replace("28.0", "9.5")
    with pytest.raises(ConvergenceError, match=r"boundary at x stop at t = ([\d.]+) fs with") as e:
        run(text.replace("points = 1920", "points = 640"))
    assert 100 < float(str(e.value).split("t = ")[1].split(" ")[0]) < 250


def test_a_repeat_that_cannot_be_made_is_said_and_the_result_kept() -> None:
    text = (
        '[hamiltonian]\nmatrix = [["0.001*log(x)", 0], [0, "0.001*log(x) + 0.01"]]\n'
        + PACKET.replace("divide = 0.0", "absorber = [[10.0, 10.0]]\nconvergence = true")
        .replace("centre = -8.0", "centre = 30.0")
        .replace("momentum = 20.0", "momentum = 10.0")
        .replace("width = 1.0", "width = 2.0")
        .replace("start = -14.0, stop = 16.0", "start = 1.0, stop = 61.0")
        .replace("1600.0", "800.0")
    )
    found = run(text)
    said = found.sentences()
    assert not said.trusted
    assert "with wider absorbing layers the run cannot be repeated" in said.notes[-1]
    assert found.motion.norm[-1] == pytest.approx(1, abs=1e-6)
    assert list(found.numbers()["convergence"]["failures"]) == ["absorber"]
    assert "failed" in found.to_dataset().attrs["convergence_absorber"]
    check_summary(found)


CAUGHT = """
[hamiltonian]
matrix = [["a*tanh(x)", "c"], ["c", "-a*tanh(x)"]]
parameters = { a = 0.02, c = 0.006 }
[packet]
masses = 2000.0
centre = -10.0
momentum = 10.0
width = 2.0
stop = 3000.0
step = 4.0
divide = 0.0
absorber = 14.0
grid = { start = -34.0, stop = 30.0, points = 768 }
"""


@pytest.mark.slow
def test_a_packet_caught_at_the_crossing_is_not_transmitted() -> None:
    """The upper level, closed at both ends, has a well at x = 0 that empties slowly."""
    found = run(CAUGHT)
    later = run(CAUGHT.replace("stop = 3000.0", "stop = 4500.0"))
    assert found.channels is not None
    assert later.channels is not None
    assert np.abs(later.channels - found.channels).max() > 2e-3
    said = found.sentences()
    assert not said.trusted
    assert "the channels still change, by 4.8e-03 in the last 300:" in said.notes[0]
    assert "P1 = 0.00814 below, P1 = 0.00725 above on a level that is closed" in said.notes[1]
    # Slower, the packet has left after some time, and then nothing is said.
    slower = CAUGHT.replace("momentum = 10.0", "momentum = 9.0").replace("3000.0", "6000.0")
    said = run(slower).sentences()
    assert said.trusted
    assert len(said.notes) == 1
