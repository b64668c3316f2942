"""Sectors found without being told: direct sums, multiplets, lattice and spin symmetries."""

import numpy as np
import pytest
import scipy.linalg

from anticrossing._core.checks import InputError
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models import (
    BowTie,
    DemkovOsherov,
    Grover,
    LandauZener,
    SpinInField,
    TransverseIsing,
    spin_matrices,
)
from anticrossing.spectrum import find_crossings, sectors
from anticrossing.spectrum.subspace import space_of_level, within


def random_hermitian(rng, size, complex_entries=True):
    matrix = rng.normal(size=(size, size))
    if complex_entries:
        matrix = matrix + 1j * rng.normal(size=(size, size))
    return matrix + matrix.conj().T


def random_unitary(rng, size, complex_entries=True):
    return np.linalg.qr(random_hermitian(rng, size, complex_entries))[0]


def off_block_part(found, matrix):
    basis = np.eye(found.labels.size) if found.basis is None else found.basis
    turned = basis.conj().T @ matrix @ basis
    return np.abs(turned[found.labels[:, None] != found.labels]).max(initial=0.0)


@pytest.mark.parametrize("complex_entries", [False, True])
@pytest.mark.parametrize("sizes", [(3, 4), (1, 1, 5), (2, 2, 2, 3)])
def test_hidden_direct_sums_are_recovered(complex_entries, sizes):
    rng = np.random.default_rng(1)
    turn = random_unitary(rng, sum(sizes), complex_entries)

    def hidden():
        parts = [random_hermitian(rng, size, complex_entries) for size in sizes]
        return turn @ scipy.linalg.block_diag(*parts) @ turn.conj().T

    constant, slope = hidden(), hidden()
    constant, slope = (m + m.conj().T for m in (constant, slope))
    found = sectors(Hamiltonian.affine(constant, slope))
    assert sorted(found.sizes) == sorted(sizes)
    assert off_block_part(found, constant) < 1e-11 * np.abs(constant).max()
    assert off_block_part(found, slope) < 1e-11 * np.abs(slope).max()
    assert np.isrealobj(found.basis) != complex_entries
    np.testing.assert_allclose(found.basis.conj().T @ found.basis, np.eye(sum(sizes)), atol=1e-12)


def test_copies_of_one_sector_are_separated():
    rng = np.random.default_rng(2)
    turn = random_unitary(rng, 9)

    def hidden():
        return turn @ np.kron(np.eye(3), random_hermitian(rng, 3)) @ turn.conj().T

    matrices = [hidden() for _ in range(3)]
    H = Hamiltonian.from_terms(
        [(f, (m + m.conj().T) / 2) for f, m in zip(["1", "x", "x**2"], matrices, strict=True)]
    )
    assert sectors(H).sizes == (3, 3, 3)


def test_kramers_pairs_are_not_a_symmetry_sector():
    # Five 4×4 matrices of a time-reversal invariant spin: every level is doubly degenerate, yet
    # nothing commutes with all of them.
    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
    five = [np.kron(x, np.eye(2)), np.kron(z, np.eye(2)), *(np.kron(y, s) for s in (x, y, z))]
    functions = ["1", "x", "x**2", "x**3", "sin(x)"]
    H = Hamiltonian.from_terms(list(zip(functions, five, strict=True)))
    assert np.ptp(np.linalg.eigvalsh(H(0.7)).reshape(2, 2), axis=1).max() < 1e-14
    assert sectors(H).count == 1


def test_two_spins_fall_into_multiplets():
    # S=1 and S=1/2 in the same field couple only to their total field: no mixing between the two,
    # and Heisenberg exchange then leaves total spin 3/2 and 1/2.
    one, half = spin_matrices(1), spin_matrices(0.5)
    total = [np.kron(a, np.eye(2)) + np.kron(np.eye(3), b) for a, b in zip(one, half, strict=True)]
    raising = [np.kron(one[0], half[0]), np.kron(one[1], half[1])]
    s_y = [-1j * (z @ x - x @ z) for x, z in (one, half)]
    exchange = raising[0] + raising[1] + np.kron(*s_y).real
    H = Hamiltonian.from_terms([("x", total[1]), (0.3, total[0]), (0.7, exchange)])
    assert sorted(sectors(H).sizes) == [2, 4]


@pytest.mark.parametrize(
    ("H", "sizes"),
    [
        (LandauZener(gap=1e-9), [2]),
        (LandauZener(gap=0.0), [1, 1]),
        (SpinInField(spin=2, transverse_field=0.1, anisotropy=-1.0), [5]),
        (SpinInField(spin=2, transverse_field=0.0, anisotropy=-1.0), [1] * 5),
        (DemkovOsherov(levels=[1.0, 2.0, 3.0], couplings=[0.1, 0.0, 0.2]), [1, 3]),
        (DemkovOsherov(levels=[1.0, 2.0, 2.0], couplings=[0.1, 0.2, 0.3]), [1, 3]),
        (BowTie(slopes=[1.0, 2.0], couplings=[0.1, 0.1], offset=0.0), [1, 3]),
        (Grover(qubits=4, reduced=False), [1] * 14 + [2]),
    ],
)
def test_sectors_of_the_models(H, sizes):
    assert sorted(sectors(H).sizes) == sizes


def test_ising_sectors_refine_the_flip_symmetry():
    found = sectors(TransverseIsing(sites=5))
    flip = np.fliplr(np.eye(32))
    turned = found.basis.conj().T @ flip @ found.basis
    # The global flip commutes with everything, so by Schur it is ±1 on each irreducible block.
    for sector in range(found.count):
        inside = found.indices(sector)
        block = turned[np.ix_(inside, inside)]
        sign = np.sign(block[0, 0].real)
        np.testing.assert_allclose(block, sign * np.eye(inside.size), atol=1e-10)
    assert sum(found.sizes) == 32


def test_weak_coupling_is_not_taken_for_symmetry():
    H = Hamiltonian.affine([[1.0, 1e-9], [1e-9, -1.0]], [[1.0, 0.0], [0.0, -1.0]])
    assert sectors(H).count == 1
    function = Hamiltonian.from_function(lambda x: np.array([[x, 1e-8], [1e-8, -x]]))
    assert sectors(function, np.linspace(-1e3, 1e3, 9)).count == 1


@pytest.mark.parametrize(("offset", "gap"), [(0, 1e-11), (0, 1e-12), (1000, 1e-10), (1000, 1e-11)])
def test_a_weak_coupling_beside_large_constants_is_not_taken_for_symmetry(offset, gap):
    H = Hamiltonian.from_matrix([[f"{offset} + 7*x - 3", gap / 2], [gap / 2, f"{offset} - x + 1"]])
    (crossing,) = find_crossings(H, -1.3, 1.1)
    assert crossing.kind == "avoided"
    assert crossing.gap == pytest.approx(gap, rel=1e-3)


def test_functions_are_sampled():
    H = Hamiltonian.from_function(
        lambda x: np.array([[x, 0.0, 0.2], [0.0, x**2, 0.0], [0.2, 0.0, -x]])
    )
    assert sorted(sectors(H).sizes) == [1, 2]


def test_functions_that_vanish_and_points_that_are_missing():
    H = Hamiltonian.from_function(lambda x: np.zeros((2, 2)))
    assert sectors(H).sizes == (1, 1)
    with pytest.raises(InputError, match="`x` must hold at least one number"):
        sectors(H, [])


def test_the_largest_numbers_hide_no_link():
    assert sectors(LandauZener(gap=1e308)).count == 1


def test_large_matrices_are_split_by_their_graph():
    sparse = TransverseIsing(sites=9)
    found = sectors(sparse)
    assert found.count == 1
    assert "not searched" in found.reason
    with pytest.raises(InputError, match="`H`"):
        sectors(np.eye(2))


@pytest.mark.parametrize(("level", "size"), [(0, 2), (1, None), (4, 2), (2, 3)])
def test_space_that_a_level_never_leaves(level, size):
    """Two blocks of two and three levels, turned at random: which one, level by level."""
    rng = np.random.default_rng(2)
    low = [np.diag([0.0, 4.0]), np.diag([1.0, 2.0, 3.0])]
    turn = np.linalg.qr(random_hermitian(rng, 5))[0]
    moving = [random_hermitian(rng, 2), random_hermitian(rng, 3)]
    blocks = scipy.linalg.block_diag(*low), scipy.linalg.block_diag(*moving)
    constant, slope = (turn @ block @ turn.conj().T for block in blocks)
    H = Hamiltonian.affine(constant, slope)
    most = 3 if size else 2
    space = space_of_level(H, np.array([0.0, 1.0]), level, most)
    if size is None:
        assert space is None
        return
    assert space.shape == (5, size)
    for matrix in (constant, slope):
        assert np.abs(matrix @ space - space @ (space.conj().T @ matrix @ space)).max() < 1e-12
    values = np.linalg.eigvalsh(within(H, space)(0.0))
    assert values == pytest.approx([0.0, 4.0] if size == 2 else [1.0, 2.0, 3.0])


def test_terms_that_are_nowhere_finite_count_as_present():
    H = Hamiltonian.from_matrix([["log(x)", 1], [1, 0]])
    assert sectors(H, [-2.0, -1.0]).count == 1
