import mpmath
import numpy as np
import pytest

from anticrossing.formulas import adiabatic_condition, finite_window, time_scales


def test_adiabatic_ratio_is_the_largest_along_the_sweep():
    gap, rate = 0.8, 0.3
    t = np.linspace(-20, 20, 4001)
    derivative = 0.5 * rate * np.diag([1.0, -1.0])
    ratios = []
    for time in t:
        h = 0.5 * np.array([[rate * time, gap], [gap, -rate * time]])
        energies, states = np.linalg.eigh(h)
        ratios.append(
            abs(states[:, 1] @ derivative @ states[:, 0]) / (energies[1] - energies[0]) ** 2
        )
    assert adiabatic_condition(gap=gap, sweep_rate=rate).value == pytest.approx(max(ratios))


@pytest.mark.parametrize("gap", [0.2, 1.0, 2.5])
def test_jump_times_are_final_probability_over_slope_at_the_crossing(gap):
    # P(t) of a passage begun far away, from the exact finite-window solution
    rate, h, far = 1.0, 1e-3, -1e6
    scales = time_scales(gap=gap, sweep_rate=rate)
    slopes = {}
    for basis in ("diabatic", "adiabatic"):
        before, after = (
            finite_window(gap=gap, sweep_rate=rate, start=far, stop=t, basis=basis) for t in (-h, h)
        )
        slopes[basis] = (after.transition_matrix - before.transition_matrix)[1, 0] / (2 * h)
    jump = np.exp(-np.pi * gap**2 / (2 * rate))
    final = {"diabatic": 1 - jump, "adiabatic": jump}
    assert final["diabatic"] / slopes["diabatic"] == pytest.approx(scales.jump_time, rel=2e-3)
    # at t = 0 the adiabatic jump has P'(0) > 0 whatever the coupling
    assert final["adiabatic"] / slopes["adiabatic"] == pytest.approx(
        scales.adiabatic_jump_time, rel=2e-3
    )


def test_limits_of_the_jump_time():
    fast = time_scales(gap=1e-4, sweep_rate=4.0)
    slow = time_scales(gap=1e3, sweep_rate=4.0)
    assert fast.jump_time == pytest.approx(2 * np.sqrt(np.pi / 4.0), rel=1e-4)
    assert slow.jump_time == pytest.approx(2 * 1e3 / 4.0, rel=1e-8)
    assert fast.duration == fast.impulse == 0.5
    assert slow.duration == slow.crossing == 250.0


@pytest.mark.parametrize("delta", [20.0, 49.9, 50.1, 3000.0])
def test_jump_time_expansion_against_gamma_functions_in_many_digits(delta):
    with mpmath.workdps(50):
        d = mpmath.mpf(delta)
        angle = mpmath.pi / 4 + mpmath.im(
            mpmath.loggamma(1 - 0.5j * d) - mpmath.loggamma(mpmath.mpf(1) / 2 - 0.5j * d)
        )
        exact = float(
            mpmath.sqrt(1 - mpmath.exp(-2 * mpmath.pi * d)) / mpmath.sqrt(d) / mpmath.sin(angle)
        )
    value = time_scales(gap=2 * np.sqrt(delta), sweep_rate=1.0).jump_time
    assert value == pytest.approx(exact, rel=1e-10)


def test_printing_names_every_time():
    text = str(time_scales(gap=1.0, sweep_rate=1.0))
    assert [line.split()[0] for line in text.splitlines()[1:]] == [
        "impulse", "crossing", "duration", "jump_time", "adiabatic_jump_time",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gap", "rate", "jump_time"),
    [(1e-200, 4.0, np.sqrt(np.pi)), (1e-8, 4.0, np.sqrt(np.pi)), (1e9, 1e-3, 2e12)],
)
def test_jump_time_of_any_size(gap, rate, jump_time):
    """The limits 2√(π/α) and 2g/α."""
    assert time_scales(gap=gap, sweep_rate=rate).jump_time == pytest.approx(jump_time, rel=1e-7)
