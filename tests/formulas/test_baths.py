"""Closed forms and rates for a passage with a bath, against quadrature and exact evolution."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.environment.spectral_density import Discrete, Ohmic
from anticrossing.formulas import (
    cold_bath_landau_zener,
    polaron_landau_zener,
    polaron_rate,
    weak_bath_landau_zener,
)


def test_checked_values_of_a_cold_bath() -> None:
    found = cold_bath_landau_zener(
        gap=0.5, sweep_rate=1.0, reorganization_energy=0.36, strength=0.36, angle=[0.0, np.pi / 4]
    )
    assert (1 - found.value).round(5).tolist() == [0.32477, 0.35827]
    assert cold_bath_landau_zener(
        gap=0.5, sweep_rate=1.0, reorganization_energy=7.0, strength=9.0
    ).value == pytest.approx(float(ac.formulas.landau_zener(gap=0.5, sweep_rate=1.0)))
    warm = cold_bath_landau_zener(
        gap=0.5, sweep_rate=1.0, reorganization_energy=0.1, strength=0.1, temperature=1.0
    )
    assert not warm.valid


def correlation(t: float, kondo: float, cutoff: float, heat: float) -> complex:
    """e^{−Q(t)}, Q = (1/π)∫ J/ω² (coth(ω/2T)(1 − cos ωt) + i sin ωt), by quadrature."""

    def over(w: float) -> float:
        return 2 * kondo * np.exp(-w / cutoff) / w

    ends = [0, *np.geomspace(1e-3, 60 * cutoff, 60)]
    real = imaginary = 0.0
    for low, high in itertools.pairwise(ends):
        real += quad(
            lambda w: over(w) * 2 * np.sin(w * t / 2) ** 2 / np.tanh(w / (2 * heat)), low, high
        )[0]
        imaginary += quad(lambda w: over(w) * np.sin(w * t), low, high)[0]
    return complex(np.exp(-real - 1j * imaginary))


def test_correlation_of_the_polaron() -> None:
    from anticrossing.formulas.baths import _correlation

    for t in (0.3, 2.0):
        expected = correlation(t, 0.4, 5.0, 0.7)
        assert _correlation(np.array([t]), 0.4, 5.0, 0.7)[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("kondo", [0.1, 0.5, 1.5])
def test_rates_balance_and_add_up(kondo: float) -> None:
    bath = {"gap": 0.3, "kondo": kondo, "cutoff": 5.0, "temperature": 0.7}
    there, back = polaron_rate(energy=[0.9, -0.9], **bath)
    assert back / there == pytest.approx(np.exp(-0.9 / 0.7), rel=1e-6)
    energy = np.linspace(-150, 150, 40_001)
    total = np.trapezoid(polaron_rate(energy=energy, **bath), energy)
    assert total == pytest.approx(np.pi * 0.09 / 2, rel=1e-9)
    cold = polaron_rate(energy=energy, **{**bath, "temperature": 0.0})
    if kondo > 0.4:
        assert np.trapezoid(cold, energy) == pytest.approx(np.pi * 0.09 / 2, rel=1e-3)


@pytest.mark.slow
def test_limits_of_the_polaron_passage() -> None:
    gap, rate = 0.3, np.array([0.05, 0.5])
    bath = {"kondo": 0.5, "cutoff": 5.0}
    cold = np.exp(-np.pi * gap**2 / (2 * rate))
    hot = 0.5 * (1 + np.exp(-np.pi * gap**2 / rate))
    found = [
        polaron_landau_zener(gap=gap, sweep_rate=rate, temperature=heat, **bath).value
        for heat in (0.0, 0.05, 5e5)
    ]
    assert np.allclose(found[0], cold)
    assert np.allclose(found[1], cold, atol=5e-3)
    assert np.allclose(found[2], hot, atol=5e-3)


def test_weak_bath_against_the_secular_equation() -> None:
    density = Ohmic(reorganization_energy=0.002, cutoff=10.0)
    for rate in (0.1, 0.001):
        formula = weak_bath_landau_zener(
            gap=1.0, sweep_rate=rate, spectral_density=density, temperature=1.0
        )
        exact = ac.propagate(
            ac.models.LandauZener(gap=1.0),
            ac.drive.Linear(-200, 200, rate=rate),
            environment=ac.Bath(np.diag([0.5, -0.5]), density, 1.0),
        )
        assert formula.valid
        assert formula.value == pytest.approx(exact.probabilities[1], rel=1e-3)


def test_bad_arguments() -> None:
    with pytest.raises(ac.InputError, match="`kondo`"):
        polaron_rate(energy=1.0, gap=1.0, kondo=0.0, cutoff=1.0, temperature=1.0)
    with pytest.raises(ac.InputError, match="too low"):
        polaron_rate(energy=1.0, gap=1.0, kondo=0.1, cutoff=1.0, temperature=1e-6)
    with pytest.raises(ac.InputError, match="continuum"):
        weak_bath_landau_zener(
            gap=1.0,
            sweep_rate=1.0,
            spectral_density=Discrete(frequencies=[1.0], huang_rhys=[1.0]),
            temperature=1.0,
        )
