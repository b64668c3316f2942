import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import entr

from anticrossing._core.checks import InputError
from anticrossing.formulas import demkov_osherov
from anticrossing.thermodynamics.crossing_events import crossing_sequence
from anticrossing.thermodynamics.sequential_crossings import SequentialCrossings
from tests.effort import cases
from tests.thermodynamics.test_chain import chains

RESERVOIR = {"temperature": 1 / 1.2, "chemical_potential": 3.0}


@st.composite
def models(draw, largest=(3, 5, 5)):
    """Levels on random walks, rigid or not, through random reservoirs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    systems, levels, corners = (
        rng.integers(low, n + 1) for low, n in zip((1, 1, 2), largest, strict=True)
    )
    walk = rng.uniform(-3, 3, corners)
    wobble = rng.uniform(-0.4, 0.4, (systems, corners))
    return SequentialCrossings(
        times=np.cumsum(rng.uniform(0.5, 2, corners)),
        system_energies=walk + wobble + np.arange(systems)[:, None],
        reservoir_energies=rng.permutation(np.sort(rng.uniform(-3, 3, levels))),
        couplings=rng.uniform(-1, 1, (systems, levels)),
        temperature=1 / (rng.uniform(0.1, 3)),
        chemical_potential=rng.uniform(-2, 2),
    )


def small_models():
    """Few enough trajectories to follow every one."""
    return models((2, 3, 4)).filter(lambda model: model.events.times.size <= 9)


def test_touching_starting_and_ending_on_a_level_is_no_crossing():
    events = crossing_sequence(
        times=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        system_energies=[[0.0, 1.0, 0.0, 1.0, 1.0, 2.0, 3.0]],
        reservoir_energies=[0.0, 1.0, 3.0],
    )
    # touches 1 at t = 1, rests on it from 3 to 4 and leaves upwards: one crossing
    assert events.times.tolist() == [4.0]
    assert events.reservoir_levels.tolist() == [1]
    assert events.speeds.tolist() == [1.0]


def test_a_corner_on_a_level_is_crossed_once():
    events = crossing_sequence(
        times=[0.0, 1.0, 3.0], system_energies=[[0.0, 1.0, 2.0]], reservoir_energies=[1.0]
    )
    assert events.times.tolist() == [1.0]
    assert events.speeds.tolist() == [0.5]  # that of the piece on which it leaves


@cases(60)
@given(chain=chains(), start=st.floats(0, 1))
def test_one_level_one_way_is_the_chain(chain, start):
    """The same numbers from both, with speeds made equal."""
    stops = np.concatenate(([chain.start], chain.energies, [chain.stop]))
    speed = 0.7
    model = SequentialCrossings(
        times=np.abs(stops - chain.start) / speed,
        system_energies=[stops],
        reservoir_energies=chain.energies[::-1],
        couplings=chain.couplings[::-1] * np.sqrt(speed / chain.speeds[::-1]),
        temperature=1 / chain.beta,
        chemical_potential=chain.chemical_potential,
    )
    ours, theirs = model.run([start]), chain.run(start)
    scale = 1e-13 * (1 + chain.beta * (10 + abs(chain.chemical_potential)))
    assert np.allclose(ours.system_occupations[:, 0], theirs.occupations, rtol=0, atol=1e-13)
    after = ours.reservoir_occupations[-1][::-1]
    assert np.allclose(after, theirs.reservoir_occupations_after, rtol=0, atol=1e-13)
    assert np.allclose(ours.heat, theirs.heat[1:], rtol=0, atol=scale)
    assert np.allclose(ours.chemical_work, theirs.chemical_work[1:], rtol=0, atol=scale)
    assert np.allclose(ours.mechanical_work[:, 0], theirs.mechanical_work, rtol=0, atol=scale)
    produced = np.cumsum(theirs.entropy_production)
    assert np.allclose(ours.entropy_production, produced, rtol=0, atol=scale)
    assert np.max(model.paths) <= 1


@cases(80)
@given(model=models(), seed=st.integers(0, 2**32 - 1))
def test_laws(model, seed):
    starts = np.random.default_rng(seed).random((3, model.positions.shape[1]))
    ledger = model.run(starts)
    work = ledger.mechanical_work.sum(axis=(-1, -2)) + ledger.chemical_work.sum(axis=-1)
    assert np.allclose(ledger.energy_change, work + ledger.heat.sum(axis=-1), rtol=0, atol=1e-12)
    everything = ledger.system_occupations.sum(axis=-1) + ledger.reservoir_occupations.sum(axis=-1)
    assert np.allclose(everything, everything[:, :1], rtol=0, atol=1e-13)
    assert np.all(ledger.entropy_production >= -1e-13)
    # Σ = growth of all entropies + distance of the reservoir from its equilibrium
    n = ledger.reservoir_occupations
    x = model.beta * (model.reservoir_energies - model.chemical_potential)
    away = n * np.logaddexp(0, x) + (1 - n) * np.logaddexp(0, -x) - entr(n) - entr(1 - n)
    entropy = sum((entr(q) + entr(1 - q)).sum(axis=-1) for q in (ledger.system_occupations, n))
    split = entropy - entropy[:, :1] + away.sum(axis=-1)
    assert np.allclose(ledger.entropy_production, split, rtol=0, atol=1e-12)


@pytest.mark.parametrize("systems", [2, 3])
def test_many_systems_and_one_reservoir_level_are_exact(systems):
    """Demkov-Osherov seen from the reservoir level: it sinks through the system levels."""
    rng = np.random.default_rng(systems)
    offsets = np.sort(rng.uniform(-3, 3, systems))
    couplings, speed = rng.uniform(0.1, 0.5, systems), 0.8
    model = SequentialCrossings(
        times=[0.0, 20.0],
        system_energies=offsets[:, None] + [-8.0, -8.0 + speed * 20],
        reservoir_energies=[0.0],
        couplings=couplings[:, None],
        **RESERVOIR,
    )
    starts = rng.random(systems)
    ledger = model.run(starts, reservoir_occupations=[0.35])
    matrix = demkov_osherov(
        levels=offsets, couplings=couplings, sweep_rate=-speed
    ).transition_matrix
    exact = matrix @ np.concatenate(([0.35], starts))
    assert np.allclose(ledger.system_occupations[-1], exact[1:], rtol=0, atol=1e-14)
    assert ledger.reservoir_occupations[-1, 0] == pytest.approx(exact[0], abs=1e-14)
    assert np.max(model.paths) == 1
    assert not model.checks[2].satisfied.all()  # met by several all the same
    assert model.checks[3].satisfied.all()


def propagate(hamiltonian, start, stop, steps):
    """Product of exact exponentials at midpoints, fourth order after extrapolation."""

    def product(count):
        h = (stop - start) / count
        energies, vectors = np.linalg.eigh(
            np.array([hamiltonian(start + (k + 0.5) * h) for k in range(count)])
        )
        total = np.eye(vectors.shape[-1], dtype=complex)
        for e, v in zip(energies, vectors, strict=True):
            total = (v * np.exp(-1j * e * h)) @ (v.T @ total)
        return total

    return (4 * product(2 * steps) - product(steps)) / 3


@pytest.mark.slow
def test_interfering_paths_average_to_the_chain():
    """Two rigid levels and two reservoir levels: exact numbers oscillate about the chain's."""
    gamma, separation, speed, far = 0.15, 3.0, 0.5, 30.0
    initial = np.array([1.0, 0.0, 0.0, 0.0])
    # two paths lead from one system level to the other; their phase difference is the area
    # of the parallelogram, separation × spacing / speed
    area = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    exact = []
    for spacing in 3.0 + area * speed / separation:
        fixed = np.array([0.0, spacing])

        def hamiltonian(t, fixed=fixed):
            h = np.diag([speed * t + separation, speed * t, *fixed])
            h[:2, 2:] = h[2:, :2] = gamma
            return h

        unitary = propagate(hamiltonian, -far / speed, (far + spacing) / speed, 4000)
        exact.append(np.abs(unitary[:, 0]) ** 2)
        model = SequentialCrossings(
            times=[-far / speed, (far + spacing) / speed],
            system_energies=[[separation - far, separation + far + spacing], [-far, far + spacing]],
            reservoir_energies=fixed,
            couplings=gamma,
            **RESERVOIR,
        )
        ledger = model.run(initial[:2], reservoir_occupations=initial[2:])
    chain = np.concatenate((ledger.system_occupations[-1], ledger.reservoir_occupations[-1]))
    mean, spread = np.mean(exact, axis=0), np.ptp(exact, axis=0)
    assert np.max(model.paths) == 2
    assert not model.checks[3].satisfied.all()
    assert spread[1] > 0.05  # the fringe in the other system level
    assert np.max(np.abs(mean - chain)) < 0.005  # finite window and coupling


def test_a_returning_drive_meets_its_own_traces():
    model = SequentialCrossings(
        times=[0.0, 10.0, 20.0],
        system_energies=[[0.0, 2.0, 0.0]],
        reservoir_energies=[1.0],
        couplings=0.1,
        **RESERVOIR,
    )
    assert model.meetings.tolist() == [2]
    r = np.exp(-2 * np.pi * 0.01 / 0.2)
    ledger = model.run([1.0], reservoir_occupations=[0.0])
    final = r * r + (1 - r) ** 2  # the classical sum of both ways
    assert ledger.system_occupations[:, 0] == pytest.approx([1.0, r, final], rel=1e-14)
    assert not model.checks[2].satisfied.all()
    assert model.paths.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert ledger.energy_change == 0.0
    assert "final occupations" in str(ledger)


def test_entropy_may_return_with_the_particle():
    """The reservoir level gives back what it took: Σ falls, its total stays positive."""
    model = SequentialCrossings(
        times=[0.0, 10.0, 20.0],
        system_energies=[[0.0, 2.0, 0.0]],
        reservoir_energies=[1.0],
        couplings=3.0,
        **RESERVOIR,
    )
    produced = model.run([0.0]).entropy_production
    assert produced[1] > 1
    assert produced[2] == pytest.approx(0, abs=1e-14)


def test_uncoupled_crossings_open_no_paths():
    model = SequentialCrossings(
        times=[0.0, 10.0, 20.0],
        system_energies=[[0.0, 2.0, 0.0]],
        reservoir_energies=[1.0, 1.5],
        couplings=[0.0, 0.1],
        **RESERVOIR,
    )
    assert model.paths[1].tolist() == [0.0, 1.0, 0.0]
    assert model.meetings.tolist() == [2, 2]


def test_checks_of_time():
    model = SequentialCrossings(
        times=[0.0, 100.0],
        system_energies=[[0.0, 4.0]],
        reservoir_energies=[1.0, 3.0],
        couplings=0.05,
        **RESERVOIR,
    )
    between, ends = (check.worst for check in model.checks[:2])
    assert between == pytest.approx(5.0 / 50.0)
    assert ends == pytest.approx(5.0 / 25.0)
    strong = SequentialCrossings(  # 2V/speed = 37.5
        times=[0.0, 100.0],
        system_energies=[[0.0, 4.0]],
        reservoir_energies=[1.0, 3.0],
        couplings=0.75,
        **RESERVOIR,
    )
    assert [np.all(check.satisfied) for check in strong.checks[:2]] == [True, False]
    nothing = SequentialCrossings(
        times=[0.0, 1.0],
        system_energies=[[0.0, 4.0]],
        reservoir_energies=[],
        couplings=1.0,
        **RESERVOIR,
    )
    assert all(np.all(check.satisfied) for check in nothing.checks)
    assert nothing.run().entropy_production.tolist() == [0.0]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"times": [0.0, 0.0]}, "times"),
        ({"times": [0.0]}, "times"),
        ({"system_energies": [0.0, 1.0]}, "system_energies"),
        ({"system_energies": [[0.0, 1.0, 2.0]]}, "system_energies"),
        ({"system_energies": [[0.0, 2.0], [1.0, 1.0]]}, "never meet"),
        ({"reservoir_energies": [0.5, 0.5]}, "reservoir_energies"),
        ({"reservoir_energies": [np.inf]}, "reservoir_energies"),
        ({"couplings": [1.0, 2.0, 3.0]}, "couplings"),
        ({"temperature": -1.0}, "temperature"),
    ],
)
def test_bad_arguments(changes, text):
    given = {
        "times": [0.0, 1.0],
        "system_energies": [[0.0, 2.0], [-1.0, 1.0]],
        "reservoir_energies": [0.5],
        "couplings": 0.1,
        **RESERVOIR,
        **changes,
    }
    with pytest.raises(InputError, match=text):
        SequentialCrossings(**given)


@pytest.mark.parametrize("bad", [[0.5], 0.5, [0.5, 1.5], [0.5, np.nan]])
def test_bad_occupations(bad):
    model = SequentialCrossings(
        times=[0.0, 1.0],
        system_energies=[[0.0, 2.0], [-1.0, 1.0]],
        reservoir_energies=[0.5],
        couplings=0.1,
        **RESERVOIR,
    )
    with pytest.raises(InputError, match="initial_occupations"):
        model.run(bad)
    with pytest.raises(InputError, match="reservoir_occupations"):
        model.run(reservoir_occupations=[0.1, 0.2])
