"""Sweeps of wave packets and of ensembles of trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

import anticrossing.sweeps as sweeps
from anticrossing import InputError, models, studies
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from anticrossing.studies.kinds import trajectories
from anticrossing.studies.kinds.trajectories import TrajectoriesOutcome, TrajectoriesStudy
from tests.studies.common import TULLY
from tests.sweeps.test_kill import files

HOPPING = (
    TULLY
    + """
[trajectories]
masses = 2000.0
count = 256
seed = 11
step = 10.0
stop = 4000.0
box = [-14.0, 6.0]
[trajectories.initial]
kind = "packet"
centre = -9.0
momentum = 20.0
width = 1.0
"""
)
PACKET = (
    TULLY
    + """
[packet]
masses = 2000.0
centre = -7.0
momentum = 20.0
width = 1.0
stop = 1400.0
step = 4.0
divide = 0.0
samples = 8
grid = { start = -12.0, stop = 14.0, points = 320 }
"""
)
MOMENTA = """
[sweep]
zipped = true
parameters = [
  { parameter = "trajectories.initial.momentum", values = [10.0, 16.0, 25.0], label = "momentum" },
  { parameter = "trajectories.initial.width", values = [2.0, 1.25, 0.8] },
]
"""


def swept(text: str, **options: Any) -> xarray.Dataset:
    result = studies.sweep(studies.parse(text), progress=False, **options).load()
    assert (result.status == 1).all(), result.message.values
    return result


def grid_of(parameter: str, values: list[float], more: str = "") -> str:
    table = f'[sweep]\nparameters = [{{ parameter = "{parameter}", values = {values} }}]\n'
    return table + more


@pytest.fixture(scope="module")
def momenta() -> xarray.Dataset:
    return swept(HOPPING + MOMENTA)


# ---- trajectories -------------------------------------------------------------------------------


def test_channels_against_the_momentum(momenta: xarray.Dataset) -> None:
    assert momenta.channel.dims == momenta.channel_error.dims == ("point", "side", "state")
    assert momenta["side"].values.tolist() == ["below", "above", "inside"]
    assert momenta["trajectories.initial.momentum"].attrs["long_name"] == "momentum"
    np.testing.assert_array_equal(momenta["trajectories.initial.width"], [2.0, 1.25, 0.8])
    np.testing.assert_allclose(momenta.channel.sum(("side", "state")), 1, atol=1e-12)
    share = momenta.channel
    np.testing.assert_allclose(momenta.channel_error, np.sqrt(share * (1 - share) / 255), rtol=1e-9)
    # The exact values at 10 and 16, published, and of `propagate_packet`; hopping is within 0.02.
    above = share.sel(side="above", state=0)[:2]
    error = momenta.channel_error.sel(side="above", state=0)[:2]
    assert (abs(above - [0.84479, 0.64117]) < 0.02 + 3 * error).all()


@pytest.mark.parametrize("point", [0, 2])
def test_a_point_is_what_a_file_with_its_seed_gives(momenta: xarray.Dataset, point: int) -> None:
    at = momenta.isel(point=point)
    values = {
        "momentum = 20.0": f"momentum = {float(at['trajectories.initial.momentum'])}",
        "width = 1.0": f"width = {float(at['trajectories.initial.width'])}",
        "seed = 11": f"seed = {int(at.seed)}",
    }
    text = HOPPING
    for old, new in values.items():
        text = text.replace(old, new)
    alone = studies.run(studies.parse(text))
    assert isinstance(alone, TrajectoriesOutcome)
    np.testing.assert_array_equal(at.channel, alone.channels["x"].value)
    np.testing.assert_array_equal(at.channel_error, alone.channels["x"].error)


def test_seeds_depend_on_the_point_and_the_seed_of_the_file_only(momenta: xarray.Dataset) -> None:
    assert len(set(momenta.seed.values)) == 3
    part = MOMENTA.replace("[10.0, 16.0, 25.0]", "[16.0, 25.0]").replace("[2.0, ", "[")
    fewer = swept(HOPPING + part)
    np.testing.assert_array_equal(fewer.seed, momenta.seed[1:])
    np.testing.assert_array_equal(fewer.channel, momenta.channel[1:])
    other = {"trajectories.step": 5.0}
    assert trajectories.point_seed(11, other) != trajectories.point_seed(12, other)
    assert trajectories.point_seed(11, other) < 2**53
    repeated = swept(HOPPING + grid_of("trajectories.seed", [3, 11]))
    np.testing.assert_array_equal(repeated.seed, [3, 11])


def test_other_outputs_of_trajectories() -> None:
    text = HOPPING.replace("box = [-14.0, 6.0]\n", "").replace("4000.0", "2000.0")
    names = [*studies.parse(text).outputs]
    assert "channel" not in names
    output = f"output = {names}\n".replace("'", '"')
    found = swept(text + grid_of("hamiltonian.coupling", [0.002, 0.005], output))
    np.testing.assert_allclose(found.population.sum("state"), 1, atol=1e-12)
    assert found.diabatic_population.dims[-1] == "diabatic_state"
    assert float(found.hops.sel(reason="accepted").min()) > 0
    assert (found.energy_drift < 1e-3).all()
    assert "population_error" in found
    kept = text.replace("count = 256", "count = 256\nkeep = 100")
    default = swept(kept + grid_of("trajectories.count", [64, 128]))
    assert set(default.data_vars) == {"population", "population_error", "seed", "status", "message"}


@pytest.mark.slow
def test_several_coordinates_have_channels_each() -> None:
    text = """
    [hamiltonian]
    coordinates = ["x", "y"]
    matrix = [["0", "0.1"], ["0.1", "1"]]
    [trajectories]
    masses = 1.0
    count = 64
    seed = 1
    step = 0.05
    stop = 3.0
    box = [[-1.0, -1.0], [1.0, 1.0]]
    [trajectories.initial]
    kind = "fixed"
    centre = 0.0
    momentum = [1.0, 0.0]
    """
    found = swept(text + grid_of("trajectories.step", [0.05, 0.1]))
    assert found.channel.dims[1:] == ("coordinate", "side", "state")
    np.testing.assert_array_equal(found.channel.sel(coordinate="x", side="above", state=0), [1, 1])
    np.testing.assert_array_equal(found.channel.sel(coordinate="y", side="inside", state=0), [1, 1])


# ---- packets ------------------------------------------------------------------------------------


def test_a_packet_is_what_the_library_gives() -> None:
    names = [*studies.parse(PACKET).outputs]
    output = f"output = {names}\n".replace("'", '"')
    found = swept(PACKET + grid_of("hamiltonian.coupling", [0.002, 0.005], output))
    for k, coupling in enumerate([0.002, 0.005]):
        # Eight times up to 1400: the last before 90 % is 1200.
        before, direct = (
            propagate_packet(
                models.TullySimple(coupling=coupling),
                Grid(-12.0, 14.0, 320),
                2000.0,
                WavePacket(centre=-7.0, momentum=20.0, width=1.0),
                stop=200.0 * intervals,
                step=4.0,
                samples=intervals + 1,
            )
            for intervals in (6, 7)
        )
        np.testing.assert_array_equal(found.channel[k], direct.channels(0.0))
        np.testing.assert_array_equal(found.population[k], direct.populations[-1])
        change = np.abs(direct.channels(0.0) - before.channels(0.0)).max()
        assert float(found.channel_change[k]) == pytest.approx(change, rel=1e-9)
    np.testing.assert_allclose(found.norm, 1, atol=1e-10)
    assert found.channel.dims[1:] == ("side", "state")
    fine = swept(PACKET + grid_of("packet.grid.points", [320, 640]))
    np.testing.assert_allclose(fine.channel[0], fine.channel[1], atol=2e-5)


# ---- stores, and mistakes -----------------------------------------------------------------------


def test_an_interrupted_sweep_ends_bitwise_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HOPPING + MOMENTA.replace("zipped", "chunk_size = 1\nzipped")
    calls: list[int] = []
    original = TrajectoriesStudy.compute

    def interrupted(self: Any, outputs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, outputs)

    with monkeypatch.context() as patch:
        patch.setattr(TrajectoriesStudy, "compute", interrupted)
        with pytest.raises(KeyboardInterrupt, match="2 of 3 points are finished"):
            swept(text, store=tmp_path / "a")
    swept(text, store=tmp_path / "a", resume=True)
    swept(text, store=tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    other = text.replace("seed = 11", "seed = 12")
    with pytest.raises(InputError, match=r"`trajectories.seed` is 11 there and 12 here"):
        swept(other, store=tmp_path / "a")


def test_from_python_it_is_the_same(momenta: xarray.Dataset) -> None:
    grid = sweeps.Zip(
        {
            "trajectories.initial.momentum": [10.0, 16.0, 25.0],
            "trajectories.initial.width": [2.0, 1.25, 0.8],
        }
    )
    found = sweeps.sweep(studies.parse(HOPPING), grid={"point": grid}, progress=False)
    np.testing.assert_array_equal(found.seed, momenta.seed)
    np.testing.assert_array_equal(found.channel, momenta.channel)


def test_a_point_that_cannot_be_is_a_failure_with_its_reason() -> None:
    text = HOPPING + grid_of("trajectories.initial.centre", [-20.0, -9.0])
    found = studies.sweep(studies.parse(text), progress=False)
    assert found.status.values.tolist() == [2, 1]
    assert "`box` must hold all starting points" in str(found.message[0].values)


NO_BOX = HOPPING.replace("box = [-14.0, 6.0]\n", "")
CHANNEL = 'output = ["channel"]\n'
DIABATIC = 'output = ["diabatic_population"]\n'
BAD = {
    "no box": (
        NO_BOX + grid_of("trajectories.step", [5.0], CHANNEL),
        "must be one of 'population'",
    ),
    "no divide": (
        PACKET.replace("divide = 0.0\n", "") + grid_of("packet.step", [2.0], CHANNEL),
        "must be one of 'population'",
    ),
    "mash": (
        HOPPING.replace("count", 'method = "mash"\ncount')
        + grid_of("trajectories.step", [5.0], DIABATIC),
        "must be one of 'channel', 'population'",
    ),
    "store": (
        HOPPING.replace("count", 'store = "x"\ncount') + grid_of("trajectories.step", [5.0]),
        "`store` must be left out of a sweep",
    ),
    "convergence": (
        PACKET.replace("divide", "convergence = true\ndivide") + grid_of("packet.step", [2.0]),
        "`convergence` must be left out of a sweep",
    ),
    "output": (HOPPING + grid_of("trajectories.step", [5.0], 'output = ["chanel"]'), "`channel`"),
    "key": (HOPPING + grid_of("trajectories.initial.momentm", [5.0]), "did you mean `momentum`"),
    "table": (HOPPING + grid_of("trajectories.start.momentum", [5.0]), r"the table \[trajector"),
    "list": (
        HOPPING.replace("masses = 2000.0", "masses = [2000.0]")
        + grid_of("trajectories.masses", [1000.0]),
        "name a single number",
    ),
    "text": (HOPPING + grid_of("trajectories.initial.kind", [1.0]), "is 'packet'"),
    "elsewhere": (HOPPING + grid_of("packet.step", [1.0]), "`hamiltonian.NAME` or `trajectories"),
    "twice": (HOPPING + "[packet]\n" + grid_of("packet.step", [1.0]), "describes one study"),
}


@pytest.mark.parametrize("name", BAD)
def test_mistakes_are_one_line(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        studies.parse(text)
    assert "\n" not in str(caught.value)
