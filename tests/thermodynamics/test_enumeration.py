import itertools

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import unitary_group

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics.atoms import AtomicStatistics, merge_atoms
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.enumeration import enumerate_transitions
from tests.systems.fermions import lowering_operators
from tests.thermodynamics.test_counting import ManyBody, hermitian


def as_table(found, modes):
    """Probabilities as a matrix over occupation numbers, mode 0 the most significant bit."""
    bits = 1 << np.arange(modes)[::-1]
    table = np.zeros((2**modes, 2**modes))
    np.add.at(table, (found.final @ bits, found.initial @ bits), found.probabilities)
    return table


@pytest.mark.parametrize("modes", [1, 4, 5, 6])
def test_transitions_are_those_in_fock_space(modes):
    rng = np.random.default_rng(modes)
    generator, f = hermitian(modes, rng), rng.random(modes)
    many = ManyBody(modes, f, generator)
    expected = np.abs(many.evolution) ** 2 * np.diag(many.state)
    found = enumerate_transitions(expm(-1j * generator), occupations=f)
    assert as_table(found, modes) == pytest.approx(expected, abs=1e-14)


def test_largest_enumeration_against_single_determinants():
    modes = 11
    W = unitary_group.rvs(modes, random_state=1)
    f = np.random.default_rng(0).random(modes)
    found = enumerate_transitions(W, occupations=f)
    assert found.probabilities.size == 705432
    assert found.probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(found.initial.sum(axis=1) == found.final.sum(axis=1))
    for k in np.random.default_rng(1).integers(0, 705432, size=300):
        s, t = found.initial[k], found.final[k]
        start = np.prod(np.where(s, f, 1 - f))
        minor = abs(np.linalg.det(W[np.ix_(t, s)])) ** 2
        assert found.probabilities[k] == pytest.approx(start * minor, rel=1e-9, abs=1e-20)


def test_gaussian_state_measured_in_other_modes_than_its_own():
    """Initial probabilities of a product state, measured in rotated modes, from Fock space."""
    modes = 4
    rng = np.random.default_rng(3)
    rotation, generator = expm(-1j * hermitian(modes, rng)), hermitian(modes, rng)
    f = rng.random(modes)
    # state: modes d_k† = Σ_i rotation_ik c_i† occupied with f_k; ⟨c_i† c_j⟩ = Σ_k f_k R*_ik R_jk
    correlation = (rotation.conj() * f) @ rotation.T
    c = lowering_operators(modes)
    state = np.eye(2**modes, dtype=complex)
    for k in range(modes):
        d = sum(rotation[i, k] * c[i].T for i in range(modes))
        n = d @ d.conj().T
        state = state @ (f[k] * n + (1 - f[k]) * (np.eye(2**modes) - n))
    assert np.trace(state @ c[0].T @ c[1]) == pytest.approx(correlation[0, 1], abs=1e-14)
    evolution = ManyBody(modes, f, generator).evolution
    expected = np.abs(evolution) ** 2 * np.diag(state).real
    found = enumerate_transitions(expm(-1j * generator), correlation=correlation)
    assert as_table(found, modes) == pytest.approx(expected, abs=1e-14)


def test_independent_modes_are_a_diagonal_correlation_matrix():
    W, f = unitary_group.rvs(5, random_state=2), np.array([0.0, 0.2, 1.0, 0.7, 0.5])
    one = enumerate_transitions(W, occupations=f)
    other = enumerate_transitions(W, correlation=np.diag(f))
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-15)


def test_atoms_have_the_moments_and_the_transform_of_the_determinant():
    rng = np.random.default_rng(6)
    W = unitary_group.rvs(7, random_state=6)
    initial, final, odds = rng.normal(size=(3, 7))
    work = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=odds
    )
    values, p = work.atoms()
    mean = values @ p
    central = [p @ (values - mean) ** k for k in range(5)]
    fourth = central[4] - 3 * central[2] ** 2
    assert work.cumulants() == pytest.approx([mean, central[2], central[3], fourth], rel=1e-12)
    u = np.array([0.3, 2.0 + 1.0j, -1.0 - 2.0j])
    listed = AtomicStatistics(values, p)
    ratio = work.log_characteristic_function(u) - listed.log_characteristic_function(u)
    assert np.abs(np.expm1(ratio)) == pytest.approx(0.0, abs=1e-12)
    assert listed.mean == pytest.approx(work.mean, rel=1e-13)
    assert listed.variance == pytest.approx(work.variance, rel=1e-13)
    assert listed.skewness == pytest.approx(work.skewness, rel=1e-11)


def test_several_observables_of_one_transition():
    W = unitary_group.rvs(3, random_state=0)
    found = enumerate_transitions(W, occupations=[0.1, 0.6, 0.9])
    energies, numbers = np.array([1.0, 2.0, 5.0]), np.array([1.0, 0.0, 0.0])
    both = found.values(np.stack([energies, numbers]), np.stack([energies, numbers]))
    assert both.shape == (20, 2)
    assert both[:, 0] == pytest.approx(found.values(energies, energies))
    left = found.initial[:, 0].astype(float)
    assert both[:, 1] == pytest.approx(found.final[:, 0] - left)


def test_enumeration_refuses_what_it_cannot_do():
    with pytest.raises(InputError, match="at most 11 modes"):
        enumerate_transitions(np.eye(12), occupations=np.full(12, 0.5))
    with pytest.raises(InputError, match="`correlation` must be the only initial state"):
        enumerate_transitions(np.eye(2), occupations=[0.5, 0.5], correlation=np.eye(2))
    with pytest.raises(InputError, match="`correlation` must have eigenvalues between 0 and 1"):
        enumerate_transitions(np.eye(2), correlation=2 * np.eye(2))
    with pytest.raises(InputError, match="`correlation` must have shape"):
        enumerate_transitions(np.eye(2), correlation=np.eye(3))
    with pytest.raises(InputError, match="`occupations` must be given"):
        enumerate_transitions(np.eye(2))


def test_merging_keeps_mean_and_total():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=50), 4) + 1e-12 * rng.normal(size=200)
    p = rng.random(200)
    p /= p.sum()
    values, total = merge_atoms(x, p)
    assert values.size == 50
    assert np.all(np.diff(values) > 0)
    assert total.sum() == pytest.approx(1.0, abs=1e-15)
    assert values @ total == pytest.approx(x @ p, abs=1e-15)
    # nothing merges beyond the tolerance, and values without probability stay finite
    values, total = merge_atoms([1.0, 1.0 + 1e-8, 2.0], [0.0, 0.5, 0.5])
    assert values == pytest.approx([1.0, 1.0 + 1e-8, 2.0], rel=1e-15)
    assert list(itertools.accumulate(total)) == [0.0, 0.5, 1.0]


def test_listed_statistics_check_their_input_and_sample():
    with pytest.raises(InputError, match="`probabilities` must be at least zero and add up"):
        AtomicStatistics([0.0, 1.0], [0.5, 0.6])
    with pytest.raises(InputError, match="`probabilities` must have the shape"):
        AtomicStatistics([0.0, 1.0], [1.0])
    coin = AtomicStatistics([0.0, 1.0], [0.25, 0.75])
    drawn = coin.sample(4000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.1875 / 4000))
    assert np.isnan(AtomicStatistics([2.0], [1.0]).skewness)
    # tilts of thousands neither overflow nor lose the far value
    assert coin.log_characteristic_function(-4000j).real == pytest.approx(4000 + np.log(0.75))
    with pytest.raises(InputError, match="`u` must be finite"):
        coin.log_characteristic_function(np.inf)
    with pytest.raises(InputError, match="`u` must be a number"):
        coin.log_characteristic_function("1")
    with pytest.raises(InputError, match=r"`rng` must be a Generator"):
        coin.sample(2, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((["a", 1.0], [0.0, 1.0]), "`initial_values` must be a number"),
        (([0.0, np.nan], [0.0, 1.0]), "`initial_values` must be finite"),
        (([0.0], [0.0]), "`initial_values` must have shape"),
        (([0.0, 1.0], [0.0]), "`final_values` must have the shape"),
    ],
)
def test_values_of_transitions_are_checked(values, message):
    found = enumerate_transitions(np.eye(2), occupations=[0.5, 0.5])
    with pytest.raises(InputError, match=message):
        found.values(*values)
