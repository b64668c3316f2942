"""The spin-boson model against what its spectral density promises."""

import time

import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.environment.spectral_density import Debye, Discrete, Ohmic
from anticrossing.models.spin_boson import SpinBoson

BATH = Ohmic(reorganization_energy=0.4, cutoff=0.05)


@pytest.mark.parametrize("modes", [2, 7])
def test_minima_and_vertical_gaps(modes):
    W = SpinBoson(coupling=0.0, reaction_free_energy=-0.3, spectral_density=BATH, modes=modes)
    minima = [-W.linear[:, i, i] / W.frequencies for i in (0, 1)]
    for state, energy in ((0, 0.0), (1, -0.3)):
        assert W(minima[state])[state, state] == pytest.approx(energy, abs=1e-14)
        slope = [W.derivative(minima[state], coordinate=q)[state, state] for q in W.coordinates]
        np.testing.assert_allclose(slope, 0, atol=1e-15)
    assert W(minima[0])[1, 1] == pytest.approx(0.4 - 0.3, abs=1e-13)
    assert W(minima[1])[0, 0] == pytest.approx(0.4, abs=1e-13)
    # S = ΔQ²/2 in dimensionless coordinates
    factors = (minima[1] - minima[0]) ** 2 / 2
    np.testing.assert_allclose(factors, BATH.discretize(modes).huang_rhys, rtol=1e-12)


def test_thermal_gap_fluctuates_as_the_bath_says():
    # Classical variance of the gap in state 0: Σ T/ω (2 ω√(S/2))² = 2λT.
    W = SpinBoson(coupling=0.01, reaction_free_energy=0.0, spectral_density=BATH, modes=50)
    slopes = W.linear[:, 1, 1] - W.linear[:, 0, 0]
    assert np.sum(slopes**2 / W.frequencies) == pytest.approx(2 * 0.4, rel=1e-12)
    assert W(np.zeros(50))[0, 1] == 0.01


@pytest.mark.slow
def test_hundreds_of_modes_take_no_time():
    """Linear in the number of modes: formulas in all coordinates would take seconds."""
    bath = BATH.discretize(400)
    common = {"coupling": 0.01, "reaction_free_energy": 0.0}
    SpinBoson(spectral_density=bath, **common)(np.zeros(400))  # imports
    other = Discrete(frequencies=1.1 * bath.frequencies, huang_rhys=bath.huang_rhys)
    start = time.process_time()
    W = SpinBoson(spectral_density=other, **common)
    assert W.gradient(np.ones(400)).shape == (400, 2, 2)
    assert W(np.zeros(400))[0, 0] == pytest.approx(1.1 * 0.4 / 4, rel=1e-12)
    assert time.process_time() - start < 1.0  # 0.15 s


def test_single_modes_are_taken_as_they_are():
    bath = Discrete(frequencies=[0.2, 0.1], huang_rhys=[0.5, 1.0])
    W = SpinBoson(coupling=0.01, reaction_free_energy=0.1, spectral_density=bath)
    np.testing.assert_array_equal(W.frequencies, [0.2, 0.1])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"modes": None}, "`modes` must be given"),
        ({"modes": 0}, "`modes` must be at least"),
        ({"spectral_density": Discrete(frequencies=[1.0], huang_rhys=[1.0])}, "not be given"),
        ({"spectral_density": "Ohmic"}, "be a SpectralDensity"),
        ({"coupling": [0.1, 0.2]}, "`coupling` must"),
        ({"reaction_free_energy": np.nan}, "finite"),
    ],
)
def test_bad_arguments(change, text):
    good = {"coupling": 0.1, "reaction_free_energy": 0.0, "modes": 3}
    good["spectral_density"] = Debye(reorganization_energy=1.0, relaxation_rate=0.1)
    with pytest.raises(InputError, match=text):
        SpinBoson(**{**good, **change})
