"""From surfaces to a rate: many oscillators of one frequency give Marcus, with tunnelling."""

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.environment.spectral_density import Discrete
from anticrossing.geometry import minimum_energy_crossing
from anticrossing.models.spin_boson import SpinBoson
from anticrossing.molecules.rates import harmonic_partition_ratio, marcus, spin_boson_golden_rule
from anticrossing.molecules.rates.through_crossing import rate_through_crossing

OMEGA, HEAT, FREE = 0.01, 0.03, -0.1
BATH = Discrete(frequencies=[OMEGA] * 3, huang_rhys=[20.0, 30.0, 50.0])


@pytest.fixture(scope="module")
def crossing():
    W = SpinBoson(coupling=1e-6, reaction_free_energy=FREE, spectral_density=BATH)
    return minimum_energy_crossing(W, np.zeros(3), states=([0], [1]))


def test_rate_is_that_of_marcus(crossing):
    ratio = harmonic_partition_ratio(
        reactant_frequencies=[OMEGA] * 3,
        crossing_frequencies=[OMEGA] * 2,
        temperature=HEAT,
        classical=True,
    )
    arguments = {"masses": [1 / OMEGA] * 3, "reactant_energy": 0.0}
    arguments |= {"temperature": HEAT, "partition_ratio": ratio}
    common = {"coupling": 1e-6, "reaction_free_energy": FREE, "temperature": HEAT}
    classical = marcus(reorganization_energy=1.0, **common).value
    found = rate_through_crossing(crossing, **arguments)
    assert found.value == pytest.approx(classical, rel=1e-5)
    # Tunnelling and zero-point energy to lowest order, from the exact golden rule.
    slow = 1e-3
    quantum = spin_boson_golden_rule(
        spectral_density=BATH, slow_reorganization_energy=slow, **common
    ).value
    broadened = marcus(reorganization_energy=1.0 + slow, **common).value
    weak = rate_through_crossing(
        crossing,
        **arguments
        | {
            "partition_ratio": harmonic_partition_ratio(
                reactant_frequencies=[OMEGA] * 3, crossing_frequencies=[OMEGA] * 2, temperature=HEAT
            )
        },
        passage="weak coupling",
    ).value
    assert quantum / broadened - 1 == pytest.approx(weak / classical - 1, abs=5e-3)
    assert abs(weak / classical - 1) > 0.02


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"masses": [1.0, 2.0]}, "one number or have shape"),
        ({"masses": -1.0}, "`masses` must be positive"),
        ({"reactant_energy": 5.0}, "not lie above the crossing"),
    ],
)
def test_bad_arguments(crossing, change, text):
    good = {"masses": 1.0, "reactant_energy": 0.0, "temperature": 0.1, "partition_ratio": 1.0}
    with pytest.raises(InputError, match=text):
        rate_through_crossing(crossing, **good | change)


def test_wrong_object():
    with pytest.raises(InputError, match="be a MinimumEnergyCrossing"):
        rate_through_crossing(
            3.0, masses=1.0, reactant_energy=0.0, temperature=0.1, partition_ratio=1.0
        )
