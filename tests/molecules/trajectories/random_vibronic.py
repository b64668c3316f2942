"""A vibronic Hamiltonian of random complex couplings."""

import numpy as np

from anticrossing.models.vibronic_coupling import VibronicCoupling


def vibronic(modes=6, states=4):
    rng = np.random.default_rng(3)

    def symmetric(*shape):
        m = rng.normal(size=(*shape, states, states)) + 1j * rng.normal(
            size=(*shape, states, states)
        )
        return m + m.conj().swapaxes(-1, -2)

    quadratic = 0.01 * symmetric(modes, modes)
    return VibronicCoupling(
        energies=np.arange(states), frequencies=rng.uniform(0.1, 0.4, modes),
        linear=0.1 * symmetric(modes), quadratic=quadratic + quadratic.swapaxes(0, 1),
    )  # fmt: skip
