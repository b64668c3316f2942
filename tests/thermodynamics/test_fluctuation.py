import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import expit, log_expit
from scipy.stats import unitary_group

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.enumeration import enumerate_transitions
from anticrossing.thermodynamics.fluctuation import (
    crooks_deviation,
    entropy_production_statistics,
    jarzynski_ratio,
)


@given(
    seed=st.integers(0, 10**6),
    modes=st.integers(2, 12),
    beta=st.floats(0.05, 20.0),
    mu=st.floats(-2, 2),
)
def test_relations_hold_for_any_unitary_evolution(seed, modes, beta, mu):
    rng = np.random.default_rng(seed)
    W = unitary_group.rvs(modes, random_state=seed)
    initial, final = rng.normal(size=(2, modes))
    forward = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=-beta * (initial - mu)
    )
    backward = forward.backward(log_odds=-beta * (final - mu))
    change = (log_expit(beta * (final - mu)) - log_expit(beta * (initial - mu))).sum() / beta
    numbers = {"temperature": 1 / beta, "free_energy_difference": change}
    assert jarzynski_ratio(forward, **numbers) == pytest.approx(1.0, abs=1e-12)
    assert crooks_deviation(forward, backward, np.linspace(-3, 3, 7), **numbers) < 1e-11
    sigma = entropy_production_statistics(
        propagator=W, log_odds=-beta * (initial - mu), final_log_odds=-beta * (final - mu)
    )
    assert sigma.mean == pytest.approx(beta * (forward.mean - change), abs=1e-10)
    assert sigma.integral_ratio == pytest.approx(1.0, abs=1e-12)


def test_relations_fail_where_they_should():
    """A wrong ΔΩ, or a reverse that starts elsewhere, is seen."""
    W = unitary_group.rvs(4, random_state=0)
    initial, final = np.random.default_rng(0).normal(size=(2, 4))
    forward = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=-initial
    )
    change = (log_expit(final) - log_expit(initial)).sum()
    wrong = jarzynski_ratio(forward, temperature=1.0, free_energy_difference=change + 0.1)
    assert wrong == pytest.approx(np.exp(0.1), rel=1e-12)
    backward = forward.backward(log_odds=-0.9 * final)
    deviation = crooks_deviation(
        forward, backward, [0.5, 1.0], temperature=1.0, free_energy_difference=change
    )
    assert deviation > 1e-3


def test_entropy_production_against_enumeration_and_reservoirs_at_two_temperatures():
    """Between unequal reference states the ratio is one too, and the mean a relative entropy."""
    W = unitary_group.rvs(6, random_state=3)
    rng = np.random.default_rng(3)
    odds, reference = rng.normal(size=(2, 6)) * 2
    sigma = entropy_production_statistics(propagator=W, log_odds=odds, final_log_odds=reference)
    found = enumerate_transitions(W, log_odds=odds)

    def log_probability(sets, logs):
        return np.where(sets, log_expit(logs), log_expit(-logs)).sum(axis=1)

    value = log_probability(found.initial, odds) - log_probability(found.final, reference)
    assert sigma.mean == pytest.approx(found.probabilities @ value, rel=1e-12)
    assert found.probabilities @ np.exp(-value) == pytest.approx(1.0, abs=1e-12)
    assert sigma.integral_ratio == pytest.approx(1.0, abs=1e-13)
    assert sigma.mean > 0
    # same reference, nothing happens: no entropy is produced
    still = entropy_production_statistics(propagator=np.eye(6), log_odds=odds, final_log_odds=odds)
    assert still.mean == pytest.approx(0.0, abs=1e-14)
    assert expit(odds).sum() == pytest.approx(still.statistics.occupations.sum())


def test_fluctuation_arguments():
    work = TwoPointStatistics(
        propagator=np.eye(2), initial_values=[0, 1], final_values=[0, 2], log_odds=[0, 0]
    )
    with pytest.raises(InputError, match="`temperature` must be positive"):
        jarzynski_ratio(work, temperature=-1.0, free_energy_difference=0.0)
    with pytest.raises(InputError, match="`free_energy_difference` must be finite"):
        jarzynski_ratio(work, temperature=1.0, free_energy_difference=np.nan)
    with pytest.raises(InputError, match="`statistics` must have `log_characteristic_function`"):
        jarzynski_ratio(None, temperature=1.0, free_energy_difference=0.0)
    with pytest.raises(InputError, match="`backward` must have `log_characteristic_function`"):
        crooks_deviation(work, None, [0.1], temperature=1.0, free_energy_difference=0.0)
    assert jarzynski_ratio(work, temperature=1.0, free_energy_difference=1e4) == np.inf
    with pytest.raises(InputError, match="`u` must hold at least one number"):
        crooks_deviation(work, work, [], temperature=1.0, free_energy_difference=0.0)
    with pytest.raises(InputError, match="`final_log_odds` must have the shape"):
        entropy_production_statistics(propagator=np.eye(2), log_odds=[0, 0], final_log_odds=[0.0])
