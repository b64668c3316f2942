"""What long evolutions say before and while they run, and when they are refused."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing import InputError
from anticrossing._core import capacity
from anticrossing.dynamics import panels, plan, state_evolution


def generic(levels, seed=0):
    """Return H without symmetry, of real matrices."""
    matrices = np.random.default_rng(seed).normal(size=(2, levels, levels))
    matrices = (matrices + matrices.swapaxes(1, 2)) / levels**0.5
    return ac.Hamiltonian.from_terms([("1 - x", matrices[0]), ("x", matrices[1])])


def annealing(qubits):
    """Return a chain in a transverse field that gives way to random couplings."""
    rng = np.random.default_rng(2)
    couplings = {(i, i + 1): float(rng.uniform(0.5, 1)) for i in range(qubits - 1)}
    problem = ac.models.ising_problem(rng.uniform(-0.5, 0.5, qubits), couplings)
    return ac.models.Annealing(initial=ac.models.transverse_field_driver(qubits), problem=problem)


def ramp(duration):
    return ac.drive.Linear(0.0, 1.0, rate=1 / duration)


CASES = {
    "two levels": (ac.models.LandauZener(gap=1.0), ac.drive.Linear(-9, 9, rate=1.0), {}),
    "panels": (generic(4), ramp(1e7), {}),
    "doubled steps": (generic(4), ramp(1e4), {}),
    "steps": (generic(8), ramp(10.0), {}),
    "sectors": (ac.models.TransverseIsing(sites=4), ac.drive.Linear(2.0, 0.0, rate=-0.01), {}),
    "one state": (annealing(10), ramp(5.0), {"levels": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_progress_rises_to_the_end_and_changes_nothing(name):
    hamiltonian, drive, settings = CASES[name]
    told = []
    found = ac.propagate(hamiltonian, drive, progress=lambda *at: told.append(at), **settings)
    done = [part for part, _ in told]
    assert done == sorted(set(done))
    assert told[-1] == (1000, 1000)
    silent = ac.propagate(hamiltonian, drive, **settings)
    np.testing.assert_array_equal(found.probabilities, silent.probabilities)
    assert ac.dynamics.estimate(hamiltonian, drive, **settings).method == found.method
    if name == "steps":
        assert done == [1000]  # not the panels on which H is resolved before the steps
    if name == "one state":
        assert len(done) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("method", ["Taylor series", "doubled steps"])
def test_progress_of_many_steps_is_told_while_they_run(method, monkeypatch):
    told, duration = [], 1e5
    if method == "Taylor series":
        monkeypatch.setattr(plan, "_doubled_cost", lambda levels, pieces, turning: turning + np.inf)
        duration = 2000.0
    settings = {"tolerance": 1e-8, "progress": lambda *at: told.append(at[0])}
    found = ac.propagate(generic(64), ramp(duration), **settings)
    assert found.method == method
    assert told == sorted(set(told))
    assert len(told) > 2
    assert told[-1] == 1000


@pytest.mark.slow
def test_progress_of_the_lowest_levels_and_of_crossings():
    told = []
    H = annealing(10)
    settings = {"levels": 2, "method": "lowest"}
    ac.propagate(H, ramp(1e5), progress=lambda *at: told.append(at[0]), **settings)
    assert told == sorted(set(told))
    assert len(told) > 5
    assert told[-1] == 1000
    told.clear()
    ac.find_crossings(H, 0.1, 0.9, count=2, progress=lambda *at: told.append(at[0]))
    assert told == sorted(set(told))
    assert len(told) > 10
    assert told[-1] == 1000


def refused(monkeypatch):
    """Make any work an error of its own."""

    def work(*_, **__):
        raise AssertionError("work was begun")

    monkeypatch.setattr(panels, "solve", work)
    monkeypatch.setattr(state_evolution.Problem, "solve", work)


def test_long_work_is_refused_with_numbers_before_it_begins(monkeypatch):
    refused(monkeypatch)
    H = generic(600)
    with pytest.raises(InputError, match=r"hours: `whole=False` follows one state in about 0\.\d"):
        ac.propagate(H, ramp(1e6))
    with pytest.raises(InputError, match="1e-09: superadiabatic panels would take"):
        ac.propagate(generic(4), ramp(1e7), most_hours=1e-9)
    with pytest.raises(InputError, match=r"products of H .* method='lowest'"):
        ac.propagate(annealing(10), ramp(1e12), method="direct")
    with pytest.raises(AssertionError, match="begun"):
        ac.propagate(annealing(10), ramp(1e12), method="direct", most_hours=1e12)


def test_what_does_not_fit_into_memory_is_refused_with_numbers(monkeypatch):
    refused(monkeypatch)
    with pytest.raises(InputError, match=r"fit into three quarters of the .* GiB"):
        ac.propagate(annealing(10), ramp(5.0), times=np.linspace(0, 5, 3_000_000))
    monkeypatch.setattr(capacity, "total", lambda: 1e6)
    with pytest.raises(InputError, match="GiB"):
        ac.propagate(generic(120), ramp(1e9))


def test_an_estimate_names_what_the_whole_costs_and_one_state():
    H = generic(64)
    whole, one = (ac.dynamics.estimate(H, ramp(30.0), whole=w) for w in (True, False))
    assert one.method == "Taylor series"
    assert one.seconds < whole.seconds
    assert one.memory < whole.memory
    slow, slower = (ac.dynamics.estimate(H, ramp(t)) for t in (1e6, 1e9))
    assert slow.seconds == slower.seconds
    assert slow.method == "superadiabatic panels"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"progress": 3}, "`progress` must be true, false or a function"),
        ({"progress": None}, "`progress` must"),
        ({"most_hours": -1.0}, "`most_hours` must"),
        ({"most_hours": np.nan}, "`most_hours` must"),
        ({"most_hours": "day"}, "`most_hours` must"),
    ],
)
def test_bad_input_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        ac.propagate(generic(3), ramp(1.0), **settings)


def test_an_estimate_refuses_what_the_evolution_does():
    with pytest.raises(InputError, match="`method` must be one of"):
        ac.dynamics.estimate(annealing(10), ramp(1.0), method="quick")
    with pytest.raises(InputError, match="`levels` must be given for a large sparse"):
        ac.dynamics.estimate(generic(4), ramp(1.0), levels=2)
    with pytest.raises(InputError, match="`drive` must"):
        ac.dynamics.estimate(generic(4), 3.0)


@pytest.mark.parametrize("levels", [1, 4])
def test_reading_the_lowest_levels_is_counted(levels, monkeypatch):
    """Each reading takes products with H of its own, about as many as the estimate says."""
    H, sweep, times = annealing(10), ramp(5.0), np.linspace(0.5, 4.5, 3)
    counted = []

    def counting(operator, *arguments):
        class Counted(type(operator)):
            def _matvec(self, vector):
                counted.append(vector.size // 1024)
                return super()._matvec(vector)

        operator.__class__ = Counted
        return lowest(operator, *arguments)

    lowest = state_evolution.lowest_with_copies
    monkeypatch.setattr(state_evolution, "lowest_with_copies", counting)
    ac.propagate(H, sweep, levels=levels, times=times)
    each = state_evolution._PRODUCTS_PER_READING + state_evolution._PRODUCTS_PER_LEVEL * levels
    assert each / 3 < sum(counted) / 5 < each * 3
    some, more = (ac.dynamics.estimate(H, sweep, levels=levels, times=t) for t in (None, times))
    work = state_evolution.SparseHamiltonian(H).work * state_evolution._SECONDS_PER_PRODUCT
    reading = (some.seconds - some.work * work) / 2  # at both ends, and then at three times
    assert more.work == some.work
    assert reading > each * work
    assert more.seconds - some.seconds == pytest.approx(3 * reading, rel=1e-9)


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("rate", [10.0, 0.01, 1e-6])
def test_the_method_of_one_straight_line(levels, rate):
    sweep = ac.drive.Linear(0, 1, rate=rate)
    for whole in (True, False):
        found = ac.propagate(generic(levels), sweep, whole=whole)
        assert ac.dynamics.estimate(generic(levels), sweep, whole=whole).method == found.method
