"""Landau-Zener transmission: both limits, quadrature, and independent formulas."""

import numpy as np
import pytest
from scipy.integrate import quad

from anticrossing._core.checks import InputError
from anticrossing.formulas import landau_zener_from_slopes
from anticrossing.molecules.rates import marcus
from anticrossing.molecules.rates.transmission import (
    AVERAGES,
    landau_zener_rate,
    landau_zener_transmission,
)

BATH = {"reorganization_energy": 1.0, "temperature": 0.05, "frequency": 0.01}


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("free", [0.3, 0.0, -0.7, -1.6])
def test_weak_coupling_is_the_golden_rule(average, free):
    arguments = {**BATH, "coupling": 1e-6, "reaction_free_energy": free}
    rate = landau_zener_rate(**arguments, average=average)
    assert rate.value == pytest.approx(marcus(**arguments).value, rel=1e-6)


@pytest.mark.parametrize("average", AVERAGES)
def test_strong_coupling_is_transition_state_theory(average):
    barrier = (1.0 - 0.2) ** 2 / 4
    expected = 0.01 / (2 * np.pi) * np.exp(-barrier / 0.05)
    rate = landau_zener_rate(**BATH, coupling=0.5, reaction_free_energy=-0.2, average=average)
    assert rate.value == pytest.approx(expected, rel=1e-10)
    assert not rate.valid  # the adiabatic barrier is lower
    inverted = landau_zener_rate(**BATH, coupling=0.5, reaction_free_energy=-1.5, average=average)
    assert inverted.value < 1e-10 * expected


@pytest.mark.quick(2)
@pytest.mark.parametrize("coupling", [1e-4, 3e-3, 0.01, 0.05])
@pytest.mark.parametrize("region", ["normal", "inverted"])
def test_average_over_velocities(coupling, region):
    # One coordinate x of unit mass: parabolas ω²x²/2 at a distance d, λ = ω²d²/2.
    omega, energy, heat = BATH["frequency"], BATH["reorganization_energy"], BATH["temperature"]
    distance = np.sqrt(2 * energy) / omega
    slopes = (omega**2 * distance / 2, -(omega**2) * distance / 2)

    def integrand(v):
        p = landau_zener_from_slopes(coupling=coupling, slopes=slopes, velocity=v).value
        kappa = 2 * (1 - p) / (2 - p) if region == "normal" else 2 * p * (1 - p)
        return v / heat * np.exp(-(v**2) / (2 * heat)) * kappa

    scale = np.sqrt(heat)
    expected = sum(
        quad(integrand, a * scale, b * scale, epsabs=1e-14, limit=200)[0]
        for a, b in ((1e-12, 0.05), (0.05, 1.0), (1.0, 9.0))
    )
    found = landau_zener_transmission(**BATH, coupling=coupling, region=region)
    assert found.value == pytest.approx(expected, rel=1e-8)


def test_repeated_passages_by_a_random_walk():
    # Normal region, from the left: each passage keeps the adiabatic level with q. On the lower
    # level a passage leads on to the other side; on the upper level the crossing is passed again.
    rng = np.random.default_rng(3)
    exponent = 0.7
    q = 1 - np.exp(-exponent)
    coupling = np.sqrt(exponent * 0.01 * np.sqrt(0.05) / np.pi**1.5)
    count = 100_000
    kept = np.count_nonzero(rng.random(count) < q)
    reacted = kept
    waiting = count - kept  # on the upper level, right of the crossing
    to_the_right = False
    while waiting:
        down = np.count_nonzero(rng.random(waiting) >= q)  # hops to the lower level
        # It ends on the side towards which it moves.
        reacted += down if to_the_right else 0
        waiting -= down
        to_the_right = not to_the_right
    found = landau_zener_transmission(**BATH, coupling=coupling, average="mean exponent").value
    assert found == pytest.approx(reacted / count, abs=4 * 0.5 / np.sqrt(count))


def test_transmission_grows_with_coupling_and_stays_a_fraction():
    coupling = np.geomspace(1e-5, 1.0, 60)
    normal = landau_zener_transmission(**BATH, coupling=coupling).value
    assert np.all(np.diff(normal) >= -1e-14)
    assert normal.max() <= 1 + 1e-12
    inverted = landau_zener_transmission(**BATH, coupling=coupling, region="inverted").value
    assert np.all((inverted >= 0) & (inverted <= 0.5 + 1e-12))


def test_no_barrier_is_noticed():
    rate = landau_zener_rate(**BATH, coupling=1e-4, reaction_free_energy=-1.0)
    assert "no barrier" in rate.warnings[0]


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (landau_zener_transmission, {"region": "middle"}, "`region` must be one of"),
        (landau_zener_transmission, {"average": "none"}, "`average` must be one of"),
        (landau_zener_transmission, {"frequency": 0.0}, "`frequency` must be positive"),
        (landau_zener_rate, {"reaction_free_energy": np.inf}, "finite"),
        (
            landau_zener_rate,
            {"reaction_free_energy": 0.0, "temperature": -1.0},
            "`temperature` must be positive",
        ),
    ],
)
def test_bad_arguments(function, arguments, text):
    with pytest.raises(InputError, match=text):
        function(**{**BATH, "coupling": 0.01, **arguments})
