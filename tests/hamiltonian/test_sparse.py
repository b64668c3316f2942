"""Products of sparse and matrix-free terms against dense matrices."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sla

import anticrossing as ac
from anticrossing import Hamiltonian, InputError
from anticrossing.hamiltonian.sparse import SparseHamiltonian, SparseTerm
from tests.effort import slow


def flip(size, mask, weight):
    rows = np.arange(size)
    return sp.csr_array((np.full(size, weight), (rows, rows ^ mask)), shape=(size, size))


def random_sparse(size, seed, complex_too=False):
    rng = np.random.default_rng(seed)
    part = sp.random(size, size, 0.03, rng=rng).tocsr()
    if complex_too:
        part = part * np.exp(1j)
    return part + part.conj().T


def operator(matrix):
    return sla.LinearOperator(matrix.shape, matvec=lambda v: matrix @ v, dtype=matrix.dtype)


@pytest.mark.parametrize("qubits", [3, 5, 7, slow(9)])
@pytest.mark.parametrize("kind", ["flips", "mixed", "complex", "all masks"])
def test_products_equal_those_of_the_dense_matrix(qubits, kind):
    size = 2**qubits
    rng = np.random.default_rng(qubits)
    diagonal = sp.diags_array(rng.normal(size=size)).tocsr()
    flips = sum(flip(size, 1 << k, 0.3 + k) for k in range(qubits))
    terms = {
        "flips": [flips, diagonal],
        "mixed": [flips + random_sparse(size, 1), diagonal + flip(size, (size >> 1) | 1, 0.7)],
        "complex": [flips, random_sparse(size, 2, complex_too=True)],
        "all masks": [sum(flip(size, m, 1 / (m + 1)) for m in range(1, min(size, 200))), diagonal],
    }[kind]
    H = Hamiltonian.from_terms([("x", terms[0]), ("1 - x**2", terms[1])])
    products = SparseHamiltonian(H)
    dense = 0.4 * terms[0].toarray() + 0.84 * terms[1].toarray()
    real = rng.normal(size=(3, size))
    for rows in (real, real + 1j * rng.normal(size=(3, size))):
        found = products.at(0.4)
        scale = np.abs(dense).sum(axis=1).max()
        np.testing.assert_allclose(found.rows(rows), rows @ dense.T, atol=1e-14 * scale)
        np.testing.assert_allclose(found @ rows[0], dense @ rows[0], atol=1e-14 * scale)
        np.testing.assert_allclose(found @ rows.T, dense @ rows.T, atol=1e-14 * scale)
    energies = np.linalg.eigvalsh(dense)
    assert found.lowest <= energies[0] + 1e-12 * scale
    assert found.highest >= energies[-1] - 1e-12 * scale


def test_bit_flips_are_seen_in_a_matrix():
    term = SparseTerm(ac.models.transverse_field_driver(9))
    assert term.rest is None
    np.testing.assert_array_equal(term.masks, 2 ** np.arange(9))
    # One element that differs is no flip any more, nor is a dimension of another kind.
    changed = ac.models.transverse_field_driver(9).tolil()
    changed[0, 1] = changed[1, 0] = -2.0
    assert SparseTerm(changed.tocsr()).masks.size == 8
    assert SparseTerm(sp.csr_array(flip(16, 1, 1.0)[:12, :12])).masks.size == 0


@pytest.mark.parametrize("size", [40, slow(700)])
def test_linear_operators_are_terms(size):
    matrix = random_sparse(size, 4).toarray()
    terms = [("1", sp.diags_array(np.arange(size) / 10.0)), ("x", matrix)]
    with_operator = [terms[0], ("x", operator(matrix))]
    expected = np.linalg.eigvalsh(np.diag(np.arange(size) / 10.0) + 0.3 * matrix)[:3]
    H = Hamiltonian.from_terms(with_operator)
    assert H.is_sparse
    np.testing.assert_allclose(ac.spectrum.levels(H, 0.3, count=3), expected, atol=1e-11)
    assert ac.spectrum.sectors(H).count == (
        1
        if size > 512
        else ac.spectrum.sectors(
            Hamiltonian.from_terms([(c, sp.csr_array(m)) for c, m in terms])
        ).count
    )


def test_what_needs_elements_refuses_an_operator_in_one_line():
    size = 600
    H = Hamiltonian.from_terms([("x", operator(random_sparse(size, 5)))])
    for call in (lambda: H(0.0), lambda: H.sparse(0.0), lambda: H.derivative(0.0)):
        with pytest.raises(InputError, match="LinearOperator: `propagate`, `levels`"):
            call()
    labels = ac.spectrum.Symmetry.labelled(["a"] * size)
    with pytest.raises(InputError, match="`symmetry` must be left out"):
        ac.spectrum.sectors(H, symmetry=labels)


@pytest.mark.parametrize("size", [20, 600])
def test_an_operator_that_is_not_hermitian_is_refused(size):
    matrix = sp.random(size, size, 0.2, rng=np.random.default_rng(0)).tocsr()
    with pytest.raises(InputError, match="must be Hermitian"):
        Hamiltonian.from_terms([("x", operator(matrix))])
    with pytest.raises(InputError, match="must be square"):
        Hamiltonian.from_terms([("x", operator(matrix[:, :-1]))])


def test_a_large_dense_matrix_is_refused_with_what_can_be_done():
    chain = ac.models.TransverseIsing(sites=13)
    with pytest.raises(InputError, match=r"at most 4096 levels .* `find_crossings`"):
        chain(0.5)
