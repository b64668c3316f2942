"""Rates against sums over vibrational states, closed forms of other authors, and each other."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import loggamma

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Continuum,
    Debye,
    Discrete,
    Ohmic,
)
from anticrossing.molecules.rates import (
    fermi_golden_rule,
    marcus,
    marcus_levich_jortner,
    spin_boson_golden_rule,
)
from tests.effort import cases, slow

BATHS = [
    Ohmic(reorganization_energy=1.0, cutoff=0.3),
    Debye(reorganization_energy=1.0, relaxation_rate=0.1),
    BrownianOscillator(reorganization_energy=1.0, frequency=0.4, damping=0.2),
    Debye(reorganization_energy=0.6, relaxation_rate=0.05)
    + Discrete(frequencies=[0.8], huang_rhys=[0.5]),
]


# ---- closed forms ------------------------------------------------------------------------------


@pytest.mark.slow
def test_fermi_golden_rule_by_a_level_in_a_dense_band():
    # The survival of a level among 801 equidistant ones decays as exp(−kt).
    spacing, coupling = 0.005, 0.004
    band = spacing * np.arange(-400, 401)
    H = np.diag(np.concatenate(([0.0], band)))
    H[0, 1:] = H[1:, 0] = coupling
    energies, vectors = np.linalg.eigh(H)
    rate = fermi_golden_rule(coupling=coupling, density_of_states=1 / spacing, bandwidth=4.0)
    assert rate.valid
    times = np.linspace(20.0, 80.0, 5)
    survival = np.abs(np.exp(-1j * np.outer(times, energies)) @ vectors[0] ** 2) ** 2
    found = -np.diff(np.log(survival)) / np.diff(times)
    np.testing.assert_allclose(found, rate.value, rtol=2e-2)
    assert not fermi_golden_rule(coupling=1.0, density_of_states=1.0, bandwidth=1.0).valid


def test_marcus_is_the_golden_rule_with_a_gaussian_gap():
    # ρ = probability density of the classical energy gap at zero: mean ΔG + λ, variance 2λT.
    energy, free, heat = 0.9, -0.4, 0.03
    gap, spread = free + energy, np.sqrt(2 * energy * heat)
    density = np.exp(-(gap**2) / (2 * spread**2)) / (np.sqrt(2 * np.pi) * spread)
    expected = fermi_golden_rule(coupling=0.01, density_of_states=density).value
    found = marcus(
        coupling=-0.01, reorganization_energy=energy, reaction_free_energy=free, temperature=heat
    )
    assert found.value == pytest.approx(expected, rel=1e-13)
    assert np.exp(found.log_value) == pytest.approx(expected, rel=1e-13)


def test_marcus_broadcasts_and_has_an_inverted_region():
    free = np.linspace(-3, 1, 81)
    heat = np.array([[0.02], [0.04]])
    found = marcus(
        coupling=0.01, reorganization_energy=1.0, reaction_free_energy=free, temperature=heat
    )
    assert found.value.shape == (2, 81)
    assert free[np.argmax(found.value, axis=1)] == pytest.approx([-1.0, -1.0])
    assert (
        marcus(
            coupling=0.0, reorganization_energy=1.0, reaction_free_energy=0.0, temperature=1.0
        ).log_value
        == -np.inf
    )


def laguerre(n, a, x):
    """Associated Laguerre polynomial, summed term by term."""
    return mpmath.fsum(
        (-x) ** k * mpmath.binomial(n + a, n - k) / mpmath.factorial(k) for k in range(n + 1)
    )


def franck_condon_rate(coupling, free, heat, frequency, factor, slow):
    """Sum over all vibrational states, with overlaps of displaced oscillators, by mpmath."""
    mp = mpmath.mp
    with mpmath.workdps(40):
        s, w, t, lam = (mp.mpf(x) for x in (factor, frequency, heat, slow))
        total = mp.mpf(0)
        for m in range(40):
            occupied = mp.exp(-m * w / t) * (1 - mp.exp(-w / t))
            if occupied < 1e-18:
                break
            for n in range(60):
                low, high = min(m, n), max(m, n)
                overlap = (
                    mp.exp(-s / 2)
                    * s ** (mp.mpf(high - low) / 2)
                    * mp.sqrt(mp.factorial(low) / mp.factorial(high))
                    * laguerre(low, high - low, s)
                )
                gap = free + lam + (n - m) * w
                line = mp.exp(-(gap**2) / (4 * lam * t)) / mp.sqrt(4 * mp.pi * lam * t)
                total += occupied * overlap**2 * line
        return float(2 * mp.pi * mp.mpf(coupling) ** 2 * total)


@pytest.mark.quick(2)
@pytest.mark.parametrize("free", [slow(0.6), 0.0, slow(-1.0), -2.2])
@pytest.mark.parametrize(("heat", "factor"), [(0.15, 1.3), slow(0.5, 0.6)])
def test_one_mode_is_the_sum_over_its_vibrational_states(free, heat, factor):
    frequency, slow = 0.7, 0.25
    expected = franck_condon_rate(0.01, free, heat, frequency, factor, slow)
    found = spin_boson_golden_rule(
        coupling=0.01,
        reaction_free_energy=free,
        temperature=heat,
        spectral_density=Discrete(frequencies=[frequency], huang_rhys=[factor]),
        slow_reorganization_energy=slow,
    )
    assert found.value == pytest.approx(expected, rel=1e-9)
    thermal = marcus_levich_jortner(
        coupling=0.01,
        reorganization_energy=slow,
        reaction_free_energy=free,
        temperature=heat,
        huang_rhys=factor,
        frequency=frequency,
        thermal_mode=True,
    )
    assert thermal.value == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("free", [0.5, -0.5, -3.0])
def test_cold_mode_is_the_sum_from_its_ground_state(free):
    common = {"coupling": 0.02, "reaction_free_energy": free, "temperature": 0.02}
    common |= {"reorganization_energy": 0.5, "huang_rhys": 2.0, "frequency": 0.3}
    expected = franck_condon_rate(0.02, free, 0.02, 0.3, 2.0, 0.5)
    cold, thermal = (marcus_levich_jortner(**common, thermal_mode=x) for x in (False, True))
    assert thermal.value == pytest.approx(expected, rel=1e-11)
    # n̄ = 3e-7, but upwards the few excited vibrations help by exp(ω/T)
    assert cold.valid == (free < 0)
    if cold.valid:
        assert cold.value == pytest.approx(expected, rel=2e-6)
    change = abs(np.log(expected / cold.value))
    assert cold.checks[1].value == pytest.approx(change, rel=1e-4, abs=1e-11)


def test_without_displacement_the_quantum_mode_does_nothing():
    common = {"coupling": 0.02, "reaction_free_energy": [-1.4, -0.3], "temperature": 0.05}
    classical = marcus(reorganization_energy=0.8, **common).value
    for factor, tolerance in ((0.0, 1e-13), (1e-6, 1e-4)):
        for thermal in (False, True):
            quantum = marcus_levich_jortner(
                reorganization_energy=0.8,
                huang_rhys=factor,
                frequency=0.2,
                thermal_mode=thermal,
                **common,
            )
            np.testing.assert_allclose(quantum.value, classical, rtol=tolerance)


def test_hot_mode_is_classical():
    common = {"coupling": 0.02, "reaction_free_energy": [-1.4, -0.3, 0.2], "temperature": 2.0}
    quantum = marcus_levich_jortner(
        reorganization_energy=0.5, huang_rhys=10.0, frequency=0.05, thermal_mode=True, **common
    )
    classical = marcus(reorganization_energy=1.0, **common)
    np.testing.assert_allclose(quantum.value, classical.value, rtol=1e-3)


# ---- spectral densities ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bath",
    [
        Ohmic(reorganization_energy=1.0, cutoff=0.02),
        Debye(reorganization_energy=1.0, relaxation_rate=0.002),
        BrownianOscillator(reorganization_energy=1.0, frequency=0.02, damping=0.02),
        Ohmic(reorganization_energy=1.0, cutoff=0.02).discretize(20),
    ],
    ids=repr,
)
def test_high_temperature_is_marcus(bath):
    free = np.array([0.5, 0.0, -1.0, -1.8])
    slow = 0.0 if bath.scales else 1e-3
    quantum = spin_boson_golden_rule(
        coupling=1e-3,
        reaction_free_energy=free,
        temperature=1.0,
        spectral_density=bath,
        slow_reorganization_energy=slow,
    )
    classical = marcus(
        coupling=1e-3,
        reorganization_energy=1.0 + slow,
        reaction_free_energy=free,
        temperature=1.0,
        frequency=0.02,
    )
    np.testing.assert_allclose(quantum.value, classical.value, rtol=1e-3)
    assert all(check.satisfied.all() for check in classical.checks)


def ohmic_rate(energy, cutoff, heat, free):
    """Trapezoidal rule with Q in closed form (Gamma functions), along Im t = −1/2T."""
    alpha, a = energy / (2 * cutoff), heat / cutoff
    step = 0.01
    t = step * np.arange(-20000, 20001) - 0.5j / heat
    q = np.log(1 + 1j * cutoff * t) + 2 * loggamma(1 + a)
    q -= loggamma(1 + a + 1j * t * heat) + loggamma(1 + a - 1j * t * heat)
    return step * np.sum(np.exp(-1j * free * t - 2 * alpha * q)).real


@pytest.mark.parametrize(
    ("energy", "cutoff", "heat"), [(1.0, 1.0, 0.3), slow(0.3, 1.0, 0.3), (2.0, 0.5, 0.1)]
)
@pytest.mark.parametrize("free", [0.3, slow(0.0), slow(-1.0), slow(-2.5)])
def test_ohmic_bath_in_closed_form(energy, cutoff, heat, free):
    found = spin_boson_golden_rule(
        coupling=1.0,
        reaction_free_energy=free,
        temperature=heat,
        spectral_density=Ohmic(reorganization_energy=energy, cutoff=cutoff),
    )
    assert found.value == pytest.approx(ohmic_rate(energy, cutoff, heat, free), rel=1e-9)


@pytest.mark.slow
def test_scaling_limit_of_an_ohmic_bath():
    # k = (V²/ω_c) (2πT/ω_c)^{2α−1} e^{−ΔG/2T} |Γ(α + iΔG/2πT)|²/Γ(2α), T ≪ ω_c (Leggett et al.)
    alpha, heat, free = 0.6, 0.002, np.array([0.003, -0.002, -0.01])
    gammas = 2 * loggamma(alpha + 0.5j * free / (np.pi * heat)).real - loggamma(2 * alpha).real
    expected = (2 * np.pi * heat) ** (2 * alpha - 1) * np.exp(gammas - free / (2 * heat))
    found = spin_boson_golden_rule(
        coupling=1.0,
        reaction_free_energy=free,
        temperature=heat,
        spectral_density=Ohmic(reorganization_energy=2 * alpha, cutoff=1.0),
    )
    np.testing.assert_allclose(found.value, expected, rtol=0.02)


@pytest.mark.slow
def test_debye_bath_by_quadrature_on_the_symmetric_line():
    from scipy.integrate import quad

    bath, heat, free = Debye(reorganization_energy=1.0, relaxation_rate=0.5), 0.4, -0.3

    def exponent(s):
        def integrand(w):
            x = w / (2 * heat)
            flat = np.tanh(x / 2)  # coth x − 1/sinh x
            moving = (1 - np.cos(w * s)) / np.sinh(x) if x < 300 else 0.0
            return float(bath.continuum(w)) / w**2 * (flat + moving) / np.pi

        return sum(
            quad(integrand, a, b, limit=400, epsabs=1e-12, epsrel=1e-11)[0]
            for a, b in ((0, 1), (1, 10), (10, 100), (100, np.inf))
        )

    step = 0.25
    s = step * np.arange(0, 61)
    values = np.cos(free * s) * np.exp([-exponent(x) for x in s])
    expected = np.exp(-free / (2 * heat)) * 2 * step * (values.sum() - values[0] / 2)
    found = spin_boson_golden_rule(
        coupling=1.0, reaction_free_energy=free, temperature=heat, spectral_density=bath
    )
    assert found.value == pytest.approx(expected, rel=1e-7)


@cases(12)
@given(st.floats(0.05, 2.0), st.floats(0.15, 2.0), st.sampled_from(BATHS))
@pytest.mark.slow
def test_detailed_balance(free, heat, bath):
    rates = spin_boson_golden_rule(
        coupling=0.01, reaction_free_energy=[free, -free], temperature=heat, spectral_density=bath
    )
    assert rates.log_value[0] - rates.log_value[1] == pytest.approx(-free / heat, abs=1e-7)


@cases(30)
@given(st.floats(-2.0, 2.0), st.floats(0.05, 2.0), st.floats(0.0, 3.0), st.floats(0.1, 1.0))
def test_detailed_balance_of_the_thermal_mode(free, heat, factor, frequency):
    up, down = (
        marcus_levich_jortner(
            coupling=0.1,
            reorganization_energy=0.4,
            reaction_free_energy=sign * free,
            temperature=heat,
            huang_rhys=factor,
            frequency=frequency,
            thermal_mode=True,
        ).value
        for sign in (1, -1)
    )
    assert np.log(up / down) == pytest.approx(-free / heat, abs=1e-8)


def test_small_rates_keep_their_digits():
    # Endothermic by 40 T: the rate is e^{-40} times the backward one and still resolved.
    bath = Ohmic(reorganization_energy=1.0, cutoff=0.05)
    rates = spin_boson_golden_rule(
        coupling=1.0, reaction_free_energy=[0.8, -0.8], temperature=0.02, spectral_density=bath
    )
    assert rates.log_value[0] - rates.log_value[1] == pytest.approx(-40.0, abs=1e-8)


def test_discretised_bath_converges_to_the_continuum():
    bath = Ohmic(reorganization_energy=1.0, cutoff=0.3)
    common = {"coupling": 1.0, "reaction_free_energy": -0.5, "temperature": 0.3}
    common |= {"slow_reorganization_energy": 0.3}
    exact = spin_boson_golden_rule(spectral_density=bath, **common).value
    errors = [
        abs(spin_boson_golden_rule(spectral_density=bath.discretize(n), **common).value / exact - 1)
        for n in (5, 20, 80)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 5e-4


@pytest.mark.slow
def test_sum_of_baths_is_their_convolution():
    # A function of the sum is the same as the sum of the functions.
    parts = (Ohmic(reorganization_energy=0.4, cutoff=0.3), BATHS[2])
    both = Continuum(
        lambda w: parts[0].continuum(w) + parts[1].continuum(w), scales=(0.2, 0.3, 0.4)
    )
    common = {"coupling": 1.0, "reaction_free_energy": [-2.0, 0.2], "temperature": 0.3}
    np.testing.assert_allclose(
        spin_boson_golden_rule(spectral_density=parts[0] + parts[1], **common).value,
        spin_boson_golden_rule(spectral_density=both, **common).value,
        rtol=1e-9,
    )


def test_broadcasting_and_scalars():
    rates = spin_boson_golden_rule(
        coupling=[[1e-3], [2e-3]],
        reaction_free_energy=0.0,
        temperature=[0.3, 0.6],
        spectral_density=BATHS[0],
    )
    assert rates.value.shape == (2, 2)
    np.testing.assert_allclose(rates.value[1], 4 * rates.value[0], rtol=1e-12)
    single = spin_boson_golden_rule(
        coupling=2e-3, reaction_free_energy=0.0, temperature=0.6, spectral_density=BATHS[0]
    )
    assert isinstance(single.value, float)
    assert single.value == pytest.approx(rates.value[1, 1], rel=1e-14)
    assert single.valid


def test_checks_tell_what_is_wrong():
    strong = spin_boson_golden_rule(
        coupling=1.0, reaction_free_energy=0.0, temperature=0.3, spectral_density=BATHS[0]
    )
    assert len(strong.warnings) == 2
    base = {"reorganization_energy": 1.0, "reaction_free_energy": 0.0, "temperature": 0.025}
    assert marcus(coupling=1e-3, frequency=0.01, **base).valid
    assert "classically" in marcus(coupling=1e-3, frequency=0.2, **base).warnings[0]
    assert "landau_zener_rate" in marcus(coupling=0.02, frequency=0.01, **base).warnings[0]
    assert "distinct" in marcus(coupling=0.2, **base).warnings[0]
    hot = marcus_levich_jortner(coupling=1e-3, huang_rhys=2.0, frequency=0.02, **base)
    assert "thermal_mode" in hot.warnings[0]


# ---- refusals ----------------------------------------------------------------------------------

MARCUS = {
    "coupling": 0.1,
    "reorganization_energy": 1.0,
    "reaction_free_energy": 0.0,
    "temperature": 0.1,
}
BOSON = {
    "coupling": 0.1,
    "reaction_free_energy": 0.0,
    "temperature": 0.1,
    "spectral_density": BATHS[0],
}


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (fermi_golden_rule, {"coupling": 1.0, "density_of_states": -1.0}, "`density_of_states`"),
        (marcus, MARCUS | {"temperature": -0.1}, "`temperature` must be positive"),
        (marcus, MARCUS | {"reorganization_energy": 0.0}, "`reorganization_energy` must be pos"),
        (marcus, MARCUS | {"coupling": np.nan}, "`coupling` must be finite"),
        (marcus, MARCUS | {"frequency": 0.0}, "`frequency` must be positive"),
        (marcus, MARCUS | {"coupling": [1, 2], "temperature": [1, 2, 3]}, "broadcast"),
        (marcus_levich_jortner, MARCUS | {"huang_rhys": -1.0, "frequency": 1.0}, "`huang_rhys`"),
        (
            marcus_levich_jortner,
            MARCUS | {"huang_rhys": 1.0, "frequency": 1.0, "thermal_mode": 1},
            "`thermal_mode` must be True or False",
        ),
        (spin_boson_golden_rule, BOSON | {"temperature": 0.0}, "`temperature` must be positive"),
        (spin_boson_golden_rule, BOSON | {"spectral_density": np.exp}, "be a SpectralDensity"),
        (
            spin_boson_golden_rule,
            BOSON | {"slow_reorganization_energy": -1.0},
            "`slow_reorganization_energy` must not be negative",
        ),
    ],
)
def test_bad_arguments(function, arguments, text):
    with pytest.raises(InputError, match=text):
        function(**arguments)


@pytest.mark.parametrize(
    ("bath", "text"),
    [
        (Discrete(frequencies=[0.3, 0.5], huang_rhys=[1.0, 1.0]), "lines, not a rate"),
        # A super-Ohmic bath leaves a zero-phonon line of finite weight.
        (Continuum(lambda w: w**3 * np.exp(-w), scales=1.0), "slow_reorganization_energy"),
    ],
)
def test_baths_that_give_no_rate(bath, text):
    with pytest.raises(ConvergenceError, match=text):
        spin_boson_golden_rule(**BOSON | {"spectral_density": bath})
