import numpy as np
import pytest

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.formulas import demkov_osherov, landau_zener, multiplet_landau_zener


def exact(couplings, rate, window=4000.0):
    """Probabilities between diabatic states of two crossing multiplets."""
    v = np.atleast_2d(np.asarray(couplings, dtype=complex))
    m, n = v.shape
    constant = np.zeros((m + n, m + n), dtype=complex)
    constant[:m, m:], constant[m:, :m] = v, v.conj().T
    slopes = np.diag([0.5] * m + [-0.5] * n)
    h = ac.Hamiltonian.affine(constant, slopes)
    drive = ac.drive.Linear(-window * rate, window * rate, rate=rate)
    return ac.propagate(h, drive, basis="diabatic").transition_matrix


def test_a_singlet_through_a_triplet():
    couplings = np.array([0.1, 0.15j, -0.2 + 0.05j])
    found = multiplet_landau_zener(couplings=couplings, sweep_rate=0.5)
    strength = np.linalg.norm(couplings)
    assert np.allclose(found.effective_couplings, strength, rtol=1e-14)
    one = landau_zener(gap=2 * strength, sweep_rate=0.5).value
    assert found.transition_matrix[0, 0] == pytest.approx(one, rel=1e-13)
    # the diabatic read-out of a finite window converges like g/αT
    assert np.abs(found.transition_matrix - exact(couplings, 0.5)).max() < 1e-3
    levels = demkov_osherov(levels=[0, 0, 0], couplings=np.abs(couplings), sweep_rate=0.5)
    assert np.allclose(found.transition_matrix[0], levels.transition_matrix[0], atol=1e-14)


def test_what_is_asked_of_the_whole_multiplet_does_not_depend_on_its_axes():
    rng = np.random.default_rng(4)
    v = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    turn, other = (
        np.linalg.qr(rng.normal(size=(k, k)) + 1j * rng.normal(size=(k, k)))[0] for k in (2, 3)
    )
    one = multiplet_landau_zener(couplings=v, sweep_rate=7.0)
    two = multiplet_landau_zener(couplings=turn @ v @ other, sweep_rate=7.0)
    assert np.allclose(one.effective_couplings, two.effective_couplings, rtol=1e-13)
    assert one.transferred == pytest.approx(two.transferred, rel=1e-13)
    for found in (one, two):
        assert np.allclose(found.transition_matrix.sum(axis=0), 1, atol=1e-13)
        assert found.transition_matrix[2:, :2].sum() == pytest.approx(
            2 * found.transferred, rel=1e-12
        )


def test_two_multiplets_keep_and_mix_within_themselves():
    v = [[0.2, 0.1j], [0.05, 0.3]]
    found = multiplet_landau_zener(couplings=v, sweep_rate=1.0)
    numeric = exact(v, 1.0)
    assert np.abs(found.transition_matrix - numeric)[:2, :2].max() < 1e-3
    assert np.abs(found.transition_matrix - numeric)[2:, 2:].max() < 1e-3
    assert not found.valid  # from set to set the window decides; the check says how much
    assert np.abs(found.transition_matrix - numeric).max() < found.checks[-1].value + 1e-3
    assert found.transferred == pytest.approx(numeric[2:, :2].sum() / 2, abs=1e-3)


def test_equal_effective_couplings_add_as_amplitudes():
    v = 0.2 * np.array([[0.6, 0.8], [-0.8, 0.6]])
    found = multiplet_landau_zener(couplings=v, sweep_rate=1.0)
    assert found.valid
    assert np.abs(found.transition_matrix - exact(v, 1.0)).max() < 1e-3


def test_multiplets_broadcast_and_refuse():
    found = multiplet_landau_zener(couplings=np.ones((4, 1, 3)) * 0.1, sweep_rate=[1, 2, 3, 4])
    assert found.transition_matrix.shape == (4, 4, 4)
    none = multiplet_landau_zener(couplings=np.zeros(3), sweep_rate=1.0)
    assert np.array_equal(none.transition_matrix, np.eye(4))
    strong = multiplet_landau_zener(couplings=[1e160, 0, 0], sweep_rate=1.0)
    assert strong.transition_matrix[1, 0] == 1.0
    tiny = multiplet_landau_zener(couplings=[1e-160, 1e-161], sweep_rate=1e-300)
    assert np.allclose(tiny.transition_matrix.sum(axis=0), 1)
    for bad in ([[np.nan]], "soc", 1.0, np.ones((0, 2))):
        with pytest.raises(InputError, match="couplings"):
            multiplet_landau_zener(couplings=bad, sweep_rate=1.0)
    with pytest.raises(InputError, match="broadcast"):
        multiplet_landau_zener(couplings=np.ones((2, 1, 1)), sweep_rate=[1.0, 2.0, 3.0])
