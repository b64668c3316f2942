"""Arguments that cannot be used are refused before any work, saying what to change."""

import numpy as np
import pytest

from anticrossing import Hamiltonian, InputError, models
from anticrossing._core.checks import ConvergenceError
from anticrossing.molecules.packets import (
    Absorber,
    Grid,
    WavePacket,
    autocorrelation_spectrum,
    check_convergence,
    choose_step,
    propagate_lower_surface,
    propagate_packet,
    stationary_states,
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
            r"`hamiltonian` must be a single parameter point, but its batch",
        ),
        ({"hamiltonian": models.JahnTeller(linear=1.0)}, r"`grid` must have the 2 coordinate"),
        ({"masses": 0.0}, r"`masses` must be positive, but it is 0.0"),
        ({"masses": -2000.0}, r"`masses` must be positive"),
        ({"masses": 1e-300}, r"`masses` must give kinetic energies below 1e\+100 on the grid"),
        ({"masses": np.nan}, r"`masses` must be finite"),
        ({"masses": [1.0, 2.0]}, r"`masses` must hold one number for each of x"),
        (
            {"grid": Grid(-24.0, 24.0, 256)},
            r"spacing of at most 0.12 along x for the momentum 26.1 to expect, but it is 0.188",
        ),
        (
            {"initial": WavePacket(centre=-12.0, momentum=70.0, width=1.0)},
            r"`grid` must have a spacing of at most 0.0399 along x",
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
            r"`state` must be at most 1, but it is 2",
        ),
        (
            {"initial": "packet"},
            r"`initial` must be a WavePacket or a number .*, but it is 'packet'",
        ),
        ({"initial": None}, r"`initial` must be a WavePacket or a number .*, but it is None"),
        ({"initial": np.ones(768)}, r"`initial` must have shape \(2, 768\)"),
        ({"initial": np.full((2, 768), np.nan)}, r"`initial` must be finite"),
        ({"initial": np.zeros((2, 768))}, r"`initial` must not vanish"),
        ({"stop": 0.0}, r"`stop` must be positive"),
        ({"step": -1.0}, r"`step` must be positive"),
        ({"step": 1e-9}, r"`step` must take at most 50000000 steps"),
        (
            {"step": 100.0, "samples": 2},
            r"`step` must be at most 64.7 ħ/hartree so that H\(x\) is nearly straight .* 100 ħ",
        ),
        (
            {"step": None, "tolerance": 1e-300},
            r"`tolerance` must take at most 50000000 steps, but it would take 6.8e\+145",
        ),
        ({"step": None, "stop": 1e300}, r"`stop` must take at most 50000000 steps"),
        ({"tolerance": 1e-5}, r"`tolerance` must be left out where `step` is given"),
        *(
            ({"order": order}, r"`order` must be (2 or 4|an integer), but it is")
            for order in (3, True, [2], 2.0)
        ),
        ({"samples": 1}, r"`samples` must be at least 2"),
        (
            {"samples": 10**6, "keep_states": True},
            r"`samples` must keep at most 8 GiB, but they take 22.9 GiB",
        ),
        ({"stop_norm": 1.0, "absorber": Absorber(5.0)}, r"`stop_norm` must be less than 1"),
        ({"stop_norm": 0.1}, r"`stop_norm` must be left out without an absorber"),
        ({"keep_states": 1}, r"`keep_states` must be True or False"),
        ({"progress": 5}, r"`progress` must be true, false or a function, but it is 5"),
        ({"workers": 0}, r"`workers` must be at least 1"),
        ({"absorber": 5.0}, r"`absorber` must be an Absorber"),
        ({"absorber": Absorber(24.0)}, r"`absorber` must leave room along x"),
        ({"absorber": Absorber(1e308)}, r"`absorber` must leave room along x"),
        (
            {"absorber": Absorber([[0.1, 0.0]])},
            r"`absorber` must be zero or at least 0.25 along x, 4 points, but its widths are",
        ),
        (
            # The packet is too slow for the layer.
            {
                "absorber": Absorber(1.0),
                "masses": 1.0,
                "hamiltonian": Hamiltonian.from_terms([("0*x", [[1.0]])]),
                "initial": WavePacket(centre=0.0, momentum=0.5, width=6.0),
            },
            r"`absorber` must have a width of at least 6.56 at x start for the largest momentum to "
            r"expect, 1, but it is 1",
        ),
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
        *(
            (lambda n=n: Grid(0.0, 1.0, n), r"`points(\[0\])?` must be an integer.*, but it is")
            for n in (8.0, None, "8", np.nan, True, [8.0])
        ),
        (lambda: Grid(0.0, 1.0, 10**30), r"`points` must make at most 16777216, but there are"),
        (lambda: Grid([0.0] * 2, [1.0] * 2, 10**5), r"`points` must make at most 16777216"),
        (lambda: Grid(-1e308, 1e308, 8), r"`stop` must leave a spacing that floating-point"),
        (lambda: Grid(1e16, 1e16 + 4, 8), r"`stop` must leave a spacing that floating-point"),
        *(
            (lambda name=name: Grid(0.0, 1.0, 8, basis=name), r"`basis(\[0\])?` must be text")
            for name in (None, 3, b"fft", [None])
        ),
        (lambda: Grid(0.0, 1.0, 8, basis="sin"), r"`basis` must be one of .* did you mean `sine`"),
        (lambda: Absorber(-1.0), r"`width` must not be negative"),
        (lambda: Absorber(0.0), r"`width` must be positive somewhere"),
        (lambda: Absorber([[1.0, 1.0, 1.0]]), r"`width` must have the shape"),
        (
            lambda: WavePacket(centre=0.0, momentum=[1.0, 2.0], width=1.0),
            r"`momentum` must be one number or have shape \(1,\)",
        ),
        (lambda: WavePacket(centre=0.0, momentum=0.0, width=0.0), r"`width` must be positive"),
        (
            lambda: WavePacket(centre=[], momentum=0.0, width=1.0),
            r"`centre` must hold one number for each coordinate",
        ),
        (
            lambda: check_convergence(**arguments(divide=30.0, stop=1e6)),
            r"`divide` must lie on the grid",
        ),
        (lambda: check_convergence(**arguments(fraction=1e300)), r"`fraction` must be at most 10"),
        (lambda: check_convergence(**arguments(grid=5)), r"`grid` must be a Grid, but it is 5"),
        (
            lambda: WavePacket(centre=0.0, momentum=0.0, width=1.0, basis="adiabat"),
            r"did you mean `adiabatic`",
        ),
        (
            lambda: check_convergence(**arguments(initial=np.ones((2, 768)))),
            r"`initial` must be a WavePacket, but it is",
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


# Every entry point, in one and in two coordinates, must refuse the same things in the same words.

PLANE = {
    "hamiltonian": models.JahnTeller(linear=2.0),
    "grid": Grid([-8.0, -8.0], [8.1, 8.1], 64),
    "masses": 1.0,
    "initial": WavePacket(centre=[2.5, 0.0], momentum=[0.0, 1.0], width=0.9),
    "stop": 0.2,
}
LINE = {key: value for key, value in arguments().items() if key != "step"}
ENTRIES = {
    "propagate_packet": (propagate_packet, {"step": 0.05}),
    "choose_step": (choose_step, {}),
    "check_convergence": (check_convergence, {"step": 0.05}),
    "propagate_lower_surface": (propagate_lower_surface, {}),
}


def packet(base, **changed):
    first = base["initial"]
    given = {"centre": first.centre, "momentum": first.momentum, "width": first.width} | changed
    return {"initial": WavePacket(**given)}


@pytest.mark.parametrize("name", list(ENTRIES))
@pytest.mark.parametrize(
    ("base", "changed", "message"),
    [
        (LINE, {"masses": 0.0}, r"`masses` must be positive, but it is 0.0"),
        (LINE, {"masses": [-2000.0]}, r"`masses` must be positive"),
        (LINE, {"grid": Grid(-24.0, 24.0, 200)}, r"spacing of at most 0.12 along x .* it is 0.24"),
        (LINE, packet(LINE, momentum=100.0), r"spacing of at most 0.0284 along x .* momentum 110"),
        (LINE, packet(LINE, width=0.01), r"spacing of at most 0.00602 along x"),
        (LINE, packet(LINE, centre=-23.0), r"touches the boundary at x start with prob"),
        (LINE, packet(LINE, centre=-25.0), r"`initial` must lie inside the grid"),
        (
            LINE,
            packet(LINE, width=1e300),
            r"touches the boundary at x start with probability 5.0e-01",
        ),
        (PLANE, {"masses": [1.0, 0.0]}, r"`masses` must be positive, but it is \[1.0, 0.0\]"),
        (PLANE, {"masses": [1.0, -1.0]}, r"`masses` must be positive"),
        (PLANE, {"masses": [1.0] * 3}, r"`masses` must hold one number for each of x, y"),
        (PLANE, {"grid": Grid([-8.0] * 2, [8.1] * 2, 14)}, r"spacing of at most 0.565 along x"),
        (PLANE, {"grid": Grid([-8.0] * 2, [8.1] * 2, [64, 14])}, r"at most 0.475 along y .* 6.61"),
        (PLANE, packet(PLANE, momentum=[0.0, 20.0]), r"spacing of at most 0.118 along y .* 26.6"),
        (PLANE, packet(PLANE, centre=[7.0, 0.0]), r"touches the boundary at x stop with prob"),
        (PLANE, packet(PLANE, centre=[2.5, -7.0]), r"touches the boundary at y start with prob"),
        (PLANE, packet(PLANE, centre=[2.5, 9.0]), r"`initial` must lie inside the grid"),
        (PLANE, {"stop": 1e300}, r"`st\w+` must take at most 50000000"),
    ],
)
def test_every_entry_point_refuses(name, base, changed, message):
    function, more = ENTRIES[name]
    with pytest.raises(InputError, match=message) as caught:
        function(**(base | more | changed))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_an_array_of_any_size_is_normalized(size):
    grid = Grid(-24.0, 24.0, 768)
    psi = np.zeros((2, 768), dtype=complex)
    psi[0] = size * np.exp(-((grid.axes[0] + 12.0) ** 2) + 20j * grid.axes[0])
    result = propagate_packet(**arguments(initial=psi, samples=2))
    assert result.norm == pytest.approx(1.0, abs=1e-12)


def test_walls_and_periods_hold_the_packet():
    wall = Grid(-24.0, 24.0, 767, basis="sine")
    with pytest.raises(
        InputError, match=r"touches the boundary at x start with probability 1.6e-01"
    ):
        propagate_packet(**arguments(grid=wall, **packet(LINE, centre=-23.5)))
    angle = Grid(-np.pi, np.pi, 64, basis="periodic")
    pendulum = Hamiltonian.from_terms([("-cos(x)", [[1.0]])])
    with pytest.raises(InputError, match=r"touches the boundary at x start with probability 1.8"):
        propagate_packet(
            pendulum, angle, 1.0, WavePacket(centre=0.0, momentum=0.0, width=3.0), stop=1.0
        )


def test_a_packet_across_the_seam_of_a_period():
    """Moved by half a period with its Hamiltonian, whose states change sign on the way round."""
    angle = Grid(-np.pi, np.pi, 64, basis="periodic")
    found = []
    for turn, centre in ((0.0, 0.4), (np.pi, 0.4 - np.pi)):
        H = Hamiltonian.from_matrix(
            [[f"cos(x + {turn})", f"sin(x + {turn})"], [f"sin(x + {turn})", f"-cos(x + {turn})"]]
        )
        for side in (centre, centre + 0.3):
            start = WavePacket(centre=side, momentum=2.0, width=0.8)
            result = propagate_packet(H, angle, 5.0, start, stop=2.0, step=0.02, samples=5)
            found.append(result)
    for first, second in ((found[0], found[2]), (found[1], found[3])):
        assert np.abs(first.populations - second.populations).max() < 1e-12
        assert np.abs(first.energy - second.energy).max() < 1e-12


def test_what_looks_converged_only_because_nothing_was_refined():
    """A step longer than the intervals is cut to them; half of it must not be cut to the same."""
    report = check_convergence(
        models.TullySimple(),
        Grid(-16.0, 16.0, 512),
        2000.0,
        WavePacket(centre=-5.0, momentum=20.0, width=1.0),
        stop=900.0,
        step=60.0,
    )
    assert report.changes["step"] > 1e-4


def test_a_packet_that_reaches_the_boundary_on_the_way():
    with pytest.raises(ConvergenceError, match=r"touches the boundary at x stop at t = "):
        propagate_packet(**arguments(stop=4000.0))


HEAVY = {
    "hamiltonian": Hamiltonian.from_terms([("0*x", np.eye(2))]),
    "masses": 1.0,
    "initial": WavePacket(centre=0.0, momentum=10.0, width=1.0, state=0, basis="diabatic"),
}


@pytest.mark.parametrize("samples", [2, 3, 11])
def test_a_packet_that_would_come_round_between_the_times_recorded(samples):
    """After a whole turn it stands where it began: with two samples nothing would be seen."""
    with pytest.raises(
        ConvergenceError, match=r"touches the boundary at x stop at t = 0\.\d+ with"
    ):
        propagate_packet(grid=Grid(-8.0, 8.0, 128), stop=1.6, step=0.01, samples=samples, **HEAVY)
    levels = Hamiltonian.from_matrix([["0*x", "1"], ["1", "0*x"]])
    start = WavePacket(centre=0.0, momentum=10.0, width=1.0)
    with pytest.raises(
        ConvergenceError, match=r"touches the boundary at x stop at t = 0\.\d+ with"
    ):
        propagate_lower_surface(levels, Grid(-8.0, 8.0, 128), 1.0, start, stop=1.6, samples=samples)


def test_the_result_says_how_close_it_came_to_the_edges():
    runs = [
        propagate_packet(grid=Grid(-8.0, right, points), stop=0.4, step=0.01, samples=2, **HEAVY)
        for right, points in ((8.0, 128), (12.0, 160))
    ]
    near, far = (run.edge_weights["x stop"] for run in runs)
    assert 1e-6 > near > 1e-12 > far
    # ∫ over the outermost two points of the Gaussian at its last place.
    x, width = runs[0].grid.axes[0][-2:], abs(1.0 + 0.8j)
    density = np.sqrt(2 / np.pi) / width * np.exp(-2 * ((x - 4.0) / width) ** 2)
    assert near == pytest.approx(density.sum() * 0.125, rel=1e-6)
    assert all(0 <= run.fast_weights["x"] < 1e-12 for run in runs)
    assert "at the edges" in str(runs[0])


def test_stationary_states_need_a_grid_that_holds_them():
    oscillator = Hamiltonian.from_terms([("x**2/2", [[1.0]])])
    for grid in (Grid(-2.0, 2.0, 64), Grid(-9.0, 9.0, 8)):
        with pytest.raises(ConvergenceError, match=r"State 0 touches the boundary of the grid"):
            stationary_states(oscillator, grid, 1.0)
    free = Hamiltonian.from_terms([("0*x", [[1.0]])])
    with pytest.raises(ConvergenceError, match="not bound"):
        stationary_states(free, Grid(-9.0, 9.0, 64), 1.0)


def test_a_spectrum_beyond_what_the_time_step_tells_apart():
    result = propagate_packet(**arguments(step=2.0, samples=11, autocorrelation=True))
    with pytest.raises(InputError, match=r"`energies` must be within 1.57, half a turn in a time"):
        autocorrelation_spectrum(result, [0.1, 2.0], broadening=0.1)


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
    with pytest.raises(InputError, match=r"`grid` must have a spacing of at most 0.197"):
        propagate_packet(slope, Grid(-20.0, 60.0, 128), 1.0, packet, stop=3.0, step=0.01)
