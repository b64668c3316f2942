"""Two levels in compiled code: against Runge–Kutta, and against panels breadth first."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing._core import plain, tape
from anticrossing.dynamics import interference, panels, two_levels
from anticrossing.dynamics.kernels import UnitaryKernel
from anticrossing.dynamics.lanes import Lanes
from anticrossing.dynamics.reference import propagator as reference_propagator
from tests.effort import cases, slow
from tests.systems import random_hermitian

seeds = st.integers(0, 2**32 - 1)


def both(hamiltonian, drive, tolerance=2e-12, **cuts):
    """Return the compiled passage, the same by panels, and the bound on their difference."""
    lanes = Lanes.of(hamiltonian, drive)
    ends = np.stack([lanes.start, lanes.stop], axis=1)
    vectors = np.linalg.eigh(lanes.traceless(ends, np.arange(lanes.count)))[1]
    first, last = vectors[:, 0].astype(complex), vectors[:, 1].astype(complex)
    compiled = two_levels.follow(lanes, first, last, tolerance=tolerance, **cuts)
    general = panels.solve(lanes, UnitaryKernel(2), tolerance=tolerance, **cuts)
    phases = interference.of_states(lanes, general, first, last)
    return lanes, compiled, general, phases, (first, last)


def probabilities(evolution, ends):
    return np.abs(ends[1].conj().swapaxes(-1, -2) @ evolution.propagator @ ends[0]) ** 2


@cases(15)
@given(seed=seeds, decades=st.floats(-4, 1))
def test_lanes_and_panels_agree_within_their_errors(seed, decades):
    rng = np.random.default_rng(seed)
    constant, slope = random_hermitian(rng, 2), random_hermitian(rng, 2)
    apart = np.diag([0.5 + rng.random(), -0.5])  # an identity would go to panels
    constant -= np.trace(constant).real / 2 * np.eye(2) - apart
    slope -= np.trace(slope).real / 2 * np.eye(2) - apart
    hamiltonian = ac.Hamiltonian.affine(constant, slope)
    _, compiled, general, phases, ends = both(hamiltonian, ac.drive.Linear(-6, 6, 10.0**decades))
    difference = np.abs(probabilities(compiled, ends) - probabilities(general, ends)).max()
    assert difference <= compiled.error[0] + general.error[0] + phases[0]
    # The phases' rounding depends on where panels end, by less than a factor of ten.
    assert compiled.error[0] <= 10 * (general.error[0] + phases[0])
    assert compiled.phase[0] == pytest.approx(general.phase[0], rel=0.2)


WRITTEN = [
    ("x**2/4 - 3*cos(2*x) + a*sin(x)", "a - 0.3*x", "rate*t"),
    ("-(x - 2)/3", "a*x*cos(x/2)**2", "offset + 3*cos(rate*t)"),
]


@pytest.mark.parametrize(("along", "coupling", "path"), [slow(*WRITTEN[0]), WRITTEN[1]])
def test_formulas_against_runge_kutta(along, coupling, path):
    z, y = np.diag([1.0, -1.0]), np.array([[0, 0.4 - 0.3j], [0.4 + 0.3j, 0]])
    hamiltonian = ac.Hamiltonian.from_terms(
        [(along, z), (coupling, y), ("x/5", np.diag([1.0, 0.5]))], parameters={"a": 0.7}
    )
    names = {"rate": 0.8, "offset": 0.5} if "offset" in path else {"rate": 0.8}
    drive = ac.drive.Formula(path, -3.0, 4.0, **names)
    assert two_levels._tape(Lanes.of(hamiltonian, drive)) is not None
    times = [-3.0, -1.1, 0.0, 2.5, 4.0]
    result = ac.propagate(hamiltonian, drive, times=times, basis="diabatic")
    exact = reference_propagator(hamiltonian, drive)
    assert np.max(np.abs(result.propagator - exact)) < 1e-9
    for k, time in enumerate(times[1:], 1):
        part = ac.drive.Formula(path, -3.0, time, **names)
        state = reference_propagator(hamiltonian, part)[:, 0]
        assert np.max(np.abs(result.states[k] - state)) < 1e-9
    assert result.states[0] == pytest.approx([1.0, 0.0])


def test_batches_repeat_single_calls_to_the_last_bit():
    gap, rate = np.geomspace(0.05, 3.0, 300), np.geomspace(1e-3, 30.0, 300)
    times = [-0.2, 0.0, 0.1]
    together = ac.propagate(
        ac.models.LandauZener(gap=gap), ac.drive.Linear(-20, 20, rate), times=times
    )
    for k in (0, 137, 299):
        alone = ac.propagate(
            ac.models.LandauZener(gap=gap[k]), ac.drive.Linear(-20, 20, rate[k]), times=times
        )
        assert np.array_equal(alone.propagator, together.propagator[k])
        assert np.array_equal(alone.states, together.states[k])
        assert alone.error_estimate == together.error_estimate[k]


def test_a_parameter_may_be_an_array_of_any_shape():
    hamiltonian = ac.models.LandauZener(gap=np.array([[0.5], [1.0]]))
    drive = ac.drive.Linear(-30, 30, np.array([0.5, 1.0, 2.0]))
    found = ac.propagate(hamiltonian, drive, breakpoints=[-1.0, 2.0]).transition_matrix
    assert found.shape == (2, 3, 2, 2)
    exact = ac.formulas.finite_window(
        gap=np.array([[0.5], [1.0]]),
        sweep_rate=np.array([0.5, 1.0, 2.0]),
        start=-30 / np.array([0.5, 1.0, 2.0]),
        stop=30 / np.array([0.5, 1.0, 2.0]),
    )
    assert np.max(np.abs(found[..., 1, 0] - np.asarray(exact.value))) < 1e-10


@pytest.mark.parametrize("gap", [0.0, 1e-160, 1e-8])
@pytest.mark.parametrize("reach", [10.0, slow(1e6)])
def test_levels_that_meet_are_passed(gap, reach):
    result = ac.propagate(ac.models.LandauZener(gap=gap), ac.drive.Linear(-reach, reach, 1.0))
    assert result.transition_matrix[1, 0] == pytest.approx(1.0, abs=1e-14)
    assert result.panels <= 40


def test_panels_do_not_grow_with_slowness_and_few_are_refused():
    rate = 10.0 ** np.arange(-12.0, 1.0)
    slow_ones = ac.propagate(ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1e3, 1e3, rate))
    assert slow_ones.panels.max() <= 40
    rng = np.random.default_rng(20240229)
    gap, rate = rng.uniform(0.1, 2.0, 200), 10.0 ** rng.uniform(-2.0, 1.0, 200)
    ordinary = ac.propagate(ac.models.LandauZener(gap=gap), ac.drive.Linear(-1e3, 1e3, rate))
    # Breadth first from eight equal parts 27 panels a point were accepted of 47 that were tried.
    assert ordinary.panels.mean() <= 22
    assert ordinary.evaluated_panels <= 1.7 * ordinary.panels.sum()


@pytest.mark.slow
def test_two_passages_interfere_as_the_error_says():
    hamiltonian = ac.models.LandauZener(gap=0.5)
    drive = ac.drive.Sinusoidal(1.0, 8.0, 0.3)
    vectors = np.linalg.eigh(hamiltonian(9.0))[1]
    truth = abs(vectors[:, 1] @ reference_propagator(hamiltonian, drive) @ vectors[:, 0]) ** 2
    for tolerance in (1e-13, 1e-10, 1e-4):
        result = ac.propagate(hamiltonian, drive, tolerance=tolerance)
        assert abs(result.transition_matrix[1, 0] - truth) <= result.error_estimate + 2e-11


class TestWhatGoesToPanels:
    @pytest.mark.parametrize(
        "hamiltonian",
        [
            ac.Hamiltonian.from_function(lambda x: np.array([[x, 0.5], [0.5, -x]])),
            ac.Hamiltonian.from_matrix([["x", "exp(-x**2)"], ["exp(-x**2)", "-x"]]),
            ac.Hamiltonian.affine(np.diag([1e7, 1e7]) + 0.5, [[0.5, 0], [0, -0.5]]),
            ac.Hamiltonian.affine(np.ones((3, 3)), np.diag([1.0, 0.0, -1.0])),
        ],
        ids=["function", "pulse", "offset", "three levels"],
    )
    def test_hamiltonians(self, hamiltonian):
        lanes = Lanes.of(hamiltonian, ac.drive.Linear(-1, 1, 1.0))
        assert two_levels._tape(lanes) is None

    @pytest.mark.parametrize(
        "drive",
        [
            ac.drive.Tanh(-1.0, 1.0, rate=0.1, duration=40.0),
            ac.drive.Formula("t/(1 + t**2)", -1, 1),
            ac.drive.Formula("cos(t)**9*cos(3*t)", -1, 1),
        ],
    )
    def test_drives(self, drive):
        assert two_levels._tape(Lanes.of(ac.models.LandauZener(gap=1.0), drive)) is None

    def test_what_cannot_be_followed_is_refused_there(self):
        hamiltonian = ac.models.LandauZener(gap=1.0)
        with pytest.raises(ac.ConvergenceError, match="too large"):
            ac.propagate(hamiltonian, ac.drive.Linear(-1e80, 1e80, 1.0))

    def test_digits_that_cancel_are_looked_for(self):
        # (t − c)² multiplied out: near c = 10⁴ it is known to eight digits fewer.
        drive = ac.drive.Formula("t**2 - 2*c*t + c**2", 9999, 10001, c=1e4)
        assert two_levels._tape(Lanes.of(ac.models.LandauZener(gap=1.0), drive)) is None


def test_a_tape_holds_what_changes_behind_what_does_not():
    position = plain.read("rate*t", ("t", "rate"))
    formulas = tuple(plain.read(text, ("x", "gap")) for text in ("x/2", "gap/2"))
    found = tape.record(position, ("rate",), formulas, ("x", "gap"))
    moving = {0}
    for k, (operation, first, second) in enumerate(found.code.tolist()):
        read = set() if operation in (tape.PARAMETER, tape.NUMBER) else {first, second}
        assert all(register <= k for register in read)  # nothing is read before it is written
        if read & moving:
            moving.add(k + 1)
        assert (k + 1 in moving) == (k >= found.constant)
    assert [register in moving for register in found.outputs.tolist()] == [True, False]
