"""Every result of the exact dynamics shows itself, becomes a dataset and a file, and is drawn."""

import numpy as np
import pytest

import anticrossing as ac
from anticrossing.dynamics import (
    GaussianState,
    evolve_fermions,
    floquet,
    interferogram,
    log_probability,
    periodic_steady_state,
    quasi_energies,
)
from tests.result_protocol import check

QUBIT = ac.models.LandauZener(gap=1.0).with_units(ac.Units("GHz", "ns"))
BATCH = ac.models.LandauZener(gap=[0.5, 1.0])
SWEEP = ac.drive.Linear(-20, 20, rate=1.0)
WAVE = ac.drive.Sinusoidal(0.5, 2.0, 1.0)
BATH = ac.ThermalRelaxation(temperature=0.3, t1=10.0) + ac.Dephasing(rate=0.1)


def fermions():
    h = ac.models.DemkovOsherov(levels=[1.0, 2.0], couplings=[0.2, 0.2])
    state = GaussianState.product([1.0, 0.9, 0.8])
    return evolve_fermions(h, ac.drive.Linear(0, 3, rate=1.0), state=state, times=[0, 1.5, 3])


RESULTS = {
    "unitary": lambda: ac.propagate(QUBIT, SWEEP),
    "unitary with times": lambda: ac.propagate(QUBIT, SWEEP, times=[-1.0, 0.0, 1.0]),
    "batch with times": lambda: ac.propagate(BATCH, SWEEP, times=[[-1.0, 0.0], [0.5, 1.0]]),
    "superadiabatic batch": lambda: ac.propagate(BATCH, SWEEP, basis="superadiabatic"),
    "superadiabatic on the way": lambda: ac.propagate(
        BATCH, SWEEP, basis="superadiabatic", order=2, times=[-1.0, 0.0], environment=BATH
    ),
    "open": lambda: ac.propagate(QUBIT, SWEEP, environment=BATH),
    "open batch": lambda: ac.propagate(BATCH, SWEEP, environment=BATH, times=[-1.0, 0.0]),
    "fermions": fermions,
    "floquet": lambda: floquet(QUBIT, WAVE),
    "steady state": lambda: periodic_steady_state(QUBIT, WAVE, BATH, times=[0.0, 1.0]),
    "quasi-energies": lambda: quasi_energies(QUBIT, WAVE, "offset", np.linspace(0.5, 1.5, 9)),
    "interferogram": lambda: interferogram(
        gap=0.2, offset=[1.0, 2.0], amplitude=[[1.0], [2.0], [3.0]], frequency=1.0, t1=50, t2=50
    ),
    "one point": lambda: interferogram(
        gap=0.2, offset=1.0, amplitude=1.0, frequency=1.0, t1=50, t2=50, equilibrium=0.1
    ),
    "logarithm": lambda: log_probability(ac.models.LandauZener(gap=1.0), SWEEP),
}


@pytest.mark.quick(8)
@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_result_shows_itself(make, tmp_path):
    result = make()
    drawable = any(np.ndim(v.values) for v in result.variables().values())
    check(result, tmp_path, drawable=drawable)


def test_a_resonance_shows_itself(tmp_path):
    found = quasi_energies(
        ac.models.LandauZener(gap=0.1), WAVE, "offset", np.linspace(0.5, 1.5, 21)
    )
    check(found.resonances[0], tmp_path)


def test_populations_are_drawn_along_the_times_or_else_as_bars():
    along = ac.propagate(QUBIT, SWEEP, times=[-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(along.plot().lines[0].get_ydata(), along.populations[:, 0])
    final = ac.propagate(QUBIT, SWEEP)
    heights = [bar.get_height() for bar in final.plot().patches]
    np.testing.assert_array_equal(heights, final.probabilities)


def test_what_the_other_kind_of_evolution_has_is_none():
    closed, open_ = ac.propagate(QUBIT, SWEEP), ac.propagate(QUBIT, SWEEP, environment=BATH)
    assert closed.is_unitary
    assert not open_.is_unitary
    assert closed.density_matrix is None
    assert closed.purity is None
    assert open_.propagator is None
    assert open_.states is None
    with pytest.raises(ac.InputError, match="has no superoperator"):
        closed.choi_eigenvalues()


def test_an_interferogram_stands_for_its_populations():
    found = RESULTS["interferogram"]()
    assert found.shape == (3, 2)
    assert len(found) == 3
    np.testing.assert_array_equal(found - 0.5, found.population - 0.5)
    np.testing.assert_array_equal(np.asarray(found)[0], found[0])
    assert float(RESULTS["one point"]()) == RESULTS["one point"]().population
