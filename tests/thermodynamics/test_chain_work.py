import itertools
import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import expit

from anticrossing._core.checks import InputError
from anticrossing.thermodynamics.chain import LandauZenerChain
from tests.effort import cases
from tests.thermodynamics.test_chain import chains, paper_chain

WORK = json.loads((Path(__file__).parents[1] / "reference_data" / "driven_level.json").read_text())[
    "work"
]


def trajectories(chain, start):
    """All 2^(L+1) trajectories with probability, work, heat and particle number: brute force."""
    r, x = chain.diabatic_probabilities, chain.beta * (chain.energies - chain.chemical_potential)
    chances = expit(x), expit(-x)  # of the reservoir levels to be empty, filled
    positions = np.concatenate(([chain.start], chain.energies, [chain.stop]))
    rows = []
    for n in itertools.product((0, 1), repeat=r.size + 1):
        weight = start if n[0] else 1 - start
        heat = 0.0
        for i, (before, after) in enumerate(itertools.pairwise(n)):
            swap = chain.adiabatic_probabilities[i] * chances[after][i]
            weight *= swap + (r[i] if before == after else 0.0)
            heat += (chain.energies[i] - chain.chemical_potential) * (after - before)
        rows.append((weight, np.diff(positions) @ n, heat, n[-1] - n[0]))
    return np.array(rows).T


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_paper_parameters(direction):
    chain = paper_chain() if direction == "forward" else paper_chain().backward()
    statistics, reference = chain.work_statistics(), WORK[f"LZ_{direction}"]
    assert statistics.mean == pytest.approx(reference["mean"], abs=2e-14)
    assert statistics.variance == pytest.approx(reference["var"], abs=2e-14)
    assert statistics.skewness == pytest.approx(reference["skew"], abs=2e-14)
    atoms = statistics.atoms()
    pmf = WORK[f"LZ_{direction}_pmf"]
    assert atoms.step == 1.0
    assert atoms.multiples.tolist() == [int(value) for value in pmf]
    assert np.allclose(atoms.probabilities, list(pmf.values()), rtol=1e-12)
    assert chain.grand_potential_change == pytest.approx(reference["dOmega"], rel=1e-14)
    assert statistics.mean == pytest.approx(float(chain.run().totals.mechanical_work), rel=1e-14)


@cases(30)
@given(chain=chains(largest=6), start=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_against_all_trajectories(chain, start, seed):
    statistics = chain.work_statistics(start)
    weight, work, heat, particles = trajectories(chain, start)
    mean = weight @ work
    assert statistics.mean == pytest.approx(mean, abs=1e-13)
    assert statistics.variance == pytest.approx(weight @ (work - mean) ** 2, rel=1e-12, abs=1e-14)
    if statistics.variance > 1e-3:
        third = weight @ (work - mean) ** 3 / statistics.variance**1.5
        assert statistics.skewness == pytest.approx(third, rel=1e-10, abs=1e-10)

    rng = np.random.default_rng(seed)
    fields = rng.normal(size=(3, 5)) + 0.3j * rng.normal(size=(3, 5))
    exact = np.exp(1j * fields.T @ np.array([work, heat, particles])) @ weight
    got = statistics.characteristic_function(fields[0], heat=fields[1], particle_number=fields[2])
    size = np.exp(-fields.T.imag @ np.array([work, heat, particles])) @ weight
    assert np.all(np.abs(got - exact) <= 1e-12 * size)

    atoms = statistics.atoms()
    assert np.sum(atoms.probabilities) == pytest.approx(1, abs=1e-13)
    for value, chance in zip(atoms.values, atoms.probabilities, strict=True):
        same = np.abs(work - value) < 1e-9
        assert chance == pytest.approx(weight[same].sum(), rel=1e-12, abs=1e-300)
    assert atoms.values.size <= weight.size


@cases(40)
@given(chain=chains(largest=7))
def test_fluctuation_theorem_at_every_value(chain):
    forward = chain.work_statistics().atoms()
    backward = chain.backward().work_statistics().atoms()
    assert np.allclose(forward.values, -backward.values[::-1], rtol=0, atol=1e-12)
    ratio = forward.log_probabilities - backward.log_probabilities[::-1]
    expected = chain.beta * (forward.values - chain.grand_potential_change)
    scale = 1 + np.max(np.abs(forward.log_probabilities)) + np.max(np.abs(expected))
    assert np.allclose(ratio, expected, rtol=0, atol=1e-14 * scale)


def test_fluctuation_theorem_of_the_paper():
    """Figure 4, point by point; equal to 1e-14 in the logarithm."""
    chain = paper_chain()
    forward = chain.work_statistics().atoms()
    backward = chain.backward().work_statistics().atoms()
    ratio = forward.log_probabilities - backward.log_probabilities[::-1]
    expected = 1.2 * (forward.values - chain.grand_potential_change)
    assert np.allclose(ratio, expected, rtol=0, atol=1e-14)


@cases(40)
@given(chain=chains(largest=20), seed=st.integers(0, 2**32 - 1))
def test_jarzynski_and_joint_symmetry(chain, seed):
    forward, backward = chain.work_statistics(), chain.backward().work_statistics()
    beta, change = chain.beta, chain.grand_potential_change
    scale = 1 + beta * (abs(change) + abs(chain.stop - chain.start))
    tolerance = 1e-14 * scale * (1 + chain.energies.size)
    for statistics, sign in ((forward, 1), (backward, -1)):
        log_mean = statistics.log_characteristic_function(1j * beta)
        assert log_mean.real == pytest.approx(-sign * beta * change, abs=tolerance)
        assert log_mean.imag == 0
    rng = np.random.default_rng(seed)
    u, heat, particles = rng.normal(size=(3, 6)) + 0.2j * rng.normal(size=(3, 6))
    left = forward.characteristic_function(u, heat=heat, particle_number=particles)
    log_right = backward.log_characteristic_function(
        1j * beta - u, heat=-heat, particle_number=-particles
    )
    size = abs(
        forward.characteristic_function(
            1j * u.imag, heat=1j * heat.imag, particle_number=1j * particles.imag
        )
    )
    assert np.all(np.abs(left - np.exp(log_right - beta * change)) <= 10 * tolerance * size)


def test_long_cold_chains_neither_overflow_nor_lose_digits():
    """β(ε−μ) up to ±2000 and tilts as large, against mpmath."""
    energies = np.linspace(-100, 100, 202)[1:-1]
    chain = LandauZenerChain(
        energies=energies,
        couplings=0.3,
        speeds=0.7,
        temperature=1 / 20.0,
        chemical_potential=0.0,
        start=-100.0,
        stop=100.0,
    )
    statistics = chain.work_statistics()
    fields = np.array([0.3 + 20j, -2.0 + 7j, 15j, 1.0, 20j, -1.0 - 5j])
    got = statistics.log_characteristic_function(fields)
    with mpmath.workdps(60):
        keep = mpmath.exp(-2 * mpmath.pi * mpmath.mpf(0.3) ** 2 / mpmath.mpf(0.7))
        lifts = np.diff(np.concatenate(([-100.0], energies, [100.0])))
        for u, value in zip(fields, got, strict=True):
            lift = mpmath.exp(1j * mpmath.mpc(u) * lifts[0])
            vector = [1 / (mpmath.exp(2000) + 1), lift / (mpmath.exp(-2000) + 1)]
            for energy, lift in zip(energies, lifts[1:], strict=True):
                x = 20 * mpmath.mpf(energy)
                f, vacant = 1 / (mpmath.exp(x) + 1), 1 / (mpmath.exp(-x) + 1)
                both = (1 - keep) * (vector[0] + vector[1])
                empty = keep * vector[0] + vacant * both
                full = keep * vector[1] + f * both
                vector = [empty, full * mpmath.exp(1j * mpmath.mpc(u) * lift)]
            exact = mpmath.log(vector[0] + vector[1])
            assert value.real == pytest.approx(float(exact.real), abs=5e-12)
            turn = (value.imag - float(exact.imag)) / (2 * np.pi)
            assert turn == pytest.approx(round(turn), abs=2e-12)
    assert got[4].real == pytest.approx(-20 * chain.grand_potential_change, rel=1e-14)


def test_lattice_and_characteristic_function_agree():
    """A Fourier sum of the characteristic function gives back every atom."""
    chain = paper_chain(energies=[0.3, 0.6, 1.5, 2.4, 2.7], start=0.0, stop=3.0, speeds=0.4)
    statistics = chain.work_statistics()
    atoms = statistics.atoms()
    assert atoms.step == pytest.approx(0.3, rel=1e-14)
    size = 11
    u = 2 * np.pi * np.arange(size) / (size * atoms.step)
    histogram = np.fft.fft(statistics.characteristic_function(u)).real / size
    full = np.zeros(size)
    full[atoms.multiples] = atoms.probabilities
    assert np.allclose(histogram, full, rtol=0, atol=1e-15)
    finer = statistics.atoms(step=0.1)
    assert finer.multiples.tolist() == (3 * atoms.multiples).tolist()
    assert np.allclose(finer.probabilities, atoms.probabilities, rtol=1e-14)


def test_incommensurate_lifts():
    chain = paper_chain(energies=np.sqrt([1.0, 2.0, 3.0, 5.0, 6.0]), stop=np.sqrt(7.0))
    atoms = chain.work_statistics().atoms()
    assert atoms.step is None
    assert atoms.multiples is None
    assert atoms.values.size == 2**6
    assert np.all(np.diff(atoms.values) > 0)


def test_sinking_levels_have_negative_work():
    chain = paper_chain(energies=[2.0, 1.0], start=2.5, stop=0.5)
    atoms = chain.work_statistics().atoms()
    assert atoms.multiples.tolist() == [-4, -3, -2, -1, 0][: atoms.multiples.size]
    assert atoms.values[0] == -2.0


def test_long_lattices_are_quick_and_exact_in_the_tails():
    count = 400
    chain = paper_chain(energies=np.linspace(0, 20, count + 2)[1:-1], stop=20.0, speeds=4.0)
    statistics = chain.work_statistics()
    atoms = statistics.atoms()
    assert atoms.values.size == count + 2
    assert np.sum(atoms.probabilities) == pytest.approx(1, abs=1e-12)
    mean = atoms.probabilities @ atoms.values
    assert statistics.mean == pytest.approx(mean, rel=1e-12)
    variance = atoms.probabilities @ (atoms.values - mean) ** 2
    assert statistics.variance == pytest.approx(variance, rel=1e-11)
    backward = chain.backward().work_statistics().atoms()
    ratio = atoms.log_probabilities - backward.log_probabilities[::-1]
    expected = 1.2 * (atoms.values - chain.grand_potential_change)
    assert np.allclose(ratio, expected, rtol=0, atol=1e-12)


def test_samples():
    """Chi-squared over the atoms, and the balance of energy on every trajectory."""
    chain = paper_chain()
    statistics = chain.work_statistics()
    size = 200_000
    drawn = statistics.sample(size, np.random.default_rng(11))
    atoms = statistics.atoms()
    counts = np.bincount(np.round(drawn.work).astype(int), minlength=11)
    chi_squared = np.sum((counts - size * atoms.probabilities) ** 2 / (size * atoms.probabilities))
    assert chi_squared < 29.6  # 0.1 % of ten degrees of freedom
    deviation = (drawn.occupations.mean(axis=0) - chain.run().occupations) * np.sqrt(size)
    assert np.max(np.abs(deviation)) < 2.0  # four standard deviations of a coin
    change = chain.stop * drawn.occupations[:, -1] - chain.start * drawn.occupations[:, 0]
    balance = drawn.work + drawn.heat + chain.chemical_potential * drawn.particle_number
    assert np.allclose(change, balance, rtol=0, atol=1e-12)
    assert drawn.heat.mean() == pytest.approx(float(chain.run().totals.heat), abs=0.03)
    again = statistics.sample(size, np.random.default_rng(11))
    assert np.array_equal(drawn.occupations, again.occupations)


def test_certain_work():
    statistics = paper_chain().diabatic_limit().work_statistics(1.0)
    assert statistics.mean == 10.0
    assert statistics.variance == 0.0
    assert np.isnan(statistics.skewness)
    assert statistics.atoms().values.tolist() == [10.0]
    assert statistics.characteristic_function(0.3) == pytest.approx(np.exp(3j), rel=1e-14)
    assert isinstance(statistics.characteristic_function(0.3), complex)


def test_fields_broadcast():
    statistics = paper_chain().work_statistics()
    u, heat = np.linspace(-1, 1, 5)[:, None], np.linspace(-1, 1, 3)
    values = statistics.characteristic_function(u, heat=heat)
    assert values.shape == (5, 3)
    alone = statistics.characteristic_function(u[1, 0], heat=heat[2])
    assert values[1, 2] == pytest.approx(alone, abs=1e-15)
    assert values[2, 1] == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda s: s.atoms(step=0.3), "divide all lifts"),
        (lambda s: s.atoms(step=-1.0), "positive"),
        (lambda s: s.atoms(step=1e-300), "rounding error"),
        (lambda s: s.atoms(maximum_atoms=0), "maximum_atoms"),
        (lambda s: s.atoms(step=1.0, maximum_atoms=5), "maximum_atoms"),
        (lambda s: s.sample(0, np.random.default_rng(1)), "`n` must be at least 1"),
        (lambda s: s.sample(3, 7), "`rng` must be a Generator"),
        (lambda s: s.characteristic_function(np.nan), "work"),
        (lambda s: s.characteristic_function("a"), "work"),
        (lambda s: s.characteristic_function("1"), "`work` must be a number"),
        (lambda s: s.characteristic_function([1.0, 2.0], heat=[1.0, 2.0, 3.0]), "broadcast"),
    ],
)
def test_bad_arguments(call, text):
    with pytest.raises(InputError, match=text):
        call(paper_chain().work_statistics())
