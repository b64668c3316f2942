"""A condensate's loop, exponent and slow limit, against quadrature and mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.formulas import (
    landau_zener,
    mean_field_exponent,
    mean_field_landau_zener,
    mean_field_loop,
)


@pytest.mark.parametrize("ratio", [1e-6, 0.1, 0.5, 0.9, 0.9999])
def test_exponent_by_mpmath(ratio: float) -> None:
    r = mpmath.mpf(ratio)
    edge = mpmath.sqrt(r ** (-mpmath.mpf(2) / 3) - 1)

    def integrand(y: Any) -> Any:
        left = (1 + y**2) ** mpmath.mpf(-1.5) - r
        return (1 + y**2) ** 0.25 * (left if left > 0 else mpmath.mpf(0)) ** 1.5

    points = [0, *(edge * p for p in (0.01, 0.1, 0.5, 0.9, 0.99)), edge]
    exact = 4 / mpmath.pi * mpmath.quad(integrand, points)
    found = mean_field_exponent(gap=2.0, interaction=2.0 * ratio).value
    assert found == pytest.approx(float(exact), rel=1e-9)


def test_exponent_at_its_ends() -> None:
    found = mean_field_exponent(gap=1.0, interaction=[0.0, 1.0, 3.0]).value
    assert found == pytest.approx([1.0, 0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("ratio", [1.05, 1.2, 1.5, 2.0, 4.0, 8.0, 100.0])
def test_slow_limit_is_the_area_of_the_loop_through_the_cusp(ratio: float) -> None:
    c, x = ratio, (ratio ** (2 / 3) - 1) ** 1.5
    first = (1 - ratio ** (-2 / 3)) ** 0.5
    # E = x s/2 − c s²/4 + ½√(1 − s²) cos φ, of the cusp at φ = π
    energy = x * first / 2 - c * first**2 / 4 - 0.5 * (1 - first**2) ** 0.5

    def width(s: float) -> float:
        rest = (energy - x * s / 2 + c * s**2 / 4) / (0.5 * (1 - s**2) ** 0.5)
        return float(np.arccos(np.clip(-rest, -1, 1)))

    area = quad(width, -1, first, limit=1000, epsabs=1e-10)[0] / (2 * np.pi)
    found = mean_field_landau_zener(gap=1.0, interaction=c, sweep_rate=1e-9)
    assert found.value == pytest.approx(area, abs=2e-6)
    assert found.value == pytest.approx(x / c, rel=1e-12)
    assert mean_field_loop(gap=1.0, interaction=c).value == pytest.approx(x, rel=1e-12)


def test_without_interaction_it_is_landau_zener() -> None:
    rate = np.array([0.1, 1.0, 10.0])
    found = mean_field_landau_zener(gap=1.3, interaction=0.0, sweep_rate=rate)
    assert found.value == pytest.approx(landau_zener(gap=1.3, sweep_rate=rate).value, rel=1e-12)
    assert found.valid


def test_domain() -> None:
    assert mean_field_landau_zener(gap=1.0, interaction=[0.5, 2.0], sweep_rate=1e-3).valid
    near = mean_field_landau_zener(gap=1.0, interaction=[0.99, 1.0, 1.01], sweep_rate=1e-3)
    assert not near.valid
    fast = mean_field_landau_zener(gap=1.0, interaction=2.0, sweep_rate=1.0)
    assert len(fast.warnings) == 2
    assert mean_field_landau_zener(gap=1.0, interaction=0.5, sweep_rate=1e-5).log_value < -1e3


@pytest.mark.slow
def test_exact_evolution_keeps_below_the_exponential() -> None:
    """What the exponential leaves out: a factor below 1 that falls with the rate."""
    rate = np.array([0.2, 0.1, 0.05])
    left = ac.dynamics.evolve_mean_field(
        ac.models.TwoModeCondensate(gap=1.0, interaction=0.5), ac.drive.Linear(-30, 30, rate=rate)
    ).probabilities[:, 1]
    law = mean_field_landau_zener(gap=1.0, interaction=0.5, sweep_rate=rate).value
    part = left / law
    assert part == pytest.approx([0.128, 0.0753, 0.043], rel=0.02)
    assert np.all(np.diff(np.log(part)) / np.log(0.5) < 1)


def test_power_of_the_critical_interaction() -> None:
    rate = np.array([8e-3, 4e-3])
    left = ac.dynamics.evolve_mean_field(
        ac.models.TwoModeCondensate(gap=1.0, interaction=1.0), ac.drive.Linear(-20, 20, rate=rate)
    ).probabilities[:, 1]
    assert np.log2(left[0] / left[1]) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: mean_field_loop(gap=-1.0, interaction=1.0), "gap"),
        (lambda: mean_field_loop(gap=1.0, interaction=-1.0), "interaction"),
        (lambda: mean_field_exponent(gap=0.0, interaction=1.0), "gap"),
        (lambda: mean_field_landau_zener(gap=1.0, interaction=1.0, sweep_rate=0.0), "sweep_rate"),
        (lambda: mean_field_landau_zener(gap=1.0, interaction=np.nan, sweep_rate=1), "interaction"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], name: str) -> None:
    with pytest.raises(ac.InputError, match=rf"Argument `{name}` must .*, but"):
        call()
