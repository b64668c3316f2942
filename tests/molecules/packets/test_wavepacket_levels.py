"""Stationary states, spectra and motion on one surface against the vibronic solver and theory."""

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, models
from anticrossing._core.checks import ConvergenceError
from anticrossing.molecules import vibronic
from anticrossing.molecules.packets import (
    Grid,
    WavePacket,
    autocorrelation_spectrum,
    propagate_lower_surface,
    propagate_packet,
    stationary,
    stationary_states,
)
from anticrossing.molecules.packets.lower_surface import SurfaceHamiltonian
from anticrossing.molecules.packets.stationary import relax
from tests.effort import slow


@pytest.mark.slow
def test_stationary_states_of_jahn_teller_with_their_degeneracy():
    H = models.JahnTeller(linear=2.0)
    exact = vibronic.vibronic_levels(H, count=6, frequencies=[1.0, 1.0]).energies
    found = stationary_states(H, Grid([-9.0, -9.0], [9.0, 9.0], 40), 1.0, count=6)
    assert np.abs(found.energies - exact).max() < 1e-9
    assert found.residuals.max() <= 1e-8
    assert found.energies[1] - found.energies[0] < 1e-9


def test_stationary_states_of_a_box_and_their_phase():
    box = Hamiltonian.from_terms([("0*x", [[1.0]])])
    grid = Grid(0.0, 2.0, 63, basis="sine")
    found = stationary_states(box, grid, 0.7, count=4)
    exact = (np.pi * np.arange(1, 5) / 2.0) ** 2 / (2 * 0.7)
    assert np.abs(found.energies - exact).max() < 1e-10
    result = propagate_packet(
        box, grid, 0.7, found.states[2], stop=3.0, step=0.1, samples=3, autocorrelation=True
    )
    overlap = np.exp(-1j * exact[2] * result.autocorrelation_times)
    assert np.abs(result.autocorrelation - overlap).max() < 1e-9


@pytest.mark.slow
def test_spectrum_has_its_peaks_at_the_vibronic_levels():
    W = models.VibronicCoupling(
        energies=[0.0, 1.3],
        frequencies=[1.0, 0.8],
        linear=[[[0.7, 0.0], [0.0, -0.5]], [[0.0, 0.4], [0.4, 0.0]]],
    )
    levels = vibronic.vibronic_levels(W, count=12)
    grid = Grid([-7.5, -7.5], [7.5, 7.5], 30)
    ground = WavePacket(
        centre=[0.0, 0.0], momentum=[0.0, 0.0], width=2**0.5, state=1, basis="diabatic"
    )
    width = 0.02
    result = propagate_packet(
        W,
        grid,
        1 / W.frequencies,
        ground,
        stop=4 / width,
        step=0.2,
        order=4,
        samples=2,
        autocorrelation=True,
    )
    # The whole line shape, from the overlaps of the stationary states of the grid.
    states = stationary_states(W, grid, 1 / W.frequencies, count=12, tolerance=1e-6)
    assert np.abs(states.energies - levels.energies).max() < 1e-7
    initial = propagate_packet(
        W, grid, 1 / W.frequencies, ground, stop=1e-6, step=1e-6, samples=2
    ).state
    weights = [abs(np.vdot(state, initial) * grid.volume) ** 2 for state in states.states]
    energies = np.linspace(levels.energies[0] - 0.2, levels.energies[9] + 0.02, 400)
    exact = sum(
        weight * np.exp(-0.5 * ((energies - level) / width) ** 2)
        for weight, level in zip(weights, levels.energies, strict=True)
    ) / (width * np.sqrt(2 * np.pi))
    found = autocorrelation_spectrum(result, energies, broadening=width).density
    assert np.abs(found - exact).max() < 2e-3 * exact.max()
    # The strongest peak by itself.
    strongest = int(np.argmax(weights[:10]))
    near = levels.energies[strongest] + np.linspace(-0.5, 0.5, 5) * width
    curve = np.polynomial.Polynomial.fit(
        near, np.log(autocorrelation_spectrum(result, near, broadening=width).density), 2
    )
    assert curve.deriv().roots()[0] == pytest.approx(levels.energies[strongest], abs=2e-4)


@pytest.mark.parametrize("phase", [True, slow(False)])
@pytest.mark.parametrize("correction", [True, slow(False)])
@pytest.mark.slow
def test_levels_of_the_lower_surface(phase, correction):
    """Against the radial equation, which knows the half-odd or integer angular momenta."""
    k = 3.0
    exact = vibronic.lower_surface_levels(
        k, geometric_phase=phase, diagonal_correction=correction, count=3
    )
    expected = np.repeat(exact.energies, exact.degeneracies)
    grid = Grid([-8.5, -8.5], [8.8, 8.8], 54)  # no point on the intersection
    surface = SurfaceHamiltonian(
        models.JahnTeller(linear=k),
        grid,
        1.0,
        geometric_phase=phase,
        diagonal_correction=correction,
    )
    start = np.random.default_rng(5).normal(size=(9, 1, 54, 54)).astype(complex)
    energies, _, _ = relax(surface.apply, start, surface.bounds, expected.size, 1e-4)
    assert np.abs(energies - expected).max() < 3e-4


@pytest.mark.slow
def test_geometric_phase_makes_the_node_of_the_full_problem():
    """A packet in the trough meets itself on the far side: destructively, as both states say."""
    H = models.JahnTeller(linear=4.0)
    # Walls, because a share of 1e-5 has the energy of the upper state and gets far; points on the
    # axis, and half a spacing beside the intersection.
    h = 0.24
    grid = Grid([-37.5 * h, -38 * h], [38.5 * h, 38 * h], 75, basis="sine")
    packet = WavePacket(centre=[4.0, 0.0], momentum=[0.0, 0.0], width=[2**0.5, 1.2])
    stop, samples = 9.0, 4
    full = propagate_packet(
        H, grid, 1.0, packet, stop=stop, step=0.02, samples=samples, keep_states=True
    )
    density = np.sum(np.abs(full.states) ** 2, axis=1)
    runs = {
        phase: propagate_lower_surface(
            H, grid, 1.0, packet, stop=stop, samples=samples, geometric_phase=phase
        )
        for phase in (True, False)
    }
    distance = {
        phase: np.abs(run.densities - density).sum(axis=(1, 2)) * grid.volume
        for phase, run in runs.items()
    }
    assert distance[True].max() < 4e-3
    assert distance[False][-1] > 0.2
    assert full.populations[:, 1].max() < 0.01
    # Where the halves meet, on the far side of y = 0: a node with the phase, a crest without.
    far, axis = int(np.argmin(np.abs(grid.axes[0] + 4.0))), 37
    assert abs(grid.axes[1][axis]) < 1e-12
    here = {phase: run.densities[-1][far, axis : axis + 4] for phase, run in runs.items()}
    assert here[True][0] < 1e-6 * here[False][0]
    assert np.all(np.diff(here[True]) > 0)
    assert np.all(np.diff(here[False]) < 0)
    assert density[-1][far, axis] < 1e-3 * here[False][0]
    fidelity = abs(np.vdot(runs[True].state, full.state) * grid.volume) ** 2
    assert fidelity > 0.99
    for run in runs.values():
        assert np.abs(run.norm - 1).max() < 1e-10
        assert np.ptp(run.energy) < 1e-9


def test_passing_an_intersection_on_both_sides():
    """H(x, −y) = σ_z H(x, y) σ_z: a packet that comes along y = 0 stays even in the diabatic state
    it began in and odd in the other, which is the lower level behind. So there is a node; without
    the phase χ stays even and the halves add up on the axis."""
    H = models.JahnTeller(linear=3.0)
    # Points on the axis y = 0, in pairs beside it, and none on the intersection.
    grid = Grid([-12.0, -12.0], [12.1, 12.0], 96)
    axis = 48
    assert grid.axes[1][axis] == 0.0
    packet = WavePacket(centre=[-4.0, 0.0], momentum=[4.0, 0.0], width=0.9)
    behind = (grid.axes[0] > 1.5) & (grid.axes[0] < 5.0)
    full = propagate_packet(H, grid, 1.0, packet, stop=1.9, step=0.02, samples=2)
    lower = np.abs(full.operator.adiabatic_amplitudes(full.state)[0].reshape(grid.shape)) ** 2
    densities = {
        phase: propagate_lower_surface(
            H, grid, 1.0, packet, stop=1.9, samples=2, geometric_phase=phase
        ).densities[-1]
        for phase in (True, False)
    }
    for density in (lower, *densities.values()):
        # The adiabatic packet itself has a cut behind the intersection, of the amplitude 3e-9.
        assert np.abs(density[:, 1:] - density[:, :0:-1]).max() < 1e-6 * density.max()
        assert density[behind].sum() * grid.volume > 0.05
    for density in (lower, densities[True]):
        assert density[behind, axis].max() < 1e-10 * density[behind].max()
    # The halves leave the axis: there is little on it, four times that of one half alone.
    assert densities[False][behind, axis].max() > 0.1 * densities[False][behind].max()


@pytest.mark.slow
def test_the_surface_needs_no_smooth_frame():
    """A gauge in which the eigenvectors jump everywhere gives the same motion."""
    complex_cone = Hamiltonian.from_matrix(
        [["(x**2 + y**2)/2 + 2*x", "2*I*y"], ["-2*I*y", "(x**2 + y**2)/2 - 2*x"]],
        coordinates=("x", "y"),
    )
    grid = Grid([-10.0, -10.0], [10.1, 10.1], 80)
    packet = WavePacket(centre=[2.0, 0.0], momentum=[0.0, 1.5], width=0.9)
    first, second = (
        propagate_lower_surface(H, grid, 1.0, packet, stop=1.5, samples=4)
        for H in (models.JahnTeller(linear=2.0), complex_cone)
    )
    assert np.abs(first.densities - second.densities).max() < 1e-9
    assert np.abs(first.momenta - second.momenta).max() < 1e-9


def test_bad_input(monkeypatch):
    H = models.JahnTeller(linear=2.0)
    packet = WavePacket(centre=[2.0, 0.0], momentum=[0.0, 0.0], width=0.9)
    with pytest.raises(InputError, match=r"`grid` must have no point on an intersection"):
        propagate_lower_surface(H, Grid([-8.0, -8.0], [8.0, 8.0], 64), 1.0, packet, stop=1.0)
    grid = Grid([-8.0, -8.0], [8.1, 8.1], 64)
    upper = WavePacket(centre=[2.0, 0.0], momentum=[0.0, 0.0], width=0.9, state=1)
    with pytest.raises(
        InputError, match=r"`initial` must be on the adiabatic state 0, but it is on the"
    ):
        propagate_lower_surface(H, grid, 1.0, upper, stop=1.0)
    with pytest.raises(InputError, match=r"`geometric_phase` must be True or False"):
        propagate_lower_surface(H, grid, 1.0, packet, stop=1.0, geometric_phase="yes")
    with pytest.raises(InputError, match=r"`count` must be small against"):
        stationary_states(H, Grid([-8.0, -8.0], [8.0, 8.0], 4), 1.0, count=30)
    monkeypatch.setattr(stationary, "_MOST_ROUNDS", 2)
    with pytest.raises(ConvergenceError, match="residuals only fell to"):
        stationary_states(H, Grid([-8.0, -8.0], [8.0, 8.0], 8), 1.0, count=1, tolerance=1e-30)
    result = propagate_packet(H, grid, 1.0, packet, stop=0.1, step=0.05, samples=2)
    with pytest.raises(InputError, match=r"`result` must be made with autocorrelation=True"):
        autocorrelation_spectrum(result, [0.0], broadening=1.0)
    result = propagate_packet(
        H, grid, 1.0, packet, stop=0.1, step=0.05, samples=2, autocorrelation=True
    )
    with pytest.raises(InputError, match=r"`broadening` must be at least 40, but it is 1"):
        autocorrelation_spectrum(result, [0.0], broadening=1.0)
