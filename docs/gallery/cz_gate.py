"""
A CZ gate by a flux pulse
=========================

Two transmons gain a conditional phase while :math:`|11\\rangle` and :math:`|20\\rangle` are close.
How fast may the flux pulse be before population is left behind in :math:`|20\\rangle`?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac

pair = ac.models.CoupledTransmons(
    fixed_frequency=5.0, anharmonicities=(-0.3, -0.3), coupling=0.03
).with_units(ac.Units("GHz", "ns"))
GAP = 2 * np.sqrt(2) * 0.03  # GHz, of |11⟩ and |20⟩ where they meet, at 5.3 GHz


def gate(pulse):
    """Return the conditional phase in units of π, and the leakage from |11⟩."""
    qubits = ac.spectrum.dressed_states(pair, pulse.start, ["00", "01", "10", "11"])
    found = ac.propagate(pair, pulse).gate(qubits)
    return found.conditional_phase % (2 * np.pi) / np.pi, found.leakage[3]


# %%
# A raised cosine moves the tunable transmon from 6.1 GHz to the meeting point and back. The fast
# adiabatic pulse of Martinis and Geller covers the same way, slowly where the gap is small.

durations = np.arange(8.0, 41.0, 2.0)  # ns
shape = {"gap": GAP, "coefficients": [1.0, -0.1], "offset": 5.3}
pulses = {
    "raised cosine": lambda time: ac.drive.Cosine(-0.8, width=time, offset=6.1),
    "fast adiabatic": lambda time: ac.drive.FastAdiabatic(0.8, 0.0, duration=time, **shape),
}
found = {name: np.array([gate(make(t)) for t in durations]) for name, make in pulses.items()}

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
x = np.linspace(5.0, 6.1, 200)
left.plot(x, ac.spectrum.levels(pair, x)[:, 3:6], label=["02", "20 and 11", "11 and 20"])
left.set(xlabel="tunable transmon (GHz)", ylabel="energy (GHz)", title="levels")
left.legend()
for name, values in found.items():
    middle.plot(durations, values[:, 0], label=name)
    right.semilogy(durations, values[:, 1], label=name)
middle.axhline(1.0, color="grey", ls="--", lw=1)
middle.set(xlabel="duration (ns)", ylabel="conditional phase / π", title="phase: a CZ at 1")
right.set(xlabel="duration (ns)", ylabel="leakage", title="left behind in |20⟩")
right.legend()

# %%
# From 18 ns on the fast adiabatic pulses leak less than 1e-3, the cosines a quarter and more:

slow = {name: values[durations >= 18, 1] for name, values in found.items()}
print({name: f"{leakage.min():.1e} … {leakage.max():.1e}" for name, leakage in slow.items()})
assert slow["fast adiabatic"].max() < 1e-3 < 0.25 < slow["raised cosine"].min()
