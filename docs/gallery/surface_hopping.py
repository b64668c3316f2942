"""
Surface hopping against exact packets
=====================================

Tully's first problem (1990): a particle meets one avoided crossing. May classical trajectories that
hop stand in for the quantum packet?
"""

import matplotlib.pyplot as plt

import anticrossing as ac
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from anticrossing.molecules.trajectories import Gaussian, run_trajectories

tully = ac.models.TullySimple()  # atomic units
MASS, MOMENTUM, START = 2000.0, 20.0, -9.0

# %%
# The packet, and 1000 trajectories drawn from its Wigner function, by three methods:

packet = propagate_packet(
    tully, Grid(-18.0, 18.0, 512), MASS, WavePacket(centre=START, momentum=MOMENTUM, width=1.0),
    stop=1800.0, step=4.0, samples=61, keep_states=True,
)  # fmt: skip
start = Gaussian(position=START, momentum=MOMENTUM, width=0.5)
ensembles = {
    method: run_trajectories(
        tully, masses=MASS, initial=start, step=10.0, steps=180, count=1000, seed=4, method=method
    )
    for method in ("fssh", "mash", "landau-zener")
}

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
ac.plot.density(packet, [0.0, 900.0, 1800.0], ax=left)
ac.plot.ensemble_populations(ensembles, exact=packet, ax=right)

# %%
# What is on the upper level at the end, with the standard error of the ensemble:

exact = packet.populations[-1, 1]
print(f"packet         {exact:.3f}")
for method, ensemble in ensembles.items():
    value, error = ensemble.populations.value[-1, 1], ensemble.populations.error[-1, 1]
    print(f"{method:<14} {value:.3f} ± {error:.3f}, {abs(value - exact) / error:.1f} errors off")

# %%
# At this momentum fewest switches and MASH agree with the packet within the error of a thousand
# trajectories. Landau–Zener hopping looks at the minimum of the gap alone, and does not.

off = {
    method: abs(e.populations.value[-1, 1] - exact) / e.populations.error[-1, 1]
    for method, e in ensembles.items()
}
assert max(off["fssh"], off["mash"]) < 3 < off["landau-zener"]
