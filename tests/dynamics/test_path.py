"""Hamiltonians of several coordinates along a path: exact evolution, open systems, loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.drive import Formula, Linear, Path, Piecewise, Sinusoidal
from anticrossing.dynamics import floquet, log_probability, periodic_steady_state, quasi_energies
from anticrossing.dynamics.reference import propagator
from anticrossing.geometry import berry_phase
from tests.effort import slow
from tests.systems.paths import Case, random_case

CONE = ac.Hamiltonian.from_matrix([["x", "y"], ["y", "-x"]], coordinates=("x", "y"))
SPIN = ac.Hamiltonian.from_matrix(
    [["z/2", "(x - I*y)/2"], ["(x + I*y)/2", "-z/2"]], coordinates=("x", "y", "z")
)
POLAR = np.pi / 3
FEW, MANY = 6, 200


# ---- random paths against DOP853 ---------------------------------------------------------------


def agrees(case: Case) -> None:
    found = ac.propagate(case.hamiltonian, case.path, basis="diabatic")
    expected = case.propagator()
    assert np.max(np.abs(found.propagator - expected)) < 1e-9
    assert np.max(np.abs(found.transition_matrix - np.abs(expected) ** 2)) < 1e-9


@pytest.mark.quick(2)
@pytest.mark.parametrize("seed", range(FEW))
def test_random_paths_against_runge_kutta(seed: int) -> None:
    agrees(random_case(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FEW, MANY))
def test_more_random_paths_against_runge_kutta(seed: int) -> None:
    agrees(random_case(seed))


def test_a_batch_is_its_members() -> None:
    h = ac.Hamiltonian.from_matrix(
        [["g*x", "y"], ["y", "-g*x"]], parameters={"g": [[0.5], [1.5]]}, coordinates=("x", "y")
    )
    width, offset = np.array([0.3, 1.0, 2.0]), np.array([0.1, 0.2, 0.3])
    bump = "exp(-t**2/w**2)"
    path = Path(x=Linear(-5, 5, rate=1.0), y=Formula(f"{bump} + c", -5, 5, w=width, c=offset))
    found = ac.propagate(h, path)
    assert found.transition_matrix.shape == (2, 3, 2, 2)
    for i, g in enumerate((0.5, 1.5)):
        for j in range(3):
            single = Path(
                x=Linear(-5, 5, rate=1.0), y=Formula(f"{bump} + c", -5, 5, w=width[j], c=offset[j])
            )
            alone = ac.propagate(h.replace(g=g), single)
            apart = found.transition_matrix[i, j] - alone.transition_matrix
            assert np.max(np.abs(apart)) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("vectorised", [True, False])
def test_functions_are_what_formulas_are(vectorised: bool) -> None:
    formula = ac.Hamiltonian.from_matrix(
        [["x", "y - 0.2*I*x"], ["y + 0.2*I*x", "-x"]], coordinates=("x", "y")
    )
    path = Path(y=Piecewise([-5, -1, 0.5, 5], [0, 0.7, 0.2, 0.9]), x=Linear(-5, 5, rate=1.0))

    def function(q: np.ndarray) -> np.ndarray:
        x, y = q[..., 0], q[..., 1]
        return np.moveaxis(np.array([[x, y - 0.2j * x], [y + 0.2j * x, -x]]), (0, 1), (-2, -1))

    h = ac.Hamiltonian.from_function(function, coordinates=("x", "y"), vectorised=vectorised)
    ours, theirs = (ac.propagate(one, path, basis="superadiabatic") for one in (h, formula))
    assert np.max(np.abs(ours.transition_matrix - theirs.transition_matrix)) < 1e-9
    exact = propagator(formula, path)
    for one in (h, formula):
        found = ac.propagate(one, path, basis="diabatic").propagator
        assert np.max(np.abs(found - exact)) < 1e-9


@pytest.mark.quick(1)
@pytest.mark.parametrize(("detuning", "expected"), [(0.0, 0.928444), (0.15, 0.204130)])
@pytest.mark.parametrize("as_function", [False, True])
def test_a_narrow_pulse_in_one_coordinate_is_seen(
    detuning: float, expected: float, as_function: bool
) -> None:
    # Two pulses of 10⁻⁴ of the window; the numbers are by DOP853, piece by piece.
    pulse = "1.3/sqrt(8*pi)*(exp(-(t - 0.31*L)**2/2) + exp(-(t - 0.77*L)**2/2))"
    path = Path(x=detuning, y=Formula(pulse, 0, 1e4, L=1e4))
    h = CONE
    if as_function:
        h = ac.Hamiltonian.from_function(
            lambda q: (
                q[..., :1, None] * np.diag([1.0, -1.0])
                + q[..., 1:, None] * np.array([[0.0, 1.0], [1.0, 0.0]])
            ),
            coordinates=("x", "y"),
            vectorised=True,
        )
    found = ac.propagate(h, path, basis="diabatic")
    assert found.probabilities[1] == pytest.approx(expected, abs=2e-6)


def test_vibronic_surfaces_are_driven() -> None:
    h = ac.models.Pyrazine()
    names = h.coordinates
    path = Path(
        **{names[0]: Formula("1.5*cos(w*t)", 0, 2, w=3.0)},
        **{name: 0.1 * (k + 1) for k, name in enumerate(names[1:])},
    )
    found = ac.propagate(h, path, basis="diabatic")
    exact = propagator(h, path)
    assert np.max(np.abs(found.propagator - exact)) < 1e-9


# ---- pulses against QuTiP ----------------------------------------------------------------------


def by_qutip(
    terms: list[Any], initial: int, times: np.ndarray, jumps: list[Any] | None = None
) -> np.ndarray:
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    h = qutip.QobjEvo(
        [
            qutip.Qobj(np.asarray(term, dtype=complex))
            if not isinstance(term, tuple)
            else [qutip.Qobj(np.asarray(term[0], dtype=complex)), term[1]]
            for term in terms
        ]
    )
    size = h.shape[0]
    options = {
        "method": "dop853", "atol": 1e-13, "rtol": 1e-12, "nsteps": 100_000, "max_step": 0.5,
        "progress_bar": "",
    }  # fmt: skip
    projectors = [qutip.basis(size, k).proj() for k in range(size)]
    state = qutip.basis(size, initial)
    if jumps:
        operators = [[qutip.Qobj(np.asarray(matrix, dtype=complex)), f] for matrix, f in jumps]
        found = qutip.mesolve(h, state, times, operators, e_ops=projectors, options=options)
    else:
        found = qutip.sesolve(h, state, times, e_ops=projectors, options=options)
    return np.array(found.expect).T


PUMP, STOKES, DETUNED = np.zeros((3, 3, 3))
PUMP[0, 1] = PUMP[1, 0] = STOKES[1, 2] = STOKES[2, 1] = 0.5
DETUNED[1, 1] = 1.0


def stirap(area: float, delay: float) -> tuple[ac.Hamiltonian, Path]:
    h = ac.Hamiltonian.from_terms(
        [("pump", PUMP), ("stokes", STOKES), ("detuning", DETUNED)],
        parameters={"detuning": 0.7},
        coordinates=("pump", "stokes"),
    )
    pulse = "peak*exp(-((t - centre)/10)**2)"
    path = Path(
        pump=Formula(pulse, -60, 60, peak=area, centre=delay / 2),
        stokes=Formula(pulse, -60, 60, peak=area, centre=-delay / 2),
    )
    return h, path


@pytest.mark.parametrize("delay", [12.0, slow(-12.0)])
def test_stirap_against_qutip(delay: float) -> None:
    h, path = stirap(2.0, delay)
    times = np.linspace(-60, 60, 13)
    found = ac.propagate(h, path, basis="diabatic", times=times)

    def gauss(centre: float) -> Any:
        return lambda t: 2.0 * np.exp(-(((t - centre) / 10) ** 2))

    expected = by_qutip(
        [0.7 * DETUNED, (PUMP, gauss(delay / 2)), (STOKES, gauss(-delay / 2))], 0, times
    )
    assert np.max(np.abs(found.populations - expected)) < 1e-9
    if delay > 0:  # the counter-intuitive order moves everything, past an empty middle level
        assert found.probabilities[2] > 0.99
        assert found.populations[:, 1].max() < 0.05


@pytest.mark.parametrize("chirp", [0.05, slow(-0.3)])
def test_chirped_passage_against_qutip(chirp: float) -> None:
    h = ac.Hamiltonian.from_matrix([["d/2", "w/2"], ["w/2", "-d/2"]], coordinates=("d", "w"))
    path = Path(
        d=Linear(-50 * chirp, 50 * chirp, rate=chirp), w=Formula("0.8*exp(-(t/15)**2)", -50, 50)
    )
    times = np.linspace(-50, 50, 11)
    found = ac.propagate(h, path, basis="diabatic", times=times)
    z, x = np.diag([0.5, -0.5]), np.array([[0.0, 0.5], [0.5, 0.0]])
    expected = by_qutip(
        [(z, lambda t: chirp * t), (x, lambda t: 0.8 * np.exp(-((t / 15) ** 2)))], 0, times
    )
    assert np.max(np.abs(found.populations - expected)) < 1e-9


def test_rates_that_depend_on_two_coordinates_against_qutip() -> None:
    path = Path(x=Linear(-6, 6, rate=1.0), y=Formula("0.5 + 0.3*sin(t)", -6, 6))
    names = ("x", "y")
    lowering = [[0, 1], [0, 0]]
    environment = ac.Lindblad([("sqrt(0.1)*x*y + 0.01*t", lowering)], coordinates=names)
    environment += ac.FixedAxisDephasing("0.1*(1 + y**2)", coordinates=names)
    times = np.linspace(-6, 6, 7)
    found = ac.propagate(CONE, path, environment=environment, basis="diabatic", times=times)

    def y(t: float) -> float:
        return 0.5 + 0.3 * np.sin(t)

    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    jumps = [
        (lowering, lambda t: np.sqrt(0.1) * t * y(t) + 0.01 * t),
        (z, lambda t: np.sqrt(0.05 * (1 + y(t) ** 2))),
    ]
    expected = by_qutip([(z, lambda t: t), (x, y)], 0, times, jumps)
    assert np.max(np.abs(found.populations - expected)) < 1e-9


@pytest.mark.parametrize("y", ["0.7", "function"])
def test_eigenbasis_rates_along_a_path_are_those_on_the_line(y: str) -> None:
    # With y at rest the path is a line, and so is the environment.
    path = Path(y=0.3, x=Linear(-8, 8, rate=1.0))
    strength: Any = "0.2*(1 + y)*exp(-x**2)"
    on_line: Any = "0.2*1.3*exp(-x**2)"
    if y == "function":
        strength = lambda q: 0.2 * (1 + q[..., 1]) * np.exp(-(q[..., 0] ** 2))  # noqa: E731
    bath = ac.ThermalRelaxation(temperature=0.5, t1=30.0)
    over = ac.Dephasing(strength, coordinates=("x", "y")) + bath
    line = ac.Hamiltonian.from_matrix([["x", "0.3"], ["0.3", "-x"]])
    ours = ac.propagate(CONE, path, environment=over, basis="superadiabatic")
    theirs = ac.propagate(
        line, Linear(-8, 8, rate=1.0), environment=ac.Dephasing(on_line) + bath,
        basis="superadiabatic",
    )  # fmt: skip
    assert np.max(np.abs(ours.probabilities - theirs.probabilities)) < 1e-9


# ---- slow paths, small probabilities -----------------------------------------------------------


def test_the_cost_does_not_grow_with_slowness() -> None:
    panels = []
    for rate in (1e-2, 1e-5):
        length = 20 / rate
        path = Path(
            x=Linear(-10, 10, rate=rate),
            y=Formula("0.4*exp(-(t/w)**2) + 0.1", -length / 2, length / 2, w=0.2 * length),
        )
        panels.append(int(ac.propagate(CONE, path).panels))
    assert panels[1] <= 3 * panels[0]


@pytest.mark.slow
def test_the_logarithm_of_a_jump_on_a_line() -> None:
    path = Path(x=Linear(-10, 10, rate=0.1), y=0.5)
    assert log_probability(CONE, path).log_probability == pytest.approx(-2.5 * np.pi, abs=1e-9)


# ---- loops -------------------------------------------------------------------------------------


def cone(frequency: float) -> Path:
    """Return the field at 60° that turns once about the axis, either way."""
    omega, side = abs(frequency), np.sign(frequency)
    size = np.sin(POLAR)
    return Path(
        x=Sinusoidal(0, size, omega),
        y=Sinusoidal(0, size, omega, phase=-np.pi / 2 * side),
        z=np.cos(POLAR),
    )


def cyclic_phase(frequency: float) -> float:
    """Return the phase of the upper state that repeats itself, less the dynamical one."""
    found = floquet(SPIN, cone(frequency))
    upper = int(np.argmax(found.mean_energies))
    phase = -(found.quasi_energies - found.mean_energies)[upper] * 2 * np.pi / abs(frequency)
    return float((phase + np.pi) % (2 * np.pi) - np.pi)


@pytest.mark.slow
def test_a_spin_carried_round_a_cone_gains_half_the_solid_angle() -> None:
    solid_angle = 2 * np.pi * (1 - np.cos(POLAR))
    for level, sign in ((1, -1), (0, 1)):
        found = berry_phase(SPIN, cone(0.1), level=level)
        assert abs(found - sign * solid_angle / 2) < 1e-10
    # Slowly, from the exact evolution: what is odd in the frequency, extrapolated to none.
    odd = [(cyclic_phase(w) - cyclic_phase(-w)) / 2 for w in (1e-3, 5e-4)]
    assert abs((4 * odd[1] - odd[0]) / 3 + solid_angle / 2) < 1e-10


@pytest.mark.parametrize("frequency", [0.3, -0.02])
def test_a_spin_at_any_speed_against_the_rotating_frame(frequency: float) -> None:
    # About the axis the field is at rest, less the frequency along the axis.
    tilted = np.array([np.sin(POLAR), np.cos(POLAR) - frequency])
    across, upward = tilted / np.hypot(*tilted)
    expected = -np.pi * np.sign(frequency) * (1 - upward)
    apart = cyclic_phase(frequency) - expected
    assert abs((apart + np.pi) % (2 * np.pi) - np.pi) < 1e-11
    period = 2 * np.pi / abs(frequency)
    angle = 0.5 * np.hypot(*tilted) * period
    x, z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    turned = np.cos(angle) * np.eye(2) - 1j * np.sin(angle) * (across * x + upward * z)
    found = ac.propagate(SPIN, cone(frequency)).propagator
    assert np.max(np.abs(found + turned)) < 1e-10  # a turn of the frame changes the sign


def test_a_loop_with_corners_round_an_intersection() -> None:
    times = [0, 1, 2, 3, 4]
    x, y = [1, -1, -1, 1, 1], [1, 1, -1, -1, 1]
    path = Path(y=Piecewise(times, y), x=Piecewise(times, x))
    assert berry_phase(CONE, path, level=0) == np.pi
    away = Path(y=Piecewise(times, y), x=Piecewise(times, [v + 3 for v in x]))
    assert berry_phase(CONE, away, level=0) == 0


# ---- periodic paths ----------------------------------------------------------------------------


def test_two_tones_have_a_steady_state_and_quasi_energies() -> None:
    path = Path(
        x=Formula("1 + 2*cos(2*t)", 0, 2 * np.pi), y=Formula("0.3 + 0.2*cos(3*t + 1)", 0, 2 * np.pi)
    )
    detuning, coupling = "1 + 2*cos(2*x)", "0.3 + 0.2*cos(3*x + 1)"
    one = ac.Hamiltonian.from_matrix([[detuning, coupling], [coupling, f"-({detuning})"]])
    clock, period = Linear(0, 2 * np.pi, rate=1.0), 2 * np.pi
    ours, theirs = floquet(CONE, path, period=period), floquet(one, clock, period=period)
    assert np.max(np.abs(ours.quasi_energies - theirs.quasi_energies)) < 1e-10
    bath = ac.ThermalRelaxation(temperature=0.5, t1=20.0)
    here, there = (
        periodic_steady_state(h, moved, bath, period=period)
        for h, moved in ((CONE, path), (one, clock))
    )
    assert np.max(np.abs(here.populations - there.populations)) < 1e-9
    # The tones' common period is found; where there is none it must be given.
    assert np.max(np.abs(floquet(CONE, path).quasi_energies - ours.quasi_energies)) < 1e-10
    lost = Path(
        x=Sinusoidal(0.0, 1.0, 1.0), y=Sinusoidal(0.0, 1.0, np.sqrt(2), stop_time=2 * np.pi)
    )
    with pytest.raises(ac.InputError, match="`period` must be given"):
        floquet(CONE, lost)


def test_quasi_energies_are_followed_along_a_parameter_of_the_path() -> None:
    path = Path(x=Sinusoidal(0.0, 1.0, 1.0), y=0.05)
    found = quasi_energies(CONE, path, "x_offset", np.linspace(0.3, 0.7, 11))
    qubit = ac.Hamiltonian.from_matrix([["x", "0.05"], ["0.05", "-x"]])
    other = quasi_energies(qubit, Sinusoidal(0.0, 1.0, 1.0), "offset", np.linspace(0.3, 0.7, 11))
    (ours,), (theirs,) = found.resonances, other.resonances
    assert ours.position == pytest.approx(theirs.position, abs=1e-9)
    assert ours.gap == pytest.approx(theirs.gap, abs=1e-9)
