import numpy as np
import pytest
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import unitary_group

from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.thermodynamics.atoms import AtomicStatistics
from anticrossing.thermodynamics.counting import TwoPointStatistics
from anticrossing.thermodynamics.inversion import (
    lattice_atoms,
    lattice_step,
    smoothed_density,
    smoothed_log_density,
)
from tests.effort import slow


def mixture(values, p, w, width):
    """ln of the sum of normal densities around listed values."""
    logs = np.log(p) - 0.5 * ((w[:, None] - values) / width) ** 2
    return logsumexp(logs, axis=1) - np.log(width * np.sqrt(2 * np.pi))


def random_work(modes, seed, beta=1.0, spread=1.0):
    rng = np.random.default_rng(seed)
    initial, final = rng.normal(scale=spread, size=(2, modes))
    return TwoPointStatistics(
        propagator=unitary_group.rvs(modes, random_state=seed),
        initial_values=initial,
        final_values=final,
        log_odds=-beta * initial,
    )


@pytest.mark.parametrize(("modes", "beta"), [(3, 1.0), slow(7, 1.0), slow(7, 6.0)])
@pytest.mark.parametrize("width", [slow(0.05), 0.7])
def test_smoothed_density_against_the_enumerated_mixture(modes, beta, width):
    work = random_work(modes, modes, beta)
    values, p = work.atoms()
    low, high = values[p > 1e-12][[0, -1]]
    w = np.linspace(low - 10 * width, high + 10 * width, 200)
    expected = mixture(values[p > 0], p[p > 0], w, width)
    got = smoothed_log_density(work, w, width=width)
    # the least bound e^{K(s) − sw} on a grid of tilts, from the list
    s = np.linspace(-12, 12, 2001)[:, None] / width
    generating = (
        logsumexp(np.log(p[p > 0]) + s * values[p > 0], axis=1) + 0.5 * (s[:, 0] * width) ** 2
    )
    envelope = np.min(generating[:, None] - s * w, axis=0) - np.log(width)
    assert np.max(np.abs(np.exp(got - envelope) - np.exp(expected - envelope))) < 1e-10
    # relatively accurate but for gaps four decades deep
    clear = expected > envelope - 9.2
    assert np.max(np.abs(np.expm1(got - expected)[clear])) < 1e-8
    assert np.count_nonzero(clear) > 50
    assert expected[clear].min() < -40  # seventeen decades and more are covered
    # with a floor it is as good above it, and small below
    rough = smoothed_log_density(work, w, width=width, floor=1e-6)
    above = clear & (expected > np.log(1e-6))
    assert np.max(np.abs(np.expm1(rough - expected)[above])) < 1e-8
    assert np.max(np.abs(np.exp(rough) - np.exp(expected))) < 1e-12


@pytest.mark.slow
def test_tails_of_many_independent_levels_against_exact_convolution():
    """Without exchange the work is a sum of independent lifts: a polynomial product."""
    rng = np.random.default_rng(1)
    lifts = rng.integers(-3, 4, size=100)
    odds = rng.normal(size=100)
    work = TwoPointStatistics(
        propagator=np.eye(100),
        initial_values=np.zeros(100),
        final_values=lifts.astype(float),
        log_odds=odds,
    )
    # all terms are positive: products in double precision keep fourteen digits
    law = np.ones(1)
    for lift, odd in zip(lifts.tolist(), odds, strict=True):
        factor = np.zeros(abs(lift) + 1)
        factor[max(-lift, 0)] += expit(-odd)
        factor[max(lift, 0)] += expit(odd)
        law = np.convolve(law, factor)
    lowest = int(np.minimum(lifts, 0).sum())
    values, p = lattice_atoms(work, 1.0, floor=1e-26)
    exact = law[np.round(values).astype(int) - lowest]
    assert exact.min() < 1e-25
    large = exact > 1e-26
    assert p[large] == pytest.approx(exact[large], rel=1e-9)
    usual_values, usual = work.atoms()
    exact = law[np.round(usual_values).astype(int) - lowest]
    assert usual == pytest.approx(exact, abs=1e-14)
    large = exact > 1e-15
    assert usual[large] == pytest.approx(exact[large], rel=1e-9)
    assert usual.sum() == pytest.approx(1.0, abs=1e-13)


def test_lattice_atoms_of_interacting_modes_against_enumeration():
    W = unitary_group.rvs(9, random_state=3)
    rng = np.random.default_rng(3)
    initial, final = 0.25 * rng.integers(-8, 8, size=(2, 9))
    work = TwoPointStatistics(
        propagator=W, initial_values=initial, final_values=final, log_odds=-2 * initial
    )
    step = work.lattice_step()
    assert step == 0.25
    values, p = lattice_atoms(work, step, floor=1e-18)
    listed = dict(zip(*(a.tolist() for a in work.atoms()), strict=True))
    exact = np.array([listed.get(v, 0.0) for v in values.tolist()])
    assert p == pytest.approx(exact, abs=1e-14)
    large = exact > 1e-17
    assert p[large] == pytest.approx(exact[large], rel=1e-8)


@pytest.mark.slow
def test_smoothed_crooks_relation_far_into_the_tails():
    """p_F(w) = exp(β(w − ΔΩ) + β²σ²/2) p_B(−w − βσ²) for densities smoothed by a width σ."""
    modes, beta, width = 40, 1.5, 0.2
    forward = random_work(modes, 7, beta)
    initial, final = forward.initial_values, forward.final_values
    backward = forward.backward(log_odds=-beta * final)
    change = (log_expit(beta * final) - log_expit(beta * initial)).sum() / beta
    spread = np.sqrt(forward.variance)
    w = np.linspace(forward.mean - 9 * spread, forward.mean + 7 * spread, 25)
    left = smoothed_log_density(forward, w, width=width)
    right = smoothed_log_density(backward, -w - beta * width**2, width=width)
    right += beta * (w - change) + 0.5 * (beta * width) ** 2
    assert left.min() < -30
    assert np.max(np.abs(np.expm1(left - right))) < 1e-8


def test_lattice_crooks_relation_pointwise():
    modes, beta = 25, 0.8
    rng = np.random.default_rng(0)
    initial, final = rng.integers(0, 6, size=(2, modes)).astype(float)
    forward = TwoPointStatistics(
        propagator=unitary_group.rvs(modes, random_state=1),
        initial_values=initial,
        final_values=final,
        log_odds=-beta * (initial - 2),
    )
    backward = forward.backward(log_odds=-beta * (final - 2))
    change = (log_expit(beta * (final - 2)) - log_expit(beta * (initial - 2))).sum() / beta
    values, p = forward.atoms()
    reverse = dict(zip(*(a.tolist() for a in backward.atoms()), strict=True))
    q = np.array([reverse.get(-v, 0.0) for v in values.tolist()])
    both = (p > 1e-14) & (q > 1e-14)
    assert np.count_nonzero(both) > 30
    ratio = np.log(p[both] / q[both]) - beta * (values[both] - change)
    assert np.max(np.abs(ratio)) < 1e-9


def test_a_certain_value():
    fixed = AtomicStatistics([3.0], [1.0])
    values, p = lattice_atoms(fixed, 1.5)
    assert values == pytest.approx([3.0])
    assert p == pytest.approx([1.0], abs=1e-14)
    w = np.array([-4.0, 2.5, 3.0, 13.0])
    got = smoothed_log_density(fixed, w, width=0.5)
    expected = -2 * (w - 3) ** 2 - np.log(0.5 * np.sqrt(2 * np.pi))
    assert got == pytest.approx(expected, abs=1e-9)


def test_bimodal_and_gapped_distributions():
    """Between two far peaks tilts have to jump; each density still belongs to the right one."""
    far = AtomicStatistics([0.0, 40.0], [0.999, 0.001])
    w = np.linspace(-5, 45, 101)
    expected = mixture(np.array([0.0, 40.0]), np.array([0.999, 0.001]), w, 1.0)
    got = smoothed_log_density(far, w, width=1.0)
    peaks = expected > -20
    assert np.max(np.abs(np.expm1(got - expected)[peaks])) < 1e-8
    assert np.max(np.abs(np.exp(got) - np.exp(expected))) < 1e-13
    assert np.any(np.isneginf(got))
    values, p = lattice_atoms(far, 1.0)
    assert values[p > 0] == pytest.approx([0.0, 40.0])
    assert p[p > 0] == pytest.approx([0.999, 0.001], rel=1e-12)


@pytest.mark.parametrize(
    ("initial", "final", "step"),
    [
        ([0.0, 1.0, 2.0], [10.0, 1.0, 2.0], 1.0),
        ([0.5, 1.0, 2.0], [10.5, 1.0, 2.0], 0.5),
        ([0.1 * k for k in range(9)], [0.3 * k for k in range(9)], 0.1),
        ([0.0, 1 / 3], [0.0, 0.2], 1 / 15),
        ([1.0, 1.0], [1.0, 1.0], 1.0),
        ([0.2], [0.5], 0.3),
        ([0.0, 1.0], [0.0, np.sqrt(2)], None),
        ([0.0, 1.0], [0.0, 1.0 + 1e-6], None),
        ([0.0, 1.0, np.pi, np.e], [0.0, 1.0, 2.0, 3.0], None),
    ],
)
def test_lattice_step(initial, final, step):
    found = lattice_step(initial, final)
    if step is None:
        assert found is None
    else:
        assert found == pytest.approx(step, rel=1e-12)


def test_lattice_step_survives_rounding():
    rng = np.random.default_rng(4)
    numbers = rng.integers(-500, 500, size=(2, 30))
    initial, final = 0.037 * (numbers + 0.0) + 1e-13 * rng.normal(size=(2, 30))
    assert lattice_step(initial, final) == pytest.approx(0.037, rel=1e-9)


def test_inversion_arguments():
    work = random_work(3, 0)
    with pytest.raises(InputError, match="`width` must be positive"):
        smoothed_log_density(work, [0.0], width=0.0)
    with pytest.raises(InputError, match="`width` must be at least"):
        smoothed_log_density(work, [0.0], width=1e-6)
    with pytest.raises(InputError, match="`width` must lie between"):
        smoothed_log_density(work, [0.0], width=1e300)
    with pytest.raises(InputError, match="`statistics` must have `log_characteristic_function`"):
        smoothed_density(None, [0.0], width=0.1)
    with pytest.raises(InputError, match="`floor` must not be negative"):
        smoothed_log_density(work, [0.0], width=0.1, floor=-1.0)
    with pytest.raises(InputError, match="`values` must be finite"):
        smoothed_log_density(work, [np.nan], width=0.1)
    with pytest.raises(ConvergenceError, match="nearer to the mean"):
        smoothed_log_density(work, [1e6], width=0.1)
    with pytest.raises(InputError, match="`step` must be positive"):
        lattice_atoms(work, -1.0)
    with pytest.raises(InputError, match="`step` must divide every value"):
        lattice_atoms(AtomicStatistics([0.0, 0.3, 1.0], [0.2, 0.3, 0.5]), 1.0)
    with pytest.raises(InputError, match="`step` must be at least"):
        lattice_atoms(work, 1e-12)
    with pytest.raises(InputError, match="`floor` must be positive"):
        lattice_atoms(work, 1.0, floor=0.0)
    assert smoothed_log_density(work, np.empty((0, 2)), width=0.1).shape == (0, 2)
    assert smoothed_log_density(work, 0.3, width=0.1).shape == ()
