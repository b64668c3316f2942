"""Least times: closed forms, what a search reaches, and what holds along a drive."""

import numpy as np
import pytest
from scipy.optimize import minimize

import anticrossing as ac
from anticrossing._core.checks import InputError
from anticrossing.control import StateTarget, minimum_time, optimal_drive, speed_limit

H = ac.models.LandauZener(gap=1.0)
FLIP = StateTarget([1, 0], [0, 1])


def hegerfeldt(gap, x):
    """Between the ground states at −x and x: (1/ω) arccos(Σ_k |⟨i|k⟩⟨k|f⟩|), 2ω the gap.

    The sum is sin θ with tan θ = gap/x, so the arccosine is π/2 − θ, without cancellation.
    """
    return 2 / gap * np.arctan2(x, gap)


@pytest.mark.parametrize("x", [1e-6, 0.3, 5.0, 1e6])
@pytest.mark.parametrize("gap", [1e-6, 1.0, 1e4])
def test_ground_to_ground_state_is_the_closed_form(gap, x):
    H = ac.models.LandauZener(gap=gap)
    found = speed_limit(H, StateTarget(0, 0), start=-x * gap, stop=x * gap)
    assert found.two_level == pytest.approx(hegerfeldt(1, x) / gap, rel=1e-9, abs=1e-15)
    assert found.unbounded == pytest.approx(found.two_level, rel=1e-6, abs=1e-7 / gap)


def test_no_bound_is_above_the_time_and_bounds_only_cost_time():
    free = speed_limit(H, StateTarget(0, 0), start=-3.0, stop=3.0)
    before = np.inf
    for bound in (3.0, 5.0, 20.0, 1e3):
        found = speed_limit(H, StateTarget(0, 0), start=-3.0, stop=3.0, lower=-bound, upper=bound)
        assert free.two_level <= found.two_level <= before
        assert found.spread <= found.two_level
        before = found.two_level
    assert before == pytest.approx(free.two_level, rel=2e-3)


def test_the_axis_of_the_control_does_not_matter():
    turned = ac.Hamiltonian.from_matrix([["0.7", "(x-I)/2"], ["(x+I)/2", "0.7"]])
    found = speed_limit(turned, StateTarget([1, 1], [1, -1]), start=0.0, stop=0.0)
    assert found.two_level == pytest.approx(np.pi, rel=1e-12)


def test_the_state_itself_takes_no_time():
    found = speed_limit(H, StateTarget(0, 0), start=1.0, stop=1.0, lower=-2.0, upper=2.0)
    assert found.least == pytest.approx(0.0, abs=1e-9)


def test_what_is_not_known_is_not_told():
    narrow = speed_limit(H, FLIP, start=0.0, stop=0.0, lower=-0.5, upper=2.0)
    assert narrow.two_level is None
    assert narrow.least > 0
    apart = ac.models.LandauZener(gap=0.0)
    assert speed_limit(apart, StateTarget(0, 0), start=-1.0, stop=1.0).least == np.inf
    still = ac.Hamiltonian.from_matrix([["1", "g"], ["g", "-1"]], parameters={"g": 0.2})
    with pytest.raises(InputError):
        speed_limit(still, FLIP, start=0.0, stop=1.0)


def switched(times, signs, bound, start):
    """The state after fields ±bound or 0 for given times."""
    psi = start
    for time, sign in zip(np.abs(times), signs, strict=True):
        energies, vectors = np.linalg.eigh(H(sign * bound))
        psi = vectors @ (np.exp(-1j * energies * time) * (vectors.conj().T @ psi))
    return psi


@pytest.mark.slow
@pytest.mark.parametrize("bound", [1.0, 2.0])
@pytest.mark.parametrize("levels", [(0, 0), (0, 1)])
def test_no_switched_drive_beats_the_bounded_time(bound, levels):
    target = StateTarget(*levels)
    least = speed_limit(H, target, start=-bound, stop=bound, lower=-bound, upper=bound).two_level
    ends = [np.linalg.eigh(H(x))[1][:, k] for x, k in zip((-bound, bound), levels, strict=True)]
    rng = np.random.default_rng(1)
    best = np.inf
    for signs in ([1, -1, 1], [-1, 1, -1], [1, 0, -1], [-1, 0, 1], [1, 0, 1], [1, -1, 1, -1]):
        for _ in range(12):

            def missed(t, signs=signs):
                return 1 - abs(np.vdot(ends[1], switched(t, signs, bound, ends[0]))) ** 2

            found = minimize(
                lambda t: np.sum(np.abs(t)),
                rng.uniform(0, 2, len(signs)),
                constraints={"type": "eq", "fun": missed},
                method="SLSQP",
            )
            if missed(found.x) < 1e-8:
                best = min(best, np.sum(np.abs(found.x)))
    assert best >= least - 3e-4
    assert best == pytest.approx(least, rel=2e-3)


def test_along_a_drive_both_bounds_hold():
    for rate in (3.0, 30.0):
        drive = ac.drive.Linear(-4, 4, rate=rate)
        found = speed_limit(H, StateTarget(0, 0), start=-4.0, stop=4.0, drive=drive)
        duration = 8 / rate
        assert 0 < found.margolus_levitin <= duration
        assert 0 < found.mandelstam_tamm <= duration
        run = ac.propagate(H, drive, basis="diabatic").propagator
        ground = np.linalg.eigh(H(-4.0))[1][:, 0]
        assert np.cos(found.reached) == pytest.approx(abs(np.vdot(ground, run @ ground)), abs=1e-7)


def test_a_resonant_flip_saturates_mandelstam_and_tamm():
    still = ac.drive.Samples([0.0, np.pi], [0.0, 0.0], interpolation="linear")
    found = speed_limit(H, FLIP, start=0.0, stop=0.0, drive=still)
    assert found.mandelstam_tamm == pytest.approx(np.pi, rel=1e-7)


@pytest.mark.parametrize(
    "change", [{"lower": 1.0}, {"lower": 1.0, "upper": 0.0}, {"target": 3}, {"drive": 1.0}]
)
def test_bad_arguments_are_refused(change):
    given = {"target": FLIP, "start": 0.0, "stop": 0.0, **change}
    with pytest.raises(InputError):
        speed_limit(H, **given)
    with pytest.raises(InputError):
        minimum_time(H, FLIP, longest=2.0, start=0.0, stop=0.0, duration=3.0)
    with pytest.raises(InputError):
        minimum_time(H, FLIP, longest=2.0, start=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("bound", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("levels", [(0, 0), (0, 1)])
def test_the_search_reaches_the_least_time(bound, levels):
    target, goal = StateTarget(*levels), 1e-5
    ends = {"start": -bound, "stop": bound, "lower": -bound, "upper": bound}
    least = speed_limit(H, target, **ends).two_level
    found = minimum_time(
        H, target, longest=1.5 * least, shape="steps", coefficients=32, goal=goal,
        precision=0.01, **ends,
    )  # fmt: skip
    # An infidelity saves an angle of 2√goal, at the speed of the gap.
    assert least - 4 * np.sqrt(goal) <= found.duration <= 1.05 * least


@pytest.mark.slow
def test_the_schedule_of_roland_and_cerf_and_a_faster_one():
    qubits = 10
    search = ac.models.Grover(qubits=qubits)
    schedule = ac.control.local_adiabatic_schedule(
        search, 0.0, 1.0, adiabaticity=0.1, numerator="norm"
    )
    assert schedule.duration == pytest.approx(0.5 * np.pi * np.sqrt(2**qubits) / 0.1, rel=0.05)
    # The optimum between the same bounds: half of both terms for (π/2)·2·√N, or less.
    size = 2**6
    search = ac.models.Grover(qubits=6)
    found = optimal_drive(
        search, StateTarget(0, 0), duration=1.02 * np.pi * np.sqrt(size), start=0.0, stop=1.0,
        lower=0.0, upper=1.0, shape="steps", coefficients=8, goal=1e-3,
    )  # fmt: skip
    assert found.reached
