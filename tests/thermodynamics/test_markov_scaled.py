"""Cumulants in the long run, against eigenvalues in 30 digits, closed forms, theorems."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics import MarkovChain, Reservoir
from tests.effort import cases, slow
from tests.thermodynamics.test_markov import PAIR, SEEDS, random_chain
from tests.thermodynamics.test_markov_counting import random_weights


def closed_cycle(seed, **options):
    _, arguments = random_chain(seed, **options)
    arguments["energies"][-1] = arguments["energies"][0]
    return arguments


def largest_eigenvalue(arguments, weights, h):
    """ln of the largest eigenvalue of one tilted cycle, all in mpmath."""
    energies, numbers = arguments["energies"], arguments["particle_numbers"]
    steps, count, states = arguments["transition_matrices"].shape[:3]
    period = mpmath.eye(states)
    for i in range(steps):
        matrix = mpmath.zeros(states)
        for r in range(count):
            reservoir = arguments["reservoirs"][r]
            mu, t = reservoir.chemical_potential[i], reservoir.temperature[i]
            for m, k in np.ndindex(states, states):
                up, number = energies[i, m] - energies[i, k], numbers[m] - numbers[k]
                heat = up - mu * number
                x = weights[r] * up + weights[2 + r] * number + weights[4 + r] * heat
                x += (weights[6 + r] - weights[10]) * heat / t
                x += weights[8] * (energies[i + 1, m] - energies[i, m]) + weights[9] * mu * number
                matrix[m, k] += mpmath.mpf(
                    float(arguments["transition_matrices"][i, r, m, k])
                ) * mpmath.exp(h * x)
        period = matrix * period
    values = mpmath.eig(period, left=False, right=False)
    return mpmath.log(max(values, key=lambda x: mpmath.re(x) if mpmath.im(h) == 0 else abs(x)))


@pytest.mark.parametrize("seed", [1, slow(2), slow(4)])
def test_cumulants_against_derivatives_of_the_eigenvalue(seed):
    arguments = closed_cycle(seed, steps=2, states=3)
    weights, named = random_weights(seed)
    chain = MarkovChain(**arguments)
    flow = chain.scaled_counting(**named)
    with mpmath.workdps(40):
        derivatives = [
            float(mpmath.re(mpmath.diff(lambda h: largest_eigenvalue(arguments, weights, h), 0, n)))
            for n in (1, 2, 3)
        ]
        tilts = np.array([0.7, -1.3, 400.0, -400.0])  # the last ones beyond the range of floats
        away = [complex(largest_eigenvalue(arguments, weights, h)) for h in tilts]
    assert flow.current == pytest.approx(derivatives[0], rel=1e-11, abs=1e-12)
    assert flow.noise == pytest.approx(derivatives[1], rel=1e-11)
    assert flow.third_cumulant == pytest.approx(derivatives[2], rel=1e-10, abs=1e-11)
    assert abs(away[-1]) > 700
    found = flow.log_characteristic_function(-1j * tilts)
    np.testing.assert_allclose(found, away, rtol=1e-13, atol=1e-13)


def test_finite_cumulants_grow_by_the_scaled_ones():
    """From 200 to 201 cycles every cumulant grows by the one of a cycle; covariances too."""
    arguments = closed_cycle(5, steps=2, states=3)
    chain = MarkovChain(**arguments)
    weights = {"heat": np.eye(2), "mechanical_work": [0.5, 0.0]}
    flow = chain.scaled_counting(**weights)
    some, more = (chain.repeated(n).counting(**weights) for n in (60, 61))
    np.testing.assert_allclose(more.mean - some.mean, flow.current, rtol=0, atol=1e-12)
    np.testing.assert_allclose(more.covariance - some.covariance, flow.covariance, atol=1e-11)
    np.testing.assert_allclose(
        more.third_cumulant - some.third_cumulant, flow.third_cumulant, atol=1e-9
    )


@given(bias=st.floats(-30, 30), level=st.floats(-5, 5), size=st.floats(-160, -0.31))
@cases(60)
def test_level_between_two_reservoirs(bias, level, size):
    """Noise of a level from the characteristic polynomial of its 2×2 matrix, whatever the rates."""
    a = np.array([1.0, 0.4]) * 10.0**size
    chain = MarkovChain.from_attempts(
        energies=[[0.0, level]] * 2,
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(1.0, bias), Reservoir(0.7)],
        attempts=[a[0] * PAIR, a[1] * PAIR],
    )
    flow = chain.scaled_counting(particle_current=[1.0, 0.0])
    with mpmath.workdps(200):
        f = [1 / (mpmath.exp((level - mu) / mpmath.mpf(t)) + 1) for mu, t in ((bias, 1), (0, 0.7))]
        w = [mpmath.mpf(float(x)) for x in a]
        total = w[0] + w[1]
        fill = [x * y for x, y in zip(w, f, strict=True)]
        leave = [x * (1 - y) for x, y in zip(w, f, strict=True)]
        # λ² − (2 − W)λ + (1 − W) − F(h) = 0 for λ, whose terms with the count are in F.
        one = fill[0] * leave[1] - leave[0] * fill[1]
        two = fill[0] * leave[1] + leave[0] * fill[1]
        current = one / total
        noise = (two - 2 * current**2) / total - current**2  # of ln λ = (λ − 1) − (λ − 1)²/2
        expected = float(current), float(noise)
    assert flow.current == pytest.approx(expected[0], rel=1e-9, abs=1e-15 * 10.0**size)
    assert flow.noise == pytest.approx(expected[1], rel=1e-9)


def test_symmetry_of_gallavotti_and_cohen():
    """λ(u) = λ(i − u) for the entropy, and for a current with its affinity; far out too."""
    level = MarkovChain.from_attempts(
        energies=[[0.0, 0.4, 1.1]] * 2,
        particle_numbers=[0, 1, 1],
        reservoirs=[Reservoir(1.0, 1.5), Reservoir(1.0, -0.5)],
        attempts=np.array([[[0, 1, 2], [1, 0, 0], [2, 0, 0]], [[0, 2, 1], [2, 0, 0], [1, 0, 0]]])
        / 10,
    )
    u = np.array([0.3, -0.2 + 0.9j, 3 - 1j, 0.5j, 40j])
    for question, affinity in (
        ({"entropy_production": 1.0}, 1.0),
        ({"entropy_flow": -1.0}, 1.0),
        ({"particle_current": [1.0, 0.0]}, 2.0),
    ):
        flow = level.scaled_counting(**question)
        there = flow.log_characteristic_function(u)
        back = flow.log_characteristic_function(1j * affinity - u)
        np.testing.assert_allclose(there, back, rtol=1e-12, atol=1e-13)
    huge = level.scaled_counting(entropy_production=1.0).log_characteristic_function(1e5j)
    assert np.isfinite(huge)
    assert huge.real > 1e4


@pytest.mark.parametrize("seed", [1, slow(2)])
def test_a_driven_cycle_and_its_reverse(seed):
    """λ(u) of the entropy and the work of a cycle is λ(i − u) of the reversed cycle."""
    chain = MarkovChain(**closed_cycle(seed, steps=3, states=4))
    reverse = chain.backward()
    u = np.array([0.3, -0.2 + 0.9j, 2 - 1j, 0.5j])
    question = {"entropy_production": 1.0}
    there = chain.scaled_counting(**question).log_characteristic_function(u)
    back = reverse.scaled_counting(**question).log_characteristic_function(1j - u)
    np.testing.assert_allclose(there, back, rtol=1e-12, atol=1e-13)
    own = chain.scaled_counting(**question).log_characteristic_function(1j - u)
    assert np.max(np.abs(there - own)) > 1e-3  # the cycle is not its own reverse


@given(seed=SEEDS)
@cases(200)
def test_uncertainty_in_discrete_time(seed):
    """Proesmans and Van den Broeck's bound for any current of any steady state."""
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 6))
    attempts = rng.uniform(size=(2, states, states)) * (rng.uniform(size=(2, states, states)) < 0.7)
    attempts = np.triu(attempts, 1) + 1e-3 * np.triu(np.ones((states, states)), 1)
    attempts = attempts + attempts.swapaxes(-1, -2)
    attempts /= attempts.sum(axis=(0, 1)).max() * rng.choice([1.0, 10.0])
    chain = MarkovChain.from_attempts(
        energies=[rng.normal(size=states)] * 2,
        particle_numbers=rng.integers(0, 3, states),
        reservoirs=[Reservoir(*rng.uniform(0.2, 2, 2)), Reservoir(*rng.uniform(0.2, 2, 2))],
        attempts=attempts,
    )
    flow = chain.scaled_counting(
        heat=rng.normal(size=(3, 2)), particle_current=rng.normal(size=(3, 2))
    )
    moving = np.abs(flow.current) > 1e-9
    assert np.all(flow.discrete_uncertainty_ratio[moving] > 1 - 1e-6)


@given(seed=SEEDS)
@cases(100)
def test_uncertainty_in_continuous_time(seed):
    """Steps so short that they are continuous obey the bound of Barato and Seifert."""
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 6))
    rates = np.triu(rng.uniform(size=(2, states, states)), 1)
    rates = rates + rates.swapaxes(-1, -2)
    chain = MarkovChain.from_attempts(
        energies=[rng.normal(size=states)] * 2,
        particle_numbers=rng.integers(0, 3, states),
        reservoirs=[Reservoir(*rng.uniform(0.2, 2, 2)), Reservoir(*rng.uniform(0.2, 2, 2))],
        attempts=1e-9 * rates,
    )
    flow = chain.scaled_counting(heat=rng.normal(size=(3, 2)))
    moving = np.abs(flow.current) > 1e-13
    assert np.all(flow.uncertainty_ratio[moving] > 1 - 1e-5)


@pytest.mark.parametrize(
    ("forward", "backward"), [(0.9, 0.05), (0.3, 0.02), (1e-6, 1e-7), (1.001e-6, 1e-6)]
)
def test_ring_of_three_states(forward, backward):
    """A ring that steps on or back has trinomial noise; both uncertainty ratios in closed form."""
    # States of 0, 1, 2 particles; the bond 2 → 0 has a reservoir of its own.
    affinity = np.log(forward / backward)
    matrices = np.zeros((2, 3, 3))
    for m in range(3):
        n = (m + 1) % 3
        matrices[m // 2, n, m], matrices[m // 2, m, n] = forward, backward
    matrices[0] += (1 - forward - backward) * np.eye(3)
    chain = MarkovChain(
        energies=[[0.0, 0.0, 0.0]] * 2,
        particle_numbers=[0, 1, 2],
        reservoirs=[Reservoir(1.0, affinity), Reservoir(1.0, -affinity / 2)],
        transition_matrices=matrices,
    )
    flow = chain.scaled_counting(entropy_production=1.0)
    drift, both = forward - backward, forward + backward
    noise = both - drift**2
    assert flow.current == pytest.approx(drift * affinity, rel=1e-9)
    assert flow.entropy_production == pytest.approx(drift * affinity, rel=1e-9)
    assert flow.noise == pytest.approx(noise * affinity**2, rel=1e-9)
    third = drift - 3 * both * drift + 2 * drift**3
    assert flow.third_cumulant == pytest.approx(third * affinity**3, rel=1e-8)
    ratio = noise * affinity / (2 * drift)
    assert flow.uncertainty_ratio == pytest.approx(ratio, rel=1e-9)
    assert (flow.uncertainty_ratio < 0.5) == (forward == 0.9)  # long steps beat the bound
    assert flow.discrete_uncertainty_ratio > 1 - 1e-6


def test_larger_systems_and_transient_states():
    """64 states in a ladder: the current of the closed chain; a state that is left for ever."""
    states = 64
    attempts = np.zeros((2, states, states))
    for m in range(states - 1):
        attempts[m % 2, m, m + 1] = attempts[m % 2, m + 1, m] = 0.3
    attempts[1, 0, states - 1] = attempts[1, states - 1, 0] = 0.3
    energies = np.linspace(0, 2, states)
    chain = MarkovChain.from_attempts(
        energies=[energies] * 2, reservoirs=[Reservoir(1.0), Reservoir(0.5)], attempts=attempts
    )
    flow = chain.scaled_counting(heat=np.eye(2))
    assert flow.current.sum() == pytest.approx(0.0, abs=1e-14)
    assert flow.covariance[0, 0] == pytest.approx(flow.covariance[1, 1], rel=1e-9)
    assert flow.covariance[0, 1] == pytest.approx(-flow.covariance[0, 0], rel=1e-9)
    left = MarkovChain(
        energies=[[0.0, 0.0, 0.0]] * 2,
        reservoirs=[Reservoir(1.0)],
        transition_matrices=[[[0.5, 0.5, 0.1], [0.5, 0.5, 0.0], [0.0, 0.0, 0.9]]],
        local_detailed_balance="report",
    )
    assert np.array_equal(left.periodic_state(), [0.5, 0.5, 0.0])
    assert abs(left.scaled_counting(heat=1.0).log_characteristic_function(-5j)) < 1e-15
    with pytest.raises(InputError, match="all weights are zero"):
        left.scaled_counting()
