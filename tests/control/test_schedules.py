"""Local adiabatic schedules against closed forms of the path, the run time and the error."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import anticrossing as ac
from anticrossing.control import local_adiabatic_schedule
from tests.effort import cases


def exact_error(epsilon, turn):
    """Two levels whose mixing angle turns by `turn` at the constant ratio θ̇ = 2ε gap."""
    fast = np.sqrt(1 + 4 * epsilon**2)
    return (4 * epsilon**2 / fast**2) * np.sin(fast * turn / (4 * epsilon)) ** 2


@pytest.mark.parametrize("qubits", [2, 6, 10, 20])
def test_search_by_roland_and_cerf(qubits):
    count, epsilon = 2**qubits, 0.1
    root = np.sqrt(count - 1)
    schedule = local_adiabatic_schedule(
        ac.models.Grover(qubits=qubits), 0, 1, adiabaticity=epsilon, numerator="norm"
    )
    run_time = np.sqrt(count) / epsilon * np.arctan(root)
    # rounding of the gap 1/√N is that of levels of order 1
    accuracy = 1e-13 * np.sqrt(count)
    assert schedule.duration == pytest.approx(run_time, rel=accuracy)
    if qubits == 20:
        assert schedule.duration == pytest.approx(np.pi * np.sqrt(count) / (2 * epsilon), rel=1e-3)
    x = np.linspace(0, 1, 41)
    # t(x) = ½ √N/ε [arctan(√(N−1)(2x−1)) + arctan √(N−1)], and its inverse
    times = np.sqrt(count) / (2 * epsilon) * (np.arctan(root * (2 * x - 1)) + np.arctan(root))
    inside = np.clip(times, 0, schedule.duration)
    assert np.max(np.abs(schedule(inside) - x)) < 1e-12 * count
    t = np.linspace(0, schedule.duration, 77)
    angle = 2 * epsilon * t / np.sqrt(count) - np.arctan(root)
    expected = 0.5 * (1 + np.tan(angle) / root)
    assert np.max(np.abs(schedule(t) - expected)) < 1e-12 * np.sqrt(count)


@pytest.mark.quick(2)
@pytest.mark.parametrize("epsilon", [0.01, 0.05, 0.2, 1.0])
def test_search_jumps_with_the_exact_probability(epsilon):
    h = ac.models.Grover(qubits=8)
    schedule = local_adiabatic_schedule(h, 0, 1, adiabaticity=epsilon)
    turn = np.pi - 2 * np.arctan(1 / np.sqrt(255))  # between start and marked item, doubled
    run = ac.propagate(h, schedule, tolerance=1e-12)
    assert run.transition_matrix[1, 0] == pytest.approx(exact_error(epsilon, turn), abs=1e-11)


def test_a_search_among_a_trillion_items():
    h = ac.models.Grover(qubits=40)  # smallest gap 1e-6
    schedule = local_adiabatic_schedule(h, 0, 1, error=1e-3)
    turn = np.pi - 2 * np.arctan(2.0**-20)
    run = ac.propagate(h, schedule)
    expected = exact_error(schedule.adiabaticity, turn)
    assert run.transition_matrix[1, 0] == pytest.approx(expected, abs=1e-10)


def test_landau_zener_in_closed_form():
    gap, epsilon = 0.3, 0.05
    h = ac.models.LandauZener(gap=gap)
    schedule = local_adiabatic_schedule(h, -4.0, 9.0, adiabaticity=epsilon)

    def time(x):  # ∫ g/2(x² + g²)^{3/2} dx / ε
        return x / (2 * gap * np.hypot(x, gap)) / epsilon

    x = np.linspace(-4, 9, 53)
    assert schedule.duration == pytest.approx(time(9.0) - time(-4.0), rel=1e-12)
    assert np.max(np.abs(time(schedule(time(x) - time(-4.0))) - time(x))) < 1e-10
    t = np.linspace(0, schedule.duration, 23)
    position = schedule(t)
    assert np.allclose(
        schedule.velocity(t), 2 * epsilon * (position**2 + gap**2) ** 1.5 / gap, rtol=1e-9
    )
    turn = np.arctan2(gap, -4.0) - np.arctan2(gap, 9.0)
    run = ac.propagate(h, schedule, tolerance=1e-12)
    assert run.transition_matrix[1, 0] == pytest.approx(exact_error(epsilon, turn), abs=1e-11)


@cases(25)
@given(error=st.floats(1e-6, 0.5), gap=st.floats(0.05, 2.0))
def test_the_error_asked_for_is_never_exceeded(error, gap):
    h = ac.models.LandauZener(gap=gap)
    schedule = local_adiabatic_schedule(h, -3.0, 3.0, error=error)
    run = ac.propagate(h, schedule, tolerance=1e-12)
    assert run.transition_matrix[1, 0] <= error * (1 + 1e-6) + 1e-11


def test_the_error_asked_for_is_reached():
    # a spin in a field that turns at a constant rate: P = p sin²(…), p = 4ε²/(1 + 4ε²)
    h = ac.models.LandauZener(gap=0.5)
    schedule = local_adiabatic_schedule(h, -3.0, 3.0, error=0.4)
    times = np.linspace(0, schedule.duration, 400)
    run = ac.propagate(h, schedule, times=times)
    assert run.populations[:, 1].max() == pytest.approx(0.4, rel=1e-3)
    assert 4 * schedule.adiabaticity**2 == pytest.approx(0.4 / 0.6, rel=1e-12)


def test_direction_and_duration():
    h = ac.models.LandauZener(gap=0.5)
    up = local_adiabatic_schedule(h, -2.0, 5.0, duration=12.5)
    down = local_adiabatic_schedule(h, 5.0, -2.0, duration=12.5)
    assert up.duration == pytest.approx(12.5, rel=1e-14)
    assert up.adiabaticity == pytest.approx(down.adiabaticity, rel=1e-12)
    t = np.linspace(0, 12.5, 31)
    assert np.allclose(up(t), down(12.5 - t), atol=1e-11)
    assert (float(up(0.0)), float(up(up.duration))) == (-2.0, 5.0)
    assert np.all(up.velocity(t) > 0)
    assert np.all(down.velocity(t) < 0)
    assert up.breakpoints.size == 0
    assert "duration=12.5" in repr(up)


def test_whole_and_reduced_search_agree():
    """The other N − 2 levels are crossed or degenerate: they have sectors of their own."""
    for numerator in ("matrix_element", "norm"):
        whole, reduced = (
            local_adiabatic_schedule(
                ac.models.Grover(qubits=4, reduced=kind),
                0,
                1,
                adiabaticity=0.2,
                numerator=numerator,
            )
            for kind in (False, True)
        )
        assert whole.duration == pytest.approx(reduced.duration, rel=1e-11)


def test_several_levels_share_one_rule():
    """ε against the definition, and a much smaller error than the straight sweep of equal time."""
    rng = np.random.default_rng(5)
    problem = ac.models.ising_problem(
        rng.normal(size=3), 0.7 * rng.normal(size=(3, 3)) * np.tri(3).T * (1 - np.eye(3))
    )
    h = ac.models.Annealing(initial=ac.models.transverse_field_driver(3), problem=problem)
    schedule = local_adiabatic_schedule(h, 0.0, 1.0, duration=60.0)
    t = np.linspace(1.0, 59.0, 13)
    ratio = []
    for at in t:
        energies, vectors = np.linalg.eigh(h(float(schedule(at))))
        elements = vectors[:, 1:].T @ h.derivative(float(schedule(at))) @ vectors[:, 0]
        ratio.append(
            float(schedule.velocity(at))
            * np.sqrt(np.sum(elements**2 / (energies[1:] - energies[0]) ** 4))
        )
    assert np.allclose(ratio, schedule.adiabaticity, rtol=1e-8)
    local = ac.propagate(h, schedule).probabilities[0]
    straight = ac.propagate(h, ac.drive.Linear(0, 1, rate=1 / 60.0)).probabilities[0]
    assert 1 - local < 0.2 * (1 - straight)
    assert local_adiabatic_schedule(h, 0, 1, adiabaticity=0.1, numerator="norm").duration > (
        local_adiabatic_schedule(h, 0, 1, adiabaticity=0.1).duration
    )


def test_units_enter_the_rate():
    natural = local_adiabatic_schedule(
        ac.models.LandauZener(gap=2 * np.pi), -1, 1, adiabaticity=0.1
    )
    h = ac.Hamiltonian.from_matrix(
        [["x/4/pi", "1/2"], ["1/2", "-x/4/pi"]], units=ac.Units("GHz", "ns")
    )
    assert local_adiabatic_schedule(h, -1, 1, adiabaticity=0.1).duration == pytest.approx(
        natural.duration, rel=1e-9
    )


@pytest.mark.slow
def test_schedules_can_be_counterdiabatic_too():
    from anticrossing.control import counterdiabatic

    h = ac.models.Grover(qubits=6)
    schedule = local_adiabatic_schedule(h, 0, 1, adiabaticity=5.0)
    assert np.all(counterdiabatic(h, schedule).fidelity() > 1 - 1e-10)


def test_bad_arguments():
    h = ac.models.LandauZener(gap=1.0)
    for options, text in (
        ({}, "but none is"),
        ({"error": 0.1, "duration": 3.0}, "error, duration are"),
        ({"error": 1.0}, "`error` must be below 1"),
        ({"duration": -1.0}, "`duration` must be positive"),
        ({"adiabaticity": np.nan}, "finite"),
        ({"error": 0.1, "numerator": "norm"}, "only be a bound"),
        ({"adiabaticity": 0.1, "numerator": "exact"}, "numerator"),
        ({"adiabaticity": 0.1, "level": 2}, "`level` must be a level from 0 to 1"),
    ):
        with pytest.raises(ac.InputError, match=text):
            local_adiabatic_schedule(h, -1, 1, **options)
    with pytest.raises(ac.InputError, match="differ from `start`"):
        local_adiabatic_schedule(h, 1, 1, adiabaticity=0.1)
    with pytest.raises(ac.InputError, match="sector of its own"):
        local_adiabatic_schedule(
            ac.models.SpinInField(spin=1, transverse_field=0.0), -1, 1, adiabaticity=0.1
        )
    with pytest.raises(ac.ConvergenceError, match="matrix element vanishes"):
        local_adiabatic_schedule(
            ac.Hamiltonian.from_matrix([["x**2 + 1", 1], [1, "-x**2 - 1"]]), -1, 1, adiabaticity=0.1
        )
    schedule = local_adiabatic_schedule(h, -1, 1, adiabaticity=0.1)
    with pytest.raises(ac.InputError, match="complex times"):
        schedule(1j)


@pytest.mark.parametrize("numerator", ["norm", "matrix_element"])
def test_energies_common_to_all_levels_change_no_schedule(numerator):
    bare = [["x", 0.3, 0.1], [0.3, "-x", 0.2], [0.1, 0.2, 0.5]]
    moved = [[f"{entry} + 3*x + x**2" if i == j else entry for j, entry in enumerate(row)]
             for i, row in enumerate(bare)]  # fmt: skip
    one, other = (
        local_adiabatic_schedule(
            ac.Hamiltonian.from_matrix(matrix), -1.0, 1.5, adiabaticity=0.1, numerator=numerator
        )
        for matrix in (bare, moved)
    )
    assert other.duration == pytest.approx(one.duration, rel=1e-9)
    t = np.linspace(0, one.duration, 21)
    assert np.max(np.abs(one(t) - other(t))) < 1e-8


@pytest.mark.slow
def test_of_many_levels_the_space_of_the_followed_one_is_enough() -> None:
    """The full search among 300 items: (√N/ε) arctan √(N − 1), Roland and Cerf's eq. (19)."""
    even, marked = np.full(300, 300**-0.5), np.eye(300)[3]
    first, last = (np.eye(300) - np.outer(v, v) for v in (even, marked))
    search = ac.Hamiltonian.affine(first, last - first)
    schedule = local_adiabatic_schedule(search, 0, 1, adiabaticity=0.1, numerator="norm")
    assert schedule.duration == pytest.approx(300**0.5 / 0.1 * np.arctan(299**0.5), rel=1e-11)
    with pytest.raises(ac.InputError, match="meet near x = 0:"):
        local_adiabatic_schedule(search, 0, 1, adiabaticity=0.1, level=7)  # one of 299


def annealed(qubits, seed=3):
    rng = np.random.default_rng(seed)
    problem = ac.models.ising_problem(
        rng.normal(size=qubits), {(k, k + 1): float(rng.normal()) for k in range(qubits - 1)}
    )
    return ac.models.Annealing(initial=ac.models.transverse_field_driver(qubits), problem=problem)


@pytest.mark.slow
def test_the_lowest_levels_bound_the_schedule_from_below():
    H = annealed(7)
    exact = local_adiabatic_schedule(H, 0.0, 0.95, adiabaticity=0.1)
    before = np.inf
    for levels in (2, 4, 16):
        found = local_adiabatic_schedule(H, 0.0, 0.95, adiabaticity=0.1, levels=levels)
        assert exact.duration * (1 - 1e-7) <= found.duration <= before
        before = found.duration
    assert before == pytest.approx(exact.duration, rel=0.02)


@pytest.mark.slow
def test_a_large_annealer_is_scheduled_and_follows():
    H = annealed(10)
    found = local_adiabatic_schedule(H, 0.0, 1.0, duration=150.0, levels=4)
    straight = ac.drive.Linear(0.0, 1.0, rate=1 / 150)
    lost = [
        1 - float(ac.propagate(H, d, levels=4, tolerance=1e-8).probabilities[0])
        for d in (found, straight)
    ]
    assert lost[0] < 0.2 * lost[1]


@pytest.mark.parametrize(
    "options", [{"levels": 1}, {"levels": 2, "level": 1}, {"levels": 2, "numerator": "norm"}]
)
def test_lowest_levels_refuse_what_they_cannot_do(options):
    with pytest.raises(ac.InputError):
        local_adiabatic_schedule(ac.models.Grover(qubits=3), 0.0, 1.0, adiabaticity=0.1, **options)
