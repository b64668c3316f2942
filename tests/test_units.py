"""Units against the CODATA values that SciPy ships."""

import numpy as np
import pytest
from scipy import constants

import anticrossing as ac
from anticrossing import units


def test_phase_of_one_unit_of_energy_in_one_unit_of_time():
    assert ac.Units("GHz", "ns").angular == pytest.approx(2 * np.pi, rel=1e-14)
    assert ac.Units("hartree", "atomic").angular == 1.0
    assert ac.Units("eV", "fs").angular == pytest.approx(
        constants.e * 1e-15 / constants.hbar, rel=1e-9
    )


@pytest.mark.parametrize(
    ("unit", "joule"),
    [
        ("hartree", constants.value("Hartree energy")),
        ("eV", constants.e),
        ("K", constants.k),
        ("cm^-1", constants.h * constants.c * 100),
    ],
)
def test_energy_units(unit, joule):
    # Measured constants move by a few 1e-11 between CODATA releases.
    assert units.ENERGIES[unit] == pytest.approx(joule, rel=1e-9)


def test_velocity_of_a_collision():
    mass = 20 * constants.value("atomic mass constant")
    expected = np.sqrt(2 * 0.5 * constants.e / mass) * 1e-15 / 1e-10
    assert float(units.velocity(0.5, 20.0)) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ac.InputError, match="positive"):
        units.velocity(0.5, 0.0)
    with pytest.raises(ac.InputError, match="not be negative"):
        units.velocity(-0.5, 1.0)


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        (ac.Units(), ""),
        (ac.Units("eV", "fs"), "fs"),
        (ac.Units("hartree", "atomic"), "ħ/hartree"),
        (ac.Units("hartree", "fs"), "fs"),
        (ac.Units("eV", "atomic"), "atomic"),
    ],
)
def test_units_of_time(units, shown):
    assert units.shown_time == shown
    assert units.time_text(0.25) == f"0.25 {shown}".rstrip()
