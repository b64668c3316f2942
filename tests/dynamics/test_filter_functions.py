"""Filter functions against exact evolution under weak noise, and against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import filter_function
from anticrossing.environment.noise import GaussianNoise, OrnsteinUhlenbeckNoise
from tests.effort import slow

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
H = ac.models.LandauZener(gap=0.5)
SWEEP = ac.drive.Linear(-15, 15, rate=1.0)
OMEGA = np.linspace(-30.0, 30.0, 901)


@pytest.mark.parametrize("operator", [slow(X), Z, None], ids=["x", "z", "coordinate"])
def test_a_passage_loses_what_its_filter_function_says(operator: Any) -> None:
    found = filter_function(H, SWEEP, OMEGA, operator, basis="diabatic")
    assert found.completeness == pytest.approx(1.0, abs=2e-3)
    assert found.warnings == ()
    quiet = ac.propagate(H, SWEEP, basis="diabatic").final_state
    for time in (0.5, 5.0):
        noise = OrnsteinUhlenbeckNoise(1e-3, time, operator)
        noisy = ac.propagate(H, SWEEP, environment=noise, basis="diabatic", tolerance=1e-12)
        lost = 1 - (quiet.conj() @ noisy.density_matrix @ quiet).real
        assert found.loss(noise) == pytest.approx(lost, rel=3e-4)


def test_a_drive_dephases_levels_by_its_filter_function() -> None:
    """Levels that never turn: exp(−χ) is exact, at any strength."""
    h = ac.Hamiltonian.affine(0.5 * Z, 0.5 * Z)
    drive = ac.drive.Linear(1.0, 3.0, rate=0.1)
    omega = np.linspace(-40.0, 40.0, 2001)
    found = filter_function(h, drive, omega, levels=(0, 1))
    sinc = 0.5 * (20 * np.sinc(omega * 20 / (2 * np.pi))) ** 2
    assert found.filter == pytest.approx(sinc, abs=1e-9)
    noise = GaussianNoise([0.1, 0.05], [2.0, 0.5])
    plus = [0.5**0.5, 0.5**0.5]
    exact = ac.propagate(h, drive, environment=noise, initial=plus, tolerance=1e-9)
    assert 2 * abs(exact.density_matrix[0, 1]) == pytest.approx(
        np.exp(-found.loss(noise)), abs=1e-5
    )


def test_what_is_refused_and_what_is_said() -> None:
    short = filter_function(H, SWEEP, np.linspace(-1.0, 1.0, 21), X)
    assert "give more of them" in short.warnings[0]
    calls = [
        (lambda: filter_function(H, SWEEP, [1.0, 0.0], X), "`frequencies` must hold"),
        (lambda: filter_function(H, SWEEP, [0.0, 1e6], X), "`frequencies` must need at most"),
        (lambda: filter_function(H, SWEEP, OMEGA, np.eye(3)), "`operator` must have shape"),
        (lambda: filter_function(H, SWEEP, OMEGA, X, levels=(0, 2)), "`levels` must be"),
        (lambda: short.loss(ac.Dephasing(0.1)), "`noise` must have a spectrum"),
    ]
    for call, said in calls:
        with pytest.raises(ac.InputError, match=said) as caught:
            call()
        assert "\n" not in str(caught.value)
