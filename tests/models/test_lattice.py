"""The Ising chain against free fermions, and the Bloch bands against the dimerised chain."""

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.models import BlochBands, TransverseIsing, TransverseIsingMode, ising_momenta


@pytest.mark.parametrize("sites", [2, 4, 6])
@pytest.mark.parametrize("field", [0.3, 1.0, 1.7])
def test_ising_ground_energy_is_the_sum_over_modes(sites, field):
    chain = np.linalg.eigvalsh(TransverseIsing(sites=sites, coupling=0.8)(field))
    modes = TransverseIsingMode(momentum=ising_momenta(sites), coupling=0.8)
    assert chain[0] == pytest.approx(np.linalg.eigvalsh(modes(field))[:, 0].sum(), abs=1e-12)


def test_large_chains_are_sparse_and_agree_with_the_modes():
    import scipy.sparse.linalg

    chain = TransverseIsing(sites=10)
    assert chain.is_sparse
    lowest = scipy.sparse.linalg.eigsh(chain.sparse(0.9), k=1, which="SA")[0][0]
    modes = TransverseIsingMode(momentum=ising_momenta(10))
    assert lowest == pytest.approx(np.linalg.eigvalsh(modes(0.9))[:, 0].sum(), abs=1e-10)


def test_ising_chain_equals_its_kronecker_products():
    x, z, one = np.array([[0, 1], [1, 0]]), np.diag([1, -1]), np.eye(2)
    kron = np.kron
    expected = -0.5 * (kron(kron(z, z), one) + kron(kron(one, z), z))
    expected -= 0.2 * (kron(kron(x, one), one) + kron(kron(one, x), one) + kron(kron(one, one), x))
    H = TransverseIsing(sites=3, coupling=0.5, periodic=False)
    np.testing.assert_allclose(H(0.2), expected, atol=1e-15)


def test_ising_mode_avoids_at_the_cosine_of_its_momentum():
    k = np.array([0.3, 1.0, 2.5])
    modes = TransverseIsingMode(momentum=k, coupling=1.5)
    for i, field in enumerate(1.5 * np.cos(k)):
        levels = np.linalg.eigvalsh(modes(field)[i])
        assert levels[1] - levels[0] == pytest.approx(4 * 1.5 * np.sin(k[i]), rel=1e-13)


def test_bloch_bands_are_those_of_the_dimerised_chain():
    hopping, gap = 1.3, 0.4
    strong, weak = hopping + gap / 4, hopping - gap / 4
    k = np.linspace(-np.pi, np.pi, 41)
    dispersion = np.abs(strong + weak * np.exp(-1j * k))
    bands = np.linalg.eigvalsh(BlochBands(hopping=hopping, gap=gap)(k))
    np.testing.assert_allclose(bands, np.stack([-dispersion, dispersion], -1), atol=1e-13)


def test_wrong_lattices_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        TransverseIsing(sites=1)
    with pytest.raises(InputError, match="even"):
        ising_momenta(5)
    with pytest.raises(InputError, match="hopping"):
        BlochBands(hopping=-1.0, gap=0.1)
