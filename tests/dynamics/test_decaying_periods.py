"""Many periods of levels that decay: against powers of one period's map by Runge and Kutta."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.dynamics import many_periods
from tests.effort import slow

FREQUENCY = 1.3
PERIOD = 2 * np.pi / FREQUENCY
LEVELS = ac.models.LandauZener(gap=0.6)
DECAY = ac.Decay([0.0, 0.003])


def driven(periods: float) -> ac.Drive:
    return ac.drive.Sinusoidal(
        offset=0.4, amplitude=2.0, frequency=FREQUENCY, stop_time=periods * PERIOD
    )


def by_steps(time: float, width: float = 0.003) -> np.ndarray:
    """The map of amplitudes from 0 to a time within a period."""

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        x = 0.4 + 2.0 * np.cos(FREQUENCY * t)
        h = np.array([[x / 2, 0.3], [0.3, -x / 2 - 0.5j * width]])
        return (-1j * h @ y.reshape(2, 2)).ravel()

    start = np.eye(2, dtype=complex).ravel()
    solved = solve_ivp(slope, (0, time), start, method="DOP853", rtol=1e-12, atol=1e-14)
    return solved.y[:, -1].reshape(2, 2)


@pytest.mark.parametrize("count", [slow(100), 10_000])
def test_powers_of_one_period(count: int) -> None:
    one, part = by_steps(PERIOD), by_steps(0.3 * PERIOD)
    found = ac.propagate(
        LEVELS,
        driven(count + 0.3),
        environment=DECAY,
        basis="diabatic",
        times=np.array([0.0, 0.3, 3.0, 3.3, count / 2 + 0.3, count]) * PERIOD,
    )
    assert found.method.endswith(many_periods.METHOD)
    assert found.panels < 30
    for k, (whole, rest) in enumerate(
        [(0, False), (0, True), (3, False), (3, True), (count // 2, True), (count, False)]
    ):
        state = np.linalg.matrix_power(one, whole)[:, 0]
        state = part @ state if rest else state
        assert found.states[k] == pytest.approx(state, abs=1e-8)
    last = part @ np.linalg.matrix_power(one, count)
    assert found.propagator == pytest.approx(last, abs=1e-8)
    exact = np.log(np.sum(np.abs(last[:, 0]) ** 2))
    assert found.log_survival == pytest.approx(exact, abs=1e-10 * count)
    assert abs(found.log_survival - exact) < found.log_survival_error + 1e-9 * count


def test_what_underflows_keeps_its_logarithm() -> None:
    """The slowest mode of one period goes on alone."""
    rates = 2 * np.log(np.abs(np.linalg.eigvals(by_steps(PERIOD, 3.0))))
    found = [
        ac.propagate(LEVELS, driven(n), environment=ac.Decay([0.0, 3.0])).log_survival
        for n in (10_000, 20_000)
    ]
    assert found[1] < -800  # e^{−800} is no double
    assert found[1] - found[0] == pytest.approx(10_000 * np.max(rates), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("beside", [None, ac.Dephasing(0.01)])
def test_it_is_what_following_every_period_gives(
    beside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a batch of different numbers of periods, with cuts, of amplitudes and densities."""
    drive = ac.drive.Sinusoidal(
        offset=0.4, amplitude=2.0, frequency=np.array([1.0, 1.7]), stop_time=70.0
    )
    environment = DECAY if beside is None else DECAY + beside
    times, cut = np.linspace(0.0, 69.0, 24), [11.1, 33.3]

    def followed() -> ac.dynamics.Propagation:
        return ac.propagate(
            LEVELS, drive, environment=environment, times=times, breakpoints=cut, initial=1
        )

    found = followed()
    monkeypatch.setattr(many_periods, "FEWEST", 1000)
    other = followed()
    assert found.method != other.method
    assert found.populations == pytest.approx(other.populations, abs=1e-9)
    assert found.transition_matrix == pytest.approx(other.transition_matrix, abs=1e-9)
    assert found.survivals == pytest.approx(other.survivals, abs=1e-9)
    assert np.all(np.abs(found.log_survival - other.log_survival) < 1e-8)
