"""Doubled steps against exact rotations, DOP853 and Taylor series, and what they cost."""

import functools

import numpy as np
import pytest
import scipy.linalg

import anticrossing as ac
from anticrossing._core.linalg import norm_bound
from anticrossing.dynamics import doubling, plan, reference
from anticrossing.dynamics.chebyshev import grid, interpolation, transform
from tests.dynamics.test_direct import (
    CASES,
    DOUBLED,
    PANELS,
    STEPS,
    SWEEP,
    function,
    gaussian,
    generic,
)
from tests.effort import slow

QUICK = {"pieces"}


@pytest.fixture
def doubled(monkeypatch):
    """Make doubled steps the cheapest method of all."""
    monkeypatch.setattr(plan, "_panels_cost", lambda levels: np.inf)
    monkeypatch.setattr(plan, "_doubled_cost", lambda levels, pieces, turning: -1 + 0 * turning)


@pytest.fixture
def taylor(monkeypatch):
    """Make Taylor series the cheapest method of all."""
    monkeypatch.setattr(plan, "_steps_cost", lambda levels, columns, phase: -1 + 0 * phase)


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("case", [case if case in QUICK else slow(case) for case in CASES])
def test_the_propagator_is_that_of_a_runge_kutta_method(case):
    hamiltonian, drive = CASES[case]
    result = ac.propagate(hamiltonian, drive, tolerance=1e-10)
    exact = reference.propagator(hamiltonian, drive)
    assert result.method == DOUBLED
    assert np.max(np.abs(result.propagator - exact)) < 2e-10
    assert np.max(result.error_estimate) < 1e-9


@pytest.mark.usefixtures("doubled")
def test_a_function_is_followed_too():
    hamiltonian = function()
    result = ac.propagate(hamiltonian, SWEEP, tolerance=1e-9)
    assert result.method == DOUBLED
    assert np.max(np.abs(result.propagator - reference.propagator(hamiltonian, SWEEP))) < 1e-9


def spin(size):
    """Return Jx, Jy and Jz of a spin."""
    m = size - np.arange(2 * size + 1)
    up = np.diag(np.sqrt(size * (size + 1) - m[1:] * (m[1:] + 1)), 1)
    return (up + up.T) / 2, (up - up.T) / 2j, np.diag(m)


@functools.cache
def rotating(rate):
    """Return a spin 3/2 in a field that turns by 1.5 rad, the drive, and its exact propagator."""
    x, y, z = spin(1.5)
    hamiltonian = ac.Hamiltonian.from_terms([("cos(x)", 2 * x), ("sin(x)", 2 * y), (1, 1.2 * z)])
    exact = scipy.linalg.expm(-1.5j * z)
    values, vectors = np.linalg.eigh(2 * x + 1.2 * z - rate * z)
    exact = exact @ (vectors * np.exp(-1j * values * (1.5 / rate))) @ vectors.conj().T
    return hamiltonian, ac.drive.Linear(0, 1.5, rate=rate), exact


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("rate", [1.0, 0.1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("tolerance", [1e-5, 1e-8, 1e-11])
def test_the_error_estimate_bounds_the_error(rate, tolerance):
    hamiltonian, drive, exact = rotating(rate)
    found = ac.propagate(hamiltonian, drive, tolerance=tolerance, basis="diabatic")
    error = np.max(np.abs(found.transition_matrix - np.abs(exact) ** 2))
    assert found.method == DOUBLED
    assert error < found.error_estimate
    assert found.error_estimate < max(tolerance, 2e-15 * float(found.phase), 1e-12)


@pytest.mark.usefixtures("taylor")
def test_the_steps_of_a_series_add_up_to_the_window():
    hamiltonian, drive, exact = rotating(1e-3)
    found = ac.propagate(hamiltonian, drive, tolerance=1e-12, basis="diabatic")
    assert found.method == STEPS
    assert np.max(np.abs(found.propagator - exact)) < 4e-16 * float(found.phase)


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("levels", [3, 9])
def test_one_state_is_a_column_of_all(levels):
    hamiltonian, times = generic(levels), [-60.0, -10.0, 3.0, 60.0]
    drive = ac.drive.Linear(-3, 3, rate=0.05)
    whole = ac.propagate(hamiltonian, drive, initial=1, times=times)
    one = ac.propagate(hamiltonian, drive, initial=1, times=times, whole=False)
    assert one.method == whole.method == DOUBLED
    assert one.propagator is None
    for name in ("probabilities", "populations", "states", "final_state"):
        assert np.max(np.abs(getattr(one, name) - getattr(whole, name))) < 1e-9
    assert np.allclose(one.states[0], np.linalg.eigh(hamiltonian(-3))[1][:, 1], atol=1e-12)


def test_a_batch_goes_by_what_is_cheapest_at_every_point():
    rates = np.array([5.0, 1e-2, 1e-3])
    found = ac.propagate(generic(16), ac.drive.Linear(-3, 3, rate=rates), tolerance=1e-8)
    assert found.method == f"{STEPS} and {DOUBLED}"
    for k, rate in enumerate(rates):
        alone = ac.propagate(generic(16), ac.drive.Linear(-3, 3, rate=rate), tolerance=1e-8)
        assert alone.method == (STEPS if rate > 1 else DOUBLED)
        assert alone.steps == found.steps[k]
        assert np.max(np.abs(alone.transition_matrix - found.transition_matrix[k])) < 1e-13


def test_the_steps_grow_with_the_root_of_slowness():
    steps = [
        int(ac.propagate(generic(8), ac.drive.Linear(-3, 3, rate=rate), tolerance=1e-8).steps)
        for rate in (1e-2, 1e-4)
    ]
    assert steps[1] <= 16 * steps[0]  # powers of two


def test_phases_of_which_doubles_know_too_little_go_by_panels():
    found = [
        ac.propagate(generic(8), ac.drive.Linear(-3, 3, rate=1e-4), tolerance=tolerance)
        for tolerance in (1e-8, 1e-10)
    ]
    assert [one.method for one in found] == [DOUBLED, PANELS]
    difference = np.max(np.abs(found[0].transition_matrix - found[1].transition_matrix))
    assert difference < found[0].error_estimate
    assert all(one.error_estimate < 1e-8 for one in found)


@pytest.mark.slow
@pytest.mark.usefixtures("doubled")
def test_a_pulse_in_a_quiet_window_is_not_missed():
    hamiltonian, drive = generic(3), ac.drive.Formula("2*exp(-(t - 333)**2/0.02)", 0, 4000)
    found = ac.propagate(hamiltonian, drive, tolerance=1e-8)
    assert found.method == DOUBLED
    # Long and quiet before and after: matrix exponentials.
    short = ac.drive.Formula("2*exp(-(t - 333)**2/0.02)", 330, 336)
    matrix = hamiltonian(0)
    middle = reference.propagator(hamiltonian, short)
    exact = scipy.linalg.expm(-3664j * matrix) @ middle @ scipy.linalg.expm(-330j * matrix)
    assert np.max(np.abs(found.propagator - exact)) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-2, 1e-3])
@pytest.mark.usefixtures("doubled")
def test_many_levels_against_qutip(rate):
    qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")
    hamiltonian, drive = generic(24), ac.drive.Linear(-3, 3, rate=rate)
    slope = qutip.Qobj(hamiltonian(1) - hamiltonian(0))
    driven = qutip.QobjEvo([qutip.Qobj(hamiltonian(0)), [slope, lambda t: rate * t]])
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-12, "nsteps": 10**7}
    start = np.linalg.eigh(hamiltonian(-3))[1][:, 0]
    ends = [-3 / rate, 3 / rate]
    solved = qutip.sesolve(driven, qutip.Qobj(start), ends, options=options)
    found = ac.propagate(hamiltonian, drive, initial=start, tolerance=1e-9)
    assert found.method == DOUBLED
    assert np.max(np.abs(found.final_state - solved.final_state.full()[:, 0])) < 1e-8


@pytest.mark.usefixtures("doubled")
def test_threads_change_nothing(monkeypatch):
    drive = ac.drive.Linear(-3, 3, rate=1e-4)
    one = ac.propagate(generic(24), drive, tolerance=1e-7)
    monkeypatch.setattr(doubling, "_THREAD_WORK", 0.0)
    several = ac.propagate(generic(24), drive, tolerance=1e-7)
    assert np.max(np.abs(one.propagator - several.propagator)) < 1e-9


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("scale", [1e-200, 1e80, 1e150, 1e200])
def test_energies_that_no_double_squares(scale):
    def passage(unit):
        hamiltonian = ac.Hamiltonian.affine(unit * gaussian(4, 1), unit * gaussian(4, 2))
        with np.errstate(all="raise", under="ignore"):
            return ac.propagate(hamiltonian, ac.drive.Linear(-3, 3, rate=unit), tolerance=1e-9)

    found, wanted = passage(scale), passage(1.0)
    assert found.method == DOUBLED
    assert np.max(np.abs(found.transition_matrix - wanted.transition_matrix)) < 1e-11
    assert found.error_estimate < 1e-9


@pytest.mark.parametrize(("width", "resolved"), [(0.5, True), (0.16, False)])
def test_a_panel_on_which_h_is_large_for_a_short_time(width, resolved):
    points = grid(25)
    shape = 1 + 400 * np.exp(-0.5 * ((points.nodes + 0.4) / width) ** 2)
    matrices = shape[:, None, None] * generic(3)(0.0) + 0j
    panel = doubling.Panel.of(matrices, 2.0, 1e-10, points)
    found, error, _ = panel.follow(np.eye(3, dtype=complex), lambda share: None)
    exact = scipy.linalg.expm(-1j * (points.weights @ shape) * generic(3)(0.0))
    assert np.isfinite(error) == resolved
    if resolved:
        assert np.max(np.abs(found - exact)) < error < 2e-10


@pytest.mark.usefixtures("doubled")
def test_what_short_steps_do_not_resolve_goes_by_taylor_series(monkeypatch):
    monkeypatch.setattr(doubling, "_MOST_HALVINGS", 0)
    found = ac.propagate(*CASES["complex"], tolerance=1e-10)
    assert found.method == STEPS
    assert np.max(np.abs(found.propagator - reference.propagator(*CASES["complex"]))) < 2e-10


@pytest.mark.parametrize("size", [2, 9, 40])
def test_polynomials_are_known_between_the_nodes(size):
    nodes, to_coefficients = transform(size)
    x = np.concatenate([np.linspace(-1, 1, 50), nodes])
    for degree in range(size):
        values = np.cos(degree * np.arccos(nodes))
        assert np.max(np.abs(to_coefficients @ values - np.eye(size)[degree])) < 1e-14
        found = interpolation(size, x) @ values
        assert np.max(np.abs(found - np.cos(degree * np.arccos(x)))) < 1e-13


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_the_bound_of_norms_is_above_and_near(scale):
    matrices = scale * np.stack([gaussian(20, 1), gaussian(20, 2, real=True), np.zeros((20, 20))])
    ratio = norm_bound(matrices)[:2] / np.linalg.norm(matrices[:2], ord=2, axis=(-2, -1))
    assert np.all((ratio >= 1) & (ratio < 1.3))
    assert norm_bound(matrices)[2] == 0
