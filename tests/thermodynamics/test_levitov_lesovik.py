"""The Levitov-Lesovik formula against mpmath, exact limits, and the bounds of theory."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest

import anticrossing as ac
from anticrossing import thermodynamics as td
from tests.effort import slow

Reservoir, LevitovLesovik = td.Reservoir, td.LevitovLesovik


def breit_wigner(level=0.2, rates=(0.3, 0.5)):
    return lambda e: td.transmission(e, hamiltonian=level, rates=rates)


@pytest.fixture(scope="module")
def biased():
    return LevitovLesovik(breit_wigner(), Reservoir(0.3, 0.5), Reservoir(0.2, -0.4))


def by_mpmath(integrand, points=(-20, -8, -3, -1, -0.4, 0, 0.2, 0.5, 1, 3, 8, 20)):
    return complex(mp.quad(integrand, points) / (2 * mp.pi))


def exact(u, v):
    """ln[1 + …] of the same conductor, in mpmath."""

    def value(e):
        passed = mp.mpf("0.15") / ((e - mp.mpf("0.2")) ** 2 + mp.mpf("0.16"))
        left = 1 / (mp.exp((e - mp.mpf("0.5")) / mp.mpf("0.3")) + 1)
        right = 1 / (mp.exp((e + mp.mpf("0.4")) / mp.mpf("0.2")) + 1)
        field = 1j * (mp.mpc(u) + mp.mpc(v) * e)
        up, down = left * (1 - right), right * (1 - left)
        return mp.log(1 + passed * (up * mp.expm1(field) + down * mp.expm1(-field)))

    return value


@pytest.mark.quick(1)
@pytest.mark.parametrize("fields", [(0.7 + 0.1j, 0.3 - 0.2j), slow((-0.5j, 0.0)), (1e-6, 0.0)])
def test_the_generating_function(biased, fields):
    wanted = by_mpmath(exact(*fields))
    found = biased.cumulant_generating_function(*fields)
    assert abs(found / wanted - 1) < 1e-12


def test_cumulants_are_derivatives_of_the_generating_function(biased):
    """Fourier sum around a circle in the plane of s = iu, of mpmath's accuracy by analyticity."""
    turns = np.exp(2j * np.pi * np.arange(32) / 32)
    for of, radius, fields in (
        ("particles", 0.8, lambda s: (-1j * s, 0.0)),
        ("energy", 0.3, lambda s: (0.0, -1j * s)),
    ):
        values = np.array([biased.cumulant_generating_function(*fields(radius * z)) for z in turns])
        series = np.fft.fft(values)[1:5] / 32 / radius ** np.arange(1, 5)
        wanted = (series * [1, 2, 6, 24]).real
        assert np.max(abs(biased.cumulants(of=of) - wanted)) < 1e-11
    few = turns[::4]
    mixed = biased.cumulant_generating_function(-0.1j * few[:, None], -0.05j * few)
    assert abs(np.fft.fft2(mixed)[1, 1].real / 64 / 0.005 - biased.cross_noise) < 1e-9


def test_the_exchange_fluctuation_theorem(biased):
    a_n, a_e = biased.affinities
    for u, v in ((0.4, 0.1), (1.0 + 0.5j, -0.3 + 0.4j)):
        one = biased.cumulant_generating_function(u, v)
        other = biased.cumulant_generating_function(-u + 1j * a_n, -v + 1j * a_e)
        assert abs(one - other) < 1e-14
    produced = a_n * biased.current + a_e * biased.energy_current
    assert abs(produced - biased.entropy_production_rate) < 1e-14
    flows = biased.heat_currents / biased.temperatures
    assert abs(produced + flows.sum()) < 1e-14


def test_without_temperature_transport_is_binomial():
    """At T → 0 every 2π/V brings one attempt that succeeds with probability T."""
    conductor = LevitovLesovik(
        lambda e: np.full_like(e, 0.3), Reservoir(1e-12, 0.7), Reservoir(1e-12, -0.7)
    )
    attempts = 1.4 / (2 * np.pi)
    p = 0.3
    binomial = [p, p * (1 - p), p * (1 - p) * (1 - 2 * p), p * (1 - p) * (1 - 6 * p * (1 - p))]
    assert np.allclose(conductor.cumulants(), attempts * np.array(binomial), rtol=1e-10)
    u = 0.9
    wanted = attempts * np.log(1 + p * (np.exp(1j * u) - 1))
    assert abs(conductor.cumulant_generating_function(u) - wanted) < 1e-10


@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.2, 0.7)])
def test_a_double_barrier_at_high_bias(rates):
    """F = (Γ/2){[1 + 4 Γ_L Γ_R/Γ² (e^{iu} − 1)]^½ − 1}: de Jong 1996, Bagrets and Nazarov 2003."""
    conductor = LevitovLesovik(
        breit_wigner(0.0, rates), Reservoir(1.0, 1e9), Reservoir(1.0, -1e9), features=[0.0]
    )
    width, product = sum(rates), rates[0] * rates[1]
    u = np.array([0.7, -2.0, 1.5j, -0.8j])
    root = np.sqrt(1 + 4 * product / width**2 * (np.exp(1j * u) - 1))
    found = conductor.cumulant_generating_function(u)
    assert np.max(abs(found - width / 2 * (root - 1))) < 1e-8
    fano = conductor.cumulants() / conductor.current
    share = product / width**2
    assert np.allclose(fano[:3], [1, 1 - 2 * share, 1 - 6 * share + 12 * share**2], atol=1e-8)


def test_equilibrium_noise_is_that_of_johnson_and_nyquist():
    """S = 2 T G with the conductance G = −∫ T(E) f′ dE/2π, here for a constant transmission."""
    conductor = LevitovLesovik(
        lambda e: np.full_like(e, 0.4), Reservoir(0.3, 1.0), Reservoir(0.3, 1.0)
    )
    assert conductor.current == 0
    assert abs(conductor.noise - 2 * 0.3 * 0.4 / (2 * np.pi)) < 1e-15
    assert np.isnan(conductor.uncertainty_ratio)
    heat = conductor.energy_noise - conductor.noise  # around μ = 1: E = 1 + x, no odd moments
    assert abs(heat - 2 * 0.4 * 0.3**3 * np.pi**2 / 3 / (2 * np.pi)) < 1e-15


def test_a_tiny_bias_keeps_its_digits():
    conductor = LevitovLesovik(
        lambda e: np.full_like(e, 0.4), Reservoir(0.3, 1e-13), Reservoir(0.3, -1e-13)
    )
    assert abs(conductor.current / (0.4 * 2e-13 / (2 * np.pi)) - 1) < 1e-12
    assert abs(conductor.uncertainty_ratio - 2) < 1e-12
    assert conductor.uncertainty_bound == 2


@pytest.mark.parametrize("temperature", [1e-160, 1e-9, 1e-3, 1.0])
def test_far_below_and_above_the_width_of_a_level(temperature):
    """The current at T → 0 is a difference of arctangents; at T ≫ Γ it is the golden rule's."""
    rates, level = (0.3, 0.5), 0.2
    conductor = LevitovLesovik(
        breit_wigner(level, rates), Reservoir(temperature, 0.5), Reservoir(temperature, -0.5)
    )
    if temperature < 1e-2:
        cold = 0.15 / (2 * np.pi) / 0.4 * (np.arctan(0.3 / 0.4) - np.arctan(-0.7 / 0.4))
        slope = [-0.3 * (e - level) / ((e - level) ** 2 + 0.16) ** 2 for e in (0.5, -0.5)]
        sommerfeld = np.pi**2 / 6 * temperature**2 * (slope[0] - slope[1]) / (2 * np.pi)
        assert abs(conductor.current - cold - sommerfeld) < 100 * temperature**4 + 1e-14
    weak = LevitovLesovik(
        breit_wigner(level, (1e-7, 2e-7)),
        Reservoir(1.0, 0.5),
        Reservoir(0.5, -0.5),
        features=[level],
    )
    filling = [1 / (np.exp((level - mu) / t) + 1) for mu, t in ((0.5, 1.0), (-0.5, 0.5))]
    golden = 1e-7 * 2e-7 / 3e-7 * (filling[0] - filling[1])
    assert abs(weak.current / golden - 1) < 1e-6


@pytest.mark.parametrize("rate", [1e-9, 1e-100])
def test_a_peak_of_any_width_is_found_where_it_is_marked(rate):
    conductor = LevitovLesovik(
        breit_wigner(0.0, (rate, rate)), Reservoir(0.1, 0.5), Reservoir(0.1), features=[0.0]
    )
    golden = rate / 2 * (1 / (np.exp(-5.0) + 1) - 0.5)
    assert abs(conductor.current / golden - 1) < 10 * rate + 1e-12


def test_large_tilts_do_not_overflow():
    conductor = LevitovLesovik(
        lambda e: np.full_like(e, 0.5), Reservoir(0.1, 0.5), Reservoir(0.1, -0.5)
    )
    found = conductor.cumulant_generating_function(-2000j)
    # every attempt is a transfer: the tilt opens a window of 4000 + 1/T·V in units of T
    assert np.isfinite(found.real)
    mirrored = conductor.cumulant_generating_function(2000j + 10j)
    assert abs(found / mirrored - 1) < 1e-12


def test_no_conductor_is_more_precise_than_the_bound():
    """Random transmissions, temperatures and potentials; y/sinh(y/2) is never undercut."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        centres, widths = rng.normal(size=3), rng.exponential(0.5, size=3) + 0.01
        heights = rng.random(3)

        def passed(e, c=centres, w=widths, h=heights):
            return np.max(h * np.exp(-(((e[:, None] - c) / w) ** 2)), axis=1)

        t = rng.exponential(0.5, size=2) + 0.05
        mu = rng.normal(size=2)
        conductor = LevitovLesovik(
            passed, Reservoir(t[0], mu[0]), Reservoir(t[1], mu[1]), features=centres
        )
        assert conductor.uncertainty_ratio >= conductor.uncertainty_bound * (1 - 1e-9)


def test_a_perfect_narrow_band_reaches_the_bound():
    ratios = []
    for width in (1e-1, 1e-2, 1e-3):
        conductor = LevitovLesovik(
            lambda e: np.ones_like(e),
            Reservoir(0.1, 0.3),
            Reservoir(0.1, -0.3),
            band=(-width / 2, width / 2),
        )
        ratios.append(conductor.uncertainty_ratio / conductor.uncertainty_bound - 1)
    wanted = 6 / np.sinh(3)  # y = V/T = 6
    assert abs(conductor.uncertainty_bound - wanted) < 1e-12
    assert ratios[-1] < 1e-5
    assert all(abs(a / b - 100) < 5 for a, b in itertools.pairwise(ratios))


def test_tunnelling_obeys_the_classical_bound():
    for rates in ((1e-4, 1e-4), (1e-4, 3e-4)):
        conductor = LevitovLesovik(
            breit_wigner(0.0, rates), Reservoir(1.0, 2.0), Reservoir(1.0, -2.0), features=[0.0]
        )
        assert conductor.uncertainty_ratio > 2


def test_channels_add_up_and_matrices_follow_caroli():
    rng = np.random.default_rng(8)
    h = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    h = h + h.conj().T
    gamma = []
    for rank in (1, 2):
        a = rng.normal(size=(3, rank)) + 1j * rng.normal(size=(3, rank))
        gamma.append(0.2 * a @ a.conj().T)
    energies = np.linspace(-2, 2, 9)
    found = td.transmission(energies, hamiltonian=h, rates=gamma)
    for e, channels in zip(energies, found, strict=True):
        green = np.linalg.inv(e * np.eye(3) - h + 0.5j * (gamma[0] + gamma[1]))
        caroli = np.trace(gamma[0] @ green @ gamma[1] @ green.conj().T).real
        assert abs(channels.sum() - caroli) < 1e-13
        assert np.all(channels[:2] < 1e-14)  # the left lead has one channel
    ends = Reservoir(0.2, 0.4), Reservoir(0.3, -0.4)
    two = LevitovLesovik(lambda e: np.stack([0.3 + 0 * e, 0.6 + 0 * e], axis=1), *ends)
    parts = [LevitovLesovik(lambda e, p=p: p + 0 * e, *ends) for p in (0.3, 0.6)]
    assert np.allclose(two.cumulants(), sum(p.cumulants() for p in parts), atol=1e-13)
    total = sum(p.cumulant_generating_function(0.7) for p in parts)
    assert abs(two.cumulant_generating_function(0.7) - total) < 1e-13


def test_a_level_that_no_lead_reaches_transmits_nothing():
    found = td.transmission([0.0, 1.0], hamiltonian=0.0, rates=[0.0, 0.0])
    assert np.all(found == 0)
    found = td.transmission(
        [0.0, 1.0], hamiltonian=np.diag([0.0, 1.0]), rates=[np.diag([0.5, 0]), np.diag([0.5, 0])]
    )
    assert np.allclose(found[:, 0], 0.0)
    assert abs(found[0, 1] - 1.0) < 1e-12


def test_jumps_between_marked_energies_are_integrated():
    conductor = LevitovLesovik(
        lambda e: np.where(abs(e) < 0.1, 0.5, 0.0),
        Reservoir(0.2, 0.5),
        Reservoir(0.2, -0.5),
        features=[-0.1, 0.1],
    )
    wanted = by_mpmath(
        lambda e: (1 / (mp.exp((e - 0.5) / 0.2) + 1) - 1 / (mp.exp((e + 0.5) / 0.2) + 1)) / 2,
        (-0.1, 0.1),
    ).real
    assert abs(conductor.current / wanted - 1) < 1e-12


ENDS = Reservoir(0.1, 0.5), Reservoir(0.1, -0.5)
REFUSED = {
    "a transmission above one": lambda: LevitovLesovik(lambda e: 1.1 + 0 * e, *ENDS).current,
    "a negative transmission": lambda: LevitovLesovik(lambda e: -0.1 + 0 * e, *ENDS).current,
    "no number": lambda: LevitovLesovik(lambda e: np.nan * e, *ENDS).current,
    "a complex transmission": lambda: LevitovLesovik(lambda e: 0.5 + 0j * e, *ENDS).current,
    "a temperature too small": lambda: LevitovLesovik(abs, Reservoir(1e-310), ENDS[1]),
    "a wrong shape": lambda: LevitovLesovik(lambda e: np.ones(3), *ENDS).current,
    "a number as transmission": lambda: LevitovLesovik(0.5, *ENDS),
    "a reservoir that changes": lambda: LevitovLesovik(abs, Reservoir([0.1, 0.2]), ENDS[1]),
    "a band upside down": lambda: LevitovLesovik(abs, *ENDS, band=(1.0, 0.0)),
    "an energy tilt too large": lambda: LevitovLesovik(
        lambda e: 0.5 + 0 * e, *ENDS
    ).cumulant_generating_function(0.0, 11j),
    "fifth cumulants": lambda: LevitovLesovik(lambda e: 0.5 + 0 * e, *ENDS).cumulants(5),
    "a negative rate": lambda: td.transmission(0.0, hamiltonian=0.0, rates=[-1.0, 1.0]),
    "three rates": lambda: td.transmission(0.0, hamiltonian=0.0, rates=[1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_in_one_line(name):
    with pytest.raises(ac.InputError) as error:
        REFUSED[name]()
    assert "\n" not in str(error.value)
