"""Random starts: their moments, and arguments that make none."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from anticrossing.molecules.trajectories import Fixed, Gaussian, Thermal


def test_random_numbers_are_uniform_and_starts_have_the_right_moments():
    masses = np.array([2.0, 5.0])
    rng = np.random.default_rng(0)
    for initial, x, p in [
        (Gaussian([1.0, 2.0], 3.0, width=[0.5, 0.2]), [0.5, 0.2], [1.0, 2.5]),
        (Gaussian(0.0, 0.0, width=1.0, momentum_width=[0.0, 2.0]), [1, 1], [0, 2]),
        (Thermal(0.0, [0.5, 1.0], 3.0, distribution="classical"),
         np.sqrt([3 / (2 * 0.25), 3 / 5]), np.sqrt([6, 15])),
        (Thermal(0.0, [0.5, 1.0], 0.25), np.sqrt([0.5 / np.tanh(1.0), 0.1 / np.tanh(2.0)]),
         np.sqrt([0.5 / np.tanh(1.0), 2.5 / np.tanh(2.0)])),
    ]:  # fmt: skip
        assert_allclose(initial.spread(masses), [x, p], rtol=1e-14)
        drawn = np.array(initial.draw(masses, 40_000, rng))
        assert_allclose(drawn.std(axis=1), [x, p], rtol=0.02)
        mean = [initial.position * np.ones(2), initial.momentum * np.ones(2)]
        assert_allclose(drawn.mean(axis=1), mean, atol=0.02 * np.max([x, p]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(0.0, 1.0, width=0.0), "`width` must be positive"),
        (lambda: Gaussian(0.0, 1.0, width=1.0, momentum_width=-1.0), "`momentum_width` must not"),
        (lambda: Thermal(0.0, 1.0, -1.0), "`temperature` must not be negative"),
        (lambda: Thermal(0.0, 0.0, 1.0), "`frequencies` must be positive"),
        (
            lambda: Thermal(0.0, 1.0, 0.0, distribution="classical"),
            "`temperature` must be positive",
        ),
        (lambda: Thermal(0.0, 1.0, 1.0, distribution="bose"), "`distribution` must be one of"),
        (lambda: Fixed(np.nan, 1.0), "`position` must be finite"),
        (lambda: Fixed([[0.0]], 1.0), "`position` must be a number or a list"),
        (lambda: Fixed(0.0, 1.0, state=-1), "`state` must be at least 0"),
        (lambda: Fixed(0.0, 1.0, basis="bloch"), "`basis` must be one of"),
    ],
)
def test_bad_starts(make, message):
    with pytest.raises(ValueError, match=message):
        make()
