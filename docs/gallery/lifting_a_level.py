"""
What does it cost to lift a level?
==================================

A quantum dot is lifted through the levels of a small reservoir. How much work does that take, how
much of it is lost, and does the loss obey Crooks' theorem?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac


def dot(rate):
    return ac.thermodynamics.DrivenLevel(
        levels=range(1, 10), couplings=0.2, temperature=1 / 1.2, chemical_potential=3.0,
        start=0.0, stop=10.0, rate=rate,
    )  # fmt: skip


dot(1.0).evolve(1.0)

# %%
# The work is random. Its distribution, and the one of the reverse drive, cross at the difference of
# the free energies.

forward = dot(1.0).work_distribution()
backward = dot(1.0).work_distribution(direction="backward")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
w = np.linspace(-2, 14, 400)
left.plot(w, forward.density(w, width=0.35), label="forwards, P(w)")
left.plot(w, backward.density(-w, width=0.35), label="backwards, P(−w)")
left.axvline(forward.free_energy_difference, color="grey", ls="--", lw=1, label="free energy")
left.set(xlabel="work", ylabel="density", title="work, forwards and backwards")
left.legend(fontsize=8)
ratio = ac.thermodynamics.fluctuation_ratio(forward, backward, width=0.5)
ratio.plot(ax=right)
right.set_title("Crooks' theorem")

# %%
# Slower is cheaper, but not without end: every crossing produces entropy however slow it is.

rates, few = np.geomspace(0.02, 50, 30), np.geomspace(0.05, 20, 7)
lost = [dot(rate).work_distribution(method="landau-zener").dissipated_work for rate in rates]
exact = [dot(rate).work_distribution().dissipated_work for rate in few]
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.semilogx(rates, lost, label="chain of Landau–Zener passages")
axes.semilogx(few, exact, "o", label="exact")
axes.set(xlabel="rate of the lift", ylabel="dissipated work", title="what is lost", ylim=(0, 8))
axes.legend()

# %%
# Jarzynski's average of the exponential is one, Crooks' line is exact, and the loss has a floor:

print(f"⟨exp(−β(w − ΔΩ))⟩ = {forward.jarzynski_ratio:.12f}")
print(f"largest distance from the line {ratio.deviation:.1e}, least loss {lost[0]:.3f}")
assert max(abs(forward.jarzynski_ratio - 1), ratio.deviation) < 1e-9
assert lost[0] > 0.4
