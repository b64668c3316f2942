"""
Atoms in a tilted lattice
=========================

An optical lattice is accelerated, and once in a Bloch period its atoms may tunnel out of the lowest
band. In the experiment of Zenesini and others (2009) they left in steps. How high are the steps?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

# %%
# Plane waves n in the frame of the lattice, energies in recoil energies. The coordinate is the
# quasi-momentum in units of π/d; neighbouring waves meet at its odd values, half the depth apart.

DEPTH, FORCE, PERIODS = 1.0, 0.383, 4


def lattice(first, last):
    n = np.arange(first, last + 1.0)
    beside = np.eye(n.size, k=1) + np.eye(n.size, k=-1)
    return ac.Hamiltonian.affine(np.diag(4 * n**2) + DEPTH / 4 * beside, np.diag(4 * n))


bloch_period = 2 * np.pi / FORCE
periods = np.linspace(0.02, PERIODS - 0.02, 700)
acceleration = ac.drive.Linear(0.0, 2.0 * PERIODS, rate=FORCE / np.pi)
swept = ac.propagate(
    lattice(-PERIODS - 4, 4), acceleration, times=periods * bloch_period, whole=False
)
survival = swept.populations[:, 0]

# %%
# Landau and Zener, with the rate 4F/π at which the two waves come together:

jump = ac.formulas.landau_zener(gap=DEPTH / 2, sweep_rate=4 * FORCE / np.pi)
jump

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
x = np.linspace(-1.5, 1.5, 301)
left.plot(x, ac.spectrum.levels(lattice(-2, 2), x)[:, :3] + x[:, np.newaxis] ** 2)
left.set(xlabel=r"quasi-momentum / ($\pi/d$)", ylabel="energy / recoil energy", title="bands")
right.semilogy(periods, survival, label="exact")
passed = np.floor(periods + 0.5)
right.semilogy(periods, (1 - jump.value) ** passed, "--", label="$(1 - P)^k$")
right.set(xlabel="time / Bloch period", ylabel="left in the lowest band", title="steps")
right.legend()

# %%
# The first step has the height of the formula; later ones do not, for passages interfere.

after_one = survival[np.argmin(abs(periods - 1))]
after_four = survival[-1]
print(f"after one period {after_one:.4f}, (1 − P) = {1 - jump.value:.4f}")
print(f"after four periods {after_four:.4f}, (1 − P)⁴ = {(1 - jump.value) ** 4:.4f}")
assert abs(after_one - (1 - jump.value)) < 0.005
assert abs(after_four / (1 - jump.value) ** 4 - 1) > 0.1
