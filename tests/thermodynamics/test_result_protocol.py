"""Every result of driven levels, chains and counting shows, stores and draws itself."""

from __future__ import annotations

import numpy as np
import pytest

from anticrossing import thermodynamics as td
from tests.result_protocol import check

RESERVOIR = {"temperature": 0.8, "chemical_potential": 3.0}
LEVEL = td.DrivenLevel(
    levels=range(1, 5), couplings=0.2, start=0.0, stop=5.0, rate=1.0, **RESERVOIR
)
SEQUENCE = td.SequentialCrossings(
    times=[0.0, 10.0], system_energies=[[0.0, 10.0], [-3.0, 7.0]],
    reservoir_energies=[5.0], couplings=0.2, **RESERVOIR,
)  # fmt: skip
LEADS = [
    td.Lead([0.0, 1.0], 0.2, temperature=0.5, chemical_potential=mu, name=name)
    for mu, name in ((0.5, "left"), (-0.5, "right"))
]
JUNCTION = td.Junction(hamiltonian=0.3, leads=LEADS)
CONDUCTOR = td.LevitovLesovik(
    lambda e: td.transmission(e, hamiltonian=0.3, rates=[0.2, 0.2]),
    td.Reservoir(0.5, 0.5),
    td.Reservoir(0.5, -0.5),
)
PAIR = [[0.0, 0.1], [0.1, 0.0]]
MARKOV = td.MarkovChain.from_attempts(
    energies=[[0.0, 0.0], [0.0, 1.0]],
    particle_numbers=[0, 1],
    reservoirs=[td.Reservoir(1.0, 0.5, name="left"), td.Reservoir(1.0, -0.5, name="right")],
    attempts=[PAIR, PAIR],
)
TURN = [[0.8, -0.6], [0.6, 0.8]]


def two_point(values: list) -> td.TwoPointStatistics:
    return td.TwoPointStatistics(
        propagator=TURN, initial_values=values, final_values=values, occupations=[0.5, 0.2]
    )


RESULTS = {
    "atoms": lambda: td.AtomicStatistics([0.0, 1.0], [0.5, 0.5]),
    "work atoms": lambda: LEVEL.chain.work_statistics().atoms(),
    "chain": lambda: LEVEL.run(1.0),
    "chains": lambda: LEVEL.run([0.2, 0.5, 1.0]),
    "chain totals": lambda: LEVEL.run(1.0).totals,
    "chain work": lambda: LEVEL.chain.work_statistics(),
    "trajectories": lambda: LEVEL.chain.work_statistics().sample(20, np.random.default_rng(1)),
    "chain trajectories": lambda: LEVEL.chain.trajectories(20, np.random.default_rng(1)),
    "fluctuation ratio": lambda: td.fluctuation_ratio(
        LEVEL.work_distribution(method="landau-zener"),
        LEVEL.work_distribution(method="landau-zener", direction="backward"),
    ),
    "counting": lambda: two_point([0.0, 1.0]),
    "joint counting": lambda: two_point([[0.0, 1.0], [1.0, 2.0]]),
    "crossings": lambda: SEQUENCE.events,
    "sequence": lambda: SEQUENCE.run([1.0, 0.0]),
    "sequences": lambda: SEQUENCE.run([[1.0, 0.0], [0.0, 1.0]]),
    "sequence trajectories": lambda: SEQUENCE.every_trajectory(),
    "sequence work": lambda: SEQUENCE.work_statistics(),
    "exact sequence": lambda: SEQUENCE.evolve(),
    "driven level": lambda: LEVEL,
    "exact": lambda: LEVEL.evolve(1.0),
    "entropy": lambda: td.entropy_production_statistics(
        propagator=TURN, log_odds=[0.0, -1.0], final_log_odds=[0.5, -1.0]
    ),
    "rates": lambda: td.golden_rule_rates(
        energies=[2.0, 3.0], couplings=0.2, density_of_states=1.0, **RESERVOIR
    ),
    "golden rule": lambda: td.golden_rule_occupations(
        [0.0, 5.0, 10.0], position=lambda t: t, rate=0.25, **RESERVOIR
    ),
    "markov": lambda: MARKOV.run([1.0, 0.0]),
    "markov trajectories": lambda: MARKOV.trajectories(20, np.random.default_rng(1)),
    "markov counting": lambda: MARKOV.counting(particle_current=[1.0, 0.0]),
    "markov countings": lambda: MARKOV.counting(particle_current=np.eye(2)),
    "scaled counting": lambda: MARKOV.scaled_counting(particle_current=[1.0, 0.0]),
    "scaled countings": lambda: MARKOV.scaled_counting(particle_current=np.eye(2)),
    "cycle": lambda: td.otto_cycle(
        energies=[1.0, 0.6],
        reservoirs=[td.Reservoir(1.0), td.Reservoir(0.4)],
        rates=1.0,
        durations=1.0,
    ).cycle(2.0),
    "markovs": lambda: MARKOV.run([[1.0, 0.0], [0.5, 0.5]]),
    "markov totals": lambda: MARKOV.run([1.0, 0.0]).total(),
    "transitions": lambda: td.enumerate_transitions(TURN, log_odds=[0.0, -1.0]),
    "transport": lambda: JUNCTION.evolve([0.0, 1.0, 2.0]),
    "noise": lambda: JUNCTION.evolve([0.0, 2.0], fluctuations=True),
    "entropy of transport": lambda: JUNCTION.entropy_production(1.0),
    "conductor": lambda: CONDUCTOR,
    "terminals": lambda: td.MultiTerminal(
        lambda e: td.scattering_matrix(e, hamiltonian=0.3, couplings=[0.3, 0.4, 0.5]),
        [td.Reservoir(0.5, mu) for mu in (0.5, 0.0, -0.5)],
    ),
    "wide band": lambda: td.wide_band_occupations(
        [0.0, 1.0],
        position=lambda t: t,
        rates=[0.2, 0.3],
        reservoirs=[td.Reservoir(0.5), td.Reservoir(0.4, 0.2)],
    ),
    "resting levels": lambda: td.resting_level(
        [0.0, 1.0], rate=0.2, temperature=0.5, band_bottom=-20.0
    ),
    "dense limit": lambda: td.dense_limit(
        [1.0, 0.5], rate=0.2, band=(-2.0, 5.0), start=0.0, stop=3.0, speed=1.0, **RESERVOIR
    ),
    "work": lambda: LEVEL.work_distribution(),
    "work of a chain": lambda: LEVEL.work_distribution(method="landau-zener"),
}


@pytest.mark.quick(14)
@pytest.mark.parametrize("name", RESULTS)
def test_result_protocol(name, tmp_path):
    check(RESULTS[name](), tmp_path)
