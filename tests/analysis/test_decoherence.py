"""The predicted regime of a passage against the exact evolution."""

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.analysis.decoherence import REGIMES, decoherence_regime
from anticrossing.environment import Dephasing, FixedAxisDephasing, ThermalRelaxation
from tests.systems.lindblad import bloch_generator, bloch_ground, magnus


def jump(gap, window, dephasing, relaxation=0.0, temperature=0.1):
    environment = FixedAxisDephasing(dephasing)
    if relaxation:
        environment = environment + ThermalRelaxation(temperature=temperature, t1=1 / relaxation)
    result = ac.propagate(
        ac.models.LandauZener(gap=gap),
        ac.drive.Linear(-window, window, 1.0),
        environment=environment,
    )
    return float(result.transition_matrix[1, 0])


@pytest.mark.slow
def test_clear_regimes_are_right_to_a_few_percent():
    rng = np.random.default_rng(12)
    seen = dict.fromkeys(REGIMES, 0)
    for _ in range(120):
        gap, dephasing, window = 10 ** rng.uniform([-1, -3, 0.7], [0.5, 2.5, 2.3])
        result = decoherence_regime(
            gap=gap, sweep_rate=1.0, dephasing_rate=dephasing, window=window
        )
        if not result.clear or window < 5 * gap:
            continue
        seen[result.regime] += 1
        exact = jump(gap, window, dephasing)
        assert exact == pytest.approx(result.jump_probability, abs=0.03)
    assert seen["coherent"] >= 20
    assert seen["incoherent"] >= 20
    assert seen["frozen"] >= 1


def test_weak_dephasing_is_coherent():
    result = decoherence_regime(gap=1.0, sweep_rate=1.0, dephasing_rate=1e-3, window=50.0)
    assert result.regime == "coherent"
    assert result.clear
    assert result.jump_probability == pytest.approx(np.exp(-np.pi / 2), rel=1e-14)
    assert jump(1.0, 50.0, 1e-3) == pytest.approx(result.jump_probability, rel=0.02)


def test_strong_dephasing_over_a_long_sweep_mixes():
    result = decoherence_regime(gap=0.6, sweep_rate=1.0, dephasing_rate=10.0, window=600.0)
    assert result.regime == "incoherent"
    assert result.clear
    evolution = magnus(bloch_generator(0.6, 1.0, axis=10.0), -60, 60, 40_000)
    by_steps = 0.5 * (1 - bloch_ground(0.6, 60) @ evolution @ bloch_ground(0.6, -60))
    shorter = decoherence_regime(gap=0.6, sweep_rate=1.0, dephasing_rate=10.0, window=60.0)
    assert by_steps == pytest.approx(shorter.jump_probability, abs=2e-3)
    limit = 0.5 * (1 + np.exp(-4 * np.pi * 0.09))
    assert result.jump_probability == pytest.approx(limit, abs=0.01)
    assert jump(0.6, 600.0, 10.0) == pytest.approx(result.jump_probability, abs=1e-3)


def test_weak_dephasing_of_a_slow_passage_mixes_the_adiabatic_states():
    result = decoherence_regime(gap=2.0, sweep_rate=1.0, dephasing_rate=0.2, window=200.0)
    assert result.regime == "incoherent"
    assert result.clear
    assert jump(2.0, 200.0, 0.2) == pytest.approx(result.jump_probability, abs=0.01)
    assert abs(result.jump_probability - result.landau_zener) > 0.3


def test_between_regimes_is_said():
    result = decoherence_regime(gap=0.8, sweep_rate=1.0, dephasing_rate=0.1, window=100.0)
    assert not result.clear
    assert abs(jump(0.8, 100.0, 0.1) - result.jump_probability) > 0.05
    assert "between regimes" in str(result)


def test_freezing_needs_a_line_wider_than_the_sweep():
    frozen = decoherence_regime(gap=0.6, sweep_rate=1.0, dephasing_rate=100.0, window=5.0)
    assert frozen.regime == "frozen"
    assert frozen.jump_probability > 0.95
    assert jump(0.6, 5.0, 100.0) == pytest.approx(frozen.jump_probability, abs=0.02)
    longer = decoherence_regime(gap=0.6, sweep_rate=1.0, dephasing_rate=100.0, window=2000.0)
    assert longer.regime == "incoherent"


@pytest.mark.parametrize("temperature", [None, 20.0])
def test_relaxation_before_the_read_out_decides(temperature):
    result = decoherence_regime(
        gap=0.5, sweep_rate=1.0, relaxation_rate=1.0, window=40.0, temperature=temperature
    )
    assert result.regime == "relaxed"
    assert result.clear
    exact = jump(0.5, 40.0, 0.0, relaxation=1.0, temperature=temperature or 1e-3)
    assert exact == pytest.approx(result.jump_probability, abs=0.02)
    assert (result.jump_probability < 1e-17) is (temperature is None)


def test_equilibrium_that_lags_behind_is_said_and_followed():
    result = decoherence_regime(
        gap=0.5, sweep_rate=1.0, relaxation_rate=0.2, window=40.0, temperature=20.0
    )
    assert result.regime == "relaxed"
    assert any("lags behind" in reason for reason in result.reasons)
    exact = jump(0.5, 40.0, 0.0, relaxation=0.2, temperature=20.0)
    at_the_end = 0.5 * (1 - np.tanh(0.5 * np.hypot(0.5, 40.0) / 20.0))
    assert exact - at_the_end > 0.03
    assert exact == pytest.approx(result.jump_probability, abs=1e-3)


def test_slow_relaxation_leaves_the_passage_coherent():
    result = decoherence_regime(gap=1.0, sweep_rate=1.0, relaxation_rate=5e-4, window=40.0)
    assert result.regime == "coherent"
    assert result.clear
    exact = jump(1.0, 40.0, 0.0, relaxation=5e-4, temperature=1e-3)
    assert exact == pytest.approx(result.jump_probability, abs=0.01)
    late = decoherence_regime(gap=1.0, sweep_rate=1.0, relaxation_rate=5e-3, window=100.0)
    assert late.regime == "coherent"
    assert not late.clear
    assert any("relaxation after" in reason for reason in late.reasons)


@pytest.mark.parametrize(("gap", "dephasing"), [(0.8, 0.02), (0.5, 0.01)])
def test_loss_in_a_fast_passage_is_the_mixing_of_a_state_that_follows(gap, dephasing):
    # dephasing along z flips a spin along the field at the rate ½Γ sin²θ, sinθ = g/√(g² + t²)
    result = decoherence_regime(gap=gap, sweep_rate=1.0, dephasing_rate=dephasing, window=60.0)
    flips = quad(lambda t: 0.5 * dephasing * gap**2 / (gap**2 + t**2), -np.inf, np.inf)[0]
    assert result.coherence_loss == pytest.approx(flips, rel=1e-9)
    assert abs(jump(gap, 60.0, dephasing) - result.landau_zener) < flips


def test_no_environment_at_all():
    result = decoherence_regime(gap=1.0, sweep_rate=2.0, window=30.0)
    assert (result.regime, result.clear, result.coherence_loss) == ("coherent", True, 0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gap", 0.0),
        ("sweep_rate", -1.0),
        ("window", 0.0),
        ("dephasing_rate", -0.1),
        ("relaxation_rate", -0.1),
        ("temperature", -1.0),
    ],
)
def test_bad_input(name, value):
    arguments = {"gap": 1.0, "sweep_rate": 1.0, "window": 10.0, name: value}
    with pytest.raises(InputError, match=f"`{name}` must"):
        decoherence_regime(**arguments)


# What surrounds it, gap, rate, time after the crossing, before it in parts of that, first level,
# and the chance to end in the other level: Bloch equations in small Magnus steps.
PASSAGES = [
    (Dephasing(gamma=20.0), 1.0, 1.0, 100.0, 1.0, 0, 0.032163),
    (Dephasing(rate=20.0), 1.0, 1.0, 100.0, 1.0, 0, 0.037606),
    (Dephasing(gamma=63.8765), 0.728, 0.837, 100.0, 1.0, 0, 0.016209),
    (Dephasing(rate=6.397), 0.3854, 0.2146, 100.0, 1.0, 0, 0.063547),
    (FixedAxisDephasing(81.1), 1.2052, 0.11413, 113.4, 0.3, 1, 0.534520),
    (FixedAxisDephasing(81.1224), 0.95412, 0.25772, 41.588, 0.3, 1, 0.761086),
    (ThermalRelaxation(temperature=0.10872, t1=101.028), 0.39177, 7.9808, 4.2121, 1.0, 0, 0.9309),
    (ThermalRelaxation(temperature=0.2096, t1=194.4), 0.26062, 10.998, 23.658, 0.3, 0, 0.8770),
    (ThermalRelaxation(temperature=3.52, t1=1.725), 0.65871, 0.088855, 112.0, 0.3, 0, 0.0579),
    (ThermalRelaxation(temperature=5.828, t1=12395.0), 2.9766, 0.10372, 613.59, 3.0, 1, 0.1743),
    (
        FixedAxisDephasing(2.228) + ThermalRelaxation(temperature=0.8266, t1=4.699),
        *(2.0346, 0.092096, 257.85, 1.0, 1, 0.0363),
    ),
]


@pytest.mark.parametrize(
    ("surroundings", "gap", "rate", "after", "part", "level", "right"), PASSAGES
)
def test_the_number_of_a_regime(surroundings, gap, rate, after, part, level, right):
    sweep = ac.drive.Linear(-rate * part * after, rate * after, rate=rate)
    h = ac.models.LandauZener(gap=gap)
    result = ac.passage(h, sweep, environment=surroundings, initial=level, tolerance=1e-8)
    (regime,) = result.regimes
    other = 1 if regime.regime == "relaxed" else 1 - level
    assert result.exact.probabilities[other] == pytest.approx(right, abs=1e-4)
    assert regime.jump_probability == pytest.approx(right, abs=2e-3)
    assert not any("does not describe" in reason for reason in regime.reasons)


def test_strong_dephasing_on_both_sides_of_an_uneven_window():
    gap, rate, decay, after = 1.119, 2.97, 68.1, 46.68
    before = 0.3 * after
    result = ac.passage(
        ac.models.LandauZener(gap=gap),
        ac.drive.Linear(-rate * before, rate * after, rate=rate),
        environment=FixedAxisDephasing(decay),
    )
    (law,) = (p for p in result.predictions if p.name.startswith("strong dephasing"))
    # Diabatic states mix at the rate ½g²Γ/(Γ² + ε²); levels are not quite those at the near end.
    lost = quad(lambda t: gap**2 * decay / (decay**2 + (rate * t) ** 2), -before, after)[0]
    alike = np.prod([rate * t / np.hypot(rate * t, gap) for t in (before, after)])
    assert law.probabilities[1] == pytest.approx(0.5 * (1 + alike * np.exp(-lost)), rel=1e-9)
    assert law.valid
    assert law.difference < 1e-3


def test_a_regime_that_the_exact_answer_contradicts_is_not_clear():
    # Raising alone fills the upper level, which rates without a direction cannot tell.
    up = np.array([[0.0, 1.0], [0.0, 0.0]])
    result = ac.passage(
        ac.models.LandauZener(gap=1.0),
        ac.drive.Linear(-40, 40, rate=1.0),
        environment=ac.Lindblad([up]),
    )
    (regime,) = result.regimes
    assert abs(regime.jump_probability - result.exact.probabilities[1]) > 0.03
    assert not regime.clear
    assert "the exact answer is" in regime.reasons[-1]


def test_a_few_dephasings_in_passing_are_not_clearly_coherent():
    result = ac.passage(
        ac.models.LandauZener(gap=0.7832),
        ac.drive.Linear(-12.31, 11.72, rate=0.6949),
        environment=Dephasing(gamma=0.145634),
    )
    assert not result.regimes[0].clear
    assert result.exact.probabilities[1] - result.regimes[0].landau_zener > 0.03


def test_numbers_too_far_apart_are_refused():
    regime = ac.decoherence_regime(gap=1e50, sweep_rate=1.0, dephasing_rate=50.0, window=2.0)
    assert regime.jump_probability == 0.5
    with pytest.raises(ac.InputError, match="`gap` must lie between"):
        ac.decoherence_regime(gap=1e200, sweep_rate=1.0, dephasing_rate=50.0, window=2.0)
    given = {"incoherent_transition": 2.0, "eigenbasis_rate": 0.05, "window": 50.0}
    with pytest.raises(ac.InputError, match="`sweep_rate` must lie between"):
        ac.decoherence_regime(gap=0.2, sweep_rate=1e-200, **given)


def test_no_numbers_within_the_limits_overflow():
    rng = np.random.default_rng(4)
    for _ in range(100):
        gap, rate, window = 10 ** rng.uniform(-50, 50, 3)
        local = 10 ** rng.uniform(-300, 50)
        regime = ac.decoherence_regime(
            gap=gap,
            sweep_rate=rate,
            window=window,
            incoherent_transition=2.0,
            eigenbasis_rate=local,
        )
        assert 0 <= regime.jump_probability <= 1
