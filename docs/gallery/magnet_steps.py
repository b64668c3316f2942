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
# The coordinate of the model is the Zeeman energy in kelvin. A transverse field allows tunnelling.

TESLA = 1.3434  # kelvin per tesla, for g = 2
SECOND = 1 / 7.6382e-12  # ħ/kelvin per second
D = 0.6  # kelvin
magnet = ac.models.SpinInField(spin=10, anisotropy=-D, transverse_field=1.2 * TESLA)
crossings = ac.find_crossings(magnet, -0.3, 6.3)

# %%
# The spin begins in m = 10, the ground state in a negative field. That level meets m = −10, −9, …
# where the Zeeman energy is 0, D, 2D, …: it is then the n-th level of all, and meets the next one.
# What has tunnelled relaxes to m = −10 at once.

meetings = [c for n, c in enumerate(c for c in crossings if c.levels[0] == round(c.position / D))]
fields, gaps, slopes = np.array([(c.position, c.gap, c.slope_difference) for c in meetings]).T


def stays(rate):
    """Return the Landau–Zener probabilities to stay m = 10 at a rate in tesla per second."""
    return ac.formulas.landau_zener(gap=gaps, sweep_rate=slopes * rate * TESLA / SECOND).value


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
x = np.linspace(-0.3, 6.3, 400)
left.plot(x / TESLA, ac.spectrum.levels(magnet, x), color="#0072B2", lw=0.8)
left.plot(fields / TESLA, [c.centre_energy for c in meetings], "o", color="#D55E00", ms=4)
left.set(xlabel="field (T)", ylabel="energy (K)", ylim=(-90, 0), title="levels, meetings of m = 10")
for rate in (1e-3, 1.0, 1e3):
    kept = np.concatenate([[1.0], np.cumprod(stays(rate))])
    right.step([-0.3, *(fields / TESLA)], 2 * kept - 1, where="post", label=f"{rate:g} T/s")
right.set(xlabel="field (T)", ylabel="magnetisation / saturation", title="hysteresis")
right.legend(title="sweep")

# %%
# The exact evolution of all 21 levels agrees with the product of the first seven passages:

sweep = ac.drive.Linear(-0.3, 6.5 * D, rate=100.0 * TESLA / SECOND)
exact = ac.propagate(magnet, sweep, whole=False).probabilities[7]
print(f"still m = 10: {exact:.5f} exactly, {np.prod(stays(100.0)[:7]):.5f} by the formula")
assert abs(exact - np.prod(stays(100.0)[:7])) < 1e-4
