"""The exact evolution of one driven level and its reservoir, by the cheaper of two solvers."""

from __future__ import annotations

import functools

import numpy as np

from anticrossing._core.checks import ComplexArray, FloatArray
from anticrossing.drive import Drive
from anticrossing.dynamics.fermions import (
    FermionEvolution,
    evolve_fermions,
    follow_star,
    prefers_panels,
)
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.dynamics.star import Star
from anticrossing.models import DemkovOsherov


def follow_level(
    drive: Drive,
    levels: FloatArray,
    couplings: FloatArray,
    phase: float,
    state: GaussianState,
    times: FloatArray,
) -> FermionEvolution:
    """Follow a state; `phase` is the spread of all energies times the length of the drive."""
    if prefers_panels(levels.size + 1, phase, times.size):
        matrix = DemkovOsherov(levels=levels, couplings=couplings)
        return evolve_fermions(matrix, drive, state=state, times=times, method="panels")
    star = Star(functools.partial(_energy, drive), levels, couplings[:, None].astype(np.complex128))
    return follow_star(star, state, float(drive.start_time), times, drive.breakpoints)


def _energy(drive: Drive, times: FloatArray) -> ComplexArray:
    """Return the energy of the driven level as a matrix."""
    return np.asarray(drive(times), dtype=np.complex128)[:, None, None]
