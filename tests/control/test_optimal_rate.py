"""Optimal rates against the exact finite-window solution."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing.control import optimal_rate
from anticrossing.formulas import finite_window, landau_zener


def jump(gap, rate, start, stop):
    return float(
        finite_window(gap=gap, sweep_rate=rate, start=start / rate, stop=stop / rate).value
    )


@given(gap=st.floats(0.01, 10.0), error=st.floats(1e-12, 0.99))
def test_infinite_window_inverts_landau_zener(gap, error):
    found = optimal_rate(gap=gap, error=error)
    assert float(landau_zener(gap=gap, sweep_rate=found.rate)) == pytest.approx(error, rel=1e-9)
    assert found.drive is None
    assert found.rate == found.safe_rate == found.formula


@pytest.mark.quick(2)
@pytest.mark.parametrize(
    ("gap", "error", "start", "stop"),
    [
        (1.0, 1e-2, -5.0, 5.0),
        (1.0, 1e-3, -3.0, 4.0),
        (0.1, 0.5, -3.0, 3.0),
        (1.0, 1e-2, -1.0, 1.0),
        (2.0, 1e-5, -30.0, 50.0),
    ],
)
def test_the_rate_meets_the_error_exactly(gap, error, start, stop):
    found = optimal_rate(gap=gap, error=error, start=start, stop=stop)
    assert jump(gap, found.rate, start, stop) == pytest.approx(error, rel=1e-8, abs=1e-11)
    assert jump(gap, found.safe_rate, start, stop) == pytest.approx(error, rel=1e-8, abs=1e-11)
    assert found.probability == pytest.approx(error, abs=1e-11)
    assert found.safe_rate <= found.rate
    # every faster sweep jumps more often, every sweep slower than the safe rate less
    for factor in (1.01, 1.1, 1.5, 3.0, 10.0):
        assert jump(gap, found.rate * factor, start, stop) > error
        assert jump(gap, found.safe_rate / factor, start, stop) < error
    again = ac.propagate(ac.models.LandauZener(gap=gap), found.drive)
    assert again.transition_matrix[1, 0] == pytest.approx(error, abs=1e-9)


def test_wide_windows_tend_to_the_formula():
    found = [optimal_rate(gap=1.0, error=1e-3, start=-x, stop=x) for x in (5.0, 20.0, 60.0)]
    errors = [abs(one.rate / one.formula - 1) for one in found]
    assert errors[2] < errors[1] < errors[0] < 0.05
    assert errors[2] < 1e-5


def test_dips_make_the_safe_rate_smaller():
    found = optimal_rate(gap=1.0, error=1e-4, start=-3.0, stop=3.0)
    assert found.safe_rate < 0.95 * found.rate
    between = np.linspace(found.safe_rate, found.rate, 30)[1:-1]
    assert max(jump(1.0, float(rate), -3.0, 3.0) for rate in between) > 1e-4
    assert "and all below" in str(found)


def test_bad_arguments():
    for options, text in (
        ({"gap": 0.0, "error": 0.1}, "`gap` must be positive"),
        ({"gap": 1.0, "error": 0.0}, "`error` must lie between 0 and 1"),
        ({"gap": 1.0, "error": np.nan}, "finite"),
        ({"gap": 1.0, "error": 0.1, "start": -1.0}, "together"),
        ({"gap": 1.0, "error": 0.1, "start": 1.0, "stop": -1.0}, "lie above `start`"),
        ({"gap": 1.0, "error": 1e-9, "start": -5.0, "stop": 5.0}, "at least 1e-08"),
        ({"gap": 1.0, "error": 0.9, "start": -1.0, "stop": 1.0}, "every rate is slow enough"),
    ):
        with pytest.raises(ac.InputError, match=text):
            optimal_rate(**options)
    with pytest.raises(ac.ConvergenceError, match="wider window"):
        optimal_rate(gap=1.0, error=1e-8, start=-2.0, stop=100.0)


def test_a_long_window_needs_no_more_rates_than_the_ends_change():
    found = optimal_rate(gap=1.0, error=1e-7, start=-2000.0, stop=900.0)
    assert found.probability == pytest.approx(1e-7, rel=1e-6)
    # The ends add amplitudes of no more than αg/2|x|³ to the formula's.
    ends = 0.5 * found.rate * (900.0**-3 + 2000.0**-3)
    change = 2 * ends * found.rate / (np.sqrt(1e-7) * np.pi / 4)
    assert abs(found.rate - found.formula) < 1.1 * change * found.rate
