"""Sodium iodide after a pump pulse: packet, trajectories and Landau–Zener on the first passage."""

from __future__ import annotations

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from anticrossing.molecules.trajectories import Gaussian, run_trajectories

MASS = 4656.222887  # ħ²/(eV Å²)
CENTRE = 2.672  # Å
WIDTH = np.sqrt(2 / (MASS * 282 * 1.239842e-4))
STOP = 350.0  # fs: the packet is between its first passage and its turning point


@pytest.fixture(scope="module")
def leak() -> float:
    """What a packet on the upper level leaves on the lower one."""
    result = propagate_packet(
        ac.models.SodiumIodide(),
        Grid(1.5, 22.0, 1900),
        MASS,
        WavePacket(centre=CENTRE, momentum=0.0, width=WIDTH, state=1),
        stop=STOP,
        step=0.065,
        samples=3,
    )
    assert result.energy_drift < 1e-5
    return float(result.populations[-1, 0])


@pytest.mark.slow
def test_packet_against_exact_passages_at_its_velocities(leak: float) -> None:
    """The energies follow the reflection principle: V(x) over |ψ(x)|², and the kinetic energy."""
    molecule = ac.models.SodiumIodide()
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    x = CENTRE + 0.5 * WIDTH * nodes
    energies = np.asarray(molecule(x))[:, 1, 1] + 0.25 * 282 * 1.239842e-4
    velocity = ac.units.velocity(energies, ac.models.SODIUM_IODIDE_MASS)
    drive = ac.drive.Linear(4.0, 14.0, rate=velocity)
    jumps = ac.propagate(molecule, drive).transition_matrix[:, 1, 0]
    mean = float(weights @ jumps / weights.sum())
    assert leak == pytest.approx(mean, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fssh", "mash"])
def test_trajectories_against_the_packet(leak: float, method: str) -> None:
    found = run_trajectories(
        ac.models.SodiumIodide(),
        masses=MASS,
        initial=Gaussian(
            position=np.array(CENTRE), momentum=np.array(0.0), width=np.array(WIDTH / 2), state=1
        ),
        step=0.35,
        steps=1000,
        count=10_000,
        seed=11,
        method=method,
    )
    value, error = found.populations.value[-1, 0], found.populations.error[-1, 0]
    assert abs(value - leak) < 3 * error
