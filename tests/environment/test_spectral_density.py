"""Spectral densities against closed forms of their integrals."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import InputError
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Continuum,
    Debye,
    Discrete,
    Ohmic,
    SpectralDensity,
)
from anticrossing.environment.spectral_density.integration import integrate
from tests.effort import cases

CONTINUA = [
    Ohmic(reorganization_energy=0.7, cutoff=0.3),
    Debye(reorganization_energy=0.7, relaxation_rate=0.02),
    BrownianOscillator(reorganization_energy=0.7, frequency=0.3, damping=0.003),
    BrownianOscillator(reorganization_energy=0.7, frequency=0.3, damping=4.0),
    Debye(reorganization_energy=0.2, relaxation_rate=0.02)
    + Ohmic(reorganization_energy=0.5, cutoff=3.0),
]


@pytest.mark.parametrize("bath", CONTINUA, ids=repr)
def test_reorganization_energy_is_the_integral_of_the_spectral_density(bath):
    found = integrate(lambda w: bath.continuum(w) / w, bath.scales)
    assert found / np.pi == pytest.approx(bath.reorganization_energy, rel=1e-11)
    given_as_function = Continuum(bath.continuum, scales=bath.scales)
    assert given_as_function.reorganization_energy == pytest.approx(0.7, rel=1e-11)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_powers_with_a_cutoff(power):
    from scipy.special import gamma

    bath = Continuum(lambda w: w**power * np.exp(-w / 2), scales=2.0)
    expected = gamma(power) * 2**power / np.pi
    # J/ω = 1/√ω at zero costs two digits
    tolerance = 1e-10 if power < 1 else 1e-11
    assert bath.reorganization_energy == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("bath", CONTINUA, ids=repr)
@pytest.mark.parametrize("modes", [1, 2, 37])
def test_discretisation_conserves_the_reorganization_energy(bath, modes):
    found = bath.discretize(modes)
    assert found.frequencies.shape == (modes,)
    assert np.all(np.diff(found.frequencies) > 0)
    assert found.reorganization_energy == pytest.approx(0.7, rel=1e-12)


def test_discretised_frequencies_are_the_quantiles():
    middle = (np.arange(50) + 0.5) / 50
    ohmic = Ohmic(reorganization_energy=0.7, cutoff=0.3).discretize(50)
    np.testing.assert_allclose(ohmic.frequencies, -0.3 * np.log1p(-middle), rtol=1e-11)
    debye = Debye(reorganization_energy=0.7, relaxation_rate=0.02).discretize(50)
    np.testing.assert_allclose(debye.frequencies, 0.02 * np.tan(np.pi * middle / 2), rtol=5e-9)


@cases(30)
@given(st.floats(1e-4, 1e2), st.floats(1e-4, 1e2), st.integers(1, 20))
def test_half_of_an_ohmic_bath_lies_below_its_characteristic_frequency(energy, cutoff, modes):
    bath = Ohmic(reorganization_energy=energy, cutoff=cutoff)
    assert bath.characteristic_frequency == pytest.approx(np.log(2) * cutoff, rel=1e-10)
    assert bath.discretize(modes).reorganization_energy == pytest.approx(energy, rel=1e-12)


def test_brownian_oscillator_between_its_limits():
    slow = BrownianOscillator(reorganization_energy=1.0, frequency=1.0, damping=1e4)
    debye = Debye(reorganization_energy=1.0, relaxation_rate=1e-4)
    omega = np.geomspace(1e-6, 1e-2, 20)
    np.testing.assert_allclose(slow.continuum(omega), debye.continuum(omega), rtol=2e-4)
    sharp = BrownianOscillator(reorganization_energy=1.0, frequency=2.0, damping=1e-5)
    assert sharp.discretize(1).huang_rhys[0] == pytest.approx(0.5, rel=1e-4)


def test_sum_keeps_single_modes():
    bath = Debye(reorganization_energy=0.2, relaxation_rate=0.01) + Discrete(
        frequencies=[0.2, 0.005], huang_rhys=[1.0, 2.0]
    )
    assert isinstance(bath, SpectralDensity)
    assert bath.reorganization_energy == pytest.approx(0.41, rel=1e-14)
    found = bath.discretize(3)
    assert found.frequencies.size == 5
    assert 0.2 in found.frequencies
    assert found.reorganization_energy == pytest.approx(0.41, rel=1e-12)
    assert "Debye" in repr(bath)
    assert bath.characteristic_frequency == 0.2  # 0.204 of 0.41 lies below this mode


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Ohmic(reorganization_energy=0.0, cutoff=1.0), "`reorganization_energy`.*positive"),
        (lambda: Ohmic(reorganization_energy=1.0, cutoff=np.nan), "`cutoff` must be finite"),
        (lambda: Debye(reorganization_energy=[1, 2], relaxation_rate=1), "single number"),
        (
            lambda: BrownianOscillator(reorganization_energy=1, frequency=1, damping=-1),
            "`damping` must be positive",
        ),
        (lambda: Discrete(frequencies=[0.0], huang_rhys=[1.0]), "`frequencies` must be positive"),
        (lambda: Discrete(frequencies=[1.0], huang_rhys=[-1.0]), "`huang_rhys` must not be neg"),
        (lambda: Discrete(frequencies=[1.0, 2.0], huang_rhys=[1.0]), "shape of `frequencies`"),
        (lambda: Discrete(frequencies=[], huang_rhys=[]), "at least one"),
        (lambda: Continuum(3.0, scales=1.0), "`function` must be callable"),
        (lambda: Continuum(lambda w: w, scales=[]), "`scales` must list"),
        (lambda: Continuum(lambda w: -w * np.exp(-w), scales=1.0), "not negative"),
        (lambda: Continuum(lambda w: w, scales=1.0), "does not converge"),
        (lambda: Continuum(lambda w: 0 * w, scales=1.0), "vanishes"),
        (lambda: Continuum(lambda w: 1.0, scales=1.0), "one value for each"),
        (lambda: Ohmic(reorganization_energy=1, cutoff=1).discretize(0), "`modes` must be at"),
        (lambda: Discrete(frequencies=[1.0], huang_rhys=[1.0]).discretize(3), "single modes"),
    ],
)
def test_bad_arguments(make, text):
    with pytest.raises(InputError, match=text):
        make()
