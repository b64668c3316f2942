"""The hierarchy of QuTiP from our baths: exponentials that stand for them, units, and limits."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.environment.bath_noise import BathNoise
from anticrossing.environment.spectral_density import (
    BrownianOscillator,
    Debye,
    Ohmic,
    SpectralDensity,
)

pytest.importorskip("qutip")
HALF_Z = np.diag([0.5, -0.5])
LEVELS = ac.models.LandauZener(gap=1.0)
SWEEP = ac.drive.Linear(-3, 4, rate=1.0)
DEBYE = Debye(reorganization_energy=0.05, relaxation_rate=2.0)


@pytest.mark.parametrize(
    "density",
    [
        DEBYE,
        pytest.param(
            BrownianOscillator(reorganization_energy=0.1, frequency=2.0, damping=1.0),
            marks=pytest.mark.slow,
        ),
        pytest.param(Ohmic(reorganization_energy=0.1, cutoff=2.0), marks=pytest.mark.slow),
    ],
)
def test_what_exponentials_miss_of_the_noise_is_known(density: SpectralDensity) -> None:
    from anticrossing.qutip._heom import exponentials, misfit

    bath = ac.Bath(HALF_Z, density, 1.0)
    omega = np.array([-2.5, -0.4, 1e-3, 0.7, 3.0])
    ours = BathNoise(density, 1.0).rate(omega)
    theirs = exponentials(bath, 10).power_spectrum(omega)
    missed = misfit(bath, 10, 3.0)
    assert np.max(np.abs(theirs - ours)) <= 1.01 * missed + 1e-12
    assert missed < 2e-3 * np.max(ours)


@pytest.mark.slow
def test_what_exponentials_miss_is_said() -> None:
    bath = ac.Bath(HALF_Z, Ohmic(reorganization_energy=0.1, cutoff=3.0), 1.0)
    found = ac.qutip.heom(LEVELS, SWEEP, bath)
    assert found.error_estimate > 1e-3
    assert [text for text in found.warnings if "exponentials miss" in text] == [*found.warnings]


@pytest.mark.slow
def test_units_of_time_change_nothing() -> None:
    bath = ac.Bath(HALF_Z, DEBYE, 1.0)
    plain = ac.qutip.heom(LEVELS, SWEEP, bath, tolerance=1e-3)
    turns = ac.Hamiltonian.affine(
        np.array([[0, 0.5], [0.5, 0]]), HALF_Z, units=ac.Units(energy="GHz", time="ns")
    )
    angular = turns.units.angular
    swept = ac.drive.Linear(-3, 4, rate=angular)
    other = ac.qutip.heom(turns, swept, bath, tolerance=1e-3)
    assert np.allclose(plain.probabilities, other.probabilities, atol=1e-4)
    ours = [
        ac.propagate(h, drive, environment=bath).probabilities
        for h, drive in ((LEVELS, SWEEP), (turns, swept))
    ]
    assert np.allclose(*ours, atol=1e-9)


@pytest.mark.slow
def test_the_result_is_a_propagation_with_times() -> None:
    bath = ac.Bath(HALF_Z, DEBYE, 1.0)
    found = ac.qutip.heom(LEVELS, SWEEP, bath, times=[-1.0, 2.0], initial=1, tolerance=1e-3)
    assert found.populations.shape == (2, 2)
    assert found.density_matrix is not None
    assert np.trace(found.density_matrix).real == pytest.approx(1.0, abs=1e-5)
    assert "depth" in found.method
    assert found.error_estimate < 1e-3


def test_bad_arguments() -> None:
    with pytest.raises(ac.InputError, match="temperature above zero"):
        ac.qutip.heom(LEVELS, SWEEP, ac.Bath(HALF_Z, DEBYE, 0.0))
    with pytest.raises(ac.InputError, match="`bath`"):
        ac.qutip.heom(LEVELS, SWEEP, ac.Dephasing(0.1))
    with pytest.raises(ac.InputError, match="single point"):
        ac.qutip.heom(LEVELS, ac.drive.Linear(-3, 4, rate=[1.0, 2.0]), ac.Bath(HALF_Z, DEBYE, 1.0))
    strong = ac.Bath(HALF_Z, Debye(reorganization_energy=20.0, relaxation_rate=2.0), 1.0)
    with pytest.raises(ac.ConvergenceError, match="does not settle"):
        ac.qutip.heom(LEVELS, ac.drive.Linear(-1, 1, rate=1.0), strong, most_depth=3)


def test_objects_of_qutip_can_be_conjugated() -> None:
    operator = LEVELS.to_qutip(SWEEP)
    assert np.allclose(operator.dag()(0.7).full(), operator(0.7).full())
