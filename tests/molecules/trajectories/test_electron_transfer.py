"""Rates of electron transfer between two wells: hopping and the golden rule."""

import numpy as np
import pytest

from anticrossing.environment.spectral_density import Ohmic
from anticrossing.models import SpinBoson
from anticrossing.molecules.rates import spin_boson_golden_rule
from anticrossing.molecules.trajectories import Thermal, run_trajectories


@pytest.mark.slow
def test_hopping_with_decoherence_gives_the_golden_rule_if_refused_hops_turn_around():
    """k_f + k_b at λ = 4 T, V = T/10: within 25 %, the bound of the method, and three errors.

    What lacks the energy to hop up has not come through the crossing. Where it goes on all the
    same, decoherence makes a reaction of it, as often as 2V/T and not as V²: twice too often here.
    """
    coupling, temperature, bath = 0.1, 1.0, Ohmic(reorganization_energy=4.0, cutoff=0.6)
    H = SpinBoson(coupling=coupling, reaction_free_energy=0.0, spectral_density=bath, modes=24)
    slopes = np.array([linear[0, 0] for linear in H.linear])
    start = Thermal(-slopes / H.frequencies, H.frequencies, temperature, state=0, basis="diabatic")

    def rate(**options):
        found = run_trajectories(
            H, initial=start, step=0.05, steps=2000, every=400, count=2048, seed=7, **options
        )
        excess = 2 * found.diabatic_populations.value[:, 0] - 1
        error = 2 * found.diabatic_populations.error[:, 0] / excess
        span = found.times[-1] - found.times[1]
        return np.log(excess[1] / excess[-1]) / span, np.hypot(error[1], error[-1]) / span

    expected = 2 * spin_boson_golden_rule(
        coupling=coupling, reaction_free_energy=0.0, spectral_density=bath,
        temperature=temperature,
    ).value  # fmt: skip
    for options in ({}, {"decoherence": "augmented"}):
        value, error = rate(frustrated="reflect", **options)
        assert abs(value - expected) <= 0.25 * expected + 3 * error
    value, error = rate(frustrated="ignore", decoherence="augmented")
    assert value > 1.5 * expected + 2 * error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "bound"), [({"method": "mash"}, 0.25), ({"frustrated": "reflect"}, 0.2)], ids=str
)
@pytest.mark.parametrize(("coupling", "steps"), [(0.1, 2000), (0.025, 12_000)])
def test_rates_grow_with_the_square_of_the_coupling(options, bound, coupling, steps):
    """MASH and hopping without decoherence, both at λ = 4 T: the golden rule from T/40 to T/10.

    Which well a trajectory is in is read from its reaction coordinate. From one coupling to the
    other the rates differ by 16.
    """
    bath = Ohmic(reorganization_energy=4.0, cutoff=0.6)
    H = SpinBoson(coupling=coupling, reaction_free_energy=0.0, spectral_density=bath, modes=24)
    slopes = np.array([linear[0, 0] for linear in H.linear])
    start = Thermal(-slopes / H.frequencies, H.frequencies, 1.0, state=0)
    found = run_trajectories(
        H, initial=start, step=0.05, steps=steps, every=steps // 5, count=2048, keep=2048, seed=7,
        **options,
    )  # fmt: skip
    share = (found.trajectories().position.values @ slopes < 0).mean(axis=0)
    excess = 2 * share - 1
    error = 2 * np.sqrt(share * (1 - share) / 2048) / excess
    span = found.times[-1] - found.times[1]
    rate = np.log(excess[1] / excess[-1]) / span
    expected = (
        2
        * spin_boson_golden_rule(
            coupling=coupling, reaction_free_energy=0.0, spectral_density=bath, temperature=1.0
        ).value
    )
    assert abs(rate - expected) <= bound * expected + 3 * np.hypot(error[1], error[-1]) / span
