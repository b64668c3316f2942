"""Periodic steady states and their maps averaged over noise, against other ways to the average."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import jv

import anticrossing as ac
from anticrossing.dynamics import interferogram, level_interferogram, periodic_steady_state
from anticrossing.environment.noise import (
    GaussianNoise,
    OrnsteinUhlenbeckNoise,
    PinkNoise,
    QuasiStaticNoise,
    TelegraphNoise,
)

X, Z, ONE = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0]), np.eye(2)
LOWER = np.array([[0.0, 0.0], [1.0, 0.0]])
JUMPS = [0.3 * LOWER, 0.1 * LOWER.T, 0.2 * Z]
FIXED = ac.Lindblad(JUMPS)
EIGEN = ac.ThermalRelaxation(temperature=0.3, t1=20.0) + ac.Dephasing(rate=0.1)
H = ac.models.LandauZener(gap=0.4)
DRIVE = ac.drive.Sinusoidal(1.0, 2.0, 1.0)
POINT: dict[str, Any] = {"offset": 1.0, "amplitude": 2.0, "frequency": 1.0}


def steady(environment: Any, h: Any = H, drive: Any = DRIVE, **given: Any) -> Any:
    return periodic_steady_state(h, drive, environment, **{"basis": "diabatic", **given})


def doubled(amplitude: float, time: float, operator: Any) -> np.ndarray:
    """The telegraph's state is one more two-level system."""
    h = ac.Hamiltonian.from_terms(
        [
            ("x", np.kron(ONE, Z / 2)),
            ("1", np.kron(ONE, 0.2 * X) + amplitude * np.kron(Z, operator)),
        ]
    )
    jumps = [np.sqrt(0.5 / time) * np.kron(X, ONE), *(np.kron(ONE, jump) for jump in JUMPS)]
    found = steady(ac.Lindblad(jumps), h).populations
    return np.asarray(found.reshape(2, 2).sum(axis=0))


def over_values(one: Any, rms: float, nodes: int = 40) -> Any:
    """Gauss and Hermite's rule."""
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    each = [one(rms * z) * w for z, w in zip(places, weights, strict=True)]
    return sum(each) / weights.sum()


def test_telegraph_noise_is_the_doubled_lindblad_equation() -> None:
    for noise, operator in ((TelegraphNoise(0.3, 2.0, X), X), (TelegraphNoise(0.6, 2.0), Z / 2)):
        amplitude = float(noise.amplitude)
        found = steady(noise + FIXED)
        assert found.populations == pytest.approx(doubled(amplitude, 2.0, operator), abs=1e-8)
        assert found.error_estimate < 1e-8
        mapped = level_interferogram(H, noise + FIXED, **POINT, tolerance=1e-8)
        assert np.max(np.abs(mapped.populations - found.populations)) < mapped.error_estimate < 2e-8


def test_still_noise_of_the_offset_of_a_qubit() -> None:
    given: dict[str, Any] = {"gap": 0.4, "amplitude": 2.0, "frequency": 1.0, "t1": 20.0, "t2": 4.0}
    given["equilibrium"] = 0.1
    offsets, rms = np.array([1.0, 1.3]), np.array([[0.05], [0.4]])
    found = interferogram(**given, offset=offsets, noise=QuasiStaticNoise(rms), tolerance=1e-8)
    assert found.population.shape == (2, 2)
    for row, sigma in zip(found.population, rms[:, 0], strict=True):
        exact = over_values(
            lambda shift: interferogram(**given, offset=offsets + shift).population, sigma, 80
        )
        assert row == pytest.approx(exact, abs=3e-6)
    # Resonances far narrower than the noise: areas of Lorentzians, with T₁ = T₂ and little power.
    narrow = {**given, "gap": 1e-3, "t1": 1e3, "t2": 1e3, "equilibrium": 0.0}
    seen = interferogram(**narrow, offset=0.0, noise=QuasiStaticNoise(0.3)).population
    photons = np.arange(-3, 4)
    squared = (1e-3 * jv(photons, 2.0)) ** 2
    width = np.sqrt(1 + squared * 1e6) / 1e3
    areas = 0.5 * squared * 1e6 / (1 + squared * 1e6) * np.pi * width
    weights = np.exp(-0.5 * (photons / 0.3) ** 2) / (0.3 * np.sqrt(2 * np.pi))
    assert seen == pytest.approx(np.sum(areas * weights), rel=0.01)


@pytest.mark.slow
def test_still_noise_of_the_gap_is_an_average_over_gaps() -> None:
    def at(change: float, noise: Any = None) -> Any:
        gap = abs(0.4 + change)
        return interferogram(gap=gap, t1=20.0, t2=4.0, noise=noise, **POINT).population

    found = at(0.0, QuasiStaticNoise(0.1, X / 2))
    assert found == pytest.approx(over_values(at, 0.1), abs=1e-7)


def test_what_cannot_be_followed_is_one_line() -> None:
    given: dict[str, Any] = {"gap": 0.4, "t1": 20.0, "t2": 4.0, **POINT}
    with pytest.raises(ac.InputError, match="`noise`"):
        interferogram(**given, noise=0.1)  # type: ignore[arg-type]
    with pytest.raises(ac.InputError, match="`readout`"):
        interferogram(**given, noise=QuasiStaticNoise(0.1), readout="adiabatic")
    several = TelegraphNoise(0.1, 1.0, fluctuators=60)
    with pytest.raises(ac.InputError, match="numbers"):
        level_interferogram(H, FIXED + several, **POINT)
    with pytest.raises(ac.InputError, match="numbers"):
        steady(FIXED + several)
    with pytest.raises(ac.ConvergenceError, match="not unique"):
        steady(QuasiStaticNoise(0.1))
    with pytest.raises(ac.InputError, match="forget at once"):
        ac.dynamics.one_period_propagator(H, DRIVE, environment=TelegraphNoise(0.1, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [QuasiStaticNoise(0.3), QuasiStaticNoise(0.15, Z)])
@pytest.mark.parametrize("basis", ["diabatic", "adiabatic"])
def test_still_noise_is_an_average_of_steady_states(noise: Any, basis: str) -> None:
    """Rates follow the levels that the noise moves; read-out does not."""
    times = np.linspace(0.0, 6.0, 4)
    found = steady(noise + EIGEN, times=times, basis=basis, tolerance=1e-8)
    exact = over_values(
        lambda shift: (
            (
                steady(EIGEN, drive=ac.drive.Sinusoidal(1.0 + shift, 2.0, 1.0), times=times)
            ).density_matrices
        ),
        0.3,
        100,
    )
    assert found.density_matrices == pytest.approx(exact, abs=1e-7)
    mapped = level_interferogram(H, noise + EIGEN, **POINT, readout=basis)
    assert mapped.populations == pytest.approx(found.populations, abs=1e-6)


@pytest.mark.slow
def test_gaussian_noise_between_its_limits() -> None:
    """Slow it stands still; what forgets at once is white; one process in two forms."""
    still = steady(QuasiStaticNoise(0.05) + EIGEN, tolerance=1e-7).populations
    slow = steady(OrnsteinUhlenbeckNoise(0.05, 1e5) + EIGEN, tolerance=1e-5).populations
    assert slow == pytest.approx(still, abs=2e-5)
    white = steady(ac.environment.noise.WhiteNoise(0.02, Z / 2) + FIXED).populations
    fast = steady(OrnsteinUhlenbeckNoise(1.0, 0.01, Z / 2) + FIXED, tolerance=1e-6).populations
    assert fast == pytest.approx(white, abs=1e-3)
    one = steady(OrnsteinUhlenbeckNoise(0.3, 3.0, X) + FIXED, tolerance=1e-7)
    other = steady(GaussianNoise([0.3], [3.0], X) + FIXED, tolerance=1e-7)
    assert one.populations == pytest.approx(other.populations, abs=2e-7)
    mapped = level_interferogram(H, OrnsteinUhlenbeckNoise(0.3, 3.0, X) + FIXED, **POINT)
    assert mapped.populations == pytest.approx(one.populations, abs=1e-6)


@pytest.mark.slow
def test_what_does_not_settle_is_said() -> None:
    """Noise that closes the gap, beside rates of the levels: the rates jump where it does."""
    found = steady(OrnsteinUhlenbeckNoise(0.3, 3.0, X) + EIGEN, tolerance=1e-6)
    assert found.error_estimate > 1e-6
    assert any("settle" in said for said in found.warnings)


@pytest.mark.slow
def test_long_evolutions_come_to_the_steady_state() -> None:
    """Twenty periods of `propagate`, for 1/f noise and for telegraph noise of three levels."""
    drive = ac.drive.Sinusoidal(1.0, 2.0, 1.0, stop_time=40 * np.pi)
    pink = PinkNoise(2e-3, 0.3, 3.0, X)
    found = steady(pink + FIXED, tolerance=1e-6)
    after = ac.propagate(H, drive, environment=pink + FIXED, whole=False, tolerance=1e-7)
    assert found.density_matrix == pytest.approx(after.density_matrix, abs=2e-5)
    ladder = ac.Hamiltonian.affine(
        [[0, 0.2, 0], [0.2, 1, 0.1], [0, 0.1, 2.5]], np.diag([1.0, -1.0, 0.5])
    )
    operator = np.diag([0.0, 1.0, 0.0])
    noisy = TelegraphNoise(0.3, 2.0, operator) + ac.ThermalRelaxation(temperature=0.5, t1=3.0)
    found = steady(noisy, ladder)
    after = ac.propagate(ladder, drive, environment=noisy, whole=False)
    assert found.density_matrix == pytest.approx(after.density_matrix, abs=1e-6)
    mapped = level_interferogram(ladder, noisy, **POINT)
    assert mapped.populations == pytest.approx(found.populations, abs=1e-6)


@pytest.mark.slow
def test_batches_and_sizes() -> None:
    noise = TelegraphNoise(np.array([1e-9, 0.3, 30.0]), np.array([[1e-3], [1.0], [1e3]]), X)
    many = steady(noise + EIGEN)
    assert many.populations.shape == (3, 3, 2)
    for i, time in enumerate((1e-3, 1.0, 1e3)):
        for k, amplitude in enumerate((1e-9, 0.3, 30.0)):
            one = steady(TelegraphNoise(amplitude, time, X) + EIGEN)
            assert many.populations[i, k] == pytest.approx(one.populations, abs=1e-8)
    assert many.populations[:, 0] == pytest.approx(
        np.broadcast_to(steady(EIGEN).populations, (3, 2)), abs=1e-7
    )
    both = steady(QuasiStaticNoise(np.array([0.0, 0.3])) + EIGEN, tolerance=1e-7)
    assert both.populations[0] == pytest.approx(steady(EIGEN).populations, abs=1e-7)
