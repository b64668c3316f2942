"""Work, heat and entropy of levels that cross in sequence, and the exact twin beside them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.dynamics import GaussianState
from anticrossing.dynamics.fermions import follow_star
from anticrossing.dynamics.star import Star
from anticrossing.thermodynamics import (
    AtomicStatistics,
    DrivenLevel,
    LandauZenerChain,
    SequentialCrossings,
    crooks_deviation,
)
from anticrossing.thermodynamics.sequential_exact import Paths
from tests.effort import cases
from tests.thermodynamics.test_chain_crossings import small_models

BATH = {"temperature": 1 / 1.2, "chemical_potential": 3.0}
FIELDS = np.array([0.3, 1.0, 2.0 + 0.4j, 1.2j])
RETURN = {
    "times": [0.0, 4.0, 8.0], "system_energies": [[0.0, 4.0, 0.5], [-1.6, 2.3, -1.0]],
    "reservoir_energies": [1.0, 2.0], "couplings": 0.3, **BATH,
}  # fmt: skip


@given(small_models(), st.integers(0, 2**32 - 1))
@cases(20)
def test_against_every_trajectory(model, seed):
    start = np.random.default_rng(seed).uniform(0.05, 0.95, model.positions.shape[1])
    every, found = model.every_trajectory(start), model.work_statistics(start)
    work, heat = every.mechanical_work.sum(axis=(1, 2)), every.heat.sum(axis=1)
    number, produced = every.received.sum(axis=1), every.total_entropy_production
    law = AtomicStatistics(work, every.weights / every.weights.sum())
    scale = 1 + np.max(np.abs(work))
    assert abs(found.mean - law.mean) < 1e-12 * scale
    assert abs(found.variance - law.variance) < 1e-11 * scale**2
    if law.variance > 1e-6:
        assert abs(found.skewness - law.skewness) < 1e-6
    for u in FIELDS:
        expected = every.weights @ np.exp(1j * (u * work + 0.3 * heat - 0.2 * u * number))
        value = found.characteristic_function(u, heat=0.3, particle_number=-0.2 * u)
        assert abs(value - expected) < 1e-11 * max(1, abs(expected))
        expected = every.weights @ np.exp(1j * u * produced)
        assert abs(found.entropy_characteristic_function(u) - expected) < 1e-10 * max(
            1, abs(expected)
        )
    assert abs(found.entropy_characteristic_function(1j) - 1) < 1e-10
    values, probabilities = found.atoms()
    assert abs(probabilities.sum() - 1) < 1e-12
    for cut in np.quantile(work, [0.1, 0.35, 0.6, 0.85]) + 1e-7:
        below = every.weights[work < cut].sum()
        assert abs(probabilities[values < cut].sum() - below) < 1e-12


def test_one_level_one_way_is_the_chain():
    given_ = {"couplings": 0.2, **BATH}
    one = SequentialCrossings(
        times=[0.0, 10.0], system_energies=[[0.0, 10.0]], reservoir_energies=range(1, 10), **given_
    )
    chain = LandauZenerChain(energies=range(1, 10), speeds=1.0, start=0.0, stop=10.0, **given_)
    found, expected = one.work_statistics(), chain.work_statistics()
    fields = np.array([0.3, 2.0 + 0.5j, -30j, 40j])
    np.testing.assert_allclose(
        found.log_characteristic_function(fields, heat=0.2),
        expected.log_characteristic_function(fields, heat=0.2),
        rtol=1e-13,
    )
    values, probabilities = found.atoms()
    law = expected.atoms()
    np.testing.assert_allclose(values, law.values, atol=1e-13)
    np.testing.assert_allclose(probabilities, law.probabilities, rtol=1e-13)
    assert abs(found.skewness - expected.skewness) < 1e-12
    assert found.active_levels == 2


@pytest.mark.parametrize("method", ["landau-zener", "exact"])
@pytest.mark.parametrize("scheme", ["coupled", "decoupled"])
def test_fluctuation_theorems_of_levels_that_return(method, scheme):
    model = SequentialCrossings(**RETURN)
    options = {"method": method} | ({"scheme": scheme} if method == "exact" else {})
    forward = model.work_distribution(**options)
    backward = model.work_distribution(**options, direction="backward")
    assert abs(forward.jarzynski_ratio - 1) < 1e-12
    deviation = crooks_deviation(
        forward, backward, [0.0, 0.4, 1.7], temperature=model.temperature,
        free_energy_difference=forward.free_energy_difference,
    )  # fmt: skip
    assert deviation < 1e-12


@pytest.mark.slow
def test_many_levels():
    """Two levels through 64: eight have to be known at a time. One that returns: all of them."""
    rising = SequentialCrossings(
        times=[0.0, 66.0], system_energies=[[0.0, 66.0], [-5.3, 60.7]],
        reservoir_energies=range(1, 65), couplings=0.2, **BATH,
    )  # fmt: skip
    statistics = rising.work_statistics()
    work = rising.work_distribution(method="landau-zener")
    assert statistics.active_levels == 8
    assert abs(work.jarzynski_ratio - 1) < 1e-12
    values, probabilities = work.atoms()
    law = AtomicStatistics(values, probabilities)
    for name in ("mean", "variance", "skewness"):
        assert abs(getattr(law, name) - getattr(statistics, name)) < 1e-9
    returning = SequentialCrossings(
        times=[0.0, 66.0, 132.0], system_energies=[[0.0, 66.0, 0.0]],
        reservoir_energies=range(1, 65), couplings=0.2, **BATH,
    )  # fmt: skip
    statistics = returning.work_statistics()
    drawn = statistics.sample(10000, np.random.default_rng(2))
    assert abs(drawn.mean() - statistics.mean) < 5 * drawn.std() / np.sqrt(10000)
    assert abs(drawn.var() / statistics.variance - 1) < 0.08
    assert statistics.atoms() is None
    with pytest.raises(InputError, match="65 levels have to be known at a time"):
        returning.work_distribution(method="landau-zener")
    with pytest.raises(InputError, match="65 levels have to be known at a time"):
        statistics.characteristic_function(0.3)


def test_cold_levels_neither_overflow_nor_lose_the_theorem():
    model = SequentialCrossings(**(RETURN | {"temperature": 1e-3}))
    work = model.work_distribution(method="landau-zener")
    assert abs(work.jarzynski_ratio - 1) < 1e-9
    assert abs(model.work_statistics().entropy_characteristic_function(1j) - 1) < 1e-9


# ---- the exact twin ------------------------------------------------------------------------------


@pytest.mark.parametrize("coupled", [False, True])
def test_twin_of_one_level_is_the_driven_level(coupled):
    one = SequentialCrossings(
        times=[0.0, 10.0], system_energies=[[0.0, 10.0]], reservoir_energies=range(1, 10),
        couplings=0.2, **BATH,
    )  # fmt: skip
    level = DrivenLevel(levels=range(1, 10), couplings=0.2, start=0.0, stop=10.0, rate=1.0, **BATH)
    times = [0.0, 3.0, 10.0]
    found = one.evolve(coupled=coupled, times=times)
    expected = level.evolve(coupled=coupled, times=times)
    assert np.max(np.abs(found.occupations[:, 0] - expected.occupations)) < 1e-12
    for name in ("work", "heat"):
        assert np.max(np.abs(getattr(found, name) - getattr(expected, name))) < 1e-11
    assert abs(found.entropy_production - expected.entropy_production[-1]) < 1e-11
    work = one.work_distribution()
    assert abs(work.mean - 6.2653974027) < 1e-9  # forty digits of another program
    assert abs(work.variance - 7.3717520479) < 1e-9


def test_full_counting_of_the_twin():
    """First law mode by mode, and P(w, q, N) = exp[β(w − ΔΩ)] P̃(−w, −q, −N)."""
    model = SequentialCrossings(**RETURN)
    forward, backward = model.full_counting(), model.full_counting(direction="backward")
    work, heat, particles = forward.mean
    exact = model.evolve()  # from the same product state
    assert abs(heat - exact.heat[-1]) < 1e-12
    received = exact.occupations[-1] - exact.initial.occupations[:2]
    assert abs(particles - received.sum()) < 1e-12
    energy = (
        model.positions[-1] @ exact.occupations[-1]
        - model.positions[0] @ (exact.initial.occupations[:2])
    )
    assert abs(work + heat + model.chemical_potential * particles - energy) < 1e-12
    fields = np.array([[0.3, -0.2, 0.5], [1.1, 0.4, -0.7]])
    shifted = fields + np.array([1j * model.beta, 0, 0])
    left = forward.characteristic_function(shifted)
    left = left * np.exp(model.beta * model.grand_potential_change)
    assert np.max(np.abs(left - backward.characteristic_function(-fields))) < 1e-11


def test_pieces_of_a_slow_drive_against_the_star():
    paths = Paths(
        np.array([0.0, 240.0, 600.0]), np.array([[0.0, 4.0, 0.5], [-2.1, 3.2, -3.0]]),
        np.array([1.0, 2.0, 3.0]), np.full((2, 3), 0.2),
    )  # fmt: skip
    state = GaussianState.product([0.9, 0.2, 0.5, 0.4, 0.3])
    times = np.array([0.0, 60.0, 240.0, 300.0, 500.0])
    pieces = paths._by_pieces(state, times)
    star = Star(paths._centre, paths.levels, paths.couplings.T.astype(complex))
    expected = follow_star(star, state, 0.0, times, paths.corners[1:-1])
    assert np.array_equal(pieces.times, times)
    for name in ("occupations", "currents", "energy", "mode_energies"):
        assert np.max(np.abs(getattr(pieces, name) - getattr(expected, name))) < 1e-9
    assert np.max(np.abs(pieces.propagator - expected.propagator)) < 1e-9


def test_twin_at_any_slowness():
    panels = {}
    for stretch in (1e4, 1e8):
        model = SequentialCrossings(**(RETURN | {"times": stretch * np.array([0.0, 4.0, 8.0])}))
        found = model.evolve()
        panels[stretch] = found.evolution.panels
        # Without initial correlations: information about each other, and a reservoir out of
        # equilibrium.
        before = GaussianState.product(found.reservoir_occupations[0])
        after = GaussianState(found.evolution.state.correlation_matrix[2:, 2:])
        energies = model.reservoir_energies - model.chemical_potential
        odds = -model.beta * energies
        relative = -after.entropy() + np.sum(np.logaddexp(0, odds)) - odds @ after.occupations
        assert before.modes == 2
        assert abs(found.entropy_production - found.mutual_information - relative) < 1e-9
    assert panels[1e8] < 3 * panels[1e4]


def test_twin_is_the_chain_where_paths_are_one():
    """A level that rises through separate crossings: the infinite drive is solved by the chain."""
    model = SequentialCrossings(
        times=[0.0, 4000.0], system_energies=[[-1000.0, 1000.0]],
        reservoir_energies=[-20.0, 0.0, 20.0], couplings=0.2, temperature=30.0,
        chemical_potential=0.0,
    )  # fmt: skip
    exact, chain = model.evolve([1.0]), model.run([1.0])
    assert abs(exact.occupations[-1, 0] - chain.system_occupations[-1, 0]) < 2e-3


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: m.evolve([0.5, 0.5], coupled=True), "initial_occupations"),
        (lambda m: m.evolve([0.5]), "initial_occupations"),
        (lambda m: m.evolve(times=[0.0, 9.0]), "times"),
        (lambda m: m.work_distribution(method="exakt"), "exact"),
        (lambda m: m.work_distribution(method="landau-zener", scheme="coupled"), "scheme"),
        (lambda m: m.work_statistics([[0.5, 0.5]]), r"shape \(2,\)"),
        (lambda m: m.hamiltonian(9.0), "time"),
        (lambda m: m.full_counting(direction="up"), "direction"),
        (lambda m: m.work_statistics().sample(0, np.random.default_rng(0)), "`n`"),
        (lambda m: m.work_statistics().characteristic_function(np.nan), "work"),
    ],
)
def test_bad_arguments(call, text):
    with pytest.raises(InputError, match=text):
        call(SequentialCrossings(**RETURN))
