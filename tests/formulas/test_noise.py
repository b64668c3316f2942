"""Noise other than white: both limits of a fluctuating coupling, against exact evolution."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.formulas import noisy_coupling_landau_zener


def _telegraph(coupling: float, noise: float, flips: float, time: float) -> float:
    """Return the survival under a coupling V ± J that flips at a rate, from averaged equations."""
    z, x, one = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    about_x = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    about_z = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    steady = 2 * np.kron(coupling * one + noise * z, about_x) + flips * np.kron(x - one, np.eye(3))
    swept = np.kron(one, about_z)

    def slope(t: float, r: np.ndarray) -> np.ndarray:
        return steady @ r + t * (swept @ r)

    start = np.array([0.0, 0.0, 0.5, 0.0, 0.0, 0.5])
    solved = solve_ivp(slope, (-time, time), start, method="DOP853", rtol=1e-8, atol=1e-10)
    return float(0.5 * (1 + solved.y[2, -1] + solved.y[5, -1]))


def _doubled(coupling: float, noise: float, flips: float, time: float) -> float:
    """Return the same from the exact solver: the noise's state is one more two-level system."""
    z, x, one = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    h = ac.Hamiltonian.from_terms(
        [("x", np.kron(one, z / 2)), ("1", np.kron(one, coupling * x) + np.kron(z, noise * x))]
    )
    flip = np.sqrt(flips) * np.kron(x, one)
    result = ac.propagate(
        h,
        ac.drive.Linear(-time, time, rate=1.0),
        environment=ac.Lindblad([flip]),
        initial=np.kron(one / 2, np.diag([1.0, 0.0])),
        basis="diabatic",
        tolerance=1e-8,
    )
    return float(result.probabilities[0] + result.probabilities[2])


def test_a_telegraph_is_exact_with_its_state_as_a_level_more() -> None:
    """One jump operator that flips the noise is the average over all its paths."""
    assert _doubled(0.2, 0.5, 1.0, 8.0) == pytest.approx(_telegraph(0.2, 0.5, 1.0, 8.0), abs=1e-7)


@pytest.mark.parametrize("coupling", [0.0, pytest.param(0.15, marks=pytest.mark.slow)])
def test_fast_noise_against_a_fast_telegraph(coupling: float) -> None:
    """The spectrum is a Lorentzian: a finite window sees the share (2/π) arctan(αTτ) of it."""
    variance, flips, time = 0.2, 6.0, 60.0
    seen = 2 / np.pi * np.arctan(time / (2 * flips))
    formula = noisy_coupling_landau_zener(
        noise=np.sqrt(variance * seen), sweep_rate=1.0, gap=2 * coupling
    )
    exact = _telegraph(coupling, variance**0.5, flips, time)
    assert formula.value == pytest.approx(exact, abs=3e-3)
    white = np.exp(-2 * np.pi * coupling**2)
    assert abs(white - exact) > 0.3  # the noise matters


def test_slow_noise_against_an_average_of_exact_passages() -> None:
    """Noise that stands still is a batch of couplings, weighted by a Gaussian."""
    sigma, gap = 0.35, 0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    gaps = np.abs(gap + 2 * sigma * nodes)
    window = ac.drive.Linear(-3000, 3000, rate=1.0)
    jumped = ac.propagate(ac.models.LandauZener(gap=gaps), window).transition_matrix[:, 1, 0]
    formula = noisy_coupling_landau_zener(noise=sigma, sweep_rate=1.0, gap=gap, limit="slow")
    assert formula.value == pytest.approx(jumped @ weights / weights.sum(), abs=1e-6)


def test_known_limits() -> None:
    """Without noise both are Landau–Zener; strong fast noise mixes, strong slow noise follows."""
    plain = ac.formulas.landau_zener(gap=0.7, sweep_rate=0.4).value
    for limit in ("fast", "slow"):
        quiet = noisy_coupling_landau_zener(noise=0.0, sweep_rate=0.4, gap=0.7, limit=limit)
        assert quiet.value == pytest.approx(plain, rel=1e-14)
    assert noisy_coupling_landau_zener(noise=9.0, sweep_rate=1.0).value == pytest.approx(0.5)
    strong = noisy_coupling_landau_zener(noise=9.0, sweep_rate=1.0, limit="slow").value
    assert strong == pytest.approx(1 / np.sqrt(1 + 4 * np.pi * 81))


@pytest.mark.parametrize(
    ("limit", "correlation_time", "valid"),
    [("fast", 0.05, True), ("fast", 3.0, False), ("slow", 100.0, True), ("slow", 3.0, False)],
)
def test_the_correlation_time_decides(limit: str, correlation_time: float, valid: bool) -> None:
    found = noisy_coupling_landau_zener(
        noise=0.3, sweep_rate=1.0, limit=limit, correlation_time=correlation_time
    )
    assert found.valid is valid


def test_a_window_that_cuts_the_noise_is_said() -> None:
    cut = noisy_coupling_landau_zener(noise=0.3, sweep_rate=1.0, correlation_time=0.05, window=50.0)
    assert not cut.valid
    assert "the sweep ends" in cut.warnings[0]


@pytest.mark.parametrize(
    "wrong", [{"noise": -1.0}, {"limit": "white"}, {"correlation_time": 0.0}, {"gap": np.nan}]
)
def test_bad_input_is_one_line(wrong: dict[str, object]) -> None:
    arguments = {"noise": 0.3, "sweep_rate": 1.0, **wrong}
    with pytest.raises(ac.InputError, match=f"`{next(iter(wrong))}` must"):
        noisy_coupling_landau_zener(**arguments)  # type: ignore[arg-type]
