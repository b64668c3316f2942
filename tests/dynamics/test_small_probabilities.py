"""Small probabilities under dephasing keep their relative accuracy, or the result says how far."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.environment import Dephasing
from tests.effort import slow

LANDAU_ZENER = ac.models.LandauZener(gap=1.0)


def passage(reach, rate, gamma, **arguments):
    return ac.propagate(
        LANDAU_ZENER,
        ac.drive.Linear(-reach, reach, rate=rate),
        environment=Dephasing(gamma),
        **arguments,
    )


def check_slow(rates, gammas):
    """Compare with p₁(1 − p₁), p₁ = (2/3) ε γ/(1+γ²): what is left out is of the order ε²."""
    rate, gamma = np.meshgrid(rates, gammas, indexing="ij")
    result = passage(1e4, rate, gamma)
    found = result.transition_matrix[..., 1, 0]
    first = 2 / 3 * rate * gamma / (1 + gamma**2)
    # Coherent passage: exp(−π/2ε) is below 1e-68 here.
    assert np.all(np.abs(found / first - (1 - first)) < 2 * rate**2 + first**2 + 3e-13)
    assert np.all(np.abs(found - first * (1 - first)) < result.error_estimate + 2 * rate**2 * first)
    formula = ac.formulas.dephasing_landau_zener(gap=1.0, sweep_rate=rate, gamma=gamma)
    assert np.asarray(formula.incoherent) == pytest.approx(first, rel=1e-13)


def test_slow_passages_keep_their_digits_down_to_1e_18():
    check_slow(np.array([1e-3, 1e-7, 1e-12]), np.array([1e-6, 1e-2, 1.0, 1e6]))


@pytest.mark.slow
@pytest.mark.parametrize("gammas", np.split(10.0 ** np.arange(-6, 8), 7))
def test_slow_passages_of_the_whole_grid(gammas):
    check_slow(10.0 ** np.arange(-12, -2), gammas[gammas < 2e6])


def integrated(rate, gamma, reach):
    """The Bloch equation in the eigenframe for twice the upper population, which starts at zero."""

    def slope(x, y):
        turning, energy = -1 / (x * x + 1), np.hypot(x, 1) / rate
        return [
            turning * (y[2] - 1) - energy * y[1] - gamma * energy * y[0],
            energy * y[0] - gamma * energy * y[1],
            -turning * y[0],
        ]

    def jacobian(x, y):
        turning, energy = -1 / (x * x + 1), np.hypot(x, 1) / rate
        return [[-gamma * energy, -energy, turning], [energy, -gamma * energy, 0], [-turning, 0, 0]]

    span = (-reach, reach)
    if gamma > 30:  # stiff
        solved = solve_ivp(slope, span, [0, 0, 0], "Radau", jac=jacobian, rtol=1e-11, atol=1e-22)
    else:
        solved = solve_ivp(slope, span, [0, 0, 0], "DOP853", rtol=1e-13, atol=1e-22)
    return solved.y[2, -1] / 2


@pytest.mark.parametrize(
    ("rate", "gamma", "relative"),
    [
        (1e3, 1e-6, 1e-12),
        (1e3, 1.0, 1e-12),
        (30.0, 1e-3, 1e-12),
        slow(1.0, 1e-6, 1e-12),
        slow(1.0, 1.0, 1e-12),
        slow(1e3, 1e6, 1e-12),
        slow(1.0, 1e6, 1e-12),
        slow(0.3, 1e3, 1e-12),
        slow(0.1, 1e4, 1e-12),
        # Nothing but coherence leads to 1.5e-7 of these 2.1e-7: an amplitude of 4e-4.
        slow(0.1, 1e-6, 1e-8),
        slow(0.1, 1e-3, 1e-10),
        slow(0.03, 1e-2, 1e-10),
    ],
)
def test_fast_passages_against_a_general_integrator(rate, gamma, relative):
    expected = integrated(rate, gamma, 20.0)
    result = passage(20.0, rate, gamma)
    found = result.transition_matrix[1, 0]
    assert found == pytest.approx(expected, rel=relative)
    assert abs(found - expected) < result.error_estimate + 1e-13 * expected
