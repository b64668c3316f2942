"""Single trajectories of chains: means, integral and detailed fluctuation theorems."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics import LandauZenerChain, SequentialCrossings
from tests.effort import cases
from tests.thermodynamics.test_chain import chains
from tests.thermodynamics.test_chain_crossings import small_models

PAPER = {
    "energies": range(1, 10), "couplings": 0.2, "speeds": 1.0, "start": 0.0, "stop": 10.0,
    "temperature": 1 / 1.2, "chemical_potential": 3.0,
}  # fmt: skip
LEDGER = (
    "mechanical_work", "chemical_work", "heat", "energy_change", "entropy_change", "entropy_flow",
    "entropy_production", "dissipated_work",
)  # fmt: skip


def by_hand(chain, full, empty):
    """Every trajectory with its probability, from the swap of two coins at every crossing."""
    chances = {}
    r, q = chain.diabatic_probabilities, chain.adiabatic_probabilities
    law = (chain.reservoir.vacant, chain.reservoir.occupied)
    for path in itertools.product((0, 1), repeat=r.size + 1):
        p = full if path[0] else empty
        for i, (before, after) in enumerate(itertools.pairwise(path)):
            p *= r[i] * (before == after) + q[i] * law[after][i]
        chances[path] = p
    return chances


def listed(found):
    paths = [tuple(path) for path in found.occupations.astype(int).tolist()]
    return dict(zip(paths, found.weights, strict=True))


@given(chains(largest=6), st.floats(0.01, 0.99))
@cases(40)
def test_every_trajectory_of_a_chain(chain, start):
    every, ledger = chain.every_trajectory(start), chain.run(start)
    expected = by_hand(chain, start, 1 - start)
    found = listed(every)
    for path, p in expected.items():
        assert abs(found.get(path, 0.0) - p) < 1e-14
    for name in LEDGER:
        mean, whole = every.average(getattr(every, name)), getattr(ledger, name)
        assert np.max(np.abs(mean - whole)) < 1e-11 * (1 + np.max(np.abs(getattr(every, name))))
    assert abs(every.integral_ratio - 1) < 1e-11
    produced = every.total_entropy_production
    assert np.max(np.abs(every.entropy_production.sum(axis=1) - produced)) < 1e-9
    first_law = every.energy_change - every.heat - every.chemical_work - every.mechanical_work
    assert np.max(np.abs(first_law)) < 1e-9


@given(chains(largest=5), st.floats(0.01, 0.99))
@cases(40)
def test_detailed_fluctuation_theorem_of_single_trajectories(chain, start):
    """The reversed trajectory is looked up in the backward chain that starts where it ends."""
    every = chain.every_trajectory(start)
    last = chain.run(start).filling
    back = by_hand(chain.backward(), float(last.occupied[-1]), float(last.vacant[-1]))
    for path, p, produced, reverse in zip(
        every.occupations.astype(int).tolist(),
        every.weights,
        every.total_entropy_production,
        every.log_reversed_probabilities,
        strict=True,
    ):
        if p > 1e-200 and back[tuple(path[::-1])] > 1e-200:
            assert abs(np.log(p) - np.log(back[tuple(path[::-1])]) - produced) < 1e-8
            assert abs(reverse - np.log(back[tuple(path[::-1])])) < 1e-8


def test_work_of_trajectories_obeys_the_theorem_from_equilibrium():
    chain = LandauZenerChain(**PAPER)
    every = chain.every_trajectory()
    back = chain.backward().every_trajectory()
    mirrored = {
        tuple(path[::-1]): p
        for path, p in zip(back.occupations.tolist(), back.weights, strict=True)
    }
    ratio = [
        np.log(p / mirrored[tuple(path)])
        for path, p in zip(every.occupations.tolist(), every.weights, strict=True)
    ]
    np.testing.assert_allclose(ratio, every.beta * every.dissipated_work.sum(axis=1), atol=1e-11)
    work = every.mechanical_work.sum(axis=1)
    assert abs(every.average(work) - 6.1882533489) < 1e-9  # forty digits of another program
    assert abs(every.average((work - every.average(work)) ** 2) - 7.1895973057) < 1e-9


def test_a_level_that_begins_full_has_no_reverse_for_some():
    """Absolute irreversibility: ⟨exp(−Σ)⟩ is the chance that the reversed drive ends full."""
    chain = LandauZenerChain(**PAPER)
    every = chain.every_trajectory(1.0)
    last = float(chain.run(1.0).occupations[-1])
    expected = chain.backward().run(last).occupations[-1]
    assert expected < 0.97
    assert abs(every.integral_ratio - expected) < 1e-13
    assert np.all(every.occupations[:, 0])


def test_drawn_trajectories():
    chain = LandauZenerChain(**PAPER)
    drawn = chain.trajectories(20000, np.random.default_rng(5), 0.4)
    again = chain.trajectories(20000, np.random.default_rng(5), 0.4)
    assert np.array_equal(drawn.occupations, again.occupations)
    ledger = chain.run(0.4)
    for name in LEDGER:
        values = getattr(drawn, name)
        error = values.std(axis=0) / np.sqrt(20000)
        assert np.all(np.abs(drawn.average(values) - getattr(ledger, name)) < 5 * error + 1e-12)
    assert drawn.entropy_production.min() < 0  # single ones may undo it


def test_cold_chains_stay_finite():
    chain = LandauZenerChain(
        energies=range(1, 8), couplings=0.2, speeds=1.0, start=-2000.0, stop=9.0,
        temperature=1e-3, chemical_potential=3.5,
    )  # fmt: skip
    every = chain.every_trajectory()
    assert np.all(np.isfinite(every.average(every.entropy_production)))
    assert np.max(np.abs(every.average(every.heat) - chain.run().heat)) < 1e-9


def test_reservoir_levels_that_are_surely_full():
    chain = LandauZenerChain(**(PAPER | {"reservoir_occupations": [1, 0, 1, 0, 1, 0, 1, 0, 1]}))
    every = chain.every_trajectory(0.5)
    assert abs(every.weights.sum() - 1) < 1e-14
    assert np.max(np.abs(every.average(every.heat) - chain.run(0.5).heat)) < 1e-13


# ---- several levels, levels that return --------------------------------------------------------


@given(small_models(), st.integers(0, 2**32 - 1))
@cases(20)
def test_every_trajectory_of_a_sequence(model, seed):
    start = np.random.default_rng(seed).uniform(0.05, 0.95, model.positions.shape[1])
    every, ledger = model.every_trajectory(start), model.run(start)
    assert abs(every.weights.sum() - 1) < 1e-12
    for name in ("mechanical_work", "chemical_work", "heat", "entropy_production"):
        mean = every.average(getattr(every, name))
        assert np.max(np.abs(mean - getattr(ledger, name)), initial=0.0) < 1e-11
    for occupied, expected in (
        (every.occupations, ledger.system_occupations),
        (every.reservoir_occupations, ledger.reservoir_occupations),
    ):
        assert np.max(np.abs(every.average(occupied.astype(float)) - expected)) < 1e-12
    assert abs(every.integral_ratio - 1) < 1e-11
    difference = every.log_probabilities - every.log_reversed_probabilities
    assert np.max(np.abs(difference - every.total_entropy_production)) < 1e-10
    assert np.max(np.abs(np.exp(every.log_probabilities) - every.weights)) < 1e-13


def test_reversed_trajectories_are_those_of_the_reversed_drive():
    model = SequentialCrossings(
        times=[0.0, 4.0, 8.0], system_energies=[[0.0, 4.0, 0.5], [-1.6, 2.3, -1.0]],
        reservoir_energies=[1.0, 2.0], couplings=[[0.2, 0.3], [0.25, 0.4]], temperature=1.0,
        chemical_potential=1.5,
    )  # fmt: skip
    every = model.every_trajectory([0.7, 0.2])
    last = model.run([0.7, 0.2]).system_occupations[-1]
    back = model.backward().every_trajectory(last)

    def histories(found, turn):
        joined = np.concatenate([found.occupations, found.reservoir_occupations], axis=2)[:, ::turn]
        return [row.tobytes() for row in np.ascontiguousarray(joined)]

    chance = dict(zip(histories(back, -1), back.weights, strict=True))
    for key, p, produced in zip(
        histories(every, 1), every.weights, every.total_entropy_production, strict=True
    ):
        assert abs(np.log(p / chance[key]) - produced) < 1e-11


def test_levels_that_are_full_but_for_rounding():
    """Their vacancies, 1e-18, count: nothing is infinite."""
    model = SequentialCrossings(
        times=[0.0, 4.0], system_energies=[[0.0, 3.5]], reservoir_energies=[1.0, 2.0, 3.0],
        couplings=2.0, temperature=0.06, chemical_potential=5.5,
    )  # fmt: skip
    every = model.every_trajectory()
    assert model.run().system_occupations[-1, 0] == 1.0
    assert np.all(np.isfinite(every.entropy_production))
    assert abs(every.integral_ratio - 1) < 1e-12
    produced = every.average(every.entropy_production)
    assert np.max(np.abs(produced - model.run().entropy_production)) < 1e-12


def test_drawn_trajectories_of_a_sequence():
    model = SequentialCrossings(
        times=[0.0, 66.0, 132.0], system_energies=[[0.0, 66.0, 0.0]],
        reservoir_energies=range(1, 65), couplings=0.2, temperature=1 / 1.2,
        chemical_potential=3.0,
    )  # fmt: skip
    drawn = model.trajectories(2000, np.random.default_rng(3))
    ledger = model.run()
    for name in ("mechanical_work", "heat", "entropy_production"):
        values = getattr(drawn, name)
        spread = values.std(axis=0) / np.sqrt(2000)
        apart = np.abs(drawn.average(values) - getattr(ledger, name))
        assert np.mean(apart < 3 * spread + 0.02) > 0.98
        assert np.all(apart < 6 * spread + 0.05)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda c: c.trajectories(0, np.random.default_rng(0)), "`n`"),
        (lambda c: c.trajectories(3, 7), "`rng`"),
        (lambda c: c.trajectories(3, np.random.default_rng(0), 1.5), "`initial_occupation`"),
        (lambda c: c.every_trajectory(0.5).average([1.0]), "`values`"),
        (
            lambda c: LandauZenerChain(
                **(PAPER | {"energies": np.linspace(0.1, 9, 30)})
            ).every_trajectory(),
            "at most 19 crossings",
        ),
    ],
)
def test_bad_arguments(call, text):
    with pytest.raises(InputError, match=text):
        call(LandauZenerChain(**PAPER))
