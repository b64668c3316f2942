"""Trajectories and counting of Markov chains, against every path listed and exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.thermodynamics import (
    LandauZenerChain,
    MarkovChain,
    Reservoir,
    crooks_deviation,
    jarzynski_ratio,
)
from tests.effort import cases, slow
from tests.thermodynamics.test_markov import PAIR, SEEDS, random_chain

PER_RESERVOIR = ("energy_current", "particle_current", "heat", "entropy_flow")


def every_path(initial, arguments):
    """All paths: probability, energy, particles and heat from each reservoir, work, σ."""
    energies, numbers = arguments["energies"], arguments["particle_numbers"]
    matrices, reservoirs = arguments["transition_matrices"], arguments["reservoirs"]
    steps, count, states = matrices.shape[:3]
    whole = matrices.sum(axis=1)
    p = [initial / initial.sum()]
    for matrix in whole:
        p.append(matrix @ p[-1])
    rows = []

    def follow(i, m, start, probability, energy, particles, heat, flow, work, chemical):
        if i == steps:
            sigma = np.log(p[0][start]) - np.log(p[-1][m]) - flow.sum()
            rows.append([probability, *energy, *particles, *heat, *flow, work, chemical, sigma])
            return
        for final in range(states):
            lift = energies[i + 1, final] - energies[i, final]
            if final == m:
                if whole[i, m, m] > 0:
                    chance = probability * whole[i, m, m]
                    books = energy, particles, heat, flow, work + lift, chemical
                    follow(i + 1, m, start, chance, *books)
                continue
            for r in range(count):
                if matrices[i, r, final, m] == 0:
                    continue
                unit = np.eye(count)[r]
                up, number = energies[i, final] - energies[i, m], numbers[final] - numbers[m]
                mu = reservoirs[r].chemical_potential[i]
                warmth = up - mu * number
                follow(
                    i + 1,
                    final,
                    start,
                    probability * matrices[i, r, final, m],
                    energy + up * unit,
                    particles + number * unit,
                    heat + warmth * unit,
                    flow + warmth / reservoirs[r].temperature[i] * unit,
                    work + lift,
                    chemical + mu * number,
                )

    zero = np.zeros(count)
    for m in np.flatnonzero(initial):
        follow(0, m, m, p[0][m], zero, zero, zero, zero, 0.0, 0.0)
    return np.array(rows)


def random_weights(seed, reservoirs=2):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=4 * reservoirs + 3)
    named = {
        name: weights[k * reservoirs : (k + 1) * reservoirs] for k, name in enumerate(PER_RESERVOIR)
    }
    scalars = ("mechanical_work", "chemical_work", "entropy_production")
    return weights, named | dict(zip(scalars, weights[-3:], strict=True))


@pytest.mark.parametrize("seed", [1, 3, slow(4), slow(8)])
def test_any_combination_against_every_path(seed):
    """Cumulants, characteristic function and distribution of all quantities mixed at random."""
    initial, arguments = random_chain(seed, states=3)
    rows = every_path(initial, arguments)
    weights, named = random_weights(seed)
    chance, values = rows[:, 0], rows[:, 1:] @ weights
    mean = chance @ values
    counted = MarkovChain(**arguments).counting(initial, **named)
    assert counted.mean == pytest.approx(mean, rel=1e-13, abs=1e-13)
    for power, found in ((2, counted.variance), (3, counted.third_cumulant)):
        expected = chance @ (values - mean) ** power
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)
    u = np.array([[0.3, -2.0], [1 - 2j, 3j]])
    size = np.array([[np.sum(chance * np.exp(1j * x * values)) for x in row] for row in u])
    np.testing.assert_allclose(
        np.exp(counted.log_characteristic_function(u)), size, rtol=1e-12, atol=1e-13
    )
    atoms = counted.atoms()
    order = np.argsort(values)
    below = np.cumsum(chance[order])
    for x in atoms.values[:: max(1, atoms.values.size // 20)] + 1e-7:
        k = np.searchsorted(values[order], x)
        sums = np.cumsum(atoms.probabilities)[np.searchsorted(atoms.values, x) - 1]
        assert sums == pytest.approx(below[k - 1], abs=1e-13)


def test_combinations_at_once_and_their_covariance():
    initial, arguments = random_chain(1, states=3)
    rows = every_path(initial, arguments)
    chain = MarkovChain(**arguments)
    both = chain.counting(initial, heat=np.eye(2), mechanical_work=[0.0, 1.0])
    values = np.stack([rows[:, 5], rows[:, 6] + rows[:, 9]])
    centred = values - (values @ rows[:, 0])[:, None]
    np.testing.assert_allclose(both.mean, values @ rows[:, 0], rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        both.covariance, centred * rows[:, 0] @ centred.T, rtol=0, atol=1e-14
    )
    assert both.log_characteristic_function(np.zeros((4, 3))).shape == (2, 4, 3)
    assert both.variance.shape == both.third_cumulant.shape == (2,)
    one = chain.counting(initial, heat=[0.0, 1.0], mechanical_work=1.0)
    assert both.log_characteristic_function(0.7)[1] == pytest.approx(
        one.log_characteristic_function(0.7), abs=1e-14
    )


@pytest.mark.parametrize("seed", [2, slow(5)])
def test_trajectories_occur_as_often_as_the_paths(seed):
    """Frequencies of all paths by χ², books path by path, and nothing that cannot happen."""
    initial, arguments = random_chain(seed, steps=2, states=3)
    rows = every_path(initial, arguments)
    n = 50_000
    drawn = MarkovChain(**arguments).trajectories(n, np.random.default_rng(seed), initial=initial)
    sums = np.concatenate(
        [
            *(getattr(drawn, name).sum(axis=1) for name in PER_RESERVOIR),
            drawn.mechanical_work.sum(axis=1)[:, None],
            drawn.chemical_work.sum(axis=1)[:, None],
            drawn.entropy_production.sum(axis=1)[:, None],
        ],
        axis=1,
    )
    # Paths with the same books are one outcome.
    _, which = np.unique(rows[:, 1:].round(9), axis=0, return_inverse=True)
    chances = np.bincount(which.ravel(), rows[:, 0])
    keys = {tuple(row): k for row, k in zip(rows[:, 1:].round(9) + 0.0, which.ravel(), strict=True)}
    unique, counts = np.unique(sums.round(9) + 0.0, axis=0, return_counts=True)
    seen = np.zeros(chances.size)
    for row, times in zip(unique, counts, strict=True):
        seen[keys[tuple(row)]] += times
    frequent = n * chances > 5
    chi2 = np.sum((seen - n * chances)[frequent] ** 2 / (n * chances)[frequent])
    degrees = np.count_nonzero(frequent)
    assert degrees > 25
    assert abs(chi2 - degrees) < 4 * math.sqrt(2 * degrees)


def test_first_law_and_jumps_of_single_trajectories():
    initial, arguments = random_chain(4)
    chain = MarkovChain(**arguments)
    drawn = chain.trajectories(5000, np.random.default_rng(0), initial=initial)
    steps = np.arange(3)
    assert drawn.states.shape == (5000, 4)
    assert drawn.reservoirs.shape == (5000, 3)
    energy = arguments["energies"][np.arange(4), drawn.states]
    entering = drawn.mechanical_work + drawn.chemical_work + drawn.heat.sum(axis=-1)
    np.testing.assert_allclose(np.diff(energy, axis=1), entering, rtol=0, atol=1e-14)
    jumped = drawn.reservoirs >= 0
    assert np.array_equal(jumped, np.diff(drawn.states, axis=1) != 0)
    chances = arguments["transition_matrices"][
        steps, drawn.reservoirs, drawn.states[:, 1:], drawn.states[:, :-1]
    ]
    assert np.all(chances[jumped] > 0)
    again = chain.trajectories(5000, np.random.default_rng(0), initial=initial)
    assert np.array_equal(again.states, drawn.states)
    ledger = chain.run(initial)
    for name in ("heat", "mechanical_work", "entropy_production", "particle_current"):
        values = getattr(drawn, name)
        error = values.std(axis=0) / math.sqrt(5000) + 1e-12
        assert np.all(np.abs(values.mean(axis=0) - getattr(ledger, name)) < 5 * error), name


@given(seed=SEEDS)
@cases(50)
def test_fluctuation_theorems(seed):
    """Integral for every reference, detailed against the reversed protocol, mean Σ ≥ 0."""
    initial, arguments = random_chain(seed - seed % 3 + 1)
    chain = MarkovChain(**arguments)
    q = np.random.default_rng(seed).dirichlet(np.ones(4))
    forward = chain.counting(initial, final=q, entropy_production=1.0)
    assert abs(forward.characteristic_function(1j) - 1) < 1e-12
    reverse = chain.backward().counting(q, final=initial, entropy_production=1.0)
    assert (
        crooks_deviation(forward, reverse, [0.2, 1.1], temperature=1.0, free_energy_difference=0.0)
        < 1e-11
    )
    own = chain.counting(initial, entropy_production=1.0)
    assert own.mean == pytest.approx(chain.run(initial).entropy_production.sum(), abs=1e-12)
    assert abs(own.characteristic_function(1j) - 1) < 1e-12


def test_detailed_theorem_value_by_value():
    """P(σ)/P̃(−σ) = exp σ for every value of the list."""
    initial, arguments = random_chain(1, states=3)
    chain = MarkovChain(**arguments)
    q = np.array([0.2, 0.5, 0.3])
    forward = chain.counting(initial, final=q, entropy_production=1.0).atoms()
    reverse = chain.backward().counting(q, final=initial, entropy_production=1.0).atoms()
    assert forward.values.size > 100
    np.testing.assert_allclose(forward.values, -reverse.values[::-1], rtol=0, atol=1e-7)
    ratio = np.log(forward.probabilities / reverse.probabilities[::-1])
    np.testing.assert_allclose(ratio, forward.values, rtol=0, atol=1e-7)


def test_entropies_on_a_lattice():
    """All entropies multiples of ln 2, ends included: the theorem and moments of 40 steps."""
    unit = math.log(2)
    links = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 8
    chain = MarkovChain.from_attempts(
        energies=[[0.0, unit, 3 * unit]] * 41,
        reservoirs=[Reservoir(1.0), Reservoir(0.5)],
        attempts=[links, links / 2],
    )
    p, q = [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]
    forward = chain.counting(p, final=q, entropy_production=1.0)
    reverse = chain.backward().counting(q, final=p, entropy_production=1.0)
    one, other = forward.atoms(), reverse.atoms()
    assert one.values.size < 500
    assert one.mean == pytest.approx(forward.mean, abs=1e-12)
    assert one.variance == pytest.approx(forward.variance, rel=1e-12)
    np.testing.assert_allclose(one.values, -other.values[::-1], rtol=0, atol=1e-12)
    ratio = np.log(one.probabilities / other.probabilities[::-1])
    np.testing.assert_allclose(ratio, one.values, rtol=1e-12, atol=1e-11)


class Edge(np.random.Generator):
    """A generator whose numbers are all the largest below one, or all zero."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size=None):
        return np.full(size, self.value)


@pytest.mark.parametrize("value", [0.0, np.nextafter(1.0, 0.0)])
def test_the_ends_of_the_random_numbers_draw_what_can_happen(value):
    """Every state is left by its first or last move of positive probability."""
    for seed in range(6):
        initial, arguments = random_chain(seed, states=6)
        chain = MarkovChain(**arguments)
        drawn = chain.trajectories(3, Edge(value), initial=initial)
        assert np.all(initial[drawn.states[:, 0]] > 0)
        steps = np.arange(3)
        whole = chain.transition_matrix
        assert np.all(whole[steps, drawn.states[:, 1:], drawn.states[:, :-1]] > 0)
        jumped = drawn.reservoirs >= 0
        chances = chain.transition_matrices[
            steps, drawn.reservoirs, drawn.states[:, 1:], drawn.states[:, :-1]
        ]
        assert np.all(chances[jumped] > 0)
        assert np.array_equal(jumped, np.diff(drawn.states, axis=1) != 0)


def test_an_empty_start_breaks_the_integral_theorem_by_what_cannot_come_back():
    """⟨exp(−σ)⟩ is the probability that the reversed process ends where the start was possible."""
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0], [0.0, 1.0]], reservoirs=[Reservoir(1.0)], attempts=[0.5 * PAIR]
    )
    sigma = chain.counting([1.0, 0.0], entropy_production=1.0)
    last = chain.run([1.0, 0.0]).probabilities[-1]
    back = chain.transition_matrix[0] @ last
    assert sigma.characteristic_function(1j).real == pytest.approx(back[0], abs=1e-14)


def test_work_relations_and_the_chain_of_crossings():
    """Work of the chain of crossings against its own statistics, and Jarzynski's equality."""
    levels = np.arange(1.0, 11.0)
    keep = np.exp(-np.pi * 0.4**2 / 2)
    chain = MarkovChain.from_attempts(
        energies=np.stack([np.zeros(10), levels], axis=-1),
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(1 / 1.2, 3.0)],
        attempts=[(1 - keep) * PAIR],
    )
    crossed = LandauZenerChain(
        energies=levels[:9], couplings=0.2, speeds=1.0, start=0.5, stop=10.0, temperature=1 / 1.2,
        chemical_potential=3.0,
    )  # fmt: skip
    u = np.array([0.4, 2 - 1j])
    for occupation in (0.0, 1.0):  # the other chain has a first lift by 0.5
        start = [1 - occupation, occupation]
        counted = chain.counting(start, mechanical_work=1.0, particle_current=0.1)
        lifted = counted.characteristic_function(u) * np.exp(0.5j * u * occupation)
        expected = crossed.work_statistics(occupation)
        joint = expected.characteristic_function(u, particle_number=0.1 * u)
        np.testing.assert_allclose(lifted, joint, rtol=1e-12)
        work = chain.counting(start, mechanical_work=1.0)
        assert work.variance == pytest.approx(expected.variance, rel=1e-12)
    work = chain.counting(chain.equilibrium(), mechanical_work=1.0)
    change = (np.log1p(np.exp(1.2 * 2)) - np.log1p(np.exp(-1.2 * 7))) / 1.2
    ratio = jarzynski_ratio(work, temperature=1 / 1.2, free_energy_difference=change)
    assert ratio == pytest.approx(1.0, abs=1e-12)


def test_particle_counts_in_exact_fractions():
    """Tails down to 1e-50 of 60 steps, against a recursion in fractions; and by Fourier."""
    a, f = (Fraction(1, 32), Fraction(1, 16)), (Fraction(3, 4), Fraction(1, 4))
    steps, size = 60, 61
    arrays = [[Fraction(0)] * (2 * size + 1) for _ in range(2)]
    arrays[0][size] = Fraction(1)
    fill = [a[r] * f[r] for r in range(2)]
    leave = [a[r] * (1 - f[r]) for r in range(2)]
    for _ in range(steps):
        empty, full = arrays
        arrays = [
            [
                empty[k] * (1 - sum(fill)) + full[k] * leave[1]
                + (full[k + 1] if k < 2 * size else 0) * leave[0]
                for k in range(2 * size + 1)
            ],
            [
                full[k] * (1 - sum(leave)) + empty[k] * fill[1]
                + (empty[k - 1] if k > 0 else 0) * fill[0]
                for k in range(2 * size + 1)
            ],
        ]  # fmt: skip
    exact = [x + y for x, y in zip(*arrays, strict=True)]
    odds = [float(np.log(3.0)), -float(np.log(3.0))]
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 0.0]] * (steps + 1),
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(1.0, odds[0]), Reservoir(1.0, odds[1])],
        attempts=[float(x) * PAIR for x in a],
    )
    counted = chain.counting([1.0, 0.0], particle_current=[1.0, 0.0])
    atoms = counted.atoms()
    expected = {k - size: float(x) for k, x in enumerate(exact) if x}
    assert min(expected.values()) < 1e-50
    assert np.array_equal(atoms.values, sorted(expected))
    np.testing.assert_allclose(atoms.probabilities, [expected[k] for k in atoms.values], rtol=1e-12)
    u = 2 * np.pi * np.arange(128) / 128
    density = np.fft.fft(counted.characteristic_function(u)).real / 128
    np.testing.assert_allclose(
        density[atoms.values.astype(int)], atoms.probabilities, rtol=0, atol=1e-15
    )


def test_generating_functions_do_not_overflow():
    """A tilt of 10⁴ per unit of energy: the largest value decides, with its logarithm."""
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0]] * 5,
        reservoirs=[Reservoir(1.0), Reservoir(2.0)],
        attempts=[0.4 * PAIR, 0.2 * PAIR],
    )
    heat = chain.counting([1.0, 0.0], heat=[1.0, 0.0])
    atoms = heat.atoms()
    h = 1e4
    expected = h * atoms.values[-1] + np.log(atoms.probabilities[-1])
    found = heat.log_characteristic_function(-1j * h)
    assert found.real == pytest.approx(expected, rel=1e-15)
    assert atoms.values[-1] == 2.0  # in twice through this reservoir, out through the other


def test_offsets_do_not_matter_and_large_chains_count():
    """Energies 1e8 above zero; 64 states."""
    rng = np.random.default_rng(3)
    energies = np.tile(rng.integers(0, 8, 64) / 4.0, (4, 1))
    attempts = np.triu(rng.uniform(size=(2, 64, 64)), 1) / 128
    attempts = attempts + attempts.swapaxes(-1, -2)
    arguments = {"reservoirs": [Reservoir(1.0), Reservoir(0.5)], "attempts": attempts}
    counted = [
        MarkovChain.from_attempts(energies=energies + shift, **arguments).counting(heat=[1.0, 0.0])
        for shift in (0.0, 1e8)
    ]
    assert counted[0].variance == pytest.approx(counted[1].variance, rel=1e-12)
    assert counted[0].mean == pytest.approx(counted[1].mean, abs=1e-12)
    atoms = counted[0].atoms()
    assert atoms.mean == pytest.approx(counted[0].mean, abs=1e-13)
    assert atoms.variance == pytest.approx(counted[0].variance, rel=1e-12)


def test_values_without_a_common_step_are_merged_and_limited():
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0], [0.0, math.sqrt(2)], [0.0, 1.0]],
        reservoirs=[Reservoir(1.0)],
        attempts=[0.5 * PAIR],
    )
    work = chain.counting(mechanical_work=1.0)
    atoms = work.atoms()
    lift = math.sqrt(2) - 1
    np.testing.assert_allclose(atoms.values, [-lift, 0.0, lift], rtol=0, atol=1e-15)
    heat = chain.counting(heat=1.0)
    with pytest.raises(InputError, match="maximum_atoms"):
        heat.atoms(maximum_atoms=2)


def test_bad_questions():
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0]] * 2, reservoirs=[Reservoir(1.0)], attempts=[0.5 * PAIR]
    )
    with pytest.raises(InputError, match="all weights are zero"):
        chain.counting()
    with pytest.raises(InputError, match="heat"):
        chain.counting(heat=[1.0, 2.0])
    with pytest.raises(InputError, match="range of floats"):
        _ = chain.counting(heat=1e200).variance
    with pytest.raises(InputError, match="final"):
        chain.counting([0.5, 0.5], final=[0.0, 1.0], entropy_production=1.0)
    with pytest.raises(InputError, match="cycles"):
        chain.repeated(10**9)
    with pytest.raises(InputError, match="one for each combination"):
        chain.counting(heat=np.ones((3, 1)), mechanical_work=np.ones(2))
    with pytest.raises(InputError, match="initial"):
        chain.counting([0.5, 0.6], heat=1.0)
    with pytest.raises(InputError, match="count"):
        chain.trajectories(10**9, np.random.default_rng(0))
    with pytest.raises(InputError, match="rng"):
        chain.trajectories(10, 5)
    with pytest.raises(InputError, match="end where they began"):
        MarkovChain.from_attempts(
            energies=[[0.0, 1.0], [0.0, 2.0]], reservoirs=[Reservoir(1.0)], attempts=[0.5 * PAIR]
        ).repeated(2)
    one_way = MarkovChain(
        energies=[[0.0, 0.0]] * 2,
        reservoirs=[Reservoir(1.0)],
        transition_matrices=[[[0.5, 0.0], [0.5, 1.0]]],
        local_detailed_balance="report",
    )
    with pytest.raises(InputError, match="forbidden"):
        one_way.counting([0.5, 0.5], entropy_production=1.0)
    assert one_way.counting([0.5, 0.5], heat=1.0).mean == 0.0
    with pytest.raises(ConvergenceError, match="more than one periodic state"):
        MarkovChain(
            energies=[[0.0, 0.0]] * 2, reservoirs=[Reservoir(1.0)], transition_matrices=[np.eye(2)]
        ).counting(heat=1.0)


def test_repeating_is_going_on():
    initial, arguments = random_chain(4)
    arguments["energies"][-1] = arguments["energies"][0]
    chain = MarkovChain(**arguments)
    twice = chain.repeated(2)
    first = chain.run(initial)
    second = chain.run(first.probabilities[-1])
    both = twice.run(initial)
    for name in ("heat", "mechanical_work", "entropy_production"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_allclose(getattr(both, name), joined, rtol=0, atol=1e-14)


@given(exponent=st.floats(-160, -1), ratio=st.floats(0.1, 10))
@cases(30)
def test_weak_links_have_a_periodic_state(exponent, ratio):
    """Two pairs of states, linked by 1e-160: equilibrium all the same, to relative accuracy."""
    link = 10.0**exponent
    attempts = np.zeros((1, 4, 4))
    for m, k, a in ((0, 1, 0.3), (2, 3, 0.2), (1, 2, link)):
        attempts[0, m, k] = attempts[0, k, m] = a
    energies = np.array([0.0, ratio, 40 * ratio, 30.0])
    chain = MarkovChain.from_attempts(
        energies=[energies] * 2, reservoirs=[Reservoir(1.0)], attempts=attempts
    )
    np.testing.assert_allclose(chain.periodic_state(), chain.equilibrium(), rtol=1e-12)
