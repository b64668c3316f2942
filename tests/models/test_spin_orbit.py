"""Intersystem crossing: the algebra of singlet and triplet, and the Landau–Zener law."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.models.spin_orbit import SingletTripletCrossing

component = st.floats(-1, 1)


def two_electron_matrix(vector):
    """⟨T_m|H|S⟩ with H = i s·(σ₁ − σ₂)/2 written out on two spins."""
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    difference = [(np.kron(p, np.eye(2)) - np.kron(np.eye(2), p)) / 2 for p in pauli]
    H = 1j * np.einsum("k,kij->ij", vector, difference)
    singlet = np.array([0, 1, -1, 0]) / np.sqrt(2)
    triplets = np.array([[0, 0, 0, 1], [0, 1, 1, 0] / np.sqrt(2), [1, 0, 0, 0]], dtype=object)
    return triplets.astype(complex) @ H @ singlet


@given(component, component, component)
def test_coupling_is_that_of_two_spins(x, y, z):
    H = SingletTripletCrossing(spin_orbit=[x, y, z], internal_coupling=0.0)
    np.testing.assert_allclose(H(0.3)[2:, 0], two_electron_matrix([x, y, z]), atol=1e-14)


@given(component, component, component)
def test_one_combination_couples_with_the_length_of_the_vector(x, y, z):
    H = SingletTripletCrossing(spin_orbit=[x, y, z], internal_coupling=0.0, triplet_position=0.0)
    size = np.linalg.norm([x, y, z])
    np.testing.assert_allclose(np.linalg.eigvalsh(H(0.0)), [-size, 0, 0, 0, size], atol=1e-12)


def test_intersystem_crossing_follows_landau_zener():
    H = SingletTripletCrossing(
        spin_orbit=[0.1, -0.2, 0.2], internal_coupling=0.0, triplet_position=0.0
    )
    sweep = ac.drive.Linear(-2000.0, 2000.0, rate=0.7)
    result = ac.propagate(H, sweep, initial=[1, 0, 0, 0, 0], basis="diabatic")
    stays = np.exp(-2 * np.pi * 0.3**2 / (0.7 * 0.5))
    assert result.probabilities[0] == pytest.approx(stays, abs=2e-3)
    # Every component takes its share |s_m|² of the triplet.
    shares = np.abs(two_electron_matrix([0.1, -0.2, 0.2])) ** 2 / 0.09
    np.testing.assert_allclose(
        result.probabilities[2:], shares * result.probabilities[2:].sum(), atol=1e-9
    )


def test_range_of_the_coupling():
    H = SingletTripletCrossing(
        spin_orbit=[0, 0, 0.5], internal_coupling=0.1, triplet_position=3.0, spin_orbit_range=2.0
    )
    assert H(3.0)[3, 0] == pytest.approx(0.5j)
    assert H(5.0)[3, 0] == pytest.approx(0.5j * np.exp(-0.5))
    assert H.labels == ("S1", "S2", "T-1", "T0", "T+1")


@pytest.mark.parametrize(
    "bad",
    [
        {"spin_orbit": [0.1, 0.2]},
        {"spin_orbit": [0.1, np.nan, 0.0]},
        {"singlet_slope": 0.0},
        {"spin_orbit_range": -1.0},
    ],
)
def test_bad_arguments(bad):
    arguments = {"spin_orbit": [0.0, 0.0, 1.0], "internal_coupling": 0.1, **bad}
    with pytest.raises(InputError, match=f"Argument `{next(iter(bad))}` must"):
        SingletTripletCrossing(**arguments)
