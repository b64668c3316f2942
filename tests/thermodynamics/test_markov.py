import dataclasses
import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.linalg import expm

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.thermodynamics.equilibrium import binary_relative_entropy, fermi
from anticrossing.thermodynamics.markov import MarkovChain
from anticrossing.thermodynamics.reservoirs import Reservoir

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference_data" / "driven_level.json").read_text()
)
PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])
SEEDS = st.integers(0, 2**32 - 1)


def random_chain(seed, *, steps=3, states=4, reservoirs=2, scale=1.0):
    """A chain with everything random that obeys local detailed balance, by the Metropolis rule."""
    rng = np.random.default_rng(seed)
    energies = rng.normal(scale=scale, size=(steps + 1, states))
    numbers = rng.integers(0, 3, states).astype(float)
    temperature = rng.uniform(0.2, 2.0, (steps, reservoirs))
    potential = rng.normal(size=(steps, reservoirs))
    attempts = rng.uniform(size=(steps, reservoirs, states, states))
    attempts *= rng.uniform(size=attempts.shape) < 0.8  # some pairs are not connected
    attempts = np.triu(attempts, 1) / (reservoirs * states)
    attempts = attempts + attempts.swapaxes(-1, -2)
    matrices = np.zeros_like(attempts)
    for i, r, m, k in np.ndindex(attempts.shape):
        cost = energies[i, m] - energies[i, k] - potential[i, r] * (numbers[m] - numbers[k])
        matrices[i, r, m, k] = attempts[i, r, m, k] * min(1.0, np.exp(-cost / temperature[i, r]))
    stay = 1 - matrices.sum(axis=(1, 2))
    share = rng.dirichlet(np.ones(reservoirs), size=(steps, states)).swapaxes(-1, -2)
    matrices += (share * stay[:, None, :])[..., None, :] * np.eye(states)
    initial = rng.dirichlet(np.full(states, 0.5))
    if seed % 3 == 0:  # some states are empty
        initial[0] = 0
        initial /= initial.sum()
    return initial, {
        "energies": energies,
        "particle_numbers": numbers,
        "reservoirs": [Reservoir(temperature[:, r], potential[:, r]) for r in range(reservoirs)],
        "transition_matrices": matrices,
    }


def printed_equations(initial, energies, particle_numbers, reservoirs, transition_matrices):
    """(A1)-(A15) as printed, m = m′ included in (A13), in 40 digits, one step after the other."""
    with mpmath.workdps(40):
        p = [mpmath.mpf(float(x)) for x in initial]
        total = mpmath.fsum(p)
        p = [x / total for x in p]
        n = [mpmath.mpf(float(x)) for x in particle_numbers]
        states, count = len(p), len(reservoirs)
        rows = []
        for i, matrices in enumerate(transition_matrices):
            m_ = [[[mpmath.mpf(float(x)) for x in row] for row in one] for one in matrices]
            for k in range(states):  # columns add to one exactly, whatever was rounded
                column = mpmath.fsum(m_[r][m][k] for r in range(count) for m in range(states))
                m_[0][k][k] += 1 - column
            e = [mpmath.mpf(float(x)) for x in energies[i]]
            e_next = [mpmath.mpf(float(x)) for x in energies[i + 1]]
            q = [
                mpmath.fsum(m_[r][m][k] * p[k] for r in range(count) for k in range(states))
                for m in range(states)
            ]
            row = {"energy_current": [], "particle_current": [], "heat": [], "entropy_flow": []}
            row["first"] = row["second"] = mpmath.mpf(0)
            for r in range(count):
                mu = mpmath.mpf(float(reservoirs[r].chemical_potential[i]))
                pairs = [(m, k) for m in range(states) for k in range(states)]
                flow = {(m, k): m_[r][m][k] * p[k] for m, k in pairs}
                row["energy_current"].append(
                    mpmath.fsum((e[m] - e[k]) * flow[m, k] for m, k in pairs)
                )
                row["particle_current"].append(
                    mpmath.fsum((n[m] - n[k]) * flow[m, k] for m, k in pairs)
                )
                row["heat"].append(row["energy_current"][-1] - mu * row["particle_current"][-1])
                used = [(m, k) for m, k in pairs if flow[m, k] != 0]
                row["entropy_flow"].append(
                    -mpmath.fsum(
                        flow[m, k] * mpmath.log(m_[r][m][k] / m_[r][k][m]) for m, k in used
                    )
                )
                row["first"] += mpmath.fsum(
                    flow[m, k] * mpmath.log(flow[m, k] / (m_[r][k][m] * q[m])) for m, k in used
                )
                if min(p) > 0:
                    row["second"] += mpmath.fsum(
                        flow[m, k] * mpmath.log(flow[m, k] / (m_[r][k][m] * p[m])) for m, k in used
                    )
            if min(p) > 0:
                row["second"] -= mpmath.fsum(
                    q[m] * mpmath.log(q[m] / p[m]) for m in range(states) if q[m] > 0
                )
            else:
                row["second"] = row["first"]
            row["mechanical_work"] = mpmath.fsum((e_next[m] - e[m]) * q[m] for m in range(states))
            row["entropy_change"] = mpmath.fsum(
                x * mpmath.log(x) for x in p if x > 0
            ) - mpmath.fsum(x * mpmath.log(x) for x in q if x > 0)
            row["energy_change"] = mpmath.fsum(
                e_next[m] * q[m] - e[m] * p[m] for m in range(states)
            )
            row["after"] = q
            rows.append({k: np.array(v, dtype=float) for k, v in row.items()})
            p = q
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}


@pytest.mark.parametrize("seed", range(6))
def test_every_entry_of_the_ledger_against_the_printed_equations(seed):
    initial, arguments = random_chain(seed)
    ledger = MarkovChain(**arguments).run(initial)
    expected = printed_equations(initial, **arguments)
    names = {
        "energy_current": ledger.energy_current,
        "particle_current": ledger.particle_current,
        "heat": ledger.heat,
        "entropy_flow": ledger.entropy_flow,
        "mechanical_work": ledger.mechanical_work,
        "first": ledger.entropy_production,
        "second": ledger.entropy_production_schnakenberg_form,
        "entropy_change": ledger.entropy_change,
        "energy_change": ledger.energy_change,
        "after": ledger.probabilities[1:],
    }
    for name, values in names.items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=3e-15, err_msg=name)
    potentials = np.stack([r.chemical_potential for r in arguments["reservoirs"]], axis=-1)
    np.testing.assert_allclose(
        ledger.chemical_work,
        np.sum(potentials * expected["particle_current"], axis=-1),
        rtol=0,
        atol=3e-15,
    )


@given(seed=SEEDS, scale=st.sampled_from([0.1, 1.0, 10.0]))
def test_both_laws_and_both_forms(seed, scale):
    initial, arguments = random_chain(seed, scale=scale)
    ledger = MarkovChain(**arguments).run(initial)
    temperatures = np.stack([r.temperature for r in arguments["reservoirs"]], axis=-1)
    first, second = ledger.entropy_production, ledger.entropy_production_schnakenberg_form
    bound = 1e-12 * max(1.0, scale)
    assert np.all(np.abs(ledger.first_law_residual) < bound)
    assert np.all(np.abs(ledger.entropy_flow - ledger.heat / temperatures) < bound)
    assert np.all(np.abs(ledger.entropy_change - ledger.entropy_flow.sum(axis=-1) - first) < bound)
    assert np.all(first >= 0)
    assert np.all(np.abs(first - second) < bound)
    assert np.all(ledger.schnakenberg_production >= 0)
    finite = np.isfinite(ledger.schnakenberg_production)
    assert np.array_equal(finite, np.isfinite(ledger.relative_entropy))
    parts = ledger.schnakenberg_production[finite] - ledger.relative_entropy[finite]
    assert np.all(np.abs(parts - first[finite]) < bound)
    assert np.all(np.abs(ledger.probabilities.sum(axis=-1) - 1) < 1e-14)


@given(seed=SEEDS)
def test_equilibrium_produces_nothing(seed):
    """Reservoirs with one temperature and chemical potential, and energies that rest."""
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 6))
    attempts = rng.uniform(size=(2, states, states)) / (2 * states)
    attempts = np.triu(attempts, 1) + np.triu(attempts, 1).swapaxes(-1, -2)
    chain = MarkovChain.from_attempts(
        energies=np.tile(rng.normal(size=states), (4, 1)),
        particle_numbers=rng.integers(0, 3, states),
        reservoirs=[Reservoir(0.7, 0.4), Reservoir(0.7, 0.4)],
        attempts=attempts,
    )
    state = chain.equilibrium()
    np.testing.assert_allclose(chain.periodic_state(), state, rtol=0, atol=1e-12)
    ledger = chain.run(state)
    np.testing.assert_allclose(ledger.probabilities, np.tile(state, (4, 1)), rtol=0, atol=1e-15)
    assert np.all(ledger.entropy_production < 1e-15)
    assert np.all(np.abs(ledger.heat) < 1e-15)


@given(seed=SEEDS)
def test_division_of_the_diagonal_does_not_matter(seed):
    initial, arguments = random_chain(seed)
    matrices = arguments["transition_matrices"]
    eye = np.eye(matrices.shape[-1], dtype=bool)
    moved = np.where(eye, 0.0, matrices)
    moved[:, 1] += np.where(eye, matrices, 0.0).sum(axis=1)
    ledgers = [
        MarkovChain(**{**arguments, "transition_matrices": m}).run(initial)
        for m in (matrices, moved)
    ]
    for field in dataclasses.fields(ledgers[0]):
        if field.name != "reservoir_names":
            one, other = (getattr(ledger, field.name) for ledger in ledgers)
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-14, err_msg=field.name)


def test_diagonal_belongs_to_the_first_form():
    """One redraw of a level at ε = 2T from p = 0.051 to f; without m = m′ the sum is negative."""
    p, f = 0.051, 1 / (np.exp(2.0) + 1)
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 2.0]] * 2, reservoirs=[Reservoir(1.0)], attempts=[PAIR]
    )
    production = chain.run([1 - p, p]).entropy_production[0]
    assert production == pytest.approx(binary_relative_entropy(p, f), abs=1e-15)
    diagonal = (1 - f) * (1 - p) * np.log((1 - p) / (1 - f)) + f * p * np.log(p / f)
    assert production - diagonal < -0.029


def crossings(initial):
    """The chain of crossings as a Markov chain, (13) of Barra and Esposito."""
    level = np.arange(1.0, 11.0)
    keep = np.exp(-np.pi * 0.4**2 / 2)
    chain = MarkovChain.from_attempts(
        energies=np.stack([np.zeros(10), level], axis=-1),
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(1 / 1.2, 3.0)],
        attempts=(1 - keep) * PAIR[None],
    )
    return chain.run([1 - initial, initial])


@pytest.mark.parametrize(
    ("start", "occupation", "production"),
    [
        (1.0, "chain_p1_is_1", "sigma_p1_is_1"),
        (
            float(fermi(0.0, temperature=1 / 1.2, chemical_potential=3.0)),
            "chain_eq_start",
            "sigma_eq_start",
        ),
    ],
)
def test_chain_of_crossings(start, occupation, production):
    ledger = crossings(start)
    p = np.array(REFERENCE["occupation"][occupation])
    np.testing.assert_allclose(ledger.probabilities[:, 1], p, rtol=0, atol=1e-12)
    sigma = REFERENCE["occupation"][production]
    for form in (ledger.entropy_production, ledger.entropy_production_schnakenberg_form):
        np.testing.assert_allclose(form, sigma, rtol=0, atol=1e-12)
    levels, change = np.arange(1.0, 10.0), np.diff(p)
    np.testing.assert_allclose(ledger.mechanical_work, p[1:], rtol=0, atol=1e-14)
    np.testing.assert_allclose(ledger.chemical_work, 3.0 * change, rtol=0, atol=1e-14)
    np.testing.assert_allclose(ledger.heat[:, 0], (levels - 3) * change, rtol=0, atol=1e-14)


@pytest.mark.parametrize("attempt", [(0.1, 0.2), (0.5, 0.5), (0.9, 0.02)])
def test_stationary_current_through_a_level(attempt):
    """p = Σ a f/Σ a, current a₁a₂(f₁ − f₂)/(a₁ + a₂), production = affinities × currents."""
    level, temperatures, potentials = 0.8, (1.3, 0.6), (0.2, -0.4)
    chain = MarkovChain.from_attempts(
        energies=[[0.0, level]] * 2,
        particle_numbers=[0, 1],
        reservoirs=[Reservoir(t, mu) for t, mu in zip(temperatures, potentials, strict=True)],
        attempts=np.multiply.outer(attempt, PAIR),
    )
    f = [
        float(fermi(level, temperature=t, chemical_potential=mu))
        for t, mu in zip(temperatures, potentials, strict=True)
    ]
    a = np.array(attempt)
    state = chain.periodic_state()
    assert state[1] == pytest.approx(a @ f / a.sum(), abs=1e-14)
    current = a.prod() * (f[0] - f[1]) / a.sum()
    ledger = chain.run(state)
    assert ledger.particle_current[0] == pytest.approx([current, -current], abs=1e-15)
    heats = [(level - potentials[0]) * current, -(level - potentials[1]) * current]
    assert ledger.heat[0] == pytest.approx(heats, abs=1e-15)
    energy_affinity = 1 / temperatures[1] - 1 / temperatures[0]
    particle_affinity = potentials[0] / temperatures[0] - potentials[1] / temperatures[1]
    production = level * current * energy_affinity + current * particle_affinity
    assert ledger.entropy_production[0] == pytest.approx(production, abs=1e-15)
    assert ledger.entropy_production[0] == pytest.approx(
        -heats[0] / temperatures[0] - heats[1] / temperatures[1], abs=1e-15
    )


@given(
    hot_level=st.floats(0.5, 3.0),
    ratio=st.floats(0.1, 1.5),
    attempts=st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)),
)
def test_otto_cycle_of_a_level(hot_level, ratio, attempts):
    hot, cold, cold_level = 1.0, 0.4, ratio * hot_level
    a_hot, a_cold = attempts
    chain = MarkovChain.from_attempts(
        energies=[[0, hot_level], [0, cold_level], [0, hot_level]],
        reservoirs=[Reservoir(hot, name="hot"), Reservoir(cold, name="cold")],
        attempts=[[a_hot * PAIR, 0 * PAIR], [0 * PAIR, a_cold * PAIR]],
    )
    total = chain.run(chain.periodic_state()).total()
    f = [1 / (np.exp(hot_level / hot) + 1), 1 / (np.exp(cold_level / cold) + 1)]
    moved = a_hot * a_cold * (f[0] - f[1]) / (a_hot + a_cold - a_hot * a_cold)
    assert total.heat == pytest.approx([hot_level * moved, -cold_level * moved], abs=1e-14)
    output = -float(total.mechanical_work)
    assert output == pytest.approx((hot_level - cold_level) * moved, abs=1e-14)
    assert total.entropy_production == pytest.approx(
        (cold_level / cold - hot_level / hot) * moved, abs=1e-13
    )
    assert total.entropy_production >= 0
    if output > 1e-6:
        efficiency = output / total.heat[0]
        assert efficiency == pytest.approx(1 - cold_level / hot_level, abs=1e-7)
        assert efficiency <= 1 - cold / hot


def generator(energies, numbers, reservoir, rates):
    """Rates Γ f of one reservoir, columns that add to zero."""
    grand = np.array(energies) - reservoir.chemical_potential * np.array(numbers)
    w = rates / (np.exp((grand[:, None] - grand) / reservoir.temperature) + 1)
    np.fill_diagonal(w, 0)
    return w - np.diag(w.sum(axis=0))


def symmetric(rng, states):
    rates = np.triu(rng.uniform(0.2, 2.0, (states, states)), 1)
    return rates + rates.T


@pytest.mark.parametrize("duration", [0.0, 0.01, 1.0, 37.0])
def test_contact_in_continuous_time(duration):
    rng = np.random.default_rng(5)
    energies, numbers, rates = rng.normal(size=4), [0, 1, 1, 2], symmetric(rng, 4)
    reservoir = Reservoir(0.6, 0.3)
    chain = MarkovChain.from_rates(
        energies=[energies, energies + 1],
        particle_numbers=numbers,
        reservoirs=[reservoir],
        rates=[rates],
        durations=duration,
    )
    expected = expm(generator(energies, numbers, reservoir, rates) * duration)
    np.testing.assert_allclose(chain.transition_matrix[0], expected, rtol=0, atol=1e-13)
    # for one reservoir the production of the whole contact is the approach to equilibrium
    initial = np.array([0.1, 0.5, 0.3, 0.1])
    ledger = chain.run(initial)

    def distance(p):
        return np.sum(p * np.log(p / chain.equilibrium()))

    final = ledger.probabilities[1]
    expected = distance(initial) - distance(final)
    assert ledger.entropy_production[0] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("duration", [1e-9, 1.0, 1e8])
def test_contact_with_rare_jumps_obeys_local_detailed_balance(duration):
    """Populations down to e^{−600}, and a path over states that are hardly ever taken."""
    rates = np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1)
    chain = MarkovChain.from_rates(
        energies=[[0.0, 5.0, 300.0, 40.0, 600.0]] * 2,
        reservoirs=[Reservoir(1.0)],
        rates=[rates],
        durations=duration,
    )
    assert np.max(chain.local_detailed_balance_violation) < 1e-12 * 600
    assert np.all(np.abs(chain.transition_matrix.sum(axis=1) - 1) < 1e-15)
    if duration == 1.0:
        with mpmath.workdps(400):
            w = generator([0.0, 5.0, 300.0, 40.0, 600.0], [0] * 5, Reservoir(1.0), rates)
            # rebuild in 400 digits: double rounding of the diagonal would hide small elements
            exact = mpmath.matrix(5, 5)
            for m, k in np.ndindex(5, 5):
                if rates[m, k]:
                    gap = [0, 5, 300, 40, 600][m] - [0, 5, 300, 40, 600][k]
                    exact[m, k] = 1 / (mpmath.exp(gap) + 1)
                    assert float(exact[m, k]) == pytest.approx(w[m, k], rel=1e-12)
            for k in range(5):
                exact[k, k] = -mpmath.fsum(exact[m, k] for m in range(5) if m != k)
            exact = mpmath.expm(exact, method="taylor")
        ratio = [
            float(chain.transition_matrix[0, m, k] / exact[m, k])
            for m, k in np.ndindex(5, 5)
            if exact[m, k] > 1e-300
        ]
        assert len(ratio) > 15
        np.testing.assert_allclose(ratio, 1.0, rtol=1e-13)


def test_alternating_contacts_converge_to_both_at_once():
    """Stationary heat per time of dp/dt = (W₁ + W₂) p, from its null vector."""
    rng = np.random.default_rng(8)
    energies, numbers = rng.normal(size=3), [0, 1, 1]
    reservoirs = [Reservoir(1.5, 0.4), Reservoir(0.5, -0.2)]
    rates = [symmetric(rng, 3), symmetric(rng, 3)]
    w = [generator(energies, numbers, r, g) for r, g in zip(reservoirs, rates, strict=True)]
    p = np.linalg.svd(sum(w))[2][-1]
    p /= p.sum()
    grand = [energies - r.chemical_potential * np.array(numbers) for r in reservoirs]
    heats = np.array([g @ one @ p for g, one in zip(grand, w, strict=True)])

    def error(duration, build):
        chain = build(duration)
        total = chain.run(chain.periodic_state()).total()
        return np.max(np.abs(total.heat / duration - heats))

    def contacts(duration):
        none = np.zeros((3, 3))
        return MarkovChain.from_rates(
            energies=np.tile(energies, (3, 1)),
            particle_numbers=numbers,
            reservoirs=reservoirs,
            rates=[[rates[0], none], [none, rates[1]]],
            durations=duration,
        )

    def together(duration):
        return MarkovChain.from_attempts(
            energies=np.tile(energies, (2, 1)),
            particle_numbers=numbers,
            reservoirs=reservoirs,
            attempts=np.multiply(duration, rates),
        )

    assert error(0.1, together) < 1e-14  # the stationary state of 1 + δτ W is that of W
    coarse, fine = error(0.02, contacts), error(0.01, contacts)
    assert fine < 1e-4 * np.max(np.abs(heats))
    assert coarse / fine == pytest.approx(4.0, abs=0.01)  # second order in the duration


def test_a_reservoir_may_act_in_many_steps():
    """Three contacts with the first reservoir and one with the second are two longer ones."""
    none = np.zeros((2, 2))
    reservoirs = [Reservoir(1.0), Reservoir(0.2)]

    def end(rates, durations):
        levels = [[0.0, 1.0]] * (len(rates) + 1)
        chain = MarkovChain.from_rates(
            energies=levels, reservoirs=reservoirs, rates=rates, durations=durations
        )
        return chain.run([0.7, 0.3]).probabilities[-1]

    warm, cold = [PAIR, none], [none, PAIR]
    many = end([warm, warm, warm, cold], [0.1, 0.2, 0.3, 0.25])
    assert many == pytest.approx(end([warm, cold], [0.6, 0.25]), abs=1e-15)


def test_an_empty_state_is_entered():
    """Both parts of the second form are infinite, their difference is D(p|f) − D(p′|f)."""
    f = float(fermi(1.0, temperature=1.0, chemical_potential=0.0))
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0]] * 2, reservoirs=[Reservoir(1.0)], attempts=[0.4 * PAIR]
    )
    ledger = chain.run([1.0, 0.0])
    expected = binary_relative_entropy(0.0, f) - binary_relative_entropy(0.4 * f, f)
    assert ledger.entropy_production[0] == pytest.approx(expected, abs=1e-15)
    assert ledger.entropy_production_schnakenberg_form[0] == pytest.approx(expected, abs=1e-15)
    assert np.isinf(ledger.schnakenberg_production[0])
    assert np.isinf(ledger.relative_entropy[0])


def test_jump_whose_reverse_is_forbidden_produces_infinite_entropy():
    arguments = {
        "energies": [[0.0, 1.0]] * 2,
        "reservoirs": [Reservoir(1.0)],
        "transition_matrices": [[[1.0, 0.3], [0.0, 0.7]]],
    }
    with pytest.raises(
        InputError, match=r"local detailed balance .* states 1 → 0, ln\(M/Mᵀ\) is inf"
    ):
        MarkovChain(**arguments)
    chain = MarkovChain(**arguments, local_detailed_balance="report")
    assert np.isinf(chain.local_detailed_balance_violation[0, 0])
    ledger = chain.run([[0.5, 0.5], [1.0, 0.0]])
    for form in (ledger.entropy_production, ledger.entropy_production_schnakenberg_form):
        assert np.array_equal(form[:, 0], [np.inf, 0.0])  # the second never makes that jump
    assert np.array_equal(ledger.schnakenberg_production[:, 0], [np.inf, 0.0])
    assert np.array_equal(ledger.entropy_flow[:, 0, 0], [-np.inf, 0.0])
    assert ledger.heat[0, 0, 0] == pytest.approx(-0.15, abs=1e-16)
    assert "inf" in str(ledger)


def test_broken_local_detailed_balance_is_reported():
    """The flow is that of the matrices; with heat over temperature the books would not close."""
    _, arguments = random_chain(4)
    arguments["reservoirs"] = [
        Reservoir(2 * r.temperature, r.chemical_potential) for r in arguments["reservoirs"]
    ]
    with pytest.raises(InputError, match=r"in step \d, reservoir \d, states \d → \d"):
        MarkovChain(**arguments)
    chain = MarkovChain(**arguments, local_detailed_balance="report")
    assert np.all(chain.local_detailed_balance_violation > 1e-2)
    ledger = chain.run(np.full(4, 0.25))
    flow = ledger.entropy_flow
    temperatures = np.stack([r.temperature for r in arguments["reservoirs"]], axis=-1)
    assert np.max(np.abs(flow - 2 * ledger.heat / temperatures)) < 1e-14
    closed = ledger.entropy_change - flow.sum(axis=-1) - ledger.entropy_production
    assert np.max(np.abs(closed)) < 1e-14
    assert np.max(np.abs(ledger.first_law_residual)) < 1e-14


def test_ratios_below_the_range_of_floats():
    """f underflows at 2000 T; the production of the jump down is still e/T + entropy change."""
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 2000.0]] * 2, reservoirs=[Reservoir(1.0)], attempts=[0.5 * PAIR]
    )
    ledger = chain.run([0.0, 1.0])
    assert ledger.entropy_production[0] == pytest.approx(0.5 * 2000 + np.log(2), rel=1e-14)
    assert ledger.entropy_flow[0, 0] == pytest.approx(-1000, rel=1e-14)
    with pytest.raises(InputError, match=r"is -inf instead of 2000"):
        # the wrong direction must not hide behind the underflow
        MarkovChain(
            energies=[[0.0, 2000.0]] * 2,
            reservoirs=[Reservoir(1.0)],
            transition_matrices=[[[0.5, 0.0], [0.5, 1.0]]],
        )


def test_batch_is_the_single_runs():
    _, arguments = random_chain(7, steps=5)
    chain = MarkovChain(**arguments)
    initial = np.random.default_rng(1).dirichlet(np.ones(4), size=(2, 3))
    ledger, total = chain.run(initial), chain.run(initial).total(1, 4)
    assert ledger.probabilities.shape == (2, 3, 6, 4)
    assert ledger.heat.shape == (2, 3, 5, 2)
    for index in np.ndindex(2, 3):
        single = chain.run(initial[index])
        for field in dataclasses.fields(ledger):
            if field.name != "reservoir_names":
                one, other = getattr(ledger, field.name)[index], getattr(single, field.name)
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-15, err_msg=field.name)
        for field in dataclasses.fields(total):
            one, other = getattr(total, field.name), getattr(single.total(1, 4), field.name)
            np.testing.assert_allclose(one[index], other, rtol=0, atol=1e-15, err_msg=field.name)
    assert "batch (2, 3)" in str(ledger)


def test_totals_are_the_laws_of_the_whole_run():
    initial, arguments = random_chain(11, steps=6)
    ledger = MarkovChain(**arguments).run(initial)
    total = ledger.total()
    assert total.energy_change == pytest.approx(
        total.mechanical_work + total.chemical_work + total.heat.sum(), abs=1e-14
    )
    assert total.entropy_change == pytest.approx(
        total.entropy_flow.sum() + total.entropy_production, abs=1e-14
    )
    assert total.particle_change == pytest.approx(total.particle_current.sum(), abs=1e-14)
    assert total.energy_change == pytest.approx(ledger.energy[-1] - ledger.energy[0], abs=1e-15)
    for wrong in ({"start": 6}, {"stop": 7}, {"start": 2, "stop": 2}, {"start": -1}):
        with pytest.raises(InputError, match=r"Argument `(start|stop)` must"):
            ledger.total(**wrong)


def test_results_cannot_be_written_to():
    initial, arguments = random_chain(2)
    chain = MarkovChain(**arguments)
    ledger = chain.run(initial)
    for array in (ledger.heat, ledger.probabilities, chain.energies, chain.transition_matrices):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        ledger.heat = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        arguments["reservoirs"][0].temperature = 0
    assert initial.flags.writeable
    assert arguments["transition_matrices"].flags.writeable


def test_unconnected_states_have_no_periodic_state():
    chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0]] * 2, reservoirs=[Reservoir(1.0)], attempts=[0 * PAIR]
    )
    with pytest.raises(ConvergenceError, match="more than one periodic state"):
        chain.periodic_state()
    ledger = chain.run([0.3, 0.7])
    assert np.array_equal(ledger.probabilities[1], [0.3, 0.7])
    assert ledger.entropy_production[0] == 0


GOOD = {
    "energies": [[0.0, 1.0]] * 3,
    "reservoirs": [Reservoir(1.0)],
    "transition_matrices": [np.eye(2)],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energies": [0.0, 1.0]}, "`energies` must have 2 dimension"),
        ({"energies": [[0.0, 1.0]]}, r"`energies` must have shape \(steps \+ 1, states\)"),
        ({"energies": [[0.0, np.nan]] * 3}, "`energies` must be finite"),
        ({"reservoirs": []}, "`reservoirs` must list at least one"),
        ({"reservoirs": Reservoir(1.0)}, "`reservoirs` must be a list"),
        ({"reservoirs": [1.0]}, r"`reservoirs\[0\]` must be a Reservoir"),
        ({"reservoirs": [Reservoir([1.0] * 3)]}, "one temperature, or one for each of 2 steps"),
        ({"reservoirs": [Reservoir(1.0, 0.5)]}, "`particle_numbers` must be given"),
        ({"particle_numbers": [0, 1, 2]}, r"`particle_numbers` must have shape \(2,\)"),
        ({"transition_matrices": np.eye(2)}, "`transition_matrices` must have shape"),
        ({"transition_matrices": [np.eye(2)] * 2}, "`transition_matrices` must have shape"),
        ({"transition_matrices": [[[2, 0], [-1, 1]]]}, "`transition_matrices` must not be neg"),
        ({"transition_matrices": [[[0.5, 0], [0.4, 1]]]}, "step 0 column 0 adds to 0.9"),
        ({"transition_matrices": [[[0.5, 0.5], [0.5, 0.5]]]}, r"step 0, reservoir 0, states \d →"),
        ({"local_detailed_balance": "ignore"}, "must be one of 'require', 'report'"),
    ],
)
def test_bad_chains(change, message):
    with pytest.raises(InputError, match=message):
        MarkovChain(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "`temperature` must be positive"),
        ({"temperature": -1.0}, "`temperature` must be positive"),
        ({"temperature": np.inf}, "`temperature` must be finite"),
        ({"temperature": [[1.0]]}, "`temperature` must be a number or one per step"),
        ({"temperature": 1.0, "chemical_potential": np.nan}, "`chemical_potential` must be fin"),
        ({"temperature": 1.0, "name": 3}, "`name` must be text"),
    ],
)
def test_bad_reservoirs(arguments, message):
    with pytest.raises(InputError, match=message):
        Reservoir(**arguments)


def test_bad_builders_and_runs():
    system = {"energies": [[0.0, 1.0]] * 3, "reservoirs": [Reservoir(1.0), Reservoir(2.0)]}
    with pytest.raises(InputError, match="`attempts` must be symmetric"):
        MarkovChain.from_attempts(**system, attempts=[PAIR, [[0, 1], [0.5, 0]]])
    with pytest.raises(InputError, match="`attempts` must be zero on the diagonal"):
        MarkovChain.from_attempts(**system, attempts=[PAIR, np.eye(2)])
    with pytest.raises(InputError, match=r"step 0 state 1 is left with 1\.35352"):
        MarkovChain.from_attempts(**system, attempts=[PAIR, PAIR])
    with pytest.raises(InputError, match="reservoirs 0 and 1 both act in step 0"):
        MarkovChain.from_rates(**system, rates=[PAIR, PAIR], durations=1.0)
    with pytest.raises(InputError, match="`durations` must be one number or have shape"):
        MarkovChain.from_rates(**system, rates=[PAIR, 0 * PAIR], durations=[1.0])
    with pytest.raises(InputError, match="`durations` must not be negative"):
        MarkovChain.from_rates(**system, rates=[PAIR, 0 * PAIR], durations=-1.0)
    chain = MarkovChain(**GOOD)
    for wrong, message in (
        (1.0, "have a last axis of length 2"),
        ([0.2, 0.3, 0.5], "have a last axis of length 2"),
        ([0.5, 0.4], "add to one"),
        ([1.5, -0.5], "not be negative"),
    ):
        with pytest.raises(InputError, match=f"`initial` must {message}"):
            chain.run(wrong)
    with pytest.raises(InputError, match="`step` must be at most 1"):
        chain.equilibrium(step=2)
    with pytest.raises(InputError, match="`reservoir` must be at most 0"):
        chain.equilibrium(reservoir=1)


def test_a_single_state_is_its_own_periodic_state():
    chain = MarkovChain.from_attempts(
        energies=[[0.3], [0.1]], reservoirs=[Reservoir(1.0)], attempts=[[[0.0]]]
    )
    assert chain.periodic_state().tolist() == [1.0]
