"""Minimum-energy crossings far from the start, in a model with stiff and soft vibrations."""

import numpy as np
import pytest
import scipy.optimize

from anticrossing.geometry.minimum_energy import minimum_energy_crossing
from anticrossing.models.vibronic_coupling import VibronicCoupling
from tests.effort import slow

FREQUENCIES = np.array([0.0047, 0.0050, 0.0069, 0.0143])
ENERGIES = np.array([0.0, 0.21, 0.17, 0.19])  # two singlets, two triplets


def model(seed):
    """Linear vibronic coupling with couplings drawn at random, like those of a molecule."""
    linear = np.random.default_rng(seed).normal(size=(4, 4, 4)) * 0.008
    linear = np.round((linear + linear.transpose(0, 2, 1)) / 2, 4)
    return VibronicCoupling(energies=ENERGIES, frequencies=FREQUENCIES, linear=linear), linear


def level(linear, point, states, which):
    """Energy and slope of a level of some states, written out."""
    matrix = np.diag(ENERGIES + FREQUENCIES @ point**2 / 2) + np.einsum("a,anm", point, linear)
    energies, vectors = np.linalg.eigh(matrix[np.ix_(states, states)])
    mine = vectors[:, which]
    slope = np.einsum("n,anm,m->a", mine, linear[:, states][:, :, states], mine)
    return energies[which], FREQUENCIES * point + slope


def reference(linear, start, levels):
    def both(point):
        sets = ([0, 1], [2, 3])
        return [level(linear, point, *which) for which in zip(sets, levels, strict=True)]

    found = scipy.optimize.minimize(
        lambda q: sum(e for e, _ in both(q)) / 2,
        start,
        jac=lambda q: sum(s for _, s in both(q)) / 2,
        method="SLSQP",
        constraints={
            "type": "eq",
            "fun": lambda q: both(q)[1][0] - both(q)[0][0],
            "jac": lambda q: both(q)[1][1] - both(q)[0][1],
        },
        options={"ftol": 1e-13, "maxiter": 500},
    )
    (low, _), (high, _) = both(found.x)
    return found.fun if found.success and abs(high - low) < 1e-8 else np.nan


@pytest.mark.parametrize("seed", [427313, slow(852632), slow(554382)])
def test_lowest_crossing_from_the_reference_geometry_and_from_random_starts(seed):
    H, linear = model(seed)
    levels = (0, 0)
    rng = np.random.default_rng(3)
    starts = [np.zeros(4), *rng.normal(scale=3.0, size=(20, 4))]
    expected = [reference(linear, start, levels) for start in starts[:5]]
    found = [
        minimum_energy_crossing(H, start, states=([0, 1], [2, 3]), levels=levels).energy
        for start in starts
    ]
    np.testing.assert_allclose(found, np.nanmin(expected), rtol=1e-6)
