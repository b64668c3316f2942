"""
A measured avoided crossing
===========================

Two-tone spectroscopy of a fluxonium qubit gives a list of peaks over a voltage. Some are lines of
the qubit, some are noise, and nobody says which. How large is the gap of the avoided crossing?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

# %%
# Control in millivolts, and the peaks found there in GHz: `fits.find_lines` on a part of the map
# `joint_qubit_twotone.h5`, example data of `QFit <https://github.com/scqubits/qfit>`_ (© 2020 and
# later, Jens Koch, Danyang Chen and Tianpu Zhao, BSD 3-Clause License).

PEAKS = {
    153.75: [3.815, 4.0339], 157.125: [4.0356], 160.5: [4.0363], 163.875: [3.579, 4.0346],
    167.25: [4.0305], 170.625: [4.0226, 4.668], 174.0: [4.01], 177.375: [3.5215, 3.9929, 4.5316],
    180.75: [3.9683, 4.2435, 4.59], 184.125: [3.5285, 3.5439, 3.558, 3.5745, 3.9338, 4.4269],
    187.5: [3.924, 4.3848], 190.875: [3.8405, 4.356], 194.25: [3.7844, 4.3334],
    197.625: [3.7195, 4.3179], 201.0: [3.6592, 4.3081],
}  # fmt: skip
control = np.repeat(list(PEAKS), [len(peaks) for peaks in PEAKS.values()])
frequency = np.concatenate(list(PEAKS.values()))
error = np.full(frequency.size, 0.004)  # a linewidth over the ratio of signal and noise
lines = ac.fits.Lines(control, frequency, error, unit="GHz", control_unit="mV")

# %%
# Near a crossing two excited levels are straight lines with a coupling; the ground state lies at
# zero. All guesses are read off by eye.

H = ac.Hamiltonian.from_terms(
    [
        ("e + s*x", np.diag([0, 1, 0])),
        ("d + t*x", np.diag([0, 0, 1])),
        ("g/2", [[0, 0, 0], [0, 0, 1], [0, 1, 0]]),
    ],
    parameters={"e": 4.3, "s": -0.02, "d": 4.1, "t": 0.001, "g": 0.4},
    units=ac.Units("GHz", "ns", "mV"),
    name="two lines",
)
fit = ac.fits.fit_levels(H, lines, control_shift=-180, uncertainty=0.5, outliers=0.2)
print(fit)

# %%
# The fit tells lines from noise: the crosses belong to no transition.

figure, (above, below) = plt.subplots(
    2, 1, figsize=(5.5, 5), layout="constrained", height_ratios=[3, 1], sharex=True
)
fit.plot(above)
fit.plot_residuals(below)
gap = fit.crossings[0].gap
print(f"gap {gap} GHz, {np.sum(fit.outliers)} of {len(lines)} peaks are noise")
assert abs(gap.value - 0.49) < 0.01
assert fit.reduced_chi_square < 1.5
assert np.sum(fit.outliers) == 10
