"""Geometries written as extended XYZ, read back by a parser written here and by ASE."""

from pathlib import Path

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.models import read_sharc, write_xyz

FILES = Path(__file__).parents[1] / "reference_data" / "sharc_lvc"
BOHR = 0.529177210903  # Å


@pytest.fixture(scope="module")
def model():
    return read_sharc(FILES / "LVC.template")


@pytest.fixture(scope="module")
def coordinates(model):
    count = len(model.hamiltonian.coordinates)
    return np.random.default_rng(3).normal(size=(3, count))


def test_frames_hold_the_geometries(model, coordinates, tmp_path):
    path = write_xyz(tmp_path / "path.xyz", model, coordinates, times=[0.0, 0.5, 1.0])
    assert [file.name for file in tmp_path.iterdir()] == ["path.xyz"]
    lines = path.read_text().splitlines()
    atoms = len(model.elements)
    assert len(lines) == 3 * (atoms + 2)
    for frame, Q in enumerate(coordinates):
        block = lines[frame * (atoms + 2) : (frame + 1) * (atoms + 2)]
        assert block[0] == str(atoms)
        assert block[1].endswith(f" time={0.5 * frame:g}")
        words = [line.split() for line in block[2:]]
        assert tuple(word[0] for word in words) == model.elements
        positions = np.array([word[1:4] for word in words], dtype=float)
        np.testing.assert_allclose(model.coordinates(positions / BOHR), Q, atol=1e-6)


def test_read_by_ase(model, coordinates, tmp_path):
    ase = pytest.importorskip("ase.io", reason="needs the package `ase`")
    path = write_xyz(tmp_path / "path.xyz", model, coordinates, times=[0.0, 0.5, 1.0])
    frames = ase.read(path, ":")
    assert len(frames) == 3
    for atoms, Q, time in zip(frames, coordinates, (0.0, 0.5, 1.0), strict=True):
        assert tuple(atoms.get_chemical_symbols()) == model.elements
        np.testing.assert_allclose(atoms.positions, BOHR * model.cartesian(Q), atol=1e-8)
        np.testing.assert_allclose(atoms.get_masses(), model.masses, atol=1e-7)
        assert atoms.info["time"] == time
        assert not atoms.pbc.any()


def test_momenta_and_entries(model, coordinates, tmp_path):
    # A diatomic molecule: both atoms have the momentum √(μω) P along the bond.
    path = write_xyz(tmp_path / "path.xyz", model, coordinates, momenta=2 * coordinates,
                     info={"energy": [1.5, 2.5, 3.5], "state": [0, 1, 1]})  # fmt: skip
    lines = path.read_text().splitlines()
    assert lines[1].startswith("Properties=species:S:1:pos:R:3:momenta:R:3:masses:R:1 ")
    assert lines[5].endswith(" energy=2.5 state=1")
    C, O = model.masses  # noqa: E741
    hartree, per_dalton = 27.211386245988, 1822.888486
    reduced = C * O / (C + O)
    unit = np.sqrt(hartree / per_dalton)  # ħ/bohr in √(u eV)
    root = np.sqrt(reduced * per_dalton * model.hamiltonian.frequencies[0])
    for k, Q in enumerate(coordinates):
        momenta = np.array([line.split()[4:7] for line in lines[4 * k + 2 : 4 * k + 4]], float)
        expected = unit * root * 2 * Q[0] * np.array([[0, 0, -1], [0, 0, 1]])
        np.testing.assert_allclose(momenta, expected, rtol=1e-8, atol=1e-9)


def test_one_frame_at_the_reference(model, tmp_path):
    path = write_xyz(tmp_path / "one.xyz", model, np.zeros(len(model.hamiltonian.coordinates)))
    words = [line.split() for line in path.read_text().splitlines()[2:]]
    found = np.array([word[1:4] for word in words], dtype=float)
    np.testing.assert_allclose(found, BOHR * model.geometry, atol=1e-9)


def test_bad_arguments(model, coordinates, tmp_path):
    path = tmp_path / "bad.xyz"
    with pytest.raises(InputError, match="`model` must be a SharcModel"):
        write_xyz(path, model.hamiltonian, coordinates)
    with pytest.raises(InputError, match="`coordinates` must have a last axis of length"):
        write_xyz(path, model, np.zeros((3, 2)))
    with pytest.raises(InputError, match="`coordinates` must hold at least one row"):
        write_xyz(path, model, coordinates[:0])
    with pytest.raises(InputError, match=r"`times` must have shape \(3,\)"):
        write_xyz(path, model, coordinates, times=[1.0])
    with pytest.raises(InputError, match="`coordinates` must"):
        write_xyz(path, model, np.nan * coordinates)
    with pytest.raises(InputError, match=r"`momenta` must have shape \(3, 1\)"):
        write_xyz(path, model, coordinates, momenta=coordinates[:2])
    with pytest.raises(InputError, match="`info` must be a mapping"):
        write_xyz(path, model, coordinates, info=[1.0])
    for key in ("", "two words", "a=b", "Time", "pbc", 3):
        with pytest.raises(InputError, match="`info` must have keys that are free names"):
            write_xyz(path, model, coordinates, info={key: [0.0] * 3})
    with pytest.raises(InputError, match=r"`info\[energy\]` must have shape \(3,\)"):
        write_xyz(path, model, coordinates, info={"energy": [0.0]})
    for place in (3, "", tmp_path):
        with pytest.raises(InputError, match=r"`path` must be|cannot be written"):
            write_xyz(place, model, coordinates)
    assert not list(tmp_path.iterdir())
