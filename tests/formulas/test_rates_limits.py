"""Rates against sums by mpmath, zero temperature, exact quantum dynamics, and their domains."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy.special import gamma, loggamma

from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Continuum,
    Debye,
    Discrete,
    Ohmic,
)
from anticrossing.models.spin_boson import SpinBoson
from anticrossing.molecules.rates import marcus, marcus_levich_jortner, spin_boson_golden_rule
from tests.effort import slow

# ---- the sum over quanta -----------------------------------------------------------------------


def direct_sum(energy, free, heat, factor, frequency, thermal):
    """Logarithm of the rate at V = 1: every term that matters, with 40 digits."""
    with mpmath.workdps(40):
        lam, dg, t, s, w = map(mpmath.mpf, (energy, free, heat, factor, frequency))
        occupied = 1 / mpmath.expm1(w / t) if thermal else mpmath.mpf(0)

        def weight(n):
            if not thermal:
                return mpmath.exp(-s) * s**n / mpmath.factorial(n) if n >= 0 else 0
            ratio = ((occupied + 1) / occupied) ** (mpmath.mpf(n) / 2)
            z = 2 * s * mpmath.sqrt(occupied * (occupied + 1))
            return mpmath.exp(-s * (2 * occupied + 1)) * ratio * mpmath.besseli(abs(n), z)

        centre = int(-(dg + lam) / w)
        reach = int(14 * np.sqrt(max(float(s * (2 * occupied + 1)), 1.0))) + 30
        terms = range(min(centre, int(s)) - reach, max(centre, int(s)) + reach)
        total = mpmath.fsum(
            weight(n) * mpmath.exp(-((dg + lam + n * w) ** 2) / (4 * lam * t)) for n in terms
        )
        return float(mpmath.log(mpmath.sqrt(mpmath.pi / (lam * t)) * total))


@pytest.mark.quick(3)
@pytest.mark.parametrize("thermal", [False, True])
@pytest.mark.parametrize(
    ("energy", "free", "heat", "factor", "frequency"),
    [
        (0.5, -0.3, 0.03, 2.0, 0.15),
        (0.5, -4.5, 0.03, 2.0, 0.15),  # far in the inverted region
        (0.5, 2.0, 0.004, 1e-3, 0.15),  # cold and uphill: the weights are beyond floats
        (0.05, -1.0, 1.0, 10.0, 0.1),  # hot: hundreds of quanta to and fro
        (0.02, -9.0, 0.1, 40.0, 0.1),  # a narrow solvent picks single terms
    ],
)
def test_sum_over_quanta_by_mpmath(energy, free, heat, factor, frequency, thermal):
    found = marcus_levich_jortner(
        coupling=1.0,
        reorganization_energy=energy,
        reaction_free_energy=free,
        temperature=heat,
        huang_rhys=factor,
        frequency=frequency,
        thermal_mode=thermal,
    )
    expected = direct_sum(energy, free, heat, factor, frequency, thermal)
    assert found.log_value == pytest.approx(expected, rel=1e-13, abs=1e-12)
    assert found.value == pytest.approx(np.exp(expected), rel=1e-11)


@pytest.mark.parametrize("factor", [1e3, 1e5, 1e7])
def test_a_slow_thermal_mode_is_part_of_the_solvent(factor):
    # ω/T = 1e-2 … 1e-6: the leading quantum change of the exponent is λω²/(192 T³)
    frequency, heat = 0.5 / factor, 0.05
    found = marcus_levich_jortner(
        coupling=1.0,
        reorganization_energy=0.5,
        reaction_free_energy=-0.3,
        temperature=heat,
        huang_rhys=factor,
        frequency=frequency,
        thermal_mode=True,
    )
    classical = marcus(
        coupling=1.0, reorganization_energy=1.0, reaction_free_energy=-0.3, temperature=heat
    )
    tolerance = max((frequency / heat) ** 2, 1e-8)
    assert found.value == pytest.approx(classical.value, rel=tolerance)


# ---- detailed balance and zero temperature ------------------------------------------------------


@pytest.mark.parametrize(
    "bath",
    [
        Ohmic(reorganization_energy=1.0, cutoff=0.3),
        Debye(reorganization_energy=0.6, relaxation_rate=0.05),
        BrownianOscillator(reorganization_energy=1.0, frequency=0.4, damping=0.2)
        + Discrete(frequencies=[0.7], huang_rhys=[0.4]),
        # sub-Ohmic: the quanta given and taken at low frequencies are unlimited
        Continuum(lambda w: np.sqrt(w) * np.exp(-w), scales=1.0),
    ],
    ids=["ohmic", "debye", "resonance and mode", "sub-Ohmic"],
)
@pytest.mark.parametrize("free", [0.2, slow(0.7)])
def test_detailed_balance(bath, free):
    up, down = spin_boson_golden_rule(
        coupling=1e-3, reaction_free_energy=[free, -free], temperature=0.15, spectral_density=bath
    ).log_value
    assert up - down == pytest.approx(-free / 0.15, abs=1e-8)


@pytest.mark.parametrize("power", [0.25, 0.5, 2.0])
def test_other_powers_are_marcus_at_high_temperature(power):
    bath = Continuum(lambda w: 20 * w**power * np.exp(-w / 0.02) / 0.02**power, scales=0.02)
    slow = 0.0 if power <= 1 else 0.1  # a super-Ohmic bath alone leaves a line
    common = {"coupling": 1e-3, "reaction_free_energy": [0.3, -1.0], "temperature": 1.0}
    energy = bath.reorganization_energy
    assert energy == pytest.approx(20 * gamma(power) / np.pi, rel=1e-9)
    quantum = spin_boson_golden_rule(
        spectral_density=bath, slow_reorganization_energy=slow, **common
    )
    classical = marcus(reorganization_energy=energy + slow, **common)
    np.testing.assert_allclose(quantum.value, classical.value, rtol=1e-3)


@pytest.mark.parametrize("alpha", [2.0, slow(2.5)])
def test_zero_temperature(alpha):
    # Q = 2α ln(1 + iω_c t):  k = (2πV²/ω_cΓ(2α)) (ε/ω_c)^{2α−1} e^{−ε/ω_c}, ε = −ΔG > 0
    gap = 1.3
    expected = 2 * np.pi / gamma(2 * alpha) * gap ** (2 * alpha - 1) * np.exp(-gap)
    rates = [
        spin_boson_golden_rule(
            coupling=1.0,
            reaction_free_energy=-gap,
            temperature=heat,
            spectral_density=Ohmic(reorganization_energy=2 * alpha, cutoff=1.0),
        ).value
        for heat in (0.02, 0.01, 0.005)
    ]
    # Corrections begin with T² and T³, for ln Γ(1 + T/ω_c) has odd powers too.
    coarse, fine = ((4 * second - first) / 3 for first, second in pairwise(rates))
    assert (8 * fine - coarse) / 7 == pytest.approx(expected, rel=1e-6)


# ---- the discretised bath -----------------------------------------------------------------------


def test_correlations_of_the_discretised_bath_are_those_of_the_continuum():
    cutoff, heat, energy = 0.3, 0.3, 1.0
    W = SpinBoson(
        coupling=0.0,
        reaction_free_energy=0.0,
        spectral_density=Ohmic(reorganization_energy=energy, cutoff=cutoff),
        modes=200,
    )
    omega = W.frequencies
    factors = 2 * (W.linear[:, 0, 0] / omega) ** 2  # the minima lie 2κ/ω apart, S = ΔQ²/2
    t = np.linspace(0.5, 25.0, 50)
    phase = np.outer(t, omega)
    found = (1 - np.cos(phase)) @ (factors / np.tanh(omega / (2 * heat))) + 1j * (
        np.sin(phase) @ factors
    )
    a, alpha = heat / cutoff, energy / (2 * cutoff)
    exact = np.log(1 + 1j * cutoff * t) + 2 * loggamma(1 + a)
    exact -= loggamma(1 + a + 1j * t * heat) + loggamma(1 + a - 1j * t * heat)
    np.testing.assert_allclose(found, 2 * alpha * exact, rtol=5e-3)


@pytest.mark.quick(1)
@pytest.mark.parametrize("free", [0.4, 0.0, -1.0, -1.9])
def test_rate_is_the_plateau_of_the_discretised_model(free):
    # Second order in V for the model itself: k(t) = 2V² Re ∫₀ᵗ dτ exp(−iΔGτ − Q(τ)).
    bath, heat, coupling = Ohmic(reorganization_energy=1.0, cutoff=0.3), 0.3, 1e-3
    W = SpinBoson(coupling=coupling, reaction_free_energy=free, spectral_density=bath, modes=100)
    origin = W(np.zeros(100))
    omega = W.frequencies
    factors = 2 * (W.linear[:, 0, 0] / omega) ** 2
    t = np.linspace(0.0, 40.0, 1601)
    phase = np.outer(t, omega)
    exponent = (1 - np.cos(phase)) @ (factors / np.tanh(omega / (2 * heat)))
    exponent = exponent + 1j * (np.sin(phase) @ factors)
    values = np.exp(-1j * (origin[1, 1] - origin[0, 0]) * t - exponent).real
    rate = 2 * coupling**2 * (t[1] - t[0]) * (values.sum() - values[0] / 2)
    golden = spin_boson_golden_rule(
        coupling=coupling, reaction_free_energy=free, temperature=heat, spectral_density=bath
    )
    assert golden.value == pytest.approx(rate, rel=2e-3)


# ---- exact quantum dynamics ---------------------------------------------------------------------


def populations(coupling, free, heat, frequency, factor, slow, times):
    """Exact population of the final state, averaged over a static solvent and a thermal mode.

    The gap of a classical solvent at rest is Gaussian: mean ΔG + λ_s, variance 2λ_sT.
    """
    levels, gaps = 18, 161
    n = np.arange(levels)
    position = np.diag(np.sqrt(n[1:] / 2), 1)
    position = position + position.T
    # the final oscillator is displaced: ω(Q − √(2S))²/2 from its own minimum
    final = np.diag(frequency * n) - frequency * np.sqrt(2 * factor) * position
    final = final + frequency * factor * np.eye(levels)
    H = np.zeros((2 * levels, 2 * levels))
    H[:levels, :levels] = np.diag(frequency * n)
    H[levels:, levels:] = final
    H[:levels, levels:] = H[levels:, :levels] = coupling * np.eye(levels)
    spread = np.sqrt(2 * slow * heat)
    x = np.linspace(-6.0, 6.0, gaps)
    weight = np.exp(-(x**2) / 2)
    weight /= weight.sum()
    occupied = np.exp(-frequency * n / heat)
    occupied /= occupied.sum()
    shift = np.diag(np.repeat([0.0, 1.0], levels))
    energies, vectors = np.linalg.eigh(H + (free + slow + spread * x)[:, None, None] * shift)
    initial, last = vectors[:, :levels].swapaxes(1, 2), vectors[:, levels:]
    found = []
    for time in times:
        moved = (last * np.exp(-1j * energies * time)[:, None]) @ initial
        found.append(weight @ np.sum(np.abs(moved) ** 2 @ occupied, axis=1))
    return np.array(found)


@pytest.mark.parametrize("free", [0.3, slow(-0.9)])
@pytest.mark.slow
def test_golden_rule_is_the_growth_of_the_exact_population(free):
    heat, frequency, factor, slow, coupling = 0.4, 0.6, 0.8, 0.3, 2e-4
    times = np.array([40.0, 80.0])
    grown = populations(coupling, free, heat, frequency, factor, slow, times)
    rate = (grown[1] - grown[0]) / (times[1] - times[0])
    common = {"coupling": coupling, "reaction_free_energy": free, "temperature": heat}
    golden = spin_boson_golden_rule(
        spectral_density=Discrete(frequencies=[frequency], huang_rhys=[factor]),
        slow_reorganization_energy=slow,
        **common,
    )
    assert golden.value == pytest.approx(rate, rel=1e-3)
    thermal = marcus_levich_jortner(
        reorganization_energy=slow,
        huang_rhys=factor,
        frequency=frequency,
        thermal_mode=True,
        **common,
    )
    assert thermal.value == pytest.approx(rate, rel=1e-3)


# ---- the domain of Marcus theory ----------------------------------------------------------------


@pytest.mark.parametrize("free", [0.0, -0.6, 0.9, -1.7, -2.2])
def test_check_of_classical_motion_is_the_change_of_the_exponent(free):
    # One undamped frequency, with so much displacement that only the exponent matters.
    frequency, heat, energy = 0.02, 0.05, 200.0
    scaled = free * energy
    quantum = spin_boson_golden_rule(
        coupling=1.0,
        reaction_free_energy=scaled,
        temperature=heat,
        spectral_density=Discrete(frequencies=[frequency], huang_rhys=[energy / frequency]),
        slow_reorganization_energy=1e-3,
    ).log_value
    classical = marcus(
        coupling=1.0,
        reorganization_energy=energy + 1e-3,
        reaction_free_energy=scaled,
        temperature=heat,
        frequency=frequency,
    )
    at_zero = energy / (4 * heat) * (1 - np.tanh(0.1) / 0.1)
    expected = max(quantum - classical.log_value, at_zero)
    assert classical.checks[1].value == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("free", [0.0, -0.6, 1.7])
@pytest.mark.parametrize("y", [1e-6, 1e-3, 4.9e-3, 5.1e-3, 0.3, 4.0, 300.0])
def test_the_change_of_the_exponent_keeps_its_digits(y, free):
    checked = marcus(
        coupling=1.0,
        reorganization_energy=1.0,
        reaction_free_energy=free,
        temperature=1.0,
        frequency=2 * y,
    ).checks[1]
    with mpmath.workdps(60):
        slow = mpmath.mpf(y)

        def change(u):
            apart = (mpmath.cosh(slow * u) - mpmath.cosh(slow)) / (2 * slow * mpmath.sinh(slow))
            return apart + (1 - mpmath.mpf(u) ** 2) / 4

        expected = float(max(change(0), change(abs(free))))
    assert checked.value == pytest.approx(expected, rel=1e-5)
