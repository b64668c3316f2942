"""Equilibrium of Fermi levels against 40-digit arithmetic, and what is refused."""

import mpmath as mp
import numpy as np
import pytest

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics import (
    binary_entropy,
    binary_relative_entropy,
    fermi,
    grand_potential,
)


@pytest.mark.parametrize("beta", [1e-6, 1.2, 50.0])
def test_against_forty_digits(beta):
    energies = [-4.0, 2.9999, 3.0, 8.0]
    with mp.workdps(40):
        factors = [mp.exp(mp.mpf(beta) * (mp.mpf(e) - 3)) for e in energies]
        occupied = [float(1 / (x + 1)) for x in factors]
        potential = float(-sum(mp.log(1 + 1 / x) for x in factors) / mp.mpf(beta))
    assert fermi(energies, temperature=1 / beta, chemical_potential=3.0) == pytest.approx(
        occupied, rel=1e-14
    )
    found = grand_potential(energies, temperature=1 / beta, chemical_potential=3.0)
    assert found == pytest.approx(potential, rel=1e-14)


def test_entropies_against_forty_digits():
    p, q = 0.3, 1e-9
    with mp.workdps(40):
        x, y = mp.mpf(p), mp.mpf(q)
        entropy = -x * mp.log(x) - (1 - x) * mp.log(1 - x)
        relative = x * mp.log(x / y) + (1 - x) * mp.log((1 - x) / (1 - y))
    assert binary_entropy(p) == pytest.approx(float(entropy), rel=1e-15)
    assert binary_relative_entropy(p, q) == pytest.approx(float(relative), rel=1e-15)
    assert binary_relative_entropy([0.5, 1.0], [0.0, 1.0]).tolist() == [np.inf, 0.0]


def test_computed_occupations_may_be_rounded_beyond_one():
    assert binary_entropy([1 + 3e-16, -2e-16]).tolist() == [0.0, 0.0]
    assert binary_relative_entropy(1 + 3e-16, 1.0) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fermi("a", temperature=1.0, chemical_potential=0.0),
            "`energies` must be a number",
        ),
        (
            lambda: fermi(np.nan, temperature=1.0, chemical_potential=0.0),
            "`energies` must be finite",
        ),
        (
            lambda: fermi(1.0, temperature=-1.0, chemical_potential=0.0),
            "`temperature` must be positive",
        ),
        (
            lambda: fermi(1.0, temperature=np.inf, chemical_potential=0.0),
            "`temperature` must be finite",
        ),
        (
            lambda: fermi(1.0, temperature=1.0, chemical_potential=None),
            "`chemical_potential` must be",
        ),
        (
            lambda: grand_potential(1.0, temperature=0.0, chemical_potential=0.0),
            "`temperature` must be positive",
        ),
        (
            lambda: grand_potential(1j, temperature=1.0, chemical_potential=0.0),
            "`energies` must be real",
        ),
        (lambda: binary_entropy(1.1), "`occupation` must lie between 0 and 1"),
        (lambda: binary_entropy([0.2, np.nan]), "`occupation` must be finite"),
        (lambda: binary_relative_entropy(0.5, -0.1), "`reference` must lie between 0 and 1"),
        (lambda: binary_relative_entropy([0.5] * 2, [0.5] * 3), "must broadcast together"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
