"""
Fitting a map of counts
=======================

A flux qubit is shaken through its crossing and read 400 times at every point, by a detector that
errs. Which gap, T₁, T₂ and temperature does it have, and where should the next shots go?

The data are **synthetic**: steady states and binomial counts, made here from a seed.
"""

import matplotlib.pyplot as plt
import numpy as np

from anticrossing import fits, plot

# %%
# The truth, in rad/ns and ns; the drive is at 1.2 GHz, its amplitude known in millivolts only.

FREQUENCY = 2 * np.pi * 1.2
truth = {"gap": 4.0, "t1": 20.0, "t2": 8.0, "amplitude_scale": 0.5, "offset_shift": 0.4}
truth |= {"temperature": 6.0, "false_positive": 0.05, "false_negative": 0.15}
data = fits.synthetic_interferogram(
    seed=11, shots=400, offsets=45, amplitudes=25, frequency=FREQUENCY, measured="upper", **truth
)
print(data, data.source, sep="\n")

# %%
# The guess is two times off. Counts bring their own errors: the fit maximises the binomial
# likelihood, with the two chances of a wrong answer among its parameters.

guess = {"gap": 2.0, "t1": 40.0, "t2": 4.0, "amplitude_scale": 0.25, "temperature": 3.0}
result = fits.fit_interferogram(
    data,
    frequency=FREQUENCY,
    measured="upper",
    **guess,
    vary=tuple(truth),
    false_positive=0.02,
    false_negative=0.02,
)
print(result)
pulls = [(result[name].value - value) / result[name].error for name, value in truth.items()]
assert max(map(abs, pulls)) < 4

# %%
# Data, what the model makes of them, and what is left.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
data.plot(axes[0])
plot.fitted_population(result, ax=axes[1])
plot.fit_residuals(result, ax=axes[2])

# %%
# Where would more shots tell most about T₁? Candidates are all settings that were measured.

more = result.next_measurement(data.coordinates, target="t1", shots=100_000)
print(more)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
more.plot(axes[0])
plot.correlation_matrix(result, ax=axes[1])
