"""Wide bands and dense reservoirs: against integrals over energies, and exact finite bands."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import quad, simpson, solve_ivp

import anticrossing as ac
from anticrossing import thermodynamics as td

Reservoir = td.Reservoir


def fermi(energy, temperature=0.1, mu=0.0):
    return float(td.fermi(energy, temperature=temperature, chemical_potential=mu))


# ---- a level at rest --------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "rate", "temperature"), [(0.5, 0.5, 0.1), (-0.3, 2.0, 0.7)])
def test_resting_occupation_and_coupling_energy_are_integrals_over_energies(
    level, rate, temperature
):
    def full(e):
        return 1 / (mp.exp(e / temperature) + 1)

    def line(e):
        return rate / (2 * mp.pi) / ((e - level) ** 2 + rate**2 / 4)

    points = [-mp.inf, -50, -10, -3, -1, 0, level, 1, 3, 10, 50, 500]
    wanted = float(mp.quad(lambda e: line(e) * full(e), sorted(points)))
    found = td.resting_level(level, rate=rate, temperature=temperature, band_bottom=-40.0)
    assert abs(found.occupation - wanted) < 1e-12
    inside = sorted({-40, -10, -3, -1, 0, level, 1, 3, 10, 50})
    energy = mp.quad(lambda e: 2 * line(e) * full(e) * (e - level), inside)
    assert abs(found.coupling_energy - float(energy)) < 1e-10


def test_resting_limits():
    tails = td.resting_level([30.0, 60.0], rate=0.0, temperature=0.1)
    exact = np.exp(-np.array([300.0, 600.0]))
    assert np.max(abs(tails.occupation / exact - 1)) < 1e-13
    cold = td.resting_level([0.7, -0.2], rate=0.5, temperature=1e-160)
    wanted = 0.5 - np.arctan(np.array([0.7, -0.2]) / 0.25) / np.pi
    assert np.max(abs(cold.occupation - wanted)) < 1e-15
    assert td.resting_level(0.0, rate=0.5, temperature=0.1, band_bottom=-1.0).warnings


# ---- a level that moves -----------------------------------------------------------------------


def test_the_approach_to_rest_is_an_integral_over_energies():
    rate, level, temperature = 0.5, 0.5, 0.1
    times = [0.0, 1.0, 3.0]
    found = td.wide_band_occupations(
        times, position=lambda t: level + 0 * t, rates=rate, reservoirs=Reservoir(temperature),
        initial_occupation=0.0,
    )  # fmt: skip
    for t, p in zip(times[1:], found.occupations[1:], strict=True):
        decay = np.exp(-rate * t)

        def core(e, t=t, decay=decay):
            turned = 1 + decay - 2 * np.sqrt(decay) * np.cos((e - level) * t)
            return fermi(e) * turned / ((e - level) ** 2 + rate**2 / 4)

        inner = sum(
            quad(core, a, b, epsabs=1e-13, limit=400)[0] for a, b in ((-30, -5), (-5, 0), (0, 5))
        )

        def tail(x):  # x = level − e, all states full
            return 1 / (x**2 + rate**2 / 4)

        smooth = (1 + decay) * 2 / rate * (np.pi / 2 - np.arctan(30.5 * 2 / rate))
        ringing = quad(tail, 30.5, np.inf, weight="cos", wvar=t, epsabs=1e-14)[0]
        wanted = rate / (2 * np.pi) * (inner + smooth - 2 * np.sqrt(decay) * ringing)
        assert abs(p - wanted) < 1e-10


def test_fillings_of_a_moving_level_differ_by_an_integral_over_energies():
    """F_1 − F_2 = ∫ (f_1 − f_2) Re a(E, t) dE/π with the spectral amplitude a of the level."""
    rates, baths = np.array([0.2, 0.3]), [Reservoir(0.3, 0.8), Reservoir(0.15, -0.4)]
    found = td.wide_band_occupations(
        [0.0, 2.0, 5.0],
        position=lambda t: 0.5 * t - 1.0,
        rates=rates,
        reservoirs=baths,
        initial_occupation=0.2,
    )
    x, w = np.polynomial.legendre.leggauss(160)
    e, we = np.polynomial.legendre.leggauss(300)
    energies = 8 * e
    for t, fillings in zip((2.0, 5.0), found.fillings[1:], strict=True):
        tau = 0.5 * t * (x + 1)
        action = (-1.0 + 0.5 * t) * tau - 0.25 * tau**2
        turned = np.exp(-0.25 * tau - 1j * (action - np.outer(energies, tau)))
        amplitude = (turned @ w) * 0.5 * t
        f = [1 / (np.exp((energies - b.chemical_potential) / b.temperature) + 1) for b in baths]
        wanted = 8 * np.sum(we * (f[0] - f[1]) * amplitude.real) / np.pi
        assert abs(fillings[0] - fillings[1] - wanted) < 1e-11


@pytest.mark.slow
def test_occupations_obey_their_equation_of_motion():
    rates, baths = np.array([0.2, 0.3]), [Reservoir(0.3, 0.8), Reservoir(0.15, -0.4)]
    times = np.linspace(0.0, 4.0, 161)

    def position(t):
        return np.sin(1.5 * t)

    found = td.wide_band_occupations(
        times, position=position, rates=rates, reservoirs=baths, initial_occupation=0.2
    )
    from scipy.interpolate import CubicSpline

    filling = CubicSpline(times, found.fillings)
    run = solve_ivp(
        lambda t, p: [float(rates @ (filling(t) - p[0]))], (0, 4.0), [0.2], rtol=1e-10, atol=1e-12
    )
    assert abs(run.y[0, -1] - found.occupations[-1]) < 1e-6
    assert np.allclose(
        found.currents.sum(axis=1), CubicSpline(times, found.occupations)(times, 1), atol=2e-4
    )


def test_kinks_of_a_drive_are_followed():
    """A drive brings its breakpoints; given as times they change nothing."""
    drive = ac.drive.Piecewise([0.0, 1.3, 2.0], [0.0, 1.5, -0.5])
    settings = {"position": drive, "rates": 0.5, "reservoirs": Reservoir(0.2)}
    plain = td.wide_band_occupations([0.0, 2.0], **settings)
    marked = td.wide_band_occupations([0.0, 1.3, 2.0], **settings)
    assert abs(plain.occupations[-1] - marked.occupations[-1]) < 1e-10


def test_weak_coupling_and_slow_motion_follow_the_golden_rule():
    times = [0.0, 200.0]
    gaps = []
    for rate in (0.02, 0.005):
        settings = {"position": lambda t: 0.5 - 0.005 * t, "initial_occupation": 0.0}
        wide = td.wide_band_occupations(
            times, rates=rate, reservoirs=Reservoir(0.5, 0.1), **settings
        )
        golden = td.golden_rule_occupations(
            times, rate=rate, temperature=0.5, chemical_potential=0.1, **settings
        )
        gaps.append(abs(wide.occupations[-1] - golden.occupations[-1]))
    assert gaps[1] < 0.5 * gaps[0] < 5e-3


def test_finite_bands_become_wide():
    """Two leads, a level that moves: errors fall as one over the band, and extrapolate."""
    rates, warmth, mu = (0.2, 0.3), (0.4, 0.3), (0.5, -0.4)
    drive = ac.drive.Formula("0.3*t - 0.5", 0.0, 5.0)
    times = [0.0, 2.0, 5.0]
    wide = td.wide_band_occupations(
        times, position=drive, rates=rates, initial_occupation=0.3,
        reservoirs=[Reservoir(t, m) for t, m in zip(warmth, mu, strict=True)],
    )  # fmt: skip
    h = ac.Hamiltonian.from_terms([("x", [[1.0]])])
    found = []
    for edge in (9.0, 18.0):
        leads = [
            td.Lead.band(
                rate=g, low=-edge, high=edge, levels=int(6 * edge) + 24, temperature=t,
                chemical_potential=m,
            )
            for g, t, m in zip(rates, warmth, mu, strict=True)
        ]  # fmt: skip
        junction = td.Junction(hamiltonian=h, drive=drive, leads=leads, occupations=0.3)
        found.append(junction.evolve(times).occupations[1:, 0])
    wanted = wide.occupations[1:]
    assert np.max(abs(found[1] - wanted)) < 0.01
    assert np.max(abs(2 * found[1] - found[0] - wanted)) < 1e-3


# ---- dense reservoirs -------------------------------------------------------------------------

DENSE = {
    "rate": 0.5, "temperature": 0.5, "chemical_potential": 3.0, "start": 0.0, "stop": 10.0,
    "speed": 1.0, "initial_occupation": 1.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def dense():
    return td.dense_limit([1.0, 0.5, 0.25], band=(-12.0, 22.0), **DENSE)


def test_the_chain_becomes_the_golden_rule_outside_its_domain(dense):
    errors = abs(dense.chain - dense.golden_rule)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)
    assert errors[2] < 1e-4
    assert dense.warnings  # 2γ/Δε = sqrt(2Γ/πΔε) is above one


def test_the_exact_answer_settles_elsewhere(dense):
    assert abs(dense.exact[1] - dense.exact[2]) < 2e-4
    assert abs(dense.exact[2] - dense.golden_rule) > 20 * abs(dense.exact[1] - dense.exact[2])
    # what is left to the wide band is its tail below the bottom, Γ/2π(ε − D)
    tail = 0.5 / (2 * np.pi * 22.0)
    assert dense.wide_band - dense.exact[2] == pytest.approx(tail, rel=0.1)


def test_the_energy_of_the_coupling_does_not_vanish(dense):
    assert np.ptp(dense.coupling_energy[1:]) < 1e-3
    assert dense.coupling_energy[2] < -0.1
    assert np.all(dense.exact_production > dense.chain_production)


@pytest.mark.slow
def test_the_first_law_needs_the_energy_of_the_coupling(dense):
    """With the work as the integral of p dε, not as a difference of energies."""
    count = 68  # levels of the spacing 0.5
    levels = -12.0 + 0.5 * (np.arange(count) + 0.5)
    system = td.DrivenLevel(
        levels=levels, couplings=np.sqrt(0.5 * 0.5 / (2 * np.pi)), temperature=0.5,
        chemical_potential=3.0, start=0.0, stop=10.0, rate=1.0,
    )  # fmt: skip
    exact = system.evolve(1.0, times=np.linspace(0.0, 10.0, 201))
    work = simpson(exact.occupations, x=exact.evolution.times)
    assert abs(dense.exact_work[1] - work) < 1e-6
    brought = work + dense.exact_heat[1] + 3.0 * (dense.exact[1] - 1.0)
    assert abs(brought - 10.0 * dense.exact[1] - dense.coupling_energy[1]) < 1e-6


@pytest.mark.slow
def test_a_finite_band_at_rest_has_the_coupling_energy_of_its_line():
    """⟨V⟩ = 2 ∫ f (E − ε) A(E) dE with the line of the finite band, near the closed form."""
    edge, rate, level = 20.0, 0.5, 0.6
    lead = td.Lead.band(rate=rate, low=-edge, high=edge, levels=300, temperature=0.5)
    system = td.DrivenLevel(
        levels=lead.energies, couplings=lead.couplings[:, 0].real, temperature=0.5, start=level,
        stop=1.0, rate=1.0,
    )  # fmt: skip
    begin = system.drive.start_time
    equilibrium = system.evolve(coupled=True, times=[float(begin)])

    def line(e):
        shift = rate / (2 * np.pi) * np.log((e + edge) / (edge - e))
        return rate / (2 * np.pi) / ((e - level - shift) ** 2 + rate**2 / 4)

    def integral(weight):
        pieces = ((-edge, -5.0), (-5.0, 0.5), (0.5, 5.0), (5.0, edge))
        parts = [
            quad(lambda e: weight(e) * line(e) * fermi(e, 0.5), *ends, epsabs=1e-12, limit=200)[0]
            for ends in pieces
        ]
        return sum(parts)

    assert abs(equilibrium.occupations[0] - integral(lambda e: 1.0)) < 1e-9
    assert abs(equilibrium.coupling_energy[0] - integral(lambda e: 2 * (e - level))) < 1e-8
    closed = td.resting_level(level, rate=rate, temperature=0.5, band_bottom=-edge)
    assert not closed.warnings
    tail = rate / (2 * np.pi * (edge + level))  # of the line below the bottom
    assert 0 < closed.occupation - equilibrium.occupations[0] < tail
    assert abs(equilibrium.coupling_energy[0] / closed.coupling_energy - 1) < 0.02


STILL = {"position": lambda t: 0 * t, "rates": 0.5, "reservoirs": Reservoir(0.5)}
REFUSED = {
    "times that fall": lambda: td.wide_band_occupations([1.0, 0.0], **STILL),
    "a negative rate": lambda: td.wide_band_occupations([0.0, 1.0], **{**STILL, "rates": -0.5}),
    "a rate too many": lambda: td.wide_band_occupations([0, 1], **{**STILL, "rates": [0.1, 0.2]}),
    "no reservoir": lambda: td.wide_band_occupations([0, 1], **{**STILL, "reservoirs": []}),
    "a position of a wrong shape": lambda: td.wide_band_occupations(
        [0, 1], **{**STILL, "position": lambda t: np.ones(3)}
    ),
    "an occupation of two": lambda: td.wide_band_occupations(
        [0, 1], **STILL, initial_occupation=2.0
    ),
    "a level too far": lambda: td.resting_level(1e300, rate=0.1, temperature=1e-10),
    "a bottom above the level": lambda: td.resting_level(
        0.0, rate=0.1, temperature=0.1, band_bottom=1.0
    ),
    "a band too short": lambda: td.dense_limit([1.0], band=(1.0, 20.0), **DENSE),
    "a spacing of zero": lambda: td.dense_limit([0.0], band=(-9.0, 20.0), **DENSE),
    "a million levels": lambda: td.dense_limit([1e-5], band=(-9.0, 20.0), **DENSE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_in_one_line(name):
    with pytest.raises(ac.InputError) as error:
        REFUSED[name]()
    assert "\n" not in str(error.value)


def test_a_time_too_long_and_a_jump_are_refused_in_one_line():
    with pytest.raises(ac.ConvergenceError):
        td.wide_band_occupations([0.0, 1e9], **STILL)
    jump = {**STILL, "position": lambda t: np.where(t < 1.2345, 0.0, 1.0)}
    with pytest.raises(ac.ConvergenceError):
        td.wide_band_occupations([0.0, 4.0], **jump)
    marked = td.wide_band_occupations([0.0, 1.0, 4.0], **STILL)  # no jump, no refusal
    assert np.all(np.isfinite(marked.fillings))
