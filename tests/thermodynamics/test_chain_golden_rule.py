import mpmath
import numpy as np
import pytest
from scipy.special import expit, hyp2f1

import anticrossing as ac
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.thermodynamics import golden_rule
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.golden_rule import golden_rule_occupations, golden_rule_rates

RESERVOIR = {"temperature": 1 / 1.2, "chemical_potential": 3.0}


def ramp(t):
    return t


def closed_form(energies, rate, start, *, temperature, chemical_potential):
    """dp/dε = Γ(f − p) for a linear sweep at unit speed, by a hypergeometric function."""

    def driven(energy):
        a = rate * temperature
        return hyp2f1(1, a, 1 + a, -np.exp((energy - chemical_potential) / temperature))

    energies = np.asarray(energies)
    return driven(energies) + (start - driven(energies[0])) * np.exp(
        -rate * (energies - energies[0])
    )


def test_rates():
    """(8), (9): δ = 2γ; local detailed balance."""
    energies = np.linspace(-2, 8, 21)
    rates = golden_rule_rates(energies=energies, couplings=0.1, density_of_states=4.0, **RESERVOIR)
    gap = 0.2
    assert np.allclose(rates.total, np.pi * gap**2 * 4.0 / 2, rtol=1e-15)
    assert np.allclose(rates.filling + rates.emptying, rates.total, rtol=1e-15)
    odds = np.log(rates.filling / rates.emptying)
    assert np.allclose(odds, -1.2 * (energies - 3.0), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("rate", [0.05, 0.7, 5.0])
@pytest.mark.parametrize("start", [None, 0.0, 1.0])
def test_linear_sweep_against_the_closed_form(rate, start):
    times = np.array([0.0, 0.1, 3.0, 7.5])
    solution = golden_rule_occupations(
        times, position=ramp, rate=rate, initial_occupation=start, **RESERVOIR
    )
    first = expit(3.6) if start is None else start
    exact = closed_form(times, rate, first, **RESERVOIR)
    assert np.allclose(solution.occupations, exact, rtol=0, atol=1e-13)


@pytest.mark.slow
def test_general_drive_against_mpmath():
    """p(t) = p(0) e^−Γ(t) + ∫Γ′(s) f(s) e^−(Γ(t) − Γ(s)) ds, Γ(t) = ∫rate."""

    def position(t):
        return 3 + 2 * np.sin(3 * t) + 0.1 * t

    def rate(t):
        return 0.8 * (1 + np.cos(t))

    def gained(s):
        fermi = 1 / (mpmath.exp(4 * (2 * mpmath.sin(3 * s) + s / 10)) + 1)
        return 0.8 * (1 + mpmath.cos(s)) * fermi * mpmath.exp(0.8 * (s + mpmath.sin(s)))

    times = np.linspace(0, 12, 7)
    solution = golden_rule_occupations(
        times,
        position=position,
        rate=rate,
        temperature=1 / 4.0,
        chemical_potential=3.0,
        initial_occupation=0.2,
    )
    with mpmath.workdps(20):
        pieces = [mpmath.quad(gained, np.linspace(t, t + 2, 9).tolist()) for t in times[:-1]]
        gains = [mpmath.fsum(pieces[:k]) for k in range(7)]
        exact = [
            float((gain + mpmath.mpf(0.2)) * mpmath.exp(-0.8 * (t + mpmath.sin(t))))
            for t, gain in zip(times, gains, strict=True)
        ]
    assert np.allclose(solution.occupations, exact, rtol=0, atol=1e-14)
    assert np.allclose(solution.rates, rate(times))
    assert np.allclose(solution.positions, position(times))


def test_stiff_rates_against_mpmath():
    """Γ times the window of 3e5: only the memory of the last instants is integrated."""
    with mpmath.workdps(30):
        integral = lambda t: mpmath.mpf(1e5) * (t + mpmath.sin(t) / 2)  # noqa: E731

        def weight(s):
            fermi = 1 / (mpmath.exp(5 * (s + mpmath.sin(9 * s) / 10 - 3)) + 1)
            rate = mpmath.mpf(1e5) * (1 + mpmath.cos(s) / 2)
            return rate * fermi * mpmath.exp(integral(s) - integral(mpmath.mpf(3)))

        stops = [3 - mpmath.mpf(back) / 100000 for back in (160, 40, 10, 0)]
        exact = float(mpmath.quad(weight, stops))
    solution = golden_rule_occupations(
        [0.0, 3.0],
        position=lambda t: t + 0.1 * np.sin(9 * t),
        rate=lambda t: 1e5 * (1 + 0.5 * np.cos(t)),
        temperature=1 / 5.0,
        chemical_potential=3.0,
    )
    assert solution.occupations[1] == pytest.approx(exact, abs=1e-14)


def test_drives_are_positions():
    times = [0.0, 4.0, 10.0]
    drive = ac.drive.Linear(0.0, 10.0, rate=1.0)
    shift = float(drive.start_time)
    moved = golden_rule_occupations(np.array(times) + shift, position=drive, rate=0.3, **RESERVOIR)
    plain = golden_rule_occupations(times, position=ramp, rate=0.3, **RESERVOIR)
    assert np.allclose(moved.occupations, plain.occupations, rtol=0, atol=1e-14)


def test_currents():
    solution = golden_rule_occupations(
        np.linspace(0, 10, 2001), position=ramp, rate=0.4, initial_occupation=0.3, **RESERVOIR
    )
    received = np.trapezoid(solution.particle_current, solution.times)
    assert received == pytest.approx(solution.occupations[-1] - 0.3, abs=1e-6)
    produced = solution.entropy_production_rate
    assert np.all(produced >= 0)
    p = solution.occupations
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    heat = np.trapezoid(solution.heat_current, solution.times)
    total = np.trapezoid(produced, solution.times)
    assert total == pytest.approx(entropy[-1] - entropy[0] - 1.2 * heat, abs=2e-6)


def chain_error(count, offset, rate=0.5, start=1.0):
    """Chain of `count` cells with a level at `offset` of each against the master equation."""
    spacing = 7.0 / count
    energies = spacing * (np.arange(count) + offset)
    gamma = np.sqrt(rate * spacing / (2 * np.pi))
    chain = LandauZenerChain(
        energies=energies, couplings=gamma, speeds=1.0, start=-0.5 * spacing, stop=7.0, **RESERVOIR
    )
    exact = closed_form(np.array([0.0, 7.0]), rate, start, **RESERVOIR)[-1]
    return float(chain.run(start).occupations[-1]) - exact


@pytest.mark.parametrize(("offset", "order"), [(0.0, 1), (0.25, 1), (0.5, 2)])
def test_order_of_the_chain_as_the_spacing_vanishes(offset, order):
    """At fixed Γ first order; second if the levels lie in the middle of what they stand for."""
    counts = np.array([40, 80, 160, 320])
    errors = [abs(chain_error(count, offset)) for count in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.03)


def test_chain_is_the_exponential_integrator_of_frozen_occupations():
    """The master equation with f held at f_i from crossing i to i+1 gives the chain exactly."""
    energies = np.array([1.0, 1.4, 2.5, 3.0])
    stop, gamma, speed = 4.2, 0.15, 0.7
    chain = LandauZenerChain(
        energies=energies, couplings=gamma, speeds=speed, start=0.5, stop=stop, **RESERVOIR
    )
    # between crossings i and i+1 the density is 1/(ε_{i+1} − ε_i)
    gaps = np.diff(np.append(energies, stop))
    edges = np.append(energies, stop) / speed
    rates = golden_rule_rates(
        energies=energies, couplings=gamma, density_of_states=1 / gaps, **RESERVOIR
    )

    def frozen(values):
        return lambda t: values[np.clip(np.searchsorted(edges, t, side="right") - 1, 0, 3)]

    solution = golden_rule_occupations(
        edges,
        position=frozen(energies),
        rate=frozen(rates.total),
        initial_occupation=0.9,
        **RESERVOIR,
    )
    assert np.allclose(solution.occupations, chain.run(0.9).occupations, rtol=0, atol=1e-14)


def test_quasistatic_driving_follows_equilibrium():
    solution = golden_rule_occupations(
        [0.0, 1e4], position=lambda t: 5e-4 * t, rate=3.0, **RESERVOIR
    )
    assert solution.occupations[1] == pytest.approx(expit(-1.2 * 2.0), rel=3e-4)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"times": [0.0]}, "times"),
        ({"times": [1.0, 0.0]}, "times"),
        ({"rate": -1.0}, "rate"),
        ({"rate": lambda t: -np.ones_like(t)}, "rate"),
        ({"rate": [1.0, 2.0]}, "rate"),
        ({"position": 3.0}, "position"),
        ({"position": lambda t: np.zeros(3)}, "position"),
        ({"position": lambda t: np.full_like(t, np.nan)}, "position"),
        ({"temperature": 0.0}, "temperature"),
        ({"initial_occupation": 1.5}, "initial_occupation"),
        ({"initial_occupation": [0.5, 0.5]}, "initial_occupation"),
    ],
)
def test_bad_arguments(changes, text):
    given = {"times": [0.0, 1.0], "position": ramp, "rate": 1.0, **RESERVOIR, **changes}
    with pytest.raises(InputError, match=text):
        golden_rule_occupations(given.pop("times"), **given)


def test_rough_functions_are_refused(monkeypatch):
    monkeypatch.setattr(golden_rule, "MAXIMUM_PANELS", 1 << 12)
    noise = np.random.default_rng(1)
    with pytest.raises(ConvergenceError, match="times"):
        golden_rule_occupations(
            [0.0, 1.0], position=ramp, rate=lambda t: noise.random(t.shape), **RESERVOIR
        )


def test_jumps_are_found():
    """A rate that is switched on in the middle of a panel."""
    switch = np.pi / 7
    solution = golden_rule_occupations(
        [0.0, 1.0],
        position=lambda t: 2.0 + 0 * t,
        rate=lambda t: 3.0 * (t > switch),
        initial_occupation=0.0,
        **RESERVOIR,
    )
    exact = expit(1.2) * -np.expm1(-3.0 * (1 - switch))
    assert solution.occupations[1] == pytest.approx(exact, abs=1e-13)


@pytest.mark.parametrize("rate", [1e100, 1e308, lambda t: np.where(t < 5, 1e308, 1.0)])
def test_relaxation_within_the_rounding_of_the_times_is_refused(rate):
    with pytest.raises(InputError, match=r"`rate` must (leave|have)"):
        golden_rule_occupations([0.0, 5.0, 10.0], position=ramp, rate=rate, **RESERVOIR)


def test_rates_beyond_the_largest_float_are_refused():
    with pytest.raises(InputError, match="`couplings` must give finite rates"):
        golden_rule_rates(energies=1.0, couplings=1e200, density_of_states=1.0, **RESERVOIR)
