"""Arguments that cannot be used are refused before any work, saying what to change."""

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, models
from anticrossing.checks import ConvergenceError
from anticrossing.dynamics.wavepacket import (
    Absorber,
    Grid,
    WavePacket,
    check_convergence,
    choose_step,
    propagate_packet,
)


def arguments(**changed):
    given = {
        "hamiltonian": models.TullySimple(),
        "grid": Grid(-24.0, 24.0, 768),
        "masses": 2000.0,
        "initial": WavePacket(centre=-12.0, momentum=20.0, width=1.0),
        "stop": 100.0,
        "step": 1.0,
    }
    return given | changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hamiltonian": np.eye(2)}, r"`hamiltonian` must be a Hamiltonian"),
        (
            {"hamiltonian": models.TullySimple(depth=[0.01, 0.02])},
            r"`hamiltonian` must have single numbers as parameters, but they are a batch",
        ),
        ({"hamiltonian": models.JahnTeller(linear=1.0)}, r"`grid` must have the 2 coordinate"),
        ({"masses": 0.0}, r"`masses` must be positive, but it is 0.0"),
        ({"masses": -2000.0}, r"`masses` must be positive"),
        ({"masses": np.nan}, r"`masses` must be finite"),
        ({"masses": [1.0, 2.0]}, r"`masses` must hold one number for each of x"),
        (
            {"grid": Grid(-24.0, 24.0, 256)},
            r"spacing of at most 0.137 along x for the momentum 23 to expect, but it is 0.188",
        ),
        (
            {"initial": WavePacket(centre=-12.0, momentum=70.0, width=1.0)},
            r"`grid` must have a spacing of at most 0.043 along x",
        ),
        # The packet itself fits; what it gains on the lower surface does not.
        (
            {
                "hamiltonian": models.TullyExtended(),
                "grid": Grid(-36.0, 36.0, 600),
                "initial": WavePacket(centre=-15.0, momentum=10.0, width=2.0),
            },
            r"`grid` must have a spacing of at most 0.10\d* along x for the momentum 30\.\d",
        ),
        (
            {"initial": WavePacket(centre=-22.0, momentum=20.0, width=1.5)},
            r"`grid` must hold the initial packet, but it touches the boundary at x start",
        ),
        (
            {"initial": WavePacket(centre=-30.0, momentum=20.0, width=1.0)},
            r"`initial` must lie inside the grid",
        ),
        (
            {"initial": WavePacket(centre=[0.0, 0.0], momentum=1.0, width=1.0)},
            r"`initial` must have 1 coordinate",
        ),
        (
            {"initial": WavePacket(centre=-12.0, momentum=20.0, width=1.0, state=2)},
            r"`state` must be less than 2, but it is 2",
        ),
        ({"initial": "packet"}, r"`initial` must be a WavePacket or an array"),
        ({"initial": np.ones(768)}, r"`initial` must have the shape \(2, 768\)"),
        ({"initial": np.full((2, 768), np.nan)}, r"`initial` must be finite"),
        ({"initial": np.zeros((2, 768))}, r"`initial` must not vanish"),
        ({"stop": 0.0}, r"`stop` must be positive"),
        ({"step": -1.0}, r"`step` must be positive"),
        ({"step": 1e-9}, r"`step` must make at most 50000000 steps"),
        ({"tolerance": 1e-5}, r"`tolerance` must be left out where `step` is given"),
        ({"order": 3}, r"`order` must be 2 or 4, but it is 3"),
        ({"samples": 1}, r"`samples` must be at least 2"),
        ({"stop_norm": 0.1}, r"`stop_norm` must be left out without an absorber"),
        ({"keep_states": 1}, r"`keep_states` must be True or False"),
        ({"workers": 0}, r"`workers` must be at least 1"),
        ({"absorber": 5.0}, r"`absorber` must be an Absorber"),
        ({"absorber": Absorber(24.0)}, r"`absorber` must leave room along x"),
        ({"absorber": Absorber([1.0, 2.0])}, r"`absorber` must have widths for 1 coordinate"),
        ({"absorber": Absorber(13.0)}, r"`initial` must lie outside the absorber"),
        (
            {"absorber": Absorber(5.0), "grid": Grid(-24.0, 24.0, 767, basis="sine")},
            r"`absorber` must have no width along x, but that coordinate has the basis 'sine'",
        ),
    ],
)
def test_bad_input(changed, message):
    with pytest.raises(InputError, match=message):
        propagate_packet(**arguments(**changed))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Grid(1.0, 0.0, 10), r"`stop` must lie above `start`"),
        (lambda: Grid(0.0, 1.0, 3), r"`points` must be at least 4, but it is 3"),
        (lambda: Grid([0.0] * 3, [1.0] * 3, 8), r"`start` must hold one or two numbers"),
        (lambda: Grid([0.0, 0.0], 1.0, 8), r"`stop` must hold 2 number"),
        (lambda: Grid(0.0, 1.0, [8, 8]), r"`points` must hold 1 value"),
        (lambda: Grid(0.0, 1.0, 8, basis="sin"), r"`basis` must be one of .* did you mean `sine`"),
        (lambda: Absorber(-1.0), r"`width` must not be negative"),
        (lambda: Absorber(0.0), r"`width` must be positive somewhere"),
        (lambda: Absorber([[1.0, 1.0, 1.0]]), r"`width` must have the shape"),
        (
            lambda: WavePacket(centre=0.0, momentum=[1.0, 2.0], width=1.0),
            r"`momentum` must have the shape \(1,\)",
        ),
        (lambda: WavePacket(centre=0.0, momentum=0.0, width=0.0), r"`width` must be positive"),
        (
            lambda: WavePacket(centre=0.0, momentum=0.0, width=1.0, basis="adiabat"),
            r"did you mean `adiabatic`",
        ),
        (
            lambda: check_convergence(**arguments(initial=np.ones((2, 768)))),
            r"`initial` must be a WavePacket, which can be put on any grid",
        ),
        (
            lambda: choose_step(**{k: v for k, v in arguments(order=1).items() if k != "step"}),
            r"`order` must be 2 or 4",
        ),
        (
            lambda: propagate_packet(**arguments(samples=2)).channels(30.0),
            r"`divide` must lie on the grid",
        ),
        (
            lambda: propagate_packet(
                models.JahnTeller(linear=2.0),
                Grid([-8.0, -8.0], [8.0, 8.0], 64),
                1.0,
                WavePacket(centre=[0.5, 0.0], momentum=0.0, width=1.0),
                stop=1.0,
                step=0.1,
            ),
            r"`initial` must be a diabatic packet where its adiabatic state is not continuous",
        ),
    ],
)
def test_bad_arguments_elsewhere(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_packet_that_reaches_the_boundary_on_the_way():
    with pytest.raises(ConvergenceError, match=r"touches the boundary at x stop at t = "):
        propagate_packet(**arguments(stop=4000.0))


def test_a_packet_that_becomes_too_fast_on_the_way():
    # The mean energy fits the grid, the fast tail of the packet does not.
    extended = arguments(
        hamiltonian=models.TullyExtended(),
        grid=Grid(-50.0, 50.0, 1024),
        initial=WavePacket(centre=-15.0, momentum=10.0, width=2.0),
        stop=8000.0,
        step=2.0,
        absorber=Absorber(8.0),
    )
    with pytest.raises(ConvergenceError, match=r"largest momentum of the grid along x at t = 2\d+"):
        propagate_packet(**extended)


def test_what_a_packet_gains_on_its_way_down_counts():
    slope = Hamiltonian.from_terms([("-2*x", [[1.0]])])
    packet = WavePacket(centre=0.0, momentum=0.0, width=2.0)
    with pytest.raises(InputError, match=r"`grid` must have a spacing of at most 0.198"):
        propagate_packet(slope, Grid(-20.0, 60.0, 128), 1.0, packet, stop=3.0, step=0.01)
