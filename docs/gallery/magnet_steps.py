"""
Steps in the magnetisation of a molecular magnet
================================================

A cluster such as Mn₁₂ has the spin 10 and an easy axis. In the cold, a field that is reversed turns
it around in steps: it tunnels where two levels meet. What sets the fields and heights of the steps?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

# %%
# With a g factor fields are in tesla, energies in kelvin and times in seconds. A transverse field
# allows tunnelling.

magnet = ac.models.SpinInField(spin=10, anisotropy=-0.6, transverse_field=1.2, g_factor=2.0)
crossings = ac.find_crossings(magnet, -0.22, 4.7)

# %%
# The spin begins in m = 10, the ground state in a negative field. It meets m = −10, −9, … every
# 0.45 T. What has tunnelled relaxes to m = −10 at once.

meetings = crossings.met_by("m=10")
fields = meetings.positions


def stays(rate):
    """Return the Landau–Zener probabilities to stay m = 10 at a rate in tesla per second."""
    return np.array([ac.formulas.landau_zener_at(c, rate).value for c in meetings])


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
x = np.linspace(-0.22, 4.7, 400)
left.plot(x, ac.spectrum.levels(magnet, x), color="#0072B2", lw=0.8)
left.plot(fields, [c.centre_energy for c in meetings], "o", color="#D55E00", ms=4)
left.set(xlabel="field (T)", ylabel="energy (K)", ylim=(-90, 0), title="levels, meetings of m = 10")
for rate in (1e-3, 1.0, 1e3):
    kept = np.concatenate([[1.0], np.cumprod(stays(rate))])
    right.step([-0.22, *fields], 2 * kept - 1, where="post", label=f"{rate:g} T/s")
right.set(xlabel="field (T)", ylabel="magnetisation / saturation", title="hysteresis")
right.legend(title="sweep")

# %%
# The exact evolution of all 21 levels agrees with the product of the first seven passages:

sweep = ac.drive.Linear(-0.22, 2.9, rate=100.0)
exact = ac.propagate(magnet, sweep, whole=False).probabilities[7]
print(f"still m = 10: {exact:.5f} exactly, {np.prod(stays(100.0)[:7]):.5f} by the formula")
assert abs(exact - np.prod(stays(100.0)[:7])) < 1e-4
