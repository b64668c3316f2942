"""Files with trajectories: what is accepted, one clear line for the rest, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import models, studies
from anticrossing._core.checks import InputError
from anticrossing.molecules.trajectories import Fixed, Gaussian, Thermal, run_trajectories
from anticrossing.studies.kinds.trajectories import TrajectoriesOutcome, TrajectoriesStudy
from tests.studies.common import TULLY, check_summary, check_tables, refuse

HOPPING = """
[trajectories]
masses = 2000.0
count = 300
seed = 3
step = 10.0
stop = 2000.0
samples = 20
box = [-12.0, 8.0]
keep = 5
[trajectories.initial]
kind = "packet"
centre = -8.0
momentum = 20.0
width = 1.0
"""
BATH = """
[hamiltonian]
coordinates = ["x", "y"]
terms = [{ coefficient = "2*x**2 + y**2/2", matrix = [[1, 0], [0, 1]] },
         { coefficient = 50.0, matrix = [[0, 0], [0, 1]] }]
[trajectories]
masses = 1.0
count = 4000
seed = 1
step = 0.05
stop = 1.0
[trajectories.initial]
kind = "thermal"
centre = 0.0
frequencies = [2.0, 1.0]
temperature = 0.7
"""


def study(text: str) -> TrajectoriesStudy:
    found = studies.parse(text)
    assert isinstance(found, TrajectoriesStudy)
    return found


def run(text: str) -> TrajectoriesOutcome:
    found = studies.run(study(text))
    assert isinstance(found, TrajectoriesOutcome)
    return found


@pytest.fixture(scope="module")
def result() -> TrajectoriesOutcome:
    return run('title = "a test"\n' + TULLY + HOPPING)


# ---- what is accepted -------------------------------------------------------------------------


def test_defaults() -> None:
    text = HOPPING.replace("samples = 20\n", "").replace("keep = 5\n", "")
    request = study(TULLY + text.replace("box = [-12.0, 8.0]\n", "")).request
    assert (request.method, request.rescaling, request.frustrated) == ("fssh", "coupling", "ignore")
    assert (request.decoherence, request.keep, request.every) == ("none", 20, 2)
    assert request.steps == 200
    assert not np.isfinite(request.box).any()


def test_width_is_that_of_the_packet() -> None:
    """|ψ|² of exp(−x²/σ²) has the standard deviation σ/2, the momentum 1/σ."""
    start = study(TULLY + HOPPING.replace("width = 1.0", "width = 0.8")).request.initial
    assert isinstance(start, Gaussian)
    position, momentum = start.spread(np.array([2000.0]))
    assert (position[0], momentum[0]) == (0.4, 1.25)


def test_kinds_of_initial_conditions() -> None:
    fixed = HOPPING.replace('"packet"', '"fixed"').replace("width = 1.0", "state = 1")
    start = study(TULLY + fixed).request.initial
    assert isinstance(start, Fixed)
    assert (start.position.tolist(), start.state) == ([-8.0], 1)
    thermal = study(BATH).request.initial
    assert isinstance(thermal, Thermal)
    assert (thermal.temperature, thermal.distribution) == (0.7, "wigner")


def test_options_reach_the_ensemble() -> None:
    options = 'rescaling = "velocity"\nfrustrated = "reflect"\ndecoherence = "energy"\n'
    text = HOPPING.replace("count", options + "decoherence_energy = 0.2\ncount")
    loaded = study(TULLY + text)
    request = loaded.request
    assert (request.rescaling, request.frustrated) == ("velocity", "reflect")
    assert (request.decoherence, request.decoherence_energy) == ("energy", 0.2)
    assert loaded.setup["method"] == (
        "fssh, rescaling velocity, frustrated reflect, decoherence energy"
    )


# ---- one clear line for everything else -------------------------------------------------------

BAD = {
    "mass": (HOPPING.replace("masses = 2000.0", "masses = 0"), "`masses` must be positive"),
    "masses": (HOPPING.replace("masses = 2000.0", "masses = [1, 2]"), "`masses` must be a single"),
    "method": (HOPPING.replace("count", 'method = "fsh"\ncount'), "did you mean `fssh`"),
    "method number": (HOPPING.replace("count", "method = 1\ncount"), "`method` must be text"),
    "ignored": (
        HOPPING.replace("count", 'method = "ehrenfest"\nfrustrated = "ignore"\ncount'),
        "`frustrated` must be given for method",
    ),
    "constant": (
        HOPPING.replace("count", "decoherence_energy = 0.1\ncount"),
        "for decoherence 'energy' only",
    ),
    "count": (HOPPING.replace("count = 300", "count = 0"), "`count`"),
    "count large": (HOPPING.replace("count = 300", "count = 2000000"), "at most 1000000"),
    "count missing": (HOPPING.replace("count = 300\n", ""), "key `count` is missing"),
    "seed missing": (HOPPING.replace("seed = 3\n", ""), "key `seed` is missing"),
    "seed": (HOPPING.replace("seed = 3", "seed = -1"), "`seed`"),
    "step": (HOPPING.replace("step = 10.0", "step = 0"), "`step` must be positive"),
    "step tiny": (HOPPING.replace("step = 10.0", "step = 1e-300"), "at most 1e9 steps"),
    "slow": (HOPPING.replace("step = 10.0", "step = 0.00001"), "times the limit of some minutes"),
    "stop": (HOPPING.replace("stop = 2000.0", "stop = -1"), "`stop` must be positive"),
    "steps": (HOPPING.replace("stop = 2000.0", "stop = 2001"), "a whole number of `step`"),
    "old name": (HOPPING.replace("step = 10.0", "dt = 10.0"), "is called `step`: write it"),
    "box": (HOPPING.replace("[-12.0, 8.0]", "[8.0, -12.0]"), "`box` must hold lower"),
    "box infinite": (HOPPING.replace("[-12.0, 8.0]", "[-inf, 8.0]"), "`box` must be finite"),
    "keep": (HOPPING.replace("keep = 5", "keep = 301"), "`keep` must be at most 300"),
    "store": (HOPPING.replace("keep = 5", 'store = "/tmp/x"'), "a relative path without"),
    "store up": (HOPPING.replace("keep = 5", 'store = "a/../../x"'), "a relative path without"),
    "key": (HOPPING.replace("seed", "sede"), "did you mean `seed`"),
    "no start": (HOPPING[: HOPPING.index("[trajectories.initial")], "key `initial` is missing"),
    "kind": (HOPPING.replace('"packet"', '"pakcet"'), "did you mean `packet`"),
    "no kind": (HOPPING.replace('kind = "packet"\n', ""), "key `kind` is missing"),
    "width": (HOPPING.replace("width = 1.0", "width = 0"), "`width` must be positive"),
    "width of fixed": (HOPPING.replace('"packet"', '"fixed"'), "`width`"),
    "state": (HOPPING + "state = 2\n", "`state` must be below 2"),
    "basis": (HOPPING + 'basis = "diabtic"\n', "did you mean `diabatic`"),
    "momentum": (
        HOPPING.replace("momentum = 20.0", "momentum = [1, 2]"),
        "`momentum` must be a single",
    ),
    "nan": (HOPPING.replace("centre = -8.0", "centre = nan"), "`centre` must be finite"),
    "drive": ('[drive]\nkind = "linear"\n' + HOPPING, r"\[drive\] has no meaning beside \[traj"),
    "units": ('[units]\nenergy = "eV"\n' + HOPPING, r"In \[units\]: .*both an energy and a time"),
    "seed large": (HOPPING.replace("seed = 3", "seed = 9223372036854775808"), "`seed` must be at"),
    "leap": (
        HOPPING.replace("step = 10.0", "step = 400.0"),
        "the box is passed in 10 steps or more",
    ),
    "light": (HOPPING.replace("masses = 2000.0", "masses = 1e-6"), "passed in 10 steps or more"),
    "width vanishing": (
        HOPPING.replace("width = 1.0", "width = 5e-324"),
        "`width` must be positive",
    ),
    "store here": (HOPPING.replace("keep = 5", 'store = "."'), "a relative path without"),
    "store home": (HOPPING.replace("keep = 5", 'store = "~/x"'), "a relative path without"),
    "store line": (HOPPING.replace("keep = 5", 'store = "\\n"'), "a relative path without"),
    "scan": ("[scan]\n" + HOPPING, "key `parameter` is missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    text, message = BAD[name]
    refuse(TULLY + text, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TULLY + HOPPING.replace("[-12.0, 8.0]", "[-7.0, 8.0]"), "`box` must hold all starting"),
        ('[hamiltonian]\nmatrix = [["log(x)"]]\n' + HOPPING, "must be finite"),
    ],
)
def test_starts_that_are_of_no_use_are_refused_with_the_table(text: str, message: str) -> None:
    with pytest.raises(InputError, match=r"^In \[trajectories\]: .*" + message):
        run(text)


# ---- what comes out ---------------------------------------------------------------------------


def test_ensemble_is_that_of_the_library(result: TrajectoriesOutcome) -> None:
    direct = run_trajectories(
        models.TullySimple(),
        masses=2000.0,
        initial=Gaussian(position=-8.0, momentum=20.0, width=0.5),
        step=10.0,
        steps=200,
        every=10,
        count=300,
        seed=3,
        box=[-12.0, 8.0],
        keep=5,
    )
    found = result.ensemble
    np.testing.assert_array_equal(found.populations.value, direct.populations.value)
    np.testing.assert_array_equal(found.final_positions, direct.final_positions)
    channels = result.channels["x"]
    assert channels.value.sum() == pytest.approx(1, abs=1e-12)


def test_thermal_energies_are_those_of_quantum_oscillators() -> None:
    """⟨E⟩ = Σ (ω/2) coth(ω/2T), within four standard errors, and kept."""
    found = run(BATH)
    expected = sum(0.5 * w / np.tanh(0.5 * w / 0.7) for w in (2.0, 1.0))
    energy = found.ensemble.energy
    assert abs(energy.value[0] - expected) < 4 * energy.error[0]
    assert found.channels == {}
    assert "channels along x" not in [table.title for table in found.tables()]
    assert found.ensemble.hops.count("accepted") == 0


def test_dataset_is_in_the_units_of_the_file() -> None:
    text = BATH.replace("stop = 1.0", "stop = 1.0\nbox = [[-9.0, -0.5], [9.0, 0.5]]")
    text = text.replace("count = 4000", "count = 50").replace("1.0]\ntemp", "25.0]\ntemp")
    units = '[units]\nenergy = "eV"\ntime = "fs"\ncoordinate = "angstrom"\n'
    found = run(text + units)
    data, ensemble = found.to_dataset(), found.ensemble
    for name, times in (("time", ensemble.times), ("stop_time", ensemble.stop_times)):
        np.testing.assert_array_equal(data[name], times)
        assert data[name].attrs["units"] == "fs"
    assert data["stop_time"].min() < data["time"].max() == pytest.approx(1.0, rel=1e-12)
    assert data["final_position"].attrs["units"] == "angstrom"


def test_store_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = TULLY + HOPPING.replace("keep = 5", 'keep = 5\nstore = "batches"')
    first, second = run(text), run(text)
    assert any((tmp_path / "batches").iterdir())
    np.testing.assert_array_equal(
        first.ensemble.populations.value, second.ensemble.populations.value
    )


@pytest.mark.parametrize("store", ["out", "out/batches", "."])
def test_store_and_results_must_lie_apart(store: str) -> None:
    loaded = study(TULLY + HOPPING.replace("keep = 5", f'store = "{store}/x"'))
    loaded.check_target(Path("elsewhere"))
    target = Path("out") if store != "." else Path("x/y")
    with pytest.raises(InputError, match=f"`store` must lie apart from the results in {target}"):
        loaded.check_target(target)


@pytest.mark.parametrize("method", ["landau-zener", "ehrenfest", "mash"])
def test_every_method_runs_and_is_drawn(method: str) -> None:
    text = HOPPING.replace("count = 300", f'method = "{method}"\ncount = 64')
    found = run(TULLY + text.replace("keep = 5", "keep = 0"))
    assert found.sentences().verdict.startswith(f"At t = 2000 ħ/hartree {method} gives P0 = ")
    assert len(found.figure().axes) == 2
    check_summary(found)
    assert found.to_dataset().sizes["trajectory"] == 0


def test_tables_sentences_and_summary(result: TrajectoriesOutcome) -> None:
    check_tables(result, ["populations at the end", "channels along x", "hops", "energy"])
    summary = check_summary(result)
    hops = summary["hops"]
    assert hops["accepted"] == result.ensemble.hops.count("accepted")
    assert set(hops) == {"accepted", "frustrated", "reflected", "followed", "not_logged"}
    assert "those of sampling" in result.sentences().notes[0]
    assert len(result.figure().axes) == 2


def test_who_is_still_inside_is_said() -> None:
    said = run(TULLY + HOPPING.replace("stop = 2000.0", "stop = 500.0")).sentences()
    assert "300 of 300 trajectories are still inside the box" in said.notes


def test_dataset_keeps_trajectories_and_provenance(
    result: TrajectoriesOutcome, tmp_path: Path
) -> None:
    import xarray

    data = result.to_dataset()
    assert data["position"].dims == ("trajectory", "time", "coordinate")
    assert data.sizes["trajectory"] == 5
    assert data["time"].attrs["units"] == "ħ/hartree"
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as again:
        assert again.attrs["experiment_file"] == result.experiment.text
        np.testing.assert_array_equal(again["channel_x"], result.channels["x"].value)
        assert again["side"].values.tolist() == ["below", "above", "inside"]


def test_populations_apart_from_amplitudes_are_noticed() -> None:
    """Frustrated hops at a low momentum leave the amplitudes behind."""
    slow = HOPPING.replace("momentum = 20.0", "momentum = 6.0").replace("count = 300", "count=2000")
    slow = slow.replace("stop = 2000.0", "stop = 8000.0")
    notes = run(TULLY + slow).sentences().notes
    assert any("not consistent with its amplitudes" in note for note in notes)
