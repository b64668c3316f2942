"""Sodium iodide against experiment and against the physics its parameters stand for."""

import numpy as np
import pytest

from anticrossing.models import SODIUM_IODIDE_MASS, SodiumIodide

ELECTRON_VOLT, SPEED_OF_LIGHT, DALTON = 1.602176634e-19, 299792458.0, 1.66053906660e-27


@pytest.fixture(scope="module")
def curves():
    x = np.linspace(2.0, 14.0, 120_001)
    return x, SodiumIodide()(x)


def test_well_of_the_ionic_curve(curves):
    # Experiment: bond length 2.711 Å, dissociation energy 3.1 eV, vibration 258 cm⁻¹. The model's
    # own numbers are those of its source: R₀ = 2.67 Å.
    x, H = curves
    ionic = H[:, 0, 0]
    lowest = ionic.argmin()
    assert x[lowest] == pytest.approx(2.67, abs=0.005)
    assert x[lowest] == pytest.approx(2.711, abs=0.05)
    assert ionic[lowest] == pytest.approx(-3.1, abs=0.05)
    near = slice(lowest - 100, lowest + 101)
    stiffness = 2 * np.polyfit(x[near] - x[lowest], ionic[near], 2)[0]  # eV/Å²
    omega = np.sqrt(stiffness * ELECTRON_VOLT * 1e20 / (SODIUM_IODIDE_MASS * DALTON))
    assert omega / (2 * np.pi * SPEED_OF_LIGHT * 100) == pytest.approx(258, rel=0.12)


def test_curves_cross_once_near_seven_angstrom(curves):
    x, H = curves
    difference = H[:, 0, 0] - H[:, 1, 1]
    crossing = np.flatnonzero(np.diff(np.sign(difference)))
    assert crossing.size == 1
    # e²/ΔE₀ = 6.94 Å for bare charges; ab initio: 13.22 bohr = 7.00 Å (Hedvall et al., 2019).
    assert x[crossing[0]] == pytest.approx(7.0, abs=0.03)
    assert H[crossing[0], 0, 1] == pytest.approx(0.055, abs=5e-4)


def test_asymptote_is_ionization_energy_minus_electron_affinity():
    ionic, covalent = np.diag(SodiumIodide()(1e5))
    assert ionic - covalent == pytest.approx(5.139 - 3.059, abs=0.01)


def test_coulomb_term_dominates_at_long_range():
    # The ionic curve approaches ΔE₀ − e²/R, e² = 14.3996 eV Å.
    ionic = SodiumIodide()(60.0)[0, 0]
    assert (2.075 - ionic) * 60.0 == pytest.approx(14.3996, abs=1e-3)


def test_values_written_out_independently():
    R = 3.3
    e2 = 14.3996454785
    ionic = (2760 + (2.398 / R) ** 8) * np.exp(-R / 0.3489) - e2 / R
    ionic -= e2 * (0.408 + 6.431) / 2 / R**4 + 11.3 / R**6 + 2 * e2 * 0.408 * 6.431 / R**7
    covalent = 0.813 * np.exp(-4.08 * (R - 2.67))
    coupling = 0.06 * np.exp(-0.6931 * (R - 6.93) ** 2)
    np.testing.assert_allclose(
        SodiumIodide(coupling=0.06)(R),
        [[ionic + 2.075, coupling], [coupling, covalent]],
        rtol=1e-12,
    )


def test_slopes_are_exact_derivatives():
    H, x, h = SodiumIodide(), 6.5, 1e-4
    numerical = (H(x + h) - H(x - h)) / (2 * h)
    np.testing.assert_allclose(H.derivative(x), numerical, atol=1e-8)


def test_coupling_batches():
    H = SodiumIodide().replace(coupling=[0.04, 0.055])
    assert H(6.93)[:, 0, 1] == pytest.approx([0.04, 0.055])
    assert H.units.energy == "eV"
    assert H.units.time == "fs"
