"""Closed forms of noisy couplings inside `passage`: offered, checked, and held against averages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.environment.noise import (
    GaussianNoise,
    OrnsteinUhlenbeckNoise,
    QuasiStaticNoise,
    TelegraphNoise,
)

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
SWEEP = ac.drive.Linear(-200, 200, rate=1.0)


def passed(noise: Any, gap: float = 0.3, sweep: Any = SWEEP, **given: Any) -> Any:
    levels = ac.models.LandauZener(gap=gap)
    return ac.passage(
        levels, sweep, environment=noise, **{"basis": "diabatic", "tolerance": 1e-4, **given}
    )


def test_noise_that_stands_still_is_kayanumas_average() -> None:
    found = passed(QuasiStaticNoise(0.3, X), sweep=ac.drive.Linear(-60, 60, rate=1.0))
    (form,) = found.predictions
    assert "Kayanuma" in form.name
    assert form.probabilities[0] == pytest.approx(found.exact.probabilities[0], abs=0.01)
    exact = np.exp(-np.pi * 0.09 / 2 / (1 + 4 * np.pi * 0.09)) / np.sqrt(1 + 4 * np.pi * 0.09)
    assert form.probabilities[0] == pytest.approx(exact, rel=1e-12)


def test_what_is_no_coupling_has_none() -> None:
    short: dict[str, Any] = {"sweep": ac.drive.Linear(-10, 10, rate=1.0), "tolerance": 1e-3}
    for noise, why in (
        (TelegraphNoise(0.3, 2.0, Z), "moves the levels"),
        (TelegraphNoise(0.3, 2.0), "noise of the coupling"),
        (TelegraphNoise(0.3, 2.0, X, occupation=0.3), "mean"),
        (TelegraphNoise(0.3, 2.0, X) + ac.FixedAxisDephasing(0.1), "alone"),
    ):
        found = passed(noise, **short)
        assert found.predictions == ()
        assert any(why in said for said in found.warnings)
    aside = passed(QuasiStaticNoise(0.3, Y), **short)  # no average over values of one coupling
    assert aside.predictions == ()


@pytest.mark.slow
def test_limits_hold_where_they_say_so() -> None:
    for noise, valid, reach in (
        (OrnsteinUhlenbeckNoise(0.3, 0.05, X), "fast", 250),
        (TelegraphNoise(0.3, 0.05, Y), "fast", 250),
        (OrnsteinUhlenbeckNoise(0.3, 1e3, X), "slow", 60),
        (GaussianNoise([0.2, 0.1], [1e3, 1e4], X), "slow", 60),
    ):
        sweep = ac.drive.Linear(-reach, reach, rate=1.0)
        found = passed(noise, tolerance=1e-3, sweep=sweep)
        held = [form for form in found.predictions if form.valid]
        assert [valid in form.name for form in held] == [True]
        assert held[0].probabilities == pytest.approx(found.exact.probabilities, abs=0.02)
