"""Objects do not change, arguments are copied, and a call leaves the process as it was."""

import asyncio
import contextlib
import copy
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import pytest
import threadpoolctl

import anticrossing as ac
from anticrossing import studies
from anticrossing.dynamics.gaussian import GaussianState
from anticrossing.geometry import AdiabaticData, Gauge, block_diagonalize
from anticrossing.thermodynamics import (
    DrivenLevel,
    LandauZenerChain,
    MarkovChain,
    Reservoir,
    SequentialCrossings,
    golden_rule_occupations,
)

SWEEP = ac.drive.Linear(-20, 20, rate=0.5)
CHAIN = LandauZenerChain(
    energies=[1.0, 2.0],
    couplings=0.2,
    speeds=1.0,
    temperature=1 / 1.2,
    chemical_potential=3.0,
    start=0.0,
    stop=10.0,
)


DRIVEN = ac.drive.Sinusoidal(offset=0.0, amplitude=2.0, frequency=1.5)
X = np.linspace(-4, 4, 21)


def blas_threads():
    pools = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]


def big():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(5, 5))
    return ac.Hamiltonian.affine(0.3 * (matrix + matrix.T), np.diag(rng.normal(size=5)))


def test_arrays_that_are_given_are_copied():
    gap = np.array([0.5, 1.0])
    matrix = np.array([[0.0, 0.1], [0.1, 0.0]])
    times, values = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0])
    axis, rate = np.diag([1.0, -1.0]), np.array([0.1, 0.2])
    hamiltonian = ac.models.LandauZener(gap=gap)
    affine = ac.Hamiltonian.affine(matrix, np.diag([1.0, -1.0]))
    drive = ac.drive.Piecewise(times, values)
    operator = np.array([[0.0, 1.0], [0.0, 0.0]])
    lindblad = ac.environment.Lindblad([operator])
    dephasing = ac.environment.FixedAxisDephasing(rate, axis)
    relaxation = ac.environment.ThermalRelaxation(temperature=1.0, t1=9.0, operator=axis)
    before = [hamiltonian(0.3), affine(0.3), drive([0.5, 1.5])]
    for given in (gap, matrix, times, values, axis, rate, operator):
        given[...] = 7.0
    after = [hamiltonian(0.3), affine(0.3), drive([0.5, 1.5])]
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(lindblad.terms[0][1], [[0, 1], [0, 0]])
    assert np.array_equal(dephasing.axis, np.diag([1, -1]))
    assert np.array_equal(relaxation.operator, np.diag([1, -1]))
    assert np.array_equal(dephasing.strength.values, [0.1, 0.2])


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (ac.models.LandauZener(gap=1.0), "units"),
        (ac.models.LandauZener(gap=1.0), "parameters"),
        (big(), "matrices"),
        (ac.Hamiltonian.from_function(lambda x: np.diag([x, -x])), "function"),
        (SWEEP, "start_time"),
        (ac.drive.Piecewise([0, 1], [0, 1]), "values"),
        (ac.environment.Dephasing(0.1), "strength"),
        (ac.environment.Lindblad([np.eye(2)]), "terms"),
        (ac.environment.ThermalRelaxation(temperature=1.0, t1=3.0), "t1"),
    ],
)
def test_objects_do_not_change(thing, name):
    with pytest.raises(AttributeError, match=name):
        setattr(thing, name, None)
    with pytest.raises(AttributeError, match=name):
        delattr(thing, name)


def test_what_objects_hold_cannot_be_written_to():
    hamiltonian = ac.models.LandauZener(gap=[0.5, 1.0])
    with pytest.raises(TypeError):
        hamiltonian.parameters["gap"] = 3.0
    with pytest.raises(ValueError, match="read-only"):
        hamiltonian.parameters["gap"][0] = 3.0
    with pytest.raises(ValueError, match="read-only"):
        big().matrices[0][0, 0] = 3.0
    with pytest.raises(ValueError, match="read-only"):
        ac.drive.Piecewise([0, 1], [0, 1]).values[0] = 3.0


@pytest.mark.parametrize(
    "thing",
    [
        ac.models.LandauZener(gap=1.0),
        ac.models.LandauZener(gap=1.0).replace(gap=2.0),
        SWEEP,
        ac.drive.Piecewise([0, 1], [0, 1]),
        ac.environment.Dephasing(0.1) + ac.environment.Dephasing(0.2),
        ac.environment.spectral_density.Debye(reorganization_energy=1.0, relaxation_rate=1.0),
        ac.molecules.trajectories.Fixed(position=-10.0, momentum=20.0),
        ac.formulas.landau_zener(gap=[1.0, 2.0], sweep_rate=1.0),
        GaussianState.product([1.0, 0.25]),
        CHAIN,
        CHAIN.backward(),
        MarkovChain(
            energies=[[0.0, 0.0], [0.0, 1.0]],
            reservoirs=[Reservoir(1.0)],
            transition_matrices=[[[0.75, 0.25], [0.25, 0.75]]],
        ),
    ],
)
@pytest.mark.parametrize(
    "copied", [lambda x: x, copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_objects_take_no_new_attributes(thing, copied):
    with pytest.raises(AttributeError):
        copied(thing).remark = "mine"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ac.drive.Formula("t", -1, 1, breakpoints=[0.0]).breakpoints,
        lambda: ac.drive.Piecewise([0, 1, 2], [0, 1, 0]).breakpoints,
        lambda: (
            ac.environment.spectral_density.Discrete(
                frequencies=[1.0], huang_rhys=[0.1]
            ).frequencies
        ),
        lambda: (
            ac.molecules.trajectories.Fixed(position=[-10.0, 0.0], momentum=[20.0, 0.0]).position
        ),
        lambda: ac.formulas.landau_zener(gap=[1.0, 2.0], sweep_rate=1.0).value,
        lambda: ac.formulas.finite_window(gap=1.0, sweep_rate=1.0, start=-1, stop=1).propagator,
        lambda: ac.propagate(ac.models.LandauZener(gap=1.0), SWEEP).propagator,
    ],
)
def test_arrays_of_results_cannot_be_written_to(make):
    array = make()
    with pytest.raises(ValueError, match="read-only"):
        array[...] = 0.0


def writable(thing, path="", seen=None):
    """Where an object can be changed: arrays, dictionaries and lists in it, attributes of it."""
    seen = {} if seen is None else seen
    if id(thing) in seen:
        return []
    seen[id(thing)] = thing  # kept, so that no other takes its place
    if isinstance(thing, np.ndarray):
        return [path] * thing.flags.writeable
    if isinstance(thing, (dict, list)):
        return [path]
    if isinstance(thing, tuple):
        parts = {f"{path}[{k}]": part for k, part in enumerate(thing)}
    elif isinstance(thing, MappingProxyType):
        parts = {f"{path}[{key!r}]": part for key, part in thing.items()}
    elif type(thing).__module__.startswith("anticrossing") and hasattr(thing, "__dict__"):
        public = [name for name in vars(thing) if name[0] != "_"]
        parts = {f"{path}.{name}": vars(thing)[name] for name in public}
        with contextlib.suppress(AttributeError):
            thing.remark = "mine"
            return [f"{path}.remark"]
    else:
        return []
    return [found for where, part in parts.items() for found in writable(part, where, seen)]


def floquet():
    found = ac.dynamics.floquet(ac.models.LandauZener(gap=1.0), DRIVEN)
    assert found.mean_energies.size
    return found


def driven_level():
    found = DrivenLevel(
        levels=range(1, 5),
        couplings=0.2,
        temperature=1 / 1.2,
        chemical_potential=3.0,
        start=0.0,
        stop=5.0,
        rate=1.0,
    )
    assert found.propagator.size
    assert found.run(1.0).occupations.size
    return found


def adiabatic_data(x=X):
    energy, coupling = np.sqrt(X**2 + 0.25), 0.25 / (X**2 + 0.25)
    return AdiabaticData(
        x,
        np.stack((-energy, energy), axis=-1),
        couplings=coupling[:, None, None] * np.array([[0, 1], [-1, 0]]),
    )


def outcome(name):
    return studies.run(studies.load(f"examples/{name}.toml"))


def ensemble():
    return ac.molecules.trajectories.run_trajectories(
        ac.models.TullySimple(),
        masses=2000.0,
        initial=ac.molecules.trajectories.Fixed(position=-10.0, momentum=20.0),
        step=4.0,
        steps=50,
        count=4,
        seed=1,
        box=(-15.0, 15.0),
    )


RESULTS = {
    "propagation": lambda: ac.propagate(ac.models.LandauZener(gap=1.0), SWEEP, times=[0.0, 1.0]),
    "open": lambda: ac.propagate(
        ac.models.LandauZener(gap=1.0), SWEEP, environment=ac.environment.Dephasing(0.1)
    ),
    "floquet": floquet,
    "quasi-energies": lambda: ac.dynamics.quasi_energies(
        ac.models.LandauZener(gap=1.0), DRIVEN, "gap", [0.5, 0.6, 0.7]
    ),
    "sectors": lambda: ac.spectrum.sectors(ac.models.SpinInField(spin=1, transverse_field=0.0)),
    "counterdiabatic": lambda: ac.control.counterdiabatic(ac.models.LandauZener(gap=1.0), SWEEP),
    "driven level": driven_level,
    "its chain": lambda: driven_level().chain,
    "its ledger": lambda: driven_level().run(1.0),
    "crossings in sequence": lambda: SequentialCrossings(
        times=[0.0, 10.0],
        system_energies=[[0.0, 10.0]],
        reservoir_energies=[5.0],
        couplings=0.2,
        temperature=1 / 1.2,
        chemical_potential=3.0,
    ),
    "fit": lambda: ac.fits.fit_passages(ac.fits.synthetic_passages(gap=0.8, error=0.01, seed=1)),
    "measurement": lambda: ac.fits.synthetic_passages(gap=0.8, error=0.01, seed=1),
    "diabatization": lambda: adiabatic_data().diabatize(),
    "gauge": lambda: Gauge([0.0, np.pi / 2]),
    "file": lambda: studies.load("examples/flux_qubit.toml"),
    "outcome of a driven level": lambda: outcome("driven_level"),
    "outcome of rates": lambda: outcome("marcus_rates"),
    "ensemble": ensemble,
}
COPIES = [lambda x: x, copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_nothing_in_results_and_their_copies_can_be_changed(make):
    result = make()
    for copied in COPIES:
        assert writable(copied(result)) == []
    assert result == result
    assert (result == copy.deepcopy(result)) in (True, False)
    assert hash(result) == hash(result)


@pytest.mark.parametrize(
    "array_of",
    [
        lambda given: adiabatic_data(given).x,
        lambda given: Gauge(given).phases,
        lambda given: ac.fits.Measurement({"x": given}, np.full(21, 0.5)).coordinates["x"],
        lambda given: block_diagonalize(ac.models.LandauZener(gap=1.0), given, np.eye(2)).points,
        lambda given: (
            golden_rule_occupations(
                given, position=lambda t: t, rate=0.25, temperature=1 / 1.2, chemical_potential=3.0
            ).times
        ),
    ],
)
def test_results_do_not_follow_what_was_given(array_of):
    given = X.copy()
    array = array_of(given)
    given += 1.0
    assert np.array_equal(array, X)


def test_the_tables_of_a_file_do_not_change():
    study = studies.load("examples/flux_qubit.toml")
    with pytest.raises(TypeError):
        study.tables["hamiltonian"]["gap"] = 5.0


def test_lists_that_are_given_become_tuples():
    assert isinstance(ac.environment.Lindblad([np.eye(2)]).terms, tuple)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_are_the_same(copied):
    hamiltonian = copied(ac.models.LandauZener(gap=[0.5, 1.0]))
    drive, environment = copied(SWEEP), copied(ac.environment.FixedAxisDephasing("0.1+x**2/1e4"))
    assert hamiltonian.replace(gap=2.0)(0.0)[0, 1] == 1.0
    first = ac.propagate(hamiltonian, drive, environment=environment).transition_matrix
    again = ac.propagate(
        ac.models.LandauZener(gap=[0.5, 1.0]),
        SWEEP,
        environment=ac.environment.FixedAxisDephasing("0.1+x**2/1e4"),
    ).transition_matrix
    assert np.array_equal(first, again)


def test_threads_leave_the_process_as_it_was():
    hamiltonian = big()
    alone = ac.propagate(hamiltonian, SWEEP).propagator
    before = blas_threads()
    with ThreadPoolExecutor(6) as pool:
        tasks = [pool.submit(ac.propagate, hamiltonian, SWEEP) for _ in range(12)]
        tasks += [pool.submit(ac.find_crossings, hamiltonian, -5, 5) for _ in range(4)]
        together = [task.result() for task in tasks]
    assert blas_threads() == before
    for result in together[:12]:
        assert np.array_equal(result.propagator, alone)

    async def several():
        return await asyncio.gather(
            *(asyncio.to_thread(ac.propagate, hamiltonian, SWEEP) for _ in range(4))
        )

    for result in asyncio.run(several()):
        assert np.array_equal(result.propagator, alone)
    assert blas_threads() == before


def test_the_last_thread_out_restores_what_the_first_one_in_found():
    from anticrossing._core.threads import one_thread

    before = blas_threads()
    entered, leave = threading.Event(), threading.Event()

    def first():
        with one_thread:
            entered.set()
            leave.wait(10)

    for _ in range(5):
        entered.clear()
        leave.clear()
        other = threading.Thread(target=first)
        other.start()
        entered.wait(10)
        with one_thread:
            leave.set()
            other.join()
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_an_error_leaves_the_process_as_it_was():
    before = blas_threads()
    noisy = np.random.default_rng(0)

    def noise(x):
        return np.diag([x, -x]) + 1e-3 * noisy.normal()

    with pytest.raises(ac.AnticrossingError):
        ac.propagate(ac.Hamiltonian.from_matrix([["1/x", 0], [0, 1]]), SWEEP)
    with pytest.raises(ac.AnticrossingError):
        ac.propagate(ac.Hamiltonian.from_function(lambda x: noise(x) * np.nan), SWEEP)
    assert blas_threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_is_forked_within_begins_anew():
    from anticrossing._core.threads import one_thread

    before = blas_threads()
    with one_thread:
        child = os.fork()
        if child == 0:
            with one_thread:
                pass
            os._exit(0 if blas_threads() == before else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert blas_threads() == before
