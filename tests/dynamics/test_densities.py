"""Density matrices followed directly, against a Runge–Kutta solver of its own."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import anticrossing as ac
from anticrossing.dynamics import densities
from tests.effort import slow
from tests.systems import random_hermitian


def affine(levels):
    rng = np.random.default_rng(levels)
    a, b = random_hermitian(rng, levels), random_hermitian(rng, levels)
    return ac.Hamiltonian.affine(a, b), a, b


def runge_kutta(slope, start, stop, rho):
    levels = rho.shape[0]
    solution = solve_ivp(
        lambda t, y: slope(t, y.reshape(levels, levels)).ravel(),
        (start, stop),
        rho.astype(complex).ravel(),
        method="DOP853",
        rtol=1e-12,
        atol=1e-14,
    )
    return solution.y[:, -1].reshape(levels, levels)


def lindblad(a, b, jumps):
    def slope(t, rho):
        h = a + t * b
        change = -1j * (h @ rho - rho @ h)
        for jump in jumps:
            square = jump.conj().T @ jump
            change = change + jump @ rho @ jump.conj().T - 0.5 * (square @ rho + rho @ square)
        return change

    return slope


def dephasing(a, b, rate):
    def slope(t, rho):
        h = a + t * b
        _, vectors = np.linalg.eigh(h)
        inside = vectors.conj().T @ rho @ vectors
        inside = inside - np.diag(np.diag(inside))
        return -1j * (h @ rho - rho @ h) - rate * vectors @ inside @ vectors.conj().T

    return slope


@pytest.mark.quick(2)
@pytest.mark.parametrize("levels", [3, 6, 16, slow(32)])
@pytest.mark.parametrize("kind", ["jumps", "eigenbasis"])
def test_one_state_agrees_with_runge_kutta(levels, kind):
    H, a, b = affine(levels)
    rng = np.random.default_rng(levels + 1)
    jumps = [0.3 * random_hermitian(rng, levels), 0.2 * rng.normal(size=(levels, levels))]
    jump_pair = ac.Lindblad(jumps)
    environment = jump_pair if kind == "jumps" else ac.Dephasing(rate=0.2)
    slope = lindblad(a, b, jumps) if kind == "jumps" else dephasing(a, b, 0.2)
    middle, reach = 0.3, 1.0
    result = ac.propagate(
        H,
        ac.drive.Linear(-reach, reach, 1.0),
        environment=environment,
        initial=1,
        times=[middle],
        whole=False,
    )
    vector = np.linalg.eigh(a - reach * b)[1][:, 1]
    start = np.outer(vector, vector.conj())
    half_way = runge_kutta(slope, -reach, middle, start)
    end = runge_kutta(slope, middle, reach, half_way)
    assert result.method == "density matrices"
    assert np.max(np.abs(result.density_matrices[0] - half_way)) < 1e-10
    assert np.max(np.abs(result.density_matrix - end)) < min(1e-10, result.error_estimate + 1e-11)
    levels_at_end = np.linalg.eigh(a + reach * b)[1]
    seen = np.einsum("ia,ij,ja->a", levels_at_end.conj(), end, levels_at_end).real
    assert np.allclose(result.probabilities, seen, atol=1e-10)


def test_what_was_not_asked_is_not_there():
    H, _, _ = affine(3)
    sweep, environment = ac.drive.Linear(-1, 1, 1.0), ac.Dephasing(rate=0.2)
    whole = ac.propagate(H, sweep, environment=environment)
    for rate, method in ((1.0, "density matrices"), (1e-5, "superadiabatic panels")):
        one = ac.propagate(
            H, ac.drive.Linear(-1, 1, rate), environment=environment, initial=2, whole=False
        )
        assert one.method == method
        assert one.superoperator is None
        assert not one.is_unitary
        assert one.transition_matrix is None
        with pytest.raises(ac.InputError, match="one state alone"):
            one.choi_eigenvalues()
    fast = ac.propagate(H, sweep, environment=environment, initial=2, whole=False)
    assert np.allclose(fast.probabilities, whole.transition_matrix[:, 2], atol=1e-11)
    assert "superoperator" not in fast.variables()


@pytest.mark.quick(2)
@pytest.mark.parametrize("states", ["level", "vector", "matrix"])
def test_both_methods_agree_on_every_kind_of_state(states, monkeypatch):
    H, _, _ = affine(3)
    rng = np.random.default_rng(0)
    vector = rng.normal(size=3) + 1j * rng.normal(size=3)
    vector /= np.linalg.norm(vector)
    rho = 0.5 * np.outer(vector, vector.conj()) + 0.5 * np.eye(3) / 3
    initial = {"level": 1, "vector": vector, "matrix": rho}[states]
    environment = ac.ThermalRelaxation(temperature=0.5, t1=4.0) + ac.FixedAxisDephasing(
        np.array([0.1, 0.5]), random_hermitian(rng, 3)
    )

    def solve(cheaper, whole):
        monkeypatch.setattr(densities, "is_cheaper", lambda *_: cheaper)
        return ac.propagate(
            H,
            ac.drive.Linear(-2, 2, 2.0),
            environment=environment,
            initial=initial,
            times=[-1.0, -0.5, 0.5],
            whole=whole,
        )

    found = [solve(cheaper, whole) for cheaper in (True, False) for whole in (False, True)]
    for result in found[1:]:
        assert np.allclose(result.density_matrices, found[0].density_matrices, atol=1e-11)
        assert np.allclose(result.density_matrix, found[0].density_matrix, atol=1e-11)
    assert [result.method for result in found] == 2 * ["density matrices"] + 2 * [
        "superadiabatic panels"
    ]
    assert np.allclose(found[1].superoperator, found[3].superoperator, atol=1e-11)
    assert np.allclose(found[1].transition_matrix, found[3].transition_matrix, atol=1e-11)


@pytest.mark.parametrize("tolerance", [1e-4, slow(1e-7)])
def test_the_error_estimate_is_a_bound(tolerance):
    # The root of a level that passes zero has no derivative there: the worst that nodes can meet.
    H, a, b = affine(3)

    def slope(t, rho):
        h = a + t * b
        energies, vectors = np.linalg.eigh(h)
        energies = energies - energies.mean()
        root = np.sign(energies) * np.sqrt(np.abs(energies))
        decay = 0.25 * (root[:, None] - root) ** 2
        inside = vectors.conj().T @ rho @ vectors
        return -1j * (h @ rho - rho @ h) - vectors @ (decay * inside) @ vectors.conj().T

    result = ac.propagate(
        H,
        ac.drive.Linear(-4, 5, 1.0),
        environment=ac.Dephasing(gamma=0.5),
        whole=False,
        tolerance=tolerance,
    )
    vector = np.linalg.eigh(H(-4.0))[1][:, 0]
    expected = runge_kutta(slope, -4.0, 5.0, np.outer(vector, vector.conj()))
    error = np.max(np.abs(result.density_matrix - expected))
    assert error < result.error_estimate < 100 * tolerance


def test_a_pulse_between_the_nodes_is_seen():
    H = ac.Hamiltonian.from_matrix([["0.5", "x/2", 0], ["x/2", "-0.5", 0], [0, 0, "2"]])
    pulse = ac.drive.Formula("2.0*exp(-((t - 7.3)/0.05)**2)", 0, 12)
    environment = ac.Dephasing(rate=1e-3)
    found = ac.propagate(H, pulse, environment=environment, whole=False, basis="diabatic")
    assert found.method == "density matrices"
    # Far shorter than 1/gap: a turn by the area of the pulse.
    area = 2.0 * 0.05 * np.sqrt(np.pi)
    assert found.probabilities[1] == pytest.approx(np.sin(area / 2) ** 2, rel=1e-2)


def test_more_levels_than_a_map_allows_are_followed_by_default():
    H, _, _ = affine(14)
    sweep = ac.drive.Linear(-0.3, 0.3, 1.0)
    result = ac.propagate(H, sweep, environment=ac.FixedAxisDephasing(0.2, np.diag(range(14))))
    assert result.method == "density matrices"
    assert result.superoperator is None
    assert np.trace(result.density_matrix).real == pytest.approx(1, abs=1e-12)
    assert np.linalg.eigvalsh(result.density_matrix).min() > -1e-10


def test_what_cannot_be_followed_is_refused_with_numbers():
    H, _, _ = affine(14)
    with pytest.raises(ac.ConvergenceError, match=r"14 levels would need some .* panels"):
        ac.propagate(
            H, ac.drive.Linear(-1, 1, 1e-8), environment=ac.FixedAxisDephasing(0.2, np.eye(14))
        )
    two, sweep = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1, 1, 1.0)
    with pytest.raises(ac.InputError, match="whole"):
        ac.propagate(two, sweep, environment=ac.Dephasing(0.1), whole=1)


@pytest.mark.parametrize("levels", [2, slow(3)])
@pytest.mark.parametrize("kind", ["jumps", slow("eigenbasis")])
def test_many_times_are_read_inside_of_the_steps(levels, kind, monkeypatch):
    rng = np.random.default_rng(levels)
    _, a, b = affine(levels)
    H = ac.Hamiltonian.affine(0.4 * a, 0.4 * b)
    jumps = [0.3 * random_hermitian(rng, levels), 0.2 * rng.normal(size=(levels, levels))]
    environment = ac.Lindblad(jumps) if kind == "jumps" else ac.Dephasing(rate=0.2)
    # The window begins at a requested time, and a kink ends a panel just before another.
    drive = ac.drive.Piecewise([-2.0, 0.3, 2.0], [-2.0, 0.6, 0.0])
    times = np.linspace(-2.0, 2.0, 301)[:-1]
    times[172] = np.nextafter(0.3, 1.0)

    def solve(cheaper, whole):
        monkeypatch.setattr(densities, "is_cheaper", lambda *_: cheaper)
        return ac.propagate(
            H, drive, environment=environment, initial=1, times=times, whole=whole, basis="diabatic"
        )

    by_panels, one, whole = solve(False, True), solve(True, False), solve(True, True)
    for result in (one, whole):
        assert result.method == "density matrices"
        assert result.evaluated_panels < 30 < by_panels.evaluated_panels
        bound = result.error_estimate + by_panels.error_estimate
        assert np.max(np.abs(result.density_matrices - by_panels.density_matrices)) < bound < 1e-8
        assert np.max(np.abs(result.density_matrix - by_panels.density_matrix)) < bound
    assert np.allclose(whole.superoperator, by_panels.superoperator, atol=1e-9)


def test_two_levels_go_by_steps_only_where_times_are_many_and_phases_few():
    H, environment = ac.models.LandauZener(gap=1.0), ac.Lindblad([[[0, 0.1], [0, 0]]])
    methods = []
    for rate, count in ((1.0, 3), (1.0, 200), (1e-4, 200)):
        sweep = ac.drive.Linear(-10, 10, rate)
        times = np.linspace(-10 / rate, 10 / rate, count)
        found = ac.propagate(H, sweep, environment=environment, times=times)
        methods.append(found.method)
        assert found.error_estimate < 1e-9
    assert methods == ["superadiabatic panels", "density matrices", "superadiabatic panels"]


def test_times_in_many_periods_are_read_inside_of_the_steps(monkeypatch):
    drive = ac.drive.Sinusoidal(0.3, 3.0, 1.0, stop_time=600.0)
    times = np.linspace(0.0, 600.0, 400)
    found = []
    for cheaper in (True, False):
        monkeypatch.setattr(densities, "is_cheaper", lambda *_, cheaper=cheaper: cheaper)
        found.append(
            ac.propagate(
                ac.models.LandauZener(gap=0.5),
                drive,
                environment=ac.Lindblad([[[0, 0.1], [0, 0]], [[0.05, 0], [0, -0.05]]]),
                times=times,
            )
        )
    steps, panels = found
    assert steps.method.startswith("density matrices")
    assert panels.method.startswith("superadiabatic panels")
    bound = steps.error_estimate + panels.error_estimate
    assert np.max(np.abs(steps.populations - panels.populations)) < bound < 1e-8
    assert np.max(np.abs(steps.density_matrices - panels.density_matrices)) < bound
