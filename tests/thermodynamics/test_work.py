"""The driven level of the reference file, all schemes, and the front class for any statistics."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import expit, log_expit

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics.atoms import AtomicStatistics
from anticrossing.thermodynamics.chain import LandauZenerChain
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.enumeration import enumerate_transitions
from anticrossing.thermodynamics.work import WorkDistribution
from tests.effort import slow

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference_data" / "driven_level.json").read_text()
)["work"]
BETA, MU, COUPLING = 1.2, 3.0, 0.2
LEVELS = np.arange(1.0, 10.0)


def hamiltonian(t):
    h = np.diag(np.concatenate(([t], LEVELS)))
    h[0, 1:] = h[1:, 0] = COUPLING
    return h


@functools.cache
def propagator():
    """U(10, 0) in the bare modes, by Runge-Kutta at the edge of double precision."""
    size = LEVELS.size + 1

    def slope(t, y):
        return (-1j * hamiltonian(t) @ y.reshape(size, size)).reshape(-1)

    found = solve_ivp(
        slope,
        (0.0, 10.0),
        np.eye(size, dtype=complex).reshape(-1),
        "DOP853",
        rtol=1e-13,
        atol=1e-15,
    )
    return found.y[:, -1].reshape(size, size)


def potential(energies):
    return log_expit(BETA * (energies - MU)).sum() / BETA


@functools.cache
def distribution(scheme, direction):
    """A coupled or B decoupled, forwards or backwards."""
    U = propagator()
    first, last = (0.0, 10.0) if direction == "fwd" else (10.0, 0.0)
    W = U if direction == "fwd" else U.T
    if scheme == "A_coupled":
        initial, before = np.linalg.eigh(hamiltonian(first))
        final, after = np.linalg.eigh(hamiltonian(last))
        W = after.T @ W @ before
    else:
        initial, final = (np.concatenate(([t], LEVELS)) for t in (first, last))
    return WorkDistribution(
        TwoPointStatistics(
            propagator=W,
            initial_values=initial,
            final_values=final,
            log_odds=-BETA * (initial - MU),
        ),
        temperature=1 / BETA,
        free_energy_difference=potential(final) - potential(initial),
        description=f"{scheme}, {direction}",
    )


CASES = [(s, d) for s in ("A_coupled", "B_decoupled") for d in ("fwd", "bwd")]


@pytest.mark.parametrize(("scheme", "direction"), CASES)
def test_published_moments_and_relations(scheme, direction):
    work, expected = distribution(scheme, direction), REFERENCE[f"{scheme}_{direction}"]
    assert work.mean == pytest.approx(expected["mean"], abs=1e-10)
    assert work.variance == pytest.approx(expected["var"], abs=1e-9)
    assert work.skewness == pytest.approx(expected["skew"], abs=1e-9)
    assert work.exponential_average == pytest.approx(expected["jarz"], rel=1e-11)
    assert work.free_energy_difference == pytest.approx(expected["dOmega"], rel=1e-12)
    assert work.dissipated_work == pytest.approx(expected["diss"], abs=1e-10)
    assert work.jarzynski_ratio == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("scheme", "direction"), CASES)
def test_published_bins(scheme, direction):
    work, bins = distribution(scheme, direction), REFERENCE[f"{scheme}_{direction}_binned"]
    first, last = min(map(int, bins)), max(map(int, bins))
    # values outside the listed bins have less than 1e-12
    edges = np.arange(first, last + 2) - 0.5
    found = work.probabilities(edges)
    expected = np.array([bins.get(str(k), 0.0) for k in range(first, last + 1)])
    assert found == pytest.approx(expected, abs=1e-9)
    large = expected > 1e-9
    assert found[large] == pytest.approx(expected[large], rel=1e-5)
    assert found.sum() == pytest.approx(1.0, abs=1e-10)


@pytest.mark.parametrize(("scheme", "direction"), CASES)
def test_published_distances_from_the_chain(scheme, direction):
    """Total variation of unit bins, Kolmogorov-Smirnov and Wasserstein distance of the values."""
    work, expected = distribution(scheme, direction), REFERENCE[f"{scheme}_{direction}_dist"]
    pmf = REFERENCE["LZ_forward_pmf" if direction == "fwd" else "LZ_backward_pmf"]
    other = np.array([float(k) for k in pmf]), np.array(list(pmf.values()))
    edges = np.arange(-40, 41) - 0.5
    chain = np.histogram(other[0], edges, weights=other[1])[0]
    variation = 0.5 * np.abs(work.probabilities(edges) - chain).sum()
    assert variation == pytest.approx(expected["TV_unitbin"], abs=1e-9)

    x, p = work.atoms()
    values = np.concatenate((x, other[0]))
    weights = np.concatenate((p, -other[1]))
    order = np.argsort(values, kind="stable")
    values, gap = values[order], np.cumsum(weights[order])
    apart = np.append(np.diff(values) > 1e-9, True)  # a step of both counts once
    assert np.max(np.abs(gap[apart])) == pytest.approx(expected["KS"], abs=1e-9)
    assert np.sum(np.abs(gap[:-1]) * np.diff(values)) == pytest.approx(expected["W1"], abs=1e-8)


def test_number_of_transitions():
    found = enumerate_transitions(propagator(), occupations=np.full(10, 0.5))
    assert found.probabilities.size == REFERENCE["A_coupled_natoms"] == 184756


def test_backward_is_the_transposed_forward():
    for scheme in ("A_coupled", "B_decoupled"):
        forward, backward = distribution(scheme, "fwd"), distribution(scheme, "bwd")
        u = np.array([0.3, 1.7 + 0.4j])
        left = forward.characteristic_function(u + 1j * BETA)
        left *= np.exp(BETA * forward.free_energy_difference)
        assert left == pytest.approx(backward.characteristic_function(-u), abs=1e-12)


def test_crooks_relation_value_by_value():
    """P_F(w) = exp(β(w − ΔΩ)) P_B(−w) on every value of the decoupled scheme."""
    forward, backward = distribution("B_decoupled", "fwd"), distribution("B_decoupled", "bwd")
    x, p = forward.atoms()
    y, q = (array[::-1] for array in backward.atoms())
    assert -y == pytest.approx(x, abs=1e-9)
    large = (p > 1e-20) & (q > 1e-20)
    expected = BETA * (x - forward.free_energy_difference)
    assert np.log(p[large] / q[large]) == pytest.approx(expected[large], abs=1e-5)
    larger = (p > 1e-12) & (q > 1e-12)
    assert np.log(p[larger] / q[larger]) == pytest.approx(expected[larger], abs=1e-9)


def test_product_state_measured_with_coupled_energies_breaks_jarzynski():
    initial, before = np.linalg.eigh(hamiltonian(0.0))
    final, after = np.linalg.eigh(hamiltonian(10.0))
    f = expit(-BETA * (np.concatenate(([0.0], LEVELS)) - MU))
    found = enumerate_transitions(
        after.T @ propagator() @ before, correlation=before.T @ np.diag(f) @ before
    )
    statistics = AtomicStatistics(found.values(initial, final), found.probabilities)
    work = WorkDistribution(
        statistics,
        temperature=1 / BETA,
        free_energy_difference=potential(final) - potential(initial),
    )
    # the mean needs only the occupations of the initial modes
    occupied = np.diag(before.T @ np.diag(f) @ before)
    W = np.abs(after.T @ propagator() @ before) ** 2
    assert work.mean == pytest.approx(final @ W @ occupied - initial @ occupied, rel=1e-11)
    assert abs(work.jarzynski_ratio - 1) > 1e-3


def test_chain_through_the_same_front():
    chain = LandauZenerChain(
        energies=LEVELS,
        couplings=COUPLING,
        speeds=1.0,
        temperature=1 / BETA,
        chemical_potential=MU,
        start=0.0,
        stop=10.0,
    )
    work = WorkDistribution(
        chain.work_statistics(),
        temperature=1 / BETA,
        free_energy_difference=chain.grand_potential_change,
    )
    expected = REFERENCE["LZ_forward"]
    assert work.mean == pytest.approx(expected["mean"], rel=1e-12)
    assert work.variance == pytest.approx(expected["var"], rel=1e-12)
    assert work.skewness == pytest.approx(expected["skew"], rel=1e-10)
    assert work.jarzynski_ratio == pytest.approx(1.0, abs=1e-12)
    pmf = REFERENCE["LZ_forward_pmf"]
    assert work.probabilities(np.arange(12) - 0.5) == pytest.approx(list(pmf.values()), abs=1e-12)
    drawn = work.sample(2000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(work.mean, abs=4 * np.sqrt(work.variance / 2000))
    # the inversion works for any statistics: smoothed density against the mixture
    w = np.linspace(-3, 13, 40)
    direct = work.density(w, width=0.5)
    assert np.exp(work.log_density(w, width=0.5)) == pytest.approx(direct, rel=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("width", [slow(0.1), 1.0])
def test_density_of_listed_values_and_by_inversion(width):
    work = distribution("A_coupled", "fwd")
    w = np.linspace(-2, 14, 13)
    direct, inverted = work.density(w, width=width), work.log_density(w, width=width)
    assert np.exp(inverted) == pytest.approx(direct, rel=1e-6, abs=1e-13)
    grid = np.linspace(-10, 25, 4000)
    total = work.density(grid, width=width).sum() * (grid[1] - grid[0])
    assert total == pytest.approx(1.0, abs=1e-9)
    assert work.density(3.0, width=width).shape == ()


class Unlisted:
    """Statistics without a list of values."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def atoms(self):
        return None


def test_without_a_list_the_density_is_inverted_and_bins_are_refused():
    listed = distribution("A_coupled", "fwd")
    work = WorkDistribution(
        Unlisted(listed.statistics), temperature=1 / BETA, free_energy_difference=0.0
    )
    w = np.linspace(-2, 14, 30)
    exact = listed.density(w, width=0.5)
    assert work.density(w, width=0.5) == pytest.approx(exact, abs=1e-12, rel=1e-9)
    with pytest.raises(InputError, match="use `density` with a width, or `sample`"):
        work.atoms()
    with pytest.raises(InputError, match="use `density` with a width, or `sample`"):
        work.probabilities([0.0, 1.0])


def test_bins_are_closed_below_and_open_above():
    coin = AtomicStatistics([0.1 + 0.2, 1.0], [0.25, 0.75])
    work = WorkDistribution(coin, temperature=1.0, free_energy_difference=0.0)
    # 0.1 + 0.2 differs from 0.3 by rounding only
    assert work.probabilities([0.0, 0.3, 1.0, 2.0]) == pytest.approx([0.0, 0.25, 0.75])
    assert work.probabilities([0.3, 1.0]) == pytest.approx([0.25])


def test_work_prints_and_is_immutable():
    work = distribution("A_coupled", "fwd")
    lines = str(work).splitlines()
    assert lines[0] == "work distribution, A_coupled, fwd"
    assert "mean" in lines[1]
    assert "6.265397" in lines[1]
    with pytest.raises(AttributeError):
        work.temperature = 2.0


def test_averages_beyond_the_largest_float_are_infinite():
    lowered = WorkDistribution(
        AtomicStatistics([-800.0], [1.0]), temperature=1.0, free_energy_difference=-800.0
    )
    assert lowered.exponential_average == np.inf
    assert lowered.jarzynski_ratio == pytest.approx(1.0, abs=1e-12)
    assert abs(lowered.characteristic_function(1j)) == np.inf
    assert lowered.density(1e300, width=0.1) == 0.0


def test_work_arguments():
    good = AtomicStatistics([0.0, 1.0], [0.5, 0.5])
    with pytest.raises(InputError, match="`statistics` must have `log_characteristic_function`"):
        WorkDistribution(None, temperature=1.0, free_energy_difference=0.0)
    with pytest.raises(InputError, match="`temperature` must be positive"):
        WorkDistribution(good, temperature=0.0, free_energy_difference=0.0)
    with pytest.raises(InputError, match="`free_energy_difference` must be finite"):
        WorkDistribution(good, temperature=1.0, free_energy_difference=np.inf)
    with pytest.raises(InputError, match="`description` must be text"):
        WorkDistribution(good, temperature=1.0, free_energy_difference=0.0, description=3)
    joint = TwoPointStatistics(
        propagator=np.eye(2), initial_values=np.eye(2), final_values=np.eye(2), log_odds=[0, 0]
    )
    with pytest.raises(InputError, match="`statistics` must be of one observable"):
        WorkDistribution(joint, temperature=1.0, free_energy_difference=0.0)
    work = WorkDistribution(good, temperature=1.0, free_energy_difference=0.0)
    with pytest.raises(InputError, match="`edges` must hold at least 2 numbers that increase"):
        work.probabilities([1.0, 0.0])
    with pytest.raises(InputError, match="`width` must be positive"):
        work.density([0.0], width=-1.0)
