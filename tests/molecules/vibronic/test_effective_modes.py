"""Effective modes keep moments of the energy exactly, and with all of them everything."""

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.models import Pyrazine, VibronicCoupling
from anticrossing.molecules.vibronic import _oscillator, effective_modes, propagate_vibronic


def bath(modes, states=2, seed=1, size=0.05):
    rng = np.random.default_rng(seed)
    linear = size * rng.standard_normal((modes, states, states))
    return VibronicCoupling(
        energies=np.linspace(0, 0.3, states),
        frequencies=np.linspace(0.05, 0.2, modes),
        linear=linear + linear.swapaxes(1, 2),
    )


def moments(W, count, quanta):
    """⟨0, a|Hⁿ|0, b⟩, exact up to n = 2·quanta + 1 between states of so many quanta."""
    modes = W.frequencies.size
    numbers = _oscillator.truncated((quanta + 1,) * modes)
    H = _oscillator.build(_oscillator.monomials(W), W.frequencies, numbers)
    vectors = np.zeros((H.shape[0], W.dimension))
    vectors[: W.dimension] = np.eye(W.dimension)
    found, moved = [], vectors
    for _ in range(count):
        moved = H @ moved
        found.append(moved[: W.dimension])
    return found


@pytest.mark.parametrize("order", [0, 1])
def test_moments_are_exact_as_far_as_promised(order):
    W = bath(8)
    kept = 2 * order + 3
    whole = moments(W, kept + 1, 3)
    few = moments(effective_modes(W, order), kept + 1, 3)
    for n in range(kept):
        np.testing.assert_allclose(few[n], whole[n], rtol=1e-10, atol=1e-14)
    assert abs(few[kept] - whole[kept]).max() > 1e-9 * abs(whole[kept]).max()


def test_all_modes_are_the_model_itself():
    W = bath(4)
    same = effective_modes(W, 3)
    np.testing.assert_allclose(np.sort(same.frequencies), W.frequencies, rtol=1e-12)
    order = np.argsort(same.frequencies)
    np.testing.assert_allclose(abs(same.linear[order]), abs(W.linear), atol=1e-13)
    np.testing.assert_allclose(same.constant, W.constant, atol=1e-13)


@pytest.mark.slow
def test_populations_converge_with_the_order():
    W, t = bath(7, size=0.03), np.linspace(2.0, 16.0, 8)
    found = [
        propagate_vibronic(effective_modes(W, order), t, state=1, tolerance=1e-3).populations[:, 1]
        for order in (0, 1)
    ]
    exact = propagate_vibronic(W, t, state=1, basis_sizes=[6] * 7, tolerance=2e-3).populations[:, 1]
    apart = [abs(one - exact).max() for one in found]
    assert apart[1] < 2e-3
    assert apart[1] < apart[0]
    assert abs(found[0] - exact)[:2].max() < 1e-3  # short times


def test_bad_input():
    with pytest.raises(InputError, match="quadratic"):
        effective_modes(Pyrazine(modes=4))
    with pytest.raises(InputError, match="order"):
        effective_modes(Pyrazine(), -1)
    still = VibronicCoupling(energies=[0.0, 1.0], frequencies=[1.0], linear=np.zeros((1, 2, 2)))
    with pytest.raises(InputError, match="couple"):
        effective_modes(still)
