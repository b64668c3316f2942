"""Trajectories that another program has finished, and the hops that their energies predict.

Times in ħ/hartree and energies in hartree, as everywhere among molecules. What moves nuclei itself
is in `anticrossing.molecules.trajectories`.
"""

from anticrossing._core.public import guard
from anticrossing.molecules.finished.files import read_trajectories, write_trajectory
from anticrossing.molecules.finished.hops import PredictedHops, predict_hops
from anticrossing.molecules.finished.trajectory import FinishedTrajectory

__all__ = [
    "FinishedTrajectory",
    "PredictedHops",
    "predict_hops",
    "read_trajectories",
    "write_trajectory",
]

guard(__name__)
