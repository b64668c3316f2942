"""Levels that decay: closed forms against exact evolution and exact resonances."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from scipy.integrate import quad, solve_ivp

from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    akulin_schleich,
    decaying_window,
    golden_rule_width,
    landau_zener,
    predissociation_width,
)
from tests.effort import slow


def survival(gap, rate, width, window):
    """Return the exact survival of the first diabatic state over [−T, T], by DOP853."""

    def slope(t, y):
        x = rate * t / 2
        return [
            -1j * (x * y[0] + gap / 2 * y[1]),
            -1j * (gap / 2 * y[0] - x * y[1]) - width / 2 * y[1],
        ]

    found = solve_ivp(
        slope, (-window, window), np.array([1, 0j]), method="DOP853", rtol=1e-11, atol=1e-13
    )
    return abs(found.y[0, -1]) ** 2


def test_akulin_and_schleich_is_landau_and_zener_whatever_the_width():
    """V = 0.3, v = 1: e^{−0.18π}."""
    found = akulin_schleich(gap=0.6, sweep_rate=1.0, width=[0.0, 3.0, 300.0])
    np.testing.assert_allclose(found.value, 0.5680836, atol=5e-8)
    assert found.value == pytest.approx(landau_zener(gap=0.6, sweep_rate=1.0).value, rel=1e-15)
    assert np.exp(found.log_value) == pytest.approx(found.value, rel=1e-15)


@pytest.mark.parametrize("width", [slow(1.0), 3.0, slow(10.0)])
def test_windows_approach_it_from_above(width):
    """As the ends cut off Γ g²/(α² T), which the law of the window counts."""
    infinite = akulin_schleich(gap=0.6, sweep_rate=1.0).value
    for window in (10.0, 20.0):
        exact = survival(0.6, 1.0, width, window)
        law = decaying_window(gap=0.6, sweep_rate=1.0, width=width, window=window)
        cut = 0.36 * width / (2 * window)
        assert exact - infinite == pytest.approx(infinite * cut, rel=0.15)
        assert law.valid
        assert law.value == pytest.approx(exact, abs=0.36 / window**2)


@pytest.mark.parametrize(
    ("gap", "rate", "width", "window"), [(0.6, 1.0, 40.0, 3.0), (2.0, 1.0, 30.0, 10.0)]
)
def test_the_law_of_the_window_for_strong_decay(gap, rate, width, window):
    exact = survival(gap, rate, width, window)
    law = decaying_window(gap=gap, sweep_rate=rate, width=width, window=window)
    assert law.valid
    # The level that decays has to follow first: once, at the start.
    assert np.log(exact) == pytest.approx(law.log_value, abs=2.5 * gap**2 / width**2)


def test_checks():
    assert akulin_schleich(gap=0.6, sweep_rate=1.0, width=3.0, window=200.0).valid
    assert not akulin_schleich(gap=0.6, sweep_rate=1.0, width=300.0, window=200.0).valid
    assert not akulin_schleich(gap=0.6, sweep_rate=1.0, window=2.0).valid
    weak = decaying_window(gap=0.6, sweep_rate=1.0, width=0.05, window=10.0)
    assert not weak.valid  # exact: what was transferred is still there, and comes back
    assert abs(weak.value - survival(0.6, 1.0, 0.05, 10.0)) > 1e-3


def test_golden_rule_width_of_a_level_in_a_band():
    """A level among 401 states a distance 0.02 apart, before they answer."""
    spacing, coupling = 0.02, 0.01
    band = spacing * np.arange(-200, 201)
    h = np.diag(np.concatenate([[0.0], band]))
    h[0, 1:] = h[1:, 0] = coupling
    values, vectors = np.linalg.eigh(h)
    width = golden_rule_width(coupling=coupling, density=1 / spacing).value
    assert width == pytest.approx(2 * np.pi * coupling**2 / spacing, rel=1e-14)
    for time in (40.0, 80.0):  # of 2π/0.02 = 314 until the band answers
        left = abs(np.sum(vectors[0] ** 2 * np.exp(-1j * values * time))) ** 2
        assert np.log(left) == pytest.approx(-width * time, rel=6e-3)


FORCE, PLACE = 2.0, 3.0


def curves(x):
    """Return ½x², and a curve that falls through it at x = 3."""
    return 0.5 * x**2, 0.5 * PLACE**2 - FORCE * (x - PLACE)


def resonances(coupling, count=700, left=-13.0, right=24.0):
    """Return complex levels of two coupled curves, the outgoing one absorbed (sinc basis)."""
    x = np.linspace(left, right, count)
    step = x[1] - x[0]
    k = np.arange(count)
    apart = k[:, None] - k
    kinetic = (
        np.where(apart == 0, np.pi**2 / 6, (-1.0) ** apart / np.where(apart == 0, 1, apart) ** 2)
        / step**2
    )
    bound, repulsive = curves(x)
    absorbed = -1j * 3.0 * np.maximum((x - 10.0) / (right - 10.0), 0.0) ** 3 * 6
    h = np.zeros((2 * count, 2 * count), dtype=complex)
    h[:count, :count] = kinetic + np.diag(np.minimum(bound, 120.0))
    h[count:, count:] = kinetic + np.diag(np.minimum(repulsive, 120.0) + absorbed)
    h[:count, count:] = h[count:, :count] = coupling * np.eye(count)
    return scipy.linalg.eigvals(h)


def phase(energy):
    """Return the difference of the actions up to the crossing, less π/4."""
    inner_bound, inner = -np.sqrt(2 * energy), PLACE - (energy - 0.5 * PLACE**2) / FORCE
    one = quad(lambda x: np.sqrt(max(2 * energy - x**2, 0)), inner_bound, PLACE, limit=200)[0]
    two = quad(lambda x: np.sqrt(max(2 * (energy - curves(x)[1]), 0)), inner, PLACE, limit=200)[0]
    return one - two - np.pi / 4


@pytest.mark.slow
def test_predissociation_widths_are_those_of_exact_resonances():
    coupling = 0.1
    values = resonances(coupling)
    widths, predicted = [], []
    for n in range(8, 20):
        near = np.argmin(np.abs(values - (n + 0.5)))
        widths.append(-2 * values[near].imag)
        energy = n + 0.5
        velocity = np.sqrt(2 * energy - PLACE**2)
        found = predissociation_width(
            coupling=coupling,
            slope_difference=PLACE + FORCE,
            velocity=velocity,
            quantum=1.0,
            phase=phase(energy),
        )
        assert found.valid
        predicted.append(found.value)
    widths, predicted = np.array(widths), np.array(predicted)
    # The curves cross a second time, at an energy of 24.5.
    np.testing.assert_allclose(predicted, widths, atol=0.02 * widths.max())
    assert np.ptp(widths) > 0.5 * widths.max()


def test_predissociation_without_a_phase_is_the_average():
    angles = np.linspace(0, np.pi, 9)[:-1]
    given = {"coupling": 0.2, "slope_difference": -4.0, "velocity": -3.0, "quantum": 0.5}
    every = predissociation_width(**given, phase=angles).value
    assert np.mean(every) == pytest.approx(predissociation_width(**given).value, rel=1e-14)
    assert not predissociation_width(**(given | {"coupling": 2.0})).valid
    turning = predissociation_width(**(given | {"velocity": 0.003}))
    assert any("turning point" in said for said in turning.warnings)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: akulin_schleich(gap=-1.0, sweep_rate=1.0), "gap"),
        (lambda: akulin_schleich(gap=1.0, sweep_rate=0.0), "sweep_rate"),
        (lambda: akulin_schleich(gap=1.0, sweep_rate=1.0, width=-1.0), "width"),
        (lambda: decaying_window(gap=1.0, sweep_rate=1.0, width=0.0, window=1.0), "width"),
        (lambda: golden_rule_width(coupling=1.0, density=-1.0), "density"),
        (
            lambda: predissociation_width(
                coupling=1.0, slope_difference=0.0, velocity=1.0, quantum=1.0
            ),
            "slope_difference",
        ),
        (
            lambda: predissociation_width(
                coupling=1.0, slope_difference=1.0, velocity=1.0, quantum=-1.0
            ),
            "quantum",
        ),
    ],
)
def test_bad_input_is_one_line(call, text):
    with pytest.raises(InputError, match=f"`{text}`") as caught:
        call()
    assert "\n" not in str(caught.value)
