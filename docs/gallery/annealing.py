"""
Does my anneal stay adiabatic?
==============================

A search among 64 items by annealing passes one avoided crossing. Two schedules, one question: how
long must the anneal take?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

search = ac.models.Grover(qubits=6).with_units(ac.Units("GHz", "ns"))
crossings = ac.find_crossings(search, 0.0, 1.0)
crossings

# %%
# A linear anneal passes the gap at a constant speed, so Landau and Zener know what is lost there. A
# local schedule (Roland and Cerf) is slow at the crossing only.

times = np.geomspace(3, 300, 41)  # ns
linear = ac.propagate(search, ac.drive.Linear(0.0, 1.0, rate=1 / times)).transition_matrix[:, 1, 0]
angular = search.units.angular  # rad per GHz and ns
formula = ac.formulas.landau_zener(
    gap=angular * crossings[0].gap, sweep_rate=angular * crossings[0].slope_difference / times
)
schedules = [ac.control.local_adiabatic_schedule(search, 0.0, 1.0, duration=t) for t in times]
local = np.array([ac.propagate(search, s).transition_matrix[1, 0] for s in schedules])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
crossings.plot(ax=left)
right.loglog(times, linear, lw=4, alpha=0.5, label="linear, exact")
right.loglog(times, formula.value, "k--", lw=1, label="Landau–Zener at the crossing")
right.loglog(times, local, ".-", label="local schedule, exact")
right.set(xlabel="anneal time (ns)", ylabel="probability of failure", ylim=(1e-6, 1.5))
right.legend(loc="lower left")

# %%
# Does mine stay adiabatic? ``passage`` says, with every condition of the formula:

ac.passage(search, ac.drive.Linear(0.0, 1.0, rate=1 / 60.0))

# %%
# Of the anneals above, the local ones fail less than one time in a hundred from here on:

needed = times[np.flatnonzero(local > 0.01)[-1] + 1]
by_then = linear[times == needed][0]
print(f"local schedule: {needed:.0f} ns; a linear anneal of that time fails with {by_then:.2f}")
assert by_then > 0.1
