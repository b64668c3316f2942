"""The predicted regime of a passage against the exact evolution."""

import numpy as np
import pytest
from scipy.integrate import quad

import anticrossing as ac
from anticrossing.analysis.decoherence import REGIMES, decoherence_regime
from anticrossing.checks import InputError
from anticrossing.environment import FixedAxisDephasing, ThermalRelaxation
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
    assert (result.jump_probability == 0.0) is (temperature is None)


def test_equilibrium_that_lags_behind_is_said():
    result = decoherence_regime(
        gap=0.5, sweep_rate=1.0, relaxation_rate=0.2, window=40.0, temperature=20.0
    )
    assert result.regime == "relaxed"
    assert not result.clear
    exact = jump(0.5, 40.0, 0.0, relaxation=0.2, temperature=20.0)
    assert exact - result.jump_probability > 0.03


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
