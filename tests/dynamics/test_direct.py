"""Steps by Taylor series against DOP853, QuTiP, matrix exponentials and superadiabatic panels."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

import anticrossing as ac
from anticrossing.dynamics import _stacks, direct, plan, readout, reference
from anticrossing.dynamics._straight import Straight
from anticrossing.dynamics.chebyshev import grid
from anticrossing.dynamics.lanes import Lanes
from tests.effort import slow

STEPS, DOUBLED, PANELS = "Taylor series", "doubled steps", "superadiabatic panels"


def gaussian(levels, seed, *, real=False):
    """A Hermitian matrix with a spectrum of width four."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(levels, levels))
    if not real:
        matrix = (matrix + 1j * rng.normal(size=(levels, levels))) / np.sqrt(2)
    return (matrix + matrix.conj().T) / np.sqrt(2 * levels)


def generic(levels, *, real=False):
    return ac.Hamiltonian.affine(gaussian(levels, 1, real=real), gaussian(levels, 2, real=real))


def two_terms():
    matrices = [gaussian(4, seed) for seed in range(3)]
    return ac.Hamiltonian.from_terms(
        [(1, matrices[0]), ("sin(x)", matrices[1]), ("exp(-x**2)", matrices[2])]
    )


def diagonal_drive():
    slopes = np.diag([1.0, -2.0, 0.5, 0.0, 3.0])
    return ac.Hamiltonian.affine(gaussian(5, 4, real=True), slopes)


def function():
    constant, slope = gaussian(4, 1), gaussian(4, 2)
    return ac.Hamiltonian.from_function(
        lambda x: constant + np.tanh(x)[..., None, None] * slope, dimension=4, vectorised=True
    )


def shifted():
    return ac.Hamiltonian.affine(gaussian(3, 1) + 50 * np.eye(3), gaussian(3, 2) - 7 * np.eye(3))


SWEEP = ac.drive.Linear(-3, 3, rate=0.5)
SHORT = (generic(3), ac.drive.Linear(-2, 2, rate=0.5))
CASES = {
    "complex": (generic(6), ac.drive.Linear(-2, 2, rate=1)),
    "real": (generic(5, real=True), ac.drive.Linear(-2, 2, rate=1)),
    "two terms": (two_terms(), SWEEP),
    "diagonal": (diagonal_drive(), SWEEP),
    "common energy": (shifted(), ac.drive.Linear(-1, 1, rate=1)),
    "formula": (generic(3), ac.drive.Formula("2*sin(t) + t/4", -6, 6)),
    "pieces": (generic(4), ac.drive.Piecewise([0, 2, 3, 7], [-2, 1, 0.5, 3])),
    "pulse": (generic(3), ac.drive.Formula("2*exp(-(t - 3.3)**2/0.02)", 0, 40)),
}

QUICK = {"complex", "two terms"}


@pytest.mark.parametrize("case", [case if case in QUICK else slow(case) for case in CASES])
def test_the_propagator_is_that_of_a_runge_kutta_method(case):
    hamiltonian, drive = CASES[case]
    result = ac.propagate(hamiltonian, drive, tolerance=1e-10)
    exact = reference.propagator(hamiltonian, drive)
    assert result.method == STEPS
    assert np.max(np.abs(result.propagator - exact)) < 2e-10
    assert np.max(result.error_estimate) < 1e-9


def test_a_function_is_followed_too():
    hamiltonian = function()
    result = ac.propagate(hamiltonian, SWEEP, tolerance=1e-9)
    assert result.method == STEPS
    assert np.max(np.abs(result.propagator - reference.propagator(hamiltonian, SWEEP))) < 1e-9


def test_a_constant_hamiltonian_has_an_exponential():
    matrix = gaussian(7, 3)
    hamiltonian = ac.Hamiltonian.affine(matrix, np.zeros((7, 7)))
    result = ac.propagate(hamiltonian, ac.drive.Linear(0, 100, rate=1), tolerance=1e-10)
    assert result.sectors == (1,) * 7
    assert np.max(np.abs(result.propagator - scipy.linalg.expm(-100j * matrix))) < 1e-10


@functools.cache
def _exact_probabilities():
    return np.abs(reference.propagator(*SHORT, rtol=1e-13, atol=1e-15)) ** 2


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8, 1e-10, 1e-12])
def test_the_error_estimate_bounds_the_error_at_every_tolerance(tolerance):
    result = ac.propagate(*SHORT, tolerance=tolerance, basis="diabatic")
    error = np.max(np.abs(result.transition_matrix - _exact_probabilities()))
    assert error < max(float(result.error_estimate), 1e-12)
    assert error < max(tolerance, 1e-12)
    assert result.error_estimate < max(tolerance, 1e-10)


@pytest.mark.parametrize("levels", [3, 9])
def test_one_state_is_a_column_of_all(levels):
    hamiltonian, times = generic(levels), [-6.0, -1.0, 0.3, 6.0]
    whole = ac.propagate(hamiltonian, SWEEP, initial=1, times=times)
    one = ac.propagate(hamiltonian, SWEEP, initial=1, times=times, whole=False)
    assert one.transition_matrix is None
    assert one.propagator is None
    assert one.amplitudes is None
    assert one.is_unitary
    for name in ("probabilities", "populations", "states", "final_state"):
        assert np.max(np.abs(getattr(one, name) - getattr(whole, name))) < 1e-9
    assert np.allclose(one.states[0], np.linalg.eigh(hamiltonian(-3))[1][:, 1], atol=1e-12)


@pytest.mark.parametrize("rate", [0.3, 1e-6])
def test_one_state_of_a_batch_by_either_method(rate):
    rates = rate * np.array([1.0, 2.0, 3.0])
    state = np.array([0.6, 0.0, 0.8j, 0.0])
    arguments = (generic(4), ac.drive.Linear(-2, 2, rate=rates))
    one = ac.propagate(*arguments, initial=state, whole=False)
    whole = ac.propagate(*arguments, initial=state)
    assert one.method == (STEPS if rate == 0.3 else PANELS)
    assert one.probabilities.shape == (3, 4)
    assert np.max(np.abs(one.probabilities - whole.probabilities)) < 1e-9
    assert np.max(np.abs(one.probabilities.sum(axis=-1) - 1)) < 1e-12


@pytest.mark.parametrize("rate", [1.0, 0.05, 1e-3])
def test_all_methods_agree(rate, monkeypatch):
    hamiltonian, drive = generic(4), ac.drive.Linear(-3, 3, rate=rate)
    monkeypatch.setattr(plan, "_panels_cost", lambda levels: np.inf)
    monkeypatch.setattr(plan, "_doubled_cost", lambda levels, pieces, turning: turning + np.inf)
    steps = ac.propagate(hamiltonian, drive)
    monkeypatch.setattr(plan, "_doubled_cost", lambda levels, pieces, turning: 0 * turning)
    doubled = ac.propagate(hamiltonian, drive)
    monkeypatch.setattr(plan, "_panels_cost", lambda levels: 0.0)
    panels = ac.propagate(hamiltonian, drive)
    assert (steps.method, doubled.method, panels.method) == (STEPS, DOUBLED, PANELS)
    assert steps.steps > 0
    assert doubled.steps > 0
    assert panels.steps is None
    for one in (steps, doubled):
        difference = np.max(np.abs(one.transition_matrix - panels.transition_matrix))
        assert difference < max(float(one.error_estimate + panels.error_estimate), 1e-11)


def test_slow_sweeps_go_by_panels():
    methods = [
        ac.propagate(generic(4), ac.drive.Linear(-3, 3, rate=rate)).method for rate in (10.0, 1e-8)
    ]
    assert methods == [STEPS, PANELS]


def test_one_state_of_sixteen_levels_against_qutip():
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    hamiltonian, drive = generic(16), ac.drive.Linear(-3, 3, rate=0.5)
    start = np.linalg.eigh(hamiltonian(-3))[1][:, 0]
    driven = qutip.QobjEvo(
        [qutip.Qobj(hamiltonian(0)), [qutip.Qobj(hamiltonian(1) - hamiltonian(0)), lambda t: t / 2]]
    )
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-12, "nsteps": 10**6}
    solved = qutip.sesolve(driven, qutip.Qobj(start), [-6, 6], options=options)
    found = ac.propagate(hamiltonian, drive, initial=start, whole=False)
    assert found.method == STEPS
    assert np.max(np.abs(found.final_state - solved.final_state.full()[:, 0])) < 1e-9


def test_what_is_not_finite_is_refused():
    hamiltonian = ac.Hamiltonian.from_terms([("log(x)", gaussian(3, 1)), (1, gaussian(3, 2))])
    with pytest.raises(ac.AnticrossingError):
        ac.propagate(hamiltonian, ac.drive.Linear(-1, 1, rate=1))


@pytest.mark.parametrize("size", [1e-9, 1e-5, 1e-3, 0.3])
def test_rotated_generators_follow_from_their_rotation(size):
    points = grid(25)
    s = 1j * size * (gaussian(6, 1) + np.sin(points.nodes)[:, None, None] * gaussian(6, 2))
    g = 10 * gaussian(6, 3) + np.cos(points.nodes)[:, None, None] * gaussian(6, 4)
    rotated, q = _stacks.rotate(g[None], s[None], points)
    slope = np.einsum("mn,pnij->pmij", points.derivative, q)
    adjoint = q.conj().swapaxes(-1, -2)
    assert np.max(np.abs(adjoint @ q - np.eye(6))) < 1e-13
    assert np.max(np.abs(rotated - (adjoint @ g @ q - 1j * adjoint @ slope))) < 1e-11


def test_rotations_of_some_levels_are_rotations_of_all():
    points, levels = grid(25), np.array([1, 3, 4])
    small = 0.1j * (gaussian(3, 1) + np.sin(points.nodes)[:, None, None] * gaussian(3, 2))
    g = 10 * gaussian(6, 3) + np.cos(points.nodes)[:, None, None] * gaussian(6, 4)
    s = np.zeros((1, 25, 6, 6), dtype=complex)
    s[np.ix_([0], np.arange(25), levels, levels)] = small
    every, q = _stacks.rotate(g[None], s, points, _stacks.ENDS)
    some, part = _stacks.rotate_some(g[None], small[None], levels, points)
    assert np.max(np.abs(some - every)) < 1e-12
    assert np.max(np.abs(part - q[:, :, levels[:, None], levels])) < 1e-14


def lines():
    """H(x(t)) that is straight in time: on a batch, with a common energy, far from time zero."""
    weights = {"p": np.array([0.5, 1.0])}
    terms = [("p", gaussian(4, 1)), ("x/3 - 2", gaussian(4, 2) + 9 * np.eye(4))]
    batch = ac.Hamiltonian.from_terms(terms, parameters=weights)
    return {
        "batch": (batch, ac.drive.Linear(-2, 3, rate=[1.0, 0.3])),
        "common energy": (shifted(), ac.drive.Linear(-1, 2, rate=1)),
        "one series of matrices": (generic(12), ac.drive.Linear(-3, 2, rate=10)),
        "several": (generic(32), ac.drive.Linear(-2, 2, rate=0.15)),
        "far away": (generic(5), ac.drive.Formula("a - t/2", 1e4, 1e4 + 9, a=5e3)),
    }


@pytest.mark.parametrize("name", lines())
@pytest.mark.parametrize("whole", [True, False])
def test_straight_lines_need_no_nodes(name, whole, monkeypatch):
    hamiltonian, drive = lines()[name]
    lanes = Lanes.of(hamiltonian, drive)
    assert Straight.of(lanes) is not None
    times = lanes.start.max() + (lanes.stop.min() - lanes.start.max()) * np.array([0.0, 0.4, 0.8])
    options = {"whole": whole, "times": times, "breakpoints": [times[1] + 0.1]}
    found = ac.propagate(hamiltonian, drive, **options)
    with monkeypatch.context() as patch:
        patch.setattr(direct.Straight, "of", lambda lanes: None)
        wanted = ac.propagate(hamiltonian, drive, **options)
    assert found.method == wanted.method == STEPS
    assert np.array_equal(found.panels, wanted.panels)
    allowed = 1e-11 + np.max(found.phase_error)
    for attribute in ("probabilities", "populations", "final_state", "states"):
        difference = getattr(found, attribute) - getattr(wanted, attribute)
        assert np.max(np.abs(difference)) < allowed, attribute


def test_what_bends_is_no_straight_line():
    for hamiltonian, drive in (CASES["two terms"], CASES["formula"], CASES["pieces"]):
        assert Straight.of(Lanes.of(hamiltonian, drive)) is None
    twice = ac.Hamiltonian.from_terms([("x*x", gaussian(3, 1)), (1, gaussian(3, 2))])
    assert Straight.of(Lanes.of(twice, SWEEP)) is None


@pytest.mark.parametrize("levels", [3, 8, 40])
def test_the_wide_bound_of_last_digits_is_one(levels):
    rng = np.random.default_rng(levels)
    for far in (1.0, 1e3, 1e6):
        constant = gaussian(levels, 1) + far * np.diag(np.arange(levels) > levels - 2)
        lanes = Lanes.of(ac.Hamiltonian.affine(constant, gaussian(levels, 2)), SWEEP)
        sizes = np.abs(rng.normal(size=(1, 1, levels, 1)))
        sizes /= np.linalg.norm(sizes)
        arguments = lanes, "adiabatic", lanes.stop[:, None], sizes
        for level in (None, 0, levels - 1):
            narrow = readout.doubt(*arguments, level)
            wide = readout.doubt(*arguments, level, np.inf)
            closer = readout.doubt(*arguments, level, 0.5 * wide[0])
            assert 0 < narrow <= closer <= max(0.5 * wide, narrow)
            left = readout._noise_left(lanes)
            closest = readout._wide_doubt(lanes, sizes[:, 0], level, left, True)
            assert narrow <= closest < 100 * levels * narrow
            assert readout.doubt(*arguments, level, 0.5 * narrow[0]) == narrow


@pytest.mark.parametrize("scale", [1e-176, 1.0, 1e179])
def test_tiny_and_huge_energies_keep_their_error_and_their_result(scale):
    # Whatever is squared of them leaves the doubles; a position of 1e9 is known to 1e-7.
    rng = np.random.default_rng(5)
    constant, slope = (a + a.conj().T for a in rng.normal(size=(2, 4, 4, 2)) @ [1, 1j])
    found = []
    for far, formula in ((1e9, "far + rate*t"), (0.0, "far + rate*(t - begin)")):
        H = ac.Hamiltonian.affine(scale * (constant - far * slope), scale * slope)
        known = {"far": far, "rate": 2 * scale, "begin": 0.0}
        drive = ac.drive.FormulaDrive(formula, -0.5 / scale, 0.5 / scale, parameters=known)
        found.append(ac.propagate(H, drive, basis="diabatic", whole=False))
    off = np.abs(found[0].probabilities - found[1].probabilities).max()
    assert 1e-11 < off < found[0].error_estimate < 1e-4
    assert found[1].error_estimate < 1e-10


@pytest.mark.parametrize(("size", "speed", "tolerance"), [(5e-3, 11.0, 1e-5), (1e-5, 13.0, 1e-7)])
@pytest.mark.parametrize("whole", [True, False])
def test_a_drive_that_rises_within_a_step(size, speed, tolerance, whole):
    # The first orders see next to nothing of it.
    coupling, levels = gaussian(3, 1), np.diag([0.0, 1e-4, 3e-4])
    hamiltonian = ac.Hamiltonian.from_terms([("x", coupling), ("1", levels)])
    drive = ac.drive.Formula("size*exp(speed*(t - 1))", -1, 1, size=size, speed=speed)
    given = {"basis": "diabatic", "whole": whole, "tolerance": tolerance}
    found = ac.propagate(hamiltonian, drive, **given)
    assert found.method == direct.METHOD
    wanted = scipy.integrate.solve_ivp(
        lambda t, y: -1j * (size * np.exp(speed * (t - 1)) * (coupling @ y) + levels @ y),
        *((-1, 1), np.array([1, 0, 0], dtype=complex)),
        **{"method": "DOP853", "rtol": 1e-12, "atol": 1e-14},
    ).y[:, -1]
    assert np.max(np.abs(found.final_state - wanted)) < float(found.error_estimate)
