"""Compile what takes longest and most tests call, while the rest is being installed."""

import anticrossing as ac
from anticrossing.molecules.trajectories import Fixed, run_trajectories

tully, start = ac.models.TullySimple(), Fixed(-3.0, 15.0)
run_trajectories(tully, masses=2000.0, initial=start, step=15.0, steps=1, count=1, seed=1)
ac.propagate(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-100, 100, rate=1.0))
