import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.formulas import (
    double_passage_average,
    finite_window,
    golden_rule,
    landau_zener,
    landau_zener_from_gap_curvature,
    landau_zener_from_slopes,
)
from tests.effort import slow


@pytest.mark.quick(1)
@pytest.mark.parametrize(("gap", "rate"), [(0.3, 1.0), slow(1.0, 1.0), slow(1.0, 0.5), (2.0, 3.0)])
def test_formula_is_the_limit_of_the_equation_of_motion(gap, rate, two_level, adiabatic_matrix):
    stop = 60 / np.sqrt(rate)
    matrix = adiabatic_matrix(two_level(lambda t: rate * t, gap), -stop, stop, 1e-10)
    # the adiabatic read-out is off by an amplitude of order g √α / (√α T)^3
    assert matrix[1, 0] == pytest.approx(landau_zener(gap=gap, sweep_rate=rate).value, abs=3e-5)


def test_one_over_e_where_the_rate_is_half_pi_gap_squared():
    gap = 0.7
    value = landau_zener(gap=gap, sweep_rate=np.pi * gap**2 / 2).value
    assert value == pytest.approx(np.exp(-1), rel=1e-15)


def test_three_descriptions_of_one_crossing_agree():
    # diabatic energies F1 x and F2 x, coupling V, passed at speed v
    slopes, coupling, velocity = (1.5, -0.5), 0.4, 0.8
    rate = abs(slopes[0] - slopes[1]) * velocity

    def gap(t):
        return np.hypot(rate * t, 2 * coupling)

    h = 1e-3
    curvature = (gap(h) - 2 * gap(0.0) + gap(-h)) / h**2
    direct = landau_zener(gap=2 * coupling, sweep_rate=rate).value
    by_slopes = landau_zener_from_slopes(coupling=-coupling, slopes=slopes, velocity=-velocity)
    by_curvature = landau_zener_from_gap_curvature(gap=gap(0.0), gap_curvature=curvature)
    assert by_slopes.value == pytest.approx(direct, rel=1e-14)
    assert by_curvature.value == pytest.approx(direct, rel=1e-5)


def test_broadcasting_and_scalars():
    rates = np.array([0.5, 1.0, 2.0])
    gaps = np.array([[0.1], [1.0]])
    result = landau_zener(gap=gaps, sweep_rate=rates, window=10.0)
    assert result.value.shape == (2, 3)
    assert result.value[1, 2] == landau_zener(gap=1.0, sweep_rate=2.0).value
    assert isinstance(landau_zener(gap=1, sweep_rate=1).value, float)
    assert result.checks[0].satisfied.shape == (2, 3)


def test_log_value_survives_underflow():
    result = landau_zener(gap=1e3, sweep_rate=1.0)
    assert result.value == 0.0
    assert result.log_value == pytest.approx(-np.pi * 1e6 / 2, rel=1e-15)


def test_each_context_adds_its_ratio():
    result = landau_zener(
        gap=2.0,
        sweep_rate=1.0,
        window=10.0,
        next_crossing=40.0,
        third_level_distance=10.0,
        dephasing_time=np.inf,
        linear_range=4.0,
    )
    values = {check.quantity: check.value for check in result.checks}
    assert values == {
        "passage duration / window": pytest.approx(0.2),
        "passage duration / time to next crossing": pytest.approx(0.05),
        "passage duration / dephasing time": 0.0,
        "passage duration / linear range": pytest.approx(0.5),
        "gap / third level distance": pytest.approx(0.2),
        "energy width / third level distance": pytest.approx(0.1),
    }
    assert len(result.warnings) == 3


def test_duration_of_a_fast_passage_is_the_impulse_time():
    check = landau_zener(gap=0.01, sweep_rate=4.0, window=5.0).checks[0]
    assert check.value == pytest.approx(0.5 / 5.0)


def test_window_check_predicts_the_quality_of_the_formula():
    """Where the check holds the exact adiabatic value agrees to a percent, where it fails not."""
    for stop, holds in ((30.0, True), (0.7, False)):
        prediction = landau_zener(gap=1.0, sweep_rate=1.0, window=stop)
        exact = finite_window(gap=1.0, sweep_rate=1.0, start=-stop, stop=stop).value
        assert prediction.valid is holds
        assert (abs(exact / prediction.value - 1) < 0.01) is holds


def test_golden_rule_is_the_fast_limit():
    rate = np.array([1e2, 1e4, 1e6])
    result = golden_rule(gap=1.0, sweep_rate=rate)
    exact = -np.expm1(landau_zener(gap=1.0, sweep_rate=rate).log_value)
    assert np.all(np.abs(result.value / exact - 1 - result.value / 2) < result.value**2)
    assert result.valid
    assert not golden_rule(gap=1.0, sweep_rate=1.0).valid


def test_golden_rule_by_first_order_perturbation_theory():
    # |∫ V exp(i α t²/2) dt|² over all times, by turning the path of integration by π/4
    coupling, rate = 0.05, 2.0
    s = np.linspace(-12, 12, 20001)
    integral = coupling * np.exp(1j * np.pi / 4) * np.sum(np.exp(-rate * s**2 / 2)) * (s[1] - s[0])
    value = golden_rule(gap=2 * coupling, sweep_rate=rate).value
    assert value == pytest.approx(abs(integral) ** 2, rel=1e-12)


def test_double_passage_average():
    single = landau_zener(gap=1.0, sweep_rate=1.0, window=1.0)
    result = double_passage_average(single)
    phases = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    interference = 4 * single.value * (1 - single.value) * np.sin(phases) ** 2
    assert result.value == pytest.approx(interference.mean(), rel=1e-13)
    assert result.checks == single.checks
    assert not result.valid


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"gap": -1.0, "sweep_rate": 1.0}, "`gap` must not be negative"),
        ({"gap": 1.0, "sweep_rate": 0.0}, "`sweep_rate` must be positive"),
        ({"gap": 1.0, "sweep_rate": np.nan}, "`sweep_rate` must be finite"),
        ({"gap": [1.0, 2.0], "sweep_rate": [1.0, 2.0, 3.0]}, "broadcast"),
        ({"gap": 1.0, "sweep_rate": 1.0, "window": -1.0}, "`window` must be positive"),
        ({"gap": 1.0, "sweep_rate": 1.0, "dephasing_time": "long"}, "`dephasing_time`"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(InputError, match=text):
        landau_zener(**arguments)


def test_bad_slopes_and_probabilities():
    with pytest.raises(InputError, match="slopes"):
        landau_zener_from_slopes(coupling=0.1, slopes=(1.0, 1.0), velocity=1.0)
    with pytest.raises(InputError, match="velocity"):
        landau_zener_from_slopes(coupling=0.1, slopes=(1.0, -1.0), velocity=0.0)
    with pytest.raises(InputError, match="between 0 and 1"):
        double_passage_average(1.5)
