"""Wave packets against matrices on another grid, and against one Landau–Zener passage."""

import numpy as np
import pytest
from scipy import sparse
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import expm_multiply

from anticrossing import Hamiltonian
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from tests.effort import slow
from tests.systems import random_hermitian


def kinetic_matrix(points, spacing, mass):
    """Colbert and Miller's matrix of p²/2m in sinc functions (J. Chem. Phys. 96, 1982 (1992))."""
    away = np.subtract.outer(np.arange(points), np.arange(points))
    size = np.where(away == 0, 1, away)
    matrix = np.where(away == 0, np.pi**2 / 3, 2.0 * (-1.0) ** away / size**2)
    return matrix / (2 * mass * spacing**2)


def coupled(states, coordinates, seed):
    """An oscillator for every coordinate, and N states coupled by complex matrices that vary."""
    generator = np.random.default_rng(seed)
    names = ("x", "y")[:coordinates]
    shapes = ["1", *names, *(f"exp(-{name}**2/2)" for name in names)]
    square = " + ".join(f"{name}**2" for name in names)
    terms = [(f"({square})/2", np.eye(states))]
    terms += [(shape, 0.6 * random_hermitian(generator, states)) for shape in shapes]
    return Hamiltonian.from_terms(terms, coordinates=names)


@pytest.mark.parametrize(
    ("states", "coordinates", "points", "basis"),
    [
        (1, 1, 64, "fft"),
        (2, 1, 64, "fft"),
        (3, 1, 64, "fft"),
        (3, 1, 63, "sine"),
        slow(2, 2, 32, "fft"),
        slow(3, 2, 28, "fft"),
        slow(2, 2, 30, ("sine", "fft")),
    ],
)
def test_against_the_exponential_of_a_matrix(states, coordinates, points, basis):
    H = coupled(states, coordinates, seed=10 * states + coordinates)
    one = np.ones(coordinates)
    ends = 9.0 if coordinates == 1 else 6.6
    masses = np.array([1.0, 1.2])[:coordinates]
    grid = Grid(-ends * one, ends * one, points, basis=basis)
    packet = WavePacket(
        centre=0.3 * one, momentum=0.5 * one, width=1.4 * one, state=states - 1, basis="diabatic"
    )
    time = 1.5
    result = propagate_packet(
        H, grid, masses, packet, stop=time, step=0.01, order=4, samples=2, keep_states=True
    )
    kinetic = [
        kinetic_matrix(n, h, m) for n, h, m in zip(grid.shape, grid.spacings, masses, strict=True)
    ]
    whole = sparse.csr_matrix(kinetic[0])
    if coordinates == 2:
        whole = sparse.kronsum(*(sparse.csr_matrix(part) for part in kinetic[::-1]))
    values = np.asarray(H(grid.points)).reshape(-1, states, states)
    potential = [[sparse.diags(values[:, i, j]) for j in range(states)] for i in range(states)]
    matrix = sparse.kron(sparse.eye(states), whole) + sparse.block_array(potential)
    exact = expm_multiply(-1j * time * matrix, result.states[0].ravel(), traceA=0.0)
    exact = exact.reshape(result.state.shape)
    bound = 2e-7 if coordinates == 1 else 5e-6
    assert np.abs(result.state - exact).max() < bound
    weights = np.sum(np.abs(exact.reshape(states, -1)) ** 2, axis=1) * grid.volume
    assert np.abs(result.diabatic_populations[-1] - weights).max() < bound


def along_a_straight_line(H, place, velocity, time):
    """Adiabatic populations of a state that starts on level 0 at each place and moves uniformly."""
    found = []
    for x in place:
        start = np.linalg.eigh(H(x))[1][:, 0].astype(complex)
        end = solve_ivp(
            lambda t, c, x=x: -1j * (H(x + velocity * t) @ c),
            (0.0, time), start, method="DOP853", rtol=1e-9, atol=1e-11,
        ).y[:, -1]  # fmt: skip
        vectors = np.linalg.eigh(H(x + velocity * time))[1]
        found.append(np.abs(vectors.conj().T @ end) ** 2)
    return np.array(found)


@pytest.mark.slow
def test_a_heavy_packet_passes_as_landau_and_zener_say():
    """Of a packet too heavy to feel the force every slice moves uniformly; the rest is 1/M."""
    slope, coupling, velocity, start, stop = 0.08, 0.012, 0.1, -4.0, 80.0
    H = Hamiltonian.from_terms(
        [("x", np.diag([0.5 * slope, -0.5 * slope])), (1, coupling * np.eye(2)[::-1])]
    )
    width = 1.0
    places = start + width * np.linspace(-1.6, 1.6, 17)
    weights = np.exp(-2 * ((places - start) / width) ** 2)
    uniform = weights / weights.sum() @ along_a_straight_line(H, places, velocity, stop)
    differences = []
    for mass in (1000.0, 2000.0):
        result = propagate_packet(
            H,
            Grid(-8.0, 8.0, int(6.5 * mass * velocity)),
            mass,
            WavePacket(centre=start, momentum=mass * velocity, width=width),
            stop=stop,
            step=0.4,
            samples=2,
        )
        differences.append(result.populations[-1, 0] - uniform[0])
    assert abs(differences[1]) < 2e-3
    assert differences[0] / differences[1] == pytest.approx(2.0, abs=0.3)
    extrapolated = 2 * differences[1] - differences[0]
    assert abs(extrapolated) < 1e-4
    jump = np.exp(-2 * np.pi * coupling**2 / (slope * velocity))
    assert uniform[1] == pytest.approx(jump, abs=5e-3)
