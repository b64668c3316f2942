"""
Moving a population for sure: chirp and STIRAP
==============================================

A π pulse inverts two levels only if its area is right. Which pulses forgive an error of a third?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

# %%
# In the rotating frame a chirped pulse of unit width has the detuning ``chirp*x``; x is the time.

areas = np.linspace(0, 6, 61)  # over π
chirps = np.linspace(0, 6, 41)[:, np.newaxis]
atom = ac.Hamiltonian.from_matrix(
    [["chirp*x/2", "rabi*exp(-x**2/2)/2"], ["rabi*exp(-x**2/2)/2", "-chirp*x/2"]],
    parameters={"rabi": areas * np.pi / np.sqrt(2 * np.pi), "chirp": chirps},
)
time = ac.drive.Linear(-7, 7, rate=1.0)
inverted = ac.propagate(atom, time, basis="diabatic").transition_matrix[..., 1, 0]

figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
picture = axes.pcolormesh(areas, chirps[:, 0], inverted, cmap="viridis", shading="nearest")
figure.colorbar(picture, label="inversion")
axes.set(xlabel="area of the pulse / π", ylabel="chirp × width²", title="one chirped pulse")

# %%
# STIRAP moves a population from state 1 to state 3 with two pulses. The Stokes pulse comes first,
# though it couples what is empty, and the excited state 2 is hardly ever filled.

times = np.linspace(-6, 6, 241)
lambda_system = ac.models.LambdaSystem(
    pump="20*exp(-(x - 0.7)**2/2)", stokes="20*exp(-(x + 0.7)**2/2)"
)
way = ac.propagate(lambda_system, time, basis="diabatic", times=times).populations
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.plot(times, way, label=["1", "2, excited", "3"])
left.set(xlabel="time / width", ylabel="population", title="STIRAP, Stokes first")
left.legend()
peaks = np.linspace(0.5, 30, 150)
shapes = {"pump": "peak*exp(-(x - delay)**2/2)", "stokes": "peak*exp(-(x + delay)**2/2)"}
for delay, name in ((0.7, "Stokes first"), (-0.7, "pump first")):
    pulses = ac.models.LambdaSystem(**shapes, parameters={"peak": peaks, "delay": delay})
    moved = ac.propagate(pulses, time, basis="diabatic").transition_matrix[:, 2, 0]
    right.plot(peaks, moved, label=name)
right.set(xlabel="peak Rabi frequency × width", ylabel="transfer to 3", title="order of pulses")
right.legend()

# %%
# A third more or less area than 3π costs the unchirped pulse everything and the chirped one little:

near = (areas >= 2.0) & (areas <= 4.0)
worst = {f"chirp {chirps[k, 0]:.2f}": f"{inverted[k, near].min():.3f}" for k in (0, 17)}
print("smallest inversion:", worst, f"; largest population of state 2: {way[:, 1].max():.1e}")
assert inverted[17, near].min() > 0.95
assert way[:, 1].max() < 0.02
