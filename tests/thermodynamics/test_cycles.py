"""Engines and refrigerators against closed forms, Carnot, and published expansions."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize

from anticrossing._core.checks import InputError
from anticrossing.control import least_dissipation
from anticrossing.thermodynamics import (
    LandauZenerChain,
    MarkovChain,
    Reservoir,
    level_cycle,
    otto_cycle,
)
from tests.effort import cases, slow
from tests.thermodynamics.test_markov import PAIR, SEEDS


def occupied(energy, temperature, potential=0.0):
    return 1 / (math.exp((energy - potential) / temperature) + 1)


@given(
    cold_level=st.floats(0.05, 3.0),
    hot=st.floats(0.5, 2.0),
    colder=st.floats(0.1, 0.95),
    exponents=st.tuples(st.floats(0.01, 30.0), st.floats(0.01, 30.0)),
)
@cases(80)
def test_otto_cycle_in_closed_form(cold_level, hot, colder, exponents):
    """Heats, work and the mode by the ratio of the energies against the one of temperatures."""
    cold = colder * hot
    chain = otto_cycle(
        energies=[1.0, cold_level],
        reservoirs=[Reservoir(hot), Reservoir(cold)],
        rates=0.5,
        durations=2 * np.array(exponents),
    )
    cycle = chain.cycle(duration=4.0)
    a, b = -np.expm1(-np.array(exponents))
    moved = a * b / (a + b - a * b) * (occupied(1.0, hot) - occupied(cold_level, cold))
    assert cycle.hot_heat == pytest.approx(moved, rel=1e-11, abs=1e-15)
    assert cycle.cold_heat == pytest.approx(-cold_level * moved, rel=1e-11, abs=1e-15)
    assert cycle.work == pytest.approx((cold_level - 1) * moved, rel=1e-11, abs=1e-15)
    assert cycle.power == -cycle.work / 4.0
    if abs(moved) < 1e-12 or abs(cold_level - 1) < 1e-9:
        return
    if cold_level > 1:
        assert cycle.mode == "accelerator"
    elif cold_level > colder:
        assert cycle.mode == "engine"
        assert cycle.efficiency == pytest.approx(1 - cold_level, rel=1e-9)
        assert cycle.efficiency <= cycle.carnot_efficiency
    else:
        assert cycle.mode == "refrigerator"
        expected = cold_level / (1 - cold_level)
        assert cycle.coefficient_of_performance == pytest.approx(expected, rel=1e-9)
        assert cycle.coefficient_of_performance <= cycle.carnot_coefficient
    assert math.isnan(cycle.efficiency) == (cycle.mode != "engine")


def test_carnot_is_reached_where_nothing_moves():
    """ε_c/ε_h → T_c/T_h from both sides: Carnot's efficiency, and no power."""
    for excess, mode in ((1e-5, "engine"), (-1e-5, "refrigerator")):
        cycle = otto_cycle(
            energies=[1.0, 0.4 + excess],
            reservoirs=[Reservoir(1.0), Reservoir(0.4)],
            rates=1.0,
            durations=1.0,
        ).cycle()
        assert cycle.mode == mode
        good = cycle.efficiency if mode == "engine" else cycle.coefficient_of_performance
        carnot = cycle.carnot_efficiency if mode == "engine" else cycle.carnot_coefficient
        assert 0 < 1 - good / carnot < 1e-4
        assert cycle.entropy_production < 1e-9
    still = otto_cycle(
        energies=[1.0, 0.4], reservoirs=[Reservoir(1.0), Reservoir(0.4)], rates=1.0, durations=1.0
    ).cycle()
    assert still.mode == "idle"


@pytest.mark.parametrize("rate", [1e-160, 1e-12, 1e300])
def test_rare_jumps_and_instant_ones_have_the_same_efficiency(rate):
    cycle = otto_cycle(
        energies=[1.0, 0.6], reservoirs=[Reservoir(1.0), Reservoir(0.4)], rates=rate, durations=1.0
    ).cycle()
    assert cycle.mode == "engine"
    assert cycle.efficiency == pytest.approx(0.4, rel=1e-12)
    share = rate / 2 if rate < 1 else 1.0  # a_h a_c/(a_h + a_c − a_h a_c)
    moved = share * (occupied(1.0, 1.0) - occupied(0.6, 0.4))
    assert cycle.hot_heat == pytest.approx(moved, rel=1e-11)


def test_short_contacts_have_the_power_of_a_continuous_engine():
    cycle = otto_cycle(
        energies=[1.0, 0.6], reservoirs=[Reservoir(1.0), Reservoir(0.4)], rates=2.0, durations=1e-6
    ).cycle(duration=2e-6)
    limit = 0.4 * 2.0 * (occupied(1.0, 1.0) - occupied(0.6, 0.4)) / 4
    assert cycle.power == pytest.approx(limit, rel=1e-8)


@pytest.mark.parametrize("carnot", [0.3, slow(0.1)])
def test_thermoelectric_dot_at_maximum_power(carnot):
    """Esposito, Lindenberg, Van den Broeck, EPL 85, 60010 (2009)."""
    cold = 1 - carnot

    def performance(level, bias):
        return MarkovChain.from_attempts(
            energies=[[0.0, level]] * 2,
            particle_numbers=[0, 1],
            reservoirs=[Reservoir(1.0), Reservoir(cold, bias)],
            attempts=[0.01 * PAIR, 0.01 * PAIR],
        ).cycle(duration=0.01)

    best = minimize(
        lambda x: -performance(*x).power,
        [2.4, 1.2 * carnot],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-17},
    )
    dot = performance(*best.x)
    a = 2.399357  # a = 2 coth(a/2)
    assert a == pytest.approx(2 / math.tanh(a / 2), abs=1e-5)
    series = carnot / 2 + carnot**2 / 8 + (7 + 1 / math.sinh(a / 2) ** 2) / 96 * carnot**3
    assert dot.mode == "engine"
    assert dot.mechanical_work == 0
    assert dot.efficiency == pytest.approx(best.x[1] / best.x[0], rel=1e-9)
    assert dot.efficiency == pytest.approx(series, abs=0.1 * carnot**4)
    assert dot.efficiency == pytest.approx(dot.curzon_ahlborn_efficiency, abs=0.05 * carnot**3)


@given(seed=SEEDS)
@cases(100)
def test_no_cycle_beats_carnot(seed):
    """Random cycles of random systems: both laws, and the mode by its signs."""
    rng = np.random.default_rng(seed)
    steps, states = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    energies = rng.normal(size=(steps + 1, states))
    energies[-1] = energies[0]
    attempts = np.triu(rng.uniform(size=(steps, 2, states, states)), 1) / (2 * states)
    chain = MarkovChain.from_attempts(
        energies=energies,
        particle_numbers=rng.integers(0, 3, states),
        reservoirs=[Reservoir(1.0, rng.normal()), Reservoir(rng.uniform(0.1, 0.9), rng.normal())],
        attempts=attempts + attempts.swapaxes(-1, -2),
    )
    cycle = chain.cycle()
    assert cycle.work + cycle.hot_heat + cycle.cold_heat == pytest.approx(0, abs=1e-13)
    clausius = -cycle.hot_heat / 1.0 - cycle.cold_heat / cycle.cold_temperature
    assert cycle.entropy_production == pytest.approx(clausius, abs=1e-12)
    signs = {
        "engine": cycle.work < 0 < cycle.hot_heat,
        "refrigerator": cycle.hot_heat < 0 < cycle.cold_heat,
        "accelerator": cycle.work > 0 and cycle.hot_heat > 0,
        "heater": cycle.cold_heat < 0 and cycle.hot_heat < 0,
        "conductor": abs(cycle.work) < 1e-13 and cycle.cold_heat < 0 < cycle.hot_heat,
    }
    assert signs[cycle.mode]
    if cycle.mode == "engine":
        assert cycle.efficiency < cycle.carnot_efficiency
    if cycle.mode == "refrigerator":
        assert cycle.coefficient_of_performance < cycle.carnot_coefficient


def strokes(hot, cold, *, levels=5, coupling=0.3, speed=1.0, low=0.0, high=4.0):
    """Up through a cold reservoir, down through a hot one."""
    met = low + (high - low) * np.arange(1, levels + 1) / (levels + 1)
    return [
        LandauZenerChain(
            energies=energies,
            couplings=coupling,
            speeds=speed,
            start=start,
            stop=stop,
            temperature=temperature,
            chemical_potential=0.5,
        )
        for energies, start, stop, temperature in (
            (met, low, high, cold),
            (met[::-1], high, low, hot),
        )
    ]


def test_driven_level_between_two_reservoirs():
    """The periodic occupation by iterating the recursion, work and heat from its definition."""
    up, down = strokes(2.0, 0.2)
    cycle = level_cycle([up, down]).cycle()
    p, keep = 0.3, up.diabatic_probabilities[0]
    for _ in range(200):
        work, heats = 0.0, []
        for stroke in (up, down):
            heat, position = 0.0, stroke.start
            for level in stroke.energies:
                work += (level - position) * p
                f = occupied(level, stroke.temperature, 0.5)
                after = keep * p + (1 - keep) * f
                heat += (level - 0.5) * (after - p)
                p, position = after, level
            work += (stroke.stop - position) * p
            heats.append(heat)
    assert cycle.mode == "engine"
    assert cycle.work == pytest.approx(work, abs=1e-13)
    assert cycle.chemical_work == pytest.approx(0.0, abs=1e-14)
    assert cycle.cold_heat == pytest.approx(heats[0], abs=1e-13)
    assert cycle.hot_heat == pytest.approx(heats[1], abs=1e-13)


def test_driven_level_approaches_a_reversible_stirling_engine():
    """Dense levels, slow strokes: the area between two isotherms, as the spacing goes to zero."""

    def isotherm(t):  # work from low to high along equilibrium, ∫ f dε
        omega = [-t * math.log1p(math.exp(-(e - 0.5) / t)) for e in (0.0, 4.0)]
        return omega[1] - omega[0]

    area = isotherm(2.0) - isotherm(0.2)
    errors = []
    for levels in (500, 2000):
        pair = strokes(2.0, 0.2, levels=levels, coupling=1.0, speed=0.05)
        errors.append(-level_cycle(pair).cycle().work / area - 1)
    assert abs(errors[1]) < 2e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


def carnot_strokes(levels, duration, *, optimal):
    """Isotherms between ε = T and 3T, hot down and cold up, with leaps at equal ε/T between."""
    made = []
    for temperature, way in ((2.0, (3.0, 1.0)), (1.0, (1.0, 3.0))):
        start, stop = temperature * way[0], temperature * way[1]
        met = start + (stop - start) * (np.arange(levels) + 0.5) / levels
        isotherm = LandauZenerChain(
            energies=met,
            couplings=math.sqrt(abs(stop - start) / levels / (2 * math.pi)),  # Γ = 1
            speeds=abs(stop - start) / duration,
            start=start,
            stop=stop,
            temperature=temperature,
            chemical_potential=0.0,
        )
        if optimal:
            isotherm = least_dissipation(isotherm, duration).chain
        made.append(isotherm)
    hot, cold = made

    def leap(start, stop):
        return LandauZenerChain(
            energies=[100.0 if stop > start else -100.0], couplings=1.0, speeds=1.0, start=start,
            stop=stop, temperature=1.0, chemical_potential=0.0,
        )  # fmt: skip

    return [hot, leap(2.0, 1.0), cold, leap(3.0, 6.0)]


@pytest.mark.slow
def test_driven_level_as_a_carnot_engine():
    """Slow isotherms reach Carnot's efficiency, the heat T ΔS; the best speeds come nearer."""
    filled = occupied(1, 1), occupied(3, 1)
    entropies = [-f * math.log(f) - (1 - f) * math.log(1 - f) for f in filled]
    lost = []
    for duration in (100.0, 400.0):
        even, best = (
            level_cycle(carnot_strokes(round(10 * duration), duration, optimal=o)).cycle()
            for o in (False, True)
        )
        assert even.mode == best.mode == "engine"
        assert even.efficiency < best.efficiency < best.carnot_efficiency == 0.5
        lost.append(1 - best.efficiency / 0.5)
    assert lost[0] / lost[1] == pytest.approx(4.0, rel=0.1)
    assert lost[1] < 0.01
    assert best.hot_heat == pytest.approx(2 * (entropies[0] - entropies[1]), rel=0.02)


def test_one_reservoir_stroke_by_stroke_is_no_cycle_between_temperatures():
    up, down = strokes(1.0, 1.0)
    with pytest.raises(InputError, match="two temperatures"):
        level_cycle([up, down]).cycle()
    with pytest.raises(InputError, match=r"strokes\[0\]"):
        level_cycle([up])
    with pytest.raises(InputError, match="hold at least one"):
        level_cycle([])
    far = strokes(1.0, 1.0, levels=0)
    with pytest.raises(InputError, match="cross none"):
        level_cycle(far)
    with pytest.raises(InputError, match="be two"):
        otto_cycle(energies=[1, 2], reservoirs=[Reservoir(1.0)], rates=1, durations=1)
    open_chain = MarkovChain.from_attempts(
        energies=[[0.0, 1.0], [0.0, 2.0]],
        reservoirs=[Reservoir(1.0), Reservoir(2.0)],
        attempts=[0.1 * PAIR, 0.1 * PAIR],
    )
    with pytest.raises(InputError, match="end where they began"):
        open_chain.cycle()


def test_heat_alone_is_conducted():
    cycle = MarkovChain.from_attempts(
        energies=[[0.0, 1.0]] * 2,
        reservoirs=[Reservoir(1.0), Reservoir(2.0)],
        attempts=[0.1 * PAIR, 0.1 * PAIR],
    ).cycle()
    assert cycle.mode == "conductor"
    assert cycle.work == 0
    assert cycle.hot_heat > 0
