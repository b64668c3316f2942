"""Optimal speeds against random profiles, another optimiser, published equations, the metric."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize

from anticrossing._core.checks import InputError
from anticrossing.control import least_dissipation, least_dissipation_protocol
from anticrossing.control._pooling import Crossings, _root
from anticrossing.thermodynamics import (
    LandauZenerChain,
    fermi,
    golden_rule_occupations,
    thermodynamic_length,
)
from tests.effort import cases, slow

RESERVOIR = {"temperature": 1 / 1.2, "chemical_potential": 3.0}


def regular(spacing=1.0):
    count = round(10 / spacing) - 1
    return LandauZenerChain(
        energies=spacing * np.arange(1, count + 1), couplings=0.2 * math.sqrt(spacing), speeds=1.0,
        start=0.0, stop=10.0, **RESERVOIR,
    )  # fmt: skip


def irregular(seed, count, spread):
    """Levels anywhere, couplings over decades, rising or sinking."""
    rng = np.random.default_rng(seed)
    energies = np.sort(rng.uniform(0.3, 9.7, count))
    ends = (0.0, 10.0)
    if seed % 2:
        energies, ends = energies[::-1], ends[::-1]
    return LandauZenerChain(
        energies=energies,
        couplings=0.6 * np.exp(spread * rng.normal(size=count)) / math.sqrt(count),
        speeds=1.0,
        start=ends[0],
        stop=ends[1],
        **RESERVOIR,
    )


def work_and_gradient(chain, cells, times):
    """Dissipated work up to a constant, and its derivatives by the adjoint recursion."""
    f, lifts = chain.reservoir.occupied, np.diff(chain.positions)
    rates = 2 * np.pi * chain.couplings**2 / cells
    keep = np.exp(-rates * times)
    p = [float(fermi(chain.start, **RESERVOIR))]
    for r, level in zip(keep, f, strict=True):
        p.append(level + r * (p[-1] - level))
    later, behind = np.empty(f.size), 0.0
    for i in range(f.size - 1, -1, -1):
        behind = lifts[i + 1] + (keep[i + 1] * behind if i + 1 < f.size else 0.0)
        later[i] = behind
    return lifts @ p, -rates * (np.array(p[1:]) - f) * later


CASES = {
    "regular": (lambda: regular(), 10.0),
    "slow": (lambda: regular(), 100.0),
    "dense": (lambda: regular(0.1), 30.0),
    "irregular": (lambda: irregular(0, 12, 1.0), 20.0),
    "sinking": (lambda: irregular(1, 30, 1.5), 20.0),
    "nearly degenerate": (
        lambda: LandauZenerChain(
            energies=[2.0, 2.0 + 1e-9, 4.0], couplings=0.3, speeds=1.0, start=0.0, stop=6.0,
            **RESERVOIR,
        ),
        8.0,
    ),
}  # fmt: skip


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    "name", ["regular", "irregular", *(slow(n) for n in CASES if n not in ("regular", "irregular"))]
)
def test_no_random_profile_is_better(name):
    """400 profiles with the same total time, even ones and ragged ones, and near the optimum."""
    make, duration = CASES[name]
    chain = make()
    best = least_dissipation(chain, duration)
    rng = np.random.default_rng(7)
    assert best.durations.sum() == pytest.approx(duration, rel=1e-12)
    least = best.chain.run().totals.mechanical_work
    assert best.dissipated_work == pytest.approx(
        least - best.chain.grand_potential_change, rel=1e-11, abs=1e-13
    )
    for k in range(400):
        sharpness = (0.1, 1.0, 10.0)[k % 3]
        times = rng.dirichlet(np.full(chain.energies.size, sharpness)) * duration
        if k % 4 == 0:
            mixing = 10.0 ** rng.uniform(-4, 0)
            times = mixing * times + (1 - mixing) * best.durations
        speeds = best.cells / np.maximum(times, 1e-290)
        assert chain.at_speeds(speeds).run().totals.mechanical_work >= least - 1e-14
    assert best.dissipated_work <= best.constant_speed_dissipated_work
    assert best.dissipated_work <= best.metric_dissipated_work


@pytest.mark.parametrize("name", CASES)
def test_every_crossing_that_takes_time_saves_the_same_by_more(name):
    """Lagrange's condition with the gradient of a recursion of its own."""
    make, duration = CASES[name]
    chain = make()
    best = least_dissipation(chain, duration)
    _, gradient = work_and_gradient(chain, best.cells, best.durations)
    used = best.durations > 0
    np.testing.assert_allclose(-gradient[used], best.price, rtol=1e-8)
    assert np.all(-gradient[~used] <= best.price * (1 + 1e-9))
    assert np.all(np.isinf(best.speeds) == ~used)


@pytest.mark.parametrize("name", ["regular", "irregular", slow("sinking")])
def test_another_optimiser_finds_the_same(name):
    """Sequential quadratic programming from three starts reaches the work, and none below it."""
    make, duration = CASES[name]
    chain = make()
    best = least_dissipation(chain, duration)
    least, _ = work_and_gradient(chain, best.cells, best.durations)
    count = chain.energies.size
    rng = np.random.default_rng(1)
    found = []
    for start in (np.full(count, 1 / count), *rng.dirichlet(np.ones(count), 2)):
        result = minimize(
            lambda x: work_and_gradient(chain, best.cells, duration * x)[0],
            start,
            jac=lambda x: duration * work_and_gradient(chain, best.cells, duration * x)[1],
            bounds=[(0, 1)] * count,
            constraints=[{"type": "eq", "fun": lambda x: x.sum() - 1, "jac": np.ones_like}],
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-15},
        )
        found.append(result.fun)
    assert min(found) == pytest.approx(least, abs=1e-11)


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 25),
    spread=st.floats(0, 3),
    exponent=st.floats(-3, 5),
)
@cases(60)
def test_optimality_of_random_chains(seed, count, spread, exponent):
    chain = irregular(seed, count, spread)
    duration = 10.0**exponent
    best = least_dissipation(chain, duration)
    assert best.durations.sum() == pytest.approx(duration, rel=1e-9)
    _, gradient = work_and_gradient(chain, best.cells, best.durations)
    used = best.durations > 1e-6 * duration
    # Where hardly anything is left to save, rounding of the occupations hides the gradient.
    if best.price > 1e-8:
        np.testing.assert_allclose(-gradient[used], best.price, rtol=1e-5)
        assert np.all(-gradient <= best.price * (1 + 1e-5))
    assert best.dissipated_work <= best.constant_speed_dissipated_work + 1e-14
    assert best.dissipated_work <= best.metric_dissipated_work + 1e-14


@pytest.mark.parametrize("shift", [0.0, slow(1e6)])
def test_a_hole_sinks_as_a_particle_rises(shift):
    chain = regular()
    mirrored = LandauZenerChain(
        energies=shift - chain.energies, couplings=chain.couplings, speeds=1.0, start=shift,
        stop=shift - 10.0, temperature=1 / 1.2, chemical_potential=shift - 3.0,
    )  # fmt: skip
    one, other = (least_dissipation(c, 10.0) for c in (chain, mirrored))
    np.testing.assert_allclose(one.durations, other.durations, rtol=1e-8, atol=1e-8)
    assert one.dissipated_work == pytest.approx(other.dissipated_work, rel=1e-8)


def test_the_continuous_optimum_keeps_the_published_constant():
    """Esposito et al., EPL 89, 20003 (2010): ṗ²/[(p + ṗ)(1 − p − ṗ)] is constant, with leaps."""
    best = least_dissipation_protocol(
        start=-2.0, stop=2.0, duration=5.0, rate=1.0, temperature=1.0, chemical_potential=0.0,
        cells=4000,
    )  # fmt: skip
    p, f = best.chain.run().occupations[1:], best.chain.reservoir.occupied
    used = np.flatnonzero(best.durations)
    assert used[0] > 20  # a leap at the start, and one at the end
    assert used[-1] < 3979
    inner = used[5:-5]
    # After a cell p has relaxed towards f of its middle: the mean of both sides is second order.
    before = best.chain.run().occupations[:-1]
    lag = 0.5 * (p + before) - f
    constant = (lag**2 / (f * (1 - f)))[inner]
    np.testing.assert_allclose(constant, constant.mean(), rtol=1e-4)
    assert constant.mean() == pytest.approx(best.price, rel=1e-4)  # λβ/Γ


def test_the_continuous_optimum_by_the_master_equation():
    """Work of the protocol as it is, by quadrature of the master equation; W and its error."""
    found = [
        least_dissipation_protocol(
            start=-2.0, stop=2.0, duration=5.0, rate=lambda e: 1 + 0.5 * np.sin(3 * e),
            temperature=1.0, chemical_potential=0.0, cells=n,
        ).dissipated_work
        for n in (500, 1000, 2000)
    ]  # fmt: skip
    assert (found[0] - found[1]) / (found[1] - found[2]) == pytest.approx(4.0, rel=0.2)
    best = least_dissipation_protocol(
        start=-2.0, stop=2.0, duration=5.0, rate=1.0, temperature=1.0, chemical_potential=0.0,
        cells=400,
    )  # fmt: skip
    keep = np.concatenate([[True], np.diff(best.times) > 0])
    times, positions = best.times[keep], best.positions[keep]
    first = best.positions[np.searchsorted(best.times, 0.0, side="right") - 1]
    positions[0] = first
    grid = np.sort(np.concatenate([times, 0.5 * (times[1:] + times[:-1])]))
    solution = golden_rule_occupations(
        grid,
        position=lambda t: np.interp(t, times, positions),
        rate=1.0,
        temperature=1.0,
        chemical_potential=0.0,
        initial_occupation=float(fermi(-2.0, temperature=1.0, chemical_potential=0.0)),
    )
    q = solution.occupations
    simpson = (q[:-2:2] + 4 * q[1:-1:2] + q[2::2]) / 6 @ np.diff(positions)
    work = (first + 2.0) * q[0] + simpson + (2.0 - positions[-1]) * q[-1]
    change = math.log1p(math.exp(2.0)) - math.log1p(math.exp(-2.0))
    assert work - change == pytest.approx(best.dissipated_work, abs=2e-5)


def test_the_slow_limit_is_the_metric():
    """Speeds tend to those of constant thermodynamic length, and W·τ to the length squared."""
    length = thermodynamic_length(-3.0, 3.0, rate=1.0, temperature=1.0, chemical_potential=0.0)
    deviations, excesses = [], []
    for duration in (100.0, 400.0):
        best = least_dissipation_protocol(
            start=-3.0, stop=3.0, duration=duration, rate=1.0, temperature=1.0,
            chemical_potential=0.0, cells=round(20 * duration),
        )  # fmt: skip
        inner = np.abs(best.energies) < 2.5
        ratio = best.speeds[inner] / best.metric_speed.speeds[inner]
        deviations.append(np.max(np.abs(ratio - 1)))
        excesses.append(best.dissipated_work * duration / length**2 - 1)
        assert best.constant_speed_dissipated_work > 1.05 * best.dissipated_work
    assert deviations[1] < 0.02
    assert deviations[0] / deviations[1] == pytest.approx(4.0, rel=0.1)
    assert abs(excesses[0] / excesses[1]) == pytest.approx(4.0, rel=0.1)
    assert abs(excesses[1]) < 0.01


@pytest.mark.parametrize("rate", [0.7, lambda e: 1 + e**2, lambda e: np.exp(0.5 * e)])
def test_length_by_quadrature(rate):
    gamma = rate if callable(rate) else lambda e: rate
    expected, _ = quad(
        lambda e: math.sqrt(fermi(e, **RESERVOIR) * (1 - fermi(e, **RESERVOIR)) * 1.2 / gamma(e)),
        -1.0, 5.0, epsabs=1e-13, epsrel=1e-13,
    )  # fmt: skip
    for ends in ((-1.0, 5.0), (5.0, -1.0)):
        found = thermodynamic_length(*ends, rate=rate, **RESERVOIR)
        assert found == pytest.approx(expected, rel=1e-12)


def test_what_is_outside_the_domain_is_said():
    chain = regular()
    slowly = least_dissipation(chain, 100.0)
    assert not slowly.warnings
    assert all(np.all(check.satisfied) for check in slowly.checks)
    quickly = least_dissipation(chain, 1.0)
    assert "before the crossing is over" in quickly.warnings[0]
    arguments = {"start": -2.0, "stop": 2.0, "rate": 1.0, **RESERVOIR}
    assert not least_dissipation_protocol(duration=5.0, **arguments).warnings
    coarse = least_dissipation_protocol(duration=5.0, cells=5, **arguments)
    assert len(coarse.warnings) == 2
    assert "give more" in str(coarse)
    assert least_dissipation_protocol(duration=1e4, **arguments).warnings


def test_far_away_lies_no_length():
    """Ends a million temperatures off, for constant Γ given as a function: π √(T/Γ)."""
    for far in (100.0, 1e6):
        found = thermodynamic_length(
            -far, far, rate=lambda e: 2.0 + 0 * e, temperature=1.0, chemical_potential=0.0
        )
        assert found == pytest.approx(math.pi / math.sqrt(2), rel=1e-12)


@given(
    lift=st.floats(1e-6, 1e3),
    step=st.floats(1e-12, 1),
    memories=st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)),
    price=st.floats(1e-12, 1e3),
)
@cases(50)
def test_roots_keep_their_digits(lift, step, memories, price):
    """The price of a pool is paid at the root of its quadratic equation, in 60 digits."""
    with mpmath.workdps(60):
        a, b = (mpmath.mpf(x) for x in (lift, step))
        r, s = (mpmath.mpf(x) for x in memories)
        linear = a * b + mpmath.mpf(price) * (s - r)
        exact = (mpmath.sqrt(linear**2 + 4 * a * b * r * mpmath.mpf(price)) - linear) / (2 * a)
        expected = float(exact)
    # Of linear itself as many digits are lost as its two terms cancel.
    lost = max(lift * step, price * max(memories)) / max(abs(float(linear)), 1e-300)
    spread = math.sqrt(4 * lift * step * memories[0] * price)
    lost = min(lost, max(lift * step, price * max(memories)) / max(spread, 1e-300))
    assert _root(lift, step, *memories, price) == pytest.approx(expected, rel=1e-14 * (4 + lost))
    crossings = Crossings(
        lifts=np.array([lift, 1.0]),
        memories=np.array(memories),
        steps=np.array([step, 0.0]),
        excess=1.0,
    )
    assert crossings._roots(price)[0] == pytest.approx(expected, rel=1e-14 * (4 + lost))


def test_where_it_ends():
    """Times of nothing and of ever, a single crossing, nothing to gain, occupations of 1e-200."""
    chain = regular()
    sudden = least_dissipation(chain, 1e-100)
    assert np.count_nonzero(sudden.durations) == 1
    _, gradient = work_and_gradient(chain, sudden.cells, sudden.durations)
    assert sudden.price == pytest.approx(-gradient.min(), rel=1e-12)
    endless = least_dissipation(chain, 1e100)
    assert endless.dissipated_work == pytest.approx(
        chain.adiabatic_limit().run().totals.dissipated_work, rel=1e-13
    )
    one = LandauZenerChain(
        energies=[4.0], couplings=0.2, speeds=1.0, start=0.0, stop=9.0, **RESERVOIR
    )
    assert least_dissipation(one, 3.0).durations == pytest.approx([3.0])
    # An empty level that rises can only be filled: it leaps, and the time is left over.
    empty = least_dissipation(chain, 10.0, initial_occupation=0.0)
    assert not np.any(empty.durations)
    assert empty.chain.run(0.0).totals.mechanical_work == 0.0
    uncoupled = LandauZenerChain(
        energies=[1.0, 2.0], couplings=0.0, speeds=1.0, start=0.0, stop=3.0, **RESERVOIR
    )
    assert np.all(np.isinf(least_dissipation(uncoupled, 5.0).speeds))
    far = LandauZenerChain(
        energies=2.0 * np.arange(1, 300), couplings=0.2, speeds=1.0, start=-400.0, stop=600.0,
        **RESERVOIR,
    )  # fmt: skip
    best = least_dissipation(far, 1e3)
    rest = far.at_speeds(np.where(np.isfinite(best.speeds), best.speeds, 1e200)).run()
    assert best.dissipated_work == pytest.approx(rest.totals.dissipated_work, rel=1e-12)
    assert best.gain > 2
    huge = LandauZenerChain(
        energies=1e12 + np.arange(1, 10), couplings=0.2, speeds=1.0, start=1e12, stop=1e12 + 10,
        temperature=1 / 1.2, chemical_potential=1e12 + 3,
    )  # fmt: skip
    shifted, plain = least_dissipation(huge, 10.0), least_dissipation(chain, 10.0)
    np.testing.assert_allclose(shifted.durations, plain.durations, rtol=1e-10)


def test_bad_questions():
    chain = regular()
    with pytest.raises(InputError, match="duration"):
        least_dissipation(chain, 0.0)
    with pytest.raises(InputError, match="initial_occupation"):
        least_dissipation(chain, 1.0, initial_occupation=1.5)
    with pytest.raises(InputError, match="crosses none"):
        least_dissipation(
            LandauZenerChain(
                energies=[20.0], couplings=0.2, speeds=1.0, start=0.0, stop=9.0, **RESERVOIR
            ),
            1.0,
        )
    with pytest.raises(InputError, match="equilibrium"):
        least_dissipation(
            LandauZenerChain(
                energies=[2.0], couplings=0.2, speeds=1.0, start=0.0, stop=9.0, **RESERVOIR,
                reservoir_occupations=0.3,
            ),
            1.0,
        )  # fmt: skip
    with pytest.raises(InputError, match="speeds"):
        chain.at_speeds(0.0)
    arguments = {"start": 0.0, "stop": 1.0, "duration": 1.0, "rate": 1.0, **RESERVOIR}
    for change, match in (
        ({"stop": 0.0}, "stop"),
        ({"rate": -1.0}, "rate"),
        ({"rate": lambda e: np.ones(3)}, "rate"),
        ({"cells": 0}, "cells"),
        ({"start": 1e15, "stop": 1e15 + 1}, "cells"),
        ({"temperature": 0.0}, "temperature"),
    ):
        with pytest.raises(InputError, match=match):
            least_dissipation_protocol(**{**arguments, **change})
    with pytest.raises(InputError, match="rate"):
        thermodynamic_length(0.0, 1.0, rate=0.0, **RESERVOIR)
