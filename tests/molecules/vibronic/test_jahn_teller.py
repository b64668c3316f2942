"""E⊗e: published levels, two independent bases, and what the quadratic coupling does."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.models.conical import JahnTeller
from anticrossing.molecules.vibronic import jahn_teller_levels, vibronic_levels
from tests.effort import cases, slow

PUBLISHED = {
    2.0: [-1.44574261, -1.15966014, -0.74089648],
    4.0: [-7.49133139, -7.42288824, -7.29027465],
}


@pytest.mark.parametrize("k", PUBLISHED)
def test_published_levels_by_angular_momentum(k):
    result = jahn_teller_levels(k, count=3)
    np.testing.assert_allclose(result.energies, PUBLISHED[k], atol=1e-8)
    np.testing.assert_array_equal(result.angular_momenta, [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(result.degeneracies, [2, 2, 2])
    assert result.symmetries == ("E", "A1+A2", "E")
    assert result.error_estimate <= 1e-10


@pytest.mark.quick(1)
@pytest.mark.parametrize("k", PUBLISHED)
def test_published_levels_in_the_product_basis(k):
    result = vibronic_levels(JahnTeller(linear=k), frequencies=[1.0, 1.0], count=6)
    np.testing.assert_allclose(result.energies, np.repeat(PUBLISHED[k], 2), atol=1e-8)
    # The two states of a doublet together hold each electronic state once.
    pairs = result.populations.reshape(3, 2, 2).sum(axis=1)
    np.testing.assert_allclose(pairs, 1.0, atol=1e-6)


def expanded(result):
    return np.sort(np.repeat(result.energies, result.degeneracies))


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("k", "g"),
    [(0.7, 0.0), slow(3.0, 0.0), (1.0, 0.2), slow(1.0, -0.2), slow(2.0, 0.3), (0.0, 0.4)],
)
def test_symmetry_adapted_levels_are_those_of_the_product_basis(k, g):
    count = 8
    adapted = jahn_teller_levels(k, g, count=count)
    product = vibronic_levels(
        JahnTeller(linear=k, quadratic=g), frequencies=[1.0, 1.0], count=count
    )
    np.testing.assert_allclose(expanded(adapted)[:count], product.energies, atol=1e-8)


def test_weak_coupling_shifts_the_ground_level_by_minus_k_squared():
    # Second order: −k²·1/(1 + 1 − 1); the next term is of order k⁴.
    k = 1e-3
    assert jahn_teller_levels(k, count=1).energies[0] == pytest.approx(1 - k**2, abs=2e-12)


def test_strong_coupling_is_a_rotor_in_the_trough():
    # E = −k²/2 + ½ + j²/2k² to order k⁻².
    k = 12.0
    result = jahn_teller_levels(k, count=5)
    expected = -(k**2) / 2 + 0.5 + result.angular_momenta**2 / (2 * k**2)
    np.testing.assert_allclose(result.angular_momenta, np.arange(5) + 0.5)
    np.testing.assert_allclose(result.energies, expected, atol=20 / k**4)


@cases(15)
@given(st.floats(0.05, 2.5), st.floats(0.01, 0.5))
@pytest.mark.slow
def test_sign_of_either_coupling_only_exchanges_names(k, g):
    reference = jahn_teller_levels(k, g, count=4)
    for other in (jahn_teller_levels(-k, g, count=4), jahn_teller_levels(k, -g, count=4)):
        np.testing.assert_allclose(other.energies, reference.energies, atol=1e-8)
    assert reference.symmetries[0] == "E"


def test_small_quadratic_coupling_splits_the_pairs_only():
    linear = jahn_teller_levels(1.0, count=4)
    quadratic = jahn_teller_levels(1.0, 1e-4, count=8)
    for energy, symmetry in zip(linear.energies, linear.symmetries, strict=True):
        near = np.abs(quadratic.energies - energy) < 1e-3
        expected = ["A1", "A2"] if symmetry == "A1+A2" else ["E"]
        assert sorted(np.array(quadratic.symmetries)[near]) == expected


@pytest.mark.slow
def test_strong_quadratic_coupling_makes_the_ground_level_single():
    # Koizumi and Bersuker's crossover: the tunnelling then encircles four intersections.
    weaker, stronger = (jahn_teller_levels(0.3, g, count=2) for g in (0.90, 0.93))
    assert weaker.symmetries == ("E", "A2")
    assert stronger.symmetries == ("A2", "E")
    np.testing.assert_array_equal(stronger.degeneracies, [1, 2])
    assert weaker.energies[1] - weaker.energies[0] > 1e-3
    assert stronger.energies[1] - stronger.energies[0] > 1e-5
    assert stronger.error_estimate < 1e-10


@pytest.mark.slow
def test_crossover_in_the_product_basis():
    H = JahnTeller(linear=0.3, quadratic=0.93)
    energies = vibronic_levels(
        H, frequencies=[1.0, 1.0], count=3, tolerance=1e-6, basis_sizes=(60, 60)
    ).energies
    adapted = jahn_teller_levels(0.3, 0.93, count=2).energies
    np.testing.assert_allclose(energies, adapted[[0, 1, 1]], atol=1e-8)


def test_printed_table():
    text = str(jahn_teller_levels(1.0, 0.1, count=2))
    assert "symmetry" in text
    assert text.count("\n") == 2
    assert "-" in text.splitlines()[1]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"linear": np.nan}, "linear"),
        ({"linear": 1.0, "quadratic": 1.0}, "quadratic"),
        ({"linear": 1.0, "quadratic": -2.0}, "quadratic"),
        ({"linear": 1.0, "count": 0}, "count"),
        ({"linear": 1.0, "tolerance": 0.0}, "tolerance"),
        ({"linear": [1.0, 2.0]}, "linear"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(InputError, match=f"Argument `{name}` must"):
        jahn_teller_levels(**arguments)


def test_what_does_not_converge_is_said():
    with pytest.raises(ConvergenceError, match="do not settle"):
        jahn_teller_levels(3.0, 0.99)
