"""Many periods by powers of one: against every period in turn, closed forms, and steady states."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import anticrossing as ac
from anticrossing.drive import Formula, Linear, Path, Sinusoidal, Sum
from anticrossing.drive.repetition import repetition
from anticrossing.dynamics import many_periods, one_period_propagator, periodic_steady_state
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.reference import propagator
from tests.effort import slow

OMEGA = 1.3
QUBIT = ac.models.LandauZener(gap=0.7)
WARM = ac.ThermalRelaxation(temperature=0.5, t1=50.0) + ac.Dephasing(rate=0.05)
NUMBERS = (
    "transition_matrix",
    "probabilities",
    "populations",
    "propagator",
    "amplitudes",
    "states",
    "final_state",
    "density_matrix",
    "density_matrices",
    "superoperator",
)
SPIN = ac.Hamiltonian.from_matrix(
    [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z")
)


def sine(periods: float, **details: Any) -> ac.drive.Drive:
    return Sinusoidal(0.3, 2.0, OMEGA, stop_time=periods * 2 * np.pi / OMEGA, **details)


def levels(count: int) -> ac.Hamiltonian:
    rng = np.random.default_rng(count)
    h = rng.normal(size=(count, count)) + 1j * rng.normal(size=(count, count))
    return ac.Hamiltonian.affine(0.5 * (h + h.conj().T), np.diag(np.arange(count) * 1.0))


# ---- against every period in turn --------------------------------------------------------------

TIMES = [3.0, 3.0 + 4 * np.pi / OMEGA, 50.0, 97.0]
TWO_TONES = Formula("a*cos(w*t) + b*sin(3*w*t + 0.2)*cos(w*t)", 0, 100, a=1.0, b=2.0, w=0.9)
SUM = Sum(*(Sinusoidal(0.1, 1.5, w, stop_time=300.0) for w in (0.4, 0.6)))
BATCH = Sinusoidal([0.1, 0.3], [[1.0], [2.0]], [1.0, 1.3], start_time=5.0, stop_time=97.0)
BREAKS = {"breakpoints": [40.0, 60.5]}


@pytest.mark.parametrize(
    ("hamiltonian", "drive", "details"),
    [
        (QUBIT, sine(20.4), {"times": TIMES, **BREAKS}),
        slow(QUBIT, sine(100), {"basis": "superadiabatic", "times": TIMES}),
        (QUBIT, BATCH, {"times": [7.0, 7.0 + 6 * np.pi, 97.0], "basis": "diabatic"}),
        (QUBIT, TWO_TONES, {"times": TIMES, "initial": 1}),
        (QUBIT, SUM, {}),
        (levels(3), sine(20.4), {"times": TIMES}),
        (levels(4), sine(40.4), {"times": TIMES, "whole": False}),
        (ac.models.LandauZener(gap=[0.0, 0.3]), sine(30), {"initial": [0.6, 0.8j]}),
        (ac.models.TransverseIsing(sites=4), sine(20.4), {"times": TIMES}),
        (QUBIT, sine(20.4), {"environment": WARM, "times": TIMES}),
        (QUBIT, sine(20.4), {"environment": ac.Dephasing(rate=[0.1, 0.2]), "basis": "diabatic"}),
        slow(levels(3), sine(20.4), {"environment": WARM, "times": TIMES}),
        slow(levels(4), sine(100), {"environment": WARM, "times": TIMES, "whole": False}),
        slow(levels(6), sine(100), {"times": TIMES, "basis": "diabatic"}),
    ],
)
def test_the_same_as_period_by_period(
    monkeypatch: pytest.MonkeyPatch, hamiltonian: Any, drive: Any, details: dict[str, Any]
) -> None:
    found = ac.propagate(hamiltonian, drive, **details)
    monkeypatch.setattr(many_periods, "FEWEST", np.inf)
    unsplit = ac.propagate(hamiltonian, drive, **details)
    assert many_periods.METHOD in found.method
    assert many_periods.METHOD not in unsplit.method
    for name in NUMBERS:
        ours, theirs = getattr(found, name), getattr(unsplit, name)
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            assert ours.shape == theirs.shape
            assert np.max(np.abs(ours - theirs), initial=0.0) < 1e-10, name
    assert found.sectors == unsplit.sectors


@pytest.mark.slow
def test_against_runge_kutta() -> None:
    drive = sine(12.3)
    found = ac.propagate(levels(3), drive, basis="diabatic")
    assert many_periods.METHOD in found.method
    assert np.max(np.abs(found.propagator - propagator(levels(3), drive))) < 1e-9


# ---- at any number of periods ------------------------------------------------------------------


def rotating(periods: float) -> tuple[Any, np.ndarray]:
    """Return a spin in a rotating field, and its exact transition matrix (Rabi)."""
    splitting, field, omega = 1.1, 0.2, 1.0
    stop = periods * 2 * np.pi / omega
    path = Path(
        x=Sinusoidal(0.0, field, omega, stop_time=stop),
        y=Sinusoidal(0.0, field, omega, stop_time=stop, phase=-np.pi / 2),
        z=splitting,
    )
    with mpmath.workdps(40):
        detuning = mpmath.mpf(splitting) - omega
        rabi = mpmath.sqrt(detuning**2 + mpmath.mpf(field) ** 2)
        flip = float((field / rabi * mpmath.sin(rabi * mpmath.mpf(stop) / 2)) ** 2)
    return path, np.array([[1 - flip, flip], [flip, 1 - flip]])


@pytest.mark.parametrize("periods", [10, 1e3 + 0.3, 1e6 + 0.41, 1e7 + 0.77])
def test_a_rotating_field_at_any_number_of_periods(periods: float) -> None:
    path, exact = rotating(periods)
    found = ac.propagate(SPIN, path, basis="diabatic")
    error = np.max(np.abs(found.transition_matrix - exact))
    assert error < min(float(found.error_estimate), 1e-9 + 2e-15 * periods)
    assert found.panels < 60
    # The bound grows with the periods, and is no more than the rounding of a period's phases.
    assert found.error_estimate < 1e-10 + 1e-11 * periods
    assert bool(found.warnings) == (found.error_estimate > 1e-9)
    assert np.max(np.abs(found.propagator.conj().T @ found.propagator - np.eye(2))) < 1e-14


def test_the_steady_state_after_a_million_periods() -> None:
    drive = sine(1e6)
    found = ac.propagate(QUBIT, drive, environment=WARM)
    steady = periodic_steady_state(QUBIT, sine(1), WARM)
    assert np.max(np.abs(found.density_matrix - steady.density_matrix)) < 1e-11
    # What one period leaves open is forgotten in the relaxation time: no error adds up.
    assert found.error_estimate < 1e-9
    assert not found.warnings


def test_weak_relaxation_adds_up() -> None:
    weak = ac.Lindblad([1e-4 * np.diag([1.0, 0.0])])
    found = ac.propagate(QUBIT, sine(1e6), environment=weak, basis="diabatic")
    one = ac.propagate(QUBIT, sine(1), environment=weak, basis="diabatic", tolerance=1e-13)
    values, vectors = np.linalg.eig(one.superoperator)
    power = vectors @ np.diag(values**1e6) @ np.linalg.inv(vectors)
    assert np.max(np.abs(found.superoperator - power)) < found.error_estimate
    assert found.error_estimate < 1e-5


# ---- what is a period --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drive", "period"),
    [
        (Formula("cos(0.3*t)*sin(0.1*t)", 0, 1), 2 * np.pi / 0.1),
        (Formula("exp(cos(w*(t - 1)) + 2)/(3 + sin(t/2))", 0, 1, w=1.5), 4 * np.pi),
        (Formula("cos(2*t + sin(3*t))", 0, 1), 2 * np.pi),
        (Formula("a + b*cos(w*t)", 0, 1, a=1.0, b=2.0, w=[0.5, 2.0]), [4 * np.pi, np.pi]),
        (Formula("cos(t)**2 + cos(sqrt(2)*t)", 0, 1), None),
        (Formula("cos(t) + 0.1*t", 0, 1), None),
        (Formula("cos(t**2)", 0, 1), None),
        (Formula("cos(w*t)", 0, 1, w=[0.0, 1.0]), None),
        (Formula("cos(t) + cos(1.0000001*t)", 0, 1), None),
        (Linear(-1, 1, rate=1.0), None),
        (Path(x=Sinusoidal(0, 1, 0.5), y=Sinusoidal(0, 1, 0.5), z=0.2).clock, 4 * np.pi),
    ],
)
def test_periods_are_read_off_formulas(drive: Any, period: Any) -> None:
    found = repetition(drive)
    if period is None:
        assert found is None
        return
    assert found is not None
    assert np.allclose(found.period, period, rtol=1e-15)
    with mpmath.workdps(40):
        for part, w, n in zip(
            found.parts().reshape(3, -1).T,
            found.frequency.ravel(),
            found.turns.ravel(),
            strict=True,
        ):
            exact = 2 * mpmath.pi * int(n) / mpmath.mpf(float(w))
            assert abs(mpmath.fsum(map(mpmath.mpf, map(float, part))) / exact - 1) < 1e-31


@pytest.mark.parametrize(
    "environment",
    [
        ac.Lindblad([("0.1*exp(-t)", [[0, 1], [0, 0]])]),
        ac.Lindblad([(lambda x, t: 0.1 + 0 * t, [[0, 1], [0, 0]])]),
    ],
)
def test_rates_that_may_change_with_time_have_no_period(environment: Any) -> None:
    found = ac.propagate(QUBIT, sine(8.5), environment=environment)
    assert many_periods.METHOD not in found.method


def test_steady_states_find_the_period_of_a_formula() -> None:
    drive = Formula("cos(2*t) + 0.5*cos(3*t)", 0, 10)
    found = one_period_propagator(QUBIT, drive)
    whole = Formula("cos(2*t) + 0.5*cos(3*t)", 0, 2 * np.pi)
    assert np.max(np.abs(found - propagator(QUBIT, whole))) < 1e-9


@pytest.mark.slow
def test_a_window_of_whole_periods_has_as_many() -> None:
    # Rounding puts its end just before or behind the last period's.
    def sweep(frequency: float, start: float, count: float) -> ac.drive.Drive:
        stop = start + count * (2 * np.pi / frequency)
        return Sinusoidal(0.2, 1.5, frequency, start_time=start, stop_time=stop, phase=0.7)

    levels, counts = ac.models.LandauZener(gap=0.6), (8, 10, 1000, 12345)
    rng = np.random.default_rng(3)
    for frequency, start in zip(
        rng.uniform(0.3, 3, 100).round(3), rng.uniform(-20, 20, 100), strict=True
    ):
        for count in counts:
            periods = many_periods.Periods.of(Lanes.of(levels, sweep(frequency, start, count)))
            if periods is not None:  # eight may be less by rounding
                whole, rest = periods.split(periods.lanes.stop[:, None])
                assert (whole[0, 0], rest[0, 0]) == (count, 0.0)
    for environment in (None, ac.Decay([0.05, 0.01])):
        some, more = (
            ac.propagate(levels, sweep(2.0233, -3.7, count), environment=environment)
            for count in (8, 8 + 1e-10)
        )
        assert many_periods.METHOD in some.method
        np.testing.assert_allclose(some.probabilities, more.probabilities, atol=1e-8)
