"""
Quenching an Ising chain
========================

A chain of spins is driven through its quantum phase transition in a time τ. Near the critical point
it cannot follow: how many kinks stay behind? Kibble and Zurek give a power law, Landau and Zener a
number.
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

# %%
# The chain is a set of pairs of fermions, each with two levels and an avoided crossing of its own.
# The field falls from 20 to 0 at the rate 1/τ, for all momenta and quench times at once:

quench_times = np.geomspace(0.25, 256, 11)
momenta = np.pi * (np.arange(400) + 0.5) / 400
modes = ac.models.TransverseIsingMode(momentum=momenta)
quench = ac.drive.Linear(20.0, 0.0, rate=-1 / quench_times[:, np.newaxis])
excited = ac.propagate(modes, quench).transition_matrix[..., 1, 0]  # quench time, momentum
density = excited.mean(axis=1)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
field = np.linspace(2, 0, 200)
for k in (0.05, 0.3, 0.8):
    levels = ac.spectrum.levels(ac.models.TransverseIsingMode(momentum=k), field)
    (line,) = left.plot(field, levels[:, 0], label=f"k = {k}")
    left.plot(field, levels[:, 1], color=line.get_color())
left.set(xlabel="field", ylabel="energy", title="levels of three pairs")
left.legend()
for index in (2, 5, 8):
    (line,) = right.plot(momenta, excited[index], label=f"τ = {quench_times[index]:.3g}")
    formula = np.exp(-2 * np.pi * quench_times[index] * momenta**2)
    right.plot(momenta, formula, "--", color=line.get_color())
right.set(xlabel="momentum k", ylabel="excited", xlim=(0, 1.5))
right.set_title(r"dashed: $\exp(-2\pi\tau k^2)$")
right.legend()

# %%
# The sum over all pairs is a power law with the exponent −1/2 of Kibble and Zurek, and the factor
# of the Landau–Zener formula:

law = ac.formulas.ising_chain_defects(exchange=1.0, quench_time=quench_times).value
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.loglog(quench_times, density, "o", label="exact")
axes.loglog(quench_times, law, "--", color="grey", label=r"$1/(2\pi\sqrt{2\tau})$")
axes.set(xlabel="quench time τ", ylabel="kinks per spin", title="Kibble–Zurek")
axes.legend()

slow = quench_times > 4
exponent = np.polyfit(np.log(quench_times[slow]), np.log(density[slow]), 1)[0]
off = np.max(abs(density / law - 1)[slow])
print(f"exponent of slow quenches {exponent:.4f}, largest difference from the law {off:.1e}")
assert abs(exponent + 0.5) < 0.005
assert off < 0.01
