"""Energy-resolved scattering against close coupling by the Numerov method, and exact barriers."""

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, models
from anticrossing._core.checks import ConvergenceError
from anticrossing.molecules.packets import Absorber, Grid, WavePacket, scatter

MASS = models.tully.TULLY_MASS


def close_coupling(hamiltonian, energy, mass, state, start, stop, points):
    """Reflection and transmission of one channel coming from below, by renormalized matching.

    ψ″ = −2m(E − H)ψ is integrated from outgoing waves above down to `start` (Numerov), where it is
    taken apart into waves that move up and down in the eigenstates of H.
    """
    x = np.linspace(start, stop, points + 1)
    h = x[1] - x[0]
    potential = np.asarray(hamiltonian(x))
    identity = np.eye(potential.shape[-1])
    curvature = 2 * mass * (energy * identity - potential)
    factor = identity + h**2 / 12 * curvature
    last, upper = np.linalg.eigh(potential[-1])
    first, lower = np.linalg.eigh(potential[0])
    out = np.sqrt(2 * mass * (energy - last) + 0j)
    back = np.sqrt(2 * mass * (energy - first) + 0j)
    ahead = factor[-1] @ upper
    here = factor[-2] @ (upper * np.exp(-1j * out * h))
    for i in range(points - 1, 0, -1):
        ahead, here = here, 12 * np.linalg.solve(factor[i], here) - 10 * here - ahead
    one = lower.conj().T @ np.linalg.solve(factor[1], ahead)
    zero = lower.conj().T @ np.linalg.solve(factor[0], here)
    turn = np.exp(1j * back * h)[:, None]
    up = (one - zero / turn) / (turn - 1 / turn)
    amplitudes = np.linalg.inv(up)[:, state]
    transmitted = np.abs(amplitudes) ** 2 * out.real / back[state].real
    reflected = np.abs((zero - up) @ amplitudes) ** 2 * back.real / back[state].real
    return reflected, transmitted


def reflection(hamiltonian, energy, mass, state, start, stop, points):
    """Reflection alone, by ratios of neighbours (Johnson): closed channels do not overflow."""
    x = np.linspace(start, stop, points + 1)
    h = x[1] - x[0]
    potential = np.asarray(hamiltonian(x))
    identity = np.eye(potential.shape[-1])
    factor = identity + h**2 / 6 * mass * (energy * identity - potential)
    last, upper = np.linalg.eigh(potential[-1])
    first, lower = np.linalg.eigh(potential[0])
    out = np.sqrt(2 * mass * (energy - last) + 0j)
    back = np.sqrt(2 * mass * (energy - first) + 0j)
    ratio = factor[-2] @ (upper * np.exp(-1j * out * h)) @ np.linalg.inv(factor[-1] @ upper)
    for i in range(points - 1, 0, -1):
        ratio = 12 * np.linalg.inv(factor[i]) - 10 * identity - np.linalg.inv(ratio)
    both = lower.conj().T @ np.linalg.solve(factor[0], ratio @ factor[1]) @ lower
    turn = np.diag(np.exp(1j * back * h))
    matrix = -np.linalg.solve(identity - both @ turn.conj(), identity - both @ turn)
    return np.abs(matrix[:, state]) ** 2 * back.real / back[state].real


@pytest.mark.slow
def test_close_coupling_itself_on_a_sech_barrier():
    """Eckart (1930): T = sinh²πk / (sinh²πk + cosh²(½π√(8mV − 1))) for V/cosh²x."""
    barrier = Hamiltonian.from_matrix([["3/cosh(x)**2"]])
    for energy in (1.5, 3.0, 4.5):
        k = np.sqrt(2 * energy)
        exact = np.sinh(np.pi * k) ** 2 / (
            np.sinh(np.pi * k) ** 2 + np.cosh(0.5 * np.pi * np.sqrt(8 * 3.0 - 1)) ** 2
        )
        reflected, transmitted = close_coupling(barrier, energy, 1.0, 0, -14.0, 14.0, 8000)
        assert transmitted[0] == pytest.approx(exact, abs=1e-9)
        assert reflected[0] == pytest.approx(1 - exact, abs=1e-9)


@pytest.mark.slow
def test_sech_barrier():
    barrier = Hamiltonian.from_matrix([["3/cosh(x)**2"]])
    energies = np.array([2.0, 2.5, 3.0, 3.5])
    k = np.sqrt(2 * energies)
    sinh = np.sinh(np.pi * k) ** 2
    exact = sinh / (sinh + np.cosh(0.5 * np.pi * np.sqrt(8 * 3.0 - 1)) ** 2)
    found = scatter(
        barrier,
        Grid(-70.0, 42.0, 580),
        1.0,
        WavePacket(centre=-16.0, momentum=2.3, width=5.0),
        energies=energies,
        lines=(-36.0, 10.0),
        absorber=Absorber(30.0),
        stop=100.0,
        step=0.01,
    )
    assert np.abs(found.transmitted[:, 0] - exact).max() < 1e-4
    assert np.abs(found.reflected[:, 0] + exact - 1).max() < 1e-4
    assert found.norm_left < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("mirror", [1, -1])
def test_tully_simple_at_every_energy_against_close_coupling(mirror):
    H = models.TullySimple()
    energies = np.array([0.045, 0.055, 0.07])  # 0.01 above them: k from 14.8 to 17.9
    numerov = [close_coupling(H, energy, MASS, 0, -11.0, 11.0, 3000) for energy in energies]
    grid, lines = Grid(-36.0, 28.0, 640), (-20.0, 10.0)
    if mirror < 0:
        H = Hamiltonian.from_function(lambda x: models.TullySimple()(-x), vectorised=True)
        grid, lines = Grid(-28.0, 36.0, 640), (-10.0, 20.0)
    found = scatter(
        H,
        grid,
        MASS,
        WavePacket(centre=-12.0 * mirror, momentum=16.0 * mirror, width=1.0),
        energies=energies,
        lines=lines,
        absorber=Absorber(12.0),
        stop=12_000.0,
        step=1.0,
        channels=[0, 1],
    )
    for k, (reflected, transmitted) in enumerate(numerov):
        assert np.abs(found.transmitted[k] - transmitted).max() < 2e-5
        assert np.abs(found.reflected[k] - reflected).max() < 2e-5


@pytest.mark.slow
def test_tully_extended_below_the_upper_threshold_reflects_both():
    H = models.TullyExtended()
    energies = np.array([0.025, 0.035])
    # The transmitted wave has k = 31: a coarser grid than this aliases its products with H.
    found = scatter(
        H,
        Grid(-54.0, 30.0, 1500),
        MASS,
        WavePacket(centre=-18.0, momentum=11.0, width=1.8),
        energies=energies,
        lines=(-26.0, 12.0),
        absorber=Absorber(16.0),
        stop=20_000.0,
        step=1.0,
        stop_norm=1e-6,
    )
    for k, energy in enumerate(energies):
        reflected = reflection(H, energy, MASS, 0, -18.0, 14.0, 6000)
        assert np.abs(found.reflected[k] - reflected).max() < 3e-5
        assert found.transmitted[k, 0] == pytest.approx(1 - reflected.sum(), abs=1e-5)
        assert found.transmitted[k, 1] == 0.0  # closed


def arguments(**changed):
    given = {
        "hamiltonian": models.TullySimple(),
        "grid": Grid(-36.0, 28.0, 640),
        "mass": MASS,
        "initial": WavePacket(centre=-12.0, momentum=16.0, width=1.0),
        "energies": [0.055],
        "lines": (-20.0, 10.0),
        "absorber": Absorber(12.0),
        "stop": 10.0,
        "step": 1.0,
    }
    return given | changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {
                "initial": WavePacket(centre=-12.0, momentum=9.0, width=2.0),
                "energies": [0.0095, 0.02],
                "channels": [1],
            },
            r"`energies` must exceed the threshold 0.01 of channel 1 \(momentum 8.944 of the "
            r"packet\), but the lowest is 0.0095 \(momentum 8.832\)",
        ),
        ({"energies": [0.5]}, r"`energies` must be contained in the initial packet, but 0.5"),
        ({"energies": [-0.02]}, r"`energies` must exceed the energy -0.01 of the initial state"),
        ({"channels": [2]}, r"`channels` must be at most 1, but it is 2"),
        ({"lines": (-30.0, 10.0)}, r"`lines` must lie outside the absorber, but one is -30"),
        ({"lines": (-13.0, 10.0)}, r"`lines` must leave the initial packet 3.7 widths of room"),
        ({"lines": (10.0, -20.0)}, r"`lines` must be two rising positions on the grid"),
        (
            {"initial": WavePacket(centre=-12.0, momentum=2.0, width=1.0)},
            r"`initial` must move in one direction, but momentum × width is only 2",
        ),
        ({"mass": 0.0}, r"`mass` must be positive"),
        ({"mass": [1.0]}, r"`mass` must be a real number"),
        ({"absorber": None}, r"`absorber` must be an Absorber, but it is None"),
        ({"absorber": Absorber(0.2)}, r"`absorber` must be zero or at least 0.4 along x, 4 points"),
        ({"channels": 1}, r"`channels` must be a list of integers or None, but it is 1"),
        ({"channels": "1"}, r"`channels` must be a list of integers"),
        ({"stop": [1.0]}, r"`stop` must be a real number"),
        ({"step": [1.0]}, r"`step` must be a real number"),
        ({"step": 1e-9}, r"`step` must take at most 50000000 steps"),
        (
            {"step": 100.0},
            r"`step` must be at most 73.6 ħ/hartree so that H\(x\) is nearly straight",
        ),
        ({"stop_norm": 0.1}, r"`stop_norm` must be at most 0.01"),
        ({"order": [2]}, r"`order` must be an integer"),
        (
            {"lines": (-20.0, -5.0)},
            r"`lines` must lie where H\(x\) has become constant, but it changes by 2.0e-02",
        ),
        (
            # Just above the threshold the wave is too slow for the layer.
            {
                "initial": WavePacket(centre=-12.0, momentum=9.0, width=1.5),
                "energies": [0.01001, 0.02],
            },
            r"`absorber` must have a width of at least 32.8 at x start for the momentum of "
            r"channel 1 at the energy 0.01001, 0.2, but it is 12",
        ),
    ],
)
def test_bad_input(changed, message):
    with pytest.raises(InputError, match=message):
        scatter(**arguments(**changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"absorber": Absorber([[12.0, 0.0]])}, r"touches the boundary at x stop at t = 3\d+"),
        ({"stop": 100.0}, r"Probability 1 is still on the grid at the last time: raise `stop`"),
    ],
)
def test_what_shows_only_on_the_way(changed, message):
    with pytest.raises(ConvergenceError, match=message):
        scatter(**arguments(stop=8000.0, step=2.0) | changed)


@pytest.mark.slow
def test_flux_by_channel_above_a_threshold():
    """Slow upper waves carry k₂/k₁ of their probability: against close coupling, sums to 1."""
    H = models.TullySimple()
    energies = np.array([0.013, 0.02])  # the upper channel opens at 0.01
    found = scatter(
        H,
        Grid(-48.0, 36.0, 640),
        MASS,
        WavePacket(centre=-12.0, momentum=10.6, width=2.6),
        energies=energies,
        lines=(-22.0, 10.0),
        absorber=Absorber(20.0),
        stop=60_000.0,
        step=4.0,
        channels=[0, 1],
        stop_norm=1e-6,
    )
    for k, energy in enumerate(energies):
        reflected, transmitted = close_coupling(H, energy, MASS, 0, -11.0, 11.0, 4000)
        assert transmitted[1] > 0.1
        # What is left, 1e-6, has an amplitude of 1e-3.
        assert np.abs(found.transmitted[k] - transmitted).max() < 1.5e-4
        assert np.abs(found.reflected[k] - reflected).max() < 1e-6
    assert np.abs(found.deficit).max() < 3e-5
