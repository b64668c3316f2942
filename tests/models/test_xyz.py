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
    with pytest.raises(InputError, match=r"`times` must hold 3 number\(s\)"):
        write_xyz(path, model, coordinates, times=[1.0])
    with pytest.raises(InputError, match="`coordinates` must"):
        write_xyz(path, model, np.nan * coordinates)
    assert not path.exists()
