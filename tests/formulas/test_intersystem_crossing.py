"""Passages of a crossing seam against Airy functions, quadrature, and Marcus theory."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import airy

from anticrossing._core.checks import InputError
from anticrossing.formulas import landau_zener_from_slopes
from anticrossing.molecules.rates import marcus
from anticrossing.molecules.rates.intersystem_crossing import (
    harmonic_partition_ratio,
    intersystem_crossing_rate,
)

GOOD = {
    "coupling": 2e-4,
    "slopes": (0.03, -0.05),
    "reduced_mass": 12000.0,
    "barrier": 0.01,
    "temperature": 1e-3,
    "partition_ratio": 0.4,
}


def test_landau_zener_average_by_quadrature():
    heat, mass = GOOD["temperature"], GOOD["reduced_mass"]

    def integrand(x):  # x² = ε/T
        velocity = np.sqrt(2 * heat / mass) * x
        p = landau_zener_from_slopes(coupling=2e-3, slopes=GOOD["slopes"], velocity=velocity).value
        return 2 * x * np.exp(-(x**2)) * (1 - p**2)

    average = quad(integrand, 1e-12, 8, epsabs=1e-14, limit=200)[0]
    found = intersystem_crossing_rate(**GOOD | {"coupling": 2e-3}).value
    expected = heat / (2 * np.pi) * 0.4 * np.exp(-10.0) * average
    assert found == pytest.approx(expected, rel=1e-9)


def airy_probability(energy, coupling, first, second, mass):
    """4π²V²|⟨ψ₁|ψ₂⟩|² of the energy-normalised states of two straight lines, by quadrature."""

    def state(x, slope):
        scale = np.cbrt(2 * mass * abs(slope))
        argument = scale * np.sign(slope) * (x - energy / slope)
        return np.cbrt(2 * mass) * abs(slope) ** (-1 / 6) * airy(argument)[0]

    x = np.linspace(-7.0, 7.0, 801)
    overlap = np.sum(state(x, first) * state(x, second)) * (x[1] - x[0])
    return 4 * np.pi**2 * coupling**2 * overlap**2


@pytest.mark.slow
def test_weak_coupling_average_by_airy_overlaps():
    first, second, mass, heat = 0.03, -0.05, 2000.0, 3e-3
    energies = np.linspace(-0.03, 0.09, 161)
    probability = [airy_probability(e, 2e-4, first, second, mass) for e in energies]
    weight = np.exp(-energies / heat) * probability
    average = np.sum(weight) * (energies[1] - energies[0]) / heat
    found = intersystem_crossing_rate(
        **GOOD
        | {"reduced_mass": mass, "barrier": 0.09, "partition_ratio": 1.0, "temperature": heat},
        passage="weak coupling",
    )
    assert found.value == pytest.approx(heat / (2 * np.pi) * average * np.exp(-30), rel=1e-7)


@pytest.mark.slow
def test_depth_of_tunnelling_is_where_most_of_the_rate_comes_from():
    first, second, mass, heat, barrier = 0.03, -0.05, 2000.0, 1e-3, 0.04
    energies = np.linspace(-0.035, -0.01, 101)
    probability = [airy_probability(e, 2e-4, first, second, mass) for e in energies]
    deepest = energies[np.argmax(np.log(probability) - energies / heat)]
    found = intersystem_crossing_rate(
        **GOOD | {"reduced_mass": mass, "barrier": barrier, "temperature": heat},
        passage="weak coupling",
    )
    # The prefactor |ε|^{−1/2} of Ai² moves the top by T of the 0.022.
    depth = found.checks[1].value * barrier
    assert depth == pytest.approx(-deepest, abs=1.2 * heat)


def test_both_passages_agree_where_both_hold():
    arguments = GOOD | {"coupling": 1e-6, "reduced_mass": 1e9}
    sudden = intersystem_crossing_rate(**arguments | {"coupling": 1e-7})
    weak = intersystem_crossing_rate(**arguments | {"coupling": 1e-7}, passage="weak coupling")
    assert sudden.valid
    assert weak.valid
    assert weak.value == pytest.approx(sudden.value, rel=1e-5)


@pytest.mark.parametrize("free", [0.004, -0.01])
def test_two_parabolas_give_the_marcus_rate(free):
    omega, energy, heat, coupling = 1e-4, 0.03, 1e-3, 1e-8
    distance = np.sqrt(2 * energy) / omega
    at = (free + energy) / (omega**2 * distance)
    found = intersystem_crossing_rate(
        coupling=coupling,
        slopes=(omega**2 * at, omega**2 * (at - distance)),
        reduced_mass=1.0,
        barrier=(free + energy) ** 2 / (4 * energy),
        temperature=heat,
        partition_ratio=harmonic_partition_ratio(
            reactant_frequencies=[omega], crossing_frequencies=[], temperature=heat, classical=True
        ),
    )
    expected = marcus(
        coupling=coupling, reorganization_energy=energy, reaction_free_energy=free, temperature=heat
    )
    assert found.value == pytest.approx(expected.value, rel=1e-5)


def test_strong_coupling_is_transition_state_theory():
    found = intersystem_crossing_rate(**GOOD | {"coupling": 1.0})
    assert found.value == pytest.approx(1e-3 / (2 * np.pi) * 0.4 * np.exp(-10.0), rel=1e-12)


def test_partition_ratio_by_summing_levels():
    heat = 0.3

    def levels(omega):
        return np.sum(np.exp(-omega * (np.arange(400) + 0.5) / heat))

    expected = levels(0.4) / (levels(0.3) * levels(0.5))
    found = harmonic_partition_ratio(
        reactant_frequencies=[0.3, 0.5], crossing_frequencies=[0.4], temperature=heat
    )
    assert found == pytest.approx(expected, rel=1e-12)
    hot = harmonic_partition_ratio(
        reactant_frequencies=[0.3, 0.5], crossing_frequencies=[0.4], temperature=[10.0, 1e3]
    )
    limit = harmonic_partition_ratio(
        reactant_frequencies=[0.3, 0.5],
        crossing_frequencies=[0.4],
        temperature=[10.0, 1e3],
        classical=True,
    )
    np.testing.assert_allclose(hot, limit, rtol=1e-3)


def test_checks():
    cold = intersystem_crossing_rate(**GOOD | {"reduced_mass": 2000.0, "temperature": 3e-4})
    assert "tunnelling" in cold.warnings[0]
    deep = intersystem_crossing_rate(
        **GOOD | {"reduced_mass": 2000.0, "temperature": 3e-4}, passage="weak coupling"
    )
    assert "not straight" in deep.warnings[-1]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"slopes": (0.1, 0.1)}, "`slopes` must differ"),
        ({"slopes": (0.1,)}, "pair"),
        ({"reduced_mass": 0.0}, "`reduced_mass` must be positive"),
        ({"barrier": -1.0}, "`barrier` must not be negative"),
        ({"temperature": np.nan}, "`temperature` must be finite"),
        ({"partition_ratio": 0.0}, "`partition_ratio` must be positive"),
        ({"passage": "airy"}, "`passage` must be one of"),
        ({"passage": "weak coupling", "slopes": (0.0, 0.1)}, "not vanish"),
    ],
)
def test_bad_arguments(change, text):
    with pytest.raises(InputError, match=text):
        intersystem_crossing_rate(**GOOD | change)


def test_crossing_has_one_frequency_fewer():
    with pytest.raises(InputError, match="one frequency fewer"):
        harmonic_partition_ratio(
            reactant_frequencies=[1.0], crossing_frequencies=[1.0], temperature=1.0
        )


def test_a_ratio_that_no_double_holds_is_refused():
    with pytest.raises(InputError, match="`temperature` must be higher"):
        harmonic_partition_ratio(
            reactant_frequencies=[0.01], crossing_frequencies=[], temperature=1e-300
        )
