"""Demkov–Osherov, bow-tie and spin models against their definitions and known spectra."""

import numpy as np
import pytest
from numpy.polynomial import polynomial

import anticrossing
from anticrossing import Units
from anticrossing._core.checks import InputError
from anticrossing.models import BowTie, DemkovOsherov, LandauZener, SpinInField, spin_matrices


def test_demkov_osherov_satisfies_its_secular_equation():
    levels, couplings, x = np.array([0.0, 0.7, 2.0]), np.array([0.3, 0.1, 0.5]), 0.4
    energies = np.linalg.eigvalsh(DemkovOsherov(levels=levels, couplings=couplings)(x))
    # E − x = Σ γ²/(E − ε): multiplied out, a polynomial whose roots are the levels.
    full = polynomial.polyfromroots(levels)
    secular = polynomial.polymul([-x, 1.0], full)
    for j in range(3):
        rest = couplings[j] ** 2 * polynomial.polyfromroots(np.delete(levels, j))
        secular = polynomial.polysub(secular, rest)
    np.testing.assert_allclose(np.sort(polynomial.polyroots(secular)), energies, atol=1e-12)


def test_demkov_osherov_batches_over_leading_axes():
    levels = np.arange(12.0).reshape(4, 3)
    H = DemkovOsherov(levels=levels, couplings=[0.1, 0.2, 0.3])
    assert H.batch_shape == (4,)
    single = DemkovOsherov(levels=levels[2], couplings=[0.1, 0.2, 0.3])
    np.testing.assert_array_equal(H(1.5)[2], single(1.5))
    assert H.replace(level_2=9.0)(0.0)[0, 2, 2] == 9.0


@pytest.mark.parametrize("model", [DemkovOsherov, BowTie])
def test_lists_of_different_length_are_refused(model):
    first = "levels" if model is DemkovOsherov else "slopes"
    with pytest.raises(InputError, match="couplings"):
        model(**{first: [1.0, 2.0], "couplings": [0.1]})
    with pytest.raises(InputError, match=first):
        model(**{first: 1.0, "couplings": [0.1]})


def test_bow_tie_levels_meet_at_zero_but_for_the_coupling():
    H = BowTie(slopes=[1.0, -0.5, 2.0], couplings=[0.1, 0.2, 0.3])
    energies = np.linalg.eigvalsh(H(0.0))
    # A star of couplings: ±√Σγ² and zeros.
    np.testing.assert_allclose(energies, [-np.sqrt(0.14), 0, 0, np.sqrt(0.14)], atol=1e-15)
    np.testing.assert_array_equal(np.diag(H(2.0)), [0.0, 2.0, -1.0, 4.0])


def test_generalised_bow_tie_without_offset_is_a_bow_tie_and_a_dark_state():
    details = {"slopes": [1.0, -0.5], "couplings": [0.1, 0.2]}
    plain = np.linalg.eigvalsh(BowTie(**details)(0.3))
    general = np.linalg.eigvalsh(BowTie(**details, offset=0.0)(0.3))
    np.testing.assert_allclose(general, np.sort([*plain, 0.0]), atol=1e-15)


@pytest.mark.parametrize("spin", [0.5, 1, 1.5, 2, 4.5])
def test_spin_levels_are_equidistant_in_a_field(spin):
    H = SpinInField(spin=spin, transverse_field=0.6)
    m = np.arange(-spin, spin + 1)
    np.testing.assert_allclose(np.linalg.eigvalsh(H(0.8)), m * 1.0, atol=1e-13)


def test_spin_matrices_have_the_casimir_eigenvalue():
    s_x, s_z = spin_matrices(2.5)
    s_y = -1j * (s_z @ s_x - s_x @ s_z)
    total = s_x @ s_x + (s_y @ s_y) + s_z @ s_z
    np.testing.assert_allclose(total, 2.5 * 3.5 * np.eye(6), atol=1e-13)


def test_spin_half_is_landau_zener():
    x = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(
        SpinInField(spin=0.5, transverse_field=0.3)(x), LandauZener(gap=0.3)(x), atol=1e-16
    )


def test_anisotropy_enters_as_m_squared():
    H = SpinInField(spin=1.5, transverse_field=0.0, anisotropy=-2.0)
    m = np.array([1.5, 0.5, -0.5, -1.5])
    np.testing.assert_allclose(np.diag(H(0.7)), 0.7 * m - 2.0 * m**2, atol=1e-14)
    assert H.labels == ("m=3/2", "m=1/2", "m=-1/2", "m=-3/2")


@pytest.mark.parametrize("spin", [0, 0.3, -1, np.nan, "one"])
def test_impossible_spins_are_refused(spin):
    with pytest.raises(InputError, match="spin"):
        SpinInField(spin=spin, transverse_field=0.1)


@pytest.mark.parametrize(("spin", "message"), [(0.3, "half-integer"), (0, "half"), (1e6, "below")])
def test_spins_that_cannot_be_are_refused(spin, message):
    with pytest.raises(InputError, match=message):
        SpinInField(spin=spin, transverse_field=0.1)


def test_a_magnet_in_tesla_and_seconds():
    """The same H, times and probabilities as in Zeeman energies by hand."""
    tesla, second = 0.6717138156 * 2.0, 1.30920330e11  # K/T for g = 2, rad per K·s (CODATA)
    magnet = SpinInField(spin=2, anisotropy=-0.6, transverse_field=0.4, g_factor=2.0)
    plain = SpinInField(spin=2, anisotropy=-0.6, transverse_field=0.4 * tesla)
    np.testing.assert_allclose(magnet(1.3), plain(1.3 * tesla), rtol=1e-8)
    assert (magnet.units.energy, magnet.units.time, magnet.units.coordinate) == ("K", "s", "T")
    rate = 1e6
    ours = anticrossing.propagate(magnet, anticrossing.drive.Linear(-0.2, 0.2, rate=rate))
    theirs = anticrossing.propagate(
        plain, anticrossing.drive.Linear(-0.2 * tesla, 0.2 * tesla, rate=rate * tesla / second)
    )
    np.testing.assert_allclose(ours.transition_matrix, theirs.transition_matrix, atol=1e-6)
    assert magnet.replace(g_factor=[1.9, 2.0]).batch_shape == (2,)
    other = SpinInField(
        spin=2, anisotropy=-50.0, transverse_field=0.4, g_factor=2.0, units=Units("GHz", "ns", "T")
    )
    assert other(0.0)[0, 1] / 0.4 == pytest.approx(2 * 13.99624493, rel=1e-9)  # GHz/T: μ_B/h
    with pytest.raises(anticrossing.InputError, match="natural"):
        SpinInField(spin=1, transverse_field=0.1, g_factor=2.0, units=Units())
    with pytest.raises(anticrossing.InputError, match="g_factor"):
        SpinInField(spin=1, transverse_field=0.1, g_factor=0.0)
