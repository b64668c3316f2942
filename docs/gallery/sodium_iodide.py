"""
NaI: ionic or neutral?
======================

A pump pulse puts sodium iodide on its covalent curve. The bond stretches until the ionic curve
crosses it near 7 Å: does the molecule fall apart into neutral atoms, or turn back as Na⁺I⁻?
"""

import matplotlib.pyplot as plt
import numpy as np

import anticrossing as ac
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet

molecule = ac.models.SodiumIodide()  # eV, fs, Å
MASS = 4656.2  # ħ²/(eV Å²), the reduced mass of ²³Na¹²⁷I
crossing = ac.find_crossings(molecule, 2.5, 14.0)[0]
crossing

# %%
# The exact packet starts as the ground state of the ionic well, on the upper adiabatic level:

pumped = WavePacket(centre=2.672, momentum=0.0, width=0.1108, state=1)
packet = propagate_packet(
    molecule, Grid(1.5, 16.0, 1280), MASS, pumped,
    stop=300.0, step=0.13, samples=31, keep_states=True,
)  # fmt: skip
packet

# %%
# Landau and Zener need the speed at the crossing alone, here from the kinetic energy there.

energies = np.geomspace(0.05, 20.0, 60)  # eV
speed = ac.units.velocity(energies, ac.models.SODIUM_IODIDE_MASS)  # Å per fs
jump = ac.propagate(molecule, ac.drive.Linear(4.0, 14.0, rate=speed)).transition_matrix[:, 1, 0]
angular = molecule.units.angular  # rad per eV and fs
formula = ac.formulas.landau_zener(
    gap=angular * crossing.gap, sweep_rate=angular * crossing.slope_difference * speed
)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
ac.plot.density(packet, [0.0, 100.0, 200.0, 300.0], ax=left)
left.set(ylim=(-3.5, 4.0), xlabel="bond length (Å)")
right.semilogx(energies, jump, label="exact sweep")
right.semilogx(energies, formula.value, "--", label="Landau–Zener")
right.set(xlabel="kinetic energy at the crossing (eV)", ylabel="neutral: probability to jump")
right.legend()

# %%
# Nearly all of the packet stays on the upper level, which is ionic there, and turns back.

kinetic = float(packet.energy[0]) - crossing.centre_energy
neutral, by_formula = packet.populations[-1, 0], np.interp(kinetic, energies, formula.value)
print(f"{neutral:.3f} of the packet falls apart in one passage")
print(f"{by_formula:.3f} by Landau–Zener at a kinetic energy of {kinetic:.2f} eV")
assert abs(neutral / by_formula - 1) < 0.1
