"""Finished trajectories in every format: the same numbers in atomic units, mistakes in one line."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from anticrossing import InputError, Units
from anticrossing.molecules.finished import (
    FinishedTrajectory,
    predict_hops,
    read_trajectories,
    write_trajectory,
)
from anticrossing.units import ENERGIES, TIMES
from tests.result_protocol import check

EV, FS = ENERGIES["eV"] / ENERGIES["hartree"], TIMES["fs"] / TIMES["atomic"]
T = np.linspace(0, 20, 41)
E = np.stack([0.1 * T, 2 - 0.1 * T + 0.05 * np.sin(T), 3 + 0 * T], axis=1)
KINETIC = 1 + 0.1 * np.cos(T)
ACTIVE = (T < 7).astype(int)


def same(one: FinishedTrajectory, *, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(one.times, FS * T, rtol=rtol)
    np.testing.assert_allclose(one.energies, EV * E, rtol=rtol, atol=1e-15)
    assert one.active is not None
    assert one.active.tolist() == ACTIVE.tolist()


def rows(columns: list[np.ndarray], form: str = "{:.16e}") -> str:
    return "".join(
        ",".join(form.format(v) for v in row) + "\n" for row in zip(*columns, strict=True)
    )


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_tables_in_units_of_their_own(tmp_path: Path) -> None:
    columns = [T, *E.T, KINETIC]
    body = rows([*columns, ACTIVE])
    for head in (
        "t [fs],E0 [eV],E1 [eV],E2 [eV],Ekin [eV],state\n",
        "time,S0,S1,S2,kinetic,active\nfs,eV,eV,eV,eV,\n",
    ):
        (one,) = read_trajectories(write(tmp_path, "a.csv", head + body))
        same(one)
        assert one.kinetic == pytest.approx(EV * KINETIC)
        assert one.warnings == ()
    bare = "t,E1,E2,E3,Ekin,state\n" + rows([*columns, ACTIVE + 1])
    path = write(tmp_path, "b.csv", bare)
    same(read_trajectories(path, units=Units("eV", "fs"))[0])
    (atomic,) = read_trajectories(path)
    assert atomic.times.tolist() == T.tolist()
    assert "no unit is named" in atomic.warnings[0]
    for head in ("t [fs],E1,E2,E3,Ekin,state\n", "t,E1 [eV],E2 [eV],E3 [eV],Ekin [eV],state\n"):
        path = write(tmp_path, "b.csv", head + rows([*columns, ACTIVE + 1]))
        assert "no unit is named" in read_trajectories(path)[0].warnings[0]


def test_energies_of_sharc_name_their_state(tmp_path: Path) -> None:
    potential = E[np.arange(T.size), ACTIVE]
    text = "#  1   2   3\n#  Time |  Ekin |  Epot |  Etot |  === Energy ===>\n"
    text += "#  [fs] |  [eV] |  [eV] |  [eV] |  [eV] |\n"
    columns = [T, KINETIC, potential, potential + KINETIC, *E.T]
    text += rows(columns, "{:21.12E}").replace(",", "  ")
    (one,) = read_trajectories(write(tmp_path, "energy.out", text))
    same(one, rtol=1e-11)
    text = rows([T, KINETIC, potential + 0.1, potential, *E.T], "{:21.12E}").replace(",", " ")
    text = "# Time | === Energy ===>\n# [fs] | [eV] |\n" + text
    (one,) = read_trajectories(write(tmp_path, "energy.out", text))
    assert one.active is None


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.nc"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    whole = FinishedTrajectory(FS * T, EV * E, ACTIVE, EV * KINETIC)
    for one in (whole, FinishedTrajectory(FS * T, EV * E)):
        (again,) = read_trajectories(write_trajectory(one, tmp_path / name))
        assert again.times.tolist() == one.times.tolist()
        assert again.energies.tolist() == one.energies.tolist()
        for part in ("active", "kinetic"):
            left, right = getattr(again, part), getattr(one, part)
            assert (left is None) == (right is None)
            assert left is None or left.tolist() == right.tolist()
        assert again.warnings == ()


def test_datasets_of_shnitsel(tmp_path: Path) -> None:
    """Frames of several trajectories in one, and groups of a tree with attributes in JSON."""
    frames = xarray.Dataset(
        {
            "energy": (("frame", "state"), np.concatenate([E, E[::-1]]), {"units": "eV"}),
            "astate": ("frame", np.concatenate([ACTIVE, ACTIVE]) + 1),
            "e_kin": ("frame", np.full(82, np.nan), {"units": "eV"}),
        },
        {
            "time": ("frame", np.concatenate([T, T]), {"units": "fs"}),
            "trajid": ("frame", np.repeat([4, 7], 41)),
            "state": [1, 2, 3],
        },
    )
    frames.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    first, second = read_trajectories(tmp_path / "f.nc")
    same(first)
    assert (first.name, second.name) == ("f.nc trajid 4", "f.nc trajid 7")
    assert second.energies.tolist() == first.energies[::-1].tolist()
    one = frames.isel(frame=slice(41)).drop_vars("trajid").rename(frame="time_").drop_vars("time")
    one = one.rename(time_="time").assign_coords(time=("time", T, {"units": '"fs"'}))
    one["energy"].attrs["units"] = '"eV"'
    for k, mode in enumerate("wa"):
        one.to_netcdf(tmp_path / "g.nc", engine="h5netcdf", group=f"runs/{k}", mode=mode)
    found = read_trajectories(tmp_path / "g.nc")
    assert [run.name for run in found] == ["g.nc/runs/0", "g.nc/runs/1"]
    same(found[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,E0,width\n0,1,2\n", "one is 'width'"),
        ("E0,E1\n0,1\n", "one column t"),
        ("t,Ekin\n0,1\n", "one column E0"),
        ("t,S0,E1\n0,1,2\n", "of all states or of none, but it has S0, E1"),
        ("t,E0,q1\n0,1,2\n", "of all states or of none"),  # a coordinate is no quartet
        ("t,S0,T1,state\n0,1,2,1\n", "line 2: the state must be one of the columns S0, T1"),
        ("t,S0,S1,state\n0,1,2,T1\n", "line 2: the state must be"),
        ("t,S0,S1,state\n0,1,2,E1\n", "line 2: `state` must be a number"),
        ("t,S0,S1,state\n0,1,S1,0\n", "line 2: `S1` must be a number"),
        ("t,E0 [eV],E1\n0,1,2\n", "column `E1` must name its unit as other energies do"),
        ("t,E0\n0,1\n1,\n", "line 3: `E0` must be a finite number"),
        ("t,E0\n0,1\n1,x\n", "line 3: `E0` must be a number"),
        ("t [furlong],E0\n0,1\n", "known unit"),
        ("t,E0\n0,1\n", "at least 5"),
        ("t,E0,state\n" + "".join(f"{k},1,3\n" for k in range(6)), "columns E0, but it is 3"),
        ("t,E0,state\n" + "".join(f"{k},1,0.5\n" for k in range(6)), "columns E0, but it is 0.5"),
        ("t,E0,Ekin\n" + "".join(f"{k},1,-1\n" for k in range(6)), "not be negative"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_trajectories(write(tmp_path, "a.csv", text))
    assert "a.csv" in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`path` must end in"):
        read_trajectories(tmp_path / "a.xls")
    with pytest.raises(InputError, match="`path` must name a file"):
        read_trajectories(tmp_path / "a.csv")
    path = write(tmp_path, "a.csv", "t [fs],E0 [eV]\n0,1\n")
    with pytest.raises(InputError, match="leave `units` out"):
        read_trajectories(path, units=Units("eV", "fs"))
    with pytest.raises(InputError, match="natural"):
        read_trajectories(path, units=Units())
    np.savez(tmp_path / "a.npz", times=T, energy=E)
    with pytest.raises(InputError, match="lacks energies"):
        read_trajectories(tmp_path / "a.npz")
    xarray.Dataset({"energy": (("a", "b"), E)}, {"time": T}).to_netcdf(
        tmp_path / "a.nc", engine="h5netcdf"
    )
    with pytest.raises(InputError, match="must run over"):
        read_trajectories(tmp_path / "a.nc")
    with h5py.File(tmp_path / "b.nc", "w") as file:
        file.create_group("x")["x"] = file  # a circle
    with pytest.raises(InputError, match="too deep"):
        read_trajectories(tmp_path / "b.nc")
    with pytest.raises(InputError, match="end in"):
        write_trajectory(FinishedTrajectory(T, E), tmp_path / "a.xyz")


SPINS = ("S0", "T2", "S1", "T1")
ON = np.where(T < 7, 1, np.where(T < 12, 3, 2))
MIXED = np.concatenate([E, E[:, :1] + 1], axis=1)


def test_states_of_several_multiplicities_in_every_format(tmp_path: Path) -> None:
    one = FinishedTrajectory(FS * T, EV * MIXED, ON, states=SPINS)
    assert one.multiplicities.tolist() == [1, 3, 1, 3]
    assert one.level_names == ("S0", "S1", "T1", "T2")
    for name in ("a.csv", "a.npz", "a.nc"):
        (again,) = read_trajectories(write_trajectory(one, tmp_path / name))
        assert again.states == SPINS
        assert again.active is not None
        assert again.active.tolist() == ON.tolist()
        assert again.energies.tolist() == one.energies.tolist()


@pytest.mark.parametrize("names", [("E0", "E2", "E1"), ("S1", "S3", "S2")])
def test_states_are_counted_by_their_names_in_any_order(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    numbers = np.array([int(name[1]) for name in names])[ACTIVE]
    text = f"state,{','.join(names)},t\n" + rows([numbers, *E.T, T])
    (one,) = read_trajectories(write(tmp_path, "a.csv", text), units=Units("eV", "fs"))
    same(one)


def test_spins_of_sharc_tell_the_multiplicities(tmp_path: Path) -> None:
    """`expec_MCH.out`: spins 2S, and three columns of one energy for each triplet."""
    six = MIXED[:, [0, 2, 1, 1, 1, 3]]
    heads = [("Time", "fs"), ("Ekin", "eV"), ("Epot", "eV"), ("Etot", "eV")]
    heads += [(f"{what:<6} {k:8d}", unit) for what, unit in
              (("Energy", "eV"), ("Spin", ""), ("f_osc", "")) for k in range(1, 7)]  # fmt: skip
    text = "# " + " ".join(f"{k:20d}" for k in range(1, 23)) + "\n"
    text += "# " + " ".join(f"{name} |" for name, _ in heads) + "\n"
    text += "# " + " ".join(f"[{unit}] |" for _, unit in heads) + "\n"
    on = MIXED[np.arange(T.size), ON]
    for spin in (0.0, 0.02 * np.sin(T)):  # of the third singlet: with coupling, of no state
        spins = [0 * T, spin + 0 * T, *3 * [0 * T + 2], 0 * T]
        columns = [T, KINETIC, on, on + KINETIC, *six.T, *spins, *np.zeros((6, T.size))]
        body = rows(columns, "{:21.12E}").replace(",", " ")
        (one,) = read_trajectories(write(tmp_path, "expec_MCH.out", text + body))
        if np.ndim(spin):
            assert one.states == ()
            assert one.energies.shape[1] == 6
            continue
        assert one.states == ("S0", "S1", "T1", "S2")
        np.testing.assert_allclose(one.energies, EV * MIXED[:, [0, 2, 1, 3]], rtol=1e-11)
        assert one.active is not None
        assert one.active.tolist() == np.array([0, 2, 1, 3])[ON].tolist()


def test_components_of_shnitsel_are_one_state(tmp_path: Path) -> None:
    columns = [0, 1, 1, 1, 2]
    data = xarray.Dataset(
        {"energy": (("time", "state"), E[:, columns], {"units": "eV"}),
         "astate": ("time", np.array([1, 4])[ACTIVE])},
        {"time": ("time", T, {"units": "fs"}), "state": np.arange(1, 6),
         "state_types": ("state", [1, 3, 3, 3, 1])},
    )  # fmt: skip
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    (found,) = read_trajectories(tmp_path / "a.nc")
    assert found.states == ("S0", "T1", "S1")
    same(found)


def test_names_of_states_are_checked() -> None:
    for states in (("S0", "S1"), ("S0", "S1", "X1"), ("S0", "S1", "S01"), "S0", ("S0", "S1", 2)):
        with pytest.raises(InputError, match=r"`states.* must be"):
            FinishedTrajectory(T, E, states=states)  # type: ignore[arg-type]


@pytest.mark.slow
def test_results_show_themselves(tmp_path: Path) -> None:
    one = FinishedTrajectory(FS * T, EV * E, ACTIVE, EV * KINETIC)
    check(one, tmp_path)
    check(predict_hops(one), tmp_path)
    check(predict_hops(one).crossings, tmp_path)
