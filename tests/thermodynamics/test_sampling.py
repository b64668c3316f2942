import numpy as np
import pytest
from scipy.special import log_expit
from scipy.stats import chi2, unitary_group

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics import sampling
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.enumeration import enumerate_transitions
from anticrossing.thermodynamics.fluctuation import crooks_deviation, jarzynski_ratio
from anticrossing.thermodynamics.sampling import sample_transitions
from tests.effort import slow


def pairs(found, modes):
    bits = 1 << np.arange(modes)
    return (found.initial @ bits) * 2**modes + found.final @ bits


def assert_same_law(sampled, exact, modes):
    """Pearson's test at a level of 1e-4, rare transitions collected."""
    size = sampled.probabilities.size
    expected = np.zeros(4**modes)
    np.add.at(expected, pairs(exact, modes), exact.probabilities * size)
    observed = np.bincount(pairs(sampled, modes), minlength=4**modes)
    assert not np.any(observed[expected == 0])
    frequent = expected > 5
    expected = np.append(expected[frequent], expected[~frequent].sum())
    observed = np.append(observed[frequent], observed[~frequent].sum())
    statistic = np.sum((observed - expected) ** 2 / np.maximum(expected, 1e-9))
    assert statistic < chi2.isf(1e-4, expected.size - 1)
    assert expected.size > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("filling", "block"),
    [
        ("half", 2),
        *[slow("few", block) for block in (1, 2, 48)],
        *[slow("half", block) for block in (1, 48)],
        *[slow("most", block) for block in (1, 2, 48)],
    ],
)
def test_joint_law_of_both_measurements(filling, block, monkeypatch):
    """Blocks of one and two modes take every path of the factorisation in a small system."""
    monkeypatch.setattr(sampling, "_BLOCK", block)
    modes = 5
    W = unitary_group.rvs(modes, random_state=5)
    shift = {"few": -1.0, "half": 0.0, "most": 1.0}[filling]
    odds = shift + np.random.default_rng(0).normal(size=modes)
    sampled = sample_transitions(W, 8000, np.random.default_rng(1), log_odds=odds)
    assert_same_law(sampled, enumerate_transitions(W, log_odds=odds), modes)


@pytest.mark.slow
def test_law_from_a_gaussian_state_measured_in_other_modes():
    modes = 4
    W, rotation = (unitary_group.rvs(modes, random_state=seed) for seed in (1, 2))
    correlation = (rotation * np.array([0.1, 0.5, 0.9, 1.0])) @ rotation.conj().T
    sampled = sample_transitions(W, 20000, np.random.default_rng(3), correlation=correlation)
    assert_same_law(sampled, enumerate_transitions(W, correlation=correlation), modes)


@pytest.mark.parametrize("modes", [49, slow(48), slow(130)])
def test_many_modes_have_the_right_occupations_and_fluctuations(modes):
    """Means and covariances of the final occupations are those of the Gaussian state W f W†."""
    W = unitary_group.rvs(modes, random_state=modes)
    f = np.random.default_rng(0).random(modes)
    n = 1500
    found = sample_transitions(W, n, np.random.default_rng(2), occupations=f)
    assert np.all(found.initial.sum(axis=1) == found.final.sum(axis=1))
    state = (W * f) @ W.conj().T
    mean = state.diagonal().real
    deviation = (found.final.mean(axis=0) - mean) / np.sqrt(mean * (1 - mean) / n)
    assert np.max(np.abs(deviation)) < 4.5
    assert np.mean(deviation**2) == pytest.approx(1.0, abs=5 * np.sqrt(2 / modes))
    # neighbouring modes repel: Σ_j cov(n_j, n_{j+1}) = −Σ_j |state_{j, j+1}|²
    centred = found.final - mean
    product = (centred[:, :-1] * centred[:, 1:]).sum(axis=1)
    expected = -np.sum(np.abs(np.diagonal(state, 1)) ** 2)
    assert product.mean() == pytest.approx(expected, abs=4.5 * product.std() / np.sqrt(n))


@pytest.mark.parametrize("modes", [10, slow(60)])
def test_samples_of_the_work_have_its_moments(modes):
    rng = np.random.default_rng(1)
    initial, final = rng.normal(size=(2, modes))
    work = TwoPointStatistics(
        propagator=unitary_group.rvs(modes, random_state=0),
        initial_values=initial,
        final_values=final,
        log_odds=-initial,
    )
    n = 4000
    w = work.sample(n, rng)
    assert w.mean() == pytest.approx(work.mean, abs=4 * np.sqrt(work.variance / n))
    excess = work.cumulants()[3] + 2 * work.variance**2
    assert w.var() == pytest.approx(work.variance, abs=4 * np.sqrt(excess / n))
    joint = TwoPointStatistics(
        propagator=work.propagator,
        initial_values=np.stack([initial, np.ones(modes)]),
        final_values=np.stack([final, np.ones(modes)]),
        log_odds=-initial,
    )
    both = joint.sample(20, rng)
    assert both.shape == (20, 2)
    assert np.all(both[:, 1] == 0)


def test_samples_do_not_depend_on_the_number_of_threads(monkeypatch):
    W = unitary_group.rvs(70, random_state=0)
    drawn = []
    for workers in (1, 3):
        monkeypatch.setattr(sampling, "processors", lambda workers=workers: workers)
        found = sample_transitions(W, 40, np.random.default_rng(5), occupations=[0.5] * 70)
        drawn.append(found.final)
    assert np.array_equal(drawn[0], drawn[1])


def test_certain_initial_states():
    W = unitary_group.rvs(6, random_state=0)
    rng = np.random.default_rng(0)
    assert not sample_transitions(W, 5, rng, occupations=[0.0] * 6).final.any()
    assert sample_transitions(W, 5, rng, occupations=[1.0] * 6).final.all()
    exchanged = np.eye(6)[::-1]
    found = sample_transitions(exchanged, 5, rng, occupations=[1, 1, 0, 0, 0, 0])
    assert np.all(found.final == [False, False, False, False, True, True])


def test_sampling_arguments():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="`n` must be at least 1"):
        sample_transitions(np.eye(2), 0, rng, occupations=[0.5, 0.5])
    with pytest.raises(InputError, match=r"`rng` must be a Generator"):
        sample_transitions(np.eye(2), 1, 3, occupations=[0.5, 0.5])
    with pytest.raises(InputError, match="`correlation` must be the only initial state"):
        sample_transitions(np.eye(2), 1, rng, occupations=[0.5, 0.5], correlation=np.eye(2))


@pytest.mark.slow
def test_hundreds_of_modes():
    """Driven through by one level: conservation, moments, and both fluctuation relations."""
    modes, beta = 401, 1.2
    levels, coupling = np.linspace(1, 9, modes - 1), 0.2 * np.sqrt(9 / (modes - 1))

    def eigen(t):
        h = np.diag(np.concatenate(([t], levels)))
        h[0, 1:] = h[1:, 0] = coupling
        return np.linalg.eigh(h)

    initial, U = eigen(0.0)
    for t in np.arange(5.0, 10.0, 0.5):
        energies, modes_now = eigen(t)
        U = modes_now @ (np.exp(-0.5j * energies)[:, None] * (modes_now.T @ U))
    final, after = eigen(10.0)
    work = TwoPointStatistics(
        propagator=after.T @ U,
        initial_values=initial,
        final_values=final,
        log_odds=-beta * (initial - 3),
    )
    change = (log_expit(beta * (final - 3)) - log_expit(beta * (initial - 3))).sum() / beta
    numbers = {"temperature": 1 / beta, "free_energy_difference": change}
    assert jarzynski_ratio(work, **numbers) == pytest.approx(1.0, abs=1e-12)
    backward = work.backward(log_odds=-beta * (final - 3))
    assert crooks_deviation(work, backward, [0.3, 2.0], **numbers) < 1e-11
    found = sample_transitions(
        work.propagator, 60, np.random.default_rng(0), log_odds=work.log_odds
    )
    assert np.all(found.initial.sum(axis=1) == found.final.sum(axis=1))
    w = found.values(initial, final)
    assert w.mean() == pytest.approx(work.mean, abs=4 * np.sqrt(work.variance / 60))


@pytest.mark.parametrize("eigenvalues", [[0.2, 0.5, 1.1], [-0.1, 0.5, 0.9], [1.5], [-0.5]])
def test_a_correlation_matrix_that_no_state_has(eigenvalues):
    turn = unitary_group.rvs(len(eigenvalues), random_state=3)
    correlation = (turn * eigenvalues) @ turn.conj().T
    with pytest.raises(InputError, match="eigenvalues between 0 and 1"):
        sample_transitions(turn, 10, np.random.default_rng(0), correlation=correlation)
