"""Wave packets against closed forms, matrix exponentials, and the order of the method."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.linalg import expm

from anticrossing import Hamiltonian, models
from anticrossing.molecules.packets import (
    Absorber,
    Grid,
    WavePacket,
    check_convergence,
    choose_step,
    convergence,
    propagate_packet,
)
from anticrossing.molecules.packets.operator import GridHamiltonian
from tests.effort import cases, slow
from tests.systems import random_hermitian

MASS = models.tully.TULLY_MASS


def oscillator(matrix, *, coordinates=1):
    """½ Σ x² 𝟙 plus a constant matrix of couplings."""
    matrix = np.asarray(matrix)
    names = ("x", "y")[:coordinates]
    square = " + ".join(f"{name}**2" for name in names)
    return Hamiltonian.from_terms(
        [(f"({square})/2", np.eye(len(matrix))), (1, matrix)], coordinates=names
    )


def fidelity(result, exact):
    return (
        abs(np.vdot(exact, result.state)) ** 2
        * result.grid.volume**2
        / (np.vdot(exact, exact).real * result.grid.volume)
    )


def test_free_packet_spreads_as_the_closed_form():
    free = Hamiltonian.from_terms([("0*x", [[1.0]])])
    mass, x0, k, width, time = 3.0, -2.0, 1.5, 1.2, 4.0
    result = propagate_packet(
        free,
        Grid(-20.0, 24.0, 256),
        mass,
        WavePacket(centre=x0, momentum=k, width=width),
        stop=time,
        step=1.0,
        samples=5,
    )
    x = result.grid.axes[0]
    q = width**2 + 2j * time / mass
    exact = np.exp(-((x - x0 - k * time / mass) ** 2) / q + 1j * k * (x - x0))
    exact = exact / np.sqrt(np.sum(np.abs(exact) ** 2) * result.grid.volume)
    assert abs(fidelity(result, exact) - 1) < 1e-12
    assert np.abs(np.abs(result.state[0]) - np.abs(exact)).max() < 1e-11
    assert result.positions[-1, 0] == pytest.approx(x0 + k * time / mass, abs=1e-11)
    assert result.momenta[:, 0] == pytest.approx(k, abs=1e-11)
    assert result.energy == pytest.approx((k**2 + width**-2) / (2 * mass), abs=1e-12)


@pytest.mark.quick(1)
@pytest.mark.parametrize(("order", "bound"), [(2, 1.5e-4), (4, 1e-10)])
def test_coherent_state_returns_along_the_classical_path(order, bound):
    H = oscillator([[0.0]])
    result = propagate_packet(
        H,
        Grid(-12.0, 12.0, 128),
        1.0,
        WavePacket(centre=3.0, momentum=1.0, width=2**0.5),
        stop=7.0,
        step=0.01,
        samples=8,
        order=order,
        autocorrelation=True,
    )
    t = result.times
    assert np.abs(result.positions[:, 0] - 3 * np.cos(t) - np.sin(t)).max() < bound
    assert np.abs(result.momenta[:, 0] - np.cos(t) + 3 * np.sin(t)).max() < bound
    alpha = (3 + 1j) / 2**0.5
    every = result.autocorrelation_times
    exact = np.exp(-(abs(alpha) ** 2) * (1 - np.exp(-1j * every)) - 0.5j * every)
    assert np.abs(result.autocorrelation - exact).max() < 5 * bound
    assert result.energy_drift < bound


@pytest.mark.quick(1)
@pytest.mark.parametrize(("order", "steps"), [(2, (0.2, 0.1)), (4, (0.4, 0.2))])
def test_order_of_the_splittings(order, steps):
    W = models.TullyDual()

    def state(step, order):
        return propagate_packet(
            W,
            Grid(-45.0, 35.0, 400),
            20.0,
            WavePacket(centre=-6.0, momentum=2.5, width=2.0),
            stop=80.0,
            step=step * 10,
            samples=2,
            order=order,
        ).state

    exact = state(0.02, 4)
    errors = [np.linalg.norm(state(step, order) - exact) for step in steps]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("states", [1, 2, 3, 5])
@pytest.mark.parametrize("coordinates", [1, 2])
def test_constant_couplings_factorize(states, coordinates):
    """[T + V, C] = 0: the electrons evolve by exp(−iCt) whatever the nuclei do."""
    coupling = random_hermitian(np.random.default_rng(states), states)
    H = oscillator(coupling, coordinates=coordinates)
    one = np.ones(coordinates)
    packet = WavePacket(
        centre=0.5 * one, momentum=one, width=1.5 * one, state=states - 1, basis="diabatic"
    )
    result = propagate_packet(
        H, Grid(-9 * one, 9 * one, 40), 1.0, packet, stop=2.0, step=0.05, samples=3
    )
    exact = np.abs(expm(-1j * coupling * 2.0)[:, states - 1]) ** 2
    assert np.abs(result.diabatic_populations[-1] - exact).max() < 1e-12
    vectors = np.linalg.eigh(coupling)[1]
    assert np.abs(result.populations - np.abs(vectors[states - 1]) ** 2).max() < 1e-12
    assert np.abs(result.norm - 1).max() < 1e-12


@given(
    centre=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
    momentum=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
)
@cases(10)
def test_coherent_states_of_a_plane_stay_on_their_ellipse(centre, momentum):
    H = oscillator(np.zeros((1, 1)), coordinates=2)
    result = propagate_packet(
        H,
        Grid([-9.0, -9.0], [9.0, 9.0], [40, 48]),
        [1.0, 1.0],
        WavePacket(centre=centre, momentum=momentum, width=2**0.5),
        stop=2.0,
        step=0.05,
        samples=2,
        order=4,
    )
    x, p = np.array(centre), np.array(momentum)
    assert np.abs(result.positions[-1] - x * np.cos(2.0) - p * np.sin(2.0)).max() < 1e-6
    assert np.abs(result.momenta[-1] - p * np.cos(2.0) + x * np.sin(2.0)).max() < 1e-6


def test_walls_reflect_with_the_levels_of_the_box():
    box = Hamiltonian.from_terms([("0*x", [[1.0]])])
    grid = Grid(0.0, np.pi, 63, basis="sine")
    x = grid.axes[0]
    initial = (np.sin(x) + np.sin(3 * x))[None]
    result = propagate_packet(box, grid, 0.5, initial, stop=1.0, step=0.3, samples=3)
    exact = np.exp(-1j) * np.sin(x) + np.exp(-9j) * np.sin(3 * x)
    assert np.abs(result.state[0] - exact / np.sqrt(np.pi)).max() < 1e-13
    assert result.energy == pytest.approx(5.0, abs=1e-12)
    # Beats of sin x and sin 2x move: ⟨p⟩ = m d⟨x⟩/dt.
    moving = propagate_packet(
        box, grid, 0.5, (np.sin(x) + np.sin(2 * x))[None], stop=2.0, step=0.3, samples=401
    )
    slope = np.gradient(moving.positions[:, 0], moving.times, edge_order=2)
    assert np.abs(0.5 * slope - moving.momenta[:, 0])[1:-1].max() < 2e-4


@pytest.mark.parametrize("basis", [("fft", "sine"), ("sine", "sine"), ("periodic", "fft")])
def test_bases_agree_where_the_ends_are_not_reached(basis):
    H = models.JahnTeller(linear=1.0)
    packet = WavePacket(centre=[1.0, 0.5], momentum=[0.5, -1.0], width=1.2, basis="diabatic")
    runs = [
        propagate_packet(
            H,
            Grid([-8.0, -8.0], [8.0, 8.0], 47, basis=names),
            1.0,
            packet,
            stop=1.5,
            step=0.01,
            samples=4,
        )
        for names in ("fft", basis)
    ]
    for name in ("diabatic_populations", "energy", "positions", "momenta"):
        first, second = (getattr(run, name) for run in runs)
        assert np.abs(first - second).max() < 1e-8, name


@pytest.mark.parametrize("basis", ["fft", "sine"])
def test_readings_and_derivatives_of_the_basis(basis):
    grid = Grid(-8.0, 8.0, 63, basis=basis)
    psi = np.exp(-((grid.axes[0] - 0.3) ** 2) + 1j * grid.axes[0])
    value, slope = grid.reading(0.517)
    y = 0.517 - 0.3
    exact = np.exp(-(y**2) + 0.517j)
    assert abs(value @ psi - exact) < 1e-12
    assert abs(slope @ psi - (-2 * y + 1j) * exact) < 1e-11
    everywhere = (-2 * (grid.axes[0] - 0.3) + 1j) * psi
    assert np.abs(grid.derivative(psi[None], 0)[0] - everywhere).max() < 1e-11


def test_action_of_the_hamiltonian_on_an_oscillator_state():
    H = oscillator(np.diag([0.0, 1.0]), coordinates=2)
    grid = Grid([-9.0, -9.0], [9.0, 9.0], 40)
    operator = GridHamiltonian(H, grid, 1.0)
    x, y = np.moveaxis(grid.points, -1, 0)
    state = x * np.exp(-(x**2 + y**2) / 2)
    psi = np.stack([state, 0.5j * state])
    expected = np.stack([2 * state, 1.5j * state])  # levels 2 and 2 + 1
    assert np.abs(operator.apply(psi) - expected).max() < 1e-10


TULLY = [
    # Transmission to 1e-5 does not change any more; what is reflected, and the upper transmitted
    # state, still exchange through the well of the upper surface at the time they are read.
    (models.TullySimple(), 20, -12.0, 2400.0, (-24, 28, 768), 2.0, (0, 0, 0.50765, 0.49235)),
    (
        models.TullySimple(),
        10,
        -12.0,
        7400.0,
        (-70, 60, 1000),
        4.0,
        (0.00011, 0.00069, 0.84479, 0.15441),
    ),
    (
        models.TullyDual(),
        16,
        -12.0,
        4650.0,
        (-50, 55, 1024),
        2.0,
        (0.00001, 0.00021, 0.81388, 0.18590),
    ),
]


@pytest.mark.parametrize(("H", "k", "x0", "time", "box", "step", "published"), TULLY)
def test_tully_probabilities(H, k, x0, time, box, step, published):
    packet = WavePacket(centre=x0, momentum=float(k), width=20.0 / k)
    result = propagate_packet(H, Grid(*box), MASS, packet, stop=time, step=step, samples=6)
    assert np.abs(result.channels(0.0).ravel() - published).max() < 2e-4
    assert np.abs(result.norm - 1).max() < 1e-9
    assert result.energy_drift < 1e-6


@pytest.mark.slow
def test_tully_extended_coupling():
    # Fast transmitted waves leave through the layer long before the reflected ones have separated.
    result = propagate_packet(
        models.TullyExtended(),
        Grid(-60.0, 30.0, 1080),
        MASS,
        WavePacket(centre=-15.0, momentum=10.0, width=2.0),
        stop=8000.0,
        step=1.0,
        samples=11,
        absorber=Absorber([[0.0, 15.0]]),
    )
    published = (0.08980, 0.20977, 0.70043, 0)
    assert np.abs(result.channels(0.0).ravel() - published).max() < 1e-4
    assert np.abs(result.norm + result.absorbed.sum(axis=(1, 2)) - 1).max() < 1e-10
    assert result.sides == ("x stop",)
    assert result.energy_drift < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("mirror", [1, -1])
def test_absorbed_flux_adds_up_and_is_that_of_a_larger_box(mirror):
    H, k = models.TullyExtended(), 12.0
    packet = WavePacket(centre=-15.0, momentum=k, width=20.0 / k)
    # The reflected waves are left to themselves until their states have separated.
    wide = propagate_packet(
        H,
        Grid(-75.0, 32.0, 1250),
        MASS,
        packet,
        stop=9000.0,
        step=1.0,
        samples=2,
        absorber=Absorber([[0.0, 15.0]]),
    )
    if mirror < 0:  # x → −x must change nothing but the names of the sides
        H = Hamiltonian.from_function(lambda x: models.TullyExtended()(-x), vectorised=True)
        packet = WavePacket(centre=15.0, momentum=-k, width=20.0 / k)
    box = (-32.0, 20.0) if mirror > 0 else (-20.0, 32.0)
    result = propagate_packet(
        H,
        Grid(*box, 700),
        MASS,
        packet,
        stop=12_000.0,
        step=1.0,
        samples=61,
        absorber=Absorber(10.0),
        stop_norm=1e-6,
    )
    total = result.norm + result.absorbed.sum(axis=(1, 2))
    assert np.abs(total - 1).max() < 1e-10
    assert result.norm[-1] < 1e-6
    assert result.times[-1] < 12_000.0
    sides = result.channels(0.0)[::mirror]
    assert np.abs(sides - wide.channels(0.0)).max() < 2e-5
    assert result.sides == ("x start", "x stop")


@pytest.mark.slow
def test_absorber_in_a_plane_counts_each_side():
    free = Hamiltonian.from_terms([("0*x*y", np.eye(2))], coordinates=("x", "y"))
    packet = WavePacket(centre=[0.0, 0.0], momentum=[0.0, 6.0], width=1.5, basis="diabatic")
    result = propagate_packet(
        free,
        Grid([-14.0, -14.0], [14.0, 14.0], 96),
        1.0,
        packet,
        stop=5.0,
        step=0.01,
        samples=6,
        absorber=Absorber([[5.0, 5.0], [5.0, 5.0]]),
    )
    lost = dict(zip(result.sides, result.absorbed[-1].sum(axis=1), strict=True))
    assert abs(result.norm[-1] + sum(lost.values()) - 1) < 1e-12
    assert lost["y stop"] > 0.98
    assert lost["x start"] == pytest.approx(lost["x stop"], rel=1e-6)


@pytest.mark.parametrize("order", [slow(2), slow(4)])
@pytest.mark.parametrize("tolerance", [slow(1e-3), 1e-5])
def test_the_chosen_step_keeps_its_tolerance(order, tolerance):
    H, grid = models.TullyDual(), Grid(-22.0, 26.0, 600)
    packet = WavePacket(centre=-8.0, momentum=20.0, width=1.0)
    arguments = (H, grid, MASS, packet)
    exact = propagate_packet(*arguments, stop=1800.0, step=1.0, order=4, samples=2).state
    h = choose_step(*arguments, stop=1800.0, tolerance=tolerance, order=order)
    result = propagate_packet(*arguments, stop=1800.0, tolerance=tolerance, order=order, samples=2)
    assert result.step <= h < 20 * result.step
    error = np.linalg.norm(result.state - exact) * np.sqrt(grid.volume)
    assert 0.002 * tolerance < error < tolerance


@pytest.mark.slow
def test_convergence_report_tells_a_coarse_step():
    arguments = (
        models.TullySimple(),
        Grid(-22.0, 22.0, 540),
        MASS,
        WavePacket(centre=-12.0, momentum=20.0, width=1.0),
    )
    coarse = check_convergence(*arguments, stop=2400.0, step=20.0, divide=0.0)
    assert not coarse.converged
    assert coarse.changes["step"] > 1e-4 > coarse.changes["spacing"]
    assert "not converged" in str(coarse)
    absorbed = check_convergence(
        *arguments, stop=3000.0, step=2.0, absorber=Absorber(6.0), tolerance=1e-5
    )
    assert absorbed.converged
    assert set(absorbed.changes) == {"step", "spacing", "box", "absorber"}


@pytest.mark.slow
def test_repeats_stay_where_the_levels_are_in_range(monkeypatch):
    """Sodium iodide has a wall of 1e25 eV at x = 0, and no layer there."""
    grids = []

    def spy(hamiltonian, grid, *arguments, **options):
        grids.append(grid)
        return propagate_packet(hamiltonian, grid, *arguments, **options)

    monkeypatch.setattr(convergence, "propagate_packet", spy)
    start = WavePacket(centre=2.672, momentum=0.0, width=0.1109, state=1)
    grid = Grid(1.5, 28.0, 2400)
    report = check_convergence(
        models.SodiumIodide(), grid, 4656.2, start, stop=20.0, step=0.2, absorber=Absorber([[0, 6]])
    )
    assert report.converged
    assert list(report.changes) == ["step", "spacing", "box", "absorber"]
    box, layers = grids[3:]
    assert layers.start == 1.5
    assert layers.stop == pytest.approx(28.0 + 0.25 * 6, abs=layers.spacings[0])
    assert box.stop == pytest.approx(28.0 + 0.25 * 26.5, abs=box.spacings[0])
    assert 1.3 < box.start <= 1.5
    for extended in (box, layers):
        assert extended.spacings == pytest.approx(grid.spacings, rel=1e-12)


def test_a_repeat_that_cannot_be_run_leaves_the_others():
    """No H(x) below 0, where the wider layer would lie."""
    H = Hamiltonian.from_terms([("0.001*log(x)", np.eye(2)), (0.01, np.diag([0, 1]))])
    told = []
    report = check_convergence(
        H,
        Grid(1.0, 61.0, 512),
        MASS,
        WavePacket(centre=30.0, momentum=10.0, width=2.0),
        stop=1000.0,
        step=5.0,
        absorber=Absorber([[10.0, 10.0]]),
        progress=lambda *counts: told.append(counts),
    )
    assert list(report.changes) == ["step", "spacing", "box"]
    assert max(report.changes.values()) < 1e-4
    assert list(report.failures) == ["absorber"]
    assert not report.converged
    assert "wider absorbing layers   failed: Argument `" in str(report)
    assert told[-1] == (100, 100)


def test_the_unit_of_times_is_printed():
    start = WavePacket(centre=2.672, momentum=0.0, width=0.1109, state=1)
    result = propagate_packet(
        models.SodiumIodide(), Grid(1.5, 8.0, 600), 4656.2, start, stop=3.0, step=0.2, samples=2
    )
    assert str(result).splitlines()[0] == "Wave packet, SodiumIodide, t = 0 to 3 fs"


def test_workers_and_samples_do_not_change_the_result():
    H = models.JahnTeller(linear=1.5)
    arguments = (
        H,
        Grid([-8.0, -8.0], [8.0, 8.0], 48),
        1.0,
        WavePacket(centre=[2.5, 0.0], momentum=[0.0, 1.0], width=0.9),
    )
    first = propagate_packet(*arguments, stop=1.0, step=0.02, samples=2, workers=1)
    second = propagate_packet(
        *arguments, stop=1.0, step=0.02, samples=6, workers=2, keep_states=True
    )
    assert np.abs(first.state - second.state).max() < 1e-12
    assert second.states.shape == (6, 2, 48, 48)
    assert np.array_equal(second.states[-1], second.state)
    again = propagate_packet(*arguments, stop=1.0, step=0.02, samples=2, workers=2)
    assert np.array_equal(first.state, again.state)
