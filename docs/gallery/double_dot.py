"""
A measured double dot
=====================

Microwaves move one electron between two quantum dots where a photon has the energy of the
transition. How strongly are the dots coupled, and why do the measured points scatter?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

# %%
# Microwave frequency in GHz, and where the charge moves, in μV of a gate: from ``PAT_scan`` of
# `QTT 1.4.0 <https://pypi.org/project/qtt/>`_ (© QuTech (TNO, TU Delft), MIT; arXiv:1803.10352),
# by `fits.find_lines`; medians and drifts were taken off, and what a peak is was settled by eye.
PEAKS = {
    2.01: [-1098], 6.01: [-533], 6.81: [201], 7.21: [-65, 242], 7.61: [-116, 299],
    8.01: [-163, 344], 8.41: [-210, 383], 8.81: [-238, 441], 9.21: [-280, 472], 9.61: [-314, 505],
    10.01: [-346, 537], 10.41: [-366, 581], 10.81: [-379, 626], 11.21: [-424, 652],
    11.61: [-466, 668], 12.01: [669], 12.41: [-524, 711], 12.81: [-544, 745], 13.61: [-573],
    14.01: [-597, 858], 14.41: [-634, 874], 14.81: [-677, 891], 15.21: [-703, 912],
    16.01: [-737, 994], 16.41: [-790, 991], 16.81: [-809, 1026], 17.21: [-843, 1039],
    17.61: [-868, 1064], 18.01: [-904, 1083], 18.41: [-929, 1112], 19.21: [-952, 1192],
    19.61: [-986, 1200], 20.00: [-992, 1248], 20.40: [-1008, 1278], 20.80: [-1042, 1297],
    21.20: [-1087, 1305], 21.60: [-1127, 1315], 22.00: [-1122, 1368], 22.40: [-1148, 1390],
    22.80: [-1165, 1421], 23.20: [-1173, 1462], 23.60: [-1236, 1448], 24.00: [-1266, 1473],
    24.40: [-1289, 1502], 24.80: [-1316, 1526], 25.20: [-1344, 1540], 25.60: [-1354, 1564],
    26.00: [1597], 26.80: [-1423, 1660], 27.20: [-1478, 1663], 27.60: [-1500, 1685],
    28.00: [-1538, 1720], 29.60: [-1618, 1800], 30.00: [1829], 30.40: [1858], 30.80: [-1698, 1878],
    31.20: [-1715, 1902], 32.80: [1995], 33.20: [-1808, 2044], 33.60: [-1862, 2056],
    34.00: [-1878, 2080], 34.40: [-1879, 2136], 34.80: [-1932, 2129], 35.60: [-1996, 2168],
    36.00: [-2014, 2198], 36.40: [-2008, 2252], 36.80: [-2063, 2256], 38.40: [2329],
    38.80: [-2209, 2349], 39.20: [-2206, 2394], 39.60: [2422], 40.00: [2453],
}  # fmt: skip
voltage, frequency = np.array([(v / 1000, f) for f, peaks in PEAKS.items() for v in peaks]).T

# %%
# f² = (a V + b)² + gap², errors from the residuals. QTT's own fit of these peaks: 6.84 GHz.
H = ac.models.LandauZener(gap=7.0).with_units(ac.Units("GHz", "ns"))
lines = ac.fits.Lines(voltage, frequency, unit="GHz", control_unit="mV")
vary = ["gap", "control_scale", "control_shift"]
fit = ac.fits.fit_levels(H, lines, vary=vary, control_scale=16, outliers=0.1)
print(fit)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
fit.plot(axes[0])
fit.plot_residuals(axes[1])
ac.plot.correlation_matrix(fit, ax=axes[2])

# %%
# Both peaks of a row shift together, as if the offset charge wandered. Half their distance h knows
# nothing of it: f² = gap² + (a h)² has the gap with a third of the error.
f, left, right = np.array([(f, *peaks) for f, peaks in PEAKS.items() if len(peaks) == 2]).T
(a2, gap2), errors = np.polyfit(((right - left) / 2000) ** 2, f**2, 1, w=1 / f, cov=True)
print(f"gap {np.sqrt(gap2):.3f} ± {np.sqrt(errors[1, 1] / gap2) / 2:.3f} GHz")
assert abs(fit["gap"].value - np.sqrt(gap2)) < 2 * fit["gap"].error < 0.12
assert abs(fit["control_scale"].value - np.sqrt(a2)) < 2 * fit["control_scale"].error
axis = plt.figure().add_subplot(xlabel="microwave frequency (GHz)", ylabel="centre (μV)")
axis.plot(f, (left + right) / 2, "o-")
