"""Levels against closed forms, NumPy and dense counterparts of sparse models."""

import importlib

import mpmath
import numpy as np
import pytest
import scipy.sparse

from anticrossing._core.checks import InputError
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import DemkovOsherov, LandauZener, SpinInField, TransverseIsing
from anticrossing.spectrum import eigenvectors, levels, tracked_levels


def test_two_level_closed_form_has_relative_accuracy_in_the_gap():
    H = LandauZener(gap=1e-9)
    energies = levels(H, 1e-9)
    exact = mpmath.sqrt(mpmath.mpf(1e-9) ** 2 + mpmath.mpf(1e-9) ** 2)
    assert energies[1] - energies[0] == pytest.approx(float(exact), rel=1e-15)


def test_shapes_and_count():
    H = SpinInField(spin=1, transverse_field=[0.1, 0.2])
    assert levels(H, np.zeros((4, 5))).shape == (2, 4, 5, 3)
    assert levels(H, 0.5, count=2).shape == (2, 2)
    two = Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=["x", "y"])
    np.testing.assert_allclose(levels(two, [[3.0, 4.0], [0.0, 1.0]]), [[-5, 5], [-1, 1]])


def test_complex_matrices():
    H = Hamiltonian.from_matrix([["x", "-I*x"], ["I*x", "0"]])
    x = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(levels(H, x), np.linalg.eigvalsh(H(x)), atol=1e-15)


@pytest.mark.slow
def test_sparse_levels_agree_with_dense_ones(monkeypatch):
    # By name: the attribute `levels` of the package is the function.
    module = importlib.import_module("anticrossing.spectrum.levels")
    monkeypatch.setattr(module, "LARGEST_DENSE", 100)
    chain = TransverseIsing(sites=8, periodic=False)
    sparse = levels(chain, [0.5, 1.2], count=4)
    dense = np.linalg.eigvalsh(chain.sparse(1.2).toarray())[:4]
    np.testing.assert_allclose(sparse[1], dense, atol=1e-10)
    batch = levels(chain.replace(coupling=[0.5, 1.0]), 1.2, count=2)
    np.testing.assert_allclose(batch[1], dense[:2], atol=1e-10)


def test_sparse_levels_of_two_coordinates(monkeypatch):
    module = importlib.import_module("anticrossing.spectrum.levels")
    monkeypatch.setattr(module, "LARGEST_DENSE", 30)
    heights = scipy.sparse.diags(np.arange(40.0)).tocsr()
    hops = scipy.sparse.diags([1.0, 1.0], offsets=[-1, 1], shape=(40, 40)).tocsr()
    H = Hamiltonian.from_terms([("x", heights), ("y", hops)], coordinates=("x", "y"))
    points = np.array([[[1.0, 0.5], [0.3, 2.0]]])
    found = levels(H, points, count=3)
    assert found.shape == (1, 2, 3)
    for point, values in zip(points[0], found[0], strict=True):
        dense = point[0] * heights.toarray() + point[1] * hops.toarray()
        assert values == pytest.approx(np.linalg.eigvalsh(dense)[:3], abs=1e-10)


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 4}, {"count": 1.5}])
def test_wrong_counts_are_refused(arguments):
    with pytest.raises(InputError, match="count"):
        levels(SpinInField(spin=1, transverse_field=0.1), 0.0, **arguments)
    with pytest.raises(InputError, match="count"):
        levels(TransverseIsing(sites=10), 1.0)


def test_infinite_matrices_are_refused():
    H = Hamiltonian.from_matrix([["1/x", 0], [0, 1]])
    with pytest.raises(InputError, match="finite"):
        levels(H, [1.0, 0.0])


def test_tracked_levels_follow_the_diabats_of_different_sectors():
    x = np.linspace(-3.0, 3.0, 101)
    H = SpinInField(spin=1.5, transverse_field=0.0, anisotropy=-1.0)
    m = np.array([1.5, 0.5, -0.5, -1.5])
    diabats = x[:, None] * m - m**2
    expected = diabats[:, np.argsort(diabats[0])]
    np.testing.assert_allclose(tracked_levels(H, x), expected, atol=1e-13)


def test_tracked_levels_keep_their_order_within_a_sector():
    H = DemkovOsherov(levels=[0.0, 1.0], couplings=[1e-3, 2e-3])
    x = np.linspace(-2, 3, 51)
    np.testing.assert_allclose(tracked_levels(H, x), levels(H, x), atol=1e-13)


def test_tracked_levels_of_a_hidden_symmetry_and_a_batch():
    # One exchange-degenerate pair of levels: their antisymmetric combination goes straight.
    H = DemkovOsherov(levels=[1.0, 1.0], couplings=[0.2, 0.2]).replace(level_1=[1.0, 1.0])
    x = np.linspace(-3, 5, 81)
    tracked = tracked_levels(H.replace(level_2=[1.0, 1.0]), x)
    assert tracked.shape == (2, 81, 3)
    assert np.min(np.ptp(tracked[0], axis=0)) < 1e-13
    np.testing.assert_allclose(np.sort(tracked[0]), levels(H, x)[0], atol=1e-13)


def test_eigenvectors_are_smooth_and_diagonalise():
    rng = np.random.default_rng(3)
    matrices = rng.normal(size=(2, 5, 5)) + 1j * rng.normal(size=(2, 5, 5))
    H = Hamiltonian.affine(*(matrices + matrices.conj().swapaxes(1, 2)))
    x = np.linspace(-1, 1, 401)
    energies, vectors = eigenvectors(H, x)
    np.testing.assert_allclose(H(x) @ vectors, vectors * energies[:, None, :], atol=1e-12)
    overlaps = np.sum(vectors[:-1].conj() * vectors[1:], axis=1)
    assert np.abs(overlaps.imag).max() < 1e-12
    assert overlaps.real.min() > 0.9


def test_paths_must_be_one_dimensional():
    with pytest.raises(InputError, match="dimension"):
        tracked_levels(LandauZener(gap=1.0), 0.0)
    with pytest.raises(InputError, match="at least one"):
        eigenvectors(LandauZener(gap=1.0), [])
