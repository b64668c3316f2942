"""Berry's universal history: its limits, its two forms, and the exact passage."""

import math

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import formulas


def test_it_ends_at_the_landau_zener_probability_and_begins_at_nothing():
    rates = np.array([0.05, 0.1, 0.2])
    final = formulas.landau_zener_history(time=1e4, gap=1.0, sweep_rate=rates)
    landau_zener = formulas.landau_zener(gap=1.0, sweep_rate=rates)
    assert final.value == pytest.approx(np.asarray(landau_zener.value), rel=1e-13)
    half = formulas.landau_zener_history(time=0.0, gap=1.0, sweep_rate=rates)
    assert half.value == pytest.approx(final.value / 4, rel=1e-13)
    before = formulas.landau_zener_history(time=-30.0, gap=1.0, sweep_rate=0.1)
    assert before.log_value == pytest.approx(math.log(before.value), rel=1e-13)
    assert before.value < 1e-100 * half.value[1]


def test_the_general_form_is_the_same_for_a_linear_sweep():
    times = np.array([-40.0, -5.0, 0.0, 0.0, 3.0, 60.0])
    linear = formulas.landau_zener_history(time=times, gap=1.0, sweep_rate=0.1)
    general = formulas.transition_history("sqrt(1 + (0.1*t)**2)", time=times)
    pair = formulas.transition_history(detuning="0.1*t", coupling=1.0, time=times[::-1])
    assert general.log_value == pytest.approx(linear.log_value, rel=1e-12)
    assert pair.log_value[::-1] == pytest.approx(linear.log_value, rel=1e-12)
    assert general.optimal_order == pytest.approx(linear.optimal_order)
    assert linear.valid
    assert not formulas.landau_zener_history(time=0.0, gap=1.0, sweep_rate=1.0).valid


@pytest.mark.slow
def test_a_cubic_sweep_has_the_same_history_in_its_natural_time():
    detuning = "0.0625*t + 0.1*(0.0625*t)**3"
    times = np.linspace(-12, 12, 49)
    law = formulas.transition_history(detuning=detuning, coupling=1.0, time=times)
    exact = ac.propagate(
        ac.models.LandauZener(gap=1.0),
        ac.drive.Formula(detuning, -128.0, 128.0),
        basis="superadiabatic",
        times=times,
        tolerance=1e-13,
    )
    final = math.sqrt(exact.probabilities[1])
    # The Dykhne-Davis-Pechukas exponent is asymptotic itself.
    amplitudes = np.sqrt(exact.populations[:, 1])
    assert np.max(np.abs(amplitudes - np.abs(law.amplitude))) < 0.08 * final
    assert exact.readout_order == pytest.approx(law.optimal_order[0], abs=1)
    assert law.natural_time[24] == pytest.approx(0.0, abs=1e-12)


def test_two_steps_interfere_like_their_amplitudes():
    # A detuning that passes zero twice: each step switches one of the two amplitudes on.
    arguments = {"detuning": "0.02*t**2 - 2", "coupling": 1.0}
    late = formulas.transition_history(**arguments, time=60.0, window=(-30.0, 30.0))
    both = formulas.dykhne_davis_pechukas(**arguments, window=(-30.0, 30.0))
    assert both.zeros.size == 2
    assert late.value == pytest.approx(both.value, rel=1e-10)
    between = formulas.transition_history(**arguments, time=0.0, window=(-30.0, 30.0))
    one = math.exp(-2 * both.actions.imag[0])
    assert between.value == pytest.approx(one, rel=0.05)


def test_extremes_neither_overflow_nor_lose_the_logarithm():
    found = formulas.landau_zener_history(
        time=[-1e6, 1e6, 1e12, 0.0],
        gap=[1.0, 1.0, 1.0, 1e-160],
        sweep_rate=[1e12, 1e-3, 1e-150, 1e-321],
    )
    assert np.all(np.isfinite(found.log_value))
    assert found.log_value[1] == pytest.approx(-500 * math.pi, rel=1e-12)
    assert found.value[1] == 0.0
    with pytest.raises(ac.InputError, match="stay open at real times"):
        formulas.transition_history("t", time=1.0)
    with pytest.raises(ac.InputError, match="positive"):
        formulas.landau_zener_history(time=0.0, gap=0.0, sweep_rate=1.0)
