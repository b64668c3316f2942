"""Friction and noise against the Ornstein-Uhlenbeck process, and what they do to the energy."""

import numpy as np
import pytest

from anticrossing import Hamiltonian
from anticrossing.molecules.trajectories import Fixed, run_trajectories

MASS, FRICTION, TEMPERATURE = 2.5, 0.7, 0.3
COUNT = 4000


def ensemble(well, momentum=0.0, **options):
    """Trajectories on the lower of two levels far apart."""
    H = Hamiltonian.from_matrix([[f"{well}*x**2", 0], [0, f"100 + {well}*x**2"]])
    return run_trajectories(
        H, masses=MASS, initial=Fixed(0.0, momentum), friction=FRICTION, temperature=TEMPERATURE,
        count=COUNT, seed=6, **options,
    )  # fmt: skip


def assert_variance(values, expected):
    """The variance of normal numbers is known to √(2/n)."""
    assert np.var(values) == pytest.approx(expected, rel=4.5 * np.sqrt(2 / COUNT))


def test_free_motion_is_exact_for_any_step():
    found = ensemble(0.0, momentum=3.0, step=0.9, steps=2)
    left = np.exp(-FRICTION * 1.8)
    momentum = found.final_momenta[:, 0]
    spread = MASS * TEMPERATURE * (1 - left**2)
    assert momentum.mean() == pytest.approx(3.0 * left, abs=4.5 * np.sqrt(spread / COUNT))
    assert_variance(momentum, spread)
    assert found.energy_drift.max() < 1e-13  # heat is no drift


def test_a_well_comes_to_the_temperature():
    """The positions of a harmonic well have the right variance whatever the step is."""
    stiffness = 1.6
    found = ensemble(stiffness / 2, step=0.8, steps=60)
    assert_variance(found.final_positions[:, 0], TEMPERATURE / stiffness)
    kinetic = found.kinetic_energy
    assert kinetic.value[-1] == pytest.approx(TEMPERATURE / 2, rel=0.15)  # of second order
    assert "shorter `step`" in found.warnings[0]
    fine = ensemble(stiffness / 2, step=0.05, steps=200)
    assert not fine.warnings
    assert np.abs(fine.kinetic_energy.value[-1] - TEMPERATURE / 2) < 4.5 * kinetic.error[-1]


def test_without_friction_nothing_changes():
    """γ = 0 draws the same numbers, but moves as if there were no surroundings."""
    well = Hamiltonian.from_matrix([["x**2", 0], [0, "100 + x**2"]])
    options = {"masses": MASS, "initial": Fixed(0.4, 1.0), "step": 0.1, "steps": 50, "count": 2,
               "seed": 1}  # fmt: skip
    bare = run_trajectories(well, **options)
    still = run_trajectories(well, **options, friction=0.0, temperature=1.0)
    assert np.abs(bare.final_positions - still.final_positions).max() < 1e-12
