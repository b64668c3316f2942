"""LandauZener and FluxQubit against their closed forms."""

import numpy as np
import pytest

import anticrossing.models as models
from anticrossing._core.checks import InputError


def test_landau_zener_is_half_x_sigma_z_plus_half_gap_sigma_x():
    x = np.linspace(-3, 3, 7)
    values = models.LandauZener(gap=0.7)(x)
    expected = np.array([[[v / 2, 0.35], [0.35, -v / 2]] for v in x])
    np.testing.assert_array_equal(values, expected)


def test_landau_zener_gap_is_replaceable_and_batches():
    batch = models.LandauZener(gap=1.0).replace(gap=[[0.1, 0.2, 0.3]])
    assert batch.batch_shape == (1, 3)
    levels = np.linalg.eigvalsh(batch(np.array([0.0, 4.0])))
    expected = np.sqrt(np.array([0.0, 16.0]) + np.array([[0.1], [0.2], [0.3]]) ** 2)
    np.testing.assert_allclose(levels[0, ..., 1] - levels[0, ..., 0], expected, rtol=1e-14)


def test_flux_qubit_slope_is_twice_the_current_times_the_flux_quantum():
    planck, charge = 6.62607015e-34, 1.602176634e-19
    flux_quantum = planck / (2 * charge)
    current, bias = 180e-9, 3e-3 * flux_quantum
    epsilon = 2 * current * bias / planck / 1e9  # GHz
    levels = np.linalg.eigvalsh(models.FluxQubit(gap=5.37, persistent_current=180.0)(3.0))
    assert levels[1] - levels[0] == pytest.approx(np.hypot(epsilon, 5.37), rel=1e-13)


def test_flux_qubit_units_make_one_gigahertz_turn_once_in_a_nanosecond():
    qubit = models.FluxQubit(gap=1.0, persistent_current=100.0)
    assert qubit.units.angular == pytest.approx(2 * np.pi, rel=1e-12)
    assert qubit.units.coordinate == "mPhi0"


@pytest.mark.parametrize("bad", [{"gap": -1.0}, {"persistent_current": 0.0}, {"gap": np.nan}])
def test_flux_qubit_refuses_impossible_devices(bad):
    with pytest.raises(InputError, match="Argument `"):
        models.FluxQubit(**{"gap": 1.0, "persistent_current": 100.0, **bad})


def test_registry_holds_every_model_under_its_own_name():
    assert set(models.MODELS) == {name for name in models.__all__ if name in models.MODELS}
    assert len(models.MODELS) == 28
    assert all(function.__name__ == name for name, function in models.MODELS.items())
