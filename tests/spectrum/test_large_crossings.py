"""Crossings of the lowest levels of a large sparse H, against matrices that are written out."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
import scipy.sparse.linalg as sla

import anticrossing as ac
from anticrossing import Hamiltonian, InputError
from anticrossing._core import capacity
from anticrossing.spectrum import find_crossings


def annealing(qubits, seed):
    """Return an annealing problem with random fields, and couplings between half of all pairs."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(qubits) for j in range(i + 1, qubits) if rng.random() < 0.5]
    couplings = {pair: float(rng.uniform(-1, 1)) for pair in pairs}
    problem = ac.models.ising_problem(rng.uniform(-0.5, 0.5, qubits), couplings)
    return ac.models.Annealing(initial=ac.models.transverse_field_driver(qubits), problem=problem)


def in_full(H):
    """Return the same Hamiltonian of dense matrices."""
    return H._with(matrices=tuple(m.toarray() for m in H.matrices), _stack=None, _split=None)


def assert_same(found, expected):
    assert found.complete
    assert [c.levels for c in found] == [c.levels for c in expected]
    assert [c.kind for c in found] == [c.kind for c in expected]
    np.testing.assert_allclose(found.positions, expected.positions, atol=1e-9)
    np.testing.assert_allclose(found.gaps, expected.gaps, rtol=1e-8, atol=1e-12)
    for name in ("slope_difference", "third_level_distance", "centre_energy"):
        one, other = ([getattr(c, name) for c in listed] for listed in (found, expected))
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_annealing_agrees_with_all_of_its_levels(monkeypatch, seed):
    H = annealing(7, seed)
    expected = find_crossings(H, 0.0, 0.97, count=4, samples=65)
    monkeypatch.setattr("anticrossing.spectrum._blocks.LARGEST_DENSE", 100)
    assert_same(find_crossings(H, 0.0, 0.97, count=4, samples=65), expected)
    assert len(expected) > 0


@pytest.mark.slow
def test_crossings_of_eight_qubits_are_the_minima_of_their_gaps(monkeypatch):
    monkeypatch.setattr("anticrossing.spectrum._blocks.LARGEST_DENSE", 100)
    H = annealing(8, 1)
    dense = [m.toarray() for m in H.matrices]

    def gap(x, pair):
        energies = np.linalg.eigvalsh((1 - x) * dense[0] + x * dense[1])[: pair[1] + 1]
        return energies[pair[1]] - energies[pair[0]]

    found = find_crossings(H, 0.0, 0.98, count=4)
    x = np.linspace(0.0, 0.98, 99)
    energies = [np.linalg.eigvalsh((1 - s) * dense[0] + s * dense[1])[:4] for s in x]
    gaps = np.diff(energies, axis=1)
    seen = 0
    for lower in range(3):
        inner = gaps[1:-1, lower]
        for k in np.flatnonzero((inner < gaps[:-2, lower]) & (inner < gaps[2:, lower])) + 1:
            pair = (lower, lower + 1)
            best = scipy.optimize.minimize_scalar(
                gap, bounds=(x[k - 1], x[k + 1]), args=(pair,), options={"xatol": 1e-7}
            )
            near = [c for c in found if c.levels == pair and abs(c.position - best.x) < 2e-6]
            assert len(near) == 1
            assert near[0].gap == pytest.approx(best.fun, rel=1e-7)
            seen += 1
    assert seen == len(found) > 0


@pytest.mark.slow
def test_operators_give_the_crossings_of_their_matrices():
    H = annealing(10, 1)
    free = Hamiltonian.from_terms(
        list(zip(["1 - x", "x"], map(sla.aslinearoperator, H.matrices), strict=True))
    )
    one, other = (find_crossings(h, 0.5, 0.98, count=3) for h in (H, free))
    np.testing.assert_allclose(other.positions, one.positions, atol=1e-9)
    np.testing.assert_allclose(other.gaps, one.gaps, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("offset", [1e3, 1e7])
def test_an_energy_that_all_levels_share_hides_no_crossing(offset):
    H = annealing(10, 1)
    one = sp.identity(H.dimension)
    matrices = [sp.csr_array(m + offset * one) for m in H.matrices]
    expected = find_crossings(H, 0.5, 0.98, count=3)
    for raised in (matrices, [sla.aslinearoperator(m) for m in matrices]):
        lifted = Hamiltonian.from_terms(list(zip(["1 - x", "x"], raised, strict=True)))
        found = find_crossings(lifted, 0.5, 0.98, count=3)
        noise = 1e-14 * offset
        np.testing.assert_allclose(found.positions, expected.positions, atol=1e3 * noise)
        np.testing.assert_allclose(found.gaps, expected.gaps, atol=1e3 * noise)
        energies = [c.centre_energy for c in found]
        expected_energies = [c.centre_energy + offset for c in expected]
        np.testing.assert_allclose(energies, expected_energies, rtol=1e-11)


@pytest.mark.slow
def test_every_copy_of_a_multiplet_is_seen(monkeypatch):
    # A chain of spins whose bonds alternate: multiplets of the total spin, degenerate everywhere,
    # whose levels cross truly within one block of the given basis once a field mixes the blocks.
    sites = 6
    bonds = [heisenberg(sites, i) for i in range(sites - 1)]
    even, odd = sum(bonds[::2]), sum(bonds[1::2])
    field = sum(one_site(sites, i, np.array([[0.0, 0.5], [0.5, 0.0]])) for i in range(sites))
    H = Hamiltonian.from_terms([("1", even + odd), ("x", even - odd), ("0.3*x", field)])
    expected = find_crossings(in_full(H), -0.9, 0.9, count=8, samples=65)
    monkeypatch.setattr("anticrossing.spectrum._blocks.LARGEST_DENSE", 40)
    found = find_crossings(H, -0.9, 0.9, count=8, samples=65)
    assert len(expected) > 0
    # In full the sectors are known, and levels of different ones that touch are no crossings.
    for crossing in expected:
        near = [c for c in found if abs(c.position - crossing.position) < 1e-7]
        assert any(c.kind == crossing.kind for c in near)


def test_what_cannot_be_done_is_refused_before_any_work(monkeypatch):
    H = annealing(10, 1)
    with pytest.raises(InputError, match="`count` must be given for a sector of more than 512"):
        find_crossings(H, 0.1, 0.9)
    with pytest.raises(InputError, match="`progress` must be true, false or a function"):
        find_crossings(H, 0.1, 0.9, count=3, progress=1)
    monkeypatch.setattr(capacity, "total", lambda: 1e6)
    with pytest.raises(InputError, match=r"`count` must fit .* 4 of 1024 levels would take about"):
        find_crossings(H, 0.1, 0.9, count=3)


def one_site(sites, i, matrix):
    left, right = sp.identity(2**i), sp.identity(2 ** (sites - 1 - i))
    return sp.csr_array(sp.kron(sp.kron(left, matrix), right))


def heisenberg(sites, i):
    spins = [
        np.array([[0, 0.5], [0.5, 0]]),
        np.array([[0, -0.5j], [0.5j, 0]]),
        np.array([[0.5, 0], [0, -0.5]]),
    ]
    total = sum(one_site(sites, i, s) @ one_site(sites, i + 1, s) for s in spins)
    return sp.csr_array(total.real)


@pytest.mark.slow
def test_a_narrow_feature_between_the_places_is_seen(monkeypatch):
    # A resonance of two hundredths of the stretch lowers a level that is far away elsewhere.
    monkeypatch.setattr("anticrossing.spectrum._blocks.LARGEST_DENSE", 100)
    size = 128
    rest = sp.diags_array(np.concatenate([[0.0, 1.0], np.linspace(4.0, 9.0, size - 2)]))
    dip = np.zeros((size, size))
    dip[40, 40] = -1.0
    flip = sp.diags_array([np.full(size - 1, 0.05)] * 2, offsets=[-1, 1])
    terms = [("1", rest + flip), ("5*exp(-((x-0.347)/0.02)**2)", sp.csr_array(dip))]
    H = Hamiltonian.from_terms([(f, sp.csr_array(m)) for f, m in terms])
    found = find_crossings(H, 0.0, 1.0, count=3)
    assert_same(found, find_crossings(in_full(H), 0.0, 1.0, count=3))
    assert len(found) > 0
