"""Pyrazine excited to S₂, two modes on a grid, against its eigenstates in oscillator functions."""

import numpy as np
import pytest
from scipy import sparse

from anticrossing import models
from anticrossing._core.threads import few_threads
from anticrossing.molecules import vibronic
from anticrossing.molecules.packets import (
    Grid,
    WavePacket,
    autocorrelation_spectrum,
    propagate_packet,
)

SIZES = (46, 42)  # oscillator functions of ν₆ₐ and ν₁₀ₐ
BROADENING = 0.02  # eV


@pytest.fixture(scope="module")
def molecule():
    """The tuning mode ν₆ₐ and the coupling mode ν₁₀ₐ of the three-mode model."""
    whole = models.Pyrazine()
    kept = [whole.coordinates.index(name) for name in ("Q6a", "Q10a")]
    return models.VibronicCoupling(
        energies=whole.constant,
        frequencies=whole.frequencies[kept],
        linear=whole.linear[kept],
        coordinates=("Q6a", "Q10a"),
        units=whole.units,
        labels=whole.labels,
    )


@pytest.fixture(scope="module")
def eigenstates(molecule):
    """Energies, eigenvectors (vibrations × S1, S2), by ladder operators; the state 0 excited."""
    number, displacement = [], []
    for axis, size in enumerate(SIZES):
        up = sparse.diags(np.sqrt(np.arange(1, size)), -1)
        one = sparse.eye(SIZES[1 - axis])
        pair = sparse.diags(np.arange(size) + 0.5), (up + up.T) / np.sqrt(2)
        for found, matrix in zip((number, displacement), pair, strict=True):
            found.append(sparse.kron(*((matrix, one) if axis == 0 else (one, matrix))))
    vibrations = sum(w * n for w, n in zip(molecule.frequencies, number, strict=True))
    matrix = sparse.kron(vibrations, np.eye(2)) + sparse.kron(
        sparse.eye(SIZES[0] * SIZES[1]), molecule.constant
    )
    for x, linear in zip(displacement, molecule.linear, strict=True):
        matrix = matrix + sparse.kron(x, linear)
    matrix = matrix.tocsr()
    # An odd quantum of the coupling mode goes with S1, or with S2: two blocks.
    odd = np.add.outer(
        np.add.outer(np.zeros(SIZES[0], dtype=int), np.arange(SIZES[1])), np.arange(2)
    )
    block = np.flatnonzero(odd.ravel() % 2 == 1)  # that of S2 without vibrations
    rest = np.setdiff1d(np.arange(odd.size), block)
    assert abs(matrix[block][:, rest]).sum() == 0
    with few_threads(1):
        levels, vectors = np.linalg.eigh(matrix[block][:, block].toarray())
    return levels, vectors, block % 2, vectors[0]


@pytest.fixture(scope="module")
def packet(molecule):
    ground = WavePacket(centre=[0.0, 0.0], momentum=0.0, width=2**0.5, state=1, basis="diabatic")
    return propagate_packet(
        molecule,
        Grid([-10.0, -10.0], [10.0, 10.0], 60),
        1 / molecule.frequencies,
        ground,
        stop=4 / BROADENING / molecule.units.angular,
        step=0.5 / molecule.units.angular,
        order=4,
        samples=101,
        autocorrelation=True,
    )


@pytest.mark.slow
def test_levels_are_those_of_the_vibronic_solver(molecule, eigenstates):
    found = vibronic.vibronic_levels(molecule, count=8, tolerance=1e-10).energies
    own = eigenstates[0][eigenstates[0] < found[-1]]
    # Every level of this block is among all of them.
    assert own.size >= 3
    assert np.abs(own[:, None] - found).min(axis=1).max() < 1e-9


@pytest.mark.slow
def test_autocorrelation_and_populations(molecule, eigenstates, packet):
    levels, vectors, electron, start = eigenstates
    angular = molecule.units.angular
    times = angular * packet.autocorrelation_times
    exact = np.exp(-1j * np.outer(times, levels)) @ start**2
    assert np.abs(packet.autocorrelation - exact).max() < 5e-7
    moved = vectors @ (np.exp(-1j * np.outer(levels, angular * packet.times)) * start[:, None])
    s2 = np.sum(np.abs(moved[electron == 1]) ** 2, axis=0)
    assert np.abs(packet.diabatic_populations[:, 1] - s2).max() < 2e-7
    assert np.abs(packet.norm - 1).max() < 1e-10
    assert packet.energy_drift < 1e-7
    # S2 empties within some tens of femtoseconds, through the intersection.
    assert packet.diabatic_populations[np.argmin(np.abs(packet.times - 60.0)), 1] < 0.25
    assert packet.times[-1] > 100.0


@pytest.mark.slow
def test_absorption_spectrum(eigenstates, packet):
    levels, _, _, start = eigenstates
    energies = np.linspace(3.6, 6.4, 561)
    exact = np.exp(-0.5 * ((energies[:, None] - levels) / BROADENING) ** 2) @ start**2
    exact /= BROADENING * np.sqrt(2 * np.pi)
    found = autocorrelation_spectrum(packet, energies, broadening=BROADENING).density
    # The overlap is cut where its envelope is e⁻⁸.
    assert np.abs(found - exact).max() < 2e-4 * exact.max()
    assert np.trapezoid(found, energies) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.slow
def test_parity_in_the_coupling_mode(packet):
    """H(Q₆ₐ, −Q₁₀ₐ) = σ_z H σ_z: S2 stays even in the coupling mode, S1 is odd, with a node."""
    state, mirrored = packet.state[:, :, 1:], packet.state[:, :, :0:-1]  # −10 has no mirror image
    assert np.abs(state[1] - mirrored[1]).max() < 1e-6
    assert np.abs(state[0] + mirrored[0]).max() < 1e-6
    assert np.abs(packet.state[0]).max() > 0.1
    assert np.abs(packet.state[0, :, 30]).max() < 1e-6
