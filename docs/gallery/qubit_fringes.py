"""
Fringes of a driven qubit
=========================

Shake a flux qubit through its avoided crossing many times: the passages interfere like the slits of
a grating (Landau–Zener–Stückelberg–Majorana). How does such a picture calibrate the drive?
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import jn_zeros, jv

import anticrossing as ac

# %%
# A tunnel splitting of 13 MHz, a drive at 1.2 GHz; angular frequencies in rad/ns, times in ns.

GAP, FREQUENCY = 2 * np.pi * 0.013, 2 * np.pi * 1.2
offset = np.linspace(-4.2, 4.2, 169) * FREQUENCY
amplitude = np.linspace(0, 9, 121)[:, np.newaxis] * FREQUENCY
qubit = {"gap": GAP, "frequency": FREQUENCY, "t1": 20e3, "t2": 20.0}
found = ac.dynamics.interferogram(offset=offset, amplitude=amplitude, **qubit)

figure, axes = plt.subplots(figsize=(5.5, 4), layout="constrained")
picture = axes.pcolormesh(
    offset / FREQUENCY, amplitude / FREQUENCY, found.population, cmap="magma", shading="nearest"
)
figure.colorbar(picture, label="upper population")
axes.set(xlabel="offset / quantum of the drive", ylabel="amplitude / quantum of the drive")

# %%
# Along the resonance of n quanta the coupling is the Bessel function of order n of the amplitude;
# its zeros are destructive interference. Here of two quanta:

column = int(np.argmin(abs(offset - 2 * FREQUENCY)))
shakes = amplitude[:, 0] / FREQUENCY
sum_of_resonances = ac.formulas.fast_passage_population(
    offset=2 * FREQUENCY, amplitude=amplitude[:, 0], **qubit
)
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.plot(shakes, found.population[:, column], label="exact")
axes.plot(shakes, sum_of_resonances.value, "--", label="sum of resonances")
axes.plot(shakes, jv(2, shakes) ** 2, ":", color="grey", label="Bessel function squared")
axes.set(xlabel="amplitude / quantum of the drive", title="two quanta", ylim=(0, 0.72))
axes.legend(ncols=2)

# %%
# The first dark point calibrates the amplitude: it lies at the first zero of the Bessel function.

window = (shakes > 4) & (shakes < 6)
dark = shakes[window][np.argmin(found.population[window, column])]
print(f"the fringe is darkest at {dark:.2f} quanta, the zero is {jn_zeros(2, 1)[0]:.4f}")
assert abs(dark - jn_zeros(2, 1)[0]) < shakes[1]  # the spacing of the map
